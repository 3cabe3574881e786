//! The examples for PostgreSQL, a file for each of the rules' files. Data only.

mod data_loss;
mod escalation;
mod lock;
mod rewrite;
mod rollout;
mod schema;
mod trap;

use super::Example;

/// All of them.
pub(super) const EXAMPLES: &[&[Example]] = &[
    data_loss::EXAMPLES,
    lock::EXAMPLES,
    rewrite::EXAMPLES,
    rollout::EXAMPLES,
    trap::EXAMPLES,
    schema::EXAMPLES,
    escalation::EXAMPLES,
];
