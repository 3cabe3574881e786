//! Work that was begun and not ended: whether, and where, it can be gone on with.

use super::OutOfOrder;
use super::decide::{Decision, Scope};
use super::item::{Action, Replay, Which};
use crate::dialect::{Dialect, Fact, SessionLeft};
use crate::finding::{Finding, FindingKind};
use crate::history::{Evidence, OpenWork};
use crate::migration::{Migration, ScriptFile, SetName};
use crate::prepare::{Prepared, statement_digest};
use crate::script::{Script, Statement};

impl Decision<'_> {
    /// Work that was begun outside a transaction comes first. Answers whether nothing else is to be planned.
    pub(super) fn open_work(&mut self, scope: &mut Scope<'_>, pending: &mut Vec<usize>) -> bool {
        let Some(open) = scope.state.open.clone() else { return false };
        let set = scope.set.shared();
        let which = match open.version {
            Some(version) => {
                set.versioned().binary_search_by_key(&Some(version), Migration::version).map(Which::Versioned)
            }
            None => set
                .repeatables()
                .binary_search_by(|migration| migration.name().cmp(&open.name))
                .map(Which::Repeatable),
        };
        match which {
            // A newer program's text was begun: to run this one's over it would undo what was done of it.
            Ok(Which::Repeatable(index))
                if set.counts_revisions() && set.repeatables()[index].revision() < open.revision =>
            {
                scope.ahead = true;
                false
            }
            Ok(which) => {
                if let Which::Versioned(index) = which {
                    pending.retain(|other| *other != index);
                }
                self.resume(scope, &open, which);
                // What comes after a revert is for the one who asked for it to say.
                open.reverting
            }
            Err(_) if self.is_of_others(scope, &open, pending) => {
                scope.ahead = true;
                false
            }
            Err(_) => {
                let message =
                    "was begun and not ended, and this program does not know it: end it with one that does";
                self.find(FindingKind::Open, set.name(), open.label(), message);
                true
            }
        }
    }

    /// Whether work on what the set does not have is a newer program's: on a newer version, on a late one where those are
    /// allowed, or on a repeatable while everything of this program's is in force.
    fn is_of_others(&self, scope: &Scope<'_>, open: &OpenWork, pending: &[usize]) -> bool {
        let set = scope.set;
        match open.version {
            Some(version) => {
                set.last().is_none_or(|last| version > last)
                    || (self.request.out_of_order == OutOfOrder::Apply && !open.reverting)
            }
            None => {
                let counted = set.counts_revisions();
                let is_done = |migration: &Migration| {
                    scope.state.repeatables.get(migration.name()).is_some_and(|entry| {
                        entry.digest == *migration.digest()
                            || (counted && entry.revision > migration.revision().unwrap_or(1))
                    })
                };
                pending.is_empty() && set.repeatables().iter().all(is_done)
            }
        }
    }

    fn resume(&mut self, scope: &mut Scope<'_>, open: &OpenWork, which: Which) {
        let action = if open.reverting { Action::ResumeRevert } else { Action::Resume };
        let mut item = self.item(scope, which, action);
        let Some(migration) = item.migration().cloned() else { return };
        let Some(file) = item.script().cloned() else {
            let message = "its way down was begun, and its file is gone: restore it";
            self.find(FindingKind::NoWayDown, scope.name(), migration.label(), message);
            return;
        };
        let Some(prepared) = self.prepare(scope.name(), &migration, &file) else { return };
        if !open.ended {
            match resumable(scope.name(), &migration, &file, &prepared, open, self.dialect) {
                Ok(replay) => item.replay = replay,
                Err(finding) => {
                    self.findings.push(finding);
                    return;
                }
            }
        }
        let known = (!open.ended && !open.next_is_clean).then_some(open.evidence).flatten();
        item.missed = known == Some(Evidence::TookEffect);
        if known == Some(Evidence::Invalid) {
            item.leftovers.clone_from(&open.leftovers);
        }
        // What was begun on another server goes on here, and a row has to say so.
        item.whole = open.evidence == Some(Evidence::Whole) && !open.elsewhere;
        item.first_statement = match open.ended {
            true => prepared.statements,
            false => open.statements.len() + usize::from(item.missed),
        };
        item.begun = true;
        item.prepared = Some(prepared);
        match (migration.version(), open.reverting) {
            (Some(version), true) => {
                scope.working.remove(version);
                item.below = Some(version);
            }
            (Some(version), false) => {
                item.below = open.out_of_order.then_some(version);
                scope.working.put(version, *migration.digest());
            }
            (None, _) => scope.working.repeat(&migration),
        }
        item.head = Some(scope.working.head());
        item.repeatables = scope.working.repeatables();
        self.items.push(item);
    }
}

/// Whether a script that was begun can be gone on with: the statements that took effect are still its first ones, the
/// session holds nothing that is lost, and the next statement is known not to have taken effect or does no harm twice.
fn resumable(
    set: &SetName,
    migration: &Migration,
    file: &ScriptFile,
    prepared: &Prepared,
    open: &OpenWork,
    dialect: &Dialect,
) -> Result<Replay, Finding> {
    let refuse =
        |kind, message: String| Finding::new(kind, set, migration.label(), message).at(file.location());
    let done = open.statements.len();
    // Those with rows of their own are kept; what comes behind may be more than fits into memory.
    let mut rest = Script::stream_in_every_way(file.text(), &dialect.lexing);
    let mut statements: Vec<Statement<'_>> = rest.by_ref().take(done).collect();
    let same = statements.iter().map(statement_digest).eq(open.statements.iter().copied());
    if prepared.in_transaction || !same {
        let plural = if done == 1 { "its first statement" } else { "its first statements" };
        return Err(refuse(
            FindingKind::Changed,
            format!(
                "was begun, and {plural} ({done}) took effect: leave those, and `no-transaction`, as they were"
            ),
        ));
    }
    // Another statement may have been open than the one that stands there now: nothing can be said of that one.
    if !open.next_is_clean && open.digest != *migration.digest() {
        return Err(refuse(
            FindingKind::Changed,
            format!(
                "was changed after its statement {} was begun, whose outcome is not recorded: restore the file as it was \
                 and run that, or settle the statement",
                done + 1
            ),
        ));
    }
    let evidence = open.evidence.filter(|_| !open.next_is_clean);
    // What changes data only has been rolled back with all that it left in the session, and begins anew.
    if evidence == Some(Evidence::TookEffect) {
        statements.extend(rest.next());
    }
    let done = statements.len();
    let Some(next) = rest.next() else { return Ok(Replay::default()) };
    let place = format!("{}:{}:{}", file.location(), next.position().line, next.position().column);
    let doubt = |message: String| {
        Err(Finding::new(FindingKind::InDoubt, set, migration.label(), message).at(place.clone()))
    };
    if open.broken {
        return doubt(
            "one of its statements has ended the transaction that it ran in, so what of it was kept is not known; look \
             what the database has, end it or undo it by hand, then settle it as applied or as undone"
                .to_owned(),
        );
    }
    let mut rest = std::iter::once(next.clone()).chain(rest);
    let replay = match session_left(dialect, &statements, &mut rest) {
        SessionLeft::Replayed { before, statements } => Replay { before, statements },
        SessionLeft::Needed(session) => {
            return doubt(format!(
                "cannot be gone on with at statement {}: statement {} left something in a session that is gone; look \
                 what the database has, end the migration by hand or undo it, then settle it as applied or as undone",
                done + 1,
                session + 1
            ));
        }
    };
    if open.missed {
        return doubt(format!(
            "cannot be gone on with at statement {}: a routine or a trigger that was run before it may have made a temporary table \
             in a session that is gone, of a name that the rest uses; look what the database has, end the migration by hand or \
             undo it, then settle it as applied or as undone",
            done + 1
        ));
    }
    if let Some((then, now)) = &open.moved {
        return doubt(format!(
            "cannot be gone on with at statement {}: it was begun in {then}, and a new session, with the script's own `SET` \
             and `USE`, is in {now}; connect as it was begun, or end the migration by hand or undo it, then settle it as \
             applied or as undone",
            done + 1
        ));
    }
    if evidence.is_some_and(|it| it != Evidence::Unknown) {
        return Ok(replay);
    }
    let atomic = !dialect.facts(&next).has(Fact::NeedsNoTransaction) && evidence.is_none();
    // Of a script that changes data only, the statement that was announced stands for all behind it too.
    let begun = if prepared.data_only { usize::MAX } else { 1 };
    let mut begun = Script::stream_in_every_way(file.text(), &dialect.lexing).skip(done).take(begun);
    let harmless = begun.all(|it| {
        let facts = dialect.facts(&it);
        facts.has(Fact::RunAgain)
            || facts.has(Fact::Replay)
            || changes_the_session_only(dialect, &statements, &it)
    });
    if atomic || harmless || open.next_is_clean {
        return Ok(replay);
    }
    doubt(format!(
        "the outcome of statement {} is unknown: it was begun at {}, and no answer was recorded; look whether it took \
         effect, then settle it",
        done + 1,
        open.began
    ))
}

/// What the first statements of a script have left in a session that is gone.
pub(crate) fn session_left<'t>(
    dialect: &Dialect,
    done: &[Statement<'t>],
    rest: &mut dyn Iterator<Item = Statement<'t>>,
) -> SessionLeft {
    if let Some(left) = dialect.session_left {
        return left(done, rest);
    }
    let has = |fact| move |statement: &Statement<'_>| dialect.facts(statement).has(fact);
    match done.iter().position(has(Fact::SessionState)) {
        Some(session) => SessionLeft::Needed(session),
        None => {
            let replayed = done.iter().enumerate().filter(|(_, it)| has(Fact::Replay)(it));
            SessionLeft::Replayed {
                before: Vec::new(),
                statements: replayed.map(|(number, _)| number).collect(),
            }
        }
    }
}

/// Whether a statement leaves nothing but in its session, so that one that was cut off has left nothing at all.
fn changes_the_session_only<'t>(
    dialect: &Dialect,
    before: &[Statement<'t>],
    statement: &Statement<'t>,
) -> bool {
    let Some(left) = dialect.session_left else { return false };
    let mut all = before.to_vec();
    all.push(statement.clone());
    let left = left(&all, &mut std::iter::empty());
    matches!(left, SessionLeft::Replayed { statements, .. } if statements.contains(&before.len()))
}
