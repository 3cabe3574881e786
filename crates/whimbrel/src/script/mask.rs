//! Owns how SQL is shown without the data in it. Knows nothing of statements.

use super::lexer::{LexemeKind, Lexer};
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
    let mut lexer = Lexer::new(sql, lexing);
    let mut end = 0;
    while let Some(lexeme) = lexer.next() {
        masked.push_str(lexer.slice(end, lexeme.start));
        end = lexeme.end;
        let text = lexer.slice(lexeme.start, lexeme.end);
        let closed = lexeme.problem.is_none();
        match lexeme.kind {
            LexemeKind::Number => masked.push('?'),
            LexemeKind::Comment if text.starts_with("/*") => masked.push_str("/*…*/"),
            LexemeKind::Comment => {
                masked.push_str(if text.starts_with('#') { "#…" } else { "--…" });
            }
            LexemeKind::DollarQuote => {
                let tag = text[1..].find('$').map_or("$$", |end| &text[..end + 2]);
                masked.push_str(tag);
                masked.push('…');
                masked.push_str(if closed { tag } else { "" });
            }
            LexemeKind::String => hide(text, closed, &mut masked),
            LexemeKind::QuotedIdentifier
                if !closed || (text.starts_with('"') && lexing.double_quotes == DoubleQuotes::Either) =>
            {
                hide(text, closed, &mut masked);
            }
            _ => masked.push_str(text),
        }
    }
    masked.push_str(lexer.slice(end, sql.len()));
    masked
}

/// Keeps a prefix and the quotes.
fn hide(text: &str, closed: bool, masked: &mut String) {
    let open = text.find(['\'', '"', '`', '[']).map_or(0, |quote| quote + 1);
    masked.push_str(text.get(..open).unwrap_or_default());
    masked.push('…');
    if closed {
        masked.push_str(text.get(text.len() - 1..).unwrap_or_default());
    }
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
    fn what_is_never_closed_is_hidden_to_the_end() {
        assert_eq!(mask("select 'secret", &Lexing::ANSI), "select '…");
        assert_eq!(mask("select $a$secret", &Lexing::POSTGRES), "select $a$…");
        assert_eq!(mask("select `secret 'x'", &Lexing::MYSQL), "select `…");
        assert_eq!(mask("select /* secret", &Lexing::ANSI), "select /*…*/");
    }
}
