//! The facts about SQLite's dialect. No I/O.

use std::fmt::Write as _;

use crate::cascade;
use whimbrel::script::Lexing;
use whimbrel::{
    BootQuery, BootSet, ClientProgram, Ddl, Dialect, Fact, ForeignKeys, HistorySql, PreflightSql, Rule,
    ScriptSql, SettingsSql, SurveyQuery, TableName, TransactionSql, Transport,
};

/// What the core has to know about SQLite.
pub const DIALECT: Dialect = Dialect {
    default_schema: Some(SCHEMA),
    transaction: TransactionSql {
        begin: "BEGIN IMMEDIATE",
        commit: "COMMIT",
        rollback: "ROLLBACK",
        ddl: Ddl::Transactional,
        statements: usize::MAX,
    },
    version: Some("sqlite_version()"),
    // Whoever can open the file can do everything with it.
    preflight: Some(PreflightSql { superuser: "0", missing: |_| "SELECT 'end'".to_owned() }),
    transport: Transport::Local,
    script: Some(ScriptSql {
        client: ClientProgram::Sqlite3,
        command: "sqlite3 -bail DATABASE < SCRIPT",
        // The smallest number has no absolute value (sqlite.org/lang_corefunc.html#abs); a condition that is NULL does not
        // hold either.
        assert: |condition| {
            format!("SELECT abs(CASE WHEN {condition} THEN 1 ELSE -9223372036854775807 - 1 END)")
        },
    }),
    rules: RULES,
    settings: SettingsSql { snapshot: SETTINGS, ..SettingsSql::NONE },
    foreign_keys: Some(ForeignKeys {
        enforced: "SELECT foreign_keys FROM pragma_foreign_keys",
        disable: "PRAGMA foreign_keys = OFF",
        enable: "PRAGMA foreign_keys = ON",
        check: "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check",
        schema: cascade::schema,
        referring: cascade::referring,
    }),
    hazards: Some(HAZARDS),
    flight_bytes: 16 << 20,
    // SQLite has no users; the file's owner is the operating system's to say.
    ..Dialect::plain(
        "sqlite",
        Lexing::SQLITE,
        HistorySql {
            databases: Some("SELECT name FROM pragma_database_list"),
            ..HistorySql::plain(create, boot, survey, "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")
        },
    )
};

/// Temporary tables and attached databases may hold a table of the same name: the history's is always named in full.
const SCHEMA: &str = "main";

const fn pragma(word: &'static str, fact: Fact) -> Rule {
    Rule::with(&["PRAGMA"], word, fact)
}

/// From the documentation of each statement at sqlite.org/lang.html and sqlite.org/pragma.html.
const RULES: &[Rule] = &[
    // "cannot VACUUM from within a transaction"
    Rule::of(&["VACUUM"], Fact::NeedsNoTransaction),
    Rule::of(&["VACUUM"], Fact::RunAgain),
    // "output file already exists"
    Rule::with(&["VACUUM"], "INTO", Fact::RunOnce),
    // It "performs an implicit DELETE FROM" where foreign keys are enforced (sqlite.org/foreignkeys.html#fk_schemacommands).
    Rule::of(&["DROP", "TABLE"], Fact::DropsTable),
    // Attached databases are the session's; DETACH fails inside a transaction.
    Rule::of(&["ATTACH"], Fact::NeedsNoTransaction),
    Rule::of(&["ATTACH"], Fact::SessionState),
    Rule::of(&["DETACH"], Fact::NeedsNoTransaction),
    Rule::of(&["DETACH"], Fact::SessionState),
    // These do nothing inside a transaction, or fail there.
    pragma("FOREIGN_KEYS", Fact::NeedsNoTransaction),
    pragma("FOREIGN_KEYS", Fact::SwitchesForeignKeys),
    pragma("JOURNAL_MODE", Fact::NeedsNoTransaction),
    pragma("SYNCHRONOUS", Fact::NeedsNoTransaction),
    pragma("TEMP_STORE", Fact::NeedsNoTransaction),
    pragma("WAL_CHECKPOINT", Fact::NeedsNoTransaction),
    pragma("LOCKING_MODE", Fact::NeedsNoTransaction),
    // A pragma sets something to a value: twice is once. What it sets is often the session's.
    Rule::of(&["PRAGMA"], Fact::RunAgain),
    Rule::of(&["PRAGMA"], Fact::Replay),
    Rule::of(&["PRAGMA"], Fact::TravelsAlone),
    // Temporary objects are the session's.
    Rule::of(&["CREATE", "TEMP"], Fact::SessionState),
    Rule::of(&["CREATE", "TEMPORARY"], Fact::SessionState),
    // What the statement before has done is the session's.
    Rule::holding("LAST_INSERT_ROWID", Fact::SessionState),
    Rule::holding("LAST_INSERT_ROWID", Fact::TravelsAlone),
    Rule::holding("CHANGES", Fact::SessionState),
    Rule::holding("CHANGES", Fact::TravelsAlone),
    Rule::holding("TOTAL_CHANGES", Fact::SessionState),
    Rule::holding("TOTAL_CHANGES", Fact::TravelsAlone),
    // Checked at the commit: in a shared transaction a later migration could mend what an earlier one broke.
    Rule::holding("DEFERRABLE", Fact::EndsSharing),
    Rule::holding("DEFERRED", Fact::EndsSharing),
];

macro_rules! setting {
    ($name:literal) => {
        concat!("(SELECT 'PRAGMA ", $name, " = ' || \"", $name, "\" FROM pragma_", $name, ")")
    };
}

/// A database in memory has no other journal, and none that a crash could need. With OFF nothing is begun at all, which the
/// driver sees to.
const HAZARDS: &str = "SELECT 'journal_mode of the database ' || d.name || ' is MEMORY: a crash while it is written to can \
     damage it, and no next run could mend that; set it to DELETE or WAL before migrating' \
     FROM pragma_database_list d, pragma_journal_mode(d.name) j \
     WHERE j.journal_mode = 'memory' AND d.file <> '' AND d.name <> 'temp'";

/// A script that leaves the journal in memory, or none, has the next one run with the default again. The modes that keep
/// what a transaction promises are the script's to choose, and WAL stays in the file.
const JOURNAL: &str = "(SELECT CASE WHEN journal_mode NOT IN ('memory', 'off') THEN 'PRAGMA main.journal_mode = delete' END \
     FROM pragma_journal_mode('main'))";

/// The mode of one database, where it was not set for all of them.
const LOCKING: &str =
    "(SELECT 'PRAGMA main.locking_mode = ' || locking_mode FROM pragma_locking_mode('main'))";

const SETTINGS: &[&str] = &[
    setting!("foreign_keys"),
    setting!("synchronous"),
    setting!("recursive_triggers"),
    setting!("legacy_alter_table"),
    setting!("ignore_check_constraints"),
    setting!("reverse_unordered_selects"),
    setting!("query_only"),
    setting!("cache_size"),
    setting!("temp_store"),
    setting!("secure_delete"),
    setting!("writable_schema"),
    setting!("automatic_index"),
    setting!("cell_size_check"),
    setting!("read_uncommitted"),
    setting!("locking_mode"),
    LOCKING,
    JOURNAL,
];

pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text with NUL cannot be written as a literal, and none of ours has one; it is left out rather than cut there.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

fn qualified(table: &TableName) -> String {
    table.qualified(identifier, Some(SCHEMA))
}

/// There is no column for the server's own clock: `at` is read from SQLite's, and there is no other.
///
/// Without a rowid of its own, the table is its primary key's index: the newest row of a set is one descent, and inserting
/// does not change `last_insert_rowid()` under the application's feet.
fn create(table: &TableName) -> Vec<String> {
    let (full, name) = (qualified(table), identifier(table.name()));
    let schema = identifier(table.schema().unwrap_or(SCHEMA));
    let index = |suffix: &str| format!("{schema}.{}", identifier(&format!("{}_{suffix}", table.name())));
    vec![
        format!(
            "CREATE TABLE {full} (\
             set_name TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, version INTEGER, name TEXT, \
             digest TEXT, head TEXT, repeatables TEXT NOT NULL, below INTEGER, who TEXT NOT NULL, at TEXT NOT NULL, \
             detail TEXT NOT NULL, previous TEXT, hash TEXT NOT NULL, \
             PRIMARY KEY (set_name, seq)) WITHOUT ROWID"
        ),
        format!("CREATE INDEX {} ON {name} (set_name, head, seq)", index("head")),
        format!("CREATE INDEX {} ON {name} (set_name, below, seq) WHERE below IS NOT NULL", index("below")),
    ]
}

/// Reads a handful of index entries, whatever the number of rows: which index to use is said, since SQLite would guess
/// without statistics. Most of a boot is SQLite preparing this statement, so it is kept plain: `max` with a bare column is
/// cheaper to prepare than a sort with a limit, and what is not needed costs less to look up than to leave out by `CASE`.
fn boot(query: &BootQuery<'_>) -> String {
    let table = qualified(query.table);
    let by_head = identifier(&format!("{}_head", query.table.name()));
    let by_below = identifier(&format!("{}_below", query.table.name()));
    let environment = if query.environment {
        format!(
            "(SELECT detail FROM {table} WHERE set_name = '*' AND event = 'environment' ORDER BY seq DESC LIMIT 1)"
        )
    } else {
        "NULL".to_owned()
    };
    let mut sql = String::with_capacity(1024);
    for (index, BootSet { name, head, repeatables, last }) in query.sets.iter().enumerate() {
        if index > 0 {
            sql.push_str(" UNION ALL ");
        }
        let name = literal(name);
        let both = repeatables.map_or_else(
            || "NULL".to_owned(),
            |repeatables| {
                format!(
                    "(SELECT max(seq) FROM {table} INDEXED BY {by_head} WHERE set_name = {name} AND head = '{head}' \
                     AND repeatables = '{repeatables}')"
                )
            },
        );
        // An aggregate without GROUP BY answers one row, and `repeatables` is that of the row with the largest number
        // (sqlite.org/lang_select.html#bareagg).
        let _ = write!(
            sql,
            "SELECT {name}, \
             (SELECT head FROM {table} WHERE set_name = {name} ORDER BY seq DESC LIMIT 1), \
             max(seq), repeatables, {both}, \
             (SELECT max(seq) FROM {table} INDEXED BY {by_below} WHERE set_name = {name} AND below IS NOT NULL \
             AND below <= {last}), \
             {environment} FROM {table} INDEXED BY {by_head} WHERE set_name = {name} AND head = '{head}'"
        );
    }
    sql
}

/// Of the databases that are attached those count that the scripts name, beside `main` and the history's; where SQLite cannot
/// list the tables of all of them (before 3.37), only the latter two.
fn survey(query: &SurveyQuery<'_>) -> String {
    let SurveyQuery { table, known, made, places } = query;
    let own = table.schema().unwrap_or(SCHEMA);
    let list = |names: &mut dyn Iterator<Item = &str>| names.map(literal).collect::<Vec<_>>().join(", ");
    let tables = if rusqlite::version_number() >= 3_037_000 {
        let named = places.iter().map(String::as_str);
        let places: Vec<String> = [SCHEMA, own].into_iter().chain(named).map(str::to_lowercase).collect();
        // The last part answers nothing, and is an error where no such database is attached.
        format!(
            "SELECT schema AS place, name FROM pragma_table_list WHERE lower(schema) <> 'temp' AND type <> 'shadow' \
             AND lower(schema) IN ({}) UNION ALL SELECT type, name FROM {}.sqlite_master WHERE 0",
            list(&mut places.iter().map(String::as_str)),
            identifier(own)
        )
    } else {
        // Before SQLite 3.33 the schema table has only its older name.
        let of = |schema: &str| {
            format!(
                "SELECT {} AS place, name FROM {}.sqlite_master WHERE type IN ('table', 'view')",
                literal(schema),
                identifier(schema)
            )
        };
        let other = Some(own).filter(|own| !own.eq_ignore_ascii_case(SCHEMA));
        [SCHEMA].into_iter().chain(other).map(of).collect::<Vec<_>>().join(" UNION ALL ")
    };
    format!(
        "SELECT CASE WHEN lower(place) = 'main' THEN name ELSE place || '.' || name END AS shown, \
         CASE WHEN lower(place) = lower({}) AND lower(name) = lower({}) THEN 1 WHEN lower(name) IN ({}) THEN 4 ELSE 0 END AS kind, \
         place, name FROM ({tables}) WHERE substr(name, 1, 7) <> 'sqlite_' \
         ORDER BY kind = 1 DESC, kind DESC, lower(name) IN ({}) DESC, shown LIMIT {}",
        literal(own),
        literal(table.name()),
        list(&mut known.iter().copied()),
        list(&mut made.iter().map(String::as_str)),
        SurveyQuery::LIMIT
    )
}
