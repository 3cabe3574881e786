//! What the history table may be called, and where it may be.

use std::fmt;

use crate::digest::{Context, Fields};

/// The history table's name, checked: 1 to 48 of letters, digits and `_`, the first one no digit; perhaps a schema
/// of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    schema: Option<String>,
    name: String,
}

impl TableName {
    /// Checks `table` or `schema.table`.
    ///
    /// ```
    /// use whimbrel::TableName;
    /// assert!(TableName::new("ops.schema_history").is_ok());
    /// assert!(TableName::new("history\"; DROP TABLE users; --").is_err());
    /// ```
    ///
    /// # Errors
    /// A part is empty, too long, or holds another character.
    pub fn new(name: &str) -> Result<Self, TableNameError> {
        let (schema, name) = match name.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, name),
        };
        let good = |part: &str| {
            (1..=48).contains(&part.len())
                && !part.as_bytes()[0].is_ascii_digit()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if !good(name) || !schema.is_none_or(good) {
            return Err(TableNameError);
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }

    /// The same table, in the schema that the connection is in, if none was named.
    pub(crate) fn within(&self, schema: Option<&str>) -> Self {
        Self { schema: self.schema.clone().or(schema.map(str::to_owned)), name: self.name.clone() }
    }

    /// The schema, if one was named.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// A number for the lock of migrators that use this table.
    ///
    /// ```
    /// use whimbrel::TableName;
    /// assert_ne!(TableName::default().lock_key(), TableName::new("ops.whimbrel_history").unwrap().lock_key());
    /// ```
    pub fn lock_key(&self) -> i64 {
        let digest = Fields::of(Context::Lock).maybe(self.schema()).text(&self.name).finish();
        let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
        i64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The table's name alone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name quoted by `identifier`, with its schema, or else `default_schema`, before it.
    pub fn qualified(&self, identifier: fn(&str) -> String, default_schema: Option<&str>) -> String {
        match self.schema().or(default_schema) {
            Some(schema) => format!("{}.{}", identifier(schema), identifier(&self.name)),
            None => identifier(&self.name),
        }
    }
}

impl Default for TableName {
    fn default() -> Self {
        Self { schema: None, name: "whimbrel_history".to_owned() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A text that cannot be the history table's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name for the history table: use `table` or `schema.table`, each 1 to 48 letters, digits and `_`, the first no digit"
)]
pub struct TableNameError;
