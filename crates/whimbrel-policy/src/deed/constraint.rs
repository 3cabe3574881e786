//! Constraints, as a definition of one tells them. Knows nothing of the table.

use super::Name;

/// A constraint's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constraint {
    /// Its name, if it was given one.
    pub(crate) name: Option<String>,
    /// What it demands.
    pub(crate) kind: ConstraintKind,
    /// Whether rows that are there already are checked: no `NOT VALID`.
    pub(crate) validated: bool,
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintKind {
    /// A condition; `not_null`: the columns that it proves not to be NULL.
    Check { not_null: Vec<String> },
    /// That a row exists elsewhere.
    ForeignKey { columns: Vec<String>, references: Name, cascades: bool },
    /// That values differ. `using_index`: an index that is there already.
    Unique { columns: Vec<String>, using_index: Option<String> },
    /// That values differ and are not NULL.
    PrimaryKey { columns: Vec<String>, using_index: Option<String> },
    /// PostgreSQL's `EXCLUDE`.
    Exclude,
    /// PostgreSQL's named `NOT NULL`, from 18 on.
    NotNull { column: String },
}
