//! The examples for PostgreSQL. Data only.

use super::Example;

pub(super) const EXAMPLES: &[Example] = &[];
