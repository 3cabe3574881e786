//! Values that are bound to statements, and rows that come back.

use std::fmt;
use std::sync::Arc;

/// A value that is bound to a statement or comes back in a row.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
            Self::Blob(_) => "blob",
        }
    }
}

impl fmt::Debug for Value {
    // Values belong in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

macro_rules! values_from {
    ($($from:ty => $make:expr),* $(,)?) => { $(
        impl From<$from> for Value {
            fn from(value: $from) -> Self { $make(value) }
        }
    )* };
}
values_from! {
    i64 => Value::Integer,
    i32 => |value: i32| Value::Integer(value.into()),
    u32 => |value: u32| Value::Integer(value.into()),
    bool => |value: bool| Value::Integer(value.into()),
    f64 => Value::Real,
    String => Value::Text,
    &str => |value: &str| Value::Text(value.to_owned()),
    Vec<u8> => Value::Blob,
    &[u8] => |value: &[u8]| Value::Blob(value.to_vec()),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A type that a column of a row can be read as.
///
/// Numbers and truth are read from texts too: some databases answer everything as text.
pub trait FromValue: Sized {
    /// Reads the value, if it is of a fitting kind.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(*number),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) if text == "t" || text == "true" => Some(true),
            Value::Text(text) if text == "f" || text == "false" => Some(false),
            value => i64::from_value(value).map(|number| number != 0),
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(number) => Some(*number),
            Value::Integer(number) => Some(*number as Self),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// What a statement answered.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    rows: Vec<Row>,
    affected: u64,
}

impl Rows {
    /// These rows, of columns with these names; `affected` is how many rows the statement changed.
    pub fn new(columns: Vec<String>, rows: Vec<Vec<Value>>, affected: u64) -> Self {
        let columns: Arc<[String]> = columns.into();
        let rows = rows.into_iter().map(|values| Row { columns: Arc::clone(&columns), values }).collect();
        Self { rows, affected }
    }

    /// How many rows the statement changed.
    pub fn affected(&self) -> u64 {
        self.affected
    }
}

impl std::ops::Deref for Rows {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.rows
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// The value of a column, by its index from 0.
    ///
    /// # Errors
    /// There is no such column, or it holds another kind of value.
    pub fn read<T: FromValue>(&self, column: usize) -> Result<T, ColumnError> {
        let value = self
            .values
            .get(column)
            .ok_or_else(|| ColumnError { column: column.to_string(), found: "no such column" })?;
        T::from_value(value).ok_or_else(|| ColumnError {
            column: self.columns.get(column).cloned().unwrap_or_default(),
            found: value.kind(),
        })
    }

    /// The value of a column, by its name.
    ///
    /// # Errors
    /// There is no such column, or it holds another kind of value.
    pub fn column<T: FromValue>(&self, name: &str) -> Result<T, ColumnError> {
        match self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)) {
            Some(index) => self.read(index),
            None => Err(ColumnError { column: name.to_owned(), found: "no such column" }),
        }
    }

    /// The values.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

/// A column that could not be read as asked; names the kind of value, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` cannot be read as asked: {found}")]
pub struct ColumnError {
    column: String,
    found: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_truth_are_read_from_texts_too() {
        let row = |text: &str| Rows::new(vec!["c".to_owned()], vec![vec![text.into()]], 0)[0].clone();
        assert_eq!(row("-12").read::<i64>(0), Ok(-12));
        assert_eq!(row("1.5").read::<f64>(0), Ok(1.5));
        for (text, truth) in [("t", true), ("f", false), ("true", true), ("0", false), ("1", true)] {
            assert_eq!(row(text).read::<bool>(0), Ok(truth), "{text}");
        }
        assert_eq!(row("-12").read::<String>(0), Ok("-12".to_owned()));
        assert!(row("twelve").read::<i64>(0).is_err());
        assert!(row("yes").read::<bool>(0).is_err());
    }
}
