//! Ctrl-C: the first one ends after the migration under way, the second one breaks off; either way the state is said, and `up`
//! goes on from there.

mod stage;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use stage::{Kind, Stage};

/// A script that takes a while, on each database.
fn slow(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => "SELECT pg_sleep(4);",
        Kind::MariaDb | Kind::MySql => "DO SLEEP(4);",
        Kind::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000000) SELECT count(*) FROM n;"
        }
    }
}

fn stage(kind: Kind) -> Stage {
    let stage = Stage::new(kind);
    stage.done("create");
    stage.migration(1, "one", "CREATE TABLE one (id INTEGER PRIMARY KEY);\n");
    stage.done("lock");
    // On a database with a history each migration is one by itself.
    stage.done("up");
    stage.migration(2, "two", &format!("CREATE TABLE two (id INTEGER PRIMARY KEY);\n{}\n", slow(kind)));
    stage.migration(3, "three", "CREATE TABLE three (id INTEGER PRIMARY KEY);\n");
    stage.done("lock");
    stage
}

/// Begins `up`, and comes back when its second migration is under way.
fn begin(stage: &Stage) -> (Child, std::thread::JoinHandle<Vec<serde_json::Value>>) {
    let mut child = stage
        .command(env!("CARGO_BIN_EXE_whimbrel"))
        .args(["up", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("whimbrel");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut told = Vec::new();
    for line in lines.by_ref() {
        let line: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let under_way = line["event"] == "started" && line["data"]["version"] == 2;
        told.push(line);
        if under_way {
            break;
        }
    }
    assert!(told.iter().any(|line| line["event"] == "started"), "{told:?}");
    // Of what is sent at once the driver has to have sent it.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let rest = std::thread::spawn(move || {
        told.extend(lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")));
        told
    });
    (child, rest)
}

fn interrupt(child: &Child) {
    let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(done.success());
}

fn labels(stage: &Stage, standing: &str) -> Vec<String> {
    let status = stage.done("status --format json").json();
    let entries = status["data"]["sets"][0]["entries"].as_array().expect("entries").clone();
    let with = entries.into_iter().filter(|entry| entry["standing"] == standing);
    with.map(|entry| entry["label"].as_str().expect("a label").to_owned()).collect()
}

#[test]
fn the_first_one_ends_after_the_migration_under_way() {
    for kind in Kind::all() {
        let stage = stage(kind);
        let (mut child, told) = begin(&stage);
        interrupt(&child);
        let code = child.wait().expect("an end").code();
        let told = told.join().expect("lines");
        let last = told.last().expect("a line");
        assert_eq!((code, last["exit"]["word"].as_str()), (Some(7), Some("stopped")), "{kind:?}: {last}");
        assert_eq!(last["error"]["report"]["migrations"][0]["label"], "2_two", "{kind:?}: {last}");
        assert_eq!(labels(&stage, "applied"), ["1_one", "2_two"], "{kind:?}");
        assert_eq!(labels(&stage, "pending"), ["3_three"], "{kind:?}");
        stage.done("up");
        assert_eq!(labels(&stage, "applied"), ["1_one", "2_two", "3_three"], "{kind:?}");
    }
}

#[test]
fn the_second_one_breaks_off_and_says_how_the_database_stands() {
    for kind in Kind::all() {
        let stage = stage(kind);
        let (mut child, told) = begin(&stage);
        interrupt(&child);
        std::thread::sleep(std::time::Duration::from_millis(200));
        interrupt(&child);
        let code = child.wait().expect("an end").code();
        let told = told.join().expect("lines");
        let last = told.last().expect("a line");
        assert_eq!((code, last["exit"]["word"].as_str()), (Some(130), Some("aborted")), "{kind:?}: {last}");
        let state = &last["error"]["notes"][0];
        assert_eq!(state["name"], "state", "{kind:?}: {last}");
        assert!(state["text"].as_str().expect("a text").starts_with("at 1_one"), "{kind:?}: {last}");
        // What it says to type works, whatever has become of the statement.
        let next = last["error"]["next"][0].as_str().expect("a command").to_owned();
        assert_eq!(next, "whimbrel up", "{kind:?}: {last}");
        let said = stage.whimbrel("up");
        assert_eq!(said.code, 0, "{kind:?}: {said:#?}");
        assert_eq!(labels(&stage, "applied"), ["1_one", "2_two", "3_three"], "{kind:?}");
    }
}

#[test]
fn whoever_waits_for_another_one_ends_at_once() {
    for kind in Kind::all() {
        if kind == Kind::Sqlite {
            // Its lock is the file's, and is not waited for in pieces.
            continue;
        }
        let stage = stage(kind);
        let (mut holder, told) = begin(&stage);
        let mut waiting = stage
            .command(env!("CARGO_BIN_EXE_whimbrel"))
            .args(["up", "--format", "json"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("whimbrel");
        let mut lines = BufReader::new(waiting.stdout.take().expect("its output")).lines();
        let first = lines.next().expect("a line").expect("a line");
        assert!(first.contains("\"waiting\"") || first.contains("\"planned\""), "{kind:?}: {first}");
        interrupt(&waiting);
        let last = lines.map(|line| line.expect("a line")).last().expect("an end");
        assert_eq!(waiting.wait().expect("an end").code(), Some(7), "{kind:?}: {last}");
        assert!(holder.wait().expect("an end").success());
        told.join().expect("lines");
    }
}

/// Waits for a process that was told to end, and ends it if it does not.
fn ends(mut child: Child) -> (Option<i32>, String) {
    for _ in 0..600 {
        if child.try_wait().expect("its state").is_some() {
            let output = child.wait_with_output().expect("its output");
            return (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().expect("it ends");
    panic!("it did not end by itself");
}

fn spawn(stage: &Stage, arguments: &[&str]) -> Child {
    let mut command = stage.command(env!("CARGO_BIN_EXE_whimbrel"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("whimbrel")
}

fn word(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line.trim()).unwrap_or_default();
    line["exit"]["word"].as_str().unwrap_or_default().to_owned()
}

/// Opens the other end of a pipe, which can be had when somebody reads it.
fn writer_of(pipe: &std::path::Path) -> std::fs::File {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("a flag");
    for _ in 0..600 {
        match std::fs::File::options().write(true).custom_flags(flags).open(pipe) {
            Ok(writer) => return writer,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    }
    panic!("nobody reads the pipe");
}

#[test]
fn a_signal_ends_what_waits_for_a_pipe() {
    let stage = stage(Kind::Sqlite);
    let pipe = stage.path().join("pipe");
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().expect("mkfifo").success());
    for (verb, signal) in [("status", "-INT"), ("up", "-TERM")] {
        let child = spawn(&stage, &[verb, "--url", "file:pipe", "--format", "json"]);
        let writer = writer_of(&pipe);
        assert!(
            Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill").success()
        );
        let (code, said) = ends(child);
        assert_eq!((code, &*word(&said)), (Some(130), "aborted"), "{verb}: {said}");
        drop(writer);
    }
}

#[test]
fn signals_end_work_that_cannot_be_broken_off() {
    let stage = stage(Kind::Sqlite);
    let rows = "INSERT INTO one (id) VALUES (1 + 2 * 3);\n".repeat(600_000);
    stage.migration(4, "rows", &rows);
    stage.done("lock");
    // Without a connection the first one ends it, and with one the second.
    for (verb, signals) in [("verify", &["-INT"][..]), ("up", &["-INT", "-TERM"])] {
        let child = spawn(&stage, &[verb, "--dialect", "sqlite", "--format", "json"]);
        std::thread::sleep(std::time::Duration::from_millis(300));
        // Two of one kind that come at once may count as one.
        for signal in signals {
            let status = Command::new("kill").args([signal, &*child.id().to_string()]).status();
            assert!(status.expect("kill").success());
        }
        let (code, said) = ends(child);
        let last = said.lines().last().unwrap_or_default();
        assert_eq!((code, &*word(last)), (Some(130), "aborted"), "{verb}: {last}");
    }
    // It was looked at, and nothing of it is in the database.
    std::fs::remove_file(stage.path().join("migrations/0004_rows.sql")).expect("the file");
    stage.done("lock --amend 4 --offline");
    assert!(!labels(&stage, "applied").contains(&"4_rows".to_owned()));
}
