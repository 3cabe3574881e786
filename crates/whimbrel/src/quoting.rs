//! What in a script may change how quotes and backslashes are read, so that a value which is filled in beside it could become
//! SQL. Reads words; what no word shows (a routine, a trigger) is the pin's affair
//! ([`Dialect::pin`](crate::Dialect::pin)).

use std::collections::HashSet;

use crate::script::{Bodies, Lexing, Script, Statement, Token, TokenKind};

/// Why nothing can be filled into a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// A statement changes how texts are read.
    Changes,
    /// A statement runs a text that is put together while the script runs.
    Dynamic,
}

impl Obstacle {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Changes => {
                "changes how texts are read, so nothing can be filled in beside it: put it into a script of its own"
            }
            Self::Dynamic => {
                "runs a text that is put together while the script runs and may change how texts are read, so nothing can be \
                 filled in beside it: give the text as one literal, or put this statement into a script of its own"
            }
        }
    }
}

/// Settings that change how a text is read, whatever stands around them.
const SETTINGS: [&str; 8] = [
    "CHARACTER_SET_CLIENT",
    "CHARACTER_SET_CONNECTION",
    "COLLATION_CONNECTION",
    "SQL_MODE",
    "CLIENT_ENCODING",
    "BACKSLASH_QUOTE",
    "STANDARD_CONFORMING_STRINGS",
    "ESCAPE_STRING_WARNING",
];

/// Looks at the statements of a script in their order.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The names under which a text was prepared that was looked at.
    prepared: HashSet<String>,
}

impl Watch {
    /// What stands in the way of filling something in beside a statement.
    pub(crate) fn obstacle(&mut self, statement: &Statement<'_>, lexing: &Lexing) -> Option<Obstacle> {
        let tokens: Vec<Token<'_>> = statement.words().collect();
        if changes(&tokens) {
            return Some(Obstacle::Changes);
        }
        let programs = matches!(lexing.bodies, Bodies::Compound | Bodies::CompoundAnywhere);
        if programs && self.is_dynamic(&tokens, lexing) {
            return Some(Obstacle::Dynamic);
        }
        None
    }

    /// Whether a text is run that cannot be read here. The words count wherever they stand: in the body of a program, and
    /// behind what is a comment to some servers only.
    fn is_dynamic(&mut self, tokens: &[Token<'_>], lexing: &Lexing) -> bool {
        for (at, token) in tokens.iter().enumerate() {
            let next = |offset: usize| tokens.get(at + offset);
            let before = at.checked_sub(1).and_then(|at| tokens.get(at));
            let dropped = before.is_some_and(|it| it.is_keyword("DEALLOCATE") || it.is_keyword("DROP"));
            if token.is_keyword("PREPARE") && !dropped {
                let (Some(name), Some(from)) = (next(1), next(2)) else { return true };
                if !from.is_keyword("FROM") || !is_closed(next(3), next(4), lexing) {
                    return true;
                }
                self.prepared.insert(bare(name).to_ascii_lowercase());
            }
            if token.is_keyword("EXECUTE") {
                match next(1) {
                    // The privilege.
                    Some(word) if word.is_keyword("ON") || word.is_symbol(",") => {}
                    Some(word) if word.is_keyword("IMMEDIATE") => {
                        if !is_closed(next(2), next(3), lexing) {
                            return true;
                        }
                    }
                    Some(name) if self.prepared.contains(&bare(name).to_ascii_lowercase()) => {}
                    _ => return true,
                }
            }
        }
        false
    }
}

/// Whether a text that is run is one literal, which neither changes how texts are read nor runs another text.
fn is_closed(text: Option<&Token<'_>>, behind: Option<&Token<'_>>, lexing: &Lexing) -> bool {
    let ends = behind.is_none_or(|token| token.is_symbol(";") || token.is_keyword("USING"));
    let Some(text) = text.filter(|text| text.kind == TokenKind::String && ends) else { return false };
    let inside = text.text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let Some(inside) = inside.filter(|inside| !inside.contains('\\')) else { return false };
    let inside = inside.replace("''", "'");
    let Ok(script) = Script::parse(&inside, lexing) else { return false };
    script.statements().iter().all(|statement| Watch::default().obstacle(statement, lexing).is_none())
}

/// Whether quotes and backslashes may mean something else behind a statement.
fn changes(tokens: &[Token<'_>]) -> bool {
    let mut set = false;
    // Where a text may be a program's.
    let program =
        tokens.first().is_some_and(|it| ["DO", "CREATE", "ALTER"].iter().any(|word| it.is_keyword(word)));
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let next = tokens.get(at + 1);
        set |= token.is_keyword("SET") || token.is_keyword("RESET");
        let argument =
            at.checked_sub(2).and_then(|at| tokens.get(at)).is_some_and(|it| it.is_keyword("SET_CONFIG"));
        if token.kind == TokenKind::String && (program || argument) && mentions(token.text) {
            return true;
        }
        let name = bare(token);
        if set && token.kind != TokenKind::String && SETTINGS.iter().any(|it| name.eq_ignore_ascii_case(it)) {
            return true;
        }
        // `SET NAMES gbk`, `SET @a = 1, CHARACTER SET gbk`; but a column may be called so.
        let first =
            before.is_some_and(|it| it.is_keyword("SET") || it.is_symbol(",") || it.is_keyword("SESSION"));
        let named = ["NAMES", "CHARSET", "CHARACTER"].iter().any(|word| token.is_keyword(word));
        let column = next.is_none_or(|it| it.kind == TokenKind::Symbol);
        if set && named && first && !column {
            return true;
        }
        // A setting whose name is computed, or given by its name.
        if token.is_keyword("SET_CONFIG")
            && !tokens.get(at + 2).is_some_and(|it| it.kind == TokenKind::String)
        {
            return true;
        }
    }
    false
}

/// Whether a text, which may be a program's, names such a setting.
fn mentions(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    SETTINGS.iter().any(|setting| lower.contains(&setting.to_ascii_lowercase()))
        || lower
            .split_whitespace()
            .zip(lower.split_whitespace().skip(1))
            .any(|words| words == ("set", "names"))
}

/// A name without its quotes.
fn bare<'t>(token: &Token<'t>) -> &'t str {
    match token.kind {
        TokenKind::QuotedIdentifier => token.text.trim_matches(['`', '"', '[', ']']),
        _ => token.text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(text: &str, lexing: Lexing) -> Option<Obstacle> {
        let script = Script::parse(text, &lexing).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let mut watch = Watch::default();
        script.statements().iter().find_map(|statement| watch.obstacle(statement, &lexing))
    }

    #[test]
    fn what_changes_how_texts_are_read_is_found_in_every_spelling() {
        for text in [
            "SET NAMES gbk",
            "set character set gbk",
            "SET CHARSET 'gbk'",
            "SET @a = 1, NAMES gbk",
            "SET @@session.character_set_client = gbk",
            "SET `character_set_client` = gbk",
            "SET SESSION `sql_mode` = ''",
            "/*!50000 SET */ NAMES gbk",
            "/*!99999 DO */ SET sql_mode = ''",
            "IF 1 THEN SET character_set_client = gbk; END IF",
            "CREATE PROCEDURE p() BEGIN SET sql_mode = 'NO_BACKSLASH_ESCAPES'; END",
            "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET SESSION character_set_client = gbk",
        ] {
            assert_eq!(obstacle(text, Lexing::MARIADB), Some(Obstacle::Changes), "{text}");
        }
        for text in [
            "SET client_encoding = SJIS",
            "SET NAMES 'SJIS'",
            "SELECT set_config('client_encoding', 'SJIS', false)",
            "SELECT set_config(name, 'SJIS', false) FROM settings",
            "DO $$ BEGIN SET client_encoding = 'SJIS'; END $$",
            "DO $$ BEGIN set names 'SJIS'; END $$",
            "ALTER FUNCTION f() SET standard_conforming_strings = off",
        ] {
            assert_eq!(obstacle(text, Lexing::POSTGRES), Some(Obstacle::Changes), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_put_together_cannot_be_read() {
        for text in [
            "EXECUTE IMMEDIATE CONCAT('SET char', 'acter_set_cl', 'ient = gbk')",
            "EXECUTE IMMEDIATE @text",
            "EXECUTE IMMEDIATE ${text}",
            "EXECUTE IMMEDIATE 'SELECT 1' 'x'",
            "EXECUTE IMMEDIATE 'SE\\T 1'",
            "EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE @text'",
            "/*!99999 DO */ EXECUTE IMMEDIATE @text",
            "PREPARE s FROM @text",
            "PREPARE s FROM 'SELECT 1'; EXECUTE `t`",
            "BEGIN NOT ATOMIC PREPARE s FROM @text; EXECUTE s; END",
            "CREATE PROCEDURE p() EXECUTE IMMEDIATE @text",
            "EXECUTE s",
        ] {
            assert_eq!(obstacle(text, Lexing::MARIADB), Some(Obstacle::Dynamic), "{text}");
        }
    }

    #[test]
    fn what_does_neither_is_let_alone() {
        for text in [
            "EXECUTE IMMEDIATE 'INSERT INTO t VALUES (''a'')'",
            "PREPARE s FROM 'SELECT ?'; EXECUTE s USING @a; DEALLOCATE PREPARE s; DROP PREPARE s",
            "GRANT EXECUTE ON PROCEDURE p TO u; GRANT SELECT, EXECUTE, INSERT ON t TO u",
            "CREATE TABLE t (names TEXT, charset INT) CHARACTER SET utf8mb4",
            "ALTER TABLE t MODIFY a TEXT CHARACTER SET utf8mb4",
            "UPDATE t SET names = 'a', charset = 1",
            "SET @a = 1",
            "CALL p('a')",
        ] {
            assert_eq!(obstacle(text, Lexing::MARIADB), None, "{text}");
        }
        for text in [
            "PREPARE p AS SELECT 1; EXECUTE p",
            "SELECT set_config('app.tenant', 'a', false)",
            "UPDATE people SET names = 'a'",
            "DO $$ BEGIN EXECUTE 'ANALYZE'; END $$",
            "INSERT INTO notes VALUES ('set names and client_encoding')",
        ] {
            assert_eq!(obstacle(text, Lexing::POSTGRES), None, "{text}");
        }
    }
}
