//! The right that a statement needs, read from its first words. Knows no database.

use crate::effect::{Ident, Reader};
use crate::placeholder::may_hold_some;
use crate::script::Statement;

/// A right that a statement needs on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// The right.
    pub right: Right,
    /// The schema, or the database, if the statement names one.
    pub schema: Option<Ident>,
    /// The table's name, without its quotes.
    pub name: String,
    /// The name as it is written, with its schema.
    pub object: String,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Right {
    /// Makes a table or a sequence.
    Create,
    /// Makes a view.
    CreateView,
    /// Changes a table.
    Alter,
    /// Removes a table or a view.
    Drop,
    /// Empties a table.
    Truncate,
    /// Makes or removes an index of a table.
    Index,
    /// Adds rows.
    Insert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
}

impl Need {
    /// What a statement needs. `None`: nothing, or nothing that its first words tell.
    pub(crate) fn of(statement: &Statement<'_>) -> Option<Self> {
        if may_hold_some(statement) {
            return None;
        }
        let mut reader = Reader::of(statement);
        let right = right(&mut reader)?;
        for word in ["IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY"] {
            reader.take(word);
        }
        if right == Right::Index {
            while !reader.peek("ON") {
                if reader.done() {
                    return None;
                }
                reader.skip();
            }
            reader.take("ON");
            reader.take("ONLY");
        }
        let name = reader.name()?;
        Some(Self { right, schema: name.schema, name: name.name.text, object: name.text.to_owned() })
    }
}

fn right(reader: &mut Reader<'_>) -> Option<Right> {
    if reader.take("CREATE") {
        if reader.take("OR") {
            reader.take("REPLACE");
        }
        // A temporary table is nobody's but the session's.
        for word in ["UNLOGGED", "UNIQUE", "MATERIALIZED"] {
            reader.take(word);
        }
        if reader.take("INDEX") {
            return Some(Right::Index);
        }
        if reader.take("VIEW") {
            return Some(Right::CreateView);
        }
        return ["TABLE", "SEQUENCE"].iter().any(|word| reader.take(word)).then_some(Right::Create);
    }
    if reader.take("ALTER") {
        return reader.take("TABLE").then_some(Right::Alter);
    }
    if reader.take("DROP") {
        reader.take("MATERIALIZED");
        return ["TABLE", "VIEW"].iter().any(|word| reader.take(word)).then_some(Right::Drop);
    }
    if reader.take("TRUNCATE") {
        reader.take("TABLE");
        return Some(Right::Truncate);
    }
    if reader.take("INSERT") || reader.take("REPLACE") {
        modifiers(reader);
        reader.take("INTO");
        return Some(Right::Insert);
    }
    if reader.take("UPDATE") {
        modifiers(reader);
        return Some(Right::Update);
    }
    if !reader.take("DELETE") {
        return None;
    }
    modifiers(reader);
    reader.take("FROM").then_some(Right::Delete)
}

/// Words of MySQL's, and what SQLite does about conflicts.
fn modifiers(reader: &mut Reader<'_>) {
    for word in ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE"] {
        reader.take(word);
    }
    if reader.take("OR") {
        reader.skip();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Lexing, Script};

    #[test]
    fn a_statement_tells_what_it_needs_and_on_what() {
        for (sql, right, object) in [
            ("create table if not exists app.\"Users\" (id int)", Right::Create, "app.\"Users\""),
            ("CREATE OR REPLACE VIEW v AS SELECT 1", Right::CreateView, "v"),
            ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY t (a)", Right::Index, "t"),
            ("CREATE INDEX ON t (a)", Right::Index, "t"),
            ("ALTER TABLE IF EXISTS ONLY t ADD a int", Right::Alter, "t"),
            ("DROP TABLE IF EXISTS t", Right::Drop, "t"),
            ("TRUNCATE t", Right::Truncate, "t"),
            ("INSERT INTO t VALUES (1)", Right::Insert, "t"),
            ("INSERT OR IGNORE INTO t VALUES (1)", Right::Insert, "t"),
            ("INSERT LOW_PRIORITY INTO t VALUES (1)", Right::Insert, "t"),
            ("UPDATE IGNORE t SET a = 1", Right::Update, "t"),
            ("UPDATE ONLY s.t SET a = 1", Right::Update, "s.t"),
            ("DELETE FROM t", Right::Delete, "t"),
        ] {
            let script = Script::parse(sql, &Lexing::POSTGRES).expect("a script");
            let need = Need::of(&script.statements()[0]).expect(sql);
            assert_eq!((need.right, need.object.as_str()), (right, object), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "CREATE TEMPORARY TABLE t (id int)",
            "CREATE EXTENSION x",
            "SET a = 1",
            "CREATE INDEX",
        ] {
            let script = Script::parse(sql, &Lexing::POSTGRES).expect("a script");
            assert_eq!(Need::of(&script.statements()[0]), None, "{sql}");
        }
    }
}
