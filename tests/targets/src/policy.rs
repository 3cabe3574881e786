//! The policy's readers: any text is judged or told to be not understood.

use whimbrel::script::{Lexing, Script};
use whimbrel::{Conditions, Memory, Product};
use whimbrel_policy::{Policy, rules};

use crate::large::{nested, numbered, repeated};
use crate::{Target, corpus};

pub(crate) const TARGET: Target = Target {
    name: "policy",
    check,
    seeds: || {
        let mut seeds: Vec<Vec<u8>> = Vec::new();
        for example in rules().flat_map(|rule| rule.examples()) {
            seeds.push(example.bad.as_bytes().to_vec());
        }
        for dialect in ["postgres", "mysql", "sqlite"] {
            seeds.extend(corpus::files(&[&format!("migrations-fixtures/bookshop/{dialect}")], &[".sql"]));
        }
        seeds
    },
    words: &[
        "ALTER TABLE t ",
        "ADD COLUMN a int ",
        "DROP COLUMN a",
        "RENAME TO b",
        "ALTER COLUMN a TYPE text",
        "SET NOT NULL",
        "CREATE TABLE t (a int PRIMARY KEY)",
        "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)",
        "DROP TABLE t",
        "TRUNCATE t",
        "UPDATE t SET a = 1",
        "DELETE FROM t",
        "INSERT INTO t SELECT * FROM u",
        "GRANT ALL ON t TO PUBLIC",
        "CREATE FUNCTION f() ",
        "LANGUAGE sql SECURITY DEFINER AS $$ ",
        "$$",
        "DO $$ BEGIN ",
        "END $$",
        "EXECUTE 'DROP TABLE t'",
        "REFERENCES u (a) ",
        "NOT VALID",
        "DEFAULT now()",
        "CHECK (a > 0)",
        "CONSTRAINT c ",
        "FOREIGN KEY (a) ",
        "PRAGMA foreign_keys = off",
        "VACUUM",
        "LOCK TABLE t",
        "SET lock_timeout = 0",
        "ALGORITHM=INSTANT, LOCK=NONE",
        "MODIFY a bigint",
        "CHANGE a b int",
        "ENGINE=MyISAM",
        "PARTITION BY RANGE (a) (",
        "WITH c AS (",
        "(",
        ")",
        ",",
        ";",
        "'",
        "\"",
        "`",
        ".",
        " ",
        "\n",
        "-- whimbrel: allow drop-table because x\n",
        "::regclass",
        "CASE WHEN a THEN b END",
        "[",
        "]",
        "/*!80000 ",
        "*/",
    ],
    large,
    longest: 1 << 10,
};

fn large(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("tables", numbered(size, "", |at| format!("CREATE TABLE t{at} (a int);"), "")),
        (
            "changes of one table",
            numbered(
                size,
                "CREATE TABLE t (a int);",
                |at| format!("ALTER TABLE t ADD COLUMN a{at} int;"),
                "",
            ),
        ),
        ("changes of many tables", numbered(size, "", |at| format!("ALTER TABLE t{at} DROP COLUMN a;"), "")),
        ("columns", numbered(size, "CREATE TABLE t (a int", |at| format!(", a{at} int"), ");")),
        (
            "parts of one change",
            numbered(size, "ALTER TABLE t ADD COLUMN a int", |at| format!(", ADD COLUMN a{at} int"), ";"),
        ),
        (
            "indexes",
            numbered(size, "CREATE TABLE t (a int);", |at| format!("CREATE INDEX i{at} ON t (a);"), ""),
        ),
        ("tables that are dropped", numbered(size, "DROP TABLE a", |at| format!(", t{at}"), ";")),
        ("rows", repeated(size, "INSERT INTO t VALUES (1, 2)", ", (1, 2)", ";")),
        ("parentheses", nested(size, "SELECT ", "(", "1", ");")),
        ("signs", repeated(size, "SELECT ", "-", "1;")),
        ("sums", repeated(size, "SELECT 1", " + 1", ";")),
        ("calls", nested(size, "SELECT ", "f(1, ", "1", ")")),
        ("cases", nested(size, "SELECT ", "CASE WHEN ", "1", " THEN 1 END")),
        ("joins", repeated(size, "SELECT 1 FROM t", " JOIN t ON true", ";")),
        ("subqueries", nested(size, "SELECT * FROM ", "(SELECT * FROM ", "t", ") a")),
        ("a body", repeated(size, "DO $$ BEGIN ", "UPDATE t SET a = 1; ", "END $$;")),
        ("bodies", repeated(size, "", "DO $$ BEGIN DROP TABLE t; END $$;", "")),
        ("waivers", repeated(size, "", "-- whimbrel: allow drop-table because x\nDROP TABLE t;\n", "")),
        ("waivers of the whole script", {
            let waivers = repeated(size / 2, "", "-- whimbrel: allow drop-table because x\n", "");
            [waivers, repeated(size / 2, "", "DROP TABLE t;", "")].concat()
        }),
        (
            "columns that change",
            [
                numbered(size / 2, "CREATE TABLE t (a int", |at| format!(", a{at} int"), ");"),
                numbered(size / 2, "", |at| format!("ALTER TABLE t MODIFY a{at} bigint;"), ""),
            ]
            .concat(),
        ),
        (
            "tables that take each other's place",
            numbered(size, "", |at| format!("DROP TABLE t{at};ALTER TABLE u{at} RENAME TO t{at};"), ""),
        ),
        ("tables that take one's place", repeated(size, "", "DROP TABLE t;ALTER TABLE u RENAME TO t;", "")),
        (
            "tables of one name",
            numbered(
                size,
                "",
                |at| {
                    format!(
                        "CREATE TABLE s{at}.t (a int);ALTER TABLE s{at}.t ADD FOREIGN KEY (a) REFERENCES u (a);"
                    )
                },
                "",
            ),
        ),
        (
            "unique indexes of one table",
            repeated(size, "", "CREATE TABLE t (a int);CREATE UNIQUE INDEX i ON t (a);", ""),
        ),
        (
            "indexes that go with their tables",
            numbered(size, "", |at| format!("CREATE UNIQUE INDEX i ON t{at} (a);DROP TABLE t{at};"), ""),
        ),
        (
            "foreign keys beside indexes",
            [
                numbered(
                    size / 2,
                    "CREATE TABLE t (a int);",
                    |at| format!("CREATE INDEX i{at} ON t (b{at});"),
                    "",
                ),
                repeated(size / 2, "", "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (a);", ""),
            ]
            .concat(),
        ),
        ("views", numbered(size, "", |at| format!("CREATE VIEW v{at} AS SELECT 1;DROP VIEW v{at};"), "")),
        (
            "constraints",
            numbered(
                size,
                "CREATE TABLE t (a int);",
                |at| format!("ALTER TABLE t ADD CONSTRAINT c{at} CHECK (a > 0);"),
                "",
            ),
        ),
        ("keys that are dropped", repeated(size, "ALTER TABLE t ADD a int", ", DROP PRIMARY KEY", ";")),
        ("settings", numbered(size, "", |at| format!("SET a.b{at} = 1;ALTER TABLE t ADD COLUMN a int;"), "")),
        (
            "values of an enumeration",
            numbered(
                size,
                "",
                |at| format!("ALTER TYPE e ADD VALUE 'v{at}';INSERT INTO t VALUES ('w{at}');"),
                "",
            ),
        ),
        (
            "tables made beside a switch",
            numbered(
                size,
                "SET foreign_key_checks = 0;",
                |at| format!("CREATE TABLE t{at} (a int);ALTER TABLE t{at} ADD COLUMN b int;"),
                "",
            ),
        ),
    ]
}

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(set) = Memory::new().with_sql(1, "a", text.as_ref()).set() else { return };
    for (product, lexing) in [
        (Product::Postgres, Lexing::POSTGRES),
        (Product::Sqlite, Lexing::SQLITE),
        (Product::Mysql, Lexing::MYSQL),
        (Product::Mariadb, Lexing::MARIADB),
    ] {
        if Script::parse(&text, &lexing).is_err() {
            continue;
        }
        let findings =
            Policy::new().lint(&set, product, &Conditions::default()).expect("there are rules for it");
        for finding in &findings {
            assert!(!finding.message().is_empty(), "a finding without words: {text:?}");
        }
        let again =
            Policy::new().lint(&set, product, &Conditions::default()).expect("there are rules for it");
        assert_eq!(findings.len(), again.len(), "judged otherwise a second time: {text:?}");
    }
}
