//! A script of 200 MB beside SQLite's own client: time, and the peak of memory (VmHWM) of a process for each.
//!
//! Each contestant is a process of its own, since a peak is one of a process. Whimbrel's is this very program, started
//! with [`CHILD`].

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use whimbrel::{Directory, Migrator};
use whimbrel_sqlite as _;

use crate::contest::verdict;

/// The first argument of the process that applies the script.
pub(crate) const CHILD: &str = "--large-script";

const BYTES: usize = 200 << 20;

/// What the client may take above the file, in KiB.
const ABOVE_THE_FILE: usize = 64 << 10;

/// Applies the migrations of a directory to a database file.
pub(crate) fn child(folder: &str, database: &str) {
    let mut db = Connection::open(database).expect("a database");
    let report = Migrator::new(Directory::new(folder).unlocked())
        .run_blocking(&mut db)
        .expect("nothing stands in the way");
    assert_eq!(report.migrations.len(), 1, "the script is one migration");
}

/// Writes a table and INSERTs of that many bytes; answers how many rows.
fn write_script(path: &Path) -> usize {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let (mut written, mut rows, mut line) = (0, 0, String::new());
    writeln!(file, "CREATE TABLE big (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);")
        .expect("a line");
    while written < BYTES {
        line.clear();
        let _ = writeln!(
            line,
            "INSERT INTO big (id, name, note) VALUES ({rows}, 'name of row {rows}', '{:0>140}');",
            rows % 1_000_003
        );
        file.write_all(line.as_bytes()).expect("a line");
        written += line.len();
        rows += 1;
    }
    file.flush().expect("a script");
    rows
}

/// The time of a process, and its peak of memory in KiB.
fn measure(command: &mut Command) -> (Duration, usize) {
    let began = Instant::now();
    let mut child = command.spawn().expect("a process");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let high = high.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse().ok());
        peak = peak.max(high.unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a process") {
            assert!(status.success(), "a contestant has failed");
            return (began.elapsed(), peak);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One round: each goes once, from an empty file.
pub(crate) fn large_script(folder: &Path) -> bool {
    let migrations = folder.join("large");
    fs::create_dir_all(&migrations).expect("a folder");
    let script = migrations.join("0001_big.sql");
    let rows = write_script(&script);
    println!("a script of {} MiB, {rows} INSERTs, one transaction; SQLite", BYTES >> 20);
    let shell = folder.join("shell.sql");
    fs::write(&shell, format!("BEGIN;\n.read {}\nCOMMIT;\n", script.display())).expect("a script");
    let program = std::env::current_exe().expect("this program");
    let database = |name: &str| folder.join(name).display().to_string();
    let own = measure(Command::new(program).arg(CHILD).arg(&migrations).arg(database("whimbrel.db")));
    let shell = File::open(shell).expect("a script");
    let theirs = measure(
        Command::new("sqlite3").arg("-bail").arg(database("sqlite3.db")).stdin(shell).stdout(Stdio::null()),
    );
    for (name, file, (time, peak)) in
        [("sqlite3 (its own client)", "sqlite3.db", theirs), ("whimbrel", "whimbrel.db", own)]
    {
        let db = Connection::open(folder.join(file)).expect("a database");
        let count: i64 = db.query_row("SELECT count(*) FROM big", (), |row| row.get(0)).expect("a number");
        assert_eq!(count, rows as i64, "{name} has lost rows");
        let ratio = time.as_secs_f64() / theirs.0.as_secs_f64();
        println!("  {name:<30} {:>8.2} s  {ratio:>5.2}x  peak {:>4} MiB", time.as_secs_f64(), peak >> 10);
    }
    let above = own.1.saturating_sub(BYTES >> 10);
    verdict(&format!("peak at most 64 MiB above the file: {} MiB", above >> 10), above <= ABOVE_THE_FILE)
}
