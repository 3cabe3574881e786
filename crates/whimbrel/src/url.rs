//! Where a database is, who connects, and how it is protected. Knows URLs and their parts; opens no connection.

mod authority;
mod credentials;
mod error;
mod host;
mod parse;
mod percent;
mod tls;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use self::percent::encode;
use self::tls::Tls;
use crate::secret::Secret;

pub use self::error::UrlError;
pub use self::host::{Host, HostAddress};
pub use self::tls::TlsMode;

/// The kind of database that a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `postgres://` or `postgresql://`
    Postgres,
    /// `mysql://`
    MySql,
    /// `mariadb://`
    MariaDb,
    /// `sqlite:`
    Sqlite,
}

impl Scheme {
    /// The scheme's name, as it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a database is, who connects, and how the connection is protected.
///
/// It is read from a URL, or put together from its parts:
///
/// ```
/// use whimbrel::{DatabaseUrl, HostAddress, Scheme, Secret, TlsMode};
/// # fn main() -> whimbrel::Result<()> {
/// let url = DatabaseUrl::parse("postgres://app:s3cr%20et@db.example.com:5433/shop?connect_timeout=5")?;
/// assert_eq!(url.user(), Some("app"));
/// assert_eq!(url.password().map(Secret::expose), Some("s3cr et"));
/// assert_eq!(url.hosts()[0].port, Some(5433));
/// assert_eq!(url.tls(&url.hosts()[0].address), TlsMode::VerifyFull);
/// assert_eq!(url.to_string(), "postgres://app:***@db.example.com:5433/shop?connect_timeout=5");
///
/// let parts = DatabaseUrl::new(Scheme::Postgres, "db.example.com")
///     .with_user("app")
///     .with_password(Secret::new("s3cr et"))
///     .with_database("shop");
/// assert_eq!(parts.hosts()[0].address, HostAddress::Name("db.example.com".into()));
/// # Ok(())
/// # }
/// ```
///
/// # Forms
///
/// | database | URL |
/// | --- | --- |
/// | PostgreSQL | `postgres://user:password@host:port/database?parameter=value`, as libpq reads it (its manual, section 34.1.1.2): several hosts `h1:1,h2:2`; IPv6 in brackets; a socket's directory as percent-encoded host (`%2Frun%2Fpostgresql`) or as `?host=/run/postgresql`; `?user=`, `?password=`, `?port=`, `?dbname=` |
/// | MySQL, MariaDB | the same with `mysql://` or `mariadb://`; `?socket=/run/mysqld/mysqld.sock` |
/// | SQLite | `sqlite:path`, `sqlite://path`, `sqlite:///absolute/path`, `sqlite::memory:` |
///
/// Without a host it is `localhost`. `?host=` and `?socket=` stand in for the host before the path; where both are given they
/// must agree (`localhost` and a socket do), and whatever else is said twice is refused.
///
/// In a password every character may stand as it is, as long as there is one way only to read the URL: of several `@`
/// the last one before the host counts. What can be read in two ways is refused; percent-encoding settles it. A `%` and
/// two hexadecimal digits are always an encoded character.
///
/// # TLS
///
/// `sslmode` takes libpq's words `disable`, `require`, `verify-ca` and `verify-full`; for MySQL and MariaDB there is also
/// `ssl-mode` with `DISABLED`, `REQUIRED`, `VERIFY_CA` and `VERIFY_IDENTITY`. What falls back to plaintext (`prefer`,
/// `allow`, `preferred`) is refused. `sslrootcert` names a file with the authorities to trust instead of the platform's
/// (`system` means these), `sslcert` and `sslkey` a client's certificate; for MySQL and MariaDB `ssl-ca`, `ssl-cert` and
/// `ssl-key` are the same. See [`tls`](Self::tls) for what holds when nothing is said.
///
/// # What is shown
///
/// `Debug` and `Display` show scheme, hosts, database, what is said of TLS, and a few parameters that are known to be
/// harmless. The password is `***`; so is the user if there is no password, for it may be one with the user forgotten.
#[derive(Clone)]
pub struct DatabaseUrl {
    scheme: Scheme,
    user: Option<String>,
    password: Option<Secret>,
    hosts: Vec<Host>,
    database: Option<String>,
    /// What a parameter holds may be a secret, whatever its name.
    parameters: Vec<(String, Secret)>,
    tls: Tls,
    /// Whether user names and passwords that everybody knows may go to other machines.
    default_credentials: bool,
}

impl DatabaseUrl {
    /// A URL of its parts: a host, or for SQLite the file's path.
    ///
    /// Nothing is decoded or checked. For TLS the same holds as for a URL that is read.
    pub fn new(scheme: Scheme, host: impl Into<Host>) -> Self {
        let host = host.into();
        let blank = Self {
            scheme,
            user: None,
            password: None,
            hosts: Vec::new(),
            database: None,
            parameters: Vec::new(),
            tls: Tls::default(),
            default_credentials: false,
        };
        match (scheme, host.address) {
            (Scheme::Sqlite, HostAddress::Socket(path)) => blank.with_database(path.to_string_lossy()),
            (Scheme::Sqlite, address) => blank.with_database(address.to_string()),
            (_, address) => Self { hosts: vec![Host { address, port: host.port }], ..blank },
        }
    }

    /// Reads a URL; see the forms above.
    ///
    /// # Errors
    /// If the text is not such a URL, can be read in two ways, or says something of TLS that cannot be held. The error
    /// names the part and the remedy, and shows none of the text.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        parse::parse(text)
    }

    /// Reads the URL that an environment variable holds.
    ///
    /// # Errors
    /// As [`Secret::from_env`] and [`parse`](Self::parse).
    pub fn from_env(variable: &str) -> Result<Self, UrlError> {
        Self::parse(Secret::from_env(variable)?.expose())
    }

    /// Reads the URL that a file holds.
    ///
    /// # Errors
    /// As [`Secret::from_file`] and [`parse`](Self::parse).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, UrlError> {
        Self::parse(Secret::from_file(path)?.expose())
    }

    /// Reads the URL that another process hands over by an open file descriptor.
    ///
    /// # Errors
    /// As [`Secret::from_descriptor`] and [`parse`](Self::parse).
    pub fn from_descriptor(number: u32) -> Result<Self, UrlError> {
        Self::parse(Secret::from_descriptor(number)?.expose())
    }

    /// The kind of database.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Who connects.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// The hosts, in the order in which to try them. There is at least one, but for SQLite none.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The database's name; for SQLite the file's path.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// What the parameter of this name says.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The parameters that are left for the driver: without those that say what the methods here tell. A driver refuses
    /// what it does not know.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// How a connection to this host is to be protected.
    ///
    /// 1. A Unix socket: not at all, whatever the URL says, as in libpq. Nothing leaves the machine.
    /// 2. What the URL says. With a file of root certificates `require` means `verify-ca`, as in libpq.
    /// 3. If it says nothing: [`Disable`](TlsMode::Disable) for `localhost`, 127.0.0.0/8 and `::1`, unless certificates are
    ///    named; [`VerifyFull`](TlsMode::VerifyFull) for every other host.
    pub fn tls(&self, host: &HostAddress) -> TlsMode {
        self.tls.mode(host)
    }

    /// Refuses user names and passwords that everybody knows, unless every host is this machine (a socket, or
    /// [loopback](HostAddress::is_loopback)): a password like `postgres`, `changeme` or the user's own name, and none at all
    /// for `root`, `postgres` or the anonymous user of MySQL. The drivers ask this before they connect.
    ///
    /// ```
    /// use whimbrel::DatabaseUrl;
    /// # fn main() -> whimbrel::Result<()> {
    /// let url = DatabaseUrl::parse("postgres://postgres:postgres@db.example.com/shop")?;
    /// assert!(url.check_credentials().is_err());
    /// // For a database that is thrown away, in a network of its own.
    /// url.allowing_default_credentials().check_credentials()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// They are such, and were not [allowed](Self::allowing_default_credentials).
    pub fn check_credentials(&self) -> Result<(), UrlError> {
        credentials::check(self)
    }

    /// The file with the certificates of the authorities to trust; without one, the platform's are trusted.
    pub fn root_certificate(&self) -> Option<&Path> {
        self.tls.root.as_deref()
    }

    /// The files with the client's certificate and with its key.
    pub fn client_certificate(&self) -> Option<(&Path, &Path)> {
        self.tls.certificate.as_deref().zip(self.tls.key.as_deref())
    }

    /// Sets who connects.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn with_password(mut self, password: Secret) -> Self {
        self.password = Some(password);
        self
    }

    /// Adds a host, to be tried after the others.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<Host>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Sets the database's name; for SQLite the file's path.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = Some(database.into());
        self
    }

    /// Sets a parameter for the driver. What has a method of its own (user, password, TLS, …) is set by that.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.parameters.retain(|(own, _)| *own != name);
        self.parameters.push((name, Secret::new(value)));
        self
    }

    /// Allows user names and passwords that everybody knows for hosts that are not this machine, which otherwise are
    /// [refused](Self::check_credentials).
    #[must_use]
    pub fn allowing_default_credentials(mut self) -> Self {
        self.default_credentials = true;
        self
    }

    /// Sets how the connection is protected; without this, [`tls`](Self::tls) decides for each host.
    #[must_use]
    pub fn with_tls(mut self, mode: TlsMode) -> Self {
        self.tls.mode = Some(mode);
        self
    }

    /// Sets the file with the certificates of the authorities to trust.
    #[must_use]
    pub fn with_root_certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.system = false;
        self.tls.root = Some(path.into());
        self
    }

    /// Sets the files with the client's certificate and with its key.
    #[must_use]
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.certificate = Some(certificate.into());
        self.tls.key = Some(key.into());
        self
    }
}

/// The parameters with values that hold no secret.
const SHOWN: [&str; 5] = ["application_name", "connect_timeout", "target_session_attrs", "mode", "cache"];

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::Sqlite {
            f.write_str("sqlite:")?;
            encode(f, self.database().unwrap_or_default(), b"/:")?;
        } else {
            write!(f, "{}://", self.scheme)?;
            match (&self.user, &self.password) {
                (Some(user), Some(_)) => {
                    encode(f, user, b"")?;
                    f.write_str(":***@")?;
                }
                (Some(_), None) => f.write_str("***@")?,
                (None, Some(_)) => f.write_str(":***@")?,
                (None, None) => {}
            }
            for (index, host) in self.hosts.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { "," })?;
                match &host.address {
                    HostAddress::Ip(_) => host.address.fmt(f)?,
                    HostAddress::Name(name) => encode(f, name, b"")?,
                    HostAddress::Socket(path) => encode(f, &path.to_string_lossy(), b"")?,
                }
                if let Some(port) = host.port {
                    write!(f, ":{port}")?;
                }
            }
            if let Some(database) = self.database() {
                f.write_str("/")?;
                encode(f, database, b"/")?;
            }
        }
        let mut separator = "?";
        for (name, value) in self.parameters() {
            f.write_str(separator)?;
            let odd = name == "connect_timeout" && value.parse::<u64>().is_err();
            match SHOWN.contains(&name) && !odd {
                true => {
                    write!(f, "{name}=")?;
                    encode(f, value, b"/:")?;
                }
                // The name is not shown either: a separator left out makes a name of a value.
                false => f.write_str("***")?,
            }
            separator = "&";
        }
        let root = if self.tls.system { Some(Path::new("system")) } else { self.root_certificate() };
        let said = [
            ("sslmode", self.tls.mode.map(|mode| Path::new(mode.as_str()))),
            ("sslrootcert", root),
            ("sslcert", self.tls.certificate.as_deref()),
            ("sslkey", self.tls.key.as_deref()),
        ];
        for (name, value) in said {
            let Some(value) = value else { continue };
            write!(f, "{separator}{name}=")?;
            encode(f, &value.to_string_lossy(), b"/:")?;
            separator = "&";
        }
        Ok(())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for DatabaseUrl {
    type Error = UrlError;

    fn try_from(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod remedies;
#[cfg(test)]
mod tests;
