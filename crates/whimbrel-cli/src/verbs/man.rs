//! `whimbrel man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::exit::Code;
use crate::output::count;
use crate::output::safe::shown;

/// Writes the manual pages
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  whimbrel man ~/.local/share/man/man1")]
pub(crate) struct Arguments {
    /// The folder that they go to
    directory: PathBuf,
}

pub(crate) async fn run(_: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let folder = &arguments.directory;
    let failed = |error: std::io::Error| {
        Failure::of(Code::Failed, format!("{} cannot be written to: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(crate::arguments::Arguments::command(), folder).map_err(failed)?;
    let pages = std::fs::read_dir(folder).map_err(failed)?.count();
    let text = format!("{} in {}", count(pages, "page"), shown(&folder.display().to_string()));
    Ok(Answer::new(text, json!({ "directory": folder.display().to_string(), "pages": pages })))
}
