//! Databases on the servers of the tests, and how statements are run there.

#![allow(dead_code, reason = "each test file uses a part")]

use whimbrel::{Answers, DatabaseUrl, Driver, DriverError, Message, Progress};
use whimbrel_mysql::MySql;
use whimbrel_testkit::{Installation, Server, ServerKind};

pub(crate) fn url(server: &Server, database: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&server.url(database)).expect("a URL")
}

/// The servers to test on: MariaDB, which has to be there, and MySQL where it is to be had. The table that closes a run of
/// `cargo xtask test` says which were used.
pub(crate) fn kinds() -> Vec<ServerKind> {
    let named = std::env::var_os(ServerKind::MySql.variable()).is_some();
    let found = named || Installation::find(ServerKind::MySql, None).is_ok();
    if !found {
        eprintln!("there is no MySQL here: not tested on it");
    }
    [ServerKind::MariaDb].into_iter().chain(found.then_some(ServerKind::MySql)).collect()
}

/// Connects to a new database, which goes with its server.
pub(crate) async fn database(kind: ServerKind) -> MySql {
    let server = Server::shared(kind).expect("a server");
    let name = Server::unique_name();
    let mut admin = MySql::connect(&url(server, "")).await.expect("a connection");
    run(&mut admin, &format!("CREATE DATABASE {name}"), 1).await.1.expect("a database");
    MySql::connect(&url(server, &name)).await.expect("a connection")
}

/// Runs one message; how many statements of it were answered, and what came of it.
pub(crate) async fn run(db: &mut MySql, sql: &str, statements: usize) -> (usize, Result<(), DriverError>) {
    let mut count = 0;
    let mut watch = |progress| {
        if let Progress::Statement { .. } = progress {
            count += 1;
        }
    };
    let mut answers = Answers::watched(&mut watch);
    let result = db.execute(&[Message::new(sql, statements)], &mut answers).await;
    drop(answers);
    (count, result)
}

pub(crate) async fn number(db: &mut MySql, sql: &str) -> i64 {
    db.query(sql, &[]).await.expect("an answer")[0].read(0).expect("a number")
}

pub(crate) async fn text(db: &mut MySql, sql: &str) -> String {
    db.query(sql, &[]).await.expect("an answer")[0].read(0).expect("a text")
}
