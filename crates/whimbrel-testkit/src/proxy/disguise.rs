//! Rewrites messages on their way, so that a server looks like another product. Knows framing and texts, no SQL.

use super::{Towards, Wire};

/// As what a [`Proxy`](super::Proxy) passes a server off: what it greets with, and what stands in place of parts of statements.
///
/// A function that the other product does not have is replaced by a name that no server knows, and its version by a literal:
/// the server's own errors and answers are then those that the product would give.
///
/// ```
/// use whimbrel_testkit::Disguise;
///
/// let cockroach = Disguise::new()
///     .replacing("version()", "'CockroachDB CCL v25.1.2'")
///     .replacing("pg_try_advisory_xact_lock(", "no_such_function(");
/// # let _ = cockroach;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Disguise {
    greeting: Option<String>,
    session: Option<u32>,
    replaced: Vec<(String, String)>,
}

impl Disguise {
    /// None: everything passes as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this version in the greeting of MySQL's protocol.
    #[must_use]
    pub fn greeting(mut self, version: &str) -> Self {
        self.greeting = Some(version.to_owned());
        self
    }

    /// With this number of a session in the greeting of MySQL's protocol, as a pooler gives one of its own.
    #[must_use]
    pub fn session(mut self, number: u32) -> Self {
        self.session = Some(number);
        self
    }

    /// Wherever a client's statement has this text, the server reads the other one.
    #[must_use]
    pub fn replacing(mut self, text: &str, by: &str) -> Self {
        self.replaced.push((text.to_owned(), by.to_owned()));
        self
    }
}

/// Rewrites one direction of one connection: takes bytes, and gives out whole messages.
#[derive(Debug)]
pub(super) struct Rewriter {
    disguise: Disguise,
    wire: Wire,
    towards: Towards,
    buffer: Vec<u8>,
    /// No message was complete so far.
    first: bool,
}

impl Rewriter {
    pub(super) fn new(disguise: Disguise, wire: Wire, towards: Towards) -> Self {
        Self { disguise, wire, towards, buffer: Vec::new(), first: true }
    }

    /// Takes bytes; answers the messages that are whole with them, rewritten.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        // What servers say is rewritten in MySQL's first message alone.
        let plain = self.towards == Towards::Client && (self.wire != Wire::MySql || !self.first);
        if plain || self.wire == Wire::Opaque {
            return bytes.to_vec();
        }
        self.buffer.extend_from_slice(bytes);
        let mut passed = Vec::with_capacity(bytes.len());
        while let Some(length) = self.length().filter(|length| *length <= self.buffer.len()) {
            let message: Vec<u8> = self.buffer.drain(..length).collect();
            passed.extend(self.rewrite(message));
            self.first = false;
        }
        if self.towards == Towards::Client && !self.first {
            passed.append(&mut self.buffer);
        }
        passed
    }

    /// The length of the message that begins the buffer, header included.
    fn length(&self) -> Option<usize> {
        let number =
            |bytes: &[u8]| bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        let head = &self.buffer;
        match self.wire {
            Wire::Postgres if self.first => Some(number(head.get(..4)?).max(4)),
            Wire::Postgres => Some(1 + number(head.get(1..5)?).max(4)),
            _ => {
                let length = head.get(..4)?;
                Some(4 + number(&[length[2], length[1], length[0]]))
            }
        }
    }

    fn rewrite(&self, message: Vec<u8>) -> Vec<u8> {
        match (self.wire, self.towards) {
            (Wire::MySql, Towards::Client) => self.greet(message),
            // A query, and one to prepare: the text is all of the body but for names and numbers, which no text is in.
            (Wire::Postgres, _) if !self.first && matches!(message.first(), Some(b'Q' | b'P')) => {
                let body = self.replace(&message[5..]);
                let mut passed = vec![message[0]];
                passed.extend((body.len() as u32 + 4).to_be_bytes());
                passed.extend(body);
                passed
            }
            (Wire::MySql, _) if !self.first && matches!(message.get(4), Some(0x03 | 0x16)) => {
                let body = self.replace(&message[4..]);
                with_header(&body, message[3])
            }
            _ => message,
        }
    }

    fn replace(&self, body: &[u8]) -> Vec<u8> {
        let replaced = |body: Vec<u8>, (text, by): &(String, String)| {
            let (text, mut passed, mut rest) = (text.as_bytes(), Vec::with_capacity(body.len()), &body[..]);
            while let Some(at) = rest.windows(text.len()).position(|window| window == text) {
                passed.extend_from_slice(&rest[..at]);
                passed.extend_from_slice(by.as_bytes());
                rest = &rest[at + text.len()..];
            }
            passed.extend_from_slice(rest);
            passed
        };
        self.disguise.replaced.iter().fold(body.to_vec(), replaced)
    }

    /// The greeting: the protocol's number, the version up to a NUL, the session's number in four bytes, and more.
    fn greet(&self, message: Vec<u8>) -> Vec<u8> {
        let Some(end) = message.get(5..).and_then(|rest| rest.iter().position(|byte| *byte == 0)) else {
            return message;
        };
        let (version, rest) = (&message[5..5 + end], &message[5 + end + 1..]);
        let Some((number, rest)) = rest.split_at_checked(4) else { return message };
        let mut body = vec![message[4]];
        body.extend(self.disguise.greeting.as_ref().map_or(version, |version| version.as_bytes()));
        body.push(0);
        body.extend(self.disguise.session.map_or(number.to_vec(), |number| number.to_le_bytes().to_vec()));
        body.extend(rest);
        with_header(&body, message[3])
    }
}

fn with_header(body: &[u8], sequence: u8) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    let mut message = vec![length[0], length[1], length[2], sequence];
    message.extend(body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_greetings_are_rewritten_however_the_bytes_arrive() {
        let disguise = Disguise::new().greeting("26.7.0").session(7).replacing("version()", "'x'");
        let mut greeting = vec![10];
        greeting.extend(b"9.7.4\0");
        greeting.extend([1, 0, 0, 0, 42]);
        let mut expected = vec![10];
        expected.extend(b"26.7.0\0");
        expected.extend([7, 0, 0, 0, 42]);
        let mut client = Rewriter::new(disguise.clone(), Wire::MySql, Towards::Client);
        let passed: Vec<u8> =
            with_header(&greeting, 0).chunks(3).flat_map(|bytes| client.pass(bytes)).collect();
        assert_eq!(passed, with_header(&expected, 0));
        assert_eq!(client.pass(&[1, 2]), [1, 2]);

        let mut server = Rewriter::new(disguise, Wire::MySql, Towards::Server);
        let sent: Vec<u8> =
            [with_header(b"login version()", 1), with_header(b"\x03SELECT version(), version()", 0)].concat();
        let passed: Vec<u8> = sent.chunks(5).flat_map(|bytes| server.pass(bytes)).collect();
        let expected = [with_header(b"login version()", 1), with_header(b"\x03SELECT 'x', 'x'", 0)];
        assert_eq!(passed, expected.concat());
    }
}
