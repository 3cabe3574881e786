//! What `lock`, `new` and `init` may write, and what they leave alone.

mod editing;
mod merging;
mod stage;

use std::process::Command;

use stage::{Kind, Said, Stage};

fn stage() -> Stage {
    Stage::new(Kind::Sqlite)
}

/// A stage with these migrations, locked.
fn locked(versions: &[i64]) -> Stage {
    let stage = stage();
    for version in versions {
        stage.migration(*version, "made", &format!("CREATE TABLE t{version} (a INTEGER);\n"));
    }
    stage.done("lock");
    stage
}

/// Everything that it said.
fn all(said: &Said) -> String {
    format!("{}{}", said.stdout, said.stderr)
}

/// Runs it, expects this end, and gives back what it said.
fn ends(stage: &Stage, code: i32, arguments: &[&str]) -> String {
    let said = stage.whimbrel_with(arguments);
    assert_eq!(said.code, code, "whimbrel {arguments:?}: {said:#?}");
    all(&said)
}

fn manifest(stage: &Stage) -> String {
    stage.read("migrations/whimbrel.sum")
}

/// The names in a folder, sorted.
fn names(stage: &Stage, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(stage.path().join(folder)).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_temporary_file_is_not_written_through() {
    let stage = stage();
    stage.migration(1, "made", "CREATE TABLE t (a INTEGER);\n");
    stage.write("victim", "precious");
    let link = stage.path().join("migrations/whimbrel.sum.tmp");
    std::os::unix::fs::symlink(stage.path().join("victim"), link).expect("a link");
    stage.done("lock");
    assert_eq!(stage.read("victim"), "precious");
    assert_eq!(names(&stage, "migrations"), ["0001_made.sql", "whimbrel.sum", "whimbrel.sum.tmp"]);
}

#[test]
fn new_blesses_no_file_that_it_has_not_made() {
    let stage = locked(&[1]);
    let before = manifest(&stage);
    stage.write("migrations/0002_evil.sql", "DROP TABLE t1;\n");
    let said = all(&stage.done("new fine"));
    assert!(said.contains("other files have changed since they were locked: whimbrel lock"), "{said}");
    assert_eq!(manifest(&stage), before);
    std::fs::remove_file(stage.path().join("migrations/0002_evil.sql")).expect("a file");
    std::fs::remove_file(stage.path().join("migrations/0003_fine.sql")).expect("a file");

    stage.write("migrations/0001_made.down.sql", "DROP TABLE t1;\n");
    stage.done("new fine");
    assert_eq!(manifest(&stage), before);
    let said = ends(&stage, 4, &["lock"]);
    assert!(said.contains("version 1 is not what was locked"), "{said}");
    stage.done("lock --accept 1 --reason reversible");
    let after = manifest(&stage);
    assert!(after.contains("0001_made.down.sql\n") && after.contains("former 1 b3v1:"), "{after}");
}

#[test]
fn new_locks_what_it_has_made_and_the_template_may_be_filled() {
    let stage = stage();
    stage.done("new users --down");
    assert!(manifest(&stage).contains("0001_users.down.sql\n"));
    stage.write("migrations/0001_users.sql", "CREATE TABLE users (a INTEGER);\n");
    stage.done("lock");
}

#[test]
fn a_step_in_rust_is_locked_as_it_was_made() {
    let stage = stage();
    stage.done("new hash --rust");
    let before = manifest(&stage);
    stage.write("migrations/0001_hash.rust", "revision = 2\n");
    let said = ends(&stage, 4, &["lock"]);
    assert!(said.contains("version 1 is not what was locked"), "{said}");
    assert_eq!(manifest(&stage), before);
}

#[test]
fn a_dialects_folder_beside_migrations_is_refused_by_all() {
    let stage = locked(&[1]);
    std::fs::create_dir(stage.path().join("migrations/sqlite")).expect("a folder");
    for line in ["up", "verify", "lint", "lock", "new x", "plan"] {
        let said = stage.whimbrel(line);
        assert_eq!(said.code, 4, "{line}: {said:#?}");
        assert!(all(&said).contains("has migrations of its own and a folder `sqlite`"), "{line}: {said:#?}");
    }
    assert_eq!(names(&stage, "migrations"), ["0001_made.sql", "sqlite", "whimbrel.sum"]);
    // A manifest alone is a sign of migrations as well.
    std::fs::remove_file(stage.path().join("migrations/0001_made.sql")).expect("a file");
    ends(&stage, 4, &["up"]);
    ends(&stage, 4, &["lock"]);
}

/// Only a folder of the directory is named for a dialect; the directory itself may have such a name by chance.
#[test]
fn the_dialect_is_the_folders_name_or_else_the_databases() {
    let stage = stage();
    for (folder, directory) in
        [("mysql", "mysql"), ("folders/mysql", "folders"), ("folders/sqlite", "folders")]
    {
        stage.write(&format!("{folder}/0001_a.sql"), "CREATE TABLE a (b INTEGER);\n");
        stage.done(&format!("lock -d {directory}"));
    }
    let dialects = |directory: &str| -> Vec<String> {
        let said = stage.done(&format!("verify -d {directory} --format json")).json();
        let sets = said["data"]["sets"].as_array().expect("sets");
        sets.iter().map(|set| set["dialect"].as_str().expect("a dialect").to_owned()).collect()
    };
    assert_eq!(dialects("mysql"), ["sqlite"]);
    assert_eq!(dialects("folders"), ["mysql", "sqlite"]);
    let said = ends(&stage, 2, &["verify", "-d", "mysql", "--dialect", "oracle"]);
    assert!(said.contains("oracle") && said.contains("--dialect"), "{said}");
}

/// What is proposed to a database of before are the versions that there are for it, of those that another tool has noted.
#[test]
fn a_baseline_is_proposed_from_the_folder_of_the_database() {
    let stage = stage();
    for (dialect, version) in [("mysql", 7), ("sqlite", 3)] {
        stage.write(&format!("migrations/{dialect}/000{version}_a.sql"), "CREATE TABLE a (b INTEGER);\n");
    }
    stage.done("lock");
    let db = rusqlite::Connection::open(stage.path().join("shop.db")).expect("a database");
    db.execute("CREATE TABLE a (b INTEGER)", ()).expect("a table of before");
    // Without another tool's table nothing says which version that is.
    let said = ends(&stage, 4, &["up"]);
    assert!(said.contains("whimbrel baseline VERSION"), "{said}");
    db.execute_batch(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN NOT NULL);
         INSERT INTO _sqlx_migrations VALUES (3, TRUE), (7, TRUE);",
    )
    .expect("the table of another tool");
    let said = ends(&stage, 4, &["up"]);
    assert!(said.contains("whimbrel baseline 3\n"), "{said}");
    stage.done("baseline 3 --yes --reason there");
    stage.done("check");
}

#[test]
fn words_hold_for_the_folders_of_all_dialects_and_a_refusal_writes_none() {
    let stage = stage();
    for dialect in ["mysql", "sqlite"] {
        stage.write(&format!("migrations/{dialect}/0001_a.sql"), "CREATE TABLE a (b INTEGER);\n");
    }
    stage.done("lock");
    let manifests =
        || ["mysql", "sqlite"].map(|dialect| stage.read(&format!("migrations/{dialect}/whimbrel.sum")));
    let before = manifests();
    stage.write("migrations/mysql/0002_b.sql", "CREATE TABLE b (b INTEGER);\n");
    stage.write("migrations/sqlite/0001_a.sql", "CREATE TABLE a (c INTEGER);\n");
    ends(&stage, 4, &["lock"]);
    assert_eq!(manifests(), before, "mysql's comes first, and could be written");
    let said = ends(&stage, 2, &["lock", "--accept", "2", "--reason", "typo"]);
    assert!(said.contains("version 2 is as it was locked"), "{said}");
    stage.done("lock --accept 1 --reason typo");
    let [mysql, sqlite] = manifests();
    assert!(mysql.contains("0002_b.sql\n") && !mysql.contains("former"), "{mysql}");
    assert!(sqlite.contains("former 1 "), "{sqlite}");
}

#[test]
fn one_command_is_proposed_for_everything_that_differs() {
    let stage = locked(&[1, 2, 3, 4]);
    for version in [2, 3] {
        std::fs::remove_file(stage.path().join(format!("migrations/000{version}_made.sql"))).expect("a file");
    }
    let said = ends(&stage, 4, &["lock", "--remove", "2", "--reason", "not used"]);
    assert!(said.contains("version 3 is gone"), "{said}");
    assert!(said.contains("whimbrel lock --remove 2 --remove 3 --reason 'not used'"), "{said}");
    stage.migration(1, "made", "CREATE TABLE t1 (b INTEGER);\n");
    let said = ends(&stage, 4, &["lock"]);
    assert!(said.contains("version 1 is not what was locked; versions 2, 3 are gone"), "{said}");
    assert!(said.contains("whimbrel lock --accept 1 --remove 2 --remove 3 --reason '…'"), "{said}");
    assert!(said.contains("whimbrel lock --amend 1 --amend 2 --amend 3\n"), "{said}");
    stage.done("lock --accept 1 --remove 2 --remove 3 --reason meant");
}

#[test]
fn a_reason_that_was_copied_from_the_example_is_refused() {
    let stage = locked(&[1]);
    let before = manifest(&stage);
    stage.migration(1, "made", "CREATE TABLE t1 (b INTEGER);\n");
    let said = ends(&stage, 2, &["lock", "--accept", "1", "--reason", "…"]);
    assert!(said.contains("--reason gives no reason"), "{said}");
    assert_eq!(manifest(&stage), before);
}

/// Starts all, and then waits for all.
fn at_once(commands: Vec<Command>) {
    let running: Vec<_> = commands
        .into_iter()
        .map(|mut command| command.stdout(std::process::Stdio::null()).spawn().expect("whimbrel"))
        .collect();
    for mut child in running {
        assert!(child.wait().expect("its end").success());
    }
}

#[cfg(unix)]
#[test]
fn those_who_begin_and_lock_at_once_wait_for_each_other() {
    let stage = locked(&[1]);
    let command = |arguments: &[&str]| {
        let mut command = stage.command(env!("CARGO_BIN_EXE_whimbrel"));
        command.args(arguments);
        command
    };
    let begun = (0..6).map(|number| command(&["new", &format!("n{number}")]));
    at_once(begun.chain((0..4).map(|_| command(&["lock"]))).collect());
    let names = names(&stage, "migrations");
    let versions: Vec<&str> =
        names.iter().filter_map(|name| name.split_once('_').map(|(it, _)| it)).collect();
    assert_eq!(versions, ["0001", "0002", "0003", "0004", "0005", "0006", "0007"], "{names:?}");
    assert_eq!(names.len(), 8, "{names:?}");
    stage.done("lock --check");
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_comes_second_waits_and_sees_what_the_first_has_made() {
    let stage = locked(&[1]);
    let directory = std::fs::File::open(stage.path().join("migrations")).expect("the directory");
    for (arguments, wanted) in [(&["new", "mine"][..], "0003_mine.sql\n"), (&["lock"], "0004_made.sql\n")] {
        directory.lock().expect("a lock");
        let mut child =
            stage.command(env!("CARGO_BIN_EXE_whimbrel")).args(arguments).spawn().expect("whimbrel");
        // The kernel lists those who wait.
        let id = child.id().to_string();
        let waits = || {
            let locks = std::fs::read_to_string("/proc/locks").expect("the kernel's list");
            let of_child = |line: &str| line.split_whitespace().any(|word| word == id);
            locks.lines().any(|line| line.contains("-> FLOCK") && of_child(line))
        };
        while !waits() {
            std::thread::sleep(std::time::Duration::from_millis(2));
            let locks_nothing = child.try_wait().expect("its end");
            assert_eq!(locks_nothing, None, "it has not waited: {arguments:?}");
        }
        let version = if arguments[0] == "new" { 2 } else { 4 };
        stage.migration(version, "made", "CREATE TABLE u (a INTEGER);\n");
        if version == 2 {
            // As if the first had locked it as well.
            let alone = locked(&[1, 2]);
            stage.write("migrations/0002_made.sql", "CREATE TABLE t2 (a INTEGER);\n");
            stage.write("migrations/whimbrel.sum", &manifest(&alone));
        }
        directory.unlock().expect("no lock");
        assert!(child.wait().expect("its end").success());
        assert!(manifest(&stage).contains(wanted), "{}", manifest(&stage));
    }
}

#[test]
fn a_version_that_is_there_twice_and_a_wrong_name_come_with_the_file_to_rename() {
    let stage = locked(&[1, 2]);
    stage.write("migrations/0002_other.sql", "SELECT 1;\n");
    for line in ["lock", "new x"] {
        let said = ends(&stage, 4, &line.split(' ').collect::<Vec<_>>());
        assert!(
            said.contains(
                "next: if no database has 0002_other.sql: whimbrel lock --renumber migrations/0002_other.sql"
            ),
            "{said}"
        );
    }
    std::fs::remove_file(stage.path().join("migrations/0002_other.sql")).expect("a file");
    stage.write("migrations/notes.txt", "of people\n");
    let said = ends(&stage, 4, &["lock"]);
    assert!(said.contains("next: rename migrations/notes.txt, or move it away, or delete it"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_not_utf_8_is_told_as_well_as_it_can_be() {
    use std::os::unix::ffi::OsStrExt as _;
    let stage = stage();
    let directory = std::ffi::OsStr::from_bytes(b"m\xff/migrations");
    for arguments in [&["new", "users"][..], &["lock"]] {
        let mut command = stage.command(env!("CARGO_BIN_EXE_whimbrel"));
        let output = command.arg("-d").arg(directory).args(arguments).output().expect("whimbrel");
        assert!(output.status.success(), "{output:?}");
    }
    assert!(stage.path().join(directory).join("whimbrel.sum").exists());
}

#[test]
fn a_name_with_a_meaning_in_files_names_is_refused_and_leaves_nothing() {
    let stage = locked(&[1]);
    let before = names(&stage, "migrations");
    for name in ["a.down", "a.up", "..", ".", "a.b", "a/b", ""] {
        for more in [&[][..], &["--down"], &["--rust"], &["--repeatable"]] {
            ends(&stage, 2, &[&["new", name], more].concat());
        }
    }
    assert_eq!(names(&stage, "migrations"), before);
}

#[test]
fn a_migration_that_cannot_be_locked_is_not_begun() {
    let stage = locked(&[1]);
    stage.write("migrations/whimbrel.sum", "no manifest\n");
    ends(&stage, 4, &["new", "x"]);
    assert_eq!(names(&stage, "migrations"), ["0001_made.sql", "whimbrel.sum"]);
}

#[test]
fn init_makes_the_directory_that_was_named() {
    let stage = stage();
    stage.done("-d db/mig init --sqlite app.db");
    assert!(stage.path().join("db/mig").is_dir() && !stage.path().join("migrations").exists());
    stage.done("new users");
    assert!(stage.path().join("db/mig/0001_users.sql").is_file());
}

#[test]
fn init_writes_nothing_that_it_would_not_read() {
    let stage = stage();
    let secret = "postgres://ann:hunter2@db.example/shop";
    for arguments in [
        &["init", "--sqlite", secret][..],
        &["init", "--sqlite", "sqlite:app.db"],
        &["init", "--sqlite", "a\u{7f}b"],
        &["init", "--variable", secret],
        &["init", "--variable", ""],
        &["-d", "ann@db/migrations", "init"],
    ] {
        let said = ends(&stage, 2, arguments);
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(names(&stage, "."), [""; 0], "{arguments:?}");
    }
    stage.done("init");
    stage.done("config");
}

/// Statements that commit themselves, the last of which fails.
fn half_done(kind: Kind) -> Stage {
    let stage = Stage::new(kind);
    stage.migration(
        1,
        "half",
        "CREATE TABLE a (id INT PRIMARY KEY);\nCREATE TABLE b (id INT PRIMARY KEY);\nCREATE TABLE b (id INT PRIMARY KEY);\n",
    );
    stage.done("lock");
    stage.done("create");
    assert_ne!(stage.whimbrel("up").code, 0);
    stage
}

#[test]
fn a_statement_that_was_executed_cannot_be_amended_and_what_is_half_done_can_be_undone() {
    for kind in [Kind::MariaDb, Kind::MySql].into_iter().filter(|kind| Kind::all().contains(kind)) {
        let stage = half_done(kind);
        stage.migration(1, "half", "CREATE TABLE c (id INT PRIMARY KEY);\n");
        let said = stage.whimbrel("lock --amend 1");
        assert_ne!(said.code, 0, "{said:#?}");
        assert!(
            all(&said).contains("has executed a statement of 1_half that was changed since"),
            "{said:#?}"
        );
        // What it says next works when it is typed.
        stage.done("lock --amend 1 --offline");
        assert_ne!(stage.whimbrel("up").code, 0, "it would not go on where it was");
        let looked = stage.whimbrel("settle");
        assert!(all(&looked).contains("settle 1 --undone"), "{looked:#?}");
        stage.done("settle 1 --undone --reason dropped");
        stage.done("up");
        // The statement that failed, and what is behind it, may be corrected.
        let stage = half_done(kind);
        let text = stage.read("migrations/0001_half.sql");
        let corrected = text.rsplit_once("TABLE b").expect("its last statement");
        stage.write("migrations/0001_half.sql", &format!("{}TABLE d{}", corrected.0, corrected.1));
        stage.done("lock --amend 1");
        stage.done("up");
    }
}

#[test]
fn a_file_of_another_tool_that_holds_both_ways_is_not_locked() {
    let stage = stage();
    let both = "-- +goose Up\nCREATE TABLE t (a INTEGER);\n-- +goose Down\nDROP TABLE t;\n";
    stage.migration(1, "made", both);
    for verb in ["lock", "up", "plan", "verify"] {
        let said = ends(&stage, 4, &[verb]);
        assert!(
            said.contains("migrations/0001_made.sql:3:1: `-- +goose Down` is a line of goose"),
            "{verb}: {said}"
        );
        assert!(said.contains("move the way down to 0001_made.down.sql"), "{verb}: {said}");
    }
}
