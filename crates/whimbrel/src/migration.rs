//! Migrations: values only. Where files lie and what a database holds is not known here.

mod set;
mod version;

use std::borrow::Cow;
use std::fmt;

pub use self::set::{Duplicate, MigrationSet, Provenance};
pub use self::version::{SetName, SetNameError, Version, VersionError};

use crate::digest::{Context, Digest, Fields};

/// Turns the bytes of a file into canonical text, which is what is hashed *and* what is executed: UTF-8 without
/// byte order marks at its beginning, with CRLF turned into LF, also behind further CRs. A CR alone is kept. Canonical text
/// stays as it is.
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
    let marks = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut bytes = text.into_bytes();
    bytes.drain(..marks);
    drop_returns(&mut bytes);
    // Taken out were whole characters only.
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Takes out each carriage return of those that stand before a line feed, in place: the text may be large.
fn drop_returns(bytes: &mut Vec<u8>) {
    let (mut from, mut to) = (0, 0);
    while let Some(found) = bytes[from..].iter().position(|byte| *byte == b'\r') {
        let start = from + found;
        let end = start + bytes[start..].iter().take_while(|byte| **byte == b'\r').count();
        let kept = if bytes.get(end) == Some(&b'\n') { start } else { end };
        bytes.copy_within(from..kept, to);
        to += kept - from;
        from = end;
    }
    if from > 0 {
        bytes.copy_within(from.., to);
        bytes.truncate(to + bytes.len() - from);
    }
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
