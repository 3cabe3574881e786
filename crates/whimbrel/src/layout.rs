//! The names of migration files. The only module that knows how a file's name is built; reads no file.

use std::fmt;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl fmt::Display for FileNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no migration's file name: ", self.file.escape_debug())?;
        f.write_str(match self.reason {
            Reason::Ending => "it must end in .sql or .rust; keep other files in another directory",
            Reason::RepeatableEnding => "a repeatable is one file, R__name.sql, without a way down",
            Reason::NoVersion => {
                "expected a version, `_` and a name, like 0001_create_users.sql, or R__name.sql"
            }
            Reason::Version => "its version must be a whole number from 1 to 9223372036854775807",
            Reason::Name => {
                "its name may hold letters, digits, `_`, `-` and `.`, at least one and at most 200 bytes"
            }
        })
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
            "0_zero.sql",
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
