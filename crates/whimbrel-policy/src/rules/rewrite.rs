//! The rules about what makes others wait while a table is written anew. Data, and small functions.

use whimbrel::Product::Postgres;

use super::conversion;
use crate::deed::{Column, Deed, DefaultValue, Generation};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "volatile-default",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a column is added whose default has another value for each row",
        why: "The server writes the whole table anew, with its indexes, while nobody can read it (ACCESS EXCLUSIVE). A \
              constant, or now(), is only noted.",
        instead: "add the column without a default, SET DEFAULT in a second statement, and fill the old rows in portions",
        source: "PostgreSQL: ALTER TABLE, Notes",
        judge: |deed, case| match deed {
            Deed::AddColumn { table, column: Column { name, default: DefaultValue::Volatile, .. } }
                if !case.is_new(table) =>
            {
                Some(format!("writes all of {table} anew for {name}, and nobody can use it meanwhile"))
            }
            _ => None,
        },
    },
    Rule {
        name: "add-identity-column",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a column is added that the server numbers",
        why: "Each row gets a number at once: the server writes the whole table anew while nobody can read it (ACCESS \
              EXCLUSIVE).",
        instead: "add a plain column, fill it in portions, and ADD GENERATED … AS IDENTITY when it is full",
        source: "PostgreSQL: ALTER TABLE, Notes",
        judge: |deed, case| match deed {
            Deed::AddColumn { table, column } if column.identity && !case.is_new(table) => Some(format!(
                "writes all of {table} anew for {}, and nobody can use it meanwhile",
                column.name
            )),
            _ => None,
        },
    },
    Rule {
        name: "add-stored-column",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a column is added that is computed and stored",
        why: "The server computes it for every row at once, and writes the whole table anew while nobody can read it (ACCESS \
              EXCLUSIVE).",
        instead: "compute it in a view or an index on the expression, or fill a plain column by a trigger and in portions",
        source: "PostgreSQL: ALTER TABLE, Notes; Generated Columns",
        judge: |deed, case| match deed {
            Deed::AddColumn { table, column }
                if column.generated == Some(Generation::Stored) && !case.is_new(table) =>
            {
                Some(format!(
                    "writes all of {table} anew for {}, and nobody can use it meanwhile",
                    column.name
                ))
            }
            Deed::Regenerate { table, column } if !case.is_new(table) => {
                Some(format!("writes all of {table} anew for {column}, and nobody can use it meanwhile"))
            }
            _ => None,
        },
    },
    Rule {
        name: "change-type",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a column's type changes in a way for which the table is written anew",
        why: "The server writes the whole table and its indexes anew while nobody can read it (ACCESS EXCLUSIVE). It need not \
              where the values stay as they are: a longer varchar, text, a numeric of more digits.",
        instead: "add a column of the new type, keep both written, copy in portions, and change over with a release",
        source: "PostgreSQL: ALTER TABLE, Notes",
        judge: |deed, case| match deed {
            Deed::AlterType { table, column, to, using } if !case.is_new(table) => {
                let from = case.column(table, column).and_then(|column| column.ty.as_ref());
                conversion::rewrites(from, to, *using).then(|| {
                    format!("writes all of {table} anew for {column}, and nobody can use it meanwhile")
                })
            }
            _ => None,
        },
    },
    Rule {
        name: "rewrite-table",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a table is written anew",
        why: "SET LOGGED, SET TABLESPACE and the like copy the whole table while nobody can read it (ACCESS EXCLUSIVE).",
        instead: "decide on it when the table is made; else copy in portions into a new table, or do it when nobody needs it, and \
                  waive this rule",
        source: "PostgreSQL: ALTER TABLE, SET LOGGED, SET TABLESPACE, SET ACCESS METHOD",
        judge: |deed, case| match deed {
            Deed::Rewrite { table, by } if !case.is_new(table) => {
                Some(format!("{by} copies all of {table}, and nobody can use it meanwhile"))
            }
            _ => None,
        },
    },
    Rule {
        name: "vacuum-full",
        concern: Concern::Lock,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "VACUUM FULL or CLUSTER writes a table anew",
        why: "The whole table and its indexes are copied while nobody can read it (ACCESS EXCLUSIVE).",
        instead: "write VACUUM, which gives the room to new rows and lets everybody work",
        source: "PostgreSQL: VACUUM, FULL; CLUSTER",
        judge: |deed, case| match deed {
            Deed::Maintain { what, tables, full: true } => match tables
                .iter()
                .find(|table| !case.is_new(table))
            {
                Some(table) => Some(format!("{what} copies all of {table}, and nobody can use it meanwhile")),
                None if tables.is_empty() => {
                    Some(format!("{what} copies every table, and nobody can use it meanwhile"))
                }
                None => None,
            },
            _ => None,
        },
    },
];
