//! Migrations and the sets they come in. Values only: where files lie and what a database holds is not known here.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::digest::{Context, Digest, Fields, migration_chain, repeatables_digest};
use crate::manifest::Manifest;

/// The version of a migration: 1 to 9,223,372,036,854,775,807 (`i64::MAX`).
///
/// ```
/// use whimbrel::Version;
/// let version: Version = "0042".parse()?;
/// assert_eq!(version.number(), 42);
/// assert!(Version::new(0).is_none());
/// # Ok::<(), whimbrel::VersionError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(i64);

impl Version {
    /// The version with this number, if it is at least 1.
    pub const fn new(number: i64) -> Option<Self> {
        if number >= 1 { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(VersionError);
        }
        text.parse().ok().and_then(Self::new).ok_or(VersionError)
    }
}

impl TryFrom<i64> for Version {
    type Error = VersionError;

    fn try_from(number: i64) -> Result<Self, VersionError> {
        Self::new(number).ok_or(VersionError)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

/// A number or text that is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version: expected a whole number from 1 to 9223372036854775807")]
pub struct VersionError;

/// The name of a set, under which its history is kept: 1 to 63 of `a-z`, `0-9`, `_`, `-`, `.`, the first one
/// a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetName(Cow<'static, str>);

impl SetName {
    /// The name of a set that was given none: `app`.
    pub const APP: Self = Self(Cow::Borrowed("app"));

    /// Checks a name.
    ///
    /// # Errors
    /// The text is empty, too long, or holds another character.
    pub fn new(name: impl Into<String>) -> Result<Self, SetNameError> {
        let name = name.into();
        if is_set_name(&name) { Ok(Self(Cow::Owned(name))) } else { Err(SetNameError) }
    }

    /// For `embed!`, which has checked the name.
    #[doc(hidden)]
    pub const fn baked(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_set_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || matches!(byte, b'_' | b'-' | b'.'))
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Default for SetName {
    fn default() -> Self {
        Self::APP
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for SetName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A text that cannot be a set's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a set's name: use 1 to 63 of a-z, 0-9, `_`, `-` and `.`, beginning with a letter or a digit")]
pub struct SetNameError;

/// Turns the bytes of a file into canonical text, which is what is hashed *and* what is executed: UTF-8 without
/// a byte order mark, with CRLF turned into LF. A CR alone is kept.
///
/// ```
/// assert_eq!(whimbrel::canonical_text(b"\xef\xbb\xbfSELECT 1;\r\n".to_vec())?, "SELECT 1;\n");
/// # Ok::<(), whimbrel::NotUtf8>(())
/// ```
///
/// # Errors
/// The bytes are not UTF-8; says where.
pub fn canonical_text(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        NotUtf8 {
            line: before.matches('\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
        }
    })?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    Ok(if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text })
}

/// Bytes that are not UTF-8, and where the first one stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not UTF-8 at line {line}, column {column}: save the file as UTF-8")]
pub struct NotUtf8 {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// One file of a migration: its place, its canonical text, and that text's digest.
#[derive(Clone, PartialEq, Eq)]
pub struct ScriptFile {
    root: Cow<'static, str>,
    path: Cow<'static, str>,
    text: Cow<'static, str>,
    digest: Digest,
}

impl ScriptFile {
    /// A file with this canonical text, at `path` below `root`; the path is what the manifest calls it.
    pub fn new(
        root: impl Into<Cow<'static, str>>,
        path: impl Into<Cow<'static, str>>,
        canonical: impl Into<Cow<'static, str>>,
    ) -> Self {
        let text = canonical.into();
        let digest = Digest::of_script(&text);
        Self { root: root.into(), path: path.into(), text, digest }
    }

    /// For `embed!`, which has computed the digest when the program was compiled. A digest that does not fit the
    /// text is found before the text is executed.
    #[doc(hidden)]
    pub const fn baked(
        root: &'static str,
        path: &'static str,
        canonical: &'static str,
        digest: [u8; 32],
    ) -> Self {
        Self {
            root: Cow::Borrowed(root),
            path: Cow::Borrowed(path),
            text: Cow::Borrowed(canonical),
            digest: Digest::from_bytes(digest),
        }
    }

    /// The path below the set's root, with `/` between folders: what the manifest calls the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path with the root before it, as errors name it.
    pub fn location(&self) -> String {
        if self.root.is_empty() { self.path.to_string() } else { format!("{}/{}", self.root, self.path) }
    }

    /// The canonical text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The digest of the canonical text.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Whether the text still has the digest under which it was verified.
    pub(crate) fn is_intact(&self) -> bool {
        Digest::of_script(&self.text) == self.digest
    }
}

impl fmt::Debug for ScriptFile {
    // The text may hold literals that belong in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptFile")
            .field("path", &self.path)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// What a migration is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Applied once, in the order of versions.
    Versioned(Version),
    /// Applied after the versioned ones whenever its revision and digest have changed.
    Repeatable {
        /// Counted up by the manifest with each change of the text; 1 where there is no manifest.
        revision: u32,
    },
}

/// What a migration is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// SQL scripts.
    Sql,
    /// A function of the application, bound to the version by
    /// [`Migrator::with_step`](crate::Migrator::with_step).
    Rust {
        /// What the file says; the bound function must say the same.
        revision: u32,
        /// Whether the file says that a function for the way down is bound as well.
        reversible: bool,
    },
}

/// A migration: a version or a repeatable's revision, a name, and how to go up and perhaps down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    key: Key,
    name: Cow<'static, str>,
    kind: Kind,
    up: ScriptFile,
    down: Option<ScriptFile>,
    digest: Digest,
}

impl Migration {
    /// Puts a migration together; its digest covers the key (but not a repeatable's revision), the name, the kind
    /// and both files' digests.
    pub fn new(
        key: Key,
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        up: ScriptFile,
        down: Option<ScriptFile>,
    ) -> Self {
        let name = name.into();
        let digest = migration_digest(key, &name, kind, &up.digest, down.as_ref().map(|down| &down.digest));
        Self { key, name, kind, up, down, digest }
    }

    /// For `embed!`.
    #[doc(hidden)]
    pub const fn baked(
        key: Key,
        name: &'static str,
        kind: Kind,
        up: ScriptFile,
        down: Option<ScriptFile>,
        digest: [u8; 32],
    ) -> Self {
        Self { key, name: Cow::Borrowed(name), kind, up, down, digest: Digest::from_bytes(digest) }
    }

    /// The version or revision.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The version, unless it is repeatable.
    pub fn version(&self) -> Option<Version> {
        match self.key {
            Key::Versioned(version) => Some(version),
            Key::Repeatable { .. } => None,
        }
    }

    /// The revision of a repeatable.
    pub fn revision(&self) -> Option<u32> {
        match self.key {
            Key::Versioned(_) => None,
            Key::Repeatable { revision } => Some(revision),
        }
    }

    /// The name without the version.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Scripts, or a step in Rust.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The way up. Of a step in Rust, the file that declares it.
    pub fn up(&self) -> &ScriptFile {
        &self.up
    }

    /// The way down, if there is a script for it.
    pub fn down(&self) -> Option<&ScriptFile> {
        self.down.as_ref()
    }

    /// The digest over all of it.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How people call it: `42_add_email`, or `R__active_users`.
    pub fn label(&self) -> String {
        label(self.version(), &self.name)
    }

    /// Whether the digest is that of the parts.
    pub(crate) fn is_consistent(&self) -> bool {
        let down = self.down.as_ref().map(|down| &down.digest);
        migration_digest(self.key, &self.name, self.kind, &self.up.digest, down) == self.digest
    }

    pub(crate) fn with_revision(mut self, revision: u32) -> Self {
        if let Key::Repeatable { revision: own } = &mut self.key {
            *own = revision;
        }
        self
    }
}

/// How people call a migration of this version and name.
pub(crate) fn label(version: Option<Version>, name: &str) -> String {
    match version {
        Some(version) => format!("{version}_{name}"),
        None => format!("R__{name}"),
    }
}

/// The digest of a migration whose parts have these digests. The history keeps the parts as well, so that a
/// change can be told to be one of the name or of the way down only.
pub(crate) fn migration_digest(
    key: Key,
    name: &str,
    kind: Kind,
    up: &Digest,
    down: Option<&Digest>,
) -> Digest {
    let fields = Fields::of(Context::Migration);
    let fields = match key {
        Key::Versioned(version) => fields.text("versioned").number(version.number()),
        Key::Repeatable { .. } => fields.text("repeatable"),
    };
    let fields = fields.text(name).text(match kind {
        Kind::Sql => "sql",
        Kind::Rust { .. } => "rust",
    });
    let fields = fields.digest(up);
    match down {
        None => fields.bytes(&[]),
        Some(down) => fields.digest(down),
    }
    .finish()
}

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
    manifest_text: Option<&'static str>,
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
            manifest_text,
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
        if let (None, Some(text)) = (self.manifest.get(), self.manifest_text) {
            let parsed = text.parse().ok()?;
            return Some(self.manifest.get_or_init(|| parsed));
        }
        self.manifest.get()
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
