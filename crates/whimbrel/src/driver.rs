//! The trait that a database implements, and the messages that pass through it. Knows nothing of migrations.

mod error;
mod imitator;
mod value;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub use self::error::{DriverError, ErrorClass};
pub use self::imitator::{Imitator, refuse_imitators};
pub use self::value::{ColumnError, FromValue, Row, Rows, Value};

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
    /// The numbers, from 0, of the statements that are programs: each answers as many results with rows as it likes, and
    /// counts as answered with the first result that has no columns, or else with the end of the message.
    pub programs: Vec<usize>,
}

impl<'a> Message<'a> {
    /// A message of so many statements.
    pub fn new(sql: impl Into<Cow<'a, str>>, statements: usize) -> Self {
        Self { sql: sql.into(), statements, programs: Vec::new() }
    }

    /// Says which of its statements, by their numbers from 0, are [`programs`](Self::programs).
    #[must_use]
    pub fn with_programs(mut self, programs: Vec<usize>) -> Self {
        self.programs = programs;
        self
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
    /// Whether a transaction was open behind the last answer that told so.
    open: Option<bool>,
    /// The statements of the message under way behind which a transaction was open no more.
    ended: Vec<usize>,
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
        Self {
            last: Instant::now(),
            statements: 0,
            messages: Vec::new(),
            open: None,
            ended: Vec::new(),
            watch: None,
        }
    }

    /// Nothing answered yet; `watch` is told of each answer as it comes.
    pub fn watched(watch: &'a mut (dyn FnMut(Progress) + Send)) -> Self {
        Self { watch: Some(watch), ..Self::new() }
    }

    /// Whether a transaction is open on the connection behind the statement that is answered next: told by drivers
    /// whose database says so with each answer.
    pub fn transaction(&mut self, open: bool) {
        if self.open == Some(true) && !open {
            self.ended.push(self.statements);
        }
        self.open = Some(open);
    }

    /// Whether a transaction is open before the first answer.
    pub(crate) fn begun_inside(mut self, open: bool) -> Self {
        self.open = Some(open);
        self
    }

    /// The statements of the message under way behind which a transaction was open no more, by their numbers from 0.
    pub(crate) fn ended(&self) -> &[usize] {
        &self.ended
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
