//! Reads PostgreSQL's statements. Judges nothing.

use whimbrel::script::Statement;

use super::{Reading, Unparsed};

/// What a statement does.
pub(crate) fn read(_statement: &Statement<'_>) -> Result<Reading, Unparsed> {
    Err(Unparsed { why: "there is no reader for this database yet".to_owned() })
}

/// The table that nobody else can read or write from this deed on, until the transaction ends.
pub(crate) fn locks_out(deed: &crate::deed::Deed) -> Option<&crate::deed::Name> {
    let _ = deed;
    None
}
