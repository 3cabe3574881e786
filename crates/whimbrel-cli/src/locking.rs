//! Writing manifests: what may be blessed without a word, and what wants one. What a manifest is, is the library's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use whimbrel::layout::{self, MANIFEST_FILE};
use whimbrel::{Digest, Directory, LockChange, Manifest, MigrationSet, SetName, Version};

use crate::answer::Failure;
use crate::context::Context;
use crate::exit::Code;

/// The folders that a migrations directory may have for dialects.
pub(crate) const DIALECTS: [&str; 4] = ["postgres", "mysql", "mariadb", "sqlite"];

/// What was said about migrations that are locked already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    pub(crate) accept: Vec<Version>,
    pub(crate) remove: Vec<Version>,
    pub(crate) amend: Vec<Version>,
    pub(crate) reason: String,
}

/// A manifest as it would be written, and what is new in it.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) lines: Vec<String>,
    pub(crate) differs: bool,
}

/// The directories that hold a manifest of their own: one for each dialect, or the directory itself.
pub(crate) fn roots(directory: &Path) -> Vec<PathBuf> {
    let folders: Vec<PathBuf> =
        DIALECTS.iter().map(|name| directory.join(name)).filter(|folder| folder.is_dir()).collect();
    if folders.is_empty() { vec![directory.to_owned()] } else { folders }
}

/// What the files of a new migration begin with. A line of the manifest with its digest was reviewed by nobody.
pub(crate) fn template(file: &str) -> String {
    let name = layout::parse_file_name(file);
    match name {
        Ok(name) if name.role == layout::Role::Rust => "revision = 1\n".to_owned(),
        Ok(name) => {
            let way = if name.role == layout::Role::Down { ", the way back" } else { "" };
            let label =
                name.version.map_or_else(|| format!("R__{}", name.name), |it| format!("{it}_{}", name.name));
            format!("-- {label}{way}\n\n")
        }
        Err(_) => String::new(),
    }
}

/// Reads a directory and its manifest, and makes the manifest of today.
pub(crate) fn lock(context: &Context, root: &Path, words: &Words) -> Result<Locked, Failure> {
    let path = root.join(MANIFEST_FILE);
    let previous = previous(&path)?;
    let set = read(context, root)?;
    let (mut manifest, changes) = Manifest::lock(&set, previous.as_ref());
    let mut lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let touched = touched(&set, previous.as_ref());
    let mut refused = Vec::new();
    for (version, (was, now)) in &touched {
        if words.amend.contains(version) {
            lines.push(format!("amended  {version}"));
            continue;
        }
        match now {
            Some(_) if words.accept.contains(version) => {
                manifest = manifest.with_former(*version, *was, &words.reason);
                lines.push(format!("accepted {version}: {}", words.reason));
            }
            None if words.remove.contains(version) => {
                manifest = manifest.with_tombstone(*version, *was, &words.reason);
                lines.push(format!("removed  {version}: {}", words.reason));
            }
            Some(_) if is_untouched(previous.as_ref(), *version) => {}
            _ => refused.push((*version, now.is_none())),
        }
    }
    for version in words.accept.iter().chain(&words.remove).chain(&words.amend) {
        if !touched.contains_key(version) {
            return Err(Failure::of(Code::Usage, format!("version {version} is as it was locked"))
                .with_note("directory", root.display().to_string()));
        }
    }
    if let Some((version, gone)) = refused.first() {
        return Err(refusal(context, &refused, *version, *gone));
    }
    let differs = previous.as_ref() != Some(&manifest);
    Ok(Locked { path, manifest, lines, differs })
}

fn refusal(context: &Context, refused: &[(Version, bool)], version: Version, gone: bool) -> Failure {
    let names: Vec<String> = refused.iter().map(|(version, _)| version.to_string()).collect();
    let what = if refused.len() == 1 { "version" } else { "versions" };
    let (how, word) = if gone { ("gone", "remove") } else { ("not what was locked", "accept") };
    Failure::of(
        Code::Refused,
        format!("{what} {} {} {how}", names.join(", "), if refused.len() == 1 { "is" } else { "are" }),
    )
    .with_note("why", "a database may have what was locked, and would refuse the new one")
    .with_next(format!(
        "if databases have it: {}",
        context.command(&format!("lock --{word} {version} --reason '…'"))
    ))
    .with_next(format!("if none has: {}", context.command(&format!("lock --amend {version}"))))
    .with_next("or bring the file back as it was: git restore")
}

/// The set, whatever its manifest says.
pub(crate) fn read(context: &Context, root: &Path) -> Result<MigrationSet, Failure> {
    let mut source = Directory::new(root).unlocked();
    if context.settings.recursive.value {
        source = source.recursive();
    }
    if let Some(name) = set_name(context, root)? {
        source = source.with_set(name);
    }
    // The directory's own name is that of no dialect, so its folders are not taken for dialects'.
    Ok(source.read("\u{0}")?)
}

/// The name that the manifest has, or else the configuration.
fn set_name(context: &Context, root: &Path) -> Result<Option<SetName>, Failure> {
    let said = context.settings.set.value.clone();
    if said.is_some() {
        return Ok(said);
    }
    Ok(previous(&root.join(MANIFEST_FILE))?.map(|manifest| manifest.set().clone()))
}

/// The manifest that is there.
pub(crate) fn previous(path: &Path) -> Result<Option<Manifest>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::of(Code::Failed, format!("{} cannot be read: {error}", path.display())));
        }
    };
    text.parse().map(Some).map_err(|error: whimbrel::ManifestError| {
        Failure::of(Code::Refused, format!("{}: {error}", path.display()))
            .with_next("resolve it, or bring the file back as it was: git restore")
    })
}

/// The versions that the manifest has and that are not as it has them: their digests then, and now.
fn touched(set: &MigrationSet, previous: Option<&Manifest>) -> BTreeMap<Version, (Digest, Option<Digest>)> {
    let Some(previous) = previous else { return BTreeMap::new() };
    let versions: BTreeSet<Version> =
        previous.files().iter().filter_map(|file| file_name(&file.path)?.version).collect();
    versions
        .into_iter()
        .filter_map(|version| {
            let was = previous.migration_digest(version)?;
            let now = set.migration(version).map(|migration| *migration.digest());
            (now != Some(was)).then_some((version, (was, now)))
        })
        .collect()
}

/// Whether what was locked of a version is what `new` writes, and nothing else.
fn is_untouched(previous: Option<&Manifest>, version: Version) -> bool {
    let files = previous.map(Manifest::files).unwrap_or_default();
    let own =
        files.iter().filter(|file| file_name(&file.path).is_some_and(|name| name.version == Some(version)));
    own.into_iter().all(|file| {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        Digest::of_script(&template(name)) == file.digest
    })
}

fn file_name(path: &str) -> Option<layout::FileName> {
    layout::parse_file_name(path.rsplit('/').next().unwrap_or(path)).ok()
}

/// Writes a manifest, so that it is there whole or not at all.
pub(crate) fn write(locked: &Locked) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::of(Code::Failed, format!("{} cannot be written: {error}", locked.path.display()))
    };
    let beside = locked.path.with_extension("sum.tmp");
    fs::write(&beside, locked.manifest.to_string()).map_err(failed)?;
    fs::rename(&beside, &locked.path).map_err(failed)
}

/// Adds the lines of files that are new to the manifest, and changes no other line.
pub(crate) fn add(root: &Path, set: &MigrationSet) -> Result<Option<Locked>, Failure> {
    let path = root.join(MANIFEST_FILE);
    let previous = previous(&path)?;
    let (manifest, changes) = Manifest::lock(set, previous.as_ref());
    let only_added = changes.iter().all(|change| matches!(change, LockChange::Added(_)));
    let lines = changes.iter().map(ToString::to_string).collect();
    Ok(only_added.then_some(Locked { path, manifest, lines, differs: true }))
}
