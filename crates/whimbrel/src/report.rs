//! What a verb did, for programs and for people.

use std::fmt;
use std::time::Duration;

use crate::migration::{SetName, Version};

/// What a run did.
///
/// `Display` is one line: `up to date at 42_add_email (1 query, 0.4 ms)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The migrations that were applied or reverted, in that order.
    pub migrations: Vec<MigrationReport>,
    /// The newest migration in force of the last set, like `42_add_email`.
    pub at: Option<String>,
    /// How often the driver was called and waited for.
    pub queries: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Where a backup was put, if one was made.
    pub backup: Option<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Outcome {
    /// There was nothing to do.
    UpToDate,
    /// There was nothing to do: the database is ahead of the program.
    Ahead,
    /// Migrations were applied.
    Applied,
    /// Migrations were reverted.
    Reverted,
    /// Migrations were reverted and applied again.
    Redone,
    /// Migrations were declared to be in force.
    Baselined,
    /// A statement's outcome, or the history, was settled.
    Settled,
}

/// One migration in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MigrationReport {
    /// Its set.
    pub set: SetName,
    /// Its version, unless it is repeatable.
    pub version: Option<Version>,
    /// Its label.
    pub label: String,
    /// How long its statements took.
    pub elapsed: Duration,
}

impl Report {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self { outcome, migrations: Vec::new(), at: None, queries: 0, elapsed: Duration::ZERO, backup: None }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: usize, one: &str, many: &str| {
            format!("{number} {}", if number == 1 { one } else { many })
        };
        let migrations = || count(self.migrations.len(), "migration", "migrations");
        match self.outcome {
            Outcome::UpToDate => f.write_str("up to date")?,
            Outcome::Ahead => f.write_str("up to date, the database is ahead")?,
            // What the manifest says of migrations that were applied before.
            Outcome::Applied if self.migrations.is_empty() => f.write_str("recorded what has changed")?,
            Outcome::Applied => write!(f, "applied {}", migrations())?,
            Outcome::Reverted => write!(f, "reverted {}", migrations())?,
            Outcome::Redone => write!(f, "redone, {}", migrations())?,
            Outcome::Baselined => f.write_str("baselined")?,
            Outcome::Settled => f.write_str("settled")?,
        }
        match (&self.at, self.outcome) {
            (Some(at), Outcome::UpToDate | Outcome::Ahead | Outcome::Baselined) => write!(f, " at {at}")?,
            (Some(at), _) => write!(f, ", now at {at}")?,
            (None, _) => {}
        }
        write!(f, " ({}, {})", count(self.queries, "query", "queries"), Short(self.elapsed))
    }
}

/// A time for people: three digits at most.
pub(crate) struct Short(pub(crate) Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        match micros {
            0..10_000 => write!(f, "{:.1} ms", micros as f64 / 1e3),
            10_000..1_000_000 => write!(f, "{} ms", micros / 1_000),
            1_000_000..100_000_000 => write!(f, "{:.1} s", micros as f64 / 1e6),
            _ => write!(f, "{} s", micros / 1_000_000),
        }
    }
}
