//! `whimbrel wait`: until somebody else has migrated.

use clap::Args;

use crate::answer::{Answer, Failure};
use crate::config::parse_duration;
use crate::context::Context;

/// Waits until somebody else has applied everything; needs no right to change anything
#[derive(Debug, Args)]
#[command(
    after_help = "Example, before an application starts beside a migration job:\n  whimbrel -e production wait --deadline 5min && exec ./app"
)]
pub(crate) struct Arguments {
    /// How long at most, like 30s or 5min
    #[arg(long, value_name = "TIME")]
    deadline: Option<String>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let mut migrator = context.migrator()?;
    if let Some(text) = &arguments.deadline {
        migrator = migrator.with_wait_deadline(parse_duration("--deadline", text)?);
    }
    let mut db = context.connect().await?;
    let report = migrator.wait(&mut db).await?;
    super::check::refuse_broken(&migrator, &mut db).await?;
    Ok(super::up::answer(&report))
}
