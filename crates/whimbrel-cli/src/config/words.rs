//! Words that a setting may be, and the values that they stand for. A closed list each.

use whimbrel::{Ahead, Gaps, OutOfOrder, Reverted, Transaction, Unbaselined, Writers};

use crate::settings::{Concern, Level, Waivers};

/// The words of one setting.
#[derive(Debug)]
pub(crate) struct Words<T: 'static>(&'static [(&'static str, T)]);

pub(crate) const TRANSACTION: Words<Transaction> = Words(&[
    ("auto", Transaction::Auto),
    ("per-run", Transaction::PerRun),
    ("per-migration", Transaction::PerMigration),
]);
pub(crate) const WRITERS: Words<Writers> =
    Words(&[("anyone", Writers::Anyone), ("group", Writers::Group), ("owner", Writers::Owner)]);
pub(crate) const OUT_OF_ORDER: Words<OutOfOrder> =
    Words(&[("refuse", OutOfOrder::Refuse), ("apply", OutOfOrder::Apply)]);
pub(crate) const AHEAD: Words<Ahead> = Words(&[("accept", Ahead::Accept), ("refuse", Ahead::Refuse)]);
pub(crate) const UNBASELINED: Words<Unbaselined> =
    Words(&[("refuse", Unbaselined::Refuse), ("allow", Unbaselined::Allow)]);
pub(crate) const REVERTED: Words<Reverted> =
    Words(&[("refuse", Reverted::Refuse), ("apply", Reverted::Apply)]);
pub(crate) const GAPS: Words<Gaps> = Words(&[("allow", Gaps::Allow), ("refuse", Gaps::Refuse)]);
pub(crate) const WAIVERS: Words<Waivers> = Words(&[("accept", Waivers::Accept), ("refuse", Waivers::Refuse)]);
pub(crate) const LEVEL: Words<Level> = Words(&[
    ("refusal", Level::Refusal),
    ("approval", Level::Approval),
    ("note", Level::Note),
    ("off", Level::Off),
]);
pub(crate) const CONCERN: Words<Concern> = Words(&[
    ("data-loss", Concern::DataLoss),
    ("lock", Concern::Lock),
    ("rollout", Concern::Rollout),
    ("trap", Concern::Trap),
    ("escalation", Concern::Escalation),
]);
/// The parts of a preflight.
pub(crate) const CHECK: Words<Check> = Words(&[
    ("protected", Check::Protected),
    ("without-superuser", Check::WithoutSuperuser),
    ("rights", Check::Rights),
]);

/// A part of a preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Protected,
    WithoutSuperuser,
    Rights,
}

impl<T: Copy + PartialEq> Words<T> {
    /// The value that a word stands for.
    pub(crate) fn read(&self, word: &str) -> Option<T> {
        self.0.iter().find(|(own, _)| *own == word).map(|(_, value)| *value)
    }

    /// The word for a value.
    pub(crate) fn of(&self, value: T) -> &'static str {
        self.0.iter().find(|(_, own)| *own == value).map_or("", |(word, _)| word)
    }

    /// All words.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static str> + Clone + use<T> {
        self.0.iter().map(|(word, _)| *word)
    }
}

/// The one of these words that comes nearest, if any is near. What is given is never shown.
pub(crate) fn nearest(word: &str, words: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    // Nothing that long was a slip of the pen.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let near = words.map(|own| (strsim::jaro(&word, own), own)).filter(|(nearness, _)| *nearness > 0.8);
    near.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, own)| own)
}

/// `a`, `b` or `c`.
pub(crate) fn or(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
