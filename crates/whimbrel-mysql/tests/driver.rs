//! The driver alone, on real servers: what it counts, which errors it tells, what it gives back.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;
use whimbrel::{
    Answers, BootQuery, BootSet, DatabaseUrl, Digest, Driver, ErrorClass, ErrorKind, Message, TableName,
    Value,
};
use whimbrel_mysql::MySql;
use whimbrel_mysql::mysql_async::{Conn, Opts, Pool, prelude::Queryable};
use whimbrel_testkit::{Server, ServerKind};

mod server;
use server::{database, number, run, text, url};

/// Runs a test on an empty database of each server.
async fn each<F: Future<Output = ()>>(test: impl Fn(MySql) -> F) {
    for kind in server::kinds() {
        test(database(kind).await).await;
    }
}

#[tokio::test]
async fn the_error_of_the_nth_statement_is_never_lost() {
    each(|mut db| async move {
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
    each(|mut db| async move {
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
    each(|mut db| async move {
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

#[tokio::test]
async fn values_of_every_kind_come_back_the_same_from_text_and_from_prepared_statements() {
    each(|mut db| async move {
        let create = "CREATE TABLE t (i BIGINT, u BIGINT UNSIGNED, f FLOAT, d DOUBLE, n DECIMAL(20, 5), v VARCHAR(20), \
                      b VARBINARY(4), y DATE, s DATETIME(6), h TIME, j JSON, k BIT(3), e ENUM('x'), z INT); \
                      INSERT INTO t VALUES (-7, 18446744073709551615, 0.1, 1e300, 1.50000, 'é', x'00ff', '2026-01-02', \
                      '2026-01-02 03:04:05.000006', '-101:02:03', '[1]', b'101', 'x', NULL)";
        run(&mut db, create, 2).await.1.expect("a table");
        let text = db.query("SELECT * FROM t", &[]).await.expect("rows");
        let prepared = db.query("SELECT * FROM t WHERE i < ?", &[Value::Integer(0)]).await.expect("rows");
        let expected = vec![
            Value::Integer(-7),
            Value::from("18446744073709551615"),
            Value::Real(0.1),
            Value::Real(1e300),
            Value::from("1.50000"),
            Value::from("é"),
            Value::Blob(vec![0, 255]),
            Value::from("2026-01-02"),
            Value::from("2026-01-02 03:04:05.000006"),
            Value::from("-101:02:03"),
            Value::from("[1]"),
            Value::Blob(vec![5]),
            Value::from("x"),
            Value::Null,
        ];
        for rows in [&text, &prepared] {
            for (column, value) in expected.iter().enumerate() {
                assert!(rows[0].values()[column] == *value, "column {column}");
            }
            assert_eq!(rows[0].column::<String>("V").expect("a text"), "é");
        }
        let sql = "INSERT INTO t (i, d, v, b, z) VALUES (?, ?, ?, ?, ?)";
        let values = [1.into(), 0.5.into(), "it's \\".into(), vec![1_u8, 0].into(), Value::Null];
        assert_eq!(db.query(sql, &values).await.expect("a row").affected(), 1);
        let rows = db.query("SELECT i, d, v, b, z FROM t WHERE i = 1", &[]).await.expect("rows");
        assert!(rows[0].values() == values);
        assert_eq!(db.query("UPDATE t SET z = 3", &[]).await.expect("it works").affected(), 2);
        assert_eq!(db.query("SELECT ?", &[]).await.expect_err("no value").class(), ErrorClass::Sql);
    })
    .await;
}

#[tokio::test]
async fn errors_are_of_their_class_and_quote_no_value() {
    each(|mut db| async move {
        let create = "CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1); \
                      CREATE TABLE c (id INT NOT NULL PRIMARY KEY, p INT, w VARCHAR(9) UNIQUE, k CHAR(2), \
                      CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id), CONSTRAINT x CHECK (id < 100)); \
                      INSERT INTO c VALUES (1, 1, 'secret', 'a')";
        run(&mut db, create, 4).await.1.expect("tables");
        for (sql, class, code) in [
            ("INSERT INTO c VALUES (2, 1, 'secret', 'a')", ErrorClass::Constraint, "1062"),
            ("INSERT INTO c VALUES (NULL, 1, 'b', 'a')", ErrorClass::Constraint, "1048"),
            ("INSERT INTO c VALUES (3, 7, 'b', 'a')", ErrorClass::Constraint, "1452"),
            ("DELETE FROM p", ErrorClass::Constraint, "1451"),
            ("INSERT INTO c VALUES (100, 1, 'b', 'a')", ErrorClass::Constraint, "3819 4025"),
            ("INSERT INTO c VALUES ('secret', 1, 'b', 'a')", ErrorClass::Sql, "1366"),
            ("INSERT INTO c VALUES (4, 1, 'b', 'secret')", ErrorClass::Sql, "1406"),
            ("SELECT date_add('secret', INTERVAL 'secret' NOTHING)", ErrorClass::Sql, "1064"),
            ("UPDATE p SET id = 'secret'", ErrorClass::Sql, "1366 1292"),
            ("SELECT 9223372036854775807 + length('secret')", ErrorClass::Sql, "1690"),
            ("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'secret'", ErrorClass::Sql, "1644"),
            ("CREATE TABLE p (id INT)", ErrorClass::Sql, "1050"),
            ("DROP TABLE q", ErrorClass::Sql, "1051"),
            ("SELECT * FROM q", ErrorClass::Sql, "1146"),
            ("ALTER TABLE p ADD id INT", ErrorClass::Sql, "1060"),
            ("ALTER TABLE c ADD KEY w (id)", ErrorClass::Sql, "1061"),
            ("ALTER TABLE p DROP q", ErrorClass::Sql, "1091"),
            ("SELECT q FROM p", ErrorClass::Sql, "1054"),
            ("DROP TABLE p", ErrorClass::Sql, "1451 3730"),
            ("CREATE TABLE r (id INT, FOREIGN KEY (id) REFERENCES q (id))", ErrorClass::Sql, "1005 1824"),
            ("SELECT nothing()", ErrorClass::Sql, "1305"),
            ("CALL nothing()", ErrorClass::Sql, "1305"),
            ("SET nothing = 1", ErrorClass::Sql, "1193"),
            ("ROLLBACK TO nothing", ErrorClass::NoTransaction, "1305"),
            ("KILL QUERY 999999999", ErrorClass::Other, "1094"),
            ("DROP TRIGGER q", ErrorClass::Sql, "1360"),
            ("DROP EVENT q", ErrorClass::Sql, "1539"),
            ("DROP DATABASE q_q", ErrorClass::Sql, "1008"),
            ("USE q_q", ErrorClass::Sql, "1049"),
            ("ALTER TABLE p ADD KEY (nothing)", ErrorClass::Sql, "1072"),
        ] {
            let error = run(&mut db, sql, 1).await.1.expect_err(sql);
            assert!(code.contains(error.code().expect("a code")), "{sql}: {error}");
            // MariaDB tells a table that a key refers to with the words for rows.
            let class = if error.code() == Some("1451") { ErrorClass::Constraint } else { class };
            assert_eq!(error.class(), class, "{sql}: {error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{sql}: {error}");
        }
        let error =
            run(&mut db, "INSERT INTO c VALUES (2, 1, 'secret', 'a')", 1).await.1.expect_err("it fails");
        assert!(error.to_string().starts_with("Duplicate entry … for key "), "{error}");
        assert!(error.private().expect("the whole").contains("secret"));
        run(&mut db, "SET SESSION TRANSACTION READ ONLY", 1).await.1.expect("it works");
        let error = run(&mut db, "DELETE FROM c", 1).await.1.expect_err("it fails");
        assert_eq!((error.class(), error.code()), (ErrorClass::ReadOnly, Some("1792")));
    })
    .await;
}

#[tokio::test]
async fn a_syntax_error_is_told_where_its_text_stands_only_once() {
    each(|mut db| async move {
        let sql = "DO 0;\nSELECT 1;\nSELECT 'é' FRM dual;\nDO 1";
        let error = run(&mut db, sql, 4).await.1.expect_err("it fails");
        assert_eq!(error.offset(), sql.find("dual"), "{:?}", error.private());
        let error = run(&mut db, "SELECT 1 1; SELECT 1 1", 2).await.1.expect_err("it fails");
        assert!(error.offset().is_none_or(|offset| offset == 9), "{:?}", error.private());
        assert_eq!(run(&mut db, "SELECT (", 1).await.1.expect_err("it fails").offset(), None);
    })
    .await;
}

#[tokio::test]
async fn locks_and_deadlocks_are_told_apart() {
    for kind in server::kinds() {
        let mut one = database(kind).await;
        let name = text(&mut one, "SELECT database()").await;
        let server = Server::shared(kind).expect("a server");
        let mut two = MySql::connect(&url(server, &name)).await.expect("a connection");
        run(&mut one, "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)", 2)
            .await
            .1
            .expect("a table");
        let short = "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1";
        run(&mut two, short, 1).await.1.expect("it works");
        run(&mut one, "START TRANSACTION; UPDATE t SET id = 3 WHERE id = 1", 2).await.1.expect("it works");
        for (sql, code) in [("UPDATE t SET id = 4 WHERE id = 1", "1205"), ("ALTER TABLE t ADD n INT", "1205")]
        {
            let error = run(&mut two, sql, 1).await.1.expect_err("it waits");
            assert_eq!((error.class(), error.code()), (ErrorClass::Busy, Some(code)), "{sql}");
        }
        run(&mut two, "START TRANSACTION; UPDATE t SET id = 5 WHERE id = 2", 2).await.1.expect("it works");
        run(&mut two, "SET SESSION innodb_lock_wait_timeout = 20", 1).await.1.expect("it works");
        let (first, second) = tokio::join!(
            run(&mut one, "UPDATE t SET id = 6 WHERE id = 2", 1),
            run(&mut two, "UPDATE t SET id = 7 WHERE id = 1", 1),
        );
        let error = first.1.and(second.1).expect_err("one of them loses");
        assert_eq!((error.class(), error.code()), (ErrorClass::Conflict, Some("1213")));
    }
}

#[tokio::test]
async fn a_transaction_that_is_open_is_refused_and_left_alone() {
    for kind in server::kinds() {
        let mut db = database(kind).await;
        run(&mut db, "CREATE TABLE t (id INT)", 1).await.1.expect("a table");
        let mut conn = db.into_conn().expect("it is sound");
        conn.query_drop("START TRANSACTION; INSERT INTO t VALUES (1)").await.expect("it works");
        let mut db = MySql::from_conn(conn);
        let begin = db.dialect().transaction.begin;
        assert_eq!(run(&mut db, begin, 1).await.1.expect_err("refused").class(), ErrorClass::InTransaction);
        let conn = db.native().downcast_mut::<Conn>().expect("the client");
        conn.query_drop("ROLLBACK").await.expect("it works");
        assert_eq!(number(&mut db, "SELECT count(*) FROM t").await, 0);
        // One that a statement has ended is found.
        run(&mut db, "START TRANSACTION", 1).await.1.expect("it works");
        let error = run(&mut db, "CREATE TABLE u (id INT)", 1).await.1.expect_err("it commits");
        assert_eq!(error.class(), ErrorClass::TransactionLost);
        run(&mut db, "START TRANSACTION", 1).await.1.expect("it works");
        assert!(db.into_conn().is_err());
    }
}

#[tokio::test]
async fn a_dropped_call_closes_the_connection_at_once_and_no_pool_gets_it() {
    for kind in server::kinds() {
        let mut admin = database(kind).await;
        let name = text(&mut admin, "SELECT database()").await;
        let server = Server::shared(kind).expect("a server");
        let pool = Pool::new(Opts::from_url(&server.url(&name)).expect("a URL"));
        for sql in [
            "DO sleep(30)",
            "SELECT 1; DO sleep(30)",
            "SELECT * FROM information_schema.collations; DO sleep(30)",
        ] {
            let mut db = MySql::from_conn(pool.get_conn().await.expect("a connection"));
            let id = number(&mut db, "SELECT connection_id()").await;
            {
                let mut answers = Answers::new();
                let messages = [Message::new(sql, 2)];
                let call = pin!(db.execute(&messages, &mut answers));
                assert!(timeout(Duration::from_millis(300), call).await.is_err(), "{sql}");
            }
            let error = db.query("SELECT 1", &[]).await.expect_err("it is closed");
            assert_eq!(error.class(), ErrorClass::ConnectionLost);
            assert!(db.into_conn().is_err());
            // The server runs on, as servers do; the pool's next connection is another one.
            let mut next = pool.get_conn().await.expect("a connection");
            assert_ne!(i64::from(next.id()), id);
            next.query_drop("SELECT 1").await.expect("it works");
            let _ = run(&mut admin, &format!("KILL {id}"), 1).await;
        }
        let db = MySql::from_conn(pool.get_conn().await.expect("a connection"));
        drop(db.into_conn().expect("it is sound"));
        timeout(Duration::from_secs(5), pool.disconnect())
            .await
            .expect("nothing is left")
            .expect("it closes");
    }
}

#[tokio::test]
async fn a_killed_connection_is_lost() {
    for kind in server::kinds() {
        let mut admin = database(kind).await;
        let mut db = database(kind).await;
        let id = number(&mut db, "SELECT connection_id()").await;
        let (killed, _) = tokio::join!(run(&mut db, "DO sleep(20); DO 0", 2), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            run(&mut admin, &format!("KILL {id}"), 1).await.1.expect("it works");
        });
        assert_eq!(killed.1.expect_err("it is gone").class(), ErrorClass::ConnectionLost);
        assert_eq!(run(&mut db, "DO 0", 1).await.1.expect_err("gone").class(), ErrorClass::ConnectionLost);
    }
}

#[tokio::test]
async fn settings_are_told_as_statements_and_put_back() {
    each(|mut db| async move {
        let settings = db.dialect().settings;
        run(&mut db, "SET SESSION sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES', time_zone = '+03:00'", 1).await.1.expect("it");
        let snapshot = async |db: &mut MySql| -> Vec<Option<String>> {
            let rows = db.query(&format!("SELECT {}", settings.snapshot.join(", ")), &[]).await.expect("a row");
            (0..settings.snapshot.len()).map(|part| rows[0].read(part).expect("a text")).collect()
        };
        let before = snapshot(&mut db).await;
        let changes = "SET SESSION sql_mode = '', time_zone = '+01:00', foreign_key_checks = 0, sql_safe_updates = 1; \
                       SET NAMES latin1; SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE; \
                       SET SESSION TRANSACTION READ ONLY; SET SESSION autocommit = 0; USE mysql; SET completion_type = 1";
        run(&mut db, changes, 7).await.1.expect("it works");
        let now = snapshot(&mut db).await;
        assert!(now != before);
        for statement in before.iter().flatten() {
            run(&mut db, statement, 1).await.1.expect(statement);
        }
        assert_eq!(snapshot(&mut db).await, before);
        let fix = settings.fix.expect("there is one");
        run(&mut db, fix, 1).await.1.expect("it works");
        assert_eq!(number(&mut db, r"SELECT length('a\\b')").await, 3);
        assert_eq!(text(&mut db, r#"SELECT "text""#).await, "text");
    })
    .await;
}

#[tokio::test]
async fn literals_mean_their_text_whatever_the_session_says() {
    for kind in server::kinds() {
        let modes: &[&str] = match kind {
            ServerKind::MariaDb => &["", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES", "ORACLE,EMPTY_STRING_IS_NULL"],
            _ => &["", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"],
        };
        let mut db = database(kind).await;
        run(&mut db, "CREATE TABLE t (v VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)", 1)
            .await
            .1
            .expect("it");
        for mode in modes {
            for charset in ["utf8mb4", "latin1", "sjis"] {
                for value in ["", "plain", "it's", r"C:\n", "\0\u{1a}\n", "é€𝄞", "\"`%_"] {
                    let literal = (db.dialect().literal)(value);
                    let set = format!("SET SESSION sql_mode = '{mode}'; SET NAMES {charset}; DELETE FROM t");
                    run(&mut db, &set, 3).await.1.expect("it works");
                    run(&mut db, &format!("INSERT INTO t VALUES ({literal})"), 1).await.1.expect("it works");
                    let hex = text(&mut db, "SELECT lower(hex(v)) FROM t").await;
                    let expected: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
                    assert_eq!(hex, expected, "{mode} {charset} {value:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_lock_is_the_sessions_and_told_by_every_expression() {
    for kind in server::kinds() {
        let mut one = database(kind).await;
        let name = text(&mut one, "SELECT database()").await;
        let server = Server::shared(kind).expect("a server");
        let mut two = MySql::connect(&url(server, &name)).await.expect("a connection");
        let lock = one.dialect().lock.expect("there is one");
        let guard = one.dialect().history.guard.expect("there is one");
        let table = whimbrel::TableName::default();
        let ask =
            async |db: &mut MySql, expression: String| number(db, &format!("SELECT {expression}")).await;
        assert_eq!(ask(&mut one, (lock.take)(&table)).await, 1);
        assert_eq!((ask(&mut one, (lock.held)(&table)).await, ask(&mut one, guard(&table)).await), (1, 1));
        assert_eq!(ask(&mut two, (lock.take)(&table)).await, 0);
        assert_eq!(ask(&mut two, (lock.held)(&table)).await, 0);
        // Whatever the session's settings, and with several rows.
        run(&mut two, "SET SESSION sql_mode = ''", 1).await.1.expect("a setting");
        run(&mut two, "CREATE TABLE rows_of (n INT, lk TINYINT NOT NULL)", 1).await.1.expect("a table");
        let rows = format!("INSERT INTO rows_of VALUES (1, {}), (2, 1)", guard(&table));
        let error = run(&mut two, &rows, 1).await.1.expect_err("the lock is another session's");
        assert_eq!(error.code(), Some("1690"));
        assert_eq!(ask(&mut two, "(SELECT count(*) FROM rows_of)".to_owned()).await, 0);
        run(&mut one, &rows, 1).await.1.expect("it has the lock");
        assert_eq!(ask(&mut two, "(SELECT count(*) FROM rows_of WHERE lk = 1)".to_owned()).await, 2);
        let id = ask(&mut one, lock.session.to_owned()).await;
        assert_eq!(one.dialect().session, whimbrel_session(id));
        let holder = text(&mut two, &format!("SELECT {}", (lock.holder)(&table))).await;
        assert!(holder.starts_with(&format!("connection {id}, root@")), "{holder}");
        // Named or not, the same table has the same lock.
        let full = whimbrel::TableName::new(&format!("{name}.whimbrel_history")).expect("a name");
        assert_eq!(ask(&mut two, (lock.take)(&full)).await, 0);
        assert_eq!(ask(&mut one, (lock.release)(&table)).await, 1);
        assert_eq!(ask(&mut two, (lock.take)(&table)).await, 1);
        drop(two);
        let server = one.dialect().history.server.expect("there is one");
        let first = text(&mut one, &format!("SELECT {server}")).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(text(&mut one, &format!("SELECT {server}")).await, first);
        let clock = one.dialect().history.clock;
        assert_eq!(text(&mut one, &format!("SELECT {clock}")).await.len(), 24);
    }
}

fn whimbrel_session(id: i64) -> whimbrel::SessionNumber {
    whimbrel::SessionNumber::Known(id)
}

const PASSWORD: &str = "hunter2'\\%";

#[tokio::test]
async fn why_there_is_no_connection_is_told_without_the_password() {
    for kind in server::kinds() {
        let mut admin = database(kind).await;
        let user = Server::unique_name();
        // What stands in a test's SQL is no secret; the password of a login is.
        let sql = format!("CREATE USER {user} IDENTIFIED BY 'hunter2\\'\\\\%'");
        run(&mut admin, &sql, 1).await.1.expect("a user");
        let server = Server::shared(kind).expect("a server");
        let base = url(server, "").with_user(&user).with_password(whimbrel::Secret::new(PASSWORD));
        // By TCP without TLS: MySQL's first login wants the server's key, the second one knows the password.
        for _ in 0..2 {
            MySql::connect(&base).await.expect("a connection");
        }
        let host = |text: &str| {
            DatabaseUrl::parse(&format!("mysql://{text}"))
                .expect("a URL")
                .with_user(&user)
                .with_password(whimbrel::Secret::new(PASSWORD))
        };
        let port = server.port();
        for (url, kind, word) in [
            (
                base.clone().with_password(whimbrel::Secret::new("hunter2 wrong")),
                ErrorKind::Configuration,
                "password",
            ),
            (base.clone().with_database("nowhere"), ErrorKind::Configuration, "database"),
            (base.clone().with_parameter("hunter2", "hunter2"), ErrorKind::Configuration, "parameter"),
            (host("127.0.0.1:1"), ErrorKind::Retry, "listens"),
            (host("does-not-exist.invalid?sslmode=disable"), ErrorKind::Retry, "name"),
            (host("?socket=/nowhere/s"), ErrorKind::Configuration, "socket"),
            (
                host(&format!("127.0.0.1:{port}?sslmode=verify-full")),
                ErrorKind::Configuration,
                "TLS certificate",
            ),
        ] {
            let error = MySql::connect(&url).await.map(drop).expect_err("it fails");
            let told = format!("{error} {error:?} {error:#}");
            assert_eq!(error.kind(), kind, "{told}");
            assert!(word.split(' ').any(|word| told.contains(word)), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        let mut db = MySql::connect(&base).await.expect("a connection");
        assert!(!format!("{db:?}").contains("hunter2"));
        let error = run(&mut db, "CREATE DATABASE not_mine", 1).await.1.expect_err("it may not");
        assert_eq!(error.class(), ErrorClass::Permission);
        db.close();
    }
}

#[tokio::test]
async fn connecting_and_asking_send_nothing_that_was_not_asked_for() {
    each(|mut db| async move {
        let status = async |db: &mut MySql, name: &str| -> i64 {
            let rows = db.query(&format!("SHOW SESSION STATUS LIKE '{name}'"), &[]).await.expect("a row");
            rows[0].read::<String>(1).expect("a text").parse().expect("a number")
        };
        // The first question brings along the one that asks which server this is, in the same packet; later ones do not.
        assert_eq!(status(&mut db, "Questions").await, 2);
        assert_eq!(status(&mut db, "Questions").await, 3);
        run(&mut db, "DO 0; DO 1", 2).await.1.expect("it works");
        // Each statement of a packet is a question, and there were no others.
        assert_eq!(status(&mut db, "Questions").await, 6);
        // A boot, on a history of some rows.
        let (table, history) = (TableName::default(), db.dialect().history.clone());
        run(&mut db, &(history.create)(&table).join(";"), 1).await.1.expect("a table");
        let head = Digest::from_bytes([7; 32]);
        for seq in 1..=20 {
            let row = format!(
                "INSERT INTO whimbrel_history (set_name, seq, event, version, name, digest, head, repeatables, below, who, \
                 at, detail, hash) VALUES ('app', {seq}, 'applied', {seq}, 'name', '{head}', '{head}', '{head}', \
                 if({seq} = 7, 3, null), 'me', '', '', '{head}')"
            );
            run(&mut db, &row, 1).await.1.expect("a row");
        }
        let sets = [BootSet { name: "app", head, repeatables: None, last: 20 }];
        let boot = (history.boot)(&BootQuery { table: &table, sets: &sets, environment: false });
        let sent = status(&mut db, "Bytes_sent").await;
        let overhead = status(&mut db, "Bytes_sent").await - sent;
        let rows = db.query(&boot, &[]).await.expect("a row");
        let after = status(&mut db, "Bytes_sent").await;
        println!("a boot: {} bytes there, {} back", boot.len() + 5, after - sent - 2 * overhead);
        assert!(boot.len() < 1000 && after - sent - 2 * overhead < 1000);
        let head = head.to_string();
        let expected =
            ["app".into(), head.as_str().into(), 20.into(), Value::Null, Value::Null, 7.into(), Value::Null];
        assert!(rows.len() == 1 && rows[0].values() == expected, "{:?}", rows);
    })
    .await;
}

#[tokio::test]
async fn what_the_server_would_not_take_is_not_sent() {
    each(|mut db| async move {
        let most = number(&mut db, "SELECT @@max_allowed_packet").await as usize;
        let padded = |size: usize| format!("DO 0 /* {} */", " ".repeat(size));
        run(&mut db, &padded(most - 4096), 1).await.1.expect("it fits");
        let error = run(&mut db, &padded(most), 1).await.1.expect_err("it does not");
        assert_eq!(error.class(), ErrorClass::Sql);
        run(&mut db, "DO 0", 1).await.1.expect("the connection is sound");
    })
    .await;
}

#[tokio::test]
async fn no_server_gets_a_local_file() {
    each(|mut db| async move {
        run(&mut db, "CREATE TABLE t (v TEXT)", 1).await.1.expect("a table");
        let sql = "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t";
        assert_eq!(run(&mut db, sql, 1).await.1.expect_err("refused").class(), ErrorClass::Sql);
    })
    .await;
}
