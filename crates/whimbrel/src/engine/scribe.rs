//! Writes a verified plan down as one text for the database's own client: the same statements and the same rows as the
//! engine would send, in the same order. Reads; changes nothing.
//!
//! Nobody plans again while such a text is run. So whatever it depends on is asserted in it, before anything is changed:
//! that its history is the one that was planned on, and that the lock is to be had. Behind a failure nothing is run.

use super::commit::{Tails, When};
use super::flight::{RELEASE, Role};
use super::packet::Loading;
use super::sheet::Sheet;
use super::{Engine, Group, Values};
use crate::dialect::{Ddl, Fact, FlightSql, ForeignKeys};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{NewRow, RowWriter, insert_sql};
use crate::plan::PlanItem;
use crate::prepare::Sharing;
use crate::script::{Script, Statement};

/// A text under way.
struct Scribe {
    sheet: Sheet,
    writer: RowWriter,
    tails: Tails,
}

impl<'e> Engine<'e, '_> {
    /// The plan as a text.
    ///
    /// # Errors
    /// There is no client that it could be written for; the history has moved since the plan was made.
    pub(crate) async fn script(mut self, values: Option<Values>) -> Result<String> {
        let Some(sql) = self.dialect.script else {
            let headline =
                format!("there is no client of {} that a script could be written for", self.dialect.name);
            return Err(
                Error::new(ErrorKind::Configuration, headline).with_note("next", "apply the plan with `run`")
            );
        };
        let mut tails = self.tails(When::Before).await?;
        if tails.moved {
            let headline = "somebody else has migrated while the script was made";
            return Err(Error::new(ErrorKind::Retry, headline).with_note("next", "make it again"));
        }
        let items = self.plan.items();
        let mut sheet = Sheet::new(sql, self.dialect.clone(), values);
        self.title(&mut sheet, sql.command, &tails.clock);
        if items.is_empty() {
            return Ok(sheet.into_text());
        }
        sheet.blank();
        sheet.commands();
        if let Some(idle) = self.dialect.history.idle {
            sheet.heading("Not inside a transaction of somebody else's.");
            sheet.assert(&format!("{idle} = 1"));
        }
        // Before the settings, which may lead there.
        if let (Some(expression), Some(place)) = (self.dialect.history.place, &tails.place) {
            sheet.heading("The place that the plan was made for.");
            sheet.assert(&format!("{expression} = {}", (self.dialect.literal)(place)));
        }
        sheet.heading("The settings of the session.");
        tails.settings = sheet.settings(std::mem::take(&mut tails.settings));
        if let Some(fix) = self.dialect.settings.fix.filter(|_| self.dialect.transaction.ddl == Ddl::Commits)
        {
            sheet.ours(fix);
        }
        let writer = RowWriter::new(&self.history, self.who.clone(), tails.clock.clone());
        let mut scribe = Scribe { sheet, writer: writer.for_script(*self.plan.digest()), tails };
        let locked = self.write_proofs(&mut scribe);
        let mut from = 0;
        while from < items.len() {
            let mut to = self.group_end(from);
            let group = Group { items: &items[from..to], rest: &items[to..] };
            if let Some(flight) = self.dialect.flight.filter(|_| self.may_fly(group.items)) {
                self.write_block(group, &flight, &mut scribe)?;
            } else if group.items[0].in_transaction() {
                self.write_transaction(&group, &mut scribe).await?;
            } else if self.dialect.transaction.ddl == Ddl::Commits {
                to = from + items[from..].iter().take_while(|item| !item.in_transaction()).count();
                scribe = self.write_packets(&items[from..to], scribe).await?;
            } else {
                self.write_journal(&items[from], &mut scribe)?;
            }
            from = to;
        }
        if let Some(lock) = self.dialect.lock.filter(|_| locked) {
            scribe.sheet.heading("The lock is given back.");
            scribe.sheet.ours(&format!("SELECT {}", (lock.release)(self.settings.table)));
        }
        scribe.sheet.heading("Done.");
        Ok(scribe.sheet.into_text())
    }

    /// What the text is, and how it is run.
    fn title(&self, sheet: &mut Sheet, command: &str, clock: &str) {
        sheet.comment(
            "A plan of migrations as a script, to be run by hand with the database's own client. Its rows in the history are\n\
             a part of it: change nothing, and run it whole.\n",
        );
        sheet.comment(&format!("plan     {}", self.plan.digest()));
        sheet.comment(&format!("dialect  {}", self.dialect.name));
        sheet.comment(&format!("made     {clock}, by {}", self.who.trim_start_matches("v1 ")));
        if let Some(reason) = self.settings.reason {
            sheet.comment(&format!("reason   {reason}"));
        }
        sheet.comment(&format!("run      {command}"));
        sheet.comment("");
        sheet.comment(&self.plan.to_string());
        sheet.comment("");
        sheet.comment(
            "It stops at the first error. An error of a statement that is no migration's means that the database is not the\n\
             one, or the history no longer the one, that the plan was made on, or that somebody else is migrating: nothing of\n\
             that transaction was changed. Whatever the error, the history says what was done: make a new script, or `run`.",
        );
    }

    /// Asserts what the whole text depends on, and takes the session's lock where one transaction is not all that needs it.
    fn write_proofs(&mut self, scribe: &mut Scribe) -> bool {
        let apart = self.plan.items().iter().any(|item| !item.in_transaction());
        if let (Some(expression), Some(server)) = (self.dialect.history.server, &self.server)
            && apart
        {
            // It stands in rows that announce a statement: what becomes of that is looked for on this server.
            scribe.sheet.heading("The server that the plan was made on, not restarted since.");
            scribe.sheet.assert(&format!("{expression} = {}", (self.dialect.literal)(server)));
        }
        let session = self.dialect.lock.filter(|lock| apart || lock.transaction.is_none());
        if let Some(lock) = session {
            scribe.sheet.heading("Nobody else migrates.");
            scribe.sheet.assert(&format!("{} = 1", (lock.take)(self.settings.table)));
        }
        if self.history.exists {
            scribe.sheet.heading("The history is the one that the plan was made on.");
            scribe.sheet.assert(&self.unmoved(&scribe.writer));
        } else if self.dialect.transaction.ddl == Ddl::Commits {
            scribe.sheet.heading("The history, which is not there yet.");
            self.write_table(scribe);
        }
        session.is_some()
    }

    /// A condition: the newest rows are those that the writer goes on behind.
    fn unmoved(&self, writer: &RowWriter) -> String {
        let table = self.dialect.qualified(&self.table());
        let mut sets = self.fenced_sets();
        sets.sort_unstable();
        sets.dedup();
        let conditions = sets.iter().map(|set| {
            let name = (self.dialect.literal)(set);
            match writer.tail(set).1 {
                Some(hash) => format!(
                    "(SELECT hash FROM {table} WHERE set_name = {name} ORDER BY seq DESC LIMIT 1) = '{hash}'"
                ),
                None => format!("NOT EXISTS (SELECT 1 FROM {table} WHERE set_name = {name})"),
            }
        });
        conditions.collect::<Vec<_>>().join(" AND ")
    }

    /// Creates the history table, which fails if it is there.
    fn write_table(&mut self, scribe: &mut Scribe) {
        for sql in (self.dialect.history.create)(&self.table()) {
            scribe.sheet.ours(&sql);
        }
        self.created = true;
    }

    /// Begins a transaction under the lock, in which the history is the one that is known.
    fn write_begin(&mut self, scribe: &mut Scribe) {
        self.write_opening(scribe);
        self.write_fence(scribe);
    }

    fn write_opening(&mut self, scribe: &mut Scribe) {
        scribe.sheet.ours(self.dialect.transaction.begin);
        let transactional = self.dialect.transaction.ddl == Ddl::Transactional;
        if let Some(fix) = self.dialect.settings.fix.filter(|_| transactional) {
            scribe.sheet.ours(fix);
        }
    }

    /// The same in a session that is a script's, around one of its statements: behind that it goes on as whoever has connected,
    /// as whom the history is read and written.
    fn write_begin_apart(
        &mut self,
        scribe: &mut Scribe,
        statement: Option<(&PlanItem, &str, &Statement<'_>)>,
    ) {
        self.write_opening(scribe);
        if self.dialect.role.is_none() {
            self.write_fence(scribe);
        }
        if let Some((item, heading, statement)) = statement {
            scribe.sheet.heading(heading);
            self.write_statement(item, statement, scribe);
            scribe.sheet.blank();
        }
        if let Some(role) = self.dialect.role {
            role.leave_local.iter().for_each(|sql| scribe.sheet.ours(sql));
            self.write_fence(scribe);
        }
    }

    fn write_fence(&mut self, scribe: &mut Scribe) {
        if let Some(take) = self.dialect.lock.and_then(|lock| lock.transaction) {
            scribe.sheet.assert(&format!("{} = 1", take(self.settings.table)));
        }
        if self.history.exists || self.created {
            scribe.sheet.assert(&self.unmoved(&scribe.writer));
        } else {
            self.write_table(scribe);
        }
    }

    /// Writes rows, and commits.
    fn write_commit(&mut self, scribe: &mut Scribe, new: Vec<NewRow>) {
        let rows: Vec<_> = new.into_iter().map(|row| scribe.writer.row(row)).collect();
        for sql in insert_sql(&self.dialect, &self.table(), &rows) {
            scribe.sheet.ours(&sql);
        }
        scribe.sheet.ours(self.dialect.transaction.commit);
        rows.into_iter().for_each(|row| self.history.push(row));
    }

    /// Rows in a transaction of their own.
    fn write_rows(&mut self, scribe: &mut Scribe, new: Vec<NewRow>) {
        self.write_begin(scribe);
        self.write_commit(scribe, new);
    }

    /// A group that would fly.
    fn write_block(&mut self, group: Group<'e>, flight: &FlightSql, scribe: &mut Scribe) -> Result<()> {
        for item in group.items {
            scribe.sheet.heading(&item.to_string());
        }
        let block = self.block(group, true, &mut scribe.writer, &scribe.tails, flight);
        for part in &block.parts {
            let Role::Script(item) = part.role else {
                part.message.statements().for_each(|sql| scribe.sheet.ours(sql));
                continue;
            };
            scribe.sheet.ours(RELEASE.trim_end_matches(';'));
            scribe.sheet.heading(item.label());
            let text = item.script().map_or("", |file| file.text());
            for statement in Script::stream(text, &self.dialect.lexing) {
                self.write_statement(item, &statement, scribe);
            }
            scribe.sheet.blank();
        }
        block.rows.into_iter().for_each(|row| self.history.push(row));
        Ok(())
    }

    /// A group in one transaction.
    async fn write_transaction(&mut self, group: &Group<'e>, scribe: &mut Scribe) -> Result<()> {
        for item in group.items {
            scribe.sheet.heading(&item.to_string());
        }
        let rebuild = group.items[0].prepared().is_some_and(|prepared| prepared.directives.foreign_keys_off);
        let keys = self.dialect.foreign_keys.filter(|_| rebuild);
        let enforced = match keys {
            Some(keys) if self.foreign_keys_enforced(keys).await? => Some(keys),
            _ => None,
        };
        if let Some(ForeignKeys { disable, .. }) = enforced {
            scribe.sheet.ours(disable);
        }
        self.write_begin(scribe);
        for item in group.items.iter().filter(|item| item.script().is_some()) {
            self.timeouts(item).iter().for_each(|sql| scribe.sheet.ours(sql));
            self.assume(item).iter().for_each(|sql| scribe.sheet.ours(sql));
            self.assert_no_cascade(item, scribe);
            scribe.sheet.heading(item.label());
            let text = item.script().map_or("", |file| file.text());
            for statement in Script::stream(text, &self.dialect.lexing) {
                self.write_statement(item, &statement, scribe);
            }
            scribe.sheet.blank();
            self.leaving(item, &scribe.tails.settings).statements().for_each(|sql| scribe.sheet.ours(sql));
        }
        if let Some(ForeignKeys { check, .. }) = keys {
            scribe.sheet.assert(&format!("NOT EXISTS ({check})"));
        }
        let rows = group.items.iter().map(|item| self.done_row(item)).collect();
        self.write_commit(scribe, rows);
        if let Some(ForeignKeys { enable, .. }) = enforced {
            scribe.sheet.ours(enable);
        }
        if group.items[0].sharing() != Sharing::Shared {
            self.write_postlude(scribe);
        }
        Ok(())
    }

    /// Nobody asks, while the text is run, whether a `DROP TABLE` takes rows of others along: it runs only where none can.
    fn assert_no_cascade(&self, item: &PlanItem, scribe: &mut Scribe) {
        if let Some(keys) = self.dialect.foreign_keys
            && item.prepared().is_some_and(|prepared| prepared.drops_table)
        {
            scribe.sheet.assert(&format!("({}) = 0", keys.enforced));
        }
    }

    fn write_postlude(&self, scribe: &mut Scribe) {
        let postlude = self.postlude(&scribe.tails.settings);
        postlude.statements().for_each(|sql| scribe.sheet.ours(sql));
    }

    /// A script outside transactions, where the schema is transactional.
    fn write_journal(&mut self, item: &'e PlanItem, scribe: &mut Scribe) -> Result<()> {
        scribe.sheet.heading(&item.to_string());
        let script = cut(item, &self.dialect.lexing)?;
        let statements = script.statements();
        let first = item.first_statement();
        if !item.begun() {
            let row = self.begun_row(item, statements);
            self.write_rows(scribe, vec![row]);
        }
        if first == statements.len() {
            let rows = self.missed_row(item, statements).into_iter().chain([self.done_row(item)]).collect();
            self.write_rows(scribe, rows);
            return Ok(());
        }
        self.timeouts(item).iter().for_each(|sql| scribe.sheet.ours(sql));
        self.dialect.settings.fix_session.iter().for_each(|sql| scribe.sheet.ours(sql));
        self.assumed(false).iter().for_each(|sql| scribe.sheet.ours(sql));
        self.assert_no_cascade(item, scribe);
        for statement in &statements[..first] {
            if self.dialect.facts(statement).has(Fact::Replay) {
                self.write_outside(item, statement, scribe);
            }
        }
        // Before the statement is announced again: its mark must not be that of what is about to go.
        item.leftovers().iter().for_each(|sql| scribe.sheet.ours(sql));
        // Behind what is run again, since that says where the statement runs.
        if item.begun() {
            let rows = self.intent_rows(item, statements);
            if !rows.is_empty() {
                self.write_begin_apart(scribe, None);
                self.write_commit(scribe, rows);
            }
        }
        for (index, statement) in statements.iter().enumerate().skip(first) {
            let outside = self.dialect.facts(statement).has(Fact::NeedsNoTransaction);
            if outside {
                self.write_outside(item, statement, scribe);
                self.write_begin_apart(scribe, None);
            } else {
                let heading = format!("{}, statement {}", item.label(), index + 1);
                self.write_begin_apart(scribe, Some((item, &heading, statement)));
            }
            let row = match statements.get(index + 1) {
                None => self.done_row(item),
                Some(next) => self.statement_row(item, index, statement, next),
            };
            self.write_commit(scribe, vec![row]);
        }
        self.write_postlude(scribe);
        Ok(())
    }

    /// A statement of a script, with the texts in it read as they were reviewed.
    fn write_statement(&self, item: &PlanItem, statement: &Statement<'_>, scribe: &mut Scribe) {
        self.pinned(item, statement).iter().for_each(|pin| scribe.sheet.ours(pin));
        scribe.sheet.theirs(statement.text());
    }

    /// A statement outside transactions; without the limit on waiting for locks, if it is not meant for it.
    fn write_outside(&self, item: &PlanItem, statement: &Statement<'_>, scribe: &mut Scribe) {
        let lift = self.lifting(item, statement);
        lift.iter().for_each(|sql| scribe.sheet.ours(sql));
        scribe.sheet.blank();
        self.write_statement(item, statement, scribe);
        scribe.sheet.blank();
        if lift.is_some() {
            self.timeouts(item).iter().for_each(|sql| scribe.sheet.ours(sql));
        }
    }

    /// Scripts statement by statement, where what changes the schema commits itself.
    async fn write_packets(&mut self, items: &'e [PlanItem], scribe: Scribe) -> Result<Scribe> {
        let Scribe { sheet, writer, tails } = scribe;
        // A script may go to another database: what is ours is named in full.
        let table = self.settings.table.within(tails.place.as_deref());
        let mut load = Loading::new(writer, table, tails.settings.clone());
        load.sheet = Some(sheet);
        self.load_all(items, &mut load).await?;
        let (writer, sheet) = (load.writer, load.sheet);
        let Some(sheet) = sheet else {
            return Err(Error::new(ErrorKind::Bug, "a script was lost while it was written"));
        };
        let mut scribe = Scribe { sheet, writer, tails };
        self.write_postlude(&mut scribe);
        Ok(scribe)
    }
}

fn cut<'t>(item: &'t PlanItem, lexing: &crate::script::Lexing) -> Result<Script<'t>> {
    let text = item.script().map_or("", |file| file.text());
    Script::parse(text, lexing)
        .map_err(|_| Error::new(ErrorKind::Bug, "a script that was prepared cannot be cut any more"))
}
