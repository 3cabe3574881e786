//! What is SQLite's own: files and their rights, settings, rebuilds, threads, backups, native clients, waiting, and what
//! cannot be told after a crash.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use whimbrel::{
    Blocking as _, Ending, Error, ErrorClass, ErrorKind, Event, FindingKind, Memory, Migrator, Outcome,
    Settlement, StepKey, Transaction, Unbaselined, Version,
};
use whimbrel_sqlite::rusqlite::{self, Connection};
use whimbrel_sqlite::{Sqlite, SqliteBackup};
use whimbrel_testkit::{Faulty, Moment, block_on, drop_after};

#[path = "driver/cascades.rs"]
mod cascades;
#[path = "driver/journals.rs"]
mod journals;

struct Bench {
    folder: TempDir,
    path: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let folder = folder.expect("a temporary folder");
        let path = folder.path().join("app.db");
        Self { folder, path }
    }

    fn lend(&self) -> Connection {
        Connection::open(&self.path).expect("the file opens")
    }

    fn own(&self) -> Sqlite {
        block_on(Sqlite::open(&self.path)).expect("the file opens")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap_or_default()
    }

    fn apply(&self, memory: Memory) {
        Migrator::new(memory).run_blocking(&mut self.lend()).expect("nothing stands in the way");
    }

    fn number(&self, sql: &str) -> i64 {
        number(&self.lend(), sql)
    }
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, (), |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn table() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1);")
}

fn version(number: i64) -> Option<Version> {
    Version::new(number)
}

// Files

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

#[test]
fn a_new_file_and_those_beside_it_are_for_their_owner_only() {
    let bench = Bench::new();
    let mut db = bench.own();
    assert_eq!(mode(&bench.path), 0o600);
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", bench.path.display()));
    let run = |db: &mut Sqlite, sql: &'static str| {
        block_on(db.call(move |connection| connection.execute_batch(sql))).expect("it is open").expect(sql);
    };
    run(&mut db, "BEGIN; CREATE TABLE t (n); INSERT INTO t VALUES (1)");
    assert_eq!(mode(&beside("-journal")), 0o600);
    run(&mut db, "COMMIT; PRAGMA journal_mode = WAL; INSERT INTO t VALUES (2)");
    assert_eq!((mode(&beside("-wal")), mode(&beside("-shm"))), (0o600, 0o600));
}

#[test]
fn the_rights_of_a_file_that_is_there_are_left_alone() {
    let bench = Bench::new();
    drop(fs::File::create(&bench.path).expect("a file"));
    fs::set_permissions(&bench.path, fs::Permissions::from_mode(0o640)).expect("the file is ours");
    block_on(Migrator::new(table()).run(&mut bench.own())).expect("an empty database");
    assert_eq!(mode(&bench.path), 0o640);
}

// Settings

/// Settings that an application may have made, by the pragma's name.
const SETTINGS: [&str; 9] = [
    "busy_timeout",
    "foreign_keys",
    "synchronous",
    "recursive_triggers",
    "legacy_alter_table",
    "ignore_check_constraints",
    "cache_size",
    "secure_delete",
    "temp_store",
];

fn settings(db: &Connection) -> Vec<i64> {
    SETTINGS.iter().map(|name| number(db, &format!("PRAGMA {name}"))).collect()
}

fn with_settings(bench: &Bench, keys: bool) -> (Connection, Vec<i64>) {
    let db = bench.lend();
    db.busy_timeout(Duration::from_millis(1_234)).expect("a setting");
    db.pragma_update(None, "foreign_keys", keys).expect("a setting");
    db.pragma_update(None, "recursive_triggers", !keys).expect("a setting");
    db.pragma_update(None, "cache_size", 77).expect("a setting");
    let settings = settings(&db);
    (db, settings)
}

const PRAGMAS: &str = "PRAGMA recursive_triggers = ON;\nPRAGMA legacy_alter_table = ON;\n\
                       PRAGMA ignore_check_constraints = ON;\nPRAGMA cache_size = 123;\nPRAGMA secure_delete = ON;\n";
const SESSION_PRAGMAS: &str =
    "PRAGMA foreign_keys = OFF;\nPRAGMA synchronous = OFF;\nPRAGMA temp_store = MEMORY;\n";

/// Scripts that change settings or fail, and whether they fail.
fn changing_settings() -> Vec<(&'static str, String, bool)> {
    vec![
        ("plain", "INSERT INTO t VALUES (2)".to_owned(), false),
        ("fails", "INSERT INTO nowhere VALUES (2)".to_owned(), true),
        ("pragmas", format!("{PRAGMAS}INSERT INTO t VALUES (2)"), false),
        ("pragmas, then fails", format!("{PRAGMAS}INSERT INTO nowhere VALUES (2)"), true),
        ("outside", format!("-- whimbrel: no-transaction\n{PRAGMAS}{SESSION_PRAGMAS}VACUUM;"), false),
        (
            "outside, then fails",
            format!("-- whimbrel: no-transaction\n{PRAGMAS}{SESSION_PRAGMAS}INSERT INTO nowhere VALUES (2)"),
            true,
        ),
        ("rebuild", "-- whimbrel: foreign_keys=off\nINSERT INTO t VALUES (2)".to_owned(), false),
        (
            "rebuild, then fails",
            "-- whimbrel: foreign_keys=off\nINSERT INTO nowhere VALUES (2)".to_owned(),
            true,
        ),
    ]
}

#[test]
fn a_connection_is_given_back_with_the_settings_it_had() {
    for keys in [false, true] {
        for (what, script, fails) in changing_settings() {
            let migrator = Migrator::new(table().with_sql(2, "next", script));
            let bench = Bench::new();
            bench.apply(table());
            let (mut db, before) = with_settings(&bench, keys);
            assert_eq!(migrator.run_blocking(&mut db).is_err(), fails, "{what}");
            assert_eq!(settings(&db), before, "lent: {what}: {SETTINGS:?}");

            let bench = Bench::new();
            bench.apply(table());
            let (db, before) = with_settings(&bench, keys);
            let mut owned = Sqlite::from_connection(db).expect("a thread");
            assert_eq!(block_on(migrator.run(&mut owned)).is_err(), fails, "{what}");
            let db = owned.into_connection().expect("it is sound");
            assert_eq!(settings(&db), before, "owned: {what}: {SETTINGS:?}");
        }
    }
}

#[test]
fn a_setting_of_one_script_does_not_reach_the_next() {
    let sets = |outside: bool| {
        let header = if outside { "-- whimbrel: no-transaction\n" } else { "" };
        table().with_sql(2, "pragma", format!("{header}PRAGMA ignore_check_constraints = ON;")).with_sql(
            3,
            "check",
            "CREATE TABLE c (n INTEGER CHECK (n > 0));\nINSERT INTO c VALUES (-1);",
        )
    };
    for outside in [false, true] {
        for transaction in [Transaction::Auto, Transaction::PerMigration] {
            let bench = Bench::new();
            let migrator = Migrator::new(sets(outside)).with_transaction(transaction);
            let error = migrator.run_blocking(&mut bench.lend()).expect_err("the check holds");
            assert_eq!(error.migration(), Some("3_check"), "{outside} {transaction:?}: {error:#}");
        }
    }
}

// Rebuilds

fn family() -> Memory {
    Memory::new().with_sql(
        1,
        "family",
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);\n\
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent (id) ON DELETE CASCADE);\n\
         INSERT INTO parent VALUES (1, 'a'), (2, 'b');\nINSERT INTO child (parent) VALUES (1), (1), (2);",
    )
}

fn rebuild(kept: &str) -> String {
    format!(
        "-- whimbrel: foreign_keys=off\nCREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
         INSERT INTO parent_new SELECT id, name FROM parent {kept};\nDROP TABLE parent;\n\
         ALTER TABLE parent_new RENAME TO parent;\n"
    )
}

#[test]
fn a_rebuild_keeps_the_rows_that_refer_to_the_table() {
    for transaction in [Transaction::Auto, Transaction::PerMigration] {
        let bench = Bench::new();
        let mut db = bench.lend();
        db.pragma_update(None, "foreign_keys", true).expect("a setting");
        let migrator =
            Migrator::new(family().with_sql(2, "rebuild", rebuild(""))).with_transaction(transaction);
        migrator.run_blocking(&mut db).expect("nothing stands in the way");
        assert_eq!(number(&db, "SELECT count(*) FROM child"), 3);
        assert_eq!(number(&db, "PRAGMA foreign_keys"), 1);
        db.execute("INSERT INTO child (parent) VALUES (9)", ()).expect_err("keys are enforced again");
    }
}

#[test]
fn a_rebuild_that_would_break_a_key_is_taken_back() {
    for keys in [true, false] {
        let bench = Bench::new();
        bench.apply(family());
        let before = bench.bytes();
        let migrator = Migrator::new(family().with_sql(2, "rebuild", rebuild("WHERE id = 1")));
        let mut db = bench.lend();
        db.pragma_update(None, "foreign_keys", keys).expect("a setting");
        let error = migrator.run_blocking(&mut db).expect_err("a child would be an orphan");
        // Whoever has switched keys off asked for no check, and yet the directive is one.
        assert_eq!((error.kind(), error.migration()), (ErrorKind::Files, Some("2_rebuild")), "{error:#}");
        assert!(format!("{error:#}").contains("child to parent"), "{error:#}");
        assert_eq!(number(&db, "PRAGMA foreign_keys"), i64::from(keys));
        drop(db);
        assert!(bench.bytes() == before, "something was written");
    }
}

#[test]
fn a_rebuild_that_fails_or_is_dropped_leaves_keys_enforced() {
    let failing = rebuild("") + "INSERT INTO nowhere VALUES (1);";
    let bench = Bench::new();
    bench.apply(family());
    let mut db = bench.own();
    let migrator = Migrator::new(family().with_sql(2, "rebuild", failing));
    block_on(migrator.run(&mut db)).expect_err("it fails");
    let db = db.into_connection().expect("it is sound");
    assert_eq!(number(&db, "PRAGMA foreign_keys"), 1);
    drop(db);
    let migrator = Migrator::new(family().with_sql(2, "rebuild", rebuild("")));
    for polls in 1.. {
        let mut db = bench.own();
        match block_on(drop_after(polls, migrator.run(&mut db))) {
            None => {
                db.into_connection().expect_err("its state is not known, so it is closed");
                assert_eq!(bench.number("SELECT count(*) FROM child"), 3, "{polls}");
            }
            Some(result) => {
                result.expect("nothing stands in the way");
                assert_eq!(number(&db.into_connection().expect("it is sound"), "PRAGMA foreign_keys"), 1);
                break;
            }
        }
    }
    assert_eq!(bench.number("SELECT count(*) FROM child"), 3);
}

#[test]
fn switching_foreign_keys_is_refused_with_the_directive_that_does_it() {
    const DIRECTIVE: &str = "-- whimbrel: foreign_keys=off";
    let rebuild = "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO parent_new (id) SELECT id FROM parent;\n\
                   DROP TABLE parent;\nALTER TABLE parent_new RENAME TO parent;\n";
    for (off, on) in [
        ("PRAGMA foreign_keys = OFF;", "PRAGMA foreign_keys = ON;"),
        ("pragma main.foreign_keys=0;", "pragma main.foreign_keys=1;"),
        ("PRAGMA \"foreign_keys\"(off);", "PRAGMA foreign_keys('on');"),
        ("PRAGMA foreign_keys = OFF;", ""),
        ("PRAGMA \"foreign_keys\" = 'off';", ""),
        ("PRAGMA [main].[foreign_keys] = no;", ""),
        ("", "PRAGMA 'foreign_keys' = 1;"),
        ("", "PRAGMA foreign_keys=yes;"),
        ("/* c */ PRAGMA /* d */ foreign_keys /* e */ = FALSE;", "SELECT 1;"),
    ] {
        let bench = Bench::new();
        let lend = || {
            let db = bench.lend();
            db.pragma_update(None, "foreign_keys", true).expect("a setting");
            db
        };
        Migrator::new(family()).run_blocking(&mut lend()).expect("it is applied");
        let before = bench.bytes();
        let text = format!("{off}\n{rebuild}{on}\n");
        let error = Migrator::new(family().with_sql(2, "keys", text.as_str()))
            .run_blocking(&mut lend())
            .expect_err("it would do nothing");
        assert_eq!(error.kind(), ErrorKind::Files, "{error:#}");
        let said = format!("{error:#}");
        assert!(said.contains(DIRECTIVE) && !said.contains("no-transaction"), "{said}");
        assert!(said.contains("0002_keys.sql:"), "{said}");
        assert!(bench.bytes() == before);
        // As it says: the statements may stay, and no child is lost.
        let memory = family().with_sql(2, "keys", format!("{DIRECTIVE}\n{text}"));
        let mut db = lend();
        Migrator::new(memory).run_blocking(&mut db).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        assert_eq!(bench.number("SELECT count(*) FROM child"), 3, "{text}");
        assert_eq!(bench.number("SELECT count(*) FROM pragma_foreign_key_check"), 0, "{text}");
        assert_eq!(number(&db, "PRAGMA foreign_keys"), 1, "{text}");
    }
}

#[test]
fn pragmas_and_vacuum_run_outside_transactions() {
    let bench = Bench::new();
    let script = "-- whimbrel: no-transaction\nPRAGMA journal_mode = WAL;\nPRAGMA auto_vacuum = INCREMENTAL;\nVACUUM;\n\
                  PRAGMA user_version = 7;\nPRAGMA wal_checkpoint(TRUNCATE);";
    bench.apply(table().with_sql(2, "outside", script));
    let mode: String = bench.lend().query_row("PRAGMA journal_mode", (), |row| row.get(0)).expect("a mode");
    assert_eq!((mode.as_str(), bench.number("PRAGMA user_version")), ("wal", 7));
    for statement in ["VACUUM", "PRAGMA journal_mode = WAL", "ATTACH 'secret' AS x", "DETACH x"] {
        let migrator = Migrator::new(Memory::new().with_sql(1, "inside", statement));
        let error = migrator.run_blocking(&mut Bench::new().lend()).expect_err("it cannot run inside");
        let said = format!("{error:#}");
        assert!(said.contains("-- whimbrel: no-transaction"), "{said}");
        assert!(!said.to_lowercase().contains("secret"), "{said}");
    }
}

// Executors

/// A script that keeps SQLite busy for a while.
fn slow() -> Memory {
    table().with_sql(
        2,
        "slow",
        "INSERT INTO t WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000) SELECT max(n) FROM c;",
    )
}

#[test]
fn no_thread_of_an_executor_is_blocked() {
    let bench = Bench::new();
    let mut db = bench.own();
    let migrator = Migrator::new(slow());
    let mut longest = Duration::ZERO;
    let began = Instant::now();
    let mut run = pin!(migrator.run(&mut db));
    let report = block_on(std::future::poll_fn(|context| {
        let began = Instant::now();
        let polled = run.as_mut().poll(context);
        longest = longest.max(began.elapsed());
        polled
    }));
    let whole = began.elapsed();
    assert_eq!(report.expect("an empty database").migrations.len(), 2);
    assert!(longest < whole / 3, "one poll took {longest:?} of {whole:?}");
}

#[test]
fn it_runs_in_a_task_of_tokio_without_its_timers_or_its_io() {
    let bench = Bench::new();
    let path = bench.path.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let report = runtime.block_on(async move {
        // A task has to be `Send`, and has one thread with all others here.
        let other = tokio::spawn(async { tokio::task::yield_now().await });
        let task = tokio::spawn(async move {
            let mut db = Sqlite::open(&path).await?;
            Migrator::new(slow()).run(&mut db).await
        });
        other.await.expect("it ran meanwhile");
        task.await.expect("no panic")
    });
    assert_eq!(report.expect("an empty database").migrations.len(), 2);
    // A lent connection has its twin.
    let mut db = bench.lend();
    assert_eq!(Migrator::new(slow()).run_blocking(&mut db).expect("it is there").outcome, Outcome::UpToDate);
}

#[test]
fn a_dropped_future_stops_a_long_statement_and_frees_the_lock() {
    let bench = Bench::new();
    bench.apply(table());
    let endless = table().with_sql(
        2,
        "endless",
        "INSERT INTO t WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c;",
    );
    let migrator = Migrator::new(endless);
    let mut db = bench.own();
    {
        let mut run = pin!(migrator.run(&mut db));
        let until = Instant::now() + Duration::from_millis(300);
        block_on(std::future::poll_fn(|context| {
            if Instant::now() > until {
                return Poll::Ready(());
            }
            assert!(run.as_mut().poll(context).is_pending());
            context.waker().wake_by_ref();
            thread::sleep(Duration::from_millis(5));
            Poll::Pending
        }));
        let other = bench.lend();
        other.busy_timeout(Duration::ZERO).expect("a setting");
        other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").expect_err("the statement is under way");
    }
    let other = bench.lend();
    other.busy_timeout(Duration::from_secs(5)).expect("a setting");
    other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").expect("the lock is free soon after");
    db.into_connection().expect_err("its state is not known, so it is closed");
}

// Backups

/// What a database holds, as text.
fn dump(db: &Connection) -> String {
    let mut text = String::new();
    let mut add = |sql: &str| {
        let mut statement = db.prepare(sql).expect("a query");
        let columns = statement.column_count();
        let mut rows = statement.query(()).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..columns {
                text.push_str(&format!("{:?}|", row.get_ref(column).expect("a column")));
            }
            text.push('\n');
        }
    };
    add("SELECT type, name, sql FROM sqlite_master ORDER BY name");
    for table in ["t", "whimbrel_history"] {
        if number(db, &format!("SELECT count(*) FROM sqlite_master WHERE name = '{table}'")) == 1 {
            add(&format!("SELECT * FROM {table} ORDER BY 1"));
        }
    }
    text
}

fn backups(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

#[test]
fn a_backup_is_what_the_migrations_were_applied_to() {
    for wal in [false, true] {
        for owned in [false, true] {
            for script in [
                "INSERT INTO t SELECT n FROM t",
                "-- whimbrel: no-transaction\nINSERT INTO t VALUES (5); VACUUM;",
            ] {
                let bench = Bench::new();
                bench.apply(table());
                let keeper = bench.lend();
                if wal {
                    let _: String =
                        keeper.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)).expect("a mode");
                }
                keeper.execute("INSERT INTO t VALUES (42)", ()).expect("a row");
                let before = dump(&keeper);
                let folder = bench.folder.path().join("backups");
                fs::create_dir(&folder).expect("a folder");
                let told = Mutex::new(Vec::new());
                let watch = |event: &Event<'_>| match event {
                    Event::BackedUp { .. } => told.lock().expect("nobody panics").push("backup"),
                    Event::Started { .. } => told.lock().expect("nobody panics").push("started"),
                    _ => {}
                };
                let migrator =
                    Migrator::new(table().with_sql(2, "more", script).with_sql(3, "x", "CREATE TABLE x (n)"))
                        .with_backup(SqliteBackup::into_folder(&folder))
                        .with_observer(watch);
                let report = if owned {
                    block_on(migrator.run(&mut bench.own()))
                } else {
                    migrator.run_blocking(&mut bench.lend())
                };
                let report = report.expect("nothing stands in the way");
                let [backup] = backups(&folder).try_into().expect("one backup for the whole run");
                let place = backup.canonicalize().expect("a path").display().to_string();
                assert_eq!(report.backup, Some(place.clone()));
                assert_eq!(mode(&backup), 0o600);
                let copy = Connection::open_with_flags(&backup, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
                assert_eq!(
                    dump(&copy.expect("the backup opens")),
                    before,
                    "wal {wal}, owned {owned}, {script}"
                );
                let detail: String = keeper
                    .query_row("SELECT detail FROM whimbrel_history WHERE event = 'backup'", (), |row| {
                        row.get(0)
                    })
                    .expect("a receipt");
                let bytes = fs::metadata(&backup).expect("a file").len();
                assert_eq!(detail, format!("v1 place={place} bytes={bytes} check=integrity_check:%20ok"));
                let first = number(&keeper, "SELECT min(seq) FROM whimbrel_history WHERE version = 2");
                assert!(number(&keeper, "SELECT seq FROM whimbrel_history WHERE event = 'backup'") < first);
                drop(migrator);
                let told = told.into_inner().expect("nobody panics");
                if script.starts_with("INSERT") {
                    assert_eq!(told, ["backup", "started", "started"]);
                }
            }
        }
    }
}

#[test]
fn nothing_pending_is_no_reason_for_a_backup() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("backups");
    fs::create_dir(&folder).expect("a folder");
    let migrator = Migrator::new(table()).with_backup(SqliteBackup::into_folder(&folder));
    migrator.run_blocking(&mut bench.lend()).expect("an empty database");
    // Of an empty file too: it is what the migrations were applied to.
    assert_eq!(backups(&folder).len(), 1);
    migrator.run_blocking(&mut bench.lend()).expect("nothing to do");
    migrator.check_blocking(&mut bench.lend()).expect("nothing to do");
    migrator.plan_blocking(&mut bench.lend()).expect("nothing to do");
    assert_eq!(backups(&folder).len(), 1);
}

#[test]
fn a_backup_that_fails_lets_nothing_be_applied() {
    let bench = Bench::new();
    bench.apply(table());
    let before = bench.bytes();
    let migrator = Migrator::new(table().with_sql(2, "more", "INSERT INTO t VALUES (2)"))
        .with_backup(SqliteBackup::into_folder(bench.folder.path().join("missing")));
    let check = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Application, "{error:#}");
        assert!(error.to_string().contains("nothing was applied"), "{error:#}");
        assert!(format!("{error:#}").contains("missing"), "{error:#}");
        assert!(bench.bytes() == before, "something was written");
    };
    check(migrator.run_blocking(&mut bench.lend()).expect_err("the folder is missing"));
    let mut db = bench.own();
    check(block_on(migrator.run(&mut db)).expect_err("the folder is missing"));
    db.into_connection().expect("it is sound");
    let mut db = Connection::open_in_memory().expect("memory");
    let error = migrator.run_blocking(&mut db).expect_err("there is no file");
    assert!(format!("{error:#}").contains("in memory"), "{error:#}");
    assert_eq!(number(&db, "SELECT count(*) FROM sqlite_master"), 0);
}

#[test]
fn a_backup_that_is_there_is_not_overwritten() {
    let bench = Bench::new();
    bench.apply(table());
    let folder = bench.folder.path().join("backups");
    fs::create_dir(&folder).expect("a folder");
    let migrator = Migrator::new(table().with_sql(2, "fails", "INSERT INTO nowhere VALUES (2)"))
        .with_backup(SqliteBackup::into_folder(&folder));
    for count in 1..=3 {
        migrator.run_blocking(&mut bench.lend()).expect_err("it fails");
        assert_eq!(backups(&folder).len(), count);
    }
}

// Steps in Rust

#[test]
fn a_step_gets_the_native_client_inside_its_transaction() {
    let memory = || table().with_rust(2, "step").with_sql(3, "after", "INSERT INTO t SELECT count(*) FROM t");
    let bench = Bench::new();
    let migrator = Migrator::new(memory()).with_step(2, |tx| {
        Box::pin(async move {
            let sqlite = tx.native::<Sqlite>().ok_or("not SQLite's")?;
            let inside = sqlite
                .call(|db| db.execute("INSERT INTO t VALUES (2)", ()).map(|_| db.is_autocommit()))
                .await??;
            assert!(!inside, "a transaction is open");
            Ok(())
        })
    });
    block_on(migrator.run(&mut bench.own())).expect("nothing stands in the way");
    assert_eq!(bench.number("SELECT max(n) FROM t"), 2);

    let bench = Bench::new();
    let migrator = Migrator::new(memory()).with_blocking_step(2, |tx| {
        let db = tx.native::<Connection>().ok_or("not SQLite's")?;
        db.execute("INSERT INTO t VALUES (2)", ())?;
        assert!(!db.is_autocommit());
        Ok(())
    });
    migrator.run_blocking(&mut bench.lend()).expect("nothing stands in the way");
    assert_eq!(bench.number("SELECT count(*) FROM t"), 3);
}

#[test]
fn a_native_client_that_ends_the_transaction_is_found() {
    for end in ["COMMIT", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN IMMEDIATE; SAVEPOINT whimbreL2"] {
        for key in [StepKey::new(2), StepKey::new(2).database_only()] {
            let bench = Bench::new();
            let migrator = Migrator::new(table().with_rust(2, "step")).with_blocking_step(key, move |tx| {
                tx.native::<Connection>().ok_or("not SQLite's")?.execute_batch(end)?;
                Ok(())
            });
            let mut db = bench.lend();
            let error = migrator.run_blocking(&mut db).expect_err("the transaction is gone");
            assert_eq!(
                (error.kind(), error.migration()),
                (ErrorKind::Application, Some("2_step")),
                "{end}: {error:#}"
            );
            assert!(db.is_autocommit(), "{end}");
            let exists = number(&db, "SELECT count(*) FROM sqlite_master WHERE name = 'whimbrel_history'");
            let applied = "SELECT count(*) FROM whimbrel_history WHERE version = 2";
            assert!(exists == 0 || number(&db, applied) == 0, "{end}: it was recorded");
        }
    }
}

#[test]
fn a_plain_function_under_an_async_verb_is_refused() {
    let bench = Bench::new();
    let migrator = Migrator::new(table().with_rust(2, "step")).with_blocking_step(2, |_| Ok(()));
    let error = block_on(migrator.run(&mut bench.own())).expect_err("it would block the executor");
    assert_eq!(error.findings()[0].kind(), FindingKind::Step, "{error:#}");
    assert!(error.to_string().contains("with_step"), "{error:#}");
    assert_eq!(bench.bytes().len(), 0);
    migrator.run_blocking(&mut bench.lend()).expect("on the caller's thread it is fine");
}

#[test]
fn a_step_that_panics_leaves_a_lent_connection_rolled_back() {
    let bench = Bench::new();
    let migrator =
        Migrator::new(table().with_rust(2, "step")).with_blocking_step(2, |_| panic!("as the test wants"));
    let mut db = bench.lend();
    let run = std::panic::AssertUnwindSafe(|| migrator.run_blocking(&mut db));
    std::panic::catch_unwind(run).expect_err("it panics");
    assert!(db.is_autocommit());
    assert_eq!(number(&db, "PRAGMA busy_timeout"), 5_000);
}

// Waiting

/// Runs in both ways while somebody is in the way; sees how long it waited and that nothing has changed.
fn gives_up(bench: &Bench, memory: &Memory, expected: &str) {
    for longest in [0, 300] {
        let waits = Mutex::new(0);
        let watch = |event: &Event<'_>| {
            if let Event::Waiting { .. } = event {
                *waits.lock().expect("nobody panics") += 1;
            }
        };
        let longest = Duration::from_millis(longest);
        let migrator = Migrator::new(memory).with_lock_deadline(longest).with_observer(watch);
        let mut owned = bench.own();
        let mut lent = bench.lend();
        let runs: [&mut dyn FnMut() -> whimbrel::Result<whimbrel::Report>; 2] =
            [&mut || migrator.run_blocking(&mut lent), &mut || block_on(migrator.run(&mut owned))];
        for run in runs {
            let began = Instant::now();
            let error = run().expect_err("somebody is in the way");
            let waited = began.elapsed();
            assert_eq!(
                (error.kind(), error.class()),
                (ErrorKind::Retry, Some(ErrorClass::Busy)),
                "{error:#}"
            );
            assert!(error.to_string().contains(expected), "{error:#}");
            assert!(waited >= longest && waited < longest + Duration::from_secs(3), "{waited:?}");
            assert!(format!("{error:#}").contains("run again"), "{error:#}");
        }
        assert!(lent.is_autocommit());
        assert!(owned.into_connection().expect("it is sound").is_autocommit());
        println!("{} waits", waits.lock().expect("nobody panics"));
    }
}

#[test]
fn a_lock_that_is_not_to_be_had_is_given_up_in_time() {
    let bench = Bench::new();
    bench.apply(table());
    let memory = table().with_sql(2, "more", "INSERT INTO t VALUES (2)");
    let holder = bench.lend();
    holder.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let before = bench.bytes();
    gives_up(&bench, &memory, "has held the write lock for");
    assert!(bench.bytes() == before);
    let told = Mutex::new(Vec::new());
    let watch = |event: &Event<'_>| {
        if let Event::Waiting { waited, .. } = event {
            told.lock().expect("nobody panics").push(*waited);
        }
    };
    let migrator = Migrator::new(&memory).with_lock_deadline(Duration::from_secs(20)).with_observer(watch);
    thread::scope(|scope| {
        let run = scope.spawn(|| migrator.run_blocking(&mut bench.lend()));
        thread::sleep(Duration::from_millis(200));
        holder.execute_batch("COMMIT").expect("the lock is let go");
        run.join().expect("no panic").expect("it has waited");
    });
    let told = told.lock().expect("nobody panics");
    assert!(told.len() > 3 && told.is_sorted(), "{told:?}");
    assert_eq!(bench.number("SELECT count(*) FROM t"), 2);
}

#[test]
fn a_reader_who_stays_keeps_a_commit_waiting_and_nothing_half_done() {
    let bench = Bench::new();
    bench.apply(table());
    let memory = table().with_sql(2, "more", "INSERT INTO t VALUES (2)");
    let reader = bench.lend();
    reader.execute_batch("BEGIN").expect("a transaction");
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 1);
    gives_up(&bench, &memory, "");
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 1);
    reader.execute_batch("COMMIT").expect("the reader goes");
    assert_eq!(bench.number("SELECT count(*) FROM t"), 1);
    Migrator::new(&memory).run_blocking(&mut bench.lend()).expect("nobody is in the way");
    assert_eq!(bench.number("SELECT count(*) FROM t"), 2);
}

// What cannot be told after a crash

/// Cuts a run off after each of its calls took effect, and gives what is left to `check`, with the rerun's result.
fn cut_off(
    memory: &Memory,
    prepare: &Memory,
    mut check: impl FnMut(&Bench, usize, whimbrel::Result<whimbrel::Report>),
) {
    for call in 1.. {
        let bench = Bench::new();
        // Paths in scripts are relative to the working folder; they name the test's own by this word.
        let here = bench.folder.path().display().to_string();
        let local = |memory: &Memory| {
            memory.set().expect("a set").iter().fold(Memory::new(), |local, migration| {
                let number = migration.version().expect("a version").number();
                local.with_sql(number, migration.name(), migration.up().text().replace("HERE", &here))
            })
        };
        bench.apply(local(prepare));
        let mut db = bench.lend();
        let mut driver = Faulty::new(db.driver(), call, Moment::After);
        let result = Migrator::new(local(memory)).run_blocking(&mut driver);
        if !driver.failed() {
            result.expect("nothing was in the way");
            return;
        }
        drop(driver);
        drop(db);
        let rerun = migrator(&local(memory)).run_blocking(&mut bench.lend());
        check(&bench, call, rerun);
    }
}

/// Someone who does not wait for what looks like another process's work.
fn migrator(memory: &Memory) -> Migrator<'static> {
    Migrator::new(memory.clone()).with_lock_deadline(Duration::ZERO)
}

fn settle(bench: &Bench, memory: &Memory, ending: Ending) {
    let settlement = Settlement { version: version(2), ending, reason: "I have looked".to_owned() };
    migrator(memory).settle_blocking(&mut bench.lend(), settlement).expect("it is open");
}

fn is_unknown(error: &Error, statement: &str) {
    let text = format!("{error:#}");
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{text}");
    assert!(text.contains(statement) && text.contains("settle"), "{text}");
}

#[test]
fn a_copy_that_may_have_been_made_is_unknown_until_settled() {
    let script = "-- whimbrel: no-transaction\nINSERT INTO t VALUES (2);\nVACUUM INTO 'HERE/copy.db';\nINSERT INTO t VALUES (3);";
    let memory = table().with_sql(2, "copy", script);
    let endings = [Ending::TookEffect(2), Ending::DidNot(2), Ending::Applied, Ending::Undone];
    let mut unknown = 0;
    for ending in endings {
        cut_off(&memory, &table(), |bench, call, rerun| {
            let copy = bench.folder.path().join("copy.db");
            let local = table().with_sql(
                2,
                "copy",
                script.replace("HERE", &bench.folder.path().display().to_string()),
            );
            let Err(error) = rerun else {
                assert_eq!(bench.number("SELECT count(*) FROM t"), 3, "call {call}");
                return;
            };
            is_unknown(&error, "statement 2");
            unknown += 1;
            if ending != Ending::TookEffect(2) && ending != Ending::Applied {
                let _ = fs::remove_file(&copy);
            }
            settle(bench, &local, ending);
            if ending == Ending::Undone {
                bench.lend().execute("DELETE FROM t WHERE n > 1", ()).expect("undone by hand");
            }
            migrator(&local).run_blocking(&mut bench.lend()).expect("it goes on");
            let expected = if ending == Ending::Applied { 2 } else { 3 };
            assert_eq!(bench.number("SELECT count(*) FROM t"), expected, "call {call}, {ending:?}");
            let again = migrator(&local).run_blocking(&mut bench.lend()).expect("it is done");
            assert_eq!(again.outcome, Outcome::UpToDate);
        });
    }
    assert!(unknown >= endings.len(), "the statement was never in doubt");
}

#[test]
fn what_a_session_held_is_not_gone_on_with() {
    let scripts = [
        "CREATE TEMP TABLE kept AS SELECT 7 AS n;\nINSERT INTO t VALUES (2);\nINSERT INTO t SELECT n FROM kept;",
        "ATTACH 'HERE/other.db' AS other;\nINSERT INTO t VALUES (2);\nCREATE TABLE other.t (n);\nINSERT INTO t VALUES (3);",
    ];
    for script in scripts {
        let script = format!("-- whimbrel: no-transaction\n{script}");
        let memory = table().with_sql(2, "session", script.as_str());
        let mut unknown = 0;
        for ending in [Ending::Applied, Ending::Undone] {
            cut_off(&memory, &table(), |bench, call, rerun| {
                let here = bench.folder.path().display().to_string();
                let local = table().with_sql(2, "session", script.replace("HERE", &here));
                let Err(error) = rerun else {
                    assert_eq!(bench.number("SELECT count(*) FROM t"), 3, "call {call}");
                    return;
                };
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:#}");
                unknown += 1;
                if ending == Ending::Undone {
                    bench.lend().execute("DELETE FROM t WHERE n > 1", ()).expect("undone by hand");
                    let _ = fs::remove_file(bench.folder.path().join("other.db"));
                }
                settle(bench, &local, ending);
                migrator(&local).run_blocking(&mut bench.lend()).expect("it goes on");
                if ending == Ending::Undone {
                    assert_eq!(bench.number("SELECT count(*) FROM t"), 3, "call {call}");
                }
                let again = migrator(&local).run_blocking(&mut bench.lend()).expect("it is done");
                assert_eq!(again.outcome, Outcome::UpToDate);
            });
        }
        assert!(unknown > 1, "{script}");
    }
}

#[test]
fn a_reader_that_keeps_the_file_busy_at_the_commit_makes_nothing_run_twice() {
    let bench = Bench::new();
    let mut db = bench.lend();
    db.execute_batch("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('a');").expect("a table");
    // With a rollback journal a reader keeps everybody from committing, though not from writing.
    let reader = bench.lend();
    reader.execute_batch("BEGIN; SELECT * FROM notes;").expect("a read transaction");
    let held: i64 = reader.query_row("SELECT count(*) FROM notes", (), |row| row.get(0)).expect("a row");
    assert_eq!(held, 1);
    let (sender, receiver) = mpsc::channel::<()>();
    let ran = AtomicUsize::new(0);
    let release = thread::spawn(move || {
        receiver.recv().expect("the migration runs");
        thread::sleep(Duration::from_millis(50));
        reader.execute_batch("COMMIT").expect("the reader is done");
    });
    let memory = Memory::new().with_sql(1, "more", "INSERT INTO notes VALUES ('b');");
    let report = Migrator::new(&memory)
        .with_unbaselined(Unbaselined::Allow)
        .with_observer(|event: &Event<'_>| {
            if let Event::Ran { .. } = event {
                ran.fetch_add(1, Ordering::SeqCst);
                let _ = sender.send(());
            }
        })
        .run_blocking(&mut db)
        .unwrap_or_else(|error| panic!("{error:#}"));
    release.join().expect("the reader");
    assert_eq!((report.migrations.len(), ran.load(Ordering::SeqCst)), (1, 1));
    let count: i64 = db.query_row("SELECT count(*) FROM notes", (), |row| row.get(0)).expect("a row");
    assert_eq!(count, 2);
}

#[test]
fn a_backup_whose_transaction_was_rolled_back_is_made_again_and_has_its_receipt() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("backups");
    fs::create_dir(&folder).expect("a folder");
    // The two share a transaction, which fails; then the first is applied by itself.
    let memory = table().with_sql(2, "wrong", "INSERT INTO nowhere VALUES (1);");
    let migrator = Migrator::new(memory).with_backup(SqliteBackup::into_folder(&folder));
    let error = migrator.run_blocking(&mut bench.lend()).expect_err("there is no such table");
    assert_eq!(error.migration(), Some("2_wrong"), "{error:#}");
    let db = bench.lend();
    let receipts: Vec<String> = db
        .prepare("SELECT event FROM whimbrel_history ORDER BY seq LIMIT 2")
        .expect("a history")
        .query_map((), |row| row.get(0))
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("events");
    assert_eq!(receipts, ["backup", "applied"]);
}

/// Committed without its row, a migration would be applied again by the next run.
#[test]
fn migration_whose_row_a_trigger_keeps_out_is_rolled_back() {
    const TRIGGER: &str =
        "CREATE TRIGGER keeps_out BEFORE INSERT ON whimbrel_history BEGIN SELECT RAISE(IGNORE); END";
    for steps in [false, true] {
        let bench = Bench::new();
        let mut db = bench.lend();
        let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
        Migrator::new(first.clone()).run_blocking(&mut db).expect("it is applied");
        db.execute_batch(TRIGGER).expect("a trigger");
        let error = if steps {
            Migrator::new(first.with_rust(2, "rows"))
                .with_blocking_step(2, |tx| Ok(tx.execute("INSERT INTO t VALUES (1)", &[]).map(drop)?))
                .run_blocking(&mut db)
        } else {
            Migrator::new(first.with_sql(2, "rows", "INSERT INTO t VALUES (1);")).run_blocking(&mut db)
        };
        let error = error.expect_err("nothing would tell of it");
        let said = format!("{error:#}");
        assert!(said.contains("is not in it"), "{said}");
        assert!(
            said.contains("take the rules, triggers and policies off that table, then run again"),
            "{said}"
        );
        assert_eq!(bench.number("SELECT count(*) FROM t"), 0);
    }
}
