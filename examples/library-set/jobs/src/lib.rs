//! A queue of jobs in the application's own database. It ships its tables as migrations, a set with a name and a history of
//! its own, and never migrates by itself: the application says when, and on which connection.
//!
//! ```
//! use jobs::MIGRATIONS;
//! use whimbrel::{Memory, Migrator};
//! use whimbrel_sqlite as _;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut db = rusqlite::Connection::open_in_memory()?;
//! # let application = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER);");
//! Migrator::new(&MIGRATIONS).and(&application).run_blocking(&mut db)?;
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use whimbrel_embed::{Embedded, embed};

/// The tables of the queue, a folder for each kind of database. An application names it before its own set, which may then
/// refer to the table `jobs`. What is released here is never changed again, only added to.
pub static MIGRATIONS: Embedded = embed!("migrations", set = "jobs");
