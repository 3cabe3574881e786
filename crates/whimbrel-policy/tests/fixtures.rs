//! The project's own migrations give no false alarm. Knows them by name.

use std::path::PathBuf;
use std::time::Duration;

use whimbrel::{Conditions, Directory, Product, Weight};
use whimbrel_policy::Policy;

/// What the policy says of a directory of the repository, with the limit on waiting that migrators have by default.
fn lint(folder: &str, dialect: &str, product: Product) -> Vec<(String, String, Weight)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let set = Directory::new(&folder).read(dialect).expect("the fixtures can be read");
    let conditions = Conditions::default().with_lock_timeout(Duration::from_secs(3));
    let findings = Policy::new().lint(&set, product, &conditions).expect("rules for it");
    let told = |finding: &whimbrel::Finding| {
        let rule = finding.message().split(": ").next().expect("a rule").to_owned();
        (finding.subject().to_owned(), rule, finding.weight())
    };
    findings.iter().map(told).collect()
}

#[test]
fn the_examples_of_the_repository_break_no_rule() {
    assert_eq!(lint("examples/migrations", "sqlite", Product::Sqlite), []);
}

/// All of these are true: on a bookshop with customers, each would be noticed.
#[test]
fn the_bookshop_breaks_only_the_rules_that_it_should_on_postgresql() {
    let refused = |label: &str, rule: &str| (label.to_owned(), rule.to_owned(), Weight::Refusal);
    let approved = |label: &str, rule: &str| (label.to_owned(), rule.to_owned(), Weight::Approval);
    let noted = |label: &str, rule: &str| (label.to_owned(), rule.to_owned(), Weight::Note);
    assert_eq!(
        lint("migrations-fixtures/bookshop", "postgres", Product::Postgres),
        [
            approved("2_create_books", "drop-table"),
            refused("3_index_books_by_author", "index-not-concurrently"),
            noted("3_index_books_by_author", "drop-index-not-concurrently"),
            refused("8_isbn_is_unique", "set-not-null"),
            refused("8_isbn_is_unique", "unique-builds-index"),
        ]
    );
}

#[test]
fn the_bookshop_breaks_only_the_rules_that_it_should_on_the_others() {
    let told = |dialect, product| {
        let findings = lint("migrations-fixtures/bookshop", dialect, product);
        findings.into_iter().map(|(subject, rule, _)| format!("{subject} {rule}")).collect::<Vec<_>>()
    };
    let expected = [
        "2_create_books drop-table",
        "8_isbn_is_unique table-rebuild",
        "9_index_titles blocks-writes",
        "R__order_totals runs-as-definer",
    ];
    assert_eq!(told("mysql", Product::Mysql), expected);
    assert_eq!(told("mysql", Product::Mariadb), expected);
    assert_eq!(told("sqlite", Product::Sqlite), ["2_create_books drop-table"]);
}
