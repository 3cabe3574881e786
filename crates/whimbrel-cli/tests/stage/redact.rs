//! What changes from run to run is taken out of texts before they are compared.

use std::sync::LazyLock;

use regex::Regex;

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"\x1b\[[0-9;]*[A-Za-z]", ""),
        (r"b3v1:[0-9a-f]{64}", "b3v1:…"),
        (r"\b[0-9a-f]{12}…", "…"),
        (r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?Z?", "2026-11-22 02:10:04"),
        (r"\bon \d{4}-\d{2}-\d{2}\b", "on 2026-11-22"),
        (r"\b\d+(\.\d+)? (ms|s|min)\b", "1 ms"),
        (r"\b\d+ (query|queries)\b", "9 queries"),
        // The row that closes a run is left out where another migrator is at work by then.
        (r"\b\d+ rows in whimbrel_history\b", "9 rows in whimbrel_history"),
        (r#""(elapsed|waited|left)_us":\d+"#, r#""${1}_us":1"#),
        (r#""queries":\d+"#, r#""queries":9"#),
        (r"\b(PostgreSQL|MariaDB|MySQL|SQLite) \d+(\.\d+)+", "$1 1.2"),
        (r"(took=[^\s:]+:)\d+", "${1}1"),
        (r#"server=[^\s"]+"#, "server=…"),
        (r"\bprocess \d+", "process 1"),
        (r"process=\d+", "process=1"),
        (r"host=[^\s%]+", "host=…"),
        (r"(\w*)@[\w.-]+ \(whimbrel-cli [0-9.]+\)", "$1@laptop (whimbrel-cli 0.1.0)"),
        (r"\b\d{14}_", "20261122021004_"),
        (r"whimbrel 0\.\d+\.\d+", "whimbrel 0.1.0"),
        // Columns are as wide as what changes in them.
        (r"(\S) {2,}", "$1  "),
        (r"(?m)[ \t]+$", ""),
    ]
    .into_iter()
    .map(|(pattern, put)| (Regex::new(pattern).expect("a pattern"), put))
    .collect()
});

/// Puts stand-ins in the place of what changes.
pub(crate) fn redact(text: &str, stand_ins: &[(String, &'static str)]) -> String {
    let text = stand_in(text, stand_ins);
    PATTERNS.iter().fold(text, |text, (pattern, put)| pattern.replace_all(&text, *put).into_owned())
}

/// Puts in only what names this machine, so that a page can show it.
pub(crate) fn stand_in(text: &str, stand_ins: &[(String, &'static str)]) -> String {
    let text = stand_ins.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to));
    let host = Regex::new(r"(\w*)@[\w.-]+ \(whimbrel-cli").expect("a pattern");
    let text = host.replace_all(&text, "$1@laptop (whimbrel-cli");
    let process = Regex::new(r"(\w*)@[\w.-]+, process").expect("a pattern");
    process.replace_all(&text, "$1@laptop, process").into_owned()
}
