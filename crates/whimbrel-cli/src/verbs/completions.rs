//! `whimbrel completions`: what a shell completes.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::context::Context;

/// Prints what a shell needs to complete `whimbrel`
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  whimbrel completions bash > ~/.local/share/bash-completion/completions/whimbrel"
)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) async fn run(_: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut crate::arguments::Arguments::command(),
        "whimbrel",
        &mut script,
    );
    let script = String::from_utf8_lossy(&script).into_owned();
    Ok(Answer::new(script.clone(), json!({ "shell": arguments.shell.to_string(), "script": script })))
}
