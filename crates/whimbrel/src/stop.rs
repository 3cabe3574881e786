//! Asking a run to end. Knows nothing of how it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind};

/// Asks a verb to end after the migration that is under way; for signals and for shutdowns. Clones ask the same verb.
///
/// What is done together ends together: the transaction that several migrations share, and all that was sent already. A
/// verb that waits (for the lock, for others, for the pause after a failure) ends at once. It answers with an error of
/// the kind [`Stopped`](ErrorKind::Stopped) that says what was done before; the next run goes on from there.
///
/// ```
/// use whimbrel::{ErrorKind, Memory, Migrator, Stop};
/// # let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER);");
/// # let mut db = whimbrel_testkit::Fake::new();
/// let stop = Stop::new();
/// let migrator = Migrator::new(&migrations).with_stop(stop.clone());
/// // In the handler of a signal, or in another thread:
/// stop.ask();
/// let error = migrator.run_blocking(&mut db).expect_err("it was stopped");
/// assert_eq!(error.kind(), ErrorKind::Stopped);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. May be called from anywhere, also from a handler of signals, and more than once.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The error of a verb that has ended since it was asked to.
pub(crate) fn stopped() -> Error {
    Error::new(ErrorKind::Stopped, "stopped as asked, between two migrations")
        .with_note("next", "run again when it suits: it goes on from here")
}
