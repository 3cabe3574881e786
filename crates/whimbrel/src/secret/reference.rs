//! References to secrets, for configuration files: where a secret is, and never the secret. Reads none.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Secret;
use crate::url::{DatabaseUrl, UrlError};

/// Where a secret is: what a configuration file holds in place of the secret itself.
///
/// As a text: `env:NAME`, `file:PATH` or `fd:NUMBER`. A path begins with `/`, `./` or `../` (or a drive). Any other text is
/// refused, and shown by no error: it may be the secret.
///
/// ```
/// use whimbrel::SecretReference;
///
/// let reference: SecretReference = "env:DATABASE_URL".parse()?;
/// assert_eq!(reference, SecretReference::Env("DATABASE_URL".to_owned()));
/// let error = "postgres://app:hunter2@db.example.com/app".parse::<SecretReference>().unwrap_err();
/// assert!(!format!("{error} {error:?}").contains("hunter2"));
/// # Ok::<(), whimbrel::SecretReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretReference {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(PathBuf),
    /// Behind an open file descriptor.
    Descriptor(u32),
}

impl SecretReference {
    /// Reads the secret.
    ///
    /// # Errors
    /// As [`Secret::from_env`], [`Secret::from_file`] and [`Secret::from_descriptor`].
    pub fn secret(&self) -> Result<Secret, UrlError> {
        match self {
            Self::Env(name) => Secret::from_env(name),
            Self::File(path) => Secret::from_file(path),
            Self::Descriptor(number) => Secret::from_descriptor(*number),
        }
    }

    /// Reads the secret as the URL of a database.
    ///
    /// # Errors
    /// As [`secret`](Self::secret) and [`DatabaseUrl::parse`].
    pub fn url(&self) -> Result<DatabaseUrl, UrlError> {
        DatabaseUrl::parse(self.secret()?.expose())
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
        }
    }
}

/// A text that refers to no secret. It is not shown, since it may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{wrong}: write `env:NAME`, `file:/PATH`, `file:./PATH` or `fd:NUMBER`, and keep the secret itself there"
)]
pub struct SecretReferenceError {
    wrong: &'static str,
}

impl FromStr for SecretReference {
    type Err = SecretReferenceError;

    fn from_str(text: &str) -> Result<Self, SecretReferenceError> {
        let wrong = |wrong| Err(SecretReferenceError { wrong });
        let Some((kind, place)) = text.split_once(':') else {
            return wrong("not a reference to a secret");
        };
        match kind {
            "env" => {
                let name = !place.is_empty()
                    && !place.starts_with(|first: char| first.is_ascii_digit())
                    && place.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if name {
                    Ok(Self::Env(place.to_owned()))
                } else {
                    wrong("not the name of an environment variable")
                }
            }
            "file" => {
                let path = PathBuf::from(place);
                let said = ["./", "../", ".\\", "..\\"].iter().any(|begin| place.starts_with(begin));
                let hides = place.contains("://") || place.contains(['\0', '\n']);
                if (path.is_absolute() || said) && !hides {
                    Ok(Self::File(path))
                } else {
                    wrong("not the path of a file, which begins with `/`, `./` or `../`")
                }
            }
            "fd" => match place.parse() {
                Ok(number) if place.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self::Descriptor(number)),
                _ => wrong("not the number of a file descriptor"),
            },
            _ => wrong("not a reference to a secret"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_read_is_written_alike_and_nothing_makes_it_panic(text in "(env|file|fd|x):?.{0,12}") {
            if let Ok(reference) = text.parse::<SecretReference>() {
                prop_assert_eq!(reference.to_string().parse(), Ok(reference));
            }
        }
    }
}
