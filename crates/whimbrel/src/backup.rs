//! The hook that makes a backup before anything pending is applied.

use async_trait::async_trait;

use crate::driver::Driver;
use crate::plan::Plan;
use crate::step::StepError;

/// Makes a backup before anything pending is applied.
///
/// **Who implements it:** a driver's crate where the database has a way, or an application that calls a tool.
///
/// **Who calls it:** the engine, once per run that has something to do, when it holds the lock and has changed nothing. If
/// the transaction that it stood before is rolled back and tried again, so is the backup.
///
/// **On failure:** nothing is applied.
///
/// A tool that connects by itself, as `pg_dump` does, sees what was committed when it began, and so nothing of the run; what
/// applications write later is not in its dump. It must not wait for what the driver's transaction holds: on a first run
/// that is the history's table, which it does not see. The [example] for PostgreSQL, MariaDB and MySQL shows it, with the
/// password in neither arguments nor variables.
///
/// [example]: https://github.com/whimbrel-rs/whimbrel/tree/main/examples/backup
///
/// # If interrupted
/// Nothing is applied; half a backup may lie where it was to be put.
#[async_trait]
pub trait Backup: Send + Sync {
    /// Makes the backup and says where it is. The driver is inside the transaction that holds the lock: it may be read
    /// from, not written to.
    ///
    /// # Errors
    /// The backup could not be made, or is not sound.
    async fn back_up(&self, driver: &mut dyn Driver, plan: &Plan) -> Result<Receipt, StepError>;
}

/// What is known of a backup. It goes into the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where the backup is, without any secret.
    pub place: String,
    /// How large it is, in bytes.
    pub bytes: u64,
    /// How it was checked.
    pub check: String,
}
