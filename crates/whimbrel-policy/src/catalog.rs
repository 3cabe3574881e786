//! What the scripts so far have made, as far as their text tells. Reads deeds; judges nothing.

mod indexes;
mod table;

use std::collections::HashMap;

use crate::deed::{Deed, MOST_OF_A_NAME, Name, NewIndex, NewTable, ObjectKind, PartitionChange};

use self::indexes::Indexes;
pub(crate) use self::table::Table;

/// Tables and indexes that earlier scripts have made, and which of them this run has.
///
/// It is no schema: what the scripts do not tell (steps in Rust, blocks, what was there before the first migration) is
/// not in it, and rules must not conclude anything from a table's absence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    /// Up to [`MOST_OF_A_NAME`] of a name.
    tables: HashMap<String, Vec<Table>>,
    indexes: Indexes,
    all_new: bool,
    /// Views, types, functions and the like that this run has made.
    made: HashMap<String, Vec<Name>>,
    /// The names of tables of which something is new, so that settling costs no more than what was done.
    fresh: Vec<String>,
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
        self.indexes.last(name)
    }

    /// The indexes of a table.
    pub(crate) fn indexes_of<'a>(&'a self, table: &'a Name) -> impl Iterator<Item = &'a NewIndex> {
        self.indexes.of(table)
    }

    /// Whether this run has made a table, so that nobody uses it yet.
    pub(crate) fn is_new(&self, name: &Name) -> bool {
        self.table(name)
            .map_or(self.all_new, |table| table.new && (self.all_new || table.name.is_surely(name)))
    }

    /// Whether this run has made a view, a type, a function or the like.
    pub(crate) fn made(&self, name: &Name) -> bool {
        self.all_new
            || self.made.get(&name.name).is_some_and(|named| named.iter().any(|made| made.is_surely(name)))
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
                    self.make(name);
                }
            }
            Deed::CreateRoutine { name, replaces: false, .. } | Deed::Create { name, .. } if new => {
                self.make(name);
            }
            Deed::Drop { kind: ObjectKind::Table | ObjectKind::MaterializedView, names, .. } => {
                for name in names {
                    self.remove(name);
                    self.indexes.forget_table(name);
                }
            }
            Deed::Drop { kind: ObjectKind::Index, names, on, .. } => {
                names.iter().for_each(|name| self.indexes.forget(&name.name, on.as_ref()));
            }
            Deed::Rename { kind: ObjectKind::Table, from, to, .. } => {
                if let Some(mut table) = self.remove(from) {
                    self.indexes.rename_table(from, to);
                    table.name.clone_from(to);
                    self.fresh.push(to.name.clone());
                    self.put(table);
                }
            }
            Deed::Rename { kind: ObjectKind::Index, from, to, on } => {
                self.indexes.rename(&from.name, &to.name, on.as_ref());
            }
            Deed::CreateIndex(index) => self.indexes.add(index),
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

    fn make(&mut self, name: &Name) {
        let named = self.made.entry(name.name.clone()).or_default();
        if named.len() < MOST_OF_A_NAME {
            named.push(name.clone());
        }
    }

    fn learn_of_table(&mut self, deed: &Deed, new: bool) {
        if let (true, [name]) = (new, &deed.tables()[..]) {
            self.fresh.push(name.name.clone());
        }
        let [name] = deed.tables()[..] else { return };
        let Some(table) = self.table_mut(name) else { return };
        let parent = table.name.clone();
        table.learn(deed, new);
        if let Deed::Partition { partition: Some(partition), change, .. } = deed
            && let Some(part) = self.table_mut(partition)
        {
            match change {
                PartitionChange::Attach => part.partition_of = Some(parent),
                PartitionChange::Detach => part.partition_of = None,
                _ => {}
            }
        }
    }

    fn create(&mut self, table: &NewTable, new: bool) {
        // What may have been there already is old, and may have other columns.
        if table.if_not_exists && (self.table(&table.name).is_some()) {
            return;
        }
        self.fresh.push(table.name.name.clone());
        let new = table.temporary || new && (!table.if_not_exists || self.all_new);
        self.put(Table { new, ..Table::of(table) });
    }

    fn put(&mut self, table: Table) {
        let named = self.tables.entry(table.name.name.clone()).or_default();
        if named.len() < MOST_OF_A_NAME {
            named.push(table);
        }
    }

    fn remove(&mut self, name: &Name) -> Option<Table> {
        let named = self.tables.get_mut(&name.name)?;
        let at = named.iter().position(|table| table.name.may_be(name))?;
        Some(named.remove(at))
    }
}
