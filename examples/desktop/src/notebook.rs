//! The file with the notes: opened, backed up, migrated, read and written. Knows nothing of the command line.

use std::error::Error;
use std::fs;
use std::path::Path;

use whimbrel::{Ahead, Migrator};
use whimbrel_embed::{Embedded, embed};
use whimbrel_sqlite::SqliteBackup;
use whimbrel_sqlite::rusqlite::{self, Connection};

/// Checked against `migrations/whimbrel.sum` when the program is compiled.
static MIGRATIONS: Embedded = embed!("migrations");

/// One note.
pub(crate) struct Note {
    pub(crate) number: i64,
    pub(crate) text: String,
    pub(crate) is_done: bool,
}

/// An open file of notes, which has everything that this program needs.
pub(crate) struct Notebook {
    db: Connection,
}

impl Notebook {
    /// Opens the file, or makes it, and brings it up to date. Two programs may do this at once.
    pub(crate) fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let is_new = fs::metadata(path).map_or(true, |file| file.len() == 0);
        let mut db = Connection::open(path)?;
        // People go back to an older program. It cannot know what newer notes look like, so it leaves them alone.
        let mut migrator = Migrator::new(&MIGRATIONS)
            .with_application(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
            .with_ahead(Ahead::Refuse);
        if !is_new {
            // Beside the file, and only when something is about to change.
            migrator = migrator.with_backup(SqliteBackup::into_folder(folder));
        }
        let report = migrator.run_blocking(&mut db)?;
        if let Some(backup) = &report.backup {
            eprintln!("{report}; the file as it was: {backup}");
        }
        Ok(Self { db })
    }

    pub(crate) fn notes(&self) -> rusqlite::Result<Vec<Note>> {
        let mut select = self.db.prepare("SELECT id, text, is_done FROM notes ORDER BY id")?;
        let notes = select.query_map((), |row| {
            Ok(Note { number: row.get("id")?, text: row.get("text")?, is_done: row.get("is_done")? })
        })?;
        notes.collect()
    }

    /// Adds a note, and says its number.
    pub(crate) fn add(&self, text: &str) -> rusqlite::Result<i64> {
        self.db.execute("INSERT INTO notes (text) VALUES (?1)", [text])?;
        Ok(self.db.last_insert_rowid())
    }

    /// Marks a note as done. `false`: there is none of this number.
    pub(crate) fn done(&self, number: i64) -> rusqlite::Result<bool> {
        Ok(self.db.execute("UPDATE notes SET is_done = 1 WHERE id = ?1", [number])? == 1)
    }
}
