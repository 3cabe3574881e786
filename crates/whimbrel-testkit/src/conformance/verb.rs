//! Checks of the other verbs: there and back again.

use whimbrel::{
    Ending, ErrorKind, FindingKind, Memory, Migrator, Outcome, Reverted, Settlement, Standing, TableName,
};

use super::TestDatabase;
use super::bench::{Bench, insert, statements, version};

pub fn reverting_and_redoing_come_back_to_the_same_database<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let memory = Memory::new()
        .with_sql(1, "items", database.create("items"))
        .with_down(1, "DROP TABLE items")
        .with_sql(2, "row", insert("items", 2, 2))
        .with_down(2, "DELETE FROM items WHERE id = 2")
        .with_sql(3, "others", database.create("others"))
        .with_down(3, "DROP TABLE others");
    let migrator = Migrator::new(&memory).with_reverted(Reverted::Apply);
    let empty = database.found();
    database.apply(&migrator);
    let full = database.found();
    let mut driver = database.connect();
    let report = database.block_on(migrator.redo(&mut driver)).expect("a way down");
    assert_eq!(report.outcome, Outcome::Redone);
    database.is_up_to_date(&migrator);
    let report = database.block_on(migrator.revert_to(&mut driver, Some(version(2)))).expect("a way down");
    assert_eq!((report.outcome, report.migrations.len()), (Outcome::Reverted, 1));
    database.query("SELECT id FROM others").expect_err("the table is gone");
    let report = database.block_on(migrator.revert_to(&mut driver, None)).expect("a way down");
    assert_eq!(report.migrations.len(), 2);
    let without_history = |mut found: super::bench::Found| {
        found.history.clear();
        found
    };
    assert_eq!(without_history(database.found()), without_history(empty));
    database.apply(&migrator);
    assert_eq!(without_history(database.found()), without_history(full));
    let heads: Vec<_> = database.found().history.iter().map(|record| record.head.clone()).collect();
    assert_eq!(heads.iter().filter(|head| **head == heads[heads.len() - 1]).count() % 2, 0, "{heads:?}");
    let none = Migrator::new(Memory::new().with_sql(1, "items", database.create("items")));
    let other = bench.database();
    other.apply(&none);
    let error = other.block_on(none.redo(&mut other.connect())).expect_err("there is no way down");
    assert_eq!(error.findings().first().map(|finding| finding.kind()), Some(FindingKind::NoWayDown));
}

pub fn a_migration_half_done_can_be_settled<T: TestDatabase>(bench: &Bench<'_, T>) {
    let endings = [Ending::TookEffect(3), Ending::DidNot(3), Ending::Applied, Ending::Undone];
    for ending in endings {
        let database = bench.database();
        let script = format!(
            "-- whimbrel: no-transaction\n{};\n{};\n{};\n{};",
            insert("items", 1, 1),
            database.scripts.outside,
            database.scripts.failing,
            insert("items", 3, 3)
        );
        let driver = database.connect();
        assert_eq!(statements(&script, &driver), 4);
        let memory =
            Memory::new().with_sql(1, "items", database.create("items")).with_sql(2, "outside", script);
        let migrator = Migrator::new(&memory);
        database.run(&migrator).expect_err("the third statement fails");
        let settle = |ending: Ending, reason: &str| {
            let settlement = Settlement { version: Some(version(2)), ending, reason: reason.to_owned() };
            database.block_on(migrator.settle(&mut database.connect(), settlement))
        };
        settle(ending, " ").expect_err("a reason is needed");
        settle(Ending::TookEffect(2), "not that one").expect_err("another statement is open");
        assert_eq!(settle(ending, "I have looked").expect("it is open").outcome, Outcome::Settled);
        let count = || database.number("SELECT COUNT(*) FROM items");
        match ending {
            Ending::TookEffect(_) => {
                database.apply(&migrator);
                assert_eq!(count(), 2);
            }
            Ending::DidNot(_) => {
                let error = database.run(&migrator).expect_err("it fails once more");
                assert_eq!(error.statement(), Some(3), "{error:#}");
                assert_eq!(count(), 1);
                continue;
            }
            Ending::Applied => {
                database.apply(&migrator);
                assert_eq!(count(), 1);
            }
            _ => {
                database.sql("DELETE FROM items");
                let error = database.run(&migrator).expect_err("it begins anew, and fails");
                assert_eq!(error.statement(), Some(3), "{error:#}");
                assert_eq!(count(), 1);
                continue;
            }
        }
        database.is_up_to_date(&migrator);
        settle(ending, "once more").expect_err("nothing is open");
    }
}

pub fn several_sets_are_kept_apart<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let library = || Migrator::new(database.library());
    let both = || library().and(database.many(3));
    database.apply(&library());
    let report = database.apply(&both());
    assert_eq!(report.migrations.len(), 3);
    database.is_up_to_date(&both());
    database.is_up_to_date(&library());
    database.is_up_to_date(&Migrator::new(database.many(3)));
    let at_once = bench.database();
    let report = at_once.apply(&Migrator::new(at_once.library()).and(at_once.many(3)));
    let labels: Vec<&str> = report.migrations.iter().map(|migration| &*migration.label).collect();
    assert_eq!(labels, ["1_others", "2_row", "1_items", "2_row_2", "3_row_3"]);
    assert_eq!(at_once.found().undisturbed(), database.found().undisturbed());
}

pub fn repeatables_run_when_they_have_changed<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let with = |count: i64, n: i64| {
        let text = format!("DELETE FROM items WHERE id = 100; INSERT INTO items (id, n) VALUES (100, {n});");
        Migrator::new(database.many(count).with_repeatable("hundred", text))
    };
    let n = || database.number("SELECT n FROM items WHERE id = 100");
    assert_eq!(database.apply(&with(2, 1)).migrations.len(), 3);
    assert_eq!(n(), 1);
    database.sql("UPDATE items SET n = 7 WHERE id = 100");
    database.is_up_to_date(&with(2, 1));
    database.apply(&with(3, 1));
    assert_eq!(n(), 7);
    assert_eq!(database.apply(&with(3, 2)).migrations.len(), 1);
    assert_eq!(n(), 2);
    database.is_up_to_date(&with(3, 2));
}

pub fn looking_changes_nothing<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let migrator = Migrator::new(database.many(3));
    let look = |pending: usize| {
        let before = database.found();
        let mut driver = database.connect();
        let plan = database.block_on(migrator.plan(&mut driver)).expect("a plan");
        assert_eq!(plan.items().len(), pending, "{plan}");
        let status = database.block_on(migrator.status(&mut driver)).expect("a status");
        let entries = status.sets[0].entries.iter();
        assert_eq!(entries.filter(|entry| entry.standing == Standing::Pending).count(), pending, "{status}");
        let checked = database.block_on(migrator.check(&mut driver));
        match checked {
            Ok(report) => assert_eq!((report.outcome, pending), (Outcome::UpToDate, 0)),
            Err(error) => assert_eq!((error.kind(), pending > 0), (ErrorKind::Pending, true)),
        }
        assert_eq!(database.found(), before);
    };
    look(3);
    database.apply(&Migrator::new(database.many(1)));
    look(2);
    database.apply(&migrator);
    look(0);
    let waited = database.block_on(migrator.wait(&mut database.connect())).expect("it is there");
    assert_eq!(waited.outcome, Outcome::UpToDate);
}

pub fn a_target_stops_there<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let up_to = |number: i64| Migrator::new(database.many(4)).with_target(version(number));
    assert_eq!(database.apply(&up_to(2)).migrations.len(), 2);
    database.is_up_to_date(&up_to(2));
    assert_eq!(database.apply(&up_to(3)).migrations.len(), 1);
    database.is_refused(&up_to(9), &[FindingKind::Target]);
    assert_eq!(database.apply(&Migrator::new(database.many(4))).migrations.len(), 1);
}

pub fn the_history_can_have_another_name<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let table = TableName::new("schema_log").expect("a name");
    let migrator = Migrator::new(database.many(2)).with_table(table);
    database.apply(&migrator);
    database.is_up_to_date(&migrator);
    assert_eq!(database.number("SELECT COUNT(*) FROM schema_log WHERE event = 'applied'"), 2);
    database.query("SELECT seq FROM whimbrel_history").expect_err("there is no other one");
}
