//! Planning has no memory and no moods: the same history gives the same plan, and after success there is none. Whatever
//! was done in whatever order, the history's head is the one that follows from what is in force.

use std::collections::BTreeMap;

use proptest::prelude::*;
use whimbrel::{
    Chain, Digest, Manifest, Memory, Migrator, OutOfOrder, Outcome, Reverted, Transaction, Version,
};
use whimbrel_testkit::Fake;

/// Something that a team does to its migrations or to a database.
#[derive(Clone, Debug)]
enum Step {
    /// Adds a migration of this version, unless there is one; its way up says whether it needs a transaction.
    Add(i64, bool),
    Run,
    RevertTo(prop::sample::Index),
    Redo,
    /// Changes the text of a migration, and says so in the manifest.
    Change(prop::sample::Index),
    /// Removes a migration, and says so in the manifest.
    Remove(prop::sample::Index),
    /// Changes a repeatable.
    Repeat(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..40_i64, any::<bool>()).prop_map(|(version, transaction)| Step::Add(version, transaction)),
        4 => Just(Step::Run),
        1 => any::<prop::sample::Index>().prop_map(Step::RevertTo),
        1 => Just(Step::Redo),
        2 => any::<prop::sample::Index>().prop_map(Step::Change),
        1 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => (0..3_u8).prop_map(Step::Repeat),
    ]
}

/// A team's repository.
#[derive(Default)]
struct Team {
    /// By version: whether a transaction is needed, and how often the text was changed.
    migrations: BTreeMap<i64, (bool, u32)>,
    repeatable: Option<u8>,
    manifest: Option<Manifest>,
}

impl Team {
    fn memory(&self) -> Memory {
        let memory = self.migrations.iter().fold(Memory::new(), |memory, (number, (transaction, edits))| {
            let outside = if *transaction { "" } else { "-- whimbrel: no-transaction\nVACUUM;\n" };
            let edits = "-- edited\n".repeat(*edits as usize);
            let up = format!(
                "{outside}{edits}CREATE TABLE t{number} (id INTEGER);\nINSERT INTO t{number} (id) VALUES (1);"
            );
            let down = format!("{outside}DROP TABLE t{number};");
            memory.with_sql(*number, format!("t{number}"), up).with_down(*number, down)
        });
        match self.repeatable {
            None => memory,
            Some(text) => memory.with_repeatable("r", format!("CHECKPOINT; -- {text}")),
        }
    }

    fn digest(&self, number: i64) -> Digest {
        let set = self.memory().set().expect("a set");
        *set.migration(Version::new(number).expect("a version")).expect("it is there").digest()
    }

    /// Locks, with a note about a change where there is one.
    fn lock(&mut self, note: impl FnOnce(Manifest) -> Manifest) {
        let set = self.memory().set().expect("a set");
        self.manifest = Some(note(Manifest::lock(&set, self.manifest.as_ref()).0));
    }

    fn number(&self, index: prop::sample::Index) -> Option<i64> {
        let numbers: Vec<i64> = self.migrations.keys().copied().collect();
        (!numbers.is_empty()).then(|| numbers[index.index(numbers.len())])
    }

    fn migrator(&self) -> Migrator<'static> {
        let memory = self.memory();
        let memory = match &self.manifest {
            None => memory,
            Some(manifest) => memory.with_manifest(manifest.clone()),
        };
        Migrator::new(memory)
            .with_out_of_order(OutOfOrder::Apply)
            .with_reverted(Reverted::Apply)
            .with_environment("tests")
    }
}

/// What is in force, told from the rows alone, and the head that follows from it.
fn head_from_scratch(fake: &Fake) -> (Option<String>, Option<String>) {
    let mut in_force: BTreeMap<i64, Digest> = BTreeMap::new();
    let rows: Vec<_> = fake.history().into_iter().filter(|record| record.set == "app").collect();
    for record in &rows {
        let (Some(version), Some(digest)) = (record.version, &record.digest) else { continue };
        match record.event.as_str() {
            "applied" | "accepted" | "baselined" => {
                in_force.insert(version, digest.parse().expect("a digest"));
            }
            "reverted" | "tombstone" => drop(in_force.remove(&version)),
            _ => {}
        }
    }
    let head = in_force.values().fold(Chain::start("app"), Chain::push).head();
    let last = rows.last();
    (last.and_then(|record| record.head.clone()), last.map(|_| head.to_string()))
}

fn carry_out(steps: Vec<Step>, transaction: Transaction) -> Result<(), TestCaseError> {
    let fake = Fake::new();
    let mut team = Team::default();
    // Versions that were removed are not used again.
    let mut removed = Vec::new();
    for step in steps {
        match step {
            Step::Add(number, transaction) => {
                if !removed.contains(&number) {
                    team.migrations.entry(number).or_insert((transaction, 0));
                    team.lock(|manifest| manifest);
                }
            }
            Step::Run => {
                let migrator = team.migrator().with_transaction(transaction);
                let plans = [0, 1].map(|_| migrator.plan_blocking(&mut fake.reader()));
                let [Ok(first), Ok(second)] = plans else { panic!("{plans:?}") };
                prop_assert_eq!(first.digest(), second.digest());
                prop_assert_eq!(first.to_string(), second.to_string());
                migrator.run_blocking(&mut fake.another()).unwrap_or_else(|error| panic!("{error:#}"));
                let plan = migrator.plan_blocking(&mut fake.reader()).expect("it has just run");
                prop_assert!(plan.is_empty(), "{}", plan);
                let report = migrator.run_blocking(&mut fake.reader()).expect("nothing to do");
                prop_assert!([Outcome::UpToDate, Outcome::Ahead].contains(&report.outcome));
                // A set that never had anything in it has no row that the one query could find.
                if fake.history().iter().any(|record| record.set == "app") {
                    prop_assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
                }
            }
            Step::RevertTo(index) => {
                let Some(number) = team.number(index) else { continue };
                // Not in force, or changed and not yet accepted: that is refused, and changes nothing.
                let _ = team.migrator().revert_to_blocking(&mut fake.another(), Version::new(number));
            }
            Step::Redo => drop(team.migrator().redo_blocking(&mut fake.another())),
            Step::Change(index) => {
                let Some(number) = team.number(index) else { continue };
                let before = team.digest(number);
                team.migrations.entry(number).and_modify(|(_, edits)| *edits += 1);
                let version = Version::new(number).expect("a version");
                team.lock(|manifest| manifest.with_former(version, before, "edited"));
            }
            Step::Remove(index) => {
                let Some(number) = team.number(index) else { continue };
                // Without its newest migration a program finds the database ahead, and that is all it has to know.
                if team.migrations.keys().next_back() == Some(&number) {
                    continue;
                }
                // A tombstone names one digest: the applied one has to be it.
                if team.migrator().run_blocking(&mut fake.another()).is_err() {
                    continue;
                }
                let before = team.digest(number);
                team.migrations.remove(&number);
                removed.push(number);
                let version = Version::new(number).expect("a version");
                team.lock(|manifest| manifest.with_tombstone(version, before, "removed"));
            }
            Step::Repeat(text) => {
                team.repeatable = Some(text);
                team.lock(|manifest| manifest);
            }
        }
        let (recorded, computed) = head_from_scratch(&fake);
        prop_assert_eq!(recorded, computed);
        let migrator = team.migrator();
        prop_assert!(migrator.verify_history_blocking(&mut fake.reader(), &[]).is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_team_does_the_head_follows_from_what_is_in_force(
        steps in proptest::collection::vec(step(), 1..24),
        one_by_one in any::<bool>(),
    ) {
        carry_out(steps, if one_by_one { Transaction::PerMigration } else { Transaction::Auto })?;
    }

    #[test]
    fn the_order_in_which_migrations_arrive_leaves_no_trace_in_the_head(
        mut versions in proptest::collection::vec(1..1_000_i64, 1..12),
    ) {
        versions.sort_unstable();
        versions.dedup();
        let mut mixed = versions.clone();
        mixed.reverse();
        let heads = [versions, mixed].map(|order| {
            let (fake, mut team) = (Fake::new(), Team::default());
            for number in order {
                team.migrations.insert(number, (true, 0));
                team.migrator().run_blocking(&mut fake.another()).unwrap_or_else(|error| panic!("{error:#}"));
            }
            head_from_scratch(&fake).0
        });
        prop_assert_eq!(&heads[0], &heads[1]);
    }
}

#[test]
fn a_plan_depends_on_the_history_that_it_was_made_on() {
    let fake = Fake::new();
    let two = || Memory::new().with_sql(1, "a", "CHECKPOINT").with_sql(2, "b", "CHECKPOINT");
    let digest = || *Migrator::new(two()).plan_blocking(&mut fake.reader()).expect("a plan").digest();
    let empty = digest();
    Migrator::new(Memory::new().with_sql(1, "a", "CHECKPOINT"))
        .run_blocking(&mut fake.another())
        .expect("one");
    let one = digest();
    assert_ne!(empty, one);
    assert_eq!(one, digest());
}
