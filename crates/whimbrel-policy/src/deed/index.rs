//! Indexes, as a definition of one tells them. Knows nothing of the table.

use super::Name;

/// An index's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewIndex {
    /// Its name, if it was given one; without the table's schema.
    pub(crate) name: Option<String>,
    /// Its table.
    pub(crate) table: Name,
    /// Its columns, in order; an expression is `None`.
    pub(crate) columns: Vec<Option<String>>,
    /// Whether its values differ.
    pub(crate) unique: bool,
    /// Whether it says `CONCURRENTLY`.
    pub(crate) concurrently: bool,
    /// Whether it says `IF NOT EXISTS`.
    pub(crate) if_not_exists: bool,
    /// Whether it covers some of the rows only.
    pub(crate) partial: bool,
    /// The kind that MySQL builds otherwise: `FULLTEXT`, `SPATIAL`, `VECTOR`.
    pub(crate) special: Option<&'static str>,
}
