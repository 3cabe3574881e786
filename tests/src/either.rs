//! A database on a server of any kind, and a connection to it. Knows no migrations.

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;
use whimbrel::{
    Answers, DatabaseUrl, Dialect, Driver, DriverError, Message, Rows, Scheme, SessionNumber, Value,
};
use whimbrel_mysql::MySql;
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{Installation, Server, ServerKind};

/// A connection to any of the servers.
#[derive(Debug)]
pub enum Either {
    /// To PostgreSQL.
    Postgres(Postgres),
    /// To MySQL or MariaDB.
    MySql(MySql),
}

impl Either {
    /// Connects as the URL says.
    ///
    /// # Errors
    /// As the drivers' own functions.
    pub async fn connect(url: &DatabaseUrl) -> whimbrel::Result<Self> {
        match url.scheme() {
            Scheme::Postgres => Ok(Self::Postgres(Postgres::connect(url).await?)),
            _ => Ok(Self::MySql(MySql::connect(url).await?)),
        }
    }

    /// The server's number of this session.
    ///
    /// # Panics
    /// A pooler hides it.
    pub fn session(&self) -> i64 {
        match self.dialect().session {
            SessionNumber::Known(number) => number,
            other => panic!("{other:?}"),
        }
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// What the server says.
    pub async fn try_run(&mut self, sql: &str) -> Result<(), DriverError> {
        self.execute(&[Message::new(sql, 1)], &mut Answers::new()).await
    }

    /// Runs one statement as the application would: the driver learns nothing of it.
    ///
    /// # Errors
    /// What the client says.
    pub async fn try_apart(&mut self, sql: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        use whimbrel_mysql::mysql_async::{Conn, prelude::Queryable};
        use whimbrel_postgres::tokio_postgres::Client;
        match self {
            Self::Postgres(db) => match db.native().downcast_mut::<Client>() {
                Some(client) => Ok(client.batch_execute(sql).await?),
                None => Err("the connection was given up".into()),
            },
            Self::MySql(db) => match db.native().downcast_mut::<Conn>() {
                Some(client) => Ok(client.query_drop(sql).await?),
                None => Err("the connection was given up".into()),
            },
        }
    }

    /// Runs one statement as the application would, that succeeds.
    ///
    /// # Panics
    /// It fails.
    pub async fn apart(&mut self, sql: &str) {
        self.try_apart(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Runs one statement that succeeds.
    ///
    /// # Panics
    /// It fails.
    pub async fn run(&mut self, sql: &str) {
        self.try_run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The number that a query gives.
    ///
    /// # Panics
    /// It gives none.
    pub async fn number(&mut self, sql: &str) -> i64 {
        let rows = self.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows[0].read(0).expect("a number")
    }

    /// The rows of a query, a line each.
    ///
    /// # Panics
    /// The query fails.
    pub async fn lines(&mut self, sql: &str) -> String {
        let rows = self.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut text = String::new();
        for row in rows.iter() {
            for value in row.values() {
                match value {
                    Value::Null => text.push_str("NULL"),
                    Value::Integer(number) => text.push_str(&number.to_string()),
                    Value::Text(word) => text.push_str(word),
                    other => text.push_str(&format!("{other:?}")),
                }
                text.push('|');
            }
            text.push('\n');
        }
        text
    }
}

#[async_trait]
impl Driver for Either {
    fn dialect(&self) -> &Dialect {
        match self {
            Self::Postgres(db) => db.dialect(),
            Self::MySql(db) => db.dialect(),
        }
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        match self {
            Self::Postgres(db) => db.execute(messages, answers).await,
            Self::MySql(db) => db.execute(messages, answers).await,
        }
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        match self {
            Self::Postgres(db) => db.query(sql, values).await,
            Self::MySql(db) => db.query(sql, values).await,
        }
    }

    async fn pause(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        match self {
            Self::Postgres(db) => db.native(),
            Self::MySql(db) => db.native(),
        }
    }

    fn close(&mut self) {
        match self {
            Self::Postgres(db) => db.close(),
            Self::MySql(db) => db.close(),
        }
    }
}

/// A new database on a server, which goes with the server.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is.
    pub server: Server,
    /// How it is called.
    pub name: String,
}

/// The kinds of servers to test on: PostgreSQL and MariaDB, which have to be there, and MySQL where it is to be had. The
/// table that closes a run of `cargo xtask test` says which were used.
pub fn kinds() -> Vec<ServerKind> {
    let mut kinds = vec![ServerKind::Postgres, ServerKind::MariaDb];
    let named = std::env::var_os(ServerKind::MySql.variable()).is_some();
    if named || Installation::find(ServerKind::MySql, None).is_ok() {
        kinds.push(ServerKind::MySql);
    } else {
        eprintln!("there is no MySQL here: not tested on it");
    }
    kinds
}

/// Whether the full counts were asked for.
pub fn is_long() -> bool {
    std::env::var_os("WHIMBREL_LONG").is_some()
}

impl Database {
    /// A new one on the server that the run shares.
    ///
    /// # Panics
    /// There is no such server.
    pub async fn new(kind: ServerKind) -> Self {
        Self::on(Server::shared(kind).expect("a server")).await
    }

    /// A new one on this server.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn on(server: &Server) -> Self {
        let name = Server::unique_name();
        let mut admin = Self { server: server.clone(), name: admin(server.kind()).to_owned() }.open().await;
        admin.run(&format!("CREATE DATABASE {name}")).await;
        Self { server: server.clone(), name }
    }

    /// What kind of server it is on.
    pub fn kind(&self) -> ServerKind {
        self.server.kind()
    }

    /// Whether statements that define things can be taken back.
    pub fn is_postgres(&self) -> bool {
        self.kind() == ServerKind::Postgres
    }

    /// Its URL, of the superuser.
    ///
    /// # Panics
    /// Never: the harness makes valid URLs.
    pub fn url(&self) -> DatabaseUrl {
        let url: DatabaseUrl = self.server.url(&self.name).parse().expect("a URL");
        // A server that a variable names may be anywhere, and is for tests.
        url.allowing_default_credentials()
    }

    /// Its URL for another user, who needs no password.
    ///
    /// # Panics
    /// Never: the harness makes valid URLs.
    pub fn url_of(&self, user: &str) -> DatabaseUrl {
        let (scheme, rest) = self
            .server
            .url(&self.name)
            .split_once("://")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("a URL");
        let address = rest.split_once('@').expect("a user").1;
        let url: DatabaseUrl = format!("{scheme}://{user}@{address}").parse().expect("a URL");
        url.allowing_default_credentials()
    }

    /// Connects as superuser.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn open(&self) -> Either {
        Self::connect(&self.url()).await
    }

    /// Connects.
    ///
    /// # Panics
    /// The server cannot be reached.
    pub async fn connect(url: &DatabaseUrl) -> Either {
        Either::connect(url).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// A new user without a password and without a right, but to connect.
    ///
    /// # Panics
    /// It cannot be made.
    pub async fn user(&self) -> String {
        let name = Server::unique_name();
        let login = if self.is_postgres() { "CREATE ROLE {} LOGIN" } else { "CREATE USER {}" };
        self.open().await.run(&login.replace("{}", &name)).await;
        name
    }
}

fn admin(kind: ServerKind) -> &'static str {
    if kind == ServerKind::Postgres { "postgres" } else { "mysql" }
}
