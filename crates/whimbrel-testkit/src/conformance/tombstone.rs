//! Checks of migrations that were removed on purpose.

use std::time::Duration;

use whimbrel::{ErrorKind, Manifest, Migrator, Outcome};

use super::TestDatabase;
use super::bench::{Bench, version};

pub fn a_tombstone_for_the_newest_version_is_told_alike_by_every_verb<T: TestDatabase>(bench: &Bench<'_, T>) {
    for (removed, newer) in [(&[3][..], false), (&[2, 3], false), (&[3], true)] {
        let database = bench.database();
        let set = |count: i64, removed: &[i64], revision: i64| {
            let all = database.many(count);
            let mut memory = whimbrel::Memory::new().with_sql(1, "items", database.create("items"));
            for number in (2..=count).filter(|number| !removed.contains(number)) {
                let script = super::bench::insert("items", number, number);
                memory = memory.with_sql(number, format!("row_{number}"), script);
            }
            let repeatable = format!("UPDATE items SET n = {revision} WHERE id = 2");
            (all, memory.with_repeatable("totals", repeatable))
        };
        let lock = |memory: &whimbrel::Memory, before: Option<&Manifest>| {
            Manifest::lock(&memory.set().expect("a set"), before).0
        };
        let (_, old) = set(3, &[], 1);
        database.apply(&Migrator::new(old.clone().with_manifest(lock(&old, None))));
        if newer {
            let (_, newest) = set(4, &[], 1);
            database.apply(&Migrator::new(newest.clone().with_manifest(lock(&newest, None))));
        }
        let (all, first) = set(3, removed, 1);
        let (_, changed) = set(3, removed, 2);
        let digest = |number: i64| {
            *all.set().expect("a set").migration(version(number)).expect("it is there").digest()
        };
        let manifest = removed.iter().fold(lock(&changed, Some(&lock(&first, None))), |manifest, number| {
            manifest.with_tombstone(version(*number), digest(*number), "of no use")
        });
        let migrator = Migrator::new(changed.with_manifest(manifest)).with_wait_deadline(Duration::ZERO);
        let mut driver = database.connect();
        let plan = database.block_on(migrator.plan(&mut driver)).expect("a plan");
        let planned: Vec<&str> = plan.items().iter().map(|item| item.action().as_str()).collect();
        let mut expected = vec!["tombstone"; removed.len()];
        // What a newer program has repeated is its own.
        expected.extend((!newer).then_some("repeat"));
        assert_eq!(planned, expected);
        let pending = database.block_on(migrator.check(&mut driver)).expect_err("something is pending");
        assert_eq!(pending.kind(), ErrorKind::Pending, "{pending:#}");
        database.block_on(migrator.wait(&mut driver)).expect_err("nobody applies it");
        database.run(&migrator).unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(database.found().count("tombstone"), removed.len());
        let outcome = if newer { Outcome::Ahead } else { Outcome::UpToDate };
        for verb in ["run", "check", "wait"] {
            let report = match verb {
                "run" => database.block_on(migrator.run(&mut driver)),
                "check" => database.block_on(migrator.check(&mut driver)),
                _ => database.block_on(migrator.wait(&mut driver)),
            };
            assert_eq!(report.unwrap_or_else(|error| panic!("{verb}: {error:#}")).outcome, outcome, "{verb}");
        }
        assert!(database.block_on(migrator.plan(&mut driver)).expect("a plan").is_empty());
    }
}
