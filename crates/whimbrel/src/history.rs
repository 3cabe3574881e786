//! The history: its rows, their chain, and what they add up to. Builds the statements about the table; runs none.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::detail::Detail;
use crate::dialect::{Dialect, TableName};
use crate::digest::{Chain, Context, Digest, Fields, repeatables_digest};
use crate::driver::{ColumnError, Row};
use crate::migration::{SetName, Version, label};

/// The set's name under which rows stand that concern all sets. No set can have it.
pub(crate) const EVERY_SET: &str = "*";

macro_rules! events {
    ($($(#[$doc:meta])* $event:ident = $word:literal),* $(,)?) => {
        /// What a row of the history says happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum HistoryEvent { $($(#[$doc])* $event),* }

        impl HistoryEvent {
            /// The word in the table.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$event => $word),* }
            }

            fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$event),)* _ => None }
            }
        }
    };
}

events! {
    /// A migration that runs outside a transaction is about to run.
    Begun = "begun",
    /// A statement of it took effect.
    Statement = "statement",
    /// A migration is in force.
    Applied = "applied",
    /// A run is over.
    Finished = "finished",
    /// A statement of a migration that runs outside a transaction failed, and had no effect.
    Failed = "failed",
    /// A way down that runs outside a transaction is about to run.
    Reverting = "reverting",
    /// A migration is no longer in force.
    Reverted = "reverted",
    /// A migration was declared to be in force without being run.
    Baselined = "baselined",
    /// A changed migration's new digest was accepted.
    Accepted = "accepted",
    /// A migration was removed on purpose; its effects stay.
    Tombstone = "tombstone",
    /// A person said how a statement in doubt, or a migration half done, has ended.
    Settled = "settled",
    /// A person has looked at what was wrong with the history.
    Repaired = "repaired",
    /// A statement that had failed, or was settled as not run, is about to be run again.
    Attempt = "attempt",
    /// A backup was made.
    Backup = "backup",
    /// The environment that the database belongs to.
    Environment = "environment",
}

impl fmt::Display for HistoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The columns that the client writes, in the order in which they are hashed, inserted and read.
pub(crate) const COLUMNS: &str =
    "set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, previous, hash";

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    pub(crate) set: String,
    pub(crate) seq: i64,
    pub(crate) event: HistoryEvent,
    pub(crate) version: Option<Version>,
    pub(crate) name: Option<String>,
    pub(crate) digest: Option<Digest>,
    pub(crate) head: Option<Digest>,
    pub(crate) repeatables: Digest,
    pub(crate) below: Option<Version>,
    pub(crate) who: String,
    pub(crate) at: String,
    pub(crate) detail: Detail,
    pub(crate) previous: Option<Digest>,
    pub(crate) hash: Digest,
}

impl HistoryRow {
    /// The set.
    pub fn set(&self) -> &str {
        &self.set
    }

    /// The row's number in its set, from 1 without gaps.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// What happened.
    pub fn event(&self) -> HistoryEvent {
        self.event
    }

    /// The migration's version.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The migration's name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The migration's label, if the row is about one.
    pub fn label(&self) -> Option<String> {
        self.name.as_deref().map(|name| label(self.version, name))
    }

    /// The migration's digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The versioned head after the row; none while work is open.
    pub fn head(&self) -> Option<&Digest> {
        self.head.as_ref()
    }

    /// The digest of the repeatables after the row.
    pub fn repeatables(&self) -> &Digest {
        &self.repeatables
    }

    /// The lowest version that the row changed other than by adding to the end.
    pub fn below(&self) -> Option<Version> {
        self.below
    }

    /// Who and where: `v1 user=… host=… process=… application=… application_version=…`.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// When, by the server's clock, in UTC.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// What else the event needs, as `v1 key=value …`.
    pub fn detail(&self) -> String {
        self.detail.to_string()
    }

    /// The row's hash, over the row before it and every column that the client wrote.
    pub fn hash(&self) -> &Digest {
        &self.hash
    }

    fn computed_hash(&self) -> Digest {
        let version = |version: Option<Version>| version.map(|version| version.to_string());
        Fields::of(Context::HistoryRow)
            .maybe_digest(self.previous.as_ref())
            .text(&self.set)
            .number(self.seq)
            .text(self.event.as_str())
            .maybe(version(self.version).as_deref())
            .maybe(self.name.as_deref())
            .maybe_digest(self.digest.as_ref())
            .maybe_digest(self.head.as_ref())
            .digest_text(&self.repeatables)
            .maybe(version(self.below).as_deref())
            .text(&self.who)
            .text(&self.at)
            .text(&self.detail.to_string())
            .finish()
    }

    fn read(row: &Row) -> Result<Self, RowError> {
        let digest = |column: usize| -> Result<Option<Digest>, RowError> {
            row.read::<Option<String>>(column)?
                .map(|text| text.parse().map_err(|_| RowError::Text))
                .transpose()
        };
        let version = |column: usize| -> Result<Option<Version>, RowError> {
            row.read::<Option<i64>>(column)?
                .map(|number| number.try_into().map_err(|_| RowError::Text))
                .transpose()
        };
        Ok(Self {
            set: row.read(0)?,
            seq: row.read(1)?,
            event: HistoryEvent::parse(&row.read::<String>(2)?).ok_or(RowError::Text)?,
            version: version(3)?,
            name: row.read(4)?,
            digest: digest(5)?,
            head: digest(6)?,
            repeatables: digest(7)?.ok_or(RowError::Text)?,
            below: version(8)?,
            who: row.read(9)?,
            at: row.read(10)?,
            detail: row.read::<String>(11)?.parse().map_err(|_| RowError::Text)?,
            previous: digest(12)?,
            hash: digest(13)?.ok_or(RowError::Text)?,
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error("a column of the history holds a text that this library did not write")]
    Text,
}

/// Where the chain of rows is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRow {
    /// The set.
    pub set: String,
    /// The row.
    pub seq: i64,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for BrokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} of set {}: {}", self.seq, self.set, self.what)
    }
}

/// A migration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InForce {
    pub(crate) digest: Digest,
    pub(crate) formers: Vec<Digest>,
    pub(crate) name: String,
    pub(crate) at: String,
    pub(crate) down: Option<Digest>,
    pub(crate) event: HistoryEvent,
}

/// A repeatable in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepeatableInForce {
    pub(crate) revision: u32,
    pub(crate) digest: Digest,
    pub(crate) at: String,
}

/// Work that was begun and is not known to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenWork {
    pub(crate) version: Option<Version>,
    /// Of a repeatable.
    pub(crate) revision: Option<u32>,
    pub(crate) name: String,
    pub(crate) digest: Digest,
    pub(crate) reverting: bool,
    pub(crate) out_of_order: bool,
    /// The digests of the statements that took effect, in their order.
    pub(crate) statements: Vec<Digest>,
    /// Whether the statement after them is known to have had no effect: it failed, or a person said so.
    pub(crate) next_is_clean: bool,
    /// Whether a person has ended it by hand.
    pub(crate) ended: bool,
    pub(crate) began: String,
    pub(crate) by: String,
}

impl OpenWork {
    pub(crate) fn label(&self) -> String {
        label(self.version, &self.name)
    }
}

/// The history of one set: its rows, and what they add up to.
#[derive(Clone, Debug)]
pub struct SetHistory {
    rows: Vec<HistoryRow>,
    broken: Vec<BrokenRow>,
    pub(crate) in_force: BTreeMap<Version, InForce>,
    pub(crate) removed: BTreeMap<Version, InForce>,
    pub(crate) reverted: BTreeMap<Version, String>,
    pub(crate) repeatables: BTreeMap<String, RepeatableInForce>,
    pub(crate) open: Option<OpenWork>,
    heads: HashMap<Digest, i64>,
    start: Digest,
}

impl SetHistory {
    fn new(set: &str) -> Self {
        Self {
            rows: Vec::new(),
            broken: Vec::new(),
            in_force: BTreeMap::new(),
            removed: BTreeMap::new(),
            reverted: BTreeMap::new(),
            repeatables: BTreeMap::new(),
            open: None,
            heads: HashMap::new(),
            start: Chain::start(set).head(),
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[HistoryRow] {
        &self.rows
    }

    /// The rows whose hash does not fit, and that no one has looked at (a `repaired` row says that someone has).
    pub fn broken(&self) -> &[BrokenRow] {
        &self.broken
    }

    pub(crate) fn last_seq(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.seq)
    }

    pub(crate) fn tip(&self) -> Option<Digest> {
        self.rows.last().map(|row| row.hash)
    }

    /// The versioned head over what is in force. While work is open no row holds it.
    pub(crate) fn head(&self) -> Digest {
        let digests = self.in_force.values().map(|entry| &entry.digest);
        digests.fold(Chain::at(self.start), Chain::push).head()
    }

    pub(crate) fn repeatables_digest(&self) -> Digest {
        repeatables_digest(
            self.repeatables.iter().map(|(name, entry)| (name.as_str(), entry.revision, &entry.digest)),
        )
    }

    /// Whether a head was in force at some time.
    pub(crate) fn had(&self, head: &Digest) -> bool {
        self.heads.contains_key(head)
    }

    /// The digest over all rows as they stand, hashes included: what a `repaired` row vouches for.
    pub(crate) fn content(&self) -> Digest {
        content(&self.rows)
    }

    /// Adds a row that was read, and looks whether it is as it was written.
    fn push_read(&mut self, row: HistoryRow) {
        let expected = self.tip();
        let mut wrong = |what| self.broken.push(BrokenRow { set: row.set.clone(), seq: row.seq, what });
        if row.seq != self.rows.last().map_or(1, |last| last.seq + 1) {
            wrong("a row before it is missing");
        } else if row.previous != expected {
            wrong("it does not follow the row before it, which was changed or replaced");
        } else if row.computed_hash() != row.hash {
            wrong("it was changed after it was written");
        }
        self.push(row);
    }

    fn push(&mut self, row: HistoryRow) {
        self.fold(&row);
        self.rows.push(row);
    }

    fn fold(&mut self, row: &HistoryRow) {
        if let Some(head) = row.head {
            self.heads.insert(head, row.seq);
        }
        let (Some(name), Some(digest)) = (row.name.clone(), row.digest) else {
            if row.event == HistoryEvent::Repaired
                && row.detail.value("content") == Some(&content(&self.rows).to_string())
            {
                self.broken.clear();
            }
            return;
        };
        let in_force = || InForce {
            digest,
            formers: row.detail.values("former").filter_map(|text| text.parse().ok()).collect(),
            name: name.clone(),
            at: row.at.clone(),
            down: row.detail.value("down").and_then(|text| text.parse().ok()),
            event: row.event,
        };
        match (row.event, row.version) {
            (HistoryEvent::Applied | HistoryEvent::Baselined | HistoryEvent::Accepted, Some(version)) => {
                if row.event == HistoryEvent::Applied {
                    self.end(row.version, &name);
                }
                self.reverted.remove(&version);
                self.removed.remove(&version);
                self.in_force.insert(version, in_force());
            }
            (HistoryEvent::Applied, None) => {
                self.end(None, &name);
                let revision = row.detail.value("revision").and_then(|text| text.parse().ok()).unwrap_or(1);
                self.repeatables.insert(name, RepeatableInForce { revision, digest, at: row.at.clone() });
            }
            (HistoryEvent::Reverted, Some(version)) => {
                self.end(row.version, &name);
                self.in_force.remove(&version);
                self.reverted.insert(version, row.at.clone());
            }
            (HistoryEvent::Tombstone, Some(version)) => {
                self.in_force.remove(&version);
                self.removed.insert(version, in_force());
            }
            (HistoryEvent::Begun | HistoryEvent::Reverting, version) => {
                self.open = Some(OpenWork {
                    version,
                    revision: row.detail.value("revision").and_then(|text| text.parse().ok()),
                    name,
                    digest,
                    reverting: row.event == HistoryEvent::Reverting,
                    out_of_order: row.detail.value("order").is_some(),
                    statements: Vec::new(),
                    next_is_clean: false,
                    ended: false,
                    began: row.at.clone(),
                    by: row.who.clone(),
                });
            }
            (HistoryEvent::Statement, _) => {
                if let Some(open) = &mut self.open {
                    open.statements
                        .extend(row.detail.value("text").and_then(|text| text.parse::<Digest>().ok()));
                    open.next_is_clean = false;
                    open.digest = digest;
                }
            }
            (HistoryEvent::Failed, _) => {
                if let Some(open) = &mut self.open {
                    open.next_is_clean = true;
                }
            }
            (HistoryEvent::Attempt, _) => {
                if let Some(open) = &mut self.open {
                    open.next_is_clean = false;
                }
            }
            (HistoryEvent::Settled, _) => self.settle(row),
            _ => {}
        }
    }

    /// Work on this migration is done. What is open on another one stays open: a program that does not know of it may
    /// have written the row.
    fn end(&mut self, version: Option<Version>, name: &str) {
        let done = |open: &OpenWork| open.version == version && (version.is_some() || open.name == name);
        if self.open.as_ref().is_some_and(done) {
            self.open = None;
        }
    }

    fn settle(&mut self, row: &HistoryRow) {
        let Some(open) = &mut self.open else { return };
        match row.detail.value("outcome") {
            Some("took-effect") => {
                open.statements.extend(row.detail.value("text").and_then(|text| text.parse::<Digest>().ok()));
                open.next_is_clean = true;
            }
            Some("did-not") => open.next_is_clean = true,
            Some("applied") => open.ended = true,
            Some("undone") => self.open = None,
            _ => {}
        }
    }
}

fn content(rows: &[HistoryRow]) -> Digest {
    rows.iter()
        .fold(Fields::of(Context::HistoryContent), |fields, row| {
            fields.digest(&row.computed_hash()).digest(&row.hash)
        })
        .finish()
}

/// What the database knows of the sets that were asked for.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Whether the table is there.
    pub(crate) exists: bool,
    /// Tables of the application in a database without a history; at most five are named.
    pub(crate) other_tables: Vec<String>,
    sets: BTreeMap<String, SetHistory>,
}

impl History {
    /// The history of a database in which the table does not exist yet, and these tables do.
    pub fn absent(other_tables: Vec<String>) -> Self {
        Self { exists: false, other_tables, sets: BTreeMap::new() }
    }

    /// The history that these rows, sorted by set and number, add up to.
    pub(crate) fn read(rows: &[Row]) -> Result<Self, RowError> {
        let mut history = Self { exists: true, ..Self::default() };
        for row in rows {
            let row = HistoryRow::read(row)?;
            history.of(&row.set).push_read(row);
        }
        Ok(history)
    }

    /// Adds a row that was just written.
    pub(crate) fn push(&mut self, row: HistoryRow) {
        self.exists = true;
        self.of(&row.set).push(row);
    }

    fn of(&mut self, set: &str) -> &mut SetHistory {
        self.sets.entry(set.to_owned()).or_insert_with(|| SetHistory::new(set))
    }

    /// The history of a set; an empty one if there are no rows.
    pub(crate) fn set(&self, name: &SetName) -> std::borrow::Cow<'_, SetHistory> {
        match self.sets.get(name.as_str()) {
            Some(history) => std::borrow::Cow::Borrowed(history),
            None => std::borrow::Cow::Owned(SetHistory::new(name.as_str())),
        }
    }

    pub(crate) fn rows_of(&self, set: &str) -> Option<&SetHistory> {
        self.sets.get(set)
    }

    /// The sets that have rows.
    pub fn sets(&self) -> impl Iterator<Item = (&str, &SetHistory)> {
        self.sets.iter().map(|(name, history)| (name.as_str(), history))
    }

    /// The environment that the database belongs to, if one was recorded.
    pub fn environment(&self) -> Option<&str> {
        let rows = &self.sets.get(EVERY_SET)?.rows;
        let row = rows.iter().rev().find(|row| row.event == HistoryEvent::Environment)?;
        row.detail.value("name")
    }

    /// The rows whose hash does not fit.
    pub fn broken(&self) -> impl Iterator<Item = &BrokenRow> {
        self.sets.values().flat_map(|set| &set.broken)
    }

    /// Number and hash of the newest row of each of the sets, 0 and none where there is no row.
    pub(crate) fn tail(&self, set: &str) -> (i64, Option<Digest>) {
        self.sets.get(set).map_or((0, None), |history| (history.last_seq(), history.tip()))
    }
}

/// The parts of a row that its writer chooses; number, hash, who and when are added by [`RowWriter`].
#[derive(Clone, Debug)]
pub(crate) struct NewRow {
    pub(crate) set: String,
    pub(crate) event: HistoryEvent,
    pub(crate) version: Option<Version>,
    pub(crate) name: Option<String>,
    pub(crate) digest: Option<Digest>,
    pub(crate) head: Option<Digest>,
    pub(crate) repeatables: Digest,
    pub(crate) below: Option<Version>,
    pub(crate) detail: Detail,
}

/// Numbers, chains and writes rows.
#[derive(Debug)]
pub(crate) struct RowWriter {
    who: String,
    at: String,
    tails: HashMap<String, (i64, Option<Digest>)>,
}

impl RowWriter {
    /// Goes on behind what `history` holds.
    pub(crate) fn new(history: &History, who: String, at: String) -> Self {
        let tails =
            history.sets.iter().map(|(name, set)| (name.clone(), (set.last_seq(), set.tip()))).collect();
        Self { who, at, tails }
    }

    pub(crate) fn row(&mut self, new: NewRow) -> HistoryRow {
        let (seq, tip) = self.tails.entry(new.set.clone()).or_insert((0, None));
        let mut row = HistoryRow {
            set: new.set,
            seq: *seq + 1,
            event: new.event,
            version: new.version,
            name: new.name,
            digest: new.digest,
            head: new.head,
            repeatables: new.repeatables,
            below: new.below,
            who: self.who.clone(),
            at: self.at.clone(),
            detail: new.detail,
            previous: *tip,
            hash: new.repeatables,
        };
        row.hash = row.computed_hash();
        (*seq, *tip) = (row.seq, Some(row.hash));
        row
    }
}

/// How many rows one `INSERT` carries.
const ROWS_PER_INSERT: usize = 100;

/// The statements that insert rows.
pub(crate) fn insert_sql(dialect: &Dialect, table: &TableName, rows: &[HistoryRow]) -> Vec<String> {
    let literal = dialect.literal;
    rows.chunks(ROWS_PER_INSERT)
        .map(|rows| {
            let mut sql = format!("INSERT INTO {} ({COLUMNS}) VALUES", dialect.qualified(table));
            sql.reserve(rows.len() * 1024);
            for (index, row) in rows.iter().enumerate() {
                let mut columns = Columns { sql: &mut sql, literal };
                columns.raw(if index == 0 { " (" } else { ", (" });
                columns.text(Some(&row.set)).number(Some(row.seq)).text(Some(row.event.as_str()));
                columns.number(row.version.map(Version::number)).text(row.name.as_deref());
                columns.digest(row.digest.as_ref()).digest(row.head.as_ref()).digest(Some(&row.repeatables));
                columns.number(row.below.map(Version::number)).text(Some(&row.who)).text(Some(&row.at));
                columns
                    .text(Some(&row.detail.to_string()))
                    .digest(row.previous.as_ref())
                    .digest(Some(&row.hash));
                // The last column has a comma too many.
                sql.truncate(sql.len() - 2);
                sql.push(')');
            }
            sql
        })
        .collect()
}

/// Writes the values of a row, each with a comma behind it.
struct Columns<'s> {
    sql: &'s mut String,
    literal: fn(&str) -> String,
}

impl Columns<'_> {
    fn raw(&mut self, text: &str) -> &mut Self {
        self.sql.push_str(text);
        self
    }

    fn text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.raw("NULL, "),
            // What is plain means itself in every dialect.
            Some(text) if text.bytes().all(is_plain) => self.raw("'").raw(text).raw("', "),
            Some(text) => {
                let literal = (self.literal)(text);
                self.raw(&literal).raw(", ")
            }
        }
    }

    fn number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            None => self.raw("NULL, "),
            Some(number) => self.raw(&number.to_string()).raw(", "),
        }
    }

    fn digest(&mut self, digest: Option<&Digest>) -> &mut Self {
        match digest {
            None => self.raw("NULL, "),
            Some(digest) => {
                let text = digest.text();
                self.raw("'").raw(text.as_str()).raw("', ")
            }
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" _-.:=%*/".contains(&byte)
}

/// Reads the rows of all sets.
pub(crate) fn select_all_sql(dialect: &Dialect, table: &TableName) -> String {
    format!("SELECT {COLUMNS} FROM {} ORDER BY set_name, seq", dialect.qualified(table))
}
