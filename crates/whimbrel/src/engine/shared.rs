//! Steps inside a transaction: one migration, or several that share it.

use std::time::{Duration, Instant};

use super::bundle::Bundle;
use super::commit::{Fenced, Unwritten, blames_the_migration};
use super::{Engine, Failing, Group, Left, Progress};
use crate::detail::Detail;
use crate::dialect::ForeignKeys;
use crate::driver::{Answers, DriverError, ErrorClass, Message, Progress as Answered};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{HistoryEvent, HistoryRow, NewRow};
use crate::observe::Event;
use crate::plan::PlanItem;
use crate::prepare::Sharing;
use crate::script::Script;

/// From when on a migration is slow enough for its statements to be told.
const SLOW: Duration = Duration::from_secs(1);

/// How much of a large script is sent at once, in bytes.
const PIECE: usize = 1 << 20;

/// A stretch of a script: statements that are sent together.
struct Piece<'t> {
    text: &'t str,
    start: usize,
    end: usize,
    /// The number of its first statement, from 0.
    first: usize,
    statements: usize,
    /// When the script began.
    began: Instant,
}

/// Guards what a step in Rust does with the native client: the savepoint is gone if the transaction was ended.
pub(super) const SAVEPOINT: &str = "SAVEPOINT whimbrel";
pub(super) const RELEASE: &str = "RELEASE SAVEPOINT whimbrel";

/// The same before a piece of a script.
const GUARD: &str = "RELEASE SAVEPOINT whimbrel;";

/// What went wrong in an open transaction.
enum Wrong<'p> {
    Database(Failing<'p>, DriverError),
    /// A step in Rust failed.
    Step(&'p PlanItem, Error),
    Other(Error),
    /// The history would not be found any more.
    Moves,
}

impl<'e> Engine<'e, '_> {
    /// Carries out a group in one transaction: the lock, the scripts, their rows, the commit.
    pub(super) async fn run_shared(&mut self, group: &Group<'e>) -> Result<Progress> {
        // A step in Rust can change settings too, which only a dialect that can reset them all has a cheap answer to.
        let steps = group.items.iter().any(|item| item.rust_step().is_some());
        // So can what does not fly for its size alone.
        let large = self.dialect.flight.is_some() && group.items.iter().any(|item| self.in_pieces(item));
        let may_set = (steps || large) && !self.dialect.settings.reset.is_empty();
        if group.items[0].sharing() == Sharing::Shared && !may_set {
            return self.run_checked(group).await;
        }
        // What travels alone may change settings of the session, which no transaction brings back: what comes behind it
        // must run as it would after a crash between the two.
        let saved = self.save_settings().await?;
        self.saved.get_or_insert_with(|| saved.clone());
        self.session.opened();
        let result = self.run_checked(group).await;
        self.put_back(&saved, result).await
    }

    /// Carries out a group; around a rebuild, without foreign keys, which are then checked.
    async fn run_checked(&mut self, group: &Group<'e>) -> Result<Progress> {
        let rebuild = group.items[0].prepared().is_some_and(|prepared| prepared.directives.foreign_keys_off);
        let Some(keys) = self.dialect.foreign_keys.filter(|_| rebuild) else {
            return self.run_transaction(group, None).await;
        };
        let enforced = self.foreign_keys_enforced(keys).await?;
        if enforced {
            // Until they are on again, a connection whose future was dropped must not go back to the application.
            self.session.opened();
            self.session
                .patient_run(keys.disable, &self.deadline)
                .await
                .map_err(|e| self.fail(Error::driver("switching foreign keys off", e)))?;
        }
        let result = self.run_transaction(group, Some(keys)).await;
        if enforced {
            match self.session.patient_run(keys.enable, &self.deadline).await {
                Ok(()) => self.session.closed(),
                // Only the first error is told; the connection goes.
                Err(error) => {
                    self.session.give_up();
                    self.session.closed();
                    return result
                        .and(Err(self.fail(Error::driver("switching foreign keys on again", error))));
                }
            }
        }
        result
    }

    pub(super) async fn foreign_keys_enforced(&mut self, keys: ForeignKeys) -> Result<bool> {
        let rows =
            self.session.patient_query(keys.enforced, &self.deadline).await.map_err(|error| {
                self.fail(Error::driver("asking whether foreign keys are enforced", error))
            })?;
        Ok(rows.first().is_some_and(|row| row.read::<bool>(0).unwrap_or(true)))
    }

    async fn run_transaction(&mut self, group: &Group<'e>, keys: Option<ForeignKeys>) -> Result<Progress> {
        let Some(mut fenced) = self.fence().await? else { return Ok(Progress::Again) };
        let times_before = self.times.len();
        match self.fill(group, keys, &mut fenced).await {
            Ok((rows, done)) => {
                self.committed(rows, &done);
                Ok(Progress::Done)
            }
            Err(wrong) => {
                self.times.truncate(times_before);
                // What was done together may fail otherwise than one by one, and one by one keeps what comes before.
                let by_itself = match &wrong {
                    Wrong::Database(Failing::Statement { item, .. } | Failing::Commit(item), error) => {
                        let class = error.class();
                        matches!(class, ErrorClass::Sql | ErrorClass::Constraint | ErrorClass::Other)
                            .then_some(*item)
                    }
                    Wrong::Step(item, _) => Some(*item),
                    Wrong::Database(Failing::Ours(_) | Failing::Role(_), _)
                    | Wrong::Other(_)
                    | Wrong::Moves => None,
                };
                if let Some(item) = by_itself.filter(|_| group.items.len() > 1 && self.settings.one_by_one) {
                    self.session.roll_back().await;
                    self.settings.tell(&Event::OneByOne { label: item.label() });
                    return Ok(Progress::OneByOne);
                }
                match wrong {
                    Wrong::Database(failing, error) => self.undo(failing, error).await,
                    Wrong::Step(item, error) => {
                        let error = self.session.roll_back().await.told_in(error);
                        if error.class().is_none_or(blames_the_migration) {
                            self.failed = Some(self.failed_row(item, None, None));
                        }
                        Err(self.fail(error))
                    }
                    Wrong::Moves => {
                        self.session.roll_back().await;
                        self.moves(group.items).await
                    }
                    Wrong::Other(error) => {
                        self.session.roll_back().await;
                        Err(self.fail(error))
                    }
                }
            }
        }
    }

    /// Does everything between the fence and the commit, and commits.
    async fn fill<'p>(
        &mut self,
        group: &Group<'p>,
        keys: Option<ForeignKeys>,
        fenced: &mut Fenced,
    ) -> Result<(Vec<HistoryRow>, Vec<(&'p PlanItem, Duration)>), Wrong<'p>>
    where
        'e: 'p,
    {
        let mut new = Vec::new();
        new.extend(self.back_up(group).await.map_err(Wrong::Other)?);
        let mut done: Vec<(&'p PlanItem, Duration)> = Vec::new();
        let mut from = 0;
        while from < group.items.len() {
            let rest = &group.items[from..];
            let runs = |item: &PlanItem| {
                item.script().is_some() && item.rust_step().is_none() && item.statements() > 0
            };
            let scripts = rest.iter().take_while(|item| runs(item)).count();
            if scripts > 0 {
                // Where something is set before each of them, one by one.
                let together = self.dialect.timeouts.is_none() && self.role().is_none();
                let scripts = &rest[..if together { scripts } else { 1 }];
                self.enter(&scripts[0]).await?;
                let times = self.run_scripts(scripts).await?;
                self.leave(&scripts[0]).await?;
                done.extend(scripts.iter().zip(times));
                from += scripts.len();
            } else {
                let item = &rest[0];
                if item.rust_step().is_some() {
                    self.enter(item).await?;
                    done.push((item, self.run_step(item).await?));
                    self.leave(item).await?;
                } else if item.script().is_some() {
                    // Without a statement there is nothing to send.
                    self.started(item);
                    self.ran(item, Duration::ZERO);
                    done.push((item, Duration::ZERO));
                }
                from += 1;
            }
        }
        if let Some(keys) = keys {
            self.check_foreign_keys(keys, &group.items[0]).await?;
        }
        // The write lock is held, so nobody can have taken the rows' numbers; written behind the scripts they cannot be
        // kept by a step that ends the transaction on its own.
        new.extend(group.items.iter().map(|item| self.done_row(item)));
        new.extend(self.finished_rows(group));
        let rows = self.write(fenced, new).await.map_err(|unwritten| match unwritten {
            Unwritten::Database(e) => Wrong::Database(Failing::Ours("writing the history"), e),
            Unwritten::Moves => Wrong::Moves,
        })?;
        self.prove_place(group.items).await?;
        let last = group.items.last().unwrap_or(&group.items[0]);
        self.commit().await.map_err(|error| Wrong::Database(Failing::Commit(last), error))?;
        Ok((rows, done))
    }

    /// Proves, before the commit, that the history will be found where it is.
    async fn prove_place<'p>(&mut self, items: &[PlanItem]) -> Result<(), Wrong<'p>> {
        let Some((flight, stays)) = self.dialect.flight.zip(self.stays(items)) else { return Ok(()) };
        let sql = (flight.assert)(stays);
        self.session.run(&sql).await.map_err(|error| match error.code() {
            Some(code) if code == flight.failed => Wrong::Moves,
            _ => Wrong::Database(Failing::Ours("looking where the history will be found"), error),
        })
    }

    /// Sets how long a script or a step may wait, and as whom it runs.
    async fn enter<'p>(&mut self, item: &PlanItem) -> Result<(), Wrong<'p>> {
        if let Some(timeouts) = self.timeouts(item) {
            let ours = |error| Wrong::Database(Failing::Ours("setting timeouts"), error);
            self.session.run(&timeouts).await.map_err(ours)?;
        }
        self.assume_role(item.in_transaction()).await.map_err(Wrong::Other)
    }

    /// What becomes of who one is, and of the settings, behind a script in a transaction.
    pub(super) fn leaving(&self, item: &PlanItem, settings: &[Option<String>]) -> Bundle {
        let mut after = Bundle::of(self.role().map(|role| role.leave));
        let may_set = item.prepared().is_none_or(|prepared| prepared.may_set);
        if (may_set || self.dialect.settings.lent) && !self.dialect.settings.reset.is_empty() {
            after.extend(self.dialect.settings.reset);
            after.extend(settings.iter().flatten());
            after.extend(self.dialect.settings.fix);
        }
        after
    }

    /// Becomes again who one was, and puts back what a script or a step has set, where one statement can.
    async fn leave<'p>(&mut self, item: &PlanItem) -> Result<(), Wrong<'p>> {
        let after = self.leaving(item, self.saved.as_deref().unwrap_or_default());
        if after.is_empty() {
            return Ok(());
        }
        let ours = |error| Wrong::Database(Failing::Ours("putting back the session's settings"), error);
        self.session.execute(&[after.message()], &mut Answers::new()).await.map_err(ours)
    }

    /// Whether a backup was asked for and is still to be made.
    pub(super) fn wants_backup(&self) -> bool {
        self.settings.backup.is_some() && !self.run.backed_up
    }

    /// Makes the backup that was asked for, before the first change of the run.
    pub(super) async fn back_up(&mut self, group: &Group<'_>) -> Result<Option<NewRow>> {
        let Some(backup) = self.settings.backup.filter(|_| !self.run.backed_up) else { return Ok(None) };
        let receipt = backup.back_up(self.session.driver(), self.plan).await.map_err(|error| {
            Error::new(ErrorKind::Application, "the backup failed, so nothing was applied")
                .with_note("next", "mend what the backup says, then run again")
                .with_note("backup", error.to_string())
                .with_source(error)
        })?;
        self.report.backup = Some(receipt.place.clone());
        self.settings.tell(&Event::BackedUp { place: &receipt.place });
        let set = group.items[0].set_name();
        let state = self.history.set(set);
        Ok(Some(NewRow {
            set: set.to_string(),
            event: HistoryEvent::Backup,
            version: None,
            name: None,
            digest: None,
            head: state.open.is_none().then(|| state.head()),
            repeatables: state.repeatables_digest(),
            below: None,
            detail: Detail::new()
                .with("place", receipt.place)
                .with("bytes", receipt.bytes)
                .with("check", receipt.check),
            mark: None,
        }))
    }

    /// Sends scripts, each as one message, and tells of each as it is answered.
    async fn run_scripts<'p>(&mut self, items: &'p [PlanItem]) -> Result<Vec<Duration>, Wrong<'p>> {
        let mut times = Vec::with_capacity(items.len());
        let mut from = 0;
        while from < items.len() {
            if self.in_pieces(&items[from]) {
                times.push(self.run_pieces(&items[from]).await?);
                from += 1;
                continue;
            }
            let mut bytes = 0;
            let count = items[from..]
                .iter()
                .take_while(|item| !self.in_pieces(item))
                .take_while(|item| {
                    bytes += item.script().map_or(0, |script| script.text().len());
                    bytes <= self.dialect.flight_bytes
                })
                .count()
                .max(1);
            times.extend(self.run_flight(&items[from..from + count]).await?);
            from += count;
        }
        Ok(times)
    }

    async fn run_flight<'p>(&mut self, items: &'p [PlanItem]) -> Result<Vec<Duration>, Wrong<'p>> {
        let messages: Vec<Message<'_>> = items
            .iter()
            .map(|item| Message::new(item.script().map_or("", |script| script.text()), item.statements()))
            .collect();
        self.started(&items[0]);
        let mut began = Instant::now();
        let mut times = Vec::new();
        let settings = self.settings;
        let mut watch = |progress| match progress {
            Answered::Statement { message, statement } => {
                if began.elapsed() > SLOW
                    && let Some(item) = items.get(message)
                {
                    settings.tell(&Event::Statement {
                        label: item.label(),
                        statement: statement + 1,
                        statements: item.statements(),
                        bytes: None,
                        elapsed: began.elapsed(),
                    });
                }
            }
            Answered::Message { message, elapsed } => {
                began = Instant::now();
                let Some(item) = items.get(message) else { return };
                let (set, version, label, down) =
                    (item.set_name(), item.version(), item.label(), item.is_down());
                settings.tell(&Event::Ran { set, version, label, down, elapsed });
                times.push(elapsed);
                if let Some(next) = items.get(message + 1) {
                    let (set, version, label, down) =
                        (next.set_name(), next.version(), next.label(), next.is_down());
                    settings.tell(&Event::Started { set, version, label, down });
                }
            }
        };
        let mut answers = Answers::watched(&mut watch);
        let result = self.session.execute(&messages, &mut answers).await;
        let (done, statement) = (answers.messages().len(), answers.statements());
        drop(answers);
        if let Err(error) = result {
            let item = &items[done.min(items.len() - 1)];
            return Err(Wrong::Database(
                Failing::Statement { item, statement, kept: 0, left: Left::Nothing },
                error,
            ));
        }
        self.times.extend(
            items
                .iter()
                .zip(&times)
                .map(|(item, time)| (item.set_name().clone(), item.label().to_owned(), *time)),
        );
        Ok(times)
    }

    /// Whether a script is sent in several messages: it is large, or something has to be asked before one of its statements.
    pub(super) fn in_pieces(&self, item: &PlanItem) -> bool {
        let drops = item.prepared().is_some_and(|prepared| prepared.drops_table);
        let large = item.script().is_some_and(|script| script.text().len() > PIECE);
        large || (drops && self.dialect.foreign_keys.is_some())
    }

    /// Sends a script in pieces of whole statements, so that neither side has to hold all of it once more.
    async fn run_pieces<'p>(&mut self, item: &'p PlanItem) -> Result<Duration, Wrong<'p>> {
        self.started(item);
        let text = item.script().map_or("", |script| script.text());
        let lexing = self.dialect.lexing;
        let mut piece = Piece { text, start: 0, end: 0, first: 0, statements: 0, began: Instant::now() };
        for statement in Script::stream(text, &lexing) {
            let end = statement.position().offset + statement.text().len();
            let drops = self.may_cascade(item, &statement);
            if piece.statements > 0 && (drops || end - piece.start > PIECE) {
                self.run_piece(item, &mut piece).await?;
            }
            if drops {
                let failing =
                    Failing::Statement { item, statement: piece.first, kept: 0, left: Left::Nothing };
                let refused = self.cascades(item, &statement).await;
                if let Some(error) = refused.unwrap_or_else(Some) {
                    return Err(Wrong::Database(failing, error));
                }
            }
            piece.end = end;
            piece.statements += 1;
        }
        if piece.statements > 0 {
            self.run_piece(item, &mut piece).await?;
        }
        let elapsed = piece.began.elapsed();
        self.ran(item, elapsed);
        Ok(elapsed)
    }

    /// Sends one piece of a script. What is told of places is told of the whole script.
    async fn run_piece<'p>(&mut self, item: &'p PlanItem, piece: &mut Piece<'_>) -> Result<(), Wrong<'p>> {
        let (start, first, began) = (piece.start, piece.first, piece.began);
        let (settings, bytes) = (self.settings, piece.text.len());
        let text = piece.text.get(start..piece.end).unwrap_or_default();
        let messages = match self.dialect.flight {
            // The piece hangs on a savepoint, as a script does that flies: it is not run in any other transaction. How texts
            // are read is fixed for all of a script, as if it were sent at once.
            Some(_) => {
                let before = Bundle::of([SAVEPOINT].into_iter().chain(self.dialect.settings.fix_text));
                let guarded = Message::new(format!("{GUARD}{text}"), piece.statements + 1);
                vec![Message::new(before.message().sql.into_owned(), before.len()), guarded]
            }
            None => vec![Message::new(text, piece.statements)],
        };
        let scripts = messages.len() - 1;
        let (guards, shift) = if scripts > 0 { (1, GUARD.len()) } else { (0, 0) };
        let mut watch = |progress| {
            if let Answered::Statement { message, statement } = progress
                && message == scripts
                && statement >= guards
                && began.elapsed() > SLOW
            {
                settings.tell(&Event::Statement {
                    label: item.label(),
                    statement: (first + statement + 1).saturating_sub(guards),
                    statements: item.statements(),
                    bytes: Some((start, bytes)),
                    elapsed: began.elapsed(),
                });
            }
        };
        let mut answers = Answers::watched(&mut watch);
        let result = self.session.execute(&messages, &mut answers).await;
        let (reached, answered) = (answers.messages().len(), answers.statements());
        drop(answers);
        if let Err(error) = result {
            let unguarded = self.dialect.flight.is_some_and(|flight| {
                error.code().is_some_and(|code| answered == 0 && flight.unguarded.contains(&code))
            });
            if reached < scripts || (guards > 0 && unguarded) {
                let ours = Failing::Ours("the savepoint before a part of a script");
                return Err(Wrong::Database(ours, error));
            }
            let offset = error.offset().and_then(|offset| offset.checked_sub(shift));
            let number = match offset {
                // It was not read as a whole.
                Some(offset) if guards > 0 && answered == 0 => {
                    let lexing = self.dialect.lexing;
                    let begun = Script::stream(text, &lexing).take_while(|it| it.position().offset <= offset);
                    begun.count().saturating_sub(1)
                }
                _ => answered.saturating_sub(guards),
            };
            let error = match offset {
                Some(offset) => error.with_offset(start + offset),
                None => error,
            };
            let failing =
                Failing::Statement { item, statement: first + number, kept: 0, left: Left::Nothing };
            return Err(Wrong::Database(failing, error));
        }
        piece.start = piece.end;
        piece.first += piece.statements;
        piece.statements = 0;
        Ok(())
    }

    /// Runs a step in Rust on the open transaction.
    async fn run_step<'p>(&mut self, item: &'p PlanItem) -> Result<Duration, Wrong<'p>> {
        let Some(step) = self.bound_step(item) else {
            return Err(Wrong::Other(Error::new(ErrorKind::Bug, "a step was planned that is not bound")));
        };
        let ours = |error| Wrong::Database(Failing::Ours("the savepoint around a step in Rust"), error);
        self.started(item);
        self.session.run(SAVEPOINT).await.map_err(ours)?;
        let began = Instant::now();
        self.session.count();
        if let Err(error) = step.function.run(self.session.driver()).await {
            let error = match error.downcast::<DriverError>() {
                // Neither the function's fault nor that of its data: others were in its way, or the connection broke.
                Ok(disturbed)
                    if matches!(
                        disturbed.class(),
                        ErrorClass::ConnectionLost | ErrorClass::Busy | ErrorClass::Conflict
                    ) =>
                {
                    return Err(Wrong::Database(
                        Failing::Statement { item, statement: 0, kept: 0, left: Left::Nothing },
                        *disturbed,
                    ));
                }
                Ok(other) => other,
                Err(other) => other,
            };
            return Err(Wrong::Step(
                item,
                Error::new(
                    ErrorKind::Application,
                    format!("migration {} failed, and nothing of it was kept", item.label()),
                )
                .with_migration(item.label())
                .with_note("step", step_message(&*error, self.settings.verbatim))
                .with_note("next", "correct the function or the data that it meets, then run again")
                .with_source(error),
            ));
        }
        let elapsed = began.elapsed();
        self.session.run(RELEASE).await.map_err(|error| {
            if !matches!(error.class(), ErrorClass::Sql | ErrorClass::NoTransaction) {
                return ours(error);
            }
            Wrong::Other(
                Error::new(
                    ErrorKind::Application,
                    format!(
                        "the step {} has ended its transaction, which is the migrator's to end",
                        item.label()
                    ),
                )
                .with_migration(item.label())
                .with_note(
                    "next",
                    "leave out COMMIT and ROLLBACK; look what the step has left in the database",
                )
                .with_source(error),
            )
        })?;
        self.ran(item, elapsed);
        Ok(elapsed)
    }

    /// Whether every foreign key holds after a rebuild.
    async fn check_foreign_keys<'p>(
        &mut self,
        keys: ForeignKeys,
        item: &'p PlanItem,
    ) -> Result<(), Wrong<'p>> {
        let ours = |error| Wrong::Database(Failing::Ours("checking the foreign keys"), error);
        let rows = self.session.query(keys.check).await.map_err(ours)?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut tables: Vec<String> = Vec::new();
        for row in rows.iter() {
            let (table, parent): (String, String) =
                (row.read(0).unwrap_or_default(), row.read(2).unwrap_or_default());
            let text = format!("{table} to {parent}");
            if !tables.contains(&text) {
                tables.push(text);
            }
        }
        Err(Wrong::Other(
            Error::new(
                ErrorKind::Files,
                format!(
                    "migration {} would break {} foreign keys, and nothing of it was kept",
                    item.label(),
                    rows.len()
                ),
            )
            .with_migration(item.label())
            .with_note("from", tables.join(", "))
            .with_note("next", "correct the file, or the rows that were wrong before it, then run again"),
        ))
    }
}

/// What a step's error says. That of a database error is taken without the part that may quote values.
fn step_message(error: &(dyn std::error::Error + Send + Sync + 'static), verbatim: bool) -> String {
    match error.downcast_ref::<DriverError>() {
        Some(error) => match error.private().filter(|_| verbatim) {
            Some(private) => format!("{error}: {private}"),
            None => error.to_string(),
        },
        None => error.to_string(),
    }
}
