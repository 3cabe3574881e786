//! The kinds of database that a fake can be: how transactions, locks and changes of the schema behave.

use whimbrel::Dialect;

use super::dialect::{COMMITTING, FAKE, PIPELINED};

/// How a [`Fake`](crate::Fake) treats transactions and the schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FakeKind {
    /// `BEGIN` takes the only write lock, or fails; the schema is transactional. Migrators need no lock of their own.
    #[default]
    Locking,
    /// The first change of a transaction takes the write lock, and waits for it; the schema is transactional; migrators have a
    /// lock of their own, and send whole transactions without waiting. After an error a transaction takes nothing but its end.
    Pipelined,
    /// The first change of a transaction takes the write lock, and waits for it; what changes the schema commits; migrators hold
    /// a lock of their own for a session, and send packets of many statements.
    Committing,
}

impl FakeKind {
    /// The facts of its dialect.
    pub fn dialect(self) -> &'static Dialect {
        match self {
            Self::Locking => &FAKE,
            Self::Pipelined => &PIPELINED,
            Self::Committing => &COMMITTING,
        }
    }

    /// Whether beginning a transaction takes the write lock.
    pub(crate) fn begin_locks(self) -> bool {
        self == Self::Locking
    }

    /// Whether what changes the schema commits.
    pub(super) fn schema_commits(self) -> bool {
        self == Self::Committing
    }

    /// Whether a transaction in which something has failed takes nothing but its end.
    pub(super) fn fails_whole(self) -> bool {
        self == Self::Pipelined
    }

    /// Whether each message is run even if one before it has failed.
    pub(crate) fn goes_on(self) -> bool {
        self == Self::Pipelined
    }
}
