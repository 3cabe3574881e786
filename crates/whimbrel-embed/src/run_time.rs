//! A directory that `include_dir!` embedded, as a source. Chooses and gathers files; the core checks them.

use std::borrow::Cow;
use std::path::Path;

use include_dir::{Dir, DirEntry, File};
use whimbrel::{Error, ErrorKind, MigrationSet, Result, SetName, Source, SourceFile, async_trait, layout};

use crate::embedded::{no_folder, pick};

/// Migrations that `include_dir!` put into the binary.
///
/// `include_dir!` takes whatever lies in the directory and checks nothing, so this is checked when it is loaded:
/// against the `whimbrel.sum` in it, which costs a hash of every file. [`embed!`](crate::embed) does that when the
/// program is compiled; use this where a program has its files from `include_dir!` anyway.
///
/// A folder with the dialect's name is the set's directory for that dialect. What editors leave beside a file is
/// left out.
///
/// ```
/// use whimbrel_embed::include_dir::{self, Dir, include_dir};
/// use whimbrel_embed::{Embedded, EmbeddedDir};
///
/// static DIR: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations");
/// static MIGRATIONS: EmbeddedDir = Embedded::from_dir(&DIR);
///
/// assert_eq!(MIGRATIONS.set("sqlite")?.versioned().len(), 2);
/// # Ok::<(), whimbrel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EmbeddedDir {
    dir: &'static Dir<'static>,
    set: Option<SetName>,
    recursive: bool,
    unlocked: bool,
}

impl EmbeddedDir {
    /// All that `include_dir!` found.
    pub(crate) const fn new(dir: &'static Dir<'static>) -> Self {
        Self { dir, set: None, recursive: false, unlocked: false }
    }

    /// Names the set. Without, it has the manifest's name, or `app`.
    #[must_use]
    pub fn with_set(mut self, set: SetName) -> Self {
        self.set = Some(set);
        self
    }

    /// Also takes the files in folders.
    #[must_use]
    pub const fn recursive(mut self) -> Self {
        self.recursive = true;
        self
    }

    /// Accepts a directory without a manifest: what runs is then whatever was in it.
    #[must_use]
    pub const fn unlocked(mut self) -> Self {
        self.unlocked = true;
        self
    }

    /// The set for the dialect of this name, without an async runtime.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn set(&self, dialect: &str) -> Result<MigrationSet> {
        let folder = |name: &str| self.dir.dirs().find(|folder| name_of(folder.path()) == name);
        let dir = match pick(dialect, folder) {
            Some(folder) => folder,
            None => {
                let known: Vec<_> = DIALECTS.into_iter().filter(|name| folder(name).is_some()).collect();
                let is_migration = |file: &File<'_>| layout::parse_file_name(&name_of(file.path())).is_ok();
                if !known.is_empty() && !self.dir.files().any(is_migration) {
                    return Err(no_folder("the embedded directory", dialect, &known));
                }
                self.dir
            }
        };
        let mut files = Vec::new();
        let mut folders = Vec::new();
        self.gather(dir, "", &mut files, &mut folders);
        match folders.as_slice() {
            [] => {}
            [only] => return Err(Error::new(ErrorKind::Files, only.clone())),
            many => {
                let error = Error::new(ErrorKind::Files, format!("{} folders are not read", many.len()));
                return Err(folders.iter().fold(error, |error, folder| error.with_note("folder", folder)));
            }
        }
        let manifest = dir.files().find(|file| name_of(file.path()) == layout::MANIFEST_FILE);
        let manifest = manifest.map(|file| {
            std::str::from_utf8(file.contents())
                .map_err(|_| Error::new(ErrorKind::Files, format!("{} is not UTF-8", file.path().display())))
        });
        let root = dir.path().to_string_lossy();
        let set = MigrationSet::from_files(self.set.clone(), &root, files, manifest.transpose()?)?;
        let signature = dir.files().find(|file| name_of(file.path()) == layout::SIGNATURE_FILE);
        let set = match signature {
            Some(signature) => set.with_signature(signature.contents()),
            None => set,
        };
        Ok(if self.unlocked { set.unlocked() } else { set })
    }

    /// Collects the files, and the folders that are not asked for.
    fn gather(
        &self,
        dir: &Dir<'static>,
        below: &str,
        files: &mut Vec<SourceFile>,
        folders: &mut Vec<String>,
    ) {
        for entry in dir.entries() {
            let name = name_of(entry.path());
            let path = format!("{below}{name}");
            match entry {
                _ if layout::is_ignored(&name) => {}
                DirEntry::File(file) => files.push(SourceFile { path, bytes: file.contents().to_vec() }),
                DirEntry::Dir(dir) if self.recursive => self.gather(dir, &format!("{path}/"), files, folders),
                DirEntry::Dir(dir) => {
                    let mut names = Vec::new();
                    names_below(dir, &mut names);
                    let advice = layout::folder_advice(names.iter().map(|name| &**name));
                    folders.push(format!("{}: {advice}", dir.path().display()));
                }
            }
        }
    }
}

#[async_trait]
impl Source for EmbeddedDir {
    async fn load(&self, dialect: &str) -> Result<MigrationSet> {
        self.set(dialect)
    }
}

const DIALECTS: [&str; 4] = ["sqlite", "postgres", "mysql", "mariadb"];

/// The names of all files in a folder and in those below it.
fn names_below(dir: &Dir<'static>, names: &mut Vec<Cow<'static, str>>) {
    names.extend(dir.files().map(|file| name_of(file.path())));
    dir.dirs().for_each(|folder| names_below(folder, names));
}

fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_name().map_or(Cow::Borrowed(""), |name| name.to_string_lossy())
}
