//! Transactions under the fence: begin with the lock, look whether the history is still the one that was planned on,
//! write rows, commit.

use std::time::Duration;

use super::{Engine, Failing, Progress};
use crate::detail::Detail;
use crate::driver::{DriverError, ErrorClass, Message};
use crate::engine::Deadline;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{HistoryRow, NewRow, RowWriter, insert_sql};
use crate::observe::Event;
use crate::plan::PlanItem;
use crate::report::Short;

/// An open transaction whose lock is held, in which the history was found as planned.
pub(super) struct Fenced {
    pub(super) writer: RowWriter,
}

impl Engine<'_, '_> {
    /// Begins a transaction with the write lock, and reads the state after it.
    ///
    /// `None`: somebody else has written, nothing is open any more, plan again.
    pub(super) async fn fence(&mut self) -> Result<Option<Fenced>> {
        if !self.begin().await? {
            return Ok(None);
        }
        match self.look().await {
            Ok(Some(fenced)) => Ok(Some(fenced)),
            Ok(None) => {
                self.session.roll_back().await;
                Ok(None)
            }
            Err(error) => {
                self.session.roll_back().await;
                Err(self.fail(error))
            }
        }
    }

    /// Begins, as soon as nobody else writes. `false`: somebody has written in the meantime.
    async fn begin(&mut self) -> Result<bool> {
        let begin = self.dialect.transaction.begin;
        self.deadline = self.deadline.anew();
        let mut round = 0;
        loop {
            self.session.opened();
            let error = match self.session.run(begin).await {
                Ok(()) => return Ok(true),
                Err(error) => error,
            };
            // Nothing was begun: nothing is to be rolled back, least of all what the application has open.
            self.session.closed();
            if error.class() != ErrorClass::Busy {
                return Err(self.fail(Error::driver("beginning a transaction", error)));
            }
            let waited = self.deadline.waited();
            self.settings.tell(&Event::Waiting { holder: None, waited });
            if self.deadline.passed() {
                let changed = !self.report.migrations.is_empty();
                return Err(self.fail(lock_deadline(&self.deadline, changed, error)));
            }
            self.session.pause(&mut round, &self.deadline).await;
            if self.others_have_written().await? {
                return Ok(false);
            }
        }
    }

    /// Whether the history has moved on, read without a lock.
    async fn others_have_written(&mut self) -> Result<bool> {
        if !self.history.exists {
            let found =
                self.session.survey(self.settings.table, &self.deadline).await.map_err(|e| self.fail(e))?;
            return Ok(found.is_none());
        }
        Ok(self.tails().await?.is_none())
    }

    /// Looks, under the lock, whether the history is the one that was planned on.
    async fn look(&mut self) -> Result<Option<Fenced>> {
        if !self.history.exists {
            if self.session.survey(self.settings.table, &self.deadline).await?.is_none() {
                return Ok(None);
            }
            let statements = (self.dialect.history.create)(self.settings.table);
            let messages: Vec<Message<'_>> = statements.iter().map(|sql| Message::new(sql, 1)).collect();
            self.session
                .execute(&messages, &mut Default::default())
                .await
                .map_err(|error| Error::driver("creating the history table", error))?;
        }
        let Some((user, clock)) = self.tails().await? else { return Ok(None) };
        if self.who.is_empty() {
            self.who = self.who(user);
        }
        Ok(Some(Fenced { writer: RowWriter::new(&self.history, self.who.clone(), clock) }))
    }

    /// Reads the database user and its clock together with the newest rows of the plan's sets. `None`: they are not the
    /// ones that the plan was made on.
    async fn tails(&mut self) -> Result<Option<(Option<String>, String)>> {
        let table = self.dialect.qualified(self.settings.table);
        let sets = self.fenced_sets();
        let mut columns = vec![self.dialect.history.user.to_owned(), self.dialect.history.clock.to_owned()];
        columns.extend(sets.iter().map(|set| {
            let set = (self.dialect.literal)(set);
            format!("(SELECT hash FROM {table} WHERE set_name = {set} ORDER BY seq DESC LIMIT 1)")
        }));
        let sql = format!("SELECT {}", columns.join(", "));
        let rows = self
            .session
            .patient_query(&sql, &self.deadline)
            .await
            .map_err(|error| Error::driver("reading the history", error))?;
        let odd =
            |error| Error::new(ErrorKind::Bug, "the dialect's clock or user is no text").with_source(error);
        let Some(row) = rows.first() else {
            return Err(Error::new(ErrorKind::Bug, "a query without FROM returned no row"));
        };
        for (index, set) in sets.iter().enumerate() {
            let hash: Option<String> = row.read(index + 2).map_err(odd)?;
            if hash != self.expected(set).map(|digest| digest.to_string()) {
                return Ok(None);
            }
        }
        Ok(Some((row.read(0).map_err(odd)?, row.read(1).map_err(odd)?)))
    }

    fn who(&self, user: Option<String>) -> String {
        let host = hostname::get().ok().map(|host| host.to_string_lossy().into_owned());
        let (application, version) = self.settings.application.unzip();
        Detail::new()
            .with_some("user", user)
            .with_some("host", host)
            .with("process", std::process::id())
            .with_some("application", application)
            .with_some("application_version", version)
            .to_string()
    }

    /// Writes rows into the open transaction.
    pub(super) async fn write(
        &mut self,
        fenced: &mut Fenced,
        new: Vec<NewRow>,
    ) -> Result<Vec<HistoryRow>, DriverError> {
        let rows: Vec<HistoryRow> = new.into_iter().map(|row| fenced.writer.row(row)).collect();
        let statements = insert_sql(&self.dialect, self.settings.table, &rows);
        let messages: Vec<Message<'_>> = statements.iter().map(|sql| Message::new(sql, 1)).collect();
        self.session.execute(&messages, &mut Default::default()).await?;
        Ok(rows)
    }

    /// Writes rows and commits. `Some`: nothing was kept, plan again.
    pub(super) async fn finish(
        &mut self,
        fenced: &mut Fenced,
        rows: Vec<NewRow>,
        failing: Failing<'_>,
        done: &[(&PlanItem, Duration)],
    ) -> Result<Option<Progress>> {
        let result = match self.write(fenced, rows).await {
            Ok(rows) => self.commit().await.map(|()| rows),
            Err(error) => Err(error),
        };
        match result {
            Ok(rows) => {
                self.committed(rows, done);
                Ok(None)
            }
            Err(error) => self.undo(failing, error).await.map(Some),
        }
    }

    /// Commits. While readers keep the database busy the transaction stays open, and committing is tried again.
    pub(super) async fn commit(&mut self) -> Result<(), DriverError> {
        let commit = self.dialect.transaction.commit;
        self.deadline = self.deadline.anew();
        let mut round = 0;
        loop {
            match self.session.run(commit).await {
                Err(error) if error.class() == ErrorClass::Busy && !self.deadline.passed() => {
                    self.session.pause(&mut round, &self.deadline).await;
                }
                Ok(()) => {
                    self.session.closed();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Rolls back after an error in the open transaction, and says how to go on.
    pub(super) async fn undo(&mut self, failing: Failing<'_>, error: DriverError) -> Result<Progress> {
        self.session.roll_back().await;
        match error.class() {
            // Nothing of the transaction remains: read the history again and decide again.
            ErrorClass::Busy | ErrorClass::Conflict if !self.patience.passed() => {
                let mut round = 3;
                self.session.pause(&mut round, &self.patience).await;
                Ok(Progress::Again)
            }
            _ => Err(self.fail(failing.error(error, &self.dialect.lexing, self.settings.verbatim))),
        }
    }
}

fn lock_deadline(deadline: &Deadline, changed: bool, error: DriverError) -> Error {
    let next = "run again when it is done, or give a longer time with `with_lock_deadline`";
    Error::new(
        ErrorKind::Retry,
        format!("another connection has held the write lock for {}", Short(deadline.longest())),
    )
    .with_class(ErrorClass::Busy)
    .with_note("next", if changed { next.to_owned() } else { format!("{next}; nothing was changed") })
    .with_source(error)
}
