//! What a generated set has made so far, so that most of what comes next can succeed.

use super::chance::Chance;
use super::generated::GeneratedStatement;

/// A table that was made.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// In the other schema or database.
    pub(super) far: bool,
    pub(super) name: &'static str,
    /// Those beside `id`, `n` and `note`.
    pub(super) columns: Vec<String>,
    /// The next `id`.
    pub(super) next: i64,
    /// Whether `id` is its key.
    pub(super) keyed: bool,
    pub(super) indexes: Vec<String>,
    /// Whether a view, a trigger or a reference keeps it from being dropped or renamed.
    pub(super) needed: bool,
    /// Whether it has a trigger.
    pub(super) watched: bool,
    /// How many partitions it has.
    pub(super) partitions: usize,
}

/// Names that are used in both places; the last one has to be quoted.
pub(super) const NAMES: &[&str] = &["items", "users", "logs", "Odd Name"];

/// Writes statements, and keeps track of what they make.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) chance: Chance,
    pub(super) tables: Vec<Table>,
    /// Views, by their place and name.
    pub(super) views: Vec<(bool, String)>,
    /// Where unqualified names are looked for: `true` is the other place.
    pub(super) path: Vec<bool>,
    /// Whether the script is outside transactions.
    pub(super) outside: bool,
    /// Whether the script only changes rows.
    pub(super) data_alone: bool,
    /// Makes names unique.
    pub(super) count: u64,
    pub(super) statements: Vec<GeneratedStatement>,
}

impl Writer {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: Chance::from_seed(seed),
            tables: Vec::new(),
            views: Vec::new(),
            path: vec![false],
            outside: false,
            data_alone: false,
            count: 0,
            statements: Vec::new(),
        }
    }

    /// Begins a script, with a session of its own.
    pub(super) fn begin(&mut self, outside: bool) {
        self.path = vec![false];
        self.outside = outside;
        self.data_alone = false;
        self.statements.clear();
    }

    pub(super) fn say(&mut self, sql: impl Into<String>) {
        self.statements.push(GeneratedStatement::new(sql));
    }

    pub(super) fn push(&mut self, statement: GeneratedStatement) {
        self.statements.push(statement);
    }

    pub(super) fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Where an unqualified name would be made.
    pub(super) fn here(&self) -> bool {
        self.path.first().copied().unwrap_or(false)
    }

    /// A table for which this holds.
    pub(super) fn table(&mut self, fits: impl Fn(&Table) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.tables.len()).filter(|at| fits(&self.tables[*at])).collect();
        if fitting.is_empty() { None } else { Some(*self.chance.one_of(&fitting)) }
    }

    /// A name that no table of this place has.
    pub(super) fn free_name(&mut self, far: bool) -> Option<&'static str> {
        let free: Vec<&'static str> = NAMES
            .iter()
            .copied()
            .filter(|name| !self.tables.iter().any(|table| table.far == far && table.name == *name))
            .collect();
        if free.is_empty() { None } else { Some(*self.chance.one_of(&free)) }
    }

    /// A column that this table does not have, and another one of its name may have.
    pub(super) fn free_column(&self, at: usize) -> String {
        let taken = &self.tables[at].columns;
        let free = (1..).map(|number| format!("c{number}")).find(|column| !taken.contains(column));
        free.unwrap_or_default()
    }

    /// Whether a table is what its unqualified name means.
    pub(super) fn is_met(&self, table: &Table) -> bool {
        let place = self
            .path
            .iter()
            .find(|far| self.tables.iter().any(|other| other.far == **far && other.name == table.name));
        place == Some(&table.far)
    }

    /// Notes a new table.
    pub(super) fn made(&mut self, far: bool, name: &'static str, keyed: bool) -> usize {
        self.tables.push(Table {
            far,
            name,
            columns: Vec::new(),
            next: 1,
            keyed,
            indexes: Vec::new(),
            needed: false,
            watched: false,
            partitions: 0,
        });
        self.tables.len() - 1
    }

    /// `(1, 0, 'near'), (2, …)` for a table's `id`, `n` and `note`.
    pub(super) fn rows(&mut self, at: usize) -> String {
        let count = 1 + self.chance.below(3);
        let rows: Vec<String> = (0..count)
            .map(|_| {
                let id = self.tables[at].next;
                self.tables[at].next += 1;
                let note = self.chance.one_of(&["near", "it''s; far", "-- no comment", "/* neither */", "ü"]);
                format!("({id}, {}, '{note}')", id % 3)
            })
            .collect();
        rows.join(", ")
    }

    /// Where rows of a table are, for a WHERE: all, or one.
    pub(super) fn condition(&mut self, at: usize) -> String {
        match (self.tables[at].next, self.chance.below(2)) {
            (next, 0) if next > 1 => {
                format!(" WHERE id = {}", 1 + self.chance.below(u64::try_from(next - 1).unwrap_or(1)))
            }
            _ => String::new(),
        }
    }
}
