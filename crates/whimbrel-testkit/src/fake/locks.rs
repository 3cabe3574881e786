//! The locks that migrators ask for by name: a session's, and a transaction's.

use std::collections::BTreeMap;

/// Who has which lock.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: BTreeMap<String, Holders>,
    releases: u64,
}

/// The session that holds a lock until it ends or gives it back, and the one that holds it until its transaction ends.
#[derive(Debug, Default, Hash)]
struct Holders {
    session: Option<u64>,
    transaction: Option<u64>,
}

impl Locks {
    /// Takes a lock, unless another session has it.
    pub(super) fn take(&mut self, name: &str, session: u64, until_commit: bool) -> bool {
        let holders = self.held.entry(name.to_owned()).or_default();
        let others = |holder: Option<u64>| holder.is_some_and(|holder| holder != session);
        if others(holders.session) || others(holders.transaction) {
            return false;
        }
        let place = if until_commit { &mut holders.transaction } else { &mut holders.session };
        *place = Some(session);
        true
    }

    /// Gives a session's lock back; whether it had it.
    pub(super) fn release(&mut self, name: &str, session: u64) -> bool {
        let Some(holders) = self.held.get_mut(name) else { return false };
        let released = holders.session.take_if(|holder| *holder == session).is_some();
        self.releases += u64::from(released);
        released
    }

    /// The session that has a lock.
    pub(super) fn owner(&self, name: &str) -> Option<u64> {
        self.held.get(name).and_then(|holders| holders.session.or(holders.transaction))
    }

    /// How often a lock was given back.
    pub(crate) fn releases(&self) -> u64 {
        self.releases
    }

    /// Feeds who holds what to a hasher.
    pub(crate) fn hash_holders(&self, hasher: &mut impl std::hash::Hasher) {
        std::hash::Hash::hash(&self.held, hasher);
    }

    /// Whether a session holds a lock for itself rather than for its transaction.
    pub(crate) fn is_held_by(&self, session: u64) -> bool {
        self.held.values().any(|holders| holders.session == Some(session))
    }

    /// A session's transaction ends.
    pub(super) fn end_transaction(&mut self, session: u64) {
        for holders in self.held.values_mut() {
            let released = holders.transaction.take_if(|holder| *holder == session).is_some();
            self.releases += u64::from(released);
        }
    }

    /// A session ends.
    pub(super) fn end_session(&mut self, session: u64) {
        self.end_transaction(session);
        for holders in self.held.values_mut() {
            let released = holders.session.take_if(|holder| *holder == session).is_some();
            self.releases += u64::from(released);
        }
    }
}
