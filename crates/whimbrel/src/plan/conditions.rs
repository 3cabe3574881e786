//! Under which conditions a plan would be carried out: the server, its limits on waiting, the role. Knows no SQL.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Under which conditions a plan would be carried out.
///
/// The migrator fills it in before the plan comes to the second gate. What is unknown is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Conditions {
    /// The server; known where a verifier [reads it](crate::Verifier::reads_server), or a preflight.
    pub server: Option<ServerVersion>,
    /// How long a statement may wait for a lock, unless its script says otherwise.
    pub lock_timeout: Option<Duration>,
    /// How long a statement may take, unless its script says otherwise.
    pub statement_timeout: Option<Duration>,
    /// As whom scripts run, if not as the user that is connected.
    pub role: Option<String>,
}

impl Conditions {
    /// Nothing is known, but for the server.
    pub fn on(server: ServerVersion) -> Self {
        Self { server: Some(server), ..Self::default() }
    }

    /// The same, with a limit on the wait for locks.
    #[must_use]
    pub fn with_lock_timeout(mut self, longest: Duration) -> Self {
        self.lock_timeout = Some(longest);
        self
    }
}

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Product {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// SQLite.
    Sqlite,
    /// Another one.
    Other,
}

/// A server, and its version.
///
/// ```
/// use whimbrel::{Product, ServerVersion};
///
/// let server = ServerVersion::read("mariadb", "10.11.14-MariaDB-0+deb12u2").unwrap();
/// assert_eq!(server.product, Product::Mariadb);
/// assert!(server.is_at_least(10, 6) && !server.is_at_least(11, 0));
/// assert_eq!(server.to_string(), "MariaDB 10.11.14");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ServerVersion {
    /// What it is.
    pub product: Product,
    /// The first number of its version.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

impl ServerVersion {
    /// A version.
    pub const fn new(product: Product, major: u32, minor: u32, patch: u32) -> Self {
        Self { product, major, minor, patch }
    }

    /// Reads what a server of a dialect says of itself; `None` if that begins with no number.
    pub fn read(dialect: &str, text: &str) -> Option<Self> {
        let product = match dialect {
            "postgres" => Product::Postgres,
            "sqlite" => Product::Sqlite,
            "mariadb" => Product::Mariadb,
            "mysql" => Product::Mysql,
            _ => Product::Other,
        };
        // Clients of old were told that MariaDB is a MySQL 5.5.5.
        let text = text.strip_prefix("5.5.5-").filter(|_| product == Product::Mariadb).unwrap_or(text);
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text.get(..end)?.split('.').map(|number| u32::from_str(number).ok());
        let major = numbers.next()??;
        let mut next = || numbers.next().flatten().unwrap_or(0);
        Some(Self { product, major, minor: next(), patch: next() })
    }

    /// Whether it is this version or a newer one.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.product {
            Product::Postgres => return write!(f, "PostgreSQL {}.{}", self.major, self.minor),
            Product::Mysql => "MySQL",
            Product::Mariadb => "MariaDB",
            Product::Sqlite => "SQLite",
            Product::Other => "server",
        };
        write!(f, "{name} {}.{}.{}", self.major, self.minor, self.patch)
    }
}
