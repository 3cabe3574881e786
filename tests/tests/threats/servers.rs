//! Rows 12, 13, 17 and 21: what is sent to real servers, and as whom.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use rusqlite::Connection;
use whimbrel::{
    DatabaseUrl, ErrorKind, FindingKind, Memory, Migrator, Outcome, Preflight, Secret, SetName, TableName,
    TlsMode, Unbaselined,
};
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Schema, Server, ServerKind, ServerOptions, WalkError, Way, walk};
use whimbrel_tests::certificate::{Authority, Lasts};
use whimbrel_tests::either::{Database, Either, kinds};

const PASSWORD: &str = "Kx9vq2LmTTw4";

fn scheme(kind: ServerKind) -> &'static str {
    if kind == ServerKind::Postgres { "postgres" } else { "mysql" }
}

/// Somebody on the way who says that the server has no TLS, and keeps what is sent to it.
fn downgrade(kind: ServerKind) -> (u16, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let (sender, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.set_read_timeout(Some(Duration::from_millis(300)));
            let mut bytes = vec![0; 4096];
            if kind == ServerKind::Postgres {
                let _ = client.read(&mut bytes);
                let _ = client.write_all(b"N");
            } else {
                // A greeting without the flag for TLS.
                let mut body = vec![10];
                body.extend(b"8.0.36\0");
                body.extend([1, 0, 0, 0]);
                body.extend(b"12345678\0");
                body.extend([0xff, 0xf7, 33, 2, 0, 0x0f, 0, 21]);
                body.extend([0; 10]);
                body.extend(b"123456789012\0mysql_clear_password\0");
                let length = u32::try_from(body.len()).expect("short").to_le_bytes();
                let _ = client.write_all(&[&length[..3], &[0], &body].concat());
            }
            let mut all = Vec::new();
            while let Ok(count) = client.read(&mut bytes) {
                if count == 0 {
                    break;
                }
                all.extend_from_slice(&bytes[..count]);
            }
            let _ = sender.send(all);
        }
    });
    (port, heard)
}

#[tokio::test]
async fn threat_12_a_connection_that_is_not_protected_as_asked_for_is_not_made() {
    for kind in kinds() {
        let authority = Authority::new();
        let start = |certificate| {
            let mut options = ServerOptions::new(kind).with_tls(certificate, authority.key());
            if kind == ServerKind::Postgres {
                options = options.with_access("host all all 127.0.0.1/32 trust");
            }
            Server::start(&options).expect("a server")
        };
        let server = start(authority.certificate("localhost", Lasts::Long));
        let user = server.user().to_owned();
        let url = |host: &str, port: u16, rest: &str| -> DatabaseUrl {
            let database = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
            format!("{}://{user}@{host}:{port}/{database}{rest}", scheme(kind)).parse().expect("a URL")
        };
        let trusting = |url: DatabaseUrl| url.with_root_certificate(authority.root());
        let port = server.port();
        let refused = async |url: DatabaseUrl, words: &str| {
            let error = Either::connect(&url).await.expect_err(words);
            assert!(format!("{error:#}").contains(words), "{kind}: {error:#}");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{kind}: {error:#}");
        };
        // The right certificate, asked for by its name.
        Either::connect(&trusting(url("localhost", port, ""))).await.expect("it is verified");
        // Signed by nobody who is trusted; for another name; a host that is not this machine says nothing of TLS.
        refused(url("localhost", port, "?sslmode=verify-full"), "nobody who is trusted").await;
        refused(trusting(url("127.0.0.1", port, "?sslmode=verify-full")), "another name").await;
        refused(trusting(url("0.0.0.0", port, "").with_password(Secret::new(PASSWORD))), "another name")
            .await;
        assert_eq!(url("0.0.0.0", port, "").tls(&"0.0.0.0".into()), TlsMode::VerifyFull);
        // Where protection is asked for, a connection without it is found out before anything is applied.
        for (rest, refused) in [("?sslmode=disable", true), ("?sslmode=require", true), ("", false)] {
            let host = if refused { "0.0.0.0" } else { "localhost" };
            let url = if rest.is_empty() { trusting(url(host, port, rest)) } else { url(host, port, rest) };
            let mut db = Either::connect(&url.allowing_default_credentials())
                .await
                .unwrap_or_else(|error| panic!("{kind} {rest}: {error:#}"));
            let set = Memory::new().with_sql(1, "nothing", "CREATE TABLE protected (n INTEGER);");
            let strict = Migrator::new(set).with_unbaselined(Unbaselined::Allow);
            match strict.with_preflight(Preflight::new().protected()).run(&mut db).await {
                Ok(_) => assert!(!refused, "{kind} {rest}: it was applied"),
                Err(error) => {
                    assert!(refused, "{kind} {rest}: {error:#}");
                    let found: Vec<_> = error.findings().iter().map(whimbrel::Finding::kind).collect();
                    assert_eq!(found, [FindingKind::Preflight], "{kind} {rest}: {error:#}");
                }
            }
        }
        // MySQL starts with no certificate that has expired: it is tested where it may, and in `weather.rs`.
        if kind != ServerKind::MySql {
            let old = start(authority.certificate("localhost", Lasts::UntilLongAgo));
            refused(trusting(url("localhost", old.port(), "")), "has expired").await;
        }
        // Somebody on the way answers "no TLS": the client goes, and has sent neither user nor password.
        for mode in ["", "?sslmode=require", "?sslmode=verify-ca", "?sslmode=verify-full"] {
            let (port, heard) = downgrade(kind);
            let host = if mode.is_empty() { "0.0.0.0" } else { "127.0.0.1" };
            let text = format!("{}://traveller:{PASSWORD}@{host}:{port}/app{mode}", scheme(kind));
            let url = DatabaseUrl::parse(&text).expect("a URL");
            let url = if mode.contains("verify") { trusting(url) } else { url };
            let error = Either::connect(&url).await.expect_err("no TLS");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{kind} {mode}: {error:#}");
            let sent = heard.recv_timeout(Duration::from_secs(5)).expect("it has gone");
            let sent = String::from_utf8_lossy(&sent).into_owned();
            assert!(!sent.contains("traveller") && !sent.contains(PASSWORD), "{kind} {mode}: {sent}");
        }
    }
}

#[tokio::test]
async fn threat_13_a_migration_that_leaves_another_role_behind_changes_nobody_elses() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let name = &database.name;
    for sql in [
        format!("CREATE ROLE {name}_owner NOLOGIN"),
        format!("CREATE ROLE {name}_other NOLOGIN"),
        format!("CREATE ROLE {name}_login LOGIN"),
        format!("GRANT {name}_owner, {name}_other TO {name}_login"),
        format!("GRANT USAGE, CREATE ON SCHEMA public TO {name}_owner, {name}_other, {name}_login"),
    ] {
        admin.run(&sql).await;
    }
    let mut login = Database::connect(&database.url_of(&format!("{name}_login"))).await;
    let set = Memory::new()
        .with_sql(1, "leaves", format!("SET ROLE {name}_other;\nCREATE TABLE a (n INTEGER);"))
        .with_sql(2, "resets", "RESET ROLE;\nCREATE TABLE b (n INTEGER);")
        .with_sql(3, "after", "CREATE TABLE c (n INTEGER);")
        .with_sql(
            4,
            "outside",
            format!("-- whimbrel: no-transaction\nSET ROLE {name}_other;\nCREATE TABLE d (n INTEGER);"),
        )
        .with_sql(5, "last", "CREATE TABLE e (n INTEGER);");
    let migrator = Migrator::new(&set).with_role(format!("{name}_owner"));
    migrator.run(&mut login).await.unwrap_or_else(|error| panic!("{error:#}"));
    let owners = admin
        .lines(
            "SELECT relname::text || ' ' || pg_get_userbyid(relowner) FROM pg_class \
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1",
        )
        .await;
    // Outside transactions, too, a script's own role holds until the script ends; the history is written as the login.
    let expected = format!(
        "a {name}_other|\nb {name}_login|\nc {name}_owner|\nd {name}_other|\ne {name}_owner|\nwhimbrel_history {name}_login|\n"
    );
    assert_eq!(owners, expected);
    assert_eq!(login.lines("SELECT current_user::text").await, format!("{name}_login|\n"));
}

#[tokio::test]
async fn threat_13_a_superuser_is_refused_where_none_is_to_be() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let user = database.user().await;
        let name = &database.name;
        let mut admin = database.open().await;
        let grant = match kind {
            ServerKind::Postgres => format!("GRANT USAGE, CREATE ON SCHEMA public TO {user}"),
            _ => format!("GRANT ALL ON {name}.* TO {user}"),
        };
        admin.run(&grant).await;
        let set = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
        let careful = || Migrator::new(&set).with_preflight(Preflight::new().without_superuser());
        let error = careful().run(&mut admin).await.expect_err("it may do everything");
        let found: Vec<_> = error.findings().iter().map(whimbrel::Finding::kind).collect();
        assert_eq!(found, [FindingKind::Preflight], "{kind}: {error:#}");
        assert!(admin.try_run("SELECT * FROM t").await.is_err(), "{kind}: it was applied");
        assert!(admin.try_run("SELECT * FROM whimbrel_history").await.is_err(), "{kind}: something was made");
        // Who may do no more than is needed goes on, and then nobody has to be asked who they are.
        let mut db = Database::connect(&database.url_of(&user)).await;
        careful().run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        let mut admin = database.open().await;
        let report = careful().run(&mut admin).await.expect("nothing to do");
        assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1), "{kind}");
    }
}

/// A set in which the way down of the second forgets one of its two indexes.
fn forgetful() -> Memory {
    Memory::new()
        .with_sql(
            1,
            "people",
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(40), town VARCHAR(40));",
        )
        .with_down(1, "DROP TABLE people;")
        .with_sql(
            2,
            "search",
            "CREATE INDEX by_name ON people (name);\nCREATE INDEX by_town ON people (town);",
        )
}

#[tokio::test]
async fn threat_17_a_way_down_that_forgets_an_index_is_found_by_walking_it() {
    let (forgets, whole) = ("DROP INDEX by_name;", "DROP INDEX by_name;\nDROP INDEX by_town;");
    let forgets_an_index = |result: Result<_, WalkError>, what: &str| match result {
        Err(WalkError::Differs { label, way: Way::Down, missing, left }) => {
            assert_eq!((label.as_str(), missing.len()), ("2_search", 0), "{what}");
            assert!(!left.is_empty() && left.iter().all(|line| line.contains("by_town")), "{what}: {left:?}");
        }
        other => panic!("{what}: {other:?}"),
    };
    let set = forgetful().with_down(2, forgets);
    forgets_an_index(walk(&mut Sqlite::in_memory().expect("memory"), || Migrator::new(&set)).await, "sqlite");
    let set = forgetful().with_down(2, whole);
    let walked =
        walk(&mut Sqlite::in_memory().expect("memory"), || Migrator::new(&set)).await.expect("all back");
    assert_eq!(walked.both_ways, ["1_people", "2_search"]);
    for kind in kinds() {
        let down = |text: &str| match kind {
            ServerKind::Postgres => text.to_owned(),
            _ => text.replace(';', " ON people;"),
        };
        let set = forgetful().with_down(2, down(forgets));
        let mut db = Database::new(kind).await.open().await;
        forgets_an_index(walk(&mut db, || Migrator::new(&set)).await, &kind.to_string());
        let set = forgetful().with_down(2, down(whole));
        let mut db = Database::new(kind).await.open().await;
        walk(&mut db, || Migrator::new(&set)).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
        // Of what is not an index something is seen as well.
        for (up, down) in [
            ("ALTER TABLE people ADD COLUMN age INTEGER DEFAULT 7;", "SELECT 1;"),
            ("CREATE VIEW towns AS SELECT town FROM people;", "SELECT 1;"),
            ("ALTER TABLE people ADD CONSTRAINT few UNIQUE (id, name);", "SELECT 1;"),
        ] {
            let before = Schema::read(&mut db).await.expect("a schema");
            db.run(up.trim_end_matches(';')).await;
            let after = Schema::read(&mut db).await.expect("a schema");
            assert!(!after.without(&before).is_empty(), "{kind}: {up} ({down})");
        }
    }
}

#[tokio::test]
async fn threat_21_names_and_settings_from_outside_become_no_sql() {
    // What is no name is none, before anything is connected to.
    for evil in [
        "h\"; DROP TABLE people; --",
        "h'; DROP TABLE people; --",
        "h`; DROP TABLE people; --",
        "a b",
        "h;",
        "\0",
    ] {
        assert!(TableName::new(evil).is_err() && TableName::new(&format!("main.{evil}")).is_err(), "{evil}");
        assert!(TableName::new(&format!("{evil}.history")).is_err(), "{evil}");
        assert!(SetName::new(evil).is_err(), "{evil}");
    }
    // What a URL says and nobody knows is refused; nothing in it is filled in from elsewhere.
    for kind in kinds() {
        let database = Database::new(kind).await;
        let text = database.server.url(&database.name);
        for rest in ["?init_command=DROP+TABLE+people", "?passfile=/etc/passwd", "?service=prod", "?x=$(id)"]
        {
            let refused = match DatabaseUrl::parse(&format!("{text}{rest}")) {
                Ok(url) => Either::connect(&url).await.is_err(),
                Err(_) => true,
            };
            assert!(refused, "{kind}: {rest}");
        }
        let literal = DatabaseUrl::parse("postgres://${USER}:$(id)@h/$HOME").expect("a URL");
        assert_eq!((literal.user(), literal.database()), (Some("${USER}"), Some("$HOME")));
        // What is free text goes into the history as a value.
        let evil = "x'); DROP TABLE people; -- \" ` \\ ${HOME} %s";
        let mut db = database.open().await;
        db.run("CREATE TABLE people (id INTEGER)").await;
        let set = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
        let migrator = |set| {
            Migrator::new(set)
                .with_unbaselined(Unbaselined::Allow)
                .with_environment(evil)
                .with_reason(evil)
                .with_application(evil, evil)
        };
        migrator(set.clone()).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        migrator(set).run(&mut db).await.expect("the environment is the same");
        assert_eq!(db.number("SELECT count(*) FROM people").await, 0, "{kind}");
        let mut other = database.open().await;
        let details = other.lines("SELECT detail FROM whimbrel_history").await;
        assert!(details.contains("DROP%20TABLE%20people"), "{kind}: {details}");
        if kind == ServerKind::Postgres {
            let set = Memory::new().with_sql(1, "t", "CREATE TABLE u (n INTEGER);");
            let role = Migrator::new(set).with_role("x\"; DROP TABLE people; --");
            role.with_table(TableName::new("other_history").expect("a name"))
                .with_unbaselined(Unbaselined::Allow)
                .run(&mut db)
                .await
                .expect_err("there is no such role");
            assert_eq!(other.number("SELECT count(*) FROM people").await, 0);
        }
    }
    let mut db = Connection::open_in_memory().expect("memory");
    db.execute_batch("CREATE TABLE people (id)").expect("a table");
    let set = Memory::new().with_sql(1, "t", "CREATE TABLE t (n);");
    Migrator::new(set)
        .with_unbaselined(Unbaselined::Allow)
        .with_environment("'; DROP TABLE people; --")
        .run_blocking(&mut db)
        .expect("a name like any other");
    assert!(db.prepare("SELECT * FROM people").is_ok());
}
