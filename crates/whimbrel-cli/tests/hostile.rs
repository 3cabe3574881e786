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

fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

const SIGNER: &str =
    "alice@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi\n";

fn signed_by(stage: &Stage, file: &str) {
    let text = format!("[signatures]\nallowed-signers = \"{file}\"\n");
    stage.write("whimbrel.toml", &text);
}

#[test]
fn signers_that_others_can_change_are_no_signers() {
    let stage = stage();
    stage.write("signers", SIGNER);
    let file = stage.path().join("signers");
    mode(&file, 0o644);
    signed_by(&stage, "signers");
    let verify = || stage.whimbrel("verify --dialect sqlite");
    // The set has no signature: so far it comes with signers that are relied on.
    assert_eq!(verify().code, 4, "{:#?}", verify());
    let refused = |wrong: &str| {
        let said = verify();
        assert_eq!(said.code, 2, "{wrong}: {said:#?}");
        assert!(said.stderr.contains(wrong), "{wrong}: {said:#?}");
        assert!(said.stderr.contains("next"), "{wrong}: {said:#?}");
    };
    for bits in [0o666, 0o646, 0o664] {
        mode(&file, bits);
        refused("may write to it");
        // What it says to type helps.
        let said = verify();
        let next = said.stderr.lines().find_map(|line| line.split("next: ").nth(1)).expect("a next step");
        let typed = stage.shell(next);
        assert_eq!(typed.code, 0, "{typed:#?}");
        assert_eq!(verify().code, 4, "{bits:o}");
    }
    let inside = stage.path().join("migrations/.signers");
    stage.write("migrations/.signers", SIGNER);
    signed_by(&stage, "migrations/.signers");
    refused("which it protects");
    std::fs::remove_file(&inside).expect("the file");
    std::os::unix::fs::symlink("../signers", &inside).expect("a link");
    refused("leads out of its folder");
    std::fs::remove_file(&inside).expect("the link");
    std::fs::hard_link(&file, &inside).expect("a link");
    signed_by(&stage, "signers");
    refused("which it protects");
    std::fs::remove_file(&inside).expect("the link");
    // The keys in the configuration are signers too.
    stage.write(
        "migrations/.whimbrel.toml",
        "directory = \".\"\n[signatures]\nminisign = { carol = \"RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK\" }\n",
    );
    let said = stage.whimbrel("verify --dialect sqlite --config migrations/.whimbrel.toml");
    assert!(said.code == 2 && said.stderr.contains("which it protects"), "{said:#?}");
}

#[test]
fn migrations_that_the_group_can_write_are_refused_where_only_the_owner_may() {
    let mut stage = stage();
    mode(&stage.path().join("migrations"), 0o775);
    stage.done("verify --dialect sqlite");
    let refused = |said: Said| {
        assert_eq!(said.code, 4, "{said:#?}");
        assert!(said.stderr.contains("chmod g-w"), "{said:#?}");
    };
    refused(stage.whimbrel("verify --dialect sqlite --writers owner"));
    refused(stage.whimbrel("up --writers=owner"));
    stage.variable("WHIMBREL_WRITERS", "owner");
    refused(stage.whimbrel("up"));
    stage.done("verify --dialect sqlite --writers group");
    stage.without_variable("WHIMBREL_WRITERS");
    stage.write("whimbrel.toml", "writers = \"owner\"\n");
    refused(stage.whimbrel("up"));
    assert_eq!(stage.whimbrel("up --writers root").code, 2);
    mode(&stage.path().join("migrations"), 0o755);
    stage.done("up");
}

#[test]
fn an_up_that_is_refused_makes_no_file() {
    let stage = stage();
    let database = stage.path().join("shop.db");
    let refused = |arguments: &str, code: i32| {
        let said = stage.whimbrel(arguments);
        assert_eq!(said.code, code, "{arguments}: {said:#?}");
        assert!(!database.exists(), "{arguments}: {said:#?}");
    };
    refused("up --to 9", 4);
    refused("up --approve b3v1:0", 2);
    for (file, text) in [
        ("migrations/0003_step.rust", "revision = 1\n"),
        ("migrations/0003_commit.sql", "COMMIT;\n"),
        (
            "migrations/0003_value.sql",
            "-- whimbrel: placeholders\nINSERT INTO one VALUES (${nobody_gives_it});\n",
        ),
    ] {
        stage.write(file, text);
        refused("up", 4);
        stage.whimbrel("lock");
        refused("up", 4);
        std::fs::remove_file(stage.path().join(file)).expect("the file");
        stage.whimbrel("lock --amend 3");
    }
    let there = stage.whimbrel("up --url sqlite:nowhere/shop.db");
    assert!(there.code != 0 && there.stderr.contains("mkdir -p"), "{there:#?}");
    stage.done("up");
    assert!(database.exists());
    let status = stage.done("status --format json").json();
    assert_eq!((&status["data"]["pending"], &status["data"]["at"]), (&0.into(), &"2_two".into()));
}

#[test]
fn a_signature_that_cannot_be_read_is_not_written_over() {
    let stage = stage();
    let made = stage.shell("ssh-keygen -q -t ed25519 -N '' -f key");
    assert_eq!(made.code, 0, "{made:#?}");
    stage.done("sign --key key");
    let plan = format!("b3v1:{}", "0".repeat(64));
    let path = stage.path().join("approval.sig");
    let add = || stage.whimbrel(&format!("sign --key key --plan {plan} --out approval.sig --add"));
    std::fs::create_dir(&path).expect("a folder in its place");
    let said = add();
    assert!(said.code == 1 && said.stderr.contains("cannot be read"), "{said:#?}");
    std::fs::remove_dir(&path).expect("the folder");
    assert_eq!(add().code, 0);
    let one = std::fs::read(&path).expect("a signature").len();
    assert_eq!(add().code, 0);
    assert!(std::fs::read(&path).expect("two").len() > one);
    std::fs::write(&path, vec![b'x'; 4 << 20]).expect("written");
    let said = add();
    assert!(said.code == 4 && said.stderr.contains("next: "), "{said:#?}");
    assert_eq!(std::fs::read(&path).expect("as it was").len(), 4 << 20);
}

#[test]
fn a_word_of_another_tool_leads_to_the_verb_that_is_meant_and_to_no_other() {
    let stage = Stage::new(Kind::Sqlite);
    for (line, meant, never) in [
        ("revision -m users", "whimbrel new", "redo"),
        ("stamp head", "whimbrel baseline", "'status'"),
        ("make users", "whimbrel new", "'man'"),
        ("unlock", "whimbrel doctor", "'lock'"),
        ("create users", "whimbrel new users", "'users' found: "),
        ("upgrade head", "whimbrel up", "'update'"),
        ("current", "whimbrel status", "'create'"),
        ("setup", "whimbrel init", "'settle'"),
        // A slip of the pen.
        ("statsu", "'status'", "whimbrel status"),
        ("histroy", "'history'", "whimbrel history"),
        ("verfy", "'verify'", "whimbrel verify"),
    ] {
        let said = stage.whimbrel(line);
        assert_eq!(said.code, 2, "{line}: {said:#?}");
        assert!(said.stderr.contains(meant) && !said.stderr.contains(never), "{line}: {said:#?}");
    }
}

#[test]
fn each_error_about_files_has_a_next_step() {
    /// What is wrong, the files that make it so, and the verbs that tell it.
    type Situation = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let situations: [Situation; 8] = [
        (
            "two files of one version",
            &[("migrations/0001_other.sql", "SELECT 1;\n")],
            &["up", "lock", "verify", "status"],
        ),
        (
            "a manifest that is none",
            &[("migrations/whimbrel.sum", "nonsense\n")],
            &["up", "lock", "verify", "status"],
        ),
        ("a signature too long", &[("migrations/whimbrel.sum.sig", "LONG")], &["up", "verify"]),
        ("a wrong name", &[("migrations/users.sql", "SELECT 1;\n")], &["up", "lock", "verify"]),
        ("a configuration already", &[("whimbrel.toml", "")], &["init"]),
        (
            "more signers than there are",
            &[
                ("whimbrel.toml", "[signatures]\nallowed-signers = \"signers\"\nthreshold = 3\n"),
                ("signers", SIGNER),
            ],
            &["verify", "up"],
        ),
        (
            "no directory",
            &[("whimbrel.toml", "directory = \"nowhere\"\n")],
            &["up", "lock", "verify", "status"],
        ),
        (
            "nothing to say",
            &[],
            &["lock --amend 1", "lock --accept 1 --reason none", "lock --amend 9 --offline"],
        ),
    ];
    for (what, files, verbs) in situations {
        let stage = stage();
        for (file, text) in files {
            stage.write(file, &text.replace("LONG", &"x".repeat(2 << 20)));
        }
        for verb in verbs {
            let offline = if *verb == "verify" { " --dialect sqlite" } else { "" };
            let said = stage.whimbrel(&format!("{verb}{offline}"));
            assert!(said.code != 0 && said.stderr.contains("next: "), "{what}: {verb}: {said:#?}");
            assert!(!stage.path().join("shop.db").exists(), "{what}: {verb}");
        }
    }
}

#[test]
fn init_takes_over_what_names_the_database() {
    for (arguments, line) in [
        ("init --url sqlite:x.db", "sqlite = \"x.db\""),
        ("init -u env:SHOP_URL", "url = { env = \"SHOP_URL\" }"),
        ("init -u file:./secret/url", "url = { file = \"./secret/url\" }"),
        ("init -e staging -u fd:3", "[environments.staging]\nurl = { fd = 3 }"),
        ("init", "[environments.development]\nurl = { env = \"DATABASE_URL\" }\ndevelopment = true"),
    ] {
        let stage = Stage::new(Kind::Sqlite);
        stage.done(arguments);
        assert!(stage.read("whimbrel.toml").contains(line), "{arguments}: {}", stage.read("whimbrel.toml"));
        stage.done("config");
    }
    let stage = Stage::new(Kind::Sqlite);
    for arguments in
        ["init -u postgres://localhost/shop", "init -u sqlite:x.db --sqlite y.db", "init --config x.toml"]
    {
        let said = stage.whimbrel(arguments);
        assert!(said.code == 2 && said.stderr.contains("next: "), "{arguments}: {said:#?}");
        assert!(!stage.path().join("whimbrel.toml").exists(), "{arguments}");
    }
}

#[test]
fn a_url_in_a_file_needs_no_folder_before_its_name() {
    let stage = stage();
    stage.write("url", "sqlite:shop.db\n");
    mode(&stage.path().join("url"), 0o600);
    for named in ["file:url", "file:./url"] {
        stage.done(&format!("up --url {named}"));
    }
    let said = stage.whimbrel("up --url file:hunter2");
    assert!(said.code == 2 && said.stderr.contains("file:./PATH"), "{said:#?}");
    assert!(!said.stderr.contains("hunter2"), "{said:#?}");
}

/// What a commit refuses was never applied.
#[test]
fn a_migration_is_told_as_applied_after_its_commit_only() {
    let stage = stage();
    stage.done("up");
    stage.migration(
        3,
        "orphans",
        "CREATE TABLE three (one INTEGER REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO three VALUES (9);\n",
    );
    stage.done("lock");
    let said = stage.whimbrel("up");
    assert!(said.code != 0 && !said.stderr.contains("applied"), "{said:#?}");
    stage.migration(3, "orphans", "CREATE TABLE three (one INTEGER);\n");
    stage.done("lock --amend 3");
    assert!(stage.done("up").stderr.contains("applied  3_orphans"));
}
