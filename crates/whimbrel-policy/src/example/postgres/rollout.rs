//! The examples for PostgreSQL about what breaks the version that is running. Data only.

use whimbrel::Product;

use crate::example::{EVERY, Example, Observation};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "rename-table",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "ALTER TABLE users RENAME TO people;",
        good: "CREATE VIEW people AS SELECT id, name FROM users;",
        observation: Observation::Breaks { probe: "SELECT id FROM users" },
    },
    Example {
        rule: "rename-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "ALTER TABLE users RENAME COLUMN name TO full_name;",
        good: "ALTER TABLE users ADD COLUMN full_name text;",
        observation: Observation::Breaks { probe: "SELECT name FROM users" },
    },
    Example {
        rule: "rename-object",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TYPE mood AS ENUM ('sad', 'glad');\n",
            "CREATE TABLE users (id bigint PRIMARY KEY, mood mood);",
        ),
        bad: "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy';",
        good: "ALTER TYPE mood ADD VALUE 'happy';",
        observation: Observation::Breaks { probe: "INSERT INTO users VALUES (1, 'glad')" },
    },
    Example {
        rule: "drop-view",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE VIEW names AS SELECT name FROM users;",
        ),
        bad: "DROP VIEW names;",
        good: concat!("DROP VIEW names;\n", "CREATE VIEW names AS SELECT id, name FROM users;",),
        observation: Observation::Breaks { probe: "SELECT name FROM names" },
    },
    Example {
        rule: "not-null-without-default",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "ALTER TABLE users ADD COLUMN mail text NOT NULL;",
        good: "ALTER TABLE users ADD COLUMN mail text NOT NULL DEFAULT '';",
        observation: Observation::Fails { code: "23502" },
    },
    Example {
        rule: "drop-default",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE users (id bigint PRIMARY KEY, mail text NOT NULL DEFAULT '');",
        bad: "ALTER TABLE users ALTER COLUMN mail DROP DEFAULT;",
        good: "ALTER TABLE users ALTER COLUMN mail SET DEFAULT 'none';",
        observation: Observation::Breaks { probe: "INSERT INTO users (id) VALUES (7)" },
    },
    Example {
        rule: "drop-primary-key",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n",
            "CREATE UNIQUE INDEX users_name ON users (name);",
        ),
        bad: "ALTER TABLE users DROP CONSTRAINT users_pkey;",
        good: "ALTER TABLE users ADD CONSTRAINT one_name UNIQUE USING INDEX users_name;",
        observation: Observation::Breaks {
            probe: "INSERT INTO users VALUES (7) ON CONFLICT (id) DO NOTHING",
        },
    },
];
