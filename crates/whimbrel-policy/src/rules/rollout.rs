//! The rules about what breaks the version that is running. Data, and small functions that look at one deed.

use whimbrel::Product::{Mariadb, Mysql, Postgres, Sqlite};

use super::listed;
use crate::case::Case;
use crate::deed::{Deed, DefaultValue, Name, ObjectKind};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "rename-table",
        concern: Concern::Rollout,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "a table or a view gets another name",
        why: "The version that is running, and the one to which a deployment is rolled back, know the old name only: each of \
              their statements fails from the commit on.",
        instead: "keep the name, or make a view with the new one and change over release by release",
        source: "PostgreSQL: ALTER TABLE, RENAME; MySQL: RENAME TABLE; SQLite: ALTER TABLE RENAME",
        judge: |deed, case| match deed {
            Deed::Rename {
                kind: ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView,
                from,
                to,
                ..
            } if !case.is_new(from) && !replaced(case, from) => {
                Some(format!("the running version looks for {from}, which becomes {to}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "rename-column",
        concern: Concern::Rollout,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "a column gets another name",
        why: "The version that is running, and the one to which a deployment is rolled back, know the old name only: each of \
              their statements with it fails from the commit on.",
        instead: "add a column with the new name, keep both written, change over release by release, and drop the old one later",
        source: "PostgreSQL: ALTER TABLE, RENAME COLUMN; MySQL: ALTER TABLE; SQLite: ALTER TABLE RENAME COLUMN",
        judge: |deed, case| match deed {
            Deed::RenameColumn { table, from, to }
                if !case.is_new(table) && !case.made_column(table, from) =>
            {
                Some(format!("the running version looks for {table}.{from}, which becomes {to}"))
            }
            _ => None,
        },
    },
    Rule {
        name: "rename-object",
        concern: Concern::Rollout,
        products: &[Postgres],
        level: Level::Approval,
        headline: "a schema, a type, a value of an enumeration, a sequence or a function gets another name",
        why: "The version that is running, and the one to which a deployment is rolled back, know the old name only.",
        instead: "make a new one beside it, and drop the old one with a later release",
        source: "PostgreSQL: ALTER SCHEMA, ALTER TYPE, ALTER FUNCTION, RENAME",
        judge: |deed, case| match deed {
            Deed::Rename {
                kind:
                    kind @ (ObjectKind::Schema
                    | ObjectKind::Type
                    | ObjectKind::EnumValue
                    | ObjectKind::Attribute
                    | ObjectKind::Sequence
                    | ObjectKind::Routine),
                from,
                ..
            } if !case.catalog.made(from) => {
                Some(format!("the running version knows the {} {from} by its old name", kind.as_str()))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-view",
        concern: Concern::Rollout,
        products: &[Postgres, Mysql, Mariadb, Sqlite],
        level: Level::Approval,
        headline: "a view, a function, a type or a sequence is dropped",
        why: "The version that is running, and the one to which a deployment is rolled back, may still use it.",
        instead: "drop it with the release after the last one that used it",
        source: "PostgreSQL: DROP VIEW, DROP FUNCTION, DROP TYPE; MySQL: DROP VIEW, DROP PROCEDURE; SQLite: DROP VIEW",
        judge: |deed, case| match deed {
            Deed::Drop {
                kind:
                    kind @ (ObjectKind::View
                    | ObjectKind::MaterializedView
                    | ObjectKind::Routine
                    | ObjectKind::Type
                    | ObjectKind::Domain
                    | ObjectKind::Sequence),
                names,
                ..
            } => {
                let gone: Vec<_> =
                    names.iter().filter(|name| !case.catalog.made(name) && !replaced(case, name)).collect();
                listed(&gone)
                    .map(|names| format!("the running version may still use the {} {names}", kind.as_str()))
            }
            _ => None,
        },
    },
    Rule {
        name: "not-null-without-default",
        concern: Concern::Rollout,
        products: &[Postgres],
        level: Level::Refusal,
        headline: "a column is added that is NOT NULL and has no default",
        why: "It fails as soon as the table has a row; and if it has none, the running version's INSERTs fail, which do not \
              know the column.",
        instead: "give it a constant default, or allow NULL first",
        source: "PostgreSQL: ALTER TABLE, ADD COLUMN",
        judge: |deed, case| match deed {
            Deed::AddColumn { table, column }
                if column.not_null
                    && column.default == DefaultValue::None
                    && !column.identity
                    && column.generated.is_none()
                    && !case.is_empty_for_sure(table) =>
            {
                Some(format!("{table} has rows, and {} would be NULL in them", column.name))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-default",
        concern: Concern::Rollout,
        products: &[Postgres],
        level: Level::Note,
        headline: "a column that is NOT NULL loses its default",
        why: "The running version's INSERTs that leave the column out fail from the commit on.",
        instead: "drop the default with the release after the one that writes the column itself",
        source: "PostgreSQL: ALTER TABLE, DROP DEFAULT",
        judge: |deed, case| match deed {
            Deed::SetDefault { table, column, default: DefaultValue::None } if !case.is_new(table) => {
                let known = case.column(table, column)?;
                let needed =
                    known.not_null && known.default != DefaultValue::None && !case.made_column(table, column);
                needed.then(|| format!("whoever inserts into {table} without {column} fails"))
            }
            _ => None,
        },
    },
    Rule {
        name: "drop-primary-key",
        concern: Concern::Rollout,
        products: &[Postgres],
        level: Level::Approval,
        headline: "a primary key or unique constraint is dropped",
        why: "INSERT … ON CONFLICT of the running version fails without it, as does logical replication of changed rows; and \
              nothing keeps duplicates out any more.",
        instead: "add the new constraint first, change over, and drop the old one with a later release",
        source: "PostgreSQL: INSERT, ON CONFLICT; Logical Replication, Publication",
        judge: |deed, case| match deed {
            Deed::DropConstraint { table, name, .. } if !case.is_new(table) => {
                use crate::deed::ConstraintKind::{PrimaryKey, Unique};
                let known = case.catalog.table(table)?;
                let dropped = known.constraints.iter().any(|constraint| {
                    constraint.name.as_ref() == Some(name)
                        && matches!(constraint.kind, Unique { .. } | PrimaryKey { .. })
                });
                let by_default = *name == format!("{}_pkey", table.name) && known.whole;
                (dropped || by_default).then(|| format!("nothing keeps duplicates out of {table} any more"))
            }
            _ => None,
        },
    },
];

/// Whether something of the name is made again before the script's end: a view that changes, a table that is swapped.
fn replaced(case: &Case<'_>, name: &Name) -> bool {
    case.onwards.gives_name(name)
}

impl Case<'_> {
    /// Whether no version can have put a row into the table, nor has this run.
    fn is_empty_for_sure(&self, table: &Name) -> bool {
        self.catalog.is_empty(table)
    }
}
