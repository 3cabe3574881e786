//! Writing manifests: what may be blessed without a word, and what wants one. What a manifest is, is the library's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};

use whimbrel::layout::{self, MANIFEST_FILE};
use whimbrel::{Digest, Directory, LockChange, Manifest, MigrationSet, SetName, Version};

use crate::answer::Failure;
use crate::context::{Context, quoted};
use crate::exit::Code;

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

/// What lies in a folder, sorted; nothing if it cannot be read, which whoever reads the set is told.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Keeps others who write manifests or begin migrations in this directory waiting until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    // The lock goes when the file is closed, also with a process that ends in the middle.
    _directory: Option<File>,
}

impl Hold {
    /// Waits until nobody else has the directory.
    pub(crate) fn on(directory: &Path) -> Self {
        // Some file systems lock no directories, and some systems open none: there it is as if everybody were alone.
        let open = File::open(directory).ok().filter(|open| open.lock().is_ok());
        Self { _directory: open }
    }
}

/// A reason that says something: an example that was copied as it stands is none.
pub(crate) fn reason(text: &str) -> Result<String, Failure> {
    if text.chars().any(char::is_alphanumeric) {
        return Ok(text.trim().to_owned());
    }
    Err(Failure::of(Code::Usage, "--reason gives no reason")
        .with_next("say in some words why: it is kept, and people will read it"))
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

/// A directory with its manifest, and what of it is not as it was locked.
struct Looked<'r> {
    root: &'r Path,
    previous: Option<Manifest>,
    set: MigrationSet,
    touched: BTreeMap<Version, (Digest, Option<Digest>)>,
}

/// Reads directories and their manifests, and makes the manifests of today: all of them, or none.
pub(crate) fn lock(context: &Context, roots: &[PathBuf], words: &Words) -> Result<Vec<Locked>, Failure> {
    let mut looked = Vec::new();
    for root in roots {
        let previous = previous(&root.join(MANIFEST_FILE))?;
        let set = read(context, root)?;
        let touched = touched(&set, previous.as_ref());
        looked.push(Looked { root, previous, set, touched });
    }
    for version in words.accept.iter().chain(&words.remove).chain(&words.amend) {
        if !looked.iter().any(|looked| looked.touched.contains_key(version)) {
            return Err(Failure::of(Code::Usage, format!("version {version} is as it was locked"))
                .with_note("directory", context.settings.directory.value.display().to_string()));
        }
    }
    let mut refused = Refused::default();
    let locked = looked.iter().map(|looked| looked.lock(words, &mut refused)).collect();
    if refused.changed.is_empty() && refused.gone.is_empty() {
        return Ok(locked);
    }
    Err(refused.failure(context, words, &looked))
}

impl Looked<'_> {
    fn lock(&self, words: &Words, refused: &mut Refused) -> Locked {
        let (mut manifest, changes) = Manifest::lock(&self.set, self.previous.as_ref());
        let mut lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        for (version, (was, now)) in &self.touched {
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
                Some(_) if is_untouched(self.previous.as_ref(), *version) => {}
                Some(_) => {
                    refused.changed.insert(*version);
                }
                None => {
                    refused.gone.insert(*version);
                }
            }
        }
        let differs = self.previous.as_ref() != Some(&manifest);
        Locked { path: self.root.join(MANIFEST_FILE), manifest, lines, differs }
    }
}

/// The versions of which nothing was said, and that are not as they were locked.
#[derive(Debug, Default)]
struct Refused {
    changed: BTreeSet<Version>,
    gone: BTreeSet<Version>,
}

impl Refused {
    fn failure(&self, context: &Context, words: &Words, looked: &[Looked<'_>]) -> Failure {
        let what = |versions: &BTreeSet<Version>, how: &str| {
            let names: Vec<String> = versions.iter().map(ToString::to_string).collect();
            match names.as_slice() {
                [] => None,
                [only] => Some(format!("version {only} is {how}")),
                _ => Some(format!("versions {} are {how}", names.join(", "))),
            }
        };
        let headline: Vec<String> = [what(&self.changed, "not what was locked"), what(&self.gone, "gone")]
            .into_iter()
            .flatten()
            .collect();
        // One command for everything, with what was said already.
        let all = || looked.iter().flat_map(|looked| &looked.touched);
        let said = |versions: &[Version], gone: bool| -> BTreeSet<Version> {
            let there = all().filter(|(_, (_, now))| now.is_none() == gone).map(|(version, _)| *version);
            there.filter(|version| versions.contains(version)).collect()
        };
        let (accept, remove) = (said(&words.accept, false), said(&words.remove, true));
        let amend: BTreeSet<Version> = words.amend.iter().copied().collect();
        let reason = if words.reason.is_empty() { "'…'".to_owned() } else { quoted(&words.reason) };
        let command = |accept: &BTreeSet<Version>, remove: &BTreeSet<Version>, amend: &BTreeSet<Version>| {
            let mut command = "lock".to_owned();
            for (word, versions) in [("accept", accept), ("remove", remove), ("amend", amend)] {
                versions.iter().for_each(|version| command.push_str(&format!(" --{word} {version}")));
            }
            if !accept.is_empty() || !remove.is_empty() {
                command.push_str(&format!(" --reason {reason}"));
            }
            context.command(&command)
        };
        let kept = command(&(&accept | &self.changed), &(&remove | &self.gone), &amend);
        let amended = command(&accept, &remove, &(&amend | &(&self.changed | &self.gone)));
        Failure::of(Code::Refused, headline.join("; "))
            .with_note("why", "a database may have what was locked, and would refuse the new one")
            .with_next(format!("if databases have it: {kept}"))
            .with_next(format!("if none has: {amended}"))
            .with_next("or bring the file back as it was: git restore")
    }
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
    source.read("\u{0}").map_err(|error| Failure::from(error).advised(remedies(root)))
}

/// What to do about files whose names are wrong, or whose version another one has.
fn remedies(root: &Path) -> Vec<String> {
    let mut remedies = Vec::new();
    let mut taken: BTreeMap<(Version, bool), String> = BTreeMap::new();
    let mut highest = 0;
    let mut twice = Vec::new();
    for path in files(root).into_iter().filter(|path| !path.is_dir()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if layout::is_ignored(&name) {
            continue;
        }
        match layout::parse_file_name(&name) {
            Err(_) => remedies.push(format!("rename {}, or move it away, or delete it", path.display())),
            Ok(layout::FileName { version: Some(version), name, role }) => {
                highest = highest.max(version.number());
                let down = role == layout::Role::Down;
                // The ways up and down of a migration have one name.
                let other = taken.get(&(version, !down)).is_some_and(|other| *other != name);
                if other || taken.contains_key(&(version, down)) {
                    twice.push(path);
                } else {
                    taken.insert((version, down), name);
                }
            }
            Ok(_) => {}
        }
    }
    for path in twice {
        let free = highest.checked_add(1).map_or_else(String::new, |free| format!(" {free}"));
        remedies.push(format!("give {} another version, like{free}, or delete it", path.display()));
    }
    remedies
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
        // What `new` writes for a step in Rust is a whole step, which databases may have.
        let whole = file_name(&file.path).is_some_and(|name| name.role == layout::Role::Rust);
        !whole && Digest::of_script(&template(name)) == file.digest
    })
}

fn file_name(path: &str) -> Option<layout::FileName> {
    layout::parse_file_name(path.rsplit('/').next().unwrap_or(path)).ok()
}

/// Writes a manifest, so that it is there whole or not at all.
pub(crate) fn write(locked: &Locked) -> Result<(), Failure> {
    // Nobody can foresee the name and put a link there; what lies there all the same is not written to.
    let random = RandomState::new().build_hasher().finish();
    let beside =
        locked.path.with_file_name(format!(".{MANIFEST_FILE}.{}-{random:016x}.tmp", std::process::id()));
    let failed = |error: std::io::Error| {
        Failure::of(Code::Failed, format!("{} cannot be written: {error}", locked.path.display()))
    };
    let mut file = File::options().write(true).create_new(true).open(&beside).map_err(failed)?;
    let written = file.write_all(locked.manifest.to_string().as_bytes()).and_then(|()| file.sync_all());
    drop(file);
    written.and_then(|()| fs::rename(&beside, &locked.path)).map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// Adds the lines of the files that were just made; nothing if anything else is new or has changed, which their lines
/// would bless.
pub(crate) fn add(root: &Path, set: &MigrationSet, made: &[String]) -> Result<Option<Locked>, Failure> {
    let path = root.join(MANIFEST_FILE);
    let previous = previous(&path)?;
    let (manifest, changes) = Manifest::lock(set, previous.as_ref());
    let mut added = BTreeSet::new();
    for change in &changes {
        match change {
            LockChange::Added(file) => added.insert(file),
            _ => return Ok(None),
        };
    }
    let lines = changes.iter().map(ToString::to_string).collect();
    let only_made = added == made.iter().collect();
    Ok(only_made.then_some(Locked { path, manifest, lines, differs: true }))
}

#[cfg(test)]
mod tests {
    use whimbrel::Memory;

    use super::*;

    #[test]
    fn a_manifest_that_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let set = Memory::new().with_sql(1, "a", "SELECT 1;").set().expect("a set");
        let path = folder.path().join(MANIFEST_FILE);
        fs::create_dir(&path).expect("a folder in its place");
        let (manifest, _) = Manifest::lock(&set, None);
        let locked = Locked { path: path.clone(), manifest, lines: Vec::new(), differs: true };
        assert!(write(&locked).is_err());
        assert_eq!(files(folder.path()), [path]);
    }

    #[test]
    fn an_example_is_no_reason() {
        for text in ["", " ", "…", "'…'", "...", "-"] {
            assert!(reason(text).is_err(), "{text}");
        }
        assert_eq!(reason(" ok\n").expect("a reason"), "ok");
        assert_eq!(reason("修正").expect("a reason"), "修正");
    }
}
