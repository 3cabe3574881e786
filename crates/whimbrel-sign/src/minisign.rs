//! Minisign's keys and signatures. Decodes what has to be known of them; `minisign-verify` does the cryptography.

use std::fmt;

use base64ct::{Base64, Encoding};
use minisign_verify::{PublicKey, Signature};

/// The number of a key, which its signatures carry. Chosen by whoever made the key: it identifies nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyNumber([u8; 8]);

impl fmt::Display for KeyNumber {
    /// As minisign writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct MinisignKey {
    number: KeyNumber,
    material: [u8; 32],
    key: PublicKey,
}

impl MinisignKey {
    /// Reads a key's line, or a whole `.pub` file, whose comment comes first.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "expected the line of a minisign key, which begins with `RW`, or its .pub file";
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let line = match lines.as_slice() {
            [line] => *line,
            [comment, line] if comment.starts_with("untrusted comment:") => *line,
            _ => return Err(FORM),
        };
        let mut bytes = [0; 42];
        let decoded = Base64::decode(line, &mut bytes).map_err(|_| FORM)?;
        if decoded.len() != bytes.len() {
            return Err(FORM);
        }
        let (mut number, mut material) = ([0; 8], [0; 32]);
        number.copy_from_slice(&bytes[2..10]);
        material.copy_from_slice(&bytes[10..]);
        let key = PublicKey::from_base64(line).map_err(|_| FORM)?;
        Ok(Self { number: KeyNumber(number), material, key })
    }

    pub(crate) fn number(&self) -> KeyNumber {
        self.number
    }

    pub(crate) fn material(&self) -> &[u8; 32] {
        &self.material
    }
}

/// A signature, of either kind: over the text, or over its digest.
pub(crate) struct MinisignSignature {
    number: KeyNumber,
    signature: Signature,
}

impl MinisignSignature {
    /// Reads a signature's four lines.
    pub(crate) fn parse(lines: [&str; 4]) -> Result<Self, &'static str> {
        let [comment, first, trusted, second] = lines;
        if !comment.starts_with("untrusted comment: ") || comment.contains(char::is_control) {
            return Err("expected `untrusted comment: ` and one line of text");
        }
        if !trusted.starts_with("trusted comment: ") {
            return Err("expected `trusted comment: ` in a minisign signature's third line");
        }
        let mut bytes = [0; 74];
        let decoded = Base64::decode(first, &mut bytes);
        if decoded.map(<[u8]>::len) != Ok(bytes.len()) {
            return Err("expected 74 bytes in base64 in a minisign signature's second line");
        }
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[2..10]);
        let text = [comment, first, trusted, second].join("\n");
        let signature = Signature::decode(&text).map_err(|error| match error {
            minisign_verify::Error::UnsupportedAlgorithm => "a minisign signature of an unknown kind",
            _ => "expected 64 bytes in base64 in a minisign signature's fourth line",
        })?;
        Ok(Self { number: KeyNumber(number), signature })
    }

    pub(crate) fn number(&self) -> KeyNumber {
        self.number
    }

    /// Whether it is this key's, over this text, trusted comment included.
    pub(crate) fn is_by(&self, key: &MinisignKey, text: &[u8]) -> bool {
        self.number == key.number && key.key.verify(text, &self.signature, true).is_ok()
    }
}
