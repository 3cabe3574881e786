//! The documentation as a book: that it builds. That what it says is so, the tests of the guide show.

use std::fs;

use crate::ci::Done;
use crate::command::{Command, find};
use crate::failure::{Failure, Result};
use crate::workspace;

/// The version that builds it; a newer one may want another `book.toml`.
const VERSION: &str = "0.5.4";

pub(crate) fn check() -> Result<Done> {
    let tools = workspace::target().join("tools");
    let own = tools.join("bin/mdbook");
    let mdbook = find("mdbook").unwrap_or_else(|| own.clone());
    if mdbook == own && !own.exists() {
        // What only serves pages while they are written is left out.
        Command::cargo("install mdbook --locked --debug --no-default-features --version")
            .args([VERSION, "--root"])
            .args([&tools])
            .run()?;
    }
    let written = Command::new(mdbook).args(["build", "docs"]).watch()?;
    let complaint = written.lines.iter().find(|line| line.contains("WARN") || line.contains("ERROR"));
    match complaint {
        Some(line) => return Err(Failure::new(format!("mdbook: {line}"))),
        None if !written.success => return Err(Failure::new("mdbook has failed")),
        None => {}
    }
    let index = workspace::root().join("target/book/guide/start-sqlite.html");
    fs::metadata(&index).map_err(Failure::at(&index))?;
    Ok(Done::noting("target/book"))
}
