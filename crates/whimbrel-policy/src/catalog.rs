//! What the scripts so far have made, as far as their text tells. Reads deeds; judges nothing.

use std::collections::HashMap;

use crate::deed::{
    Column, Constraint, ConstraintKind, Deed, Name, NewIndex, NewTable, ObjectKind, TEMPORARY,
};

/// Tables and indexes that earlier scripts have made, and which of them this run has.
///
/// It is no schema: what the scripts do not tell (steps in Rust, blocks, what was there before the first migration) is
/// not in it, and rules must not conclude anything from a table's absence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    tables: HashMap<String, Vec<Table>>,
    indexes: HashMap<String, Vec<NewIndex>>,
    all_new: bool,
    /// Views, types, functions and the like that this run has made.
    made: Vec<Name>,
    /// The names of tables of which something is new, so that settling costs no more than what was done.
    fresh: Vec<String>,
}

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
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Those of them that this run has added.
    pub(crate) new_columns: Vec<String>,
    /// Its constraints, but for those of single columns.
    pub(crate) constraints: Vec<Constraint>,
    /// What the dialect says of it.
    pub(crate) options: Vec<(String, String)>,
    /// The table that it is a partition of.
    pub(crate) partition_of: Option<Name>,
    /// Whether its rows have policies.
    pub(crate) row_security: bool,
}

impl Table {
    /// A column.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
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

impl Catalog {
    /// Nothing is there at all: what the run meets is what it has made itself.
    pub(crate) fn set_empty_database(&mut self) {
        self.all_new = true;
    }

    /// Names may mean other objects from here on, so that nothing is known to be new; unless there is nothing else.
    pub(crate) fn lose_track(&mut self) {
        if !self.all_new {
            self.settle();
        }
    }

    /// From here on, what is there already counts as old.
    pub(crate) fn settle(&mut self) {
        for name in std::mem::take(&mut self.fresh) {
            for table in self.tables.get_mut(&name).into_iter().flatten() {
                table.new = false;
                table.filled = true;
                table.new_columns.clear();
            }
        }
        self.made.clear();
    }

    /// A table, if a script has made it.
    pub(crate) fn table(&self, name: &Name) -> Option<&Table> {
        let named = self.tables.get(&name.name)?;
        named.iter().find(|table| table.name == *name).or_else(|| match &named[..] {
            [only] if only.name.may_be(name) => Some(only),
            _ => None,
        })
    }

    fn table_mut(&mut self, name: &Name) -> Option<&mut Table> {
        let named = self.tables.get_mut(&name.name)?;
        let at = named
            .iter()
            .position(|table| table.name == *name)
            .or_else(|| (named.len() == 1 && named[0].name.may_be(name)).then_some(0))?;
        named.get_mut(at)
    }

    /// An index, if a script has made it.
    pub(crate) fn index(&self, name: &str) -> Option<&NewIndex> {
        self.indexes.get(name)?.last()
    }

    /// The indexes of a table.
    pub(crate) fn indexes_of<'a>(&'a self, table: &'a Name) -> impl Iterator<Item = &'a NewIndex> {
        self.indexes.values().flatten().filter(move |index| index.table.may_be(table))
    }

    /// Whether this run has made a table, so that nobody uses it yet.
    pub(crate) fn is_new(&self, name: &Name) -> bool {
        self.table(name)
            .map_or(self.all_new, |table| table.new && (self.all_new || table.name.is_surely(name)))
    }

    /// Whether this run has made a view, a type, a function or the like.
    pub(crate) fn made(&self, name: &Name) -> bool {
        self.all_new || self.made.iter().any(|made| made.is_surely(name))
    }

    /// Whether this run has made a table, and put nothing into it.
    pub(crate) fn is_empty(&self, name: &Name) -> bool {
        self.is_new(name) && self.table(name).is_none_or(|table| !table.filled)
    }

    /// Takes in what a statement does. `new`: it does so in this run.
    pub(crate) fn learn(&mut self, deed: &Deed, new: bool) {
        match deed {
            Deed::CreateTable(table) => self.create(table, new),
            Deed::CreateView { name, materialized, replaces, .. } => {
                if *materialized {
                    let mut table = NewTable::new(name.clone());
                    (table.from_query, table.if_not_exists) = (true, *replaces);
                    self.create(&table, new);
                } else if new && !replaces {
                    self.made.push(name.clone());
                }
            }
            Deed::CreateRoutine { name, replaces: false, .. } | Deed::Create { name, .. } if new => {
                self.made.push(name.clone());
            }
            Deed::Drop { kind: ObjectKind::Table | ObjectKind::MaterializedView, names, .. } => {
                for name in names {
                    self.remove(name);
                    self.forget_indexes(|index| index.table.may_be(name));
                }
            }
            Deed::Drop { kind: ObjectKind::Index, names, on, .. } => {
                for name in names {
                    // MySQL's indexes have their names within their tables.
                    self.forget_indexes(|index| {
                        index.name.as_ref() == Some(&name.name)
                            && on.as_ref().is_none_or(|on| index.table.may_be(on))
                    });
                }
            }
            Deed::Rename { kind: ObjectKind::Table, from, to, .. } => {
                if let Some(mut table) = self.remove(from) {
                    for index in self.indexes.values_mut().flatten().filter(|index| index.table.may_be(from))
                    {
                        index.table.clone_from(to);
                    }
                    table.name.clone_from(to);
                    self.fresh.push(to.name.clone());
                    self.tables.entry(to.name.clone()).or_default().push(table);
                }
            }
            Deed::Rename { kind: ObjectKind::Index, from, to, .. } => {
                if let Some(mut indexes) = self.indexes.remove(&from.name) {
                    for index in &mut indexes {
                        index.name = Some(to.name.clone());
                    }
                    self.indexes.insert(to.name.clone(), indexes);
                }
            }
            Deed::CreateIndex(index) => {
                if let Some(name) = &index.name {
                    self.indexes.entry(name.clone()).or_default().push(index.clone());
                }
            }
            Deed::Truncate { tables, .. } => {
                for table in tables {
                    if let Some(table) = self.table_mut(table) {
                        table.filled = !table.new;
                    }
                }
            }
            _ => self.learn_of_table(deed, new),
        }
    }

    fn forget_indexes(&mut self, gone: impl Fn(&NewIndex) -> bool) {
        for indexes in self.indexes.values_mut() {
            indexes.retain(|index| !gone(index));
        }
    }

    fn learn_of_table(&mut self, deed: &Deed, new: bool) {
        if let (true, [name]) = (new, &deed.tables()[..]) {
            self.fresh.push(name.name.clone());
        }
        let [name] = deed.tables()[..] else { return };
        let Some(table) = self.table_mut(name) else { return };
        match deed {
            Deed::Insert { .. } => table.filled = true,
            Deed::AddColumn { column, .. } => {
                table.columns.push(column.clone());
                if new {
                    table.new_columns.push(column.name.clone());
                }
            }
            Deed::DropColumn { column, .. } => table.columns.retain(|own| own.name != *column),
            Deed::RenameColumn { from, to, .. } => {
                if let Some(column) = table.columns.iter_mut().find(|own| own.name == *from) {
                    column.name.clone_from(to);
                }
            }
            Deed::Redefine { column, .. } => {
                if let Some(own) = table.columns.iter_mut().find(|own| own.name == column.name) {
                    own.clone_from(column);
                }
            }
            Deed::RowSecurity { on, .. } => table.row_security = *on,
            Deed::AddConstraint { constraint, .. } => table.constraints.push(constraint.clone()),
            Deed::DropConstraint { name, .. } => {
                table.constraints.retain(|own| own.name.as_ref() != Some(name));
            }
            Deed::ValidateConstraint { name, .. } => {
                for own in table.constraints.iter_mut().filter(|own| own.name.as_ref() == Some(name)) {
                    own.validated = true;
                }
            }
            Deed::AlterType { column, to, .. } => alter(table, column, |own| own.ty = Some(to.clone())),
            Deed::SetNotNull { column, .. } => alter(table, column, |own| own.not_null = true),
            Deed::DropNotNull { column, .. } => alter(table, column, |own| own.not_null = false),
            Deed::SetDefault { column, default, .. } => alter(table, column, |own| own.default = *default),
            Deed::Partition { partition: Some(partition), change, .. } => {
                use crate::deed::PartitionChange::{Attach, Detach};
                let parent = table.name.clone();
                let partition = partition.clone();
                if let Some(part) = self.table_mut(&partition) {
                    match change {
                        Attach => part.partition_of = Some(parent),
                        Detach => part.partition_of = None,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn create(&mut self, table: &NewTable, new: bool) {
        // What may have been there already is old, and may have other columns.
        if table.if_not_exists && (self.table(&table.name).is_some()) {
            return;
        }
        // Its namesake in a schema is another one.
        let mut name = table.name.clone();
        if table.temporary && name.schema.is_none() {
            name.schema = Some(TEMPORARY.to_owned());
        }
        let mut constraints = table.constraints.clone();
        constraints.extend(table.columns.iter().filter(|column| column.primary_key).map(|column| {
            Constraint {
                name: None,
                kind: ConstraintKind::PrimaryKey { columns: vec![column.name.clone()], using_index: None },
                validated: true,
            }
        }));
        self.fresh.push(table.name.name.clone());
        self.tables.entry(table.name.name.clone()).or_default().push(Table {
            name,
            new: table.temporary || new && (!table.if_not_exists || self.all_new),
            filled: table.from_query,
            whole: !table.from_query && table.partition_of.is_none(),
            columns: table.columns.clone(),
            new_columns: Vec::new(),
            constraints,
            options: table.options.clone(),
            partition_of: table.partition_of.clone(),
            row_security: false,
        });
    }

    fn remove(&mut self, name: &Name) -> Option<Table> {
        let named = self.tables.get_mut(&name.name)?;
        let at = named.iter().position(|table| table.name.may_be(name))?;
        Some(named.remove(at))
    }
}

fn alter(table: &mut Table, column: &str, change: impl FnOnce(&mut Column)) {
    if let Some(column) = table.columns.iter_mut().find(|own| own.name == column) {
        change(column);
    }
}
