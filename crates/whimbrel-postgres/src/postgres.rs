//! One connection to PostgreSQL: sends, counts the answers, and gives the connection up when its state is unknown.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::DerefMut;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, pin_mut};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, SimpleQueryStream};
use whimbrel::{
    Answers, Dialect, Driver, DriverError, Error, ErrorClass, ErrorKind, FlightSql, Message, Rows,
    SessionNumber, SettingsSql, Transport, Value, refuse_imitators,
};

use crate::connect::Task;
use crate::dialect::{DIALECT, FIX_POOLED, RESET_LENT, RESET_LISTED, UNDO, custom};
use crate::error::{driver_error, lost, mixed_up};
use crate::identity::{IDENTITY, IMITATORS};
use crate::told::told_number;
use crate::value::{Bound, Found, unspecified};

/// How much may be under way on a connection whose task is the driver's.
const OWN_BLOCKS: usize = 1_024;
const OWN_BYTES: usize = 4 << 20;

/// A connection that the driver owns: one that it opened, or whatever derefs to a [`Client`].
pub struct Postgres<C = Box<Client>> {
    /// `None` once the connection was given up.
    client: Option<C>,
    /// The connection's task, if it was started here.
    task: Option<Task>,
    /// With what the client was told of its session.
    dialect: Dialect,
    /// Whether another one answers; known from the first question on.
    pooled: Option<bool>,
    /// Whether the server has said what it is.
    recognized: bool,
}

impl<C> fmt::Debug for Postgres<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("closed", &self.client.is_none()).finish_non_exhaustive()
    }
}

impl<C: DerefMut<Target = Client> + Send + 'static> Postgres<C> {
    /// Takes over a client: one of a pool, taken out of it, or a `Box<Client>`. Its connection has to be driven by a task
    /// of the application's. [`into_client`](Self::into_client) gives it back.
    pub fn from_client(client: C) -> Self {
        let session = told_number(&client).map_or(SessionNumber::Unknown, SessionNumber::Known);
        let settings = SettingsSql { reset: RESET_LISTED, custom: Some(custom), ..DIALECT.settings };
        let dialect = Dialect { session, settings, ..DIALECT };
        Self { client: Some(client), task: None, dialect, pooled: None, recognized: false }
    }

    /// What still waits to be sent goes with the task, so that more may wait than in the hands of somebody else's.
    pub(crate) fn with_task(self, task: Task) -> Self {
        let flight = self.dialect.flight.map(|flight| FlightSql { blocks: OWN_BLOCKS, ..flight });
        let dialect = Dialect { flight, flight_bytes: OWN_BYTES, settings: DIALECT.settings, ..self.dialect };
        Self { task: Some(task), dialect, ..self }
    }

    /// Vouches that what is between client and server, if anything, keeps sessions together, as PgBouncer does in session
    /// mode. A pooler is found out by itself; in what mode it is cannot be: without this, scripts outside transactions, which
    /// need a session's lock, are refused, and a `search_path` or a role that was set in the session counts as somebody
    /// else's, and is not kept while migrating.
    #[must_use]
    pub fn with_sessions_kept(mut self) -> Self {
        self.dialect.session = SessionNumber::Vouched;
        self
    }

    /// Vouches for how the connection is protected, for a client that was handed over; a
    /// [`Preflight`](whimbrel::Preflight) asks for it. A connection that was opened by URL knows it by itself.
    #[must_use]
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.dialect.transport = transport;
        self
    }

    /// Gives the client back, if it is sound: no call on it was cut short, and it is connected. A task that was started
    /// for it goes on as long as the client lives; it drops what the server sends unasked, as notices and notifications.
    ///
    /// # Errors
    /// The connection was given up, or is closed.
    pub fn into_client(self) -> whimbrel::Result<C> {
        self.client.filter(|client| !client.is_closed()).ok_or_else(|| {
            Error::new(
                ErrorKind::Retry,
                "the connection was given up, since its state was not known: open another one",
            )
        })
    }

    /// What goes in front of a question: it asks what the server is and for the session's number, and undoes what others have
    /// left there.
    fn before(&self, sql: &str) -> Before {
        let reads = ["select", "with", "("].iter().any(|word| {
            sql.trim_start().get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word))
        });
        if !reads {
            return Before::default();
        }
        // In a transaction that was begun before, it is done already, and a script may have set something else.
        let undo = format!("now()=statement_timestamp()THEN concat({UNDO})END");
        let token = format!("{:016x}", RandomState::new().build_hasher().finish());
        let session = match (self.dialect.session, self.pooled) {
            (SessionNumber::Known(_), Some(true)) => Some(format!("0,'{token}',CASE WHEN {undo}")),
            (SessionNumber::Known(told), None) => {
                Some(format!("pg_backend_pid(),'{token}',CASE WHEN pg_backend_pid()<>{told} AND {undo}"))
            }
            _ => None,
        };
        Before { identity: if self.recognized { &[] } else { &IDENTITY }, session, token }
    }

    /// How many messages may be under way at once. Behind a pooler it is one: if this program dies meanwhile, some poolers lend
    /// the session on with answers that are still to come, and the next client, whoever it is, takes them for its own (seen
    /// with PgBouncer 1.18; github.com/pgagroal/pgagroal/issues/989), or do not wait for the later answers at all
    /// (github.com/supabase/supavisor/issues/1061).
    fn at_once(&self) -> usize {
        if self.pooled == Some(true) { 1 } else { usize::MAX }
    }

    /// Takes in which session answers, and what the server says that it is. What the session has of other clients is neither
    /// to be kept nor to be put back.
    fn learn(&mut self, told: &Told) -> Result<(), DriverError> {
        if let Some(said) = &told.said {
            refuse_imitators(said, IMITATORS)?;
            self.recognized = true;
        }
        if let (SessionNumber::Known(number), Some(session)) = (self.dialect.session, told.session)
            && self.pooled.is_none()
        {
            let pooled = session != number;
            self.pooled = Some(pooled);
            if pooled {
                self.dialect.settings = SettingsSql {
                    snapshot: &[],
                    reset: RESET_LENT,
                    custom: None,
                    fix: Some(FIX_POOLED),
                    lent: true,
                    ..self.dialect.settings
                };
            }
        }
        Ok(())
    }

    /// Begins a call. If its future is dropped before [`Call::end`], the connection is given up.
    fn call(&mut self) -> Result<Call<'_, C>, DriverError> {
        if self.client.is_none() {
            return Err(lost());
        }
        Ok(Call { driver: self, done: false })
    }

    /// Lets the connection go. What waits to be sent is not sent; a statement under way is cancelled.
    fn give_up(&mut self, under_way: bool) {
        // A client that is dropped first would let its task send what it has.
        if let Some(task) = self.task.take() {
            task.stop(under_way);
        }
        self.client = None;
    }
}

/// What goes in front of a question: statements of which each answers one row.
#[derive(Default)]
struct Before {
    /// Ask what the server is. They come first and one by one, since another product may not understand the rest.
    identity: &'static [&'static str],
    /// Asks for the session's number, and undoes what others have left there.
    session: Option<String>,
    /// What the answer to that repeats, so that the answer to somebody else's question is not taken for it.
    token: String,
}

impl Before {
    fn text(&self) -> String {
        let identity = self.identity.iter().copied();
        identity.chain(self.session.as_deref()).map(|it| format!("SELECT {it};")).collect()
    }

    /// Takes in the row that is the answer to the statement of this number.
    fn read(&self, number: usize, row: &SimpleQueryRow, told: &mut Told) -> Result<(), DriverError> {
        let text = row.try_get(0).ok().flatten();
        if number < self.identity.len() {
            told.said.get_or_insert_default().extend(text.map(|text| format!("{text} ")));
            return Ok(());
        }
        if row.try_get(1).ok().flatten() != Some(&*self.token) {
            return Err(mixed_up());
        }
        told.session = text.and_then(|number| number.parse().ok());
        Ok(())
    }

    fn statements(&self) -> usize {
        self.identity.len() + usize::from(self.session.is_some())
    }
}

/// What the answer to what goes before a question tells.
#[derive(Default)]
struct Told {
    /// The session's number.
    session: Option<i64>,
    /// What the server says that it is.
    said: Option<String>,
}

/// A call under way.
struct Call<'d, C: DerefMut<Target = Client> + Send + 'static> {
    driver: &'d mut Postgres<C>,
    done: bool,
}

impl<C: DerefMut<Target = Client> + Send + 'static> Call<'_, C> {
    fn client(&mut self) -> Result<&mut Client, DriverError> {
        self.driver.client.as_deref_mut().ok_or_else(lost)
    }

    fn end<T>(mut self, answer: Result<T, DriverError>) -> Result<T, DriverError> {
        self.done = true;
        if answer.as_ref().is_err_and(|error| error.class() == ErrorClass::ConnectionLost) {
            // Also where the server goes on, as after answers that were not understood.
            self.driver.give_up(true);
        }
        answer
    }
}

impl<C: DerefMut<Target = Client> + Send + 'static> Drop for Call<'_, C> {
    fn drop(&mut self) {
        if !self.done {
            self.driver.give_up(true);
        }
    }
}

#[async_trait]
impl<C: DerefMut<Target = Client> + Send + 'static> Driver for Postgres<C> {
    fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let at_once = self.at_once();
        let mut call = self.call()?;
        let answer = match call.client() {
            Ok(client) => execute(client, messages, at_once, answers).await,
            Err(error) => Err(error),
        };
        call.end(answer)
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        let before = if values.is_empty() { self.before(sql) } else { Before::default() };
        let mut call = self.call()?;
        let mut told = Told::default();
        let answer = match call.client() {
            Ok(client) => query(client, &before, sql, values, &mut told).await,
            Err(error) => Err(error),
        };
        let learned = call.driver.learn(&told);
        call.end(learned.and(answer))
    }

    async fn pause(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        if self.client.is_none() {
            return self;
        }
        self.client.as_deref_mut().expect("looked at above")
    }

    fn close(&mut self) {
        self.give_up(false);
    }
}

/// Sends so many messages at once, then reads their answers.
async fn execute(
    client: &Client,
    messages: &[Message<'_>],
    at_once: usize,
    answers: &mut Answers<'_>,
) -> Result<(), DriverError> {
    let mut failed = None;
    for messages in messages.chunks(at_once) {
        execute_together(client, messages, &mut failed, answers).await?;
    }
    failed.map_or(Ok(()), Err)
}

/// Sends all messages, then reads their answers, and keeps the first failure. An error: nothing more will be answered.
async fn execute_together(
    client: &Client,
    messages: &[Message<'_>],
    failed: &mut Option<DriverError>,
    answers: &mut Answers<'_>,
) -> Result<(), DriverError> {
    let mut sent = Vec::with_capacity(messages.len());
    for message in messages {
        // Hands the message to the connection's task; the answer is the stream's to wait for.
        sent.push(client.simple_query_raw(&message.sql).await);
    }
    for (message, sent) in messages.iter().zip(sent) {
        // Behind a failed message the others are answered too. The connection is quiet again when the last of them is.
        let told = if failed.is_none() { Some(&mut *answers) } else { None };
        let answer = match sent {
            Ok(stream) => read(stream, told, &message.sql).await,
            Err(error) => Err(driver_error(&error, &message.sql)),
        };
        match answer {
            Err(error) if error.class() == ErrorClass::ConnectionLost => {
                return Err(failed.take().unwrap_or(error));
            }
            Err(error) => *failed = failed.take().or(Some(error)),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Reads the answers to one message. Rows are dropped as they come.
async fn read(
    stream: SimpleQueryStream,
    mut answers: Option<&mut Answers<'_>>,
    sql: &str,
) -> Result<(), DriverError> {
    pin_mut!(stream);
    while let Some(answer) = stream.next().await {
        let answer = answer.map_err(|error| driver_error(&error, sql))?;
        if let (SimpleQueryMessage::CommandComplete(_), Some(answers)) = (answer, &mut answers) {
            answers.statement();
        }
    }
    if let Some(answers) = answers {
        answers.message();
    }
    Ok(())
}

/// Runs one statement without values, in one round trip: a boot is nothing else. Everything comes back as text. What goes
/// before it is sent along.
async fn query_plain(
    client: &Client,
    before: &Before,
    sql: &str,
    told: &mut Told,
) -> Result<Rows, DriverError> {
    let text = match before.statements() {
        0 => Cow::Borrowed(sql),
        _ => Cow::Owned(before.text() + sql),
    };
    let wrong = |error: tokio_postgres::Error| {
        let error = driver_error(&error, &text);
        let at = error.offset().map(|at| at.saturating_sub(text.len() - sql.len()));
        at.into_iter().fold(error, DriverError::with_offset)
    };
    let stream = client.simple_query_raw(&text).await.map_err(wrong)?;
    pin_mut!(stream);
    let (mut columns, mut rows, mut affected) = (Vec::new(), Vec::new(), None);
    let mut answered = 0;
    while let Some(answer) = stream.next().await {
        let ours = answered < before.statements();
        match answer.map_err(wrong)? {
            SimpleQueryMessage::Row(row) if ours => {
                before.read(answered, &row, told)?;
            }
            SimpleQueryMessage::CommandComplete(_) if ours => answered += 1,
            _ if ours => {}
            _ if affected.is_some() => {
                return Err(DriverError::new(ErrorClass::Sql, "several statements where one was expected"));
            }
            SimpleQueryMessage::RowDescription(described) => {
                columns = described.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                let value = |index| row.try_get(index).map(Value::from).map_err(wrong);
                rows.push((0..row.len()).map(value).collect::<Result<Vec<Value>, _>>()?);
            }
            SimpleQueryMessage::CommandComplete(count) => affected = Some(count),
            _ => {}
        }
    }
    // Also where nothing goes before: each statement is answered, an empty one too.
    let affected = affected.ok_or_else(mixed_up)?;
    let changes = columns.is_empty() || returns_changes(sql);
    Ok(Rows::new(columns, rows, if changes { affected } else { 0 }))
}

/// The server tells a number for statements that only read, too.
fn returns_changes(sql: &str) -> bool {
    sql.to_ascii_lowercase().contains("returning")
}

/// Parses, binds and executes in one round trip. Types that are not built in cost more of them.
async fn query(
    client: &Client,
    before: &Before,
    sql: &str,
    values: &[Value],
    told: &mut Told,
) -> Result<Rows, DriverError> {
    if values.is_empty() {
        return query_plain(client, before, sql, told).await;
    }
    let wrong = |error: tokio_postgres::Error| driver_error(&error, sql);
    let values: Vec<Bound<'_>> = values.iter().map(Bound).collect();
    let stream = client.query_typed_raw(sql, values.into_iter().map(|value| (value, unspecified()))).await;
    let stream = stream.map_err(wrong)?;
    pin_mut!(stream);
    let mut columns = Vec::new();
    let mut rows = Vec::new();
    while let Some(row) = stream.next().await {
        let row = row.map_err(wrong)?;
        if columns.is_empty() {
            columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
        }
        let mut values = Vec::with_capacity(row.len());
        for (index, column) in row.columns().iter().enumerate() {
            match row.try_get::<_, Found>(index) {
                Ok(Found(Some(value))) => values.push(value),
                _ => return Err(unreadable(column)),
            }
        }
        rows.push(values);
    }
    let changes = rows.is_empty() || returns_changes(sql);
    let affected = stream.rows_affected().filter(|_| changes).unwrap_or(0);
    Ok(Rows::new(columns, rows, affected))
}

fn unreadable(column: &tokio_postgres::Column) -> DriverError {
    DriverError::new(
        ErrorClass::Sql,
        format!("the column `{}` is of type {}: cast it to text", column.name(), column.type_().name()),
    )
}
