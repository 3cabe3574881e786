//! The examples of backups, on real servers: a dump restores to what there was before, and a dump that fails lets nothing
//! be applied.

#[path = "../../examples/backup/mariadb_dump.rs"]
mod mariadb_dump;
#[path = "../../examples/backup/pg_dump.rs"]
mod pg_dump;
#[path = "../../examples/backup/private_file.rs"]
mod private_file;
#[path = "../../examples/backup/tool.rs"]
mod tool;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use whimbrel::{Backup, DatabaseUrl, Memory, Migrator, Outcome};
use whimbrel_testkit::{Installation, Schema, Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, Either};

use self::mariadb_dump::MariaDbDump;
use self::pg_dump::PgDump;

/// Everything that one of the files that hold it could stumble over.
const PASSWORD: &str = r#"K:9 \"q'#;=%$&xZ"#;

/// A database with data, a user who may dump it, and a folder for dumps.
struct Bench {
    database: Database,
    admin: Either,
    url: DatabaseUrl,
    folder: tempfile::TempDir,
}

fn before() -> Memory {
    Memory::new()
        .with_sql(1, "people", "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);")
        .with_sql(2, "rows", "INSERT INTO people VALUES (1, 'Ada'), (2, 'Bo \"the\" ''Bird'' \u{1f426}');")
        .with_sql(
            3,
            "by_name",
            "CREATE INDEX by_name ON people (name);\nCREATE VIEW names AS SELECT name FROM people;",
        )
}

fn damage() -> Memory {
    before().with_sql(4, "damage", "DELETE FROM people WHERE id = 1;\nDROP VIEW names;").with_sql(
        5,
        "more",
        "CREATE TABLE more (n INTEGER);",
    )
}

/// Migrates with a backup, and tries again at once what has failed.
fn damaging<'m>(backup: impl Backup + 'm) -> Migrator<'m> {
    Migrator::new(damage()).with_backup(backup).with_failure_pause(std::time::Duration::ZERO)
}

impl Bench {
    async fn new(kind: ServerKind) -> Self {
        let options = match kind {
            ServerKind::Postgres => ServerOptions::new(kind)
                .with_version(postgres().version())
                .with_access("host all postgres 127.0.0.1/32 trust")
                .with_access("host all all 127.0.0.1/32 scram-sha-256"),
            _ => ServerOptions::new(kind),
        };
        let server = Server::start(&options).expect("a server");
        let database = Database::on(&server).await;
        let mut admin = database.open().await;
        let quoted = PASSWORD.replace('\'', "''");
        let name = &database.name;
        let statements = match kind {
            ServerKind::Postgres => vec![
                format!("CREATE ROLE keeper LOGIN PASSWORD '{quoted}'"),
                format!("ALTER DATABASE {name} OWNER TO keeper"),
            ],
            _ => vec![
                format!("CREATE USER keeper IDENTIFIED BY '{}'", quoted.replace('\\', "\\\\")),
                format!("GRANT ALL ON {name}.* TO keeper"),
                format!("ALTER DATABASE {name} CHARACTER SET utf8mb4"),
            ],
        };
        for sql in statements {
            admin.run(&sql).await;
        }
        let scheme = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
        let url: DatabaseUrl =
            format!("{scheme}://keeper@127.0.0.1:{}/{name}", server.port()).parse().expect("a URL");
        let url = url.with_password(whimbrel::Secret::new(PASSWORD));
        let admin = Database::connect(&url).await;
        Self { database, admin, url, folder: tempfile::tempdir().expect("a folder") }
    }

    /// The files in the folder, which nobody else may read.
    fn files(&self) -> Vec<PathBuf> {
        let files: Vec<_> = fs::read_dir(self.folder.path()).expect("a folder").flatten().collect();
        for file in &files {
            assert_eq!(file.metadata().expect("it is there").permissions().mode() & 0o077, 0, "{file:?}");
        }
        files.into_iter().map(|file| file.path()).collect()
    }

    /// Schema, rows and what the history has applied.
    async fn picture(db: &mut Either) -> (Schema, Vec<String>) {
        let schema = Schema::read(db).await.expect("a schema");
        let mut rows = Vec::new();
        for sql in [
            "SELECT id, name FROM people ORDER BY id",
            "SELECT seq, event, version, hash FROM whimbrel_history ORDER BY set_name, seq",
        ] {
            rows.push(db.lines(sql).await);
        }
        (schema, rows)
    }

    /// Migrates with a backup, restores it elsewhere, and compares.
    async fn restored(mut self, backup: impl Backup, restore: impl Fn(&Path, &Database)) {
        Migrator::new(before()).run(&mut self.admin).await.unwrap_or_else(|error| panic!("{error:#}"));
        let expected = Self::picture(&mut self.admin).await;
        let report = damaging(backup).run(&mut self.admin).await;
        let report = report.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(report.outcome, Outcome::Applied);
        assert_eq!(self.admin.number("SELECT count(*) FROM people").await, 1);
        // The file with the password is gone, and the dump is there.
        let files = self.files();
        let [dump] = files.as_slice() else { panic!("{files:?}") };
        let receipt = self.admin.lines("SELECT detail FROM whimbrel_history WHERE event = 'backup'").await;
        let name = dump.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(receipt.contains(&name) && receipt.contains("bytes="), "{receipt}");
        assert!(!receipt.contains(PASSWORD));
        let elsewhere = Database::on(&self.database.server).await;
        restore(dump, &elsewhere);
        let mut db = elsewhere.open().await;
        assert_eq!(Self::picture(&mut db).await, expected);
        // The restored database goes on like any other.
        Migrator::new(damage()).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(db.number("SELECT count(*) FROM people").await, 1);
    }

    /// A backup that fails: nothing is applied, nothing is left, and nothing of the password is said.
    async fn refused(&mut self, backup: impl Backup, what: &str) {
        let rows = self.admin.number("SELECT count(*) FROM whimbrel_history WHERE event = 'applied'").await;
        let error = damaging(backup).run(&mut self.admin).await.expect_err(what);
        let mut text = format!("{error:#} {error:?}");
        let mut next = std::error::Error::source(&error);
        while let Some(source) = next {
            text.push_str(&format!(" {source} {source:?}"));
            next = source.source();
        }
        assert!(!text.contains(PASSWORD), "{what}: {text}");
        assert_eq!(self.admin.number("SELECT count(*) FROM people").await, 2, "{what}");
        let after = self.admin.number("SELECT count(*) FROM whimbrel_history WHERE event = 'applied'").await;
        assert_eq!(after, rows, "{what}");
        assert_eq!(self.files(), Vec::<PathBuf>::new(), "{what}");
    }
}

/// A program that does something else than it should.
fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    path
}

/// Notes what others can see of it: its arguments, and for the same user its variables.
const LOOKS: &str = "{ tr '\\0' ' ' < /proc/$$/cmdline; env; } > \"${0%/*}/seen\"; exit 1";

fn shows_no_password(folder: &Path, word: &str) {
    let seen = fs::read_to_string(folder.join("seen")).expect("it was run");
    assert!(seen.contains(word) && !seen.contains(PASSWORD), "{seen}");
}

/// Whether a program is there and starts.
fn starts(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

/// An installation of PostgreSQL with its clients: some have the server alone.
fn postgres() -> &'static Installation {
    let all = Installation::all().expect("servers");
    let mut of_kind = all.iter().filter(|installation| installation.kind() == ServerKind::Postgres);
    of_kind
        .find(|installation| starts(&installation.folder().join("pg_dump")))
        .expect("a PostgreSQL with pg_dump")
}

fn postgres_programs() -> PathBuf {
    postgres().folder().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_16_what_pg_dump_has_kept_restores_to_what_there_was() {
    let bench = Bench::new(ServerKind::Postgres).await;
    let backup = PgDump::new(postgres_programs(), bench.url.clone(), bench.folder.path());
    bench
        .restored(backup, |dump, elsewhere| {
            let status = Command::new(postgres_programs().join("pg_restore"))
                .args(["--no-owner", "--exit-on-error", "--dbname"])
                .arg(elsewhere.server.url(&elsewhere.name))
                .arg(dump)
                .status();
            assert!(status.expect("it starts").success());
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_16_a_pg_dump_that_fails_lets_nothing_be_applied() {
    let mut bench = Bench::new(ServerKind::Postgres).await;
    Migrator::new(before()).run(&mut bench.admin).await.expect("an empty database");
    let fakes = tempfile::tempdir().expect("a folder");
    let folder = bench.folder.path().to_owned();
    let with = |programs: &Path, url: &DatabaseUrl| PgDump::new(programs, url.clone(), &folder);
    let real = postgres_programs();
    let url = bench.url.clone();
    bench.refused(with(Path::new("/nowhere"), &url), "no program").await;
    let wrong = url.clone().with_password(whimbrel::Secret::new("other"));
    bench.refused(with(&real, &wrong), "a wrong password").await;
    bench.refused(with(&real, &url.clone().with_database("there_is_none")), "no database").await;
    // It says that all is well, and has written half of it, or nothing.
    let restore = format!("exec {} \"$@\"", real.join("pg_restore").display());
    program(fakes.path(), "pg_restore", &restore);
    program(fakes.path(), "pg_dump", "exit 0");
    bench.refused(with(fakes.path(), &url), "an empty dump").await;
    let half = format!(
        "{} \"$@\" || exit 1\nfor file; do :; done\ntruncate -s -100 \"$file\"",
        real.join("pg_dump").display()
    );
    program(fakes.path(), "pg_dump", &half);
    bench.refused(with(fakes.path(), &url), "half a dump").await;
    program(fakes.path(), "pg_dump", "cat \"$PGPASSFILE\" >&2; exit 1");
    bench.refused(with(fakes.path(), &url), "a program that tells the password").await;
    // Whoever looks at the processes sees no password.
    program(fakes.path(), "pg_dump", LOOKS);
    bench.refused(with(fakes.path(), &url), "arguments and variables").await;
    shows_no_password(fakes.path(), "PGPASSFILE");
}

/// One of MariaDB's clients: beside the server, or where the system has them.
fn mariadb_program(name: &str) -> PathBuf {
    let beside = Installation::find(ServerKind::MariaDb, None).expect("MariaDB").folder().to_owned();
    let folders = [beside.join("../bin"), beside, PathBuf::from("/usr/bin")];
    folders.iter().map(|folder| folder.join(name)).find(|path| starts(path)).expect("MariaDB's clients")
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_16_what_mariadb_dump_has_kept_restores_to_what_there_was() {
    let bench = Bench::new(ServerKind::MariaDb).await;
    let backup = MariaDbDump::new(mariadb_program("mariadb-dump"), bench.url.clone(), bench.folder.path());
    bench
        .restored(backup, |dump, elsewhere| {
            let server = &elsewhere.server;
            let status = Command::new(mariadb_program("mariadb"))
                .arg("--no-defaults")
                .args(["--protocol=tcp", "--host=127.0.0.1", "--skip-ssl"])
                .args([format!("--port={}", server.port()), format!("--user={}", server.user())])
                .arg(&elsewhere.name)
                .stdin(Stdio::from(fs::File::open(dump).expect("a dump")))
                .status();
            assert!(status.expect("it starts").success());
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_16_a_mariadb_dump_that_fails_lets_nothing_be_applied() {
    let mut bench = Bench::new(ServerKind::MariaDb).await;
    Migrator::new(before()).run(&mut bench.admin).await.expect("an empty database");
    let fakes = tempfile::tempdir().expect("a folder");
    let folder = bench.folder.path().to_owned();
    let with = |program: &Path, url: &DatabaseUrl| MariaDbDump::new(program, url.clone(), &folder);
    let real = mariadb_program("mariadb-dump");
    let url = bench.url.clone();
    bench.refused(with(Path::new("/nowhere/mariadb-dump"), &url), "no program").await;
    let wrong = url.clone().with_password(whimbrel::Secret::new("other"));
    bench.refused(with(&real, &wrong), "a wrong password").await;
    bench.refused(with(&real, &url.clone().with_database("there_is_none")), "no database").await;
    let silent = program(fakes.path(), "silent", "exit 0");
    bench.refused(with(&silent, &url), "an empty dump").await;
    let half = format!(
        "{} \"$@\" || exit 1\nfor option; do case \"$option\" in --result-file=*) truncate -s -100 \"${{option#*=}}\";; esac; done",
        real.display()
    );
    let half = program(fakes.path(), "half", &half);
    bench.refused(with(&half, &url), "half a dump").await;
    let tells = program(fakes.path(), "tells", "cat \"${1#*=}\" >&2; exit 1");
    bench.refused(with(&tells, &url), "a program that tells the password").await;
    let looks = program(fakes.path(), "looks", LOOKS);
    bench.refused(with(&looks, &url), "arguments and variables").await;
    shows_no_password(fakes.path(), "--defaults-file");
}
