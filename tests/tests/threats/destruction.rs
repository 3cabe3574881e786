//! Row 19: what destroys data is noticed.

use rusqlite::Connection;
use whimbrel::{ErrorKind, FindingKind, Memory, Migrator, Weight};
use whimbrel_policy::Policy;
use whimbrel_sqlite as _;
use whimbrel_tests::either::{Database, kinds};

fn tables() -> Memory {
    Memory::new().with_sql(
        1,
        "tables",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, fax VARCHAR(20));\nCREATE TABLE orders (id INTEGER PRIMARY KEY);",
    )
}

/// What destroys, in every guise, and the rule that sees it.
const ATTACKS: [(&str, &str); 5] = [
    ("DROP TABLE orders;", "drop-table"),
    ("/* nothing to see */ drop\ttable IF EXISTS orders -- here\n;", "drop-table"),
    ("ALTER TABLE users DROP COLUMN fax;", "drop-column"),
    ("DELETE FROM users;", "delete-without-where"),
    (
        "INSERT INTO orders (id) VALUES (1);\nDELETE FROM orders WHERE 1 = 1;\nDROP TABLE orders;",
        "drop-table",
    ),
];

fn is_stopped(error: &whimbrel::Error, rule: &str, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Configuration, "{what}: {error:#}");
    assert!(
        error.findings().iter().any(|finding| {
            finding.kind() == FindingKind::Policy
                && finding.weight() == Weight::Approval
                && finding.message().starts_with(&format!("{rule}:"))
        }),
        "{what}: {error:#}"
    );
}

#[tokio::test]
async fn threat_19_what_destroys_data_is_done_with_the_approval_of_exactly_this_plan_only() {
    let policy = Policy::new();
    for (script, rule) in ATTACKS {
        let set = tables().with_sql(2, "attack", script);
        let judged = || Migrator::new(&set).with_verifier(&policy);
        for kind in kinds() {
            let what = format!("{kind}: {script}");
            let database = Database::new(kind).await;
            let mut db = database.open().await;
            Migrator::new(tables()).run(&mut db).await.expect("an empty database");
            db.run("INSERT INTO users VALUES (1, NULL)").await;
            let error = judged().run(&mut db).await.expect_err(&what);
            is_stopped(&error, rule, &what);
            assert_eq!(db.number("SELECT count(*) FROM orders").await, 0, "{what}");
            assert_eq!(db.number("SELECT count(fax) + count(*) FROM users").await, 1, "{what}");
            let plan = *judged().plan(&mut db).await.expect("a plan can be shown").digest();
            judged()
                .with_approval(plan)
                .run(&mut db)
                .await
                .unwrap_or_else(|error| panic!("{what}: {error:#}"));
        }
        let mut db = Connection::open_in_memory().expect("a database");
        Migrator::new(tables()).run_blocking(&mut db).expect("an empty database");
        let error = judged().run_blocking(&mut db).expect_err(script);
        is_stopped(&error, rule, script);
        let left: i64 =
            db.query_row("SELECT count(fax) FROM users, orders", (), |row| row.get(0)).expect("both");
        assert_eq!(left, 0);
    }
}
