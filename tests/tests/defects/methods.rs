//! The methods and policies that findings name to programs, each used as it is said. `docs/remedies.md` names this file.

use std::os::unix::fs::PermissionsExt as _;

use whimbrel::{
    OutOfOrder, Reverted, Secret, SecretProvider, SetName, TableName, TrustedFile, Unbaselined, Version,
    async_trait,
};

use super::*;

/// Gives one secret to whoever asks.
struct Giving;

#[async_trait]
impl SecretProvider for Giving {
    async fn secret(&self, _: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Secret::new("7"))
    }
}

/// The one finding says this, and is gone afterwards.
#[track_caller]
fn mends(bench: &Bench, kind: FindingKind, said: &[&str], wrong: &Migrator<'_>, mended: &Migrator<'_>) {
    let error = wrong.run_blocking(&mut bench.open()).expect_err(said[0]);
    let finding = error.findings().iter().find(|finding| finding.kind() == kind);
    let message = finding.unwrap_or_else(|| panic!("{kind:?}: {error:#}")).message();
    assert!(said.iter().all(|piece| message.contains(piece)), "{said:?}: {message}");
    mended.run_blocking(&mut bench.open()).unwrap_or_else(|error| panic!("{said:?}: {error:#}"));
}

#[test]
fn each_finding_is_gone_when_what_it_says_is_done() {
    let bench = Bench::new();
    bench.apply(&table());
    let with = |version: i64, sql: &str| table().with_sql(version, "more", sql.to_owned());

    let step = || Migrator::new(table().with_rust(2, "step"));
    let missing = ["its way up is a step in Rust, and no function is bound: use `with_step`"];
    let bound = step().with_step(2, |_| Box::pin(async { Ok(()) }));
    mends(&bench, FindingKind::Step, &missing, &step(), &bound);
    let plain = || Migrator::new(table().with_rust(2, "step").with_rust(3, "other"));
    let plain = plain().with_step(2, |_| Box::pin(async { Ok(()) })).with_blocking_step(3, |_| Ok(()));
    let mut owned = Sqlite::from_connection(bench.open()).expect("a driver");
    let error = block_on(plain.run(&mut owned)).expect_err("it would block");
    let text = "a plain function would block the executor's thread: use `with_step`, or a blocking verb";
    assert!(error.findings()[0].message().contains(text), "{error:#}");
    drop(owned);
    plain.run_blocking(&mut bench.open()).expect("a blocking verb");

    let bench = Bench::new();
    bench.apply(&with(3, "CREATE TABLE u (n INTEGER);"));
    let late =
        || Migrator::new(with(3, "CREATE TABLE u (n INTEGER);").with_sql(2, "late", "CREATE TABLE v (n);"));
    let said = ["older than ", ": give it a new version, or apply it with `OutOfOrder::Apply`"];
    mends(&bench, FindingKind::Late, &said, &late(), &late().with_out_of_order(OutOfOrder::Apply));

    let bench = Bench::new();
    let back = || table().with_sql(2, "u", "CREATE TABLE u (n INTEGER);").with_down(2, "DROP TABLE u;");
    bench.apply(&back());
    let migrator = || Migrator::new(back());
    migrator().revert_to_blocking(&mut bench.open(), Version::new(1)).expect("a way down");
    let said = ["was reverted on ", " after this program had applied it: ask for it with `Reverted::Apply`"];
    mends(&bench, FindingKind::Reverted, &said, &migrator(), &migrator().with_reverted(Reverted::Apply));

    let said = ["say with `baseline` which version they are at, or allow it with `Unbaselined::Allow`"];
    let one = || Migrator::new(Memory::new().with_sql(1, "v", "CREATE TABLE v (n INTEGER);"));
    let others = "CREATE TABLE other (n INTEGER)";
    for declared in [false, true] {
        let bench = Bench::new();
        bench.open().execute_batch(others).expect("a table of others");
        let mended = if declared {
            one()
                .baseline_blocking(&mut bench.open(), Version::new(1).expect("a version"))
                .expect("it is declared");
            one()
        } else {
            let allowed = one().with_unbaselined(Unbaselined::Allow);
            mends(&bench, FindingKind::Unbaselined, &said, &one(), &allowed);
            allowed
        };
        mended.run_blocking(&mut bench.open()).expect("nothing is in the way");
    }

    let bench = Bench::new();
    bench.apply(&table());
    let elsewhere = || Migrator::new(table()).with_table(table_named("our_history"));
    let named = Migrator::new(table()).with_table(table_named("whimbrel_history"));
    let said = [
        "if whimbrel_history is its history, name it with `with_table`; else say with `baseline` which version they are at",
    ];
    mends(&bench, FindingKind::Unbaselined, &said, &elsewhere(), &named);

    let bench = Bench::new();
    let value = || Migrator::new(with(2, "-- whimbrel: placeholders\nINSERT INTO t VALUES (${first});"));
    let said = ["asks for the value `first`, which was not given: `with_value(\"first\", …)`"];
    mends(&bench, FindingKind::Value, &said, &value(), &value().with_value("first", "1"));

    let bench = Bench::new();
    let secret = || {
        Migrator::new(with(
            2,
            "-- whimbrel: placeholders\n-- whimbrel: no-transaction\nINSERT INTO t VALUES (${secret:word});",
        ))
    };
    let given = || secret().with_secrets(Giving, Duration::from_secs(10));
    let mut owned = Sqlite::from_connection(bench.open()).expect("a driver");
    let written = block_on(given().script(&mut owned)).expect_err("no script may hold it");
    let text = "asks for the secret `word`, which no script may hold: make one for what is before it (`with_target`), and apply it \
                with `run`";
    assert!(written.findings().iter().any(|finding| finding.message() == text), "{written:#}");
    let first = Version::new(1).expect("a version");
    block_on(given().with_target(first).script(&mut owned)).expect("what is before it");
    let stepped = step();
    let stepped = stepped.with_step(2, |_| Box::pin(async { Ok(()) }));
    let written = block_on(stepped.script(&mut owned)).expect_err("no script can hold it");
    let text = "is a step in Rust, which no script can hold: make one for what is before it (`with_target`), and apply it with \
                `run`";
    assert!(written.findings().iter().any(|finding| finding.message() == text), "{written:#}");
    drop(owned);
    let said = ["asks for the secret `word`: say who hands it out, with `with_secrets`"];
    mends(&bench, FindingKind::Value, &said, &secret(), &given());

    let bench = Bench::new();
    let twice = Migrator::new(table()).and(Memory::new().with_sql(1, "v", "CREATE TABLE v (n INTEGER);"));
    let other = Memory::new().with_set(SetName::new("other").expect("a name")).with_sql(
        1,
        "v",
        "CREATE TABLE v (n INTEGER);",
    );
    let said = ["two sets have this name: give one another"];
    mends(&bench, FindingKind::Duplicate, &said, &twice, &Migrator::new(other).and(table()));

    let absent = "-- whimbrel: no-transaction\nATTACH '/nowhere/x.db' AS other;";
    let wrong = || Migrator::new(with(2, absent)).with_failure_pause(Duration::ZERO);
    let text = "the database's own words, which may quote values: `with_database_messages` shows them";
    let failed = |migrator: &Migrator<'_>| {
        let error = migrator.run_blocking(&mut Bench::new().open()).expect_err("there is no such folder");
        format!("{error:#}")
    };
    let hidden = failed(&wrong());
    assert!(hidden.contains(text) && !hidden.contains("nowhere"), "{hidden}");
    let shown = failed(&wrong().with_database_messages());
    assert!(!shown.contains(text) && shown.contains("database: /nowhere/x.db"), "{shown}");
}

fn table_named(name: &str) -> TableName {
    TableName::new(name).expect("a name")
}

#[test]
fn a_directory_is_read_when_what_is_said_of_it_is_done() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("migrations");
    fs::create_dir_all(folder.join("more")).expect("a folder");
    let said = |directory: Directory| {
        let error =
            Migrator::new(directory).run_blocking(&mut Bench::new().open()).expect_err("it is refused");
        format!("{error:#}")
    };
    let runs = |directory: Directory| {
        Migrator::new(directory).run_blocking(&mut Bench::new().open()).expect("what was said was done");
    };
    let elsewhere = bench.folder.path().join("0001_t.sql");
    fs::write(&elsewhere, "CREATE TABLE t (n INTEGER);\n").expect("a file");
    std::os::unix::fs::symlink(&elsewhere, folder.join("0001_t.sql")).expect("a link");
    let linked = said(Directory::new(&folder).recursive().unlocked());
    let text =
        "a link that leads out of the directory: put the file itself there, or ask for `following_links`";
    assert!(linked.contains(text), "{linked}");
    runs(Directory::new(&folder).recursive().unlocked().following_links());
    fs::remove_file(folder.join("0001_t.sql")).expect("the link");
    fs::copy(&elsewhere, folder.join("0001_t.sql")).expect("the file itself");
    let unlocked = said(Directory::new(&folder).recursive());
    let text =
        "is not there: lock the directory (`whimbrel lock`, or `Manifest::lock`), or ask for `unlocked`";
    assert!(unlocked.contains(text), "{unlocked}");
    runs(Directory::new(&folder).recursive().unlocked());
    fs::write(folder.join("more/0002_u.sql"), "CREATE TABLE u (n INTEGER);\n").expect("a file");
    let flat = said(Directory::new(&folder).unlocked());
    let text =
        "a folder, and folders are not read unless asked: use `recursive`, or name it after the dialect";
    assert!(flat.contains(text), "{flat}");
    runs(Directory::new(&folder).recursive().unlocked());
    fs::rename(folder.join("more"), bench.folder.path().join("sqlite")).expect("a folder");
}

#[test]
fn a_file_that_decides_what_runs_is_read_when_what_is_said_of_it_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect("permissions");
    };
    fs::write(at("signers"), "ann\n").expect("a file");
    mode("signers", 0o600);
    fs::create_dir(at("migrations")).expect("a folder");
    let refused = |file: &TrustedFile| {
        let error = file.read().expect_err("it is refused");
        error.notes().find(|(name, _)| *name == "next").map(|(_, text)| text.to_owned()).expect("what to do")
    };
    let typed = |line: &str| {
        let ended = std::process::Command::new("sh").arg("-c").arg(line).status().expect("a shell");
        assert!(ended.success(), "{line}");
    };
    let signers = TrustedFile::new(at("signers")).apart_from(at("migrations"));
    for (wrong, right) in [(0o620, "chmod g-w "), (0o602, "o-w "), (0o622, "chmod go-w ")] {
        mode("signers", wrong);
        let said = refused(&signers);
        assert!(said.contains(right) && said.starts_with("chmod "), "{wrong:o}: {said}");
        typed(&said);
        signers.read().expect("nobody else may write to it");
    }
    std::os::unix::fs::symlink("/etc/hostname", at("link")).expect("a link");
    assert_eq!(
        refused(&TrustedFile::new(at("link"))),
        "name the file that it leads to, or put that file in the place of the link"
    );
    fs::remove_file(at("link")).expect("the link");
    fs::copy(at("signers"), at("link")).expect("the file in its place");
    TrustedFile::new(at("link")).read().expect("it is a file");
    assert_eq!(refused(&TrustedFile::new(at("migrations"))), "name a file");
    fs::write(at("binary"), b"\xff\xfe").expect("a file");
    mode("binary", 0o600);
    assert_eq!(refused(&TrustedFile::new(at("binary"))), "name the right file");
    assert_eq!(refused(&TrustedFile::new(at("nowhere"))), "make it, or name the right path");
    fs::copy(at("signers"), at("migrations/signers")).expect("a file");
    let inside = TrustedFile::new(at("migrations/signers")).apart_from(at("migrations"));
    assert_eq!(refused(&inside), "move it to where those who write migrations cannot change it");
    signers.read().expect("it is elsewhere");
}
