//! Runs other programs, and says which. Knows nothing of what they are for.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::{env, thread};

use crate::failure::{Failure, Result};
use crate::workspace;

/// A program to run at the workspace's root, without standard input.
pub(crate) struct Command {
    inner: process::Command,
    shown: String,
}

impl Command {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut inner = process::Command::new(program.as_ref());
        inner.current_dir(workspace::root()).stdin(Stdio::null());
        Self { inner, shown: program.as_ref().to_string_lossy().into_owned() }
    }

    /// `cargo` with these words, separated by spaces.
    pub(crate) fn cargo(words: &str) -> Self {
        Self::new("cargo").args(words.split_whitespace())
    }

    pub(crate) fn args(mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        for word in words {
            self.shown += &format!(" {}", quoted(word.as_ref()));
            self.inner.arg(word);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{name}={} {}", quoted(value.as_ref()), self.shown);
        self.inner.env(name, value);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// Runs it with its output on ours.
    pub(crate) fn run(mut self) -> Result<()> {
        self.announce();
        let status = self.inner.status().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("`{}`: {status}", self.shown))) }
    }

    /// Runs it and gives what it wrote to its standard output.
    pub(crate) fn read(mut self) -> Result<String> {
        self.announce();
        let output =
            self.inner.stderr(Stdio::inherit()).output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(Failure::new(format!("`{}`: {}", self.shown, output.status)))
        }
    }

    /// Runs it with its output on ours, and gives all of it, line by line and without colours, beside
    /// how it ended.
    pub(crate) fn watch(mut self) -> Result<Watched> {
        self.announce();
        if io::stderr().is_terminal() {
            // It writes to a pipe, and would drop the colours that the person at the terminal expects.
            self.inner.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = self
            .inner
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let out = child.stdout.take().expect("it was asked for");
        let err = child.stderr.take().expect("it was asked for");
        // Both are read at once: a pipe that nobody empties would stop the program.
        let (out, err) = thread::scope(|scope| {
            let err = scope.spawn(|| copy_lines(err, io::stderr()));
            (copy_lines(out, io::stdout()), err.join().expect("copying lines does not panic"))
        });
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        let mut lines = out;
        lines.extend(err);
        Ok(Watched { lines, success: status.success() })
    }

    fn announce(&self) {
        println!("$ {}", self.shown);
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        Failure::new(format!("`{}` could not be run: {error}", self.shown))
    }
}

/// What a program wrote, and whether it ended well.
pub(crate) struct Watched {
    pub(crate) lines: Vec<String>,
    pub(crate) success: bool,
}

/// A word as a shell would take it; enough for what the chores run, which holds no quotes.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains(char::is_whitespace) {
        format!("'{word}'")
    } else {
        word.into_owned()
    }
}

/// Where the search path has this program.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

fn copy_lines(from: impl Read, mut to: impl Write) -> Vec<String> {
    let mut lines = Vec::new();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A pipe that cannot be read any more has ended, and a reader of ours that went away does not matter
    // to the outcome: neither is an error here.
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let _ = to.write_all(&line).and_then(|()| to.flush());
        lines.push(without_colours(String::from_utf8_lossy(&line).trim_end()));
        line.clear();
    }
    lines
}

/// Takes out the escape sequences that set colours (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut pieces = line.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain += piece.split_once('m').map_or(piece, |(_, rest)| rest);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out_of_a_line() {
        assert_eq!(without_colours("\x1b[32;1m  Summary\x1b[0m [ 1 ] m"), "  Summary [ 1 ] m");
        assert_eq!(without_colours("plain"), "plain");
    }

    #[test]
    fn both_streams_and_the_outcome_are_watched() {
        let watched = Command::new("sh")
            .args(["-c", "echo out; echo err >&2; exit 3"])
            .watch()
            .expect("a shell can be started");
        assert_eq!(watched.lines, ["out", "err"]);
        assert!(!watched.success);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = Command::new("no-such-program").run().expect_err("it is not there");
        assert!(failure.to_string().contains("`no-such-program` could not be run"), "{failure}");
    }
}
