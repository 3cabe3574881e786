//! How much is read into memory from outside, so that a file or a table that is not what it should be takes no more.

/// Limits on what is read into memory. What is larger is refused by name, with the limit, before it is read.
///
/// ```
/// use whimbrel::{Directory, Limits};
/// let source = Directory::new("migrations").with_limits(Limits::default().with_script_bytes(2 << 30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of `whimbrel.sum`: 16 MiB, which is some hundred thousand files.
    pub manifest_bytes: u64,
    /// The bytes of one script: 512 MiB.
    pub script_bytes: u64,
    /// The bytes of all files of a directory: 2 GiB.
    pub directory_bytes: u64,
    /// The files of a directory: 100,000.
    pub files: u64,
    /// The rows of a history, over all sets: 200,000. A [`Migrator`](crate::Migrator) heeds it, and no directory.
    pub history_rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 16 << 20,
            script_bytes: 512 << 20,
            directory_bytes: 2 << 30,
            files: 100_000,
            history_rows: 200_000,
        }
    }
}

impl Limits {
    /// Sets how many bytes `whimbrel.sum` may have.
    #[must_use]
    pub fn with_manifest_bytes(mut self, bytes: u64) -> Self {
        self.manifest_bytes = bytes;
        self
    }

    /// Sets how many bytes one script may have.
    #[must_use]
    pub fn with_script_bytes(mut self, bytes: u64) -> Self {
        self.script_bytes = bytes;
        self
    }

    /// Sets how many bytes all files of a directory may have.
    #[must_use]
    pub fn with_directory_bytes(mut self, bytes: u64) -> Self {
        self.directory_bytes = bytes;
        self
    }

    /// Sets how many rows a history may have.
    #[must_use]
    pub fn with_history_rows(mut self, rows: u64) -> Self {
        self.history_rows = rows;
        self
    }

    /// Sets how many files a directory may have.
    #[must_use]
    pub fn with_files(mut self, files: u64) -> Self {
        self.files = files;
        self
    }
}
