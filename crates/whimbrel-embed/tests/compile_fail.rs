//! What does not compile, and the words in which that is said.
//!
//! The directories are written here, since most of them are broken on purpose. They lie in the project in which the
//! cases are compiled, below which `embed!` looks for them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use whimbrel::{Directory, Manifest, SetName};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY);\n";
const ORDERS: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n";

/// A directory of migrations.
struct Migrations(PathBuf);

impl Migrations {
    fn write(self, path: &str, text: impl AsRef<[u8]>) -> Result<Self> {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().ok_or("a file has a folder")?)?;
        fs::write(path, text)?;
        Ok(self)
    }

    fn remove(self, path: &str) -> Result<Self> {
        fs::remove_file(self.0.join(path))?;
        Ok(self)
    }

    fn lock(self, set: &str) -> Result<Self> {
        let set = Directory::new(&self.0).with_set(SetName::new(set)?).recursive().read("none")?;
        let manifest = Manifest::lock(&set, None).0.to_string();
        self.write("whimbrel.sum", manifest)
    }

    fn edit_manifest(self, edit: impl FnOnce(String) -> String) -> Result<Self> {
        let manifest = fs::read_to_string(self.0.join("whimbrel.sum"))?;
        self.write("whimbrel.sum", edit(manifest))
    }
}

/// Writes all directories that the cases name.
fn write_directories(root: &Path) -> Result {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let new = |name: &str| Migrations(root.join(name));
    let good = |name: &str| -> Result<Migrations> {
        new(name).write("0001_users.sql", USERS)?.write("0002_orders.sql", ORDERS)?.lock("app")
    };
    good("good")?;
    good("file_differs")?.write("0002_orders.sql", "CREATE TABLE orders (id TEXT PRIMARY KEY);\n")?;
    // One bit, in a script and in a digest.
    good("byte_flipped")?.write("0001_users.sql", USERS.replace("id INTEGER", "id HNTEGER"))?.edit_manifest(
        |text| {
            let at = text.find("0002_orders").unwrap_or_default() - 2;
            let digit = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            format!("{}{digit}{}", &text[..at], &text[at + 1..])
        },
    )?;
    good("file_unlisted")?.write("0003_items.sql", "CREATE TABLE items (id INTEGER);\n")?;
    good("file_missing")?.remove("0002_orders.sql")?;
    good("file_misnamed")?.write("README.md", "Migrations\n")?;
    good("file_not_utf8")?.write("0002_orders.sql", b"-- one line\n-- Bestellung f\xfcr alle\n")?;
    good("version_taken")?.write("02_items.sql", USERS)?;
    good("everything_at_once")?
        .write("0001_users.sql", ORDERS)?
        .remove("0002_orders.sql")?
        .write("0003_items.sql", USERS)?
        .write("R__names.sql", "CREATE VIEW names AS SELECT 1;\n")?;
    good("names_at_once")?
        .write("0003_items.txt", "")?
        .write("items.sql", "")?
        .write("0004_step.rust", "revision = x\n")?
        .write("0005_back.down.sql", "DROP TABLE users;\n")?
        .write("folder/0006_below.sql", USERS)?
        .write("whimbrel.sum", "whimbrel-sum 2\n")?;
    good("manifest_missing")?.remove("whimbrel.sum")?;
    good("manifest_unreadable")?
        .edit_manifest(|text| text.replace("0002_orders.sql", "../0002_orders.sql"))?;
    good("manifest_not_utf8")?.write("whimbrel.sum", b"whimbrel-sum 1\nset \xff\n")?;
    good("manifest_conflict")?.edit_manifest(|text| {
        text.replace("repeatables", "<<<<<<< HEAD\nrepeatables").replace("head", "=======\nhead")
    })?;
    good("manifest_head")?.edit_manifest(|text| {
        let head = text.rfind("head").unwrap_or_default();
        format!("{}head b3v1:{}\n", &text[..head], "0".repeat(64))
    })?;
    good("manifest_of_another_set")?;
    good("folder")?.write("seeds/0003_seeds.sql", USERS)?;

    let dialect = |name: &str, dialect: &str, set: &str, script: &str| -> Result<Migrations> {
        new(&format!("{name}/{dialect}")).write("0001_users.sql", script)?.lock(set)
    };
    dialect("dialect_scripts", "sqlite", "app", "BEGIN;\nCREATE TABLE users (id INTEGER);\n  COMMIT;\n")?;
    dialect("dialect_scripts", "postgres", "app", "CREATE TABLE users (id text DEFAULT $it$x);\n")?;
    dialect(
        "dialect_scripts",
        "mysql",
        "app",
        "-- whimbrel: no-transactions\nCREATE TABLE users (id INTEGER);\n",
    )?;
    dialect("dialect_names", "sqlite", "app", USERS)?;
    dialect("dialect_names", "postgres", "shop", USERS)?;
    dialect("dialect_strays", "sqlite", "app", USERS)?;
    new("dialect_strays")
        .write("oracle/0001_users.sql", USERS)?
        .write("README.md", "Migrations\n")?
        .write("whimbrel.sum", "whimbrel-sum 1\n")?;
    Ok(())
}

#[test]
fn what_was_not_reviewed_does_not_compile() -> Result {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("it lies in the target directory")?;
    write_directories(&target.join("tests/trybuild/whimbrel-embed/directories"))?;
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
    Ok(())
}
