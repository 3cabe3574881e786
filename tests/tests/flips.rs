//! Every byte of a signed set flipped, one at a time: in a directory, and in what the compiler has put into a program. In the
//! sources of an embedded set the macro's own tests do it.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use whimbrel::{
    Directory, Error, ErrorKind, Finding, FindingKind, Migration, MigrationSet, Migrator, ScriptFile, SetName,
};
use whimbrel_embed::{Embedded, embed};
use whimbrel_sign::SignatureVerifier;
use whimbrel_sqlite as _;
use whimbrel_testkit::block_on;
use whimbrel_tests::knock::Door;
use whimbrel_tests::memory_folder;

static SIGNED: Embedded = embed!("../crates/whimbrel-sign/tests/fixtures/signed");

const COMMENT: &[u8] = b"untrusted comment: ";

fn verifier() -> SignatureVerifier {
    let signers = include_str!("../../crates/whimbrel-sign/tests/fixtures/allowed_signers");
    let carol = include_str!("../../crates/whimbrel-sign/tests/fixtures/carol.pub");
    SignatureVerifier::new()
        .with_allowed_signers(signers)
        .and_then(|verifier| verifier.with_minisign_key("carol", carol))
        .expect("keys")
        .with_threshold(2)
}

/// The places whose bytes count: all but those of minisign's untrusted comment, which it signs in no form.
fn places(bytes: &[u8]) -> Vec<usize> {
    let comment = bytes.windows(COMMENT.len()).position(|window| window == COMMENT).map(|at| {
        let begin = at + COMMENT.len();
        begin..begin + bytes[begin..].iter().position(|byte| *byte == b'\n').unwrap_or_default()
    });
    (0..bytes.len()).filter(|at| !comment.as_ref().is_some_and(|comment| comment.contains(at))).collect()
}

/// Runs a set with signatures asked for, on what lies behind the door.
fn run(set: &MigrationSet, verifier: &SignatureVerifier, door: &Door) -> Error {
    let migrator = Migrator::new(set).with_verifier(verifier);
    block_on(migrator.run(&mut door.driver())).expect_err("nobody is behind the door")
}

#[test]
fn no_byte_of_a_signed_directory_can_be_flipped_and_nothing_is_connected_to() {
    let (folder, door, verifier) = (memory_folder(), Door::new(), verifier());
    let fixtures =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/whimbrel-sign/tests/fixtures/signed");
    let mut names = Vec::new();
    for entry in fs::read_dir(fixtures).expect("a fixture").flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        names.push(entry.file_name());
    }
    assert_eq!(names.len(), 6, "{names:?}");
    let directory = Directory::new(folder.path());
    let run = || {
        let migrator = Migrator::new(&directory).with_verifier(&verifier);
        block_on(migrator.run(&mut door.driver())).expect_err("nobody is behind the door").kind()
    };
    let mut flipped = 0;
    for name in &names {
        let path = folder.path().join(name);
        let good = fs::read(&path).expect("it is there");
        for at in places(&good) {
            for changed in [good[at] ^ (1 << (at % 8)), good[at] ^ 0x20, !good[at]] {
                let mut bytes = good.clone();
                bytes[at] = changed;
                fs::write(&path, &bytes).expect("written");
                assert_eq!(run(), ErrorKind::Files, "{name:?}: byte {at} is {changed:#04x}");
                flipped += 1;
            }
        }
        fs::write(&path, &good).expect("written");
    }
    assert_eq!(door.count(), 0, "somebody connected");
    println!("{flipped} flips");
    assert!(flipped > 4000, "{flipped}");
    assert_eq!(run(), ErrorKind::Retry, "as it was, it is taken to the database");
    assert!(door.count() > 0);
}

/// The constants of an embedded set.
struct Constants {
    versioned: Vec<Migration>,
    repeatables: Vec<Migration>,
    head: [u8; 32],
    digest: [u8; 32],
    manifest: Option<String>,
    signature: Vec<u8>,
}

impl Constants {
    fn of(set: &MigrationSet) -> Self {
        Self {
            versioned: set.versioned().to_vec(),
            repeatables: set.repeatables().to_vec(),
            head: *set.head().as_bytes(),
            digest: *set.repeatables_digest().as_bytes(),
            manifest: set.manifest_text().map(Cow::into_owned),
            signature: set.signature().unwrap_or_default().to_vec(),
        }
    }

    /// The set, by the constructor that the macro's code leads to.
    fn set(self) -> MigrationSet {
        let set = MigrationSet::baked(
            SetName::baked("app"),
            self.versioned.leak(),
            self.repeatables.leak(),
            self.head,
            self.digest,
            self.manifest.map(|text| &*text.leak()),
            0,
        );
        set.with_signature(self.signature)
    }

    /// One of its migrations; the repeatables come last.
    fn migration(&mut self, index: usize) -> &mut Migration {
        self.versioned.iter_mut().chain(&mut self.repeatables).nth(index).expect("it is there")
    }
}

/// A script in a program.
struct Part {
    text: String,
    digest: [u8; 32],
}

/// The migration with something changed in one of its files, or in its digest.
fn changed(
    old: &Migration,
    down: bool,
    change_part: impl FnOnce(&mut Part),
    change_digest: impl FnOnce(&mut [u8; 32]),
) -> Migration {
    let file = if down { old.down().expect("a way down") } else { old.up() };
    let mut part = Part { text: file.text().to_owned(), digest: *file.digest().as_bytes() };
    change_part(&mut part);
    let path: &'static str = file.path().to_owned().leak();
    let file = ScriptFile::baked("migrations", path, part.text.leak(), part.digest);
    let mut digest = *old.digest().as_bytes();
    change_digest(&mut digest);
    let name: &'static str = old.name().to_owned().leak();
    let (up, down) = match down {
        true => (old.up().clone(), Some(file)),
        false => (file, old.down().cloned()),
    };
    Migration::baked(old.key(), name, old.kind(), up, down, digest)
}

/// Each script of a set: the number of its migration, and whether it is the way down.
fn scripts(set: &MigrationSet) -> Vec<(usize, bool)> {
    let ways = |(index, migration): (usize, &Migration)| {
        [Some((index, false)), migration.down().map(|_| (index, true))].into_iter().flatten()
    };
    set.iter().enumerate().flat_map(ways).collect()
}

fn flip(bytes: &mut [u8; 32], at: usize) {
    bytes[at] ^= 1 << (at % 8);
}

#[test]
fn no_byte_of_an_embedded_set_can_be_flipped_and_nothing_is_connected_to() {
    let (good, door, verifier) = (SIGNED.set("sqlite").expect("a set"), Door::new(), verifier());
    let refused = |what: String, change: &dyn Fn(&mut Constants)| {
        let mut constants = Constants::of(&good);
        change(&mut constants);
        let error = run(&constants.set(), &verifier, &door);
        assert_eq!(error.kind(), ErrorKind::Files, "{what}: {error:#}");
    };
    for at in places(good.signature().expect("it is signed")) {
        for bit in [at % 8, (at + 3) % 8] {
            refused(format!("signature, byte {at}"), &|constants| constants.signature[at] ^= 1 << bit);
        }
    }
    let manifest = good.manifest_text().expect("it is locked").into_owned();
    for at in 0..manifest.len() {
        refused(format!("manifest, byte {at}"), &|constants| {
            // The compiler's constant is UTF-8, so is this.
            let mut bytes = manifest.clone().into_bytes();
            bytes[at] ^= 1 << (at % 7);
            constants.manifest = String::from_utf8(bytes).ok();
        });
    }
    for at in 0..32 {
        refused(format!("head, byte {at}"), &|constants| flip(&mut constants.head, at));
        refused(format!("repeatables, byte {at}"), &|constants| flip(&mut constants.digest, at));
        for (index, down) in scripts(&good) {
            refused(format!("digest of a script of migration {index}, byte {at}"), &|constants| {
                let old = constants.migration(index);
                *old = changed(old, down, |part| flip(&mut part.digest, at), |_| ());
            });
        }
    }
    assert_eq!(door.count(), 0, "somebody connected");
    assert_eq!(run(&good, &verifier, &door).kind(), ErrorKind::Retry);
    assert!(door.count() > 0);
}

#[test]
fn no_byte_of_a_script_in_the_program_can_be_flipped_before_it_is_executed() {
    let good = SIGNED.set("sqlite").expect("a set");
    let mut flipped = 0;
    for (index, down) in scripts(&good) {
        let migration = good.iter().nth(index).expect("it is there");
        // Only what has a way down throughout can be led back; that is the second one, alone.
        let file = if down { migration.down().expect("a way down") } else { migration.up() };
        for at in 0..file.text().len() {
            let mut constants = Constants::of(&good);
            let old = constants.migration(index);
            let text = |part: &mut Part| {
                let mut bytes = std::mem::take(&mut part.text).into_bytes();
                bytes[at] ^= 1 << (at % 7);
                part.text = String::from_utf8(bytes).expect("ASCII");
            };
            *old = changed(old, down, text, |_| ());
            let set = constants.set();
            let mut db = Connection::open_in_memory().expect("memory");
            let migrator = Migrator::new(&set);
            let what = format!("{}, byte {at}", file.path());
            let error = if down {
                // The ways up are as they were.
                migrator.run_blocking(&mut db).unwrap_or_else(|error| panic!("{what}: {error:#}"));
                let first = good.versioned()[0].version();
                migrator.revert_to_blocking(&mut db, first).expect_err(&what)
            } else {
                migrator.run_blocking(&mut db).expect_err(&what)
            };
            let kinds: Vec<FindingKind> = error.findings().iter().map(Finding::kind).collect();
            // What is no script any more is told as that; an embedded one is looked at when it is to run.
            let known = [FindingKind::Tampered, FindingKind::Script, FindingKind::Directive];
            assert!(!kinds.is_empty() && kinds.iter().all(|kind| known.contains(kind)), "{what}: {error:#}");
            // Neither the script was executed, nor one before it in the same plan.
            let columns: i64 = db
                .query_row("SELECT count(*) FROM pragma_table_info('books')", (), |row| row.get(0))
                .expect("a count");
            assert_eq!(columns, if down { 3 } else { 0 }, "{what}");
            flipped += 1;
        }
    }
    // The digest of a migration follows from those of its files; that is looked at before any is executed.
    for (index, down) in scripts(&good) {
        for at in 0..32 {
            let mut constants = Constants::of(&good);
            let old = constants.migration(index);
            *old = changed(old, down, |_| (), |digest| flip(digest, at));
            let mut db = Connection::open_in_memory().expect("memory");
            let error =
                Migrator::new(constants.set()).run_blocking(&mut db).expect_err("a digest was flipped");
            assert_eq!(error.kind(), ErrorKind::Files, "migration {index}, byte {at}: {error:#}");
            let tables: i64 =
                db.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).expect("a count");
            assert_eq!(tables, 0, "migration {index}, byte {at}");
        }
    }
    assert!(flipped > 150, "{flipped}");
}
