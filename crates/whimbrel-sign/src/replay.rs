//! The second gate: what would be done under a manifest that is older than the history. Knows no keys.

use whimbrel::{Action, Finding, FindingKind, Plan};

/// A finding for each step that an older manifest asks for.
pub(crate) fn check(plan: &Plan) -> Vec<Finding> {
    let steps = plan.items().iter().filter(|item| !matches!(item.action(), Action::Environment { .. }));
    steps
        .filter_map(|item| {
            let why = if plan.is_ahead_of(item.set_name()) {
                "the database has newer migrations, which this manifest does not know: it was signed once, and is no \
                 longer the newest one; bring that back, or lock and sign one that has them all"
            } else if item.is_former() {
                "the database has a newer text of this migration, and this manifest a former one: bring back the newest \
                 manifest"
            } else {
                return None;
            };
            let finding = Finding::new(FindingKind::Replay, item.set_name(), item.label(), why);
            Some(match item.migration() {
                Some(migration) => finding.at(migration.up().location()),
                None => finding,
            })
        })
        .collect()
}
