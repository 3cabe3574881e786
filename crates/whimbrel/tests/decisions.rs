//! The decision table: what happens when the database is ahead, behind or different. Each claim on the fake database,
//! with the default policy and with each other one.

use std::time::Duration;

use whimbrel::{
    Ahead, Digest, Ending, Error, ErrorKind, FindingKind, Gaps, Limits, Manifest, Memory, Migrator,
    OutOfOrder, Outcome, Report, Reverted, SetName, Settlement, Standing, StepKey, Transaction, Unbaselined,
    Version,
};
use whimbrel_testkit::{Counting, Fake, Fault};

fn version(number: i64) -> Version {
    Version::new(number).expect("a version")
}

fn add(memory: Memory, number: i64) -> Memory {
    memory
        .with_sql(number, format!("t{number}"), format!("CREATE TABLE t{number} (id INTEGER)"))
        .with_down(number, format!("DROP TABLE t{number}"))
}

/// A migration for each of the versions; each makes a table and has a way down.
fn tables(versions: &[i64]) -> Memory {
    versions.iter().fold(Memory::new(), |memory, number| add(memory, *number))
}

/// Locked, with revisions counted on top of a manifest.
fn lock(memory: &Memory, previous: Option<&Manifest>) -> Manifest {
    Manifest::lock(&memory.set().expect("a set"), previous).0
}

fn locked(memory: Memory) -> Memory {
    let manifest = lock(&memory, None);
    memory.with_manifest(manifest)
}

fn digest(memory: &Memory, number: i64) -> Digest {
    *memory.set().expect("a set").migration(version(number)).expect("the migration").digest()
}

fn apply(fake: &Fake, migrator: &Migrator<'_>) -> Report {
    let report = migrator.run_blocking(&mut fake.another()).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report.outcome, Outcome::Applied, "{report}");
    migrator.verify_history_blocking(&mut fake.another(), &[]).expect("a sound history");
    report
}

fn kinds(error: &Error) -> Vec<FindingKind> {
    error.findings().iter().map(|finding| finding.kind()).collect()
}

/// Refused for exactly this, and nothing has changed.
fn refuses(fake: &Fake, migrator: &Migrator<'_>, expected: &[FindingKind]) -> Error {
    let before = (fake.dump(), fake.history());
    let error = migrator.run_blocking(&mut fake.another()).expect_err("it should have been refused");
    assert_eq!(kinds(&error), expected, "{error:#}");
    assert_eq!((fake.dump(), fake.history()), before, "a refusal has changed something");
    error
}

/// Nothing to do, and so many calls to find out.
fn idles(fake: &Fake, migrator: &Migrator<'_>, outcome: Outcome, calls: usize) {
    let before = (fake.dump(), fake.history());
    let mut counting = Counting::new(fake.reader());
    let report = migrator.run_blocking(&mut counting).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((report.outcome, counting.counts().calls()), (outcome, calls), "{report}");
    assert_eq!(counting.counts().executes, 0);
    assert_eq!((fake.dump(), fake.history()), before);
}

/// The query of the boot, and then the history.
const LOOKED_CLOSER: usize = 2;

mod the_same {
    use super::*;

    #[test]
    fn a_database_that_has_all_of_it_is_one_query() {
        let fake = Fake::new();
        let memory = tables(&[1, 2]).with_repeatable("r", "CHECKPOINT");
        apply(&fake, &Migrator::new(&memory));
        idles(&fake, &Migrator::new(&memory), Outcome::UpToDate, 1);
    }

    #[test]
    fn no_policy_makes_a_difference_to_it() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2])));
        let migrator = Migrator::new(tables(&[1, 2]))
            .with_ahead(Ahead::Refuse)
            .with_out_of_order(OutOfOrder::Apply)
            .with_reverted(Reverted::Apply)
            .with_unbaselined(Unbaselined::Allow)
            .with_gaps(Gaps::Refuse)
            .with_transaction(Transaction::PerRun);
        idles(&fake, &migrator, Outcome::UpToDate, 1);
    }

    #[test]
    fn an_empty_set_on_an_empty_database_creates_nothing() {
        let fake = Fake::new();
        let report = Migrator::new(Memory::new()).run_blocking(&mut fake.another()).expect("nothing to do");
        assert_eq!((report.outcome, fake.history().len()), (Outcome::UpToDate, 0));
    }
}

mod less_and_all_newer {
    use super::*;

    #[test]
    fn they_are_applied_in_the_order_of_their_versions() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[2])));
        let report = apply(&fake, &Migrator::new(tables(&[10, 9, 2, 30])));
        let labels: Vec<&str> = report.migrations.iter().map(|migration| &*migration.label).collect();
        assert_eq!(labels, ["9_t9", "10_t10", "30_t30"]);
    }

    #[test]
    fn repeatables_come_after_them() {
        let fake = Fake::new();
        let report = apply(&fake, &Migrator::new(tables(&[1, 2]).with_repeatable("a", "CHECKPOINT")));
        assert_eq!(report.migrations.last().map(|last| &*last.label), Some("R__a"));
    }
}

mod less_and_some_older {
    use super::*;

    #[test]
    fn each_of_them_is_told_and_nothing_is_applied() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 4])));
        let error =
            refuses(&fake, &Migrator::new(tables(&[1, 2, 3, 4, 5])), &[FindingKind::Late, FindingKind::Late]);
        let subjects: Vec<&str> = error.findings().iter().map(|finding| finding.subject()).collect();
        assert_eq!(subjects, ["2_t2", "3_t3"]);
        assert_eq!(error.kind(), ErrorKind::Files);
    }

    #[test]
    fn they_are_applied_out_of_order_if_that_is_allowed() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 4])));
        let all = tables(&[1, 2, 3, 4, 5]);
        apply(&fake, &Migrator::new(&all).with_out_of_order(OutOfOrder::Apply));
        idles(&fake, &Migrator::new(&all), Outcome::UpToDate, 1);
        let clean = Fake::new();
        apply(&clean, &Migrator::new(&all));
        assert_eq!(fake.dump(), clean.dump());
        let head = |fake: &Fake| fake.history().last().and_then(|record| record.head.clone());
        assert_eq!(head(&fake), head(&clean));
    }

    #[test]
    fn an_older_program_that_lacks_one_is_refused_afterwards_and_not_ahead() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 3])));
        apply(&fake, &Migrator::new(tables(&[1, 2, 3])).with_out_of_order(OutOfOrder::Apply));
        refuses(&fake, &Migrator::new(tables(&[1, 3])), &[FindingKind::Unknown]);
    }

    #[test]
    fn an_older_program_below_all_of_it_is_still_ahead() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1])));
        apply(&fake, &Migrator::new(tables(&[1, 3])));
        apply(&fake, &Migrator::new(tables(&[1, 2, 3])).with_out_of_order(OutOfOrder::Apply));
        idles(&fake, &Migrator::new(tables(&[1])), Outcome::Ahead, 1);
    }

    #[test]
    fn a_gap_in_a_program_that_allows_it_counts_as_ahead() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2, 3])));
        let migrator = || Migrator::new(tables(&[1, 3])).with_out_of_order(OutOfOrder::Apply);
        idles(&fake, &migrator(), Outcome::Ahead, LOOKED_CLOSER);
        refuses(&fake, &migrator().with_ahead(Ahead::Refuse), &[FindingKind::Ahead]);
    }

    #[test]
    fn one_older_than_a_removed_one_is_late_as_well() {
        let fake = Fake::new();
        let old = tables(&[1, 3]);
        apply(&fake, &Migrator::new(&old));
        let manifest = lock(&tables(&[1]), None).with_tombstone(version(3), digest(&old, 3), "not needed");
        apply_silently(&fake, &Migrator::new(tables(&[1]).with_manifest(manifest)));
        refuses(&fake, &Migrator::new(tables(&[1, 2])), &[FindingKind::Late]);
    }
}

/// Applies something that is no migration.
fn apply_silently(fake: &Fake, migrator: &Migrator<'_>) {
    migrator.run_blocking(&mut fake.another()).unwrap_or_else(|error| panic!("{error:#}"));
    migrator.verify_history_blocking(&mut fake.another(), &[]).expect("a sound history");
}

#[test]
fn a_history_with_more_rows_than_are_read_is_refused_until_the_limit_is_raised() {
    let fake = Fake::new();
    let ten: Vec<i64> = (1..=10).collect();
    apply(&fake, &Migrator::new(tables(&ten)));
    let rows = u64::try_from(fake.history().len()).expect("a number");
    let more = Migrator::new(tables(&[&ten[..], &[11]].concat()));
    let migrator = more.with_limits(Limits::default().with_history_rows(rows - 1));
    let error = refuses(&fake, &migrator, &[]);
    let said = format!("{error:#}");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{said}");
    assert!(
        said.contains(&format!("has more than {} rows", rows - 1))
            && said.contains("look what writes so many; if that is meant, raise `history_rows` of `Limits`"),
        "{said}"
    );
    migrator.history_blocking(&mut fake.another()).expect_err("it is too long");
    apply(&fake, &migrator.with_limits(Limits::default().with_history_rows(rows + 10)));
}

mod ahead {
    use super::*;

    #[test]
    fn an_older_program_boots_with_one_query() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2])));
        apply(&fake, &Migrator::new(tables(&[1, 2, 3, 4])));
        idles(&fake, &Migrator::new(tables(&[1, 2])), Outcome::Ahead, 1);
    }

    #[test]
    fn an_older_program_boots_on_a_database_that_the_newer_one_has_built() {
        for transaction in [Transaction::Auto, Transaction::PerMigration, Transaction::PerRun] {
            let fake = Fake::new();
            apply(&fake, &Migrator::new(tables(&[1, 2, 3, 4])).with_transaction(transaction));
            idles(&fake, &Migrator::new(tables(&[1, 2])), Outcome::Ahead, 1);
        }
    }

    #[test]
    fn it_is_refused_if_that_is_asked_for() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2, 3])));
        let error =
            refuses(&fake, &Migrator::new(tables(&[1, 2])).with_ahead(Ahead::Refuse), &[FindingKind::Ahead]);
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }

    #[test]
    fn its_repeatables_are_not_run() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2]).with_repeatable("r", "CREATE TABLE new (id INTEGER)")));
        let older = Migrator::new(tables(&[1]).with_repeatable("r", "CREATE TABLE old (id INTEGER)"));
        idles(&fake, &older, Outcome::Ahead, 1);
    }

    #[test]
    fn a_database_ahead_only_in_repeatables_is_one_query() {
        let fake = Fake::new();
        let one = tables(&[1]).with_repeatable("r", "CHECKPOINT");
        let first = lock(&one, None);
        apply(&fake, &Migrator::new(one.clone().with_manifest(first.clone())));
        let two = tables(&[1]).with_repeatable("r", "LOCK TABLE t1");
        let second = lock(&two, Some(&first));
        apply(&fake, &Migrator::new(two.with_manifest(second)));
        idles(&fake, &Migrator::new(one.with_manifest(first)), Outcome::Ahead, 1);
    }

    #[test]
    fn a_program_without_migrations_finds_itself_behind() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1])));
        let report = Migrator::new(Memory::new()).run_blocking(&mut fake.reader()).expect("it is older");
        assert_eq!(report.outcome, Outcome::Ahead);
    }

    #[test]
    fn work_of_a_newer_program_that_is_open_does_not_stop_an_older_one() {
        let fake = Fake::new();
        open(&fake, &tables(&[1]), 2);
        idles(&fake, &Migrator::new(tables(&[1])), Outcome::Ahead, 1);
        let refusing = Migrator::new(tables(&[1])).with_ahead(Ahead::Refuse);
        refuses(&fake, &refusing, &[FindingKind::Ahead]);
    }
}

/// A migration outside a transaction of which nothing, or something, has taken effect when the connection is lost.
fn files(memory: Memory, number: i64) -> Memory {
    let script = format!(
        "-- whimbrel: no-transaction\nVACUUM;\nMAKE FILE f{number};\nCREATE TABLE u{number} (id INTEGER);"
    );
    memory.with_sql(number, "files", script)
}

/// Leaves the migration of this version open: the outcome of its second statement is not known.
fn open(fake: &Fake, before: &Memory, number: i64) {
    apply(fake, &Migrator::new(before));
    let memory = files(before.clone(), number);
    let migrator = Migrator::new(&memory).with_lock_deadline(Duration::ZERO);
    let copy = || {
        let copy = Fake::new();
        apply(&copy, &Migrator::new(before));
        copy
    };
    let call = (1..)
        .find(|call| {
            let mut cut = copy().another().with_fault(*call, Fault::LostAfter);
            migrator.run_blocking(&mut cut).expect_err("the connection is lost");
            cut.log().iter().any(|sent| sent.starts_with("MAKE FILE"))
        })
        .expect("it is sent at some time");
    let mut cut = fake.another().with_fault(call, Fault::LostAfter);
    migrator.run_blocking(&mut cut).expect_err("the connection is lost");
    assert!(fake.dump().contains("file f"), "{}", fake.dump());
    assert_eq!(fake.history().last().and_then(|record| record.head.clone()), None);
}

mod unknown_in_the_middle {
    use super::*;

    #[test]
    fn it_is_refused_whatever_the_program_has_beside_it() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2, 3])));
        for versions in [&[1, 3][..], &[1, 3, 4], &[3], &[2, 3, 4]] {
            let missing = (1..=3).filter(|number| !versions.contains(number)).count();
            refuses(&fake, &Migrator::new(tables(versions)), &vec![FindingKind::Unknown; missing]);
        }
    }

    #[test]
    fn a_tombstone_removes_it_and_its_effects_stay() {
        let fake = Fake::new();
        let old = tables(&[1, 2, 3]);
        apply(&fake, &Migrator::new(&old));
        let before = fake.dump();
        let manifest = lock(&tables(&[1, 3]), None).with_tombstone(version(2), digest(&old, 2), "of no use");
        let new = tables(&[1, 3]).with_manifest(manifest);
        apply_silently(&fake, &Migrator::new(&new));
        assert_eq!(fake.dump(), before);
        idles(&fake, &Migrator::new(&new), Outcome::UpToDate, 1);
        // The program from before it was removed.
        idles(&fake, &Migrator::new(&old), Outcome::UpToDate, LOOKED_CLOSER);
        let status = Migrator::new(&new).status_blocking(&mut fake.reader()).expect("it can be read");
        let standings: Vec<Standing> = status.sets[0].entries.iter().map(|entry| entry.standing).collect();
        assert_eq!(standings, [Standing::Applied, Standing::Removed, Standing::Applied]);
    }

    #[test]
    fn a_tombstone_for_the_newest_version_is_told_alike_by_every_verb() {
        for (removed, newer) in [(&[3][..], false), (&[2, 3], false), (&[3], true)] {
            let fake = Fake::new();
            let old = tables(&[1, 2, 3]);
            apply(&fake, &Migrator::new(locked(old.clone().with_repeatable("r", "CHECKPOINT"))));
            if newer {
                apply(&fake, &Migrator::new(tables(&[1, 2, 3, 4])));
            }
            let kept: Vec<i64> = (1..=3).filter(|number| !removed.contains(number)).collect();
            let first = lock(&tables(&kept).with_repeatable("r", "CHECKPOINT"), None);
            let changed = tables(&kept).with_repeatable("r", "CHECKPOINT; CHECKPOINT");
            let manifest = removed.iter().fold(lock(&changed, Some(&first)), |manifest, number| {
                manifest.with_tombstone(version(*number), digest(&old, *number), "of no use")
            });
            let new = changed.with_manifest(manifest);
            let migrator = Migrator::new(&new).with_wait_deadline(Duration::ZERO);
            let plan = migrator.plan_blocking(&mut fake.reader()).expect("a plan");
            let labels: Vec<&str> = plan.items().iter().map(|item| item.action().as_str()).collect();
            let mut expected = vec!["tombstone"; removed.len()];
            // A newer program's are its own.
            expected.extend((!newer).then_some("repeat"));
            assert_eq!(labels, expected);
            let pending = migrator.check_blocking(&mut fake.reader()).expect_err("something is pending");
            assert_eq!(pending.kind(), ErrorKind::Pending, "{pending:#}");
            migrator.wait_blocking(&mut fake.reader()).expect_err("nobody applies it");
            migrator.run_blocking(&mut fake.another()).unwrap_or_else(|error| panic!("{error:#}"));
            let records = fake.history();
            assert_eq!(records.iter().filter(|row| row.event == "tombstone").count(), removed.len());
            let (outcome, calls) =
                if newer { (Outcome::Ahead, LOOKED_CLOSER) } else { (Outcome::UpToDate, 1) };
            idles(&fake, &migrator, outcome, calls);
            assert!(migrator.plan_blocking(&mut fake.reader()).expect("a plan").is_empty());
            let checked = migrator.check_blocking(&mut fake.reader()).expect("nothing is pending");
            assert_eq!(checked.outcome, outcome);
        }
    }

    #[test]
    fn a_tombstone_of_another_digest_is_no_permission() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2, 3])));
        let other = Digest::of_script("something else");
        let manifest = lock(&tables(&[1, 3]), None).with_tombstone(version(2), other, "of no use");
        let new = tables(&[1, 3]).with_manifest(manifest);
        refuses(&fake, &Migrator::new(&new), &[FindingKind::Changed]);
    }

    #[test]
    fn a_tombstone_says_nothing_where_the_migration_never_was() {
        let fake = Fake::new();
        let old = tables(&[1, 2, 3]);
        let manifest = lock(&tables(&[1, 3]), None).with_tombstone(version(2), digest(&old, 2), "of no use");
        let new = tables(&[1, 3]).with_manifest(manifest);
        assert_eq!(apply(&fake, &Migrator::new(&new)).migrations.len(), 2);
        assert!(fake.history().iter().all(|record| record.event != "tombstone"));
    }

    #[test]
    fn a_version_with_a_tombstone_and_a_file_is_refused_before_the_driver_is_called() {
        let memory = tables(&[1, 2]);
        let manifest = lock(&memory, None).with_tombstone(version(2), digest(&memory, 2), "of no use");
        let mut counting = Counting::new(Fake::new());
        let error = Migrator::new(memory.with_manifest(manifest))
            .run_blocking(&mut counting)
            .expect_err("which of the two?");
        assert_eq!((kinds(&error), counting.counts().calls()), (vec![FindingKind::Manifest], 0));
    }
}

mod reverted {
    use super::*;

    fn reverted_to(fake: &Fake, memory: &Memory, number: i64) {
        let report = Migrator::new(memory)
            .revert_to_blocking(&mut fake.another(), Version::new(number))
            .unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(report.outcome, Outcome::Reverted);
    }

    #[test]
    fn a_replica_that_restarts_does_not_undo_it() {
        let fake = Fake::new();
        let memory = tables(&[1, 2, 3]);
        apply(&fake, &Migrator::new(&memory));
        reverted_to(&fake, &memory, 1);
        let error = refuses(&fake, &Migrator::new(&memory), &[FindingKind::Reverted, FindingKind::Reverted]);
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }

    #[test]
    fn it_is_applied_again_if_that_is_asked_for() {
        let fake = Fake::new();
        let memory = tables(&[1, 2, 3]);
        apply(&fake, &Migrator::new(&memory));
        reverted_to(&fake, &memory, 1);
        apply(&fake, &Migrator::new(&memory).with_reverted(Reverted::Apply));
        idles(&fake, &Migrator::new(&memory), Outcome::UpToDate, 1);
    }

    #[test]
    fn a_program_up_to_which_it_was_reverted_is_up_to_date() {
        let fake = Fake::new();
        let memory = tables(&[1, 2, 3]);
        apply(&fake, &Migrator::new(&memory));
        reverted_to(&fake, &memory, 1);
        idles(&fake, &Migrator::new(tables(&[1])), Outcome::UpToDate, 1);
        refuses(&fake, &Migrator::new(tables(&[1, 2])), &[FindingKind::Reverted]);
    }

    #[test]
    fn a_newer_program_with_another_digest_applies_its_own() {
        let fake = Fake::new();
        let memory = tables(&[1, 2]);
        apply(&fake, &Migrator::new(&memory));
        reverted_to(&fake, &memory, 1);
        let better = tables(&[1]).with_sql(2, "better", "CREATE TABLE better (id INTEGER)");
        apply(&fake, &Migrator::new(&better));
        assert!(fake.dump().contains("better"));
        refuses(&fake, &Migrator::new(&memory), &[FindingKind::Changed]);
    }

    #[test]
    fn a_program_that_was_never_in_force_here_applies_it() {
        let fake = Fake::new();
        let memory = tables(&[1, 2]);
        apply(&fake, &Migrator::new(&memory));
        reverted_to(&fake, &memory, 1);
        assert_eq!(apply(&fake, &Migrator::new(tables(&[1, 2, 3]))).migrations.len(), 2);
    }

    #[test]
    fn a_replica_with_a_target_does_not_undo_it_either() {
        let fake = Fake::new();
        let memory = tables(&[1, 2, 3]);
        apply(&fake, &Migrator::new(&memory).with_target(version(2)));
        reverted_to(&fake, &memory, 1);
        refuses(&fake, &Migrator::new(&memory).with_target(version(2)), &[FindingKind::Reverted]);
    }

    #[test]
    fn redoing_is_asking_for_it() {
        let fake = Fake::new();
        let memory = tables(&[1, 2]);
        apply(&fake, &Migrator::new(&memory));
        let report = Migrator::new(&memory).redo_blocking(&mut fake.another()).expect("there is a way down");
        assert_eq!(report.outcome, Outcome::Redone);
        idles(&fake, &Migrator::new(&memory), Outcome::UpToDate, 1);
    }
}

mod repeatables {
    use super::*;

    fn repeatable(text: &str) -> Memory {
        tables(&[1]).with_repeatable("r", text)
    }

    #[test]
    fn a_newer_revision_is_run() {
        let fake = Fake::new();
        let one = repeatable("CHECKPOINT");
        let first = lock(&one, None);
        apply(&fake, &Migrator::new(one.with_manifest(first.clone())));
        let two = repeatable("LOCK TABLE t1");
        let manifest = lock(&two, Some(&first));
        assert_eq!(apply(&fake, &Migrator::new(two.with_manifest(manifest))).migrations.len(), 1);
    }

    #[test]
    fn going_back_to_a_former_text_is_a_change_like_any_other() {
        let fake = Fake::new();
        let (one, two) = (repeatable("CHECKPOINT"), repeatable("LOCK TABLE t1"));
        let first = lock(&one, None);
        let second = lock(&two, Some(&first));
        let third = lock(&one, Some(&second));
        for (memory, manifest) in [(&one, &first), (&two, &second), (&one, &third)] {
            apply(&fake, &Migrator::new(memory.clone().with_manifest(manifest.clone())));
        }
        for (memory, manifest) in [(&one, &first), (&two, &second)] {
            let older = memory.clone().with_manifest(manifest.clone());
            idles(&fake, &Migrator::new(older), Outcome::Ahead, 1);
        }
    }

    #[test]
    fn an_older_revision_runs_nothing_even_if_it_was_never_in_force() {
        let fake = Fake::new();
        let (one, two) = (repeatable("CHECKPOINT"), repeatable("LOCK TABLE t1"));
        let first = lock(&one, None);
        let second = lock(&two, Some(&first));
        apply(&fake, &Migrator::new(two.with_manifest(second)));
        let report =
            Migrator::new(one.with_manifest(first)).run_blocking(&mut fake.reader()).expect("nothing to do");
        assert!(report.migrations.is_empty());
    }

    #[test]
    fn an_equal_revision_with_another_text_is_refused() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(locked(repeatable("CHECKPOINT"))));
        let error =
            refuses(&fake, &Migrator::new(locked(repeatable("LOCK TABLE t1"))), &[FindingKind::Revision]);
        assert_eq!(error.kind(), ErrorKind::Files);
    }

    #[test]
    fn without_a_manifest_a_changed_text_is_run_each_time() {
        let fake = Fake::new();
        for text in ["CHECKPOINT", "LOCK TABLE t1", "CHECKPOINT"] {
            apply(&fake, &Migrator::new(repeatable(text)));
            idles(&fake, &Migrator::new(repeatable(text)), Outcome::UpToDate, 1);
        }
    }

    #[test]
    fn one_that_the_program_lacks_is_left_alone() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(repeatable("CHECKPOINT")));
        let report = Migrator::new(tables(&[1])).run_blocking(&mut fake.reader()).expect("nothing to do");
        assert!(report.migrations.is_empty());
    }
}

mod another_digest {
    use super::*;

    fn with_second(script: &str) -> Memory {
        tables(&[1]).with_sql(2, "second", script)
    }

    /// With `former` lines for what the second migration was before.
    fn accepting(memory: &Memory, formers: &[&Memory]) -> Memory {
        let manifest = formers.iter().fold(lock(memory, None), |manifest, former| {
            manifest.with_former(version(2), digest(former, 2), "a comment was added")
        });
        memory.clone().with_manifest(manifest)
    }

    const OLD: &str = "CREATE TABLE t2 (id INTEGER)";
    const NEW: &str = "CREATE TABLE t2 (id INTEGER) -- two";
    const NEWEST: &str = "CREATE TABLE t2 (id INTEGER) -- table two";

    #[test]
    fn it_is_refused_and_what_differs_is_said() {
        for (now, said) in [
            (tables(&[1]).with_sql(2, "other", OLD), "only its name: it was `second`"),
            (with_second(OLD).with_down(2, "DROP TABLE t2"), "only its way down differs"),
            (with_second(&format!("{OLD}\n\n")), "only white space at the end differs"),
            (with_second(&OLD.replace(' ', "\r")), "it"),
            (with_second(NEW), "restore it"),
        ] {
            let fake = Fake::new();
            apply(&fake, &Migrator::new(with_second(OLD)));
            let error = refuses(&fake, &Migrator::new(now), &[FindingKind::Changed]);
            assert!(error.findings()[0].message().contains(said), "{error:#}");
        }
        let fake = Fake::new();
        apply(&fake, &Migrator::new(with_second("CREATE TABLE t2\n(id INTEGER)")));
        let error = refuses(
            &fake,
            &Migrator::new(with_second("CREATE TABLE t2\r(id INTEGER)")),
            &[FindingKind::Changed],
        );
        assert!(error.findings()[0].message().contains("only line endings differ"), "{error:#}");
    }

    #[test]
    fn it_is_refused_though_the_database_is_ahead() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(add(with_second(OLD), 3)));
        refuses(&fake, &Migrator::new(with_second(NEW)), &[FindingKind::Changed]);
    }

    #[test]
    fn a_former_line_accepts_it_and_runs_nothing() {
        let fake = Fake::new();
        let (old, new) = (with_second(OLD), with_second(NEW));
        apply(&fake, &Migrator::new(&old));
        let before = fake.dump();
        let accepting = accepting(&new, &[&old]);
        apply_silently(&fake, &Migrator::new(&accepting));
        assert_eq!(fake.dump(), before);
        assert_eq!(fake.history().iter().filter(|record| record.event == "accepted").count(), 1);
        idles(&fake, &Migrator::new(&accepting), Outcome::UpToDate, 1);
        let clean = Fake::new();
        apply(&clean, &Migrator::new(&accepting));
        let head = |fake: &Fake| fake.history().last().and_then(|record| record.head.clone());
        assert_eq!(head(&fake), head(&clean), "the chain holds the new digest");
    }

    #[test]
    fn a_former_line_for_another_digest_is_no_permission() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(with_second(OLD)));
        let wrong = accepting(&with_second(NEW), &[&with_second(NEWEST)]);
        refuses(&fake, &Migrator::new(wrong), &[FindingKind::Changed]);
    }

    #[test]
    fn an_older_program_still_boots_after_it_was_accepted() {
        let fake = Fake::new();
        let (old, new) = (with_second(OLD), with_second(NEW));
        apply(&fake, &Migrator::new(&old));
        apply_silently(&fake, &Migrator::new(accepting(&new, &[&old])));
        idles(&fake, &Migrator::new(&old), Outcome::UpToDate, LOOKED_CLOSER);
        idles(&fake, &Migrator::new(tables(&[1])), Outcome::Ahead, 1);
    }

    #[test]
    fn an_older_program_boots_where_the_newer_one_has_built_everything() {
        let fake = Fake::new();
        let (old, new) = (with_second(OLD), with_second(NEW));
        apply(&fake, &Migrator::new(accepting(&new, &[&old])));
        idles(&fake, &Migrator::new(&old), Outcome::UpToDate, LOOKED_CLOSER);
    }

    #[test]
    fn an_older_program_boots_on_a_database_that_was_baselined() {
        let fake = Fake::new();
        fake.another().run("CREATE TABLE t1 (id INTEGER); CREATE TABLE t2 (id INTEGER)").expect("by hand");
        let (old, new) = (with_second(OLD), with_second(NEW));
        Migrator::new(accepting(&new, &[&old]))
            .baseline_blocking(&mut fake.another(), version(2))
            .expect("no history yet");
        idles(&fake, &Migrator::new(&old), Outcome::UpToDate, LOOKED_CLOSER);
    }

    #[test]
    fn a_second_change_accepts_both_former_ones() {
        let (old, new, newest) = (with_second(OLD), with_second(NEW), with_second(NEWEST));
        let now = accepting(&newest, &[&old, &new]);
        for first in [&old, &new] {
            let fake = Fake::new();
            apply(&fake, &Migrator::new(first));
            apply_silently(&fake, &Migrator::new(&now));
            for older in [&old, &new] {
                idles(&fake, &Migrator::new(older), Outcome::UpToDate, LOOKED_CLOSER);
            }
        }
        let fake = Fake::new();
        apply(&fake, &Migrator::new(&old));
        apply_silently(&fake, &Migrator::new(accepting(&new, &[&old])));
        apply_silently(&fake, &Migrator::new(&now));
        for older in [&old, &new] {
            idles(&fake, &Migrator::new(older), Outcome::UpToDate, LOOKED_CLOSER);
        }
    }
}

mod under_another_name {
    use super::*;

    fn named(set: &str, memory: Memory) -> Memory {
        memory.with_set(SetName::new(set).expect("a name"))
    }

    #[test]
    fn a_renamed_set_applies_nothing_again() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2])));
        for policy in [Unbaselined::Refuse, Unbaselined::Allow] {
            let renamed = Migrator::new(named("shop", tables(&[1, 2, 3]))).with_unbaselined(policy);
            let error = refuses(&fake, &renamed, &[FindingKind::Renamed]);
            assert!(error.to_string().contains("set app"), "{error}");
            assert_eq!(error.findings()[0].versions(), [version(1), version(2)]);
        }
        let renamed = Migrator::new(named("shop", tables(&[1, 2, 3])));
        renamed.baseline_blocking(&mut fake.another(), version(2)).expect("that is the next step");
        assert_eq!(apply(&fake, &renamed).migrations.len(), 1);
        idles(&fake, &renamed, Outcome::UpToDate, 1);
    }

    #[test]
    fn a_migration_that_was_moved_to_another_set_is_not_applied_again() {
        let fake = Fake::new();
        let both = |a: &[i64], b: Memory| Migrator::new(named("a", tables(a))).and(named("b", b));
        apply(&fake, &both(&[1, 2], Memory::new()));
        refuses(&fake, &both(&[1], tables(&[2])), &[FindingKind::Renamed]);
    }

    #[test]
    fn two_sets_may_hold_the_same_migration() {
        let fake = Fake::new();
        let common = || Memory::new().with_sql(1, "common", "CHECKPOINT");
        let both = |a: Memory, b: Memory| Migrator::new(named("a", a)).and(named("b", b));
        apply(&fake, &both(common(), Memory::new()));
        apply(&fake, &both(common(), common()));
        // Another program that began alike.
        let third = Migrator::new(named("c", add(common(), 2)));
        refuses(&fake, &third, &[FindingKind::Renamed]);
    }

    #[test]
    fn programs_that_began_alike_may_share_a_history_if_that_is_asked_for() {
        let fake = Fake::new();
        let common = || Memory::new().with_sql(1, "common", "CHECKPOINT");
        apply(&fake, &Migrator::new(named("a", add(common(), 2))));
        let other = Migrator::new(named("b", add(common(), 3)));
        refuses(&fake, &Migrator::new(named("b", add(common(), 3))), &[FindingKind::Renamed]);
        apply(&fake, &other.with_unbaselined(Unbaselined::Allow));
    }
}

mod without_a_history {
    use super::*;

    #[test]
    fn a_history_without_rows_is_told_as_emptied() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1, 2])));
        fake.another().run("DELETE FROM whimbrel_history").expect("by hand");
        let migrator = Migrator::new(tables(&[1, 2]));
        let error = refuses(&fake, &migrator, &[FindingKind::Unbaselined]);
        assert!(error.to_string().contains("no row of an applied migration"), "{error}");
        migrator.baseline_blocking(&mut fake.another(), version(2)).expect("that is the next step");
        idles(&fake, &migrator, Outcome::UpToDate, 1);
    }

    #[test]
    fn only_the_versions_that_are_there_are_declared() {
        let fake = Fake::new();
        fake.another().run("CREATE TABLE t1 (id INTEGER); CREATE TABLE t3 (id INTEGER)").expect("by hand");
        let only = |versions: &[i64]| {
            Migrator::new(tables(&[1, 2, 3, 4])).with_baselined(versions.iter().map(|it| version(*it)))
        };
        for strange in [&[1, 7][..], &[1, 4]] {
            let error = only(strange)
                .baseline_blocking(&mut fake.another(), version(3))
                .expect_err("it is none of those");
            assert_eq!(kinds(&error), [FindingKind::Target]);
        }
        only(&[1, 3]).baseline_blocking(&mut fake.another(), version(3)).expect("there is no history");
        refuses(&fake, &Migrator::new(tables(&[1, 2, 3, 4])), &[FindingKind::Late]);
        let late = Migrator::new(tables(&[1, 2, 3, 4])).with_out_of_order(OutOfOrder::Apply);
        assert_eq!(apply(&fake, &late).migrations.len(), 2);
        idles(&fake, &late, Outcome::UpToDate, 1);
    }

    #[test]
    fn tables_are_refused_and_told() {
        let fake = Fake::new();
        fake.another().run("CREATE TABLE users (id INTEGER)").expect("by hand");
        let error = refuses(&fake, &Migrator::new(tables(&[1])), &[FindingKind::Unbaselined]);
        assert!(error.to_string().contains("users"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }

    #[test]
    fn they_are_allowed_if_that_is_asked_for() {
        let fake = Fake::new();
        fake.another().run("CREATE TABLE users (id INTEGER)").expect("by hand");
        apply(&fake, &Migrator::new(tables(&[1])).with_unbaselined(Unbaselined::Allow));
    }

    #[test]
    fn a_baseline_runs_nothing_and_the_rest_is_applied() {
        let fake = Fake::new();
        fake.another().run("CREATE TABLE t1 (id INTEGER); CREATE TABLE t2 (id INTEGER)").expect("by hand");
        let memory = tables(&[1, 2, 3]);
        let report = Migrator::new(&memory)
            .baseline_blocking(&mut fake.another(), version(2))
            .expect("there is no history");
        assert_eq!(report.outcome, Outcome::Baselined);
        assert_eq!(apply(&fake, &Migrator::new(&memory)).migrations.len(), 1);
        idles(&fake, &Migrator::new(&memory), Outcome::UpToDate, 1);
        let clean = Fake::new();
        apply(&clean, &Migrator::new(&memory));
        assert_eq!(fake.dump(), clean.dump());
    }

    #[test]
    fn a_set_without_anything_to_do_is_no_reason_to_refuse() {
        let fake = Fake::new();
        fake.another().run("CREATE TABLE users (id INTEGER)").expect("by hand");
        Migrator::new(Memory::new()).run_blocking(&mut fake.reader()).expect("nothing is pending");
    }

    #[test]
    fn a_second_set_in_a_database_with_a_history_needs_no_baseline() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1])));
        let jobs = Memory::new().with_set(SetName::new("jobs").expect("a name"));
        let jobs = jobs.with_sql(1, "jobs", "CREATE TABLE jobs (id INTEGER)");
        apply(&fake, &Migrator::new(jobs).and(tables(&[1])));
    }
}

mod unfinished {
    use super::*;

    fn cut(last: &str) -> Memory {
        tables(&[1]).with_sql(
            2,
            "cut",
            format!("-- whimbrel: no-transaction\nCREATE TABLE a (id INTEGER);\nCREATE TABLE b (id INTEGER);\n{last}"),
        )
    }

    /// Two statements have taken effect, and the third one fails.
    fn half_done(fake: &Fake) {
        apply(fake, &Migrator::new(tables(&[1])));
        let error = Migrator::new(cut("DROP TABLE missing"))
            .run_blocking(&mut fake.another())
            .expect_err("there is no such table");
        assert_eq!(error.statement(), Some(3), "{error:#}");
    }

    #[test]
    fn it_is_gone_on_with_when_what_follows_has_changed() {
        let fake = Fake::new();
        half_done(&fake);
        for script in
            ["CREATE TABLE c (id INTEGER)", "CREATE TABLE c (id INTEGER);\nCREATE TABLE d (id INTEGER)"]
        {
            let migrator = Migrator::new(cut(script));
            let plan = migrator.plan_blocking(&mut fake.reader()).expect("the first two are as they were");
            assert_eq!(plan.items()[0].first_statement(), 2);
        }
        apply(&fake, &Migrator::new(cut("CREATE TABLE c (id INTEGER)")));
        assert_eq!(fake.dump().matches("table").count(), 4);
    }

    #[test]
    fn it_is_gone_on_with_when_only_comments_and_blanks_have_changed() {
        let fake = Fake::new();
        half_done(&fake);
        let script = "-- whimbrel: no-transaction\n-- again\nCREATE TABLE a (id INTEGER) ;\n\n CREATE TABLE b (id INTEGER);";
        apply(&fake, &Migrator::new(tables(&[1]).with_sql(2, "cut", script)));
    }

    #[test]
    fn it_is_refused_when_what_took_effect_has_changed() {
        for script in [
            "-- whimbrel: no-transaction\nCREATE TABLE a (id TEXT);\nCREATE TABLE b (id INTEGER);",
            "-- whimbrel: no-transaction\nCREATE TABLE b (id INTEGER);\nCREATE TABLE a (id INTEGER);",
            "-- whimbrel: no-transaction\nCREATE TABLE a (id INTEGER);",
            "CREATE TABLE a (id INTEGER);\nCREATE TABLE b (id INTEGER);",
        ] {
            let fake = Fake::new();
            half_done(&fake);
            let migrator = Migrator::new(tables(&[1]).with_sql(2, "cut", script));
            refuses(&fake, &migrator, &[FindingKind::Changed]);
        }
    }

    #[test]
    fn it_is_refused_when_its_script_has_changed_since_the_open_statement_was_begun() {
        for changed in [
            "-- whimbrel: no-transaction\nVACUUM;\nCREATE TABLE another (id INTEGER);",
            "-- whimbrel: no-transaction\nVACUUM;\nMAKE FILE f2;\nCREATE TABLE another (id INTEGER);",
        ] {
            let fake = Fake::new();
            open(&fake, &tables(&[1]), 2);
            let memory = tables(&[1]).with_sql(2, "files", changed);
            let migrator = Migrator::new(&memory).with_lock_deadline(Duration::ZERO);
            refuses(&fake, &migrator, &[FindingKind::Changed]);
            // That it took effect can be said of the statement that was begun, and only of that one.
            let settlement =
                |ending| Settlement { version: Version::new(2), ending, reason: "looked at".to_owned() };
            let error = migrator
                .settle_blocking(&mut fake.another(), settlement(Ending::TookEffect(2)))
                .expect_err("which one?");
            assert!(format!("{error:#}").contains("restore the file"), "{error:#}");
            let before = Migrator::new(files(tables(&[1]), 2));
            before.settle_blocking(&mut fake.another(), settlement(Ending::TookEffect(2))).expect("that one");
            if changed.contains("MAKE FILE") {
                apply(&fake, &migrator);
            } else {
                refuses(&fake, &migrator, &[FindingKind::Changed]);
                apply(&fake, &before);
            }
        }
    }

    #[test]
    fn its_outcome_is_unknown_where_no_one_can_tell() {
        let fake = Fake::new();
        open(&fake, &tables(&[1]), 2);
        let memory = files(tables(&[1]), 2);
        let migrator = Migrator::new(&memory).with_lock_deadline(Duration::ZERO);
        let error = refuses(&fake, &migrator, &[FindingKind::InDoubt]);
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        let settlement = Settlement {
            version: Version::new(2),
            ending: Ending::TookEffect(2),
            reason: "the file is there".to_owned(),
        };
        migrator.settle_blocking(&mut fake.another(), settlement).expect("it is in doubt");
        apply(&fake, &migrator);
        idles(&fake, &migrator, Outcome::UpToDate, 1);
    }

    #[test]
    fn nothing_older_is_slipped_in_before_it() {
        let fake = Fake::new();
        open(&fake, &tables(&[1]), 3);
        let older = Migrator::new(tables(&[1, 2])).with_lock_deadline(Duration::ZERO);
        refuses(&fake, &older, &[FindingKind::Late]);
        let merged = Migrator::new(files(tables(&[1, 2]), 3)).with_lock_deadline(Duration::ZERO);
        refuses(&fake, &merged, &[FindingKind::InDoubt, FindingKind::Late]);
    }

    #[test]
    fn what_another_program_does_in_the_meantime_does_not_end_it() {
        let fake = Fake::new();
        open(&fake, &tables(&[1]), 3);
        let older = Migrator::new(tables(&[1, 2])).with_out_of_order(OutOfOrder::Apply);
        apply_silently(&fake, &older);
        let newer = Migrator::new(files(tables(&[1, 2]), 3)).with_lock_deadline(Duration::ZERO);
        refuses(&fake, &newer, &[FindingKind::InDoubt]);
    }

    #[test]
    fn accepting_another_migration_in_the_meantime_does_not_end_it() {
        let fake = Fake::new();
        open(&fake, &tables(&[1]), 2);
        let better = Memory::new().with_sql(1, "better", "CREATE TABLE t1 (id INTEGER)");
        let manifest = lock(&better, None).with_former(version(1), digest(&tables(&[1]), 1), "another name");
        apply_silently(&fake, &Migrator::new(better.clone().with_manifest(manifest)));
        let both = files(better, 2);
        let newer = Migrator::new(both).with_lock_deadline(Duration::ZERO);
        refuses(&fake, &newer, &[FindingKind::InDoubt]);
        let status = newer.status_blocking(&mut fake.reader()).expect("it can be read");
        assert_eq!(status.sets[0].entries[1].standing, Standing::Open);
    }

    #[test]
    fn a_revert_half_done_never_reads_as_done_whatever_is_accepted_beside_it() {
        let down = "-- whimbrel: no-transaction\nVACUUM;\nDROP TABLE missing";
        let two = |memory: Memory| memory.with_sql(2, "two", "CHECKPOINT").with_down(2, down);
        let fake = Fake::new();
        let old = two(tables(&[1]));
        apply(&fake, &Migrator::new(&old));
        Migrator::new(&old)
            .revert_to_blocking(&mut fake.another(), Version::new(1))
            .expect_err("there is no such table");
        let better = two(Memory::new().with_sql(1, "better", "CREATE TABLE t1 (id INTEGER)"));
        let manifest = lock(&better, None).with_former(version(1), digest(&tables(&[1]), 1), "another name");
        let better = better.with_manifest(manifest);
        Migrator::new(&better).run_blocking(&mut fake.another()).expect_err("the way down still fails");
        let checked = Migrator::new(&better).check_blocking(&mut fake.reader());
        assert_eq!(checked.expect_err("it is half reverted").kind(), ErrorKind::Pending);
    }
}

mod environment {
    use super::*;

    #[test]
    fn the_first_run_records_it_and_another_one_is_refused() {
        let fake = Fake::new();
        let migrator = |name: &str, versions: &[i64]| Migrator::new(tables(versions)).with_environment(name);
        apply(&fake, &migrator("staging", &[1]));
        idles(&fake, &migrator("staging", &[1]), Outcome::UpToDate, 1);
        for versions in [&[1][..], &[1, 2], &[]] {
            refuses(&fake, &migrator("production", versions), &[FindingKind::Environment]);
        }
        idles(&fake, &Migrator::new(tables(&[1])), Outcome::UpToDate, 1);
    }

    #[test]
    fn it_is_recorded_later_where_the_first_run_did_not_say_it() {
        let fake = Fake::new();
        apply(&fake, &Migrator::new(tables(&[1])));
        let named = || Migrator::new(tables(&[1])).with_environment("staging");
        assert_eq!(named().check_blocking(&mut fake.reader()).expect_err("a row").kind(), ErrorKind::Pending);
        apply_silently(&fake, &named());
        idles(&fake, &named(), Outcome::UpToDate, 1);
    }
}

mod targets {
    use super::*;

    #[test]
    fn what_is_above_it_is_left_out_and_repeatables_are() {
        let fake = Fake::new();
        let memory = tables(&[1, 2, 3]).with_repeatable("r", "CHECKPOINT");
        let up_to = |number: i64| Migrator::new(&memory).with_target(version(number));
        assert_eq!(apply(&fake, &up_to(2)).migrations.len(), 2);
        idles(&fake, &up_to(2), Outcome::UpToDate, 1);
        idles(&fake, &up_to(1), Outcome::Ahead, 1);
        assert_eq!(apply(&fake, &Migrator::new(&memory)).migrations.len(), 2);
        idles(&fake, &up_to(2), Outcome::Ahead, 1);
    }

    #[test]
    fn one_that_the_set_lacks_is_refused() {
        let fake = Fake::new();
        refuses(&fake, &Migrator::new(tables(&[1, 3])).with_target(version(2)), &[FindingKind::Target]);
    }

    #[test]
    fn it_is_about_the_last_set_only() {
        let fake = Fake::new();
        let jobs = Memory::new().with_set(SetName::new("jobs").expect("a name"));
        let jobs = jobs.with_sql(1, "a", "CREATE TABLE a (id INTEGER)").with_sql(
            7,
            "b",
            "CREATE TABLE b (id INTEGER)",
        );
        let migrator = Migrator::new(jobs).and(tables(&[1, 2])).with_target(version(1));
        assert_eq!(apply(&fake, &migrator).migrations.len(), 3);
        idles(&fake, &migrator, Outcome::UpToDate, 1);
    }
}

mod sets {
    use super::*;

    #[test]
    fn two_of_one_name_are_refused_whatever_the_database_has() {
        let fake = Fake::new();
        let both = || Migrator::new(tables(&[1])).and(tables(&[1, 2]));
        refuses(&fake, &both(), &[FindingKind::Duplicate]);
        apply(&fake, &Migrator::new(tables(&[1, 2])));
        refuses(&fake, &both(), &[FindingKind::Duplicate]);
        refuses(&fake, &Migrator::new(tables(&[1, 2])).and(tables(&[1, 2])), &[FindingKind::Duplicate]);
    }

    #[test]
    fn equal_files_in_two_sets_have_different_heads() {
        let jobs = tables(&[1]).with_set(SetName::new("jobs").expect("a name"));
        let head = |memory: &Memory| *memory.set().expect("a set").head();
        assert_ne!(head(&jobs), head(&tables(&[1])));
    }

    #[test]
    fn they_are_applied_in_the_order_given() {
        let fake = Fake::new();
        let jobs = Memory::new().with_set(SetName::new("jobs").expect("a name"));
        let jobs = jobs.with_sql(9, "jobs", "CREATE TABLE jobs (id INTEGER)");
        let report = apply(&fake, &Migrator::new(jobs).and(tables(&[1])));
        let labels: Vec<&str> = report.migrations.iter().map(|migration| &*migration.label).collect();
        assert_eq!(labels, ["9_jobs", "1_t1"]);
    }
}

mod gaps {
    use super::*;

    #[test]
    fn they_are_fine_unless_they_are_refused_and_then_each_is_told() {
        let fake = Fake::new();
        let sparse = || Migrator::new(tables(&[2, 3, 7]));
        refuses(&fake, &sparse().with_gaps(Gaps::Refuse), &[FindingKind::Gap, FindingKind::Gap]);
        apply(&fake, &sparse());
        let dense = Migrator::new(tables(&[1, 2, 3])).with_gaps(Gaps::Refuse);
        apply(&Fake::new(), &dense);
    }
}

mod transactions {
    use super::*;

    fn outside(memory: Memory, number: i64) -> Memory {
        memory.with_sql(number, "outside", "-- whimbrel: no-transaction\nVACUUM")
    }

    #[test]
    fn one_for_all_refuses_what_cannot_share_one() {
        let fake = Fake::new();
        let migrator = Migrator::new(outside(tables(&[1]), 2)).with_transaction(Transaction::PerRun);
        refuses(&fake, &migrator, &[FindingKind::Script]);
        let alone = Migrator::new(outside(Memory::new(), 1)).with_transaction(Transaction::PerRun);
        apply(&fake, &alone);
    }

    #[test]
    fn one_for_all_refuses_it_in_an_earlier_set_too() {
        let fake = Fake::new();
        let jobs = outside(Memory::new().with_set(SetName::new("jobs").expect("a name")), 1);
        let migrator = Migrator::new(jobs).and(tables(&[1])).with_transaction(Transaction::PerRun);
        refuses(&fake, &migrator, &[FindingKind::Script]);
    }

    #[test]
    fn one_for_all_holds_steps_in_rust_as_well() {
        for key in [StepKey::new(2), StepKey::new(2).database_only()] {
            let fake = Fake::new();
            let memory = tables(&[1]).with_rust(2, "step").with_sql(3, "wrong", "DROP TABLE missing");
            let migrator =
                Migrator::new(memory).with_transaction(Transaction::PerRun).with_blocking_step(key, |tx| {
                    tx.execute("CREATE TABLE s (id INTEGER)", &[]).map(drop).map_err(Into::into)
                });
            migrator.run_blocking(&mut fake.another()).expect_err("the third one fails");
            let history = fake.history();
            assert!(history.len() == 1 && history[0].event == "failed", "{key:?}: {history:?}");
            assert_eq!(fake.dump(), String::new(), "{key:?}");
        }
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let fake = Fake::new();
    let applied = tables(&[1, 2, 4, 5]).with_repeatable("r", "CHECKPOINT");
    apply(&fake, &Migrator::new(locked(applied)).with_environment("staging"));
    let changed = tables(&[2, 3, 5, 6])
        .with_sql(4, "t4", "CREATE TABLE other (id INTEGER)")
        .with_repeatable("r", "LOCK TABLE t1");
    let migrator = Migrator::new(locked(changed)).with_environment("production");
    let error = refuses(
        &fake,
        &migrator,
        &[
            FindingKind::Environment,
            FindingKind::Unknown,
            FindingKind::Changed,
            FindingKind::Late,
            FindingKind::Revision,
        ],
    );
    assert_eq!(error.to_string(), "refused: 5 findings, nothing was changed");
}

#[test]
fn planning_and_checking_refuse_what_a_run_refuses() {
    let fake = Fake::new();
    apply(&fake, &Migrator::new(tables(&[1, 3])));
    let late = Migrator::new(tables(&[1, 2, 3]));
    let planned = late.plan_blocking(&mut fake.reader()).expect_err("it is late");
    let checked = late.check_blocking(&mut fake.reader()).expect_err("it is late");
    assert_eq!((kinds(&planned), kinds(&checked)), (vec![FindingKind::Late], vec![FindingKind::Late]));
}
