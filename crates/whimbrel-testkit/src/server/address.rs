//! The address of a server, as a URL. Shows no password.

use std::fmt;

use super::error::{ServerError, ServerErrorKind};

/// A server's URL, without a database.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// `postgres://user:password@`
    before: String,
    /// `?sslmode=…`, or nothing.
    after: String,
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// A server that was started here.
    pub(crate) fn local(scheme: &str, user: &str, port: u16) -> Self {
        let host = "127.0.0.1".to_owned();
        let before = format!("{scheme}://{user}@");
        Self { before, after: String::new(), user: user.to_owned(), host, port }
    }

    /// What somebody has put into this variable.
    pub(crate) fn parse(url: &str, variable: &str, port: u16) -> Result<Self, ServerError> {
        Self::read(url.trim(), port).ok_or_else(|| {
            // Not a word of it: it may hold a password, at whatever place.
            let sentence =
                format!("{variable} holds no URL such as `scheme://user:password@host:port`: correct it");
            ServerError::new(ServerErrorKind::Environment, sentence)
        })
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        let mut name = String::new();
        for byte in database.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => name.push(byte.into()),
                _ => name += &format!("%{byte:02X}"),
            }
        }
        let Self { before, after, host, port, .. } = self;
        // Only an IPv6 address has colons, and it stands in brackets.
        if host.contains(':') {
            format!("{before}[{host}]:{port}/{name}{after}")
        } else {
            format!("{before}{host}:{port}/{name}{after}")
        }
    }

    /// The same with another host and port.
    pub(crate) fn at(&self, host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, ..self.clone() }
    }

    fn read(url: &str, default_port: u16) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let after = tail.find('?').map_or_else(String::new, |at| tail[at..].to_owned());
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let user = login.split(':').next().unwrap_or("").to_owned();
        let (host, port) = match place.strip_prefix('[') {
            Some(literal) => literal.split_once(']')?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if port.is_empty() => default_port,
            None => return None,
        };
        if scheme.is_empty() || host.is_empty() {
            return None;
        }
        let at = if authority.contains('@') { "@" } else { "" };
        Some(Self { before: format!("{scheme}://{login}{at}"), after, user, host: host.to_owned(), port })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_takes_the_place_of_the_urls_own() {
        let address =
            Address::read("postgres://me:p%40ss@db:5433/there?sslmode=require", 5432).expect("valid");
        assert_eq!(address.url("an other"), "postgres://me:p%40ss@db:5433/an%20other?sslmode=require");
        assert_eq!((address.user.as_str(), address.host.as_str(), address.port), ("me", "db", 5433));
        let address = Address::read("mysql://root@[::1]", 3306).expect("valid");
        assert_eq!(address.url("a"), "mysql://root@[::1]:3306/a");
        assert_eq!((address.host.as_str(), address.port), ("::1", 3306));
        assert_eq!(address.at("127.0.0.1", 15_000).url("a"), "mysql://root@127.0.0.1:15000/a");
    }

    #[test]
    fn no_password_is_shown_by_debug_or_an_error() {
        let address = Address::read("postgres://me:hunter2@db", 5432).expect("valid");
        assert_eq!(format!("{address:?}"), "me@db:5432");
        for wrong in
            ["hunter2", "://hunter2", "a://b:hunter2", "a://b@h:hunter2/", "a://[hunter2", "a:///hunter2"]
        {
            let error = Address::parse(wrong, "VARIABLE", 1).expect_err(wrong);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
