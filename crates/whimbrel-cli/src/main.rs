//! The command `whimbrel`: what a person does by hand, in CI and at three in the morning.
//!
//! `arguments.rs` and `settings.rs` say what is wanted, one file in `verbs` does it, `output.rs` says what became of it,
//! for people or for programs, and `exit.rs` says it in a number.

mod advice;
mod answer;
mod arguments;
mod config;
mod confirm;
mod context;
mod database;
mod doctor;
mod exit;
mod html;
mod interrupt;
mod locking;
mod output;
mod progress;
mod settings;
mod shown;
mod verbs;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::answer::Failure;
use crate::arguments::{Arguments, Format, When};
use crate::context::Context;
use crate::exit::Code;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
    match arguments.global.color {
        When::Auto => {}
        When::Always => anstream::ColorChoice::Always.write_global(),
        When::Never => anstream::ColorChoice::Never.write_global(),
    }
    let format = arguments.global.format;
    let verb = verbs::name(&arguments.verb);
    let code = match work(arguments) {
        Ok(answer) => output::answer(format, verb, &answer),
        Err(failure) => output::failure(format, verb, &failure),
    };
    code.into()
}

fn work(arguments: Arguments) -> Result<answer::Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of(Code::Failed, format!("no runtime: {error}")))?;
    let context = Context::new(arguments.global)?;
    let answer = runtime.block_on(verbs::run(&context, arguments.verb));
    // Nothing is waited for that was left behind, such as a statement that does not end.
    runtime.shutdown_background();
    answer
}

/// What clap says of the arguments. It quotes them, and one may hold a password.
fn misused(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A pipe that is closed has seen enough.
        let _ = error.print();
        return Code::Done.into();
    }
    let text = error.render().ansi().to_string();
    let held = std::env::args().any(|argument| output::may_hold_password(&argument));
    let format = if std::env::args().any(|argument| argument == "--format=json")
        || std::env::args().collect::<Vec<_>>().windows(2).any(|two| two == ["--format", "json"])
    {
        Format::Json
    } else {
        Format::Human
    };
    if held {
        let failure = Failure::of(Code::Usage, "an argument is wrong, and one of them holds a password")
            .with_next(
                "put the URL into an environment variable and say --url env:NAME; see whimbrel --help",
            );
        return output::failure(format, "", &failure).into();
    }
    if format == Format::Json {
        let plain = output::style::plain(&text);
        let first = plain.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return output::failure(format, "", &Failure::of(Code::Usage, first)).into();
    }
    anstream::eprint!("{text}");
    Code::Usage.into()
}
