//! Throw-away programs, generated to see what cargo makes of their dependencies. Nothing of them is built.

use std::fs;
use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::workspace;

/// Writes a program that has these dependencies (lines of a `Cargo.toml`) and, if given, this lock file;
/// answers its folder. It is a workspace of its own.
pub(crate) fn program(name: &str, dependencies: &str, lock: Option<&str>) -> Result<PathBuf> {
    let folder = workspace::target().join(name);
    let source = folder.join("src");
    fs::create_dir_all(&source).map_err(Failure::at(&source))?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [workspace]\n\n[dependencies]\n{dependencies}"
    );
    let written = [
        (folder.join("Cargo.toml"), manifest.as_str()),
        (source.join("main.rs"), "//! Only its dependencies matter.\n\nfn main() {}\n"),
    ];
    for (path, text) in &written {
        fs::write(path, text).map_err(Failure::at(path))?;
    }
    let path = folder.join("Cargo.lock");
    match lock {
        Some(lock) => fs::write(&path, lock).map_err(Failure::at(&path))?,
        // An old one would keep what it holds, and hide what a newcomer's cargo resolves today.
        None if path.exists() => fs::remove_file(&path).map_err(Failure::at(&path))?,
        None => {}
    }
    Ok(folder)
}

/// The line for a dependency on one of the workspace's own crates, with its default features.
pub(crate) fn own(krate: &str) -> String {
    let path = workspace::root().join("crates").join(krate);
    format!("{krate} = {{ path = {:?} }}\n", path.display().to_string())
}
