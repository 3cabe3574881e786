//! Where a statement ends, asked of SQLite's own parser.

#[path = "../corpus/reader.rs"]
mod reader;

use proptest::prelude::*;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Batch, Connection};
use whimbrel::script::{Lexing, Script};

/// Where SQLite takes each statement to end, and whether it took all of them.
fn ends_by_sqlite(connection: &Connection, sql: &str) -> (Vec<usize>, Result<(), rusqlite::Error>) {
    let mut batch = Batch::new(connection, sql);
    let mut ends = Vec::new();
    loop {
        let statement = match batch.next() {
            Ok(None) => return (ends, Ok(())),
            Ok(Some(statement)) => statement,
            Err(error) => return (ends, Err(error)),
        };
        ends.push(tail(&batch));
        let mut statement = statement;
        let ran = match statement.column_count() {
            0 => statement.raw_execute().map(drop),
            _ => statement.raw_query().count().map(drop),
        };
        if let Err(error) = ran {
            return (ends, Err(error));
        }
    }
}

/// A batch tells how far it is only when it is printed.
fn tail(batch: &Batch<'_, '_>) -> usize {
    let printed = format!("{batch:?}");
    let digits =
        printed.rsplit("tail: ").next().expect("a batch prints its tail").trim_end_matches([' ', '}']);
    digits.parse().expect("the tail is a number")
}

/// Where our pieces end that hold a statement.
fn ends_by_us(script: &Script<'_>, sql: &str) -> Vec<usize> {
    let ends = script.statements().iter().map(|statement| {
        let piece = statement.piece();
        piece.as_ptr().addr() - sql.as_ptr().addr() + piece.len()
    });
    ends.collect()
}

#[test]
fn sqlite_agrees_on_the_whole_corpus() {
    let mut failures = Vec::new();
    for case in reader::read("sqlite") {
        let Ok(script) = Script::parse(&case.script, &Lexing::SQLITE) else { continue };
        let connection = Connection::open_in_memory().expect("a database");
        let (theirs, outcome) = ends_by_sqlite(&connection, &case.script);
        let ours = ends_by_us(&script, &case.script);
        // After what it refuses, SQLite has no say.
        let agreed = if outcome.is_ok() { ours == theirs } else { ours.starts_with(&theirs) };
        if !agreed || outcome.is_err() != case.has("rejected") {
            failures.push(format!(
                "{}\n{}\nours {ours:?}, SQLite's {theirs:?}, {outcome:?}",
                case.name, case.script
            ));
        }
    }
    assert!(failures.is_empty(), "{} scripts:\n{}", failures.len(), failures.join("\n\n"));
}

fn blank() -> impl Strategy<Value = String> {
    const BLANKS: &[&str] =
        &[" ", "\n", "\t", "\r\n", "\x0C", "/* ; */", "-- ; '\n", "/*'*/", "--\r;\n", "/**/", " \u{FEFF}"];
    prop::collection::vec(prop::sample::select(BLANKS), 1..4).prop_map(|blanks| blanks.concat())
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        [
            "1",
            "';'",
            "''",
            "'it''s;'",
            "\"a;b\"",
            "x'3b'",
            "1e-3",
            "0xF",
            "'\\'",
            "'--'",
            "'/*'",
            "(SELECT ';')",
            "$a(;)",
            "?1",
            ":b",
            "@c::d(')",
            "CASE 1 WHEN 1 THEN ';' END",
            "CASE WHEN NULL THEN 1 ELSE CASE 1 WHEN 2 THEN 3 END END",
            "1 AS `;`",
            "1 AS [a[b;]",
            "1 AS end",
            "1 AS begin",
            "1 AS \"x\"\";\"",
            "'🦆;'",
            "1--\n-1",
            "1/*;*/+1",
            "'{}'->'$'",
        ]
        .as_slice(),
    )
}

fn statement() -> impl Strategy<Value = String> {
    let simple = prop_oneof![
        (blank(), value()).prop_map(|(blank, value)| format!("SELECT{blank}{value}")),
        (blank(), value(), value()).prop_map(|(blank, one, two)| format!("SELECT {one},{blank}{two}")),
        (blank(), blank()).prop_map(|(one, two)| format!("INSERT{one}INTO{two}t VALUES (';')")),
        blank().prop_map(|blank| format!("DELETE{blank}FROM t WHERE a = 'end;'")),
        blank().prop_map(|blank| format!("UPDATE t{blank}SET end = begin")),
    ];
    let inner = prop::sample::select(
        [
            "SELECT 1",
            "SELECT new.end",
            "SELECT new.begin",
            "SELECT CASE 1 WHEN 1 THEN 2 END",
            "SELECT '; END; '",
            "UPDATE t SET end = 1",
            "INSERT INTO t VALUES (1, 2)",
            "DELETE FROM t WHERE a = end",
            "REPLACE INTO t VALUES (1, 2)",
            "WITH c AS (SELECT 1) SELECT * FROM c",
            "VALUES (1)",
            "SELECT 1 AS end",
        ]
        .as_slice(),
    );
    let head = prop::sample::select(
        [
            "AFTER INSERT ON t",
            "INSERT ON t",
            "BEFORE UPDATE OF begin, end ON t",
            "AFTER DELETE ON begin",
            "AFTER INSERT ON t WHEN new.begin",
            "AFTER INSERT ON t FOR EACH ROW WHEN CASE new.end WHEN 1 THEN 2 END",
            "AFTER DELETE ON t WHEN (SELECT begin FROM t)",
            "INSTEAD OF INSERT ON v",
        ]
        .as_slice(),
    );
    let name = prop::sample::select(
        ["x", "begin", "end", "\"a;b\"", "[;]", "main.begin", "'y;'", "if", "trigger"].as_slice(),
    );
    let prefix = prop::sample::select(["", "TEMP", "TEMPORARY", "/*;*/temp"].as_slice());
    let trigger = (prefix, name, head, prop::collection::vec((inner, blank()), 1..4), blank(), blank())
        .prop_map(|(prefix, name, head, inner, one, two)| {
            let body: String = inner.iter().map(|(inner, blank)| format!("{inner}{blank};{blank}")).collect();
            format!(
                "CREATE {prefix}{one}TRIGGER{two}IF NOT EXISTS {name}{one}{head}{two}BEGIN{one}{body}END{two}"
            )
        });
    prop_oneof![3 => simple, 2 => trigger]
}

/// Tokens without sense, of which SQLite takes some.
fn soup() -> impl Strategy<Value = String> {
    const FRAGMENTS: &[&str] = &[
        "SELECT",
        "1",
        ";",
        "; ",
        " ",
        "\n",
        "'",
        "''",
        "\"",
        "`",
        "[",
        "]",
        "/*",
        "*/",
        "--",
        "-",
        "/",
        "*",
        ",",
        "(",
        ")",
        "a",
        "$a",
        ":b",
        "@",
        "(",
        "::",
        "x'",
        "E'",
        "\\",
        ".",
        "e",
        "BEGIN",
        "END",
        "CASE",
        "CREATE",
        "TRIGGER",
        "TEMP",
        "\u{FEFF}",
        "ü",
        "SELECT 1",
        "SELECT ';'",
        "\r",
        "\x0B",
        "\x0C",
        "0x",
        "1e",
        "+",
        "?",
        "#",
        "{",
    ];
    let noise =
        prop::collection::vec(prop::sample::select(FRAGMENTS), 0..12).prop_map(|parts| parts.concat());
    noise.prop_map(|noise| format!("SELECT {noise}"))
}

fn database() -> Connection {
    let connection = Connection::open_in_memory().expect("a database");
    let tables = "CREATE TABLE t (begin, end); CREATE TABLE begin (a); CREATE VIEW v AS SELECT 1 AS a";
    connection.execute_batch(tables).expect("the tables");
    connection
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_agrees_on_generated_scripts(
        parts in prop::collection::vec((blank(), statement(), prop::sample::select([";", "; ", ";;", ";\n"].as_slice())), 0..6),
    ) {
        let sql: String = parts.iter().map(|(blank, statement, end)| format!("{blank}{statement}{end}")).collect();
        let script = Script::parse(&sql, &Lexing::SQLITE).expect("nothing to refuse");
        prop_assert_eq!(script.statements().len(), parts.len());
        let connection = database();
        let (theirs, outcome) = ends_by_sqlite(&connection, &sql);
        let ours = ends_by_us(&script, &sql);
        // A statement may fail, for want of a column or since a trigger fires; its end is told before that.
        prop_assert!(ours.starts_with(&theirs), "{ours:?} {theirs:?} {outcome:?}\n{sql}");
        if outcome.is_ok() {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn sqlite_agrees_on_what_it_takes_of_a_soup(sql in soup()) {
        let connection = database();
        let (theirs, outcome) = ends_by_sqlite(&connection, &sql);
        match Script::parse(&sql, &Lexing::SQLITE) {
            Ok(script) => {
                let ours = ends_by_us(&script, &sql);
                prop_assert!(ours.starts_with(&theirs), "{ours:?} {theirs:?} {outcome:?}\n{sql}");
            }
            // What we refuse, SQLite must refuse as well, or it is a comment that is never closed, or
            // control of transactions.
            Err(problems) if outcome.is_ok() => {
                let told = format!("{problems:?}");
                prop_assert!(told.contains("OpenComment") || told.contains("Transaction"), "{told}\n{sql}");
            }
            Err(_) => {}
        }
    }
}
