//! Reads SQLite's statements. Judges nothing.

use whimbrel::script::Statement;

use super::{Reading, Unparsed};

/// What a statement does.
pub(crate) fn read(_statement: &Statement<'_>) -> Result<Reading, Unparsed> {
    Err(Unparsed { why: "there is no reader for this database yet".to_owned() })
}
