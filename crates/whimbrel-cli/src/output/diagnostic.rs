//! A failure for people: the place in the script as a labelled snippet, what was found, and what to type next.

use std::fmt::Write as _;

use whimbrel::{Finding, Location, Weight};

use super::style::{BAD, BOLD, COMMAND, PLACE, WAITING, paint};
use super::table::wrap;
use super::words::spoken;
use crate::answer::Failure;
use crate::exit::Code;

/// How many migrations are named that were done before.
const NAMED: usize = 6;

/// The text, with a line end behind it.
pub(crate) fn render(failure: &Failure) -> String {
    let error = &failure.error;
    let mut text = String::new();
    let word = match failure.code {
        Code::Refused => "refused",
        Code::Pending => "pending",
        Code::Stopped | Code::Aborted => "stopped",
        _ => "error",
    };
    let headline = spoken(&error.to_string());
    // The snippet has the place.
    let place = error.location().map(|place| format!(" ({place})")).unwrap_or_default();
    let headline = headline.strip_suffix(&place).unwrap_or(&headline).to_owned();
    let headline = headline.strip_prefix(&format!("{word}: ")).unwrap_or(&headline);
    let style = if matches!(failure.code, Code::Pending | Code::Stopped) { WAITING } else { BAD };
    let many = error.findings().len() > 1 || (error.findings().len() == 1 && error.location().is_none());
    let headline = match (many, error.findings().len()) {
        (true, 1) => "nothing was changed".to_owned(),
        (true, number) if !headline.contains("finding") => format!("{number} findings"),
        _ => headline.to_owned(),
    };
    let _ = writeln!(text, "{}{}", paint(style, word), paint(BOLD, format!(": {headline}")));
    let gutter = match error.location() {
        Some(place) => {
            snippet(&mut text, place);
            place.position.line.to_string().len()
        }
        None => 1,
    };
    if many {
        findings(&mut text, error.findings());
    }
    let pad = " ".repeat(gutter);
    let mut note = |name: &str, said: &str| {
        let line = format!("{pad} {} {name}: {said}", paint(PLACE, "="));
        let _ = writeln!(text, "{}", wrap(&line, super::width(), gutter + 5 + name.len()));
    };
    if let Some(report) = error.report().filter(|report| !report.migrations.is_empty()) {
        let skipped = report.migrations.len().saturating_sub(NAMED);
        let labels: Vec<&str> = report.migrations[skipped..].iter().map(|it| &*it.label).collect();
        let more = if skipped > 0 { format!("{skipped} more, ") } else { String::new() };
        note("done before it", &format!("{more}{}", labels.join(", ")));
    }
    for (name, said) in error.notes() {
        if name != "next" {
            note(name, &spoken(said));
        }
    }
    if failure.next.is_empty() {
        for (_, said) in error.notes().filter(|(name, _)| *name == "next") {
            note("next", &spoken(said));
        }
    }
    for next in &failure.next {
        note("next", &paint(COMMAND, next));
    }
    text
}

/// The line of the script, and what is to be said about a place in it.
fn snippet(text: &mut String, place: &Location) {
    let number = place.position.line.to_string();
    let pad = " ".repeat(number.len());
    let bar = paint(PLACE, "|");
    let _ = writeln!(text, "{pad}{} {place}", paint(PLACE, "-->"));
    let _ = writeln!(text, "{pad} {bar}");
    let _ = writeln!(text, "{} {bar} {}", paint(PLACE, &number), place.line);
    if !place.label.is_empty() {
        let before: String = place
            .line
            .chars()
            .take(place.before)
            .map(|letter| if letter == '\t' { '\t' } else { ' ' })
            .collect();
        let carets = paint(BAD, format!("{} {}", "^".repeat(place.width.max(1)), place.label));
        let _ = writeln!(text, "{pad} {bar} {before}{carets}");
    }
}

/// Findings, one paragraph each.
pub(crate) fn findings(text: &mut String, findings: &[Finding]) {
    let widest = findings.iter().map(|finding| finding.kind().as_str().len()).max().unwrap_or(0);
    for finding in findings {
        let style = match finding.weight() {
            Weight::Note => PLACE,
            Weight::Approval => WAITING,
            Weight::Refusal => BAD,
        };
        let kind = paint(style, format!("{:<widest$}", finding.kind().as_str()));
        let subject = paint(BOLD, finding.subject());
        let mut line = format!("  {kind}  {subject}  {}", spoken(finding.message()));
        if let Some(place) = finding.location().filter(|place| *place != finding.subject()) {
            let _ = write!(line, " ({place})");
        }
        let _ = writeln!(text, "{}", wrap(&line, super::width(), 6));
    }
}
