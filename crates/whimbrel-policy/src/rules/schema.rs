//! The rules about tables that will be regretted: what is cheap to write otherwise now, and dear later.

use whimbrel::Product::Postgres;

use crate::deed::{Column, ConstraintKind, Deed, NewTable, TypeName};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "int-primary-key",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "a table is numbered with four bytes, or two",
        why: "After 2,147,483,647 numbers every INSERT fails, and changing the type then writes the whole table anew.",
        instead: "write bigint",
        source: "PostgreSQL: Numeric Types, Serial Types",
        judge: |deed, _| match deed {
            Deed::CreateTable(table) => {
                let column =
                    table.columns.iter().find(|column| column.identity && is(column, &["int4", "int2"]))?;
                Some(format!("{}.{} runs out of numbers", table.name, column.name))
            }
            _ => None,
        },
    },
    Rule {
        name: "json-column",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "a column is json rather than jsonb",
        why: "json is compared by nothing: SELECT DISTINCT, GROUP BY and UNION over it fail, and it cannot be indexed.",
        instead: "write jsonb",
        source: "PostgreSQL: JSON Types",
        judge: |deed, _| {
            column_of(deed, &["json"])
                .map(|column| format!("{column} cannot be compared, grouped or indexed"))
        },
    },
    Rule {
        name: "char-column",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "a column is char(n), which is filled up with blanks",
        why: "Values come back longer than they went in, and blanks at the end count in some comparisons and not in others.",
        instead: "write text, with a CHECK on its length where one is needed",
        source: "PostgreSQL: Character Types",
        judge: |deed, _| {
            // One character cannot be filled up.
            let long = |ty: &TypeName| ty.numbers.first().is_some_and(|length| *length > 1);
            let found =
                columns(deed).find(|column| is(column, &["bpchar"]) && column.ty.as_ref().is_some_and(long));
            found.map(|column| format!("{} is filled up with blanks", column.name))
        },
    },
    Rule {
        name: "timestamp-without-time-zone",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "a column is timestamp without time zone",
        why: "It does not say when something was: the same value is another moment for each session's time zone.",
        instead: "write timestamptz, which takes no more room",
        source: "PostgreSQL: Date/Time Types",
        judge: |deed, _| {
            column_of(deed, &["timestamp"])
                .map(|column| format!("{column} is another moment in each time zone"))
        },
    },
    Rule {
        name: "money-column",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "a column is money",
        why: "The currency is not in it, but in a setting (lc_monetary): the same row is another amount where that differs.",
        instead: "write numeric, and the currency in a column of its own",
        source: "PostgreSQL: Monetary Types",
        judge: |deed, _| {
            column_of(deed, &["money"]).map(|column| format!("{column} changes its currency with a setting"))
        },
    },
    Rule {
        name: "no-primary-key",
        concern: Concern::Trap,
        products: &[Postgres],
        level: Level::Note,
        headline: "a table has no primary key",
        why: "Logical replication refuses UPDATE and DELETE on it, and nothing tells two equal rows apart.",
        instead: "give it a primary key",
        source: "PostgreSQL: Logical Replication, Publication",
        judge: |deed, case| match deed {
            Deed::CreateTable(table) if is_plain(table) => {
                let own = table.columns.iter().any(|column| column.primary_key)
                    || table
                        .constraints
                        .iter()
                        .any(|it| matches!(it.kind, ConstraintKind::PrimaryKey { .. }));
                let later = case.from_here().any(|deed| match deed {
                    Deed::AddConstraint { table: to, constraint } => {
                        to.may_be(&table.name) && matches!(constraint.kind, ConstraintKind::PrimaryKey { .. })
                    }
                    Deed::AddColumn { table: to, column } => to.may_be(&table.name) && column.primary_key,
                    _ => false,
                });
                (!own && !later).then(|| format!("{} has no primary key", table.name))
            }
            _ => None,
        },
    },
];

/// Whether all of a table stands in the statement.
fn is_plain(table: &NewTable) -> bool {
    !table.temporary && !table.from_query && table.partition_of.is_none() && table.options.is_empty()
}

fn is(column: &Column, types: &[&str]) -> bool {
    column.ty.as_ref().is_some_and(|ty| types.contains(&ty.name.as_str()))
}

/// The columns that a deed makes.
fn columns(deed: &Deed) -> impl Iterator<Item = &Column> {
    let (list, one) = match deed {
        Deed::CreateTable(table) if !table.temporary => (&table.columns[..], None),
        Deed::AddColumn { column, .. } => (&[][..], Some(column)),
        _ => (&[][..], None),
    };
    list.iter().chain(one)
}

fn column_of(deed: &Deed, types: &[&str]) -> Option<String> {
    columns(deed).find(|column| is(column, types)).map(|column| column.name.clone())
}
