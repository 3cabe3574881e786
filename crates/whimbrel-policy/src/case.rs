//! Cases: one statement under the circumstances in which it would be run. What rules look at; decides nothing.

use std::time::Duration;

use whimbrel::{Product, ServerVersion};

use crate::catalog::Catalog;
use crate::deed::{Deed, Name, ObjectKind, Online};
use crate::reading::{Reading, Unparsed};

/// One statement, and the circumstances in which it would be run.
pub(crate) struct Case<'a> {
    /// The server, or the oldest that the rules know.
    pub(crate) server: ServerVersion,
    /// The statement's text, for what no deed tells.
    pub(crate) text: &'a str,
    /// All that the statement does.
    pub(crate) deeds: &'a [Deed],
    /// What the statements behind it in the script do.
    pub(crate) rest: &'a [Result<Reading, Unparsed>],
    /// How it asks to be carried out (MySQL).
    pub(crate) online: Online,
    /// Whether it is run inside a transaction.
    pub(crate) in_transaction: bool,
    /// Whether foreign keys are off meanwhile, by a directive (SQLite).
    pub(crate) foreign_keys_off: bool,
    /// Whether rows of the tables that refer to a dropped one may go with it, by a directive (SQLite).
    pub(crate) foreign_keys_cascade: bool,
    /// How long it may wait for a lock: the script's directive, a `SET` before it, or the run's.
    pub(crate) lock_timeout: Option<Duration>,
    /// What the scripts so far have made, this statement not among it.
    pub(crate) catalog: &'a Catalog,
    /// What the script's statements so far have left.
    pub(crate) so_far: &'a SoFar,
}

/// What the statements of a script so far have left, this one not among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoFar {
    /// A table that is not this run's, and that nobody else can read or write until the transaction ends.
    pub(crate) locked: Option<Name>,
    /// What was set for the session or the transaction: the setting in lower case, and its value.
    pub(crate) settings: Vec<(String, String)>,
    /// Values that were added to enumerations in this transaction, with their types.
    pub(crate) enums: Vec<(Name, String)>,
    /// How many statements there were.
    pub(crate) statements: usize,
}

impl SoFar {
    /// What a setting was last set to.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

impl Case<'_> {
    /// The database.
    pub(crate) fn product(&self) -> Product {
        self.server.product
    }

    /// Whether the server is of this version or newer.
    pub(crate) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        self.server.is_at_least(major, minor)
    }

    /// What this statement and those behind it in the script do.
    pub(crate) fn onwards(&self) -> impl Iterator<Item = &Deed> {
        let behind =
            self.rest.iter().filter_map(|read| read.as_ref().ok()).flat_map(|reading| &reading.deeds);
        self.deeds.iter().chain(behind)
    }

    /// Whether a table that this run has made gets this name later in the script, in place of what has it now.
    pub(crate) fn is_replaced(&self, table: &Name) -> bool {
        self.onwards().any(|deed| {
            matches!(deed, Deed::Rename { kind: ObjectKind::Table, from, to, .. }
                if to.may_be(table) && self.is_new(from))
        })
    }

    /// Whether this run has made the table, so that nobody uses it yet.
    pub(crate) fn is_new(&self, table: &Name) -> bool {
        self.catalog.is_new(table)
    }
}
