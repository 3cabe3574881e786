//! Where migrations come from. Reads files and memory; checks names and encodings, trusts nothing further.

mod assemble;
mod directory;
mod joined;
mod memory;
mod trusted;
mod writers;

use async_trait::async_trait;

pub use self::assemble::SourceFile;
pub use self::directory::Directory;
pub use self::joined::Joined;
pub use self::memory::Memory;
pub use self::trusted::TrustedFile;
pub use self::writers::Writers;

use crate::error::Result;
use crate::migration::MigrationSet;

/// Where migrations come from.
///
/// **Who implements it:** this crate for directories, memory and joined sources, `whimbrel-embed` for the binary
/// itself, and an application that keeps its migrations elsewhere (a bucket, an archive).
///
/// **Who calls it:** the [`Migrator`](crate::Migrator), once per verb, before the driver is called at all.
///
/// **What must hold:** the set has all of the source's migrations for the dialect, or there is an error; a part that
/// cannot be read is never left out. What the set says of its files is checked by the
/// [verifiers](crate::Verifier) afterwards, so that a source need not be trusted.
///
/// **What proves an implementation:** loading it and checking it with [`Verified::set`](crate::Verified::set).
#[async_trait]
pub trait Source: Send + Sync {
    /// The set for the dialect of this name (`sqlite`, `postgres`, …).
    ///
    /// # Errors
    /// Of kind [`Files`](crate::ErrorKind::Files): something cannot be read, has a wrong name, or is there twice;
    /// everything that is wrong is told at once.
    async fn load(&self, dialect: &str) -> Result<MigrationSet>;
}

#[async_trait]
impl<S: Source + ?Sized> Source for &S {
    async fn load(&self, dialect: &str) -> Result<MigrationSet> {
        (**self).load(dialect).await
    }
}

#[async_trait]
impl<S: Source + ?Sized> Source for Box<S> {
    async fn load(&self, dialect: &str) -> Result<MigrationSet> {
        (**self).load(dialect).await
    }
}

#[async_trait]
impl<S: Source + ?Sized> Source for std::sync::Arc<S> {
    async fn load(&self, dialect: &str) -> Result<MigrationSet> {
        (**self).load(dialect).await
    }
}

/// A set that is loaded already is a source of itself.
#[async_trait]
impl Source for MigrationSet {
    async fn load(&self, _dialect: &str) -> Result<MigrationSet> {
        Ok(self.clone())
    }
}
