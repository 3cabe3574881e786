//! PgBouncer in front of a PostgreSQL server: how it is configured and started.

use std::env;
use std::fmt;
use std::net::{Ipv4Addr, TcpStream};

use super::address::Address;
use super::error::{ServerError, ServerErrorKind};
use super::installation::{ServerKind, program};
use super::place::{self, Place};
use super::run::TestRun;
use super::shared::{self, Kept};
use super::supervisor::{Launch, Lifetime, Supervisor};
use super::{ATTEMPTS, Server, port};

/// The variable that may name a PgBouncer that runs already.
const VARIABLE: &str = "WHIMBREL_PGBOUNCER_URL";

/// A PgBouncer for tests, in front of a [`Server`]: whatever database a client asks for, it is that server's.
///
/// Up to 400 clients may be connected. A client's password is not checked; its user has to be one of those given.
///
/// ```no_run
/// use whimbrel_testkit::{PgBouncer, Pooling, Server, ServerKind};
///
/// # fn main() -> Result<(), whimbrel_testkit::ServerError> {
/// let server = Server::shared(ServerKind::Postgres)?;
/// let pooler = PgBouncer::start(server, Pooling::Transaction, 4, &[])?;
/// let url = pooler.url("postgres");
/// # Ok(())
/// # }
/// ```
pub struct PgBouncer {
    address: Address,
    /// `None` for one that is shared.
    _supervisor: Option<Supervisor>,
}

/// How long a client keeps a connection of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// Until it disconnects.
    Session,
    /// Until its transaction ends.
    Transaction,
    /// Until its statement ends; transactions of several statements are refused.
    Statement,
}

impl PgBouncer {
    /// The one that this run shares, in transaction mode, with at most 20 connections for each database, in front of
    /// the shared PostgreSQL; or the one that `WHIMBREL_PGBOUNCER_URL` names.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub fn shared() -> Result<&'static Self, ServerError> {
        static SHARED: Kept<PgBouncer> = Kept::new();
        let pooler = SHARED.get_or_make("", || {
            if let Ok(url) = env::var(VARIABLE) {
                let address = Address::parse(&url, VARIABLE, 6432)?;
                return Ok(Self { address, _supervisor: None });
            }
            let server = Server::shared(ServerKind::Postgres)?;
            let found = shared::find_or_start("pgbouncer", &|run, beside| {
                let lifetime = Lifetime::Process(run.process);
                let within = run.folder();
                Self::launch((&within, "pgbouncer"), lifetime, server, Pooling::Transaction, 20, &[], beside)
            })?;
            Ok(Self { address: Address::local("postgres", server.user(), found.port), _supervisor: None })
        })?;
        TestRun::current()?.note_use("pgbouncer");
        Ok(pooler)
    }

    /// Starts one that belongs to the caller, with at most `pool` connections to the server for each database and
    /// user. `users` may log in beside the server's own. It ends when the value is dropped, or with this process.
    ///
    /// # Errors
    /// As [`Server::shared`]; [`NotOwned`](ServerErrorKind::NotOwned) in front of a server that a URL names.
    pub fn start(server: &Server, pooling: Pooling, pool: u32, users: &[&str]) -> Result<Self, ServerError> {
        let (_, port, supervisor) = Self::launch(
            (&place::temporary(), "whimbrel-own-pgbouncer"),
            Lifetime::Owner,
            server,
            pooling,
            pool,
            users,
            Vec::new(),
        )?;
        TestRun::current()?.note_use("pgbouncer");
        let address = Address::local("postgres", server.user(), port);
        Ok(Self { address, _supervisor: Some(supervisor) })
    }

    /// The URL of a database of the server behind it.
    pub fn url(&self, database: &str) -> String {
        self.address.url(database)
    }

    /// Where it listens.
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port
    }

    fn launch(
        (within, name): (&std::path::Path, &str),
        lifetime: Lifetime,
        server: &Server,
        pooling: Pooling,
        pool: u32,
        users: &[&str],
        beside: Vec<std::path::PathBuf>,
    ) -> Result<shared::Started, ServerError> {
        if server.inner.folder.is_none() {
            let sentence =
                format!("no PgBouncer is put in front of a server that a URL names: set {VARIABLE}");
            return Err(ServerError::new(ServerErrorKind::NotOwned, sentence));
        }
        let binary = program("pgbouncer").ok_or_else(|| {
            let sentence = format!("there is no `pgbouncer` here: install it, or set {VARIABLE}");
            ServerError::new(ServerErrorKind::NotInstalled, sentence)
        })?;
        let mut attempt = 1;
        loop {
            let place = Place::new(within, name)?;
            let port = port::free();
            let users = users.iter().copied().chain([server.user()]);
            let list: Vec<_> = users.map(|user| format!("\"{user}\" \"\"\n")).collect();
            let list = place.write_private("users", list.concat().as_bytes())?;
            let mode = match pooling {
                Pooling::Session => "session",
                Pooling::Transaction => "transaction",
                Pooling::Statement => "statement",
            };
            let run = place.run().display().to_string();
            let configuration = format!(
                "[databases]\n* = host={host} port={server_port}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir = {run}\nauth_type = trust\nauth_file = {list}\n\
                 pool_mode = {mode}\ndefault_pool_size = {pool}\nmax_client_conn = 400\n\
                 ignore_startup_parameters = extra_float_digits\n",
                host = server.host(),
                server_port = server.port(),
                list = list.display(),
            );
            let file = place.write_private("pgbouncer.ini", configuration.as_bytes())?;
            let mut words = place.command(&binary);
            words.push(file.display().to_string());
            let launch = Launch { prepare: Vec::new(), server: words, end: "KILL", beside: beside.clone() };
            let ready = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            match Supervisor::start(&place, &launch, lifetime, &ready) {
                Ok(supervisor) => return Ok((place, port, supervisor)),
                Err(error) if attempt < ATTEMPTS && port::was_taken(&error) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for PgBouncer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBouncer").field("address", &self.address).finish_non_exhaustive()
    }
}
