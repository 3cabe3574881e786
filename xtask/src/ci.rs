//! `cargo xtask ci`: everything that must hold before a change is taken. Knows the order of the steps, not
//! what they do.

use std::time::{Duration, Instant};

use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::tally::Tally;
use crate::{Subcommand, book, deny, footprint, fuzz, install, quickstart, rusqlite, sharing, test};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "ci",
    arguments: "[STEP…]",
    about: "runs every check in order up to the first that fails, or only the steps named",
    run: |arguments| run(STEPS, arguments),
};

/// What a step has to say in the closing table.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) note: String,
    pub(crate) tests: Tally,
}

impl Done {
    pub(crate) fn noting(note: impl Into<String>) -> Self {
        Self { note: note.into(), tests: Tally::default() }
    }
}

struct Step {
    name: &'static str,
    run: fn() -> Result<Done>,
}

/// What is quick and fails often comes first.
const STEPS: &[Step] = &[
    Step { name: "format", run: format },
    Step { name: "footprint", run: footprint::check },
    Step { name: "sharing", run: sharing::check },
    Step { name: "deny", run: deny::check },
    Step { name: "clippy", run: clippy },
    Step { name: "docs", run: docs },
    Step {
        name: "test",
        run: || {
            let tests = test::run(&test::Request::default())?;
            Ok(Done { note: tests.to_string(), tests })
        },
    },
    Step { name: "fuzz", run: fuzz::check },
    Step { name: "install", run: install::check },
    Step { name: "book", run: book::check },
    Step { name: "quickstart", run: quickstart::check },
    Step { name: "rusqlite", run: rusqlite::check },
];

/// The crates that have features or may be used without them, and the examples, which people copy: they must not live on
/// features that others ask for.
const BY_THEMSELVES: &[&str] = &[
    "whimbrel",
    "whimbrel-embed",
    "whimbrel-sign",
    "whimbrel-policy",
    "whimbrel-sqlite",
    "whimbrel-postgres",
    "whimbrel-mysql",
    "whimbrel-tls",
    "whimbrel-examples",
    "axum-service",
    "desktop",
    "jobs",
    "mailer",
];

/// The benchmarks: crates outside the workspace.
pub(crate) const BENCHES: [&str; 2] = ["benches/Cargo.toml", "benches/servers/Cargo.toml"];

fn format() -> Result<Done> {
    Command::cargo("fmt --all --check").run()?;
    for benches in BENCHES {
        Command::cargo("fmt --check --manifest-path").args([benches]).run()?;
    }
    Command::cargo("fmt --check --manifest-path fuzz/Cargo.toml").run()?;
    Ok(Done::default())
}

fn clippy() -> Result<Done> {
    Command::cargo("clippy --workspace --all-targets --all-features -- -D warnings").run()?;
    // One at a time: in one call, cargo would give each the features that the others ask for.
    for krate in BY_THEMSELVES {
        Command::cargo("clippy --no-default-features -p").args([krate, "--", "-D", "warnings"]).run()?;
    }
    // The command has to have one database.
    for features in ["sqlite", "postgres", "mysql,tls"] {
        Command::cargo("clippy --no-default-features -p whimbrel-cli --features")
            .args([features, "--", "-D", "warnings"])
            .run()?;
    }
    // The benchmarks are outside the workspace, and must go on compiling all the same.
    for benches in BENCHES {
        Command::cargo("clippy --locked --target-dir target/benches --manifest-path")
            .args([benches, "--", "-D", "warnings"])
            .run()?;
    }
    Ok(Done::default())
}

fn docs() -> Result<Done> {
    Command::cargo("doc --workspace --all-features --no-deps").env("RUSTDOCFLAGS", "-D warnings").run()?;
    Ok(Done::default())
}

fn run(steps: &[Step], names: &[String]) -> Result<()> {
    let chosen = choose(steps, names)?;
    let mut table = Table::default();
    let mut tests = Vec::new();
    for Step { name, run } in chosen {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = run();
        let time = start.elapsed();
        match outcome {
            Ok(done) => {
                tests.push(done.tests);
                table.add(name, time, "ok", &done.note);
            }
            Err(failure) => {
                table.add(name, time, "FAILED", "");
                println!("\n{}", table.text);
                return Err(Failure::new(format!("step `{name}` failed: {failure}")));
            }
        }
    }
    println!("\n{}", table.text);
    let tests: Tally = tests.into_iter().sum();
    if tests != Tally::default() {
        println!("tests: {tests}");
    }
    Ok(())
}

/// The steps of these names, in the order in which they always run; all of them if none is named.
fn choose<'a>(steps: &'a [Step], names: &[String]) -> Result<Vec<&'a Step>> {
    if let Some(unknown) = names.iter().find(|name| steps.iter().all(|step| step.name != **name)) {
        let known: Vec<_> = steps.iter().map(|step| step.name).collect();
        return Err(Failure::new(format!("there is no step `{unknown}`, only {}", known.join(", "))));
    }
    Ok(steps.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
}

/// The closing table, a line for each step that was run.
#[derive(Default)]
struct Table {
    text: String,
}

impl Table {
    fn add(&mut self, name: &str, time: Duration, outcome: &str, note: &str) {
        let line = format!("{name:<12} {:>7.1} s  {outcome:<6}  {note}", time.as_secs_f64());
        self.text += line.trim_end();
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[Step] = &[
        Step { name: "one", run: || Ok(Done::noting("first")) },
        Step { name: "two", run: || Err(Failure::new("it rained")) },
        Step { name: "three", run: || unreachable!("a step after one that failed") },
    ];

    #[test]
    fn the_first_failure_stops_the_run_and_names_its_step() {
        let failure = run(STEPS, &[]).expect_err("the second step fails");
        assert_eq!(failure.to_string(), "step `two` failed: it rained");
    }

    #[test]
    fn steps_can_be_chosen_by_name() {
        run(STEPS, &["one".to_owned()]).expect("the first step passes");
        let failure = run(STEPS, &["four".to_owned()]).expect_err("no such step");
        assert_eq!(failure.to_string(), "there is no step `four`, only one, two, three");
    }

    #[test]
    fn the_table_has_a_line_for_each_step() {
        let mut table = Table::default();
        table.add("format", Duration::from_millis(1_240), "ok", "");
        table.add("test", Duration::from_secs(81), "FAILED", "");
        assert_eq!(table.text, "format           1.2 s  ok\ntest            81.0 s  FAILED\n");
    }
}
