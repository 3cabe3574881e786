//! Row 20: no code comes in but by the linker.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use whimbrel::{ErrorKind, Memory, Migrator};
use whimbrel_sqlite as _;
use whimbrel_tests::memory_folder;

/// Every source file of the library's crates, and of none for tests.
fn sources() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut folders: Vec<PathBuf> = fs::read_dir(crates)
        .expect("the crates")
        .flatten()
        .filter(|entry| entry.file_name() != "whimbrel-testkit")
        .map(|entry| entry.path().join("src"))
        .collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

#[test]
fn threat_20_no_code_is_loaded_and_no_command_is_run() {
    // A script cannot load a library into the process.
    let folder = memory_folder();
    let library = folder.path().join("evil.so");
    fs::write(&library, "no library").expect("written");
    for call in ["load_extension", "fts3_tokenizer"] {
        let mut db = Connection::open_in_memory().expect("memory");
        let script = format!("SELECT {call}('{}', 'init');", library.display());
        let set = Memory::new().with_sql(1, "load", script);
        let error = Migrator::new(set).run_blocking(&mut db).expect_err("it is off");
        assert!(
            matches!(error.kind(), ErrorKind::Files | ErrorKind::Database | ErrorKind::Configuration),
            "{error:#}"
        );
        let applied: i64 = db
            .query_row("SELECT count(*) FROM whimbrel_history WHERE event = 'applied'", (), |row| row.get(0))
            .unwrap_or_default();
        assert_eq!(applied, 0, "{call}");
    }
    // The library's own code has no way to: it opens no library, and starts no program.
    let files = sources();
    assert!(files.len() > 100, "{}", files.len());
    // Only a person who types a verb of the command has a program started: the one that holds their key for `sign`, and git
    // for what it has of a manifest. No migration can.
    let starts = ["whimbrel-cli/src/verbs/sign.rs", "whimbrel-cli/src/git.rs"].map(Path::new);
    assert!(starts.iter().all(|start| files.iter().any(|file| file.ends_with(start))));
    for file in files.into_iter().filter(|file| !starts.iter().any(|start| file.ends_with(start))) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        // What stands behind this is compiled for tests alone.
        let text = text.split("\nmod tests {").next().unwrap_or_default();
        // The policy names what it is against.
        let policy = file.components().any(|part| part.as_os_str() == "whimbrel-policy");
        for word in ["libloading", "dlopen", "process::Command", "Command::new", "load_extension"] {
            if policy && word == "load_extension" {
                continue;
            }
            assert!(!text.contains(word), "{}: {word}", file.display());
        }
    }
    let lock =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).expect("a lock file");
    for package in ["libloading", "dlopen", "dlopen2", "abi_stable", "sharedlib"] {
        assert!(!lock.contains(&format!("name = \"{package}\"")), "{package}");
    }
}
