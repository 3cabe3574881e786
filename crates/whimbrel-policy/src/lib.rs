//! Rules for migrations: what a plan's statements do, and what a running application would notice of it.
//!
//! [`Policy`] is a verifier: before anything is executed it reads the statements of the plan, as the server would, and
//! objects to those that lose data, make others wait, break the version that is running, do something else than they
//! seem to do, or give somebody rights.

#![allow(dead_code, reason = "the readers are being written")]

mod case;
mod catalog;
mod deed;
mod example;
mod judge;
mod level;
mod policy;
mod reading;
mod rule;
mod rules;

pub use self::example::{Example, Observation};
pub use self::level::Level;
pub use self::policy::Policy;
pub use self::rule::{Concern, Rule};
pub use self::rules::rules;
