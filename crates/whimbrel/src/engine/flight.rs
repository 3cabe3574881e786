//! Flights: whole transactions that are sent without waiting for answers, many at a time.
//!
//! Each transaction is a few messages. The first begins, takes the lock, proves that the history is the one that was
//! planned on, writes the rows and makes a savepoint; then comes each script, which releases that savepoint, and so does
//! not run unless the first message did all of it; the last proves that the rows are this transaction's own, and
//! commits. A script is never glued to SQL of ours that stands behind it, so it cannot swallow any. Whatever fails, all
//! that was sent behind it fails as well, and nothing of it remains.

use std::time::{Duration, Instant};

use super::bundle::Bundle;
use super::commit::{MOMENT, Tails, When, creating, made_by_another};
use super::{Engine, Failing, Group, Left, Progress, jittered};
use crate::dialect::{FlightSql, TableName, Timeouts};
use crate::driver::{Answers, DriverError, ErrorClass, Message, Progress as Answered};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{HistoryRow, NewRow, RowWriter, insert_sql};
use crate::observe::Event;
use crate::plan::PlanItem;
use crate::prepare::Prepared;
use crate::script::Script;

/// Guards a script: where the transaction is not the one that our messages opened, there is no such savepoint.
const SAVEPOINT: &str = "SAVEPOINT whimbrel";
pub(super) const RELEASE: &str = "RELEASE SAVEPOINT whimbrel;";

/// From how many bytes on the first transaction goes ahead alone: of a hundred processes that start at once all but one
/// would send everything for nothing.
const ALONE: usize = 64 << 10;

/// From when on a migration is slow enough for its statements to be told.
const SLOW: Duration = Duration::from_secs(1);

/// One transaction.
pub(super) struct Block<'p> {
    group: Group<'p>,
    pub(super) rows: Vec<HistoryRow>,
    pub(super) parts: Vec<Part<'p>>,
}

impl Block<'_> {
    fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.message.bytes()).sum()
    }
}

/// One message of it.
pub(super) struct Part<'p> {
    pub(super) role: Role<'p>,
    /// The number of the statement that assumes the role of the next script.
    assumed: Option<usize>,
    pub(super) message: Bundle,
}

/// What a message is for, and which of its statements are what.
pub(super) enum Role<'p> {
    /// Begins, proves, writes the rows.
    Head {
        lock: usize,
        proofs: std::ops::Range<usize>,
        create: std::ops::Range<usize>,
    },
    Script(&'p PlanItem),
    /// Between two scripts of one transaction.
    Between,
    /// Proves and commits.
    Tail {
        check: usize,
        proof: usize,
        /// The number of the statement that proves that the history stays where it is.
        stays: Option<usize>,
    },
}

impl<'e> Engine<'e, '_> {
    /// Whether a group can be sent without waiting.
    pub(super) fn may_fly(&self, items: &[PlanItem]) -> bool {
        self.dialect.flight.is_some()
            && items.iter().all(|item| {
                let rebuild = item.prepared().is_some_and(|prepared| prepared.directives.foreign_keys_off);
                let secret = item.prepared().is_some_and(Prepared::wants_secrets);
                item.in_transaction()
                    && item.rust_step().is_none()
                    && !rebuild
                    && !secret
                    && !self.in_pieces(item)
            })
    }

    /// Sends the group that begins at `from` and ends at `to`, and those behind it that can fly too. Answers how far it
    /// came.
    ///
    /// # If interrupted
    /// What has reached the server may still be carried out, transaction by transaction.
    pub(super) async fn fly(&mut self, from: usize, to: usize) -> Result<(usize, Progress)> {
        let Some(flight) = self.dialect.flight else {
            return Err(Error::new(ErrorKind::Bug, "a dialect without flights was asked to fly"));
        };
        if self.wants_backup() {
            let progress = self.back_up_first(from, to).await?;
            if progress != Progress::Done {
                return Ok((from, progress));
            }
        }
        let items = self.plan.items();
        let mut groups = vec![Group { items: &items[from..to], rest: &items[to..] }];
        let mut end = to;
        while end < items.len() {
            let next = self.group_end(end);
            if !self.may_fly(&items[end..next]) {
                break;
            }
            groups.push(Group { items: &items[end..next], rest: &items[next..] });
            end = next;
        }
        let Some(tails) = self.clear_to_fly().await? else { return Ok((from, Progress::Again)) };
        if self.saved.is_none() {
            self.saved = Some(tails.settings.clone());
        }
        let mut writer = RowWriter::new(&self.history, self.who.clone(), tails.clock.clone());
        let mut blocks = Vec::with_capacity(groups.len());
        for (index, group) in groups.into_iter().enumerate() {
            blocks.push(self.block(group, index == 0, &mut writer, &tails, &flight));
        }
        let alone = blocks.len() > 1 && blocks.iter().map(Block::bytes).sum::<usize>() > ALONE;
        let mut rest = blocks.as_slice();
        let mut done = from;
        while !rest.is_empty() {
            // The engine sees it too, and ends there.
            if self.settings.is_stopped() {
                return Ok((done, Progress::Done));
            }
            let mut bytes = 0;
            let fits = rest.iter().take(flight.blocks).take_while(|block| {
                bytes += block.bytes();
                bytes <= self.dialect.flight_bytes
            });
            // What has flown cannot be called back: whoever may ask for an end waits for each transaction.
            let alone = self.settings.stop.is_some() || (alone && rest.len() == blocks.len());
            let count = if alone { 1 } else { fits.count().max(1) };
            let (now, later) = rest.split_at(count);
            let progress = self.send(now).await?;
            if progress != Progress::Done {
                return Ok((from, progress));
            }
            done += now.iter().map(|block| block.group.items.len()).sum::<usize>();
            rest = later;
        }
        Ok((end, Progress::Done))
    }

    /// Makes the backup under the lock, before anything flies.
    pub(super) async fn back_up_first(&mut self, from: usize, to: usize) -> Result<Progress> {
        let items = self.plan.items();
        let Some(mut fenced) = self.fence().await? else { return Ok(Progress::Again) };
        match self.back_up(&Group { items: &items[from..to], rest: &items[to..] }).await {
            Ok(row) => {
                let rows = row.into_iter().collect();
                let done = self.finish(&mut fenced, rows, Failing::Ours("writing the history"), &[]).await?;
                Ok(done.unwrap_or(Progress::Done))
            }
            Err(error) => {
                self.session.roll_back().await;
                Err(self.fail(error))
            }
        }
    }

    /// Waits until the lock is to be had. `None`: somebody has written in the meantime.
    async fn clear_to_fly(&mut self) -> Result<Option<Tails>> {
        self.deadline = self.deadline.anew();
        let mut round = 0;
        let mut yielded = false;
        loop {
            let tails = self.tails(When::Before).await.map_err(|error| self.fail(error))?;
            if tails.moved {
                return Ok(None);
            }
            if tails.free && (yielded || !self.came_second(round)) {
                return Ok(Some(tails));
            }
            if tails.free {
                yielded = true;
                self.session.driver().pause(jittered(MOMENT)).await;
                continue;
            }
            self.wait(&mut round, tails.holder.as_deref(), None).await?;
            if !self.history.exists {
                let found = self.session.survey(self.settings.table, &self.deadline).await;
                if found.map_err(|error| self.fail(error))?.is_none() {
                    return Ok(None);
                }
            }
        }
    }

    /// The messages of one transaction.
    pub(super) fn block(
        &self,
        group: Group<'e>,
        first: bool,
        writer: &mut RowWriter,
        tails: &Tails,
        flight: &FlightSql,
    ) -> Block<'e> {
        let own = self.table();
        let table = self.dialect.qualified(&own);
        let literal = self.dialect.literal;
        let assert = |condition: String| (flight.assert)(&condition);
        let row_is = |set: &str, seq: i64, hash: String| {
            format!(
                "EXISTS (SELECT 1 FROM {table} WHERE set_name = {} AND seq = {seq} AND hash = '{hash}')",
                literal(set)
            )
        };
        let mut head = Bundle::default();
        head.push(self.dialect.transaction.begin);
        head.extend(self.dialect.settings.fix);
        let take = self.dialect.lock.and_then(|lock| lock.transaction);
        let lock = match take {
            Some(take) => head.push(assert(format!("{} = 1", take(self.settings.table)))),
            None => 0,
        };
        let proofs_from = head.len();
        let place = tails.place.as_ref().filter(|_| self.settings.table.schema().is_none());
        if let (Some(place), Some(expression)) = (place, self.dialect.history.place) {
            head.push(assert(format!("{expression} = {}", literal(place))));
        }
        let create = if first && !self.history.exists {
            let from = head.len();
            head.extend((self.dialect.history.create)(&own));
            from..head.len()
        } else {
            0..0
        };
        let mut sets: Vec<String> = group.items.iter().map(|item| item.set_name().to_string()).collect();
        if first {
            sets = self.fenced_sets();
        }
        sets.sort_unstable();
        sets.dedup();
        for set in &sets {
            match writer.tail(set) {
                (seq, Some(hash)) => head.push(assert(row_is(set, seq, hash.to_string()))),
                _ if create.is_empty() => head.push(assert(format!(
                    "NOT EXISTS (SELECT 1 FROM {table} WHERE set_name = {})",
                    literal(set)
                ))),
                _ => 0,
            };
        }
        let proofs = proofs_from..head.len();
        let rows: Vec<HistoryRow> = group.items.iter().map(|item| writer.row(self.done_row(item))).collect();
        head.extend(insert_sql(&self.dialect, &own, &rows));
        let mut parts = Vec::new();
        let mut timeouts = String::new();
        let mut role = Role::Head { lock, proofs, create };
        let mut before = head;
        for item in group.items.iter().filter(|item| item.script().is_some()) {
            if let Some(set) = self.timeouts(item).filter(|set| *set != timeouts) {
                before.push(&set);
                timeouts = set;
            }
            let assumed = self.assume(item).map(|sql| before.push(sql));
            before.push(SAVEPOINT);
            parts.push(Part { role, assumed, message: before });
            let text = item.script().map_or("", |script| script.text());
            let message = Bundle::whole(format!("{RELEASE}{text}"), item.statements() + 1);
            parts.push(Part { role: Role::Script(item), assumed: None, message });
            before = Bundle::of(self.role().map(|role| role.leave));
            if self.dialect.settings.lent || item.prepared().is_none_or(|prepared| prepared.may_set) {
                before.extend(self.dialect.settings.reset);
                before.extend(tails.settings.iter().flatten());
                before.extend(self.dialect.settings.fix);
                timeouts.clear();
            }
            role = Role::Between;
        }
        // What behind the last script puts the settings back is the beginning of the last message.
        let mut tail = match role {
            Role::Head { .. } => {
                parts.push(Part { role, assumed: None, message: before });
                Bundle::default()
            }
            _ => before,
        };
        let check = tail.push(flight.check);
        let mut proof = check;
        if let Some(last) = rows.last() {
            let mine = format!(
                "EXISTS (SELECT 1 FROM {table} WHERE set_name = {} AND seq = {} AND {})",
                literal(last.set()),
                last.seq(),
                flight.mine
            );
            proof = tail.push(assert(mine));
        }
        // Behind the proof: from here on the session looks for names where others will.
        let stays = self.stays(group.items).map(|stays| tail.push(assert(stays.to_owned())));
        tail.push(self.dialect.transaction.commit);
        parts.push(Part { role: Role::Tail { check, proof, stays }, assumed: None, message: tail });
        Block { group, rows, parts }
    }

    /// The statement that sets how long a script may wait.
    pub(super) fn timeouts(&self, item: &PlanItem) -> Option<String> {
        let directives = item.prepared().map(|prepared| &prepared.directives);
        let timeouts = Timeouts {
            lock: directives.and_then(|it| it.lock_timeout).or(self.settings.timeouts.lock),
            statement: directives.and_then(|it| it.statement_timeout).or(self.settings.timeouts.statement),
            local: item.in_transaction(),
        };
        let wanted = timeouts.lock.is_some() || timeouts.statement.is_some();
        self.dialect.timeouts.filter(|_| wanted).map(|set| set(&timeouts))
    }

    /// The statement that assumes the role as which a script runs.
    pub(super) fn assume(&self, item: &PlanItem) -> Option<String> {
        self.assumed(item.in_transaction())
    }

    /// What puts the settings back after a script.
    pub(super) fn postlude(&self, settings: &[Option<String>]) -> Bundle {
        let mut bundle = Bundle::of(self.dialect.settings.reset);
        bundle.extend(settings.iter().flatten());
        bundle
    }

    /// Sends transactions, and takes over those that were committed.
    async fn send(&mut self, blocks: &[Block<'e>]) -> Result<Progress> {
        let parts: Vec<(usize, &Part<'e>)> = blocks
            .iter()
            .enumerate()
            .flat_map(|(index, block)| block.parts.iter().map(move |part| (index, part)))
            .collect();
        let messages: Vec<Message<'_>> = parts.iter().map(|(_, part)| part.message.message()).collect();
        let settings = self.settings;
        let started = |at: usize| {
            if let Some((_, Part { role: Role::Script(item), .. })) = parts.get(at) {
                let (set, version, label, down) =
                    (item.set_name(), item.version(), item.label(), item.is_down());
                settings.tell(&Event::Started { set, version, label, down });
            }
        };
        let mut times: Vec<Duration> = Vec::new();
        let mut began = Instant::now();
        let mut watch = |progress| match progress {
            Answered::Statement { message, statement } => {
                if began.elapsed() > SLOW
                    && let Some((_, Part { role: Role::Script(item), .. })) = parts.get(message)
                {
                    settings.tell(&Event::Statement {
                        label: item.label(),
                        statement: statement.max(1),
                        statements: item.statements(),
                        bytes: None,
                        elapsed: began.elapsed(),
                    });
                }
            }
            Answered::Message { message, elapsed } => {
                began = Instant::now();
                times.push(elapsed);
                if let Some((_, Part { role: Role::Script(item), .. })) = parts.get(message) {
                    let (set, version, label, down) =
                        (item.set_name(), item.version(), item.label(), item.is_down());
                    settings.tell(&Event::Ran { set, version, label, down, elapsed });
                }
                started(message + 1);
            }
        };
        let mut answers = Answers::watched(&mut watch);
        self.session.opened();
        let result = self.session.execute(&messages, &mut answers).await;
        let (done, statement) = (answers.messages().len(), answers.statements());
        drop(answers);
        let mut at = 0;
        for block in blocks {
            let until = at + block.parts.len();
            if until > done {
                break;
            }
            self.landed(block, &times[at..until]);
            at = until;
        }
        let Err(error) = result else {
            self.session.closed();
            return Ok(Progress::Done);
        };
        self.session.roll_back().await;
        let Some((index, part)) = parts.get(done) else {
            return Err(self.fail(Error::driver("carrying out a flight", error)));
        };
        self.fell(&blocks[*index], part, statement, error).await
    }

    /// Takes over a transaction that was committed.
    fn landed(&mut self, block: &Block<'e>, times: &[Duration]) {
        let scripts = block.parts.iter().zip(times).filter_map(|(part, time)| match part.role {
            Role::Script(item) => Some((item, *time)),
            _ => None,
        });
        let done: Vec<(&PlanItem, Duration)> = scripts.collect();
        self.times.extend(
            done.iter().map(|(item, time)| (item.set_name().clone(), item.label().to_owned(), *time)),
        );
        self.unfinished |= !done.is_empty();
        self.committed(block.rows.clone(), &done);
    }

    /// Decides what follows from an error, of whose transaction nothing remains.
    async fn fell(
        &mut self,
        block: &Block<'e>,
        part: &Part<'e>,
        statement: usize,
        error: DriverError,
    ) -> Result<Progress> {
        // Only an assertion that does not hold tells of others: what else goes wrong there is the database's to name.
        let failed = |codes: &[&str]| error.code().is_some_and(|code| codes.contains(&code));
        let flight = self.dialect.flight;
        let untrue = flight.is_some_and(|flight| failed(&[flight.failed]));
        let again = match &part.role {
            Role::Head { lock, proofs, create } => {
                if create.contains(&statement) {
                    if !made_by_another(error.class()) {
                        return Err(self.fail(creating(error)));
                    }
                    true
                } else {
                    untrue && (*lock == statement || proofs.contains(&statement))
                }
            }
            // The database reads a message whole before it runs any of it: what it cannot read is the script's, whatever
            // number it gives.
            Role::Script(_) => statement == 0 && flight.is_some_and(|flight| failed(flight.unguarded)),
            Role::Between => false,
            Role::Tail { proof, .. } => untrue && *proof == statement,
        };
        let gone = matches!(error.class(), ErrorClass::ConnectionLost | ErrorClass::Unavailable);
        // The row was written in front of the script, under the lock: if nobody else has written, the script has removed it.
        let row_is_gone = again && matches!(part.role, Role::Tail { .. });
        if row_is_gone && !self.others_have_written().await? {
            return self.removes_rows(block.group.items);
        }
        if again && !gone {
            // A proof has failed: somebody else has the lock, or has written.
            if self.patience.passed() {
                let changed = !self.report.migrations.is_empty();
                let deadline = self.patience;
                return Err(self.fail(super::commit::lock_deadline(&deadline, changed, None, Some(error))));
            }
            self.settings.tell(&Event::Waiting { holder: None, waited: self.patience.waited() });
            self.session.back_off(&mut self.run.round, &self.patience).await;
            return Ok(Progress::Again);
        }
        if let Some(role) = self.settings.role.filter(|_| part.assumed == Some(statement)) {
            return self.after(Failing::Role(role), error).await;
        }
        match &part.role {
            Role::Head { .. } => self.after(Failing::Ours("beginning a transaction"), error).await,
            Role::Between => self.after(Failing::Ours("putting back the session's settings"), error).await,
            Role::Tail { stays: Some(stays), .. } if untrue && *stays == statement => {
                self.moves(block.group.items).await
            }
            Role::Tail { check, .. } => {
                let last = block.group.items.last().unwrap_or(&block.group.items[0]);
                let failing = if statement < *check {
                    Failing::Ours("putting back the session's settings")
                } else {
                    Failing::Commit(last)
                };
                self.after(failing, error).await
            }
            Role::Script(item) => {
                let by_itself =
                    matches!(error.class(), ErrorClass::Sql | ErrorClass::Constraint | ErrorClass::Other);
                if by_itself && block.group.items.len() > 1 && self.settings.one_by_one {
                    self.settings.tell(&Event::OneByOne { label: item.label() });
                    return Ok(Progress::OneByOne);
                }
                // Without a place the message as a whole was not taken.
                let offset = error.offset().and_then(|offset| offset.checked_sub(RELEASE.len()));
                let error = match offset {
                    Some(offset) => error.with_offset(offset),
                    None => error,
                };
                let number = match error.offset() {
                    Some(offset) if statement == 0 => self.statement_at(item, offset),
                    _ => statement.saturating_sub(1),
                };
                let failing = Failing::Statement { item, statement: number, kept: 0, left: Left::Nothing };
                self.after(failing, error).await
            }
        }
    }

    /// Decides what follows where a script has removed the row that records it.
    fn removes_rows(&mut self, items: &'e [PlanItem]) -> Result<Progress> {
        let last = items.last().unwrap_or(&self.plan.items()[0]);
        if items.len() > 1 && self.settings.one_by_one {
            self.settings.tell(&Event::OneByOne { label: last.label() });
            return Ok(Progress::OneByOne);
        }
        self.failed = Some(self.failed_row(last, None, None));
        let what = format!(
            "migration {} was rolled back: it removes the row of the table {} that records it",
            last.label(),
            self.settings.table
        );
        Err(self.fail(
            Error::new(ErrorKind::Files, what)
                .with_migration(last.label())
                .with_note("next", "take the statement on that table out of the script, then run again"),
        ))
    }

    /// Decides what follows where a transaction would have left the history behind, of which nothing remains.
    pub(super) async fn moves(&mut self, items: &'e [PlanItem]) -> Result<Progress> {
        let last = items.last().unwrap_or(&self.plan.items()[0]);
        if items.len() > 1 && self.settings.one_by_one {
            self.settings.tell(&Event::OneByOne { label: last.label() });
            return Ok(Progress::OneByOne);
        }
        let before = self.stays(items).map(str::to_owned);
        let tails = self.tails(When::Before).await.map_err(|error| self.fail(error))?;
        if before.as_deref() != self.stays(items) && !self.patience.passed() {
            // It was somebody else, in the meantime.
            return Ok(self.again().await);
        }
        self.failed = Some(self.failed_row(last, None, None));
        Err(self.fail(moved(last, "was rolled back", self.settings.table, tails.place.as_deref())))
    }

    /// The number of the statement that stands at an offset of a script.
    fn statement_at(&self, item: &PlanItem, offset: usize) -> usize {
        let Some(file) = item.script() else { return 0 };
        let statements = Script::stream(file.text(), &self.dialect.lexing);
        statements.take_while(|it| it.position().offset <= offset).count().saturating_sub(1)
    }

    /// Writes the rows that close the run, with the times that were not known before. They are no part of what is in
    /// force: where they cannot be written, nothing is wrong.
    pub(super) async fn close_flights(&mut self, done: &[PlanItem]) {
        if !std::mem::take(&mut self.unfinished) {
            return;
        }
        let rows = self.finished_rows(&Group { items: done, rest: &[] });
        let (mut bundle, rows) = self.by_themselves(rows).await.unwrap_or_default();
        if let Some(saved) = &self.saved {
            // What a trigger has set, say.
            bundle.extend(self.dialect.settings.reset);
            bundle.extend(saved.iter().flatten());
        }
        if bundle.is_empty() {
            return;
        }
        self.send_rows(&bundle, rows).await;
    }

    /// Writes a row that nobody depends on, in as few round trips as there can be: who has waited goes ahead meanwhile.
    pub(super) async fn record_at_once(&mut self, row: NewRow) {
        if let Some((bundle, rows)) = self.by_themselves(vec![row]).await {
            self.send_rows(&bundle, rows).await;
        }
    }

    async fn send_rows(&mut self, bundle: &Bundle, rows: Vec<HistoryRow>) {
        self.session.opened();
        match self.session.execute(&[bundle.message()], &mut Answers::new()).await {
            Ok(()) => {
                self.session.closed();
                rows.into_iter().for_each(|row| self.history.push(row));
            }
            Err(_) => {
                self.session.roll_back().await;
            }
        }
    }

    /// Rows in a transaction of their own; none where somebody else has written, or is at work.
    async fn by_themselves(&mut self, new: Vec<NewRow>) -> Option<(Bundle, Vec<HistoryRow>)> {
        let tails = self.tails(When::Before).await.ok().filter(|tails| !tails.moved && tails.free)?;
        let mut writer = RowWriter::new(&self.history, self.who.clone(), tails.clock.clone());
        let rows: Vec<HistoryRow> = new.into_iter().map(|row| writer.row(row)).collect();
        let mut bundle = Bundle::default();
        bundle.push(self.dialect.transaction.begin);
        if let (Some(take), Some(flight)) =
            (self.dialect.lock.and_then(|lock| lock.transaction), self.dialect.flight)
        {
            bundle.extend(self.dialect.settings.fix);
            bundle.push((flight.assert)(&format!("{} = 1", take(self.settings.table))));
        }
        bundle.extend(insert_sql(&self.dialect, &self.table(), &rows));
        bundle.push(self.dialect.transaction.commit);
        Some((bundle, rows))
    }
}

/// A migration behind which new connections would look for the history, and make tables, somewhere else.
pub(super) fn moved(item: &PlanItem, outcome: &str, table: &TableName, place: Option<&str>) -> Error {
    let place = place.unwrap_or_default();
    let full = table.within(Some(place)).to_string();
    let next = if TableName::new(&full).is_ok() {
        format!("say where the history is: `with_table(TableName::new(\"{full}\")?)`; then run again")
    } else {
        "leave the statement out, run it by hand, and move the history with `ALTER TABLE … SET SCHEMA …`; then run again".to_owned()
    };
    Error::new(
        ErrorKind::Configuration,
        format!(
            "migration {} {outcome}: after it new connections create tables in another schema, and do not find the history, \
             which is in the schema {place}",
            item.label()
        ),
    )
    .with_migration(item.label())
    .with_note("next", next)
}
