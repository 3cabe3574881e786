//! Inputs that are made to take long: one shape, as often as it takes to have so many bytes.

/// A part, repeated until there are about `size` bytes, between a beginning and an end.
pub(crate) fn repeated(size: usize, begin: &str, part: &str, end: &str) -> Vec<u8> {
    let times = (size / part.len().max(1)).max(1);
    [begin, &part.repeat(times), end].concat().into_bytes()
}

/// Parts that differ by a number, until there are about `size` bytes.
pub(crate) fn numbered(size: usize, begin: &str, part: impl Fn(usize) -> String, end: &str) -> Vec<u8> {
    let mut text = begin.to_owned();
    let mut number = 0;
    while text.len() < size {
        number += 1;
        text.push_str(&part(number));
    }
    text.push_str(end);
    text.into_bytes()
}

/// A deep nest: as many openings as closings.
pub(crate) fn nested(size: usize, begin: &str, open: &str, middle: &str, close: &str) -> Vec<u8> {
    let times = (size / (open.len() + close.len()).max(1)).max(1);
    [begin, &open.repeat(times), middle, &close.repeat(times)].concat().into_bytes()
}
