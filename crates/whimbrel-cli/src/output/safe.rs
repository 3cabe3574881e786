//! Text from outside, such as names of files, reasons and what a server says, for a terminal: it moves no cursor, changes no
//! colour and turns no direction. Knows the command's own styles by their form only.

/// One line: every control character is written as its number.
pub(crate) fn shown(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same where the text may have several lines.
pub(crate) fn shown_lines(text: &str) -> String {
    escaped(text, |letter| matches!(letter, '\n' | '\t'))
}

/// The last look at what goes to a terminal, styles included: those that the command itself uses stay, and lines do.
pub(crate) fn written(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        let style = if letter == '\u{1b}' { own_style(after) } else { None };
        if let Some(length) = style {
            safe.push_str(&rest[..1 + length]);
            rest = &after[length..];
            continue;
        }
        if matches!(letter, '\n' | '\t') || (letter == '\r' && after.starts_with('\n')) {
            safe.push(letter);
        } else {
            push(&mut safe, letter);
        }
        rest = after;
    }
    safe
}

/// How long the style is that begins here, behind its escape. Nothing that hides text is one of the command's.
fn own_style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix('[')?;
    let end = parameters.find('m')?;
    let own = |parameter: &str| {
        matches!(parameter, "" | "0" | "1" | "2" | "4" | "31" | "32" | "33" | "34" | "35" | "36")
    };
    parameters[..end].split(';').all(own).then_some(1 + end + 1)
}

fn escaped(text: &str, kept: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if kept(letter) { safe.push(letter) } else { push(&mut safe, letter) }
    }
    safe
}

/// A letter, as its number if it would do something.
fn push(text: &mut String, letter: char) {
    if letter.is_control() || turns(letter) {
        text.extend(letter.escape_default());
    } else {
        text.push(letter);
    }
}

/// Whether it changes the direction or the line of what follows, though it is no control character.
fn turns(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::style::{BAD, BOLD, COMMAND, DIM, GOOD, PLACE, WAITING, paint};
    use super::*;

    #[test]
    fn what_would_do_something_is_written_as_its_number() {
        assert_eq!(shown("a\u{1b}[2Kb\r\n\u{202e}c"), "a\\u{1b}[2Kb\\r\\n\\u{202e}c");
        assert_eq!(shown_lines("a\n\tb\u{7}\u{9b}"), "a\n\tb\\u{7}\\u{9b}");
        assert_eq!(shown("été 日本 \\ 'x'"), "été 日本 \\ 'x'");
        assert_eq!(shown(&shown("\u{1b}")), shown("\u{1b}"));
    }

    #[test]
    fn the_commands_own_styles_stay_and_no_others() {
        for style in [BOLD, DIM, GOOD, WAITING, BAD, PLACE, COMMAND] {
            let text = paint(style, "x") + "\r\n";
            assert_eq!(written(&text), text);
        }
        for (from, to) in [
            ("\u{1b}[8mhidden", "\\u{1b}[8mhidden"),
            ("\u{1b}[30m", "\\u{1b}[30m"),
            ("\u{1b}[1;8m", "\\u{1b}[1;8m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[", "\\u{1b}["),
            ("\u{1b}", "\\u{1b}"),
            ("a\rb", "a\\rb"),
        ] {
            assert_eq!(written(from), to);
        }
    }

    proptest! {
        #[test]
        fn nothing_shown_does_anything(text in any::<String>()) {
            prop_assert!(!shown(&text).contains(|letter: char| letter.is_control() || turns(letter)));
            prop_assert_eq!(written(&shown(&text)), shown(&text));
        }
    }
}
