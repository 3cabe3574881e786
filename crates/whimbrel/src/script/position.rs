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
    pub(super) fn advanced(self, text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let passed = text.as_bytes().get(self.offset..offset).unwrap_or_default();
        let (mut line, mut column) = (self.line, self.column);
        for byte in passed {
            if *byte == b'\n' {
                line = line.saturating_add(1);
                column = 1;
            } else if byte & 0xC0 != 0x80 {
                // Every byte but a continuation byte of UTF-8 begins a character.
                column = column.saturating_add(1);
            }
        }
        Position { offset, line, column }
    }
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
