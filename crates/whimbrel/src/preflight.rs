//! What has to be so before anything is applied: what was asked for, and what is found. Builds no SQL itself.

mod need;

pub use self::need::{Need, Right};

use crate::dialect::{Dialect, TableName};
use crate::plan::Plan;
use crate::script::Script;
use crate::url::{DatabaseUrl, HostAddress, TlsMode};

/// What has to be so before anything is applied. Looked at only when something is pending; what cannot be found out counts
/// as not so.
///
/// ```
/// use whimbrel::{Memory, Migrator, Preflight};
///
/// let migrator = Migrator::new(Memory::new()).with_preflight(Preflight::strict());
/// ```
///
/// | asked for | PostgreSQL | MySQL, MariaDB | SQLite |
/// | --- | --- | --- | --- |
/// | [protection](Self::protected) | the driver's word | the driver's word | always so |
/// | [no superuser](Self::without_superuser) | `rolsuper` | none of `SUPER`, `FILE`, `CREATE USER`, `SHUTDOWN` | always so |
/// | [rights](Self::with_rights) | schema, ownership, tables | as granted to the user itself: with an active role it cannot be found out, nor on MySQL 5.7 | always so |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    protected: bool,
    superuser: bool,
    rights: bool,
}

impl Preflight {
    /// Asks for nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for everything.
    pub fn strict() -> Self {
        Self { protected: true, superuser: true, rights: true }
    }

    /// The connection stays on this machine, or uses TLS with a certificate that was verified for the host's name
    /// ([`Transport`]).
    #[must_use]
    pub fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    /// The user that is connected may not do everything: it is no superuser, however little the migrations need.
    #[must_use]
    pub fn without_superuser(mut self) -> Self {
        self.superuser = true;
        self
    }

    /// The rights that the plan's statements need are there; all that are missing are told at once, before the first one
    /// runs. Rights that only the database can know of (of functions that are called, of rows) are not looked at.
    #[must_use]
    pub fn with_rights(mut self) -> Self {
        self.rights = true;
        self
    }

    pub(crate) fn wants_protection(&self) -> bool {
        self.protected
    }

    pub(crate) fn refuses_superuser(&self) -> bool {
        self.superuser
    }

    pub(crate) fn wants_rights(&self) -> bool {
        self.rights
    }
}

/// How a connection is protected on its way. A fact that a driver fills in in its copy of the [`Dialect`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// The driver cannot tell: the client was handed over by the application.
    #[default]
    Unknown,
    /// It does not leave this machine: a file, a socket, a loopback address.
    Local,
    /// Not at all.
    Plain,
    /// By TLS, without knowing who is at the other end.
    Encrypted,
    /// By TLS, with a certificate that was verified for the host's name.
    Verified,
}

impl Transport {
    /// How a connection to one of a URL's hosts is protected, which was opened as the URL says.
    pub fn of(url: &DatabaseUrl, host: &HostAddress) -> Self {
        match url.tls(host) {
            TlsMode::VerifyFull => Self::Verified,
            TlsMode::VerifyCa | TlsMode::Require => Self::Encrypted,
            TlsMode::Disable if host.is_socket() || host.is_loopback() => Self::Local,
            TlsMode::Disable => Self::Plain,
        }
    }

    /// Why it is not enough, and what to do; `None` if it is.
    pub(crate) fn objection(self) -> Option<&'static str> {
        match self {
            Self::Local | Self::Verified => None,
            Self::Unknown => Some(
                "nobody can tell how the connection is protected, since the client was handed over: connect by URL, or \
                 vouch for it with the driver's `with_transport`",
            ),
            Self::Plain => Some("the connection is not protected: use `sslmode=verify-full`"),
            Self::Encrypted => Some(
                "the connection is encrypted, and the server's name was not verified: use `sslmode=verify-full`, with \
                 `sslrootcert` if the authority is your own",
            ),
        }
    }
}

/// Questions of a preflight, as a dialect asks them.
#[derive(Clone, Copy, Debug)]
pub struct PreflightSql {
    /// An expression that is 1 if the user may do everything, 0 if not, and NULL where that cannot be told.
    pub superuser: &'static str,
    /// A query that answers a row for each right that is missing, with a text that names it, like `INSERT on app.users`.
    pub missing: fn(&RightsQuery<'_>) -> String,
}

/// Which rights are needed.
#[derive(Debug)]
pub struct RightsQuery<'a> {
    /// The history table, which the user that is connected reads and adds to.
    pub table: &'a TableName,
    /// Whether it has to be created.
    pub creates_table: bool,
    /// As whom the scripts run, if not as that user.
    pub role: Option<&'a str>,
    /// What the scripts do.
    pub needs: &'a [Need],
}

/// What a plan's scripts need. What they make themselves is not there yet: of that a dialect has nothing to say, or that a
/// right on the whole schema is needed.
pub(crate) fn needs(plan: &Plan, dialect: &Dialect) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for item in plan.items() {
        let Some(file) = item.script().filter(|_| item.rust_step().is_none()) else { continue };
        for statement in Script::stream(file.text(), &dialect.lexing).skip(item.first_statement()) {
            let Some(need) = Need::of(&statement) else { continue };
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
    }
    needs
}
