//! The programs that the tests run beside their own. Knows nothing of the tests.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use crate::command::{Command, find};
use crate::failure::{Failure, Result};

/// One program without which some test cannot run.
struct Need {
    program: &'static str,
    /// Where it may be when the search path does not have it; a `*` stands for any one folder.
    places: &'static [&'static str],
    /// What brings it on Debian.
    packages: &'static [&'static str],
    /// What the tests do with it.
    reason: &'static str,
    /// The variable that names what is there in its place: a server's URL, a program.
    instead: Option<&'static str>,
}

const NEEDS: &[Need] = &[
    Need {
        program: "cc",
        places: &[],
        packages: &["gcc", "libc6-dev"],
        reason: "compiles the SQLite that the tests link",
        instead: None,
    },
    Need {
        program: "strace",
        places: &[],
        packages: &["strace"],
        reason: "kills a process at its nth fsync",
        instead: None,
    },
    Need {
        program: "postgres",
        places: &["/usr/lib/postgresql/*/bin"],
        packages: &["postgresql"],
        reason: "PostgreSQL, a server that the tests start",
        instead: Some("WHIMBREL_POSTGRES_URL"),
    },
    Need {
        program: "mariadbd",
        places: &["/usr/sbin"],
        packages: &["mariadb-server-core"],
        reason: "MariaDB, a server that the tests start",
        instead: Some("WHIMBREL_MARIADB_URL"),
    },
    Need {
        // The server's own package has the script that calls it, and not it.
        program: "my_print_defaults",
        places: &[],
        packages: &["mariadb-client"],
        reason: "prepares the data of a MariaDB",
        instead: Some("WHIMBREL_MARIADB_URL"),
    },
    Need {
        program: "pgbouncer",
        places: &["/usr/sbin"],
        packages: &["pgbouncer"],
        reason: "the pooler that the tests put before PostgreSQL",
        instead: Some("WHIMBREL_PGBOUNCER_URL"),
    },
    Need {
        program: "libgalera_smm.so",
        places: &["/usr/lib/galera"],
        packages: &["galera-4"],
        reason: "makes a cluster of two MariaDB",
        instead: Some("WHIMBREL_MARIADB_URL"),
    },
    Need {
        program: "setpriv",
        places: &[],
        packages: &["util-linux"],
        reason: "runs servers under an account that is not root's, and ends them with their supervisor",
        instead: None,
    },
    Need {
        program: "ssh-keygen",
        places: &[],
        packages: &["openssh-client"],
        reason: "signs manifests that are verified",
        instead: None,
    },
    Need {
        program: "minisign",
        places: &[],
        packages: &["minisign"],
        reason: "signs manifests that are verified",
        instead: None,
    },
    Need {
        program: "openssl",
        places: &[],
        packages: &["openssl"],
        reason: "makes certificates for the servers of tests",
        instead: None,
    },
    Need {
        program: "chromium",
        places: &[],
        packages: &["chromium"],
        reason: "shows the command's HTML page, as people see it",
        instead: Some("WHIMBREL_CHROMIUM"),
    },
];

/// Makes sure that every program is there: installs what is missing where that is possible (as root, on
/// Debian), and otherwise fails with what to install. Nothing is skipped in silence.
pub(crate) fn meet() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("missing: {} ({})", need.program, need.reason);
    }
    if !is_root()? || find("apt-get").is_none() {
        return Err(Failure::new(format!("the tests need programs that are not here: {}", remedy(&missing))));
    }
    let apt = |words: &[&str]| Command::new("apt-get").args(words).env("DEBIAN_FRONTEND", "noninteractive");
    apt(&["update"]).run()?;
    apt(&["install", "-y", "--no-install-recommends"])
        .args(missing.iter().flat_map(|need| need.packages))
        .run()?;
    let missing = self::missing();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("installed, and still not found: {}", remedy(&missing))))
}

fn missing() -> Vec<&'static Need> {
    let named = |need: &Need| need.instead.is_some_and(|variable| env::var_os(variable).is_some());
    NEEDS.iter().filter(|need| !named(need) && locate(need).is_none()).collect()
}

fn locate(need: &Need) -> Option<PathBuf> {
    find(need.program).or_else(|| {
        need.places
            .iter()
            .flat_map(|place| folders(place))
            .map(|folder| folder.join(need.program))
            .find(|candidate| candidate.is_file())
    })
}

/// The folders that a place stands for, the last in name order first: that is the newest version.
fn folders(place: &str) -> Vec<PathBuf> {
    let Some((before, after)) = place.split_once('*') else {
        return vec![PathBuf::from(place)];
    };
    let mut found: Vec<PathBuf> = fs::read_dir(before)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join(after.trim_start_matches('/'))))
        .filter(|folder| folder.is_dir())
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found
}

fn remedy(missing: &[&Need]) -> String {
    let programs: Vec<_> = missing.iter().map(|need| need.program).collect();
    let packages: Vec<_> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let instead: BTreeSet<_> = missing.iter().filter_map(|need| need.instead).collect();
    let servers = match instead.into_iter().collect::<Vec<_>>().join(", ") {
        variables if variables.is_empty() => variables,
        variables => format!("; or name what is there already: {variables}"),
    };
    format!("{}; on Debian: apt-get install {}{servers}", programs.join(", "), packages.join(" "))
}

/// Whether this is root.
pub(crate) fn is_root() -> Result<bool> {
    Ok(find("id").is_some() && Command::new("id").args(["-u"]).read()?.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn a_place_with_a_star_is_any_folder_that_has_the_rest() {
        let root = workspace::root().display();
        let place = format!("{root}/*/src");
        assert!(folders(&place).contains(&workspace::root().join("xtask/src")), "{place}");
        assert!(folders(&format!("{root}/nowhere/*/src")).is_empty());
        assert_eq!(folders("/opt/server"), [PathBuf::from("/opt/server")]);
    }

    #[test]
    fn a_need_that_is_nowhere_is_named_with_its_package() {
        let need = Need {
            program: "no-such-program",
            places: &["/nowhere/*/bin"],
            packages: &["no-such-package"],
            reason: "proves that it is missed",
            instead: None,
        };
        assert_eq!(locate(&need), None);
        assert_eq!(remedy(&[&need]), "no-such-program; on Debian: apt-get install no-such-package");
    }
}
