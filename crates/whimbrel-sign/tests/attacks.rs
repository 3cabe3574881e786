//! What somebody may do who can write every file of a set, and has no key: each is refused before the driver is called.

mod programs;

use whimbrel::{Directory, FindingKind, Migrator, SetName};
use whimbrel_sign::SignatureVerifier;
use whimbrel_testkit::{Counting, Fake};

use crate::programs::{Keys, Migrations};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Every other byte that a byte becomes in these tests: one bit of it turned, or all of them.
fn flips(byte: u8) -> impl Iterator<Item = u8> {
    (0..8).map(move |bit| byte ^ (1 << bit)).chain([!byte])
}

/// Flips each byte of a file, one at a time, but for those of a range; returns how many were refused.
fn flip_all(
    migrations: &Migrations,
    verifier: &SignatureVerifier,
    name: &str,
    unsigned: std::ops::Range<usize>,
) -> usize {
    let good = migrations.read(name);
    let mut bytes = good.clone();
    let mut refused = 0;
    for at in (0..good.len()).filter(|at| !unsigned.contains(at)) {
        for flipped in flips(good[at]) {
            bytes[at] = flipped;
            migrations.write(name, &bytes);
            let result = migrations.run(verifier);
            assert!(result.is_err(), "{name}: byte {at} was {:#04x} and is {flipped:#04x}", good[at]);
            refused += 1;
        }
        bytes[at] = good[at];
    }
    migrations.write(name, &good);
    assert!(migrations.run(verifier).is_ok(), "{name} is as it was");
    refused
}

#[test]
fn every_byte_of_manifest_ssh_signature_and_scripts_counts() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    migrations.sign(&keys.ssh_sign("alice", "whimbrel", &migrations.manifest()));
    let mut bytes = 0;
    for name in [
        "whimbrel.sum",
        "whimbrel.sum.sig",
        "0001_users.sql",
        "0002_orders.sql",
        "0002_orders.down.sql",
        "R__totals.sql",
    ] {
        bytes += flip_all(&migrations, &verifier, name, 0..0);
    }
    assert!(bytes > 9 * 1000, "{bytes}");
    Ok(())
}

#[test]
fn every_byte_of_a_minisign_signature_counts_but_its_untrusted_comment() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_minisign_key("carol", &keys.minisign("carol"))?;
    for arguments in [&[][..], &["-l"]] {
        let signature = keys.minisign_sign("carol", &migrations.manifest(), arguments);
        migrations.sign(&signature);
        let comment = "untrusted comment: ".len()..signature.find('\n').ok_or("a line")?;
        flip_all(&migrations, &verifier, "whimbrel.sum.sig", comment.clone());
        // Minisign signs no byte of that comment, and nothing reads it.
        let mut other = signature.into_bytes();
        other[comment].fill(b'x');
        migrations.write("whimbrel.sum.sig", &other);
        migrations.run(&verifier)?;
    }
    flip_all(&migrations, &verifier, "whimbrel.sum", 0..0);
    Ok(())
}

#[test]
fn with_two_signers_needed_every_byte_of_either_signature_counts() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let signers = keys.ssh_signer("alice") + &keys.ssh_signer("bob");
    let verifier = SignatureVerifier::new().with_allowed_signers(&signers)?.with_threshold(2);
    let sign = |name: &str| keys.ssh_sign(name, "whimbrel", &migrations.manifest());
    migrations.sign(&format!("{}{}", sign("alice"), sign("bob")));
    flip_all(&migrations, &verifier, "whimbrel.sum.sig", 0..0);
    Ok(())
}

#[test]
fn a_signature_that_is_cut_short_or_continued_is_refused() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new()
        .with_allowed_signers(&keys.ssh_signer("alice"))?
        .with_minisign_key("carol", &keys.minisign("carol"))?
        .with_threshold(2);
    let alice = keys.ssh_sign("alice", "whimbrel", &migrations.manifest());
    let whole = alice + &keys.minisign_sign("carol", &migrations.manifest(), &[]);
    // The last line's end may be missing, as editors have it.
    for end in 0..whole.len() - 1 {
        migrations.sign(&whole[..end]);
        assert!(migrations.run(&verifier).is_err(), "{end}");
    }
    for more in [" ", "x", "\n \n", "\r", "\0", "-----BEGIN SSH SIGNATURE-----\n", "untrusted comment: x\n"] {
        migrations.sign(&format!("{whole}{more}"));
        assert!(migrations.run(&verifier).is_err(), "{more:?}");
    }
    for same in
        [whole.clone(), whole.trim_end().to_owned(), format!("\n\n{whole}\n"), whole.replace('\n', "\r\n")]
    {
        migrations.sign(&same);
        migrations.run(&verifier)?;
    }
    Ok(())
}

#[test]
fn lines_dropped_added_or_in_another_order_are_refused() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    let digest = format!("b3v1:{}", "0".repeat(64));
    let reviewed = String::from_utf8(migrations.read("whimbrel.sum"))?;
    let reviewed = reviewed.replace(
        "repeatables",
        &format!("former 1 {digest} it was wrong\ntombstone 9 {digest} it was dangerous\nrepeatables"),
    );
    migrations.write("whimbrel.sum", reviewed.as_bytes());
    migrations.sign(&keys.ssh_sign("alice", "whimbrel", &migrations.manifest()));
    migrations.run(&verifier)?;
    let lines: Vec<&str> = reviewed.lines().collect();
    let refuse = |lines: &[&str], what: &str| {
        migrations.write("whimbrel.sum", (lines.join("\n") + "\n").as_bytes());
        assert!(migrations.run(&verifier).is_err(), "{what}");
    };
    for at in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        refuse(&fewer, &format!("line {at} dropped"));
        for to in 0..lines.len() {
            let mut others = lines.clone();
            others.swap(at, to);
            if at != to {
                refuse(&others, &format!("lines {at} and {to} exchanged"));
            }
        }
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        refuse(&twice, &format!("line {at} twice"));
    }
    // These say nothing, and a manifest may have them: but these are not the bytes that were signed.
    for (at, more) in [(1, "# a comment"), (1, ""), (lines.len(), ""), (lines.len(), "# the end")] {
        let mut others = lines.clone();
        others.insert(at, more);
        refuse(&others, more);
    }
    let former = format!("former 2 {digest} accepted by nobody");
    let mut others = lines.clone();
    others.insert(lines.len() - 2, &former);
    refuse(&others, "a former added");
    migrations.write("whimbrel.sum", reviewed.replace('\n', "\r\n").as_bytes());
    assert!(migrations.refused(&verifier).contains("whimbrel.sum -text"), "line ends of another system");
    migrations.write("whimbrel.sum", reviewed.as_bytes());
    migrations.run(&verifier)?;
    Ok(())
}

#[test]
fn whoever_locks_again_needs_a_key_that_counts() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let signers = keys.ssh_signer("alice") + &keys.ssh_signer("bob");
    let verifier = SignatureVerifier::new().with_allowed_signers(&signers)?;
    keys.ssh("mallory");
    migrations.sign(&keys.ssh_sign("alice", "whimbrel", &migrations.manifest()));
    migrations.run(&verifier)?;

    migrations.write("0003_drop.sql", b"DROP TABLE users;\n");
    assert!(migrations.run(&verifier).is_err(), "not even locked");
    migrations.lock();
    assert!(migrations.refused(&verifier).contains("is over other bytes than the manifest's"));
    migrations.sign(&keys.ssh_sign("mallory", "whimbrel", &migrations.manifest()));
    assert!(migrations.refused(&verifier).contains("which nobody named"));
    migrations.sign(&keys.ssh_sign("bob", "whimbrel", &migrations.manifest()));
    assert!(migrations.run(&verifier.clone().with_threshold(2)).is_err());
    migrations.run(&verifier)?;
    Ok(())
}

#[test]
fn without_a_manifest_nothing_is_signed_whatever_lies_beside_it() -> Result {
    let (keys, migrations) = (Keys::new(), Migrations::new());
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    migrations.sign(&keys.ssh_sign("alice", "whimbrel", &migrations.manifest()));
    std::fs::remove_file(migrations.manifest())?;
    assert!(migrations.refused(&verifier).contains("only a manifest can be signed"));
    let mut db = Counting::new(Fake::new());
    let unlocked = Directory::new(migrations.path()).unlocked();
    let error = Migrator::new(unlocked).with_verifier(&verifier).run_blocking(&mut db).expect_err("refused");
    assert_eq!(
        error.findings().iter().map(whimbrel::Finding::kind).collect::<Vec<_>>(),
        [FindingKind::Signature]
    );
    assert_eq!(db.counts().calls(), 0);
    Ok(())
}

#[test]
fn each_of_several_sets_needs_a_signature_of_its_own() -> Result {
    let keys = Keys::new();
    let verifier = SignatureVerifier::new().with_allowed_signers(&keys.ssh_signer("alice"))?;
    let app = Migrations::new();
    app.sign(&keys.ssh_sign("alice", "whimbrel", &app.manifest()));
    let jobs = Migrations::of(&[("0001_jobs.sql", "CREATE TABLE jobs (id INTEGER PRIMARY KEY);\n")]);
    let named = String::from_utf8(jobs.read("whimbrel.sum"))?;
    let jobs_name = SetName::new("jobs")?;
    let set = Directory::new(jobs.path()).read("fake")?;
    let set =
        whimbrel::MigrationSet::new(jobs_name.clone(), set.iter().cloned().collect()).expect("no duplicates");
    assert_ne!(named, whimbrel::Manifest::lock(&set, None).0.to_string());
    jobs.write("whimbrel.sum", whimbrel::Manifest::lock(&set, None).0.to_string().as_bytes());

    let run = |first: &Migrations| {
        let mut db = Counting::new(Fake::new());
        let result = Migrator::new(Directory::new(first.path()))
            .and(Directory::new(jobs.path()))
            .with_verifier(&verifier)
            .run_blocking(&mut db);
        assert!(result.is_ok() || db.counts().calls() == 0);
        result
    };
    let error = run(&app).expect_err("jobs is not signed");
    assert_eq!(error.findings().iter().map(|finding| finding.set().as_str()).collect::<Vec<_>>(), ["jobs"]);
    jobs.sign(&String::from_utf8(app.read("whimbrel.sum.sig"))?);
    assert!(run(&app).is_err(), "the other set's signature");
    jobs.sign(&keys.ssh_sign("alice", "whimbrel", &jobs.manifest()));
    assert_eq!(run(&app)?.migrations.len(), 4);

    // A signed set in the place of another one: it is the application that says which one belongs there.
    let mut db = Counting::new(Fake::new());
    let swapped = Directory::new(jobs.path()).with_set(SetName::APP);
    let error =
        Migrator::new(swapped).with_verifier(&verifier).run_blocking(&mut db).expect_err("it is jobs");
    assert!(error.to_string().contains("it is for the set `jobs`"), "{error}");
    assert_eq!(db.counts().calls(), 0);
    Ok(())
}
