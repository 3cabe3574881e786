//! A large script on SQLite, beside `sqlite3`.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use whimbrel::{Directory, Migrator};
use whimbrel_sqlite as _;

use crate::large::{CHILD, Script, Wanted};
use crate::process::{Measured, measure};

/// Applies the migrations of a directory to a database file.
pub(crate) fn child(folder: &str, database: &str) {
    let mut db = Connection::open(database).expect("a database");
    let report = Migrator::new(Directory::new(folder).unlocked())
        .run_blocking(&mut db)
        .expect("nothing stands in the way");
    assert_eq!(report.migrations.len(), 2, "a table, and the script");
}

pub(crate) fn large_script(folder: &Path, wanted: &Wanted) -> bool {
    let script = Script::write(folder, wanted.megabytes, "BEGIN");
    let program = std::env::current_exe().expect("this program");
    let fresh = |name: &str| {
        let path = folder.join(name);
        for suffix in ["", "-journal"] {
            let _ = fs::remove_file(format!("{}{suffix}", path.display()));
        }
        path
    };
    let check = |path: &Path, measured: Measured| {
        let db = Connection::open(path).expect("a database");
        let count: i64 = db.query_row("SELECT count(*) FROM big", (), |row| row.get(0)).expect("a number");
        assert_eq!(count, script.rows as i64, "rows were lost");
        measured
    };
    script.contest(
        wanted.rounds.min(3),
        "sqlite3",
        &mut || {
            let path = fresh("sqlite3.db");
            let text = File::open(&script.whole).expect("a script");
            let mut client = Command::new("sqlite3");
            client.arg("-bail").arg(&path).stdin(text).stdout(Stdio::null());
            check(&path, measure(&mut client, None))
        },
        &mut || {
            let path = fresh("whimbrel.db");
            let mut own = Command::new(&program);
            check(&path, measure(own.arg(CHILD).arg(&script.migrations).arg(&path), None))
        },
    )
}
