//! A large script on a server, beside the client that comes with it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::runtime::Runtime;
use whimbrel::{DatabaseUrl, Directory, Driver, Migrator};
use whimbrel_mysql::MySql;
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{Durability, Installation, Server, ServerKind, ServerOptions};

use crate::contest::verdict;
use crate::large::{CHILD, Script, Wanted};
use crate::process::{Measured, measure};

/// Applies the migrations of a directory to a database.
pub(crate) fn child(runtime: &Runtime, folder: &str, url: &str) {
    let report = runtime.block_on(async {
        let migrator = Migrator::new(Directory::new(folder).unlocked());
        if url.starts_with("postgres") {
            migrator.run(&mut postgres(url).await).await
        } else {
            migrator.run(&mut mysql(url).await).await
        }
    });
    assert_eq!(report.expect("nothing stands in the way").migrations.len(), 2, "a table, and the script");
}

async fn postgres(url: &str) -> Postgres {
    Postgres::connect(&DatabaseUrl::parse(url).expect("a URL")).await.expect("a connection")
}

async fn mysql(url: &str) -> MySql {
    MySql::connect(&DatabaseUrl::parse(url).expect("a URL")).await.expect("a connection")
}

/// The server's own client, of its version if that lies beside it.
fn program(kind: ServerKind) -> (&'static str, PathBuf) {
    let name = match kind {
        ServerKind::Postgres => "psql",
        ServerKind::MariaDb => "mariadb",
        _ => "mysql",
    };
    let folder = Installation::find(kind, None).expect("a server").folder();
    let beside = [folder.join(name), folder.join("../bin").join(name)];
    (name, beside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into()))
}

fn client(program: &PathBuf, server: &Server, database: &str, script: &Script) -> Command {
    let mut client = Command::new(program);
    if server.kind() == ServerKind::Postgres {
        client.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"]).arg(server.url(database));
        client.arg("-f").arg(&script.whole);
    } else {
        client.args(["--no-defaults", "--protocol=tcp", "--host", server.host(), "--user", server.user()]);
        client.arg(format!("--port={}", server.port())).arg(database);
        client.stdin(File::open(&script.whole).expect("a script"));
    }
    client.stdout(Stdio::null());
    client
}

/// Runs one statement, and answers the number that a query answers.
fn ask(runtime: &Runtime, server: &Server, database: &str, sql: &str) -> Option<i64> {
    let url = server.url(database);
    let rows = runtime.block_on(async {
        if server.kind() == ServerKind::Postgres {
            postgres(&url).await.query(sql, &[]).await
        } else {
            mysql(&url).await.query(sql, &[]).await
        }
    });
    rows.expect("it works").first().and_then(|row| row.read(0).ok())
}

pub(crate) fn large_script(runtime: &Runtime, kind: ServerKind, wanted: &Wanted) -> bool {
    let options = ServerOptions::new(kind).with_durability(Durability::Nothing);
    let server = match Server::start(&options) {
        Ok(server) => server,
        Err(error) => {
            println!("{kind}: {error}");
            return false;
        }
    };
    let Some(pid) = server.pid() else { return verdict("the server was started here", false) };
    println!("{kind} {}", server.version().unwrap_or_default());
    let folder = tempfile::TempDir::new().expect("a folder");
    let script = Script::write(folder.path(), wanted.megabytes, "START TRANSACTION");
    let (name, theirs) = program(kind);
    let own = std::env::current_exe().expect("this program");
    let admin = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
    let run = |command: &dyn Fn(&str) -> Command| -> Measured {
        let database = Server::unique_name();
        ask(runtime, &server, admin, &format!("CREATE DATABASE {database}"));
        let measured = measure(&mut command(&database), Some(pid));
        let rows = ask(runtime, &server, &database, "SELECT count(*) FROM big");
        assert_eq!(rows, i64::try_from(script.rows).ok(), "rows were lost");
        ask(runtime, &server, admin, &format!("DROP DATABASE {database}"));
        measured
    };
    script.contest(
        wanted.rounds.min(3),
        name,
        &mut || run(&|database| client(&theirs, &server, database, &script)),
        &mut || {
            run(&|database| {
                let mut command = Command::new(&own);
                command.arg(CHILD).arg(&script.migrations).arg(server.url(database));
                command
            })
        },
    )
}
