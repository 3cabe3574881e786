use super::*;
use crate::source::Memory;

const BASE: [(i64, &str, &str); 2] = [(1, "users", "SELECT 1;"), (2, "orders", "SELECT 2;")];

fn manifest(migrations: &[(i64, &str, &str)], views: &[&str], previous: Option<&Manifest>) -> Manifest {
    let memory = migrations
        .iter()
        .fold(Memory::new(), |memory, (version, name, sql)| memory.with_sql(*version, *name, *sql));
    let memory = views.iter().fold(memory, |memory, text| memory.with_repeatable("v", *text));
    Manifest::lock(&memory.set().expect("a set"), previous).0
}

fn with(more: &[(i64, &'static str, &'static str)]) -> Vec<(i64, &'static str, &'static str)> {
    BASE.iter().chain(more).copied().collect()
}

fn version(number: i64) -> Version {
    Version::new(number).expect("a version")
}

fn paths(manifest: &Manifest) -> Vec<&str> {
    manifest.files().iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn what_each_side_adds_is_merged_and_is_what_locking_would_write() {
    let base = manifest(&BASE, &["A"], None);
    let ours = manifest(&with(&[(4, "b", "SELECT 4;")]), &["A"], Some(&base));
    let theirs = manifest(&with(&[(3, "a", "SELECT 3;")]), &["B"], Some(&base));
    let expected = manifest(&with(&[(3, "a", "SELECT 3;"), (4, "b", "SELECT 4;")]), &["B"], Some(&base));
    for sides in [
        ManifestSides::new(Some(base.clone()), ours.clone(), theirs.clone()),
        ManifestSides::new(Some(base), theirs, ours),
    ] {
        assert_eq!(sides.merged().expect("merged"), expected);
        assert_eq!(expected.to_string().parse::<Manifest>().expect("a manifest"), expected);
    }
}

#[test]
fn formers_and_tombstones_of_both_sides_are_kept() {
    let base = manifest(&with(&[(3, "old", "SELECT 3;")]), &[], None);
    let digest = |number| base.migration_digest(version(number)).expect("a digest");
    let changed = [(1, "users", "SELECT 10;"), (2, "orders", "SELECT 2;"), (3, "old", "SELECT 3;")];
    let ours = manifest(&changed, &[], Some(&base)).with_former(version(1), digest(1), "typo");
    let theirs = manifest(&BASE, &[], Some(&base)).with_tombstone(version(3), digest(3), "merged");
    for base in [Some(base.clone()), None] {
        let merged = ManifestSides::new(base, ours.clone(), theirs.clone()).merged().expect("merged");
        assert_eq!(paths(&merged), ["0001_users.sql", "0002_orders.sql"]);
        assert_eq!((merged.formers(), merged.tombstones()), (ours.formers(), theirs.tombstones()));
        assert_eq!(merged.migration_digest(version(1)), ours.migration_digest(version(1)));
    }
}

/// A database may have either one: nothing is decided without a person.
#[test]
fn what_both_have_changed_is_not_merged() {
    let base = manifest(&BASE, &["A"], None);
    let digest = base.migration_digest(version(2)).expect("a digest");
    let changed = |sql: &'static str, view| {
        manifest(&[(1, "users", "SELECT 1;"), (2, "orders", sql)], &[view], Some(&base))
    };
    let ours = changed("SELECT 20;", "A").with_former(version(2), digest, "mine");
    let theirs = changed("SELECT 21;", "A").with_former(version(2), digest, "theirs");
    let sides = ManifestSides::new(Some(base.clone()), ours.clone(), theirs.clone());
    let undecided = sides.merged().expect_err("undecided");
    assert_eq!(undecided.subjects(), ["0002_orders.sql", "version 2"]);
    // Whichever the files have, the other one is left.
    let digest = |side: &Manifest| side.migration_digest(version(2)).expect("a digest");
    let left = |now: Option<Digest>| {
        let first = ours.migration_digest(version(1)).map(|digest| (version(1), digest));
        let now = first.into_iter().chain(now.map(|digest| (version(2), digest))).collect();
        sides.left(&now).remove(&version(2)).unwrap_or_default()
    };
    assert_eq!(left(Some(digest(&ours))), [digest(&theirs)]);
    assert_eq!(left(Some(digest(&theirs))), [digest(&ours)]);
    assert_eq!(left(None), [digest(&ours), digest(&theirs)]);

    let two = ManifestSides::new(
        Some(base.clone()),
        manifest(&with(&[(3, "a", "SELECT 3;")]), &["A"], Some(&base)),
        manifest(&with(&[(3, "b", "SELECT 4;")]), &["A"], Some(&base)),
    );
    assert_eq!(
        two.merged().expect_err("undecided").subjects(),
        ["version 3", "version 3, which a and b have"]
    );

    let removed = manifest(&BASE[..1], &["A"], Some(&base));
    let sides = ManifestSides::new(Some(base), ours, removed);
    assert_eq!(sides.merged().expect_err("undecided").subjects(), ["0002_orders.sql"]);
}

/// Both texts stand under one revision in some database: whatever the files have is one more.
#[test]
fn a_repeatable_that_both_have_changed_gets_a_revision_of_its_own() {
    let base = manifest(&[], &["A"], None);
    let (ours, theirs) = (manifest(&[], &["B"], Some(&base)), manifest(&[], &["C"], Some(&base)));
    let sides = ManifestSides::new(Some(base), ours.clone(), theirs);
    assert!(sides.merged().is_err());
    for text in ["B", "C", "D"] {
        let locked = manifest(&[], &[text], Some(&sides.united()));
        assert_eq!(locked.revision("R__v.sql"), Some(3), "{text}");
    }
    // One that was counted further knows the other.
    let further = manifest(&[], &["D"], Some(&ours));
    let sides = ManifestSides::new(None, ours, further);
    for (text, revision) in [("D", 3), ("B", 4), ("E", 4)] {
        let locked = manifest(&[], &[text], Some(&sides.united()));
        assert_eq!(locked.revision("R__v.sql"), Some(revision), "{text}");
    }
}

#[test]
fn conflicts_are_read_in_all_styles() {
    let base = manifest(&BASE, &[], None);
    let ours = manifest(&with(&[(3, "a", "SELECT 3;")]), &[], Some(&base));
    let theirs = manifest(&with(&[(4, "b", "SELECT 4;")]), &[], Some(&base));
    let (o, b, t) = (ours.to_string(), base.to_string(), theirs.to_string());
    let wide = "<".repeat(32);
    let [eq, gt, bar] = ['=', '>', '|'].map(|letter| letter.to_string().repeat(32));
    let nested = format!("<<<<<<<<< one\n{b}=========\n{o}>>>>>>>>> two\n");
    for (name, text, has_base) in [
        ("merge", format!("<<<<<<< HEAD\n{o}=======\n{t}>>>>>>> b\n"), false),
        ("diff3", format!("<<<<<<< HEAD\n{o}||||||| 1234\n{b}=======\n{t}>>>>>>> b\n"), true),
        ("wide", format!("{wide} HEAD\n{o}{bar}\n{b}{eq}\n{t}{gt}\n"), true),
        ("nested", format!("<<<<<<< HEAD\n{o}||||||| 1\n{nested}=======\n{t}>>>>>>> b\n"), false),
        ("crlf", format!("<<<<<<< HEAD\n{o}=======\n{t}>>>>>>> b\n").replace('\n', "\r\n"), false),
        ("kept", format!("{o}{t}"), false),
        ("marker left", format!("{o}=======\n{t}"), false),
    ] {
        let sides = ManifestSides::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let sides = sides.unwrap_or_else(|| panic!("{name}: no conflict"));
        assert_eq!(sides.base().is_some(), has_base, "{name}");
        let merged = sides.merged().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            paths(&merged),
            ["0001_users.sql", "0002_orders.sql", "0003_a.sql", "0004_b.sql"],
            "{name}"
        );
        assert_eq!(
            merged.head(),
            manifest(&with(&[(3, "a", "SELECT 3;"), (4, "b", "SELECT 4;")]), &[], None).head()
        );
        assert!(text.parse::<Manifest>().is_err(), "{name}");
    }
    assert_eq!(ManifestSides::parse(&o), Ok(None));
    for text in ["", "whimbrel-sum 2\n", "<<<<<<< HEAD\nrubbish\n=======\n>>>>>>> b\n"] {
        assert!(ManifestSides::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_line_that_stands_three_times_is_nobodys() {
    let of = |sql| manifest(&[(1, "users", sql)], &[], None).to_string();
    let text = format!("{}{}{}", of("SELECT 1;"), of("SELECT 2;"), of("SELECT 3;"));
    assert!(ManifestSides::parse(&text).is_err());
}
