//! Checks of migrations that fail: what is told, and what is left.

use std::sync::Mutex;
use std::time::Duration;

use whimbrel::{ErrorKind, Event, Memory, Migrator, Outcome, Transaction};

use super::TestDatabase;
use super::bench::{Bench, Database, insert};

/// Three migrations, of which the second fails at its third statement, on the fourth line.
fn failing<T: TestDatabase>(database: &Database<T>) -> Memory {
    let script = format!(
        "{};\n-- and\n  {};\n  {};\n{};\n",
        insert("items", 1, 1),
        insert("items", 2, 2),
        database.scripts.failing,
        insert("items", 3, 3)
    );
    Memory::new().with_sql(1, "items", database.create("items")).with_sql(2, "wrong", script).with_sql(
        3,
        "more",
        insert("items", 4, 4),
    )
}

pub fn a_failing_statement_is_told_with_its_place<T: TestDatabase>(bench: &Bench<'_, T>) {
    for transaction in bench.modes() {
        let database = bench.database();
        let migrator = Migrator::new(failing(&database))
            .with_transaction(transaction)
            .with_failure_pause(Duration::ZERO);
        let error = database.run(&migrator).expect_err("the third statement fails");
        assert_eq!(error.kind(), ErrorKind::Files, "{error:#}");
        assert_eq!((error.migration(), error.statement()), (Some("2_wrong"), Some(3)), "{error:#}");
        let place = error.location().expect("a place");
        assert_eq!((place.file.as_str(), place.position.line), ("0002_wrong.sql", 4), "{error:#}");
        let columns = 3..3 + database.scripts.failing.len() as u32;
        assert!(columns.contains(&place.position.column), "{error:#}");
    }
}

pub fn a_failing_migration_leaves_nothing_and_what_came_before_stays<T: TestDatabase>(bench: &Bench<'_, T>) {
    for transaction in [Transaction::Auto, Transaction::PerMigration] {
        let database = bench.database();
        let migrator = Migrator::new(failing(&database))
            .with_transaction(transaction)
            .with_failure_pause(Duration::ZERO);
        let error = database.run(&migrator).expect_err("the third statement fails");
        let done = error.report().expect("a report of what was done before");
        let labels: Vec<&str> = done.migrations.iter().map(|migration| &*migration.label).collect();
        assert_eq!(labels, ["1_items"], "{error:#}");
        assert_eq!(database.number("SELECT COUNT(*) FROM items"), 0);
        let before = database.found();
        assert_eq!((before.count("applied"), before.count("failed")), (1, 1), "{before:?}");
        database.run(&migrator).expect_err("it still fails");
        let after = database.found();
        assert_eq!(after.count("failed"), 2, "{after:?}");
        assert_eq!(after.undisturbed(), before.undisturbed());
        let corrected = failing(&database)
            .set()
            .expect("a set")
            .iter()
            .map(|migration| migration.up().text().replace(database.scripts.failing, &insert("items", 9, 9)))
            .zip(["items", "wrong", "more"])
            .zip(1..)
            .fold(Memory::new(), |memory, ((text, name), version)| memory.with_sql(version, name, text));
        database.apply(&Migrator::new(corrected));
        assert_eq!(database.number("SELECT COUNT(*) FROM items"), 5);
    }
    let database = bench.database();
    let migrator = Migrator::new(failing(&database)).with_transaction(Transaction::PerRun);
    database.run(&migrator).expect_err("the third statement fails");
    let found = database.found().undisturbed();
    assert_eq!(found, bench.database().found(), "one transaction for all keeps all or nothing");
}

pub fn a_failing_statement_outside_transactions_is_gone_on_with_when_corrected<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    let database = bench.database();
    let memory = |statement: &str| {
        let script = format!(
            "-- whimbrel: no-transaction\n{};\n{};\n{statement};\n{};",
            insert("items", 1, 1),
            database.scripts.outside,
            insert("items", 3, 3)
        );
        Memory::new().with_sql(1, "items", database.create("items")).with_sql(2, "outside", script)
    };
    for _ in 0..2 {
        let error =
            database.run(&Migrator::new(memory(database.scripts.failing))).expect_err("it fails there");
        assert_eq!((error.statement(), error.kind()), (Some(3), ErrorKind::Files), "{error:#}");
        assert_eq!(database.number("SELECT COUNT(*) FROM items"), 1);
    }
    let corrected = Migrator::new(memory(&insert("items", 2, 2)));
    assert_eq!(database.run(&corrected).expect("it goes on").outcome, Outcome::Applied);
    assert_eq!(database.number("SELECT COUNT(*) FROM items"), 3);
    database.is_up_to_date(&corrected);
}

pub fn an_empty_database_built_at_once_equals_one_built_step_by_step<T: TestDatabase>(bench: &Bench<'_, T>) {
    let found = [Transaction::Auto, Transaction::PerMigration].map(|transaction| {
        let database = bench.database();
        database.apply(&database.everything().with_transaction(transaction));
        database.found().undisturbed()
    });
    assert_eq!(found[0], found[1]);
    let found: Vec<_> = bench
        .modes()
        .into_iter()
        .map(|transaction| {
            let database = bench.database();
            database.apply(&Migrator::new(database.many(20)).with_transaction(transaction));
            database.found().undisturbed()
        })
        .collect();
    assert!(found.windows(2).all(|two| two[0] == two[1]), "{found:?}");
}

pub fn errors_and_events_and_the_history_hold_no_literals<T: TestDatabase>(bench: &Bench<'_, T>) {
    const SECRET: &str = "hunter2-correct-horse";
    let database = bench.database();
    let word = format!("INSERT INTO words (word) VALUES ('{SECRET}')");
    let wrong = [
        // The key is there already: many databases quote it.
        format!("{word};\n{word};"),
        format!("INSERT INTO there_is_no_such_table (word) VALUES ('{SECRET}');"),
        format!("INSERT INTO words (there_is_no_such_column) VALUES ('{SECRET}');"),
        format!("INSERT INTO words (word) VALUES ('a') '{SECRET}';"),
        format!("-- whimbrel: no-transaction\n{word};\n{word};"),
    ];
    for script in wrong {
        let database = bench.database();
        let told = Mutex::new(String::new());
        let tell = |event: &Event<'_>| told.lock().expect("nobody panics").push_str(&format!("{event:?}\n"));
        let migrator =
            Migrator::new(Memory::new().with_sql(1, "words", database.scripts.create_words).with_sql(
                2,
                "secret",
                script.as_str(),
            ))
            .with_observer(tell);
        let error = database.run(&migrator).expect_err("it fails");
        let mut text = format!("{error}\n{error:#}\n{error:?}\n");
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            text.push_str(&format!("{inner}\n{inner:?}\n"));
            source = inner.source();
        }
        drop(migrator);
        text.push_str(&told.into_inner().expect("nobody panics"));
        assert!(!text.contains(SECRET) && !text.contains("correct-horse"), "{text}");
        for record in database.found().history {
            assert!(!record.to_string().contains(SECRET), "{record}");
        }
    }
    drop(database);
}
