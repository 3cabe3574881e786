//! A walk up, down and up again finds every way down that is not the way back.

use whimbrel::{Memory, Migrator};
use whimbrel_testkit::{Fake, WalkError, Walked, Way, block_on, walk};

fn users() -> Memory {
    Memory::new()
        .with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);")
        .with_down(1, "DROP TABLE users;")
}

fn walked(memory: &Memory) -> Result<Walked, WalkError> {
    block_on(walk(&mut Fake::new(), || Migrator::new(memory)))
}

#[test]
fn ways_there_and_back_are_walked_and_those_without_one_passed_over() {
    let set = users()
        .with_sql(2, "fill", "INSERT INTO users (id) VALUES (1);")
        .with_sql(5, "by_name", "CREATE INDEX by_name ON users (name);")
        .with_down(5, "DROP INDEX by_name;")
        .with_repeatable("again", "UPDATE users SET name = 'x';");
    let walked = walked(&set).expect("they lead back");
    assert_eq!(walked.both_ways, ["1_users", "5_by_name"]);
    assert_eq!(walked.one_way, ["2_fill"]);
}

#[test]
fn a_way_down_that_leaves_something_or_takes_too_much_is_named_with_the_difference() {
    let forgets = users()
        .with_sql(2, "two", "CREATE INDEX a ON users (name);\nCREATE TABLE other (id INTEGER);")
        .with_down(2, "DROP TABLE other;");
    let Err(WalkError::Differs { label, way: Way::Down, missing, left }) = walked(&forgets) else {
        panic!("an index was left")
    };
    assert_eq!((label.as_str(), missing.len(), left.len()), ("2_two", 0, 1));
    let takes = users().with_sql(2, "rows", "DELETE FROM users;").with_down(2, "DROP TABLE users;");
    let Err(WalkError::Differs { missing, left, .. }) = walked(&takes) else { panic!("a table is gone") };
    assert!(!missing.is_empty() && left.is_empty(), "{missing:?} {left:?}");
}

#[test]
fn a_way_that_does_not_run_is_named() {
    let down = users().with_sql(2, "rows", "DELETE FROM users;").with_down(2, "DROP TABLE nobody;");
    let error = walked(&down).expect_err("it fails");
    assert!(error.to_string().starts_with("the way down of 2_rows fails"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}
