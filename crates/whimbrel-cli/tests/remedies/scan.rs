//! Finds the remedies in the command's code, and the kinds of findings in the library's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// Where something to type next is put together.
static SITE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:\bwith_next|\badvised|\bcommand|\bagain)\(").expect("a pattern"));
pub(super) static LITERAL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""((?:[^"\\]|\\[\s\S])*)""#).expect("a pattern"));
static CONTINUED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\\n\s*").expect("a pattern"));
static FILLED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{[^{}]*\}").expect("a pattern"));
static KIND: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"\w+ = "([^"]+)" => \w+,"#).expect("a pattern"));

/// The words of all kinds of findings.
pub(super) fn finding_kinds() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../whimbrel/src/finding.rs");
    let text = std::fs::read_to_string(path).expect("the kinds");
    KIND.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

/// The words of all kinds of errors.
pub(super) fn error_kinds() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../whimbrel/src/error.rs");
    let text = std::fs::read_to_string(path).expect("the kinds");
    let own =
        text.split("impl ErrorKind {").nth(1).and_then(|rest| rest.split("\n}").next()).expect("the words");
    LITERAL.captures_iter(own).map(|found| found[1].to_owned()).collect()
}

/// All texts of remedies, with `…` for what is filled in.
pub(super) fn remedies() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = std::fs::read_to_string(&path).expect("a source");
        let code = code(&text);
        let is_advice = path.ends_with("src/advice.rs");
        let regions: Vec<&str> = if is_advice { vec![&code] } else { regions(&code) };
        for literal in regions.into_iter().flat_map(|region| LITERAL.captures_iter(region)) {
            let text = filled(&literal[1]);
            if text.chars().filter(char::is_ascii_lowercase).count() > 2 && !NAMES.contains(&text.as_str()) {
                found.insert(text);
            }
        }
    }
    found
}

/// A literal as it is read, with `…` for what is filled in.
pub(super) fn filled(literal: &str) -> String {
    let text = CONTINUED.replace_all(literal, "").replace("\\\"", "\"");
    let text = FILLED.replace_all(&text.replace("{{", "\u{1}").replace("}}", "\u{2}"), "…").into_owned();
    text.replace('\u{1}', "{").replace('\u{2}', "}")
}

/// A source whose literals are joined where they go on in the next line.
pub(super) fn filled_keeping(source: &str) -> String {
    CONTINUED.replace_all(source, "").replace("\\\"", "\"")
}

/// Texts in `advice.rs` and beside calls that are shown to nobody: the names of verbs, notes and parts.
const NAMES: &[&str] = &["plan", "down", "redo", "why", "history"];

/// The sources of the command, without its tests, the doctor, whose page is its own, and what clap has.
pub(super) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("src/doctor") {
                files.extend(sources(&path));
            }
        } else if !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The text without comments, attributes and the tests at its end.
pub(super) fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let text = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = text.collect::<Vec<_>>().join("\n");
    let attribute = Regex::new(r"#\[command\(").expect("a pattern");
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(found) = attribute.find(rest) {
        kept.push_str(&rest[..found.start()]);
        let region = region(&rest[found.end()..]);
        rest = &rest[found.end() + region.len()..];
    }
    kept + rest
}

/// What stands between the brackets of each call.
fn regions(code: &str) -> Vec<&str> {
    SITE.find_iter(code).map(|found| region(&code[found.end()..])).collect()
}

/// The text up to the bracket that ends it.
pub(super) fn region(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            // A quote as a character stands between two of the other kind.
            b'"' if at > 0 && bytes[at - 1] == b'\'' && bytes.get(at + 1) == Some(&b'\'') => {}
            b'"' => quoted = !quoted,
            b'(' | b'[' | b'{' if !quoted => depth += 1,
            b')' | b']' | b'}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return &text[..at];
                }
            }
            _ => {}
        }
    }
    text
}

/// What the doctor says, and in which file, with `…` for what is filled in.
pub(super) fn prescribed() -> BTreeSet<(String, String)> {
    let site = Regex::new(r"\b(?:Remedy::(?:command|sql|change)|context\.command)\(").expect("a pattern");
    let mut found = BTreeSet::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor")) {
        if path.ends_with("remedy.rs") {
            continue;
        }
        let code = code(&std::fs::read_to_string(&path).expect("a source"));
        for call in site.find_iter(&code) {
            for literal in LITERAL.captures_iter(region(&code[call.end()..])) {
                let text = filled(&literal[1]);
                if text.chars().filter(char::is_ascii_alphabetic).count() > 2 {
                    found.insert((text, path.file_name().expect("a name").to_string_lossy().into_owned()));
                }
            }
        }
    }
    found
}
