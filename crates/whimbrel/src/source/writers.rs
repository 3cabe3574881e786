//! Who may write to the files of a directory, and where its links lead. Looks at modes, owners and paths; reads no
//! migration.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Who may be able to write to a [`Directory`](super::Directory) of migrations, its files and its folders.
///
/// Looked at on Unix, each time, and of the *open* file. What lies on a file system that is mounted for reading only, as
/// orchestrators mount configuration, nobody can write to, whatever its mode says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Writers {
    /// Whoever: modes and owners are not looked at. For file systems that have none and show `rwxrwxrwx` for everything.
    Anyone,
    /// Its owner and its group, but not everybody.
    #[default]
    Group,
    /// Its owner alone, who is this process' user or root. Meant for production.
    Owner,
}

/// Why a file or a folder is not to be relied on; without its name, and with what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    Everybody,
    Group,
    Owner,
    Outside,
}

impl Doubt {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Everybody => "everybody may write to it: take that right away (`chmod o-w`)",
            Self::Group => {
                "its group may write to it, and only its owner is to: take that right away (`chmod g-w`)"
            }
            Self::Owner => {
                "it belongs to somebody other than this user or root, who can change it: give it to one of them (`chown`)"
            }
            Self::Outside => {
                "a link that leads out of the directory: put the file itself there, or ask for `following_links`"
            }
        }
    }
}

/// What the checks of one directory are made with.
pub(super) struct Watch {
    writers: Writers,
    /// The directory without links, if none may lead out of it.
    inside: Option<PathBuf>,
}

impl Watch {
    pub(super) fn new(writers: Writers, directory: &Path, follows: bool) -> io::Result<Self> {
        let inside = if follows { None } else { Some(directory.canonicalize()?) };
        Ok(Self { writers, inside })
    }

    /// Whether a name leads out of the directory.
    pub(super) fn path(&self, path: &Path) -> io::Result<Option<Doubt>> {
        match &self.inside {
            Some(inside) => Ok((!path.canonicalize()?.starts_with(inside)).then_some(Doubt::Outside)),
            None => Ok(None),
        }
    }

    /// Whether others may write to a file or a folder, which is open.
    pub(super) fn open(&self, file: &File, metadata: &Metadata) -> io::Result<Option<Doubt>> {
        match judge(self.writers, metadata) {
            Some(_) if is_for_reading_only(file)? => Ok(None),
            doubt => Ok(doubt),
        }
    }
}

#[cfg(unix)]
fn judge(writers: Writers, metadata: &Metadata) -> Option<Doubt> {
    use std::os::unix::fs::MetadataExt as _;

    doubt(writers, metadata.mode(), metadata.uid(), rustix::process::geteuid().as_raw())
}

/// There a file's rights are told in another way.
#[cfg(not(unix))]
fn judge(_: Writers, _: &Metadata) -> Option<Doubt> {
    None
}

#[cfg(unix)]
fn doubt(writers: Writers, mode: u32, owner: u32, me: u32) -> Option<Doubt> {
    let strict = writers == Writers::Owner;
    match writers {
        Writers::Anyone => None,
        _ if mode & 0o002 != 0 => Some(Doubt::Everybody),
        _ if strict && mode & 0o020 != 0 => Some(Doubt::Group),
        _ if strict && owner != 0 && owner != me => Some(Doubt::Owner),
        _ => None,
    }
}

#[cfg(unix)]
fn is_for_reading_only(file: &File) -> io::Result<bool> {
    let flags = rustix::fs::fstatvfs(file)?.f_flag;
    Ok(flags.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

#[cfg(not(unix))]
fn is_for_reading_only(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn each_mode_and_owner_is_judged_by_who_may_write() {
        const ME: u32 = 1000;
        for kind in [0o100_000, 0o040_000] {
            for mode in 0..0o1000 {
                for owner in [0, ME, 1001] {
                    let judged = |writers| doubt(writers, kind | mode, owner, ME);
                    assert_eq!(judged(Writers::Anyone), None);
                    let everybody = (mode & 0o002 != 0).then_some(Doubt::Everybody);
                    assert_eq!(judged(Writers::Group), everybody, "{mode:o} of {owner}");
                    let group = (mode & 0o020 != 0).then_some(Doubt::Group);
                    let foreign = (owner == 1001).then_some(Doubt::Owner);
                    assert_eq!(
                        judged(Writers::Owner),
                        everybody.or(group).or(foreign),
                        "{mode:o} of {owner}"
                    );
                }
            }
        }
    }
}
