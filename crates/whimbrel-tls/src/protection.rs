//! How one host's connection is to be protected, and the configuration of rustls for it. Opens no connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::{ClientConfig, RootCertStore};
use whimbrel::{DatabaseUrl, HostAddress, TlsMode};

use crate::certificate::{client_certificate, roots};
use crate::error::TlsError;
use crate::provider::provider;
use crate::verifier::{AnyName, Anybody};

/// How a connection is to be protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    mode: TlsMode,
    root: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// With this mode, the platform's authorities and no client's certificate.
    pub fn new(mode: TlsMode) -> Self {
        Self { mode, root: None, client: None }
    }

    /// What a URL says for this host.
    pub fn of(url: &DatabaseUrl, host: &HostAddress) -> Self {
        Self {
            mode: url.tls(host),
            root: url.root_certificate().map(Path::to_owned),
            client: url
                .client_certificate()
                .map(|(certificate, key)| (certificate.to_owned(), key.to_owned())),
        }
    }

    /// Trusts the authorities in a PEM file instead of the platform's.
    #[must_use]
    pub fn with_root_certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.root = Some(path.into());
        self
    }

    /// Shows the server this certificate, if it asks for one.
    #[must_use]
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client = Some((certificate.into(), key.into()));
        self
    }

    /// The mode.
    pub fn mode(&self) -> TlsMode {
        self.mode
    }

    /// The configuration for rustls; none if there is to be no TLS. Reads the files, and blocks while it does.
    ///
    /// # Errors
    /// If a file is missing or holds something else, or the platform trusts nobody; the error names the file.
    pub fn client_config(&self) -> Result<Option<Arc<ClientConfig>>, TlsError> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Refused)?;
        let builder = match self.mode {
            TlsMode::Disable => return Ok(None),
            TlsMode::Require => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            }
            TlsMode::VerifyCa => {
                let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(self.store()?), provider)
                    .build()
                    .map_err(|error| TlsError::Refused(rustls::Error::General(error.to_string())))?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyName(verifier)))
            }
            // A mode that this version does not know is not a weaker one.
            _ => builder.with_root_certificates(self.store()?),
        };
        let config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, private) = client_certificate(certificate, key)?;
                builder.with_client_auth_cert(chain, private).map_err(|error| match error {
                    rustls::Error::InconsistentKeys(_) => {
                        TlsError::KeyMismatch { certificate: certificate.clone(), key: key.clone() }
                    }
                    rustls::Error::InvalidCertificate(_) => {
                        TlsError::BrokenCertificate(certificate.clone(), 1)
                    }
                    _ => TlsError::UnknownKey(key.clone()),
                })?
            }
        };
        Ok(Some(Arc::new(config)))
    }

    fn store(&self) -> Result<RootCertStore, TlsError> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots(self.root.as_deref())?);
        Ok(store)
    }
}
