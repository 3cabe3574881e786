//! Tables that a narrow screen shows as cards, and that stay tables to a screen reader. Knows nothing of what stands in them.

use super::Tone;
use super::markup::Markup;

/// As many characters as a time has, and some more.
const SHORT: usize = 22;

/// A table under way.
pub(super) struct Table<'m> {
    html: &'m mut Markup,
    columns: &'static [&'static str],
}

/// A row under way. Its cells come in the order of the columns; the first one names it.
pub(super) struct Cells<'t> {
    html: &'t mut Markup,
    columns: &'static [&'static str],
    next: usize,
}

/// Writes a table. The roles are said, since browsers forget them where a style sheet shows rows as blocks.
pub(super) fn table(
    html: &mut Markup,
    caption: &str,
    columns: &'static [&'static str],
    rows: impl FnOnce(&mut Table<'_>),
) {
    html.element("table", &[("role", "table")], |html| {
        html.leaf("caption", &[], caption);
        html.element("thead", &[("role", "rowgroup")], |html| {
            html.element("tr", &[("role", "row")], |html| {
                for column in columns {
                    html.leaf("th", &[("scope", "col"), ("role", "columnheader")], column);
                }
            });
        });
        html.element("tbody", &[("role", "rowgroup")], |html| rows(&mut Table { html, columns }));
    });
}

impl Table<'_> {
    pub(super) fn row(&mut self, cells: impl FnOnce(&mut Cells<'_>)) {
        let columns = self.columns;
        self.html.element("tr", &[("role", "row")], |html| {
            let mut row = Cells { html, columns, next: 0 };
            cells(&mut row);
            debug_assert_eq!(row.next, columns.len(), "a cell for every column");
        });
    }
}

impl Cells<'_> {
    /// A cell with what is written into it.
    pub(super) fn cell(&mut self, inner: impl FnOnce(&mut Markup)) {
        self.cell_of("cell", inner);
    }

    fn cell_of(&mut self, class: &str, inner: impl FnOnce(&mut Markup)) {
        let column = self.columns.get(self.next).copied().unwrap_or_default();
        let header = self.next == 0;
        self.next += 1;
        let (name, role) = if header { ("th", "rowheader") } else { ("td", "cell") };
        let mut attributes = vec![("role", role), ("data-column", column)];
        if header {
            attributes.push(("scope", "row"));
        }
        self.html.element(name, &attributes, |html| {
            // One box, beside which a card has the column's name.
            html.element("div", &[("class", class)], inner);
        });
    }

    pub(super) fn text(&mut self, text: &str) {
        self.cell(|html| html.text(if text.is_empty() { "–" } else { text }));
    }

    /// A text that stays on one line where there is room: a time, a word.
    pub(super) fn short(&mut self, text: &str) {
        let class = if text.chars().count() > SHORT { "cell" } else { "cell short" };
        self.cell_of(class, |html| html.text(if text.is_empty() { "–" } else { text }));
    }

    pub(super) fn code(&mut self, text: &str) {
        self.cell(|html| html.leaf("code", &[], text));
    }

    pub(super) fn word(&mut self, tone: Tone, word: &str) {
        self.cell(|html| html.leaf("span", &[("class", tone.class())], word));
    }

    /// A text, and a bar for those who see it: where it begins and how wide it is, in parts of the whole.
    pub(super) fn bar(&mut self, text: &str, begins: f64, width: f64) {
        let percent = |part: f64| (part.clamp(0.0, 1.0) * 1000.0).round() / 10.0;
        let begins = percent(begins);
        // What took no time to speak of is still to be seen.
        let width = percent(width).max(0.5).min(100.0 - begins.min(99.5));
        let style = format!("margin-left:{}%;width:{width}%", begins.min(99.5));
        self.cell(|html| {
            html.leaf("span", &[("class", "took")], text);
            html.element("span", &[("class", "track"), ("aria-hidden", "true")], |html| {
                html.leaf("span", &[("class", "bar"), ("style", &style)], "");
            });
        });
    }
}
