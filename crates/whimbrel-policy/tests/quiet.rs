//! What the policy has to say, and what it must not say, of scripts for MySQL, MariaDB and SQLite. Runs nothing.

use std::time::Duration;

use whimbrel::{Conditions, Memory, Product, ServerVersion};
use whimbrel_policy::Policy;

const MYSQL: ServerVersion = ServerVersion::new(Product::Mysql, 8, 4, 0);
const MARIADB: ServerVersion = ServerVersion::new(Product::Mariadb, 10, 11, 0);
const SQLITE: ServerVersion = ServerVersion::new(Product::Sqlite, 3, 50, 0);

/// The rules that the last of some scripts breaks, by name.
fn broken(server: ServerVersion, scripts: &[&str]) -> Vec<String> {
    let mut sets = Memory::new();
    for (number, script) in scripts.iter().enumerate() {
        let version = i64::try_from(number).expect("a small number") + 1;
        sets = sets.with_sql(version, "it", *script);
    }
    let set = sets.set().expect("a set");
    let conditions = Conditions::on(server).with_lock_timeout(Duration::from_secs(3));
    let findings = Policy::new().lint(&set, server.product, &conditions).expect("a policy");
    let last = format!("{}_it", scripts.len());
    let of_last = findings.iter().filter(|finding| finding.subject() == last);
    let mut names: Vec<_> =
        of_last.map(|finding| finding.message().split(':').next().expect("a name").to_owned()).collect();
    names.dedup();
    names
}

#[test]
fn a_schema_that_is_made_at_once_is_silent() {
    let mysql = "\
SET NAMES utf8mb4;
SET foreign_key_checks = 0;
CREATE TABLE `users` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `email` varchar(255) COLLATE utf8mb4_unicode_ci NOT NULL,
  `state` enum('new','old') NOT NULL DEFAULT 'new',
  `spent` decimal(10,2) DEFAULT '0.00',
  `made_at` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `users_email` (`email`),
  KEY `users_state` (`state`,`made_at` DESC) USING BTREE COMMENT 'why'
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci ROW_FORMAT=DYNAMIC;
CREATE TABLE orders (
  id int PRIMARY KEY AUTO_INCREMENT, user_id bigint unsigned NOT NULL, note text,
  CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE ON UPDATE NO ACTION,
  CHECK (user_id > 0), FULLTEXT (note)
);
SET foreign_key_checks = 1;
ALTER TABLE orders ADD COLUMN total int NOT NULL, ADD FULLTEXT (note), DROP COLUMN note, MODIFY user_id bigint unsigned;
INSERT INTO users (email) VALUES ('a@example.org');";
    assert_eq!(broken(MYSQL, &[mysql]), [""; 0]);
    assert_eq!(broken(MARIADB, &[mysql]), [""; 0]);
    let sqlite = "\
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, made_at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, day DATE, paid BOOLEAN);
CREATE INDEX orders_by_user ON orders (user_id);
CREATE TRIGGER tidy AFTER DELETE ON users BEGIN DELETE FROM orders; END;
ALTER TABLE orders ADD COLUMN total INTEGER NOT NULL;
DROP TABLE orders;
INSERT INTO users (email) VALUES ('a@example.org');";
    assert_eq!(broken(SQLITE, &[sqlite]), [""; 0]);
}

#[test]
fn an_alter_that_would_fail_rather_than_copy_is_silent() {
    let table = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(10));";
    for (sql, rules) in [
        ("ALTER TABLE t MODIFY a BIGINT;", &["modify-column"][..]),
        ("ALTER TABLE t MODIFY a BIGINT, ALGORITHM=INPLACE, LOCK=NONE;", &[]),
        ("ALTER TABLE t MODIFY a BIGINT, ALGORITHM = COPY;", &["table-copy", "modify-column"]),
        ("ALTER TABLE t ADD FULLTEXT (b), LOCK=NONE;", &[]),
        ("CREATE FULLTEXT INDEX f ON t (b);", &["blocks-writes"]),
        ("CREATE FULLTEXT INDEX f ON t (b) LOCK = NONE;", &[]),
        (
            "ALTER TABLE t ADD INDEX (a), ADD COLUMN c INT, RENAME INDEX x TO y, COMMENT = 'c', AUTO_INCREMENT = 5;",
            &[],
        ),
        ("ALTER TABLE t FORCE, ALGORITHM=INSTANT;", &[]),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0);", &["table-copy"]),
    ] {
        assert_eq!(broken(MYSQL, &[table, sql]), rules, "{sql}");
    }
}

#[test]
fn a_column_whose_definition_is_not_known_may_be_copied() {
    let sql = "ALTER TABLE t MODIFY a BIGINT;";
    assert_eq!(broken(MYSQL, &[sql]), ["modify-column"]);
    assert_eq!(broken(MYSQL, &["CREATE TABLE t (id INT PRIMARY KEY, a BIGINT);", sql]), [""; 0]);
}

#[test]
fn what_a_server_does_depends_on_its_version() {
    let table = "CREATE TABLE t (id INT PRIMARY KEY, a INT);";
    let broken = |product, major, minor, patch, sql: &str| {
        broken(ServerVersion::new(product, major, minor, patch), &[table, sql])
    };
    let copy = "ALTER TABLE t MODIFY a BIGINT;";
    assert_eq!(broken(Product::Mariadb, 10, 11, 0, copy), ["modify-column"]);
    assert_eq!(broken(Product::Mariadb, 11, 2, 0, copy), ["table-rebuild"]);
    assert_eq!(
        broken(Product::Mariadb, 11, 2, 0, "ALTER TABLE t MODIFY a BIGINT, LOCK=SHARED;"),
        ["modify-column"]
    );
    let placed = "ALTER TABLE t ADD COLUMN b INT AFTER id;";
    assert_eq!(broken(Product::Mysql, 8, 0, 28, placed), ["table-rebuild"]);
    assert_eq!(broken(Product::Mysql, 8, 0, 29, placed), [""; 0]);
    assert_eq!(broken(Product::Mysql, 8, 0, 28, "ALTER TABLE t ADD COLUMN b INT;"), [""; 0]);
    assert_eq!(broken(Product::Mysql, 5, 7, 44, "ALTER TABLE t ADD COLUMN b INT;"), ["table-rebuild"]);
    assert_eq!(broken(Product::Mysql, 5, 7, 44, "ALTER TABLE t ADD CHECK (a > 0);"), [""; 0]);
}

#[test]
fn executable_comments_count() {
    assert_eq!(
        broken(MYSQL, &["CREATE TABLE t (a INT PRIMARY KEY);", "/*!50001 DROP TABLE t */;"]),
        ["drop-table"]
    );
}

#[test]
fn several_deeds_of_a_statement_are_all_seen() {
    let table = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT);";
    let sql = "ALTER TABLE t DROP a, CHANGE b c BIGINT, ADD d INT NOT NULL, ENGINE=MyISAM;";
    let mut rules = broken(MYSQL, &[table, sql]);
    rules.sort();
    rules.dedup();
    assert_eq!(
        rules,
        [
            "drop-column",
            "engine-without-transactions",
            "implicit-default",
            "modify-column",
            "rename-column",
            "table-copy"
        ]
    );
}

#[test]
fn tables_that_change_places_are_not_missed() {
    let tables = "CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE t_new (id INT PRIMARY KEY);";
    assert_eq!(broken(MYSQL, &[tables, "RENAME TABLE t TO t_old;"]), ["rename-table"]);
    let swap = "RENAME TABLE t TO t_old, t_new TO t;";
    // The new one had users of its own.
    assert_eq!(broken(MYSQL, &[tables, swap]), ["rename-table"]);
}

#[test]
fn a_rebuild_of_a_table_of_sqlite_as_advised_is_silent() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_a ON t (a);";
    let rebuild = "\
CREATE TABLE \"new_t\" (id INTEGER PRIMARY KEY, a TEXT NOT NULL);
INSERT INTO new_t SELECT id, a FROM t;
DROP TABLE t;
ALTER TABLE new_t RENAME TO T;
CREATE INDEX t_a ON t (a);";
    let advised = format!("-- whimbrel: foreign_keys=off\n{rebuild}");
    assert_eq!(broken(SQLITE, &[table, &advised]), [""; 0]);
    assert_eq!(broken(SQLITE, &[table, rebuild]), ["rebuild-cascades"]);
    let meant = format!("-- whimbrel: foreign_keys=cascade\n{rebuild}");
    assert_eq!(broken(SQLITE, &[table, &meant]), [""; 0]);
}

#[test]
fn no_version_comment_and_no_sql_mode_hides_a_deed() {
    let table = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT);";
    for server in [MYSQL, MARIADB] {
        for hidden in [
            "/*!99999 DROP TABLE t */;",
            "/*!999999 DROP TABLE t */;",
            "/*!50700 DROP TABLE t */;",
            "/*! DROP TABLE t */;",
            "/*!99999 DO 1; */ DROP TABLE t;",
            "/*!99999 SELECT 1 AS */ DROP TABLE t;",
            "/*!80000 CREATE VIEW v AS SELECT 1 */ /*!90000 + 1 */; DROP /*!99999 VIEW IF EXISTS v, */ TABLE t;",
            "DROP /*!80000 TEMPORARY */ TABLE t;",
            // Where it is skipped, the table is the one that was there before.
            "/*!99999 CREATE TABLE t (id INT) */; DROP TABLE t;",
        ] {
            let found = broken(server, &[table, hidden]);
            // What ends elsewhere on other servers is refused as a script.
            let seen = [
                "drop-table",
                "unparsed",
                "an executable comment that ends at different places on different servers",
            ];
            assert!(found.iter().any(|rule| seen.contains(&&**rule)), "{server:?} {hidden}: {found:?}");
        }
        for hidden in [
            "ALTER TABLE t /*!99999 ADD c INT, */ DROP COLUMN a;",
            "ALTER TABLE t ADD c INT /*!99999 , DROP COLUMN a */;",
            // One text up to the quote in the comment, or one up to the first quote, and a deed behind it.
            "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; ALTER TABLE t COMMENT = 'x\\', DROP COLUMN a /* ' */;",
        ] {
            let found = broken(server, &[table, hidden]);
            let seen = found.iter().any(|rule| rule == "drop-column" || rule.starts_with("quotes"));
            assert!(seen, "{server:?} {hidden}: {found:?}");
        }
    }
    for hidden in ["/*M!999999 DROP TABLE t */;", "/*M! DROP TABLE t */;", "/*M!100100 DROP TABLE t */;"] {
        assert_eq!(broken(MARIADB, &[table, hidden]), ["drop-table"], "{hidden}");
    }
    // Nothing is hidden in what dumps hold.
    let dump = "CREATE TABLE u (id INT PRIMARY KEY /*!80023 INVISIBLE */) /*!80016 ENCRYPTION='N' */;";
    assert_eq!(broken(MYSQL, &[table, dump]), [""; 0]);
}

#[test]
fn statements_inside_bodies_are_not_the_scripts() {
    let table = "CREATE TABLE t (id INT PRIMARY KEY);";
    let trigger = "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW BEGIN DELETE FROM t; TRUNCATE u; END;";
    assert_eq!(broken(MYSQL, &[table, trigger]), [""; 0]);
    let routine = "CREATE PROCEDURE p() SQL SECURITY INVOKER BEGIN DROP TABLE t; SET GLOBAL x = 1; END;";
    assert_eq!(broken(MYSQL, &[table, routine]), [""; 0]);
}

#[test]
fn indexes_of_one_name_are_told_apart_by_their_tables() {
    let tables = "\
CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, UNIQUE KEY by_a (a));
CREATE TABLE u (id INT PRIMARY KEY, a INT NOT NULL, KEY by_a (a));";
    assert_eq!(broken(MYSQL, &[tables, "DROP INDEX by_a ON t;"]), ["drop-unique-index"]);
    assert_eq!(broken(MYSQL, &[tables, "ALTER TABLE u DROP KEY by_a;"]), [""; 0]);
    assert_eq!(
        broken(MYSQL, &[tables, "DROP INDEX by_a ON u;", "DROP INDEX by_a ON t;"]),
        ["drop-unique-index"]
    );
    let again = "ALTER TABLE t DROP KEY by_a, ADD UNIQUE KEY by_a (a, id);";
    assert_eq!(broken(MYSQL, &[tables, again]), [""; 0]);
}

#[test]
fn an_index_that_went_with_its_table_is_not_missed_again() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_a ON t (a);";
    let rebuild = "\
-- whimbrel: foreign_keys=off
CREATE TABLE new_t (id INTEGER PRIMARY KEY, a TEXT NOT NULL);
INSERT INTO new_t SELECT id, a FROM t;
DROP TABLE t;
ALTER TABLE new_t RENAME TO t;";
    assert_eq!(broken(SQLITE, &[table, rebuild]), ["rebuild-forgets"]);
    assert_eq!(broken(SQLITE, &[table, rebuild, rebuild]), [""; 0]);
}

#[test]
fn what_is_not_known_of_the_server_is_no_reason_to_speak_of_each_column() {
    let set = Memory::new()
        .with_sql(1, "t", "CREATE TABLE t (id INT PRIMARY KEY);")
        .with_sql(2, "a", "ALTER TABLE t ADD COLUMN a INT;")
        .set()
        .expect("a set");
    for product in [Product::Mysql, Product::Mariadb] {
        let findings = Policy::new().lint(&set, product, &Conditions::default()).expect("a policy");
        assert!(findings.is_empty(), "{findings:?}");
    }
}
