//! `whimbrel plan`: what would be done, for people, for programs, or as one SQL script.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};
use whimbrel::{Digest, Goal, Migrator, OutOfOrder, Plan, PlanItem, Reverted, Unbaselined, Version, Weight};

use crate::answer::{Answer, Failure};
use crate::context::{Approvals, Context};
use crate::database::Connection;
use crate::exit::Code;
use crate::output::style::{BOLD, DIM, GOOD, PLACE, WAITING, paint};
use crate::output::table::Table;
use crate::output::{self, count, diagnostic};

/// Shows what `up` would do, and changes nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel plan\n  whimbrel plan --to 42\n  whimbrel plan --sql > for-the-dba.sql\n  whimbrel plan --down --to 40"
)]
pub(crate) struct Arguments {
    /// Up to and including this version; with --down, down to it, and 0 is everything
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
    /// What `down` would do
    #[arg(long)]
    down: bool,
    /// What `redo` would do
    #[arg(long, conflicts_with_all = ["down", "to"])]
    redo: bool,
    /// Only the digest, for --approve
    #[arg(long)]
    digest: bool,
    /// One SQL script with the rows of the history in it, to be run by the database's own client
    #[arg(long)]
    sql: bool,
    /// With --sql: the digest of the plan that somebody has approved
    #[arg(long, value_name = "DIGEST", requires = "sql")]
    approve: Option<Digest>,
    #[command(flatten)]
    approvals: Approvals,
    #[command(flatten)]
    leave: Leave,
    /// End with 3 if something is pending
    #[arg(long)]
    exit_code: bool,
}

/// What may be, beyond what the configuration says.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Leave {
    /// Apply migrations that are older than ones applied
    #[arg(long)]
    out_of_order: bool,
    /// Apply again what was reverted
    #[arg(long)]
    reapply: bool,
    /// Begin in a database that has tables of others
    #[arg(long)]
    beside_others: bool,
}

impl Leave {
    /// The same, as it is typed.
    pub(crate) fn words(self) -> String {
        let said = [
            (self.out_of_order, " --out-of-order"),
            (self.reapply, " --reapply"),
            (self.beside_others, " --beside-others"),
        ];
        said.iter().filter(|(is_said, _)| *is_said).map(|(_, word)| *word).collect()
    }

    pub(crate) fn give<'a>(self, mut migrator: Migrator<'a>) -> Migrator<'a> {
        if self.out_of_order {
            migrator = migrator.with_out_of_order(OutOfOrder::Apply);
        }
        if self.reapply {
            migrator = migrator.with_reverted(Reverted::Apply);
        }
        if self.beside_others {
            migrator = migrator.with_unbaselined(Unbaselined::Allow);
        }
        migrator
    }
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let down = if arguments.down { " --down" } else { "" };
    let redo = if arguments.redo { " --redo" } else { "" };
    let to = arguments.to.map_or_else(String::new, |version| format!(" --to {version}"));
    context.say(format!("{down}{redo}{to}{}", arguments.leave.words()));
    let migrator = arguments.leave.give(context.migrator()?);
    let mut db = context.connect_or_imagine().await?;
    let goal = match (arguments.down, arguments.to) {
        _ if arguments.redo => Goal::Redo,
        (false, None) => Goal::Latest,
        (false, Some(number)) => Goal::UpTo(version(number)?),
        (true, Some(number)) => Goal::RevertTo(super::down::target(context, &db, number).await?),
        (true, None) => super::down::newest(&migrator, &mut db).await?,
    };
    if arguments.sql {
        return script(migrator, &mut db, context, &arguments, goal).await;
    }
    let plan = migrator.plan_for(&mut db, goal).await?;
    if arguments.digest {
        return Ok(Answer::new(plan.digest().to_string(), data(&plan)));
    }
    let mut text = render(&plan);
    if !plan.is_empty() {
        let verb = match goal {
            Goal::Redo => "redo",
            Goal::RevertTo(_) => "down",
            _ => "up",
        };
        let approve =
            if wants_approval(&plan) { format!(" --approve {}", plan.digest()) } else { String::new() };
        let _ = write!(
            text,
            "next: {}",
            context.command(&format!("{verb}{to}{}{approve}", arguments.leave.words()))
        );
    }
    let answer = Answer::new(text, data(&plan));
    Ok(if arguments.exit_code && !plan.is_empty() { answer.with_code(Code::Pending) } else { answer })
}

pub(crate) fn version(number: i64) -> Result<Version, Failure> {
    Version::new(number).ok_or_else(|| Failure::of(Code::Usage, "--to is no version: they count from 0"))
}

/// The plan as a script.
async fn script(
    mut migrator: Migrator<'static>,
    db: &mut Connection,
    context: &Context,
    arguments: &Arguments,
    goal: Goal,
) -> Result<Answer, Failure> {
    if let Some(digest) = arguments.approve {
        migrator = migrator.with_approval(digest);
    }
    let script = arguments.approvals.give(context, migrator)?.script_for(db, goal).await?;
    let data = json!({ "sql": script });
    Ok(Answer::new(script, data))
}

/// Whether somebody has to approve the plan.
pub(crate) fn wants_approval(plan: &Plan) -> bool {
    plan.notes().iter().any(|finding| finding.weight() == Weight::Approval)
}

/// A plan for people.
pub(crate) fn render(plan: &Plan) -> String {
    if plan.is_empty() {
        return "nothing to do".to_owned();
    }
    let mut text = String::new();
    let steps = count(plan.items().len(), "step");
    let _ = writeln!(text, "{} on {}", paint(BOLD, steps), plan.dialect());
    if plan.creates_history() {
        let _ = writeln!(text, "  the history table is made first");
    }
    let mut table = Table::new(&["do", "migration", "statements", "how", "file"])
        .right(&[2])
        .flexible(&[4, 1])
        .spare(&[4]);
    for item in plan.items() {
        let style = if item.action().as_str().contains("revert") { WAITING } else { GOOD };
        let action = paint(style, item.action().as_str());
        let file = item.script().map(|script| script.location()).unwrap_or_default();
        table.push(vec![action, item.label().to_owned(), statements(item), how(item), paint(DIM, file)]);
    }
    text.push_str(&table.render(output::width()));
    if !plan.notes().is_empty() {
        let _ = writeln!(text, "{}", paint(PLACE, "to know:"));
        diagnostic::findings(&mut text, plan.notes());
    }
    let _ = writeln!(text, "plan {}", plan.digest());
    text
}

fn statements(item: &PlanItem) -> String {
    match (item.script(), item.statements()) {
        (None, _) => String::new(),
        (Some(_), 0) if item.directives().is_none() => "in Rust".to_owned(),
        (Some(_), number) if item.first_statement() > 0 => {
            format!("{} of {number}", number - item.first_statement())
        }
        (Some(_), number) => number.to_string(),
    }
}

fn how(item: &PlanItem) -> String {
    use whimbrel::Action;
    match item.action() {
        Action::Accept { reason } | Action::Tombstone { reason } => format!("because: {reason}"),
        Action::Environment { name } => name.clone(),
        _ if item.script().is_none() => String::new(),
        _ if item.in_transaction() => "in a transaction".to_owned(),
        _ => "statement by statement".to_owned(),
    }
}

/// A plan for programs.
pub(crate) fn data(plan: &Plan) -> Value {
    let items: Vec<Value> = plan
        .items()
        .iter()
        .map(|item| {
            json!({
                "set": item.set_name(), "action": item.action().as_str(), "label": item.label(),
                "version": item.version(), "digest": item.digest(), "statements": item.statements(),
                "first_statement": item.first_statement(), "transaction": item.in_transaction(),
                "file": item.script().map(|script| script.location()),
            })
        })
        .collect();
    json!({
        "dialect": plan.dialect(), "digest": plan.digest(), "creates_history": plan.creates_history(),
        "items": items, "notes": plan.notes(), "wants_approval": wants_approval(plan),
    })
}
