//! Row 25: a probe that answers nonsense, or fails, is no reason to go on.

use std::any::Any;
use std::time::Duration;

use rusqlite::Connection;
use whimbrel::{
    Answers, Dialect, Driver, DriverError, ErrorClass, Memory, Message, Migrator, Preflight, Rows, Value,
    async_trait,
};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Fake, ServerKind};
use whimbrel_tests::either::{Database, kinds};

/// What becomes of the answer to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twist {
    /// An error: the question was wrong, may not be asked, or nobody knows.
    Error(ErrorClass),
    /// All values are missing.
    Nulls,
    /// All values are a text that means nothing.
    Garbage,
    /// All values are bytes.
    Bytes,
    /// The rows have no columns.
    NoColumns,
}

const TWISTS: [Twist; 7] = [
    Twist::Error(ErrorClass::Sql),
    Twist::Error(ErrorClass::Permission),
    Twist::Error(ErrorClass::ConnectionLost),
    Twist::Nulls,
    Twist::Garbage,
    Twist::Bytes,
    Twist::NoColumns,
];

/// On servers, where each attempt costs a connection.
const FEWER: [Twist; 3] = [Twist::Error(ErrorClass::Sql), Twist::Nulls, Twist::Garbage];

/// Passes everything on, but for the answers to a query, or to that one and all that follow.
struct Twisted<D> {
    inner: D,
    twist: Twist,
    first: usize,
    last: usize,
    queries: usize,
    asked: Vec<String>,
}

impl<D> Twisted<D> {
    fn reached(&self) -> bool {
        self.queries >= self.first
    }

    fn twisted(&self, rows: &Rows) -> Result<Rows, DriverError> {
        let value = match self.twist {
            Twist::Error(class) => return Err(DriverError::new(class, "the probe is broken")),
            Twist::Nulls | Twist::NoColumns => Value::Null,
            Twist::Garbage => Value::Text("}nonsense{".to_owned()),
            Twist::Bytes => Value::Blob(vec![0xff, 0, 1]),
        };
        let width =
            if self.twist == Twist::NoColumns { 0 } else { rows.first().map_or(1, |row| row.values().len()) };
        let answer = vec![vec![value; width]; rows.len().max(1)];
        Ok(Rows::new((0..width).map(|column| column.to_string()).collect(), answer, 0))
    }
}

#[async_trait]
impl<D: Driver> Driver for Twisted<D> {
    fn dialect(&self) -> &Dialect {
        self.inner.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        self.inner.execute(messages, answers).await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.queries += 1;
        self.asked.push(sql.to_owned());
        let answer = self.inner.query(sql, values).await;
        if !(self.first..=self.last).contains(&self.queries) {
            return answer;
        }
        if self.twist == Twist::Error(ErrorClass::ConnectionLost) {
            self.inner.close();
        }
        self.twisted(&answer.unwrap_or_default())
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

fn base() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);")
}

/// Tries again at once what has failed.
fn impatient(set: &Memory) -> Migrator<'_> {
    Migrator::new(set).with_failure_pause(Duration::ZERO)
}

/// A run that has to be refused, and would do damage: the first migration was changed, the environment is another one, one
/// was merged late.
fn refused() -> Vec<(&'static str, Memory, &'static str)> {
    let damage = |memory: Memory| memory.with_sql(9, "damage", "INSERT INTO t VALUES (666);");
    vec![
        (
            "changed",
            damage(Memory::new().with_sql(1, "t", "CREATE TABLE t (n TEXT);").with_sql(3, "c", "SELECT 1;")),
            "test",
        ),
        ("another environment", damage(base().with_sql(3, "c", "SELECT 1;")), "production"),
        ("late", damage(base().with_sql(2, "late", "DELETE FROM t;").with_sql(3, "c", "SELECT 1;")), "test"),
    ]
}

/// What was done before: under the environment `test`.
fn applied() -> Memory {
    base().with_sql(3, "c", "SELECT 1;")
}

/// Breaks each query of each run that has to be refused, in each way; answers how many were broken.
async fn none_may_pass<D: Driver>(what: &str, twists: &[Twist], connect: impl AsyncFn() -> D) -> usize {
    let mut broken = 0;
    Migrator::new(applied())
        .with_environment("test")
        .run(&mut connect().await)
        .await
        .expect("an empty database");
    for (case, set, environment) in refused() {
        for &twist in twists {
            for to_the_end in [false, true] {
                for first in 1.. {
                    let last = if to_the_end { usize::MAX } else { first };
                    let mut db =
                        Twisted { inner: connect().await, twist, first, last, queries: 0, asked: Vec::new() };
                    let result = impatient(&set).with_environment(environment).run(&mut db).await;
                    let told =
                        format!("{what}: {case}: {twist:?} from query {first}, to the end: {to_the_end}");
                    assert!(result.is_err(), "{told}: {result:?}");
                    let reached = db.reached();
                    drop(db);
                    let rows =
                        connect().await.query("SELECT n FROM t", &[]).await.expect("the table is there");
                    assert_eq!(rows.len(), 0, "{told}: the damage is done");
                    if !reached {
                        break;
                    }
                    broken += 1;
                }
            }
        }
    }
    // Where a run is right, it is done once or not at all, and never said to be done when it is not.
    for (number, &twist) in (10..).zip(twists) {
        let set = applied().with_sql(number, "row", format!("INSERT INTO t VALUES ({number});"));
        for first in 1.. {
            let mut db =
                Twisted { inner: connect().await, twist, first, last: first, queries: 0, asked: Vec::new() };
            let result = impatient(&set).with_environment("test").run(&mut db).await;
            let reached = db.reached();
            drop(db);
            let sql = format!("SELECT n FROM t WHERE n = {number}");
            let rows = connect().await.query(&sql, &[]).await.expect("the table is there").len();
            assert!(rows <= 1, "{what}: {twist:?} at query {first}: done twice");
            assert!(result.is_err() || rows == 1, "{what}: {twist:?} at query {first}: {result:?}");
            if !reached || rows == 1 {
                break;
            }
            broken += 1;
        }
    }
    broken
}

#[tokio::test]
async fn threat_25_no_probe_that_fails_or_answers_nonsense_lets_a_run_pass() {
    let fake = Fake::new();
    let broken = none_may_pass("fake", &TWISTS, async || fake.another()).await;
    assert!(broken > 40, "{broken}");
    let folder = whimbrel_tests::memory_folder();
    let path = folder.path().join("app.db");
    let broken = none_may_pass("sqlite", &TWISTS, async || Sqlite::open(&path).await.expect("a file")).await;
    assert!(broken > 40, "{broken}");
    for kind in kinds() {
        let database = Database::new(kind).await;
        let broken = none_may_pass(&kind.to_string(), &FEWER, async || database.open().await).await;
        assert!(broken > 20, "{kind}: {broken}");
    }
    unbaselined_and_foreign_keys().await;
}

#[tokio::test]
async fn threat_25_a_preflight_that_cannot_find_something_out_lets_no_plan_pass() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let user = database.user().await;
        let mut admin = database.open().await;
        let grant = match kind {
            ServerKind::Postgres => format!("GRANT USAGE, CREATE ON SCHEMA public TO {user}"),
            _ => format!("GRANT ALL ON {}.* TO {user}", database.name),
        };
        admin.run(&grant).await;
        let url = database.url_of(&user);
        let twisted = async |twist, at| {
            let inner = Database::connect(&url).await;
            Twisted { inner, twist, first: at, last: at, queries: 0, asked: Vec::new() }
        };
        let set = base();
        let strict = || impatient(&set).with_preflight(Preflight::new().without_superuser().with_rights());
        // Which query asks it: who connects is a superuser, so that it is the last one that matters.
        let superuser = admin.dialect().preflight.expect("it can be asked").superuser;
        let inner = database.open().await;
        let mut db =
            Twisted { inner, twist: Twist::Nulls, first: 99, last: 99, queries: 0, asked: Vec::new() };
        strict().run(&mut db).await.expect_err("a superuser");
        let probe = 1 + db.asked.iter().position(|sql| sql.contains(superuser)).expect("it is asked");
        for twist in TWISTS {
            for at in [probe, probe + 1] {
                let (db, result) = loop {
                    let mut db = twisted(twist, at).await;
                    let result = strict().run(&mut db).await;
                    if db.asked.get(probe - 1).is_some_and(|sql| sql.contains(superuser)) {
                        break (db, result);
                    }
                    // The lock of the connection before was not given back yet, so that more was asked before, and
                    // another query was twisted.
                    for table in ["t", "whimbrel_history"] {
                        admin.run(&format!("DROP TABLE IF EXISTS {table}")).await;
                    }
                };
                let error = result.expect_err("what was asked for is not known");
                assert!(db.reached(), "{kind}: {twist:?} at query {at}: {error:#}");
                assert!(
                    admin.try_run("SELECT * FROM t").await.is_err(),
                    "{kind}: {twist:?} at {at}: {error:#}"
                );
            }
        }
        let found = strict().run(&mut Database::connect(&url).await).await;
        let unknown =
            found.as_ref().err().is_some_and(|error| format!("{error:#}").contains("cannot be found out"));
        // On MySQL 5.7 rights cannot be found out.
        assert!(found.is_ok() || (kind == ServerKind::MySql && unknown), "{kind}: {found:?}");
    }
}

/// Tables without a history, and a rebuild that breaks a key: what looks for them fails.
async fn unbaselined_and_foreign_keys() {
    let folder = whimbrel_tests::memory_folder();
    let path = folder.path().join("other.db");
    let db = Connection::open(&path).expect("a file");
    db.execute_batch("CREATE TABLE t (n INTEGER)").expect("a table");
    let rebuild = Memory::new()
        .with_sql(
            1,
            "people",
            "CREATE TABLE people (id INTEGER PRIMARY KEY);\nCREATE TABLE pets (owner REFERENCES people);",
        )
        .with_sql(2, "rows", "INSERT INTO people VALUES (1);\nINSERT INTO pets VALUES (1);")
        .with_sql(3, "rebuild", "-- whimbrel: foreign_keys=off\nDELETE FROM people;");
    for twist in TWISTS {
        for first in 1.. {
            let inner = Sqlite::open(&path).await.expect("a file");
            let mut twisted = Twisted { inner, twist, first, last: first, queries: 0, asked: Vec::new() };
            let set = Memory::new().with_sql(1, "damage", "INSERT INTO t VALUES (666);");
            let result = impatient(&set).run(&mut twisted).await;
            assert!(result.is_err(), "tables without a history: {twist:?} at query {first}");
            let rows: i64 = db.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).expect("a count");
            assert_eq!(rows, 0, "tables without a history: {twist:?} at query {first}");
            if !twisted.reached() {
                break;
            }
        }
        for first in 1.. {
            let path = folder.path().join(format!("{twist:?}-{first}.db"));
            let inner = Sqlite::open(&path).await.expect("a file");
            let mut twisted = Twisted { inner, twist, first, last: first, queries: 0, asked: Vec::new() };
            let result = impatient(&rebuild).run(&mut twisted).await;
            assert!(result.is_err(), "a broken key: {twist:?} at query {first}");
            let reached = twisted.reached();
            drop(twisted);
            let db = Connection::open(&path).expect("a file");
            let broken =
                db.query_row("SELECT count(*) FROM pragma_foreign_key_check", (), |row| row.get::<_, i64>(0));
            assert_eq!(broken.expect("a count"), 0, "a broken key: {twist:?} at query {first}");
            if !reached {
                break;
            }
        }
    }
}
