//! The rules about what makes others wait while a table is read or an index built. Data, and small functions.

use whimbrel::Product::{Mariadb, Mysql, Postgres, Sqlite};

use super::lasts;
use crate::case::Case;
use crate::deed::{
    Column, ConstraintKind, Deed, DefaultValue, Name, ObjectKind, PartitionChange, ReindexTarget,
};
use crate::level::Level;
use crate::reading::postgres::{blocks_writes, locks_out};
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "index-not-concurrently",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "an index is built while nobody can write to its table",
        why: "The lock (SHARE) is held until the index is built, or the transaction ends: minutes on a large table.",
        instead: "put `-- whimbrel: no-transaction` at the top of a script of its own, and write CREATE INDEX CONCURRENTLY",
        source: "PostgreSQL: CREATE INDEX, Building Indexes Concurrently",
        judge: |deed, case| match deed {
            Deed::CreateIndex(index) if !index.concurrently && !case.is_new(&index.table) => {
                Some(format!("nobody can write to {} until the index is built", index.table))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-index-not-concurrently",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Note,
        headline: "an index is dropped with a lock that nobody passes",
        why: "DROP INDEX waits for all who use the table, and everybody else waits behind it (ACCESS EXCLUSIVE).",
        instead: "write DROP INDEX CONCURRENTLY, in a script with `-- whimbrel: no-transaction`",
        source: "PostgreSQL: DROP INDEX, CONCURRENTLY",
        judge: |deed, case| match deed {
            Deed::Drop { kind: ObjectKind::Index, names, concurrently: false, .. } => {
                let old = names.iter().find(|name| {
                    case.catalog.index(&name.name).is_none_or(|index| !case.is_new(&index.table))
                })?;
                Some(format!("nobody can read or write the table of {old} while this waits for its lock"))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-trigger-lock",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Note,
        headline: "a trigger is dropped with a lock that nobody passes",
        why: "DROP TRIGGER waits for all who use the table, and everybody else waits behind it (ACCESS EXCLUSIVE); CREATE OR \
              REPLACE TRIGGER lets others read.",
        instead: "write CREATE OR REPLACE TRIGGER where another one follows, or set a lock timeout",
        source: "PostgreSQL: Explicit Locking; CREATE TRIGGER, OR REPLACE",
        judge: |deed, case| match deed {
            Deed::Drop { kind: ObjectKind::Trigger, on: Some(table), .. }
                if !case.is_new(table) && case.lock_timeout.is_none() =>
            {
                Some(format!("nobody can read or write {table} while this waits for its lock"))
            }
            _ => None,
        },
    },
    Rule {
        name: "reindex-not-concurrently",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "an index is built anew while nobody can write to its table",
        why: "The table is locked against writing (SHARE), and the index against reading, until it is built.",
        instead: "write REINDEX (CONCURRENTLY), in a script with `-- whimbrel: no-transaction`",
        source: "PostgreSQL: REINDEX, Rebuilding Indexes Concurrently",
        judge: |deed, case| match deed {
            Deed::Reindex { target, concurrently: false } => match target {
                ReindexTarget::Table(table) if case.is_new(table) => None,
                ReindexTarget::Table(table) => Some(format!("nobody can write to {table} meanwhile")),
                ReindexTarget::Index(index) => {
                    Some(format!("nobody can write to the table of {index} meanwhile"))
                }
                ReindexTarget::All => {
                    Some("nobody can write to the table whose index is being built".to_owned())
                }
            },
            _ => None,
        },
    },
    Rule {
        name: "set-not-null",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "NULL is forbidden in a column, and the whole table read under a lock that nobody passes",
        why: "The server looks for NULLs in all rows before it goes on, under ACCESS EXCLUSIVE. It need not where a valid \
              CHECK proves that there are none.",
        instead: "add CHECK (column IS NOT NULL) NOT VALID, validate it in the next script, then SET NOT NULL, and drop the \
                  check",
        source: "PostgreSQL: ALTER TABLE, SET NOT NULL",
        judge: |deed, case| match deed {
            Deed::SetNotNull { table, column } if needs_scan(case, table, column) => {
                Some(format!("reads all of {table} while nobody else can use it"))
            }
            Deed::AddConstraint { table, constraint } if constraint.validated => match &constraint.kind {
                ConstraintKind::NotNull { column } if needs_scan(case, table, column) => {
                    Some(format!("reads all of {table} while nobody else can use it"))
                }
                // A primary key on an index that is there makes its columns NOT NULL.
                ConstraintKind::PrimaryKey { using_index: Some(index), .. } if !case.is_new(table) => {
                    let index = case.catalog.index(index)?;
                    let mut columns = index.columns.iter().flatten();
                    let nullable = columns.find(|column| {
                        case.column(table, column).is_some() && needs_scan(case, table, column)
                    })?;
                    Some(format!(
                        "makes {nullable} NOT NULL, and reads all of {table} while nobody else can use it"
                    ))
                }
                _ => None,
            },
            _ => None,
        },
    },
    Rule {
        name: "foreign-key-validates",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a foreign key is added, and all rows compared while nobody can write to either table",
        why: "Both tables are locked against writing (SHARE ROW EXCLUSIVE) until every row has been looked up.",
        instead: "add it with NOT VALID, and VALIDATE CONSTRAINT in a script of its own, which lets others write",
        source: "PostgreSQL: ALTER TABLE, ADD table_constraint NOT VALID",
        judge: |deed, case| match deed {
            Deed::AddConstraint { table, constraint } if constraint.validated && !case.is_new(table) => {
                let ConstraintKind::ForeignKey { references, .. } = &constraint.kind else { return None };
                Some(format!("nobody can write to {table} or {references} until all rows are compared"))
            }
            // Without a default the new column is NULL everywhere, and nothing is compared.
            Deed::AddColumn { table, column: Column { references: Some(references), default, .. } }
                if *default != DefaultValue::None && !case.is_new(table) =>
            {
                Some(format!("nobody can use {table}, or write to {references}, until all rows are compared"))
            }
            _ => None,
        },
    },
    Rule {
        name: "check-validates",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a check is added, and all rows are read under a lock that nobody passes",
        why: "The table is locked (ACCESS EXCLUSIVE) until every row has been checked.",
        instead: "add it with NOT VALID, and VALIDATE CONSTRAINT in a script of its own, which lets others read and write",
        source: "PostgreSQL: ALTER TABLE, ADD table_constraint NOT VALID",
        judge: |deed, case| match deed {
            Deed::AddConstraint { table, constraint }
                if constraint.validated
                    && matches!(constraint.kind, ConstraintKind::Check { .. })
                    && !case.is_new(table) =>
            {
                Some(format!("nobody can use {table} until all rows are checked"))
            }
            Deed::AddColumn { table, column } if column.check && !case.is_new(table) => {
                Some(format!("nobody can use {table} until all rows are checked"))
            }
            _ => None,
        },
    },
    Rule {
        name: "unique-builds-index",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a unique constraint or primary key builds its index under a lock that nobody passes",
        why: "The table is locked (ACCESS EXCLUSIVE) until the index is built.",
        instead: "build the index with CREATE UNIQUE INDEX CONCURRENTLY first, then add the constraint USING INDEX",
        source: "PostgreSQL: ALTER TABLE, ADD table_constraint_using_index",
        judge: |deed, case| match deed {
            Deed::AddConstraint { table, constraint } if !case.is_new(table) => match &constraint.kind {
                ConstraintKind::Unique { using_index: None, .. }
                | ConstraintKind::PrimaryKey { using_index: None, .. } => {
                    Some(format!("nobody can use {table} until its index is built"))
                }
                _ => None,
            },
            Deed::AddColumn { table, column }
                if (column.unique || column.primary_key) && !case.is_new(table) =>
            {
                Some(format!("nobody can use {table} until its index is built"))
            }
            _ => None,
        },
    },
    Rule {
        name: "exclusion-constraint",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Approval,
        headline: "an exclusion constraint builds its index under a lock that nobody passes",
        why: "The table is locked (ACCESS EXCLUSIVE) until the index is built, and there is no way to build it before.",
        instead: "add it while the table is small, or when nobody needs the table, and waive this rule",
        source: "PostgreSQL: ALTER TABLE; CREATE TABLE, EXCLUDE",
        judge: |deed, case| match deed {
            Deed::AddConstraint { table, constraint }
                if matches!(constraint.kind, ConstraintKind::Exclude) && !case.is_new(table) =>
            {
                Some(format!("nobody can use {table} until its index is built"))
            }
            _ => None,
        },
    },
    Rule {
        name: "work-under-lock",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "something that takes long stands behind a lock of the same transaction",
        why: "A lock lasts until the transaction ends. What an ALTER TABLE holds for a moment, it holds for as long as the \
              backfill, the validation or the index behind it in the script takes.",
        instead: "put it into a script of its own",
        source: "PostgreSQL: Explicit Locking",
        judge: |deed, case| {
            let locked = case.so_far.locked.as_ref().filter(|_| case.in_transaction)?;
            let what = lasts(deed, case)?;
            Some(format!(
                "{what}, and until that is done others wait for {locked}, which an earlier statement has locked"
            ))
        },
    },
    Rule {
        name: "lock-table",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Approval,
        headline: "a table is locked by name until the transaction ends",
        why: "Whoever wants to write to it waits, and with ACCESS EXCLUSIVE whoever wants to read it.",
        instead: "leave it out: statements take the locks that they need, and migrators are kept apart already",
        source: "PostgreSQL: LOCK",
        judge: |deed, case| match deed {
            Deed::Lock { tables, mode, .. } if blocks_writes(mode) => {
                let table = tables.iter().find(|table| !case.is_new(table))?;
                Some(format!("locks {table} in the mode {mode} until the transaction ends"))
            }
            _ => None,
        },
    },
    Rule {
        name: "no-lock-timeout",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Note,
        headline: "a statement waits for its lock without a limit",
        why: "While it waits behind one long query, everybody else waits behind it, even those who only read.",
        instead: "write `-- whimbrel: lock_timeout=3s` at the top, or give the migrator a lock timeout; a run that fails can be \
                  repeated",
        source: "PostgreSQL: Client Connection Defaults, lock_timeout",
        judge: |deed, case| {
            if case.lock_timeout.is_some()
                || case.so_far.setting("lock_timeout").is_some_and(|value| value != "0")
            {
                return None;
            }
            let table = locks_out(deed).filter(|table| !case.is_new(table))?;
            // Once for a table in a script is enough.
            if case.so_far.locked.as_ref() == Some(table) || case.deeds.first() != Some(deed) {
                return None;
            }
            Some(format!("waits for a lock on {table} for as long as it takes, and others wait behind it"))
        },
    },
    Rule {
        name: "attach-partition",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Note,
        headline: "a partition is attached, and all its rows are read first",
        why: "The partition is locked (ACCESS EXCLUSIVE) until it is known that all rows belong there.",
        instead: "add a CHECK with the partition's bounds first, NOT VALID, and validate it; it then is not read again",
        source: "PostgreSQL: Table Partitioning, Partition Maintenance",
        judge: |deed, case| match deed {
            Deed::Partition { partition: Some(partition), change: PartitionChange::Attach, .. }
                if !case.is_new(partition) =>
            {
                let checked = case.catalog.table(partition).is_some_and(|table| {
                    table.constraints.iter().any(|constraint| {
                        constraint.validated && matches!(constraint.kind, ConstraintKind::Check { .. })
                    })
                });
                (!checked).then(|| format!("reads all of {partition} while nobody else can use it"))
            }
            _ => None,
        },
    },
    Rule {
        name: "detach-partition-not-concurrently",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Note,
        headline: "a partition is detached with a lock that nobody passes",
        why: "The whole partitioned table is locked (ACCESS EXCLUSIVE), with all its partitions.",
        instead: "write DETACH PARTITION … CONCURRENTLY, in a script with `-- whimbrel: no-transaction`",
        source: "PostgreSQL: ALTER TABLE, DETACH PARTITION",
        judge: |deed, case| match deed {
            Deed::Partition { table, change: PartitionChange::Detach, concurrently: false, .. }
                if !case.is_new(table) =>
            {
                Some(format!("nobody can read or write {table} while this waits for its lock"))
            }
            _ => None,
        },
    },
    Rule {
        name: "refresh-not-concurrently",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Approval,
        headline: "a materialized view is filled anew while nobody can read it",
        why: "Readers wait (ACCESS EXCLUSIVE) for as long as its query takes.",
        instead: "write REFRESH MATERIALIZED VIEW CONCURRENTLY, for which it needs a unique index",
        source: "PostgreSQL: REFRESH MATERIALIZED VIEW",
        judge: |deed, case| match deed {
            Deed::Refresh { view, concurrently: false } if !case.is_new(view) => {
                Some(format!("nobody can read {view} meanwhile"))
            }
            _ => None,
        },
    },
    Rule {
        name: "update-without-where",
        concern: Concern::Lock,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Note,
        headline: "all rows of a table are changed in one statement",
        why: "Every row is written anew and locked until the transaction ends (on SQLite, the whole database is); on PostgreSQL \
              the table is twice as large afterwards.",
        instead: "change the rows in portions, in a step in Rust or a script with `-- whimbrel: no-transaction`",
        source: "PostgreSQL: Routine Vacuuming, Updating Rows; Explicit Locking, Row-Level Locks; MySQL: 17.7 InnoDB \
                 Locking and Transaction Model; SQLite: File Locking And Concurrency",
        judge: |deed, case| match deed {
            Deed::Update { table, filtered: false } if !case.is_new(table) => {
                Some(format!("writes every row of {table} anew, and locks it until the transaction ends"))
            }
            _ => None,
        },
    },
    Rule {
        name: "foreign-key-without-index",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Note,
        headline: "a foreign key refers from columns without an index",
        why: "Whoever deletes or changes a row that is referred to reads the whole referring table.",
        instead: "build an index on the referring columns",
        source: "PostgreSQL: Constraints, Foreign Keys",
        judge: |deed, case| match deed {
            Deed::AddConstraint { table, constraint } => {
                let ConstraintKind::ForeignKey { columns, .. } = &constraint.kind else { return None };
                unindexed(case, table, columns)
            }
            Deed::AddColumn { table, column } if column.references.is_some() && !column.unique => {
                unindexed(case, table, std::slice::from_ref(&column.name))
            }
            _ => None,
        },
    },
];

/// Whether the server reads the table to learn that a column has no NULL.
fn needs_scan(case: &Case<'_>, table: &Name, column: &str) -> bool {
    let known = case.catalog.table(table);
    !case.is_new(table)
        && !known.is_some_and(|known| {
            known.proves_not_null(column) || known.column(column).is_some_and(|column| column.not_null)
        })
}

/// Whether no index is known that begins with these columns, of a table all of whose scripts are known.
fn unindexed(case: &Case<'_>, table: &Name, columns: &[String]) -> Option<String> {
    let known = case.catalog.table(table).filter(|known| known.whole)?;
    let first = columns.first()?;
    let begins = |own: &[String]| own.first() == Some(first);
    let by_constraint = known.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::Unique { columns, .. } | ConstraintKind::PrimaryKey { columns, .. } => {
            begins(columns)
        }
        _ => false,
    });
    let by_column = known.column(first).is_some_and(|column| column.unique || column.primary_key);
    let by_index =
        |index: &crate::deed::NewIndex| !index.partial && index.columns.first() == Some(&Some(first.clone()));
    let later = case.onwards.gives_index_from(table, first);
    let indexed = by_constraint || by_column || later || case.catalog.indexes_of(table).any(by_index);
    (!indexed).then(|| format!("no index of {table} begins with {first}"))
}
