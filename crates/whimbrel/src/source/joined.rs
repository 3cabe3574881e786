//! Several sources that make up one set.

use async_trait::async_trait;

use super::Source;
use super::assemble::files_error;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::migration::{MigrationSet, Provenance, SetName};
use crate::verify::check_files;

/// Several sources joined into one set, with one order of versions and one history.
///
/// Each part is checked against its own manifest. Sets that are independent of each other, such as those of
/// libraries, are better kept apart: [`Migrator::and`](crate::Migrator::and).
///
/// ```
/// use whimbrel::{Joined, Memory, SetName};
/// let source = Joined::new(SetName::APP)
///     .with(Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER);"))
///     .with(Memory::new().with_sql(2, "orders", "CREATE TABLE orders (id INTEGER);"));
/// ```
pub struct Joined<'a> {
    set: SetName,
    parts: Vec<Box<dyn Source + 'a>>,
}

impl<'a> Joined<'a> {
    /// No parts yet; the set has this name, whatever the parts are called.
    pub fn new(set: SetName) -> Self {
        Self { set, parts: Vec::new() }
    }

    /// Adds a part.
    #[must_use]
    pub fn with(mut self, part: impl Source + 'a) -> Self {
        self.parts.push(Box::new(part));
        self
    }
}

impl std::fmt::Debug for Joined<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Joined").field("set", &self.set).field("parts", &self.parts.len()).finish()
    }
}

#[async_trait]
impl Source for Joined<'_> {
    async fn load(&self, dialect: &str) -> Result<MigrationSet> {
        let mut migrations = Vec::new();
        let mut findings = Vec::new();
        let (mut formers, mut tombstones) = (Vec::new(), Vec::new());
        let mut locked = true;
        for part in &self.parts {
            let part = part.load(dialect).await?;
            findings.extend(check_files(&part));
            locked &= part.provenance() != Provenance::Unlocked;
            if let Some(manifest) = part.manifest() {
                formers.extend(manifest.formers().iter().cloned());
                tombstones.extend(manifest.tombstones().iter().cloned());
            }
            migrations.extend(part.iter().cloned());
        }
        if !findings.is_empty() {
            return Err(Error::refused(findings));
        }
        let revisions: Vec<(String, u32)> = migrations
            .iter()
            .filter_map(|migration| Some((migration.up().path().to_owned(), migration.revision()?)))
            .collect();
        let set = MigrationSet::new(self.set.clone(), migrations)
            .map_err(|duplicates| files_error(duplicates.iter().map(ToString::to_string).collect()))?;
        if !locked {
            return Ok(set.unlocked());
        }
        // The parts' files were checked above; what only their manifests know goes on into the joined one.
        let manifest = Manifest::lock(&set, None).0.with_revisions(&revisions);
        let manifest =
            formers.iter().fold(manifest, |manifest, f| manifest.with_former(f.version, f.digest, &f.reason));
        let manifest = tombstones
            .iter()
            .fold(manifest, |manifest, t| manifest.with_tombstone(t.version, t.digest, &t.reason));
        Ok(set.with_manifest(manifest))
    }
}
