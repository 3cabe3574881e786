//! What a server of one's own is to be like. Starts none.

use std::path::{Path, PathBuf};

use super::installation::ServerKind;

/// What a server of one's own is to be like; see [`Server::start`](super::Server::start).
///
/// ```no_run
/// use whimbrel_testkit::{Server, ServerKind, ServerOptions};
///
/// # fn main() -> Result<(), whimbrel_testkit::ServerError> {
/// let options = ServerOptions::new(ServerKind::Postgres)
///     .with_version("17")
///     .with_setting("default_transaction_isolation", "serializable");
/// let server = Server::start(&options)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub(crate) kind: ServerKind,
    pub(crate) version: Option<String>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) durability: Durability,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) access: Vec<String>,
}

/// Which crash a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// None: neither the server nor the machine may crash. What is shared is like that, for speed.
    Nothing,
    /// The server's death by SIGKILL, and not the machine's: nothing waits for the disk.
    #[default]
    Process,
    /// The machine's, with the server's own defaults.
    Machine,
}

/// Files for a server's TLS, in PEM. They are copied.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) clients: Option<PathBuf>,
}

impl ServerOptions {
    /// A server of this kind, of the first version that there is.
    pub fn new(kind: ServerKind) -> Self {
        Self {
            kind,
            version: None,
            settings: Vec::new(),
            durability: Durability::default(),
            certificate: None,
            access: Vec::new(),
        }
    }

    /// Only this version, such as `17` or `10.11`.
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// A setting of the server, as in its configuration file. The last one of a name counts, also over what the
    /// harness sets itself.
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// What is to survive what.
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// TLS, with a certificate and its key in PEM files.
    pub fn with_tls(mut self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.certificate = Some(Certificate {
            certificate: certificate.as_ref().to_owned(),
            key: key.as_ref().to_owned(),
            clients: None,
        });
        self
    }

    /// With TLS: the authority by which clients' certificates are checked, in a PEM file. Without
    /// [`with_tls`](Self::with_tls) before it, it does nothing.
    pub fn with_client_authority(mut self, authority: impl AsRef<Path>) -> Self {
        if let Some(certificate) = &mut self.certificate {
            certificate.clients = Some(authority.as_ref().to_owned());
        }
        self
    }

    /// PostgreSQL: a line of `pg_hba.conf`, such as `hostssl all all 127.0.0.1/32 scram-sha-256`. With any such line,
    /// only the socket still lets everybody in. Others decide by their users, and do not look at it.
    pub fn with_access(mut self, line: impl Into<String>) -> Self {
        self.access.push(line.into());
        self
    }
}
