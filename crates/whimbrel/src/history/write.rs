//! How rows are numbered, chained and written, and the statements about them. Runs none.

use std::collections::HashMap;

use super::History;
use super::row::{COLUMNS, HistoryEvent, HistoryRow};
use crate::detail::Detail;
use crate::dialect::{Dialect, TableName};
use crate::digest::Digest;
use crate::migration::Version;

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
    /// An expression for the column `mark`, where the dialect has one: what the next statement would change, as it is.
    pub(crate) mark: Option<String>,
}

/// Numbers, chains and writes rows.
#[derive(Debug)]
pub(crate) struct RowWriter {
    who: String,
    at: String,
    tails: HashMap<String, (i64, Option<Digest>)>,
    /// The plan, if the rows are written down for somebody else to insert.
    script: Option<Digest>,
}

impl RowWriter {
    /// Goes on behind what `history` holds.
    pub(crate) fn new(history: &History, who: String, at: String) -> Self {
        let tails =
            history.sets.iter().map(|(name, set)| (name.clone(), (set.last_seq(), set.tip()))).collect();
        Self { who, at, tails, script: None }
    }

    /// The same, for rows that say that they come from a script: who made it, and when, is what they tell.
    pub(crate) fn for_script(self, plan: Digest) -> Self {
        Self { script: Some(plan), ..self }
    }

    /// Number and hash of a set's newest row.
    pub(crate) fn tail(&self, set: &str) -> (i64, Option<Digest>) {
        self.tails.get(set).copied().unwrap_or((0, None))
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
            detail: new.detail.with_some("script", self.script),
            previous: *tip,
            hash: new.repeatables,
            mark: new.mark,
        };
        row.hash = row.computed_hash();
        (*seq, *tip) = (row.seq, Some(row.hash));
        row
    }
}

/// The statements that insert rows.
pub(crate) fn insert_sql(dialect: &Dialect, table: &TableName, rows: &[HistoryRow]) -> Vec<String> {
    let literal = dialect.literal;
    let guard = dialect.history.guard.map(|guard| guard(table));
    let mark = dialect.effects.is_some();
    let more = match (&guard, mark) {
        (Some(_), true) => ", lk, mark",
        (Some(_), false) => ", lk",
        (None, true) => ", mark",
        (None, false) => "",
    };
    rows.chunks(dialect.history.rows_per_insert.max(1))
        .map(|rows| {
            let mut sql = format!("INSERT INTO {} ({COLUMNS}{more}) VALUES", dialect.qualified(table));
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
                if let Some(guard) = &guard {
                    columns.raw(if index == 0 { guard } else { "1" }).raw(", ");
                }
                if mark {
                    columns.raw(row.mark.as_deref().unwrap_or("NULL")).raw(", ");
                }
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

/// Reads the rows of all sets, and one more than there may be, so that it is seen where there are too many.
pub(crate) fn select_all_sql(dialect: &Dialect, table: &TableName, most: u64) -> String {
    let limit = most.saturating_add(1).min(i64::MAX.unsigned_abs());
    format!("SELECT {COLUMNS} FROM {} ORDER BY set_name, seq LIMIT {limit}", dialect.qualified(table))
}
