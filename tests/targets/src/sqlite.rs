//! The splitter of SQLite's dialect, beside SQLite's own parser.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};
use whimbrel::script::{Lexing, ProblemKind, Script};

use crate::large::{nested, repeated};
use crate::{Target, corpus, splitter};

pub(crate) const TARGET: Target = Target {
    name: "sqlite",
    check: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        splitter::check(&text, &Lexing::SQLITE);
        compare(&text);
    },
    seeds: || corpus::scripts("sqlite"),
    words: &[
        ";",
        "'",
        "''",
        "\"",
        "`",
        "[",
        "]",
        "/*",
        "*/",
        "--",
        "\n",
        "\r",
        " ",
        "(",
        ")",
        ",",
        ".",
        "$a",
        ":b",
        "@c",
        "::",
        "(;)",
        "x'",
        "0x",
        "1e",
        "CREATE ",
        "TEMP ",
        "TRIGGER ",
        "IF NOT EXISTS ",
        "AFTER INSERT ON t ",
        "BEGIN ",
        "END",
        "CASE ",
        "WHEN ",
        "THEN ",
        "SELECT 1",
        "INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "EXPLAIN ",
        "QUERY PLAN ",
        "WITH ",
        "AS ",
        "COMMIT",
        "ROLLBACK ",
        "TO s",
        "SAVEPOINT s",
        "PRAGMA ",
        "\u{feff}",
        "\u{c}",
        "\u{b}",
        "\u{e9}",
        "whimbrel: ",
    ],
    large,
    longest: 1 << 12,
};

fn large(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("parameters", repeated(size, "SELECT ", "$a(", "")),
        ("an open bracket", repeated(size, "SELECT [", "[", "")),
        ("comments that nest nowhere", repeated(size, "SELECT 1 ", "/* /* */ ", ";")),
        ("triggers", repeated(size, "", "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END;", "")),
        (
            "a trigger's body",
            repeated(size, "CREATE TRIGGER a AFTER INSERT ON t BEGIN ", "SELECT 1;", " END"),
        ),
        ("an open body", repeated(size, "CREATE TRIGGER a AFTER INSERT ON t BEGIN ", "SELECT 1;", "")),
        ("parentheses", nested(size, "SELECT ", "(", "1", ")")),
        ("directives on one line", repeated(size, "SELECT 1;", "/*whimbrel: x*/", "")),
        ("directives", repeated(size, "", "-- whimbrel: allow a because b\nSELECT 1;\n", "")),
        ("dots", repeated(size, "SELECT ", "1.", "")),
        ("marks", repeated(size, "", "\u{feff}", "")),
        ("statements", repeated(size, "", "SELECT 1;", "")),
    ]
}

thread_local! {
    static DATABASE: Connection = database();
}

fn database() -> Connection {
    let connection = Connection::open_in_memory().expect("a database");
    let tables = "CREATE TABLE t (a, b, begin, end); CREATE TABLE begin (a); CREATE VIEW v AS SELECT 1 AS a";
    connection.execute_batch(tables).expect("the tables");
    connection
}

/// Compares the ends of statements with those that SQLite's parser finds, up to the first statement that it refuses.
///
/// Nothing is executed: what a statement would have made is missing for the next one, which is refused then.
fn compare(text: &str) {
    // Its scripts end there, and with us they are refused.
    if text.contains('\0') {
        return;
    }
    let script = Script::parse(text, &Lexing::SQLITE);
    DATABASE.with(|connection| {
        let mut batch = Batch::new(connection, text);
        let mut theirs = Vec::new();
        let refused = loop {
            match batch.next() {
                Ok(Some(_)) => theirs.push(tail(&batch)),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        match &script {
            Ok(script) => {
                let ours: Vec<usize> = script
                    .statements()
                    .iter()
                    .map(|it| it.piece().as_ptr().addr() - text.as_ptr().addr() + it.piece().len())
                    .collect();
                assert!(
                    ours.starts_with(&theirs),
                    "ours {ours:?}, SQLite's {theirs:?}, {refused:?}: {text:?}"
                );
                assert!(
                    refused.is_some() || ours == theirs,
                    "ours {ours:?}, SQLite's {theirs:?} is all: {text:?}"
                );
            }
            // What we refuse it refuses as well, or takes for what it may not do here.
            Err(problems) => assert!(
                refused.is_some()
                    || problems.iter().all(|problem| {
                        matches!(
                            problem.kind,
                            ProblemKind::OpenComment | ProblemKind::TransactionControl { .. }
                        )
                    }),
                "{problems:?}, and SQLite takes it: {text:?}"
            ),
        }
    });
}

/// A batch tells how far it is only when it is printed.
fn tail(batch: &Batch<'_, '_>) -> usize {
    let printed = format!("{batch:?}");
    let digits = printed.rsplit("tail: ").next().unwrap_or_default().trim_end_matches([' ', '}']);
    digits.parse().expect("a batch prints its tail")
}
