//! `whimbrel settle`: shows a statement whose outcome is unknown, and records what a person has found out about it.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use whimbrel::script::Script;
use whimbrel::{Driver, Ending, Error, ErrorKind, Goal, Key, Settlement, Source, Standing, Version};

use crate::advice;
use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::Context;
use crate::database::{Connection, describe};
use crate::exit::Code;
use crate::locking;
use crate::output::diagnostic;
use crate::output::style::{BOLD, paint};

/// Shows a statement whose outcome is unknown, and records what you found out
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  whimbrel settle                                   what is open, and what the database has\n  whimbrel settle 43 --statement 2 --took-effect --reason 'p7 is there'\n  whimbrel settle 43 --statement 2 --did-not --reason 'there is no p7'\n  whimbrel settle 43 --undone --reason 'dropped the half-made table by hand'"
)]
pub(crate) struct Arguments {
    /// The migration; none for a repeatable
    version: Option<Version>,
    /// The statement, from 1
    #[arg(long, value_name = "NUMBER")]
    statement: Option<usize>,
    /// The statement took effect: the next run goes on behind it
    #[arg(long, group = "ending", requires = "statement")]
    took_effect: bool,
    /// The statement did not take effect: the next run runs it
    #[arg(long, group = "ending", requires = "statement")]
    did_not: bool,
    /// The migration was ended by hand: the next run records it as done
    #[arg(long, group = "ending")]
    applied: bool,
    /// The migration was undone by hand: it is as if it had never been begun
    #[arg(long, group = "ending")]
    undone: bool,
    /// How you know; the history keeps it
    #[arg(long, value_name = "TEXT", requires = "ending")]
    reason: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let number = arguments.statement.unwrap_or(0);
    let ending = match (arguments.took_effect, arguments.did_not, arguments.applied, arguments.undone) {
        (true, ..) => Some(Ending::TookEffect(number)),
        (_, true, ..) => Some(Ending::DidNot(number)),
        (_, _, true, _) => Some(Ending::Applied),
        (.., true) => Some(Ending::Undone),
        _ => None,
    };
    let mut db = context.connect().await?;
    let open = look(context, &mut db).await?;
    let Some(ending) = ending.filter(|_| open.is_some()) else {
        return match (open, ending) {
            (Some(open), _) => Ok(Answer::new(open.text, open.data)),
            (None, None) => Ok(Answer::new(NOTHING, json!({ "open": null }))),
            (None, Some(_)) => Err(Failure::of(Code::Refused, NOTHING).with_next(context.command("status"))),
        };
    };
    let Some(reason) = arguments.reason else {
        return Err(Failure::of(Code::Usage, "a settlement needs a reason")
            .with_next("say how you know: --reason '…'; it is recorded for those who come later"));
    };
    let reason = locking::reason(&reason)?;
    let what = match ending {
        Ending::TookEffect(number) => format!("Has statement {number} taken effect?"),
        Ending::DidNot(number) => format!("Has statement {number} had no effect?"),
        Ending::Applied => "Is everything of it done?".to_owned(),
        _ => "Is nothing of it left?".to_owned(),
    };
    // In a script the ending and its reason are the yes: nothing is executed by it.
    let yes = arguments.yes || !confirm::can_ask(context);
    let shown = open.map(|open| open.text).unwrap_or_default();
    let version = arguments.version.map_or_else(String::new, |version| format!(" {version}"));
    let ended = match ending {
        Ending::TookEffect(number) => format!(" --statement {number} --took-effect"),
        Ending::DidNot(number) => format!(" --statement {number} --did-not"),
        Ending::Applied => " --applied".to_owned(),
        _ => " --undone".to_owned(),
    };
    let how = context.command(&format!("settle{version}{ended}{} --yes", super::up::reason(&reason)));
    confirm::confirm(context, &shown, &what, yes, &how).await?;
    let settlement = Settlement { version: arguments.version, ending, reason };
    let report = context.migrator()?.settle(&mut db, settlement).await?;
    let mut answer = super::up::answer(&report);
    let _ = write!(answer.text, "\nnext: {}", context.command("up"));
    Ok(answer)
}

const NOTHING: &str = "nothing is open, so there is nothing to settle";

/// What is open, as a person should see it.
struct Open {
    text: String,
    data: serde_json::Value,
}

async fn look(context: &Context, db: &mut Connection) -> Result<Option<Open>, Failure> {
    let migrator = context.migrator()?;
    // What is open is read from rows.
    super::check::refuse_broken(&migrator, db).await?;
    let status = migrator.status(db).await?;
    let open = status.sets.iter().flat_map(|set| &set.entries).find(|entry| entry.standing == Standing::Open);
    let Some(open) = open else { return Ok(None) };
    let since = open.at.as_deref().map(super::status::moment).unwrap_or_default();
    let error = match migrator.plan_for(db, Goal::Latest).await {
        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => error,
        // Whatever else there is to say of it, a person may say how it ended.
        Err(error) if !error.findings().is_empty() => {
            let version: String = open.label.chars().take_while(char::is_ascii_digit).collect();
            let ended = |ending: &str, when: &str| {
                format!("{when}: {}", context.command(&format!("settle {version} {ending} --reason '…'")))
            };
            let next = vec![
                ended("--undone", "if nothing of it is left"),
                ended("--applied", "if everything of it is done"),
            ];
            let failure = Failure::from(error);
            let next: Vec<String> = failure.next.iter().cloned().chain(next).collect();
            let text = diagnostic::render(&Failure { next: next.clone(), ..failure });
            let data = json!({ "open": open, "in_doubt": false, "next": next });
            return Ok(Some(Open { text, data }));
        }
        Err(error) => return Err(error.into()),
        Ok(_) => {
            let text = format!(
                "{} was begun on {since}, and how far it came is known\nnext: {}",
                paint(BOLD, &open.label),
                context.command("up")
            );
            return Ok(Some(Open { text, data: json!({ "open": open, "in_doubt": false }) }));
        }
    };
    let has = found(context, db, &error).await;
    let statement = error.statement();
    let settle = |next: &String| next.contains("--");
    let next: Vec<String> = advice::of(context, "up", &error).into_iter().filter(settle).collect();
    let mut text = diagnostic::render(&Failure { next: next.clone(), ..Failure::from(error) });
    if let Some(has) = &has {
        let _ = writeln!(text, "{}", paint(BOLD, "the database has:"));
        for line in has {
            let _ = writeln!(text, "    {line}");
        }
    }
    let data = json!({
        "open": open, "in_doubt": true, "statement": statement, "database": has, "next": next,
    });
    Ok(Some(Open { text, data }))
}

/// What the database has of what the statement names.
async fn found(context: &Context, db: &mut Connection, error: &Error) -> Option<Vec<String>> {
    let dialect = db.dialect().clone();
    let set = context.directory().load(dialect.name).await.ok()?;
    let migration = set.iter().find(|migration| Some(migration.label().as_str()) == error.migration())?;
    let file = error.location().map(|place| place.file.as_str())?;
    let script = match (migration.key(), migration.down()) {
        (Key::Versioned(_), Some(down)) if down.location() == file => down,
        _ => migration.up(),
    };
    let script = Script::parse(script.text(), &dialect.lexing).ok()?;
    let statement = script.statements().get(error.statement()?.checked_sub(1)?)?;
    let object = describe::Object::of(statement)?;
    Some(describe::describe(db, &object).await)
}
