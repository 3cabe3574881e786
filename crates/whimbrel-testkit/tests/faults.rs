//! Every call of a run fails, in every way: whoever runs again comes to the database of an undisturbed run.

use std::time::Duration;

use whimbrel::{
    Ending, Error, ErrorClass, ErrorKind, Memory, Migrator, SetName, Settlement, StepKey, Transaction,
    Version,
};
use whimbrel_testkit::{Fake, Fault, Record, block_on, drop_after};

/// A script outside transactions. Its second, fourth and sixth statement cannot be told to have taken effect, other
/// than by looking whether there is a file.
const OUTSIDE: &str = "\
    -- whimbrel: no-transaction
    SET fill = 7;
    MAKE FILE a;
    INSERT INTO items (id) VALUES (70);
    MAKE FILE b;
    VACUUM;
    MAKE FILE c;
    UPDATE items SET n = n + 1 WHERE id = 70;
";

fn library() -> Memory {
    Memory::new()
        .with_set(SetName::new("library").expect("a set's name"))
        .with_sql(1, "jobs", "CREATE TABLE jobs (id INTEGER PRIMARY KEY, n INTEGER);")
        .with_sql(2, "job", "INSERT INTO jobs (id, n) VALUES (1, 1);")
        .with_repeatable("jobs_again", "UPDATE jobs SET n = n + 1;")
}

fn application() -> Memory {
    Memory::new()
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER);")
        .with_sql(2, "index", "CREATE INDEX items_n ON items (n); INSERT INTO items (id, n) VALUES (1, 1);")
        .with_rust(3, "shares")
        .with_sql(4, "alone", "LOCK TABLE items; UPDATE items SET n = n + 1;")
        .with_sql(5, "column", "ALTER TABLE items ADD COLUMN extra INTEGER DEFAULT 5;")
        .with_sql(6, "outside", OUTSIDE)
        .with_rust(7, "alone_too")
        .with_sql(8, "ends", "CHECKPOINT; UPDATE items SET n = n + 1;")
        .with_sql(9, "last", "INSERT INTO items (id, n) VALUES (9, 9);")
        .with_repeatable("again", "UPDATE items SET n = n + 100 WHERE id = 1;")
        .with_repeatable("outside", "-- whimbrel: no-transaction\nUPDATE items SET n = n + 1; VACUUM;")
}

fn migrator(transaction: Transaction) -> Migrator<'static> {
    Migrator::new(library())
        .and(application())
        .with_transaction(transaction)
        .with_environment("test")
        .with_lock_deadline(Duration::ZERO)
        .with_failure_pause(Duration::ZERO)
        .with_step(StepKey::new(3).database_only(), |transaction| {
            Box::pin(async move {
                transaction.execute("INSERT INTO items (id, n) VALUES (?, ?)", &[3.into(), 3.into()]).await?;
                Ok(())
            })
        })
        .with_step(7, |transaction| {
            Box::pin(async move {
                for row in transaction.query("SELECT id FROM items ORDER BY id", &[]).await? {
                    let id: i64 = row.column("id")?;
                    transaction.execute("UPDATE items SET n = n + 1 WHERE id = ?", &[id.into()]).await?;
                }
                Ok(())
            })
        })
}

/// What an undisturbed run comes to.
fn calm(migrator: &Migrator<'_>) -> (String, Vec<Record>) {
    let mut fake = Fake::new();
    migrator.run_blocking(&mut fake).expect("nothing is in the way");
    (fake.dump(), Record::undisturbed(&fake.history()))
}

/// Whether there is time for every combination.
fn long() -> bool {
    std::env::var_os("WHIMBREL_LONG").is_some()
}

/// Runs again until it works. Where the outcome of a statement is unknown, does what a person does: looks, and settles.
fn recover(fake: Fake, migrator: &Migrator<'_>, context: &str) {
    let mut fake = fake;
    let mut last: Option<Error> = None;
    for _ in 0..4 {
        if fake.is_closed() {
            fake = fake.another();
        }
        let error = match migrator.run_blocking(&mut fake) {
            Ok(_) => return,
            Err(error) => error,
        };
        if error.kind() == ErrorKind::OutcomeUnknown {
            settle(&fake, migrator);
        }
        last = Some(error);
    }
    panic!("{context}: reruns do not go on: {last:#?}");
}

fn settle(fake: &Fake, migrator: &Migrator<'_>) {
    let history = fake.history();
    let open: Vec<&Record> = history.iter().filter(|record| record.version == Some(6)).collect();
    let done = Record::undisturbed(&history)
        .iter()
        .filter(|record| record.version == Some(6) && record.event == "statement")
        .count();
    let name = match done {
        1 => "a",
        3 => "b",
        5 => "c",
        other => panic!("statement {} is not one of those in doubt: {open:?}", other + 1),
    };
    let made = fake.dump().contains(&format!("file {name}\n"));
    let ending = if made { Ending::TookEffect(done + 1) } else { Ending::DidNot(done + 1) };
    let settlement =
        Settlement { version: Version::new(6), ending, reason: "looked for the file".to_owned() };
    migrator.settle_blocking(&mut fake.another(), settlement).expect("it is in doubt");
}

fn compare(fake: &Fake, wanted: &(String, Vec<Record>), context: &str) {
    assert_eq!(fake.dump(), wanted.0, "{context}");
    let history = Record::undisturbed(&fake.history());
    if history != wanted.1 {
        let lines = |records: &[Record]| records.iter().map(|r| format!("{r}\n")).collect::<String>();
        panic!("{context}: the history is\n{}\nand not\n{}", lines(&history), lines(&wanted.1));
    }
    let verified = Migrator::new(Memory::new()).verify_history_blocking(&mut fake.another(), &[]);
    verified.unwrap_or_else(|error| panic!("{context}: {error:#}"));
}

/// Makes the nth call of a run fail, for every n. `more` are further faults, so many calls after it.
fn every_call_fails(transaction: Transaction, fault: Fault, more: &[(usize, Fault)]) {
    calls_fail(transaction, fault, more, 1, 1);
}

/// Makes the nth call of a run fail, for every n from `first` on by `step`.
fn calls_fail(transaction: Transaction, fault: Fault, more: &[(usize, Fault)], first: usize, step: usize) {
    let migrator = migrator(transaction);
    let wanted = calm(&migrator);
    for call in (first..).step_by(step) {
        let context = format!("{transaction:?}, call {call}: {fault:?} {more:?}");
        let mut fake = Fake::new().with_fault(call, fault);
        for (later, fault) in more {
            fake = fake.with_fault(call + later, *fault);
        }
        let result = migrator.run_blocking(&mut fake);
        if fake.calls() < call {
            result.expect("nothing was in the way");
            assert!(call > 30, "{context}: so few calls");
            return;
        }
        let watch = fake.another();
        if !fake.is_closed() {
            let fill = fake.run("SELECT SETTING fill").expect("the connection is usable");
            assert_eq!(
                fill.first().map(|row| row.read(0)),
                Some(Ok("SET fill = 0".to_owned())),
                "{context}: left in the session"
            );
            fake.run("BEGIN; ROLLBACK").unwrap_or_else(|error| panic!("{context}: left open: {error}"));
        }
        recover(fake, &migrator, &context);
        compare(&watch, &wanted, &context);
    }
}

const WAYS: [Transaction; 2] = [Transaction::Auto, Transaction::PerMigration];

#[test]
fn the_connection_is_lost_before_any_call_takes_effect() {
    WAYS.into_iter().for_each(|transaction| every_call_fails(transaction, Fault::LostBefore, &[]));
}

#[test]
fn the_connection_is_lost_after_any_call_took_effect() {
    WAYS.into_iter().for_each(|transaction| every_call_fails(transaction, Fault::LostAfter, &[]));
}

#[test]
fn any_call_answers_an_error_of_any_class() {
    let classes = [
        ErrorClass::Busy,
        ErrorClass::Conflict,
        ErrorClass::Constraint,
        ErrorClass::Sql,
        ErrorClass::InTransaction,
        ErrorClass::NoTransaction,
        ErrorClass::TransactionLost,
        ErrorClass::ReadOnly,
        ErrorClass::Permission,
        ErrorClass::Full,
        ErrorClass::Damaged,
        ErrorClass::Unavailable,
        ErrorClass::Unsupported,
        ErrorClass::Other,
    ];
    // Every call meets several classes, and every class several calls.
    let step = if long() { 1 } else { 5 };
    for (index, class) in classes.into_iter().enumerate() {
        for transaction in WAYS {
            calls_fail(transaction, Fault::Answers(class), &[], 1 + index % step, step);
        }
    }
}

#[test]
fn what_cleans_up_after_a_failure_fails_as_well() {
    let faults = [Fault::LostAfter, Fault::Answers(ErrorClass::Other), Fault::LostBefore];
    let classes = [ErrorClass::Sql, ErrorClass::Conflict, ErrorClass::Busy, ErrorClass::Other];
    for class in classes {
        for later in 1..=4 {
            for fault in faults {
                let usual = class == classes[0] && (later == 1 || fault == faults[0]);
                if long() || usual {
                    every_call_fails(Transaction::Auto, Fault::Answers(class), &[(later, fault)]);
                }
            }
        }
    }
}

#[test]
fn any_call_of_the_rerun_fails_too() {
    let outside = Memory::new()
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER);")
        .with_sql(6, "outside", OUTSIDE);
    let migrator = match long() {
        true => migrator(Transaction::PerMigration),
        false => Migrator::new(outside).with_lock_deadline(Duration::ZERO).with_failure_pause(Duration::ZERO),
    };
    let wanted = calm(&migrator);
    for first in [Fault::LostAfter, Fault::Answers(ErrorClass::Sql)] {
        for call in 1.. {
            let mut fake = Fake::new().with_fault(call, first);
            let _ = migrator.run_blocking(&mut fake);
            if fake.calls() < call {
                break;
            }
            // Enough to go beyond whatever is resumed.
            for second in 1..16 {
                let mut one = Fake::new().with_fault(call, first);
                let _ = migrator.run_blocking(&mut one);
                let mut two = one.another().with_fault(second, Fault::LostAfter);
                let unknown = migrator
                    .run_blocking(&mut two)
                    .is_err_and(|error| error.kind() == ErrorKind::OutcomeUnknown);
                if unknown {
                    settle(&two, &migrator);
                }
                let context = format!("call {call}: {first:?}, then call {second} of the rerun");
                recover(two, &migrator, &context);
                compare(&one, &wanted, &context);
            }
        }
    }
}

#[test]
fn the_future_is_dropped_at_any_await() {
    for transaction in WAYS {
        let migrator = migrator(transaction);
        let wanted = calm(&migrator);
        for polls in 0.. {
            let context = format!("{transaction:?}, dropped after {polls} polls");
            let mut fake = Fake::new().with_pending();
            let done = block_on(drop_after(polls, migrator.run(&mut fake)));
            if let Some(result) = done {
                result.expect("nothing was in the way");
                assert!(polls > 60, "{context}: so few");
                break;
            }
            assert!(polls == 0 || fake.is_closed(), "{context}: the connection was kept");
            let watch = fake.another();
            recover(fake, &migrator, &context);
            compare(&watch, &wanted, &context);
        }
    }
}

#[test]
fn what_only_the_session_knew_is_never_gone_on_with() {
    let memory = Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY);").with_sql(
        2,
        "remembers",
        "-- whimbrel: no-transaction\nREMEMBER 5;\nINSERT INTO items (id) VALUES (MEMORY);\nVACUUM;",
    );
    let migrator = Migrator::new(memory).with_lock_deadline(Duration::ZERO);
    let mut doubts = 0;
    for call in 1.. {
        let mut fake = Fake::new().with_fault(call, Fault::LostAfter);
        if migrator.run_blocking(&mut fake).is_ok() {
            break;
        }
        let mut again = fake.another();
        let result = migrator.run_blocking(&mut again);
        let error = match result {
            Ok(_) => continue,
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "call {call}: {error:#}");
        doubts += 1;
        again.run("DELETE FROM items").expect("done by hand");
        let settlement = Settlement {
            version: Version::new(2),
            ending: Ending::Undone,
            reason: "deleted the row".to_owned(),
        };
        migrator.settle_blocking(&mut again, settlement).expect("it is open");
        migrator.run_blocking(&mut again).expect("it begins anew");
        assert!(again.dump().contains("row 5"), "{}", again.dump());
    }
    assert!(doubts > 3, "{doubts}");
}
