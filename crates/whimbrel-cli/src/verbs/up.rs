//! `whimbrel up`: applies what is pending.

use clap::Args;
use whimbrel::{Digest, Driver, Goal, Outcome, Report, Source, Version, Weight};

use super::plan::{self, Leave};
use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::{Approvals, Context, quoted};
use crate::exit::Code;
use crate::output::style::{GOOD, paint};
use crate::shown::OnlyWhatWasShown;
use crate::{output, relock};

/// Applies what is pending
#[derive(Debug, Args)]
#[command(
    aliases = ["migrate", "run", "apply"],
    after_help = "Examples:\n  whimbrel up\n  whimbrel up --to 42\n  whimbrel -e production up --approve b3v1:…\n\nCtrl-C ends after the migration under way; once more breaks off. Either way `up` goes on from there."
)]
pub(crate) struct Arguments {
    /// Up to and including this version
    #[arg(long, value_name = "VERSION")]
    to: Option<Version>,
    /// The digest of the plan that somebody has approved
    #[arg(long, value_name = "DIGEST")]
    approve: Option<Digest>,
    #[command(flatten)]
    approvals: Approvals,
    /// Why; the history keeps it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    leave: Leave,
    /// End with 10 if there was nothing to do
    #[arg(long)]
    detailed_exit_code: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    match carry_out(context, &arguments).await {
        Err(failure) if relock::can_offer(context, &failure.error) => {
            match relock::offer(context, failure).await? {
                Some(answer) => Ok(answer),
                None => carry_out(context, &arguments).await,
            }
        }
        done => done,
    }
}

async fn carry_out(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let to = arguments.to.map_or_else(String::new, |version| format!(" --to {version}"));
    let given = arguments.reason.as_deref().map(crate::locking::reason).transpose()?;
    let said = given.as_deref().map(reason).unwrap_or_default();
    context.say(format!("{to}{}{said}", arguments.leave.words()));
    let migrator = || {
        let mut migrator = arguments.leave.give(context.migrator()?);
        if let Some(version) = arguments.to {
            migrator = migrator.with_target(version);
        }
        if let Some(reason) = &given {
            migrator = migrator.with_reason(reason);
        }
        Ok::<_, Failure>(migrator)
    };
    let mut first = arguments.approvals.give(context, migrator()?)?;
    if let Some(digest) = arguments.approve {
        first = first.with_approval(digest);
    }
    let mut db = context.connect_to_write().await?;
    if let Some(version) = arguments.to {
        // Where everything is applied nobody would look.
        let set = context.directory().load(db.dialect().name).await?;
        if set.migration(version).is_none() {
            return Err(Failure::of(Code::Refused, format!("there is no version {version}"))
                .with_next(context.command("status")));
        }
    }
    let report = match first.run(&mut db).await {
        Ok(report) => report,
        Err(error) => {
            let unapproved = !error.findings().is_empty()
                && error.findings().iter().all(|finding| finding.weight() == Weight::Approval);
            if !unapproved {
                return Err(error.into());
            }
            let goal = arguments.to.map_or(Goal::Latest, Goal::UpTo);
            let plan = migrator()?.plan_for(&mut db, goal).await?;
            let shown = plan::render(&plan);
            if !confirm::can_ask(context) || arguments.approve.is_some() {
                let plan = Some(Box::new(plan::data(&plan)));
                return Err(Failure { before: Some(shown), plan, ..Failure::from(error) });
            }
            let how = context.again("up", &format!(" --approve {}", plan.digest()));
            confirm::confirm(context, &shown, "This plan wants an approval.", false, &how).await?;
            let migrator =
                migrator()?.with_verifier(OnlyWhatWasShown::new(&plan)).with_approval(*plan.digest());
            migrator.run(&mut db).await?
        }
    };
    let nothing = matches!(report.outcome, Outcome::UpToDate | Outcome::Ahead);
    let answer = answer(&report);
    Ok(if nothing && arguments.detailed_exit_code { answer.with_code(Code::NothingToDo) } else { answer })
}

/// What a report amounts to.
pub(crate) fn answer(report: &Report) -> Answer {
    Answer::new(paint(GOOD, report), output::report_data(report))
}

/// A reason, as it is typed.
pub(crate) fn reason(text: &str) -> String {
    format!(" --reason {}", quoted(text))
}
