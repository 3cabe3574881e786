#![no_main]
//! The splitter beside PostgreSQL's own parser (libpg_query).

use whimbrel::script::{Lexing, Script};

libfuzzer_sys::fuzz_target!(|input: &[u8]| compare(&String::from_utf8_lossy(input)));

fn compare(text: &str) {
    let Ok(script) = Script::parse(text, &Lexing::POSTGRES) else { return };
    // What it does not take as a whole it says nothing about.
    let Ok(theirs) = pg_query::split_with_parser(text) else { return };
    let ours: Vec<&str> = script.statements().iter().map(|statement| statement.text()).collect();
    assert_eq!(ours.len(), theirs.len(), "{ours:?} and {theirs:?} of {text:?}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        // It counts the white space and the comments before a statement in.
        assert!(theirs.contains(ours), "{ours:?} and {theirs:?} of {text:?}");
    }
}
