//! Owns a script cut into statements. Knows SQL only as far as telling where a statement ends, and nothing
//! of migrations or connections.
//!
//! ```
//! use whimbrel::script::{Lexing, Script};
//!
//! let text = "create table t (a text); -- a table; and a row\ninsert into t values (';');";
//! let script = Script::parse(text, &Lexing::SQLITE).unwrap();
//! let statements: Vec<_> = script.statements().iter().map(|statement| statement.text()).collect();
//! assert_eq!(statements, ["create table t (a text)", "insert into t values (';')"]);
//! ```
//!
//! What a database would see as one statement is one here: each dialect's strings, comments, dollar
//! quotes and bodies are followed as its own parser follows them. What can't be run as part of a
//! migration (see [`ProblemKind`]) is refused, all of it at once.

mod body;
mod compound;
mod control;
mod cutter;
mod lexer;
mod lexing;
mod mask;
mod position;
mod problem;
mod reading;
mod token;

use std::sync::Arc;

use self::reading::Reading;

pub use cutter::Statements;
pub(crate) use cutter::{Mark, locate};
pub(crate) use lexer::find_either;
pub use lexing::{Bodies, DollarQuotes, DoubleQuotes, ExecutableComments, Lexing};
pub use mask::mask;
pub(crate) use mask::mask_line;
pub use position::Position;
pub use problem::{Problem, ProblemKind};
pub use token::{Token, TokenKind, Words};

/// A script cut into statements.
#[derive(Clone, Debug)]
pub struct Script<'t> {
    text: &'t str,
    statements: Vec<Statement<'t>>,
    directives: Vec<RawDirective<'t>>,
}

impl<'t> Script<'t> {
    /// Cuts a canonical text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the script, in the order of its text. What an unclosed quote
    /// swallows is not looked at.
    pub fn parse(text: &'t str, lexing: &Lexing) -> Result<Script<'t>, Vec<Problem>> {
        cutter::cut(text, lexing)
    }

    /// Cuts a canonical text statement by statement: what is wrong with it is told at the end.
    ///
    /// ```
    /// use whimbrel::script::{Lexing, Script};
    ///
    /// let mut statements = Script::stream("select 1; select 'a", &Lexing::ANSI);
    /// assert_eq!(statements.next().unwrap().text(), "select 1");
    /// assert_eq!(statements.into_problems().len(), 1);
    /// ```
    #[must_use]
    pub fn stream<'s>(text: &'t str, lexing: &'s Lexing) -> Statements<'s, 't> {
        Statements::new(text, lexing)
    }

    /// The same of a sound text, and each statement has all its [`readings`](Statement::readings): also those of the sessions that
    /// the script's own statements may make. Reads the text once more before.
    pub(crate) fn stream_in_every_way<'s>(text: &'t str, lexing: &'s Lexing) -> Statements<'s, 't> {
        Statements::new(text, lexing).in_every_way()
    }

    /// Whether nothing is wrong with a canonical text. Keeps no list of its statements.
    pub(crate) fn is_sound(text: &'t str, lexing: &Lexing) -> bool {
        Self::stream(text, lexing).into_problems().is_empty()
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The statements in order. Pieces that are empty or hold only comments are none.
    #[must_use]
    pub fn statements(&self) -> &[Statement<'t>] {
        &self.statements
    }

    /// The text in pieces, which rejoin to it byte for byte: each statement with what is around it, and
    /// what belongs to no statement.
    ///
    /// ```
    /// use whimbrel::script::{Lexing, Script};
    ///
    /// let script = Script::parse("-- a\nselect 1; ; select 2; -- b", &Lexing::ANSI).unwrap();
    /// let pieces: Vec<_> = script.pieces().collect();
    /// assert_eq!(pieces, ["-- a\nselect 1;", " ;", " select 2;", " -- b"]);
    /// ```
    pub fn pieces(&self) -> impl Iterator<Item = &'t str> {
        let text = self.text;
        let ends = self.statements.iter().map(|statement| statement.piece_end);
        let begins = self.statements.iter().map(|statement| statement.piece_start);
        // Between two statements' pieces lies what belongs to none.
        let gaps = std::iter::once(0).chain(ends.clone()).zip(begins.clone().chain([text.len()]));
        let pieces = begins.zip(ends).map(Some).chain([None]);
        gaps.zip(pieces)
            .flat_map(|(gap, piece)| [Some(gap), piece])
            .flatten()
            .map(move |(start, end)| text.get(start..end).unwrap_or_default())
            .filter(|piece| !piece.is_empty())
    }

    /// The comments of the form `-- whimbrel: …`, in order.
    #[must_use]
    pub fn directives(&self) -> &[RawDirective<'t>] {
        &self.directives
    }
}

/// One statement of a script.
#[derive(Clone, Debug)]
pub struct Statement<'t> {
    script: &'t str,
    piece_start: usize,
    piece_end: usize,
    end: usize,
    position: Position,
    lexing: Lexing,
    /// Whether it holds an executable comment that some supported servers skip.
    varies: bool,
    /// The other ways to read it in the sessions that its script's own statements may make.
    settings: Option<Arc<[(Lexing, Reading)]>>,
}

impl<'t> Statement<'t> {
    /// The statement alone: without its delimiter, and without white space and comments before and
    /// after it.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.script.get(self.position.offset..self.end).unwrap_or_default()
    }

    /// The statement with its delimiter, and with what stands between it and the piece before it.
    #[must_use]
    pub fn piece(&self) -> &'t str {
        self.script.get(self.piece_start..self.piece_end).unwrap_or_default()
    }

    /// Where its first character stands in the script.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Its significant tokens, those in executable comments among them.
    ///
    /// ```
    /// use whimbrel::script::{Lexing, Script};
    ///
    /// let script = Script::parse("/*!50001 create */ view v as select 1", &Lexing::MYSQL).unwrap();
    /// let mut words = script.statements()[0].words();
    /// assert!(words.next().unwrap().is_keyword("CREATE"));
    /// assert!(words.next().unwrap().is_keyword("VIEW"));
    /// ```
    #[must_use]
    pub fn words(&self) -> Words<'_, 't> {
        Words::new(self.script, self.position.offset, self.end, &self.lexing)
    }

    /// Its significant tokens as each supported server may read them: [`words`](Self::words) first, and then, where the
    /// statement holds an executable comment that some of these servers skip, or its script sets a `sql_mode` or a character set
    /// in which quotes or backslashes mean something else, every other way.
    ///
    /// What must hold of a statement has to hold of all of them.
    ///
    /// ```
    /// use whimbrel::script::{Lexing, Script};
    ///
    /// let script = Script::parse("/*!99999 DO */ RELEASE SAVEPOINT a", &Lexing::MYSQL).unwrap();
    /// let first: Vec<_> =
    ///     script.statements()[0].readings().map(|mut words| words.next().unwrap().text.to_owned()).collect();
    /// assert_eq!(first, ["DO", "RELEASE"]);
    /// ```
    pub fn readings(&self) -> impl Iterator<Item = Words<'_, 't>> {
        let mut all = vec![self.words()];
        if self.varies {
            let versions = Self::versions(self.words());
            let others = reading::others(&versions, &self.lexing).into_iter();
            all.extend(others.map(|other| self.read(&self.lexing, other)));
        }
        let quotes = |byte: u8| matches!(byte, b'"' | b'\\') || !byte.is_ascii();
        if let Some(settings) = self.settings.as_deref().filter(|_| self.text().bytes().any(quotes)) {
            for (lexing, under) in settings {
                let versions =
                    if self.varies { Self::versions(self.read(lexing, *under)) } else { Vec::new() };
                let others = reading::others(&versions, lexing).into_iter().chain([*under]);
                for words in others.map(|other| self.read(lexing, other)) {
                    let same = |known: &Words<'_, 't>| {
                        known
                            .clone()
                            .map(|it| (it.kind, it.text))
                            .eq(words.clone().map(|it| (it.kind, it.text)))
                    };
                    if !all.iter().any(same) {
                        all.push(words);
                    }
                }
            }
        }
        all.into_iter()
    }

    fn read<'s>(&'s self, lexing: &'s Lexing, reading: Reading) -> Words<'s, 't> {
        Words::read(self.script, self.position.offset, self.end, lexing, reading)
    }

    /// The versions of the executable comments in these words that not every supported server executes.
    fn versions(mut words: Words<'_, 't>) -> Vec<u32> {
        words.by_ref().for_each(drop);
        words.versions().to_vec()
    }
}

/// A comment that speaks to Whimbrel: `-- whimbrel: …` or `/* whimbrel: … */`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawDirective<'t> {
    /// What follows the colon, trimmed.
    pub text: &'t str,
    /// Where the comment begins.
    pub position: Position,
    /// Whether it stands before the first statement.
    pub in_header: bool,
    /// The statement that it stands before or in, counted from 0, or behind on the same line. If it stands before none,
    /// the number of statements.
    pub statement: usize,
}
