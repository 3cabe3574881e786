//! Migrations over two schemas or databases with tables of equal names, under other roles, with prepared statements,
//! procedures, version comments, partitions and triggers: where a statement runs is as much in question as whether it did.

use whimbrel::Memory;
use whimbrel_testkit::ServerKind;

use crate::straits::Doubtful;

/// What `counter` holds in the end.
pub const fn counted(kind: ServerKind) -> i64 {
    match kind {
        ServerKind::Postgres => 20,
        _ => 17,
    }
}

/// The set, for a database of this name. On MySQL and MariaDB the second database is called likewise, with `_b` behind it.
pub fn set(kind: ServerKind, database: &str) -> Memory {
    let scripts = match kind {
        ServerKind::Postgres => POSTGRES,
        _ => MYSQL,
    };
    (1..).zip(scripts).fold(Memory::new(), |set, (number, (name, sql))| {
        set.with_sql(number, *name, sql.replace("{b}", &format!("{database}_b")).replace("{a}", database))
    })
}

/// The schema `far` has what `public` has, by the same names.
const POSTGRES: &[(&str, &str)] = &[
    (
        "counter",
        "CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL);\nINSERT INTO counter VALUES (1, 0);\nCREATE SCHEMA far;\n\
         CREATE TABLE items (id int PRIMARY KEY, name text);\nCREATE TABLE far.items (id int PRIMARY KEY, name text);\n\
         INSERT INTO items VALUES (1, 'near');\nINSERT INTO far.items VALUES (1, 'far'), (2, 'off');\n\
         UPDATE counter SET n = n + 1;",
    ),
    (
        "crew",
        "DO $$ BEGIN CREATE ROLE whimbrel_crew; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;\n\
         GRANT USAGE, CREATE ON SCHEMA far TO whimbrel_crew;\nGRANT USAGE ON SCHEMA public TO whimbrel_crew;\n\
         GRANT SELECT, UPDATE ON counter TO whimbrel_crew;\nUPDATE counter SET n = n + 1;",
    ),
    (
        "index_far",
        "-- whimbrel: no-transaction\nSET search_path = far, public;\n\
         CREATE INDEX CONCURRENTLY IF NOT EXISTS items_name ON items (name);\nUPDATE counter SET n = n + 1;\n\
         CREATE INDEX CONCURRENTLY IF NOT EXISTS items_name ON items (name);\nUPDATE counter SET n = n + 1;",
    ),
    (
        "index_near",
        "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY items_name ON items (name);\n\
         UPDATE counter SET n = n + 1;\nSET search_path = far;\nDROP INDEX CONCURRENTLY items_name;\n\
         UPDATE public.counter SET n = n + 1;\nDROP INDEX CONCURRENTLY IF EXISTS items_name;\n\
         UPDATE public.counter SET n = n + 1;",
    ),
    (
        "role",
        "-- whimbrel: no-transaction\nSET ROLE whimbrel_crew;\nCREATE TABLE far.crewed (id int PRIMARY KEY, v int);\n\
         CREATE INDEX CONCURRENTLY crewed_v ON far.crewed (v);\nUPDATE counter SET n = n + 1;",
    ),
    (
        "role_within",
        "SET ROLE whimbrel_crew;\nINSERT INTO far.crewed VALUES (1, 1);\nUPDATE counter SET n = n + 1;",
    ),
    (
        "prepared",
        "PREPARE bump AS UPDATE counter SET n = n + 1;\nEXECUTE bump;\nEXECUTE bump;\nDEALLOCATE bump;",
    ),
    (
        "call",
        "CREATE PROCEDURE bump() LANGUAGE sql AS $$ UPDATE public.counter SET n = n + 1 $$;\nCALL bump();\n\
         SET search_path = far;\nCALL public.bump();\nUPDATE items SET name = 'farther' WHERE id = 1;",
    ),
    (
        "parts",
        "CREATE TABLE logs (id int NOT NULL, day int NOT NULL) PARTITION BY RANGE (day);\n\
         CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (10);\n\
         CREATE TABLE far.logs_1 PARTITION OF logs FOR VALUES FROM (10) TO (20);\n\
         INSERT INTO logs SELECT n, n FROM generate_series(0, 19) n;\nUPDATE counter SET n = n + 1;",
    ),
    (
        "watched",
        "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  UPDATE public.counter SET n = n + 1;\n  \
         RETURN NULL;\nEND $$;\nCREATE TRIGGER watched AFTER INSERT ON far.items FOR EACH ROW EXECUTE FUNCTION watch();\n\
         SET search_path = far;\nINSERT INTO items VALUES (3, 'c'), (4, 'd');",
    ),
    (
        "shadow",
        "CREATE TEMPORARY TABLE items (id int);\nINSERT INTO items VALUES (99);\nDROP TABLE items;\n\
         UPDATE counter SET n = n + 1;",
    ),
    (
        "back",
        "-- whimbrel: no-transaction\nUPDATE counter SET n = n + 1;\n\
         CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"Items Name\" ON far.items (name);\nUPDATE counter SET n = n + 1;\n\
         VACUUM far.items;\nUPDATE counter SET n = n + 1;",
    ),
];

const MYSQL: &[(&str, &str)] = &[
    (
        "counter",
        "CREATE TABLE counter (id INT PRIMARY KEY, n INT NOT NULL);\nINSERT INTO counter VALUES (1, 0);\n\
         CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(9));\nUPDATE counter SET n = n + 1;",
    ),
    (
        "far",
        "CREATE DATABASE {b};\nCREATE TABLE {b}.items (id INT PRIMARY KEY, name VARCHAR(9));\n\
         INSERT INTO {b}.items VALUES (1, 'far'), (2, 'off');\nUPDATE counter SET n = n + 1;",
    ),
    (
        "use",
        "USE {b};\nALTER TABLE items ADD COLUMN email VARCHAR(20);\nUPDATE {a}.counter SET n = n + 1;\n\
         CREATE INDEX items_email ON items (email);\nDROP INDEX items_email ON items;\nUSE {a};\n\
         UPDATE counter SET n = n + 1;",
    ),
    (
        "gone",
        "CREATE TABLE passing (n INT);\nUSE {b};\nCREATE TABLE passing (n INT);\nDROP TABLE passing;\n\
         UPDATE {a}.counter SET n = n + 1;",
    ),
    (
        "call",
        "CREATE PROCEDURE bump() UPDATE {a}.counter SET n = n + 1;\nUPDATE counter SET n = n + 1;\nCALL bump();\n\
         UPDATE counter SET n = n + 1;",
    ),
    (
        "prepared",
        "SET @bump = 'UPDATE {a}.counter SET n = n + 1';\nPREPARE bump FROM @bump;\nEXECUTE bump;\n\
         DEALLOCATE PREPARE bump;\nUPDATE counter SET n = n + 1;",
    ),
    (
        "comments",
        "/*!40101 SET foreign_key_checks = 0 */;\n\
         CREATE TABLE noted (n INT) /*!50100 PARTITION BY HASH (n) PARTITIONS 2 */;\n\
         /*!50001 CREATE VIEW noted_view AS SELECT n FROM noted */;\nINSERT INTO noted VALUES (1), (2), (3);\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("parts", "ALTER TABLE noted ADD PARTITION PARTITIONS 1;\nUPDATE counter SET n = n + 1;"),
    (
        "watched",
        "DELIMITER //\nCREATE TRIGGER {b}.watched AFTER INSERT ON {b}.items FOR EACH ROW\nBEGIN\n  \
         UPDATE {a}.counter SET n = n + 1;\nEND//\nDELIMITER ;\nINSERT INTO {b}.items (id, name) VALUES (3, 'c'), (4, 'd');",
    ),
    (
        "names",
        "CREATE TABLE `Odd Name` (n INT PRIMARY KEY);\nUSE `{b}`;\nALTER TABLE `{a}`.`Odd Name` ADD COLUMN m INT;\n\
         CREATE TABLE `Odd Name` (n INT PRIMARY KEY);\nUPDATE {a}.counter SET n = n + 1;",
    ),
    ("data", "USE {b};\nINSERT INTO items (id, name) VALUES (5, 'e');\nUPDATE {a}.counter SET n = n + 1;"),
];

/// Those of its statements that may be in doubt on MySQL and MariaDB; none on PostgreSQL.
pub const DOUBTFUL: &[Doubtful] = &[
    Doubtful {
        version: 2,
        statement: 1,
        probe: "SELECT count(*) FROM information_schema.schemata WHERE schema_name = concat(database(), '_b')",
        by_hand: &[],
    },
    Doubtful { version: 5, statement: 3, probe: "SELECT n = 7 FROM counter", by_hand: &[] },
    Doubtful { version: 6, statement: 3, probe: "SELECT n = 9 FROM counter", by_hand: &[] },
    Doubtful {
        version: 8,
        statement: 1,
        probe: "SELECT count(*) = 3 FROM information_schema.partitions WHERE table_schema = database() AND table_name = 'noted'",
        by_hand: &[],
    },
];
