//! The provider of cryptography: ring, and no other. Knows nothing of certificates.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Makes ring the provider of the whole process, if there is none yet.
///
/// Only for a client that builds its configuration by itself, as mysql_async does: with two providers in the build and
/// none installed, that panics. What the application has installed before stays; its own `install_default()` after this
/// gets an error, as it does after any client that builds a configuration by itself has connected.
pub fn install_provider_if_missing() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been faster, which is as good.
        let _ = ring::default_provider().install_default();
    }
}
