//! Evaluates expressions and `SELECT`s. Changes nothing.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use whimbrel::{DriverError, ErrorClass, Rows, Value};

use super::locks::Locks;
use super::state::{State, Table, compare, shown};
use super::statement::{Comparison, Condition, Expression, Function, Item, Select};

/// The table that describes the others: kind, name, and whether it is a history.
pub(super) const SCHEMA: &str = "fake_schema";

/// The variable that gives new rows' columns their value where nothing else does.
const FILL: &str = "fill";

/// What an expression may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) state: &'s State,
    pub(super) settings: &'s BTreeMap<String, i64>,
    pub(super) memory: &'s Value,
    pub(super) parameters: &'s [Value],
    pub(super) ticks: &'s Cell<u64>,
    pub(super) clock_stands: bool,
    pub(super) locks: &'s RefCell<Locks>,
    pub(super) session: u64,
    /// What is committed.
    pub(super) committed: &'s State,
    pub(super) row: Option<(&'s Table, &'s [Value])>,
}

impl<'s> Scope<'s> {
    /// The same, for a row of a table.
    pub(super) fn of<'r>(&self, table: &'r Table, row: &'r [Value]) -> Scope<'r>
    where
        's: 'r,
    {
        Scope { row: Some((table, row)), ..*self }
    }

    /// What a column gets that is not named in an `INSERT`.
    pub(super) fn default_of(&self, default: &Value) -> Value {
        match self.settings.get(FILL) {
            Some(fill) if *fill != 0 && *default == Value::Null => Value::Integer(*fill),
            _ => default.clone(),
        }
    }

    pub(super) fn value(&self, expression: &Expression) -> Result<Value, DriverError> {
        Ok(match expression {
            Expression::Literal(value) => value.clone(),
            Expression::Parameter(index) => self.parameters.get(*index).cloned().ok_or_else(|| {
                DriverError::new(ErrorClass::Sql, format!("no value for parameter {}", index + 1))
            })?,
            Expression::Column(name) => match self.row {
                Some((table, row)) => row[table.column(name)?].clone(),
                None => return Err(super::state::missing("column", name)),
            },
            Expression::Plus(left, right) => self.sum(left, right, i64::checked_add)?,
            Expression::Minus(left, right) => self.sum(left, right, i64::checked_sub)?,
            Expression::Select(select) => {
                let (_, rows) = self.select(select)?;
                rows.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or(Value::Null)
            }
            Expression::Now => Value::Text(self.now()),
            Expression::User => Value::Text("fake".to_owned()),
            Expression::Setting(name) => {
                Value::Text(format!("SET {name} = {}", self.settings.get(name).copied().unwrap_or_default()))
            }
            Expression::Memory => self.memory.clone(),
            Expression::Exists(select) => Value::Integer((!self.select(select)?.1.is_empty()).into()),
            Expression::Not(inner) => Value::Integer((self.value(inner)? == Value::Integer(0)).into()),
            Expression::Mine => {
                Value::Integer(self.row.is_some_and(|(table, row)| self.is_new(table, row)).into())
            }
            Expression::Session => Value::Integer(self.session.cast_signed()),
            Expression::Call(function, arguments) => {
                let values: Vec<Value> =
                    arguments.iter().map(|argument| self.value(argument)).collect::<Result<_, _>>()?;
                self.call(*function, &values)?
            }
        })
    }

    /// Whether a row of the history is not committed.
    fn is_new(&self, table: &Table, row: &[Value]) -> bool {
        let committed = self.committed.tables.values().find(|other| other.is_history());
        table.is_history()
            && !committed.is_some_and(|other| other.rows.iter().any(|old| old.as_slice() == row))
    }

    fn call(&self, function: Function, values: &[Value]) -> Result<Value, DriverError> {
        let texts: Vec<Option<String>> = values
            .iter()
            .map(|value| match value {
                Value::Null => None,
                Value::Text(text) => Some(text.clone()),
                other => Some(shown(other)),
            })
            .collect();
        let name = texts.first().cloned().flatten().unwrap_or_default();
        let mut locks = self.locks.borrow_mut();
        let owned = locks.owner(&name) == Some(self.session);
        Ok(match function {
            Function::Concat => match texts.into_iter().collect::<Option<Vec<String>>>() {
                Some(parts) => Value::Text(parts.concat()),
                None => Value::Null,
            },
            Function::Coalesce => {
                values.iter().find(|it| **it != Value::Null).cloned().unwrap_or(Value::Null)
            }
            Function::LocalLock => Value::Integer(locks.take(&name, self.session, true).into()),
            Function::TakeLock => Value::Integer(locks.take(&name, self.session, false).into()),
            Function::FreeLock => Value::Integer(locks.release(&name, self.session).into()),
            Function::HasLock => Value::Integer(owned.into()),
            Function::OwnLock if owned => Value::Integer(1),
            Function::OwnLock => {
                return Err(DriverError::new(ErrorClass::Constraint, "the lock is not this session's")
                    .with_code("unlocked"));
            }
            Function::LockOwner => {
                locks.owner(&name).map_or(Value::Null, |owner| Value::Integer(owner.cast_signed()))
            }
            Function::Fingerprint | Function::Presence => {
                let part = |at: usize| texts.get(at).cloned().flatten();
                let found = self.state.fingerprint(&name, &part(1).unwrap_or_default(), part(2).as_deref());
                let absent = found.is_none();
                let looks = found.unwrap_or_else(|| "absent".to_owned());
                let there = if absent { "absent" } else { "present" }.to_owned();
                Value::Text(if function == Function::Presence { there } else { looks })
            }
        })
    }

    /// The server's clock goes on by a millisecond whenever it is looked at.
    fn now(&self) -> String {
        let ticks = self.ticks.get();
        self.ticks.set(ticks + u64::from(!self.clock_stands));
        let (seconds, millis) = (ticks / 1000, ticks % 1000);
        let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        format!("2026-01-01T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
    }

    fn sum(
        &self,
        left: &Expression,
        right: &Expression,
        add: fn(i64, i64) -> Option<i64>,
    ) -> Result<Value, DriverError> {
        match (self.value(left)?, self.value(right)?) {
            (Value::Integer(left), Value::Integer(right)) => match add(left, right) {
                Some(sum) => Ok(Value::Integer(sum)),
                None => Err(DriverError::new(ErrorClass::Sql, "a number out of range")),
            },
            (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
            _ => Err(DriverError::new(ErrorClass::Sql, "only numbers can be added")),
        }
    }

    /// Whether all conditions hold.
    pub(super) fn all(&self, conditions: &[Condition]) -> Result<bool, DriverError> {
        for Condition { left, comparison, right } in conditions {
            let (left, right) = (self.value(left)?, self.value(right)?);
            let order = compare(&left, &right);
            let holds = match comparison {
                Comparison::Equal => order == Some(Ordering::Equal),
                Comparison::Unequal => order.is_some_and(Ordering::is_ne),
                Comparison::Less => order == Some(Ordering::Less),
                Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
                Comparison::Greater => order == Some(Ordering::Greater),
                Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
                Comparison::IsNull => left == Value::Null,
                Comparison::IsNotNull => left != Value::Null,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rows of several `SELECT`s.
    pub(super) fn union(&self, selects: &[Select]) -> Result<Rows, DriverError> {
        let (mut columns, mut all) = (Vec::new(), Vec::new());
        for select in selects {
            let (names, rows) = self.select(select)?;
            columns = if columns.is_empty() { names } else { columns };
            all.extend(rows);
        }
        Ok(Rows::new(columns, all, 0))
    }

    fn select(&self, select: &Select) -> Result<(Vec<String>, Vec<Vec<Value>>), DriverError> {
        let Some(name) = &select.table else {
            let names = names(&select.items, None);
            return Ok((names, vec![self.items(&select.items)?]));
        };
        let described;
        let table = if name == SCHEMA {
            described = describe(self.state);
            &described
        } else {
            self.state.table(name)?
        };
        let mut rows = Vec::new();
        for row in &table.rows {
            if self.of(table, row).all(&select.filter)? {
                rows.push(row);
            }
        }
        for (column, descending) in select.order.iter().rev() {
            let place = table.column(column)?;
            rows.sort_by(|a, b| {
                let order = compare(&a[place], &b[place]).unwrap_or(Ordering::Equal);
                if *descending { order.reverse() } else { order }
            });
        }
        if let Some(limit) = select.limit {
            rows.truncate(usize::try_from(limit).unwrap_or(0));
        }
        let names = names(&select.items, Some(table));
        if select.items.iter().any(|item| matches!(item, Item::Count)) {
            let count = Value::Integer(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            return Ok((names, vec![vec![count; select.items.len()]]));
        }
        let values = rows.into_iter().map(|row| self.of(table, row).items(&select.items));
        Ok((names, values.collect::<Result<_, _>>()?))
    }

    fn items(&self, items: &[Item]) -> Result<Vec<Value>, DriverError> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match (item, self.row) {
                (Item::Expression { expression, .. }, _) => values.push(self.value(expression)?),
                (Item::Everything, Some((_, row))) => values.extend_from_slice(row),
                (Item::Everything | Item::Count, _) => {
                    return Err(DriverError::new(ErrorClass::Sql, "a table is needed here"));
                }
            }
        }
        Ok(values)
    }
}

fn names(items: &[Item], table: Option<&Table>) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        match item {
            Item::Expression { name, .. } => names.push(name.clone()),
            Item::Count => names.push("count".to_owned()),
            Item::Everything => {
                names.extend(table.iter().flat_map(|table| &table.columns).map(|column| column.name.clone()));
            }
        }
    }
    names
}

/// The schema as a table.
fn describe(state: &State) -> Table {
    let flag = |history: bool| Value::Integer(history.into());
    let tables = state.tables.iter().map(|(name, table)| {
        let columns: Vec<String> =
            table.columns.iter().map(|column| format!("{} {}", column.name, column.definition)).collect();
        [
            Value::from("table"),
            Value::from(name.as_str()),
            flag(table.is_history()),
            columns.join(", ").into(),
        ]
    });
    let indexes = state.indexes.iter().map(|(name, index)| {
        let history = state.tables.get(&index.table).is_some_and(|table| table.is_history());
        let text = format!("{} ({})", index.table, index.columns.join(", "));
        [Value::from("index"), Value::from(name.as_str()), flag(history), text.into()]
    });
    let rows = tables.chain(indexes).map(|row| Arc::new(row.to_vec())).collect();
    Table::virtual_table(&["kind", "name", "history", "definition"], rows)
}
