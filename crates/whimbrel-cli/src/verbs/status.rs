//! `whimbrel status`: what is in force and what is not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use whimbrel::{BrokenRow, History, HistoryEvent, Standing, Status};

use crate::advice;
use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::output::safe::shown;
use crate::output::style::{BAD, BOLD, DIM, GOOD, WAITING, paint};
use crate::output::table::Table;
use crate::output::{self, count};

/// Shows what is in force and what is pending
#[derive(Debug, Args)]
#[command(
    aliases = ["info", "list"],
    after_help = "Examples:\n  whimbrel status\n  whimbrel -e production status --pending\n  whimbrel status --format json | jq '.data.pending'"
)]
pub(crate) struct Arguments {
    /// Only what is not in force, or not as it should be
    #[arg(long)]
    pending: bool,
    /// End with 3 if something is pending
    #[arg(long)]
    exit_code: bool,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let migrator = context.migrator()?;
    let mut db = context.connect_or_imagine().await?;
    let status = migrator.status(&mut db).await?;
    let history = migrator.history(&mut db).await?;
    let (at, open, pending) = summary(&status);
    let mut text = String::new();
    if let Some(environment) = &status.environment {
        let _ = writeln!(text, "environment {}", paint(BOLD, shown(environment)));
    }
    for set in &status.sets {
        let all = set.entries.len();
        let _ = writeln!(
            text,
            "set {}  {}",
            paint(BOLD, shown(set.set.as_str())),
            paint(DIM, count(all, "migration"))
        );
        let known = Known::of(&history, set.set.as_str());
        let mut table = Table::new(&["state", "migration", "since (UTC)", "took", "by"])
            .right(&[3])
            .flexible(&[4, 1])
            .spare(&[4]);
        for entry in &set.entries {
            if arguments.pending && matches!(entry.standing, Standing::Applied | Standing::Baselined) {
                continue;
            }
            let (style, word) = match entry.standing {
                Standing::Applied | Standing::Baselined => (GOOD, entry.standing.as_str()),
                Standing::Pending => (WAITING, "pending"),
                Standing::Open | Standing::Changed | Standing::Unknown => (BAD, entry.standing.as_str()),
                _ => (DIM, entry.standing.as_str()),
            };
            let (took, by) = known.of_label(&entry.label, entry.at.is_some());
            let at = entry.at.as_deref().map(moment).unwrap_or_default();
            table.push(vec![paint(style, word), shown(&entry.label), shown(&at), took, shown(&by)]);
        }
        if !table.is_empty() {
            text.push_str(&table.render(output::width()));
        }
    }
    let said = sentence(at.as_deref(), open.as_deref(), pending);
    let data = json!({
        "environment": status.environment, "sets": status.sets, "at": at, "open": open, "pending": pending,
        "broken": status.broken,
    });
    if !status.broken.is_empty() {
        let _ = writeln!(text, "as far as that can be told: {said}");
        text.push_str(&broken(context, &status.broken));
        return Ok(Answer::new(text, data).with_code(Code::BrokenHistory));
    }
    text.push_str(&said);
    let answer = Answer::new(text, data);
    Ok(if arguments.exit_code && (pending > 0 || open.is_some()) {
        answer.with_code(Code::Pending)
    } else {
        answer
    })
}

/// The rows of the history that are not as they were written, and what to do.
pub(crate) fn broken(context: &Context, rows: &[BrokenRow]) -> String {
    let mut text = String::new();
    for row in rows.iter().take(NAMED) {
        let _ = writeln!(text, "{}: {}", paint(BAD, "wrong in the history"), shown(&row.to_string()));
    }
    if let Some(more) = rows.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "{}: {}", paint(BAD, "wrong in the history"), count(more, "more row"));
    }
    for next in advice::for_broken(context, rows.iter().any(|row| row.column.is_some())) {
        let _ = writeln!(text, "next: {next}");
    }
    text
}

/// How many wrong rows are named.
const NAMED: usize = 10;

/// What is known of migrations beside how they stand.
pub(crate) struct Known {
    times: BTreeMap<String, String>,
    by: BTreeMap<String, String>,
}

impl Known {
    pub(crate) fn of(history: &History, set: &str) -> Self {
        let mut known = Self { times: BTreeMap::new(), by: BTreeMap::new() };
        for (_, rows) in history.sets().filter(|(name, _)| *name == set) {
            for row in rows.rows() {
                known.times.extend(row.times().map(|(label, time)| (label.to_owned(), output::short(time))));
                let done = matches!(
                    row.event(),
                    HistoryEvent::Applied
                        | HistoryEvent::Baselined
                        | HistoryEvent::Begun
                        | HistoryEvent::Reverted
                );
                if let Some(label) = row.label().filter(|_| done) {
                    known.by.insert(label, who(row));
                }
            }
        }
        known
    }

    /// How long it took, and by whom it was run.
    pub(crate) fn of_label(&self, label: &str, known: bool) -> (String, String) {
        if !known {
            return Default::default();
        }
        let value = |map: &BTreeMap<String, String>| map.get(label).cloned().unwrap_or_default();
        (value(&self.times), value(&self.by))
    }
}

/// `app@web-3, orders 1.8.0`.
pub(crate) fn who(row: &whimbrel::HistoryRow) -> String {
    let mut who = row.who_value("user").unwrap_or_default();
    if let Some(host) = row.who_value("host") {
        let _ = write!(who, "@{host}");
    }
    if let Some(application) = row.who_value("application") {
        let version = row.who_value("application_version").unwrap_or_default();
        let _ = write!(who, " ({})", format!("{application} {version}").trim_end());
    }
    who.trim_start().to_owned()
}

/// A time of the history, to the second.
pub(crate) fn moment(at: &str) -> String {
    let at = at.replace('T', " ");
    at.split('.').next().unwrap_or(&at).trim_end_matches('Z').to_owned()
}

/// Where the last set stands: its newest migration in force, what is open, and how many are pending in all.
pub(crate) fn summary(status: &Status) -> (Option<String>, Option<String>, usize) {
    let entries = || status.sets.iter().flat_map(|set| &set.entries);
    let pending = entries().filter(|entry| entry.standing == Standing::Pending).count();
    let open = entries().find(|entry| entry.standing == Standing::Open).map(|entry| entry.label.clone());
    let last = status.sets.last().map(|set| set.entries.as_slice()).unwrap_or_default();
    let at = last
        .iter()
        .rfind(|entry| {
            entry.version.is_some()
                && matches!(
                    entry.standing,
                    Standing::Applied | Standing::Baselined | Standing::Changed | Standing::Unknown
                )
        })
        .map(|entry| entry.label.clone());
    (at, open, pending)
}

/// The same in words.
pub(crate) fn sentence(at: Option<&str>, open: Option<&str>, pending: usize) -> String {
    let at = at.map_or_else(|| "nothing is applied".to_owned(), |at| format!("at {}", shown(at)));
    match (open, pending) {
        // It is to be gone on with, so something is left to do.
        (Some(open), 0) => format!("{at}, {} is begun and not known to be done", shown(open)),
        (Some(open), more) => {
            format!("{at}, {} is begun and not known to be done, {more} more pending", shown(open))
        }
        (None, 0) => format!("{at}, nothing pending"),
        (None, pending) => format!("{at}, {pending} pending"),
    }
}
