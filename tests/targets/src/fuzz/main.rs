//! Searches for inputs that make a target panic, or that take it somewhere new. `cargo xtask fuzz` builds it so that the
//! compiler counts where the workspace's crates go, and calls it.

mod coverage;
mod mutation;
mod search;
mod slow;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use whimbrel_targets::{TARGETS, Target, target};

/// What it is called with.
struct Request {
    targets: Vec<&'static Target>,
    bounds: Bounds,
    seed: u64,
    work: PathBuf,
    /// Writes the inputs that are worth keeping into the committed corpora.
    keep: bool,
    /// Counts steps of large inputs, and searches for nothing.
    steps: bool,
    /// One input to check.
    input: Option<PathBuf>,
}

/// When the search of a target ends: at whichever comes first.
#[derive(Clone, Copy)]
struct Bounds {
    time: Duration,
    executions: u64,
}

fn main() -> ExitCode {
    let request = match read(std::env::args().skip(1)) {
        Ok(request) => request,
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return ExitCode::FAILURE;
        }
    };
    if let (Some(input), [target]) = (&request.input, request.targets.as_slice()) {
        match std::fs::read(input) {
            Ok(bytes) => (target.check)(&bytes),
            Err(error) => {
                eprintln!("error: {}: {error}", input.display());
                return ExitCode::FAILURE;
            }
        }
        return ExitCode::SUCCESS;
    }
    // A panic is what is looked for, and told with its input.
    std::panic::set_hook(Box::new(|_| {}));
    let mut good = true;
    for target in &request.targets {
        good &= if request.steps {
            slow::count(target)
        } else {
            search::run(target, request.bounds, request.seed, &request.work, request.keep)
        };
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
    let mut request = Request {
        targets: Vec::new(),
        bounds: Bounds { time: Duration::from_secs(60), executions: u64::MAX },
        seed: 1,
        work: PathBuf::from("target/fuzz"),
        keep: false,
        steps: false,
        input: None,
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match argument.as_str() {
            "--seconds" => request.bounds.time = Duration::from_secs(number(value()?)?),
            "--executions" => request.bounds.executions = number(value()?)?,
            "--seed" => request.seed = number(value()?)?,
            "--work" => request.work = value()?.into(),
            "--input" => request.input = Some(value()?.into()),
            "--keep" => request.keep = true,
            "--steps" => request.steps = true,
            name => match target(name) {
                Some(target) => request.targets.push(target),
                None => {
                    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                    let names = names.join(", ");
                    return Err(format!("there is no target `{name}`, only {names}"));
                }
            },
        }
    }
    if request.targets.is_empty() {
        request.targets.extend(TARGETS);
    }
    Ok(request)
}
