//! Nothing is lost that nobody has agreed to lose, and what is said to type next does what was asked for, and no more.

mod remedies;
mod stage;

use stage::{Kind, Stage};

fn stage(kind: Kind) -> Stage {
    let stage = Stage::new(kind);
    stage.done("create");
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(100));\n");
    stage.done("lock");
    stage.done("up");
    stage
}

fn applied(stage: &Stage) -> usize {
    let status = stage.done("status --format json").json();
    let entries = status["data"]["sets"][0]["entries"].as_array().expect("entries").clone();
    entries.iter().filter(|entry| entry["standing"] == "applied").count()
}

#[test]
fn a_reset_that_would_be_refused_afterwards_loses_nothing() {
    for kind in Kind::all() {
        let stage = stage(kind);
        for (file, text) in [
            ("migrations/0002_more.rust", "revision = 1\n"),
            (
                "migrations/0002_more.sql",
                "-- whimbrel: placeholders\nCREATE TABLE more (id INTEGER DEFAULT ${nobody_gives_it});\n",
            ),
        ] {
            stage.write(file, text);
            stage.done("lock");
            let said = stage.whimbrel("reset --yes");
            assert_eq!(said.code, 4, "{kind:?}: {file}: {said:#?}");
            // Only the new migration is not there; it is looked at without it.
            std::fs::remove_file(stage.path().join(file)).expect("the file");
            stage.done("lock --amend 2 --offline");
            assert_eq!(applied(&stage), 1, "{kind:?}: {file}");
        }
        let said = stage.done("reset --yes");
        assert!(said.stdout.contains("applied 1 migration"), "{kind:?}: {said:#?}");
    }
}

#[test]
fn a_database_of_another_environment_is_not_dropped() {
    for kind in Kind::all() {
        let stage = Stage::new(kind);
        stage.done("create");
        stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
        stage.write(
            "whimbrel.toml",
            "[environments.development]\nurl = { env = \"DATABASE_URL\" }\ndevelopment = true\n\
             [environments.production]\nurl = { env = \"DATABASE_URL\" }\n",
        );
        stage.done("-e production lock");
        stage.done("-e production up");
        for verb in ["drop", "reset"] {
            let said = stage.whimbrel(&format!("-e development {verb} --yes"));
            assert_eq!(said.code, 4, "{kind:?}: {said:#?}");
            assert!(said.stderr.contains("belongs to the environment production"), "{said:#?}");
        }
        assert!(stage.done("-e production status").stdout.contains("at 1_users"));
    }
}

/// Whom a database belongs to is in the database, whatever the files are.
#[test]
fn a_changed_file_is_no_way_around_it() {
    for kind in Kind::all() {
        let stage = Stage::new(kind);
        stage.done("create");
        stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
        stage.write(
            "whimbrel.toml",
            "[environments.development]\nurl = { env = \"DATABASE_URL\" }\ndevelopment = true\n\
             [environments.production]\nurl = { env = \"DATABASE_URL\" }\n",
        );
        stage.done("-e production lock");
        stage.done("-e production up");
        let users = stage.read("migrations/0001_users.sql");
        stage.migration(1, "users", "CREATE TABLE others (id INTEGER PRIMARY KEY);\n");
        let said = stage.whimbrel("-e development drop --yes");
        assert_eq!(said.code, 4, "{kind:?}: {said:#?}");
        assert!(said.stderr.contains("belongs to the environment production"), "{said:#?}");
        stage.write("migrations/0001_users.sql", &users);
        assert!(stage.done("-e production status").stdout.contains("at 1_users"));
    }
}

/// Types what an error says to type next, as it stands.
fn type_next(stage: &Stage, said: &stage::Said, holding: &str) -> stage::Said {
    let error = said.json();
    let next = error["error"]["next"].as_array().expect("commands").clone();
    let line = next
        .iter()
        .filter_map(|next| next.as_str())
        .find(|next| next.contains(holding))
        .unwrap_or_else(|| panic!("no {holding}: {error}"));
    let command = &line[line.find("whimbrel").expect("a command")..];
    stage.shell(command)
}

#[test]
fn what_is_approved_is_what_was_asked_for() {
    let stage = stage(Kind::Sqlite);
    stage.migration(2, "no_name", "ALTER TABLE users DROP COLUMN name;\n");
    stage.migration(3, "more", "CREATE TABLE more (id INTEGER);\n");
    stage.done("lock");
    let said = stage.whimbrel("up --to 2 --format json");
    assert_eq!(said.code, 4);
    let done = type_next(&stage, &said, "--approve");
    assert_eq!(done.code, 0, "{done:#?}");
    // And not the third one.
    assert_eq!(applied(&stage), 2);
    stage.done("up");
    stage.migration(5, "five", "CREATE TABLE five (id INTEGER);\n");
    stage.done("lock");
    stage.done("up");
    stage.migration(4, "four", "DROP TABLE more;\n");
    stage.done("lock");
    let late = stage.whimbrel("up --format json");
    let refused = type_next(&stage, &late, "--out-of-order");
    assert_eq!(refused.code, 4, "{refused:#?}");
    let said = stage.whimbrel("up --out-of-order --format json");
    let done = type_next(&stage, &said, "--approve");
    assert_eq!(done.code, 0, "{done:#?}");
    assert_eq!(applied(&stage), 5);
}

#[test]
fn the_script_of_a_way_down_is_one_after_its_approval_too() {
    let stage = Stage::new(Kind::Sqlite);
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
    stage.write("migrations/0001_users.down.sql", "DROP TABLE users;\n");
    stage.done("lock");
    stage.done("up");
    let said = stage.whimbrel("plan --sql --down --format json");
    let script = type_next(&stage, &said, "--approve");
    assert!(script.stdout.contains("DROP TABLE users"), "{script:#?}");
}

#[test]
fn reasons_are_kept_in_what_is_typed_next() {
    let stage = stage(Kind::Sqlite);
    stage.migration(2, "two", "CREATE TABLE two (id INTEGER);\n");
    stage.write("migrations/0002_two.down.sql", "DROP TABLE two;\n");
    stage.done("lock");
    stage.done("up");
    let said = stage.whimbrel_with(&["down", "--reason", "it's Bob's; $HOME", "--format", "json"]);
    let done = type_next(&stage, &said, "--approve");
    assert_eq!(done.code, 0, "{done:#?}");
    let history = stage.done("history").stdout;
    assert!(history.contains("reason: it's Bob's; $HOME"), "{history}");
}

#[test]
fn a_url_behind_a_descriptor_is_read_once() {
    let stage = stage(Kind::Sqlite);
    for verb in ["status", "plan", "check", "up", "history", "doctor", "drop --yes"] {
        let said = stage.shell(&format!("whimbrel {verb} --url fd:3 3< <(printf 'sqlite:shop.db')"));
        assert_eq!(said.code, 0, "{verb}: {said:#?}");
    }
}

#[test]
fn a_report_replaces_nothing_but_a_report() {
    let stage = stage(Kind::Sqlite);
    stage.done("report --out page.html");
    stage.done("report --out page.html");
    let said = stage.whimbrel("report --out shop.db");
    assert_eq!(said.code, 4, "{said:#?}");
    assert_eq!(applied(&stage), 1);
}

/// Makes the history of a database one that is not as it was written.
fn forged(stage: &Stage, edit: &str) {
    stage.migration(2, "forge", &format!("UPDATE whimbrel_history SET {edit} WHERE seq = 1;\n"));
    stage.done("lock");
    stage.done("up");
}

#[test]
fn whatever_reads_a_broken_history_says_so_with_a_code_of_its_own() {
    for kind in Kind::all() {
        for (edit, named) in [("name = 'forged'", "row 2"), ("detail = 'none'", "`detail`")] {
            let stage = stage(kind);
            forged(&stage, edit);
            stage.migration(3, "more", "CREATE TABLE more (id INTEGER PRIMARY KEY);\n");
            stage.done("lock");
            for verb in [
                "status",
                "history",
                "history --verify",
                "plan",
                "check",
                "wait --deadline 2s",
                "up",
                "down --yes",
            ] {
                let said = stage.whimbrel(verb);
                let all = format!("{}{}", said.stdout, said.stderr);
                assert_eq!(said.code, 8, "{kind:?}: {verb}: {said:#?}");
                assert!(all.contains("row 1") || all.contains(named), "{kind:?}: {verb}: {all}");
                assert!(all.contains("next: "), "{kind:?}: {verb}: {all}");
                let json = stage.whimbrel(&format!("{verb} --format json")).json();
                assert_eq!(json["exit"]["word"], "broken-history", "{kind:?}: {verb}");
            }
            let said = stage.whimbrel("report --out page.html");
            assert!(said.code == 8 && said.stdout.contains("the history is broken"), "{kind:?}: {said:#?}");
            assert!(stage.read("page.html").contains("the history is broken"), "{kind:?}");
            // Also where nothing is pending, and the one query of a boot finds nothing.
            std::fs::remove_file(stage.path().join("migrations/0003_more.sql")).expect("the file");
            stage.done("lock --amend 3 --offline");
            for verb in ["check", "wait --deadline 2s", "status", "report --out page.html"] {
                assert_eq!(stage.whimbrel(verb).code, 8, "{kind:?}: {verb}");
            }
            let repaired = stage.whimbrel_with(&["repair", "--yes", "--reason", "looked at"]);
            if edit.starts_with("name") {
                assert_eq!(repaired.code, 0, "{kind:?}: {repaired:#?}");
                stage.done("status");
            } else {
                assert!(
                    repaired.code == 8 && repaired.stderr.contains("`detail`"),
                    "{kind:?}: {repaired:#?}"
                );
                assert!(repaired.stderr.contains("put back"), "{kind:?}: {repaired:#?}");
            }
        }
    }
}

#[test]
fn whoever_looks_at_a_database_of_another_environment_is_refused() {
    for kind in Kind::all() {
        let stage = Stage::new(kind);
        stage.done("create");
        stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
        stage.write(
            "whimbrel.toml",
            "[environments.staging]\nurl = { env = \"DATABASE_URL\" }\n\
             [environments.production]\nurl = { env = \"DATABASE_URL\" }\n",
        );
        stage.done("-e production lock");
        stage.done("-e production up");
        for verb in [
            "status",
            "history",
            "history --tip",
            "report --out page.html",
            "plan",
            "check",
            "wait",
            "up",
            "settle",
        ] {
            let said = stage.whimbrel(&format!("-e staging {verb}"));
            assert_eq!(said.code, 4, "{kind:?}: {verb}: {said:#?}");
            assert!(said.stderr.contains("belongs to `production`"), "{kind:?}: {verb}: {said:#?}");
            assert!(said.stderr.contains("whimbrel -e production"), "{kind:?}: {verb}: {said:#?}");
        }
        assert!(!stage.path().join("page.html").exists());
        let doctor = stage.whimbrel("-e staging doctor");
        assert!(format!("{doctor:?}").contains("belongs to environment production"), "{kind:?}: {doctor:#?}");
    }
}

#[test]
fn a_script_prepares_each_connection() {
    for kind in Kind::all() {
        let stage = Stage::new(kind);
        stage.done("create");
        let (prepare, use_it) = match kind {
            Kind::Postgres => (
                "SET app.region = 'eu';\nCREATE FUNCTION pg_temp.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';\n",
                "SELECT current_setting('app.region'), pg_temp.twice(21)",
            ),
            Kind::Sqlite => (
                "CREATE TEMP TABLE prepared (region TEXT, n INTEGER);\nINSERT INTO prepared VALUES ('eu', 42);\n",
                "SELECT region, n FROM temp.prepared",
            ),
            _ => ("SET @region = 'eu', @n = 42;\n", "SELECT @region, @n"),
        };
        stage.write("prepare.sql", prepare);
        let toml = "[environments.development]\nurl = { env = \"DATABASE_URL\" }\ndevelopment = true\ninit = \"prepare.sql\"\n";
        stage.write("whimbrel.toml", &format!("environment = \"development\"\n{toml}"));
        stage.migration(
            1,
            "places",
            "CREATE TABLE places (region VARCHAR(9) NOT NULL, n INTEGER NOT NULL);\n",
        );
        stage.migration(2, "fill", &format!("INSERT INTO places {use_it};\n"));
        stage.done("lock");
        stage.done("up");
        stage.done("check");
        let said = stage.whimbrel("doctor");
        assert!(!format!("{said:?}").contains("prepare.sql"), "{kind:?}: {said:#?}");
        for (text, wrong, code) in [
            ("BEGIN;\n", "is refused", 4),
            ("SELECT 1;\nCOMMIT;\n", "is refused", 4),
            ("SELECT 1;\nSELECT nothing FROM nowhere;\n", "statement 2 of the `init` script", 1),
        ] {
            stage.write("prepare.sql", text);
            for verb in ["up", "status"] {
                let said = stage.whimbrel(verb);
                assert_eq!(said.code, code, "{kind:?}: {verb}: {text}: {said:#?}");
                assert!(said.stderr.contains(wrong) && said.stderr.contains("next: "), "{kind:?}: {said:#?}");
            }
        }
        stage.write("prepare.sql", prepare);
        let open = stage.shell("chmod o+w prepare.sql && whimbrel up");
        assert!(open.code == 2 && open.stdout.contains("chmod o-w"), "{kind:?}: {open:#?}");
        stage.shell("chmod o-w prepare.sql");
        stage.done("status");
    }
}
