//! Generates sets of migrations, says how a run of one is disturbed, and compares what it leaves with what the database's
//! own client leaves.
//!
//! Everything follows from a seed: the [`GeneratedSet`] by [`generate`], the [`Disturbance`]s of its runs, the order in which
//! [`shrink`] tries smaller sets. A runner adds what needs servers and clients: it runs the statements of a set by the
//! client, one after the other, reads the [`Picture`] of the result, and expects the same of each disturbed run.
//!
//! Non-goals: starting servers, running clients, judging errors.

mod chance;
mod disturbance;
mod generated;
mod grammar;
mod model;
mod picture;
mod shrink;
mod tally;

pub use self::chance::Chance;
pub use self::disturbance::{Companion, Disturbance, Fault, Route, Start};
pub use self::generated::{GeneratedMigration, GeneratedSet, GeneratedStatement, MigrationKind, Outcome};
pub use self::grammar::{Grammar, generate};
pub use self::picture::Picture;
pub use self::shrink::shrink;
pub use self::tally::{Ended, Tally};
