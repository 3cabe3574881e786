//! A picture of a database: its schema, its data and its history, as text that can be compared.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Everything that an undisturbed run determines: what differs from run to run (times, processes, hashes) is left out.
///
/// # Panics
/// The database cannot be read.
pub fn picture(path: &Path) -> String {
    let db = Connection::open(path).expect("the database opens");
    format!("{}{}", application(&db), history(&db))
}

/// Schema and data without the history.
///
/// # Panics
/// The database cannot be read.
pub fn application(db: &Connection) -> String {
    let mut text = String::new();
    let sound: String = db.query_row("PRAGMA integrity_check", (), |row| row.get(0)).expect("a check");
    assert_eq!(sound, "ok");
    let version: i64 = db.query_row("PRAGMA user_version", (), |row| row.get(0)).expect("a version");
    let _ = writeln!(text, "user_version {version}");
    let objects = rows(
        db,
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'whimbrel_history' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    );
    text.push_str(&objects);
    let tables: Vec<String> = db
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'whimbrel_history' ORDER BY name")
        .expect("a query")
        .query_map((), |row| row.get(0))
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("names");
    for table in tables {
        let _ = writeln!(text, "-- {table}");
        text.push_str(&rows(db, &format!("SELECT * FROM \"{table}\" ORDER BY 1")));
    }
    text
}

/// The history without what differs from run to run.
///
/// # Panics
/// The database cannot be read.
pub fn history(db: &Connection) -> String {
    rows(
        db,
        "SELECT set_name, seq, event, version, name, digest, head, repeatables, below, \
         CASE event WHEN 'finished' THEN NULL ELSE detail END FROM whimbrel_history ORDER BY set_name, seq",
    )
}

/// The rows of a query, a line each.
///
/// # Panics
/// The query fails.
pub fn rows(db: &Connection, sql: &str) -> String {
    let mut text = String::new();
    let mut statement = db.prepare(sql).expect("a query");
    let columns = statement.column_count();
    let mut rows = statement.query(()).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        for column in 0..columns {
            let _ = match row.get_ref(column).expect("a column") {
                ValueRef::Null => write!(text, "NULL|"),
                ValueRef::Integer(number) => write!(text, "{number}|"),
                ValueRef::Real(number) => write!(text, "{number}|"),
                ValueRef::Text(bytes) => write!(text, "{}|", String::from_utf8_lossy(bytes)),
                ValueRef::Blob(bytes) => write!(text, "{bytes:?}|"),
            };
        }
        text.push('\n');
    }
    text
}
