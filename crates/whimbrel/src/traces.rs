//! What scripts would leave behind, read from their words: the tables that they make, and the databases that they name.
//! Guesses are allowed, since a database is only asked about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::migration::{Migration, MigrationSet};
use crate::script::{Lexing, Script, Statement, Token, TokenKind};

/// How many names are asked for.
const MOST: usize = 2_000;

/// How many words are taken for names of databases. The server is asked which of them there are.
const MOST_PLACES: usize = 20_000;

/// The names, in lower case and without their schemas, of the tables and views that the sets' versioned scripts make.
pub(crate) fn made_tables(sets: &[Arc<MigrationSet>], lexing: &Lexing) -> Vec<String> {
    let versioned = sets.iter().flat_map(|set| set.versioned());
    gather(versioned, lexing, MOST, |statement, found| {
        found.extend(made_table(statement));
        found.extend(renamed_table(statement));
    })
}

/// The words, without quotes, that stand where a database may be named: before a point, and behind `USE`; also in a text that a
/// statement may run.
pub(crate) fn named_places(sets: &[Arc<MigrationSet>], lexing: &Lexing) -> Vec<String> {
    let all = sets.iter().flat_map(|set| set.versioned().iter().chain(set.repeatables()));
    gather(all, lexing, MOST_PLACES, |statement, found| {
        // A text that changes data is none that is run.
        let plain = ["INSERT", "REPLACE", "UPDATE", "DELETE"];
        let runs = !statement.words().next().is_none_or(|first| plain.iter().any(|it| first.is_keyword(it)));
        // Of a large script nearly all statements name none, which one look tells.
        if !runs && !statement.text().contains('.') {
            return;
        }
        let mut before: Option<Token<'_>> = None;
        let mut uses = false;
        for token in statement.words() {
            if token.is_symbol(".") {
                found.extend(before.and_then(|token| unquoted(&token)));
            } else if uses {
                found.extend(unquoted(&token));
            } else if runs && token.kind == TokenKind::String {
                found.extend(places_in(token.text));
            }
            uses = before.is_none() && token.is_keyword("USE");
            before = Some(token);
        }
    })
}

/// What may be names of databases in a text that is run.
fn places_in(text: &str) -> impl Iterator<Item = String> {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '-');
    let named = text.match_indices('.').filter_map(move |(at, _)| {
        let word = text[..at].trim_end_matches([' ', '`', '"']).rsplit(|it| !is_word(it)).next();
        word.filter(|word| !word.is_empty()).map(str::to_owned)
    });
    let mut words = text.split(move |it| !is_word(it)).filter(|word| !word.is_empty());
    let used = words.next().filter(|word| word.eq_ignore_ascii_case("USE")).and_then(|_| words.next());
    named.chain(used.map(str::to_owned))
}

fn gather<'m>(
    migrations: impl Iterator<Item = &'m Migration>,
    lexing: &Lexing,
    most: usize,
    mut look: impl FnMut(&Statement<'_>, &mut BTreeSet<String>),
) -> Vec<String> {
    let mut found = BTreeSet::new();
    for migration in migrations {
        for statement in Script::stream(migration.up().text(), lexing) {
            look(&statement, &mut found);
            if found.len() >= most {
                return found.into_iter().take(most).collect();
            }
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

/// The last name that `ALTER TABLE … RENAME [TO] name` or `RENAME TABLE … TO name` gives a table.
fn renamed_table(statement: &Statement<'_>) -> Option<String> {
    let mut words = statement.words();
    let first = words.next().filter(|it| it.is_keyword("RENAME") || it.is_keyword("ALTER"))?;
    let words: Vec<Token<'_>> = words.take(256).collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|it| it.is_keyword(word));
    let at = if first.is_keyword("RENAME") {
        (0..words.len()).rev().find(|at| is(*at, "TO"))? + 1
    } else {
        let at = (0..words.len()).rev().find(|at| is(*at, "RENAME"))? + 1;
        // Of a column, an index, a constraint.
        match () {
            () if is(at, "TO") || is(at, "AS") => at + 1,
            () if is(at + 1, "TO") || is(at + 2, "TO") => return None,
            () => at,
        }
    };
    let mut name = unquoted(words.get(at)?)?;
    if words.get(at + 1).is_some_and(|word| word.is_symbol(".")) {
        name = unquoted(words.get(at + 2)?)?;
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

    #[test]
    fn databases_are_found_in_texts_that_are_run_and_in_repeatables() {
        let set = crate::source::Memory::new()
            .with_sql(
                1,
                "x",
                "EXECUTE IMMEDIATE 'CREATE TABLE one.t (n INT)'; SET @s = 'DROP TABLE `two` . t'",
            )
            .with_sql(2, "y", "PREPARE s FROM 'use three'; INSERT INTO t VALUES ('not.this')")
            .with_repeatable("v", "CREATE OR REPLACE VIEW four.v AS SELECT 1");
        let set =
            Arc::new(crate::blocking::block_on(crate::source::Source::load(&set, "mysql")).expect("a set"));
        assert_eq!(named_places(&[set], &Lexing::MYSQL), ["four", "one", "three", "two"]);
    }

    #[test]
    fn tables_are_found_under_the_names_that_they_were_given_later() {
        let text = "ALTER TABLE a RENAME TO `B`; ALTER TABLE a RENAME AS c; ALTER TABLE a RENAME e; RENAME TABLE a TO x, b TO y.d;
            ALTER TABLE a RENAME COLUMN b TO c, ADD d INT; ALTER TABLE a RENAME b TO c; ALTER TABLE a ADD b INT; ALTER VIEW v AS SELECT 1";
        assert_eq!(each(text, renamed_table), ["b", "c", "e", "d"]);
    }
}
