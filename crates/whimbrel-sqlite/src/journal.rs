//! The rollback journal, without which a transaction that fails stays half done.
//!
//! With `PRAGMA journal_mode = OFF` nothing can be rolled back: a statement that fails in its middle leaves what it has done
//! (sqlite.org/pragma.html#pragma_journal_mode). No transaction is begun in that mode, and no script may set it. With MEMORY
//! a rollback works, but a crash in the middle of a commit can damage the file.

use rusqlite::Connection;
use whimbrel::{DriverError, ErrorClass};

use crate::dialect::identifier;
use crate::error::driver_error;

/// The journal mode of each database of a connection, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Journals(Vec<(String, String)>);

impl Journals {
    pub(crate) fn read(connection: &Connection) -> Result<Self, DriverError> {
        let wrong = |error| driver_error(&error, "");
        let mut list = connection.prepare("PRAGMA database_list").map_err(wrong)?;
        let names = list.query_map((), |row| row.get::<_, String>(1)).map_err(wrong)?;
        let mut modes = Vec::new();
        for name in names {
            let name = name.map_err(wrong)?;
            // What stands in temporary tables is gone with the session, whatever becomes of a transaction.
            if name != "temp" {
                let sql = format!("PRAGMA {}.journal_mode", identifier(&name));
                let mode: String = connection.query_row(&sql, (), |row| row.get(0)).map_err(wrong)?;
                modes.push((name, mode.to_ascii_lowercase()));
            }
        }
        Ok(Self(modes))
    }

    /// The databases in whose mode nothing can be rolled back.
    fn off(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, mode)| mode == "off").map(|(name, _)| name.as_str())
    }

    fn mode(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, mode)| mode.as_str())
    }

    /// Sets the mode of each database back that has come to `off`, and to `memory` if `memory_too`; answers which those are.
    fn put_back(&self, connection: &Connection, memory_too: bool) -> rusqlite::Result<Vec<String>> {
        let now = Self::read(connection).map_or_else(|_| Vec::new(), |now| now.0);
        let mut changed = Vec::new();
        for (name, mode) in now {
            let lost = mode == "off" || (memory_too && mode == "memory");
            let before = self.mode(&name).unwrap_or("delete");
            if lost && before != mode {
                let sql = format!("PRAGMA {}.journal_mode = {before}", identifier(&name));
                connection.query_row(&sql, (), |_| Ok(()))?;
                changed.push(name);
            }
        }
        Ok(changed)
    }

    /// Sets back what a script has left, as the application had it.
    pub(crate) fn restore(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.put_back(connection, true).map(drop)
    }

    /// Fails if a statement has come to a mode in which nothing can be rolled back, which is set back at once.
    pub(crate) fn refuse_change(&self, connection: &Connection) -> Result<(), DriverError> {
        let changed = self.put_back(connection, false).map_err(|error| driver_error(&error, ""))?;
        if changed.is_empty() {
            return Ok(());
        }
        Err(DriverError::new(
            ErrorClass::Sql,
            format!(
                "with journal_mode OFF ({}) nothing could be rolled back, so it was set back at once",
                changed.join(", ")
            ),
        )
        .with_hint("leave the PRAGMA out, or set journal_mode to DELETE or WAL"))
    }
}

/// Fails where a rollback would not take anything back.
pub(crate) fn refuse_off(connection: &Connection) -> Result<(), DriverError> {
    let journals = Journals::read(connection)?;
    let off: Vec<&str> = journals.off().collect();
    let Some(first) = off.first() else { return Ok(()) };
    Err(DriverError::new(
        ErrorClass::Unprotected,
        format!("journal_mode of the database {} is OFF, so nothing could be rolled back", off.join(", ")),
    )
    .with_hint(format!("PRAGMA {}.journal_mode = DELETE", identifier(first))))
}
