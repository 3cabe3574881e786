//! The facts about MySQL's and MariaDB's dialects. No I/O.

use std::fmt::Write as _;

use whimbrel::script::Lexing;
use whimbrel::{BootQuery, BootSet, Dialect, HistorySql, Setting, TableName, TransactionSql};

use crate::rules::RULES;

/// What the core has to know about MySQL.
pub const MYSQL: Dialect = Dialect {
    name: "mysql",
    lexing: Lexing::MYSQL,
    identifier,
    literal,
    default_schema: None,
    transaction: TransactionSql {
        begin: "START TRANSACTION READ WRITE",
        // Whatever `completion_type` says.
        commit: "COMMIT AND NO CHAIN NO RELEASE",
        rollback: "ROLLBACK AND NO CHAIN NO RELEASE",
    },
    history: HistorySql {
        create,
        boot,
        survey,
        clock: "concat(left(date_format(utc_timestamp(3), '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')",
        user: "current_user()",
    },
    rules: RULES,
    settings: SETTINGS,
    foreign_keys: None,
    timeouts: true,
    flight_bytes: 1 << 20,
};

/// What the core has to know about MariaDB.
pub const MARIADB: Dialect = Dialect { name: "mariadb", lexing: Lexing::MARIADB, ..MYSQL };

macro_rules! setting {
    ($name:literal) => {
        Setting {
            read: concat!("@@session.", $name),
            write: |value| format!(concat!("SET SESSION ", $name, " = {}"), value),
        }
    };
}

const SETTINGS: &[Setting] = &[
    setting!("foreign_key_checks"),
    setting!("unique_checks"),
    setting!("lock_wait_timeout"),
    setting!("innodb_lock_wait_timeout"),
    setting!("sql_safe_updates"),
    setting!("sql_auto_is_null"),
    setting!("sql_big_selects"),
    setting!("sql_notes"),
    setting!("sql_warnings"),
    setting!("sql_select_limit"),
    setting!("auto_increment_increment"),
    setting!("auto_increment_offset"),
    setting!("group_concat_max_len"),
    setting!("div_precision_increment"),
    setting!("default_week_format"),
    setting!("low_priority_updates"),
    setting!("old_alter_table"),
];

fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A backslash means itself under `NO_BACKSLASH_ESCAPES` and not otherwise, other characters are what the connection's
/// character set makes of them, and no text at all is NULL under MariaDB's `EMPTY_STRING_IS_NULL`: such texts are written by
/// their bytes.
fn literal(text: &str) -> String {
    if !text.is_empty()
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'\'')
    {
        return format!("'{text}'");
    }
    let mut sql = String::with_capacity(text.len() * 2 + 12);
    sql.push_str("_utf8mb4 x'");
    for byte in text.bytes() {
        let _ = write!(sql, "{byte:02x}");
    }
    sql.push('\'');
    sql
}

fn qualified(table: &TableName) -> String {
    table.qualified(identifier, None)
}

/// Rows compare by their bytes, as their hashes do. A key takes 3072 bytes at most.
///
/// `lk`, `mark` and `recorded_at` stand outside the hash: that the session held the lock, how an object looked before a
/// statement, and the server's own clock.
fn create(table: &TableName) -> Vec<String> {
    const DIGEST: &str = "VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin";
    vec![format!(
        "CREATE TABLE {} (\
         set_name VARCHAR(190) NOT NULL, seq BIGINT NOT NULL, event VARCHAR(32) NOT NULL, version BIGINT NULL, \
         name VARCHAR(255) NULL, digest {DIGEST} NULL, head {DIGEST} NULL, repeatables {DIGEST} NOT NULL, \
         below BIGINT NULL, who TEXT NOT NULL, at VARCHAR(32) NOT NULL, detail MEDIUMTEXT NOT NULL, \
         previous {DIGEST} NULL, hash {DIGEST} NOT NULL, \
         lk TINYINT NOT NULL DEFAULT 1, mark VARCHAR(255) NULL, \
         recorded_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), \
         PRIMARY KEY (set_name, seq), KEY h_head (set_name, head, seq), KEY h_below (set_name, below, seq)) \
         ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        qualified(table)
    )]
}

/// Reads a handful of index entries, whatever the number of rows: a branch for each set, with literals, since both servers
/// read far more for values that come from another table.
///
/// Behind the columns that every dialect answers stand the database and whether the server may be written to. Names are
/// short since they travel: without them a column is called by its whole expression.
fn boot(query: &BootQuery<'_>) -> String {
    let table = qualified(query.table);
    let environment = if query.environment {
        format!(
            "(select detail from {table} where set_name = '*' and event = 'environment' order by seq desc limit 1)"
        )
    } else {
        "null".to_owned()
    };
    let mut sql = String::with_capacity(1024);
    for (index, BootSet { name, head, repeatables, last }) in query.sets.iter().enumerate() {
        if index > 0 {
            sql.push_str(" union all ");
        }
        let name = literal(name);
        let mine = format!("{table} force index (h_head) where set_name = {name} and head = '{head}'");
        let both = repeatables.map_or_else(
            || "null".to_owned(),
            |repeatables| {
                format!(
                    "(select seq from {mine} and repeatables = '{repeatables}' order by seq desc limit 1)"
                )
            },
        );
        let _ = write!(
            sql,
            "(select {name} s, n.head h, m.seq m, m.repeatables r, {both} b, \
             (select max(seq) from {table} force index (h_below) where set_name = {name} and below <= {last}) t, \
             {environment} e, database() d, concat(@@read_only) not in ('0', 'OFF') o \
             from (select head from {table} where set_name = {name} order by seq desc limit 1) n \
             left join (select seq, repeatables from {mine} order by seq desc limit 1) m on true)"
        );
    }
    sql
}

fn survey(table: &TableName) -> String {
    let name = literal(table.name());
    let schema = table.schema().map_or_else(|| "database()".to_owned(), literal);
    // Compared by bytes where the server tells names apart by their case.
    format!(
        "select table_name, \
         if(@@lower_case_table_names = 0, cast(table_name as binary) = {name}, lower(table_name) = lower({name})) own \
         from information_schema.tables where table_schema = {schema} order by 2 desc, 1 limit 6"
    )
}
