//! `whimbrel doctor`: shows what was looked at, and what can be typed about it.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::doctor::{self, Check, State};
use crate::exit::Code;
use crate::output::count;
use crate::output::style::{BAD, BOLD, COMMAND, DIM, GOOD, WAITING, paint};

/// Looks at what migrating needs, and says what to type; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  whimbrel -e production doctor")]
pub(crate) struct Arguments {}

pub(crate) async fn run(context: &Context, _: Arguments) -> Result<Answer, Failure> {
    let found = doctor::examine(context).await;
    let mut text = String::new();
    let mut shown: Vec<&'static str> = Vec::new();
    for check in &found.checks {
        if shown.contains(&check.name) {
            continue;
        }
        // What is hindered by the same stands in one line.
        let hindered = found.checks.iter().filter(|other| {
            other.state == State::NotLookedAt && other.found == check.found && other.name != check.name
        });
        let others: Vec<&'static str> = match check.state {
            State::NotLookedAt => hindered.map(|other| other.name).collect(),
            _ => Vec::new(),
        };
        show(&mut text, check, &others);
        shown.extend(others);
    }
    let number = |state| found.checks.iter().filter(|check| check.state == state).count();
    let wrong = number(State::Wrong);
    let parts = [
        (wrong, format!("{wrong} wrong")),
        (number(State::Warning), count(number(State::Warning), "warning")),
        (number(State::NotLookedAt), format!("{} not looked at", number(State::NotLookedAt))),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
    let summary = if parts.is_empty() { "all is well".to_owned() } else { parts.join(", ") };
    let _ = write!(text, "{}", paint(BOLD, summary));
    let answer = Answer::new(text, json!({ "checks": found.checks }));
    Ok(match wrong {
        0 => answer,
        _ if found.is_unreachable => answer.with_code(Code::Locked),
        _ => answer.with_code(Code::Failed),
    })
}

/// The width of the longest word of a state, and of the longest name.
const STATE: usize = 13;
const NAME: usize = 13;

fn show(text: &mut String, check: &Check, others: &[&str]) {
    let style = match check.state {
        State::Ok => GOOD,
        State::Warning => WAITING,
        State::Wrong => BAD,
        State::NotLookedAt => DIM,
    };
    let indent = " ".repeat(STATE + NAME + 4);
    let state = format!("{:STATE$}", check.state.as_str());
    let _ = write!(text, "{}  {:NAME$}  ", paint(style, state), check.name);
    let mut lines = check.found.clone();
    if !others.is_empty() {
        lines.push(format!("so with {}", others.join(", ")));
    }
    let _ = writeln!(text, "{}", lines.join(&format!("\n{indent}")));
    for remedy in &check.remedy {
        let when = remedy.when.as_ref().map(|when| paint(DIM, format!("{when}: "))).unwrap_or_default();
        let _ = writeln!(
            text,
            "{indent}{} {when}{}",
            paint(DIM, format!("= {}:", remedy.kind.as_str())),
            paint(COMMAND, &remedy.text)
        );
    }
}
