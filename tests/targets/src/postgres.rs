//! The splitter of PostgreSQL's dialect, beside the parser of the linter squawk.

use squawk_syntax::SourceFile;
use whimbrel::script::{Lexing, Script};

use crate::large::{nested, numbered, repeated};
use crate::{Target, corpus, splitter};

pub(crate) const TARGET: Target = Target {
    name: "postgres",
    check: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        splitter::check(&text, &Lexing::POSTGRES);
        compare(&text);
    },
    seeds: || corpus::scripts("postgres"),
    words: &[
        ";",
        "'",
        "''",
        "\"",
        "\\",
        "\\'",
        "E'",
        "e'",
        "U&'",
        "B'",
        "x'",
        "$$",
        "$a$",
        "$a",
        "$1",
        "/*",
        "*/",
        "/* /* */",
        "--",
        "\n",
        "\r",
        " ",
        "(",
        ")",
        ",",
        ".",
        "::",
        ":=",
        "1e",
        "0x",
        "CREATE ",
        "OR REPLACE ",
        "FUNCTION f() RETURNS int ",
        "PROCEDURE p() ",
        "BEGIN ",
        "ATOMIC ",
        "END",
        "CASE ",
        "WHEN ",
        "THEN ",
        "RULE r AS ON INSERT TO t DO ",
        "ALSO ",
        "INSTEAD ",
        "NOTHING",
        "SELECT 1",
        "INSERT INTO t VALUES (1)",
        "COPY t FROM STDIN",
        "COPY t TO STDOUT",
        "\n\\.\n",
        "COMMIT",
        "ROLLBACK ",
        "TO s",
        "PREPARE ",
        "TRANSACTION ",
        "AS ",
        "DO $$",
        "LANGUAGE sql ",
        "RETURN 1",
        "ALTER TABLE t ",
        "DROP TABLE t",
        "CREATE INDEX ",
        "CONCURRENTLY ",
        "\u{e9}",
        "\u{b}",
        "\u{c}",
        "whimbrel: ",
    ],
    large,
    longest: 1 << 12,
};

fn large(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("dollar tags", numbered(size, "SELECT ", |at| format!("$a{at}$ $b "), "")),
        ("tags that are none", repeated(size, "SELECT ", "$a ", "")),
        ("a long tag", {
            let third = size / 3;
            let tag = format!("${}$", "a".repeat(third));
            [tag.as_str(), &format!("${}b$", "a".repeat(third)).repeat(2), &tag].concat().into_bytes()
        }),
        ("quotes inside of a tag", repeated(size, "SELECT $a$", "$a $b$", "$a$")),
        ("comments in comments", nested(size, "SELECT 1 ", "/*", "a", "*/")),
        ("an open comment", repeated(size, "SELECT 1 ", "/* ", "")),
        ("strings that go on", repeated(size, "SELECT E'a'", "\n--b\n'c\\''", "")),
        ("strings that do not", repeated(size, "SELECT E'a'", "--b\n", "c")),
        ("parentheses", nested(size, "SELECT ", "(", "1", ")")),
        ("an open parenthesis", repeated(size, "SELECT (", "1;", "")),
        ("copies", repeated(size, "", "COPY t FROM STDIN;\n1\n\\.\n", "")),
        ("copies without an end", repeated(size, "", "COPY t FROM STDIN;\n", "")),
        ("backslashes", repeated(size, "", "\\x\n", "")),
        (
            "atomic bodies",
            repeated(size, "", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;", ""),
        ),
        ("directives on one line", repeated(size, "SELECT 1;", "/*whimbrel: x*/", "")),
        ("control", repeated(size, "", "COMMIT;", "")),
        ("statements", repeated(size, "", "SELECT 1;", "")),
        ("settings of one's own", numbered(size, "", |at| format!("SET a.b{at} = 1;"), "")),
    ]
}

/// Compares the statements with those of the parser, where it takes the whole text.
///
/// It forgives much, and is no PostgreSQL: what it objects to anywhere is not compared.
fn compare(text: &str) {
    let Ok(script) = Script::parse(text, &Lexing::POSTGRES) else { return };
    // What is nested deeper than any stack is not for it.
    if text.len() > 1 << 13 || script.statements().iter().any(|it| it.words().count() > 400) {
        return;
    }
    let parse = SourceFile::parse(text);
    if !parse.errors().is_empty() {
        return;
    }
    let begin = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    let theirs: Vec<usize> = parse
        .syntax_node()
        .children()
        .filter(|node| !node.text().to_string().starts_with(';'))
        .map(|node| begin(node.text_range().start().into()))
        .collect();
    let ours: Vec<usize> = script.statements().iter().map(|statement| statement.position().offset).collect();
    assert_eq!(ours, theirs, "where statements begin, here and there: {text:?}");
}
