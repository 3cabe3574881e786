//! What a script has left in a session that is gone, and whether the statements behind it need it. Reads words; runs
//! nothing.
//!
//! A statement that is not understood counts as one that leaves everything, or needs it.

use std::collections::HashSet;

use whimbrel::SessionLeft;
use whimbrel::script::{Statement, Token, TokenKind};

use crate::dialect::identifier;

/// What the statements `done` have left, as far as `rest` needs it.
///
/// The last of them that changed nothing but the session are run again: what they have computed they compute again, on
/// the same data.
pub(crate) fn session_left<'t>(
    done: &[Statement<'t>],
    rest: &mut dyn Iterator<Item = Statement<'t>>,
) -> SessionLeft {
    let trailing = done.iter().rev().take_while(|statement| is_session_only(statement)).count();
    let (before, again) = done.split_at(done.len() - trailing);
    let mut left = Left::default();
    for (number, statement) in before.iter().enumerate() {
        left.add(number, statement);
    }
    match left.needed_by(again.iter().cloned().chain(rest)) {
        Err(number) => SessionLeft::Needed(number.min(done.len().saturating_sub(1))),
        Ok(stubs) => SessionLeft::Replayed {
            before: stubs.iter().map(|name| format!("PREPARE {} FROM 'DO 0'", identifier(name))).collect(),
            statements: left.replayed.into_iter().chain(before.len()..done.len()).collect(),
        },
    }
}

/// A statement's tokens.
struct Reader<'t> {
    words: Vec<Token<'t>>,
}

impl<'t> Reader<'t> {
    fn of(statement: &Statement<'t>) -> Self {
        Self { words: statement.words().collect() }
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.words.get(at).is_some_and(|token| token.is_keyword(word))
    }

    fn begins(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(at, word)| self.is(at, word))
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|token| token.is_keyword(word))
    }

    /// The user's variables, in lower case, and whether each is assigned to by a `SET`.
    fn variables(&self) -> impl Iterator<Item = (String, bool)> {
        self.words.windows(2).enumerate().filter(|(_, pair)| pair[0].is_symbol("@")).map(|(at, pair)| {
            let next = self.words.get(at + 2);
            let assigned = next.is_some_and(|it| it.is_symbol("=") || it.is_symbol(":="));
            (name(&pair[1]), assigned && self.is(0, "SET"))
        })
    }

    /// Whether a query gives the user's variable a value before anything reads it: `SELECT 1 INTO @a`, at its end.
    fn gives(&self, variable: &str) -> bool {
        let into = self.words.iter().position(|token| token.is_keyword("INTO"));
        self.is(0, "SELECT")
            && into.is_some_and(|into| {
                let is = |pair: &[Token<'_>]| pair[0].is_symbol("@") && name(&pair[1]) == variable;
                self.words[into..].windows(2).any(is) && !self.words[..into].windows(2).any(is)
            })
    }

    /// A `SET` that, run once more in a new session, gives its variables what they had: it computes nothing, and reads the
    /// session alone.
    fn is_plain_set(&self) -> bool {
        self.is(0, "SET")
            && !self.begins(&["SET", "DEFAULT", "ROLE"])
            && !LASTING.iter().any(|word| self.has(word))
            && !self.words.iter().any(|token| token.is_symbol("("))
    }
}

/// A name without its quotes, in lower case.
fn name(token: &Token<'_>) -> String {
    token.text.trim_matches(['`', '"', '\'']).to_lowercase()
}

/// Words of a `SET` that changes more than its session.
const LASTING: &[&str] = &["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD", "STATEMENT", "NEXT"];

/// The functions that do nothing but compute, of those that such statements call.
const FUNCTIONS: &[&str] = &[
    "ABS",
    "ALL",
    "AND",
    "ANY",
    "AS",
    "AVG",
    "BY",
    "CASE",
    "CAST",
    "CEIL",
    "CEILING",
    "CHAR_LENGTH",
    "COALESCE",
    "CONCAT",
    "CONCAT_WS",
    "CONVERT",
    "COUNT",
    "CURDATE",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "DATABASE",
    "DATE",
    "DATE_ADD",
    "DATE_FORMAT",
    "DATE_SUB",
    "DISTINCT",
    "ELSE",
    "EXISTS",
    "FIND_IN_SET",
    "FLOOR",
    "FROM",
    "FROM_UNIXTIME",
    "GET_LOCK",
    "GREATEST",
    "GROUP_CONCAT",
    "HAVING",
    "HEX",
    "IF",
    "IFNULL",
    "IN",
    "INSTR",
    "INTERVAL",
    "IS_FREE_LOCK",
    "JOIN",
    "LEAST",
    "LEFT",
    "LENGTH",
    "LIKE",
    "LOCATE",
    "LOWER",
    "LPAD",
    "LTRIM",
    "MAX",
    "MIN",
    "MOD",
    "NOT",
    "NOW",
    "NULLIF",
    "ON",
    "OR",
    "QUOTE",
    "RAND",
    "RELEASE_LOCK",
    "REPLACE",
    "RIGHT",
    "ROUND",
    "RPAD",
    "RTRIM",
    "SCHEMA",
    "SELECT",
    "SHA2",
    "STR_TO_DATE",
    "SUBSTR",
    "SUBSTRING",
    "SUBSTRING_INDEX",
    "SUM",
    "THEN",
    "TRIM",
    "UCASE",
    "UNHEX",
    "UNION",
    "UNIX_TIMESTAMP",
    "UPPER",
    "USER",
    "USING",
    "UTC_TIMESTAMP",
    "UUID",
    "VALUES",
    "VERSION",
    "WHEN",
    "WHERE",
];

/// Whether all that a statement leaves is the session's, so that running it in another one begins from nothing.
fn is_session_only(statement: &Statement<'_>) -> bool {
    statement.readings().all(|words| {
        let reader = Reader { words: words.collect() };
        // A function of the database's own may change anything. In a table's definition words before a parenthesis are
        // names and types.
        let defines =
            reader.begins(&["CREATE", "TEMPORARY"]) && !reader.has("SELECT") && !reader.has("DEFAULT");
        let computes = reader.words.windows(2).all(|pair| {
            !pair[1].is_symbol("(")
                || pair[0].kind == TokenKind::Symbol
                || FUNCTIONS.iter().any(|function| pair[0].is_keyword(function))
        });
        if !computes && !defines {
            return false;
        }
        let is = |words: &[&str]| reader.begins(words);
        if is(&["SET"]) {
            return !is(&["SET", "DEFAULT", "ROLE"]) && !LASTING.iter().any(|word| reader.has(word));
        }
        if is(&["SELECT"]) {
            return !["OUTFILE", "DUMPFILE", "NEXT"].iter().any(|word| reader.has(word));
        }
        let temporary = is(&["CREATE", "TEMPORARY"]) && !reader.has("NEXT") || is(&["DROP", "TEMPORARY"]);
        reader.words.is_empty()
            || temporary
            || is(&["USE"])
            || is(&["PREPARE"])
            || is(&["DEALLOCATE"])
            || is(&["DROP", "PREPARE"])
            || is(&["SHOW"])
    })
}

/// What a script has left in its session.
#[derive(Debug, Default)]
struct Left {
    /// The statements that are run again.
    replayed: Vec<usize>,
    /// The user's variables that are what they were once those were run again.
    kept: HashSet<String>,
    /// Those that are not, with the statement that has touched each.
    lost: Vec<(String, usize)>,
    /// Prepared statements and temporary tables.
    prepared: Vec<(String, usize)>,
    tables: Vec<(String, usize)>,
    /// Something that whatever follows needs.
    always: Option<usize>,
    handler: Option<usize>,
    locks: Option<usize>,
    /// The last statement that ran what is not to be read here, and whether there is a text that would leave something.
    dynamic: Option<usize>,
    suspect: bool,
}

impl Left {
    fn add(&mut self, number: usize, statement: &Statement<'_>) {
        let reader = Reader::of(statement);
        let varies = statement.readings().nth(1).is_some();
        if reader.words.first().is_some_and(|first| first.is_keyword("USE")) && !varies {
            self.replayed.push(number);
            return;
        }
        if reader.is(0, "SET") {
            self.suspect |= reader.words.iter().any(is_suspect);
            self.set(number, &reader, varies);
            return;
        }
        for (variable, _) in reader.variables() {
            self.kept.remove(&variable);
            // `'a'@'b'` is a user, and no variable in what makes or alters things.
            if !is_definition(&reader) {
                self.lost.push((variable, number));
            }
        }
        if reader.is(0, "PREPARE") {
            self.prepared.extend(reader.words.get(1).map(|token| (name(token), number)));
        } else if reader.begins(&["DEALLOCATE", "PREPARE"]) || reader.begins(&["DROP", "PREPARE"]) {
            let gone = reader.words.get(2).map(name);
            self.prepared.retain(|(name, _)| Some(name) != gone.as_ref());
        } else if reader.has("TEMPORARY") && (reader.is(0, "CREATE") || reader.is(0, "DROP")) {
            self.temporary(number, &reader);
        } else if reader.is(0, "HANDLER") {
            self.handler = Some(number);
        } else if reader.is(0, "EXECUTE") || reader.is(0, "CALL") || is_compound(&reader) {
            self.dynamic = Some(number);
        }
        if reader.has("GET_LOCK") {
            self.locks = Some(number);
        }
        if reader.has("RELEASE_LOCK") || reader.has("RELEASE_ALL_LOCKS") {
            self.locks = None;
        }
        self.suspect |= reader.words.iter().any(is_suspect);
        if self.suspect && self.dynamic.is_some() {
            self.always = self.dynamic;
        }
        if varies && reader.is(0, "EXECUTE") {
            self.always = Some(number);
        }
    }

    fn set(&mut self, number: usize, reader: &Reader<'_>, varies: bool) {
        let variables: Vec<(String, bool)> = reader.variables().collect();
        let reads_lost = variables
            .iter()
            .any(|(variable, assigned)| !assigned && self.lost.iter().any(|(lost, _)| lost == variable));
        if reader.is_plain_set() && !varies && !reads_lost {
            self.replayed.push(number);
            for (variable, assigned) in variables {
                if assigned {
                    self.lost.retain(|(lost, _)| *lost != variable);
                    self.kept.insert(variable);
                }
            }
            return;
        }
        // Its target is a variable of the user only, or a setting of the session that has another value now.
        let only_users = reader.words.iter().enumerate().all(|(at, token)| {
            let assigns = token.is_symbol("=") || token.is_symbol(":=");
            let nested = reader.words[..at].iter().any(|token| token.is_symbol("("));
            !assigns || nested || at.checked_sub(2).is_some_and(|at| reader.words[at].is_symbol("@"))
        });
        let wider = reader.begins(&["SET", "DEFAULT", "ROLE"])
            || ["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD", "STATEMENT"]
                .iter()
                .any(|word| reader.has(word));
        if !only_users && (!wider || reader.words.iter().any(|token| token.is_symbol(","))) {
            self.always = Some(number);
        }
        for (variable, assigned) in variables {
            if assigned {
                self.kept.remove(&variable);
                self.lost.push((variable, number));
            }
        }
    }

    fn temporary(&mut self, number: usize, reader: &Reader<'_>) {
        const HEAD: [&str; 7] = ["CREATE", "DROP", "OR", "REPLACE", "TEMPORARY", "TABLE", "IF"];
        let head = |token: &&Token<'_>| {
            HEAD.iter().chain(&["NOT", "EXISTS", "SEQUENCE"]).any(|word| token.is_keyword(word))
        };
        let mut names = reader.words.iter().skip_while(head);
        if reader.is(0, "CREATE") {
            let (first, point, second) = (names.next(), names.next(), names.next());
            let named = if point.is_some_and(|it| it.is_symbol(".")) { second } else { first };
            self.tables.extend(named.map(|token| (name(token), number)));
        } else {
            let gone: HashSet<String> = names.map(name).collect();
            self.tables.retain(|(table, _)| !gone.contains(table));
        }
    }

    /// The names of prepared statements that the rest gives up and does not execute; or the statement that has left what
    /// the rest needs.
    fn needed_by<'t>(&self, rest: impl Iterator<Item = Statement<'t>>) -> Result<Vec<String>, usize> {
        if let Some(always) = self.always.or(self.locks) {
            return Err(always);
        }
        let mut rest_has = Rest::default();
        for statement in rest {
            let reader = Reader::of(&statement);
            let names =
                reader.words.iter().filter(|it| !matches!(it.kind, TokenKind::Symbol | TokenKind::Number));
            for text in names.map(name) {
                if let Some((_, number)) = self.tables.iter().find(|(table, _)| *table == text) {
                    return Err(*number);
                }
            }
            let tells = ["LAST_INSERT_ID", "ROW_COUNT", "FOUND_ROWS", "LASTVAL"];
            if !rest_has.inserted && tells.iter().any(|word| reader.has(word)) {
                return Err(usize::MAX);
            }
            rest_has.inserted |= reader.is(0, "INSERT") || reader.is(0, "REPLACE");
            if let Some(handler) = self.handler.filter(|_| reader.is(0, "HANDLER")) {
                return Err(handler);
            }
            self.needs_prepared(&reader, &mut rest_has)?;
            self.needs_variables(&reader, &mut rest_has)?;
        }
        Ok(rest_has.stubs)
    }

    fn needs_prepared(&self, reader: &Reader<'_>, rest: &mut Rest) -> Result<(), usize> {
        if reader.is(0, "PREPARE") {
            rest.prepared.extend(reader.words.get(1).map(name));
            return Ok(());
        }
        let executes = reader.is(0, "EXECUTE") && !reader.is(1, "IMMEDIATE");
        let gives_up = reader.is(1, "PREPARE") && (reader.is(0, "DEALLOCATE") || reader.is(0, "DROP"));
        let Some(used) =
            reader.words.get(if executes { 1 } else { 2 }).filter(|_| executes || gives_up).map(name)
        else {
            return Ok(());
        };
        let known = self.prepared.iter().find(|(prepared, _)| *prepared == used);
        if rest.prepared.contains(&used) {
            if gives_up {
                rest.prepared.remove(&used);
            }
        } else if gives_up && known.is_some() && !rest.stubs.contains(&used) {
            rest.stubs.push(used);
        } else {
            return Err(known.map_or(usize::MAX, |(_, number)| *number));
        }
        Ok(())
    }

    fn needs_variables(&self, reader: &Reader<'_>, rest: &mut Rest) -> Result<(), usize> {
        if is_definition(reader) {
            return Ok(());
        }
        let last = || self.lost.last().map_or(usize::MAX, |(_, number)| *number);
        for (variable, is_assigned) in reader.variables() {
            let here = is_assigned || rest.assigned.contains(&variable) || self.kept.contains(&variable);
            // `SELECT … INTO @a` gives it a value, too.
            if !here && !reader.gives(&variable) {
                let known = self.lost.iter().find(|(lost, _)| *lost == variable);
                return Err(known.map_or_else(last, |(_, number)| *number));
            }
        }
        let given = reader.variables().filter(|(variable, is)| *is || reader.gives(variable));
        rest.assigned.extend(given.map(|(variable, _)| variable));
        Ok(())
    }
}

/// What the statements so far of the rest have made by themselves.
#[derive(Debug, Default)]
struct Rest {
    assigned: HashSet<String>,
    prepared: HashSet<String>,
    stubs: Vec<String>,
    inserted: bool,
}

/// Whether `@` stands between a user and a host, or in a body that runs later.
fn is_definition(reader: &Reader<'_>) -> bool {
    let begins = |words: &[&str]| words.iter().any(|word| reader.is(0, word));
    let later = ["VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "USER", "ROLE"];
    begins(&["GRANT", "REVOKE", "RENAME", "DROP"])
        || begins(&["CREATE", "ALTER"])
            && (!reader.has("SELECT") || later.iter().any(|word| reader.has(word)))
}

fn is_compound(reader: &Reader<'_>) -> bool {
    ["BEGIN", "IF", "CASE", "LOOP", "REPEAT", "WHILE", "FOR"].iter().any(|word| reader.is(0, word))
        || reader.words.get(1).is_some_and(|token| token.is_symbol(":"))
}

/// Whether a text may be dynamic SQL that leaves something in the session.
fn is_suspect(token: &Token<'_>) -> bool {
    let text = token.text.to_lowercase();
    token.kind == TokenKind::String
        && (["temporary", "get_lock", "prepare "].iter().any(|word| text.contains(word))
            || ["set ", "use "]
                .iter()
                .any(|word| text.trim_start_matches(['\'', '"', ' ']).starts_with(word)))
}

#[cfg(test)]
mod tests {
    use whimbrel::script::{Lexing, Script};

    use super::*;

    /// What is left behind the `done` first statements.
    fn left(done: usize, sql: &str) -> String {
        let script =
            Script::parse(sql, &Lexing::MARIADB).unwrap_or_else(|problems| panic!("{sql}: {problems:?}"));
        let (done, rest) = script.statements().split_at(done);
        match session_left(done, &mut rest.iter().cloned()) {
            SessionLeft::Replayed { before, statements } if before.is_empty() => {
                format!("replayed {statements:?}")
            }
            SessionLeft::Replayed { before, statements } => format!("{} {statements:?}", before.join("; ")),
            SessionLeft::Needed(number) => format!("needs {number}"),
            _ => "new".to_owned(),
        }
    }

    #[test]
    fn what_only_the_session_has_seen_is_run_again() {
        for sql in [
            "SET @s = (SELECT IF(count(*) > 0, 'SELECT 1', 'ALTER TABLE t ADD c INT') FROM information_schema.columns); \
             PREPARE st FROM @s; EXECUTE st; DEALLOCATE PREPARE st",
            "SELECT max(n) INTO @most FROM t; SET @b = @most + 1; ALTER TABLE t ADD b INT; UPDATE t SET b = @b",
            "USE a; SET NAMES utf8mb4; CREATE TABLE t (a INT)",
        ] {
            assert_eq!(left(2, sql), "replayed [0, 1]", "{sql}");
        }
        for sql in [
            "SET @a = write_something(1); DO 0; CREATE TABLE t (a INT)",
            "SELECT * INTO OUTFILE 'x' FROM t; DO 0; CREATE TABLE t (a INT)",
            "SET GLOBAL max_connections = 7; DO 0; CREATE TABLE t (a INT)",
            "SET @a = NEXTVAL(s); DO 0; CREATE TABLE t (a INT)",
        ] {
            assert_ne!(left(1, sql), "replayed [0]", "{sql}");
        }
    }

    #[test]
    fn what_the_rest_does_not_need_is_not_missed() {
        for (done, sql, expected) in [
            (
                4,
                "SET @s = 'ALTER TABLE t ADD c INT'; PREPARE st FROM @s; EXECUTE st; DEALLOCATE PREPARE st; DROP TABLE u",
                "PREPARE `st` FROM 'DO 0' [0, 3]",
            ),
            (
                3,
                "SET @s = (SELECT 'DROP TABLE t'); PREPARE st FROM @s; EXECUTE st; DEALLOCATE PREPARE st; DROP TABLE u",
                "PREPARE `st` FROM 'DO 0' []",
            ),
            (
                2,
                "DROP TABLE t; CREATE TEMPORARY TABLE aside (n INT); INSERT INTO aside VALUES (1)",
                "replayed [1]",
            ),
            (
                2,
                "CREATE TEMPORARY TABLE aside (n INT); ALTER TABLE t ADD a INT; ALTER TABLE t ADD b INT",
                "replayed []",
            ),
            (
                3,
                "CREATE TEMPORARY TABLE a (n INT); DROP TEMPORARY TABLE a; DROP TABLE t; CREATE TABLE a (n INT)",
                "replayed []",
            ),
            (
                2,
                "SET @old = @@foreign_key_checks, foreign_key_checks = 0; DROP TABLE t; SET foreign_key_checks = @old",
                "replayed [0]",
            ),
            (2, "SET sql_mode = ''; DROP TABLE t; DROP TABLE u", "replayed [0]"),
            (2, "SELECT n INTO @a FROM t; DROP TABLE t; SET @a = 1; UPDATE u SET n = @a", "replayed []"),
            (2, "SET SESSION TRANSACTION READ ONLY; DROP TABLE t; DROP TABLE u", "replayed [0]"),
            (2, "SET ROLE admin; DROP TABLE t; DROP TABLE u", "replayed [0]"),
            (2, "SET @@global.max_connections = 7; DROP TABLE t; DROP TABLE u", "replayed []"),
            (2, "DROP TABLE t; SELECT GET_LOCK('x', 1); DROP TABLE u", "replayed [1]"),
            (1, "DROP TABLE t; SELECT 1 INTO @a; UPDATE u SET n = @a", "replayed []"),
            (
                1,
                "DROP TABLE t; INSERT INTO u VALUES (1); INSERT INTO v VALUES (LAST_INSERT_ID())",
                "replayed []",
            ),
            (1, "DROP TABLE t; GRANT SELECT ON u TO 'a'@'b'; CREATE VIEW v AS SELECT 1", "replayed []"),
        ] {
            assert_eq!(left(done, sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_the_rest_needs_is_known() {
        for (done, sql, expected) in [
            (
                2,
                "SET @most = (SELECT max(n) FROM u); ALTER TABLE t ADD a INT; UPDATE c SET n = @most",
                "needs 0",
            ),
            (3, "SET @s = 'x'; PREPARE st FROM @s; DROP TABLE t; EXECUTE st", "needs 1"),
            (
                2,
                "CREATE TEMPORARY TABLE `Aside` (n INT); DROP TABLE t; INSERT INTO u SELECT n FROM aside",
                "needs 0",
            ),
            (2, "SET sql_mode = concat(@@sql_mode, ',ANSI'); DROP TABLE t; DROP TABLE u", "needs 0"),
            (2, "SELECT GET_LOCK('x', 1); DROP TABLE t; DROP TABLE u", "needs 0"),
            (2, "HANDLER t OPEN; DROP TABLE u; HANDLER t READ FIRST", "needs 0"),
            (2, "DROP TABLE t; INSERT INTO u VALUES (1); INSERT INTO v VALUES (LAST_INSERT_ID())", "needs 1"),
            (2, "PREPARE st FROM 'CREATE TEMPORARY TABLE a (n INT)'; EXECUTE st; DROP TABLE t", "needs 1"),
            (2, "EXECUTE IMMEDIATE 'SET foreign_key_checks = 0'; DROP TABLE t; DROP TABLE u", "needs 0"),
            (2, "SELECT n INTO @a FROM t; DROP TABLE t; SET @b = @a", "needs 0"),
        ] {
            assert_eq!(left(done, sql), expected, "{sql}");
        }
    }
}
