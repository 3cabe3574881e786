//! What `up` offers on a terminal where a migration was edited.

use super::Terminal;
use super::stage::{Kind, Stage};

const CONFIG: &str = "environment = \"development\"\n\
     [environments.development]\nsqlite = \"shop.db\"\ndevelopment = true\n\
     [environments.production]\nsqlite = \"production.db\"\n";

fn stage() -> Stage {
    let stage = Stage::new(Kind::Sqlite);
    stage.write("whimbrel.toml", CONFIG);
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
    stage.done("lock");
    stage.done("up");
    stage
}

/// Answers the question that comes.
fn answer(stage: &Stage, question: &str, said: &str) -> (u32, String) {
    let mut terminal = Terminal::run(stage, 120, "up", &[]);
    terminal.until(question);
    terminal.type_in(&format!("{said}\r"));
    let (code, text, _) = terminal.end();
    (code, text)
}

#[test]
fn what_the_database_does_not_have_is_locked_and_applied() {
    let stage = stage();
    stage.migration(2, "orders", "CREATE TABLE orders (id INTEGER);\n");
    stage.done("lock");
    stage.migration(2, "orders", "CREATE TABLE orders (id INTEGER, more INTEGER);\n");
    stage.migration(3, "stock", "CREATE TABLE stock (id INTEGER);\n");
    let before = stage.read("migrations/whimbrel.sum");
    let (code, text) = answer(&stage, "Lock it, and go on?", "no");
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("nothing was changed"), "{text}");
    assert_eq!(stage.read("migrations/whimbrel.sum"), before);
    let (code, text) = answer(&stage, "Lock it, and go on?", "yes");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("amended  2") && text.contains("added    0003_stock.sql"), "{text}");
    assert!(text.contains("applied 2 migrations"), "{text}");
    stage.done("verify");
}

#[test]
fn a_database_that_has_it_otherwise_is_made_anew() {
    let stage = stage();
    for (turn, locked) in [(1, false), (2, true)] {
        stage.migration(
            1,
            "users",
            &format!("CREATE TABLE users (id INTEGER PRIMARY KEY, t{turn} INTEGER);\n"),
        );
        if locked {
            stage.done("lock --amend 1 --offline");
        }
        let before = stage.read("migrations/whimbrel.sum");
        let question = "Lock it, remove the database, and make it anew?";
        let (code, text) = answer(&stage, question, "");
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("would be lost"), "{text}");
        assert_eq!(stage.read("migrations/whimbrel.sum"), before);
        let (code, text) = answer(&stage, question, "yes");
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("applied 1 migration"), "{text}");
        assert!(stage.done("status").stdout.contains("at 1_users, nothing pending"));
    }
}

#[test]
fn nothing_is_offered_elsewhere() {
    let stage = stage();
    stage.done("-e production up");
    stage.migration(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, more INTEGER);\n");
    let before = stage.read("migrations/whimbrel.sum");
    for line in ["-e production up", "up --url sqlite:production.db", "-e production reset --relock"] {
        let (code, text, _) = Terminal::run(&stage, 120, line, &[]).end();
        assert_ne!(code, 0, "{line}: {text}");
        assert!(!text.contains("Type `yes`"), "{line}: {text}");
    }
    stage.write("migrations/whimbrel.sum.sig", "of somebody\n");
    let (code, text, _) = Terminal::run(&stage, 120, "up", &[]).end();
    assert_eq!(code, 4, "{text}");
    assert!(!text.contains("Type `yes`"), "{text}");
    assert_eq!(stage.read("migrations/whimbrel.sum"), before);
}
