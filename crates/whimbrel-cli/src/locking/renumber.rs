//! Gives migrations another version: two branches have taken one and the same, or one came too late. Renames files, and puts
//! their names back if what follows fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use whimbrel::layout::{self, FileName, Role};
use whimbrel::{Manifest, Version};

use super::{Previous, files};
use crate::answer::Failure;
use crate::context::{Context, quoted};
use crate::exit::Code;

/// A migration as its files are named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    version: Version,
    name: String,
}

/// A migration that gets another version.
#[derive(Clone, Debug)]
pub(crate) struct Renumbered {
    pub(crate) was: Version,
    pub(crate) name: String,
    pub(crate) now: Version,
    pub(crate) is_rust: bool,
    files: Vec<(PathBuf, PathBuf)>,
}

impl Renumbered {
    /// How people called it.
    pub(crate) fn label(&self) -> String {
        format!("{}_{}", self.was, self.name)
    }
}

/// The files of a directory that belong to migrations with a version, by their migrations.
fn named(context: &Context, root: &Path) -> BTreeMap<Named, Vec<(PathBuf, Role)>> {
    let mut found: BTreeMap<Named, Vec<(PathBuf, Role)>> = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in files(&folder) {
            if path.is_dir() && context.settings.recursive.value {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if layout::is_ignored(&name) {
                continue;
            }
            if let Ok(FileName { version: Some(version), name, role }) = layout::parse_file_name(&name) {
                found.entry(Named { version, name }).or_default().push((path, role));
            }
        }
    }
    found
}

/// A migration and its files.
type Claim<'n> = (&'n Named, &'n [(PathBuf, Role)]);

/// The migrations that claim one version, each by a file of its own: what is typed to give one of them another.
pub(crate) fn collisions(context: &Context, root: &Path) -> Vec<String> {
    let named = named(context, root);
    let mut by_version: BTreeMap<Version, Vec<Claim<'_>>> = BTreeMap::new();
    for (migration, files) in &named {
        by_version.entry(migration.version).or_default().push((migration, files));
    }
    // The two ways of one migration are named alike instead, as the error says.
    let ways = |migrations: &[Claim<'_>]| {
        let [(one, ones), (other, others)] = migrations else { return false };
        let down = |files: &[(PathBuf, Role)]| files.iter().all(|(_, role)| *role == Role::Down);
        let up = |files: &[(PathBuf, Role)]| files.iter().all(|(_, role)| *role == Role::Up);
        (down(ones) && up(others)) || (up(ones) && down(others)) || layout::are_ways(&one.name, &other.name)
    };
    let several = by_version.into_values().filter(|migrations| migrations.len() > 1 && !ways(migrations));
    let command =
        |path: &Path| context.command(&format!("lock --renumber {}", quoted(&path.display().to_string())));
    several
        .flatten()
        .filter_map(|(_, files)| files.first())
        .map(|(path, _)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("if no database has {name}: {}", command(path))
        })
        .collect()
}

/// What gets another version if these files do: with a migration of one branch go the later ones of that branch, so that they
/// stay in their order.
pub(crate) fn plan(
    context: &Context,
    root: &Path,
    previous: Option<&Previous>,
    wanted: &[PathBuf],
) -> Result<Vec<Renumbered>, Failure> {
    let named = named(context, root);
    let mut chosen: BTreeSet<&Named> = BTreeSet::new();
    for file in wanted {
        for (migration, files) in &named {
            if files.iter().any(|(path, _)| is_meant(root, path, file)) {
                chosen.insert(migration);
                chosen.extend(later_of_its_branch(root, previous, &named, migration));
            }
        }
    }
    let locked = previous.into_iter().flat_map(Previous::manifests);
    let stones = locked.flat_map(|manifest| manifest.tombstones().iter().map(|stone| stone.version));
    let highest = named.keys().map(|migration| migration.version).chain(stones).max();
    let mut next = highest.map_or(0, Version::number);
    let mut plan = Vec::new();
    for migration in chosen {
        next = next.checked_add(1).unwrap_or(next);
        let now = Version::new(next)
            .filter(|version| Some(*version) > highest)
            .ok_or_else(|| Failure::of(Code::Refused, "there is no higher version"))?;
        let own = &named[migration];
        let files = own.iter().map(|(path, _)| (path.clone(), renamed(path, now))).collect();
        let is_rust = own.iter().any(|(_, role)| *role == Role::Rust);
        plan.push(Renumbered { was: migration.version, name: migration.name.clone(), now, is_rust, files });
    }
    Ok(plan)
}

/// The files that were named and are none of these directories'.
pub(crate) fn unknown<'w>(
    context: &Context,
    roots: &[PathBuf],
    wanted: &'w [PathBuf],
) -> Option<&'w PathBuf> {
    let of_root = |root: &PathBuf| {
        let files = named(context, root).into_values().flatten();
        files.map(|(path, _)| (root.clone(), path)).collect::<Vec<_>>()
    };
    let all: Vec<(PathBuf, PathBuf)> = roots.iter().flat_map(of_root).collect();
    wanted.iter().find(|wanted| !all.iter().any(|(root, path)| is_meant(root, path, wanted)))
}

/// Whether a file is the one that was named: by its path from here, or from the directory.
fn is_meant(root: &Path, path: &Path, wanted: &Path) -> bool {
    let same = |one: &Path, other: &Path| {
        one == other || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(a), Ok(b)) if a == b)
    };
    same(path, wanted) || path == root.join(wanted)
}

/// The migrations that the same branch has added behind this one.
fn later_of_its_branch<'n>(
    root: &Path,
    previous: Option<&Previous>,
    named: &'n BTreeMap<Named, Vec<(PathBuf, Role)>>,
    of: &Named,
) -> Vec<&'n Named> {
    let Some(sides) = previous.and_then(|previous| previous.sides.as_ref()) else { return Vec::new() };
    let has = |manifest: &Manifest, migration: &Named| {
        named.get(migration).is_some_and(|files| {
            files.iter().any(|(path, _)| {
                let below = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
                manifest.file(&below).is_some()
            })
        })
    };
    let only =
        |side: &Manifest, other: &Manifest, migration: &Named| has(side, migration) && !has(other, migration);
    for (side, other) in [(sides.ours(), sides.theirs()), (sides.theirs(), sides.ours())] {
        if only(side, other, of) {
            let later = named.keys().filter(|it| it.version > of.version && only(side, other, it));
            return later.collect();
        }
    }
    Vec::new()
}

/// The file with another version in its name, of as many digits.
fn renamed(path: &Path, version: Version) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let digits = name.chars().take_while(char::is_ascii_digit).count();
    path.with_file_name(format!("{:0digits$}{}", version.number(), &name[digits..]))
}

/// Files that were renamed; they get their names back unless they are kept.
#[derive(Debug)]
pub(crate) struct Renames(Vec<(PathBuf, PathBuf)>);

impl Renames {
    /// Renames the files of all of them, or none.
    pub(crate) fn carry_out(plan: &[Renumbered]) -> Result<Self, Failure> {
        let mut done = Self(Vec::new());
        for (from, to) in plan.iter().flat_map(|renumbered| &renumbered.files) {
            let failed = |why: String| {
                Failure::of(
                    Code::Refused,
                    format!("{} cannot be renamed to {}: {why}", from.display(), to.display()),
                )
            };
            if to.exists() {
                return Err(failed("there is such a file already".to_owned()));
            }
            fs::rename(from, to).map_err(|error| failed(error.to_string()))?;
            done.0.push((from.clone(), to.clone()));
        }
        Ok(done)
    }

    /// Lets them keep their new names.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Renames {
    fn drop(&mut self) {
        for (from, to) in self.0.drain(..).rev() {
            // What cannot be put back is seen by the next command.
            let _ = fs::rename(to, from);
        }
    }
}
