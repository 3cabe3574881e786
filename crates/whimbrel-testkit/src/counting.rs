//! A driver that counts what passes through it. Changes nothing.

use std::any::Any;
use std::time::Duration;

use whimbrel::{Answers, Dialect, Driver, DriverError, Message, Rows, Value, async_trait};

/// Counts the calls of the driver in it, and the bytes that they carry.
///
/// ```
/// use whimbrel::{Memory, Migrator};
/// use whimbrel_testkit::{Counting, Fake};
/// # fn main() -> whimbrel::Result<()> {
/// let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
/// let mut db = Fake::new();
/// Migrator::new(&migrations).run_blocking(&mut db)?;
///
/// let mut counting = Counting::new(db);
/// Migrator::new(&migrations).run_blocking(&mut counting)?;
/// assert_eq!((counting.counts().queries, counting.counts().executes), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Counting<D> {
    inner: D,
    counts: Counts,
}

/// What a [`Counting`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Calls of [`Driver::query`].
    pub queries: usize,
    /// Calls of [`Driver::execute`].
    pub executes: usize,
    /// Bytes of SQL.
    pub sent: usize,
    /// Bytes of values in rows; a number counts as 8.
    pub received: usize,
}

impl Counts {
    /// Calls of either kind: the round trips, where each call is one.
    pub fn calls(&self) -> usize {
        self.queries + self.executes
    }
}

impl<D> Counting<D> {
    /// Nothing counted yet.
    pub fn new(inner: D) -> Self {
        Self { inner, counts: Counts::default() }
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The driver.
    pub fn into_inner(self) -> D {
        self.inner
    }
}

#[async_trait]
impl<D: Driver> Driver for Counting<D> {
    fn dialect(&self) -> &Dialect {
        self.inner.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        self.counts.executes += 1;
        self.counts.sent += messages.iter().map(|message| message.sql.len()).sum::<usize>();
        self.inner.execute(messages, answers).await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.counts.queries += 1;
        self.counts.sent += sql.len();
        let rows = self.inner.query(sql, values).await?;
        self.counts.received += rows.iter().flat_map(|row| row.values()).map(bytes).sum::<usize>();
        Ok(rows)
    }

    async fn pause(&mut self, time: Duration) {
        self.inner.pause(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self.inner.native()
    }

    fn close(&mut self) {
        self.inner.close();
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Null => 0,
        _ => 8,
    }
}
