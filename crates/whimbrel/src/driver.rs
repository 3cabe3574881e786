//! The trait that a database implements, and the values that pass through it. Knows nothing of migrations.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::dialect::Dialect;

/// One connection to a database, owned.
///
/// **Who implements it:** the crate of a database, once. Everything else (locking, the history, resuming,
/// planning, splitting) is the core's.
///
/// **Who calls it, in what sequence:** the engine alone, one call at a time. [`query`](Self::query) for reads, and for
/// the statements of steps written in Rust; [`execute`](Self::execute) for everything that changes something. A boot
/// with nothing to do is one `query`.
///
/// **What must be atomic:** nothing beyond what the database promises for the SQL it is given. In particular no call
/// opens a transaction of its own, retries, or reconnects: a connection that is gone answers every further call with
/// [`ErrorClass::ConnectionLost`].
///
/// **On failure:** the error's class says what the engine may conclude. When in doubt between two classes choose the
/// one that promises less: an outcome that is not known is `ConnectionLost`, never `Sql`.
///
/// **Dropped futures:** when the future of a call is dropped before it is done, the driver stops what is under way as
/// soon as it can, and from then on behaves as after [`close`](Self::close).
///
/// **What proves an implementation:** `whimbrel_testkit::conformance!`, mounted in the crate's `tests/`.
///
/// # Example
///
/// The whole of a driver is these six methods; `whimbrel-testkit`'s fake database is a small one to start from.
#[async_trait]
pub trait Driver: Send {
    /// The facts of the dialect.
    fn dialect(&self) -> &Dialect;

    /// Runs messages in their order, and stops at the first error.
    ///
    /// After each statement that was answered it calls [`Answers::statement`], after each message
    /// [`Answers::message`]; a message's statements are all of its statements, empty ones not counted. Rows that
    /// statements return are thrown away. Whether messages behind a failed one were run is the database's affair: the
    /// engine builds them so that they then fail.
    ///
    /// # Errors
    /// What the database said of the first message that failed. If it tells an offset, it is one in bytes into that
    /// message.
    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError>;

    /// Runs one statement with bound values and returns its rows.
    ///
    /// # Errors
    /// What the database said.
    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError>;

    /// Lets time pass without blocking the application's other tasks.
    async fn pause(&mut self, time: Duration);

    /// The client itself, for steps in Rust that ask for it by its type.
    fn native(&mut self) -> &mut (dyn Any + Send);

    /// Gives the connection up: its state is unknown. What is open on it is rolled back, it is never handed back to
    /// the application or a pool, and every later call answers [`ErrorClass::ConnectionLost`]. Does not wait.
    fn close(&mut self);
}

#[async_trait]
impl<D: Driver + ?Sized> Driver for &mut D {
    fn dialect(&self) -> &Dialect {
        (**self).dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        (**self).execute(messages, answers).await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        (**self).query(sql, values).await
    }

    async fn pause(&mut self, time: Duration) {
        (**self).pause(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        (**self).native()
    }

    fn close(&mut self) {
        (**self).close();
    }
}

/// SQL that travels as one piece, and how many statements the core has counted in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// The SQL.
    pub sql: Cow<'a, str>,
    /// How many statements it holds. A database that answers another number has understood the text otherwise than
    /// the core, and the engine stops.
    pub statements: usize,
}

impl<'a> Message<'a> {
    /// A message of so many statements.
    pub fn new(sql: impl Into<Cow<'a, str>>, statements: usize) -> Self {
        Self { sql: sql.into(), statements }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("bytes", &self.sql.len())
            .field("statements", &self.statements)
            .finish_non_exhaustive()
    }
}

/// Collects what a driver tells while it runs messages.
pub struct Answers<'a> {
    last: Instant,
    statements: usize,
    messages: Vec<Answer>,
    watch: Option<&'a mut (dyn FnMut(Progress) + Send)>,
}

/// How one message was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How many statements were answered.
    pub statements: usize,
    /// The time since the message before was answered.
    pub elapsed: Duration,
}

/// What was just answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A statement of the message with this index; both count from 0.
    Statement {
        /// The message.
        message: usize,
        /// The statement in it.
        statement: usize,
    },
    /// The message with this index, counted from 0.
    Message {
        /// The message.
        message: usize,
        /// The time since the message before was answered.
        elapsed: Duration,
    },
}

impl Default for Answers<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Answers<'a> {
    /// Nothing answered yet, nobody watching.
    pub fn new() -> Self {
        Self { last: Instant::now(), statements: 0, messages: Vec::new(), watch: None }
    }

    /// Nothing answered yet; `watch` is told of each answer as it comes.
    pub fn watched(watch: &'a mut (dyn FnMut(Progress) + Send)) -> Self {
        Self { watch: Some(watch), ..Self::new() }
    }

    /// A statement of the message under way was answered.
    pub fn statement(&mut self) {
        let progress = Progress::Statement { message: self.messages.len(), statement: self.statements };
        self.statements += 1;
        if let Some(watch) = &mut self.watch {
            watch(progress);
        }
    }

    /// The message under way was answered whole.
    pub fn message(&mut self) {
        let elapsed = self.last.elapsed();
        self.message_after(elapsed);
    }

    /// The message under way was answered whole, and took this long: for drivers that learn of it later.
    pub fn message_after(&mut self, elapsed: Duration) {
        self.last = Instant::now();
        let message = self.messages.len();
        self.messages.push(Answer { statements: std::mem::take(&mut self.statements), elapsed });
        if let Some(watch) = &mut self.watch {
            watch(Progress::Message { message, elapsed });
        }
    }

    /// The messages that were answered whole.
    pub fn messages(&self) -> &[Answer] {
        &self.messages
    }

    /// How many statements of the message under way were answered.
    pub fn statements(&self) -> usize {
        self.statements
    }
}

/// A value that is bound to a statement or comes back in a row.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
            Self::Blob(_) => "blob",
        }
    }
}

impl fmt::Debug for Value {
    // Values belong in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

macro_rules! values_from {
    ($($from:ty => $make:expr),* $(,)?) => { $(
        impl From<$from> for Value {
            fn from(value: $from) -> Self { $make(value) }
        }
    )* };
}
values_from! {
    i64 => Value::Integer,
    i32 => |value: i32| Value::Integer(value.into()),
    u32 => |value: u32| Value::Integer(value.into()),
    bool => |value: bool| Value::Integer(value.into()),
    f64 => Value::Real,
    String => Value::Text,
    &str => |value: &str| Value::Text(value.to_owned()),
    Vec<u8> => Value::Blob,
    &[u8] => |value: &[u8]| Value::Blob(value.to_vec()),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A type that a column of a row can be read as.
pub trait FromValue: Sized {
    /// Reads the value, if it is of a fitting kind.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(number) => Some(*number),
            Value::Integer(number) => Some(*number as Self),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// What a statement answered.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    rows: Vec<Row>,
    affected: u64,
}

impl Rows {
    /// These rows, of columns with these names; `affected` is how many rows the statement changed.
    pub fn new(columns: Vec<String>, rows: Vec<Vec<Value>>, affected: u64) -> Self {
        let columns: Arc<[String]> = columns.into();
        let rows = rows.into_iter().map(|values| Row { columns: Arc::clone(&columns), values }).collect();
        Self { rows, affected }
    }

    /// How many rows the statement changed.
    pub fn affected(&self) -> u64 {
        self.affected
    }
}

impl std::ops::Deref for Rows {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.rows
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// The value of a column, by its index from 0.
    ///
    /// # Errors
    /// There is no such column, or it holds another kind of value.
    pub fn read<T: FromValue>(&self, column: usize) -> Result<T, ColumnError> {
        let value = self
            .values
            .get(column)
            .ok_or_else(|| ColumnError { column: column.to_string(), found: "no such column" })?;
        T::from_value(value).ok_or_else(|| ColumnError {
            column: self.columns.get(column).cloned().unwrap_or_default(),
            found: value.kind(),
        })
    }

    /// The value of a column, by its name.
    ///
    /// # Errors
    /// There is no such column, or it holds another kind of value.
    pub fn column<T: FromValue>(&self, name: &str) -> Result<T, ColumnError> {
        match self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)) {
            Some(index) => self.read(index),
            None => Err(ColumnError { column: name.to_owned(), found: "no such column" }),
        }
    }

    /// The values.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

/// A column that could not be read as asked; names the kind of value, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` cannot be read as asked: {found}")]
pub struct ColumnError {
    column: String,
    found: &'static str,
}

/// What an error of the database lets the engine conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A lock is not to be had just now; nothing was done.
    Busy,
    /// The statement lost against a concurrent one (serialization failure, deadlock victim); nothing of the
    /// transaction remains.
    Conflict,
    /// A unique key, a check, a foreign key or NOT NULL forbids it; nothing was done.
    Constraint,
    /// The database does not understand or cannot do what was said: syntax, missing objects; nothing was done.
    Sql,
    /// `begin` was refused since the connection is inside a transaction.
    InTransaction,
    /// There is no transaction to commit or roll back.
    NoTransaction,
    /// A transaction that was open has ended where none should: what follows must not run.
    TransactionLost,
    /// The database, or the session, may not be written to.
    ReadOnly,
    /// The role may not do this.
    Permission,
    /// A disk, a quota or memory ran out.
    Full,
    /// The database itself is damaged, or no database.
    Damaged,
    /// The server is starting up or shutting down.
    Unavailable,
    /// The connection is gone: whether the last statement took effect is not known.
    ConnectionLost,
    /// Anything else. Nothing may be concluded.
    Other,
}

/// What a database, or its client library, said.
#[derive(Clone)]
pub struct DriverError {
    class: ErrorClass,
    code: Option<String>,
    message: String,
    private: Option<String>,
    hint: Option<String>,
    offset: Option<usize>,
}

impl DriverError {
    /// An error with a message that quotes no value of any row and no secret.
    pub fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, code: None, message: message.into(), private: None, hint: None, offset: None }
    }

    /// Adds the database's code (SQLSTATE or a name).
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds the part of what the database said that may quote values; it is shown only if the application asks.
    #[must_use]
    pub fn with_private(mut self, text: impl Into<String>) -> Self {
        self.private = Some(text.into());
        self
    }

    /// Adds the database's advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds where in the message's SQL the error is, in bytes from 0.
    #[must_use]
    pub fn with_offset(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// What may be concluded.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The database's code.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What the database said, without values.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What may quote values.
    pub fn private(&self) -> Option<&str> {
        self.private.as_deref()
    }

    /// The database's advice.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Where in the message, in bytes.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// The same error with another message: for scrubbing.
    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.message = message;
        self
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverError")
            .field("class", &self.class)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for DriverError {}
