//! Counts how cases ended.

use std::collections::BTreeMap;
use std::fmt;

/// How a case ended that found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ended {
    /// Everything is in force, and as the client leaves it.
    AsTheClient,
    /// As above, after statements whose outcome was unknown, and may be, were settled.
    Settled,
    /// It stopped at the statement at which the client stops, with what the client leaves.
    FailedAlike,
    /// It was refused, and had to be; nothing was touched.
    Refused,
    /// What the rest of a script needs went with its session: as the error said, and with what the client leaves of the
    /// statements before.
    SessionGone,
}

/// How many cases there were of each kind of fault, and how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    sets: usize,
    counts: BTreeMap<(String, Ended), usize>,
}

impl Tally {
    /// Notes one more set.
    pub fn count_set(&mut self) {
        self.sets += 1;
    }

    /// Notes one case.
    pub fn count(&mut self, fault: &str, ended: Ended) {
        *self.counts.entry((fault.to_owned(), ended)).or_default() += 1;
    }

    /// How many cases there were.
    pub fn cases(&self) -> usize {
        self.counts.values().sum()
    }

    /// How many cases ended so.
    pub fn ended(&self, ended: Ended) -> usize {
        self.counts.iter().filter(|((_, one), _)| *one == ended).map(|(_, count)| count).sum()
    }

    /// Adds those of another one.
    pub fn add(&mut self, other: &Self) {
        self.sets += other.sets;
        for (key, count) in &other.counts {
            *self.counts.entry(key.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sets, {} cases", self.sets, self.cases())?;
        let mut last = "";
        for ((fault, ended), count) in &self.counts {
            let separator = if fault == last { ", " } else { "\n  " };
            let fault_shown = if fault == last { String::new() } else { format!("{fault}: ") };
            write!(f, "{separator}{fault_shown}{count} {ended:?}")?;
            last = fault;
        }
        Ok(())
    }
}
