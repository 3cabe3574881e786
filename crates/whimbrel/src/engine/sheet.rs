//! A text for the database's own client: how statements, comments and the client's own commands are written, so that the
//! client cuts it where the splitter does. Knows no plan.

use crate::dialect::{ClientProgram, Dialect, ScriptSql};
use crate::driver::Message;
use crate::engine::Values;
use crate::script::{Statement, Token, Words};

/// The variables of psql that hold the session's settings, as statements.
const KEPT: &str = "whimbrel_settings_";

/// A text for the database's own client.
pub(super) struct Sheet {
    text: String,
    client: ClientProgram,
    sql: ScriptSql,
    dialect: Dialect,
    values: Option<Values>,
}

impl Sheet {
    pub(super) fn new(sql: ScriptSql, dialect: Dialect, values: Option<Values>) -> Self {
        Self { text: String::new(), client: sql.client, sql, dialect, values }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// A comment, of as many lines as the text has. Names of files are other people's: nothing in them may end a line.
    pub(super) fn comment(&mut self, text: &str) {
        for line in text.split('\n') {
            let plain: String = line.chars().map(|it| if it.is_control() { '?' } else { it }).collect();
            self.text.push_str("--");
            if !plain.is_empty() {
                self.text.push(' ');
                self.text.push_str(plain.trim_end());
            }
            self.text.push('\n');
        }
    }

    /// A comment behind an empty line.
    pub(super) fn heading(&mut self, text: &str) {
        self.text.push('\n');
        self.comment(text);
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// The client's own commands that come first: it stops at the first error, and puts nothing around what follows.
    pub(super) fn commands(&mut self) {
        self.text.push_str(match self.client {
            ClientProgram::Psql => {
                "\\set ON_ERROR_STOP on\n\\set ON_ERROR_ROLLBACK off\n\\set AUTOCOMMIT on\n\\encoding UTF8\n"
            }
            ClientProgram::Sqlite3 => ".bail on\n",
            ClientProgram::Mysql => "",
        });
    }

    /// Begins with the settings of the session in which the plan was made, or, where the client can keep them, with those
    /// of its own. Answers the statements that put them back.
    pub(super) fn settings(&mut self, planned: Vec<Option<String>>) -> Vec<Option<String>> {
        if self.client != ClientProgram::Psql {
            planned.iter().flatten().for_each(|sql| self.ours(sql));
            return planned;
        }
        let snapshot = self.dialect.settings.snapshot;
        let kept = snapshot.iter().enumerate().map(|(number, expression)| {
            self.text.push_str("SELECT ");
            let expression = for_psql(expression, &self.dialect);
            self.text.push_str(&format!("{expression} AS {KEPT}{number} \\gset\n"));
            Some(format!(":{KEPT}{number}"))
        });
        kept.collect()
    }

    /// A statement that fails unless a condition holds.
    pub(super) fn assert(&mut self, condition: &str) {
        let assertion = (self.sql.assert)(condition);
        self.ours(&assertion);
    }

    /// A statement of ours.
    pub(super) fn ours(&mut self, sql: &str) {
        match self.client {
            ClientProgram::Psql if sql.strip_prefix(':').is_some_and(|name| name.starts_with(KEPT)) => {
                self.text.push_str(sql);
            }
            ClientProgram::Psql => {
                let sql = for_psql(sql, &self.dialect);
                self.text.push_str(&sql);
            }
            ClientProgram::Mysql if sql.contains(';') => {
                let delimiter = delimiter(sql);
                self.text.push_str(&format!("DELIMITER {delimiter}\n{sql}{delimiter}\nDELIMITER ;\n"));
                return;
            }
            ClientProgram::Mysql | ClientProgram::Sqlite3 => self.text.push_str(sql),
        }
        self.text.push_str(";\n");
    }

    /// A statement of a script, in which values are filled in.
    pub(super) fn theirs(&mut self, sql: &str) {
        let message = Message::new(sql, 1);
        let filled = self.values.as_ref().and_then(|values| values.fill(&message, &self.dialect, 0));
        self.ours(filled.as_ref().map_or(sql, |filled| filled.text.as_str()));
    }
}

/// A colon names no variable where a backslash stands before it (psql's manual: "SQL Interpolation"). Semicolons are left to
/// psql, which knows parentheses and `BEGIN ATOMIC`: with backslashes before them it would lose count of the latter.
fn for_psql(sql: &str, dialect: &Dialect) -> String {
    let (mut text, mut at) = (String::with_capacity(sql.len()), 0);
    for token in Words::new(sql, 0, sql.len(), &dialect.lexing).filter(|token| token.is_symbol(":")) {
        text.push_str(&sql[at..token.offset]);
        text.push('\\');
        at = token.offset;
    }
    text.push_str(&sql[at..]);
    text
}

/// What ends a statement that has semicolons, and does not stand in it.
fn delimiter(sql: &str) -> String {
    let mut delimiter = "$$".to_owned();
    for number in 0_u32.. {
        if !sql.contains(&delimiter) {
            break;
        }
        delimiter = format!("$${number}$$");
    }
    delimiter
}

/// What the client would take for something else than the database does, in a statement.
pub(crate) fn misread(client: ClientProgram, statement: &Statement<'_>) -> Option<&'static str> {
    match client {
        // The splitter refuses backslashes outside quotes.
        ClientProgram::Psql => {
            let words = statement.words();
            let begins = |(word, next): (Token<'_>, Option<Token<'_>>)| {
                word.is_keyword("BEGIN") && next.is_none_or(|next| !next.is_keyword("ATOMIC"))
            };
            let pairs = words.clone().zip(words.clone().skip(1).map(Some).chain([None]));
            let create = words.clone().next().is_some_and(|first| first.is_keyword("CREATE"));
            (create && pairs.into_iter().any(begins)).then_some(
                "names something `begin`, which the client takes for the beginning of a body: put it in double quotes",
            )
        }
        ClientProgram::Mysql => statement.words().any(|word| word.is_symbol("\\")).then_some(
            "has a backslash outside quotes, which the client takes for a command: write NULL in the place of `\\N`",
        ),
        ClientProgram::Sqlite3 => {
            let ends = |line: &str| line.trim() == "/" || line.trim().eq_ignore_ascii_case("go");
            statement.text().lines().any(ends).then_some(
                "has a line that is nothing but `/` or `go`, which the client takes for the end of a statement: join it \
                 with another one",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::HistorySql;
    use crate::script::Lexing;

    const HISTORY: HistorySql =
        HistorySql::plain(|_| Vec::new(), |_| String::new(), |_| String::new(), "NOW");

    fn sheet(client: ClientProgram, lexing: Lexing) -> Sheet {
        let sql = ScriptSql { client, command: "run", assert: |condition| format!("ASSERT {condition}") };
        Sheet::new(sql, Dialect::plain("test", lexing, HISTORY), None)
    }

    #[test]
    fn psql_sees_no_variable() {
        let mut sheet = sheet(ClientProgram::Psql, Lexing::POSTGRES);
        sheet.ours("CREATE RULE r AS ON DELETE TO t DO (SELECT a[1:n]; SELECT ':b;'::text, $$;:c$$)");
        sheet.ours(":whimbrel_settings_0");
        let expected = "CREATE RULE r AS ON DELETE TO t DO (SELECT a[1\\:n]; SELECT ':b;'::text, $$;:c$$);\n\
                        :whimbrel_settings_0;\n";
        assert_eq!(sheet.into_text(), expected);
    }

    #[test]
    fn a_statement_with_semicolons_has_a_delimiter_that_is_not_in_it() {
        let mut sheet = sheet(ClientProgram::Mysql, Lexing::MYSQL);
        sheet.ours("SELECT 1");
        sheet.ours("BEGIN NOT ATOMIC SELECT '$$'; END");
        let expected = "SELECT 1;\nDELIMITER $$0$$\nBEGIN NOT ATOMIC SELECT '$$'; END$$0$$\nDELIMITER ;\n";
        assert_eq!(sheet.into_text(), expected);
    }

    #[test]
    fn a_comment_ends_where_its_line_does() {
        let mut sheet = sheet(ClientProgram::Sqlite3, Lexing::SQLITE);
        sheet.comment("a\r; DROP TABLE t;\nb");
        assert_eq!(sheet.into_text(), "-- a?; DROP TABLE t;\n-- b\n");
    }
}
