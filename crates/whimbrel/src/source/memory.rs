//! Migrations that are part of the program's code.

use std::borrow::Cow;

use async_trait::async_trait;

use super::Source;
use super::assemble::{LEXINGS, files_error};
use crate::error::{Error, ErrorKind, Result};
use crate::layout;
use crate::manifest::Manifest;
use crate::migration::{Key, Kind, Migration, MigrationSet, ScriptFile, SetName, Version, canonical_text};

/// Migrations given in code: for tests, and for tools that make their migrations themselves.
///
/// ```
/// use whimbrel::Memory;
/// let source = Memory::new()
///     .with_sql(1, "create_users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);")
///     .with_down(1, "DROP TABLE users;")
///     .with_repeatable("user_names", "CREATE VIEW user_names AS SELECT name FROM users;");
/// assert_eq!(source.set()?.versioned().len(), 1);
/// # Ok::<(), whimbrel::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory {
    set: SetName,
    entries: Vec<Entry>,
    downs: Vec<(i64, String)>,
    manifest: Option<Manifest>,
    signature: Option<Cow<'static, [u8]>>,
}

#[derive(Clone, Debug)]
struct Entry {
    version: Option<i64>,
    name: String,
    kind: Kind,
    text: String,
}

impl Memory {
    /// No migrations, in a set named `app`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the set.
    #[must_use]
    pub fn with_set(mut self, set: SetName) -> Self {
        self.set = set;
        self
    }

    /// Adds a versioned migration.
    #[must_use]
    pub fn with_sql(mut self, version: i64, name: impl Into<String>, sql: impl Into<String>) -> Self {
        let (name, text) = (name.into(), sql.into());
        self.entries.push(Entry { version: Some(version), name, kind: Kind::Sql, text });
        self
    }

    /// Adds the way down of a versioned migration.
    #[must_use]
    pub fn with_down(mut self, version: i64, sql: impl Into<String>) -> Self {
        self.downs.push((version, sql.into()));
        self
    }

    /// Adds a repeatable migration.
    #[must_use]
    pub fn with_repeatable(mut self, name: impl Into<String>, sql: impl Into<String>) -> Self {
        let (name, text) = (name.into(), sql.into());
        self.entries.push(Entry { version: None, name, kind: Kind::Sql, text });
        self
    }

    /// Adds a step in Rust, with revision 1; the function is bound by
    /// [`Migrator::with_step`](crate::Migrator::with_step).
    #[must_use]
    pub fn with_rust(self, version: i64, name: impl Into<String>) -> Self {
        self.with_rust_revision(version, name, 1, false)
    }

    /// Adds a step in Rust with its revision, and whether a function for the way down is bound as well.
    #[must_use]
    pub fn with_rust_revision(
        mut self,
        version: i64,
        name: impl Into<String>,
        revision: u32,
        reversible: bool,
    ) -> Self {
        self.entries.push(Entry {
            version: Some(version),
            name: name.into(),
            kind: Kind::Rust { revision, reversible },
            text: format!("revision = {revision}\nreversible = {reversible}\n"),
        });
        self
    }

    /// Adds a manifest that the migrations are to be checked against.
    #[must_use]
    pub fn with_manifest(mut self, manifest: Manifest) -> Self {
        self.manifest = Some(manifest);
        self
    }

    /// Adds a signature over the manifest's text: what would lie beside it as `whimbrel.sum.sig`.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<Cow<'static, [u8]>>) -> Self {
        self.signature = Some(signature.into());
        self
    }

    /// The set.
    ///
    /// # Errors
    /// A negative version, one twice, a repeatable's name twice, a way down without a way up.
    pub fn set(&self) -> Result<MigrationSet> {
        let mut wrong = Vec::new();
        let file = |path: String, text: &str| {
            // A Rust string is UTF-8, so only line ends can change.
            ScriptFile::new("", path, canonical_text(text.as_bytes().to_vec()).unwrap_or_default())
        };
        let mut migrations = Vec::new();
        for entry in &self.entries {
            let name = entry.name.clone();
            let Some(number) = entry.version else {
                let up = file(format!("R__{name}.sql"), &entry.text);
                migrations.push(Migration::new(Key::Repeatable { revision: 1 }, name, entry.kind, up, None));
                continue;
            };
            let Some(version) = Version::new(number) else {
                wrong.push(format!("{name}: {number} is no version: expected 0 to {}", i64::MAX));
                continue;
            };
            let ending = if entry.kind == Kind::Sql { "sql" } else { "rust" };
            let up = file(format!("{number:04}_{name}.{ending}"), &entry.text);
            let down = self.downs.iter().find(|(of, _)| *of == number);
            let down = down.map(|(_, sql)| file(format!("{number:04}_{name}.down.sql"), sql));
            migrations.push(Migration::new(Key::Versioned(version), name, entry.kind, up, down));
        }
        for (number, _) in &self.downs {
            if !self.entries.iter().any(|entry| entry.version == Some(*number) && entry.kind == Kind::Sql) {
                wrong.push(format!("{number}: a way down without a way up"));
            }
        }
        for migration in migrations.iter().filter(|migration| migration.kind() == Kind::Sql) {
            for file in std::iter::once(migration.up()).chain(migration.down()) {
                if let Some(found) = layout::both_ways(file.path(), file.text(), &LEXINGS) {
                    wrong.push(format!("{}:{}: {found}", file.location(), found.position));
                }
            }
        }
        if !wrong.is_empty() {
            return Err(files_error(wrong));
        }
        let set = MigrationSet::new(self.set.clone(), migrations)
            .map_err(|duplicates| files_error(duplicates.iter().map(ToString::to_string).collect()))?;
        let set = match self.signature.clone() {
            Some(signature) => set.with_signature(signature),
            None => set,
        };
        match &self.manifest {
            None => Ok(set.unlocked()),
            Some(manifest) if manifest.set() == set.name() => Ok(set.with_manifest(manifest.clone())),
            Some(manifest) => Err(Error::new(
                ErrorKind::Files,
                format!(
                    "the manifest is for the set `{}`, and this one is called `{}`",
                    manifest.set(),
                    set.name()
                ),
            )),
        }
    }
}

#[async_trait]
impl Source for Memory {
    async fn load(&self, _dialect: &str) -> Result<MigrationSet> {
        self.set()
    }
}
