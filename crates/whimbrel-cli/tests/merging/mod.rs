//! Two branches that both have changed the manifest, with git itself.

use super::stage::{Kind, Said, Stage};

/// A stage in a repository, with one migration that all branches have.
fn repository() -> Stage {
    let stage = Stage::new(Kind::Sqlite);
    git(&stage, "init -q -b main");
    stage.write(".gitignore", "shop.db*\n");
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n");
    stage.done("lock");
    commit(&stage);
    stage
}

fn git(stage: &Stage, arguments: &str) -> Said {
    let said = stage.shell(&format!("git {arguments}"));
    assert_eq!(said.code, 0, "git {arguments}: {said:#?}");
    said
}

fn commit(stage: &Stage) {
    git(stage, "add -A");
    git(stage, "commit -q -m x");
}

/// Changes files on a branch of its own, locks and commits them.
fn branch(stage: &Stage, name: &str, change: impl Fn(&Stage)) {
    git(stage, &format!("checkout -q -b {name} main"));
    change(stage);
    commit(stage);
}

fn add(version: i64, name: &str) -> impl Fn(&Stage) {
    let name = name.to_owned();
    move |stage| {
        stage.migration(version, &name, &format!("CREATE TABLE {name} (id INTEGER);\n"));
        stage.done("lock");
    }
}

/// What is said to type next, by its beginning or a part of it.
fn next(said: &Said, part: &str) -> String {
    let json = said.json();
    let next = json["error"]["next"].as_array().expect("commands");
    let line = next.iter().filter_map(|line| line.as_str()).find(|line| line.contains(part));
    let line = line.unwrap_or_else(|| panic!("no {part}: {said:#?}")).to_owned();
    let start = line.find("whimbrel").expect("a command");
    line[start..].to_owned()
}

fn refused(stage: &Stage, line: &str) -> Said {
    let said = stage.whimbrel(&format!("{line} --format json"));
    assert_eq!(said.code, 4, "{line}: {said:#?}");
    said
}

/// Types it, and expects it to end well.
fn types(stage: &Stage, line: &str) -> String {
    let said = stage.shell(line);
    assert_eq!(said.code, 0, "{line}: {said:#?}");
    said.stdout
}

fn manifest(stage: &Stage) -> String {
    stage.read("migrations/whimbrel.sum")
}

fn is_sound(stage: &Stage) {
    stage.done("verify");
    stage.done("lock --check");
    stage.done("up");
}

#[test]
fn lock_merges_both_sides_in_every_style_of_git() {
    for style in ["merge", "diff3", "zdiff3"] {
        for rebase in [false, true] {
            let stage = repository();
            git(&stage, &format!("config merge.conflictStyle {style}"));
            branch(&stage, "a", add(2, "a"));
            branch(&stage, "b", add(3, "b"));
            let line = if rebase { "git rebase a" } else { "git merge a" };
            assert_ne!(stage.shell(line).code, 0, "{style}");
            let text = manifest(&stage);
            assert!(text.contains("<<<<<<<"), "{text}");
            for verb in ["verify", "up", "status", "plan", "lint", "check", "sign --key k", "new c"] {
                let said = refused(&stage, verb);
                assert_eq!(next(&said, "lock"), "whimbrel lock", "{verb}");
            }
            assert_eq!(manifest(&stage), text, "they only look");
            assert_eq!(stage.whimbrel("lock --check").code, 3);
            let said = types(&stage, "whimbrel lock");
            assert!(said.contains("merged   both sides of the conflict"), "{said}");
            let after = said.lines().find_map(|line| line.strip_prefix("the conflict is resolved: "));
            types(&stage, after.expect("what to type next"));
            let go_on =
                if rebase { "GIT_EDITOR=true git rebase --continue" } else { "git commit -q --no-edit" };
            types(&stage, go_on);
            is_sound(&stage);
        }
    }
}

#[test]
fn git_merges_by_itself_once_the_driver_is_installed() {
    for rebase in [false, true] {
        let stage = repository();
        let said = stage.done("merge --install").stdout;
        let add_attributes = said.split("commit it: ").nth(1).expect("what to type next").trim().to_owned();
        types(&stage, &add_attributes);
        commit(&stage);
        branch(&stage, "a", |stage| {
            add(2, "a")(stage);
            let one = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, b INTEGER);\n";
            stage.migration(1, "users", one);
            stage.done("lock --accept 1 --reason typo");
        });
        branch(&stage, "b", |stage| {
            add(3, "b")(stage);
            add(4, "c")(stage);
        });
        types(&stage, if rebase { "git rebase -q a" } else { "git merge -q --no-edit a" });
        is_sound(&stage);
        let text = manifest(&stage);
        assert!(text.contains("former 1 b3v1:") && text.contains(" typo\n"), "{text}");
    }
}

/// Git leaves our side as it is where it cannot run the driver, and the other one's lines would be lost.
#[test]
fn a_driver_that_cannot_be_run_loses_nothing() {
    let stage = repository();
    stage.done("merge --install");
    commit(&stage);
    branch(&stage, "a", |stage| {
        std::fs::remove_file(stage.path().join("migrations/0001_users.sql")).expect("a file");
        stage.migration(2, "a", "CREATE TABLE a (id INTEGER);\n");
        stage.done("lock --remove 1 --reason merged");
    });
    branch(&stage, "b", add(3, "b"));
    git(&stage, "config merge.whimbrel.driver 'no-such-program %O %A %B'");
    assert_ne!(stage.shell("git merge a").code, 0);
    assert!(!manifest(&stage).contains("<<<<<<<") && !manifest(&stage).contains("tombstone"));
    stage.done("lock");
    let text = manifest(&stage);
    assert!(text.contains("tombstone 1 b3v1:") && text.contains("0002_a.sql"), "{text}");
    // And what was said meanwhile stays said.
    stage.migration(3, "b", "CREATE TABLE b (id INTEGER, c INTEGER);\n");
    stage.done("lock --accept 3 --reason more");
    stage.done("lock");
    assert!(manifest(&stage).contains("former 3 b3v1:"));
    is_sound(&stage);
}

#[test]
fn a_version_that_two_branches_have_taken_is_renumbered_on_request() {
    for (driver, rebase) in [(false, false), (false, true), (true, false), (true, true)] {
        let stage = repository();
        if driver {
            stage.done("merge --install");
            commit(&stage);
        }
        branch(&stage, "a", |stage| {
            add(2, "a")(stage);
            stage.write("migrations/0002_a.down.sql", "DROP TABLE a;\n");
            stage.done("lock --amend 2");
            add(3, "after_a")(stage);
        });
        branch(&stage, "b", add(2, "b"));
        assert_ne!(stage.shell(if rebase { "git rebase a" } else { "git merge a" }).code, 0);
        refused(&stage, "up");
        let said = refused(&stage, "lock");
        for name in ["0002_a", "0002_b"] {
            assert!(next(&said, name).contains("lock --renumber migrations/0002_"), "{said:#?}");
        }
        // The later one of its branch goes with it, and stays behind it.
        let said = types(&stage, &next(&said, "has 0002_a"));
        assert!(said.contains("renumbered 2_a: 4_a\nrenumbered 3_after_a: 5_after_a\n"), "{said}");
        types(&stage, "git add migrations");
        types(
            &stage,
            if rebase { "GIT_EDITOR=true git rebase --continue" } else { "git commit -q --no-edit" },
        );
        for file in ["0004_a.sql", "0004_a.down.sql", "0005_after_a.sql", "0002_b.sql"] {
            assert!(stage.path().join("migrations").join(file).exists(), "{file}");
        }
        is_sound(&stage);
    }
}

#[test]
fn what_the_database_has_is_not_renumbered() {
    let stage = repository();
    stage.write(
        "whimbrel.toml",
        "environment = \"development\"\n[environments.development]\nsqlite = \"shop.db\"\ndevelopment = true\n",
    );
    commit(&stage);
    branch(&stage, "a", add(2, "a"));
    branch(&stage, "b", add(2, "b"));
    stage.done("up");
    assert_ne!(stage.shell("git merge a").code, 0);
    let said = refused(&stage, "lock --renumber migrations/0002_b.sql");
    assert!(said.stdout.contains("this database has 2_b"), "{said:#?}");
    assert!(next(&said, "0002_a.sql").ends_with("lock --renumber migrations/0002_a.sql"), "{said:#?}");
    assert!(stage.path().join("migrations/0002_b.sql").exists());
    let anew = next(&said, "--offline");
    types(&stage, &format!("{anew} --yes"));
    is_sound(&stage);
    assert!(stage.path().join("migrations/0003_b.sql").exists());
}

/// Databases may have either one: each is asked for, and known as a former one.
#[test]
fn what_both_have_changed_wants_a_word_that_works() {
    for driver in [false, true] {
        let stage = repository();
        if driver {
            stage.done("merge --install");
            commit(&stage);
        }
        let change = |column: &'static str| {
            move |stage: &Stage| {
                stage.migration(1, "users", &format!("CREATE TABLE users (id INTEGER, {column} TEXT);\n"));
                stage.done(&format!("lock --accept 1 --reason {column}"));
            }
        };
        branch(&stage, "a", change("a"));
        branch(&stage, "b", change("b"));
        assert_ne!(stage.shell("git merge a").code, 0);
        stage.migration(1, "users", "CREATE TABLE users (id INTEGER, a TEXT, b TEXT);\n");
        let said = refused(&stage, "lock");
        let command = next(&said, "--accept 1").replace("'…'", "both");
        types(&stage, &command);
        let text = manifest(&stage);
        // The one that both come from, with two reasons, and the two.
        assert_eq!(text.matches("former 1 b3v1:").count(), 4, "{text}");
        is_sound(&stage);
    }
}

#[test]
fn a_repeatable_that_both_have_changed_is_run_everywhere() {
    let stage = repository();
    let view = |stage: &Stage, text: &str| {
        stage.write(
            "migrations/R__v.sql",
            &format!("DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT '{text}';\n"),
        );
        stage.done("lock");
    };
    view(&stage, "base");
    commit(&stage);
    branch(&stage, "a", |stage| view(stage, "a"));
    branch(&stage, "b", |stage| view(stage, "b"));
    stage.done("up");
    assert_ne!(stage.shell("git merge a").code, 0);
    types(&stage, "git checkout --ours migrations/R__v.sql");
    stage.done("lock");
    assert!(manifest(&stage).contains("R__v.sql revision=3"), "{}", manifest(&stage));
    let said = stage.done("up").stdout;
    assert!(said.contains("1 repeatable") || said.contains("applied"), "{said}");
    is_sound(&stage);
}

#[test]
fn a_conflict_that_was_resolved_by_hand_is_locked() {
    for (name, command) in [
        ("both sides kept", "sed -i -E '/^(<<<<<<<|=======|>>>>>>>)/d' migrations/whimbrel.sum"),
        ("without heads", "sed -i -E '/^(<<<<<<<|=======|>>>>>>>|head)/d' migrations/whimbrel.sum"),
        ("committed with markers", "git add -A && git commit -q -m x"),
        (
            "committed with both",
            "sed -i -E '/^(<<<<<<<|=======|>>>>>>>)/d' migrations/whimbrel.sum && git commit -qam x",
        ),
    ] {
        let stage = repository();
        branch(&stage, "a", add(2, "a"));
        branch(&stage, "b", add(3, "b"));
        assert_ne!(stage.shell("git merge a").code, 0);
        types(&stage, command);
        assert_eq!(next(&refused(&stage, "up"), "lock"), "whimbrel lock", "{name}");
        stage.done("lock");
        let text = manifest(&stage);
        assert!(text.contains("0002_a.sql") && text.contains("0003_b.sql"), "{name}: {text}");
        is_sound(&stage);
    }
}

#[test]
fn a_merge_says_that_signatures_are_stale() {
    for driver in [false, true] {
        let stage = repository();
        stage.write("migrations/whimbrel.sum.sig", "of the base\n");
        if driver {
            stage.done("merge --install");
        }
        commit(&stage);
        branch(&stage, "a", add(2, "a"));
        branch(&stage, "b", add(3, "b"));
        let merged = stage.shell("git merge --no-edit a");
        let said = if driver { merged.stdout } else { stage.done("lock").stdout };
        assert!(
            said.contains("signatures are of the former") && said.contains("whimbrel sign --key KEY"),
            "{said}"
        );
    }
}

#[test]
fn a_manifest_that_is_none_comes_back_by_what_is_said() {
    // Of git, of a merge, and of nobody.
    let stage = repository();
    stage.write("migrations/whimbrel.sum", "no manifest\n");
    let said = refused(&stage, "lock");
    let restore = said.json()["error"]["next"][0].as_str().expect("a command").to_owned();
    assert_eq!(restore, "git restore migrations/whimbrel.sum");
    types(&stage, &restore);
    stage.done("lock --check");

    let stage = Stage::new(Kind::Sqlite);
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER);\n");
    stage.write("migrations/whimbrel.sum", "no manifest\n");
    let said = refused(&stage, "lock");
    let anew = said.json()["error"]["next"][1].as_str().expect("a command").to_owned();
    types(&stage, anew.split("from the files: ").nth(1).expect("a command"));
    is_sound(&stage);
}

#[test]
fn init_lets_git_merge_and_keeps_attributes_that_are_there() {
    let stage = Stage::new(Kind::Sqlite);
    git(&stage, "init -q -b main");
    stage.write("migrations/.gitattributes", "*.sql diff=sql");
    let said = stage.done("init --sqlite shop.db").stdout;
    let install = said
        .split("so that git merges: ")
        .nth(1)
        .expect("what to type")
        .lines()
        .next()
        .expect("a line")
        .to_owned();
    assert_eq!(
        stage.read("migrations/.gitattributes"),
        "*.sql diff=sql\nwhimbrel.sum eol=lf merge=whimbrel\n"
    );
    types(&stage, &install);
    types(&stage, &install);
    assert_eq!(stage.read("migrations/.gitattributes").matches("whimbrel.sum").count(), 1);
    let driver = git(&stage, "config merge.whimbrel.driver").stdout;
    assert!(driver.starts_with("whimbrel merge "), "{driver}");

    let outside = Stage::new(Kind::Sqlite);
    let said = refused(&outside, "merge --install");
    assert!(said.stdout.contains("git init, then whimbrel merge --install"), "{said:#?}");
}

/// In the middle of a merge the configuration may be in conflict too.
#[test]
fn the_driver_reads_no_configuration() {
    let stage = repository();
    stage.done("merge --install");
    commit(&stage);
    branch(&stage, "a", add(2, "a"));
    branch(&stage, "b", |stage| {
        add(3, "b")(stage);
    });
    stage.write("whimbrel.toml", "<<<<<<< HEAD\n");
    git(&stage, "merge -q --no-edit a");
    std::fs::remove_file(stage.path().join("whimbrel.toml")).expect("a file");
    is_sound(&stage);
}
