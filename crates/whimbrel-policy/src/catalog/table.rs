//! One table, as far as scripts tell. Reads deeds; judges nothing.

use std::collections::{HashMap, HashSet};

use crate::deed::{Column, Constraint, ConstraintKind, Deed, MOST_OF_A_NAME, Name, NewTable, TEMPORARY};

/// A table that a script has made.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: Name,
    /// Whether this run has made it, so that nobody uses it yet.
    pub(crate) new: bool,
    /// Whether anything was inserted since, where it is new.
    pub(crate) filled: bool,
    /// Whether all columns are known: it was made by a script, not by a query.
    pub(crate) whole: bool,
    /// Its columns, by their names.
    pub(crate) columns: HashMap<String, Column>,
    /// Those of them that this run has added.
    pub(crate) new_columns: HashSet<String>,
    /// Its constraints, but for those of single columns, up to [`MOST_CONSTRAINTS`].
    pub(crate) constraints: Vec<Constraint>,
    /// What the dialect says of it, up to [`MOST_OF_A_NAME`].
    pub(crate) options: Vec<(String, String)>,
    /// The table that it is a partition of.
    pub(crate) partition_of: Option<Name>,
    /// Whether its rows have policies.
    pub(crate) row_security: bool,
}

/// So many constraints of a table are remembered: each is looked at for any change of the table.
const MOST_CONSTRAINTS: usize = 256;

impl Table {
    /// A table as its definition tells it.
    pub(super) fn of(table: &NewTable) -> Self {
        let mut constraints = table.constraints.clone();
        constraints.extend(table.columns.iter().filter(|column| column.primary_key).map(|column| {
            Constraint {
                name: None,
                kind: ConstraintKind::PrimaryKey { columns: vec![column.name.clone()], using_index: None },
                validated: true,
            }
        }));
        constraints.truncate(MOST_CONSTRAINTS);
        let mut name = table.name.clone();
        // Its namesake in a schema is another one.
        if table.temporary && name.schema.is_none() {
            name.schema = Some(TEMPORARY.to_owned());
        }
        let mut made = Self {
            name,
            new: false,
            filled: table.from_query,
            whole: !table.from_query && table.partition_of.is_none(),
            columns: HashMap::new(),
            new_columns: HashSet::new(),
            constraints,
            options: table.options.iter().take(MOST_OF_A_NAME).cloned().collect(),
            partition_of: table.partition_of.clone(),
            row_security: false,
        };
        table.columns.iter().for_each(|column| made.add(column));
        made
    }

    /// Takes in what is done to it; `new`: in this run.
    pub(super) fn learn(&mut self, deed: &Deed, new: bool) {
        match deed {
            Deed::Insert { .. } => self.filled = true,
            Deed::AddColumn { column, .. } => {
                self.add(column);
                if new {
                    self.new_columns.insert(column.name.clone());
                }
            }
            Deed::DropColumn { column, .. } => drop(self.columns.remove(column)),
            Deed::RenameColumn { from, to, .. } => {
                if let Some(mut column) = self.columns.remove(from) {
                    column.name.clone_from(to);
                    self.columns.insert(to.clone(), column);
                }
            }
            Deed::Redefine { column, .. } => self.alter(&column.name, |own| own.clone_from(column)),
            Deed::RowSecurity { on, .. } => self.row_security = *on,
            Deed::AddConstraint { constraint, .. } if self.constraints.len() < MOST_CONSTRAINTS => {
                self.constraints.push(constraint.clone());
            }
            Deed::DropConstraint { name, .. } => {
                self.constraints.retain(|own| own.name.as_ref() != Some(name));
            }
            Deed::ValidateConstraint { name, .. } => {
                for own in self.constraints.iter_mut().filter(|own| own.name.as_ref() == Some(name)) {
                    own.validated = true;
                }
            }
            Deed::AlterType { column, to, .. } => self.alter(column, |own| own.ty = Some(to.clone())),
            Deed::SetNotNull { column, .. } => self.alter(column, |own| own.not_null = true),
            Deed::DropNotNull { column, .. } => self.alter(column, |own| own.not_null = false),
            Deed::SetDefault { column, default, .. } => self.alter(column, |own| own.default = *default),
            _ => {}
        }
    }

    fn add(&mut self, column: &Column) {
        self.columns.entry(column.name.clone()).or_insert_with(|| column.clone());
    }

    fn alter(&mut self, column: &str, change: impl FnOnce(&mut Column)) {
        if let Some(column) = self.columns.get_mut(column) {
            change(column);
        }
    }

    /// A column.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }

    /// Whether a valid constraint proves that a column is never NULL.
    pub(crate) fn proves_not_null(&self, column: &str) -> bool {
        self.constraints.iter().any(|constraint| {
            constraint.validated
                && match &constraint.kind {
                    ConstraintKind::Check { not_null } => not_null.iter().any(|own| own == column),
                    ConstraintKind::NotNull { column: own } => own == column,
                    ConstraintKind::PrimaryKey { columns, .. } => columns.iter().any(|own| own == column),
                    _ => false,
                }
        })
    }
}
