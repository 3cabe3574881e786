//! The rules on statements, held against what the servers do.

use whimbrel::script::Script;
use whimbrel::{Dialect, Driver, Fact, Rule};
use whimbrel_mysql::mysql_async::{Conn, consts::StatusFlags, prelude::Queryable};
use whimbrel_testkit::{Server, ServerKind};

mod server;
use server::{database, run};

fn has(dialect: &Dialect, sql: &str, fact: Fact) -> bool {
    let script = Script::parse(sql, &dialect.lexing).expect(sql);
    let words: Vec<_> = script.statements()[0].words().collect();
    let is = |at: usize, wanted: &str| {
        words.get(at).is_some_and(|word| wanted == "*" || word.is_keyword(wanted) || word.is_symbol(wanted))
    };
    let fits = |rule: &Rule| {
        rule.begins.iter().enumerate().all(|(at, wanted)| is(at, wanted))
            && rule.holds.is_none_or(|wanted| (0..words.len()).any(|at| is(at, wanted)))
    };
    let any = |fact| dialect.rules.iter().any(|rule| rule.fact == fact && fits(rule));
    any(fact) && !(matches!(fact, Fact::RunAgain | Fact::Replay) && any(Fact::RunOnce))
}

/// What works on both, in this order; `{user}` is one of the test's own.
const STATEMENTS: &[&str] = &[
    "CREATE TABLE a (id INT PRIMARY KEY, n INT)",
    "CREATE TABLE IF NOT EXISTS a (id INT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS s SELECT 1 x",
    "CREATE TEMPORARY TABLE tt (id INT)",
    "DROP TEMPORARY TABLE tt",
    "CREATE INDEX i ON a (n)",
    "ALTER TABLE a ADD x INT",
    "ALTER TABLE a ENGINE = InnoDB",
    "RENAME TABLE s TO s2",
    "TRUNCATE TABLE s2",
    "ANALYZE TABLE a",
    "ANALYZE LOCAL TABLE a",
    "OPTIMIZE TABLE a",
    "CHECK TABLE a",
    "REPAIR TABLE a",
    "FLUSH TABLES",
    "FLUSH STATUS",
    "CREATE VIEW v AS SELECT 1 x",
    "CREATE OR REPLACE VIEW v AS SELECT 2 x",
    "CREATE PROCEDURE p () DO 0",
    "CREATE FUNCTION f () RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW SET NEW.n = 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @x = 1",
    "ALTER EVENT e DISABLE",
    "CREATE USER {user} IDENTIFIED BY 'x'",
    "CREATE USER IF NOT EXISTS {user}",
    "GRANT SELECT ON a TO {user}",
    "REVOKE SELECT ON a FROM {user}",
    "ALTER USER {user} IDENTIFIED BY 'y'",
    "CREATE ROLE {user}_r",
    "DROP ROLE {user}_r",
    "DROP USER {user}",
    "DROP USER IF EXISTS {user}",
    "CREATE DATABASE {user}_d",
    "ALTER DATABASE {user}_d CHARACTER SET latin1",
    "DROP DATABASE {user}_d",
    "DROP DATABASE IF EXISTS {user}_d",
    "LOCK TABLES a READ",
    "UNLOCK TABLES",
    "CALL p()",
    "PREPARE st FROM 'ALTER TABLE a COMMENT = ''x'''",
    "EXECUTE st",
    "DEALLOCATE PREPARE st",
    "SET @v = 1",
    "SET foreign_key_checks = 1",
    "USE mysql",
    "USE {here}",
    "INSERT INTO a (id) VALUES (5)",
    "UPDATE a SET n = 2",
    "DELETE FROM a",
    "SELECT 1",
    "DO 0",
    "SHOW TABLES",
    "HANDLER a OPEN",
    "HANDLER a CLOSE",
    "SAVEPOINT sp",
    "DROP EVENT IF EXISTS e",
    "DROP TRIGGER IF EXISTS g",
    "DROP FUNCTION IF EXISTS f",
    "DROP PROCEDURE IF EXISTS p",
    "DROP VIEW IF EXISTS v",
    "DROP INDEX i ON a",
    "DROP TABLE IF EXISTS s2",
];

const ONLY_MARIADB: &[&str] = &[
    "SET STATEMENT max_statement_time = 100 FOR ALTER TABLE a COMMENT = 'y'",
    "BEGIN NOT ATOMIC ALTER TABLE a COMMENT = 'z'; END",
    "IF 1 THEN ALTER TABLE a COMMENT = 'w'; END IF",
    "CREATE SEQUENCE sq",
    "DROP SEQUENCE IF EXISTS sq",
    "CREATE OR REPLACE PROCEDURE p2 () DO 0",
    "BACKUP STAGE START",
    "BACKUP STAGE END",
];

#[tokio::test]
async fn whatever_commits_is_known_and_what_may_run_again_does() {
    for kind in server::kinds() {
        let mut db = database(kind).await;
        let (user, here) = (Server::unique_name(), server::text(&mut db, "SELECT database()").await);
        let more = if kind == ServerKind::MariaDb { ONLY_MARIADB } else { &[] };
        for statement in STATEMENTS.iter().chain(more) {
            let sql = statement.replace("{user}", &user).replace("{here}", &here);
            let dialect = db.dialect().clone();
            let conn = db.native().downcast_mut::<Conn>().expect("the client");
            conn.query_drop("START TRANSACTION").await.expect("it works");
            conn.query_drop(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            conn.query_drop("DO 0").await.expect("it works");
            let status = conn.last_ok_packet().expect("it worked").status_flags();
            let committed = !status.contains(StatusFlags::SERVER_STATUS_IN_TRANS);
            conn.query_drop("ROLLBACK").await.expect("it works");
            let known = has(&dialect, &sql, Fact::NeedsNoTransaction);
            // Some are on the list since they may commit, or on one of the servers do.
            assert!(known || !committed, "{kind}: {sql} commits");
            if has(&dialect, &sql, Fact::RunAgain) {
                run(&mut db, &sql, 1).await.1.unwrap_or_else(|error| panic!("{kind}: {sql} again: {error}"));
            }
        }
    }
}

#[test]
fn what_is_known_of_statements_is_as_reviewed() {
    let facts = [
        (Fact::NeedsNoTransaction, "commits"),
        (Fact::RunAgain, "again"),
        (Fact::Replay, "replay"),
        (Fact::SessionState, "session"),
    ];
    let more = [
        "SET @x = 1",
        "SET x = @y",
        "SET @@session.x = 1",
        "SET x = concat(@@sql_mode, ',ANSI')",
        "SELECT id INTO @x FROM t",
        "INSERT INTO t VALUES (LAST_INSERT_ID())",
        "SELECT GET_LOCK('x', 1)",
        "ANALYZE UPDATE t SET a = 1",
        "CREATE TABLE IF NOT EXISTS t (a INT)",
        "CREATE OR REPLACE TABLE t (a INT)",
        "CREATE DEFINER = `a`@`b` VIEW v AS SELECT 1",
        "GRANT SELECT ON t TO 'a'@'b'",
        "LOCK TABLES t WRITE",
        "l: LOOP LEAVE l; END LOOP",
    ];
    let lines: Vec<String> = STATEMENTS
        .iter()
        .chain(ONLY_MARIADB)
        .chain(&more)
        .map(|sql| {
            let plain = sql.replace(['{', '}'], "");
            let words: Vec<&str> = facts
                .iter()
                .filter(|(fact, _)| has(&whimbrel_mysql::MARIADB, &plain, *fact))
                .map(|(_, word)| *word)
                .collect();
            format!("{plain}: {}", words.join(", "))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
