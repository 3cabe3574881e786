//! Futures that are polled by hand: one that is pending once, the dropping of one half-way, and a small executor.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Is `Pending` once.
pub(crate) struct Pending(bool);

impl Pending {
    /// Is `Pending` once, or not at all.
    pub(crate) fn once_if(pending: bool) -> Self {
        Self(pending)
    }
}

impl Future for Pending {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.0) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// Polls a future so often, and drops it unless it is done by then: what an application does that gives up.
///
/// `None` says that it was dropped. Each poll waits until the future has asked for it.
///
/// ```
/// use whimbrel::{Memory, Migrator};
/// use whimbrel_testkit::{Fake, block_on, drop_after};
/// let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
/// let mut db = Fake::new().with_pending();
/// let migrator = Migrator::new(&migrations);
/// assert!(block_on(drop_after(3, migrator.run(&mut db))).is_none());
/// assert!(db.is_closed());
/// ```
pub async fn drop_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut left = polls;
    let mut future = Box::pin(future);
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread: for drivers that need no runtime of their own.
///
/// ```
/// assert_eq!(whimbrel_testkit::block_on(async { 7 }), 7);
/// ```
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
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
