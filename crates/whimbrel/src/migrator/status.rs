//! What is in force and what is not, without deciding anything.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::{BrokenRow, History, HistoryEvent, SetHistory};
use crate::migration::{Key, MigrationSet, SetName, Version, label};
use crate::verify::Verified;

/// What a database has of the sets of a program.
///
/// `Display` prints a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Status {
    /// The environment that the database belongs to.
    pub environment: Option<String>,
    /// The sets, in the order given.
    pub sets: Vec<SetStatus>,
    /// The rows of the history that are not as they were written, of whichever set. With any of them the rest may not be true.
    pub broken: Vec<BrokenRow>,
}

/// One set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SetStatus {
    /// Its name.
    pub set: SetName,
    /// Its migrations and those that only the database knows, by version; then the repeatables, by name.
    pub entries: Vec<StatusEntry>,
}

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StatusEntry {
    /// Its version, unless it is repeatable.
    pub version: Option<Version>,
    /// Its label.
    pub label: String,
    /// How it stands.
    pub standing: Standing,
    /// Since when, if the database knows.
    pub at: Option<String>,
}

/// How a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Standing {
    /// It is in force.
    Applied,
    /// It was declared to be in force.
    Baselined,
    /// It is not in force.
    Pending,
    /// It was begun and is not known to be done.
    Open,
    /// It is in force with another digest.
    Changed,
    /// It was in force and was reverted.
    Reverted,
    /// It is in force, and the program does not know it.
    Unknown,
    /// It was removed on purpose; its effects stay.
    Removed,
}

impl Standing {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Baselined => "baselined",
            Self::Pending => "pending",
            Self::Open => "open",
            Self::Changed => "changed",
            Self::Reverted => "reverted",
            Self::Unknown => "unknown",
            Self::Removed => "removed",
        }
    }
}

impl Status {
    pub(super) fn new(sets: &[Verified<MigrationSet>], history: &History) -> Self {
        let sets = sets
            .iter()
            .map(|set| SetStatus { set: set.name().clone(), entries: entries(set, &history.set(set.name())) })
            .collect();
        let broken = history.broken().cloned().collect();
        Self { environment: history.environment().map(str::to_owned), sets, broken }
    }
}

fn entries(set: &MigrationSet, state: &SetHistory) -> Vec<StatusEntry> {
    let mut versioned: BTreeMap<Version, StatusEntry> = BTreeMap::new();
    let open = state.open.as_ref();
    for (version, entry) in &state.in_force {
        let standing = match set.migration(*version) {
            None => Standing::Unknown,
            Some(migration)
                if entry.digest != *migration.digest() && !entry.formers.contains(migration.digest()) =>
            {
                Standing::Changed
            }
            Some(_) if entry.event == HistoryEvent::Baselined => Standing::Baselined,
            Some(_) => Standing::Applied,
        };
        let label = label(Some(*version), &entry.name);
        let at = Some(entry.at.clone());
        versioned.insert(*version, StatusEntry { version: Some(*version), label, standing, at });
    }
    for (version, entry) in &state.removed {
        let label = label(Some(*version), &entry.name);
        let (standing, at) = (Standing::Removed, Some(entry.at.clone()));
        versioned.insert(*version, StatusEntry { version: Some(*version), label, standing, at });
    }
    for migration in set.versioned() {
        let Key::Versioned(version) = migration.key() else { continue };
        versioned.entry(version).or_insert_with(|| {
            let reverted = state.reverted.get(&version);
            let standing = if reverted.is_some() { Standing::Reverted } else { Standing::Pending };
            StatusEntry { version: Some(version), label: migration.label(), standing, at: reverted.cloned() }
        });
    }
    if let Some(open) = open
        && let Some(version) = open.version
    {
        let (standing, at) = (Standing::Open, Some(open.began.clone()));
        versioned.insert(version, StatusEntry { version: Some(version), label: open.label(), standing, at });
    }
    let mut entries: Vec<StatusEntry> = versioned.into_values().collect();
    let mut repeatables: BTreeMap<&str, StatusEntry> = BTreeMap::new();
    for (name, entry) in &state.repeatables {
        let (standing, at) = (Standing::Unknown, Some(entry.at.clone()));
        repeatables.insert(name, StatusEntry { version: None, label: label(None, name), standing, at });
    }
    for migration in set.repeatables() {
        let known = state.repeatables.get(migration.name());
        let standing = match known {
            _ if open.is_some_and(|open| open.version.is_none() && open.name == migration.name()) => {
                Standing::Open
            }
            Some(known) if known.digest == *migration.digest() => Standing::Applied,
            Some(known) if migration.revision().is_some_and(|revision| revision <= known.revision) => {
                Standing::Changed
            }
            _ => Standing::Pending,
        };
        let at = known.map(|known| known.at.clone());
        repeatables
            .insert(migration.name(), StatusEntry { version: None, label: migration.label(), standing, at });
    }
    entries.extend(repeatables.into_values());
    entries
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(environment) = &self.environment {
            writeln!(f, "environment {environment}")?;
        }
        for (index, set) in self.sets.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "set {}", set.set)?;
            for entry in &set.entries {
                let at = entry.at.as_deref().unwrap_or("");
                write!(f, "\n  {:<9}  {:<24}  {}", entry.standing.as_str(), at, entry.label)?;
            }
        }
        self.broken.iter().try_for_each(|row| write!(f, "\nwrong in the history: {row}"))
    }
}
