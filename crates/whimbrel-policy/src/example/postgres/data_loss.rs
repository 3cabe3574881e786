//! The examples for PostgreSQL about what loses data. Data only.

use whimbrel::Product;

use crate::example::{EVERY, Example, Observation};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "drop-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "ALTER TABLE users DROP COLUMN fax;",
        good: "ALTER TABLE users ALTER COLUMN fax SET DEFAULT '';",
        observation: Observation::Breaks { probe: "SELECT fax FROM users" },
    },
    Example {
        rule: "drop-table",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "DROP TABLE users;",
        good: concat!("CREATE TABLE scratch (id bigint PRIMARY KEY);\n", "DROP TABLE scratch;",),
        observation: Observation::Breaks { probe: "SELECT 1 FROM users" },
    },
    Example {
        rule: "drop-schema",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!("CREATE SCHEMA app;\n", "CREATE TABLE app.users (id bigint PRIMARY KEY);",),
        bad: "DROP SCHEMA app CASCADE;",
        good: concat!("CREATE SCHEMA empty;\n", "DROP SCHEMA empty;",),
        observation: Observation::Breaks { probe: "SELECT 1 FROM app.users" },
    },
    Example {
        rule: "drop-cascade",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE VIEW names AS SELECT fax FROM users;",
        ),
        bad: "ALTER TABLE users DROP COLUMN fax CASCADE;",
        good: concat!(
            "DROP VIEW names;\n",
            "ALTER TABLE users DROP COLUMN fax;\n",
            "CREATE VIEW names AS SELECT name AS fax FROM users;",
        ),
        observation: Observation::Breaks { probe: "SELECT fax FROM names" },
    },
    Example {
        rule: "truncate",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "TRUNCATE users;",
        good: "DELETE FROM users WHERE fax IS NULL;",
        observation: Observation::Answers { query: "SELECT count(*) = 0 FROM users" },
    },
    Example {
        rule: "delete-without-where",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "DELETE FROM users;",
        good: "DELETE FROM users WHERE fax IS NULL;",
        observation: Observation::Answers { query: "SELECT count(*) = 0 FROM users" },
    },
    Example {
        rule: "narrow-type",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE prices (id bigint PRIMARY KEY, amount numeric(10, 2));\n",
            "INSERT INTO prices VALUES (1, 9.95);",
        ),
        bad: "ALTER TABLE prices ALTER COLUMN amount TYPE numeric(10, 0);",
        good: "ALTER TABLE prices ALTER COLUMN amount TYPE numeric(12, 2);",
        observation: Observation::Answers { query: "SELECT amount <> 9.95 FROM prices" },
    },
    Example {
        rule: "narrow-type",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n",
            "INSERT INTO users VALUES (1, 'Wilhelmina');",
        ),
        bad: "ALTER TABLE users ALTER COLUMN name TYPE varchar(4) USING name::varchar(4);",
        good: "ALTER TABLE users ADD CONSTRAINT short CHECK (length(name) <= 40) NOT VALID;",
        observation: Observation::Answers { query: "SELECT name = 'Wilh' FROM users" },
    },
    Example {
        rule: "unlogged-table",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE users (id bigint PRIMARY KEY);",
        bad: "CREATE UNLOGGED TABLE sessions (id uuid PRIMARY KEY);",
        good: "CREATE TABLE sessions (id uuid PRIMARY KEY);",
        observation: Observation::Answers {
            query: "SELECT relpersistence = 'u' FROM pg_class WHERE oid = 'sessions'::regclass",
        },
    },
    Example {
        rule: "drop-attribute",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TYPE place AS (street text, city text);\n",
            "CREATE TABLE shops (id bigint PRIMARY KEY, place place);\n",
            "INSERT INTO shops VALUES (1, ROW('Main Street', 'Oslo'));",
        ),
        bad: "ALTER TYPE place DROP ATTRIBUTE city;",
        good: "ALTER TYPE place ADD ATTRIBUTE country text;",
        observation: Observation::Breaks { probe: "SELECT (place).city FROM shops" },
    },
];
