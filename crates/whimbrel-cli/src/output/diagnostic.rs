//! A failure for people: the place in the script as a labelled snippet, what was found, and what to type next.

use std::fmt::Write as _;

use whimbrel::{FINDINGS_SHOWN, Finding, Location, Weight};

use super::safe::{shown, shown_lines};
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
        Code::BrokenHistory if !error.findings().is_empty() => "refused",
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
    let _ = writeln!(text, "{}{}", paint(style, word), paint(BOLD, format!(": {}", shown(&headline))));
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
        // What comes from outside begins no line of ours.
        let said = said.replace('\n', &format!("\n{}", " ".repeat(gutter + 5 + name.len())));
        let line = format!("{pad} {} {name}: {said}", paint(PLACE, "="));
        let _ = writeln!(text, "{}", wrap(&line, super::width(), gutter + 5 + name.len()));
    };
    if let Some(report) = error.report().filter(|report| !report.migrations.is_empty()) {
        let skipped = report.migrations.len().saturating_sub(NAMED);
        let labels: Vec<String> = report.migrations[skipped..].iter().map(|it| shown(&it.label)).collect();
        let more = if skipped > 0 { format!("{skipped} more, ") } else { String::new() };
        note("done before it", &format!("{more}{}", labels.join(", ")));
    }
    for (name, said) in error.notes().filter(|(name, _)| *name != "next").take(FINDINGS_SHOWN) {
        note(name, &shown_lines(&spoken(said)));
    }
    let hidden = error.notes().filter(|(name, _)| *name != "next").count().saturating_sub(FINDINGS_SHOWN);
    if hidden > 0 {
        note("and", &format!("{hidden} more: `--format json` shows all"));
    }
    if failure.next.is_empty() {
        for (_, said) in error.notes().filter(|(name, _)| *name == "next") {
            note("next", &shown_lines(&spoken(said)));
        }
    }
    for next in &failure.next {
        note("next", &paint(COMMAND, shown(next)));
    }
    text
}

/// The line of the script, and what is to be said about a place in it.
fn snippet(text: &mut String, place: &Location) {
    let number = place.position.line.to_string();
    let pad = " ".repeat(number.len());
    let bar = paint(PLACE, "|");
    let _ = writeln!(text, "{pad}{} {}", paint(PLACE, "-->"), shown(&place.to_string()));
    let _ = writeln!(text, "{pad} {bar}");
    let _ = writeln!(text, "{} {bar} {}", paint(PLACE, &number), line(&place.line));
    if !place.label.is_empty() {
        let before: String = place.line.chars().take(place.before).collect();
        let before: String =
            line(&before).chars().map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
        let carets = paint(BAD, format!("{} {}", "^".repeat(place.width.max(1)), shown(&place.label)));
        let _ = writeln!(text, "{pad} {bar} {before}{carets}");
    }
}

/// A line of a script, with its tabs.
fn line(text: &str) -> String {
    text.split('\t').map(shown).collect::<Vec<_>>().join("\t")
}

/// Findings, one paragraph each.
pub(crate) fn findings(text: &mut String, findings: &[Finding]) {
    let widest = findings.iter().map(|finding| finding.kind().as_str().len()).max().unwrap_or(0);
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        let style = match finding.weight() {
            Weight::Note => PLACE,
            Weight::Approval => WAITING,
            Weight::Refusal => BAD,
        };
        let kind = paint(style, format!("{:<widest$}", finding.kind().as_str()));
        let subject = paint(BOLD, shown(finding.subject()));
        let message = shown_lines(&spoken(finding.message())).replace('\n', "\n      ");
        let mut line = format!("  {kind}  {subject}  {message}");
        if let Some(place) = finding.location().filter(|place| *place != finding.subject()) {
            let _ = write!(line, " ({})", shown(place));
        }
        let _ = writeln!(text, "{}", wrap(&line, super::width(), 6));
    }
    if let Some(more @ 1..) = findings.len().checked_sub(FINDINGS_SHOWN) {
        let _ = writeln!(text, "  and {more} more: `--format json` shows all");
    }
}
