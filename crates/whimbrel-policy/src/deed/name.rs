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

/// So many objects of one name are looked at, and so many indexes of one table: no table of MySQL's or MariaDB's has more.
pub(crate) const MOST_OF_A_NAME: usize = 64;

/// By what a name is found among others that may mean the same object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameKey<'n> {
    name: &'n str,
    schema: SchemaKey<'n>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum SchemaKey<'n> {
    /// Whatever the schema is, or none.
    Any,
    None,
    Of(&'n str),
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

    /// The keys that a name is filed under.
    pub(crate) fn keys(&self) -> [NameKey<'_>; 2] {
        let exact = self.schema.as_deref().map_or(SchemaKey::None, SchemaKey::Of);
        [SchemaKey::Any, exact].map(|schema| NameKey { name: &self.name, schema })
    }

    /// The keys by which exactly those are found that [`may_be`](Self::may_be) the same, each by one of them.
    pub(crate) fn found_by(&self) -> impl Iterator<Item = NameKey<'_>> {
        let own = self.schema.as_deref().map(SchemaKey::Of);
        let schemas = [Some(own.unwrap_or(SchemaKey::Any)), own.and(Some(SchemaKey::None))];
        schemas.into_iter().flatten().map(|schema| NameKey { name: &self.name, schema })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_find_what_may_be_the_same_once() {
        let names = [
            Name::bare("a"),
            Name::within("s", "a"),
            Name::within("t", "a"),
            Name::bare("b"),
            Name::within("s", "b"),
        ];
        for one in &names {
            for other in &names {
                let found = one.found_by().filter(|key| other.keys().contains(key)).count();
                assert_eq!(found, usize::from(one.may_be(other)), "{one} and {other}");
            }
        }
    }
}
