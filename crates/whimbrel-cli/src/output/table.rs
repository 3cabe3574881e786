//! Aligned tables that fit the terminal. Knows nothing of what stands in them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style::plain;

/// The columns between two cells.
const GAP: &str = "  ";

/// No column is cut below this; what would be, and can be done without, is left out.
const NARROWEST: usize = 16;

/// A table without rules: a heading, and rows whose cells may be styled.
pub(crate) struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
    flexible: Vec<usize>,
    spare: Vec<usize>,
}

impl Table {
    pub(crate) fn new(heading: &[&'static str]) -> Self {
        Self {
            heading: heading.to_vec(),
            rows: Vec::new(),
            right: Vec::new(),
            flexible: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Sets these columns to the right, as numbers are.
    pub(crate) fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// The columns that are cut where the terminal is too narrow, the first one first.
    pub(crate) fn flexible(mut self, columns: &[usize]) -> Self {
        self.flexible = columns.to_vec();
        self
    }

    /// Those of them that are left out rather than cut to nothing.
    pub(crate) fn spare(mut self, columns: &[usize]) -> Self {
        self.spare = columns.to_vec();
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row. Its cells have styles already: what comes from outside has been through `safe::shown` before.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The table, indented by two, in a terminal of this width. Columns without any text are left out.
    pub(crate) fn render(&self, width: usize) -> String {
        let mut shown: Vec<usize> = (0..self.heading.len())
            .filter(|column| self.rows.iter().any(|row| !row[*column].is_empty()))
            .collect();
        let mut widths: Vec<usize> = (0..self.heading.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| plain(&row[column]).width());
                cells.max().unwrap_or(0).max(self.heading[column].width())
            })
            .collect();
        for column in &self.flexible {
            let total: usize = shown.iter().map(|column| widths[*column] + GAP.len()).sum();
            let left = widths[*column].saturating_sub(total.saturating_sub(width));
            if total <= width || !shown.contains(column) {
                continue;
            }
            if left < NARROWEST && self.spare.contains(column) {
                shown.retain(|shown| shown != column);
            } else {
                widths[*column] = left.max(NARROWEST.min(widths[*column]));
            }
        }
        let mut text = String::new();
        let mut line = |cells: &mut dyn Iterator<Item = (usize, String)>| {
            let mut line = String::new();
            for (column, cell) in cells {
                let cell = cut(&cell, widths[column]);
                let blanks = " ".repeat(widths[column] - plain(&cell).width().min(widths[column]));
                line.push_str(GAP);
                if self.right.contains(&column) {
                    line.push_str(&blanks);
                    line.push_str(&cell);
                } else {
                    line.push_str(&cell);
                    line.push_str(&blanks);
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        };
        let heading = |column: usize| super::style::paint(super::style::DIM, self.heading[column]);
        line(&mut shown.iter().map(|column| (*column, heading(*column))));
        for row in &self.rows {
            line(&mut shown.iter().map(|column| (*column, row[*column].clone())));
        }
        text
    }
}

/// A text, cut with an ellipsis where it is wider. Styles are given up then.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let bare = plain(text);
    if bare.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for letter in bare.chars() {
        let wide = letter.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        kept.push(letter);
        used += wide;
    }
    kept.push('…');
    kept
}

/// A line of words, broken where the terminal ends; what goes on is indented. A word that is too long stays whole, so that
/// it can be copied.
pub(crate) fn wrap(line: &str, width: usize, indent: usize) -> String {
    if plain(line).width() <= width {
        return line.to_owned();
    }
    let leading = line.len() - line.trim_start().len();
    let mut wrapped = line[..leading].to_owned();
    let mut used = leading;
    for (index, word) in line.trim_start().split(' ').enumerate() {
        let wide = plain(word).width();
        if index > 0 && used + 1 + wide > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            used = indent;
        } else if index > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += wide;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(table: &Table, width: usize) -> String {
        plain(&table.render(width))
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let mut table = Table::new(&["state", "label", "n"]).right(&[2]);
        table.push(vec![
            super::super::style::paint(super::super::style::GOOD, "ok"),
            "日本".into(),
            "7".into(),
        ]);
        table.push(vec!["pending".into(), "a".into(), "12".into()]);
        assert_eq!(shown(&table, 80), "  state    label   n\n  ok       日本    7\n  pending  a      12\n");
    }

    #[test]
    fn what_does_not_fit_is_cut_in_one_column_only() {
        let mut table = Table::new(&["label", "at"]).flexible(&[0]);
        table.push(vec!["42_a_very_long_name_of_a_migration".into(), "today".into()]);
        assert_eq!(shown(&table, 26), "  label              at\n  42_a_very_long_n…  today\n");
        assert_eq!(shown(&table, 3), "  label             at\n  42_a_very_long_…  today\n");
        assert_eq!(shown(&table.spare(&[0]), 20), "  at\n  today\n");
    }

    #[test]
    fn a_line_is_broken_between_words() {
        assert_eq!(wrap("  one two three", 9, 4), "  one two\n    three");
        assert_eq!(wrap("one two", 80, 4), "one two");
        assert_eq!(wrap("a muchtoolong b", 6, 2), "a\n  muchtoolong\n  b");
    }

    #[test]
    fn a_column_without_text_is_left_out() {
        let mut table = Table::new(&["a", "b"]);
        table.push(vec!["1".into(), String::new()]);
        assert_eq!(shown(&table, 80), "  a\n  1\n");
    }
}
