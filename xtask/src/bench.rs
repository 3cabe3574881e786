//! `cargo xtask bench`: the benchmarks beside others, which are crates outside the workspace.

use crate::Subcommand;
use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::needs;
use crate::quickness;
use crate::servers::{Breadth, Servers};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "bench",
    arguments: "[ROUNDS] [sqlite | postgres | mariadb | mysql | command] [--large] [--megabytes=N]",
    about: "runs the benchmarks beside others, as ratios; fails where a goal is missed. --large: the one script of 200 MB, \
            or of N, beside the database's own client",
    run,
};

/// On SQLite, and on servers, where a round takes seconds.
const ROUNDS: [&str; 2] = ["15", "5"];

fn run(arguments: &[String]) -> Result<()> {
    let (mut rounds, mut database) = (None, None);
    let mut large = Vec::new();
    for word in arguments {
        let megabytes = word.strip_prefix("--megabytes=");
        match word.as_str() {
            "sqlite" | "postgres" | "mariadb" | "mysql" | "command" if database.is_none() => {
                database = Some(word.as_str())
            }
            "--large" => large.push(word.as_str()),
            option if megabytes.is_some_and(|number| number.parse::<usize>().is_ok()) => large.push(option),
            number if rounds.is_none() && number.parse::<usize>().is_ok_and(|number| number > 0) => {
                rounds = Some(number);
            }
            _ => {
                return Err(Failure::new(
                    "bench wants at most the number of its rounds, one database, --large and --megabytes=N",
                ));
            }
        }
    }
    let bench = |manifest: &str, usual| {
        Command::cargo("run --release --locked --manifest-path")
            .args([manifest, "--", rounds.unwrap_or(usual)])
            .args(large.iter().copied())
    };
    let mut outcome = Ok(());
    let command = !large.contains(&"--large") && database.is_none();
    if command || database == Some("command") {
        needs::meet()?;
        let rounds = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(15);
        outcome = quickness::measure(rounds);
    }
    if database == Some("command") {
        return outcome;
    }
    if database.is_none_or(|database| database == "sqlite") {
        outcome = outcome.and(bench("benches/Cargo.toml", ROUNDS[0]).run());
    }
    if database != Some("sqlite") {
        needs::meet()?;
        let servers = Servers::gather(Breadth::Usual)?;
        let command = bench("benches/servers/Cargo.toml", ROUNDS[1]).args(database);
        let variables = servers.variables();
        let command = variables.iter().fold(command, |command, (name, value)| command.env(name, value));
        outcome = outcome.and(command.run());
    }
    outcome
}
