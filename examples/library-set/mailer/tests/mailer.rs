//! The application with its library, as a process, on both databases. Knows the programs from outside only.

use std::path::Path;
use std::process::Command;

use whimbrel::{DatabaseUrl, Driver, Row, Value};
use whimbrel_postgres::Postgres;
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Server, ServerKind};

/// Runs it, and answers what it printed.
fn mailer(url: &str, recipient: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mailer"))
        .arg(recipient)
        .env("DATABASE_URL", url)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The rows that a question gives, their texts apart by blanks.
async fn rows(db: &mut impl Driver, sql: &str) -> Vec<String> {
    let rows = db.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let words = |row: &Row| match row.values() {
        [Value::Text(one), Value::Text(two)] => format!("{one} {two}"),
        _ => panic!("{sql}: not two texts"),
    };
    rows.iter().map(words).collect()
}

/// What was applied, in the order of each set.
const APPLIED: &str =
    "SELECT set_name, name FROM whimbrel_history WHERE event = 'applied' ORDER BY set_name DESC, seq";
/// The mails whose jobs have ended.
const SENT: &str =
    "SELECT recipient, kind FROM mails JOIN jobs ON id = job_id WHERE ended_at IS NOT NULL ORDER BY id";

async fn sends_through_the_librarys_queue(url: &str, db: &mut impl Driver) {
    let first = mailer(url, "ada@example.com");
    let (report, _) = first.split_once('(').expect("a time");
    assert_eq!(report, "applied 4 migrations, now at 1_create_mails ");
    assert!(include_str!("../../README.md").contains(report), "the page does not say `{report}`");
    assert!(first.ends_with("job 1: a mail to ada@example.com\n"), "{first}");
    let second = mailer(url, "bob@example.com");
    assert!(second.starts_with("up to date at 1_create_mails (1 query"), "{second}");
    assert!(second.ends_with("job 2: a mail to bob@example.com\n"), "{second}");
    assert_eq!(
        rows(db, APPLIED).await,
        ["jobs create_jobs", "jobs jobs_end", "jobs index_jobs_that_wait", "app create_mails"]
    );
    assert_eq!(rows(db, SENT).await, ["ada@example.com mail", "bob@example.com mail"]);
}

#[tokio::test]
async fn both_sets_are_migrated_and_used_on_postgres() {
    let server = Server::shared(ServerKind::Postgres).expect("a PostgreSQL");
    let connect = async |database: &str| {
        let url = DatabaseUrl::parse(&server.url(database)).expect("a URL").allowing_default_credentials();
        Postgres::connect(&url).await.unwrap_or_else(|error| panic!("{error:#}"))
    };
    let name = Server::unique_name();
    connect("postgres").await.query(&format!("CREATE DATABASE {name}"), &[]).await.expect("a database");
    sends_through_the_librarys_queue(&server.url(&name), &mut connect(&name).await).await;
}

#[tokio::test]
async fn both_sets_are_migrated_and_used_on_sqlite() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file: &Path = &folder.path().join("mailer.db");
    let mut db = Sqlite::open(file).await.expect("a file");
    sends_through_the_librarys_queue(&format!("sqlite:{}", file.display()), &mut db).await;
}

#[test]
fn a_database_that_the_library_has_no_tables_for_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_mailer"))
        .arg("ada@example.com")
        .env("DATABASE_URL", "mysql://app:hunter2@localhost/mails")
        .output()
        .expect("it starts");
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("there is no queue for mysql") && !told.contains("hunter2"), "{told}");
}
