//! Reads MySQL's and MariaDB's statements. Judges nothing.

use whimbrel::ServerVersion;
use whimbrel::script::Statement;

use super::{Reading, Unparsed};

/// What a statement does.
pub(crate) fn read(_statement: &Statement<'_>, _server: &ServerVersion) -> Result<Reading, Unparsed> {
    Err(Unparsed { why: "there is no reader for this database yet".to_owned() })
}
