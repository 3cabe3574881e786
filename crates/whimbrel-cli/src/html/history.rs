//! The rows of the history, all of them. Knows nothing of what they add up to.

use std::time::Duration;

use super::Tone;
use super::markup::Markup;
use super::table::table;

/// The rows of a set.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// The set; `None` for what concerns all sets.
    pub(crate) set: Option<String>,
    pub(crate) rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) seq: i64,
    /// What happened, in the history's word.
    pub(crate) event: String,
    pub(crate) tone: Tone,
    /// Whether it is as it was written.
    pub(crate) broken: bool,
    pub(crate) label: String,
    /// When, as the history writes it.
    pub(crate) at: String,
    /// The same for people.
    pub(crate) when: String,
    pub(crate) by: String,
    /// Who wrote it, to the process.
    pub(crate) writer: String,
    /// Names and values.
    pub(crate) details: Vec<(&'static str, String)>,
    /// How long migrations took.
    pub(crate) took: Vec<(String, Duration)>,
}

impl Rows {
    pub(super) fn name(&self) -> String {
        self.set.as_ref().map_or_else(|| "all sets".to_owned(), |set| format!("set {set}"))
    }
}

pub(super) fn write(html: &mut Markup, history: &[Rows]) {
    if history.iter().all(|set| set.rows.is_empty()) {
        return html.leaf("p", &[], "There is no history yet.");
    }
    for set in history.iter().filter(|set| !set.rows.is_empty()) {
        html.leaf("h3", &[], &format!("History of {}", set.name()));
        let caption = format!("Rows of {}, the oldest first", set.name());
        table(html, &caption, &["Row", "When (UTC)", "What", "Migration", "Detail", "By"], |table| {
            for row in &set.rows {
                table.row(|cells| {
                    cells.text(&row.seq.to_string());
                    cells.short(&row.when);
                    cells.cell(|html| {
                        html.leaf("span", &[("class", row.tone.class())], &row.event);
                        if row.broken {
                            html.text(" ");
                            html.leaf("span", &[("class", Tone::Bad.class())], "broken");
                        }
                    });
                    if row.label.is_empty() {
                        cells.text("")
                    } else {
                        cells.code(&row.label)
                    }
                    cells.cell(|html| details(html, row));
                    cells.text(&row.by);
                });
            }
        });
    }
}

fn details(html: &mut Markup, row: &Row) {
    if row.details.is_empty() {
        return html.text("–");
    }
    for (number, (name, value)) in row.details.iter().enumerate() {
        if number > 0 {
            html.void("br", &[]);
        }
        html.leaf("span", &[("class", "name")], &format!("{name}: "));
        html.text(value);
    }
}
