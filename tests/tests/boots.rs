//! Many processes boot at once.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use whimbrel_tests::memory_folder;
use whimbrel_tests::picture::picture;

fn boot(path: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_victim"))
        .args([path.as_os_str(), "auto".as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Boots so many processes at once; all succeed, and only one of them applies.
fn boots(path: &Path, processes: usize) {
    let children: Vec<Child> = (0..processes).map(|_| boot(path)).collect();
    for child in children {
        let output = child.wait_with_output().expect("the program ends");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("busy") && !said.contains("locked"), "{said}");
    }
}

fn rounds() -> usize {
    20
}

#[test]
fn fifty_processes_on_a_fresh_file_all_succeed_and_apply_once() {
    let folder = memory_folder();
    let alone = folder.path().join("alone.db");
    boots(&alone, 1);
    let expected = picture(&alone);
    for round in 0..rounds() {
        let path = folder.path().join(format!("{round}.db"));
        boots(&path, 50);
        assert_eq!(picture(&path), expected, "round {round}");
        std::fs::remove_file(&path).expect("the file goes");
    }
}

#[test]
fn fifty_processes_on_a_write_ahead_log_all_succeed_and_apply_once() {
    let folder = memory_folder();
    let alone = folder.path().join("alone.db");
    boots(&alone, 1);
    let expected = picture(&alone);
    for round in 0..rounds() / 4 {
        let path = folder.path().join(format!("{round}.db"));
        let db = Connection::open(&path).expect("a database");
        let mode: String = db.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)).expect("a mode");
        assert_eq!(mode, "wal");
        boots(&path, 50);
        assert_eq!(picture(&path), expected, "round {round}");
    }
}
