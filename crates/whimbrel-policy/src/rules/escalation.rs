//! The rules about what gives somebody rights. Data, and small functions that look at one deed.

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[];
