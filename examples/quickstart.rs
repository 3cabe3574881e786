//! A bookshop that migrates its own database when it starts.
//!
//! `cargo run --example quickstart [PATH]`: the first run builds the database, the next one finds nothing to do.

use std::path::PathBuf;

use whimbrel::{BlockingTransaction, Event, Migrator, StepError};
use whimbrel_embed::{Embedded, embed};
use whimbrel_sqlite as _;

static MIGRATIONS: Embedded = embed!("../migrations-fixtures/bookshop");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("quickstart.db"), PathBuf::from);
    println!("database {}", path.display());
    let mut db = rusqlite::Connection::open(&path)?;

    let report = Migrator::new(&MIGRATIONS)
        .with_application(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .with_blocking_step(7, isbn_of_13_digits)
        .with_observer(|event: &Event<'_>| {
            if let Event::Ran { label, elapsed, .. } = event {
                println!("  {label:<32} {:>8.2} ms", elapsed.as_secs_f64() * 1e3);
            }
        })
        .run_blocking(&mut db)?;

    // The shop is open.
    let books: i64 = db.query_row("SELECT count(*) FROM books", (), |row| row.get(0))?;
    println!("{books} books on the shelves");
    println!("{report}");
    Ok(())
}

/// The step that `0007_isbn_of_13_digits.rust` declares. It runs inside the migration's transaction.
fn isbn_of_13_digits(tx: &mut BlockingTransaction<'_>) -> Result<(), StepError> {
    for row in tx.query("SELECT id, isbn FROM books WHERE isbn IS NOT NULL", &[])? {
        let (id, isbn): (i64, String) = (row.column("id")?, row.column("isbn")?);
        tx.execute("UPDATE books SET isbn = ? WHERE id = ?", &[thirteen_digits(&isbn).into(), id.into()])?;
    }
    Ok(())
}

/// 978, the first nine digits, and a check digit that makes the weighted sum a multiple of ten.
fn thirteen_digits(isbn: &str) -> String {
    let digits = isbn.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let mut digits: Vec<u32> = [9, 7, 8].into_iter().chain(digits.take(9)).collect();
    let sum: u32 = digits.iter().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    digits.push((10 - sum % 10) % 10);
    digits.iter().map(u32::to_string).collect()
}
