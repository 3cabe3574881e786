//! Rows 3, 14, 16 and 18: the history, what it tells, and what may be added to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use whimbrel::{
    Backup, Driver, Ending, Error, ErrorKind, Event, FindingKind, Memory, Migrator, Outcome, Plan, Receipt,
    Settlement, StepError, Tip, Version, async_trait,
};
use whimbrel_sqlite as _;
use whimbrel_testkit::{Fake, Faulty, Moment, Record};
use whimbrel_tests::either::{Database, Either, kinds};
use whimbrel_tests::memory_folder;

fn many(count: i64) -> Memory {
    let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
    (2..=count).fold(first, |memory, n| memory.with_sql(n, "row", format!("INSERT INTO t VALUES ({n});")))
}

fn kinds_of(error: &Error) -> Vec<FindingKind> {
    error.findings().iter().map(whimbrel::Finding::kind).collect()
}

/// Runs, and then does something to the history; answers what `verify_history` says with and without the tip of the run.
async fn after(db: &mut Either, admin: &mut Either, attack: &[&str]) -> (bool, bool) {
    let set = many(4);
    let migrator = Migrator::new(&set);
    migrator.run(db).await.unwrap_or_else(|error| panic!("{error:#}"));
    let tips: Vec<Tip> = migrator.verify_history(db, &[]).await.expect("it is sound");
    for sql in attack {
        admin.run(sql).await;
    }
    let found = migrator.verify_history(db, &[]).await.is_err();
    let with_tip = migrator.verify_history(db, &tips).await.is_err();
    if found {
        // What is found also stops the next run that has something to do.
        let error = Migrator::new(many(5)).run(db).await.expect_err("the history was touched");
        assert_eq!(error.kind(), ErrorKind::Database, "{error:#}");
    }
    (found, with_tip)
}

#[tokio::test]
async fn threat_03_a_row_that_was_edited_deleted_or_slipped_in_is_found_and_with_a_tip_a_cut_tail_too() {
    let found: [&[&str]; 7] = [
        &["UPDATE whimbrel_history SET name = 'other' WHERE seq = 2"],
        &["UPDATE whimbrel_history SET at = '2001-01-01T00:00:00.000Z' WHERE seq = 1"],
        &["UPDATE whimbrel_history SET who = 'v1' WHERE seq = 3"],
        &[
            "UPDATE whimbrel_history SET digest = (SELECT d FROM (SELECT digest AS d FROM whimbrel_history WHERE seq = 3) x) WHERE seq = 2",
        ],
        &["DELETE FROM whimbrel_history WHERE seq = 2"],
        &["DELETE FROM whimbrel_history WHERE seq = 1"],
        &[
            "CREATE TABLE copy AS SELECT * FROM whimbrel_history WHERE seq = (SELECT max(seq) FROM whimbrel_history)",
            "UPDATE copy SET seq = seq + 1, version = 9",
            "INSERT INTO whimbrel_history (set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, previous, hash) \
             SELECT set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, previous, hash FROM copy",
        ],
    ];
    let tail = ["DELETE FROM whimbrel_history WHERE seq > 3"];
    for kind in kinds() {
        for attack in found {
            let database = Database::new(kind).await;
            let (mut db, mut admin) = (database.open().await, database.open().await);
            assert_eq!(after(&mut db, &mut admin, attack).await, (true, true), "{kind}: {attack:?}");
        }
        let database = Database::new(kind).await;
        let (mut db, mut admin) = (database.open().await, database.open().await);
        assert_eq!(after(&mut db, &mut admin, &tail).await, (false, true), "{kind}");
    }
    // A whole history made anew, by who owns the table: each hash is right, and only the tip is another.
    let folder = memory_folder();
    let (ours, theirs) = (folder.path().join("ours.db"), folder.path().join("theirs.db"));
    let migrator = Migrator::new(many(4));
    migrator.run_blocking(&mut Connection::open(&ours).expect("a file")).expect("an empty database");
    let mut db = Connection::open(&ours).expect("a file");
    let tips = migrator.verify_history_blocking(&mut db, &[]).expect("it is sound");
    let forged = many(3).with_sql(4, "row", "INSERT INTO t VALUES (4), (666);");
    Migrator::new(forged)
        .run_blocking(&mut Connection::open(&theirs).expect("a file"))
        .expect("an empty database");
    db.execute("ATTACH ? AS theirs", [theirs.to_string_lossy()]).expect("attached");
    db.execute_batch(
        "DELETE FROM main.whimbrel_history; INSERT INTO main.whimbrel_history SELECT * FROM theirs.whimbrel_history;",
    )
    .expect("the owner may");
    migrator.verify_history_blocking(&mut db, &[]).expect("it is whole in itself");
    let error =
        migrator.verify_history_blocking(&mut db, &tips).expect_err("another one than that of the tip");
    assert_eq!(error.kind(), ErrorKind::Database, "{error:#}");
}

/// Data, a table, and a script outside transactions, whose statements count themselves.
fn counted() -> Memory {
    Memory::new()
        .with_sql(1, "counter", "CREATE TABLE counter (what TEXT);\nINSERT INTO counter (what) VALUES ('1');")
        .with_sql(2, "two", "INSERT INTO counter (what) VALUES ('2');")
        .with_sql(
            3,
            "outside",
            "-- whimbrel: no-transaction\nVACUUM;\nINSERT INTO counter (what) VALUES ('3a');\nINSERT INTO counter (what) VALUES ('3b');",
        )
}

#[test]
fn threat_14_wherever_a_run_is_cut_off_the_history_tells_of_all_that_was_done() {
    let set = counted();
    let migrator = || {
        Migrator::new(&set)
            .with_failure_pause(Duration::ZERO)
            .with_application("shop", "1.2.3")
            .with_reason("release 7")
            .with_environment("test")
    };
    let mut cut = 0;
    for call in 1.. {
        let mut reached = false;
        for moment in [Moment::Before, Moment::After] {
            let db = Fake::new();
            let mut faulty = Faulty::new(db.another(), call, moment);
            let result = migrator().run_blocking(&mut faulty);
            if !faulty.failed() {
                assert!(result.is_ok());
                continue;
            }
            reached = true;
            cut += 1;
            drop(faulty);
            let mut looker = db.another();
            migrator().verify_history_blocking(&mut looker, &[]).expect("no row is half written");
            let history = db.history();
            let effects = looker.run("SELECT what FROM counter").map_or(0, |rows| rows.len());
            let told = |event: &str, version: i64| {
                history.iter().filter(|row| row.event == event && row.version == Some(version)).count()
            };
            // Inside a transaction the row and its effect are there together, or neither is.
            let inside = told("applied", 1) + told("applied", 2);
            // Outside of one the row that announces it comes first.
            let announced = told("begun", 3) > 0;
            assert!(effects <= inside || announced, "{call} {moment:?}: {history:?}");
            assert!(inside == 2 || !announced, "{call} {moment:?}");
            if !history.is_empty() {
                let who = looker.run("SELECT who, at FROM whimbrel_history WHERE seq = 1").expect("a row");
                let (who, at): (String, String) =
                    (who[0].read(0).expect("text"), who[0].read(1).expect("text"));
                assert!(who.contains("shop") && who.contains("1.2.3") && at.ends_with('Z'), "{who} {at}");
            }
            // And the next run ends it, each effect once.
            let mut again = db.another();
            migrator()
                .run_blocking(&mut again)
                .unwrap_or_else(|error| panic!("{call} {moment:?}: {error:#}"));
            let rows = again.run("SELECT what FROM counter").expect("the table");
            assert_eq!(rows.len(), 4, "{call} {moment:?}");
            assert_eq!(
                Record::undisturbed(&db.history()).iter().filter(|row| row.event == "applied").count(),
                3
            );
        }
        if !reached {
            break;
        }
    }
    assert!(cut > 20, "{cut}");
}

/// A backup that does not work out.
struct Full;

#[async_trait]
impl Backup for Full {
    async fn back_up(&self, _: &mut dyn Driver, _: &Plan) -> Result<Receipt, StepError> {
        Err("the disk for backups is full".into())
    }
}

#[tokio::test]
async fn threat_16_without_a_backup_nothing_is_applied() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        Migrator::new(many(2)).run(&mut db).await.expect("an empty database");
        let rows = db.number("SELECT count(*) FROM whimbrel_history WHERE event = 'applied'").await;
        let set = many(3).with_sql(4, "u", "CREATE TABLE u (n INTEGER);");
        let error = Migrator::new(&set).with_backup(Full).run(&mut db).await.expect_err("there is no backup");
        assert!(format!("{error:#}").contains("backup"), "{kind}: {error:#}");
        let mut other = database.open().await;
        assert_eq!(other.number("SELECT count(*) FROM t").await, 1, "{kind}");
        assert!(other.try_run("SELECT * FROM u").await.is_err(), "{kind}");
        let after = other.number("SELECT count(*) FROM whimbrel_history WHERE event = 'applied'").await;
        assert_eq!(after, rows, "{kind}");
        // Nothing is left locked, and with nothing to do there is nothing to back up.
        Migrator::new(&set).run(&mut other).await.expect("the lock is free");
        let report = Migrator::new(&set).with_backup(Full).run(&mut db).await.expect("nothing to do");
        assert_eq!(report.outcome, Outcome::UpToDate, "{kind}");
    }
}

#[tokio::test]
async fn threat_15_a_crash_loop_tries_a_migration_that_fails_a_handful_of_times() {
    const STARTS: usize = 10;
    for kind in kinds() {
        for outside in [false, true] {
            let database = Database::new(kind).await;
            let header = if outside { "-- whimbrel: no-transaction\n" } else { "" };
            let set = many(2).with_sql(3, "wrong", format!("{header}INSERT INTO nowhere VALUES (1);"));
            let mut tried = 0;
            for start in 0..STARTS {
                // Each is a process of its own, and some are of another version of the program.
                let mut db = database.open().await;
                let program = Migrator::new(&set).with_application("shop", (start % 3).to_string());
                let program = program.with_failure_pause(Duration::from_secs(300));
                let error = program.run(&mut db).await.expect_err("there is no such table");
                match error.kind() {
                    ErrorKind::Retry => assert!(format!("{error:#}").contains("3_wrong"), "{error:#}"),
                    _ => tried += 1,
                }
            }
            assert_eq!(tried, 1, "{kind}: of {STARTS} starts, outside transactions: {outside}");
            let mut db = database.open().await;
            let failed = "SELECT count(*) FROM whimbrel_history WHERE event = 'failed' AND version = 3";
            assert_eq!(db.number(failed).await, 1, "{kind}");
            // What was mended is tried at once.
            let mended = many(2).with_sql(3, "wrong", format!("{header}INSERT INTO t VALUES (3);"));
            Migrator::new(mended).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        }
    }
}

fn settlement() -> Settlement {
    Settlement { version: Version::new(1), ending: Ending::Undone, reason: "none".to_owned() }
}

/// What is written to each row's column in turn, which this library does not write there.
const UNREADABLE: [(&str, &str); 6] = [
    ("event", "'exploded'"),
    ("digest", "'md5:7'"),
    ("detail", "'{}'"),
    ("version", "-4"),
    ("previous", "'none'"),
    ("hash", "'b3v1:short'"),
];

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_with_its_column_and_can_be_put_back() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let set = many(3);
        let migrator = Migrator::new(&set);
        migrator.run(&mut db).await.expect("an empty database");
        for (column, value) in UNREADABLE {
            let rows = db.number("SELECT count(*) FROM whimbrel_history").await;
            db.run(&format!("UPDATE whimbrel_history SET {column} = {value} WHERE seq = 2")).await;
            let history = migrator.history(&mut db).await.expect("the rest can be read");
            let broken: Vec<_> = history.broken().map(|row| (&*row.set, row.seq, row.column)).collect();
            assert_eq!(broken, [("app", 2, Some(column))], "{kind}");
            let read: usize = history.sets().map(|(_, set)| set.rows().len()).sum();
            assert_eq!(i64::try_from(read).expect("a count"), rows - 1, "{kind}");
            assert_eq!(migrator.status(&mut db).await.expect("a status").broken.len(), 1, "{kind}: {column}");
            let newer = many(4);
            let newer = Migrator::new(&newer).with_wait_deadline(Duration::from_secs(2));
            for error in [
                newer.run(&mut db).await.expect_err("run"),
                newer.plan(&mut db).await.expect_err("plan"),
                newer.check(&mut db).await.expect_err("check"),
                newer.wait(&mut db).await.expect_err("wait"),
                migrator.verify_history(&mut db, &[]).await.expect_err("verify"),
                migrator.repair(&mut db, "why").await.expect_err("repair"),
                migrator.settle(&mut db, settlement()).await.expect_err("settle"),
            ] {
                let said = format!("{error:#}");
                assert!(error.is_history_broken(), "{kind}: {said}");
                assert!(said.contains("row 2") && said.contains(&format!("`{column}`")), "{kind}: {said}");
                assert!(said.contains("put back what stood"), "{kind}: {said}");
            }
            // A value that can be read and is another one is what `repair` is for.
            let readable = match column {
                "event" => "'baselined'",
                "detail" => "'v1'",
                "version" => "2",
                _ => "(SELECT h FROM (SELECT hash AS h FROM whimbrel_history WHERE seq = 1) x)",
            };
            db.run(&format!("UPDATE whimbrel_history SET {column} = {readable} WHERE seq = 2")).await;
            if migrator.verify_history(&mut db, &[]).await.is_err() {
                migrator
                    .repair(&mut db, "put back")
                    .await
                    .unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            }
            migrator.verify_history(&mut db, &[]).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        }
    }
}

#[tokio::test]
async fn whatever_reads_a_history_that_was_touched_says_so() {
    for kind in kinds() {
        // The rows of the set, and those that concern all sets.
        for forged in ["set_name = 'app' AND seq = 1", "event = 'environment'"] {
            let database = Database::new(kind).await;
            let mut db = database.open().await;
            let set = many(2);
            Migrator::new(&set).with_environment("here").run(&mut db).await.expect("an empty database");
            db.run(&format!("UPDATE whimbrel_history SET who = 'v1 user=root' WHERE {forged}")).await;
            let newer = many(3);
            let newer =
                Migrator::new(&newer).with_environment("here").with_wait_deadline(Duration::from_secs(2));
            let status = newer.status(&mut db).await.expect("a status");
            assert!(!status.broken.is_empty(), "{kind}: {forged}");
            assert!(status.to_string().contains("wrong in the history: row"), "{kind}: {status}");
            for error in [
                newer.run(&mut db).await.expect_err("run"),
                newer.plan(&mut db).await.expect_err("plan"),
                newer.check(&mut db).await.expect_err("check"),
                newer.wait(&mut db).await.expect_err("wait"),
                newer.verify_history(&mut db, &[]).await.expect_err("verify"),
            ] {
                assert!(error.is_history_broken(), "{kind}: {forged}: {error:#}");
            }
            newer.repair(&mut db, "looked at").await.expect("a repair");
            newer.run(&mut db).await.expect("it was looked at");
        }
    }
}

#[tokio::test]
async fn threat_18_a_program_for_staging_does_nothing_to_a_production_database() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        Migrator::new(many(2)).with_environment("production").run(&mut db).await.expect("an empty database");
        let before = db.lines("SELECT * FROM whimbrel_history ORDER BY seq").await;
        for set in [many(2), many(3)] {
            let staging = Migrator::new(&set).with_environment("staging");
            for error in [
                staging.run(&mut db).await.expect_err("run"),
                staging.check(&mut db).await.expect_err("check"),
                staging.plan(&mut db).await.expect_err("plan"),
                staging.revert_to(&mut db, None).await.expect_err("revert"),
                staging.status(&mut db).await.expect_err("status"),
                staging.history(&mut db).await.expect_err("history"),
                staging.verify_history(&mut db, &[]).await.expect_err("verify"),
                staging.postponed(&mut db).await.expect_err("postponed"),
                staging.repair(&mut db, "why").await.expect_err("repair"),
                staging.settle(&mut db, settlement()).await.expect_err("settle"),
            ] {
                assert!(kinds_of(&error).contains(&FindingKind::Environment), "{kind}: {error:#}");
                assert!(format!("{error:#}").contains("production"), "{error:#}");
            }
        }
        // No one else mends that, so it is not waited for.
        let waited = AtomicUsize::new(0);
        let set = many(3);
        let waiting = Migrator::new(&set)
            .with_environment("staging")
            .with_wait_deadline(Duration::from_secs(2))
            .with_observer(|event: &Event<'_>| {
                waited.fetch_add(usize::from(matches!(event, Event::Waiting { .. })), Ordering::Relaxed);
            });
        let error = waiting.wait(&mut db).await.expect_err("wait");
        assert_eq!(kinds_of(&error), [FindingKind::Environment], "{kind}: {error:#}");
        drop(waiting);
        assert_eq!(waited.into_inner(), 0, "{kind}");
        assert_eq!(db.lines("SELECT * FROM whimbrel_history ORDER BY seq").await, before, "{kind}");
        assert_eq!(db.number("SELECT count(*) FROM t").await, 1, "{kind}");
        // A name that only looks the same is another one.
        for name in ["Production", "production ", "prod"] {
            let error = Migrator::new(many(3)).with_environment(name).run(&mut db).await.expect_err(name);
            assert_eq!(kinds_of(&error), [FindingKind::Environment]);
        }
        Migrator::new(many(3)).with_environment("production").run(&mut db).await.expect("the right one");
    }
    // The same for a file.
    let folder: TempDir = memory_folder();
    let mut db = Connection::open(folder.path().join("app.db")).expect("a file");
    Migrator::new(many(2)).with_environment("production").run_blocking(&mut db).expect("an empty database");
    let error =
        Migrator::new(many(3)).with_environment("staging").run_blocking(&mut db).expect_err("another");
    assert_eq!(kinds_of(&error), [FindingKind::Environment]);
}
