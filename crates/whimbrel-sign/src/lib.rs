//! Signed migrations: a set is run only if people whom the program trusts have signed its manifest.
//!
//! `whimbrel.sum` names every file of a set with its digest; a signature over it lies beside it as `whimbrel.sum.sig`.
//! [`SignatureVerifier`] checks it before the driver is called. The signatures are those of tools and keys that people
//! have: SSH's, as git uses them, and minisign's.
//!
//! ```console
//! $ ssh-keygen -Y sign -n whimbrel -f ~/.ssh/id_ed25519 migrations/whimbrel.sum
//! $ minisign -S -s ~/.minisign/minisign.key -m migrations/whimbrel.sum -x migrations/whimbrel.sum.sig
//! ```
//!
//! ```
//! use whimbrel::{FindingKind, Manifest, Memory, Migrator};
//! use whimbrel_sign::SignatureVerifier;
//!
//! /// Who may sign, as `ssh-keygen -Y verify` has it: usually a file, by `include_str!`.
//! const SIGNERS: &str = "\
//! alice@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIByLFGfKwx4P3nzXKO9uA6CR+/K/aLnDr4UR8hy02Pfi
//! bob@example.com   ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOmHVFSMo4JhzYz4nTS7D7FRCdc783B/A3MmDkaRIrZI
//! ";
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let signed = SignatureVerifier::new()
//!     .with_allowed_signers(SIGNERS)?
//!     .with_minisign_key("carol", "RWSjucinnXYpaWTH5jsmDxUA9cArPHYLXyTnGkWkrRdCO8OMwIInYJOK")?
//!     .with_threshold(2);
//!
//! let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
//! let (manifest, _) = Manifest::lock(&migrations.set()?, None);
//! let unsigned = migrations.with_manifest(manifest);
//!
//! let mut db = rusqlite::Connection::open_in_memory()?;
//! # use whimbrel_sqlite as _;
//! let refused = Migrator::new(&unsigned).with_verifier(&signed).run_blocking(&mut db);
//! assert!(refused.is_err_and(|error| error.findings()[0].kind() == FindingKind::Signature));
//! # Ok(())
//! # }
//! ```
//!
//! # What counts
//!
//! A signature counts if it is over the manifest's bytes as they are, and by a key of a signer that may be used now.
//! Signers count, not keys: the keys that have a name in common, and the names that have a key in common, are one
//! signer. [`with_threshold`](SignatureVerifier::with_threshold) says how many have to have signed.
//!
//! - A signature of a key that nobody named, or whose time is over, is passed over: others may suffice.
//! - A signature by a signer's key that is *wrong* (over other bytes, or made for another purpose), and whatever else is
//!   no signature, is refused, however many others are good.
//! - A set that is not locked, or has no signature, is refused.
//!
//! Several sets in one migrator are each verified with a signature of its own; a [`Joined`](whimbrel::Joined) set has
//! none.
//!
//! # Approvals
//!
//! A plan that somebody has to approve, since a policy says so, can be approved by a signature over its digest:
//! [`SignedApprovals`].
//!
//! # Older manifests
//!
//! A manifest that was signed once stays signed. What a run would do under one that is older than the history is told
//! by the plan, and refused; `docs/signatures.md` says exactly what is recognised and what is not.

mod allowed_signers;
mod approval;
mod armor;
mod minisign;
mod replay;
mod signer;
mod ssh;
mod timestamp;
mod verdict;
mod verifier;

pub use self::approval::SignedApprovals;
pub use self::verifier::SignatureVerifier;

/// The namespace of SSH's signatures over manifests: `ssh-keygen -Y sign -n whimbrel`. A signature that was made for
/// something else (a commit, a file) is none.
pub const NAMESPACE: &str = "whimbrel";
