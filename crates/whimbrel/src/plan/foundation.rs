//! What a database has that no row of a set tells of: tables without a history, an emptied history, another tool's records, a
//! set under another name. Decides whether anything may be applied beside it.

use std::sync::Arc;

use super::Unbaselined;
use super::decide::{Decision, Scope};
use crate::dialect::Dialect;
use crate::finding::{Finding, FindingKind};
use crate::history::{InForce, SetHistory};
use crate::migration::{Migration, MigrationSet, Version};
use crate::placeholder::placeholders;
use crate::predecessor::{OURS, Predecessor};
use crate::traces::made_tables;

/// How many names a message lists.
const SHOWN: usize = 5;

impl Decision<'_> {
    /// A set without rows, where there is something that it may have made.
    pub(super) fn unbaselined(&mut self, scope: &Scope<'_>) {
        let told = |finding: &Finding| {
            matches!(finding.kind(), FindingKind::Unbaselined | FindingKind::Schema | FindingKind::Renamed)
        };
        if self.request.unbaselined == Unbaselined::Allow || self.findings.iter().any(told) {
            return;
        }
        let (subject, what) = if self.history.is_blank() {
            let tables = &self.history.other_tables;
            if tables.is_empty() {
                return;
            }
            let tables = list(tables.iter().map(String::as_str));
            let what = if self.history.exists {
                format!(
                    "has tables ({tables}), and its history has no row of an applied migration: the rows were deleted, or \
                     the database was restored without them; restore them, or"
                )
            } else {
                format!("has tables ({tables}), but no history:")
            };
            ("this database".to_owned(), what)
        } else if scope.state.is_blank() && !self.history.made.is_empty() {
            let made = made_tables(&[scope.set.shared()], &self.dialect.lexing);
            let there: Vec<&str> =
                made.iter().map(String::as_str).filter(|name| self.history.made.contains(*name)).collect();
            if there.is_empty() {
                return;
            }
            let what = format!(
                "has no rows in the history, and tables that it would make are there ({}): its rows were deleted, or \
                 something else made the tables; restore the rows, or",
                list(there.into_iter())
            );
            (format!("set {}", scope.name()), what)
        } else {
            return;
        };
        let (record, versions) = recorded(&self.history.predecessors, &scope.set.shared());
        let message = match record {
            Some(record) => format!("{what} {record}, or allow it with `Unbaselined::Allow`"),
            None => format!(
                "{what} say with `baseline` which version they are at, or allow it with `Unbaselined::Allow`"
            ),
        };
        let finding = Finding::new(FindingKind::Unbaselined, scope.name(), subject, message);
        self.findings.push(finding.about(versions));
    }

    /// Pending migrations that are in force under another name: the set was renamed, or its migrations were moved.
    pub(super) fn renamed(&mut self, scope: &Scope<'_>, pending: &[usize]) {
        let set = scope.set.shared();
        let sets = self.history.sets().filter(|(name, _)| *name != scope.name().as_str());
        let mut found: Option<(String, Vec<Version>)> = None;
        for (name, state) in sets {
            let mine = self.sets.iter().find(|set| set.name().as_str() == name);
            let known: Vec<Version> = pending
                .iter()
                .filter_map(|index| set.versioned().get(*index))
                .filter(|migration| is_in_force(&set, migration, state))
                .filter(|migration| !is_template(migration, self.dialect))
                // Two sets of one program may hold the same migration, as long as both do.
                .filter(|migration| {
                    mine.is_none_or(|mine| {
                        !mine.versioned().iter().any(|it| it.digest() == migration.digest())
                    })
                })
                .filter_map(Migration::version)
                .collect();
            if known.is_empty() {
                continue;
            }
            // Of programs that begin alike each may have what the other has; a set of which nothing else is known was renamed.
            let whole = mine.is_none() && state.in_force.values().all(|entry| has(&set, entry));
            if !whole && mine.is_none() && self.request.unbaselined == Unbaselined::Allow {
                continue;
            }
            if found.as_ref().is_none_or(|(_, other)| other.len() < known.len()) {
                found = Some((name.to_owned(), known));
            }
        }
        let Some((name, known)) = found else { return };
        let count = match known.as_slice() {
            [only] => format!("version {only}"),
            _ => format!("{} of its versions, up to {}", known.len(), known[known.len() - 1]),
        };
        let rest =
            if scope.state.is_blank() { ", or declare them under the new one with `baseline`" } else { "" };
        let message = format!(
            "would apply again what the history has in force for the set {name} ({count}): give the set its former name{rest}"
        );
        let finding =
            Finding::new(FindingKind::Renamed, scope.name(), format!("set {}", scope.name()), message);
        self.findings.push(finding.about(known));
    }
}

/// Whether values decide what a migration does: a set for each tenant may then have the same files, and its own values.
fn is_template(migration: &Migration, dialect: &Dialect) -> bool {
    let text = migration.up().text();
    text.contains("placeholders") && !placeholders(text, &dialect.lexing).is_empty()
}

/// Whether a migration is in force in another set's history, or was removed from it and its effects left.
fn is_in_force(set: &MigrationSet, migration: &Migration, state: &SetHistory) -> bool {
    let Some(version) = migration.version() else { return false };
    let entry = state.in_force.get(&version).or_else(|| state.removed.get(&version));
    entry.is_some_and(|entry| is_digest_of(set, migration, entry))
}

fn has(set: &MigrationSet, entry: &InForce) -> bool {
    set.versioned().iter().any(|migration| is_digest_of(set, migration, entry))
}

fn is_digest_of(set: &MigrationSet, migration: &Migration, entry: &InForce) -> bool {
    entry.digest == *migration.digest()
        || entry.formers.contains(migration.digest())
        || set.manifest().is_some_and(|manifest| {
            let mut formers = manifest.formers().iter();
            formers.any(|former| Some(former.version) == migration.version() && former.digest == entry.digest)
        })
}

/// What other tools have recorded, and which of the set's versions that are.
fn recorded(predecessors: &[Predecessor], set: &Arc<MigrationSet>) -> (Option<String>, Vec<Version>) {
    let versions: Vec<Version> = set.versioned().iter().filter_map(Migration::version).collect();
    let has = |predecessor: &&Predecessor| !predecessor.recorded.of(&versions).is_empty();
    let Some(found) = predecessors.iter().find(has).or_else(|| predecessors.first()) else {
        return (None, Vec::new());
    };
    let table = &found.table;
    let Some(tool) = found.tool else { return (None, Vec::new()) };
    if tool == OURS {
        let text = format!(
            "if {table} is its history, name it with `with_table`; else say with `baseline` which version they are at"
        );
        return (Some(text), Vec::new());
    }
    let had = found.recorded.of(&versions);
    let unfinished = found.recorded.unfinished();
    let unfinished = match unfinished.as_slice() {
        [] => String::new(),
        some => format!(
            "; it was begun there, and is not known to have ended: {}",
            list(some.iter().map(ToString::to_string).collect::<Vec<_>>().iter().map(String::as_str))
        ),
    };
    let Some(last) = had.last() else {
        let at = match found.recorded.newest() {
            Some(newest) => {
                format!("the newest version in {table} ({tool}) is {newest}, which this set does not have")
            }
            None => format!("{table} is the table of {tool}, and names none of this set's versions"),
        };
        return (Some(format!("{at}{unfinished}; say with `baseline` which version they are at")), had);
    };
    let holes: Vec<String> = versions
        .iter()
        .filter(|version| *version < last && !had.contains(version))
        .map(ToString::to_string)
        .collect();
    let holes = match holes.as_slice() {
        [] => String::new(),
        some => format!(", without {}", list(some.iter().map(String::as_str))),
    };
    let text = format!(
        "{tool} has recorded {} of this set's {} versions in {table}, up to {last}{holes}{unfinished}; declare exactly these \
         with `baseline`",
        had.len(),
        versions.len()
    );
    (Some(text), had)
}

/// The first names, and whether there are more.
fn list<'n>(mut names: impl Iterator<Item = &'n str>) -> String {
    let shown: Vec<&str> = names.by_ref().take(SHOWN).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    shown.join(", ") + more
}
