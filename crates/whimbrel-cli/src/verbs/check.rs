//! `whimbrel check`: fails if anything is pending.

use clap::Args;

use crate::answer::{Answer, Failure};
use crate::context::Context;

/// Ends with 3 if something is pending; needs no right to change anything
#[derive(Debug, Args)]
#[command(after_help = "Example, before a deployment:\n  whimbrel -e production check && ./deploy")]
pub(crate) struct Arguments {}

pub(crate) async fn run(context: &Context, _: Arguments) -> Result<Answer, Failure> {
    let mut db = context.connect_or_imagine().await?;
    let report = context.migrator()?.check(&mut db).await?;
    Ok(super::up::answer(&report))
}
