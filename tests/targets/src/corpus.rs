//! Where inputs are found: the committed corpora, and the fixtures of the other tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The folder of a target's corpus.
#[must_use]
pub fn folder(target: &str) -> PathBuf {
    root().join("fuzz/corpus").join(target)
}

/// The files in folders of the workspace, and in those below, that have one of these endings; sorted.
pub(crate) fn files(folders: &[&str], endings: &[&str]) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for folder in folders {
        gather(&root().join(folder), endings, &mut paths);
    }
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .collect()
}

fn gather(folder: &Path, endings: &[&str], paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        if path.is_dir() {
            gather(&path, endings, paths);
        } else if path.to_str().is_some_and(|name| endings.iter().any(|ending| name.ends_with(ending))) {
            paths.push(path);
        }
    }
}

/// The scripts of the splitter's corpus for one dialect, without their marks, and the scripts of the fixtures.
pub(crate) fn scripts(dialect: &str) -> Vec<Vec<u8>> {
    let mut scripts = Vec::new();
    for file in files(&[&format!("tests/corpus/{dialect}")], &[".txt"]) {
        let text = String::from_utf8_lossy(&file).into_owned();
        for case in text.split("==== ").skip(1) {
            let script = case.split_once('\n').map_or("", |(_, script)| script);
            let mut plain = String::new();
            let mut kind = false;
            for letter in script.trim_end().chars() {
                match letter {
                    '‹' => kind = true,
                    '›' => kind = false,
                    '«' | '»' => {}
                    letter if !kind => plain.push(letter),
                    _ => {}
                }
            }
            scripts.push(plain.into_bytes());
        }
    }
    scripts.extend(files(&[&format!("migrations-fixtures/bookshop/{dialect}")], &[".sql"]));
    scripts
}

/// The blocks of code in the documentation that are of one language.
pub(crate) fn blocks(language: &str) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    for page in files(&["docs"], &[".md"]) {
        let page = String::from_utf8_lossy(&page).into_owned();
        let mut parts = page.split("```");
        parts.next();
        // Each block, and what stands between it and the next one.
        while let Some(block) = parts.next() {
            if let Some((head, text)) = block.split_once('\n')
                && head.trim() == language
                && !blocks.iter().any(|other: &Vec<u8>| other == text.as_bytes())
            {
                blocks.push(text.as_bytes().to_vec());
            }
            parts.next();
        }
    }
    blocks
}
