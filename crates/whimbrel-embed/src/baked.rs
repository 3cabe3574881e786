//! The constants that `embed!` writes. Everything in here is computed before the program runs.

use std::fmt;

use whimbrel::{Key, Kind, Migration, MigrationSet, ScriptFile, SetName, Version};

/// A set of which everything is a constant.
pub struct BakedSet {
    dialect: Option<&'static str>,
    name: &'static str,
    versioned: &'static [Migration],
    repeatables: &'static [Migration],
    head: &'static [u8; 32],
    repeatables_digest: &'static [u8; 32],
    manifest: Option<&'static str>,
    signature: Option<&'static [u8]>,
    steps: usize,
}

impl BakedSet {
    /// The set of a dialect's folder, or of the directory itself.
    pub const fn new(
        dialect: Option<&'static str>,
        name: &'static str,
        versioned: &'static [Migration],
        repeatables: &'static [Migration],
        head: &'static [u8; 32],
        repeatables_digest: &'static [u8; 32],
        manifest: Option<&'static str>,
    ) -> Self {
        let (mut steps, mut index) = (0, 0);
        while index < versioned.len() {
            if matches!(versioned[index].kind(), Kind::Rust { .. }) {
                steps += 1;
            }
            index += 1;
        }
        Self {
            dialect,
            name,
            versioned,
            repeatables,
            head,
            repeatables_digest,
            manifest,
            signature: None,
            steps,
        }
    }

    /// The same with a signature beside its manifest.
    pub const fn with_signature(mut self, signature: &'static [u8]) -> Self {
        self.signature = Some(signature);
        self
    }

    /// The dialect after which its folder is named.
    pub(crate) const fn dialect(&self) -> Option<&'static str> {
        self.dialect
    }

    /// The manifest's text.
    pub(crate) const fn manifest(&self) -> Option<&'static str> {
        self.manifest
    }

    /// The signature of the manifest.
    pub(crate) const fn signature(&self) -> Option<&'static [u8]> {
        self.signature
    }

    /// The set; borrows, and looks at no migration.
    pub(crate) fn set(&self) -> MigrationSet {
        let set = MigrationSet::baked(
            SetName::baked(self.name),
            self.versioned,
            self.repeatables,
            *self.head,
            *self.repeatables_digest,
            self.manifest,
            self.steps,
        );
        match self.signature {
            Some(signature) => set.with_signature(signature),
            None => set,
        }
    }
}

impl fmt::Debug for BakedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BakedSet")
            .field("dialect", &self.dialect)
            .field("name", &self.name)
            .field("versioned", &self.versioned.len())
            .field("repeatables", &self.repeatables.len())
            .finish_non_exhaustive()
    }
}

/// The key of a versioned migration.
pub const fn version(number: i64) -> Key {
    Key::Versioned(Version::new(number).expect("`embed!` writes versions that it has parsed"))
}

/// A migration's file.
pub const fn file(
    root: &'static str,
    path: &'static str,
    canonical: &'static str,
    digest: &[u8; 32],
) -> ScriptFile {
    ScriptFile::baked(root, path, canonical, *digest)
}

/// A migration.
pub const fn migration(
    key: Key,
    name: &'static str,
    kind: Kind,
    up: ScriptFile,
    down: Option<ScriptFile>,
    digest: &[u8; 32],
) -> Migration {
    Migration::baked(key, name, kind, up, down, *digest)
}
