//! The service as a process of its own, on a real PostgreSQL. Knows the service from outside only, and of its migrations
//! where they lie.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use whimbrel::{DatabaseUrl, Directory, Driver, Migrator, Report, Version};
use whimbrel_postgres::{Postgres, tokio_postgres};
use whimbrel_testkit::{Server, ServerKind};

const ROLES: &str = include_str!("../../kubernetes/roles.sql");

/// A new database on the server that the tests share.
struct Database {
    name: String,
}

impl Database {
    async fn new() -> Self {
        let name = Server::unique_name();
        let create = format!("CREATE DATABASE {name}");
        client(&server().url("postgres")).await.batch_execute(&create).await.expect("a database");
        Self { name }
    }

    fn url(&self) -> String {
        server().url(&self.name)
    }

    /// The URL of a user who needs no password.
    fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}@{}:{}/{}", server().host(), server().port(), self.name)
    }

    async fn run(&self, sql: &str) {
        let answer = client(&self.url()).await.batch_execute(sql).await;
        answer.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    async fn number(&self, sql: &str) -> i64 {
        let row = client(&self.url()).await.query_one(sql, &[]).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    /// The roles of the example for Kubernetes, with this database's name in place of the shop's: a server has them once.
    async fn with_roles(&self) {
        self.run(&ROLES.replace("shop", &self.name)).await;
    }

    /// Migrates as the example for Kubernetes does.
    async fn migrate_as_migrator(&self) -> whimbrel::Result<Report> {
        let url = self.url_of(&format!("{}_migrator", self.name));
        let mut db = connect(&url).await;
        Migrator::new(migrations()).with_role(format!("{}_owner", self.name)).run(&mut db).await
    }

    /// The service on it, as this user. It chooses a port by itself.
    fn service(&self, url: &str, mode: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum-service"));
        command.env("DATABASE_URL", url).env("MIGRATIONS", mode).env("LISTEN", "127.0.0.1:0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self, url: &str, mode: &str) -> Service {
        Service::new(self.service(url, mode).stderr(Stdio::inherit()).spawn().expect("it starts"))
    }

    fn output(&self, url: &str, mode: &str) -> Output {
        self.service(url, mode).output().expect("it starts")
    }
}

fn server() -> &'static Server {
    Server::shared(ServerKind::Postgres).expect("a PostgreSQL")
}

fn migrations() -> Directory {
    Directory::new(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
}

async fn connect(url: &str) -> Postgres {
    let url = DatabaseUrl::parse(url).expect("a URL of the harness").allowing_default_credentials();
    Postgres::connect(&url).await.unwrap_or_else(|error| panic!("{error:#}"))
}

async fn client(url: &str) -> Box<tokio_postgres::Client> {
    connect(url).await.into_client().expect("a client")
}

/// The process, ended with the value.
struct Service {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Service {
    fn new(mut child: Child) -> Self {
        let stdout = child.stdout.take().expect("it is piped");
        Self { child, lines: BufReader::new(stdout).lines() }
    }

    fn line(&mut self) -> String {
        self.lines.next().map_or_else(String::new, |line| line.expect("text"))
    }

    /// Waits until it serves. Answers what was done to the database, and where it listens.
    fn serving(&mut self) -> (String, String) {
        let (report, line) = (self.line(), self.line());
        let address = line.strip_prefix("listening on http://");
        (report, address.unwrap_or_else(|| panic!("`{line}` instead of an address")).to_owned())
    }

    /// Tells it to end, as orchestrators do, and waits until it has.
    fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let kill = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
        assert!(kill.expect("a shell").success());
        self.child.wait().expect("a child").code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request: the status, and the body.
fn request(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n");
    let head = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    (status, body.to_owned())
}

const GLOBE: &str = r#"{"name":"globe","price_cents":4900,"stock":3}"#;

#[tokio::test(flavor = "multi_thread")]
async fn it_migrates_then_serves_then_ends_when_it_is_told() {
    let database = Database::new().await;
    let mut service = database.start(&database.url(), "migrate");
    let (report, address) = service.serving();
    assert!(report.starts_with("applied 2 migrations"), "{report}");
    let (told, _) = report.split_once('(').expect("a time");
    assert!(include_str!("../README.md").contains(told), "the page does not say `{told}`");
    assert_eq!(request(&address, "GET", "/ready", ""), (200, "ready\n".to_owned()));
    assert_eq!(request(&address, "GET", "/products", ""), (200, "[]".to_owned()));
    assert_eq!(request(&address, "POST", "/products", GLOBE).0, 201);
    assert_eq!(request(&address, "POST", "/products", GLOBE).0, 409);
    assert_eq!(request(&address, "POST", "/products", &GLOBE.replace("4900", "-1")).0, 422);
    assert_eq!(request(&address, "GET", "/products", ""), (200, format!("[{GLOBE}]")));
    assert_eq!(service.end(), Some(0));

    let mut again = database.start(&database.url(), "migrate");
    let (report, _) = again.serving();
    assert!(report.starts_with("up to date at 2_products_have_a_stock (1 query"), "{report}");
    assert_eq!(again.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_apply_everything_once() {
    let database = Database::new().await;
    let mut services: Vec<_> = (0..5).map(|_| database.start(&database.url(), "migrate")).collect();
    let reports: Vec<_> = services.iter_mut().map(|service| service.serving().0).collect();
    let applied = reports.iter().filter(|report| report.starts_with("applied 2 migrations")).count();
    assert_eq!(applied, 1, "{reports:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_is_told_with_its_place_and_nothing_is_served() {
    let database = Database::new().await;
    let first = Version::new(1).expect("a version");
    let mut db = connect(&database.url()).await;
    Migrator::new(migrations()).with_target(first).run(&mut db).await.expect("an older version's migrations");
    // Somebody was quicker, by hand.
    database.run("ALTER TABLE products ADD COLUMN stock integer").await;

    let output = database.output(&database.url(), "migrate");
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("error: "), "{told}");
    for part in [
        "migration 2_products_have_a_stock failed, and nothing of it was kept",
        "0002_products_have_a_stock.up.sql:1:1",
        "1 | ALTER TABLE products ADD COLUMN stock bigint NOT NULL DEFAULT ?;",
        "already exists (42701)",
        "= next: ",
    ] {
        assert!(told.contains(part), "without `{part}`: {told}");
    }
    assert!(output.stdout.is_empty(), "it served all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_else_has_made_is_refused_and_left_alone() {
    let database = Database::new().await;
    database.run("CREATE TABLE products (id bigint)").await;
    let output = database.output(&database.url(), "migrate");
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("refused: ") && told.contains("history"), "{told}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.number(tables).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_rights_to_rows_only_serves_once_another_process_has_migrated() {
    let database = Database::new().await;
    database.with_roles().await;
    let app = database.url_of(&format!("{}_app", database.name));

    // With such a role it cannot migrate, and says what is missing.
    let output = database.output(&app, "migrate");
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("permission denied for schema public"), "{told}");

    let mut waiting = database.start(&app, "wait");
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}_app'", database.name);
    while database.number(&sessions).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(waiting.child.try_wait().expect("a child").is_none(), "it did not wait");
    let report = database.migrate_as_migrator().await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report.migrations.len(), 2);
    let (report, address) = waiting.serving();
    assert!(report.starts_with("up to date at 2_products_have_a_stock"), "{report}");
    assert_eq!(request(&address, "POST", "/products", GLOBE).0, 201);
    assert_eq!(request(&address, "GET", "/products", ""), (200, format!("[{GLOBE}]")));
    assert_eq!(waiting.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_give_the_application_the_rows_and_nothing_else() {
    let database = Database::new().await;
    database.with_roles().await;
    let report = database.migrate_as_migrator().await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report.migrations.len(), 2);
    let owned = format!(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = \
         CASE tablename WHEN 'products' THEN '{0}_owner' WHEN 'whimbrel_history' THEN '{0}_migrator' END",
        database.name
    );
    assert_eq!(database.number(&owned).await, 2);

    let mut app = connect(&database.url_of(&format!("{}_app", database.name))).await;
    for allowed in [
        "INSERT INTO products (name, price_cents) VALUES ('globe', 1)",
        "UPDATE products SET price_cents = 2",
        "SELECT name FROM products",
        "DELETE FROM products",
        "SELECT count(*) FROM whimbrel_history",
    ] {
        app.query(allowed, &[]).await.unwrap_or_else(|error| panic!("{allowed}: {error}"));
    }
    for denied in [
        "CREATE TABLE mine (n integer)",
        "ALTER TABLE products ADD COLUMN n integer",
        "DROP TABLE products",
        "TRUNCATE products",
        "DELETE FROM whimbrel_history",
        "UPDATE whimbrel_history SET who = 'v1'",
        "INSERT INTO whimbrel_history SELECT * FROM whimbrel_history",
        &format!("SET ROLE {}_owner", database.name),
    ] {
        let error = app.query(denied, &[]).await.expect_err(denied);
        assert_eq!(error.code(), Some("42501"), "{denied}: {error}");
    }
    // What migrates gets at the tables only as the owner.
    let mut migrator = connect(&database.url_of(&format!("{}_migrator", database.name))).await;
    let error = migrator.query("SELECT name FROM products", &[]).await.expect_err("not as itself");
    assert_eq!(error.code(), Some("42501"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_waits_ends_when_it_is_told() {
    let database = Database::new().await;
    let name = &database.name;
    let mut waiting = database.start(&format!("{}?application_name={name}_waits", database.url()), "wait");
    let sessions = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}_waits'");
    while database.number(&sessions).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(waiting.child.try_wait().expect("a child").is_none(), "it did not wait");
    assert_eq!(waiting.end(), Some(0));
}

#[test]
fn what_is_wrong_with_its_settings_is_told_and_no_password_is() {
    let settings = [
        (None, "migrate", "DATABASE_URL"),
        (Some("postgres://app:hunter2@localhost:port/shop"), "migrate", "port"),
        (Some("postgres://app@localhost/shop"), "perhaps", "MIGRATIONS is neither `migrate` nor `wait`"),
    ];
    for (url, mode, told) in settings {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axum-service"));
        command.env_remove("DATABASE_URL").envs(url.map(|url| ("DATABASE_URL", url))).env("MIGRATIONS", mode);
        let output = command.output().expect("it starts");
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(told), "without `{told}`: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
