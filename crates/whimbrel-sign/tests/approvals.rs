//! A plan that has to be approved is run if enough signers have signed exactly it, and not otherwise.

mod programs;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use whimbrel::{
    Digest, ErrorKind, Event, Finding, FindingKind, Memory, MigrationSet, Migrator, Plan, Result, Verifier,
    Weight, async_trait,
};
use whimbrel_sign::{SignatureVerifier, SignedApprovals};
use whimbrel_testkit::Fake;

use crate::programs::Keys;

/// Wants an approval for whatever drops something.
struct Careful;

#[async_trait]
impl Verifier for Careful {
    async fn check_set(&self, _: &MigrationSet) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        let drops = |text: &str| text.contains("DROP");
        let items = plan.items().iter().filter(|item| item.script().is_some_and(|file| drops(file.text())));
        Ok(items
            .map(|item| {
                let finding =
                    Finding::new(FindingKind::Policy, item.set_name(), item.label(), "drops something");
                finding.weighing(Weight::Approval)
            })
            .collect())
    }
}

fn memory() -> Memory {
    Memory::new()
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY);")
        .with_sql(2, "more", "CREATE TABLE more (id INTEGER PRIMARY KEY);")
        .with_sql(3, "fewer", "DROP TABLE items;")
}

/// Signs the plan of this digest, as the documentation says.
fn sign(keys: &Keys, name: &str, plan: &Digest) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plan");
    fs::write(&file, SignedApprovals::text(plan)).expect("written");
    keys.ssh_sign(name, "whimbrel", &file)
}

fn digest(fake: &Fake, memory: &Memory) -> Digest {
    let plan =
        Migrator::new(memory).with_verifier(Careful).plan_blocking(&mut fake.another()).expect("a plan");
    assert!(plan.notes().iter().any(|note| note.weight() == Weight::Approval), "{plan}");
    assert!(plan.to_string().contains("needs approval: policy"), "{plan}");
    *plan.digest()
}

fn careful(memory: &Memory) -> Migrator<'_> {
    Migrator::new(memory).with_verifier(Careful)
}

fn is_refused(migrator: &Migrator<'_>, fake: &Fake, what: &str) {
    let before = fake.dump();
    let error = migrator.run_blocking(&mut fake.another()).expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Configuration, "{what}: {error:#}");
    let told = format!("{error:#}");
    assert!(told.contains("with_approval") && told.contains("plan: b3v1:"), "{what}: {told}");
    assert_eq!(fake.dump(), before, "{what}: something was applied");
}

#[test]
fn as_many_signers_as_are_needed_approve_exactly_one_plan() {
    let (keys, fake, memory) = (Keys::new(), Fake::new(), memory());
    let allowed = [keys.ssh_signer("alice"), keys.ssh_signer("bob")].join("\n");
    let signers = SignatureVerifier::new().with_allowed_signers(&allowed).expect("keys").with_threshold(2);
    let plan = digest(&fake, &memory);
    let (alice, bob) = (sign(&keys, "alice", &plan), sign(&keys, "bob", &plan));
    let mallory = {
        keys.ssh("mallory");
        sign(&keys, "mallory", &plan)
    };
    let approved = |signatures: &[&str]| {
        let all = SignedApprovals::new(signers.clone());
        signatures.iter().fold(all, |all, signature| all.with_signatures(*signature))
    };
    is_refused(&careful(&memory), &fake, "nobody");
    is_refused(&careful(&memory).with_approver(approved(&[])), &fake, "no signature");
    is_refused(&careful(&memory).with_approver(approved(&[&alice])), &fake, "one short");
    is_refused(&careful(&memory).with_approver(approved(&[&alice, &alice])), &fake, "the same one twice");
    is_refused(&careful(&memory).with_approver(approved(&[&alice, &mallory])), &fake, "somebody else");
    let other = sign(&keys, "bob", &Digest::of_script("another plan"));
    is_refused(&careful(&memory).with_approver(approved(&[&alice, &other])), &fake, "another plan");
    is_refused(&careful(&memory).with_approval(Digest::of_script("another plan")), &fake, "another digest");

    // What has changed in between makes another plan of it.
    let first = Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY);");
    let elsewhere = Fake::new();
    Migrator::new(&first).run_blocking(&mut elsewhere.another()).expect("an empty database");
    is_refused(&careful(&memory).with_approver(approved(&[&alice, &bob])), &elsewhere, "another history");

    let report = careful(&memory).with_approver(approved(&[&alice, &bob])).run_blocking(&mut fake.another());
    assert_eq!(report.expect("approved").migrations.len(), 3);
    let rows: Vec<String> =
        fake.history().iter().map(|record| format!("{} {}", record.event, record.detail)).collect();
    let wanted = format!("approved={plan} approved_by=alice,bob");
    assert_eq!(
        rows.iter().filter(|row| row.starts_with("applied") && row.contains(&wanted)).count(),
        3,
        "{rows:#?}"
    );
}

#[test]
fn the_operators_digest_approves_what_was_shown_to_them() {
    let (fake, memory) = (Fake::new(), memory());
    let plan = digest(&fake, &memory);
    let migrator = careful(&memory).with_approval(Digest::of_script("an older one")).with_approval(plan);
    migrator.run_blocking(&mut fake.another()).expect("approved");
    assert!(fake.history().iter().any(|record| record.detail.contains("approved_by=operator")));
    // Nothing is left to be approved.
    careful(&memory).run_blocking(&mut fake.another()).expect("nothing to do");
}

/// What an approval covers is done in several plans where others write in between; it covers each of them.
#[test]
fn an_approval_lasts_for_the_run_that_it_was_given_for() {
    let memory =
        memory().with_sql(4, "outside", "-- whimbrel: no-transaction\nVACUUM;\nDROP TABLE more;\nVACUUM;");
    let rewritten = (1..40).filter(|call| disturbed(&memory, *call)).count();
    assert!(rewritten > 0, "nobody has written in the middle of a run");
}

/// Runs with an approval, while somebody else writes at this call; whether they have written when the plan was approved
/// already, and it had to be made anew.
fn disturbed(memory: &Memory, call: usize) -> bool {
    // A database with a history, so that each migration has a transaction of its own.
    let fake = Fake::new();
    let first = Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY);");
    Migrator::new(&first).run_blocking(&mut fake.another()).expect("an empty database");
    let plan = digest(&fake, memory);
    let library = Memory::new()
        .with_set(whimbrel::SetName::new("app").expect("a name"))
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY);")
        .with_repeatable("jobs", "CREATE TABLE jobs (id INTEGER PRIMARY KEY);");
    let (approved, wrote_late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (seen, late) = (Arc::clone(&approved), Arc::clone(&wrote_late));
    let mut run = fake.another().with_hook(call, move |mut other| {
        let quick = Migrator::new(&library).with_lock_deadline(Duration::ZERO);
        // The lock may be held just then.
        let wrote = quick.run_blocking(&mut other).is_ok_and(|report| !report.migrations.is_empty());
        late.store(wrote && seen.load(Ordering::Relaxed), Ordering::Relaxed);
    });
    let migrator = careful(memory).with_approval(plan).with_observer(|event: &Event<'_>| {
        if matches!(event, Event::Planned { .. }) {
            approved.store(true, Ordering::Relaxed);
        }
    });
    let result = migrator.run_blocking(&mut run);
    let late = wrote_late.load(Ordering::Relaxed);
    match result {
        Ok(_) => assert!(!fake.dump().contains("table more"), "call {call}: {}", fake.dump()),
        // Before the plan was made, somebody else has changed what it was made on: it is another plan.
        Err(error) => {
            let unapproved = error.findings().iter().all(|finding| finding.weight() == Weight::Approval);
            assert!(!late && unapproved && !error.findings().is_empty(), "call {call}: {error:#}");
        }
    }
    late
}

#[test]
fn what_is_no_signature_is_an_error() {
    let (keys, fake, memory) = (Keys::new(), Fake::new(), memory());
    let signers = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice")).expect("keys");
    let approvals = SignedApprovals::new(signers).with_signatures("b3v1:00");
    let error = careful(&memory)
        .with_approver(approvals)
        .run_blocking(&mut fake.another())
        .expect_err("no signature");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:#}");
    assert!(error.to_string().contains("line 1 of an approval's signature"), "{error:#}");
    assert!(fake.history().is_empty());
}
