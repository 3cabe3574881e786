//! Columns, as a definition of one tells them. Knows nothing of the table.

use std::fmt;

use super::Name;

/// A column's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type; SQLite needs none.
    pub(crate) ty: Option<TypeName>,
    /// Whether it forbids NULL.
    pub(crate) not_null: bool,
    /// Its default.
    pub(crate) default: DefaultValue,
    /// Whether it is computed.
    pub(crate) generated: Option<Generation>,
    /// Whether the database numbers it: `GENERATED … AS IDENTITY`, `serial`, `AUTO_INCREMENT`.
    pub(crate) identity: bool,
    /// Whether it is the primary key.
    pub(crate) primary_key: bool,
    /// Whether it is unique.
    pub(crate) unique: bool,
    /// What it references.
    pub(crate) references: Option<Name>,
    /// Whether it has a check.
    pub(crate) check: bool,
    /// Where MySQL is to put it: `FIRST` or `AFTER` another one.
    pub(crate) placed: bool,
    /// The character set or collation that it names.
    pub(crate) charset: Option<String>,
}

impl Column {
    /// A column that may be NULL and has no default.
    pub(crate) fn new(name: impl Into<String>, ty: Option<TypeName>) -> Self {
        Self {
            name: name.into(),
            ty,
            not_null: false,
            default: DefaultValue::None,
            generated: None,
            identity: false,
            primary_key: false,
            unique: false,
            references: None,
            check: false,
            placed: false,
            charset: None,
        }
    }
}

/// A column's default. The order is by how much there is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DefaultValue {
    /// None, or NULL.
    None,
    /// A constant.
    Constant,
    /// An expression with one value for the whole statement, like `now()`.
    Stable,
    /// An expression with a value for each row, like `random()`, or one of which that is not known.
    Volatile,
}

/// How a column is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// When the row is written.
    Stored,
    /// When the row is read.
    Virtual,
}

/// A type, by the name that the dialect's reader gives to all its spellings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeName {
    /// Its name, in lower case: `varchar`, `int8`, `enum`.
    pub(crate) name: String,
    /// Its numbers: lengths, precisions.
    pub(crate) numbers: Vec<u32>,
    /// The values of an `ENUM` or `SET` of MySQL.
    pub(crate) values: Vec<String>,
    /// Whether it is an array of it.
    pub(crate) array: bool,
    /// MySQL's `UNSIGNED`.
    pub(crate) unsigned: bool,
}

impl TypeName {
    /// A type without numbers.
    pub(crate) fn plain(name: impl Into<String>) -> Self {
        Self { name: name.into(), numbers: Vec::new(), values: Vec::new(), array: false, unsigned: false }
    }

    /// A type with numbers.
    pub(crate) fn with(name: impl Into<String>, numbers: &[u32]) -> Self {
        Self { numbers: numbers.to_vec(), ..Self::plain(name) }
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.escape_debug())?;
        if !self.numbers.is_empty() {
            let numbers: Vec<_> = self.numbers.iter().map(u32::to_string).collect();
            write!(f, "({})", numbers.join(", "))?;
        }
        if self.unsigned {
            f.write_str(" unsigned")?;
        }
        if self.array { f.write_str("[]") } else { Ok(()) }
    }
}
