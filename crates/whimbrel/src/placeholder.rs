//! Placeholders in scripts: where they stand, and what they ask for. Fills none.

use std::fmt;

use crate::script::{Lexing, Statement, TokenKind, Words};

/// How many bytes may stand between the braces.
const LONGEST: usize = 120;

/// Something in a script that is filled in when it is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placeholder {
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// As what it is filled in.
    pub form: PlaceholderForm,
    /// The name of the value or the secret.
    pub name: String,
}

pub(crate) use self::PlaceholderForm as Form;

/// As what it is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceholderForm {
    /// `${name}`: a quoted literal.
    Literal,
    /// `${name:ident}`: a quoted identifier.
    Identifier,
    /// `${secret:name}`: a quoted literal that nobody is told.
    Secret,
}

/// A dollar sign and a brace that are no placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlaceholderProblem {
    pub(crate) offset: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    InQuotes,
    InComment,
    BehindAWord,
    Touches,
    Form,
}

impl fmt::Display for PlaceholderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.what {
            What::InQuotes => {
                "a placeholder inside quotes is not filled in: take it out of them, as in `'a' || ${name}`, or write \
                 `'$' || '{…}'` for the text itself"
            }
            What::InComment => {
                "a placeholder inside an executable comment, which another version of the server reads as a comment, is not \
                 filled in: take it out"
            }
            What::Touches => {
                "a placeholder that touches a text in quotes or another placeholder would become a part of it: put \
                 something between them"
            }
            What::BehindAWord => "a placeholder right behind a word: put a blank between them",
            What::Form => {
                "not a placeholder: write `${name}`, `${name:ident}` or `${secret:name}`, where a name is of letters, \
                 digits, `_`, `.`, `/` and single `-`"
            }
        })
    }
}

/// The placeholders of a text, in their order. What stands in comments is none.
pub(crate) fn find(text: &str, lexing: &Lexing) -> Result<Vec<Placeholder>, Vec<PlaceholderProblem>> {
    let (found, problems) = find_all(text, lexing);
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The placeholders of a text, in their order, as they are filled in. What is none, and what stands in quotes or comments, is
/// let alone.
///
/// ```
/// use whimbrel::script::Lexing;
///
/// let text = "SELECT ${a}, '${b}'; -- ${c}";
/// let found = whimbrel::placeholders(text, &Lexing::POSTGRES);
/// assert_eq!(found.len(), 1);
/// assert_eq!(&text[found[0].start..found[0].end], "${a}");
/// ```
pub fn placeholders(text: &str, lexing: &Lexing) -> Vec<Placeholder> {
    find_all(text, lexing).0
}

fn find_all(text: &str, lexing: &Lexing) -> (Vec<Placeholder>, Vec<PlaceholderProblem>) {
    let (mut found, mut problems): (Vec<Placeholder>, Vec<PlaceholderProblem>) = (Vec::new(), Vec::new());
    if !text.contains("${") {
        return (found, problems);
    }
    let mut after = 0;
    let mut words = Words::new(text, 0, text.len(), lexing);
    while let Some(token) = words.next() {
        if token.offset < after || !token.text.contains('$') {
            continue;
        }
        if matches!(token.kind, TokenKind::String | TokenKind::QuotedIdentifier) {
            if let Some(at) = token.text.find("${") {
                problems.push(PlaceholderProblem { offset: token.offset + at, what: What::InQuotes });
            }
            continue;
        }
        let end = token.offset + token.text.len();
        let rest = text.get(end..).unwrap_or_default();
        let Some(inside) = token.text.ends_with('$').then(|| rest.strip_prefix('{')).flatten() else {
            continue;
        };
        let start = end - 1;
        let mut wrong = |what| problems.push(PlaceholderProblem { offset: start, what });
        if token.text != "$" {
            wrong(What::BehindAWord);
            continue;
        }
        if words.in_executable() {
            wrong(What::InComment);
            continue;
        }
        let close = inside.bytes().take(LONGEST).position(|byte| byte == b'}');
        let read = close.and_then(|close| Some((close, read(inside.get(..close)?)?)));
        match read {
            Some((close, (form, name))) => {
                after = end + 1 + close + 1;
                let quote = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'\'' | b'"' | b'`'));
                let before = start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
                let joined = found.last().is_some_and(|last| last.end == start);
                if joined || quote(before) || quote(text.as_bytes().get(after)) {
                    wrong(What::Touches);
                    continue;
                }
                found.push(Placeholder { start, end: after, form, name: name.to_owned() });
            }
            None => wrong(What::Form),
        }
    }
    (found, problems)
}

/// Whether a statement may have placeholders: whatever is read from it then is not what will stand there. What stands in
/// quotes is none.
pub(crate) fn may_hold_some(statement: &Statement<'_>) -> bool {
    let text = statement.text();
    let start = statement.position().offset;
    text.contains("${")
        && statement.words().any(|token| {
            let end = token.offset + token.text.len() - start;
            !matches!(token.kind, TokenKind::String | TokenKind::QuotedIdentifier)
                && token.text.ends_with('$')
                && text.get(end..).is_some_and(|rest| rest.starts_with('{'))
        })
}

fn read(inside: &str) -> Option<(Form, &str)> {
    let (form, name) = if let Some(name) = inside.strip_prefix("secret:") {
        (Form::Secret, name)
    } else if let Some(name) = inside.strip_suffix(":ident") {
        (Form::Identifier, name)
    } else {
        (Form::Literal, inside)
    };
    is_name(name).then_some((form, name))
}

/// Whether a value can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(letter)
        && !name.contains("--")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::script::Script;

    const ALL: [(&str, Lexing); 4] = [
        ("sqlite", Lexing::SQLITE),
        ("postgres", Lexing::POSTGRES),
        ("mysql", Lexing::MYSQL),
        ("mariadb", Lexing::MARIADB),
    ];

    #[test]
    fn placeholders_are_found_where_sql_has_values_and_names() {
        let text = "CREATE TABLE ${schema:ident}.t (a text DEFAULT ${a.b-c}); -- ${not} this\n\
                    /* ${nor} this */ SELECT ${secret:db/password},${a}::text, 1";
        for (dialect, lexing) in ALL {
            let found = find(text, &lexing).unwrap_or_else(|problems| panic!("{dialect}: {problems:?}"));
            let told: Vec<_> =
                found.iter().map(|it| (it.form, it.name.as_str(), &text[it.start..it.end])).collect();
            assert_eq!(
                told,
                [
                    (Form::Identifier, "schema", "${schema:ident}"),
                    (Form::Literal, "a.b-c", "${a.b-c}"),
                    (Form::Secret, "db/password", "${secret:db/password}"),
                    (Form::Literal, "a", "${a}"),
                ],
                "{dialect}"
            );
        }
    }

    #[test]
    fn what_is_no_placeholder_is_told_with_its_place() {
        for (dialect, lexing) in ALL {
            for (text, offset, word) in [
                ("SELECT 'a ${b}'", 10, "inside quotes"),
                ("SELECT \"a ${b}\"", 10, "inside quotes"),
                ("SELECT ${}", 7, "not a placeholder"),
                ("SELECT ${a b}", 7, "not a placeholder"),
                ("SELECT ${a--b}", 7, "not a placeholder"),
                ("SELECT ${a:raw}", 7, "not a placeholder"),
                ("SELECT ${1}", 7, "not a placeholder"),
                ("SELECT ${a", 7, "not a placeholder"),
                ("SELECT ${secret:}", 7, "not a placeholder"),
                ("SELECT 'a'${b}", 10, "touches"),
                ("SELECT ${b}'a'", 7, "touches"),
                ("SELECT ${a}${b}", 11, "touches"),
            ] {
                let problems = find(text, &lexing).expect_err(text);
                assert_eq!((problems.len(), problems[0].offset), (1, offset), "{dialect}: {text}");
                assert!(problems[0].to_string().contains(word), "{dialect}: {text}: {}", problems[0]);
            }
        }
        let problems = find("SELECT a${b}", &Lexing::MYSQL).expect_err("a$ is a word");
        assert!(problems[0].to_string().contains("blank"));
        let comment = "CREATE TABLE t (a INT) /*!80016 COMMENT=${c} */";
        let problems = find(comment, &Lexing::MYSQL).expect_err("a server of another version skips it");
        assert!(problems[0].to_string().contains("executable comment"));
        // Beside a script that has no placeholders, those of another one are found.
        let both = "SELECT ${a}; SELECT 'Hello ${b}'";
        assert_eq!(placeholders(both, &Lexing::MYSQL).len(), 1);
        let problems = find("DO $$ SELECT ${a} $$", &Lexing::POSTGRES).expect_err("a body is a string");
        assert!(problems[0].to_string().contains("inside quotes"));
    }

    #[test]
    fn only_what_stands_outside_quotes_may_be_a_placeholder() {
        for (dialect, lexing) in ALL {
            for (text, may) in [
                ("ALTER TABLE ${t:ident} ADD a INT", true),
                ("SELECT a${b}", true),
                ("CREATE TABLE t (a TEXT DEFAULT '${b}')", false),
                ("CREATE TABLE t (a TEXT) -- ${b}", false),
                ("SELECT 1", false),
            ] {
                let script = Script::parse(text, &lexing).expect("a script");
                assert_eq!(may_hold_some(&script.statements()[0]), may, "{dialect}: {text}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a$ {}'\":;é/*-]{0,30}") {
            for (_, lexing) in ALL {
                if let Ok(found) = find(&text, &lexing) {
                    for it in found {
                        let own = &text[it.start..it.end];
                        let whole = own.starts_with("${") && own.ends_with('}');
                        prop_assert!(whole, "{}", own);
                    }
                }
            }
        }
    }
}
