//! The names of migration files. The only module that knows how a file's name is built; reads no file.

mod both_ways;
mod other_tools;

use std::borrow::Cow;
use std::fmt;

pub(crate) use self::both_ways::both_ways;
pub(crate) use self::other_tools::one_version;
use self::other_tools::{Guess, guess};
pub use self::other_tools::{are_ways, folder_advice};

use crate::migration::{Version, VersionError};

/// The name of the manifest in a migrations directory.
pub const MANIFEST_FILE: &str = "whimbrel.sum";

/// The name of the manifest's signature.
pub const SIGNATURE_FILE: &str = "whimbrel.sum.sig";

/// The most bytes that the signature's file may have: enough for a hundred signers.
pub const SIGNATURE_LIMIT: u64 = 1 << 15;

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The version, or none for a repeatable.
    pub version: Option<Version>,
    /// The name without version and ending.
    pub name: String,
    /// What the file holds.
    pub role: Role,
}

/// What a migration file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `0001_name.sql` or `0001_name.up.sql`, `R__name.sql`: the way up.
    Up,
    /// `0001_name.down.sql`: the way down.
    Down,
    /// `0001_name.rust`: declares a step written in Rust.
    Rust,
}

/// Whether a file is none of ours and may stand in a migrations directory all the same: the manifest, its
/// signature, hidden files, and what editors leave beside a file that they have open.
pub fn is_ignored(file: &str) -> bool {
    file == MANIFEST_FILE
        || file == SIGNATURE_FILE
        || file.starts_with('.')
        || file.ends_with('~')
        || (file.starts_with('#') && file.ends_with('#'))
        || [".swp", ".swo", ".swx", ".tmp", ".bak", ".orig", ".rej"]
            .iter()
            .any(|ending| file.ends_with(ending))
}

/// A name or a path from outside as it may be shown: on one line, whatever it holds.
///
/// ```
/// assert_eq!(whimbrel::layout::shown("1_a.sql\n= next: rm"), "1_a.sql\\n= next: rm");
/// ```
pub fn shown(name: &str) -> Cow<'_, str> {
    crate::shown::shown(name)
}

/// Reads a file's name (without folders).
///
/// ```
/// use whimbrel::layout::{Role, parse_file_name};
/// let name = parse_file_name("0002_orders.down.sql")?;
/// assert_eq!((name.version.map(|v| v.number()), name.name.as_str(), name.role), (Some(2), "orders", Role::Down));
/// # Ok::<(), whimbrel::layout::FileNameError>(())
/// ```
///
/// # Errors
/// The name is not of the layout; says what is expected in its place.
pub fn parse_file_name(file: &str) -> Result<FileName, FileNameError> {
    let error = |reason| FileNameError { file: file.to_owned(), reason };
    let (stem, role) = if let Some(stem) = file.strip_suffix(".down.sql") {
        (stem, Role::Down)
    } else if let Some(stem) = file.strip_suffix(".up.sql") {
        (stem, Role::Up)
    } else if let Some(stem) = file.strip_suffix(".sql") {
        (stem, Role::Up)
    } else if let Some(stem) = file.strip_suffix(".rust") {
        (stem, Role::Rust)
    } else {
        return Err(error(Reason::Ending));
    };
    let (version, name) = if let Some(name) = stem.strip_prefix("R__") {
        if role != Role::Up || file.ends_with(".up.sql") {
            return Err(error(Reason::RepeatableEnding));
        }
        (None, name)
    } else {
        let (digits, name) = stem.split_once('_').ok_or_else(|| error(Reason::NoVersion))?;
        if !digits.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Err(error(Reason::NoVersion));
        }
        (Some(digits.parse().map_err(|VersionError| error(Reason::Version))?), name)
    };
    let good = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(good) || name.len() > 200 {
        return Err(error(Reason::Name));
    }
    Ok(FileName { version, name: name.to_owned(), role })
}

impl FileName {
    /// The text with which `whimbrel new` begins the file. A script that holds nothing else has not been written yet.
    pub fn template(&self) -> String {
        if self.role == Role::Rust {
            return "revision = 1\n".to_owned();
        }
        let way = if self.role == Role::Down { ", the way back" } else { "" };
        match self.version {
            Some(version) => format!("-- {version}_{}{way}\n\n", self.name),
            None => format!("-- R__{}{way}\n\n", self.name),
        }
    }

    /// Whether a script is still what `whimbrel new` has made it.
    pub(crate) fn is_unwritten(&self, text: &str) -> bool {
        self.role != Role::Rust && text.trim_end() == self.template().trim_end()
    }
}

/// A file name that is not of the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNameError {
    file: String,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Ending,
    RepeatableEnding,
    NoVersion,
    Version,
    Name,
}

impl FileNameError {
    /// What the file would be called here, if that can be told from its name.
    pub fn suggestion(&self) -> Option<String> {
        guess(&self.file)?.name
    }

    /// Whether another name is wrong in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let what = |error: &Self| guess(&error.file).map(|guess| guess.what);
        self.reason == other.reason && what(self) == what(other)
    }

    /// What is wrong with many names, of which this is the first.
    pub(crate) fn of_many(&self) -> String {
        let guess = guess(&self.file);
        let mut text = format!("no migrations' file names: {}", self.reason.as_str());
        if let Some(guess) = guess {
            text.push_str(&format!("; they look like {}", guess.what));
            if let Some(name) = guess.name {
                text.push_str(&format!(": call the first one {name}, and the others alike"));
            }
        }
        text
    }
}

impl fmt::Display for FileNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no migration's file name: {}", self.file.escape_debug(), self.reason.as_str())?;
        match guess(&self.file) {
            None => Ok(()),
            Some(Guess { what, name: None }) => write!(f, "; it looks like {what}"),
            Some(Guess { what, name: Some(name) }) => write!(f, "; it looks like {what}: call it {name}"),
        }
    }
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::Ending => "it must end in .sql or .rust; keep other files in another directory",
            Reason::RepeatableEnding => "a repeatable is one file, R__name.sql, without a way down",
            Reason::NoVersion => {
                "expected a version, `_` and a name, like 0001_create_users.sql, or R__name.sql"
            }
            Reason::Version => "its version must be a whole number from 0 to 9223372036854775807",
            Reason::Name => {
                "its name may hold letters, digits, `_`, `-` and `.`, at least one and at most 200 bytes"
            }
        }
    }
}

impl std::error::Error for FileNameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_are_read() {
        for (file, version, name, role) in [
            ("0001_create_users.sql", Some(1), "create_users", Role::Up),
            ("1_a.up.sql", Some(1), "a", Role::Up),
            ("0_zero.sql", Some(0), "zero", Role::Up),
            ("00000000000000_initial.sql", Some(0), "initial", Role::Up),
            ("20261122101500_b-c.d.down.sql", Some(20_261_122_101_500), "b-c.d", Role::Down),
            ("R__views.sql", None, "views", Role::Up),
            ("0007_hash.rust", Some(7), "hash", Role::Rust),
        ] {
            let parsed = parse_file_name(file).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert_eq!(
                (parsed.version.map(Version::number), parsed.name.as_str(), parsed.role),
                (version, name, role)
            );
        }
    }

    #[test]
    fn wrong_names_are_told_with_the_remedy() {
        let messages: Vec<String> = [
            "README.md",
            "create_users.sql",
            "users.sql",
            "-0_zero.sql",
            "20240101120000123456_x.sql",
            "V1__x.sql",
            "7.sql",
            "-1_x.sql",
            "+1_x.sql",
            "1_.sql",
            "1_a b.sql",
            "99999999999999999999_x.sql",
            "R__v.down.sql",
            "R__.sql",
            "1_a\u{7}.sql",
            "_x.sql",
        ]
        .iter()
        .map(|file| {
            parse_file_name(file).map_or_else(|error| error.to_string(), |ok| format!("accepted {ok:?}"))
        })
        .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
