//! A future that is dropped at any of its awaits: the connection goes, its lock with it, and a rerun comes to what an
//! undisturbed run comes to.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use whimbrel::{Migrator, StepKey, Transaction};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{block_on, drop_after};
use whimbrel_tests::picture::picture;
use whimbrel_tests::{memory_folder, sets};

/// The migrator of the other tests, with an async step.
fn migrator(transaction: Transaction) -> Migrator<'static> {
    Migrator::new(sets::library())
        .and(sets::mixed())
        .with_step(StepKey::new(4), |tx| {
            Box::pin(async move {
                tx.execute("UPDATE people SET name = upper(name)", &[]).await?;
                let sqlite = tx.native::<Sqlite>().ok_or("not SQLite's")?;
                sqlite.call(|db| db.execute("INSERT INTO counter VALUES ('4')", ())).await??;
                Ok(())
            })
        })
        .with_transaction(transaction)
}

fn own(path: &Path) -> Sqlite {
    block_on(Sqlite::open(path)).expect("the file opens")
}

fn the_lock_is_free_soon(path: &Path) {
    let other = Connection::open(path).expect("the file opens");
    other.busy_timeout(Duration::from_secs(5)).expect("a setting");
    other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").expect("the lock is free soon after");
}

#[test]
fn dropped_at_every_await_it_gives_the_connection_up_and_a_rerun_goes_on() {
    for transaction in [Transaction::Auto, Transaction::PerMigration] {
        let folder = memory_folder();
        let calm = folder.path().join("calm.db");
        block_on(migrator(transaction).run(&mut own(&calm))).expect("nobody disturbs it");
        let expected = picture(&calm);
        let mut ended = false;
        for polls in 0..2_000 {
            let path = folder.path().join(format!("{polls}.db"));
            let mut db = own(&path);
            let migrator = migrator(transaction);
            let done = block_on(drop_after(polls, migrator.run(&mut db)));
            if let Some(result) = done {
                result.expect("nothing was in the way");
                db.into_connection().expect("it is sound");
                assert!(polls > 40, "{polls} polls are too few to be a run");
                ended = true;
                break;
            }
            match (polls, db.into_connection()) {
                // It never began.
                (0, given) => drop(given.expect("nobody has used it")),
                (_, given) => {
                    let error = given.expect_err("its state is not known, so it is closed");
                    assert_eq!(error.kind(), whimbrel::ErrorKind::Retry, "{error:#}");
                }
            }
            the_lock_is_free_soon(&path);
            block_on(migrator.run(&mut own(&path))).unwrap_or_else(|error| panic!("{polls}: {error:#}"));
            assert_eq!(picture(&path), expected, "{transaction:?}, dropped after {polls} polls");
            std::fs::remove_file(&path).expect("the file goes");
        }
        assert!(ended, "the last await was never reached");
    }
}

#[test]
fn dropped_while_it_waits_for_the_lock_it_takes_nothing_later() {
    let folder = memory_folder();
    let path = folder.path().join("app.db");
    let holder = Connection::open(&path).expect("a file");
    holder.execute_batch("CREATE TABLE held (n); BEGIN IMMEDIATE").expect("the lock");
    for polls in 1..25 {
        let mut db = own(&path);
        let migrator = Migrator::new(sets::library()).with_unbaselined(whimbrel::Unbaselined::Allow);
        assert!(block_on(drop_after(polls, migrator.run(&mut db))).is_none(), "it cannot be done");
    }
    holder.execute_batch("COMMIT").expect("it is let go");
    let other = Connection::open(&path).expect("the file opens");
    other.busy_timeout(Duration::ZERO).expect("a setting");
    for _ in 0..50 {
        other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").expect("nobody takes it");
        std::thread::sleep(Duration::from_millis(2));
    }
    let tables: i64 =
        other.query_row("SELECT count(*) FROM sqlite_master", (), |row| row.get(0)).expect("a count");
    assert_eq!(tables, 1);
}

#[test]
fn dropped_verbs_that_only_look_leave_nothing() {
    let folder = memory_folder();
    let path = folder.path().join("app.db");
    block_on(migrator(Transaction::Auto).run(&mut own(&path))).expect("an empty database");
    let before = std::fs::read(&path).expect("a file");
    for polls in 0..6 {
        let migrator = migrator(Transaction::Auto);
        let _ = block_on(drop_after(polls, migrator.run(&mut own(&path))));
        let _ = block_on(drop_after(polls, migrator.status(&mut own(&path))));
        let _ = block_on(drop_after(polls, migrator.plan(&mut own(&path))));
        let _ = block_on(drop_after(polls, migrator.verify_history(&mut own(&path), &[])));
    }
    assert!(std::fs::read(&path).expect("a file") == before);
}
