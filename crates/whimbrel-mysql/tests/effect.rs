//! Marks and states of what statements leave behind, on real servers.

use std::time::Instant;

use whimbrel::script::Script;
use whimbrel::{Driver, Effect, Memory, Migrator};
use whimbrel_mysql::MySql;
use whimbrel_testkit::ServerKind;

mod server;
use server::{database, kinds, number, run, text};

/// The expressions for a statement.
fn told(db: &MySql, sql: &str) -> Option<(String, String)> {
    let dialect = db.dialect();
    let script = Script::parse(sql, &dialect.lexing).expect("a script");
    let effect = Effect::of(&script.statements()[0])?;
    let effects = dialect.effects.expect("the dialect has effects");
    Some(((effects.mark)(&effect, "NULL")?, (effects.state)(&effect, "NULL")?))
}

async fn look(db: &mut MySql, (mark, state): &(String, String)) -> (String, String) {
    let rows = db.query(&format!("SELECT {mark}, {state}"), &[]).await.expect("an answer");
    let state: Option<String> = rows[0].read(1).expect("a text");
    (rows[0].read(0).expect("a text"), state.unwrap_or_else(|| "unknown".to_owned()))
}

/// What stands in the place of a table that is to be made or changed says nothing of it.
async fn a_view_or_a_sequence_is_no_table(kind: ServerKind) {
    let mut db = database(kind).await;
    run(&mut db, "CREATE TABLE aside (a INT); CREATE VIEW v AS SELECT a FROM aside", 2).await.1.expect("it");
    let mut names = vec!["v"];
    if kind == ServerKind::MariaDb {
        run(&mut db, "CREATE SEQUENCE s", 1).await.1.expect("it");
        names.push("s");
    }
    for name in names {
        for (sql, expected) in [
            ("CREATE TABLE {} (a INT)", "absent"),
            ("ALTER TABLE {} ADD COLUMN a INT", "unknown"),
            ("ALTER TABLE {} DROP COLUMN b", "unknown"),
            ("CREATE INDEX i ON {} (a)", "unknown"),
        ] {
            let sql = sql.replace("{}", name);
            let told = told(&db, &sql).expect("decidable");
            assert_eq!(look(&mut db, &told).await.1, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_view_or_a_sequence_is_no_table_on_mariadb() {
    a_view_or_a_sequence_is_no_table(ServerKind::MariaDb).await;
}

#[tokio::test]
async fn a_view_or_a_sequence_is_no_table_on_mysql() {
    a_view_or_a_sequence_is_no_table(ServerKind::MySql).await;
}

/// Each statement, in an order in which all of them work.
const DECIDABLE: &[&str] = &[
    "CREATE TABLE u (id INT PRIMARY KEY)",
    "CREATE TABLE t (a INT NOT NULL AUTO_INCREMENT UNIQUE, d INT, v VARCHAR(300) COMMENT 'x')",
    "ALTER TABLE t ADD PRIMARY KEY (a)",
    "ALTER TABLE t ADD COLUMN b DECIMAL(3, 2) DEFAULT 1 AFTER a",
    "ALTER TABLE t ADD c INT",
    "ALTER TABLE t ADD INDEX i (v(10), b)",
    "CREATE INDEX j ON t (c)",
    "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (d) REFERENCES u (id)",
    "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0)",
    "ALTER TABLE t ADD CONSTRAINT q UNIQUE (c)",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 'x'",
    "CREATE VIEW w AS SELECT a FROM t",
    "CREATE PROCEDURE p () SELECT 1",
    "CREATE FUNCTION n () RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @x = 1",
    "DROP EVENT e",
    "DROP FUNCTION n",
    "DROP PROCEDURE p",
    "DROP VIEW w",
    "DROP TRIGGER g",
    "ALTER TABLE t DROP INDEX q",
    "ALTER TABLE t DROP CONSTRAINT k",
    "ALTER TABLE t DROP FOREIGN KEY f",
    "DROP INDEX j ON t",
    "ALTER TABLE t DROP INDEX i",
    "ALTER TABLE t DROP c",
    "ALTER TABLE t DROP COLUMN b",
    "ALTER TABLE t DROP PRIMARY KEY",
    "DROP TABLE t",
    "CREATE TABLE `T``1 é` (a INT)",
    "DROP TABLE `T``1 é`",
];

async fn each_decidable_statement_changes_mark_and_state(kind: ServerKind) {
    let mut db = database(kind).await;
    for sql in DECIDABLE {
        let told = told(&db, sql).expect("it is decidable");
        let before = look(&mut db, &told).await;
        assert_eq!(look(&mut db, &told).await, before, "{sql}");
        run(&mut db, sql, 1).await.1.expect(sql);
        let after = look(&mut db, &told).await;
        let expected = if sql.contains("DROP") { ("present", "absent") } else { ("absent", "present") };
        assert_eq!((before.1.as_str(), after.1.as_str()), expected, "{sql}");
        assert_ne!(before.0, after.0, "{sql}");
    }
}

#[tokio::test]
async fn each_decidable_statement_changes_mark_and_state_on_mariadb() {
    each_decidable_statement_changes_mark_and_state(ServerKind::MariaDb).await;
}

#[tokio::test]
async fn each_decidable_statement_changes_mark_and_state_on_mysql() {
    each_decidable_statement_changes_mark_and_state(ServerKind::MySql).await;
}

async fn only_definitions_change_a_mark(kind: ServerKind) {
    let mut db = database(kind).await;
    let create = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT, v VARCHAR(40), KEY k (n)); \
                  CREATE TABLE other (id INT); CREATE TABLE marks (m VARCHAR(80)); CREATE VIEW w AS SELECT id FROM t; \
                  CREATE PROCEDURE p () SELECT 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @x = 1; \
                  CREATE TRIGGER g BEFORE INSERT ON other FOR EACH ROW SET NEW.id = 1";
    run(&mut db, create, 7).await.1.expect("tables");
    let column = told(&db, "ALTER TABLE t ADD COLUMN x INT").expect("decidable");
    let others = [
        "DROP TABLE t",
        "DROP INDEX k ON t",
        "ALTER TABLE t DROP CONSTRAINT c",
        "DROP VIEW w",
        "DROP PROCEDURE p",
        "DROP EVENT e",
        "DROP TRIGGER g",
    ];
    let mut marks = vec![(column.clone(), look(&mut db, &column).await)];
    for sql in others {
        let told = told(&db, sql).expect("decidable");
        let found = look(&mut db, &told).await;
        marks.push((told, found));
    }
    for harmless in [
        "INSERT INTO t (n) VALUES (1), (2), (3)",
        "INSERT INTO t (n, v) SELECT a.n, 'x' FROM t a, t b, t c",
        "ANALYZE TABLE t",
        "DELETE FROM t WHERE id = 2",
        "ALTER TABLE t AUTO_INCREMENT = 1000",
        "OPTIMIZE TABLE t",
        "CALL p()",
        "INSERT INTO other VALUES (3)",
        "ALTER TABLE other ADD COLUMN y INT",
        "SET SESSION group_concat_max_len = 4",
        "SET NAMES latin1",
        "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'",
    ] {
        run(&mut db, harmless, 1).await.1.expect(harmless);
        for (told, found) in &marks {
            assert_eq!(look(&mut db, told).await, *found, "{harmless}");
        }
    }
    let mut seen = vec![marks.remove(0).1.0];
    for change in [
        "ALTER TABLE t MODIFY v VARCHAR(41)",
        "ALTER TABLE t MODIFY v VARCHAR(41) NOT NULL DEFAULT ''",
        "ALTER TABLE t MODIFY v VARCHAR(41) COLLATE utf8mb4_bin",
        "ALTER TABLE t MODIFY v VARCHAR(41) COLLATE utf8mb4_bin COMMENT 'c'",
        "ALTER TABLE t MODIFY v VARCHAR(41) FIRST",
        "ALTER TABLE t RENAME COLUMN v TO vv",
        "DROP TABLE t",
    ] {
        run(&mut db, change, 1).await.1.expect(change);
        let mark = look(&mut db, &column).await.0;
        assert!(!seen.contains(&mark), "{change}");
        seen.push(mark);
    }
    // It can stand in the row that is inserted.
    run(&mut db, &format!("INSERT INTO marks VALUES (({}))", column.0), 1).await.1.expect("a mark");
    assert_eq!(text(&mut db, "SELECT m FROM marks").await, *seen.last().expect("one"));
}

#[tokio::test]
async fn only_definitions_change_a_mark_on_mariadb() {
    only_definitions_change_a_mark(ServerKind::MariaDb).await;
}

#[tokio::test]
async fn only_definitions_change_a_mark_on_mysql() {
    only_definitions_change_a_mark(ServerKind::MySql).await;
}

async fn data_is_atomic_only_where_every_table_has_transactions(kind: ServerKind) {
    let mut db = database(kind).await;
    let create = "CREATE TABLE t (id INT); CREATE TABLE m (id INT) ENGINE = MyISAM; CREATE TABLE g (id INT); \
                  CREATE TRIGGER x BEFORE INSERT ON g FOR EACH ROW INSERT INTO m VALUES (1); \
                  CREATE VIEW v AS SELECT id FROM t; \
                  CREATE FUNCTION f () RETURNS INT DETERMINISTIC RETURN 1";
    run(&mut db, create, 6).await.1.expect("tables");
    let atomic = db.dialect().effects.and_then(|effects| effects.atomic).expect("a condition");
    for (words, expected) in [
        (&["INSERT", "INTO", "t", "VALUES"][..], 1),
        (&["INSERT", "INTO", "m"], 0),
        (&["INSERT", "INTO", "t", "SELECT", "FROM", "m"], 0),
        (&["INSERT", "INTO", "g"], 0),
        (&["UPDATE", "v"], 0),
        (&["UPDATE", "t", "SET", "id", "f"], 0),
        (&["DELETE", "nothing", "it's"], 0),
        (&["DELETE", "`t`", "it's"], 1),
        (&["DELETE", "`m`"], 0),
    ] {
        assert_eq!(
            number(&mut db, &format!("SELECT {}", atomic(words, "database()"))).await,
            expected,
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn data_is_atomic_only_where_every_table_has_transactions_on_mariadb() {
    data_is_atomic_only_where_every_table_has_transactions(ServerKind::MariaDb).await;
}

#[tokio::test]
async fn data_is_atomic_only_where_every_table_has_transactions_on_mysql() {
    data_is_atomic_only_where_every_table_has_transactions(ServerKind::MySql).await;
}

/// What a mark costs; printed, since it is a matter of the machine.
#[tokio::test]
async fn a_mark_takes_milliseconds_at_most() {
    for kind in server::kinds() {
        let mut db = database(kind).await;
        for number in 0..50 {
            run(&mut db, &format!("CREATE TABLE t{number} (id INT PRIMARY KEY, a INT, KEY k (a))"), 1)
                .await
                .1
                .expect("it");
        }
        for sql in [
            "ALTER TABLE t7 ADD x INT",
            "DROP TABLE t7",
            "DROP INDEX k ON t7",
            "DROP VIEW v",
            "DROP TRIGGER g",
        ] {
            let (mark, _) = told(&db, sql).expect("decidable");
            let began = Instant::now();
            for _ in 0..100 {
                text(&mut db, &format!("SELECT {mark}")).await;
            }
            let each = began.elapsed() / 100;
            println!("{kind}: {sql}: {each:?}");
            assert!(each.as_millis() < 100, "{kind}: {each:?}");
        }
    }
}

/// Their marks stand in rows that are inserted in strict mode, where MySQL before 8 cannot read of them.
#[tokio::test]
async fn routines_come_and_go_beside_others() {
    let set = Memory::new()
        .with_sql(1, "one", "CREATE PROCEDURE one () SELECT 1;")
        .with_sql(2, "two", "CREATE FUNCTION two () RETURNS INT DETERMINISTIC RETURN 2; DROP PROCEDURE one;")
        .with_sql(3, "three", "CREATE PROCEDURE three () SELECT 3; DROP FUNCTION two;");
    for kind in kinds() {
        let mut db = database(kind).await;
        let report = Migrator::new(&set).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(report.migrations.len(), 3, "{kind:?}");
        let left = "SELECT routine_name FROM information_schema.routines WHERE routine_schema = database()";
        assert_eq!(text(&mut db, left).await, "three", "{kind:?}");
    }
}
