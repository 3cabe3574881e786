//! The facts about PostgreSQL's dialect. No I/O.

use std::fmt::Write as _;
use std::time::Duration;

use whimbrel::script::Lexing;
use whimbrel::{
    BootQuery, ClientProgram, Dialect, FlightSql, HistorySql, LockSql, RoleSql, ScriptSql, SecretSql,
    SessionNumber, SettingsSql, StaysSql, SurveyQuery, TableName, Timeouts, TransactionSql,
};

use crate::effect::EFFECTS;
use crate::preflight::PREFLIGHT;
use crate::rules::RULES;

/// What the core has to know about PostgreSQL.
pub const DIALECT: Dialect = Dialect {
    literal,
    quoted: literal,
    transaction: TransactionSql {
        // Whatever the role's or the database's defaults.
        begin: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        // Each takes a few of the server's locks, of which there are some 6,400 (max_locks_per_transaction times
        // connections).
        statements: 500,
        ..PLAIN.transaction
    },
    lock: Some(LockSql {
        transaction: Some(|table| format!("pg_try_advisory_xact_lock({})::int", key(table))),
        take: |table| format!("pg_try_advisory_lock({})::int", key(table)),
        release: |table| format!("pg_advisory_unlock({})::int", key(table)),
        held: |table| format!("(SELECT count(*) FROM {} AND l.pid = pg_backend_pid())::int", locks(table)),
        // What a role may not see of another's session is NULL; its number is everybody's to see.
        holder: |table| {
            format!(
                "(SELECT min(concat_ws(' ', 'server process ' || l.pid, 'of ' || a.usename, \
                 'at ' || host(a.client_addr), '(' || nullif(a.application_name, '') || ')')) FROM {})",
                locks(table).replacen(" WHERE", " LEFT JOIN pg_stat_activity a USING (pid) WHERE", 1)
            )
        },
        owner: |table| format!("(SELECT min(l.pid) FROM {})", locks(table)),
        session: "pg_backend_pid()",
    }),
    flight: Some(FlightSql {
        assert,
        // The same as `pg_current_xact_id()::xid`, which is there from 13 on.
        mine: "xmin = (txid_current() & 4294967295)::text::xid",
        // division_by_zero
        failed: "22012",
        // invalid_savepoint_specification, no_active_sql_transaction
        unguarded: &["3B001", "25P01"],
        check: "SET CONSTRAINTS ALL IMMEDIATE",
        blocks: 128,
    }),
    version: Some("current_setting('server_version')"),
    // What a role may not see of another's session is NULL; its number is everybody's to see.
    blockers: &[
        "SELECT concat_ws(' ', 'server process ' || l.pid, 'of ' || a.usename, 'at ' || host(a.client_addr), \
         '(' || nullif(a.application_name, '') || ')') || coalesce(', ' || a.state, ''), c.relname::text \
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation \
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND c.relkind IN ('r', 'p', 'm', 'v') \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) \
         AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY a.xact_start LIMIT 100",
    ],
    history: HistorySql {
        user: "session_user::text",
        // In microseconds; only a cluster that was copied while it was started could share it.
        // The database, which a crash and a promoted standby leave what it is, and a restored dump does not; and the start.
        server: Some(
            "concat_ws(' ', (SELECT oid FROM pg_database WHERE datname = current_database()), \
             to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS'))",
        ),
        // The first statement of a transaction begins it, at the same time. Only for a statement sent without values: with
        // them parsing begins it, and executing is a little later.
        idle: Some("(now() = statement_timestamp())::int"),
        place: Some("current_schema()::text"),
        stays: Some(StaysSql { plain: STAYS, thorough: STAYS_FOR_OTHERS }),
        ..PLAIN.history
    },
    rules: RULES,
    settings: SettingsSql {
        snapshot: &[SNAPSHOT],
        reset: &["RESET ALL"],
        fix: Some(FIX),
        fix_text: Some(FIX),
        fix_session: Some(FIX_SESSION),
        fix_answers: Some(FIX_SESSION),
        custom: None,
        unprepare: Some(unprepare),
        lent: false,
    },
    pin: Some(FIX_SESSION),
    effects: Some(EFFECTS),
    timeouts: Some(timeouts),
    unlimited: Some(unlimited),
    role: Some(RoleSql {
        assume: |role, local| {
            format!("SET {} ROLE {}", if local { "LOCAL" } else { "SESSION" }, (PLAIN.identifier)(role))
        },
        leave: "RESET ROLE",
        own: "format('SELECT set_config(''session_authorization'', %L, true), set_config(''role'', %L, true)', \
              session_user, current_setting('role'))",
        leave_local: &["SET LOCAL SESSION AUTHORIZATION DEFAULT", "SET LOCAL ROLE NONE"],
    }),
    // The client writes what it sends to `log`, but for what is bound.
    secrets: SecretSql::Setting { set: "SELECT set_config($1, $2, false)", statement: put_together },
    preflight: Some(PREFLIGHT),
    script: Some(ScriptSql {
        client: ClientProgram::Psql,
        // Without the settings of whoever runs it.
        command: "psql -X -v ON_ERROR_STOP=1 -d DATABASE -f SCRIPT",
        assert,
    }),
    flight_bytes: 1 << 20,
    session: SessionNumber::Unknown,
    ..PLAIN
};

/// The schema is whichever is first on the search path, unless one is configured.
const PLAIN: Dialect = Dialect::plain(
    "postgres",
    Lexing::POSTGRES,
    HistorySql::plain(
        create,
        boot,
        survey,
        r#"to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"#,
    ),
);

/// What `RESET ALL` leaves (who one is), and what it takes from a session that was changed before it was handed over. Who one
/// is goes first: a new one forgets the role. Settings of a transaction are not the session's.
const SNAPSHOT: &str = "(SELECT concat_ws(', ', format('SELECT set_config(''session_authorization'', %L, false)', \
    session_user), format('set_config(''role'', %L, false)', current_setting('role')), \
    string_agg(format('set_config(%L, %L, false)', name, current_setting(name)), ', ')) FROM pg_settings \
    WHERE source = 'session' AND context IN ('user', 'superuser') AND name !~ '^transaction_')";

const FIX: &str = "SELECT set_config('standard_conforming_strings', 'on', true), \
    set_config('client_encoding', 'UTF8', true)";

/// [`FIX`] until the end of the session.
const FIX_SESSION: &str = "SELECT set_config('standard_conforming_strings', 'on', false), \
    set_config('client_encoding', 'UTF8', false)";

/// For a client that was handed over: `RESET ALL` would also reset the settings that it has given names of its own, and that no
/// list has. Who one is goes first, since it may have to be somebody else to reset the rest.
pub(crate) const RESET_LISTED: &[&str] = &[
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "SELECT count(set_config(name, NULL, false)) FROM (SELECT name FROM pg_settings WHERE source = 'session' \
     AND context IN ('user', 'superuser') AND name !~ '^transaction_' OFFSET 0) s",
];

/// A setting that nobody has declared has no other default than none.
pub(crate) fn custom(name: &str) -> String {
    let name = literal(name);
    format!("format('SELECT set_config(%L, %L, false)', {name}, coalesce(current_setting({name}, true), ''))")
}

/// What a script leaves in a session that goes on to other clients: besides the settings, who one is, which `RESET ALL` leaves.
pub(crate) const RESET_LENT: &[&str] = &["RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL"];

/// As the session finds its place now, by its role and its path, so it has to find it behind the script. `CASE` keeps the
/// order: first who one is and where one looks, until the end of the transaction; then where that leads.
const STAYS: &str = "format('CASE WHEN concat(set_config(''role'', %L, true), set_config(''search_path'', %L, true)) \
    IS NOT NULL THEN current_schema() IS NOT DISTINCT FROM %L END', current_setting('role'), \
    current_setting('search_path'), current_schema())";

/// The same for a path that comes from the role, the database or the server, which the script may have given another one:
/// sessions that are opened later have that one (catalog-pg-db-role-setting.html; the order is that of `process_settings`).
/// What it was is compared by a number, so that the paths of all roles stay on the server. A path of the client's or the
/// session's own stays what it is.
const STAYS_FOR_OTHERS: &str = "format('CASE WHEN concat(set_config(''role'', %L, true), set_config(''search_path'', %s, true)) \
    IS NOT NULL THEN current_schema() IS NOT DISTINCT FROM %L END', current_setting('role'), \
    CASE WHEN (SELECT source IN ('client', 'session') FROM pg_settings WHERE name = 'search_path') \
    THEN quote_literal(current_setting('search_path')) \
    ELSE format('CASE WHEN (SELECT hashtext(string_agg(s::text, '''')) FROM pg_db_role_setting s \
    WHERE array_to_string(setconfig, '','') LIKE ''%%search_path%%'') IS NOT DISTINCT FROM %s THEN %L \
    ELSE coalesce((SELECT substr(c, 13) FROM pg_db_role_setting, unnest(setconfig) c WHERE c LIKE ''search_path=%%'' \
    AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) \
    AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = %L)) ORDER BY setrole = 0, setdatabase = 0 LIMIT 1), \
    (SELECT boot_val FROM pg_settings WHERE name = ''search_path'')) END', \
    coalesce((SELECT hashtext(string_agg(s::text, ''))::text FROM pg_db_role_setting s \
    WHERE array_to_string(setconfig, ',') LIKE '%search_path%'), 'NULL'), current_setting('search_path'), session_user) \
    END, current_schema())";

/// What another client of a pooler may have left, and would lead scripts astray: undone until the end of the transaction.
/// NULL is the default, be it the role's, the database's or the server's.
pub(crate) const UNDO: &str = "set_config('search_path',NULL,true),set_config('role',NULL,true)";

/// [`FIX`] and [`UNDO`].
pub(crate) const FIX_POOLED: &str = "SELECT set_config('standard_conforming_strings', 'on', true), \
    set_config('client_encoding', 'UTF8', true), set_config('search_path', NULL, true), set_config('role', NULL, true)";

/// A block that executes the text which these parts make, in quotes that none of them has.
fn put_together(parts: &str) -> String {
    let tag = (0..).map(|number| format!("$whimbrel_{number}$")).find(|tag| !parts.contains(tag.as_str()));
    let tag = tag.unwrap_or_default();
    format!("DO {tag}BEGIN EXECUTE {parts}; END{tag}")
}

/// Prepared statements outlive a rollback (postgresql.org/docs/current/sql-prepare.html). What the application has prepared
/// itself has another text, or is older, or was not prepared by `PREPARE`.
fn unprepare(name: &str, text: &str, since: Duration) -> String {
    let name = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_ascii_lowercase(),
    };
    // A second more, since this takes time to arrive.
    let window = since + Duration::from_secs(1);
    put_together(&format!(
        "CASE WHEN EXISTS (SELECT FROM pg_prepared_statements WHERE name = {} AND from_sql AND strpos(statement, {}) > 0 \
         AND prepare_time >= clock_timestamp() - interval '{} milliseconds') THEN {} ELSE 'SELECT' END",
        literal(&name),
        literal(text),
        window.as_millis(),
        literal(&format!("DEALLOCATE {}", identifier(&name))),
    ))
}

/// A condition that is NULL does not hold either.
fn assert(condition: &str) -> String {
    format!("SELECT 1 / (CASE WHEN {condition} THEN 1 ELSE 0 END)")
}

fn timeouts(timeouts: &Timeouts) -> String {
    let local = timeouts.local;
    let mut sql = "SELECT".to_owned();
    for (name, time) in [("lock_timeout", timeouts.lock), ("statement_timeout", timeouts.statement)] {
        if let Some(time) = time {
            // 0 would be none at all.
            let milliseconds = time.as_millis().clamp(1, i32::MAX as u128);
            let comma = if sql.len() == 6 { "" } else { "," };
            let _ = write!(sql, "{comma} set_config('{name}', '{milliseconds}', {local})");
        }
    }
    sql
}

/// In milliseconds, as the list of settings has it.
fn unlimited(limit: Duration) -> String {
    format!(
        "SELECT set_config('lock_timeout', '0', false) FROM pg_settings WHERE name = 'lock_timeout' AND setting = '{}'",
        limit.as_millis().clamp(1, i32::MAX as u128)
    )
}

/// The number of the lock, as a literal: the smallest number has no other.
fn key(table: &TableName) -> String {
    format!("'{}'::bigint", table.lock_key())
}

/// Where the lock is to be seen (postgresql.org/docs/current/view-pg-locks.html): its high half, its low half, and 1.
fn locks(table: &TableName) -> String {
    let key = table.lock_key().cast_unsigned();
    format!(
        "pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = '{}'::oid \
         AND l.objid = '{}'::oid AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        key >> 32,
        key & 0xffff_ffff
    )
}

/// In this form a backslash escapes, and a quote is doubled, whatever `standard_conforming_strings` and `backslash_quote`
/// say. A text with NUL cannot be written, and none of ours has one; it is left out rather than refused there.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''"))
}

fn qualified(table: &TableName) -> String {
    table.qualified(identifier, None)
}

fn identifier(name: &str) -> String {
    (PLAIN.identifier)(name)
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
             mark text, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (set_name, seq))"
        ),
        format!("CREATE INDEX {} ON {full} (set_name, head, seq)", index("head")),
        format!("CREATE INDEX {} ON {full} (set_name, below, seq) WHERE below IS NOT NULL", index("below")),
    ]
}

/// Each part of a row is one descent in an index. `seq + 0` keeps the planner from walking the primary key backwards until
/// it meets a row with `below`, which it takes for near when it has no statistics.
///
/// In a session that was just opened most of the time goes into reading the system's catalogs for the first time: no
/// aggregate, no join with a catalog.
fn boot(query: &BootQuery<'_>) -> String {
    let table = qualified(query.table);
    let environment = if query.environment {
        format!(
            "(SELECT detail FROM {table} WHERE set_name = '*' AND event = 'environment' ORDER BY seq DESC LIMIT 1)"
        )
    } else {
        "NULL".to_owned()
    };
    let repeats = query.sets.iter().any(|set| set.repeatables.is_some());
    let both = if repeats {
        format!(
            "CASE m.repeatables WHEN w.r THEN m.seq ELSE (SELECT seq FROM {table} WHERE set_name = w.s AND head = w.h \
             AND repeatables = w.r ORDER BY seq DESC LIMIT 1) END"
        )
    } else {
        "NULL::bigint".to_owned()
    };
    let sets: Vec<String> = query
        .sets
        .iter()
        .map(|set| {
            let repeatables =
                set.repeatables.map_or_else(|| "NULL".to_owned(), |digest| format!("'{digest}'"));
            format!("({}, '{}', {repeatables}, {}::bigint)", literal(set.name), set.head, set.last)
        })
        .collect();
    format!(
        "SELECT w.s, (SELECT head FROM {table} WHERE set_name = w.s ORDER BY seq DESC LIMIT 1), m.seq, \
         m.repeatables, {both}, (SELECT seq FROM {table} WHERE set_name = w.s AND below IS NOT NULL \
         AND below <= w.l ORDER BY seq + 0 DESC LIMIT 1), {environment}, \
         (pg_identify_object('pg_class'::regclass, {}::regclass, 0)).schema, current_schema() \
         FROM (VALUES {}) w(s, h, r, l) LEFT JOIN LATERAL (SELECT seq, repeatables FROM {table} \
         WHERE set_name = w.s AND head = w.h ORDER BY seq DESC LIMIT 1) m ON true",
        literal(&table),
        sets.join(", "),
    )
}

/// Looks at all schemas but the system's, whose names begin with `pg_`. What an extension has made is not the application's,
/// whatever the schema; a sequence that belongs to a column, and a partition, are told of by their table.
///
/// A history elsewhere, and a schema of the search path that is passed over since the role may not use it, tell only of
/// what happens where no schema is configured.
fn survey(query: &SurveyQuery<'_>) -> String {
    let SurveyQuery { table, known, made, .. } = query;
    let name = literal(table.name());
    let schema = table.schema().map_or_else(|| "current_schema()".to_owned(), literal);
    let list = |names: &mut dyn Iterator<Item = &str>| {
        let names: Vec<String> = names.map(literal).collect();
        if names.is_empty() { "NULL".to_owned() } else { names.join(", ") }
    };
    let known = list(&mut known.iter().copied());
    let made = list(&mut made.iter().map(String::as_str));
    let limit = SurveyQuery::LIMIT;
    let here = format!(
        "SELECT shown, kind, place, name FROM (SELECT CASE WHEN n.nspname = current_schema() THEN c.relname::text \
         ELSE concat(n.nspname, '.', c.relname) END AS shown, CASE WHEN n.nspname = {schema} AND c.relname = {name} THEN 1 \
         WHEN lower(c.relname) IN ({known}) THEN 4 ELSE 0 END AS kind, n.nspname::text AS place, c.relname::text AS name \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT c.relispartition \
         AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT EXISTS (SELECT 1 FROM pg_depend d \
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND (d.deptype = 'e' \
         OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))) AS found \
         ORDER BY kind = 1 DESC, kind DESC, (lower(name) IN ({made})) IS TRUE DESC, (place = current_schema()) IS TRUE DESC, shown \
         LIMIT {limit}"
    );
    if table.schema().is_some() {
        return here;
    }
    format!(
        "WITH path AS (SELECT at, CASE WHEN m[1] = '\"$user\"' THEN current_user::text WHEN m[1] LIKE '\"%' \
         THEN replace(substr(m[1], 2, length(m[1]) - 2), '\"\"', '\"') ELSE lower(m[1]) END AS part \
         FROM regexp_matches(current_setting('search_path'), '\"(?:[^\"]|\"\")*\"|[^, ]+', 'g') \
         WITH ORDINALITY AS p(m, at)) \
         ({here}) UNION ALL SELECT n.nspname::text, 2, NULL, NULL \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = {name} AND c.relkind IN ('r', 'p') AND n.nspname IS DISTINCT FROM current_schema() \
         AND n.nspname !~ '^pg_temp_' \
         UNION ALL SELECT n.nspname::text, 3, NULL, NULL FROM pg_namespace n JOIN path ON n.nspname = path.part \
         WHERE NOT has_schema_privilege(n.oid, 'USAGE') \
         AND at < ALL (SELECT at FROM path WHERE part = current_schema())"
    )
}

#[cfg(test)]
mod tests;
