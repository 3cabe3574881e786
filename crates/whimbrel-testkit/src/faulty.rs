//! A driver whose nth call fails. Knows nothing of what the calls say.

use std::any::Any;
use std::time::Duration;

use whimbrel::{Answers, Dialect, Driver, DriverError, ErrorClass, Message, Rows, Value, async_trait};

/// When a [`Faulty`] driver fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call is not passed on.
    Before,
    /// The call is passed on, and its answer is lost.
    After,
}

/// Passes calls on to the driver in it, until one of them finds the connection gone.
///
/// Its nth [`execute`](Driver::execute) or [`query`](Driver::query) closes the driver and answers that the connection is
/// lost, as do all later ones: what a program sees whose server, or network, dies.
///
/// ```
/// use whimbrel::{Memory, Migrator};
/// use whimbrel_testkit::{Fake, Faulty, Moment};
/// # fn main() -> whimbrel::Result<()> {
/// let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
/// let db = Fake::new();
/// let mut faulty = Faulty::new(db.another(), 6, Moment::After);
/// assert!(Migrator::new(&migrations).run_blocking(&mut faulty).is_err());
/// assert!(faulty.failed());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Faulty<D> {
    inner: D,
    left: usize,
    moment: Moment,
    failed: bool,
}

impl<D: Driver> Faulty<D> {
    /// Fails at this call, counted from 1.
    pub fn new(inner: D, call: usize, moment: Moment) -> Self {
        Self { inner, left: call, moment, failed: false }
    }

    /// Whether it came to that.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Whether this is the call that fails, and, if it is not to be passed on, its error.
    fn fails(&mut self) -> Result<bool, DriverError> {
        self.left = self.left.saturating_sub(1);
        if self.failed || self.left > 0 {
            return Ok(false);
        }
        self.failed = true;
        match self.moment {
            Moment::Before => Err(self.lose()),
            Moment::After => Ok(true),
        }
    }

    fn lose(&mut self) -> DriverError {
        self.inner.close();
        DriverError::new(ErrorClass::ConnectionLost, "the connection was lost")
    }
}

#[async_trait]
impl<D: Driver> Driver for Faulty<D> {
    fn dialect(&self) -> &Dialect {
        self.inner.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let fails = self.fails()?;
        let answer = self.inner.execute(messages, answers).await;
        if fails { Err(self.lose()) } else { answer }
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        let fails = self.fails()?;
        let answer = self.inner.query(sql, values).await;
        if fails { Err(self.lose()) } else { answer }
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
