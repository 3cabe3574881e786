//! The builder that an application uses, and its verbs. Puts sources, verifiers, planning and the engine together.

mod boot;
mod doubt;
pub(crate) mod evidence;
mod postpone;
mod preflight;
mod rounds;
mod script;
mod settle;
mod status;
mod twins;
mod values;
mod verbs;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

pub use self::postpone::PostponedMigration;
pub use self::settle::{Ending, Settlement};
pub use self::status::{SetStatus, Standing, Status, StatusEntry};

use crate::approval::{Approvals, Approved, Approver};
use crate::backup::Backup;
use crate::dialect::{Dialect, TableName, Timeouts};
use crate::digest::Digest;
use crate::engine::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, FindingKind};
use crate::limits::Limits;
use crate::migration::{MigrationSet, Version};
use crate::observe::Observer;
use crate::plan::{Ahead, Gaps, Goal, OutOfOrder, Request, Reverted, Transaction, Unbaselined};
use crate::preflight::Preflight;
use crate::secret::SecretProvider;
use crate::source::Source;
use crate::step::{
    BlockingTransaction, StepError, StepFunction, StepFuture, StepKey, StepTransaction, Steps,
};
use crate::stop::Stop;
use crate::verify::{Verified, Verifier};

/// Migrates a database.
///
/// Nothing happens until one of the verbs is called; a migrator may be used any number of times, from several threads.
///
/// | verb | what it does |
/// | --- | --- |
/// | [`run`](Self::run) | applies what is pending |
/// | [`plan`](Self::plan) | says what `run` would do |
/// | [`script`](Self::script) | writes down what `run` would do, for the database's own client |
/// | [`check`](Self::check) | fails if anything is pending |
/// | [`wait`](Self::wait) | waits until somebody else has migrated |
/// | [`status`](Self::status) | says what is in force |
/// | [`revert_to`](Self::revert_to), [`redo`](Self::redo) | go down |
/// | [`baseline`](Self::baseline) | declares what a database without a history has |
/// | [`history`](Self::history) | reads the history's rows |
/// | [`settle`](Self::settle) | says how a statement in doubt has ended |
/// | [`repair`](Self::repair), [`verify_history`](Self::verify_history) | about the history itself |
///
/// Each has a blocking twin for programs without an async runtime.
///
/// ```
/// # use std::time::Duration;
/// # use whimbrel::{Memory, Migrator, OutOfOrder};
/// # fn main() -> whimbrel::Result<()> {
/// # let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER);");
/// # let mut db = whimbrel_testkit::Fake::new();
/// let report = Migrator::new(&migrations)
///     .with_lock_deadline(Duration::from_secs(20))
///     .with_out_of_order(OutOfOrder::Apply)
///     .run_blocking(&mut db)?;
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
pub struct Migrator<'a> {
    parts: Vec<Part<'a>>,
    table: TableName,
    request: Request,
    gaps: Gaps,
    lock_deadline: Duration,
    limits: Limits,
    timeouts: Timeouts,
    role: Option<String>,
    stop: Option<Stop>,
    wait_deadline: Duration,
    failure_pause: Duration,
    verifiers: Vec<Box<dyn Verifier + 'a>>,
    approvers: Vec<Box<dyn Approver + 'a>>,
    preflight: Preflight,
    values: BTreeMap<String, String>,
    secrets: Option<(Box<dyn SecretProvider + 'a>, Duration)>,
    observers: Vec<Box<dyn Observer + 'a>>,
    backup: Option<Box<dyn Backup + 'a>>,
    application: Option<(String, String)>,
    reason: Option<String>,
    verbatim: bool,
    steps_elsewhere: bool,
}

/// A set's source, and the functions bound to its steps in Rust.
struct Part<'a> {
    source: Box<dyn Source + 'a>,
    steps: Steps<'a>,
}

impl std::fmt::Debug for Migrator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Migrator")
            .field("sets", &self.parts.len())
            .field("table", &self.table)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl<'a> Migrator<'a> {
    /// A migrator for one set.
    pub fn new(source: impl Source + 'a) -> Self {
        Self {
            parts: vec![Part { source: Box::new(source), steps: Steps::default() }],
            table: TableName::default(),
            request: Request::default(),
            gaps: Gaps::default(),
            lock_deadline: Duration::from_secs(60),
            limits: Limits::default(),
            timeouts: Timeouts { lock: Some(Duration::from_secs(3)), statement: None, local: false },
            role: None,
            wait_deadline: Duration::from_secs(300),
            failure_pause: Duration::from_secs(1),
            verifiers: Vec::new(),
            approvers: Vec::new(),
            preflight: Preflight::new(),
            values: BTreeMap::new(),
            secrets: None,
            observers: Vec::new(),
            backup: None,
            application: None,
            reason: None,
            verbatim: false,
            stop: None,
            steps_elsewhere: false,
        }
    }

    /// Adds a set, which is migrated after those before it: libraries first, the application last. Targets, reverts,
    /// baselines and settlements are about the last set.
    #[must_use]
    pub fn and(mut self, source: impl Source + 'a) -> Self {
        self.parts.push(Part { source: Box::new(source), steps: Steps::default() });
        self
    }

    /// Binds an async function to a step written in Rust, of the set that was added last.
    ///
    /// ```
    /// # use whimbrel::{Memory, Migrator};
    /// # let migrations = Memory::new();
    /// let migrator = Migrator::new(&migrations).with_step(7, |tx| Box::pin(async move {
    ///     for row in tx.query("SELECT id FROM users WHERE name IS NULL", &[]).await? {
    ///         let id: i64 = row.column("id")?;
    ///         tx.execute("UPDATE users SET name = ? WHERE id = ?", &["unknown".into(), id.into()]).await?;
    ///     }
    ///     Ok(())
    /// }));
    /// ```
    #[must_use]
    pub fn with_step<F>(mut self, step: impl Into<StepKey>, function: F) -> Self
    where
        F: for<'t> Fn(&'t mut StepTransaction<'t>) -> StepFuture<'t> + Send + Sync + 'a,
    {
        self.bind(step.into(), StepFunction::Async(Box::new(function)));
        self
    }

    /// Binds a plain function to a step written in Rust, of the set that was added last: for the blocking verbs.
    #[must_use]
    pub fn with_blocking_step<F>(mut self, step: impl Into<StepKey>, function: F) -> Self
    where
        F: Fn(&mut BlockingTransaction<'_>) -> Result<(), StepError> + Send + Sync + 'a,
    {
        self.bind(step.into(), StepFunction::Plain(Box::new(function)));
        self
    }

    fn bind(&mut self, key: StepKey, function: StepFunction<'a>) {
        if let Some(part) = self.parts.last_mut() {
            part.steps.bind(key, function);
        }
    }

    /// Stops at a version of the last set, and leaves repeatables alone. Default: everything.
    #[must_use]
    pub fn with_target(mut self, version: Version) -> Self {
        self.request.goal = Goal::UpTo(version);
        self
    }

    /// Names the history table, perhaps with its schema. Default: `whimbrel_history`, in the schema in which the
    /// connection creates tables.
    #[must_use]
    pub fn with_table(mut self, table: TableName) -> Self {
        self.table = table;
        self
    }

    /// How much of the history is read into memory: `history_rows`. What is read of a directory, the
    /// [`Directory`](crate::Directory) is told.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long to wait for other processes that migrate. Default: 60 seconds; zero does not wait.
    #[must_use]
    pub fn with_lock_deadline(mut self, longest: Duration) -> Self {
        self.lock_deadline = longest;
        self
    }

    /// How long a statement of a migration may wait for a lock on a table, on databases that have such a time
    /// (PostgreSQL, MySQL, MariaDB); a directive `lock_timeout=…` in a script goes before. Default: 3 seconds.
    ///
    /// While a statement waits for a busy table, the application's queries queue up behind it; so it gives up soon, what
    /// it stands in is rolled back, and after a pause that grows it is tried again, until the time of
    /// [`with_lock_deadline`](Self::with_lock_deadline) is over. Whole milliseconds count; on MySQL and MariaDB whole
    /// seconds, at least one.
    ///
    /// On PostgreSQL it is not for what waits in the middle of its work with nobody behind it in the queue who reads or writes:
    /// `CREATE`, `DROP` and `REINDEX INDEX CONCURRENTLY`, `DETACH PARTITION … CONCURRENTLY`. These wait as long as they have
    /// to, unless the script itself says `lock_timeout=…`.
    #[must_use]
    pub fn with_lock_timeout(mut self, longest: Duration) -> Self {
        self.timeouts.lock = Some(longest);
        self
    }

    /// How long a statement of a migration may take, on databases that have such a time (PostgreSQL, MariaDB); a directive
    /// `statement_timeout=…` in a script goes before. Default: as long as it takes.
    #[must_use]
    pub fn with_statement_timeout(mut self, longest: Duration) -> Self {
        self.timeouts.statement = Some(longest);
        self
    }

    /// Runs scripts and steps as another role, on databases where a transaction can assume one (PostgreSQL). The history is
    /// written as oneself. No security boundary: a script can go back to the role that it came from.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// How long [`wait`](Self::wait) waits. Default: 5 minutes.
    #[must_use]
    pub fn with_wait_deadline(mut self, longest: Duration) -> Self {
        self.wait_deadline = longest;
        self
    }

    /// How long the pause is before a migration that has failed is tried again, by this program or any other. It doubles with
    /// each failure in a row, up to 10 minutes. Default: 1 second; zero tries again at once.
    ///
    /// Failures are counted in the history, so that many replicas that crash and start over again do not hammer the
    /// database. A verb waits for the end of the pause if it comes before the
    /// [lock deadline](Self::with_lock_deadline), and is refused with the kind [`Retry`](ErrorKind::Retry) otherwise. A
    /// migration whose file was changed is tried at once. What failed since the database was busy does not count.
    #[must_use]
    pub fn with_failure_pause(mut self, first: Duration) -> Self {
        self.failure_pause = first;
        self
    }

    /// How migrations are put into transactions. Default: [`Transaction::Auto`].
    #[must_use]
    pub fn with_transaction(mut self, transaction: Transaction) -> Self {
        self.request.transaction = transaction;
        self
    }

    /// What to do with migrations that are older than one that is applied. Default: refuse.
    #[must_use]
    pub fn with_out_of_order(mut self, policy: OutOfOrder) -> Self {
        self.request.out_of_order = policy;
        self
    }

    /// What to do when the database is ahead of the program. Default: that is fine.
    #[must_use]
    pub fn with_ahead(mut self, policy: Ahead) -> Self {
        self.request.ahead = policy;
        self
    }

    /// What to do with a database that has tables, but no history. Default: refuse.
    #[must_use]
    pub fn with_unbaselined(mut self, policy: Unbaselined) -> Self {
        self.request.unbaselined = policy;
        self
    }

    /// Says which versions [`baseline`](Self::baseline) declares, where the database does not have all of them up to the one
    /// that it is given. The others stay pending. Default: all of them.
    ///
    /// ```
    /// # use whimbrel::{Memory, Migrator, Version};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sql = "CREATE TABLE users (id INTEGER);";
    /// # let migrations = Memory::new().with_sql(1, "a", sql).with_sql(2, "b", sql).with_sql(3, "c", sql);
    /// # let mut db = whimbrel_testkit::Fake::new();
    /// // Another tool has applied 1 and 3.
    /// let has = [Version::try_from(1)?, Version::try_from(3)?];
    /// Migrator::new(&migrations).with_baselined(has).baseline_blocking(&mut db, has[1])?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_baselined(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        self.request.baselined = Some(versions.into_iter().collect());
        self
    }

    /// What to do with migrations that were reverted after this program had applied them. Default: refuse.
    #[must_use]
    pub fn with_reverted(mut self, policy: Reverted) -> Self {
        self.request.reverted = policy;
        self
    }

    /// What to do with versions that are left out. Default: that is fine.
    #[must_use]
    pub fn with_gaps(mut self, policy: Gaps) -> Self {
        self.gaps = policy;
        self
    }

    /// Names the environment. The first run records it; a program with another environment's name is refused.
    #[must_use]
    pub fn with_environment(mut self, name: impl Into<String>) -> Self {
        self.request.environment = Some(name.into());
        self
    }

    /// Says which application migrates; recorded in the history.
    ///
    /// ```
    /// # use whimbrel::{Memory, Migrator};
    /// let migrator = Migrator::new(Memory::new())
    ///     .with_application(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    /// ```
    #[must_use]
    pub fn with_application(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.application = Some((name.into(), version.into()));
        self
    }

    /// Says why; recorded in the history.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Adds a verifier to those that every run goes through.
    #[must_use]
    pub fn with_verifier(mut self, verifier: impl Verifier + 'a) -> Self {
        self.verifiers.push(Box::new(verifier));
        self
    }

    /// Approves the plan that has exactly this digest; may be called several times. What the approval was for, and by whom it
    /// was given, goes into the history.
    ///
    /// A plan has to be approved where a [verifier](Self::with_verifier) says so, such as a policy about plans that destroy
    /// data. [`plan`](Self::plan) shows it, with its digest; an operator hands the digest to the program, which runs that
    /// plan and no other: once the files, the history or the goal have changed, the digest has.
    ///
    /// ```
    /// # use whimbrel::{Memory, Migrator};
    /// # fn main() -> Result<(), whimbrel::DigestError> {
    /// # let migrations = Memory::new();
    /// let mut migrator = Migrator::new(&migrations);
    /// if let Ok(approved) = std::env::var("APPROVED_PLAN") {
    ///     migrator = migrator.with_approval(approved.parse()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_approval(self, plan: Digest) -> Self {
        self.with_approver(Approved(plan))
    }

    /// Adds somebody who is asked for an approval; one of them has to give it.
    #[must_use]
    pub fn with_approver(mut self, approver: impl Approver + 'a) -> Self {
        self.approvers.push(Box::new(approver));
        self
    }

    /// Says what has to be so before anything is applied: that the connection is protected, that the user is no superuser, that
    /// it has the rights which the plan needs. Looked at when something is pending; a boot that has nothing to do asks
    /// nothing more. Default: nothing.
    #[must_use]
    pub fn with_preflight(mut self, preflight: Preflight) -> Self {
        self.preflight = preflight;
        self
    }

    /// Gives the value for `${name}` and `${name:ident}` in scripts with the directive `placeholders`.
    ///
    /// It is filled in when the script is executed: `${name}` as a quoted literal, `${name:ident}` as a quoted identifier;
    /// there is no raw form. The script with its placeholders is what is hashed, so another value makes no migration
    /// pending. In scripts without the directive `${` means itself.
    ///
    /// ```
    /// # use whimbrel::{Memory, Migrator};
    /// let script = "-- whimbrel: placeholders\nCREATE ROLE ${reader:ident}; COMMENT ON ROLE ${reader:ident} IS ${note};";
    /// let migrations = Memory::new().with_sql(1, "reader", script);
    /// let migrator = Migrator::new(&migrations).with_value("reader", "app_reader").with_value("note", "it's ours");
    /// ```
    ///
    /// # If interrupted
    /// A statement outside transactions that holds a placeholder, and was cut off, is *unknown*: what it was about cannot be
    /// looked for.
    #[must_use]
    pub fn with_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Says who hands out the secrets for `${secret:name}` in scripts with the directive `placeholders`, and how long each may
    /// take. They are asked for when such a script is about to be run, and not before.
    ///
    /// A secret is filled in as a quoted literal. It appears in no plan, history, event or error, nor in a log of the
    /// clients; a server that logs statements, or shows them to administrators, sees it on MySQL, MariaDB and SQLite, and on
    /// PostgreSQL where it logs bound values.
    #[must_use]
    pub fn with_secrets(mut self, provider: impl SecretProvider + 'a, longest: Duration) -> Self {
        self.secrets = Some((Box::new(provider), longest));
        self
    }

    /// Ends a verb when it is asked to, after the migration that is under way. Migrations are then waited for one by one,
    /// which costs round trips.
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Leaves steps in Rust to the application, for programs that look at its migrations and apply its scripts: none of
    /// them has to be bound. A plan that would run one is shown, and refused when it is to be carried out.
    #[must_use]
    pub fn without_steps(mut self) -> Self {
        self.steps_elsewhere = true;
        self
    }

    /// Adds an observer.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer + 'a) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Makes a backup before anything pending is applied; if that fails, nothing is.
    #[must_use]
    pub fn with_backup(mut self, backup: impl Backup + 'a) -> Self {
        self.backup = Some(Box::new(backup));
        self
    }

    /// Shows what the database says unmasked in errors. It may quote values of rows and literals of scripts.
    #[must_use]
    pub fn with_database_messages(mut self) -> Self {
        self.verbatim = true;
        self
    }

    /// Loads the sets and leads them through the first gate. The driver is not called.
    async fn gate(&self, dialect: &Dialect, mode: verbs::Mode) -> Result<Vec<Verified<MigrationSet>>> {
        let verifiers: Vec<&dyn Verifier> = self.verifiers.iter().map(|verifier| &**verifier as _).collect();
        let mut findings = Vec::new();
        let mut sets = Vec::with_capacity(self.parts.len());
        let mut names = HashSet::new();
        if let Some(error) = self.odd_values() {
            return Err(error);
        }
        if self.role.is_some() && dialect.role.is_none() {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("{} cannot run migrations as another role", dialect.name),
            )
            .with_note(
                "next",
                "leave `with_role` out, and connect as the role that should own what is made",
            ));
        }
        for part in &self.parts {
            let set = part.source.load(dialect.name).await?;
            if !self.steps_elsewhere {
                findings.extend(part.steps.check(&set, mode == verbs::Mode::Blocking));
            }
            if !names.insert(set.name().clone()) {
                findings.push(Finding::new(
                    FindingKind::Duplicate,
                    set.name(),
                    set.name().as_str(),
                    "two sets have this name: give one another",
                ));
            }
            if self.gaps == Gaps::Refuse {
                findings.extend(gaps(&set));
            }
            match Verified::set(set, dialect, &verifiers).await {
                Ok(set) => sets.push(set),
                Err(error) if error.findings().is_empty() => return Err(error),
                Err(error) => findings.extend(error.findings().iter().cloned()),
            }
        }
        if findings.is_empty() { Ok(sets) } else { Err(Error::refused(findings)) }
    }

    fn approvals(&self) -> Approvals<'_> {
        Approvals::of(self.approvers.iter().map(|approver| &**approver as _).collect())
    }

    fn settings<'s>(&'s self, sets: &[Verified<MigrationSet>]) -> Settings<'s> {
        let steps: HashMap<_, _> =
            sets.iter().zip(&self.parts).map(|(set, part)| (set.name().clone(), &part.steps)).collect();
        Settings {
            table: &self.table,
            observers: &self.observers,
            backup: self.backup.as_deref(),
            steps,
            application: self.application.as_ref().map(|(name, version)| (name.as_str(), version.as_str())),
            reason: self.reason.as_deref(),
            verbatim: self.verbatim,
            one_by_one: self.request.transaction == Transaction::Auto,
            timeouts: self.timeouts,
            role: self.role.as_deref(),
            stop: self.stop.as_ref(),
        }
    }
}

/// The versions that are left out, counted from 1.
fn gaps(set: &MigrationSet) -> Vec<Finding> {
    let mut expected = 1;
    let mut findings = Vec::new();
    for migration in set.versioned() {
        let Some(version) = migration.version() else { continue };
        if version.number() != expected {
            let message =
                format!("expected version {expected} here, and gaps are refused: renumber, or allow them");
            findings.push(
                Finding::new(FindingKind::Gap, set.name(), migration.label(), message)
                    .at(migration.up().location()),
            );
        }
        expected = version.number().saturating_add(1);
    }
    findings
}
