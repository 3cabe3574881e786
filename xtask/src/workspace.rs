//! Where things are in the workspace. Knows nothing of what is done there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The workspace's root, in which every chore works, from wherever it was called.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is a folder of the workspace")
}

/// The folder for whatever the chores make: generated programs, copies, tools.
pub(crate) fn target() -> PathBuf {
    root().join("target/xtask")
}

/// Reads a text file of the workspace, named from its root.
pub(crate) fn read(name: &str) -> Result<String> {
    let path = root().join(name);
    fs::read_to_string(&path).map_err(Failure::at(&path))
}
