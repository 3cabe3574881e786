//! What the reader makes of statements. Knows no rule.

#[path = "../../../../../tests/corpus/reader.rs"]
mod corpus;

use whimbrel::script::{Lexing, Script};
use whimbrel::{Product, ServerVersion};

use super::super::{Reading, Unparsed, read};

fn readings(sql: &str, product: Product) -> Vec<Result<Reading, Unparsed>> {
    let lexing = if product == Product::Mariadb { Lexing::MARIADB } else { Lexing::MYSQL };
    let script = Script::parse(sql, &lexing).expect("a sound script");
    let server = ServerVersion::new(product, 8, 0, 0);
    script.statements().iter().map(|statement| read(statement, &server)).collect()
}

#[test]
fn every_statement_of_the_corpus_is_read() {
    let mut count = 0;
    let mut unread = Vec::new();
    for case in corpus::read("mysql").iter().filter(|case| case.problems.is_empty() && !case.has("rejected"))
    {
        let product = if case.has("mariadb") { Product::Mariadb } else { Product::Mysql };
        let lexing = if product == Product::Mariadb { Lexing::MARIADB } else { Lexing::MYSQL };
        let Ok(script) = Script::parse(&case.script, &lexing) else { continue };
        for statement in script.statements() {
            count += 1;
            if let Err(unparsed) = read(statement, &ServerVersion::new(product, 8, 0, 0)) {
                unread.push(format!("{}: {} -- {}", case.name, unparsed.why, statement.text()));
            }
        }
    }
    assert!(count > 300, "{count} statements only");
    assert!(unread.is_empty(), "{} of {count} statements:\n{}", unread.len(), unread.join("\n"));
}
