//! Rows 1, 2, 4 and 22: what lies in the directory is not what was reviewed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Mutex;

use whimbrel::{
    Directory, ErrorKind, Finding, FindingKind, Manifest, Memory, MigrationSet, Migrator, Plan, Verifier,
    Writers, async_trait,
};
use whimbrel_sign::SignatureVerifier;
use whimbrel_sqlite::Sqlite;
use whimbrel_testkit::{Counting, Fake, block_on};
use whimbrel_tests::knock::Door;
use whimbrel_tests::memory_folder;

const FILES: [(&str, &str); 4] = [
    ("0001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n"),
    ("0002_fill.sql", "INSERT INTO users (id) VALUES (1);\n"),
    ("0002_fill.down.sql", "DELETE FROM users;\n"),
    ("R__names.sql", "UPDATE users SET name = 'x';\n"),
];

/// A directory that was locked.
fn locked() -> tempfile::TempDir {
    let folder = memory_folder();
    for (name, text) in FILES {
        fs::write(folder.path().join(name), text).expect("written");
    }
    lock(folder.path());
    folder
}

fn lock(folder: &Path) {
    let set = Directory::new(folder).unlocked().read("none").expect("it can be read");
    fs::write(folder.join("whimbrel.sum"), Manifest::lock(&set, None).0.to_string()).expect("written");
}

#[test]
fn threat_01_a_flipped_byte_of_any_file_is_refused_before_a_connection_is_made() {
    let (folder, door) = (locked(), Door::new());
    let directory = Directory::new(folder.path());
    let run = || {
        block_on(Migrator::new(&directory).run(&mut door.driver())).expect_err("nobody is behind the door")
    };
    let names = FILES.map(|(name, _)| name).into_iter().chain(["whimbrel.sum"]);
    let mut flipped = 0;
    for name in names {
        let path = folder.path().join(name);
        let good = fs::read(&path).expect("it is there");
        for at in 0..good.len() {
            for changed in [good[at] ^ 1, good[at] ^ 0x20, !good[at]] {
                let mut bytes = good.clone();
                bytes[at] = changed;
                fs::write(&path, &bytes).expect("written");
                let error = run();
                assert_eq!(error.kind(), ErrorKind::Files, "{name}: byte {at} is {changed:#04x}: {error:#}");
                flipped += 1;
            }
        }
        fs::write(&path, &good).expect("written");
    }
    assert!(flipped > 1500, "{flipped}");
    assert_eq!(door.count(), 0, "somebody connected");
    // As it was, it is taken to the database.
    assert_eq!(run().kind(), ErrorKind::Retry);
    assert!(door.count() > 0);
}

#[test]
fn threat_02_whoever_writes_the_manifest_anew_has_no_signature_for_it() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/whimbrel-sign/tests/fixtures");
    let read = |name: &str| fs::read_to_string(fixtures.join(name)).expect("a fixture");
    let carol = read("carol.pub");
    let verifier = SignatureVerifier::new()
        .with_allowed_signers(&read("allowed_signers"))
        .and_then(|verifier| verifier.with_minisign_key("carol", &carol))
        .expect("keys")
        .with_threshold(2);
    let folder = memory_folder();
    for entry in fs::read_dir(fixtures.join("signed")).expect("a folder").flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    // `None`: it runs.
    let found = |verifier: &SignatureVerifier| -> Option<Vec<FindingKind>> {
        let mut db = Counting::new(Sqlite::in_memory().expect("memory"));
        let directory = Directory::new(folder.path());
        match block_on(Migrator::new(&directory).with_verifier(verifier).run(&mut db)) {
            Ok(_) => None,
            Err(error) => {
                assert_eq!(db.counts().calls(), 0, "{error:#}");
                Some(error.findings().iter().map(Finding::kind).collect())
            }
        }
    };
    let unsigned =
        |found: Option<Vec<FindingKind>>| found.is_some_and(|kinds| kinds.contains(&FindingKind::Signature));
    let sum = folder.path().join("whimbrel.sum");
    let signature = folder.path().join("whimbrel.sum.sig");
    let (reviewed, signed) = (fs::read_to_string(&sum).expect("text"), fs::read(&signature).expect("bytes"));
    assert_eq!(found(&verifier), None);
    // A key that the program does not trust, or one signer of two.
    let strangers = SignatureVerifier::new()
        .with_minisign_key("carol", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3")
        .expect("a key");
    assert!(unsigned(found(&strangers)));
    let more = verifier.clone().with_threshold(3);
    assert!(unsigned(found(&more)));
    // The script changed, and the directory locked again: everything fits but the signature.
    let script = folder.path().join("0001_books.sql");
    let text = fs::read_to_string(&script).expect("a script");
    fs::write(&script, format!("{text}DROP TABLE books;\n")).expect("written");
    lock(folder.path());
    assert!(unsigned(found(&verifier)));
    fs::write(&script, text).expect("written");
    // Lines dropped, in another order, repeated.
    let lines: Vec<&str> = reviewed.lines().collect();
    for at in 1..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        let mut swapped = lines.clone();
        swapped.swap(at - 1, at);
        let mut more = lines.clone();
        more.insert(at, lines[at]);
        for lines in [fewer, swapped, more] {
            fs::write(&sum, lines.join("\n") + "\n").expect("written");
            assert!(found(&verifier).is_some(), "line {at}");
        }
    }
    fs::write(&sum, &reviewed).expect("written");
    assert_eq!(found(&verifier), None);
    fs::remove_file(&signature).expect("removed");
    assert!(unsigned(found(&verifier)));
    fs::write(&signature, signed).expect("written");
    assert_eq!(found(&verifier), None);
}

/// What a directory is refused for, if it is.
fn refusal(directory: &Directory) -> Option<String> {
    let error = directory.read("sqlite").err()?;
    assert_eq!(error.kind(), ErrorKind::Files);
    Some(format!("{error:#}"))
}

#[test]
fn threat_04_a_directory_that_others_can_write_to_or_that_leads_elsewhere_is_refused() {
    // The folder, a file, the manifest and a folder below, in every mode that matters.
    let folder = locked();
    fs::create_dir(folder.path().join("below")).expect("a folder");
    fs::write(folder.path().join("below/0003_more.sql"), "DELETE FROM users;\n").expect("written");
    let root = folder.path();
    let set = Directory::new(root).recursive().unlocked().read("none").expect("it can be read");
    fs::write(root.join("whimbrel.sum"), Manifest::lock(&set, None).0.to_string()).expect("written");
    let usual = Directory::new(root).recursive();
    let strict = usual.clone().with_writers(Writers::Owner);
    let anyone = usual.clone().with_writers(Writers::Anyone);
    let mut cases = 0;
    for place in ["", "0001_users.sql", "whimbrel.sum", "below", "below/0003_more.sql"] {
        let path = root.join(place);
        let before = fs::metadata(&path).expect("it is there").permissions();
        for bits in [0o000, 0o044, 0o020, 0o060, 0o002, 0o022, 0o006, 0o066] {
            let mode = 0o700 | bits;
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
            let everybody = bits & 0o002 != 0;
            let group = bits & 0o020 != 0;
            for (directory, refused) in [(&usual, everybody), (&strict, everybody || group), (&anyone, false)]
            {
                let found = refusal(directory);
                assert_eq!(found.is_some(), refused, "{place} {mode:o}: {found:?}");
                if let Some(text) = found {
                    assert!(text.contains("chmod"), "{text}");
                    cases += 1;
                }
            }
        }
        fs::set_permissions(&path, before).expect("ours");
    }
    assert_eq!(cases, 5 * (4 + 6));

    // Links: within the directory they are followed, out of it only if that is asked for.
    let elsewhere = memory_folder();
    let outside = elsewhere.path().join("0001_users.sql");
    let inside = root.join("0001_users.sql");
    fs::rename(&inside, &outside).expect("moved");
    symlink(&outside, &inside).expect("a link");
    assert!(refusal(&usual).is_some_and(|text| text.contains("leads out")));
    assert_eq!(refusal(&usual.clone().following_links()), None);
    // What it leads to is looked at as well.
    fs::set_permissions(&outside, Permissions::from_mode(0o602)).expect("ours");
    assert!(refusal(&usual.clone().following_links()).is_some_and(|text| text.contains("chmod o-w")));
    fs::remove_file(&inside).expect("removed");
    fs::rename(&outside, root.join(".kept")).expect("moved");
    fs::set_permissions(root.join(".kept"), Permissions::from_mode(0o600)).expect("ours");
    symlink(".kept", &inside).expect("a link");
    assert_eq!(refusal(&usual), None);
    // A folder, and the manifest, that are elsewhere.
    for name in ["below", "whimbrel.sum"] {
        fs::rename(root.join(name), elsewhere.path().join(name)).expect("moved");
        symlink(elsewhere.path().join(name), root.join(name)).expect("a link");
        assert!(refusal(&usual).is_some_and(|text| text.contains("leads out")), "{name}");
        fs::remove_file(root.join(name)).expect("removed");
        fs::rename(elsewhere.path().join(name), root.join(name)).expect("moved");
    }
    assert_eq!(refusal(&strict), None);

    // Somebody else's files; only root can give one away, and the rule itself is tested for every owner beside it.
    if std::os::unix::fs::chown(root.join(".kept"), Some(54_321), None).is_ok() {
        assert_eq!(refusal(&usual), None);
        assert!(refusal(&strict).is_some_and(|text| text.contains("chown")));
    }
}

/// Notes when it is asked, and refuses at one of the gates.
struct Gate<'n> {
    notes: &'n Mutex<Vec<&'static str>>,
    refuses: &'static str,
}

impl Gate<'_> {
    fn answer(&self, gate: &'static str, set: &MigrationSet) -> Vec<Finding> {
        self.notes.lock().expect("nobody panics").push(gate);
        let refused = self.refuses == gate;
        refused
            .then(|| Finding::new(FindingKind::Policy, set.name(), "this", "not today"))
            .into_iter()
            .collect()
    }
}

#[async_trait]
impl Verifier for Gate<'_> {
    async fn check_set(&self, set: &MigrationSet) -> whimbrel::Result<Vec<Finding>> {
        Ok(self.answer("set", set))
    }

    async fn check_plan(&self, _: &Plan) -> whimbrel::Result<Vec<Finding>> {
        Ok(self.answer("plan", &Memory::new().set()?))
    }
}

#[test]
fn threat_22_each_check_comes_before_what_it_guards_and_a_refusal_leaves_nothing() {
    let set = Memory::new().with_sql(1, "t", "CREATE TABLE t (a INTEGER);");
    let notes = Mutex::new(Vec::new());
    let run = |refuses| {
        let fake = Fake::new();
        let mut db = Counting::new(fake.another());
        let result =
            block_on(Migrator::new(&set).with_verifier(Gate { notes: &notes, refuses }).run(&mut db));
        let calls = db.counts().calls();
        (
            result.is_ok(),
            calls,
            fake.dump(),
            fake.history().len(),
            notes.lock().expect("nobody panics").split_off(0),
        )
    };
    // The first gate: the driver has not been called at all.
    assert_eq!(run("set"), (false, 0, String::new(), 0, vec!["set"]));
    // The second one: it has only been read from.
    let (done, calls, dump, rows, notes) = run("plan");
    assert_eq!((done, dump.as_str(), rows, notes), (false, "", 0, vec!["set", "plan"]));
    assert!(calls > 0);
    let (done, .., rows, _) = run("neither");
    assert!(done && rows > 0);
}
