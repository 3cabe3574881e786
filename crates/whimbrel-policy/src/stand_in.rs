//! Placeholders of scripts: something in their stead that a parser can read. Knows no values.

use std::borrow::Cow;

use whimbrel::PlaceholderForm;
use whimbrel::script::Lexing;

/// What a secret's text is made of, as long as nobody knows it.
const UNKNOWN: char = '\u{1a}';

/// A script's text with a literal or an identifier for each placeholder, as long as it, so that places stay what they are.
///
/// The same identifier stands for the same placeholder. What is one, the core says.
pub(crate) fn text<'t>(script: &'t str, lexing: &Lexing) -> Cow<'t, str> {
    let found = whimbrel::placeholders(script, lexing);
    if found.is_empty() {
        return Cow::Borrowed(script);
    }
    let mut out = String::with_capacity(script.len());
    let mut done = 0;
    for placeholder in found {
        out.push_str(&script[done..placeholder.start]);
        done = placeholder.end;
        let inside = &script[placeholder.start + 2..placeholder.end - 1];
        match placeholder.form {
            PlaceholderForm::Identifier => {
                let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
                out.extend(placeholder.name.chars().map(letter));
                out.push_str("_________");
            }
            form => {
                let unknown = if form == PlaceholderForm::Secret { UNKNOWN } else { 'x' };
                out.push('\'');
                out.extend(inside.chars().map(|_| unknown));
                // The two quotes are as long as two of the three signs around it.
                out.push_str("' ");
            }
        }
    }
    out.push_str(&script[done..]);
    Cow::Owned(out)
}

/// Whether a literal stands for a secret, which is in no script.
pub(crate) fn is_secret(literal: &str) -> bool {
    literal.chars().all(|c| c == UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_is_as_long_and_can_be_read() {
        let script = "CREATE ROLE ${app:ident} PASSWORD ${secret:db/app}; SELECT ${n}; -- ${";
        let text = text(script, &Lexing::POSTGRES);
        assert_eq!(text.len(), script.len());
        assert!(text.starts_with("CREATE ROLE app_________ PASSWORD '"), "{text:?}");
        assert!(text.ends_with("SELECT 'x' ; -- ${"), "{text:?}");
        let hidden = "-- looks like ${\nDROP TABLE users;\nSELECT ${a};";
        assert_eq!(
            super::text(hidden, &Lexing::POSTGRES),
            "-- looks like ${\nDROP TABLE users;\nSELECT 'a' ;".replace("'a'", "'x'")
        );
        assert!(is_secret("\u{1a}\u{1a}") && !is_secret("x"));
    }
}
