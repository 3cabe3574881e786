//! The examples for MySQL. Data only.

use super::Example;

pub(super) const EXAMPLES: &[Example] = &[];
