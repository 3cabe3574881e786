//! The blocking twins' executor: runs a future on the caller's thread. Knows nothing of migrations.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::driver::Driver;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread, which sleeps while there is nothing to do.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::park();
    }
}

/// Something that the blocking verbs can migrate: a driver that needs no async runtime, or a client that a driver's
/// crate knows how to borrow.
///
/// `Kind` tells the implementations apart and is always inferred. A driver's crate implements it for the client that it
/// can borrow, with a type of its own as `Kind`.
pub trait Blocking<Kind> {
    /// The driver that borrows it.
    type Driver<'c>: Driver + 'c
    where
        Self: 'c;

    /// Borrows it.
    fn driver(&mut self) -> Self::Driver<'_>;
}

/// The kind of everything that is a driver already.
#[derive(Debug)]
pub enum Itself {}

impl<D: Driver> Blocking<Itself> for D {
    type Driver<'c>
        = &'c mut D
    where
        D: 'c;

    fn driver(&mut self) -> &mut D {
        self
    }
}
