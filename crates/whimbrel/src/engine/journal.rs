//! Steps outside a transaction: statement by statement, each recorded, so that a later run can go on behind the last one
//! that took effect.
//!
//! A statement that can run in a transaction commits together with its row: it took effect if, and only if, its row is
//! there. One that cannot is run, and then its row is written; `plan/resume.rs` knows what a missing row then means.
//! Every row asserts that the one before it is the one that this process knows, so two processes that go on with one
//! script at the same time do each statement once.

use std::time::{Duration, Instant};

use super::{Engine, Failing, Group, Progress};
use crate::detail::Detail;
use crate::dialect::Fact;
use crate::driver::{Answers, ColumnError, DriverError, ErrorClass, Message};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{HistoryEvent, NewRow};
use crate::observe::Event;
use crate::plan::PlanItem;
use crate::prepare::statement_digest;
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
        let saved = self.save_settings().await?;
        self.session.opened();
        let journal = Journal { item, group, statements: script.statements(), began: Instant::now() };
        let result = self.run_statements(&journal).await;
        self.put_back(&saved, result).await
    }

    async fn run_statements(&mut self, journal: &Journal<'e, '_>) -> Result<Progress> {
        let item = journal.item;
        self.started(item);
        let begins = (!item.begun()).then(|| {
            let event = if item.is_down() { HistoryEvent::Reverting } else { HistoryEvent::Begun };
            self.open_row(item, event, Detail::new().with_some("reason", self.settings.reason))
        });
        if begins.is_some() || self.wants_backup() {
            let Some(mut fenced) = self.fence().await? else { return Ok(Progress::Again) };
            let backup = match self.back_up(journal.group).await {
                Ok(backup) => backup,
                Err(error) => {
                    self.session.roll_back().await;
                    return Err(self.fail(error));
                }
            };
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
            let rows = self.closing_rows(journal);
            let failing = Failing::Ours("writing the history");
            let done = self.finish(&mut fenced, rows, failing, &[(item, elapsed)]).await?;
            return Ok(done.unwrap_or(Progress::Done));
        }
        if item.begun()
            && let Some(progress) = self.intend(journal, first).await?
        {
            return Ok(progress);
        }
        for statement in &journal.statements[..first] {
            if self.dialect.facts(statement).has(Fact::Replay) {
                self.run_outside(journal, statement, first).await?;
            }
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
        let doubtful = journal.statements.get(first).is_some_and(|next| {
            let facts = self.dialect.facts(next);
            facts.has(Fact::NeedsNoTransaction) && !facts.has(Fact::RunAgain) && !facts.has(Fact::Replay)
        });
        if !doubtful {
            return Ok(None);
        }
        let detail = Detail::new().with("statement", first + 1);
        let row = self.open_row(journal.item, HistoryEvent::Attempt, detail);
        let Some(mut fenced) = self.fence().await? else { return Ok(Some(Progress::Again)) };
        self.finish(&mut fenced, vec![row], Failing::Ours("writing the history"), &[]).await
    }

    /// Runs a statement and records it. `Some`: plan again.
    async fn run_one(
        &mut self,
        journal: &Journal<'e, '_>,
        index: usize,
        statement: &Statement<'e>,
    ) -> Result<Option<Progress>> {
        let item = journal.item;
        let failing = Failing::Statement { item, statement: index, kept: index };
        let outside = self.dialect.facts(statement).has(Fact::NeedsNoTransaction);
        if outside {
            self.run_outside(journal, statement, index).await?;
        }
        let Some(mut fenced) = self.fence().await? else { return Ok(Some(Progress::Again)) };
        if !outside {
            let message = Message::new(statement.text(), 1);
            if let Err(error) = self.session.execute(&[message], &mut Answers::new()).await {
                let error = shift(error, statement);
                return match self.undo(failing, error).await {
                    Ok(progress) => Ok(Some(progress)),
                    Err(error) => Err(self.record_failure(journal, index, error).await),
                };
            }
        }
        self.settings.tell(&Event::Statement {
            label: item.label(),
            statement: index + 1,
            statements: journal.statements.len(),
            elapsed: journal.began.elapsed(),
        });
        let text = statement_digest(statement);
        let detail = Detail::new().with("statement", index + 1).with("text", text);
        let mut rows = vec![self.open_row(item, HistoryEvent::Statement, detail)];
        let last = index + 1 == journal.statements.len();
        let mut done = Vec::new();
        if last {
            done.push((item, self.note_time(journal)));
            rows.extend(self.closing_rows(journal));
        }
        let ours = Failing::Ours("writing the history");
        if let Some(progress) = self.finish(&mut fenced, rows, ours, &done).await? {
            return Ok(Some(progress));
        }
        Ok(None)
    }

    /// Runs a statement that cannot run in a transaction, again as long as the database is busy.
    async fn run_outside(
        &mut self,
        journal: &Journal<'e, '_>,
        statement: &Statement<'e>,
        index: usize,
    ) -> Result<()> {
        let mut round = 0;
        loop {
            let message = Message::new(statement.text(), 1);
            let error = match self.session.execute(&[message], &mut Answers::new()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if error.class() == ErrorClass::Busy && !self.deadline.passed() {
                self.settings.tell(&Event::Waiting { holder: None, waited: self.deadline.waited() });
                self.session.pause(&mut round, &self.deadline).await;
                continue;
            }
            let failing = Failing::Statement { item: journal.item, statement: index, kept: index };
            let had_no_effect = matches!(
                error.class(),
                ErrorClass::Sql
                    | ErrorClass::Constraint
                    | ErrorClass::Busy
                    | ErrorClass::Permission
                    | ErrorClass::ReadOnly
            );
            let error = failing.error(shift(error, statement), &self.dialect.lexing, self.settings.verbatim);
            return Err(if had_no_effect {
                self.record_failure(journal, index, error).await
            } else {
                self.fail(error)
            });
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
            let detail = Detail::new().with("statement", index + 1).with_some("code", error.code());
            let row = self.open_row(journal.item, HistoryEvent::Failed, detail);
            if self.write(&mut fenced, vec![row]).await.is_err() || self.commit().await.is_err() {
                self.session.roll_back().await;
            }
        }
        error.with_report(self.report.clone())
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
    pub(super) async fn put_back(
        &mut self,
        saved: &[Option<String>],
        result: Result<Progress>,
    ) -> Result<Progress> {
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
        let parts = self.dialect.settings.snapshot;
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
        if let Some(reset) = self.dialect.settings.reset {
            let all = [Some(reset)].into_iter().chain(saved.iter().map(Option::as_deref)).flatten();
            let messages: Vec<Message<'_>> = all.map(|sql| Message::new(sql, 1)).collect();
            return self.session.execute(&messages, &mut Answers::new()).await;
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

/// The error's place in the script, where the database told one in the statement.
fn shift(error: DriverError, statement: &Statement<'_>) -> DriverError {
    match error.offset() {
        Some(offset) => error.with_offset(statement.position().offset + offset),
        None => error,
    }
}
