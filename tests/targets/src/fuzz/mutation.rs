//! How an input is changed into another one.

/// Numbers by chance, the same ones for the same seed (xorshift64*).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below this one; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }

    /// A number of at most so many bits, and more often a small one.
    fn length(&mut self, bits: usize) -> usize {
        let bits = self.below(bits);
        1 + self.below(1 << bits)
    }
}

/// Changes an input in a few places; `other` is a second one, to take parts of.
pub(crate) fn mutate(input: &mut Vec<u8>, other: &[u8], words: &[&str], longest: usize, chance: &mut Chance) {
    for _ in 0..1 << chance.below(4) {
        once(input, other, words, chance);
        input.truncate(longest);
    }
}

fn once(input: &mut Vec<u8>, other: &[u8], words: &[&str], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let length = chance.length(7);
    let end = (at + length).min(input.len());
    let word = words.get(chance.below(words.len())).copied().unwrap_or(" ");
    match chance.below(12) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        1 => {
            let byte = chance.below(128) as u8;
            input.insert(at, byte);
        }
        2 | 3 => drop(input.drain(at..end)),
        4..=6 => drop(input.splice(at..at, word.bytes())),
        7 => drop(input.splice(at..end, word.bytes())),
        // A part once more, there or elsewhere.
        8 => {
            let part = input.get(at..end).unwrap_or_default().to_vec();
            let to = chance.below(input.len() + 1);
            drop(input.splice(to..to, part));
        }
        9 => {
            let part = input.get(at..end).unwrap_or_default().to_vec();
            let times = chance.length(8);
            drop(input.splice(at..at, part.repeat(times).into_iter().take(2_000)));
        }
        // A part of another input, there or from there on.
        10 => {
            let from = chance.below(other.len());
            let part = other.get(from..(from + length * 4).min(other.len())).unwrap_or_default();
            drop(input.splice(at..at, part.iter().copied()));
        }
        _ => {
            input.truncate(at);
            input.extend(other.get(chance.below(other.len())..).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_changes_and_another_one_others() {
        let made = |seed| {
            let (mut chance, mut input) = (Chance::new(seed), b"select 1;".to_vec());
            for _ in 0..20 {
                mutate(&mut input, b"other", &["word"], 64, &mut chance);
                assert!(input.len() <= 64);
            }
            input
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
    }
}
