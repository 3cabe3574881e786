//! A proxy between a client and a server, which counts, delays, pauses, cuts and disguises. Knows no SQL.

mod disguise;
mod frame;
mod link;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

pub use self::disguise::Disguise;
use self::disguise::Rewriter;
use self::frame::Framing;
pub use self::frame::Wire;
use self::link::{Cut, Link, Unit, shut};
use crate::{Server, ServerKind};

/// A TCP proxy on 127.0.0.1 for tests: clients connect to its port in place of the server's.
///
/// It counts what it passes on, holds it up, and cuts connections at a given byte or message. It does so on threads of
/// its own, which end, with the connections, when the value is dropped.
///
/// ```no_run
/// use std::time::Duration;
/// use whimbrel_testkit::{Proxy, Server, ServerKind, Towards};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::shared(ServerKind::Postgres)?;
/// let proxy = Proxy::to(server)?;
/// let url = proxy.url(server, "postgres");
/// // … connect a client to `url`, then:
/// proxy.reset();
/// // … a boot with nothing to do, then:
/// assert_eq!(proxy.traffic().round_trips, 1);
///
/// proxy.set_delay(Duration::from_millis(5));
/// proxy.cut_after_bytes(Towards::Client, 17); // the answer is lost half-way
/// # Ok(())
/// # }
/// ```
pub struct Proxy {
    link: Arc<Link>,
    address: SocketAddr,
}

/// A direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// What the client sends.
    Server,
    /// What the server sends.
    Client,
}

/// What a [`Proxy`] has passed on, over all of its connections, since it was started or [reset](Proxy::reset).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Connections that were opened.
    pub connections: u64,
    /// Bytes of clients.
    pub bytes_to_server: u64,
    /// Bytes of the server.
    pub bytes_to_client: u64,
    /// Messages of clients that were passed on to their last byte; see [`Wire`].
    pub messages_to_server: u64,
    /// Messages of the server.
    pub messages_to_client: u64,
    /// Round trips: how often bytes of the server were passed on directly after bytes of the client, on the same
    /// connection. A client that asks and waits makes one for each question. A server that speaks first, and a last
    /// message that is not answered, make none. A flight of messages whose first answers come before its end is
    /// passed on may count more than once, so the number is never too small.
    pub round_trips: u64,
}

/// Bytes that are passed on when their time has come.
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
}

/// How much is read at once, and how many of these may be under way: enough for the delays of tests.
const PARCEL: usize = 32 * 1024;
const PARCELS: usize = 512;

impl Proxy {
    /// A proxy to this server, which counts the messages of its protocol too.
    ///
    /// # Errors
    /// Whatever prevents it from listening.
    pub fn to(server: &Server) -> io::Result<Self> {
        let wire = match server.kind() {
            ServerKind::Postgres => Wire::Postgres,
            ServerKind::MariaDb | ServerKind::MySql => Wire::MySql,
        };
        Self::to_address((server.host(), server.port()), wire)
    }

    /// A proxy to whoever listens there.
    ///
    /// # Errors
    /// Whatever prevents it from listening, or an address that does not resolve.
    pub fn to_address(target: impl ToSocketAddrs, wire: Wire) -> io::Result<Self> {
        let targets: Vec<SocketAddr> = target.to_socket_addrs()?.collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let link = Arc::new(Link::default());
        let shared = Arc::clone(&link);
        thread::Builder::new()
            .name("proxy".into())
            .spawn(move || accept(&listener, &targets, wire, &shared))?;
        Ok(Self { link, address })
    }

    /// Connections that are opened from now on see the server in this disguise. They have to be unencrypted.
    pub fn disguise(&self, disguise: Disguise) {
        self.link.lock().disguise = Some(disguise);
    }

    /// The port on 127.0.0.1 that clients connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The server's URL of that database, through the proxy.
    pub fn url(&self, server: &Server, database: &str) -> String {
        server.url_at("127.0.0.1", self.port(), database)
    }

    /// What was passed on so far.
    pub fn traffic(&self) -> Traffic {
        self.link.lock().traffic
    }

    /// Counts from zero. What is under way counts when it is passed on.
    pub fn reset(&self) {
        self.link.lock().reset();
    }

    /// From now on, what is read is passed on so much later, in each direction. The throughput stays.
    pub fn set_delay(&self, each_way: Duration) {
        self.link.lock().delay = each_way;
    }

    /// Cuts one connection, once, as soon as so many further bytes have been passed on in that direction, counted over
    /// all connections: not one byte more, and nothing more the other way. With 0, in place of the next byte. Both
    /// sides see the end of the stream. It takes the place of a cut that has not happened yet.
    pub fn cut_after_bytes(&self, towards: Towards, bytes: u64) {
        self.link.lock().cut = Some(Cut { towards, unit: Unit::Byte, left: bytes });
    }

    /// As [`cut_after_bytes`](Self::cut_after_bytes), behind that many further messages. It never happens if the
    /// protocol is not known, or once it is encrypted.
    pub fn cut_after_messages(&self, towards: Towards, messages: u64) {
        self.link.lock().cut = Some(Cut { towards, unit: Unit::Message, left: messages });
    }

    /// Keeps from now on what clients send, for [`has_passed`](Self::has_passed).
    pub fn keep(&self) {
        self.link.lock().kept = Some(Vec::new());
    }

    /// Whether a message with this text was passed on to the server, to its last byte, since [`keep`](Self::keep).
    pub fn has_passed(&self, text: &str) -> bool {
        let state = self.link.lock();
        let kept = state.kept.as_deref().unwrap_or_default();
        kept.windows(text.len().max(1)).any(|window| window == text.as_bytes())
    }

    /// Takes back a cut that has not happened yet.
    pub fn cancel_cut(&self) {
        self.link.lock().cut = None;
    }

    /// Cuts every connection that is open, now.
    pub fn cut(&self) {
        self.link.cut_all();
    }

    /// Connections cut since the proxy was started or reset.
    pub fn cuts(&self) -> u64 {
        self.link.lock().cuts
    }

    /// Waits until a connection was cut since the proxy was started or reset, but not longer than that; answers
    /// whether one was.
    pub fn wait_for_cut(&self, longest: Duration) -> bool {
        self.link.wait_for_cut(longest)
    }

    /// Passes nothing on in that direction, not even the end of the stream, until [`resume`](Self::resume). Nothing
    /// is lost meanwhile.
    pub fn pause(&self, towards: Towards) {
        self.link.pause(towards, true);
    }

    /// Goes on, in both directions.
    pub fn resume(&self) {
        self.link.pause(Towards::Server, false);
        self.link.pause(Towards::Client, false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.close();
        // Wakes the thread that waits for connections, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).field("traffic", &self.traffic()).finish()
    }
}

fn accept(listener: &TcpListener, targets: &[SocketAddr], wire: Wire, link: &Arc<Link>) {
    for client in listener.incoming() {
        if link.lock().closed {
            return;
        }
        // A client that is gone already, or a server that is not there: the client sees the end of the stream.
        let _ = client.and_then(|client| connect(client, targets, wire, link));
    }
}

fn connect(client: TcpStream, targets: &[SocketAddr], wire: Wire, link: &Arc<Link>) -> io::Result<()> {
    let server = TcpStream::connect(targets)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_too, server_too) = (client.try_clone()?, server.try_clone()?);
    let (number, disguise) = {
        let mut state = link.lock();
        (state.open(client_too, server_too, Framing::new(wire)), state.disguise.clone())
    };
    for towards in [Towards::Server, Towards::Client] {
        let (from, to) = match towards {
            Towards::Server => (client.try_clone()?, server.try_clone()?),
            Towards::Client => (server.try_clone()?, client.try_clone()?),
        };
        let (parcels, due) = sync_channel(PARCELS);
        let (source, reading, writing) = (from.try_clone()?, Arc::clone(link), Arc::clone(link));
        let rewriter = disguise.clone().map(|disguise| Rewriter::new(disguise, wire, towards));
        thread::Builder::new()
            .name("proxy reads".into())
            .spawn(move || read(source, &parcels, &reading, rewriter))?;
        thread::Builder::new().name("proxy writes".into()).spawn(move || {
            write((from, to), towards, number, &due, &writing);
            writing.lock().end(number);
        })?;
    }
    Ok(())
}

/// Reads until the stream ends, or nobody wants it any more.
fn read(mut from: TcpStream, parcels: &SyncSender<Parcel>, link: &Link, mut rewriter: Option<Rewriter>) {
    let mut buffer = vec![0; PARCEL];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A connection that was reset has ended, too.
            Err(_) => return,
        };
        let due = Instant::now() + link.lock().delay;
        let read = &buffer[..length];
        let bytes = rewriter.as_mut().map_or_else(|| read.to_vec(), |rewriter| rewriter.pass(read));
        if !bytes.is_empty() && parcels.send(Parcel { due, bytes }).is_err() {
            return;
        }
    }
}

/// Passes on what was read, and then the end of the stream.
fn write(
    (from, mut to): (TcpStream, TcpStream),
    towards: Towards,
    number: usize,
    due: &Receiver<Parcel>,
    link: &Link,
) {
    for Parcel { due, bytes } in due {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let verdict = link.wait_for_passage(towards, number).judge(number, towards, &bytes);
        let written = to.write_all(&bytes[..verdict.pass]);
        if verdict.cut || written.is_err() {
            shut(&from, &to);
            link.tell_of_cut();
            return;
        }
    }
    drop(link.wait_for_passage(towards, number));
    // The other side may still have something to say.
    let _ = to.shutdown(Shutdown::Write);
}
