//! What scripts would leave behind, read from their words: the tables that they make, and the databases that they name.
//! Guesses are allowed, since a database is only asked about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::migration::MigrationSet;
use crate::script::{Lexing, Script, Statement, Token, TokenKind};

/// How many names are asked for.
const MOST: usize = 2_000;

/// How many databases are looked into, beside the connection's own.
const MOST_PLACES: usize = 50;

/// The names, in lower case and without their schemas, of the tables and views that the sets' versioned scripts make.
pub(crate) fn made_tables(sets: &[Arc<MigrationSet>], lexing: &Lexing) -> Vec<String> {
    gather(sets, lexing, MOST, |statement, found| found.extend(made_table(statement)))
}

/// The words, without quotes, that stand where a database may be named: before a point, and behind `USE`.
pub(crate) fn named_places(sets: &[Arc<MigrationSet>], lexing: &Lexing) -> Vec<String> {
    gather(sets, lexing, MOST_PLACES, |statement, found| {
        let mut before: Option<Token<'_>> = None;
        let mut uses = false;
        for token in statement.words() {
            if token.is_symbol(".") {
                found.extend(before.and_then(|token| unquoted(&token)));
            } else if uses {
                found.extend(unquoted(&token));
            }
            uses = before.is_none() && token.is_keyword("USE");
            before = Some(token);
        }
    })
}

fn gather(
    sets: &[Arc<MigrationSet>],
    lexing: &Lexing,
    most: usize,
    mut look: impl FnMut(&Statement<'_>, &mut BTreeSet<String>),
) -> Vec<String> {
    let mut found = BTreeSet::new();
    for migration in sets.iter().flat_map(|set| set.versioned()) {
        let Ok(script) = Script::parse(migration.up().text(), lexing) else { continue };
        script.statements().iter().for_each(|statement| look(statement, &mut found));
        if found.len() >= most {
            break;
        }
    }
    found.into_iter().take(most).collect()
}

/// The table or view of `CREATE … TABLE [IF NOT EXISTS] name`, unless it is the session's only.
fn made_table(statement: &Statement<'_>) -> Option<String> {
    let mut words = statement.words().peekable();
    words.next().filter(|word| word.is_keyword("CREATE"))?;
    // `CREATE OR REPLACE`, `DEFINER = …` and the like stand between.
    let kind = words.by_ref().take(16).find(|word| {
        ["TABLE", "VIEW", "TEMP", "TEMPORARY", "INDEX", "TRIGGER", "FUNCTION", "PROCEDURE", "AS"]
            .iter()
            .any(|keyword| word.is_keyword(keyword))
    })?;
    if !kind.is_keyword("TABLE") && !kind.is_keyword("VIEW") {
        return None;
    }
    if words.peek()?.is_keyword("IF") {
        words.by_ref().take(3).for_each(drop);
    }
    let mut name = unquoted(&words.next()?)?;
    while words.next().is_some_and(|word| word.is_symbol(".")) {
        name = unquoted(&words.next()?)?;
    }
    Some(name.to_lowercase())
}

/// An identifier without its quotes.
fn unquoted(token: &Token<'_>) -> Option<String> {
    match token.kind {
        TokenKind::Word => Some(token.text.to_owned()),
        TokenKind::QuotedIdentifier => {
            let quote = token.text.chars().next()?;
            let end = if quote == '[' { ']' } else { quote };
            let inner = token.text.strip_prefix(quote)?.strip_suffix(end)?;
            Some(inner.replace(&format!("{end}{end}"), &end.to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(text: &str, look: impl Fn(&Statement<'_>) -> Option<String>) -> Vec<String> {
        let script = Script::parse(text, &Lexing::MYSQL).expect("a script");
        script.statements().iter().filter_map(look).collect()
    }

    #[test]
    fn tables_are_found_however_they_are_written() {
        let text = "CREATE TABLE a (n INT); create table IF NOT EXISTS `App`.`B``c` (n INT);
            CREATE OR REPLACE ALGORITHM = MERGE DEFINER = `x`@`y` SQL SECURITY INVOKER VIEW v AS SELECT 1;
            CREATE TEMPORARY TABLE t (n INT); CREATE INDEX i ON a (n); INSERT INTO a VALUES (1);
            /*!50001 CREATE TABLE hidden (n INT) */; CREATE FUNCTION f() RETURNS INT RETURN 1";
        assert_eq!(each(text, made_table), ["a", "b`c", "v", "hidden"]);
    }

    #[test]
    fn databases_are_found_before_points_and_behind_use() {
        let set = crate::source::Memory::new().with_sql(
            1,
            "x",
            "USE `my app`; CREATE TABLE ops.t (n INT); SELECT a.n FROM `Other`.u a, 'no'.x; SELECT 1 USE",
        );
        let set =
            Arc::new(crate::blocking::block_on(crate::source::Source::load(&set, "mysql")).expect("a set"));
        assert_eq!(named_places(&[set], &Lexing::MYSQL), ["Other", "a", "my app", "ops"]);
    }
}
