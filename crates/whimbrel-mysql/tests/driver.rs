//! The driver alone, on real servers: what it counts, which errors it tells, what it gives back.

use std::time::Duration;

use whimbrel::{Answers, Driver, DriverError, ErrorClass, Message, Value};
use whimbrel_mysql::MySql;
use whimbrel_mysql::mysql_async::{Conn, Opts, OptsBuilder, Pool, prelude::Queryable};

/// The servers, from the environment.
fn urls() -> Vec<String> {
    ["WHIMBREL_MARIADB_URL", "WHIMBREL_MYSQL_URL"]
        .iter()
        .map(|name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set")))
        .collect()
}

fn opts(url: &str, database: &str) -> OptsBuilder {
    OptsBuilder::from_opts(Opts::from_url(url).expect("a URL")).db_name(Some(database))
}

/// Connects to each server, to a database of that name that is empty.
async fn each<F: Future<Output = ()>>(name: &str, test: impl Fn(MySql, String) -> F) {
    for url in urls() {
        let mut conn = Conn::new(Opts::from_url(&url).expect("a URL")).await.expect("a server");
        let sql = format!("DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name}");
        conn.query_drop(sql).await.expect("a database");
        let db = MySql::connect_with(opts(&url, name)).await.expect("a connection");
        test(db, url.clone()).await;
        conn.query_drop(format!("DROP DATABASE {name}")).await.expect("it is there");
        conn.disconnect().await.expect("it closes");
    }
}

/// Runs one message; how many statements of it were answered, and what came of it.
async fn run(db: &mut MySql, sql: &str, statements: usize) -> (usize, Result<(), DriverError>) {
    let mut count = 0;
    let mut watch = |progress| {
        if let whimbrel::Progress::Statement { .. } = progress {
            count += 1;
        }
    };
    let mut answers = Answers::watched(&mut watch);
    let result = db.execute(&[Message::new(sql, statements)], &mut answers).await;
    drop(answers);
    (count, result)
}

async fn number(db: &mut MySql, sql: &str) -> i64 {
    db.query(sql, &[]).await.expect("an answer")[0].read(0).expect("a number")
}

#[tokio::test]
async fn the_error_of_the_nth_statement_is_never_lost() {
    each("nth", |mut db, _| async move {
        for good in
            ["DO 0", "SELECT 1 UNION SELECT 2", "SELECT 1 FROM dual WHERE false", "INSERT INTO t VALUES (1)"]
        {
            for n in 1..=5 {
                for length in n..=5 {
                    run(&mut db, "DROP TABLE IF EXISTS t; CREATE TABLE t (n INT)", 2)
                        .await
                        .1
                        .expect("a table");
                    let mut pieces = vec![good; length];
                    pieces[n - 1] = "SELECT nothing FROM nowhere";
                    let (count, result) = run(&mut db, &pieces.join(";\n"), length).await;
                    let error = result.expect_err("it fails");
                    assert_eq!(
                        (count, error.class(), error.code()),
                        (n - 1, ErrorClass::Sql, Some("1146")),
                        "{pieces:?}"
                    );
                    // What stood before it has taken effect, and the connection goes on.
                    let done = number(&mut db, "SELECT count(*) FROM t").await;
                    assert_eq!(done, if good.starts_with("INSERT") { n as i64 - 1 } else { 0 });
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_amid_rows_is_its_own_statements() {
    each("amid", |mut db, _| async move {
        run(&mut db, "CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2)", 2).await.1.expect("a table");
        // The first row is sent before the second one fails.
        let fails = "SELECT if(n = 2, (SELECT n FROM t), 0) FROM t";
        for (sql, before) in [(fails.to_owned(), 0), (format!("SELECT n FROM t; {fails}; DO 0"), 1)] {
            let (count, result) = run(&mut db, &sql, 3).await;
            assert_eq!((count, result.expect_err("it fails").code()), (before, Some("1242")));
        }
        assert_eq!(number(&mut db, "SELECT 7").await, 7);
    })
    .await;
}

#[tokio::test]
async fn all_statements_are_counted() {
    each("counted", |mut db, _| async move {
        for n in 1..=5 {
            for piece in ["DO 0", "SELECT 1", "SELECT 1 UNION SELECT 2", "SET @x = 1"] {
                let (count, result) = run(&mut db, &vec![piece; n].join(";"), n).await;
                result.expect("it works");
                assert_eq!(count, n, "{piece}");
            }
        }
        let sql = "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; DO 0; END";
        assert_eq!(run(&mut db, sql, 1).await.0, 1);
        assert_eq!(run(&mut db, "CALL p()", 1).await.0, 1);
        // As one statement among others it cannot be told from three.
        assert_eq!(run(&mut db, "CALL p(); DO 0", 2).await.0, 4);
        assert_eq!(run(&mut db, "SELECT 1; SELECT 2", 1).await.0, 2);
    })
    .await;
}
