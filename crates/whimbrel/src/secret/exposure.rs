//! Who else may have read or written a secret's file. Looks at the open file, never at its name: what the name leads to
//! may be another file by now.

use std::fs::File;
use std::io;

/// Why the text of a file is no secret, or not the one that was put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// It belongs to neither this user nor root.
    Owner,
    /// Others than its owner may write to it.
    Writable,
    /// Everybody may read it.
    Readable,
}

/// What a file tells of itself.
#[cfg(unix)]
#[derive(Clone, Copy, Debug)]
struct Facts {
    mode: u32,
    owner: u32,
    /// Its file system is kept in memory, as those are on which orchestrators mount secrets.
    in_memory: bool,
}

#[cfg(unix)]
pub(super) fn of(file: &File) -> io::Result<Option<Exposure>> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = file.metadata()?;
    // A pipe or a socket is between two processes.
    if !metadata.is_file() {
        return Ok(None);
    }
    let facts = Facts { mode: metadata.mode(), owner: metadata.uid(), in_memory: is_in_memory(file)? };
    Ok(judge(facts, rustix::process::geteuid().as_raw()))
}

/// There a file's rights say less, and who may read it is told in another way.
#[cfg(not(unix))]
pub(super) fn of(_: &File) -> io::Result<Option<Exposure>> {
    Ok(None)
}

/// Orchestrators mount secrets for everybody in the container, as root, on a file system in memory.
#[cfg(unix)]
fn judge(facts: Facts, me: u32) -> Option<Exposure> {
    let mounted = facts.owner == 0 && facts.in_memory;
    if facts.owner != 0 && facts.owner != me {
        Some(Exposure::Owner)
    } else if facts.mode & 0o022 != 0 {
        Some(Exposure::Writable)
    } else if facts.mode & 0o004 != 0 && !mounted {
        Some(Exposure::Readable)
    } else {
        None
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_in_memory(file: &File) -> io::Result<bool> {
    // statfs(2): TMPFS_MAGIC, RAMFS_MAGIC.
    let kind = rustix::fs::fstatfs(file)?.f_type;
    Ok(kind == 0x0102_1994 || kind == 0x8584_58f6)
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn is_in_memory(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const ME: u32 = 1000;

    fn exposed(mode: u32, owner: u32, in_memory: bool) -> Option<Exposure> {
        judge(Facts { mode: mode | 0o100_000, owner, in_memory }, ME)
    }

    #[test]
    fn a_file_of_this_user_or_root_that_others_may_not_read_is_taken() {
        for mode in [0o400, 0o600, 0o440, 0o640, 0o700] {
            for owner in [0, ME] {
                assert_eq!(exposed(mode, owner, false), None, "{mode:o} of {owner}");
            }
        }
    }

    #[test]
    fn one_that_everybody_may_read_is_refused_unless_it_was_mounted() {
        for mode in [0o444, 0o644, 0o604] {
            assert_eq!(exposed(mode, ME, false), Some(Exposure::Readable));
            assert_eq!(exposed(mode, ME, true), Some(Exposure::Readable));
            assert_eq!(exposed(mode, 0, false), Some(Exposure::Readable));
            assert_eq!(exposed(mode, 0, true), None);
        }
    }

    #[test]
    fn one_that_others_may_write_or_own_is_refused_wherever_it_is() {
        for in_memory in [false, true] {
            for mode in [0o660, 0o602, 0o666, 0o777] {
                assert_eq!(exposed(mode, 0, in_memory), Some(Exposure::Writable), "{mode:o}");
            }
            for mode in [0o400, 0o600, 0o644] {
                assert_eq!(exposed(mode, 1001, in_memory), Some(Exposure::Owner), "{mode:o}");
            }
        }
    }
}
