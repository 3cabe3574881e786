//! The examples for MariaDB alone. Data only.

use whimbrel::Product::Mariadb;

use super::Observation::{Answers, Rewrites};
use super::{EVERY, Example, since};

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "ignore-duplicates",
        product: Mariadb,
        versions: EVERY,
        setup: "\
CREATE TABLE tags (id INT PRIMARY KEY, name VARCHAR(20));
INSERT INTO tags VALUES (1, 'sql'), (2, 'sql');",
        bad: "ALTER IGNORE TABLE tags ADD UNIQUE (name);",
        good: "ALTER TABLE tags ADD INDEX (name);",
        observation: Answers { query: "SELECT count(*) = 1 FROM tags" },
    },
    Example {
        rule: "table-rebuild",
        product: Mariadb,
        // Before, it is copied while writes wait, which is another rule's.
        versions: since(11, 2),
        setup: "CREATE TABLE users (id INT PRIMARY KEY, age INT);",
        bad: "ALTER TABLE users MODIFY age BIGINT;",
        good: "ALTER TABLE users MODIFY age INT DEFAULT 18;",
        observation: Rewrites { table: "users" },
    },
    Example {
        rule: "server-file",
        product: Mariadb,
        versions: EVERY,
        setup: "\
CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(50));
INSERT INTO users VALUES (1, 'Ada');",
        bad: "SELECT name FROM users INTO OUTFILE 'names.txt';",
        good: "SELECT name FROM users;",
        observation: Answers {
            query: "SELECT load_file(concat(@@datadir, database(), '/names.txt')) IS NOT NULL",
        },
    },
];
