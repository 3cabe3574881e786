//! Owns places in a text, told in lines and columns. Knows nothing of SQL.

use std::fmt;

/// A place in a text.
///
/// Lines end at a line feed; a carriage return alone ends none.
///
/// ```
/// use whimbrel::script::Position;
///
/// let position = Position::of("select 1;\nselect 'ü', x", 23);
/// assert_eq!((position.line, position.column), (2, 13));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Bytes before it.
    pub offset: usize,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

impl Position {
    /// The beginning of any text.
    pub const START: Position = Position { offset: 0, line: 1, column: 1 };

    /// The place `offset` bytes into `text`. An offset past the end means the end, one inside a
    /// character that character.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Position {
        Position::START.advanced(text, offset)
    }

    /// The place `offset` bytes into `text`, counted on from `self`, which must lie before it: what
    /// makes telling the positions of all statements linear.
    pub(crate) fn advanced(self, text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let passed = text.get(self.offset..offset).unwrap_or_default();
        let (before, last) = match passed.rfind('\n') {
            Some(at) => (1, &passed[at + 1..]),
            None => (self.column, passed),
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position {
            offset,
            line: self.line.saturating_add(count(line_feeds(passed.as_bytes()))),
            column: before.saturating_add(count(last.chars().count())),
        }
    }
}

/// How many line feeds there are, many bytes at a time.
fn line_feeds(bytes: &[u8]) -> usize {
    let few = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>();
    bytes.chunks(u8::MAX.into()).map(|bytes| usize::from(few(bytes))).sum()
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_line_feeds() {
        let text = "aé\r\n\n🦆b\rc";
        let told: Vec<_> = (0..=text.len() + 2).map(|at| Position::of(text, at).to_string()).collect();
        assert_eq!(
            told,
            [
                "1:1", "1:2", "1:2", "1:3", "1:4", "2:1", "3:1", "3:1", "3:1", "3:1", "3:2", "3:3", "3:4",
                "3:5", "3:5", "3:5"
            ]
        );
    }

    #[test]
    fn counting_on_from_a_former_place_agrees_with_counting_from_the_start() {
        let text = "ab\nc\u{e9}\n\n\u{1f986}d";
        for (from, _) in text.char_indices() {
            for to in from..=text.len() {
                assert_eq!(Position::of(text, from).advanced(text, to), Position::of(text, to));
            }
        }
    }
}
