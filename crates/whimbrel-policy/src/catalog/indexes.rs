//! The indexes that scripts have made, found by table and by name. Judges nothing.

use std::collections::{BTreeMap, HashMap};

use crate::deed::{MOST_OF_A_NAME, Name, NewIndex};

/// Up to [`MOST_OF_A_NAME`] of tables of one name; what is beyond is not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexes {
    /// By the names of tables, without their schemas; each with its number.
    of_tables: HashMap<String, Vec<(usize, NewIndex)>>,
    /// By their own names: the numbers, with the names of the tables.
    by_name: HashMap<String, BTreeMap<usize, String>>,
    /// The next number.
    next: usize,
}

impl Indexes {
    /// The one of this name that was made last.
    pub(super) fn last(&self, name: &str) -> Option<&NewIndex> {
        let (number, table) = self.by_name.get(name)?.last_key_value()?;
        let mut of_table = self.of_tables.get(table)?.iter();
        of_table.find(|(own, _)| own == number).map(|(_, index)| index)
    }

    /// Those of a table.
    pub(super) fn of<'a>(&'a self, table: &'a Name) -> impl Iterator<Item = &'a NewIndex> {
        let all = self.of_tables.get(&table.name).into_iter().flatten();
        all.map(|(_, index)| index).filter(|index| index.table.may_be(table))
    }

    pub(super) fn add(&mut self, index: &NewIndex) {
        if index.name.is_some() {
            self.put(self.next, index.clone());
            self.next += 1;
        }
    }

    fn put(&mut self, number: usize, index: NewIndex) {
        let of_table = self.of_tables.entry(index.table.name.clone()).or_default();
        if let Some(name) = index.name.clone().filter(|_| of_table.len() < MOST_OF_A_NAME) {
            self.by_name.entry(name).or_default().insert(number, index.table.name.clone());
            of_table.push((number, index));
        }
    }

    /// Takes out those of tables of this name that are meant.
    fn take(&mut self, table: &str, meant: impl Fn(&NewIndex) -> bool) -> Vec<(usize, NewIndex)> {
        let Some(all) = self.of_tables.get_mut(table) else { return Vec::new() };
        let taken: Vec<_> = all.extract_if(.., |(_, index)| meant(index)).collect();
        for (number, index) in &taken {
            if let Some(named) = index.name.as_ref().and_then(|name| self.by_name.get_mut(name)) {
                named.remove(number);
            }
        }
        taken
    }

    /// Takes out those of this name, of one table or of any.
    fn take_named(&mut self, name: &str, on: Option<&Name>) -> Vec<(usize, NewIndex)> {
        let is_named = |index: &NewIndex| index.name.as_deref() == Some(name);
        // MySQL's indexes have their names within their tables.
        if let Some(on) = on {
            return self.take(&on.name, |index| is_named(index) && index.table.may_be(on));
        }
        let named = self.by_name.get(name).into_iter().flatten().rev().take(MOST_OF_A_NAME);
        let tables: Vec<String> = named.map(|(_, table)| table.clone()).collect();
        tables.iter().flat_map(|table| self.take(table, is_named)).collect()
    }

    pub(super) fn forget_table(&mut self, table: &Name) {
        self.take(&table.name, |index| index.table.may_be(table));
    }

    pub(super) fn forget(&mut self, name: &str, on: Option<&Name>) {
        self.take_named(name, on);
    }

    pub(super) fn rename_table(&mut self, from: &Name, to: &Name) {
        for (number, mut index) in self.take(&from.name, |index| index.table.may_be(from)) {
            index.table.clone_from(to);
            self.put(number, index);
        }
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, on: Option<&Name>) {
        for (number, mut index) in self.take_named(from, on) {
            index.name = Some(to.to_owned());
            self.put(number, index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str, table: &Name) -> NewIndex {
        NewIndex {
            name: Some(name.to_owned()),
            table: table.clone(),
            columns: vec![Some("a".to_owned())],
            unique: false,
            concurrently: false,
            if_not_exists: false,
            partial: false,
            special: None,
        }
    }

    #[test]
    fn indexes_follow_their_tables_and_names() {
        let (t, u) = (Name::bare("t"), Name::within("s", "u"));
        let mut indexes = Indexes::default();
        indexes.add(&index("i", &t));
        indexes.add(&index("j", &t));
        indexes.add(&index("i", &u));
        assert_eq!(indexes.last("i").map(|it| &it.table), Some(&u));
        indexes.rename("i", "k", Some(&t));
        assert_eq!(indexes.last("k").map(|it| &it.table), Some(&t));
        assert_eq!(indexes.last("i").map(|it| &it.table), Some(&u));
        indexes.rename_table(&t, &Name::within("s", "v"));
        assert_eq!(indexes.of(&t).count(), 0);
        assert_eq!(indexes.of(&Name::bare("v")).count(), 2);
        indexes.forget_table(&Name::within("r", "v"));
        assert_eq!(indexes.of(&Name::bare("v")).count(), 2);
        indexes.forget("j", None);
        indexes.forget_table(&Name::bare("v"));
        indexes.forget("i", Some(&t));
        assert!(indexes.last("j").is_none() && indexes.last("k").is_none());
        assert!(indexes.last("i").is_some());
    }

    #[test]
    fn no_more_indexes_of_a_table_are_remembered_than_a_table_has() {
        let (t, mut indexes) = (Name::bare("t"), Indexes::default());
        (0..100).for_each(|number| indexes.add(&index(&format!("i{number}"), &t)));
        assert_eq!(indexes.of(&t).count(), MOST_OF_A_NAME);
        assert!(indexes.last("i99").is_none());
    }
}
