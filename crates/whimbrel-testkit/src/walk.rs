//! Walks a set of migrations up, down and up again, and compares what there is. Knows no catalogue.

use std::fmt;

use whimbrel::{Driver, DriverError, Error, FindingKind, Migrator, Reverted, Version};

use crate::schema::Schema;

/// Applies each migration of a set, reverts it, and applies it again: after the way down the schema must be what it was
/// before, and after the second way up what it was after the first.
///
/// `migrator` makes the application's migrator; its last set is the one that is walked, in an empty database of any dialect
/// that [`Schema::read`] knows. A migration without a way down is applied and passed over. Repeatables come at the end, and
/// go no way back.
///
/// Rows are not compared: whether a way down brings data back is for a test of the application's to say.
///
/// ```
/// use whimbrel::{Memory, Migrator};
/// use whimbrel_testkit::{Fake, block_on, walk};
///
/// let migrations = Memory::new()
///     .with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, mail TEXT);")
///     .with_down(1, "DROP TABLE users;")
///     .with_sql(2, "indexes", "CREATE INDEX a ON users (name); CREATE INDEX b ON users (mail);")
///     .with_down(2, "DROP INDEX a;");
/// let error = block_on(walk(&mut Fake::new(), || Migrator::new(&migrations))).expect_err("an index is forgotten");
/// assert!(error.to_string().contains("way down of 2_indexes"), "{error}");
/// ```
///
/// # Errors
/// A migration does not run, or leaves something else than it should: with its label, and what differs.
pub async fn walk<'m, D: Driver>(
    db: &mut D,
    migrator: impl Fn() -> Migrator<'m>,
) -> Result<Walked, WalkError> {
    let again = || migrator().with_reverted(Reverted::Apply);
    let failed = |label: &str, way| {
        let label = label.to_owned();
        move |source| WalkError::Failed { label, way, source: Box::new(source) }
    };
    let status = migrator().status(db).await.map_err(failed("the set", Way::Status))?;
    let entries = status.sets.last().map(|set| set.entries.as_slice()).unwrap_or_default();
    let versions: Vec<(Version, &str)> =
        entries.iter().filter_map(|entry| Some((entry.version?, entry.label.as_str()))).collect();
    let mut walked = Walked::default();
    let mut before = Schema::read(db).await?;
    let mut below = None;
    for (version, label) in versions {
        let up = again().with_target(version);
        up.run(db).await.map_err(failed(label, Way::Up))?;
        let after = Schema::read(db).await?;
        match migrator().revert_to(db, below).await {
            Ok(_) => {
                compare(label, Way::Down, &before, &Schema::read(db).await?)?;
                up.run(db).await.map_err(failed(label, Way::UpAgain))?;
                compare(label, Way::UpAgain, &after, &Schema::read(db).await?)?;
                walked.both_ways.push(label.to_owned());
            }
            Err(error) if error.findings().iter().any(|found| found.kind() == FindingKind::NoWayDown) => {
                walked.one_way.push(label.to_owned());
            }
            Err(error) => return Err(failed(label, Way::Down)(error)),
        }
        before = after;
        below = Some(version);
    }
    again().run(db).await.map_err(failed("the repeatables", Way::Up))?;
    Ok(walked)
}

/// What a [`walk`] has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Walked {
    /// The labels of those that went up, down, and up again.
    pub both_ways: Vec<String>,
    /// The labels of those that have no way down.
    pub one_way: Vec<String>,
}

/// On which way a migration was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// Before anything was done.
    Status,
    /// Up, for the first time.
    Up,
    /// Down.
    Down,
    /// Up, after it was down.
    UpAgain,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::Up => "way up",
            Self::Down => "way down",
            Self::UpAgain => "second way up",
        })
    }
}

/// Why a [`walk`] ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum WalkError {
    /// A migration leaves something else than it should.
    Differs {
        /// Its label.
        label: String,
        /// After which way.
        way: Way,
        /// What should be there, and is not.
        missing: Vec<String>,
        /// What is there, and should not be.
        left: Vec<String>,
    },
    /// A migration does not run.
    Failed {
        /// Its label.
        label: String,
        /// On which way.
        way: Way,
        /// Why.
        source: Box<Error>,
    },
    /// The schema cannot be read.
    Schema(DriverError),
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { label, way, missing, left } => {
                write!(f, "after the {way} of {label} the schema is not what it was: correct that script")?;
                missing.iter().try_for_each(|line| write!(f, "\n- {line}"))?;
                left.iter().try_for_each(|line| write!(f, "\n+ {line}"))
            }
            Self::Failed { label, way, .. } => write!(f, "the {way} of {label} fails: correct that script"),
            Self::Schema(_) => f.write_str("the schema cannot be read"),
        }
    }
}

impl std::error::Error for WalkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Differs { .. } => None,
            Self::Failed { source, .. } => Some(source),
            Self::Schema(error) => Some(error),
        }
    }
}

impl From<DriverError> for WalkError {
    fn from(error: DriverError) -> Self {
        Self::Schema(error)
    }
}

fn compare(label: &str, way: Way, expected: &Schema, found: &Schema) -> Result<(), WalkError> {
    if expected == found {
        return Ok(());
    }
    let (missing, left) = (expected.without(found), found.without(expected));
    Err(WalkError::Differs { label: label.to_owned(), way, missing, left })
}
