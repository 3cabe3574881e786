//! The process that starts a server, and that ends it and removes its data when whoever uses it is gone. Knows
//! nothing of kinds of servers.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{ServerError, ServerErrorKind};
use super::place::Place;
use super::process::ProcessId;

/// How long a server may take to prepare its data and to be ready. It is far more than any needs: the machine may be
/// busy with many tests.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(15);

/// It runs in a process group of its own, so that neither Ctrl-C nor a test runner's time-out reaches it.
const SCRIPT: &str = include_str!("supervisor.sh");

/// What a server is started with.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// Programs that prepare the data, in order.
    pub(crate) prepare: Vec<Vec<String>>,
    /// The server, which must stay in the foreground.
    pub(crate) server: Vec<String>,
    /// The signal at which the server ends soon and leaves nothing behind outside its folder.
    pub(crate) end: &'static str,
    /// Files beside the place that are about it.
    pub(crate) beside: Vec<PathBuf>,
}

/// Whose end is the server's end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lifetime {
    /// The value's, and so at the latest this process's.
    Owner,
    /// That process's.
    Process(ProcessId),
}

/// A supervisor, seen from the process that started it. One with [`Lifetime::Owner`] ends, with its server, when this
/// is dropped.
#[derive(Debug)]
pub(crate) struct Supervisor {
    child: Child,
    lifetime: Lifetime,
    folder: PathBuf,
}

impl Supervisor {
    /// Starts the server, and waits until `ready` says so; it is asked with the server's process id.
    pub(crate) fn start(
        place: &Place,
        launch: &Launch,
        lifetime: Lifetime,
        ready: &dyn Fn(u32) -> bool,
    ) -> Result<Self, ServerError> {
        let (pid, start) = match lifetime {
            Lifetime::Owner => ("owner".to_owned(), String::new()),
            Lifetime::Process(ProcessId { pid, start }) => (pid.to_string(), start.to_string()),
        };
        let prepare: Vec<_> = launch.prepare.iter().map(|words| quoted(words)).collect();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "whimbrel-supervisor", &pid, &start])
            .arg(&place.folder)
            .args([launch.end, &prepare.join(" && "), &quoted(&launch.server)])
            .args(&launch.beside)
            .current_dir("/")
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .stdin(match lifetime {
                Lifetime::Owner => Stdio::piped(),
                Lifetime::Process(_) => Stdio::null(),
            });
        let child = command.spawn().map_err(ServerError::running("/bin/sh"))?;
        let mut supervisor = Self { child, lifetime, folder: place.folder.clone() };
        let waited = supervisor.wait_until_ready(ready);
        if waited.is_err() {
            supervisor.end();
        }
        waited.map(|()| supervisor)
    }

    /// The server's process id, unless it was killed.
    pub(crate) fn server(&self) -> Option<u32> {
        server_in(&self.folder)
    }

    /// Sends this signal to the server and its children, and waits until it has ended.
    pub(crate) fn signal(&mut self, signal: &str) -> Result<(), ServerError> {
        self.tell(&format!("end {signal}"))?;
        let deadline = Instant::now() + PATIENCE;
        while self.server().is_some() {
            if Instant::now() > deadline {
                let sentence = format!("the server did not end at SIG{signal}");
                return Err(ServerError::new(ServerErrorKind::Machine, sentence));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Starts the server again, on the data that it left.
    pub(crate) fn start_again(&mut self, ready: &dyn Fn(u32) -> bool) -> Result<(), ServerError> {
        self.tell("start")?;
        self.wait_until_ready(ready)
    }

    fn tell(&mut self, words: &str) -> Result<(), ServerError> {
        let pipe = self.child.stdin.as_mut().ok_or_else(|| {
            ServerError::new(ServerErrorKind::NotOwned, "the server is shared: start one of your own")
        })?;
        writeln!(pipe, "{words}").map_err(ServerError::running("whimbrel-supervisor"))
    }

    fn wait_until_ready(&mut self, ready: &dyn Fn(u32) -> bool) -> Result<(), ServerError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let server = self.server();
            if server.is_some_and(ready) {
                return Ok(());
            }
            let problem = if self.folder.join("unprepared").exists() {
                "its data could not be prepared"
            } else if server.is_some_and(|pid| !ProcessId::of(pid).is_alive()) {
                "it ended"
            } else if Instant::now() > deadline {
                "it was not ready in time"
            } else {
                thread::sleep(PAUSE);
                continue;
            };
            let sentence =
                format!("a server was started, but {problem}:\n{}", said(&self.folder.join("log")));
            return Err(ServerError::new(ServerErrorKind::NotStarted, sentence));
        }
    }

    /// Ends the server and removes its folder; returns when that is done.
    fn end(&mut self) {
        match self.lifetime {
            Lifetime::Owner => drop(self.child.stdin.take()),
            Lifetime::Process(_) => {
                let pid = self.child.id().to_string();
                // If it does not work, the end of the run will do the same.
                let _ = Command::new("/bin/sh").args(["-c", "kill -TERM \"$1\"", "sh", &pid]).status();
            }
        }
        let _ = self.child.wait();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        match self.lifetime {
            Lifetime::Owner => self.end(),
            // It goes on for the others.
            Lifetime::Process(_) => {}
        }
    }
}

/// The process of the server in this folder, unless it was killed.
pub(crate) fn server_in(folder: &Path) -> Option<u32> {
    fs::read_to_string(folder.join("pid")).ok()?.trim().parse().ok()
}

/// The last lines of a log.
pub(crate) fn said(log: &Path) -> String {
    const MANY: u64 = 4_096;
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        // A log that cannot be read says nothing, which is shown as such.
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(MANY)));
        let _ = file.read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(12)..];
    if last.is_empty() { "it said nothing".to_owned() } else { last.join("\n") }
}

/// Words as the shell takes them, whatever they hold.
fn quoted(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_shell_as_they_are() {
        let words = ["printf", "%s|", "it's", "$HOME", "a b", "`x`", ""].map(str::to_owned);
        let output = Command::new("sh").args(["-c", &quoted(&words)]).output().expect("there is a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "it's|$HOME|a b|`x`||");
    }
}
