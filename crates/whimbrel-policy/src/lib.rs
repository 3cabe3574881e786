//! Rules for migrations: what a plan's statements do, and what a running application would notice of it.
//!
//! [`Policy`] is a verifier: before anything is executed it reads the statements of the plan, as the server would, and
//! objects to those that lose data, make others wait, break the version that is running, do something else than they
//! seem to do, or give somebody rights. It asks for the server's version, and knows what the runner does.
//!
//! ```
//! use whimbrel::{Conditions, Memory, Migrator, Product, Weight};
//! use whimbrel_policy::{Concern, Level, Policy};
//!
//! # fn main() -> whimbrel::Result<()> {
//! let policy = Policy::new().with_concern(Concern::Rollout, Level::Refusal);
//!
//! let migrations = Memory::new()
//!     .with_sql(1, "users", "CREATE TABLE users (id bigint PRIMARY KEY, mail text);")
//!     .with_sql(2, "mail", "CREATE INDEX users_mail ON users (mail);");
//! let migrator = Migrator::new(&migrations).with_verifier(&policy);
//! // … `migrator.run(&mut db)` now refuses what the policy is against.
//!
//! // Without a database, for a check before the review:
//! let findings = policy.lint(&migrations.set()?, Product::Postgres, &Conditions::default())?;
//! assert!(findings[0].message().starts_with("index-not-concurrently: "));
//! assert_eq!(findings[0].weight(), Weight::Refusal);
//! # Ok(())
//! # }
//! ```
//!
//! Each [`Rule`] has [examples](Rule::examples): a script that it is against, one that it is not, and what is observed of
//! the difference on a real server. `docs/policy.md` has all of them, and says how the policy judges.

mod ahead;
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
mod stand_in;

pub use self::example::{Example, Observation};
pub use self::level::Level;
pub use self::policy::Policy;
pub use self::rule::{Concern, Rule};
pub use self::rules::rules;
