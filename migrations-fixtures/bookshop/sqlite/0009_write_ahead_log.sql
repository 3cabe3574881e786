-- whimbrel: no-transaction
-- Readers no longer wait for the one who writes; SQLite changes the journal's mode only outside transactions.
PRAGMA journal_mode = WAL;
ANALYZE;
