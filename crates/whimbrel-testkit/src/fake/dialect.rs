//! The facts of the fake database's dialect. Runs nothing.

use whimbrel::script::Lexing;
use whimbrel::{
    BootQuery, BootSet, Ddl, Dialect, Effect, EffectSql, Fact, FlightSql, HistorySql, LockSql, ObjectKind,
    Rule, SettingsSql, SurveyQuery, TableName, TransactionSql,
};

use super::query::SCHEMA;

/// The dialect of [`Fake`](crate::Fake): the standard's way of writing, a write lock from `BEGIN` on, and a few
/// statements that behave as awkwardly as those of real databases.
///
/// | statement | what it does | what the dialect says of it |
/// | --- | --- | --- |
/// | `VACUUM` | nothing; refused in a transaction | `NeedsNoTransaction`, `RunAgain` |
/// | `MAKE FILE name` | makes a file outside any transaction, once; refused in a transaction | `NeedsNoTransaction` |
/// | `SET fill = 7` | new rows' columns get 7 where nothing else gives them a value, in this session; refused in a transaction | `NeedsNoTransaction`, `Replay`; a setting |
/// | `REMEMBER 5` | the expression `MEMORY` is 5 in this session | `SessionState` |
/// | `LOCK TABLE t` | nothing | `TravelsAlone` |
/// | `CHECKPOINT` | nothing | `EndsSharing` |
pub const FAKE: Dialect = Dialect {
    rules: &[
        Rule::of(&["VACUUM"], Fact::NeedsNoTransaction),
        Rule::of(&["VACUUM"], Fact::RunAgain),
        Rule::of(&["MAKE", "FILE"], Fact::NeedsNoTransaction),
        Rule::of(&["SET"], Fact::NeedsNoTransaction),
        Rule::of(&["SET"], Fact::Replay),
        Rule::of(&["REMEMBER"], Fact::SessionState),
        Rule::of(&["LOCK", "TABLE"], Fact::TravelsAlone),
        Rule::of(&["CHECKPOINT"], Fact::EndsSharing),
    ],
    settings: SettingsSql { snapshot: &["SETTING fill"], ..SettingsSql::NONE },
    flight_bytes: 64 * 1024,
    ..Dialect::plain("fake", Lexing::ANSI, HISTORY)
};

/// The dialect of a [`Fake`](crate::Fake) of the kind [`FakeKind::Pipelined`](crate::FakeKind::Pipelined).
pub(super) const PIPELINED: Dialect = Dialect {
    lock: Some(LockSql {
        transaction: Some(|table| format!("local_lock({})", literal(table.name()))),
        ..LOCK
    }),
    flight: Some(FlightSql {
        assert: |condition| format!("ASSERT {condition}"),
        mine: "MINE",
        failed: "untrue",
        unguarded: &["missing", "no_transaction"],
        check: "CHECKPOINT",
        blocks: 128,
    }),
    ..FAKE
};

/// The dialect of a [`Fake`](crate::Fake) of the kind [`FakeKind::Committing`](crate::FakeKind::Committing). Whatever changes
/// the schema commits.
pub(super) const COMMITTING: Dialect = Dialect {
    transaction: TransactionSql { ddl: Ddl::Commits, ..FAKE.transaction },
    lock: Some(LOCK),
    rules: &[
        Rule::of(&["CREATE"], Fact::NeedsNoTransaction),
        Rule::of(&["ALTER"], Fact::NeedsNoTransaction),
        Rule::of(&["DROP"], Fact::NeedsNoTransaction),
        Rule::of(&["VACUUM"], Fact::NeedsNoTransaction),
        Rule::of(&["VACUUM"], Fact::RunAgain),
        Rule::of(&["MAKE", "FILE"], Fact::NeedsNoTransaction),
        Rule::of(&["SET"], Fact::Replay),
        Rule::of(&["REMEMBER"], Fact::SessionState),
    ],
    effects: Some(EffectSql {
        hidden: None,
        place: "'here'",
        role: "USER",
        object: |_| None,
        mark: |effect, _| Some(about("fingerprint", effect)),
        state: |effect, _| Some(about("presence", effect)),
        leftovers: |_, _, _| None,
        atomic: None,
        refused: |code| matches!(code, "syntax" | "missing"),
        survives_restart: true,
    }),
    history: HistorySql {
        server: Some("'fake 1'"),
        guard: Some(|table| format!("own_lock({})", literal(table.name()))),
        ..HistorySql { user: "USER", ..HistorySql::plain(create_with_mark, boot, survey, "NOW") }
    },
    ..FAKE
};

const LOCK: LockSql = LockSql {
    transaction: None,
    take: |table| format!("take_lock({})", literal(table.name())),
    release: |table| format!("free_lock({})", literal(table.name())),
    held: |table| format!("has_lock({})", literal(table.name())),
    holder: |table| format!("concat('session ', lock_owner({}))", literal(table.name())),
    owner: |table| format!("lock_owner({})", literal(table.name())),
    session: "SESSION",
};

/// A question about what a statement would change.
fn about(function: &str, effect: &Effect<'_>) -> String {
    let kind = if effect.kind == ObjectKind::Index { "index" } else { "table" };
    let member = effect.member.as_ref().map_or("NULL".to_owned(), |(_, name)| literal(&name.text));
    format!("{function}('{kind}', {}, {member})", literal(&effect.object.name.text))
}

const HISTORY: HistorySql = HistorySql { user: "USER", ..HistorySql::plain(create, boot, survey, "NOW") };

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn create(table: &TableName) -> Vec<String> {
    let name = table.qualified(identifier, None);
    let index = |suffix: &str| identifier(&format!("{}_{suffix}", table.name()));
    vec![
        format!(
            "CREATE TABLE {name} (set_name TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, version INTEGER, \
             name TEXT, digest TEXT, head TEXT, repeatables TEXT NOT NULL, below INTEGER, who TEXT NOT NULL, \
             at TEXT NOT NULL, detail TEXT NOT NULL, previous TEXT, hash TEXT NOT NULL, PRIMARY KEY (set_name, seq))"
        ),
        format!("CREATE INDEX {} ON {name} (set_name, head, seq)", index("head")),
        format!("CREATE INDEX {} ON {name} (set_name, below, seq)", index("below")),
    ]
}

/// The same with the columns that the server fills in.
fn create_with_mark(table: &TableName) -> Vec<String> {
    let mut statements = create(table);
    statements[0] =
        statements[0].replace("hash TEXT NOT NULL", "hash TEXT NOT NULL, lk INTEGER NOT NULL, mark TEXT");
    statements
}

/// One `SELECT` for each set. The columns for *ahead* are answered whether they are needed or not.
fn boot(query: &BootQuery<'_>) -> String {
    let table = query.table.qualified(identifier, None);
    let one = |set: &BootSet<'_>| {
        let BootSet { name, head, repeatables, last } = set;
        let of_set = format!("FROM {table} WHERE set_name = {}", literal(name));
        let newest = "ORDER BY seq DESC LIMIT 1";
        let both = repeatables.map_or_else(
            || "NULL".to_owned(),
            |repeatables| {
                format!(
                    "(SELECT seq {of_set} AND head = '{head}' AND repeatables = '{repeatables}' {newest})"
                )
            },
        );
        let environment = if query.environment {
            format!("(SELECT detail FROM {table} WHERE set_name = '*' AND event = 'environment' {newest})")
        } else {
            "NULL".to_owned()
        };
        format!(
            "SELECT {}, (SELECT head {of_set} {newest}), (SELECT seq {of_set} AND head = '{head}' {newest}), \
             (SELECT repeatables {of_set} AND head = '{head}' {newest}), \
             {both}, \
             (SELECT seq {of_set} AND below <= {last} {newest}), {environment}",
            literal(name)
        )
    };
    query.sets.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ")
}

fn survey(query: &SurveyQuery<'_>) -> String {
    let own = literal(&query.table.to_string());
    format!(
        "SELECT name, 1 FROM {SCHEMA} WHERE kind = 'table' AND name = {own} UNION ALL \
         SELECT name, 0 FROM {SCHEMA} WHERE kind = 'table' AND name <> {own} ORDER BY name LIMIT 6"
    )
}
