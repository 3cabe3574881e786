//! Values from the client and for it, by the columns' types. No I/O.

use mysql_async::consts::ColumnType;
use mysql_async::{Column, Params, Row, Value as Sql};
use whimbrel::{DriverError, ErrorClass, Value};

/// The number of the character set of bytes that are no text.
const BINARY: u16 = 63;

/// Whether the server answers texts of its own in UTF-8, by the columns of such an answer: what is read in another character set
/// would be told wrongly, and no row's hash would fit.
pub(crate) fn check_session(columns: &[Column]) -> Result<(), DriverError> {
    let readable = |number: u16| match number {
        // The numbers of utf8mb4 and of utf8mb3, which is the server's own where nothing is converted; those from 255 on are younger
        // than any other set.
        33 | 45 | 46 | 76 | 83 | 192..=247 | 255.. => true,
        _ => false,
    };
    if columns.first().is_none_or(|column| readable(column.character_set())) {
        return Ok(());
    }
    Err(DriverError::new(
        ErrorClass::Unsupported,
        "the connection's character_set_results is none of UTF-8, so what the server answers would be misread",
    )
    .with_hint(
        "run `SET NAMES utf8mb4` on the connection first; for every connection, start the server without \
         skip-character-set-client-handshake",
    ))
}

/// Whether no column is text in a character set whose characters all have two or four bytes.
pub(crate) fn check_columns(columns: &[Column]) -> Result<(), DriverError> {
    // ucs2, utf16, utf16le and utf32.
    let wide =
        |number: u16| matches!(number, 35 | 54..=56 | 60..=62 | 90 | 101..=124 | 128..=151 | 159..=183);
    let Some(column) = columns.iter().find(|column| wide(column.character_set())) else { return Ok(()) };
    Err(DriverError::new(
        ErrorClass::Sql,
        format!(
            "the column {} is in a character set of two or four bytes a character, which is not read here: convert it with \
             `CONVERT(… USING utf8mb4)`",
            column.name_str()
        ),
    ))
}

pub(crate) fn column_names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.name_str().into_owned()).collect()
}

pub(crate) fn parameters(values: &[Value]) -> Params {
    let sql = |value: &Value| match value {
        Value::Integer(number) => Sql::Int(*number),
        Value::Real(number) => Sql::Double(*number),
        Value::Text(text) => Sql::Bytes(text.clone().into_bytes()),
        Value::Blob(bytes) => Sql::Bytes(bytes.clone()),
        _ => Sql::NULL,
    };
    Params::Positional(values.iter().map(sql).collect())
}

pub(crate) fn read_row(row: Row) -> Vec<Value> {
    let columns = row.columns();
    row.unwrap().into_iter().zip(columns.iter()).map(|(value, column)| read(value, column)).collect()
}

/// Numbers, dates and times come as text from queries, and as themselves from prepared statements.
fn read(value: Sql, column: &Column) -> Value {
    match value {
        Sql::NULL => Value::Null,
        Sql::Int(number) => Value::Integer(number),
        Sql::UInt(number) => unsigned(number),
        // By its decimal digits, as in text: `0.1` is not to become `0.10000000149011612`.
        Sql::Float(number) => number.to_string().parse().map_or(Value::Null, Value::Real),
        Sql::Double(number) => Value::Real(number),
        Sql::Bytes(bytes) => of_bytes(bytes, column),
        Sql::Time(negative, days, hours, minutes, seconds, micros) => {
            let (sign, hours) = (if negative { "-" } else { "" }, days * 24 + u32::from(hours));
            Value::Text(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(micros)))
        }
        Sql::Date(year, month, day, hour, minute, second, micros) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            Value::Text(match column.column_type() {
                ColumnType::MYSQL_TYPE_DATE => date,
                _ => format!("{date} {hour:02}:{minute:02}:{second:02}{}", fraction(micros)),
            })
        }
    }
}

fn fraction(micros: u32) -> String {
    if micros == 0 { String::new() } else { format!(".{micros:06}") }
}

fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
}

fn of_bytes(bytes: Vec<u8>, column: &Column) -> Value {
    use ColumnType::*;
    let kind = column.column_type();
    let is_blob = match kind {
        MYSQL_TYPE_BIT | MYSQL_TYPE_GEOMETRY => true,
        MYSQL_TYPE_VARCHAR
        | MYSQL_TYPE_VAR_STRING
        | MYSQL_TYPE_STRING
        | MYSQL_TYPE_TINY_BLOB
        | MYSQL_TYPE_MEDIUM_BLOB
        | MYSQL_TYPE_LONG_BLOB
        | MYSQL_TYPE_BLOB => column.character_set() == BINARY,
        // Decimals, dates, times and JSON are text, though of no character set.
        _ => false,
    };
    if is_blob {
        return Value::Blob(bytes);
    }
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    match kind {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_INT24
        | MYSQL_TYPE_YEAR => text.parse().map_or(Value::Text(text), Value::Integer),
        MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => text.parse().map_or(Value::Text(text), Value::Real),
        _ => Value::Text(text),
    }
}
