//! Copies of the workspace, for chores that change files of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::workspace;

/// Makes a copy of what git would commit in this folder of [`workspace::target`], or brings the copy there up to date.
/// A file that has not changed is left alone, so that cargo need not build it again.
pub(crate) fn update(name: &str) -> Result<PathBuf> {
    let to = workspace::target().join(name);
    let listed =
        Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).read()?;
    let wanted: Vec<&Path> =
        listed.split('\0').map(Path::new).filter(|name| workspace::root().join(name).is_file()).collect();
    for old in files(&to)? {
        if !wanted.iter().any(|name| to.join(name) == old) {
            fs::remove_file(&old).map_err(Failure::at(&old))?;
        }
    }
    for name in wanted {
        let (from, to) = (workspace::root().join(name), to.join(name));
        let new = fs::read(&from).map_err(Failure::at(&from))?;
        if fs::read(&to).is_ok_and(|old| old == new) {
            continue;
        }
        let folder = to.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        fs::copy(&from, &to).map_err(Failure::at(&to))?;
    }
    Ok(to)
}

/// The files in a folder, at any depth; none if it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(Failure::at(&folder))? {
            let entry = entry.map_err(Failure::at(&folder))?;
            let kind = entry.file_type().map_err(Failure::at(&entry.path()))?;
            if kind.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    Ok(files)
}
