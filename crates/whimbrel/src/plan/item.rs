//! One step of a plan.

use std::fmt;
use std::sync::Arc;

use crate::digest::Digest;
use crate::directive::Directives;
use crate::history::HistoryEvent;
use crate::migration::{Kind, Migration, MigrationSet, ScriptFile, SetName, Version};
use crate::prepare::{Prepared, Sharing};

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Action {
    /// Applies a versioned migration.
    Apply,
    /// Applies a versioned migration that is older than one in force.
    ApplyOutOfOrder,
    /// Applies a repeatable whose revision is new.
    Repeat,
    /// Goes on with a migration that was begun.
    Resume,
    /// Goes down.
    Revert,
    /// Goes on with a way down that was begun.
    ResumeRevert,
    /// Accepts a migration's new digest, for the manifest's reason.
    Accept {
        /// The reason.
        reason: String,
    },
    /// Records that a migration was removed, for the manifest's reason.
    Tombstone {
        /// The reason.
        reason: String,
    },
    /// Declares a migration to be in force.
    Baseline,
    /// Records the environment.
    Environment {
        /// Its name.
        name: String,
    },
}

impl Action {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::ApplyOutOfOrder => "apply late",
            Self::Repeat => "repeat",
            Self::Resume => "resume",
            Self::Revert => "revert",
            Self::ResumeRevert => "resume revert",
            Self::Accept { .. } => "accept",
            Self::Tombstone { .. } => "tombstone",
            Self::Baseline => "baseline",
            Self::Environment { .. } => "environment",
        }
    }
}

/// Which migration of its set a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Versioned(usize),
    Repeatable(usize),
    /// None that the set has: a tombstone, an environment.
    None,
}

/// What makes a new session like the one that is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replay {
    /// Statements of the dialect's own, which come first.
    pub(crate) before: Vec<String>,
    /// The script's statements, by their numbers from 0.
    pub(crate) statements: Vec<usize>,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct PlanItem {
    pub(super) set: Arc<MigrationSet>,
    pub(super) which: Which,
    pub(super) action: Action,
    pub(super) label: String,
    pub(super) version: Option<Version>,
    pub(super) digest: Option<Digest>,
    pub(super) formers: Vec<Digest>,
    pub(super) head: Option<Digest>,
    pub(super) repeatables: Digest,
    pub(super) below: Option<Version>,
    pub(super) prepared: Option<Prepared>,
    pub(super) first_statement: usize,
    pub(super) begun: bool,
    /// Whether the statement before the first one to be run took effect, and has no row.
    pub(super) missed: bool,
    /// The statements that drop what a crash has left of the first statement to be run.
    pub(super) leftovers: Vec<String>,
    /// Whether its text is a former one of what is in force.
    pub(super) former: bool,
    /// Whether the first statement to be run is known to happen together with its row, or not at all.
    pub(super) whole: bool,
    /// What is run before the first statement, since it changes the session only.
    pub(super) replay: Replay,
}

impl PlanItem {
    /// What it does.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The migration's label, like `42_add_email`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The set's name.
    pub fn set_name(&self) -> &SetName {
        self.set.name()
    }

    /// The set that it belongs to, whole.
    pub fn set(&self) -> &MigrationSet {
        &self.set
    }

    /// The migration, if the set has it.
    pub fn migration(&self) -> Option<&Migration> {
        match self.which {
            Which::Versioned(index) => self.set.versioned().get(index),
            Which::Repeatable(index) => self.set.repeatables().get(index),
            Which::None => None,
        }
    }

    /// The digest of the migration that the step is about.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The version, unless the step is about a repeatable or an environment.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Whether its text is a former one: the migration was changed on purpose since, and the database knows that.
    pub fn is_former(&self) -> bool {
        self.former
    }

    pub(crate) fn formers(&self) -> &[Digest] {
        &self.formers
    }

    pub(crate) fn repeatables(&self) -> Digest {
        self.repeatables
    }

    pub(crate) fn below(&self) -> Option<Version> {
        self.below
    }

    /// The versioned head after the step.
    pub fn head(&self) -> Option<Digest> {
        self.head
    }

    /// The script that is executed, if the step executes one.
    pub fn script(&self) -> Option<&ScriptFile> {
        let migration = self.migration()?;
        match self.action {
            Action::Apply | Action::ApplyOutOfOrder | Action::Repeat | Action::Resume => Some(migration.up()),
            Action::Revert | Action::ResumeRevert => match migration.kind() {
                Kind::Sql => migration.down(),
                Kind::Rust { .. } => Some(migration.up()),
            },
            _ => None,
        }
    }

    /// The files of the migration.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = &ScriptFile> {
        self.script().into_iter()
    }

    /// Whether the step runs inside a transaction.
    pub fn in_transaction(&self) -> bool {
        self.prepared.as_ref().is_none_or(|prepared| prepared.in_transaction)
    }

    /// How its script asks to be run, if the step executes one.
    pub fn directives(&self) -> Option<&Directives> {
        self.prepared.as_ref().map(|prepared| &prepared.directives)
    }

    /// Whether it changes data only, on a dialect whose schema is not transactional: all of it is kept, or nothing.
    pub(crate) fn data_only(&self) -> bool {
        self.prepared.as_ref().is_some_and(|prepared| prepared.data_only)
    }

    /// How many statements its script has; 0 for a step in Rust.
    pub fn statements(&self) -> usize {
        self.prepared.as_ref().map_or(0, |prepared| prepared.statements)
    }

    /// The number of statements that were executed already, in an earlier run.
    pub fn first_statement(&self) -> usize {
        self.first_statement
    }

    pub(crate) fn is_down(&self) -> bool {
        matches!(self.action, Action::Revert | Action::ResumeRevert)
    }

    pub(crate) fn begun(&self) -> bool {
        self.begun
    }

    pub(crate) fn replay(&self) -> &Replay {
        &self.replay
    }

    pub(crate) fn missed(&self) -> bool {
        self.missed
    }

    pub(crate) fn whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn leftovers(&self) -> &[String] {
        &self.leftovers
    }

    pub(crate) fn event(&self) -> HistoryEvent {
        match self.action {
            Action::Apply | Action::ApplyOutOfOrder | Action::Repeat | Action::Resume => {
                HistoryEvent::Applied
            }
            Action::Revert | Action::ResumeRevert => HistoryEvent::Reverted,
            Action::Accept { .. } => HistoryEvent::Accepted,
            Action::Tombstone { .. } => HistoryEvent::Tombstone,
            Action::Baseline => HistoryEvent::Baselined,
            Action::Environment { .. } => HistoryEvent::Environment,
        }
    }

    pub(crate) fn sharing(&self) -> Sharing {
        self.prepared.as_ref().map_or(Sharing::Shared, |prepared| prepared.sharing)
    }

    pub(crate) fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
    }

    /// The step in Rust that it runs, by version and direction.
    pub(crate) fn rust_step(&self) -> Option<Version> {
        let runs = matches!(self.event(), HistoryEvent::Applied | HistoryEvent::Reverted);
        let migration = self.migration().filter(|migration| runs && migration.kind() != Kind::Sql)?;
        migration.version()
    }
}

impl fmt::Display for PlanItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<13} {}", self.action.as_str(), self.label)?;
        match &self.action {
            Action::Accept { reason } | Action::Tombstone { reason } => write!(f, "  because: {reason}")?,
            Action::Environment { name } => write!(f, "  {name}")?,
            Action::Baseline => {}
            _ if self.rust_step().is_some() => f.write_str("  a step in Rust")?,
            _ => {
                let plural = if self.statements() == 1 { "" } else { "s" };
                write!(f, "  {} statement{plural}", self.statements())?;
                if self.first_statement > 0 {
                    write!(f, ", going on with number {}", self.first_statement + 1)?;
                }
                if !self.in_transaction() {
                    f.write_str(", no transaction")?;
                }
                if self.prepared.as_ref().is_some_and(|prepared| prepared.directives.foreign_keys_off) {
                    f.write_str(", foreign keys off and checked")?;
                }
            }
        }
        match self.script() {
            Some(script) => write!(f, "  {}", script.location()),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for PlanItem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut item = serializer.serialize_struct("PlanItem", 8)?;
        item.serialize_field("set", self.set.name())?;
        item.serialize_field("action", &self.action)?;
        item.serialize_field("label", &self.label)?;
        item.serialize_field("version", &self.version)?;
        item.serialize_field("digest", &self.digest)?;
        item.serialize_field("statements", &self.statements())?;
        item.serialize_field("first_statement", &self.first_statement)?;
        item.serialize_field("transaction", &self.in_transaction())?;
        item.end()
    }
}
