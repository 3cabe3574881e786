//! A connection that the driver owns, on a thread of its own. Needs no particular async runtime: the thread answers
//! through channels.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_channel::oneshot;
use rusqlite::{Connection, InterruptHandle};
use whimbrel::{Answers, Dialect, Driver, DriverError, Error, ErrorClass, ErrorKind, Message, Rows, Value};

use crate::dialect::DIALECT;
use crate::error::driver_error;
use crate::execute::{Kept, lost, run_message, run_query};

/// How long progress is gathered before the engine is woken up for it.
const GATHER: Duration = Duration::from_millis(10);

/// A connection that the driver owns.
///
/// It lives on a thread of its own, so that nothing blocks an executor's thread. When the future of a verb is dropped, the
/// connection is rolled back and closed; it is never given back half done.
#[derive(Debug)]
pub struct Sqlite {
    jobs: mpsc::Sender<Job>,
    interrupt: Arc<Interrupt>,
}

struct Interrupt {
    closed: AtomicBool,
    handle: InterruptHandle,
}

impl std::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupt").field("closed", &self.closed).finish_non_exhaustive()
    }
}

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

enum Job {
    Execute(Vec<String>, oneshot::Sender<Told>),
    Query(String, Vec<Value>, oneshot::Sender<Result<Rows, DriverError>>),
    Pause(Duration, oneshot::Sender<()>),
    Call(Call),
    GiveBack(mpsc::Sender<Connection>),
}

/// What the thread tells of messages under way: what was answered, and then where the next is told, or the end.
struct Told {
    answered: Vec<Answered>,
    then: Then,
}

enum Answered {
    Statement,
    Message(Duration),
}

enum Then {
    More(oneshot::Receiver<Told>),
    Done(Result<(), DriverError>),
}

impl Sqlite {
    /// Opens a database file, creates it if it is not there, with access for its owner only (mode 0600; SQLite gives the
    /// files beside it the same).
    ///
    /// # Errors
    /// The file cannot be opened or created; says why.
    ///
    /// # If interrupted
    /// An empty file may be left.
    pub async fn open(path: impl AsRef<Path>) -> whimbrel::Result<Self> {
        let path = path.as_ref().to_owned();
        let (sender, receiver) = oneshot::channel();
        thread::Builder::new()
            .name("whimbrel-sqlite".to_owned())
            .spawn(move || match open(&path) {
                Ok(connection) => {
                    let (sqlite, jobs) = Self::around(&connection);
                    let interrupt = Arc::clone(&sqlite.interrupt);
                    if sender.send(Ok(sqlite)).is_ok() {
                        serve(connection, &jobs, &interrupt);
                    }
                }
                Err(error) => {
                    // Whoever asked is gone if this fails.
                    let _ = sender.send(Err(error));
                }
            })
            .map_err(no_thread)?;
        receiver
            .await
            .map_err(|_| Error::new(ErrorKind::Bug, "the thread of a SQLite connection has ended"))?
    }

    /// A new database in memory, gone with the driver or with the connection that it gives back.
    ///
    /// # Errors
    /// Memory or threads ran out.
    pub fn in_memory() -> whimbrel::Result<Self> {
        let connection =
            Connection::open_in_memory().map_err(|error| not_opened(Path::new(":memory:"), &error))?;
        Self::from_connection(connection)
    }

    /// Takes over a connection that is open. [`into_connection`](Self::into_connection) gives it back.
    ///
    /// # Errors
    /// Threads ran out.
    pub fn from_connection(connection: Connection) -> whimbrel::Result<Self> {
        let (sqlite, jobs) = Self::around(&connection);
        let interrupt = Arc::clone(&sqlite.interrupt);
        thread::Builder::new()
            .name("whimbrel-sqlite".to_owned())
            .spawn(move || serve(connection, &jobs, &interrupt))
            .map_err(no_thread)?;
        Ok(sqlite)
    }

    fn around(connection: &Connection) -> (Self, mpsc::Receiver<Job>) {
        let (jobs, receiver) = mpsc::channel();
        let interrupt =
            Arc::new(Interrupt { closed: AtomicBool::new(false), handle: connection.get_interrupt_handle() });
        (Self { jobs, interrupt }, receiver)
    }

    /// Gives the connection back, with the settings that it had, if it is sound: nothing is open on it, and no call on it
    /// was cut short.
    ///
    /// # Errors
    /// It was given up, and is closed.
    pub fn into_connection(self) -> whimbrel::Result<Connection> {
        let given_up = || {
            Error::new(
                ErrorKind::Retry,
                "the connection was given up, since its state was not known: open another one",
            )
        };
        let (sender, receiver) = mpsc::channel();
        self.jobs.send(Job::GiveBack(sender)).map_err(|_| given_up())?;
        receiver.recv().map_err(|_| given_up())
    }

    /// Runs a function with the connection, on its thread.
    ///
    /// ```
    /// # use whimbrel::{Memory, Migrator};
    /// # use whimbrel_sqlite::Sqlite;
    /// # let migrations = Memory::new();
    /// let migrator = Migrator::new(&migrations).with_step(7, |tx| Box::pin(async move {
    ///     let sqlite = tx.native::<Sqlite>().ok_or("this step is for SQLite")?;
    ///     sqlite.call(|connection| connection.execute("DELETE FROM sessions", ())).await??;
    ///     Ok(())
    /// }));
    /// ```
    ///
    /// # Errors
    /// The connection was given up.
    ///
    /// # If interrupted
    /// The function runs to its end on the connection's thread; then the connection is closed.
    pub async fn call<T: Send + 'static>(
        &mut self,
        function: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, DriverError> {
        let (sender, receiver) = oneshot::channel();
        let call: Call = Box::new(move |connection| {
            // Nobody may be waiting any more.
            let _ = sender.send(function(connection));
        });
        self.ask(Job::Call(call), receiver).await
    }

    /// Sends a job and waits for its answer. If the future is dropped meanwhile, the connection is given up.
    async fn ask<T>(&mut self, job: Job, receiver: oneshot::Receiver<T>) -> Result<T, DriverError> {
        let mut pending = Pending { driver: self, done: false };
        if pending.driver.is_closed() || pending.driver.jobs.send(job).is_err() {
            pending.done = true;
            return Err(lost());
        }
        let answer = receiver.await;
        pending.done = true;
        answer.map_err(|_| lost())
    }

    fn is_closed(&self) -> bool {
        self.interrupt.closed.load(Ordering::SeqCst)
    }
}

/// A call under way: dropped before its answer, it gives the connection up.
struct Pending<'d> {
    driver: &'d mut Sqlite,
    done: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.driver.close();
        }
    }
}

#[async_trait]
impl Driver for Sqlite {
    fn dialect(&self) -> &Dialect {
        &DIALECT
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let texts = messages.iter().map(|message| message.sql.clone().into_owned()).collect();
        let (sender, receiver) = oneshot::channel();
        let mut pending = Pending { driver: self, done: false };
        if pending.driver.is_closed() || pending.driver.jobs.send(Job::Execute(texts, sender)).is_err() {
            pending.done = true;
            return Err(lost());
        }
        let mut next = receiver;
        loop {
            let Ok(told) = next.await else {
                pending.done = true;
                return Err(lost());
            };
            for answered in told.answered {
                match answered {
                    Answered::Statement => answers.statement(),
                    Answered::Message(elapsed) => answers.message_after(elapsed),
                }
            }
            match told.then {
                Then::More(receiver) => next = receiver,
                Then::Done(result) => {
                    pending.done = true;
                    return result;
                }
            }
        }
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        let (sender, receiver) = oneshot::channel();
        self.ask(Job::Query(sql.to_owned(), values.to_vec(), sender), receiver).await?
    }

    async fn pause(&mut self, time: Duration) {
        let (sender, receiver) = oneshot::channel();
        // A connection that is gone makes no one wait.
        let _ = self.ask(Job::Pause(time, sender), receiver).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn close(&mut self) {
        self.interrupt.closed.store(true, Ordering::SeqCst);
        // Ends a long statement; the thread looks at `closed` before the next one, and then lets the connection go.
        self.interrupt.handle.interrupt();
        let (jobs, _) = mpsc::channel();
        self.jobs = jobs;
    }
}

/// The connection's thread: does jobs until the driver is gone or has given the connection up. Then the connection is
/// dropped here, which rolls back what is open on it.
fn serve(mut connection: Connection, jobs: &mpsc::Receiver<Job>, interrupt: &Interrupt) {
    let mut kept: Option<Kept> = None;
    let closed = || interrupt.closed.load(Ordering::SeqCst);
    while let Ok(job) = jobs.recv() {
        if closed() {
            return;
        }
        // Where nobody waits for an answer any more the driver has been closed, which is looked at above.
        match job {
            Job::Execute(messages, sender) => {
                if kept.is_none() {
                    match Kept::take(&connection) {
                        Ok(taken) => kept = Some(taken),
                        Err(error) => {
                            let _ = sender.send(Told { answered: Vec::new(), then: Then::Done(Err(error)) });
                            continue;
                        }
                    }
                }
                execute(&connection, &messages, sender, &closed);
            }
            Job::Query(sql, values, sender) => {
                let _ = sender.send(run_query(&connection, &sql, &values));
            }
            Job::Pause(time, sender) => {
                thread::sleep(time);
                let _ = sender.send(());
            }
            Job::Call(call) => call(&mut connection),
            Job::GiveBack(sender) => {
                let sound = connection.is_autocommit();
                if sound && kept.take().is_none_or(|kept| kept.restore(&connection).is_ok()) {
                    let _ = sender.send(connection);
                }
                return;
            }
        }
    }
}

/// Runs messages, and tells of them every few milliseconds.
fn execute(
    connection: &Connection,
    messages: &[String],
    sender: oneshot::Sender<Told>,
    closed: &dyn Fn() -> bool,
) {
    let mut sender = Some(sender);
    let mut answered = Vec::new();
    let mut told_at = Instant::now();
    let mut tell = |answered: &mut Vec<Answered>, end: Option<Result<(), DriverError>>| {
        let then = match end {
            Some(result) => Then::Done(result),
            None if told_at.elapsed() < GATHER => return,
            None => {
                told_at = Instant::now();
                let (next, receiver) = oneshot::channel();
                let told = Told { answered: std::mem::take(answered), then: Then::More(receiver) };
                if let Some(sender) = sender.replace(next) {
                    let _ = sender.send(told);
                }
                return;
            }
        };
        if let Some(sender) = sender.take() {
            let _ = sender.send(Told { answered: std::mem::take(answered), then });
        }
    };
    let result = messages.iter().try_for_each(|sql| {
        let began = Instant::now();
        run_message(connection, sql, || {
            answered.push(Answered::Statement);
            tell(&mut answered, None);
            !closed()
        })?;
        answered.push(Answered::Message(began.elapsed()));
        Ok(())
    });
    tell(&mut answered, Some(result));
}

fn open(path: &Path) -> whimbrel::Result<Connection> {
    let text = path.to_string_lossy();
    // A URI has parameters that decide whether a file is created at all; its owner sees to its rights.
    if !is_uri(&text) && text != ":memory:" && !text.is_empty() {
        create_private(path).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "the database {} cannot be created: {error}: check the path and its folder's rights",
                    path.display()
                ),
            )
            .with_source(error)
        })?;
    }
    Connection::open(path).map_err(|error| not_opened(path, &error))
}

/// Creates the file with access for its owner only, before SQLite would with everybody's.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        // A read-only file in a folder that may not be written to is SQLite's to open.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(error),
    }
}

fn not_opened(path: &Path, error: &rusqlite::Error) -> Error {
    let mut error = driver_error(error, "");
    let kind = match error.class() {
        ErrorClass::Damaged => ErrorKind::Database,
        _ => ErrorKind::Configuration,
    };
    let mut shown = path.display().to_string();
    if is_uri(&shown) {
        // SQLite quotes the parts of a URI that it does not understand, and a parameter may be a key.
        let code = error.code().unwrap_or_default().to_owned();
        error = DriverError::new(error.class(), "SQLite refuses its path or its parameters").with_code(code);
        shown = without_secrets(&shown).to_owned();
    }
    Error::new(kind, format!("the database {shown} cannot be opened: {}", error.message())).with_source(error)
}

fn is_uri(path: &str) -> bool {
    path.starts_with("file:")
}

/// A URI without its parameters, and without anything at all if it names a host or a user.
fn without_secrets(uri: &str) -> &str {
    let end = uri.find(['?', '#']).unwrap_or(uri.len());
    let plain = uri[..end].strip_prefix("file:").is_some_and(|path| {
        path.strip_prefix("//").is_none_or(|rest| rest.starts_with('/') || rest.starts_with("localhost/"))
    });
    if plain { &uri[..end] } else { "file:…" }
}

fn no_thread(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Configuration, "no thread can be started for a SQLite connection")
        .with_source(error)
}
