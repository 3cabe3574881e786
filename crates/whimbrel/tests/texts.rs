//! What people read: plans, status, reports, findings and errors, in snapshots.

use std::collections::BTreeMap;
use std::time::Duration;

use whimbrel::{
    Ahead, Ending, Error, ErrorClass, Finding, FindingKind, Gaps, Goal, Key, Kind, Manifest, Memory,
    Migration, MigrationSet, Migrator, OutOfOrder, Plan, Result, ScriptFile, SetName, Settlement,
    Transaction, Verifier, Version, async_trait,
};
use whimbrel_testkit::{Fake, Fault};

fn version(number: i64) -> Version {
    Version::new(number).expect("a version")
}

/// Without what differs from run to run or means nothing to a reader: digests, times, the host, processes.
fn redacted(text: &str) -> String {
    let mut text = text.to_owned();
    for (begins, ends, shown) in [
        ("b3v1:", &[' ', '\n', ')', '"', ',', '…'][..], "b3v1:[digest]"),
        ("it has ", &['…'], "it has [digest]"),
        ("manifest says ", &['…'], "manifest says [digest]"),
        ("2026-01-01T", &[' ', '\n', ';', ':', '"'], "[time]"),
        (" queries, ", &[')'], " queries, [time]"),
        (" query, ", &[')'], " query, [time]"),
        ("fake@", &[','], "fake@[host]"),
        (", process ", &[' ', ';'], ", process [number]"),
        ("lock for ", &['\n'], "lock for [time]"),
    ] {
        let mut from = 0;
        while let Some(at) = text[from..].find(begins).map(|at| at + from) {
            let rest = &text[at + begins.len()..];
            // A time holds colons between digits.
            let end = rest.find(|letter: char| ends.contains(&letter)).unwrap_or(rest.len());
            let end = if begins.starts_with("2026") { 13 } else { end };
            text.replace_range(at..at + begins.len() + end, shown);
            from = at + shown.len();
        }
    }
    text
}

/// The one line, and the diagnostic, which `Debug` prints as well: behind the word that `main` puts before it.
fn told(error: &Error) -> String {
    let (line, page) = (error.to_string(), format!("{error:#}"));
    assert_eq!(page.strip_prefix("error: ").unwrap_or(&page), format!("{error:?}"));
    assert!(!line.contains('\n'), "{line}");
    redacted(&format!("{line}\n[{}]\n{page}", error.kind()))
}

fn fails(fake: &Fake, migrator: &Migrator<'_>) -> Error {
    migrator.run_blocking(&mut fake.another()).expect_err("it should have failed")
}

fn runs(fake: &Fake, migrator: &Migrator<'_>) {
    migrator.run_blocking(&mut fake.another()).unwrap_or_else(|error| panic!("{error:#}"));
}

fn plan(fake: &Fake, migrator: &Migrator<'_>) -> Plan {
    migrator.plan_blocking(&mut fake.reader()).unwrap_or_else(|error| panic!("{error:#}"))
}

fn items() -> Memory {
    Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);")
}

fn lock(memory: &Memory) -> Manifest {
    Manifest::lock(&memory.set().expect("a set"), None).0
}

fn digest(memory: &Memory, number: i64) -> whimbrel::Digest {
    *memory.set().expect("a set").migration(version(number)).expect("the migration").digest()
}

/// The first migration has another text than before, the second one is gone, the third one is late, …
fn everything(fake: &Fake) -> Memory {
    let before = items().with_sql(2, "of_no_use", "CREATE TABLE others (id INTEGER)").with_sql(
        4,
        "names",
        "CREATE INDEX names ON items (name)",
    );
    runs(fake, &Migrator::new(&before));
    let now = Memory::new()
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); -- what is sold")
        .with_sql(3, "late", "UPDATE items SET name = 'a'; DELETE FROM items WHERE id = 1;")
        .with_sql(4, "names", "CREATE INDEX names ON items (name)")
        .with_rust(5, "hash_names")
        .with_sql(6, "outside", "-- whimbrel: no-transaction\nVACUUM; MAKE FILE a; VACUUM;")
        .with_repeatable("report", "CHECKPOINT");
    let manifest = lock(&now)
        .with_former(version(1), digest(&before, 1), "a comment was added")
        .with_tombstone(version(2), digest(&before, 2), "nobody read it");
    now.with_manifest(manifest)
}

/// With the step of [`everything`].
fn with_step(memory: &Memory) -> Migrator<'_> {
    migrator(memory).with_blocking_step(5, |_| Ok(()))
}

fn migrator(memory: &Memory) -> Migrator<'_> {
    Migrator::new(memory)
        .with_environment("staging")
        .with_out_of_order(OutOfOrder::Apply)
        .with_application("orders", "1.8.0")
        .with_lock_deadline(Duration::ZERO)
}

#[test]
fn a_plan_is_a_text_that_a_person_can_approve() {
    let fake = Fake::new();
    let first = plan(&fake, &Migrator::new(items().with_repeatable("report", "CHECKPOINT")));
    insta::assert_snapshot!("plan_from_empty", redacted(&first.to_string()));
    let now = everything(&fake);
    insta::assert_snapshot!("plan_of_everything", redacted(&plan(&fake, &with_step(&now)).to_string()));
    runs(&fake, &with_step(&now));
    insta::assert_snapshot!("plan_of_nothing", redacted(&plan(&fake, &with_step(&now)).to_string()));
}

#[test]
fn a_plan_to_go_on_or_to_go_back_says_so() {
    let fake = Fake::new();
    runs(&fake, &Migrator::new(items()));
    let half = |third: &str| {
        items().with_sql(2, "half", format!("-- whimbrel: no-transaction\nVACUUM;\nCHECKPOINT;\n{third};"))
    };
    fails(&fake, &Migrator::new(half("DROP TABLE missing")));
    let goes_on = plan(&fake, &Migrator::new(half("DROP TABLE items")));
    insta::assert_snapshot!("plan_to_go_on", redacted(&goes_on.to_string()));
    let fake = Fake::new();
    let memory = items().with_down(1, "DROP TABLE items");
    runs(&fake, &Migrator::new(&memory));
    let back = planned(&fake, &memory, Goal::RevertTo(None)).expect("there is a way down");
    insta::assert_snapshot!("plan_to_go_back", redacted(&back.to_string()));
    let fake = Fake::new();
    let baseline = planned(&fake, &memory, Goal::Baseline(version(1))).expect("there is no history");
    insta::assert_snapshot!("plan_of_a_baseline", redacted(&baseline.to_string()));
}

/// Plans by hand what a verb would carry out: an observer hears of the plan.
fn planned(fake: &Fake, memory: &Memory, goal: Goal) -> Option<Plan> {
    let heard = std::sync::Mutex::new(None);
    let hear = |event: &whimbrel::Event<'_>| {
        if let whimbrel::Event::Planned { plan } = event {
            *heard.lock().expect("nobody panics") = Some((*plan).clone());
        }
    };
    let migrator = Migrator::new(memory).with_observer(hear);
    let mut fake = fake.another();
    match goal {
        Goal::RevertTo(version) => migrator.revert_to_blocking(&mut fake, version),
        Goal::Baseline(version) => migrator.baseline_blocking(&mut fake, version),
        _ => migrator.run_blocking(&mut fake),
    }
    .unwrap_or_else(|error| panic!("{error:#}"));
    drop(migrator);
    heard.into_inner().expect("nobody panics")
}

#[cfg(feature = "serde")]
#[test]
fn plans_status_and_reports_are_data_as_well() {
    let json = |value: &dyn erased::Json| redacted(&value.json());
    let fake = Fake::new();
    let now = everything(&fake);
    insta::assert_snapshot!("plan_as_json", json(&plan(&fake, &with_step(&now))));
    let report = with_step(&now).run_blocking(&mut fake.another()).expect("nothing stands in the way");
    let text = serde_json::to_string(&report).expect("it has no maps");
    assert!(text.starts_with(
        r#"{"outcome":"applied","migrations":[{"set":"app","version":3,"label":"3_late","elapsed":"#
    ));
    let status = with_step(&now).status_blocking(&mut fake.reader()).expect("it can be read");
    insta::assert_snapshot!("status_as_json", json(&status));
}

#[cfg(feature = "serde")]
mod erased {
    pub(super) trait Json {
        fn json(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string_pretty(self).expect("it has no maps")
        }
    }
}

#[test]
fn a_status_is_a_table() {
    let fake = Fake::new();
    let now = everything(&fake);
    let status = |memory: &Memory| {
        let status = with_step(memory).status_blocking(&mut fake.reader());
        redacted(&status.unwrap_or_else(|error| panic!("{error:#}")).to_string())
    };
    insta::assert_snapshot!("status_before", status(&now));
    runs(&fake, &with_step(&now));
    insta::assert_snapshot!("status_after", status(&now));
}

#[test]
fn a_report_is_one_line() {
    let fake = Fake::new();
    let memory = items()
        .with_down(1, "DROP TABLE items")
        .with_sql(2, "rows", "DELETE FROM items")
        .with_down(2, "CHECKPOINT");
    let migrator = Migrator::new(&memory);
    let older = items().with_down(1, "DROP TABLE items");
    let mut lines = Vec::new();
    let mut line = |report: Result<whimbrel::Report>| {
        lines.push(redacted(&report.unwrap_or_else(|error| panic!("{error:#}")).to_string()));
    };
    line(Migrator::new(Memory::new()).run_blocking(&mut fake.another()));
    line(migrator.run_blocking(&mut fake.another()));
    line(migrator.run_blocking(&mut fake.another()));
    line(Migrator::new(&older).run_blocking(&mut fake.another()));
    line(migrator.redo_blocking(&mut fake.another()));
    line(migrator.revert_to_blocking(&mut fake.another(), Some(version(1))));
    line(migrator.revert_to_blocking(&mut fake.another(), None));
    let other = Fake::new();
    line(migrator.baseline_blocking(&mut other.another(), version(2)));
    insta::assert_snapshot!("reports", lines.join("\n"));
}

struct Four;

#[async_trait]
impl Verifier for Four {
    async fn check_set(&self, set: &MigrationSet) -> Result<Vec<Finding>> {
        let message = "has not been approved by two people";
        Ok(vec![Finding::new(FindingKind::Policy, set.name(), "1_items", message)])
    }

    async fn check_plan(&self, _plan: &Plan) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }
}

#[test]
fn every_kind_of_finding_says_what_is_wrong_and_what_to_do() {
    let mut found: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut keep = |error: Error| {
        assert!(!error.findings().is_empty(), "{error:#}");
        for finding in error.findings() {
            let texts = found.entry(finding.kind().as_str()).or_default();
            let text = redacted(&finding.to_string());
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    };
    let empty = Fake::new();
    let locked = |memory: &Memory, manifest: &Manifest| memory.clone().with_manifest(manifest.clone());
    // Files and their manifest.
    let both = items().with_sql(2, "rows", "DELETE FROM items");
    let other = items().with_sql(2, "rows", "DELETE FROM items WHERE id = 1");
    keep(fails(&empty, &Migrator::new(locked(&other, &lock(&both)))));
    keep(fails(&empty, &Migrator::new(locked(&both, &lock(&items())))));
    keep(fails(&empty, &Migrator::new(locked(&items(), &lock(&both)))));
    let moved = lock(&both)
        .to_string()
        .replace(&both.set().expect("a set").head().to_string(), &digest(&both, 1).to_string());
    keep(fails(&empty, &Migrator::new(locked(&both, &moved.parse().expect("a manifest")))));
    let twice = lock(&both).with_tombstone(version(2), digest(&both, 2), "gone");
    keep(fails(&empty, &Migrator::new(locked(&both, &twice))));
    let file = |text: &'static str| ScriptFile::baked("migrations", "0001_items.sql", text, [7; 32]);
    let migration = Migration::new(Key::Versioned(version(1)), "items", Kind::Sql, file("CHECKPOINT"), None);
    let tampered = MigrationSet::new(SetName::APP, vec![migration]).expect("one migration");
    keep(fails(&empty, &Migrator::new(tampered.clone())));
    let manifest = Manifest::lock(&tampered, None).0;
    keep(fails(&empty, &Migrator::new(tampered.clone().with_manifest(manifest))));
    keep(fails(&empty, &Migrator::new(tampered.unlocked())));
    // Scripts.
    for script in [
        "COMMIT",
        "SELECT 'open",
        "/* open",
        "SELECT \"open",
        "CREATE TABLE a (id INTEGER);\0",
        "-- 2_rows\n\n",
        "VACUUM",
        "-- whimbrel: no-transactions\nCHECKPOINT",
        "CHECKPOINT;\n-- whimbrel: no-transaction\n",
        "-- whimbrel: lock_timeout=soon\nCHECKPOINT",
        "-- whimbrel: lock_timeout=3s\nCHECKPOINT",
        "-- whimbrel: foreign_keys=off\nCHECKPOINT",
        "-- whimbrel: no-transaction\n-- whimbrel: no-transaction\nCHECKPOINT",
        "-- whimbrel: foreign_keys=off\n-- whimbrel: no-transaction\nCHECKPOINT",
    ] {
        keep(fails(&empty, &Migrator::new(items().with_sql(2, "rows", script))));
    }
    // What was asked for.
    keep(fails(&empty, &Migrator::new(Memory::new().with_sql(3, "c", "CHECKPOINT")).with_gaps(Gaps::Refuse)));
    keep(fails(&empty, &Migrator::new(items()).and(items())));
    keep(fails(
        &empty,
        &Migrator::new(items().with_rust_revision(2, "step", 3, true))
            .with_step(2, |_| Box::pin(async { Ok(()) })),
    ));
    keep(fails(
        &empty,
        &Migrator::new(items()).with_blocking_step(1, |_| Ok(())).with_blocking_step(9, |_| Ok(())),
    ));
    keep(fails(&empty, &Migrator::new(items()).with_target(version(2))));
    keep(fails(&empty, &Migrator::new(items()).with_verifier(Four)));
    keep(Migrator::new(items()).redo_blocking(&mut empty.another()).expect_err("nothing is in force"));
    keep(
        Migrator::new(items())
            .revert_to_blocking(&mut empty.another(), Some(version(1)))
            .expect_err("nothing is in force"),
    );
    // What the database has.
    let fake = Fake::new();
    let all = items()
        .with_sql(2, "rows", "DELETE FROM items")
        .with_down(2, "CHECKPOINT")
        .with_sql(4, "more", "CHECKPOINT")
        .with_down(4, "CHECKPOINT");
    let all = all.with_repeatable("report", "CHECKPOINT");
    runs(&fake, &Migrator::new(locked(&all, &lock(&all))).with_environment("staging"));
    let now = Memory::new()
        .with_sql(1, "things", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);")
        .with_sql(3, "late", "CHECKPOINT")
        .with_sql(4, "more", "CHECKPOINT")
        .with_repeatable("report", "LOCK TABLE items");
    keep(fails(&fake, &Migrator::new(locked(&now, &lock(&now))).with_environment("production")));
    keep(fails(&fake, &Migrator::new(items()).with_ahead(Ahead::Refuse)));
    keep(
        Migrator::new(&all)
            .baseline_blocking(&mut fake.another(), version(1))
            .expect_err("there is a history"),
    );
    keep(
        Migrator::new(&all)
            .revert_to_blocking(&mut fake.another(), None)
            .expect_err("the first one has no way down"),
    );
    Migrator::new(&all)
        .revert_to_blocking(&mut fake.another(), Some(version(2)))
        .expect("there is a way down");
    keep(fails(&fake, &Migrator::new(&all)));
    fake.another().run("UPDATE whimbrel_history SET at = 'never' WHERE seq = 2").expect("by hand");
    keep(fails(&fake, &Migrator::new(&all)));
    let fake = Fake::new();
    fake.another().run("CREATE TABLE users (id INTEGER); CREATE TABLE orders (id INTEGER)").expect("by hand");
    keep(fails(&fake, &Migrator::new(items())));
    let (fake, memory) = in_doubt("MAKE FILE a");
    keep(fails(&fake, &migrator(&memory)));
    keep(
        Migrator::new(&memory)
            .revert_to_blocking(&mut fake.another(), Some(version(1)))
            .expect_err("it is open"),
    );
    keep(Migrator::new(&memory).redo_blocking(&mut fake.another()).expect_err("it is open"));
    // What has to be so before anything is applied, and what scripts ask for.
    keep(fails(&empty, &Migrator::new(items()).with_preflight(whimbrel::Preflight::strict())));
    let asking = |what: &str| {
        items().with_sql(2, "asks", format!("-- whimbrel: placeholders\nDELETE FROM items WHERE id = {what}"))
    };
    keep(fails(&empty, &Migrator::new(asking("${id}"))));
    keep(fails(&empty, &Migrator::new(asking("${secret:id}"))));
    keep(fails(&empty, &Migrator::new(asking("'${id}'"))));
    keep(fails(&empty, &Migrator::new(asking("${id:raw}"))));
    assert_eq!(found.len(), 29, "{:?}", found.keys());
    let texts: Vec<String> = found.into_values().flatten().collect();
    insta::assert_snapshot!("findings", texts.join("\n"));
}

/// A database in which the second statement of the second migration is in doubt.
fn in_doubt(statement: &str) -> (Fake, Memory) {
    let script = format!(
        "-- whimbrel: no-transaction\nINSERT INTO items (id, name) VALUES (1, 'hunter2');\n{statement};\nCHECKPOINT;\n"
    );
    let memory = items().with_sql(2, "files", script);
    let fake = |call: Option<usize>| {
        let fake = Fake::new();
        runs(&fake, &Migrator::new(items()));
        let Some(call) = call else { return fake };
        let mut cut = fake.another().with_fault(call, Fault::LostAfter);
        let error = migrator(&memory).run_blocking(&mut cut).expect_err("the connection is lost");
        assert!(error.findings().is_empty() && call < 100, "{error:#}");
        let sent = cut.log().iter().any(|sent| sent == statement);
        drop(cut);
        if sent { fake } else { Fake::new() }
    };
    drop(fake(None));
    let found = (1..).map(|call| fake(Some(call))).find(|fake| !fake.history().is_empty());
    (found.expect("it is sent at some time"), memory)
}

#[test]
fn a_statement_whose_outcome_is_unknown_is_told_with_what_to_look_for() {
    let (fake, memory) = in_doubt("MAKE FILE a");
    let error = fails(&fake, &migrator(&memory));
    assert_eq!((error.migration(), error.statement()), (Some("2_files"), Some(2)));
    insta::assert_snapshot!("unknown_outcome", told(&error));
    let checked = migrator(&memory).check_blocking(&mut fake.reader()).expect_err("it is in doubt");
    assert_eq!(told(&checked), told(&error));
}

#[test]
fn a_script_that_cannot_be_gone_on_with_says_why() {
    let script = "-- whimbrel: no-transaction\nREMEMBER 5;\nDELETE FROM missing WHERE id = MEMORY;\n";
    let memory = items().with_sql(2, "session", script);
    let fake = Fake::new();
    fails(&fake, &migrator(&memory));
    insta::assert_snapshot!("session_lost", told(&fails(&fake, &migrator(&memory))));
}

#[test]
fn settling_what_is_not_open_says_what_is() {
    let (fake, memory) = in_doubt("MAKE FILE a");
    let settle = |number: i64, ending: Ending, reason: &str| {
        let settlement = Settlement { version: Version::new(number), ending, reason: reason.to_owned() };
        migrator(&memory).settle_blocking(&mut fake.another(), settlement)
    };
    let mut lines = Vec::new();
    for (number, ending, reason) in
        [(1, Ending::Applied, "x"), (2, Ending::DidNot(1), "x"), (2, Ending::DidNot(2), " ")]
    {
        lines.push(told(&settle(number, ending, reason).expect_err("something is wrong with it")));
    }
    settle(2, Ending::TookEffect(2), "the file is there").expect("it is open");
    runs(&fake, &migrator(&memory));
    lines.push(told(&settle(2, Ending::Applied, "x").expect_err("nothing is open")));
    insta::assert_snapshot!("settling", lines.join("\n"));
}

/// Three migrations, of which the third fails.
fn failing(script: &str) -> Memory {
    items().with_sql(2, "rows", "INSERT INTO items (id, name) VALUES (1, 'a')").with_sql(3, "wrong", script)
}

#[test]
fn a_failing_statement_is_shown_with_its_line_and_a_caret() {
    let script =
        "-- adds a column\n\n  ALTER TABLE items ADD email TEXT;\n\tALTER TABEL items ADD phone TEXT;\n";
    let fake = Fake::new();
    insta::assert_snapshot!("failing_statement", told(&fails(&fake, &Migrator::new(failing(script)))));
    let fake = Fake::new();
    runs(&fake, &Migrator::new(failing("CHECKPOINT").with_target_of(2)));
    insta::assert_snapshot!("failing_alone", told(&fails(&fake, &Migrator::new(failing(script)))));
}

trait UpTo {
    fn with_target_of(self, number: i64) -> MigrationSet;
}

impl UpTo for Memory {
    fn with_target_of(self, number: i64) -> MigrationSet {
        let set = self.set().expect("a set");
        let kept =
            set.iter().filter(|migration| migration.version() <= Version::new(number)).cloned().collect();
        MigrationSet::new(set.name().clone(), kept).expect("no duplicates").unlocked()
    }
}

#[test]
fn the_caret_stands_where_the_error_is_whatever_was_masked_before_it() {
    for (name, script) in [
        (
            "masked_before",
            "INSERT INTO items (id, name) VALUES (2, 'correct horse battery staple'), (3 UNIQE);",
        ),
        (
            "masked_lines",
            "/* one\ntwo\nthree */\nINSERT INTO items (id, name) VALUES (2, 'correct\nhorse'), (3 UNIQE);\n-- end",
        ),
        ("masked_to_the_end", "INSERT INTO items (id, name) VALUES (2, 'correct horse') 'battery';"),
    ] {
        let text = told(&fails(&Fake::new(), &Migrator::new(failing(script))));
        assert!(!text.contains("horse") && !text.contains("battery"), "{text}");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn no_value_is_shown_unless_the_databases_own_words_were_asked_for() {
    let script = "INSERT INTO items (id, name) VALUES (1, 'hunter2');";
    let hidden = told(&fails(&Fake::new(), &Migrator::new(failing(script))));
    assert!(!hidden.contains("hunter2"), "{hidden}");
    insta::assert_snapshot!("constraint", hidden);
    let shown = told(&fails(&Fake::new(), &Migrator::new(failing(script)).with_database_messages()));
    insta::assert_snapshot!("constraint_in_the_databases_words", shown);
}

#[test]
fn a_failure_outside_transactions_says_what_was_kept() {
    let script = |first: &str| format!("-- whimbrel: no-transaction\n{first};\nDROP TABLE missing;\n");
    let kept = fails(&Fake::new(), &Migrator::new(failing(&script("VACUUM"))));
    insta::assert_snapshot!("outside_one_kept", told(&kept));
    let two = fails(&Fake::new(), &Migrator::new(failing(&script("VACUUM; CHECKPOINT"))));
    assert!(two.to_string().contains("its first 2 statements were kept"), "{two}");
    let none =
        fails(&Fake::new(), &Migrator::new(failing("-- whimbrel: no-transaction\nDROP TABLE missing;")));
    insta::assert_snapshot!("outside_nothing_kept", told(&none));
}

#[test]
fn a_step_in_rust_that_fails_is_told_with_its_own_words() {
    let memory = items().with_rust(2, "hash_names");
    let migrator = Migrator::new(memory).with_blocking_step(2, |_| Err("there is no salt".into()));
    insta::assert_snapshot!("step", told(&fails(&Fake::new(), &migrator)));
}

#[test]
fn many_that_were_applied_before_are_counted() {
    let many = (1..20).fold(Memory::new(), |memory, number| memory.with_sql(number, "more", "CHECKPOINT"));
    let memory = many.with_sql(20, "wrong", "DROP TABLE missing");
    insta::assert_snapshot!("many_before", told(&fails(&Fake::new(), &Migrator::new(memory))));
}

#[test]
fn a_refusal_lists_what_was_found() {
    let fake = Fake::new();
    runs(&fake, &Migrator::new(items().with_sql(3, "names", "CREATE INDEX names ON items (name)")));
    let now = Memory::new()
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);\n\n")
        .with_sql(2, "late", "CHECKPOINT")
        .with_sql(3, "names", "CREATE INDEX names ON items (name)");
    insta::assert_snapshot!("refusal", told(&fails(&fake, &Migrator::new(now))));
    let one =
        items().with_sql(2, "late", "CHECKPOINT").with_sql(3, "names", "CREATE INDEX names ON items (name)");
    insta::assert_snapshot!("refusal_of_one", told(&fails(&fake, &Migrator::new(one))));
}

#[test]
fn a_lock_that_is_not_to_be_had_in_time_says_how_long() {
    let fake = Fake::new();
    let mut writer = fake.another();
    writer.run("BEGIN").expect("nobody writes");
    insta::assert_snapshot!("lock_deadline", told(&fails(&fake, &migrator(&items()))));
}

#[test]
fn what_the_connection_or_the_role_lacks_is_told_with_the_remedy() {
    let mut lines = Vec::new();
    for class in [
        ErrorClass::ReadOnly,
        ErrorClass::Permission,
        ErrorClass::Full,
        ErrorClass::Damaged,
        ErrorClass::Unavailable,
        ErrorClass::Unsupported,
        ErrorClass::ConnectionLost,
        ErrorClass::InTransaction,
        ErrorClass::Other,
    ] {
        for (place, call) in [("boot", 1), ("begin", 4), ("script", 7)] {
            let mut fake = Fake::new().with_fault(call, Fault::Answers(class));
            let error = migrator(&items()).run_blocking(&mut fake).expect_err("it answers an error");
            lines.push(format!("{class:?} at the {place}: {}", told(&error)));
        }
    }
    insta::assert_snapshot!("classes", lines.join("\n\n"));
}

#[test]
fn a_history_that_was_edited_says_which_row() {
    let fake = Fake::new();
    runs(&fake, &Migrator::new(items()));
    fake.another().run("UPDATE whimbrel_history SET name = 'other' WHERE seq = 1").expect("by hand");
    let run = fails(&fake, &Migrator::new(items().with_sql(2, "rows", "CHECKPOINT")));
    let verified = Migrator::new(items()).verify_history_blocking(&mut fake.reader(), &[]);
    let verified = verified.expect_err("it was edited");
    insta::assert_snapshot!("history_edited", format!("{}\n\n{}", told(&run), told(&verified)));
}

#[test]
fn what_is_pending_is_named() {
    let error = Migrator::new(items()).check_blocking(&mut Fake::new()).expect_err("it is pending");
    let waited = Migrator::new(items())
        .with_wait_deadline(Duration::ZERO)
        .wait_blocking(&mut Fake::new())
        .expect_err("nobody migrates");
    insta::assert_snapshot!("pending", format!("{}\n\n{}", told(&error), told(&waited)));
}

/// Also one that comes in a second round, from a read of the history: a migration before it has met a conflict.
#[test]
fn an_error_tells_what_was_done_before_it_wherever_it_comes_from() {
    let memory = items().with_sql(2, "more", "CREATE TABLE more (id INTEGER);").with_sql(
        3,
        "most",
        "CREATE TABLE most (id INTEGER);",
    );
    let migrator = Migrator::new(&memory).with_transaction(Transaction::PerMigration);
    let mut told_some = 0;
    for (conflict, lost) in
        (1..30).flat_map(|first| (first + 1..first + 8).map(move |second| (first, second)))
    {
        let fake = Fake::new();
        let mut cut = fake
            .another()
            .with_fault(conflict, Fault::Answers(ErrorClass::Conflict))
            .with_fault(lost, Fault::LostBefore);
        let Err(error) = migrator.run_blocking(&mut cut) else { continue };
        drop(cut);
        let done = fake.history().iter().filter(|row| row.event == "applied").count();
        let told = error.report().map_or(0, |report| report.migrations.len());
        assert_eq!(told, done, "conflict at {conflict}, lost at {lost}: {error:#}");
        told_some += usize::from(told > 0);
    }
    assert!(told_some > 10, "nothing was cut off behind a migration");
}
