//! The examples for PostgreSQL about what gives somebody rights. Data only.

use whimbrel::Product;

use crate::example::{EVERY, Example, Observation, since};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "definer-without-search-path",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY);\n",
            "CREATE ROLE policy_app;\n",
            "CREATE SCHEMA theirs AUTHORIZATION policy_app;\n",
            "CREATE FUNCTION theirs.lower(text) RETURNS text LANGUAGE sql AS 'SELECT current_user::text';\n",
            "ALTER FUNCTION theirs.lower(text) OWNER TO policy_app;",
        ),
        bad: "CREATE FUNCTION folded(t text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN lower(t); END';",
        good: "CREATE FUNCTION folded(t text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN lower(t); END';",
        observation: Observation::Answers {
            query: "SET search_path = theirs, pg_catalog; SET ROLE policy_app; SELECT public.folded('A') <> 'a' AND public.folded('A') <> 'policy_app'",
        },
    },
    Example {
        rule: "server-program",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: concat!(
            "CREATE TABLE lines (line text PRIMARY KEY);\n",
            "COPY lines FROM PROGRAM 'echo hello';",
        ),
        good: concat!("CREATE TABLE lines (line text PRIMARY KEY);\n", "INSERT INTO lines VALUES ('bye');",),
        observation: Observation::Answers { query: "SELECT count(*) > 0 FROM lines WHERE line = 'hello'" },
    },
    Example {
        rule: "server-file",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: concat!(
            "CREATE TABLE lines (line text);\n",
            "INSERT INTO lines SELECT pg_read_file('PG_VERSION');",
        ),
        good: concat!("CREATE TABLE lines (line text);\n", "INSERT INTO lines VALUES ('none');",),
        observation: Observation::Answers { query: "SELECT count(*) > 0 FROM lines WHERE line ~ '^[0-9]+'" },
    },
    Example {
        rule: "powerful-role",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "CREATE ROLE policy_app BYPASSRLS;",
        good: "CREATE ROLE policy_app;",
        observation: Observation::Answers {
            query: "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = 'policy_app'",
        },
    },
    Example {
        rule: "grant-powerful-role",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE ROLE policy_app;",
        ),
        bad: "GRANT pg_read_all_data TO policy_app;",
        good: "GRANT SELECT (name) ON users TO policy_app;",
        observation: Observation::Answers {
            query: "SELECT has_column_privilege('policy_app', 'users', 'fax', 'SELECT')",
        },
    },
    Example {
        rule: "grant-to-public",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE ROLE policy_app;\n",
            "CREATE ROLE policy_other;",
        ),
        bad: "GRANT SELECT ON users TO PUBLIC;",
        good: "GRANT SELECT ON users TO policy_app;",
        observation: Observation::Answers {
            query: "SELECT has_table_privilege('policy_other', 'users', 'SELECT')",
        },
    },
    Example {
        rule: "grant-to-public",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE ROLE policy_app;\n",
            "CREATE ROLE policy_other;",
        ),
        bad: concat!(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;\n",
            "CREATE TABLE later (id bigint PRIMARY KEY);",
        ),
        good: concat!(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO policy_app;\n",
            "CREATE TABLE later (id bigint PRIMARY KEY);",
        ),
        observation: Observation::Answers {
            query: "SELECT has_table_privilege('policy_other', 'later', 'SELECT')",
        },
    },
    Example {
        rule: "grant-option",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE ROLE policy_app;",
        ),
        bad: "GRANT SELECT ON users TO policy_app WITH GRANT OPTION;",
        good: "GRANT SELECT ON users TO policy_app;",
        observation: Observation::Answers {
            query: "SELECT has_table_privilege('policy_app', 'users', 'SELECT WITH GRANT OPTION')",
        },
    },
    Example {
        rule: "view-bypasses-row-security",
        product: Product::Postgres,
        versions: since(15, 0),
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY;\n",
            "CREATE POLICY own ON users USING (name = current_user);\n",
            "CREATE ROLE policy_app;\n",
            "GRANT SELECT ON users TO policy_app;\n",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO policy_app;",
        ),
        bad: "CREATE VIEW names AS SELECT name FROM users;",
        good: "CREATE VIEW names WITH (security_invoker = true) AS SELECT name FROM users;",
        observation: Observation::Answers { query: "SET ROLE policy_app; SELECT count(*) > 0 FROM names" },
    },
    Example {
        rule: "disable-row-security",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY;\n",
            "CREATE POLICY own ON users USING (name = current_user);\n",
            "CREATE ROLE policy_app;\n",
            "GRANT SELECT ON users TO policy_app;\n",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO policy_app;",
        ),
        bad: "ALTER TABLE users DISABLE ROW LEVEL SECURITY;",
        good: "CREATE POLICY bobs ON users TO policy_app USING (name = 'nobody');",
        observation: Observation::Answers { query: "SET ROLE policy_app; SELECT count(*) > 0 FROM users" },
    },
    Example {
        rule: "open-policy",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY;\n",
            "CREATE POLICY own ON users USING (name = current_user);\n",
            "CREATE ROLE policy_app;\n",
            "GRANT SELECT ON users TO policy_app;\n",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO policy_app;",
        ),
        bad: "CREATE POLICY everything ON users USING (true);",
        good: "CREATE POLICY everything ON users USING (name = 'nobody');",
        observation: Observation::Answers { query: "SET ROLE policy_app; SELECT count(*) > 0 FROM users" },
    },
    Example {
        rule: "password-in-script",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "CREATE ROLE policy_app LOGIN PASSWORD 'tiger';",
        good: "CREATE ROLE policy_app LOGIN;",
        observation: Observation::Answers {
            query: "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = 'policy_app'",
        },
    },
    Example {
        rule: "event-trigger",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);\n",
            "CREATE FUNCTION spy() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';",
        ),
        bad: "CREATE EVENT TRIGGER spy ON ddl_command_start EXECUTE FUNCTION spy();",
        good: "COMMENT ON FUNCTION spy() IS 'unused';",
        observation: Observation::Breaks { probe: "CREATE TABLE later (id bigint)" },
    },
    Example {
        rule: "untrusted-language",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "CREATE FUNCTION pid() RETURNS int LANGUAGE internal AS 'pg_backend_pid';",
        good: "CREATE FUNCTION pid() RETURNS int LANGUAGE sql AS 'SELECT pg_backend_pid()';",
        observation: Observation::Answers {
            query: "SELECT NOT lanpltrusted FROM pg_proc JOIN pg_language l ON l.oid = prolang WHERE proname = 'pid'",
        },
    },
    Example {
        rule: "dangerous-extension",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: "CREATE EXTENSION dblink;",
        good: "CREATE EXTENSION pg_trgm;",
        observation: Observation::Answers {
            query: "SELECT count(*) > 0 FROM pg_proc WHERE proname = 'dblink_connect_u'",
        },
    },
    Example {
        rule: "alter-system",
        product: Product::Postgres,
        versions: EVERY,
        setup: concat!(
            "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n",
            "INSERT INTO users VALUES (1, 'Ada', '555'), (2, 'Bob', NULL);",
        ),
        bad: concat!("-- whimbrel: no-transaction\n", "ALTER SYSTEM SET work_mem = '5MB';",),
        good: concat!("-- whimbrel: no-transaction\n", "SET work_mem = '5MB';",),
        observation: Observation::Answers {
            query: "SELECT count(*) > 0 FROM pg_file_settings WHERE name = 'work_mem' AND setting = '5MB'",
        },
    },
];
