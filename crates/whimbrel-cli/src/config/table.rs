//! A table of the file while it is read: which keys are in it, and what stands behind them. Gathers what is wrong; knows
//! the list of the keys, and no setting by itself.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::credential;
use super::keys::{self, KEYS, Section};
use super::problem::Problem;
use super::source::SourceText;
use super::text::{REFERENCE, Wrong};
use super::words::{nearest, or};
use crate::settings::{Origin, Setting};

/// The file, and what was found to be wrong with it so far.
pub(super) struct Reader<'t> {
    source: &'t SourceText,
    problems: RefCell<Vec<(usize, Problem)>>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(source: &'t SourceText) -> Self {
        Self { source, problems: RefCell::default() }
    }

    /// The first problem in the order of the file.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let mut problems = self.problems.into_inner();
        let count = problems.len();
        problems.sort_by_key(|(offset, _)| *offset);
        match problems.into_iter().next() {
            None => Ok(()),
            Some((offset, first)) => {
                let first = first.at(self.source.place(&(offset..offset)));
                Err(match count - 1 {
                    0 => first,
                    1 => first.with_note("more", "another key is wrong too"),
                    more => first.with_note("more", format!("{more} other keys are wrong too")),
                })
            }
        }
    }

    pub(super) fn refuse(&self, span: &Range<usize>, problem: Problem) {
        self.problems.borrow_mut().push((span.start, problem));
    }
}

/// A table.
#[derive(Clone, Copy)]
pub(super) struct Table<'t> {
    reader: &'t Reader<'t>,
    entries: &'t DeTable<'t>,
    /// How the table is called in errors. Names that the file chose are not in it.
    name: &'static str,
    /// Where it begins.
    start: usize,
}

/// A key, and what stands behind it.
#[derive(Clone, Copy)]
pub(super) struct Entry<'t> {
    reader: &'t Reader<'t>,
    table: &'static str,
    /// The key, if it is one of ours.
    key: Option<&'static str>,
    key_text: &'t Spanned<DeString<'t>>,
    value: &'t Spanned<DeValue<'t>>,
}

impl<'t> Table<'t> {
    /// The file itself.
    pub(super) fn top(reader: &'t Reader<'t>, entries: &'t DeTable<'t>) -> Self {
        let table = Self { reader, entries, name: "", start: 0 };
        table.check_keys(Section::Top);
        table
    }

    /// Refuses keys that are not in the list.
    fn check_keys(&self, section: Section) {
        for entry in self.entries() {
            let key = entry.key_text();
            if keys::of(section).any(|own| own.name == key) {
                continue;
            }
            entry.refuse_key(self.unknown(section, key));
        }
    }

    fn unknown(&self, section: Section, key: &str) -> Problem {
        if let Some(own) = KEYS.iter().find(|own| own.name == key && own.section != Section::Approvals) {
            let (name, place) = (own.name, own.section.place());
            let as_what = match own.kind == keys::REFERENCE {
                true => format!(", as {REFERENCE}"),
                false => String::new(),
            };
            return Problem::new(format!("the key `{name}` cannot stand here"))
                .with_next(format!("its place: {place}{as_what}"));
        }
        let near = nearest(key, keys::of(section).map(|key| key.name));
        let of = if self.name.is_empty() { String::new() } else { format!(" in `{}`", self.name) };
        if let Some(known) = credential::key(key) {
            return Problem::new(format!(
                "there is no key `{known}`{of}: no part of a credential stands in this file"
            ))
            .with_next(credential::ELSEWHERE);
        }
        let problem = Problem::new(format!("there is no such key{of}"));
        match near {
            Some(near) => problem.with_next(format!("did you mean `{near}`?")),
            None => {
                problem.with_next(format!("the keys here: {}", or(keys::of(section).map(|key| key.name))))
            }
        }
    }

    /// Notes that the table as a whole is wrong.
    pub(super) fn refuse(&self, problem: Problem) {
        self.reader.refuse(&(self.start..self.start), problem);
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'t>> + use<'t> {
        let (reader, table) = (self.reader, self.name);
        self.entries.iter().map(move |(key_text, value)| Entry { reader, table, key: None, key_text, value })
    }

    /// What stands behind a key of the list.
    pub(super) fn entry(&self, name: &'static str) -> Option<Entry<'t>> {
        debug_assert!(KEYS.iter().any(|key| key.name == name), "{name} is not in the list of keys");
        let found = self.entries().find(|entry| entry.key_text() == name)?;
        Some(Entry { key: Some(name), ..found })
    }

    /// The text behind a key, read.
    pub(super) fn text<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<Setting<T>> {
        self.entry(name)?.text(read)
    }

    /// The `true` or `false` behind a key.
    pub(super) fn switch(&self, name: &'static str) -> Option<Setting<bool>> {
        let entry = self.entry(name)?;
        match entry.value().as_bool() {
            Some(value) => Some(entry.setting(value)),
            None => entry.refuse(Wrong::expected("`true` or `false`, without quotes")),
        }
    }

    /// The number behind a key, from 1.
    pub(super) fn count(&self, name: &'static str) -> Option<Setting<usize>> {
        let entry = self.entry(name)?;
        match entry.number() {
            Some(number) if (1..=1000).contains(&number) => Some(entry.setting(number as usize)),
            _ => entry.refuse(Wrong::expected("a number from 1 to 1000")),
        }
    }

    /// The amount behind a key, from 1.
    pub(super) fn amount(&self, name: &'static str) -> Option<Setting<u64>> {
        let entry = self.entry(name)?;
        match entry.number() {
            Some(number) if number >= 1 => Some(entry.setting(u64::from(number))),
            _ => entry.refuse(Wrong::expected("a number from 1 to 4294967295")),
        }
    }

    /// The table behind a key, with keys of the list.
    pub(super) fn table(&self, name: &'static str, full: &'static str, section: Section) -> Option<Self> {
        self.entry(name)?.table(full, section)
    }

    /// The entries of the table behind a key, whose keys the file chooses; `full` is what each is called.
    pub(super) fn map(
        &self,
        name: &'static str,
        full: &'static str,
    ) -> impl Iterator<Item = Entry<'t>> + use<'t> {
        let table = self.entry(name).and_then(|entry| entry.free_table(full));
        table.into_iter().flat_map(|table| table.entries())
    }
}

impl<'t> Entry<'t> {
    /// The key as the file has it. Not to be shown.
    pub(super) fn key_text(&self) -> &'t str {
        self.key_text.get_ref()
    }

    pub(super) fn value(&self) -> &'t DeValue<'t> {
        self.value.get_ref()
    }

    /// The value, with where it stands.
    pub(super) fn setting<T>(&self, value: T) -> Setting<T> {
        let source = self.reader.source;
        let (path, line) = (source.shown().to_owned(), source.line(self.key_text.span().start));
        Setting::new(value, Origin::File { path, line })
    }

    /// The dotted key, as errors have it.
    fn name(&self) -> String {
        match self.key {
            Some(key) if self.table.is_empty() => key.to_owned(),
            Some(key) => format!("{}.{key}", self.table),
            None => self.table.to_owned(),
        }
    }

    /// Notes that the value is wrong.
    pub(super) fn refuse<T>(&self, wrong: Wrong) -> Option<T> {
        let example =
            self.key.and_then(|name| KEYS.iter().find(|key| key.name == name)).map(|key| key.example);
        let wrong = match (&wrong.next, example) {
            (None, Some(example)) => wrong.with_next(format!("write it as in this example: `{example}`")),
            _ => wrong,
        };
        self.reader.refuse(&self.value.span(), wrong.of(self.name()));
        None
    }

    /// Notes that the key is wrong.
    pub(super) fn refuse_key(&self, problem: Problem) {
        self.reader.refuse(&self.key_text.span(), problem);
    }

    /// Notes that the key, which the file chose, is wrong.
    pub(super) fn refuse_name<T>(&self, wrong: Wrong) -> Option<T> {
        self.refuse_key(wrong.of(self.name()));
        None
    }

    /// The text, read.
    pub(super) fn text<T>(&self, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<Setting<T>> {
        let Some(text) = self.value().as_str() else {
            return self.refuse(Wrong::expected("a text in quotes"));
        };
        match read(text) {
            Ok(value) => Some(self.setting(value)),
            Err(wrong) => self.refuse(wrong),
        }
    }

    /// The whole number.
    pub(super) fn number(&self) -> Option<u32> {
        let number = self.value().as_integer()?;
        u32::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// The table with keys of the list.
    pub(super) fn table(&self, full: &'static str, section: Section) -> Option<Table<'t>> {
        let table = self.free_table(full)?;
        table.check_keys(section);
        Some(table)
    }

    /// The table with keys that the file chooses.
    pub(super) fn free_table(&self, full: &'static str) -> Option<Table<'t>> {
        match self.value().as_table() {
            Some(entries) => {
                Some(Table { reader: self.reader, entries, name: full, start: self.key_text.span().start })
            }
            None => self.refuse(Wrong::expected("a table")),
        }
    }
}
