//! Real servers for tests: which there are, those that a run shares, and those of one's own. Knows no client library.
//!
//! See [`Server`].

mod address;
mod error;
mod galera;
mod installation;
mod mariadb;
mod mysql;
mod options;
mod pgbouncer;
mod place;
mod port;
mod postgres;
mod process;
mod run;
mod shared;
mod supervisor;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::address::Address;
pub use self::error::{ServerError, ServerErrorKind};
pub use self::galera::Galera;
pub use self::installation::{Installation, ServerKind};
pub use self::options::{Durability, ServerOptions};
pub use self::pgbouncer::{PgBouncer, Pooling};
use self::place::Place;
pub use self::run::TestRun;
use self::shared::Kept;
use self::supervisor::{Launch, Lifetime, Supervisor};

/// A database server for tests: a throw-away one that was started from what is installed, or one that an environment
/// variable names.
///
/// [`Server::shared`] gives the one of this run of tests. The first test that asks starts it; the other threads, and
/// the other processes of the same `cargo test` or `cargo nextest run`, find it. It has a data directory of its own
/// below the folder for temporary files, a random port on 127.0.0.1 and a socket, no password, and no regard for the
/// disk. When the run ends, however it ends, a supervising process ends the server and removes its data. Tests share
/// it, so each makes a database of its own:
///
/// ```no_run
/// use whimbrel_testkit::{Server, ServerKind};
///
/// # fn main() -> Result<(), whimbrel_testkit::ServerError> {
/// let server = Server::shared(ServerKind::Postgres)?;
/// let database = Server::unique_name();
/// // With a client: connect to `server.url("postgres")`, and there `CREATE DATABASE {database}`.
/// let url = server.url(&database); // postgres://postgres@127.0.0.1:28143/t_4711_0_1c9
/// # Ok(())
/// # }
/// ```
///
/// [`Server::start`] starts one that belongs to the test: with settings, with TLS, to be killed and started again.
///
/// # The environment
/// | variable | what it says |
/// | --- | --- |
/// | `WHIMBREL_POSTGRES_URL`, `WHIMBREL_MARIADB_URL`, `WHIMBREL_MYSQL_URL` | a server to use as the shared one; its user may create databases |
/// | `WHIMBREL_PGBOUNCER_URL` | a PgBouncer in transaction mode to use as the shared one |
/// | `WHIMBREL_SERVERS` | `KIND-VERSION:FOLDER,…`: the servers there are, in place of what is installed |
/// | `WHIMBREL_TEST_RUN` | who shares servers; see [`TestRun`] |
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    kind: ServerKind,
    address: Address,
    /// What it was started from; nothing is known of one that a URL names.
    installation: Option<Installation>,
    /// `None` for one that a URL names.
    folder: Option<PathBuf>,
    /// `None` for one that is shared.
    supervisor: Option<Mutex<Supervisor>>,
    /// Whether it is one of a cluster, and ready only when it is in step with the others.
    clustered: bool,
}

/// How often another port is tried, when somebody was quicker.
const ATTEMPTS: usize = 3;

impl Server {
    /// The server of this kind that the run shares: the one that the kind's [variable](ServerKind::variable) names,
    /// else the first [`Installation`] of the kind, started by whoever asks first.
    ///
    /// # Errors
    /// [`NotInstalled`](ServerErrorKind::NotInstalled), with what to install; [`NotStarted`](ServerErrorKind::NotStarted),
    /// with the server's words; [`Environment`](ServerErrorKind::Environment) for a variable that cannot be used.
    ///
    /// # If interrupted
    /// The server ends with the run.
    pub fn shared(kind: ServerKind) -> Result<&'static Self, ServerError> {
        static SHARED: Kept<Server> = Kept::new();
        let server = SHARED.get_or_make(kind.name(), || {
            if let Ok(url) = env::var(kind.variable()) {
                let address = Address::parse(&url, kind.variable(), kind.port())?;
                return Ok(Self::of(kind, address, None, None, None));
            }
            Self::find_or_start(Installation::find(kind, None)?)
        })?;
        server.note_use()?;
        Ok(server)
    }

    /// The server of this very version that the run shares, such as `17` or `10.11`.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub fn shared_version(kind: ServerKind, version: &str) -> Result<&'static Self, ServerError> {
        Self::shared_from(Installation::find(kind, Some(version))?)
    }

    /// The server started from these programs that the run shares.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub fn shared_from(installation: &Installation) -> Result<&'static Self, ServerError> {
        static SHARED: Kept<Server> = Kept::new();
        let key = installation.folder().display().to_string();
        let server = SHARED.get_or_make(&key, || Self::find_or_start(installation))?;
        server.note_use()?;
        Ok(server)
    }

    /// Starts a server that belongs to the caller. It ends, and its data goes, when the last clone of the value is
    /// dropped, or when this process ends, be it by SIGKILL.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub fn start(options: &ServerOptions) -> Result<Self, ServerError> {
        let installation = Installation::find(options.kind, options.version.as_deref())?;
        Self::start_owned(installation, |place, port| launch(installation, options, place, port))
    }

    /// Starts a streaming standby of a PostgreSQL server that was started here, of the same version. It belongs to
    /// the caller.
    ///
    /// # Errors
    /// As [`Server::shared`]; [`NotOwned`](ServerErrorKind::NotOwned) if the primary is another kind of server, or one
    /// that a URL names.
    pub fn standby_of(primary: &Self) -> Result<Self, ServerError> {
        let (Some(installation), Some(socket), ServerKind::Postgres) =
            (&primary.inner.installation, primary.socket_folder(), primary.kind())
        else {
            let sentence = "a standby is made of a PostgreSQL that the tests have started";
            return Err(ServerError::new(ServerErrorKind::NotOwned, sentence));
        };
        let options = ServerOptions::new(ServerKind::Postgres);
        Self::start_owned(installation, |place, port| {
            postgres::standby(installation, &options, place, port, (&socket, primary.port()))
        })
    }

    /// The URL of one of its databases, whether it exists or not. With the password, if a variable gave one.
    pub fn url(&self, database: &str) -> String {
        self.inner.address.url(database)
    }

    /// The same URL with another address, such as that of a proxy.
    pub fn url_at(&self, host: &str, port: u16, database: &str) -> String {
        self.inner.address.at(host, port).url(database)
    }

    /// A name for a database that no other test uses: lower-case letters, digits and underscores, at most 40.
    pub fn unique_name() -> String {
        port::unique_name()
    }

    /// What kind of server it is.
    pub fn kind(&self) -> ServerKind {
        self.inner.kind
    }

    /// Its whole version, such as `15.18`; `None` for one that a URL names, which can be asked.
    pub fn version(&self) -> Option<&str> {
        self.inner.installation.as_ref().map(Installation::version)
    }

    /// Where it listens; `127.0.0.1` if it was started here.
    pub fn host(&self) -> &str {
        &self.inner.address.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.inner.address.port
    }

    /// Its superuser, or the user that a variable gave.
    pub fn user(&self) -> &str {
        &self.inner.address.user
    }

    /// Its Unix socket; `None` if a URL names the server. What PostgreSQL's clients want is the folder in which it is.
    pub fn socket(&self) -> Option<PathBuf> {
        let folder = self.socket_folder()?;
        Some(match self.kind() {
            ServerKind::Postgres => folder.join(format!(".s.PGSQL.{}", self.port())),
            ServerKind::MariaDb | ServerKind::MySql => folder.join(mysql::SOCKET),
        })
    }

    /// The server's process; `None` if it was killed, or if a URL names it.
    pub fn pid(&self) -> Option<u32> {
        supervisor::server_in(self.inner.folder.as_deref()?)
    }

    /// What the server has written so far; nothing if a URL names it.
    pub fn log(&self) -> String {
        let log =
            self.inner.folder.as_ref().map(|folder| std::fs::read(folder.join("log")).unwrap_or_default());
        String::from_utf8_lossy(&log.unwrap_or_default()).into_owned()
    }

    /// Kills the server's processes with SIGKILL, all at once, and waits until the server is gone. Its data stays, for
    /// [`Server::restart`].
    ///
    /// # Errors
    /// [`NotOwned`](ServerErrorKind::NotOwned) if it is shared with others.
    pub fn kill(&self) -> Result<(), ServerError> {
        self.supervisor()?.signal("KILL")
    }

    /// Starts the server again on its data and its port, and waits until it has recovered; if it is running, it is
    /// killed before. Connections are lost either way.
    ///
    /// # Errors
    /// [`NotOwned`](ServerErrorKind::NotOwned) if it is shared with others; [`NotStarted`](ServerErrorKind::NotStarted)
    /// with the server's words.
    pub fn restart(&self) -> Result<(), ServerError> {
        let mut supervisor = self.supervisor()?;
        supervisor.signal("KILL")?;
        let folder = self.inner.folder.as_deref().expect("it was started here");
        if self.inner.clustered {
            supervisor.start_again(&galera::ready(folder))
        } else {
            supervisor.start_again(&ready(self.kind(), folder))
        }
    }

    fn of(
        kind: ServerKind,
        address: Address,
        installation: Option<Installation>,
        folder: Option<PathBuf>,
        supervisor: Option<Mutex<Supervisor>>,
    ) -> Self {
        let inner = Inner { kind, address, installation, folder, supervisor, clustered: false };
        Self { inner: Arc::new(inner) }
    }

    fn of_cluster(installation: &Installation, folder: PathBuf, port: u16, supervisor: Supervisor) -> Self {
        let kind = installation.kind();
        Self {
            inner: Arc::new(Inner {
                kind,
                address: kind.address(port),
                installation: Some(installation.clone()),
                folder: Some(folder),
                supervisor: Some(Mutex::new(supervisor)),
                clustered: true,
            }),
        }
    }

    fn find_or_start(installation: &Installation) -> Result<Self, ServerError> {
        let kind = installation.kind();
        let name = format!("{}-{}", kind.name(), installation.version());
        let options = ServerOptions::new(kind).with_durability(Durability::Nothing);
        let found = shared::find_or_start(&name, &|run, beside| {
            start(&run.folder(), &name, Lifetime::Process(run.process), kind, &|place, port| {
                let launch = launch(installation, &options, place, port)?;
                Ok(Launch { beside: beside.clone(), ..launch })
            })
        })?;
        let address = kind.address(found.port);
        Ok(Self::of(kind, address, Some(installation.clone()), Some(found.folder), None))
    }

    fn start_owned(
        installation: &Installation,
        launch: impl Fn(&Place, u16) -> Result<Launch, ServerError>,
    ) -> Result<Self, ServerError> {
        let kind = installation.kind();
        let name = format!("whimbrel-own-{}", kind.name());
        let (place, port, supervisor) = start(&place::temporary(), &name, Lifetime::Owner, kind, &launch)?;
        let server = Self::of(
            kind,
            kind.address(port),
            Some(installation.clone()),
            Some(place.folder),
            Some(Mutex::new(supervisor)),
        );
        server.note_use()?;
        Ok(server)
    }

    fn supervisor(&self) -> Result<MutexGuard<'_, Supervisor>, ServerError> {
        let supervisor = self.inner.supervisor.as_ref().ok_or_else(|| {
            let sentence = "the server is shared with other tests: start one of your own";
            ServerError::new(ServerErrorKind::NotOwned, sentence)
        })?;
        Ok(supervisor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn socket_folder(&self) -> Option<PathBuf> {
        self.inner.folder.as_ref().map(|folder| folder.join("run"))
    }

    fn note_use(&self) -> Result<(), ServerError> {
        TestRun::current()?.note_use(&format!("{}-{}", self.kind().name(), self.version().unwrap_or("url")));
        Ok(())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("kind", &self.inner.kind)
            .field("version", &self.version())
            .field("address", &self.inner.address)
            .field("folder", &self.inner.folder)
            .finish()
    }
}

impl ServerKind {
    fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MariaDb | Self::MySql => 3306,
        }
    }

    fn address(self, port: u16) -> Address {
        match self {
            Self::Postgres => Address::local("postgres", postgres::USER, port),
            Self::MariaDb | Self::MySql => Address::local("mysql", mysql::USER, port),
        }
    }
}

fn launch(
    installation: &Installation,
    options: &ServerOptions,
    place: &Place,
    port: u16,
) -> Result<Launch, ServerError> {
    match installation.kind() {
        ServerKind::Postgres => postgres::launch(installation, options, place, port),
        ServerKind::MariaDb => mariadb::launch(installation, options, place, port),
        ServerKind::MySql => mysql::launch(installation, options, place, port),
    }
}

/// Starts a server in a new place, on a free port.
fn start(
    within: &Path,
    name: &str,
    lifetime: Lifetime,
    kind: ServerKind,
    launch: &dyn Fn(&Place, u16) -> Result<Launch, ServerError>,
) -> Result<shared::Started, ServerError> {
    let mut attempt = 1;
    loop {
        let place = Place::new(within, name)?;
        let port = port::free();
        let launch = launch(&place, port)?;
        match Supervisor::start(&place, &launch, lifetime, &ready(kind, &place.folder)) {
            Ok(supervisor) => return Ok((place, port, supervisor)),
            Err(error) if attempt < ATTEMPTS && port::was_taken(&error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn ready(kind: ServerKind, folder: &Path) -> impl Fn(u32) -> bool + use<> {
    let folder = folder.to_owned();
    move |pid| match kind {
        ServerKind::Postgres => postgres::is_ready(&folder, pid),
        ServerKind::MariaDb | ServerKind::MySql => mysql::is_ready(&folder),
    }
}
