//! Servers of another suite of Debian, unpacked into a folder with all of their libraries: nothing is installed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::command::{Command, find};
use crate::failure::{Failure, Result};

/// Packages of a suite, and the programs of them that are to run here.
#[derive(Debug)]
pub(super) struct Packages {
    pub(super) suite: &'static str,
    pub(super) packages: &'static [&'static str],
    /// From the folder of the unpacked system.
    pub(super) programs: &'static [&'static str],
}

/// Downloads the packages from where this machine has its own, checked by apt's signatures, and unpacks them.
pub(super) fn unpack(wanted: &Packages, into: &Path) -> Result<()> {
    if find("apt-get").is_none() || find("dpkg").is_none() {
        return Err(Failure::new("it comes from Debian, and this is none"));
    }
    let apt = into.join("apt");
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        let folder = apt.join(folder);
        fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    }
    let write = |name: &str, text: &str| {
        let path = apt.join(name);
        fs::write(&path, text).map_err(Failure::at(&path)).map(|()| path)
    };
    // With nothing installed, every library is downloaded too.
    let status = write("status", "")?;
    let source = write("suite.sources", &source(wanted.suite)?)?;
    let options = [
        format!("Dir::State={}", apt.join("state").display()),
        format!("Dir::State::status={}", status.display()),
        format!("Dir::Cache={}", apt.join("cache").display()),
        format!("Dir::Etc::sourcelist={}", source.display()),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        "Dir::Etc::preferencesparts=/dev/null".to_owned(),
        // It would be another account's, which may not write here.
        "APT::Sandbox::User=".to_owned(),
        "Acquire::Retries=1".to_owned(),
        "Acquire::http::Timeout=30".to_owned(),
        "Acquire::https::Timeout=30".to_owned(),
        "Acquire::Languages=none".to_owned(),
    ];
    let apt_get = |words: &[&str]| {
        let command = Command::new("apt-get").args(["-q"]);
        let command = options.iter().fold(command, |command, option| command.args(["-o", option]));
        command.args(words)
    };
    apt_get(&["update"]).run()?;
    apt_get(&["install", "--download-only", "--no-install-recommends", "-y"]).args(wanted.packages).run()?;
    let archives = apt.join("cache/archives");
    for entry in fs::read_dir(&archives).map_err(Failure::at(&archives))?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            Command::new("dpkg").args(["-x"]).args([path.as_path(), into]).read()?;
        }
    }
    fs::remove_dir_all(&apt).map_err(Failure::at(&apt))?;
    let loader = loader(into)?;
    wanted.programs.iter().try_for_each(|program| wrap(&into.join(program), into, &loader))
}

/// The machine's own source of Debian, for another suite.
fn source(suite: &str) -> Result<String> {
    let folder = Path::new("/etc/apt/sources.list.d");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.push("/etc/apt/sources.list".into());
    let sources = paths.iter().filter_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        let extension = path.extension()?.to_str()?;
        if extension == "sources" { of_stanzas(&text, suite) } else { of_lines(&text, suite) }
    });
    let mut sources = sources.map(|source| source + "\n");
    sources.next().ok_or_else(|| Failure::new("no source of Debian's main archive is in /etc/apt"))
}

/// From a file of stanzas, the first of Debian's main archive, with the suite replaced.
fn of_stanzas(text: &str, suite: &str) -> Option<String> {
    text.split("\n\n").find_map(|stanza| {
        let lines: Vec<_> = stanza.lines().filter(|line| !line.starts_with('#')).collect();
        let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if !is_main_archive(field("URIs:")?) || field("Types:")? != "deb" {
            return None;
        }
        let replaced = lines.iter().map(|line| match line.split_once(':') {
            Some(("Suites", _)) => format!("Suites: {suite}\n"),
            Some(("Components", _)) => "Components: main\n".to_owned(),
            _ => format!("{line}\n"),
        });
        Some(replaced.collect())
    })
}

/// From a file of lines, the first of Debian's main archive, as a stanza.
fn of_lines(text: &str, suite: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix("deb ")?.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']')?.1.trim_start(),
            None => rest,
        };
        let uri = rest.split_whitespace().next()?;
        if !is_main_archive(uri) {
            return None;
        }
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        Some(format!("Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nSigned-By: {keyring}\n"))
    })
}

/// Whether it is Debian's archive itself, not that of its security updates nor somebody else's.
fn is_main_archive(uri: &str) -> bool {
    uri.trim_end_matches('/').ends_with("/debian")
}

/// The dynamic loader in this unpacked system, named from its folder.
fn loader(root: &Path) -> Result<PathBuf> {
    let libraries = root.join("usr/lib");
    let machines = fs::read_dir(&libraries).map_err(Failure::at(&libraries))?.flatten();
    let mut files = machines.filter_map(|machine| fs::read_dir(machine.path()).ok()).flatten().flatten();
    let is_loader = |file: &fs::DirEntry| {
        let name = file.file_name();
        name.to_str().is_some_and(|name| name.starts_with("ld-linux") && name.contains(".so."))
    };
    let found = files.find(is_loader).map(|file| file.path());
    let found = found.as_deref().and_then(|path| path.strip_prefix(root).ok());
    found.map(Path::to_owned).ok_or_else(|| Failure::new("the packages have no dynamic loader"))
}

/// Puts a script in a program's place that runs it with the libraries it was built for, under the same process id.
fn wrap(program: &Path, root: &Path, loader: &Path) -> Result<()> {
    let name = program.file_name().and_then(|name| name.to_str()).expect("it is named in this file");
    let real = program.with_file_name(format!("{name}.real"));
    fs::rename(program, &real).map_err(Failure::at(program))?;
    let depth = program.strip_prefix(root).map_or(0, |path| path.components().count() - 1);
    let up = "/..".repeat(depth);
    let (loader, libraries) =
        (loader.display(), loader.parent().expect("it is a file in a folder").display());
    let script = format!(
        "#!/bin/sh\nroot=${{0%/*}}{up}\nexec \"$root/{loader}\" --library-path \"$root/{libraries}\" \
         --argv0 {name} \"$0.real\" \"$@\"\n"
    );
    fs::write(program, script).map_err(Failure::at(program))?;
    fs::set_permissions(program, Permissions::from_mode(0o755)).map_err(Failure::at(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_source_is_taken_with_another_suite() {
        let stanzas = "Types: deb\nURIs: http://other.example/tools\nSuites: stable\n\n\
                       # of old\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n\
                       Components: main contrib\nSigned-By: /keys/debian.gpg\n";
        let expected = "Types: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\n\
                        Signed-By: /keys/debian.gpg\n";
        assert_eq!(of_stanzas(stanzas, "sid").as_deref(), Some(expected));
        let lines = "# a mirror\ndeb http://mirror.example/debian-security x main\n\
                     deb [arch=amd64] http://mirror.example/debian/ bookworm main\n";
        let source = of_lines(lines, "sid").expect("there is one");
        assert!(source.contains("URIs: http://mirror.example/debian/\nSuites: sid\n"), "{source}");
    }
}
