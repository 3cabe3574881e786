//! The edit loop: what is locked anew without a word, and where nothing is.

use super::stage::{Kind, Said, Stage};

const CONFIG: &str = "environment = \"development\"\n\
     [environments.development]\nurl = { env = \"DATABASE_URL\" }\ndevelopment = true\n\
     [environments.production]\nurl = { env = \"DATABASE_URL\" }\n";

/// A stage for development, with a migration that is committed and applied and one that was locked.
fn stage(kind: Kind) -> Stage {
    let stage = Stage::new(kind);
    stage.write("whimbrel.toml", CONFIG);
    stage.write(".gitignore", "shop.db*\n");
    stage.done("create");
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
    stage.done("lock");
    stage.done("up");
    shell(&stage, "git init -q -b main && git add -A && git commit -q -m users");
    edit(&stage, 1);
    stage.done("lock");
    stage
}

fn shell(stage: &Stage, line: &str) -> Said {
    let said = stage.shell(line);
    assert_eq!(said.code, 0, "{line}: {said:#?}");
    said
}

/// Writes the second migration once more.
fn edit(stage: &Stage, turn: usize) {
    stage.migration(2, "orders", &format!("CREATE TABLE orders (id INTEGER, turn{turn} INTEGER);\n"));
}

fn manifest(stage: &Stage) -> String {
    stage.read("migrations/whimbrel.sum")
}

/// What is said to type next.
fn next(said: &Said) -> Vec<String> {
    let said = said.json();
    let next = said["error"]["next"].as_array().expect("commands");
    next.iter().map(|line| line.as_str().expect("a line").to_owned()).collect()
}

#[test]
fn a_migration_that_nobody_has_is_edited_as_often_as_one_likes() {
    let stage = stage(Kind::Sqlite);
    for turn in 2..4 {
        edit(&stage, turn);
        let said = stage.done("lock").stdout;
        assert!(said.contains("amended  2: neither a commit nor this database has it"), "{said}");
    }
    // One that has failed has left nothing.
    stage.migration(2, "orders", "CREATE TABEL orders (id INTEGER);\n");
    stage.done("lock");
    assert_ne!(stage.whimbrel("up").code, 0);
    edit(&stage, 4);
    stage.done("lock");
    // Another name is an edit too.
    std::fs::rename(
        stage.path().join("migrations/0002_orders.sql"),
        stage.path().join("migrations/0002_sales.sql"),
    )
    .expect("another name");
    stage.done("lock");
    stage.done("up");
    // From now on the database has it.
    stage.write("migrations/0002_sales.sql", "CREATE TABLE sales (id INTEGER);\n");
    assert_eq!(stage.whimbrel("lock").code, 4);
    // What was reverted is free again.
    stage.done("reset --relock --yes");
    stage.write("migrations/0002_sales.down.sql", "DROP TABLE sales;\n");
    stage.done("reset --relock --yes");
    let digest = stage.done("plan --down --digest").stdout;
    stage.done(&format!("down --approve {}", digest.trim()));
    stage.write("migrations/0002_sales.sql", "CREATE TABLE sales (id INTEGER, more INTEGER);\n");
    stage.done("lock");
    stage.done("up --reapply");
}

#[test]
fn before_the_first_commit_nobody_has_anything() {
    let stage = Stage::new(Kind::Sqlite);
    stage.write("whimbrel.toml", CONFIG);
    shell(&stage, "git init -q -b main");
    for turn in 1..3 {
        edit(&stage, turn);
        stage.done("lock");
    }
}

/// Whatever is not known for certain is refused, and nothing is written.
#[test]
fn in_every_other_case_it_is_as_strict_as_ever() {
    type Change = fn(&Stage);
    let cases: [(&str, Change); 14] = [
        ("no git", |stage| drop(shell(stage, "rm -rf .git"))),
        ("a git that fails", |stage| drop(shell(stage, "rm -rf .git && echo rubbish > .git"))),
        ("not for development", |stage| stage.write("whimbrel.toml", &CONFIG.replace("true", "false"))),
        ("another environment", |stage| {
            let config = CONFIG.replace("environment = \"development\"", "environment = \"production\"");
            stage.write("whimbrel.toml", &config);
        }),
        ("no configuration", |stage| drop(shell(stage, "rm whimbrel.toml"))),
        ("signed", |stage| stage.write("migrations/whimbrel.sum.sig", "of somebody\n")),
        ("signatures wanted", |stage| {
            stage.write("whimbrel.toml", &format!("{CONFIG}[signatures]\nallowed-signers = \"signers\"\n"));
            stage.write("signers", "");
        }),
        ("committed", |stage| drop(shell(stage, "git add -A && git commit -q -m orders"))),
        ("committed elsewhere", |stage| {
            shell(stage, "git checkout -q -b b && git add -A && git commit -q -m orders");
            shell(stage, "git checkout -q main && git checkout b -- migrations && git reset -q");
        }),
        ("committed once", |stage| {
            shell(stage, "git add -A && git commit -q -m orders && git rm -q --cached -r migrations");
            shell(stage, "git commit -q -m none");
        }),
        ("ignored", |stage| stage.write(".gitignore", "migrations/\nshop.db*\n")),
        ("committed with another name", |stage| {
            shell(stage, "git add -A && git commit -q -m orders");
            shell(stage, "mv migrations/0002_orders.sql migrations/0002_sales.sql");
            stage.done("lock --amend 2");
            shell(stage, "mv migrations/0002_sales.sql migrations/0002_orders.sql");
        }),
        ("applied", |stage| drop(stage.done("up"))),
        ("a database that cannot be asked", |stage| {
            stage.write("url", "postgres://nobody@127.0.0.1:1/x");
            shell(stage, "chmod 600 url");
            let config = CONFIG.replace("{ env = \"DATABASE_URL\" }", "{ file = \"url\" }");
            stage.write("whimbrel.toml", &config);
        }),
    ];
    for (case, change) in cases {
        let stage = stage(Kind::Sqlite);
        change(&stage);
        edit(&stage, 2);
        let before = manifest(&stage);
        let said = stage.whimbrel("lock --format json");
        assert_eq!(said.code, 4, "{case}: {said:#?}");
        assert_eq!(manifest(&stage), before, "{case}");
        let allowed = case.contains("commit")
            || ["applied", "ignored"].contains(&case)
            || case.contains("git")
            || case.contains("asked");
        let offers = next(&said).iter().any(|line| line.ends_with("reset --relock"));
        assert_eq!(offers, allowed, "{case}: {said:#?}");
        if !allowed {
            let said = stage.whimbrel("reset --relock --yes --format json");
            assert_ne!(said.code, 0, "{case}: {said:#?}");
            assert_eq!(manifest(&stage), before, "{case}");
        }
    }
}

/// Whose database it is, is in the database.
#[test]
fn a_database_of_another_environment_vouches_for_nothing() {
    let stage = Stage::new(Kind::Sqlite);
    stage.write("whimbrel.toml", CONFIG);
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
    shell(&stage, "git init -q -b main && git add -A && git commit -q -m users");
    stage.done("lock");
    stage.done("-e production up");
    edit(&stage, 1);
    stage.done("lock");
    edit(&stage, 2);
    assert_eq!(stage.whimbrel("lock").code, 4);
    let before = manifest(&stage);
    let said = stage.whimbrel("reset --relock --yes");
    assert_eq!(said.code, 4, "{said:#?}");
    assert!(said.stderr.contains("belongs to the environment production"), "{said:#?}");
    assert_eq!(manifest(&stage), before);
}

#[test]
fn reset_locks_what_was_edited_and_makes_the_database_anew() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let stage = stage(kind);
        stage.done("up");
        edit(&stage, 2);
        let said = stage.whimbrel("lock --format json");
        let line = next(&said).into_iter().find(|line| line.contains("--relock")).expect("what to type");
        let command = line.split("only this one has: ").nth(1).expect("a command");
        let said = shell(&stage, &format!("{command} --yes")).stdout;
        assert!(said.contains("amended  2") && said.contains("applied 2 migrations"), "{kind:?}: {said}");
        stage.done("verify");
        assert!(stage.done("status").stdout.contains("at 2_orders, nothing pending"));
        // What a commit has may be elsewhere.
        stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, more INTEGER);\n");
        let said = stage.done("reset --relock --yes").stdout;
        assert!(said.contains("the last commit has 1 otherwise"), "{kind:?}: {said}");
    }
}

/// What would be refused afterwards is refused before, and then the manifest is as it was.
#[test]
fn a_reset_that_is_refused_has_locked_nothing() {
    let stage = stage(Kind::Sqlite);
    stage.done("up");
    let before = manifest(&stage);
    for text in [
        "-- whimbrel: placeholders\nCREATE TABLE a (b INTEGER DEFAULT ${no});\n",
        "BEGIN;\n",
        "CREATE TABEL x;\n",
    ] {
        stage.write("migrations/0002_orders.sql", text);
        let said = stage.whimbrel("reset --relock --yes");
        if text.contains("TABEL") {
            // Only the database knows that.
            assert_eq!(said.code, 1, "{said:#?}");
            assert!(said.stderr.contains("the database was removed before"), "{said:#?}");
        } else {
            assert_eq!(said.code, 4, "{text}: {said:#?}");
            assert_eq!(manifest(&stage), before, "{text}");
            assert!(stage.done("history").stdout.contains("orders"));
        }
    }
    edit(&stage, 5);
    stage.done("reset --relock --yes");
}
