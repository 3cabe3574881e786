//! Tables, their rows and indexes: what a transaction sees and changes. Knows no transactions.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use whimbrel::{DriverError, ErrorClass, Value};

use super::query::Scope;
use super::statement::{Change, Column, Expression, Index};

/// What is in a database. A clone costs next to nothing and is a snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) tables: BTreeMap<String, Arc<Table>>,
    pub(crate) indexes: BTreeMap<String, Index>,
    /// How often each statement has changed something.
    pub(crate) executions: BTreeMap<Arc<str>, usize>,
}

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    keys: Vec<Vec<String>>,
    pub(crate) rows: Vec<Arc<Vec<Value>>>,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Result<usize, DriverError> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| missing("column", name))
    }

    /// A table that is made up for a query.
    pub(super) fn virtual_table(names: &[&str], rows: Vec<Arc<Vec<Value>>>) -> Self {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            definition: String::new(),
            not_null: false,
            default: Value::Null,
        };
        Self { columns: names.iter().map(column).collect(), keys: Vec::new(), rows }
    }

    /// Whether this is the history, under whatever name.
    pub(super) fn is_history(&self) -> bool {
        ["set_name", "seq", "hash"].iter().all(|name| self.column(name).is_ok())
    }
}

pub(super) fn missing(kind: &str, name: &str) -> DriverError {
    DriverError::new(ErrorClass::Sql, format!("there is no {kind} `{name}`")).with_code("missing")
}

fn there_already(kind: &str, name: &str) -> DriverError {
    DriverError::new(ErrorClass::Sql, format!("there is a {kind} `{name}` already")).with_code("exists")
}

impl State {
    pub(super) fn table(&self, name: &str) -> Result<&Table, DriverError> {
        self.tables.get(name).map(|table| &**table).ok_or_else(|| missing("table", name))
    }

    /// Whether a table is the history.
    pub(super) fn is_history(&self, name: &str) -> bool {
        self.tables.get(name).is_some_and(|table| table.is_history())
    }

    fn table_mut(&mut self, name: &str) -> Result<&mut Table, DriverError> {
        self.tables.get_mut(name).map(Arc::make_mut).ok_or_else(|| missing("table", name))
    }

    /// Makes a change whole, and returns how many rows it touched; after an error the state is to be thrown away.
    pub(super) fn apply(&mut self, change: &Change, scope: &Scope<'_>) -> Result<u64, DriverError> {
        match change {
            Change::CreateTable { name, if_missing, columns, keys } => {
                if self.tables.contains_key(name) {
                    return if *if_missing { Ok(0) } else { Err(there_already("table", name)) };
                }
                let (columns, keys) = (columns.clone(), keys.clone());
                self.tables.insert(name.clone(), Arc::new(Table { columns, keys, rows: Vec::new() }));
            }
            Change::DropTable { name, if_there } => {
                if self.tables.remove(name).is_none() && !if_there {
                    return Err(missing("table", name));
                }
                self.indexes.retain(|_, index| index.table != *name);
            }
            Change::CreateIndex { name, index } => {
                let table = self.table(&index.table)?;
                index.columns.iter().try_for_each(|column| table.column(column).map(drop))?;
                if self.indexes.insert(name.clone(), index.clone()).is_some() {
                    return Err(there_already("index", name));
                }
                self.check(&index.table)?;
            }
            Change::DropIndex { name } => {
                self.indexes.remove(name).ok_or_else(|| missing("index", name))?;
            }
            Change::AddColumn { table: name, column } => {
                let table = self.table_mut(name)?;
                if table.column(&column.name).is_ok() {
                    return Err(there_already("column", &column.name));
                }
                table.columns.push(column.clone());
                for row in &mut table.rows {
                    Arc::make_mut(row).push(column.default.clone());
                }
                self.check(name)?;
            }
            Change::Insert { table, columns, rows } => return self.insert(table, columns, rows, scope),
            Change::Update { table: name, assignments, filter } => {
                let table = self.table_mut(name)?;
                let mut changed = 0;
                for index in 0..table.rows.len() {
                    let row = Arc::clone(&table.rows[index]);
                    let of_row = scope.of(table, &row);
                    if !of_row.all(filter)? {
                        continue;
                    }
                    let mut new = (*row).clone();
                    for (column, expression) in assignments {
                        new[table.column(column)?] = of_row.value(expression)?;
                    }
                    table.rows[index] = Arc::new(new);
                    changed += 1;
                }
                self.check(name)?;
                return Ok(changed);
            }
            Change::Delete { table: name, filter } => {
                let table = self.table_mut(name)?;
                let mut kept = Vec::new();
                for row in &table.rows {
                    if !scope.of(table, row).all(filter)? {
                        kept.push(Arc::clone(row));
                    }
                }
                let deleted = table.rows.len() - kept.len();
                table.rows = kept;
                return Ok(deleted as u64);
            }
        }
        Ok(0)
    }

    fn insert(
        &mut self,
        name: &str,
        columns: &[String],
        rows: &[Vec<Expression>],
        scope: &Scope<'_>,
    ) -> Result<u64, DriverError> {
        let table = self.table_mut(name)?;
        let places: Vec<usize> =
            columns.iter().map(|column| table.column(column)).collect::<Result<_, _>>()?;
        let blank: Vec<Value> =
            table.columns.iter().map(|column| scope.default_of(&column.default)).collect();
        for expressions in rows {
            let mut row = blank.clone();
            for (place, expression) in places.iter().zip(expressions) {
                row[*place] = scope.value(expression)?;
            }
            table.rows.push(Arc::new(row));
        }
        self.check(name)?;
        Ok(rows.len() as u64)
    }

    /// Whether a table's keys and NOT NULLs hold.
    fn check(&self, name: &str) -> Result<(), DriverError> {
        let table = self.table(name)?;
        for (place, column) in table.columns.iter().enumerate().filter(|(_, column)| column.not_null) {
            if table.rows.iter().any(|row| row[place] == Value::Null) {
                let message = format!("`{}` of `{name}` must not be NULL", column.name);
                return Err(DriverError::new(ErrorClass::Constraint, message).with_code("not_null"));
            }
        }
        let indexes = self.indexes.values().filter(|index| index.unique && index.table == *name);
        for key in table.keys.iter().chain(indexes.map(|index| &index.columns)) {
            let places: Vec<usize> =
                key.iter().map(|column| table.column(column)).collect::<Result<_, _>>()?;
            let mut seen = HashSet::new();
            for row in &table.rows {
                let values: Vec<String> = places.iter().map(|place| shown(&row[*place])).collect();
                let has_null = places.iter().any(|place| row[*place] == Value::Null);
                let values = values.join(", ");
                if !has_null && !seen.insert(values.clone()) {
                    let key = key.join(", ");
                    return Err(DriverError::new(
                        ErrorClass::Constraint,
                        format!("two rows of `{name}` would have one key ({key})"),
                    )
                    .with_code("unique")
                    .with_private(format!("the key ({key}) = ({values}) is there already")));
                }
            }
        }
        Ok(())
    }

    /// Counts a statement that has changed something other than the history.
    pub(super) fn count(&mut self, text: &str) {
        *self.executions.entry(text.into()).or_default() += 1;
    }

    /// What a table, an index, or a member of a table looks like; nothing, if there is none.
    pub(super) fn fingerprint(&self, kind: &str, name: &str, member: Option<&str>) -> Option<String> {
        if kind == "index" {
            let index = self.indexes.get(name)?;
            return Some(format!("{} {}", index.table, index.columns.join(" ")));
        }
        let table = self.tables.get(name)?;
        match member {
            Some(member) => Some(table.columns[table.column(member).ok()?].definition.clone()),
            None => Some(table.columns.iter().map(|column| &*column.name).collect::<Vec<_>>().join(" ")),
        }
    }

    /// The rows of the history, each a list of values by its columns' names.
    pub(crate) fn history_rows(&self) -> impl Iterator<Item = (&Table, &Arc<Vec<Value>>)> {
        let tables = self.tables.values().filter(|table| table.is_history());
        tables.flat_map(|table| table.rows.iter().map(move |row| (&**table, row)))
    }

    /// Schema and data, without the history, as text that depends on nothing else.
    pub(crate) fn dump(&self) -> String {
        let mut text = String::new();
        for (name, table) in self.tables.iter().filter(|(_, table)| !table.is_history()) {
            let _ = writeln!(text, "table {name}");
            for column in &table.columns {
                let _ = writeln!(text, "  column {} {}", column.name, column.definition);
            }
            for key in &table.keys {
                let _ = writeln!(text, "  key {}", key.join(", "));
            }
            let row = |row: &Arc<Vec<Value>>| row.iter().map(shown).collect::<Vec<_>>().join(", ");
            let mut rows: Vec<String> = table.rows.iter().map(row).collect();
            rows.sort();
            for row in rows {
                let _ = writeln!(text, "  row {row}");
            }
        }
        let of_history =
            |index: &Index| self.tables.get(&index.table).is_some_and(|table| table.is_history());
        for (name, index) in self.indexes.iter().filter(|(_, index)| !of_history(index)) {
            let unique = if index.unique { "unique " } else { "" };
            let _ = writeln!(text, "{unique}index {name} on {} ({})", index.table, index.columns.join(", "));
        }
        text
    }
}

/// A value as a literal.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
        _ => "NULL".to_owned(),
    }
}

/// How two values compare; NULL, and values of different kinds, do not.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Real(left), Value::Real(right)) => left.partial_cmp(right),
        (Value::Blob(left), Value::Blob(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
