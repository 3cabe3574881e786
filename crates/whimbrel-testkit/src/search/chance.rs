//! Random numbers from a seed that can be given again.

use std::hash::{BuildHasher, RandomState};

/// A random number generator (splitmix64): the same numbers for the same seed.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From the variable `WHIMBREL_SEED`, or fresh. The seed is printed.
    ///
    /// # Panics
    /// The variable is no number.
    pub fn of_this_run(what: &str) -> Self {
        let seed = Self::seed_of_this_run();
        println!("{what}: WHIMBREL_SEED={seed}");
        Self(seed)
    }

    /// The variable `WHIMBREL_SEED`, or a fresh seed.
    ///
    /// # Panics
    /// The variable is no number.
    pub fn seed_of_this_run() -> u64 {
        match std::env::var("WHIMBREL_SEED") {
            Ok(text) => text.parse().expect("WHIMBREL_SEED is a number"),
            Err(_) => RandomState::new().hash_one(0) >> 32,
        }
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

    /// Whether something happens that happens `times` out of a hundred.
    pub fn percent(&mut self, times: u64) -> bool {
        self.below(100) < times
    }

    /// One of these.
    ///
    /// # Panics
    /// There are none.
    pub fn one_of<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        let at = self.below(of.len() as u64);
        &of[usize::try_from(at).unwrap_or(0)]
    }
}
