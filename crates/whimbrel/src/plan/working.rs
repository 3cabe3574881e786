//! What is in force while a plan is made, and the heads that follow from it.

use std::collections::BTreeMap;

use super::decide::digests;
use crate::digest::{Chain, Digest, repeatables_digest};
use crate::history::SetHistory;
use crate::migration::{Migration, Version};

/// Versions in force with the link after each, so that going on or back by one costs one digest.
#[derive(Clone, Debug)]
pub(super) struct Working {
    start: Digest,
    versions: Vec<(Version, Digest)>,
    links: Vec<Digest>,
    repeatables: BTreeMap<String, (u32, Digest)>,
    repeatables_head: Digest,
}

impl Working {
    pub(super) fn new(set: &str, state: &SetHistory) -> Self {
        let repeatables: BTreeMap<_, _> = state
            .repeatables
            .iter()
            .map(|(name, entry)| (name.clone(), (entry.revision, entry.digest)))
            .collect();
        let mut this = Self {
            start: Chain::start(set).head(),
            versions: digests(state).collect(),
            links: Vec::new(),
            repeatables_head: digest_of(&repeatables),
            repeatables,
        };
        this.relink();
        this
    }

    /// Computes the links that are missing.
    fn relink(&mut self) {
        for (_, digest) in &self.versions[self.links.len()..] {
            let last = self.links.last().unwrap_or(&self.start);
            self.links.push(Chain::at(*last).push(digest).head());
        }
    }

    pub(super) fn head(&self) -> Digest {
        *self.links.last().unwrap_or(&self.start)
    }

    pub(super) fn repeatables(&self) -> Digest {
        self.repeatables_head
    }

    pub(super) fn has(&self, version: Version) -> bool {
        self.versions.binary_search_by_key(&version, |(own, _)| *own).is_ok()
    }

    pub(super) fn put(&mut self, version: Version, digest: Digest) {
        let at = match self.versions.binary_search_by_key(&version, |(own, _)| *own) {
            Ok(at) => {
                self.versions[at].1 = digest;
                at
            }
            Err(at) => {
                self.versions.insert(at, (version, digest));
                at
            }
        };
        self.links.truncate(at);
        self.relink();
    }

    pub(super) fn remove(&mut self, version: Version) {
        if let Ok(at) = self.versions.binary_search_by_key(&version, |(own, _)| *own) {
            self.versions.remove(at);
            self.links.truncate(at);
            self.relink();
        }
    }

    pub(super) fn repeat(&mut self, migration: &Migration) {
        let entry = (migration.revision().unwrap_or(1), *migration.digest());
        self.repeatables.insert(migration.name().to_owned(), entry);
        self.repeatables_head = digest_of(&self.repeatables);
    }
}

fn digest_of(repeatables: &BTreeMap<String, (u32, Digest)>) -> Digest {
    repeatables_digest(
        repeatables.iter().map(|(name, (revision, digest))| (name.as_str(), *revision, digest)),
    )
}
