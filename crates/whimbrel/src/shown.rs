//! Text from outside, such as names of files, as it may be shown: it begins no line, moves no cursor and turns no direction.

use std::borrow::Cow;

/// One line: what would do something is written as its number.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// The same where the text may have several lines.
pub(crate) fn shown_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| matches!(letter, '\n' | '\t'))
}

/// Whether a character does something to what stands around it, instead of standing for itself.
pub(crate) fn acts(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(|letter| acts(letter) && !kept(letter)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if acts(letter) && !kept(letter) {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_do_something_is_written_as_its_number() {
        assert_eq!(shown("a\u{1b}[2Kb\r\n\u{202e}c\u{2028}"), "a\\u{1b}[2Kb\\r\\n\\u{202e}c\\u{2028}");
        assert_eq!(shown_lines("a\n\tb\u{7}\u{9b}"), "a\n\tb\\u{7}\\u{9b}");
        assert!(matches!(shown("été 日本 \\ 'x'"), Cow::Borrowed(_)));
    }
}
