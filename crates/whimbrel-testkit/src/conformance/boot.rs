//! Checks of boots: what they cost, and that many at once do no harm.

use std::sync::Barrier;
use std::thread;

use whimbrel::{Migrator, Outcome};

use super::bench::{Bench, Database};
use super::{TestDatabase, bench};
use crate::counting::{Counting, Counts};

/// Boots, sees that nothing has changed, and says what it cost.
fn boot<T: TestDatabase>(database: &Database<T>, migrator: &Migrator<'_>, outcome: Outcome) -> Counts {
    let before = database.found();
    let mut driver = Counting::new(database.connect());
    let report = database.block_on(migrator.run(&mut driver)).expect("there is nothing to do");
    assert_eq!((report.outcome, report.queries), (outcome, 1), "{report}");
    assert_eq!((driver.counts().queries, driver.counts().executes), (1, 0));
    assert_eq!(database.found(), before);
    driver.counts()
}

pub fn a_boot_with_nothing_to_do_is_one_query_and_writes_nothing<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    database.apply(&database.everything());
    boot(&database, &database.everything(), Outcome::UpToDate);
    boot(&database, &Migrator::new(database.library()), Outcome::UpToDate);
}

pub fn a_boot_costs_the_same_with_10_and_with_500_migrations<T: TestDatabase>(bench: &Bench<'_, T>) {
    let cost = |count: i64, known: i64, outcome: Outcome| {
        let database = bench.database();
        // Sequence numbers and versions of equal length, so that what differs is the number of rows.
        let sets = [count, known].map(|count| {
            (2..=count).fold(
                whimbrel::Memory::new().with_sql(1_001, "items", database.create("items")),
                |memory, version| memory.with_sql(1_000 + version, "row", bench::insert("items", version, 1)),
            )
        });
        let [all, known] = sets;
        database.apply(&Migrator::new(all));
        boot(&database, &Migrator::new(known), outcome)
    };
    let [few, many] = [11, 500].map(|count| cost(count, count, Outcome::UpToDate));
    assert!(few.sent == many.sent && few.received.abs_diff(many.received) <= 16, "{few:?} and {many:?}");
    let [few, many] = [11, 500].map(|count| cost(count, count - 1, Outcome::Ahead));
    assert!(few.sent == many.sent && few.received.abs_diff(many.received) <= 16, "{few:?} and {many:?}");
}

pub fn a_boot_of_an_older_program_is_one_query_and_writes_nothing<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    database.apply(&Migrator::new(database.many(12)));
    for known in [11, 5, 1] {
        boot(&database, &Migrator::new(database.many(known)), Outcome::Ahead);
    }
}

pub fn the_first_run_creates_the_history_and_a_second_one_finds_nothing_to_do<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    let database = bench.database();
    assert_eq!(database.found().history, []);
    let report = database.apply(&Migrator::new(database.many(3)));
    let labels: Vec<&str> = report.migrations.iter().map(|migration| &*migration.label).collect();
    assert_eq!(labels, ["1_items", "2_row_2", "3_row_3"]);
    let found = database.found();
    assert_eq!((found.count("applied"), found.count("finished")), (3, 1), "{found:?}");
    database.is_up_to_date(&Migrator::new(database.many(3)));
    let report = database.apply(&Migrator::new(database.many(4)));
    assert_eq!(report.migrations.len(), 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM items"), 3);
}

pub fn a_thousand_migrations_take_at_most_40_calls<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    let mut driver = Counting::new(database.connect());
    let migrator = Migrator::new(database.many(1_000));
    let report = database.block_on(migrator.run(&mut driver)).expect("nothing stands in the way");
    assert_eq!(report.migrations.len(), 1_000);
    assert_eq!(report.queries, driver.counts().calls());
    assert!(driver.counts().calls() <= 40, "{:?}", driver.counts());
}

pub fn connections_that_race_apply_each_migration_once<T: TestDatabase>(bench: &Bench<'_, T>) {
    let calm = bench.database();
    calm.apply(&calm.everything());
    let wanted = calm.found().undisturbed();
    for _ in 0..5 {
        let database = bench.database();
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let migrator = database.everything();
                    let mut driver = database.connect();
                    barrier.wait();
                    database.block_on(migrator.run(&mut driver)).expect("everybody succeeds");
                });
            }
        });
        assert_eq!(database.found().undisturbed(), wanted);
    }
}
