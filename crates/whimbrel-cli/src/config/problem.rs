//! What is wrong with the configuration, and what to do. Holds none of the text that was read.

use std::fmt;
use std::path::PathBuf;

use whimbrel::{Error, ErrorKind, UrlError};

/// What is wrong with the configuration: one lower-case fragment, perhaps where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    headline: String,
    place: Option<FilePlace>,
    notes: Vec<(&'static str, String)>,
}

/// A place in the configuration file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePlace {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    /// In characters.
    pub(crate) column: usize,
}

impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl Problem {
    pub(crate) fn new(headline: impl Into<String>) -> Self {
        Self { headline: headline.into(), place: None, notes: Vec::new() }
    }

    #[must_use]
    pub(crate) fn at(mut self, place: FilePlace) -> Self {
        self.place = Some(place);
        self
    }

    #[must_use]
    pub(crate) fn with_note(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.notes.push((name, text.into()));
        self
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn with_next(self, text: impl Into<String>) -> Self {
        self.with_note("next", text)
    }

    /// What is wrong, without its place.
    pub(crate) fn headline(&self) -> &str {
        &self.headline
    }

    /// Where, if it is about a place in the file.
    #[cfg(test)]
    pub(crate) fn place(&self) -> Option<&FilePlace> {
        self.place.as_ref()
    }

    /// What to do.
    pub(crate) fn next(&self) -> Option<&str> {
        self.notes().find(|(name, _)| *name == "next").map(|(_, text)| text)
    }

    /// The lines below, each a name and a text.
    pub(crate) fn notes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.notes.iter().map(|(name, text)| (*name, text.as_str()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.headline)
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        let error = Self::new(ErrorKind::Configuration, problem.to_string());
        problem.notes.into_iter().fold(error, |error, (name, text)| error.with_note(name, text))
    }
}

impl From<UrlError> for Problem {
    fn from(error: UrlError) -> Self {
        let error = Error::from(error);
        let next = error.notes().find(|(name, _)| *name == "next").map(|(_, text)| text.to_owned());
        let problem = Self::new(error.to_string());
        match next {
            Some(next) => problem.with_next(next),
            None => problem,
        }
    }
}
