//! Whimbrel on MySQL and MariaDB, over mysql_async.
//!
//! ```no_run
//! # use whimbrel::{Memory, Migrator};
//! # use whimbrel_mysql::{MySql, mysql_async};
//! # async fn migrate() -> Result<(), Box<dyn std::error::Error>> {
//! # let migrations = Memory::new();
//! let pool = mysql_async::Pool::new("mysql://app@localhost/orders");
//! let mut db = MySql::from_conn(pool.get_conn().await?);
//! Migrator::new(&migrations).run(&mut db).await?;
//! // Back into the pool. After an error, or when the future of a verb was dropped, it is closed instead.
//! drop(db.into_conn()?);
//! # Ok(())
//! # }
//! ```
//!
//! Other pools are asked for the connection itself: `deadpool`'s `Object::take`, `bb8`'s `dedicated_connection`.
//!
//! # Steps in Rust
//!
//! [`StepTransaction::native`](whimbrel::StepTransaction::native) gives a [`mysql_async::Conn`].
//!
//! # Which servers
//!
//! MySQL 5.7 and 9, and MariaDB 10.11, are tested. MySQL 8 is not, since it is not to be had where the tests run.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that unwraps nothing fails as it should"))]

mod connect;
mod dialect;
mod effect;
mod error;
mod grant;
mod mysql;
mod rules;
mod tls;
mod value;

pub use mysql_async;

pub use self::dialect::{MARIADB, MYSQL};
pub use self::mysql::MySql;
