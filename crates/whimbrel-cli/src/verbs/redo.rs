//! `whimbrel redo`: the newest migration down, and up again.

use clap::Args;
use whimbrel::Goal;

use super::down::{self, Consent};
use crate::answer::{Answer, Failure};
use crate::context::Context;

/// Reverts the newest migration and applies it again
#[derive(Debug, Args)]
#[command(after_help = "Example, while a migration is being written:\n  whimbrel redo --yes")]
pub(crate) struct Arguments {
    /// Why; the history keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let mut db = context.connect().await?;
    down::carry_out(context, &mut db, Goal::Redo, arguments.reason.as_deref(), arguments.consent).await
}
