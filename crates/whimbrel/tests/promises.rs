//! What holds for whoever uses the crate: what can be sent to another thread, in which order the gates are passed, and
//! who is told what.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use whimbrel::{
    Backup, Digest, Driver, DriverError, Ending, Error, ErrorKind, Event, Finding, FindingKind, Goal,
    History, Joined, Manifest, Memory, MigrationSet, Migrator, Plan, Receipt, Report, Result, Rows,
    Settlement, Status, StepError, StepTransaction, Tip, Value, Verified, Verifier, Version, async_trait,
};
use whimbrel_testkit::{Counting, Fake, Record, block_on};

fn items() -> Memory {
    Memory::new()
        .with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY)")
        .with_down(1, "DROP TABLE items")
        .with_sql(2, "row", "INSERT INTO items (id) VALUES (1)")
        .with_down(2, "DELETE FROM items")
}

fn assert_send<T: Send>(_: &T) {}

fn are_send_and_sync<T: Send + Sync>() {}

#[test]
fn what_is_public_can_be_sent_and_shared() {
    are_send_and_sync::<Migrator<'static>>();
    are_send_and_sync::<Error>();
    are_send_and_sync::<DriverError>();
    are_send_and_sync::<Finding>();
    are_send_and_sync::<Plan>();
    are_send_and_sync::<Verified<Plan>>();
    are_send_and_sync::<Verified<MigrationSet>>();
    are_send_and_sync::<MigrationSet>();
    are_send_and_sync::<Manifest>();
    are_send_and_sync::<Memory>();
    are_send_and_sync::<Joined<'static>>();
    are_send_and_sync::<History>();
    are_send_and_sync::<Report>();
    are_send_and_sync::<Status>();
    are_send_and_sync::<Digest>();
    are_send_and_sync::<Rows>();
    are_send_and_sync::<Value>();
    are_send_and_sync::<Tip>();
    are_send_and_sync::<Settlement>();
    fn is_send<T: Send + ?Sized>() {}
    is_send::<StepTransaction<'static>>();
    is_send::<Box<dyn Driver>>();
}

#[test]
fn the_future_of_every_verb_can_be_sent() {
    let migrator = Migrator::new(items());
    let settlement =
        || Settlement { version: Version::new(1), ending: Ending::Applied, reason: String::new() };
    let first = Version::new(1).expect("a version");
    let db = &mut Fake::new();
    assert_send(&migrator.run(db));
    assert_send(&migrator.plan(db));
    assert_send(&migrator.script(db));
    assert_send(&migrator.script_for(db, Goal::Latest));
    assert_send(&migrator.check(db));
    assert_send(&migrator.wait(db));
    assert_send(&migrator.status(db));
    assert_send(&migrator.revert_to(db, None));
    assert_send(&migrator.redo(db));
    assert_send(&migrator.baseline(db, first));
    assert_send(&migrator.settle(db, settlement()));
    assert_send(&migrator.repair(db, ""));
    assert_send(&migrator.verify_history(db, &[]));
}

#[test]
fn a_run_can_be_spawned_with_everything_that_it_needs() {
    fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> thread::JoinHandle<T> {
        thread::spawn(|| block_on(future))
    }
    let fake = Fake::new();
    let mut other = fake.another();
    let report = spawn(async move { Migrator::new(items()).run(&mut other).await }).join().expect("no panic");
    assert_eq!(report.expect("nothing stands in the way").migrations.len(), 2);
    static SOURCE: std::sync::LazyLock<Memory> = std::sync::LazyLock::new(items);
    let mut other = fake.another();
    let again =
        spawn(async move { Migrator::new(&*SOURCE).check(&mut other).await }).join().expect("no panic");
    again.expect("everything is in force");
}

/// Says in which order it was asked what, and finds what it is told to.
#[derive(Clone, Copy)]
struct Gate<'g> {
    log: &'g Mutex<Vec<String>>,
    name: &'static str,
    refuses: Option<&'static str>,
    errs: Option<&'static str>,
}

impl Gate<'_> {
    fn pass(&self, gate: &'static str, set: &whimbrel::SetName) -> Result<Vec<Finding>> {
        self.log.lock().expect("nobody panics").push(format!("{} {gate}", self.name));
        if self.errs == Some(gate) {
            return Err(Error::new(ErrorKind::Application, "the keys cannot be read"));
        }
        let finding = || Finding::new(FindingKind::Policy, set, self.name, "is against it");
        Ok(self.refuses.filter(|refused| *refused == gate).map(|_| finding()).into_iter().collect())
    }
}

#[async_trait]
impl Verifier for Gate<'_> {
    async fn check_set(&self, set: &MigrationSet) -> Result<Vec<Finding>> {
        self.pass("set", set.name())
    }

    async fn check_plan(&self, plan: &Plan) -> Result<Vec<Finding>> {
        self.pass("plan", plan.items()[0].set_name())
    }
}

#[test]
fn both_gates_are_passed_in_order_before_anything_is_done() {
    let log = Mutex::new(Vec::new());
    let gate = |name| Gate { log: &log, name, refuses: None, errs: None };
    let watch = |event: &Event<'_>| {
        if let Event::Started { label, .. } = event {
            log.lock().expect("nobody panics").push((*label).to_owned());
        }
    };
    let migrator =
        Migrator::new(items()).with_verifier(gate("a")).with_verifier(gate("b")).with_observer(watch);
    let mut fake = Fake::new();
    migrator.run_blocking(&mut fake).expect("nobody is against it");
    let said = std::mem::take(&mut *log.lock().expect("nobody panics"));
    assert_eq!(said, ["a set", "b set", "a plan", "b plan", "1_items", "2_row"]);
    migrator.run_blocking(&mut fake).expect("nothing to do");
    assert_eq!(*log.lock().expect("nobody panics"), ["a set", "b set"]);
}

#[test]
fn what_the_first_gate_refuses_never_reaches_the_driver() {
    let log = Mutex::new(Vec::new());
    let gate = |name, refuses, errs| Gate { log: &log, name, refuses, errs };
    let first = Version::new(1).expect("a version");
    let settlement =
        || Settlement { version: Version::new(1), ending: Ending::Applied, reason: "x".to_owned() };
    for (refuses, errs) in [(Some("set"), None), (None, Some("set"))] {
        let migrator = Migrator::new(items()).with_verifier(gate("a", refuses, errs)).with_verifier(gate(
            "b",
            Some("set"),
            None,
        ));
        let mut db = Counting::new(Fake::new());
        let db_ = &mut db;
        let errors = [
            migrator.run_blocking(db_).map(drop),
            migrator.plan_blocking(db_).map(drop),
            migrator.check_blocking(db_).map(drop),
            migrator.wait_blocking(db_).map(drop),
            migrator.status_blocking(db_).map(drop),
            migrator.redo_blocking(db_).map(drop),
            migrator.revert_to_blocking(db_, None).map(drop),
            migrator.baseline_blocking(db_, first).map(drop),
            migrator.settle_blocking(db_, settlement()).map(drop),
            migrator.repair_blocking(db_, "x").map(drop),
        ];
        for error in errors {
            let error = error.expect_err("somebody is against it");
            let names: Vec<&str> = error.findings().iter().map(|finding| finding.subject()).collect();
            match errs {
                None => assert_eq!(names, ["a", "b"], "{error:#}"),
                Some(_) => assert_eq!(error.to_string(), "the keys cannot be read"),
            }
        }
        assert_eq!(db.counts().calls(), 0);
    }
}

#[test]
fn what_the_second_gate_refuses_changes_nothing() {
    let log = Mutex::new(Vec::new());
    for (refuses, errs) in [(Some("plan"), None), (None, Some("plan"))] {
        let gate = |name| Gate { log: &log, name, refuses, errs };
        let migrator = Migrator::new(items()).with_verifier(gate("a")).with_verifier(gate("b"));
        let mut fake = Fake::new();
        let mut db = Counting::new(fake.another());
        let refused = migrator.run_blocking(&mut db).expect_err("both are against it");
        assert_eq!(refused.findings().len(), if errs.is_none() { 2 } else { 0 }, "{refused:#}");
        migrator.plan_blocking(&mut db).expect_err("both are against it");
        migrator.check_blocking(&mut db).expect_err("both are against it");
        migrator
            .baseline_blocking(&mut db, Version::new(1).expect("a version"))
            .expect_err("both are against it");
        assert_eq!((db.counts().executes, fake.dump().as_str(), fake.history().len()), (0, "", 0));
        Migrator::new(items()).run_blocking(&mut fake).expect("nobody is asked");
        migrator.revert_to_blocking(&mut db, None).expect_err("both are against it");
        migrator.redo_blocking(&mut db).expect_err("both are against it");
        assert_eq!(db.counts().executes, 0);
    }
}

struct Copies<'c>(&'c AtomicUsize, bool);

#[async_trait]
impl Backup for Copies<'_> {
    async fn back_up(&self, _driver: &mut dyn Driver, plan: &Plan) -> Result<Receipt, StepError> {
        assert!(!plan.is_empty());
        self.0.fetch_add(1, Ordering::Relaxed);
        if self.1 {
            return Err("the disk is full".into());
        }
        Ok(Receipt { place: "/backups/1".to_owned(), bytes: 42, check: "opened".to_owned() })
    }
}

#[test]
fn a_backup_that_fails_applies_nothing() {
    let outside = || items().with_sql(3, "outside", "-- whimbrel: no-transaction\nVACUUM");
    for memory in
        [items(), Memory::new().with_sql(1, "outside", "-- whimbrel: no-transaction\nVACUUM"), outside()]
    {
        let (count, fake) = (AtomicUsize::new(0), Fake::new());
        let migrator = Migrator::new(memory).with_backup(Copies(&count, true));
        let error = migrator.run_blocking(&mut fake.another()).expect_err("there is no backup");
        assert_eq!(error.kind(), ErrorKind::Application, "{error:#}");
        assert!(format!("{error:#}").contains("the disk is full"), "{error:#}");
        assert_eq!((fake.dump().as_str(), fake.history().len()), ("", 0));
    }
    let (count, fake) = (AtomicUsize::new(0), Fake::new());
    let migrator = Migrator::new(outside()).with_backup(Copies(&count, false));
    let report = migrator.run_blocking(&mut fake.another()).expect("there is one");
    assert_eq!((count.load(Ordering::Relaxed), report.backup.as_deref()), (1, Some("/backups/1")));
    let first: Option<Record> = fake.history().first().cloned();
    assert_eq!(first.map(|record| record.event), Some("backup".to_owned()));
    migrator.run_blocking(&mut fake.another()).expect("nothing to do");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

/// The events by name, with the labels that they tell.
fn heard(run: impl FnOnce(&(dyn Fn(&Event<'_>) + Send + Sync))) -> Vec<String> {
    let log = Mutex::new(Vec::new());
    run(&|event: &Event<'_>| {
        let text = match event {
            Event::Planned { plan } => format!("planned {}", plan.items().len()),
            Event::Waiting { .. } => "waiting".to_owned(),
            Event::BackedUp { place } => format!("backed up {place}"),
            Event::Started { label, down, .. } => {
                format!("started {label}{}", if *down { " down" } else { "" })
            }
            Event::Statement { label, statement, statements, .. } => {
                format!("statement {label} {statement} of {statements}")
            }
            Event::Ran { label, .. } => format!("ran {label}"),
            Event::Committed { migrations } => format!("committed {migrations}"),
            Event::OneByOne { label } => format!("one by one {label}"),
            Event::Tip { set, tip } => format!("tip {set} {}", tip.seq),
            Event::Finished { report } => format!("finished {:?}", report.outcome),
            Event::Failed { error } => format!("failed {}", error.kind()),
            _ => "another".to_owned(),
        };
        log.lock().expect("nobody panics").push(text);
    });
    log.into_inner().expect("nobody panics")
}

#[test]
fn events_come_in_their_order() {
    let fake = Fake::new();
    let memory = items().with_sql(3, "outside", "-- whimbrel: no-transaction\nVACUUM; CHECKPOINT");
    let count = AtomicUsize::new(0);
    let run = heard(|observer| {
        let migrator = Migrator::new(&memory).with_observer(observer).with_backup(Copies(&count, false));
        migrator.run_blocking(&mut fake.another()).expect("nothing stands in the way");
        migrator.run_blocking(&mut fake.another()).expect("nothing to do");
        migrator.check_blocking(&mut fake.another()).expect("nothing is pending");
        migrator.revert_to_blocking(&mut fake.another(), Version::new(2)).expect_err("there is no way down");
    });
    insta::assert_snapshot!("events_of_a_run", run.join("\n"));
    let fake = Fake::new();
    let memory = items().with_sql(3, "wrong", "DROP TABLE missing");
    let failed = heard(|observer| {
        let migrator = Migrator::new(&memory).with_observer(observer);
        migrator.run_blocking(&mut fake.another()).expect_err("the third one fails");
    });
    insta::assert_snapshot!("events_of_a_failure", failed.join("\n"));
    let back = heard(|observer| {
        let up = items();
        let migrator = Migrator::new(&up).with_observer(observer);
        migrator.revert_to_blocking(&mut fake.another(), None).expect("there is a way down");
    });
    insta::assert_snapshot!("events_of_a_revert", back.join("\n"));
}

#[test]
fn observers_hear_that_somebody_else_holds_the_lock() {
    let fake = Fake::new();
    let mut writer = fake.another();
    writer.run("BEGIN").expect("nobody writes");
    let events = heard(|observer| {
        let memory = items();
        let migrator =
            Migrator::new(&memory).with_observer(observer).with_lock_deadline(Duration::from_millis(20));
        let error = migrator.run_blocking(&mut fake.another()).expect_err("the lock is held");
        assert_eq!(error.kind(), ErrorKind::Retry);
    });
    let waiting = events.iter().filter(|event| *event == "waiting").count();
    assert!(waiting > 1, "{events:?}");
    assert_eq!((&*events[0], &**events.last().expect("some")), ("planned 2", "failed retry"));
    let waited = heard(|observer| {
        let memory = items();
        let migrator = Migrator::new(&memory).with_observer(observer).with_wait_deadline(Duration::ZERO);
        migrator.wait_blocking(&mut fake.another()).expect_err("nobody applies it");
    });
    assert_eq!(waited, ["waiting", "failed retry"]);
}

#[cfg(feature = "tracing")]
mod traced {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};
    use whimbrel::Tracing;

    use super::*;

    /// Writes down spans and events, each with the span that it is in.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<(Vec<String>, Vec<String>)>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            let shown = match field.name() {
                "message" | "label" | "kind" | "migrations" | "steps" | "statement" => format!(" {value:?}"),
                name => format!(" {name}"),
            };
            let _ = self.0.write_str(&shown);
        }
    }

    impl Subscriber for Paper {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            let mut fields = Fields(String::new());
            span.record(&mut fields);
            let (spans, lines) = &mut *self.0.lock().expect("nobody panics");
            spans.push(format!("{}{}", span.metadata().name(), fields.0));
            let parent = span.parent().map_or("", |id| &spans[id.into_u64() as usize - 1]);
            lines.push(format!("[{parent}] span {}", spans[spans.len() - 1]));
            Id::from_u64(spans.len() as u64)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            let (spans, lines) = &mut *self.0.lock().expect("nobody panics");
            let parent = event.parent().map_or("", |id| &spans[id.into_u64() as usize - 1]);
            lines.push(format!("[{parent}] {}{}", event.metadata().level(), fields.0));
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    fn traced(run: impl FnOnce()) -> String {
        let paper = Paper::default();
        tracing::subscriber::with_default(paper.clone(), run);
        paper.0.lock().expect("nobody panics").1.join("\n")
    }

    #[test]
    fn a_subscriber_sees_the_verb_and_each_migration_as_spans() {
        let fake = Fake::new();
        let memory = items().with_sql(3, "outside", "-- whimbrel: no-transaction\nVACUUM");
        let migrator = Migrator::new(&memory).with_observer(Tracing::new());
        let lines = traced(|| {
            migrator.run_blocking(&mut fake.another()).expect("nothing stands in the way");
            migrator.run_blocking(&mut fake.another()).expect("nothing to do");
        });
        insta::assert_snapshot!("traced_run", lines);
    }

    #[test]
    fn a_subscriber_sees_what_fails_in_the_span_of_its_migration() {
        let memory = items().with_sql(3, "wrong", "DROP TABLE missing");
        let migrator = Migrator::new(&memory).with_observer(Tracing::new());
        let lines = traced(|| drop(migrator.run_blocking(&mut Fake::new()).expect_err("it fails")));
        insta::assert_snapshot!("traced_failure", lines);
    }

    #[test]
    fn a_subscriber_sees_the_wait_for_the_lock() {
        let fake = Fake::new();
        let mut writer = fake.another();
        writer.run("BEGIN").expect("nobody writes");
        let migrator =
            Migrator::new(items()).with_observer(Tracing::new()).with_lock_deadline(Duration::ZERO);
        let lines =
            traced(|| drop(migrator.run_blocking(&mut fake.another()).expect_err("the lock is held")));
        assert!(lines.contains("waiting for the lock"), "{lines}");
    }
}

/// A database that is busy whenever a script comes, and for nothing else.
struct Obstinate(Fake);

#[async_trait]
impl Driver for Obstinate {
    fn dialect(&self) -> &whimbrel::Dialect {
        self.0.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[whimbrel::Message<'_>],
        answers: &mut whimbrel::Answers<'_>,
    ) -> Result<(), DriverError> {
        if messages.iter().any(|message| message.sql.contains("TABLE items")) {
            return Err(DriverError::new(whimbrel::ErrorClass::Busy, "a reader does not go away"));
        }
        self.0.execute(messages, answers).await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.0.query(sql, values).await
    }

    async fn pause(&mut self, time: Duration) {
        self.0.pause(time).await;
    }

    fn native(&mut self) -> &mut (dyn std::any::Any + Send) {
        self.0.native()
    }

    fn close(&mut self) {
        self.0.close();
    }
}

#[test]
fn a_script_that_stays_busy_is_given_up_when_the_deadline_has_come() {
    for text in
        ["CREATE TABLE items (id INTEGER)", "-- whimbrel: no-transaction\nCREATE TABLE items (id INTEGER)"]
    {
        let fake = Fake::new();
        let migrator = Migrator::new(Memory::new().with_sql(1, "items", text))
            .with_lock_deadline(Duration::from_millis(100));
        let error = migrator.run_blocking(&mut Obstinate(fake.another())).expect_err("it stays busy");
        assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
        migrator.run_blocking(&mut fake.another()).expect("nothing stands in the way any more");
    }
}
