//! What a person cares about, on temporary files: a plan, an edited file, a kill in the middle, a way back, two processes
//! at once, and the history.
//!
//! `cargo run --example tour`

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use whimbrel::{Directory, Event, Manifest, Migrator, Version};
use whimbrel_sqlite as _;

const FILES: [(&str, &str); 5] = [
    ("0001_create_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n"),
    ("0002_first_users.sql", "INSERT INTO users (name) VALUES ('Ada'), ('Grace');\n"),
    (
        "0003_compact.sql",
        "-- whimbrel: no-transaction\nINSERT INTO users (name) VALUES ('Edsger');\nVACUUM;\n\
         INSERT INTO users (name) VALUES ('Barbara');\n",
    ),
    (
        "0004_create_orders.up.sql",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL);\n",
    ),
    ("0004_create_orders.down.sql", "DROP TABLE orders;\n"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, folder, database] = arguments.as_slice() {
        return child(mode, Path::new(folder), Path::new(database));
    }
    let temporary = tempfile::TempDir::new()?;
    let (folder, database) = (temporary.path().join("migrations"), temporary.path().join("app.db"));
    fs::create_dir(&folder)?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    lock(&folder)?;
    let migrator = Migrator::new(Directory::new(&folder)).with_application("tour", "1.0.0");
    let mut db = Connection::open(&database)?;

    title("The plan, before anything is changed");
    println!("{}", migrator.plan_blocking(&mut db)?);

    title("A process that is killed after the second of three statements outside a transaction");
    let status = start("kill", &folder, &database)?.wait()?;
    println!("the process ended with {status}");
    println!("{}", migrator.status_blocking(&mut db)?);

    title("The next run goes on behind the last statement that took effect");
    println!("{}", migrator.run_blocking(&mut db)?);
    let names: Vec<String> = db
        .prepare("SELECT name FROM users ORDER BY id")?
        .query_map((), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    println!("users: {}", names.join(", "));

    title("A file that is edited and not locked is refused before the database is called");
    fs::write(folder.join(FILES[0].0), "CREATE TABLE users (id INTEGER);\n")?;
    println!("{:#}", migrator.run_blocking(&mut db).expect_err("an edited file"));

    title("Locked, it is refused since another text was applied");
    lock(&folder)?;
    println!("{:#}", migrator.run_blocking(&mut db).expect_err("a changed migration"));
    fs::write(folder.join(FILES[0].0), FILES[0].1)?;
    lock(&folder)?;

    title("A mistake in the next file: the place, what it was, and what to do");
    fs::write(
        folder.join("0005_add_email.sql"),
        "ALTER TABLE users\n    ADD email TEXT CHECK (email LIKE '%@%' AN email <> '');\n",
    )?;
    lock(&folder)?;
    println!("{:#}", migrator.run_blocking(&mut db).expect_err("a mistake"));
    fs::remove_file(folder.join("0005_add_email.sql"))?;
    lock(&folder)?;

    title("Back to version 3, and a restart of the same program does not undo that");
    println!("{}", migrator.revert_to_blocking(&mut db, Version::new(3))?);
    println!("{:#}", migrator.run_blocking(&mut db).expect_err("a reverted migration"));

    title("Two processes at once on a new database");
    let fresh = temporary.path().join("fresh.db");
    for child in [start("run", &folder, &fresh)?, start("run", &folder, &fresh)?] {
        let output = child.wait_with_output()?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }

    title("The history, whose rows are chained");
    let tips = migrator.verify_history_blocking(&mut db, &[])?;
    let mut rows =
        db.prepare("SELECT seq, event, coalesce(version, ''), coalesce(name, ''), at FROM whimbrel_history")?;
    let mut rows = rows.query(())?;
    while let Some(row) = rows.next()? {
        let (seq, event): (i64, String) = (row.get(0)?, row.get(1)?);
        let version = row.get_ref(2)?.as_i64().map_or(String::new(), |version| version.to_string());
        let (name, at): (String, String) = (row.get(3)?, row.get(4)?);
        println!("  {seq:>2}  {event:<10} {version:>2} {name:<16} {at}");
    }
    println!("tip {}", tips[0].hash);
    Ok(())
}

fn title(text: &str) {
    println!("\n== {text}\n");
}

/// What a person does after reviewing a change: `whimbrel lock` does the same.
fn lock(folder: &Path) -> Result<(), Box<dyn Error>> {
    let set = Directory::new(folder).unlocked().read("sqlite")?;
    let (manifest, _changes) = Manifest::lock(&set, set.manifest());
    Ok(fs::write(folder.join("whimbrel.sum"), manifest.to_string())?)
}

fn start(mode: &str, folder: &Path, database: &Path) -> std::io::Result<std::process::Child> {
    Command::new(std::env::current_exe()?)
        .arg(mode)
        .args([folder, database])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

/// The same program as another process: migrates, or dies on the way.
fn child(mode: &str, folder: &Path, database: &Path) -> Result<(), Box<dyn Error>> {
    let dies = mode == "kill";
    let mut db = Connection::open(database)?;
    let report = Migrator::new(Directory::new(folder))
        .with_lock_deadline(Duration::from_secs(20))
        .with_observer(move |event: &Event<'_>| {
            if dies && matches!(event, Event::Statement { statement: 2, .. }) {
                // No destructor runs, nothing is flushed.
                std::process::abort();
            }
        })
        .run_blocking(&mut db)?;
    println!("process {}: {report}", std::process::id());
    Ok(())
}
