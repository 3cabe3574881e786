//! Migrations of MySQL and MariaDB with statements of which, once the answer is lost, the database does not tell how they
//! ended; and for each, the look that a person takes.

use whimbrel::Memory;

/// One statement in doubt.
#[derive(Clone, Copy, Debug)]
pub struct Doubtful {
    /// The version, which has this statement's migration.
    pub version: i64,
    /// The statement, from 1.
    pub statement: usize,
    /// A query that answers 1 where it took effect, and 0 where it did not.
    pub probe: &'static str,
    /// What is done by hand before that, where it may have happened halfway.
    pub by_hand: &'static [&'static str],
}

/// What `counter` holds in the end.
pub const COUNTED: i64 = 10;

/// The set.
pub fn set() -> Memory {
    let mut set = Memory::new();
    for (number, (name, sql)) in (1..).zip(SCRIPTS) {
        set = set.with_sql(number, *name, *sql);
    }
    set
}

const SCRIPTS: &[(&str, &str)] = &[
    (
        "counter",
        "CREATE TABLE counter (id INT PRIMARY KEY, n INT NOT NULL);\nCREATE TABLE here (n INT PRIMARY KEY);\n\
         CREATE TABLE there (n INT PRIMARY KEY);\nINSERT INTO counter VALUES (1, 0);\nINSERT INTO here VALUES (1), (2);\n\
         CREATE PROCEDURE bump_once() UPDATE counter SET n = n + 1;\nUPDATE counter SET n = n + 1;",
    ),
    (
        "swap",
        "UPDATE counter SET n = n + 1;\nRENAME TABLE here TO aside, there TO here, aside TO there;\nUPDATE counter SET n = n + 1;",
    ),
    ("empty", "UPDATE counter SET n = n + 1;\nTRUNCATE there;"),
    ("call", "CALL bump_once();\nUPDATE counter SET n = n + 1;"),
    (
        "filled",
        "CREATE TABLE filled (n INT PRIMARY KEY) SELECT n FROM counter;\nUPDATE counter SET n = n + 1;",
    ),
    ("clauses", "ALTER TABLE here ADD COLUMN a INT, ADD COLUMN b INT;\nUPDATE counter SET n = n + 1;"),
    ("wider", "ALTER TABLE here MODIFY COLUMN a BIGINT;\nUPDATE counter SET n = n + 1;"),
    (
        "several",
        "CREATE TABLE one (n INT);\nCREATE TABLE two (n INT);\nDROP TABLE one, two;\nUPDATE counter SET n = n + 1;",
    ),
];

/// Those of its statements that may be in doubt, in a run that nobody else disturbs.
pub const DOUBTFUL: &[Doubtful] = &[
    // The rows are where they were put, or in the other table.
    Doubtful { version: 2, statement: 2, probe: "SELECT count(*) > 0 FROM there", by_hand: &[] },
    Doubtful { version: 3, statement: 2, probe: "SELECT count(*) = 0 FROM there", by_hand: &[] },
    Doubtful { version: 4, statement: 1, probe: "SELECT n = 5 FROM counter", by_hand: &[] },
    Doubtful {
        version: 5,
        statement: 1,
        probe: "SELECT count(*) > 0 FROM information_schema.tables WHERE table_schema = database() AND table_name = 'filled'",
        by_hand: &[],
    },
    Doubtful {
        version: 6,
        statement: 1,
        probe: "SELECT count(*) = 2 FROM information_schema.columns WHERE table_schema = database() AND table_name = 'here' \
                AND column_name IN ('a', 'b')",
        by_hand: &[],
    },
    Doubtful {
        version: 7,
        statement: 1,
        probe: "SELECT count(*) = 1 FROM information_schema.columns WHERE table_schema = database() AND table_name = 'here' \
                AND column_name = 'a' AND data_type = 'bigint'",
        by_hand: &[],
    },
    Doubtful {
        version: 8,
        statement: 3,
        probe: "SELECT count(*) = 0 FROM information_schema.tables WHERE table_schema = database() \
                AND table_name IN ('one', 'two')",
        // MariaDB drops one after the other.
        by_hand: &["DROP TABLE IF EXISTS one", "DROP TABLE IF EXISTS two"],
    },
];
