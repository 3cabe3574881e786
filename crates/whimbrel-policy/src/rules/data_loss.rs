//! The rules about what loses data. Data, and small functions that look at one deed.

use whimbrel::Product::{Mariadb, Mysql, Postgres, Sqlite};

use super::conversion;
use super::listed;
use crate::case::Case;
use crate::deed::{Deed, ObjectKind};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "drop-column",
        concern: Concern::DataLoss,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "a column is dropped, and its values with it",
        why: "Nothing but a backup brings the values back, and every statement of the running version that names the \
              column fails from then on.",
        instead: "stop reading and writing the column first, and drop it with a later release",
        source: "PostgreSQL: ALTER TABLE, DROP COLUMN; MySQL: ALTER TABLE; SQLite: ALTER TABLE DROP COLUMN",
        judge: |deed, case| match deed {
            Deed::DropColumn { table, column, .. }
                if !case.is_new(table) && !case.made_column(table, column) =>
            {
                Some(format!("drops the column {column} of {table}, and its values"))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-table",
        concern: Concern::DataLoss,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "a table is dropped, and its rows with it",
        why: "Nothing but a backup brings the rows back, and every statement of the running version that names the table \
              fails from then on.",
        instead: "wait until no version that uses it runs any more, then drop it, with a backup",
        source: "PostgreSQL: DROP TABLE; MySQL: DROP TABLE; SQLite: DROP TABLE",
        judge: |deed, case| match deed {
            Deed::Drop { kind: ObjectKind::Table, names, .. } => {
                let old: Vec<_> =
                    names.iter().filter(|name| !case.is_new(name) && !case.is_replaced(name)).collect();
                listed(&old).map(|names| format!("drops {names}, with all rows"))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-schema",
        concern: Concern::DataLoss,
        products: &[Postgres, Mysql, Mariadb],
        level: Level::Approval,
        headline: "a schema or a database is dropped, or everything that a role owns",
        why: "What is in it goes too, whatever that is by then, and nobody who reads the script sees what it is.",
        instead: "drop by name what is in it",
        source: "PostgreSQL: DROP SCHEMA, DROP OWNED; MySQL: DROP DATABASE",
        judge: |deed, _| match deed {
            Deed::Drop { kind: ObjectKind::Schema, names, cascade: true, .. }
            | Deed::Drop { kind: ObjectKind::Database | ObjectKind::Owned, names, .. } => {
                let names: Vec<_> = names.iter().collect();
                listed(&names).map(|names| format!("drops {names}, and whatever is in it by then"))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-cascade",
        concern: Concern::DataLoss,
        products: &[Postgres],
        level: Level::Approval,
        headline: "CASCADE drops what depends on it, which the script does not name",
        why: "Views, foreign keys, defaults and columns of other tables go, whichever there are on the database where it is \
              run; there may be others than on the one where it was tried.",
        instead: "drop by name what depends on it, without CASCADE",
        source: "PostgreSQL: Dependency Tracking",
        judge: |deed, case| {
            let what = match deed {
                Deed::Drop {
                    kind: ObjectKind::Schema | ObjectKind::Owned | ObjectKind::Database, ..
                } => None,
                Deed::Drop { names, cascade: true, .. } => {
                    names.iter().find(|name| !case.is_new(name) && !case.catalog.made(name)).cloned()
                }
                Deed::DropColumn { table, cascade: true, .. }
                | Deed::DropConstraint { table, cascade: true, .. }
                    if !case.is_new(table) =>
                {
                    Some(table.clone())
                }
                _ => None,
            };
            what.map(|what| format!("also drops whatever depends on {what}"))
        },
    },
    Rule {
        name: "truncate",
        concern: Concern::DataLoss,
        products: &[Postgres, Mysql, Mariadb],
        level: Level::Approval,
        headline: "a table is emptied",
        why: "Nothing but a backup brings the rows back. With CASCADE the tables that refer to it are emptied as well, \
              without being named.",
        instead: "delete the rows that are meant, by a condition",
        source: "PostgreSQL: TRUNCATE; MySQL: TRUNCATE TABLE",
        judge: |deed, case| match deed {
            Deed::Truncate { tables, cascade } => {
                let old: Vec<_> = tables.iter().filter(|name| !case.is_new(name)).collect();
                let more = if *cascade { ", and every table that refers to it" } else { "" };
                listed(&old).map(|names| format!("empties {names}{more}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "delete-without-where",
        concern: Concern::DataLoss,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "all rows of a table are deleted",
        why: "Nothing but a backup brings them back. A forgotten WHERE looks the same as one that was left out on purpose.",
        instead: "write the condition, if it is only `WHERE true`",
        source: "the database's own manual: DELETE",
        judge: |deed, case| match deed {
            Deed::Delete { table, filtered: false } if !case.is_new(table) => {
                Some(format!("deletes all rows of {table}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "narrow-type",
        concern: Concern::DataLoss,
        products: &[Postgres],
        level: Level::Approval,
        headline: "a column's new type cannot hold all that the old one could",
        why: "What does not fit is rounded or cut off without an error: decimals, the time of day, the end of a text that is \
              cast.",
        instead: "add a column of the new type, copy what fits, look at the rest, and drop the old one later",
        source: "PostgreSQL: Type Conversion, Value Storage; Data Types",
        judge: |deed, case| match deed {
            Deed::AlterType { table, column, to, using } if !case.is_new(table) => {
                let from = case.column(table, column)?.ty.as_ref()?;
                conversion::loses(from, to, *using)
                    .map(|what| format!("{table}.{column} becomes {to}, was {from}: {what}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "unlogged-table",
        concern: Concern::DataLoss,
        products: &[Postgres],
        level: Level::Note,
        headline: "an unlogged table is empty after a crash",
        why: "Its rows are in no log: after a crash the server empties it, and replicas and most backups never have them.",
        instead: "leave UNLOGGED out, unless every row can be made again",
        source: "PostgreSQL: CREATE TABLE, UNLOGGED",
        judge: |deed, _| match deed {
            Deed::CreateTable(table) if table.unlogged => {
                Some(format!("{} loses its rows when the server crashes", table.name))
            }
            Deed::Rewrite { table, by: "SET UNLOGGED" } => {
                Some(format!("{table} loses its rows when the server crashes"))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-attribute",
        concern: Concern::DataLoss,
        products: &[Postgres],
        level: Level::Approval,
        headline: "an attribute of a composite type is dropped, and with it the values in all columns of the type",
        why: "No table is named, and every table with a column of the type is changed.",
        instead: "make a new type without it, and a new column of that",
        source: "PostgreSQL: ALTER TYPE, DROP ATTRIBUTE",
        judge: |deed, _| match deed {
            Deed::Drop { kind: ObjectKind::Attribute, names, .. } => {
                let names: Vec<_> = names.iter().collect();
                listed(&names).map(|names| format!("changes {names}, and every column of it"))
            }
            _ => None,
        },
    },
];

impl Case<'_> {
    /// Whether this run has made a column, so that no version knows it yet.
    pub(super) fn made_column(&self, table: &crate::deed::Name, column: &str) -> bool {
        self.catalog.table(table).is_some_and(|table| table.new_columns.contains(column))
    }

    /// A column, if a script has made it.
    pub(super) fn column(&self, table: &crate::deed::Name, column: &str) -> Option<&crate::deed::Column> {
        self.catalog.table(table)?.column(column)
    }
}
