//! Opens connections, and owns the task that drives one. Knows nothing of what is sent over them.

use std::fmt;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};
use whimbrel::{Error, ErrorKind};

use crate::error::chain;
use crate::postgres::Postgres;

/// How long the server may take to cancel a statement.
const CANCELLING: Duration = Duration::from_secs(10);

/// How a connection is opened.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    startup: Duration,
    timeout: Option<Duration>,
}

/// How long connecting to one host may take if nothing else is said, with TLS and login.
const TIMEOUT: Duration = Duration::from_secs(10);

impl ConnectOptions {
    /// Every host is tried once, for ten seconds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits so long for a server that is not up yet: one that says so (57P03), or refuses connections.
    #[must_use]
    pub fn with_startup_deadline(mut self, longest: Duration) -> Self {
        self.startup = longest;
        self
    }

    /// How long connecting to one host may take, with TLS and login, instead of what the configuration says.
    #[must_use]
    pub fn with_timeout(mut self, longest: Duration) -> Self {
        self.timeout = Some(longest);
        self
    }

    /// Opens a connection as [`Postgres::connect_with`] does.
    ///
    /// # Errors
    /// As [`Postgres::connect_with`].
    pub async fn connect_with<T>(&self, config: &Config, tls: T) -> whimbrel::Result<Postgres>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let place = place(config);
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
        let longest = self.timeout.or(config.get_connect_timeout().copied()).unwrap_or(TIMEOUT);
        let longest = longest.saturating_mul(hosts.try_into().unwrap_or(u32::MAX));
        let began = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            let connected = tokio::time::timeout(longest, config.connect(tls.clone())).await;
            let refusal = match connected {
                Ok(Ok((client, mut connection))) => {
                    let token = client.cancel_token();
                    // What comes unasked, as notices, goes nowhere: it may quote values. The connection's own future would
                    // write it to the log.
                    let task = tokio::spawn(async move {
                        while let Some(Ok(_)) = poll_fn(|context| connection.poll_message(context)).await {}
                    });
                    let cancel = move |runtime: &Handle| {
                        runtime.spawn(async move {
                            // Nobody is left to tell. If it fails, the statement ends when it ends.
                            let _ = tokio::time::timeout(CANCELLING, token.cancel_query(tls)).await;
                        });
                    };
                    let task = Task { task, runtime: Handle::current(), cancel: Box::new(cancel) };
                    return Ok(Postgres::with_task(Box::new(client), task));
                }
                Ok(Err(error)) => Refusal::of(error),
                Err(_) => Refusal::silent(longest),
            };
            if !refusal.starting || began.elapsed() >= self.startup {
                return Err(refusal.error(&place));
            }
            tokio::time::sleep(pause.min(self.startup.saturating_sub(began.elapsed()))).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

impl Postgres {
    /// Opens a connection to the first host of a configuration that takes it, on the running tokio runtime.
    ///
    /// Whether and how TLS is used is for the configuration's `ssl_mode` and for `tls` to say.
    ///
    /// # Errors
    /// No host could be connected to: says which ones, why, and what to do, and no secret.
    pub async fn connect_with<T>(config: &Config, tls: T) -> whimbrel::Result<Self>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        ConnectOptions::new().connect_with(config, tls).await
    }
}

/// The task that drives a connection, and the way to cancel what the server is at.
pub(crate) struct Task {
    task: JoinHandle<()>,
    runtime: Handle,
    cancel: Box<dyn FnOnce(&Handle) + Send + Sync>,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

impl Task {
    /// Closes the socket, whatever still waits to be sent; if a statement is under way, it is cancelled in the background.
    pub(crate) fn stop(self, under_way: bool) {
        self.task.abort();
        if under_way {
            (self.cancel)(&self.runtime);
        }
    }
}

/// Where a configuration leads, for errors.
fn place(config: &Config) -> String {
    let port = |index: usize| {
        let ports = config.get_ports();
        ports.get(index).or(ports.first()).copied().unwrap_or(5432)
    };
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| match host {
        Host::Tcp(host) if host.contains(':') => format!("[{host}]:{}", port(index)),
        Host::Tcp(host) => format!("{host}:{}", port(index)),
        #[cfg(unix)]
        Host::Unix(folder) => format!("{}/.s.PGSQL.{}", folder.display(), port(index)),
    });
    let addresses = config.get_hostaddrs().iter().enumerate().map(|(index, address)| match address {
        std::net::IpAddr::V6(address) => format!("[{address}]:{}", port(index)),
        std::net::IpAddr::V4(address) => format!("{address}:{}", port(index)),
    });
    let named: Vec<String> =
        if config.get_hosts().is_empty() { addresses.collect() } else { hosts.collect() };
    named.join(", ")
}

/// Why there is no connection.
struct Refusal {
    /// The server may be up in a moment.
    starting: bool,
    kind: ErrorKind,
    cause: String,
    next: &'static str,
    source: Option<tokio_postgres::Error>,
}

impl Refusal {
    fn of(error: tokio_postgres::Error) -> Self {
        let io = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        let code = error.as_db_error().map(|said| said.code().code());
        let (kind, next) = match (code, io.map(std::io::Error::kind)) {
            (Some("28P01" | "28000"), _) => {
                (ErrorKind::Configuration, "check user and password, and the server's pg_hba.conf")
            }
            (Some("3D000"), _) => (ErrorKind::Configuration, "create the database, or name another one"),
            (Some("42501"), _) => (ErrorKind::Configuration, "give the role CONNECT on the database"),
            (Some("53300"), _) => (
                ErrorKind::Retry,
                "wait until connections are free, or raise max_connections or the role's or database's limit",
            ),
            (Some("57P03"), _) => (
                ErrorKind::Retry,
                "wait until the server is up, then run again; `with_startup_deadline` waits by itself",
            ),
            (Some(_), _) => (ErrorKind::Configuration, "see what the server says"),
            (None, Some(std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound)) => (
                ErrorKind::Retry,
                "check that the server runs and listens there; `with_startup_deadline` waits until it does",
            ),
            (None, Some(std::io::ErrorKind::PermissionDenied)) => {
                (ErrorKind::Configuration, "give the process the right to open the socket")
            }
            (None, Some(_)) => (ErrorKind::Retry, "check host, port, and the network between"),
            // TLS, and methods of login: what both sides want does not fit.
            (None, None) => (ErrorKind::Configuration, "check the TLS mode, the certificates and the login"),
        };
        let refused = io.is_some_and(|io| {
            matches!(io.kind(), std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound)
        });
        let cause = match error.as_db_error() {
            Some(said) => format!("{} ({})", said.message(), said.code().code()),
            None => chain(&error),
        };
        Self { starting: code == Some("57P03") || refused, kind, cause, next, source: Some(error) }
    }

    fn silent(longest: Duration) -> Self {
        Self {
            starting: false,
            kind: ErrorKind::Retry,
            cause: format!("no answer within {longest:?}"),
            next: "check host, port, and the network between; `with_timeout` waits longer",
            source: None,
        }
    }

    fn error(self, place: &str) -> Error {
        let error = Error::new(self.kind, format!("no connection to PostgreSQL at {place}: {}", self.cause))
            .with_note("next", self.next);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}
