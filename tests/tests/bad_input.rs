//! What is wrong before anything runs: each is a clear error that says where and what to do, and the database is as it was.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use whimbrel::{
    Error, ErrorClass, ErrorKind, FindingKind, Memory, Migrator, Outcome, TableName, Transaction, Version,
};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::block_on;
use whimbrel_tests::memory_folder;
use whimbrel_tests::picture::{application, rows};

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

    /// A database to which so many migrations were applied.
    fn prepared(count: i64) -> Self {
        let bench = Self::new();
        Migrator::new(many(count)).run_blocking(&mut bench.open()).expect("an empty database");
        bench
    }

    fn open(&self) -> Connection {
        Connection::open(&self.path).expect("the file opens")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).expect("the file is there")
    }

    /// Runs on a lent connection and on an owned one; both say the same, and neither changes a byte.
    fn is_refused(&self, memory: &Memory, kind: ErrorKind, words: &[&str]) -> Error {
        let before = self.bytes();
        let migrator = Migrator::new(memory);
        let lent = migrator.run_blocking(&mut self.open()).expect_err("lent: it cannot be");
        let mut owned = block_on(Sqlite::open(&self.path)).expect("the file opens");
        let owned = block_on(migrator.run(&mut owned)).expect_err("owned: it cannot be");
        assert!(self.bytes() == before, "something was written");
        assert_eq!(format!("{lent:#}"), format!("{owned:#}"));
        says(&lent, kind, words);
        lent
    }
}

/// Sees that an error is of this kind, and says these words.
fn says(error: &Error, kind: ErrorKind, words: &[&str]) {
    let text = format!("{error:#}");
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

fn many(count: i64) -> Memory {
    let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER)");
    (2..=count).fold(first, |memory, n| memory.with_sql(n, "row", format!("INSERT INTO t VALUES ({n})")))
}

#[test]
fn a_table_name_with_a_quote_is_none() {
    for name in
        ["history\"; DROP TABLE t; --", "it's", "a b", "", "1st", "main.history.x", "ta\0ble", "größe"]
    {
        let error = TableName::new(name).expect_err(name);
        assert!(error.to_string().contains("letters, digits and `_`"), "{error}");
    }
    // A keyword is a name like any other.
    let bench = Bench::new();
    let table = TableName::new("main.select").expect("a name");
    Migrator::new(many(2))
        .with_table(table.clone())
        .run_blocking(&mut bench.open())
        .expect("an empty database");
    let report =
        Migrator::new(many(2)).with_table(table).run_blocking(&mut bench.open()).expect("nothing to do");
    assert_eq!(report.outcome, Outcome::UpToDate);
}

#[test]
fn a_schema_that_is_not_attached_is_an_error() {
    let bench = Bench::prepared(2);
    let before = bench.bytes();
    let table = TableName::new("elsewhere.history").expect("a name");
    let error =
        Migrator::new(many(3)).with_table(table).run_blocking(&mut bench.open()).expect_err("there is none");
    says(&error, ErrorKind::Database, &["elsewhere"]);
    assert!(bench.bytes() == before);
}

#[test]
fn a_history_made_by_something_else_is_refused() {
    let makers = [
        "CREATE TABLE whimbrel_history (id INTEGER PRIMARY KEY, script TEXT)",
        "CREATE TABLE whimbrel_history (version_rank INT, installed_rank INT, version TEXT, checksum INT, success INT)",
        "CREATE VIEW whimbrel_history AS SELECT 'app' AS set_name, 1 AS seq, NULL AS head",
        "CREATE TABLE WHIMBREL_HISTORY (set_name TEXT, seq INTEGER)",
        "CREATE VIRTUAL TABLE whimbrel_history USING fts5 (set_name, seq)",
        // All columns, and none of the indexes.
        "CREATE TABLE whimbrel_history (set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, \
         previous, hash)",
    ];
    for maker in makers {
        let bench = Bench::new();
        bench.open().execute_batch(maker).expect(maker);
        let words = ["whimbrel_history was not made by this library", "with_table"];
        bench.is_refused(&many(2), ErrorKind::Database, &words);
        // The remedy that the error names.
        let table = TableName::new("schema_history").expect("a name");
        let migrator =
            Migrator::new(many(2)).with_table(table).with_unbaselined(whimbrel::Unbaselined::Allow);
        migrator.run_blocking(&mut bench.open()).expect("another name works");
    }
}

#[test]
fn a_history_with_foreign_rows_is_refused() {
    for (column, value) in [
        ("event", "'exploded'"),
        ("digest", "'md5:7'"),
        ("detail", "'{}'"),
        ("version", "-4"),
        ("seq", "2.5"),
    ] {
        let bench = Bench::prepared(3);
        let edit = format!("UPDATE whimbrel_history SET {column} = {value} WHERE seq = 2");
        bench.open().execute_batch(&edit).expect(&edit);
        let error = bench.is_refused(&many(4), ErrorKind::Database, &["history", "row 2", "put back"]);
        assert!(format!("{error:#}").contains(&format!("`{column}`")), "{error:#}");
    }
}

/// An edit of each column in turn, that leaves the row readable.
const EDITS: [(&str, &str); 14] = [
    ("event", "'baselined'"),
    ("version", "7"),
    ("name", "'other'"),
    ("name", "NULL"),
    ("digest", "(SELECT digest FROM whimbrel_history WHERE seq = 1)"),
    ("head", "(SELECT head FROM whimbrel_history WHERE seq = 1)"),
    ("head", "NULL"),
    ("repeatables", "(SELECT hash FROM whimbrel_history WHERE seq = 1)"),
    ("below", "1"),
    ("who", "'v1 process=1'"),
    ("at", "'2001-01-01T00:00:00.000Z'"),
    ("detail", "detail || ' reason=none'"),
    ("previous", "NULL"),
    ("hash", "(SELECT hash FROM whimbrel_history WHERE seq = 1)"),
];

#[test]
fn an_edit_of_any_column_of_the_history_is_found_and_named_until_repaired() {
    for (column, value) in EDITS {
        let bench = Bench::prepared(3);
        let edit = format!("UPDATE whimbrel_history SET {column} = {value} WHERE seq = 2");
        bench.open().execute_batch(&edit).expect(&edit);
        let verify = |migrator: &Migrator<'_>| migrator.verify_history_blocking(&mut bench.open(), &[]);
        let migrator = Migrator::new(many(4));
        let before = bench.bytes();
        let error = migrator.run_blocking(&mut bench.open()).expect_err(&edit);
        says(&error, ErrorKind::Database, &["repair"]);
        assert!(error.findings().iter().any(|f| f.kind() == FindingKind::History), "{edit}: {error:#}");
        // The row itself, or the one behind it, which no longer follows.
        assert!(["row 2", "row 3"].iter().any(|row| format!("{error:#}").contains(row)), "{edit}: {error:#}");
        let error = verify(&migrator).expect_err(&edit);
        says(&error, ErrorKind::Database, &["row ", "of set app", "repair"]);
        assert!(bench.bytes() == before);

        let error = migrator.repair_blocking(&mut bench.open(), "  ").expect_err("a reason is needed");
        says(&error, ErrorKind::Configuration, &["reason"]);
        migrator.repair_blocking(&mut bench.open(), "the intern, by hand").expect("something is wrong");
        verify(&migrator).expect("somebody has looked");
        let reason = rows(&bench.open(), "SELECT detail FROM whimbrel_history WHERE event = 'repaired'");
        assert!(reason.contains("the%20intern,%20by%20hand"), "{reason}");

        // A further edit is found.
        bench.open().execute_batch("UPDATE whimbrel_history SET who = 'v1' WHERE seq = 1").expect("an edit");
        let error = migrator.run_blocking(&mut bench.open()).expect_err("it was edited again");
        says(&error, ErrorKind::Database, &["row 1"]);
    }
}

#[test]
fn after_a_repair_the_run_goes_on() {
    for (column, value) in
        [("who", "'v1 process=1'"), ("at", "'2001-01-01T00:00:00.000Z'"), ("previous", "NULL")]
    {
        let bench = Bench::prepared(3);
        let edit = format!("UPDATE whimbrel_history SET {column} = {value} WHERE seq = 2");
        bench.open().execute_batch(&edit).expect(&edit);
        Migrator::new(many(3)).repair_blocking(&mut bench.open(), "I know").expect("something is wrong");
        let report = Migrator::new(many(4)).run_blocking(&mut bench.open()).expect("it goes on");
        assert_eq!(report.migrations.len(), 1);
        Migrator::new(many(4)).verify_history_blocking(&mut bench.open(), &[]).expect("it is sound");
    }
}

#[test]
fn a_deleted_and_an_inserted_row_are_found() {
    let bench = Bench::prepared(3);
    bench.open().execute_batch("DELETE FROM whimbrel_history WHERE seq = 2").expect("an edit");
    bench.is_refused(&many(4), ErrorKind::Database, &["row 3", "a row before it is missing", "repair"]);

    let bench = Bench::prepared(3);
    let copy = |seq: i64| {
        format!(
            "CREATE TEMP TABLE copy AS SELECT * FROM whimbrel_history WHERE seq = 3; UPDATE copy SET seq = {seq}; \
             INSERT INTO whimbrel_history SELECT * FROM copy"
        )
    };
    bench.open().execute_batch(&copy(103)).expect("an edit");
    bench.is_refused(&many(4), ErrorKind::Database, &["row 103", "repair"]);

    // In the place of the next row, it is one that does not follow.
    let bench = Bench::prepared(3);
    let last =
        bench.open().query_row("SELECT max(seq) FROM whimbrel_history", (), |row| row.get::<_, i64>(0));
    let next = last.expect("a number") + 1;
    bench.open().execute_batch(&copy(next)).expect("an edit");
    bench.is_refused(&many(4), ErrorKind::Database, &[&format!("row {next}"), "does not follow"]);
}

#[test]
fn a_file_that_is_no_database_is_told_and_kept() {
    for text in [
        "not a database, but some text that is longer than the header of one is, by far; and then some more of it",
        "x",
    ] {
        let bench = Bench::new();
        fs::write(&bench.path, text.repeat(20)).expect("a file");
        let error = bench.is_refused(&many(2), ErrorKind::Database, &["check the path, or restore a backup"]);
        assert_eq!(error.class(), Some(ErrorClass::Damaged), "{error:#}");
    }
}

#[test]
fn a_database_cut_short_is_told_and_kept() {
    let bench = Bench::prepared(200);
    let bytes = bench.bytes();
    for part in [3, 2] {
        fs::write(&bench.path, &bytes[..bytes.len() / part]).expect("a file");
        let error = bench.is_refused(&many(201), ErrorKind::Database, &["restore a backup"]);
        assert_eq!(error.class(), Some(ErrorClass::Damaged), "{error:#}");
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_half_done() {
    for transaction in [Transaction::Auto, Transaction::PerMigration] {
        let bench = Bench::prepared(2);
        let mut db = bench.open();
        let pages: i64 = db.query_row("PRAGMA page_count", (), |row| row.get(0)).expect("a number");
        db.pragma_update(None, "max_page_count", pages + 1).expect("a setting");
        let before = application(&db);
        let blobs = "INSERT INTO t SELECT zeroblob(4000) FROM (VALUES (1), (2), (3), (4), (5));";
        let memory = many(2).with_sql(3, "blobs", blobs);
        let migrator = Migrator::new(memory).with_transaction(transaction);
        let error = migrator.run_blocking(&mut db).expect_err("there is no room");
        says(
            &error,
            ErrorKind::Configuration,
            &["3_blobs", "0003_blobs.sql:1:1", "SQLITE_FULL", "make room, then run again"],
        );
        assert_eq!(error.class(), Some(ErrorClass::Full));
        assert!(db.is_autocommit());
        assert_eq!(application(&db), before);
        db.pragma_update(None, "max_page_count", 1_000_000).expect("a setting");
        migrator.run_blocking(&mut db).expect("there is room again");
    }
    // A first run that has no room for its own table.
    let bench = Bench::new();
    let mut db = bench.open();
    db.execute_batch("PRAGMA max_page_count = 1; PRAGMA user_version = 1").expect("a setting");
    let before = bench.bytes();
    let error = Migrator::new(many(2)).run_blocking(&mut db).expect_err("there is no room");
    says(&error, ErrorKind::Configuration, &["make room"]);
    assert!(bench.bytes() == before);
}

#[test]
fn a_full_disk_in_the_middle_of_the_history_outside_transactions_is_gone_on_from() {
    let bench = Bench::prepared(2);
    let mut db = bench.open();
    let pages: i64 = db.query_row("PRAGMA page_count", (), |row| row.get(0)).expect("a number");
    let script = "-- whimbrel: no-transaction\nINSERT INTO t VALUES (7);\n\
                  INSERT INTO t SELECT zeroblob(4000) FROM (VALUES (1), (2), (3), (4), (5));\nINSERT INTO t VALUES (8);";
    let migrator = Migrator::new(many(2).with_sql(3, "blobs", script));
    db.pragma_update(None, "max_page_count", pages + 2).expect("a setting");
    let error = migrator.run_blocking(&mut db).expect_err("there is no room");
    says(&error, ErrorKind::Configuration, &["0003_blobs.sql:3:1", "make room, then run again"]);
    db.pragma_update(None, "max_page_count", 1_000_000).expect("a setting");
    migrator.run_blocking(&mut db).expect("it goes on");
    let counted: i64 = db.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).expect("a count");
    assert_eq!(counted, 1 + 1 + 5 + 1);
}

#[test]
fn something_pending_on_a_database_for_reading_only_is_told() {
    let bench = Bench::prepared(2);
    let before = bench.bytes();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mut db = Connection::open_with_flags(&bench.path, flags).expect("the file opens");
    let error = Migrator::new(many(3)).run_blocking(&mut db).expect_err("it cannot be written to");
    // SQLite lets a transaction begin even so, and the first statement that writes fails.
    says(&error, ErrorKind::Configuration, &["0003_row.sql:1:1", "open the database for writing"]);
    assert_eq!(error.class(), Some(ErrorClass::ReadOnly));
    let outside = many(2).with_sql(3, "outside", "-- whimbrel: no-transaction\nVACUUM;");
    let error = Migrator::new(outside).run_blocking(&mut db).expect_err("it cannot be written to");
    assert_eq!(error.class(), Some(ErrorClass::ReadOnly), "{error:#}");
    let error = Migrator::new(many(3)).check_blocking(&mut db).expect_err("something is pending");
    says(&error, ErrorKind::Pending, &["3_row"]);
    Migrator::new(many(3)).plan_blocking(&mut db).expect("looking needs no right to write");
    assert!(bench.bytes() == before);
    let other = TableName::new("other").expect("a name");
    let first = Migrator::new(many(2)).with_table(other).with_unbaselined(whimbrel::Unbaselined::Allow);
    let error = first.run_blocking(&mut db).expect_err("the history cannot be created");
    says(
        &error,
        ErrorKind::Configuration,
        &["something is pending", "open the database for writing", "`wait`"],
    );
    assert!(bench.bytes() == before);
}

fn cannot_open(path: &Path, words: &[&str]) {
    let error = block_on(Sqlite::open(path)).expect_err("it cannot be opened");
    says(&error, ErrorKind::Configuration, words);
    assert!(error.to_string().contains(&path.display().to_string()), "{error:#}");
}

#[test]
fn a_folder_is_no_database() {
    let bench = Bench::new();
    cannot_open(bench.folder.path(), &["cannot be opened"]);
    assert_eq!(fs::read_dir(bench.folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_path_whose_folder_is_missing_is_told() {
    let bench = Bench::new();
    let path = bench.folder.path().join("no such folder").join("app.db");
    cannot_open(&path, &["cannot be created", "check the path and its folder's rights"]);
    assert_eq!(fs::read_dir(bench.folder.path()).expect("a folder").count(), 0);
}

#[test]
fn a_connection_inside_a_transaction_is_refused_and_the_transaction_left_alone() {
    for script in [
        "INSERT INTO t VALUES (3)",
        "-- whimbrel: no-transaction\nINSERT INTO t VALUES (3)",
        "-- whimbrel: foreign_keys=off\nINSERT INTO t VALUES (3)",
    ] {
        for begin in ["BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT mine"] {
            let bench = Bench::prepared(1);
            let mut db = bench.open();
            db.execute_batch(&format!("{begin}; INSERT INTO t VALUES (42)")).expect("a transaction");
            let migrator = Migrator::new(many(1).with_sql(2, "next", script));
            let error = migrator.run_blocking(&mut db).expect_err("a transaction is open");
            says(
                &error,
                ErrorKind::Configuration,
                &["commit or roll back on this connection before migrating"],
            );
            assert_eq!(error.class(), Some(ErrorClass::InTransaction), "{error:#}");
            assert!(!db.is_autocommit(), "{begin}: the transaction was ended");
            assert_eq!(rows(&db, "SELECT n FROM t"), "42|\n");

            // Owned: it can be gone on with inside the driver; it is not given back, since something is open on it.
            let mut owned = Sqlite::from_connection(db).expect("a thread");
            let error = block_on(migrator.run(&mut owned)).expect_err("a transaction is open");
            assert_eq!(error.class(), Some(ErrorClass::InTransaction), "{error:#}");
            let open = block_on(owned.call(|db| !db.is_autocommit())).expect("it is open");
            assert!(open, "{begin}: the transaction was ended");
            block_on(owned.call(|db| db.execute_batch("COMMIT"))).expect("it is open").expect("a commit");
            owned.into_connection().expect("nothing is open on it any more");
            assert_eq!(rows(&bench.open(), "SELECT n FROM t"), "42|\n");
            assert_eq!(
                rows(&bench.open(), "SELECT count(*) FROM whimbrel_history WHERE version = 2"),
                "0|\n"
            );
        }
    }
}

#[test]
fn transaction_control_in_a_script_is_refused_before_anything_runs() {
    let bench = Bench::prepared(2);
    let memory = many(2).with_sql(3, "fine", "INSERT INTO t VALUES (3)").with_sql(
        4,
        "control",
        "SELECT 1;\n  COMMIT;",
    );
    let error = bench.is_refused(&memory, ErrorKind::Files, &["4_control", "0004_control.sql:2:3", "COMMIT"]);
    assert_eq!(error.findings()[0].kind(), FindingKind::Script);
}

#[test]
fn a_history_that_does_not_exist_is_not_made_by_looking() {
    let bench = Bench::new();
    let mut db = bench.open();
    let migrator = Migrator::new(many(2));
    migrator.check_blocking(&mut db).expect_err("everything is pending");
    migrator.status_blocking(&mut db).expect("a look");
    migrator.plan_blocking(&mut db).expect("a look");
    let revert = migrator.revert_to_blocking(&mut db, Version::new(1)).expect_err("there is nothing");
    assert_eq!(revert.findings()[0].kind(), FindingKind::Target, "{revert:#}");
    let repair = migrator.repair_blocking(&mut db, "why not").expect_err("there is nothing");
    says(&repair, ErrorKind::Configuration, &["nothing is wrong"]);
    assert_eq!(bench.bytes().len(), 0);
}
