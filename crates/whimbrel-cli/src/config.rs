//! The configuration file `whimbrel.toml`. Knows its keys and what may stand behind them; knows nothing of arguments, and
//! opens no database.
//!
//! A value may be a password that does not belong there. So nothing that was read from the file is in an error: places,
//! names of keys from a closed list, and what is expected are all that it says.

mod credential;
mod document;
mod find;
mod keys;
mod problem;
mod source;
mod syntax;
mod table;
pub(crate) mod text;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::find::Found;
use self::source::SourceText;

pub(crate) use self::document::{Document, Environment};
pub(crate) use self::problem::Problem;

/// The file's name.
pub(crate) const FILE_NAME: &str = "whimbrel.toml";
/// What it may hold at most; whoever names a larger one has named the wrong one.
const LARGEST_FILE: u64 = 256 * 1024;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    /// The file, as people are to see it.
    pub(crate) path: PathBuf,
    /// Its folder.
    pub(crate) folder: PathBuf,
    pub(crate) document: Document,
}

impl ConfigFile {
    /// Reads the file that was named.
    pub(crate) fn named(path: &Path, start: &Path) -> Result<Self, Problem> {
        find::named(path, start).and_then(Self::read)
    }

    /// Searches for a file, from the working directory upwards; not above the folder that holds `.git`, nor above home.
    pub(crate) fn search(start: &Path, home: Option<&Path>) -> Result<Option<Self>, Problem> {
        find::search(start, home)?.map(Self::read).transpose()
    }

    fn read(found: Found) -> Result<Self, Problem> {
        let Found { file, shown, folder } = found;
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| find::unreadable(&shown, &error))?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(Problem::new(format!("{} is larger than 256 KiB", shown.display()))
                .with_next("name the configuration file"));
        }
        let text = String::from_utf8(bytes).map_err(|_| {
            Problem::new(format!("{} is not UTF-8", shown.display())).with_next("save it as UTF-8")
        })?;
        let source = SourceText::new(shown, text);
        let document = Document::read(&source, &folder)?;
        Ok(Self { path: source.shown().to_owned(), folder, document })
    }
}

/// The time that an argument of a verb gives.
///
/// # Errors
/// It is none; the text is not in the error.
pub(crate) fn parse_duration(argument: &'static str, text: &str) -> Result<Duration, Problem> {
    text::duration(text).map_err(|wrong| wrong.of(argument))
}
