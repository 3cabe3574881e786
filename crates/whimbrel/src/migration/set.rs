//! Sets of migrations: named, sorted, and with what is known of who has checked them.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::{Kind, Migration, SetName, Version};
use crate::digest::{Digest, migration_chain, repeatables_digest};
use crate::manifest::Manifest;

/// Whether somebody has checked the files of a set against a manifest, and who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provenance {
    /// `embed!` did, when the program was compiled; the digests are constants of the program.
    Compiled,
    /// Nobody has yet; there is a manifest to check against.
    Manifest,
    /// There is no manifest, and the application said that this is meant, or the scripts are part of its code.
    Unlocked,
    /// There is no manifest, and nobody said that this is meant.
    Missing,
}

/// A named, sorted set of migrations for one dialect.
///
/// Made by a [`Source`](crate::Source); nothing is checked yet beyond what [`MigrationSet::new`] checks. What
/// reaches a database is a [`Verified`](crate::Verified) set.
#[derive(Clone, Debug)]
pub struct MigrationSet {
    name: SetName,
    versioned: Cow<'static, [Migration]>,
    repeatables: Cow<'static, [Migration]>,
    head: Digest,
    repeatables_digest: Digest,
    manifest: OnceLock<Manifest>,
    manifest_text: Option<Cow<'static, str>>,
    signature: Option<Cow<'static, [u8]>>,
    provenance: Provenance,
    steps: usize,
}

impl MigrationSet {
    /// Sorts migrations into a set.
    ///
    /// # Errors
    /// Two migrations have one version, or two repeatables have one name: all such pairs are named.
    pub fn new(name: SetName, migrations: Vec<Migration>) -> Result<Self, Vec<Duplicate>> {
        let (mut versioned, mut repeatables): (Vec<_>, Vec<_>) =
            migrations.into_iter().partition(|migration| migration.version().is_some());
        versioned.sort_by_key(Migration::version);
        repeatables.sort_by(|a, b| a.name.cmp(&b.name));
        let pairs = |list: &[Migration], same: fn(&Migration, &Migration) -> bool| -> Vec<Duplicate> {
            list.windows(2)
                .filter(|pair| same(&pair[0], &pair[1]))
                .map(|pair| Duplicate { first: pair[0].up.location(), second: pair[1].up.location() })
                .collect()
        };
        let mut duplicates = pairs(&versioned, |a, b| a.version() == b.version());
        duplicates.extend(pairs(&repeatables, |a, b| a.name == b.name));
        if !duplicates.is_empty() {
            return Err(duplicates);
        }
        let head = migration_chain(name.as_str(), versioned.iter().map(Migration::digest));
        Ok(Self {
            head,
            repeatables_digest: digest_of_repeatables(&repeatables),
            steps: versioned.iter().filter(|migration| migration.kind != Kind::Sql).count(),
            name,
            versioned: Cow::Owned(versioned),
            repeatables: Cow::Owned(repeatables),
            manifest: OnceLock::new(),
            manifest_text: None,
            signature: None,
            provenance: Provenance::Missing,
        })
    }

    /// For `embed!`: everything was computed and checked when the program was compiled.
    #[doc(hidden)]
    pub fn baked(
        name: SetName,
        versioned: &'static [Migration],
        repeatables: &'static [Migration],
        head: [u8; 32],
        repeatables_digest: [u8; 32],
        manifest_text: Option<&'static str>,
        steps: usize,
    ) -> Self {
        Self {
            name,
            versioned: Cow::Borrowed(versioned),
            repeatables: Cow::Borrowed(repeatables),
            head: Digest::from_bytes(head),
            repeatables_digest: Digest::from_bytes(repeatables_digest),
            manifest: OnceLock::new(),
            manifest_text: manifest_text.map(Cow::Borrowed),
            signature: None,
            provenance: Provenance::Compiled,
            steps,
        }
    }

    /// Adds the manifest that the set is to be checked against; the revisions of repeatables come from it.
    #[must_use]
    pub fn with_manifest(mut self, manifest: Manifest) -> Self {
        if !self.repeatables.is_empty() && self.provenance != Provenance::Compiled {
            self.repeatables = self
                .repeatables
                .iter()
                .map(|migration| {
                    let revision = manifest.revision(migration.up.path()).unwrap_or(1);
                    migration.clone().with_revision(revision)
                })
                .collect();
            self.repeatables_digest = digest_of_repeatables(&self.repeatables);
        }
        if self.provenance != Provenance::Compiled {
            self.provenance = Provenance::Manifest;
        }
        self.manifest = OnceLock::from(manifest);
        self.manifest_text = None;
        self
    }

    /// Keeps the text that the manifest was parsed from: it is what was signed, to the byte.
    pub(crate) fn with_manifest_text(mut self, text: &str) -> Self {
        self.manifest_text = Some(Cow::Owned(text.to_owned()));
        self
    }

    /// Adds what lies beside the manifest as `whimbrel.sum.sig`. It is not looked at here: a [`Verifier`](crate::Verifier)
    /// that knows keys does that.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<Cow<'static, [u8]>>) -> Self {
        self.signature = Some(signature.into());
        self
    }

    /// Says that there is no manifest and that this is meant.
    #[must_use]
    pub fn unlocked(mut self) -> Self {
        if self.provenance == Provenance::Missing {
            self.provenance = Provenance::Unlocked;
        }
        self
    }

    /// The set's name.
    pub fn name(&self) -> &SetName {
        &self.name
    }

    /// The versioned migrations, in the order of their versions.
    pub fn versioned(&self) -> &[Migration] {
        &self.versioned
    }

    /// The repeatable migrations, in the order of their names.
    pub fn repeatables(&self) -> &[Migration] {
        &self.repeatables
    }

    /// All migrations: the versioned ones, then the repeatable ones.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.versioned.iter().chain(self.repeatables.iter())
    }

    /// The migration with this version.
    pub fn migration(&self, version: Version) -> Option<&Migration> {
        let at = self.versioned.binary_search_by_key(&Some(version), Migration::version).ok()?;
        self.versioned.get(at)
    }

    /// The digest that the database has once all of the set's versions are in force.
    pub fn head(&self) -> &Digest {
        &self.head
    }

    /// The digest of the repeatables.
    pub fn repeatables_digest(&self) -> &Digest {
        &self.repeatables_digest
    }

    /// The newest version.
    pub fn last(&self) -> Option<Version> {
        self.versioned.last().and_then(Migration::version)
    }

    /// The manifest, if there is one.
    pub fn manifest(&self) -> Option<&Manifest> {
        // That of a compiled set is read only when something is to be decided: a boot that has nothing to do
        // costs the same for any number of lines. The text was parsed when the program was compiled.
        if let (None, Some(text)) = (self.manifest.get(), &self.manifest_text) {
            let parsed = text.parse().ok()?;
            return Some(self.manifest.get_or_init(|| parsed));
        }
        self.manifest.get()
    }

    /// The manifest's text: the bytes that a signature is over.
    ///
    /// Of a manifest that was read from a file, exactly the text of that file, and [`manifest`](Self::manifest) is what it
    /// says; of one that was made in memory, the text that would be written.
    pub fn manifest_text(&self) -> Option<Cow<'_, str>> {
        match &self.manifest_text {
            Some(text) => Some(Cow::Borrowed(text)),
            None => self.manifest.get().map(|manifest| Cow::Owned(manifest.to_string())),
        }
    }

    /// What lies beside the manifest as `whimbrel.sum.sig`, unchecked: whatever somebody has put there.
    pub fn signature(&self) -> Option<&[u8]> {
        self.signature.as_deref()
    }

    /// Whether there is a manifest, which counts the revisions of repeatables; does not read it.
    pub(crate) fn counts_revisions(&self) -> bool {
        self.manifest_text.is_some() || self.manifest.get().is_some()
    }

    /// How many migrations are steps written in Rust.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// Who has checked the files.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The head once the versions up to and including `target` are in force.
    pub(crate) fn head_at(&self, target: Version) -> Digest {
        let below = self.versioned.iter().take_while(|migration| migration.version() <= Some(target));
        migration_chain(self.name.as_str(), below.map(Migration::digest))
    }
}

fn digest_of_repeatables(repeatables: &[Migration]) -> Digest {
    repeatables_digest(repeatables.iter().map(|m| (m.name(), m.revision().unwrap_or(1), m.digest())))
}

/// Two files that claim one place in a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first} and {second} have the same version or name: give one of them another")]
pub struct Duplicate {
    /// One file.
    pub first: String,
    /// The other one.
    pub second: String,
}
