//! The facts about PostgreSQL's dialect. No I/O.

use whimbrel::script::Lexing;
use whimbrel::{BootQuery, Dialect, HistorySql, TableName, TransactionSql};

use crate::rules::RULES;

/// What the core has to know about PostgreSQL.
pub const DIALECT: Dialect = Dialect {
    name: "postgres",
    lexing: Lexing::POSTGRES,
    identifier,
    literal,
    // Whichever is first on the search path.
    default_schema: None,
    transaction: TransactionSql {
        // Whatever the role's or the database's defaults.
        begin: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        commit: "COMMIT",
        rollback: "ROLLBACK",
    },
    history: HistorySql {
        create,
        boot,
        survey,
        clock: r#"to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"#,
        user: "session_user::text",
    },
    rules: RULES,
    settings: &[],
    foreign_keys: None,
    timeouts: true,
    flight_bytes: 1 << 20,
};

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// In this form a backslash escapes, and a quote is doubled, whatever `standard_conforming_strings` and `backslash_quote`
/// say. A text with NUL cannot be written, and none of ours has one; it is left out rather than refused there.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''"))
}

fn qualified(table: &TableName) -> String {
    table.qualified(identifier, None)
}

/// The last column is the server's own, and not in the hash. What is searched for is in the order of bytes, so that an
/// upgrade of the system's collations cannot break its indexes. Without `IF NOT EXISTS`: whoever loses a race has to know.
fn create(table: &TableName) -> Vec<String> {
    let full = qualified(table);
    let index = |suffix: &str| identifier(&format!("{}_{suffix}", table.name()));
    vec![
        format!(
            "CREATE TABLE {full} (\
             set_name text COLLATE \"C\" NOT NULL, seq bigint NOT NULL, event text NOT NULL, version bigint, name text, \
             digest text, head text COLLATE \"C\", repeatables text NOT NULL, below bigint, who text NOT NULL, \
             at text NOT NULL, detail text NOT NULL, previous text, hash text NOT NULL, \
             recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (set_name, seq))"
        ),
        format!("CREATE INDEX {} ON {full} (set_name, head, seq)", index("head")),
        format!("CREATE INDEX {} ON {full} (set_name, below, seq) WHERE below IS NOT NULL", index("below")),
    ]
}

/// Each part of a row is one descent in an index. `max(seq + 0)` keeps the planner from walking the primary key backwards
/// until it meets a row with `below`, which it takes for near when it has no statistics.
///
/// Behind the seven columns: the schema that the table was found in, the one that it would be created in, and 1 on a
/// server that replays another's log.
fn boot(query: &BootQuery<'_>) -> String {
    let table = qualified(query.table);
    let environment = if query.environment {
        format!(
            "(SELECT detail FROM {table} WHERE set_name = '*' AND event = 'environment' ORDER BY seq DESC LIMIT 1)"
        )
    } else {
        "NULL::text".to_owned()
    };
    let sets: Vec<String> = query
        .sets
        .iter()
        .map(|set| {
            let repeatables =
                set.repeatables.map_or_else(|| "NULL::text".to_owned(), |digest| format!("'{digest}'"));
            format!("({}, '{}', {repeatables}, {}::bigint)", literal(set.name), set.head, set.last)
        })
        .collect();
    format!(
        "SELECT w.s::text, n.head, m.seq, m.repeatables, \
         CASE WHEN m.repeatables = w.r THEN m.seq WHEN w.r IS NOT NULL THEN (SELECT t.seq FROM {table} t \
         WHERE t.set_name = w.s AND t.head = w.h AND t.repeatables = w.r ORDER BY t.seq DESC LIMIT 1) END, \
         (SELECT max(t.seq + 0) FROM {table} t WHERE t.set_name = w.s AND t.below IS NOT NULL AND t.below <= w.l), \
         {environment}, (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = {}::regclass), \
         current_schema()::text, pg_is_in_recovery()::int::bigint \
         FROM (VALUES {}) w(s, h, r, l) \
         LEFT JOIN LATERAL (SELECT t.head FROM {table} t WHERE t.set_name = w.s \
         ORDER BY t.seq DESC LIMIT 1) n ON true \
         LEFT JOIN LATERAL (SELECT t.seq, t.repeatables FROM {table} t WHERE t.set_name = w.s AND t.head = w.h \
         ORDER BY t.seq DESC LIMIT 1) m ON true",
        literal(&table),
        sets.join(", "),
    )
}

/// What an extension has brought is not the application's.
fn survey(table: &TableName) -> String {
    let name = literal(table.name());
    let schema = table.schema().map_or_else(|| "current_schema()".to_owned(), literal);
    format!(
        "SELECT c.relname::text, (c.relname = {name})::int::bigint FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {schema} \
         AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (SELECT 1 FROM pg_depend d \
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
         ORDER BY 2 DESC, 1 LIMIT 6"
    )
}
