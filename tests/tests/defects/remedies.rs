//! What the library says to programs, done as it is said. `docs/remedies.md` names this file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use whimbrel::{
    Backup, Driver, Ending, Error, Finding, Plan, Receipt, Secret, SecretProvider, Settlement, StepError,
    Stop, TableName, Verifier, Version, Weight, async_trait,
};

use super::*;

/// What the error says to do, or hints at.
fn said(error: &Error) -> Vec<&str> {
    error.notes().filter(|(name, _)| ["next", "hint"].contains(name)).map(|(_, text)| text).collect()
}

#[track_caller]
fn says(error: &Error, remedy: &str) {
    assert!(said(error).contains(&remedy), "{remedy}\n{error:#}");
}

fn error(migrator: &Migrator<'_>, db: &mut Connection) -> Error {
    migrator.run_blocking(db).expect_err("it is refused, or fails")
}

fn runs(migrator: &Migrator<'_>, db: &mut Connection) {
    migrator.run_blocking(db).expect("what was said was done");
    assert_eq!(migrator.run_blocking(db).expect("nothing is left").outcome, Outcome::UpToDate);
}

fn two() -> Memory {
    table().with_sql(2, "u", "CREATE TABLE u (n INTEGER);")
}

#[test]
fn a_connection_is_put_right_as_said() {
    let bench = Bench::new();
    bench.apply(&table());
    let (memory, mut db) = (two(), bench.open());
    let migrator = Migrator::new(&memory).with_lock_deadline(Duration::from_millis(50));

    let other = bench.open();
    db.busy_timeout(Duration::ZERO).expect("a setting");
    other.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    says(&error(&migrator, &mut db), "another process is writing: run again when it is done");
    other.execute_batch("ROLLBACK; BEGIN IMMEDIATE").expect("the lock");
    says(
        &error(&migrator, &mut db),
        "run again when it is done, or give a longer time with `with_lock_deadline`; nothing was changed",
    );
    other.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").expect("the lock");
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let patient = Migrator::new(table()).with_lock_deadline(Duration::from_secs(60));
            patient.run_blocking(&mut bench.open()).map(drop)
        });
        other.execute_batch("ROLLBACK").expect("it is let go");
        waiting.join().expect("no panic")
    });
    waiting.expect("it waits as long as it is told to");

    db.execute_batch("BEGIN").expect("a transaction");
    says(
        &error(&migrator, &mut db),
        "commit or roll back on this connection before migrating, or migrate on another one",
    );
    db.execute_batch("COMMIT").expect("it is committed");

    let reading = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mut reader = Connection::open_with_flags(&bench.path, reading).expect("the file opens");
    says(&error(&migrator, &mut reader), "connect to the primary, or open the database for writing");
    let empty = Bench::new();
    empty.open().execute_batch("PRAGMA user_version = 1").expect("a file");
    let mut empty = Connection::open_with_flags(&empty.path, reading).expect("the file opens");
    says(
        &error(&migrator, &mut empty),
        "something is pending, and this connection cannot write: connect to the primary, open the database for writing, or \
         use `wait`",
    );

    db.execute_batch("PRAGMA journal_mode = OFF").expect("a setting");
    let refused = error(&migrator, &mut db);
    says(&refused, "change the setting back on this connection, then run again");
    says(&refused, "PRAGMA \"main\".journal_mode = DELETE");
    db.execute_batch(said(&refused)[0]).expect("it is SQL");

    let role = Migrator::new(&memory).with_role("owner");
    says(
        &error(&role, &mut db),
        "leave `with_role` out, and connect as the role that should own what is made",
    );
    runs(&migrator, &mut db);
    Migrator::new(&memory).wait_blocking(&mut reader).expect("it only reads");
}

#[test]
fn a_database_is_put_right_as_said() {
    let bench = Bench::new();
    let mut db = bench.open();
    db.execute_batch("CREATE TABLE whimbrel_history (n INTEGER)").expect("a table of others");
    let migrator = Migrator::new(two());
    says(&error(&migrator, &mut db), "give the history another name with `with_table`, or restore the table");
    let named = || Migrator::new(two()).with_table(TableName::new("our_history").expect("a name"));
    let beside = error(&named(), &mut db);
    assert_eq!(beside.findings()[0].kind(), FindingKind::Unbaselined, "{beside:#}");
    let allowed = named().with_unbaselined(whimbrel::Unbaselined::Allow);
    runs(&allowed, &mut db);

    let bench = Bench::new();
    fs::write(&bench.path, vec![b'x'; 9000]).expect("a file");
    says(
        &error(&migrator, &mut bench.open()),
        "this is no database of the expected kind, or a damaged one: check the path, or restore a backup",
    );
    runs(&migrator, &mut Bench::new().open());

    let bench = Bench::new();
    let mut db = bench.open();
    bench.apply(&table());
    db.execute_batch("PRAGMA max_page_count = 1").expect("no more pages");
    let large =
        table().with_sql(2, "row", "INSERT INTO t SELECT length(randomblob(9)) FROM t; CREATE TABLE v (n)");
    let migrator = Migrator::new(&large);
    let full = error(&migrator, &mut db);
    assert!(said(&full)[0].starts_with("make room, then run again"), "{full:#}");
    db.execute_batch("PRAGMA max_page_count = 1000000").expect("room");
    runs(&migrator, &mut db);
}

#[test]
fn a_script_is_put_right_as_said() {
    let bench = Bench::new();
    bench.apply(&table());
    let mut db = bench.open();
    let wrong = Migrator::new(table().with_sql(2, "u", "CREATE TABLE u (n INTEGER); SELECT no_such();"));
    says(
        &error(&wrong, &mut db),
        "correct the file, or the data that it meets, then run again; where it was not applied its manifest line may change",
    );
    runs(&Migrator::new(two()), &mut db);

    let outside = |last: &str| {
        let script = format!("-- whimbrel: no-transaction\nCREATE TABLE v (n INTEGER);\n{last}");
        Migrator::new(two().with_sql(3, "v", script)).with_failure_pause(Duration::ZERO)
    };
    says(
        &error(&outside("SELECT no_such();"), &mut db),
        "correct this statement, or what is behind it, then run again: it goes on here; leave the statements before it",
    );
    runs(&outside("SELECT 1;"), &mut db);

    let bench = Bench::new();
    bench.apply(&table());
    let mut db = bench.open();
    let off =
        Migrator::new(table().with_sql(2, "o", "-- whimbrel: no-transaction\nPRAGMA journal_mode = OFF;"));
    says(&error(&off, &mut db), "leave the PRAGMA out, or set journal_mode to DELETE or WAL");
    let delete = "-- whimbrel: no-transaction\nPRAGMA journal_mode = DELETE;";
    runs(&Migrator::new(table().with_sql(2, "o", delete)).with_failure_pause(Duration::ZERO), &mut db);

    // The rows were wrong before it.
    let bench = Bench::new();
    let child = table().with_sql(
        2,
        "c",
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (id));",
    );
    bench.apply(&child);
    let mut db = bench.open();
    db.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (7)").expect("a row");
    let rebuilt =
        child.with_sql(3, "r", "-- whimbrel: foreign_keys=off\nALTER TABLE p ADD COLUMN name TEXT;");
    let migrator = Migrator::new(&rebuilt).with_failure_pause(Duration::ZERO);
    says(
        &error(&migrator, &mut db),
        "correct the file, or the rows that were wrong before it, then run again",
    );
    db.execute_batch("DELETE FROM c").expect("the row");
    runs(&migrator, &mut db);

    let bench = Bench::new();
    let failing = two().with_sql(3, "wrong", "SELECT no_such();");
    let hour = |memory: &Memory| {
        Migrator::new(memory.clone())
            .with_failure_pause(Duration::from_secs(3600))
            .with_lock_deadline(Duration::from_millis(50))
    };
    error(&hour(&failing), &mut bench.open());
    says(
        &error(&hour(&failing), &mut bench.open()),
        "mend what its error said: a changed file is tried at once; or give another pause with `with_failure_pause`",
    );
    let again = error(&Migrator::new(&failing).with_failure_pause(Duration::ZERO), &mut bench.open());
    assert_eq!(again.kind(), ErrorKind::Files, "{again:#}");
    runs(&hour(&two().with_sql(3, "wrong", "SELECT 1;")), &mut bench.open());
}

#[test]
fn a_table_that_others_refer_to_is_rebuilt_as_said() {
    let base = || {
        let (parent, child) = ("CREATE TABLE p (id INTEGER PRIMARY KEY);", "INSERT INTO p VALUES (1);");
        let refers =
            "CREATE TABLE c (p INTEGER REFERENCES p (id) ON DELETE CASCADE); INSERT INTO c VALUES (1);";
        table().with_sql(2, "p", format!("{parent}{child}{refers}"))
    };
    let rebuild = "CREATE TABLE q (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO q SELECT id, NULL FROM p; DROP TABLE p; \
                   ALTER TABLE q RENAME TO p;";
    for (header, left) in [("foreign_keys=off", "1|\n"), ("foreign_keys=cascade", "0|\n")] {
        let bench = Bench::new();
        let mut db = bench.open();
        db.execute_batch("PRAGMA foreign_keys = ON").expect("a setting");
        runs(&Migrator::new(base()), &mut db);
        let script = |header: &str| base().with_sql(3, "r", format!("{header}{rebuild}"));
        says(
            &error(&Migrator::new(script("")), &mut db),
            "to rebuild the table, put `-- whimbrel: foreign_keys=off` at the top of the file (in place of \
             `no-transaction`): no row is touched, and every foreign key is checked before the commit; if these rows are \
             meant to go, drop the tables that refer to it first, or put `-- whimbrel: foreign_keys=cascade` there",
        );
        let mended = script(&format!("-- whimbrel: {header}\n"));
        runs(&Migrator::new(mended).with_failure_pause(Duration::ZERO), &mut db);
        assert_eq!(rows(&db, "SELECT count(*) FROM c"), left, "{header}");
    }
}

/// Makes backups when it is told that it can.
struct Keeper(Arc<AtomicBool>);

#[async_trait]
impl Backup for Keeper {
    async fn back_up(&self, _: &mut dyn Driver, _: &Plan) -> Result<Receipt, StepError> {
        match self.0.load(Ordering::Relaxed) {
            true => Ok(Receipt { place: "/backups/1".to_owned(), bytes: 1, check: "seen".to_owned() }),
            false => Err("the disk is full".into()),
        }
    }
}

#[async_trait]
impl SecretProvider for Keeper {
    async fn secret(&self, _: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
        match self.0.load(Ordering::Relaxed) {
            true => Ok(Secret::new("7")),
            false => Err("it is sealed".into()),
        }
    }
}

/// Wants every plan to be approved.
struct Careful;

#[async_trait]
impl Verifier for Careful {
    async fn check_set(&self, _: &whimbrel::MigrationSet) -> whimbrel::Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn check_plan(&self, plan: &Plan) -> whimbrel::Result<Vec<Finding>> {
        let set = whimbrel::SetName::new("app").expect("a name");
        let finding = Finding::new(FindingKind::Policy, &set, "2_u", "wants to be looked at");
        Ok(if plan.items().is_empty() { Vec::new() } else { vec![finding.weighing(Weight::Approval)] })
    }
}

#[test]
fn what_the_application_gives_is_put_right_as_said() {
    let bench = Bench::new();
    bench.apply(&table());
    let mut db = bench.open();

    let memory = two();
    let careful = || Migrator::new(&memory).with_verifier(Careful);
    let refused = error(&careful(), &mut db);
    says(
        &refused,
        "show the plan (`plan`) to whoever decides; if they agree, run with the approval of exactly this digest \
         (`with_approval`)",
    );
    let plan = careful().plan_blocking(&mut db).expect("it can be looked at");
    assert!(
        refused.notes().any(|(name, text)| name == "plan" && text == plan.digest().to_string()),
        "{refused:#}"
    );
    runs(&careful().with_approval(*plan.digest()), &mut db);

    let able = Arc::new(AtomicBool::new(false));
    let third = two().with_sql(3, "v", "CREATE TABLE v (n INTEGER);");
    let kept = Migrator::new(&third).with_backup(Keeper(Arc::clone(&able)));
    says(&error(&kept, &mut db), "mend what the backup says, then run again");
    let mut owned = Sqlite::from_connection(bench.open()).expect("a driver");
    let unscripted = block_on(kept.script(&mut owned)).expect_err("it would make none");
    says(
        &unscripted,
        "leave `with_backup` out for the script, and have whoever runs it make a backup before",
    );
    block_on(Migrator::new(&third).script(&mut owned)).expect("it was left out");
    drop(owned);
    able.store(true, Ordering::Relaxed);
    runs(&kept, &mut db);

    able.store(false, Ordering::Relaxed);
    let asking = third.clone().with_sql(
        4,
        "s",
        "-- whimbrel: placeholders\n-- whimbrel: no-transaction\nINSERT INTO t VALUES (${secret:word});",
    );
    let sealed = Migrator::new(&asking).with_secrets(Keeper(Arc::clone(&able)), Duration::from_secs(10));
    says(&error(&sealed, &mut db), "run again when the secret is to be had; what asks for it was not begun");
    able.store(true, Ordering::Relaxed);
    runs(&sealed, &mut db);

    let stop = Stop::new();
    stop.ask();
    let fifth = asking.clone().with_rust(5, "step");
    let step = |migrator: Migrator<'static>, sql: &'static str| {
        migrator
            .with_secrets(Keeper(Arc::new(AtomicBool::new(true))), Duration::from_secs(10))
            .with_failure_pause(Duration::ZERO)
            .with_blocking_step(5, move |tx| tx.execute(sql, &[]).map(drop).map_err(Into::into))
    };
    let migrator = || Migrator::new(fifth.clone());
    says(
        &error(&step(migrator().with_stop(stop), "SELECT 1"), &mut db),
        "run again when it suits: it goes on from here",
    );
    says(
        &error(&step(migrator(), "SELECT no_such()"), &mut db),
        "correct the function or the data that it meets, then run again",
    );
    db.execute_batch(
        "CREATE TABLE once (n INTEGER UNIQUE ON CONFLICT ROLLBACK); INSERT INTO once VALUES (1)",
    )
    .expect("a table that ends transactions");
    let ending = migrator()
        .with_secrets(Keeper(Arc::new(AtomicBool::new(true))), Duration::from_secs(10))
        .with_failure_pause(Duration::ZERO)
        .with_blocking_step(5, |tx| {
            let _ = tx.execute("INSERT INTO once VALUES (1)", &[]);
            Ok(())
        });
    says(
        &error(&ending, &mut db),
        "leave out COMMIT and ROLLBACK; look what the step has left in the database",
    );
    runs(&step(migrator(), "INSERT INTO t VALUES (5)"), &mut db);
}

#[test]
fn a_history_is_put_right_as_said() {
    let bench = Bench::new();
    bench.apply(&table());
    let mut db = bench.open();
    let (one, both) =
        (Migrator::new(table()), Migrator::new(two()).with_wait_deadline(Duration::from_millis(50)));
    let pending = both.check_blocking(&mut db).expect_err("something is pending");
    says(&pending, "apply them with `run`, or wait for another process to, with `wait`");
    let waited = both.wait_blocking(&mut db).expect_err("nobody applies it");
    says(&waited, "look why the process that migrates has not; nothing was changed");
    runs(&both, &mut db);
    both.wait_blocking(&mut db).expect("it is applied");
    both.check_blocking(&mut db).expect("it is applied");

    db.execute_batch("UPDATE whimbrel_history SET who = who || ' ' WHERE seq = 2").expect("touched");
    let verified = one.verify_history_blocking(&mut db, &[]).expect_err("it was touched");
    says(&verified, "find out who did it and what else they did; `repair` records that you have");
    both.repair_blocking(&mut db, "looked at it").expect("it is vouched for");
    both.verify_history_blocking(&mut db, &[]).expect("it is vouched for");

    let spoilt = "UPDATE whimbrel_history SET detail = 'none' WHERE seq = 2";
    let detail = rows(&db, "SELECT detail FROM whimbrel_history WHERE seq = 2");
    db.execute_batch(spoilt).expect("touched");
    let unreadable = both.verify_history_blocking(&mut db, &[]).expect_err("it cannot be read");
    says(
        &unreadable,
        "put back what stood in the column, from a backup of the table; or run a newer version, if one has written the row. \
         A value of the form that docs/formats.md gives can be read, and `repair` then vouches for it",
    );
    let back = "UPDATE whimbrel_history SET detail = ?1 WHERE seq = 2";
    db.execute(back, [detail.trim_end().trim_end_matches('|')]).expect("put back");
    both.verify_history_blocking(&mut db, &[]).expect("as it was");
    db.execute_batch(spoilt).expect("touched");
    db.execute(back, ["v1"]).expect("a value of the form");
    both.repair_blocking(&mut db, "written by hand").expect("it is vouched for");
    runs(&both, &mut db);
}

/// Does not wait for what looks like another process's work.
fn at_once(memory: &Memory) -> Migrator<'_> {
    Migrator::new(memory).with_lock_deadline(Duration::ZERO)
}

#[test]
fn a_statement_in_doubt_is_settled_as_said() {
    let place = |bench: &Bench| bench.folder.path().join("copy.db").display().to_string();
    let copy = |bench: &Bench| format!("-- whimbrel: no-transaction\nVACUUM INTO '{}';", place(bench));
    let held = "-- whimbrel: no-transaction\nCREATE TEMP TABLE kept AS SELECT 7 AS n;\nINSERT INTO t SELECT n FROM kept;";
    let took =
        |ending: Ending| Settlement { version: Version::new(2), ending, reason: "looked at it".to_owned() };
    let (mut unknown, mut gone) = (0, 0);
    for ending in [Ending::TookEffect(1), Ending::DidNot(1)] {
        for call in 1.. {
            let bench = Bench::new();
            bench.apply(&table());
            let memory = table().with_sql(2, "copy", copy(&bench));
            let mut db = bench.open();
            let mut driver = Faulty::new(db.driver(), call, Moment::After);
            let result = Migrator::new(&memory).run_blocking(&mut driver);
            if !driver.failed() {
                result.expect("nothing was in the way");
                break;
            }
            drop(driver);
            drop(db);
            let Err(doubt) = at_once(&memory).run_blocking(&mut bench.open()) else { continue };
            unknown += 1;
            says(
                &doubt,
                "`settle` version 2 with `Ending::TookEffect(1)` or `Ending::DidNot(1)`, and a reason; then run again",
            );
            let file = Path::new(&place(&bench)).to_owned();
            // What is said to be has to be so.
            let _ = fs::remove_file(&file);
            let edited = table().with_sql(2, "copy", format!("{}\nSELECT 1;", copy(&bench)));
            let edited = at_once(&edited).settle_blocking(&mut bench.open(), took(Ending::TookEffect(1)));
            says(
                &edited.expect_err("it may have been another one"),
                "restore the file as it was, and say again that the statement took effect",
            );
            at_once(&memory).settle_blocking(&mut bench.open(), took(ending)).expect("it is recorded");
            runs(&at_once(&memory), &mut bench.open());
            assert_eq!(file.exists(), ending == Ending::DidNot(1));
        }
    }
    for ending in [Ending::Applied, Ending::Undone] {
        for call in 1.. {
            let bench = Bench::new();
            bench.apply(&table());
            let memory = table().with_sql(2, "held", held);
            let mut db = bench.open();
            let mut driver = Faulty::new(db.driver(), call, Moment::After);
            let result = Migrator::new(&memory).run_blocking(&mut driver);
            if !driver.failed() {
                result.expect("nothing was in the way");
                break;
            }
            drop(driver);
            drop(db);
            let Err(doubt) = at_once(&memory).run_blocking(&mut bench.open()) else { continue };
            gone += 1;
            says(
                &doubt,
                "look how far it came; end it by hand, or undo it by hand; then `settle` version 2 with `Ending::Applied` or \
                 `Ending::Undone`, and a reason",
            );
            bench.open().execute_batch("DELETE FROM t").expect("undone by hand");
            at_once(&memory).settle_blocking(&mut bench.open(), took(ending)).expect("it is recorded");
            runs(&at_once(&memory), &mut bench.open());
            assert_eq!(count(&bench.open()), i64::from(ending == Ending::Undone));
        }
    }
    assert!(unknown >= 2 && gone >= 2, "{unknown}, {gone}");
}
