//! A program that builds a database of many small migrations, to be watched from outside.
//!
//! `builder PATH COUNT auto|each`

use rusqlite::Connection;
use whimbrel::{Memory, Migrator, Transaction};
use whimbrel_sqlite as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, count, mode] = arguments.as_slice() else { return Err("builder PATH COUNT auto|each".into()) };
    let transaction = if mode == "each" { Transaction::PerMigration } else { Transaction::Auto };
    let memory = (1..=count.parse::<i64>()?).fold(Memory::new(), |memory, n| {
        memory.with_sql(
            n,
            format!("t{n}"),
            format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY, a TEXT);\nCREATE INDEX t{n}_a ON t{n} (a);"),
        )
    });
    let report =
        Migrator::new(memory).with_transaction(transaction).run_blocking(&mut Connection::open(path)?)?;
    println!("{report}");
    Ok(())
}
