//! Work that was begun outside transactions, and what later programs make of it.

use std::time::Duration;

use whimbrel::{Ending, ErrorClass, ErrorKind, Manifest, Memory, Migrator, Outcome, Settlement, Version};
use whimbrel_testkit::{Fake, Fault};

fn items() -> Memory {
    Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY)")
}

fn migrator(memory: &Memory) -> Migrator<'_> {
    Migrator::new(memory).with_lock_deadline(Duration::ZERO).with_failure_pause(Duration::ZERO)
}

/// The number of the call with which a text is first sent in a run on a database like this one.
fn call_of(fake: &mut Fake, memory: &Memory, text: &str) -> usize {
    let mut call = 0;
    while !fake.log().iter().any(|sent| sent == text) {
        call += 1;
        *fake = Fake::new();
        let earlier = items();
        migrator(&earlier).run_blocking(fake).expect("an empty database");
        *fake = fake.another().with_fault(call, Fault::LostAfter);
        migrator(memory).run_blocking(fake).expect_err("the connection is lost");
    }
    call
}

#[test]
fn a_repeatable_half_done_is_not_taken_for_a_newer_program() {
    let repeatable = items().with_repeatable("again", "-- whimbrel: no-transaction\nVACUUM;\nCHECKPOINT;");
    let mut fake = Fake::new();
    call_of(&mut fake, &repeatable, "VACUUM");
    let checked = migrator(&repeatable).check_blocking(&mut fake.another());
    assert_eq!(checked.expect_err("it is half done").kind(), ErrorKind::Pending);
    let report = migrator(&repeatable).run_blocking(&mut fake.another()).expect("it goes on");
    assert_eq!(report.outcome, Outcome::Applied);
    assert_eq!(fake.history().iter().filter(|record| record.event == "applied").count(), 2);
}

#[test]
fn a_revert_half_done_is_not_taken_for_a_newer_program() {
    let memory = items()
        .with_sql(2, "outside", "-- whimbrel: no-transaction\nVACUUM")
        .with_down(2, "-- whimbrel: no-transaction\nVACUUM;\nCHECKPOINT;");
    for call in 1.. {
        let mut fake = Fake::new();
        migrator(&memory).run_blocking(&mut fake).expect("an empty database");
        let mut fake = fake.another().with_fault(call, Fault::LostAfter);
        let target = Version::new(1);
        if migrator(&memory).revert_to_blocking(&mut fake, target).is_ok() {
            return;
        }
        let open = fake.history().last().is_some_and(|record| record.head.is_none());
        let checked = migrator(&memory).check_blocking(&mut fake.another());
        assert!(!open || checked.is_err(), "call {call}: half reverted, and found to be in order");
    }
}

#[test]
fn an_older_program_boots_beside_newer_work_that_is_open() {
    let newer = items().with_sql(2, "files", "-- whimbrel: no-transaction\nMAKE FILE a");
    let mut fake = Fake::new();
    call_of(&mut fake, &newer, "MAKE FILE a");
    let report = migrator(&items()).run_blocking(&mut fake.another()).expect("it knows nothing of it");
    assert_eq!(report.outcome, Outcome::Ahead);
}

#[test]
fn an_older_program_leaves_a_newer_revision_of_a_repeatable_alone_that_is_half_done() {
    let with = |text: &str| items().with_repeatable("files", format!("-- whimbrel: no-transaction\n{text}"));
    let older = with("VACUUM;");
    let (first, _) = Manifest::lock(&older.set().expect("a set"), None);
    let newer = with("MAKE FILE a;\nMAKE FILE b;");
    let (second, _) = Manifest::lock(&newer.set().expect("a set"), Some(&first));
    let (older, newer) = (older.with_manifest(first), newer.with_manifest(second));
    for call in 1.. {
        let mut fake = Fake::new();
        migrator(&older).run_blocking(&mut fake).expect("an empty database");
        let mut fake = fake.another().with_fault(call, Fault::LostAfter);
        if migrator(&newer).run_blocking(&mut fake).is_ok() {
            break;
        }
        let before = (fake.dump(), fake.history());
        let open = before.1.last().is_some_and(|record| record.head.is_none());
        let mut old = fake.another();
        let report =
            migrator(&older).run_blocking(&mut old).unwrap_or_else(|error| panic!("{call}: {error:#}"));
        assert!(!open || report.outcome == Outcome::Ahead, "call {call}: {report}");
        assert_eq!((old.dump(), old.history()), before, "call {call}");
    }
}

/// A statement whose answer was lost when it was tried once more is in doubt like any other, whatever was known of the
/// first try.
fn the_second_try_is_in_doubt(prepare: impl Fn(&Memory, &mut Fake)) {
    let memory = items().with_sql(2, "files", "-- whimbrel: no-transaction\nMAKE FILE a;\nCHECKPOINT;");
    for call in 1.. {
        let mut fake = Fake::new();
        migrator(&items()).run_blocking(&mut fake).expect("an empty database");
        prepare(&memory, &mut fake);
        let mut second = fake.another().with_fault(call, Fault::LostAfter);
        if migrator(&memory).run_blocking(&mut second).is_ok() {
            return;
        }
        let made = second.dump().contains("file a");
        let mut third = fake.another();
        if let Err(error) = migrator(&memory).run_blocking(&mut third) {
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:#}");
        }
        assert!(!made || !third.log().contains(&"MAKE FILE a".to_owned()), "call {call}: it was run again");
    }
}

#[test]
fn a_statement_that_has_failed_and_is_tried_again_can_be_in_doubt() {
    the_second_try_is_in_doubt(|memory, fake| {
        let call = call_of(&mut Fake::new(), memory, "MAKE FILE a");
        let mut first = fake.another().with_fault(call, Fault::Answers(ErrorClass::Sql));
        migrator(memory).run_blocking(&mut first).expect_err("it fails");
        assert_eq!(first.history().last().map(|record| &*record.event), Some("failed"));
    });
}

#[test]
fn a_statement_that_was_settled_and_is_tried_again_can_be_in_doubt() {
    the_second_try_is_in_doubt(|memory, fake| {
        let call = call_of(&mut Fake::new(), memory, "MAKE FILE a");
        let mut first = fake.another().with_fault(call, Fault::LostBefore);
        migrator(memory).run_blocking(&mut first).expect_err("it fails");
        let settlement = Settlement {
            version: Version::new(2),
            ending: Ending::DidNot(1),
            reason: "there is no file".to_owned(),
        };
        migrator(memory).settle_blocking(&mut fake.another(), settlement).expect("it is in doubt");
    });
}

#[test]
fn two_programs_that_go_on_with_one_script_run_a_statement_once() {
    let memory = items().with_sql(2, "files", "-- whimbrel: no-transaction\nMAKE FILE a;\nCHECKPOINT;");
    let failed = call_of(&mut Fake::new(), &memory, "MAKE FILE a");
    for call in 1..30 {
        let fake = Fake::new();
        migrator(&items()).run_blocking(&mut fake.another()).expect("an empty database");
        let mut first = fake.another().with_fault(failed, Fault::Answers(ErrorClass::Sql));
        migrator(&memory).run_blocking(&mut first).expect_err("it fails");
        let other = memory.clone();
        let mut second = fake.another().with_hook(call, move |mut third| {
            // It may find the work of the second one open.
            let _ = migrator(&other).run_blocking(&mut third);
        });
        // What one of them is told of the other's work is not the point here; the file is made once, and nobody fails at it.
        if let Err(error) = migrator(&memory).run_blocking(&mut second) {
            assert!(
                [ErrorKind::OutcomeUnknown, ErrorKind::Retry].contains(&error.kind()),
                "{call}: {error:#}"
            );
        }
    }
}
