//! `whimbrel baseline`: declares what a database without a history has already.

use clap::Args;
use whimbrel::{Goal, Version};

use super::plan;
use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::Context;
use crate::shown::OnlyWhatWasShown;

/// Declares versions to be in force in a database that has what they make already
#[derive(Debug, Args)]
#[command(
    after_help = "Example, for a database that was made by something else up to version 12:\n  whimbrel baseline 12 --reason 'taken over from sqlx'"
)]
pub(crate) struct Arguments {
    /// Up to and including this version
    version: Version,
    /// Why; the history keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let reason = arguments.reason.as_deref().map(crate::locking::reason).transpose()?;
    let words = reason.as_deref().map(super::up::reason).unwrap_or_default();
    context.say(format!(" {}{words}", arguments.version));
    let mut db = context.connect().await?;
    let plan = context.migrator()?.plan_for(&mut db, Goal::Baseline(arguments.version)).await?;
    let how = context.again("baseline", " --yes");
    let shown = plan::render(&plan) + "nothing of it is run";
    confirm::confirm(context, &shown, "Does the database have all of this?", arguments.yes, &how)
        .await
        .map_err(|failure| Failure { plan: Some(Box::new(plan::data(&plan))), ..failure })?;
    let mut migrator = context.migrator()?.with_verifier(OnlyWhatWasShown::new(&plan));
    if let Some(reason) = &reason {
        migrator = migrator.with_reason(reason);
    }
    let report = migrator.baseline(&mut db, arguments.version).await?;
    Ok(super::up::answer(&report))
}
