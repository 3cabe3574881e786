//! What is wrong with the files that TLS needs. Names files and remedies; holds nothing of their content.

use std::io;
use std::path::{Path, PathBuf};

use whimbrel::{Error, ErrorKind};

/// Why a configuration for TLS cannot be made: which file is wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file does not exist.
    #[error("the file `{}` does not exist: give its right path", .0.display())]
    NotFound(PathBuf),
    /// The file cannot be read.
    #[error("the file `{}` cannot be read: name a file, and give this user the right to read it", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file is far larger than a certificate or a key.
    #[error("the file `{}` is larger than 4 MiB: name one that holds certificates or a key", .0.display())]
    TooLarge(PathBuf),
    /// The file is no PEM.
    #[error(
        "the file `{}` is not PEM: convert it, as with `openssl x509 -inform der` or `openssl pkey -inform der`",
        .0.display()
    )]
    NotPem(PathBuf),
    /// A certificate in the file is damaged.
    #[error("certificate {} in the file `{}` is damaged: get the file anew", .1, .0.display())]
    BrokenCertificate(PathBuf, usize),
    /// The file has no certificate.
    #[error("the file `{}` has no certificate: name the one with `BEGIN CERTIFICATE`", .0.display())]
    NoCertificate(PathBuf),
    /// The file has no private key.
    #[error("the file `{}` has no private key: name the one with `BEGIN PRIVATE KEY`", .0.display())]
    NoKey(PathBuf),
    /// The key is encrypted.
    #[error(
        "the key in the file `{}` is encrypted: decrypt it with `openssl pkey`, and let nobody else read the file",
        .0.display()
    )]
    EncryptedKey(PathBuf),
    /// Everybody may read the key.
    #[error("every user may access the key in the file `{}`: take that away with `chmod 600`", .0.display())]
    OpenKey(PathBuf),
    /// The key is of a kind that is not supported.
    #[error(
        "the key in the file `{}` is of an unknown kind: use an RSA key of 2048 to 8192 bits, P-256, P-384 or Ed25519",
        .0.display()
    )]
    UnknownKey(PathBuf),
    /// The key is another certificate's.
    #[error("the key in `{}` does not fit the certificate in `{}`: name the two that were made together", .key.display(), .certificate.display())]
    KeyMismatch {
        /// The client's certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The platform trusts nobody.
    #[error(
        "this machine has no trusted certificates: install its package `ca-certificates`, or name a file with \
         `sslrootcert`"
    )]
    NoPlatformRoots,
    /// rustls refuses the configuration.
    #[error("the TLS configuration is refused: look at the error behind this one")]
    Refused(#[source] rustls::Error),
}

impl TlsError {
    pub(crate) fn reading(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound(path.to_owned()),
            _ => Self::Unreadable(path.to_owned(), error),
        }
    }
}

impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        let text = error.to_string();
        let (headline, next) = text.rsplit_once(": ").unwrap_or((&text, "correct the configuration"));
        let this = Self::new(ErrorKind::Configuration, headline).with_note("next", next);
        match error {
            TlsError::Unreadable(_, source) => this.with_source(source),
            TlsError::Refused(source) => this.with_source(source),
            _ => this,
        }
    }
}
