//! Connecting: with passwords and TLS, through a pooler, to a server that is starting up, and to a standby.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use whimbrel::{
    Answers, DatabaseUrl, Driver, ErrorClass, ErrorKind, HostAddress, Message, Scheme, Secret, SessionNumber,
    TlsMode,
};
use whimbrel_postgres::{ConnectOptions, DIALECT, Postgres};
use whimbrel_testkit::{PgBouncer, Server, ServerKind, ServerOptions};

/// What a password may hold: whatever it is, nobody sees it.
const PASSWORD: &str = "M@RK/ER:% 'ä\\";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Runtime::new().expect("a runtime").block_on(future)
}

async fn run(db: &mut Postgres, sql: &str) {
    db.execute(&[Message::new(sql, 1)], &mut Answers::new()).await.expect(sql);
}

async fn number(db: &mut Postgres, sql: &str) -> i64 {
    db.query(sql, &[]).await.expect(sql)[0].read(0).expect("a number")
}

/// An authority, and a server's certificate of its.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&key).expect("an authority");
        let issuer = Issuer::new(authority, key);
        let own = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned()];
        let server = CertificateParams::new(names).expect("names").signed_by(&own, &issuer).expect("signed");
        let this = Self { folder };
        for (name, text) in
            [("ca", certificate.pem()), ("server", server.pem()), ("key", own.serialize_pem())]
        {
            std::fs::write(this.path(name), text).expect("written");
        }
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn passwords_and_tls_are_as_the_url_says_and_no_secret_is_shown() {
    let certificates = Certificates::new();
    let options = ServerOptions::new(ServerKind::Postgres)
        .with_tls(certificates.path("server"), certificates.path("key"))
        .with_access("hostssl all app 127.0.0.1/32 scram-sha-256")
        .with_access("hostnossl all app 127.0.0.1/32 reject");
    let server = Server::start(&options).expect("a server");
    block_on(async {
        let socket = server.socket().expect("a socket");
        let socket = DatabaseUrl::new(Scheme::Postgres, socket.parent().expect("a folder").to_path_buf())
            .with_user("postgres")
            .with_database("postgres");
        let local = |url: &DatabaseUrl| format!("{}", url.hosts()[0].address);
        assert!(local(&socket).starts_with('/'));
        let mut admin = Postgres::connect_with(
            whimbrel_postgres::tokio_postgres::Config::new()
                .host_path(server.socket().expect("a socket").parent().expect("a folder"))
                .port(server.port())
                .user("postgres")
                .dbname("postgres"),
            whimbrel_postgres::tokio_postgres::NoTls,
        )
        .await
        .expect("by the socket");
        let literal = (DIALECT.literal)(PASSWORD);
        run(&mut admin, &format!("CREATE ROLE app LOGIN PASSWORD {literal}")).await;
        let host = |name: &str| whimbrel::Host::new(HostAddress::from(name)).with_port(server.port());
        let url = |name: &str, mode, password: &str| {
            DatabaseUrl::new(Scheme::Postgres, host(name))
                .with_user("app")
                .with_password(Secret::new(password))
                .with_database("postgres")
                .with_tls(mode)
        };
        let trusting = |url: DatabaseUrl| url.with_root_certificate(certificates.path("ca"));
        let good = [
            url("localhost", TlsMode::Require, PASSWORD),
            trusting(url("127.0.0.1", TlsMode::VerifyCa, PASSWORD)),
            trusting(url("localhost", TlsMode::VerifyFull, PASSWORD)),
            trusting(url("localhost", TlsMode::VerifyFull, PASSWORD))
                .with_parameter("channel_binding", "require"),
        ];
        for url in good {
            let mut db = Postgres::connect(&url).await.unwrap_or_else(|error| panic!("{url}: {error:#}"));
            let sql = "SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            assert_eq!(number(&mut db, sql).await, 1);
            let session = number(&mut db, "SELECT pg_backend_pid()").await;
            assert_eq!(db.dialect().session, SessionNumber::Known(session));
            // What is cancelled over TLS is cancelled.
            {
                let mut answers = Answers::new();
                let messages = [Message::new("SELECT pg_sleep(60)", 1)];
                let call = db.execute(&messages, &mut answers);
                assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
            }
            let began = Instant::now();
            let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {session}");
            while number(&mut admin, &there).await > 0 {
                assert!(began.elapsed() < Duration::from_secs(10), "it sleeps on");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let cases = [
            (url("localhost", TlsMode::Require, "M@RK wrong"), "28P01"),
            (url("localhost", TlsMode::Disable, PASSWORD), "28000"),
            (url("localhost", TlsMode::VerifyFull, PASSWORD), "signed by nobody who is trusted"),
            (trusting(url("127.0.0.1", TlsMode::VerifyFull, PASSWORD)), "another name: localhost"),
            (url("localhost", TlsMode::VerifyFull, PASSWORD).with_root_certificate("/nowhere"), "/nowhere"),
            (
                url("localhost", TlsMode::Require, PASSWORD)
                    .with_parameter("target_session_attrs", "read-only"),
                "target_session_attrs",
            ),
        ];
        for (url, part) in cases {
            let error = Postgres::connect(&url).await.expect_err("refused");
            let shown = format!("{error} {error:#} {error:?} {url} {url:?}");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{shown}");
            assert!(shown.contains(part), "{part}: {shown}");
            assert!(!shown.contains("M@RK") && !shown.contains("M%40RK"), "{shown}");
        }
    });
}

#[test]
fn a_pooler_tells_another_number_than_the_server() {
    let pooler = PgBouncer::shared().expect("a pooler");
    block_on(async {
        let url: DatabaseUrl = pooler.url("postgres").parse().expect("a URL");
        let mut db = Postgres::connect(&url).await.expect("a connection");
        let session = number(&mut db, "SELECT pg_backend_pid()").await;
        assert!(matches!(db.dialect().session, SessionNumber::Known(told) if told != session));
        let rows = db.query("SELECT $1::int", &[7.into()]).await.expect("values go through");
        assert_eq!(rows[0].read::<i64>(0), Ok(7));
    });
}

#[test]
fn a_server_that_is_not_up_yet_is_waited_for() {
    let server = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("a server");
    let url: DatabaseUrl = server.url("postgres").parse().expect("a URL");
    server.kill().expect("it dies");
    let error = block_on(Postgres::connect(&url)).expect_err("it is down");
    assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
    let said = "see that the server runs and listens there; `with_startup_deadline` waits until it does";
    assert!(error.notes().any(|(name, text)| (name, text) == ("next", said)), "{error:#}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let options = ConnectOptions::new().with_startup_deadline(Duration::from_secs(30));
            block_on(options.connect(&url)).map(drop)
        });
        server.restart().expect("it starts");
        waiting.join().expect("no panic").expect("it is up");
    });
}

#[test]
fn a_standby_is_read_only() {
    let primary = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("a server");
    let standby = Server::standby_of(&primary).expect("a standby");
    block_on(async {
        let url: DatabaseUrl = standby.url("postgres").parse().expect("a URL");
        let mut db = Postgres::connect(&url).await.expect("a connection");
        for sql in ["CREATE TABLE t (id int)", DIALECT.transaction.begin] {
            let error = db.execute(&[Message::new(sql, 1)], &mut Answers::new()).await.expect_err(sql);
            assert_eq!(error.class(), ErrorClass::ReadOnly, "{sql}: {error:?}");
        }
    });
}
