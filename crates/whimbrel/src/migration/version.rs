//! The version of a migration and the name of a set: checked once, here.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The version of a migration: 0 to 9,223,372,036,854,775,807 (`i64::MAX`), which the history keeps in a `bigint`.
///
/// ```
/// use whimbrel::Version;
/// let version: Version = "0042".parse()?;
/// assert_eq!(version.number(), 42);
/// assert!(Version::new(-1).is_none());
/// # Ok::<(), whimbrel::VersionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(i64);

impl Version {
    /// The version with this number, if it is not negative.
    pub const fn new(number: i64) -> Option<Self> {
        if number >= 0 { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(VersionError);
        }
        text.parse().ok().and_then(Self::new).ok_or(VersionError)
    }
}

impl TryFrom<i64> for Version {
    type Error = VersionError;

    fn try_from(number: i64) -> Result<Self, VersionError> {
        Self::new(number).ok_or(VersionError)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

/// A number or text that is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version: expected a whole number from 0 to 9223372036854775807")]
pub struct VersionError;

/// The name of a set, under which its history is kept: 1 to 63 of `a-z`, `0-9`, `_`, `-`, `.`, the first one
/// a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetName(Cow<'static, str>);

impl SetName {
    /// The name of a set that was given none: `app`.
    pub const APP: Self = Self(Cow::Borrowed("app"));

    /// Checks a name.
    ///
    /// # Errors
    /// The text is empty, too long, or holds another character.
    pub fn new(name: impl Into<String>) -> Result<Self, SetNameError> {
        let name = name.into();
        if is_set_name(&name) { Ok(Self(Cow::Owned(name))) } else { Err(SetNameError) }
    }

    /// For `embed!`, which has checked the name.
    #[doc(hidden)]
    pub const fn baked(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_set_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || matches!(byte, b'_' | b'-' | b'.'))
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Default for SetName {
    fn default() -> Self {
        Self::APP
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for SetName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A text that cannot be a set's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a set's name: use 1 to 63 of a-z, 0-9, `_`, `-` and `.`, beginning with a letter or a digit")]
pub struct SetNameError;
