//! Reads a file that decides what runs: the keys of signers, a script that prepares connections.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::writers::{Doubt, Watch, Writers};
use crate::error::{Error, ErrorKind, Result};

/// A file beside the migrations that decides what runs, and so is held to the rules of the migrations themselves.
///
/// The *open* file is looked at, each time: it has to be a regular file that no one but the allowed
/// [`Writers`] can write to, in a folder of which the same is true. A link that leads out of its folder is refused, and so is a
/// file in the directory that it protects, under whatever name: whoever can change that directory could change the file too.
///
/// ```no_run
/// use whimbrel::TrustedFile;
///
/// let signers = TrustedFile::new("allowed_signers").apart_from("migrations").read()?;
/// # Ok::<(), whimbrel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrustedFile {
    path: PathBuf,
    writers: Writers,
    apart: Vec<PathBuf>,
}

/// No file of this kind is larger.
const LARGEST: u64 = 16 * 1024 * 1024;

impl TrustedFile {
    /// The file at this path, to which only its owner may be able to write: this process' user or root.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writers: Writers::Owner, apart: Vec::new() }
    }

    /// Who may be able to write to it; [`Writers::Owner`] if nothing is said.
    #[must_use]
    pub fn with_writers(mut self, writers: Writers) -> Self {
        self.writers = writers;
        self
    }

    /// Refuses the file if it lies in this directory, which it protects.
    #[must_use]
    pub fn apart_from(mut self, directory: impl Into<PathBuf>) -> Self {
        self.apart.push(directory.into());
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the text.
    ///
    /// # Errors
    /// Of kind [`Configuration`](ErrorKind::Configuration), with what to do: the file cannot be read, is none, is larger than
    /// 16 MiB, is not UTF-8, can be written to by others, or lies where it must not.
    pub fn read(&self) -> Result<String> {
        let (file, metadata) = self.open()?;
        let length = metadata.len();
        if length > LARGEST {
            return Err(self.refused("is larger than 16 MiB", "name the right file"));
        }
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| self.unreadable(&error))?;
        String::from_utf8(bytes).map_err(|_| self.refused("is not UTF-8", "name the right file"))
    }

    /// Looks at its place only: whether it lies in a directory that it protects.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn check_place(&self) -> Result<()> {
        let place = self.path.canonicalize().map_err(|error| self.unreadable(&error))?;
        let metadata = fs::metadata(&place).map_err(|error| self.unreadable(&error))?;
        self.look_at_place(&place, &metadata)
    }

    fn open(&self) -> Result<(File, Metadata)> {
        let at = |error: io::Error| self.unreadable(&error);
        let place = self.path.canonicalize().map_err(at)?;
        // A path without a folder is in the working directory.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let watch = Watch::new(self.writers, folder, false).map_err(at)?;
        if watch.path(&self.path).map_err(at)?.is_some() {
            return Err(self.refused(
                "is a link that leads out of its folder",
                "name the file that it leads to, or put that file in the place of the link",
            ));
        }
        let file = open(&place).map_err(at)?;
        let metadata = file.metadata().map_err(at)?;
        if !metadata.is_file() {
            return Err(self.refused("is not a file", "name a file"));
        }
        if let Some(doubt) = watch.open(&file, &metadata).map_err(at)? {
            return Err(self.doubted(&self.path, doubt));
        }
        // Whoever may write to the folder can put another file in the place of this one.
        if cfg!(unix) {
            let open = File::open(folder).map_err(at)?;
            let metadata = open.metadata().map_err(at)?;
            if let Some(doubt) = watch.open(&open, &metadata).map_err(at)? {
                return Err(self.doubted(&folder.canonicalize().map_err(at)?, doubt));
            }
        }
        self.look_at_place(&place, &metadata)?;
        Ok((file, metadata))
    }

    fn look_at_place(&self, place: &Path, metadata: &Metadata) -> Result<()> {
        for directory in &self.apart {
            // A directory that is not there holds no file.
            let Ok(protected) = directory.canonicalize() else { continue };
            let inside = place.starts_with(&protected)
                || has_second_name(&protected, metadata).map_err(|error| self.unreadable(&error))?;
            if inside {
                return Err(self.refused(
                    &format!("lies in {}, which it protects", directory.display()),
                    "move it to where those who write migrations cannot change it",
                ));
            }
        }
        Ok(())
    }

    fn doubted(&self, what: &Path, doubt: Doubt) -> Error {
        let quoted = what.display();
        let (wrong, next) = match doubt {
            Doubt::Everybody => {
                let group = if self.writers == Writers::Owner { "g" } else { "" };
                ("everybody may write to", format!("chmod {group}o-w {quoted}"))
            }
            Doubt::Group => ("its group may write to", format!("chmod g-w {quoted}")),
            Doubt::Owner => {
                ("someone other than this user and root owns", format!("chown \"$(id -u)\" {quoted}"))
            }
            Doubt::Outside => ("a link leads out of the folder of", "name the file itself".to_owned()),
        };
        let which = if what == self.path { String::new() } else { format!(" {quoted}, the folder of") };
        Error::new(
            ErrorKind::Configuration,
            format!("{} is not to be relied on: {wrong}{which} it", self.path.display()),
        )
        .with_note("next", next)
    }

    fn refused(&self, what: &str, next: &str) -> Error {
        Error::new(ErrorKind::Configuration, format!("{} {what}", self.path.display()))
            .with_note("next", next)
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        self.refused(&format!("cannot be read: {error}"), "make it, or name the right path")
    }
}

/// Opens without waiting for the other end of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    }
    options.open(path)
}

/// Whether a directory has the same file under another name, by a hard link.
#[cfg(unix)]
fn has_second_name(directory: &Path, file: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    if file.nlink() < 2 {
        return Ok(false);
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let same = (metadata.dev(), metadata.ino()) == (file.dev(), file.ino());
        if same || (metadata.is_dir() && has_second_name(&entry.path(), file)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// There it is not told.
#[cfg(not(unix))]
fn has_second_name(_: &Path, _: &Metadata) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn said(file: &TrustedFile) -> String {
        file.read().map_or_else(|error| format!("{error:#}"), |_| "read".to_owned())
    }

    #[test]
    fn a_file_that_others_can_change_is_refused_by_mode_folder_and_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let (keys, sets) = (folder.path().join("keys"), folder.path().join("sets"));
        fs::create_dir(&keys).expect("a folder");
        fs::create_dir_all(sets.join("below")).expect("a folder");
        mode(&keys, 0o755);
        let path = keys.join("signers");
        fs::write(&path, "text").expect("a file");
        let file = TrustedFile::new(&path).apart_from(&sets);
        for (bits, wrong) in [
            (0o644, "read"),
            (0o400, "read"),
            (0o666, "everybody may write"),
            (0o602, "everybody may write"),
            (0o664, "its group may write"),
        ] {
            mode(&path, bits);
            assert!(said(&file).contains(wrong), "{bits:o}: {}", said(&file));
        }
        assert_eq!(said(&file.clone().with_writers(Writers::Group)), "read");
        mode(&path, 0o644);
        for (bits, wrong) in [(0o777, "everybody may write to"), (0o775, "its group may write to")] {
            mode(&keys, bits);
            assert!(
                said(&file).contains(wrong) && said(&file).contains("the folder of it"),
                "{}",
                said(&file)
            );
        }
        mode(&keys, 0o755);
        // A link in its folder is one of its names; one that leads elsewhere is not.
        symlink("signers", keys.join("near")).expect("a link");
        symlink(&path, sets.join("far")).expect("a link");
        assert_eq!(said(&TrustedFile::new(keys.join("near")).apart_from(&sets)), "read");
        assert!(said(&TrustedFile::new(sets.join("far"))).contains("leads out of its folder"));
        // In the directory that it protects, by its path, by a link of that, or by a second name.
        for inside in [sets.join("signers"), sets.join("below/signers")] {
            fs::write(&inside, "text").expect("a file");
            assert!(said(&TrustedFile::new(&inside).apart_from(&sets)).contains("which it protects"));
        }
        symlink(&sets, folder.path().join("alias")).expect("a link");
        let alias = TrustedFile::new(folder.path().join("alias/signers")).apart_from(&sets);
        assert!(said(&alias).contains("which it protects"), "{}", said(&alias));
        fs::hard_link(&path, sets.join("below/second")).expect("a link");
        assert!(said(&file).contains("which it protects"), "{}", said(&file));
        assert!(file.check_place().is_err());
    }

    #[test]
    fn a_pipe_and_a_folder_are_refused_without_waiting() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        mode(&pipe, 0o600);
        assert!(said(&TrustedFile::new(&pipe)).contains("is not a file"));
        assert!(said(&TrustedFile::new(folder.path())).contains("is not a file"));
        assert!(said(&TrustedFile::new(folder.path().join("none"))).contains("cannot be read"));
    }
}
