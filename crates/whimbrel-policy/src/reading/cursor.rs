//! A walk over the tokens of a statement, for readers without a grammar. Knows no dialect but for how names are quoted.

use whimbrel::script::{Token, TokenKind};

use crate::deed::Name;

/// A place among the tokens of a statement, or of a part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a, 't> {
    tokens: &'a [Token<'t>],
    at: usize,
}

impl<'a, 't> Cursor<'a, 't> {
    /// The beginning of these.
    pub(crate) fn new(tokens: &'a [Token<'t>]) -> Self {
        Self { tokens, at: 0 }
    }

    /// Whether none is left.
    pub(crate) fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [Token<'t>] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    /// The next token, which stays.
    pub(crate) fn peek(&self) -> Option<&'a Token<'t>> {
        self.tokens.get(self.at)
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Option<&'a Token<'t>> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// Whether the next one is this keyword.
    pub(crate) fn sees(&self, keyword: &str) -> bool {
        self.peek().is_some_and(|token| token.is_keyword(keyword))
    }

    /// Whether the next ones are these keywords.
    pub(crate) fn sees_all(&self, keywords: &[&str]) -> bool {
        let rest = self.rest();
        rest.len() >= keywords.len()
            && rest.iter().zip(keywords).all(|(token, keyword)| token.is_keyword(keyword))
    }

    /// Whether the next one is one of these keywords.
    pub(crate) fn sees_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.sees(keyword))
    }

    /// Whether the next one is this symbol.
    pub(crate) fn sees_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    /// Passes this keyword, if it comes next.
    pub(crate) fn take(&mut self, keyword: &str) -> bool {
        let found = self.sees(keyword);
        self.at += usize::from(found);
        found
    }

    /// Passes these keywords, if all of them come next.
    pub(crate) fn take_all(&mut self, keywords: &[&str]) -> bool {
        let found = self.sees_all(keywords);
        if found {
            self.at += keywords.len();
        }
        found
    }

    /// Passes one of these keywords, if one comes next, and says which.
    pub(crate) fn take_any(&mut self, keywords: &[&'static str]) -> Option<&'static str> {
        keywords.iter().copied().find(|keyword| self.take(keyword))
    }

    /// Passes this symbol, if it comes next.
    pub(crate) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.sees_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    /// Passes a symbol of one character, if one of these comes next.
    pub(crate) fn take_any_symbol(&mut self, symbols: &str) -> bool {
        let found = self.peek().is_some_and(|token| {
            token.kind == TokenKind::Symbol && token.text.len() == 1 && symbols.contains(token.text)
        });
        self.at += usize::from(found);
        found
    }

    /// Passes `IF EXISTS`.
    pub(crate) fn take_if_exists(&mut self) -> bool {
        self.take_all(&["IF", "EXISTS"])
    }

    /// Passes `IF NOT EXISTS`.
    pub(crate) fn take_if_not_exists(&mut self) -> bool {
        self.take_all(&["IF", "NOT", "EXISTS"])
    }

    /// An identifier, without its quotes.
    pub(crate) fn ident(&mut self) -> Option<String> {
        let ident = unquoted(self.peek()?)?;
        self.at += 1;
        Some(ident)
    }

    /// A name, perhaps with its schema.
    pub(crate) fn name(&mut self) -> Option<Name> {
        // MySQL takes `.t` for a table of the current database.
        self.take_symbol(".");
        let first = self.ident()?;
        if !self.take_symbol(".") {
            return Some(Name::bare(first));
        }
        Some(Name::within(first, self.ident()?))
    }

    /// Names between commas.
    pub(crate) fn names(&mut self) -> Option<Vec<Name>> {
        let mut names = vec![self.name()?];
        while self.take_symbol(",") {
            names.push(self.name()?);
        }
        Some(names)
    }

    /// A word, a number or a string, as it is written.
    pub(crate) fn value(&mut self) -> Option<&'t str> {
        let token = self.peek().filter(|token| token.kind != TokenKind::Symbol)?;
        self.at += 1;
        Some(token.text)
    }

    /// What stands between the parentheses that open next, without them.
    pub(crate) fn parenthesized(&mut self) -> Option<Cursor<'a, 't>> {
        if !self.sees_symbol("(") {
            return None;
        }
        let mut depth = 0_usize;
        let length = self.rest().iter().position(|token| {
            depth += usize::from(token.is_symbol("("));
            if token.is_symbol(")") {
                depth -= 1;
            }
            depth == 0
        })?;
        let inner = self.tokens.get(self.at + 1..self.at + length)?;
        self.at += length + 1;
        Some(Cursor::new(inner))
    }

    /// Passes one token, or all between two parentheses.
    pub(crate) fn skip(&mut self) {
        if self.parenthesized().is_none() {
            self.at += 1;
        }
    }

    /// Passes all that stands before one of these keywords, outside parentheses. False: it does not come, and all is passed.
    pub(crate) fn skip_to(&mut self, keywords: &[&str]) -> bool {
        while !self.done() {
            if self.sees_any(keywords) {
                return true;
            }
            self.skip();
        }
        false
    }

    /// What is left, cut at the commas outside parentheses.
    pub(crate) fn parts(&self) -> Vec<Cursor<'a, 't>> {
        let mut depth = 0_usize;
        self.rest()
            .split(|token| {
                depth += usize::from(token.is_symbol("("));
                if token.is_symbol(")") {
                    depth = depth.saturating_sub(1);
                }
                depth == 0 && token.is_symbol(",")
            })
            .map(Cursor::new)
            .collect()
    }

    /// Whether this keyword stands somewhere in what is left, outside parentheses.
    pub(crate) fn holds(&self, keyword: &str) -> bool {
        let mut ahead = *self;
        ahead.skip_to(&[keyword])
    }
}

/// An identifier's text without its quotes.
fn unquoted(token: &Token<'_>) -> Option<String> {
    match token.kind {
        TokenKind::Word => Some(token.text.to_owned()),
        // MySQL's names may begin with a digit.
        TokenKind::Number if token.text.contains(|c: char| c.is_alphabetic()) => Some(token.text.to_owned()),
        TokenKind::QuotedIdentifier => {
            let quote = token.text.chars().next()?;
            let close = if quote == '[' { ']' } else { quote };
            let inner = token.text.strip_prefix(quote)?.strip_suffix(close)?;
            let twice: String = [close, close].iter().collect();
            Some(inner.replace(&twice, &close.to_string()))
        }
        _ => None,
    }
}

/// A string's text without its quotes, as far as that needs no knowledge of escapes: for comparing words.
pub(crate) fn literal(text: &str) -> &str {
    let quote = |c| c == '\'' || c == '"';
    text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)).unwrap_or(text)
}
