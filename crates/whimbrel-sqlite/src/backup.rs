//! A backup of the database file, before anything pending is applied.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};
use whimbrel::{Backup, Driver, Plan, Receipt, StepError};

use crate::owned::Sqlite;

/// Copies the database into a folder before anything pending is applied, by SQLite's online backup, checks the copy's
/// integrity, and leaves a receipt in the history.
///
/// The copy is made while the migrator holds the write lock and has changed nothing: it is exactly what the migrations are
/// then applied to. Its name is the database's, the first digits of the plan's digest, and `.backup`; it is readable for
/// its owner only. A copy that is there already is never overwritten.
///
/// ```
/// # use whimbrel::{Memory, Migrator};
/// # use whimbrel_sqlite::SqliteBackup;
/// let migrator = Migrator::new(Memory::new()).with_backup(SqliteBackup::into_folder("/var/backups/app"));
/// ```
#[derive(Clone, Debug)]
pub struct SqliteBackup {
    folder: PathBuf,
}

impl SqliteBackup {
    /// Puts backups into this folder, which has to exist.
    pub fn into_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

#[async_trait]
impl Backup for SqliteBackup {
    async fn back_up(&self, driver: &mut dyn Driver, plan: &Plan) -> Result<Receipt, StepError> {
        let (folder, digest) = (self.folder.clone(), plan.digest().short());
        let native = driver.native();
        if let Some(sqlite) = native.downcast_mut::<Sqlite>() {
            return sqlite.call(move |connection| copy(connection, &folder, &digest)).await?;
        }
        match native.downcast_mut::<Connection>() {
            Some(connection) => copy(connection, &folder, &digest),
            None => Err("SqliteBackup is for the SQLite driver".into()),
        }
    }
}

/// The connection itself is inside a transaction, from which SQLite makes no online backup: a second one reads.
fn copy(connection: &Connection, folder: &Path, digest: &str) -> Result<Receipt, StepError> {
    let path = connection.path().filter(|path| !path.is_empty());
    let path = Path::new(path.ok_or("a database in memory has no file that could be backed up")?);
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let target = create(folder, &format!("{name}-{digest}"))?;
    match fill(path, &target) {
        Ok(receipt) => Ok(receipt),
        Err(error) => {
            // Half a backup must not be taken for one.
            let _ = std::fs::remove_file(&target);
            Err(error)
        }
    }
}

/// Creates a new file. The same plan may have been tried, and backed up for, before.
fn create(folder: &Path, name: &str) -> Result<PathBuf, StepError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 1;
    loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let target = folder.join(format!("{name}{suffix}.backup"));
        match options.open(&target) {
            Ok(_) => return Ok(target),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(format!("{} cannot be created: {error}", target.display()).into()),
        }
    }
}

fn fill(path: &Path, target: &Path) -> Result<Receipt, StepError> {
    let source = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut copy = Connection::open(target)?;
    let backup = rusqlite::backup::Backup::new(&source, &mut copy)?;
    backup.run_to_completion(1024, std::time::Duration::from_millis(1), None)?;
    drop(backup);
    let check: String = copy.query_row("PRAGMA integrity_check", (), |row| row.get(0))?;
    if check != "ok" {
        return Err(format!("the copy {} is not sound", target.display()).into());
    }
    copy.close().map_err(|(_, error)| error)?;
    let bytes = std::fs::metadata(target)?.len();
    let place = target.canonicalize().unwrap_or_else(|_| target.to_owned()).display().to_string();
    Ok(Receipt { place, bytes, check: "integrity_check: ok".to_owned() })
}
