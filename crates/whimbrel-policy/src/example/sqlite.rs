//! The examples for SQLite. Data only.

use whimbrel::Product::Sqlite;

use super::Observation::{Answers, Breaks, Fails};
use super::{EVERY, Example};

/// An example, but for its rule, scripts and observation.
const PLAIN: Example = Example {
    rule: "",
    product: Sqlite,
    versions: EVERY,
    setup: USERS,
    bad: "",
    good: "",
    observation: Fails { code: "1" },
};

const USERS: &str = "\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT);
INSERT INTO users (name, bio) VALUES ('Ada', 'Countess'), ('Grace', 'Admiral');";

const ORDERS: &str = "\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO users VALUES (1, 'Ada');
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users ON DELETE CASCADE);
INSERT INTO orders VALUES (1, 1);";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "rebuild-cascades",
        setup: ORDERS,
        bad: "\
CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT);
INSERT INTO new_users (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;",
        good: "\
-- whimbrel: foreign_keys=off
CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT);
INSERT INTO new_users (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;",
        observation: Answers { query: "SELECT count(*) = 0 FROM orders" },
        ..PLAIN
    },
    Example {
        rule: "rebuild-forgets",
        setup: "\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE INDEX users_by_name ON users (name);",
        bad: "\
-- whimbrel: foreign_keys=off
CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT);
INSERT INTO new_users (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;",
        good: "\
-- whimbrel: foreign_keys=off
CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT);
INSERT INTO new_users (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;
CREATE INDEX users_by_name ON users (name);",
        observation: Answers { query: "SELECT count(*) = 0 FROM pragma_index_list('users')" },
        ..PLAIN
    },
    Example {
        rule: "fails-on-rows",
        bad: "ALTER TABLE users ADD COLUMN email TEXT NOT NULL;",
        good: "ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';",
        ..PLAIN
    },
    Example {
        rule: "fails-on-rows",
        bad: "ALTER TABLE users ADD COLUMN seen_at TEXT DEFAULT CURRENT_TIMESTAMP;",
        good: "ALTER TABLE users ADD COLUMN seen_at TEXT DEFAULT '1970-01-01';",
        ..PLAIN
    },
    Example {
        rule: "fails-on-rows",
        bad: "ALTER TABLE users ADD COLUMN shout TEXT AS (upper(name)) STORED;",
        good: "ALTER TABLE users ADD COLUMN shout TEXT AS (upper(name)) VIRTUAL;",
        ..PLAIN
    },
    Example {
        rule: "fails-on-rows",
        bad: "ALTER TABLE users ADD COLUMN boss_id INTEGER DEFAULT 1 REFERENCES users;",
        good: "ALTER TABLE users ADD COLUMN boss_id INTEGER REFERENCES users;",
        ..PLAIN
    },
    Example {
        rule: "writable-schema",
        bad: "\
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = 'CREATE TABLE users (id INTEGER PRIMARY KEY' WHERE name = 'users';",
        good: "ALTER TABLE users ADD COLUMN email TEXT;",
        observation: Breaks { probe: "SELECT name FROM users" },
        ..PLAIN
    },
    Example {
        rule: "legacy-alter-table",
        setup: "\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE VIEW names AS SELECT name FROM users;",
        bad: "PRAGMA legacy_alter_table = ON;\nALTER TABLE users RENAME TO people;",
        good: "ALTER TABLE users RENAME TO people;",
        observation: Breaks { probe: "SELECT name FROM names" },
        ..PLAIN
    },
    Example {
        rule: "checks-off",
        setup: ORDERS,
        bad: "\
-- whimbrel: no-transaction
PRAGMA foreign_keys = OFF;
INSERT INTO orders VALUES (2, 99);",
        good: "INSERT INTO users VALUES (99, 'Alan');\nINSERT INTO orders VALUES (2, 99);",
        observation: Answers { query: "SELECT count(*) = 1 FROM pragma_foreign_key_check" },
        ..PLAIN
    },
    Example {
        rule: "checks-off",
        setup: "CREATE TABLE ages (age INTEGER CHECK (age > 0));",
        bad: "PRAGMA ignore_check_constraints = ON;\nINSERT INTO ages VALUES (-1);",
        good: "INSERT INTO ages VALUES (1);",
        observation: Answers { query: "SELECT count(*) = 1 FROM ages WHERE age < 0" },
        ..PLAIN
    },
    Example {
        rule: "replace-rows",
        setup: ORDERS,
        bad: "INSERT OR REPLACE INTO users (id, name) VALUES (1, 'Ada Lovelace');",
        good: "\
INSERT INTO users (id, name) VALUES (1, 'Ada Lovelace')
ON CONFLICT (id) DO UPDATE SET name = excluded.name;",
        observation: Answers { query: "SELECT count(*) = 0 FROM orders" },
        ..PLAIN
    },
    Example {
        rule: "errors-ignored",
        bad: "INSERT OR IGNORE INTO users (id, name) VALUES (3, NULL);",
        good: "INSERT INTO users (id, name) VALUES (3, 'Alan') ON CONFLICT (id) DO NOTHING;",
        observation: Answers { query: "SELECT count(*) = 2 FROM users" },
        ..PLAIN
    },
    Example {
        rule: "nullable-primary-key",
        setup: "",
        bad: "CREATE TABLE tags (name TEXT PRIMARY KEY);",
        good: "CREATE TABLE tags (name TEXT NOT NULL PRIMARY KEY);",
        observation: Answers {
            query: "INSERT INTO tags VALUES (NULL), (NULL); SELECT count(*) = 2 FROM tags",
        },
        ..PLAIN
    },
    Example {
        rule: "text-becomes-number",
        setup: "",
        bad: "CREATE TABLE agents (id INTEGER PRIMARY KEY, code STRING);",
        good: "CREATE TABLE agents (id INTEGER PRIMARY KEY, code TEXT);",
        observation: Answers {
            query: "INSERT INTO agents (code) VALUES ('007'); SELECT count(*) = 1 FROM agents WHERE code = 7",
        },
        ..PLAIN
    },
    Example {
        rule: "double-quoted-text",
        bad: "INSERT INTO users (name, bio) VALUES (\"Alan\", 'Doctor');",
        good: "INSERT INTO users (name, bio) VALUES ('Alan', 'Doctor');",
        ..PLAIN
    },
    Example {
        rule: "attach",
        setup: "",
        bad: "\
-- whimbrel: no-transaction
ATTACH 'file:archive?mode=memory' AS archive;
CREATE TABLE archive.notes (id INTEGER PRIMARY KEY);",
        good: "CREATE TABLE notes (id INTEGER PRIMARY KEY);",
        observation: Answers { query: "SELECT count(*) = 0 FROM sqlite_schema WHERE name = 'notes'" },
        ..PLAIN
    },
    Example {
        rule: "load-code",
        setup: "",
        bad: "SELECT load_extension('spellfix');",
        good: "SELECT 1;",
        ..PLAIN
    },
    Example {
        rule: "table-from-query",
        bad: "CREATE TABLE copies AS SELECT * FROM users;",
        good: "\
CREATE TABLE copies (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bio TEXT);
INSERT INTO copies SELECT * FROM users;",
        observation: Answers { query: "SELECT count(*) = 0 FROM pragma_table_info('copies') WHERE pk > 0" },
        ..PLAIN
    },
    Example {
        rule: "drop-unique-index",
        setup: "\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT);
CREATE UNIQUE INDEX by_email ON users (email);
CREATE INDEX by_name ON users (name);",
        bad: "DROP INDEX by_email;",
        good: "DROP INDEX by_name;",
        observation: Breaks {
            probe: "INSERT INTO users (email) VALUES ('a') ON CONFLICT (email) DO NOTHING",
        },
        ..PLAIN
    },
    Example {
        rule: "drop-view",
        setup: "\
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE VIEW names AS SELECT name FROM users;",
        bad: "DROP VIEW names;",
        good: "DROP VIEW names;\nCREATE VIEW names AS SELECT id, name FROM users;",
        observation: Breaks { probe: "SELECT name FROM names" },
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
        good: "\
-- whimbrel: foreign_keys=off
CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO new_users SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;",
        observation: Breaks { probe: "SELECT name FROM users" },
        ..PLAIN
    },
    Example {
        rule: "delete-without-where",
        bad: "DELETE FROM users;",
        good: "DELETE FROM users WHERE name = 'Ada';",
        observation: Answers { query: "SELECT count(*) = 0 FROM users" },
        ..PLAIN
    },
    Example {
        rule: "update-without-where",
        bad: "UPDATE users SET bio = NULL;",
        good: "UPDATE users SET bio = NULL WHERE name = 'Ada';",
        observation: Answers { query: "SELECT count(*) = 2 FROM users WHERE bio IS NULL" },
        ..PLAIN
    },
    Example {
        rule: "rename-table",
        bad: "ALTER TABLE users RENAME TO people;",
        good: "CREATE VIEW people AS SELECT * FROM users;",
        observation: Breaks { probe: "SELECT name FROM users" },
        ..PLAIN
    },
    Example {
        rule: "rename-column",
        bad: "ALTER TABLE users RENAME COLUMN bio TO biography;",
        good: "ALTER TABLE users ADD COLUMN biography TEXT;",
        observation: Breaks { probe: "SELECT bio FROM users" },
        ..PLAIN
    },
    Example {
        rule: "table-if-not-exists",
        bad: "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT);",
        good: "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT);",
        observation: Answers { query: "SELECT count(*) = 0 FROM sqlite_schema WHERE sql LIKE '%email%'" },
        ..PLAIN
    },
    Example { rule: "unparsed", setup: "", bad: "SELEKT 1;", good: "SELECT 1;", ..PLAIN },
];
