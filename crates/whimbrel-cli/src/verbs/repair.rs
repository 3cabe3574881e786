//! `whimbrel repair`: a person has looked at rows of the history that are not as they were written.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::advice;
use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::Context;
use crate::exit::Code;
use crate::output;

/// Records that somebody has looked at what is wrong with the history's rows
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  whimbrel history --verify\n  whimbrel repair --reason 'row 7 was edited by hand on 3 May, ticket 1182'"
)]
pub(crate) struct Arguments {
    /// Why they are as they are; the history keeps it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let reason = crate::locking::reason(&arguments.reason)?;
    context.say(super::up::reason(&reason));
    let migrator = context.migrator()?;
    let mut db = context.connect().await?;
    let history = migrator.history(&mut db).await?;
    let broken: Vec<String> = history.broken().map(ToString::to_string).collect();
    if broken.is_empty() {
        return Ok(Answer::new("nothing is wrong with the history's rows", json!({ "broken": [] })));
    }
    if let Some(row) = history.broken().find(|row| row.column.is_some()) {
        return Err(Failure::of(
            Code::BrokenHistory,
            format!("{row}; nobody can vouch for what cannot be read"),
        )
        .advised(advice::for_broken(context, true)));
    }
    let shown = broken.iter().fold(String::from("wrong in the history:\n"), |mut text, row| {
        let _ = writeln!(text, "  {row}");
        text
    });
    let how = context.again("repair", " --yes");
    confirm::confirm(context, &shown, "Do the rows count as they stand from now on?", arguments.yes, &how)
        .await?;
    let report = migrator.repair(&mut db, &reason).await?;
    let data = json!({ "broken": broken, "report": output::report_data(&report) });
    Ok(Answer { data, ..super::up::answer(&report) })
}
