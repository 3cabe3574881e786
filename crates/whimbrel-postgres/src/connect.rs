//! Opens connections, and owns the task that drives one. Knows nothing of what is sent over them.

use std::fmt;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls, Socket};
use whimbrel::{DatabaseUrl, Error, ErrorKind};

use crate::postgres::Postgres;
use crate::refusal::{Refusal, place};
use crate::url::{Protection, endpoints};

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

    /// Opens a connection to the first host of a URL that takes it.
    ///
    /// # Errors
    /// As [`Postgres::connect`].
    pub async fn connect(&self, url: &DatabaseUrl) -> whimbrel::Result<Postgres> {
        let own = url.clone();
        // Reads files.
        let endpoints = tokio::task::spawn_blocking(move || endpoints(&own)).await;
        let endpoints = endpoints
            .map_err(|error| Error::new(ErrorKind::Bug, "reading the URL failed").with_source(error))??;
        let mut startup = Startup::new(self.startup);
        loop {
            let mut refusals: Vec<Refusal> = Vec::with_capacity(endpoints.len());
            for endpoint in &endpoints {
                let attempt = match &endpoint.protection {
                    Protection::None => self.attempt(&endpoint.config, NoTls).await,
                    #[cfg(feature = "tls")]
                    Protection::Tls(tls) => self.attempt(&endpoint.config, tls.clone()).await,
                };
                match attempt {
                    Ok(postgres) => return Ok(postgres.with_transport(endpoint.transport)),
                    Err(refusal) => refusals.push(refusal),
                }
                // Who is not let in here has the wrong password, not the wrong host: as libpq sees it, too.
                if refusals.last().is_some_and(|refusal| refusal.login) {
                    break;
                }
            }
            let starting = refusals.iter().any(|refusal| refusal.starting);
            if !starting || !startup.wait().await {
                return Err(Refusal::error(refusals));
            }
        }
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
        let mut startup = Startup::new(self.startup);
        loop {
            match self.attempt(config, tls.clone()).await {
                Ok(postgres) => return Ok(postgres),
                Err(refusal) if refusal.starting && startup.wait().await => {}
                Err(refusal) => return Err(Refusal::error(vec![refusal])),
            }
        }
    }

    async fn attempt<T>(&self, config: &Config, tls: T) -> Result<Postgres, Refusal>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        // The configuration's own time is for the socket alone; a server may take the socket and say nothing.
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
        let longest = self.timeout.or(config.get_connect_timeout().copied()).unwrap_or(TIMEOUT);
        let longest = longest.saturating_mul(hosts.try_into().unwrap_or(u32::MAX));
        let connected = tokio::time::timeout(longest, config.connect(tls.clone())).await;
        let (client, mut connection) = match connected {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => return Err(Refusal::of(place(config), error, config.get_password())),
            Err(_) => return Err(Refusal::silent(place(config), longest)),
        };
        let token = client.cancel_token();
        // What comes unasked, as notices, goes nowhere: it may quote values. The connection's own future would write it to
        // the log.
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
        Ok(Postgres::from_client(Box::new(client)).with_task(task))
    }
}

impl Postgres {
    /// Opens a connection to the first host of a URL that takes it, on the running tokio runtime.
    ///
    /// The URL's parameters may be `application_name`, `connect_timeout` and `tcp_user_timeout` (in seconds and
    /// milliseconds), `options`, `target_session_attrs` (`any`, `read-write`, `read-only`), `channel_binding` and
    /// `keepalives`, `keepalives_idle`, `keepalives_interval`, `keepalives_count`. No other file or variable is read.
    ///
    /// # Errors
    /// No host could be connected to: says which ones, why, and what to do, and no secret.
    pub async fn connect(url: &DatabaseUrl) -> whimbrel::Result<Self> {
        ConnectOptions::new().connect(url).await
    }

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

/// Waits for a server that is not up yet, longer with each round.
struct Startup {
    began: Instant,
    longest: Duration,
    pause: Duration,
}

impl Startup {
    fn new(longest: Duration) -> Self {
        Self { began: Instant::now(), longest, pause: Duration::from_millis(50) }
    }

    /// `false`: that was long enough.
    async fn wait(&mut self) -> bool {
        let left = self.longest.saturating_sub(self.began.elapsed());
        tokio::time::sleep(self.pause.min(left)).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(1));
        !left.is_zero()
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
