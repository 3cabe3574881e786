//! The decision table: what a set, its history and a request come to. `docs/design/decisions.md` has it as a table.

use std::borrow::Cow;

use super::explain;
use super::item::{Action, PlanItem, Replay, Which};
use super::working::Working;
use super::{Ahead, Goal, OutOfOrder, PlannedSet, Request, Reverted, Transaction};
use crate::dialect::Dialect;
use crate::digest::Digest;
use crate::finding::{Finding, FindingKind, Weight};
use crate::history::{EVERY_SET, History, InForce, SetHistory};
use crate::migration::{Kind, Migration, MigrationSet, ScriptFile, SetName, Version};
use crate::prepare::{Prepared, Sharing, prepare};
use crate::verify::Verified;

/// A decision under way: what was found, and what would be done.
pub(super) struct Decision<'a> {
    pub(super) history: &'a History,
    pub(super) request: &'a Request,
    pub(super) dialect: &'a Dialect,
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<Finding>,
    pub(super) items: Vec<PlanItem>,
    pub(super) planned: Vec<PlannedSet>,
    /// All sets of the request.
    pub(super) sets: &'a [Verified<MigrationSet>],
    environment: Option<String>,
}

/// One set of it.
pub(super) struct Scope<'a> {
    pub(super) set: &'a Verified<MigrationSet>,
    pub(super) state: Cow<'a, SetHistory>,
    pub(super) working: Working,
    pub(super) ahead: bool,
}

impl Scope<'_> {
    pub(super) fn name(&self) -> &SetName {
        self.set.name()
    }
}

/// The finding that a history belongs to another environment than the one that was asked for.
pub(crate) fn other_environment(history: &History, request: &Request, set: &SetName) -> Option<Finding> {
    let wanted = request.environment.as_ref()?;
    let recorded = history.environment().filter(|recorded| recorded != wanted)?;
    let message =
        format!("this database belongs to `{recorded}`: check which database the program is connected to");
    Some(Finding::new(FindingKind::Environment, set, wanted, message))
}

/// A finding for each row of a history that is not as it was written.
pub(crate) fn broken_rows(rows: &SetHistory, set: &SetName) -> Vec<Finding> {
    rows.broken().iter().map(|row| row.finding(set)).collect()
}

impl<'a> Decision<'a> {
    pub(super) fn new(
        sets: &'a [Verified<MigrationSet>],
        history: &'a History,
        request: &'a Request,
        dialect: &'a Dialect,
    ) -> Self {
        Self {
            history,
            request,
            dialect,
            findings: Vec::new(),
            notes: Vec::new(),
            items: Vec::new(),
            planned: Vec::new(),
            sets,
            environment: None,
        }
    }

    pub(super) fn find(
        &mut self,
        kind: FindingKind,
        set: &SetName,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.findings.push(Finding::new(kind, set, subject, message));
    }

    /// Compares the environment with the history's.
    pub(super) fn environment(&mut self, first: Option<&SetName>) {
        let (Some(wanted), Some(set)) = (&self.request.environment, first) else { return };
        match other_environment(self.history, self.request, set) {
            Some(finding) => self.findings.push(finding),
            None if self.history.environment().is_some() => {}
            None => self.environment = Some(wanted.clone()),
        }
    }

    /// Refuses rows that are wrong and concern all sets.
    pub(super) fn rows_of_all_sets(&mut self, first: Option<&SetName>) {
        let rows = self.history.rows_of(EVERY_SET).zip(first);
        self.findings.extend(rows.into_iter().flat_map(|(rows, set)| broken_rows(rows, set)));
    }

    /// Where there is no history, and one of that name in another schema, or a schema that this connection cannot see into
    /// comes first: the search path is not what whoever migrated before had.
    pub(super) fn schemas(&mut self, first: Option<&SetName>) {
        let Some(set) = first.filter(|_| !self.history.exists) else { return };
        for schema in &self.history.elsewhere {
            let message = "has a history, and the one that this connection would begin is another: mend the search path, or \
                           name the schema of the one that is meant in `with_table`";
            self.find(FindingKind::Schema, set, schema, message.to_owned());
        }
        for schema in &self.history.unusable {
            let message = format!(
                "comes first on the search path, and may not be used: GRANT USAGE, CREATE ON SCHEMA {schema} to the role, or \
                 take it off the path"
            );
            self.find(FindingKind::Schema, set, schema, message);
        }
    }

    /// Decides for one set; `last` is the one that a target or a revert is about.
    pub(super) fn set(&mut self, set: &'a Verified<MigrationSet>, last: bool) {
        let name = set.name();
        if self.planned.iter().any(|other| other.set.name() == name) {
            self.find(
                FindingKind::Duplicate,
                name,
                name.as_str(),
                "two sets have this name: give one another",
            );
            return;
        }
        let state = self.history.set(name);
        let working = Working::new(name.as_str(), &state);
        let expected = self.history.tail(name.as_str());
        let mut scope = Scope { set, state, working, ahead: false };
        self.findings.extend(broken_rows(&scope.state, name));
        let first = self.items.len();
        if let Some(environment) = self.environment.take() {
            let action = Action::Environment { name: environment };
            let mut item = self.item(&scope, Which::None, action);
            item.label = "environment".to_owned();
            self.items.push(item);
        }
        match self.request.goal {
            Goal::Latest => self.forward(&mut scope, None),
            Goal::UpTo(target) => self.forward(&mut scope, last.then_some(target)),
            Goal::RevertTo(target) if last => self.revert(&mut scope, target),
            Goal::Redo if last => self.redo(&mut scope),
            Goal::Baseline(target) if last => self.baseline(&mut scope, target),
            Goal::RevertTo(_) | Goal::Redo | Goal::Baseline(_) => {}
        }
        if scope.state.open.is_some() {
            // No row may read as done while work is open, whatever it is about itself.
            for item in self.items[first..].iter_mut().take_while(|item| !item.begun) {
                item.head = None;
            }
        }
        let ahead = scope.ahead;
        self.planned.push(PlannedSet { set: set.shared(), expected, ahead });
    }

    /// One transaction for all sets was asked for.
    pub(super) fn refuse_what_cannot_share(&mut self) {
        if self.request.transaction != Transaction::PerRun || self.items.len() < 2 {
            return;
        }
        let message =
            "cannot share a transaction with others: use another transaction mode, or run it by itself";
        let apart = self.items.iter().filter(|item| item.sharing() != Sharing::Shared);
        let found =
            apart.map(|item| Finding::new(FindingKind::Script, item.set_name(), &item.label, message));
        self.findings.extend(found);
    }

    pub(super) fn item(&self, scope: &Scope<'_>, which: Which, action: Action) -> PlanItem {
        let mut item = PlanItem {
            set: scope.set.shared(),
            which,
            action,
            label: String::new(),
            version: None,
            digest: None,
            formers: Vec::new(),
            head: Some(scope.working.head()),
            repeatables: scope.working.repeatables(),
            below: None,
            prepared: None,
            first_statement: 0,
            begun: false,
            missed: false,
            leftovers: Vec::new(),
            former: false,
            whole: false,
            replay: Replay::default(),
        };
        if let Some(migration) = item.migration() {
            let (label, version, digest) = (migration.label(), migration.version(), *migration.digest());
            (item.label, item.version, item.digest) = (label, version, Some(digest));
            // An older program, whose digest is a former one, must find it, whoever has applied it.
            if let Some(manifest) = scope.set.manifest().filter(|_| version.is_some()) {
                let formers = manifest.formers().iter().filter(|former| Some(former.version) == version);
                item.formers = formers.map(|former| former.digest).collect();
            }
        }
        item
    }

    /// Everything, or everything up to a target, is to be in force.
    fn forward(&mut self, scope: &mut Scope<'_>, target: Option<Version>) {
        let name = scope.name().clone();
        if let Some(target) = target.filter(|target| scope.set.migration(*target).is_none()) {
            self.find(FindingKind::Target, &name, target.to_string(), "this set has no such version");
            return;
        }
        self.strangers(scope);
        let mut pending = self.known(scope);
        if self.open_work(scope, &mut pending) {
            return;
        }
        pending.retain(|&index| {
            target.is_none_or(|target| scope.set.versioned()[index].version() <= Some(target))
        });
        if scope.ahead && self.request.ahead == Ahead::Refuse {
            let newest = scope.state.in_force.iter().next_back();
            let newest =
                newest.map_or_else(|| name.to_string(), |(version, entry)| explain::label(*version, entry));
            self.find(
                FindingKind::Ahead,
                &name,
                newest,
                "is in force, and this program does not know it: deploy a newer one",
            );
        }
        self.renamed(scope, &pending);
        if !pending.is_empty() {
            self.unbaselined(scope);
        }
        self.refuse_reverted(scope, &pending, target);
        for index in pending {
            self.apply(scope, index);
        }
        if target.is_none() && !scope.ahead {
            self.repeatables(scope);
        }
    }

    /// Migrations in force that the set does not have.
    fn strangers(&mut self, scope: &mut Scope<'_>) {
        let name = scope.name().clone();
        let tombstones =
            scope.set.manifest().map(|manifest| manifest.tombstones().to_vec()).unwrap_or_default();
        let in_force = scope.state.in_force.clone();
        for (version, entry) in
            in_force.iter().filter(|(version, _)| scope.set.migration(**version).is_none())
        {
            let tombstone = tombstones.iter().find(|tombstone| tombstone.version == *version);
            let label = explain::label(*version, entry);
            if let Some(tombstone) = tombstone {
                if tombstone.digest != entry.digest && !entry.formers.contains(&tombstone.digest) {
                    let message = "the manifest's tombstone is for another digest than the applied one";
                    self.find(FindingKind::Changed, &name, label, message);
                    continue;
                }
                scope.working.remove(*version);
                let action = Action::Tombstone { reason: tombstone.reason.clone() };
                let mut item = self.item(scope, Which::None, action);
                (item.label, item.version, item.digest) = (label, Some(*version), Some(entry.digest));
                (item.formers, item.below) = (entry.formers.clone(), Some(*version));
                self.items.push(item);
            } else if scope.set.last().is_none_or(|last| *version > last)
                || self.request.out_of_order == OutOfOrder::Apply
            {
                scope.ahead = true;
            } else {
                self.find(
                    FindingKind::Unknown,
                    &name,
                    label,
                    "is in force, older than this program's newest, and not known to it: restore its file, or remove it \
                     with a tombstone",
                );
            }
        }
    }

    /// Compares the migrations that both know; returns those that are not in force.
    fn known(&mut self, scope: &mut Scope<'_>) -> Vec<usize> {
        let formers = scope.set.manifest().map(|manifest| manifest.formers().to_vec()).unwrap_or_default();
        let mut pending = Vec::new();
        for (index, migration) in scope.set.shared().versioned().iter().enumerate() {
            let Some(version) = migration.version() else { continue };
            let entry = scope.state.in_force.get(&version);
            let Some(entry) = entry.or_else(|| scope.state.removed.get(&version)) else {
                pending.push(index);
                continue;
            };
            if entry.digest == *migration.digest() || entry.formers.contains(migration.digest()) {
                continue;
            }
            let entry = entry.clone();
            match formers.iter().find(|former| former.version == version && former.digest == entry.digest) {
                Some(former) if scope.state.in_force.contains_key(&version) => {
                    scope.working.put(version, *migration.digest());
                    let action = Action::Accept { reason: former.reason.clone() };
                    let mut item = self.item(scope, Which::Versioned(index), action);
                    item.below = Some(version);
                    for digest in entry.formers.into_iter().chain([entry.digest]) {
                        if !item.formers.contains(&digest) {
                            item.formers.push(digest);
                        }
                    }
                    self.items.push(item);
                }
                _ => {
                    let message = explain::changed(migration, &entry);
                    self.findings.push(
                        Finding::new(FindingKind::Changed, scope.name(), migration.label(), message)
                            .at(migration.up().location()),
                    );
                }
            }
        }
        pending
    }

    fn refuse_reverted(&mut self, scope: &Scope<'_>, pending: &[usize], target: Option<Version>) {
        let had = scope.state.had(scope.set.head())
            || target.is_some_and(|target| scope.state.had(&scope.set.head_at(target)));
        if self.request.reverted == Reverted::Apply || !had {
            return;
        }
        for &index in pending {
            let migration = &scope.set.versioned()[index];
            let Some(at) = migration.version().and_then(|version| scope.state.reverted.get(&version)) else {
                continue;
            };
            let message = format!(
                "was reverted on {} after this program had applied it: ask for it with `Reverted::Apply`",
                explain::day(at)
            );
            self.find(FindingKind::Reverted, scope.name(), migration.label(), message);
        }
    }

    fn apply(&mut self, scope: &mut Scope<'_>, index: usize) {
        let set = scope.set.shared();
        let migration = &set.versioned()[index];
        let Some(version) = migration.version() else { return };
        let newer = scope
            .state
            .in_force
            .range(version..)
            .chain(scope.state.removed.range(version..))
            .map(|(version, entry)| format!("{}, which is applied", explain::label(*version, entry)))
            .next()
            .or_else(|| {
                let open = scope.state.open.as_ref().filter(|open| open.version > Some(version))?;
                Some(format!("{}, which was begun", open.label()))
            });
        let action = match newer {
            None => Action::Apply,
            Some(_) if self.request.out_of_order == OutOfOrder::Apply => Action::ApplyOutOfOrder,
            Some(newer) => {
                self.findings.push(
                    Finding::new(
                        FindingKind::Late,
                        set.name(),
                        migration.label(),
                        format!(
                            "older than {newer}: give it a new version, or apply it with \
                             `OutOfOrder::Apply`"
                        ),
                    )
                    .at(migration.up().location()),
                );
                return;
            }
        };
        let below = (action == Action::ApplyOutOfOrder).then_some(version);
        let prepared = match migration.kind() {
            Kind::Sql => match self.prepare(set.name(), migration, migration.up()) {
                Some(prepared) => Some(prepared),
                None => return,
            },
            Kind::Rust { .. } => None,
        };
        scope.working.put(version, *migration.digest());
        let mut item = self.item(scope, Which::Versioned(index), action);
        (item.below, item.prepared) = (below, prepared);
        self.items.push(item);
    }

    pub(super) fn prepare(
        &mut self,
        set: &SetName,
        migration: &Migration,
        file: &ScriptFile,
    ) -> Option<Prepared> {
        let prepared = prepare(set, migration, file, self.dialect)
            .map_err(|findings| self.findings.extend(findings))
            .ok()?;
        if prepared.statements == 0 {
            let down = migration.down().is_some_and(|down| down.path() == file.path());
            let message = if down {
                "has a way down without a statement: there is nothing to undo"
            } else {
                "holds no statement: it is recorded, and changes nothing"
            };
            let note = Finding::new(FindingKind::Script, set, migration.label(), message);
            self.notes.push(note.at(file.location()).weighing(Weight::Note));
        }
        Some(prepared)
    }

    fn repeatables(&mut self, scope: &mut Scope<'_>) {
        let set = scope.set.shared();
        // Without a manifest nobody counts revisions: a changed text is run.
        let counted = set.counts_revisions();
        for (index, migration) in set.repeatables().iter().enumerate() {
            let revision = migration.revision().unwrap_or(1);
            match scope.state.repeatables.get(migration.name()) {
                Some(entry) if counted && entry.revision > revision => continue,
                Some(entry)
                    if entry.digest == *migration.digest() && (!counted || entry.revision == revision) =>
                {
                    continue;
                }
                Some(entry) if counted && entry.revision == revision => {
                    let message = format!(
                        "revision {revision} is in force with another text: two branches have counted it up alike; lock \
                         again on top of the other one"
                    );
                    self.findings.push(
                        Finding::new(FindingKind::Revision, set.name(), migration.label(), message)
                            .at(migration.up().location()),
                    );
                    continue;
                }
                _ => {}
            }
            let open = scope.state.open.as_ref();
            if open.is_some_and(|open| open.version.is_none() && open.name == migration.name()) {
                continue;
            }
            let Some(prepared) = self.prepare(set.name(), migration, migration.up()) else { continue };
            scope.working.repeat(migration);
            let mut item = self.item(scope, Which::Repeatable(index), Action::Repeat);
            item.prepared = Some(prepared);
            self.items.push(item);
        }
    }

    /// Nothing newer than the target is to be in force.
    fn revert(&mut self, scope: &mut Scope<'_>, target: Option<Version>) {
        let name = scope.name().clone();
        if let Some(target) = target.filter(|target| !scope.state.in_force.contains_key(target)) {
            self.find(
                FindingKind::Target,
                &name,
                target.to_string(),
                "is not in force, so there is nothing to go back to",
            );
            return;
        }
        if let Some(open) = scope.state.open.clone() {
            if !open.reverting {
                let message = "was begun and not ended: run, or settle it, before reverting";
                self.find(FindingKind::Open, &name, open.label(), message);
                return;
            }
            self.open_work(scope, &mut Vec::new());
        }
        let newer: Vec<(Version, InForce)> = scope
            .state
            .in_force
            .iter()
            .rev()
            .map(|(version, entry)| (*version, entry.clone()))
            .take_while(|(version, _)| Some(*version) > target)
            .filter(|(version, _)| scope.working.has(*version))
            .collect();
        for (version, entry) in newer {
            self.revert_one(scope, version, &entry);
        }
    }

    fn revert_one(&mut self, scope: &mut Scope<'_>, version: Version, entry: &InForce) {
        let set = scope.set.shared();
        let label = explain::label(version, entry);
        let Ok(index) = set.versioned().binary_search_by_key(&Some(version), Migration::version) else {
            self.find(
                FindingKind::NoWayDown,
                set.name(),
                label,
                "this program does not know it: use the one that does",
            );
            return;
        };
        let migration = &set.versioned()[index];
        if entry.digest != *migration.digest() && !entry.formers.contains(migration.digest()) {
            self.find(FindingKind::Changed, set.name(), label, explain::changed(migration, entry));
            return;
        }
        let prepared = match (migration.kind(), migration.down()) {
            (Kind::Sql, Some(down)) => match self.prepare(set.name(), migration, down) {
                Some(prepared) => Some(prepared),
                None => return,
            },
            (Kind::Rust { reversible: true, .. }, _) => None,
            _ => {
                let message = "has no way down: write a new migration that undoes it, or restore a backup";
                self.find(FindingKind::NoWayDown, set.name(), label, message);
                return;
            }
        };
        scope.working.remove(version);
        let mut item = self.item(scope, Which::Versioned(index), Action::Revert);
        (item.below, item.prepared) = (Some(version), prepared);
        item.former = entry.digest != *migration.digest();
        self.items.push(item);
    }

    fn redo(&mut self, scope: &mut Scope<'_>) {
        let name = scope.name().clone();
        if let Some(open) = &scope.state.open {
            self.find(
                FindingKind::Open,
                &name,
                open.label(),
                "was begun and not ended: run, or settle it, first",
            );
            return;
        }
        let Some((version, entry)) = scope.state.in_force.iter().next_back().map(|(v, e)| (*v, e.clone()))
        else {
            self.find(
                FindingKind::Nothing,
                &name,
                name.as_str(),
                "nothing is in force, so nothing can be redone",
            );
            return;
        };
        let before = self.findings.len();
        self.revert_one(scope, version, &entry);
        if self.findings.len() == before
            && let Ok(index) = scope.set.versioned().binary_search_by_key(&Some(version), Migration::version)
        {
            let mut state = scope.state.clone().into_owned();
            state.in_force.remove(&version);
            scope.state = Cow::Owned(state);
            self.apply(scope, index);
        }
    }

    fn baseline(&mut self, scope: &mut Scope<'_>, target: Version) {
        let name = scope.name().clone();
        if !scope.state.is_blank() {
            let message = "this set has a history already, so there is nothing to declare";
            self.find(FindingKind::Baselined, &name, name.as_str(), message);
            return;
        }
        if scope.set.migration(target).is_none() {
            self.find(FindingKind::Target, &name, target.to_string(), "this set has no such version");
            return;
        }
        let set = scope.set.shared();
        let only = self.request.baselined.as_ref();
        let strange = only.into_iter().flatten().find(|it| **it > target || set.migration(**it).is_none());
        if let Some(strange) = strange {
            let message = format!("is no version of this set up to {target}, so it cannot be declared");
            self.find(FindingKind::Target, &name, strange.to_string(), message);
            return;
        }
        let mut first = true;
        for (index, migration) in set.versioned().iter().enumerate() {
            let Some(version) = migration.version().filter(|version| *version <= target) else { break };
            if only.is_some_and(|only| !only.contains(&version)) {
                continue;
            }
            scope.working.put(version, *migration.digest());
            let mut item = self.item(scope, Which::Versioned(index), Action::Baseline);
            // One row for all of them is enough: a boot reads an entry for each row that names a version here.
            item.below = std::mem::take(&mut first).then_some(version);
            self.items.push(item);
        }
    }
}

/// The digest that a version has in force, for `Working`.
pub(super) fn digests(state: &SetHistory) -> impl Iterator<Item = (Version, Digest)> {
    state.in_force.iter().map(|(version, entry)| (*version, entry.digest))
}
