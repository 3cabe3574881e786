//! Tables, as a definition of one tells them. Knows nothing of what is done to them later.

use super::{Column, Constraint, Name};

/// A table's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewTable {
    /// Its name.
    pub(crate) name: Name,
    /// Its columns, as far as they stand there.
    pub(crate) columns: Vec<Column>,
    /// Its constraints, without those of single columns.
    pub(crate) constraints: Vec<Constraint>,
    /// Whether it may have been there before: `IF NOT EXISTS`.
    pub(crate) if_not_exists: bool,
    /// Whether it is the session's own.
    pub(crate) temporary: bool,
    /// PostgreSQL's `UNLOGGED`.
    pub(crate) unlogged: bool,
    /// Whether a query fills it.
    pub(crate) from_query: bool,
    /// The table that it is a partition of.
    pub(crate) partition_of: Option<Name>,
    /// What the dialect says behind it, as it calls it: an engine, a character set, `STRICT`, `WITHOUT ROWID`.
    pub(crate) options: Vec<(String, String)>,
}

impl NewTable {
    /// A table of this name, of which nothing else is known.
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            columns: Vec::new(),
            constraints: Vec::new(),
            if_not_exists: false,
            temporary: false,
            unlogged: false,
            from_query: false,
            partition_of: None,
            options: Vec::new(),
        }
    }
}
