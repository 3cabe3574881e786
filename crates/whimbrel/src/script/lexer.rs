//! Owns where each token of a text ends. Knows nothing of statements: what a semicolon means is decided
//! elsewhere.

use super::problem::ProblemKind;
use super::reading::Reading;
use super::{DollarQuotes, DoubleQuotes, ExecutableComments, Lexing};

/// What a piece of text is to the lexer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LexemeKind {
    /// A byte order mark.
    Blank,
    Comment,
    Word,
    QuotedIdentifier,
    String,
    DollarQuote,
    Number,
    Symbol,
    /// A delimiter set by a `DELIMITER` line.
    Delimiter,
    /// `/*!50000`, whose contents follow as tokens.
    ExecutableOpen,
    /// The `*/` that closes it.
    ExecutableClose,
}

/// A piece of text, and what is wrong with it: never closed, most often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexeme {
    pub(super) kind: LexemeKind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) problem: Option<ProblemKind>,
}

/// Cuts a text into lexemes that cover all of it but blanks, in one pass.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'s, 't> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    lexing: &'s Lexing,
    delimiter: Option<&'t str>,
    /// Where the executable comment begins that is being read.
    executable: Option<usize>,
    /// Which of the ways to read the text this is.
    pub(super) reading: Reading,
    /// The versions of executable comments that some supported servers execute and others skip, without repetitions.
    pub(super) versions: Vec<u32>,
    /// Whether such a comment was seen since this was last reset.
    pub(super) varied: bool,
    /// The text goes on behind what is lexed here.
    pub(super) continued: bool,
    after_as: bool,
    identifier: u8,
}

/// Letters, digits, `_` and all that is not ASCII.
const IDENTIFIER: u8 = 1;
const DOLLAR: u8 = 2;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let ascii = byte as u8;
        if ascii.is_ascii_alphanumeric() || ascii == b'_' || !ascii.is_ascii() {
            classes[byte] = IDENTIFIER;
        } else if ascii == b'$' {
            classes[byte] = DOLLAR;
        }
        byte += 1;
    }
    classes
};

/// The blanks of all dialects together. A vertical tab is one of MySQL's, and an error for the others.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C)
}

/// Where one of two bytes stands next, or the end: eight bytes at a time, as most of a large script is the inside of texts.
pub(crate) fn find_either(bytes: &[u8], from: usize, one: u8, other: u8) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let rest = bytes.get(from..).unwrap_or_default();
    let (words, _) = rest.as_chunks::<8>();
    let (first, second) = (ONES * u64::from(one), ONES * u64::from(other));
    let mut at = from;
    for word in words {
        let word = u64::from_le_bytes(*word);
        // The lowest byte that is zero has the lowest bit set here, whatever is above it.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        let found = zero(word ^ first) | zero(word ^ second);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail.iter().position(|byte| *byte == one || *byte == other).unwrap_or(tail.len())
}

impl<'s, 't> Lexer<'s, 't> {
    pub(super) fn new(text: &'t str, lexing: &'s Lexing) -> Lexer<'s, 't> {
        let identifier = if lexing.dollar_in_identifiers { IDENTIFIER | DOLLAR } else { IDENTIFIER };
        let bytes = text.as_bytes();
        Lexer {
            text,
            bytes,
            at: 0,
            lexing,
            delimiter: None,
            executable: None,
            reading: Reading::EVERYTHING,
            versions: Vec::new(),
            varied: false,
            continued: false,
            after_as: false,
            identifier,
        }
    }

    /// The text between two offsets that came from a lexeme.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// What ends a statement besides a semicolon, from here on.
    pub(super) fn set_delimiter(&mut self, delimiter: Option<&'t str>) {
        self.delimiter = delimiter;
    }

    /// Goes on at `offset`, which must not lie inside a character.
    pub(super) fn jump(&mut self, offset: usize) {
        self.at = offset.min(self.bytes.len());
    }

    /// Forgets the executable comment that is being read, and says where it began: a statement that
    /// ends inside one ends it for the server.
    pub(super) fn leave_executable(&mut self) -> Option<usize> {
        self.executable.take()
    }

    /// Whether what comes next stands in an executable comment.
    pub(super) fn in_executable(&self) -> bool {
        self.executable.is_some()
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<Lexeme> {
        // Blanks are no lexemes of their own: half of all there are would be blanks.
        let start = self.skip_while(self.at, is_blank);
        let &byte = self.bytes.get(start)?;
        let lexeme = if self.delimiter_at(start) {
            let end = start + self.delimiter.map_or(1, str::len);
            Lexeme { kind: LexemeKind::Delimiter, start, end, problem: None }
        } else {
            self.lexeme(byte, start)
        };
        self.at = lexeme.end;
        if !matches!(lexeme.kind, LexemeKind::Blank | LexemeKind::Comment) {
            self.after_as = lexeme.kind == LexemeKind::Word
                && lexeme.end - start == 2
                && self.bytes[start..lexeme.end].eq_ignore_ascii_case(b"as");
        }
        Some(lexeme)
    }

    #[inline]
    fn lexeme(&mut self, byte: u8, start: usize) -> Lexeme {
        use LexemeKind::{Blank, Comment, ExecutableClose, Number, QuotedIdentifier, String, Symbol, Word};
        let lexing = self.lexing;
        let next = self.byte(start + 1);
        let found = |kind, end| Lexeme { kind, start, end, problem: None };
        let quoted = |kind, (end, closed): (usize, bool)| {
            let problem = match kind {
                _ if closed => None,
                String => Some(ProblemKind::OpenString),
                _ => Some(ProblemKind::OpenIdentifier),
            };
            Lexeme { kind, start, end, problem }
        };
        match byte {
            b'\'' => quoted(String, self.quoted(start, b'\'', lexing.backslash_escapes)),
            b'"' if lexing.double_quotes == DoubleQuotes::String => {
                quoted(String, self.quoted(start, b'"', lexing.backslash_escapes))
            }
            b'"' => quoted(QuotedIdentifier, self.quoted(start, b'"', false)),
            b'`' if lexing.backticks => quoted(QuotedIdentifier, self.quoted(start, b'`', false)),
            b'[' if lexing.brackets => quoted(QuotedIdentifier, self.until(start + 1, b"]")),
            b'-' if next == Some(b'-') && self.dashes_comment(start + 2) => {
                found(Comment, self.line_end(start + 2))
            }
            b'#' if lexing.hash_comments => found(Comment, self.line_end(start + 1)),
            b'/' if next == Some(b'*') => self.block_comment(start),
            b'*' if next == Some(b'/') && self.executable.is_some() => {
                let end = start + 2;
                // A server that skips the comment has to take it to end here as well. Looking no further keeps the pass linear.
                let skipped = self.executable.take().map(|open| self.comment_end(open, 2, end));
                let problem =
                    skipped.filter(|skipped| *skipped != (end, true)).map(|_| ProblemKind::AmbiguousComment);
                Lexeme { kind: ExecutableClose, start, end, problem }
            }
            b'$' if self.may_dollar_quote() => match self.dollar_tag_end(start) {
                Some(end) => self.dollar_quote(start, end),
                None => found(Symbol, start + 1),
            },
            b'$' | b'@' | b':' | b'#' if lexing.named_parameters => found(Symbol, self.parameter_end(start)),
            b'0'..=b'9' => found(Number, self.number_end(start)),
            b'.' if next.is_some_and(|digit| digit.is_ascii_digit()) => found(Number, self.number_end(start)),
            0xEF if lexing.byte_order_mark_is_blank && self.bytes[start..].starts_with(b"\xEF\xBB\xBF") => {
                found(Blank, start + 3)
            }
            _ if CLASSES[usize::from(byte)] & self.identifier != 0 => {
                let end = self.word_end(start);
                match self.byte(end) {
                    Some(b'\'')
                        if end - start == 1 && matches!(byte, b'e' | b'E') && lexing.escape_strings =>
                    {
                        quoted(String, self.escape_string(end))
                    }
                    Some(b'\'')
                        if end - start == 1 && matches!(byte, b'x' | b'X' | b'b' | b'B' | b'n' | b'N') =>
                    {
                        quoted(String, self.quoted(end, b'\'', lexing.backslash_escapes))
                    }
                    _ => found(Word, end),
                }
            }
            b':' if matches!(next, Some(b':' | b'=')) => found(Symbol, start + 2),
            b'@' if next == Some(b'@') => found(Symbol, start + 2),
            _ => found(Symbol, start + 1),
        }
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    #[inline]
    fn delimiter_at(&self, at: usize) -> bool {
        self.delimiter.is_some_and(|delimiter| self.bytes[at..].starts_with(delimiter.as_bytes()))
    }

    #[inline]
    fn skip_while(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        let mut at = from;
        while self.byte(at).is_some_and(&test) {
            at += 1;
        }
        at
    }

    /// The end of an identifier. The client cuts at its delimiter even inside one: `END$$`.
    #[inline]
    fn word_end(&self, from: usize) -> usize {
        let identifier = self.identifier;
        if self.delimiter.is_none() {
            return self.skip_while(from, |byte| CLASSES[usize::from(byte)] & identifier != 0);
        }
        let mut at = from;
        while self.byte(at).is_some_and(|byte| CLASSES[usize::from(byte)] & identifier != 0)
            && !self.delimiter_at(at)
        {
            at += 1;
        }
        at
    }

    /// The end of a number, and of what no dialect lets follow one directly. PostgreSQL before 15 reads
    /// `1E'x'` as a number and a string, so there letters are left for the next token.
    fn number_end(&self, from: usize) -> usize {
        let strict = self.lexing.escape_strings;
        let radix = strict
            && self.byte(from) == Some(b'0')
            && matches!(self.byte(from + 1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B'))
            && self.byte(from + 2).is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b'_');
        let mut at = if radix { from + 2 } else { from };
        while let Some(byte) = self.byte(at) {
            let digit = |at| self.byte(at).is_some_and(|byte: u8| byte.is_ascii_digit());
            let exponent = matches!(byte, b'e' | b'E') && !radix;
            at += match byte {
                _ if self.delimiter_at(at) => break,
                _ if exponent && matches!(self.byte(at + 1), Some(b'+' | b'-')) && digit(at + 2) => 2,
                b'e' | b'E' if strict && !radix && !digit(at + 1) => break,
                b'0'..=b'9' | b'_' => 1,
                _ if radix && byte.is_ascii_hexdigit() => 1,
                b'e' | b'E' if exponent => 1,
                // `1..10` is a range in a MariaDB loop.
                b'.' if self.byte(at + 1) != Some(b'.') => 1,
                _ if !strict && CLASSES[usize::from(byte)] & self.identifier != 0 => 1,
                _ => break,
            };
        }
        at.max(from + 1)
    }

    /// Whether the byte there is the second one of a character, as in GBK and its like, where it follows one above ASCII.
    fn is_swallowed(&self, at: usize) -> bool {
        self.reading.wide
            && at.checked_sub(1).and_then(|before| self.byte(before)).is_some_and(|it| !it.is_ascii())
    }

    /// The end of text in quotes that opens at `open`, and whether it is closed. A doubled quote is one.
    fn quoted(&self, open: usize, quote: u8, backslash: bool) -> (usize, bool) {
        let mut at = open + 1;
        // Without escapes nothing inside matters but the quote.
        let other = if backslash { b'\\' } else { quote };
        while let Some(byte) = self.byte(at) {
            if byte != quote && byte != other {
                at = find_either(self.bytes, at + 1, quote, other);
            } else if byte == quote && !(quote == b'`' && self.is_swallowed(at)) {
                if self.byte(at + 1) != Some(quote) {
                    return (at + 1, true);
                }
                at += 2;
            } else if byte == b'\\' && backslash && !self.is_swallowed(at) {
                at += 2;
            } else {
                at += 1;
            }
        }
        (self.bytes.len(), false)
    }

    /// The end of an `E'…'` string whose quote is at `open`. One that goes on after a line break goes
    /// on with escapes, though its `E` is not repeated.
    fn escape_string(&self, open: usize) -> (usize, bool) {
        let mut quote = open;
        loop {
            let (end, closed) = self.quoted(quote, b'\'', true);
            match self.continuation(end) {
                Some(next) if closed => quote = next,
                _ => return (end, closed),
            }
        }
    }

    /// The quote that continues a string ended at `from`: after blanks and line comments, with a line
    /// break among them.
    fn continuation(&self, from: usize) -> Option<usize> {
        let (mut at, mut broken) = (from, false);
        loop {
            match self.byte(at)? {
                byte if is_blank(byte) => {
                    broken |= matches!(byte, b'\n' | b'\r');
                    at += 1;
                }
                b'-' if self.byte(at + 1) == Some(b'-') => at = self.line_end(at),
                b'\'' if broken => return Some(at),
                _ => return None,
            }
        }
    }

    /// Just after `end`, searched from `from`, and whether it was found.
    fn until(&self, from: usize, end: &[u8]) -> (usize, bool) {
        let Some(&first) = end.first() else { return (from, true) };
        let mut at = from;
        loop {
            at = find_either(self.bytes, at, first, first);
            if at >= self.bytes.len() {
                return (self.bytes.len(), false);
            }
            if self.bytes[at..].starts_with(end) {
                return (at + end.len(), true);
            }
            at += 1;
        }
    }

    fn line_end(&self, from: usize) -> usize {
        let other = if self.lexing.carriage_return_ends_comment { b'\r' } else { b'\n' };
        find_either(self.bytes, from, b'\n', other)
    }

    fn dashes_comment(&self, after: usize) -> bool {
        !self.lexing.dashes_need_blank
            || self.byte(after).map_or(!self.continued, |byte| byte == b' ' || byte.is_ascii_control())
    }

    fn block_comment(&mut self, start: usize) -> Lexeme {
        if let Some(marker) = self.executable_marker(start)
            && self.is_executed(start, marker)
        {
            // Inside another one, its `*/` would end both.
            let problem = self.executable.map(|_| ProblemKind::AmbiguousComment);
            self.executable.get_or_insert(start);
            return Lexeme { kind: LexemeKind::ExecutableOpen, start, end: marker, problem };
        }
        // A server that skips an executable comment takes one inside of it for a part.
        let skipped = self.executable_marker(start).is_some();
        let levels = if self.lexing.nested_comments { usize::MAX } else { 1 + usize::from(skipped) };
        let (end, closed) = self.comment_end(start, levels, self.bytes.len());
        let problem = (!closed).then_some(ProblemKind::OpenComment);
        Lexeme { kind: LexemeKind::Comment, start, end, problem }
    }

    /// The end of a block comment in which comments may nest to so many levels, looked for up to `limit`.
    fn comment_end(&self, start: usize, levels: usize, limit: usize) -> (usize, bool) {
        let (mut at, mut level) = (start + 2, 1);
        let bytes = self.bytes.get(..limit).unwrap_or(self.bytes);
        while let Some(&byte) = bytes.get(at) {
            match (byte, bytes.get(at + 1)) {
                (b'*', Some(b'/')) if level == 1 => return (at + 2, true),
                (b'*', Some(b'/')) => level -= 1,
                (b'/', Some(b'*')) if level < levels => level += 1,
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 2;
        }
        (bytes.len(), false)
    }

    /// Just after `/*!50000`, if an executable comment starts here. A version has five digits or six;
    /// fewer belong to the contents.
    fn executable_marker(&self, start: usize) -> Option<usize> {
        let marker = match (self.lexing.executable_comments, self.byte(start + 2)?) {
            (ExecutableComments::None, _) => return None,
            (_, b'!') => start + 3,
            (ExecutableComments::MariaDb, b'M') if self.byte(start + 3) == Some(b'!') => start + 4,
            _ => return None,
        };
        let digits = self.bytes[marker..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        Some(if digits < 5 { marker } else { marker + digits })
    }

    /// Whether the executable comment between `start` and the end of its marker is executed in this reading.
    fn is_executed(&mut self, start: usize, marker: usize) -> bool {
        let text = self.slice(start, marker);
        let Some(version) = Reading::version_of(text) else { return true };
        self.varied = true;
        if !self.versions.contains(&version) && self.versions.len() <= Reading::MOST_VERSIONS {
            self.versions.push(version);
        }
        self.reading.executes(version, text.starts_with("/*M"))
    }

    fn may_dollar_quote(&self) -> bool {
        match self.lexing.dollar_quotes {
            DollarQuotes::None => false,
            DollarQuotes::Anywhere => true,
            DollarQuotes::AfterAs => self.after_as,
        }
    }

    /// Just after `$tag$`, if that is what stands here.
    fn dollar_tag_end(&self, start: usize) -> Option<usize> {
        let end = self.skip_while(start + 1, |byte| CLASSES[usize::from(byte)] == IDENTIFIER);
        let tag_opens = self.byte(start + 1).is_some_and(|byte| !byte.is_ascii_digit());
        (tag_opens && self.byte(end) == Some(b'$')).then_some(end + 1)
    }

    fn dollar_quote(&self, start: usize, body: usize) -> Lexeme {
        let (end, closed) = self.until(body, &self.bytes[start..body]);
        let problem = (!closed).then_some(ProblemKind::OpenDollarQuote);
        Lexeme { kind: LexemeKind::DollarQuote, start, end, problem }
    }

    /// The end of SQLite's `$name`, `$a::b` or `$a(anything but blanks)`.
    fn parameter_end(&self, start: usize) -> usize {
        let (mut at, mut named) = (start + 1, false);
        while let Some(byte) = self.byte(at) {
            if CLASSES[usize::from(byte)] & self.identifier != 0 {
                named = true;
                at += 1;
            } else if byte == b'(' && named {
                let end = self.skip_while(at + 1, |byte| byte != b')' && byte != 0 && !is_blank(byte));
                return if self.byte(end) == Some(b')') { end + 1 } else { end };
            } else if byte == b':' && self.byte(at + 1) == Some(b':') {
                at += 2;
            } else {
                break;
            }
        }
        at
    }
}
