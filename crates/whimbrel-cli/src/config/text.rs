//! Values that are written as a text, in the file or as an argument: what each may be. Its errors say what is expected, and
//! show nothing of the text.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use whimbrel::{SecretReference, SetName, TableName};

use super::credential;
use super::problem::Problem;
use super::words::{Words, nearest, or};

/// What a value should have been, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) expected: String,
    pub(crate) next: Option<String>,
}

impl Wrong {
    /// A fragment behind `expected`.
    pub(crate) fn expected(what: impl Into<String>) -> Self {
        Self { expected: format!("expected {}", what.into()), next: None }
    }

    /// A whole fragment.
    pub(crate) fn because(what: impl Into<String>) -> Self {
        Self { expected: what.into(), next: None }
    }

    #[must_use]
    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The problem with what this key, argument or variable has.
    pub(crate) fn of(self, name: impl fmt::Display) -> Problem {
        let problem = Problem::new(format!("`{name}`: {}", self.expected));
        match self.next {
            Some(next) => problem.with_next(next),
            None => problem,
        }
    }
}

/// `250ms`, `30s`, `5min`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, Wrong> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let millis = match &text[digits..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number: Option<u64> = text[..digits].parse().ok();
    let duration = number.zip(millis).and_then(|(number, millis)| number.checked_mul(millis));
    // What a server takes ends far below; and a sum with the clock's time stays in its range.
    match duration.filter(|duration| *duration <= 1_000 * 3_600_000) {
        Some(duration) => Ok(Duration::from_millis(duration)),
        None => Err(Wrong::expected("a time like `250ms`, `30s`, `5min` or `1h`, of at most 1000 hours")),
    }
}

/// As [`duration`] reads it.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, length) in [("h", 3_600_000), ("min", 60_000), ("s", 1_000)] {
        if millis > 0 && millis.is_multiple_of(length) {
            return format!("{}{unit}", millis / length);
        }
    }
    if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") }
}

/// One of these words.
pub(crate) fn word<T: Copy + PartialEq>(words: &Words<T>, text: &str) -> Result<T, Wrong> {
    words.read(text).ok_or_else(|| {
        let wrong = Wrong::expected(or(words.all()));
        match nearest(text, words.all()) {
            Some(near) => wrong.with_next(format!("did you mean `{near}`?")),
            None => wrong,
        }
    })
}

/// A path in the file. An `@` in it is refused, since it could be a user and a host.
pub(crate) fn path(text: &str) -> Result<PathBuf, Wrong> {
    if credential::in_name(text) {
        return Err(Wrong::because("a URL, or a user and a host, stands here in place of a path")
            .with_next("give a path without `@` and `://`"));
    }
    plain_path(text)
}

/// Refuses what is no path as an argument, where people see and type it themselves: an `@` may be in it.
pub(crate) fn argument_path(path: &Path) -> Result<PathBuf, Wrong> {
    let text = path.to_string_lossy();
    // Before a colon there may be a drive, but not a user.
    let login =
        text.get(2..).and_then(|rest| rest.split_once(':')).is_some_and(|(_, rest)| rest.contains('@'));
    if text.contains("://") || login || credential::in_value(&text) {
        return Err(Wrong::because("a URL, or a user and a password, stands here in place of a path")
            .with_next("give a path"));
    }
    plain_path(&text).map(|_| path.to_owned())
}

fn plain_path(text: &str) -> Result<PathBuf, Wrong> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(Wrong::expected("a path, without control characters"));
    }
    Ok(PathBuf::from(text))
}

/// A file of SQLite.
pub(crate) fn sqlite(text: &str) -> Result<String, Wrong> {
    path(text)?;
    // The client would read the latter as a URL, with parameters.
    if text.starts_with("sqlite:") || text.starts_with("file:") {
        return Err(Wrong::expected("a path alone, without `sqlite:` or `file:`"));
    }
    Ok(text.to_owned())
}

/// The name of an environment.
pub(crate) fn environment(text: &str) -> Result<String, Wrong> {
    let good = (1..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if good {
        Ok(text.to_owned())
    } else {
        Err(Wrong::expected(
            "the name of an environment: 1 to 63 letters, digits, `_`, `-` and `.`, beginning with a letter or a digit",
        ))
    }
}

/// The name of a set.
pub(crate) fn set(text: &str) -> Result<SetName, Wrong> {
    SetName::new(text).map_err(|_| {
        Wrong::expected(
            "a set's name: 1 to 63 of a-z, 0-9, `_`, `-` and `.`, beginning with a letter or a digit",
        )
    })
}

/// The name of the history table.
pub(crate) fn table(text: &str) -> Result<TableName, Wrong> {
    TableName::new(text).map_err(|_| {
        Wrong::expected("`table` or `schema.table`, each 1 to 48 letters, digits and `_`, the first no digit")
    })
}

/// The name of a role.
pub(crate) fn role(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.len() > 63 || text.contains(char::is_control) || credential::in_name(text) {
        return Err(Wrong::expected("a role's name alone, without host or password"));
    }
    Ok(text.to_owned())
}

/// The name of a value or a secret, as placeholders have it.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(letter)
        && !text.contains("--")
}

/// A value for scripts.
pub(crate) fn value(text: &str) -> Result<String, Wrong> {
    if credential::in_value(text) {
        return Err(Wrong::because("this looks like a credential")
            .with_next("make it a secret, under `secrets`, and write `${secret:NAME}` in the script"));
    }
    Ok(text.to_owned())
}

/// What a reference looks like.
pub(crate) const REFERENCE: &str = "`{ env = \"NAME\" }`, `{ file = \"PATH\" }` or `{ fd = NUMBER }`";

/// A reference to a secret, as a text.
pub(crate) fn reference(text: &str) -> Result<SecretReference, Wrong> {
    let holds_some = match text.split_once(':') {
        Some(("file", path)) => credential::in_name(path),
        _ => false,
    };
    let reference = text.parse().ok().filter(|_| !holds_some);
    reference.ok_or_else(|| Wrong::expected(format!("where the secret is, and not the secret: {REFERENCE}")))
}

/// A minisign key, which is public.
pub(crate) fn minisign(text: &str) -> Result<String, Wrong> {
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    // 2 bytes of algorithm, 8 of the key's number, 32 of the key: a secret key is longer.
    if text.len() == 56 && text.starts_with("RW") && text.bytes().all(base64) {
        return Ok(text.to_owned());
    }
    Err(Wrong::expected("a public key of minisign: the line of the .pub file that begins with `RW`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_that_is_shown_is_read_alike(millis in 0_u64..3_600_000_000) {
            let time = Duration::from_millis(millis);
            prop_assert_eq!(duration(&show_duration(time)), Ok(time));
        }
    }

    #[test]
    fn times_are_numbers_with_a_unit() {
        for (text, millis) in [("250ms", 250), ("3s", 3_000), ("5min", 300_000), ("1h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "3", "s", "3 s", "-3s", "+3s", "3m", "3.5s", "99999999999999999999s", "2000h", "3s4", "３s"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
