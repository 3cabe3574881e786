//! TLS for Whimbrel's drivers.
//!
//! It turns what a [`DatabaseUrl`](whimbrel::DatabaseUrl) says into a configuration of rustls, with ring named as the one
//! provider, and an error of a handshake into one plain cause. Applications need it only to connect by themselves the way
//! the drivers do.
//!
//! ```
//! use whimbrel::DatabaseUrl;
//! use whimbrel_tls::Tls;
//! # fn main() -> whimbrel::Result<()> {
//! let url = DatabaseUrl::parse("postgres://app@db.example.com/shop?sslmode=require")?;
//! let tls = Tls::of(&url, &url.hosts()[0].address);
//! assert!(tls.client_config()?.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! | mode | encrypted | certificate | name |
//! | --- | --- | --- | --- |
//! | `Disable` | no | | |
//! | `Require` | yes | not looked at, only proven to be the server's | |
//! | `VerifyCa` | yes | signed by a trusted authority, in its time | not looked at |
//! | `VerifyFull` | yes | signed by a trusted authority, in its time | the host's |

mod cause;
mod certificate;
#[cfg(feature = "postgres")]
mod connector;
mod error;
#[cfg(feature = "postgres")]
mod fingerprint;
mod protection;
mod provider;
mod verifier;

pub use rustls;

pub use self::cause::{Cause, cause, name_to_accept};
pub use self::certificate::{client_certificate, roots};
#[cfg(feature = "postgres")]
pub use self::connector::{Connector, Handshake, Protected};
pub use self::error::TlsError;
pub use self::protection::Tls;
pub use self::provider::install_provider_if_missing;
