//! The facts about MySQL's and MariaDB's dialects. No I/O.

use std::fmt::Write as _;
use std::time::Duration;

use whimbrel::script::Lexing;
use whimbrel::{
    BootQuery, BootSet, CausalSql, ClientProgram, Ddl, Dialect, HistorySql, LockSql, ScriptSql, SettingsSql,
    SurveyQuery, TableName, Timeouts, TransactionSql,
};

use crate::effect::EFFECTS;
use crate::preflight::PREFLIGHT;
use crate::resume::session_left;
use crate::rules::RULES;

/// A number makes bytes of a text on MariaDB, whence the conversions here and below.
///
/// A server is told from others by its name, from itself before a restart by when it was started: both servers count their
/// uptime from the same clock that `unix_timestamp()` reads, so the difference stays the same.
macro_rules! server {
    ($name:expr, $schema:literal) => {
        concat!(
            "convert(concat_ws(_utf8mb4' ', ",
            $name,
            ", @@port, @@server_id, unix_timestamp() - (select cast(variable_value as signed) from ",
            $schema,
            ".global_status where variable_name = 'Uptime')) using ascii)"
        )
    };
}

/// Comments belong to routines and views; a backslash is nobody's command; whoever is connected anew has lost the lock.
macro_rules! command {
    ($program:literal) => {
        concat!(
            $program,
            " --default-character-set=utf8mb4 --binary-mode --comments --skip-reconnect DATABASE < SCRIPT"
        )
    };
}

/// Who holds which table. Empty where the server runs without its performance schema, or without its instrument
/// `wait/lock/metadata/sql/mdl`, which MySQL has on and MariaDB off by default.
const LOCKED_TABLES: &str = "select convert(concat('connection ', t.processlist_id, ', ', t.processlist_user, '@', \
    coalesce(t.processlist_host, ''), ', ', coalesce(t.processlist_command, '')) using utf8mb4), \
    convert(m.object_name using utf8mb4) \
    from performance_schema.metadata_locks m \
    join performance_schema.threads t on t.thread_id = m.owner_thread_id \
    where m.object_type = 'TABLE' and m.lock_status = 'GRANTED' and m.object_schema = database() \
    and t.processlist_id <> connection_id() order by t.processlist_time desc limit 100";

/// The same of MariaDB's plugin `metadata_lock_info`: an error where it is not installed.
const LOCKED_TABLES_OF_PLUGIN: &str = "select convert(concat('connection ', p.id, ', ', p.user, '@', p.host, ', ', p.command) \
    using utf8mb4), convert(m.table_name using utf8mb4) \
    from information_schema.metadata_lock_info m join information_schema.processlist p on p.id = m.thread_id \
    where m.table_schema = database() and p.id <> connection_id() order by p.time desc limit 100";

/// Who has a transaction open, whatever it holds: every server tells that whoever has the privilege PROCESS.
const OPEN_TRANSACTIONS: &str = "select convert(concat('connection ', p.id, ', ', p.user, '@', p.host, ', ', p.command) \
    using utf8mb4), null \
    from information_schema.innodb_trx t join information_schema.processlist p on p.id = t.trx_mysql_thread_id \
    where p.id <> connection_id() order by t.trx_started limit 100";

/// What the core has to know about MySQL.
pub const MYSQL: Dialect = Dialect {
    identifier,
    literal,
    quoted,
    version: Some("version()"),
    blockers: &[LOCKED_TABLES, OPEN_TRANSACTIONS],
    transaction: TransactionSql {
        begin: "START TRANSACTION READ WRITE",
        // Whatever `completion_type` says.
        commit: "COMMIT AND NO CHAIN NO RELEASE",
        rollback: "ROLLBACK AND NO CHAIN NO RELEASE",
        ddl: Ddl::Commits,
        statements: usize::MAX,
    },
    lock: Some(LockSql {
        transaction: None,
        take: |table| format!("coalesce(get_lock({}, 0), 0)", lock_name(table)),
        release: |table| format!("coalesce(release_lock({}), 0)", lock_name(table)),
        held: |table| format!("coalesce(is_used_lock({}) = connection_id(), 0)", lock_name(table)),
        holder,
        owner: |table| format!("is_used_lock({})", lock_name(table)),
        session: "connection_id()",
    }),
    preflight: Some(PREFLIGHT),
    script: Some(ScriptSql { client: ClientProgram::Mysql, command: command!("mysql"), assert }),
    rules: RULES,
    effects: Some(EFFECTS),
    message_bytes: Some("cast(@@max_allowed_packet as signed)"),
    session_left: Some(session_left),
    settings: SettingsSql {
        snapshot: &SNAPSHOT_MYSQL,
        fix: Some(FIX),
        fix_answers: Some(ANSWERS),
        ..SettingsSql::NONE
    },
    pin: Some(PIN),
    timeouts: Some(|timeouts| {
        set_timeouts(timeouts, |limit| format!("max_execution_time = {}", limit.as_millis()))
    }),
    ..Dialect::plain(
        "mysql",
        Lexing::MYSQL,
        HistorySql {
            user: "current_user()",
            place: Some("convert(database() using utf8mb4)"),
            databases: Some("select convert(schema_name using utf8mb4) from information_schema.schemata"),
            server: Some(server!("@@server_uuid", "performance_schema")),
            // Out of the range of BIGINT UNSIGNED, which is an error whatever `sql_mode` says (12.25.7 Out-of-Range and
            // Overflow Handling). NULL for a NOT NULL column becomes 0 in an `INSERT` of several rows, unless strict.
            guard: Some(|table| {
                format!(
                    "if(is_used_lock({}) = connection_id(), 1, 18446744073709551615 + connection_id())",
                    lock_name(table)
                )
            }),
            ..HistorySql::plain(create, boot, survey, CLOCK)
        },
    )
};

/// What the core has to know about MariaDB.
pub const MARIADB: Dialect = Dialect {
    name: "mariadb",
    lexing: Lexing::MARIADB,
    blockers: &[LOCKED_TABLES, LOCKED_TABLES_OF_PLUGIN, OPEN_TRANSACTIONS],
    settings: SettingsSql { snapshot: &SNAPSHOT_MARIADB, ..MYSQL.settings },
    // Seconds, with a fraction.
    timeouts: Some(|timeouts| {
        set_timeouts(timeouts, |limit| format!("max_statement_time = {:.3}", limit.as_secs_f64()))
    }),
    history: HistorySql { server: Some(SERVER_MARIADB), causal: Some(CAUSAL), ..MYSQL.history },
    script: Some(ScriptSql { client: ClientProgram::Mysql, command: command!("mariadb"), assert }),
    ..MYSQL
};

/// The servers of a Galera cluster may have equal names, ports and numbers; among each other they go by an identifier. It
/// is empty where there is no cluster, and `concat_ws` leaves NULL out.
const SERVER_MARIADB: &str = server!(
    "@@hostname, nullif((select variable_value from information_schema.global_status \
     where variable_name = 'wsrep_gcomm_uuid'), '')",
    "information_schema"
);

/// A server of a Galera cluster shows what was committed on another one only when it has applied it. That there are such
/// settings at all is not taken for granted: a server that was built without Galera does not know them.
const CAUSAL: CausalSql = CausalSql {
    clustered: "(select 1 from information_schema.session_variables \
                where variable_name = 'wsrep_on' and variable_value = 'ON')",
    before: "SET STATEMENT wsrep_sync_wait = 1, wsrep_dirty_reads = OFF FOR ",
};

const CLOCK: &str =
    "convert(concat(left(date_format(utc_timestamp(3), '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z') using utf8mb4)";

/// The scripts are UTF-8. What changes how strings are read comes out of `sql_mode`, and the modes that imply it; the commas
/// that are left do no harm.
macro_rules! fix {
    ($more:literal) => {
        concat!("SET SESSION autocommit = 1, character_set_client = utf8mb4, ", $more, "sql_mode = \
    replace(replace(replace(replace(replace(replace(replace(replace(@@session.sql_mode, _utf8mb4'ANSI_QUOTES', _utf8mb4 x''), \
    _utf8mb4'ANSI', _utf8mb4 x''), _utf8mb4'NO_BACKSLASH_ESCAPES', _utf8mb4 x''), _utf8mb4'ORACLE', _utf8mb4 x''), \
    _utf8mb4'POSTGRESQL', _utf8mb4 x''), _utf8mb4'MSSQL', _utf8mb4 x''), _utf8mb4'DB2', _utf8mb4 x''), \
    _utf8mb4'MAXDB', _utf8mb4 x'')")
    };
}

const FIX: &str = fix!("");

/// From MySQL 8.0.11 on. The client asks for `utf8mb4_general_ci` when it connects, which is nobody's choice: what a script
/// creates gets the collation that the server has for utf8mb4 (7.1.8 Server System Variables, `default_collation_for_utf8mb4`).
pub(crate) const FIX_8: &str = fix!(
    "collation_connection = if(@@session.collation_connection = 'utf8mb4_general_ci', \
    @@session.default_collation_for_utf8mb4, @@session.collation_connection), "
);

/// The same without what would end a transaction, before each statement that has a value: a routine or a trigger may set
/// another character set for the session, in which a byte of the value is half a character, and the quote behind it its
/// other half. It has neither backslashes nor anything that is not ASCII.
const PIN: &str = "SET SESSION character_set_client = utf8mb4, sql_mode = \
    replace(replace(replace(replace(replace(replace(replace(replace(@@session.sql_mode, _utf8mb4'ANSI_QUOTES', _utf8mb4 x''), \
    _utf8mb4'ANSI', _utf8mb4 x''), _utf8mb4'NO_BACKSLASH_ESCAPES', _utf8mb4 x''), _utf8mb4'ORACLE', _utf8mb4 x''), \
    _utf8mb4'POSTGRESQL', _utf8mb4 x''), _utf8mb4'MSSQL', _utf8mb4 x''), _utf8mb4'DB2', _utf8mb4 x''), \
    _utf8mb4'MAXDB', _utf8mb4 x'')";

/// Answers come in UTF-8, and texts in questions are what stands there.
const ANSWERS: &str = "SET SESSION character_set_client = utf8mb4, character_set_results = utf8mb4, \
    character_set_connection = utf8mb4";

macro_rules! numbers {
    ($first:literal $(, $name:literal)* $(,)?) => {
        concat!(
            "convert(concat(_utf8mb4'SET SESSION ", $first, " = ', @@session.", $first,
            $(", _utf8mb4', ", $name, " = ', @@session.", $name,)*
            ") using utf8mb4)"
        )
    };
}

macro_rules! texts {
    ($first:literal $(, $name:literal)* $(,)?) => {
        concat!(
            "convert(concat(_utf8mb4'SET SESSION ", $first, " = ', quote(@@session.", $first, ")",
            $(", _utf8mb4', ", $name, " = ', quote(@@session.", $name, ")",)*
            ") using utf8mb4)"
        )
    };
}

const CHECKS: &str = numbers!(
    "autocommit",
    "foreign_key_checks",
    "unique_checks",
    "sql_safe_updates",
    "sql_auto_is_null",
    "sql_big_selects",
    "sql_notes",
    "sql_warnings",
    "group_concat_max_len",
    "div_precision_increment",
    "default_week_format",
    "lock_wait_timeout",
    "innodb_lock_wait_timeout",
);
const WORDS: &str =
    texts!("sql_mode", "time_zone", "default_storage_engine", "lc_time_names", "completion_type",);
/// Before whatever is told as text: in some character sets no other setting is understood.
const READABLE: &str =
    "_utf8mb4'SET SESSION character_set_client = utf8mb4, character_set_connection = utf8mb4'";
/// Behind it, for the same reason.
const CHARACTERS: &str = texts!(
    "character_set_client",
    "character_set_results",
    "character_set_connection",
    "collation_connection",
);
const DATABASE: &str = "concat(_utf8mb4'USE `', replace(database(), _utf8mb4'`', _utf8mb4'``'), _utf8mb4'`')";

/// MySQL 5.7 makes -1 of the largest number, which as a limit is none at all.
const LIMIT: &str = "convert(concat(_utf8mb4'SET SESSION sql_select_limit = ', cast(@@session.sql_select_limit as unsigned)) using utf8mb4)";

/// To set these takes a privilege on MySQL 8, or from MySQL 8 on.
const INCREMENTS: &str = numbers!("auto_increment_increment", "auto_increment_offset");
const PRIORITY: &str = numbers!("low_priority_updates");

/// A statement for those who may run it, and NULL for others: their scripts could not change it either. That the privilege
/// comes from a role is not seen.
macro_rules! privileged {
    ($free:literal, $statement:expr) => {
        concat!(
            "if(cast(substring_index(version(), '.', 1) as unsigned) ", $free, " or exists(select 1 from \
             information_schema.user_privileges where privilege_type in ('SUPER', 'SYSTEM_VARIABLES_ADMIN', \
             'SESSION_VARIABLES_ADMIN') and convert(grantee using utf8mb4) = convert(concat(\
             quote(substring_index(current_user(), _utf8mb4'@', 1)), _utf8mb4'@', \
             quote(substring_index(current_user(), _utf8mb4'@', -1))) \
             using utf8mb4) collate utf8mb4_bin), ", $statement, ", null)"
        )
    };
}

const SNAPSHOT_MYSQL: [&str; 10] = [
    READABLE,
    CHECKS,
    privileged!("<> 8", numbers!("auto_increment_increment", "auto_increment_offset")),
    privileged!("< 8", numbers!("low_priority_updates")),
    LIMIT,
    WORDS,
    DATABASE,
    numbers!("transaction_read_only", "max_execution_time"),
    texts!("transaction_isolation"),
    CHARACTERS,
];
const SNAPSHOT_MARIADB: [&str; 10] = [
    READABLE,
    CHECKS,
    INCREMENTS,
    PRIORITY,
    LIMIT,
    WORDS,
    DATABASE,
    numbers!("tx_read_only", "max_statement_time", "check_constraint_checks"),
    texts!("tx_isolation"),
    CHARACTERS,
];

/// Out of range, as in the guard of a row. `DO` would not tell of the error.
fn assert(condition: &str) -> String {
    format!("SELECT if({condition}, 1, 18446744073709551615 + connection_id())")
}

/// The server waits for whole seconds, one at least.
fn set_timeouts(timeouts: &Timeouts, statement: fn(Duration) -> String) -> String {
    let lock = timeouts.lock.map(|limit| {
        let seconds = limit.as_millis().div_ceil(1000).max(1);
        format!("lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}")
    });
    let all: Vec<String> = lock.into_iter().chain(timeouts.statement.map(statement)).collect();
    if all.is_empty() { "DO 0".to_owned() } else { format!("SET SESSION {}", all.join(", ")) }
}

/// Names of locks are the server's, not the database's, and have 64 characters at most.
fn lock_name(table: &TableName) -> String {
    format!(
        "convert(concat(_utf8mb4'whimbrel ', convert(left(sha2(convert(concat({}, _utf8mb4'.', {}) using utf8mb4), 256), 40) \
         using utf8mb4)) using utf8mb4)",
        table.schema().map_or_else(|| "database()".to_owned(), introduced),
        introduced(table.name())
    )
}

/// Without the privilege PROCESS only the number is to be seen.
fn holder(table: &TableName) -> String {
    format!(
        "(select convert(concat(_utf8mb4'connection ', l.id, coalesce(concat(_utf8mb4', ', p.user, _utf8mb4'@', p.host), _utf8mb4 x'')) using utf8mb4) \
         from (select is_used_lock({}) id) l left join information_schema.processlist p on p.id = l.id \
         where l.id is not null)",
        lock_name(table)
    )
}

pub(crate) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// With `''` for a quote this is no other text's end, whether a backslash means something or not.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''"))
}

/// A backslash means itself under `NO_BACKSLASH_ESCAPES` and not otherwise, other characters are what the connection's
/// character set makes of them (in `swe7` also of ASCII's brackets and their like), and no text at all is NULL under MariaDB's
/// `EMPTY_STRING_IS_NULL`: such texts are written by their bytes.
pub(crate) fn literal(text: &str) -> String {
    if !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'Z' | b'_' | b'a'..=b'z') && byte != b'\'' && byte != b'@')
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

/// A literal in utf8mb4, whatever the session's character sets: beside others of its kind, where texts are put together.
pub(crate) fn introduced(text: &str) -> String {
    let literal = literal(text);
    if literal.starts_with('_') { literal } else { format!("_utf8mb4{literal}") }
}

fn database(table: &TableName) -> String {
    table.schema().map_or_else(|| "database()".to_owned(), literal)
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
/// Scalar subqueries: a derived table costs each of them a temporary one.
///
/// There is one database that a connection looks into, so it is not asked for. Names are short since they travel: without
/// them a column is called by its whole expression.
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
        let newest = |column: &str, condition: &str| {
            format!("(select {column} from {mine}{condition} order by seq desc limit 1)")
        };
        let (here, both) = match repeatables {
            None => ("null".to_owned(), "null".to_owned()),
            Some(digest) => {
                (newest("repeatables", ""), newest("seq", &format!(" and repeatables = '{digest}'")))
            }
        };
        let _ = write!(
            sql,
            "(select set_name s, head h, (select max(seq) from {mine}) m, {here} r, {both} b, \
             (select max(seq) from {table} force index (h_below) where set_name = {name} and below <= {last}) t, \
             {environment} e from {table} where set_name = {name} order by seq desc limit 1)"
        );
    }
    sql
}

/// A server's databases belong to many applications. Those that count are the one that the connection is in, the one of the
/// history, and those that the scripts name.
///
/// A query for each: both servers look only into a database whose name they compare with.
fn survey(query: &SurveyQuery<'_>) -> String {
    let SurveyQuery { table, known, made, places } = query;
    // Compared by bytes where the server tells names apart by their case.
    let same = |name: &str| {
        format!(
            "if(@@lower_case_table_names = 0, cast(table_name as binary) = {name}, lower(table_name) = lower({name}))"
        )
    };
    let list = |names: &mut dyn Iterator<Item = &str>| {
        let names: Vec<String> = names.map(literal).collect();
        if names.is_empty() { "null".to_owned() } else { names.join(", ") }
    };
    let (known, made) = (list(&mut known.iter().copied()), list(&mut made.iter().map(String::as_str)));
    let own = same(&introduced(table.name()));
    let mut databases = vec!["database()".to_owned()];
    let places = places.iter().map(String::as_str).filter(|place| !is_system(place));
    for place in table.schema().into_iter().chain(places).map(literal) {
        if !databases.contains(&place) {
            databases.push(place);
        }
    }
    let parts = databases.iter().map(|place| {
        format!(
            "(select if(table_schema = database(), table_name, concat(table_schema, '.', table_name)) shown, \
             if({own} and table_schema = {}, 1, if(lower(table_name) in ({known}), 4, 0)) kind, \
             table_schema place, table_name name, (lower(table_name) in ({made})) is true made \
             from information_schema.tables where table_schema = {place})",
            database(table)
        )
    });
    format!(
        "select shown, kind, place, name from ({}) found order by kind = 1 desc, kind desc, made desc, shown limit {}",
        parts.collect::<Vec<_>>().join(" union "),
        SurveyQuery::LIMIT
    )
}

fn is_system(name: &str) -> bool {
    ["mysql", "sys", "information_schema", "performance_schema"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use whimbrel::Digest;

    use super::*;

    fn boot_sql(sets: usize, repeatables: bool) -> String {
        let digest = |byte: u8| Digest::from_bytes([byte; 32]);
        let names = ["app", "jobs"];
        let sets: Vec<BootSet<'_>> = names[..sets]
            .iter()
            .map(|name| BootSet {
                name,
                head: digest(1),
                repeatables: repeatables.then(|| digest(2)),
                last: 40,
            })
            .collect();
        (MYSQL.history.boot)(&BootQuery {
            table: &TableName::default(),
            sets: &sets,
            environment: repeatables,
        })
    }

    fn survey_sql(table: &TableName, places: &[String]) -> String {
        (MYSQL.history.survey)(&SurveyQuery { table, known: &["goose_db_version"], made: places, places })
    }

    #[test]
    fn a_boot_of_one_set_is_under_one_kib() {
        assert!(boot_sql(1, false).len() < 900, "{}", boot_sql(1, false).len());
        assert!(boot_sql(1, true).len() < 1024 + 512, "{}", boot_sql(1, true).len());
    }

    #[test]
    fn the_sql_is_as_reviewed() {
        let (table, other) = (TableName::default(), TableName::new("ops.h").unwrap());
        let lock = MYSQL.lock.unwrap();
        let all = [
            boot_sql(1, false),
            boot_sql(2, true),
            (MYSQL.history.create)(&table).join(";\n"),
            survey_sql(&table, &[]),
            survey_sql(&other, &["app".to_owned(), "mysql".to_owned(), "ops".to_owned()]),
            (lock.take)(&table),
            (lock.holder)(&other),
            (MYSQL.history.guard.unwrap())(&table),
            MYSQL.settings.snapshot.join(",\n"),
            MARIADB.settings.snapshot.join(",\n"),
            MYSQL.history.server.unwrap().to_owned(),
            MARIADB.history.server.unwrap().to_owned(),
            CAUSAL.clustered.to_owned(),
            CAUSAL.before.to_owned(),
        ];
        insta::assert_snapshot!(all.join(";\n\n"));
    }

    #[test]
    fn literals_are_plain_only_where_every_session_reads_them_alike() {
        assert_eq!(literal("b3v1:00ff"), "'b3v1:00ff'");
        assert_eq!(literal(""), "_utf8mb4 x''");
        assert_eq!(literal("it's"), "_utf8mb4 x'69742773'");
        assert_eq!(literal("\\"), "_utf8mb4 x'5c'");
        assert_eq!(literal("2|"), "_utf8mb4 x'327c'");
        assert_eq!(literal("é\0"), "_utf8mb4 x'c3a900'");
        assert_eq!(identifier("a`b"), "`a``b`");
    }

    #[test]
    fn time_limits_are_told_in_the_servers_units() {
        let limit = |lock, statement| Timeouts {
            lock: Some(Duration::from_millis(lock)),
            statement: Some(Duration::from_millis(statement)),
            local: false,
        };
        let set = |dialect: &Dialect, timeouts| (dialect.timeouts.unwrap())(&timeouts);
        let mysql =
            "SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1, max_execution_time = 1500";
        assert_eq!(set(&MYSQL, limit(1, 1500)), mysql);
        let mariadb =
            "SET SESSION lock_wait_timeout = 4, innodb_lock_wait_timeout = 4, max_statement_time = 1.500";
        assert_eq!(set(&MARIADB, limit(3001, 1500)), mariadb);
        assert_eq!(set(&MYSQL, Timeouts::default()), "DO 0");
    }
}
