//! Whimbrel migrates an application's own database when the application starts.
//!
//! This crate is the core: migrations and the sets they come in, the checks before anything runs, plans, the history in
//! the database, and the engine. It knows no async runtime and no database client; a driver's crate
//! (`whimbrel-sqlite`, …) brings the connection.
//!
//! ```
//! use whimbrel::{Memory, Migrator};
//! # fn main() -> whimbrel::Result<()> {
//! let migrations = Memory::new().with_sql(1, "create_users", "CREATE TABLE users (id INTEGER PRIMARY KEY);");
//! # let mut db = whimbrel_testkit::Fake::new();
//! let report = Migrator::new(&migrations).run_blocking(&mut db)?;
//! assert_eq!(report.migrations.len(), 1);
//! # Ok(())
//! # }
//! ```

mod approval;
mod backup;
mod blocking;
mod detail;
mod dialect;
mod digest;
mod directive;
mod driver;
mod effect;
mod engine;
mod error;
mod finding;
mod history;
mod intent;
pub mod layout;
mod limits;
mod manifest;
mod migration;
mod migrator;
mod moment;
mod observe;
mod placeholder;
mod plan;
mod predecessor;
mod preflight;
mod prepare;
mod quoting;
mod report;
pub mod script;
mod secret;
mod shown;
mod source;
mod step;
mod stop;
mod traces;
#[cfg(feature = "tracing")]
mod tracing;
mod url;
mod verify;

pub use async_trait::async_trait;

pub use self::approval::{Approval, Approver};
pub use self::backup::{Backup, Receipt};
pub use self::blocking::{Blocking, Itself};
pub use self::dialect::{
    BootQuery, BootSet, CausalSql, ClientProgram, Ddl, Dialect, DroppedTable, EffectSql, Fact,
    FindSessionLeft, FlightSql, ForeignKeys, HiddenSql, HistorySql, LockSql, RoleSql, Rule, ScriptSql,
    SecretSql, SessionLeft, SessionNumber, SettingsSql, StaysSql, SurveyQuery, TableName, TableNameError,
    Timeouts, TransactionSql,
};
pub use self::digest::{Chain, Digest, DigestError};
pub use self::directive::{DirectiveError, Directives, Waiver};
pub use self::driver::{
    Answer, Answers, ColumnError, Driver, DriverError, ErrorClass, FromValue, Imitator, Message, Progress,
    Row, Rows, Value, refuse_imitators,
};
pub use self::effect::{Change, Effect, Ident, MemberKind, Name, ObjectKind};
pub use self::error::{Error, ErrorKind, FINDINGS_SHOWN, Location, Result};
pub use self::finding::{Finding, FindingKind, Weight};
pub use self::history::{BrokenRow, History, HistoryEvent, HistoryRow, SetHistory};
pub use self::limits::Limits;
pub use self::manifest::{
    FileLine, Former, LockChange, Manifest, ManifestError, ManifestSides, Tombstone, Undecided,
};
pub use self::migration::{
    Duplicate, Key, Kind, Migration, MigrationSet, NotUtf8, Provenance, ScriptFile, SetName, SetNameError,
    Version, VersionError, canonical_text,
};
pub use self::migrator::{
    Ending, Migrator, PostponedMigration, SetStatus, Settlement, Standing, Status, StatusEntry,
};
pub use self::observe::{Event, Observer, Tip};
pub use self::placeholder::{Placeholder, PlaceholderForm, placeholders};
pub use self::plan::{
    Action, Ahead, Conditions, Gaps, Goal, OutOfOrder, Plan, PlanItem, Product, Request, Reverted,
    ServerVersion, Transaction, Unbaselined, plan,
};
pub use self::preflight::{Need, Preflight, PreflightSql, Right, RightsQuery, Transport};
pub use self::report::{MigrationReport, Outcome, Report};
pub use self::secret::{ProviderError, Secret, SecretProvider, SecretReference, SecretReferenceError};
pub use self::source::{Directory, Joined, Memory, Source, SourceFile, TrustedFile, Writers};
pub use self::step::{BlockingTransaction, StepError, StepFuture, StepKey, StepTransaction};
pub use self::stop::Stop;
#[cfg(feature = "tracing")]
pub use self::tracing::Tracing;
pub use self::url::{DatabaseUrl, Host, HostAddress, Scheme, TlsMode, UrlError};
pub use self::verify::{ManifestVerifier, Verified, Verifier};
