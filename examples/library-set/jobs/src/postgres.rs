//! The queue on PostgreSQL, over tokio-postgres. Knows no migrations.

use tokio_postgres::{Error, GenericClient};

/// Puts a job into the queue, and says its number. In a transaction of the application's, the job is there if what it is
/// about is.
///
/// # Errors
/// What the database says.
pub async fn enqueue(client: &impl GenericClient, kind: &str, payload: &str) -> Result<i64, Error> {
    let sql = "INSERT INTO jobs (kind, payload) VALUES ($1, $2) RETURNING id";
    client.query_one(sql, &[&kind, &payload]).await?.try_get(0)
}

/// Ends the oldest job of a kind, and hands out its number and its payload. Whoever asks at the same time gets another one.
///
/// # Errors
/// What the database says.
pub async fn take(client: &impl GenericClient, kind: &str) -> Result<Option<(i64, String)>, Error> {
    let sql = "UPDATE jobs SET ended_at = now() WHERE id = (
                   SELECT id FROM jobs WHERE kind = $1 AND ended_at IS NULL
                   ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
               ) RETURNING id, payload";
    let row = client.query_opt(sql, &[&kind]).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}
