//! Measures contestants in turn, and judges their ratios. Knows nothing of what they do.

use std::time::Duration;

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures contestants in turn, and prints the medians of their times and of their ratios to the first one.
pub(crate) fn contest(
    title: &str,
    rounds: usize,
    contestants: &mut [(&str, &mut dyn FnMut() -> Duration)],
) -> Vec<f64> {
    let mut times = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        // Whoever comes first in a round may find a colder machine.
        for turn in 0..contestants.len() {
            let index = (turn + round) % contestants.len();
            times[index].push(contestants[index].1().as_secs_f64());
        }
    }
    println!("{title}");
    let mut ratios = Vec::new();
    for (index, (name, _)) in contestants.iter().enumerate() {
        let ratio = median(times[index].iter().zip(&times[0]).map(|(time, first)| time / first).collect());
        println!("  {name:<44} {:>10.3} ms  {ratio:>6.2}x", median(times[index].clone()) * 1e3);
        ratios.push(ratio);
    }
    ratios
}

/// Says whether a goal was met.
pub(crate) fn verdict(what: &str, met: bool) -> bool {
    println!("  {} {what}", if met { "met:" } else { "NOT MET:" });
    met
}
