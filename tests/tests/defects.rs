//! The defects that other tools have had, each as what may not happen here.
//!
//! Not on SQLite:
//!
//! - 3, `GET_LOCK` that answers NULL: SQLite has no named locks; the write lock is `BEGIN IMMEDIATE`, whose refusal is an
//!   error. That 50 processes at once all succeed is in `boots.rs`.
//! - 5, waiters that deadlock with `CREATE INDEX CONCURRENTLY`, and 23, `IF NOT EXISTS` that keeps an invalid index: there
//!   is no concurrent index building. Waiters hold no snapshot here either: they sleep outside transactions.
//! - 17, advisory locks through a pooler: there is no server, and no pooler between.
//! - 20, a file that the compiler does not notice: a matter of `embed!`, and tested beside it.
//!
//! 16 is here as far as SQLite has secrets: in the parameters of a URI, and in literals of scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;
use whimbrel::{
    Blocking as _, Directory, ErrorClass, ErrorKind, Event, FindingKind, Memory, Migrator, Outcome,
    Transaction,
};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Faulty, Moment, block_on};
use whimbrel_tests::memory_folder;
use whimbrel_tests::picture::{application, history, rows};

#[path = "defects/methods.rs"]
mod methods;
#[path = "defects/remedies.rs"]
mod remedies;

const MODES: [Transaction; 3] = [Transaction::Auto, Transaction::PerMigration, Transaction::PerRun];

struct Bench {
    folder: TempDir,
    path: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = memory_folder();
        let path = folder.path().join("app.db");
        Self { folder, path }
    }

    fn open(&self) -> Connection {
        Connection::open(&self.path).expect("the file opens")
    }

    fn apply(&self, memory: &Memory) -> whimbrel::Report {
        Migrator::new(memory).run_blocking(&mut self.open()).expect("nothing stands in the way")
    }

    /// Schema, data and history.
    fn picture(&self) -> String {
        let db = self.open();
        application(&db) + &history(&db)
    }
}

fn table() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);")
}

fn count(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).expect("a count")
}

/// 1
#[test]
fn a_failing_third_of_five_statements_is_never_recorded_as_applied() {
    let script = "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO nowhere VALUES (3);\n\
                  INSERT INTO t VALUES (4);\nINSERT INTO t VALUES (5);";
    for header in ["", "-- whimbrel: no-transaction\n"] {
        for mode in MODES {
            if mode == Transaction::PerRun && !header.is_empty() {
                continue;
            }
            let bench = Bench::new();
            bench.apply(&table());
            let memory = table().with_sql(2, "five", format!("{header}{script}"));
            for _ in 0..2 {
                let migrator = Migrator::new(&memory).with_transaction(mode);
                let error = migrator.run_blocking(&mut bench.open()).expect_err("the third fails");
                assert_eq!((error.kind(), error.statement()), (ErrorKind::Files, Some(3)), "{error:#}");
                let applied = "SELECT version FROM whimbrel_history WHERE event = 'applied'";
                assert_eq!(rows(&bench.open(), applied), "1|\n");
                assert_eq!(count(&bench.open()), if header.is_empty() { 0 } else { 2 });
            }
        }
    }
}

/// 2
#[test]
fn a_history_that_cannot_be_written_takes_its_migration_with_it() {
    for mode in MODES {
        let bench = Bench::new();
        bench.apply(&table());
        let hinder =
            "CREATE TRIGGER hinder BEFORE INSERT ON whimbrel_history BEGIN SELECT RAISE(ABORT, 'no'); END";
        bench.open().execute_batch(hinder).expect("a trigger");
        let before = bench.picture();
        let memory = table().with_sql(2, "u", "CREATE TABLE u (n); INSERT INTO t VALUES (1);");
        let migrator = Migrator::new(&memory).with_transaction(mode);
        migrator.run_blocking(&mut bench.open()).expect_err("the row cannot be written");
        assert_eq!(bench.picture(), before);
        bench.open().execute_batch("DROP TRIGGER hinder").expect("nothing hinders any more");
        migrator.run_blocking(&mut bench.open()).expect("and nothing says `already exists`");
    }
}

/// 4
#[test]
fn no_error_leaves_the_lock_on_a_connection_that_stays_open() {
    let memory = table().with_sql(2, "rows", "INSERT INTO t VALUES (1)").with_sql(
        3,
        "wrong",
        "INSERT INTO nowhere VALUES (1)",
    );
    let bench = Bench::new();
    let mut pooled = bench.open();
    let free = |bench: &Bench| {
        let other = bench.open();
        other.busy_timeout(Duration::ZERO).expect("a setting");
        other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").expect("the lock is free");
    };
    Migrator::new(&memory).run_blocking(&mut pooled).expect_err("the third migration fails");
    free(&bench);
    for call in 1.. {
        let bench = Bench::new();
        let mut pooled = bench.open();
        let mut driver = Faulty::new(pooled.driver(), call, Moment::After);
        Migrator::new(&memory)
            .run_blocking(&mut driver)
            .expect_err("it fails at the latest at the third migration");
        let failed = driver.failed();
        drop(driver);
        free(&bench);
        if !failed {
            break;
        }
    }
    let mut owned = block_on(Sqlite::open(&bench.path)).expect("the file opens");
    block_on(Migrator::new(&memory).run(&mut owned)).expect_err("the third migration fails");
    free(&bench);
}

/// 6
#[test]
fn a_boot_with_nothing_to_do_needs_no_right_to_write() {
    let bench = Bench::new();
    let memory = table().with_sql(2, "row", "INSERT INTO t VALUES (1)");
    bench.apply(&memory);
    let mut db = bench.open();
    db.pragma_update(None, "query_only", true).expect("a setting");
    for (memory, outcome) in [(&memory, Outcome::UpToDate), (&table(), Outcome::Ahead)] {
        assert_eq!(Migrator::new(memory).run_blocking(&mut db).expect("it only reads").outcome, outcome);
        assert_eq!(Migrator::new(memory).wait_blocking(&mut db).expect("it only reads").outcome, outcome);
    }
}

/// 7: what `search_path` is elsewhere are temporary tables and attached databases here, which come before `main`.
#[test]
fn a_table_of_the_same_name_elsewhere_does_not_mislead_the_bookkeeping() {
    for header in ["", "-- whimbrel: no-transaction\n"] {
        for mode in [Transaction::Auto, Transaction::PerMigration] {
            let bench = Bench::new();
            let temporary =
                format!("{header}CREATE TEMP TABLE whimbrel_history AS SELECT 1 AS set_name, 2 AS seq;");
            let memory = table()
                .with_sql(2, "temporary", temporary)
                .with_sql(3, "row", "INSERT INTO t VALUES (1)")
                .with_repeatable("v", "CREATE TEMP TABLE t (n); INSERT INTO main.t VALUES (2);");
            let mut db = bench.open();
            let migrator = Migrator::new(&memory).with_transaction(mode);
            migrator.run_blocking(&mut db).expect("nothing stands in the way");
            assert_eq!(migrator.run_blocking(&mut db).expect("nothing to do").outcome, Outcome::UpToDate);
            assert_eq!(rows(&db, "SELECT * FROM temp.whimbrel_history"), "1|2|\n");
            assert_eq!(count(&bench.open()), 2);
        }
    }
    let other = Bench::new();
    other.apply(&table());
    let bench = Bench::new();
    let mut db = bench.open();
    db.execute("ATTACH ? AS other", [other.path.to_string_lossy()]).expect("another database");
    let report = Migrator::new(table()).run_blocking(&mut db).expect("the other one's history is not mine");
    assert_eq!(report.migrations.len(), 1);
    assert_eq!(count(&bench.open()), 0);
}

/// 8
#[test]
fn a_migration_merged_late_is_refused_by_name_and_never_skipped() {
    let bench = Bench::new();
    bench.apply(&table().with_sql(3, "newer", "INSERT INTO t VALUES (3)"));
    let before = bench.picture();
    let memory = table().with_sql(2, "late", "INSERT INTO t VALUES (2)").with_sql(
        3,
        "newer",
        "INSERT INTO t VALUES (3)",
    );
    let error = Migrator::new(&memory).run_blocking(&mut bench.open()).expect_err("it is late");
    assert_eq!((error.findings()[0].kind(), error.findings()[0].subject()), (FindingKind::Late, "2_late"));
    assert!(error.to_string().contains("3_newer"), "{error:#}");
    assert_eq!(bench.picture(), before);
}

/// 9
#[test]
fn an_old_program_boots_on_a_newer_database() {
    let bench = Bench::new();
    bench.apply(&table().with_sql(2, "newer", "INSERT INTO t VALUES (2)"));
    let report = bench.apply(&table());
    assert_eq!((report.outcome, report.queries), (Outcome::Ahead, 1));
}

/// 10
#[test]
fn a_script_that_cannot_be_read_whole_is_never_applied_in_part() {
    let whole = "CREATE TABLE a (n);\nCREATE TABLE b (n);\n";
    let wrongs: [fn(&Path); 4] = [
        |path| {
            fs::create_dir(path).expect("a folder in the place of a file");
        },
        |path| std::os::unix::fs::symlink("gone.sql", path).expect("a link to nothing"),
        |path| fs::write(path, b"CREATE TABLE a (n);\nCREATE TABLE b (n /* \xff */);\n").expect("no UTF-8"),
        |path| fs::write(path, "CREATE TABLE a (n);\nCREATE TABLE b (n").expect("half a file"),
    ];
    for wrong in wrongs {
        let bench = Bench::new();
        let folder = bench.folder.path().join("migrations");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("0001_first.sql"), whole).expect("a file");
        wrong(&folder.join("0002_second.sql"));
        fs::write(folder.join("0003_third.sql"), "CREATE TABLE c (n);").expect("a file");
        let migrator = Migrator::new(Directory::new(&folder).unlocked());
        let error = migrator.run_blocking(&mut bench.open()).expect_err("it cannot be read");
        assert_eq!(error.kind(), ErrorKind::Files, "{error:#}");
        assert!(format!("{error:#}").contains("0002_second"), "{error:#}");
        let applied = application(&bench.open());
        assert!(!applied.contains("TABLE b (n|") && !applied.contains("TABLE c"), "{applied}");
    }
}

/// 11
#[test]
fn an_error_of_the_first_query_is_never_taken_for_an_empty_database() {
    // Somebody else has the file for itself.
    let bench = Bench::new();
    bench.apply(&table());
    let before = bench.picture();
    let holder = bench.open();
    holder.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    let mut db = bench.open();
    db.busy_timeout(Duration::ZERO).expect("a setting");
    let migrator = Migrator::new(table().with_sql(2, "row", "INSERT INTO t VALUES (1)"))
        .with_lock_deadline(Duration::from_millis(50));
    let error = migrator.run_blocking(&mut db).expect_err("it cannot be read");
    assert_eq!((error.kind(), error.class()), (ErrorKind::Retry, Some(ErrorClass::Busy)), "{error:#}");
    holder.execute_batch("ROLLBACK").expect("it is let go");
    assert_eq!(bench.picture(), before);
    // The pages of the history are damaged.
    let page = "SELECT rootpage FROM sqlite_master WHERE name LIKE 'whimbrel%' AND rootpage > 0";
    let roots: Vec<i64> =
        rows(&db, page).lines().map(|line| line.trim_end_matches('|').parse().expect("a page")).collect();
    drop((db, holder));
    let mut bytes = fs::read(&bench.path).expect("a file");
    for root in roots {
        let start = (root as usize - 1) * 4096;
        bytes[start..start + 4096].fill(0xAA);
    }
    fs::write(&bench.path, &bytes).expect("a file");
    let error = migrator.run_blocking(&mut bench.open()).expect_err("it is damaged");
    assert_eq!((error.kind(), error.class()), (ErrorKind::Database, Some(ErrorClass::Damaged)), "{error:#}");
    assert!(fs::read(&bench.path).expect("a file") == bytes);
}

/// 12
#[test]
fn a_wait_that_has_timed_out_never_takes_the_lock_later() {
    let bench = Bench::new();
    bench.apply(&table());
    let memory = table().with_sql(2, "row", "INSERT INTO t VALUES (1)");
    let holder = bench.open();
    holder.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let mut lent = bench.open();
    let mut owned = block_on(Sqlite::open(&bench.path)).expect("the file opens");
    let migrator = Migrator::new(&memory).with_lock_deadline(Duration::from_millis(100));
    migrator.run_blocking(&mut lent).expect_err("somebody holds it");
    block_on(migrator.run(&mut owned)).expect_err("somebody holds it");
    holder.execute_batch("COMMIT").expect("it is let go");
    let other = bench.open();
    other.busy_timeout(Duration::ZERO).expect("a setting");
    let until = Instant::now() + Duration::from_millis(300);
    while Instant::now() < until {
        other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").expect("nobody takes it");
    }
    assert_eq!(count(&other), 0);
}

/// 13
#[test]
fn scripts_that_differ_in_a_line_end_only_are_not_the_same() {
    let commented = Memory::new().with_sql(1, "users", "SELECT 1;\n-- seedDROP TABLE users;");
    let dropping = Memory::new().with_sql(1, "users", "SELECT 1;\n-- seed\nDROP TABLE users;");
    let blank = Memory::new().with_sql(1, "users", "SELECT 1;\n--  seedDROP TABLE users;");
    let bench = Bench::new();
    bench.apply(&commented);
    for other in [dropping, blank] {
        let error = Migrator::new(&other).run_blocking(&mut bench.open()).expect_err("it was changed");
        assert_eq!(error.findings()[0].kind(), FindingKind::Changed, "{error:#}");
    }
}

/// 14
#[test]
fn a_checkout_with_other_line_ends_is_the_same() {
    let folder = memory_folder();
    let text = "CREATE TABLE t (\n  n INTEGER\n);\nINSERT INTO t VALUES (1);\n";
    let database = folder.path().join("app.db");
    let boot = |text: &str| {
        let migrations = folder.path().join("migrations");
        fs::create_dir_all(&migrations).expect("a folder");
        fs::write(migrations.join("0001_t.sql"), text).expect("a file");
        let mut db = Connection::open(&database).expect("the file opens");
        Migrator::new(Directory::new(&migrations).unlocked())
            .run_blocking(&mut db)
            .expect("nothing stands in the way")
    };
    assert_eq!(boot(text).outcome, Outcome::Applied);
    assert_eq!(boot(&text.replace('\n', "\r\n")).outcome, Outcome::UpToDate);
    assert_eq!(boot(&format!("\u{feff}{text}")).outcome, Outcome::UpToDate);
}

/// 15
#[test]
fn digests_are_the_same_in_every_build_and_on_every_machine() {
    let bench = Bench::new();
    bench.apply(&table());
    let digests = rows(&bench.open(), "SELECT digest, head FROM whimbrel_history WHERE event = 'applied'");
    assert_eq!(
        digests,
        "b3v1:ed910a7e61013aee83bf307d9f945cd0ec95d44e4d51fb4a8b64eeec538bf1c3|\
         b3v1:3566ce059a9239ab21e1a0711d56c84ddd1c61e65da2e29e262830a833cee53d|\n"
    );
}

/// 16
#[test]
fn no_error_shows_the_key_in_a_uri_or_a_literal_of_a_script() {
    const SECRET: &str = "hunter2-correct";
    let folder = memory_folder();
    let uris = [
        format!("file:{}/none/app.db?key={SECRET}", folder.path().display()),
        format!("file:{}?mode=ro&hexkey={SECRET}", folder.path().display()),
        format!("file:app.db?mode={SECRET}"),
        format!("file://{SECRET}:{SECRET}@host/app.db?vfs={SECRET}"),
    ];
    for uri in uris {
        let error = block_on(Sqlite::open(&uri)).expect_err("it cannot be opened");
        let mut text = format!("{error} {error:#} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            text.push_str(&format!("{inner} {inner:?}"));
            source = inner.source();
        }
        assert!(!text.contains(SECRET), "{text}");
    }
    let told = Mutex::new(String::new());
    let watch = |event: &Event<'_>| told.lock().expect("nobody panics").push_str(&format!("{event:?}"));
    for script in [
        format!("PRAGMA key = '{SECRET}';\nSELECT nothing;"),
        format!("ATTACH '/none/x.db?key={SECRET}' AS x;"),
    ] {
        let bench = Bench::new();
        let memory = table().with_sql(2, "key", format!("-- whimbrel: no-transaction\n{script}"));
        let migrator = Migrator::new(&memory).with_observer(watch);
        let error = migrator.run_blocking(&mut bench.open()).expect_err("it fails");
        let text = format!("{error} {error:#} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!text.contains(SECRET), "{text}");
        assert!(!rows(&bench.open(), "SELECT * FROM whimbrel_history").contains(SECRET));
    }
    assert!(!told.into_inner().expect("nobody panics").contains(SECRET));
}

/// 18
#[test]
fn connections_that_migrate_at_once_do_everything_once() {
    let memory =
        (2..20).fold(table(), |memory, n| memory.with_sql(n, "row", format!("INSERT INTO t VALUES ({n})")));
    for mode in [Transaction::Auto, Transaction::PerMigration] {
        let bench = Bench::new();
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let migrator = Migrator::new(&memory).with_transaction(mode);
                    barrier.wait();
                    migrator.run_blocking(&mut bench.open()).expect("everybody succeeds");
                });
            }
        });
        assert_eq!(count(&bench.open()), 18);
    }
}

/// 19
#[test]
fn a_rebuild_that_fails_keeps_the_rows_that_refer_to_the_table() {
    let family = Memory::new().with_sql(
        1,
        "family",
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n\
         CREATE TABLE child (parent INTEGER REFERENCES parent (id) ON DELETE CASCADE);\n\
         INSERT INTO parent VALUES (1), (2);\nINSERT INTO child VALUES (1), (1), (2);",
    );
    let rebuild = "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT);\n\
                   INSERT INTO parent_new (id) SELECT id FROM parent;\nDROP TABLE parent;\n\
                   ALTER TABLE parent_new RENAME TO parent;\n";
    for tail in ["", "INSERT INTO nowhere VALUES (1);", "DELETE FROM parent WHERE id = 1;"] {
        let bench = Bench::new();
        let mut db = bench.open();
        db.pragma_update(None, "foreign_keys", true).expect("a setting");
        let memory =
            family.clone().with_sql(2, "rebuild", format!("-- whimbrel: foreign_keys=off\n{rebuild}{tail}"));
        let result = Migrator::new(&memory).run_blocking(&mut db);
        assert_eq!(result.is_err(), !tail.is_empty(), "{tail}");
        assert_eq!(rows(&db, "SELECT count(*) FROM child"), "3|\n", "{tail}");
        assert_eq!(rows(&db, "PRAGMA foreign_keys"), "1|\n", "{tail}");
    }
}

/// Files without a statement, such as other tools accept.
#[test]
fn scripts_without_a_statement_are_recorded_and_change_nothing() {
    for mode in MODES {
        let bench = Bench::new();
        let mut memory = table().with_down(1, "-- nothing\n");
        for (version, text) in (2..).zip(EMPTY) {
            memory = memory.with_sql(version, "empty", text).with_down(version, text);
        }
        let last = 2 + EMPTY.len() as i64;
        memory = memory.with_sql(last, "u", "CREATE TABLE u (n INTEGER);").with_down(last, "DROP TABLE u;");
        let migrator = || Migrator::new(&memory).with_transaction(mode);
        let plan = migrator().plan_blocking(&mut bench.open()).expect("it is planned");
        let notes: Vec<String> = plan.notes().iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), EMPTY.len(), "{notes:?}");
        assert!(notes[0].contains("2_empty  holds no statement"), "{notes:?}");
        let mut owned = Sqlite::from_connection(bench.open()).expect("a driver");
        let script = block_on(migrator().script(&mut owned)).expect("it is written down");
        drop(owned);
        assert!(script.contains("CREATE TABLE u"), "{script}");
        let report = migrator().run_blocking(&mut bench.open()).expect("it is applied");
        assert_eq!(report.migrations.len() as i64, last, "{mode:?}");
        assert_eq!(
            migrator().run_blocking(&mut bench.open()).expect("nothing is left").outcome,
            Outcome::UpToDate
        );
        let report = migrator().revert_to_blocking(&mut bench.open(), None).expect("it is reverted");
        assert_eq!(report.migrations.len() as i64, last, "{mode:?}");
        // An empty way down has undone nothing.
        assert_eq!(rows(&bench.open(), "SELECT count(*) FROM t"), "0|\n");
    }
    let unwritten = table().with_sql(2, "u", "-- 2_u\n\n");
    let error =
        Migrator::new(unwritten).run_blocking(&mut Bench::new().open()).expect_err("nobody has written it");
    assert!(format!("{error:#}").contains("is as `whimbrel new` has made it"), "{error:#}");
}

const EMPTY: [&str; 7] = [
    "",
    "\n \t\n",
    "-- nothing to do",
    "-- a comment; DROP TABLE t;\n",
    "/* nothing */ ;\n;",
    "-- whimbrel: no-transaction\n-- nothing\n",
    "-- whimbrel: foreign_keys=off\n",
];

/// 21
#[test]
fn what_the_verbs_return_can_be_sent_to_another_thread() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    let bench = Bench::new();
    let path = bench.path.clone();
    let run = sent(async move {
        let mut db = Sqlite::open(&path).await?;
        let migrator = Migrator::new(table());
        migrator.run(&mut db).await?;
        migrator.status(&mut db).await?;
        migrator.plan(&mut db).await?;
        migrator.wait(&mut db).await
    });
    let report = std::thread::spawn(move || block_on(run)).join().expect("no panic");
    assert_eq!(report.expect("an empty database").outcome, Outcome::UpToDate);
}

/// 22
#[test]
fn a_script_outside_transactions_may_hold_any_number_of_statements() {
    let bench = Bench::new();
    let script = "-- whimbrel: no-transaction\nVACUUM;\nINSERT INTO t VALUES (1);\nPRAGMA user_version = 3;\nVACUUM;\n\
                  CREATE TRIGGER r AFTER INSERT ON t WHEN NEW.n < 3 BEGIN INSERT INTO t VALUES (NEW.n + 10); SELECT 1; END;\n\
                  INSERT INTO t VALUES (2);";
    bench.apply(&table().with_sql(2, "outside", script));
    assert_eq!(rows(&bench.open(), "SELECT n FROM t ORDER BY n"), "1|\n2|\n12|\n");
}

/// 24
#[test]
fn a_crash_between_intent_and_result_needs_no_human() {
    let script = "-- whimbrel: no-transaction\nINSERT INTO t VALUES (1);\nVACUUM;\nCREATE INDEX t_n ON t (n);\n\
                  PRAGMA user_version = 5;\nINSERT INTO t VALUES (2);";
    let memory = table().with_sql(2, "outside", script);
    let calm = Bench::new();
    calm.apply(&memory);
    for moment in [Moment::Before, Moment::After] {
        for call in 1.. {
            let bench = Bench::new();
            let mut db = bench.open();
            let mut driver = Faulty::new(db.driver(), call, moment);
            let result = Migrator::new(&memory).run_blocking(&mut driver);
            if !driver.failed() {
                result.expect("nothing was in the way");
                break;
            }
            drop(driver);
            drop(db);
            bench.apply(&memory);
            assert_eq!(bench.picture(), calm.picture(), "call {call}, {moment:?}");
        }
    }
}

mod unbaselined {
    use super::*;
    use whimbrel::{TableName, Version};

    fn again() -> Memory {
        Memory::new().with_sql(
            1,
            "again",
            "CREATE TABLE IF NOT EXISTS seeds (n INTEGER);\nINSERT INTO seeds VALUES (1);",
        )
    }

    fn refused(db: &mut Connection, migrator: &Migrator<'_>) -> whimbrel::Finding {
        let error = migrator.run_blocking(db).expect_err("it is refused");
        let [finding] = error.findings() else { panic!("{error:#}") };
        assert_eq!(finding.kind(), FindingKind::Unbaselined, "{error:#}");
        finding.clone()
    }

    #[test]
    fn tables_in_attached_databases_and_beside_a_named_history_are_seen() {
        let bench = Bench::new();
        let mut db = bench.open();
        let beside = bench.folder.path().join("beside.db");
        db.execute("ATTACH ? AS ops", [beside.to_str()]).expect("it is attached");
        db.execute_batch("CREATE TABLE ops.users (id INTEGER); CREATE TEMP TABLE mine (n INTEGER)")
            .expect("tables");
        let naming =
            Memory::new().with_sql(1, "named", "CREATE TABLE IF NOT EXISTS [Ops].seeds (n INTEGER);");
        let finding = refused(&mut db, &Migrator::new(naming));
        assert!(finding.message().contains("ops.users"), "{finding}");
        db.execute_batch("DROP TABLE ops.users; CREATE VIEW main.people AS SELECT 1").expect("a view");
        let table = TableName::new("ops.whimbrel_history").expect("a name");
        let finding = refused(&mut db, &Migrator::new(again()).with_table(table.clone()));
        assert!(finding.message().contains("people"), "{finding}");
        db.execute_batch("DROP VIEW people").expect("an empty database");
        Migrator::new(again()).with_table(table).run_blocking(&mut db).expect("there is nothing else");
    }

    #[test]
    fn an_emptied_history_is_told_as_such() {
        let bench = Bench::new();
        bench.apply(&again());
        let mut db = bench.open();
        db.execute_batch("DELETE FROM whimbrel_history").expect("by hand");
        let finding = refused(&mut db, &Migrator::new(again()));
        assert!(finding.message().contains("no row of an applied migration"), "{finding}");
        assert_eq!(rows(&db, "SELECT count(*) FROM seeds"), "1|\n");
    }

    #[test]
    fn exactly_the_versions_that_another_tool_has_recorded_are_proposed() {
        let bench = Bench::new();
        let mut db = bench.open();
        db.execute_batch(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT, success BOOLEAN, checksum BLOB);
             INSERT INTO _sqlx_migrations VALUES (1, 'a', 1, x''), (3, 'c', 1, x'')",
        )
        .expect("by hand");
        let memory =
            again().with_sql(2, "b", "SELECT 1").with_sql(3, "c", "SELECT 1").with_sql(4, "d", "SELECT 1");
        let finding = refused(&mut db, &Migrator::new(&memory));
        assert_eq!(finding.versions().iter().map(|it| it.number()).collect::<Vec<_>>(), [1, 3]);
        let version = Version::new(3).expect("a version");
        let migrator = Migrator::new(&memory).with_baselined(finding.versions().iter().copied());
        migrator.baseline_blocking(&mut db, version).expect("there is no history");
        assert_eq!(rows(&db, "SELECT count(*) FROM whimbrel_history WHERE event = 'baselined'"), "2|\n");
    }

    #[test]
    fn an_old_program_boots_in_one_query_beside_open_work() {
        let bench = Bench::new();
        let failing =
            "-- whimbrel: no-transaction\nCREATE TABLE w (n INTEGER);\nINSERT INTO nowhere VALUES (1);";
        bench.apply(&again());
        let newer = Migrator::new(again().with_sql(2, "work", failing));
        newer.run_blocking(&mut bench.open()).expect_err("its second statement fails");
        let report = Migrator::new(again()).run_blocking(&mut bench.open()).expect("all of its own is there");
        assert_eq!((report.outcome, report.queries), (Outcome::Ahead, 1));
    }
}
