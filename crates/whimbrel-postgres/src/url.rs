//! Turns a URL into the client's configuration, one for each host. Connects to nothing.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslMode, TargetSessionAttrs};
use whimbrel::{DatabaseUrl, Error, ErrorKind, Host, HostAddress, Scheme, TlsMode};

const KNOWN: &str = "`application_name`, `connect_timeout`, `tcp_user_timeout`, `options`, `target_session_attrs`, \
                     `channel_binding`, `keepalives`, `keepalives_idle`, `keepalives_interval`, `keepalives_count`";

/// The configurations for the hosts of a URL, in their order.
pub(crate) fn hosts(url: &DatabaseUrl) -> whimbrel::Result<Vec<Config>> {
    if url.scheme() != Scheme::Postgres {
        return Err(wrong(format!("a {} URL was given to the driver for PostgreSQL", url.scheme())));
    }
    let mut common = Config::new();
    if let Some(user) = url.user() {
        common.user(user);
    }
    if let Some(password) = url.password() {
        common.password(password.expose());
    }
    if let Some(database) = url.database() {
        common.dbname(database);
    }
    for (index, (name, value)) in url.parameters().enumerate() {
        parameter(&mut common, name, value)
            // Neither is shown: a separator that was forgotten makes a name of a value.
            .ok_or_else(|| wrong(format!("the URL's parameter {} is not understood", index + 1)))?;
    }
    url.hosts().iter().map(|host| of_host(common.clone(), host, url.tls(&host.address))).collect()
}

fn of_host(mut config: Config, host: &Host, tls: TlsMode) -> whimbrel::Result<Config> {
    match &host.address {
        HostAddress::Name(name) => config.host(name),
        HostAddress::Ip(address) => config.host(address.to_string()),
        #[cfg(unix)]
        HostAddress::Socket(folder) => config.host_path(folder),
        #[cfg(not(unix))]
        HostAddress::Socket(_) => return Err(wrong("sockets are for Unix: name a host".to_owned())),
    };
    if let Some(port) = host.port {
        config.port(port);
    }
    if tls != TlsMode::Disable {
        return Err(wrong("this program was built without TLS".to_owned()));
    }
    config.ssl_mode(SslMode::Disable);
    Ok(config)
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

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::Configuration, what).with_note("known", KNOWN)
}
