//! How much of valid SQL the readers understand. Knows no rule.

#[path = "../../../tests/corpus/reader.rs"]
mod reader;

use whimbrel::{Conditions, Memory, Product};
use whimbrel_policy::Policy;

#[test]
fn the_corpus_of_postgresql_is_understood_but_for_two_oddities() {
    let policy = Policy::new().only(&["unparsed"]).expect("the rule");
    let (mut all, mut unparsed) = (0, Vec::new());
    let valid = |case: &reader::Case| case.problems.is_empty() && !case.has("rejected");
    for case in reader::read("postgres").into_iter().filter(valid) {
        let set = Memory::new().with_sql(1, "it", case.script.clone()).set().expect("a set");
        let findings = policy.lint(&set, Product::Postgres, &Conditions::default()).expect("rules for it");
        all += case.statements.len();
        if !findings.is_empty() {
            let (_, title) = case.name.split_once(": ").expect("a title");
            unparsed.push(title.split(" [").next().expect("a part").to_owned());
        }
    }
    assert!(all > 400, "only {all} statements");
    // A string with escapes that goes on in the next line, and `PREPARE transaction AS …`.
    assert_eq!(
        unparsed,
        [
            "an escape string goes on with escapes",
            "an escape string goes on with escapes after a comment",
            "an escape string goes on twice",
            "an escape string goes on after a carriage return",
            "a statement prepared under the name transaction",
            "a statement prepared with parameters under that name",
        ]
    );
}

/// The scripts of the corpus that a reader does not understand, and how many statements there are.
fn unread(dialect: &str, product: Product, valid: impl Fn(&reader::Case) -> bool) -> (usize, Vec<String>) {
    let policy = Policy::new().only(&["unparsed"]).expect("the rule");
    let (mut all, mut unread) = (0, Vec::new());
    let cases =
        reader::read(dialect).into_iter().filter(|case| case.problems.is_empty() && !case.has("rejected"));
    for case in cases.filter(|case| valid(case)) {
        let set = Memory::new().with_sql(1, "it", case.script.clone()).set().expect("a set");
        let findings = policy.lint(&set, product, &Conditions::default()).expect("rules for it");
        all += case.statements.len();
        // Some are about directives.
        let findings = findings.iter().filter(|finding| finding.message().starts_with("unparsed: "));
        unread.extend(findings.map(|finding| format!("{}: {finding}\n{}", case.name, case.script)));
    }
    (all, unread)
}

#[test]
fn the_corpus_of_mysql_and_mariadb_is_understood() {
    for (product, other) in [(Product::Mysql, "mariadb"), (Product::Mariadb, "mysql")] {
        let (all, unread) = unread("mysql", product, |case| !case.has(other));
        assert!(all > 300, "only {all} statements");
        assert!(unread.is_empty(), "{}", unread.join("\n"));
    }
}

#[test]
fn the_corpus_of_sqlite_is_understood() {
    // Parameters have no place in a migration, and a vertical tab is a blank to SQLite's tokenizer alone.
    let valid = |case: &reader::Case| !case.has("parameters") && !case.script.contains('\x0B');
    let (all, unread) = unread("sqlite", Product::Sqlite, valid);
    assert!(all > 200, "only {all} statements");
    assert!(unread.is_empty(), "{}", unread.join("\n"));
}

#[test]
fn no_depth_of_nesting_ends_the_process() {
    let policy = Policy::new().only(&["unparsed"]).expect("the rule");
    let nested = |open: &str, close: &str, times: usize| {
        let sql = format!("SELECT {}1{};", open.repeat(times), close.repeat(times));
        let set = Memory::new().with_sql(1, "it", sql).set().expect("a set");
        policy.lint(&set, Product::Postgres, &Conditions::default()).expect("rules for it").len()
    };
    for (open, close) in
        [("(", ")"), ("NOT ", ""), ("- ", ""), ("CASE WHEN true THEN ", " END"), ("f(", ")"), ("ARRAY[", "]")]
    {
        assert_eq!(nested(open, close, 200), 0, "{open} 200 times");
        assert_eq!(nested(open, close, 20_000), 1, "{open} 20,000 times");
    }
    for chain in [" AND true", " || 1", "::int", " UNION SELECT 1", "[1]"] {
        assert_eq!(nested("", chain, 200), 0, "{chain} 200 times");
        assert_eq!(nested("", chain, 20_000), 1, "{chain} 20,000 times");
    }
}

/// Every script of the examples, cut off after each of its words, and without each of them.
#[test]
fn no_part_of_a_script_makes_the_policy_panic() {
    let policy = Policy::new();
    let mut judged = 0;
    for example in whimbrel_policy::rules().flat_map(|rule| rule.examples()) {
        let words: Vec<&str> = example.bad.split_inclusive([' ', '\n', '(', ',']).collect();
        for at in 1..words.len() {
            let without: Vec<&str> =
                words.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, word)| *word).collect();
            for script in [words[..at].concat(), without.concat()] {
                let set = Memory::new().with_sql(1, "it", script).set().expect("a set");
                policy.lint(&set, example.product, &Conditions::default()).expect("rules for it");
                judged += 1;
            }
        }
    }
    assert!(judged > 1_000, "only {judged} scripts");
}
