//! What `embed!` makes: the same sets as reading the directories, without their cost.

use std::path::Path;

use whimbrel::{Directory, Kind, Manifest, MigrationSet, Provenance};
use whimbrel_embed::include_dir::{self, Dir, include_dir};
use whimbrel_embed::{Embedded, EmbeddedDir, embed};

static PLAIN: Embedded = embed!("migrations");
static FULL: Embedded = embed!("tests/fixtures/full", recursive, set = "jobs",);
static WINDOWS: Embedded = embed!("./tests/fixtures/windows/");
static DIALECTS: Embedded = embed!("tests/fixtures/dialects", set = "shop");
static UNLOCKED: Embedded = embed!("tests/fixtures/unlocked", unlocked);

static DIR: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tests/fixtures");

fn in_package(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn subdirectory(name: &str) -> &'static Dir<'static> {
    DIR.get_dir(name).unwrap_or_else(|| panic!("no {name} in {:?}", DIR.path()))
}

/// All that a set says, but for the directory that its files lie in.
fn facts(set: &MigrationSet) -> Vec<String> {
    let mut facts = vec![format!("{} {} {}", set.name(), set.head(), set.repeatables_digest())];
    facts.extend(set.iter().map(|migration| {
        let files: Vec<_> = std::iter::once(migration.up())
            .chain(migration.down())
            .map(|file| (file.path(), file.digest(), file.text()))
            .collect();
        let label = migration.label();
        format!("{label} {:?} {:?} {} {files:?}", migration.key(), migration.kind(), migration.digest())
    }));
    facts.push(format!("{:?}", set.manifest()));
    facts.push(format!("{:?} {:?}", set.manifest_text(), set.signature()));
    facts
}

#[test]
fn embedded_sets_are_those_of_the_directory() -> whimbrel::Result<()> {
    for (embedded, path, dialect) in [
        (&PLAIN, "migrations", "sqlite"),
        (&FULL, "tests/fixtures/full", "sqlite"),
        (&WINDOWS, "tests/fixtures/windows", "postgres"),
        (&DIALECTS, "tests/fixtures/dialects", "sqlite"),
        (&DIALECTS, "tests/fixtures/dialects", "postgres"),
        (&DIALECTS, "tests/fixtures/dialects", "mysql"),
        (&UNLOCKED, "tests/fixtures/unlocked", "mysql"),
    ] {
        let read = Directory::new(in_package(path)).recursive().unlocked().read(dialect)?;
        let set = embedded.set(dialect)?;
        assert_eq!(facts(&set), facts(&read), "{path}");
        assert_eq!(set.provenance(), Provenance::Compiled);
    }
    Ok(())
}

#[test]
fn a_signature_is_embedded_with_its_manifest() -> whimbrel::Result<()> {
    let signed =
        |set: MigrationSet| set.signature().is_some_and(|bytes| bytes.starts_with(b"-----BEGIN SSH"));
    assert!(signed(FULL.set("sqlite")?));
    assert!(signed(DIALECTS.set("postgres")?));
    assert!(!signed(DIALECTS.set("sqlite")?));
    assert!(!signed(PLAIN.set("sqlite")?));
    let dir = EmbeddedDir::clone(&Embedded::from_dir(subdirectory("full"))).recursive();
    assert!(signed(dir.set("sqlite")?));
    Ok(())
}

#[test]
fn manifests_of_the_fixtures_are_current() -> whimbrel::Result<()> {
    let sets = [
        ("migrations", "none"),
        ("tests/fixtures/full", "none"),
        ("tests/fixtures/windows", "none"),
        ("tests/fixtures/dialects", "sqlite"),
        ("tests/fixtures/dialects", "postgres"),
        ("tests/fixtures/dialects", "mysql"),
    ];
    for (path, dialect) in sets {
        let set = Directory::new(in_package(path)).recursive().read(dialect)?;
        let (locked, changes) = Manifest::lock(&set, set.manifest());
        assert_eq!(changes, [], "lock {path} again");
        assert_eq!(Some(&locked), set.manifest(), "lock {path} again");
    }
    Ok(())
}

#[test]
fn files_are_named_as_in_the_package() -> whimbrel::Result<()> {
    let places = |embedded: &Embedded, dialect| -> whimbrel::Result<Vec<_>> {
        Ok(embedded.set(dialect)?.iter().map(|migration| migration.up().location()).collect())
    };
    assert_eq!(
        places(&PLAIN, "sqlite")?,
        ["migrations/0001_create_users.sql", "migrations/0002_add_email.sql"]
    );
    assert_eq!(places(&DIALECTS, "postgres")?, ["tests/fixtures/dialects/postgres/0001_t.sql"]);
    assert_eq!(places(&WINDOWS, "sqlite")?[0], "tests/fixtures/windows/0001_both.sql");
    assert_eq!(places(&FULL, "sqlite")?[2], "tests/fixtures/full/accounts/0003_accounts.sql");
    Ok(())
}

#[test]
fn text_is_canonical_and_the_files_are_as_they_were() -> whimbrel::Result<()> {
    let set = WINDOWS.set("sqlite")?;
    let texts: Vec<_> = set.iter().map(|migration| migration.up().text()).collect();
    assert_eq!(texts[0], "CREATE TABLE a (\n  b TEXT DEFAULT '\"\\\\#'\n);\n");
    assert_eq!(texts[1], "CREATE TABLE c (d TEXT);\n");
    assert_eq!(texts[2], "CREATE TABLE e (f TEXT);\n");
    assert_eq!(texts[3], "CREATE TABLE g (h TEXT DEFAULT 'a\rb');\n");
    let contents = |name: &str| WINDOWS.dir().get_file(name).map(|file| file.contents().to_vec());
    for file in ["0001_both.sql", "0002_line_ends.sql", "0003_mark.sql", "0004_lone_return.sql"] {
        let on_disk = std::fs::read(in_package("tests/fixtures/windows").join(file)).ok();
        assert!(on_disk.is_some(), "{file}");
        assert_eq!(contents(file), on_disk, "{file}");
    }
    Ok(())
}

#[test]
fn directory_holds_exactly_the_files_of_the_manifest() {
    fn paths(dir: &Dir<'_>) -> Vec<String> {
        let below = dir.dirs().flat_map(paths);
        below.chain(dir.files().map(|file| file.path().display().to_string())).collect()
    }
    assert_eq!(
        paths(FULL.dir()),
        [
            "accounts/0003_accounts.sql",
            "0001_jobs.down.sql",
            "0001_jobs.up.sql",
            "0002_fill.rust",
            "R__waiting.sql"
        ]
    );
    assert_eq!(paths(DIALECTS.dir()), ["mysql/0001_t.sql", "postgres/0001_t.sql", "sqlite/0001_t.sql"]);
    assert!(FULL.dir().get_file("accounts/0003_accounts.sql").is_some());
}

#[test]
fn ways_down_repeatables_and_steps_are_kept() -> whimbrel::Result<()> {
    let set = FULL.set("sqlite")?;
    assert_eq!(set.name().as_str(), "jobs");
    assert_eq!(set.versioned()[0].down().map(|file| file.text()), Some("DROP TABLE jobs;\n"));
    assert_eq!(set.versioned()[1].kind(), Kind::Rust { revision: 3, reversible: true });
    assert_eq!(set.repeatables()[0].revision(), Some(1));
    Ok(())
}

#[test]
fn mariadb_takes_mysql_and_other_dialects_are_refused() -> whimbrel::Result<()> {
    assert_eq!(facts(&DIALECTS.set("mariadb")?), facts(&DIALECTS.set("mysql")?));
    let from_dir = Embedded::from_dir(subdirectory("dialects"));
    assert_eq!(facts(&from_dir.set("mariadb")?), facts(&DIALECTS.set("mysql")?));
    let error = |result: whimbrel::Result<MigrationSet>| {
        result.map_or_else(|error| error.to_string(), |_| String::new())
    };
    assert_eq!(
        error(DIALECTS.set("duckdb")),
        "tests/fixtures/dialects has no folder for the dialect `duckdb`, only for sqlite, postgres, mysql"
    );
    assert_eq!(
        error(from_dir.set("duckdb")),
        "the embedded directory has no folder for the dialect `duckdb`, only for sqlite, postgres, mysql"
    );
    let missing = DIALECTS.set("duckdb").expect_err("it has no folder");
    let said = "add a folder duckdb with its own migrations, or use another database";
    assert!(missing.notes().any(|(name, text)| (name, text) == ("next", said)), "{missing:#}");
    Ok(())
}

#[test]
fn loading_borrows_what_the_compiler_made() -> whimbrel::Result<()> {
    for (embedded, dialect) in [(&PLAIN, "sqlite"), (&FULL, "sqlite"), (&DIALECTS, "postgres")] {
        let (one, other) = (embedded.set(dialect)?, embedded.set(dialect)?);
        assert!(std::ptr::eq(one.versioned(), other.versioned()));
        assert!(std::ptr::eq(one.repeatables(), other.repeatables()));
    }
    Ok(())
}

#[test]
fn nothing_has_drifted_right_after_the_build() {
    for embedded in [&PLAIN, &FULL, &WINDOWS, &DIALECTS, &UNLOCKED] {
        assert_eq!(embedded.drift(), None);
    }
}

#[test]
fn directory_of_include_dir_is_checked_when_it_is_loaded() -> whimbrel::Result<()> {
    static FROM_DIR: EmbeddedDir = Embedded::from_dir(&DIR);
    let full = Embedded::from_dir(subdirectory("full")).recursive();
    assert_eq!(facts(&full.set("sqlite")?), facts(&FULL.set("sqlite")?));
    assert_eq!(full.set("sqlite")?.provenance(), Provenance::Manifest);
    let windows = Embedded::from_dir(subdirectory("windows"));
    assert_eq!(facts(&windows.set("sqlite")?), facts(&WINDOWS.set("sqlite")?));
    for dialect in ["sqlite", "postgres"] {
        let dialects = Embedded::from_dir(subdirectory("dialects")).set(dialect)?;
        assert_eq!(facts(&dialects), facts(&DIALECTS.set(dialect)?));
        assert_eq!(dialects.versioned()[0].up().location(), format!("dialects/{dialect}/0001_t.sql"));
    }
    let unlocked = Embedded::from_dir(subdirectory("unlocked"));
    assert_eq!(unlocked.set("sqlite")?.provenance(), Provenance::Missing);
    assert_eq!(unlocked.unlocked().set("sqlite")?.provenance(), Provenance::Unlocked);

    let error = |result: whimbrel::Result<MigrationSet>| {
        result.map_or_else(|error| format!("{error:#}"), |_| String::new())
    };
    let flat = Embedded::from_dir(subdirectory("full")).set("sqlite");
    assert_eq!(
        error(flat),
        "error: full/accounts: a folder, and folders are not read unless asked: use `recursive`, or name it after the dialect"
    );
    let named =
        Embedded::from_dir(subdirectory("windows")).with_set(whimbrel::SetName::baked("jobs")).set("sqlite");
    assert_eq!(
        error(named),
        "error: windows/whimbrel.sum: it is for the set `app`, and this one is called `jobs`"
    );
    let unread =
        "a folder, and folders are not read unless asked: use `recursive`, or name it after the dialect";
    let notes: String = ["dialects", "full", "unlocked", "windows"]
        .iter()
        .map(|folder| format!("\n  = folder: {folder}: {unread}"))
        .collect();
    assert_eq!(error(FROM_DIR.set("sqlite")), format!("error: 4 folders are not read{notes}"));
    Ok(())
}
