//! Writes HTML. Names of elements and of attributes are the program's own (`&'static str`); every text and every value of
//! an attribute is escaped. Knows nothing of reports.

use std::fmt::Write as _;

/// HTML that is being written.
#[derive(Debug)]
pub(crate) struct Markup(String);

/// Attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Markup {
    pub(super) fn document() -> Self {
        Self("<!doctype html>\n".to_owned())
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    /// An element with what is written into it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inner: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        // Blocks stand on lines of their own, so that a page can be compared with another; elsewhere blanks are shown.
        let block = is_block(name);
        if block {
            self.0.push('\n');
        }
        inner(self);
        let _ = write!(self.0, "</{name}>");
        if block || ends_line(name) {
            self.0.push('\n');
        }
    }

    /// An element with nothing but a text in it.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |html| html.text(text));
    }

    /// An element that can have nothing in it.
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.0.push('\n');
    }

    /// The style sheet. It is a constant: a style sheet cannot be escaped.
    pub(super) fn style(&mut self, css: &'static str) {
        debug_assert!(!css.contains("</"), "a style sheet ends at the first end tag");
        let _ = writeln!(self.0, "<style>\n{}\n</style>", css.trim());
    }

    /// A text.
    pub(super) fn text(&mut self, text: &str) {
        escape(&mut self.0, text);
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        let _ = write!(self.0, "<{name}");
        for (attribute, value) in attributes {
            let _ = write!(self.0, " {attribute}=\"");
            escape(&mut self.0, value);
            self.0.push('"');
        }
        self.0.push('>');
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "html"
            | "head"
            | "body"
            | "header"
            | "nav"
            | "main"
            | "footer"
            | "section"
            | "table"
            | "thead"
            | "tbody"
            | "tr"
            | "dl"
            | "ul"
            | "ol"
            | "figure"
            | "svg"
    )
}

fn ends_line(name: &str) -> bool {
    matches!(
        name,
        "h1" | "h2"
            | "h3"
            | "p"
            | "li"
            | "dt"
            | "dd"
            | "td"
            | "th"
            | "caption"
            | "title"
            | "details"
            | "summary"
            | "figcaption"
            | "a"
            | "div"
            | "rect"
            | "line"
    )
}

/// A text as it stands in HTML, between tags or in a quoted attribute. What would be invisible, or would turn the text around
/// it, is shown by its number instead.
fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            _ if letter.is_control() || is_invisible(letter) => {
                let _ = write!(out, "[U+{:04X}]", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
}

/// Marks of direction, joiners, and what is no character.
fn is_invisible(letter: char) -> bool {
    matches!(u32::from(letter),
        0x061C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
            | 0xFDD0..=0xFDEF | 0xE0000..=0xE007F)
        || u32::from(letter) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape(&mut out, text);
        out
    }

    #[test]
    fn what_means_something_in_html_is_escaped() {
        assert_eq!(
            escaped("<b title=\"x\" id='y'>&amp;"),
            "&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;"
        );
    }

    #[test]
    fn what_is_invisible_is_shown() {
        assert_eq!(escaped("a\u{202E}b\u{0}c\u{1B}[31m\nd"), "a[U+202E]b[U+0000]c[U+001B][31m\nd");
        assert_eq!(escaped("日本 é 🦆"), "日本 é 🦆");
    }
}
