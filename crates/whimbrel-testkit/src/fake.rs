//! A database in memory, and a driver for it that fails where it is told to. The SQL is interpreted by the modules
//! below; this one counts calls, and knows what happens to each.

mod dialect;
mod kind;
mod locks;
pub(crate) mod parser;
mod query;
pub(crate) mod session;
mod state;
pub(crate) mod statement;

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use whimbrel::script::{Lexing, Script};
use whimbrel::{Answers, Dialect, Driver, DriverError, ErrorClass, Message, Rows, Value, async_trait};

pub use self::dialect::FAKE;
pub use self::kind::FakeKind;
use self::session::{Server, Session};
pub(crate) use self::state::{State, shown};

use crate::pending::Pending;
use crate::record::Record;

/// A connection to a database in memory.
///
/// The database understands tables, unique keys, indexes, `INSERT`, `UPDATE`, `DELETE`, plain `SELECT`s, transactions
/// with savepoints, and the few awkward statements of [`FAKE`]. One connection writes at a time: a second one that
/// begins is told [`Busy`](ErrorClass::Busy). Readers see what is committed. Names are compared letter by letter.
///
/// It is a driver to test the engine with, and a small one to start a real one from.
///
/// ```
/// use whimbrel::{Memory, Migrator};
/// use whimbrel_testkit::{Fake, Fault};
/// # fn main() -> whimbrel::Result<()> {
/// let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
/// let mut db = Fake::new().with_fault(6, Fault::LostAfter);
/// assert!(Migrator::new(&migrations).run_blocking(&mut db).is_err());
///
/// let mut again = db.another();
/// Migrator::new(&migrations).run_blocking(&mut again)?;
/// assert_eq!(again.dump(), "table users\n  column id INTEGER PRIMARY KEY\n  key id\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Fake {
    server: Arc<Mutex<Server>>,
    session: Session,
    closed: bool,
    calls: usize,
    log: Vec<String>,
    faults: BTreeMap<usize, Fault>,
    hooks: BTreeMap<usize, Hook>,
    pending: bool,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is lost before the call takes effect: what is open is rolled back, and every later call fails.
    LostBefore,
    /// The call takes effect, and then the connection is lost in place of its answer.
    LostAfter,
    /// The call has no effect and answers an error of this class; later calls work. For the classes that say so
    /// ([`Conflict`](ErrorClass::Conflict), [`TransactionLost`](ErrorClass::TransactionLost),
    /// [`NoTransaction`](ErrorClass::NoTransaction)), nothing of the transaction remains.
    Answers(ErrorClass),
}

/// Something that another connection does between two calls.
struct Hook(Box<dyn FnOnce(Fake) + Send + Sync>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.close();
    }
}

impl Fake {
    /// A connection to a new, empty database.
    pub fn new() -> Self {
        Self::to(Arc::default(), false)
    }

    /// A connection to a new, empty database of this kind.
    pub fn of(kind: FakeKind) -> Self {
        let fake = Self::new();
        lock(&fake.server).kind = kind;
        fake
    }

    /// How often each statement has changed something, by its text; the history's are not counted.
    pub fn executions(&self) -> BTreeMap<String, usize> {
        let server = lock(&self.server);
        server.committed.executions.iter().map(|(text, count)| (text.to_string(), *count)).collect()
    }

    /// What is committed, and the files.
    pub(crate) fn contents(&self) -> (State, std::collections::BTreeSet<String>) {
        let server = lock(&self.server);
        (server.committed.clone(), server.files.clone())
    }

    /// Another connection to the same database.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::to(Arc::clone(&self.server), false)
    }

    /// Another connection to the same database, which may only read.
    #[must_use]
    pub fn reader(&self) -> Self {
        Self::to(Arc::clone(&self.server), true)
    }

    pub(crate) fn to(server: Arc<Mutex<Server>>, read_only: bool) -> Self {
        let number = lock(&server).connect();
        Self {
            server,
            session: Session::new(number, read_only),
            closed: false,
            calls: 0,
            log: Vec::new(),
            faults: BTreeMap::new(),
            hooks: BTreeMap::new(),
            pending: false,
        }
    }

    /// Makes a call fail, counted from 1: [`execute`](Driver::execute) and [`query`](Driver::query) are calls.
    #[must_use]
    pub fn with_fault(mut self, call: usize, fault: Fault) -> Self {
        self.faults.insert(call, fault);
        self
    }

    /// Before a call, counted from 1, lets another connection do something.
    ///
    /// ```
    /// use whimbrel::{Memory, Migrator, Outcome};
    /// use whimbrel_testkit::Fake;
    /// # fn main() -> whimbrel::Result<()> {
    /// let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
    /// let faster = migrations.clone();
    /// let mut db = Fake::new().with_hook(4, move |mut other| {
    ///     Migrator::new(&faster).run_blocking(&mut other).expect("nobody else writes");
    /// });
    /// assert_eq!(Migrator::new(&migrations).run_blocking(&mut db)?.outcome, Outcome::UpToDate);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_hook(mut self, call: usize, hook: impl FnOnce(Self) + Send + Sync + 'static) -> Self {
        self.hooks.insert(call, Hook(Box::new(hook)));
        self
    }

    /// Makes every call, pauses too, return `Pending` once before it takes effect and once before it answers, so that
    /// a test can drop the future at either place: see [`drop_after`](crate::drop_after).
    #[must_use]
    pub fn with_pending(mut self) -> Self {
        self.pending = true;
        self
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// What was sent, message by message.
    pub fn log(&self) -> &[String] {
        &self.log
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Runs SQL as a person would beside the program. It is no call: it is not counted, and no fault meets it. The
    /// rows are those of the last statement.
    ///
    /// # Errors
    /// What the database says; statements before the one that failed have taken effect.
    pub fn run(&mut self, sql: &str) -> Result<Rows, DriverError> {
        self.interpret(sql, &[], &mut || {})
    }

    /// Schema, data and files, without the history, as text that depends on nothing else.
    pub fn dump(&self) -> String {
        lock(&self.server).dump()
    }

    /// The history; empty where there is none.
    ///
    /// # Panics
    /// The table was made by something else.
    pub fn history(&self) -> Vec<Record> {
        let rows = match self.another().run(Record::QUERY) {
            Ok(rows) => rows,
            Err(_) => return Vec::new(),
        };
        rows.iter().map(|row| Record::read(row).expect("a history that this library wrote")).collect()
    }

    fn interpret(
        &mut self,
        sql: &str,
        values: &[Value],
        answered: &mut dyn FnMut(),
    ) -> Result<Rows, DriverError> {
        if self.closed {
            return Err(lost());
        }
        let script = Script::parse(sql, &SERVER_LEXING).map_err(|problems| {
            let what = problems.first().map(ToString::to_string).unwrap_or_default();
            DriverError::new(ErrorClass::Sql, what)
        })?;
        let mut server = lock(&self.server);
        let mut rows = Rows::default();
        for statement in script.statements() {
            let parsed = parser::parse(statement)?;
            rows = self.session.run(&mut server, &parsed, statement.text(), values)?;
            answered();
        }
        Ok(rows)
    }

    /// One call: what is told to happen before it, its fault, and the call itself.
    async fn call(
        &mut self,
        sent: Vec<String>,
        run: impl FnOnce(&mut Self) -> Result<Rows, DriverError> + Send,
    ) -> Result<Rows, DriverError> {
        self.calls += 1;
        self.log.extend(sent);
        if let Some(Hook(hook)) = self.hooks.remove(&self.calls) {
            hook(self.another());
        }
        let fault = self.faults.get(&self.calls).copied();
        let pending = self.pending;
        // Dropped before it is done, the call leaves a connection that is gone.
        let under_way = UnderWay { fake: self, done: false };
        Pending::once_if(pending).await;
        let answer = match fault {
            Some(Fault::LostBefore) => {
                under_way.fake.close();
                Err(lost())
            }
            Some(Fault::LostAfter) => {
                let _ = run(under_way.fake);
                under_way.fake.close();
                Err(lost())
            }
            Some(Fault::Answers(class)) if !under_way.fake.closed => {
                let gone = [ErrorClass::Conflict, ErrorClass::TransactionLost, ErrorClass::NoTransaction];
                if gone.contains(&class) {
                    under_way.fake.roll_back();
                }
                Err(DriverError::new(class, "a fault of the test's making"))
            }
            _ => run(under_way.fake),
        };
        Pending::once_if(pending).await;
        under_way.finish();
        answer
    }

    fn roll_back(&mut self) {
        self.session.abandon(&mut lock(&self.server));
    }
}

/// The server takes transaction control; scripts are refused it before they get here.
pub(crate) const SERVER_LEXING: Lexing = {
    let mut lexing = Lexing::ANSI;
    lexing.transaction_control = &[];
    lexing
};

struct UnderWay<'f> {
    fake: &'f mut Fake,
    done: bool,
}

impl UnderWay<'_> {
    fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.fake.close();
        }
    }
}

pub(crate) fn lock(server: &Mutex<Server>) -> MutexGuard<'_, Server> {
    // Statements take effect whole or not at all, so what a panicking test leaves behind is sound.
    server.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn lost() -> DriverError {
    DriverError::new(ErrorClass::ConnectionLost, "the connection is gone")
}

#[async_trait]
impl Driver for Fake {
    fn dialect(&self) -> &Dialect {
        lock(&self.server).kind.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let sent = messages.iter().map(|message| message.sql.to_string()).collect();
        let run = |fake: &mut Self| {
            for message in messages {
                fake.interpret(&message.sql, &[], &mut || answers.statement())?;
                answers.message();
            }
            Ok(Rows::default())
        };
        self.call(sent, run).await.map(drop)
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.call(vec![sql.to_owned()], |fake| fake.interpret(sql, values, &mut || {})).await
    }

    async fn pause(&mut self, time: Duration) {
        let pending = self.pending;
        let under_way = UnderWay { fake: self, done: false };
        Pending::once_if(pending).await;
        std::thread::sleep(time.min(Duration::from_millis(2)));
        under_way.finish();
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn close(&mut self) {
        self.closed = true;
        self.session.end(&mut lock(&self.server));
    }
}
