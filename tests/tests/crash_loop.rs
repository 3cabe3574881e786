//! Replicas that crash on a migration and start over again, together: the database sees a handful of attempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use whimbrel::{ErrorKind, Event, Memory, Migrator, Version};
use whimbrel_sqlite as _;
use whimbrel_testkit::{Durability, Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, Either, kinds};

const REPLICAS: usize = 100;

/// How often each of them starts again.
const RESTARTS: usize = 4;

/// How many attempts there may be when all start at once, each of which could make two: all of the set in one transaction, then
/// one by one. One is enough; those come to it that were under way, or had found the lock free, before it was recorded that the
/// first one has failed. On a machine that is busy with other things it takes longer to record something.
const AT_ONCE: usize = REPLICAS;

fn set(outside: bool) -> Memory {
    let header = if outside { "-- whimbrel: no-transaction\n" } else { "" };
    Memory::new().with_sql(1, "items", "CREATE TABLE items (id INT PRIMARY KEY, n INT)").with_sql(
        2,
        "wrong",
        format!("{header}INSERT INTO items VALUES (1, 1);\nINSERT INTO nowhere VALUES (1);"),
    )
}

/// What was counted of replicas that have crashed.
#[derive(Debug, Default)]
struct Counted {
    attempts: AtomicUsize,
    postponed: AtomicUsize,
}

impl Counted {
    /// One start of a replica. Long pauses, so that the time which the test takes is no part of what it counts.
    fn replica<'m>(&'m self, set: &'m Memory) -> Migrator<'m> {
        Migrator::new(set).with_failure_pause(Duration::from_secs(300)).with_observer(|event: &Event<'_>| {
            // All of the set in one transaction, which has failed; now one by one.
            if let Event::OneByOne { label: "2_wrong" } = event {
                self.attempts.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    fn crashed(&self, error: &whimbrel::Error) {
        match error.kind() {
            // The statement.
            ErrorKind::Files => {
                self.attempts.fetch_add(1, Ordering::Relaxed);
                assert_eq!(error.migration(), Some("2_wrong"), "{error:#}");
            }
            ErrorKind::Retry => {
                self.postponed.fetch_add(1, Ordering::Relaxed);
                assert!(
                    format!("{error:#}").contains("in a row") || format!("{error:#}").contains("failed once"),
                    "{error:#}"
                );
            }
            _ => panic!("{error:#}"),
        }
    }

    /// How many attempts there were, and how many starts were told to come back later.
    fn so_far(&self) -> (usize, usize) {
        (self.attempts.swap(0, Ordering::Relaxed), self.postponed.swap(0, Ordering::Relaxed))
    }

    fn first_starts(&self, what: &str) {
        let (attempts, postponed) = self.so_far();
        println!("{what}: {attempts} attempts, {postponed} postponed");
        assert!((1..=AT_ONCE).contains(&attempts), "{what}: {attempts} attempts");
    }

    fn further_starts(&self, what: &str) {
        assert_eq!(self.so_far(), (0, REPLICAS * RESTARTS), "{what}");
    }
}

fn server(kind: ServerKind) -> Server {
    let options =
        ServerOptions::new(kind).with_durability(Durability::Nothing).with_setting("max_connections", "300");
    Server::start(&options).expect("a server")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_replicas_in_a_crash_loop_try_a_handful_of_times() {
    for kind in kinds() {
        let server = server(kind);
        for outside in [false, true] {
            let what = format!("{kind:?}, outside transactions {outside}");
            let database = Database::on(&server).await;
            let counted = Arc::new(Counted::default());
            let start = |starts: usize| {
                let (counted, url) = (Arc::clone(&counted), database.url());
                async move {
                    let replica = || {
                        let (counted, url) = (Arc::clone(&counted), url.clone());
                        tokio::spawn(async move {
                            let set = set(outside);
                            for _ in 0..starts {
                                let mut db = Either::connect(&url).await.expect("a connection");
                                let error =
                                    counted.replica(&set).run(&mut db).await.expect_err("it cannot work");
                                counted.crashed(&error);
                            }
                        })
                    };
                    let replicas: Vec<_> = (0..REPLICAS).map(|_| replica()).collect();
                    for replica in replicas {
                        replica.await.expect("no panic");
                    }
                }
            };
            let began = Instant::now();
            start(1).await;
            counted.first_starts(&what);
            println!("{what}: {:?}", began.elapsed());
            start(RESTARTS).await;
            counted.further_starts(&what);
            println!("{what}: {:?} with the others", began.elapsed());
            let mut db = database.open().await;
            let failed = "SELECT count(*) FROM whimbrel_history WHERE event = 'failed' AND version = 2";
            assert!(db.number(failed).await >= 1);
        }
    }
}

#[test]
fn a_hundred_replicas_in_a_crash_loop_try_a_handful_of_times_on_sqlite() {
    for outside in [false, true] {
        let what = format!("SQLite, outside transactions {outside}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.db");
        let counted = Counted::default();
        let start = |starts: usize| {
            std::thread::scope(|scope| {
                for _ in 0..REPLICAS {
                    scope.spawn(|| {
                        let set = set(outside);
                        for _ in 0..starts {
                            let mut db = Connection::open(&path).expect("a database");
                            let error =
                                counted.replica(&set).run_blocking(&mut db).expect_err("it cannot work");
                            counted.crashed(&error);
                        }
                    });
                }
            });
        };
        start(1);
        counted.first_starts(&what);
        start(RESTARTS);
        counted.further_starts(&what);
    }
}

/// A changed file is tried at once, and one that was put right by hand after the pause.
#[tokio::test]
async fn a_pause_ends_with_its_time_or_with_another_text() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let wrong = set(false);
        let patient = |set| Migrator::new(set).with_failure_pause(Duration::from_secs(300));
        patient(&wrong).run(&mut db).await.expect_err("the table is missing");
        let error = patient(&wrong).run(&mut db).await.expect_err("it has failed");
        assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
        assert!(format!("{error:#}").contains("2_wrong has failed once"), "{error:#}");
        // The pause is over as soon as it is no longer than this.
        let short = Migrator::new(&wrong).with_failure_pause(Duration::from_millis(1));
        let error = short.run(&mut db).await.expect_err("the table is still missing");
        assert_eq!(error.kind(), ErrorKind::Files, "{error:#}");
        let error = patient(&wrong).run(&mut db).await.expect_err("it has failed again");
        assert!(format!("{error:#}").contains("failed 2 times in a row"), "{error:#}");
        let right = "INSERT INTO items VALUES (1, 1);\nINSERT INTO items VALUES (2, 2);";
        let mended = Memory::new()
            .with_sql(1, "items", "CREATE TABLE items (id INT PRIMARY KEY, n INT)")
            .with_sql(2, "wrong", right);
        let report = patient(&mended).run(&mut db).await.expect("another text is tried at once");
        assert_eq!(report.migrations.last().map(|it| it.label.as_str()), Some("2_wrong"));
        assert_eq!(db.number("SELECT count(*) FROM items").await, 2);
        let tips = patient(&mended).verify_history(&mut db, &[]).await.expect("a sound history");
        assert_eq!(tips.len(), 1);
    }
}

/// Also where the very first migration fails, with which the history itself would have been made; and what it then holds
/// is no history yet.
#[tokio::test]
async fn a_first_migration_that_fails_is_counted_and_hides_no_database_without_a_history() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let wrong = Memory::new().with_sql(1, "wrong", "INSERT INTO nowhere VALUES (1);");
        let patient = || Migrator::new(&wrong).with_failure_pause(Duration::from_secs(300));
        let error = patient().run(&mut db).await.expect_err("there is no such table");
        assert_eq!(error.kind(), ErrorKind::Files, "{kind}: {error:#}");
        let error = patient().run(&mut db).await.expect_err("it has failed");
        assert_eq!(error.kind(), ErrorKind::Retry, "{kind}: {error:#}");

        // Somebody restores what was there before there was a history.
        db.run("CREATE TABLE nowhere (id INT)").await;
        if database.is_postgres() {
            let right = Memory::new().with_sql(1, "right", "CREATE TABLE items (id INT);");
            let error = Migrator::new(&right).run(&mut db).await.expect_err("nobody has said what is there");
            assert_eq!(error.findings()[0].kind(), whimbrel::FindingKind::Unbaselined, "{kind}: {error:#}");
            let version = Version::new(1).expect("a version");
            Migrator::new(&right)
                .baseline(&mut db, version)
                .await
                .unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(db.number("SELECT count(*) FROM whimbrel_history WHERE event = 'baselined'").await, 1);
        }
    }
    let mut db = Connection::open_in_memory().expect("a database");
    let wrong = Memory::new().with_sql(1, "wrong", "INSERT INTO nowhere VALUES (1);");
    let patient = || Migrator::new(&wrong).with_failure_pause(Duration::from_secs(300));
    patient().run_blocking(&mut db).expect_err("there is no such table");
    let error = patient().run_blocking(&mut db).expect_err("it has failed");
    assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
    let report = mended().run_blocking(&mut db).expect("another text is tried at once");
    assert_eq!(report.migrations.len(), 3);
}

/// What the set above is when it was put right: built as on an empty database.
fn mended<'m>() -> Migrator<'m> {
    let memory = Memory::new()
        .with_sql(1, "wrong", "CREATE TABLE items (id INT PRIMARY KEY);")
        .with_sql(2, "index", "CREATE INDEX items_id ON items (id);")
        .with_sql(3, "row", "INSERT INTO items VALUES (1);");
    Migrator::new(memory).with_failure_pause(Duration::from_secs(300)).with_environment("test")
}

#[tokio::test]
async fn a_first_migration_that_is_put_right_is_applied_at_once() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let wrong = Memory::new().with_sql(1, "wrong", "INSERT INTO nowhere VALUES (1);");
        Migrator::new(&wrong).run(&mut db).await.expect_err("there is no such table");
        let report = mended().run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.migrations.len(), 3, "{kind}");
        mended().verify_history(&mut db, &[]).await.expect("a sound history");
    }
}

/// Whoever has time waits for the end of the pause.
#[tokio::test]
async fn a_pause_is_waited_for_where_the_deadline_allows_it() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let wrong = set(false);
        let told = AtomicUsize::new(0);
        let migrator = Migrator::new(&wrong).with_failure_pause(Duration::from_millis(400)).with_observer(
            |event: &Event<'_>| {
                if let Event::Postponed { label: "2_wrong", failures: 1, left } = event {
                    assert!(*left <= Duration::from_millis(400));
                    told.fetch_add(1, Ordering::Relaxed);
                }
            },
        );
        migrator.run(&mut db).await.expect_err("the table is missing");
        db.run("CREATE TABLE nowhere (id INT)").await;
        let report = migrator.run(&mut db).await.expect("what it needs is there now");
        assert_eq!(report.migrations.len(), 1);
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}

/// A migration that failed since somebody else held a lock has not failed.
#[tokio::test]
async fn what_is_busy_has_not_failed() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let first = Memory::new().with_sql(1, "items", "CREATE TABLE items (id INT PRIMARY KEY, n INT)");
        Migrator::new(&first).run(&mut db).await.expect("an empty database");
        let second = first.clone().with_sql(2, "more", "ALTER TABLE items ADD COLUMN m INT");
        let mut other = database.open().await;
        other.apart("BEGIN").await;
        other.apart("SELECT * FROM items").await;
        let hasty = Migrator::new(&second)
            .with_lock_timeout(Duration::from_millis(50))
            .with_lock_deadline(Duration::from_millis(100))
            .with_failure_pause(Duration::from_secs(300));
        let error = hasty.run(&mut db).await.expect_err("the table is in use");
        assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
        other.apart("ROLLBACK").await;
        let report = hasty.run(&mut db).await.expect("at once");
        assert_eq!(report.migrations.last().and_then(|it| it.version), Version::new(2));
    }
}
