//! What PostgreSQL does otherwise with single statements: inside transactions, when run twice, in a session.

use whimbrel::{Fact, Rule};

use Fact::{
    EndsSharing, MayMove, NeedsNoTransaction, Replay, RunAgain, RunOnce, SessionState, TravelsAlone,
    WaitsAside,
};

/// From "SQL Commands" of postgresql.org/docs/current/reference.html, and from chapter 9 for functions.
///
/// What words cannot tell is left to the server, which refuses it: CLUSTER without a table, REINDEX of a partitioned
/// table, CALL of a procedure that commits.
pub(crate) const RULES: &[Rule] = &[
    // CREATE INDEX, "Building Indexes Concurrently". Interrupted, it leaves an invalid index, which IF NOT EXISTS would take for
    // a good one. Run again, DROP … IF EXISTS might find another index on the search path.
    Rule::of(&["CREATE", "INDEX", "CONCURRENTLY"], NeedsNoTransaction),
    Rule::of(&["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY"], NeedsNoTransaction),
    Rule::of(&["DROP", "INDEX", "CONCURRENTLY"], NeedsNoTransaction),
    // They take a SHARE UPDATE EXCLUSIVE lock, in whose queue nobody waits who reads or writes rows, and wait for all older
    // transactions in the middle of their work. What DETACH and REINDEX have done by then stays when they are cut off.
    Rule::of(&["CREATE", "INDEX", "CONCURRENTLY"], WaitsAside),
    Rule::of(&["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY"], WaitsAside),
    Rule::of(&["DROP", "INDEX", "CONCURRENTLY"], WaitsAside),
    Rule::with(&["REINDEX"], "CONCURRENTLY", WaitsAside),
    Rule::with(&["ALTER", "TABLE"], "CONCURRENTLY", WaitsAside),
    // REINDEX: "SCHEMA, DATABASE, SYSTEM … cannot be executed inside a transaction block", nor can CONCURRENTLY.
    Rule::with(&["REINDEX"], "CONCURRENTLY", NeedsNoTransaction),
    Rule::of(&["REINDEX", "SCHEMA"], NeedsNoTransaction),
    Rule::of(&["REINDEX", "DATABASE"], NeedsNoTransaction),
    Rule::of(&["REINDEX", "SYSTEM"], NeedsNoTransaction),
    Rule::of(&["REINDEX"], RunAgain),
    // Interrupted, it leaves what it was building, and that has to be dropped first.
    Rule::with(&["REINDEX"], "CONCURRENTLY", RunOnce),
    // VACUUM, ANALYZE
    Rule::of(&["VACUUM"], NeedsNoTransaction),
    Rule::of(&["VACUUM"], RunAgain),
    Rule::of(&["ANALYZE"], RunAgain),
    // ALTER SYSTEM: "not allowed inside a transaction block"; it sets something to a value.
    Rule::of(&["ALTER", "SYSTEM"], NeedsNoTransaction),
    Rule::of(&["ALTER", "SYSTEM"], RunAgain),
    // CREATE DATABASE, DROP DATABASE, ALTER DATABASE
    Rule::of(&["CREATE", "DATABASE"], NeedsNoTransaction),
    Rule::of(&["DROP", "DATABASE"], NeedsNoTransaction),
    Rule::of(&["DROP", "DATABASE", "IF", "EXISTS"], RunAgain),
    Rule::of(&["ALTER", "DATABASE", "*", "SET", "TABLESPACE"], NeedsNoTransaction),
    Rule::of(&["ALTER", "DATABASE", "*", "SET", "TABLESPACE"], RunAgain),
    // CREATE TABLESPACE, DROP TABLESPACE
    Rule::of(&["CREATE", "TABLESPACE"], NeedsNoTransaction),
    Rule::of(&["DROP", "TABLESPACE"], NeedsNoTransaction),
    Rule::of(&["DROP", "TABLESPACE", "IF", "EXISTS"], RunAgain),
    // ALTER TABLE, DETACH PARTITION: "CONCURRENTLY cannot be run in a transaction block".
    Rule::with(&["ALTER", "TABLE"], "CONCURRENTLY", NeedsNoTransaction),
    // CREATE SUBSCRIPTION and its like: not where a replication slot is made or dropped, or a publication is looked at.
    // Their other forms work outside a transaction, too.
    Rule::of(&["CREATE", "SUBSCRIPTION"], NeedsNoTransaction),
    Rule::of(&["DROP", "SUBSCRIPTION"], NeedsNoTransaction),
    Rule::of(&["DROP", "SUBSCRIPTION", "IF", "EXISTS"], RunAgain),
    Rule::with(&["ALTER", "SUBSCRIPTION"], "PUBLICATION", NeedsNoTransaction),
    // DISCARD ALL: "cannot be executed inside a transaction block".
    Rule::of(&["DISCARD", "ALL"], NeedsNoTransaction),
    Rule::of(&["DISCARD"], SessionState),
    // SET and RESET change the session. SET LOCAL and SET CONSTRAINTS last until the transaction's end.
    Rule::of(&["SET"], Replay),
    Rule::of(&["RESET"], Replay),
    Rule::of(&["SET", "LOCAL"], TravelsAlone),
    Rule::of(&["SET", "CONSTRAINTS"], TravelsAlone),
    Rule::holding("SET_CONFIG", TravelsAlone),
    // Where sessions look for names that are opened later: by these, and by what runs functions that nobody sees.
    Rule::of(&["ALTER", "ROLE"], MayMove),
    Rule::of(&["ALTER", "USER"], MayMove),
    Rule::of(&["ALTER", "DATABASE"], MayMove),
    Rule::of(&["DO"], MayMove),
    Rule::of(&["CALL"], MayMove),
    Rule::of(&["EXECUTE"], MayMove),
    Rule::of(&["SELECT"], MayMove),
    Rule::of(&["WITH"], MayMove),
    Rule::of(&["VALUES"], MayMove),
    // By triggers and functions.
    Rule::of(&["INSERT"], MayMove),
    Rule::of(&["UPDATE"], MayMove),
    Rule::of(&["DELETE"], MayMove),
    Rule::of(&["MERGE"], MayMove),
    Rule::of(&["TRUNCATE"], MayMove),
    Rule::of(&["COPY"], MayMove),
    Rule::with(&["CREATE", "TABLE"], "SELECT", MayMove),
    // How the texts behind it are read.
    Rule::with(&["SET"], "STANDARD_CONFORMING_STRINGS", TravelsAlone),
    Rule::with(&["SET"], "CLIENT_ENCODING", TravelsAlone),
    Rule::of(&["SET", "NAMES"], TravelsAlone),
    // Until the transaction's end: locks, cursors, ON COMMIT. And at its end: NOTIFY.
    Rule::of(&["LOCK"], TravelsAlone),
    Rule::of(&["DECLARE"], TravelsAlone),
    Rule::with(&["DECLARE"], "HOLD", SessionState),
    Rule::with(&["CREATE"], "COMMIT", TravelsAlone),
    Rule::of(&["FETCH"], TravelsAlone),
    Rule::of(&["NOTIFY"], TravelsAlone),
    Rule::of(&["LISTEN"], TravelsAlone),
    Rule::of(&["UNLISTEN"], TravelsAlone),
    Rule::holding("PG_NOTIFY", TravelsAlone),
    // ALTER TYPE: a value added "cannot be used until after the transaction has been committed".
    Rule::with(&["ALTER", "TYPE"], "VALUE", TravelsAlone),
    // 9.9.5 Current Date/Time: the transaction's start.
    Rule::holding("NOW", TravelsAlone),
    Rule::holding("TRANSACTION_TIMESTAMP", TravelsAlone),
    Rule::holding("CURRENT_TIMESTAMP", TravelsAlone),
    Rule::holding("CURRENT_DATE", TravelsAlone),
    Rule::holding("CURRENT_TIME", TravelsAlone),
    Rule::holding("LOCALTIME", TravelsAlone),
    Rule::holding("LOCALTIMESTAMP", TravelsAlone),
    // 9.27.7 Transaction IDs
    Rule::holding("TXID_CURRENT", TravelsAlone),
    Rule::holding("PG_CURRENT_XACT_ID", TravelsAlone),
    Rule::holding("TXID_CURRENT_IF_ASSIGNED", TravelsAlone),
    Rule::holding("TXID_CURRENT_SNAPSHOT", TravelsAlone),
    Rule::holding("PG_CURRENT_XACT_ID_IF_ASSIGNED", TravelsAlone),
    Rule::holding("PG_CURRENT_SNAPSHOT", TravelsAlone),
    // 9.28.10 Advisory Locks
    Rule::holding("PG_ADVISORY_XACT_LOCK", TravelsAlone),
    Rule::holding("PG_ADVISORY_XACT_LOCK_SHARED", TravelsAlone),
    Rule::holding("PG_TRY_ADVISORY_XACT_LOCK", TravelsAlone),
    Rule::holding("PG_TRY_ADVISORY_XACT_LOCK_SHARED", TravelsAlone),
    Rule::holding("PG_ADVISORY_LOCK", TravelsAlone),
    Rule::holding("PG_ADVISORY_LOCK", SessionState),
    Rule::holding("PG_ADVISORY_LOCK_SHARED", TravelsAlone),
    Rule::holding("PG_ADVISORY_LOCK_SHARED", SessionState),
    Rule::holding("PG_TRY_ADVISORY_LOCK", TravelsAlone),
    Rule::holding("PG_TRY_ADVISORY_LOCK", SessionState),
    Rule::holding("PG_TRY_ADVISORY_LOCK_SHARED", TravelsAlone),
    Rule::holding("PG_TRY_ADVISORY_LOCK_SHARED", SessionState),
    // Checked at the commit: in a shared transaction a later migration could mend what an earlier one broke.
    Rule::holding("DEFERRABLE", EndsSharing),
    Rule::holding("DEFERRED", EndsSharing),
    // What lives as long as the session: temporary objects, prepared statements, channels.
    Rule::of(&["CREATE", "TEMP"], SessionState),
    Rule::of(&["CREATE", "TEMPORARY"], SessionState),
    Rule::of(&["CREATE", "*", "TEMP"], SessionState),
    Rule::of(&["CREATE", "*", "TEMPORARY"], SessionState),
    Rule::of(&["CREATE", "OR", "REPLACE", "TEMP"], SessionState),
    Rule::of(&["CREATE", "OR", "REPLACE", "TEMPORARY"], SessionState),
    Rule::with(&["SELECT"], "TEMP", SessionState),
    Rule::with(&["SELECT"], "TEMPORARY", SessionState),
    Rule::of(&["LOAD"], SessionState),
    Rule::of(&["PREPARE"], SessionState),
    Rule::of(&["LISTEN"], SessionState),
];
