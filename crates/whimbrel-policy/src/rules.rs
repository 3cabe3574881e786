//! All rules, and how one is found by its name. The rules are in the files below: one a concern, and
//! one each for those of a single database.

mod authority;
mod conversion;
mod data_loss;
mod escalation;
mod lock;
mod mysql;
mod online;
mod redefine;
mod rewrite;
mod rollout;
mod schema;
mod sqlite;
mod trap;

use crate::case::Case;
use crate::deed::{Deed, Name};
use crate::rule::Rule;

/// All rules, by concern and name.
///
/// ```
/// assert!(whimbrel_policy::rules().count() > 20);
/// ```
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().copied().flatten()
}

/// A table a file.
const TABLES: &[&[Rule]] = &[
    data_loss::RULES,
    lock::RULES,
    rewrite::RULES,
    rollout::RULES,
    trap::RULES,
    schema::RULES,
    escalation::RULES,
    online::RULES,
    mysql::RULES,
    authority::RULES,
    sqlite::RULES,
];

/// The rule about statements that no reader understands.
pub(crate) const UNPARSED: &str = "unparsed";

/// A rule by its name, or the name that comes nearest.
pub(crate) fn find(name: &str) -> Result<&'static Rule, Option<&'static str>> {
    if let Some(rule) = rules().find(|rule| rule.name == name) {
        return Ok(rule);
    }
    let nearest = rules().map(|rule| (distance(rule.name, name), rule.name)).min();
    Err(nearest.filter(|(distance, _)| *distance <= 3.max(name.len() / 3)).map(|(_, name)| name))
}

/// How many characters have to be added, removed or changed.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(80).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, own) in left.chars().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, other) in right.iter().enumerate() {
            let changed = before + usize::from(own != *other);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

/// Names, for a sentence; none if there are none.
fn listed(names: &[&Name]) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    if names.is_empty() { None } else { Some(names.join(", ")) }
}

/// What of a deed takes as long as a table is large, if it does.
fn lasts(deed: &Deed, case: &Case<'_>) -> Option<String> {
    match deed {
        Deed::Update { table, filtered: false } if !case.is_new(table) => {
            Some(format!("changes all of {table}"))
        }
        Deed::Delete { table, filtered: false } if !case.is_new(table) => {
            Some(format!("deletes all of {table}"))
        }
        Deed::ValidateConstraint { table, .. } if !case.is_new(table) => {
            Some(format!("reads all of {table}"))
        }
        Deed::CreateIndex(index) if !case.is_new(&index.table) => {
            Some(format!("builds an index of {}", index.table))
        }
        Deed::Refresh { view, .. } if !case.is_new(view) => Some(format!("fills {view}")),
        _ => None,
    }
}
