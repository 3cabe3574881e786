//! How many tests ran, read from what their runners write. Knows nothing of how they are run.

use std::fmt;
use std::iter::Sum;

/// Counts of tests. Shown as `3 passed, 0 failed, 1 skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Left out by a filter, or marked as ignored.
    pub(crate) skipped: usize,
}

impl Tally {
    /// Reads the lines of `cargo nextest run` and of `cargo test`; whatever else they hold is passed over.
    pub(crate) fn of_lines(lines: &[String]) -> Self {
        lines.iter().filter_map(|line| of_nextest(line).or_else(|| of_libtest(line))).sum()
    }

    pub(crate) fn ran(self) -> usize {
        self.passed + self.failed
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |a, b| Self {
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            skipped: a.skipped + b.skipped,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// `     Summary [   1.204s] 9 tests run: 7 passed (1 slow, 1 flaky), 1 failed, 1 timed out, 2 skipped`
fn of_nextest(line: &str) -> Option<Tally> {
    let (_, counts) = line.trim_start().strip_prefix("Summary [")?.split_once(" run: ")?;
    let mut tally = Tally::default();
    for (count, what) in counts_in(&without_parentheses(counts), ',') {
        match what.as_str() {
            "passed" => tally.passed += count,
            "skipped" => tally.skipped += count,
            _ => tally.failed += count,
        }
    }
    Some(tally)
}

/// `test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.04s`
fn of_libtest(line: &str) -> Option<Tally> {
    let (_, counts) = line.trim_start().strip_prefix("test result: ")?.split_once(". ")?;
    let mut tally = Tally::default();
    for (count, what) in counts_in(counts, ';') {
        match what.as_str() {
            "passed" => tally.passed += count,
            "failed" => tally.failed += count,
            "ignored" | "filtered out" => tally.skipped += count,
            _ => {}
        }
    }
    Some(tally)
}

fn counts_in(text: &str, separator: char) -> impl Iterator<Item = (usize, String)> {
    text.split(separator).filter_map(|piece| {
        let (count, what) = piece.trim().split_once(' ')?;
        Some((count.parse().ok()?, what.trim().to_owned()))
    })
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|&c| {
            depth += usize::from(c == '(');
            let outside = depth == 0;
            depth = depth.saturating_sub(usize::from(c == ')'));
            outside
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Tally {
        Tally::of_lines(&lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn nextest_is_counted_by_its_summary() {
        let line = "     Summary [   1.204s] 9 tests run: 7 passed (1 slow, 1 flaky), 1 failed, 1 timed out, 2 skipped";
        assert_eq!(of(&[line]), Tally { passed: 7, failed: 2, skipped: 2 });
        assert_eq!(of(&["     Summary [   0.000s] 0 tests run: 0 passed, 4 skipped"]).ran(), 0);
        let stopped = "     Summary [   0.2s] 3/8 tests run: 2 passed, 1 failed, 0 skipped";
        assert_eq!(of(&[stopped]), Tally { passed: 2, failed: 1, skipped: 0 });
    }

    #[test]
    fn results_of_several_test_programs_are_added() {
        let tally = of(&[
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.04s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ]);
        assert_eq!(tally, Tally { passed: 3, failed: 2, skipped: 5 });
    }

    #[test]
    fn no_result_is_no_test() {
        assert_eq!(of(&["error: no test program could be built", ""]).ran(), 0);
    }

    #[test]
    fn a_tally_reads_as_one_line() {
        let tally = Tally { passed: 3, failed: 0, skipped: 1 };
        assert_eq!(tally.to_string(), "3 passed, 0 failed, 1 skipped");
    }
}
