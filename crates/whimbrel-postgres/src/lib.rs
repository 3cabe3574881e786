//! Whimbrel on PostgreSQL, over tokio-postgres.
//!
//! ```no_run
//! # use whimbrel::{DatabaseUrl, Memory, Migrator};
//! # use whimbrel_postgres::Postgres;
//! # async fn migrate() -> whimbrel::Result<()> {
//! # let migrations = Memory::new();
//! let url = DatabaseUrl::from_env("DATABASE_URL")?;
//! let mut db = Postgres::connect(&url).await?;
//! Migrator::new(&migrations).run(&mut db).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A server that is still starting up is waited for with [`ConnectOptions::with_startup_deadline`].
//!
//! A connection that the driver opens is its own: when a verb's future is dropped, nothing that was still waiting to be
//! sent is sent, and the statement that the server is at is cancelled.
//!
//! From a configuration of tokio-postgres, with a connector of one's own:
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
//! from a pool is taken out of its pool first, so that a connection whose state is unknown is never pooled. From deadpool:
//!
//! ```no_run
//! # use whimbrel::{Memory, Migrator};
//! # use whimbrel_postgres::Postgres;
//! # async fn migrate(pool: deadpool_postgres::Pool) -> Result<(), Box<dyn std::error::Error>> {
//! # let migrations = Memory::new();
//! let client = deadpool_postgres::Object::take(pool.get().await?);
//! Migrator::new(&migrations).run(&mut Postgres::from_client(client)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! From bb8, a connection beside the pool's own:
//!
//! ```no_run
//! # use whimbrel::{Memory, Migrator};
//! # use whimbrel_postgres::{Postgres, tokio_postgres::NoTls};
//! # use bb8_postgres::{PostgresConnectionManager, bb8::Pool};
//! # async fn migrate(pool: Pool<PostgresConnectionManager<NoTls>>) -> Result<(), Box<dyn std::error::Error>> {
//! # let migrations = Memory::new();
//! let client = Box::new(pool.dedicated_connection().await?);
//! Migrator::new(&migrations).run(&mut Postgres::from_client(client)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The task that drives such a client's connection is the application's. When a verb's future is dropped, what was handed
//! to that task already (at most a flight) still runs, and the history tells the next run how it ended.
//!
//! # TLS
//!
//! Of a URL, `sslmode` counts as libpq means it: `disable`, `require`, `verify-ca` or `verify-full`. `prefer` and `allow` are
//! refused: they fall back to plaintext in silence. Where nothing is said, loopback and sockets go without, and every other
//! host gets `verify-full`. `sslrootcert` names a file, else the platform's certificates are trusted; `sslcert` and `sslkey`
//! are the client's. It is rustls with ring. Without the feature `tls` a URL that wants TLS is refused.
//!
//! # Poolers
//!
//! Through a pooler that gives each transaction another session, as PgBouncer does in transaction mode, everything that runs
//! in transactions is exact. A script outside transactions, such as one with `CREATE INDEX CONCURRENTLY`, needs a lock that
//! its session keeps: the driver finds out that the session is not the one that the client was told of, and the script is
//! refused before any of it runs. Migrate over a direct connection then, or through a pooler in session mode, for which
//! [`Postgres::with_sessions_kept`] vouches.
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
//!
//! # Limits
//!
//! - The blocking verbs block the thread on which they are called, and the client wants a runtime: use the others.
//! - What the server tells unasked (notices, notifications) is dropped on connections that the driver opens.
//! - PostgreSQL 14 to 18 are tested.

mod connect;
mod dialect;
mod effect;
mod error;
mod grant;
mod identity;
mod postgres;
mod preflight;
mod refusal;
mod rules;
mod told;
mod url;
mod value;

pub use tokio_postgres;

pub use self::connect::ConnectOptions;
pub use self::dialect::DIALECT;
pub use self::postgres::Postgres;
