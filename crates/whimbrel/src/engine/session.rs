//! One driver during one verb: counts its calls, waits politely, and gives the connection up when it cannot vouch for it.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroize as _;

use super::fill::{Filled, MARK, Values, setting};
use crate::dialect::{Dialect, SecretSql, SessionNumber, SurveyQuery, TableName};
use crate::driver::{Answers, Driver, DriverError, ErrorClass, Message, Row, Rows, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{History, select_all_sql};
use crate::limits::Limits;
use crate::migration::MigrationSet;
use crate::predecessor::{self, Predecessor, Recorded};
use crate::secret::Secret;
use crate::traces::{made_tables, named_places};

/// A driver during one verb.
pub(crate) struct Session<'d> {
    driver: &'d mut (dyn Driver + 'd),
    queries: usize,
    /// How many things are open on the connection: a transaction, a setting that has to be put back. If the verb's future
    /// is dropped now, the connection must go.
    open: usize,
    /// Whether the session has the migrators' lock.
    locked: bool,
    /// Whether the server is one of several that take writes, once that was asked.
    clustered: Option<bool>,
    /// Where the history is, once that is known and has to be said.
    place: Option<String>,
    /// What is filled into scripts.
    values: Option<Values>,
    /// What is to be migrated.
    sets: Vec<Arc<MigrationSet>>,
    /// Values that placeholders of their scripts may name databases by.
    named: Vec<String>,
    /// The words of its scripts that may name databases, once they were looked for.
    places: Option<Vec<String>>,
    /// How many rows of a history are read.
    most_rows: u64,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if self.open > 0 {
            self.driver.close();
        }
    }
}

impl<'d> Session<'d> {
    pub(crate) fn new(driver: &'d mut (dyn Driver + 'd)) -> Self {
        Self {
            driver,
            queries: 0,
            open: 0,
            locked: false,
            clustered: None,
            place: None,
            values: None,
            sets: Vec::new(),
            named: Vec::new(),
            places: None,
            most_rows: Limits::default().history_rows,
        }
    }

    /// Reads a history of so many rows at most.
    #[must_use]
    pub(crate) fn within(mut self, limits: &Limits) -> Self {
        self.most_rows = limits.history_rows;
        self
    }

    /// Where no history of one of these sets is found, it is looked what there is of theirs.
    #[must_use]
    pub(crate) fn about(mut self, sets: Vec<Arc<MigrationSet>>, named: Vec<String>) -> Self {
        self.sets = sets;
        self.named = named;
        self
    }

    pub(crate) fn dialect(&self) -> &Dialect {
        self.driver.dialect()
    }

    pub(crate) fn driver(&mut self) -> &mut (dyn Driver + 'd) {
        self.driver
    }

    /// How often the driver was called and waited for.
    pub(crate) fn queries(&self) -> usize {
        self.queries
    }

    pub(crate) fn count(&mut self) {
        self.queries += 1;
    }

    /// From here on the connection is given up if the future is dropped, until as many [`closed`](Self::closed).
    pub(crate) fn opened(&mut self) {
        self.open += 1;
    }

    /// What was opened last is open no more.
    pub(crate) fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Gives the connection up: its state is not known.
    pub(crate) fn give_up(&mut self) {
        self.driver.close();
    }

    pub(crate) async fn query(&mut self, sql: &str) -> Result<Rows, DriverError> {
        self.query_with(sql, &[]).await
    }

    pub(crate) async fn query_with(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.queries += 1;
        self.driver.query(sql, values).await.map_err(|error| self.scrubbed(error))
    }

    /// From here on the history is named in full, wherever a script has names looked for.
    pub(crate) fn pin(&mut self, place: Option<&str>) {
        if self.dialect().history.stays.is_some() && self.place.is_none() {
            self.place = place.map(str::to_owned);
        }
    }

    /// Finds out where the history is to be named in full. `false`: it is, or cannot be.
    pub(crate) async fn pin_here(&mut self) -> bool {
        let history = &self.dialect().history;
        let Some(place) = history.place.filter(|_| history.stays.is_some() && self.place.is_none()) else {
            return false;
        };
        let Ok(rows) = self.query(&format!("SELECT {place}")).await else { return false };
        self.place = rows.first().and_then(|row| row.read::<Option<String>>(0).ok()).flatten();
        self.place.is_some()
    }

    /// The history table, as it is named from here on. Locks are those of the name that was configured.
    pub(crate) fn pinned(&self, table: &TableName) -> TableName {
        table.within(self.place.as_deref())
    }

    /// From here on placeholders are filled in.
    pub(crate) fn fill(&mut self, values: Values) {
        self.values = Some(values);
    }

    /// A statement with its placeholders filled in; `None` if it has none.
    pub(super) fn filled_text(&self, sql: &str) -> Option<zeroize::Zeroizing<String>> {
        let values = self.values.as_ref()?;
        Some(values.fill(&Message::new(sql, 1), self.driver.dialect(), 0)?.text)
    }

    /// Everything that a driver reports comes through here.
    fn scrubbed(&self, error: DriverError) -> DriverError {
        match &self.values {
            Some(values) => values.scrub(error, self.driver.dialect()),
            None => error,
        }
    }

    /// Runs a query, and again as long as the database is busy and the deadline has not come.
    pub(crate) async fn patient_query(
        &mut self,
        sql: &str,
        deadline: &Deadline,
    ) -> Result<Rows, DriverError> {
        let mut round = 0;
        loop {
            match self.query(sql).await {
                Err(error) if error.class() == ErrorClass::Busy && !deadline.passed() => {
                    self.pause(&mut round, deadline).await;
                }
                answer => return answer,
            }
        }
    }

    /// Waits a little, longer with each round.
    pub(crate) async fn pause(&mut self, round: &mut u32, deadline: &Deadline) {
        let longest = Duration::from_millis(2 << (*round).min(5));
        *round += 1;
        self.driver.pause(jittered(longest).min(deadline.left())).await;
    }

    /// Waits longer, and longer still with each round: what was tried has disturbed others.
    pub(crate) async fn back_off(&mut self, round: &mut u32, deadline: &Deadline) {
        let longest = Duration::from_millis(16 << (*round).min(8));
        *round += 1;
        self.driver.pause(jittered(longest).min(deadline.left())).await;
    }

    pub(crate) async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let filled: Vec<Option<Filled>> = match &self.values {
            Some(values) => {
                let mut settings = 0;
                let fill = |message| {
                    let filled = values.fill(message, self.driver.dialect(), settings);
                    settings += filled.as_ref().map_or(0, |filled| filled.settings.len());
                    filled
                };
                messages.iter().map(fill).collect()
            }
            None => Vec::new(),
        };
        if filled.iter().flatten().next().is_some() {
            self.execute_filled(messages, &filled, answers).await?;
        } else {
            self.queries += 1;
            self.driver.execute(messages, answers).await.map_err(|error| self.scrubbed(error))?;
        }
        let counted = answers.messages();
        let short = counted.len() != messages.len();
        let wrong =
            counted.iter().zip(messages).position(|(answer, sent)| answer.statements != sent.statements);
        if short || wrong.is_some() {
            // The database has cut the text otherwise than we have: what ran is not what was reviewed.
            return Err(DriverError::new(
                ErrorClass::Other,
                format!(
                    "the database answered {} statements where {} were sent, in message {}",
                    wrong.map_or(0, |at| counted[at].statements),
                    wrong.map_or(messages.len(), |at| messages[at].statements),
                    wrong.unwrap_or(counted.len()) + 1
                ),
            ));
        }
        Ok(())
    }

    /// Runs messages of which some were filled in. What an error tells of places is told of those before.
    async fn execute_filled(
        &mut self,
        messages: &[Message<'_>],
        filled: &[Option<Filled>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let settings: Vec<&(String, Secret)> = filled.iter().flatten().flat_map(|it| &it.settings).collect();
        for (number, (_, secret)) in settings.iter().enumerate() {
            self.set(number, secret.expose()).await?;
        }
        let sent: Vec<Message<'_>> = messages
            .iter()
            .zip(filled)
            .map(|(message, filled)| match filled {
                Some(filled) => Message::new(filled.text.as_str(), message.statements),
                None => Message::new(&*message.sql, message.statements),
            })
            .zip(messages)
            .map(|(sent, message)| sent.with_programs(message.programs.clone()))
            .collect();
        self.queries += 1;
        let result = self.driver.execute(&sent, answers).await;
        // In a transaction that has failed the settings go with it.
        if result.is_ok() {
            for number in 0..settings.len() {
                // What was asked for took effect, whatever becomes of this: a connection that keeps a secret goes instead.
                if self.set(number, "").await.is_err() {
                    self.give_up();
                    break;
                }
            }
        }
        result.map_err(|error| {
            let place = error.offset().zip(filled.get(answers.messages().len()).and_then(Option::as_ref));
            let error = match place {
                Some((offset, filled)) => error.with_offset(filled.before(offset)),
                None => error,
            };
            let failed = filled.get(answers.messages().len()).and_then(Option::as_ref);
            if failed.is_some_and(|failed| failed.secret) {
                // It may quote a part of the secret, and nobody knows which.
                return error.without_words();
            }
            self.scrubbed(error)
        })
    }

    /// Gives a setting of the session a value, which is bound, so that no log of the client's has it.
    async fn set(&mut self, number: usize, text: &str) -> Result<(), DriverError> {
        let SecretSql::Setting { set, .. } = self.dialect().secrets else { return Ok(()) };
        let mut marked = String::with_capacity(text.len() + MARK.len());
        if !text.is_empty() {
            marked.push_str(MARK);
            marked.push_str(text);
        }
        let mut values = [Value::Text(setting(number)), Value::Text(marked)];
        let result = self.query_with(set, &values).await;
        if let Value::Text(marked) = &mut values[1] {
            marked.zeroize();
        }
        result.map(drop)
    }

    /// Runs one message of our own.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), DriverError> {
        self.execute(&[Message::new(sql, 1)], &mut Answers::new()).await
    }

    /// Runs one message of our own, and again as long as the database is busy and the deadline has not come.
    pub(crate) async fn patient_run(&mut self, sql: &str, deadline: &Deadline) -> Result<(), DriverError> {
        let mut round = 0;
        loop {
            match self.run(sql).await {
                Err(error) if error.class() == ErrorClass::Busy && !deadline.passed() => {
                    self.pause(&mut round, deadline).await;
                }
                answer => return answer,
            }
        }
    }

    /// Whether the session has the migrators' lock.
    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }

    /// Tries to take the migrators' lock for the session, without waiting. Answers who has it, if it is not to be had.
    ///
    /// The session's number is looked at in the same statement: through a pooler that gives each transaction another
    /// session the lock would be somebody else's, and stay for ever.
    pub(crate) async fn lock(&mut self, table: &TableName) -> Result<Locked> {
        let Some(lock) = self.dialect().lock else { return Ok(Locked::Mine) };
        if self.locked {
            return Ok(Locked::Mine);
        }
        let take = match self.dialect().session {
            SessionNumber::Known(number) => {
                format!("CASE WHEN {} = {number} THEN {} ELSE -1 END", lock.session, (lock.take)(table))
            }
            SessionNumber::Vouched => (lock.take)(table),
            SessionNumber::Unknown => {
                return Err(no_session("it is not known whether this connection keeps its session"));
            }
        };
        let mut sql = format!("SELECT {take}, {}", (lock.holder)(table));
        let causal = self.dialect().history.causal;
        if let Some(causal) = causal {
            sql = format!("{sql}, {}", causal.clustered);
        }
        self.opened();
        let rows = match self.query(&sql).await {
            Ok(rows) => rows,
            Err(error) => {
                self.closed();
                return Err(Error::driver("taking the migrators' lock", error));
            }
        };
        let row =
            rows.first().ok_or_else(|| Error::new(ErrorKind::Bug, "a query without FROM returned no row"))?;
        let holder = row.read::<Option<String>>(1).map_err(unreadable)?;
        if causal.is_some() {
            self.clustered = Some(row.read::<Option<i64>>(2).map_err(unreadable)? == Some(1));
        }
        match row.read::<Option<i64>>(0).map_err(unreadable)? {
            Some(1) => {
                self.locked = true;
                return Ok(Locked::Mine);
            }
            Some(0) => {}
            Some(-1) => {
                self.closed();
                return Err(no_session(
                    "this connection passes through a pooler that does not keep its session",
                ));
            }
            _ => {
                self.closed();
                return Err(Error::new(
                    ErrorKind::Database,
                    "the database did not answer whether it gave the lock",
                ));
            }
        }
        self.closed();
        Ok(Locked::Others { holder })
    }

    /// Looks whether the session still has its lock; a script may have given it away.
    pub(crate) async fn still_holds_lock(&mut self, table: &TableName) -> bool {
        let Some(lock) = self.dialect().lock.filter(|_| self.locked) else { return false };
        let sql = format!("SELECT {}", (lock.held)(table));
        let held = self.query(&sql).await.is_ok_and(|rows| {
            rows.first().is_some_and(|row| row.read::<Option<bool>>(0).is_ok_and(|it| it == Some(true)))
        });
        if !held {
            self.locked = false;
            self.closed();
        }
        held
    }

    /// Gives the session's lock back. A connection on which that fails is given up, and the lock with it.
    pub(crate) async fn unlock(&mut self, table: &TableName) {
        if !std::mem::take(&mut self.locked) {
            return;
        }
        let sql = self.dialect().lock.map(|lock| format!("SELECT {}", (lock.release)(table)));
        let released = match sql {
            None => true,
            Some(sql) => self.query(&sql).await.is_ok_and(|rows| {
                rows.first().is_some_and(|row| row.read::<Option<bool>>(0).is_ok_and(|it| it == Some(true)))
            }),
        };
        if !released {
            self.give_up();
        }
        self.closed();
    }

    /// Whether the server is one of several that take writes, and shows what was committed on the others some time after.
    async fn is_clustered(&mut self) -> Result<bool> {
        let Some(causal) = self.dialect().history.causal else { return Ok(false) };
        if let Some(clustered) = self.clustered {
            return Ok(clustered);
        }
        let rows = self.query(&format!("SELECT {}", causal.clustered)).await;
        let rows = rows.map_err(|error| Error::driver("asking for the server's cluster", error))?;
        let answer = rows.first().map(|row| row.read::<Option<i64>>(0)).transpose().map_err(unreadable)?;
        let clustered = answer.flatten() == Some(1);
        self.clustered = Some(clustered);
        Ok(clustered)
    }

    /// Whether the server was found to be one of several that take writes.
    pub(crate) fn was_clustered(&self) -> bool {
        self.clustered == Some(true)
    }

    /// Which other session holds a lock on a table that a script names. Nothing depends on the answer: it is for people.
    pub(crate) async fn blocker(&mut self, script: &str) -> Option<String> {
        let script = script.to_lowercase();
        let words: HashSet<&str> =
            script.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        let mut without_table = None;
        for query in self.dialect().blockers {
            // What this server does not have, or does not show this user, is asked for in another way.
            let Ok(rows) = self.query(query).await else { continue };
            let answered = !rows.is_empty();
            for row in rows {
                let who: String = row.read(0).ok()?;
                match row.read::<Option<String>>(1).ok()? {
                    Some(table) if words.contains(table.to_lowercase().as_str()) => {
                        return Some(format!("{who}, which holds a lock on {table}"));
                    }
                    Some(_) => {}
                    None => {
                        without_table.get_or_insert_with(|| {
                            format!("{who}, which has a transaction open (which tables it holds, the server does not tell)")
                        });
                    }
                }
            }
            if answered {
                break;
            }
        }
        without_table
    }

    /// Rolls back. A connection on which that fails is given up; the error that led here is not hidden by it.
    pub(crate) async fn roll_back(&mut self) -> RolledBack {
        let rollback = self.dialect().transaction.rollback;
        let mut result = self.run(rollback).await;
        if result.as_ref().is_err_and(|error| error.class() == ErrorClass::Conflict) {
            // It was taken back already, and the rollback was what heard of it.
            result = self.run(rollback).await;
        }
        match result {
            Err(error) if error.class() != ErrorClass::NoTransaction => {
                self.give_up();
                self.closed();
                if error.class() == ErrorClass::Unprotected {
                    RolledBack::Impossible
                } else {
                    RolledBack::Done
                }
            }
            _ => {
                self.closed();
                RolledBack::Done
            }
        }
    }

    /// Whether the table is there; else, which other tables are.
    pub(crate) async fn survey(&mut self, table: &TableName, deadline: &Deadline) -> Result<Option<History>> {
        let (there, absent) = self.look_around(table, &[], deadline).await?;
        Ok((!there).then_some(absent))
    }

    /// Whether the table is there, and which other tables are; `made` are the names of those that matter most.
    async fn look_around(
        &mut self,
        table: &TableName,
        made: &[String],
        deadline: &Deadline,
    ) -> Result<(bool, History)> {
        let places = self.named_places(deadline).await?;
        let dialect = self.dialect();
        let known = predecessor::table_names();
        let sql = (dialect.history.survey)(&SurveyQuery { table, known: &known, made, places: &places });
        let rows = self
            .patient_query(&sql, deadline)
            .await
            .map_err(|error| Error::driver("looking for the history table", error))?;
        let mut absent = History::absent(Vec::new());
        let mut there = false;
        let mut records = Vec::new();
        for row in rows {
            let name: String = row.read(0).map_err(unreadable)?;
            // A dialect without schemas, and without other tools, leaves these out.
            let own: Option<String> = row.read::<Option<String>>(3).ok().flatten();
            match row.read::<i64>(1).map_err(unreadable)? {
                kind @ (0 | 4) => {
                    let alone = own.clone().unwrap_or_else(|| name.clone()).to_lowercase();
                    if made.contains(&alone) {
                        absent.made.insert(alone);
                    }
                    if kind == 4 {
                        records.push((row.read::<Option<String>>(2).ok().flatten(), own, name.clone()));
                    }
                    absent.other_tables.push(name);
                }
                1 => there = true,
                2 => absent.elsewhere.push(name),
                _ => absent.unusable.push(name),
            }
        }
        for (schema, own, shown) in records {
            let own = own.unwrap_or_else(|| shown.clone());
            let found = self.read_predecessor(schema.as_deref(), &own, shown, deadline).await?;
            absent.predecessors.push(found);
        }
        Ok((there, absent))
    }

    /// The databases that the scripts may name, of those that there are.
    async fn named_places(&mut self, deadline: &Deadline) -> Result<Vec<String>> {
        let Some(list) = self.dialect().history.databases else { return Ok(Vec::new()) };
        let lexing = self.driver.dialect().lexing;
        let places = self.places.get_or_insert_with(|| named_places(&self.sets, &lexing));
        let named: HashSet<String> =
            places.iter().chain(&self.named).map(|name| name.to_lowercase()).collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self
            .patient_query(list, deadline)
            .await
            .map_err(|error| Error::driver("looking which databases there are", error))?;
        let names = rows.into_iter().filter_map(|row| row.read::<String>(0).ok());
        Ok(names.filter(|name| named.contains(&name.to_lowercase())).collect())
    }

    /// Reads what another tool has noted. That its table cannot be read is no reason to fail.
    async fn read_predecessor(
        &mut self,
        schema: Option<&str>,
        name: &str,
        shown: String,
        deadline: &Deadline,
    ) -> Result<Predecessor> {
        let dialect = self.dialect().clone();
        let identifier = dialect.identifier;
        let full = match schema {
            Some(schema) => format!("{}.{}", identifier(schema), identifier(name)),
            None => identifier(name),
        };
        for reading in predecessor::readings(name, &full, &dialect) {
            match self.patient_query(&reading.sql, deadline).await {
                Ok(rows) => {
                    let rows: Vec<Row> = rows.into_iter().collect();
                    let recorded = reading.recorded(&rows);
                    return Ok(Predecessor { table: shown, tool: Some(reading.tool()), recorded });
                }
                Err(error) if error.class() == ErrorClass::ConnectionLost => {
                    return Err(Error::driver("reading what another tool has recorded", error));
                }
                // It has other columns, or may not be read.
                Err(_) => {}
            }
        }
        Ok(Predecessor { table: shown, tool: None, recorded: Recorded::Unknown })
    }

    /// Reads from the history table, or finds that there is none.
    ///
    /// That a statement about it fails says nothing yet: only when the database is asked, and says that there is no such
    /// table, is this a first run. Somebody else may create it between the two, so the statement has a second try.
    pub(crate) async fn read(&mut self, sql: &str, table: &TableName, deadline: &Deadline) -> Result<Found> {
        let mut tried = false;
        loop {
            match self.patient_query(sql, deadline).await {
                Ok(rows) => return Ok(Found::Rows(rows)),
                Err(error) if error.class() == ErrorClass::Sql => match self.survey(table, deadline).await? {
                    Some(absent) => return Ok(Found::Absent(absent)),
                    None if tried => return Err(foreign_table(table, error)),
                    None => tried = true,
                },
                Err(error) => return Err(Error::driver("reading the history", error)),
            }
        }
    }

    /// The whole history, with all that was committed anywhere before this was asked.
    pub(crate) async fn history(&mut self, table: &TableName, deadline: &Deadline) -> Result<History> {
        let clustered = self.is_clustered().await?;
        let mut sql = select_all_sql(self.dialect(), &self.pinned(table), self.most_rows);
        if let Some(causal) = self.dialect().history.causal.filter(|_| clustered) {
            sql.insert_str(0, causal.before);
        }
        let mut known = None;
        loop {
            let found = match self.read(&sql, table, deadline).await {
                // A temporary table of the session's own may hide what has the same name.
                Err(error)
                    if error.class() == Some(ErrorClass::Sql)
                        && table.schema().is_none()
                        && self.pin_here().await =>
                {
                    sql = select_all_sql(self.dialect(), &self.pinned(table), self.most_rows);
                    self.read(&sql, table, deadline).await
                }
                found => found,
            };
            let rows = match found? {
                Found::Rows(rows) => rows,
                Found::Absent(absent) => return Ok(absent),
            };
            if rows.len() as u64 > self.most_rows {
                return Err(too_long(table, self.most_rows));
            }
            let mut history = History::read(rows);
            let blank: Vec<Arc<MigrationSet>> =
                self.sets.iter().filter(|set| history.set(set.name()).is_blank()).cloned().collect();
            // Without rows it is no witness: it may be new, and it may have been emptied.
            let made =
                if history.is_blank() { Vec::new() } else { made_tables(&blank, &self.dialect().lexing) };
            if blank.is_empty() || (made.is_empty() && !history.is_blank()) {
                return Ok(history);
            }
            let (_, found) = self.look_around(table, &made, deadline).await?;
            let alone =
                if history.is_blank() { found.other_tables.is_empty() } else { found.made.is_empty() };
            // Another process may have written both, between the two questions.
            if !alone && known.replace(history.len()) != Some(history.len()) {
                continue;
            }
            history.made = found.made;
            if history.is_blank() {
                history.other_tables = found.other_tables;
                history.predecessors = found.predecessors;
            }
            return Ok(history);
        }
    }
}

/// What a rollback came to. One that could not be asked for is done by the database when the connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RolledBack {
    /// Nothing of the transaction remains.
    Done,
    /// The connection's settings have taken the rollback away.
    Impossible,
}

impl RolledBack {
    /// The error that led to it, which says what remains.
    pub(crate) fn told_in(self, error: Error) -> Error {
        match self {
            Self::Done => error,
            Self::Impossible => error.without_rollback(),
        }
    }
}

/// What a try to take the lock came to.
pub(crate) enum Locked {
    Mine,
    Others { holder: Option<String> },
}

fn no_session(why: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("{why}, and what runs outside a transaction needs one that does"),
    )
    .with_note(
        "next",
        "migrate over a direct connection to the server, or, where the pooler keeps sessions together, say so with \
         `with_sessions_kept` of the driver",
    )
}

/// What reading from the history table finds.
pub(crate) enum Found {
    Rows(Rows),
    /// There is no such table.
    Absent(History),
}

/// The table of that name is not ours.
fn foreign_table(table: &TableName, error: DriverError) -> Error {
    Error::new(
        ErrorKind::Database,
        format!("the table {table} was not made by this library, or was changed: {}", error.message()),
    )
    .with_class(error.class())
    .with_note("next", "give the history another name with `with_table`, or restore the table")
    .with_source(error)
}

/// The history has more rows than are read.
fn too_long(table: &TableName, most: u64) -> Error {
    Error::new(ErrorKind::Configuration, format!("the history table {table} has more than {most} rows"))
        .with_note("next", "look what writes so many; if that is meant, raise `history_rows` of `Limits`")
}

fn unreadable(error: crate::driver::ColumnError) -> Error {
    Error::new(ErrorKind::Bug, "the dialect's survey answers other columns than it should").with_source(error)
}

/// Until when to wait for others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    began: Instant,
    longest: Duration,
}

impl Deadline {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { began: Instant::now(), longest }
    }

    /// The same time, from now on: work does not count as waiting.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.longest)
    }

    pub(crate) fn passed(&self) -> bool {
        self.began.elapsed() >= self.longest
    }

    pub(crate) fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn left(&self) -> Duration {
        self.longest.saturating_sub(self.began.elapsed())
    }

    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }
}

/// Between half of a time and all of it, so that many waiters do not come back in step. `RandomState` is seeded anew in
/// each process.
pub(crate) fn jittered(longest: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1024;
    longest / 2 + longest.mul_f64(random as f64 / 2048.0)
}
