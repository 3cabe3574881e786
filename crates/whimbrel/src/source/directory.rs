//! A directory of migration files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::Source;
use super::assemble::{SourceFile, files_error};
use crate::error::{Error, ErrorKind, Result};
use crate::layout;
use crate::migration::{MigrationSet, SetName};

/// A directory of migration files, read at run time.
///
/// If it holds a folder with the dialect's name (`sqlite`, `postgres`, …), that folder is the set's directory for the
/// dialect. Its files are checked against its `whimbrel.sum`; a directory without one is refused unless
/// [`unlocked`](Self::unlocked).
///
/// ```
/// use whimbrel::Directory;
/// let source = Directory::new("migrations").recursive();
/// ```
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    set: Option<SetName>,
    recursive: bool,
    unlocked: bool,
}

impl Directory {
    /// The directory at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), set: None, recursive: false, unlocked: false }
    }

    /// Names the set. Without, it has the manifest's name, or `app`.
    #[must_use]
    pub fn with_set(mut self, set: SetName) -> Self {
        self.set = Some(set);
        self
    }

    /// Also reads the files in folders below it.
    #[must_use]
    pub fn recursive(mut self) -> Self {
        self.recursive = true;
        self
    }

    /// Accepts a directory without a manifest: what runs is then whatever lies in it.
    #[must_use]
    pub fn unlocked(mut self) -> Self {
        self.unlocked = true;
        self
    }

    /// Reads the files now, without an async runtime.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn read(&self, dialect: &str) -> Result<MigrationSet> {
        let own = self.path.join(dialect);
        let path = if own.is_dir() { own } else { self.path.clone() };
        let root = path.to_string_lossy().into_owned();
        let mut walk = Walk { recursive: self.recursive, files: Vec::new(), wrong: Vec::new() };
        walk.folder(&path, "").map_err(|(path, error)| unreadable(&path, &error))?;
        if !walk.wrong.is_empty() {
            return Err(files_error(walk.wrong));
        }
        let sum = path.join(layout::MANIFEST_FILE);
        let manifest = match read_file(&sum) {
            Ok(bytes) => Some(
                String::from_utf8(bytes)
                    .map_err(|_| Error::new(ErrorKind::Files, format!("{} is not UTF-8", sum.display())))?,
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&sum, &error)),
        };
        let set = MigrationSet::from_files(self.set.clone(), &root, walk.files, manifest.as_deref())?;
        let set = match signature(&path.join(layout::SIGNATURE_FILE))? {
            Some(signature) => set.with_signature(signature),
            None => set,
        };
        Ok(if self.unlocked { set.unlocked() } else { set })
    }
}

#[async_trait]
impl Source for Directory {
    // Some small files, read once per run: not worth a thread.
    async fn load(&self, dialect: &str) -> Result<MigrationSet> {
        self.read(dialect)
    }
}

struct Walk {
    recursive: bool,
    files: Vec<SourceFile>,
    wrong: Vec<String>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, below: &str) -> Result<(), (PathBuf, io::Error)> {
        let at_folder = |error| (folder.to_owned(), error);
        for entry in fs::read_dir(folder).map_err(at_folder)? {
            let entry = entry.map_err(at_folder)?;
            let path = entry.path();
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                self.wrong.push(format!("{}: its name is not UTF-8", path.display()));
                continue;
            };
            if layout::is_ignored(&name) {
                continue;
            }
            let below = format!("{below}{name}");
            let kind = fs::metadata(&path).map_err(|error| (path.clone(), error))?;
            if kind.is_dir() && self.recursive {
                self.folder(&path, &format!("{below}/"))?;
            } else if kind.is_dir() {
                self.wrong.push(format!(
                    "{}: a folder, and folders are not read unless asked: use `recursive`, or name it after the dialect",
                    path.display()
                ));
            } else if kind.is_file() {
                let bytes = read_file(&path).map_err(|error| (path, error))?;
                self.files.push(SourceFile { path: below, bytes });
            } else {
                self.wrong.push(format!("{}: neither a file nor a folder", path.display()));
            }
        }
        Ok(())
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    read_whole(file, length)
}

/// What lies beside the manifest as its signature. It is not to be trusted yet, so no more of it is read than a signature
/// may have, and nothing that may have no end.
fn signature(path: &Path) -> Result<Option<Vec<u8>>> {
    let kind = match fs::metadata(path) {
        Ok(kind) => kind,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let wrong = |what: String| Err(Error::new(ErrorKind::Files, format!("{} {what}", path.display())));
    if !kind.is_file() {
        return wrong("is not a file".to_owned());
    }
    if kind.len() > layout::SIGNATURE_LIMIT {
        return wrong(format!(
            "is too long for a signature: it has {} bytes, and may have {}",
            kind.len(),
            layout::SIGNATURE_LIMIT
        ));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(layout::SIGNATURE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    Ok(Some(bytes))
}

/// Reads all of a file, and refuses half of it: an error in the middle, or a length other than the file had when it was
/// opened, must never pass for the end of a script.
fn read_whole(mut file: impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(1 << 20));
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::Error::other(format!(
            "it changed while it was read: {} bytes instead of {length}; run again when nobody writes to it",
            bytes.len()
        )));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let what = match error.kind() {
        io::ErrorKind::NotFound => {
            "is not there: check the path, which is relative to the working directory".to_owned()
        }
        io::ErrorKind::PermissionDenied => "cannot be read: give this process the right to".to_owned(),
        io::ErrorKind::NotADirectory => "is not a directory".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Error::new(ErrorKind::Files, format!("{} {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing<'a>(&'a [u8]);

    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("medium"));
            }
            self.0.read(buffer)
        }
    }

    #[test]
    fn a_file_that_shrinks_or_fails_while_it_is_read_is_refused() {
        let text = b"CREATE TABLE t (a); DROP TABLE u;".as_slice();
        assert_eq!(read_whole(text, text.len() as u64).map(|bytes| bytes.len()).ok(), Some(text.len()));
        for end in 0..text.len() {
            let error =
                read_whole(&text[..end], text.len() as u64).map_or_else(|e| e.to_string(), |_| String::new());
            assert!(error.contains("changed while it was read"), "{end}: {error}");
            assert!(read_whole(Failing(&text[..end]), text.len() as u64).is_err(), "{end}");
        }
        assert!(read_whole(text, 3).is_err());
    }
}
