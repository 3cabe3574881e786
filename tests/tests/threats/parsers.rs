//! Row 24: whatever reads text from outside, given texts that were damaged. The damage is the same in each run.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use whimbrel::script::{Lexing, Script};
use whimbrel::{
    DatabaseUrl, Digest, Directives, Directory, Manifest, Memory, Migrator, TableName, canonical_text, layout,
};
use whimbrel_sign::SignatureVerifier;
use whimbrel_sqlite as _;
use whimbrel_testkit::{Fake, block_on};
use whimbrel_tests::chance::Chance;

/// What is put in: delimiters of every format that is read, and bytes that are none.
const PIECES: [&[u8]; 28] = [
    b"'",
    b"\"",
    b"`",
    b";",
    b"--",
    b"/*",
    b"*/",
    b"$$",
    b"$a$",
    b"\\",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xc3",
    b"%",
    b"@",
    b":",
    b"/",
    b"?",
    b"=",
    b"#",
    b" ",
    b"99999999999999999999",
    b"b3v1:",
    b"DELIMITER",
    b"BEGIN",
    b"\xf0\x9f\x90\xa6",
];

/// A text after so many changes at places by chance.
fn damaged(text: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..=chance.below(4) {
        let at = usize::try_from(chance.below(bytes.len() as u64 + 1)).expect("an index");
        let piece = PIECES[usize::try_from(chance.below(PIECES.len() as u64)).expect("an index")];
        let end = (at + usize::try_from(chance.below(9)).expect("small")).min(bytes.len());
        match chance.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => drop(bytes.splice(at..at, piece.iter().copied())),
        }
    }
    bytes
}

/// As [`damage`]; it has to happen that one is taken, and that one is refused.
fn fuzz(what: &str, corpus: &[Vec<u8>], times: u64, read: impl FnMut(&[u8]) -> bool) {
    let (taken, refused) = damage(what, corpus, times, read);
    assert!(taken > 0 && refused > 0, "{what}: {taken} taken, {refused} refused");
}

/// Damages each text of a corpus so many times; `read` says whether it was taken. Answers how many were, and were not.
fn damage(what: &str, corpus: &[Vec<u8>], times: u64, mut read: impl FnMut(&[u8]) -> bool) -> (u32, u32) {
    assert!(!corpus.is_empty(), "{what}: nothing to damage");
    let mut chance = Chance::from_seed(24);
    let (mut taken, mut refused) = (0_u32, 0_u32);
    for text in corpus {
        read(text);
        for _ in 0..times {
            match read(&damaged(text, &mut chance)) {
                true => taken += 1,
                false => refused += 1,
            }
        }
    }
    println!("{what}: {} texts, {taken} taken, {refused} refused", corpus.len());
    (taken, refused)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Each case of the splitter's corpus of a dialect, marks and all.
fn scripts(dialect: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(dialect);
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).expect("the corpus").flatten() {
        let text = fs::read_to_string(entry.path()).expect("text");
        cases.extend(text.split("==== ").skip(1).map(|case| case.as_bytes().to_vec()));
    }
    cases.sort();
    cases
}

#[test]
fn threat_24_no_text_that_was_damaged_makes_a_parser_panic_hang_or_take_what_it_cannot_mean() {
    for (dialect, lexing) in [
        ("sqlite", Lexing::SQLITE),
        ("postgres", Lexing::POSTGRES),
        ("mysql", Lexing::MYSQL),
        ("mysql", Lexing::MARIADB),
    ] {
        fuzz(&format!("scripts of {dialect}"), &scripts(dialect), 60, |bytes| {
            let Ok(text) = canonical_text(bytes.to_vec()) else { return false };
            let Ok(script) = Script::parse(&text, &lexing) else { return false };
            // The pieces stand in the script, one behind the other.
            let mut end = 0;
            for statement in script.statements() {
                let at = text[end..].find(statement.text()).expect("a statement is a piece of its script");
                end += at + statement.text().len();
            }
            Directives::read(&script).is_ok()
        });
    }
    let directives: Vec<Vec<u8>> = [
        "-- whimbrel: no-transaction\nVACUUM;",
        "-- whimbrel: foreign_keys=off\n-- whimbrel: lock_timeout=7s\nSELECT 1;",
        "-- whimbrel: statement_timeout=250ms\nSELECT 1;",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    fuzz("directives", &directives, 3000, |bytes| {
        let Some(text) = text(bytes) else { return false };
        Script::parse(text, &Lexing::SQLITE)
            .is_ok_and(|script| !script.directives().is_empty() && Directives::read(&script).is_ok())
    });

    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/whimbrel-sign/tests/fixtures");
    let fixture = |name: &str| fs::read(fixtures.join(name)).expect("a fixture");
    let digest = "b3v1:".to_owned() + &"7".repeat(64);
    let sum = String::from_utf8(fixture("signed/whimbrel.sum")).expect("text");
    let more = sum
        .replace("repeatables", &format!("former 1 {digest} wrong\ntombstone 9 {digest} gone\nrepeatables"));
    fuzz("manifests", &[sum.clone().into_bytes(), more.into_bytes()], 4000, |bytes| {
        let Some(manifest) = text(bytes).and_then(|text| text.parse::<Manifest>().ok()) else { return false };
        // What is taken means what is written back.
        assert_eq!(manifest.to_string().parse::<Manifest>().ok().as_ref(), Some(&manifest));
        true
    });
    fuzz("digests", &[digest.into_bytes()], 4000, |bytes| {
        let Some(digest) = text(bytes).and_then(|text| text.parse::<Digest>().ok()) else { return false };
        assert_eq!(Some(digest.to_string().as_str()), text(bytes));
        true
    });
    let names: Vec<Vec<u8>> = ["0042_add_email.up.sql", "0001_a.down.sql", "R__totals.sql", "0002_fill.rust"]
        .map(|name| name.as_bytes().to_vec())
        .to_vec();
    fuzz("files' names", &names, 2000, |bytes| {
        text(bytes).is_some_and(|name| !layout::is_ignored(name) && layout::parse_file_name(name).is_ok())
    });
    fuzz("tables' names", &[b"ops.whimbrel_history".to_vec()], 4000, |bytes| {
        let Some(name) = text(bytes).filter(|name| TableName::new(name).is_ok()) else { return false };
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'),
            "{name}"
        );
        true
    });

    let urls: Vec<Vec<u8>> = [
        "postgres://app:xMARKERx@db.example.com:5432/shop?sslmode=verify-full&connect_timeout=5",
        "mysql://app:MARKER@[2001:db8::1]:3306/shop?ssl-mode=REQUIRED&ssl-ca=/ca.pem",
        "postgres:///shop?host=/run/postgresql&user=app&password=MARKER",
        "sqlite:///var/lib/app.db?mode=ro",
    ]
    .map(|url| url.as_bytes().to_vec())
    .to_vec();
    fuzz("URLs", &urls, 3000, |bytes| {
        let Some(url) = text(bytes) else { return false };
        match DatabaseUrl::parse(url) {
            Ok(url) => {
                let shown = url.to_string();
                assert!(DatabaseUrl::parse(&shown).is_ok() || shown.contains("***"), "{shown}");
                true
            }
            Err(error) => {
                assert!(!format!("{error} {error:?}").contains("MARKER"), "{url}: {error}");
                false
            }
        }
    });

    fuzz("signers", &[fixture("allowed_signers")], 2000, |bytes| {
        text(bytes).is_some_and(|text| SignatureVerifier::new().with_allowed_signers(text).is_ok())
    });
    let verifier = SignatureVerifier::new()
        .with_allowed_signers(text(&fixture("allowed_signers")).expect("text"))
        .and_then(|verifier| verifier.with_minisign_key("carol", text(&fixture("carol.pub")).expect("text")))
        .expect("keys");
    let set = Directory::new(fixtures.join("signed")).read("none").expect("a signed set");
    fuzz("signatures", &[fixture("signed/whimbrel.sum.sig"), fixture("legacy.sig")], 400, |bytes| {
        let set = set.clone().with_signature(bytes.to_vec());
        block_on(Migrator::new(set).with_verifier(&verifier).status(&mut Fake::new())).is_ok()
    });

    // What the history says of itself: whatever stands in it, it is read or refused.
    let migrations = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
    let migrator =
        Migrator::new(&migrations).with_environment("test").with_application("shop", "1").with_reason("why");
    let mut db = Connection::open_in_memory().expect("memory");
    migrator.run_blocking(&mut db).expect("an empty database");
    for column in ["detail", "who", "digest", "head", "at", "event", "previous"] {
        let values = db
            .prepare(&format!("SELECT seq, {column} FROM whimbrel_history WHERE {column} IS NOT NULL"))
            .and_then(|mut query| {
                query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()
            })
            .expect("rows");
        let values: Vec<(i64, String)> = values;
        for (seq, value) in values {
            let (_, refused) =
                damage(&format!("{column} of row {seq}"), &[value.clone().into_bytes()], 60, |bytes| {
                    let Some(text) = text(bytes) else { return false };
                    let update = format!("UPDATE whimbrel_history SET {column} = ? WHERE seq = ?");
                    let set = |db: &Connection, text: &str| {
                        db.execute(&update, (text, seq)).expect("a row");
                    };
                    set(&db, text);
                    let sound = migrator.verify_history_blocking(&mut db, &[]).is_ok();
                    assert!(
                        !sound || text == value,
                        "{column} of row {seq} was changed, and nothing is found: {text:?}"
                    );
                    let _ = migrator.status_blocking(&mut db);
                    let more = migrations.clone().with_sql(2, "u", "SELECT 1;");
                    let _ = Migrator::new(more).with_environment("test").plan_blocking(&mut db);
                    set(&db, &value);
                    sound
                });
            assert!(refused > 0, "{column} of row {seq}");
        }
    }
}
