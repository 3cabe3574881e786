//! The rules about what makes others wait. Data, and small functions that look at one deed.

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[];
