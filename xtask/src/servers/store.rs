//! Where servers, and other things that were downloaded, are kept, and how: whole or not at all. Knows nothing of where they come from.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::{needs, workspace};

/// The folder of this name, which `fill` fills if it is not there yet.
pub(crate) fn folder(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let store = store()?;
    let folder = store.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let unfinished = store.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Failure::at(&unfinished))?;
    }
    fs::create_dir_all(&unfinished).map_err(Failure::at(&unfinished))?;
    let filled = fill(&unfinished);
    if filled.is_err() {
        // The error is what matters; the next call removes it as well.
        let _ = fs::remove_dir_all(&unfinished);
    }
    filled?;
    fs::rename(&unfinished, &folder).map_err(Failure::at(&folder))?;
    Ok(folder)
}

/// The user's folder for what can be had again. Root's servers run under another account, which may not enter root's
/// home, so there it is the machine's.
fn store() -> Result<PathBuf> {
    let cache = if needs::is_root()? {
        Some(PathBuf::from("/var/cache"))
    } else {
        let own = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        own.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
    };
    let store =
        cache.map_or_else(|| workspace::target().join("servers"), |cache| cache.join("whimbrel/servers"));
    fs::create_dir_all(&store).map_err(Failure::at(&store))?;
    Ok(store)
}
