//! Sets of migrations that hold one of everything.

use whimbrel::{BlockingTransaction, Memory, Migrator, SetName, StepError, StepKey, Transaction};

/// Tables, data, a trigger, a rebuild with foreign keys, a step in Rust, a script outside transactions, repeatables. Each
/// statement that changes data counts itself in `counter`, so that running one twice, or not at all, shows.
pub fn mixed() -> Memory {
    Memory::new()
        .with_sql(
            1,
            "counter",
            "CREATE TABLE counter (what TEXT NOT NULL);\nINSERT INTO counter VALUES ('1a');\nINSERT INTO counter VALUES ('1b');",
        )
        .with_sql(2, "people", "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);")
        .with_down(2, "DROP TABLE people;")
        .with_sql(
            3,
            "pets",
            "CREATE TABLE pets (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE);\n\
             INSERT INTO people (id, name) VALUES (1, 'Ada'), (2, 'Bo');\n\
             INSERT INTO pets (owner) VALUES (1), (1), (2);\nINSERT INTO counter VALUES ('3');",
        )
        .with_rust(4, "shout")
        .with_sql(
            5,
            "rebuild",
            "-- whimbrel: foreign_keys=off\n\
             CREATE TABLE people_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);\n\
             INSERT INTO people_new SELECT id, name FROM people;\nDROP TABLE people;\n\
             ALTER TABLE people_new RENAME TO people;\nINSERT INTO counter VALUES ('5');",
        )
        .with_sql(
            6,
            "outside",
            "-- whimbrel: no-transaction\nPRAGMA recursive_triggers = ON;\nINSERT INTO counter VALUES ('6a');\nVACUUM;\n\
             CREATE INDEX counter_what ON counter (what);\nINSERT INTO counter VALUES ('6b');\nPRAGMA user_version = 6;",
        )
        .with_sql(
            7,
            "audit",
            "CREATE TABLE audit (pet INTEGER);\nCREATE TRIGGER pet_audit AFTER INSERT ON pets BEGIN\n  INSERT INTO audit VALUES (NEW.id);\nEND;\n\
             INSERT INTO pets (owner) VALUES (2);\nINSERT INTO counter VALUES ('7');",
        )
        .with_repeatable("pet_names", "DROP VIEW IF EXISTS pet_names;\nCREATE VIEW pet_names AS SELECT id FROM pets;")
}

/// A library's set, migrated before the application's.
pub fn library() -> Memory {
    // The name is a valid one.
    let name = SetName::new("jobs").unwrap_or_default();
    Memory::new()
        .with_set(name)
        .with_sql(1, "jobs", "CREATE TABLE jobs (id INTEGER PRIMARY KEY, payload TEXT);")
        .with_sql(2, "jobs_index", "CREATE INDEX jobs_payload ON jobs (payload);")
}

/// The step of `mixed`.
pub fn shout(tx: &mut BlockingTransaction<'_>) -> Result<(), StepError> {
    tx.execute("UPDATE people SET name = upper(name)", &[])?;
    tx.execute("INSERT INTO counter VALUES (?)", &["4".into()])?;
    Ok(())
}

/// A migrator of both, for the blocking verbs.
pub fn migrator(transaction: Transaction) -> Migrator<'static> {
    Migrator::new(library())
        .and(mixed())
        .with_blocking_step(StepKey::new(4), shout)
        .with_transaction(transaction)
}

/// So many migrations for servers, of which every fourth changes data and counts itself in `counter`. The kind is
/// `postgres`, `concurrent` (with indexes that PostgreSQL builds outside transactions) or `mysql`.
pub fn replicated(kind: &str, count: i64) -> Memory {
    let first = Memory::new().with_sql(1, "counter", "CREATE TABLE counter (what VARCHAR(40) NOT NULL);");
    (2..=count).fold(first, |memory, n| match n % 4 {
        0 => memory.with_sql(n, "count", format!("INSERT INTO counter VALUES ('{n}');")),
        1 if kind == "concurrent" => memory.with_sql(
            n,
            "index",
            format!("-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY i{n} ON counter (what);"),
        ),
        1 => memory.with_sql(n, "index", format!("CREATE INDEX i{n} ON counter (what);")),
        2 => {
            memory.with_sql(n, "table", format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY, a VARCHAR(40));"))
        }
        _ => memory.with_sql(
            n,
            "alter",
            format!("ALTER TABLE t{} ADD COLUMN b INTEGER;\nINSERT INTO counter VALUES ('{n}');", n - 1),
        ),
    })
}
