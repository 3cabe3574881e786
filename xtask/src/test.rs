//! `cargo xtask test`: every test of the workspace, with what the tests need. Knows nothing of single tests.

use std::env;
use std::path::Path;

use crate::axe::Axe;
use crate::command::{Command, find};
use crate::failure::{Failure, Result};
use whimbrel_testkit::ServerKind;

use crate::servers::{Breadth, Servers};
use crate::tally::Tally;
use crate::{Subcommand, needs, workspace};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "test",
    arguments: "[--long] [--matrix] [FILTER…]",
    about: "runs all tests, or those whose names contain a FILTER; --long with full counts, --matrix on every \
            version of the servers",
    run: |arguments| {
        let tally = run(&Request::parse(arguments)?)?;
        println!("\ntests: {tally}");
        Ok(())
    },
};

/// Which tests, and how many rounds of those that repeat.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    effort: Effort,
    breadth: Breadth,
    filters: Vec<String>,
}

/// How much a test that generates its cases does.
#[derive(Debug, Default, PartialEq, Eq)]
enum Effort {
    /// What fits into the time that somebody waits.
    #[default]
    Usual,
    /// Full counts: the tests see `WHIMBREL_LONG=1`.
    Long,
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut request = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--long" => request.effort = Effort::Long,
                "--matrix" => request.breadth = Breadth::Matrix,
                option if option.starts_with('-') => {
                    return Err(Failure::new(format!("`cargo xtask test` has no option `{option}`")));
                }
                filter => request.filters.push(filter.to_owned()),
            }
        }
        Ok(request)
    }
}

/// Runs the tests. Fails if one of them fails, and if none was run.
pub(crate) fn run(request: &Request) -> Result<Tally> {
    needs::meet()?;
    let servers = Servers::gather(request.breadth)?;
    let axe = Axe::gather();
    if let Ok(seed) = env::var("WHIMBREL_SEED") {
        println!("WHIMBREL_SEED={seed}");
    }
    // Tests start the examples as programs, so all that can be built is built before the first one runs.
    Command::cargo("build --workspace --all-targets --all-features").run()?;
    // The closing table says that there is none.
    let without = if servers.has(ServerKind::MySql) { Without::Nothing } else { Without::MySql };
    let long = (request.effort == Effort::Long).then(|| ("WHIMBREL_LONG", "1".to_owned()));
    let own = |variables: Vec<(&'static str, String)>| -> Vec<(&'static str, String)> {
        variables.into_iter().chain(long.clone()).collect()
    };
    let variables = own(servers.variables().into_iter().chain(axe.variable()).collect());
    let mut outcome = suite(
        workspace::root(),
        &["--workspace", "--all-features"],
        &request.filters,
        &lent(&variables),
        without,
    );
    if request.breadth == Breadth::Matrix && request.filters.is_empty() {
        for other in servers.others() {
            println!("\n{} {}:", other.kind(), other.version());
            let more = conformance(other.kind(), &lent(&own(servers.variables_of(other))));
            outcome = outcome.and_then(|tally| Ok([tally, more?].into_iter().sum()));
        }
    }
    println!("\n{}{}", servers.table(), axe.line());
    outcome
}

fn lent<'v>(variables: &'v [(&'static str, String)]) -> Vec<(&'v str, &'v str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Runs the conformance suite of a driver alone, on a version that the other tests have not met.
fn conformance(kind: ServerKind, variables: &[(&str, &str)]) -> Result<Tally> {
    let driver = match kind {
        ServerKind::Postgres => "whimbrel-postgres",
        _ => "whimbrel-mysql",
    };
    let words = match find("cargo-nextest").is_some() {
        true => "nextest run --no-fail-fast",
        false => "test --no-fail-fast",
    };
    let command = Command::cargo(words).args(["-p", driver, "--all-features", "--test", "conformance"]);
    let watched =
        variables.iter().fold(command, |command, (name, value)| command.env(name, value)).watch()?;
    let tally = Tally::of_lines(&watched.lines);
    match watched.success && tally.ran() > 0 {
        true => Ok(tally),
        false => Err(Failure::new(format!("the conformance suite did not pass\ntests: {tally}"))),
    }
}

/// What has no server to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    Nothing,
    /// The tests that are about MySQL alone, by their names; those on several servers find out by themselves.
    MySql,
}

/// Runs the tests that cargo selects by `selection`, and their documentation's, to the end even if some
/// fail. Fails if one of them fails, and if none was run.
pub(crate) fn suite(
    folder: &Path,
    selection: &[&str],
    filters: &[String],
    variables: &[(&str, &str)],
    without: Without,
) -> Result<Tally> {
    let mysql = without == Without::MySql;
    let command = |words: &str| {
        let command = Command::cargo(words).args(selection).within(folder);
        variables.iter().fold(command, |command, (name, value)| command.env(name, value))
    };
    let tests = if find("cargo-nextest").is_some() {
        // Whether any test was run is counted here, over all programs and the documentation.
        let chosen = if mysql { &["-E", "not test(/^mysql::|_on_mysql$/)"][..] } else { &[] };
        command("nextest run --no-fail-fast --no-tests=pass").args(chosen).args(filters).watch()?
    } else {
        let chosen = if mysql { &["--skip", "mysql::", "--skip", "_on_mysql"][..] } else { &[] };
        command("test --no-fail-fast --all-targets").args(["--"]).args(chosen).args(filters).watch()?
    };
    let examples_in_docs = command("test --no-fail-fast --doc").args(["--"]).args(filters).watch()?;

    let tally: Tally =
        [&tests, &examples_in_docs].map(|watched| Tally::of_lines(&watched.lines)).into_iter().sum();
    if !tests.success || !examples_in_docs.success {
        return Err(Failure::new(format!("not all tests passed\ntests: {tally}")));
    }
    if tally.ran() == 0 {
        return Err(Failure::new(format!("no test was run\ntests: {tally}")));
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request> {
        Request::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_an_effort_and_filters() {
        assert_eq!(parse(&[]).expect("valid"), Request::default());
        let expected = Request {
            effort: Effort::Long,
            breadth: Breadth::Matrix,
            filters: vec!["lock".to_owned(), "plan".to_owned()],
        };
        assert_eq!(parse(&["lock", "--long", "plan", "--matrix"]).expect("valid"), expected);
    }

    #[test]
    fn an_unknown_option_is_refused() {
        let failure = parse(&["--lnog"]).expect_err("a slip");
        assert!(failure.to_string().contains("no option `--lnog`"), "{failure}");
    }
}
