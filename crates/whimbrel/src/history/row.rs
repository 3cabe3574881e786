//! One row of the history: its columns, how they are hashed, and how they are read.

use std::fmt;
use std::time::Duration;

use crate::detail::Detail;
use crate::digest::{Context, Digest, Fields};
use crate::driver::{FromValue, Row};
use crate::migration::{Version, label};

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
    /// A migration, or outside transactions a statement of it, failed and had no effect.
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

impl HistoryEvent {
    /// Whether the migration that the row is about has come further by it.
    pub(super) fn is_progress(self) -> bool {
        !matches!(self, Self::Failed | Self::Attempt | Self::Begun | Self::Reverting)
    }
}

impl fmt::Display for HistoryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The columns that the client writes, in the order in which they are hashed, inserted and read.
pub(super) const COLUMNS: &str =
    "set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, previous, hash";

/// The same, by their number.
const NAMES: [&str; 14] = [
    "set_name",
    "seq",
    "event",
    "version",
    "name",
    "digest",
    "head",
    "repeatables",
    "below",
    "who",
    "at",
    "detail",
    "previous",
    "hash",
];

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
    /// While the row is written: the expression for its mark, which is not hashed.
    pub(crate) mark: Option<String>,
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

    /// The values of a key of [`detail`](Self::detail), which `docs/formats.md` lists.
    pub fn detail_values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.detail.values(key)
    }

    /// The value of a key of [`who`](Self::who): `user`, `host`, `process`, `application`, `application_version`.
    pub fn who_value(&self, key: &str) -> Option<String> {
        self.who.parse::<Detail>().ok()?.value(key).map(str::to_owned)
    }

    /// How long migrations took, by their labels; a `finished` row says so.
    pub fn times(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.detail.values("took").filter_map(|took| {
            let (label, micros) = took.rsplit_once(':')?;
            Some((label, Duration::from_micros(micros.parse().ok()?)))
        })
    }

    /// The row's hash, over the row before it and every column that the client wrote.
    pub fn hash(&self) -> &Digest {
        &self.hash
    }

    pub(super) fn computed_hash(&self) -> Digest {
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

    /// Reads a row.
    ///
    /// # Errors
    /// The first column that holds what this library does not write.
    pub(super) fn read(row: &Row) -> Result<Self, Unreadable> {
        let digest = |column: usize| -> Result<Option<Digest>, Unreadable> {
            let text = value::<Option<String>>(row, column)?;
            text.map(|text| text.parse().map_err(|_| unreadable(row, column))).transpose()
        };
        let version = |column: usize| -> Result<Option<Version>, Unreadable> {
            let number = value::<Option<i64>>(row, column)?;
            number.map(|number| number.try_into().map_err(|_| unreadable(row, column))).transpose()
        };
        let must = |column: usize| digest(column)?.ok_or_else(|| unreadable(row, column));
        Ok(Self {
            set: value(row, 0)?,
            seq: value(row, 1)?,
            event: HistoryEvent::parse(&value::<String>(row, 2)?).ok_or_else(|| unreadable(row, 2))?,
            version: version(3)?,
            name: value(row, 4)?,
            digest: digest(5)?,
            head: digest(6)?,
            repeatables: must(7)?,
            below: version(8)?,
            who: value(row, 9)?,
            at: value(row, 10)?,
            detail: value::<String>(row, 11)?.parse().map_err(|_| unreadable(row, 11))?,
            previous: digest(12)?,
            hash: must(13)?,
            mark: None,
        })
    }
}

/// A row with a column that holds what this library does not write.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// None if that is what cannot be read.
    pub(super) set: Option<String>,
    pub(super) seq: Option<i64>,
    pub(super) column: &'static str,
}

fn unreadable(row: &Row, column: usize) -> Unreadable {
    Unreadable {
        set: row.read(0).ok(),
        seq: row.read(1).ok(),
        column: NAMES.get(column).copied().unwrap_or_default(),
    }
}

fn value<T: FromValue>(row: &Row, column: usize) -> Result<T, Unreadable> {
    row.read(column).map_err(|_| unreadable(row, column))
}
