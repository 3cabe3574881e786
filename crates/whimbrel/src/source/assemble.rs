//! Puts files together into a set. Knows names and encodings; does not know where the files were.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, FileName, FileNameError, Role};
use crate::manifest::Manifest;
use crate::migration::{Key, Kind, Migration, MigrationSet, ScriptFile, SetName, Version, canonical_text};
use crate::script::Lexing;
use crate::shown::{acts, shown};

/// A file as it was found: its path below the root, with `/` between folders, and its bytes.
#[derive(Clone)]
pub struct SourceFile {
    /// The path.
    pub path: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A set's files may be read before its dialect is known.
pub(super) const LEXINGS: [&Lexing; 4] =
    [&Lexing::POSTGRES, &Lexing::SQLITE, &Lexing::MYSQL, &Lexing::MARIADB];

#[derive(Default)]
struct Parts {
    name: Option<String>,
    up: Option<(ScriptFile, Kind)>,
    down: Option<ScriptFile>,
}

impl MigrationSet {
    /// Puts the files of a source together. Files that are none of ours (the manifest, editors' files) are to be left
    /// out by [`layout::is_ignored`]; `root` is put before their paths in errors.
    ///
    /// The set's name is that of the manifest, or `name` if there is none.
    ///
    /// # Errors
    /// All files with a wrong name, bytes that are not UTF-8, a way down without a way up, a wrong `.rust` file, two
    /// files in one place; a manifest that does not parse, or that is for a set of another name.
    pub fn from_files(
        name: Option<SetName>,
        root: &str,
        mut files: Vec<SourceFile>,
        manifest: Option<&str>,
    ) -> Result<Self> {
        // Which of two files is told to be in the other's place must not hang on the order in a directory.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut wrong: Vec<String> = Vec::new();
        let mut names: Vec<(String, FileNameError)> = Vec::new();
        let place = |path: &str| if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") };
        let text = manifest;
        let mut unreadable = None;
        let manifest = match text.map(str::parse::<Manifest>).transpose() {
            Ok(manifest) => manifest,
            Err(error) => {
                wrong.push(format!("{}:{}: {error}", place(layout::MANIFEST_FILE), error.line()));
                unreadable = Some(error);
                None
            }
        };
        let name = match (name, &manifest) {
            (None, None) => SetName::APP,
            (None, Some(manifest)) => manifest.set().clone(),
            (Some(name), Some(manifest)) if *manifest.set() != name => {
                wrong.push(format!(
                    "{}: it is for the set `{}`, and this one is called `{name}`",
                    place(layout::MANIFEST_FILE),
                    manifest.set()
                ));
                name
            }
            (Some(name), _) => name,
        };
        let mut versioned: BTreeMap<Version, Parts> = BTreeMap::new();
        let mut migrations = Vec::new();
        for file in files {
            let path = file.path;
            let parsed = match layout::parse_file_name(path.rsplit('/').next().unwrap_or(&path)) {
                Ok(parsed) => parsed,
                Err(error) => {
                    names.push((place(&path), error));
                    continue;
                }
            };
            if path.contains(|letter: char| letter.is_whitespace() || acts(letter)) {
                wrong.push(format!(
                    "{}: a folder's name may hold no white space",
                    place(&path).escape_debug()
                ));
                continue;
            }
            let text = match canonical_text(file.bytes) {
                Ok(text) => text,
                Err(error) => {
                    wrong.push(format!("{}:{}:{}: {error}", place(&path), error.line, error.column));
                    continue;
                }
            };
            let FileName { version, name, role } = parsed;
            if role != Role::Rust
                && let Some(found) = layout::both_ways(&path, &text, &LEXINGS)
            {
                wrong.push(format!("{}:{}: {found}", place(&path), found.position));
                continue;
            }
            let script = ScriptFile::new(root.to_owned(), path.clone(), text);
            let Some(version) = version else {
                let key = Key::Repeatable { revision: 1 };
                migrations.push(Migration::new(key, name, Kind::Sql, script, None));
                continue;
            };
            let parts = versioned.entry(version).or_default();
            if let Some(other) = parts.name.as_ref().filter(|other| **other != name) {
                let (down, other_down) = (role == Role::Down, parts.up.is_none());
                let number = file_version(&path);
                let what = layout::one_version(number, (&name, down), (other, other_down));
                wrong.push(format!("{}: {what}", place(&path)));
                continue;
            }
            parts.name = Some(name);
            let taken = match role {
                Role::Up => parts.up.replace((script, Kind::Sql)).is_some(),
                Role::Down => parts.down.replace(script).is_some(),
                Role::Rust => match parse_rust(script.text()) {
                    Ok(kind) => parts.up.replace((script, kind)).is_some(),
                    Err((line, what)) => {
                        wrong.push(format!("{}:{line}: {what}", place(&path)));
                        false
                    }
                },
            };
            if taken {
                wrong.push(format!("{}: version {version} has this file twice: keep one", place(&path)));
            }
        }
        for (version, parts) in versioned {
            match (parts.up, parts.down) {
                (Some((_, Kind::Rust { .. })), Some(down)) => wrong.push(format!(
                    "{}: the way down of a step in Rust is a function: say `reversible = true` in the .rust file",
                    down.location()
                )),
                (Some((up, kind)), down) => {
                    let name = parts.name.unwrap_or_default();
                    migrations.push(Migration::new(Key::Versioned(version), name, kind, up, down));
                }
                (None, Some(down)) => wrong.push(format!(
                    "{}: a way down without a way up: add the .up.sql file of version {version}",
                    down.location()
                )),
                (None, None) => {}
            }
        }
        let (told, more) = wrong_names(names);
        wrong.extend(told);
        let set = Self::new(name, migrations).map_err(|duplicates| {
            wrong.extend(duplicates.iter().map(ToString::to_string));
        });
        match set {
            Ok(set) if wrong.is_empty() => Ok(match (manifest, text) {
                (Some(manifest), Some(text)) => set.with_manifest(manifest).with_manifest_text(text),
                _ => set,
            }),
            _ => Err(match unreadable {
                Some(error) => wrong_files(wrong, more).with_source(error),
                None => wrong_files(wrong, more),
            }),
        }
    }
}

/// The version of a file as it is written.
fn file_version(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split_once('_').map_or(name, |(version, _)| version)
}

/// How many files that are wrong in one way are told one by one.
const FEW: usize = 3;

/// What is wrong with names: where many are wrong in one way, once and with their number. Answers also how many of them are
/// not told by name.
fn wrong_names(names: Vec<(String, FileNameError)>) -> (Vec<String>, usize) {
    let all = names.len();
    let mut kinds: Vec<Vec<(String, FileNameError)>> = Vec::new();
    for (place, error) in names {
        // Those of a kind are all like the first.
        match kinds.iter_mut().find(|kind| kind.first().is_some_and(|(_, other)| other.is_like(&error))) {
            Some(kind) => kind.push((place, error)),
            None => kinds.push(vec![(place, error)]),
        }
    }
    let told: Vec<String> = kinds
        .into_iter()
        .flat_map(|kind| {
            if kind.len() <= FEW {
                return kind
                    .into_iter()
                    .map(|(place, error)| format!("{place}: {error}"))
                    .collect::<Vec<_>>();
            }
            let more = kind.len() - 1;
            kind.first()
                .map(|(place, error)| format!("{place} and {more} more files: {}", error.of_many()))
                .into_iter()
                .collect()
        })
        .collect();
    let more = all - told.len();
    (told, more)
}

/// Lines `PLACE: WHAT`: where many say the same of places, once and with their number. Answers also how many places are not
/// named.
fn grouped(lines: Vec<String>) -> (Vec<String>, usize) {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let all = lines.len();
    for line in lines {
        let what = line.split_once(": ").map_or("", |(_, what)| what).to_owned();
        kinds.entry(what).or_default().push(line);
    }
    let mut told = Vec::new();
    for (what, lines) in kinds {
        match lines.first().and_then(|line| line.split_once(": ")) {
            Some((place, _)) if lines.len() > FEW => {
                told.push(format!("{place} and {} more: {what}", lines.len() - 1));
            }
            _ => told.extend(lines),
        }
    }
    let more = all - told.len();
    (told, more)
}

/// One error for everything that is wrong with the files of a source.
pub(super) fn files_error(wrong: Vec<String>) -> Error {
    wrong_files(wrong, 0)
}

/// The same, where `more` files are not named.
fn wrong_files(wrong: Vec<String>, more: usize) -> Error {
    let (mut wrong, grouped) = grouped(wrong);
    let all = wrong.len() + grouped + more;
    wrong.sort();
    for text in &mut wrong {
        if let std::borrow::Cow::Owned(safe) = shown(text) {
            *text = safe;
        }
    }
    match wrong.as_slice() {
        [only] => Error::new(ErrorKind::Files, only.clone()),
        _ => {
            let error = Error::new(ErrorKind::Files, format!("{all} migration files are wrong"));
            wrong.into_iter().fold(error, |error, text| error.with_note("file", text))
        }
    }
}

/// Reads a `.rust` file: `revision = N`, perhaps `reversible = true`, comments with `#`.
fn parse_rust(text: &str) -> Result<Kind, (usize, &'static str)> {
    let (mut revision, mut reversible) = (None, None);
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .ok_or((index + 1, "expected `revision = 1`"))?;
        let twice = match key {
            "revision" => {
                let number = value.parse().ok().filter(|number| *number >= 1);
                revision.replace(number.ok_or((index + 1, "a revision is a whole number from 1"))?).is_some()
            }
            "reversible" => {
                let value = value.parse().map_err(|_| (index + 1, "reversible is `true` or `false`"))?;
                reversible.replace(value).is_some()
            }
            _ => return Err((index + 1, "unknown key: known are `revision` and `reversible`")),
        };
        if twice {
            return Err((index + 1, "this key stands twice: keep one"));
        }
    }
    Ok(Kind::Rust {
        revision: revision.ok_or((1, "there is no `revision = 1` line"))?,
        reversible: reversible.unwrap_or(false),
    })
}
