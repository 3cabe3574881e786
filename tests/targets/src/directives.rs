//! Directives: what the comments of a script say about how it is run.

use whimbrel::Directives;
use whimbrel::script::{Lexing, Script};

use crate::large::repeated;
use crate::quoted::is_one_line;
use crate::{Target, corpus};

const LEXINGS: [Lexing; 4] = [Lexing::POSTGRES, Lexing::SQLITE, Lexing::MYSQL, Lexing::MARIADB];

pub(crate) const TARGET: Target = Target {
    name: "directives",
    check,
    seeds: || {
        let texts = [
            "-- whimbrel: no-transaction\nselect 1",
            "-- whimbrel: lock_timeout=3s\n-- whimbrel: statement_timeout = 15 min\nselect 1",
            "-- whimbrel: foreign_keys=off\nselect 1; -- whimbrel: allow rename because nobody reads it\nselect 2",
            "/* whimbrel: placeholders */ select ${a}",
            "-- WHIMBREL: allow drop-table because\nselect 1",
            "#whimbrel: foreign_keys=cascade\nselect 1",
        ];
        let mut seeds: Vec<Vec<u8>> = texts.map(|text| text.as_bytes().to_vec()).into();
        seeds.extend(
            corpus::blocks("sql").into_iter().filter(|it| it.windows(9).any(|part| part == b"whimbrel:")),
        );
        seeds
    },
    words: &[
        "-- whimbrel: ",
        "/* whimbrel: ",
        "#whimbrel:",
        "*/",
        "\n",
        "\r",
        " ",
        "=",
        ";",
        "select 1",
        "no-transaction",
        "placeholders",
        "foreign_keys",
        "off",
        "cascade",
        "lock_timeout",
        "statement_timeout",
        "3s",
        "10ms",
        "2min",
        "1h",
        "18446744073709551615h",
        "allow ",
        " because ",
        "rename",
        "\u{a0}",
        "\u{1b}[0m",
    ],
    large: |size| {
        vec![
            ("directives in one header", repeated(size, "", "-- whimbrel: no-transaction\n", "select 1")),
            ("waivers", repeated(size, "", "-- whimbrel: allow a because b\nselect 1;\n", "")),
            ("a long one", repeated(size, "-- whimbrel: allow a because ", "b ", "\nselect 1")),
            ("digits", repeated(size, "-- whimbrel: lock_timeout=", "1", "\nselect 1")),
        ]
    },
    longest: 1 << 10,
};

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for lexing in &LEXINGS {
        let Ok(script) = Script::parse(&text, lexing) else { continue };
        match Directives::read(&script) {
            Ok(directives) => {
                for waiver in &directives.waivers {
                    let named = !waiver.rule.is_empty() && !waiver.rule.contains(char::is_whitespace);
                    assert!(named && !waiver.reason.trim().is_empty(), "a waiver without a word: {text:?}");
                }
                // A directive is never overlooked.
                let mut found = directives.waivers.len();
                found += usize::from(directives.no_transaction) + usize::from(directives.placeholders);
                found +=
                    usize::from(directives.foreign_keys_off) + usize::from(directives.foreign_keys_cascade);
                found += usize::from(directives.lock_timeout.is_some());
                found += usize::from(directives.statement_timeout.is_some());
                assert_eq!(found, script.directives().len(), "a directive without effect: {text:?}");
            }
            Err(errors) => {
                assert!(!errors.is_empty(), "refused without a reason: {text:?}");
                errors.iter().for_each(|error| is_one_line(&error.to_string()));
            }
        }
    }
}
