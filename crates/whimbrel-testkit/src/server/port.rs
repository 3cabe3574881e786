//! What must not be had twice: free ports, and names. Knows nothing of who has them.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::ServerError;

/// Ports below those that the kernel gives to outgoing connections: one of these could sit on the port of a server
/// that is killed and started again.
const FIRST: u16 = 15_000;
const LAST: u16 = 31_999;

/// A port of 127.0.0.1 on which nobody listens at the moment. Somebody else may be quicker: then the server does not
/// start, and another port is tried.
pub(crate) fn free() -> u16 {
    for attempt in 0..1_000_u32 {
        let random = RandomState::new().hash_one(attempt);
        let port = FIRST + (random % u64::from(LAST - FIRST + 1)) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    // Nothing listens on a thousand random ports of seventeen thousand only if binding itself is forbidden; the
    // server will say why.
    FIRST
}

/// Several such ports, no two of which are the same.
pub(crate) fn several<const N: usize>() -> [u16; N] {
    let mut ports = [0; N];
    for at in 0..N {
        while ports[at] == 0 || ports[..at].contains(&ports[at]) {
            ports[at] = free();
        }
    }
    ports
}

/// Whether a server did not start since somebody else was quicker. All of them say it in the words of the system.
pub(crate) fn was_taken(error: &ServerError) -> bool {
    error.to_string().contains("Address already in use")
}

/// A name that no other process of this machine has, nor one that ran before.
pub(crate) fn unique_name() -> String {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros());
    format!("t_{}_{number}_{:x}", process::id(), now & 0xffff_ffff)
}
