//! Runs a script as a person would: with the database's own client. Knows no plan.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use whimbrel_testkit::{Installation, ServerKind};

use crate::remote::Remote;

/// The whole script, or as much of it as there is, on a server. Fails with the client's words.
///
/// # Errors
/// The client says that it has failed.
///
/// # Panics
/// There is no such client: it comes with the server, or in a package of its own (`postgresql-client`, `mariadb-client`,
/// `mysql-client`).
pub fn on(remote: &Remote, script: &str) -> Result<(), String> {
    let server = remote.server();
    let port = server.port().to_string();
    let mut command = match remote.kind() {
        ServerKind::Postgres => {
            let mut command = Command::new("psql");
            command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", server.host(), "-p", &port]);
            command
                .args(["-U", server.user(), "-d", remote.name(), "-f", "-"])
                .env("PGCLIENTENCODING", "UTF8");
            command
        }
        kind => {
            let mut command = Command::new(client(kind));
            command.args([
                "--no-defaults",
                "--protocol=tcp",
                "-h",
                server.host(),
                "-P",
                &port,
                "-u",
                server.user(),
            ]);
            command.args([
                "--default-character-set=utf8mb4",
                "--binary-mode",
                "--comments",
                "--skip-reconnect",
            ]);
            command.arg(remote.name());
            command
        }
    };
    fed(&mut command, script)
}

/// The same for a file, by the shell of SQLite where there is one; else as its library cuts it.
///
/// # Errors
/// A statement fails.
///
/// # Panics
/// The file cannot be opened.
pub fn on_file(path: &Path, script: &str) -> Result<(), String> {
    if Command::new("sqlite3").arg("--version").stdout(Stdio::null()).status().is_ok() {
        return fed(Command::new("sqlite3").args(["-batch", "-bail"]).arg(path), script);
    }
    by_library(path, script)
}

/// The same for a file, as SQLite's library cuts it.
///
/// # Errors
/// A statement fails.
///
/// # Panics
/// The file cannot be opened.
pub fn by_library(path: &Path, script: &str) -> Result<(), String> {
    let db = Connection::open(path).expect("the database opens");
    // The shell's own command is none of SQLite's.
    db.execute_batch(&script.replacen(".bail on\n", "", 1)).map_err(|error| error.to_string())
}

/// The client that came with the server, or else the machine's; each speaks to the other's server.
fn client(kind: ServerKind) -> PathBuf {
    let name = if kind == ServerKind::MariaDb { "mariadb" } else { "mysql" };
    let beside = Installation::find(kind, None).ok().map(|one| one.folder().join("../bin").join(name));
    beside.filter(|program| program.is_file()).unwrap_or_else(|| name.into())
}

fn fed(command: &mut Command, script: &str) -> Result<(), String> {
    let mut client = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Who has failed reads no more.
    let _ = client.stdin.take().expect("it is piped").write_all(script.as_bytes());
    let output = client.wait_with_output().expect("it ends");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The script up to each place where the client has been given whole statements.
pub fn beginnings(script: &str) -> Vec<&str> {
    let mut at = 0;
    let mut beginnings = Vec::new();
    let mut delimiter = ";";
    for line in script.split_inclusive('\n') {
        at += line.len();
        let text = line.trim_end();
        if let Some(other) = text.strip_prefix("DELIMITER ") {
            delimiter = other;
        } else if !text.starts_with("--") && (text.ends_with(delimiter) || text.ends_with("\\gset")) {
            beginnings.push(&script[..at]);
        }
    }
    beginnings
}
