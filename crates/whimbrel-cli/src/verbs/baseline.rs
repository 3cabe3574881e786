//! `whimbrel baseline`: declares what a database without a history has already.

use clap::Args;
use whimbrel::{Goal, Migration, Migrator, Version};

use super::plan;
use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::Context;
use crate::exit::Code;
use crate::locking;
use crate::sets;
use crate::shown::OnlyWhatWasShown;

/// Declares versions to be in force in a database that has what they make already
#[derive(Debug, Args)]
#[command(
    after_help = "Example, for a database that was made by something else up to version 12:\n  whimbrel baseline 12 --reason 'taken over from sqlx'"
)]
pub(crate) struct Arguments {
    /// Up to and including this version
    version: Version,
    /// Without these, which the database does not have: 3,5
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',')]
    except: Vec<Version>,
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
    let except: Vec<String> = arguments.except.iter().map(ToString::to_string).collect();
    let except = if except.is_empty() { String::new() } else { format!(" --except {}", except.join(",")) };
    context.say(format!(" {}{except}{words}", arguments.version));
    let declared = declared(context, &arguments)?;
    let migrator = || -> Result<Migrator<'_>, Failure> {
        let migrator = context.migrator()?;
        Ok(match &declared {
            Some(versions) => migrator.with_baselined(versions.iter().copied()),
            None => migrator,
        })
    };
    let mut db = context.connect().await?;
    let plan = migrator()?.plan_for(&mut db, Goal::Baseline(arguments.version)).await?;
    let how = context.again("baseline", " --yes");
    let shown = plan::render(&plan) + "nothing of it is run";
    confirm::confirm(context, &shown, "Does the database have all of this?", arguments.yes, &how)
        .await
        .map_err(|failure| Failure { plan: Some(Box::new(plan::data(&plan))), ..failure })?;
    let mut migrator = migrator()?.with_verifier(OnlyWhatWasShown::new(&plan));
    if let Some(reason) = &reason {
        migrator = migrator.with_reason(reason);
    }
    let report = migrator.baseline(&mut db, arguments.version).await?;
    Ok(super::up::answer(&report))
}

/// The versions to declare, where there are exceptions.
fn declared(context: &Context, arguments: &Arguments) -> Result<Option<Vec<Version>>, Failure> {
    if arguments.except.is_empty() {
        return Ok(None);
    }
    let set = locking::read(context, &sets::own(context)?)?;
    let versions: Vec<Version> = set.versioned().iter().filter_map(Migration::version).collect();
    if let Some(strange) = arguments.except.iter().find(|it| !versions.contains(it)) {
        let failure = Failure::of(Code::Usage, format!("there is no version {strange} to leave out"));
        return Err(failure.with_next(context.command("status")));
    }
    let kept = versions.into_iter().filter(|it| *it <= arguments.version && !arguments.except.contains(it));
    Ok(Some(kept.collect()))
}
