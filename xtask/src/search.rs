//! `cargo xtask search`: generated sets of migrations with every fault, beyond what `cargo xtask test` runs of them.

use std::hash::{BuildHasher, RandomState};

use crate::Subcommand;
use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::needs;
use crate::servers::{Breadth, Servers};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "search",
    arguments: "[--long] [--seed N] [--server postgres | mariadb | mysql | sqlite]",
    about: "runs generated migrations with faults, and compares with the database's client; --long for hours, \
            --seed the cases of a failure again",
    run: |arguments| run(&Request::parse(arguments)?),
};

/// How many cases there are on each server with `--long`, and how many failures are gathered before it ends.
const LONG: [(&str, &str); 3] =
    [("WHIMBREL_LONG", "1"), ("WHIMBREL_CASES", "5000"), ("WHIMBREL_FOUND", "10")];

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    long: bool,
    seed: Option<String>,
    server: Option<String>,
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self> {
        let (mut request, mut words) = (Self::default(), arguments.iter());
        while let Some(word) = words.next() {
            match (word.as_str(), words.as_slice().first().map(String::as_str)) {
                ("--long", _) => request.long = true,
                ("--seed", Some(seed)) if seed.parse::<u64>().is_ok() => request.seed = words.next().cloned(),
                ("--server", Some("postgres" | "mariadb" | "mysql" | "sqlite")) => {
                    request.server = words.next().cloned();
                }
                (other, _) => {
                    let usage = SUBCOMMAND.arguments;
                    return Err(Failure::new(format!(
                        "`cargo xtask search` takes {usage}, not `{other}` here"
                    )));
                }
            }
        }
        Ok(request)
    }
}

fn run(request: &Request) -> Result<()> {
    needs::meet()?;
    let servers = Servers::gather(Breadth::Usual)?;
    let mut variables = servers.variables();
    if request.long {
        variables.extend(LONG.map(|(name, value)| (name, value.to_owned())));
    }
    // The tests take one that is made of the sources, and run those sets at every change.
    let seed = request.seed.clone().unwrap_or_else(|| (RandomState::new().hash_one(0) >> 32).to_string());
    variables.push(("WHIMBREL_SEED", seed));
    let filter = request.server.as_ref().map(|server| format!("nothing_is_found_on_{server}"));
    let command = Command::cargo("test --workspace --all-features --test search")
        .args(["--", "--nocapture"])
        .args(filter);
    variables.iter().fold(command, |command, (name, value)| command.env(name, value)).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request> {
        Request::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_how_long_which_seed_and_which_server() {
        let expected = Request { long: true, seed: Some("7".to_owned()), server: Some("mysql".to_owned()) };
        assert_eq!(parse(&["--seed", "7", "--long", "--server", "mysql"]).expect("valid"), expected);
        assert_eq!(parse(&[]).expect("valid"), Request::default());
    }

    #[test]
    fn what_is_no_seed_or_no_server_is_refused() {
        for wrong in [&["--seed"][..], &["--seed", "x"], &["--server", "oracle"], &["--longer"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
