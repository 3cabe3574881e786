//! Which servers there are on this machine, and of which version. Starts none.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use super::error::{ServerError, ServerErrorKind};

/// The variable that lists servers: `postgres-15:/folder,mysql-9:/folder`, each with the folder of its program.
pub(crate) const VARIABLE: &str = "WHIMBREL_SERVERS";

/// A kind of database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ServerKind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
}

/// A server's programs, which can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    kind: ServerKind,
    version: String,
    folder: PathBuf,
}

impl ServerKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Postgres, Self::MariaDb, Self::MySql];

    /// As it is written in environment variables, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }

    /// The variable that may name a server of this kind that runs already, by its URL.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "WHIMBREL_POSTGRES_URL",
            Self::MariaDb => "WHIMBREL_MARIADB_URL",
            Self::MySql => "WHIMBREL_MYSQL_URL",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadbd",
            Self::MySql => "mysqld",
        }
    }

    /// What has to be done where there is none.
    pub(crate) fn remedy(self) -> String {
        let package = match self {
            Self::Postgres => "postgresql",
            Self::MariaDb => "mariadb-server-core and mariadb-client",
            Self::MySql => "mysql-server-core",
        };
        format!(
            "install {package}, name its folder in {VARIABLE}, or give a server's URL in {}",
            self.variable()
        )
    }
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        })
    }
}

impl Installation {
    /// Every server on this machine: those that `WHIMBREL_SERVERS` lists, in its order; or, if it is not set, what is
    /// installed, of each kind the newest first.
    ///
    /// # Errors
    /// [`Environment`](ServerErrorKind::Environment) if the variable names a folder without such a server.
    pub fn all() -> Result<&'static [Self], ServerError> {
        static ALL: OnceLock<Result<Vec<Installation>, ServerError>> = OnceLock::new();
        let all = ALL.get_or_init(|| match env::var(VARIABLE) {
            Ok(list) if !list.is_empty() => Self::listed(&list),
            _ => Ok(Self::found()),
        });
        all.as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }

    /// The first of this kind, of any version or of one such as `17` or `10.11`.
    ///
    /// # Errors
    /// [`NotInstalled`](ServerErrorKind::NotInstalled) if there is none; the error says what to install.
    pub fn find(kind: ServerKind, version: Option<&str>) -> Result<&'static Self, ServerError> {
        let fits = |one: &&Self| one.kind == kind && version.is_none_or(|version| one.is_version(version));
        Self::all()?.iter().find(fits).ok_or_else(|| {
            let version = version.map_or_else(String::new, |version| format!(" {version}"));
            let sentence = format!("there is no {kind}{version} here: {}", kind.remedy());
            ServerError::new(ServerErrorKind::NotInstalled, sentence)
        })
    }

    /// The server whose program is in this folder, if there is one and it can be run.
    pub fn at(kind: ServerKind, folder: impl AsRef<Path>) -> Option<Self> {
        let folder = folder.as_ref();
        let program = folder.join(kind.program());
        if !program.is_file() {
            return None;
        }
        let output = Command::new(&program).arg("--version").output().ok()?;
        let version = version_in(&String::from_utf8_lossy(&output.stdout))?;
        // A link in the search path is not where the server's other programs are.
        let folder = fs::canonicalize(program).ok()?.parent()?.to_owned();
        Some(Self { kind, version, folder })
    }

    /// What kind of server it is.
    pub fn kind(&self) -> ServerKind {
        self.kind
    }

    /// Its whole version, such as `15.18` or `10.11.14`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where its program is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether `17` or `10.11` means this one.
    pub fn is_version(&self, version: &str) -> bool {
        self.version.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Its first number.
    pub(crate) fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0)
    }

    /// Another program of the same folder.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder that has `bin` or `sbin`, `share`, `lib`, if it is laid out like that.
    pub(crate) fn base(&self) -> Option<&Path> {
        let name = self.folder.file_name()?;
        if name == "bin" || name == "sbin" { self.folder.parent() } else { None }
    }

    fn listed(list: &str) -> Result<Vec<Self>, ServerError> {
        let listed = |entry: &str| {
            let (name, folder) = entry.split_once(':')?;
            let (kind, version) = name.split_once('-')?;
            let kind = ServerKind::ALL.into_iter().find(|candidate| candidate.name() == kind)?;
            Self::at(kind, folder).filter(|found| found.is_version(version))
        };
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let checked = entries.map(|entry| {
            listed(entry).ok_or_else(|| {
                let sentence =
                    format!("{VARIABLE}: `{entry}` is no `KIND-VERSION:FOLDER` of a server that runs here");
                ServerError::new(ServerErrorKind::Environment, sentence)
            })
        });
        checked.collect()
    }

    fn found() -> Vec<Self> {
        let mut all = Vec::new();
        for kind in ServerKind::ALL {
            let mut of_kind: Vec<Self> =
                folders().iter().filter_map(|folder| Self::at(kind, folder)).collect();
            of_kind.sort_by_key(|one| std::cmp::Reverse(numbers(&one.version)));
            of_kind.dedup_by(|a, b| a.version == b.version);
            all.extend(of_kind);
        }
        all
    }
}

/// A program of the search path, or of where Debian has programs of the administrator.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    path().into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from)).collect()
}

/// Where servers may be.
fn folders() -> Vec<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = path();
    folders.extend(debian.map(|version| version.path().join("bin")));
    folders
}

/// The version in `postgres (PostgreSQL) 15.18 (Debian …)`, `mariadbd  Ver 10.11.14-MariaDB-… for …` or
/// `mysqld  Ver 9.7.0 for …`. A server that is not finished calls itself `18beta1`, or `19devel`.
fn version_in(text: &str) -> Option<String> {
    let (_, after) = text.split_once("PostgreSQL) ").or_else(|| text.split_once("Ver "))?;
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
    let version = after[..end].trim_end_matches('.');
    (!version.is_empty()).then(|| version.to_owned())
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_servers_say_of_themselves() {
        let versions = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", "15.18"),
            ("postgres (PostgreSQL) 19devel\n", "19"),
            (
                "mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)\n",
                "10.11.14",
            ),
            ("/usr/sbin/mysqld  Ver 9.7.0 for Linux on x86_64 (Debian)\n", "9.7.0"),
            ("mysqld  Ver 5.7.42 for linux-glibc2.12 on x86_64 (MySQL Community Server (GPL))\n", "5.7.42"),
        ];
        for (said, version) in versions {
            assert_eq!(version_in(said).as_deref(), Some(version), "{said}");
        }
        assert_eq!(version_in("command not found"), None);
    }

    #[test]
    fn a_version_is_meant_by_its_first_numbers() {
        let server = |version: &str| Installation {
            kind: ServerKind::MariaDb,
            version: version.to_owned(),
            folder: PathBuf::new(),
        };
        assert!(server("10.11.14").is_version("10.11"));
        assert!(server("10.11.14").is_version("10.11.14"));
        assert!(!server("10.11.14").is_version("10.1"));
        assert!(!server("17.1").is_version("1"));
    }

    #[test]
    fn a_folder_without_the_server_is_refused() {
        let error = Installation::listed("postgres-15:/nowhere").expect_err("there is none");
        assert_eq!(error.kind(), ServerErrorKind::Environment);
        assert!(error.to_string().contains("`postgres-15:/nowhere`"), "{error}");
    }
}
