//! From the arguments to the checked sets. Every check is the core's; this says in which order, and of what.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Display;
use std::iter;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proc_macro2::TokenStream;
use whimbrel::script::{Lexing, Position, Script};
use whimbrel::{
    Directives, Error, ErrorKind, Kind, ManifestVerifier, MigrationSet, Verifier, canonical_text, layout,
};

use crate::arguments::Arguments;
use crate::directory::{self, Folders, Listing};
use crate::emit;
use crate::problem::Problems;

/// A set that has been checked, and what its files hold.
pub(crate) struct Checked {
    /// The dialect after which the folder is named, if there is a folder per dialect.
    pub(crate) dialect: Option<&'static str>,
    pub(crate) set: MigrationSet,
    /// The bytes of the files as they are, by their paths.
    pub(crate) bytes: BTreeMap<String, Vec<u8>>,
    /// Whether there is a manifest.
    pub(crate) locked: bool,
    /// Whether there is a signature beside it.
    pub(crate) signed: bool,
}

/// The macro: the expression for what was read, or everything that is wrong with it.
pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let arguments: Arguments = syn::parse2(input)?;
    let span = arguments.path.span();
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .ok_or_else(|| syn::Error::new(span, "CARGO_MANIFEST_DIR is not set: compile with cargo"))?;
    let place = arguments.place();
    let path = Path::new(&package).join(&place);
    let mut problems = Problems::default();
    let dialects = directory::dialects(&path, &place, &mut problems);
    let checked = match dialects {
        Some(dialects) => dialects
            .into_iter()
            .map(|(name, lexing)| {
                let (path, place) = (path.join(name), format!("{place}/{name}"));
                check(Some((name, lexing)), &path, &place, &arguments)
            })
            .collect(),
        None if problems.is_empty() => vec![check(None, &path, &place, &arguments)],
        None => Vec::new(),
    };
    let mut sets = Vec::new();
    for result in checked {
        match result {
            Ok(checked) => sets.push(checked),
            Err(more) => problems.append(more),
        }
    }
    if let [first, others @ ..] = sets.as_slice() {
        for other in others.iter().filter(|other| other.set.name() != first.set.name()) {
            let folder = |checked: &Checked| checked.dialect.unwrap_or_default();
            let what = format!(
                "its set is called `{}`, and that of {} `{}`: the dialects of one set share its name",
                other.set.name(),
                folder(first),
                first.set.name()
            );
            problems.add(format_args!("{place}/{}", folder(other)), what);
        }
    }
    if problems.is_empty() {
        Ok(emit::embedded(&place, &sets))
    } else {
        Err(problems.into_error(&place, span))
    }
}

/// Reads and checks one set.
fn check(
    dialect: Option<(&'static str, Lexing)>,
    path: &Path,
    place: &str,
    arguments: &Arguments,
) -> Result<Checked, Problems> {
    let mut problems = Problems::default();
    let folders = if arguments.recursive { Folders::Read } else { Folders::Refuse };
    let Listing { files, manifest, signed } = directory::list(path, place, folders, &mut problems);
    let manifest = manifest.and_then(|bytes| match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            if let Err(error) = canonical_text(error.into_bytes()) {
                let file = layout::MANIFEST_FILE;
                problems.add(format_args!("{place}/{file}:{}:{}", error.line, error.column), error);
            }
            None
        }
    });
    let bytes = files.iter().map(|file| (file.path.clone(), file.bytes.clone())).collect();
    let set = match MigrationSet::from_files(arguments.set.clone(), place, files, manifest.as_deref()) {
        Ok(set) => set,
        Err(error) => {
            problems.add_error(&error);
            return Err(problems);
        }
    };
    if !problems.is_empty() {
        // What could not be read would be missed below.
        return Err(problems);
    }
    let set = if arguments.unlocked { set.unlocked() } else { set };
    match ready(ManifestVerifier.check_set(&set)) {
        Ok(findings) => findings.iter().for_each(|finding| problems.add_finding(place, finding)),
        Err(error) => problems.add_error(&error),
    }
    if let Some((_, lexing)) = &dialect {
        check_scripts(&set, lexing, &mut problems);
    }
    if problems.is_empty() {
        let (dialect, locked) = (dialect.map(|(name, _)| name), manifest.is_some());
        Ok(Checked { dialect, set, bytes, locked, signed })
    } else {
        Err(problems)
    }
}

/// What no script may hold. Without a dialect it cannot be known where a statement ends, and planning finds it.
fn check_scripts(set: &MigrationSet, lexing: &Lexing, problems: &mut Problems) {
    for migration in set.iter().filter(|migration| migration.kind() == Kind::Sql) {
        for file in iter::once(migration.up()).chain(migration.down()) {
            let mut add = |position: Position, what: &dyn Display| {
                problems.add(format_args!("{}:{position}", file.location()), what);
            };
            match Script::parse(file.text(), lexing) {
                Ok(script) => {
                    if let Err(errors) = Directives::read(&script) {
                        errors.iter().for_each(|error| add(error.position, error));
                    }
                }
                Err(found) => found.iter().for_each(|problem| add(problem.position, problem)),
            }
        }
    }
}

/// The value of a future that waits for nothing, as that of the manifest's verifier.
fn ready<T>(future: impl Future<Output = whimbrel::Result<T>>) -> whimbrel::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => Err(Error::new(ErrorKind::Bug, "the manifest's verifier waits for something")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use whimbrel::{Directory, Manifest};

    use super::*;

    const FILES: [(&str, &str); 4] = [
        ("0001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n"),
        ("0002_fill.up.sql", "INSERT INTO users (id) VALUES (1);\n"),
        ("0002_fill.down.sql", "DELETE FROM users;\n"),
        ("R__names.sql", "UPDATE users SET name = 'x';\n"),
    ];

    /// Whether the macro would make a set of this folder.
    fn compiles(folder: &Path, dialect: Option<(&'static str, Lexing)>) -> bool {
        let arguments: Arguments = syn::parse_str("\"migrations\"").expect("arguments");
        check(dialect, folder, "migrations", &arguments).is_ok()
    }

    #[test]
    fn a_file_of_another_tool_that_holds_both_ways_is_not_compiled() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "-- migrate:up\nCREATE TABLE t (id INTEGER);\n-- migrate:down\nDROP TABLE t;\n";
        fs::write(folder.path().join("0001_users.sql"), text).expect("written");
        let arguments: Arguments = syn::parse_str("\"migrations\", unlocked").expect("arguments");
        for dialect in [None, Some(("sqlite", Lexing::SQLITE))] {
            let Err(problems) = check(dialect, folder.path(), "migrations", &arguments) else {
                panic!("it is compiled");
            };
            let error = problems.into_error("migrations", proc_macro2::Span::call_site()).to_string();
            assert!(
                error.contains("migrations/0001_users.sql:3:1: `-- migrate:down` is a line of dbmate"),
                "{error}"
            );
        }
    }

    #[test]
    fn folders_of_years_and_months_are_told_to_be_read_recursively() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("2024/01")).expect("created");
        fs::write(folder.path().join("2024/01/0001_users.sql"), FILES[0].1).expect("written");
        let arguments: Arguments = syn::parse_str("\"migrations\", unlocked").expect("arguments");
        let Err(problems) = check(None, folder.path(), "migrations", &arguments) else {
            panic!("it is compiled");
        };
        let error = problems.into_error("migrations", proc_macro2::Span::call_site()).to_string();
        assert!(
            error.contains("migrations/2024: a folder, and folders are not read unless asked"),
            "{error}"
        );
    }

    #[test]
    fn no_byte_of_a_directory_can_be_flipped_before_it_is_compiled() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in FILES {
            fs::write(folder.path().join(name), text).expect("written");
        }
        let set = Directory::new(folder.path()).unlocked().read("none").expect("it can be read");
        let manifest = folder.path().join(layout::MANIFEST_FILE);
        fs::write(&manifest, Manifest::lock(&set, None).0.to_string()).expect("written");
        let names = FILES.map(|(name, _)| name).into_iter().chain([layout::MANIFEST_FILE]);
        let sqlite = Some(("sqlite", Lexing::SQLITE));
        let mut flipped = 0;
        for name in names {
            let path = folder.path().join(name);
            let good = fs::read(&path).expect("it is there");
            for at in 0..good.len() {
                for changed in (0..8).map(|bit| good[at] ^ (1 << bit)).chain([!good[at]]) {
                    let mut bytes = good.clone();
                    bytes[at] = changed;
                    fs::write(&path, bytes).expect("written");
                    let what = || format!("{name}: byte {at} was {:#04x} and is {changed:#04x}", good[at]);
                    assert!(!compiles(folder.path(), None), "{}", what());
                    flipped += 1;
                }
            }
            fs::write(&path, good).expect("written");
            assert!(compiles(folder.path(), None) && compiles(folder.path(), sqlite), "{name} is as it was");
        }
        assert!(flipped > 5000, "{flipped}");
    }
}
