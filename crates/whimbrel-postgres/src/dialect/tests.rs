//! The generated SQL, as it is sent.

use std::time::Duration;

use whimbrel::{BootSet, Digest};

use super::*;

fn table(name: &str) -> TableName {
    TableName::new(name).expect("a name")
}

fn digest(digit: &str) -> Digest {
    format!("b3v1:{}", digit.repeat(64)).parse().expect("a digest")
}

#[test]
fn boots() {
    let (head, repeatables) = (digest("a"), digest("b"));
    let app = BootSet { name: "app", head, repeatables: Some(repeatables), last: 40 };
    let library = BootSet { name: "it's", head, repeatables: None, last: 0 };
    let query = BootQuery { table: &TableName::default(), sets: &[app], environment: false };
    let one = boot(&query);
    // The message's head and end are 6 bytes more.
    assert!(one.len() < 1_018, "{}", one.len());
    insta::assert_snapshot!("boot", one);
    let app = BootSet { name: "app", head, repeatables: None, last: 40 };
    let query = BootQuery { table: &table("ops.log"), sets: &[app, library], environment: true };
    insta::assert_snapshot!("boot_of_two_sets_in_a_schema", boot(&query));
}

#[test]
fn statements() {
    insta::assert_snapshot!("create", create(&TableName::default()).join(";\n"));
    insta::assert_snapshot!("create_in_a_schema", create(&table("ops.log")).join(";\n"));
    let names = ["made".to_owned()];
    let survey = |table: &TableName, made| {
        survey(&SurveyQuery { table, known: &["goose_db_version", "knex_migrations"], made, places: &[] })
    };
    insta::assert_snapshot!("survey", survey(&TableName::default(), &[]));
    insta::assert_snapshot!("survey_of_a_schema", survey(&table("ops.log"), &names));
    let lock = DIALECT.lock.expect("there is a lock");
    let name = TableName::default();
    let all = [
        (lock.transaction.expect("it can end with the transaction"))(&name),
        (lock.take)(&name),
        (lock.release)(&name),
        (lock.held)(&name),
        (lock.holder)(&name),
    ];
    insta::assert_snapshot!("lock", all.join("\n"));
    let both = Timeouts {
        lock: Some(Duration::from_secs(3)),
        statement: Some(Duration::from_micros(1)),
        local: true,
    };
    let one = Timeouts { lock: None, statement: Some(Duration::MAX), local: false };
    insta::assert_snapshot!("timeouts", [timeouts(&both), timeouts(&one)].join("\n"));
}

#[test]
fn literals_mean_their_text_whatever_the_settings() {
    assert_eq!(literal("plain"), "E'plain'");
    assert_eq!(literal(r"it's \ \' "), r"E'it''s \\ \\'' '");
    assert_eq!(literal("a\0b"), "E'ab'");
    assert_eq!(identifier("say \"hi\""), "\"say \"\"hi\"\"\"");
}
