//! A connection to MySQL or MariaDB that the driver owns: connecting, running packets, giving it back. Knows nothing of
//! what the packets say.

use std::any::Any;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use mysql_async::Conn;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use whimbrel::{
    Answers, DatabaseUrl, Dialect, Driver, DriverError, Error, ErrorClass, ErrorKind, Message, Rows,
    SessionNumber, Transport, Value,
};

use crate::connect::connect;
use crate::error::{driver_error, lost, too_large};
use crate::identity::{QUESTION, assumed, recognized};
use crate::value::{check_columns, check_session, column_names, parameters, read_row};

/// From this size on it is asked whether the server takes a packet; none that is smaller is worth a round trip.
const LARGE: usize = 2 << 20;

/// A connection that the driver owns.
///
/// When the future of a verb is dropped, or the connection's state is not known for another reason, it is closed, and never
/// given back to a pool. The server carries on with what it has received; the next run waits for that.
pub struct MySql {
    conn: Option<Conn>,
    dialect: Dialect,
    entered: bool,
    /// Whether the last statement failed outside any transaction.
    failed_outside: bool,
    /// Whether the server has said what it is.
    recognized: bool,
}

impl std::fmt::Debug for MySql {
    // The client's own shows its options, and the password with them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MySql")
            .field("dialect", &self.dialect.name)
            .field("connection", &self.conn.as_ref().map(Conn::id))
            .finish_non_exhaustive()
    }
}

impl MySql {
    /// Connects to the first of the URL's hosts that answers.
    ///
    /// ```no_run
    /// # use whimbrel::DatabaseUrl;
    /// # use whimbrel_mysql::MySql;
    /// # async fn connect() -> whimbrel::Result<()> {
    /// let db = MySql::connect(&DatabaseUrl::from_env("DATABASE_URL")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Says where, why not, and what to do; never with the password.
    pub async fn connect(url: &DatabaseUrl) -> whimbrel::Result<Self> {
        let (conn, transport) = connect(url).await?;
        Ok(Self::from_conn(conn).with_transport(transport))
    }

    /// Takes over a connection that is open. [`into_conn`](Self::into_conn) gives it back.
    pub fn from_conn(conn: Conn) -> Self {
        let dialect =
            Dialect { session: SessionNumber::Known(conn.id().into()), ..assumed(conn.server_version()) };
        Self { conn: Some(conn), dialect, entered: false, failed_outside: false, recognized: false }
    }

    /// Vouches for how the connection is protected, for one that was handed over; a
    /// [`Preflight`](whimbrel::Preflight) asks for it. A connection that was opened by URL knows it by itself.
    #[must_use]
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.dialect.transport = transport;
        self
    }

    /// Vouches that what is between client and server, if anything, keeps sessions together, as ProxySQL does for a connection
    /// whose multiplexing is off. A proxy that gives numbers of its own to its clients is found out by itself, and refused
    /// without this: the lock of a migrator is the session's.
    #[must_use]
    pub fn with_sessions_kept(mut self) -> Self {
        self.dialect.session = SessionNumber::Vouched;
        self
    }

    /// Gives the connection back if it is sound: nothing is open on it, and no call on it was cut short.
    ///
    /// # Errors
    /// It was given up, and is closed.
    pub fn into_conn(mut self) -> whimbrel::Result<Conn> {
        if self.conn.as_ref().is_some_and(|conn| in_transaction(conn) != Some(false)) {
            self.close();
        }
        self.conn.take().ok_or_else(|| {
            Error::new(
                ErrorKind::Retry,
                "the connection was given up, since its state was not known: open another one",
            )
        })
    }

    /// Takes in what the server says that it is.
    fn learn(&mut self, said: &Said) -> Result<(), DriverError> {
        let Some(conn) = &self.conn else { return Err(lost()) };
        let dialect = recognized(&said.version, &said.comment, conn.server_version())?;
        let Dialect { session, transport, .. } = self.dialect.clone();
        self.dialect = Dialect { session, transport, ..dialect };
        self.recognized = true;
        Ok(())
    }

    /// Runs `work` on the connection, which is given up when the future is dropped meanwhile or the client says that it
    /// is gone.
    async fn with<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Conn) -> Result<T, DriverError>,
    ) -> Result<T, DriverError> {
        let mut pending = Pending { driver: self, done: false };
        let result = match &mut pending.driver.conn {
            Some(conn) => work(conn).await,
            None => Err(lost()),
        };
        pending.done = !result.as_ref().is_err_and(|error| error.class() == ErrorClass::ConnectionLost);
        result
    }
}

/// A call under way: dropped before its answer, it gives the connection up.
struct Pending<'d> {
    driver: &'d mut MySql,
    done: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.driver.close();
        }
    }
}

#[async_trait]
impl Driver for MySql {
    fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let transaction = self.dialect.transaction.clone();
        self.failed_outside = false;
        self.with(async |conn| {
            for message in messages {
                if message.sql == transaction.begin {
                    // It would commit what is open.
                    refuse_transaction(conn).await?;
                }
                let before = in_transaction(conn);
                run_message(conn, message, answers).await?;
                // Of several statements those who sent them know which of them end transactions, and are told of each.
                let ends = message.statements > 1
                    || message.sql == transaction.commit
                    || message.sql == transaction.rollback;
                if before == Some(true) && in_transaction(conn) == Some(false) && !ends {
                    return Err(DriverError::new(
                        ErrorClass::TransactionLost,
                        "a statement has ended the transaction, so nothing behind it was run",
                    ));
                }
                answers.message();
            }
            Ok(())
        })
        .await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        let outside = match self.conn.as_ref().and_then(in_transaction) {
            Some(inside) => !inside,
            None => self.failed_outside,
        };
        let mut said = None;
        let asks = !self.recognized;
        let result = self.with(async |conn| match values {
            [] if asks => ask(conn, sql, &mut said).await,
            [] => {
                let result = conn.query_iter(sql).await.map_err(|error| driver_error(&error, sql))?;
                read_result(result, sql).await
            }
            values => {
                let values = parameters(values);
                let result = conn.exec_iter(sql, values).await.map_err(|error| driver_error(&error, sql))?;
                read_result(result, sql).await
            }
        });
        let result = result.await;
        if let Some(said) = said {
            self.learn(&said)?;
        }
        // What has changed rows is for whoever asked to commit.
        let reads = result.as_ref().is_ok_and(|rows| rows.affected() == 0);
        if outside && reads && self.conn.as_ref().is_some_and(|conn| reads_a_snapshot(conn, sql)) {
            let ended = self.with(async |conn| {
                conn.query_drop("ROLLBACK").await.map_err(|error| driver_error(&error, ""))
            });
            ended.await?;
        }
        self.failed_outside = outside && result.is_err();
        // No transaction was lost with it: as if it had not been asked yet. Galera does so to one who reads what another
        // server's statement changes.
        result.map_err(|error| match error.class() {
            ErrorClass::Conflict if outside => error.with_class(ErrorClass::Busy),
            _ => error,
        })
    }

    async fn pause(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        match &mut self.conn {
            Some(conn) => conn,
            None => &mut self.entered,
        }
    }

    fn close(&mut self) {
        if let Some(mut conn) = self.conn.take() {
            // The client marks a connection as gone while a command is under way, and drops one that is so marked at once.
            // Any other it would read to its end and give back to its pool.
            for _ in 0..3 {
                if poll_once(conn.ping()).is_none() {
                    break;
                }
            }
        }
    }
}

fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Whether a transaction is open, as the server said with its last answer; none after an error.
fn in_transaction(conn: &Conn) -> Option<bool> {
    conn.last_ok_packet().map(|ok| ok.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
}

/// Whether a read has opened a transaction, as it does where `autocommit` is off: the next read would show what this one did,
/// whatever others have committed since.
///
/// After `SET GLOBAL autocommit = 0` MySQL 9 says of new sessions that they have it on. A query that reads begins no transaction
/// otherwise; what begins one by its own words is not a query.
fn reads_a_snapshot(conn: &Conn, sql: &str) -> bool {
    let words = sql.trim_start().trim_start_matches('(').trim_start();
    let is_query = words.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
    conn.last_ok_packet().is_some_and(|ok| {
        let flags = ok.status_flags();
        flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS)
            && (is_query || !flags.contains(StatusFlags::SERVER_STATUS_AUTOCOMMIT))
    })
}

/// `BEGIN` would commit what the application has open.
async fn refuse_transaction(conn: &mut Conn) -> Result<(), DriverError> {
    if conn.last_ok_packet().is_none() {
        conn.query_drop("DO 0").await.map_err(|error| driver_error(&error, ""))?;
    }
    match in_transaction(conn) {
        Some(false) => Ok(()),
        _ => Err(DriverError::new(ErrorClass::InTransaction, "the connection is inside a transaction")),
    }
}

/// Sends one packet, and counts the server's answers.
async fn run_message(
    conn: &mut Conn,
    message: &Message<'_>,
    answers: &mut Answers<'_>,
) -> Result<(), DriverError> {
    let sql: &str = &message.sql;
    let wrong = |error| driver_error(&error, sql);
    if sql.len() > LARGE {
        // The server would hang up amid the packet, and leave open whether it has run any of it.
        let most: Option<usize> = conn.query_first("SELECT @@max_allowed_packet").await.map_err(wrong)?;
        if most.is_some_and(|most| sql.len() >= most) {
            return Err(too_large());
        }
    }
    let mut result = conn.query_iter(sql).await.map_err(wrong)?;
    let (mut answered, mut with_rows) = (0, 0);
    // The answer to a statement that failed has no columns either: it is what is read after the last one.
    while let Some(columns) = result.columns() {
        if columns.is_empty() {
            // Read as a stream, which alone shows what the server says of the transaction.
            if let Some(mut stream) = result.stream::<mysql_async::Row>().await.map_err(wrong)? {
                let open = stream.ok_packet().map(|ok| ok.status_flags());
                while stream.next().await.transpose().map_err(wrong)?.is_some() {}
                if let Some(flags) = open {
                    answers.transaction(flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
                }
            }
        } else {
            while result.next().await.map_err(wrong)?.is_some() {}
        }
        // `CALL` answers the rows of each query in the procedure, and then once for itself.
        let program = message.statements == 1 || message.programs.contains(&answered);
        if columns.is_empty() || !program {
            answers.statement();
            (answered, with_rows) = (answered + 1, 0);
        } else {
            with_rows += 1;
        }
    }
    // The error of the statement behind the last answered one, if there was any.
    result.next().await.map_err(wrong)?;
    // What is executed may be a query.
    let last = if message.programs.contains(&answered) { with_rows.min(1) } else { with_rows };
    for _ in 0..last {
        answers.statement();
    }
    Ok(())
}

/// What a server says of itself.
struct Said {
    version: String,
    comment: String,
}

/// Sends a question behind the one that asks which server this is, in one packet.
async fn ask(conn: &mut Conn, sql: &str, said: &mut Option<Said>) -> Result<Rows, DriverError> {
    let packet = format!("{QUESTION};{sql}");
    let wrong = |error| {
        let error = driver_error(&error, &packet);
        let offset = error.offset().map(|at| at.saturating_sub(packet.len() - sql.len()));
        offset.into_iter().fold(error, DriverError::with_offset)
    };
    let mut result = conn.query_iter(&packet).await.map_err(wrong)?;
    let unreadable = check_session(&result.columns().unwrap_or_default()).err();
    if let Some(error) = unreadable {
        result.drop_result().await.map_err(wrong)?;
        return Err(error);
    }
    while let Some(row) = result.next().await.map_err(wrong)? {
        let text = |index| row.get::<Option<String>, _>(index).flatten().unwrap_or_default();
        *said = Some(Said { version: text(0), comment: text(1) });
    }
    read_result(result, sql).await
}

/// The rows of the first answer.
async fn read_result<P: mysql_async::prelude::Protocol>(
    mut result: mysql_async::QueryResult<'_, '_, P>,
    sql: &str,
) -> Result<Rows, DriverError> {
    let wrong = |error| driver_error(&error, sql);
    let columns = result.columns().unwrap_or_default();
    let affected = if columns.is_empty() { result.affected_rows() } else { 0 };
    if let Err(error) = check_columns(&columns) {
        result.drop_result().await.map_err(wrong)?;
        return Err(error);
    }
    let mut rows = Vec::new();
    while let Some(row) = result.next().await.map_err(wrong)? {
        rows.push(read_row(row));
    }
    result.drop_result().await.map_err(wrong)?;
    Ok(Rows::new(column_names(&columns), rows, affected))
}
