//! `cargo xtask fuzz`: searches for inputs that make a target panic or take too long. Knows how the programs are built, not
//! what they check.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::ci::Done;
use crate::command::{Command, find};
use crate::failure::{Failure, Result};
use crate::{Subcommand, workspace};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "fuzz",
    arguments: "[TARGET…]",
    about: "searches for inputs that make a target panic or take too long, in each for --seconds N (60) or --executions N; \
            --keep writes what reaches new code into fuzz/corpus, --libfuzzer searches with cargo-fuzz, --input FILE checks \
            one again",
    run,
};

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    targets: Vec<String>,
    seconds: Option<u64>,
    executions: Option<u64>,
    seed: Option<u64>,
    keep: bool,
    libfuzzer: bool,
    input: Option<String>,
}

impl Request {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut request = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| Failure::new(format!("{argument} wants a value")));
            let number = |text: &String| {
                text.parse().map_err(|_| Failure::new(format!("{argument} wants a number, not {text}")))
            };
            match argument.as_str() {
                "--seconds" => request.seconds = Some(number(value()?)?),
                "--executions" => request.executions = Some(number(value()?)?),
                "--seed" => request.seed = Some(number(value()?)?),
                "--input" => request.input = Some(value()?.clone()),
                "--keep" => request.keep = true,
                "--libfuzzer" => request.libfuzzer = true,
                option if option.starts_with('-') => {
                    return Err(Failure::new(format!("`cargo xtask fuzz` has no option `{option}`")));
                }
                target => request.targets.push(target.to_owned()),
            }
        }
        Ok(request)
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let request = Request::parse(arguments)?;
    if request.libfuzzer {
        return libfuzzer(&request);
    }
    search(&build()?, &request, &found())
}

/// What was found earlier, which a search by hand begins with.
fn found() -> PathBuf {
    workspace::target().join("fuzz/found")
}

/// The inputs of each target in the checks of a change, by a seed that never changes; fewer where they take longer than so many
/// seconds.
const CHECKED: Request = Request {
    targets: Vec::new(),
    seconds: Some(15),
    executions: Some(4_000),
    seed: Some(1),
    keep: false,
    libfuzzer: false,
    input: None,
};

/// Counts the steps of large inputs, and searches a little in all targets.
pub(crate) fn check() -> Result<Done> {
    let program = build()?;
    Command::new(&program).args(["--steps"]).run()?;
    // Whatever was found on this machine earlier must not decide about a change.
    let folder = workspace::target().join("fuzz/checked");
    if folder.is_dir() {
        fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    }
    search(&program, &CHECKED, &folder)?;
    Ok(Done::noting(format!("{} targets: their steps, and up to 4,000 executions each", targets()?.len())))
}

/// Builds the program so that the compiler counts where the workspace's own crates go. What others have written is not
/// compiled anew for it.
fn build() -> Result<PathBuf> {
    let wrapper = workspace::root().join("fuzz/instrument");
    Command::cargo("build --workspace --all-features --bin fuzz")
        .env("RUSTC_WORKSPACE_WRAPPER", wrapper)
        .run()?;
    let folder = workspace::target().join("fuzz");
    fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    // The next build without the wrapper would put another one in its place.
    let program = folder.join("fuzz");
    fs::copy(workspace::root().join("target/debug/fuzz"), &program).map_err(Failure::at(&program))?;
    Ok(program)
}

/// Runs the targets, two at a time.
fn search(program: &Path, request: &Request, work: &Path) -> Result<()> {
    let all = if request.targets.is_empty() { targets()? } else { request.targets.clone() };
    let command = |targets: &[String]| {
        let mut command = Command::new(program).args(["--work"]).args([work]);
        let numbers =
            [("--seconds", request.seconds), ("--executions", request.executions), ("--seed", request.seed)];
        for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name, number?))) {
            command = command.args([name.to_owned(), number.to_string()]);
        }
        if let Some(input) = &request.input {
            command = command.args(["--input", input]);
        }
        command.args(request.keep.then_some("--keep")).args(targets)
    };
    let (one, other) = all.split_at(all.len().div_ceil(2));
    if other.is_empty() {
        return command(one).run();
    }
    thread::scope(|scope| {
        let first = scope.spawn(|| command(one).run());
        let second = command(other).run();
        first.join().unwrap_or_else(|_| Err(Failure::new("the search panicked"))).and(second)
    })
}

/// The targets, which are those that have a corpus.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/corpus");
    let entries = fs::read_dir(&folder).map_err(Failure::at(&folder))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Searches with cargo-fuzz, which is installed beside what is built if it is missing.
fn libfuzzer(request: &Request) -> Result<()> {
    // libFuzzer is compiled from C++, long after the build has begun.
    if env::var_os("CXX").is_none() && find("c++").is_none() {
        return Err(Failure::new(
            "libFuzzer is compiled from C++, and there is no `c++` on the PATH: install a compiler (`apt-get install g++`), or \
             name one in CXX; `cargo xtask fuzz` without --libfuzzer needs none",
        ));
    }
    let tools = workspace::target().join("tools");
    let own = tools.join("bin/cargo-fuzz");
    let program = match find("cargo-fuzz") {
        Some(program) => program,
        None if own.is_file() => own,
        None => {
            Command::cargo("install cargo-fuzz --locked --root").args([&tools]).run()?;
            own
        }
    };
    for target in if request.targets.is_empty() { targets()? } else { request.targets.clone() } {
        let found = found().join(&target);
        fs::create_dir_all(&found).map_err(Failure::at(&found))?;
        // Without a sanitizer, which wants a nightly compiler; there is no unsafe code of ours to look into.
        Command::new(&program)
            .args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir", "fuzz", &target])
            .args([found, workspace::root().join("fuzz/corpus").join(&target)])
            .args([
                "--".to_owned(),
                format!("-max_total_time={}", request.seconds.unwrap_or(60)),
                "-timeout=20".to_owned(),
            ])
            .run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request> {
        Request::parse(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_targets_and_options() {
        let expected =
            Request { targets: vec!["urls".to_owned()], seconds: Some(5), keep: true, ..Request::default() };
        assert_eq!(parse(&["--seconds", "5", "urls", "--keep"]).expect("valid"), expected);
        assert!(parse(&["--second", "5"]).is_err());
        assert!(parse(&["--seconds"]).is_err());
    }
}
