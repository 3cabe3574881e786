//! An authority of the tests' own, and certificates that it signs. Starts no server.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tempfile::TempDir;

/// An authority, a key for a server, and certificates for it.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    key: KeyPair,
}

/// How long a certificate is good.
#[derive(Clone, Copy, Debug)]
pub enum Lasts {
    /// For longer than any test.
    Long,
    /// From now on, to the second.
    For(Duration),
    /// It has expired.
    UntilLongAgo,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// Files cannot be written.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let own = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = parameters.self_signed(&own).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("written");
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).expect("written");
        Self { folder, issuer: Issuer::new(parameters, own), key }
    }

    /// Its own certificate.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The server's key.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// A certificate for the key and this name.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn certificate(&self, name: &str, lasts: Lasts) -> PathBuf {
        let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.not_before = date_time_ymd(2000, 1, 1);
        match lasts {
            Lasts::Long => {}
            Lasts::UntilLongAgo => parameters.not_after = date_time_ymd(2001, 1, 1),
            Lasts::For(time) => parameters.not_after = (SystemTime::now() + time).into(),
        }
        let path = self.folder.path().join(format!("{name}-{lasts:?}.pem"));
        let certificate = parameters.signed_by(&self.key, &self.issuer).expect("a certificate");
        std::fs::write(&path, certificate.pem()).expect("written");
        path
    }
}
