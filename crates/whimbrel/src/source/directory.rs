//! A directory of migration files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::Source;
use super::assemble::{SourceFile, files_error};
use super::writers::{Doubt, Watch, Writers};
use crate::error::{Error, ErrorKind, Result};
use crate::layout;
use crate::limits::Limits;
use crate::migration::{MigrationSet, SetName};

/// A directory of migration files, read at run time.
///
/// If it holds a folder with the dialect's name (`sqlite`, `postgres`, …), that folder is the set's directory for the
/// dialect, and there must be no migrations beside it. Its files are checked against its `whimbrel.sum`; a directory without one is refused unless
/// [`unlocked`](Self::unlocked).
///
/// What everybody may write to is refused, be it the directory, a folder or a file, and so is a link that leads out of
/// the directory: see [`with_writers`](Self::with_writers) and [`following_links`](Self::following_links). In production
/// ask for [`Writers::Owner`], or embed the set.
///
/// ```
/// use whimbrel::{Directory, Writers};
/// let source = Directory::new("migrations").recursive().with_writers(Writers::Owner);
/// ```
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    set: Option<SetName>,
    recursive: bool,
    unlocked: bool,
    without_manifest: bool,
    writers: Writers,
    follows: bool,
    limits: Limits,
}

impl Directory {
    /// The directory at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            set: None,
            recursive: false,
            unlocked: false,
            without_manifest: false,
            writers: Writers::default(),
            follows: false,
            limits: Limits::default(),
        }
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

    /// Reads the migrations alone, whatever lies beside them as their manifest: for programs that write a manifest where the one
    /// that is there cannot be read, as in the middle of a merge. What is read so counts as a directory without a manifest.
    #[must_use]
    pub fn without_manifest(mut self) -> Self {
        self.without_manifest = true;
        self
    }

    /// Who may be able to write to the directory and to what is in it; [`Writers::Group`] if nothing is said.
    #[must_use]
    pub fn with_writers(mut self, writers: Writers) -> Self {
        self.writers = writers;
        self
    }

    /// Follows links that lead out of the directory, as build systems make them; what they lead to is checked as the rest.
    #[must_use]
    pub fn following_links(mut self) -> Self {
        self.follows = true;
        self
    }

    /// How much of it is read into memory; what is larger is refused before it is read.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads the files now, without an async runtime.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn read(&self, dialect: &str) -> Result<MigrationSet> {
        let own = self.path.join(dialect);
        let path = if own.is_dir() { own } else { self.path.clone() };
        if path != self.path && has_migrations(&self.path).map_err(|error| unreadable(&self.path, &error))? {
            // The folder would hide them, and an empty one all of them.
            return Err(Error::new(
                ErrorKind::Files,
                format!(
                    "{} has migrations of its own and a folder `{dialect}`: put all of them into folders, or rename \
                     the folder",
                    self.path.display()
                ),
            ));
        }
        let root = path.to_string_lossy().into_owned();
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| unreadable(&path, &error)
        };
        let watch = Watch::new(self.writers, &self.path, self.follows).map_err(at(&self.path))?;
        let mut walk = Walk {
            recursive: self.recursive,
            watch,
            limits: self.limits,
            bytes: 0,
            files: Vec::new(),
            wrong: Vec::new(),
        };
        if path != self.path {
            // Who may write to the directory may exchange the dialect's folder.
            walk.look_at_folder(&self.path).map_err(at(&self.path))?;
        }
        walk.folder(&path, "").map_err(|(path, error)| unreadable(&path, &error))?;
        let sum = path.join(layout::MANIFEST_FILE);
        let most = Most { bytes: self.limits.manifest_bytes, setting: "manifest_bytes" };
        let manifest = match walk.read_file(&sum, most) {
            Ok(_) if self.without_manifest => None,
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&sum, &error)),
        };
        let signature = signature(&path.join(layout::SIGNATURE_FILE), &mut walk)?;
        if !walk.wrong.is_empty() {
            return Err(files_error(walk.wrong));
        }
        let manifest = manifest.map(String::from_utf8).transpose();
        let manifest =
            manifest.map_err(|_| Error::new(ErrorKind::Files, format!("{} is not UTF-8", sum.display())))?;
        let set = MigrationSet::from_files(self.set.clone(), &root, walk.files, manifest.as_deref())?;
        let set = match signature {
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

/// How many names in folders that are not read are looked at, to tell what they are.
const NAMES: usize = 1000;

/// Collects the names of files in a folder that is not read. What cannot be looked at is left out: they are for advice only.
fn names_below(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if names.len() >= NAMES {
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => names_below(&entry.path(), names),
            _ => names.push(entry.file_name().to_string_lossy().into_owned()),
        }
    }
}

/// Whether migrations or their manifest lie in this very folder.
fn has_migrations(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let own = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name == layout::MANIFEST_FILE || layout::parse_file_name(name).is_ok());
        if own && !entry.path().is_dir() {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Walk {
    recursive: bool,
    watch: Watch,
    limits: Limits,
    /// How many bytes were read.
    bytes: u64,
    files: Vec<SourceFile>,
    wrong: Vec<String>,
}

/// How many bytes a file may have, and which limit says so.
struct Most {
    bytes: u64,
    setting: &'static str,
}

impl Walk {
    fn folder(&mut self, folder: &Path, below: &str) -> Result<(), (PathBuf, io::Error)> {
        let at_folder = |error| (folder.to_owned(), error);
        self.look_at_folder(folder).map_err(at_folder)?;
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
                let mut names = Vec::new();
                names_below(&path, &mut names);
                let advice = layout::folder_advice(names.iter().map(String::as_str));
                self.wrong.push(format!("{}: {advice}", path.display()));
            } else if kind.is_file() {
                let most = Most { bytes: self.limits.script_bytes, setting: "script_bytes" };
                if let Some(bytes) = self.read_file(&path, most).map_err(|error| (path.clone(), error))? {
                    self.count(bytes.len() as u64).map_err(|error| (folder.to_owned(), error))?;
                    self.files.push(SourceFile { path: below, bytes });
                }
            } else {
                self.wrong.push(format!("{}: neither a file nor a folder", path.display()));
            }
        }
        Ok(())
    }

    /// Whether others may put something into a folder, or it lies elsewhere.
    fn look_at_folder(&mut self, folder: &Path) -> io::Result<()> {
        let doubt = match self.watch.path(folder)? {
            Some(doubt) => Some(doubt),
            // Reading it will tell; to open a pipe would be to wait.
            None if !fs::metadata(folder)?.is_dir() => None,
            // A folder cannot be opened everywhere; its mode can be looked at on Unix only.
            None if cfg!(unix) => {
                let open = File::open(folder)?;
                self.watch.open(&open, &open.metadata()?)?
            }
            None => None,
        };
        self.doubt(folder, doubt);
        Ok(())
    }

    fn doubt(&mut self, path: &Path, doubt: Option<Doubt>) -> bool {
        if let Some(doubt) = doubt {
            self.wrong.push(format!("{}: {}", path.display(), doubt.as_str()));
        }
        doubt.is_some()
    }

    /// Opens a file if it is to be relied on; what is found belongs to the file that is then read.
    fn open(&mut self, path: &Path) -> io::Result<Option<(File, u64)>> {
        let outside = self.watch.path(path)?;
        if self.doubt(path, outside) {
            return Ok(None);
        }
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let doubt = self.watch.open(&file, &metadata)?;
        Ok((!self.doubt(path, doubt)).then_some((file, metadata.len())))
    }

    fn read_file(&mut self, path: &Path, most: Most) -> io::Result<Option<Vec<u8>>> {
        let Some((file, length)) = self.open(path)? else { return Ok(None) };
        if length > most.bytes {
            let (bytes, setting) = (most.bytes, most.setting);
            self.wrong.push(format!(
                "{}: it has {length} bytes, and may have {bytes}: if that is meant, raise `{setting}` of `Limits`",
                path.display()
            ));
            return Ok(None);
        }
        read_whole(file, length).map(Some)
    }

    /// Counts a file that was read.
    fn count(&mut self, bytes: u64) -> io::Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        let over = |what: &str, most: u64, setting: &str| {
            Err(io::Error::other(format!(
                "it has more than {most} {what}: if that is meant, raise `{setting}` of `Limits`"
            )))
        };
        if self.bytes > self.limits.directory_bytes {
            return over("bytes of files", self.limits.directory_bytes, "directory_bytes");
        }
        if self.files.len() as u64 >= self.limits.files {
            return over("files", self.limits.files, "files");
        }
        Ok(())
    }
}

/// What lies beside the manifest as its signature. It is not to be trusted yet, so no more of it is read than a signature
/// may have, and nothing that may have no end.
fn signature(path: &Path, walk: &mut Walk) -> Result<Option<Vec<u8>>> {
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
    let Some((file, _)) = walk.open(path).map_err(|error| unreadable(path, &error))? else {
        return Ok(None);
    };
    file.take(layout::SIGNATURE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    Ok(Some(bytes))
}

/// Reads all of a file, and refuses half of it: an error in the middle, or a length other than the file had when it was
/// opened, must never pass for the end of a script.
fn read_whole(mut file: impl Read, length: u64) -> io::Result<Vec<u8>> {
    // Room for all of it at once: one that grew would have room for up to twice as much.
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).map_err(io::Error::other)?).map_err(io::Error::other)?;
    // A file that grows meanwhile is not read to its end.
    file.by_ref().take(length.saturating_add(1)).read_to_end(&mut bytes)?;
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

    #[test]
    fn a_dialects_folder_hides_no_migrations_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("0001_users.sql");
        fs::create_dir(folder.path().join("sqlite")).expect("a folder");
        let read = |dialect: &str| {
            Directory::new(folder.path()).unlocked().with_writers(Writers::Anyone).read(dialect)
        };
        fs::write(folder.path().join("README.md"), "of people").expect("a file");
        assert_eq!(read("sqlite").expect("an empty set").iter().count(), 0);
        for own in [file, folder.path().join(layout::MANIFEST_FILE)] {
            fs::write(&own, "SELECT 1;\n").expect("a file");
            let error = read("sqlite").map_or_else(|error| error.to_string(), |_| String::new());
            assert!(error.contains("has migrations of its own and a folder `sqlite`"), "{error}");
            fs::remove_file(&own).expect("a file");
        }
    }
}
