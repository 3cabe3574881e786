//! What cannot be rolled back is not begun, and no script takes the rollback away.

use super::*;

/// Fails at its end, when thousands of rows have been changed in more pages than the cache holds.
fn failing() -> Memory {
    Memory::new()
        .with_sql(1, "t", "CREATE TABLE t (n INTEGER, s TEXT);\nCREATE TABLE u (n INTEGER CHECK (n < 2));")
        .with_sql(
            2,
            "rows",
            "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000)\n\
             INSERT INTO t SELECT n, printf('%01000d', n) FROM c;\nINSERT INTO u VALUES (2);",
        )
}

fn mode(db: &Connection, schema: &str) -> String {
    db.query_row(&format!("PRAGMA {schema}.journal_mode"), (), |row| row.get(0)).expect("a mode")
}

fn only_first(memory: &str) -> Memory {
    Memory::new()
        .with_sql(1, "t", "CREATE TABLE t (n INTEGER, s TEXT);\nCREATE TABLE u (n INTEGER CHECK (n < 2));")
        .with_sql(2, "settings", memory)
}

#[test]
fn without_a_journal_nothing_is_begun() {
    for set in ["main.journal_mode = OFF", "journal_mode = off", "journal_mode (o)"] {
        let bench = Bench::new();
        let mut db = bench.lend();
        let before = bench.bytes();
        db.execute_batch(&format!("PRAGMA {set}")).expect("a setting");
        let error = Migrator::new(failing()).run_blocking(&mut db).expect_err("nothing is protected");
        let told = format!("{error:#}");
        assert_eq!(
            (error.kind(), error.class()),
            (ErrorKind::Configuration, Some(ErrorClass::Unprotected)),
            "{told}"
        );
        assert!(told.contains("PRAGMA \"main\".journal_mode = DELETE"), "{told}");
        assert!(bench.bytes() == before, "{set}: something was written");
        // What is told can be typed.
        db.execute_batch("PRAGMA \"main\".journal_mode = DELETE").expect("a setting");
        let error = Migrator::new(failing()).run_blocking(&mut db).expect_err("the last statement fails");
        assert!(error.to_string().contains("nothing of it was kept"), "{error}");
        assert_eq!(number(&db, "SELECT count(*) FROM t"), 0);
    }
}

#[test]
fn an_attached_database_without_a_journal_is_refused_too() {
    let bench = Bench::new();
    let mut db = bench.lend();
    let other = bench.folder.path().join("other.db");
    db.execute("ATTACH ?1 AS \"o\"\"p\"", [other.to_string_lossy()]).expect("attached");
    db.execute_batch("PRAGMA \"o\"\"p\".journal_mode = OFF").expect("a setting");
    let error = Migrator::new(table()).run_blocking(&mut db).expect_err("nothing is protected");
    assert!(format!("{error:#}").contains("PRAGMA \"o\"\"p\".journal_mode = DELETE"), "{error:#}");
}

#[test]
fn no_script_takes_the_journal_away_from_those_behind_it() {
    for pragma in [
        "PRAGMA journal_mode = OFF",
        "PRAGMA main.journal_mode = 'off'",
        "pragma \"JOURNAL_MODE\"(Of)",
        "/* x */ PrAgMa [main] . journal_mode=OFF",
        "SELECT 1;\nPRAGMA journal_mode = OFF",
    ] {
        for header in ["-- whimbrel: no-transaction\n", ""] {
            let bench = Bench::new();
            let mut db = bench.lend();
            let before = mode(&db, "main");
            let migrator = Migrator::new(only_first(&format!("{header}{pragma};")));
            let error = migrator.run_blocking(&mut db).expect_err(pragma);
            assert_eq!(error.kind(), ErrorKind::Files, "{pragma}: {error:#}");
            assert_eq!(mode(&db, "main"), before, "{pragma}");
        }
    }
}

#[test]
fn a_journal_in_memory_is_warned_of_and_set_back_behind_the_script_that_sets_it() {
    let warnings = Mutex::new(Vec::new());
    let bench = Bench::new();
    let mut db = bench.lend();
    let tell = |event: &Event<'_>| {
        if let Event::Warned { message } = event {
            warnings.lock().expect("a list").push((*message).to_owned());
        }
    };
    let pragma =
        "-- whimbrel: no-transaction\nPRAGMA journal_mode = MEMORY;\nPRAGMA locking_mode = EXCLUSIVE;";
    Migrator::new(only_first(pragma)).with_observer(tell).run_blocking(&mut db).expect("it may be set");
    assert_eq!(*warnings.lock().expect("a list"), Vec::<String>::new());
    assert_eq!(mode(&db, "main"), "delete");
    assert_eq!(bench.number("SELECT count(*) FROM t"), 0, "others can read");
    // The application's own setting is warned of, and stays.
    db.execute_batch("PRAGMA journal_mode = MEMORY").expect("a setting");
    let more = only_first(pragma).with_sql(3, "more", "CREATE TABLE v (n);");
    Migrator::new(more).with_observer(tell).run_blocking(&mut db).expect("it is only warned of");
    let told = warnings.lock().expect("a list");
    assert!(told.len() == 1 && told[0].contains("database main is MEMORY"), "{told:?}");
    assert_eq!(mode(&db, "main"), "memory");
    // A database in memory has no other journal.
    let mut memory = Connection::open_in_memory().expect("memory");
    Migrator::new(table()).with_observer(tell).run_blocking(&mut memory).expect("nothing is wrong");
    assert_eq!(told.len(), 1);
}

#[test]
fn a_mode_that_stays_in_the_file_is_the_scripts_to_choose() {
    let bench = Bench::new();
    let pragma = "-- whimbrel: no-transaction\nPRAGMA journal_mode = WAL;";
    let mut db = bench.lend();
    Migrator::new(only_first(pragma).with_sql(3, "v", "CREATE TABLE v (n);"))
        .run_blocking(&mut db)
        .expect("WAL");
    assert_eq!(mode(&db, "main"), "wal");
    drop(db);
    assert_eq!(mode(&bench.lend(), "main"), "wal");
}

#[test]
fn a_step_that_takes_the_journal_away_and_fails_is_not_said_to_be_undone() {
    let bench = Bench::new();
    let memory = Memory::new().with_sql(1, "t", "CREATE TABLE t (n);").with_rust(2, "step");
    let migrator = Migrator::new(memory).with_step(2, |tx| {
        Box::pin(async move {
            let db = tx.native::<Connection>().ok_or("a lent connection")?;
            db.execute_batch("PRAGMA journal_mode = OFF; INSERT INTO t VALUES (1)")?;
            Err("it fails".into())
        })
    });
    let error = migrator.run_blocking(&mut bench.lend()).expect_err("the step fails");
    assert!(error.to_string().contains("what of it was kept is not known"), "{error}");
}
