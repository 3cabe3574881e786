//! The rules about what does something else than it seems to do. Data, and small functions that look at one deed.

use whimbrel::Product::{Mariadb, Mysql, Postgres, Sqlite};

use crate::deed::Deed;
use crate::level::Level;
use crate::rule::{Concern, Rule};
use crate::rules::UNPARSED;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: UNPARSED,
        concern: Concern::Trap,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "a statement that the policy cannot read",
        why: "What no rule has seen, somebody has to look at: it may be newer than the grammar that the policy knows, or no \
              SQL.",
        instead: "write it in a way that is understood, or waive this rule for it",
        source: "the grammar of each database",
        // The judge makes this finding, as there is no deed to look at.
        judge: |_, _| None,
    },
    Rule {
        name: "opaque-statement",
        concern: Concern::Trap,
        products: &[Postgres, Mysql, Mariadb],
        level: Level::Note,
        headline: "code runs that no rule has seen",
        why: "A block, a procedure or a prepared statement may do whatever the other rules are about.",
        instead: "write what it does as statements of the script, where that is possible",
        source: "PostgreSQL: DO, CALL, EXECUTE; MySQL: 15.6 Compound Statement Syntax, CALL, EXECUTE",
        judge: |deed, _| match deed {
            Deed::Opaque { what } => Some(format!("{what} runs code that no rule has seen")),
            _ => None,
        },
    },
    Rule {
        name: "enum-value-in-transaction",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a value that was added to an enumeration is used in the same transaction",
        why: "PostgreSQL refuses to use it before the commit (55P04).",
        instead: "add the value in a script of its own, and use it in the next one",
        source: "PostgreSQL: ALTER TYPE, Notes",
        judge: |deed, case| {
            if case.deeds.first() != Some(deed) || matches!(deed, Deed::AddEnumValue { .. }) {
                return None;
            }
            let ty = case.so_far.values_in(case.text).find(|ty| !case.catalog.made(ty))?;
            Some(format!("uses the value that was added to {ty} in this transaction"))
        },
    },
    Rule {
        name: "concurrently-if-not-exists",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "IF NOT EXISTS passes over an index that was left invalid before",
        why: "What a build of this migration leaves invalid is dropped and built again. An invalid index that was there before it \
              is not: it costs every write, no query uses it, a unique one keeps no promise, and IF NOT EXISTS takes it for the \
              one that is wanted.",
        instead: "leave IF NOT EXISTS out, unless some databases have the index already",
        source: "PostgreSQL: CREATE INDEX, Building Indexes Concurrently",
        judge: |deed, _| match deed {
            Deed::CreateIndex(index) if index.concurrently && index.if_not_exists => {
                Some(format!("an invalid index of {} would be taken for this one", index.table))
            }
            _ => None,
        },
    },
    Rule {
        name: "table-if-not-exists",
        concern: Concern::Trap,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Note,
        headline: "CREATE TABLE IF NOT EXISTS does nothing where another table has the name",
        why: "The migration counts as applied, whatever columns the table that was there has.",
        instead: "leave IF NOT EXISTS out: a migration runs once",
        source: "the database's own manual: CREATE TABLE, IF NOT EXISTS",
        judge: |deed, _| match deed {
            Deed::CreateTable(table) if table.if_not_exists && !table.temporary => {
                Some(format!("does nothing if there is a {} already, whatever its columns", table.name))
            }
            _ => None,
        },
    },
    Rule {
        name: "disable-triggers",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "triggers are switched off, and foreign keys with them",
        why: "What is written meanwhile is never checked again: rows may refer to nothing although the foreign key counts as \
              valid. For a table it is so for everybody.",
        instead: "write in an order that the foreign keys allow, or make them deferrable and SET CONSTRAINTS ALL DEFERRED",
        source: "PostgreSQL: ALTER TABLE, DISABLE TRIGGER; Client Connection Defaults, session_replication_role",
        judge: |deed, case| match deed {
            Deed::Triggers { table, on: false } if !case.is_new(table) => Some(format!(
                "the triggers of {table}, or some, do nothing for anybody until they are switched on"
            )),
            Deed::Set { setting, value: Some(value), .. }
                if setting == "session_replication_role" && !value.eq_ignore_ascii_case("origin") =>
            {
                Some("foreign keys and triggers do nothing for what this script writes".to_owned())
            }
            _ => None,
        },
    },
    Rule {
        name: "set-timeout-off",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "a script switches a limit on waiting off",
        why: "The limit that whoever runs the migration has set no longer holds: a statement may wait for as long as it takes, \
              with everybody behind it.",
        instead: "name a longer limit: `-- whimbrel: lock_timeout=30s`",
        source: "PostgreSQL: Client Connection Defaults, lock_timeout",
        judge: |deed, _| match deed {
            Deed::Set { setting, value, .. }
                if matches!(setting.as_str(), "lock_timeout" | "statement_timeout")
                    && value.as_deref().is_some_and(|value| {
                        value.trim_start_matches('0').trim_end_matches("ms").trim_end_matches('s').is_empty()
                    }) =>
            {
                Some(format!("switches {setting} off"))
            }
            _ => None,
        },
    },
];
