//! Finds the configuration file, and says whether somebody else may have put it there. Reads none of it.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::FILE_NAME;
use super::problem::Problem;

/// The file, open.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: File,
    /// As people are to see it.
    pub(super) shown: PathBuf,
    /// Its folder, to which paths in it are relative.
    pub(super) folder: PathBuf,
}

/// The file that was named by an argument or a variable.
pub(super) fn named(path: &Path, start: &Path) -> Result<Found, Problem> {
    let place = start.join(path);
    let file = File::open(&place).map_err(|error| unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(Problem::new(format!("{} is a folder, and no configuration file", path.display()))
            .with_next(format!("name the file in it, as {FILE_NAME}")));
    }
    let folder = place.parent().map(Path::to_owned).unwrap_or_default();
    Ok(Found { file, shown: path.to_owned(), folder })
}

/// Searches the folder and those above it: not above the one that holds `.git`, nor above home.
pub(super) fn search(start: &Path, home: Option<&Path>) -> Result<Option<Found>, Problem> {
    let here = if start.as_os_str().is_empty() { Path::new(".") } else { start };
    let absolute = here.canonicalize().map_err(|error| {
        Problem::new(format!("the working directory cannot be told: {error}"))
            .with_next("change into one that exists, or name the configuration with `--config`")
    })?;
    let home = home.and_then(|home| home.canonicalize().ok());
    let mut up = PathBuf::new();
    for folder in absolute.ancestors() {
        let place = folder.join(FILE_NAME);
        let shown = up.join(FILE_NAME);
        match std::fs::metadata(&place) {
            // What is no file (a pipe) would be waited for.
            Ok(metadata) if !metadata.is_file() => {}
            Ok(_) => {
                let file = File::open(&place).map_err(|error| unreadable(&shown, &error))?;
                let metadata = file.metadata().map_err(|error| unreadable(&shown, &error))?;
                check(&metadata, &absolute, folder != absolute, &shown)?;
                // Relative to where the command was called, if that was said so: people read these paths.
                let folder = if start.is_absolute() { folder.to_owned() } else { start.join(&up) };
                return Ok(Some(Found { file, shown, folder }));
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(unreadable(&shown, &error)),
        }
        if folder.join(".git").exists() || Some(folder) == home.as_deref() {
            break;
        }
        up.push("..");
    }
    Ok(None)
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Problem::new(format!("the configuration file {path} does not exist"))
            .with_next("make it, or give its right path"),
        _ => Problem::new(format!("the configuration file {path} cannot be read: {error}"))
            .with_next("give this user the right to read it, or name another one with `--config`"),
    }
}

/// Refuses a file that was not named and that somebody else may have put there: what it says decides which scripts run with
/// the rights of this user's secrets.
#[cfg(unix)]
fn check(file: &Metadata, start: &Path, above: bool, shown: &Path) -> Result<(), Problem> {
    use std::os::unix::fs::MetadataExt as _;

    let owner_of_start = match above {
        true => Some(std::fs::metadata(start).map_err(|error| unreadable(shown, &error))?.uid()),
        false => None,
    };
    doubt(file.mode(), file.uid(), owner_of_start).map_or(Ok(()), |(wrong, next)| {
        Err(Problem::new(format!("{} {wrong}", shown.display())).with_next(next))
    })
}

/// Modes and owners are Unix'.
#[cfg(not(unix))]
fn check(_file: &Metadata, _start: &Path, _above: bool, _shown: &Path) -> Result<(), Problem> {
    Ok(())
}

/// Why a file is not to be relied on. A file above the working directory has to belong to the owner of that, or to root: in
/// a folder like `/tmp` anybody can put one.
#[cfg(unix)]
fn doubt(mode: u32, owner: u32, owner_of_start: Option<u32>) -> Option<(&'static str, &'static str)> {
    if mode & 0o002 != 0 {
        return Some((
            "may be written to by everybody",
            "take that right away (`chmod o-w`), or name the file with `--config`",
        ));
    }
    if owner != 0 && owner_of_start.is_some_and(|of_start| of_start != owner) {
        return Some((
            "lies above the working directory, and belongs to somebody else",
            "look at it, and if it is meant, name it with `--config`",
        ));
    }
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::doubt;

    #[test]
    fn a_file_that_others_may_have_put_there_is_doubted() {
        assert!(doubt(0o100_646, 1000, None).is_some(), "everybody may write to it");
        assert!(doubt(0o100_644, 1001, Some(1000)).is_some(), "somebody else's, above");
        assert!(doubt(0o100_644, 1001, Some(0)).is_some(), "somebody else's, above root's folder");
        assert!(doubt(0o100_664, 1000, Some(1000)).is_none(), "one's own, above");
        assert!(doubt(0o100_644, 0, Some(1000)).is_none(), "root's, above");
        assert!(doubt(0o100_644, 1001, None).is_none(), "in the working directory itself");
    }
}
