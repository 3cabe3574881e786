//! The number of the session that the client was told when it connected. A pooler tells one of its own, so whoever compares
//! it with the server's knows of the pooler.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Client;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// The client keeps it to itself, except in a request to cancel: so one is written down, and goes nowhere.
///
/// postgresql.org/docs/current/protocol-message-formats.html, CancelRequest: its length, a code, the number, a secret; four
/// bytes each.
pub(crate) fn told_number(client: &Client) -> Option<i64> {
    let mut paper = Paper::default();
    client.cancel_token().cancel_query_raw(&mut paper, NoHandshake).now_or_never()?.ok()?;
    let (_, request) = paper.0.split_last_chunk::<16>()?;
    let [16, 0x04d2_162e, number, _] = [0, 4, 8, 12]
        .map(|at| i32::from_be_bytes([request[at], request[at + 1], request[at + 2], request[at + 3]]))
    else {
        return None;
    };
    Some(number.into())
}

/// A stream that keeps what is written, and answers yes to everything.
#[derive(Default)]
struct Paper(Vec<u8>);

impl AsyncRead for Paper {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0 {
            // What a server says that has TLS.
            buffer.put_slice(b"S");
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paper {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for &mut Paper {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// Paper needs no secrecy.
struct NoHandshake;

impl<'p> TlsConnect<&'p mut Paper> for NoHandshake {
    type Stream = &'p mut Paper;
    type Error = Infallible;
    type Future = Ready<Result<&'p mut Paper, Infallible>>;

    fn connect(self, paper: &'p mut Paper) -> Self::Future {
        ready(Ok(paper))
    }
}
