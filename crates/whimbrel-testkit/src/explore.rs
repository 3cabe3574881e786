//! Explores what migrators at work on one database can do to each other and to it: every interleaving of their statements,
//! with a fault at every step. The engine is the real one, the database is in memory.
//!
//! Non-goals: time. Deadlines pass at once or never, and a pause ends when something has changed, or when nothing else can
//! happen.

mod job;
mod progress;
mod search;
mod verdict;
mod wire;
mod world;

use std::collections::BTreeSet;
use std::fmt;

use whimbrel::{ErrorKind, Memory, MigrationSet, Migrator, Version};

use crate::fake::{Fake, FakeKind, State};

/// A program of one version: what it has, and how it migrates.
pub struct Release {
    name: &'static str,
    migrator: Migrator<'static>,
    set: MigrationSet,
}

impl Release {
    /// A release with these migrations; `configure` sets its options.
    ///
    /// # Panics
    /// The migrations are no set.
    pub fn new(
        name: &'static str,
        memory: &Memory,
        configure: impl FnOnce(Migrator<'static>) -> Migrator<'static>,
    ) -> Self {
        let set = memory.set().expect("a set of migrations");
        let migrator = Migrator::new(memory.clone()).with_failure_pause(std::time::Duration::ZERO);
        Self { name, migrator: configure(migrator), set }
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a migrator is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed {
    /// [`Migrator::run`].
    Run,
    /// [`Migrator::check`].
    Check,
    /// [`Migrator::revert_to`].
    RevertTo(Option<Version>),
    /// [`Migrator::redo`].
    Redo,
}

/// Who takes part.
#[derive(Debug)]
enum Part {
    Migrator(usize, Deed),
    /// Somebody beside the migrators, who runs one statement.
    Person(&'static str),
}

/// A set of migrators on one database, and what may happen to them.
///
/// ```
/// use whimbrel::Memory;
/// use whimbrel_testkit::{Deed, Exploration, FakeKind, Release};
/// let memory = Memory::new().with_sql(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY)");
/// let explored = Exploration::new(FakeKind::Locking)
///     .with_release(Release::new("one", &memory, |migrator| migrator))
///     .with_migrator(0, Deed::Run)
///     .with_migrator(0, Deed::Run)
///     .with_faults(1)
///     .explore()
///     .unwrap_or_else(|violation| panic!("{violation}"));
/// assert!(explored.states > 100);
/// ```
#[derive(Debug)]
pub struct Exploration {
    kind: FakeKind,
    before: State,
    files: BTreeSet<String>,
    releases: Vec<Release>,
    parts: Vec<Part>,
    faults: usize,
    wakes: usize,
    most: usize,
    allowed: Vec<ErrorKind>,
    doubtful: Vec<&'static str>,
    tampered: bool,
    ends: bool,
    ended_by_older: bool,
}

impl Exploration {
    /// Nobody at work yet on an empty database of this kind.
    pub fn new(kind: FakeKind) -> Self {
        Self {
            kind,
            before: State::default(),
            files: BTreeSet::new(),
            releases: Vec::new(),
            parts: Vec::new(),
            faults: 0,
            wakes: 1,
            most: 100_000,
            allowed: Vec::new(),
            doubtful: Vec::new(),
            tampered: false,
            ends: true,
            ended_by_older: false,
        }
    }

    /// Fills the database before anybody is at work.
    #[must_use]
    pub fn prepared(mut self, prepare: impl FnOnce(&mut Fake)) -> Self {
        let mut fake = Fake::of(self.kind);
        prepare(&mut fake);
        (self.before, self.files) = fake.contents();
        self
    }

    /// Adds a release. The one that is added last runs once more in the end, undisturbed.
    #[must_use]
    pub fn with_release(mut self, release: Release) -> Self {
        self.releases.push(release);
        self
    }

    /// Adds a migrator: the number of its release, counted from 0, and what it does.
    #[must_use]
    pub fn with_migrator(mut self, release: usize, deed: Deed) -> Self {
        self.parts.push(Part::Migrator(release, deed));
        self
    }

    /// Adds somebody who runs one statement beside the migrators, at any time.
    #[must_use]
    pub fn with_person(mut self, sql: &'static str) -> Self {
        self.parts.push(Part::Person(sql));
        self
    }

    /// How many faults there may be in one execution: a connection that is cut before or after any statement, a future that is
    /// dropped while the server goes on.
    #[must_use]
    pub fn with_faults(mut self, faults: usize) -> Self {
        self.faults = faults;
        self
    }

    /// How often a migrator that waits may look again although nothing has changed.
    #[must_use]
    pub fn with_wakes(mut self, wakes: usize) -> Self {
        self.wakes = wakes;
        self
    }

    /// How many states are looked at before the exploration ends without having seen all; 100,000, unless it is said.
    #[must_use]
    pub fn with_most_states(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    /// Allows undisturbed migrators to end in an error of this kind.
    #[must_use]
    pub fn allowing(mut self, kind: ErrorKind) -> Self {
        self.allowed.push(kind);
        self
    }

    /// Allows this statement, once it was sent, to be in doubt after a fault.
    #[must_use]
    pub fn with_doubt(mut self, statement: &'static str) -> Self {
        self.doubtful.push(statement);
        self
    }

    /// Says that somebody tampers with the history, so that it need not tell what happened; still nothing may happen twice.
    #[must_use]
    pub fn tampered(mut self) -> Self {
        self.tampered = true;
        self
    }

    /// Says that the last release need not arrive where it wants to.
    #[must_use]
    pub fn refused_in_the_end(mut self) -> Self {
        self.ends = false;
        self
    }

    /// Says that the last release may refuse what the first one has begun with another text, until that one has ended it.
    #[must_use]
    pub fn ended_by_older(mut self) -> Self {
        self.ended_by_older = true;
        self
    }

    /// Explores all of it.
    ///
    /// # Errors
    /// The first execution that breaks a promise, step by step.
    pub fn explore(&self) -> Result<Explored, Violation> {
        search::search(self)
    }
}

/// How much was explored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many different states there are.
    pub states: usize,
    /// How many steps lead from one to another, those that lead to a state which was known too.
    pub steps: usize,
    /// How many executions were begun from the start.
    pub executions: usize,
    /// The states in which nobody is at work any more.
    pub ends: usize,
    /// The longest execution, in steps.
    pub deepest: usize,
    /// Whether these are all.
    pub complete: bool,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, steps, executions, ends, deepest, complete } = self;
        f.write_str(if *complete { "all of " } else { "" })?;
        write!(
            f,
            "{states} states, {steps} steps, {ends} ends, {executions} executions of up to {deepest} steps"
        )
    }
}

/// An execution that breaks a promise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Violation {
    /// What is wrong.
    pub what: String,
    /// The steps that led there.
    pub steps: Vec<String>,
    /// How much was explored before.
    pub explored: Explored,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (after {})", self.what, self.explored)?;
        self.steps.iter().enumerate().try_for_each(|(at, step)| writeln!(f, "  {:3}. {step}", at + 1))
    }
}
