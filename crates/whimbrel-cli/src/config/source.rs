//! The text of the configuration file, and where in it a byte is. Shows none of the text.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::problem::FilePlace;

/// The text of the file. It is not shown: there may be a password in it.
pub(super) struct SourceText {
    /// The file, as people are to see it.
    shown: PathBuf,
    text: String,
    /// Where its lines end: each setting asks for its own.
    line_ends: Vec<usize>,
}

impl SourceText {
    pub(super) fn new(shown: PathBuf, text: String) -> Self {
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        Self { shown, text, line_ends }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_ends.partition_point(|end| *end < offset) + 1
    }

    pub(super) fn place(&self, span: &Range<usize>) -> FilePlace {
        let before = self.before(span.start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        FilePlace {
            file: self.shown.clone(),
            line: self.line(span.start),
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// What stands before a byte; spans that end inside a character, or behind the text, are rounded down.
    fn before(&self, offset: usize) -> &str {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceText").field("shown", &self.shown).finish_non_exhaustive()
    }
}
