//! Where a server listens. Knows names, addresses and sockets; resolves nothing.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    /// The name, the address or the socket.
    pub address: HostAddress,
    /// The port, if one is given; else the driver's default holds. With a socket's directory PostgreSQL makes the
    /// socket's name of it.
    pub port: Option<u16>,
}

/// The name, the address or the socket of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostAddress {
    /// A name that has to be resolved, in lower case. What looks like an address and is none, as `127.1`, is a name too.
    Name(String),
    /// An address.
    Ip(IpAddr),
    /// A Unix socket: on PostgreSQL the directory that it is in, on MySQL and MariaDB the socket itself.
    Socket(PathBuf),
}

impl HostAddress {
    /// Whether it is this machine for certain: the name `localhost`, an address in 127.0.0.0/8, or `::1`. Nothing is
    /// resolved, and no other spelling counts.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::Ip(address) => address.is_loopback(),
            Self::Socket(_) => false,
        }
    }

    /// Whether it is a Unix socket.
    pub fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }
}

impl Host {
    /// A host on the driver's default port.
    pub fn new(address: impl Into<HostAddress>) -> Self {
        Self { address: address.into(), port: None }
    }

    /// Sets the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }
}

impl<A: Into<HostAddress>> From<A> for Host {
    fn from(address: A) -> Self {
        Self::new(address)
    }
}

impl From<IpAddr> for HostAddress {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<PathBuf> for HostAddress {
    fn from(path: PathBuf) -> Self {
        Self::Socket(path)
    }
}

/// An absolute path is a socket, an address an address, and anything else a name; nothing is checked.
impl From<&str> for HostAddress {
    fn from(text: &str) -> Self {
        if text.starts_with('/') {
            return Self::Socket(PathBuf::from(text));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match bare.parse() {
            Ok(address) => Self::Ip(address),
            Err(_) => Self::Name(text.to_ascii_lowercase()),
        }
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Ip(address) => write!(f, "{address}"),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}
