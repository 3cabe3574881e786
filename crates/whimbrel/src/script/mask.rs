//! Owns how SQL is shown without the data in it. Knows nothing of statements.

use super::lexer::{Lexeme, LexemeKind, Lexer};
use super::{DoubleQuotes, Lexing};

/// The same text with what is in strings, dollar quotes and comments replaced by `…`, and numbers by
/// `?`: for showing SQL in errors and logs without leaking data. It takes broken text as well.
///
/// Comments are hidden since data is commented out too; names in double quotes are hidden where the
/// database may take them for strings.
///
/// ```
/// use whimbrel::script::{Lexing, mask};
///
/// let sql = "insert into users values (42, 'it''s me') -- not him";
/// assert_eq!(mask(sql, &Lexing::POSTGRES), "insert into users values (?, '…') --…");
/// ```
#[must_use]
pub fn mask(sql: &str, lexing: &Lexing) -> String {
    let mut masked = String::with_capacity(sql.len());
    masked.extend(Masked::new(sql, lexing));
    masked
}

/// The masked line of a text in which a place stands: what of it stands before the place, and the rest. Nothing where the
/// place stands inside of something that is masked.
///
/// Holds no more of the text than this line, however large the text is.
pub(crate) fn mask_line(text: &str, offset: usize, lexing: &Lexing) -> Option<(String, String)> {
    let mut whole = Masked::new(text, lexing);
    let (mut before, mut rest) = (String::new(), "");
    for piece in Masked::new(text.get(..offset)?, lexing) {
        let mut wanted = piece;
        while !wanted.is_empty() {
            if rest.is_empty() {
                rest = whole.next()?;
            }
            let same = wanted.len().min(rest.len());
            // Both are cut at the end of the shorter one; where that is inside a character of the other, they differ.
            rest = rest.strip_prefix(wanted.get(..same)?)?;
            wanted = &wanted[same..];
        }
        match piece.rsplit_once('\n') {
            Some((_, last)) => last.clone_into(&mut before),
            None => before.push_str(piece),
        }
    }
    let mut behind = String::new();
    for piece in std::iter::once(rest).chain(whole) {
        match piece.split_once('\n') {
            Some((last, _)) => {
                behind.push_str(last);
                break;
            }
            None => behind.push_str(piece),
        }
    }
    Some((before, behind))
}

/// A masked text, in pieces.
struct Masked<'s, 't> {
    lexer: Lexer<'s, 't>,
    lexing: &'s Lexing,
    sql: &'t str,
    /// Where the last lexeme ended.
    end: usize,
    /// What is still to be given of it, backwards.
    pieces: Vec<&'t str>,
    ended: bool,
}

impl<'s, 't> Masked<'s, 't> {
    fn new(sql: &'t str, lexing: &'s Lexing) -> Self {
        Self { lexer: Lexer::new(sql, lexing), lexing, sql, end: 0, pieces: Vec::new(), ended: false }
    }

    fn lexeme(&mut self, lexeme: &Lexeme) {
        let text = self.lexer.slice(lexeme.start, lexeme.end);
        let closed = lexeme.problem.is_none();
        let parts = match lexeme.kind {
            LexemeKind::Number => ["?", "", ""],
            LexemeKind::Comment if text.starts_with("/*") => ["/*…*/", "", ""],
            LexemeKind::Comment => [if text.starts_with('#') { "#…" } else { "--…" }, "", ""],
            LexemeKind::DollarQuote => {
                let tag = text[1..].find('$').map_or("$$", |end| &text[..end + 2]);
                [tag, "…", if closed { tag } else { "" }]
            }
            LexemeKind::String => hidden(text, closed),
            LexemeKind::QuotedIdentifier
                if !closed
                    || (text.starts_with('"') && self.lexing.double_quotes == DoubleQuotes::Either) =>
            {
                hidden(text, closed)
            }
            _ => [text, "", ""],
        };
        self.pieces.extend(parts.into_iter().rev());
        self.pieces.push(self.lexer.slice(self.end, lexeme.start));
        self.end = lexeme.end;
    }
}

impl<'t> Iterator for Masked<'_, 't> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        loop {
            if let Some(piece) = self.pieces.pop() {
                return Some(piece);
            }
            if self.ended {
                return None;
            }
            match self.lexer.next() {
                Some(lexeme) => self.lexeme(&lexeme),
                None => {
                    self.ended = true;
                    self.pieces.push(self.lexer.slice(self.end, self.sql.len()));
                }
            }
        }
    }
}

/// Keeps a prefix and the quotes.
fn hidden(text: &str, closed: bool) -> [&str; 3] {
    let open = text.find(['\'', '"', '`', '[']).map_or(0, |quote| quote + 1);
    let close = if closed { text.get(text.len() - 1..).unwrap_or_default() } else { "" };
    [text.get(..open).unwrap_or_default(), "…", close]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_hidden_in_each_dialect() {
        for (lexing, sql, masked) in [
            (
                Lexing::POSTGRES,
                "select E'a\\'b', $q$x$q$, 0xFF, 1.5e-3, U&'d' || $$e$$",
                "select E'…', $q$…$q$, ?, ?, U&'…' || $$…$$",
            ),
            (Lexing::POSTGRES, "select \"name\" /* a /* b */ c */", "select \"name\" /*…*/"),
            (
                Lexing::MYSQL,
                "select \"a\", 'b\\'c', x'41', `d`, 0x41 # e",
                "select \"…\", '…', x'…', `d`, ? #…",
            ),
            (Lexing::SQLITE, "select \"a\", [b], 12ab", "select \"…\", [b], ?"),
        ] {
            assert_eq!(mask(sql, &lexing), masked);
        }
    }

    #[test]
    fn the_line_of_a_place_is_that_of_the_whole_masked_text() {
        let text = "select 'a\nb', 1;\n/* c\n d */ insert into \"t\" values ('é', E'f\n', 12.5);\n\n-- g\nselect $$h\n$$";
        for lexing in [Lexing::POSTGRES, Lexing::MYSQL, Lexing::SQLITE] {
            for offset in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let (masked, head) = (mask(text, &lexing), mask(&text[..offset], &lexing));
                let line = masked.strip_prefix(&head).map(|tail| {
                    let (before, behind) = (head.rsplit('\n').next(), tail.split('\n').next());
                    (before.unwrap_or_default().to_owned(), behind.unwrap_or_default().to_owned())
                });
                assert_eq!(mask_line(text, offset, &lexing), line, "{offset}");
            }
            assert_eq!(mask_line(text, text.len() + 1, &lexing), None);
        }
    }

    #[test]
    fn what_is_never_closed_is_hidden_to_the_end() {
        assert_eq!(mask("select 'secret", &Lexing::ANSI), "select '…");
        assert_eq!(mask("select $a$secret", &Lexing::POSTGRES), "select $a$…");
        assert_eq!(mask("select `secret 'x'", &Lexing::MYSQL), "select `…");
        assert_eq!(mask("select /* secret", &Lexing::ANSI), "select /*…*/");
    }
}
