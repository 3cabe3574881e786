//! The examples for MariaDB. Data only.

use super::Example;

pub(super) const EXAMPLES: &[Example] = &[];
