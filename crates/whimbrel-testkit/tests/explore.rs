//! Every interleaving of migrators, with a fault at every step. Each test prints how much it has explored; with
//! `WHIMBREL_LONG=1` there are two faults instead of one, and a third migrator.

use std::time::Duration;

use whimbrel::{ErrorKind, Manifest, Memory, Migrator, OutOfOrder, Reverted, Version};
use whimbrel_testkit::{Deed, Exploration, Fake, FakeKind, Release};

const ITEMS: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER)";
const OUTSIDE: &str = "-- whimbrel: no-transaction\nMAKE FILE a;\nINSERT INTO items (id, n) VALUES (7, 7);\nVACUUM;\nMAKE FILE b;";

fn items() -> Memory {
    Memory::new().with_sql(1, "items", ITEMS)
}

fn usual(migrator: Migrator<'static>) -> Migrator<'static> {
    migrator
}

/// Waits for nobody.
fn hasty(migrator: Migrator<'static>) -> Migrator<'static> {
    migrator.with_lock_deadline(Duration::ZERO)
}

/// Everything of these was applied before.
fn applied(memory: &Memory) -> impl FnOnce(&mut Fake) + use<> {
    let migrator = Migrator::new(memory.clone());
    move |fake| drop(migrator.run_blocking(fake).expect("nothing is in the way"))
}

fn long() -> bool {
    std::env::var_os("WHIMBREL_LONG").is_some()
}

/// Explores with one fault, or more if there is time, and prints how much it was.
fn explore(name: &str, kind: FakeKind, exploration: Exploration) {
    explore_with(name, kind, exploration, if long() { 2 } else { 1 });
}

fn explore_with(name: &str, kind: FakeKind, exploration: Exploration, faults: usize) {
    let exploration = exploration.with_faults(faults).with_wakes(usize::from(long()));
    let exploration = if long() { exploration.with_most_states(1_000_000) } else { exploration };
    let explored = exploration.explore().unwrap_or_else(|violation| panic!("{name}, {kind:?}: {violation}"));
    assert!(explored.complete || long(), "{name}, {kind:?}: too much for an ordinary run: {explored}");
    println!("explored {name}, {kind:?}, {faults} faults: {explored}");
}

/// Makes a test of each kind of database out of a function.
macro_rules! in_each_kind {
    ($($scenario:ident),* $(,)?) => {$(
        mod $scenario {
            use whimbrel_testkit::FakeKind;

            #[test]
            fn where_beginning_locks() {
                super::$scenario(FakeKind::Locking);
            }

            #[test]
            fn where_transactions_are_pipelined() {
                super::$scenario(FakeKind::Pipelined);
            }

            #[test]
            fn where_the_schema_commits() {
                super::$scenario(FakeKind::Committing);
            }
        }
    )*};
}

in_each_kind! {
    one_release_on_an_empty_database,
    three_migrators,
    two_releases,
    scripts_outside_transactions,
    statements_in_doubt,
    repeatables_of_two_revisions,
    a_tombstone_of_the_newest_version,
    a_revert_beside_a_run,
    versions_out_of_order,
    an_emptied_history,
    a_foreign_row,
    a_migration_that_fails,
    one_that_fails_behind_one_that_does_not,
    a_change_by_somebody_else,
    no_time_to_wait,
    a_check_beside_a_run,
}

fn one_release_on_an_empty_database(kind: FakeKind) {
    let exploration = Exploration::new(kind)
        .with_release(Release::new("one", &items(), usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run);
    explore("one release on an empty database", kind, exploration);
}

fn three_migrators(kind: FakeKind) {
    let memory = items().with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1)");
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("one", &items(), usual))
        .with_release(Release::new("two", &memory, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(1, Deed::Run)
        .with_migrator(1, Deed::Run);
    explore_with("three migrators", kind, exploration, usize::from(kind != FakeKind::Committing || long()));
}

fn two_releases(kind: FakeKind) {
    let newer = items()
        .with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1); UPDATE items SET n = n + 1")
        .with_sql(3, "column", "ALTER TABLE items ADD COLUMN extra INTEGER DEFAULT 5");
    let exploration = Exploration::new(kind)
        .with_release(Release::new("old", &items(), usual))
        .with_release(Release::new("new", &newer, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(1, Deed::Run);
    explore("two releases", kind, exploration);
}

fn scripts_outside_transactions(kind: FakeKind) {
    let memory = items().with_sql(
        2,
        "outside",
        "-- whimbrel: no-transaction\nVACUUM;\nINSERT INTO items (id, n) VALUES (7, 7);\nVACUUM;",
    );
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("one", &memory, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run);
    explore("scripts outside transactions", kind, exploration);
}

fn statements_in_doubt(kind: FakeKind) {
    let memory = items().with_sql(2, "outside", OUTSIDE);
    // Where no lock shows that nobody is at work any more, whoever finds a statement in doubt waits until the deadline.
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("one", &memory, hasty))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run)
        .allowing(ErrorKind::Retry)
        .with_doubt("MAKE FILE a")
        .with_doubt("MAKE FILE b");
    let exploration = match kind {
        FakeKind::Committing => exploration,
        _ => exploration.allowing(ErrorKind::OutcomeUnknown),
    };
    explore("statements in doubt", kind, exploration);
}

fn repeatables_of_two_revisions(kind: FakeKind) {
    let older = items().with_repeatable("again", "UPDATE items SET n = n + 1");
    let newer = items().with_repeatable("again", "UPDATE items SET n = n + 10");
    let (first, _) = Manifest::lock(&older.set().expect("a set"), None);
    let (second, _) = Manifest::lock(&newer.set().expect("a set"), Some(&first));
    let (older, newer) = (older.with_manifest(first), newer.with_manifest(second));
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("old", &older, usual))
        .with_release(Release::new("new", &newer, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(1, Deed::Run);
    // What an older release has begun, statement by statement, a newer text does not go on with.
    let exploration = match kind {
        FakeKind::Committing => exploration.allowing(ErrorKind::Files).ended_by_older(),
        _ => exploration,
    };
    explore("repeatables of two revisions", kind, exploration);
}

fn a_tombstone_of_the_newest_version(kind: FakeKind) {
    let before = items().with_sql(2, "wrong", "INSERT INTO items (id, n) VALUES (2, 2)");
    let older = before.clone().with_repeatable("again", "UPDATE items SET n = n + 1");
    let set = older.set().expect("a set");
    let wrong = *set.versioned()[1].digest();
    let (first, _) = Manifest::lock(&set, None);
    let newer = items().with_repeatable("again", "UPDATE items SET n = n + 10");
    let (second, _) = Manifest::lock(&newer.set().expect("a set"), Some(&first));
    let second = second.with_tombstone(Version::new(2).expect("a version"), wrong, "it was wrong");
    let (older, newer) = (older.with_manifest(first), newer.with_manifest(second));
    let exploration = Exploration::new(kind)
        .prepared(applied(&before))
        .with_release(Release::new("old", &older, usual))
        .with_release(Release::new("new", &newer, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(1, Deed::Run);
    let exploration = match kind {
        FakeKind::Committing => exploration.allowing(ErrorKind::Files).ended_by_older(),
        _ => exploration,
    };
    explore("a tombstone of the newest version", kind, exploration);
}

fn a_revert_beside_a_run(kind: FakeKind) {
    let memory = items()
        .with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1)")
        .with_down(2, "DELETE FROM items WHERE id = 1");
    let exploration = Exploration::new(kind)
        .prepared(applied(&memory))
        .with_release(Release::new("one", &memory, usual))
        .with_release(Release::new("again", &memory, |migrator| migrator.with_reverted(Reverted::Apply)))
        .with_migrator(0, Deed::RevertTo(Version::new(1)))
        .with_migrator(1, Deed::Run);
    explore("a revert beside a run", kind, exploration);
}

fn versions_out_of_order(kind: FakeKind) {
    let late = |migrator: Migrator<'static>| migrator.with_out_of_order(OutOfOrder::Apply);
    let third = |memory: Memory| memory.with_sql(3, "third", "INSERT INTO items (id, n) VALUES (3, 3)");
    let without = third(items());
    let with = third(items().with_sql(2, "second", "INSERT INTO items (id, n) VALUES (2, 2)"));
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("without", &without, late))
        .with_release(Release::new("with", &with, late))
        .with_migrator(0, Deed::Run)
        .with_migrator(1, Deed::Run);
    explore("versions out of order", kind, exploration);
}

fn an_emptied_history(kind: FakeKind) {
    let before = items().with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1)");
    let memory = before.clone().with_sql(3, "more", "UPDATE items SET n = n + 1");
    let exploration = Exploration::new(kind)
        .prepared(applied(&before))
        .with_release(Release::new("one", &memory, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run)
        .with_person("DELETE FROM whimbrel_history")
        .tampered()
        .allowing(ErrorKind::Configuration)
        .allowing(ErrorKind::Database)
        .refused_in_the_end();
    explore("an emptied history", kind, exploration);
}

fn a_foreign_row(kind: FakeKind) {
    let memory = items().with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1)");
    let row = match kind {
        FakeKind::Committing => {
            "INSERT INTO whimbrel_history (set_name, seq, event, repeatables, who, at, detail, hash, lk) \
             VALUES ('main', 3, 'applied', 'b3v1:0', 'somebody', 'now', 'v1', 'b3v1:1', 1)"
        }
        _ => {
            "INSERT INTO whimbrel_history (set_name, seq, event, repeatables, who, at, detail, hash) \
             VALUES ('main', 3, 'applied', 'b3v1:0', 'somebody', 'now', 'v1', 'b3v1:1')"
        }
    };
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("one", &memory, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run)
        .with_person(row)
        .tampered()
        .allowing(ErrorKind::Database)
        .refused_in_the_end();
    explore("a foreign row", kind, exploration);
}

fn a_migration_that_fails(kind: FakeKind) {
    let memory = items().with_sql(2, "wrong", "INSERT INTO others (id) VALUES (1)");
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("one", &memory, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run)
        .allowing(ErrorKind::Files)
        .refused_in_the_end();
    explore("a migration that fails", kind, exploration);
}

fn one_that_fails_behind_one_that_does_not(kind: FakeKind) {
    let memory = items().with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1)").with_sql(
        3,
        "wrong",
        "INSERT INTO others (id) VALUES (1)",
    );
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("one", &memory, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run)
        .allowing(ErrorKind::Files)
        .refused_in_the_end();
    explore("one that fails behind one that does not", kind, exploration);
}

fn a_change_by_somebody_else(kind: FakeKind) {
    let memory = items().with_sql(2, "column", "ALTER TABLE items ADD COLUMN extra INTEGER");
    let prepare = applied(&items());
    let exploration = Exploration::new(kind)
        .prepared(|fake| {
            prepare(fake);
            fake.run("ALTER TABLE items ADD COLUMN extra INTEGER DEFAULT 9").expect("nobody else is at work");
        })
        .with_release(Release::new("one", &memory, usual))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run)
        .with_doubt("ALTER TABLE items ADD COLUMN extra INTEGER")
        .allowing(ErrorKind::Files)
        .refused_in_the_end();
    explore("a change by somebody else", kind, exploration);
}

fn no_time_to_wait(kind: FakeKind) {
    let memory = items().with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1)");
    let exploration = Exploration::new(kind)
        .prepared(applied(&items()))
        .with_release(Release::new("one", &memory, hasty))
        .with_migrator(0, Deed::Run)
        .with_migrator(0, Deed::Run)
        .allowing(ErrorKind::Retry);
    explore("no time to wait", kind, exploration);
}

fn a_check_beside_a_run(kind: FakeKind) {
    let newer = items().with_sql(2, "row", "INSERT INTO items (id, n) VALUES (1, 1)");
    let exploration = Exploration::new(kind)
        .with_release(Release::new("old", &items(), usual))
        .with_release(Release::new("new", &newer, usual))
        .with_migrator(0, Deed::Check)
        .with_migrator(1, Deed::Run)
        .allowing(ErrorKind::Pending);
    explore("a check beside a run", kind, exploration);
}
