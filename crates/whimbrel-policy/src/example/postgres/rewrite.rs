//! The examples for PostgreSQL about what writes tables anew. Data only.

use whimbrel::Product;

use crate::example::{EVERY, Example, Observation};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "volatile-default",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();",
        good: concat!(
            "ALTER TABLE users ADD COLUMN token uuid;\n",
            "ALTER TABLE users ALTER COLUMN token SET DEFAULT gen_random_uuid();",
        ),
        observation: Observation::Rewrites { table: "users" },
    },
    Example {
        rule: "volatile-default",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "ALTER TABLE users ADD COLUMN seen timestamptz DEFAULT clock_timestamp();",
        good: "ALTER TABLE users ADD COLUMN seen timestamptz DEFAULT now();",
        observation: Observation::Rewrites { table: "users" },
    },
    Example {
        rule: "add-identity-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!("CREATE TABLE logs (line text);\n", "INSERT INTO logs VALUES ('a');",),
        bad: "ALTER TABLE logs ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;",
        good: "ALTER TABLE logs ADD COLUMN id bigint;",
        observation: Observation::Rewrites { table: "logs" },
    },
    Example {
        rule: "add-identity-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!("CREATE TABLE logs (line text);\n", "INSERT INTO logs VALUES ('a');",),
        bad: "ALTER TABLE logs ADD COLUMN id bigserial;",
        good: "ALTER TABLE logs ADD COLUMN id bigint;",
        observation: Observation::Rewrites { table: "logs" },
    },
    Example {
        rule: "add-stored-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "ALTER TABLE users ADD COLUMN lower_name text GENERATED ALWAYS AS (lower(name)) STORED;",
        good: "CREATE VIEW lower_names AS SELECT id, lower(name) AS lower_name FROM users;",
        observation: Observation::Rewrites { table: "users" },
    },
    Example {
        rule: "change-type",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE orders (id int PRIMARY KEY, code varchar(10), total numeric(8, 2));",
        bad: "ALTER TABLE orders ALTER COLUMN id TYPE bigint;",
        good: "ALTER TABLE orders ALTER COLUMN code TYPE varchar(20), ALTER COLUMN total TYPE numeric(12, 2);",
        observation: Observation::Rewrites { table: "orders" },
    },
    Example {
        rule: "change-type",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE orders (id bigint PRIMARY KEY, code varchar(10), made timestamp);",
        bad: "ALTER TABLE orders ALTER COLUMN code TYPE varchar(5);",
        good: "ALTER TABLE orders ALTER COLUMN code TYPE text;",
        observation: Observation::Rewrites { table: "orders" },
    },
    Example {
        rule: "rewrite-table",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE UNLOGGED TABLE orders (id bigint PRIMARY KEY);",
        bad: "ALTER TABLE orders SET LOGGED;",
        good: "ALTER TABLE orders SET (fillfactor = 70);",
        observation: Observation::Rewrites { table: "orders" },
    },
    Example {
        rule: "vacuum-full",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY);\n",
            "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total int);\n",
            "INSERT INTO users VALUES (1);\n",
            "INSERT INTO orders VALUES (1, 1, 10);",
        ),
        bad: concat!("-- whimbrel: no-transaction\n", "VACUUM FULL orders;",),
        good: concat!("-- whimbrel: no-transaction\n", "VACUUM orders;",),
        observation: Observation::Rewrites { table: "orders" },
    },
    Example {
        rule: "vacuum-full",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY);\n",
            "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total int);\n",
            "INSERT INTO users VALUES (1);\n",
            "INSERT INTO orders VALUES (1, 1, 10);",
        ),
        bad: concat!("-- whimbrel: no-transaction\n", "CLUSTER orders USING orders_pkey;",),
        good: concat!("-- whimbrel: no-transaction\n", "VACUUM (ANALYZE) orders;",),
        observation: Observation::Locks { table: "orders", mode: "AccessExclusiveLock" },
    },
];
