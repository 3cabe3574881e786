//! Parses the file as TOML, and says what is wrong with it in words of our own. Knows no keys.

use std::ops::Range;

use toml::de::{DeTable, Error};

use super::problem::Problem;
use super::source::SourceText;

/// What the parser says, and what we say. Its words are only compared: some of them quote the file, and so would its
/// `Display`.
const WORDS: &[(&str, &str)] = &[
    ("duplicate key", "this key stands here a second time"),
    (UNQUOTED, "a text stands here without quotes"),
    ("key with no value", "a key stands here without `=` and a value"),
    ("missing value", MISSING),
    ("extra `=`", "there is a `=` too many here"),
    ("unclosed array table", "`]]` is missing here"),
    ("unclosed table", "`]` is missing here"),
    ("unclosed array", "`]` is missing here"),
    ("unclosed inline table", "`}` is missing here"),
    ("missing comma", "a comma is missing here"),
    ("extra comma", "there is a comma too many here"),
    ("missing assignment", "`=` is missing here"),
    ("missing key", "a key is missing here"),
    ("invalid unquoted key", "this key needs quotes"),
    ("unquoted keys cannot be empty", "a key is missing here"),
    ("invalid basic string", "a text in quotes is not in its form here, or its end is missing"),
    ("invalid literal string", "a text in quotes is not in its form here, or its end is missing"),
    ("invalid multi-line", "a text in quotes is not in its form here, or its end is missing"),
    ("carriage return must be", "a carriage return stands here without a line feed"),
    ("invalid comment", "a control character stands in this comment"),
    ("cannot recurse further", "tables or arrays are nested too deep here"),
    ("recursion limit", "tables or arrays are nested too deep here"),
    (
        "missing escaped value",
        "a `\\` stands here before a letter that has no meaning: write `\\\\`, or `'…'` for the quotes",
    ),
    ("unexpected leading zero", "a number begins with a zero here"),
    ("unexpected key or value", "there is more on this line than one key and its value"),
    ("unexpected content", "there is more on this line than one key and its value"),
];

const UNQUOTED: &str = "string values must be quoted";
const MISSING: &str = "a value is missing here";

/// What we say to everything else.
const OTHERWISE: &str = "this is not TOML";

/// The table that the file is.
pub(super) fn parse(source: &SourceText) -> Result<DeTable<'_>, Problem> {
    DeTable::parse(source.text()).map(toml::Spanned::into_inner).map_err(|error| problem(source, &error))
}

fn problem(source: &SourceText, error: &Error) -> Problem {
    let span = error.span().unwrap_or_default();
    if error.message().starts_with(UNQUOTED) && span.is_empty() {
        return at(source, &span, MISSING);
    }
    let wrong = WORDS.iter().find(|(theirs, _)| error.message().starts_with(theirs));
    let wrong = wrong.map_or(OTHERWISE, |(_, ours)| ours);
    at(source, &span, wrong)
}

fn at(source: &SourceText, span: &Range<usize>, wrong: &str) -> Problem {
    Problem::new(wrong).at(source.place(span)).with_next(
        "mend this line (it is not shown, since it may hold a secret); texts stand in quotes: `directory = \"migrations\"`",
    )
}
