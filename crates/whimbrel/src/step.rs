//! Steps written in Rust: functions that are bound to a version, and the open transaction that they get.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use crate::blocking::block_on;
use crate::dialect::{Ddl, Dialect, Fact};
use crate::driver::{Driver, DriverError, ErrorClass, Rows, Value};
use crate::engine::refusal_in_step;
use crate::finding::{Finding, FindingKind};
use crate::migration::{Kind, MigrationSet, Version};
use crate::script::Script;

/// What a step in Rust fails with: any error.
pub type StepError = Box<dyn std::error::Error + Send + Sync>;

/// What a step in Rust returns.
pub type StepFuture<'t> = Pin<Box<dyn Future<Output = Result<(), StepError>> + Send + 't>>;

type Async<'a> = Box<dyn for<'t> Fn(&'t mut StepTransaction<'t>) -> StepFuture<'t> + Send + Sync + 'a>;
type Plain<'a> = Box<dyn Fn(&mut BlockingTransaction<'_>) -> Result<(), StepError> + Send + Sync + 'a>;

pub(crate) enum StepFunction<'a> {
    Async(Async<'a>),
    Plain(Plain<'a>),
}

/// Which step a function is: its version, the revision that the function was written for, and what it promises.
///
/// A number is a version with revision 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepKey {
    version: i64,
    revision: u32,
    database_only: bool,
    down: bool,
}

impl StepKey {
    /// The step of this version, revision 1.
    pub const fn new(version: i64) -> Self {
        Self { version, revision: 1, database_only: false, down: false }
    }

    /// The revision that the file must have.
    #[must_use]
    pub const fn with_revision(mut self, revision: u32) -> Self {
        self.revision = revision;
        self
    }

    /// Promises that the function touches nothing but the database, so that it does no harm when it is rolled back
    /// together with others and run again.
    #[must_use]
    pub const fn database_only(mut self) -> Self {
        self.database_only = true;
        self
    }

    /// The function goes down.
    #[must_use]
    pub const fn down(mut self) -> Self {
        self.down = true;
        self
    }
}

impl From<i64> for StepKey {
    fn from(version: i64) -> Self {
        Self::new(version)
    }
}

pub(crate) struct BoundStep<'a> {
    pub(crate) revision: u32,
    pub(crate) database_only: bool,
    pub(crate) function: StepFunction<'a>,
}

/// The steps that are bound for one set, by version and whether they go down.
#[derive(Default)]
pub(crate) struct Steps<'a> {
    bound: BTreeMap<(i64, bool), BoundStep<'a>>,
    twice: Vec<i64>,
}

impl fmt::Debug for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.bound.keys()).finish()
    }
}

impl<'a> Steps<'a> {
    pub(crate) fn bind(&mut self, key: StepKey, function: StepFunction<'a>) {
        let step = BoundStep { revision: key.revision, database_only: key.database_only, function };
        if self.bound.insert((key.version, key.down), step).is_some() {
            self.twice.push(key.version);
        }
    }

    pub(crate) fn step(&self, version: Version, down: bool) -> Option<&BoundStep<'a>> {
        self.bound.get(&(version.number(), down))
    }

    /// Steps that are missing, extra or bound with another revision, and plain functions where no blocking twin runs.
    pub(crate) fn check(&self, set: &MigrationSet, blocking: bool) -> Vec<Finding> {
        if self.bound.is_empty() && set.steps() == 0 {
            return Vec::new();
        }
        let name = set.name();
        let mut findings = Vec::new();
        let mut find = |subject: String, message: String| {
            findings.push(Finding::new(FindingKind::Step, name, subject, message));
        };
        for migration in set.versioned() {
            let (Kind::Rust { revision, reversible }, Some(version)) =
                (migration.kind(), migration.version())
            else {
                continue;
            };
            for down in [false, true] {
                let way = if down { "way down" } else { "way up" };
                match self.step(version, down) {
                    None if !down || reversible => find(
                        migration.label(),
                        format!("its {way} is a step in Rust, and no function is bound: use `with_step`"),
                    ),
                    None => {}
                    Some(_) if down && !reversible => find(
                        migration.label(),
                        "a way down is bound, and its file does not say `reversible = true`".to_owned(),
                    ),
                    Some(step) if step.revision != revision => find(
                        migration.label(),
                        format!(
                            "the function of its {way} is bound for revision {}, and the file says {revision}",
                            step.revision
                        ),
                    ),
                    Some(step) if !blocking && matches!(step.function, StepFunction::Plain(_)) => find(
                        migration.label(),
                        "a plain function would block the executor's thread: use `with_step`, or a blocking verb"
                            .to_owned(),
                    ),
                    Some(_) => {}
                }
            }
        }
        for (number, _) in self.bound.keys() {
            let migration = Version::new(*number).and_then(|version| set.migration(version));
            match migration.map(|migration| migration.kind()) {
                Some(Kind::Rust { .. }) => {}
                Some(Kind::Sql) => find(
                    number.to_string(),
                    "a function is bound to this version, and its file is a script, not a .rust file"
                        .to_owned(),
                ),
                None => find(
                    number.to_string(),
                    "a function is bound to this version, and the set has no such migration".to_owned(),
                ),
            }
        }
        for number in &self.twice {
            find(number.to_string(), "two functions are bound to this version: keep one".to_owned());
        }
        findings
    }
}

/// The migration's own open transaction, for a step in Rust.
///
/// What is executed here commits, or is rolled back, together with the row in the history that says so. The engine
/// ends the transaction; transaction control is refused.
pub struct StepTransaction<'t> {
    driver: &'t mut (dyn Driver + 't),
    queries: usize,
}

impl fmt::Debug for StepTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepTransaction").finish_non_exhaustive()
    }
}

impl<'t> StepTransaction<'t> {
    pub(crate) fn new(driver: &'t mut (dyn Driver + 't)) -> Self {
        Self { driver, queries: 0 }
    }

    /// The dialect, for steps that serve several databases.
    pub fn dialect(&self) -> &Dialect {
        self.driver.dialect()
    }

    /// Runs one statement with bound values, and returns how many rows it changed.
    ///
    /// # Errors
    /// What the database said; or the statement is transaction control, or there are several.
    ///
    /// # If interrupted
    /// Everything that the step did is rolled back, and the next run runs it again.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DriverError> {
        self.query(sql, values).await.map(|rows| rows.affected())
    }

    /// Runs one statement with bound values, and returns its rows.
    ///
    /// # Errors
    /// What the database said; or the statement is transaction control, or there are several; or it drops a table on SQLite
    /// to which rows of other tables refer that would go with it.
    pub async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        match Script::parse(sql, &self.driver.dialect().lexing) {
            Err(problems) => {
                let what = problems.first().map(ToString::to_string).unwrap_or_default();
                return Err(DriverError::new(ErrorClass::Sql, what));
            }
            Ok(script) if script.statements().len() > 1 => {
                let what = format!(
                    "{} statements in one call, which would answer for one of them: call once for each",
                    script.statements().len()
                );
                return Err(DriverError::new(ErrorClass::Sql, what));
            }
            Ok(script) => self.refuse_cascade(&script).await?,
        }
        if self.commits_by_itself(sql) {
            return Err(DriverError::new(
                ErrorClass::Sql,
                "this statement would commit the step's transaction: put it into a script of its own",
            ));
        }
        self.queries += 1;
        self.driver.query(sql, values).await
    }

    /// Refuses a `DROP TABLE` that takes rows of other tables along.
    async fn refuse_cascade(&mut self, script: &Script<'_>) -> Result<(), DriverError> {
        let dialect = self.driver.dialect();
        let (Some(keys), Some(statement)) = (dialect.foreign_keys, script.statements().first()) else {
            return Ok(());
        };
        if !dialect.facts(statement).has(Fact::DropsTable) {
            return Ok(());
        }
        match refusal_in_step(self.driver, keys, statement).await? {
            Some(refused) => Err(refused),
            None => Ok(()),
        }
    }

    fn commits_by_itself(&self, sql: &str) -> bool {
        let dialect = self.driver.dialect();
        dialect.transaction.ddl == Ddl::Commits
            && Script::parse(sql, &dialect.lexing).is_ok_and(|script| {
                script.statements().iter().any(|it| dialect.facts(it).has(Fact::NeedsNoTransaction))
            })
    }

    /// The client itself, if it is a `T`: the driver's documentation says which type it is. Whoever takes it must leave
    /// the transaction open; one that was ended is found out before the step is recorded.
    pub fn native<T: Any>(&mut self) -> Option<&mut T> {
        self.driver.native().downcast_mut()
    }
}

/// A [`StepTransaction`] for plain functions.
pub struct BlockingTransaction<'t>(StepTransaction<'t>);

impl fmt::Debug for BlockingTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingTransaction").finish_non_exhaustive()
    }
}

impl BlockingTransaction<'_> {
    /// The dialect, for steps that serve several databases.
    pub fn dialect(&self) -> &Dialect {
        self.0.dialect()
    }

    /// Runs one statement with bound values, and returns how many rows it changed.
    ///
    /// # Errors
    /// As [`StepTransaction::execute`].
    pub fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DriverError> {
        block_on(self.0.execute(sql, values))
    }

    /// Runs one statement with bound values, and returns its rows.
    ///
    /// # Errors
    /// As [`StepTransaction::query`].
    pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        block_on(self.0.query(sql, values))
    }

    /// The client itself, if it is a `T`.
    pub fn native<T: Any>(&mut self) -> Option<&mut T> {
        self.0.native()
    }
}

impl StepFunction<'_> {
    /// Runs the function on an open transaction.
    pub(crate) async fn run<'t>(&self, driver: &'t mut (dyn Driver + 't)) -> Result<(), StepError> {
        match self {
            Self::Async(function) => {
                let mut transaction = StepTransaction::new(driver);
                function(&mut transaction).await
            }
            Self::Plain(function) => function(&mut BlockingTransaction(StepTransaction::new(driver))),
        }
    }
}
