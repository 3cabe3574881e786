//! A visit to the doctor: what it says, and what it says to type, typed. Knows no check.

use serde_json::Value;
use whimbrel_tests::command::{Said, Workplace};
use whimbrel_tests::either::Either;

use crate::listed::PRESCRIBED;

/// What the doctor has found.
pub(crate) struct Visit {
    pub(crate) code: i32,
    /// As programs get it.
    pub(crate) raw: String,
    checks: Vec<Value>,
}

/// In the place of `…`.
pub(crate) const FILLED_IN: &str = "for-tests-0nly";

impl Visit {
    pub(crate) fn pay(workplace: &Workplace) -> Self {
        let said = workplace.run(&["doctor", "--format", "json"]);
        let result: Value =
            serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let checks = result["data"]["checks"].as_array().unwrap_or_else(|| panic!("{said:?}")).clone();
        for check in &checks {
            assert_eq!(
                check["state"] == "ok",
                check["remedy"].as_array().is_some_and(Vec::is_empty),
                "what is not ok has a remedy, and nothing else has one: {check}"
            );
        }
        let is_wrong = checks.iter().any(|check| check["state"] == "wrong");
        assert_eq!(is_wrong, said.code != 0, "{}", said.out);
        Self { code: said.code, raw: said.out, checks }
    }

    fn check(&self, name: &str) -> &Value {
        let check = self.checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no check {name}: {}", self.raw))
    }

    pub(crate) fn state(&self, name: &str) -> &str {
        self.check(name)["state"].as_str().expect("a word")
    }

    pub(crate) fn found(&self, name: &str) -> String {
        let found = self.check(name)["found"].as_array().expect("a list");
        found.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Kind, condition and text of each remedy.
    pub(crate) fn remedies(&self, name: &str) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.check(name)["remedy"].as_array().expect("a list");
        all.iter().map(|it| (text(&it["kind"]), text(&it["when"]), text(&it["text"]))).collect()
    }

    #[track_caller]
    pub(crate) fn expect(&self, name: &str, state: &str, found: &str) {
        assert_eq!(self.state(name), state, "{name}: {}", self.raw);
        assert!(self.found(name).contains(found), "{name} has no {found:?}: {}", self.raw);
    }

    /// Nothing is wrong, and no warning.
    #[track_caller]
    pub(crate) fn expect_content(&self) {
        let bad = self.checks.iter().find(|check| check["state"] == "wrong" || check["state"] == "warning");
        assert!(bad.is_none() && self.code == 0, "{bad:?}: {}", self.raw);
    }

    /// Types the SQL of a check's remedies, as an administrator.
    pub(crate) async fn sql(&self, name: &str, admin: &mut Either) -> usize {
        let mut typed = 0;
        for (_, _, sql) in self.remedies(name).into_iter().filter(|(kind, ..)| kind == "sql") {
            is_listed(name, &sql);
            let sql = sql.replace('…', FILLED_IN);
            if sql.starts_with("SELECT") {
                admin.lines(&sql).await;
            } else {
                admin.run(&sql).await;
            }
            typed += 1;
        }
        assert!(typed > 0, "{name} has no SQL to be typed: {}", self.raw);
        typed
    }

    /// Types the commands of a check's remedies whose text has a word, in a shell.
    pub(crate) fn commands(&self, name: &str, word: &str, workplace: &Workplace) {
        let wanted = |(kind, _, text): &(String, String, String)| kind == "command" && text.contains(word);
        let commands: Vec<_> = self.remedies(name).into_iter().filter(wanted).collect();
        assert!(!commands.is_empty(), "{name} has no command with {word:?}: {}", self.raw);
        for (_, _, line) in commands {
            is_listed(name, &line);
            // Nobody sits here to be asked.
            let line = if line.contains(" repair ") { line + " --yes" } else { line };
            let said: Said = workplace.type_in(&line.replace('…', FILLED_IN));
            assert_eq!(said.code, 0, "{line}: {said:?}");
        }
    }
}

/// Holds what is typed against the list from which `docs/remedies.md` is written.
fn is_listed(check: &str, typed: &str) {
    let listed = PRESCRIBED.iter().any(|row| row.test.is_some() && row.fits(typed));
    let left = PRESCRIBED.iter().filter(|row| row.check == check && row.test.is_none());
    let left: Vec<_> = left.map(|row| (row.text, row.why)).collect();
    assert!(
        listed,
        "{check} prescribes, and no row of the list says that it is typed: {typed}; left out: {left:?}"
    );
}
