//! Why there is no server. Holds no part of any URL.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a server of the tests could not be had.
#[derive(Clone, Debug)]
pub struct ServerError {
    kind: ServerErrorKind,
    sentence: String,
}

/// What has to be done about a [`ServerError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerErrorKind {
    /// A program is missing: install it, or name a server that runs already.
    NotInstalled,
    /// The server, or what prepares its data, ended or was not ready in time: its own words are in the error.
    NotStarted,
    /// An environment variable holds what cannot be used: correct it.
    Environment,
    /// The machine refused a file, a folder or a process.
    Machine,
    /// The server is not one's own: start one with `Server::start`.
    NotOwned,
}

impl ServerError {
    pub(crate) fn new(kind: ServerErrorKind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    /// For `map_err` on file operations, which do not name the file themselves.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::new(ServerErrorKind::Machine, format!("{path}: {error}"))
    }

    /// For `map_err` on starting a program.
    pub(crate) fn running(program: &str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::new(ServerErrorKind::Machine, format!("`{program}` could not be run: {error}"))
    }

    /// What has to be done.
    pub fn kind(&self) -> ServerErrorKind {
        self.kind
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for ServerError {}
