//! The driver alone, on real servers: what it counts, which errors it tells, what it gives back.

use whimbrel::{Answers, DatabaseUrl, Driver, DriverError, ErrorClass, Message};
use whimbrel_mysql::MySql;
use whimbrel_testkit::{Server, ServerKind};

/// Connects to each server, to a database that is empty.
async fn each<F: Future<Output = ()>>(test: impl Fn(MySql, DatabaseUrl) -> F) {
    for kind in [ServerKind::MariaDb, ServerKind::MySql] {
        let server = Server::shared(kind).expect("a server");
        let name = Server::unique_name();
        let mut admin = MySql::connect(&url(server, "")).await.expect("a connection");
        run(&mut admin, &format!("CREATE DATABASE {name}"), 1).await.1.expect("a database");
        let url = url(server, &name);
        test(MySql::connect(&url).await.expect("a connection"), url).await;
        run(&mut admin, &format!("DROP DATABASE {name}"), 1).await.1.expect("it is there");
    }
}

fn url(server: &Server, database: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&server.url(database)).expect("a URL")
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
    each(|mut db, _| async move {
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
    each(|mut db, _| async move {
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
    each(|mut db, _| async move {
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
