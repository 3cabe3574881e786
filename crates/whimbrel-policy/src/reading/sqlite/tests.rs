//! What the reader makes of statements. Knows no rule.

use whimbrel::script::{Lexing, Script};

use super::read;
use crate::reading::corpus;

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
