//! The rules that SQLite has to itself. Data, and small functions that look at one deed.

use std::collections::HashMap;

use whimbrel::Product::Sqlite;

use crate::deed::{Column, ConstraintKind, Deed, DefaultValue, Generation, NewTable, ObjectKind};
use crate::level::Level;
use crate::rule::{Concern, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "rebuild-cascades",
        concern: Concern::DataLoss,
        products: &[Sqlite],
        level: Level::Refusal,
        headline: "a table is rebuilt with foreign keys on",
        why: "`DROP TABLE` deletes the rows first, and what refers to them by ON DELETE CASCADE goes with them, or is set to NULL. \
              The new table gets the old one's name, and nobody notices.",
        instead: "put the directive `-- whimbrel: foreign_keys=off` at the top of the script; all foreign keys are looked at \
                  before the commit; or `-- whimbrel: foreign_keys=cascade`, if those rows are meant to go",
        source: "SQLite: DROP TABLE; ALTER TABLE, 7. Making Other Kinds Of Table Schema Changes",
        judge: |deed, case| match deed {
            Deed::Drop { kind: ObjectKind::Table, names, .. }
                if !case.foreign_keys_off && !case.foreign_keys_cascade =>
            {
                let table = names.iter().find(|table| !case.is_new(table) && case.is_replaced(table))?;
                Some(format!(
                    "drops {table} to put another one in its place: what refers to its rows is deleted with them"
                ))
            }
            _ => None,
        },
    },
    Rule {
        name: "rebuild-forgets",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Approval,
        headline: "a table is rebuilt without its indexes",
        why: "With the old table go its indexes and triggers; the new one has those that the script makes.",
        instead: "make them again behind the renaming",
        source: "SQLite: ALTER TABLE, 7. Making Other Kinds Of Table Schema Changes",
        judge: |deed, case| match deed {
            Deed::Drop { kind: ObjectKind::Table, names, .. } => {
                let table = names.iter().find(|table| !case.is_new(table) && case.is_replaced(table))?;
                let forgotten: Vec<_> = case
                    .catalog
                    .indexes_of(table)
                    .filter(|index| !case.onwards.gives_index_like(index))
                    .filter_map(|index| index.name.as_ref())
                    .map(|name| name.escape_debug().to_string())
                    .collect();
                (!forgotten.is_empty())
                    .then(|| format!("rebuilds {table} and does not make {} again", forgotten.join(", ")))
            }
            _ => None,
        },
    },
    Rule {
        name: "fails-on-rows",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Refusal,
        headline: "a statement that succeeds only while the table is empty",
        why: "SQLite adds a column that must not be NULL, or that has an expression for a default, or one that refers to a row, \
              only to a table without rows. Tests on an empty database pass; the first database with rows stops.",
        instead: "give the column a constant for a default, or rebuild the table",
        source: "SQLite: ALTER TABLE, 4. ALTER TABLE ADD COLUMN",
        judge: |deed, case| match deed {
            Deed::AddColumn { table, column } if !case.catalog.is_empty(table) && !case.is_new(table) => {
                let what = refused_on_rows(column)?;
                Some(format!("adds the column {} to {table}: {what}", column.name.escape_debug()))
            }
            _ => None,
        },
    },
    Rule {
        name: "writable-schema",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Refusal,
        headline: "the table that holds the schema is opened for writing",
        why: "Whatever is written there is believed. One wrong character, and no connection can open the database any more.",
        instead: "rebuild the table under another name, and rename it",
        source: "SQLite: PRAGMA writable_schema",
        judge: |deed, _| match deed {
            Deed::Pragma { name, value: Some(value) } if name == "writable_schema" && is_on(value) => {
                Some("turns writable_schema on".to_owned())
            }
            _ => None,
        },
    },
    Rule {
        name: "legacy-alter-table",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Approval,
        headline: "tables are renamed as before SQLite 3.26",
        why: "Views, triggers and foreign keys go on naming the table as it was called before, and fail when they are used.",
        instead: "leave the pragma out, and rename the new table last",
        source: "SQLite: PRAGMA legacy_alter_table",
        judge: |deed, _| match deed {
            Deed::Pragma { name, value: Some(value) } if name == "legacy_alter_table" && is_on(value) => {
                Some("turns legacy_alter_table on".to_owned())
            }
            _ => None,
        },
    },
    Rule {
        name: "nullable-primary-key",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Note,
        headline: "a primary key that may be NULL, in any number of rows",
        why: "SQLite has an old mistake that it keeps: only INTEGER PRIMARY KEY, tables WITHOUT ROWID and STRICT ones forbid NULL \
              in a primary key.",
        instead: "say NOT NULL beside PRIMARY KEY, or make the table STRICT or WITHOUT ROWID",
        source: "SQLite: CREATE TABLE, 3.5 The PRIMARY KEY; Quirks, Caveats, and Gotchas In SQLite",
        judge: |deed, _| match deed {
            Deed::CreateTable(table) if !table.temporary && !is_rigid(table) => {
                let column = nullable_key(table)?;
                Some(format!(
                    "makes {} with the primary key {}, which may be NULL",
                    table.name,
                    column.escape_debug()
                ))
            }
            _ => None,
        },
    },
    Rule {
        name: "text-becomes-number",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Note,
        headline: "a column's type makes numbers of texts",
        why: "SQLite knows types by parts of their names, and one without CHAR, CLOB, TEXT or BLOB in it is a number's: in a \
              STRING or a UUID the text 007 becomes 7, and 1e3 becomes 1000.",
        instead: "say TEXT",
        source: "SQLite: Datatypes In SQLite, 3.1 Determination Of Column Affinity",
        judge: |deed, _| {
            let (table, columns) = match deed {
                Deed::CreateTable(table) if !is_rigid_in_types(table) => (&table.name, &table.columns[..]),
                Deed::AddColumn { table, column } => (table, std::slice::from_ref(column)),
                _ => return None,
            };
            let column = columns.iter().find(|column| becomes_number(column))?;
            let ty = column.ty.as_ref()?;
            Some(format!(
                "gives the column {} of {table} the type {ty}, which is a number's",
                column.name.escape_debug()
            ))
        },
    },
    Rule {
        name: "double-quoted-text",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Note,
        headline: "text stands between the quotes of names",
        why: "SQLite takes a name that it does not know for a text, unless it was built or told not to, as is advised: then the \
              statement fails. And what was meant as a column's name, and is misspelt, is stored as it stands.",
        instead: "put text between single quotes",
        source: "SQLite: Quirks, Caveats, and Gotchas In SQLite, 8. Double-quoted String Literals Are Accepted",
        judge: |deed, _| match deed {
            Deed::QuotedText { place } => Some(format!("has text between double quotes in {place}")),
            _ => None,
        },
    },
    Rule {
        name: "attach",
        concern: Concern::Trap,
        products: &[Sqlite],
        level: Level::Approval,
        headline: "another database file is opened",
        why: "It is made where there is none, at a path that is another one on each machine; a crash between the commits of two \
              files leaves them apart (in WAL mode always), and the history knows of one of them only.",
        instead: "let the application copy what it needs, or give the other file a set of its own",
        source: "SQLite: ATTACH DATABASE",
        judge: |deed, _| matches!(deed, Deed::Attach).then(|| "opens another database file".to_owned()),
    },
];

fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "off" | "false" | "no")
}

/// Why a column can be added to a table without rows only.
fn refused_on_rows(column: &Column) -> Option<&'static str> {
    if column.generated == Some(Generation::Virtual) {
        return None;
    }
    match column.default {
        _ if column.generated.is_some() => Some("it is computed and stored, which needs an empty table"),
        DefaultValue::None if column.not_null => {
            Some("NOT NULL, and without a default, which fails as soon as there is a row")
        }
        DefaultValue::Stable | DefaultValue::Volatile => {
            Some("its default is no constant, which fails as soon as there is a row")
        }
        DefaultValue::Constant if column.references.is_some() => {
            Some("it refers to another table and has a default, which fails as soon as there is a row")
        }
        _ => None,
    }
}

fn has_option(table: &NewTable, option: &str) -> bool {
    table.options.iter().any(|(own, _)| own == option)
}

/// Whether its primary key forbids NULL by itself.
fn is_rigid(table: &NewTable) -> bool {
    has_option(table, "without rowid") || is_rigid_in_types(table)
}

/// Whether its types are what they say; virtual tables have rules of their own.
fn is_rigid_in_types(table: &NewTable) -> bool {
    has_option(table, "strict") || has_option(table, "virtual")
}

/// The first column of a primary key that may be NULL.
fn nullable_key(table: &NewTable) -> Option<&str> {
    let is_rowid = |column: &Column| column.ty.as_ref().is_some_and(|ty| ty.name == "integer");
    let single = table.columns.iter().find(|column| column.primary_key);
    if let Some(column) = single {
        return (!column.not_null && !is_rowid(column)).then_some(column.name.as_str());
    }
    let columns = table.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => Some(columns),
        _ => None,
    })?;
    let all: HashMap<&str, &Column> =
        table.columns.iter().rev().map(|column| (column.name.as_str(), column)).collect();
    let column = |name: &String| all.get(name.as_str()).copied();
    if let [only] = &columns[..] {
        let column = column(only)?;
        return (!column.not_null && !is_rowid(column)).then_some(column.name.as_str());
    }
    columns.iter().filter_map(column).find(|column| !column.not_null).map(|column| column.name.as_str())
}

/// Whether a type that was meant for texts is a number's: by its name, since dates and truth values mostly are numbers.
fn becomes_number(column: &Column) -> bool {
    let Some(ty) = &column.ty else { return false };
    let name = ty.name.as_str();
    let other = ["int", "char", "clob", "text", "blob", "real", "floa", "doub"];
    let meant_for_text = ["string", "uuid", "guid", "json", "enum", "xml", "inet", "ulid"];
    !other.iter().any(|part| name.contains(part)) && meant_for_text.iter().any(|part| name.contains(part))
}
