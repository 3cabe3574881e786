//! What is wrong with a database URL or a secret's place. Names parts and remedies; holds none of the text.

use std::fmt;
use std::io;
use std::path::Path;

use super::percent::PercentError;
use crate::error::{Error, ErrorKind};

/// Why a [`DatabaseUrl`](crate::DatabaseUrl) or a [`Secret`](crate::Secret) cannot be had: which part is wrong, and what
/// to do. No form of it shows any of the text that was read.
#[derive(Debug, thiserror::Error)]
#[error("{subject} {wrong}: {remedy}")]
pub struct UrlError {
    kind: Kind,
    subject: Subject,
    wrong: &'static str,
    remedy: &'static str,
    source: Option<io::Error>,
}

/// What the predicates tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Missing,
    Unreadable,
    Exposed,
    Ambiguous,
    Tls,
    Known,
    Malformed,
}

/// What is spoken of.
#[derive(Clone, Debug)]
enum Subject {
    Part(Part),
    Variable(String),
    File(String),
}

/// A part of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Scheme,
    User,
    Password,
    Host(usize),
    Port(usize),
    Ports,
    Database,
    Path,
    Parameter(usize),
    /// A parameter with a name that is known, and so no secret.
    Known(&'static str),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the environment variable{name}"),
            Self::File(name) => write!(f, "the file{name}"),
            Self::Part(part) => match part {
                Part::Whole => f.write_str("the database URL"),
                Part::Scheme => f.write_str("the database URL's scheme"),
                Part::User => f.write_str("the database URL's user"),
                Part::Password => f.write_str("the database URL's password"),
                Part::Host(number) => write!(f, "host {number} of the database URL"),
                Part::Port(number) => write!(f, "the port of host {number} of the database URL"),
                Part::Ports => f.write_str("the database URL's list of ports"),
                Part::Database => f.write_str("the name of the database in the URL"),
                Part::Path => f.write_str("the path of the SQLite file in the URL"),
                Part::Parameter(number) => write!(f, "parameter {number} of the database URL"),
                Part::Known(name) => write!(f, "the database URL's parameter `{name}`"),
            },
        }
    }
}

impl UrlError {
    pub(super) fn malformed(part: Part, wrong: &'static str, remedy: &'static str) -> Self {
        Self { kind: Kind::Malformed, subject: Subject::Part(part), wrong, remedy, source: None }
    }

    pub(super) fn ambiguous(part: Part, wrong: &'static str, remedy: &'static str) -> Self {
        Self { kind: Kind::Ambiguous, ..Self::malformed(part, wrong, remedy) }
    }

    pub(super) fn tls(name: &'static str, wrong: &'static str, remedy: &'static str) -> Self {
        Self { kind: Kind::Tls, ..Self::malformed(Part::Known(name), wrong, remedy) }
    }

    pub(super) fn known(part: Part, wrong: &'static str, remedy: &'static str) -> Self {
        Self { kind: Kind::Known, ..Self::malformed(part, wrong, remedy) }
    }

    pub(super) fn percent(part: Part, error: PercentError) -> Self {
        match error {
            PercentError::Stray => Self::malformed(
                part,
                "has a `%` that two hexadecimal digits do not follow",
                "percent-encode it, `%25` for a percent sign",
            ),
            PercentError::NotUtf8 => Self::malformed(part, "is not UTF-8 when decoded", "encode its UTF-8"),
            PercentError::Nul => Self::malformed(part, "contains a NUL character", "take it out"),
        }
    }

    fn variable(name: &str, kind: Kind, wrong: &'static str, remedy: &'static str) -> Self {
        // A name of another shape may be the URL itself, given by mistake.
        let proper = name.len() <= 64
            && name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let name = if proper { format!(" `{name}`") } else { String::new() };
        Self { kind, subject: Subject::Variable(name), wrong, remedy, source: None }
    }

    fn file(path: &Path, kind: Kind, wrong: &'static str, remedy: &'static str) -> Self {
        let name = path.to_string_lossy();
        let name = if looks_like_url(&name) { String::new() } else { format!(" `{name}`") };
        Self { kind, subject: Subject::File(name), wrong, remedy, source: None }
    }

    pub(crate) fn no_variable(name: &str) -> Self {
        Self::variable(name, Kind::Missing, "is not set", "set it, or give its right name")
    }

    pub(crate) fn empty_variable(name: &str) -> Self {
        Self::variable(name, Kind::Missing, "is empty", "set it")
    }

    pub(crate) fn variable_not_utf8(name: &str) -> Self {
        Self::variable(name, Kind::Malformed, "is not UTF-8", "write it in UTF-8")
    }

    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        let (kind, wrong, remedy) = match error.kind() {
            io::ErrorKind::NotFound => (Kind::Missing, "does not exist", "make it, or give its right path"),
            io::ErrorKind::PermissionDenied => {
                (Kind::Unreadable, "may not be read", "give this user the right to read it")
            }
            io::ErrorKind::IsADirectory => (Kind::Unreadable, "is a directory", "name the file in it"),
            _ => (Kind::Unreadable, "cannot be read", "look at the error behind this one"),
        };
        Self { source: Some(error), ..Self::file(path, kind, wrong, remedy) }
    }

    pub(crate) fn foreign_file(path: &Path) -> Self {
        let wrong = "belongs to another user, who can change it";
        Self::file(path, Kind::Exposed, wrong, "give it to this user or to root (`chown`)")
    }

    pub(crate) fn writable_file(path: &Path) -> Self {
        let wrong = "can be changed by others than its owner";
        Self::file(path, Kind::Exposed, wrong, "take that right from them (`chmod 600`)")
    }

    pub(crate) fn readable_file(path: &Path) -> Self {
        let wrong = "may be read by everybody";
        Self::file(
            path,
            Kind::Exposed,
            wrong,
            "take that right from them (`chmod 600`), and change the secret",
        )
    }

    pub(crate) fn empty_file(path: &Path) -> Self {
        Self::file(path, Kind::Missing, "is empty", "fill it")
    }

    pub(crate) fn file_too_large(path: &Path) -> Self {
        Self::file(path, Kind::Malformed, "is larger than 64 KiB", "name the file that holds the text alone")
    }

    pub(crate) fn file_not_utf8(path: &Path) -> Self {
        Self::file(path, Kind::Malformed, "is not UTF-8", "write it in UTF-8")
    }

    /// Whether nothing is there: the variable is not set, the file does not exist, or it is empty.
    pub fn is_missing(&self) -> bool {
        self.kind == Kind::Missing
    }

    /// Whether the file is there, and others may have read it or put something else there.
    pub fn is_exposed(&self) -> bool {
        self.kind == Kind::Exposed
    }

    /// Whether the file is there and cannot be read.
    pub fn is_unreadable(&self) -> bool {
        self.kind == Kind::Unreadable
    }

    /// Whether the text can be read in two ways, so that a part of it has to be percent-encoded.
    pub fn is_ambiguous(&self) -> bool {
        self.kind == Kind::Ambiguous
    }

    /// Whether it is what is said about TLS that is refused.
    pub fn is_tls(&self) -> bool {
        self.kind == Kind::Tls
    }

    /// Whether user and password are ones that everybody knows, for a host that is not this machine.
    pub fn is_default_credentials(&self) -> bool {
        self.kind == Kind::Known
    }
}

/// Whether a path may be a URL, given by mistake.
fn looks_like_url(path: &str) -> bool {
    path.contains("://") || path.contains('@')
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        let this = Self::new(ErrorKind::Configuration, format!("{} {}", error.subject, error.wrong))
            .with_note("next", error.remedy);
        match error.source {
            Some(source) => this.with_source(source),
            None => this,
        }
    }
}
