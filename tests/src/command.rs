//! The real command `whimbrel`, in a folder of its own with a set of migrations. Knows no database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The command's program, which `cargo build -p whimbrel-cli` makes.
///
/// # Panics
/// It is not there.
pub fn program() -> PathBuf {
    let own = std::env::current_exe().expect("a test is a program");
    // target/debug/deps/TEST
    let folder = own.ancestors().nth(2).expect("a test is in a folder of a folder");
    let program = folder.join(format!("whimbrel{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "{} is not there: `cargo build -p whimbrel-cli`, or run the tests with --workspace",
        program.display()
    );
    program
}

/// A folder in which the command is run.
#[derive(Debug)]
pub struct Workplace {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What the command has said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; 255 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Workplace {
    /// One with `whimbrel.toml`, which takes the URL from `DATABASE_URL`, and an empty set. What stands in `more` comes
    /// into the environment's table.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn new(url: &str, more: &str) -> Self {
        let workplace = Self::bare();
        let toml = format!(
            "environment = \"development\"\nfailure-pause = \"10min\"\nlock-timeout = \"1s\"\n\n\
             [environments.development]\nurl = {{ env = \"DATABASE_URL\" }}\n{more}\n"
        );
        workplace.write("whimbrel.toml", &toml);
        fs::create_dir(workplace.path().join("migrations")).expect("a folder");
        workplace.at(url)
    }

    /// An empty one.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn bare() -> Self {
        let folder = crate::memory_folder();
        // Where a folder belongs to whomever, files in it are refused.
        Self { folder, variables: Vec::new() }
    }

    /// The same, with another database.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        self.variables.retain(|(name, _)| name != "DATABASE_URL");
        self.variables.push(("DATABASE_URL".to_owned(), url.to_owned()));
        self
    }

    /// The same, without a variable.
    #[must_use]
    pub fn without(mut self, variable: &str) -> Self {
        self.variables.retain(|(name, _)| name != variable);
        self
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a file");
    }

    /// Writes a migration, and locks.
    ///
    /// # Panics
    /// It cannot be locked.
    pub fn migration(&self, file: &str, text: &str) {
        self.write(&format!("migrations/{file}"), text);
        let said = self.run(&["lock"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }

    /// Runs the command.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.said(Command::new(program()).args(arguments))
    }

    /// Runs a line of a shell, in which `whimbrel` is the command.
    ///
    /// # Panics
    /// There is no shell.
    pub fn type_in(&self, line: &str) -> Said {
        self.said(Command::new("sh").args(["-c", line]))
    }

    fn said(&self, command: &mut Command) -> Said {
        let folder = program();
        let folder = folder.parent().expect("a program is in a folder").display().to_string();
        let output: Output = command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", format!("{folder}:/usr/bin:/bin"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("a program that can be started");
        Said {
            code: output.status.code().unwrap_or(255),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
