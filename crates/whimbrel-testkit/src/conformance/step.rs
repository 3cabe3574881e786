//! Checks of steps written in Rust: they live in their migration's transaction, and die with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use whimbrel::{ErrorKind, Memory, Migrator, StepKey, Transaction};

use super::TestDatabase;
use super::bench::{Bench, Database, insert};

fn memory<T: TestDatabase>(database: &Database<T>) -> Memory {
    Memory::new()
        .with_sql(1, "items", database.create("items"))
        .with_sql(2, "row", insert("items", 1, 10))
        .with_rust(3, "step")
        .with_sql(4, "more", insert("items", 4, 40))
}

/// Each way in which a step can meet a transaction.
fn in_every_way(check: impl Fn(StepKey, Transaction)) {
    for key in [StepKey::new(3), StepKey::new(3).database_only()] {
        for transaction in [Transaction::Auto, Transaction::PerMigration] {
            check(key, transaction);
        }
    }
}

pub fn a_rust_step_uses_the_transaction_of_its_migration<T: TestDatabase>(bench: &Bench<'_, T>) {
    in_every_way(|key, transaction| {
        let database = bench.database();
        let insert = database.insert_bound();
        let migrator = Migrator::new(memory(&database)).with_transaction(transaction).with_step(
            key,
            move |transaction| {
                let insert = insert.clone();
                Box::pin(async move {
                    let rows = transaction.query("SELECT id, n FROM items ORDER BY id", &[]).await?;
                    for row in rows {
                        let (id, n): (i64, i64) = (row.column("id")?, row.read(1)?);
                        let values = [(id + 1).into(), (n + 1).into()];
                        assert_eq!(transaction.execute(&insert, &values).await?, 1);
                    }
                    let rows = transaction.query("SELECT n FROM items WHERE id = 2", &[]).await?;
                    assert_eq!(rows.first().map(|row| row.read(0)), Some(Ok(11_i64)));
                    Ok(())
                })
            },
        );
        assert_eq!(database.apply(&migrator).migrations.len(), 4);
        assert_eq!(database.number("SELECT n FROM items WHERE id = 2"), 11);
        assert_eq!(database.number("SELECT COUNT(*) FROM items"), 3);
        database.is_up_to_date(&migrator);
    });
}

pub fn a_failing_rust_step_takes_its_migration_back<T: TestDatabase>(bench: &Bench<'_, T>) {
    in_every_way(|key, transaction| {
        let database = bench.database();
        let (insert, answers) = (database.insert_bound(), AtomicBool::new(false));
        let migrator = Migrator::new(memory(&database))
            .with_failure_pause(Duration::ZERO)
            .with_transaction(transaction)
            .with_step(key, |transaction| {
                let insert = insert.clone();
                let answers = answers.load(Ordering::Relaxed);
                Box::pin(async move {
                    transaction.execute(&insert, &[2.into(), 20.into()]).await?;
                    if answers { Ok(()) } else { Err("the other system does not answer".into()) }
                })
            });
        let error = database.run(&migrator).expect_err("the step fails");
        assert_eq!((error.kind(), error.migration()), (ErrorKind::Application, Some("3_step")), "{error:#}");
        assert!(format!("{error:#}").contains("does not answer"), "{error:#}");
        if database.query("SELECT id FROM items").is_ok() {
            assert_eq!(database.number("SELECT COUNT(*) FROM items WHERE id = 2"), 0);
        }
        let history = database.found().history;
        let of_step = history.iter().filter(|record| record.name.as_deref() == Some("step"));
        assert!(of_step.clone().all(|record| record.event == "failed"), "{history:?}");
        assert_eq!(of_step.count(), 1, "{history:?}");
        answers.store(true, Ordering::Relaxed);
        database.apply(&migrator);
        assert_eq!(database.number("SELECT COUNT(*) FROM items"), 3);
    });
}

pub fn a_rust_step_that_ends_its_transaction_is_found<T: TestDatabase>(bench: &Bench<'_, T>) {
    in_every_way(|key, transaction| {
        let database = bench.database();
        let migrator =
            Migrator::new(memory(&database)).with_transaction(transaction).with_step(key, T::end_transaction);
        let error = database.run(&migrator).expect_err("the step has ended its transaction");
        assert_eq!((error.kind(), error.migration()), (ErrorKind::Application, Some("3_step")), "{error:#}");
        let history = database.found().history;
        let later = history.iter().filter(|record| record.version >= Some(3)).count();
        assert_eq!(later, 0, "{history:?}");
    });
}

pub fn a_rust_step_cannot_control_the_transaction<T: TestDatabase>(bench: &Bench<'_, T>) {
    for control in ["COMMIT", "ROLLBACK", "/* x */ commit;", "BEGIN"] {
        let database = bench.database();
        let migrator = Migrator::new(memory(&database)).with_step(3, move |transaction| {
            Box::pin(async move {
                transaction.execute(control, &[]).await?;
                Ok(())
            })
        });
        let error = database.run(&migrator).expect_err("the engine ends the transaction");
        assert_eq!((error.kind(), error.migration()), (ErrorKind::Application, Some("3_step")), "{error:#}");
    }
}
