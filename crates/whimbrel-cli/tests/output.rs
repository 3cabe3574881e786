//! What each verb says, on each database, to people and to programs.

mod stage;

use std::fmt::Write as _;

use stage::{Kind, Stage};

/// Types commands, and writes down what came.
struct Transcript<'s> {
    stage: &'s Stage,
    text: String,
}

impl Transcript<'_> {
    fn type_in(&mut self, line: &str) {
        let said = self.stage.shell(line);
        let _ = writeln!(self.text, "$ {line}");
        let came = self.stage.redacted(said.stdout.trim_end());
        if !came.is_empty() {
            let _ = writeln!(self.text, "{came}");
        }
        if said.code != 0 {
            let _ = writeln!(self.text, "[exit {}]", said.code);
        }
        self.text.push('\n');
    }

    fn all(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| self.type_in(line));
    }

    fn finish(self, name: &str) {
        let kind = self.stage.kind.name();
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}@{kind}"), self.text);
        });
    }
}

fn stage(kind: Kind) -> Stage {
    let stage = Stage::new(kind);
    stage.write(
        "whimbrel.toml",
        "environment = \"development\"\n[environments.development]\nurl = { env = \"DATABASE_URL\" }\n\
         development = true\nfailure-pause = \"0ms\"\n",
    );
    if kind != Kind::Sqlite {
        stage.done("create");
    }
    stage
}

/// On each database.
fn on_each(work: impl Fn(&Stage, &mut Transcript<'_>), name: &str) {
    for kind in Kind::all() {
        let stage = stage(kind);
        let mut transcript = Transcript { stage: &stage, text: String::new() };
        work(&stage, &mut transcript);
        transcript.finish(name);
    }
}

fn users(stage: &Stage) {
    stage.migration(
        1,
        "create_users",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL);\n",
    );
    stage.migration(2, "add_email", "ALTER TABLE users ADD email VARCHAR(200);\n");
    stage.write("migrations/0002_add_email.down.sql", "ALTER TABLE users DROP COLUMN email;\n");
    stage.done("lock");
}

#[test]
fn a_day() {
    on_each(
        |stage, typed| {
            typed.all(&["whimbrel new create_users", "whimbrel up"]);
            users(stage);
            typed.all(&[
                "whimbrel lock",
                "whimbrel status",
                "whimbrel check",
                "whimbrel plan",
                "whimbrel plan --to 1 --exit-code",
                "whimbrel up --to 1",
                "whimbrel up",
                "whimbrel up --detailed-exit-code",
                "whimbrel check",
                "whimbrel wait",
                "whimbrel status",
                "whimbrel status --pending",
                "whimbrel history",
                "whimbrel history --verify",
                "whimbrel plan --down",
                "whimbrel down",
                "whimbrel down --yes",
                "whimbrel status",
                "whimbrel up",
                "whimbrel up --reapply --reason 'it was right'",
                "whimbrel history --last 2",
                "whimbrel verify",
                "whimbrel lint",
                "whimbrel lint --deny approval",
                "whimbrel config",
            ]);
        },
        "a_day",
    );
}

#[test]
fn what_is_refused() {
    on_each(
        |stage, typed| {
            users(stage);
            stage.done("up");
            stage.migration(
                1,
                "create_users",
                "CREATE TABLE users (id INTEGER PRIMARY KEY, nick VARCHAR(100));\n",
            );
            typed.all(&[
                "whimbrel up",
                "whimbrel lock",
                "whimbrel lock --amend 1",
                "whimbrel lock --accept 1 --reason 'the column is called nick in production'",
                "whimbrel up",
                "whimbrel status",
            ]);
            stage.migration(7, "late_later", "CREATE TABLE seven (id INTEGER);\n");
            stage.done("lock");
            stage.done("up");
            stage.migration(5, "late", "CREATE TABLE five (id INTEGER);\n");
            typed.all(&["whimbrel lock", "whimbrel up", "whimbrel plan", "whimbrel up --out-of-order"]);
            std::fs::remove_file(stage.path().join("migrations/0005_late.sql")).expect("the file");
            typed.all(&[
                "whimbrel lock",
                "whimbrel lock --remove 5 --reason 'merged into 7'",
                "whimbrel plan",
                "whimbrel up",
                "whimbrel status",
            ]);
            stage.write("migrations/no_number.sql", "SELECT 1;\n");
            typed.all(&["whimbrel lock", "whimbrel status"]);
        },
        "what_is_refused",
    );
}

#[test]
fn what_fails() {
    on_each(
        |stage, typed| {
            users(stage);
            stage.migration(
                3,
                "orders",
                "CREATE TABLE orders (id INTEGER PRIMARY KEY);\nINSERT INTO orders VALUES (1), (2);\nINSERT INTO ordres VALUES ('secret');\n",
            );
            stage.done("lock");
            typed.all(&["whimbrel up", "whimbrel status", "whimbrel history --last 3", "whimbrel settle"]);
            stage.migration(
                3,
                "orders",
                "CREATE TABLE orders (id INTEGER PRIMARY KEY);\nINSERT INTO orders VALUES (1), (2);\nINSERT INTO orders VALUES (3);\n",
            );
            typed.all(&["whimbrel up", "whimbrel lock --amend 3", "whimbrel up", "whimbrel status"]);
        },
        "what_fails",
    );
}

#[test]
fn what_programs_read() {
    on_each(
        |stage, typed| {
            users(stage);
            for line in [
                "new totals --repeatable",
                "lock",
                "status",
                "plan",
                "check",
                "up --to 1",
                "up",
                "up",
                "status",
                "history",
                "history --tip",
                "down",
                "down --yes",
                "verify",
                "lint",
                "config",
                "create",
                "repair --reason x",
                "settle",
                "drop",
                "status --nonsense",
            ] {
                typed.type_in(&format!("whimbrel {line} --format json"));
                if line.starts_with("new") {
                    stage.write(
                        "migrations/R__totals.sql",
                        "CREATE VIEW totals AS SELECT count(*) AS n FROM users;\n",
                    );
                }
            }
        },
        "what_programs_read",
    );
}

#[test]
fn a_database_of_others() {
    on_each(
        |stage, typed| {
            // Made by something else: by the same migration under another table's name.
            users(stage);
            stage.done("up");
            stage.write(
                "whimbrel.toml",
                "environment = \"development\"\ntable = \"other_history\"\n[environments.development]\n\
                 url = { env = \"DATABASE_URL\" }\ndevelopment = true\n",
            );
            typed.all(&[
                "whimbrel up",
                "whimbrel baseline 2",
                "whimbrel baseline 2 --yes --reason 'taken over'",
                "whimbrel up",
                "whimbrel status",
                "whimbrel reset",
                "whimbrel reset --yes",
                "whimbrel drop --yes",
                "whimbrel drop --yes",
                "whimbrel create",
                "whimbrel create",
            ]);
        },
        "a_database_of_others",
    );
}

#[test]
fn help_is_as_it_is() {
    let stage = Stage::new(Kind::Sqlite);
    let mut typed = Transcript { stage: &stage, text: String::new() };
    typed.type_in("whimbrel");
    typed.type_in("whimbrel --help");
    typed.type_in("whimbrel --version");
    let help = stage.done("--help").stdout;
    let verbs =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What a description goes on with stands further in.
    let verbs = verbs.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: Vec<&str> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 20, "{help}");
    for verb in verbs {
        let help = stage.done(&format!("{verb} --help")).stdout;
        assert!(help.contains("Example"), "{verb} has no example: {help}");
        typed.type_in(&format!("whimbrel {verb} --help"));
    }
    typed.finish("help");
}

/// What people type who come from elsewhere.
#[test]
fn other_tools_words_are_understood() {
    let stage = stage(Kind::Sqlite);
    users(&stage);
    for line in ["migrate", "info", "list", "run", "apply"] {
        stage.done(line);
    }
    assert_eq!(stage.whimbrel("rollback").code, 4);
    assert_eq!(stage.whimbrel("revert").code, 4);
    stage.done("add something");
}
