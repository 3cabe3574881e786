//! Whimbrel on PostgreSQL, over tokio-postgres.
//!
//! A connection that the driver opens is its own: when a verb's future is dropped, nothing that was still waiting to be
//! sent is sent, and the statement that the server is at is cancelled.
//!
//! ```no_run
//! # use whimbrel::{Memory, Migrator};
//! # use whimbrel_postgres::{Postgres, tokio_postgres::{Config, NoTls}};
//! # async fn migrate() -> whimbrel::Result<()> {
//! # let migrations = Memory::new();
//! let config: Config = Config::new().host("localhost").user("app").dbname("app").to_owned();
//! let mut db = Postgres::connect_with(&config, NoTls).await?;
//! Migrator::new(&migrations).run(&mut db).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # A client of the application's
//!
//! [`Postgres::from_client`] takes over anything that derefs to a [`tokio_postgres::Client`], and
//! [`into_client`](Postgres::into_client) gives it back if it is sound. A client that stands alone goes into a box. One
//! from a pool is taken out of its pool first, so that a connection whose state is unknown is never pooled:
//!
//! - deadpool: `Postgres::from_client(deadpool_postgres::Object::take(pool.get().await?))`
//! - bb8: `Postgres::from_client(Box::new(pool.dedicated_connection().await?))`
//!
//! The task that drives such a client's connection is the application's. When a verb's future is dropped, what was handed
//! to that task already (at most a flight) still runs, and the history tells the next run how it ended.
//!
//! # Steps in Rust
//!
//! [`StepTransaction::native`](whimbrel::StepTransaction::native) gives a [`tokio_postgres::Client`].
//!
//! Values that are bound by [`StepTransaction::query`](whimbrel::StepTransaction::query) are sent as text, and take the type
//! that the statement wants at their place: a whole number fits a `bigint`, a `numeric` and a `boolean`, a text fits a
//! `uuid` and a `timestamptz`. Without values the columns of every type come back as text, from which whole and
//! floating-point numbers and booleans are read. With values these, texts, enums, bytes, JSON and UUIDs can be read; cast
//! others to `text`.

mod connect;
mod dialect;
mod effect;
mod error;
mod grant;
mod postgres;
mod refusal;
mod rules;
mod told;
mod url;
mod value;

pub use tokio_postgres;

pub use self::connect::ConnectOptions;
pub use self::dialect::DIALECT;
pub use self::postgres::Postgres;
