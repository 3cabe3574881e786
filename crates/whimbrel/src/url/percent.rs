//! Percent-encoding (RFC 3986, section 2.1), in buffers that are wiped. Knows nothing of a URL's parts.

use std::fmt;

use zeroize::Zeroizing;

/// What is wrong with an encoded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PercentError {
    /// A `%` without two hexadecimal digits.
    Stray,
    NotUtf8,
    Nul,
}

/// What a `%` without two hexadecimal digits is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StrayPercent {
    Refuse,
    /// Itself, as in a password that was written down as it is.
    Keep,
}

/// Decodes. Nothing of it is left in memory elsewhere.
pub(super) fn decode(text: &str, stray: StrayPercent) -> Result<Zeroizing<String>, PercentError> {
    // As large as it can get, so that it never moves.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (first, tail) {
            (b'%', [high, low, after @ ..]) if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                rest = after;
                high << 4 | low
            }
            (b'%', _) if stray == StrayPercent::Refuse => return Err(PercentError::Stray),
            _ => *first,
        };
        bytes.push(byte);
    }
    if bytes.contains(&0) {
        return Err(PercentError::Nul);
    }
    // Looked at before, since the error of `from_utf8` would carry the bytes away.
    if str::from_utf8(&bytes).is_err() {
        return Err(PercentError::NotUtf8);
    }
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|_| PercentError::NotUtf8)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Writes text with everything encoded but letters, digits, `-._~` and the ones given.
pub(super) fn encode(f: &mut fmt::Formatter<'_>, text: &str, kept: &[u8]) -> fmt::Result {
    text.bytes().try_for_each(|byte| match byte {
        b'-' | b'.' | b'_' | b'~' => write!(f, "{}", char::from(byte)),
        _ if byte.is_ascii_alphanumeric() || kept.contains(&byte) => write!(f, "{}", char::from(byte)),
        _ => write!(f, "%{byte:02X}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_keeps_or_refuses_a_stray_percent_sign() {
        assert_eq!(decode("a%20b%", StrayPercent::Keep).as_deref().map(String::as_str), Ok("a b%"));
        assert_eq!(decode("100%2", StrayPercent::Refuse), Err(PercentError::Stray));
        assert_eq!(decode("%zz", StrayPercent::Keep).as_deref().map(String::as_str), Ok("%zz"));
    }

    #[test]
    fn nul_and_broken_utf8_are_refused() {
        assert_eq!(decode("a%00", StrayPercent::Keep), Err(PercentError::Nul));
        assert_eq!(decode("a%ff", StrayPercent::Keep), Err(PercentError::NotUtf8));
    }
}
