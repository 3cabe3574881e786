//! The rules about what breaks the version that is running. Data, and small functions that look at one deed.

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[];
