//! The examples that MySQL and MariaDB have in common. Data only.

use whimbrel::Product::{Mariadb, Mysql};

use super::Observation::{Answers, Breaks, Fails, Refuses, Rewrites};
use super::{EVERY, Example};

/// For MySQL.
pub(super) const MYSQL: &[Example] = &BOTH;

/// For MariaDB.
pub(super) const MARIADB: &[Example] = &on_mariadb(BOTH, EVERY);

/// For MySQL, where the server copies a table while writes wait.
pub(super) const COPIES_MYSQL: &[Example] = &COPIES;

/// For MariaDB, which does so before 11.2.
pub(super) const COPIES_MARIADB: &[Example] = &on_mariadb(COPIES, ((0, 0), (11, 1)));

const fn on_mariadb<const N: usize>(
    mut examples: [Example; N],
    versions: ((u32, u32), (u32, u32)),
) -> [Example; N] {
    let mut at = 0;
    while at < N {
        examples[at].product = Mariadb;
        examples[at].versions = versions;
        at += 1;
    }
    examples
}

/// An example, but for its rule and scripts.
const PLAIN: Example = Example {
    rule: "",
    product: Mysql,
    versions: EVERY,
    setup: USERS,
    bad: "",
    good: "",
    observation: COPIED,
};

const COPIED: super::Observation = Refuses { suffix: ", ALGORITHM=INPLACE" };

const USERS: &str = "\
CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) NOT NULL, bio TEXT, age INT);
INSERT INTO users (name, bio, age) VALUES ('Ada', 'Countess', 36), ('Grace', 'Admiral', 85);";

const ORDERS: &str = "\
CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) NOT NULL UNIQUE);
INSERT INTO users (id, name) VALUES (1, 'Ada');
CREATE TABLE orders (id INT PRIMARY KEY, user_id INT, FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);
INSERT INTO orders VALUES (1, 1);";

const COPIES: [Example; 8] = [
    Example {
        rule: "table-copy",
        bad: "ALTER TABLE users ADD COLUMN next_age INT GENERATED ALWAYS AS (age + 1) STORED;",
        good: "ALTER TABLE users ADD COLUMN next_age INT GENERATED ALWAYS AS (age + 1) VIRTUAL;",
        ..PLAIN
    },
    Example {
        rule: "table-copy",
        setup: "CREATE TABLE notes (id INT PRIMARY KEY, body TEXT) CHARACTER SET latin1;",
        bad: "ALTER TABLE notes CONVERT TO CHARACTER SET utf8mb4;",
        good: "ALTER TABLE notes DEFAULT CHARACTER SET utf8mb4;",
        ..PLAIN
    },
    Example {
        rule: "table-copy",
        setup: "CREATE TABLE visits (id INT PRIMARY KEY, at INT NOT NULL);",
        bad: "ALTER TABLE visits DROP PRIMARY KEY;",
        good: "ALTER TABLE visits DROP PRIMARY KEY, ADD PRIMARY KEY (id, at);",
        ..PLAIN
    },
    Example {
        rule: "foreign-key-copy",
        setup: "\
CREATE TABLE users (id INT PRIMARY KEY);
CREATE TABLE orders (id INT PRIMARY KEY, user_id INT);",
        bad: "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id);",
        good: "\
CREATE TABLE payments (id INT PRIMARY KEY, user_id INT, FOREIGN KEY (user_id) REFERENCES users (id));",
        ..PLAIN
    },
    Example {
        rule: "modify-column",
        bad: "ALTER TABLE users MODIFY age BIGINT;",
        good: "ALTER TABLE users MODIFY age INT DEFAULT 18;",
        ..PLAIN
    },
    Example {
        rule: "modify-column",
        bad: "ALTER TABLE users MODIFY name VARCHAR(64) NOT NULL;",
        good: "ALTER TABLE users MODIFY name VARCHAR(63) NOT NULL;",
        ..PLAIN
    },
    Example {
        rule: "modify-column",
        setup: "CREATE TABLE doors (id INT PRIMARY KEY, state ENUM('open', 'shut') NOT NULL);",
        bad: "ALTER TABLE doors MODIFY state ENUM('open', 'ajar', 'shut') NOT NULL;",
        good: "ALTER TABLE doors MODIFY state ENUM('open', 'shut', 'ajar') NOT NULL;",
        ..PLAIN
    },
    Example {
        rule: "blocks-writes",
        bad: "ALTER TABLE users ADD FULLTEXT INDEX bios (bio);",
        good: "ALTER TABLE users ADD INDEX bios (bio(20));",
        observation: Refuses { suffix: ", LOCK=NONE" },
        ..PLAIN
    },
];

const BOTH: [Example; 35] = [
    Example {
        rule: "drop-partition",
        setup: "\
CREATE TABLE visits (year INT NOT NULL, who INT NOT NULL, PRIMARY KEY (year, who))
PARTITION BY RANGE (year) (PARTITION before_2020 VALUES LESS THAN (2020), PARTITION twenties VALUES LESS THAN (2030));
INSERT INTO visits VALUES (2019, 1), (2025, 1);",
        bad: "ALTER TABLE visits DROP PARTITION before_2020;",
        good: "ALTER TABLE visits ADD PARTITION (PARTITION thirties VALUES LESS THAN (2040));",
        observation: Answers { query: "SELECT count(*) = 1 FROM visits" },
        ..PLAIN
    },
    Example {
        rule: "drop-unique-index",
        setup: "\
CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(50) NOT NULL, name VARCHAR(50));
CREATE UNIQUE INDEX by_email ON users (email);
CREATE INDEX by_name ON users (name);",
        bad: "DROP INDEX by_email ON users;",
        good: "DROP INDEX by_name ON users;",
        observation: Answers {
            query: "INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'a'); SELECT count(*) = 2 FROM users",
        },
        ..PLAIN
    },
    Example {
        rule: "runs-as-definer",
        bad: "CREATE VIEW names AS SELECT name FROM users;",
        good: "CREATE SQL SECURITY INVOKER VIEW names AS SELECT name FROM users;",
        observation: Answers {
            query: "\
SELECT security_type = 'DEFINER' FROM information_schema.views WHERE table_schema = database()",
        },
        ..PLAIN
    },
    Example {
        rule: "drop-view",
        setup: "\
CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL);
CREATE VIEW names AS SELECT name FROM users;",
        bad: "DROP VIEW names;",
        good: "CREATE OR REPLACE VIEW names AS SELECT id, name FROM users;",
        observation: Breaks { probe: "SELECT name FROM names" },
        ..PLAIN
    },
    Example {
        rule: "blocks-writes",
        setup: "CREATE TABLE visits (at INT NOT NULL);",
        bad: "ALTER TABLE visits ADD COLUMN id INT NOT NULL AUTO_INCREMENT PRIMARY KEY;",
        good: "ALTER TABLE visits ADD COLUMN id INT;",
        observation: Refuses { suffix: ", LOCK=NONE" },
        ..PLAIN
    },
    Example {
        rule: "table-rebuild",
        bad: "OPTIMIZE TABLE users;",
        good: "ANALYZE TABLE users;",
        observation: Rewrites { table: "users" },
        ..PLAIN
    },
    Example {
        rule: "table-rebuild",
        bad: "ALTER TABLE users MODIFY age INT NOT NULL;",
        good: "ALTER TABLE users MODIFY age INT DEFAULT 18;",
        observation: Rewrites { table: "users" },
        ..PLAIN
    },
    Example {
        rule: "table-rebuild",
        bad: "ALTER TABLE users FORCE;",
        good: "ALTER TABLE users COMMENT 'people';",
        observation: Rewrites { table: "users" },
        ..PLAIN
    },
    Example {
        rule: "narrowing-column",
        bad: "ALTER TABLE users MODIFY name VARCHAR(3) NOT NULL;",
        good: "ALTER TABLE users MODIFY name VARCHAR(60) NOT NULL;",
        observation: Fails { code: "1265" },
        ..PLAIN
    },
    Example {
        rule: "replace-rows",
        bad: "REPLACE INTO users (id, name) VALUES (1, 'Ada Lovelace');",
        good: "\
INSERT INTO users (id, name) VALUES (1, 'Ada Lovelace') ON DUPLICATE KEY UPDATE name = 'Ada Lovelace';",
        observation: Answers { query: "SELECT count(*) = 1 FROM users WHERE id = 1 AND age IS NULL" },
        ..PLAIN
    },
    Example {
        rule: "replace-rows",
        setup: ORDERS,
        bad: "REPLACE INTO users (name) VALUES ('Ada');",
        good: "INSERT INTO users (name) VALUES ('Ada') ON DUPLICATE KEY UPDATE name = 'Ada';",
        observation: Answers { query: "SELECT count(*) = 0 FROM orders" },
        ..PLAIN
    },
    Example {
        rule: "implicit-default",
        bad: "ALTER TABLE users ADD COLUMN email VARCHAR(100) NOT NULL;",
        good: "ALTER TABLE users ADD COLUMN email VARCHAR(100) NOT NULL DEFAULT '';",
        observation: Breaks { probe: "INSERT INTO users (name) VALUES ('Alan')" },
        ..PLAIN
    },
    Example {
        rule: "engine-without-transactions",
        setup: "",
        bad: "CREATE TABLE notes (id INT PRIMARY KEY) ENGINE = MyISAM;",
        good: "CREATE TABLE notes (id INT PRIMARY KEY);",
        observation: Answers {
            query: "\
START TRANSACTION; INSERT INTO notes VALUES (1); ROLLBACK; SELECT count(*) = 1 FROM notes",
        },
        ..PLAIN
    },
    Example {
        rule: "no-primary-key",
        setup: "",
        bad: "CREATE TABLE visits (at INT NOT NULL);",
        good: "CREATE TABLE visits (at INT NOT NULL, id INT NOT NULL DEFAULT 1 PRIMARY KEY);",
        observation: Answers {
            query: "INSERT INTO visits (at) VALUES (1), (1); SELECT count(*) = 2 FROM visits",
        },
        ..PLAIN
    },
    Example {
        rule: "utf8mb3",
        bad: "ALTER TABLE users MODIFY name VARCHAR(50) CHARACTER SET utf8 NOT NULL;",
        good: "ALTER TABLE users MODIFY name VARCHAR(60) CHARACTER SET utf8mb4 NOT NULL;",
        observation: Breaks { probe: "INSERT INTO users (name) VALUES ('🦆')" },
        ..PLAIN
    },
    Example {
        rule: "checks-off",
        setup: ORDERS,
        bad: "SET foreign_key_checks = 0;\nINSERT INTO orders VALUES (2, 99);",
        good: "INSERT INTO users (id, name) VALUES (99, 'Alan');\nINSERT INTO orders VALUES (2, 99);",
        observation: Answers {
            query: "SELECT count(*) = 1 FROM orders WHERE user_id NOT IN (SELECT id FROM users)",
        },
        ..PLAIN
    },
    Example {
        rule: "strict-mode-off",
        bad: "SET sql_mode = '';\nINSERT INTO users (name) VALUES (repeat('x', 60));",
        good: "INSERT INTO users (name) VALUES (left(repeat('x', 60), 40));",
        observation: Answers { query: "SELECT count(*) = 1 FROM users WHERE length(name) = 50" },
        ..PLAIN
    },
    Example {
        rule: "errors-ignored",
        bad: "INSERT IGNORE INTO users (name) VALUES (repeat('x', 60));",
        good: "\
INSERT INTO users (name)
SELECT 'Alan' FROM (SELECT 1) one WHERE NOT EXISTS (SELECT 1 FROM users WHERE name = 'Alan');",
        observation: Answers { query: "SELECT count(*) = 1 FROM users WHERE length(name) = 50" },
        ..PLAIN
    },
    Example {
        rule: "definer",
        bad: "\
CREATE DEFINER = 'nobody'@'localhost' TRIGGER trimmed BEFORE INSERT ON users
FOR EACH ROW SET NEW.name = trim(NEW.name);",
        good: "\
CREATE TRIGGER trimmed BEFORE INSERT ON users
FOR EACH ROW SET NEW.name = trim(NEW.name);",
        observation: Breaks { probe: "INSERT INTO users (name) VALUES ('Alan')" },
        ..PLAIN
    },
    Example {
        rule: "global-setting",
        bad: "SET GLOBAL innodb_stats_transient_sample_pages = 9;",
        good: "SET SESSION innodb_lock_wait_timeout = 9;",
        observation: Answers { query: "SELECT @@GLOBAL.innodb_stats_transient_sample_pages = 9" },
        ..PLAIN
    },
    Example {
        rule: "grant-everywhere",
        setup: "\
CREATE USER IF NOT EXISTS policy_reader@localhost ACCOUNT LOCK;
CREATE TABLE users (id INT PRIMARY KEY);",
        bad: "GRANT SELECT ON *.* TO policy_reader@localhost;",
        good: "GRANT SELECT ON users TO policy_reader@localhost;",
        observation: Answers {
            query: "\
SELECT count(*) = 1 FROM information_schema.user_privileges
WHERE grantee = '''policy_reader''@''localhost''' AND privilege_type = 'SELECT'",
        },
        ..PLAIN
    },
    Example {
        rule: "password-in-script",
        setup: "DROP USER IF EXISTS policy_writer@localhost;",
        bad: "CREATE USER policy_writer@localhost IDENTIFIED BY 'known to all';",
        good: "CREATE USER policy_writer@localhost ACCOUNT LOCK;",
        observation: Answers {
            query: "\
SELECT count(*) = 1 FROM mysql.user WHERE user = 'policy_writer' AND length(authentication_string) > 20",
        },
        ..PLAIN
    },
    Example {
        rule: "load-code",
        setup: "",
        bad: "INSTALL PLUGIN policy_example SONAME 'policy_example.so';",
        good: "SELECT 1;",
        observation: Fails { code: "1126" },
        ..PLAIN
    },
    Example {
        rule: "table-from-query",
        bad: "CREATE TABLE copies AS SELECT * FROM users;",
        good: "CREATE TABLE copies LIKE users;\nINSERT INTO copies SELECT * FROM users;",
        observation: Answers {
            query: "\
SELECT count(*) = 0 FROM information_schema.statistics WHERE table_schema = database() AND table_name = 'copies'",
        },
        ..PLAIN
    },
    Example {
        rule: "drop-column",
        bad: "ALTER TABLE users DROP COLUMN bio;",
        good: "ALTER TABLE users ADD COLUMN biography TEXT;",
        observation: Breaks { probe: "SELECT bio FROM users" },
        ..PLAIN
    },
    Example {
        rule: "drop-table",
        bad: "DROP TABLE users;",
        good: "CREATE TABLE people LIKE users;",
        observation: Breaks { probe: "SELECT name FROM users" },
        ..PLAIN
    },
    Example {
        rule: "drop-schema",
        setup: "\
CREATE DATABASE IF NOT EXISTS policy_scratch;
CREATE TABLE IF NOT EXISTS policy_scratch.notes (id INT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS policy_scratch.tags (id INT PRIMARY KEY);",
        bad: "DROP DATABASE policy_scratch;",
        good: "DROP TABLE policy_scratch.notes;",
        observation: Breaks { probe: "SELECT count(*) FROM policy_scratch.tags" },
        ..PLAIN
    },
    Example {
        rule: "truncate",
        bad: "TRUNCATE TABLE users;",
        good: "DELETE FROM users WHERE age > 80;",
        observation: Answers { query: "SELECT count(*) = 0 FROM users" },
        ..PLAIN
    },
    Example {
        rule: "delete-without-where",
        bad: "DELETE FROM users;",
        good: "DELETE FROM users WHERE age > 80;",
        observation: Answers { query: "SELECT count(*) = 0 FROM users" },
        ..PLAIN
    },
    Example {
        rule: "update-without-where",
        bad: "UPDATE users SET age = 18;",
        good: "UPDATE users SET age = 18 WHERE id = 1;",
        observation: Answers { query: "SELECT count(*) = 2 FROM users WHERE age = 18" },
        ..PLAIN
    },
    Example {
        rule: "rename-table",
        bad: "RENAME TABLE users TO people;",
        good: "CREATE VIEW people AS SELECT * FROM users;",
        observation: Breaks { probe: "SELECT name FROM users" },
        ..PLAIN
    },
    Example {
        rule: "rename-column",
        bad: "ALTER TABLE users CHANGE bio biography TEXT;",
        good: "ALTER TABLE users ADD COLUMN biography TEXT;",
        observation: Breaks { probe: "SELECT bio FROM users" },
        ..PLAIN
    },
    Example {
        rule: "opaque-statement",
        setup: "\
CREATE TABLE users (id INT PRIMARY KEY);
INSERT INTO users VALUES (1), (2);
CREATE PROCEDURE tidy() DELETE FROM users;",
        bad: "CALL tidy();",
        good: "DELETE FROM users WHERE id = 1;",
        observation: Answers { query: "SELECT count(*) = 0 FROM users" },
        ..PLAIN
    },
    Example {
        rule: "table-if-not-exists",
        bad: "CREATE TABLE IF NOT EXISTS users (id INT PRIMARY KEY, email VARCHAR(100));",
        good: "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(100));",
        observation: Answers {
            query: "\
SELECT count(*) = 0 FROM information_schema.columns WHERE table_schema = database() AND column_name = 'email'",
        },
        ..PLAIN
    },
    Example {
        rule: "unparsed",
        setup: "",
        bad: "SELEKT 1;",
        good: "SELECT 1;",
        observation: Fails { code: "1064" },
        ..PLAIN
    },
];
