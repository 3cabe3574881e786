//! Ctrl-C, and the signal by which containers are ended: the first one asks for an end between two migrations, the second
//! one breaks off.

use std::future::Future;

use whimbrel::Stop;

use crate::output;
use crate::output::style::{WAITING, paint};

/// Carries out work that may be asked to end; says that it was unless nothing is to be said, as where programs read.
/// `None`: it was broken off, and its future is gone.
///
/// Whatever is not `patient` at that moment is broken off by the first one.
pub(crate) async fn interruptible<T>(
    stop: &Stop,
    quiet: bool,
    patient: &dyn Fn() -> bool,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut signals = Signals::new();
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            () = signals.next() => {
                if stop.is_asked() || !patient() {
                    return None;
                }
                stop.ask();
                if !quiet {
                    let told = "stopping after the migration under way; once more to break off";
                    output::err(&format!("\n{}", paint(WAITING, told)));
                }
            }
        }
    }
}

/// What ends the command.
struct Signals {
    #[cfg(unix)]
    interrupt: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // Where no handler can be had, the signal ends the process, as it does without one.
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        async fn of(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = of(&mut self.interrupt) => {}
            () = of(&mut self.terminate) => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self {}
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
