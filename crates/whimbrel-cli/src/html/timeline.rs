//! Runs, and how long they and their migrations took, by what the rows of the history say. Knows nothing of databases.

use std::time::Duration;

use time::{Date, Month, OffsetDateTime, Time};

use super::Tone;
use super::history::{Row, Rows};
use super::markup::Markup;
use super::table::table;
use crate::output::{count, short};

/// A run: rows that one process has written one after the other.
#[derive(Debug)]
struct Run<'a> {
    set: String,
    rows: Vec<&'a Row>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Failed,
    /// Work was begun in it, and no row of it says how that ended.
    BrokenOff,
    /// It only wrote rows: a baseline, say.
    Recorded,
}

impl End {
    fn word(self) -> (Tone, &'static str) {
        match self {
            Self::Finished => (Tone::Good, "finished"),
            Self::Failed => (Tone::Bad, "failed"),
            Self::BrokenOff => (Tone::Bad, "broken off"),
            Self::Recorded => (Tone::Plain, "recorded"),
        }
    }

    fn of(rows: &[&Row]) -> Self {
        let last = rows.iter().rev().map(|row| row.event.as_str()).find(|event| *event != "backup");
        match last {
            Some("finished") => Self::Finished,
            Some("failed") => Self::Failed,
            Some("begun" | "reverting" | "statement" | "attempt") => Self::BrokenOff,
            _ => Self::Recorded,
        }
    }
}

impl Run<'_> {
    fn took(&self) -> Duration {
        self.times().map(|(_, time)| *time).sum()
    }

    fn times(&self) -> impl Iterator<Item = &(String, Duration)> {
        self.rows.iter().flat_map(|row| &row.took)
    }

    fn end(&self) -> End {
        End::of(&self.rows)
    }

    fn began(&self) -> &Row {
        self.rows.first().expect("a run has rows")
    }

    /// The migrations that its rows are about, each once.
    fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !row.label.is_empty() && !labels.contains(&&*row.label) {
                labels.push(&row.label);
            }
        }
        labels
    }
}

/// The runs of all sets, by when they began.
fn runs(history: &[Rows]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for set in history.iter().filter(|set| set.set.is_some()) {
        let name = set.set.clone().unwrap_or_default();
        let mut open: Option<(Run<'_>, &str)> = None;
        for row in &set.rows {
            let by_hand = matches!(row.event.as_str(), "settled" | "repaired");
            if by_hand || open.as_ref().is_some_and(|(_, writer)| *writer != row.writer) {
                runs.extend(open.take().map(|(run, _)| run));
            }
            if by_hand {
                continue;
            }
            let (run, _) =
                open.get_or_insert_with(|| (Run { set: name.clone(), rows: Vec::new() }, &row.writer));
            run.rows.push(row);
            if row.event == "finished" {
                runs.extend(open.take().map(|(run, _)| run));
            }
        }
        runs.extend(open.take().map(|(run, _)| run));
    }
    runs.sort_by(|a, b| a.began().at.cmp(&b.began().at));
    runs
}

pub(super) fn write(html: &mut Markup, history: &[Rows]) {
    let runs = runs(history);
    if runs.is_empty() {
        return html.leaf("p", &[], "Nothing was run yet.");
    }
    calendar(html, &runs);
    let longest = runs.iter().map(Run::took).max().unwrap_or_default();
    let caption = "Runs, the oldest first; a bar is as long as the run, beside the longest one";
    table(html, caption, &["Run", "Began (UTC)", "Ended", "Took", "Migrations", "Set", "By"], |table| {
        for (number, run) in runs.iter().enumerate() {
            table.row(|row| {
                row.text(&(number + 1).to_string());
                row.short(&run.began().when);
                let (tone, word) = run.end().word();
                row.word(tone, word);
                match run.times().next() {
                    Some(_) => row.bar(&short(run.took()), 0.0, share(run.took(), longest)),
                    None => row.text("not known"),
                }
                row.text(&named(&run.labels()));
                row.text(&run.set);
                row.text(&run.began().by);
            });
        }
    });
    if runs.iter().all(|run| run.times().next().is_none()) {
        return;
    }
    let caption =
        "Migrations, in the order in which they ran; a bar is the part of its run that a migration took";
    table(html, caption, &["Migration", "Run", "Took"], |table| {
        for (number, run) in runs.iter().enumerate() {
            let whole = run.took();
            let mut before = Duration::ZERO;
            for (label, time) in run.times() {
                table.row(|row| {
                    row.code(label);
                    row.text(&(number + 1).to_string());
                    row.bar(&short(*time), share(before, whole), share(*time, whole));
                });
                before += *time;
            }
        }
    });
}

/// A few labels, or how many.
fn named(labels: &[&str]) -> String {
    match labels {
        [] | [_] | [_, _] => labels.join(", "),
        [first, .., last] => format!("{}: {first} to {last}", count(labels.len(), "migration")),
    }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

/// When the runs were, as a picture; the table below it says the same in words.
fn calendar(html: &mut Markup, runs: &[Run<'_>]) {
    let moments: Vec<(i64, &Run<'_>)> =
        runs.iter().filter_map(|run| Some((millis(&run.began().at)?, run))).collect();
    let (Some(first), Some(last)) =
        (moments.iter().min_by_key(|(moment, _)| *moment), moments.iter().max_by_key(|(moment, _)| *moment))
    else {
        return;
    };
    if first.0 == last.0 {
        return;
    }
    let (from, until) = (&first.1.began().when, &last.1.began().when);
    let span = (last.0 - first.0) as f64;
    html.element("figure", &[], |html| {
        let label =
            format!("{} between {from} and {until}, as the table of runs has them", count(runs.len(), "run"));
        let picture = [("role", "img"), ("aria-label", label.as_str()), ("width", "100%"), ("height", "32")];
        html.element("svg", &picture, |html| {
            html.leaf("line", &[("x1", "0"), ("x2", "100%"), ("y1", "16"), ("y2", "16")], "");
            for (moment, run) in &moments {
                // The mark of the last one is to be in the picture as well.
                let at = format!("{:.2}%", (*moment - first.0) as f64 / span * 98.5);
                let class = match run.end() {
                    End::Finished => "done",
                    End::Recorded => "said",
                    End::Failed | End::BrokenOff => "failed",
                };
                // A run that failed is told by its form too.
                let (y, height) = if class == "failed" { ("2", "28") } else { ("8", "16") };
                let mark = [
                    ("class", class),
                    ("x", at.as_str()),
                    ("y", y),
                    ("width", "6"),
                    ("height", height),
                    ("rx", "1"),
                ];
                html.leaf("rect", &mark, "");
            }
        });
        html.element("figcaption", &[], |html| {
            html.leaf("span", &[], from);
            html.leaf(
                "span",
                &[("class", "key")],
                "low marks: runs; high marks: runs that failed or were broken off",
            );
            html.leaf("span", &[], until);
        });
    });
}

/// Milliseconds since 1970 of a time as the history writes it: `2026-11-22T02:10:04.123Z`.
fn millis(at: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| at.get(range)?.parse::<u16>().ok();
    let small = |range: std::ops::Range<usize>| u8::try_from(number(range)?).ok();
    let date = Date::from_calendar_date(
        i32::from(number(0..4)?),
        Month::try_from(small(5..7)?).ok()?,
        small(8..10)?,
    );
    let milli = number(20..23).unwrap_or(0);
    let time = Time::from_hms_milli(small(11..13)?, small(14..16)?, small(17..19)?, milli).ok()?;
    let moment = OffsetDateTime::new_utc(date.ok()?, time);
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(event: &str, writer: &str, took: &[(&str, u64)]) -> Row {
        Row {
            seq: 1,
            event: event.to_owned(),
            tone: Tone::Plain,
            broken: false,
            label: "1_a".to_owned(),
            at: "2026-11-22T02:10:04.123Z".to_owned(),
            when: "2026-11-22 02:10:04".to_owned(),
            by: String::new(),
            writer: writer.to_owned(),
            details: Vec::new(),
            took: took.iter().map(|(label, ms)| ((*label).to_owned(), Duration::from_millis(*ms))).collect(),
        }
    }

    fn ends(rows: Vec<Row>) -> Vec<(End, usize)> {
        let history = [Rows { set: Some("app".to_owned()), rows }];
        runs(&history).iter().map(|run| (run.end(), run.rows.len())).collect()
    }

    #[test]
    fn a_run_ends_with_its_row_or_with_another_writer() {
        let rows = vec![
            row("applied", "a", &[]),
            row("finished", "a", &[("1_a", 5)]),
            row("begun", "a", &[]),
            row("failed", "b", &[]),
            row("baselined", "c", &[]),
        ];
        let expected = [(End::Finished, 2), (End::BrokenOff, 1), (End::Failed, 1), (End::Recorded, 1)];
        assert_eq!(ends(rows), expected);
    }

    #[test]
    fn what_a_person_said_is_no_run_and_ends_one() {
        let rows = vec![
            row("begun", "a", &[]),
            row("settled", "a", &[]),
            row("applied", "a", &[]),
            row("finished", "a", &[]),
        ];
        assert_eq!(ends(rows), [(End::BrokenOff, 1), (End::Finished, 2)]);
    }

    #[test]
    fn times_of_the_history_are_read() {
        assert_eq!(millis("1970-01-02T00:00:01.500Z"), Some(86_401_500));
        for wrong in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22T25:00:00Z", "ééééééééééééé"]
        {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
