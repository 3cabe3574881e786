//! Owns the significant tokens of a statement, as seen by those who look into one. Leaves the lexing to
//! the lexer.

use super::Lexing;
use super::lexer::{LexemeKind, Lexer};
use super::reading::Reading;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// A bare word: a keyword or an identifier without quotes.
    Word,
    /// An identifier in quotes, which are part of the text.
    QuotedIdentifier,
    /// A string with its quotes and its prefix, a dollar quote, or a blob.
    String,
    /// A number.
    Number,
    /// Anything else: one character, except `:=`, `::`, `@@` and SQLite's named parameters.
    Symbol,
}

/// A significant token: neither white space nor comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token<'t> {
    /// What it is.
    pub kind: TokenKind,
    /// As it is written, with quotes and prefix.
    pub text: &'t str,
    /// Bytes before it in the script.
    pub offset: usize,
}

impl Token<'_> {
    /// Whether this is `keyword`, in whatever case; nothing in quotes ever is.
    #[must_use]
    #[inline]
    pub fn is_keyword(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether this is `symbol`.
    #[must_use]
    #[inline]
    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }
}

/// The significant tokens of a statement in order, lexed as they are asked for. What stands in an
/// executable comment counts.
#[derive(Clone, Debug)]
pub struct Words<'s, 't> {
    lexer: Lexer<'s, 't>,
    offset: usize,
}

impl<'s, 't> Words<'s, 't> {
    /// The tokens of a script from `offset` to `end`. Whether something stands behind them matters: only at the very end
    /// of a text are two minus signs a comment on MySQL.
    pub(crate) fn new(script: &'t str, offset: usize, end: usize, lexing: &'s Lexing) -> Words<'s, 't> {
        Self::read(script, offset, end, lexing, Reading::EVERYTHING)
    }

    /// The same, in one of the ways to read them.
    pub(super) fn read(
        script: &'t str,
        offset: usize,
        end: usize,
        lexing: &'s Lexing,
        reading: Reading,
    ) -> Words<'s, 't> {
        let text = script.get(offset..end).unwrap_or_default();
        let mut lexer = Lexer::new(text, lexing);
        lexer.continued = end < script.len();
        lexer.reading = reading;
        Words { lexer, offset }
    }

    /// The versions of the executable comments so far that not every supported server executes.
    pub(super) fn versions(&self) -> &[u32] {
        &self.lexer.versions
    }
}

impl Words<'_, '_> {
    /// Whether the token that came last stands in an executable comment.
    pub(crate) fn in_executable(&self) -> bool {
        self.lexer.in_executable()
    }
}

impl<'t> Iterator for Words<'_, 't> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        loop {
            let lexeme = self.lexer.next()?;
            let kind = match lexeme.kind {
                LexemeKind::Word => TokenKind::Word,
                LexemeKind::QuotedIdentifier => TokenKind::QuotedIdentifier,
                LexemeKind::String | LexemeKind::DollarQuote => TokenKind::String,
                LexemeKind::Number => TokenKind::Number,
                LexemeKind::Symbol => TokenKind::Symbol,
                LexemeKind::Blank
                | LexemeKind::Comment
                | LexemeKind::Delimiter
                | LexemeKind::ExecutableOpen
                | LexemeKind::ExecutableClose => continue,
            };
            return Some(Token {
                kind,
                text: self.lexer.slice(lexeme.start, lexeme.end),
                offset: self.offset + lexeme.start,
            });
        }
    }
}
