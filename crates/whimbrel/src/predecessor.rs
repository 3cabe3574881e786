//! Other tools' tables of applied migrations: their names, how they are read, and which versions they record. No I/O.

use std::collections::BTreeSet;

use crate::dialect::Dialect;
use crate::driver::{Row, Value};
use crate::migration::Version;

/// How many rows of such a table are read.
const ROWS: usize = 20_000;

/// A kind of table in which a tool notes what it has applied.
struct Known {
    /// Its name, in lower case.
    table: &'static str,
    tool: &'static str,
    form: Form,
    /// The column that holds the version, and the one by which rows are in order. Both have to be there.
    version: &'static str,
    order: &'static str,
    /// A column that has to be there too, and what it says.
    mark: Mark,
}

/// How the rows add up to versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One row each; the version is the number that the text holds first.
    Each,
    /// As `Each`, and the number is written as a date: `2024_01_31_120000`.
    Dated,
    /// One row: everything up to this version.
    UpTo,
    /// One row: how many there are.
    Count,
    /// As `Each`; a later row may take a version out again.
    Flyway,
    /// They name no versions that a file's name has.
    Opaque,
}

/// What another column of a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Nothing: it only has to be there.
    Has(&'static str),
    /// The migration is done if it is true.
    Done(&'static str),
    /// The migration is done if it has this value.
    Is(&'static str, &'static str),
    /// The migration is in force if it is true; else it was taken out.
    In(&'static str),
    /// It was begun and not ended if it is true.
    Dirty(&'static str),
    /// It is done if the first is not NULL, and was taken out if the second is not.
    Ended(&'static str, &'static str),
    /// It is done if the first is as large as the second.
    Of(&'static str, &'static str),
    /// Two columns: what was done, and whether it is done.
    Deed(&'static str, &'static str),
}

const fn known(
    table: &'static str,
    tool: &'static str,
    form: Form,
    version: &'static str,
    order: &'static str,
    mark: Mark,
) -> Known {
    Known { table, tool, form, version, order, mark }
}

use Form::{Count, Dated, Each, Flyway, Opaque, UpTo};
use Mark::{Deed, Dirty, Done, Ended, Has, In, Is, Of};

/// Of several with one name the first one that has the columns counts.
const KNOWN: &[Known] = &[
    known("_sqlx_migrations", "sqlx", Each, "version", "version", Done("success")),
    known("refinery_schema_history", "refinery", Each, "version", "version", Has("checksum")),
    known("__diesel_schema_migrations", "diesel", Each, "version", "version", Has("run_on")),
    known("seaql_migrations", "SeaORM", Dated, "version", "version", Has("applied_at")),
    known("schema_migrations", "golang-migrate", UpTo, "version", "version", Dirty("dirty")),
    known("schema_migrations", "Ecto", Each, "version", "version", Has("inserted_at")),
    known("schema_migrations", "dbmate or Rails", Each, "version", "version", Has("version")),
    known("goose_db_version", "goose", Each, "version_id", "id", In("is_applied")),
    known("flyway_schema_history", "Flyway", Flyway, "version", "installed_rank", Deed("type", "success")),
    known("schema_version", "Flyway", Flyway, "version", "installed_rank", Deed("type", "success")),
    known("schema_version", "tern", Count, "version", "version", Has("version")),
    known("atlas_schema_revisions", "Atlas", Each, "version", "version", Of("applied", "total")),
    known(
        "_prisma_migrations",
        "Prisma",
        Each,
        "migration_name",
        "started_at",
        Ended("finished_at", "rolled_back_at"),
    ),
    known("knex_migrations", "Knex", Dated, "name", "id", Has("batch")),
    known("sequelizemeta", "Sequelize", Each, "name", "name", Has("name")),
    known("kysely_migration", "Kysely", Dated, "name", "name", Has("timestamp")),
    known("mikro_orm_migrations", "MikroORM", Each, "name", "id", Has("executed_at")),
    known("pgmigrations", "node-pg-migrate", Each, "name", "id", Has("run_on")),
    known("migrations", "TypeORM", Each, "timestamp", "id", Has("name")),
    known("migrations", "Laravel", Dated, "migration", "id", Has("batch")),
    known("phinxlog", "Phinx", Each, "version", "version", Has("migration_name")),
    known("doctrine_migration_versions", "Doctrine", Each, "version", "version", Has("executed_at")),
    known(
        "__efmigrationshistory",
        "Entity Framework",
        Each,
        "MigrationId",
        "MigrationId",
        Has("ProductVersion"),
    ),
    known("versioninfo", "FluentMigrator", Each, "Version", "Version", Has("AppliedOn")),
    known("gorp_migrations", "sql-migrate", Each, "id", "id", Has("applied_at")),
    known("bun_migrations", "Bun", Each, "name", "id", Has("group_id")),
    known("play_evolutions", "Play", Each, "id", "id", Is("state", "applied")),
    known("__drizzle_migrations", "Drizzle", Opaque, "hash", "id", Has("created_at")),
    known("__toasty_migrations", "Toasty", Opaque, "id", "id", Has("name")),
    known("alembic_version", "Alembic", Opaque, "version_num", "version_num", Has("version_num")),
    known("django_migrations", "Django", Opaque, "name", "id", Has("app")),
    known("databasechangelog", "Liquibase", Opaque, "id", "orderexecuted", Has("id")),
    known("schemaversions", "DbUp", Opaque, "scriptname", "scriptname", Has("scriptname")),
    known("_yoyo_migration", "yoyo", Each, "migration_id", "migration_id", Has("migration_hash")),
    known("aerich", "Aerich", Opaque, "version", "id", Has("app")),
    known("whimbrel_history", OURS, Opaque, "set_name", "seq", Has("head")),
];

/// What a history of this library under another name, or in another place, goes by.
pub(crate) const OURS: &str = "whimbrel";

/// The names of all these tables.
pub(crate) fn table_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = KNOWN.iter().map(|known| known.table).collect();
    names.dedup();
    names
}

/// A table of another tool's that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Predecessor {
    /// As it is shown.
    pub(crate) table: String,
    /// The tool; `None` if the table is none that is known, but for its name.
    pub(crate) tool: Option<&'static str>,
    pub(crate) recorded: Recorded,
}

/// The floor of a table that has no row for everything up to a version. There may be a version 0.
const NOTHING: i64 = -1;

/// What such a table records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Everything up to `floor`, these versions, and no others. What is marked as begun, or failed, is apart.
    Versions { floor: i64, done: BTreeSet<i64>, unfinished: BTreeSet<i64> },
    /// Everything up to a version; whether that one itself is done.
    UpTo { last: i64, unfinished: bool },
    /// So many of the first.
    First(usize),
    /// Nothing that the versions of files could be compared with.
    #[default]
    Unknown,
}

impl Recorded {
    /// Those of a set's versions that the table has.
    pub(crate) fn of(&self, versions: &[Version]) -> Vec<Version> {
        match self {
            Self::Versions { floor, done, unfinished } => {
                let has = |number: i64| {
                    done.contains(&number) || (number <= *floor && !unfinished.contains(&number))
                };
                versions.iter().copied().filter(|version| has(version.number())).collect()
            }
            Self::UpTo { last, unfinished } => {
                let within = |version: &Version| {
                    version.number() < *last || (!*unfinished && version.number() == *last)
                };
                versions.iter().copied().filter(within).collect()
            }
            Self::First(count) => versions.iter().copied().take(*count).collect(),
            Self::Unknown => Vec::new(),
        }
    }

    /// The versions whose outcome the tool itself does not know.
    pub(crate) fn unfinished(&self) -> Vec<i64> {
        match self {
            Self::Versions { unfinished, .. } => unfinished.iter().copied().collect(),
            Self::UpTo { last, unfinished: true } => vec![*last],
            _ => Vec::new(),
        }
    }

    /// The newest version that it names.
    pub(crate) fn newest(&self) -> Option<i64> {
        match self {
            Self::Versions { done, .. } => done.last().copied(),
            Self::UpTo { last, .. } => Some(*last),
            _ => None,
        }
    }
}

/// A way to read a table with one of these names; a statement that fails says that it is not the right one.
pub(crate) struct Reading {
    pub(crate) sql: String,
    tool: &'static str,
    form: Form,
    mark: Mark,
}

/// The ways to read a table of this name, given in lower case too; `full` is quoted and qualified.
pub(crate) fn readings<'d>(
    name: &str,
    full: &'d str,
    dialect: &'d Dialect,
) -> impl Iterator<Item = Reading> + use<'d> {
    let name = name.to_lowercase();
    KNOWN.iter().filter(move |known| known.table == name).map(|known| known.reading(full, dialect))
}

impl Known {
    fn reading(&self, full: &str, dialect: &Dialect) -> Reading {
        // Qualified: SQLite takes a name in double quotes that is no column's for a text.
        let column = |name: &str| format!("h.{}", (dialect.identifier)(name));
        let flag = |condition: String| format!("CASE WHEN {condition} THEN 1 ELSE 0 END");
        let not_null = |name: &str| flag(format!("{} IS NOT NULL", column(name)));
        let (first, second) = match self.mark {
            Has(name) => (not_null(name), "0".to_owned()),
            Done(name) | In(name) | Dirty(name) => (flag(column(name)), "0".to_owned()),
            Is(name, value) => {
                (flag(format!("{} = {}", column(name), (dialect.literal)(value))), "0".to_owned())
            }
            Ended(end, gone) => (not_null(end), not_null(gone)),
            Of(part, whole) => (flag(format!("{} >= {}", column(part), column(whole))), "0".to_owned()),
            Deed(deed, done) => (column(deed), flag(column(done))),
        };
        let (version, order) = (column(self.version), column(self.order));
        let sql = format!("SELECT {version}, {first}, {second} FROM {full} h ORDER BY {order} LIMIT {ROWS}");
        Reading { sql, tool: self.tool, form: self.form, mark: self.mark }
    }
}

impl Reading {
    pub(crate) fn tool(&self) -> &'static str {
        self.tool
    }

    /// What the rows record.
    pub(crate) fn recorded(&self, rows: &[Row]) -> Recorded {
        let mut done = BTreeSet::new();
        let mut unfinished = BTreeSet::new();
        let mut floor = NOTHING;
        for row in rows {
            let values = row.values();
            let Some(version) = values.first().and_then(|value| self.number(value)) else { continue };
            let is = |column: usize| row.read::<i64>(column).is_ok_and(|it| it == 1);
            match self.form {
                Opaque => return Recorded::Unknown,
                Count => return Recorded::First(usize::try_from(version).unwrap_or_default()),
                UpTo => return Recorded::UpTo { last: version, unfinished: is(1) },
                Flyway => {
                    let deed = text(values.get(1)).to_ascii_uppercase();
                    if !is(2) {
                        unfinished.insert(version);
                    } else if deed.starts_with("UNDO") || deed == "DELETE" {
                        done.remove(&version);
                        unfinished.remove(&version);
                    } else {
                        done.insert(version);
                        if deed.ends_with("BASELINE") {
                            floor = floor.max(version);
                        }
                    }
                }
                Each | Dated => match self.mark {
                    In(_) if !is(1) => {
                        done.remove(&version);
                    }
                    Ended(..) if is(2) => {}
                    Done(_) | Is(..) | Ended(..) | Of(..) if !is(1) => {
                        unfinished.insert(version);
                    }
                    _ => {
                        done.insert(version);
                    }
                },
            }
        }
        // A migration that failed first may have been done by a later row.
        unfinished.retain(|version| !done.contains(version));
        if self.tool == "goose" {
            // Its table begins with a row that is no migration.
            done.remove(&0);
        }
        Recorded::Versions { floor, done, unfinished }
    }

    /// The number that stands for a version: `20240101000000_init`, `m20220101_000001_create`,
    /// `DoctrineMigrations\Version20240101000000`, `1.0`.
    fn number(&self, value: &Value) -> Option<i64> {
        if let Value::Integer(number) = value {
            return Some(*number);
        }
        let text = text(Some(value));
        let start = text.find(|it: char| it.is_ascii_digit())?;
        let rest = &text[start..];
        let digits: String = match self.form {
            Dated => rest
                .chars()
                .take_while(|it| it.is_ascii_digit() || matches!(it, '_' | '-' | 'T' | ':'))
                .filter(char::is_ascii_digit)
                .take(14)
                .collect(),
            _ => rest.chars().take_while(char::is_ascii_digit).collect(),
        };
        let dotted = rest.get(digits.len()..).unwrap_or_default();
        // Of a dotted version only the first part may be other than zero.
        if self.form == Flyway && dotted.chars().any(|it| it.is_ascii_digit() && it != '0') {
            return None;
        }
        digits.parse().ok()
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Blob(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Rows;

    fn recorded(table: &str, nth: usize, rows: &[(Value, Value, Value)]) -> Recorded {
        let dialect = crate::dialect::Dialect::plain(
            "test",
            crate::script::Lexing::ANSI,
            crate::dialect::HistorySql::plain(|_| Vec::new(), |_| String::new(), |_| String::new(), "NOW"),
        );
        let reading = readings(table, "t", &dialect).nth(nth).expect("it is known");
        let columns = ["a", "b", "c"].map(str::to_owned).to_vec();
        let rows = rows.iter().map(|(a, b, c)| vec![a.clone(), b.clone(), c.clone()]).collect();
        let rows = Rows::new(columns, rows, 0);
        reading.recorded(&rows.into_iter().collect::<Vec<_>>())
    }

    fn n(number: i64) -> Value {
        Value::Integer(number)
    }

    fn t(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn versions(done: &[i64], unfinished: &[i64]) -> Recorded {
        above(NOTHING, done, unfinished)
    }

    fn above(floor: i64, done: &[i64], unfinished: &[i64]) -> Recorded {
        Recorded::Versions {
            floor,
            done: done.iter().copied().collect(),
            unfinished: unfinished.iter().copied().collect(),
        }
    }

    #[test]
    fn rows_add_up_as_the_tool_itself_reads_them() {
        let sqlx = [(n(1), n(1), n(0)), (n(2), n(0), n(0)), (n(4), n(1), n(0))];
        assert_eq!(recorded("_sqlx_migrations", 0, &sqlx), versions(&[1, 4], &[2]));
        let goose = [(n(0), n(1), n(0)), (n(1), n(1), n(0)), (n(2), n(1), n(0)), (n(2), n(0), n(0))];
        assert_eq!(recorded("goose_db_version", 0, &goose), versions(&[1], &[]));
        let golang = [(n(7), n(1), n(0))];
        assert_eq!(recorded("schema_migrations", 0, &golang), Recorded::UpTo { last: 7, unfinished: true });
        let rails = [(t("20240101120000"), n(1), n(0)), (t("0003"), n(1), n(0))];
        assert_eq!(recorded("schema_migrations", 2, &rails), versions(&[3, 20_240_101_120_000], &[]));
        let flyway = [
            (t("2"), t("BASELINE"), n(1)),
            (t("3"), t("SQL"), n(1)),
            (t("4.1"), t("SQL"), n(1)),
            (t("5.0"), t("SQL"), n(0)),
            (t("3"), t("UNDO_SQL"), n(1)),
        ];
        assert_eq!(recorded("flyway_schema_history", 0, &flyway), above(2, &[2], &[5]));
        let prisma = [
            (t("20240101000000_init"), n(1), n(0)),
            (t("20240102000000_x"), n(0), n(1)),
            (t("20240103000000_y"), n(0), n(0)),
        ];
        assert_eq!(
            recorded("_prisma_migrations", 0, &prisma),
            versions(&[20_240_101_000_000], &[20_240_103_000_000])
        );
        let sea = [(t("m20220101_000001_create_table"), n(1), n(0))];
        assert_eq!(recorded("seaql_migrations", 0, &sea), versions(&[20_220_101_000_001], &[]));
        let laravel = [(t("2014_10_12_000000_create_users"), n(1), n(0))];
        assert_eq!(recorded("migrations", 1, &laravel), versions(&[20_141_012_000_000], &[]));
        assert_eq!(recorded("schema_version", 1, &[(n(3), n(1), n(0))]), Recorded::First(3));
        assert_eq!(recorded("alembic_version", 0, &[(t("ae10"), n(1), n(0))]), Recorded::Unknown);
        assert_eq!(recorded("_sqlx_migrations", 0, &[]), versions(&[], &[]));
        let play = [(n(1), n(1), n(0)), (n(2), n(0), n(0))];
        assert_eq!(recorded("play_evolutions", 0, &play), versions(&[1], &[2]));
    }

    #[test]
    fn version_0_is_recorded_only_by_a_row_of_its_own() {
        let all = [0, 1, 2].map(|number| Version::new(number).expect("a version"));
        let of = |table, rows: &[(Value, Value, Value)]| {
            recorded(table, 0, rows).of(&all).iter().map(|it| it.number()).collect::<Vec<_>>()
        };
        assert_eq!(of("_sqlx_migrations", &[(n(1), n(1), n(0))]), [1]);
        assert_eq!(of("_sqlx_migrations", &[(n(0), n(1), n(0)), (n(1), n(1), n(0))]), [0, 1]);
        assert_eq!(of("goose_db_version", &[(n(0), n(1), n(0)), (n(1), n(1), n(0))]), [1]);
        assert_eq!(of("flyway_schema_history", &[(t("1"), t("BASELINE"), n(1))]), [0, 1]);
        assert_eq!(of("schema_migrations", &[(n(1), n(0), n(0))]), [0, 1]);
    }
}
