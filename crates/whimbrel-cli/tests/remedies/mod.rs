//! Each remedy is typed: what leads there, what is shown, and what comes of it. `docs/remedies.md` is written from the same rows,
//! and no remedy of the code is left out.
//!
//! `WHIMBREL_WRITE_DOCS=1 cargo nextest run -p whimbrel-cli --test consent remedies` writes the page.

mod databases;
pub(crate) mod doctor;
mod library;
mod rows;
mod said;
mod scan;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use regex::Regex;

use self::databases::DATABASES;
use self::doctor::PRESCRIBED;
use self::library::{By, KINDS, TOLD};
use self::rows::{ERRORS, FINDINGS, IN_LIBRARY, UNTYPED};
use super::stage::{Kind, Said, Stage};

#[path = "../../src/output/words.rs"]
mod words;

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
url() { rm -f url; (umask 077; echo sqlite:shop.db > url); }
touch_history() { m 0002_b 'CREATE TABLE b (id INTEGER);\n'; whimbrel lock -q > /dev/null; sql "UPDATE whimbrel_history SET who = who || ' ' WHERE seq = 2"; }
spoil_history() { m 0002_b 'CREATE TABLE b (id INTEGER);\n'; whimbrel lock -q > /dev/null; sql ".backup old.db"; sql "UPDATE whimbrel_history SET detail = 'none' WHERE seq = 2"; }
doubt() { whimbrel create; m 0001_gone 'CREATE PROCEDURE gone() KILL CONNECTION_ID();\n'; m 0002_b 'CALL gone();\nCREATE TABLE b (n INTEGER);\n'; whimbrel lock -q > /dev/null; ! whimbrel up -q 2> /dev/null; }
lost_session() { whimbrel create; m 0001_gone 'CREATE PROCEDURE gone() KILL CONNECTION_ID();\n'; m 0002_b 'CREATE TEMPORARY TABLE k (n INTEGER);\nCALL gone();\nCREATE TABLE b AS SELECT n FROM k;\n'; whimbrel lock -q > /dev/null; ! whimbrel up -q 2> /dev/null; whimbrel settle 2 --statement 2 --took-effect --reason seen > /dev/null; }
renamed() { printf 'set = "shop"\n' > whimbrel.toml; sed -i '2s/.*/set shop/' migrations/whimbrel.sum; whimbrel lock -q > /dev/null; }
replayed() {
  m 0001_users 'CREATE TABLE users (id INTEGER);\n'; m 0002_b 'CREATE TABLE b (id INTEGER);\n'; m 0002_b.down 'DROP TABLE b;\n'; signed; whimbrel up -q > /dev/null; cp -r migrations old
  m 0002_b.down '-- more\nDROP TABLE b;\n'; whimbrel lock -q --accept 2 --reason seen > /dev/null; rm migrations/whimbrel.sum.sig; whimbrel sign --key key > /dev/null; whimbrel up -q > /dev/null; cp -r migrations new
  cp old/* migrations
}
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

/// Goes through a row in another directory, with a configuration whose name has to be quoted: what is shown has to carry both.
fn go_elsewhere(row: &Row) -> Result<(), String> {
    let stage = Stage::new(row.kind);
    let wrong = |what: &str, said: &Said| Err(format!("{}\n  {}\n  {what}: {said:#?}", row.what, row.shown));
    let around =
        "[ -f whimbrel.toml ] || : > whimbrel.toml; mkdir 'else where'; cp whimbrel.toml 'my shop.toml'";
    let given = shell(&stage, &format!("set -e\n{}\n{around}", row.given));
    if given.code != 0 {
        return wrong("what is given", &given);
    }
    let there = "cd 'else where'; export DATABASE_URL=sqlite:../shop.db";
    let provoke = row.provoke.replacen("whimbrel ", "whimbrel --config '../my shop.toml' ", 1);
    let said = shell(&stage, &format!("{there}; {provoke} --format json"));
    if said.code != row.code {
        return wrong("what provokes it", &said);
    }
    let carried = Regex::new(r"whimbrel (-e \w+ )?").expect("a pattern");
    let wanted = carried.replace_all(row.shown, "whimbrel ${1}--config '../my shop.toml' ");
    let wanted = Regex::new(&format!("^{}$", pattern(&wanted))).expect("a pattern");
    let shown = shown(&said);
    let Some(line) = shown.iter().find(|line| wanted.is_match(line)) else {
        return Err(format!("{}\n  not shown: {wanted}\n  but: {shown:#?}", row.what));
    };
    let typed = command(line).replace("'…'", "seen").replace("KEY", "../key");
    let done = shell(&stage, &format!("{there}; {typed}"));
    match row.act {
        Act::Type(code) if done.code != code => wrong(&format!("typed: {typed}"), &done),
        _ => Ok(()),
    }
}

/// The rows that can be gone through elsewhere: what leads to them names no path of its own.
fn elsewhere(row: &&Row) -> bool {
    let is_typed = matches!(row.act, Act::Type(_)) && row.kind == Kind::Sqlite;
    let has_paths = ["--url", "--config", "--path", "migrations/", "--key", "--out", "-d "];
    // Where there is a configuration, these say something else.
    let others = ["whimbrel drop", "whimbrel reset", "whimbrel init"];
    let has_paths = has_paths.iter().chain(&others).chain(&["--help"]);
    let own = format!("{} {}", row.provoke, row.shown);
    is_typed && row.provoke.starts_with("whimbrel ") && !has_paths.into_iter().any(|it| own.contains(it))
}

fn part_elsewhere(number: usize, of: usize) {
    let own = rows().filter(elsewhere).enumerate().filter(|(index, _)| index % of == number);
    let own: Vec<&Row> = own.map(|(_, row)| row).collect();
    assert!(own.len() > 15, "{}", own.len());
    let wrong: Vec<String> = own.into_iter().filter_map(|row| go_elsewhere(row).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn each_remedy_works_from_another_directory_1() {
    part_elsewhere(0, 2);
}

#[test]
fn each_remedy_works_from_another_directory_2() {
    part_elsewhere(1, 2);
}

/// All rows that are typed.
fn rows() -> impl Iterator<Item = &'static Row> {
    FINDINGS.iter().map(|(_, row)| row).chain(ERRORS).chain(DATABASES)
}

/// Goes through one part of the rows, so that the parts run beside each other.
fn part(number: usize, of: usize) {
    let own = rows().enumerate().filter(|(index, _)| index % of == number).map(|(_, row)| row);
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
    let others: BTreeSet<&str> = IN_LIBRARY.iter().map(|(kind, ..)| *kind).collect();
    let known: BTreeSet<String> = rows.union(&others).map(|kind| (*kind).to_owned()).collect();
    assert_eq!(kinds, known);
    assert!(rows.is_disjoint(&others));
    for (_, _, test) in IN_LIBRARY {
        assert_eq!(source_of(test).err(), None);
    }
}

/// A new kind of error wants a row or a test.
#[test]
fn every_kind_of_error_has_its_advice() {
    let known: BTreeSet<String> = KINDS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    assert_eq!(scan::error_kinds(), known);
    for (kind, by) in KINDS.iter().filter(|(kind, _)| *kind != "bug") {
        assert!(rows().any(|row| row.what == *by) || source_of(by).is_ok(), "{kind}: {by}");
    }
}

/// The text of a test, `FILE::NAME`, and that of its file.
fn source_of(test: &str) -> Result<(String, String), String> {
    let (file, name) = test.split_once(".rs::").ok_or_else(|| format!("no test: {test}"))?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../{file}.rs"));
    let text = std::fs::read_to_string(path).map_err(|error| format!("{test}: {error}"))?;
    let head = Regex::new(&format!(r"#\[(?:tokio::)?test(?:\([^\n]*\))?\]\n(?:async )?fn {name}\(\)"))
        .expect("a pattern");
    let found = head.find(&text).ok_or_else(|| format!("there is no such test: {test}"))?;
    let body = text[found.end()..].split("\n}\n").next().unwrap_or_default().to_owned();
    Ok((body, text))
}

/// A new text of the library's wants a test that does what it says, or a reason why there is none.
#[test]
fn everything_that_the_library_says_is_done() {
    let said = said::texts().expect("every text has a place where it is written");
    assert!(said.len() > 150, "{said:#?}");
    let listed: BTreeSet<&str> = TOLD.iter().map(|told| told.text).collect();
    assert_eq!(listed.len(), TOLD.len(), "a text is listed twice");
    let typed = |text: &str| rows().any(|row| row.shown == text);
    let left: Vec<_> =
        said.iter().filter(|(text, _)| !listed.contains(text.as_str()) && !typed(text)).collect();
    assert!(left.is_empty(), "without a row: {left:#?}");
    let gone: Vec<&&str> = listed.iter().filter(|text| !said.contains_key(**text)).collect();
    assert!(gone.is_empty(), "no longer said: {gone:#?}");
    for told in TOLD {
        let By::Test(test) = told.by else { continue };
        let (_, text) = source_of(test).unwrap_or_else(|error| panic!("{error}"));
        let text = scan::filled_keeping(&text);
        let pieces = told.text.split('…').map(str::trim).filter(|piece| piece.len() > 3);
        for piece in pieces {
            assert!(text.contains(piece), "{test} does not say: {piece}");
        }
    }
}

/// A new remedy of the doctor's wants a row.
#[test]
fn everything_that_the_doctor_says_is_listed() {
    let said = scan::prescribed();
    let listed: BTreeSet<&str> = PRESCRIBED.iter().map(|row| row.text).collect();
    let left: Vec<_> = said.iter().filter(|(text, _)| !listed.contains(text.as_str())).collect();
    // What the command's own advice says as well has a row there.
    let left: Vec<_> =
        left.into_iter().filter(|(text, _)| !rows().any(|row| row.shown.ends_with(text.as_str()))).collect();
    assert!(left.is_empty(), "without a row: {left:#?}");
    for row in PRESCRIBED {
        let is_said = said.iter().any(|(text, _)| text == row.text) || rows().any(|it| row.fits(it.shown));
        assert!(is_said, "no longer said: {}", row.text);
        assert!(row.fits(&row.text.replace('…', "x")), "{}", row.text);
        let Some(test) = row.test else { continue };
        let (module, name) = test.split_once("::").expect("a module");
        let (body, _) = source_of(&format!("tests/tests/doctor/{module}.rs::{name}"))
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(body.contains(&format!("(\"{}\"", row.check)), "{test} does not look at {}", row.check);
    }
}

/// What the library says in the words of methods is said to people in the words of settings and options.
#[test]
fn no_method_is_named_to_people() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let word = Regex::new("`([a-z][a-z-]*)`").expect("a pattern");
    let path = Regex::new("[A-Za-z]::[A-Za-z]").expect("a pattern");
    for told in TOLD.iter().filter(|told| told.reaches_people) {
        let spoken = words::spoken(told.text);
        assert!(!path.is_match(&spoken) && !spoken.contains("`with_"), "{spoken}");
        for name in word.captures_iter(&spoken).filter(|it| !told.text.contains(&it[0])) {
            assert!(page.contains(&name[0]), "{} is no setting: {spoken}", &name[1]);
        }
    }
}

/// A new remedy wants a row, or a reason why it has none.
#[test]
fn every_remedy_in_the_code_is_typed() {
    let remedies = scan::remedies();
    assert!(remedies.len() > 100, "{remedies:?}");
    let rows: Vec<&str> = rows().map(|row| row.shown).collect();
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
    for (kind, what, test) in IN_LIBRARY {
        let _ = writeln!(made, "| `{kind}` | {what} | `{test}` | |");
    }
    made.push_str("\n## Errors\n\n| when | next | then |\n| --- | --- | --- |\n");
    for row in ERRORS.iter().chain(DATABASES) {
        let _ = writeln!(made, "| {} | {} | {} |", row.what, cell(row.shown), row.comes);
    }
    made.push_str("\n## The doctor's\n\nThe tests are those of `tests/tests/doctor`.\n\n| check | remedy | done by, or why not |\n| --- | --- | --- |\n");
    for row in PRESCRIBED {
        let by = row.test.map_or_else(|| row.why.to_owned(), |test| format!("`{test}`"));
        let _ = writeln!(made, "| `{}` | {} | {by} |", row.check, cell(row.text));
    }
    made.push_str("\n## What programs are told\n\n| text | done by, or why not |\n| --- | --- |\n");
    for told in TOLD {
        let by = match told.by {
            By::Test(test) => format!("`{test}`"),
            By::Nobody(why) => why.to_owned(),
        };
        let _ = writeln!(made, "| {} | {by} |", cell(told.text));
    }
    made.push_str("\n## Kinds of errors\n\n| kind | its advice is followed in |\n| --- | --- |\n");
    for (kind, by) in KINDS {
        let _ = writeln!(
            made,
            "| `{kind}` | {} |",
            if by.contains("::") { format!("`{by}`") } else { (*by).to_owned() }
        );
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
