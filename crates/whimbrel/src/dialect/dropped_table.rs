//! The table that a `DROP TABLE` names, read from the statement.

use crate::script::{Statement, Token, TokenKind};

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
        let mut first = words.next()?;
        // A table may be called `if`.
        if first.is_keyword("IF") && words.clone().next().is_some_and(|next| next.is_keyword("EXISTS")) {
            first = words.nth(1)?;
        }
        let dot = words.next().is_some_and(|token| token.is_symbol("."));
        let second = if dot { Some(words.next()?) } else { None };
        Some(match second {
            Some(name) => Self { schema: Some(unquoted(&first)), name: unquoted(&name) },
            None => Self { schema: None, name: unquoted(&first) },
        })
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
}
