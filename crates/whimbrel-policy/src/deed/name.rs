//! Names of objects. Knows nothing of what they name.

use std::fmt;

/// The name of an object, as its dialect compares names: readers have folded its case where case does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    /// The schema or database, if the statement names it.
    pub(crate) schema: Option<String>,
    /// The name.
    pub(crate) name: String,
}

/// The schema that a session's own tables are in.
pub(crate) const TEMPORARY: &str = "pg_temp";

impl Name {
    /// A name without a schema.
    pub(crate) fn bare(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// A name in a schema.
    pub(crate) fn within(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }

    /// Whether both mean one object, as long as nobody plays with the search path: equal, or one without a schema and the
    /// other in the usual one.
    pub(crate) fn is_surely(&self, other: &Self) -> bool {
        let usual =
            |schema: &Option<String>| schema.as_deref().is_none_or(|it| it == "public" || it == "main");
        // The session's own tables are found first.
        let own = self.schema.as_deref() == Some(TEMPORARY) && other.schema.is_none();
        self.name == other.name
            && (self.schema == other.schema || own || usual(&self.schema) && usual(&other.schema))
    }

    /// Whether both may mean one object: the names are equal, and so are the schemas where both have one.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        self.name == other.name
            && match (&self.schema, &other.schema) {
                (Some(own), Some(others)) => own == others,
                _ => true,
            }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", schema.escape_debug())?;
        }
        write!(f, "{}", self.name.escape_debug())
    }
}
