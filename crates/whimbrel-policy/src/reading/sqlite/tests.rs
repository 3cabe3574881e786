//! What the reader makes of statements. Knows no rule.

use whimbrel::script::{Lexing, Script};

use super::super::{Reading, Unparsed};
use super::read;
use crate::reading::corpus;

fn readings(sql: &str) -> Vec<Result<Reading, Unparsed>> {
    let script = Script::parse(sql, &Lexing::SQLITE).expect("a sound script");
    script.statements().iter().map(read).collect()
}

#[test]
fn every_statement_of_the_corpus_is_read() {
    let mut count = 0;
    let mut unread = Vec::new();
    for case in corpus::read("sqlite") {
        // Parameters have no place in a migration, and a vertical tab is a blank to SQLite's tokenizer alone.
        let odd = case.has("parameters") || case.script.contains('\x0B');
        if odd || case.has("rejected") || !case.problems.is_empty() {
            continue;
        }
        for reading in readings(&case.script) {
            count += 1;
            if let Err(unparsed) = reading {
                unread.push(format!("{}: {} -- {}", case.name, unparsed.why, case.script));
            }
        }
    }
    assert!(count > 200, "{count} statements only");
    assert!(unread.is_empty(), "{} of {count} statements:\n{}", unread.len(), unread.join("\n"));
}

#[test]
fn no_beginning_of_a_statement_makes_the_parser_panic() {
    for case in corpus::read("sqlite") {
        for (end, _) in case.script.char_indices() {
            if let Ok(script) = Script::parse(&case.script[..end], &Lexing::SQLITE) {
                for statement in script.statements() {
                    let _ = read(statement);
                }
            }
        }
    }
}
