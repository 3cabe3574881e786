//! The programs `ssh-keygen` and `minisign`, and a directory that is signed with them. Verifies nothing.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use whimbrel::{Directory, Error, Finding, Manifest, Migrator, Report};
use whimbrel_sign::SignatureVerifier;
use whimbrel_testkit::{Counting, Fake};

/// Keys, each in files named after it.
pub(crate) struct Keys(TempDir);

impl Keys {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Makes an SSH key, and gives the text of its .pub file.
    pub(crate) fn ssh(&self, name: &str) -> String {
        self.ssh_of_type(name, "ed25519")
    }

    pub(crate) fn ssh_of_type(&self, name: &str, key_type: &str) -> String {
        let path = self.path(name);
        run(Command::new("ssh-keygen")
            .args(["-q", "-t", key_type, "-N", "", "-C", "a comment", "-f"])
            .arg(&path));
        fs::read_to_string(path.with_extension("pub")).expect("ssh-keygen has written it")
    }

    /// A line of `allowed_signers` for a new key, whose owner has the key's name.
    pub(crate) fn ssh_signer(&self, name: &str) -> String {
        format!("{name} {}", self.ssh(name))
    }

    /// Signs with an SSH key.
    pub(crate) fn ssh_sign(&self, name: &str, namespace: &str, file: &Path) -> String {
        let file = File::open(file).expect("it is there");
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(self.path(name)).stdin(file);
        run(&mut command)
    }

    /// Makes a minisign key, and gives the text of its .pub file.
    pub(crate) fn minisign(&self, name: &str) -> String {
        let public = self.path(&format!("{name}.minisign.pub"));
        run(Command::new("minisign")
            .args(["-G", "-W", "-p"])
            .arg(&public)
            .arg("-s")
            .arg(self.path(&format!("{name}.minisign"))));
        fs::read_to_string(public).expect("minisign has written it")
    }

    /// Signs with a minisign key; more arguments may follow.
    pub(crate) fn minisign_sign(&self, name: &str, file: &Path, more: &[&str]) -> String {
        let signature = self.path("signature");
        run(Command::new("minisign")
            .arg("-S")
            .args(more)
            .arg("-s")
            .arg(self.path(&format!("{name}.minisign")))
            .arg("-x")
            .arg(&signature)
            .arg("-m")
            .arg(file));
        fs::read_to_string(signature).expect("minisign has written it")
    }
}

/// Runs a program that has to succeed, and gives what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stderr(Stdio::piped()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

/// A locked directory of migrations.
pub(crate) struct Migrations(TempDir);

impl Migrations {
    /// Two versions and a repeatable.
    pub(crate) fn new() -> Self {
        Self::of(&[
            ("0001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n"),
            ("0002_orders.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n"),
            ("0002_orders.down.sql", "DROP TABLE orders;\n"),
            ("R__totals.sql", "CREATE TABLE totals (id INTEGER PRIMARY KEY);\n"),
        ])
    }

    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let migrations = Self(tempfile::tempdir().expect("a folder"));
        for (name, text) in files {
            migrations.write(name, text.as_bytes());
        }
        migrations.lock();
        migrations
    }

    pub(crate) fn lock(&self) {
        let directory = Directory::new(self.0.path()).unlocked();
        let previous = fs::read_to_string(self.manifest()).ok();
        let previous = previous.map(|text| text.parse::<Manifest>().expect("it is a manifest"));
        let set = directory.read("any").expect("the files are fine");
        self.write("whimbrel.sum", Manifest::lock(&set, previous.as_ref()).0.to_string().as_bytes());
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.0.path().join("whimbrel.sum")
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).expect("it is there")
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        // In place: a file that is cut to nothing and written again is flushed by some file systems, each time.
        let path = self.0.path().join(name);
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(false).open(path).expect("it can be written");
        file.write_all(bytes).expect("it can be written");
        file.set_len(bytes.len() as u64).expect("it can be written");
    }

    pub(crate) fn sign(&self, signature: &str) {
        self.write("whimbrel.sum.sig", signature.as_bytes());
    }

    /// Runs them with this verifier; when they are refused, the driver was not called.
    pub(crate) fn run(&self, verifier: &SignatureVerifier) -> Result<Report, Error> {
        let mut db = Counting::new(Fake::new());
        let result = Migrator::new(Directory::new(self.path())).with_verifier(verifier).run_blocking(&mut db);
        if result.is_err() {
            assert_eq!(db.counts().calls(), 0, "it was refused after the driver was called");
        }
        result
    }

    /// The findings for which they are refused, a line each, without the folder's path.
    pub(crate) fn refused(&self, verifier: &SignatureVerifier) -> String {
        let error = self.run(verifier).expect_err("it is refused");
        let findings: Vec<String> = error.findings().iter().map(Finding::to_string).collect();
        assert!(!findings.is_empty(), "{error:#}");
        findings.join("\n").replace(&self.path().display().to_string(), "DIR")
    }
}
