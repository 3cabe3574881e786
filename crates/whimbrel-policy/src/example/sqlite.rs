//! The examples for SQLite. Data only.

use super::Example;

pub(super) const EXAMPLES: &[Example] = &[];
