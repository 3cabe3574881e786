//! The rules about tables that will be regretted: what is cheap to write otherwise now, and dear later.

use std::collections::HashSet;

use whimbrel::Product::{Mariadb, Mysql, Postgres};

use crate::case::Case;
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
        products: &[Postgres, Mysql, Mariadb],
        level: Level::Note,
        headline: "a table has no primary key",
        why: "Nothing tells two equal rows apart. PostgreSQL's logical replication refuses UPDATE and DELETE on it; MySQL's and \
              MariaDB's reads the whole table for each row that changes, and Galera does not replicate a DELETE.",
        instead: "give it a primary key",
        source: "PostgreSQL: Logical Replication, Publication; MySQL: 7.1.8 Server System Variables, \
                 sql_require_primary_key; MariaDB: MariaDB Galera Cluster, Known Limitations",
        judge: |deed, case| match deed {
            Deed::CreateTable(table) if is_plain(table, case) => {
                (!has_key(table, case)).then(|| format!("{} has no primary key", table.name))
            }
            _ => None,
        },
    },
];

/// Whether a table has what tells its rows apart, from the beginning or by a statement behind it.
fn has_key(table: &NewTable, case: &Case<'_>) -> bool {
    let primary = |kind: &ConstraintKind| matches!(kind, ConstraintKind::PrimaryKey { .. });
    // InnoDB takes the first unique key over columns without NULL for one.
    let substitute = case.product() != Postgres;
    let not_null: HashSet<&str> =
        table.columns.iter().filter(|column| column.not_null).map(|column| column.name.as_str()).collect();
    let never_null = |name: &Option<String>| name.as_deref().is_some_and(|name| not_null.contains(name));
    table.columns.iter().any(|column| column.primary_key || substitute && column.unique && column.not_null)
        || table.constraints.iter().any(|constraint| primary(&constraint.kind))
        || case.onwards.gives_primary_key(&table.name)
        || substitute
            && case
                .onwards
                .unique_indexes(&table.name)
                .iter()
                .any(|index| index.columns.iter().all(never_null))
}

/// Whether all of a table stands in the statement.
fn is_plain(table: &NewTable, case: &Case<'_>) -> bool {
    // MySQL's options say nothing about columns; with LIKE there are none here.
    let whole = if case.product() == Postgres { table.options.is_empty() } else { !table.columns.is_empty() };
    !table.temporary && !table.from_query && table.partition_of.is_none() && whole
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
