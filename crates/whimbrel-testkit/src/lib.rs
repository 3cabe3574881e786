//! What tests of Whimbrel, and of drivers for it, are made with.
//!
//! - [`conformance!`] mounts the suite that proves a driver: one test for each promise of the library.
//! - [`Fake`] is a database in memory that fails where it is told to: for tests of applications and of the engine.
//! - [`Exploration`] lets the engine's migrators loose on it, in every interleaving and with a fault at every step.
//! - [`Counting`] and [`Faulty`] wrap any driver: one counts what passes through it, the other fails at the nth call.
//! - [`Server`] is a real server, PostgreSQL, MariaDB or MySQL, started from what is installed and shared by the tests
//!   of a run; [`PgBouncer`] pools its connections, a [`Proxy`] counts, delays, cuts and disguises them, and [`Galera`] is two
//!   MariaDB servers in a cluster.
//! - [`walk`] takes each migration of a set up, down and up again, and compares the [`Schema`]s.
//! - [`search`] generates sets of migrations and disturbances, and compares what runs leave with what the database's client
//!   leaves.
//! - [`drop_after`] drops a future half-way; [`Record`] compares histories.
//!
//! Nothing here needs an async runtime.

mod conformance;
mod counting;
mod explore;
mod fake;
mod faulty;
mod pending;
mod proxy;
mod record;
mod schema;
pub mod search;
mod server;
mod walk;

#[doc(hidden)]
pub use self::conformance::{Bench, checks, run_check, unknown_exceptions};
pub use self::conformance::{Exception, Scripts, TestDatabase};
pub use self::counting::{Counting, Counts};
pub use self::explore::{Deed, Exploration, Explored, Release, Violation};
pub use self::fake::{FAKE, Fake, FakeKind, Fault};
pub use self::faulty::{Faulty, Moment};
pub use self::pending::{block_on, drop_after};
pub use self::proxy::{Disguise, Proxy, Towards, Traffic, Wire};
pub use self::record::Record;
pub use self::schema::Schema;
pub use self::server::{
    Durability, Galera, Installation, PgBouncer, Pooling, Server, ServerError, ServerErrorKind, ServerKind,
    ServerOptions, TestRun,
};
pub use self::walk::{WalkError, Walked, Way, walk};
