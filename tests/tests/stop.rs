//! A run that is asked to end does after the migration under way, says what it did, and the next one goes on from there.

use std::time::Duration;

use whimbrel::{Driver, ErrorKind, Event, Memory, Migrator, Stop, Transaction};
use whimbrel_sqlite::Sqlite;
use whimbrel_tests::either::{Database, kinds};

fn set() -> Memory {
    (1..=6).fold(Memory::new(), |memory, version| {
        let header = if version == 3 { "-- whimbrel: no-transaction\n" } else { "" };
        memory.with_sql(
            version,
            format!("t{version}"),
            format!("{header}CREATE TABLE t{version} (id INTEGER PRIMARY KEY);"),
        )
    })
}

/// Stops after each number of commits, in a database of its own each.
async fn stops_everywhere(mut db: impl Driver, transaction: Transaction) {
    let memory = set();
    let mut applied = Vec::new();
    for round in 1..=6 {
        let stop = Stop::new();
        let asked = stop.clone();
        let migrator = Migrator::new(&memory).with_transaction(transaction).with_stop(stop).with_observer(
            move |event: &Event<'_>| {
                if let Event::Committed { migrations: 1.. } = event {
                    asked.ask();
                }
            },
        );
        match migrator.run(&mut db).await {
            Ok(report) => {
                assert_eq!(round, 6, "{report}");
                applied.extend(report.migrations.iter().map(|migration| migration.label.clone()));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Stopped, "{error:?}");
                let report = error.report().expect("what was done");
                assert_eq!(report.migrations.len(), 1, "{error:?}");
                applied.push(report.migrations[0].label.clone());
            }
        }
    }
    let expected: Vec<String> = (1..=6).map(|version| format!("{version}_t{version}")).collect();
    assert_eq!(applied, expected);
    let report = Migrator::new(&memory).run(&mut db).await.expect("a run");
    assert_eq!((report.migrations.len(), report.queries), (0, 1));
}

#[tokio::test]
async fn a_run_ends_after_the_migration_under_way_and_the_next_one_goes_on() {
    stops_everywhere(Sqlite::in_memory().expect("a database"), Transaction::PerMigration).await;
    for kind in kinds() {
        let database = Database::new(kind).await;
        stops_everywhere(database.open().await, Transaction::PerMigration).await;
    }
}

#[tokio::test]
async fn a_run_that_was_asked_before_it_began_changes_nothing() {
    let stop = Stop::new();
    stop.ask();
    let memory = set();
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let error = Migrator::new(&memory).with_stop(stop.clone()).run(&mut db).await.expect_err("stopped");
        assert_eq!(error.kind(), ErrorKind::Stopped);
        let history = Migrator::new(&memory).history(&mut db).await.expect("a history");
        assert_eq!(history.sets().count(), 0);
    }
}

/// Waits for somebody who is in the middle of a script, is asked to stop, and does so before the script has ended.
async fn stops_behind(database: &Database, script: &str) {
    let (mut holder, mut db) = (database.open().await, database.open().await);
    let slow = Memory::new().with_sql(1, "slow", script);
    let held = async {
        let migrator = Migrator::new(&slow);
        tokio::time::timeout(Duration::from_secs(60), migrator.run(&mut holder)).await
    };
    let stopped = async {
        // The first one may find the lock free.
        tokio::time::sleep(Duration::from_secs(1)).await;
        asked_when_waiting(&slow).run(&mut db).await
    };
    tokio::select! {
        _ = held => panic!("the holder has ended first: {script}"),
        result = stopped => {
            assert_eq!(result.expect_err("stopped").kind(), ErrorKind::Stopped);
        }
    }
}

/// A migrator that is asked to stop as soon as it waits.
fn asked_when_waiting(memory: &Memory) -> Migrator<'_> {
    let stop = Stop::new();
    let asked = stop.clone();
    Migrator::new(memory).with_stop(stop).with_observer(move |event: &Event<'_>| {
        if let Event::Waiting { .. } = event {
            asked.ask();
        }
    })
}

#[tokio::test]
async fn whoever_waits_for_the_lock_or_for_others_ends_at_once() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let sleep = match database.open().await.dialect().name {
            "postgres" => "SELECT pg_sleep(600);",
            _ => "DO SLEEP(600);",
        };
        stops_behind(&database, sleep).await;
        // Work that is open is somebody else's.
        let database = Database::new(kind).await;
        stops_behind(&database, &format!("-- whimbrel: no-transaction\nCREATE TABLE slow (a INT);\n{sleep}"))
            .await;

        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let memory = set();
        let migrator = asked_when_waiting(&memory);
        let error = migrator.wait(&mut db).await.expect_err("stopped");
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
}
