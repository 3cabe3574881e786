//! Bad input and bad weather on real servers: a clear error with its place, its class and what to do, no secret, and nothing
//! half done that the next run does not pick up.
//!
//! What is said of malformed URLs, and the search for secrets, is in `leaks.rs`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use whimbrel::{
    DatabaseUrl, Driver as _, Error, ErrorClass, ErrorKind, FindingKind, Memory, Migrator, Outcome,
    TableName, Unbaselined,
};
use whimbrel_postgres::ConnectOptions;
use whimbrel_testkit::{Server, ServerKind, ServerOptions};
use whimbrel_tests::certificate::{Authority, Lasts};
use whimbrel_tests::either::{Database, Either, kinds};

/// A password that is in no error.
const PASSWORD: &str = "Storm4storm2Storm";

/// Sees that an error is of this kind, and says these words and no secret.
fn says(error: &Error, kind: ErrorKind, words: &[&str]) {
    let text = format!("{error:#}");
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert!(!text.contains(PASSWORD), "{text}");
    println!("{text}\n");
}

fn table() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);")
}

/// A database with `table()`.
async fn prepared(kind: ServerKind) -> Database {
    let database = Database::new(kind).await;
    Migrator::new(table()).run(&mut database.open().await).await.expect("an empty database");
    database
}

fn scheme(kind: ServerKind) -> &'static str {
    if kind == ServerKind::Postgres { "postgres" } else { "mysql" }
}

async fn refused(url: &DatabaseUrl, kind: ErrorKind, words: &[&str]) {
    println!("{url}");
    let error = Either::connect(url).await.map(drop).expect_err("it cannot be");
    says(&error, kind, words);
}

/// Gives the server another certificate for its key.
async fn exchange_certificate(admin: &mut Either, kind: ServerKind, certificate: &std::path::Path) {
    let (place, reload) = match kind {
        ServerKind::Postgres => ("SELECT current_setting('ssl_cert_file')", "SELECT pg_reload_conf()"),
        ServerKind::MariaDb => ("SELECT @@ssl_cert", "FLUSH SSL"),
        _ => ("SELECT @@ssl_cert", "ALTER INSTANCE RELOAD TLS"),
    };
    let path = admin.lines(place).await;
    std::fs::copy(certificate, path.trim_end().trim_end_matches('|')).expect("copied");
    admin.run(reload).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn passwords_certificates_and_limits_are_told_for_what_they_are_and_a_read_only_server_too() {
    for kind in kinds() {
        let authority = Authority::new();
        let mut options = ServerOptions::new(kind)
            .with_tls(authority.certificate("localhost", Lasts::Long), authority.key());
        if kind == ServerKind::Postgres {
            options = options
                .with_access("host all postgres 127.0.0.1/32 trust")
                .with_access("host all all 127.0.0.1/32 scram-sha-256");
        }
        let server = Server::start(&options).expect("a server");
        let database = Database::on(&server).await;
        let (name, port) = (&database.name, server.port());
        let mut admin = database.open().await;
        if kind == ServerKind::Postgres {
            admin.run(&format!("CREATE ROLE app LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1")).await;
            admin.run("GRANT ALL ON SCHEMA public TO app").await;
        } else {
            admin
                .run(&format!("CREATE USER app IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1"))
                .await;
            admin.run(&format!("GRANT ALL ON {name}.* TO app")).await;
        }
        let at = |user: &str, password: &str, host: &str, database: &str, rest: &str| -> DatabaseUrl {
            format!("{}://{user}:{password}@{host}:{port}/{database}{rest}", scheme(kind))
                .parse()
                .expect("a URL")
        };
        let here = format!("{port}");
        let configuration = ErrorKind::Configuration;
        refused(&at("app", "wrong", "127.0.0.1", name, ""), configuration, &["password", &here]).await;
        refused(&at("stranger", PASSWORD, "127.0.0.1", name, ""), configuration, &["user"]).await;
        let elsewhere = at("app", PASSWORD, "127.0.0.1", "there_is_none", "");
        let word = if kind == ServerKind::Postgres { "create the database" } else { "database" };
        refused(&elsewhere, configuration, &[word]).await;
        let full = |host: &str| at("app", PASSWORD, host, name, "?sslmode=verify-full");
        let trusting = |url: DatabaseUrl| url.with_root_certificate(authority.root());
        refused(&full("localhost"), configuration, &["nobody who is trusted", "sslrootcert"]).await;
        refused(&trusting(full("127.0.0.1")), configuration, &["another name: localhost", "verify-ca"]).await;
        let mut only = Database::connect(&trusting(full("localhost"))).await;
        refused(&trusting(full("localhost")), ErrorKind::Retry, &["connections"]).await;

        // A server that may not be written to, with something pending and without.
        Migrator::new(table()).run(&mut only).await.expect("an empty database");
        let pending = table().with_sql(2, "row", "INSERT INTO t VALUES (1, 1);");
        if kind != ServerKind::Postgres {
            // PostgreSQL's is a standby, whose boots and refusal are in `round_trips.rs`.
            admin.run("SET GLOBAL read_only = 1").await;
            let error = Migrator::new(&pending).run(&mut only).await.expect_err("it may not be written to");
            assert_eq!(error.class(), Some(ErrorClass::ReadOnly), "{error:#}");
            says(&error, configuration, &["cannot write", "primary"]);
            let report = Migrator::new(table()).run(&mut only).await.expect("there is nothing to do");
            assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
            admin.run("SET GLOBAL read_only = 0").await;
        }
        Migrator::new(&pending).run(&mut only).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(admin.number("SELECT count(*) FROM t").await, 1);

        // MySQL loads none that has expired.
        let soon = Lasts::For(Duration::from_secs(3));
        let lasts = if kind == ServerKind::MySql { soon } else { Lasts::UntilLongAgo };
        exchange_certificate(&mut admin, kind, &authority.certificate("localhost", lasts)).await;
        if kind == ServerKind::MySql {
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
        refused(&trusting(full("localhost")), configuration, &["has expired", "renew"]).await;
    }
}

#[tokio::test]
async fn hosts_that_are_not_there_and_servers_without_tls_are_told() {
    for kind in kinds() {
        let scheme = scheme(kind);
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
        let url = |rest: &str| -> DatabaseUrl {
            format!("{scheme}://app:{PASSWORD}@{rest}").parse().expect("a URL")
        };
        let place = closed.to_string();
        refused(&url(&format!("{closed}/app")), ErrorKind::Retry, &[&place, "runs"]).await;
        let unknown = url("there-is-none.invalid/app?sslmode=disable");
        refused(&unknown, ErrorKind::Retry, &["there-is-none.invalid", "host"]).await;
        // A host elsewhere is not spoken to without TLS unless that is asked for by name.
        assert_eq!(
            url("there-is-none.invalid/app").tls(&"there-is-none.invalid".into()),
            whimbrel::TlsMode::VerifyFull
        );
        // MySQL makes a certificate of its own.
        if kind != ServerKind::MySql {
            let server = Server::shared(kind).expect("a server");
            let tls = url(&format!("127.0.0.1:{}/x?sslmode=require", server.port()));
            refused(&tls, ErrorKind::Configuration, &["TLS"]).await;
        }
    }
}

/// A door to a server behind which, at first, somebody says so many times that the server is starting up.
fn starting_up(server: &Server, times: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let door = listener.local_addr().expect("a port").port();
    let server = (server.host().to_owned(), server.port());
    std::thread::spawn(move || {
        for (count, client) in listener.incoming().flatten().enumerate() {
            let mut client = client;
            if count < times {
                let _ = client.read(&mut [0; 4096]);
                let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
                let length = u32::try_from(fields.len() + 4).expect("short").to_be_bytes();
                let _ = client.write_all(&[&b"E"[..], &length, fields].concat());
                continue;
            }
            let mut real = TcpStream::connect((&*server.0, server.1)).expect("the server");
            let (mut back, mut answers) =
                (client.try_clone().expect("a clone"), real.try_clone().expect("a clone"));
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            std::thread::spawn(move || std::io::copy(&mut client, &mut real));
        }
    });
    door
}

#[tokio::test]
async fn a_server_that_is_starting_up_is_waited_for_if_asked_to() {
    let server = Server::shared(ServerKind::Postgres).expect("a server");
    let url = |door| -> DatabaseUrl { server.url_at("127.0.0.1", door, "postgres").parse().expect("a URL") };
    refused(&url(starting_up(server, 9)), ErrorKind::Retry, &["57P03", "with_startup_deadline"]).await;
    let patient = ConnectOptions::new().with_startup_deadline(Duration::from_secs(20));
    let mut db = patient.connect(&url(starting_up(server, 3))).await.expect("it is up at last");
    db.query("SELECT 1", &[]).await.expect("it works");
    let impatient = ConnectOptions::new().with_startup_deadline(Duration::from_millis(200));
    let error = impatient.connect(&url(starting_up(server, 99))).await.expect_err("it is never up");
    says(&error, ErrorKind::Retry, &["57P03"]);
}

#[tokio::test]
async fn a_missing_privilege_is_named_with_the_grant_that_gives_it() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let (name, user) = (&database.name, database.user().await);
        if kind != ServerKind::Postgres {
            admin.run(&format!("GRANT SELECT ON {name}.* TO {user}")).await;
        }
        let mut db = Database::connect(&database.url_of(&user)).await;
        // The history cannot be created.
        let error = Migrator::new(table()).run(&mut db).await.expect_err("it may not");
        assert_eq!(error.class(), Some(ErrorClass::Permission), "{error:#}");
        let grant = if kind == ServerKind::Postgres {
            "GRANT USAGE, CREATE ON SCHEMA public TO"
        } else {
            "GRANT CREATE ON"
        };
        says(&error, ErrorKind::Configuration, &[grant]);
        // What a migration needs is not there.
        Migrator::new(table()).run(&mut admin).await.expect("the superuser may");
        let (grants, script, wanted) = match kind {
            ServerKind::Postgres => (
                format!("GRANT SELECT, INSERT ON whimbrel_history TO {user}"),
                "SELECT 1;\nUPDATE t SET n = 2;",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON t TO",
            ),
            _ => (
                format!("GRANT SELECT, INSERT ON {name}.whimbrel_history TO {user}"),
                "SELECT 1;\nUPDATE t SET n = 2;",
                "GRANT UPDATE ON",
            ),
        };
        admin.run(&grants).await;
        let mut db = Database::connect(&database.url_of(&user)).await;
        let set = table().with_sql(2, "update", script);
        let error = Migrator::new(&set).run(&mut db).await.expect_err("it may not");
        assert_eq!(error.class(), Some(ErrorClass::Permission), "{error:#}");
        says(&error, ErrorKind::Configuration, &["2_update", "0002_update.sql:2:", wanted]);
        // As the error says.
        let mend = if kind == ServerKind::Postgres {
            format!("GRANT SELECT, INSERT, UPDATE, DELETE ON t TO {user}")
        } else {
            format!("GRANT SELECT, UPDATE ON {name}.* TO {user}")
        };
        admin.run(&mend).await;
        let mut db = Database::connect(&database.url_of(&user)).await;
        Migrator::new(&set).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
    }
}

#[tokio::test]
async fn a_connection_inside_a_transaction_is_refused_and_the_transaction_left_alone() {
    for kind in kinds() {
        let database = prepared(kind).await;
        for header in ["", "-- whimbrel: no-transaction\n"] {
            let mut db = database.open().await;
            db.apart("BEGIN").await;
            db.apart("INSERT INTO t VALUES (77, 1)").await;
            let set = table().with_sql(2, "u", format!("{header}CREATE TABLE u (id INTEGER);"));
            let error = Migrator::new(set).run(&mut db).await.err();
            let error = error.unwrap_or_else(|| panic!("{kind}, {header:?}: it is inside a transaction"));
            assert_eq!(error.class(), Some(ErrorClass::InTransaction), "{kind}: {error:#}");
            says(&error, ErrorKind::Configuration, &["commit or roll back"]);
        }
        let mut db = database.open().await;
        assert_eq!(db.number("SELECT count(*) FROM t").await, 0, "{kind}: committed by us");
    }
}

#[tokio::test]
async fn a_syntax_error_in_the_seventh_statement_is_told_with_its_line_and_column() {
    for kind in kinds() {
        let database = prepared(kind).await;
        let statements: Vec<String> =
            (1..=6).map(|n| format!("INSERT INTO t\n  VALUES ({n}, {n});")).collect();
        let good = format!("-- Seven.\n{}\nUPDATE t SET n = n + 1;", statements.join("\n"));
        let bad = good.replace("UPDATE t SET", "  UPDATE t SETT");
        // A comment, then two lines for each of the six.
        let place = "0002_seven.sql:14:";
        for header in ["", "-- whimbrel: no-transaction\n"] {
            if kind == ServerKind::Postgres && !header.is_empty() {
                continue;
            }
            let mut db = database.open().await;
            let set = table().with_sql(2, "seven", bad.clone());
            let error = Migrator::new(set).run(&mut db).await.expect_err("it is no SQL");
            assert_eq!(
                (error.class(), error.statement()),
                (Some(ErrorClass::Sql), Some(7)),
                "{kind}: {error:#}"
            );
            says(&error, ErrorKind::Files, &["2_seven", place, "correct"]);
            let column = error.location().expect("a place").position.column;
            assert!((3..=20).contains(&column), "{kind}: {error:#}");
        }
        let mut db = database.open().await;
        Migrator::new(table().with_sql(2, "seven", good))
            .run(&mut db)
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(db.lines("SELECT count(*), sum(n) FROM t").await, "6|27|\n", "{kind}");
    }
}

#[tokio::test]
async fn a_migration_that_is_the_victim_of_a_deadlock_is_tried_again() {
    for kind in kinds() {
        let database = prepared(kind).await;
        let mut app = database.open().await;
        app.apart("INSERT INTO t VALUES (1, 0), (2, 0)").await;
        if kind == ServerKind::Postgres {
            app.apart("SET deadlock_timeout = '30s'").await;
        }
        app.apart("BEGIN").await;
        // The one that has changed less is the victim, on MySQL.
        let rows: Vec<String> = (100..400).map(|n| format!("({n}, 0)")).collect();
        app.apart(&format!("INSERT INTO t VALUES {}", rows.join(", "))).await;
        app.apart("UPDATE t SET n = n + 10 WHERE id = 2").await;
        let set = table().with_sql(2, "both", "UPDATE t SET n = n + 1 WHERE id IN (1, 2);");
        let mut db = database.open().await;
        let migration = tokio::spawn(async move { Migrator::new(set).run(&mut db).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mine = app.try_apart("UPDATE t SET n = n + 10 WHERE id = 1").await;
        println!("{kind}: the application's: {mine:?}");
        app.apart(if mine.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        let report = migration.await.expect("no panic").unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.migrations.len(), 1);
        let sum = if mine.is_ok() { 22 } else { 2 };
        assert_eq!(app.number("SELECT sum(n) FROM t WHERE id IN (1, 2)").await, sum, "{kind}");
        assert!(mine.is_ok(), "{kind}: the migration was not the victim");
    }
}

#[tokio::test]
async fn a_step_in_rust_that_waits_for_a_busy_row_is_tried_again() {
    for kind in kinds() {
        let database = prepared(kind).await;
        let mut app = database.open().await;
        app.apart("INSERT INTO t VALUES (1, 0)").await;
        app.apart("BEGIN").await;
        app.apart("UPDATE t SET n = n + 10").await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let migrator = Migrator::new(table().with_rust(2, "bump"))
            .with_lock_timeout(Duration::from_millis(200))
            .with_step(2, move |tx| {
                counted.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move { Ok(tx.execute("UPDATE t SET n = n + 1", &[]).await.map(drop)?) })
            });
        let mut db = database.open().await;
        let migration = tokio::spawn(async move { migrator.run(&mut db).await });
        while calls.load(Ordering::Relaxed) < 2 && !migration.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.apart("COMMIT").await;
        let report = migration.await.expect("no panic").unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.migrations.len(), 1, "{kind}");
        assert_eq!(app.number("SELECT sum(n) FROM t").await, 11, "{kind}");
    }
}

#[tokio::test]
async fn a_busy_table_is_told_and_the_next_run_does_it() {
    for kind in kinds() {
        let database = prepared(kind).await;
        let mut app = database.open().await;
        app.apart("BEGIN").await;
        app.apart("INSERT INTO t VALUES (1, 0)").await;
        let set = table().with_sql(2, "column", "ALTER TABLE t ADD COLUMN m INTEGER;");
        let mut db = database.open().await;
        let migrator = Migrator::new(&set)
            .with_lock_timeout(Duration::from_millis(200))
            .with_lock_deadline(Duration::from_millis(1500));
        let began = Instant::now();
        let error = migrator.run(&mut db).await.expect_err("the table is busy");
        assert!(began.elapsed() < Duration::from_secs(10), "{kind}: {:?}", began.elapsed());
        assert_eq!(error.class(), Some(ErrorClass::Busy), "{kind}: {error:#}");
        says(&error, ErrorKind::Retry, &["2_column", "0002_column.sql:1:"]);
        app.apart("COMMIT").await;
        let mut db = database.open().await;
        migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(db.number("SELECT count(m) FROM t").await, 0);
    }
}

#[tokio::test]
async fn a_migration_that_waits_for_a_busy_table_lets_the_applications_queries_through() {
    for kind in kinds() {
        let database = prepared(kind).await;
        let mut holder = database.open().await;
        holder.apart("BEGIN").await;
        holder.apart("INSERT INTO t VALUES (1, 0)").await;
        let set = table().with_sql(2, "column", "ALTER TABLE t ADD COLUMN m INTEGER;");
        let mut db = database.open().await;
        let migration = tokio::spawn(async move {
            let migrator = Migrator::new(set)
                .with_lock_timeout(Duration::from_millis(250))
                .with_lock_deadline(Duration::from_secs(30));
            migrator.run(&mut db).await
        });
        let mut app = database.open().await;
        let (began, mut longest, mut queries) = (Instant::now(), Duration::ZERO, 0);
        while began.elapsed() < Duration::from_secs(4) {
            let one = Instant::now();
            app.number("SELECT count(*) FROM t").await;
            longest = longest.max(one.elapsed());
            queries += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!migration.is_finished(), "{kind}: the table is busy");
        holder.apart("COMMIT").await;
        migration.await.expect("no panic").unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        println!("{kind}: {queries} queries got through while it waited, the slowest in {longest:?}");
        // Whole seconds on MySQL and MariaDB.
        let most = if kind == ServerKind::Postgres { 1500 } else { 2500 };
        let least = if kind == ServerKind::Postgres { 20 } else { 4 };
        assert!(queries >= least && longest < Duration::from_millis(most), "{kind}: {queries}, {longest:?}");
        assert_eq!(app.number("SELECT count(m) FROM t").await, 0);
    }
}

/// A disk of one's own needs a machine of one's own: the servers have limits that they tell in the same class.
#[tokio::test]
async fn no_room_is_told_and_nothing_is_half_done() {
    for kind in kinds() {
        let database = prepared(kind).await;
        let mut db = database.open().await;
        let (limit, script, more) = match kind {
            ServerKind::Postgres => (
                "SET temp_file_limit = 1024; SET work_mem = '64kB'",
                "INSERT INTO t VALUES (1, 1);\nINSERT INTO t SELECT n, n FROM generate_series(2, 60000) AS g(n) ORDER BY md5(n::text);",
                "RESET temp_file_limit",
            ),
            _ => (
                "SET SESSION max_heap_table_size = 16384",
                "CREATE TABLE m (a CHAR(200), b CHAR(200)) ENGINE = MEMORY;\nINSERT INTO t VALUES (1, 1);\n\
                 INSERT INTO m SELECT a.table_name, b.table_name FROM information_schema.tables a, information_schema.tables b;",
                "SET SESSION max_heap_table_size = 16777216",
            ),
        };
        for part in limit.split("; ") {
            db.run(part).await;
        }
        let set = table().with_sql(2, "much", script);
        let error = Migrator::new(&set).run(&mut db).await.expect_err("there is no room");
        assert_eq!(error.class(), Some(ErrorClass::Full), "{kind}: {error:#}");
        let line = if kind == ServerKind::Postgres { "0002_much.sql:2:" } else { "0002_much.sql:3:" };
        says(&error, ErrorKind::Configuration, &["2_much", line, "make room, then run again"]);
        if kind == ServerKind::Postgres {
            assert_eq!(db.number("SELECT count(*) FROM t").await, 0);
            db.run(more).await;
            Migrator::new(&set).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(db.number("SELECT count(*) FROM t").await, 60_000);
        }
    }
}

#[tokio::test]
async fn a_table_that_is_there_already_is_told_and_the_next_run_goes_on() {
    for kind in kinds() {
        let database = prepared(kind).await;
        let mut db = database.open().await;
        db.run("CREATE TABLE u (id INTEGER)").await;
        let set = table().with_sql(2, "u", "INSERT INTO t VALUES (5, 5);\nCREATE TABLE u (id INTEGER PRIMARY KEY);\nINSERT INTO u VALUES (1);");
        let error = Migrator::new(&set).run(&mut db).await.expect_err("it is there");
        assert_eq!((error.class(), error.statement()), (Some(ErrorClass::Sql), Some(2)), "{kind}: {error:#}");
        says(&error, ErrorKind::Files, &["2_u", "0002_u.sql:2:1", "already exists", "run again"]);
        let mut db = database.open().await;
        db.run("DROP TABLE u").await;
        Migrator::new(&set).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(
            db.number("SELECT count(*) FROM t").await + db.number("SELECT count(*) FROM u").await,
            2,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_search_path_to_somebody_elses_history_is_refused_with_the_name_to_give() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut db = database.open().await;
    Migrator::new(table()).run(&mut db).await.expect("an empty database");
    db.run("CREATE SCHEMA tenant2").await;
    let history = "SELECT count(*) FROM public.whimbrel_history";
    let rows = db.number(history).await;
    for set in [table(), table().with_sql(2, "u", "CREATE TABLE u (id INTEGER);")] {
        // It is seen, and it is not where this connection creates tables.
        db.run("SET search_path = tenant2, public").await;
        let error = Migrator::new(&set).run(&mut db).await.expect_err("it is public's");
        says(&error, ErrorKind::Configuration, &["public", "tenant2", "with_table"]);
        // It is not seen, and it is there.
        db.run("SET search_path = tenant2").await;
        let error = Migrator::new(&set).run(&mut db).await.expect_err("there is one");
        assert_eq!(error.findings()[0].kind(), FindingKind::Schema, "{error:#}");
        says(&error, ErrorKind::Configuration, &["public", "with_table"]);
        assert_eq!(db.number(history).await, rows);
        assert_eq!(
            db.number("SELECT count(*) FROM pg_class WHERE relnamespace = 'tenant2'::regnamespace").await,
            0
        );
    }
    // As the error says.
    let table_name = TableName::new("tenant2.whimbrel_history").expect("a name");
    let migrator = Migrator::new(table()).with_table(table_name).with_unbaselined(Unbaselined::Allow);
    migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(db.number("SELECT count(*) FROM tenant2.t").await, 0);
    assert_eq!(db.number(history).await, rows);

    // A schema that comes first, and that the role may not use, would be passed over in silence.
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let user = database.user().await;
    admin.run("CREATE SCHEMA hidden").await;
    admin.run(&format!("GRANT ALL ON SCHEMA public TO {user}")).await;
    let mut db = Database::connect(&database.url_of(&user)).await;
    db.run("SET search_path = hidden, public").await;
    let error = Migrator::new(table()).run(&mut db).await.expect_err("it would go into public");
    says(&error, ErrorKind::Configuration, &["hidden", "GRANT USAGE"]);
    db.run("SET search_path = public").await;
    Migrator::new(table()).run(&mut db).await.expect("its own");
}
