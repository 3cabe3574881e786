//! Whimbrel on SQLite, over rusqlite.
//!
//! A program with an async runtime gives its connection to [`Sqlite`], which keeps it on a thread of its own, so that no
//! executor's thread is ever blocked, whatever the runtime:
//!
//! ```
//! # use whimbrel::{Memory, Migrator};
//! # use whimbrel_sqlite::Sqlite;
//! # async fn migrate(path: &std::path::Path) -> whimbrel::Result<()> {
//! # let migrations = Memory::new();
//! let mut db = Sqlite::open(path).await?;
//! Migrator::new(&migrations).run(&mut db).await?;
//! let connection: rusqlite::Connection = db.into_connection()?;
//! # Ok(())
//! # }
//! ```
//!
//! A program without one lends its connection to a blocking verb, which runs on the caller's thread:
//!
//! ```
//! # use whimbrel::{Memory, Migrator};
//! # use whimbrel_sqlite as _;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
//! let mut db = rusqlite::Connection::open_in_memory()?;
//! let report = Migrator::new(&migrations).run_blocking(&mut db)?;
//! assert_eq!(report.migrations.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Steps in Rust
//!
//! [`StepTransaction::native`](whimbrel::StepTransaction::native) gives a [`Sqlite`] under the async verbs (see
//! [`Sqlite::call`]), and a [`rusqlite::Connection`] where a connection is lent.
//!
//! # Which SQLite
//!
//! The crate works with rusqlite 0.37 to 0.41, so that one lock file can hold it beside sqlx, diesel and sea-orm. With the
//! feature `bundled`, SQLite is compiled; without, the system's is linked (3.16 or later), or whichever another crate of
//! the program brings.

mod backup;
mod borrowed;
mod cascade;
mod dialect;
mod error;
mod execute;
mod journal;
mod owned;

pub use rusqlite;

pub use self::backup::SqliteBackup;
pub use self::borrowed::{Borrowed, Lent};
pub use self::dialect::DIALECT;
pub use self::owned::Sqlite;
