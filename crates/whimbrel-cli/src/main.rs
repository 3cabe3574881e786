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
mod git;
mod html;
mod interrupt;
mod locking;
mod output;
mod progress;
mod relock;
mod sets;
mod settings;
mod shown;
mod verbs;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::answer::Failure;
use crate::arguments::misuse::{self, Misuse};
use crate::arguments::{Arguments, Format, Verb};
use crate::context::Context;
use crate::exit::Code;
use crate::interrupt::Interrupts;

fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    match misuse::value(&typed, "--color") {
        Some("always") => anstream::ColorChoice::Always.write_global(),
        Some("never") => anstream::ColorChoice::Never.write_global(),
        _ => {}
    }
    let code = match misuse::parse(&typed) {
        Ok(arguments) => {
            let format = arguments.global.format;
            let verb = verbs::name(&arguments.verb);
            let quiet = arguments.global.quiet || format != Format::Human;
            // From here on signals are heard, whatever is done meanwhile.
            let interrupts = Interrupts::listen(format, verb, quiet);
            match work(arguments, &interrupts) {
                Ok(answer) => output::answer(format, verb, &answer),
                Err(failure) => output::failure(format, verb, &failure),
            }
        }
        Err(Misuse::Page(text)) => output::page(&text, Code::Done),
        Err(Misuse::Wrong(text, failure)) => match (misuse::format(&typed), text) {
            (Format::Human, Some(text)) => {
                output::err_part(&text);
                failure.code
            }
            (format, _) => output::failure(format, "", &failure),
        },
    };
    code.into()
}

fn work(arguments: Arguments, interrupts: &Interrupts) -> Result<answer::Answer, Failure> {
    // In the middle of a merge the configuration may be in conflict too.
    if let Verb::Merge(merge) = &arguments.verb
        && merge.files().is_some()
    {
        return verbs::merge::merge(merge);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of(Code::Failed, format!("no runtime: {error}")))?;
    let context = Context::new(arguments.global, interrupts)?;
    let answer = runtime.block_on(verbs::run(&context, arguments.verb));
    // Nothing is waited for that was left behind, such as a statement that does not end.
    runtime.shutdown_background();
    answer
}
