//! Finds what the library's crates say to programs: notes `next`, hints, the remedies of URLs, of secrets and of TLS, and every
//! text that names a method. A text whose origin is not found is reported.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::scan::{LITERAL, code, filled, region, sources};

/// The crates whose texts reach programs.
const CRATES: [&str; 10] = [
    "whimbrel",
    "whimbrel-sqlite",
    "whimbrel-postgres",
    "whimbrel-mysql",
    "whimbrel-tls",
    "whimbrel-embed",
    "whimbrel-embed-macros",
    "whimbrel-sign",
    "whimbrel-policy",
    "whimbrel-cli",
];

/// Where a remedy is attached; what is said is the last argument.
static SITE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"\.with_note\(\s*"next",|\.with_hint\(|\bUrlError::(?:malformed|ambiguous|tls|known)\(|\bSelf::(?:malformed|variable|file)\(|\.refused\(|\brefused\("#,
    )
    .expect("a pattern")
});
/// A method or a policy of the library, in a text.
static METHOD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"`(?:with_[a-z_]+|allowing_[a-z_]+|following_links|recursive|[A-Z]\w+::\w+)[^`]*`")
        .expect("a pattern")
});
/// A literal at the end of a tuple.
static LAST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""(?:[^"\\]|\\[\s\S])*"(?:\.to_owned\(\))?\s*,?\s*\)"#).expect("a pattern")
});
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z_]+").expect("a pattern"));

/// Files in which `refused` takes what to do next; in others it takes something else.
const REFUSING: [&str; 3] = ["src/source/trusted.rs", "src/database/whole.rs", "src/engine/cascade.rs"];
/// Places that pass on what another place has said.
const PASSING: [&str; 3] = ["src/config/problem.rs", "src/url/error.rs", "src/tls.rs"];

/// Each text, with `…` for what is filled in, and the file that says it.
pub(super) fn texts() -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    for name in CRATES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        for path in sources(&root.join("src")) {
            let file = format!("{name}/{}", path.strip_prefix(&root).expect("below it").display());
            let text = code(&std::fs::read_to_string(&path).expect("a source"));
            let said = match file.as_str() {
                "whimbrel-tls/src/error.rs" => of_tls_errors(&text),
                "whimbrel-tls/src/cause.rs" => phrases(body(&text, "fn remedy(")),
                "whimbrel-postgres/src/grant.rs" | "whimbrel-mysql/src/grant.rs" => grants(&text),
                _ => of_sites(&file, &text)?,
            };
            let named =
                LITERAL.captures_iter(&text).map(|it| filled(&it[1])).filter(|it| METHOD.is_match(it));
            let named = named.filter(|_| name != "whimbrel-cli");
            for text in said.into_iter().chain(named) {
                found.entry(text).or_insert_with(|| file.clone());
            }
        }
    }
    Ok(found)
}

/// What is said where a remedy is attached.
fn of_sites(file: &str, text: &str) -> Result<Vec<String>, String> {
    let mut said = Vec::new();
    for site in SITE.find_iter(text).filter(|site| !text[..site.start()].ends_with("fn ")) {
        let refuses = site.as_str().contains("refused(");
        if refuses && !REFUSING.iter().any(|it| file.ends_with(it)) {
            continue;
        }
        if site.as_str().starts_with("Self::") && !file.ends_with("src/url/error.rs") {
            continue;
        }
        let all = region(&text[site.end()..]);
        let argument = arguments(all).pop().unwrap_or_default();
        let here = phrases(argument);
        if !here.is_empty() || LITERAL.is_match(argument) {
            said.extend(here);
            continue;
        }
        let bare = argument.replace(".to_owned()", "").replace(".clone()", "");
        let Some(name) = NAME.find_iter(&bare).last().map(|it| it.as_str()) else { continue };
        let there = named(text, name);
        if there.is_empty() && !PASSING.iter().any(|it| file.ends_with(it)) && !is_parameter(text, name) {
            return Err(format!("{file}: where does `{}` come from?", argument.trim()));
        }
        said.extend(there);
    }
    Ok(said)
}

/// The literals that constants, bindings and fields of this name have.
fn named(text: &str, name: &str) -> Vec<String> {
    let quoted = regex::escape(name);
    let binding = format!(
        r"\blet (?:mut )?(?:\([^)=]*\b{quoted}\b[^)=]*\)|{quoted})(?:: [^=]+)? =|\bconst {quoted}: &str ="
    );
    let binding = Regex::new(&binding).expect("a pattern");
    let field = Regex::new(&format!(r"\b{quoted}: ")).expect("a pattern");
    let bound = binding.find_iter(text).flat_map(|found| {
        let statement = statement(&text[found.end()..]);
        // Of tuples the last element is what is said, where the name is the last one.
        let last = Regex::new(&format!(r"\b{quoted}\)")).expect("a pattern").is_match(found.as_str());
        if !last {
            return phrases(statement);
        }
        LAST.captures_iter(statement).flat_map(|it| phrases(&it[0])).collect()
    });
    let fields = field.find_iter(text).flat_map(|found| {
        let rest = &text[found.end()..];
        if rest.starts_with('"') { phrases(rest.lines().next().unwrap_or_default()) } else { Vec::new() }
    });
    bound.chain(fields).collect()
}

/// Whether a name is a parameter of the function or the closure in which it is used: its callers are other places.
fn is_parameter(text: &str, name: &str) -> bool {
    let quoted = regex::escape(name);
    Regex::new(&format!(
        r"[(,]\s*{quoted}: (?:&|String|impl )|\|\w+: \w+, {quoted}: &str\||\blet Some\({quoted}\)"
    ))
    .expect("a pattern")
    .is_match(text)
}

/// What follows the last colon of each error of TLS.
fn of_tls_errors(text: &str) -> Vec<String> {
    let attribute = Regex::new(r"#\[error\(").expect("a pattern");
    let messages = attribute.find_iter(text).filter_map(|found| {
        let literal = LITERAL.captures(region(&text[found.end()..]))?;
        Some(filled(&literal[1]).rsplit(": ").next()?.to_owned())
    });
    messages.chain(named(text, "next")).collect()
}

/// The statements that give a right.
fn grants(text: &str) -> Vec<String> {
    let is_grant = |it: &String| it.contains("GRANT") || it.contains(" ON …") || it.contains(" TO …");
    phrases(body(text, "fn remedy(")).into_iter().filter(is_grant).collect()
}

/// The body of a function.
fn body<'t>(text: &'t str, head: &str) -> &'t str {
    let at = text.find(head).expect("the function");
    let open = at + text[at..].find('{').expect("its body") + 1;
    region(&text[open..])
}

/// The texts among the literals: what has words.
fn phrases(text: &str) -> Vec<String> {
    let all = LITERAL.captures_iter(text).map(|it| filled(&it[1]));
    all.filter(|it| it.contains(' ') && it.chars().filter(char::is_ascii_lowercase).count() > 2).collect()
}

/// Up to the semicolon that ends a statement.
fn statement(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'(' | b'[' | b'{' if !quoted => depth += 1,
            b')' | b']' | b'}' if !quoted => depth -= 1,
            b';' if !quoted && depth == 0 => return &text[..at],
            _ => {}
        }
    }
    text
}

/// The arguments of a call.
fn arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped, mut from) = (0, false, false, 0);
    let mut all = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'(' | b'[' | b'{' if !quoted => depth += 1,
            b')' | b']' | b'}' if !quoted => depth -= 1,
            b',' if !quoted && depth == 0 => {
                all.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    all.push(&text[from..]);
    all.retain(|argument| !argument.trim().is_empty());
    all
}
