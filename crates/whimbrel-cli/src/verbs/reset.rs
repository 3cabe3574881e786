//! `whimbrel reset`: removes the database, makes it anew, and applies everything; for development.

use clap::Args;

use super::drop::{self, Consent};
use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::database::whole;

/// Removes the database, makes it anew and applies everything (development)
#[derive(Debug, Args)]
#[command(after_help = "Example, while migrations are being written:\n  whimbrel reset --yes")]
pub(crate) struct Arguments {
    #[command(flatten)]
    consent: Consent,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let address = context.address()?;
    // What the gate would refuse afterwards it refuses before anything is lost.
    super::verify::pass(context).await?;
    // Nor is anything lost that could not be made again.
    drop::allow(context, &address, arguments.consent, "reset")?;
    whole::check_can_create(&address).await?;
    drop::remove(context, &address, arguments.consent, "reset").await?;
    whole::create(&address).await?;
    let mut db = context.connect_to_write().await?;
    let report = context.migrator()?.run(&mut db).await?;
    Ok(super::up::answer(&report))
}
