//! Cases: one statement under the circumstances in which it would be run. What rules look at; decides nothing.

use std::collections::HashMap;
use std::time::Duration;

use whimbrel::{Product, ServerVersion};

use crate::ahead::Onwards;
use crate::catalog::Catalog;
use crate::deed::{ConstraintKind, Deed, MOST_OF_A_NAME, Name, Online};
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
    /// What this statement and those behind it in the script do, by name.
    pub(crate) onwards: Onwards<'a>,
    /// What the statement does as a whole.
    pub(crate) whole: Whole,
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

/// What a statement does as a whole, asked of each of its deeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Whether it makes a table.
    pub(crate) makes_table: bool,
    /// Whether it makes a primary key, of a table that there is.
    pub(crate) makes_key: bool,
}

impl Whole {
    /// Of all the deeds of a statement.
    pub(crate) fn of(deeds: &[Deed]) -> Self {
        let makes_key = |deed: &Deed| match deed {
            Deed::AddConstraint { constraint, .. } => {
                matches!(constraint.kind, ConstraintKind::PrimaryKey { .. })
            }
            Deed::AddColumn { column, .. } | Deed::Redefine { column, .. } => column.primary_key,
            _ => false,
        };
        Self {
            makes_table: deeds.iter().any(|deed| matches!(deed, Deed::CreateTable(_))),
            makes_key: deeds.iter().any(makes_key),
        }
    }
}

/// What the statements of a script so far have left, this one not among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoFar {
    /// A table that is not this run's, and that nobody else can read or write until the transaction ends.
    pub(crate) locked: Option<Name>,
    /// What was set for the session or the transaction: by the setting in lower case, its value.
    pub(crate) settings: HashMap<String, String>,
    /// Values that were added to enumerations in this transaction: as a literal, with their types.
    pub(crate) enums: HashMap<String, Vec<Name>>,
    /// How many statements there were.
    pub(crate) statements: usize,
}

/// The bytes that a value of an enumeration has at most (PostgreSQL's `NAMEDATALEN`).
const LONGEST_VALUE: usize = 63;

impl SoFar {
    /// What a setting was last set to.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Notes a value that was added to an enumeration.
    pub(crate) fn add_value(&mut self, ty: &Name, value: &str) {
        let types = self.enums.entry(format!("'{}'", value.replace('\'', "''"))).or_default();
        if types.len() < MOST_OF_A_NAME {
            types.push(ty.clone());
        }
    }

    /// The enumerations to which values were added that stand in this text, wherever: a block's text is a string itself.
    pub(crate) fn values_in<'t>(&'t self, text: &'t str) -> impl Iterator<Item = &'t Name> {
        let quotes = text.match_indices('\'').map(|(at, _)| at).filter(|_| !self.enums.is_empty());
        let literals = quotes.filter_map(|begin| {
            let mut inside =
                text.get(begin + 1..)?.bytes().take(2 * LONGEST_VALUE + 2).enumerate().peekable();
            while let Some((at, byte)) = inside.next() {
                let ends = byte == b'\'' && inside.next_if(|(_, next)| *next == b'\'').is_none();
                if ends {
                    return text.get(begin..begin + 1 + at + 1);
                }
            }
            None
        });
        literals.filter_map(|literal| self.enums.get(literal)).flatten()
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

    /// Whether a table that this run has made gets this name later in the script, in place of what has it now.
    pub(crate) fn is_replaced(&self, table: &Name) -> bool {
        self.onwards.renamed_to(table).into_iter().any(|from| self.is_new(from))
    }

    /// Whether this run has made the table, so that nobody uses it yet.
    pub(crate) fn is_new(&self, table: &Name) -> bool {
        self.catalog.is_new(table)
    }
}
