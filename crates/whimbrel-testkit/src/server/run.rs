//! The run of tests that this process is part of: whoever shares it, shares servers. Knows nothing of servers.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, fs};

use super::error::{ServerError, ServerErrorKind};
use super::place;
use super::process::ProcessId;

/// The variable that names the run.
pub(crate) const VARIABLE: &str = "WHIMBREL_TEST_RUN";

/// Programs that start many test processes; a run is as long as theirs.
const RUNNERS: &[&str] = &["cargo-nextest", "cargo"];

/// A run of tests, which lasts as long as one process: the test runner, as a rule.
///
/// It is the process that `WHIMBREL_TEST_RUN` names, else the nearest `cargo nextest` or `cargo` above this
/// process, else this process alone. A program that starts test processes itself, one after another, gives each of
/// them that variable with its own [`TestRun::of_this_process`]: then they share their servers.
///
/// ```
/// use whimbrel_testkit::TestRun;
///
/// let (variable, value) = TestRun::of_this_process().variable();
/// assert_eq!(variable, "WHIMBREL_TEST_RUN");
/// let status = std::process::Command::new("true").env(variable, value).status();
/// # assert!(status.unwrap().success());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestRun {
    pub(crate) process: ProcessId,
    /// Somebody asked for this run by the variable, and reads afterwards what was used.
    asked_for: bool,
}

impl TestRun {
    /// The run that this process is part of.
    ///
    /// # Errors
    /// [`Environment`](ServerErrorKind::Environment) if the variable names no process that is running.
    pub fn current() -> Result<Self, ServerError> {
        static CURRENT: OnceLock<Result<TestRun, ServerError>> = OnceLock::new();
        CURRENT.get_or_init(Self::look).clone()
    }

    /// A run that lasts as long as this process.
    pub fn of_this_process() -> Self {
        Self { process: ProcessId::current(), asked_for: true }
    }

    /// A run that lasts as long as the process with this number.
    pub fn of_process(pid: u32) -> Self {
        Self { process: ProcessId::of(pid), asked_for: true }
    }

    /// What a test process has to find in its environment to be part of this run.
    pub fn variable(&self) -> (&'static str, String) {
        (VARIABLE, self.process.to_string())
    }

    /// The servers that the tests of this run have used so far, as `postgres-15.18`, sorted; those named by a URL as
    /// `postgres-url`. Known only of runs named by the variable.
    pub fn servers_used(&self) -> Vec<String> {
        let entries = fs::read_dir(self.used()).into_iter().flatten().flatten();
        let mut used: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        used.sort();
        used
    }

    /// Forgets which servers were used, and leaves nothing of that in the folder for temporary files.
    pub fn forget_servers_used(&self) {
        // What is not there is forgotten already.
        let _ = fs::remove_dir_all(self.used());
    }

    /// Where this run has its shared servers. Not made yet, perhaps.
    pub(crate) fn folder(&self) -> PathBuf {
        place::temporary().join(format!("whimbrel-{}", self.process))
    }

    /// Notes that a server was used. Whether that can be noted must not matter to a test.
    pub(crate) fn note_use(&self, server: &str) {
        if self.asked_for {
            let _ = place::make_folder(&self.used());
            let _ = fs::write(self.used().join(server), "");
        }
    }

    /// Not beside the servers, whose data whoever reads this may not know to be elsewhere.
    fn used(&self) -> PathBuf {
        env::temp_dir().join(format!("whimbrel-{}.used", self.process))
    }

    fn look() -> Result<Self, ServerError> {
        let own = ProcessId::current();
        let Some(text) = env::var_os(VARIABLE) else {
            let process = own.ancestor(RUNNERS).unwrap_or(own);
            return Ok(Self { process, asked_for: false });
        };
        let process = text.to_str().and_then(|text| text.parse::<ProcessId>().ok());
        match process {
            Some(process) if process.is_alive() => Ok(Self { process, asked_for: true }),
            _ => Err(ServerError::new(
                ServerErrorKind::Environment,
                format!("{VARIABLE} names no process that is running: unset it"),
            )),
        }
    }
}
