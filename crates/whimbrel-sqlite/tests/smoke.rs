//! The shortest way through.
use rusqlite::Connection;
use whimbrel::{Memory, Migrator};
use whimbrel_sqlite as _;

#[test]
fn a_lent_connection_is_migrated_and_then_up_to_date() {
    let source = Memory::new()
        .with_sql(
            1,
            "users",
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO users (name) VALUES ('a');",
        )
        .with_sql(2, "orders", "CREATE TABLE orders (id INTEGER PRIMARY KEY);")
        .with_repeatable("names", "CREATE VIEW names AS SELECT name FROM users;");
    let mut db = Connection::open_in_memory().unwrap();
    let report = Migrator::new(&source).run_blocking(&mut db).unwrap();
    println!("{report}");
    assert_eq!(report.migrations.len(), 3);
    let report = Migrator::new(&source).run_blocking(&mut db).unwrap();
    println!("{report}");
    assert_eq!(report.queries, 1);
    println!("{}", Migrator::new(&source).status_blocking(&mut db).unwrap());
    let bad = source.clone().with_sql(
        3,
        "bad",
        "ALTER TABLE users ADD email text;\nALTER TABLE users ADD email2 text UNIQE(;\n",
    );
    let error = Migrator::new(&bad).run_blocking(&mut db).unwrap_err();
    println!("{error:#}");
    let late =
        Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER);").with_sql(2, "orders", "x");
    println!("{:#}", Migrator::new(&late).run_blocking(&mut db).unwrap_err());
    println!("{}", Migrator::new(&source).plan_blocking(&mut Connection::open_in_memory().unwrap()).unwrap());
}
