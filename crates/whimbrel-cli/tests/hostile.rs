//! What is typed, named and written to with ill will, or by mistake: passwords in the wrong place, escapes in names, outputs
//! that are full, bytes that are no text.

#![cfg(target_os = "linux")]

mod stage;

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use stage::{Kind, Said, Stage};

fn stage() -> Stage {
    let stage = Stage::new(Kind::Sqlite);
    stage.migration(1, "one", "CREATE TABLE one (id INTEGER PRIMARY KEY);\n");
    stage.migration(2, "two", "CREATE TABLE two (id INTEGER PRIMARY KEY);\n");
    stage.done("lock");
    stage
}

fn command(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = stage.command(env!("CARGO_BIN_EXE_whimbrel"));
    command.args(arguments);
    command
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("a full device")
}

#[test]
fn a_full_standard_error_stops_no_run() {
    let stage = stage();
    let done = command(&stage, &["up"]).stderr(full()).output().expect("whimbrel");
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let status = stage.done("status --format json").json();
    assert_eq!((&status["data"]["pending"], &status["data"]["at"]), (&0.into(), &"2_two".into()));
    for (arguments, code) in [(["status", "--nonsense"], 2), (["down", "--quiet"], 4)] {
        let done = command(&stage, &arguments).stderr(full()).output().expect("whimbrel");
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {done:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let stage = stage();
    for arguments in [
        &["status"][..],
        &["status", "--format", "json"],
        &["plan", "--sql"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let done = command(&stage, arguments).stdout(full()).output().expect("whimbrel");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with("error: the answer could not be written: "), "{arguments:?}: {said}");
    }
    // The code of a failure is about the failure.
    let done =
        command(&stage, &["check", "--format", "json"]).stdout(full()).output().expect("whimbrel").status;
    assert_eq!(done.code(), Some(3));
}

#[test]
fn a_pipe_that_is_closed_has_seen_enough() {
    let stage = stage();
    for arguments in [&["status"][..], &["status", "--format", "json"], &["--help"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let done = command(&stage, arguments).stdout(writer).output().expect("whimbrel");
        assert_eq!((done.status.code(), done.stderr.len()), (Some(0), 0), "{arguments:?}: {done:?}");
    }
}

/// Credentials, as different tools write them.
const CREDENTIALS: [&str; 8] = [
    "postgres://app:hunter2@localhost/db",
    "postgres://app:pa/hunter2@localhost/db",
    "postgres://hunter2@localhost/db",
    "postgres://localhost/db?password=hunter2",
    "app:hunter2@tcp(localhost)/db",
    "mysql:app:hunter2@h/db",
    "host=h password = hunter2",
    "Server=h;Pwd=hunter2",
];

/// Nothing of it is said, and nothing is done.
fn refused(stage: &Stage, arguments: &[&str]) -> Said {
    let said = stage.whimbrel_with(arguments);
    assert_eq!(said.code, 2, "{arguments:?}: {said:#?}");
    let all = format!("{}{}", said.stdout, said.stderr);
    assert!(!all.contains("hunter2") && !all.contains("pa/"), "{arguments:?}: {all}");
    assert!(!all.trim().is_empty(), "{arguments:?}");
    said
}

#[test]
fn a_rejected_argument_is_not_repeated_if_it_could_be_a_password() {
    let stage = stage();
    for credential in CREDENTIALS.into_iter().chain(["app/hunter2", "--hunter2!x", "hunter2?x"]) {
        for arguments in [
            &[credential][..],
            &["status", credential],
            &["up", "--to", credential],
            &["up", "--approve", credential],
            &["status", "--format", credential],
            &["completions", credential],
            &["lint", "--deny", credential],
            &["down", "--to", credential],
            &["help", credential],
        ] {
            refused(&stage, arguments);
            // With a format that is wrong already there is none for programs.
            let said = refused(&stage, &[&["--format", "json"], arguments].concat());
            if !arguments.contains(&"--format") {
                let line = said.json();
                assert_eq!(line["exit"]["word"], "usage", "{line}");
                assert_eq!(said.stderr, "");
            }
        }
    }
}

#[test]
fn a_credential_in_any_place_but_url_is_refused_before_anything_is_done() {
    let stage = stage();
    let files = || {
        let mut files: Vec<_> = [".", "migrations"]
            .iter()
            .flat_map(|folder| std::fs::read_dir(stage.path().join(folder)).expect("a folder"))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        files
    };
    let before = files();
    for credential in CREDENTIALS {
        for arguments in [
            &["new", credential][..],
            &["lint", "--explain", credential],
            &["report", "--out", credential],
            &["init", "--variable", credential],
            &["up", "--reason", credential],
            &["repair", "--reason", credential],
            &["man", credential],
            &["-e", credential, "status"],
            &["-d", credential, "lock"],
        ] {
            let said = refused(&stage, arguments);
            assert!(said.stderr.contains("--url env:NAME"), "{said:#?}");
            refused(&stage, &[arguments, &["--format=json"]].concat());
        }
    }
    // It has a judge of its own.
    for credential in &CREDENTIALS[..2] {
        for arguments in [&["up", "--url", credential][..], &["up", "-u", credential]] {
            let said = stage.whimbrel_with(arguments);
            assert_ne!(said.code, 0, "{said:#?}");
            assert!(!format!("{said:?}").contains("hunter2"), "{said:#?}");
        }
    }
    assert_eq!(files(), before);
}

/// Whether only the command's own styles are in a text.
fn is_calm(text: &str) -> bool {
    let own = regex::Regex::new("\u{1b}\\[(0|1|2|4|3[1-6])?m").expect("an expression");
    let rest = own.replace_all(text, "").replace(['\n', '\t'], "");
    !rest.contains(|letter: char| letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter))
}

#[test]
fn what_comes_from_outside_moves_no_cursor() {
    const EVIL: &str = "\u{1b}[2J\u{1b}]0;mine\u{7}\u{1b}[8mgone\r\u{9b}31m\u{202e}txt";
    assert!(!is_calm(EVIL));
    let mut stage = Stage::new(Kind::Sqlite);
    for name in ["USER", "LOGNAME", "HOSTNAME"] {
        stage.variable(name, EVIL);
    }
    stage.write("migrations/0001_one.sql", "CREATE TABLE one (id INTEGER PRIMARY KEY);\n");
    let mut escaped = 0;
    let mut typed = |stage: &Stage, arguments: &[&str]| {
        let said = stage.whimbrel_with(&[&["--color", "always"], arguments].concat());
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(is_calm(&all), "{arguments:?}: {all:?}");
        escaped += usize::from(all.contains("\\u{1b}"));
        said.code
    };
    assert_eq!(typed(&stage, &["lock"]), 0);
    assert_eq!(typed(&stage, &["verify"]), 0);
    assert_eq!(typed(&stage, &["up", "--reason", EVIL]), 0);
    for arguments in [
        &["status"][..],
        &["history"],
        &["config"],
        &["plan"],
        &["doctor"],
        &["lint"],
        &["lint", "--explain", EVIL],
        &["status", EVIL],
        &[EVIL],
        &["up", "--to", EVIL],
        &["completions", EVIL],
        &["new", EVIL],
        &["-e", EVIL, "status"],
        &["-d", EVIL, "status"],
        &["--config", EVIL, "status"],
        &["history", "--tip-of", EVIL, "--verify"],
        &["report", "--out", EVIL],
        &["man", EVIL],
    ] {
        typed(&stage, arguments);
    }
    // A line of a script is shown where it fails, and a name of a file where it is wrong.
    stage.write("migrations/0002_two.sql", &format!("SELECT '{EVIL}' FROM nowhere;\n"));
    assert_eq!(typed(&stage, &["lock"]), 0);
    assert_eq!(typed(&stage, &["up"]), 1);
    typed(&stage, &["history"]);
    stage.write(&format!("migrations/0003_{EVIL}.sql"), "SELECT 1;\n");
    for arguments in ["lock", "status", "verify", "up"] {
        assert_ne!(typed(&stage, &[arguments]), 0, "{arguments}");
    }
    assert!(escaped > 8, "{escaped}");
}

#[test]
fn arguments_that_are_no_text_are_no_panic() {
    let stage = stage();
    let bytes = OsStr::from_bytes(b"\xff\xfe");
    for arguments in [
        &["status"][..],
        &[],
        &["up", "--to"],
        &["up", "--reason"],
        &["new"],
        &["man"],
        &["--config"],
        &["status", "-d"],
        &["verify", "-d"],
        &["lint", "--explain"],
        &["--format"],
    ] {
        for format in [&[][..], &["--format=json"]] {
            let done = command(&stage, format).args(arguments).arg(bytes).output().expect("whimbrel");
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(!said.contains("panicked"), "{arguments:?}: {said}");
            assert!(matches!(done.status.code(), Some(0..=4)), "{arguments:?}: {done:?}");
        }
    }
    assert!(stage.path().join(bytes).is_dir(), "the manual pages");
}

#[test]
fn with_json_a_misuse_names_what_is_missing() {
    let stage = stage();
    for (arguments, headline) in [
        ("new", "the following required arguments were not provided: <NAME>"),
        ("completions csh", "invalid value 'csh' for '<SHELL>' [possible values: bash,"),
        ("status --nonsense", "unexpected argument '--nonsense' found"),
        ("up --to x/y", "invalid value for '--to <VERSION>'"),
    ] {
        let said = stage.whimbrel(&format!("{arguments} --format json"));
        let line = said.json();
        let said_of_it = line["error"]["headline"].as_str().expect("a headline").to_owned();
        assert!(said_of_it.starts_with(headline), "{line}");
        assert_eq!((said.code, said.stderr.as_str(), line["verb"].as_str()), (2, "", Some("")), "{line}");
    }
}

#[test]
fn with_json_an_interruption_is_told_in_json_only() {
    let stage = stage();
    stage.done("up");
    stage.migration(
        3,
        "three",
        "CREATE TABLE three AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000)\n\
         SELECT count(*) AS many FROM n;\n",
    );
    stage.migration(4, "four", "CREATE TABLE four (id INTEGER PRIMARY KEY);\n");
    stage.done("lock");
    let mut child = command(&stage, &["up", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("whimbrel");
    let mut lines =
        BufReader::new(child.stdout.take().expect("its output")).lines().map(|it| it.expect("a line"));
    assert!(lines.any(|line| line.contains("\"started\"") && line.contains("3_three")));
    let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(done.success());
    let last = lines.last().expect("an end");
    let done = child.wait_with_output().expect("an end");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(7), ""), "{last}");
    assert!(last.contains("\"stopped\""), "{last}");
}

#[test]
fn help_is_a_word_as_well() {
    let stage = stage();
    assert_eq!(stage.done("help").stdout, stage.done("--help").stdout);
    assert_eq!(stage.done("help up").stdout, stage.done("up --help").stdout);
    assert_eq!(stage.done("help rollback").stdout, stage.done("down --help").stdout);
    assert_eq!(stage.whimbrel("help nonsense").code, 2);
}

#[test]
fn a_mistyped_verb_leads_to_none_that_destroys() {
    let stage = stage();
    for word in ["creat", "crate", "dropp", "dorp", "rest", "rset", "revrt", "donw", "dow", "rolback", "und"]
    {
        for format in ["human", "json"] {
            let said = stage.whimbrel(&format!("{word} --format {format}"));
            assert_eq!(said.code, 2, "{said:#?}");
            let said = format!("{}{}", said.stdout, said.stderr);
            for verb in ["create", "drop", "reset", "revert", "down", "rollback", "undo"] {
                assert!(!said.contains(&format!("'{verb}'")), "{word}: {said}");
            }
        }
    }
    let said = stage.whimbrel("statsu");
    assert!(said.stderr.contains("'status'"), "{said:#?}");
}

#[test]
fn what_other_tools_have_is_translated() {
    let stage = stage();
    for (typed, meant) in [
        ("validate", "whimbrel verify"),
        ("goto 3", "whimbrel up --to VERSION"),
        ("clean", "whimbrel drop"),
        ("force 3", "whimbrel settle"),
        ("test", "whimbrel verify"),
        ("version", "whimbrel --version"),
        ("up 3", "whimbrel up --to VERSION"),
        ("down 1", "whimbrel down --to VERSION"),
        ("down -1", "whimbrel down --to VERSION"),
        ("up --yes", "--approve DIGEST"),
        ("up -y", "--approve DIGEST"),
        ("up --dry-run", "whimbrel plan"),
        ("migrate --dry-run", "whimbrel plan"),
        ("down --dry-run", "whimbrel plan --down"),
    ] {
        let said = stage.whimbrel(typed);
        assert!(said.code == 2 && said.stderr.contains(meant), "{typed}: {said:#?}");
        let said = stage.whimbrel(&format!("{typed} --format json"));
        let next = said.json()["error"]["next"][0].as_str().unwrap_or_default().to_owned();
        assert!(next.contains(meant), "{typed}: {said:#?}");
    }
    assert_eq!(stage.done("status --format json").json()["data"]["pending"], 2);
}
