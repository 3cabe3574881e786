//! Why a chore stopped: one sentence for the person who called it.

use std::fmt;
use std::io;
use std::path::Path;

/// What every chore returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// One sentence that says what went wrong and, where that is known, what to do.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// For `map_err` on file operations, which do not name the file themselves.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self(format!("{path}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
