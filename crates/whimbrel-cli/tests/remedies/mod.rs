//! Each remedy is typed: what leads there, what is shown, and what comes of it. `docs/remedies.md` is written from the same rows,
//! and no remedy of the code is left out.
//!
//! `WHIMBREL_WRITE_DOCS=1 cargo nextest run -p whimbrel-cli --test consent remedies` writes the page.

mod rows;
mod scan;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use regex::Regex;

use self::rows::{ERRORS, FINDINGS, NOT_TYPED, UNTYPED};
use super::stage::{Kind, Said, Stage};

/// What a person does with what is shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Types it, and it ends with this code.
    Type(i32),
    /// It tells to do something: this is that.
    Do(&'static str),
}

/// A remedy, and what leads there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    what: &'static str,
    given: &'static str,
    provoke: &'static str,
    code: i32,
    shown: &'static str,
    act: Act,
    then: &'static str,
    end: i32,
    comes: &'static str,
    kind: Kind,
}

/// Words of the rows.
const PRELUDE: &str = r#"
m() { mkdir -p migrations; printf '%b' "$2" > "migrations/$1.sql"; }
dev() { printf 'environment = "development"\n[environments.development]\nsqlite = "shop.db"\ndevelopment = true\n' > whimbrel.toml; }
base2() { m 0001_users 'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n'; whimbrel lock -q > /dev/null; }
base() { base2; whimbrel up -q > /dev/null; }
down2() { base; m 0002_b 'CREATE TABLE b (id INTEGER);\n'; m 0002_b.down 'DROP TABLE b;\n'; whimbrel lock -q > /dev/null; whimbrel up -q > /dev/null; }
repo() { git init -q -b main . && printf 'shop.db*\n' > .gitignore && git add -A && git commit -q -m x; }
conflict() {
  repo
  git checkout -q -b a && m 0002_a 'CREATE TABLE a (id INTEGER);\n' && whimbrel lock -q > /dev/null && git add -A && git commit -q -m a
  git checkout -q -b b main && m 0003_b 'CREATE TABLE b (id INTEGER);\n' && whimbrel lock -q > /dev/null && git add -A && git commit -q -m b
  ! git merge -q a > /dev/null
}
key() {
  [ -f key ] || ssh-keygen -q -t ed25519 -N '' -f key
  printf 'ann@example.com namespaces="whimbrel" %s\n' "$(cut -d ' ' -f 1,2 key.pub)" > signers
}
signed() { whimbrel lock -q > /dev/null; key; printf '[signatures]\nallowed-signers = "signers"\n' > whimbrel.toml; whimbrel sign --key key > /dev/null; }
sql() { sqlite3 shop.db "$1"; }
touch_history() { m 0002_b 'CREATE TABLE b (id INTEGER);\n'; whimbrel lock -q > /dev/null; sql "UPDATE whimbrel_history SET who = who || ' ' WHERE seq = 2"; }
spoil_history() { m 0002_b 'CREATE TABLE b (id INTEGER);\n'; whimbrel lock -q > /dev/null; sql ".backup old.db"; sql "UPDATE whimbrel_history SET detail = 'none' WHERE seq = 2"; }
restore_history() { sql "ATTACH 'old.db' AS old; UPDATE whimbrel_history SET detail = (SELECT detail FROM old.whimbrel_history was WHERE was.seq = 2) WHERE seq = 2"; }
"#;

/// Types a line where the words of the rows are known.
fn shell(stage: &Stage, line: &str) -> Said {
    stage.shell(&format!("{PRELUDE}\n{line}"))
}

/// All that is shown to type next.
fn shown(said: &Said) -> Vec<String> {
    let json =
        said.stdout.lines().rev().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let error = json.unwrap_or_else(|| panic!("no JSON: {said:#?}"))["error"].take();
    let texts = |value: &serde_json::Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let mut all = texts(&error["next"]);
    for note in error["notes"].as_array().into_iter().flatten().filter(|note| note["name"] == "next") {
        all.extend(note["text"].as_str().map(str::to_owned));
    }
    all
}

/// A text with `…` for what differs.
fn pattern(text: &str) -> String {
    text.split('…').map(regex::escape).collect::<Vec<_>>().join(".*")
}

/// The command in what is shown.
fn command(line: &str) -> &str {
    let words = ["whimbrel ", "git ", "rm ", "mv ", "ls ", "mkdir "];
    let starts = words.iter().filter_map(|word| {
        let at = line.find(word)?;
        (at == 0 || line[..at].ends_with(": ")).then_some(at)
    });
    let start = starts.min().unwrap_or_else(|| panic!("no command: {line}"));
    &line[start..]
}

/// Goes through a row. What is wrong with it.
fn go(row: &Row) -> Result<(), String> {
    let stage = Stage::new(row.kind);
    let wrong = |what: &str, said: &Said| Err(format!("{}\n  {}\n  {what}: {said:#?}", row.what, row.shown));
    let given = shell(&stage, &format!("set -e\n{}", row.given));
    if given.code != 0 {
        return wrong("what is given", &given);
    }
    let said = shell(&stage, &format!("{} --format json", row.provoke));
    if said.code != row.code {
        return wrong("what provokes it", &said);
    }
    let wanted = Regex::new(&format!("^{}$", pattern(row.shown))).expect("a pattern");
    let shown = shown(&said);
    let Some(line) = shown.iter().find(|line| wanted.is_match(line)) else {
        return Err(format!("{}\n  not shown: {}\n  but: {shown:#?}", row.what, row.shown));
    };
    let typed = match row.act {
        Act::Type(_) => command(line).replace("'…'", "seen").replace("KEY", "key"),
        Act::Do(by) => by.to_owned(),
    };
    let done = shell(&stage, &typed);
    let code = if let Act::Type(code) = row.act { code } else { 0 };
    if done.code != code {
        return wrong(&format!("typed: {typed}"), &done);
    }
    let then = shell(&stage, row.then);
    if then.code != row.end {
        return wrong(&format!("afterwards: {}", row.then), &then);
    }
    Ok(())
}

/// Goes through one part of the rows, so that the parts run beside each other.
fn part(number: usize, of: usize) {
    let rows = FINDINGS.iter().map(|(_, row)| row).chain(ERRORS);
    let own = rows.enumerate().filter(|(index, _)| index % of == number).map(|(_, row)| row);
    let wrong: Vec<String> = own.filter_map(|row| go(row).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

macro_rules! parts {
    ($($test:ident = $number:literal),*) => { $(#[test] fn $test() { part($number, 4); })* };
}

parts!(
    each_remedy_works_when_it_is_typed_1 = 0,
    each_remedy_works_when_it_is_typed_2 = 1,
    each_remedy_works_when_it_is_typed_3 = 2,
    each_remedy_works_when_it_is_typed_4 = 3
);

/// A new kind of finding wants a row, or a reason why it has none.
#[test]
fn every_kind_of_finding_has_its_remedy() {
    let kinds = scan::finding_kinds();
    assert!(kinds.len() > 25, "{kinds:?}");
    let rows: BTreeSet<&str> = FINDINGS.iter().map(|(kind, _)| *kind).collect();
    let others: BTreeSet<&str> = NOT_TYPED.iter().map(|(kind, _)| *kind).collect();
    let known: BTreeSet<String> = rows.union(&others).map(|kind| (*kind).to_owned()).collect();
    assert_eq!(kinds, known);
    assert!(rows.is_disjoint(&others));
}

/// A new remedy wants a row, or a reason why it has none.
#[test]
fn every_remedy_in_the_code_is_typed() {
    let remedies = scan::remedies();
    assert!(remedies.len() > 100, "{remedies:?}");
    let rows: Vec<&str> = FINDINGS.iter().map(|(_, row)| row).chain(ERRORS).map(|row| row.shown).collect();
    let untyped: BTreeSet<&str> = UNTYPED.iter().map(|(text, _)| *text).collect();
    let is_typed = |text: &str| {
        let wanted = Regex::new(&pattern(text)).expect("a pattern");
        rows.iter().any(|row| wanted.is_match(row))
    };
    let left: Vec<&String> =
        remedies.iter().filter(|text| !untyped.contains(text.as_str()) && !is_typed(text)).collect();
    assert!(left.is_empty(), "without a row: {left:#?}");
    let gone: Vec<&&str> = untyped.iter().filter(|text| !remedies.contains(**text)).collect();
    assert!(gone.is_empty(), "no longer in the code: {gone:#?}");
}

/// The page that lists them.
#[test]
fn the_page_of_remedies_is_that_of_the_rows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/remedies.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (head, _) = page.split_once("## Findings").expect("the heading");
    let mut made =
        format!("{head}## Findings\n\n| finding | when | next | then |\n| --- | --- | --- | --- |\n");
    for (kind, row) in FINDINGS {
        let _ = writeln!(made, "| `{kind}` | {} | {} | {} |", row.what, cell(row.shown), row.comes);
    }
    made.push_str("\n| finding | without a row, since it |\n| --- | --- |\n");
    for (kind, why) in NOT_TYPED {
        let _ = writeln!(made, "| `{kind}` | {why} |");
    }
    made.push_str("\n## Errors\n\n| when | next | then |\n| --- | --- | --- |\n");
    for row in ERRORS {
        let _ = writeln!(made, "| {} | {} | {} |", row.what, cell(row.shown), row.comes);
    }
    made.push_str("\n## Not typed by the test\n\n| next | is |\n| --- | --- |\n");
    for (text, why) in UNTYPED {
        let _ = writeln!(made, "| {} | {why} |", cell(text.trim()));
    }
    if std::env::var_os("WHIMBREL_WRITE_DOCS").is_some() {
        std::fs::write(&path, made).expect("the page");
        return;
    }
    assert_eq!(page, made);
}

/// What is shown, in a cell of a table.
fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}
