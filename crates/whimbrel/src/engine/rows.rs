//! What the rows of a plan say: of migrations that are done, of work that is under way, of what has failed. Writes none.

use super::{Engine, Group};
use crate::detail::Detail;
use crate::dialect::Fact;
use crate::driver::ErrorClass;
use crate::effect::Effect;
use crate::history::{BUSY, EVERY_SET, HistoryEvent, NewRow, placed_server};
use crate::intent::Intent;
use crate::migration::Key;
use crate::plan::{Action, PlanItem};
use crate::prepare::statement_digest;
use crate::script::Statement;

impl Engine<'_, '_> {
    /// The row that says that a step of the plan is done.
    pub(super) fn done_row(&self, item: &PlanItem) -> NewRow {
        let migration = item.migration();
        let mut detail = Detail::new()
            .with_some("reason", self.settings.reason)
            .with_some("down", migration.and_then(|migration| migration.down()).map(|down| *down.digest()));
        if let Some(granted) = self.plan.granted() {
            detail = detail.with("approved", granted.plan).with("approved_by", granted.approval.who());
        }
        for former in item.formers() {
            detail = detail.with("former", former);
        }
        detail = match &item.action() {
            Action::Accept { reason } | Action::Tombstone { reason } => detail.with("because", reason),
            Action::Environment { name } => detail.with("name", name),
            Action::ApplyOutOfOrder => detail.with("order", "late"),
            _ => detail,
        };
        if let Some(Key::Repeatable { revision }) = migration.map(|migration| migration.key()) {
            detail = detail.with("revision", revision);
        }
        let environment = matches!(item.action(), Action::Environment { .. });
        let name = item.label().split_once('_').map(|(_, name)| name.trim_start_matches('_').to_owned());
        NewRow {
            set: if environment { EVERY_SET.to_owned() } else { item.set_name().to_string() },
            event: item.event(),
            version: item.version(),
            name: migration.map(|migration| migration.name().to_owned()).or(name.filter(|_| !environment)),
            digest: item.digest(),
            head: item.head(),
            repeatables: item.repeatables(),
            below: item.below(),
            detail,
            mark: None,
        }
    }

    /// The row that says that a migration has failed, and that nothing of it remains.
    pub(super) fn failed_row(&self, item: &PlanItem, statement: Option<usize>, code: Option<&str>) -> NewRow {
        let state = self.history.set(item.set_name());
        NewRow {
            event: HistoryEvent::Failed,
            head: state.open.is_none().then(|| state.head()),
            repeatables: state.repeatables_digest(),
            below: None,
            detail: Detail::new().with_some("statement", statement).with_some("code", code),
            ..self.done_row(item)
        }
    }

    /// A row about the work on a migration, which leaves it open.
    pub(super) fn open_row(&self, item: &PlanItem, event: HistoryEvent, detail: Detail) -> NewRow {
        let mut row = self.done_row(item);
        row.event = event;
        row.head = None;
        row.repeatables = self.history.set(item.set_name()).repeatables_digest();
        // The first row of work that is not at the end says so: a boot must not take it for a newer program's.
        if !matches!(event, HistoryEvent::Begun | HistoryEvent::Reverting) {
            row.below = None;
        }
        let revision = item.migration().and_then(|migration| migration.revision());
        row.detail = match item.action() {
            Action::ApplyOutOfOrder => detail.with("order", "late"),
            _ if event == HistoryEvent::Begun => detail.with_some("revision", revision),
            _ => detail,
        };
        row
    }

    /// The rows that close the run for the sets of which nothing is left to do behind a group, with the times of their
    /// migrations.
    pub(super) fn finished_rows(&self, group: &Group<'_>) -> Vec<NewRow> {
        let mut rows: Vec<NewRow> = Vec::new();
        for item in group.items.iter().rev() {
            let set = item.set_name();
            let mut times = self.times.iter().filter(|(of, ..)| of == set).peekable();
            let more = group.rest.iter().any(|item| item.set_name() == set);
            if more || times.peek().is_none() || rows.iter().any(|row| row.set == set.as_str()) {
                continue;
            }
            rows.push(NewRow {
                set: set.to_string(),
                event: HistoryEvent::Finished,
                version: None,
                name: None,
                digest: None,
                head: item.head(),
                repeatables: item.repeatables(),
                below: None,
                detail: times.fold(Detail::new(), |detail, (_, label, time)| {
                    detail.with("took", format_args!("{label}:{}", time.as_micros()))
                }),
                mark: None,
            });
        }
        rows
    }

    /// The row that says that a script is about to run, statement by statement.
    pub(super) fn begun_row(&self, item: &PlanItem, statements: &[Statement<'_>]) -> NewRow {
        let event = if item.is_down() { HistoryEvent::Reverting } else { HistoryEvent::Begun };
        let detail = Detail::new()
            .with_some("reason", self.settings.reason)
            .with_some("server", self.server.as_deref().map(placed_server));
        let mark = statements.first().and_then(|next| self.mark(next));
        NewRow { mark, ..self.open_row(item, event, detail) }
    }

    /// The row that says that the statement to go on with is about to be run.
    pub(super) fn attempt_row(&self, item: &PlanItem, statements: &[Statement<'_>]) -> NewRow {
        let first = item.first_statement();
        self.attempt_at(item, first, statements.get(first))
    }

    /// The row that says that a statement is about to be run, which is another one than the first of the run.
    pub(super) fn attempt_at(&self, item: &PlanItem, index: usize, next: Option<&Statement<'_>>) -> NewRow {
        let server = self.server.as_deref().map(placed_server);
        let detail = Detail::new().with("statement", index + 1).with_some("server", server);
        let row = self.open_row(item, HistoryEvent::Attempt, detail);
        NewRow { mark: next.and_then(|next| self.mark(next)), ..row }
    }

    /// The row that says that a statement took effect, and announces the next one.
    pub(super) fn statement_row(
        &self,
        item: &PlanItem,
        index: usize,
        statement: &Statement<'_>,
        next: &Statement<'_>,
    ) -> NewRow {
        let detail = Detail::new().with("statement", index + 1).with("text", statement_digest(statement));
        let row = self.open_row(item, HistoryEvent::Statement, detail);
        NewRow { mark: self.mark(next), ..row }
    }

    /// The rows that come before a script is gone on with, where each statement is waited for.
    pub(super) fn intent_rows(&self, item: &PlanItem, statements: &[Statement<'_>]) -> Vec<NewRow> {
        let announced = self.is_to_be_announced(item, statements);
        let attempt = announced.then(|| self.attempt_row(item, statements));
        self.missed_row(item, statements).into_iter().chain(attempt).collect()
    }

    /// Whether a row has to say that the statement to go on with is about to be run: its own row could not tell, or the
    /// newest row says nothing, or not enough, of where it runs.
    pub(super) fn is_to_be_announced(&self, item: &PlanItem, statements: &[Statement<'_>]) -> bool {
        let next = statements.get(item.first_statement());
        let open = &self.history.set(item.set_name()).open;
        let unplaced = self.dialect.effects.is_some() && open.as_ref().is_some_and(|open| !open.placed);
        next.is_some() && (self.is_doubtful(next) || item.missed() || unplaced)
    }

    /// Whether the row of a statement alone could not tell, should it be missing, that it had no effect.
    pub(super) fn is_doubtful(&self, statement: Option<&Statement<'_>>) -> bool {
        statement.is_some_and(|next| {
            let facts = self.dialect.facts(next);
            facts.has(Fact::NeedsNoTransaction) && !facts.has(Fact::RunAgain) && !facts.has(Fact::Replay)
        })
    }

    /// The row of a statement that took effect, and was found afterwards to have.
    pub(super) fn missed_row(&self, item: &PlanItem, statements: &[Statement<'_>]) -> Option<NewRow> {
        let first = item.first_statement();
        let statement = statements.get(first.checked_sub(1)?).filter(|_| item.missed())?;
        let text = statement_digest(statement);
        let detail = Detail::new().with("statement", first).with("text", text).with("found", "afterwards");
        Some(self.open_row(item, HistoryEvent::Statement, detail))
    }

    /// What a row says of the statement that it announces, as an expression: where it runs, and the mark of what it would
    /// change.
    pub(super) fn mark(&self, statement: &Statement<'_>) -> Option<String> {
        if let Some(asked) = &self.announced {
            return Some((self.dialect.literal)(asked));
        }
        let effects = self.dialect.effects?;
        let effect = Effect::of(statement).filter(|_| self.is_doubtful(Some(statement)));
        Some(Intent::expression(&effects, effect.as_ref(), self.dialect.literal))
    }

    /// The row that says that a statement outside transactions has failed and had no effect.
    pub(super) fn failed_statement(
        &self,
        item: &PlanItem,
        index: usize,
        code: Option<&str>,
        class: Option<ErrorClass>,
    ) -> NewRow {
        let busy = matches!(class, Some(ErrorClass::Busy | ErrorClass::Conflict)).then_some(BUSY);
        let detail =
            Detail::new().with("statement", index + 1).with_some("code", code).with_some("because", busy);
        self.open_row(item, HistoryEvent::Failed, detail)
    }
}
