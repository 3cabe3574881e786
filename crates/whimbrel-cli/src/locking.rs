//! Writing manifests: what may be blessed without a word, and what wants one. What a manifest is, is the library's.

mod previous;
pub(crate) mod renumber;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};

use whimbrel::layout::{self, MANIFEST_FILE};
use whimbrel::{Digest, Directory, LockChange, Manifest, MigrationSet, Version, canonical_text};

pub(crate) use self::previous::Previous;
use crate::answer::Failure;
use crate::context::{Context, quoted, without_position};
use crate::exit::Code;
use crate::{git, sets};

/// What was said about migrations that are locked already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    pub(crate) accept: Vec<Version>,
    pub(crate) remove: Vec<Version>,
    pub(crate) amend: Vec<Version>,
    pub(crate) reason: String,
    /// Versions that nobody else can have, as far as git and the database know.
    pub(crate) fresh: BTreeSet<Version>,
    /// What the database has of accepted versions, where it is not what the manifest has.
    pub(crate) database: BTreeMap<Version, Digest>,
    /// Migrations that had these versions and names when they were locked, and have got others.
    pub(crate) renumbered: Vec<(Version, String)>,
    /// Whatever is not as it was locked is amended.
    pub(crate) amend_all: bool,
}

/// A manifest as it would be written, and what is new in it.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) lines: Vec<String>,
    pub(crate) differs: bool,
    /// Whether it puts an end to a conflict.
    pub(crate) resolves: bool,
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
    layout::parse_file_name(file).map(|name| name.template()).unwrap_or_default()
}

/// A directory with its manifest, and what of it is not as it was locked.
#[derive(Debug)]
pub(crate) struct Looked<'r> {
    root: &'r Path,
    previous: Option<Previous>,
    set: MigrationSet,
    touched: BTreeMap<Version, Touched>,
}

/// A version that is not as it was locked.
#[derive(Clone, Debug)]
struct Touched {
    /// Its digests then; two branches may have locked two.
    was: Vec<Digest>,
    /// Its digest now.
    now: Option<Digest>,
}

/// Reads directories and their manifests.
pub(crate) fn look<'r>(context: &Context, roots: &'r [PathBuf]) -> Result<Vec<Looked<'r>>, Failure> {
    let look = |root: &'r PathBuf| {
        let previous = Previous::read(context, root)?;
        let set = read_upon(context, root, previous.as_ref())?;
        let touched = touched(&set, previous.as_ref());
        Ok(Looked { root, previous, set, touched })
    };
    roots.iter().map(look).collect()
}

/// Reads directories and their manifests, and makes the manifests of today: all of them, or none.
pub(crate) fn lock(context: &Context, roots: &[PathBuf], words: &Words) -> Result<Vec<Locked>, Failure> {
    let mut looked = look(context, roots)?;
    looked.iter_mut().for_each(|looked| looked.forget(&words.renumbered));
    for version in words.accept.iter().chain(&words.remove).chain(&words.amend) {
        let database = words.accept.contains(version) && words.database.contains_key(version);
        if !database && !looked.iter().any(|looked| looked.touched.contains_key(version)) {
            let known = looked.iter().any(|looked| looked.set.migration(*version).is_some());
            let failure = Failure::of(
                Code::Usage,
                if known {
                    format!("version {version} is as it was locked: there is nothing to say about it")
                } else {
                    format!("there is no version {version}, neither now nor in the manifest")
                },
            );
            return Err(failure
                .with_note("directory", context.settings.directory.value.display().to_string())
                .with_next(format!("to lock what is new: {}", context.command("lock")))
                .with_next(format!("to see what has changed: {}", context.command("verify"))));
        }
    }
    for looked in &looked {
        looked.refuse_buried(context)?;
    }
    let mut refused = Refused::default();
    let locked = looked.iter().map(|looked| looked.lock(words, &mut refused)).collect();
    if refused.changed.is_empty() && refused.gone.is_empty() {
        return Ok(locked);
    }
    Err(refused.failure(context, words, &looked))
}

impl Looked<'_> {
    /// Takes out what was locked of migrations that have got another version.
    fn forget(&mut self, renumbered: &[(Version, String)]) {
        let manifests = self.previous.as_ref().map(Previous::manifests).unwrap_or_default();
        for (version, name) in renumbered {
            let has = |manifest: &&&Manifest| {
                manifest.files().iter().any(|file| {
                    file_name(&file.path).is_some_and(|it| it.version == Some(*version) && it.name == *name)
                })
            };
            let gone: Vec<Digest> =
                manifests.iter().filter(has).filter_map(|it| it.migration_digest(*version)).collect();
            if let Some(touched) = self.touched.get_mut(version) {
                touched.was.retain(|digest| !gone.contains(digest));
            }
        }
        self.touched.retain(|_, touched| !touched.was.is_empty());
    }

    /// Whether two branches have changed its manifest.
    pub(crate) fn is_in_conflict(&self) -> bool {
        self.previous.as_ref().is_some_and(|previous| previous.sides.is_some())
    }

    pub(crate) fn root(&self) -> &Path {
        self.root
    }

    /// The versions that would be refused if nothing is said: their files have changed since they were locked.
    pub(crate) fn changed(&self) -> BTreeSet<Version> {
        let changed =
            self.touched.iter().filter(|(version, it)| it.now.is_some() && !self.is_template(**version));
        changed.map(|(version, _)| *version).collect()
    }

    /// All versions that are not as they were locked.
    pub(crate) fn touched(&self) -> BTreeSet<Version> {
        self.touched.keys().copied().collect()
    }

    /// All files that a version had when it was locked, and has now.
    pub(crate) fn paths(&self, version: Version) -> BTreeSet<String> {
        let mut paths = self.previous.as_ref().map(|it| it.paths(version)).unwrap_or_default();
        let now = self.set.migration(version);
        let now = now.into_iter().flat_map(|it| std::iter::once(it.up()).chain(it.down()));
        paths.extend(now.map(|file| file.path().to_owned()));
        paths
    }

    /// The digest of a version among the files.
    pub(crate) fn now(&self, version: Version) -> Option<Digest> {
        self.set.migration(version).map(|migration| *migration.digest())
    }

    /// Whether what was locked of a version is what `new` writes, and nothing else.
    fn is_template(&self, version: Version) -> bool {
        let manifests = self.previous.as_ref().map(Previous::manifests).unwrap_or_default();
        manifests.into_iter().all(|manifest| is_untouched(manifest, version))
    }

    /// Refuses a file of a version that was removed on purpose: it would stand in the manifest twice.
    fn refuse_buried(&self, context: &Context) -> Result<(), Failure> {
        let stones = self.previous.as_ref().map(|it| it.manifest.tombstones()).unwrap_or_default();
        let Some((stone, migration)) =
            stones.iter().find_map(|stone| Some((stone, self.set.migration(stone.version)?)))
        else {
            return Ok(());
        };
        let files = std::iter::once(migration.up()).chain(migration.down());
        let files: Vec<String> = files.map(|file| quoted(&file.location())).collect();
        let headline = format!("version {} was removed on purpose, and its file is here", stone.version);
        Err(Failure::of(Code::Refused, headline)
            .with_note("reason", stone.reason.clone())
            .with_next(format!("if it stays removed: rm {}", files.join(" ")))
            .with_next(format!(
                "if it is another one: {}",
                context.command(&format!("lock --renumber {}", files[0]))
            )))
    }

    fn lock(&self, words: &Words, refused: &mut Refused) -> Locked {
        let previous = self.previous.as_ref().map(|previous| &previous.manifest);
        let (mut manifest, changes) = Manifest::lock(&self.set, previous);
        let mut lines: Vec<String> = Vec::new();
        if self.is_in_conflict() {
            lines.push("merged   both sides of the conflict".to_owned());
        }
        lines.extend(changes.iter().map(ToString::to_string));
        for (version, touched) in &self.touched {
            if words.amend.contains(version) || words.amend_all {
                lines.push(format!("amended  {version}"));
                continue;
            }
            match touched.now {
                Some(_) if words.accept.contains(version) => {
                    manifest = touched
                        .was
                        .iter()
                        .fold(manifest, |manifest, was| manifest.with_former(*version, *was, &words.reason));
                    lines.push(format!("accepted {version}: {}", words.reason));
                }
                None if words.remove.contains(version) => {
                    manifest = touched.was.iter().fold(manifest, |manifest, was| {
                        manifest.with_tombstone(*version, *was, &words.reason)
                    });
                    lines.push(format!("removed  {version}: {}", words.reason));
                }
                Some(_) if self.is_template(*version) => {}
                Some(_) if words.fresh.contains(version) => {
                    lines.push(format!("amended  {version}: neither a commit nor this database has it"));
                }
                Some(_) => {
                    refused.changed.insert(*version);
                }
                None => {
                    refused.gone.insert(*version);
                }
            }
        }
        for (version, was) in &words.database {
            if self.now(*version).is_some_and(|now| now != *was) && !self.touched.contains_key(version) {
                manifest = manifest.with_former(*version, *was, &words.reason);
                lines.push(format!("accepted {version}: {}", words.reason));
            }
        }
        let resolves = self.is_in_conflict();
        let differs = resolves || previous != Some(&manifest);
        Locked { path: self.root.join(MANIFEST_FILE), manifest, lines, differs, resolves }
    }

    /// The commands that bring files back as they were locked, where git has them so.
    fn restores(&self, versions: &BTreeSet<Version>) -> Vec<String> {
        let Some(previous) = self.previous.as_ref().filter(|previous| previous.sides.is_none()) else {
            return Vec::new();
        };
        let files = previous.manifest.files().iter();
        let own = files.filter(|file| version_of(&file.path).is_some_and(|it| versions.contains(&it)));
        let differs = own.filter(|file| {
            let bytes = fs::read(self.root.join(&file.path)).ok();
            !bytes.is_some_and(|bytes| has_digest(bytes, &file.digest))
        });
        differs
            .map_while(|file| git::restore(self.root, &file.path, |bytes| has_digest(bytes, &file.digest)))
            .collect()
    }
}

/// The directory that a file lies in, and its path below it.
fn place(context: &Context, location: &str) -> Option<(PathBuf, String)> {
    let location = without_position(location);
    // That of a dialect lies below the other, and comes first.
    let roots = sets::roots(context).ok()?;
    roots.into_iter().rev().find_map(|root| {
        let below = Path::new(location).strip_prefix(&root).ok()?.to_string_lossy().replace('\\', "/");
        Some((root, below))
    })
}

/// The command that brings a file back as it was locked, where git has it so.
pub(crate) fn restore(context: &Context, location: &str) -> Option<String> {
    let (root, path) = place(context, location)?;
    let previous = Previous::read(context, &root).ok()??;
    let digest = previous.manifest.file(&path)?.digest;
    git::restore(&root, &path, |bytes| has_digest(bytes, &digest))
}

/// The command that brings a migration and the manifest back as the last commit has them, where they were changed since.
pub(crate) fn go_back(context: &Context, location: &str) -> Option<String> {
    let (root, path) = place(context, location)?;
    let version = version_of(&path)?;
    let now = Previous::read(context, &root).ok()??.manifest;
    let committed = git::committed_manifest(&root)?.parse::<Manifest>().ok()?;
    let of = |manifest: &Manifest| -> BTreeSet<String> {
        let own = manifest.files().iter().filter(|file| version_of(&file.path) == Some(version));
        own.map(|file| file.path.clone()).collect()
    };
    // Files of other names would stay.
    let changed = committed.migration_digest(version) != now.migration_digest(version);
    if !changed || of(&committed) != of(&now) || of(&now).is_empty() {
        return None;
    }
    let files = of(&now).into_iter().chain([MANIFEST_FILE.to_owned()]);
    let files: Vec<String> = files.map(|file| quoted(&root.join(file).display().to_string())).collect();
    Some(format!("git restore --source=HEAD --staged --worktree {}", files.join(" ")))
}

/// Whether a file with these bytes has this digest.
pub(crate) fn has_digest(bytes: Vec<u8>, digest: &Digest) -> bool {
    canonical_text(bytes).is_ok_and(|text| Digest::of_script(&text) == *digest)
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
            let there = all().filter(|(_, it)| it.now.is_none() == gone).map(|(version, _)| *version);
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
        let failure = Failure::of(Code::Refused, headline.join("; "))
            .with_note("why", "a database may have what was locked, and would refuse the new one")
            .with_next(format!("if databases have it: {kept}"))
            .with_next(format!("if none has: {amended}"));
        let failure = if looked.iter().any(Looked::is_in_conflict) {
            failure.with_note("conflict", "both branches have locked them, and not the same")
        } else {
            failure
        };
        let failure = if crate::relock::is_allowed(context) {
            failure.with_next(format!("if only this one has: {}", context.command("reset --relock")))
        } else {
            failure
        };
        let all = &self.changed | &self.gone;
        let restores: Vec<String> = looked.iter().flat_map(|looked| looked.restores(&all)).collect();
        match restores.is_empty() {
            true => failure,
            false => failure.with_next(format!("or bring back what was locked: {}", restores.join(" && "))),
        }
    }
}

/// The set, whatever its manifest says.
pub(crate) fn read(context: &Context, root: &Path) -> Result<MigrationSet, Failure> {
    read_upon(context, root, Previous::read(context, root)?.as_ref())
}

/// The set, with the name that is configured or that its manifest has.
fn read_upon(context: &Context, root: &Path, previous: Option<&Previous>) -> Result<MigrationSet, Failure> {
    let mut source = Directory::new(root)
        .unlocked()
        .with_limits(context.settings.limits())
        .with_writers(context.settings.writers.value);
    if context.settings.recursive.value {
        source = source.recursive();
    }
    let said = context.settings.set.value.clone();
    if let Some(sides) = previous.and_then(|previous| previous.sides.as_ref()) {
        source = source.without_manifest();
        let (ours, theirs) = (sides.ours().set(), sides.theirs().set());
        if said.is_none() && ours != theirs {
            return Err(Failure::of(
                Code::Refused,
                format!("the branches name two sets, {ours} and {theirs}"),
            )
            .with_next(format!(
                "say which: write `set = \"{ours}\"` into whimbrel.toml, then {}",
                context.command("lock")
            )));
        }
    }
    if let Some(name) = said.or_else(|| previous.map(|previous| previous.manifest.set().clone())) {
        source = source.with_set(name);
    }
    // The directory's own name is that of no dialect, so its folders are not taken for dialects'.
    source.read("\u{0}").map_err(|error| {
        let mut next = remedies(context, root);
        if !root.exists() {
            next.push(format!("to begin here: {}", context.command("new create_users")));
            next.push("or name the directory of the migrations: --directory=DIR".to_owned());
        }
        Failure::from(error).advised(next)
    })
}

/// How many files are told one by one what to do about them.
const FEW: usize = 3;

/// What to do about files whose names are wrong, or whose version another one has; the error says what is wrong with the others.
pub(crate) fn remedies(context: &Context, root: &Path) -> Vec<String> {
    let names = files(root).into_iter().filter(|path| !path.is_dir()).filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let error = layout::parse_file_name(&name).err().filter(|_| !layout::is_ignored(&name))?;
        Some((path, error))
    });
    let mut wrong: Vec<_> = names.collect();
    let more = wrong.len() > FEW;
    wrong.truncate(if more { 1 } else { FEW });
    let mut remedies: Vec<String> = wrong
        .iter()
        .map(|(path, error)| {
            let from = quoted(&path.display().to_string());
            match error.suggestion().map(|name| path.with_file_name(name)) {
                Some(to) if !to.exists() => format!("mv {from} {}", quoted(&to.display().to_string())),
                _ => format!("rename {from}, or move it away, or delete it"),
            }
        })
        .collect();
    if more {
        remedies.push(
            "and the others alike, or move them away: only migrations belong into the directory".to_owned(),
        );
    }
    remedies.extend(renumber::collisions(context, root));
    remedies
}

/// The versions that the manifest has and that are not as it has them.
fn touched(set: &MigrationSet, previous: Option<&Previous>) -> BTreeMap<Version, Touched> {
    let Some(previous) = previous else { return BTreeMap::new() };
    let now: BTreeMap<Version, Digest> = set
        .versioned()
        .iter()
        .filter_map(|migration| Some((migration.version()?, *migration.digest())))
        .collect();
    let left = previous.left(&now).into_iter();
    left.map(|(version, was)| (version, Touched { was, now: now.get(&version).copied() })).collect()
}

/// Whether what was locked of a version is what `new` writes, and nothing else.
fn is_untouched(previous: &Manifest, version: Version) -> bool {
    previous.files().iter().filter(|file| version_of(&file.path) == Some(version)).all(|file| {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        // What `new` writes for a step in Rust is a whole step, which databases may have.
        let whole = file_name(&file.path).is_some_and(|name| name.role == layout::Role::Rust);
        !whole && Digest::of_script(&template(name)) == file.digest
    })
}

fn file_name(path: &str) -> Option<layout::FileName> {
    layout::parse_file_name(path.rsplit('/').next().unwrap_or(path)).ok()
}

/// The version of a file, by its name.
pub(crate) fn version_of(path: &str) -> Option<Version> {
    file_name(path)?.version
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
pub(crate) fn add(
    context: &Context,
    root: &Path,
    set: &MigrationSet,
    made: &[String],
) -> Result<Option<Locked>, Failure> {
    let path = root.join(MANIFEST_FILE);
    let previous = Previous::read(context, root)?;
    if previous.as_ref().is_some_and(|previous| previous.sides.is_some()) {
        // To merge is not what was asked for.
        return Err(Failure::of(Code::Refused, format!("two branches have changed {}", path.display()))
            .with_next(context.command("lock")));
    }
    let (manifest, changes) = Manifest::lock(set, previous.as_ref().map(|previous| &previous.manifest));
    let mut added = BTreeSet::new();
    for change in &changes {
        match change {
            LockChange::Added(file) => added.insert(file),
            _ => return Ok(None),
        };
    }
    let lines = changes.iter().map(ToString::to_string).collect();
    let only_made = added == made.iter().collect();
    Ok(only_made.then_some(Locked { path, manifest, lines, differs: true, resolves: false }))
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
        let locked =
            Locked { path: path.clone(), manifest, lines: Vec::new(), differs: true, resolves: false };
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
