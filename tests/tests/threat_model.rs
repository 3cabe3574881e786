//! `docs/threat-model.md` and the tests that it names are one: no row is missing, and none without its attack.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How many threats there are.
const ROWS: usize = 25;

/// Rows whose feature is not there yet. They say so in the page, and have no test; a row leaves this list with its feature.
const OPEN: &[usize] = &[6, 19];

/// A row of the page.
#[derive(Debug, Default)]
struct Threat {
    text: String,
    /// What stands in backquotes behind *Attacked by*.
    tests: Vec<String>,
}

fn rows(page: &str) -> BTreeMap<usize, Vec<Threat>> {
    let mut rows: BTreeMap<usize, Vec<Threat>> = BTreeMap::new();
    for section in page.split("\n### ").skip(1) {
        let Some((number, text)) = section.split_once(". ") else { continue };
        let Ok(number) = number.parse() else { continue };
        let attacks = text.split_once("*Attacked by*").map_or("", |(_, attacks)| attacks);
        let tests = attacks.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        rows.entry(number).or_default().push(Threat { text: text.to_owned(), tests });
    }
    rows
}

/// All that is wrong between the page and the tests that there are.
fn problems(page: &str, tests: &BTreeSet<String>, open: &[usize]) -> Vec<String> {
    let rows = rows(page);
    let mut problems = Vec::new();
    let mut wrong = |number: usize, what: &str| problems.push(format!("row {number}: {what}"));
    for number in 1..=ROWS {
        let [row] = rows.get(&number).map_or(&[][..], Vec::as_slice) else {
            wrong(number, "is not there exactly once");
            continue;
        };
        if row.text.contains("*Open.*") != open.contains(&number) {
            wrong(number, "is open in the page or in the list here, and not in both");
        }
        let own = format!("threat_{number:02}_");
        if !open.contains(&number) {
            for part in ["*Done.*", "*With the operator.*", "*Attacked by*"] {
                if !row.text.contains(part) {
                    wrong(number, &format!("does not say {part}"));
                }
            }
            if !row.tests.iter().any(|test| test.starts_with(&own)) {
                wrong(number, "has no test that is named after it");
            }
        }
        for test in row.tests.iter().filter(|test| !tests.contains(*test)) {
            wrong(number, &format!("names the test `{test}`, which there is not"));
        }
        for test in tests.iter().filter(|test| test.starts_with(&own) && !row.tests.contains(test)) {
            wrong(number, &format!("does not name its test `{test}`"));
        }
    }
    for number in rows.keys().filter(|number| !(1..=ROWS).contains(*number)) {
        wrong(*number, "is none of the threats");
    }
    let numbered = |test: &&String| {
        let number = test.strip_prefix("threat_").and_then(|rest| rest.get(..2)?.parse().ok());
        test.starts_with("threat_") && !number.is_some_and(|number| (1..=ROWS).contains(&number))
    };
    for test in tests.iter().filter(numbered) {
        problems.push(format!("the test `{test}` is of no row"));
    }
    problems
}

/// The names of the tests in a source file, and of those among them that are passed over.
fn tests_in(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut names, mut ignored) = (Vec::new(), Vec::new());
    let (mut is_test, mut is_ignored) = (false, false);
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if line.starts_with("#[ignore") {
            is_ignored = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            let end =
                rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            let name = rest[..end].to_owned();
            if is_ignored {
                ignored.push(name.clone());
            }
            names.push(name);
            (is_test, is_ignored) = (false, false);
        }
    }
    (names, ignored)
}

/// Every source file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_row_of_the_threat_model_has_its_attack_and_every_attack_its_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    sources(&root.join("tests/tests"), &mut files);
    for krate in fs::read_dir(root.join("crates")).expect("the crates").flatten() {
        sources(&krate.path().join("src"), &mut files);
        sources(&krate.path().join("tests"), &mut files);
    }
    let mut tests = BTreeSet::new();
    let mut ignored = Vec::new();
    for file in &files {
        let (names, passed_over) = tests_in(&fs::read_to_string(file).expect("a source file"));
        tests.extend(names);
        ignored.extend(passed_over);
    }
    assert!(tests.len() > 500, "{} tests in {} files", tests.len(), files.len());
    assert!(ignored.is_empty(), "{ignored:?}");
    let page = fs::read_to_string(root.join("docs/threat-model.md")).expect("the page");
    let problems = problems(&page, &tests, OPEN);
    assert!(problems.is_empty(), "{problems:#?}");
}

/// A page without a fault, and its tests.
fn sound() -> (String, BTreeSet<String>) {
    let mut page = "# Threats\n".to_owned();
    let mut tests = BTreeSet::new();
    for number in 1..=ROWS {
        let test = format!("threat_{number:02}_is_met");
        page.push_str(&format!(
            "\n### {number}. A threat\n\n*Done.* All.\n\n*With the operator.* Nothing.\n\n*Attacked by* `{test}`.\n"
        ));
        tests.insert(test);
    }
    (page, tests)
}

#[test]
fn a_row_or_a_test_that_goes_missing_is_found() {
    let (page, tests) = sound();
    assert_eq!(problems(&page, &tests, &[]), Vec::<String>::new());
    let found = |page: &str, tests: &BTreeSet<String>, open: &[usize]| problems(page, tests, open).join("; ");
    let without = page.replace("\n### 7. A threat", "\n## 7");
    assert!(found(&without, &tests, &[]).contains("row 7: is not there"));
    let twice = page.replace("\n### 7. A", "\n### 8. A");
    assert!(found(&twice, &tests, &[]).contains("row 8: is not there exactly once"));
    let nameless = page.replace("`threat_07_is_met`", "nothing");
    let nameless = found(&nameless, &tests, &[]);
    assert!(
        nameless.contains("row 7: has no test") && nameless.contains("does not name its test"),
        "{nameless}"
    );
    let mut fewer = tests.clone();
    fewer.remove("threat_07_is_met");
    assert!(
        found(&page, &fewer, &[]).contains("row 7: names the test `threat_07_is_met`, which there is not")
    );
    let mut more = tests.clone();
    more.extend(["threat_07_another".to_owned(), "threat_99_none".to_owned()]);
    let more = found(&page, &more, &[]);
    assert!(
        more.contains("does not name its test `threat_07_another`")
            && more.contains("`threat_99_none` is of no row")
    );
    assert!(found(&page, &tests, &[7]).contains("row 7: is open"));
    let open = page.replacen("*Done.*", "*Open.*", 1);
    assert!(found(&open, &tests, &[]).contains("row 1: is open"));
    assert!(found(&page.replacen("*With the operator.*", "", 1), &tests, &[]).contains("does not say *With"));
    let (names, ignored) =
        tests_in("#[test]\n#[ignore]\nfn a() {}\n  #[tokio::test(x)]\n  async fn b_c() {\nfn no() {}");
    assert_eq!((names, ignored), (vec!["a".to_owned(), "b_c".to_owned()], vec!["a".to_owned()]));
}
