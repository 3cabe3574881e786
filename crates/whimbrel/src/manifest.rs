//! The manifest `whimbrel.sum`: its text, and what it says. Reads no directory; the check of a set against it is
//! in `verify.rs`.

mod merge;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

pub use self::merge::{ManifestSides, Undecided};
use crate::digest::Digest;
use crate::layout::{self, Role};
use crate::migration::{Key, Kind, MigrationSet, SetName, Version, migration_digest};

const FIRST_LINE: &str = "whimbrel-sum 1";

/// The committed record of what was reviewed: each file's digest, and the head over all of them.
///
/// Its text has one line a fact, so that two branches that each add a migration conflict in the `head` line and
/// the version control shows it. `docs/formats.md` describes it in full.
///
/// ```
/// # use whimbrel::{Manifest, Memory, Source};
/// # let set = Memory::new().with_sql(1, "create_users", "CREATE TABLE users (id INTEGER);").set()?;
/// let (manifest, _changes) = Manifest::lock(&set, None);
/// let text = manifest.to_string();
/// assert_eq!(text.parse::<Manifest>()?, manifest);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    set: SetName,
    files: Vec<FileLine>,
    formers: Vec<Former>,
    tombstones: Vec<Tombstone>,
    head: Digest,
    repeatables: Digest,
}

/// A file that was reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    /// The path below the manifest's directory, with `/` between folders.
    pub path: String,
    /// The digest of the file's canonical text.
    pub digest: Digest,
    /// Of a repeatable: how often its text has been changed, from 1.
    pub revision: Option<u32>,
}

/// A digest that a migration had before it was changed on purpose; databases that have it accept the new one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Former {
    /// The migration.
    pub version: Version,
    /// The migration's digest before the change.
    pub digest: Digest,
    /// Why it was changed, in one line.
    pub reason: String,
}

/// A migration that was removed on purpose; its effects stay in databases that have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tombstone {
    /// The migration.
    pub version: Version,
    /// The digest that it had.
    pub digest: Digest,
    /// Why it was removed, in one line.
    pub reason: String,
}

/// What [`Manifest::lock`] found different from the manifest before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockChange {
    /// A file without a line until now.
    Added(String),
    /// A file with another text than its line said. Of a versioned migration that is applied somewhere, name the
    /// former digest: [`Manifest::with_former`].
    Changed(String),
    /// A line without a file.
    Removed(String),
}

impl fmt::Display for LockChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(path) => write!(f, "added    {path}"),
            Self::Changed(path) => write!(f, "changed  {path}"),
            Self::Removed(path) => write!(f, "removed  {path}"),
        }
    }
}

impl Manifest {
    /// The manifest of a set as it is now. What only a manifest knows (former digests, tombstones, revisions) is
    /// taken over from the one before; the revision of a changed repeatable is counted up.
    pub fn lock(set: &MigrationSet, previous: Option<&Self>) -> (Self, Vec<LockChange>) {
        let mut changes = Vec::new();
        let mut files = Vec::new();
        let old_lines = previous.map(Self::by_path).unwrap_or_default();
        for migration in set.iter() {
            for file in std::iter::once(migration.up()).chain(migration.down()) {
                let old = old_lines.get(file.path()).copied();
                match old {
                    None => changes.push(LockChange::Added(file.path().to_owned())),
                    Some(old) if old.digest != *file.digest() => {
                        changes.push(LockChange::Changed(file.path().to_owned()));
                    }
                    Some(_) => {}
                }
                let revision = migration.revision().map(|_| match old {
                    None => 1,
                    Some(old) => {
                        old.revision.unwrap_or(1).saturating_add(u32::from(old.digest != *file.digest()))
                    }
                });
                files.push(FileLine { path: file.path().to_owned(), digest: *file.digest(), revision });
            }
        }
        if let Some(previous) = previous {
            let kept: HashSet<&str> = files.iter().map(|file: &FileLine| file.path.as_str()).collect();
            let gone = previous.files.iter().filter(|old| !kept.contains(old.path.as_str()));
            changes.extend(gone.map(|old| LockChange::Removed(old.path.clone())));
        }
        let mut manifest = Self {
            set: set.name().clone(),
            files,
            formers: previous.map(|previous| previous.formers.clone()).unwrap_or_default(),
            tombstones: previous.map(|previous| previous.tombstones.clone()).unwrap_or_default(),
            head: *set.head(),
            repeatables: *set.repeatables_digest(),
        };
        manifest.repeatables = *set.clone().with_manifest(manifest.clone()).repeatables_digest();
        (manifest, changes)
    }

    /// Says that a migration was changed on purpose after it had been applied somewhere: databases in which it
    /// has `digest` take over the new one.
    #[must_use]
    pub fn with_former(mut self, version: Version, digest: Digest, reason: &str) -> Self {
        let former = Former { version, digest, reason: one_line(reason) };
        if !self.formers.contains(&former) {
            self.formers.push(former);
        }
        self
    }

    /// Says that a migration was removed on purpose.
    #[must_use]
    pub fn with_tombstone(mut self, version: Version, digest: Digest, reason: &str) -> Self {
        let tombstone = Tombstone { version, digest, reason: one_line(reason) };
        if !self.tombstones.contains(&tombstone) {
            self.tombstones.push(tombstone);
        }
        self
    }

    /// The set's name.
    pub fn set(&self) -> &SetName {
        &self.set
    }

    /// The files, in the order of their migrations.
    pub fn files(&self) -> &[FileLine] {
        &self.files
    }

    /// The same lines with the revisions that the parts of a joined source gave their repeatables.
    pub(crate) fn with_revisions(mut self, revisions: &[(String, u32)]) -> Self {
        for file in &mut self.files {
            if let Some((_, revision)) = revisions.iter().find(|(path, _)| *path == file.path) {
                file.revision = Some(*revision);
            }
        }
        self
    }

    /// The lines by their paths, for whoever looks up many.
    pub(crate) fn by_path(&self) -> HashMap<&str, &FileLine> {
        self.files.iter().map(|file| (file.path.as_str(), file)).collect()
    }

    /// The line of the file at this path.
    pub fn file(&self, path: &str) -> Option<&FileLine> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The revision of the repeatable at this path.
    pub fn revision(&self, path: &str) -> Option<u32> {
        self.file(path).and_then(|file| file.revision)
    }

    /// The former digests.
    pub fn formers(&self) -> &[Former] {
        &self.formers
    }

    /// The removed migrations.
    pub fn tombstones(&self) -> &[Tombstone] {
        &self.tombstones
    }

    /// The digest of a migration as the lines of its files give it: what databases have that took it from this manifest.
    pub fn migration_digest(&self, version: Version) -> Option<Digest> {
        let (mut up, mut down, mut name, mut kind) = (None, None, None, Kind::Sql);
        for file in &self.files {
            let Ok(parsed) = layout::parse_file_name(file.path.rsplit('/').next().unwrap_or(&file.path))
            else {
                continue;
            };
            if parsed.version != Some(version) {
                continue;
            }
            match parsed.role {
                Role::Up => up = Some(file.digest),
                Role::Down => down = Some(file.digest),
                Role::Rust => (up, kind) = (Some(file.digest), Kind::Rust { revision: 1, reversible: false }),
            }
            name = Some(parsed.name);
        }
        Some(migration_digest(Key::Versioned(version), &name?, kind, &up?, down.as_ref()))
    }

    /// The head over the versioned migrations.
    pub fn head(&self) -> &Digest {
        &self.head
    }

    /// The digest of the repeatable ones.
    pub fn repeatables(&self) -> &Digest {
        &self.repeatables
    }
}

fn one_line(reason: &str) -> String {
    reason.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        writeln!(f, "set {}", self.set)?;
        for file in &self.files {
            write!(f, "file {} {}", file.digest, file.path)?;
            match file.revision {
                Some(revision) => writeln!(f, " revision={revision}")?,
                None => writeln!(f)?,
            }
        }
        for former in &self.formers {
            writeln!(f, "former {} {} {}", former.version, former.digest, former.reason)?;
        }
        for tombstone in &self.tombstones {
            writeln!(f, "tombstone {} {} {}", tombstone.version, tombstone.digest, tombstone.reason)?;
        }
        writeln!(f, "repeatables {}", self.repeatables)?;
        writeln!(f, "head {}", self.head)
    }
}

impl FromStr for Manifest {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        Self::parse(text, Reading::Strict)
    }
}

/// What is taken of two lines about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// It is an error; and each line has to be there.
    Strict,
    /// The first one. What follows from other lines may be missing.
    First,
    /// The last one, and as before.
    Last,
}

impl Reading {
    /// Puts the value of a line where its place may be taken already.
    fn put<T>(self, slot: &mut Option<T>, value: T, line: u32) -> Result<(), ManifestError> {
        match (self, slot.is_some()) {
            (Self::Strict, true) => return Err(ManifestError { line, problem: Problem::Twice }),
            (Self::First, true) => {}
            _ => *slot = Some(value),
        }
        Ok(())
    }
}

impl Manifest {
    fn parse(text: &str, reading: Reading) -> Result<Self, ManifestError> {
        let mut set = None;
        let mut head = None;
        let mut repeatables = None;
        let (mut files, mut formers, mut tombstones) = (Vec::<FileLine>::new(), Vec::new(), Vec::new());
        let mut paths: HashMap<String, usize> = HashMap::new();
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index as u32 + 1, line.trim_end_matches([' ', '\t', '\r'])));
        match lines.next() {
            Some((_, FIRST_LINE)) => {}
            Some((_, line)) if is_marker(line) => {
                return Err(ManifestError { line: 1, problem: Problem::Conflict });
            }
            _ => return Err(ManifestError { line: 1, problem: Problem::FirstLine }),
        }
        for (line, text) in lines {
            let error = |problem| ManifestError { line, problem };
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if is_marker(text) {
                return Err(error(Problem::Conflict));
            }
            match (text, reading) {
                (FIRST_LINE, Reading::Strict) => return Err(error(Problem::Twice)),
                (FIRST_LINE, _) => continue,
                _ => {}
            }
            let (word, rest) = text.split_once(' ').ok_or(error(Problem::Line))?;
            match word {
                "set" => reading.put(&mut set, SetName::new(rest).map_err(|_| error(Problem::Set))?, line)?,
                "head" => reading.put(&mut head, rest.parse().map_err(|_| error(Problem::Digest))?, line)?,
                "repeatables" => {
                    reading.put(&mut repeatables, rest.parse().map_err(|_| error(Problem::Digest))?, line)?;
                }
                "file" => {
                    let file = parse_file(rest).map_err(error)?;
                    match (paths.get(&file.path), reading) {
                        (None, _) => {
                            paths.insert(file.path.clone(), files.len());
                            files.push(file);
                        }
                        (Some(_), Reading::Strict) => return Err(error(Problem::Twice)),
                        (Some(_), Reading::First) => {}
                        (Some(at), Reading::Last) => files[*at] = file,
                    }
                }
                "former" => {
                    let (version, digest, reason) = parse_reasoned(rest).map_err(error)?;
                    formers.push(Former { version, digest, reason });
                }
                "tombstone" => {
                    let (version, digest, reason) = parse_reasoned(rest).map_err(error)?;
                    tombstones.push(Tombstone { version, digest, reason });
                }
                _ => return Err(error(Problem::Line)),
            }
        }
        let missing =
            |what| ManifestError { line: text.lines().count() as u32, problem: Problem::Missing(what) };
        // The head and the repeatables' digest follow from the other lines.
        let follows = (reading != Reading::Strict).then_some(Digest::from_bytes([0; 32]));
        Ok(Self {
            set: set.ok_or(missing("set"))?,
            files,
            formers,
            tombstones,
            head: head.or(follows).ok_or(missing("head"))?,
            repeatables: repeatables.or(follows).ok_or(missing("repeatables"))?,
        })
    }
}

/// Whether a line is a marker of an unresolved conflict.
fn is_marker(line: &str) -> bool {
    ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark))
}

fn parse_file(rest: &str) -> Result<FileLine, Problem> {
    let mut words = rest.split(' ');
    let digest = words.next().and_then(|word| word.parse().ok()).ok_or(Problem::Digest)?;
    let path = words.next().filter(|path| is_path(path)).ok_or(Problem::Path)?;
    let name = layout::parse_file_name(path.rsplit('/').next().unwrap_or(path)).map_err(|_| Problem::Path)?;
    let revision = match words.next() {
        None => None,
        Some(word) => Some(
            word.strip_prefix("revision=")
                .and_then(|number| number.parse().ok())
                .filter(|revision| *revision >= 1)
                .ok_or(Problem::Revision)?,
        ),
    };
    if words.next().is_some() {
        return Err(Problem::Line);
    }
    if name.version.is_none() != revision.is_some() {
        return Err(Problem::Revision);
    }
    Ok(FileLine { path: path.to_owned(), digest, revision })
}

/// A path that stays below the manifest's directory.
fn is_path(path: &str) -> bool {
    !path.contains('\\') && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

fn parse_reasoned(rest: &str) -> Result<(Version, Digest, String), Problem> {
    let mut words = rest.splitn(3, ' ');
    let version = words.next().and_then(|word| word.parse().ok()).ok_or(Problem::Version)?;
    let digest = words.next().and_then(|word| word.parse().ok()).ok_or(Problem::Digest)?;
    let reason = words.next().map(one_line).filter(|reason| !reason.is_empty()).ok_or(Problem::Reason)?;
    Ok((version, digest, reason))
}

/// A text that is no manifest, and the line that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    line: u32,
    problem: Problem,
}

impl ManifestError {
    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Whether two branches have changed the file and the conflict is not resolved: locking the directory merges both sides.
    pub fn is_conflict(&self) -> bool {
        self.problem == Problem::Conflict
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    FirstLine,
    Conflict,
    Line,
    Set,
    Digest,
    Path,
    Revision,
    Version,
    Reason,
    Twice,
    Missing(&'static str),
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a manifest at line {}: ", layout::MANIFEST_FILE, self.line)?;
        match self.problem {
            Problem::FirstLine => write!(f, "expected `{FIRST_LINE}`"),
            Problem::Conflict => f.write_str(
                "two branches have changed it, and the conflict is not resolved: lock the directory, which merges both sides",
            ),
            Problem::Line => f.write_str("expected `set`, `file`, `former`, `tombstone`, `repeatables` or `head`"),
            Problem::Set => f.write_str("the set's name may hold a-z, 0-9, `_`, `-` and `.`"),
            Problem::Digest => f.write_str("expected a digest, `b3v1:` and 64 hexadecimal digits"),
            Problem::Path => f.write_str("expected the path of a migration file below this directory"),
            Problem::Revision => {
                f.write_str("a repeatable's line, and no other, ends with `revision=` and a number from 1")
            }
            Problem::Version => f.write_str("expected a version"),
            Problem::Reason => f.write_str("expected a reason after the digest"),
            Problem::Twice => f.write_str("this stands in the file already"),
            Problem::Missing(what) => write!(f, "there is no `{what}` line"),
        }
    }
}

impl std::error::Error for ManifestError {}
