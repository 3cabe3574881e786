//! Older manifests that are brought back with their signatures: what the history tells of them, and what it cannot.
//! `docs/signatures.md` has the same list.

mod programs;

use rusqlite::Connection;
use whimbrel::{
    Directory, Error, FindingKind, Manifest, Migrator, OutOfOrder, Outcome, Report, Reverted, Version,
};
use whimbrel_sign::SignatureVerifier;
use whimbrel_sqlite as _;

use crate::programs::{Keys, Migrations};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

const ONE: (&str, &str) = ("0001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
const TWO: (&str, &str) = ("0002_orders.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n");
const TWO_DOWN: (&str, &str) = ("0002_orders.down.sql", "DROP TABLE orders;\n");
const THREE: (&str, &str) = ("0003_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY);\n");
const FOUR: (&str, &str) = ("0004_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);\n");

/// Signers, a database, and signed sets that come and go.
struct Story {
    keys: Keys,
    verifier: SignatureVerifier,
    db: Connection,
}

impl Story {
    fn new() -> Self {
        let keys = Keys::new();
        let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"));
        let db = Connection::open_in_memory().expect("a database");
        Self { verifier: verifier.expect("one line"), keys, db }
    }

    fn signed(&self, files: &[(&str, &str)]) -> Migrations {
        self.signed_as(files, |manifest| manifest)
    }

    /// A set whose manifest says more than its files.
    fn signed_as(&self, files: &[(&str, &str)], more: impl FnOnce(Manifest) -> Manifest) -> Migrations {
        let migrations = Migrations::of(files);
        let text = String::from_utf8(migrations.read("whimbrel.sum")).expect("it is text");
        let manifest = more(text.parse().expect("it is a manifest"));
        migrations.write("whimbrel.sum", manifest.to_string().as_bytes());
        migrations.sign(&self.keys.ssh_sign("alice", "whimbrel", &migrations.manifest()));
        migrations
    }

    fn run(&mut self, migrations: &Migrations) -> std::result::Result<Report, Error> {
        self.run_with(migrations, |migrator| migrator)
    }

    fn run_with(
        &mut self,
        migrations: &Migrations,
        policy: impl FnOnce(Migrator<'static>) -> Migrator<'static>,
    ) -> std::result::Result<Report, Error> {
        let migrator = Migrator::new(Directory::new(migrations.path())).with_verifier(self.verifier.clone());
        policy(migrator).run_blocking(&mut self.db)
    }

    /// Everything in the database, so that a refusal is seen to have changed nothing.
    fn dump(&self) -> Vec<String> {
        let mut found = Vec::new();
        for sql in [
            "SELECT name, '' FROM sqlite_schema ORDER BY 1",
            "SELECT seq, event FROM whimbrel_history ORDER BY 1",
        ] {
            let mut statement = self.db.prepare(sql).expect("it is SQL");
            let rows =
                statement.query_map([], |row| Ok(format!("{:?} {:?}", row.get_ref(0)?, row.get_ref(1)?)));
            found.extend(rows.expect("rows").map(|row| row.expect("a row")));
        }
        found
    }
}

fn digest(migrations: &Migrations, version: i64) -> whimbrel::Digest {
    let set = Directory::new(migrations.path()).read("sqlite").expect("it is fine");
    *set.migration(Version::new(version).expect("a version")).expect("it has it").digest()
}

fn kinds(result: &std::result::Result<Report, Error>) -> Vec<FindingKind> {
    match result {
        Ok(report) => panic!("not refused: {report}"),
        Err(error) => error.findings().iter().map(whimbrel::Finding::kind).collect(),
    }
}

#[test]
fn fewer_migrations_are_ahead_and_run_nothing() -> Result {
    let mut story = Story::new();
    let (old, new) = (story.signed(&[ONE, TWO]), story.signed(&[ONE, TWO, THREE]));
    story.run(&old)?;
    story.run(&new)?;
    let before = story.dump();
    assert_eq!(story.run(&old)?.outcome, Outcome::Ahead);
    assert_eq!(story.dump(), before);
    let refused = story.run_with(&old, |migrator| migrator.with_ahead(whimbrel::Ahead::Refuse));
    assert!(refused.is_err());
    Ok(())
}

#[test]
fn an_older_revision_of_a_repeatable_runs_nothing() -> Result {
    let mut story = Story::new();
    let view =
        |column: &str| format!("DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT {column} FROM users;\n");
    let (first, second) = (view("id"), view("id AS number"));
    let old = story.signed(&[ONE, ("R__v.sql", first.as_str())]);
    let new = story.signed(&[ONE, ("R__v.sql", first.as_str())]);
    new.write("R__v.sql", second.as_bytes());
    new.lock();
    new.sign(&story.keys.ssh_sign("alice", "whimbrel", &new.manifest()));
    story.run(&old)?;
    assert_eq!(story.run(&new)?.migrations.len(), 1);
    let before = story.dump();
    assert!(story.run(&old)?.migrations.is_empty());
    assert_eq!(story.dump(), before);
    let column: String =
        story.db.query_row("SELECT name FROM pragma_table_info('v')", [], |row| row.get(0))?;
    assert_eq!(column, "number");
    Ok(())
}

#[test]
fn a_manifest_without_a_later_former_line_runs_nothing() -> Result {
    let mut story = Story::new();
    let old = story.signed(&[ONE, TWO]);
    let changed = ("0002_orders.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY); -- reviewed again\n");
    let former = digest(&old, 2);
    let version = Version::new(2).ok_or("a version")?;
    let new = story.signed_as(&[ONE, changed], |manifest| manifest.with_former(version, former, "a comment"));
    story.run(&old)?;
    story.run(&new)?;
    let before = story.dump();
    assert!(story.run(&old)?.migrations.is_empty());
    assert_eq!(story.dump(), before);
    Ok(())
}

#[test]
fn a_manifest_without_a_later_tombstone_does_not_bring_the_migration_back() -> Result {
    let mut story = Story::new();
    let old = story.signed(&[ONE, TWO]);
    let removed = digest(&old, 2);
    let version = Version::new(2).ok_or("a version")?;
    let new = story
        .signed_as(&[ONE, THREE], |manifest| manifest.with_tombstone(version, removed, "it was dangerous"));
    story.run(&old)?;
    story.run(&new)?;
    let before = story.dump();
    assert!(story.run(&old)?.migrations.is_empty());
    assert_eq!(story.dump(), before);
    Ok(())
}

#[test]
fn a_migration_that_was_withdrawn_before_it_ran_is_late_and_where_that_is_allowed_a_replay() -> Result {
    let mut story = Story::new();
    // 2 was signed, and withdrawn before this database ran it.
    let old = story.signed(&[ONE, TWO, THREE]);
    let new = story.signed(&[ONE, THREE, FOUR]);
    story.run(&new)?;
    let before = story.dump();
    assert_eq!(kinds(&story.run(&old)), [FindingKind::Late]);
    let late = |migrator: Migrator<'static>| migrator.with_out_of_order(OutOfOrder::Apply);
    let replayed = story.run_with(&old, late);
    assert_eq!(kinds(&replayed), [FindingKind::Replay]);
    let text = replayed.map_or_else(|error| error.to_string(), |_| String::new());
    assert!(text.contains("2_orders") && text.contains("newer migrations"), "{text}");
    assert_eq!(story.dump(), before);
    // A manifest that has all of them is none.
    let both = story.signed(&[ONE, TWO, THREE, FOUR]);
    let report = story.run_with(&both, late)?;
    assert_eq!(report.migrations.len(), 1);
    Ok(())
}

#[test]
fn what_was_changed_before_it_ran_elsewhere_is_told_as_changed() -> Result {
    let mut story = Story::new();
    let old = story.signed(&[ONE, TWO]);
    let new =
        story.signed(&[ONE, ("0002_orders.sql", "CREATE TABLE orders (number INTEGER PRIMARY KEY);\n")]);
    story.run(&new)?;
    let before = story.dump();
    assert_eq!(kinds(&story.run(&old)), [FindingKind::Changed]);
    assert_eq!(story.dump(), before);
    Ok(())
}

#[test]
fn what_is_in_force_and_left_out_in_the_middle_is_told_as_unknown() -> Result {
    let mut story = Story::new();
    let old = story.signed(&[ONE, THREE]);
    let new = story.signed(&[ONE, TWO, THREE]);
    story.run(&new)?;
    let before = story.dump();
    assert_eq!(kinds(&story.run(&old)), [FindingKind::Unknown]);
    assert_eq!(story.dump(), before);
    Ok(())
}

#[test]
fn what_was_reverted_is_pending_again_and_refused_unless_that_is_asked_for() -> Result {
    let mut story = Story::new();
    let old = story.signed(&[ONE, TWO, TWO_DOWN]);
    story.run(&old)?;
    let migrator = Migrator::new(Directory::new(old.path())).with_verifier(story.verifier.clone());
    migrator.revert_to_blocking(&mut story.db, Version::new(1))?;
    let before = story.dump();
    assert_eq!(kinds(&story.run(&old)), [FindingKind::Reverted]);
    assert_eq!(story.dump(), before);
    let asked = story.run_with(&old, |migrator| migrator.with_reverted(Reverted::Apply))?;
    assert_eq!(asked.migrations.len(), 1);
    Ok(())
}

#[test]
fn a_former_way_down_is_a_replay() -> Result {
    let mut story = Story::new();
    let old = story.signed(&[ONE, TWO, TWO_DOWN]);
    let mended = ("0002_orders.down.sql", "ALTER TABLE orders RENAME TO orders_before;\n");
    let former = digest(&old, 2);
    let version = Version::new(2).ok_or("a version")?;
    let new = story
        .signed_as(&[ONE, TWO, mended], |manifest| manifest.with_former(version, former, "it lost data"));
    story.run(&old)?;
    story.run(&new)?;
    let before = story.dump();
    let migrator = Migrator::new(Directory::new(old.path())).with_verifier(story.verifier.clone());
    assert_eq!(kinds(&migrator.revert_to_blocking(&mut story.db, Version::new(1))), [FindingKind::Replay]);
    assert_eq!(kinds(&migrator.redo_blocking(&mut story.db)), [FindingKind::Replay]);
    assert_eq!(story.dump(), before);
    let migrator = Migrator::new(Directory::new(new.path())).with_verifier(story.verifier.clone());
    migrator.revert_to_blocking(&mut story.db, Version::new(1))?;
    Ok(())
}

#[test]
fn a_database_that_never_saw_the_newer_manifest_cannot_tell() -> Result {
    let mut story = Story::new();
    // 2 was signed, found wrong before anybody ran it, and is another one now.
    let old = story.signed(&[ONE, TWO]);
    let _new =
        story.signed(&[ONE, ("0002_orders.sql", "CREATE TABLE orders (number INTEGER PRIMARY KEY);\n")]);
    let first = story.signed(&[ONE]);
    story.run(&first)?;
    assert_eq!(story.run(&old)?.migrations.len(), 1);
    Ok(())
}
