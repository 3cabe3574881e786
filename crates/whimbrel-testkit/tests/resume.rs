//! Work that was begun outside transactions, and what later programs make of it.

use std::time::Duration;

use whimbrel::{ErrorKind, Memory, Migrator, Outcome, Version};
use whimbrel_testkit::{Fake, Fault};

fn items() -> Memory {
    Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY)")
}

fn migrator(memory: &Memory) -> Migrator<'_> {
    Migrator::new(memory).with_lock_deadline(Duration::ZERO)
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
