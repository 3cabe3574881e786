//! Scripts that are too large to be held twice, on every database: what client and server need of memory while one fails at its
//! end, is cut off behind most of it, and is run again; and how far it is told to be.

use std::any::Any;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use whimbrel::{
    Answers, Dialect, Directory, Driver, DriverError, ErrorClass, Event, Message, Migrator, Rows, Value,
    Writers, async_trait,
};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, Either, is_long, kinds};

use crate::scripts::a_statement_larger_than_a_message_is_refused_before_its_script_begins;

/// What is allowed, in bytes: to the client beside the file, and to the server more than before. With the full counts it is what was
/// promised.
///
/// Otherwise it is so little that a list of the statements would be more, and for PostgreSQL a script that is sent at once.
/// SQLite is a part of the client; MySQL has up to 220 MiB more after its first thousands of statements, whatever they are.
fn allowed(kind: Option<ServerKind>) -> (u64, u64) {
    let (client, server) = match kind {
        _ if is_long() => (64, 256),
        None => (14, 0),
        Some(ServerKind::MySql) => (11, 256),
        Some(_) => (11, 44),
    };
    (client << 20, server << 20)
}

/// A script of many statements, of which most are so small that a list of them would be larger than the script.
struct Large {
    rows: usize,
    bytes: usize,
    statements: usize,
}

impl Large {
    /// Writes a table, and the script for it. `behind`: a statement more.
    fn write(folder: &Path, small: &str, behind: &str) -> Self {
        // With the full counts 200 MB.
        let (rows, filler, more) = if is_long() { (500_000, 320, 5) } else { (6_000, 200, 12) };
        let create = "CREATE TABLE big (n INTEGER, filler VARCHAR(400));\n";
        fs::write(folder.join("0001_table.sql"), create).expect("written");
        let path = folder.join("0002_big.sql");
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        let (filler, small) = ("x".repeat(filler), small.repeat(more));
        for number in 0..rows {
            writeln!(file, "INSERT INTO big VALUES ({number}, '{filler}');{small}").expect("written");
        }
        write!(file, "{behind}").expect("written");
        file.flush().expect("written");
        let bytes = usize::try_from(fs::metadata(&path).expect("a file").len()).expect("a number");
        Self { rows, bytes, statements: rows * (more + 1) + behind.matches(';').count() }
    }
}

/// A number of bytes from `/proc`.
fn bytes(process: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process of this machine");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// What a server's process needed before, and the thread that looks what it needs at most until it is told to end.
type Watched = (u64, Arc<(AtomicBool, AtomicU64)>, JoinHandle<()>);

/// What this process, and perhaps a server's, have needed more than before, at most.
struct Peak {
    own: u64,
    most: (u64, u64),
    server: Option<Watched>,
}

impl Peak {
    fn begin(server: Option<String>, most: (u64, u64)) -> Self {
        // What others of this process have needed before does not count.
        fs::write("/proc/self/clear_refs", "5").expect("a Linux of today");
        let server = server.map(|process| {
            // Memory that it shares with others is not the session's.
            let before = bytes(&process, "RssAnon");
            let state = Arc::new((AtomicBool::new(false), AtomicU64::new(0)));
            let watched = state.clone();
            let thread = std::thread::spawn(move || {
                while !watched.0.load(Ordering::Relaxed) && Path::new(&format!("/proc/{process}")).exists() {
                    watched.1.fetch_max(bytes(&process, "RssAnon"), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            (before, state, thread)
        });
        Self { own: bytes("self", "VmHWM"), most, server }
    }

    /// Compares with what is allowed.
    fn end(self, what: &str, file: usize) {
        let own = bytes("self", "VmHWM") - self.own;
        let server = self.server.map_or(0, |(before, state, thread)| {
            state.0.store(true, Ordering::Relaxed);
            thread.join().expect("no panic");
            state.1.load(Ordering::Relaxed).saturating_sub(before)
        });
        println!("{what}: client {} KiB, server {} KiB, file {} KiB", own >> 10, server >> 10, file >> 10);
        assert!(own < file as u64 + self.most.0, "{what}: the client's peak: {own} for {file}");
        assert!(server <= self.most.1, "{what}: the server's peak: {server}");
    }
}

/// Passes calls on until so many bytes were sent, and is slow once.
struct Through<D> {
    inner: D,
    left: usize,
    pause: Duration,
}

#[async_trait]
impl<D: Driver> Driver for Through<D> {
    fn dialect(&self) -> &Dialect {
        self.inner.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let sent = messages.iter().map(|message| message.sql.len()).sum();
        let Some(left) = self.left.checked_sub(sent) else {
            self.inner.close();
            return Err(DriverError::new(ErrorClass::ConnectionLost, "the connection was lost"));
        };
        self.left = left;
        if sent > 100_000 {
            tokio::time::sleep(std::mem::take(&mut self.pause)).await;
        }
        self.inner.execute(messages, answers).await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.inner.query(sql, values).await
    }

    async fn pause(&mut self, time: Duration) {
        self.inner.pause(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self.inner.native()
    }

    fn close(&mut self) {
        self.inner.close();
    }
}

fn migrator(folder: &Path) -> Migrator<'static> {
    Migrator::new(Directory::new(folder).unlocked().with_writers(Writers::Anyone))
}

async fn count<D: Driver>(db: &mut D) -> usize {
    let rows = db.query("SELECT count(*) FROM big", &[]).await.expect("a table");
    usize::try_from(rows[0].read::<i64>(0).expect("a number")).expect("a number")
}

/// `open` answers a connection and the process whose memory is that of its server, which may need so much;
/// `small` is a small statement.
async fn is_bounded<D: Driver, F: Future<Output = (D, Option<String>)>>(
    kind: &str,
    small: &str,
    most: (u64, u64),
    open: impl Fn() -> F,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();

    let large = Large::write(folder, small, "INSERT INTO big VALUES (0, 'secret'),\n  (nowhere, '');");
    let (mut db, server) = open().await;
    let peak = Peak::begin(server, most);
    let error = migrator(folder).run(&mut db).await.expect_err("it fails");
    peak.end(&format!("{kind}, failing"), large.bytes);
    assert_eq!(error.statement(), Some(large.statements), "{kind}: {error:#}");
    let place = error.location().expect("a place").position;
    assert!(place.line as usize > large.rows, "{kind}: {error:#}");
    let told = format!("{error:#}");
    assert!(told.contains("nothing of it was kept") && !told.contains("secret"), "{kind}: {told}");
    assert_eq!(count(&mut db).await, 0, "{kind}");
    drop(db);

    let large = Large::write(folder, small, "");
    let (db, server) = open().await;
    let mut cut = Through { inner: db, left: large.bytes / 4 * 3, pause: Duration::ZERO };
    let peak = Peak::begin(server, most);
    migrator(folder).with_failure_pause(Duration::ZERO).run(&mut cut).await.expect_err("it is cut off");
    peak.end(&format!("{kind}, cut off"), large.bytes);
    assert!(cut.left < large.bytes / 4 * 3, "{kind}: some of it was sent");
    drop(cut);

    let (told, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (statements, all) = (large.statements, large.bytes);
    let observer = |event: &Event<'_>| {
        if let Event::Statement { bytes: Some(bytes), statement, statements: of, .. } = event {
            assert_eq!((*of, bytes.1), (statements, all), "{kind}");
            assert!(done.swap(bytes.0, Ordering::Relaxed) <= bytes.0 && bytes.0 <= all, "{kind}: it goes on");
            assert_eq!(told.fetch_add(1, Ordering::Relaxed) + 1, *statement, "{kind}: each is told");
        }
    };
    let (db, server) = open().await;
    // What takes less than a second tells of no statement.
    let mut db = Through { inner: db, left: usize::MAX, pause: Duration::from_millis(1100) };
    let peak = Peak::begin(server, most);
    let report =
        migrator(folder).with_failure_pause(Duration::ZERO).with_observer(observer).run(&mut db).await;
    peak.end(&format!("{kind}, again"), large.bytes);
    assert_eq!(report.unwrap_or_else(|error| panic!("{kind}: {error:#}")).migrations.len(), 1, "{kind}");
    assert_eq!(told.into_inner(), large.statements, "{kind}");
    assert!(done.into_inner() > large.bytes / 3, "{kind}");
    assert_eq!(count(&mut db).await, large.rows, "{kind}");
    let sql = "SELECT count(*) FROM whimbrel_history WHERE version = 2 AND event IN ('statement', 'applied')";
    let rows = db.query(sql, &[]).await.expect("a history");
    assert_eq!(rows[0].read::<i64>(0).expect("a number"), 1, "{kind}: one transaction");
}

#[tokio::test]
async fn a_large_script_takes_little_memory_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.db");
    let open = async || (Sqlite::open(&path).await.expect("a file"), None);
    is_bounded("SQLite", "SELECT 1;", allowed(None), open).await;
}

#[tokio::test]
async fn a_large_script_takes_little_memory_on_postgresql() {
    let database = Database::new(ServerKind::Postgres).await;
    let open = async || {
        let db: Either = database.open().await;
        let backend = db.session().to_string();
        (db, Some(backend))
    };
    is_bounded("PostgreSQL", "SELECT 1;", allowed(Some(ServerKind::Postgres)), open).await;
}

#[tokio::test]
async fn a_large_script_takes_little_memory_on_mysql_and_mariadb() {
    for kind in kinds().into_iter().filter(|kind| *kind != ServerKind::Postgres) {
        // Its memory is looked at as a whole: what it keeps of tables is kept small.
        let options = ServerOptions::new(kind)
            .with_setting("max_allowed_packet", "1048576")
            .with_setting("innodb_buffer_pool_size", "16M");
        let server = Server::start(&options).expect("a server");
        let database = Database::on(&server).await;
        let process = server.pid().expect("a server of our own").to_string();
        let open = async || (database.open().await, Some(process.clone()));
        is_bounded(&kind.to_string(), "DO 0;", allowed(Some(kind)), open).await;
        a_statement_larger_than_a_message_is_refused_before_its_script_begins(&server).await;
    }
}
