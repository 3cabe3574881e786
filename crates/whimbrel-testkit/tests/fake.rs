//! The fake database keeps the promises that tests build on.

use whimbrel::{Driver, ErrorClass, Memory, Migrator, Outcome, Rows, Value};
use whimbrel_testkit::{Fake, Faulty, Moment, block_on};

fn class(result: Result<Rows, whimbrel::DriverError>) -> ErrorClass {
    result.expect_err("it is refused").class()
}

fn count(fake: &mut Fake, table: &str) -> i64 {
    let rows = fake.run(&format!("SELECT COUNT(*) FROM {table}")).expect("the table");
    rows[0].read(0).expect("a number")
}

fn filled() -> Fake {
    let mut fake = Fake::new();
    fake.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(9) DEFAULT 'x', n INTEGER NOT NULL)")
        .expect("a table");
    fake.run("INSERT INTO t (id, n) VALUES (1, 10), (2, 20); INSERT INTO t (id, n) VALUES (3, 30)")
        .expect("rows");
    fake
}

#[test]
fn one_connection_writes_and_others_see_what_is_committed() {
    let mut one = filled();
    let mut two = one.another();
    one.run("BEGIN; DELETE FROM t WHERE id = 1").expect("nobody else writes");
    assert_eq!((count(&mut one, "t"), count(&mut two, "t")), (2, 3));
    assert_eq!(class(two.run("BEGIN")), ErrorClass::Busy);
    assert_eq!(class(two.run("DELETE FROM t")), ErrorClass::Busy);
    assert_eq!(class(one.run("BEGIN")), ErrorClass::InTransaction);
    one.run("COMMIT").expect("it is open");
    assert_eq!(class(one.run("COMMIT")), ErrorClass::NoTransaction);
    assert_eq!(count(&mut two, "t"), 2);
    two.run("BEGIN; CREATE TABLE u (a INTEGER); DROP TABLE t; ROLLBACK").expect("the lock is free");
    assert_eq!(count(&mut one, "t"), 2);
}

#[test]
fn a_connection_that_is_dropped_or_closed_takes_its_transaction_with_it() {
    let mut one = filled();
    let mut two = one.another();
    two.run("BEGIN; DELETE FROM t").expect("nobody else writes");
    drop(two);
    one.run("BEGIN; DELETE FROM t").expect("the lock is free");
    one.close();
    assert_eq!(class(one.run("SELECT 1")), ErrorClass::ConnectionLost);
    assert_eq!(count(&mut one.another(), "t"), 3);
}

#[test]
fn savepoints_are_released_and_gone_back_to() {
    let mut fake = filled();
    fake.run("BEGIN; SAVEPOINT a; DELETE FROM t WHERE id = 1; SAVEPOINT b; DELETE FROM t").expect("rows");
    fake.run("ROLLBACK TO SAVEPOINT b; ROLLBACK TO b").expect("it is still there");
    assert_eq!(count(&mut fake, "t"), 2);
    fake.run("RELEASE SAVEPOINT a").expect("it is there");
    assert_eq!(class(fake.run("ROLLBACK TO b")), ErrorClass::Sql);
    fake.run("COMMIT").expect("it is open");
    assert_eq!(count(&mut fake, "t"), 2);
}

#[test]
fn a_statement_takes_effect_whole_or_not_at_all() {
    let mut fake = filled();
    let before = fake.dump();
    for sql in [
        "INSERT INTO t (id, n) VALUES (4, 4), (1, 1)",
        "INSERT INTO t (id, n) VALUES (4, NULL)",
        "UPDATE t SET id = 1",
        "CREATE UNIQUE INDEX i ON t (name)",
    ] {
        assert_eq!(class(fake.run(sql)), ErrorClass::Constraint, "{sql}");
        assert_eq!(fake.dump(), before, "{sql}");
    }
    for sql in [
        "SELECT id FROM u",
        "SELECT u FROM t",
        "UPDATE t SET u = 1",
        "CREATE TABLE t (a INTEGER)",
        "DROP TABLE u",
        "DROP INDEX u",
        "ALTER TABLE t ADD COLUMN n INTEGER",
        "SELEC id FROM t",
        "SELECT id FROM t WHERE",
        "INSERT INTO t (id) VALUES (1, 2)",
        "SELECT ?",
    ] {
        assert_eq!(class(fake.run(sql)), ErrorClass::Sql, "{sql}");
        assert_eq!(fake.dump(), before, "{sql}");
    }
    let error = fake.run("SELECT id\nFROM t WHERE id === 1").expect_err("that is no comparison");
    assert_eq!(error.offset(), Some("SELECT id\nFROM t WHERE id =".len()));
}

#[test]
fn queries_select_sort_limit_and_compute() {
    let mut fake = filled();
    let mut ask = |sql: &str| -> Vec<Vec<Value>> {
        fake.run(sql).expect(sql).iter().map(|row| row.values().to_vec()).collect()
    };
    let numbers = |rows: &[i64]| rows.iter().map(|n| vec![Value::Integer(*n)]).collect::<Vec<_>>();
    assert_eq!(ask("SELECT id FROM t WHERE n >= 20 ORDER BY id DESC"), numbers(&[3, 2]));
    assert_eq!(ask("SELECT id FROM t WHERE n <> 20 AND name = 'x' ORDER BY n LIMIT 1"), numbers(&[1]));
    assert_eq!(ask("SELECT 1 UNION ALL SELECT n + 1 - 2 FROM t WHERE id = 3"), numbers(&[1, 29]));
    assert_eq!(ask("SELECT (SELECT n FROM t WHERE id = 2)"), numbers(&[20]));
    assert_eq!(ask("SELECT COUNT(*) FROM t WHERE name IS NULL"), numbers(&[0]));
    assert_eq!(ask("SELECT * FROM t WHERE id = 2"), [[2.into(), "x".into(), 20.into()]]);
    let values = [30.into(), "x".into()];
    let query = fake.query("SELECT id FROM t WHERE n = ? AND name = ?", &values);
    assert_eq!(block_on(query).expect("a row")[0].column("id"), Ok(3_i64));
}

#[test]
fn what_needs_no_transaction_is_refused_in_one() {
    let mut fake = filled();
    for sql in ["VACUUM", "MAKE FILE f", "SET fill = 3"] {
        fake.run("BEGIN").expect("nobody else writes");
        assert_eq!(class(fake.run(sql)), ErrorClass::Sql, "{sql}");
        fake.run("ROLLBACK").expect("it is open");
        fake.run(sql).expect("outside it works");
    }
    assert_eq!(class(fake.run("MAKE FILE f")), ErrorClass::Sql);
    assert!(fake.dump().ends_with("file f\n"));
    fake.run("REMEMBER 8; INSERT INTO t (id) VALUES (MEMORY)").expect("`fill` gives `n` a value");
    let rows = fake.run("SELECT n FROM t WHERE id = 8").expect("the row");
    assert_eq!(rows[0].read(0), Ok(3_i64));
}

#[test]
fn a_boot_with_nothing_to_do_needs_no_right_to_write() {
    let memory = Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER);");
    let mut fake = Fake::new();
    Migrator::new(&memory).run_blocking(&mut fake).expect("an empty database");
    let mut reader = fake.reader();
    let report = Migrator::new(&memory).run_blocking(&mut reader).expect("nothing is written");
    assert_eq!((report.outcome, reader.calls()), (Outcome::UpToDate, 1));
    let more = memory.with_sql(2, "more", "INSERT INTO items (id) VALUES (1);");
    let error = Migrator::new(&more).run_blocking(&mut reader).expect_err("it may not write");
    assert_eq!(error.class(), Some(ErrorClass::ReadOnly));
}

#[test]
fn a_lost_call_closes_the_driver_in_it() {
    let mut fake = filled();
    for (moment, rows) in [(Moment::Before, 3), (Moment::After, 2)] {
        let mut faulty = Faulty::new(fake.another(), 2, moment);
        block_on(faulty.query("SELECT 1", &[])).expect("the first call works");
        let sql = "DELETE FROM t WHERE id = 1";
        assert_eq!(class(block_on(faulty.query(sql, &[]))), ErrorClass::ConnectionLost);
        assert_eq!(class(block_on(faulty.query("SELECT 1", &[]))), ErrorClass::ConnectionLost);
        assert_eq!(count(&mut fake, "t"), rows);
    }
}
