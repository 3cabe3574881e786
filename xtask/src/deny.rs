//! Bans, licences and sources of the dependencies, by cargo-deny and `deny.toml`.

use std::fs;
use std::path::PathBuf;

use crate::ci::Done;
use crate::command::{Command, find};
use crate::failure::{Failure, Result};
use crate::workspace;

/// The version that is installed where there is none.
const VERSION: &str = "0.20.2";

/// Checks everything but advisories: their database is not among the dependencies' registry, and a check
/// that needs it would fail for reasons that are not ours.
pub(crate) fn check() -> Result<Done> {
    Command::new(tool()?).args(["--all-features", "check", "bans", "licenses", "sources"]).run()?;
    Ok(Done::default())
}

/// The tool that is installed, or else one that is built once, under `target`.
fn tool() -> Result<PathBuf> {
    if let Some(installed) = find("cargo-deny") {
        return Ok(installed);
    }
    let tools = workspace::target().join(format!("cargo-deny-{VERSION}"));
    let built = tools.join("bin/cargo-deny");
    if built.is_file() {
        return Ok(built);
    }
    let build = tools.join("build");
    println!("cargo-deny is not installed; it is built now, once, which takes a minute or two");
    // Unoptimised and without what fetches advisories: it takes two seconds to run either way, and a
    // quarter of the time to build.
    Command::cargo("install --locked --no-default-features cargo-deny --version")
        .args([VERSION, "--root"])
        .args([&tools])
        .args(["--target-dir"])
        .args([&build])
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .run()?;
    fs::remove_dir_all(&build).map_err(Failure::at(&build))?;
    Ok(built)
}
