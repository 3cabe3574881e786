//! The examples for MySQL alone. Data only.

use whimbrel::Product::Mysql;

use super::Observation::{Fails, Refuses, Rewrites};
use super::{EVERY, Example, since};

const USERS: &str =
    "CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) NOT NULL, age INT);";

pub(super) const EXAMPLES: &[Example] = &[
    Example {
        rule: "table-copy",
        product: Mysql,
        versions: since(8, 0),
        setup: USERS,
        bad: "ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17);",
        good: "ALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17) NOT ENFORCED;",
        observation: Refuses { suffix: ", ALGORITHM=INPLACE" },
    },
    Example {
        rule: "table-copy",
        product: Mysql,
        versions: EVERY,
        setup: USERS,
        bad: "ALTER TABLE users ENGINE = MyISAM;",
        good: "ALTER TABLE users ENGINE = InnoDB;",
        observation: Refuses { suffix: ", ALGORITHM=INPLACE" },
    },
    Example {
        rule: "blocks-writes",
        product: Mysql,
        versions: since(8, 0),
        setup: "CREATE TABLE visits (id INT PRIMARY KEY) PARTITION BY HASH (id) PARTITIONS 4;",
        bad: "ALTER TABLE visits COALESCE PARTITION 2;",
        good: "ALTER TABLE visits ADD COLUMN at INT;",
        observation: Refuses { suffix: ", LOCK=NONE" },
    },
    Example {
        rule: "table-rebuild",
        product: Mysql,
        versions: ((5, 7), (5, 7)),
        setup: USERS,
        bad: "ALTER TABLE users ADD COLUMN email VARCHAR(100);",
        good: "ALTER TABLE users ALTER age SET DEFAULT 18;",
        observation: Rewrites { table: "users" },
    },
    Example {
        rule: "server-file",
        product: Mysql,
        versions: EVERY,
        setup: USERS,
        bad: "SELECT name FROM users INTO OUTFILE 'names.txt';",
        good: "SELECT name FROM users;",
        observation: Fails { code: "1290" },
    },
];
