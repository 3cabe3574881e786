//! Scripts that are too large to be sent at once: what they do on PostgreSQL. What they need of memory is in `bounded.rs`.

use std::fmt::Write as _;
use std::fs;

use whimbrel::{Directory, ErrorKind, Migrator, Transaction, Writers};
use whimbrel_testkit::ServerKind;
use whimbrel_tests::either::Database;

/// A script of so many megabytes: `INSERT`s, with these statements before and behind them.
fn script(megabytes: usize, before: &str, behind: &str) -> String {
    let filler = "x".repeat(900);
    let mut text = format!("CREATE TABLE big (n INTEGER, filler TEXT);\n{before}\n");
    let mut number = 0;
    while text.len() < megabytes * 1_000_000 {
        number += 1;
        let _ = writeln!(text, "INSERT INTO big VALUES ({number}, '{filler}'); -- it's one");
    }
    text + behind
}

fn folder(second: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("0001_first.sql"), "CREATE TABLE first (n INTEGER);\n").expect("written");
    fs::write(folder.path().join("0002_big.sql"), second).expect("written");
    fs::write(folder.path().join("0003_last.sql"), "CREATE TABLE last (n INTEGER);\n").expect("written");
    folder
}

fn migrator(folder: &tempfile::TempDir) -> Migrator<'static> {
    Migrator::new(Directory::new(folder.path()).unlocked().with_writers(Writers::Anyone))
}

#[tokio::test]
async fn a_large_script_is_all_or_nothing_and_its_error_has_its_place() {
    let end = "INSERT INTO big\n  VALUES (0, nowhere);\nINSERT INTO big VALUES (0, '');\n";
    for (behind, line) in [(end, 2), ("SELECT 'done';\nSELECT FROM WHERE;\n", 2), ("SELECT 1/0;\n", 1)] {
        for transaction in [Transaction::Auto, Transaction::PerMigration, Transaction::PerRun] {
            let text = script(3, "", behind);
            let folder = folder(&text);
            let database = Database::new(ServerKind::Postgres).await;
            let mut db = database.open().await;
            let error =
                migrator(&folder).with_transaction(transaction).run(&mut db).await.expect_err("it fails");
            assert_eq!(error.kind(), ErrorKind::Files, "{error:#}");
            let place = error.location().expect("a place").position.line as usize;
            assert_eq!(place, text.lines().count() - behind.lines().count() + line, "{behind} {error:#}");
            let there = "SELECT string_agg(relname::text, ' ' ORDER BY relname) FROM pg_class \
                WHERE relname IN ('first', 'big', 'last')";
            let kept = if transaction == Transaction::PerRun { "NULL|\n" } else { "first|\n" };
            assert_eq!(db.lines(there).await, kept, "{transaction:?}");
            fs::write(folder.path().join("0002_big.sql"), script(3, "", "")).expect("written");
            migrator(&folder).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
            assert_eq!(db.lines(there).await, "big first last|\n");
        }
    }
}

/// Sent in pieces it does what it does when it is sent at once.
#[tokio::test]
async fn a_large_script_keeps_its_savepoints_its_settings_and_how_its_texts_are_read() {
    let before = "SET search_path = elsewhere, public; SET app.kept = 'kept'; SAVEPOINT whimbrel_own; SAVEPOINT other;\n\
        SET standard_conforming_strings = off; SET LOCAL work_mem = '7MB';";
    let behind = "RELEASE SAVEPOINT whimbrel_own;\nCREATE TABLE ends AS SELECT 'a\\' AS a, ' AS b ' AS b, \
        current_setting('search_path') AS path, current_setting('app.kept') AS kept, current_setting('work_mem') AS memory;\n";
    let folder = folder(&script(3, before, behind));
    let database = Database::new(ServerKind::Postgres).await;
    let mut db = database.open().await;
    db.run("CREATE SCHEMA elsewhere").await;
    migrator(&folder).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    let found = db.lines("SELECT * FROM elsewhere.ends").await;
    assert_eq!(found, "a\\| AS b |elsewhere, public|kept|7MB|\n");
    let now = "SELECT current_setting('search_path'), current_setting('standard_conforming_strings')";
    assert_eq!(db.lines(now).await, "\"$user\", public|on|\n");
}
