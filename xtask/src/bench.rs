//! `cargo xtask bench`: the benchmarks beside others, which are a crate outside the workspace.

use crate::Subcommand;
use crate::command::Command;
use crate::failure::{Failure, Result};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "bench",
    arguments: "[ROUNDS]",
    about: "runs the benchmarks beside others, as ratios; fails where a goal is missed",
    run,
};

fn run(arguments: &[String]) -> Result<()> {
    let rounds = match arguments {
        [] => "15",
        [rounds] if rounds.parse::<usize>().is_ok_and(|rounds| rounds > 0) => rounds,
        _ => return Err(Failure::new("bench wants at most one number, that of its rounds")),
    };
    Command::cargo("run --release --locked --manifest-path benches/Cargo.toml --").args([rounds]).run()
}
