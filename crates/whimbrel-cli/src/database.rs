//! A connection to any of the databases that the command was built with. The only place that knows which there are.

#[cfg(not(any(feature = "postgres", feature = "mysql", feature = "sqlite")))]
compile_error!("choose at least one database: the features postgres, mysql and sqlite");

pub(crate) mod describe;
pub(crate) mod init;
#[cfg(feature = "sqlite")]
pub(crate) mod unmade;
pub(crate) mod whole;

use std::any::Any;
use std::path::PathBuf;
use std::time::Duration;

use whimbrel::{
    Answers, DatabaseUrl, Dialect, Driver, DriverError, Error, ErrorKind, Message, Result, Rows, Scheme,
    Value, async_trait,
};

/// Where a database is.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// A file.
    Sqlite(PathBuf),
    /// On a server.
    Server(DatabaseUrl),
}

impl Address {
    /// The dialect's name, as far as it is known before connecting: a server of MySQL's kind may be MariaDB.
    pub(crate) fn dialect(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Server(url) => url.scheme().as_str(),
        }
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            Self::Server(url) => {
                url.hosts().iter().all(|host| host.address.is_loopback() || host.address.is_socket())
            }
        }
    }

    /// For people: without a password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Server(url) => url.to_string(),
        }
    }
}

/// A connection.
pub(crate) enum Connection {
    #[cfg(feature = "postgres")]
    Postgres(Box<whimbrel_postgres::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(Box<whimbrel_mysql::MySql>),
    #[cfg(feature = "sqlite")]
    Sqlite(whimbrel_sqlite::Sqlite),
    /// A file that is made when something is first written.
    #[cfg(feature = "sqlite")]
    Unmade(Box<unmade::Unmade>),
}

/// How long a server may be starting up.
const STARTUP: Duration = Duration::from_secs(5);

impl Connection {
    /// Opens a connection. A file of SQLite has to be there already, unless it may be made.
    pub(crate) async fn open(address: &Address, create: bool) -> Result<Self> {
        Self::open_within(address, create, STARTUP).await
    }

    /// Opens a connection to what is there and up now.
    pub(crate) async fn open_at_once(address: &Address) -> Result<Self> {
        Self::open_within(address, false, Duration::ZERO).await
    }

    async fn open_within(address: &Address, create: bool, startup: Duration) -> Result<Self> {
        match address {
            Address::Sqlite(path) => Self::open_file(path, create).await,
            Address::Server(url) => match url.scheme() {
                Scheme::Postgres => Self::open_postgres(url, startup).await,
                _ => Self::open_mysql(url).await,
            },
        }
    }

    #[cfg(feature = "sqlite")]
    async fn open_file(path: &std::path::Path, create: bool) -> Result<Self> {
        if !create && !path.exists() {
            return Err(Error::new(ErrorKind::Configuration, format!("there is no file {}", path.display()))
                .with_note("next", "`whimbrel up` makes it"));
        }
        Ok(Self::Sqlite(whimbrel_sqlite::Sqlite::open(path).await?))
    }

    #[cfg(not(feature = "sqlite"))]
    async fn open_file(_: &std::path::Path, _: bool) -> Result<Self> {
        Err(left_out("sqlite"))
    }

    #[cfg(feature = "postgres")]
    async fn open_postgres(url: &DatabaseUrl, startup: Duration) -> Result<Self> {
        let options = whimbrel_postgres::ConnectOptions::new().with_startup_deadline(startup);
        Ok(Self::Postgres(Box::new(options.connect(url).await?)))
    }

    #[cfg(not(feature = "postgres"))]
    async fn open_postgres(_: &DatabaseUrl, _: Duration) -> Result<Self> {
        Err(left_out("postgres"))
    }

    #[cfg(feature = "mysql")]
    async fn open_mysql(url: &DatabaseUrl) -> Result<Self> {
        Ok(Self::MySql(Box::new(whimbrel_mysql::MySql::connect(url).await?)))
    }

    #[cfg(not(feature = "mysql"))]
    async fn open_mysql(_: &DatabaseUrl) -> Result<Self> {
        Err(left_out("mysql"))
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "mysql")))]
fn left_out(feature: &str) -> Error {
    Error::new(ErrorKind::Configuration, format!("this `whimbrel` was built without {feature}")).with_note(
        "next",
        format!(
            "install one with it: cargo install whimbrel-cli --no-default-features --features {feature},tls"
        ),
    )
}

/// Does the same with whichever connection it is.
macro_rules! each {
    ($connection:expr, $db:ident => $what:expr) => {
        match $connection {
            #[cfg(feature = "postgres")]
            Connection::Postgres($db) => $what,
            #[cfg(feature = "mysql")]
            Connection::MySql($db) => $what,
            #[cfg(feature = "sqlite")]
            Connection::Sqlite($db) => $what,
            #[cfg(feature = "sqlite")]
            Connection::Unmade($db) => $what,
        }
    };
}

#[async_trait]
impl Driver for Connection {
    fn dialect(&self) -> &Dialect {
        each!(self, db => db.dialect())
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        each!(self, db => db.execute(messages, answers).await)
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        each!(self, db => db.query(sql, values).await)
    }

    async fn pause(&mut self, time: Duration) {
        each!(self, db => db.pause(time).await);
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        each!(self, db => db.native())
    }

    fn close(&mut self) {
        each!(self, db => db.close());
    }
}

/// The table of facts of a dialect, for what is looked at without a database.
pub(crate) fn dialect(name: &str) -> Option<&'static Dialect> {
    match name {
        #[cfg(feature = "postgres")]
        "postgres" => Some(&whimbrel_postgres::DIALECT),
        #[cfg(feature = "mysql")]
        "mysql" => Some(&whimbrel_mysql::MYSQL),
        #[cfg(feature = "mysql")]
        "mariadb" => Some(&whimbrel_mysql::MARIADB),
        #[cfg(feature = "sqlite")]
        "sqlite" => Some(&whimbrel_sqlite::DIALECT),
        _ => None,
    }
}
