//! Directives: what a script's header says about how it is run. Reads what the splitter found; decides nothing.

use std::fmt;
use std::time::Duration;

use crate::script::{Position, RawDirective, Script};

/// How a script asks to be run.
///
/// Each is a comment of its own in the script's header, before the first statement:
///
/// ```sql
/// -- whimbrel: no-transaction
/// -- whimbrel: lock_timeout=3s
/// ```
///
/// A waiver may also stand right before a statement, or behind it on its line; it then is about that statement alone:
///
/// ```sql
/// -- whimbrel: allow drop-column because nothing has read it since 4.2
/// ALTER TABLE users DROP COLUMN fax;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Directives {
    /// `no-transaction`: statement by statement, each recorded, and resumed after a crash.
    pub no_transaction: bool,
    /// `foreign_keys=off`: the rebuild of a table; every foreign key is checked before the commit (SQLite).
    pub foreign_keys_off: bool,
    /// `foreign_keys=cascade`: a `DROP TABLE` may delete or change rows of the tables that refer to it (SQLite).
    pub foreign_keys_cascade: bool,
    /// `lock_timeout=3s`: how long a statement may wait for a lock.
    pub lock_timeout: Option<Duration>,
    /// `statement_timeout=5min`: how long a statement may take.
    pub statement_timeout: Option<Duration>,
    /// `placeholders`: `${…}` is filled in when it is executed.
    pub placeholders: bool,
    /// `allow RULE because REASON`: what a policy need not object to.
    pub waivers: Vec<Waiver>,
}

/// What somebody has decided to allow, although a rule of a policy is against it.
///
/// This library reads and shows waivers; which rules there are only the policy knows, such as that of `whimbrel-policy`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Waiver {
    /// The rule's name.
    pub rule: String,
    /// Why it is allowed.
    pub reason: String,
    /// The statement that it is about, counted from 0; all of them, if it stands in the script's header.
    pub statement: Option<usize>,
    /// Where the comment begins.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub position: Position,
}

impl Waiver {
    /// Whether it is about a statement, counted from 0.
    pub fn covers(&self, statement: usize) -> bool {
        self.statement.is_none_or(|own| own == statement)
    }
}

impl Directives {
    /// Reads the directives of a script.
    ///
    /// # Errors
    /// All that are unknown, stand after the first statement, stand twice or have a value that is none; and waivers without
    /// a reason, or before no statement.
    pub fn read(script: &Script<'_>) -> Result<Self, Vec<DirectiveError>> {
        Self::of(script.directives(), script.statements().len())
    }

    /// Reads the directives of a script that has so many statements.
    pub(crate) fn of(found: &[RawDirective<'_>], statements: usize) -> Result<Self, Vec<DirectiveError>> {
        let mut directives = Self::default();
        let mut errors = Vec::new();
        for directive in found {
            let mut wrong = |problem| errors.push(DirectiveError { position: directive.position, problem });
            if let Some(text) = waiver(directive.text) {
                let own = (!directive.in_header).then_some(directive.statement);
                match text
                    .split_once(|blank: char| blank.is_whitespace())
                    .map(|(rule, rest)| (rule, because(rest)))
                {
                    _ if own.is_some_and(|own| own >= statements) => {
                        wrong(DirectiveProblem::WaiverBeforeNothing);
                    }
                    Some((rule, Some(reason))) => directives.waivers.push(Waiver {
                        rule: rule.to_owned(),
                        reason: reason.to_owned(),
                        statement: own,
                        position: directive.position,
                    }),
                    _ => wrong(DirectiveProblem::Waiver),
                }
                continue;
            }
            if !directive.in_header {
                wrong(DirectiveProblem::AfterFirstStatement);
                continue;
            }
            let (name, value) = match directive.text.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (directive.text, None),
            };
            let twice = match (name, value) {
                ("no-transaction", None) => std::mem::replace(&mut directives.no_transaction, true),
                ("placeholders", None) => std::mem::replace(&mut directives.placeholders, true),
                ("foreign_keys", Some("off")) => std::mem::replace(&mut directives.foreign_keys_off, true),
                ("foreign_keys", Some("cascade")) => {
                    std::mem::replace(&mut directives.foreign_keys_cascade, true)
                }
                ("lock_timeout" | "statement_timeout", Some(value)) => {
                    let Some(time) = parse_duration(value) else {
                        wrong(DirectiveProblem::Duration);
                        continue;
                    };
                    let slot = if name == "lock_timeout" {
                        &mut directives.lock_timeout
                    } else {
                        &mut directives.statement_timeout
                    };
                    slot.replace(time).is_some()
                }
                _ => {
                    wrong(DirectiveProblem::Unknown(directive.text.chars().take(40).collect()));
                    continue;
                }
            };
            if twice {
                wrong(DirectiveProblem::Twice);
            }
        }
        if errors.is_empty() { Ok(directives) } else { Err(errors) }
    }
}

/// What follows `allow`.
fn waiver(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("allow")?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

/// The reason, which has to say something.
fn because(rest: &str) -> Option<&str> {
    let reason = rest.trim_start().strip_prefix("because")?;
    reason.starts_with(char::is_whitespace).then(|| reason.trim()).filter(|reason| !reason.is_empty())
}

/// A whole number and `ms`, `s`, `min` or `h`.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let millis = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A directive that is wrong, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectiveError {
    /// Where the comment begins.
    pub position: Position,
    problem: DirectiveProblem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum DirectiveProblem {
    Unknown(String),
    AfterFirstStatement,
    Duration,
    Twice,
    Waiver,
    WaiverBeforeNothing,
}

impl fmt::Display for DirectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            DirectiveProblem::Unknown(text) => write!(
                f,
                "unknown directive `{}`: known are no-transaction, placeholders, foreign_keys=off, foreign_keys=cascade, lock_timeout=…, \
                 statement_timeout=… and allow … because …",
                text.escape_debug()
            ),
            DirectiveProblem::AfterFirstStatement => {
                f.write_str("a directive after the first statement: move it to the top of the file")
            }
            DirectiveProblem::Duration => {
                f.write_str("not a time: write a whole number and ms, s, min or h, like 3s")
            }
            DirectiveProblem::Twice => f.write_str("this directive stands twice: keep one"),
            DirectiveProblem::Waiver => f.write_str(
                "a waiver names one rule and a reason: write `allow RULE because REASON`, on one line",
            ),
            DirectiveProblem::WaiverBeforeNothing => f.write_str(
                "a waiver behind the last statement: move it to the line before the one that it is about",
            ),
        }
    }
}

impl std::error::Error for DirectiveError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Lexing;

    fn read(text: &str) -> Result<Directives, Vec<String>> {
        let script = Script::parse(text, &Lexing::ANSI).expect("a script");
        Directives::read(&script).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_waiver_in_the_header_covers_the_script_and_any_other_the_statement_that_it_stands_at() {
        let text = "-- whimbrel: allow rename because both names were read since 4.1\n\
                    select 1; -- whimbrel: allow first because it is behind it\n\
                    /* whimbrel: allow  second  because  it is before it */ select /* whimbrel: allow third because in it */ 2;\n\
                    select 3";
        let waivers = read(text).expect("waivers").waivers;
        let told: Vec<_> = waivers
            .iter()
            .map(|it| (it.rule.as_str(), it.reason.as_str(), it.statement, it.position.line))
            .collect();
        assert_eq!(
            told,
            [
                ("rename", "both names were read since 4.1", None, 1),
                ("first", "it is behind it", Some(0), 2),
                ("second", "it is before it", Some(1), 3),
                ("third", "in it", Some(1), 3),
            ]
        );
        assert!(waivers[0].covers(2) && waivers[1].covers(0) && !waivers[1].covers(1));
    }

    #[test]
    fn a_waiver_without_a_rule_a_reason_or_a_statement_is_refused() {
        for text in [
            "-- whimbrel: allow\nselect 1",
            "-- whimbrel: allow drop-table\nselect 1",
            "-- whimbrel: allow drop-table because\nselect 1",
            "-- whimbrel: allow drop-table because  \nselect 1",
            "-- whimbrel: allow because we may\nselect 1",
            "-- whimbrel: allow drop-table becauses\nselect 1",
        ] {
            let errors = read(text).expect_err(text);
            assert!(
                errors.len() == 1 && errors[0].contains("allow RULE because REASON"),
                "{text}: {errors:?}"
            );
        }
        let errors =
            read("select 1;\n-- whimbrel: allow drop-table because it is late\n").expect_err("behind");
        assert!(errors[0].contains("behind the last statement"), "{errors:?}");
        assert!(
            read("-- whimbrel: allowed\nselect 1").expect_err("unknown")[0].contains("unknown directive")
        );
    }
}
