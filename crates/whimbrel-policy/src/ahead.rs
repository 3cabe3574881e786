//! What the statements of a script do, found by name, so that a rule reads none of those behind each statement. Judges
//! nothing.

use std::collections::HashMap;

use crate::deed::{ConstraintKind, Deed, MOST_OF_A_NAME, Name, NameKey, NewIndex, ObjectKind};
use crate::reading::Reading;

/// What a statement may do that rules look ahead for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What<'d> {
    /// An object gets the name, new or renamed.
    Name,
    /// A table gets a primary key.
    PrimaryKey,
    /// A table gets a unique index of this name.
    UniqueIndex(&'d str),
    /// A table gets an index of all its rows that begins with this column.
    IndexFrom(&'d str),
}

/// The statements that do something, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Ahead<'d> {
    /// The last one that does this to what a name means.
    last: HashMap<(What<'d>, NameKey<'d>), usize>,
    /// Those that give a table the name, with the one that it had.
    renamings: HashMap<NameKey<'d>, Vec<(usize, &'d Name)>>,
    /// The unique indexes of a table.
    unique: HashMap<NameKey<'d>, Vec<(usize, &'d NewIndex)>>,
    /// The last one that makes an index of this name, or over these columns.
    index_names: HashMap<&'d str, usize>,
    index_columns: HashMap<&'d [Option<String>], usize>,
}

impl<'d> Ahead<'d> {
    /// Of statements with their numbers, in their order.
    pub(crate) fn of(readings: impl Iterator<Item = (usize, &'d Reading)>) -> Self {
        let mut ahead = Self::default();
        for (number, reading) in readings {
            reading.deeds.iter().for_each(|deed| ahead.add(number, deed));
        }
        ahead
    }

    fn add(&mut self, number: usize, deed: &'d Deed) {
        match deed {
            Deed::CreateView { name, .. }
            | Deed::CreateRoutine { name, .. }
            | Deed::Create { name, .. }
            | Deed::CreateTable(crate::deed::NewTable { name, .. }) => self.does(What::Name, name, number),
            Deed::Rename { kind, from, to, .. } => {
                self.does(What::Name, to, number);
                if *kind == ObjectKind::Table {
                    for key in to.keys() {
                        self.renamings.entry(key).or_default().push((number, from));
                    }
                }
            }
            Deed::AddConstraint { table, constraint }
                if matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }) =>
            {
                self.does(What::PrimaryKey, table, number);
            }
            Deed::AddColumn { table, column } if column.primary_key => {
                self.does(What::PrimaryKey, table, number);
            }
            Deed::CreateIndex(index) => self.index(number, index),
            _ => {}
        }
    }

    fn index(&mut self, number: usize, index: &'d NewIndex) {
        if let Some(name) = &index.name {
            self.index_names.insert(name, number);
        }
        self.index_columns.insert(&index.columns, number);
        if let Some(Some(first)) = index.columns.first().filter(|_| !index.partial) {
            self.does(What::IndexFrom(first), &index.table, number);
        }
        if index.unique {
            if let Some(name) = &index.name {
                self.does(What::UniqueIndex(name), &index.table, number);
            }
            for key in index.table.keys() {
                self.unique.entry(key).or_default().push((number, index));
            }
        }
    }

    fn does(&mut self, what: What<'d>, name: &'d Name, number: usize) {
        for key in name.keys() {
            self.last.insert((what, key), number);
        }
    }
}

/// What a statement does, and those behind it in its script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Onwards<'a> {
    script: &'a Ahead<'a>,
    /// From this statement on.
    from: usize,
    /// The statement itself, where it is read otherwise than in the script.
    own: Option<&'a Ahead<'a>>,
}

impl<'a> Onwards<'a> {
    /// From this statement of the script on.
    pub(crate) fn from(script: &'a Ahead<'a>, statement: usize) -> Self {
        Self { script, from: statement, own: None }
    }

    /// From this statement on, which itself does something else than in the script.
    pub(crate) fn instead(script: &'a Ahead<'a>, statement: usize, own: &'a Ahead<'a>) -> Self {
        Self { script, from: statement + 1, own: Some(own) }
    }

    fn parts(&self) -> impl Iterator<Item = (&'a Ahead<'a>, usize)> + use<'a> {
        self.own.map(|own| (own, 0)).into_iter().chain([(self.script, self.from)])
    }

    fn any_does(&self, what: What<'_>, name: &Name) -> bool {
        self.parts().any(|(ahead, from)| {
            name.found_by().any(|key| ahead.last.get(&(what, key)).is_some_and(|last| *last >= from))
        })
    }

    /// Whether an object gets this name.
    pub(crate) fn gives_name(&self, name: &Name) -> bool {
        self.any_does(What::Name, name)
    }

    /// Whether a table gets a primary key.
    pub(crate) fn gives_primary_key(&self, table: &Name) -> bool {
        self.any_does(What::PrimaryKey, table)
    }

    /// Whether a table gets a unique index of this name.
    pub(crate) fn gives_unique_index(&self, table: &Name, index: &str) -> bool {
        self.any_does(What::UniqueIndex(index), table)
    }

    /// Whether a table gets an index of all its rows that begins with this column.
    pub(crate) fn gives_index_from(&self, table: &Name, column: &str) -> bool {
        self.any_does(What::IndexFrom(column), table)
    }

    /// Whether an index gets this name, or has these columns.
    pub(crate) fn gives_index_like(&self, index: &NewIndex) -> bool {
        self.parts().any(|(ahead, from)| {
            let name = index.name.as_deref().and_then(|name| ahead.index_names.get(name));
            let columns = ahead.index_columns.get(&index.columns[..]);
            name.max(columns).is_some_and(|last| *last >= from)
        })
    }

    /// The names that tables had before they get this one, up to [`MOST_OF_A_NAME`].
    pub(crate) fn renamed_to(&self, table: &Name) -> Vec<&'a Name> {
        self.next_of(table, |ahead| &ahead.renamings)
    }

    /// The unique indexes that a table gets, up to [`MOST_OF_A_NAME`].
    pub(crate) fn unique_indexes(&self, table: &Name) -> Vec<&'a NewIndex> {
        self.next_of(table, |ahead| &ahead.unique)
    }

    fn next_of<T>(&self, name: &Name, list: fn(&'a Ahead<'a>) -> &'a Lists<'a, T>) -> Vec<&'a T> {
        let mut next = Vec::new();
        for (ahead, from) in self.parts() {
            for key in name.found_by() {
                let all = list(ahead).get(&key).map(Vec::as_slice).unwrap_or_default();
                let first = all.partition_point(|(number, _)| *number < from);
                next.extend(all.iter().skip(first).take(MOST_OF_A_NAME).map(|(_, it)| *it));
            }
        }
        next
    }
}

/// What statements do to what a name means, in their order.
type Lists<'d, T> = HashMap<NameKey<'d>, Vec<(usize, &'d T)>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn renaming(from: &str, to: Name) -> Reading {
        Reading::of(vec![Deed::Rename { kind: ObjectKind::Table, from: Name::bare(from), to, on: None }])
    }

    #[test]
    fn what_a_statement_does_and_what_follows_it_counts() {
        let (t, elsewhere) = (Name::within("s", "t"), Name::within("r", "t"));
        let readings =
            [renaming("a", Name::bare("t")), renaming("b", elsewhere.clone()), renaming("c", t.clone())];
        let script = Ahead::of(readings.iter().enumerate());
        let from = |onwards: Onwards<'_>, name: &Name| {
            let mut names: Vec<String> = onwards.renamed_to(name).iter().map(ToString::to_string).collect();
            names.sort();
            assert_eq!(onwards.gives_name(name), !names.is_empty());
            names.concat()
        };
        assert_eq!(from(Onwards::from(&script, 0), &t), "ac");
        assert_eq!(from(Onwards::from(&script, 0), &Name::bare("t")), "abc");
        assert_eq!(from(Onwards::from(&script, 1), &elsewhere), "b");
        assert_eq!(from(Onwards::from(&script, 2), &t), "c");
        assert_eq!(from(Onwards::from(&script, 2), &elsewhere), "");
        let other = renaming("d", t.clone());
        let own = Ahead::of([(0, &other)].into_iter());
        assert_eq!(from(Onwards::instead(&script, 1, &own), &t), "cd");
        assert_eq!(from(Onwards::instead(&script, 2, &own), &t), "d");
    }

    #[test]
    fn so_many_of_a_name_are_looked_at_and_no_more() {
        let readings: Vec<Reading> =
            (0..1_000).map(|at| renaming(&format!("a{at}"), Name::bare("t"))).collect();
        let script = Ahead::of(readings.iter().enumerate());
        let looked_at = Onwards::from(&script, 500).renamed_to(&Name::bare("t"));
        assert_eq!(looked_at.len(), MOST_OF_A_NAME);
        assert_eq!(looked_at.first().map(|name| name.name.as_str()), Some("a500"));
    }
}
