//! Reads a directory as it is. Knows which names are ignored and which are dialects'; judges no file.

use std::fs;
use std::io;
use std::path::Path;

use whimbrel::script::Lexing;
use whimbrel::{Limits, SourceFile, layout};

use crate::problem::Problems;

/// The dialects whose names a folder may have, and how their scripts are lexed.
pub(crate) const DIALECTS: [(&str, Lexing); 4] = [
    ("sqlite", Lexing::SQLITE),
    ("postgres", Lexing::POSTGRES),
    ("mysql", Lexing::MYSQL),
    ("mariadb", Lexing::MARIADB),
];

/// Where folders are allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folders {
    Read,
    Refuse,
}

/// The files of one set's directory.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) manifest: Option<Vec<u8>>,
    /// Whether there is a signature beside it.
    pub(crate) signed: bool,
}

/// The folders of `path` that are sets of their own, by dialect: those with a dialect's name, in a directory that
/// holds no migration itself. Whatever else lies there has no place.
pub(crate) fn dialects(
    path: &Path,
    place: &str,
    problems: &mut Problems,
) -> Option<Vec<(&'static str, Lexing)>> {
    let entries = match entries(path) {
        Ok(entries) => entries,
        Err(error) => {
            problems.add(place, unreadable(&error));
            return None;
        }
    };
    let is_file = |name: &str| !path.join(name).is_dir();
    if entries.iter().any(|name| is_file(name) && layout::parse_file_name(name).is_ok()) {
        return None;
    }
    let found: Vec<_> = DIALECTS
        .into_iter()
        .filter(|(dialect, _)| entries.iter().any(|name| name == dialect && !is_file(name)))
        .collect();
    if found.is_empty() {
        return None;
    }
    for name in &entries {
        let place = format!("{place}/{name}");
        if name == layout::MANIFEST_FILE {
            problems.add(place, "each dialect's folder has a manifest of its own: delete this one");
        } else if name == layout::SIGNATURE_FILE {
            problems.add(place, "each dialect's folder has a signature of its own: delete this one");
        } else if layout::is_ignored(name) || found.iter().any(|(dialect, _)| dialect == name) {
            continue;
        } else if is_file(name) {
            problems.add(place, "stands beside the dialects' folders: move it into one of them, or away");
        } else {
            problems.add(place, "is no dialect's folder: those are sqlite, postgres, mysql and mariadb");
        }
    }
    Some(found)
}

/// Reads the files of a set.
pub(crate) fn list(path: &Path, place: &str, folders: Folders, problems: &mut Problems) -> Listing {
    let mut listing = Listing::default();
    let limits = limits();
    walk(path, place, "", folders, &mut Read { limits, bytes: 0, files: &mut listing.files }, problems);
    match read(&path.join(layout::MANIFEST_FILE), limits.manifest_bytes, "manifest_bytes") {
        Ok(bytes) => {
            listing.manifest = Some(bytes);
            listing.signed = signed(path, place, problems);
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => problems.add(format_args!("{place}/{}", layout::MANIFEST_FILE), unreadable(&error)),
    }
    listing
}

/// Whether a manifest has a signature, which the compiler then includes; it has no keys to check it with.
fn signed(path: &Path, place: &str, problems: &mut Problems) -> bool {
    let place = format!("{place}/{}", layout::SIGNATURE_FILE);
    match fs::metadata(path.join(layout::SIGNATURE_FILE)) {
        Ok(kind) if kind.len() > layout::SIGNATURE_LIMIT => {
            problems.add(place, format_args!("is too long for a signature: {} bytes", kind.len()));
        }
        Ok(kind) if kind.is_file() => return true,
        Ok(_) => problems.add(place, "is not a file"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => problems.add(place, unreadable(&error)),
    }
    false
}

/// What was read of a directory so far, and how much it may be.
struct Read<'f> {
    limits: Limits,
    bytes: u64,
    files: &'f mut Vec<SourceFile>,
}

impl Read<'_> {
    fn file(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        if self.files.len() as u64 >= self.limits.files {
            return Err(over("there are more files", self.limits.files, "files"));
        }
        let bytes = read(path, self.limits.script_bytes, "script_bytes")?;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.limits.directory_bytes {
            return Err(over("all files have more bytes", self.limits.directory_bytes, "directory_bytes"));
        }
        Ok(bytes)
    }
}

/// Reads a file of so many bytes at most.
fn read(path: &Path, most: u64, limit: &str) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > most {
        return Err(over("it has more bytes", most, limit));
    }
    fs::read(path)
}

fn over(what: &str, most: u64, limit: &str) -> io::Error {
    io::Error::other(format!(
        "{what} than {most}: if that is meant, compile with {}=NUMBER in the environment",
        variable(limit)
    ))
}

/// The variable that sets a limit.
fn variable(limit: &str) -> String {
    format!("WHIMBREL_EMBED_{}", limit.to_ascii_uppercase())
}

/// The limits of [`Limits`], as the compiler's environment has them.
fn limits() -> Limits {
    let number = |limit| std::env::var(variable(limit)).ok()?.parse().ok();
    let mut limits = Limits::default();
    limits.manifest_bytes = number("manifest_bytes").unwrap_or(limits.manifest_bytes);
    limits.script_bytes = number("script_bytes").unwrap_or(limits.script_bytes);
    limits.directory_bytes = number("directory_bytes").unwrap_or(limits.directory_bytes);
    limits.files = number("files").unwrap_or(limits.files);
    limits
}

fn walk(
    folder: &Path,
    place: &str,
    below: &str,
    folders: Folders,
    read_so_far: &mut Read<'_>,
    problems: &mut Problems,
) {
    let names = match entries(folder) {
        Ok(entries) => entries,
        Err(error) => return problems.add(place, unreadable(&error)),
    };
    for name in names.into_iter().filter(|name| !layout::is_ignored(name)) {
        let path = folder.join(&name);
        let place = format!("{place}/{name}");
        let below = format!("{below}{name}");
        if !path.is_dir() {
            match read_so_far.file(&path) {
                Ok(bytes) => read_so_far.files.push(SourceFile { path: below, bytes }),
                Err(error) => problems.add(place, unreadable(&error)),
            }
        } else if folders == Folders::Read {
            walk(&path, &place, &format!("{below}/"), folders, read_so_far, problems);
        } else {
            let mut names = Vec::new();
            names_below(&path, &mut names);
            problems.add(place, layout::folder_advice(names.iter().map(String::as_str)));
        }
    }
}

/// How many names at most are looked at below a folder that is not read.
const NAMES: usize = 1000;

/// The names of the files in a folder and in those below it, as far as they can be read; links are not followed.
fn names_below(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if names.len() >= NAMES {
            return;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => names_below(&entry.path(), names),
            _ => names.push(entry.file_name().to_string_lossy().into_owned()),
        }
    }
}

/// The names in a folder, sorted, so that the same files always make the same program.
fn entries(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| {
            entry?.file_name().into_string().map_err(|name| {
                io::Error::other(format!("it holds `{}`, whose name is not UTF-8", name.to_string_lossy()))
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "is not there: the path is seen from the directory of the package's Cargo.toml".to_owned()
        }
        io::ErrorKind::NotADirectory => "is not a directory".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_larger_than_it_may_be_is_named_with_the_variable_that_raises_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("1_a.sql");
        fs::write(&path, "SELECT 1").expect("it can be written");
        let mut files = vec![SourceFile { path: "0_a.sql".to_owned(), bytes: Vec::new() }];
        for (limits, expected) in [
            (Limits::default().with_script_bytes(7), "WHIMBREL_EMBED_SCRIPT_BYTES"),
            (Limits::default().with_directory_bytes(7), "WHIMBREL_EMBED_DIRECTORY_BYTES"),
            (Limits::default().with_files(1), "WHIMBREL_EMBED_FILES"),
        ] {
            let error = Read { limits, bytes: 0, files: &mut files }.file(&path).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        }
        let limits = Limits::default().with_script_bytes(8).with_directory_bytes(8).with_files(2);
        let bytes = Read { limits, bytes: 0, files: &mut files }.file(&path).expect("it may");
        assert_eq!(bytes, b"SELECT 1");
    }
}
