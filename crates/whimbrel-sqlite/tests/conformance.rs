//! The whole conformance suite: over a connection that is lent and one that is owned, on files and in memory.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use whimbrel::{StepFuture, StepTransaction};
use whimbrel_sqlite::{Sqlite, rusqlite::Connection};
use whimbrel_testkit::{Scripts, TestDatabase};

/// The schema of the application, without what SQLite makes by itself.
const SCHEMA: &str = "SELECT type, name, sql FROM sqlite_master \
                      WHERE tbl_name <> 'whimbrel_history' AND name NOT LIKE 'sqlite_%'";

fn scripts() -> Scripts {
    Scripts::new("VACUUM", SCHEMA)
}

/// A database file of its own, on a file system in memory where there is one.
struct File {
    _folder: TempDir,
    path: PathBuf,
}

impl File {
    fn new() -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let folder = folder.expect("a temporary folder");
        let path = folder.path().join("app.db");
        Self { _folder: folder, path }
    }
}

/// Commits through the client of an owned connection, behind the engine's back.
fn commit_owned<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
    Box::pin(async move {
        let sqlite = transaction.native::<Sqlite>().ok_or("another client than SQLite's")?;
        sqlite.call(|connection| connection.execute_batch("COMMIT")).await??;
        Ok(())
    })
}

mod owned {
    use super::*;

    struct Owned(File);

    impl TestDatabase for Owned {
        type Driver = Sqlite;

        async fn connect(&self) -> Sqlite {
            Sqlite::open(&self.0.path).await.expect("the file opens")
        }

        fn scripts(&self) -> Scripts {
            scripts()
        }

        fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
            commit_owned(transaction)
        }
    }

    whimbrel_testkit::conformance!(Owned(File::new()));
}

mod in_memory {
    use super::*;

    /// A database in memory that several connections of one process share. It lasts as long as one of them is open.
    struct InMemory {
        uri: String,
        _keeper: Mutex<Connection>,
    }

    impl InMemory {
        fn new() -> Self {
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            let uri = format!("file:/conformance-{}?vfs=memdb", NUMBER.fetch_add(1, Ordering::Relaxed));
            let keeper = Connection::open(&uri).expect("a database in memory");
            Self { uri, _keeper: Mutex::new(keeper) }
        }
    }

    impl TestDatabase for InMemory {
        type Driver = Sqlite;

        async fn connect(&self) -> Sqlite {
            Sqlite::open(&self.uri).await.expect("the database opens")
        }

        fn scripts(&self) -> Scripts {
            scripts()
        }

        fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
            commit_owned(transaction)
        }
    }

    whimbrel_testkit::conformance!(InMemory::new());
}

mod lent {
    use std::any::Any;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use whimbrel::{
        Answers, Blocking, Dialect, Driver, DriverError, Message, Progress, Rows, Value, async_trait,
    };
    use whimbrel_sqlite::{Borrowed, DIALECT};
    use whimbrel_testkit::block_on;

    use super::*;

    type Job = Box<dyn FnOnce(&mut Borrowed<'_>) + Send>;

    /// A connection that is lent to a driver, both on a thread that lasts as long as this: the suite wants drivers that
    /// own what they need.
    struct Lent {
        jobs: Option<mpsc::Sender<Job>>,
        thread: Option<thread::JoinHandle<()>>,
    }

    impl Lent {
        fn open(path: PathBuf) -> Self {
            let (sender, jobs) = mpsc::channel::<Job>();
            let thread = thread::spawn(move || {
                let mut connection = Connection::open(path).expect("the file opens");
                let mut driver = connection.driver();
                jobs.iter().for_each(|job| job(&mut driver));
            });
            Self { jobs: Some(sender), thread: Some(thread) }
        }

        fn ask<T: Send + 'static>(&self, job: impl FnOnce(&mut Borrowed<'_>) -> T + Send + 'static) -> T {
            let (sender, receiver) = mpsc::channel();
            let jobs = self.jobs.as_ref().expect("it is open");
            let job: Job = Box::new(move |driver| sender.send(job(driver)).expect("somebody waits"));
            jobs.send(job).expect("the thread runs");
            receiver.recv().expect("the thread answers")
        }
    }

    impl Drop for Lent {
        fn drop(&mut self) {
            drop(self.jobs.take());
            let ended = self.thread.take().map(thread::JoinHandle::join);
            assert!(ended.is_none_or(|ended| ended.is_ok()), "the driver has panicked");
        }
    }

    #[async_trait]
    impl Driver for Lent {
        fn dialect(&self) -> &Dialect {
            &DIALECT
        }

        async fn execute(
            &mut self,
            messages: &[Message<'_>],
            answers: &mut Answers<'_>,
        ) -> Result<(), DriverError> {
            let texts: Vec<(String, usize)> = messages
                .iter()
                .map(|message| (message.sql.clone().into_owned(), message.statements))
                .collect();
            let (told, result) = self.ask(move |driver| {
                let messages: Vec<Message<'_>> =
                    texts.iter().map(|(sql, statements)| Message::new(sql.as_str(), *statements)).collect();
                let mut told = Vec::new();
                let mut tell = |progress| told.push(progress);
                let mut answers = Answers::watched(&mut tell);
                let result = block_on(driver.execute(&messages, &mut answers));
                drop(answers);
                (told, result)
            });
            for progress in told {
                match progress {
                    Progress::Statement { .. } => answers.statement(),
                    Progress::Message { elapsed, .. } => answers.message_after(elapsed),
                }
            }
            result
        }

        async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
            let (sql, values) = (sql.to_owned(), values.to_vec());
            self.ask(move |driver| block_on(driver.query(&sql, &values)))
        }

        async fn pause(&mut self, time: Duration) {
            self.ask(move |driver| block_on(driver.pause(time)));
        }

        fn native(&mut self) -> &mut (dyn Any + Send) {
            self
        }

        fn close(&mut self) {
            self.ask(|driver| driver.close());
        }
    }

    struct OnLoan(File);

    impl TestDatabase for OnLoan {
        type Driver = Lent;

        async fn connect(&self) -> Lent {
            Lent::open(self.0.path.clone())
        }

        fn scripts(&self) -> Scripts {
            scripts()
        }

        fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
            Box::pin(async move {
                let lent = transaction.native::<Lent>().ok_or("another driver")?;
                lent.ask(|driver| {
                    let connection = driver.native().downcast_mut::<Connection>().expect("a connection");
                    connection.execute_batch("COMMIT")
                })?;
                Ok(())
            })
        }
    }

    whimbrel_testkit::conformance!(OnLoan(File::new()));
}
