//! Placeholders of scripts: something in their stead that a parser can read. Knows no values.

use std::borrow::Cow;

/// What a secret's text is made of, as long as nobody knows it.
const UNKNOWN: char = '\u{1a}';

/// A script's text with a literal or an identifier for each placeholder, as long as it, so that places stay what they are.
///
/// The same identifier stands for the same placeholder. What is not sound (a placeholder in quotes) the core refuses.
pub(crate) fn text(script: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = script;
    while let Some((before, inside)) = rest.split_once("${") {
        out.push_str(before);
        let placeholder = inside.split_once('}').filter(|(inside, _)| is_one(inside));
        let Some((inside, after)) = placeholder else {
            out.push_str("${");
            rest = inside;
            continue;
        };
        match inside.strip_suffix(":ident") {
            Some(name) => {
                let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
                out.extend(name.chars().map(letter));
                out.push_str("_________");
            }
            None => {
                let unknown = if inside.starts_with("secret:") { UNKNOWN } else { 'x' };
                out.push('\'');
                out.extend(inside.chars().map(|_| unknown));
                // The two quotes are as long as two of the three signs around it.
                out.push_str("' ");
            }
        }
        rest = after;
    }
    if out.is_empty() {
        return Cow::Borrowed(script);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether this is what a placeholder has between its braces. What is none is let stand: to look for the end of it could
/// take the end of a comment away.
fn is_one(inside: &str) -> bool {
    let name = inside.strip_prefix("secret:").or(inside.strip_suffix(":ident")).unwrap_or(inside);
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    !name.is_empty() && name.bytes().all(letter)
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
        let text = text(script);
        assert_eq!(text.len(), script.len());
        assert!(text.starts_with("CREATE ROLE app_________ PASSWORD '"), "{text:?}");
        assert!(text.ends_with("SELECT 'x' ; -- ${"), "{text:?}");
        let hidden = "-- looks like ${\nDROP TABLE users;\nSELECT ${a};";
        assert_eq!(
            super::text(hidden),
            "-- looks like ${\nDROP TABLE users;\nSELECT 'a' ;".replace("'a'", "'x'")
        );
        assert!(is_secret("\u{1a}\u{1a}") && !is_secret("x"));
    }
}
