//! Configuration, migrations, and files of SQLite's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use whimbrel_tests::command::Workplace;

use crate::visit::Visit;
use crate::workplace;

#[test]
fn a_file_of_sqlites_is_made_kept_from_others_and_well() {
    let work = workplace("sqlite:data/app.db", "");
    let visit = Visit::pay(&work);
    visit.expect("file", "wrong", "there is no folder data");
    visit.commands("file", "mkdir", &work);
    let visit = Visit::pay(&work);
    visit.expect("connection", "warning", "there is no file data/app.db");
    visit.commands("connection", "create", &work);
    Visit::pay(&work).expect_content();
    assert_eq!(work.run(&["up"]).code, 0);

    let file = work.path().join("data/app.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("our own file");
    let visit = Visit::pay(&work);
    visit.expect("file", "wrong", "everybody on this machine may write to it");
    visit.commands("file", "chmod", &work);
    Visit::pay(&work).expect_content();

    Visit::pay(&work.at("sqlite:data")).expect("file", "wrong", "is a directory");
}

#[test]
fn who_writes_to_a_file_of_sqlites_is_named() {
    let work = workplace("sqlite:app.db", "");
    assert_eq!(work.run(&["up"]).code, 0);
    let db = rusqlite::Connection::open(work.path().join("app.db")).expect("a database");
    db.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let visit = Visit::pay(&work);
    visit.expect("lock", "warning", "somebody else is writing to it");
    let kill = format!("kill {}", std::process::id());
    assert!(visit.remedies("lock").iter().any(|(_, _, text)| *text == kill), "{kill}: {}", visit.raw);
    // It would be this test.
    db.execute_batch("ROLLBACK").expect("a transaction");
    Visit::pay(&work).expect("lock", "ok", "nobody writes to it");
}

#[test]
fn a_history_of_sqlites_that_was_touched_is_vouched_for_as_said() {
    let work = workplace("sqlite:app.db", "");
    assert_eq!(work.run(&["up"]).code, 0);
    let db = rusqlite::Connection::open(work.path().join("app.db")).expect("a database");
    db.execute_batch("UPDATE whimbrel_history SET name = 'other' WHERE event = 'applied'").expect("a table");
    let visit = Visit::pay(&work);
    visit.expect("history", "wrong", "it was changed after it was written");
    visit.commands("history", "repair", &work);
    Visit::pay(&work).expect("history", "ok", "");
}

#[test]
fn a_reference_that_cannot_be_read_is_mended_as_said() {
    let work = workplace("sqlite:app.db", "").without("DATABASE_URL");
    let visit = Visit::pay(&work);
    visit.expect("configuration", "wrong", "DATABASE_URL");
    assert_eq!((visit.code, visit.state("lock")), (1, "not-looked-at"), "{}", visit.raw);
    let (_, _, export) = visit.remedies("configuration").remove(0);
    // The example is somebody else's server: what is exported counts.
    let line =
        format!("{} && whimbrel doctor", export.replace("postgres://USER@HOST/DATABASE", "sqlite:app.db"));
    let said = work.type_in(&line);
    assert_eq!(said.code, 0, "{line}: {said:?}");

    let toml = "[environments.development]\nurl = { file = \"url\" }\n";
    work.write("whimbrel.toml", &format!("environment = \"development\"\n{toml}"));
    work.write("url", "sqlite:app.db");
    let file = work.path().join("url");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("our own file");
    let visit = Visit::pay(&work);
    visit.expect("configuration", "wrong", "url");
    visit.commands("configuration", "chmod", &work);
    Visit::pay(&work).expect("configuration", "ok", "file:");
}

#[test]
fn nothing_at_all_is_told_with_what_to_begin_with() {
    let work = Workplace::bare();
    let visit = Visit::pay(&work);
    visit.expect("configuration", "wrong", "no database is named");
    visit.expect("migrations", "wrong", "there is no directory migrations");
    visit.commands("migrations", "new", &work);
    work.write("migrations/0001_create_users.sql", crate::TABLE);
    let (_, _, export) = visit.remedies("configuration").remove(0);
    let said = work.type_in(&format!("{export} && whimbrel create && whimbrel lock && whimbrel doctor"));
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn migrations_that_are_not_locked_are_locked_as_said() {
    let work = workplace("sqlite:app.db", "");
    work.write("migrations/0002_more.sql", "CREATE TABLE more (n INTEGER);\n");
    let visit = Visit::pay(&work);
    visit.expect("migrations", "wrong", "0002_more.sql");
    visit.commands("migrations", "lock", &work);
    Visit::pay(&work).expect("migrations", "ok", "2 of them");
}

#[test]
fn a_signature_that_nobody_checks_is_told() {
    let work = workplace("sqlite:app.db", "");
    work.write("migrations/whimbrel.sum.sig", "untrusted\n");
    Visit::pay(&work).expect("signatures", "warning", "nobody checks it");
    let signers = "\n[signatures]\nallowed-signers = \"signers\"\nthreshold = 1\n";
    let toml = fs::read_to_string(work.path().join("whimbrel.toml")).expect("a file");
    work.write("whimbrel.toml", &format!("{toml}{signers}"));
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNZH9ZwJkGdqPBCfqGXQ7lBmDq0oMHC0dLLLc0bTkN";
    work.write("signers", &format!("ann@example.org namespaces=\"whimbrel\" {key}\n"));
    let visit = Visit::pay(&work);
    assert_eq!(visit.code, 1, "{}", visit.raw);
}
