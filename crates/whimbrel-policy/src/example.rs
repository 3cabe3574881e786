//! Examples: a script that a rule is against, one that it is not, and what the difference on the server is. Data only.

mod both;
mod mariadb;
mod mysql;
mod postgres;
mod sqlite;

use whimbrel::Product;

/// A script that a rule is against, one that it is not, and what the difference is.
///
/// The scripts may have directives. They are run as migrations are: in one transaction, unless they say `no-transaction`
/// or the database's schema is not transactional.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Example {
    /// The rule's name.
    pub rule: &'static str,
    /// The database.
    pub product: Product,
    /// The versions that it is for, first and last (major, minor).
    pub versions: ((u32, u32), (u32, u32)),
    /// What is there before, by an earlier migration.
    pub setup: &'static str,
    /// What the rule is against.
    pub bad: &'static str,
    /// What it is not against.
    pub good: &'static str,
    /// What is so after or during the bad script, and not so with the good one.
    pub observation: Observation,
}

/// What is observed on a real server: it is so with the bad script, and not so with the good one.
///
/// Scripts in transactions are observed before the commit, others while something else holds them up, where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Observation {
    /// The script takes this lock on this table, or waits for it (PostgreSQL's `pg_locks`).
    Locks {
        /// The table.
        table: &'static str,
        /// The mode, as the server calls it.
        mode: &'static str,
    },
    /// The server writes the table anew: another file (PostgreSQL's `relfilenode`), another number of the table (MySQL).
    Rewrites {
        /// The table.
        table: &'static str,
    },
    /// The server reads the whole table in the script's transaction (PostgreSQL's `pg_stat_get_xact_numscans`).
    Scans {
        /// The table, or several with commas between them.
        table: &'static str,
    },
    /// While another transaction has run a statement and goes on, the script waits, and would do so for ever.
    Waits {
        /// The other transaction's statement.
        behind: &'static str,
    },
    /// The server refuses to run the statement with this behind it, such as `, ALGORITHM=INPLACE` (MySQL).
    Refuses {
        /// What is put behind the script's last statement.
        suffix: &'static str,
    },
    /// The script fails with this code (SQLSTATE, or the server's number).
    Fails {
        /// The code.
        code: &'static str,
    },
    /// What another session does meanwhile waits.
    Blocks {
        /// The other session's statement.
        probe: &'static str,
    },
    /// A statement of the running application, which worked before, fails afterwards.
    Breaks {
        /// The statement.
        probe: &'static str,
    },
    /// Afterwards a query answers `true` (or 1): rows are gone, a right was gained. Of several statements, the last.
    Answers {
        /// The query.
        query: &'static str,
    },
}

/// From the first to the last version.
pub(crate) const EVERY: ((u32, u32), (u32, u32)) = ((0, 0), (u32::MAX, u32::MAX));

/// Those from a version on.
pub(crate) const fn since(major: u32, minor: u32) -> ((u32, u32), (u32, u32)) {
    ((major, minor), (u32::MAX, u32::MAX))
}

/// All examples of all rules.
pub(crate) fn all() -> impl Iterator<Item = &'static Example> {
    let own = [mysql::EXAMPLES, mariadb::EXAMPLES, sqlite::EXAMPLES];
    let both = [both::MYSQL, both::COPIES_MYSQL, both::MARIADB, both::COPIES_MARIADB];
    postgres::EXAMPLES.iter().copied().chain(own).chain(both).flatten()
}
