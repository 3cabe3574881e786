//! From a URL to a connection: options, hosts in their order, time limits. Knows nothing of what is done with it.

use std::time::Duration;

use mysql_async::{Conn, Opts, OptsBuilder};
use whimbrel::{DatabaseUrl, Error, ErrorKind, Host, HostAddress, Scheme, Secret, Transport};

use crate::error::not_connected;
use crate::tls::{name_to_accept, ssl_opts};

/// How long connecting may take, TLS and login included, where the URL's `connect_timeout` says nothing else.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What this side would send at most: the server's own limit is lower, and is the server's to tell.
const LARGEST_PACKET: usize = 1 << 30;

/// Tries the hosts in their order.
pub(crate) async fn connect(url: &DatabaseUrl) -> whimbrel::Result<(Conn, Transport)> {
    if !matches!(url.scheme(), Scheme::MySql | Scheme::MariaDb) {
        let what = format!("a URL of {} was given to the driver for MySQL and MariaDB", url.scheme());
        return Err(refused(what, "write `mysql://` or `mariadb://`, or use the other driver"));
    }
    url.check_credentials()?;
    let mut timeout = TIMEOUT;
    for (name, value) in url.parameters() {
        // The name is not shown: a separator left out makes a name of a value.
        match (name, value.parse()) {
            ("connect_timeout", Ok(seconds)) if seconds > 0 => timeout = Duration::from_secs(seconds),
            ("connect_timeout", _) => {
                return Err(refused("connect_timeout is not a number of seconds", "write a number from 1"));
            }
            _ => {
                return Err(refused(
                    "the URL has a parameter that this driver does not know",
                    "leave it out",
                ));
            }
        }
    }
    let mut last = None;
    for host in url.hosts() {
        match open(url, host, timeout).await {
            Ok(conn) => return Ok((conn, Transport::of(url, &host.address))),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| refused("the URL names no host", "name one")))
}

fn refused(why: impl Into<String>, next: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, why).with_note("next", next)
}

fn options(url: &DatabaseUrl, host: &Host) -> whimbrel::Result<OptsBuilder> {
    let opts = OptsBuilder::default()
        .user(url.user())
        .pass(url.password().map(Secret::expose))
        .db_name(url.database())
        // It would connect once more where the server is on this machine, over the socket that it names, without TLS.
        .prefer_socket(false)
        // Else it asks the server for both, which is another round trip.
        .max_allowed_packet(Some(LARGEST_PACKET))
        .wait_timeout(Some(28_800))
        .ssl_opts(ssl_opts(url, &host.address)?);
    let opts = match host.port {
        Some(port) => opts.tcp_port(port),
        None => opts,
    };
    Ok(match &host.address {
        HostAddress::Name(name) => opts.ip_or_hostname(name),
        HostAddress::Ip(address) => opts.ip_or_hostname(address.to_string()),
        HostAddress::Socket(path) => opts.socket(Some(path.to_string_lossy())),
    })
}

/// Connects within the time.
async fn open(url: &DatabaseUrl, host: &Host, timeout: Duration) -> whimbrel::Result<Conn> {
    let opts = Opts::from(options(url, host)?);
    let place = match opts.socket() {
        Some(socket) => socket.to_owned(),
        None => format!("{}:{}", opts.ip_or_hostname(), opts.tcp_port()),
    };
    let attempt = async {
        match Conn::new(opts.clone()).await {
            // The certificate is good and for another name, and that is allowed: then it is to be for that one.
            Err(error) => match name_to_accept(url.tls(&host.address), &error) {
                Some(name) => {
                    let ssl =
                        opts.ssl_opts().cloned().map(|ssl| ssl.with_danger_tls_hostname_override(Some(name)));
                    Conn::new(OptsBuilder::from_opts(opts.clone()).ssl_opts(ssl)).await
                }
                None => Err(error),
            },
            connected => connected,
        }
    };
    match tokio::time::timeout(timeout, attempt).await {
        Ok(Ok(conn)) => Ok(conn),
        Ok(Err(error)) => Err(not_connected(&place, &error)),
        Err(_) => {
            let seconds = timeout.as_secs();
            let why = format!("{place} did not answer within {seconds} s");
            Err(Error::new(ErrorKind::Retry, why).with_note(
                "next",
                "check host and port, and the network between; `connect_timeout` in the URL waits longer",
            ))
        }
    }
}
