//! Ctrl-C, and the signal by which containers are ended: the first one asks for an end between two migrations, the second one
//! breaks off. Signals are received on a thread of their own, so that they count whatever the command is doing meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use whimbrel::Stop;

use crate::answer::Failure;
use crate::arguments::Format;
use crate::exit::Code;
use crate::output;
use crate::output::style::{WAITING, paint};

/// What signals have asked for. Clones are the same.
#[derive(Clone)]
pub(crate) struct Interrupts(Arc<Shared>);

struct Shared {
    format: Format,
    verb: &'static str,
    /// Nothing is said of the first signal.
    quiet: bool,
    stop: Stop,
    /// Whether the first signal waits for the migration under way.
    patient: AtomicBool,
    /// Whether the verb is to be broken off.
    breaking: AtomicBool,
    broken: Notify,
    /// Whether the verb has taken notice of that, and says itself how it ended.
    noticed: AtomicBool,
    /// The command that shows how far it came.
    next: OnceLock<String>,
}

/// How long the verb may take to notice that it is broken off. Whatever does not is in the middle of something that
/// cannot be broken off, such as hashing or reading a pipe.
const NOTICING: Duration = Duration::from_millis(250);
/// How long it may take to end after that.
const ENDING: Duration = Duration::from_secs(3);
/// How long it is tried to say that it was broken off: a pipe may be full.
const SAYING: Duration = Duration::from_millis(200);

impl Interrupts {
    /// Begins to listen.
    pub(crate) fn listen(format: Format, verb: &'static str, quiet: bool) -> Self {
        let shared = Arc::new(Shared {
            format,
            verb,
            quiet,
            stop: Stop::new(),
            patient: AtomicBool::new(false),
            breaking: AtomicBool::new(false),
            broken: Notify::new(),
            noticed: AtomicBool::new(false),
            next: OnceLock::new(),
        });
        let heard = Arc::clone(&shared);
        let (ready, is_ready) = mpsc::channel();
        let listener = move || {
            // Where no handler can be had, the signal ends the process, as it does without one.
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                let mut signals = Signals::new();
                // Whoever waits for it is there.
                let _ = ready.send(());
                loop {
                    signals.next().await;
                    hear(&heard);
                }
            });
        };
        if thread::Builder::new().name("signals".to_owned()).spawn(listener).is_ok() {
            // An error is the listener's end.
            let _ = is_ready.recv();
        }
        Self(shared)
    }

    /// What the first signal asks, of a verb that applies something.
    pub(crate) fn stop(&self) -> &Stop {
        &self.0.stop
    }

    /// Takes note whether there is a connection. Only what applies something on one ends between two migrations; all else
    /// ends at once.
    pub(crate) fn connected(&self, is_connected: bool) {
        let applies = matches!(self.0.verb, "up" | "down" | "redo" | "reset" | "baseline" | "wait");
        self.0.patient.store(applies && is_connected, Ordering::Release);
    }

    pub(crate) fn is_patient(&self) -> bool {
        self.0.patient.load(Ordering::Acquire)
    }

    /// Takes note of the command that shows how far it came.
    pub(crate) fn advise(&self, next: String) {
        // It is the same one each time.
        let _ = self.0.next.set(next);
    }

    /// Carries out work that may be broken off. `None`: it was, and its future is gone.
    pub(crate) async fn interruptible<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => Some(done),
            () = self.0.broken.notified() => {
                self.0.noticed.store(true, Ordering::Release);
                None
            }
        }
    }

    /// That the verb was broken off.
    pub(crate) fn broken_off(&self) -> Failure {
        self.0.broken_off()
    }
}

impl Shared {
    fn broken_off(&self) -> Failure {
        const LOOK: [&str; 9] =
            ["status", "plan", "check", "history", "verify", "lint", "config", "doctor", "report"];
        let verb = self.verb;
        if LOOK.contains(&verb) {
            return Failure::of(Code::Aborted, format!("{verb} was broken off; it has changed nothing"));
        }
        let failure = Failure::of(Code::Aborted, format!("{verb} was broken off; look how far it came"));
        match self.next.get().filter(|_| self.patient.load(Ordering::Acquire)) {
            Some(next) => failure.with_next(next),
            None => failure,
        }
    }

    /// Ends the process, whatever it is doing.
    fn leave(self: Arc<Self>) -> ! {
        let (said, is_said) = mpsc::channel();
        let saying = move || {
            output::failure(self.format, self.verb, &self.broken_off());
            // The process may have ended already.
            let _ = said.send(());
        };
        if thread::Builder::new().spawn(saying).is_ok() {
            // Whatever comes of it, it is time to go.
            let _ = is_said.recv_timeout(SAYING);
        }
        std::process::exit(i32::from(Code::Aborted.number()));
    }
}

fn hear(shared: &Arc<Shared>) {
    if shared.patient.load(Ordering::Acquire) && !shared.stop.is_asked() {
        shared.stop.ask();
        if !shared.quiet {
            let told = "stopping after the migration under way; once more to break off";
            output::err(&format!("\n{}", paint(WAITING, told)));
        }
        return;
    }
    let shared = Arc::clone(shared);
    if shared.breaking.swap(true, Ordering::AcqRel) {
        shared.leave();
    }
    shared.broken.notify_one();
    tokio::spawn(async move {
        tokio::time::sleep(NOTICING).await;
        if shared.noticed.load(Ordering::Acquire) {
            tokio::time::sleep(ENDING).await;
        }
        shared.leave();
    });
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
