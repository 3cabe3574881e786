//! Files for this user only: one that holds a password for as long as a tool needs it, and one for a backup.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// A file for this user only, gone with the value. What was in it is overwritten first.
pub(crate) struct PrivateFile {
    path: PathBuf,
    length: usize,
}

impl PrivateFile {
    /// Writes a new file into a folder. Whoever may list the folder sees its name, and no more.
    pub(crate) fn write(folder: &Path, text: &str) -> io::Result<Self> {
        let path = create(folder, &format!(".login-{}", std::process::id()), "")?;
        let this = Self { path, length: text.len() };
        OpenOptions::new().write(true).open(&this.path)?.write_all(text.as_bytes())?;
        Ok(this)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        // Nobody is left to tell; it is for this user only, whatever happens to it.
        if let Ok(mut file) = OpenOptions::new().write(true).open(&self.path) {
            let _ = file.write_all(&vec![0; self.length]).and_then(|()| file.sync_all());
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// Creates a new file of this name, with a number if there is one already.
pub(crate) fn create(folder: &Path, name: &str, extension: &str) -> io::Result<PathBuf> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 1;
    loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{name}{suffix}{extension}"));
        match options.open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}
