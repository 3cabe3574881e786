//! The difference between a directory and what was embedded of it. Reads the directory; never fails, since it is only
//! an aid to who develops.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use include_dir::{Dir, DirEntry};
use whimbrel::layout;

/// What has changed in a directory since it was embedded. Displayed as a line, and one for each file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    directory: &'static str,
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

impl Drift {
    /// Compares; the manifests and signatures come with the folders that they lie in.
    pub(crate) fn since(
        directory: &'static str,
        embedded: &'static Dir<'static>,
        beside: impl Iterator<Item = (Option<&'static str>, &'static str, &'static [u8])>,
    ) -> Option<Self> {
        let mut now = BTreeMap::new();
        read(Path::new(directory), "", &mut now).ok()?;
        let mut then: BTreeMap<String, &[u8]> = BTreeMap::new();
        flatten(embedded, &mut then);
        for (folder, name, bytes) in beside {
            let folder = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
            then.insert(format!("{folder}{name}"), bytes);
        }
        let mut drift = Self { directory, added: Vec::new(), changed: Vec::new(), removed: Vec::new() };
        for (path, bytes) in &now {
            match then.remove(path) {
                None => drift.added.push(path.clone()),
                Some(before) if before != bytes => drift.changed.push(path.clone()),
                Some(_) => {}
            }
        }
        drift.removed = then.into_keys().collect();
        let same = drift.added.is_empty() && drift.changed.is_empty() && drift.removed.is_empty();
        (!same).then_some(drift)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        Path::new(self.directory)
    }

    /// The files that were not there when the program was compiled, with `/` between folders.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// The files that have other bytes.
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// The files that are there no more.
    pub fn removed(&self) -> &[String] {
        &self.removed
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the migrations in {} are not those that this program was built with: lock the directory and build again",
            self.directory
        )?;
        let lists = [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)];
        for (word, paths) in lists {
            for path in paths {
                write!(f, "\n  {word:<7}  {path}")?;
            }
        }
        Ok(())
    }
}

/// All files that were embedded.
fn flatten<'d>(dir: &'d Dir<'static>, files: &mut BTreeMap<String, &'d [u8]>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => flatten(dir, files),
            DirEntry::File(file) => {
                files.insert(file.path().to_string_lossy().into_owned(), file.contents());
            }
        }
    }
}

/// All files that could be migrations, manifests or signatures.
fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let below = format!("{below}{name}");
        let beside = name == layout::MANIFEST_FILE || name == layout::SIGNATURE_FILE;
        if !beside && layout::is_ignored(&name) {
            continue;
        } else if entry.path().is_dir() {
            read(&entry.path(), &format!("{below}/"), files)?;
        } else {
            files.insert(below, fs::read(entry.path())?);
        }
    }
    Ok(())
}
