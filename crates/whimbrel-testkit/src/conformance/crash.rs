//! Checks of interruptions: wherever a run is cut off, a rerun comes to what an undisturbed run comes to.

use std::time::Duration;

use whimbrel::{Ddl, Driver, FindingKind, Memory, Migrator, Transaction};

use super::TestDatabase;
use super::bench::{Bench, Database, Found, insert, version};
use crate::faulty::{Faulty, Moment};
use crate::pending::drop_after;

/// More calls than any of these runs makes.
const ENOUGH: usize = 500;

/// Cuts a run off at each of its calls, runs again, and compares. `prepare` fills a database, `verb` is what is cut off.
fn cut_off<T: TestDatabase>(
    bench: &Bench<'_, T>,
    moment: Moment,
    prepare: impl Fn(&Database<T>),
    migrator: impl Fn(&Database<T>) -> Migrator<'static>,
    between: impl Fn(&Found),
) {
    let calm = bench.database();
    prepare(&calm);
    calm.apply(&migrator(&calm));
    let wanted = calm.found().undisturbed();
    for call in 1..ENOUGH {
        let database = bench.database();
        prepare(&database);
        let migrator = migrator(&database);
        let mut driver = Faulty::new(database.connect(), call, moment);
        let result = database.block_on(migrator.run(&mut driver));
        if !driver.failed() {
            result.expect("nothing was in the way");
            assert!(call > 3, "a run of {call} calls is none");
            return;
        }
        drop(driver);
        between(&database.found());
        database.run_again(&migrator);
        assert_eq!(database.found().undisturbed(), wanted, "call {call} was lost {moment:?} its effect");
        database.is_up_to_date(&migrator);
    }
    panic!("the run does not come to an end");
}

fn patient<'m>(migrator: Migrator<'m>) -> Migrator<'m> {
    migrator.with_lock_deadline(Duration::from_secs(20))
}

fn in_every_way<T: TestDatabase>(bench: &Bench<'_, T>, moment: Moment) {
    for transaction in [Transaction::Auto, Transaction::PerMigration] {
        let migrator = |database: &Database<T>| patient(database.everything()).with_transaction(transaction);
        cut_off(bench, moment, |_| {}, migrator, |_| {});
    }
}

pub fn whatever_call_is_lost_before_it_takes_effect_everything_happens_once<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    in_every_way(bench, Moment::Before);
}

pub fn whatever_call_is_lost_after_it_took_effect_everything_happens_once<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    in_every_way(bench, Moment::After);
}

pub fn wherever_the_future_is_dropped_everything_happens_once<T: TestDatabase>(bench: &Bench<'_, T>) {
    let calm = bench.database();
    calm.apply(&calm.everything());
    let wanted = calm.found().undisturbed();
    for polls in 0..10 * ENOUGH {
        let database = bench.database();
        let migrator = patient(database.everything());
        let mut driver = database.connect();
        let done = database.block_on(drop_after(polls, migrator.run(&mut driver)));
        if let Some(result) = done {
            result.expect("nothing was in the way");
            return;
        }
        drop(driver);
        database.run_again(&migrator);
        assert_eq!(database.found().undisturbed(), wanted, "dropped after {polls} polls");
    }
    panic!("the run does not come to an end");
}

pub fn wherever_one_transaction_for_all_is_cut_off_all_or_nothing_is_kept<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    for moment in [Moment::Before, Moment::After] {
        let migrator = |database: &Database<T>| {
            patient(Migrator::new(database.many(6))).with_transaction(Transaction::PerRun)
        };
        let all_or_nothing = |found: &Found| assert!([0, 6].contains(&found.count("applied")), "{found:?}");
        cut_off(bench, moment, |_| {}, migrator, all_or_nothing);
    }
}

pub fn wherever_a_script_outside_transactions_is_cut_off_each_statement_runs_once<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    for moment in [Moment::Before, Moment::After] {
        let prepare = |database: &Database<T>| {
            database.apply(&Migrator::new(
                Memory::new().with_sql(1, "items", database.create("items")).with_sql(
                    2,
                    "row",
                    insert("items", 1, 0),
                ),
            ));
        };
        let migrator = |database: &Database<T>| {
            patient(Migrator::new(
                Memory::new()
                    .with_sql(1, "items", database.create("items"))
                    .with_sql(2, "row", insert("items", 1, 0))
                    .with_sql(3, "outside", database.outside())
                    .with_repeatable("outside_too", database.outside()),
            ))
        };
        cut_off(bench, moment, prepare, migrator, |_| {});
        let database = bench.database();
        prepare(&database);
        database.apply(&migrator(&database));
        assert_eq!(database.number("SELECT n FROM items WHERE id = 1"), 222);
    }
}

pub fn wherever_a_revert_is_cut_off_everything_happens_once<T: TestDatabase>(bench: &Bench<'_, T>) {
    let memory = |database: &Database<T>| {
        Memory::new()
            .with_sql(1, "items", database.create("items"))
            .with_sql(2, "row", insert("items", 1, 0))
            .with_sql(3, "plus", "UPDATE items SET n = n + 5 WHERE id = 1")
            .with_down(3, "UPDATE items SET n = n - 5 WHERE id = 1")
            .with_sql(4, "twice", database.outside())
            .with_down(
                4,
                format!(
                    "-- whimbrel: no-transaction\n{};\nUPDATE items SET n = n - 111 WHERE id = 1;\n{};",
                    database.scripts.outside, database.scripts.outside
                ),
            )
    };
    let target = Some(version(2));
    let calm = bench.database();
    calm.apply(&Migrator::new(memory(&calm)));
    calm.block_on(Migrator::new(memory(&calm)).revert_to(&mut calm.connect(), target)).expect("a way down");
    let wanted = calm.found().undisturbed();
    assert_eq!(calm.number("SELECT n FROM items WHERE id = 1"), 0);
    for moment in [Moment::Before, Moment::After] {
        for call in 1.. {
            assert!(call < ENOUGH, "the revert does not come to an end");
            let database = bench.database();
            let migrator = patient(Migrator::new(memory(&database)));
            database.apply(&migrator);
            let mut driver = Faulty::new(database.connect(), call, moment);
            let result = database.block_on(migrator.revert_to(&mut driver, target));
            if !driver.failed() {
                result.expect("nothing was in the way");
                break;
            }
            drop(driver);
            database
                .block_on(migrator.revert_to(&mut database.connect(), target))
                .unwrap_or_else(|error| panic!("call {call}, lost {moment:?} its effect: {error:#}"));
            assert_eq!(database.found().undisturbed(), wanted, "call {call} was lost {moment:?} its effect");
        }
    }
}

pub fn a_script_that_is_changed_while_a_statement_of_it_is_open_is_refused<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    let set = |database: &Database<T>, script: String| {
        Memory::new().with_sql(1, "items", database.create("items")).with_sql(2, "open", script)
    };
    let script = |database: &Database<T>, id| format!("{}\n{};", database.outside(), insert("items", id, 0));
    let mut seen = 0;
    for call in 1..ENOUGH {
        let database = bench.database();
        let begun = patient(Migrator::new(set(&database, script(&database, 1))));
        let mut driver = Faulty::new(database.connect(), call, Moment::Before);
        let result = database.block_on(begun.run(&mut driver));
        if !driver.failed() {
            result.expect("nothing was in the way");
            // What goes out in packets is not cut off between two calls.
            let packets = database.connect().dialect().transaction.ddl == Ddl::Commits;
            assert!(seen > 0 || packets, "no statement was ever open");
            return;
        }
        drop(driver);
        if database.found().count("begun") == 0 || database.found().count("applied") == 2 {
            continue;
        }
        seen += 1;
        // The statement that is open may have been another one than the one that stands there now.
        let other = format!("-- whimbrel: no-transaction\n{};", insert("items", 2, 0));
        let changed = patient(Migrator::new(set(&database, other)));
        database.is_refused(&changed, &[FindingKind::Changed]);
        database.run_again(&begun);
        assert_eq!(database.number("SELECT COUNT(*) FROM items WHERE id = 2"), 0);
    }
    panic!("the run does not come to an end");
}
