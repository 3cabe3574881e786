//! The database: its migrations, and the pool of connections to it. Knows nothing of what is served.

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use whimbrel::{DatabaseUrl, Migrator, Report};
use whimbrel_embed::{Embedded, embed};
use whimbrel_postgres::{ConnectOptions, Postgres};

/// Checked against `migrations/whimbrel.sum` when the program is compiled.
static MIGRATIONS: Embedded = embed!("migrations");

/// What is done about migrations at the start.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Apply what is pending.
    Migrate,
    /// Wait until somebody else has: for a role that may not change the schema.
    Wait,
}

impl Mode {
    pub(crate) fn from_env(variable: &str) -> Result<Self, String> {
        match std::env::var(variable).as_deref() {
            Err(_) | Ok("migrate") => Ok(Self::Migrate),
            Ok("wait") => Ok(Self::Wait),
            Ok(_) => Err(format!("{variable} is neither `migrate` nor `wait`")),
        }
    }
}

/// Returns when the database has everything that this program needs. One query, if it has that already.
pub(crate) async fn migrate(url: &DatabaseUrl, mode: Mode) -> whimbrel::Result<Report> {
    // A connection of its own: what migrates is not pooled afterwards. The server may be starting, too.
    let mut db = ConnectOptions::new().with_startup_deadline(Duration::from_secs(30)).connect(url).await?;
    let migrator =
        Migrator::new(&MIGRATIONS).with_application(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    match mode {
        Mode::Migrate => migrator.run(&mut db).await,
        Mode::Wait => migrator.wait(&mut db).await,
    }
}

pub(crate) type Pool = managed::Pool<Connections>;

/// A pool of connections to the same database.
pub(crate) fn pool(url: DatabaseUrl) -> Result<Pool, managed::BuildError> {
    let patience = Some(Duration::from_secs(5));
    Pool::builder(Connections { url })
        .max_size(8)
        .runtime(Runtime::Tokio1)
        .wait_timeout(patience)
        .create_timeout(patience)
        .build()
}

/// Connects as the migrations do, so that one URL decides for both on hosts, TLS and certificates: a client that reads
/// URLs by itself may see `sslmode` in another way.
pub(crate) struct Connections {
    url: DatabaseUrl,
}

impl managed::Manager for Connections {
    type Type = ClientWrapper;
    type Error = whimbrel::Error;

    async fn create(&self) -> whimbrel::Result<ClientWrapper> {
        let client = Postgres::connect(&self.url).await?.into_client()?;
        // The driver has started the connection's task, which ends with the client; the pool wants one to abort.
        Ok(ClientWrapper::new(*client, tokio::spawn(async {})))
    }

    async fn recycle(&self, client: &mut ClientWrapper, _: &Metrics) -> RecycleResult<whimbrel::Error> {
        if client.is_closed() { Err(RecycleError::message("it is closed")) } else { Ok(()) }
    }
}
