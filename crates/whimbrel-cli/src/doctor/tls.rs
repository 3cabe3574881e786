//! How the connection is protected: what was asked for, and what the server says of it. Asks nothing itself.

use whimbrel::{Scheme, Transport};

use super::patient::Patient;
use super::{Check, Remedy, State};
use crate::database::Address;

/// `said`: protocol and cipher, as the server has them; `None`: it has none.
pub(crate) fn check(patient: &Patient<'_>, said: Option<String>) -> Check {
    let transport = patient.dialect().transport;
    let server = match &said {
        Some(said) => format!("the server says {said}"),
        None => "the server says no TLS".to_owned(),
    };
    let preflight = &patient.context.settings.preflight.value;
    // Asked for, if asking for it once more changes nothing.
    let is_demanded = preflight.clone().protected() == *preflight;
    let bad = if is_demanded { State::Wrong } else { State::Warning };
    let mode = match &patient.address {
        Address::Server(url) if url.scheme() == Scheme::Postgres => "sslmode=verify-full",
        _ => "ssl-mode=VERIFY_IDENTITY",
    };
    let remedy = Remedy::change(format!("say {mode} in the database's URL, {}", patient.whence()));
    let (state, what) = match transport {
        Transport::Local => (State::Ok, "it does not leave this machine"),
        Transport::Verified => (State::Ok, "protected, and the certificate was verified for the host's name"),
        Transport::Encrypted => (bad, "protected, and nobody has checked who is at the other end"),
        Transport::Plain => (bad, "not protected: whoever is on the way reads and changes everything"),
        _ => (bad, "nobody can tell how it is protected"),
    };
    let check = Check::new("tls").and(state, format!("{what}; {server}"));
    if state == State::Ok { check } else { check.remedied(remedy) }
}
