//! What the file system says of a file of SQLite's. Opens no database.

use std::path::{Path, PathBuf};

use super::{Check, Remedy, State};
use crate::context::{Context, quoted};

pub(crate) fn check(context: &Context, path: &Path) -> Check {
    let shown = quoted(&path.display().to_string());
    if path.is_dir() {
        return Check::wrong("file", format!("{} is a directory", path.display()))
            .remedied(Remedy::change(format!("name a file in it, in {}", super::patient::whence(context))));
    }
    let mut check = Check::new("file");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown_folder = quoted(&folder.display().to_string());
    if !folder.is_dir() {
        check.add(State::Wrong, format!("there is no folder {}", folder.display()));
        check.remedy(Remedy::command(format!("mkdir -p {shown_folder}")));
        return check;
    }
    if let Ok(place) = std::fs::canonicalize(path)
        && path.is_symlink()
    {
        check.add(State::Ok, format!("a link to {}", place.display()));
    }
    if path.exists() {
        rights(path, &shown, &mut check);
        if !may_write(path) {
            check.add(State::Wrong, "it cannot be written to");
            check.remedy(Remedy::command(format!("chmod u+w {shown}")));
        }
    } else {
        check.add(State::Ok, "not there yet");
    }
    if !may_write(folder) {
        check.add(
            State::Wrong,
            format!("nothing can be made in {}, and SQLite keeps files beside its own", folder.display()),
        );
        check.remedy(Remedy::command(format!("chmod u+w {shown_folder}")));
    }
    if let Some(name) = network(folder) {
        check.add(
            State::Warning,
            format!("on {name}, over a network, where SQLite's locks are not to be relied on"),
        );
        check.remedy(Remedy::change(format!(
            "move it to a disk of this machine, and name that in {}",
            super::patient::whence(context)
        )));
    }
    check
}

#[cfg(unix)]
fn rights(path: &Path, shown: &str, check: &mut Check) {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(metadata) = std::fs::metadata(path) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o002 != 0 {
        check.add(State::Wrong, format!("mode {mode:o}: everybody on this machine may write to it"));
        check.remedy(Remedy::command(format!("chmod o-w {shown}")));
    } else if mode & 0o004 != 0 {
        check.add(State::Ok, format!("mode {mode:o}: everybody on this machine may read it"));
    } else {
        check.add(State::Ok, format!("mode {mode:o}"));
    }
}

#[cfg(not(unix))]
fn rights(path: &Path, _: &str, check: &mut Check) {
    check.add(State::Ok, format!("{} is there", path.display()));
}

#[cfg(unix)]
fn may_write(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn may_write(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.permissions().readonly())
}

/// The kind of file system, if it is one over a network; numbers of statfs(2).
#[cfg(target_os = "linux")]
fn network(folder: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    Some(match u32::try_from(kind as u64 & 0xffff_ffff).ok()? {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x0102_1997 => "9p",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x00c3_6400 => "Ceph",
        _ => return None,
    })
}

#[cfg(not(target_os = "linux"))]
fn network(_: &Path) -> Option<&'static str> {
    None
}

/// The processes that have a file of SQLite's locked for writing, as far as this system tells.
#[cfg(target_os = "linux")]
pub(crate) fn writers(path: &Path) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let files = [path.to_owned(), beside("-shm")];
    let inodes: Vec<String> = files
        .iter()
        .filter_map(|file| std::fs::metadata(file).ok())
        .map(|metadata| format!(":{}", metadata.ino()))
        .collect();
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut holders: Vec<u32> = locks
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, _, _, "WRITE", pid, file, ..] = words.as_slice() else { return None };
            let file = file.rsplit_once(':').map(|(_, inode)| format!(":{inode}"))?;
            inodes.contains(&file).then(|| pid.parse().ok()).flatten()
        })
        .collect();
    holders.sort_unstable();
    holders.dedup();
    holders
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn writers(_: &Path) -> Vec<u32> {
    let none: Vec<PathBuf> = Vec::new();
    none.iter().filter_map(|_| None).collect()
}
