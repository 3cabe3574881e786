//! Counts the steps of large inputs: four times the input may take four times the steps, and a little more.

use whimbrel_targets::Target;

use crate::coverage;

/// The sizes that are compared, in bytes.
const SMALL: usize = 1 << 13;
const LARGE: usize = SMALL << 2;

/// Counts those of each shape. Whether none takes more than so much more.
pub(crate) fn count(target: &Target) -> bool {
    let mut good = true;
    let steps = |input: &[u8]| {
        let before = coverage::steps();
        (target.check)(input);
        coverage::steps() - before
    };
    for ((shape, small), (_, large)) in (target.large)(SMALL).into_iter().zip((target.large)(LARGE)) {
        // The first time, what is made once is made.
        steps(&small);
        let (few, many) = (steps(&small), steps(&large));
        let (times, bytes) =
            (many as f64 / few.max(1) as f64, large.len() as f64 / small.len().max(1) as f64);
        // Quadratic ones have the square; a logarithm is let through.
        let linear = many < 10_000 || times < bytes * 1.5;
        good &= linear;
        if !linear || std::env::var_os("WHIMBREL_STEPS").is_some() {
            let verdict = if linear { "" } else { "  NOT LINEAR" };
            println!(
                "{:<14} {shape}: {few} steps, and {many} with {bytes:.1} times the bytes: {times:.1} times{verdict}",
                target.name
            );
        }
    }
    good
}
