//! The queue on SQLite, over rusqlite. Knows no migrations.

use rusqlite::{Connection, OptionalExtension, Result};

/// Puts a job into the queue, and says its number. In a transaction of the application's, the job is there if what it is
/// about is.
///
/// # Errors
/// What the database says.
pub fn enqueue(db: &Connection, kind: &str, payload: &str) -> Result<i64> {
    let sql = "INSERT INTO jobs (kind, payload) VALUES (?1, ?2) RETURNING id";
    db.query_row(sql, [kind, payload], |row| row.get(0))
}

/// Ends the oldest job of a kind, and hands out its number and its payload. Whoever asks at the same time gets another one.
///
/// # Errors
/// What the database says.
pub fn take(db: &Connection, kind: &str) -> Result<Option<(i64, String)>> {
    let sql = "UPDATE jobs SET ended_at = datetime() WHERE id = (
                   SELECT id FROM jobs WHERE kind = ?1 AND ended_at IS NULL ORDER BY id LIMIT 1
               ) RETURNING id, payload";
    db.query_row(sql, [kind], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}
