//! Why a connection could not be made: whose turn it is, and what to do. Shows hosts, ports and causes, and no secret.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;
use whimbrel::{Error, ErrorKind};

use crate::error::chain;

/// Where a configuration leads, for errors.
pub(crate) fn place(config: &Config) -> String {
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
pub(crate) struct Refusal {
    place: String,
    /// The server may be up in a moment.
    pub(crate) starting: bool,
    /// The server knows neither user nor password.
    pub(crate) login: bool,
    kind: ErrorKind,
    cause: String,
    next: &'static str,
    code: Option<String>,
    source: Option<tokio_postgres::Error>,
}

impl Refusal {
    /// A server could repeat the password that it was sent; then its words are not shown.
    pub(crate) fn of(place: String, error: tokio_postgres::Error, password: Option<&[u8]>) -> Self {
        let io = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        let code = error.as_db_error().map(|said| said.code().code());
        let refused = matches!(io, Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound));
        let (kind, next) = match code {
            Some("28P01" | "28000") => {
                (ErrorKind::Configuration, "check user and password, and the server's pg_hba.conf")
            }
            Some("3D000") => (ErrorKind::Configuration, "create the database, or name another one"),
            Some("42501") => (ErrorKind::Configuration, "give the role CONNECT on the database"),
            Some("53300") => (
                ErrorKind::Retry,
                "wait until connections are free, or raise max_connections, or the role's or the database's limit",
            ),
            Some("57P03") => (
                ErrorKind::Retry,
                "wait until the server is up, then run again; `with_startup_deadline` waits by itself",
            ),
            Some(_) => (ErrorKind::Configuration, "do what the server says"),
            None if refused => (
                ErrorKind::Retry,
                "see that the server runs and listens there; `with_startup_deadline` waits until it does",
            ),
            None => match io {
                Some(io::ErrorKind::PermissionDenied) if place.contains('/') => {
                    (ErrorKind::Configuration, "give the process the right to open the socket")
                }
                Some(io::ErrorKind::PermissionDenied) => {
                    (ErrorKind::Configuration, "name a server of the kind that `target_session_attrs` wants")
                }
                Some(_) => (ErrorKind::Retry, "check host and port, and the network between"),
                // TLS, and ways to log in: what one side wants the other has not.
                None => (ErrorKind::Configuration, "check the TLS mode, the certificates and the password"),
            },
        };
        let cause = match error.as_db_error() {
            Some(said) => format!("{} ({})", said.message(), said.code().code()),
            None => chain(&error),
        };
        #[cfg(feature = "tls")]
        let (kind, next, cause) = match whimbrel_tls::cause(&error) {
            Some(cause) => (ErrorKind::Configuration, cause.remedy(), cause.to_string()),
            None => (kind, next, cause),
        };
        let login = code.is_some_and(|code| code.starts_with("28"));
        let starting = code == Some("57P03") || refused;
        let own_code = code.map(str::to_owned);
        let password = password.map(String::from_utf8_lossy).filter(|password| !password.is_empty());
        let all = format!("{} {error:?}", chain(&error));
        if password.is_some_and(|password| all.contains(&*password)) {
            let cause = code.map_or_else(|| "it failed".to_owned(), |code| format!("it failed ({code})"));
            return Self { place, starting, login, kind, cause, next, code: own_code, source: None };
        }
        Self { place, starting, login, kind, cause, next, code: own_code, source: Some(error) }
    }

    pub(crate) fn silent(place: String, longest: Duration) -> Self {
        Self {
            place,
            starting: false,
            login: false,
            kind: ErrorKind::Retry,
            cause: format!("no answer within {longest:?}"),
            next: "check host and port, and the network between; `with_timeout` waits longer",
            code: None,
            source: None,
        }
    }

    /// One error for all hosts; the first one's cause counts.
    pub(crate) fn error(refusals: Vec<Self>) -> Error {
        let places: Vec<String> =
            refusals.iter().map(|refusal| format!("{}: {}", refusal.place, refusal.cause)).collect();
        let headline = format!("no connection to PostgreSQL at {}", places.join("; at "));
        // Where one host can come up, waiting helps.
        let chosen = refusals.iter().position(|refusal| refusal.kind == ErrorKind::Retry).unwrap_or(0);
        let Some(refusal) = refusals.into_iter().nth(chosen) else {
            return Error::new(ErrorKind::Configuration, "the URL names no host: name one");
        };
        let error = Error::new(refusal.kind, headline)
            .with_note("next", refusal.next)
            .with_code(refusal.code.as_deref());
        match refusal.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}
