//! What a database holds, as far as a generated set determines it.

use std::collections::BTreeSet;

use whimbrel::{Answers, Driver, DriverError, Message, Row, Value};

use crate::Schema;

/// Schema and data of a database, over all of its schemas, or with a second database; without the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    lines: BTreeSet<String>,
    exact: BTreeSet<String>,
}

impl Picture {
    /// Reads it. On MySQL and MariaDB, `database` is the current one and the other one is called likewise with `_b` behind it;
    /// their names are replaced.
    ///
    /// # Errors
    /// A query fails.
    pub async fn read<D: Driver>(db: &mut D, database: &str) -> Result<Self, DriverError> {
        let mut picture = Self::default();
        match db.dialect().name {
            "postgres" => picture.postgres(db).await?,
            "sqlite" => picture.sqlite(db).await?,
            _ => {
                for name in [format!("{database}_b"), database.to_owned()] {
                    run(db, &format!("USE {name}")).await?;
                    picture.mysql(db, &name).await?;
                }
            }
        }
        if !database.is_empty() {
            let named = |lines: BTreeSet<String>| {
                lines.iter().map(|line| line.replace(database, "DATABASE")).collect()
            };
            picture.lines = named(picture.lines);
            picture.exact = named(picture.exact);
        }
        Ok(picture)
    }

    /// What differs: a line each, `-` for what only this one has and `+` for what only the other one has. Numbers that the
    /// database gave itself count only if `exact`: those that were rolled back are used up.
    pub fn differences(&self, other: &Self, exact: bool) -> Vec<String> {
        let mut lines: Vec<String> =
            self.lines.difference(&other.lines).map(|line| format!("- {line}")).collect();
        lines.extend(other.lines.difference(&self.lines).map(|line| format!("+ {line}")));
        if exact {
            lines.extend(self.exact.difference(&other.exact).map(|line| format!("- {line}")));
            lines.extend(other.exact.difference(&self.exact).map(|line| format!("+ {line}")));
        }
        lines
    }

    /// Whether there is no difference but in numbers that the database gave itself.
    pub fn is_like(&self, other: &Self) -> bool {
        self.lines == other.lines
    }

    /// Rows that are equal are told apart by their count.
    fn rows(&mut self, rows: impl IntoIterator<Item = String>) {
        counted(&mut self.lines, rows);
    }

    async fn postgres<D: Driver>(&mut self, db: &mut D) -> Result<(), DriverError> {
        let schema = Schema::read(db).await?;
        // The rights on `public` depend on who has made it, and how often.
        self.lines
            .extend(schema.lines().filter(|line| !line.starts_with("schema public")).map(str::to_owned));
        self.lines.extend(texts(db, POSTGRES_OWNERS).await?);
        self.exact.extend(texts(db, POSTGRES_SEQUENCES).await?);
        let tables = texts(db, POSTGRES_TABLES).await?;
        if tables.is_empty() {
            return Ok(());
        }
        let row = |of: &str| {
            let queries = tables.iter().map(|table| {
                let shown = table.replace('\'', "''");
                format!("SELECT '{shown} ' || ({of})::text FROM {table} t")
            });
            queries.collect::<Vec<_>>().join(" UNION ALL ")
        };
        let rows = texts(db, &row("to_jsonb(t) - 'auto'")).await?;
        self.rows(rows);
        let rows = texts(db, &row("to_jsonb(t)")).await?;
        counted(&mut self.exact, rows);
        Ok(())
    }

    async fn mysql<D: Driver>(&mut self, db: &mut D, database: &str) -> Result<(), DriverError> {
        let schema = Schema::read(db).await?;
        self.lines.extend(schema.lines().map(|line| format!("{database} {line}")));
        let columns = db.query(MYSQL_COLUMNS, &[]).await?;
        let mut tables: Vec<(String, Vec<(String, bool)>)> = Vec::new();
        for row in columns.iter() {
            let (table, column, given) = (text(row, 0), text(row, 1), text(row, 2) == "1");
            match tables.last_mut().filter(|(name, _)| *name == table) {
                Some((_, columns)) => columns.push((column, given)),
                None => tables.push((table, vec![(column, given)])),
            }
        }
        for (table, columns) in tables {
            let select = |exact: bool| {
                let shown = columns.iter().filter(|(_, given)| exact || !given);
                let shown = shown.map(|(name, _)| format!("ifnull(cast(`{name}` as char), 'NULL')"));
                let shown = shown.collect::<Vec<_>>().join(", ");
                format!("SELECT concat_ws('|', '', {shown}) FROM `{table}`")
            };
            let named = |rows: Vec<String>| {
                rows.into_iter().map(|row| format!("{database} {table} {row}")).collect::<Vec<_>>()
            };
            let rows = texts(db, &select(false)).await?;
            self.rows(named(rows));
            if columns.iter().any(|(_, given)| *given) {
                let rows = texts(db, &select(true)).await?;
                counted(&mut self.exact, named(rows));
            }
        }
        Ok(())
    }

    async fn sqlite<D: Driver>(&mut self, db: &mut D) -> Result<(), DriverError> {
        let schema = Schema::read(db).await?;
        self.lines.extend(schema.lines().map(str::to_owned));
        for pragma in ["user_version", "application_id", "integrity_check", "journal_mode"] {
            let rows = texts(db, &format!("PRAGMA {pragma}")).await?;
            self.rows(rows.into_iter().map(|row| format!("{pragma} {row}")));
        }
        let tables = texts(db, SQLITE_TABLES).await?;
        for table in tables {
            let rows = db.query(&format!("SELECT * FROM \"{table}\""), &[]).await?;
            let rows: Vec<String> = rows.iter().map(|row| format!("{table} {}", shown(row))).collect();
            self.rows(rows);
        }
        Ok(())
    }
}

/// Adds lines, equal ones with their number.
fn counted(lines: &mut BTreeSet<String>, more: impl IntoIterator<Item = String>) {
    for line in more {
        let mut line = line;
        while !lines.insert(line.clone()) {
            line += " again";
        }
    }
}

async fn run<D: Driver>(db: &mut D, sql: &str) -> Result<(), DriverError> {
    db.execute(&[Message::new(sql, 1)], &mut Answers::new()).await
}

async fn texts<D: Driver>(db: &mut D, sql: &str) -> Result<Vec<String>, DriverError> {
    let rows = db.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| text(row, 0)).collect())
}

fn text(row: &Row, column: usize) -> String {
    row.values().get(column).map_or_else(String::new, cell)
}

fn shown(row: &Row) -> String {
    row.values().iter().map(cell).collect::<Vec<_>>().join("|")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => "NULL".to_owned(),
    }
}

const POSTGRES_OWNERS: &str = "SELECT format('owner %I.%I %I', n.nspname, c.relname, pg_get_userbyid(c.relowner)) FROM pg_class c \
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') \
     AND n.nspname !~ '^pg_(toast|temp)' AND c.relname !~ '^whimbrel_history'";

const POSTGRES_SEQUENCES: &str =
    "SELECT format('sequence %I.%I at %s', schemaname, sequencename, last_value) FROM pg_sequences";

const POSTGRES_TABLES: &str = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') \
     AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' \
     AND c.relname !~ '^whimbrel_history'";

const MYSQL_COLUMNS: &str = "SELECT c.table_name, c.column_name, if(c.extra LIKE '%auto_increment%', '1', '0') \
     FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) \
     WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE' AND c.table_name <> 'whimbrel_history' \
     ORDER BY 1, c.ordinal_position";

const SQLITE_TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'whimbrel_history' \
     AND (name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence')";
