//! An old program boots while a newer one is at work outside transactions: in one round trip, and without waiting for it.

use super::*;
use whimbrel::{Ahead, Error};
use whimbrel_testkit::Proxy;

/// The old program's.
fn old() -> Memory {
    table().with_sql(2, "u", "CREATE TABLE u (n INTEGER);")
}

/// A newer one's, whose third migration waits for a table that another session has locked.
fn newer(kind: ServerKind) -> Memory {
    let work = match kind {
        ServerKind::Postgres => "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);",
        _ => "ALTER TABLE t ADD COLUMN a INTEGER;",
    };
    old().with_sql(3, "work", work)
}

/// A session that keeps the work from ending.
async fn blocking(database: &Database) -> Either {
    let mut db = database.open().await;
    if database.is_postgres() {
        db.apart("BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE").await;
    } else {
        db.apart("LOCK TABLES t READ").await;
    }
    db
}

/// Waits until the newest row leaves work open.
async fn until_open(db: &mut Either) {
    let open = "SELECT count(*) FROM whimbrel_history WHERE event = 'begun' AND version = 3";
    for _ in 0..2_000 {
        if db.number(open).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nothing was begun");
}

/// Each verb of the old program, over a connection whose round trips are counted.
async fn boots(database: &Database, what: &str) {
    let proxy = Proxy::to(&database.server).expect("a proxy");
    let url: DatabaseUrl = proxy.url(&database.server, &database.name).parse().expect("a URL");
    let mut db = Database::connect(&url).await;
    let migrator = Migrator::new(old()).with_lock_deadline(Duration::from_secs(60));
    for verb in ["run", "check", "wait"] {
        proxy.reset();
        let report = match verb {
            "run" => migrator.run(&mut db).await,
            "check" => migrator.check(&mut db).await,
            _ => migrator.wait(&mut db).await,
        };
        let report = report.unwrap_or_else(|error| panic!("{what}, {verb}: {error:#}"));
        assert_eq!((report.outcome, report.queries), (Outcome::Ahead, 1), "{what}, {verb}: {report}");
        assert_eq!(proxy.traffic().round_trips, 1, "{what}, {verb}");
    }
    let plan = migrator.plan(&mut db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    assert!(plan.is_empty(), "{what}: {plan}");
    // Without a manifest revisions are not counted: it has to look closer, and does not wait for it either.
    let repeats = Migrator::new(old().with_repeatable("v", "CREATE OR REPLACE VIEW v AS SELECT n FROM u;"));
    let report = repeats.with_lock_deadline(Duration::from_secs(60)).run(&mut db).await;
    let report = report.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    assert_eq!(report.outcome, Outcome::Ahead, "{what}: {report}");
    assert!(report.queries < 12, "{what}: {report}");
    let strict = Migrator::new(old()).with_ahead(Ahead::Refuse).with_lock_deadline(Duration::from_secs(60));
    let error: Error = strict.run(&mut db).await.expect_err("it is ahead");
    assert_eq!(error.findings()[0].kind(), FindingKind::Ahead, "{what}: {error:#}");
}

#[tokio::test]
async fn an_old_program_boots_in_one_round_trip_while_a_newer_one_works_and_after_it_was_killed() {
    for kind in kinds() {
        let (database, mut db) = prepared(kind, &old()).await;
        let blocker = blocking(&database).await;
        let mut working = database.open().await;
        let work = tokio::spawn(async move {
            let migrator = Migrator::new(newer(kind)).with_lock_timeout(Duration::from_secs(60));
            let _ = migrator.run(&mut working).await;
        });
        until_open(&mut db).await;
        boots(&database, &format!("{kind} at work")).await;
        work.abort();
        let _ = work.await;
        boots(&database, &format!("{kind} killed")).await;
        drop(blocker);
    }
}

#[tokio::test]
async fn it_boots_so_beside_work_that_has_failed() {
    for kind in kinds() {
        let (database, mut db) = prepared(kind, &old()).await;
        let failing =
            "-- whimbrel: no-transaction\nCREATE TABLE w (n INTEGER);\nINSERT INTO nowhere VALUES (1);";
        let newer = Migrator::new(old().with_sql(3, "work", failing));
        newer.run(&mut db).await.expect_err("its second statement fails");
        boots(&database, &format!("{kind} failed")).await;
    }
}

/// A revert outside transactions that was cut off takes away what an old program needs.
#[tokio::test]
async fn it_does_not_take_a_revert_of_its_own_for_a_newer_programs_work() {
    for kind in kinds() {
        let down = "-- whimbrel: no-transaction\nDROP TABLE w;\nINSERT INTO nowhere VALUES (1);";
        let memory = old().with_sql(3, "work", "CREATE TABLE w (n INTEGER);").with_down(3, down);
        let (_database, mut db) = prepared(kind, &memory).await;
        let migrator = Migrator::new(memory).with_failure_pause(Duration::ZERO);
        migrator.revert_to(&mut db, whimbrel::Version::new(2)).await.expect_err("its second statement fails");
        let error = migrator.check(&mut db).await.expect_err("it is not in force any more");
        assert_eq!(error.kind(), ErrorKind::Pending, "{kind}: {error:#}");
    }
}
