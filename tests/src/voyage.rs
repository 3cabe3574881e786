//! Twenty migrations with one of everything, for each kind of server: what is killed on the way, and arrives all the same.

use whimbrel::Memory;
use whimbrel_testkit::ServerKind;

/// What `counter` holds in the end: one for each statement that counts.
pub const COUNTED: i64 = 17;

/// The set of a server. Of every statement it can be told afterwards whether it took effect.
pub fn set(kind: ServerKind) -> Memory {
    let scripts = match kind {
        ServerKind::Postgres => POSTGRES,
        _ => MYSQL,
    };
    let mut set = Memory::new();
    for (number, (name, sql)) in (1..).zip(scripts) {
        set = set.with_sql(number, *name, *sql);
    }
    set.with_repeatable("pet_names", "CREATE OR REPLACE VIEW pet_names AS SELECT id FROM pets;")
}

/// Numbers are given: those that a database gives are used up by what is rolled back, too.
const POSTGRES: &[(&str, &str)] = &[
    (
        "counter",
        "CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL);\nINSERT INTO counter VALUES (1, 0);\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("people", "CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL);"),
    ("count", "UPDATE counter SET n = n + 1;"),
    (
        "pets",
        "CREATE TABLE pets (id serial PRIMARY KEY, owner int NOT NULL REFERENCES people (id));\n\
         INSERT INTO people (name) VALUES ('Ada'), ('Bo');\nINSERT INTO pets (id, owner) VALUES (1, 1), (2, 1), (3, 2);\n\
         UPDATE counter SET n = n + 1;",
    ),
    (
        "tally",
        "CREATE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  UPDATE counter SET n = n + 1;\n  \
         RETURN NULL;\nEND $$;",
    ),
    (
        "tally_pets",
        "CREATE TRIGGER tally_pets AFTER INSERT ON pets FOR EACH ROW EXECUTE FUNCTION tally();\n\
         INSERT INTO pets (id, owner) VALUES (4, 2);\nDROP TRIGGER tally_pets ON pets;",
    ),
    (
        "indexes",
        "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY people_name ON people (name);\n\
         UPDATE counter SET n = n + 1;\nCREATE INDEX CONCURRENTLY pets_owner ON pets (owner);\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("bump", "CREATE PROCEDURE bump() LANGUAGE sql AS $$ UPDATE counter SET n = n + 1 $$;\nCALL bump();"),
    (
        "mail",
        "ALTER TABLE people ADD COLUMN mail text;\nUPDATE people SET mail = lower(name);\nUPDATE counter SET n = n + 1;",
    ),
    ("mail_is_there", "ALTER TABLE people ALTER COLUMN mail SET NOT NULL;"),
    (
        "mood",
        "CREATE TYPE mood AS ENUM ('glad', 'sad');\nALTER TABLE pets ADD COLUMN mood mood DEFAULT 'glad';",
    ),
    (
        "swap",
        "-- whimbrel: no-transaction\nUPDATE counter SET n = n + 1;\nDROP INDEX CONCURRENTLY people_name;\n\
         CREATE UNIQUE INDEX CONCURRENTLY people_name ON people (name, mail);\nVACUUM pets;\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("block", "DO $$ BEGIN\n  FOR i IN 1..2 LOOP UPDATE counter SET n = n + 1; END LOOP;\nEND $$;"),
    (
        "old",
        "CREATE TABLE old_a (n int);\nCREATE TABLE old_b (n int);\nINSERT INTO old_a SELECT generate_series(1, 1000);",
    ),
    ("none_left", "TRUNCATE old_a;\nUPDATE counter SET n = n + 1;"),
    ("old_gone", "DROP TABLE old_a, old_b;\nUPDATE counter SET n = n + 1;"),
    ("renamed", "ALTER TABLE people RENAME TO persons;"),
    ("summary", "CREATE MATERIALIZED VIEW summary AS SELECT owner, count(*) FROM pets GROUP BY owner;"),
    (
        "last_index",
        "-- whimbrel: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY summary_owner ON summary (owner);\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("twice", "UPDATE counter SET n = n + 1;\nUPDATE counter SET n = n + 1;"),
];

const MYSQL: &[(&str, &str)] = &[
    (
        "counter",
        "CREATE TABLE counter (id INT PRIMARY KEY, n INT NOT NULL);\nINSERT INTO counter VALUES (1, 0);\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("people", "CREATE TABLE people (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(99) NOT NULL);"),
    ("count", "UPDATE counter SET n = n + 1;"),
    (
        "pets",
        "CREATE TABLE pets (id INT PRIMARY KEY AUTO_INCREMENT, owner INT NOT NULL);\n\
         INSERT INTO people (id, name) VALUES (1, 'Ada'), (2, 'Bo');\nINSERT INTO pets (id, owner) VALUES (1, 1), (2, 1), (3, 2);\n\
         UPDATE counter SET n = n + 1;",
    ),
    (
        "mail",
        "ALTER TABLE people ADD COLUMN mail VARCHAR(99);\nUPDATE people SET mail = lower(name);\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("names", "CREATE INDEX people_name ON people (name);\nUPDATE counter SET n = n + 1;"),
    (
        "bump",
        "DELIMITER //\nCREATE PROCEDURE bump_all()\nBEGIN\n  UPDATE counter SET n = n + 100;\n  SELECT 1;\nEND//\n\
         DELIMITER ;\nUPDATE counter SET n = n + 1;",
    ),
    (
        "twofold",
        "CREATE FUNCTION twofold(n INT) RETURNS INT DETERMINISTIC NO SQL RETURN n * 2;\nUPDATE counter SET n = n + 1;",
    ),
    ("view", "CREATE VIEW owners AS SELECT id FROM people;\nUPDATE counter SET n = n + 1;"),
    (
        "event",
        "CREATE EVENT never ON SCHEDULE EVERY 1 YEAR DISABLE DO DELETE FROM pets;\nUPDATE counter SET n = n + 1;",
    ),
    (
        "owned",
        "ALTER TABLE pets ADD CONSTRAINT pets_owned FOREIGN KEY (owner) REFERENCES people (id);\n\
         UPDATE counter SET n = n + 1;",
    ),
    ("one_mail", "ALTER TABLE people ADD UNIQUE KEY one_mail (mail);\nUPDATE counter SET n = n + 1;"),
    (
        "nick",
        "ALTER TABLE people ADD nick VARCHAR(9);\nALTER TABLE people DROP COLUMN nick;\nUPDATE counter SET n = n + 1;",
    ),
    ("no_index", "DROP INDEX people_name ON people;\nCREATE INDEX people_name ON people (name, mail);"),
    (
        "view_again",
        "DROP VIEW owners;\nUPDATE counter SET n = n + 1;\nCREATE VIEW owners AS SELECT id, name FROM people;",
    ),
    ("no_bump", "DROP PROCEDURE bump_all;\nUPDATE counter SET n = n + 1;"),
    (
        "settings",
        "SET SESSION sql_mode = 'ANSI_QUOTES';\nCREATE TABLE quoted (n INT, d DATE DEFAULT '0000-00-00');\n\
         UPDATE counter SET n = n + 1;\nINSERT INTO quoted (n) VALUES (1);",
    ),
    (
        "rule",
        "ALTER TABLE pets ADD CONSTRAINT some_owner CHECK (owner > 0);\nALTER TABLE pets DROP CONSTRAINT some_owner;",
    ),
    (
        "watched",
        "CREATE TABLE toys (id INT PRIMARY KEY);\n\
         CREATE TRIGGER toys_watched AFTER INSERT ON toys FOR EACH ROW UPDATE counter SET n = n + 1000;\nANALYZE TABLE toys;",
    ),
    ("twice", "UPDATE counter SET n = n + 1;\nUPDATE counter SET n = n + 1;"),
];
