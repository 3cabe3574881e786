//! What is written: answers and failures, for people and for programs. Knows no verb.

pub(crate) mod diagnostic;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod words;

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use whimbrel::{Error, Report};

use crate::answer::{Answer, Failure};
use crate::arguments::Format;
use crate::exit::Code;

/// The version of what is written for programs; `docs/json.md` describes it.
pub(crate) const SCHEMA: u32 = 1;

/// How wide the terminal is; what is no terminal is wide enough for anything.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size().map_or(usize::MAX, |(width, _)| usize::from(width.0))
}

/// A time for people: three digits at most.
pub(crate) fn short(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..100_000_000 => format!("{:.1} s", micros as f64 / 1e6),
        _ => format!("{} s", micros / 1_000_000),
    }
}

/// `1 migration`, `2 migrations`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Writes an answer.
pub(crate) fn answer(format: Format, verb: &str, answer: &Answer) -> Code {
    match format {
        Format::Human => {
            let text = answer.text.trim_end();
            if !text.is_empty() {
                out(text);
            }
        }
        Format::Json => json_line(&json!({
            "schema": SCHEMA, "type": "result", "verb": verb, "exit": exit(answer.code), "data": answer.data,
        })),
    }
    answer.code
}

/// Writes why there is no answer.
pub(crate) fn failure(format: Format, verb: &str, failure: &Failure) -> Code {
    match format {
        Format::Human => {
            if let Some(before) = &failure.before {
                anstream::eprintln!("{}", before.trim_end());
            }
            anstream::eprint!("{}", diagnostic::render(failure));
        }
        Format::Json => json_line(&json!({
            "schema": SCHEMA, "type": "error", "verb": verb, "exit": exit(failure.code),
            "error": error_data(failure),
        })),
    }
    failure.code
}

/// Writes text for people to standard output. Whoever has closed it has seen enough.
pub(crate) fn out(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Writes one line for programs.
pub(crate) fn json_line(value: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}

fn exit(code: Code) -> Value {
    json!({ "code": code.number(), "word": code.word() })
}

fn error_data(failure: &Failure) -> Value {
    let error: &Error = &failure.error;
    let location = error.location().map(|place| {
        json!({
            "file": place.file, "line": place.position.line, "column": place.position.column,
            "text": place.line, "label": place.label,
        })
    });
    let notes: Vec<Value> = error
        .notes()
        .filter(|(name, _)| *name != "next" || failure.next.is_empty())
        .map(|(name, text)| json!({ "name": name, "text": words::spoken(text) }))
        .collect();
    json!({
        "kind": error.kind().as_str(), "headline": words::spoken(&error.to_string()), "migration": error.migration(),
        "statement": error.statement(), "location": location, "findings": error.findings(), "notes": notes,
        "code": error.code(), "report": error.report().map(report_data), "next": failure.next,
        "plan": failure.plan,
    })
}

/// A report for programs.
pub(crate) fn report_data(report: &Report) -> Value {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let migrations: Vec<Value> = report
        .migrations
        .iter()
        .map(|it| {
            json!({ "set": it.set, "version": it.version, "label": it.label, "elapsed_us": micros(it.elapsed) })
        })
        .collect();
    json!({
        "outcome": report.outcome, "migrations": migrations, "at": report.at, "queries": report.queries,
        "elapsed_us": micros(report.elapsed), "backup": report.backup,
    })
}

/// Whether a text looks as if it held a password: a URL with one, or a parameter of that name.
pub(crate) fn may_hold_password(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let authority =
        lower.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest).to_owned());
    let in_url = authority.is_some_and(|it| it.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')));
    in_url || ["password=", "passwd=", "pwd=", "--password"].iter().any(|word| lower.contains(word))
}
