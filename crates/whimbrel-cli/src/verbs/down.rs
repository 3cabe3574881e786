//! `whimbrel down`: reverts.

use clap::Args;
use whimbrel::{Digest, Driver as _, Goal, Migrator, Source as _, Standing, Version};

use super::plan;
use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::Context;
use crate::database::Connection;
use crate::exit::Code;
use crate::shown::OnlyWhatWasShown;

/// Reverts the newest migration, or everything newer than a version
#[derive(Debug, Args)]
#[command(
    visible_alias = "revert",
    aliases = ["rollback", "undo"],
    after_help = "Examples:\n  whimbrel down                 the newest migration\n  whimbrel down --to 40         everything newer than 40\n  whimbrel down --to 0 --yes    everything, in a script"
)]
pub(crate) struct Arguments {
    /// Everything newer than this version; 0 reverts everything, or -1 where there is a version 0
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// Why; the history keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

/// That it is meant, for scripts.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Consent {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// The digest of the plan that somebody has approved
    #[arg(long, value_name = "DIGEST")]
    pub(crate) approve: Option<Digest>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    context.say(arguments.to.map_or_else(String::new, |version| format!(" --to {version}")));
    let mut db = context.connect().await?;
    let goal = match arguments.to {
        Some(number) => Goal::RevertTo(target(context, &db, number).await?),
        None => newest(&context.migrator()?, &mut db).await?,
    };
    carry_out(context, &mut db, goal, arguments.reason.as_deref(), arguments.consent).await
}

/// The version that `--to` says: none reverts everything.
pub(super) async fn target(
    context: &Context,
    db: &Connection,
    number: i64,
) -> Result<Option<Version>, Failure> {
    match number {
        -1 => Ok(None),
        0 if !has_version_0(context, db).await? => Ok(None),
        number => plan::version(number).map(Some),
    }
}

/// Whether the set begins with a version 0, which some tools give to their own first migration.
async fn has_version_0(context: &Context, db: &Connection) -> Result<bool, Failure> {
    let set = context.directory().load(db.dialect().name).await?;
    Ok(Version::new(0).is_some_and(|version| set.migration(version).is_some()))
}

/// Shows what going down would do, asks, and does it.
pub(crate) async fn carry_out(
    context: &Context,
    db: &mut Connection,
    goal: Goal,
    reason: Option<&str>,
    consent: Consent,
) -> Result<Answer, Failure> {
    let reason = reason.map(crate::locking::reason).transpose()?;
    let reason = reason.as_deref();
    let plan = context.migrator()?.plan_for(db, goal).await?;
    if plan.is_empty() {
        return Ok(Answer::new("nothing to revert", plan::data(&plan)));
    }
    let verb = if goal == Goal::Redo { "redo" } else { "down" };
    let mut again = verb.to_owned();
    if let Goal::RevertTo(version) = goal {
        again.push_str(&match version {
            Some(version) => format!(" --to {version}"),
            None if has_version_0(context, db).await? => " --to=-1".to_owned(),
            None => " --to 0".to_owned(),
        });
    }
    again.push_str(&reason.map(super::up::reason).unwrap_or_default());
    let wants = plan::wants_approval(&plan);
    let approved = consent.approve == Some(*plan.digest());
    let how = context.command(&if wants {
        format!("{again} --approve {}", plan.digest())
    } else {
        format!("{again} --yes")
    });
    if wants && consent.yes && !approved && !confirm::can_ask(context) {
        let failure =
            Failure::of(Code::Refused, "what would be lost wants more than a yes: the plan's digest");
        let shown = Some(plan::render(&plan));
        return Err(Failure {
            before: shown,
            plan: Some(Box::new(plan::data(&plan))),
            ..failure.with_next(how)
        });
    }
    // What loses data wants its digest in a script, so that nothing else is lost than what somebody has seen.
    let yes = approved || (consent.yes && !wants);
    confirm::confirm(context, &plan::render(&plan), "Revert?", yes, &how)
        .await
        .map_err(|failure| Failure { plan: Some(Box::new(plan::data(&plan))), ..failure })?;
    let mut migrator =
        context.migrator()?.with_verifier(OnlyWhatWasShown::new(&plan)).with_approval(*plan.digest());
    if let Some(reason) = reason {
        migrator = migrator.with_reason(reason);
    }
    let report = match goal {
        Goal::Redo => migrator.redo(db).await?,
        Goal::RevertTo(version) => migrator.revert_to(db, version).await?,
        _ => return Err(Failure::of(Code::Failed, "going down has no other goal")),
    };
    Ok(super::up::answer(&report))
}

/// Reverts the newest version in force.
pub(crate) async fn newest(migrator: &Migrator<'_>, db: &mut Connection) -> Result<Goal, Failure> {
    let status = migrator.status(db).await?;
    let entries = status.sets.last().map(|set| set.entries.as_slice()).unwrap_or_default();
    let in_force: Vec<Version> = entries
        .iter()
        .filter(|entry| !matches!(entry.standing, Standing::Pending | Standing::Reverted | Standing::Removed))
        .filter_map(|entry| entry.version)
        .collect();
    Ok(Goal::RevertTo(in_force.iter().rev().nth(1).copied()))
}
