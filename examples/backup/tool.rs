//! Runs a program that makes or checks a dump. Shows nothing of a password, whatever the program says.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use whimbrel::{DatabaseUrl, Host, Receipt, Secret, StepError};

/// The one host of a URL; a dump of whichever host of several answers first might be one of a standby that is behind.
pub(crate) fn host(url: &DatabaseUrl) -> Result<&Host, StepError> {
    match url.hosts() {
        [host] => Ok(host),
        _ => Err("a backup is of one host: name it".into()),
    }
}

/// The database's name; it also names the dump, so it must be no path.
pub(crate) fn database(url: &DatabaseUrl) -> Result<&str, StepError> {
    let name = url.database().ok_or("the URL names no database")?;
    let plain = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    if name.starts_with('-') || !name.chars().all(plain) {
        return Err("the database's name is none for a file".into());
    }
    Ok(name)
}

/// Runs it to its end. Its last words are part of the error, without the password.
pub(crate) fn run(mut command: Command, password: Option<&Secret>) -> Result<String, StepError> {
    let program = PathBuf::from(command.get_program()).display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    let last = match password {
        Some(password) if last.contains(password.expose()) => "(it repeats the password)",
        _ => last,
    };
    Err(format!("{program} has failed ({}): {last}", output.status).into())
}

/// Runs what blocks beside the runtime.
pub(crate) async fn aside(
    work: impl FnOnce() -> Result<Receipt, StepError> + Send + 'static,
) -> Result<Receipt, StepError> {
    tokio::task::spawn_blocking(work).await?
}
