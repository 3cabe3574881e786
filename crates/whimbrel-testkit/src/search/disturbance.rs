//! How one run of a generated set is disturbed.

use std::fmt;

use whimbrel::Transaction;

use super::chance::Chance;
use super::generated::GeneratedSet;
use super::grammar::Grammar;
use crate::Towards;

/// What the database has when the run that is disturbed begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// Nothing but what prepares the set.
    Empty,
    /// The first so many migrations, applied undisturbed.
    Release(usize),
    /// A table of somebody else's, outside the current schema or database, and no history: the run has to be refused.
    Elsewhere,
    /// All of the set's migrations, and a history without rows: the run has to be refused.
    Emptied,
}

/// Which way the connection takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// To the server.
    Direct,
    /// Through a pooler in transaction mode.
    Pooled,
}

/// Another migrator, at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Companion {
    /// None.
    None,
    /// One of the same release.
    Same,
    /// One of an older release, which has only the first so many migrations.
    Older(usize),
}

/// What happens to the run. Places are in ten thousandths of what an undisturbed run sends or takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection is cut behind a byte.
    Byte {
        /// Of whose bytes.
        towards: Towards,
        /// Which one.
        place: u64,
    },
    /// The connection is cut behind a message.
    Message {
        /// Of whose messages.
        towards: Towards,
        /// Which one.
        place: u64,
    },
    /// The future of the run is dropped.
    Dropped {
        /// At which of its polls.
        place: u64,
    },
    /// Statements wait for a lock that a session of the application holds; then the connection is cut, or the server ends
    /// the session.
    Held {
        /// Whether the server ends it.
        ended: bool,
        /// Whose lock, where there are several: any number.
        table: u64,
    },
    /// The server ends the session.
    Ended {
        /// Behind which message of the client.
        place: u64,
    },
    /// The program is killed.
    Killed {
        /// When.
        place: u64,
    },
    /// The connection stands still, another migrator arrives, and the connection goes on.
    Stopped {
        /// Behind which message of the client.
        place: u64,
    },
    /// The driver loses its connection at a call.
    Call {
        /// At which call.
        place: u64,
        /// Whether the call is carried out before.
        after: bool,
    },
}

/// A way to run a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disturbance {
    /// From where.
    pub start: Start,
    /// In which transactions.
    pub transaction: Transaction,
    /// By which way.
    pub route: Route,
    /// With whom.
    pub companion: Companion,
    /// And what happens.
    pub fault: Fault,
}

impl Disturbance {
    /// A way to run this set that nothing disturbs yet.
    pub fn none(set: &GeneratedSet, grammar: Grammar, chance: &mut Chance) -> Self {
        let versioned = set.migrations.len() as u64;
        let start = match chance.below(3) {
            0 => Start::Empty,
            _ => Start::Release(usize::try_from(chance.below(versioned)).unwrap_or(0)),
        };
        let transaction = match chance.below(8) {
            0 => Transaction::PerRun,
            1..3 => Transaction::PerMigration,
            _ => Transaction::Auto,
        };
        // Through a pooler, what is outside transactions is refused.
        let inside = set.migrations.iter().all(|migration| !migration.no_transaction);
        let pooled = grammar == Grammar::Postgres && inside && chance.percent(60);
        let route = if pooled { Route::Pooled } else { Route::Direct };
        Self { start, transaction, route, companion: Companion::None, fault: Fault::None }
    }

    /// The same with a fault, and perhaps with a companion.
    #[must_use]
    pub fn disturbed(mut self, set: &GeneratedSet, grammar: Grammar, chance: &mut Chance) -> Self {
        // Where a set fails is at its end.
        let place = if chance.percent(25) { 8_000 + chance.below(2_000) } else { chance.below(10_000) };
        let towards = if chance.percent(60) { Towards::Server } else { Towards::Client };
        self.fault = if grammar == Grammar::Sqlite {
            match chance.below(10) {
                0 => Fault::Dropped { place },
                _ => Fault::Call { place, after: chance.percent(50) },
            }
        } else {
            match chance.below(20) {
                0..5 => Fault::Byte { towards, place },
                5..10 => Fault::Message { towards, place },
                10 | 11 => Fault::Dropped { place },
                12..16 => Fault::Held { ended: chance.percent(60), table: chance.below(1_000) },
                16 => Fault::Stopped { place },
                17 if chance.percent(60) && set.is_plain() => Fault::Killed { place },
                _ => Fault::Ended { place },
            }
        };
        // Nobody holds a lock on a table that is not there yet.
        if matches!(self.fault, Fault::Held { .. }) && matches!(self.start, Start::Empty | Start::Release(0))
        {
            let others = (set.migrations.len() as u64).saturating_sub(1);
            self.start = Start::Release(1 + usize::try_from(chance.below(others)).unwrap_or(0));
        }
        self.companion = match chance.below(8) {
            0 => Companion::Same,
            1 => Companion::Older(usize::try_from(chance.below(set.migrations.len() as u64)).unwrap_or(0)),
            _ => Companion::None,
        };
        // What cannot be in one transaction is refused, and by others it is not.
        if matches!(self.fault, Fault::Stopped { .. } | Fault::Held { .. })
            || self.transaction == Transaction::PerRun
        {
            self.companion = Companion::None;
        }
        self
    }
}

impl Disturbance {
    /// The same from another start, with nothing that happens.
    #[must_use]
    pub fn starting(self, start: Start) -> Self {
        Self { start, ..self.undisturbed() }
    }

    /// The same with nothing that happens.
    #[must_use]
    pub fn undisturbed(self) -> Self {
        Self { companion: Companion::None, fault: Fault::None, ..self }
    }

    /// The same for a smaller set.
    #[must_use]
    pub fn within(mut self, set: &GeneratedSet) -> Self {
        let most = set.migrations.len();
        if let Start::Release(count) = &mut self.start {
            *count = (*count).min(most.saturating_sub(1));
        }
        if let Companion::Older(count) = &mut self.companion {
            *count = (*count).min(most.saturating_sub(1));
        }
        self
    }

    /// The same, and some with the fault at other places: of a smaller set the place is another one.
    pub fn near(self) -> Vec<Self> {
        let places = (0..12).map(|nth| nth * 833 + 400);
        let with = |fault: Fault| Self { fault, ..self };
        let others: Vec<Self> = match self.fault {
            Fault::Byte { towards, .. } | Fault::Message { towards, .. } => {
                places.map(|place| with(Fault::Message { towards, place })).collect()
            }
            Fault::Dropped { .. } => places.map(|place| with(Fault::Dropped { place })).collect(),
            Fault::Ended { .. } => places.map(|place| with(Fault::Ended { place })).collect(),
            Fault::Call { after, .. } => places.map(|place| with(Fault::Call { place, after })).collect(),
            Fault::Held { ended, table } => {
                (1..4).map(|more| with(Fault::Held { ended, table: table + more })).collect()
            }
            Fault::None | Fault::Killed { .. } | Fault::Stopped { .. } => vec![self; 2],
        };
        std::iter::once(self).chain(others).collect()
    }
}

impl Fault {
    /// The word for its kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::None => "undisturbed",
            Self::Byte { .. } => "cut at a byte",
            Self::Message { .. } => "cut at a message",
            Self::Dropped { .. } => "future dropped",
            Self::Held { ended: false, .. } => "cut while it waits for a lock",
            Self::Held { ended: true, .. } => "session ended while it waits for a lock",
            Self::Ended { .. } => "session ended by the server",
            Self::Killed { .. } => "program killed",
            Self::Stopped { .. } => "stopped and overtaken",
            Self::Call { .. } => "connection lost at a call",
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, transaction, route, companion, fault } = self;
        write!(f, "{fault:?}, {start:?}, {transaction:?}, {route:?}, companion {companion:?}")
    }
}
