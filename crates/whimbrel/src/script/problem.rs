//! Owns the reasons to refuse a script. Knows nothing of files, nor of how the script was read.

use std::fmt;

use super::Position;

/// One reason why a script is refused, and where.
///
/// Displayed as one fragment that says what is wrong and what to do about it; it never shows what
/// stands in a literal.
///
/// ```
/// use whimbrel::script::{Lexing, ProblemKind, Script};
///
/// let problems = Script::parse("select 1;\nselect 'it;", &Lexing::POSTGRES).unwrap_err();
/// assert_eq!(problems[0].kind, ProblemKind::OpenString);
/// assert_eq!(problems[0].position.to_string(), "2:8");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// Where it begins.
    pub position: Position,
}

/// What is wrong with a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A NUL character. SQLite would stop reading there, without an error.
    Nul,
    /// A string without its closing quote.
    OpenString,
    /// A quoted identifier without its closing quote.
    OpenIdentifier,
    /// A comment without its end.
    OpenComment,
    /// A dollar quote without its end.
    OpenDollarQuote,
    /// A body of statements without its `END`.
    OpenBody,
    /// A statement that begins or ends a transaction.
    TransactionControl {
        /// The words that tell it, in upper case.
        word: &'static str,
    },
    /// `COPY … FROM STDIN` or `TO STDOUT`.
    CopyData,
    /// A command to psql.
    BackslashCommand,
    /// A `DELIMITER` line that names no delimiter, an unusable one, or more than that.
    Delimiter,
    /// An executable comment that servers of different versions would end at different places, or that ends its statement
    /// elsewhere where it is skipped.
    AmbiguousComment,
    /// A quote, behind or before what means something else once the script has changed `sql_mode` or the character set.
    AmbiguousQuotes,
}

impl ProblemKind {
    /// Whether nothing after it was seen.
    pub(super) fn swallows_the_rest(self) -> bool {
        matches!(
            self,
            ProblemKind::OpenString
                | ProblemKind::OpenIdentifier
                | ProblemKind::OpenComment
                | ProblemKind::OpenDollarQuote
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProblemKind::Nul => "a NUL character, which ends the script early on some databases: remove it",
            ProblemKind::OpenString => "a string that is never closed: close its quote",
            ProblemKind::OpenIdentifier => "a quoted identifier that is never closed: close its quote",
            ProblemKind::OpenComment => "a comment that is never closed: close it with */",
            ProblemKind::OpenDollarQuote => "a dollar quote that is never closed: repeat its tag where it ends",
            ProblemKind::OpenBody => "a body of statements without its END: close it before the statement ends",
            ProblemKind::TransactionControl { word } => {
                return write!(
                    f,
                    "{word} in a script, whose transaction is begun and ended for it: remove it, or use savepoints"
                );
            }
            ProblemKind::CopyData => {
                "COPY with data from or to the client, which has none: use INSERT, or COPY with a file on the server"
            }
            ProblemKind::BackslashCommand => "a backslash command, which only psql understands: remove it",
            ProblemKind::Delimiter => {
                "a DELIMITER line that is not understood: write one delimiter of at most 15 bytes without a backslash after it, and nothing else"
            }
            ProblemKind::AmbiguousComment => {
                "an executable comment that ends at different places on different servers: put neither its end, \
                 nor the statement's, nor another such comment inside"
            }
            ProblemKind::AmbiguousQuotes => {
                "a quote that ends elsewhere once `sql_mode` or the character set is changed, as this script does: write \
                 quotes inside of strings doubled, without a backslash before them"
            }
        })
    }
}
