//! A program that migrates a file, to be killed on the way.
//!
//! `victim PATH auto|each [CALL before|after]`: dies at the call of that number.

use rusqlite::Connection;
use whimbrel::{Blocking, Transaction};
use whimbrel_sqlite as _;
use whimbrel_tests::dying::{Death, Dying};
use whimbrel_tests::sets;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "victim PATH auto|each [CALL before|after]";
    let (Some(path), Some(mode)) = (arguments.first(), arguments.get(1)) else { return Err(usage.into()) };
    let transaction = if mode == "each" { Transaction::PerMigration } else { Transaction::Auto };
    let at = arguments.get(2).map_or(Ok(0), |text| text.parse())?;
    let death = match arguments.get(3).map(String::as_str) {
        Some("after") => Death::ProcessAfter,
        _ => Death::ProcessBefore,
    };
    let mut connection = Connection::open(path)?;
    let mut driver = Dying::new(connection.driver(), at, death);
    let report = sets::migrator(transaction).run_blocking(&mut driver)?;
    println!("{report}");
    println!("calls {}", driver.calls());
    Ok(())
}
