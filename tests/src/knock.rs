//! A connection that is made when it is first used, and a listener that counts who comes. Knows no database.

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use whimbrel::{Answers, Dialect, Driver, DriverError, ErrorClass, Message, Rows, Value};
use whimbrel_testkit::FAKE;

/// Counts the connections that are made to it.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    count: Arc<AtomicUsize>,
}

impl Default for Door {
    fn default() -> Self {
        Self::new()
    }
}

impl Door {
    /// Listens on a port of its own.
    ///
    /// # Panics
    /// There is none.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("a port");
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                // Whoever has knocked waits for this, so that nobody is counted late.
                drop(client);
            }
        });
        Self { address, count }
    }

    /// How many have come.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// A driver that connects to it as soon as anything is asked of it.
    pub fn driver(&self) -> Knock {
        Knock { address: self.address }
    }
}

/// Connects whenever it is called, and finds nobody there who could answer.
#[derive(Debug)]
pub struct Knock {
    address: SocketAddr,
}

impl Knock {
    fn knock(&self) -> DriverError {
        if let Ok(client) = TcpStream::connect(self.address) {
            let _ = io::copy(&mut &client, &mut io::sink());
        }
        DriverError::new(ErrorClass::ConnectionLost, "nobody is there")
    }
}

#[async_trait]
impl Driver for Knock {
    fn dialect(&self) -> &Dialect {
        &FAKE
    }

    async fn execute(&mut self, _: &[Message<'_>], _: &mut Answers<'_>) -> Result<(), DriverError> {
        Err(self.knock())
    }

    async fn query(&mut self, _: &str, _: &[Value]) -> Result<Rows, DriverError> {
        Err(self.knock())
    }

    async fn pause(&mut self, _: Duration) {}

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn close(&mut self) {}
}
