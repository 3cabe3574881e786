//! The chores of the workspace: `cargo xtask` lists them. Knows which there are, not what they do.
//!
//! A new chore is a module with a `SUBCOMMAND`, and its line in [`SUBCOMMANDS`].

mod axe;
mod bench;
mod book;
mod ci;
mod command;
mod copy;
mod deny;
mod failure;
mod footprint;
mod fuzz;
mod install;
mod mutants;
mod needs;
mod packages;
mod quickness;
mod quickstart;
mod rusqlite;
mod scratch;
mod search;
mod servers;
mod sharing;
mod tally;
mod test;
mod workspace;

use std::env;
use std::process::ExitCode;

use failure::{Failure, Result};

/// One chore, as `cargo xtask NAME …` calls it.
struct Subcommand {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

/// Every chore, in the order in which the usage lists them.
const SUBCOMMANDS: &[Subcommand] = &[
    test::SUBCOMMAND,
    search::SUBCOMMAND,
    fuzz::SUBCOMMAND,
    ci::SUBCOMMAND,
    bench::SUBCOMMAND,
    mutants::SUBCOMMAND,
    install::SUBCOMMAND,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", usage());
        return Ok(());
    };
    if matches!(name.as_str(), "-h" | "--help" | "help") {
        print!("{}", usage());
        return Ok(());
    }
    match SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name) {
        Some(subcommand) => (subcommand.run)(rest),
        None => Err(Failure::new(format!("there is no chore `{name}`\n{}", usage()))),
    }
}

fn usage() -> String {
    let mut usage = String::from("usage: cargo xtask CHORE …\n\n");
    for Subcommand { name, arguments, about, .. } in SUBCOMMANDS {
        usage += &format!("  {:<28} {about}\n", format!("{name} {arguments}"));
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_chore_is_refused_with_the_usage() {
        let failure = dispatch(&["sweep".to_owned()]).expect_err("there is no such chore");
        assert!(failure.to_string().contains("no chore `sweep`"), "{failure}");
        assert!(failure.to_string().contains("cargo xtask CHORE"), "{failure}");
    }
}
