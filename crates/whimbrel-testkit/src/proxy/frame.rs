//! Where messages end in a stream of bytes. Knows the framing of the protocols, not what the messages say.

use super::Towards;

/// The protocol whose messages are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wire {
    /// None: no message is counted.
    #[default]
    Opaque,
    /// PostgreSQL's, version 3.
    Postgres,
    /// MySQL's and MariaDB's: a message is a packet.
    MySql,
}

/// Follows both directions of one connection. From the moment at which it is encrypted no message is seen.
#[derive(Debug)]
pub(super) struct Framing {
    wire: Wire,
    to_server: Side,
    to_client: Side,
    /// PostgreSQL: the client has not yet said with what it starts, and its messages have no type.
    untyped: bool,
    /// PostgreSQL: requests for encryption that the server will answer with one byte.
    asked: usize,
}

/// How far one direction has come.
#[derive(Debug, Default)]
struct Side {
    /// The beginning of a message: at most as much as is looked at.
    head: Vec<u8>,
    /// Bytes of the message that were seen, and how many it has, once that is known.
    seen: usize,
    length: Option<usize>,
}

const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
const GSS_REQUEST: [u8; 4] = 80_877_104_u32.to_be_bytes();

impl Framing {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, to_server: Side::default(), to_client: Side::default(), untyped: true, asked: 0 }
    }

    /// Takes the next bytes of a direction; answers behind which of them a message ends.
    pub(super) fn ends(&mut self, towards: Towards, bytes: &[u8]) -> Vec<usize> {
        let mut ends = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            if self.wire == Wire::Opaque {
                break;
            }
            if self.message_ends_with(towards, *byte) {
                ends.push(at + 1);
            }
        }
        ends
    }

    fn message_ends_with(&mut self, towards: Towards, byte: u8) -> bool {
        if self.wire == Wire::Postgres && towards == Towards::Client && self.asked > 0 {
            self.asked -= 1;
            if byte != b'N' {
                self.wire = Wire::Opaque;
            }
            return true;
        }
        let untyped = self.untyped && towards == Towards::Server;
        let wire = self.wire;
        let side = match towards {
            Towards::Server => &mut self.to_server,
            Towards::Client => &mut self.to_client,
        };
        side.seen += 1;
        if side.head.len() < 8 {
            side.head.push(byte);
        }
        if side.length.is_none() {
            side.length = length(wire, untyped, &side.head);
        }
        if side.length.is_none_or(|length| side.seen < length) {
            return false;
        }
        let Side { head, length, .. } = std::mem::take(side);
        match wire {
            Wire::Postgres if untyped => match head.get(4..8) {
                Some(code) if code == SSL_REQUEST || code == GSS_REQUEST => self.asked += 1,
                _ => self.untyped = false,
            },
            // The first packet of the client that is only the beginning of a login asks for TLS, which follows.
            Wire::MySql if towards == Towards::Server && length == Some(36) && head[3] == 1 => {
                self.wire = Wire::Opaque;
            }
            _ => {}
        }
        true
    }
}

/// The length of the message that begins so, header included.
fn length(wire: Wire, untyped: bool, head: &[u8]) -> Option<usize> {
    let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    match wire {
        Wire::Opaque => None,
        // Of the length that says it is less than its own four bytes, no more can be expected than those.
        Wire::Postgres if untyped => Some(number(head.get(..4)?).max(4)),
        Wire::Postgres => Some(1 + number(head.get(1..5)?).max(4)),
        Wire::MySql => {
            let length = head.get(..4)?;
            Some(4 + number(&[length[2], length[1], length[0]]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind];
        message.extend((body.len() as u32 + 4).to_be_bytes());
        message.extend(body);
        message
    }

    #[test]
    fn messages_of_postgres_end_where_their_length_says_however_the_bytes_arrive() {
        let mut client = vec![0, 0, 0, 8];
        client.extend(SSL_REQUEST);
        let mut startup = vec![0, 0, 0, 9, 0, 3, 0, 0];
        startup.push(0);
        client.extend(&startup);
        client.extend(typed(b'Q', b"select 1\0"));
        client.extend(typed(b'X', b""));
        let expected = [8, 17, 31, 36];
        let mut whole = Framing::new(Wire::Postgres);
        assert_eq!(whole.ends(Towards::Server, &client), expected);
        let mut single = Framing::new(Wire::Postgres);
        let ends: Vec<usize> = (0..client.len())
            .filter(|&at| !single.ends(Towards::Server, &client[at..=at]).is_empty())
            .map(|at| at + 1)
            .collect();
        assert_eq!(ends, expected);
        let mut server = b"N".to_vec();
        server.extend(typed(b'R', &[0; 4]));
        assert_eq!(whole.ends(Towards::Client, &server), [1, 10]);
    }

    #[test]
    fn packets_of_mysql_end_where_their_length_says() {
        let mut framing = Framing::new(Wire::MySql);
        assert_eq!(framing.ends(Towards::Client, &[2, 0, 0, 0, 10, 0]), [6]);
        assert_eq!(framing.ends(Towards::Server, &[1, 0, 0, 0, 3, 0, 0, 0, 1]), [5, 9]);
    }

    #[test]
    fn nothing_is_seen_once_the_connection_is_encrypted() {
        let mut framing = Framing::new(Wire::Postgres);
        let mut request = vec![0, 0, 0, 8];
        request.extend(SSL_REQUEST);
        assert_eq!(framing.ends(Towards::Server, &request), [8]);
        assert_eq!(framing.ends(Towards::Client, b"S"), [1]);
        assert!(framing.ends(Towards::Server, &[0; 400]).is_empty());
    }
}
