//! What happens, as it happens. Knows nobody who listens.

use std::time::Duration;

use crate::error::Error;
use crate::migration::{SetName, Version};
use crate::plan::Plan;
use crate::report::Report;

/// Something that happens during a verb.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// There is something to do; nothing was changed yet.
    Planned {
        /// What would be done.
        plan: &'a Plan,
    },
    /// Another process holds the lock; told again with each try.
    Waiting {
        /// Who holds it, where the database tells.
        holder: Option<&'a str>,
        /// How long this process has waited.
        waited: Duration,
    },
    /// A statement of a migration was given up since another session holds what it needs, and is tried again.
    Blocked {
        /// Who holds what, where the database tells.
        by: Option<&'a str>,
        /// How long this process has waited.
        waited: Duration,
    },
    /// A migration has failed before, and is tried again after a pause.
    Postponed {
        /// The migration's label.
        label: &'a str,
        /// How often it has failed in a row.
        failures: u32,
        /// How long the pause is from now on.
        left: Duration,
    },
    /// Something about the connection's settings is dangerous; the run goes on.
    Warned {
        /// What, and what to do.
        message: &'a str,
    },
    /// A backup was made.
    BackedUp {
        /// Where it is.
        place: &'a str,
    },
    /// A migration begins.
    Started {
        /// Its set.
        set: &'a SetName,
        /// Its version, unless it is repeatable.
        version: Option<Version>,
        /// Its label.
        label: &'a str,
        /// Whether it goes down.
        down: bool,
    },
    /// A statement of a migration was answered. Told where each statement is recorded, and for migrations that have
    /// taken longer than a second.
    Statement {
        /// The migration's label.
        label: &'a str,
        /// The statement's number, from 1.
        statement: usize,
        /// How many there are.
        statements: usize,
        /// How many bytes of the script were answered, and how many it has, where it is so large that it is sent in pieces.
        bytes: Option<(usize, usize)>,
        /// How long the migration has taken so far.
        elapsed: Duration,
    },
    /// A migration has run. It is in force with the next `Committed`.
    Ran {
        /// Its set.
        set: &'a SetName,
        /// Its version, unless it is repeatable.
        version: Option<Version>,
        /// Its label.
        label: &'a str,
        /// Whether it went down.
        down: bool,
        /// How long its statements took.
        elapsed: Duration,
    },
    /// What has run since the last `Committed` is in force, whatever happens now.
    Committed {
        /// How many migrations.
        migrations: usize,
    },
    /// A transaction that several migrations shared has failed and was rolled back; they are now run one by one.
    OneByOne {
        /// The migration that failed.
        label: &'a str,
    },
    /// The history's newest row, to be kept elsewhere: a history that is rewritten later is found against it.
    Tip {
        /// The set.
        set: &'a SetName,
        /// The row and its hash.
        tip: &'a Tip,
    },
    /// The verb is done.
    Finished {
        /// What it did.
        report: &'a Report,
    },
    /// The verb has stopped.
    Failed {
        /// Why.
        error: &'a Error,
    },
}

/// The newest row of a set's history. Keep it where those who can change the history cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tip {
    /// The set.
    pub set: SetName,
    /// The row's number.
    pub seq: i64,
    /// The row's hash.
    pub hash: crate::digest::Digest,
}

/// Listens to what happens.
///
/// **Who implements it:** applications; every closure that takes an event is one.
///
/// **Who calls it:** the engine, in the order of events, between its calls of the driver and, for the progress of a
/// message, while one is under way: it must return soon and must not panic.
///
/// ```
/// # use whimbrel::{Event, Observer};
/// let observer = |event: &Event<'_>| {
///     if let Event::Ran { label, elapsed, .. } = event {
///         println!("{label} took {elapsed:?}");
///     }
/// };
/// # fn check(_: impl Observer) {}
/// # check(observer);
/// ```
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync> Observer for F {
    fn observe(&self, event: &Event<'_>) {
        self(event);
    }
}
