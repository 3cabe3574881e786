//! Whose keys there are, and which of them are one person's. Checks no signature.

use std::collections::HashMap;

use ssh_key::PublicKey;

use crate::minisign::MinisignKey;

/// A key that the program trusts, with what was said of it.
#[derive(Clone, Debug)]
pub(crate) struct TrustedKey {
    /// The names of its owner; at least one.
    pub(crate) names: Vec<String>,
    pub(crate) key: Key,
    pub(crate) terms: Terms,
}

#[derive(Clone, Debug)]
pub(crate) enum Key {
    Ssh(PublicKey),
    Minisign(MinisignKey),
}

/// When and what for a key may be used; times in seconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) valid_after: Option<i64>,
    pub(crate) valid_before: Option<i64>,
    /// Its namespaces leave ours out.
    pub(crate) elsewhere: bool,
}

impl Terms {
    /// Why the key may not be used at this time, if so.
    pub(crate) fn refuse(&self, now: i64) -> Option<&'static str> {
        if self.elsewhere {
            Some("its line's `namespaces` leave out `whimbrel`")
        } else if self.valid_after.is_some_and(|after| now < after) {
            Some("its time has not begun: see `valid-after`")
        } else if self.valid_before.is_some_and(|before| now > before) {
            Some("its time is over: see `valid-before`")
        } else {
            None
        }
    }
}

/// What makes two keys the same one, whatever they are written as.
#[derive(PartialEq, Eq, Hash)]
enum Material {
    Ed25519([u8; 32]),
    Other(String),
}

impl Key {
    fn material(&self) -> Material {
        match self {
            Self::Minisign(key) => Material::Ed25519(*key.material()),
            Self::Ssh(key) => match key.key_data().ed25519() {
                Some(key) => Material::Ed25519(key.0),
                None => Material::Other(key.fingerprint(ssh_key::HashAlg::Sha512).to_string()),
            },
        }
    }
}

/// For each key the number of its signer. Keys with a name in common are one signer's; so are the names that a key has.
pub(crate) fn group(keys: &[TrustedKey]) -> Vec<usize> {
    let mut parents: Vec<usize> = (0..keys.len()).collect();
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut materials: HashMap<Material, usize> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        let same_name = key.names.iter().map(|name| *names.entry(name).or_insert(index));
        let others: Vec<usize> =
            same_name.chain([*materials.entry(key.key.material()).or_insert(index)]).collect();
        for other in others {
            let (mine, theirs) = (root(&mut parents, index), root(&mut parents, other));
            // The smaller one stays, so that a signer is named after its first line.
            parents[mine.max(theirs)] = mine.min(theirs);
        }
    }
    (0..keys.len()).map(|index| root(&mut parents, index)).collect()
}

fn root(parents: &mut [usize], mut index: usize) -> usize {
    while parents[index] != index {
        parents[index] = parents[parents[index]];
        index = parents[index];
    }
    index
}
