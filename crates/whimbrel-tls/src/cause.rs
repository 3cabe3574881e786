//! Why a handshake failed, in plain words. Knows rustls' errors; knows nothing of what is connected to.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Why a connection with TLS did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// No authority that is trusted has signed the server's certificate.
    NotTrusted,
    /// The certificate is for these other names.
    WrongName(Vec<String>),
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// The server shows an authority's own certificate.
    Authority,
    /// The certificate is damaged, revoked, or for another purpose.
    Unusable,
    /// The server speaks no TLS.
    NoTls,
    /// The server wants a client's certificate, and there was none.
    ClientCertificateWanted,
    /// The server does not take the client's certificate.
    ClientCertificateRefused,
    /// No version or cipher is known to both.
    NothingInCommon,
    /// The host is no name that a certificate could have.
    NotAName,
    /// The server hung up.
    HungUp,
    /// Something else went wrong with TLS.
    Other,
}

impl Cause {
    /// What to do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotTrusted => {
                "name the authority's certificate with `sslrootcert`, or install it on this machine"
            }
            Self::WrongName(_) => {
                "connect by a name that the certificate has, or, if the authority signs only this server's, ask for \
                 `verify-ca`"
            }
            Self::Expired => "renew the server's certificate; if it is new, set this machine's clock",
            Self::NotYetValid => "set this machine's clock, or wait",
            Self::Authority => {
                "give the server a certificate of its own that the authority has signed (`CA:FALSE`), and name the \
                 authority's with `sslrootcert`"
            }
            Self::Unusable => "give the server a certificate for servers (X.509 version 3, `serverAuth`)",
            Self::NoTls => {
                "turn TLS on in the server; on a network that nobody else can reach, ask for `sslmode=disable`"
            }
            Self::ClientCertificateWanted => "name a client's certificate with `sslcert` and `sslkey`",
            Self::ClientCertificateRefused => {
                "name a client's certificate that an authority of the server's has signed, for this user and in its time"
            }
            Self::NothingInCommon => "allow TLS 1.2 or 1.3 in the server",
            Self::NotAName => "connect by a host's name or an address",
            Self::HungUp => "look at the server's log, and whether the port is the database's",
            Self::Other => "look at the error behind this one, and at the server's log",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTrusted => "the server's certificate is signed by nobody who is trusted",
            Self::WrongName(names) if names.is_empty() => {
                "the server's certificate has no name (subjectAltName)"
            }
            Self::WrongName(names) => {
                f.write_str("the server's certificate is for another name: ")?;
                return f.write_str(&names.join(", "));
            }
            Self::Expired => "the server's certificate has expired",
            Self::NotYetValid => "the server's certificate is not valid yet",
            Self::Authority => "the server's certificate is an authority's own",
            Self::Unusable => "the server's certificate cannot be used",
            Self::NoTls => "the server speaks no TLS",
            Self::ClientCertificateWanted => "the server wants a client's certificate",
            Self::ClientCertificateRefused => "the server refuses the client's certificate",
            Self::NothingInCommon => "the server knows no version of TLS and no cipher that is known here",
            Self::NotAName => "the host's name is none that a certificate could have",
            Self::HungUp => "the server hung up during the TLS handshake",
            Self::Other => "the TLS handshake failed",
        })
    }
}

/// The cause in an error, or in one behind it; none if TLS has nothing to do with it.
pub fn cause(error: &(dyn StdError + 'static)) -> Option<Cause> {
    find(error, |error| {
        if let Some(error) = error.downcast_ref::<Error>() {
            return Some(of(error));
        }
        if error.is::<rustls::pki_types::InvalidDnsNameError>() {
            return Some(Cause::NotAName);
        }
        // These two have no type that tells them: the words of tokio-rustls and of tokio-postgres.
        match error.to_string().as_str() {
            "tls handshake eof" => Some(Cause::HungUp),
            "server does not support TLS" => Some(Cause::NoTls),
            _ => None,
        }
    })
}

/// A name that the certificate has, if its name alone was refused. To connect with it is `verify-ca` with a client that
/// can only do `verify-full`: everything but the name has been found good, and is checked again.
pub fn name_to_accept(error: &(dyn StdError + 'static)) -> Option<String> {
    match cause(error)? {
        // A wildcard stands for one label; any will do.
        Cause::WrongName(names) => names.into_iter().next().map(|name| match name.strip_prefix("*.") {
            Some(rest) => format!("x.{rest}"),
            None => name,
        }),
        _ => None,
    }
}

/// Goes through an error, what io errors hold, and the errors behind them.
fn find<T>(error: &(dyn StdError + 'static), look: fn(&(dyn StdError + 'static)) -> Option<T>) -> Option<T> {
    let mut next = Some(error);
    // No chain is that long; one that is a circle would be endless.
    for _ in 0..32 {
        let error = next?;
        if let Some(found) = look(error) {
            return Some(found);
        }
        // `source` of an io error leaves out the error that it holds.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

fn of(error: &Error) -> Cause {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::InvalidMessage(_) => Cause::NoTls,
        Error::PeerIncompatible(_) => Cause::NothingInCommon,
        Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
                Cause::ClientCertificateWanted
            }
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError => Cause::ClientCertificateRefused,
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
                Cause::NothingInCommon
            }
            _ => Cause::Other,
        },
        _ => Cause::Other,
    }
}

fn of_certificate(error: &CertificateError) -> Cause {
    match error {
        // The second: an authority of the same name, with another key; or a server that has not the certificate's key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Cause::NotTrusted,
        CertificateError::NotValidForName => Cause::WrongName(Vec::new()),
        CertificateError::NotValidForNameContext { presented, .. } => {
            Cause::WrongName(presented.iter().filter_map(|name| plain_name(name)).collect())
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Cause::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Cause::NotYetValid,
        // webpki has a variant for it, which rustls does not name.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => Cause::Authority,
        _ => Cause::Unusable,
    }
}

/// The name in webpki's `DnsName("db.example.com")` or `IpAddress(10.0.0.1)`.
fn plain_name(text: &str) -> Option<String> {
    let name = match text.strip_prefix("DnsName(\"") {
        Some(rest) => rest.strip_suffix("\")")?,
        None => text.strip_prefix("IpAddress(")?.strip_suffix(')')?,
    };
    let proper = |letter: char| letter.is_ascii_alphanumeric() || ['.', '-', '_', '*', ':'].contains(&letter);
    (!name.is_empty() && name.len() <= 253 && name.chars().all(proper)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_of_what_webpki_writes() {
        assert_eq!(plain_name("DnsName(\"db.example.com\")").as_deref(), Some("db.example.com"));
        assert_eq!(plain_name("IpAddress(10.0.0.1)").as_deref(), Some("10.0.0.1"));
        assert_eq!(plain_name("DirectoryName"), None);
        assert_eq!(plain_name("DnsName(\"a\nb\")"), None);
    }

    #[test]
    fn io_errors_are_opened() {
        let inner = io::Error::other(Error::InvalidCertificate(CertificateError::Expired));
        assert_eq!(cause(&io::Error::other(inner)), Some(Cause::Expired));
        assert_eq!(cause(&io::Error::other("something else")), None);
    }
}
