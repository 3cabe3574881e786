//! However migrations are put into transactions, the same database comes out, and the same error.

use proptest::prelude::*;
use rusqlite::Connection;
use whimbrel::{Memory, Migrator, Transaction};
use whimbrel_sqlite as _;
use whimbrel_tests::picture::{application, history};

/// One statement of a generated script: a number that chooses its kind, two tables and a value.
type Choice = (u8, u8, u8, u8);

/// How a generated script is run.
#[derive(Clone, Copy, Debug)]
enum Way {
    Transaction,
    Outside,
    Rebuild,
}

/// What the generated scripts work on.
const BASE: &str = "CREATE TABLE log (what INTEGER, which INTEGER);\n\
    CREATE TABLE t0 (id INTEGER PRIMARY KEY, n INTEGER UNIQUE, r INTEGER);\n\
    CREATE TABLE t1 (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 200), r INTEGER REFERENCES t0 (id) ON DELETE CASCADE);\n\
    CREATE TABLE t2 (id INTEGER PRIMARY KEY, n INTEGER, r INTEGER REFERENCES t1 (id) ON UPDATE SET NULL);\n\
    INSERT INTO t0 (id, n) VALUES (1, 1), (2, 2), (3, 3);\nINSERT INTO t1 (n, r) VALUES (1, 1), (2, 1), (3, 3);";

fn statement((kind, a, b, x): Choice, way: Way) -> String {
    let (a, b, x) = (a % 4, b % 4, x % 8);
    match kind % 40 {
        0..6 => format!("INSERT INTO t{a} (n, r) VALUES ({x} * 10 + {b}, NULL)"),
        6 | 7 => format!("INSERT INTO t{a} (n, r) VALUES ({x} * 10 + {b}, {b})"),
        8 | 9 => format!("UPDATE t{a} SET n = n + {x} WHERE id > {b}"),
        10 => format!("DELETE FROM t{a} WHERE id = {x}"),
        11 => format!("DROP TABLE IF EXISTS t{a}"),
        12 => format!("ALTER TABLE t{a} ADD COLUMN c{x} INTEGER DEFAULT 7"),
        13 => format!("ALTER TABLE t{a} RENAME TO t{b}"),
        14 => format!("CREATE INDEX IF NOT EXISTS i{a} ON t{a} (n)"),
        15 => format!(
            "CREATE TRIGGER IF NOT EXISTS g{a} AFTER INSERT ON t{a} BEGIN INSERT INTO log VALUES ({x}, NEW.id); END"
        ),
        16 => format!(
            "CREATE TRIGGER IF NOT EXISTS h{a} BEFORE DELETE ON t{a} WHEN OLD.n = {x} BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
        ),
        17 => format!("CREATE VIEW IF NOT EXISTS v{a} AS SELECT n FROM t{b}"),
        18 => format!("DROP VIEW IF EXISTS v{a}"),
        19 => format!(
            "CREATE TABLE IF NOT EXISTS t{a} (id INTEGER PRIMARY KEY, n INTEGER, r INTEGER REFERENCES t{b} (id))"
        ),
        20 => format!(
            "CREATE TABLE IF NOT EXISTS d{a} (n INTEGER, r INTEGER REFERENCES t{b} (id) DEFERRABLE INITIALLY DEFERRED)"
        ),
        21 => format!("INSERT INTO d{a} VALUES ({x}, {b})"),
        22 => format!("PRAGMA user_version = {x}"),
        23 => "PRAGMA defer_foreign_keys = ON".to_owned(),
        24 => format!("PRAGMA recursive_triggers = {}", x % 2),
        25 => format!("PRAGMA ignore_check_constraints = {}", x % 2),
        26 => format!("PRAGMA legacy_alter_table = {}", x % 2),
        // Of what the statement before it in this script has done.
        27 => {
            format!("INSERT INTO log VALUES ({x}, 0);\nINSERT INTO log SELECT changes(), last_insert_rowid()")
        }
        28 => format!("SAVEPOINT s;\nINSERT INTO log VALUES (99, {x});\nROLLBACK TO s;\nRELEASE s"),
        29 => format!("INSERT OR REPLACE INTO t{a} (id, n) VALUES ({b}, {x})"),
        30 => format!("INSERT OR IGNORE INTO t{a} (id, n) VALUES ({b}, {x} * 50)"),
        31 if x == 0 => format!("INSERT OR ROLLBACK INTO t{a} (id, n) VALUES (1, {x})"),
        32 if x == 0 => "INSERT INTO nowhere VALUES (1)".to_owned(),
        33 if x == 0 => "CREATE TABLE broken (".to_owned(),
        34 => format!("CREATE TEMP TABLE IF NOT EXISTS temporary{a} AS SELECT {x} AS n"),
        35 => "REINDEX".to_owned(),
        36 => "ANALYZE".to_owned(),
        37 if matches!(way, Way::Outside) => "VACUUM".to_owned(),
        38 if matches!(way, Way::Outside) => format!("PRAGMA foreign_keys = {}", x % 2),
        _ => format!("INSERT INTO log VALUES ({a}, {b})"),
    }
}

fn script(way: Way, choices: &[Choice]) -> String {
    let header = match way {
        Way::Transaction => "",
        Way::Outside => "-- whimbrel: no-transaction\n",
        Way::Rebuild => "-- whimbrel: foreign_keys=off\n",
    };
    let statements: Vec<String> = choices.iter().map(|choice| statement(*choice, way)).collect();
    format!("{header}{};\n", statements.join(";\n"))
}

fn scripts() -> impl Strategy<Value = Vec<(Way, Vec<Choice>)>> {
    let way = prop_oneof![
        8 => Just(Way::Transaction),
        1 => Just(Way::Outside),
        1 => Just(Way::Rebuild),
    ];
    prop::collection::vec((way, prop::collection::vec(any::<Choice>(), 1..5)), 1..9)
}

fn set(scripts: &[(Way, Vec<Choice>)], repeatables: &[(Way, Vec<Choice>)]) -> Memory {
    let memory = Memory::new().with_sql(1, "base", BASE);
    let memory = scripts.iter().zip(2..).fold(memory, |memory, ((way, choices), version)| {
        memory.with_sql(version, "made", script(*way, choices))
    });
    repeatables.iter().zip('a'..).fold(memory, |memory, ((way, choices), name)| {
        memory.with_repeatable(format!("again_{name}"), script(*way, choices))
    })
}

/// What a run comes to: the database, the history, the settings, and the report or the error.
fn outcome(db: &mut Connection, memory: &Memory, transaction: Transaction) -> String {
    // Nobody else is there to be waited for.
    let migrator = Migrator::new(memory)
        .with_lock_deadline(std::time::Duration::ZERO)
        .with_failure_pause(std::time::Duration::ZERO);
    let result = migrator.with_transaction(transaction).run_blocking(db);
    let told = match result {
        Ok(report) => format!("{:?}", report.migrations.iter().map(|m| m.label.clone()).collect::<Vec<_>>()),
        Err(error) => {
            let done = error.report().map(|report| report.migrations.len());
            // When it was begun differs.
            let text = format!("{error:#}");
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains("= begun:")).collect();
            let text = lines.join("\n");
            format!("{text}\n{:?} {:?} {:?} {done:?}", error.kind(), error.migration(), error.statement())
        }
    };
    assert!(db.is_autocommit(), "a transaction was left open");
    let keys: i64 = db.query_row("PRAGMA foreign_keys", (), |row| row.get(0)).expect("a setting");
    let verified = Migrator::new(memory).verify_history_blocking(db, &[]).is_ok();
    format!("{}{}keys {keys}, sound {verified}\n{told}", application(db), history(db))
}

fn database(keys: bool) -> Connection {
    let db = Connection::open_in_memory().expect("a database in memory");
    db.pragma_update(None, "foreign_keys", keys).expect("a setting");
    db
}

fn cases() -> u32 {
    if std::env::var_os("WHIMBREL_LONG").is_some() { 1_000 } else { 64 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn auto_and_one_by_one_give_the_same_database_and_the_same_error(
        scripts in scripts(),
        repeatables in prop::collection::vec((Just(Way::Transaction), prop::collection::vec(any::<Choice>(), 1..3)), 0..3),
        keys in any::<bool>(),
    ) {
        let memory = set(&scripts, &repeatables);
        let (mut auto, mut each) = (database(keys), database(keys));
        let one = outcome(&mut auto, &memory, Transaction::Auto);
        let other = outcome(&mut each, &memory, Transaction::PerMigration);
        prop_assert_eq!(&one, &other);
        // Once more, in the other's way: there is nothing to do, or the same statement is in the way.
        let one = outcome(&mut auto, &memory, Transaction::PerMigration);
        let other = outcome(&mut each, &memory, Transaction::Auto);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_run_that_stops_and_one_that_does_not_give_the_same_database(
        scripts in scripts(),
        stop in 1_i64..9,
        keys in any::<bool>(),
    ) {
        let memory = set(&scripts, &[]);
        let mut whole = database(keys);
        let migrator = || {
            Migrator::new(&memory)
                .with_lock_deadline(std::time::Duration::ZERO)
                .with_failure_pause(std::time::Duration::ZERO)
        };
        let one = migrator().run_blocking(&mut whole);
        let mut parts = database(keys);
        let target = whimbrel::Version::new(stop.min(scripts.len() as i64)).expect("a version");
        let first = migrator().with_target(target).run_blocking(&mut parts);
        let other = migrator().run_blocking(&mut parts);
        prop_assert_eq!(one.is_ok(), first.is_ok() && other.is_ok());
        prop_assert_eq!(application(&whole), application(&parts));
    }
}

#[test]
fn enough_of_the_generated_sets_run_whole_and_enough_fail() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let whole = (0..100).filter(|_| {
        let scripts = scripts().new_tree(&mut runner).expect("a set").current();
        Migrator::new(set(&scripts, &[])).run_blocking(&mut database(true)).is_ok()
    });
    let whole = whole.count();
    println!("{whole} of 100 run whole");
    assert!((10..=90).contains(&whole), "{whole} of 100 run whole");
}
