//! Exit codes: how the command tells programs how it ended. Knows no verb.

use std::process::ExitCode;

use whimbrel::{Error, ErrorKind, Weight};

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// What was asked for is done, or there was nothing to do.
    Done,
    /// There was nothing to do, where telling it apart was asked for.
    NothingToDo,
    /// It failed: a statement, a step, a right, the database.
    Failed,
    /// The arguments or the configuration are wrong.
    Usage,
    /// Something is pending.
    Pending,
    /// It was refused, and nothing (more) was changed.
    Refused,
    /// No one can tell whether a statement took effect.
    UnknownOutcome,
    /// Somebody else holds the lock, or the server is not to be reached: try again.
    Locked,
    /// It ended between two migrations, since somebody asked for it.
    Stopped,
    /// Rows of the history are not as they were written.
    BrokenHistory,
    /// It was broken off.
    Aborted,
}

impl Code {
    /// All of them, in the order of their numbers.
    #[cfg(test)]
    const ALL: [Self; 11] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Pending,
        Self::Refused,
        Self::UnknownOutcome,
        Self::Locked,
        Self::Stopped,
        Self::BrokenHistory,
        Self::NothingToDo,
        Self::Aborted,
    ];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Pending => 3,
            Self::Refused => 4,
            Self::UnknownOutcome => 5,
            Self::Locked => 6,
            Self::Stopped => 7,
            Self::BrokenHistory => 8,
            Self::NothingToDo => 10,
            // What a shell gives a program that SIGINT has ended.
            Self::Aborted => 130,
        }
    }

    /// The word for it, in what is written for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingToDo => "nothing-to-do",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Pending => "pending",
            Self::Refused => "refused",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Locked => "locked",
            Self::Stopped => "stopped",
            Self::BrokenHistory => "broken-history",
            Self::Aborted => "aborted",
        }
    }

    /// What an error of the library amounts to.
    pub(crate) fn of(error: &Error) -> Self {
        let refused = error.findings().iter().any(|finding| finding.weight() != Weight::Note);
        match error.kind() {
            // Whatever else is said was read from such a history.
            _ if error.is_history_broken() => Self::BrokenHistory,
            ErrorKind::OutcomeUnknown => Self::UnknownOutcome,
            ErrorKind::Pending => Self::Pending,
            ErrorKind::Retry => Self::Locked,
            ErrorKind::Stopped => Self::Stopped,
            _ if refused => Self::Refused,
            // The database has said no.
            _ if error.class().is_some() => Self::Failed,
            ErrorKind::Files => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_guide_has_a_row_for_every_code() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/command.md");
        let page = std::fs::read_to_string(page).expect("the page");
        let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains(" | `"));
        let rows: Vec<String> =
            rows.map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" | ")).collect();
        for code in Code::ALL {
            assert!(rows.contains(&format!("| {} | `{}`", code.number(), code.word())), "{code:?}: {rows:?}");
        }
    }

    #[test]
    fn every_code_has_a_number_and_a_word_of_its_own() {
        let numbers: HashSet<u8> = Code::ALL.iter().map(|code| code.number()).collect();
        let words: HashSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!((numbers.len(), words.len()), (Code::ALL.len(), Code::ALL.len()));
    }
}
