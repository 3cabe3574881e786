//! Steps outside a transaction: statement by statement, each recorded, so that a later run can go on behind the last one
//! that took effect.
//!
//! A statement that can run in a transaction commits together with its row: it took effect if, and only if, its row is
//! there. One that cannot is run, and then its row is written; `plan/resume.rs` knows what a missing row then means.
//! Every row asserts that the one before it is the one that this process knows, so two processes that go on with one
//! script at the same time do each statement once.

use std::time::{Duration, Instant};

use super::bundle::Bundle;
use super::commit::When;
use super::{Apart, Engine, Failing, Group, Left, Progress, cascade};
use crate::dialect::{Ddl, DroppedTable, Fact, RoleSql};
use crate::driver::{Answers, ColumnError, DriverError, ErrorClass, Message};
use crate::effect::{Change, Effect};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Evidence, NewRow};
use crate::intent::Intent;
use crate::migrator::evidence;
use crate::observe::Event;
use crate::plan::PlanItem;
use crate::script::{Script, Statement};

/// A script under way.
struct Journal<'e, 'p> {
    item: &'e PlanItem,
    group: &'p Group<'e>,
    statements: &'p [Statement<'e>],
    began: Instant,
}

impl<'e> Engine<'e, '_> {
    /// Carries out the group's only step, outside a transaction.
    pub(super) async fn run_journal(&mut self, group: &Group<'e>) -> Result<Progress> {
        let item = &group.items[0];
        let Some(file) = item.script() else {
            return Err(Error::new(ErrorKind::Bug, "a step outside a transaction has no script"));
        };
        let script = Script::parse(file.text(), &self.dialect.lexing)
            .map_err(|_| Error::new(ErrorKind::Bug, "a script that was prepared cannot be cut any more"))?;
        // Until the session ends nobody else gets this lock, so nobody takes for dead what is still at work.
        if self.dialect.lock.is_some() && !self.hold_lock().await? {
            return Ok(Progress::Again);
        }
        let tails = self.tails(When::Before).await.map_err(|error| self.fail(error))?;
        if tails.moved {
            return Ok(Progress::Again);
        }
        let saved = tails.settings;
        self.session.opened();
        let stays = self.stays(std::slice::from_ref(item)).map(str::to_owned);
        self.apart = tails.own.map(|own| Apart { item, script: own.clone(), lost: false, own, stays });
        let journal = Journal { item, group, statements: script.statements(), began: Instant::now() };
        let result = self.run_statements(&journal).await;
        self.apart = None;
        self.put_back(&saved, result).await
    }

    async fn run_statements(&mut self, journal: &Journal<'e, '_>) -> Result<Progress> {
        let item = journal.item;
        self.started(item);
        if !item.begun() || self.wants_backup() {
            let announced = match item.begun() {
                true => None,
                false => self.ask_as_role(journal.statements.first()).await?,
            };
            let Some(mut fenced) = self.fence().await? else { return Ok(Progress::Again) };
            let backup = match self.back_up(journal.group).await {
                Ok(backup) => backup,
                Err(error) => {
                    self.session.roll_back().await;
                    return Err(self.fail(error));
                }
            };
            // Where the server is, the fence has asked.
            if !item.begun() {
                self.announced = announced;
            }
            let begins = (!item.begun()).then(|| self.begun_row(item, journal.statements));
            let rows = backup.into_iter().chain(begins).collect();
            if let Some(progress) =
                self.finish(&mut fenced, rows, Failing::Ours("writing the history"), &[]).await?
            {
                return Ok(progress);
            }
        }
        let first = item.first_statement();
        if first == journal.statements.len() {
            // Everything has taken effect, and only the row that says so is missing.
            let Some(mut fenced) = self.fence().await? else { return Ok(Progress::Again) };
            let elapsed = self.note_time(journal);
            let mut rows: Vec<NewRow> = self.missed_row(item, journal.statements).into_iter().collect();
            rows.extend(self.closing_rows(journal));
            let failing = Failing::Ours("writing the history");
            let done = self.finish(&mut fenced, rows, failing, &[(item, elapsed)]).await?;
            return Ok(done.unwrap_or(Progress::Done));
        }
        // Statements outside transactions are read as was reviewed, too.
        let fix = self.apart.as_ref().and(self.dialect.settings.fix_session);
        let set = Bundle::of(self.timeouts(item).into_iter().chain(fix.map(str::to_owned)));
        if !set.is_empty() {
            let set = self.session.execute(&[set.message()], &mut Answers::new()).await;
            set.map_err(|error| self.fail(Error::driver("setting timeouts", error)))?;
        }
        let assumed = self.assume_role(false).await;
        assumed.map_err(|error| self.fail(error))?;
        for statement in &journal.statements[..first] {
            if self.dialect.facts(statement).has(Fact::Replay)
                && let Some(progress) = self.run_outside(journal, statement, first).await?
            {
                return Ok(progress);
            }
        }
        if let Some(fix) = fix.filter(|_| first > 0) {
            let fixed = self.session.run(fix).await;
            fixed.map_err(|error| self.fail(Error::driver("fixing how SQL is read", error)))?;
        }
        // Before the statement is announced again: its mark must not be that of what is about to go.
        for drop in item.leftovers() {
            let dropped = self.session.patient_run(drop, &self.deadline).await;
            dropped.map_err(|error| self.fail(Error::driver("dropping what a crash has left", error)))?;
        }
        // Behind what is run again, since that says where the statement runs.
        if item.begun()
            && let Some(progress) = self.intend(journal, first).await?
        {
            return Ok(progress);
        }
        for (index, statement) in journal.statements.iter().enumerate().skip(first) {
            if let Some(progress) = self.run_one(journal, index, statement).await? {
                return Ok(progress);
            }
        }
        Ok(Progress::Done)
    }

    /// Records that the statement to go on with is about to be run, where its row could not tell: it was known not to
    /// have taken effect, and is not from here on. Of two programs that go on with one script, one gets here.
    /// `Some`: plan again.
    async fn intend(&mut self, journal: &Journal<'e, '_>, first: usize) -> Result<Option<Progress>> {
        let item = journal.item;
        if !self.is_to_be_announced(item, journal.statements) && !item.missed() {
            return Ok(None);
        }
        self.announced = self.ask(journal.statements.get(first)).await?;
        let Some(mut fenced) = self.fence().await? else { return Ok(Some(Progress::Again)) };
        let rows = self.intent_rows(item, journal.statements);
        self.finish(&mut fenced, rows, Failing::Ours("writing the history"), &[]).await
    }

    /// What a row says of the statement that it announces, where effects can be told: asked in the session as the script has
    /// made it, under its role, since the row itself is written as oneself.
    async fn ask(&mut self, next: Option<&Statement<'_>>) -> Result<Option<String>> {
        let Some((effects, next)) = self.dialect.effects.zip(next) else { return Ok(None) };
        let effect = Effect::of(next).filter(|_| self.is_doubtful(Some(next)));
        let sql = format!("SELECT {}", Intent::expression(&effects, effect.as_ref(), self.dialect.literal));
        match self.session.patient_query(&sql, &self.deadline).await {
            Ok(rows) => Ok(rows.first().and_then(|row| row.read::<Option<String>>(0).ok()).flatten()),
            Err(error) => Err(self.fail(Error::driver("asking where a statement runs", error))),
        }
    }

    /// The same, of a script whose session is not its own yet.
    async fn ask_as_role(&mut self, next: Option<&Statement<'_>>) -> Result<Option<String>> {
        if self.dialect.effects.is_none() {
            return Ok(None);
        }
        let assumed = self.assume_role(false).await;
        assumed.map_err(|error| self.fail(error))?;
        let asked = self.ask(next).await?;
        self.leave_role().await?;
        Ok(asked)
    }

    /// Goes back to oneself, as whom the history is written.
    async fn leave_role(&mut self) -> Result<()> {
        let Some(role) = self.role() else { return Ok(()) };
        let left = self.session.run(role.leave).await;
        left.map_err(|error| self.fail(Error::driver("leaving the role", error)))
    }

    /// Runs a statement and records it. `Some`: plan again.
    async fn run_one(
        &mut self,
        journal: &Journal<'e, '_>,
        index: usize,
        statement: &Statement<'e>,
    ) -> Result<Option<Progress>> {
        let item = journal.item;
        let failing = Failing::Statement { item, statement: index, kept: index, left: Left::Nothing };
        let outside = self.dialect.facts(statement).has(Fact::NeedsNoTransaction);
        if outside && let Some(progress) = self.run_outside(journal, statement, index).await? {
            return Ok(Some(progress));
        }
        if outside {
            self.announced = self.ask(journal.statements.get(index + 1)).await?;
        }
        let Some(mut fenced) = self.fence().await? else { return Ok(Some(Progress::Again)) };
        if !outside {
            if let Err(error) = self.become_script().await {
                return self.undo(Failing::Ours("assuming the script's role"), error).await.map(Some);
            }
            if is_local(statement) {
                self.announced = self.ask(journal.statements.get(index + 1)).await?;
            }
            if let Err(error) = self.run_inside(item, statement).await {
                let error = shift(error, statement);
                return match self.undo(failing, error).await {
                    Ok(progress) => Ok(Some(progress)),
                    Err(error) => Err(self.record_failure(journal, index, error).await),
                };
            }
        }
        // What holds until the end of this transaction does not say where the next statement runs.
        if !outside && !is_local(statement) {
            match self.ask(journal.statements.get(index + 1)).await {
                Ok(asked) => self.announced = asked,
                Err(error) => {
                    self.session.roll_back().await;
                    return Err(error);
                }
            }
        }
        self.settings.tell(&Event::Statement {
            label: item.label(),
            statement: index + 1,
            statements: journal.statements.len(),
            bytes: None,
            elapsed: journal.began.elapsed(),
        });
        let mut done = Vec::new();
        let rows = match journal.statements.get(index + 1) {
            // The row that says that the migration is in force says it of its last statement.
            None => {
                done.push((item, self.note_time(journal)));
                self.closing_rows(journal)
            }
            Some(next) => vec![self.statement_row(item, index, statement, next)],
        };
        let ours = Failing::Ours("writing the history");
        if let Some(progress) = self.finish(&mut fenced, rows, ours, &done).await? {
            return Ok(Some(progress));
        }
        Ok(None)
    }

    /// Runs a statement in the open transaction.
    async fn run_inside(&mut self, item: &PlanItem, statement: &Statement<'_>) -> Result<(), DriverError> {
        if let Some(refused) = self.cascades(item, statement).await? {
            return Err(refused);
        }
        self.run_pinned(item, statement).await
    }

    /// Runs a statement, with the texts in it read as they were reviewed.
    async fn run_pinned(&mut self, item: &PlanItem, statement: &Statement<'_>) -> Result<(), DriverError> {
        if let Some(pin) = self.pinned(item, statement) {
            self.session.run(pin).await?;
        }
        self.session.execute(&[Message::new(statement.text(), 1)], &mut Answers::new()).await
    }

    /// Whether a statement may take rows of other tables along, and its script has not said that it may.
    pub(super) fn may_cascade(&self, item: &PlanItem, statement: &Statement<'_>) -> bool {
        let Some(prepared) = item.prepared().filter(|prepared| prepared.drops_table) else { return false };
        self.dialect.facts(statement).has(Fact::DropsTable)
            || DroppedTable::emptied_by(statement)
                .is_some_and(|table| prepared.rebuilt.contains(&table.name.to_lowercase()))
    }

    /// The refusal of a statement that drops a table, and with it rows of others, unless its script says that it may.
    pub(super) async fn cascades(
        &mut self,
        item: &PlanItem,
        statement: &Statement<'_>,
    ) -> Result<Option<DriverError>, DriverError> {
        let asked = self.may_cascade(item, statement);
        match self.dialect.foreign_keys.filter(|_| asked) {
            Some(keys) => cascade::refusal(self.session, keys, statement).await,
            None => Ok(None),
        }
    }

    /// Runs a statement that cannot run in a transaction, again as long as the database is busy. `Some`: plan again, since
    /// what it has left has to go first.
    async fn run_outside(
        &mut self,
        journal: &Journal<'e, '_>,
        statement: &Statement<'e>,
        index: usize,
    ) -> Result<Option<Progress>> {
        let lifted = self.lift_limit(journal.item, statement).await?;
        let ended = self.run_by_itself(journal, statement, index).await;
        if lifted && let (Ok(_), Some(timeouts)) = (&ended, self.timeouts(journal.item)) {
            let set = self.session.run(&timeouts).await;
            set.map_err(|error| self.fail(Error::driver("setting timeouts", error)))?;
        }
        ended
    }

    /// Lifts the limit on waiting for locks from a statement in whose way nobody queues: it waits in the middle of its work, and
    /// would have to begin it again. A limit that the script has set stays.
    async fn lift_limit(&mut self, item: &PlanItem, statement: &Statement<'_>) -> Result<bool> {
        let Some(lift) = self.lifting(item, statement) else { return Ok(false) };
        let lifted = self.session.query(&lift).await;
        let rows = lifted.map_err(|error| self.fail(Error::driver("setting timeouts", error)))?;
        Ok(!rows.is_empty())
    }

    /// The query that lifts the limit.
    pub(super) fn lifting(&self, item: &PlanItem, statement: &Statement<'_>) -> Option<String> {
        let named = item.prepared().is_some_and(|prepared| prepared.directives.lock_timeout.is_some());
        let limit = self.settings.timeouts.lock.filter(|_| !named)?;
        let lift = self.dialect.unlimited.filter(|_| self.dialect.facts(statement).has(Fact::WaitsAside))?;
        Some(lift(limit))
    }

    async fn run_by_itself(
        &mut self,
        journal: &Journal<'e, '_>,
        statement: &Statement<'e>,
        index: usize,
    ) -> Result<Option<Progress>> {
        let mut round = 0;
        loop {
            let error = match self.run_pinned(journal.item, statement).await {
                Ok(()) => return Ok(None),
                Err(error) => error,
            };
            let left = self.left_by(statement, error.class()).await;
            let had_no_effect = left == Left::Nothing;
            if error.class() == ErrorClass::Busy && !self.deadline.passed() && !self.patience.passed() {
                let blocker = self.session.blocker(statement.text()).await;
                self.blocked(blocker.as_deref());
                self.session.back_off(&mut round, &self.patience).await;
                if had_no_effect {
                    continue;
                }
                return Ok(Some(Progress::Again));
            }
            let blocker = match error.class() {
                ErrorClass::Busy => self.session.blocker(statement.text()).await,
                _ => None,
            };
            let failing = Failing::Statement { item: journal.item, statement: index, kept: index, left };
            let error = failing.error(shift(error, statement), &self.dialect.lexing, self.settings.verbatim);
            let error = match blocker {
                Some(blocker) => error.with_note("blocked by", blocker),
                None => error,
            };
            return Err(if had_no_effect {
                self.record_failure(journal, index, error).await
            } else {
                self.fail(error)
            });
        }
    }

    /// What a statement that has failed left behind, as a build of an index does. The next plan looks whose it is, and
    /// drops it.
    async fn left_by(&mut self, statement: &Statement<'_>, class: ErrorClass) -> Left {
        if class == ErrorClass::ConnectionLost {
            return Left::Unknown;
        }
        let Some((effects, effect)) = self.dialect.effects.zip(Effect::of(statement)) else {
            let refused = matches!(
                class,
                ErrorClass::Sql
                    | ErrorClass::Constraint
                    | ErrorClass::Busy
                    | ErrorClass::Permission
                    | ErrorClass::ReadOnly
            );
            let halfway = self.dialect.facts(statement).has(Fact::MayFailHalfway);
            return if refused && !halfway { Left::Nothing } else { Left::Unknown };
        };
        // The newest row is the one that announced the statement.
        let intent = self.announced.as_deref().and_then(Intent::read);
        let Some(intent) = intent else { return Left::Unknown };
        let Some(sql) = evidence::effect_sql(&self.dialect, &effects, &effect, &intent) else {
            return Left::Nothing;
        };
        let Ok(rows) = self.session.query(&format!("SELECT {sql}")).await else { return Left::Unknown };
        let text = |column| rows.first().and_then(|row| row.read::<Option<String>>(column).ok().flatten());
        let leaves = !evidence::split(text(2).as_deref()).is_empty();
        // What is as it was before is somebody else's.
        let untouched = effect.change != Change::Rebuilt && text(0).is_some() && text(0) == intent.mark;
        match evidence::judge(&effect, &intent, text(0).as_deref(), text(1).as_deref(), leaves) {
            Evidence::Invalid => Left::Invalid,
            Evidence::DidNot => Left::Nothing,
            _ if untouched => Left::Nothing,
            _ => Left::Unknown,
        }
    }

    /// Records that a statement failed and had no effect, so that the next run need not ask. What goes wrong here is not
    /// told: without the row the next run knows less, and never something wrong.
    async fn record_failure(&mut self, journal: &Journal<'e, '_>, index: usize, error: Error) -> Error {
        let known = matches!(
            error.class(),
            Some(ErrorClass::Sql | ErrorClass::Constraint | ErrorClass::Busy | ErrorClass::Permission)
        );
        if known && let Ok(Some(mut fenced)) = self.fence().await {
            let row = self.failed_statement(journal.item, index, error.code(), error.class());
            if self.write(&mut fenced, vec![row]).await.is_err() || self.commit().await.is_err() {
                self.session.roll_back().await;
            }
        }
        error.with_report(self.report.clone())
    }

    pub(super) fn role(&self) -> Option<RoleSql> {
        self.dialect.role.filter(|_| self.settings.role.is_some())
    }

    /// The statement that assumes the role, if there is one.
    pub(super) fn assumed(&self, local: bool) -> Option<String> {
        Some((self.role()?.assume)(self.settings.role?, local))
    }

    /// Becomes the role as which scripts run, until the end of the transaction, or else until it is left.
    pub(super) async fn assume_role(&mut self, local: bool) -> Result<()> {
        let (Some(sql), Some(role)) = (self.assumed(local), self.settings.role) else { return Ok(()) };
        let assumed = self.session.run(&sql).await;
        assumed
            .map_err(|error| Failing::Role(role).error(error, &self.dialect.lexing, self.settings.verbatim))
    }

    fn note_time(&mut self, journal: &Journal<'e, '_>) -> Duration {
        let elapsed = journal.began.elapsed();
        self.ran(journal.item, elapsed);
        elapsed
    }

    fn closing_rows(&self, journal: &Journal<'e, '_>) -> Vec<NewRow> {
        let mut rows = vec![self.done_row(journal.item)];
        rows.extend(self.finished_rows(journal.group));
        rows
    }

    /// Puts the settings back that a script may have changed. A connection on which that fails is given up.
    pub(super) async fn put_back<P>(&mut self, saved: &[Option<String>], result: Result<P>) -> Result<P> {
        match self.restore_settings(saved).await {
            Ok(()) => {
                self.session.closed();
                result
            }
            // Only the first error is told; the connection goes.
            Err(error) => {
                self.session.give_up();
                self.session.closed();
                result.and(Err(self.fail(Error::driver("putting back the session's settings", error))))
            }
        }
    }

    /// Reads the settings of the session that a script might change.
    pub(super) async fn save_settings(&mut self) -> Result<Vec<Option<String>>> {
        self.read_settings()
            .await
            .map_err(|error| self.fail(Error::driver("reading the session's settings", error)))
    }

    /// For each part of the settings, the statement that gives it the values that it has now.
    async fn read_settings(&mut self) -> Result<Vec<Option<String>>, DriverError> {
        let parts = self.snapshots();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT {}", parts.join(", "));
        let rows = self.session.patient_query(&sql, &self.deadline).await?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let odd = |error: ColumnError| DriverError::new(ErrorClass::Other, error.to_string());
        (0..parts.len()).map(|part| row.read(part).map_err(odd)).collect()
    }

    /// Puts back what has changed of them.
    async fn restore_settings(&mut self, saved: &[Option<String>]) -> Result<(), DriverError> {
        // Where one statement resets them all, nothing is saved by asking first.
        if !self.dialect.settings.reset.is_empty() || self.dialect.transaction.ddl == Ddl::Commits {
            let postlude = self.postlude(saved);
            return match postlude.is_empty() {
                true => Ok(()),
                false => self.session.execute(&[postlude.message()], &mut Answers::new()).await,
            };
        }
        let now = self.read_settings().await?;
        for (before, now) in saved.iter().zip(now) {
            if let Some(statement) = before
                && *before != now
            {
                self.session.patient_run(statement, &self.deadline).await?;
            }
        }
        Ok(())
    }
}

/// Whether a statement changes settings until the end of its transaction only.
fn is_local(statement: &Statement<'_>) -> bool {
    let mut words = statement.words();
    words.next().is_some_and(|word| word.is_keyword("SET"))
        && words.next().is_some_and(|word| word.is_keyword("LOCAL"))
}

/// The error's place in the script, where the database told one in the statement.
fn shift(error: DriverError, statement: &Statement<'_>) -> DriverError {
    match error.offset() {
        Some(offset) => error.with_offset(statement.position().offset + offset),
        None => error,
    }
}
