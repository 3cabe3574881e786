//! What can be typed about what was found. Runs none of it.

use serde::Serialize;

use crate::output::words::spoken;

/// Where a remedy is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RemedyKind {
    /// In a shell.
    Command,
    /// On the server, by an administrator of the database.
    Sql,
    /// Nowhere: something has to be changed by hand.
    Change,
}

impl RemedyKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Command => "type",
            Self::Sql => "sql",
            Self::Change => "do",
        }
    }
}

/// One thing to do; those of one check are done one after the other, unless a condition says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Remedy {
    pub(crate) kind: RemedyKind,
    pub(crate) text: String,
    /// Only if this is so.
    pub(crate) when: Option<String>,
}

impl Remedy {
    pub(crate) fn command(text: impl Into<String>) -> Self {
        Self { kind: RemedyKind::Command, text: text.into(), when: None }
    }

    pub(crate) fn sql(text: impl Into<String>) -> Self {
        Self { kind: RemedyKind::Sql, text: text.into(), when: None }
    }

    pub(crate) fn change(text: impl Into<String>) -> Self {
        Self { kind: RemedyKind::Change, text: text.into(), when: None }
    }

    #[must_use]
    pub(crate) fn when(mut self, condition: impl Into<String>) -> Self {
        self.when = Some(condition.into());
        self
    }

    /// What `advice.rs` says: a command, or a condition and a command, or neither.
    pub(crate) fn of_advice(text: &str) -> Self {
        let is_command = |text: &str| ["whimbrel ", "git "].iter().any(|word| text.starts_with(word));
        if is_command(text) {
            return Self::command(text);
        }
        match text.split_once(": ") {
            Some((condition, command))
                if is_command(command)
                    && ["or", "if", "when", "to"]
                        .contains(&condition.split([' ', ',']).next().unwrap_or_default()) =>
            {
                Self::command(command).when(condition.trim_start_matches("or, ").trim_start_matches("or "))
            }
            _ => Self::change(spoken(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_taken_apart_into_condition_and_command() {
        let remedy = Remedy::of_advice("or, if the change is meant: whimbrel lock --accept 1 --reason '…'");
        assert_eq!(
            remedy,
            Remedy::command("whimbrel lock --accept 1 --reason '…'").when("if the change is meant")
        );
        assert_eq!(Remedy::of_advice("whimbrel lock"), Remedy::command("whimbrel lock"));
        assert_eq!(Remedy::of_advice("correct a.sql, then").kind, RemedyKind::Change);
    }
}
