//! The seed of a run for which none is given: the sources themselves.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use whimbrel_testkit::search::Chance;

/// The variable `WHIMBREL_SEED`, or a number made of all Rust sources: each change of them has sets of its own, and the same
/// sources have the same ones, so that what a change has not touched does not fail it, and what fails does so again.
pub(super) fn seed() -> u64 {
    if std::env::var_os("WHIMBREL_SEED").is_some() {
        return Chance::seed_of_this_run();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        gather(&root.join(folder), &mut files);
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        hasher.write(&fs::read(file).expect("a source"));
    }
    hasher.finish() >> 32
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
