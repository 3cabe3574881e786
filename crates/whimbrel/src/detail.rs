//! The text of the history's `detail` and `who` columns: `v1 key=value …`. Knows no keys.

use std::fmt;
use std::str::FromStr;

/// Keys and values in the order in which they were added; a key may stand several times.
///
/// In a value, `%`, blanks, control characters and characters beyond ASCII are written as `%` and two hexadecimal
/// digits a byte, so that the text is the same in every encoding and on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail(Vec<(String, String)>);

impl Detail {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.0.push((key.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn with_some(self, key: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.values(key).next()
    }

    pub(crate) fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(own, _)| own == key).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v1")?;
        for (key, value) in &self.0 {
            write!(f, " {key}=")?;
            for byte in value.bytes() {
                if byte.is_ascii_graphic() && byte != b'%' {
                    write!(f, "{}", char::from(byte))?;
                } else {
                    write!(f, "%{byte:02X}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Detail {
    type Err = DetailError;

    fn from_str(text: &str) -> Result<Self, DetailError> {
        let mut words = text.split(' ');
        if words.next() != Some("v1") {
            return Err(DetailError);
        }
        let pairs = words.map(|word| {
            let (key, value) = word.split_once('=').ok_or(DetailError)?;
            let mut bytes = Vec::with_capacity(value.len());
            let mut rest = value.as_bytes();
            while let Some((&byte, after)) = rest.split_first() {
                rest = after;
                if byte == b'%' {
                    let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                    let digits = digits.filter(|digits| !digits.starts_with('+'));
                    bytes.push(digits.and_then(|d| u8::from_str_radix(d, 16).ok()).ok_or(DetailError)?);
                    rest = &after[2..];
                } else {
                    bytes.push(byte);
                }
            }
            Ok((key.to_owned(), String::from_utf8(bytes).map_err(|_| DetailError)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a detail of version 1")]
pub(crate) struct DetailError;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_value_comes_back(value in ".*", other in ".*") {
            let detail = Detail::new().with("reason", &value).with("reason", &other);
            let text = detail.to_string();
            prop_assert!(text.is_ascii() && !text.contains('\n'));
            prop_assert_eq!(text.parse::<Detail>(), Ok(detail));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<Detail>();
            let _ = format!("v1 a={text}").parse::<Detail>();
        }
    }
}
