//! What a proxy has counted and what it is told to do, for all of its connections. Moves no bytes.

use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::disguise::Disguise;
use super::frame::Framing;
use super::{Towards, Traffic};

/// What the threads of a proxy share.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<State>,
    /// Told whenever `paused` or `closed` has changed, or a connection was cut.
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) traffic: Traffic,
    pub(super) delay: Duration,
    pub(super) cut: Option<Cut>,
    pub(super) cuts: u64,
    pub(super) closed: bool,
    /// The messages of clients that were passed on whole, if they are kept.
    pub(super) kept: Option<Vec<u8>>,
    /// How connections that are opened from now on see the server.
    pub(super) disguise: Option<Disguise>,
    paused: [bool; 2],
    connections: Vec<Connection>,
    opened: usize,
}

/// A cut that is to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) towards: Towards,
    pub(super) unit: Unit,
    pub(super) left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Message,
}

#[derive(Debug)]
struct Connection {
    number: usize,
    client: TcpStream,
    server: TcpStream,
    framing: Framing,
    /// The beginning of a message of the client's that is kept.
    begun: Vec<u8>,
    /// Whether the client has sent something since the server last did.
    asked: bool,
    cut: bool,
    /// The directions that still run.
    open: u8,
}

/// What to do with some bytes: how many to pass on, and whether to cut behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) pass: usize,
    pub(super) cut: bool,
}

impl Link {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pause(&self, towards: Towards, paused: bool) {
        self.lock().paused[towards as usize] = paused;
        self.changed.notify_all();
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.cut_all();
        self.changed.notify_all();
    }

    /// Ends every connection that is open.
    pub(super) fn cut_all(&self) {
        self.lock().cut_all();
        self.changed.notify_all();
    }

    /// Waits until a connection was cut, for so long at most; answers whether one was.
    pub(super) fn wait_for_cut(&self, longest: Duration) -> bool {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, longest, |state| state.cuts == 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.cuts > 0
    }

    /// Waits while this direction is paused; the connection's number tells whether it was cut meanwhile.
    pub(super) fn wait_for_passage(&self, towards: Towards, number: usize) -> MutexGuard<'_, State> {
        let blocked = |state: &mut State| {
            state.paused[towards as usize]
                && !state.closed
                && state.connection(number).is_some_and(|c| !c.cut)
        };
        self.changed.wait_while(self.lock(), blocked).unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell_of_cut(&self) {
        self.changed.notify_all();
    }
}

impl State {
    /// Notes a new connection and answers its number.
    pub(super) fn open(&mut self, client: TcpStream, server: TcpStream, framing: Framing) -> usize {
        let number = self.opened;
        self.opened += 1;
        self.traffic.connections += 1;
        self.connections.push(Connection {
            number,
            client,
            server,
            framing,
            begun: Vec::new(),
            asked: false,
            cut: false,
            open: 2,
        });
        number
    }

    /// One direction of this connection has ended.
    pub(super) fn end(&mut self, number: usize) {
        if let Some(connection) = self.connection(number) {
            connection.open -= 1;
        }
        self.connections.retain(|connection| connection.open > 0);
    }

    /// Counts bytes that are about to be passed on, unless they no longer are to be.
    pub(super) fn judge(&mut self, number: usize, towards: Towards, bytes: &[u8]) -> Verdict {
        let refused = Verdict { pass: 0, cut: true };
        if self.closed {
            return refused;
        }
        let Some(connection) = self.connections.iter_mut().find(|connection| connection.number == number)
        else {
            return refused;
        };
        if connection.cut {
            return refused;
        }
        let ends = connection.framing.ends(towards, bytes);
        let mut verdict = Verdict { pass: bytes.len(), cut: false };
        if let Some(cut) = self.cut.as_mut().filter(|cut| cut.towards == towards) {
            let reached = match cut.unit {
                Unit::Byte => usize::try_from(cut.left).ok().filter(|left| *left <= bytes.len()),
                Unit::Message if cut.left == 0 => Some(0),
                Unit::Message => {
                    let nth = usize::try_from(cut.left - 1).unwrap_or(usize::MAX);
                    ends.get(nth).copied()
                }
            };
            match (reached, cut.unit) {
                (Some(pass), _) => verdict = Verdict { pass, cut: true },
                (None, Unit::Byte) => cut.left -= bytes.len() as u64,
                (None, Unit::Message) => cut.left -= ends.len() as u64,
            }
        }
        let messages = ends.iter().filter(|end| **end <= verdict.pass).count() as u64;
        let traffic = &mut self.traffic;
        match towards {
            Towards::Server => {
                traffic.bytes_to_server += verdict.pass as u64;
                traffic.messages_to_server += messages;
                connection.asked |= verdict.pass > 0;
                if let Some(kept) = &mut self.kept {
                    connection.begun.extend(&bytes[..verdict.pass]);
                    if let Some(end) = ends.iter().rev().find(|end| **end <= verdict.pass) {
                        let rest = connection.begun.split_off(connection.begun.len() - (verdict.pass - end));
                        kept.append(&mut connection.begun);
                        connection.begun = rest;
                    }
                }
            }
            Towards::Client => {
                traffic.bytes_to_client += verdict.pass as u64;
                traffic.messages_to_client += messages;
                if connection.asked && verdict.pass > 0 {
                    traffic.round_trips += 1;
                    connection.asked = false;
                }
            }
        }
        if verdict.cut {
            // The other direction passes nothing on from here.
            connection.cut = true;
            self.cut = None;
            self.cuts += 1;
        }
        verdict
    }

    /// Counts from zero.
    pub(super) fn reset(&mut self) {
        self.traffic = Traffic::default();
        self.cuts = 0;
        for connection in &mut self.connections {
            connection.asked = false;
        }
    }

    fn cut_all(&mut self) {
        for connection in &mut self.connections {
            connection.cut = true;
            self.cuts += 1;
            shut(&connection.client, &connection.server);
        }
    }

    fn connection(&mut self, number: usize) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.number == number)
    }
}

/// Ends a connection on both sides. One that has ended already stays so.
pub(super) fn shut(client: &TcpStream, server: &TcpStream) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
