//! The examples for PostgreSQL about tables that will be regretted. Data only.

use whimbrel::Product;

use crate::example::{EVERY, Example, Observation};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "int-primary-key",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE users (id bigint PRIMARY KEY);",
        bad: concat!(
            "CREATE TABLE orders (id serial PRIMARY KEY);\n",
            "SELECT setval('orders_id_seq', 2147483647);\n",
            "INSERT INTO orders DEFAULT VALUES;",
        ),
        good: concat!(
            "CREATE TABLE orders (id bigserial PRIMARY KEY);\n",
            "SELECT setval('orders_id_seq', 2147483647);\n",
            "INSERT INTO orders DEFAULT VALUES;",
        ),
        observation: Observation::Fails { code: "2200H" },
    },
    Example {
        rule: "json-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE users (id bigint PRIMARY KEY);",
        bad: concat!(
            "CREATE TABLE events (id bigint PRIMARY KEY, body json);\n",
            "SELECT DISTINCT body FROM events;",
        ),
        good: concat!(
            "CREATE TABLE events (id bigint PRIMARY KEY, body jsonb);\n",
            "SELECT DISTINCT body FROM events;",
        ),
        observation: Observation::Fails { code: "42883" },
    },
    Example {
        rule: "char-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE users (id bigint PRIMARY KEY);",
        bad: concat!("CREATE TABLE codes (code char(8) PRIMARY KEY);\n", "INSERT INTO codes VALUES ('ab');",),
        good: concat!("CREATE TABLE codes (code text PRIMARY KEY);\n", "INSERT INTO codes VALUES ('ab');",),
        observation: Observation::Answers { query: "SELECT octet_length(code) = 8 FROM codes" },
    },
    Example {
        rule: "timestamp-without-time-zone",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE users (id bigint PRIMARY KEY);",
        bad: concat!(
            "CREATE TABLE events (id bigint PRIMARY KEY, at timestamp);\n",
            "INSERT INTO events VALUES (1, '2030-01-01 00:00:00+00');",
        ),
        good: concat!(
            "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz);\n",
            "INSERT INTO events VALUES (1, '2030-01-01 00:00:00+00');",
        ),
        observation: Observation::Answers {
            query: "SET timezone = 'Asia/Tokyo'; SELECT extract(epoch FROM at::timestamptz) <> extract(epoch FROM timestamptz '2030-01-01 00:00:00+00') FROM events",
        },
    },
    Example {
        rule: "money-column",
        product: Product::Postgres,
        versions: EVERY,
        setup: "CREATE TABLE users (id bigint PRIMARY KEY);",
        bad: concat!(
            "CREATE TABLE prices (id bigint PRIMARY KEY, price money);\n",
            "INSERT INTO prices VALUES (1, 1.005);",
        ),
        good: concat!(
            "CREATE TABLE prices (id bigint PRIMARY KEY, price numeric);\n",
            "INSERT INTO prices VALUES (1, 1.005);",
        ),
        observation: Observation::Answers { query: "SELECT price::text <> '1.005' FROM prices" },
    },
    Example {
        rule: "no-primary-key",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY);\n",
            "CREATE PUBLICATION everything FOR ALL TABLES;",
        ),
        bad: concat!(
            "CREATE TABLE events (id bigint, body text);\n",
            "INSERT INTO events VALUES (1, 'a');\n",
            "UPDATE events SET body = 'b' WHERE id = 1;",
        ),
        good: concat!(
            "CREATE TABLE events (id bigint PRIMARY KEY, body text);\n",
            "INSERT INTO events VALUES (1, 'a');\n",
            "UPDATE events SET body = 'b' WHERE id = 1;",
        ),
        observation: Observation::Fails { code: "55000" },
    },
];
