//! `whimbrel check`: fails if anything is pending.

use clap::Args;
use whimbrel::{BrokenRow, Error, Finding, Migrator};

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::database::Connection;

/// Ends with 3 if something is pending; needs no right to change anything
#[derive(Debug, Args)]
#[command(after_help = "Example, before a deployment:\n  whimbrel -e production check && ./deploy")]
pub(crate) struct Arguments {}

pub(crate) async fn run(context: &Context, _: Arguments) -> Result<Answer, Failure> {
    let mut db = context.connect_or_imagine().await?;
    let migrator = context.migrator()?;
    let report = migrator.check(&mut db).await?;
    refuse_broken(&migrator, &mut db).await?;
    Ok(super::up::answer(&report))
}

/// Refuses a history that is not as it was written, which the one query of a boot does not look at.
pub(crate) async fn refuse_broken(migrator: &Migrator<'_>, db: &mut Connection) -> Result<(), Failure> {
    let status = migrator.status(db).await?;
    let Some(last) = status.sets.last() else { return Ok(()) };
    let is_own =
        |row: &&BrokenRow| row.set == "*" || status.sets.iter().any(|set| set.set.as_str() == row.set);
    let findings: Vec<Finding> =
        status.broken.iter().filter(is_own).map(|row| row.finding(&last.set)).collect();
    if findings.is_empty() { Ok(()) } else { Err(Error::refused(findings).into()) }
}
