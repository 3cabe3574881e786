//! Migrations in the binary, checked against their manifest when the program is compiled.
//!
//! ```
//! use whimbrel::Migrator;
//! use whimbrel_embed::{Embedded, embed};
//!
//! static MIGRATIONS: Embedded = embed!("migrations");
//!
//! async fn migrate(db: &mut impl whimbrel::Driver) -> whimbrel::Result<()> {
//!     let report = Migrator::new(&MIGRATIONS).run(db).await?;
//!     println!("{report}");
//!     Ok(())
//! }
//! ```
//!
//! [`embed!`] reads the directory, checks it as [`ManifestVerifier`](whimbrel::ManifestVerifier) would, and makes
//! constants of the files, their digests and the head. What does not agree with `whimbrel.sum` does not compile, and
//! a program that starts and finds nothing to do hashes nothing and parses nothing, however many migrations it has.
//! Each script is hashed once more before it is executed, so that a damaged program is refused.
//!
//! # When the compiler looks again
//!
//! The files and the manifest are inputs of the compilation: cargo builds again when one of them changes. A file that
//! is new has a new line in the manifest, and so it is noticed, without a build script. A file whose line
//! was forgotten is found at the next build for any reason, which then fails; until then, a debug build says at run
//! time that the directory has changed ([`Embedded::drift`]). Release builds never look at the directory, nor do
//! they know where it was.
//!
//! A `whimbrel.sum.sig` beside the manifest is embedded with it, unchecked: a verifier that has keys does that when the
//! program runs. A signature that is there is watched like the manifest. The first one is noticed only with the next
//! build.
//!
//! [`embed!`] with `unlocked` has no manifest to watch: there, a new file is noticed only with the next build.

mod baked;
mod drift;
mod embedded;
mod run_time;

pub use include_dir;
/// Puts a directory of migrations into the program, checked when it is compiled: an [`Embedded`].
///
/// The path is seen from the directory of the package's `Cargo.toml`. After it come options, in any order:
///
/// - `set = "jobs"` names the set, and the manifest must be for it. Without, the set has the manifest's name, or
///   `app`.
/// - `recursive` also reads the files in folders.
/// - `unlocked` accepts a directory without a manifest: what runs is then whatever lay in it at compile time. A
///   manifest that is there is checked all the same.
///
/// ```
/// use whimbrel_embed::{Embedded, embed};
///
/// static MIGRATIONS: Embedded = embed!("migrations", set = "app", recursive);
///
/// let set = MIGRATIONS.set("sqlite")?;
/// assert_eq!(set.versioned().len(), 2);
/// # Ok::<(), whimbrel::Error>(())
/// ```
///
/// # A folder per dialect
///
/// A directory without migrations of its own may have folders named `sqlite`, `postgres`, `mysql` and `mariadb`.
/// Each is then a set with a manifest of its own, all under one name, and the driver's dialect decides which one is
/// loaded. `mariadb` takes `mysql` where it has no folder. What no script may hold (an open quote, transaction
/// control, a wrong directive, …) is then found when the program is compiled, with line and column. Without such
/// folders the compiler does not know the dialect, and planning finds it.
///
/// # Errors
/// The program does not compile when a file differs from its line in `whimbrel.sum`, has none, or is missing; has a
/// wrong name, a version that is taken, or bytes that are not UTF-8; when the manifest is missing, does not parse,
/// or its head does not follow from its files; when there is a folder, and neither `recursive` nor a dialect of its
/// name. All that is wrong with the names and the encoding is told at once, then all that is wrong between files and
/// manifest.
pub use whimbrel_embed_macros::embed;

pub use self::drift::Drift;
pub use self::embedded::Embedded;
pub use self::run_time::EmbeddedDir;

/// What [`embed!`] writes. No part of the crate's interface.
#[doc(hidden)]
pub mod __private {
    pub use include_dir::{Dir, DirEntry, File};
    pub use whimbrel::{Key, Kind, Migration};

    pub use crate::baked::{BakedSet, file, migration, version};
    pub use crate::embedded::embedded;
}
