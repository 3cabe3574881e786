//! The corpus: every script is cut where its marks say.

#[path = "../../../tests/corpus/reader.rs"]
mod reader;

use reader::Case;
use whimbrel::script::{Lexing, Position, Script};

/// What was made of a script, if it is not what the marks say.
fn difference(case: &Case, lexing: &Lexing) -> Option<String> {
    match Script::parse(&case.script, lexing) {
        Ok(script) => {
            let rejoined: String = script.pieces().collect();
            assert_eq!(rejoined, case.script, "{}", case.name);
            let found: Vec<_> = script
                .statements()
                .iter()
                .map(|statement| (statement.position(), statement.text()))
                .collect();
            let wanted: Vec<_> = case
                .statements
                .iter()
                .map(|range| (Position::of(&case.script, range.start), &case.script[range.clone()]))
                .collect();
            (!case.problems.is_empty() || found != wanted).then(|| format!("{found:#?}"))
        }
        Err(problems) => {
            let found: Vec<_> = problems
                .iter()
                .map(|problem| {
                    let kind = format!("{:?}", problem.kind);
                    let name = kind.split(' ').next().unwrap_or_default().to_owned();
                    (problem.position.offset, name)
                })
                .collect();
            (found != case.problems).then(|| format!("{problems:#?}"))
        }
    }
}

fn check(dialect: &str, lexing: &Lexing, wanted: impl Fn(&Case) -> bool) {
    let cases = reader::read(dialect);
    assert!(cases.len() >= 200, "{dialect}: {} scripts only", cases.len());
    let failures: Vec<_> = cases
        .iter()
        .filter(|case| wanted(case))
        .filter_map(|case| {
            Some(format!("{}\n{}\nfound: {}\n", case.name, case.script, difference(case, lexing)?))
        })
        .collect();
    assert!(failures.is_empty(), "{} of {} scripts:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn sqlite_scripts_are_cut_where_marked() {
    check("sqlite", &Lexing::SQLITE, |_| true);
}

#[test]
fn postgres_scripts_are_cut_where_marked() {
    check("postgres", &Lexing::POSTGRES, |_| true);
}

#[test]
fn mysql_scripts_are_cut_where_marked() {
    check("mysql", &Lexing::MYSQL, |case| !case.has("mariadb"));
}

#[test]
fn mariadb_scripts_are_cut_where_marked() {
    check("mysql", &Lexing::MARIADB, |case| !case.has("mysql"));
}

#[test]
fn no_script_stands_in_the_corpus_twice() {
    for dialect in ["sqlite", "postgres", "mysql"] {
        let mut cases = reader::read(dialect);
        cases.sort_by(|one, other| one.script.cmp(&other.script));
        for pair in cases.windows(2) {
            assert!(
                pair[0].script != pair[1].script || pair[0].flags != pair[1].flags,
                "{} and {}",
                pair[0].name,
                pair[1].name
            );
        }
    }
}

#[test]
fn words_end_where_their_statement_ends() {
    // Two minus signs that nothing follows are a comment on MySQL; before a delimiter they are not.
    let script = Script::parse("--;''", &Lexing::MYSQL).expect("nothing is wrong with its framing");
    assert_eq!(script.statements()[0].words().map(|word| word.text).collect::<Vec<_>>(), ["-", "-"]);
    // A delimiter of letters ends a word that would go on without it.
    let problems =
        Script::parse("DELIMITER THEN \nCOMMITTHEN ", &Lexing::MYSQL).expect_err("transaction control");
    assert_eq!(problems.len(), 1, "{problems:?}");
}
