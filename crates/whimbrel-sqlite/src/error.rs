//! Sorts SQLite's errors into the core's classes.

use rusqlite::{Error, ErrorCode};
use whimbrel::{DriverError, ErrorClass};

/// What SQLite said of `sql`; the offset it tells is one into the rest of the message that it was given.
pub(crate) fn driver_error(error: &Error, sql: &str) -> DriverError {
    match error {
        Error::SqliteFailure(code, message) => {
            let message =
                message.clone().unwrap_or_else(|| rusqlite::ffi::code_to_str(code.extended_code).to_owned());
            of_code(code.code, code.extended_code, message)
        }
        Error::SqlInputError { error, msg, sql: rest, offset } => {
            let this = of_code(error.code, error.extended_code, msg.clone());
            match usize::try_from(*offset) {
                Ok(offset) if rest.len() <= sql.len() => this.with_offset(sql.len() - rest.len() + offset),
                _ => this,
            }
        }
        Error::InvalidParameterCount(..) => DriverError::new(
            ErrorClass::Sql,
            "the number of values is not that of the statement's parameters; a script cannot have parameters",
        ),
        Error::NulError(_) => DriverError::new(ErrorClass::Sql, "a NUL character in the statement"),
        Error::Utf8Error(..) | Error::FromSqlConversionFailure(..) => {
            DriverError::new(ErrorClass::Other, "a text in the database is not UTF-8")
        }
        other => {
            DriverError::new(ErrorClass::Other, "rusqlite refused the call").with_private(other.to_string())
        }
    }
}

fn of_code(code: ErrorCode, extended: i32, message: String) -> DriverError {
    let class = match code {
        // Another connection writes, or, in shared-cache mode, another one of this process.
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            ErrorClass::Busy
        }
        ErrorCode::SchemaChanged => ErrorClass::Conflict,
        ErrorCode::ConstraintViolation => ErrorClass::Constraint,
        ErrorCode::ReadOnly => ErrorClass::ReadOnly,
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => ErrorClass::Permission,
        ErrorCode::DiskFull | ErrorCode::OutOfMemory => ErrorClass::Full,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => ErrorClass::Damaged,
        ErrorCode::CannotOpen => ErrorClass::Unavailable,
        // SQLITE_ERROR stands for many things, and says which only in words.
        ErrorCode::Unknown => match message.as_str() {
            "cannot start a transaction within a transaction" => ErrorClass::InTransaction,
            "cannot commit - no transaction is active" | "cannot rollback - no transaction is active" => {
                ErrorClass::NoTransaction
            }
            _ => ErrorClass::Sql,
        },
        ErrorCode::TypeMismatch | ErrorCode::TooBig | ErrorCode::ParameterOutOfRange => ErrorClass::Sql,
        _ => ErrorClass::Other,
    };
    DriverError::new(class, message).with_code(code_name(extended))
}

/// The name of a result code (sqlite.org/rescode.html), for the ones that people meet.
fn code_name(extended: i32) -> String {
    let name = match extended & 0xff {
        1 => "SQLITE_ERROR",
        3 => "SQLITE_PERM",
        4 => "SQLITE_ABORT",
        5 => "SQLITE_BUSY",
        6 => "SQLITE_LOCKED",
        7 => "SQLITE_NOMEM",
        8 => "SQLITE_READONLY",
        9 => "SQLITE_INTERRUPT",
        10 => "SQLITE_IOERR",
        11 => "SQLITE_CORRUPT",
        13 => "SQLITE_FULL",
        14 => "SQLITE_CANTOPEN",
        15 => "SQLITE_PROTOCOL",
        17 => "SQLITE_SCHEMA",
        18 => "SQLITE_TOOBIG",
        19 => "SQLITE_CONSTRAINT",
        20 => "SQLITE_MISMATCH",
        23 => "SQLITE_AUTH",
        26 => "SQLITE_NOTADB",
        other => return format!("SQLite error {other}"),
    };
    if extended > 0xff { format!("{name}, {extended}") } else { name.to_owned() }
}
