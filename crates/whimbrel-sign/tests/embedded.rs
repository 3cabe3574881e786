//! Sets that are embedded with their signatures: what the compiler put in is checked before the driver is called.

mod programs;

use std::borrow::Cow;

use whimbrel::{FindingKind, Key, Manifest, MigrationSet, Migrator, SetName};
use whimbrel_embed::{Embedded, embed};
use whimbrel_sign::SignatureVerifier;
use whimbrel_sqlite as _;
use whimbrel_testkit::{Counting, Fake};

use crate::programs::Keys;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

static SIGNED: Embedded = embed!("tests/fixtures/signed");
/// Locked again after it was signed.
static STALE: Embedded = embed!("tests/fixtures/stale");

fn verifier() -> whimbrel::Result<SignatureVerifier> {
    SignatureVerifier::new()
        .with_allowed_signers(include_str!("fixtures/allowed_signers"))?
        .with_minisign_key("carol", include_str!("fixtures/carol.pub"))
}

/// The kinds of what a set is refused for, before the driver is called; none if it is not.
fn refused(set: &MigrationSet, verifier: &SignatureVerifier) -> Vec<FindingKind> {
    let mut db = Counting::new(Fake::new());
    match Migrator::new(set).with_verifier(verifier).check_blocking(&mut db) {
        Err(error) if !error.findings().is_empty() => {
            assert_eq!(db.counts().calls(), 0, "{error:#}");
            error.findings().iter().map(whimbrel::Finding::kind).collect()
        }
        _ => {
            assert!(db.counts().calls() > 0);
            Vec::new()
        }
    }
}

#[test]
fn a_signed_embedded_set_runs() -> Result {
    let mut db = rusqlite::Connection::open_in_memory()?;
    let verifier = verifier()?.with_threshold(2);
    let run = |db: &mut _| Migrator::new(&SIGNED).with_verifier(&verifier).run_blocking(db);
    assert_eq!(run(&mut db)?.migrations.len(), 3);
    assert!(run(&mut db)?.migrations.is_empty());
    Ok(())
}

#[test]
fn a_set_that_was_locked_again_after_it_was_signed_is_refused_when_it_is_run() -> Result {
    let set = STALE.set("fake")?;
    // Both signatures are over other bytes, and so none is good.
    assert_eq!(refused(&set, &verifier()?), [FindingKind::Signature; 3]);
    Ok(())
}

#[test]
fn signatures_of_the_fixtures_are_verified_as_they_were_made() -> Result {
    let set = SIGNED.set("fake")?;
    assert_eq!(refused(&set, &verifier()?.with_threshold(2)), []);
    let legacy = set.clone().with_signature(include_bytes!("fixtures/legacy.sig"));
    assert_eq!(refused(&legacy, &verifier()?), []);
    assert_eq!(refused(&legacy, &verifier()?.with_threshold(2)), [FindingKind::Signature]);
    Ok(())
}

#[test]
fn an_embedded_set_without_a_manifest_or_a_signature_is_refused() -> Result {
    let unlocked = damaged(|constants| constants.manifest = None)?;
    assert_eq!(refused(&unlocked, &verifier()?), [FindingKind::Signature]);
    let set = damaged(|_| ())?;
    let constants: [u8; 32] = *set.head().as_bytes();
    let unsigned = MigrationSet::baked(
        SetName::APP,
        set.versioned().to_vec().leak(),
        set.repeatables().to_vec().leak(),
        constants,
        *set.repeatables_digest().as_bytes(),
        set.manifest_text().map(|text| &*text.into_owned().leak()),
        0,
    );
    assert_eq!(refused(&unsigned, &verifier()?), [FindingKind::Signature]);
    Ok(())
}

#[test]
fn every_byte_of_an_embedded_signature_counts() -> Result {
    let (set, verifier) = (SIGNED.set("fake")?, verifier()?.with_threshold(2));
    let good = set.signature().ok_or("it is signed")?.to_vec();
    let comment = "untrusted comment: ";
    let begin = std::str::from_utf8(&good)?.find(comment).ok_or("minisign's")? + comment.len();
    let length = good[begin..].iter().position(|byte| *byte == b'\n').ok_or("a line")?;
    for at in (0..good.len()).filter(|at| !(begin..begin + length).contains(at)) {
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << bit;
            let kinds = refused(&set.clone().with_signature(flipped), &verifier);
            assert!(kinds.contains(&FindingKind::Signature), "byte {at}, bit {bit}");
        }
    }
    Ok(())
}

/// An embedded set whose constants are not what the compiler made of the manifest.
fn damaged(change: impl FnOnce(&mut Constants)) -> Result2<MigrationSet> {
    let set = SIGNED.set("fake")?;
    let mut constants = Constants {
        name: "app",
        versioned: set.versioned().to_vec(),
        repeatables: set.repeatables().to_vec(),
        head: *set.head().as_bytes(),
        repeatables_digest: *set.repeatables_digest().as_bytes(),
        manifest: set.manifest_text().map(Cow::into_owned),
    };
    change(&mut constants);
    let damaged = MigrationSet::baked(
        SetName::baked(constants.name),
        constants.versioned.leak(),
        constants.repeatables.leak(),
        constants.head,
        constants.repeatables_digest,
        constants.manifest.map(|text| &*text.leak()),
        0,
    );
    Ok(match set.signature() {
        Some(signature) => damaged.with_signature(signature.to_vec()),
        None => damaged,
    })
}

type Result2<T> = std::result::Result<T, Box<dyn std::error::Error>>;

struct Constants {
    name: &'static str,
    versioned: Vec<whimbrel::Migration>,
    repeatables: Vec<whimbrel::Migration>,
    head: [u8; 32],
    repeatables_digest: [u8; 32],
    manifest: Option<String>,
}

/// What may be damaged of them.
const CHANGES: [fn(&mut Constants); 7] = [
    |constants| constants.name = "jobs",
    |constants| constants.versioned.truncate(1),
    |constants| constants.repeatables.clear(),
    |constants| constants.head[7] ^= 4,
    |constants| constants.repeatables_digest[7] ^= 4,
    |constants| {
        let old = &constants.repeatables[0];
        let (key, digest) = (Key::Repeatable { revision: 2 }, *old.digest().as_bytes());
        constants.repeatables[0] =
            whimbrel::Migration::baked(key, "titles", old.kind(), old.up().clone(), None, digest);
    },
    |constants| {
        let more = constants.versioned[0].clone();
        constants.versioned.push(more);
    },
];

#[test]
fn constants_that_do_not_follow_from_the_signed_manifest_are_refused() -> Result {
    let verifier = verifier()?;
    assert_eq!(refused(&damaged(|_| ())?, &verifier), []);
    let flip = |bytes: &mut [u8; 32]| bytes[7] ^= 4;
    for (index, change) in CHANGES.into_iter().enumerate() {
        let kinds = refused(&damaged(change)?, &verifier);
        assert!(kinds.contains(&FindingKind::Tampered), "{index}: {kinds:?}");
    }
    // A file's digest, in the constants of the program.
    let file = |set: &MigrationSet| set.versioned()[0].up().clone();
    let (path, mut digest) = (file(&SIGNED.set("fake")?), *file(&SIGNED.set("fake")?).digest().as_bytes());
    flip(&mut digest);
    let text: &'static str = path.text().to_owned().leak();
    let up = whimbrel::ScriptFile::baked("migrations", "0001_books.sql", text, digest);
    let kinds = refused(
        &damaged(|constants| {
            let old = &constants.versioned[0];
            let digest = *old.digest().as_bytes();
            constants.versioned[0] =
                whimbrel::Migration::baked(old.key(), "books", old.kind(), up, None, digest);
        })?,
        &verifier,
    );
    assert_eq!(kinds, [FindingKind::Tampered]);
    Ok(())
}

#[test]
fn a_manifest_in_another_order_is_verified_all_the_same() -> Result {
    let keys = Keys::new();
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    let text = SIGNED.set("fake")?.manifest_text().map(Cow::into_owned).ok_or("it has one")?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(1, "# reviewed by two");
    let last = lines.len() - 1;
    lines.swap(3, last);
    let edited = lines.join("\n");
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &edited)?;
    let signature = keys.ssh_sign("alice", "whimbrel", file.path()).into_bytes();
    let set = |change: fn(&mut Constants)| -> Result2<MigrationSet> {
        let set = damaged(|constants| {
            constants.manifest = Some(edited.clone());
            change(constants);
        })?;
        Ok(set.with_signature(signature.clone()))
    };
    assert_eq!(refused(&set(|_| ())?, &verifier), []);
    for change in CHANGES {
        let kinds = refused(&set(change)?, &verifier);
        assert!(kinds.contains(&FindingKind::Tampered), "{kinds:?}");
    }
    Ok(())
}

#[test]
fn every_byte_of_an_embedded_manifest_counts() -> Result {
    let verifier = verifier()?;
    let good = SIGNED.set("fake")?.manifest_text().map(Cow::into_owned).ok_or("it has one")?;
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        let text = String::from_utf8(bytes)?;
        let kinds = refused(&damaged(|constants| constants.manifest = Some(text))?, &verifier);
        assert!(kinds.contains(&FindingKind::Signature), "byte {at}");
    }
    Ok(())
}

#[test]
fn a_script_changed_inside_the_binary_is_refused_before_it_is_executed() -> Result {
    let mut db = rusqlite::Connection::open_in_memory()?;
    let up = SIGNED.set("sqlite")?.versioned()[1].up().clone();
    let text: &'static str = up.text().replace("author", "editor").leak();
    let changed =
        whimbrel::ScriptFile::baked("migrations", "0002_authors.sql", text, *up.digest().as_bytes());
    let set = damaged(|constants| {
        let old = &constants.versioned[1];
        let digest = *old.digest().as_bytes();
        constants.versioned[1] = whimbrel::Migration::baked(
            old.key(),
            "authors",
            old.kind(),
            changed,
            old.down().cloned(),
            digest,
        );
    })?;
    let error =
        Migrator::new(&set).with_verifier(verifier()?).run_blocking(&mut db).expect_err("it was changed");
    assert_eq!(
        error.findings().iter().map(whimbrel::Finding::kind).collect::<Vec<_>>(),
        [FindingKind::Tampered]
    );
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    assert_eq!(tables, 0);
    Ok(())
}

#[test]
fn another_manifest_put_into_an_embedded_set_is_refused() -> Result {
    let set = SIGNED.set("fake")?;
    let (other, _) = Manifest::lock(&STALE.set("fake")?, None);
    assert!(refused(&set.clone().with_manifest(other), &verifier()?).contains(&FindingKind::Signature));
    // With the signature of that one, it is not the manifest of these files.
    let unsigned = set.clone().unlocked().with_signature(b"".as_slice());
    assert_eq!(refused(&unsigned, &verifier()?), [FindingKind::Signature]);
    Ok(())
}
