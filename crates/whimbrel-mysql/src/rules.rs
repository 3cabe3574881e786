//! What is to be known of single statements on MySQL and MariaDB: a table, from the manuals' pages on each statement.

use whimbrel::{Fact, Rule};

const fn rule(begins: &'static [&'static str], fact: Fact) -> Rule {
    Rule { begins, holds: None, fact }
}

const fn both(begins: &'static [&'static str], holds: &'static str, fact: Fact) -> Rule {
    Rule { begins, holds: Some(holds), fact }
}

const fn holding(word: &'static str, fact: Fact) -> Rule {
    Rule { begins: &[], holds: Some(word), fact }
}

/// The sections are those of the MySQL 9 manual; MariaDB's pages are named where only it has the statement.
pub(crate) const RULES: &[Rule] = &[
    // 15.3.3 Statements That Cause an Implicit Commit; MariaDB: SQL statements That Cause an Implicit Commit. Temporary
    // tables are an exception there, but leave their mark on the session.
    rule(&["ALTER"], Fact::NeedsNoTransaction),
    rule(&["CREATE"], Fact::NeedsNoTransaction),
    rule(&["DROP"], Fact::NeedsNoTransaction),
    rule(&["RENAME"], Fact::NeedsNoTransaction),
    rule(&["TRUNCATE"], Fact::NeedsNoTransaction),
    rule(&["INSTALL"], Fact::NeedsNoTransaction),
    rule(&["UNINSTALL"], Fact::NeedsNoTransaction),
    rule(&["GRANT"], Fact::NeedsNoTransaction),
    rule(&["REVOKE"], Fact::NeedsNoTransaction),
    rule(&["SET", "PASSWORD"], Fact::NeedsNoTransaction),
    rule(&["SET", "DEFAULT", "ROLE"], Fact::NeedsNoTransaction),
    rule(&["LOCK"], Fact::NeedsNoTransaction),
    rule(&["UNLOCK"], Fact::NeedsNoTransaction),
    rule(&["ANALYZE"], Fact::NeedsNoTransaction),
    rule(&["CACHE"], Fact::NeedsNoTransaction),
    rule(&["CHECK"], Fact::NeedsNoTransaction),
    rule(&["FLUSH"], Fact::NeedsNoTransaction),
    rule(&["LOAD", "INDEX"], Fact::NeedsNoTransaction),
    rule(&["OPTIMIZE"], Fact::NeedsNoTransaction),
    rule(&["REPAIR"], Fact::NeedsNoTransaction),
    rule(&["RESET"], Fact::NeedsNoTransaction),
    rule(&["START"], Fact::NeedsNoTransaction),
    rule(&["STOP"], Fact::NeedsNoTransaction),
    rule(&["CHANGE"], Fact::NeedsNoTransaction),
    rule(&["PURGE"], Fact::NeedsNoTransaction),
    rule(&["IMPORT"], Fact::NeedsNoTransaction),
    rule(&["CLONE"], Fact::NeedsNoTransaction),
    // MariaDB: BACKUP STAGE, BACKUP LOCK.
    rule(&["BACKUP"], Fact::NeedsNoTransaction),
    // What stands behind FOR may be any of these. MariaDB: SET STATEMENT.
    rule(&["SET", "STATEMENT"], Fact::NeedsNoTransaction),
    rule(&["SET", "STATEMENT"], Fact::RunOnce),
    // What is called may be any of these, or control transactions. 15.2.1, 15.5.2; MariaDB: BEGIN NOT ATOMIC.
    rule(&["CALL"], Fact::NeedsNoTransaction),
    rule(&["EXECUTE"], Fact::NeedsNoTransaction),
    rule(&["BEGIN"], Fact::NeedsNoTransaction),
    rule(&["IF"], Fact::NeedsNoTransaction),
    rule(&["CASE"], Fact::NeedsNoTransaction),
    rule(&["LOOP"], Fact::NeedsNoTransaction),
    rule(&["REPEAT"], Fact::NeedsNoTransaction),
    rule(&["WHILE"], Fact::NeedsNoTransaction),
    rule(&["FOR"], Fact::NeedsNoTransaction),
    rule(&["*", ":"], Fact::NeedsNoTransaction),
    // These are programs: they answer as many results as they like, and may stop halfway.
    rule(&["CALL"], Fact::ManyResults),
    rule(&["EXECUTE"], Fact::ManyResults),
    rule(&["BEGIN"], Fact::ManyResults),
    rule(&["IF"], Fact::ManyResults),
    rule(&["CASE"], Fact::ManyResults),
    rule(&["LOOP"], Fact::ManyResults),
    rule(&["REPEAT"], Fact::ManyResults),
    rule(&["WHILE"], Fact::ManyResults),
    rule(&["FOR"], Fact::ManyResults),
    rule(&["*", ":"], Fact::ManyResults),
    rule(&["CALL"], Fact::MayFailHalfway),
    rule(&["EXECUTE"], Fact::MayFailHalfway),
    rule(&["BEGIN"], Fact::MayFailHalfway),
    rule(&["IF"], Fact::MayFailHalfway),
    rule(&["CASE"], Fact::MayFailHalfway),
    rule(&["LOOP"], Fact::MayFailHalfway),
    rule(&["REPEAT"], Fact::MayFailHalfway),
    rule(&["WHILE"], Fact::MayFailHalfway),
    rule(&["FOR"], Fact::MayFailHalfway),
    rule(&["*", ":"], Fact::MayFailHalfway),
    // 15.1.32: of several tables those that are there are dropped (before 8.0, and on MariaDB); likewise with accounts.
    rule(&["DROP"], Fact::MayFailHalfway),
    rule(&["REVOKE"], Fact::MayFailHalfway),
    rule(&["GRANT"], Fact::MayFailHalfway),
    rule(&["CREATE", "USER"], Fact::MayFailHalfway),
    rule(&["ALTER", "USER"], Fact::MayFailHalfway),
    rule(&["RENAME", "USER"], Fact::MayFailHalfway),
    rule(&["CREATE", "ROLE"], Fact::MayFailHalfway),
    // 15.3.6: with tables locked, no other can be written to; with all of them, none (15.7.8.3).
    rule(&["LOCK"], Fact::Impossible),
    both(&["FLUSH"], "LOCK", Fact::Impossible),
    rule(&["BACKUP"], Fact::Impossible),
    // 14.15: these tell of the statement before, which is the one that writes the row.
    both(&["SELECT"], "ROW_COUNT", Fact::Impossible),
    both(&["SELECT"], "FOUND_ROWS", Fact::Impossible),
    both(&["SET"], "ROW_COUNT", Fact::Impossible),
    both(&["SET"], "FOUND_ROWS", Fact::Impossible),
    both(&["INSERT"], "ROW_COUNT", Fact::Impossible),
    both(&["INSERT"], "FOUND_ROWS", Fact::Impossible),
    both(&["UPDATE"], "ROW_COUNT", Fact::Impossible),
    both(&["UPDATE"], "FOUND_ROWS", Fact::Impossible),
    // 15.7.3, 15.7.8: what they do is done, or is done again. `ANALYZE` alone is something else on MariaDB: it runs the
    // statement behind it.
    rule(&["ANALYZE", "TABLE"], Fact::RunAgain),
    rule(&["ANALYZE", "LOCAL", "TABLE"], Fact::RunAgain),
    rule(&["ANALYZE", "NO_WRITE_TO_BINLOG", "TABLE"], Fact::RunAgain),
    rule(&["CACHE", "INDEX"], Fact::RunAgain),
    rule(&["CHECK"], Fact::RunAgain),
    rule(&["FLUSH"], Fact::RunAgain),
    rule(&["LOAD", "INDEX"], Fact::RunAgain),
    rule(&["OPTIMIZE"], Fact::RunAgain),
    rule(&["REPAIR"], Fact::RunAgain),
    // 15.7.1.6: a privilege that is there is granted again.
    rule(&["GRANT"], Fact::RunAgain),
    rule(&["DROP", "*", "IF", "EXISTS"], Fact::RunAgain),
    rule(&["CREATE", "*", "IF", "NOT", "EXISTS"], Fact::RunAgain),
    // 15.1.20.4: the table may be there and its rows may not. `VALUES` fills it too, and partitions that are made with
    // that word lose a little.
    both(&["CREATE", "TABLE"], "SELECT", Fact::RunOnce),
    both(&["CREATE", "TABLE"], "VALUES", Fact::RunOnce),
    rule(&["CREATE", "OR", "REPLACE", "VIEW"], Fact::RunAgain),
    // 15.7.6, 15.8.4: the session only, where what is set stands there itself.
    rule(&["SET"], Fact::RunAgain),
    rule(&["SET"], Fact::Replay),
    rule(&["USE"], Fact::RunAgain),
    rule(&["USE"], Fact::Replay),
    // What is computed may come out otherwise the next time.
    both(&["SET"], "(", Fact::SessionState),
    both(&["SET"], "(", Fact::RunOnce),
    both(&["SET"], "@@", Fact::SessionState),
    both(&["SET"], "@@", Fact::RunOnce),
    // 11.4 User-Defined Variables. In other statements `@` stands between a user and a host.
    both(&["SET"], "@", Fact::SessionState),
    both(&["SET"], "@", Fact::RunOnce),
    both(&["SELECT"], "@", Fact::SessionState),
    both(&["WITH"], "@", Fact::SessionState),
    both(&["INSERT"], "@", Fact::SessionState),
    both(&["REPLACE"], "@", Fact::SessionState),
    both(&["UPDATE"], "@", Fact::SessionState),
    both(&["DELETE"], "@", Fact::SessionState),
    both(&["LOAD"], "@", Fact::SessionState),
    both(&["CALL"], "@", Fact::SessionState),
    both(&["DO"], "@", Fact::SessionState),
    both(&["GET"], "@", Fact::SessionState),
    // 15.1.20.2; what is temporary is the session's, and so are prepared statements (15.5), locks (15.3.6, 14.14) and
    // handlers (15.2.5).
    rule(&["CREATE", "TEMPORARY"], Fact::SessionState),
    rule(&["CREATE", "OR", "REPLACE", "TEMPORARY"], Fact::SessionState),
    rule(&["DROP", "TEMPORARY"], Fact::SessionState),
    rule(&["PREPARE"], Fact::SessionState),
    rule(&["EXECUTE"], Fact::SessionState),
    rule(&["DEALLOCATE"], Fact::SessionState),
    rule(&["DROP", "PREPARE"], Fact::SessionState),
    rule(&["LOCK"], Fact::SessionState),
    rule(&["UNLOCK"], Fact::SessionState),
    both(&["FLUSH"], "LOCK", Fact::SessionState),
    both(&["FLUSH"], "EXPORT", Fact::SessionState),
    rule(&["BACKUP"], Fact::SessionState),
    rule(&["HANDLER"], Fact::SessionState),
    rule(&["SAVEPOINT"], Fact::SessionState),
    holding("GET_LOCK", Fact::SessionState),
    holding("RELEASE_LOCK", Fact::SessionState),
    holding("RELEASE_ALL_LOCKS", Fact::SessionState),
    // 14.15 Information Functions: what the statement before has done. MariaDB: LASTVAL.
    holding("LAST_INSERT_ID", Fact::SessionState),
    holding("ROW_COUNT", Fact::SessionState),
    holding("FOUND_ROWS", Fact::SessionState),
    holding("LASTVAL", Fact::SessionState),
];
