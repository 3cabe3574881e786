//! A stage for the command: a folder of its own, an environment with nothing in it but what is needed, and a database that
//! nobody has made yet.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod page;
pub(crate) mod redact;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use whimbrel_testkit::{Installation, Server, ServerKind};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MariaDb,
    MySql,
    Sqlite,
}

impl Kind {
    /// Those that can be had here; PostgreSQL, MariaDB and SQLite have to be there.
    pub(crate) fn all() -> Vec<Self> {
        let mut kinds = vec![Self::Sqlite, Self::Postgres, Self::MariaDb];
        let named = std::env::var_os(ServerKind::MySql.variable()).is_some();
        if named || Installation::find(ServerKind::MySql, None).is_ok() {
            kinds.push(Self::MySql);
        } else {
            eprintln!("there is no MySQL here: not tested on it");
        }
        kinds
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }

    fn server(self) -> Option<&'static Server> {
        let kind = match self {
            Self::Postgres => ServerKind::Postgres,
            Self::MariaDb => ServerKind::MariaDb,
            Self::MySql => ServerKind::MySql,
            Self::Sqlite => return None,
        };
        Some(Server::shared(kind).expect("a server"))
    }
}

/// The stage.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
    pub(crate) kind: Kind,
    /// What stands for changing parts in what is compared.
    pub(crate) stand_ins: Vec<(String, &'static str)>,
    names: Vec<(&'static str, String)>,
}

/// What a command has said, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The last line of standard output, as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

impl Stage {
    pub(crate) fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut variables = BTreeMap::new();
        let mut stand_ins = vec![(folder.path().display().to_string(), "/home/ann/shop")];
        let binaries =
            Path::new(env!("CARGO_BIN_EXE_whimbrel")).parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        variables.insert("PATH".to_owned(), format!("{binaries}:{path}"));
        variables.insert("HOME".to_owned(), folder.path().display().to_string());
        variables.insert("LC_ALL".to_owned(), "C.UTF-8".to_owned());
        // Commits in pages have an author.
        for name in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"] {
            variables.insert(name.to_owned(), "Ann".to_owned());
        }
        for name in ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            variables.insert(name.to_owned(), "ann@example.com".to_owned());
        }
        let url = match kind.server() {
            None => "sqlite:shop.db".to_owned(),
            Some(server) => {
                let name = Server::unique_name();
                let url = server.url(&name);
                stand_ins.push((name, "shop"));
                stand_ins.push((
                    format!("{}@{}:{}", server.user(), server.host(), server.port()),
                    "app@localhost",
                ));
                stand_ins.push((format!("{}:{}", server.host(), server.port()), "localhost"));
                stand_ins.push((format!("{}@", server.user()), "app@"));
                if let Some(installation) = installation(server) {
                    let path = format!("{}:{}", variables["PATH"], installation.folder().display());
                    variables.insert("PATH".to_owned(), path);
                }
                url
            }
        };
        variables.insert("DATABASE_URL".to_owned(), url);
        Self { folder, variables, kind, stand_ins, names: Vec::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    pub(crate) fn without_variable(&mut self, name: &str) {
        self.variables.remove(name);
    }

    pub(crate) fn url(&self) -> &str {
        &self.variables["DATABASE_URL"]
    }

    /// Writes a file, with the folders that it is in.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// The command, in this folder and environment.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env_clear().envs(&self.variables).stdin(Stdio::null());
        command
    }

    /// Runs `whimbrel` with these arguments, split at blanks.
    pub(crate) fn whimbrel(&self, arguments: &str) -> Said {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.whimbrel_with(&arguments)
    }

    pub(crate) fn whimbrel_with(&self, arguments: &[&str]) -> Said {
        let output = self.command(env!("CARGO_BIN_EXE_whimbrel")).args(arguments).output().expect("whimbrel");
        Said::of(output)
    }

    /// Runs it, and expects it to end well.
    pub(crate) fn done(&self, arguments: &str) -> Said {
        let said = self.whimbrel(arguments);
        assert_eq!(said.code, 0, "whimbrel {arguments}: {said:#?}");
        said
    }

    /// Runs a line in the shell, both outputs in one, as a terminal shows them.
    pub(crate) fn shell(&self, line: &str) -> Said {
        let mut command = self.command("bash");
        Said::of(command.arg("-c").arg(format!("exec 2>&1; {line}")).output().expect("a shell"))
    }

    /// A migration as a person makes one, locked.
    pub(crate) fn migration(&self, version: i64, name: &str, sql: &str) -> PathBuf {
        let file = format!("migrations/{version:04}_{name}.sql");
        self.write(&file, sql);
        self.path().join(file)
    }

    /// A name that a page uses for something that is not in the database alone, such as a role: it is another one in each run.
    pub(crate) fn name(&mut self, shown: &'static str) {
        self.names.push((shown, Server::unique_name()));
        let real = self.names.last().expect("just added").1.clone();
        self.stand_ins.push((real, shown));
    }

    /// What is typed, with the names of this run.
    pub(crate) fn meant(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (shown, real)| text.replace(shown, real))
    }

    /// The URL of another user, who needs no password.
    pub(crate) fn url_of(&self, user: &str) -> String {
        let (scheme, rest) = self.url().split_once("://").expect("a URL");
        let (_, address) = rest.split_once('@').expect("a user");
        format!("{scheme}://{}@{address}", self.meant(user))
    }

    /// The same text without what changes from run to run.
    pub(crate) fn redacted(&self, text: &str) -> String {
        redact::redact(text, &self.stand_ins)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.kind != Kind::Sqlite {
            // It goes with the server, if not now.
            let _ = self.whimbrel("drop --yes --any-environment --remote --force --url env:DATABASE_URL");
        }
    }
}

/// The programs of the server that were started, among them its clients.
fn installation(server: &Server) -> Option<&'static Installation> {
    Installation::find(server.kind(), server.version()).ok()
}
