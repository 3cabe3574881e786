//! Transactions under the fence: begin with the lock, look whether the history is still the one that was planned on,
//! write rows, commit.

use std::time::Duration;

use super::flight::moved;
use super::{Apart, Engine, Failing, Progress, Stays, jittered};
use crate::detail::Detail;
use crate::dialect::Ddl;
use crate::driver::{Answers, DriverError, ErrorClass, Message};
use crate::engine::{Deadline, Locked};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{HistoryRow, NewRow, RowWriter, insert_sql};
use crate::observe::Event;
use crate::plan::PlanItem;
use crate::report::Short;
use crate::stop::stopped;

/// When the tails are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Outside any transaction.
    Before,
    /// Inside the one whose lock is held.
    Inside,
}

/// What is read before something is done.
pub(super) struct Tails {
    pub(super) clock: String,
    /// Who has the lock, where somebody has, and it can be seen.
    pub(super) holder: Option<String>,
    /// Whether the lock is to be had.
    pub(super) free: bool,
    /// Where the connection creates tables.
    pub(super) place: Option<String>,
    /// The largest message that the server takes, in bytes.
    pub(super) largest: Option<usize>,
    /// Whether the newest rows are not the ones that the plan was made on.
    pub(super) moved: bool,
    /// The statements that put the settings back.
    pub(super) settings: Vec<Option<String>>,
    /// The statement that makes the session who it is.
    pub(super) own: Option<String>,
}

/// Why rows were not written.
pub(super) enum Unwritten {
    /// An error of the database.
    Database(DriverError),
    /// With them the history would be where it is not looked for.
    Moves,
}

/// How long it may take to record a failure, at most.
pub(super) const MOMENT: Duration = Duration::from_millis(100);

/// Whether an error at an assertion says that its condition does not hold, and not that the database could not tell.
fn is_untrue(class: ErrorClass) -> bool {
    use ErrorClass::{Busy, Conflict, ConnectionLost, Unavailable};
    !matches!(class, Busy | Conflict | ConnectionLost | Unavailable)
}

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
        if self.apart.is_some() {
            return self.begin_apart().await;
        }
        let begin = self.dialect.transaction.begin;
        self.deadline = self.deadline.anew();
        let mut round = 0;
        let mut yielded = false;
        loop {
            if self.dialect.history.idle.is_some() || self.dialect.lock.is_some() {
                let tails = self.tails(When::Before).await.map_err(|e| self.fail(e))?;
                if tails.moved {
                    return Ok(false);
                }
                if !tails.free {
                    self.wait(&mut round, tails.holder.as_deref(), None).await?;
                    continue;
                }
                if self.dialect.lock.is_some() && self.came_second(round) && !yielded {
                    yielded = true;
                    self.session.driver().pause(jittered(MOMENT)).await;
                    continue;
                }
            }
            if self.dialect.transaction.ddl == Ddl::Commits && !self.create_first().await? {
                return Ok(false);
            }
            self.session.opened();
            let error = match self.session.run(begin).await {
                Ok(()) if self.take_lock().await? => return Ok(true),
                Ok(()) => {
                    self.session.roll_back().await;
                    None
                }
                Err(error) => {
                    // Nothing was begun: nothing is to be rolled back, least of all what the application has open.
                    self.session.closed();
                    if error.class() != ErrorClass::Busy {
                        return Err(self.fail(Error::driver("beginning a transaction", error)));
                    }
                    Some(error)
                }
            };
            self.wait(&mut round, None, error).await?;
            if self.others_have_written().await? {
                return Ok(false);
            }
        }
    }

    /// Begins between two statements of a script, whose session this is: as oneself until the end of the transaction.
    async fn begin_apart(&mut self) -> Result<bool> {
        self.deadline = self.deadline.anew();
        let mut round = 0;
        loop {
            self.session.opened();
            if let Err(error) = self.session.run(self.dialect.transaction.begin).await {
                self.session.closed();
                return Err(self.fail(Error::driver("beginning a transaction", error)));
            }
            if let Err(error) = self.become_own().await {
                self.session.roll_back().await;
                return Err(self.fail(Error::driver("leaving the script's role", error)));
            }
            if self.take_lock().await? {
                return self.take_lock_again().await;
            }
            self.session.roll_back().await;
            self.wait(&mut round, None, None).await?;
        }
    }

    /// Takes the session's lock again, under that of the transaction, where a script has given it away (`DISCARD ALL` does).
    async fn take_lock_again(&mut self) -> Result<bool> {
        let lost = self.apart.as_ref().is_some_and(|apart| apart.lost);
        let Some(lock) = self.dialect.lock.filter(|_| lost) else { return Ok(true) };
        let sql = format!("SELECT {}", (lock.take)(self.settings.table));
        if let Err(error) = self.session.run(&sql).await {
            self.session.roll_back().await;
            return Err(self.fail(Error::driver("taking the migrators' lock", error)));
        }
        Ok(true)
    }

    /// In a transaction, leaves the role that a script has assumed, until its end.
    async fn become_own(&mut self) -> std::result::Result<(), DriverError> {
        let (Some(role), Some(apart)) = (self.dialect.role, &mut self.apart) else { return Ok(()) };
        let held = self.dialect.lock.map_or_else(|| "1".to_owned(), |lock| (lock.held)(self.settings.table));
        let rows = self.session.query(&format!("SELECT {}, {held}", role.own)).await?;
        let row = rows.first();
        let now = row.and_then(|row| row.read::<Option<String>>(0).ok()).flatten();
        apart.script = now.unwrap_or_else(|| apart.own.clone());
        apart.lost = row.is_some_and(|row| row.read::<i64>(1).is_ok_and(|held| held == 0));
        if apart.script != apart.own {
            self.session.run(&apart.own).await?;
        }
        Ok(())
    }

    /// In a transaction, becomes again who the script has made of the session.
    pub(super) async fn become_script(&mut self) -> std::result::Result<(), DriverError> {
        match &self.apart {
            Some(apart) if apart.script != apart.own => self.session.run(&apart.script).await,
            _ => Ok(()),
        }
    }

    /// Takes the lock for the session, as soon as nobody else has it. `false`: somebody has written in the meantime.
    pub(super) async fn hold_lock(&mut self) -> Result<bool> {
        self.deadline = self.deadline.anew();
        let mut round = 0;
        loop {
            let holder = match self.session.lock(self.settings.table).await.map_err(|e| self.fail(e))? {
                Locked::Mine => return Ok(true),
                Locked::Others { holder } => holder,
            };
            self.wait(&mut round, holder.as_deref(), None).await?;
            if self.others_have_written().await? {
                return Ok(false);
            }
        }
    }

    /// Fails if the connection is inside a transaction, by beginning one that nothing is done in.
    pub(super) async fn refuse_transaction(&mut self) -> Result<()> {
        self.session.opened();
        match self.session.run(self.dialect.transaction.begin).await {
            Ok(()) => {
                self.session.roll_back().await;
                Ok(())
            }
            Err(error) => {
                self.session.closed();
                Err(self.fail(Error::driver("beginning a transaction", error)))
            }
        }
    }

    /// Creates the history table where that cannot be a part of the transaction. `false`: it is there by now.
    pub(super) async fn create_first(&mut self) -> Result<bool> {
        if self.history.exists || self.created {
            return Ok(true);
        }
        self.refuse_transaction().await?;
        let statements = (self.dialect.history.create)(self.settings.table);
        let messages: Vec<Message<'_>> = statements.iter().map(|sql| Message::new(sql, 1)).collect();
        match self.session.execute(&messages, &mut Default::default()).await {
            Ok(()) => {
                self.created = true;
                Ok(true)
            }
            Err(error) => {
                let found = self.session.survey(self.settings.table, &self.deadline).await;
                match found.map_err(|error| self.fail(error))? {
                    None if made_by_another(error.class()) && !self.patience.passed() => Ok(false),
                    // It lost against somebody else's statement, and that may be the one that makes the table.
                    Some(_) if error.class() == ErrorClass::Conflict && !self.patience.passed() => {
                        self.again().await;
                        Ok(false)
                    }
                    _ => Err(self.fail(creating(error))),
                }
            }
        }
    }

    /// Takes the lock until the end of the transaction, where beginning it has not done so.
    async fn take_lock(&mut self) -> Result<bool> {
        let Some(take) = self.dialect.lock.and_then(|lock| lock.transaction) else { return Ok(true) };
        let sql = format!("SELECT {}", take(self.settings.table));
        let answer = match self.session.query(&sql).await {
            Ok(rows) => rows.first().and_then(|row| row.read::<Option<i64>>(0).ok()).flatten(),
            Err(error) => {
                self.session.roll_back().await;
                return Err(self.fail(Error::driver("taking the migrators' lock", error)));
            }
        };
        Ok(answer == Some(1))
    }

    /// Whether somebody else was at work before, after so many rounds of waiting. If the lock is free now and they have
    /// written nothing, then they have failed, and are about to record that: they are given a [`MOMENT`] to do so.
    pub(super) fn came_second(&self, waited: u32) -> bool {
        waited > 0 || self.run.round > 0
    }

    /// Waits a little for whoever has the lock; not for ever.
    pub(super) async fn wait(
        &mut self,
        round: &mut u32,
        holder: Option<&str>,
        error: Option<DriverError>,
    ) -> Result<()> {
        let waited = self.deadline.waited();
        self.settings.tell(&Event::Waiting { holder, waited });
        if self.settings.is_stopped() {
            return Err(self.fail(stopped()));
        }
        if self.deadline.passed() {
            let changed = !self.report.migrations.is_empty();
            return Err(self.fail(lock_deadline(&self.deadline, changed, holder, error)));
        }
        self.session.pause(round, &self.deadline).await;
        Ok(())
    }

    /// Whether the history has moved on, read without a lock.
    pub(super) async fn others_have_written(&mut self) -> Result<bool> {
        if !self.history.exists {
            let found =
                self.session.survey(self.settings.table, &self.deadline).await.map_err(|e| self.fail(e))?;
            return Ok(found.is_none());
        }
        Ok(self.tails(When::Before).await.map_err(|e| self.fail(e))?.moved)
    }

    /// Looks, under the lock, whether the history is the one that was planned on.
    async fn look(&mut self) -> Result<Option<Fenced>> {
        if let Some(fix) = self.dialect.settings.fix
            && self.dialect.transaction.ddl == Ddl::Transactional
        {
            self.session.run(fix).await.map_err(|e| Error::driver("fixing how SQL is read", e))?;
        }
        if !self.history.exists && !self.created {
            if self.session.survey(self.settings.table, &self.deadline).await?.is_none() {
                return Ok(None);
            }
            let statements = (self.dialect.history.create)(&self.table());
            let messages: Vec<Message<'_>> = statements.iter().map(|sql| Message::new(sql, 1)).collect();
            if let Err(error) = self.session.execute(&messages, &mut Default::default()).await {
                return if made_by_another(error.class()) && !self.patience.passed() {
                    Ok(None)
                } else {
                    Err(creating(error))
                };
            }
            self.created = true;
        }
        let tails = self.tails(When::Inside).await?;
        if tails.moved {
            return Ok(None);
        }
        Ok(Some(Fenced { writer: RowWriter::new(&self.history, self.who.clone(), tails.clock) }))
    }

    /// Reads, in one query, the database user and its clock together with the newest rows of the plan's sets; before a
    /// transaction also whether the lock is to be had, and the settings as they are.
    pub(super) async fn tails(&mut self, when: When) -> Result<Tails> {
        let table = self.dialect.qualified(&self.table());
        let own = self.settings.table;
        let exists = self.history.exists || self.created;
        let sets = if exists { self.fenced_sets() } else { Vec::new() };
        let history = &self.dialect.history;
        let lock = self.dialect.lock.filter(|_| when == When::Before);
        let take = lock.and_then(|lock| lock.transaction).map(|take| take(own));
        let mut columns = vec![
            history.user.to_owned(),
            history.clock.to_owned(),
            history.idle.filter(|_| when == When::Before).unwrap_or("1").to_owned(),
            history.server.unwrap_or("NULL").to_owned(),
            lock.map_or_else(|| "NULL".to_owned(), |lock| (lock.holder)(own)),
            take.unwrap_or_else(|| "1".to_owned()),
            history.place.unwrap_or("NULL").to_owned(),
            self.dialect.message_bytes.unwrap_or("NULL").to_owned(),
        ];
        columns.extend(sets.iter().map(|set| {
            let set = (self.dialect.literal)(set);
            format!("(SELECT hash FROM {table} WHERE set_name = {set} ORDER BY seq DESC LIMIT 1)")
        }));
        let saved = if when == When::Before { self.snapshots() } else { Vec::new() };
        columns.extend(saved.iter().cloned());
        let stays = if when == When::Before { self.stays_columns() } else { [None, None] };
        columns.extend(stays.iter().map(|stays| stays.unwrap_or("NULL").to_owned()));
        let own = self.dialect.role.filter(|_| when == When::Before).map(|role| role.own);
        columns.push(own.unwrap_or("NULL").to_owned());
        let sql = format!("SELECT {}", columns.join(", "));
        let rows = self.session.patient_query(&sql, &self.deadline).await.map_err(|error| {
            // On some databases everything fails in a transaction in which something has failed.
            Error::driver("reading the history", error)
        })?;
        let odd = |error| {
            Error::new(ErrorKind::Bug, "the dialect's expressions answer other types than they should")
                .with_source(error)
        };
        let Some(row) = rows.first() else {
            return Err(Error::new(ErrorKind::Bug, "a query without FROM returned no row"));
        };
        if row.read::<Option<i64>>(2).map_err(odd)? == Some(0) {
            let inside =
                DriverError::new(ErrorClass::InTransaction, "the connection is inside a transaction");
            return Err(Error::driver("beginning a transaction", inside));
        }
        const FIXED: usize = 8;
        let mut moved = false;
        for (index, set) in sets.iter().enumerate() {
            let hash: Option<String> = row.read(index + FIXED).map_err(odd)?;
            moved |= hash != self.expected(set).map(|digest| digest.to_string());
        }
        if self.who.is_empty() {
            self.who = self.who(row.read(0).map_err(odd)?);
        }
        self.server = row.read(3).map_err(odd)?;
        let at = FIXED + sets.len();
        let settings = (at..at + saved.len()).map(|at| row.read(at).map_err(odd)).collect::<Result<_>>()?;
        let at = at + saved.len();
        let stays = Stays { plain: row.read(at).map_err(odd)?, thorough: row.read(at + 1).map_err(odd)? };
        let place: Option<String> = row.read(6).map_err(odd)?;
        if when == When::Before {
            self.stays = stays;
            self.session.pin(place.as_deref());
        }
        Ok(Tails {
            clock: row.read(1).map_err(odd)?,
            holder: row.read(4).map_err(odd)?,
            free: row.read::<Option<i64>>(5).map_err(odd)? == Some(1),
            place,
            largest: row.read::<Option<i64>>(7).map_err(odd)?.and_then(|bytes| usize::try_from(bytes).ok()),
            moved,
            settings,
            own: row.read(at + 2).map_err(odd)?,
        })
    }

    /// The expressions for what has to hold before a commit. Where the history is was not said otherwise.
    pub(super) fn stays_columns(&self) -> [Option<&'static str>; 2] {
        let Some(stays) = self.dialect.history.stays.filter(|_| self.settings.table.schema().is_none())
        else {
            return [None, None];
        };
        let may_move = |item: &PlanItem| item.prepared().is_none_or(|prepared| prepared.may_move);
        [Some(stays.plain), self.plan.items().iter().any(may_move).then_some(stays.thorough)]
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
    ) -> Result<Vec<HistoryRow>, Unwritten> {
        let rows: Vec<HistoryRow> = new.into_iter().map(|row| fenced.writer.row(row)).collect();
        let mut statements = insert_sql(&self.dialect, &self.table(), &rows);
        let mut proof = None;
        if let Some(Apart { own, .. }) = &self.apart {
            // The script's statement may have become somebody else, and may have changed how texts are read.
            statements.insert(0, own.clone());
            statements.extend(self.dialect.settings.fix_session.map(str::to_owned));
        }
        let kept = rows.last().and_then(|row| self.assert_kept(row));
        let kept = kept.map(|assertion| {
            statements.push(assertion);
            statements.len() - 1
        });
        let stays = self.apart.as_ref().and_then(|apart| apart.stays.as_ref());
        if let (Some(flight), Some(stays)) = (self.dialect.flight, stays) {
            statements.push((flight.assert)(stays));
            proof = Some((statements.len() - 1, flight.failed));
        }
        let messages: Vec<Message<'_>> = statements.iter().map(|sql| Message::new(sql, 1)).collect();
        let mut answers = Answers::new();
        match self.session.execute(&messages, &mut answers).await {
            Ok(()) => Ok(rows),
            Err(error) => Err(match proof {
                Some((at, code)) if answers.messages().len() == at && error.code() == Some(code) => {
                    Unwritten::Moves
                }
                _ if kept == Some(answers.messages().len()) && is_untrue(error.class()) => {
                    Unwritten::Database(self.kept_out())
                }
                _ => Unwritten::Database(error),
            }),
        }
    }

    /// Asserts that a row is there behind its `INSERT`: a trigger or a rule can keep it out without an error, and what was done
    /// would be committed, and done again by the next run.
    fn assert_kept(&self, row: &HistoryRow) -> Option<String> {
        let script = self.dialect.script.filter(|_| self.dialect.transaction.ddl == Ddl::Transactional)?;
        let literal = self.dialect.literal;
        Some((script.assert)(&format!(
            "EXISTS (SELECT 1 FROM {} WHERE set_name = {} AND seq = {} AND hash = {})",
            self.dialect.qualified(&self.table()),
            literal(row.set()),
            row.seq(),
            literal(&row.hash().to_string())
        )))
    }

    fn kept_out(&self) -> DriverError {
        let what = format!("a row was written to the table {} and is not in it", self.settings.table);
        DriverError::new(ErrorClass::Other, what)
            .with_hint("take the rules, triggers and policies off that table, then run again")
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
            Err(Unwritten::Database(error)) => Err(error),
            Err(Unwritten::Moves) => {
                self.session.roll_back().await;
                let item = self.apart.as_ref().map_or(&self.plan.items()[0], |apart| apart.item);
                let what = "was stopped at a statement that was rolled back";
                return Err(self.fail(moved(item, what, self.settings.table, self.table().schema())));
            }
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
        let rolled_back = self.session.roll_back().await;
        self.after(failing, error).await.map_err(|error| rolled_back.told_in(error))
    }

    /// Says how to go on after an error, of whose transaction nothing remains.
    pub(super) async fn after(&mut self, failing: Failing<'_>, error: DriverError) -> Result<Progress> {
        let lost_to_others = match error.class() {
            ErrorClass::Busy | ErrorClass::Conflict => true,
            // Somebody else has taken the row's number. If nobody has, waiting does not help.
            ErrorClass::Constraint if matches!(failing, Failing::Ours(_)) => {
                match self.others_have_written().await {
                    // A connection that is gone by now does not tell that nobody has.
                    Err(lost) if lost.class() == Some(ErrorClass::ConnectionLost) => return Err(lost),
                    written => written.unwrap_or(false),
                }
            }
            _ => false,
        };
        let blocked = match &failing {
            Failing::Statement { item, .. } if error.class() == ErrorClass::Busy => item.script(),
            _ => None,
        };
        let blocker = match blocked {
            Some(script) => self.session.blocker(script.text()).await,
            None => None,
        };
        if lost_to_others && !self.patience.passed() {
            if blocked.is_none() {
                return Ok(self.again().await);
            }
            self.blocked(blocker.as_deref());
            self.session.back_off(&mut self.run.round, &self.patience).await;
            return Ok(Progress::Again);
        }
        if let Failing::Statement { item, .. } | Failing::Commit(item) = failing
            && item.in_transaction()
            && blames_the_migration(error.class())
        {
            let statement = match failing {
                Failing::Statement { statement, .. } => Some(statement + 1),
                _ => None,
            };
            self.failed = Some(self.failed_row(item, statement, error.code()));
        }
        let error = failing.error(error, &self.dialect.lexing, self.settings.verbatim);
        Err(self.fail(match blocker {
            Some(blocker) => error.with_note("blocked by", blocker),
            None => error,
        }))
    }

    /// Tells that a statement waits for another session.
    pub(super) fn blocked(&self, by: Option<&str>) {
        self.settings.tell(&Event::Blocked { by, waited: self.patience.waited() });
    }

    /// After a pause, plan again.
    pub(super) async fn again(&mut self) -> Progress {
        self.settings.tell(&Event::Waiting { holder: None, waited: self.patience.waited() });
        self.session.back_off(&mut self.run.round, &self.patience).await;
        Progress::Again
    }
}

/// Whether an error is the migration's own, rather than that of the connection, the server, or others at work.
pub(super) fn blames_the_migration(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Sql
            | ErrorClass::Constraint
            | ErrorClass::Permission
            | ErrorClass::TransactionLost
            | ErrorClass::Other
    )
}

/// Whether the table may be there already, since another process has made it at the same time.
pub(super) fn made_by_another(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Sql | ErrorClass::Constraint | ErrorClass::Conflict | ErrorClass::Busy)
}

pub(super) fn creating(error: DriverError) -> Error {
    Error::driver("creating the history table", error)
}

pub(crate) fn lock_deadline(
    deadline: &Deadline,
    changed: bool,
    holder: Option<&str>,
    error: Option<DriverError>,
) -> Error {
    let next = "run again when it is done, or give a longer time with `with_lock_deadline`";
    let who = holder.unwrap_or("another connection");
    let this = Error::new(
        ErrorKind::Retry,
        format!("{who} has held the write lock for {}", Short(deadline.longest())),
    )
    .with_class(ErrorClass::Busy)
    .with_note("next", if changed { next.to_owned() } else { format!("{next}; nothing was changed") });
    match error {
        Some(error) => this.with_source(error),
        None => this,
    }
}
