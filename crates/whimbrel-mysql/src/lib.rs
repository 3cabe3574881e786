//! Whimbrel on MySQL and MariaDB, over mysql_async.
//!
//! ```no_run
//! # use whimbrel::{DatabaseUrl, Memory, Migrator};
//! # use whimbrel_mysql::MySql;
//! # async fn migrate() -> whimbrel::Result<()> {
//! # let migrations = Memory::new();
//! let url = DatabaseUrl::from_env("DATABASE_URL")?;
//! let mut db = MySql::connect(&url).await?;
//! Migrator::new(&migrations).run(&mut db).await?;
//! # Ok(())
//! # }
//! ```
//!
//! With a connection of a pool:
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
//! # What a crash leaves
//!
//! What changes the schema commits itself here, and whatever was open. So each statement has a row in the history, and of one
//! whose row is missing the next run looks in `information_schema` what became of it. That is possible for a closed list of
//! statements, each on one object: `CREATE` and `DROP` of a table, view, index, trigger, procedure, function or event, and
//! `ALTER TABLE` with one `ADD` or `DROP`. Of others the outcome is unknown, and the run says so: write one change a
//! statement. Scripts that change data only, in tables of InnoDB, are one transaction with their row.
//!
//! # TLS
//!
//! Of a URL, `sslmode` counts as libpq means it, or `ssl-mode` in MySQL's own words: `disable`, `require`, `verify-ca` or
//! `verify-full`. What falls back to plaintext in silence is refused. Where nothing is said, loopback and sockets go
//! without, and every other host gets `verify-full`. `sslrootcert` (`ssl-ca`) names a file, else the platform's
//! certificates are trusted; `sslcert` and `sslkey` are the client's. It is rustls with ring. Without the feature `tls` a
//! URL that wants TLS is refused.
//!
//! # Poolers and clusters
//!
//! The lock is the session's, by `GET_LOCK`, so the connection has to keep its session: a proxy that does not is found out by
//! the connection's number, and refused unless [`MySql::with_sessions_kept`] vouches for it. Such a lock is one server's own; in a cluster it is the key of a row in the history
//! that decides which of two runs goes on.
//!
//! In a Galera cluster of MariaDB runs may begin on all servers at once, and each sees what was committed on the others before
//! it. What a run has left open on one server is waited for on another until the lock's deadline, since it may be under way
//! there; only then is it gone on with, or said to be unknown. Percona XtraDB Cluster, which refuses `GET_LOCK` by default, is
//! refused; Group Replication was not tried.
//!
//! # Steps in Rust
//!
//! [`StepTransaction::native`](whimbrel::StepTransaction::native) gives a [`mysql_async::Conn`].
//!
//! # Which servers
//!
//! MySQL 5.7 and 9, and MariaDB 10.11 and 11.8, are tested. MySQL 8 is not, since it is not to be had where the tests run.
//! The server is recognised by what it says of itself, with the first query: a product that only speaks the protocol, such as
//! TiDB, is refused by name. `docs/guide/servers.md` lists products, services and proxies.
//!
//! # Limits
//!
//! - No role is assumed: [`with_role`](whimbrel::Migrator::with_role) means nothing here.
//! - On MySQL before 8 a crash in the middle of a statement about a routine leaves its outcome unknown, for a person to settle.
//! - Waiting for locks is limited in whole seconds; MySQL limits the time of `SELECT` only.
//! - The blocking verbs block the thread on which they are called, and the client wants a runtime: use the others.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that unwraps nothing fails as it should"))]

mod connect;
mod dialect;
mod effect;
mod error;
mod grant;
mod identity;
mod mysql;
mod preflight;
mod refusals;
mod resume;
mod routine;
mod rules;
mod tls;
mod value;

pub use mysql_async;

pub use self::dialect::{MARIADB, MYSQL};
pub use self::mysql::MySql;
