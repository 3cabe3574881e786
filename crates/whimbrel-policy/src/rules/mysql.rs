//! The rules that MySQL and MariaDB have to themselves, or share with SQLite, but for those about locks and rights. Data,
//! and small functions that look at one deed.

use std::collections::HashSet;

use whimbrel::Product::{Mariadb, Mysql, Sqlite};

use super::redefine::narrows;
use crate::case::Case;
use crate::deed::{Column, Deed, DefaultValue, Name, NameKey, NewTable, ObjectKind, PartitionChange};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "narrowing-column",
        concern: Concern::DataLoss,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "values that are there may not fit into a column any more",
        why: "In strict mode the statement fails on the first value that does not fit, which only a full database has. Without \
              it values are cut, rounded or emptied, and a warning is all that is said.",
        instead: "look for values that do not fit and mend them first, in a statement before",
        source: "MySQL: 7.1.11 Server SQL Modes, Strict SQL Mode; MariaDB: SQL_MODE, Strict Mode",
        judge: |deed, case| match deed {
            Deed::Redefine { table, column } if !case.is_new(table) => {
                let old = case.catalog.table(table)?.column(&column.name)?.ty.as_ref()?;
                let new = column.ty.as_ref()?;
                narrows(old, new).then(|| {
                    format!(
                        "makes the column {} of {table} a {new}, and it was a {old}",
                        column.name.escape_debug()
                    )
                })
            }
            _ => None,
        },
    },
    Rule {
        name: "ignore-duplicates",
        concern: Concern::DataLoss,
        products: &[Mariadb],
        level: Level::Refusal,
        headline: "rows that stand in the way of a key are deleted",
        why: "`ALTER IGNORE TABLE` keeps the first of the rows that have equal values, and deletes the others without a word.",
        instead: "delete the rows that are not to be kept, by a condition that says which, and alter the table without IGNORE",
        source: "MariaDB: ALTER TABLE, IGNORE",
        judge: |deed, case| match deed {
            Deed::Forgive { table, what: "ALTER IGNORE" } if !case.is_new(table) => {
                Some(format!("deletes the rows of {table} that stand in the way of a key"))
            }
            _ => None,
        },
    },
    Rule {
        name: "replace-rows",
        concern: Concern::DataLoss,
        products: &[Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "rows are replaced, that is, deleted and inserted",
        why: "Whatever the statement does not name is back at its default. Where the old row is deleted, those that refer to it \
              by ON DELETE CASCADE go with it; MySQL 9.7 keeps them where only the primary key is the same.",
        instead: "update the row where it is: ON DUPLICATE KEY UPDATE (MySQL, MariaDB), ON CONFLICT … DO UPDATE (SQLite)",
        source: "MySQL: 15.2.12 REPLACE Statement; MariaDB: REPLACE; SQLite: The ON CONFLICT Clause",
        judge: |deed, case| match deed {
            Deed::Replace { table } if !case.is_new(table) => Some(format!(
                "replaces rows of {table}: each that is in the way is deleted, with what refers to it"
            )),
            _ => None,
        },
    },
    Rule {
        name: "drop-partition",
        concern: Concern::DataLoss,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "a partition is dropped, emptied or exchanged, and its rows with it",
        why: "Nothing but a backup brings the rows back. Which they are stands in another script, or in the database only.",
        instead: "let what looks after the partitions do it, outside migrations, or have it approved",
        source: "MySQL: 26.3 Partition Management; MariaDB: Partition Maintenance",
        judge: |deed, case| match deed {
            Deed::Partition { table, change, .. } if !case.is_new(table) => {
                let what = match change {
                    PartitionChange::Drop => "drops a partition",
                    PartitionChange::Truncate => "empties a partition",
                    PartitionChange::Exchange => "exchanges a partition",
                    PartitionChange::Detach => "takes a partition out",
                    _ => return None,
                };
                Some(format!("{what} of {table}, with all its rows"))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-unique-index",
        concern: Concern::Rollout,
        products: &[Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "values need no longer differ",
        why: "Rows with equal values come in from then on, and the index cannot be made again while they are there. Statements \
              of the running version that count on it (ON CONFLICT, ON DUPLICATE KEY UPDATE, REPLACE) fail, or insert.",
        instead: "drop it with the release after the last one that counts on it",
        source: "MySQL: 15.2.7.2 INSERT ... ON DUPLICATE KEY UPDATE Statement; MariaDB: the same; SQLite: UPSERT",
        judge: |deed, case| match deed {
            Deed::Drop { kind: ObjectKind::Index, names, on, .. } => {
                let name = names.iter().find(|name| {
                    let index = match on {
                        Some(on) => {
                            case.catalog.indexes_of(on).find(|index| index.name.as_ref() == Some(&name.name))
                        }
                        None => case.catalog.index(&name.name),
                    };
                    let index = index.filter(|index| index.unique);
                    let old = |table: &Name| !case.is_new(table) && !made_again(case, table, &name.name);
                    match (index, on) {
                        (Some(index), _) => old(&index.table),
                        // `UNIQUE` beside a column makes an index of its name.
                        (None, Some(on)) => {
                            let column = case.catalog.table(on).and_then(|table| table.column(&name.name));
                            column.is_some_and(|column| column.unique) && old(on)
                        }
                        (None, None) => false,
                    }
                })?;
                Some(format!("drops the unique index {name}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "implicit-default",
        concern: Concern::Rollout,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "a column that must have a value is added without a default",
        why: "Rows that are there get an empty text, 0 or the date 0000-00-00, which nobody has entered, or the statement fails \
              on them. The running version does not know the column, and its INSERT fails from then on.",
        instead: "give it a default, or let it be NULL until all versions fill it",
        source: "MySQL: 13.6 Data Type Default Values; MariaDB: ALTER TABLE, ADD COLUMN",
        judge: |deed, case| match deed {
            Deed::AddColumn { table, column } if !case.is_new(table) => {
                let given =
                    column.default != DefaultValue::None || column.identity || column.generated.is_some();
                (column.not_null && !given).then(|| {
                    format!(
                        "adds the column {} to {table}: NOT NULL, and without a default",
                        column.name.escape_debug()
                    )
                })
            }
            _ => None,
        },
    },
    Rule {
        name: "engine-without-transactions",
        concern: Concern::Trap,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "a table gets an engine without transactions",
        why: "What a transaction has written to it stays when the transaction is rolled back, foreign keys are read and \
              forgotten, and most of these engines lose rows or need repair after a crash.",
        instead: "leave the engine out, or say InnoDB",
        source: "MySQL: 18 Alternative Storage Engines; MariaDB: Choosing the Right Storage Engine",
        judge: |deed, _| {
            let (table, engine) = match deed {
                Deed::CreateTable(NewTable { name, options, temporary: false, .. }) => {
                    (name, option(options, "engine")?)
                }
                Deed::Engine { table, engine } => (table, engine.as_str()),
                _ => return None,
            };
            WITHOUT_TRANSACTIONS
                .contains(&engine)
                .then(|| format!("gives {table} to the engine {engine}, which has no transactions"))
        },
    },
    Rule {
        name: "utf8mb3",
        concern: Concern::Trap,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "text is stored in three bytes at most, which is not all of UTF-8",
        why: "`utf8` means `utf8mb3` here. An emoji, and many a Chinese name, is refused, or cut without strict mode.",
        instead: "say utf8mb4",
        source: "MySQL: 12.9.2 The utf8mb3 Character Set; MariaDB: Unicode, utf8",
        judge: |deed, _| {
            let told = |table: &Name| format!("stores text of {table} in utf8mb3");
            match deed {
                Deed::CreateTable(table) => {
                    let of_table =
                        table.options.iter().any(|(name, value)| name == "charset" && is_mb3(value));
                    (of_table || table.columns.iter().any(has_mb3)).then(|| told(&table.name))
                }
                Deed::AddColumn { table, column } | Deed::Redefine { table, column } => {
                    has_mb3(column).then(|| told(table))
                }
                Deed::Convert { table, charset } => is_mb3(charset).then(|| told(table)),
                _ => None,
            }
        },
    },
    Rule {
        name: "checks-off",
        concern: Concern::Trap,
        products: &[Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "foreign keys or checks are switched off",
        why: "What is written meanwhile is never looked at again: rows without their parents, and values that a check forbids, \
              stay in the database, which says of itself that there are none.",
        instead: "make changes in an order that keeps them; for rebuilding a table of SQLite there is the directive \
                  `foreign_keys=off`, which looks before the commit",
        source: "MySQL: 7.1.8 Server System Variables, foreign_key_checks; MariaDB: Server System Variables; SQLite: PRAGMA \
                 foreign_keys, PRAGMA ignore_check_constraints",
        judge: |deed, case| {
            let off = |value: &str| matches!(value, "0" | "off" | "false" | "no");
            let name = match deed {
                Deed::Set { setting, value: Some(value), .. }
                    if off(value)
                        && matches!(
                            setting.as_str(),
                            "foreign_key_checks" | "check_constraint_checks" | "unique_checks"
                        ) =>
                {
                    setting
                }
                // Inside a transaction it does nothing, and by the directive all keys are looked at before the commit.
                Deed::Pragma { name, value: Some(value) }
                    if name == "foreign_keys" && off(value) && !case.foreign_keys_off =>
                {
                    name
                }
                Deed::Pragma { name, value: Some(value) }
                    if name == "ignore_check_constraints" && !off(value) =>
                {
                    name
                }
                _ => return None,
            };
            (!only_makes_tables(case, name))
                .then(|| format!("turns {name} {}", if name.starts_with("ignore") { "on" } else { "off" }))
        },
    },
    Rule {
        name: "strict-mode-off",
        concern: Concern::Trap,
        products: &[Mysql, Mariadb],
        level: Level::Approval,
        headline: "strict mode is switched off",
        why: "Texts that are too long are cut, numbers that are too large become the largest, dates that are none become \
              0000-00-00, and the statement succeeds.",
        instead: "mend the values in the statement that writes them",
        source: "MySQL: 7.1.11 Server SQL Modes, Strict SQL Mode; MariaDB: SQL_MODE, Strict Mode",
        judge: |deed, _| match deed {
            Deed::Set { setting, value: Some(value), .. } if setting == "sql_mode" => {
                let strict = value.contains("strict_") || value == "traditional" || value == "default";
                (!strict).then(|| "sets a sql_mode that is not strict".to_owned())
            }
            _ => None,
        },
    },
    Rule {
        name: "errors-ignored",
        concern: Concern::Trap,
        products: &[Mysql, Mariadb, Sqlite],
        level: Level::Note,
        headline: "errors are passed over",
        why: "IGNORE is about all errors, not only about rows that are there already: MySQL and MariaDB cut what is too long \
              and make 0 of NULL, SQLite leaves out rows that a NOT NULL or a check is against.",
        instead: "say which rows are to be left out: by WHERE NOT EXISTS, or ON CONFLICT (…) DO NOTHING on SQLite",
        source: "MySQL: 7.1.11 Server SQL Modes, Comparison of the IGNORE Keyword and Strict SQL Mode; MariaDB: IGNORE; \
                 SQLite: The ON CONFLICT Clause",
        judge: |deed, _| match deed {
            Deed::Forgive { table, what } if *what != "ALTER IGNORE" => {
                Some(format!("passes over errors in {table} by {what}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "table-from-query",
        concern: Concern::Trap,
        products: &[Mysql, Mariadb, Sqlite],
        level: Level::Note,
        headline: "a table is made by a query, and has no keys",
        why: "Columns and rows are taken over, and neither keys nor constraints, defaults (but for MySQL's) or indexes are.",
        instead: "create the table with its definition (LIKE, on MySQL and MariaDB), and fill it by INSERT … SELECT",
        source: "MySQL: 15.1.24.4 CREATE TABLE ... SELECT Statement; MariaDB: CREATE TABLE, SELECT; SQLite: CREATE TABLE AS",
        judge: |deed, _| match deed {
            Deed::CreateTable(table) if table.from_query && !table.temporary && table.columns.is_empty() => {
                Some(format!("makes {} by a query, without keys or constraints", table.name))
            }
            _ => None,
        },
    },
];

/// Engines that know no `ROLLBACK`.
const WITHOUT_TRANSACTIONS: &[&str] = &[
    "myisam",
    "aria",
    "maria",
    "memory",
    "heap",
    "csv",
    "archive",
    "merge",
    "mrg_myisam",
    "blackhole",
    "federated",
    "connect",
];

fn option<'o>(options: &'o [(String, String)], name: &str) -> Option<&'o str> {
    options.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

fn is_mb3(charset: &str) -> bool {
    charset == "utf8"
        || charset.starts_with("utf8_")
        || charset.starts_with("utf8mb3")
        || charset.starts_with("utf8 ")
}

fn has_mb3(column: &Column) -> bool {
    column.charset.as_deref().is_some_and(is_mb3)
}

/// Whether a unique index of the table is made in the same script.
fn made_again(case: &Case<'_>, table: &Name, name: &str) -> bool {
    case.onwards.gives_unique_index(table, name)
}

/// Whether what follows, until the setting is set again, only makes tables, which hold nothing that a check could be
/// against.
fn only_makes_tables(case: &Case<'_>, until: &str) -> bool {
    let mut made: HashSet<NameKey<'_>> = HashSet::new();
    for reading in case.rest {
        let Ok(reading) = reading else { return false };
        for deed in &reading.deeds {
            match deed {
                Deed::Set { setting: name, .. } | Deed::Pragma { name, .. } if name == until => {
                    return !made.is_empty();
                }
                Deed::CreateTable(table) if !table.from_query => made.extend(table.name.keys()),
                Deed::Insert { .. } | Deed::Update { .. } | Deed::Delete { .. } | Deed::Opaque { .. } => {
                    return false;
                }
                other => {
                    let new =
                        |table: &&Name| case.is_new(table) || table.found_by().any(|key| made.contains(&key));
                    if !other.tables().iter().all(new) {
                        return false;
                    }
                }
            }
        }
    }
    !made.is_empty()
}
