//! What `embed!` makes: sets that were checked by the compiler, as a source.

use std::sync::Mutex;

use include_dir::Dir;
use whimbrel::{Error, ErrorKind, MigrationSet, Result, Source, async_trait, layout};

use crate::baked::BakedSet;
use crate::drift::Drift;
use crate::run_time::EmbeddedDir;

/// Migrations that are part of the binary, made by [`embed!`](crate::embed).
///
/// It is a [`Source`], usually in a `static`. Loading it borrows constants: nothing is hashed, and it costs the same
/// for any number of migrations.
///
/// In debug builds the first load compares the directory, if it is still there, with what is embedded, and prints
/// the difference to stderr, once in the life of the process: see [`drift`](Self::drift).
// Not `Copy`: clippy would then tell every application to leave out the `&` of `Migrator::new(&MIGRATIONS)`.
#[derive(Clone, Debug)]
pub struct Embedded {
    place: &'static str,
    sets: &'static [BakedSet],
    dir: &'static Dir<'static>,
    on_disk: Option<&'static str>,
}

impl Embedded {
    /// A directory that was embedded by `include_dir!`; it is checked whenever it is loaded. See [`EmbeddedDir`].
    pub const fn from_dir(dir: &'static Dir<'static>) -> EmbeddedDir {
        EmbeddedDir::new(dir)
    }

    /// The set for the dialect of this name (`sqlite`, `postgres`, …), without an async runtime.
    ///
    /// # Errors
    /// Of kind [`Files`](ErrorKind::Files): there is a folder per dialect, and none for this one.
    pub fn set(&self, dialect: &str) -> Result<MigrationSet> {
        self.tell_drift();
        let named = |name: &str| self.sets.iter().find(|set| set.dialect() == Some(name));
        let set = match self.sets {
            [only] if only.dialect().is_none() => Some(only),
            _ => pick(dialect, named),
        };
        set.map(BakedSet::set).ok_or_else(|| {
            let known: Vec<_> = self.sets.iter().filter_map(BakedSet::dialect).collect();
            no_folder(self.place, dialect, &known)
        })
    }

    /// The files of the migrations, as they were when the program was compiled: exactly those that the manifest has,
    /// those of a dialect in its folder.
    pub const fn dir(&self) -> &'static Dir<'static> {
        self.dir
    }

    /// What has changed in the directory since the program was compiled, if it is still where it was.
    ///
    /// Reads the directory. Always `None` in a program that was compiled without debug assertions, which does not
    /// know where the directory was.
    pub fn drift(&self) -> Option<Drift> {
        let beside = self.sets.iter().flat_map(|set| {
            let manifest = set.manifest().map(|text| (set.dialect(), layout::MANIFEST_FILE, text.as_bytes()));
            let signature = set.signature().map(|bytes| (set.dialect(), layout::SIGNATURE_FILE, bytes));
            manifest.into_iter().chain(signature)
        });
        Drift::since(self.on_disk?, self.dir, beside)
    }

    fn tell_drift(&self) {
        /// The directories that were compared already.
        static COMPARED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

        let Some(on_disk) = self.on_disk else { return };
        let mut compared = COMPARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if compared.contains(&on_disk) {
            return;
        }
        compared.push(on_disk);
        drop(compared);
        if let Some(drift) = self.drift() {
            eprintln!("warning: {drift}");
        }
    }
}

#[async_trait]
impl Source for Embedded {
    async fn load(&self, dialect: &str) -> Result<MigrationSet> {
        self.set(dialect)
    }
}

/// What there is for a dialect; what there is for MySQL also serves MariaDB.
pub(crate) fn pick<T>(dialect: &str, named: impl Fn(&str) -> Option<T>) -> Option<T> {
    named(dialect).or_else(|| if dialect == "mariadb" { named("mysql") } else { None })
}

/// The error for a dialect that has no folder.
pub(crate) fn no_folder(place: &str, dialect: &str, known: &[&str]) -> Error {
    let what = format!("{place} has no folder for the dialect `{dialect}`, only for {}", known.join(", "));
    let next = format!("add a folder {dialect} with its own migrations, or use another database");
    Error::new(ErrorKind::Files, what).with_note("next", next)
}

/// Puts together what `embed!` has written.
pub const fn embedded(
    place: &'static str,
    sets: &'static [BakedSet],
    dir: &'static Dir<'static>,
    on_disk: Option<&'static str>,
) -> Embedded {
    Embedded { place, sets, dir, on_disk }
}
