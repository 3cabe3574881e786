//! The driver by itself, against a real server: how answers are counted, how errors are sorted, and what is left behind when
//! a call is cut short.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use whimbrel::script::Script;
use whimbrel::{
    Answers, DatabaseUrl, Driver, DriverError, Effect, ErrorClass, ErrorKind, Memory, Message, Migrator,
    Progress, Secret, SessionNumber, SurveyQuery, TableName, Value,
};
use whimbrel_postgres::tokio_postgres::{self, Client, NoTls};
use whimbrel_postgres::{ConnectOptions, DIALECT, Postgres};
use whimbrel_testkit::{Server, ServerKind};

/// A database of its own, and a runtime.
struct Bench {
    runtime: Runtime,
    name: String,
}

impl Bench {
    fn new() -> Self {
        let name = Server::unique_name();
        let bench = Self { runtime: Runtime::new().expect("a runtime"), name: "postgres".to_owned() };
        bench
            .runtime
            .block_on(async { run(&mut bench.open().await, &format!("CREATE DATABASE {name}")).await });
        Self { name, ..bench }
    }

    fn url(&self) -> DatabaseUrl {
        let server = Server::shared(ServerKind::Postgres).expect("a server");
        server.url(&self.name).parse().expect("a URL")
    }

    async fn open(&self) -> Postgres {
        Postgres::connect(&self.url()).await.expect("a connection")
    }

    fn with(test: impl AsyncFnOnce(&Bench)) {
        let bench = Self::new();
        bench.runtime.block_on(test(&bench));
    }
}

async fn try_run(db: &mut Postgres, sql: &str) -> Result<(), DriverError> {
    db.execute(&[Message::new(sql, 1)], &mut Answers::new()).await
}

async fn run(db: &mut Postgres, sql: &str) {
    try_run(db, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn failing(db: &mut Postgres, sql: &str) -> DriverError {
    try_run(db, sql).await.expect_err(sql)
}

async fn text(db: &mut Postgres, sql: &str) -> Option<String> {
    db.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"))[0].read(0).expect("a text")
}

async fn number(db: &mut Postgres, sql: &str) -> i64 {
    db.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"))[0].read(0).expect("a number")
}

/// Until something holds, for ten seconds.
async fn until(db: &mut Postgres, condition: &str) {
    let began = Instant::now();
    while number(db, &format!("SELECT ({condition})::int")).await == 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "{condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn answers_are_counted_by_message_and_told_as_they_come() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        let mut told = Vec::new();
        let mut watch = |progress| told.push(progress);
        let mut answers = Answers::watched(&mut watch);
        let messages = [
            Message::new("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2);; SELECT * FROM t -- x", 3),
            Message::new("SELECT generate_series(1, 200000)", 1),
            Message::new("SELECT 1; SELECT 1/0; SELECT 1", 3),
            Message::new("SELECT 1", 1),
        ];
        let error = db.execute(&messages, &mut answers).await.expect_err("a division by zero");
        assert_eq!((error.class(), error.code()), (ErrorClass::Sql, Some("22012")));
        let counts: Vec<usize> = answers.messages().iter().map(|answer| answer.statements).collect();
        assert_eq!((counts, answers.statements()), (vec![3, 1], 1));
        drop(answers);
        let statements = told.iter().filter(|told| matches!(told, Progress::Statement { .. })).count();
        assert_eq!((statements, told.len()), (5, 7));
        // The connection goes on, and a message behind the failed one did run: it stands by itself.
        assert_eq!(number(&mut db, "SELECT count(*) FROM t").await, 2);
    });
}

#[test]
fn errors_are_sorted_by_their_codes_and_quote_no_values() {
    Bench::with(async |bench| {
        let (mut db, mut other) = (bench.open().await, bench.open().await);
        for sql in [
            "CREATE TABLE parents (id int PRIMARY KEY, n int NOT NULL CHECK (n < 1000), word varchar(9))",
            "INSERT INTO parents VALUES (7777, 1)",
            "CREATE TABLE children (parent int REFERENCES parents)",
            "CREATE ROLE whimbrel_nobody",
        ] {
            // Roles are the server's, which tests share.
            if try_run(&mut db, sql).await.is_err() {
                assert!(sql.starts_with("CREATE ROLE"), "{sql}");
            }
        }
        run(&mut other, "BEGIN; LOCK TABLE children").await;
        let cases = [
            ("SELEC 'MARKER'", ErrorClass::Sql, "42601"),
            ("SELECT * FROM nothing", ErrorClass::Sql, "42P01"),
            ("SELECT 'MARKER'::int", ErrorClass::Sql, "22P02"),
            ("SELECT 'MARKER'::timestamptz", ErrorClass::Sql, "22007"),
            ("SELECT '\"MARKER'::jsonb", ErrorClass::Sql, "22P02"),
            ("SELECT set_config('work_mem', 'MARKER', false)", ErrorClass::Sql, "22023"),
            ("INSERT INTO parents VALUES (1, 1, 'MARKER MARKER')", ErrorClass::Sql, "22001"),
            ("DO $$ BEGIN RAISE EXCEPTION 'it is %', 'MARKER'; END $$", ErrorClass::Sql, "P0001"),
            ("DO $$ BEGIN ASSERT false, 'MARKER'; END $$", ErrorClass::Sql, "P0004"),
            ("INSERT INTO parents VALUES (7777, 2, 'MARKER')", ErrorClass::Constraint, "23505"),
            ("INSERT INTO parents VALUES (2, NULL, 'MARKER')", ErrorClass::Constraint, "23502"),
            ("INSERT INTO parents VALUES (3, 5000, 'MARKER')", ErrorClass::Constraint, "23514"),
            ("INSERT INTO children VALUES (-1)", ErrorClass::Busy, "55P03"),
            ("SET LOCAL ROLE whimbrel_nobody; CREATE TABLE x (id int)", ErrorClass::Permission, "42501"),
            ("SET LOCAL transaction_read_only = on; CREATE TABLE x (id int)", ErrorClass::ReadOnly, "25006"),
            ("SET LOCAL statement_timeout = 20; SELECT pg_sleep(9)", ErrorClass::Other, "57014"),
            ("VACUUM parents", ErrorClass::Sql, "25001"),
            ("SAVEPOINT s; ROLLBACK TO r", ErrorClass::Sql, "3B001"),
        ];
        for (sql, class, code) in cases {
            run(&mut db, "BEGIN; SET LOCAL lock_timeout = 50").await;
            let error = failing(&mut db, sql).await;
            assert_eq!((error.class(), error.code()), (class, Some(code)), "{sql}: {error}");
            let shown = format!("{error} {error:?}");
            // What the script itself says is the engine's to take out.
            assert!(code == "42601" || !shown.contains("MARKER"), "{shown}");
            let aborted = failing(&mut db, "SELECT 1").await;
            assert_eq!((aborted.class(), aborted.code()), (ErrorClass::InTransaction, Some("25P02")));
            run(&mut db, "ROLLBACK").await;
        }
        let outside = failing(&mut db, "RELEASE SAVEPOINT whimbrel").await;
        assert_eq!((outside.class(), outside.code()), (ErrorClass::NoTransaction, Some("25P01")));
        run(&mut other, "ROLLBACK").await;
        let private = failing(&mut db, "INSERT INTO parents VALUES (7777, 2, 'MARKER')").await;
        assert!(private.private().is_some_and(|private| private.contains("7777")), "{private:?}");
        let private = failing(&mut db, "SELECT 'MARKER'::int").await;
        assert!(private.private().is_some_and(|private| private.contains("MARKER")), "{private:?}");
        let hint = failing(&mut db, "SELECT wrod FROM parents").await;
        assert!(hint.hint().is_some_and(|hint| hint.contains("word")), "{hint:?}");
    });
}

#[test]
fn deadlocks_and_serialization_failures_are_conflicts() {
    Bench::with(async |bench| {
        let (mut one, mut two) = (bench.open().await, bench.open().await);
        run(&mut one, "CREATE TABLE a (id int)").await;
        run(&mut one, "CREATE TABLE b (id int)").await;
        run(&mut one, "BEGIN; SET LOCAL deadlock_timeout = '50ms'; LOCK TABLE a").await;
        run(&mut two, "BEGIN; SET LOCAL deadlock_timeout = '10s'; LOCK TABLE b").await;
        let (lost, won) = tokio::join!(try_run(&mut one, "LOCK TABLE b"), try_run(&mut two, "LOCK TABLE a"));
        let lost = lost.expect_err("the victim");
        assert_eq!((lost.class(), lost.code()), (ErrorClass::Conflict, Some("40P01")));
        won.expect("the other one");
        run(&mut one, "ROLLBACK").await;
        run(&mut two, "ROLLBACK").await;
        run(&mut two, "INSERT INTO a VALUES (1)").await;
        run(&mut one, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM a").await;
        run(&mut two, "UPDATE a SET id = 2").await;
        let lost = failing(&mut one, "UPDATE a SET id = 3").await;
        assert_eq!((lost.class(), lost.code()), (ErrorClass::Conflict, Some("40001")));
    });
}

#[test]
fn offsets_are_bytes_into_the_message() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        let sql = "SELECT 'äöü 🐦'; SELECT 1 -- é\n; SELECT nothing_here";
        let error = failing(&mut db, sql).await;
        assert_eq!(error.offset(), sql.find("nothing_here"));
        let end = failing(&mut db, "SELECT 'ä' FROM").await;
        assert_eq!(end.offset(), Some("SELECT 'ä' FROM".len()));
    });
}

#[test]
fn what_is_cut_short_is_cancelled_and_what_waits_is_not_sent() {
    Bench::with(async |bench| {
        let (mut db, mut other) = (bench.open().await, bench.open().await);
        let pid = text(&mut db, "SELECT pg_backend_pid()").await.expect("a number");
        let mut messages = vec![Message::new("SELECT pg_sleep(60)", 1)];
        // More than sockets take.
        let long = format!("CREATE TABLE t (id int) /* {} */", "x".repeat(1 << 20));
        messages.extend((0..30).map(|_| Message::new(long.as_str(), 1)));
        {
            let mut answers = Answers::new();
            let call = db.execute(&messages, &mut answers);
            assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
        }
        until(&mut other, &format!("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid})")).await;
        let error = failing(&mut db, "SELECT 1").await;
        assert_eq!(error.class(), ErrorClass::ConnectionLost);
        assert!(db.into_client().is_err());
    });
}

#[test]
fn a_client_cut_short_is_not_given_back() {
    Bench::with(async |bench| {
        let (client, connection) = connect(bench).await;
        tokio::spawn(connection);
        let mut db = Postgres::from_client(Box::new(client));
        let mut answers = Answers::new();
        let messages = [Message::new("SELECT pg_sleep(1)", 1)];
        let call = db.execute(&messages, &mut answers);
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
        assert!(db.into_client().is_err());
    });
}

async fn connect(
    bench: &Bench,
) -> (Client, tokio_postgres::Connection<tokio_postgres::Socket, tokio_postgres::tls::NoTlsStream>) {
    let server = Server::shared(ServerKind::Postgres).expect("a server");
    tokio_postgres::connect(&server.url(&bench.name), NoTls).await.expect("a connection")
}

#[test]
fn closing_rolls_back_and_answers_lost_from_then_on() {
    Bench::with(async |bench| {
        let (mut db, mut other) = (bench.open().await, bench.open().await);
        run(&mut db, "CREATE TABLE t (id int)").await;
        run(&mut db, "BEGIN; DROP TABLE t").await;
        db.close();
        until(&mut other, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()")
            .await;
        assert_eq!(number(&mut other, "SELECT count(*) FROM t").await, 0);
        for _ in 0..2 {
            let error = db.query("SELECT 1", &[]).await.expect_err("closed");
            assert_eq!(error.class(), ErrorClass::ConnectionLost);
            db.close();
        }
        assert!(db.native().downcast_mut::<Client>().is_none());
    });
}

#[test]
fn a_server_that_ends_the_session_leaves_the_outcome_unknown() {
    Bench::with(async |bench| {
        let (mut db, mut other) = (bench.open().await, bench.open().await);
        let pid = text(&mut db, "SELECT pg_backend_pid()").await.expect("a number");
        let kill = format!("SELECT pg_sleep(0.2), pg_terminate_backend({pid})");
        let (ended, _) = tokio::join!(try_run(&mut db, "SELECT pg_sleep(60)"), try_run(&mut other, &kill));
        let ended = ended.expect_err("terminated");
        assert_eq!((ended.class(), ended.code()), (ErrorClass::ConnectionLost, Some("57P01")));
        assert!(db.into_client().is_err());
    });
}

#[test]
fn notices_block_nothing() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        run(
            &mut db,
            "DO $$ BEGIN FOR i IN 1..100000 LOOP RAISE NOTICE 'a notice of some length'; END LOOP; END $$",
        )
        .await;
        assert_eq!(number(&mut db, "SELECT 1").await, 1);
    });
}

#[test]
fn a_sound_client_is_given_back_and_works() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        run(&mut db, "CREATE TABLE t (id int)").await;
        let client = db.into_client().expect("it is sound");
        assert_eq!(client.execute("INSERT INTO t VALUES (1)", &[]).await.expect("it works"), 1);
    });
}

#[test]
fn the_number_that_the_client_was_told_is_the_sessions() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        let session = format!("SELECT {}", DIALECT.lock.expect("a lock").session);
        assert_eq!(SessionNumber::Known(number(&mut db, &session).await), db.dialect().session);
        let (client, connection) = connect(bench).await;
        tokio::spawn(connection);
        let mut db = Postgres::from_client(Box::new(client));
        assert_eq!(SessionNumber::Known(number(&mut db, &session).await), db.dialect().session);
        assert_eq!(db.with_sessions_kept().dialect().session, SessionNumber::Vouched);
    });
}

#[test]
fn bound_values_take_the_type_of_their_place() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        run(
            &mut db,
            "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE t (i int, b boolean, n numeric, f real, u uuid, \
             z timestamptz, y bytea, j jsonb, m mood, t text)",
        )
        .await;
        let uuid = "12345678-9abc-def0-1234-56789abcdef0";
        let values: [Value; 10] = [
            7.into(),
            true.into(),
            12.into(),
            1.5.into(),
            uuid.into(),
            "2026-11-22T00:00:00Z".into(),
            vec![0_u8, 255].into(),
            "{\"a\": 1}".into(),
            "good".into(),
            Value::Null,
        ];
        let insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        assert_eq!(db.query(insert, &values).await.expect("they fit").affected(), 1);
        let sql = "SELECT i, b, f, u, y, j, m, t, n::text FROM t WHERE i = $1";
        let rows = db.query(sql, &[7.into()]).await.expect("a row");
        assert_eq!(rows.affected(), 0);
        let row = &rows[0];
        assert_eq!(row.read::<i64>(0), Ok(7));
        assert_eq!(row.column::<bool>("b"), Ok(true));
        assert_eq!(row.read::<f64>(2), Ok(1.5));
        assert_eq!(row.read::<String>(3), Ok(uuid.to_owned()));
        assert_eq!(row.read::<Vec<u8>>(4), Ok(vec![0, 255]));
        assert_eq!(row.read::<String>(5), Ok("{\"a\": 1}".to_owned()));
        assert_eq!(row.read::<String>(6), Ok("good".to_owned()));
        assert_eq!(row.read::<Option<String>>(7), Ok(None));
        assert_eq!(row.read::<String>(8), Ok("12".to_owned()));
        let error = db.query("SELECT n FROM t WHERE i = $1", &[7.into()]).await.expect_err("numeric");
        assert!(error.message().contains("cast it to text"), "{error}");
        // Without values every type is text.
        let rows = db.query("SELECT i, b, n FROM t", &[]).await.expect("a row");
        assert_eq!(
            (rows[0].read(0), rows[0].read(1), rows[0].read(2)),
            (Ok(7), Ok(true), Ok("12".to_owned()))
        );
        assert_eq!(db.query("UPDATE t SET i = 8", &[]).await.expect("an update").affected(), 1);
        let returned = db.query("DELETE FROM t WHERE i = $1 RETURNING i", &[8.into()]).await.expect("a row");
        assert_eq!((returned.affected(), returned.len()), (1, 1));
        let error = db.query("SELECT 1; SELECT 2", &[]).await.expect_err("two");
        assert_eq!(error.class(), ErrorClass::Sql);
    });
}

#[test]
fn the_first_statement_of_a_transaction_is_not_inside_one() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        let idle = format!("SELECT {}", DIALECT.history.idle.expect("it can be told"));
        assert_eq!(number(&mut db, &idle).await, 1);
        run(&mut db, "BEGIN").await;
        assert_eq!(number(&mut db, &idle).await, 0);
        run(&mut db, "COMMIT").await;
        assert_eq!(number(&mut db, &idle).await, 1);
    });
}

#[test]
fn settings_come_back() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        run(&mut db, "DROP ROLE IF EXISTS whimbrel_other; CREATE ROLE whimbrel_other").await;
        run(&mut db, "SET search_path = 'a b', public; SET ROLE whimbrel_other; SET work_mem = '5MB'").await;
        let mine = "SELECT concat_ws('|', current_setting('search_path'), current_user, session_user, \
                    current_setting('work_mem'), current_setting('statement_timeout'))";
        let before = text(&mut db, mine).await;
        let settings = DIALECT.settings;
        let saved = text(&mut db, &format!("SELECT {}", settings.snapshot[0])).await.expect("a statement");
        run(
            &mut db,
            "RESET ROLE; SET SESSION AUTHORIZATION whimbrel_other; SET search_path = c; SET work_mem = '6MB'",
        )
        .await;
        run(&mut db, "SET statement_timeout = 5000").await;
        run(&mut db, settings.reset[0]).await;
        run(&mut db, &saved).await;
        assert_eq!(text(&mut db, mine).await, before);
        // In a transaction that is then rolled back it is as it was, too.
        run(&mut db, "BEGIN").await;
        run(&mut db, settings.fix.expect("there is a fix")).await;
        let saved = text(&mut db, &format!("SELECT {}", settings.snapshot[0])).await.expect("a statement");
        assert!(!saved.contains("transaction_"), "{saved}");
        run(&mut db, settings.reset[0]).await;
        run(&mut db, &saved).await;
        run(&mut db, "COMMIT").await;
        assert_eq!(text(&mut db, mine).await, before);
    });
}

#[test]
fn the_lock_is_one_sessions_and_its_holder_is_named() {
    Bench::with(async |bench| {
        let (mut db, mut other) = (bench.open().await, bench.open().await);
        let lock = DIALECT.lock.expect("a lock");
        // Also one whose number is negative.
        let tables = (0..).map(|n| TableName::new(&format!("t{n}")).expect("a name"));
        let tables: Vec<TableName> = [true, false]
            .iter()
            .filter_map(|sign| tables.clone().find(|t| (t.lock_key() < 0) == *sign))
            .collect();
        for table in &tables {
            let ask = |expression: fn(&TableName) -> String| format!("SELECT {}", expression(table));
            assert_eq!(text(&mut db, &ask(lock.holder)).await, None);
            assert_eq!(number(&mut db, &ask(lock.take)).await, 1);
            assert_eq!(number(&mut db, &ask(lock.held)).await, 1);
            assert_eq!(number(&mut other, &ask(lock.held)).await, 0);
            assert_eq!(number(&mut other, &ask(lock.take)).await, 0);
            let transaction = lock.transaction.expect("one that ends with the transaction");
            assert_eq!(number(&mut other, &ask(transaction)).await, 0);
            let holder = text(&mut other, &ask(lock.holder)).await.expect("a holder");
            assert!(holder.starts_with("server process ") && holder.contains(" of postgres"), "{holder}");
            assert_eq!(number(&mut db, &ask(lock.release)).await, 1);
            assert_eq!(number(&mut other, &ask(transaction)).await, 1);
            // Which has ended with its statement.
            assert_eq!(number(&mut db, &ask(lock.take)).await, 1);
            assert_eq!(number(&mut db, &ask(lock.release)).await, 1);
        }
    });
}

#[test]
fn an_assertion_fails_unless_its_condition_holds() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        let flight = DIALECT.flight.expect("flights");
        run(&mut db, &(flight.assert)("true")).await;
        for condition in ["false", "NULL::boolean", "EXISTS (SELECT 1 WHERE false)"] {
            assert_eq!(
                failing(&mut db, &(flight.assert)(condition)).await.code(),
                Some("22012"),
                "{condition}"
            );
        }
        let mine = (flight.assert)(&format!("EXISTS (SELECT 1 FROM t WHERE {})", flight.mine));
        run(&mut db, "CREATE TABLE t (id int)").await;
        run(&mut db, "BEGIN; INSERT INTO t VALUES (1)").await;
        run(&mut db, &mine).await;
        run(&mut db, "COMMIT; BEGIN").await;
        assert_eq!(failing(&mut db, &mine).await.code(), Some("22012"));
    });
}

#[test]
fn the_survey_tells_tables_and_histories_elsewhere_and_schemas_passed_over() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        run(
            &mut db,
            "CREATE SCHEMA ops; CREATE TABLE ops.whimbrel_history (id int); CREATE TABLE items (id int); \
             CREATE SCHEMA \"For, bidden\"; CREATE SCHEMA later; DROP ROLE IF EXISTS whimbrel_surveyor; \
             CREATE ROLE whimbrel_surveyor",
        )
        .await;
        run(
            &mut db,
            "SET search_path = \"For, bidden\", \"$user\", public, later; SET ROLE whimbrel_surveyor",
        )
        .await;
        async fn survey(db: &mut Postgres, table: &TableName) -> Vec<(String, i64)> {
            let query = SurveyQuery { table, known: &[], made: &[], places: &[] };
            let rows = db.query(&(DIALECT.history.survey)(&query), &[]).await.expect("a survey");
            rows.iter().map(|row| (row.read(0).expect("a name"), row.read(1).expect("a kind"))).collect()
        }
        let name = |name: &str, kind| (name.to_owned(), kind);
        let table = TableName::default();
        // Tables count wherever they are; a history elsewhere is told as that as well.
        assert_eq!(
            survey(&mut db, &table).await,
            [name("items", 0), name("ops.whimbrel_history", 0), name("ops", 2), name("For, bidden", 3)]
        );
        let configured = TableName::new("ops.whimbrel_history").expect("a name");
        let found = survey(&mut db, &configured).await;
        assert_eq!(found, [name("ops.whimbrel_history", 1), name("items", 0)]);
    });
}

#[test]
fn what_is_left_of_an_index_built_concurrently_can_be_told() {
    Bench::with(async |bench| {
        let (mut db, mut other) = (bench.open().await, bench.open().await);
        run(
            &mut db,
            "CREATE SCHEMA s; CREATE TABLE s.t (a int, b int); INSERT INTO s.t VALUES (1, 1), (1, 2)",
        )
        .await;
        let effects = DIALECT.effects.expect("they can be told");
        let parsed = |sql: &str| -> (String, String, String) {
            let script = Script::parse(sql, &DIALECT.lexing).expect("a script");
            let effect = Effect::of(&script.statements()[0]).expect("on one object");
            let object = (effects.object)(&effect).expect("it leads to something");
            let mark = (effects.mark)(&effect, &object).expect("a mark");
            let state = (effects.state)(&effect, &object).expect("a state");
            let drop = (effects.leftovers)(&effect, &object, "NULL").unwrap_or_else(|| "NULL".to_owned());
            (format!("SELECT {mark}"), format!("SELECT {state}"), format!("SELECT {drop}"))
        };
        let create = "CREATE UNIQUE INDEX CONCURRENTLY By_A ON s.T (a)";
        let (mark, state, drop) = parsed(create);
        let absent = text(&mut db, &mark).await;
        assert_eq!(text(&mut db, &state).await.as_deref(), Some("absent"));
        assert_eq!(failing(&mut db, create).await.code(), Some("23505"));
        assert_eq!(text(&mut db, &state).await.as_deref(), Some("invalid"));
        assert_ne!(text(&mut db, &mark).await, absent);
        let drop = text(&mut db, &drop).await.expect("something is left");
        assert_eq!(drop, "DROP INDEX CONCURRENTLY s.by_a");
        run(&mut db, &drop).await;
        assert_eq!(text(&mut db, &mark).await, absent);
        run(&mut db, "DELETE FROM s.t WHERE b = 2").await;
        // While it is built it is busy.
        run(&mut other, "BEGIN; INSERT INTO s.t VALUES (2, 2)").await;
        let mut third = bench.open().await;
        let build = async {
            run(&mut db, create).await;
        };
        let look = async {
            let began = Instant::now();
            while text(&mut third, &state).await.as_deref() != Some("busy") {
                assert!(began.elapsed() < Duration::from_secs(10), "it is never busy");
            }
            run(&mut other, "COMMIT").await;
        };
        tokio::join!(build, look);
        assert_eq!(text(&mut db, &state).await.as_deref(), Some("present"));
        // What is dropped is known by its number, whatever its name leads to afterwards.
        let script = Script::parse("DROP INDEX CONCURRENTLY s.by_a", &DIALECT.lexing).expect("a script");
        let effect = Effect::of(&script.statements()[0]).expect("on one object");
        let object = (effects.object)(&effect).expect("it leads to something");
        let number = text(&mut db, &format!("SELECT {object}")).await.expect("it is there");
        let number = format!("'{number}'");
        let mark = format!("SELECT {}", (effects.mark)(&effect, &number).expect("a mark"));
        let state = format!("SELECT {}", (effects.state)(&effect, &number).expect("a state"));
        let present = text(&mut db, &mark).await;
        assert_eq!(text(&mut db, &state).await.as_deref(), Some("present"));
        run(&mut db, "DROP INDEX CONCURRENTLY s.by_a").await;
        assert_eq!(text(&mut db, &state).await.as_deref(), Some("absent"));
        assert_ne!(text(&mut db, &mark).await, present);
        // Nobody can tell of an index on another table, or where the name leads to another one.
        run(&mut db, "CREATE TABLE s.u (a int); CREATE INDEX by_b ON s.u (a)").await;
        let (_, state, _) = parsed("CREATE INDEX CONCURRENTLY by_b ON s.t (b)");
        assert_eq!(text(&mut db, &state).await, None);
    });
}

#[test]
fn statements_that_want_no_transaction_are_refused_in_one_as_the_server_refuses_them() {
    Bench::with(async |bench| {
        let mut db = bench.open().await;
        run(
            &mut db,
            "CREATE TABLE t (id int PRIMARY KEY); CREATE INDEX i ON t (id); CREATE TABLE p (id int) PARTITION BY LIST (id); \
             CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); \
             CREATE MATERIALIZED VIEW m AS SELECT 1 AS id; CREATE UNIQUE INDEX ON m (id)",
        )
        .await;
        let refused = [
            "CREATE INDEX CONCURRENTLY x ON t (id)",
            "create unique index concurrently x on t (id)",
            "DROP INDEX CONCURRENTLY i",
            "DROP INDEX CONCURRENTLY IF EXISTS i",
            "REINDEX INDEX CONCURRENTLY i",
            "REINDEX (CONCURRENTLY) TABLE t",
            "REINDEX SCHEMA public",
            &format!("REINDEX DATABASE {}", bench.name),
            &format!("REINDEX SYSTEM {}", bench.name),
            "VACUUM",
            "VACUUM (ANALYZE) t",
            "ALTER SYSTEM SET work_mem = '4MB'",
            "CREATE DATABASE whimbrel_never",
            "DROP DATABASE IF EXISTS whimbrel_never",
            "ALTER DATABASE postgres SET TABLESPACE pg_default",
            "CREATE TABLESPACE x LOCATION '/nowhere'",
            "DROP TABLESPACE IF EXISTS whimbrel_never",
            "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
            "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p",
            "DISCARD ALL",
        ];
        let allowed = [
            "CREATE INDEX x ON t (id)",
            "REINDEX TABLE t",
            "ANALYZE",
            "ALTER TABLE p DETACH PARTITION p2",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
            "CLUSTER t USING i",
            "ALTER DATABASE postgres SET work_mem = '4MB'",
        ];
        for (statements, outside) in [(&refused[..], true), (&allowed[..], false)] {
            for sql in statements {
                run(&mut db, "BEGIN").await;
                let answer = try_run(&mut db, sql).await;
                let code = answer.as_ref().err().and_then(DriverError::code);
                // There is no tablespace to be dropped, and the server looks for that first.
                let missing = sql.starts_with("DROP TABLESPACE") || sql.starts_with("CREATE TABLESPACE");
                assert!(missing || code == outside.then_some("25001"), "{sql}: {answer:?}");
                run(&mut db, "ROLLBACK").await;
                let migrations = Memory::new().with_sql(1, "x", *sql);
                let planned = Migrator::new(&migrations)
                    .with_unbaselined(whimbrel::Unbaselined::Allow)
                    .plan(&mut db)
                    .await;
                let said = planned
                    .err()
                    .is_some_and(|error| format!("{error:#}").contains("does not work inside a transaction"));
                assert_eq!(said, outside, "{sql}");
            }
        }
    });
}

#[test]
fn connecting_fails_with_place_cause_and_remedy_and_without_the_secret() {
    let bench = Bench::new();
    bench.runtime.block_on(async {
        let server = Server::shared(ServerKind::Postgres).expect("a server");
        let at = |user: &str, host: &str, rest: &str| -> DatabaseUrl {
            format!("postgres://{user}:MARKER@{host}/{rest}").parse().expect("a URL")
        };
        let here = format!("{}:{}", server.host(), server.port());
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let silent_at = silent.local_addr().expect("a port").to_string();
        let cases = [
            (at("postgres", &here, "there_is_none"), ErrorKind::Configuration, "3D000"),
            (at("there_is_none", &here, "postgres"), ErrorKind::Configuration, "28000"),
            (at("postgres", &closed.to_string(), "postgres"), ErrorKind::Retry, &*closed.to_string()),
            (
                at("postgres", "there-is-none.invalid", "x?sslmode=disable"),
                ErrorKind::Retry,
                "there-is-none.invalid",
            ),
            (at("postgres", "%2Fnowhere", "postgres"), ErrorKind::Retry, "/nowhere"),
            (at("postgres", &here, "postgres?MARKER=1"), ErrorKind::Configuration, "parameter 1"),
            (
                at("postgres", &here, "postgres?connect_timeout=MARKER"),
                ErrorKind::Configuration,
                "parameter 1",
            ),
            (at("postgres", &here, "postgres?sslmode=require"), ErrorKind::Configuration, "speaks no TLS"),
            (at("postgres", &silent_at, "postgres"), ErrorKind::Retry, "no answer within"),
        ];
        let options = ConnectOptions::new().with_timeout(Duration::from_millis(500));
        for (url, kind, part) in cases {
            let error = options.connect(&url).await.expect_err("no connection");
            let shown = format!("{error} {error:#} {error:?}");
            assert!(error.kind() == kind && shown.contains(part) && shown.contains("= "), "{error:#}");
            assert!(!shown.contains("MARKER"), "{shown}");
        }
        // Hosts are tried in their order.
        let several = at("postgres", &format!("{closed},{here}"), "postgres");
        options.connect(&several).await.expect("the second host");
        let mysql = DatabaseUrl::new(whimbrel::Scheme::MySql, "h").with_password(Secret::new("MARKER"));
        assert!(format!("{:#}", options.connect(&mysql).await.expect_err("MySQL")).contains("postgres://"));
        // A server that is not up yet is waited for, if that is asked for.
        let patient = ConnectOptions::new().with_startup_deadline(Duration::from_millis(300));
        let began = Instant::now();
        assert!(patient.connect(&at("postgres", &closed.to_string(), "postgres")).await.is_err());
        assert!(began.elapsed() >= Duration::from_millis(300));
    });
}
