//! What the core has to know about one SQL dialect: plain facts, no behaviour beyond building text.

mod dropped_table;
mod rule;
mod table_name;

use std::time::Duration;

pub use self::dropped_table::DroppedTable;
pub(crate) use self::rule::Facts;
pub use self::rule::{Fact, Rule};
pub use self::table_name::{TableName, TableNameError};
use crate::digest::Digest;
use crate::effect::Effect;
use crate::migration::Version;
use crate::preflight::{PreflightSql, Transport};
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
    /// Writes a text in quotes, and nothing else, for placeholders in scripts: some statements take no other form.
    pub quoted: fn(&str) -> String,
    /// The schema that the table is in when none was configured, if the dialect wants one named.
    pub default_schema: Option<&'static str>,
    /// How a transaction is begun, committed and rolled back.
    pub transaction: TransactionSql,
    /// How migrators are kept apart, where beginning a transaction does not do it.
    pub lock: Option<LockSql>,
    /// How whole transactions are sent without waiting for answers, where the database's protocol allows it.
    pub flight: Option<FlightSql>,
    /// An expression for the server's version, as a text that begins with its numbers.
    pub version: Option<&'static str>,
    /// Queries for the sessions that hold locks on tables, the longest transaction first: each row has a text that names the
    /// session, and the table's name, if that is known. The next one is asked where one fails or answers nothing.
    pub blockers: &'static [&'static str],
    /// The statements about the history table.
    pub history: HistorySql,
    /// What is to be known of single statements. All rules whose pattern fits apply.
    pub rules: &'static [Rule],
    /// The session's settings that a script may change, and that are put back after it.
    pub settings: SettingsSql,
    /// What a statement that no transaction protects leaves behind, so that after a crash it can be told whether it took
    /// effect.
    pub effects: Option<EffectSql>,
    /// How the enforcement of foreign keys is switched off around a rebuild, where a dialect needs that.
    pub foreign_keys: Option<ForeignKeys>,
    /// Makes quotes and backslashes be read as [`lexing`](Dialect::lexing) says, right before a statement into which something
    /// is filled: a routine or a trigger may have changed that since the script began. It is read alike however texts are.
    pub pin: Option<&'static str>,
    /// A query that lists, a text per row, what is dangerous about the connection's settings, where that is not refused.
    pub hazards: Option<&'static str>,
    /// How `lock_timeout` and `statement_timeout` are set, where they mean anything.
    pub timeouts: Option<fn(&Timeouts) -> String>,
    /// Lifts a limit of this length on waiting for locks for the rest of the session, if it is the one that holds: a query, which
    /// answers a row if it was. For statements with the fact [`WaitsAside`](Fact::WaitsAside).
    pub unlimited: Option<fn(Duration) -> String>,
    /// How a role is assumed, where that is possible.
    pub role: Option<RoleSql>,
    /// How a secret comes into a statement.
    pub secrets: SecretSql,
    /// The questions of a [`Preflight`](crate::Preflight); `None`: they cannot be asked.
    pub preflight: Option<PreflightSql>,
    /// How a plan is written down for the database's own client ([`Migrator::script`](crate::Migrator::script)); `None`: it
    /// cannot be.
    pub script: Option<ScriptSql>,
    /// How the connection is protected. A fact about a connection rather than the dialect: a driver fills it in in its own
    /// copy.
    pub transport: Transport,
    /// How much SQL may be under way at once, in bytes.
    pub flight_bytes: usize,
    /// An expression for the largest message that the server takes from this session, in bytes, where it has such a limit.
    pub message_bytes: Option<&'static str>,
    /// What has become of what a script left in a session that is gone; `None`: a script that has left anything there
    /// ([`Fact::SessionState`]) is not gone on with.
    pub session_left: Option<FindSessionLeft>,
    /// What the client was told of its session. A fact about a connection rather than the dialect: a driver fills it in
    /// in its own copy.
    pub session: SessionNumber,
}

/// Tells what a script left in a session that is gone, from its statements that took effect and from those behind them,
/// which are read as they are asked for.
pub type FindSessionLeft =
    for<'t> fn(done: &[Statement<'t>], rest: &mut dyn Iterator<Item = Statement<'t>>) -> SessionLeft;

/// What the statements of a script that took effect have left in a session that is gone, as far as the statements behind
/// them need it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionLeft {
    /// The rest can run once these statements of the dialect's own and these of the script, by their numbers from 0, have
    /// been run.
    Replayed {
        /// What is not the script's, and comes first.
        before: Vec<String>,
        /// The script's.
        statements: Vec<usize>,
    },
    /// The rest needs what the statement of this number has left, and that cannot be brought back.
    Needed(usize),
}

/// How transactions are written.
#[derive(Clone, Debug)]
pub struct TransactionSql {
    /// Begins a transaction.
    ///
    /// Where the dialect has no [`lock`](Dialect::lock), it holds the database's only write lock from its first moment, so
    /// that what is read in it stays true until the commit, and fails at once with class
    /// [`Busy`](crate::ErrorClass::Busy) when somebody else holds that lock.
    pub begin: &'static str,
    /// Commits.
    pub commit: &'static str,
    /// Rolls back.
    pub rollback: &'static str,
    /// What statements that change the schema do to the transaction that they stand in.
    pub ddl: Ddl,
    /// How many statements migrations that share a transaction may have together, where a database runs out of locks.
    pub statements: usize,
}

/// What statements that change the schema do to the transaction that they stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ddl {
    /// They are part of it: a script runs in one transaction with its row, unless it says `no-transaction`.
    Transactional,
    /// They commit it, and themselves: every script is recorded statement by statement. Those that do it have the fact
    /// [`NeedsNoTransaction`](Fact::NeedsNoTransaction), and need no directive.
    Commits,
}

/// How migrators are kept apart. All of these are expressions; none of them waits.
#[derive(Clone, Copy, Debug)]
pub struct LockSql {
    /// Takes the lock until the end of the transaction: 1, or 0 when somebody else has it. Where there is none, the
    /// session's lock is held around every transaction.
    pub transaction: Option<fn(&TableName) -> String>,
    /// Takes the lock for the session: 1, or 0 when somebody else has it. It ends with the session at the latest.
    pub take: fn(&TableName) -> String,
    /// Gives the session's lock back.
    pub release: fn(&TableName) -> String,
    /// Whether this session has the lock: 1 or 0.
    pub held: fn(&TableName) -> String,
    /// Who has the lock, as a text for people; NULL if nobody has, or it is not to be seen.
    pub holder: fn(&TableName) -> String,
    /// The number of the session that has the lock, on the server; NULL if nobody has.
    pub owner: fn(&TableName) -> String,
    /// The number of the session on the server, to be compared with what the client was told.
    pub session: &'static str,
}

/// What the client was told of the session that it speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionNumber {
    /// Its number, when the connection was made. If the server calls it otherwise, there is a pooler in between.
    Known(i64),
    /// Nothing, and somebody vouches that there is no pooler in between, or that it keeps sessions together.
    Vouched,
    /// Nothing.
    Unknown,
}

/// How whole transactions are sent without waiting: each is a few messages, every one of which fails unless all those
/// before it did what they should.
#[derive(Clone, Copy, Debug)]
pub struct FlightSql {
    /// A statement that fails unless a condition holds.
    pub assert: fn(&str) -> String,
    /// A condition on a row of the history: that the transaction which is open has written it.
    pub mine: &'static str,
    /// The code of the error of an assertion whose condition does not hold. Any other error at an assertion is one of the
    /// database's, and says nothing about the condition.
    pub failed: &'static str,
    /// The codes of the errors by which releasing a savepoint fails that is not there, or in no transaction.
    pub unguarded: &'static [&'static str],
    /// Checks now what would be checked at the commit.
    pub check: &'static str,
    /// How many transactions may be under way at once.
    pub blocks: usize,
}

/// The session's settings.
#[derive(Clone, Copy, Debug)]
pub struct SettingsSql {
    /// Expressions. Each answers a statement that gives a part of the settings the values that they have now, or NULL.
    pub snapshot: &'static [&'static str],
    /// Statements that give all settings, also those that no snapshot names, their defaults.
    pub reset: &'static [&'static str],
    /// Makes what changes lexing be as [`Dialect::lexing`] says: inside each transaction, or, where the schema is not
    /// transactional, before the first statement.
    pub fix: Option<&'static str>,
    /// Makes only what changes lexing be as [`Dialect::lexing`] says, until the end of the transaction: before the next piece of
    /// a script that is sent in several.
    pub fix_text: Option<&'static str>,
    /// The same until the end of the session, for statements outside transactions.
    pub fix_session: Option<&'static str>,
    /// Makes answers come as the driver reads them, whatever a script has set: before questions in a session in which a script's
    /// own statements have been run.
    pub fix_answers: Option<&'static str>,
    /// An expression that answers a statement: it gives a setting of this name, which nobody has declared, the value that it
    /// has now. `None`: no snapshot or reset leaves one out.
    pub custom: Option<fn(&str) -> String>,
    /// A statement that ends what a `PREPARE` of this name and this text, both as they are written, has prepared in the time
    /// that ends now, if it is there. Said where that outlives a rollback: the script could not be run again in the same session.
    pub unprepare: Option<fn(&str, &str, Duration) -> String>,
    /// Whether the session serves other clients between transactions, as one behind a pooler does: whatever a script leaves is
    /// reset in the transaction that it was left in.
    pub lent: bool,
}

impl SettingsSql {
    /// No settings that a script could change.
    pub const NONE: Self = Self {
        snapshot: &[],
        reset: &[],
        fix: None,
        fix_text: None,
        fix_session: None,
        fix_answers: None,
        custom: None,
        unprepare: None,
        lent: false,
    };
}

/// How a role is assumed.
#[derive(Clone, Copy, Debug)]
pub struct RoleSql {
    /// Assumes a role: until the end of the transaction, or else of the session.
    pub assume: fn(&str, bool) -> String,
    /// Goes back to the role that the session began with.
    pub leave: &'static str,
    /// An expression that answers a statement: it makes the session, until the end of the transaction, who it is now.
    pub own: &'static str,
    /// Statements that make the session, until the end of the transaction, the user who has connected.
    pub leave_local: &'static [&'static str],
}

/// How a secret comes into a statement.
#[derive(Clone, Copy, Debug)]
pub enum SecretSql {
    /// As a literal: the client keeps what it sends to itself.
    Literal,
    /// The client writes what it sends to a log, values that are bound apart not: the session is given a setting, and the
    /// statement is put together on the server.
    Setting {
        /// A query that sets the session's setting of the name that is bound first to the text that is bound second.
        set: &'static str,
        /// A statement that executes the text which this expression gives; NULL is an error.
        statement: fn(&str) -> String,
    },
}

/// How a plan is written down for the database's own client.
#[derive(Clone, Copy, Debug)]
pub struct ScriptSql {
    /// The client.
    pub client: ClientProgram,
    /// How it is called so that it runs the file `SCRIPT` and stops at the first error.
    pub command: &'static str,
    /// A statement that fails, whatever the session's settings, unless a condition holds. Outside a flight.
    pub assert: fn(&str) -> String,
}

/// A database's own client: how it tells where a statement ends, and what it takes for commands of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientProgram {
    /// `psql`, from 14 on: backslashes are commands, colons are variables, and a semicolon ends nothing in parentheses and
    /// between `BEGIN` and `END`.
    Psql,
    /// `mysql` and `mariadb`: any semicolon outside quotes ends a statement, unless `DELIMITER` names something else.
    Mysql,
    /// `sqlite3`: a line that begins with a point is a command, and triggers are one statement.
    Sqlite3,
}

/// How long statements may wait and take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// How long one may wait for a lock.
    pub lock: Option<Duration>,
    /// How long one may take.
    pub statement: Option<Duration>,
    /// Whether this holds until the end of the transaction, or else of the session.
    pub local: bool,
}

/// Expressions about what a statement leaves behind.
///
/// They are evaluated twice: in the row that announces the statement, in the session and under the role that run it; and, if
/// its end is not recorded, in a new session, after the script's own `SET` and `USE` have been run again there. Nothing is
/// concluded unless `place` and `role` are the same in both.
#[derive(Clone, Copy, Debug)]
pub struct EffectSql {
    /// Where the session looks for objects, as a text.
    pub place: &'static str,
    /// Who the session is for the database's privileges, as a text without `|`.
    pub role: &'static str,
    /// What the statement's names lead to, as a text without `|` that stays the same whatever becomes of the names; NULL
    /// where they lead to nothing, or where the place says it all. The expressions below are given it as an expression.
    pub object: fn(&Effect<'_>) -> Option<String>,
    /// A fingerprint of the statement's object, as a text without `|`: equal as long as nobody has changed it. `None`: the
    /// statement is not on the list of those that are proven to happen whole or not at all.
    pub mark: fn(&Effect<'_>, &str) -> Option<String>,
    /// What has become of what the statement names: `present`, `absent`, `invalid` (there, and to be dropped before the
    /// statement can run again) or `busy` (somebody is at it); NULL when it cannot be told.
    pub state: fn(&Effect<'_>, &str) -> Option<String>,
    /// The statements that drop what the statement has left when it was cut off, with [`SEPARATOR`](Self::SEPARATOR) between
    /// them: a text, or NULL. The last argument is an expression for the mark in the announcement. `None`: it leaves nothing.
    pub leftovers: fn(&Effect<'_>, &str, &str) -> Option<String>,
    /// A condition: that a data statement which names these words has happened whole or not at all. The second argument is an
    /// expression for the `place` of the session that runs it.
    pub atomic: Option<fn(&[&str], &str) -> String>,
    /// A condition: that a routine or a trigger, which statements with the first words may have run, may have left something in
    /// its session that statements with the second words would meet. The words are in small letters; the last argument is an
    /// expression for the `place`. `None`: `place` tells of it.
    pub hidden: Option<HiddenSql>,
    /// Whether an error of this code comes before anything is run of the statement.
    pub refused: fn(&str) -> bool,
    /// Whether statements on one object are still whole or not at all when the server has been restarted in between.
    pub survives_restart: bool,
}

/// A condition over two lists of words and an expression for a place: see [`EffectSql::hidden`].
pub type HiddenSql = fn(&[String], &[String], &str) -> String;

impl EffectSql {
    /// What stands between two statements of [`leftovers`](Self::leftovers).
    pub const SEPARATOR: char = '\u{1e}';
}

/// The statements about the history table.
#[derive(Clone, Debug)]
pub struct HistorySql {
    /// Creates the table and its indexes.
    pub create: fn(&TableName) -> Vec<String>,
    /// The one query of a boot; see [`BootQuery`].
    pub boot: fn(&BootQuery<'_>) -> String,
    /// Looks which tables there are; see [`SurveyQuery`].
    pub survey: fn(&SurveyQuery<'_>) -> String,
    /// An expression for the time as text, in UTC, like `2026-11-22T02:10:04.123Z`.
    pub clock: &'static str,
    /// An expression for the database user, or for NULL.
    pub user: &'static str,
    /// An expression for the server: a text that is another one on another server, and after a restart.
    pub server: Option<&'static str>,
    /// An expression that is 1 unless the connection was inside a transaction before this very statement.
    pub idle: Option<&'static str>,
    /// An expression for the column `lk`, which is not hashed: 1, or an error whatever the session's settings, unless the
    /// session has the lock. It stands in the first row of an `INSERT`.
    pub guard: Option<fn(&TableName) -> String>,
    /// An expression for the schema in which the connection creates tables, as a text, where a script can change it.
    pub place: Option<&'static str>,
    /// How a transaction proves, before it is committed, that the history will be found where it is.
    pub stays: Option<StaysSql>,
    /// A query for the names of the databases that one connection reaches, where its scripts can name several.
    pub databases: Option<&'static str>,
    /// How a query is made to see what was committed on the other servers of a cluster; none where that is no question.
    pub causal: Option<CausalSql>,
    /// How many rows one `INSERT` carries.
    pub rows_per_insert: usize,
}

/// Expressions, each of which answers a condition as SQL: that a connection which is made after the commit finds the history
/// where this one finds it. It is put together before a script is run, and holds or does not hold behind it, whatever the
/// script has set in the session.
#[derive(Clone, Copy, Debug)]
pub struct StaysSql {
    /// For scripts that make and drop objects.
    pub plain: &'static str,
    /// For scripts with a statement that has the fact [`MayMove`](Fact::MayMove).
    pub thorough: &'static str,
}

/// How reads are, on a server that takes writes and applies those of others some time after they are committed.
#[derive(Clone, Copy, Debug)]
pub struct CausalSql {
    /// An expression that is 1 where the server is one of several of this kind.
    pub clustered: &'static str,
    /// What stands before a query, so that it waits for everything that is committed anywhere.
    pub before: &'static str,
}

impl HistorySql {
    /// Statements that need no more than this; `clock` is an expression for the time.
    pub const fn plain(
        create: fn(&TableName) -> Vec<String>,
        boot: fn(&BootQuery<'_>) -> String,
        survey: fn(&SurveyQuery<'_>) -> String,
        clock: &'static str,
    ) -> Self {
        Self {
            create,
            boot,
            survey,
            clock,
            user: "NULL",
            server: None,
            idle: None,
            guard: None,
            place: None,
            stays: None,
            databases: None,
            causal: None,
            rows_per_insert: 100,
        }
    }
}

/// What is asked of a database in which no history, or none of a set, was found: which other tables it has.
///
/// A database with tables of the application's, and without a history of them, is not migrated from the start. So the
/// statement looks at every place that a script could reach: all schemas but those of the system, not only at the one of
/// the history table. Tables, partitioned and foreign tables, views, materialized views and sequences count; what an
/// extension has made does not.
///
/// Its columns are
///
/// 1. the name to be shown: with its schema, unless that is the one in which the connection creates tables,
/// 2. 1 for the history table itself, 4 for a table with a name of [`known`](Self::known), 0 for others; 2 (with a
///    schema's name for the first column) for a history in another schema, where the one meant is not named; 3 (with
///    a schema's name) for a schema in which the connection would look and may not,
/// 3. the schema, NULL if the dialect has none,
/// 4. the table's name alone.
///
/// The history table's row comes first, then tables of [`known`](Self::known), then those of [`made`](Self::made);
/// [`LIMIT`](Self::LIMIT) rows are enough. The last two columns may be left out if no other tool's tables are ever there.
#[derive(Debug)]
pub struct SurveyQuery<'a> {
    /// The history table.
    pub table: &'a TableName,
    /// The names of tables in which tools note what was applied, in lower case.
    pub known: &'a [&'a str],
    /// The names of tables that matter most, in lower case: those that a set would make.
    pub made: &'a [String],
    /// Words that stand where a script may name a database, for dialects that reach several from one connection.
    pub places: &'a [String],
}

impl SurveyQuery<'_> {
    /// How many rows are enough.
    pub const LIMIT: usize = 40;
}

/// What the one query of a boot asks, for each set: whether everything of mine is in force, or was, and what was touched
/// since.
///
/// The statement answers at most one row per set, in any order, with the columns
///
/// 1. the set's name,
/// 2. the versioned head of the set's newest row, NULL while work is open,
/// 3. the number of the newest row that has my head, NULL if there is none,
/// 4. the repeatables digest of that row; it may be NULL if I have no repeatables,
/// 5. the number of the newest row that has both my head and my repeatables digest, NULL if there is none, or I have no
///    repeatables,
/// 6. the largest number of a row whose `below` is at or below my last version, NULL if there is none,
/// 7. with an environment, the `detail` of the newest `environment` row of the set `*`; else NULL,
/// 8. if the dialect wants it looked at: the schema in which the table was found,
/// 9. and the one in which the connection creates tables.
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

impl Dialect {
    /// A dialect without anything peculiar, to be completed: quotes as the standard has them, `BEGIN` takes the write
    /// lock, the schema is transactional, nothing is known of any statement.
    ///
    /// ```
    /// # use whimbrel::{Dialect, HistorySql, script::Lexing};
    /// # const HISTORY: HistorySql = HistorySql::plain(|_| vec![], |_| String::new(), |_| String::new(), "NOW");
    /// const DUCK: Dialect =
    ///     Dialect { default_schema: Some("main"), ..Dialect::plain("duck", Lexing::ANSI, HISTORY) };
    /// ```
    pub const fn plain(name: &'static str, lexing: Lexing, history: HistorySql) -> Self {
        Self {
            name,
            lexing,
            identifier: standard_identifier,
            literal: standard_literal,
            quoted: standard_literal,
            default_schema: None,
            transaction: TransactionSql {
                begin: "BEGIN",
                commit: "COMMIT",
                rollback: "ROLLBACK",
                ddl: Ddl::Transactional,
                statements: usize::MAX,
            },
            lock: None,
            flight: None,
            version: None,
            blockers: &[],
            history,
            rules: &[],
            settings: SettingsSql::NONE,
            effects: None,
            foreign_keys: None,
            hazards: None,
            pin: None,
            timeouts: None,
            unlimited: None,
            role: None,
            secrets: SecretSql::Literal,
            preflight: None,
            script: None,
            transport: Transport::Unknown,
            flight_bytes: 1 << 20,
            message_bytes: None,
            session_left: None,
            session: SessionNumber::Vouched,
        }
    }

    /// What is known of a statement.
    pub(crate) fn facts(&self, statement: &Statement<'_>) -> Facts {
        Facts::of(self.rules, statement)
    }

    /// The table's name, quoted and qualified.
    pub(crate) fn qualified(&self, table: &TableName) -> String {
        table.qualified(self.identifier, self.default_schema)
    }
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
    /// Asks for the schema in which `DROP TABLE` finds a table: one row, or none if there is no such table.
    pub schema: fn(&DroppedTable) -> String,
    /// Lists the foreign keys that act on rows of other tables when a table, named with its schema, is dropped: the table
    /// that refers to it, the action (`CASCADE`, `SET NULL`, …), and a query that answers 1 if there are such rows.
    pub referring: fn(&DroppedTable) -> String,
}

fn standard_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text with NUL cannot be written as a literal, and none of ours has one; it is left out rather than cut there.
fn standard_literal(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

/// The bound below which a touched version counts, as the no-op query wants it.
pub(crate) fn last_number(last: Option<Version>) -> i64 {
    last.map_or(0, Version::number)
}
