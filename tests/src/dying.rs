//! A driver whose process, or whose connection, dies at a given call.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;
use whimbrel::{Answers, Dialect, Driver, DriverError, ErrorClass, Message, Rows, Value};

/// How the call that is chosen ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The process is killed before the call.
    ProcessBefore,
    /// The process is killed when the call is done, and before anyone learns of it.
    ProcessAfter,
    /// The connection is lost before the call.
    ConnectionBefore,
    /// The connection is lost when the call is done, and its answer with it.
    ConnectionAfter,
}

/// Counts calls, and dies at one of them.
#[derive(Debug)]
pub struct Dying<D> {
    driver: D,
    at: usize,
    death: Death,
    calls: usize,
}

impl<D: Driver> Dying<D> {
    /// Dies at call `at`, counted from 1.
    pub fn new(driver: D, at: usize, death: Death) -> Self {
        Self { driver, at, death, calls: 0 }
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.calls
    }

    fn before(&mut self) -> Result<(), DriverError> {
        self.calls += 1;
        if self.calls != self.at {
            return Ok(());
        }
        match self.death {
            Death::ProcessBefore => kill_myself(),
            Death::ConnectionBefore => Err(self.lose()),
            Death::ProcessAfter | Death::ConnectionAfter => Ok(()),
        }
    }

    fn after<T>(&mut self, answer: Result<T, DriverError>) -> Result<T, DriverError> {
        if self.calls != self.at {
            return answer;
        }
        match self.death {
            Death::ProcessAfter => kill_myself(),
            Death::ConnectionAfter => Err(self.lose()),
            Death::ProcessBefore | Death::ConnectionBefore => answer,
        }
    }

    fn lose(&mut self) -> DriverError {
        self.driver.close();
        DriverError::new(ErrorClass::ConnectionLost, "the connection was lost, as was asked for")
    }
}

/// SIGKILL: no destructor runs, no buffer is flushed.
fn kill_myself() -> ! {
    let pid = std::process::id().to_string();
    let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[async_trait]
impl<D: Driver> Driver for Dying<D> {
    fn dialect(&self) -> &Dialect {
        self.driver.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        self.before()?;
        let answer = self.driver.execute(messages, answers).await;
        self.after(answer)
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.before()?;
        let answer = self.driver.query(sql, values).await;
        self.after(answer)
    }

    async fn pause(&mut self, time: Duration) {
        self.driver.pause(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self.driver.native()
    }

    fn close(&mut self) {
        self.driver.close();
    }
}
