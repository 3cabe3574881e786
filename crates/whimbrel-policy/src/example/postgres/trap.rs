//! The examples for PostgreSQL about what does something else than it seems to do. Data only.

use whimbrel::Product;

use crate::example::{EVERY, Example, Observation};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "unparsed",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "SELECT * FRM users;",
        good: "SELECT * FROM users;",
        observation: Observation::Fails { code: "42601" },
    },
    Example {
        rule: "opaque-statement",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'users'; END $$;",
        good: "UPDATE users SET fax = '' WHERE fax IS NULL;",
        observation: Observation::Breaks { probe: "SELECT 1 FROM users" },
    },
    Example {
        rule: "enum-value-in-transaction",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TYPE mood AS ENUM ('sad', 'glad');\n",
            "CREATE TABLE users (id bigint PRIMARY KEY, mood mood);",
        ),
        bad: concat!(
            "ALTER TYPE mood ADD VALUE 'keen';\n",
            "UPDATE users SET mood = 'keen' WHERE mood = 'glad';",
        ),
        good: concat!(
            "ALTER TYPE mood ADD VALUE 'keen';\n",
            "UPDATE users SET mood = 'sad' WHERE mood IS NULL;",
        ),
        observation: Observation::Fails { code: "55P04" },
    },
    Example {
        rule: "concurrently-if-not-exists",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE INDEX users_name ON users (name);\n",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_name'::regclass;",
        ),
        bad: concat!(
            "-- whimbrel: no-transaction\n",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name);",
        ),
        good: concat!(
            "-- whimbrel: no-transaction\n",
            "DROP INDEX CONCURRENTLY users_name;\n",
            "CREATE INDEX CONCURRENTLY users_name ON users (name);",
        ),
        observation: Observation::Answers {
            query: "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = 'users_name'::regclass",
        },
    },
    Example {
        rule: "table-if-not-exists",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "CREATE TABLE IF NOT EXISTS users (id bigint PRIMARY KEY, mail text);",
        good: "CREATE TABLE accounts (id bigint PRIMARY KEY, mail text);",
        observation: Observation::Answers {
            query: "SELECT count(*) = 0 FROM information_schema.columns WHERE column_name = 'mail'",
        },
    },
    Example {
        rule: "disable-triggers",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY);\n",
            "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total int);\n",
            "INSERT INTO users VALUES (1);\n",
            "INSERT INTO orders VALUES (1, 1, 10);\n",
            "ALTER TABLE orders ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users DEFERRABLE;",
        ),
        bad: concat!(
            "ALTER TABLE orders DISABLE TRIGGER ALL;\n",
            "INSERT INTO orders VALUES (2, 77, 1);\n",
            "ALTER TABLE orders ENABLE TRIGGER ALL;",
        ),
        good: concat!(
            "SET CONSTRAINTS ALL DEFERRED;\n",
            "INSERT INTO orders VALUES (2, 77, 1);\n",
            "INSERT INTO users VALUES (77);",
        ),
        observation: Observation::Answers {
            query: "SELECT count(*) > 0 FROM orders WHERE user_id NOT IN (SELECT id FROM users)",
        },
    },
    Example {
        rule: "disable-triggers",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY);\n",
            "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total int);\n",
            "INSERT INTO users VALUES (1);\n",
            "INSERT INTO orders VALUES (1, 1, 10);\n",
            "ALTER TABLE orders ADD CONSTRAINT of_user FOREIGN KEY (user_id) REFERENCES users;",
        ),
        bad: concat!(
            "SET LOCAL session_replication_role = replica;\n",
            "INSERT INTO orders VALUES (2, 77, 1);",
        ),
        good: concat!("INSERT INTO users VALUES (77);\n", "INSERT INTO orders VALUES (2, 77, 1);",),
        observation: Observation::Answers {
            query: "SELECT count(*) > 0 FROM orders WHERE user_id NOT IN (SELECT id FROM users)",
        },
    },
    Example {
        rule: "set-timeout-off",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: concat!("SET lock_timeout = 0;\n", "ALTER TABLE users ADD COLUMN mail text;",),
        good: concat!("SET lock_timeout = '100ms';\n", "ALTER TABLE users ADD COLUMN mail text;",),
        observation: Observation::Waits { behind: "SELECT 1 FROM users" },
    },
];
