//! A password is shown nowhere: in no error, event, log, panic or row, however a connection fails.

use std::error::Error as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span;
use whimbrel::{DatabaseUrl, Event, Memory, Migrator, Secret, Tracing};
use whimbrel_postgres::ConnectOptions;
use whimbrel_testkit::{Proxy, Server, ServerKind, ServerOptions, Towards};
use whimbrel_tests::certificate::{Authority, Lasts};
use whimbrel_tests::either::{Database, Either, kinds};

/// What must not be seen. It is the same whether it is encoded or not.
const PASSWORD: &str = "Hush7hush3Hush9";

/// Everything that was logged or told.
static HEARD: Mutex<String> = Mutex::new(String::new());

fn hear(text: &str) {
    let mut heard = HEARD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    heard.push_str(text);
    heard.push('\n');
}

/// Hears what is written to `log`, at every level.
struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        hear(&format!("log {} {}: {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Hears what is told to `tracing`, at every level.
struct Spans;

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut fields = Fields(format!("span {}", attributes.metadata().name()));
        attributes.record(&mut fields);
        hear(&fields.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields("record".to_owned());
        values.record(&mut fields);
        hear(&fields.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(format!("event {}", event.metadata().target()));
        event.record(&mut fields);
        hear(&fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn listen_in() {
    if log::set_boxed_logger(Box::new(Log)).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
        tracing::subscriber::set_global_default(Spans).expect("nobody else listens");
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            hear(&format!("panic {panic} {panic:?}"));
            usual(panic);
        }));
    }
}

/// All that an error shows, in every form, with all behind it.
fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        text.push_str(&format!("{error} {error:#} {error:?} {error:#?}\n"));
        next = error.source();
    }
    text
}

/// Tries to connect, and answers all that can be seen of it. `None`: it is connected.
async fn attempt(url: &DatabaseUrl) -> Option<String> {
    let types = format!("{url} {url:?} {url:#?}");
    let error = match Either::connect(url).await {
        Ok(db) => {
            hear(&format!("{db:?} {db:#?}"));
            return None;
        }
        Err(error) => error,
    };
    Some(format!("{types}{}{error:#}", shown(&error)))
}

/// Somebody who is no database, and treats each client so.
fn stranger(treat: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let _ = client.set_read_timeout(Some(Duration::from_secs(10)));
            treat(client);
        }
    });
    address
}

/// A message of PostgreSQL's.
fn postgres_message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    [&[kind][..], &length, body].concat()
}

/// A packet of MySQL's, with an error, in place of the greeting.
fn mysql_error(code: u16, message: &str) -> Vec<u8> {
    let body = [&[0xff][..], &code.to_le_bytes(), message.as_bytes()].concat();
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    [&length[..3], &[0], &body].concat()
}

/// Ways in which a connection fails: what each is called, and its URL.
fn strangers(scheme: &str) -> Vec<(&'static str, String)> {
    let url = |address: SocketAddr| format!("{scheme}://app:{PASSWORD}@{address}/app?connect_timeout=2");
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let mut ways = vec![
        ("a port where nobody listens", url(closed)),
        (
            "a host that is not known",
            format!("{scheme}://app:{PASSWORD}@there-is-none.invalid/app?sslmode=disable"),
        ),
        ("a client that hangs up at once", url(stranger(drop))),
        (
            "a reset after the first bytes",
            url(stranger(|mut client| {
                let _ = client.write_all(&[0x4a, 0, 0]);
                let _ = client.read(&mut [0]);
            })),
        ),
        ("silence", url(stranger(std::mem::forget))),
        (
            "a web server",
            url(stranger(|mut client| {
                let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
                let _ = client.read(&mut [0; 4096]);
            })),
        ),
        (
            "an echo",
            url(stranger(|mut client| {
                let mut bytes = [0; 4096];
                let _ = client.set_read_timeout(Some(Duration::from_millis(300)));
                let read = client.read(&mut bytes).unwrap_or(0);
                let _ = client.write_all(&bytes[..read.max(60)]);
            })),
        ),
        (
            "a socket that is not there",
            format!(
                "{scheme}://app:{PASSWORD}@/app?{}",
                if scheme == "postgres" { "host=/nowhere" } else { "socket=/nowhere/s" }
            ),
        ),
    ];
    if scheme == "postgres" {
        let says = |code: &str, text: &str| {
            let mut body = Vec::new();
            for (field, text) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', code), (b'M', text)] {
                body.push(field);
                body.extend(text.as_bytes());
                body.push(0);
            }
            body.push(0);
            postgres_message(b'E', &body)
        };
        let starting = says("57P03", "the database system is starting up");
        ways.push((
            "a server that is starting up",
            url(stranger(move |mut client| {
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(&starting);
            })),
        ));
        let quoting = says("28P01", &format!("I do not like your password \"{PASSWORD}\""));
        ways.push((
            "a server that repeats the password",
            url(stranger(move |mut client| {
                let _ = client.read(&mut [0; 4096]);
                // It wants the password as it is.
                let _ = client.write_all(&postgres_message(b'R', &[0, 0, 0, 3]));
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(&quoting);
            })),
        ));
    } else {
        for (what, code, text) in [
            ("a server that shuts down", 1053, "Server shutdown in progress".to_owned()),
            ("a server that repeats the password", 1045, format!("I do not like your password {PASSWORD}")),
            (
                "a server that repeats it in its own way",
                6000,
                format!("I do not like your password {PASSWORD}"),
            ),
        ] {
            let packet = mysql_error(code, &text);
            ways.push((
                what,
                url(stranger(move |mut client| {
                    let _ = client.write_all(&packet);
                    let _ = client.read(&mut [0; 4096]);
                })),
            ));
        }
    }
    ways
}

/// URLs that are wrong in themselves.
fn malformed(scheme: &str) -> Vec<String> {
    let p = PASSWORD;
    vec![
        format!("{scheme}//app:{p}@h/app"),
        format!("{scheme}:/app:{p}@h/app"),
        format!("{scheme}ql2://app:{p}@h/app"),
        format!("app:{p}@h/app"),
        p.to_owned(),
        format!("{scheme}://app:{p}%zz@h/app"),
        format!("{scheme}://app:{p}%@h/app"),
        format!("{scheme}://app:{p}@h:port/app"),
        format!("{scheme}://app:h@{p}:99999/app"),
        format!("{scheme}://h:{p}/app"),
        format!("{scheme}://app:x@[{p}/app"),
        format!("{scheme}://app:x@h@{p}:1:2/app"),
        format!("{scheme}://app:{p} x@h/app"),
        format!("{scheme}://app:{p}@h/app?{p}"),
        format!("{scheme}://app:{p}@h/app?sslmode={p}"),
        format!("{scheme}://app:{p}@h/app?sslmode=disable&ssl-mode={p}"),
        format!("{scheme}://app:{p}@h/app?sslrootcert="),
        format!("{scheme}://app:{p}/x@h/app"),
        format!("{scheme}://app:{p}#x@h/app"),
        format!("{scheme}://app:{p}@h/app#{p}"),
        format!("{scheme}://app:{p}@/app"),
        format!("{scheme}://app:{p}%00@h/app"),
        format!(" {scheme}://app:{p}@h/app"),
    ]
}

/// A server with TLS on which users have passwords.
fn guarded(kind: ServerKind, authority: &Authority) -> Server {
    let mut options =
        ServerOptions::new(kind).with_tls(authority.certificate("localhost", Lasts::Long), authority.key());
    if kind == ServerKind::Postgres {
        options = options
            .with_access("host all postgres 127.0.0.1/32 trust")
            .with_access("host all all 127.0.0.1/32 scram-sha-256");
    }
    Server::start(&options).expect("a server")
}

async fn ways_to_fail(kind: ServerKind) -> usize {
    let scheme = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
    let mut ways = 0;
    let mut seen = |what: &str, text: Option<String>| {
        let text = text.unwrap_or_else(|| panic!("{kind}, {what}: it is connected"));
        assert!(!text.contains(PASSWORD), "{kind}, {what}: {text}");
        ways += 1;
    };
    for text in malformed(scheme) {
        match DatabaseUrl::parse(&text) {
            Err(error) => seen(&text, Some(shown(&error))),
            // What is no error yet, as a parameter, is one when connecting.
            Ok(url) if url.parameters().next().is_some() => seen(&text, attempt(&url).await),
            Ok(url) => assert!(!format!("{url} {url:?}").contains(PASSWORD), "{text}"),
        }
    }
    for (what, text) in strangers(scheme) {
        let url = DatabaseUrl::parse(&text).unwrap_or_else(|error| panic!("{what}: {error}"));
        seen(what, attempt(&url).await);
    }
    let authority = Authority::new();
    let server = guarded(kind, &authority);
    let database = Database::on(&server).await;
    let mut admin = database.open().await;
    let user = Server::unique_name();
    let create = if kind == ServerKind::Postgres {
        format!("CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1")
    } else {
        format!("CREATE USER {user} IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1")
    };
    // What an application itself sends is logged by its client; that is not ours to keep.
    log::set_max_level(log::LevelFilter::Off);
    admin.run(&create).await;
    log::set_max_level(log::LevelFilter::Trace);
    let (name, port) = (&database.name, server.port());
    let grant = match kind {
        ServerKind::Postgres => format!("GRANT ALL ON SCHEMA public TO {user}"),
        _ => format!("GRANT ALL ON {name}.* TO {user}"),
    };
    admin.run(&grant).await;
    let at = |user: &str, host: &str, database: &str, rest: &str| -> DatabaseUrl {
        format!("{scheme}://{user}:{PASSWORD}@{host}:{port}/{database}{rest}").parse().expect("a URL")
    };
    let trusting = |url: DatabaseUrl| url.with_root_certificate(authority.root());
    let wrong =
        at(&user, "localhost", name, "?sslmode=require").with_password(Secret::new(format!("{PASSWORD}x")));
    let plain = at(&user, "127.0.0.1", name, "");
    for (what, url) in [
        ("a wrong password", wrong.clone()),
        ("a wrong password, without TLS", plain.clone().with_password(Secret::new(format!("x{PASSWORD}")))),
        ("a user that is not known", at("nobody_at_all", "127.0.0.1", name, "")),
        ("a user called like the password", at(PASSWORD, "127.0.0.1", name, "").with_user("n")),
        ("a database that is not there", at(&user, "127.0.0.1", "there_is_none", "")),
        ("a certificate that is not trusted", at(&user, "localhost", name, "?sslmode=verify-full")),
        ("a certificate for another name", trusting(at(&user, "127.0.0.1", name, "?sslmode=verify-full"))),
        (
            "a root that is not there",
            at(&user, "localhost", name, "?sslmode=verify-full").with_root_certificate("/nowhere"),
        ),
        (
            "a client's certificate that is not there",
            at(&user, "localhost", name, "?sslmode=require").with_client_certificate("/nowhere", "/nowhere"),
        ),
        ("a parameter that is not known", at(&user, "127.0.0.1", name, &format!("?{PASSWORD}={PASSWORD}"))),
        (
            "a parameter with a wrong value",
            at(&user, "127.0.0.1", name, &format!("?connect_timeout={PASSWORD}")),
        ),
        (
            "the other driver's URL",
            format!(
                "{}://u:{PASSWORD}@h/d?sslmode=disable",
                if kind == ServerKind::Postgres { "mysql" } else { "postgres" }
            )
            .parse()
            .expect("a URL"),
        ),
    ] {
        if what == "the other driver's URL" {
            let error = match kind {
                ServerKind::Postgres => ConnectOptions::new().connect(&url).await.map(drop),
                _ => whimbrel_mysql::MySql::connect(&url).await.map(drop),
            };
            seen(what, error.err().map(|error| shown(&error)));
        } else {
            seen(what, attempt(&url).await);
        }
    }
    let untold = Server::shared(kind).expect("a server");
    let tls: DatabaseUrl =
        format!("{scheme}://{user}:{PASSWORD}@127.0.0.1:{}/x?sslmode=require", untold.port())
            .parse()
            .expect("a URL");
    // MySQL makes a certificate of its own.
    if kind != ServerKind::MySql {
        seen("a server without TLS", attempt(&tls).await);
    }
    for bytes in [0, 3, 20, 70, 100] {
        let proxy = Proxy::to(&server).expect("a proxy");
        proxy.cut_after_bytes(Towards::Client, bytes);
        let url: DatabaseUrl =
            format!("{scheme}://{user}:{PASSWORD}@127.0.0.1:{}/{name}", proxy.port()).parse().expect("a URL");
        if let Some(text) = attempt(&url).await {
            seen("a connection that is cut in the handshake", Some(text));
        }
    }
    // The user may connect once.
    let mut only = Database::connect(&plain).await;
    seen("too many connections", attempt(&plain).await);
    migrate(&mut only).await;
    let rows = admin.lines("SELECT * FROM whimbrel_history").await;
    assert!(rows.contains(&user) && !rows.contains(PASSWORD), "{rows}");
    drop(only);
    ways
}

/// Ways in which SQLite has, or is told, a secret: parameters of URLs and URIs, and literals of scripts.
fn ways_to_fail_on_sqlite() -> usize {
    let p = PASSWORD;
    let mut ways = 0;
    let mut seen = |what: &str, text: String| {
        assert!(!text.contains(PASSWORD), "SQLite, {what}: {text}");
        hear(&text);
        ways += 1;
    };
    for text in [
        format!("sqlite://app:{p}@h/app.db"),
        format!("sqlite:?key={p}"),
        format!("sqlite:app.db?{p}"),
        format!("sqlite:app.db?sslmode={p}"),
        format!("sqlite:app.db?password={p}"),
        format!("sqlite:app.db?user={p}"),
        format!("sqlite:app.db?key={p}%"),
        format!("sqlite:app.db?key={p}%00"),
        format!("sqlite:app.db?key={p}&key={p}"),
        format!("sqlite:app%zz.db?key={p}"),
    ] {
        let error = DatabaseUrl::parse(&text).expect_err(&text);
        seen(&text, shown(&error));
    }
    let url = DatabaseUrl::parse(&format!("sqlite:app.db?key={p}&mode=ro")).expect("a URL");
    seen("a parameter", format!("{url} {url:?} {url:#?}"));
    let folder = whimbrel_tests::memory_folder();
    for uri in [
        format!("file:/nowhere/app.db?key={p}"),
        format!("file:{}/app.db?mode={p}", folder.path().display()),
        format!("file:{}/app.db?vfs={p}", folder.path().display()),
        format!("file:{}/app.db?cache={p}", folder.path().display()),
        format!("file://app:{p}@h/app.db"),
        format!("file:/nowhere/app.db?mode=ro&hexkey={p}#{p}"),
    ] {
        let error = whimbrel_testkit::block_on(whimbrel_sqlite::Sqlite::open(&uri)).expect_err(&uri);
        seen(&uri, format!("{}{error:#}", shown(&error)));
    }
    for script in [
        format!("ATTACH '/nowhere/x.db' AS other KEY '{p}';"),
        format!("CREATE TABLE t (n CHECK (n <> '{p}'));\nINSERT INTO t VALUES ('{p}');"),
        format!("INSERT INTO nowhere VALUES ('{p}');"),
        format!("SELECT '{p}"),
        format!("SELECT load_extension('{p}');"),
        format!(
            "-- whimbrel: no-transaction\nPRAGMA key = '{p}';\nSELECT nothing FROM nowhere WHERE a = '{p}';"
        ),
    ] {
        let mut db = rusqlite::Connection::open(folder.path().join("scripts.db")).expect("a file");
        let watch = |event: &Event<'_>| hear(&format!("told {event:?}"));
        let table = whimbrel::TableName::new(&format!("history_{}", script.len())).expect("a name");
        let set = Memory::new().with_sql(1, "secret", script.clone());
        let error = Migrator::new(set)
            .with_table(table.clone())
            .with_unbaselined(whimbrel::Unbaselined::Allow)
            .with_observer(watch)
            .with_observer(Tracing::new())
            .run_blocking(&mut db)
            .expect_err(&script);
        let rows = match db.prepare(&format!("SELECT * FROM {table}")) {
            Ok(_) => whimbrel_tests::picture::rows(&db, &format!("SELECT * FROM {table}")),
            Err(_) => String::new(),
        };
        seen(&script, format!("{}{error:#}{rows}", shown(&error)));
    }
    ways
}

/// A run that succeeds and one that fails, told to everybody who may listen.
async fn migrate(db: &mut Either) {
    let set = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1);");
    let watch = |event: &Event<'_>| hear(&format!("told {event:?}"));
    let migrator = |set: &Memory| {
        let migrator = Migrator::new(set.clone()).with_observer(watch).with_observer(Tracing::new());
        hear(&format!("{migrator:?}"));
        migrator
    };
    migrator(&set).run(db).await.unwrap_or_else(|error| panic!("{error:#}"));
    let error =
        migrator(&set.with_sql(2, "no", "SELECT nothing FROM nowhere;")).run(db).await.expect_err("it fails");
    hear(&shown(&error));
    hear(&format!("{error:#} {:?}", error.source()));
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_07_a_password_is_in_no_error_debug_log_event_span_panic_or_row_however_a_connection_fails() {
    listen_in();
    let ways = ways_to_fail_on_sqlite();
    println!("SQLite: {ways} ways in which a secret could be shown");
    assert_eq!(ways, 23);
    for kind in kinds() {
        let ways = ways_to_fail(kind).await;
        println!("{kind}: {ways} ways in which a connection fails");
        assert!(ways >= 30, "{kind}: {ways}");
    }
    // The fixture itself is heard: what a client logs, and what is told.
    let secret = Secret::new(PASSWORD);
    hear(&format!("{secret:?} {secret:#?}"));
    // A panic of the application's that shows what it has.
    let caught = std::panic::catch_unwind(|| {
        let url = DatabaseUrl::parse(&format!("postgres://app:{PASSWORD}@h/app")).expect("a URL");
        panic!("{url:?} {url} {:?}", url.password());
    });
    assert!(caught.is_err());
    let heard = HEARD.lock().expect("nobody panics").clone();
    for word in ["log ", "told Planned", "event whimbrel", "span ", "panic "] {
        assert!(heard.contains(word), "nothing was heard of `{word}`");
    }
    let lines: Vec<&str> = heard.lines().filter(|line| line.contains(PASSWORD)).collect();
    assert!(lines.is_empty(), "{lines:#?}");
    let line = std::fs::read("/proc/self/cmdline").expect("the arguments of this process");
    assert!(!String::from_utf8_lossy(&line).contains(PASSWORD));
}
