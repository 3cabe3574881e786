//! A connection that is lent for the time of a blocking verb, and used on the caller's thread.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use whimbrel::{Answers, Blocking, Dialect, Driver, DriverError, Message, Rows, Value};

use crate::dialect::DIALECT;
use crate::execute::{Kept, lost, run_message, run_query};

/// A lent connection. Made by the blocking verbs of [`Migrator`](whimbrel::Migrator).
///
/// After an error the connection is rolled back and its settings are put back, so that the application can go on with it.
#[derive(Debug)]
pub struct Borrowed<'c> {
    connection: &'c mut Connection,
    kept: Option<Kept>,
    closed: bool,
}

/// The kind of connections that are lent; see [`Blocking`].
#[derive(Debug)]
pub enum Lent {}

impl Blocking<Lent> for Connection {
    type Driver<'c> = Borrowed<'c>;

    fn driver(&mut self) -> Borrowed<'_> {
        Borrowed { connection: self, kept: None, closed: false }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            // Cannot fail on an open connection, and there is nobody left to tell.
            let _ = kept.restore(self.connection);
        }
    }
}

#[async_trait]
impl Driver for Borrowed<'_> {
    fn dialect(&self) -> &Dialect {
        &DIALECT
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        if self.closed {
            return Err(lost());
        }
        if self.kept.is_none() {
            self.kept = Some(Kept::take(self.connection)?);
        }
        for message in messages {
            run_message(self.connection, &message.sql, || {
                answers.statement();
                true
            })?;
            answers.message();
        }
        Ok(())
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        if self.closed {
            return Err(lost());
        }
        run_query(self.connection, sql, values)
    }

    async fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self.connection
    }

    fn close(&mut self) {
        self.closed = true;
        if !self.connection.is_autocommit() {
            // Only fails where nothing is open any more.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if let Some(kept) = self.kept.take() {
            let _ = kept.restore(self.connection);
        }
    }
}
