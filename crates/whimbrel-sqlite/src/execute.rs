//! What both drivers do with a connection at hand: run messages, run a query, keep the connection's settings.

use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Batch, Connection, ToSql};
use whimbrel::{DriverError, ErrorClass, Rows, Value};

use crate::dialect::DIALECT;
use crate::error::driver_error;
use crate::journal::{Journals, refuse_off};

/// Runs one message, statement by statement, and stops at the first error.
///
/// `statement` is called after each statement, and says whether to go on.
pub(crate) fn run_message(
    connection: &Connection,
    sql: &str,
    mut statement: impl FnMut() -> bool,
) -> Result<(), DriverError> {
    // SQLite stops at a NUL without a word.
    if sql.contains('\0') {
        return Err(DriverError::new(ErrorClass::Sql, "a NUL character in the script"));
    }
    let transaction = &DIALECT.transaction;
    let ends_transaction = sql == transaction.commit || sql == transaction.rollback;
    let no_rollback = (sql == transaction.rollback && !connection.is_autocommit())
        .then(|| refuse_off(connection))
        .and_then(Result::err);
    let journals = holds_pragma(sql).then(|| Journals::read(connection)).transpose()?;
    // Before each statement SQLite copies what it is given, to its end, unless that is NUL: the time would grow with the
    // square of the script's size (sqlite.org/c3ref/prepare.html).
    let mut text = String::with_capacity(sql.len() + 1);
    text.push_str(sql);
    text.push('\0');
    let mut batch = Batch::new(connection, &text);
    while let Some(mut next) = batch.next().map_err(|error| driver_error(&error, &text))? {
        let in_transaction = !connection.is_autocommit();
        let mut rows = next.query(()).map_err(|error| driver_error(&error, &text))?;
        while rows.next().map_err(|error| driver_error(&error, &text))?.is_some() {}
        drop(rows);
        if in_transaction && connection.is_autocommit() && !ends_transaction {
            return Err(DriverError::new(
                ErrorClass::TransactionLost,
                "a statement has ended the transaction, so nothing behind it was run",
            ));
        }
        if let Some(journals) = &journals {
            journals.refuse_change(connection)?;
        }
        if !statement() {
            return Err(lost());
        }
    }
    if sql == transaction.begin
        && let Err(error) = refuse_off(connection)
    {
        // Nothing was done in it.
        let _ = connection.execute_batch(transaction.rollback);
        return Err(error);
    }
    no_rollback.map_or(Ok(()), Err)
}

/// Whether a text may set something of the connection.
fn holds_pragma(sql: &str) -> bool {
    const WORD: &[u8] = b"pragma";
    let bytes = sql.as_bytes();
    // Wherever the word stands, one of its letters is at one of these places.
    (WORD.len() - 1..bytes.len()).step_by(WORD.len()).any(|at| {
        WORD.contains(&bytes[at].to_ascii_lowercase())
            && bytes[at + 1 - WORD.len()..bytes.len().min(at + WORD.len())]
                .windows(WORD.len())
                .any(|bytes| bytes.eq_ignore_ascii_case(WORD))
    })
}

/// Runs one statement with values.
pub(crate) fn run_query(connection: &Connection, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
    let wrong = |error| driver_error(&error, sql);
    let mut statement = connection.prepare(sql).map_err(wrong)?;
    let mut columns: Vec<String> = Vec::new();
    // A list in one version of rusqlite, an iterator in the next.
    for name in statement.column_names() {
        columns.push(name.to_owned());
    }
    let count = columns.len();
    let readonly = statement.readonly();
    let mut rows = statement.query(rusqlite::params_from_iter(values.iter().map(Bound))).map_err(wrong)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(wrong)? {
        let values = (0..count).map(|column| row.get_ref(column).map_err(wrong).map(value));
        read.push(values.collect::<Result<Vec<Value>, _>>()?);
    }
    drop(rows);
    let affected = if readonly { 0 } else { connection.changes() };
    Ok(Rows::new(columns, read, affected))
}

struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Integer(number) => ToSqlOutput::Owned(SqlValue::Integer(*number)),
            Value::Real(number) => ToSqlOutput::Owned(SqlValue::Real(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            _ => ToSqlOutput::Owned(SqlValue::Null),
        })
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// The answer of a connection that was given up.
pub(crate) fn lost() -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, "the connection was given up, since its state was not known")
}

/// What the application had set on its connection, from the first write on until it gets it back.
///
/// The core waits for locks itself, with a deadline and while it looks whether there is still anything to do, so SQLite
/// must answer at once. And many migrations in one transaction touch more pages than SQLite keeps in memory by default;
/// what it cannot keep it writes, and syncs, before the commit. Nothing is read or set for a boot that has nothing to do.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    journals: Journals,
    busy_timeout: i64,
    foreign_keys: bool,
    cache_size: i64,
}

/// The memory for pages during a run, in KiB; SQLite takes a negative `cache_size` for that.
const CACHE: i64 = -32_768;

impl Kept {
    pub(crate) fn take(connection: &Connection) -> Result<Self, DriverError> {
        let wrong = |error| driver_error(&error, "");
        let read = |pragma: &str| connection.query_row(pragma, (), |row| row.get::<_, i64>(0)).map_err(wrong);
        let busy_timeout = read("PRAGMA busy_timeout")?;
        let foreign_keys = read("PRAGMA foreign_keys")? != 0;
        let cache_size = read("PRAGMA cache_size")?;
        let journals = Journals::read(connection)?;
        connection.pragma_update(None, "cache_size", CACHE).map_err(wrong)?;
        connection.busy_timeout(Duration::ZERO).map_err(wrong)?;
        Ok(Self { journals, busy_timeout, foreign_keys, cache_size })
    }

    /// Puts back what the application had set.
    pub(crate) fn restore(self, connection: &Connection) -> rusqlite::Result<()> {
        self.journals.restore(connection)?;
        connection.busy_timeout(Duration::from_millis(self.busy_timeout.try_into().unwrap_or(0)))?;
        // Does nothing inside a transaction: whoever gives a connection up has rolled back before.
        connection.pragma_update(None, "foreign_keys", self.foreign_keys)?;
        connection.pragma_update(None, "cache_size", self.cache_size)?;
        // A file that a script has locked for the connection alone is free from the next read on, and not before
        // (sqlite.org/pragma.html#pragma_locking_mode). That others are at work is no reason to fail.
        let _ = connection.query_row("SELECT count(*) FROM main.sqlite_master", (), |_| Ok(()));
        Ok(())
    }
}
