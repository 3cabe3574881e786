//! What another connection does between any two calls.

use std::time::Duration;

use whimbrel::{Memory, Migrator, Transaction};
use whimbrel_testkit::{Fake, Record};

fn memory() -> Memory {
    Memory::new()
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER)")
        .with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 0)")
        .with_sql(3, "outside", "-- whimbrel: no-transaction\nVACUUM;\nUPDATE items SET n = n + 1;\nVACUUM;")
        .with_sql(4, "plus", "UPDATE items SET n = n + 10")
        .with_repeatable("again", "UPDATE items SET n = n + 100")
}

#[test]
fn wherever_another_program_migrates_in_between_both_succeed_and_each_thing_happens_once() {
    for transaction in [Transaction::Auto, Transaction::PerMigration] {
        let mut calm = Fake::new();
        let migrator = move || Migrator::new(memory()).with_transaction(transaction);
        migrator().run_blocking(&mut calm).expect("nobody disturbs it");
        for target in [0, 1, 2, 3, 4] {
            let mut call = 1;
            loop {
                let mut fake = Fake::new().with_hook(call, move |mut other| {
                    // While the first one holds the lock the other one gives up at once.
                    let migrator = migrator().with_lock_deadline(Duration::ZERO);
                    let migrator = match whimbrel::Version::new(target) {
                        Some(version) => migrator.with_target(version),
                        None => migrator,
                    };
                    let _ = migrator.run_blocking(&mut other);
                });
                if let Err(error) = migrator().run_blocking(&mut fake) {
                    panic!("{transaction:?}, call {call}, the other one up to {target}: {error:#}");
                }
                assert_eq!(fake.dump(), calm.dump(), "call {call}");
                let [here, there] = [&fake, &calm].map(|fake| Record::undisturbed(&fake.history()));
                assert_eq!(here, there, "call {call}");
                if fake.calls() < call {
                    break;
                }
                call += 1;
            }
            assert!(call > 8);
        }
    }
}
