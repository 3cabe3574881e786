//! Packets: scripts on a database whose statements commit themselves, statement by statement, each recorded, and many of
//! them in one message.
//!
//! A packet stops at its first error, and what stood before it has taken effect. Before each statement stands the row that
//! announces it and holds the mark of what it would change; a row of the statement before does both. A statement that
//! can be rolled back commits together with its row. So whatever is cut off, the last row names the one statement whose
//! end is not recorded, and `evidence.rs` can look what became of it.
//!
//! A statement travels in one packet with the row that announces it: a client that dies between two packets leaves none
//! announced that was not sent. A script that changes data only is one transaction, over as many packets as it takes.
//!
//! Each row asserts that its session has the lock, and the number that it takes is free only once.

use std::time::{Duration, Instant};

use super::broken::Broken;
use super::bundle::Bundle;
use super::commit::{When, blames_the_migration};
use super::shared::{RELEASE, SAVEPOINT};
use super::sheet::Sheet;
use super::{Engine, Failing, Left, Progress};
use crate::dialect::{Fact, TableName};
use crate::driver::{Answers, DriverError, ErrorClass, Progress as Answered};
use crate::effect::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{HistoryRow, NewRow, RowWriter, UNSENT, insert_sql};
use crate::migrator::evidence::{self, Look};
use crate::observe::Event;
use crate::placeholder::may_hold_some;
use crate::plan::PlanItem;
use crate::script::{Script, Statement};

/// What one statement of a packet is.
enum Piece<'p> {
    /// Of ours, and without a meaning of its own.
    Ours(&'static str),
    /// Fails where the transaction of this script was ended by one of its statements.
    Intact(&'p PlanItem),
    /// These rows are in force from here on, and with them, perhaps, a migration.
    Rows(Vec<HistoryRow>, Option<&'p PlanItem>),
    /// A statement of a script, by its number from 0: where it begins in the packet, and where it begins and ends in the
    /// script.
    Script { item: &'p PlanItem, number: usize, start: usize, offset: usize, end: usize, outside: bool },
}

/// A message under way.
#[derive(Default)]
struct Packet<'p> {
    bundle: Bundle,
    pieces: Vec<Piece<'p>>,
    /// The pieces that are programs.
    programs: Vec<usize>,
    /// Whether a transaction of ours is open behind each piece.
    open: Vec<bool>,
    /// Whether one is open before the first piece, and behind the last one.
    before: bool,
    behind: bool,
}

impl<'p> Packet<'p> {
    fn push(&mut self, sql: impl AsRef<str>, piece: Piece<'p>) {
        self.bundle.push(sql);
        self.pieces.push(piece);
        self.open.push(self.behind);
    }

    fn begin(&mut self, sql: &str) {
        self.behind = true;
        self.push(sql, Piece::Ours("beginning a transaction"));
    }

    fn commit(&mut self, sql: &str, piece: Piece<'p>) {
        self.behind = false;
        self.push(sql, piece);
    }

    /// What was loaded; what is loaded next stands in the same transaction.
    fn take(&mut self) -> Self {
        let next = Self { before: self.behind, behind: self.behind, ..Self::default() };
        std::mem::replace(self, next)
    }

    /// Whether so many more bytes would make it larger than this. One statement is sent however large it is.
    fn is_full(&self, more: usize, limit: usize) -> bool {
        !self.bundle.is_empty() && self.bundle.bytes() + more > limit
    }
}

/// Room for the rows that travel with a statement, in bytes.
const ROOM: usize = 8 << 10;

/// What is kept while packets are built and sent.
pub(super) struct Loading<'p> {
    packet: Packet<'p>,
    pub(super) writer: RowWriter,
    /// Rows that are written before the next statement, and the migration that is in force with them.
    due: Vec<HistoryRow>,
    done: Option<&'p PlanItem>,
    table: TableName,
    settings: Vec<Option<String>>,
    /// The statement that has set the timeouts which hold now.
    timeouts: String,
    /// Whether a program may have left a transaction open, or switched to one that is always open.
    unsettled: bool,
    /// How large a packet becomes, in bytes, and how large the server lets one be.
    limit: usize,
    most: usize,
    /// Where packets are written down instead of being sent.
    pub(super) sheet: Option<Sheet>,
}

impl Loading<'_> {
    pub(super) fn new(writer: RowWriter, table: TableName, settings: Vec<Option<String>>) -> Self {
        Self {
            packet: Packet::default(),
            writer,
            due: Vec::new(),
            done: None,
            table,
            settings,
            timeouts: String::new(),
            unsettled: false,
            limit: usize::MAX,
            most: usize::MAX,
            sheet: None,
        }
    }

    /// Packets of up to so many bytes, for a server that takes messages of up to `most`.
    fn within(mut self, limit: usize, most: Option<usize>) -> Self {
        self.most = most.unwrap_or(usize::MAX);
        self.limit = limit.min(self.most / 4);
        self
    }
}

impl<'e> Engine<'e, '_> {
    /// Carries out the scripts from `from` on. Answers how far it came.
    ///
    /// # If interrupted
    /// The server carries on with the packet that it has, and keeps the lock while it does.
    pub(super) async fn run_packets(&mut self, from: usize) -> Result<(usize, Progress)> {
        let items = self.plan.items();
        // A packet is not called back: whoever may ask for an end waits for each migration.
        let most = if self.settings.stop.is_some() { 1 } else { usize::MAX };
        let count = items[from..].iter().take_while(|item| !item.in_transaction()).take(most).count();
        let to = from + count;
        if self.wants_backup() {
            let progress = self.back_up_first(from, to).await?;
            if progress != Progress::Done {
                return Ok((from, progress));
            }
        }
        if !self.hold_lock().await? {
            return Ok((from, Progress::Again));
        }
        // An open transaction of the application's would be committed by the first statement.
        self.refuse_transaction().await?;
        if !self.create_first().await? {
            return Ok((from, Progress::Again));
        }
        let tails = self.tails(When::Before).await.map_err(|error| self.fail(error))?;
        if tails.moved {
            return Ok((from, Progress::Again));
        }
        let writer = RowWriter::new(&self.history, self.who.clone(), tails.clock.clone());
        // A script may go to another database: what is ours is named in full.
        let table = self.settings.table.within(tails.place.as_deref());
        let mut load =
            Loading::new(writer, table, tails.settings).within(self.dialect.flight_bytes, tails.largest);
        self.session.opened();
        let result = self.load_all(&items[from..to], &mut load).await;
        self.put_back(&load.settings, result.map(|progress| (to, progress))).await
    }

    pub(super) async fn load_all(
        &mut self,
        items: &'e [PlanItem],
        load: &mut Loading<'e>,
    ) -> Result<Progress> {
        if let Some(fix) = self.dialect.settings.fix {
            load.packet.push(fix, Piece::Ours("fixing how SQL is read"));
        }
        for item in items {
            if let Some(progress) = self.load(item, load).await? {
                return Ok(progress);
            }
        }
        self.unload_rows(load);
        Ok(self.send_packet(load).await?.unwrap_or(Progress::Done))
    }

    /// Puts a migration into packets, and sends those that are full. `Some`: plan again.
    async fn load(&mut self, item: &'e PlanItem, load: &mut Loading<'e>) -> Result<Option<Progress>> {
        let Some(file) = item.script() else {
            return Err(Error::new(ErrorKind::Bug, "a step outside a transaction has no script"));
        };
        let (first, last, lexing) = (item.first_statement(), item.statements(), self.dialect.lexing);
        // A large script has as many statements as would not fit into memory beside it.
        let (head, script);
        let statements = if item.data_only() {
            head = Script::stream(file.text(), &lexing).take(first + 1).collect::<Vec<_>>();
            head.as_slice()
        } else {
            script = Script::parse(file.text(), &lexing).map_err(|_| {
                Error::new(ErrorKind::Bug, "a script that was prepared cannot be cut any more")
            })?;
            script.statements()
        };
        let size = statements.get(first).map_or(0, |statement| statement.text().len() + ROOM);
        if load.packet.is_full(size, load.limit)
            && let Some(progress) = self.unload(load).await?
        {
            return Ok(Some(progress));
        }
        if let Some(number) = self.too_large(item, load) {
            if let Some(progress) = self.unload(load).await? {
                return Ok(Some(progress));
            }
            return self.refuse_large(item, number, load.most).await;
        }
        self.announce(item, statements, load);
        if first == last {
            // The migration before it, whose row may be due, is told by itself.
            self.unload_rows(load);
            self.done(item, load);
            self.unload_rows(load);
            return Ok(None);
        }
        if let Some(timeouts) = self.timeouts(item).filter(|timeouts| *timeouts != load.timeouts) {
            load.packet.push(&timeouts, Piece::Ours("setting timeouts"));
            load.timeouts = timeouts;
        }
        for sql in &item.replay().before {
            load.packet.push(sql, Piece::Ours("making the session like the one before"));
        }
        for statement in item.replay().statements.iter().filter_map(|number| statements.get(*number)) {
            let piece = self.script_piece(item, first, statement, load, true);
            load.packet.push(statement.text(), piece);
        }
        if item.data_only()
            && let Some(progress) = self.load_data(item, first, file.text(), load).await?
        {
            return Ok(Some(progress));
        }
        let one_by_one = if item.data_only() { &[] } else { statements };
        for (number, statement) in one_by_one.iter().enumerate().skip(first) {
            if let Some(progress) = self.load_statement(item, number, statement, statements, load).await? {
                return Ok(Some(progress));
            }
        }
        if !may_set(item) {
            return Ok(None);
        }
        // What comes behind must run as it would after a crash between the two; and what was set must not keep the rows out.
        load.timeouts.clear();
        for part in
            self.dialect.settings.reset.iter().copied().chain(load.settings.iter().flatten().map(|it| &**it))
        {
            load.packet.push(part, Piece::Ours("putting back the session's settings"));
        }
        if let Some(fix) = self.dialect.settings.fix {
            load.packet.push(fix, Piece::Ours("fixing how SQL is read"));
        }
        if load.unsettled {
            // A transaction that a program has left open would take the rows that follow with it.
            self.unload_rows(load);
            load.unsettled = false;
        }
        Ok(None)
    }

    /// The first statement that is larger than the server takes, by its number.
    fn too_large(&self, item: &PlanItem, load: &Loading<'_>) -> Option<usize> {
        let text = item.script().map_or("", |file| file.text());
        let room = if item.data_only() { 0 } else { ROOM };
        if text.len() + room < load.most {
            return None;
        }
        let mut statements =
            Script::stream(text, &self.dialect.lexing).enumerate().skip(item.first_statement());
        statements.find(|(_, it)| it.text().len().saturating_add(room) >= load.most).map(|(number, _)| number)
    }

    /// Of what is too large, nothing is begun.
    async fn refuse_large(
        &mut self,
        item: &PlanItem,
        number: usize,
        most: usize,
    ) -> Result<Option<Progress>> {
        let error = DriverError::new(
            ErrorClass::Sql,
            format!(
                "the statement is larger than the server's max_allowed_packet, which is {most} bytes: split it, or raise \
                 that and connect anew"
            ),
        );
        let kept = if item.data_only() { 0 } else { item.first_statement() };
        let failing = Failing::Statement { item, statement: number, kept, left: Left::Nothing };
        self.after(failing, error).await.map(Some)
    }

    /// A script that changes data only is one transaction, with its row; of as many packets as it takes.
    async fn load_data(
        &mut self,
        item: &'e PlanItem,
        first: usize,
        text: &'e str,
        load: &mut Loading<'e>,
    ) -> Result<Option<Progress>> {
        self.unload_rows(load);
        if load.packet.is_full(text.len(), load.limit)
            && let Some(progress) = self.send_packet(load).await?
        {
            return Ok(Some(progress));
        }
        let dialect = self.dialect.clone();
        let mut statements = Script::stream(text, &dialect.lexing).enumerate().skip(first).peekable();
        // Some settings cannot be changed inside a transaction, or say something of the one that begins next.
        while let Some((number, statement)) =
            statements.next_if(|(_, it)| dialect.facts(it).has(Fact::Replay))
        {
            self.pin(item, &statement, load);
            let piece = self.script_piece(item, number, &statement, load, true);
            load.packet.push(statement.text(), piece);
        }
        load.packet.begin(dialect.transaction.begin);
        load.packet
            .push(SAVEPOINT, Piece::Ours("the savepoint that tells whether the transaction was ended"));
        for (number, statement) in statements {
            if load.packet.is_full(statement.text().len(), load.limit)
                && let Some(progress) = self.send_packet(load).await?
            {
                return Ok(Some(progress));
            }
            self.pin(item, &statement, load);
            let piece = self.script_piece(item, number, &statement, load, false);
            load.packet.push(statement.text(), piece);
        }
        load.packet.push(RELEASE, Piece::Intact(item));
        self.done(item, load);
        self.commit_rows(load);
        Ok(None)
    }

    /// Puts the rows that are due, and a commit, into the packet.
    fn commit_rows(&self, load: &mut Loading<'e>) {
        let rows = std::mem::take(&mut load.due);
        for sql in insert_sql(&self.dialect, &load.table, &rows) {
            load.packet.push(sql, Piece::Ours("writing the history"));
        }
        let done = load.done.take();
        load.packet.commit(self.dialect.transaction.commit, Piece::Rows(rows, done));
    }

    async fn load_statement(
        &mut self,
        item: &'e PlanItem,
        number: usize,
        statement: &Statement<'e>,
        statements: &[Statement<'e>],
        load: &mut Loading<'e>,
    ) -> Result<Option<Progress>> {
        let facts = self.dialect.facts(statement);
        // What changes the session alone is not taken back, and some of it cannot be said inside a transaction.
        let outside = facts.has(Fact::NeedsNoTransaction) || facts.has(Fact::Replay);
        // The row that announces it comes before it, whatever it is, and in the same packet.
        self.unload_rows(load);
        if !outside {
            load.packet.begin(self.dialect.transaction.begin);
        }
        self.pin(item, statement, load);
        let piece = self.script_piece(item, number, statement, load, outside);
        if facts.has(Fact::ManyResults) {
            load.packet.programs.push(load.packet.pieces.len());
            load.unsettled = true;
        }
        load.packet.push(statement.text(), piece);
        let last = facts.has(Fact::TravelsLast)
            || facts.has(Fact::ManyResults) && statement.readings().nth(1).is_some();
        if last && let Some(progress) = self.send_packet(load).await? {
            return Ok(Some(progress));
        }
        let Some(next) = statements.get(number + 1) else {
            // The row that says that the migration is in force says it of its last statement.
            self.done(item, load);
            if !outside {
                self.commit_rows(load);
            }
            return Ok(None);
        };
        // Without room for the next one this packet goes without it, and the row does not announce it.
        let full = load.packet.is_full(next.text().len() + ROOM, load.limit);
        let row = self.statement_row(item, number, statement, next);
        load.due.push(load.writer.row(if full { unannounced(row) } else { row }));
        if !outside {
            // In the same transaction as the statement: one is there if, and only if, the other is.
            self.commit_rows(load);
        }
        if full {
            if let Some(progress) = self.unload(load).await? {
                return Ok(Some(progress));
            }
            load.due.push(load.writer.row(self.attempt_at(item, number + 1, Some(next))));
        }
        Ok(None)
    }

    /// Before a statement that something is filled into: whatever the script has set, it is read as it was reviewed.
    fn pin(&self, item: &PlanItem, statement: &Statement<'_>, load: &mut Loading<'e>) {
        if let Some(pin) = self.pinned(item, statement) {
            load.packet.push(pin, Piece::Ours("fixing how SQL is read"));
        }
    }

    /// What makes a statement be read as it was reviewed, if something is filled into it.
    pub(super) fn pinned(&self, item: &PlanItem, statement: &Statement<'_>) -> Option<&'static str> {
        let filled = item.prepared().is_some_and(|prepared| !prepared.placeholders.is_empty());
        self.dialect.pin.filter(|_| filled && may_hold_some(statement))
    }

    /// Sends what was loaded, with the rows that are due.
    async fn unload(&mut self, load: &mut Loading<'e>) -> Result<Option<Progress>> {
        self.unload_rows(load);
        self.send_packet(load).await
    }

    fn script_piece(
        &self,
        item: &'e PlanItem,
        number: usize,
        statement: &Statement<'e>,
        load: &Loading<'e>,
        outside: bool,
    ) -> Piece<'e> {
        let (start, offset) = (load.packet.bundle.next_offset(), statement.position().offset);
        let end = offset + statement.text().len();
        Piece::Script { item, number, start, offset, end, outside }
    }

    /// The rows that say that a script is under way, and which of its statements comes next.
    fn announce(&self, item: &PlanItem, statements: &[Statement<'_>], load: &mut Loading<'e>) {
        if !item.begun() {
            load.due.push(load.writer.row(self.begun_row(item, statements)));
            return;
        }
        if let Some(row) = self.missed_row(item, statements) {
            load.due.push(load.writer.row(row));
        }
        if statements.get(item.first_statement()).is_some() && !item.whole() {
            load.due.push(load.writer.row(self.attempt_row(item, statements)));
        }
    }

    /// The row that says that a migration is in force.
    fn done(&self, item: &'e PlanItem, load: &mut Loading<'e>) {
        load.due.push(load.writer.row(self.done_row(item)));
        load.done = Some(item);
    }

    /// Puts the rows that are due into the packet: one commits by itself, several together.
    fn unload_rows(&self, load: &mut Loading<'e>) {
        let rows = std::mem::take(&mut load.due);
        let mut inserts = insert_sql(&self.dialect, &load.table, &rows);
        let done = load.done.take();
        match inserts.len() {
            0 => {}
            1 if !load.unsettled => load.packet.push(inserts.remove(0), Piece::Rows(rows, done)),
            _ => {
                load.packet.begin(self.dialect.transaction.begin);
                for sql in inserts {
                    load.packet.push(sql, Piece::Ours("writing the history"));
                }
                load.packet.commit(self.dialect.transaction.commit, Piece::Rows(rows, done));
            }
        }
    }

    /// Writes a packet down, which then counts as sent.
    fn write_packet(&mut self, packet: Packet<'e>, sheet: &mut Sheet) {
        for (piece, sql) in packet.pieces.into_iter().zip(packet.bundle.statements()) {
            match piece {
                Piece::Ours(_) | Piece::Intact(_) => sheet.ours(sql),
                Piece::Rows(rows, _) => {
                    sheet.ours(sql);
                    rows.into_iter().for_each(|row| self.history.push(row));
                }
                Piece::Script { item, number, .. } => {
                    sheet.heading(&format!("{}, statement {}", item.label(), number + 1));
                    sheet.theirs(sql);
                    sheet.blank();
                }
            }
        }
    }

    /// Sends what was loaded. `Some`: plan again.
    async fn send_packet(&mut self, load: &mut Loading<'e>) -> Result<Option<Progress>> {
        let packet = load.packet.take();
        if packet.bundle.is_empty() {
            return Ok(None);
        }
        if let Some(sheet) = &mut load.sheet {
            self.write_packet(packet, sheet);
            return Ok(None);
        }
        let (settings, pieces) = (self.settings, &packet.pieces);
        let mut taken = vec![Duration::ZERO; pieces.len()];
        let mut before = Instant::now();
        let mut under_way: Option<&PlanItem> = None;
        // A script of data that takes several packets tells how much of it is done.
        let several = packet.before || packet.behind;
        let mut watch = |progress| {
            let Answered::Statement { statement, .. } = progress else { return };
            if let Some(time) = taken.get_mut(statement) {
                *time = before.elapsed();
            }
            before = Instant::now();
            if let Some(Piece::Script { item, number, end, .. }) = pieces.get(statement) {
                if !under_way.is_some_and(|other| std::ptr::eq(other, *item)) {
                    under_way = Some(item);
                    let (set, version, label, down) =
                        (item.set_name(), item.version(), item.label(), item.is_down());
                    settings.tell(&Event::Started { set, version, label, down });
                }
                settings.tell(&Event::Statement {
                    label: item.label(),
                    statement: number + 1,
                    statements: item.statements(),
                    bytes: several.then(|| {
                        let all = item.script().map_or(0, |file| file.text().len());
                        (*end, all)
                    }),
                    elapsed: taken[statement],
                });
            }
        };
        let mut answers = Answers::watched(&mut watch).begun_inside(packet.before);
        self.session.opened();
        let message = packet.bundle.message().with_programs(packet.programs.clone());
        let result = self.session.execute(&[message], &mut answers).await;
        let ended = answers.ended().iter().copied().find(|at| packet.open.get(*at) == Some(&true));
        let answered = match &result {
            Ok(()) => packet.pieces.len(),
            Err(_) => answers.statements().min(packet.pieces.len()),
        };
        drop(answers);
        for (index, piece) in packet.pieces[..answered].iter().enumerate() {
            if let Piece::Rows(rows, done) = piece {
                let done: Vec<(&PlanItem, Duration)> = done
                    .iter()
                    .map(|item| {
                        let of_item = packet.pieces[..index].iter().zip(&taken).filter_map(|(piece, time)| {
                            matches!(piece, Piece::Script { item: other, .. } if std::ptr::eq(*other, *item))
                                .then_some(*time)
                        });
                        (*item, of_item.sum())
                    })
                    .collect();
                for (item, elapsed) in &done {
                    self.unfinished = true;
                    self.ran(item, *elapsed);
                }
                self.committed(rows.clone(), &done);
            }
        }
        let error = match result {
            Ok(()) => match broken(&packet.pieces, ended, answered, None) {
                None => {
                    self.session.closed();
                    return Ok(None);
                }
                Some(broken) => Err(broken),
            },
            Err(error) => match broken(&packet.pieces, ended, answered, Some(&error)) {
                None => Ok(error),
                Some(broken) => Err(broken),
            },
        };
        self.session.roll_back().await;
        let mut begun = packet.pieces.iter().take(answered + 1);
        if begun.any(|piece| matches!(piece, Piece::Script { item, .. } if may_set(item))) {
            // What a script has set must neither mislead the questions that follow nor keep a row out. Where this fails,
            // they do.
            let _ =
                self.session.execute(&[self.postlude(&load.settings).message()], &mut Answers::new()).await;
        }
        let error = match error {
            Ok(error) => error,
            Err(broken) => return Err(self.transaction_ended(&broken).await),
        };
        match packet.pieces.get(answered) {
            None => Err(self.fail(Error::driver("carrying out a packet", error))),
            Some(Piece::Ours(what)) => self.after_ours(what, error).await.map(Some),
            Some(Piece::Intact(_)) => self.after_ours("releasing a savepoint", error).await.map(Some),
            Some(Piece::Rows(..)) => self.after_ours("writing the history", error).await.map(Some),
            Some(Piece::Script { item, number, start, offset, outside, .. }) => {
                let error = match error.offset().and_then(|at| at.checked_sub(*start)) {
                    Some(at) => error.with_offset(offset + at),
                    None => error.without_offset(),
                };
                self.failed(item, *number, *outside, error).await.map(Some)
            }
        }
    }

    /// Decides what follows when something of ours fails: the lock may be lost, the number taken.
    async fn after_ours(&mut self, what: &'static str, error: DriverError) -> Result<Progress> {
        let refused = matches!(error.class(), ErrorClass::Constraint | ErrorClass::Sql);
        if refused && !self.session.still_holds_lock(self.settings.table).await && !self.patience.passed() {
            return Ok(self.again().await);
        }
        self.after(Failing::Ours(what), error).await
    }

    /// Decides what follows when a statement of a script fails.
    async fn failed(
        &mut self,
        item: &PlanItem,
        number: usize,
        outside: bool,
        error: DriverError,
    ) -> Result<Progress> {
        let left = self.left_by_piece(item, number, outside, &error).await;
        // Where the history says so already, it is still to be counted.
        let again = self.known_clean(item) && blames_the_migration(error.class());
        if again || left == Left::Nothing && (outside || !self.known_clean(item)) {
            // Without this row the next run knows less, and never something wrong.
            let row = self.failed_statement(item, number, error.code(), Some(error.class()));
            self.record(row).await;
        }
        let kept = if item.data_only() { 0 } else { number };
        let failing = Failing::Statement { item, statement: number, kept, left };
        self.after(failing, error).await
    }

    /// What a statement that has failed left behind. Where that is surely nothing, a row has to say so: without it the next
    /// run would take a corrected script for another one.
    async fn left_by_piece(
        &mut self,
        item: &PlanItem,
        number: usize,
        outside: bool,
        error: &DriverError,
    ) -> Left {
        let Some(file) = item.script() else { return Left::Unknown };
        let lexing = self.dialect.lexing;
        let Some(statement) = Script::stream_in_every_way(file.text(), &lexing).nth(number) else {
            return Left::Unknown;
        };
        let statement = &statement;
        let from = if item.data_only() { item.first_statement() } else { number };
        let proven = if outside {
            let undone = match error.class() {
                ErrorClass::Constraint | ErrorClass::Conflict => true,
                // A server that has lost its cluster says so, too, of what the others may have heard.
                ErrorClass::Busy => !self.session.was_clustered(),
                // Of these nothing was run at all.
                class => matches!(class, ErrorClass::Sql | ErrorClass::Permission | ErrorClass::ReadOnly),
            };
            let halfway = self.dialect.facts(statement).has(Fact::MayFailHalfway);
            let told = undone && !(halfway && Effect::of(statement).is_none());
            // Of an error that says nothing, what the statement would have made or dropped says it.
            told || error.class() == ErrorClass::Other && self.is_undone(item, file.text(), number).await
        } else {
            // What was rolled back is gone, if all that it touched can be rolled back.
            let first = number == from && self.was_refused(error);
            first || self.is_whole(item, file.text(), from).await
        };
        if proven { Left::Nothing } else { Left::Unknown }
    }

    /// Whether nothing at all was run of the statement that failed so.
    fn was_refused(&self, error: &DriverError) -> bool {
        let refuses =
            self.dialect.effects.is_some_and(|effects| (effects.refused)(error.code().unwrap_or_default()));
        refuses || matches!(error.class(), ErrorClass::Permission | ErrorClass::ReadOnly)
    }

    /// Whether the database shows that a statement has not taken effect.
    async fn is_undone(&mut self, item: &PlanItem, text: &str, number: usize) -> bool {
        let set = item.set_name();
        let Some(open) = self.history.set(set).open.clone() else { return false };
        let look = Look { table: self.settings.table, role: self.settings.role, deadline: &self.deadline };
        evidence::has_not_taken_effect(self.session, set, &open, (text, number), &look).await
    }

    /// Whether all of a script's statements from this one on can be rolled back, where they run.
    async fn is_whole(&mut self, item: &PlanItem, text: &str, from: usize) -> bool {
        let set = item.set_name();
        // The row that announced the first of them.
        let Some(seq) = self.history.set(set).open.as_ref().map(|open| open.intent) else { return false };
        let look = Look { table: self.settings.table, role: self.settings.role, deadline: &self.deadline };
        let Ok((_, intent)) = evidence::announced(self.session, set, seq, &look).await else { return false };
        let intent = intent.as_ref();
        let lexing = self.dialect.lexing;
        let statements = || Script::stream_in_every_way(text, &lexing).skip(from);
        evidence::is_whole(self.session, &self.dialect, statements, intent, &self.deadline)
            .await
            .unwrap_or(false)
    }

    fn known_clean(&self, item: &PlanItem) -> bool {
        self.history.set(item.set_name()).open.as_ref().is_some_and(|open| open.next_is_clean)
    }
}

/// The row of a statement, where the next one does not stand in the same packet.
fn unannounced(row: NewRow) -> NewRow {
    NewRow { mark: None, detail: row.detail.with("next", UNSENT), ..row }
}

/// Whether one of a script's statements has ended the transaction in which it ran, and its row is not written: told by the
/// server behind the piece `ended`, or by a savepoint that is gone.
fn broken<'p>(
    pieces: &[Piece<'p>],
    ended: Option<usize>,
    answered: usize,
    error: Option<&DriverError>,
) -> Option<Broken<'p>> {
    let last = |of: &PlanItem| {
        pieces[..answered].iter().rev().find_map(|piece| match piece {
            Piece::Script { item, number, .. } if std::ptr::eq(*item, of) => Some(*number),
            _ => None,
        })
    };
    if let Some(at) = ended
        && let Some(Piece::Script { item, number, .. }) = pieces.get(at)
    {
        let written = pieces[at..answered].iter().any(|piece| matches!(piece, Piece::Rows(..)));
        let last = last(item).unwrap_or(*number);
        return (!written).then_some(Broken { item, by: Some(*number), last: Some(last) });
    }
    let class = error?.class();
    match pieces.get(answered)? {
        Piece::Intact(item) if class == ErrorClass::NoTransaction => {
            Some(Broken { item, by: None, last: last(item) })
        }
        Piece::Script { item, number, outside: false, .. } if class == ErrorClass::TransactionLost => {
            Some(Broken { item, by: Some(*number), last: Some(*number) })
        }
        _ => None,
    }
}

/// Whether a script may change the session's settings.
fn may_set(item: &PlanItem) -> bool {
    item.prepared().is_some_and(|prepared| prepared.may_set)
}
