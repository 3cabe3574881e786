//! What is written: answers and failures, for people and for programs. Knows no verb.

pub(crate) mod diagnostic;
pub(crate) mod safe;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod words;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use serde_json::{Value, json};
use whimbrel::{Error, Report};

use crate::answer::{Answer, Failure};
use crate::arguments::Format;
use crate::exit::Code;

/// The version of what is written for programs; `docs/guide/json.md` describes it.
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

/// Writes an answer. One that could not be written is none: the code is another one then.
pub(crate) fn answer(format: Format, verb: &str, answer: &Answer) -> Code {
    let done = match format {
        Format::Human => match answer.text.trim_end() {
            "" => Ok(()),
            text => out(text),
        },
        Format::Json => json_out(&json!({
            "schema": SCHEMA, "type": "result", "verb": verb, "exit": exit(answer.code), "data": answer.data,
        })),
    };
    written(done, answer.code)
}

/// Writes a text of the command's own, such as its help.
pub(crate) fn page(text: &str, code: Code) -> Code {
    written(out(text.trim_end()), code)
}

/// Writes why there is no answer.
pub(crate) fn failure(format: Format, verb: &str, failure: &Failure) -> Code {
    match format {
        Format::Human => {
            if let Some(before) = &failure.before {
                err(before.trim_end());
            }
            err_part(&diagnostic::render(failure));
        }
        Format::Json => {
            let done = json_out(&json!({
                "schema": SCHEMA, "type": "error", "verb": verb, "exit": exit(failure.code),
                "error": error_data(failure),
            }));
            // The code of the failure says more.
            let _ = written(done, failure.code);
        }
    }
    failure.code
}

/// The code, unless nobody could get what was written. Whoever has closed a pipe has seen enough.
fn written(done: io::Result<()>, code: Code) -> Code {
    match done {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let word = style::paint(style::BAD, "error");
            err(&format!("{word}: the answer could not be written: {}", safe::shown(&error.to_string())));
            Code::Failed
        }
        _ => code,
    }
}

/// Writes text for people to standard output.
fn out(text: &str) -> io::Result<()> {
    let styled = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let mut out = anstream::stdout();
    // What goes to a file, such as a script for a DBA, stays as it is.
    if styled || io::stdout().is_terminal() {
        writeln!(out, "{}", safe::written(text))?;
    } else {
        writeln!(out, "{text}")?;
    }
    out.flush()
}

/// Writes a line for people to standard error. What cannot be written there is not seen, and the work goes on.
pub(crate) fn err(line: &str) {
    let _ = writeln!(anstream::stderr(), "{}", safe::written(line));
}

/// The same without an end of the line.
pub(crate) fn err_part(text: &str) {
    let mut err = anstream::stderr();
    let _ = write!(err, "{}", safe::written(text)).and_then(|()| err.flush());
}

/// Removes the line of standard error that the cursor is in.
pub(crate) fn wipe() {
    let _ = write!(anstream::stderr(), "\r\x1b[2K");
}

/// Writes one line for programs. If it fails, the last one fails as well, and is told.
pub(crate) fn json_line(value: &Value) {
    let _ = json_out(value);
}

fn json_out(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
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
