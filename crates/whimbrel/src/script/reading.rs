//! Owns the ways in which servers, and sessions with other settings, may read one text: which executable comments are
//! skipped, and what a quote, a backslash or a byte above ASCII means. Does no lexing of its own.
//!
//! A guard on a script has to hold for all of them. What every supported server reads alike is not told apart: MySQL 5.7
//! and MariaDB 10 execute all comments for older versions.

use std::collections::HashMap;

use super::token::{Token, TokenKind};
use super::{DoubleQuotes, ExecutableComments, Lexing, Statement};

/// One way to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The server's version: comments for later ones are skipped.
    version: u32,
    /// Comments for MySQL 5.7 are skipped, as MariaDB does.
    skips_mysql_5_7: bool,
    /// In the client's character set a backslash or a backtick may be the second byte of a character.
    pub(super) wide: bool,
}

impl Reading {
    /// Every executable comment is executed.
    pub(super) const EVERYTHING: Self = Self { version: u32::MAX, skips_mysql_5_7: false, wide: false };

    /// How many versions may stand in a script that some servers execute and others skip: each is read for itself.
    pub(super) const MOST_VERSIONS: usize = 32;

    /// The version in the marker of an executable comment, unless every supported server executes it.
    pub(super) fn version_of(marker: &str) -> Option<u32> {
        let version = marker.trim_start_matches(['/', '*', '!', 'M']).parse().ok()?;
        let oldest = if marker.starts_with("/*M") { 100_000 } else { 50_700 };
        (version >= oldest).then_some(version)
    }

    /// Whether a comment for a version is executed; `maria`: it is one for MariaDB only.
    pub(super) fn executes(self, version: u32, maria: bool) -> bool {
        version <= self.version && (maria || !self.skips_mysql_5_7 || !(50_700..=50_999).contains(&version))
    }
}

/// Every other way than [`Reading::EVERYTHING`] to read a text with executable comments for these versions.
pub(super) fn others(versions: &[u32], lexing: &Lexing) -> Vec<Reading> {
    let mut limits: Vec<u32> = versions.iter().map(|version| version - 1).chain([u32::MAX]).collect();
    limits.sort_unstable();
    limits.dedup();
    let maria = lexing.executable_comments == ExecutableComments::MariaDb;
    let skips: &[bool] = if maria { &[false, true] } else { &[false] };
    let all = limits.into_iter().flat_map(|version| {
        skips.iter().map(move |&skips_mysql_5_7| Reading { version, skips_mysql_5_7, wide: false })
    });
    all.filter(|reading| *reading != Reading::EVERYTHING).collect()
}

/// The ways to read a text whose statements change how text is read, as far as they do.
pub(super) fn of_settings(statements: &[Statement<'_>], lexing: &Lexing) -> Vec<(Lexing, Reading)> {
    if lexing.executable_comments == ExecutableComments::None || lexing.double_quotes != DoubleQuotes::String
    {
        return Vec::new();
    }
    let changed = Changed::by(statements);
    let mut all = Vec::new();
    if changed.mode {
        for (ansi_quotes, no_backslashes) in [(true, false), (false, true), (true, true)] {
            let mut other = *lexing;
            if ansi_quotes {
                other.double_quotes = DoubleQuotes::Identifier;
            }
            other.backslash_escapes = !no_backslashes;
            all.push((other, Reading::EVERYTHING));
        }
    }
    if changed.characters {
        all.push((*lexing, Reading { wide: true, ..Reading::EVERYTHING }));
    }
    all
}

/// Whether a statement may change how the ones behind it are read, as far as its words tell.
pub(super) fn may_differ(statement: &Statement<'_>, lexing: &Lexing) -> bool {
    if lexing.executable_comments == ExecutableComments::None || is_plain(statement) {
        return false;
    }
    const WORDS: [&str; 6] = ["EXECUTE", "SQL_MODE", "NAMES", "CHARSET", "CHARACTER", "CHARACTER_SET_CLIENT"];
    statement.words().any(|token| {
        let name = token.text.trim_matches(['`', '"']);
        WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
    })
}

/// Whether a statement is of a kind that changes no settings.
fn is_plain(statement: &Statement<'_>) -> bool {
    let plain = ["INSERT", "REPLACE", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"];
    statement.words().next().is_none_or(|first| plain.iter().any(|word| first.is_keyword(word)))
}

/// What a script changes of how its own text is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Changed {
    /// `sql_mode`, to one in which quotes or backslashes may mean something else.
    mode: bool,
    /// The client's character set, to one whose characters may end in a byte of ASCII.
    characters: bool,
}

/// The modes that change nothing about quotes, backslashes and statements.
const HARMLESS_MODES: &[&str] = &[
    "",
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "HIGH_NOT_PRECEDENCE",
    "IGNORE_BAD_TABLE_OPTIONS",
    "IGNORE_SPACE",
    "NO_AUTO_CREATE_USER",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_DIR_IN_CREATE",
    "NO_ENGINE_SUBSTITUTION",
    "NO_FIELD_OPTIONS",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_ZERO_DATE",
    "NO_ZERO_IN_DATE",
    "ONLY_FULL_GROUP_BY",
    "PAD_CHAR_TO_FULL_LENGTH",
    "PIPES_AS_CONCAT",
    "REAL_AS_FLOAT",
    "SIMULTANEOUS_ASSIGNMENT",
    "STRICT_ALL_TABLES",
    "STRICT_TRANS_TABLES",
    "TIME_ROUND_FRACTIONAL",
    "TIME_TRUNCATE_FRACTIONAL",
    "TRADITIONAL",
];

/// What a value of `sql_mode` may hold beside such modes.
const HARMLESS_PARTS: &[&str] = &["CONCAT", "CONCAT_WS", "REPLACE", "TRIM", "SESSION", "LOCAL", "SQL_MODE"];

/// Character sets whose bytes of ASCII are always characters of ASCII.
const HARMLESS_CHARACTERS: &[&str] = &[
    "ARMSCII8", "ASCII", "BINARY", "CP1250", "CP1251", "CP1256", "CP1257", "CP850", "CP852", "CP866",
    "EUCJPMS", "EUCKR", "GB2312", "GREEK", "HEBREW", "KEYBCS2", "KOI8R", "KOI8U", "LATIN1", "LATIN2",
    "LATIN5", "LATIN7", "MACCE", "MACROMAN", "TIS620", "UJIS", "UTF8", "UTF8MB3", "UTF8MB4",
];

/// Parts of words and texts by which dynamic SQL is taken to change how text is read.
const SUSPECTS: &[&str] = &[
    "sql_",
    "_mode",
    "names",
    "charset",
    "character",
    "ansi",
    "backslash",
    "oracle",
    "x'",
    "0x",
    "unhex",
    "char(",
];

impl Changed {
    fn by(statements: &[Statement<'_>]) -> Self {
        let mut changed = Self::default();
        let mut dynamic = false;
        let mut kept = Kept::default();
        for statement in statements {
            if is_plain(statement) {
                continue;
            }
            let words: Vec<Token<'_>> = statement.words().collect();
            dynamic |= words.iter().any(|word| word.is_keyword("EXECUTE"));
            if words.iter().any(|word| word.is_keyword("SET")) {
                changed.set(&words, statements, &mut kept);
            }
        }
        if dynamic && statements.iter().flat_map(Statement::words).any(|word| is_suspect(&word)) {
            changed = Self { mode: true, characters: true };
        }
        changed
    }

    /// Takes the assignments of a `SET` into account.
    fn set(&mut self, words: &[Token<'_>], statements: &[Statement<'_>], kept: &mut Kept) {
        for (at, word) in words.iter().enumerate() {
            let name = word.text.trim_matches(['`', '"']);
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            let before = at.checked_sub(1).and_then(|before| words.get(before));
            let assigned = words.get(at + 1).is_some_and(|next| next.is_symbol("=") || next.is_symbol(":="));
            let of_user = before.is_some_and(|before| before.is_symbol("@"));
            // What is known already is not looked at again: a value may reach to the end of the text.
            if is(MODE) && assigned && !of_user {
                self.mode =
                    self.mode || !is_harmless(value(words, at + 2), statements, kept, MODE, is_harmless_mode);
            } else if is(CHARACTERS) && assigned && !of_user {
                self.characters = self.characters
                    || !is_harmless(value(words, at + 2), statements, kept, CHARACTERS, is_harmless_set);
            } else if (is("NAMES") || is("CHARSET")) && !assigned && word.kind == TokenKind::Word {
                self.characters |= !words.get(at + 1).is_some_and(is_harmless_set);
            } else if is("CHARACTER") && words.get(at + 1).is_some_and(|next| next.is_keyword("SET")) {
                self.characters |= !words.get(at + 2).is_some_and(is_harmless_set);
            }
        }
    }
}

fn is_suspect(word: &Token<'_>) -> bool {
    let text = word.text.to_ascii_lowercase();
    SUSPECTS.iter().any(|suspect| text.contains(suspect))
}

/// The tokens of a value that is assigned, up to the next assignment.
fn value<'w, 't>(words: &'w [Token<'t>], from: usize) -> &'w [Token<'t>] {
    let rest = words.get(from..).unwrap_or_default();
    let mut depth = 0_usize;
    let end = rest.iter().position(|token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (token.is_symbol(",") || token.is_symbol(";"))
    });
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

/// Whether a value changes nothing: its parts do not, or it is what a variable has kept of the setting before.
fn is_harmless(
    value: &[Token<'_>],
    statements: &[Statement<'_>],
    kept: &mut Kept,
    setting: &str,
    part: fn(&Token<'_>) -> bool,
) -> bool {
    match value {
        [] => false,
        [at, name] if at.is_symbol("@") => kept.holds(statements, name.text, setting),
        // The session has had it since it was fixed.
        [at, .., _] if at.is_symbol("@@") => is_of_session(value, setting),
        parts => parts.iter().all(part),
    }
}

/// Whether a value is what the session has: `@@name` or `@@session.name`.
fn is_of_session(value: &[Token<'_>], setting: &str) -> bool {
    let is = |token: &Token<'_>| token.text.eq_ignore_ascii_case(setting);
    match value {
        [at, name] => at.is_symbol("@@") && is(name),
        [at, scope, _, name] => {
            at.is_symbol("@@") && (scope.is_keyword("SESSION") || scope.is_keyword("LOCAL")) && is(name)
        }
        _ => false,
    }
}

fn is_harmless_mode(token: &Token<'_>) -> bool {
    let harmless = |name: &str| HARMLESS_MODES.iter().any(|mode| name.trim().eq_ignore_ascii_case(mode));
    match token.kind {
        TokenKind::String => token.text.trim_matches(['\'', '"']).split(',').all(harmless),
        TokenKind::Symbol => matches!(token.text, "(" | ")" | "," | "@@" | "."),
        TokenKind::Word => HARMLESS_PARTS.iter().any(|part| token.is_keyword(part)) || harmless(token.text),
        TokenKind::Number | TokenKind::QuotedIdentifier => false,
    }
}

fn is_harmless_set(token: &Token<'_>) -> bool {
    let name = token.text.trim_matches(['\'', '"']);
    HARMLESS_CHARACTERS.iter().any(|set| name.eq_ignore_ascii_case(set))
}

/// The settings that are kept in variables.
const MODE: &str = "SQL_MODE";
const CHARACTERS: &str = "CHARACTER_SET_CLIENT";

/// For each variable of the user to which a script assigns something, whether that is ever more than what the session had: of
/// the mode, and of the character set. Read once, if it is asked for.
#[derive(Default)]
struct Kept(Option<HashMap<String, [bool; 2]>>);

impl Kept {
    /// Whether all that a script assigns to a variable of the user is what a setting was.
    fn holds(&mut self, statements: &[Statement<'_>], variable: &str, setting: &str) -> bool {
        let assigned = self.0.get_or_insert_with(|| assigned(statements));
        let other = usize::from(setting == CHARACTERS);
        assigned.get(&variable.to_ascii_lowercase()).is_some_and(|others| !others[other])
    }
}

fn assigned(statements: &[Statement<'_>]) -> HashMap<String, [bool; 2]> {
    /// A session's setting has four tokens; what has more is another value.
    const LONGEST: usize = 6;
    let mut assigned: HashMap<String, [bool; 2]> = HashMap::new();
    for statement in statements {
        let words: Vec<Token<'_>> = statement.words().collect();
        for (at, word) in words.iter().enumerate() {
            let before = |count: usize| at.checked_sub(count).and_then(|before| words.get(before));
            if !before(1).is_some_and(|it| it.is_symbol("@")) {
                continue;
            }
            let into = before(2).is_some_and(|it| it.is_keyword("INTO"));
            let sets = words.get(at + 1).is_some_and(|next| next.is_symbol("=") || next.is_symbol(":="));
            if !into && !sets {
                continue;
            }
            let near = words.get(..words.len().min(at + 2 + LONGEST)).unwrap_or_default();
            let value = value(near, at + 2);
            let others = assigned.entry(word.text.to_ascii_lowercase()).or_default();
            for (other, setting) in others.iter_mut().zip([MODE, CHARACTERS]) {
                *other |= into || !is_of_session(value, setting);
            }
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{ProblemKind, Script};

    fn problems(sql: &str, lexing: &Lexing) -> Vec<ProblemKind> {
        match Script::parse(sql, lexing) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(|problem| problem.kind).collect(),
        }
    }

    #[test]
    fn control_is_found_whichever_comments_a_server_skips() {
        for sql in [
            "INSERT INTO t VALUES (1); /*!99999 DO */ COMMIT",
            "/*!90000 SELECT */ /*!999999 1 FROM */ ROLLBACK",
            "/*!99999 ROLLBACK TO a */ /*! */ COMMIT",
            "/*!50700 DO */ COMMIT AND CHAIN",
            "SET /*!80000 @a = 1, @ */ autocommit = 1",
            "SET @a /*!99999 = 1, @b */ = 1, autocommit = 0",
            "START /*!99999 SLAVE */ TRANSACTION",
            "ROLLBACK /*!80011 TO a */",
            "/*!99999 PREPARE s FROM 'x' */; COMMIT",
            "/*!99999 l: */ /*!40000 COMMIT */",
            "XA /*!99999 x */ COMMIT 'x'",
        ] {
            for lexing in [Lexing::MYSQL, Lexing::MARIADB] {
                assert!(
                    problems(sql, &lexing)
                        .iter()
                        .any(|kind| matches!(kind, ProblemKind::TransactionControl { .. })),
                    "{sql}: {:?}",
                    problems(sql, &lexing)
                );
            }
        }
        for sql in ["/*M!999999 DO */ COMMIT", "/*M!110000 SELECT 1 AS */ COMMIT", "/*!50999 DO */ COMMIT"] {
            let found = problems(sql, &Lexing::MARIADB);
            assert!(matches!(found[..], [ProblemKind::TransactionControl { .. }]), "{sql}: {found:?}");
        }
    }

    #[test]
    fn statements_that_end_elsewhere_when_a_comment_is_skipped_are_refused() {
        for sql in [
            "CREATE PROCEDURE p() /*!99999 BEGIN */ INSERT INTO t VALUES (1); DELETE FROM t; /*!99999 END */",
            "CREATE PROCEDURE p() BEGIN DO 0; /*!80000 END */; DO 1; END",
            "CREATE /*!99999 TABLE x (a INT) */ TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN DO 0; DO 1; END",
        ] {
            let found = problems(sql, &Lexing::MYSQL);
            assert!(found.contains(&ProblemKind::AmbiguousComment), "{sql}: {found:?}");
        }
    }

    #[test]
    fn dumps_are_read_as_before() {
        let dump = "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!50503 SET NAMES utf8mb4 */;\n\
                    /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n\
                    CREATE TABLE `t` (`a` varchar(9) /*!80023 INVISIBLE */) /*!80016 ENCRYPTION='N' */;\n\
                    INSERT INTO `t` VALUES ('l\\'\u{e9}t\u{e9}\\'');\n\
                    /*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`a`@`b` */ /*!50001 VIEW v AS SELECT 1 */;\n\
                    DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER g BEFORE INSERT ON t\n\
                    FOR EACH ROW BEGIN DO 0; DO 1; END */;;\nDELIMITER ;\n\
                    /*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n\
                    /*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;";
        for lexing in [Lexing::MYSQL, Lexing::MARIADB] {
            let script = Script::parse(dump, &lexing).unwrap_or_else(|problems| panic!("{problems:?}"));
            assert_eq!(script.statements().len(), 9);
        }
    }

    #[test]
    fn a_script_that_changes_quoting_must_be_read_alike_without_it() {
        let hidden = "INSERT INTO t VALUES ('\\'); COMMIT; -- ')";
        let quoted = "INSERT INTO t VALUES (\"\\\"); COMMIT; -- \")";
        let wide = "INSERT INTO t VALUES ('\u{7e17}\\'); COMMIT; -- ')";
        for lexing in [Lexing::MYSQL, Lexing::MARIADB] {
            for (set, sql) in [
                ("SET sql_mode = 'NO_BACKSLASH_ESCAPES'", hidden),
                ("SET SESSION sql_mode = concat(@@sql_mode, ',NO_BACKSLASH', '_ESCAPES')", hidden),
                ("SET sql_mode = 1048576", hidden),
                ("SET sql_mode = DEFAULT", hidden),
                ("SET @@sql_mode := @m", hidden),
                ("SET @m = 'NO_BACKSLASH_ESCAPES', @@session.sql_mode = @m", hidden),
                ("SET sql_mode = ORACLE, sql_mode = 'ANSI'", quoted),
                ("PREPARE s FROM 'SET sql_mode = 1048576'; EXECUTE s", hidden),
                ("SET NAMES gbk", wide),
                ("SET character_set_client = sjis", wide),
            ] {
                let found = problems(&format!("{set}; {sql}"), &lexing);
                assert!(found.contains(&ProblemKind::AmbiguousQuotes), "{set}: {found:?}");
            }
            for set in [
                "SET sql_mode = ''",
                "SET sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE'",
                "SET sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')",
                "SET @m = @@sql_mode, sql_mode = ''; SET sql_mode = @m",
                "SET NAMES utf8mb4",
                "SET NAMES 'latin1' COLLATE 'latin1_bin'",
            ] {
                assert_eq!(problems(&format!("{set}; {hidden}"), &lexing), [], "{set}");
            }
            let sound = "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; INSERT INTO \"t\" VALUES ('it''s; \\ \"')";
            assert_eq!(problems(sound, &lexing), []);
        }
    }
}
