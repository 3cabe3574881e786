//! The table that a `DROP TABLE` names, or that a `DELETE` empties, read from the statement.

use std::collections::HashSet;

use crate::script::{Statement, Token, TokenKind, Words};

/// A table as a `DROP TABLE` names it, without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DroppedTable {
    /// The schema, if the statement names one.
    pub schema: Option<String>,
    /// The table.
    pub name: String,
}

impl DroppedTable {
    /// Reads `DROP TABLE [IF EXISTS] [schema.]table`; `None` for every other statement.
    pub(crate) fn of(statement: &Statement<'_>) -> Option<Self> {
        let mut words = statement.words();
        if !(words.next()?.is_keyword("DROP") && words.next()?.is_keyword("TABLE")) {
            return None;
        }
        let ahead = words.clone();
        // A table may be called `if`.
        if words.next()?.is_keyword("IF") && words.next().is_some_and(|next| next.is_keyword("EXISTS")) {
            return Self::named(&mut words);
        }
        words = ahead;
        Self::named(&mut words)
    }

    /// Reads a `DELETE FROM [schema.]table` that deletes every row; `None` for every other statement.
    pub(crate) fn emptied_by(statement: &Statement<'_>) -> Option<Self> {
        let mut words = statement.words();
        if !(words.next()?.is_keyword("DELETE") && words.next()?.is_keyword("FROM")) {
            return None;
        }
        let table = Self::named(&mut words)?;
        let mut rest = words.filter(|word| !word.is_symbol(";"));
        let every = match (rest.next(), rest.next(), rest.next()) {
            (None, ..) => true,
            (Some(first), Some(condition), None) => {
                first.is_keyword("WHERE") && (condition.text == "1" || condition.is_keyword("TRUE"))
            }
            _ => false,
        };
        every.then_some(table)
    }

    /// The names, in lower case, of the tables that a script both empties and fills, drops or renames: it makes them anew.
    pub(crate) fn rebuilt<'s>(statements: impl Iterator<Item = Statement<'s>>) -> Vec<String> {
        let (mut emptied, mut made) = (Vec::new(), HashSet::new());
        for statement in statements {
            if let Some(table) = Self::emptied_by(&statement) {
                emptied.push(table.name.to_lowercase());
            }
            made.extend(Self::made_by(&statement).into_iter().map(|it| it.name.to_lowercase()));
        }
        emptied.retain(|name| made.contains(name));
        emptied
    }

    /// The table that a statement drops, renames or puts rows into.
    fn made_by(statement: &Statement<'_>) -> Option<Self> {
        let mut words = statement.words();
        let first = words.next()?;
        if first.is_keyword("DROP") {
            return Self::of(statement);
        }
        if first.is_keyword("ALTER") {
            return words.next().filter(|it| it.is_keyword("TABLE")).and_then(|_| Self::named(&mut words));
        }
        if first.is_keyword("INSERT") || first.is_keyword("REPLACE") {
            words.by_ref().take(3).find(|it| it.is_keyword("INTO"))?;
            return Self::named(&mut words);
        }
        None
    }

    /// Reads `[schema.]table`, and nothing behind it.
    fn named(words: &mut Words<'_, '_>) -> Option<Self> {
        let first = words.next()?;
        let mut ahead = words.clone();
        if !ahead.next().is_some_and(|token| token.is_symbol(".")) {
            return Some(Self { schema: None, name: unquoted(&first) });
        }
        let name = ahead.next()?;
        *words = ahead;
        Some(Self { schema: Some(unquoted(&first)), name: unquoted(&name) })
    }

    /// The same table in a schema.
    pub(crate) fn within(self, schema: String) -> Self {
        Self { schema: Some(schema), ..self }
    }
}

/// A name without its quotes. SQLite takes a string for a name where it expects one.
fn unquoted(token: &Token<'_>) -> String {
    let text = token.text;
    if !matches!(token.kind, TokenKind::QuotedIdentifier | TokenKind::String) {
        return text.to_owned();
    }
    let inside = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(inside) = text.strip_prefix('[') {
        return inside.strip_suffix(']').unwrap_or(inside).to_owned();
    }
    ['"', '\'', '`']
        .into_iter()
        .find_map(|quote| Some(inside(quote)?.replace(&format!("{quote}{quote}"), &quote.to_string())))
        .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Lexing, Script};

    fn read(sql: &str) -> Option<(Option<String>, String)> {
        let script = Script::parse(sql, &Lexing::SQLITE).expect("a script");
        DroppedTable::of(&script.statements()[0]).map(|it| (it.schema, it.name))
    }

    #[test]
    fn the_dropped_table_is_read_in_every_spelling() {
        let bare = |name: &str| Some((None, name.to_owned()));
        let named = |schema: &str, name: &str| Some((Some(schema.to_owned()), name.to_owned()));
        for (sql, told) in [
            ("drop table t", bare("t")),
            ("DROP /* x */ TABLE IF -- y\nEXISTS T", bare("T")),
            ("drop table if", bare("if")),
            ("drop table if exists if.exists", named("if", "exists")),
            ("drop table main.t", named("main", "t")),
            ("drop table \"ma\"\"in\" . [a b]", named("ma\"in", "a b")),
            ("drop table `a``b`", bare("a`b")),
            ("drop table 'it''s'", bare("it's")),
            ("drop view t", None),
            ("delete from t", None),
        ] {
            assert_eq!(read(sql), told, "{sql}");
        }
    }

    #[test]
    fn a_table_that_is_emptied_and_made_anew_is_known() {
        let script = |sql: &str| {
            let script = Script::parse(sql, &Lexing::SQLITE).expect("a script");
            DroppedTable::rebuilt(script.statements().iter().cloned())
        };
        for (sql, rebuilt) in [
            ("delete from t; insert into t select * from b", true),
            ("DELETE FROM main.\"T\" WHERE 1; INSERT OR IGNORE INTO t VALUES (1)", true),
            ("INSERT INTO b SELECT * FROM t; DELETE FROM [t] WHERE true; DROP TABLE t", true),
            ("DELETE FROM t; ALTER TABLE t RENAME TO old", true),
            ("DELETE FROM t; REPLACE INTO main . t VALUES (1)", true),
            ("DELETE FROM t", false),
            ("DELETE FROM t WHERE a = 1; INSERT INTO t VALUES (1)", false),
            ("DELETE FROM t WHERE 1 = 2; INSERT INTO t VALUES (1)", false),
            ("DELETE FROM t; INSERT INTO u SELECT * FROM t; DROP TABLE IF EXISTS u", false),
        ] {
            assert_eq!(script(sql) == ["t"], rebuilt, "{sql}");
        }
    }
}
