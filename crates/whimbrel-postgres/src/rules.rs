//! What PostgreSQL does otherwise with single statements: inside transactions, when run twice, in a session.

use whimbrel::{Fact, Rule};

const fn rule(begins: &'static [&'static str], fact: Fact) -> Rule {
    Rule { begins, holds: None, fact }
}

const fn with(begins: &'static [&'static str], word: &'static str, fact: Fact) -> Rule {
    Rule { begins, holds: Some(word), fact }
}

const fn holding(word: &'static str, fact: Fact) -> Rule {
    Rule { begins: &[], holds: Some(word), fact }
}

use Fact::{EndsSharing, MayFailHalfway, NeedsNoTransaction, Replay, RunAgain, SessionState, TravelsAlone};

/// From "SQL Commands" of postgresql.org/docs/current/reference.html, and from chapter 9 for functions.
///
/// What words cannot tell is left to the server, which refuses it: CLUSTER without a table, REINDEX of a partitioned
/// table, CALL of a procedure that commits.
pub(crate) const RULES: &[Rule] = &[
    // CREATE INDEX, "Building Indexes Concurrently". Interrupted, it leaves an invalid index, so it is not run again, and with
    // IF NOT EXISTS least of all.
    rule(&["CREATE", "INDEX", "CONCURRENTLY"], NeedsNoTransaction),
    rule(&["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY"], NeedsNoTransaction),
    rule(&["DROP", "INDEX", "CONCURRENTLY"], NeedsNoTransaction),
    rule(&["DROP", "INDEX", "CONCURRENTLY", "IF", "EXISTS"], RunAgain),
    // A build that fails leaves an invalid index, which the next try would take for a good one.
    rule(&["CREATE", "INDEX", "CONCURRENTLY", "IF"], MayFailHalfway),
    rule(&["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY", "IF"], MayFailHalfway),
    // REINDEX: "SCHEMA, DATABASE, SYSTEM … cannot be executed inside a transaction block", nor can CONCURRENTLY.
    with(&["REINDEX"], "CONCURRENTLY", NeedsNoTransaction),
    rule(&["REINDEX", "SCHEMA"], NeedsNoTransaction),
    rule(&["REINDEX", "DATABASE"], NeedsNoTransaction),
    rule(&["REINDEX", "SYSTEM"], NeedsNoTransaction),
    rule(&["REINDEX"], RunAgain),
    // VACUUM, ANALYZE
    rule(&["VACUUM"], NeedsNoTransaction),
    rule(&["VACUUM"], RunAgain),
    rule(&["ANALYZE"], RunAgain),
    // ALTER SYSTEM: "not allowed inside a transaction block"; it sets something to a value.
    rule(&["ALTER", "SYSTEM"], NeedsNoTransaction),
    rule(&["ALTER", "SYSTEM"], RunAgain),
    // CREATE DATABASE, DROP DATABASE, ALTER DATABASE
    rule(&["CREATE", "DATABASE"], NeedsNoTransaction),
    rule(&["DROP", "DATABASE"], NeedsNoTransaction),
    rule(&["DROP", "DATABASE", "IF", "EXISTS"], RunAgain),
    rule(&["ALTER", "DATABASE", "*", "SET", "TABLESPACE"], NeedsNoTransaction),
    rule(&["ALTER", "DATABASE", "*", "SET", "TABLESPACE"], RunAgain),
    // CREATE TABLESPACE, DROP TABLESPACE
    rule(&["CREATE", "TABLESPACE"], NeedsNoTransaction),
    rule(&["DROP", "TABLESPACE"], NeedsNoTransaction),
    rule(&["DROP", "TABLESPACE", "IF", "EXISTS"], RunAgain),
    // ALTER TABLE, DETACH PARTITION: "CONCURRENTLY cannot be run in a transaction block".
    with(&["ALTER", "TABLE"], "CONCURRENTLY", NeedsNoTransaction),
    // CREATE SUBSCRIPTION and its like: not where a replication slot is made or dropped, or a publication is looked at.
    // Their other forms work outside a transaction, too.
    rule(&["CREATE", "SUBSCRIPTION"], NeedsNoTransaction),
    rule(&["DROP", "SUBSCRIPTION"], NeedsNoTransaction),
    rule(&["DROP", "SUBSCRIPTION", "IF", "EXISTS"], RunAgain),
    with(&["ALTER", "SUBSCRIPTION"], "PUBLICATION", NeedsNoTransaction),
    // DISCARD ALL: "cannot be executed inside a transaction block".
    rule(&["DISCARD", "ALL"], NeedsNoTransaction),
    rule(&["DISCARD"], SessionState),
    // SET and RESET change the session. SET LOCAL and SET CONSTRAINTS last until the transaction's end.
    rule(&["SET"], Replay),
    rule(&["RESET"], Replay),
    rule(&["SET", "LOCAL"], TravelsAlone),
    rule(&["SET", "CONSTRAINTS"], TravelsAlone),
    holding("SET_CONFIG", TravelsAlone),
    // How the texts behind it are read.
    with(&["SET"], "STANDARD_CONFORMING_STRINGS", TravelsAlone),
    with(&["SET"], "CLIENT_ENCODING", TravelsAlone),
    rule(&["SET", "NAMES"], TravelsAlone),
    // Until the transaction's end: locks, cursors, ON COMMIT. And at its end: NOTIFY.
    rule(&["LOCK"], TravelsAlone),
    rule(&["DECLARE"], TravelsAlone),
    with(&["DECLARE"], "HOLD", SessionState),
    with(&["CREATE"], "COMMIT", TravelsAlone),
    rule(&["FETCH"], TravelsAlone),
    rule(&["NOTIFY"], TravelsAlone),
    rule(&["LISTEN"], TravelsAlone),
    rule(&["UNLISTEN"], TravelsAlone),
    holding("PG_NOTIFY", TravelsAlone),
    // ALTER TYPE: a value added "cannot be used until after the transaction has been committed".
    with(&["ALTER", "TYPE"], "VALUE", TravelsAlone),
    // 9.9.5 Current Date/Time: the transaction's start.
    holding("NOW", TravelsAlone),
    holding("TRANSACTION_TIMESTAMP", TravelsAlone),
    holding("CURRENT_TIMESTAMP", TravelsAlone),
    holding("CURRENT_DATE", TravelsAlone),
    holding("CURRENT_TIME", TravelsAlone),
    holding("LOCALTIME", TravelsAlone),
    holding("LOCALTIMESTAMP", TravelsAlone),
    // 9.27.7 Transaction IDs
    holding("TXID_CURRENT", TravelsAlone),
    holding("PG_CURRENT_XACT_ID", TravelsAlone),
    holding("TXID_CURRENT_IF_ASSIGNED", TravelsAlone),
    holding("TXID_CURRENT_SNAPSHOT", TravelsAlone),
    holding("PG_CURRENT_XACT_ID_IF_ASSIGNED", TravelsAlone),
    holding("PG_CURRENT_SNAPSHOT", TravelsAlone),
    // 9.28.10 Advisory Locks
    holding("PG_ADVISORY_XACT_LOCK", TravelsAlone),
    holding("PG_ADVISORY_XACT_LOCK_SHARED", TravelsAlone),
    holding("PG_TRY_ADVISORY_XACT_LOCK", TravelsAlone),
    holding("PG_TRY_ADVISORY_XACT_LOCK_SHARED", TravelsAlone),
    holding("PG_ADVISORY_LOCK", TravelsAlone),
    holding("PG_ADVISORY_LOCK", SessionState),
    holding("PG_ADVISORY_LOCK_SHARED", TravelsAlone),
    holding("PG_ADVISORY_LOCK_SHARED", SessionState),
    holding("PG_TRY_ADVISORY_LOCK", TravelsAlone),
    holding("PG_TRY_ADVISORY_LOCK", SessionState),
    holding("PG_TRY_ADVISORY_LOCK_SHARED", TravelsAlone),
    holding("PG_TRY_ADVISORY_LOCK_SHARED", SessionState),
    // Checked at the commit: in a shared transaction a later migration could mend what an earlier one broke.
    holding("DEFERRABLE", EndsSharing),
    holding("DEFERRED", EndsSharing),
    // What lives as long as the session: temporary objects, prepared statements, channels.
    rule(&["CREATE", "TEMP"], SessionState),
    rule(&["CREATE", "TEMPORARY"], SessionState),
    rule(&["CREATE", "*", "TEMP"], SessionState),
    rule(&["CREATE", "*", "TEMPORARY"], SessionState),
    rule(&["CREATE", "OR", "REPLACE", "TEMP"], SessionState),
    rule(&["CREATE", "OR", "REPLACE", "TEMPORARY"], SessionState),
    with(&["SELECT"], "TEMP", SessionState),
    with(&["SELECT"], "TEMPORARY", SessionState),
    rule(&["LOAD"], SessionState),
    rule(&["PREPARE"], SessionState),
    rule(&["LISTEN"], SessionState),
];
