//! Numbers by chance, from a seed that can be given again. Knows nothing of what is chosen with them.

use std::hash::{BuildHasher, RandomState};

/// A generator (splitmix64) for choosing where something dies.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From the variable `WHIMBREL_SEED`, or fresh. The seed is printed.
    ///
    /// # Panics
    /// The variable is no number.
    pub fn of_this_run(what: &str) -> Self {
        let seed = match std::env::var("WHIMBREL_SEED") {
            Ok(text) => text.parse().expect("WHIMBREL_SEED is a number"),
            Err(_) => RandomState::new().hash_one(0) >> 32,
        };
        println!("{what}: WHIMBREL_SEED={seed}");
        Self(seed)
    }

    /// From this seed: the same numbers each time.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// How many runs: all of them with the full counts (`WHIMBREL_LONG`), else a tenth.
pub fn runs(all: usize) -> usize {
    if std::env::var_os("WHIMBREL_LONG").is_some() { all } else { all.div_ceil(10) }
}
