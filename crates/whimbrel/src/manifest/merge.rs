//! Merges the manifests of two branches: what lines alone can tell. Reads no file; `lock` decides the rest by the files.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hash;

use super::{FileLine, Former, Manifest, ManifestError, Problem, Reading, Tombstone};
use crate::digest::{Digest, migration_chain, repeatables_digest};
use crate::layout::{self, FileName, Role};
use crate::migration::{Key, Kind, Version, migration_digest};

/// A manifest that two branches have changed: both sides, and the one that they come from if it is known.
///
/// ```
/// use whimbrel::{Manifest, ManifestSides, Memory};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let base = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER);");
/// let ours = Manifest::lock(&base.clone().with_sql(2, "a", "SELECT 1;").set()?, None).0;
/// let theirs = Manifest::lock(&base.clone().with_sql(3, "b", "SELECT 2;").set()?, None).0;
/// let base = Manifest::lock(&base.set()?, None).0;
///
/// let merged = ManifestSides::new(Some(base), ours, theirs).merged()?;
/// let paths: Vec<&str> = merged.files().iter().map(|file| file.path.as_str()).collect();
/// assert_eq!(paths, ["0001_users.sql", "0002_a.sql", "0003_b.sql"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestSides {
    base: Option<Manifest>,
    ours: Manifest,
    theirs: Manifest,
}

/// What lines alone cannot decide; the files can: lock the directory once they are there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("both branches have changed {}", .subjects.join(", "))]
pub struct Undecided {
    subjects: Vec<String>,
}

impl Undecided {
    /// Versions, paths of files, or `set`, each as a person reads it.
    pub fn subjects(&self) -> &[String] {
        &self.subjects
    }
}

/// What becomes of a line.
enum Decision {
    Line(Option<FileLine>),
    Undecided(Option<FileLine>),
}

impl ManifestSides {
    /// Two sides, and what they come from.
    pub fn new(base: Option<Manifest>, ours: Manifest, theirs: Manifest) -> Self {
        Self { base, ours, theirs }
    }

    /// Reads a text with an unresolved conflict: with conflict markers of any size, in the styles `merge`, `diff3` and
    /// `zdiff3`, or with the lines of both sides kept and the markers removed. A text without a conflict has no sides.
    ///
    /// # Errors
    /// A side of it is no manifest.
    pub fn parse(text: &str) -> Result<Option<Self>, ManifestError> {
        let error = match text.parse::<Manifest>() {
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        match error.problem {
            Problem::Conflict | Problem::Twice | Problem::Missing("head" | "repeatables") => {}
            _ => return Err(error),
        }
        let (ours, base, theirs) = match cut(text) {
            Some(Cut { ours, base, theirs }) => {
                // What cannot be read as a base says nothing; the sides have to be readable.
                let base = base.and_then(|base| Manifest::read(&base, Reading::First).ok());
                (Manifest::read(&ours, Reading::First)?, base, Manifest::read(&theirs, Reading::First)?)
            }
            None => {
                let kept = without_markers(text);
                // Of two lines about one thing the first is one side's, the last the other's; of three nobody knows.
                refuse_third(&kept)?;
                (Manifest::read(&kept, Reading::First)?, None, Manifest::read(&kept, Reading::Last)?)
            }
        };
        Ok(Some(Self { base, ours, theirs }))
    }

    /// The same sides, with what they come from.
    #[must_use]
    pub fn with_base(mut self, base: Option<Manifest>) -> Self {
        self.base = base.or(self.base);
        self
    }

    /// The side of the branch that was merged into; of a rebase, the one that was rebased onto.
    pub fn ours(&self) -> &Manifest {
        &self.ours
    }

    /// The other side.
    pub fn theirs(&self) -> &Manifest {
        &self.theirs
    }

    /// What both come from, if it is known.
    pub fn base(&self) -> Option<&Manifest> {
        self.base.as_ref()
    }

    /// The manifest of both, where lines alone decide: each line that a side has added, changed or removed, former digests and
    /// tombstones of both, and the head that follows.
    ///
    /// # Errors
    /// Both sides have changed the same thing, or one version has two migrations.
    pub fn merged(&self) -> Result<Manifest, Undecided> {
        let (manifest, mut subjects) = self.union();
        if self.set_is_undecided() {
            subjects.push("set".to_owned());
        }
        for (version, names) in names(&manifest) {
            if names.len() > 1 {
                subjects.push(format!("version {version}, which {} have", names.join(" and ")));
            }
        }
        let merged = manifest.migration_digests();
        subjects.extend(self.left(&merged).keys().map(|version| format!("version {version}")));
        let removed = manifest.tombstones().iter().filter(|it| merged.contains_key(&it.version));
        subjects.extend(removed.map(|it| format!("version {}", it.version)));
        subjects.sort();
        subjects.dedup();
        if subjects.is_empty() { Ok(manifest) } else { Err(Undecided { subjects }) }
    }

    /// The union of both sides' lines, to lock the files upon: where they contradict each other, the files have the last word.
    #[must_use]
    pub fn united(&self) -> Manifest {
        self.union().0
    }

    /// The digests under which versions were locked, and for which `now`, what the files have, does not account: databases may
    /// have them, and would refuse what is there now.
    pub fn left(&self, now: &BTreeMap<Version, Digest>) -> BTreeMap<Version, Vec<Digest>> {
        let (ours, theirs) = (self.ours.migration_digests(), self.theirs.migration_digests());
        let base = self.base.as_ref().map(Manifest::migration_digests);
        let versions: BTreeSet<Version> = ours.keys().chain(theirs.keys()).copied().collect();
        let said = Said::of(self.formers().map(|it| (it.version, it.digest)), self.tombstones());
        let left = versions.into_iter().map(|version| {
            let of = |digests: &BTreeMap<Version, Digest>| digests.get(&version).copied();
            let (ours, theirs, now) = (of(&ours), of(&theirs), of(now));
            let locked: Vec<Digest> = match base.as_ref().map(of) {
                // Only one side has changed it, and said so to itself.
                Some(base) if ours == base => theirs.into_iter().collect(),
                Some(base) if theirs == base => ours.into_iter().collect(),
                _ if ours == theirs => ours.into_iter().collect(),
                _ => ours.into_iter().chain(theirs).collect(),
            };
            (version, left_of(&said, version, locked, now))
        });
        left.filter(|(_, left)| !left.is_empty()).collect()
    }

    fn formers(&self) -> impl Iterator<Item = &Former> {
        self.ours.formers.iter().chain(&self.theirs.formers)
    }

    fn tombstones(&self) -> impl Iterator<Item = &Tombstone> {
        self.ours.tombstones.iter().chain(&self.theirs.tombstones)
    }

    fn set_is_undecided(&self) -> bool {
        let base = self.base.as_ref().map(|base| &base.set);
        self.ours.set != self.theirs.set && base != Some(&self.ours.set) && base != Some(&self.theirs.set)
    }

    /// All lines of both, and what they do not decide.
    fn union(&self) -> (Manifest, Vec<String>) {
        let mut undecided = Vec::new();
        let mut files = Vec::new();
        let (ours, theirs) = (self.ours.by_path(), self.theirs.by_path());
        let base = self.base.as_ref().map(Manifest::by_path);
        let sides = [Side::of(&self.ours), Side::of(&self.theirs)];
        for path in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
            let base = base.as_ref().map(|base| base.get(path).copied());
            match decide(&sides, base, ours.get(path).copied(), theirs.get(path).copied()) {
                Decision::Line(line) => files.extend(line),
                Decision::Undecided(line) => {
                    undecided.push((*path).to_owned());
                    files.extend(line);
                }
            }
        }
        let formers: Vec<Former> = each_once(self.formers()).cloned().collect();
        let tombstones: Vec<Tombstone> = each_once(self.tombstones()).cloned().collect();
        let theirs_set = self.base.as_ref().is_some_and(|base| base.set == self.ours.set);
        let set = if theirs_set { &self.theirs.set } else { &self.ours.set };
        let zero = Digest::from_bytes([0; 32]);
        let manifest =
            Manifest { set: set.clone(), files, formers, tombstones, head: zero, repeatables: zero };
        (manifest.consistent(), undecided)
    }
}

/// What a manifest says of versions: their digests, the former ones, and those of removed migrations.
struct Side {
    digests: BTreeMap<Version, Digest>,
    said: Said,
}

impl Side {
    fn of(manifest: &Manifest) -> Self {
        let formers = manifest.formers.iter().map(|it| (it.version, it.digest));
        let said = Said::of(formers, manifest.tombstones.iter());
        Self { digests: manifest.migration_digests(), said }
    }
}

/// Former digests, and those of removed migrations.
struct Said {
    formers: HashSet<(Version, Digest)>,
    tombstones: HashSet<(Version, Digest)>,
}

impl Said {
    fn of<'t>(
        formers: impl Iterator<Item = (Version, Digest)>,
        tombstones: impl Iterator<Item = &'t Tombstone>,
    ) -> Self {
        let tombstones = tombstones.map(|it| (it.version, it.digest)).collect();
        Self { formers: formers.collect(), tombstones }
    }
}

fn left_of(said: &Said, version: Version, mut locked: Vec<Digest>, now: Option<Digest>) -> Vec<Digest> {
    let former = |digest: &Digest| said.formers.contains(&(version, *digest));
    let buried = |digest: &Digest| said.tombstones.contains(&(version, *digest));
    match now {
        Some(now) if locked.contains(&now) => locked.retain(|digest| *digest != now && !former(digest)),
        Some(_) => {}
        None => locked.retain(|digest| !buried(digest)),
    }
    locked
}

fn decide(
    sides: &[Side; 2],
    base: Option<Option<&FileLine>>,
    ours: Option<&FileLine>,
    theirs: Option<&FileLine>,
) -> Decision {
    match (ours, theirs) {
        (ours, theirs) if ours == theirs => Decision::Line(ours.cloned()),
        (ours, theirs) if base == Some(ours) => Decision::Line(theirs.cloned()),
        (ours, theirs) if base == Some(theirs) => Decision::Line(ours.cloned()),
        (Some(ours), Some(theirs)) if ours.digest == theirs.digest => {
            Decision::Line(Some(FileLine { revision: ours.revision.max(theirs.revision), ..ours.clone() }))
        }
        (Some(ours), Some(theirs)) => decide_changed(sides, ours, theirs),
        (Some(line), None) => decide_removed(base, line, &sides[0], &sides[1]),
        (None, Some(line)) => decide_removed(base, line, &sides[1], &sides[0]),
        (None, None) => Decision::Line(None),
    }
}

/// A line that says one thing on one side, and another on the other one.
fn decide_changed(sides: &[Side; 2], ours: &FileLine, theirs: &FileLine) -> Decision {
    match (ours.revision, theirs.revision) {
        (Some(mine), Some(other)) => {
            // A database may have either text under its revision: what the files have then is a revision more, unless
            // it is the text that was counted further already.
            let line = match mine.cmp(&other) {
                std::cmp::Ordering::Greater => ours.clone(),
                std::cmp::Ordering::Less => theirs.clone(),
                std::cmp::Ordering::Equal => FileLine { digest: Digest::from_bytes([0; 32]), ..ours.clone() },
            };
            Decision::Undecided(Some(line))
        }
        _ => {
            let Some(version) = file_name(&ours.path).and_then(|name| name.version) else {
                return Decision::Undecided(Some(ours.clone()));
            };
            // The side that has changed it on purpose knows what it was before.
            let knows = |side: &Side, other: &Side| {
                let was = other.digests.get(&version);
                was.is_some_and(|was| side.said.formers.contains(&(version, *was)))
            };
            match (knows(&sides[0], &sides[1]), knows(&sides[1], &sides[0])) {
                (true, false) => Decision::Line(Some(ours.clone())),
                (false, true) => Decision::Line(Some(theirs.clone())),
                _ => Decision::Undecided(Some(ours.clone())),
            }
        }
    }
}

/// A line that one side has and the other has not.
fn decide_removed(base: Option<Option<&FileLine>>, line: &FileLine, with: &Side, without: &Side) -> Decision {
    let version = file_name(&line.path).and_then(|name| name.version);
    let buried = version.is_some_and(|version| {
        let digest = with.digests.get(&version);
        digest.is_some_and(|digest| without.said.tombstones.contains(&(version, *digest)))
    });
    match base {
        _ if buried => Decision::Line(None),
        Some(Some(_)) => Decision::Undecided(Some(line.clone())),
        _ => Decision::Line(Some(line.clone())),
    }
}

/// The lines of one version.
#[derive(Default)]
struct Parts {
    name: Option<String>,
    is_rust: bool,
    up: Option<Digest>,
    down: Option<Digest>,
}

impl Manifest {
    /// The digests of all versions, as the lines of their files give them.
    pub fn migration_digests(&self) -> BTreeMap<Version, Digest> {
        let mut parts: BTreeMap<Version, Parts> = BTreeMap::new();
        for file in &self.files {
            let Some(FileName { version: Some(version), name, role }) = file_name(&file.path) else {
                continue;
            };
            let of = parts.entry(version).or_default();
            match role {
                Role::Down => of.down = Some(file.digest),
                Role::Up | Role::Rust => (of.up, of.is_rust) = (Some(file.digest), role == Role::Rust),
            }
            of.name = Some(name);
        }
        let digest = |(version, of): (Version, Parts)| {
            let kind = if of.is_rust { Kind::Rust { revision: 1, reversible: false } } else { Kind::Sql };
            let key = Key::Versioned(version);
            Some((version, migration_digest(key, &of.name?, kind, &of.up?, of.down.as_ref())))
        };
        parts.into_iter().filter_map(digest).collect()
    }

    /// The same lines in the order in which they are written, and the head and the repeatables' digest that follow.
    fn consistent(mut self) -> Self {
        self.files.sort_by_cached_key(|file| {
            let name = file_name(&file.path);
            let version = name.as_ref().and_then(|name| name.version);
            let down = name.as_ref().is_some_and(|name| name.role == Role::Down);
            let label = name.map(|name| name.name).unwrap_or_default();
            (version.is_none(), version, label, down, file.path.clone())
        });
        let digests = self.migration_digests();
        self.head = migration_chain(self.set.as_str(), digests.values());
        let repeatables: Vec<(String, u32, Digest)> = self
            .files
            .iter()
            .filter_map(|file| {
                let name = file_name(&file.path)?.name;
                let revision = file.revision?;
                let key = Key::Repeatable { revision };
                Some((name.clone(), revision, migration_digest(key, &name, Kind::Sql, &file.digest, None)))
            })
            .collect();
        self.repeatables = repeatables_digest(
            repeatables.iter().map(|(name, revision, digest)| (&**name, *revision, digest)),
        );
        self
    }

    /// Reads a side of a conflict. What follows from the other lines need not be there.
    fn read(text: &str, reading: Reading) -> Result<Self, ManifestError> {
        Self::parse(text, reading).map(Self::consistent)
    }
}

/// Those that were not there before.
fn each_once<'t, T: Eq + Hash + 't>(all: impl Iterator<Item = &'t T>) -> impl Iterator<Item = &'t T> {
    let mut seen = HashSet::new();
    all.filter(move |one| seen.insert(*one))
}

fn file_name(path: &str) -> Option<FileName> {
    layout::parse_file_name(path.rsplit('/').next().unwrap_or(path)).ok()
}

/// The names of each version's files.
fn names(manifest: &Manifest) -> BTreeMap<Version, Vec<String>> {
    let mut names: BTreeMap<Version, Vec<String>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for file in &manifest.files {
        if let Some(FileName { version: Some(version), name, .. }) = file_name(&file.path)
            && seen.insert((version, name.clone()))
        {
            names.entry(version).or_default().push(name);
        }
    }
    names
}

/// A text with conflict markers, cut into its sides.
struct Cut {
    ours: String,
    base: Option<String>,
    theirs: String,
}

/// Which part of a conflict a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Common,
    Ours,
    Base,
    Theirs,
}

/// The marker that a line is, and its size: `<`, `|`, `=` or `>`, at least seven times, and then nothing or a blank.
fn marker(line: &str) -> Option<(char, usize)> {
    let first = line.chars().next().filter(|letter| "<|=>".contains(*letter))?;
    let size = line.chars().take_while(|letter| *letter == first).count();
    let rest = &line[size..];
    (size >= 7 && (rest.is_empty() || rest.starts_with([' ', '\t', '\r']))).then_some((first, size))
}

/// Cuts a text at its markers; nothing if they do not make up conflicts. Markers of another size stand in the base of a merge
/// that had several: such a base is none.
fn cut(text: &str) -> Option<Cut> {
    let (mut ours, mut base, mut theirs) = (String::new(), String::new(), String::new());
    let (mut part, mut outer, mut has_base, mut any) = (Part::Common, 0, true, false);
    let mut hunk_has_base = false;
    for line in text.lines() {
        let put = |text: &mut String| {
            text.push_str(line);
            text.push('\n');
        };
        match (part, marker(line)) {
            (Part::Common, Some(('<', size))) => {
                (part, outer, any, hunk_has_base) = (Part::Ours, size, true, false)
            }
            (Part::Ours, Some(('|', size))) if size == outer => (part, hunk_has_base) = (Part::Base, true),
            (Part::Ours | Part::Base, Some(('=', size))) if size == outer => {
                has_base &= hunk_has_base;
                part = Part::Theirs;
            }
            (Part::Theirs, Some(('>', size))) if size == outer => part = Part::Common,
            (Part::Base, Some(_)) => has_base = false,
            (_, Some(_)) => return None,
            (Part::Common, None) => [&mut ours, &mut base, &mut theirs].into_iter().for_each(put),
            (Part::Ours, None) => put(&mut ours),
            (Part::Base, None) => put(&mut base),
            (Part::Theirs, None) => put(&mut theirs),
        }
    }
    (any && part == Part::Common).then_some(Cut { ours, base: has_base.then_some(base), theirs })
}

fn without_markers(text: &str) -> String {
    let lines = text.lines().filter(|line| marker(line).is_none());
    lines.fold(String::new(), |text, line| text + line + "\n")
}

/// Refuses a text in which one thing stands three times.
fn refuse_third(text: &str) -> Result<(), ManifestError> {
    let mut times: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let mut words = line.split(' ');
        let about = match words.next() {
            Some("file") => words.nth(1).unwrap_or_default(),
            Some("set") => "set",
            _ => continue,
        };
        let said = times.entry(about).or_default();
        said.insert(line);
        if said.len() > 2 {
            return Err(ManifestError { line: index as u32 + 1, problem: Problem::Twice });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
