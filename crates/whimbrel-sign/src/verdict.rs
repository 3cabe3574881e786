//! What becomes of each signature of a file: good, passed over, or wrong. Decides nothing about sets.

use std::collections::BTreeSet;

use crate::armor::{Block, Signature};
use crate::signer::{Key, TrustedKey, group};

/// A signature that did not count, by the line where it begins.
pub(crate) struct Remark {
    pub(crate) line: usize,
    pub(crate) what: String,
}

#[derive(Default)]
pub(crate) struct Verdict {
    /// The signers who have signed, each once: the numbers that [`group`] gives.
    pub(crate) signers: BTreeSet<usize>,
    /// Signatures that nobody asked for, or whose keys may not be used now.
    pub(crate) passed_over: Vec<Remark>,
    /// Signatures in the name of a signer that are none.
    pub(crate) wrong: Vec<Remark>,
}

/// Looks at every signature. `now` in seconds since 1970.
pub(crate) fn judge(blocks: &[Block], keys: &[TrustedKey], text: &[u8], now: i64) -> Verdict {
    let groups = group(keys);
    let mut verdict = Verdict::default();
    for Block { line, signature } in blocks {
        let line = *line;
        let (named, good) = match signature {
            Signature::Unsupported => {
                let what =
                    "is by a key of a type that cannot be checked: use `ssh-keygen -t ed25519`".to_owned();
                verdict.passed_over.push(Remark { line, what });
                continue;
            }
            Signature::Ssh(signature) => {
                let named = |key: &&TrustedKey| matches!(&key.key, Key::Ssh(key) if signature.names(key));
                let Some(first) = keys.iter().find(named) else {
                    let what = format!("is by the key {}, which nobody named", signature.fingerprint());
                    verdict.passed_over.push(Remark { line, what });
                    continue;
                };
                let Key::Ssh(key) = &first.key else { continue };
                match signature.check(key, text) {
                    Ok(()) => (first, indices(keys, |key| named(&key))),
                    Err(what) => {
                        verdict.wrong.push(Remark { line, what: format!("of {} {what}", first.names[0]) });
                        continue;
                    }
                }
            }
            Signature::Minisign(signature) => {
                let number = signature.number();
                let named =
                    |key: &&TrustedKey| matches!(&key.key, Key::Minisign(key) if key.number() == number);
                let Some(first) = keys.iter().find(named) else {
                    let what = format!("is by the minisign key {number}, which nobody named");
                    verdict.passed_over.push(Remark { line, what });
                    continue;
                };
                let by =
                    |key: &TrustedKey| matches!(&key.key, Key::Minisign(key) if signature.is_by(key, text));
                let good = indices(keys, by);
                if good.is_empty() {
                    let what = format!(
                        "of {} (minisign key {number}) is over other bytes than the manifest's, or not by that key: \
                         have it reviewed, and signed again",
                        first.names[0]
                    );
                    verdict.wrong.push(Remark { line, what });
                    continue;
                }
                (first, good)
            }
        };
        // Of a key that stands in several lines, the one that allows most counts.
        match good.iter().find(|&&index| keys[index].terms.refuse(now).is_none()) {
            Some(&index) => {
                verdict.signers.insert(groups[index]);
            }
            None => {
                let why = good.iter().find_map(|&index| keys[index].terms.refuse(now)).unwrap_or_default();
                let what = format!("is by a key of {} that may not be used: {why}", named.names[0]);
                verdict.passed_over.push(Remark { line, what });
            }
        }
    }
    verdict
}

fn indices(keys: &[TrustedKey], which: impl Fn(&TrustedKey) -> bool) -> Vec<usize> {
    keys.iter().enumerate().filter(|(_, key)| which(key)).map(|(index, _)| index).collect()
}
