//! A PgBouncer in transaction mode that is started again if it has ended by itself, as some versions do when sessions behind it
//! are ended.

use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use whimbrel_testkit::{PgBouncer, Pooling, Proxy, Server, Wire};

/// The pooler in front of one server.
pub(super) struct Pooler {
    server: &'static Server,
    running: Mutex<PgBouncer>,
}

fn start(server: &Server) -> PgBouncer {
    PgBouncer::start(server, Pooling::Transaction, 2, &[]).expect("a pooler")
}

impl Pooler {
    /// Started; it ends with this process.
    pub(super) fn in_front_of(server: &'static Server) -> &'static Self {
        Box::leak(Box::new(Self { server, running: Mutex::new(start(server)) }))
    }

    fn lock(&self) -> MutexGuard<'_, PgBouncer> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it again if it is gone; answers whether it was.
    pub(super) fn revive(&self) -> bool {
        let mut running = self.lock();
        let gone = TcpStream::connect((running.host(), running.port())).is_err();
        if gone {
            println!("the pooler has ended by itself, and is started again");
            *running = start(self.server);
        }
        gone
    }

    /// The URL of a database of the server behind it.
    pub(super) fn url(&self, database: &str) -> String {
        self.lock().url(database)
    }

    /// A proxy to it.
    pub(super) fn proxy(&self) -> std::io::Result<Proxy> {
        let running = self.lock();
        Proxy::to_address((running.host(), running.port()), Wire::Postgres)
    }
}
