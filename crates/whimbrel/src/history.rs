//! The history: what its rows add up to. Decides nothing, and runs nothing.

mod row;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use self::row::Unreadable;
pub use self::row::{HistoryEvent, HistoryRow};
pub(crate) use self::write::{NewRow, RowWriter, insert_sql, select_all_sql};

use crate::dialect::Dialect;
use crate::digest::{Chain, Context, Digest, Fields, repeatables_digest};
use crate::driver::Row;
use crate::finding::{Finding, FindingKind};
use crate::migration::{Migration, SetName, Version, label};
use crate::predecessor::Predecessor;
use crate::prepare::statement_digest;
use crate::script::Script;

/// The set's name under which rows stand that concern all sets. No set can have it.
pub(crate) const EVERY_SET: &str = "*";

/// Where the chain of rows is broken, or a row cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BrokenRow {
    /// The set; `*` for rows that concern all sets.
    pub set: String,
    /// The row.
    pub seq: i64,
    /// What is wrong with it.
    pub what: &'static str,
    /// The column that holds what this library does not write. Such a row is not among
    /// [`SetHistory::rows`], and no repair vouches for it: the column has to be put back.
    pub column: Option<&'static str>,
}

impl BrokenRow {
    /// The wrong thing, without the row's name.
    pub fn wrong(&self) -> String {
        match self.column {
            Some(column) => format!("{} `{column}`", self.what),
            None => self.what.to_owned(),
        }
    }

    /// The reason to refuse that this is, for a set.
    pub fn finding(&self, set: &SetName) -> Finding {
        let of = if self.set == EVERY_SET { " of all sets" } else { "" };
        let next = match self.column {
            Some(_) => {
                "put back what stood there, from a backup of the table; or run a newer version, if one has written the row"
            }
            None => "find out who did it, then `repair` with a reason",
        };
        let message = format!("{}: {next}", self.wrong());
        Finding::new(FindingKind::History, set, format!("row {}{of}", self.seq), message)
    }
}

impl fmt::Display for BrokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.set.as_str() {
            EVERY_SET => write!(f, "row {} of all sets: {}", self.seq, self.wrong()),
            set => write!(f, "row {} of set {set}: {}", self.seq, self.wrong()),
        }
    }
}

/// What is wrong with a row that cannot be read; its column's name follows.
const UNREADABLE: &str = "it cannot be read, since this version does not write what stands in its column";

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
    /// Of the script as it was when the next statement was announced.
    pub(crate) digest: Digest,
    pub(crate) reverting: bool,
    pub(crate) out_of_order: bool,
    /// The digests of the statements that took effect, in their order.
    pub(crate) statements: Vec<Digest>,
    /// Whether the statement after them is known to have had no effect: it failed, or a person said so.
    pub(crate) next_is_clean: bool,
    /// Whether the transaction in which it ran was ended by one of its statements: what of it was kept is not known.
    pub(crate) broken: bool,
    /// Whether a person has ended it by hand.
    pub(crate) ended: bool,
    pub(crate) began: String,
    pub(crate) by: String,
    /// The row that was written before the next statement, and holds its mark.
    pub(crate) intent: i64,
    /// The server that the one who wrote it was connected to, and when it was started.
    pub(crate) server: Option<String>,
    /// Whether its rows say where their statements run: those of older programs do not.
    pub(crate) placed: bool,
    /// Whether that is another server than the one that was asked, where it was looked at: somebody may be at work there,
    /// whom no lock of this one shows.
    pub(crate) elsewhere: bool,
    /// What the database shows of the next statement, where it was looked at.
    pub(crate) evidence: Option<Evidence>,
    /// Where the script was, and where a new session would go on with it, where these are two places.
    pub(crate) moved: Option<(String, String)>,
    /// Whether a routine that its statements have run may have left something in a session that is gone, and that the rest needs.
    pub(crate) missed: bool,
    /// The statements that drop what the next statement has left.
    pub(crate) leftovers: Vec<String>,
}

/// What stands before the server's text in a row whose mark says where the statement runs. Older programs take the text for
/// that of another server, and conclude nothing from marks that they cannot read.
const PLACED: &str = "v2: ";

/// The text of a server, as it stands in a row that says where its statement runs.
pub(crate) fn placed_server(server: &str) -> String {
    format!("{PLACED}{server}")
}

/// The server in a row, and whether the row says where its statement runs.
fn server_of(row: &HistoryRow) -> Option<(String, bool)> {
    let text = row.detail.value("server")?;
    Some(match text.strip_prefix(PLACED) {
        Some(server) => (server.to_owned(), true),
        None => (text.to_owned(), false),
    })
}

/// What the database shows of a statement that was begun, and of which no row says how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// It took effect.
    TookEffect,
    /// It had no effect.
    DidNot,
    /// It had no effect without its row, and would have none.
    Whole,
    /// It left something invalid, which has to be dropped before it is run again.
    Invalid,
    /// Nobody can tell.
    Unknown,
}

impl OpenWork {
    fn is_about(&self, version: Option<Version>, name: &str) -> bool {
        self.version == version && (version.is_some() || self.name == name)
    }

    pub(crate) fn label(&self) -> String {
        label(self.version, &self.name)
    }
}

/// How often a migration has failed in a row, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failures {
    digest: Digest,
    pub(crate) count: u32,
    /// When it failed last, by the server's clock.
    pub(crate) last: String,
}

/// The word in the detail of a `failed` row for a failure that the migration is not to blame for.
pub(crate) const BUSY: &str = "busy";

/// The word in the detail of a `statement` row for a next statement that was not sent together with it.
pub(crate) const UNSENT: &str = "unsent";

/// The word in the detail of an `attempt` row for a transaction that was ended by one of its statements.
pub(crate) const ENDED: &str = "ended";

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
    /// The migrations that have failed since they were last changed, applied or settled.
    failures: HashMap<(Option<Version>, String), Failures>,
    heads: HashMap<Digest, i64>,
    start: Digest,
    /// The number of the newest row, where that is one that cannot be read.
    unreadable_tip: Option<i64>,
    /// What of [`content`](Self::content) was hashed so far, and of how many rows: any row may ask for it.
    hashed: Option<(usize, Fields)>,
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
            failures: HashMap::new(),
            heads: HashMap::new(),
            start: Chain::start(set).head(),
            unreadable_tip: None,
            hashed: None,
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[HistoryRow] {
        &self.rows
    }

    /// The versions that are in force, and their labels.
    pub fn in_force(&self) -> impl Iterator<Item = (Version, String)> {
        self.in_force.iter().map(|(version, entry)| (*version, label(Some(*version), &entry.name)))
    }

    /// Whether the statements of a migration that took effect, where it was begun outside a transaction and is not known to be
    /// done, are still the first ones of its script.
    pub fn still_begins(&self, migration: &Migration, dialect: &Dialect) -> bool {
        let Some(open) = &self.open else { return true };
        if !open.is_about(migration.version(), migration.name()) || open.ended {
            return true;
        }
        let file = if open.reverting { migration.down() } else { Some(migration.up()) };
        if open.statements.is_empty() {
            return true;
        }
        let Some(text) = file.map(|file| file.text()).filter(|text| Script::is_sound(text, &dialect.lexing))
        else {
            return false;
        };
        let digests = Script::stream(text, &dialect.lexing).map(|statement| statement_digest(&statement));
        digests.take(open.statements.len()).eq(open.statements.iter().copied())
    }

    /// The rows whose hash does not fit, and that no one has looked at (a `repaired` row says that someone has); and those
    /// that cannot be read.
    pub fn broken(&self) -> &[BrokenRow] {
        &self.broken
    }

    /// Whether nothing was ever applied, declared or begun: whatever was tried has failed.
    pub(crate) fn is_blank(&self) -> bool {
        use HistoryEvent::{Backup, Environment, Failed};
        self.rows.iter().all(|row| matches!(row.event, Failed | Backup | Environment))
            && self.open.is_none()
            && self.broken.iter().all(|row| row.column.is_none())
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

    /// The same, hashed on from where it was asked for last.
    fn content_so_far(&mut self) -> Digest {
        let (rows, fields) = self.hashed.take().unwrap_or_else(|| (0, Fields::of(Context::HistoryContent)));
        let fields = add_content(fields, self.rows.get(rows..).unwrap_or_default());
        let digest = fields.clone().finish();
        self.hashed = Some((self.rows.len(), fields));
        digest
    }

    /// Adds a row that was read, and looks whether it is as it was written.
    fn push_read(&mut self, row: HistoryRow) {
        let expected = self.tip();
        let unread = self.unreadable_tip.take();
        let next = unread.or_else(|| self.rows.last().map(|last| last.seq)).map_or(1, |seq| seq + 1);
        let mut wrong =
            |what| self.broken.push(BrokenRow { set: row.set.clone(), seq: row.seq, what, column: None });
        if row.seq != next {
            wrong("a row before it is missing");
        } else if row.previous != expected && unread.is_none() {
            wrong("it does not follow the row before it, which was changed or replaced");
        } else if row.computed_hash() != row.hash {
            wrong("it was changed after it was written");
        }
        self.push(row);
    }

    /// Adds a row that cannot be read. What it says does not count.
    fn push_unreadable(&mut self, set: &str, row: &Unreadable) {
        let last = self.unreadable_tip.unwrap_or_else(|| self.last_seq());
        let seq = row.seq.unwrap_or(last + 1);
        let column = Some(row.column);
        self.broken.push(BrokenRow { set: set.to_owned(), seq, what: UNREADABLE, column });
        self.unreadable_tip = Some(seq);
    }

    fn push(&mut self, row: HistoryRow) {
        self.fold(&row);
        self.rows.push(row);
    }

    fn count_failure(&mut self, row: &HistoryRow, name: String, digest: Digest) {
        if row.detail.value("because") == Some(BUSY) {
            return;
        }
        let last = row.at.clone();
        let failures = self.failures.entry((row.version, name)).or_insert(Failures {
            digest,
            count: 0,
            last: String::new(),
        });
        let before = if failures.digest == digest { failures.count } else { 0 };
        *failures = Failures { digest, count: before.saturating_add(1), last };
    }

    /// How often a migration with this digest has failed in a row.
    pub(crate) fn failures(
        &self,
        version: Option<Version>,
        name: &str,
        digest: &Digest,
    ) -> Option<&Failures> {
        if self.failures.is_empty() {
            return None;
        }
        self.failures.get(&(version, name.to_owned())).filter(|failures| failures.digest == *digest)
    }

    fn fold(&mut self, row: &HistoryRow) {
        if let Some(head) = row.head {
            self.heads.insert(head, row.seq);
        }
        let (Some(name), Some(digest)) = (row.name.clone(), row.digest) else {
            if row.event == HistoryEvent::Repaired
                && let Some(content) = row.detail.value("content")
                && content == self.content_so_far().to_string()
            {
                self.broken.retain(|row| row.column.is_some());
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
        if row.event.is_progress() {
            self.failures.remove(&(row.version, name.clone()));
        }
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
                let server = server_of(row);
                self.open = Some(OpenWork {
                    version,
                    revision: row.detail.value("revision").and_then(|text| text.parse().ok()),
                    name,
                    digest,
                    reverting: row.event == HistoryEvent::Reverting,
                    out_of_order: row.detail.value("order").is_some(),
                    statements: Vec::new(),
                    next_is_clean: false,
                    broken: false,
                    ended: false,
                    began: row.at.clone(),
                    by: row.who.clone(),
                    intent: row.seq,
                    placed: server.as_ref().is_some_and(|(_, placed)| *placed),
                    server: server.map(|(server, _)| server),
                    elsewhere: false,
                    evidence: None,
                    moved: None,
                    missed: false,
                    leftovers: Vec::new(),
                });
            }
            (HistoryEvent::Statement, _) => {
                if let Some(open) = &mut self.open {
                    open.statements
                        .extend(row.detail.value("text").and_then(|text| text.parse::<Digest>().ok()));
                    // Where it says so, the next one was not announced yet: another row comes before it.
                    open.next_is_clean = row.detail.value("next") == Some(UNSENT);
                    open.digest = digest;
                    open.intent = row.seq;
                }
            }
            (HistoryEvent::Failed, version) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.is_about(version, &name)) {
                    open.next_is_clean = true;
                }
                self.count_failure(row, name, digest);
            }
            (HistoryEvent::Attempt, _) => {
                if let Some(open) = &mut self.open {
                    open.next_is_clean = false;
                    open.broken = row.detail.value("transaction") == Some(ENDED);
                    open.digest = digest;
                    open.intent = row.seq;
                    if let Some((server, placed)) = server_of(row) {
                        (open.server, open.placed) = (Some(server), placed);
                    }
                }
            }
            (HistoryEvent::Settled, _) => self.settle(row),
            _ => {}
        }
    }

    /// Work on this migration is done. What is open on another one stays open: a program that does not know of it may
    /// have written the row.
    fn end(&mut self, version: Option<Version>, name: &str) {
        if self.open.as_ref().is_some_and(|open| open.is_about(version, name)) {
            self.open = None;
        }
    }

    fn settle(&mut self, row: &HistoryRow) {
        let Some(open) = &mut self.open else { return };
        open.broken = false;
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
    add_content(Fields::of(Context::HistoryContent), rows).finish()
}

fn add_content(fields: Fields, rows: &[HistoryRow]) -> Fields {
    rows.iter().fold(fields, |fields, row| fields.digest(&row.computed_hash()).digest(&row.hash))
}

/// What the database knows of the sets that were asked for.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Whether the table is there.
    pub(crate) exists: bool,
    /// Tables of the application in a database without a history; not all are named.
    pub(crate) other_tables: Vec<String>,
    /// Those among them in which another tool notes what it has applied.
    pub(crate) predecessors: Vec<Predecessor>,
    /// The names, in lower case, of those that a set without rows would make.
    pub(crate) made: BTreeSet<String>,
    /// Schemas in which a history was found that is not the one meant, where none was.
    pub(crate) elsewhere: Vec<String>,
    /// Schemas in which the connection looks first, and that it may not use.
    pub(crate) unusable: Vec<String>,
    sets: BTreeMap<String, SetHistory>,
}

impl History {
    /// The history of a database in which the table does not exist yet, and these tables do.
    pub fn absent(other_tables: Vec<String>) -> Self {
        Self { other_tables, ..Self::default() }
    }

    /// The history that these rows, sorted by set and number, add up to.
    ///
    /// Each row is given up once it was taken in: of a large history nothing is in memory twice.
    pub(crate) fn read(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut history = Self { exists: true, ..Self::default() };
        for row in rows {
            match HistoryRow::read(&row) {
                Ok(row) => history.of(&row.set).push_read(row),
                Err(row) => {
                    let set = row.set.as_deref().unwrap_or(EVERY_SET);
                    history.of(set).push_unreadable(set, &row);
                }
            }
        }
        history
    }

    /// Whether the table is there, with or without rows.
    pub fn exists(&self) -> bool {
        self.exists
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

    /// Whether nothing was ever applied, declared or begun, in whatever set.
    pub(crate) fn is_blank(&self) -> bool {
        self.sets.values().all(SetHistory::is_blank)
    }

    /// Whether work is open that was begun on another server, and may go on there.
    pub(crate) fn is_open_elsewhere(&self) -> bool {
        let open = self.sets.values().filter_map(|set| set.open.as_ref());
        open.into_iter().any(|open| open.elsewhere)
    }

    /// A set's open work, to take note of what the database shows of it.
    pub(crate) fn witness(&mut self, set: &SetName) -> Option<&mut OpenWork> {
        self.sets.get_mut(set.as_str()).and_then(|set| set.open.as_mut())
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.sets.values().map(|set| set.rows.len()).sum()
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

    /// The rows whose hash does not fit, or that cannot be read.
    pub fn broken(&self) -> impl Iterator<Item = &BrokenRow> {
        self.sets.values().flat_map(|set| &set.broken)
    }

    /// Number and hash of the newest row of each of the sets, 0 and none where there is no row.
    pub(crate) fn tail(&self, set: &str) -> (i64, Option<Digest>) {
        self.sets.get(set).map_or((0, None), |history| (history.last_seq(), history.tip()))
    }
}
