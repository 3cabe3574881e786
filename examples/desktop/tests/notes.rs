//! The program for the desktop as a process: what happens to its file. Knows its migrations where they lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use whimbrel::{Directory, Migrator, Version};
use whimbrel_sqlite::rusqlite::Connection;

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");

fn notes(file: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_notes"));
    command.arg("--file").arg(file).args(words).output().expect("it starts")
}

/// What it prints when all is well.
fn printed(file: &Path, words: &[&str]) -> String {
    let output = notes(file, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn backups(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "backup")).collect()
}

fn columns(file: &Path) -> String {
    let db = Connection::open(file).expect("a database");
    let sql = "SELECT group_concat(name, ' ') FROM pragma_table_info('notes')";
    db.query_row(sql, (), |row| row.get(0)).expect("a table")
}

#[test]
fn notes_are_kept_from_run_to_run_and_nothing_is_backed_up_that_does_not_change() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("deeper/notes.db");
    assert_eq!(printed(&file, &["add", "buy", "bread"]), "note 1\n");
    assert_eq!(printed(&file, &["add", "sleep"]), "note 2\n");
    assert_eq!(printed(&file, &["done", "1"]), "");
    assert_eq!(printed(&file, &[]), "  1 [x] buy bread\n  2 [ ] sleep\n");
    assert_eq!(backups(&folder.path().join("deeper")), [] as [PathBuf; 0]);
}

#[test]
fn an_older_file_is_backed_up_as_it_was_and_brought_up_to_date() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("notes.db");
    let mut db = Connection::open(&file).expect("a database");
    let first = Version::new(1).expect("a version");
    let older = Migrator::new(Directory::new(MIGRATIONS)).with_target(first).run_blocking(&mut db);
    older.expect("the older program's migrations");
    db.execute("INSERT INTO notes (text) VALUES ('from long ago')", ()).expect("a note");
    db.close().expect("nothing is open");

    let output = notes(&file, &["list"]);
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "  1 [ ] from long ago\n", "{told}");
    let (report, _) = told.split_once('(').expect("a time");
    assert_eq!(report, "applied 1 migration, now at 2_notes_can_be_done ");
    assert!(include_str!("../README.md").contains(report), "the page does not say `{report}`");
    assert_eq!(columns(&file), "id text is_done");

    let backups = backups(folder.path());
    let [backup] = &backups[..] else { panic!("one backup expected, not {backups:?}") };
    let name = backup.file_name().expect("a name").to_str().expect("text");
    assert!(told.trim_end().ends_with(name), "{told}");
    assert_eq!(columns(backup), "id text");
    let kept = Connection::open(backup).expect("a database");
    let text: String = kept.query_row("SELECT text FROM notes", (), |row| row.get(0)).expect("a note");
    assert_eq!(text, "from long ago");

    // From then on there is nothing to do.
    let again = notes(&file, &["list"]);
    assert_eq!((again.status.code(), again.stderr.len()), (Some(0), 0));
    assert_eq!(self::backups(folder.path()).len(), 1);
}

#[test]
fn a_file_of_a_newer_program_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let newer = folder.path().join("newer");
    fs::create_dir(&newer).expect("a folder");
    for entry in fs::read_dir(MIGRATIONS).expect("migrations") {
        let from = entry.expect("an entry").path();
        if from.extension().is_some_and(|extension| extension == "sql") {
            fs::copy(&from, newer.join(from.file_name().expect("a name"))).expect("a copy");
        }
    }
    fs::write(newer.join("0003_colours.sql"), "ALTER TABLE notes ADD COLUMN colour TEXT;").expect("a file");
    let file = folder.path().join("notes.db");
    let mut db = Connection::open(&file).expect("a database");
    Migrator::new(Directory::new(&newer).unlocked()).run_blocking(&mut db).expect("the newer program's run");
    db.close().expect("nothing is open");
    let before = fs::read(&file).expect("a file");

    let output = notes(&file, &["add", "nothing"]);
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("refused: ") && told.contains("3_colours"), "{told}");
    assert_eq!(fs::read(&file).expect("a file"), before);
    assert!(backups(folder.path()).is_empty());
}

#[test]
fn programs_that_open_a_new_file_at_once_all_write_to_it() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("notes.db");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(printed(&file, &["add", "me too"]).starts_with("note ")));
        }
    });
    assert_eq!(printed(&file, &["list"]).lines().count(), 4);
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
#[test]
fn without_a_path_it_is_the_users_data_folder_that_is_written_to() {
    let home = TempDir::new().expect("a folder");
    let data = home.path().join("data");
    let mut command = Command::new(env!("CARGO_BIN_EXE_notes"));
    let output = command.args(["add", "here"]).env("HOME", home.path()).env("XDG_DATA_HOME", &data).output();
    assert!(output.expect("it starts").status.success());
    assert_eq!(printed(&data.join("whimbrel-notes/notes.db"), &["list"]), "  1 [ ] here\n");
}

#[test]
fn words_that_mean_nothing_are_answered_with_the_usage_and_make_no_file() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("notes.db");
    for words in [&["ad", "x"][..], &["add"], &["done", "x"], &["list", "x"]] {
        let output = notes(&file, words);
        let told = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(told.contains("usage: notes"), "{words:?}: {told}");
    }
    assert!(!file.exists());
}
