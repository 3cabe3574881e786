//! Certificates and keys in files, and the platform's. Knows PEM; knows nothing of connections.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::error::TlsError;

/// The bundles of platforms have some 300 kB.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// The certificates of the authorities to trust: those in a PEM file, or else the platform's.
///
/// Every one of them is well-formed. What the platform has and cannot be used is left out.
///
/// # Errors
/// If the file cannot be read or holds something else, or if the platform has none.
pub fn roots(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let Some(path) = file else {
        let mut found = rustls_native_certs::load_native_certs().certs;
        found.retain(is_sound);
        return if found.is_empty() { Err(TlsError::NoPlatformRoots) } else { Ok(found) };
    };
    let found = certificates(path)?;
    match found.iter().position(|certificate| !is_sound(certificate)) {
        Some(index) => Err(TlsError::BrokenCertificate(path.to_owned(), index + 1)),
        None => Ok(found),
    }
}

fn is_sound(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}

/// A client's certificate with those between it and the authority, and its key, from PEM files.
///
/// # Errors
/// If a file cannot be read or holds something else, or if, on Unix, every user may access the key: libpq refuses that
/// too (its manual, section 34.19.2).
pub fn client_certificate(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(certificate)?;
    let mut file = File::open(key).map_err(|error| TlsError::reading(key, error))?;
    // Asked of the open file: what the path names may be another one by now.
    refuse_open_key(key, &file)?;
    let text = read(key, &mut file)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok((chain, key)),
        Err(pem::Error::NoItemsFound) if contains(&text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") => {
            Err(TlsError::EncryptedKey(key.to_owned()))
        }
        Err(pem::Error::NoItemsFound) if contains(&text, b"-----BEGIN ") => {
            Err(TlsError::NoKey(key.to_owned()))
        }
        Err(_) => Err(TlsError::NotPem(key.to_owned())),
    }
}

#[cfg(unix)]
fn refuse_open_key(path: &Path, file: &File) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = file.metadata().map_err(|error| TlsError::reading(path, error))?;
    match metadata.is_file() && metadata.permissions().mode() & 0o007 != 0 {
        true => Err(TlsError::OpenKey(path.to_owned())),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn refuse_open_key(_: &Path, _: &File) -> Result<(), TlsError> {
    Ok(())
}

/// The certificates in a file; there is at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut file = File::open(path).map_err(|error| TlsError::reading(path, error))?;
    let text = read(path, &mut file)?;
    if !contains(&text, b"-----BEGIN ") {
        return Err(TlsError::NotPem(path.to_owned()));
    }
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        match certificate {
            Ok(certificate) => found.push(certificate),
            Err(_) => return Err(TlsError::BrokenCertificate(path.to_owned(), found.len() + 1)),
        }
    }
    if found.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

/// Whatever is read may be a key, named by mistake.
fn read(path: &Path, file: &mut File) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let length = file.metadata().map_err(|error| TlsError::reading(path, error))?.len();
    if length > LARGEST_FILE {
        return Err(TlsError::TooLarge(path.to_owned()));
    }
    // One more than there is, so that the buffer need not grow to see the end.
    let capacity = usize::try_from(length).unwrap_or(0) + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(capacity.max(16 * 1024)));
    file.take(LARGEST_FILE + 1).read_to_end(&mut text).map_err(|error| TlsError::reading(path, error))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(TlsError::TooLarge(path.to_owned()));
    }
    Ok(text)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
