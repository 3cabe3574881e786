//! Digests and the chain over them. Knows bytes and their order; knows nothing of files, sets or databases.
//!
//! Every digest is BLAKE3 in key-derivation mode (BLAKE3 paper, section 2.3) with a context string that
//! names what is hashed and the version of the format, over fields that each carry their length. So no two
//! different lists of fields, and no two kinds of thing, share an input.

use std::fmt;
use std::str::FromStr;

/// What is hashed: each kind has a context string of its own. A change of the format is a new string.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Context {
    Script,
    Migration,
    Chain,
    Repeatables,
    HistoryRow,
    HistoryContent,
    Statement,
    Plan,
    Lock,
}

impl Context {
    const fn text(self) -> &'static str {
        match self {
            Self::Script => "whimbrel v1 script",
            Self::Migration => "whimbrel v1 migration",
            Self::Chain => "whimbrel v1 chain",
            Self::Repeatables => "whimbrel v1 repeatables",
            Self::HistoryRow => "whimbrel v1 history row",
            Self::HistoryContent => "whimbrel v1 history content",
            Self::Statement => "whimbrel v1 statement",
            Self::Plan => "whimbrel v1 plan",
            Self::Lock => "whimbrel v1 lock",
        }
    }
}

/// Hashes length-prefixed fields as they come, so that a script of hundreds of megabytes is not copied for it.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// On the heap, since it is larger than what most fields hold and moves with each of them.
    hasher: Box<blake3::Hasher>,
}

impl Fields {
    pub(crate) fn of(context: Context) -> Self {
        Self { hasher: Box::new(blake3::Hasher::new_derive_key(context.text())) }
    }

    /// Adds a field: its length as eight bytes, least significant first, then its bytes.
    pub(crate) fn bytes(mut self, field: &[u8]) -> Self {
        self.hasher.update(&(field.len() as u64).to_le_bytes());
        self.hasher.update(field);
        self
    }

    pub(crate) fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    pub(crate) fn number(self, field: i64) -> Self {
        self.bytes(&field.to_le_bytes())
    }

    pub(crate) fn digest(self, field: &Digest) -> Self {
        self.bytes(&field.0)
    }

    /// Adds a field that may be absent: absent is one zero byte, present is a one byte and the field.
    pub(crate) fn maybe(self, field: Option<&str>) -> Self {
        match field {
            None => self.bytes(&[0]),
            Some(text) => self.bytes(&[1]).text(text),
        }
    }

    /// Adds a digest as its text.
    pub(crate) fn digest_text(self, field: &Digest) -> Self {
        self.text(field.text().as_str())
    }

    /// Adds a digest as its text, that may be absent.
    pub(crate) fn maybe_digest(self, field: Option<&Digest>) -> Self {
        self.maybe(field.map(Digest::text).as_ref().map(DigestText::as_str))
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(*self.hasher.finalize().as_bytes())
    }
}

/// A digest, written `b3v1:` and 64 hexadecimal digits.
///
/// ```
/// use whimbrel::Digest;
/// let digest = Digest::of_script("CREATE TABLE users (id INTEGER);\n");
/// let text = digest.to_string();
/// assert!(text.starts_with("b3v1:"));
/// assert_eq!(text.parse::<Digest>()?, digest);
/// # Ok::<(), whimbrel::DigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a script's canonical text (see [`canonical_text`](crate::canonical_text)).
    pub fn of_script(canonical: &str) -> Self {
        Fields::of(Context::Script).text(canonical).finish()
    }

    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text, without allocating.
    pub(crate) fn text(&self) -> DigestText {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"b3v1:0000000000000000000000000000000000000000000000000000000000000000";
        for (pair, byte) in text[5..].chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        DigestText(text)
    }

    /// The first 12 hexadecimal digits, for people to compare at a glance.
    pub fn short(&self) -> String {
        self.0[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

/// A digest's text.
pub(crate) struct DigestText([u8; 69]);

impl DigestText {
    pub(crate) fn as_str(&self) -> &str {
        // ASCII by construction.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix("b3v1:").ok_or(DigestError)?.as_bytes();
        if hex.len() != 64 {
            return Err(DigestError);
        }
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(DigestError),
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected `b3v1:` and 64 lower-case hexadecimal digits")]
pub struct DigestError;

/// The chain over the digests of versions in force: `link(i) = H(link(i-1), digest(i))`.
///
/// Its first link depends on the set's name, so that equal files in two sets have different heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain(Digest);

impl Chain {
    /// The chain of a set in which nothing is in force.
    pub fn start(set: &str) -> Self {
        Self(Fields::of(Context::Chain).text(set).finish())
    }

    /// Goes on from a known link.
    pub const fn at(link: Digest) -> Self {
        Self(link)
    }

    /// Adds the next version's digest.
    #[must_use]
    pub fn push(self, digest: &Digest) -> Self {
        Self(Fields::of(Context::Chain).digest(&self.0).digest(digest).finish())
    }

    /// The last link.
    pub const fn head(self) -> Digest {
        self.0
    }
}

/// The head of a set whose versions in force have these digests, in the order of the versions.
pub(crate) fn migration_chain<'a>(set: &str, digests: impl Iterator<Item = &'a Digest>) -> Digest {
    digests.fold(Chain::start(set), Chain::push).head()
}

/// The digest of the repeatable migrations in force: their names, revisions and digests, sorted by name.
pub(crate) fn repeatables_digest<'a>(entries: impl Iterator<Item = (&'a str, u32, &'a Digest)>) -> Digest {
    entries
        .fold(Fields::of(Context::Repeatables), |fields, (name, revision, digest)| {
            fields.text(name).number(i64::from(revision)).digest(digest)
        })
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_the_same_bytes_in_other_places_differ() {
        let one = Fields::of(Context::Plan).text("ab").text("c").finish();
        let other = Fields::of(Context::Plan).text("a").text("bc").finish();
        assert_ne!(one, other);
        assert_ne!(
            Fields::of(Context::Plan).maybe(None).finish(),
            Fields::of(Context::Plan).maybe(Some("")).finish()
        );
    }

    #[test]
    fn the_format_never_changes() {
        // A change here is a change of every stored digest: a new version of the format, not an edit.
        assert_eq!(
            Digest::of_script("SELECT 1;\n").to_string(),
            "b3v1:486de9a7b11500e1c2f09aee3982fdccf50d1e24fa97feae57142d843b9e700d"
        );
    }

    #[test]
    fn upper_case_short_and_unprefixed_texts_are_no_digests() {
        let good = Digest::of_script("").to_string();
        assert_eq!(good.parse::<Digest>().map(|digest| digest.to_string()).as_deref(), Ok(good.as_str()));
        for bad in [
            good.to_uppercase(),
            good[5..].to_owned(),
            good[..68].to_owned(),
            format!("{good}0"),
            String::new(),
        ] {
            assert_eq!(bad.parse::<Digest>(), Err(DigestError), "{bad}");
        }
    }
}
