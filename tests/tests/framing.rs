//! Scripts that reach beyond themselves: for the next script, the history, the transaction.

use rusqlite::Connection;
use whimbrel::{Error, ErrorClass, ErrorKind, FindingKind, Memory, Migrator, Transaction};
use whimbrel_sqlite as _;
use whimbrel_tests::picture::{application, history};

const MODES: [Transaction; 3] = [Transaction::Auto, Transaction::PerMigration, Transaction::PerRun];

fn base() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER UNIQUE);\nINSERT INTO t VALUES (1);")
}

fn memory() -> Connection {
    Connection::open_in_memory().expect("a database in memory")
}

/// A database to which `base` was applied.
fn prepared() -> Connection {
    let mut db = memory();
    Migrator::new(base()).run_blocking(&mut db).expect("an empty database");
    db
}

fn count(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).expect("a count")
}

fn applied(db: &Connection) -> i64 {
    let sql = "SELECT count(*) FROM whimbrel_history WHERE event = 'applied'";
    db.query_row(sql, (), |row| row.get(0)).expect("a count")
}

/// Runs one more script on a database that has something, and sees that it is refused or fails with nothing changed.
fn leaves_nothing(script: &str) -> Error {
    let mut errors = Vec::new();
    for mode in MODES {
        let mut db = prepared();
        let (before, past) = (application(&db), history(&db));
        let sets = base().with_sql(2, "attack", script).with_sql(3, "next", "INSERT INTO t VALUES (33)");
        let error = Migrator::new(sets).with_transaction(mode).run_blocking(&mut db).expect_err(script);
        assert!(db.is_autocommit(), "{script}: a transaction was left open");
        // That it has failed is told, and nothing else is.
        let told = history(&db);
        let more = told.strip_prefix(&past).unwrap_or_else(|| panic!("{script}: what was told has changed"));
        assert_eq!(application(&db), before, "{script}: something has changed");
        let failed = more.lines().all(|line| line.contains("|failed|2|attack|"));
        assert!(failed && more.lines().count() <= 1, "{script}: {more}");
        errors.push(error);
    }
    errors.remove(0)
}

fn is_refused(script: &str, place: &str) {
    let error = leaves_nothing(script);
    assert_eq!(error.kind(), ErrorKind::Files, "{script}: {error:#}");
    assert_eq!(error.findings()[0].kind(), FindingKind::Script, "{script}: {error:#}");
    assert!(format!("{error:#}").contains(&format!("0002_attack.sql:{place}")), "{script}: {error:#}");
}

/// All of these together run whole, in every mode.
fn all_run(scripts: &[&str]) {
    for mode in MODES {
        let mut db = memory();
        let sets = scripts
            .iter()
            .zip(2..)
            .fold(base(), |sets, (script, version)| sets.with_sql(version, "script", *script));
        let report = Migrator::new(sets.clone()).with_transaction(mode).run_blocking(&mut db);
        let report = report.unwrap_or_else(|error| panic!("{scripts:?}: {error:#}"));
        assert_eq!(report.migrations.len(), scripts.len() + 1);
        assert_eq!(count(&db), scripts.len() as i64 + 1, "{scripts:?}");
        assert_eq!(applied(&db), scripts.len() as i64 + 1, "{scripts:?}");
        let tips = Migrator::new(sets).verify_history_blocking(&mut db, &[]).expect("a sound history");
        assert_eq!(tips.len(), 1);
    }
}

#[test]
fn a_trailing_line_comment_eats_nothing_that_follows() {
    all_run(&[
        "INSERT INTO t VALUES (2) -- x",
        "INSERT INTO t VALUES (3); -- x",
        "INSERT INTO t VALUES (4) --",
    ]);
}

#[test]
fn a_comment_that_spans_two_scripts_is_refused_in_the_first() {
    is_refused("INSERT INTO t VALUES (2); /*", "1:27");
    is_refused("*/ INSERT INTO t VALUES (2); /* open", "1:30");
    // The second half alone is a syntax error of SQLite's.
    let error = leaves_nothing("*/ INSERT INTO t VALUES (2)");
    assert_eq!((error.kind(), error.statement()), (ErrorKind::Files, Some(1)), "{error:#}");
}

#[test]
fn what_sqlite_would_close_by_itself_is_refused_when_left_open() {
    is_refused("INSERT INTO t VALUES (2);\n/* never closed", "2:1");
    is_refused("INSERT INTO t VALUES (2);\nINSERT INTO t SELECT 'x", "2:22");
    is_refused("INSERT INTO t VALUES (2);\nSELECT \"n FROM t", "2:8");
    is_refused("INSERT INTO t VALUES (2);\nSELECT [n FROM t", "2:8");
    is_refused("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1;", "1:");
}

#[test]
fn nothing_is_cut_off_at_a_nul() {
    is_refused("INSERT INTO t VALUES (2);\0 INSERT INTO t VALUES (3);", "1:26");
    is_refused("INSERT INTO t VALUES ('\0');", "1:24");
    is_refused("INSERT INTO t VALUES (2) -- \0", "1:29");
}

#[test]
fn a_script_cannot_end_its_transaction() {
    for (script, place) in [
        ("INSERT INTO t VALUES (2); COMMIT; INSERT INTO nowhere VALUES (1);", "1:27"),
        ("INSERT INTO t VALUES (2);\nCOMMIT TRANSACTION;\nBEGIN;", "2:1"),
        ("END;", "1:1"),
        ("ROLLBACK;", "1:1"),
        ("BEGIN IMMEDIATE; INSERT INTO t VALUES (2); COMMIT;", "1:1"),
        ("/* x */ -- y\n cOmMiT", "2:2"),
        ("INSERT INTO t VALUES (2);;;COMMIT", "1:28"),
        ("-- whimbrel: no-transaction\nBEGIN;\nINSERT INTO t VALUES (2);\nCOMMIT;", "2:1"),
    ] {
        is_refused(script, place);
    }
    all_run(&["SAVEPOINT a; INSERT INTO t VALUES (22); ROLLBACK TO a; RELEASE a; INSERT INTO t VALUES (2);"]);
}

#[test]
fn an_explained_commit_ends_nothing() {
    all_run(&["EXPLAIN COMMIT; INSERT INTO t VALUES (2);"]);
}

#[test]
fn empty_statements_are_none() {
    all_run(&[
        ";;INSERT INTO t VALUES (2);;",
        ";-- x\n;/* ; */;INSERT INTO t VALUES (3);;;",
        "INSERT INTO t VALUES (4)\n;\n;",
    ]);
}

#[test]
fn a_lone_carriage_return_does_not_end_a_line_comment_as_sqlite_reads_it() {
    // The text after it is part of the comment for SQLite, and so it is for the splitter.
    all_run(&[
        "-- a comment\rINSERT INTO t VALUES (99);\nINSERT INTO t VALUES (2);",
        "INSERT INTO t VALUES (3) -- x\ry",
    ]);
}

#[test]
fn a_statement_that_rolls_the_transaction_back_is_found_at_once() {
    let attacks = [
        "INSERT INTO t VALUES (2);\nINSERT OR ROLLBACK INTO t VALUES (1);\nINSERT INTO t VALUES (3);",
        "INSERT INTO t VALUES (2);\nUPDATE OR ROLLBACK t SET n = 1 WHERE n = 2;\nINSERT INTO t VALUES (3);",
        "CREATE TRIGGER r BEFORE INSERT ON t WHEN NEW.n = 7 BEGIN SELECT RAISE(ROLLBACK, 'no'); END;\n\
         INSERT INTO t VALUES (7);\nINSERT INTO t VALUES (3);",
        "CREATE TABLE u (n UNIQUE ON CONFLICT ROLLBACK);\nINSERT INTO u VALUES (1), (1);\nINSERT INTO t VALUES (3);",
        "CREATE TABLE u (n UNIQUE ON CONFLICT ROLLBACK);\n\
         CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO u VALUES (1); END;\nINSERT INTO t VALUES (8), (9);",
    ];
    for attack in attacks {
        let error = leaves_nothing(attack);
        assert_eq!((error.kind(), error.migration()), (ErrorKind::Files, Some("2_attack")), "{error:#}");
        assert_eq!(error.class(), Some(ErrorClass::Constraint), "{error:#}");
        assert!(error.statement() >= Some(2), "{error:#}");
    }
}

#[test]
fn a_statement_that_rolls_back_outside_transactions_is_no_danger_to_its_row() {
    let mut db = prepared();
    let script = "-- whimbrel: no-transaction\nINSERT INTO t VALUES (2);\nINSERT OR ROLLBACK INTO t VALUES (1);\n\
                  INSERT INTO t VALUES (3);";
    let migrator = Migrator::new(base().with_sql(2, "attack", script));
    for _ in 0..2 {
        let error = migrator.run_blocking(&mut db).expect_err("the key is taken");
        assert_eq!((error.kind(), error.statement()), (ErrorKind::Files, Some(2)), "{error:#}");
        assert_eq!((count(&db), applied(&db), db.is_autocommit()), (2, 1, true));
    }
    db.execute("DELETE FROM t WHERE n = 1", ()).expect("what is in the way goes");
    migrator.run_blocking(&mut db).expect("it goes on");
    assert_eq!((count(&db), applied(&db)), (3, 2));
}

#[test]
fn a_step_that_rolls_back_through_a_trigger_is_found() {
    let mut db = prepared();
    db.execute_batch(
        "CREATE TRIGGER r BEFORE INSERT ON t WHEN NEW.n = 7 BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    )
    .expect("a trigger");
    let before = application(&db) + &history(&db);
    let migrator = Migrator::new(base().with_rust(2, "step")).with_blocking_step(2, |tx| {
        tx.execute("INSERT INTO t VALUES (2)", &[])?;
        // The error is swallowed, and what comes now would be kept for good.
        let _ = tx.execute("INSERT INTO t VALUES (7)", &[]);
        Ok(())
    });
    let error = migrator.run_blocking(&mut db).expect_err("the transaction is gone");
    assert_eq!((error.kind(), error.migration()), (ErrorKind::Application, Some("2_step")), "{error:#}");
    assert_eq!(application(&db) + &history(&db), before);
}

#[test]
fn a_parameter_in_a_script_is_not_taken_for_null() {
    for script in [
        "INSERT INTO t VALUES (?)",
        "INSERT INTO t VALUES (2);\nINSERT INTO t VALUES (:n)",
        "INSERT INTO t VALUES (@n)",
    ] {
        let error = leaves_nothing(script);
        assert_eq!((error.kind(), error.migration()), (ErrorKind::Files, Some("2_attack")), "{error:#}");
        assert!(format!("{error:#}").contains("parameters"), "{error:#}");
    }
}

#[test]
fn a_script_cannot_write_to_the_history_without_being_found() {
    for attack in [
        "DELETE FROM whimbrel_history",
        "UPDATE whimbrel_history SET name = 'other'",
        "DROP TABLE whimbrel_history",
        "CREATE TRIGGER h AFTER INSERT ON whimbrel_history BEGIN UPDATE whimbrel_history SET name = 'other'; END",
    ] {
        let mut db = prepared();
        let sets = base().with_sql(2, "attack", attack);
        let ran = Migrator::new(sets.clone()).run_blocking(&mut db);
        let later = Migrator::new(sets.with_sql(3, "next", "INSERT INTO t VALUES (3)")).run_blocking(&mut db);
        let verified = Migrator::new(base()).verify_history_blocking(&mut db, &[]);
        assert!(ran.is_err() || later.is_err() || verified.is_err(), "{attack}: nobody has noticed");
        assert!(db.is_autocommit());
    }
}
