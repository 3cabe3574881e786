//! Checks of refusals: each for its reason, and none changes anything.

use std::sync::Mutex;

use whimbrel::{
    ErrorKind, Event, FindingKind, Memory, Migrator, OutOfOrder, Outcome, Reverted, Tip, Transaction,
    Unbaselined,
};

use super::TestDatabase;
use super::bench::{Bench, insert, version};

pub fn a_late_migration_is_refused_until_asked_for<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let (second, third) = (insert("items", 2, 2), insert("items", 3, 3));
    let first = Memory::new().with_sql(1, "items", database.create("items"));
    database.apply(&Migrator::new(first.clone().with_sql(3, "third", third.as_str())));
    let all =
        || Migrator::new(first.clone().with_sql(2, "second", second.as_str()).with_sql(3, "third", &*third));
    database.is_refused(&all(), &[FindingKind::Late]);
    database.apply(&all().with_out_of_order(OutOfOrder::Apply));
    database.is_up_to_date(&all());
    assert_eq!(database.number("SELECT COUNT(*) FROM items"), 2);
}

pub fn a_changed_migration_is_refused<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    database.apply(&Migrator::new(database.many(3)));
    let with = |two: String, count: i64| {
        let first =
            Memory::new().with_sql(1, "items", database.create("items")).with_sql(2, "row_2", two.as_str());
        let others = (3..=count).fold(first, |memory, version| {
            memory.with_sql(version, format!("row_{version}"), insert("items", version, version))
        });
        Migrator::new(others)
    };
    for count in [2, 3, 4] {
        database.is_refused(&with(insert("items", 22, 22), count), &[FindingKind::Changed]);
    }
    let error = database.is_refused(&with(insert("items", 2, 2) + "\n\n", 3), &[FindingKind::Changed]);
    assert_eq!(error.migration(), Some("2_row_2"), "{error:#}");
}

pub fn an_unknown_migration_is_refused<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    database.apply(&Migrator::new(database.many(3)));
    let gap = Memory::new().with_sql(1, "items", database.create("items")).with_sql(
        3,
        "row_3",
        insert("items", 3, 3),
    );
    database.is_refused(&Migrator::new(gap.clone()), &[FindingKind::Unknown]);
    let more = gap.with_sql(4, "row_4", insert("items", 4, 4));
    database.is_refused(&Migrator::new(more), &[FindingKind::Unknown]);
}

pub fn a_reverted_migration_is_refused_until_asked_for<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let memory = database
        .many(3)
        .with_down(2, "DELETE FROM items WHERE id = 2")
        .with_down(3, "DELETE FROM items WHERE id = 3");
    let migrator = Migrator::new(&memory);
    database.apply(&migrator);
    let report = database.block_on(migrator.revert_to(&mut database.connect(), Some(version(1))));
    assert_eq!(report.expect("there is a way down").outcome, Outcome::Reverted);
    assert_eq!(database.number("SELECT COUNT(*) FROM items"), 0);
    database.is_refused(&migrator, &[FindingKind::Reverted, FindingKind::Reverted]);
    database.apply(&Migrator::new(&memory).with_reverted(Reverted::Apply));
    assert_eq!(database.number("SELECT COUNT(*) FROM items"), 2);
    database.is_up_to_date(&migrator);
}

pub fn another_environment_is_refused<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let migrator = |count: i64| Migrator::new(database.many(count));
    database.apply(&migrator(2).with_environment("staging"));
    database.is_up_to_date(&migrator(2).with_environment("staging"));
    for count in [1, 2, 3] {
        let other = migrator(count).with_environment("production");
        database.is_refused(&other, &[FindingKind::Environment]);
    }
    database.apply(&migrator(3).with_environment("staging"));
}

pub fn tables_without_a_history_are_refused_until_baselined<T: TestDatabase>(bench: &Bench<'_, T>) {
    for transaction in [Transaction::Auto, Transaction::PerMigration] {
        let database = bench.database();
        database.sql(&database.create("items"));
        let migrator = Migrator::new(database.many(3)).with_transaction(transaction);
        let error = database.is_refused(&migrator, &[FindingKind::Unbaselined]);
        assert!(error.to_string().contains("items"), "{error:#}");
        let report = database.block_on(migrator.baseline(&mut database.connect(), version(1)));
        assert_eq!(report.expect("there is no history yet").outcome, Outcome::Baselined);
        assert_eq!(database.found().count("baselined"), 1);
        let report = database.apply(&migrator);
        assert_eq!(report.migrations.len(), 2, "{report}");
        let error = database.block_on(migrator.baseline(&mut database.connect(), version(2)));
        let error = error.expect_err("there is a history");
        assert_eq!(error.findings().first().map(|finding| finding.kind()), Some(FindingKind::Baselined));
    }
    let database = bench.database();
    database.sql(&database.create("others"));
    database.apply(&Migrator::new(database.many(3)).with_unbaselined(Unbaselined::Allow));
}

pub fn an_edited_history_is_refused_until_repaired<T: TestDatabase>(bench: &Bench<'_, T>) {
    let edits = [
        "UPDATE whimbrel_history SET name = 'other' WHERE seq = 2",
        "UPDATE whimbrel_history SET below = 1 WHERE seq = 2",
        "UPDATE whimbrel_history SET who = 'v1 user=nobody' WHERE seq = 3",
        "DELETE FROM whimbrel_history WHERE seq = 2",
    ];
    for edit in edits {
        let database = bench.database();
        database.apply(&Migrator::new(database.many(3)));
        database.sql(edit);
        let migrator = Migrator::new(database.many(4));
        let verify = || database.block_on(migrator.verify_history(&mut database.connect(), &[]));
        let refused = || {
            let error = database.run(&migrator).expect_err("the history was edited");
            let kinds: Vec<FindingKind> = error.findings().iter().map(|finding| finding.kind()).collect();
            assert!(kinds.contains(&FindingKind::History), "{edit}: {error:#}");
            assert_eq!(error.kind(), ErrorKind::Database, "{edit}: {error:#}");
            assert_eq!(database.number("SELECT COUNT(*) FROM items"), 2, "{edit}");
        };
        refused();
        assert_eq!(verify().expect_err("it was edited").kind(), ErrorKind::Database);
        let repair = |why: &str| database.block_on(migrator.repair(&mut database.connect(), why));
        repair("").expect_err("a reason is needed");
        repair("it was me").expect("something is wrong");
        repair("again").expect_err("nothing is wrong any more");
        verify().expect("it was looked at");
        if edit.starts_with("UPDATE") {
            database.sql("UPDATE whimbrel_history SET at = '2001-01-01T00:00:00Z' WHERE seq = 1");
            refused();
            repair("me again").expect("something is wrong again");
            database.apply(&migrator);
            verify().expect("a run leaves it sound");
        }
    }
}

pub fn a_cut_history_is_found_against_a_tip<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let tips: Mutex<Vec<Tip>> = Mutex::new(Vec::new());
    let keep = |event: &Event<'_>| {
        if let Event::Tip { tip, .. } = event {
            tips.lock().expect("nobody panics").push((*tip).clone());
        }
    };
    let migrator = Migrator::new(database.many(3)).with_observer(keep);
    database.apply(&migrator);
    let tips = tips.lock().expect("nobody panics").clone();
    let [tip] = tips.as_slice() else { panic!("one tip a set: {tips:?}") };
    let verify = |tips: &[Tip]| database.block_on(migrator.verify_history(&mut database.connect(), tips));
    assert_eq!(verify(&tips).expect("nothing was touched"), tips);
    database.sql(&format!("DELETE FROM whimbrel_history WHERE seq = {}", tip.seq));
    verify(&[]).expect("without a tip a cut end cannot be seen");
    assert_eq!(verify(&tips).expect_err("the end is gone").kind(), ErrorKind::Database);
}

pub fn a_table_of_that_name_made_by_something_else_is_refused<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    database.sql(&database.create("whimbrel_history"));
    let error = database.run(&Migrator::new(database.many(2))).expect_err("that is no history");
    assert_eq!(error.kind(), ErrorKind::Database, "{error:#}");
    assert!(error.to_string().contains("whimbrel_history"), "{error:#}");
    database.query("SELECT id FROM items").expect_err("nothing was applied");
}
