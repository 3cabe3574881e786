//! The look at the directory that a debug build takes.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use whimbrel_embed::__private::{self as baked, BakedSet, Dir, DirEntry, File};
use whimbrel_embed::Embedded;

const MANIFEST: &str = "the manifest\n";

static DIR: Dir<'static> = Dir::new(
    "",
    &[
        DirEntry::Dir(Dir::new("folder", &[DirEntry::File(File::new("folder/0002_b.sql", b"SELECT 2;\n"))])),
        DirEntry::File(File::new("0001_a.sql", b"SELECT 1;\n")),
    ],
);

static SETS: &[BakedSet] = &[BakedSet::new(None, "app", &[], &[], &[0; 32], &[0; 32], Some(MANIFEST))];

/// What a debug build has embedded from this directory.
fn embedded_from(directory: &Path) -> Embedded {
    let directory = directory.display().to_string().leak();
    baked::embedded("migrations", SETS, &DIR, Some(directory))
}

fn write_all(directory: &Path) -> std::io::Result<()> {
    fs::create_dir(directory.join("folder"))?;
    fs::write(directory.join("folder/0002_b.sql"), "SELECT 2;\n")?;
    fs::write(directory.join("0001_a.sql"), "SELECT 1;\n")?;
    fs::write(directory.join("whimbrel.sum"), MANIFEST)
}

#[test]
fn files_added_changed_and_removed_are_told() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let embedded = embedded_from(directory.path());
    write_all(directory.path())?;
    assert_eq!(embedded.drift(), None);
    fs::write(directory.path().join(".0001_a.sql.swp"), "an editor's")?;
    assert_eq!(embedded.drift(), None);

    fs::write(directory.path().join("whimbrel.sum.sig"), "signed since")?;
    assert_eq!(embedded.drift().ok_or("it has changed")?.added(), ["whimbrel.sum.sig"]);
    fs::remove_file(directory.path().join("whimbrel.sum.sig"))?;

    fs::write(directory.path().join("0001_a.sql"), "SELECT 3;\n")?;
    fs::write(directory.path().join("0003_c.sql"), "SELECT 3;\n")?;
    fs::write(directory.path().join("whimbrel.sum"), "another manifest\n")?;
    fs::remove_file(directory.path().join("folder/0002_b.sql"))?;
    let drift = embedded.drift().ok_or("it has changed")?;
    assert_eq!(drift.directory(), directory.path());
    assert_eq!(drift.added(), ["0003_c.sql"]);
    assert_eq!(drift.changed(), ["0001_a.sql", "whimbrel.sum"]);
    assert_eq!(drift.removed(), ["folder/0002_b.sql"]);
    assert_eq!(
        drift.to_string().replace(&directory.path().display().to_string(), "DIR"),
        "the migrations in DIR are not those that this program was built with: lock the directory and build again\
         \n  added    0003_c.sql\n  changed  0001_a.sql\n  changed  whimbrel.sum\n  removed  folder/0002_b.sql"
    );
    Ok(())
}

#[test]
fn directory_that_is_gone_has_not_drifted() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    assert_eq!(embedded_from(&directory.path().join("gone")).drift(), None);
    assert_eq!(baked::embedded("migrations", SETS, &DIR, None).drift(), None);
    Ok(())
}

#[test]
fn drift_is_told_once_in_the_life_of_a_process() -> Result<(), Box<dyn Error>> {
    const DIRECTORY: &str = "WHIMBREL_TEST_DIRECTORY";
    if let Some(directory) = env::var_os(DIRECTORY) {
        for _ in 0..3 {
            embedded_from(Path::new(&directory)).set("sqlite")?;
        }
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    write_all(directory.path())?;
    let told = || -> Result<usize, Box<dyn Error>> {
        let output = Command::new(env::current_exe()?)
            .args(["--exact", "drift_is_told_once_in_the_life_of_a_process", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .output()?;
        assert!(output.status.success());
        Ok(String::from_utf8(output.stderr)?.matches("warning: the migrations in ").count())
    };
    assert_eq!(told()?, 0);
    fs::write(directory.path().join("0003_c.sql"), "SELECT 3;\n")?;
    assert_eq!(told()?, 1);
    Ok(())
}
