//! Sorts what PostgreSQL says, and what its client says, into the core's classes. Knows nothing of connecting.

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, ErrorPosition, Severity};
use whimbrel::{DriverError, ErrorClass};

use crate::dialect::DIALECT;
use crate::grant::remedy;

/// What was said of `sql`.
pub(crate) fn driver_error(error: &Error, sql: &str) -> DriverError {
    match error.as_db_error() {
        Some(error) => said(error, sql),
        // All else comes from the socket, or from a stream of answers that is no longer understood: whether the statement
        // took effect is not known.
        None => DriverError::new(ErrorClass::ConnectionLost, "the connection to the server broke")
            .with_private(chain(error)),
    }
}

fn said(error: &DbError, sql: &str) -> DriverError {
    let code = error.code().code();
    let class = match error.parsed_severity() {
        // The server ends the session; what it was at may have been a commit.
        Some(Severity::Fatal | Severity::Panic) => ErrorClass::ConnectionLost,
        _ => class(code, error.message(), sql),
    };
    let quoting = quotes_values(code);
    let mut this = DriverError::new(class, quoting.unwrap_or_else(|| error.message())).with_code(code);
    let message = quoting.map(|_| error.message());
    // What a function has raised says what its author has put into it, values too.
    let raised = code.starts_with("P0") || error.where_().is_some_and(|at| at.contains("at RAISE"));
    let (hint, raised) = if raised { (None, error.hint()) } else { (error.hint(), None) };
    let private = [message, error.detail(), raised, error.where_()];
    let private: Vec<&str> = private.into_iter().flatten().collect();
    if !private.is_empty() {
        this = this.with_private(private.join("; "));
    }
    let granted = (class == ErrorClass::Permission).then(|| remedy(error.message())).flatten();
    if let Some(hint) = hint.map(str::to_owned).or(granted) {
        this = this.with_hint(hint);
    }
    match error.position() {
        Some(ErrorPosition::Original(position)) => this.with_offset(offset(sql, *position)),
        // The text as a whole could not be taken over into the database's encoding, comments included.
        _ if code == "22P05" => match untranslatable(error.message(), sql) {
            Some(offset) => this.with_offset(offset).with_hint(ENCODING),
            None => this.with_hint(ENCODING),
        },
        // One into the text of a function, or none.
        _ => this,
    }
}

const ENCODING: &str = "the database's encoding does not have this character, and the whole script is translated into it, comments \
    included: write the character otherwise, or make the database with the encoding UTF8";

/// Where the character stands that the database's encoding lacks. In any language the message has its bytes, as in
/// `0xe2 0x82 0xac`.
fn untranslatable(message: &str, sql: &str) -> Option<usize> {
    let bytes = message.split(|letter: char| !letter.is_ascii_alphanumeric()).filter_map(|word| {
        let digits = word.strip_prefix("0x").filter(|digits| digits.len() == 2)?;
        u8::from_str_radix(digits, 16).ok()
    });
    let bytes: Vec<u8> = bytes.collect();
    sql.find(std::str::from_utf8(&bytes).ok().filter(|text| !text.is_empty())?)
}

/// The server counts characters from 1; the core counts bytes from 0.
fn offset(sql: &str, position: u32) -> usize {
    let before = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
    sql.char_indices().nth(before).map_or(sql.len(), |(offset, _)| offset)
}

/// postgresql.org/docs/current/errcodes-appendix.html, most particular codes first. Messages are in the server's language:
/// only codes tell.
fn class(code: &str, message: &str, sql: &str) -> ErrorClass {
    match code {
        // feature_not_supported is how a standby answers to READ WRITE.
        "0A000" if sql.starts_with(DIALECT.transaction.begin) => ErrorClass::ReadOnly,
        // lock_not_available: `NOWAIT`, or `lock_timeout`.
        "55P03" => ErrorClass::Busy,
        // serialization_failure, deadlock_detected, snapshot_too_old
        "40001" | "40P01" | "72000" => ErrorClass::Conflict,
        // An internal error, and so never translated: two sessions have changed one row of the catalog at once, as two
        // GRANTs on one object do.
        "XX000" if message == "tuple concurrently updated" || message == "tuple concurrently deleted" => {
            ErrorClass::Conflict
        }
        // statement_completion_unknown
        "40003" => ErrorClass::ConnectionLost,
        "42501" => ErrorClass::Permission,
        "25006" => ErrorClass::ReadOnly,
        // in_failed_sql_transaction: the first answer of a session that somebody has left in a failed transaction.
        "25P02" => ErrorClass::InTransaction,
        // no_active_sql_transaction; `COMMIT` and `ROLLBACK` only warn.
        "25P01" => ErrorClass::NoTransaction,
        // admin_shutdown, crash_shutdown, database_dropped, idle_session_timeout: fatal ones, so they are here only in
        // case a pooler passes them on otherwise.
        "57P01" | "57P02" | "57P04" | "57P05" | "25P03" => ErrorClass::ConnectionLost,
        // cannot_connect_now
        "57P03" => ErrorClass::Unavailable,
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => ErrorClass::Damaged,
        _ => match code.get(..2).unwrap_or_default() {
            "08" => ErrorClass::ConnectionLost,
            // Integrity, also of a transaction, also by WITH CHECK OPTION.
            "23" | "40" | "44" => ErrorClass::Constraint,
            // Disk, memory, locks, connections.
            "53" => ErrorClass::Full,
            // invalid_authorization_specification, as `SET ROLE` answers it
            "28" => ErrorClass::Permission,
            // What cannot be done as it was said: features, cardinality, data, objects' states (25001, 55006: a statement
            // that wants no transaction, or has a trigger waiting; no wait would help), triggers, savepoints, cursors, names,
            // syntax, limits, functions.
            "03" | "09" | "0A" | "0B" | "0F" | "0L" | "0P" | "0Z" | "20" | "21" | "22" | "24" | "25"
            | "26" | "27" | "2B" | "2D" | "2F" | "34" | "38" | "39" | "3B" | "3D" | "3F" | "42" | "54"
            | "55" | "P0" | "F0" => ErrorClass::Sql,
            // Among them 57014, a statement cancelled by `statement_timeout` or by somebody: it would take as long again,
            // so it is not `Busy`; and outside a transaction it may leave something, as an invalid index, so it is not
            // `Sql` either.
            _ => ErrorClass::Other,
        },
    }
}

/// What is said instead, where the message may quote a value.
fn quotes_values(code: &str) -> Option<&'static str> {
    Some(match code {
        "22001" => "a text is too long for its type",
        "22003" => "a number is out of range",
        "22007" | "22008" => "a text is no valid date or time, or one out of range",
        "22012" => "a division by zero",
        "22021" | "22P05" => "a character does not exist in the encoding",
        "22P02" => "a text cannot be read as a value of the type that is wanted",
        "22023" => "a parameter has a value that is not allowed",
        _ if code.starts_with("22") => "a value is not one that the statement can work with",
        "P0001" => "a function raised an exception",
        "P0004" => "an assertion in a function failed",
        _ if code.starts_with("P0") || code.starts_with("38") || code.starts_with("39") => {
            "a function failed"
        }
        _ => return None,
    })
}

/// An error with all its causes.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An answer to what was not asked here. The session may have more of them.
pub(crate) fn mixed_up() -> DriverError {
    DriverError::new(
        ErrorClass::ConnectionLost,
        "an answer came that is to another question: what is between client and server has mixed up its clients",
    )
}

/// The answer of a connection that was given up.
pub(crate) fn lost() -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, "the connection was given up, since its state was not known")
}
