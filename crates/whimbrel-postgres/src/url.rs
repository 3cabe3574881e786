//! Turns a URL into the client's configuration, one for each host. Connects to nothing.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslMode, TargetSessionAttrs};
use whimbrel::{DatabaseUrl, Error, ErrorKind, Host, HostAddress, Scheme, Transport};

const KNOWN: &str = "`application_name`, `connect_timeout`, `tcp_user_timeout`, `options`, `target_session_attrs`, \
                     `channel_binding`, `keepalives`, `keepalives_idle`, `keepalives_interval`, `keepalives_count`";

/// One host of a URL.
pub(crate) struct Endpoint {
    pub(crate) config: Config,
    pub(crate) protection: Protection,
    pub(crate) transport: Transport,
}

/// What protects a connection.
pub(crate) enum Protection {
    None,
    #[cfg(feature = "tls")]
    Tls(whimbrel_tls::Connector),
}

/// The hosts of a URL, in their order. Reads the files with certificates.
pub(crate) fn endpoints(url: &DatabaseUrl) -> whimbrel::Result<Vec<Endpoint>> {
    if url.scheme() != Scheme::Postgres {
        let what = format!("a URL of {} was given to the driver for PostgreSQL", url.scheme());
        return Err(Error::new(ErrorKind::Configuration, what)
            .with_note("next", "write `postgres://`, or use the other driver"));
    }
    url.check_credentials()?;
    let mut common = Config::new();
    if let Some(user) = url.user() {
        common.user(user);
    }
    if let Some(database) = url.database() {
        common.dbname(database);
    }
    for (index, (name, value)) in url.parameters().enumerate() {
        parameter(&mut common, name, value)
            // Neither is shown: a separator that was forgotten makes a name of a value.
            .ok_or_else(|| {
                let what =
                    format!("parameter {} of the URL, or its value, means nothing to this driver", index + 1);
                Error::new(ErrorKind::Configuration, what).with_note("known", KNOWN)
            })?;
    }
    url.hosts().iter().map(|host| endpoint(common.clone(), url, host)).collect()
}

fn endpoint(mut config: Config, url: &DatabaseUrl, host: &Host) -> whimbrel::Result<Endpoint> {
    match &host.address {
        HostAddress::Name(name) => config.host(name),
        HostAddress::Ip(address) => config.host(address.to_string()),
        #[cfg(unix)]
        HostAddress::Socket(folder) => config.host_path(folder),
        #[cfg(not(unix))]
        HostAddress::Socket(_) => {
            return Err(Error::new(ErrorKind::Configuration, "sockets are for Unix: name a host"));
        }
    };
    if let Some(port) = host.port {
        config.port(port);
    }
    // Last, and in no configuration that is copied: the client does not wipe it.
    if let Some(password) = url.password() {
        config.password(password.expose());
    }
    let protection = protection(url, &host.address)?;
    // Never the client's default, which goes on in plaintext if the server has no TLS.
    config.ssl_mode(match protection {
        Protection::None => SslMode::Disable,
        #[cfg(feature = "tls")]
        Protection::Tls(_) => SslMode::Require,
    });
    Ok(Endpoint { config, protection, transport: Transport::of(url, &host.address) })
}

#[cfg(feature = "tls")]
fn protection(url: &DatabaseUrl, address: &HostAddress) -> whimbrel::Result<Protection> {
    let config = whimbrel_tls::Tls::of(url, address).client_config()?;
    Ok(config.map_or(Protection::None, |config| Protection::Tls(whimbrel_tls::Connector::new(config))))
}

#[cfg(not(feature = "tls"))]
fn protection(url: &DatabaseUrl, address: &HostAddress) -> whimbrel::Result<Protection> {
    match url.tls(address) {
        whimbrel::TlsMode::Disable => Ok(Protection::None),
        mode => Err(Error::new(
            ErrorKind::Configuration,
            format!("{address} wants TLS (`{mode}`), and this program was built without it"),
        )
        .with_note("next", "turn on the feature `tls` of whimbrel-postgres")),
    }
}

fn parameter(config: &mut Config, name: &str, value: &str) -> Option<()> {
    let number = || value.parse::<u64>().ok();
    match name {
        "application_name" => config.application_name(value),
        "options" => config.options(value),
        // As in libpq: 0 is for ever, and less than 2 seconds is 2.
        "connect_timeout" => match number()? {
            0 => config.connect_timeout(Duration::MAX),
            seconds => config.connect_timeout(Duration::from_secs(seconds.max(2))),
        },
        "tcp_user_timeout" => config.tcp_user_timeout(Duration::from_millis(number()?)),
        "keepalives" => config.keepalives(number()? != 0),
        "keepalives_idle" => config.keepalives_idle(Duration::from_secs(number()?)),
        "keepalives_interval" => config.keepalives_interval(Duration::from_secs(number()?)),
        "keepalives_count" => config.keepalives_retries(value.parse().ok()?),
        "target_session_attrs" => config.target_session_attrs(match value {
            "any" => TargetSessionAttrs::Any,
            "read-write" | "primary" => TargetSessionAttrs::ReadWrite,
            "read-only" | "standby" => TargetSessionAttrs::ReadOnly,
            _ => return None,
        }),
        "channel_binding" => config.channel_binding(match value {
            "disable" => ChannelBinding::Disable,
            "prefer" => ChannelBinding::Prefer,
            "require" => ChannelBinding::Require,
            _ => return None,
        }),
        // The client speaks nothing else.
        "client_encoding" if value.eq_ignore_ascii_case("utf8") || value.eq_ignore_ascii_case("utf-8") => {
            config
        }
        _ => return None,
    };
    Some(())
}
