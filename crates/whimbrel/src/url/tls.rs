//! How a connection is protected: the modes, and the words for them. Opens no connection.

use std::fmt;
use std::path::PathBuf;

use super::error::UrlError;
use super::{HostAddress, Scheme};

/// How a connection is protected, from nothing to everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS, but anybody could be the server: its certificate is not looked at. Protects from those who only listen.
    Require,
    /// TLS with a certificate that a trusted authority signed, for whatever name.
    VerifyCa,
    /// TLS with a certificate that a trusted authority signed for this host.
    VerifyFull,
}

impl TlsMode {
    /// libpq's word for it, as in `sslmode=verify-full`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a URL says about TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) mode: Option<TlsMode>,
    /// The platform's roots, asked for by name.
    pub(super) system: bool,
    pub(super) root: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

const REMEDY: &str = "write `disable`, `require`, `verify-ca` or `verify-full`";
const NO_PREFERENCE: &str = "names a mode that falls back to plaintext in silence";

impl Tls {
    /// The mode that holds for a host.
    pub(super) fn mode(&self, host: &HostAddress) -> TlsMode {
        if host.is_socket() {
            return TlsMode::Disable;
        }
        match self.mode {
            // As libpq has it (manual, section 34.19.1): who gives an authority's certificate means it to be used.
            Some(TlsMode::Require) if self.root.is_some() => TlsMode::VerifyCa,
            Some(mode) => mode,
            None if self.asked_for() => TlsMode::VerifyFull,
            None if host.is_loopback() => TlsMode::Disable,
            None => TlsMode::VerifyFull,
        }
    }

    /// Whether something is said that makes sense with TLS only.
    fn asked_for(&self) -> bool {
        self.system || self.root.is_some() || self.certificate.is_some() || self.key.is_some()
    }

    /// Takes a parameter, if it is about TLS.
    ///
    /// What is about TLS and not known is refused: to leave it out could protect less than was asked for.
    pub(super) fn take(&mut self, scheme: Scheme, name: &str, value: &str) -> Result<bool, UrlError> {
        let mysql = matches!(scheme, Scheme::MySql | Scheme::MariaDb);
        match name {
            "sslmode" => {
                once(self.mode.is_some(), "sslmode")?;
                self.mode = Some(libpq_word(value)?);
            }
            "ssl-mode" if mysql => {
                once(self.mode.is_some(), "ssl-mode")?;
                self.mode = Some(mysql_word(value)?);
            }
            "sslrootcert" => self.take_root("sslrootcert", value)?,
            "ssl-ca" if mysql => self.take_root("ssl-ca", value)?,
            "sslcert" => take_path(&mut self.certificate, "sslcert", value)?,
            "ssl-cert" if mysql => take_path(&mut self.certificate, "ssl-cert", value)?,
            "sslkey" => take_path(&mut self.key, "sslkey", value)?,
            "ssl-key" if mysql => take_path(&mut self.key, "ssl-key", value)?,
            _ => return refuse_unknown(name).map(|()| false),
        }
        if scheme == Scheme::Sqlite {
            return Err(UrlError::tls("ssl…", "is about a connection, and SQLite has none", "leave it out"));
        }
        Ok(true)
    }

    fn take_root(&mut self, name: &'static str, value: &str) -> Result<(), UrlError> {
        once(self.system, name)?;
        if value == "system" {
            once(self.root.is_some(), name)?;
            self.system = true;
            return Ok(());
        }
        take_path(&mut self.root, name, value)
    }

    /// Looks at all of it together, when all is known.
    pub(super) fn check(&self) -> Result<(), UrlError> {
        // libpq's rule (manual, section 34.1.2, `sslrootcert`): the platform trusts authorities that certify anybody.
        if self.system && self.mode.is_some_and(|mode| mode != TlsMode::VerifyFull) {
            let wrong = "is `system`, and the mode is a weaker one than `verify-full`";
            return Err(UrlError::tls("sslrootcert", wrong, "leave the mode out, or name a file"));
        }
        match (&self.certificate, &self.key) {
            (Some(_), None) => {
                Err(UrlError::tls("sslcert", "stands alone", "add `sslkey`, the certificate's key"))
            }
            (None, Some(_)) => {
                Err(UrlError::tls("sslkey", "stands alone", "add `sslcert`, the key's certificate"))
            }
            _ => Ok(()),
        }
    }
}

fn once(there: bool, name: &'static str) -> Result<(), UrlError> {
    match there {
        true => Err(UrlError::tls(name, "says what another one has said", "leave one of them out")),
        false => Ok(()),
    }
}

fn take_path(place: &mut Option<PathBuf>, name: &'static str, value: &str) -> Result<(), UrlError> {
    once(place.is_some(), name)?;
    if value.is_empty() {
        return Err(UrlError::tls(name, "is empty", "name a file, or leave it out"));
    }
    *place = Some(PathBuf::from(value));
    Ok(())
}

/// The words of libpq's manual, table 34.1.
fn libpq_word(value: &str) -> Result<TlsMode, UrlError> {
    match value.to_ascii_lowercase().as_str() {
        "disable" => Ok(TlsMode::Disable),
        "require" => Ok(TlsMode::Require),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "verify-full" => Ok(TlsMode::VerifyFull),
        "prefer" | "allow" => Err(UrlError::tls("sslmode", NO_PREFERENCE, REMEDY)),
        _ => Err(UrlError::tls("sslmode", "is not a known mode", REMEDY)),
    }
}

/// The words of MySQL's manual, section 6.2.3, `--ssl-mode`.
fn mysql_word(value: &str) -> Result<TlsMode, UrlError> {
    let remedy = "write `DISABLED`, `REQUIRED`, `VERIFY_CA` or `VERIFY_IDENTITY`";
    match value.to_ascii_uppercase().as_str() {
        "DISABLED" => Ok(TlsMode::Disable),
        "REQUIRED" => Ok(TlsMode::Require),
        "VERIFY_CA" => Ok(TlsMode::VerifyCa),
        "VERIFY_IDENTITY" => Ok(TlsMode::VerifyFull),
        "PREFERRED" => Err(UrlError::tls("ssl-mode", NO_PREFERENCE, remedy)),
        _ => Err(UrlError::tls("ssl-mode", "is not a known mode", remedy)),
    }
}

/// Other clients' parameters about TLS. The list need not be complete: it has what begins otherwise than `ssl`.
fn refuse_unknown(name: &str) -> Result<(), UrlError> {
    let lower = name.to_ascii_lowercase();
    let about_tls = lower.starts_with("ssl")
        || lower.starts_with("tls")
        || ["requiressl", "require_ssl", "usessl", "verify_ca", "verify_identity"].contains(&lower.as_str());
    if about_tls {
        return Err(UrlError::tls(
            "ssl…",
            "is about TLS, and not one of those known here",
            "write `sslmode`, `sslrootcert`, `sslcert` and `sslkey`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_ordered_by_what_they_protect() {
        assert!(TlsMode::Disable < TlsMode::Require);
        assert!(TlsMode::VerifyCa < TlsMode::VerifyFull);
    }
}
