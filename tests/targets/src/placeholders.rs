//! Placeholders: where they stand, and that what is filled in cannot become more than a value.

use whimbrel::script::{Lexing, Script, Statement};
use whimbrel::{Memory, Migrator, PlaceholderForm, placeholders};
use whimbrel_testkit::Fake;

use crate::large::{numbered, repeated};
use crate::{Target, corpus};

const LEXINGS: [Lexing; 4] = [Lexing::POSTGRES, Lexing::SQLITE, Lexing::MYSQL, Lexing::MARIADB];

pub(crate) const TARGET: Target = Target {
    name: "placeholders",
    check,
    seeds: || {
        let texts = [
            "CREATE TABLE ${schema:ident}.t (a text DEFAULT ${a.b-c}); -- ${not} this",
            "SELECT ${secret:db/password},${a}::text, 'a ${b}', \"${c}\", `${d}`, [${e}]",
            "SELECT a${b}, ${a}${b}, '${a}'${b}, ${}, ${a b}, $${a}, $a$ ${b} $a$",
            "SET NAMES gbk; SELECT ${a}; PREPARE s FROM 'SET NAMES gbk'; EXECUTE s",
            "/*!80000 ${a} */ SELECT ${a} /*${b}*/; DELIMITER //\nSELECT ${a}//",
        ];
        let mut seeds: Vec<Vec<u8>> = texts.map(|text| text.as_bytes().to_vec()).into();
        seeds.extend(corpus::blocks("sql").into_iter().filter(|it| it.windows(2).any(|part| part == b"${")));
        seeds
    },
    words: &[
        "${a}",
        "${a:ident}",
        "${secret:a}",
        "${",
        "}",
        "$",
        "$$",
        "{",
        ":",
        "a",
        "'",
        "\"",
        "`",
        "[",
        "]",
        "--",
        "/*",
        "*/",
        "/*!80000 ",
        "#",
        "\n",
        " ",
        ";",
        "SELECT ",
        "INSERT INTO t VALUES (",
        ")",
        ",",
        ".",
        "E'",
        "\\",
        "SET NAMES gbk",
        "SET sql_mode = ''",
        "set_config(",
        "client_encoding",
        "PREPARE s FROM ",
        "EXECUTE s",
        "DELIMITER //\n",
        "DO $$",
        "\u{e9}",
    ],
    large: |size| {
        vec![
            ("placeholders", repeated(size, "SELECT ", "${a},", "1")),
            ("placeholders of many names", numbered(size, "SELECT ", |at| format!("${{a{at}}},"), "1")),
            ("placeholders that touch", repeated(size, "SELECT ", "${a}", "1")),
            ("placeholders in quotes", repeated(size, "SELECT ", "'${a}',", "1")),
            ("beginnings", repeated(size, "SELECT ", "${", "")),
            ("dollar signs", repeated(size, "SELECT ", "$ ", "{")),
            ("statements", repeated(size, "", "SELECT ${a};", "")),
            (
                "names that are prepared",
                numbered(size, "SELECT ${a};", |at| format!("PREPARE p{at} FROM 'DO 1';EXECUTE p{at};"), ""),
            ),
            ("other tools' lines", repeated(size, "", "-- down\nSELECT 1;\n", "")),
            ("secrets", repeated(size, "", "SELECT ${secret:a};", "")),
        ]
    },
    longest: 1 << 10,
};

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for lexing in &LEXINGS {
        filled(&text, lexing);
    }
    let script = format!("-- whimbrel: placeholders\n{text}");
    let migrations = Memory::new().with_sql(1, "a", script);
    let migrator = Migrator::new(&migrations).with_value("a", "it's \\ \" ` ; --");
    let mut db = Fake::new();
    if let Err(error) = migrator.plan_blocking(&mut db).map(|plan| plan.to_string()) {
        let _ = format!("{error:#}");
    }
}

/// Checks that a script has the same statements, whatever is filled in.
fn filled(text: &str, lexing: &Lexing) {
    let found = placeholders(text, lexing);
    let mut last = 0;
    for it in &found {
        let own = text.get(it.start..it.end).unwrap_or_default();
        assert!(it.start >= last && own.starts_with("${") && own.ends_with('}'), "{own:?} of {text:?}");
        assert!(own.contains(it.name.as_str()) && !it.name.is_empty(), "{it:?} of {text:?}");
        last = it.end;
    }
    let with = |literal: &str, identifier: &str| {
        let (mut filled, mut end) = (String::new(), 0);
        for it in &found {
            filled.push_str(text.get(end..it.start).unwrap_or_default());
            filled.push_str(if it.form == PlaceholderForm::Identifier { identifier } else { literal });
            end = it.end;
        }
        filled.push_str(text.get(end..).unwrap_or_default());
        filled
    };
    let cut = |text: String| {
        let script = Script::parse(&text, lexing).ok()?;
        Some(script.statements().iter().map(kinds).collect::<Vec<_>>())
    };
    let quote = if lexing.backticks && !lexing.brackets { "`" } else { "\"" };
    let harmless = cut(with("'x'", &format!("{quote}x{quote}")));
    let harmful = cut(with("'''; -- /* ${'", &format!("{quote}{quote}{quote}; ' /* ${{{quote}")));
    // What is not read at all, such as a body that is never closed, is not read with anything filled in. A `DELIMITER` line is
    // the client's, in which nothing is filled in.
    if lexing.delimiter_command && text.to_ascii_uppercase().contains("DELIMITER") {
        return;
    }
    assert_eq!(harmless, harmful, "what is filled in is read as more than a value: {text:?}");
}

fn kinds(statement: &Statement<'_>) -> Vec<whimbrel::script::TokenKind> {
    statement.words().map(|word| word.kind).collect()
}
