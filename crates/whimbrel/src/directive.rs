//! Directives: what a script's header says about how it is run. Reads what the splitter found; decides nothing.

use std::fmt;
use std::time::Duration;

use crate::script::{Position, RawDirective};

/// How a script asks to be run.
///
/// Each is a comment of its own in the script's header, before the first statement:
///
/// ```sql
/// -- whimbrel: no-transaction
/// -- whimbrel: lock_timeout=3s
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Directives {
    /// `no-transaction`: statement by statement, each recorded, and resumed after a crash.
    pub no_transaction: bool,
    /// `foreign_keys=off`: the rebuild of a table; every foreign key is checked before the commit (SQLite).
    pub foreign_keys_off: bool,
    /// `lock_timeout=3s`: how long a statement may wait for a lock.
    pub lock_timeout: Option<Duration>,
    /// `statement_timeout=5min`: how long a statement may take.
    pub statement_timeout: Option<Duration>,
}

impl Directives {
    /// Reads the directives of a script.
    ///
    /// # Errors
    /// All that are unknown, stand after the first statement, stand twice or have a value that is none.
    pub fn read(raw: &[RawDirective<'_>]) -> Result<Self, Vec<DirectiveError>> {
        let mut directives = Self::default();
        let mut errors = Vec::new();
        for directive in raw {
            let mut wrong = |problem| errors.push(DirectiveError { position: directive.position, problem });
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
                ("foreign_keys", Some("off")) => std::mem::replace(&mut directives.foreign_keys_off, true),
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
}

impl fmt::Display for DirectiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            DirectiveProblem::Unknown(text) => write!(
                f,
                "unknown directive `{}`: known are no-transaction, foreign_keys=off, lock_timeout=… and \
                 statement_timeout=…",
                text.escape_debug()
            ),
            DirectiveProblem::AfterFirstStatement => {
                f.write_str("a directive after the first statement: move it to the top of the file")
            }
            DirectiveProblem::Duration => {
                f.write_str("not a time: write a whole number and ms, s, min or h, like 3s")
            }
            DirectiveProblem::Twice => f.write_str("this directive stands twice: keep one"),
        }
    }
}

impl std::error::Error for DirectiveError {}
