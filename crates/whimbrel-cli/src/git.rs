//! What git knows of a directory: the sides of a conflict, what was ever committed, and who merges manifests. Changes no commit
//! and no index. Where git is missing or fails, nothing is known.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use whimbrel::layout::MANIFEST_FILE;

use crate::context::quoted;

/// The attributes that let git merge manifests, and keep their bytes those that were signed.
const ATTRIBUTES: &str = "whimbrel.sum eol=lf merge=whimbrel";

/// What git is told to run for it.
pub(crate) const DRIVER: &str = "whimbrel merge %O %A %B --marker-size %L --path %P";

/// The texts of the manifest that git has while a merge is not finished.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    pub(crate) base: Option<String>,
    pub(crate) ours: Option<String>,
    pub(crate) theirs: Option<String>,
}

/// Whether a folder is in a repository of git's.
pub(crate) fn has(folder: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    else {
        return false;
    };
    std::env::var_os("GIT_DIR").is_some() || folder.ancestors().any(|folder| folder.join(".git").exists())
}

/// Git, without what a repository's configuration may have it run.
fn git() -> Command {
    let mut command = Command::new("git");
    command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    command
}

/// Runs git in a folder; nothing if it cannot be run or fails.
fn run(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut command = git();
    // To look is not to write: the index stays as it is.
    command.arg("-C").arg(folder).args(arguments).env("GIT_OPTIONAL_LOCKS", "0");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command.output().ok().filter(|output| output.status.success())
}

/// What git has of a manifest that is in conflict; nothing if it is in none.
pub(crate) fn stages(root: &Path) -> Option<Stages> {
    if !has(root) {
        return None;
    }
    let listed = run(root, &["ls-files", "--unmerged", "--", MANIFEST_FILE])?;
    let listed = String::from_utf8(listed.stdout).ok()?;
    let stage = |number: u8| -> Option<String> {
        // MODE OBJECT STAGE\tPATH
        let line = listed.lines().find(|line| {
            line.split('\t').next().is_some_and(|entry| entry.ends_with(&format!(" {number}")))
        })?;
        let object = line.split(' ').nth(1)?;
        String::from_utf8(run(root, &["cat-file", "blob", object])?.stdout).ok()
    };
    let stages = Stages { base: stage(1), ours: stage(2), theirs: stage(3) };
    (stages.ours.is_some() || stages.theirs.is_some()).then_some(stages)
}

/// Whether git knows for certain that no commit of any branch has had one of these files.
pub(crate) fn never_committed(root: &Path, paths: &[String]) -> bool {
    if paths.is_empty() || !has(root) {
        return false;
    }
    let literal: Vec<String> = paths.iter().map(|path| format!(":(literal){path}")).collect();
    let with = |words: &[&'static str]| -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).chain(literal.iter().cloned()).collect()
    };
    let ask = |words: &[&'static str]| {
        let arguments = with(words);
        run(root, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // What git is told to leave alone may be kept by something else.
    let mut ignored = git();
    ignored.arg("-C").arg(if root.as_os_str().is_empty() { Path::new(".") } else { root });
    ignored.args(["check-ignore", "--no-index", "--"]).args(paths);
    let ignored = ignored.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    // One ends with 0 if a path is ignored, and with 1 if none is.
    if !ignored.is_ok_and(|status| status.code() == Some(1)) {
        return false;
    }
    let is_empty = |output: &Output| output.stdout.iter().all(u8::is_ascii_whitespace);
    match ask(&["rev-list", "--max-count=1", "--full-history", "--all", "HEAD", "--"]) {
        Some(found) => is_empty(&found),
        // Before the first commit there is no HEAD; a branch may all the same have commits.
        None => run(root, &["rev-list", "--max-count=1", "--all"]).is_some_and(|found| is_empty(&found)),
    }
}

/// What git has of a file under this name (`:` the index, `HEAD:` the last commit).
fn blob(root: &Path, at: &str, path: &str) -> Option<Vec<u8>> {
    run(root, &["cat-file", "blob", &format!("{at}./{path}")]).map(|output| output.stdout)
}

/// The manifest of the last commit.
pub(crate) fn committed_manifest(root: &Path) -> Option<String> {
    if !has(root) {
        return None;
    }
    String::from_utf8(blob(root, "HEAD:", MANIFEST_FILE)?).ok()
}

/// The command that brings a file back as it was, where git has it so.
pub(crate) fn restore(root: &Path, path: &str, was: impl Fn(Vec<u8>) -> bool) -> Option<String> {
    if !has(root) {
        return None;
    }
    let place = quoted(&root.join(path).display().to_string());
    if blob(root, ":", path).is_some_and(&was) {
        return Some(format!("git restore {place}"));
    }
    blob(root, "HEAD:", path)
        .is_some_and(&was)
        .then(|| format!("git restore --source=HEAD --staged --worktree {place}"))
}

/// Lets git merge manifests below a directory by the driver. Returns the file if it was changed.
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn write_attributes(directory: &Path) -> io::Result<Option<PathBuf>> {
    let path = directory.join(".gitattributes");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let is_said = text.lines().any(|line| {
        let mut words = line.split_whitespace();
        let about = words.next().is_some_and(|pattern| pattern.rsplit('/').next() == Some(MANIFEST_FILE));
        about && words.any(|word| word.trim_start_matches('-').starts_with("merge"))
    });
    if is_said {
        return Ok(None);
    }
    let mut file = fs::File::options().create(true).append(true).open(&path)?;
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{gap}{ATTRIBUTES}\n").as_bytes())?;
    Ok(Some(path))
}

/// Tells git, for this clone, by what manifests are merged.
///
/// # Errors
/// What git says.
pub(crate) fn install(folder: &Path) -> Result<(), String> {
    for (key, value) in
        [("merge.whimbrel.name", "the lines of both branches"), ("merge.whimbrel.driver", DRIVER)]
    {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let done = git()
            .arg("-C")
            .arg(folder)
            .args(["config", key, value])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("git cannot be run: {error}"))?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(if said.is_empty() { "git config failed".to_owned() } else { said });
        }
    }
    Ok(())
}
