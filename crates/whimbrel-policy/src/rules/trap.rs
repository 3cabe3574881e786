//! The rules about what does something else than it seems to do. Data, and small functions that look at one deed.

use whimbrel::Product::{Mariadb, Mysql, Postgres, Sqlite};

use crate::level::Level;
use crate::rule::{Concern, Rule};
use crate::rules::UNPARSED;

pub(super) const RULES: &[Rule] = &[Rule {
    name: UNPARSED,
    concern: Concern::Trap,
    products: &[Postgres, Mysql, Mariadb, Sqlite],
    level: Level::Approval,
    headline: "a statement that the policy cannot read",
    why: "What no rule has seen, somebody has to look at: it may be newer than the grammar that the policy knows, or no SQL.",
    instead: "write it in a way that is understood, or waive this rule for it",
    source: "the grammar of each database",
    // The judge makes this finding, as there is no deed to look at.
    judge: |_, _| None,
}];
