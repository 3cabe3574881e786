//! A bookshop that migrates its own database when it starts.
//!
//! `cargo run --example quickstart [PATH]`: the first run builds the database, the next one finds nothing to do. With
//! `--features postgres -- --database postgres` it does the same on a server: see `server.rs`.

mod isbn;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;

use std::path::PathBuf;

use whimbrel::{BlockingTransaction, Event, Migrator, StepError};
use whimbrel_embed::{Embedded, embed};
use whimbrel_sqlite as _;

static MIGRATIONS: Embedded = embed!("../migrations-fixtures/bookshop");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => boot(PathBuf::from("quickstart.db")),
        ["--database", database] => on_server(database),
        [path] => boot(PathBuf::from(path)),
        _ => Err("usage: quickstart [PATH | --database postgres|mariadb|mysql]".into()),
    }
}

fn boot(path: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    println!("database {}", path.display());
    let mut db = rusqlite::Connection::open(&path)?;

    let report = migrator().with_blocking_step(7, isbn_of_13_digits).run_blocking(&mut db)?;

    // The shop is open.
    let books: i64 = db.query_row("SELECT count(*) FROM books", (), |row| row.get(0))?;
    println!("{books} books on the shelves");
    println!("{report}");
    Ok(())
}

fn migrator() -> Migrator<'static> {
    Migrator::new(&MIGRATIONS)
        .with_application(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .with_observer(|event: &Event<'_>| {
            if let Event::Ran { label, elapsed, .. } = event {
                println!("  {label:<32} {:>8.2} ms", elapsed.as_secs_f64() * 1e3);
            }
        })
}

/// The step that `0007_isbn_of_13_digits.rust` declares. It runs inside the migration's transaction.
fn isbn_of_13_digits(tx: &mut BlockingTransaction<'_>) -> Result<(), StepError> {
    for row in tx.query("SELECT id, isbn FROM books WHERE isbn IS NOT NULL", &[])? {
        let (id, isbn): (i64, String) = (row.column("id")?, row.column("isbn")?);
        let isbn = isbn::of_13_digits(&isbn);
        tx.execute("UPDATE books SET isbn = ? WHERE id = ?", &[isbn.into(), id.into()])?;
    }
    Ok(())
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn on_server(database: &str) -> Result<(), Box<dyn std::error::Error>> {
    server::boot(database)
}

#[cfg(not(any(feature = "postgres", feature = "mysql")))]
fn on_server(_: &str) -> Result<(), Box<dyn std::error::Error>> {
    Err("no server's client is compiled in: `--features postgres`, or `--features mysql` for mysql and mariadb".into())
}
