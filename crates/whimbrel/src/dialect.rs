//! What the core has to know about one SQL dialect: plain facts, no behaviour beyond building text.

use std::fmt;

use crate::digest::Digest;
use crate::migration::Version;
use crate::script::{Lexing, Statement};

/// A table of facts about one dialect. A driver has one as a constant.
///
/// The functions in it build SQL from values that are already checked; they hold no state and do no I/O.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The dialect's name, in lower case: also the name of its directory in a set that has one per dialect.
    pub name: &'static str,
    /// How scripts are lexed.
    pub lexing: Lexing,
    /// Quotes an identifier.
    pub identifier: fn(&str) -> String,
    /// Writes a text as a literal that means exactly this text, whatever the session's settings.
    pub literal: fn(&str) -> String,
    /// The schema that the table is in when none was configured, if the dialect wants one named.
    pub default_schema: Option<&'static str>,
    /// How a transaction is begun, committed and rolled back.
    pub transaction: TransactionSql,
    /// The statements about the history table.
    pub history: HistorySql,
    /// What is to be known of single statements. All rules whose pattern fits apply; there may be up to 64.
    pub rules: &'static [Rule],
    /// The session's settings that a script outside a transaction may change, and that are put back after it.
    pub settings: &'static [Setting],
    /// How the enforcement of foreign keys is switched off around a rebuild, where a dialect needs that.
    pub foreign_keys: Option<ForeignKeys>,
    /// Whether `lock_timeout` and `statement_timeout` mean anything.
    pub timeouts: bool,
    /// How much SQL may be under way at once, in bytes.
    pub flight_bytes: usize,
}

/// How transactions are written.
#[derive(Clone, Debug)]
pub struct TransactionSql {
    /// Begins a transaction that holds the database's only write lock from its first moment, so that what is read
    /// in it stays true until the commit. Fails at once with class [`Busy`](crate::ErrorClass::Busy) when somebody
    /// else holds that lock.
    pub begin: &'static str,
    /// Commits.
    pub commit: &'static str,
    /// Rolls back.
    pub rollback: &'static str,
}

/// The statements about the history table.
#[derive(Clone, Debug)]
pub struct HistorySql {
    /// Creates the table and its indexes.
    pub create: fn(&TableName) -> Vec<String>,
    /// The one query of a boot; see [`BootQuery`].
    pub boot: fn(&BootQuery<'_>) -> String,
    /// One row per table or view of the application in the place where the history would be, at most six, and one
    /// for the history table itself: its name, and 1 for the history table, 0 for others.
    pub survey: fn(&TableName) -> String,
    /// An expression for the time as text, in UTC, like `2026-11-22T02:10:04.123Z`.
    pub clock: &'static str,
    /// An expression for the database user, or for NULL.
    pub user: &'static str,
}

/// What the one query of a boot asks, for each set: whether everything of mine is in force, or was, and what was touched
/// since.
///
/// The statement answers at most one row per set, in any order, with the columns
///
/// 1. the set's name,
/// 2. the versioned head of the set's newest row, NULL while work is open,
/// 3. the number of the newest row that has my head, NULL if there is none,
/// 4. the repeatables digest of that row,
/// 5. the number of the newest row that has both my head and my repeatables digest, NULL if there is none, or I have no
///    repeatables,
/// 6. the largest number of a row whose `below` is at or below my last version, NULL if there is none,
/// 7. with an environment, the `detail` of the newest `environment` row of the set `*`; else NULL.
#[derive(Debug)]
pub struct BootQuery<'a> {
    /// The history table.
    pub table: &'a TableName,
    /// The sets, at least one.
    pub sets: &'a [BootSet<'a>],
    /// Whether the environment is asked for.
    pub environment: bool,
}

/// A set, in the one query of a boot.
#[derive(Debug)]
pub struct BootSet<'a> {
    /// Its name.
    pub name: &'a str,
    /// The head that it would have.
    pub head: Digest,
    /// The digest of its repeatables, if it has any.
    pub repeatables: Option<Digest>,
    /// Its last version, 0 if it has none.
    pub last: i64,
}

/// Something to be known of the statements that a pattern fits.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The statement's first words, in upper case. `*` stands for any one token.
    pub begins: &'static [&'static str],
    /// A word that has to stand anywhere in it, in upper case.
    pub holds: Option<&'static str>,
    /// What is so.
    pub fact: Fact,
}

/// What is to be known of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// It cannot run inside a transaction, or does nothing there: the script must say `no-transaction`.
    NeedsNoTransaction,
    /// It behaves otherwise when it shares a transaction with other migrations: its script travels alone.
    TravelsAlone,
    /// From its script on, nothing shares a transaction any more.
    EndsSharing,
    /// Run once more, it has the same effect as run once.
    RunAgain,
    /// Run once more, it fails or has another effect, whatever a wider rule says.
    RunOnce,
    /// It changes the session only: it is run again before a script is resumed behind it.
    Replay,
    /// It leaves something in the session that cannot be brought back: its script is never resumed midway.
    SessionState,
}

/// The facts that hold for a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(u32);

impl Facts {
    pub(crate) fn has(self, fact: Fact) -> bool {
        self.0 & (1 << fact as u32) != 0
    }

    fn add(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u32;
    }

    fn remove(&mut self, fact: Fact) {
        self.0 &= !(1 << fact as u32);
    }
}

impl Dialect {
    /// What is known of a statement, in one pass over its words.
    pub(crate) fn facts(&self, statement: &Statement<'_>) -> Facts {
        // Which rules are still in the running, and which have found the word that they look for: a bit a rule.
        let mut begins: u64 = self.rules.iter().enumerate().fold(0, |bits, (index, _)| bits | 1 << index);
        let mut holds: u64 = 0;
        let mut longest = 0;
        for (at, word) in statement.words().enumerate() {
            longest = at + 1;
            for (index, rule) in self.rules.iter().enumerate() {
                if begins & (1 << index) == 0 {
                    continue;
                }
                if let Some(wanted) = rule.begins.get(at)
                    && *wanted != "*"
                    && !word.is_keyword(wanted)
                {
                    begins &= !(1 << index);
                // Lengths first: nearly all words are told apart by them.
                } else if let Some(wanted) = rule.holds
                    && wanted.len() == word.text.len()
                    && word.is_keyword(wanted)
                {
                    holds |= 1 << index;
                }
            }
            if begins == 0 {
                break;
            }
        }
        let mut facts = Facts::default();
        for (index, rule) in self.rules.iter().enumerate() {
            let fits = begins & (1 << index) != 0 && rule.begins.len() <= longest;
            if fits && (rule.holds.is_none() || holds & (1 << index) != 0) {
                facts.add(rule.fact);
            }
        }
        if facts.has(Fact::RunOnce) {
            facts.remove(Fact::RunAgain);
            facts.remove(Fact::Replay);
        }
        facts
    }

    /// The table's name, quoted and qualified.
    pub(crate) fn qualified(&self, table: &TableName) -> String {
        table.qualified(self.identifier, self.default_schema)
    }
}

/// A setting of the session.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// An expression that reads it as a whole number.
    pub read: &'static str,
    /// The statement that sets it to a value that was read.
    pub write: fn(i64) -> String,
}

/// How the enforcement of foreign keys is switched off around the rebuild of a table.
#[derive(Clone, Copy, Debug)]
pub struct ForeignKeys {
    /// Asks whether they are enforced: one row, 1 or 0.
    pub enforced: &'static str,
    /// Switches enforcement off; before the transaction.
    pub disable: &'static str,
    /// Switches it on again; after the transaction.
    pub enable: &'static str,
    /// Lists the rows that break a foreign key: the table, the row's number, the table referred to.
    pub check: &'static str,
}

/// The history table's name, checked: 1 to 48 of letters, digits and `_`, the first one no digit; perhaps a schema
/// of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    schema: Option<String>,
    name: String,
}

impl TableName {
    /// Checks `table` or `schema.table`.
    ///
    /// ```
    /// use whimbrel::TableName;
    /// assert!(TableName::new("ops.schema_history").is_ok());
    /// assert!(TableName::new("history\"; DROP TABLE users; --").is_err());
    /// ```
    ///
    /// # Errors
    /// A part is empty, too long, or holds another character.
    pub fn new(name: &str) -> Result<Self, TableNameError> {
        let (schema, name) = match name.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, name),
        };
        let good = |part: &str| {
            (1..=48).contains(&part.len())
                && !part.as_bytes()[0].is_ascii_digit()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if !good(name) || !schema.is_none_or(good) {
            return Err(TableNameError);
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }

    /// The schema, if one was named.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The table's name alone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name quoted by `identifier`, with its schema, or else `default_schema`, before it.
    pub fn qualified(&self, identifier: fn(&str) -> String, default_schema: Option<&str>) -> String {
        match self.schema().or(default_schema) {
            Some(schema) => format!("{}.{}", identifier(schema), identifier(&self.name)),
            None => identifier(&self.name),
        }
    }
}

impl Default for TableName {
    fn default() -> Self {
        Self { schema: None, name: "whimbrel_history".to_owned() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A text that cannot be the history table's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name for the history table: use `table` or `schema.table`, each 1 to 48 letters, digits and `_`, the first no digit"
)]
pub struct TableNameError;

/// The bound below which a touched version counts, as the no-op query wants it.
pub(crate) fn last_number(last: Option<Version>) -> i64 {
    last.map_or(0, Version::number)
}
