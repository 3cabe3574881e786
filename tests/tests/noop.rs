//! A boot with nothing to do: one statement, no write, no lock, and the same work however long the history is.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, OpenFlags, StatementStatus};
use whimbrel::{Memory, Migrator, Outcome, Report, SetName};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Counting, block_on};
use whimbrel_tests::memory_folder;
use whimbrel_tests::picture::rows;

/// A statement that SQLite has run, and what it cost.
#[derive(Clone, Debug)]
struct Ran {
    sql: String,
    steps: i32,
    scanned: i32,
    sorted: i32,
    indexed: i32,
}

/// Every statement that reaches a connection, with what it cost.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<Ran>>>);

impl Trace {
    fn of(connection: &mut Connection) -> Self {
        let trace = Self::default();
        let ran = Arc::clone(&trace.0);
        let note = move |event: TraceEvent<'_>| {
            if let TraceEvent::Profile(statement, _) = event {
                ran.lock().expect("nobody panics").push(Ran {
                    sql: statement.sql().into_owned(),
                    steps: statement.get_status(StatementStatus::VmStep),
                    scanned: statement.get_status(StatementStatus::FullscanStep),
                    sorted: statement.get_status(StatementStatus::Sort),
                    indexed: statement.get_status(StatementStatus::AutoIndex),
                });
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note)).expect("a trace");
        trace
    }

    fn all(&self) -> Vec<Ran> {
        self.0.lock().expect("nobody panics").clone()
    }

    /// The only statement.
    fn only(&self) -> Ran {
        let [ran] = self.all().try_into().unwrap_or_else(|all| panic!("not one statement: {all:#?}"));
        ran
    }
}

/// So many migrations of a set: the first creates a table, each of the others inserts a row.
fn many(set: &str, count: i64) -> Memory {
    let first = Memory::new().with_set(SetName::new(set).expect("a name")).with_sql(
        1,
        "t",
        format!("CREATE TABLE t_{set} (n INTEGER)"),
    );
    (2..=count).fold(first, |memory, version| {
        memory.with_sql(version, "row", format!("INSERT INTO t_{set} VALUES ({version})"))
    })
}

/// A file to which so many migrations were applied.
fn migrated(folder: &Path, count: i64) -> PathBuf {
    let path = folder.join(format!("{count}.db"));
    let mut db = Connection::open(&path).expect("a file");
    Migrator::new(many("app", count)).run_blocking(&mut db).expect("an empty database");
    path
}

/// Boots, and sees that it took exactly one statement.
fn boot(db: &mut Connection, migrator: &Migrator<'_>, outcome: Outcome) -> Ran {
    let trace = Trace::of(db);
    let report = migrator.run_blocking(db).expect("there is nothing to do");
    assert_eq!((report.outcome, report.queries), (outcome, 1), "{report}");
    let ran = trace.only();
    db.trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>).expect("no trace any more");
    ran
}

/// What tells that somebody has written: the bytes, the time of the last change, and which files lie beside it.
fn traces_of_writing(path: &Path) -> (Vec<u8>, (i64, i64), Vec<String>) {
    let metadata = fs::metadata(path).expect("the file is there");
    let beside = fs::read_dir(path.parent().expect("a folder")).expect("a folder");
    let mut names: Vec<String> =
        beside.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    (fs::read(path).expect("it can be read"), (metadata.mtime(), metadata.mtime_nsec()), names)
}

#[test]
fn exactly_one_statement_reaches_sqlite_with_10_and_with_10_000_migrations() {
    let folder = memory_folder();
    for count in [10, 10_000] {
        let path = migrated(folder.path(), count);
        let before = traces_of_writing(&path);
        for (known, outcome) in [(count, Outcome::UpToDate), (count - 1, Outcome::Ahead), (3, Outcome::Ahead)]
        {
            let mut db = Connection::open(&path).expect("the file opens");
            let ran = boot(&mut db, &Migrator::new(many("app", known)), outcome);
            assert!(ran.sql.starts_with("SELECT"), "{ran:?}");
        }
        assert_eq!(traces_of_writing(&path), before, "{count}: something was written");
    }
}

#[test]
fn exactly_one_statement_reaches_an_owned_connection_and_other_verbs_that_look() {
    let folder = memory_folder();
    let path = migrated(folder.path(), 10);
    let before = traces_of_writing(&path);
    type Verb = fn(&Migrator<'_>, &mut Counting<Sqlite>) -> whimbrel::Result<Report>;
    let verbs: [Verb; 3] = [
        |migrator, db| block_on(migrator.run(db)),
        |migrator, db| block_on(migrator.check(db)),
        |migrator, db| block_on(migrator.wait(db)),
    ];
    for verb in verbs {
        let mut connection = Connection::open(&path).expect("the file opens");
        let trace = Trace::of(&mut connection);
        let mut db = Counting::new(Sqlite::from_connection(connection).expect("a thread"));
        let report = verb(&Migrator::new(many("app", 10)), &mut db).expect("there is nothing to do");
        assert_eq!(report.outcome, Outcome::UpToDate);
        assert_eq!((db.counts().queries, db.counts().executes), (1, 0));
        let connection = db.into_inner().into_connection().expect("it is sound");
        trace.only();
        drop(connection);
    }
    assert_eq!(traces_of_writing(&path), before);
}

#[test]
fn several_sets_and_an_environment_are_asked_for_in_the_same_statement() {
    let folder = memory_folder();
    let path = folder.path().join("sets.db");
    let sets = |count: i64| {
        Migrator::new(many("jobs", 3))
            .and(many("mail", count))
            .and(many("app", count).with_repeatable("v", "CREATE VIEW v AS SELECT 1 AS one"))
            .with_environment("test")
    };
    let mut db = Connection::open(&path).expect("a file");
    sets(4).run_blocking(&mut db).expect("an empty database");
    boot(&mut db, &sets(4), Outcome::UpToDate);
    boot(&mut db, &sets(3), Outcome::Ahead);
    boot(&mut db, &Migrator::new(many("mail", 4)), Outcome::UpToDate);
}

#[test]
fn a_file_that_cannot_be_written_to_boots() {
    let folder = memory_folder();
    let path = migrated(folder.path(), 10);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("the file is ours");
    let before = traces_of_writing(&path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mut db = Connection::open_with_flags(&path, flags).expect("the file opens");
    boot(&mut db, &Migrator::new(many("app", 10)), Outcome::UpToDate);
    boot(&mut db, &Migrator::new(many("app", 9)), Outcome::Ahead);
    let error = Migrator::new(many("app", 11)).run_blocking(&mut db).expect_err("it cannot be written to");
    assert_eq!(error.class(), Some(whimbrel::ErrorClass::ReadOnly), "{error:#}");
    drop(db);
    // `query_only` is how a replica's connection is opened.
    let mut db = Connection::open(&path).expect("the file opens");
    db.pragma_update(None, "query_only", true).expect("a setting");
    boot(&mut db, &Migrator::new(many("app", 10)), Outcome::UpToDate);
    drop(db);
    assert_eq!(traces_of_writing(&path), before);
}

/// A file in write-ahead mode, closed and with nothing left in the log.
fn write_ahead(folder: &Path) -> PathBuf {
    let path = migrated(folder, 10);
    let db = Connection::open(&path).expect("the file opens");
    let mode: String = db.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
    path
}

#[test]
fn a_write_ahead_database_on_media_that_cannot_be_written_to_boots() {
    let folder = memory_folder();
    let path = write_ahead(folder.path());
    let before = traces_of_writing(&path);
    let uri = format!("file:{}?immutable=1", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let mut db = Connection::open_with_flags(uri, flags).expect("the file opens");
    boot(&mut db, &Migrator::new(many("app", 10)), Outcome::UpToDate);
    boot(&mut db, &Migrator::new(many("app", 9)), Outcome::Ahead);
    drop(db);
    assert_eq!(traces_of_writing(&path), before);
}

#[test]
fn nobody_who_writes_makes_a_boot_wait() {
    let folder = memory_folder();
    let rollback = migrated(folder.path(), 11);
    let wal = write_ahead(folder.path());
    // In write-ahead mode readers are never shut out; with a rollback journal a writer shuts them out only while it commits.
    for (path, count, begin) in
        [(&rollback, 11, "BEGIN IMMEDIATE"), (&wal, 10, "BEGIN IMMEDIATE"), (&wal, 10, "BEGIN EXCLUSIVE")]
    {
        let writer = Connection::open(path).expect("the file opens");
        writer.execute_batch(&format!("{begin}; INSERT INTO t_app VALUES (-1);")).expect("a writer");
        let mut db = Connection::open(path).expect("the file opens");
        db.busy_timeout(std::time::Duration::ZERO).expect("a setting");
        boot(&mut db, &Migrator::new(many("app", count)), Outcome::UpToDate);
        boot(&mut db, &Migrator::new(many("app", 9)), Outcome::Ahead);
        // Nor does a boot leave a lock that would keep the writer from committing.
        writer.execute_batch("COMMIT").expect("nobody is in the way");
    }
}

/// Adds rows to a history behind its end, as many newer programs, failed attempts or reverts would have.
fn lengthen(db: &Connection, rows: i64, head: &str, below: &str) {
    db.execute_batch(&format!(
        "INSERT INTO whimbrel_history (set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, \
           previous, hash)
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows}),
              last(seq, head, repeatables) AS
                (SELECT seq, head, repeatables FROM whimbrel_history WHERE set_name = 'app' ORDER BY seq DESC LIMIT 1)
         SELECT 'app', last.seq + n, 'attempt', NULL, NULL, NULL, {head}, last.repeatables, {below}, 'v1', 't', 'v1', NULL, 'h'
         FROM n, last"
    ))
    .expect("rows");
}

const OTHER_HEADS: &str = "'b3v1:' || printf('%064x', n)";

/// What a boot costs on a history to which rows were added: of SQLite's machine, and in bytes read from the file.
fn cost(known: i64, outcome: Outcome, lengthen_by: &[(i64, &str, &str)]) -> (Ran, u64) {
    let folder = memory_folder();
    let path = migrated(folder.path(), 10);
    let db = Connection::open(&path).expect("the file opens");
    for (rows, head, below) in lengthen_by {
        lengthen(&db, *rows, head, below);
    }
    drop(db);
    let mut db = Connection::open(&path).expect("the file opens");
    let migrator = Migrator::new(many("app", known));
    let before = bytes_read();
    let ran = boot(&mut db, &migrator, outcome);
    let read = bytes_read() - before;
    let plan = rows(&db, &format!("EXPLAIN QUERY PLAN {}", ran.sql));
    assert!(!plan.contains("SCAN ") && !plan.contains("TEMP B-TREE"), "{plan}");
    for wanted in [
        "SEARCH main.whimbrel_history USING PRIMARY KEY (set_name=?)",
        "INDEX whimbrel_history_head (set_name=? AND head=?)",
        "INDEX whimbrel_history_below (set_name=? AND below>? AND below<?)",
    ] {
        assert!(plan.contains(wanted), "{wanted} in\n{plan}");
    }
    assert_eq!((ran.scanned, ran.sorted, ran.indexed), (0, 0, 0), "{ran:?}");
    (ran, read)
}

/// The bytes that this thread has read so far.
fn bytes_read() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/io").expect("the kernel counts");
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("a count");
    line.trim().parse().expect("a number")
}

/// How many rows, their heads, and what they touch, as SQL.
type Rows<'r> = &'r [(i64, &'r str, &'r str)];

#[test]
fn a_boot_reads_the_same_with_10_and_with_100_000_rows() {
    let long = 100_000;
    let same_head = "last.head";
    // The newest row's head is found by its number, and mine among those that share it.
    let histories: [(&str, i64, Outcome, Rows<'_>); 5] = [
        ("up to date, all rows repeat the head", 10, Outcome::UpToDate, &[(long, same_head, "NULL")]),
        ("behind newer programs", 10, Outcome::Ahead, &[(long, OTHER_HEADS, "NULL")]),
        (
            "behind newer programs that repeat the head",
            10,
            Outcome::Ahead,
            &[(long / 2, same_head, "NULL"), (long / 2, "'b3v1:' || printf('%064x', 7)", "NULL")],
        ),
        ("after reverts of newer ones", 10, Outcome::Ahead, &[(long, OTHER_HEADS, "10 + n")]),
        (
            "an old program after touched ones of others",
            3,
            Outcome::Ahead,
            &[(long, OTHER_HEADS, "4 + n % 7")],
        ),
    ];
    for (what, known, outcome, rows) in histories {
        let few: Vec<_> = rows.iter().map(|(_, head, below)| (1, *head, *below)).collect();
        let (short, short_read) = cost(known, outcome, &few);
        let (long, long_read) = cost(known, outcome, rows);
        println!("{what}: {} and {} steps, {short_read} and {long_read} bytes", short.steps, long.steps);
        assert!(long.steps <= short.steps + 40 && long.steps < 250, "{what}: {short:?} and {long:?}");
        // A page more for each level by which the table and its indexes are deeper.
        assert!(long_read <= short_read + 16 * 4096, "{what}: {short_read} and {long_read} bytes");
    }
}

#[test]
fn rows_that_touch_what_is_mine_cost_a_few_steps_each() {
    // People revert, accept and remove; a thousand times is a lot.
    let back = "(SELECT head FROM whimbrel_history WHERE seq = 10)";
    let histories: [(&str, Outcome, Rows<'_>); 2] = [
        ("up to date", Outcome::UpToDate, &[(1_000, OTHER_HEADS, "1 + n % 10"), (1, back, "NULL")]),
        (
            "ahead",
            Outcome::Ahead,
            &[(1_000, OTHER_HEADS, "1 + n % 10"), (1, back, "NULL"), (1_000, OTHER_HEADS, "NULL")],
        ),
    ];
    for (what, outcome, rows) in histories {
        let (ran, _) = cost(10, outcome, rows);
        assert!(ran.steps < 100 + 6 * 1_000, "{what}: {ran:?}");
    }
}

#[test]
fn a_baseline_of_2_000_versions_costs_a_boot_nothing() {
    let folder = memory_folder();
    let mut steps = Vec::new();
    for count in [10, 2_000] {
        let mut db = Connection::open(folder.path().join(format!("baseline-{count}.db"))).expect("a file");
        let migrator = Migrator::new(many("app", count));
        let version = whimbrel::Version::new(count).expect("a version");
        migrator.baseline_blocking(&mut db, version).expect("there is no history yet");
        steps.push(boot(&mut db, &migrator, Outcome::UpToDate).steps);
        steps.push(boot(&mut db, &Migrator::new(many("app", 7)), Outcome::Ahead).steps);
    }
    assert!(steps.iter().all(|steps| *steps < 120), "{steps:?}");
}

#[test]
fn a_boot_after_a_revert_below_reads_more_and_decides() {
    // Once something of mine was touched after my head was in force, one statement cannot tell; the history does.
    let folder = memory_folder();
    let path = folder.path().join("touched.db");
    let mut db = Connection::open(&path).expect("a file");
    let memory = many("app", 3).with_down(3, "DELETE FROM t_app WHERE n = 3");
    let migrator = Migrator::new(&memory);
    migrator.run_blocking(&mut db).expect("an empty database");
    migrator.revert_to_blocking(&mut db, whimbrel::Version::new(2)).expect("a way down");
    let error = migrator.run_blocking(&mut db).expect_err("it was reverted");
    assert_eq!(error.findings()[0].kind(), whimbrel::FindingKind::Reverted);
    boot(&mut db, &Migrator::new(many("app", 2)), Outcome::UpToDate);
}
