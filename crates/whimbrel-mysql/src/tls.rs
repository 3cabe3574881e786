//! What a URL says about TLS, in the client's terms. Opens no connection.

use mysql_async::{Error as SqlError, SslOpts};
use whimbrel::{DatabaseUrl, Error, HostAddress, TlsMode};

#[cfg(feature = "tls")]
pub(crate) use self::with::{name_to_accept, ssl_opts, tls_error};
#[cfg(not(feature = "tls"))]
pub(crate) use self::without::{name_to_accept, ssl_opts, tls_error};

#[cfg(feature = "tls")]
mod with {
    use mysql_async::ClientIdentity;

    use super::*;

    /// None for a connection without TLS. Where there are options, the client never falls back to one without.
    pub(crate) fn ssl_opts(url: &DatabaseUrl, address: &HostAddress) -> whimbrel::Result<Option<SslOpts>> {
        let mode = url.tls(address);
        if mode == TlsMode::Disable {
            return Ok(None);
        }
        // The client takes the process' default, and panics where there are two providers and none is chosen.
        whimbrel_tls::install_provider_if_missing();
        let mut ssl = SslOpts::default();
        ssl = if mode == TlsMode::Require {
            ssl.with_danger_accept_invalid_certs(true)
        } else {
            let roots = whimbrel_tls::roots(url.root_certificate()).map_err(Error::from)?;
            let roots = roots.iter().map(|root| root.to_vec().into()).collect();
            ssl.with_disable_built_in_roots(true).with_root_certs(roots)
        };
        if let Some((certificate, key)) = url.client_certificate() {
            whimbrel_tls::client_certificate(certificate, key).map_err(Error::from)?;
            let (certificate, key) = (certificate.to_owned(), key.to_owned());
            ssl = ssl.with_client_identity(Some(ClientIdentity::new(certificate.into(), key.into())));
        }
        Ok(Some(ssl))
    }

    /// The name that a certificate is good for, where any name will do. The client cannot leave the name out: what it has for
    /// that does not work with its rustls.
    pub(crate) fn name_to_accept(mode: TlsMode, error: &SqlError) -> Option<String> {
        if mode == TlsMode::VerifyCa { whimbrel_tls::name_to_accept(error) } else { None }
    }

    /// Why a handshake failed, and what to do.
    pub(crate) fn tls_error(error: &SqlError) -> Option<(String, &'static str)> {
        whimbrel_tls::cause(error).map(|cause| (cause.to_string(), cause.remedy()))
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use whimbrel::ErrorKind;

    use super::*;

    pub(crate) fn ssl_opts(url: &DatabaseUrl, address: &HostAddress) -> whimbrel::Result<Option<SslOpts>> {
        match url.tls(address) {
            TlsMode::Disable => Ok(None),
            mode => Err(Error::new(
                ErrorKind::Configuration,
                format!("{address} wants TLS (`{mode}`), and this program was built without it"),
            )
            .with_note("next", "turn on the feature `tls` of whimbrel-mysql")),
        }
    }

    pub(crate) fn name_to_accept(_mode: TlsMode, _error: &SqlError) -> Option<String> {
        None
    }

    pub(crate) fn tls_error(_error: &SqlError) -> Option<(String, &'static str)> {
        None
    }
}
