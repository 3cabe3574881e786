//! Opens the connection that the rest is looked at through. Where there is none, finds out how far it goes: name, port, TLS,
//! login, database.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use whimbrel::{DatabaseUrl, Error, ErrorKind, HostAddress, Scheme};

use super::patient::{Patient, whence};
use super::{Check, Remedy, State};
use crate::context::Context;
use crate::database::init::InitScript;
use crate::database::{Address, Connection};
use crate::output::short;

/// Whether there is a connection.
pub(crate) enum Connected<'c> {
    Yes(Check, Box<Patient<'c>>),
    No {
        check: Check,
        /// There may be one later.
        is_temporary: bool,
    },
}

/// How long a port may take to answer, where the connection has failed.
const KNOCKING: Duration = Duration::from_secs(3);

/// Opens the connection, and prepares it as the verbs do.
async fn opened(context: &Context, address: &Address) -> whimbrel::Result<Connection> {
    let init = InitScript::of(&context.settings).map_err(|failure| *failure.error)?;
    let mut db = Connection::open_at_once(address).await?;
    if let Some(init) = &init {
        init.run(&mut db).await.map_err(|failure| *failure.error)?;
    }
    Ok(db)
}

pub(crate) async fn open<'c>(context: &'c Context, address: &Address) -> Connected<'c> {
    let began = Instant::now();
    match opened(context, address).await {
        Ok(db) => {
            let connecting = began.elapsed();
            let mut patient = Box::new(Patient { context, address: address.clone(), db });
            // The first question asks more than it says.
            let first = patient.text("SELECT 1").await;
            let began = Instant::now();
            let answer = match first {
                Ok(_) => patient.text("SELECT 1").await,
                silent => silent,
            };
            let check = match answer {
                Ok(_) => Check::ok(
                    "connection",
                    format!(
                        "{}, in {}; a round trip takes {}",
                        address.shown(),
                        short(connecting),
                        short(began.elapsed())
                    ),
                ),
                Err(silence) => Check::wrong(
                    "connection",
                    format!(
                        "{} took the connection, and answers no question: {}",
                        address.shown(),
                        silence.why
                    ),
                )
                .remedied(Remedy::change("look at the server's log")),
            };
            Connected::Yes(check, patient)
        }
        Err(error) => {
            let is_temporary = error.kind() == ErrorKind::Retry;
            let check = match address {
                Address::Sqlite(path) => no_file(context, path, &error),
                Address::Server(url) => no_server(context, url, &error).await,
            };
            Connected::No { check, is_temporary }
        }
    }
}

fn no_file(context: &Context, path: &std::path::Path, error: &Error) -> Check {
    if !path.exists() {
        return Check::new("connection")
            .and(State::Warning, error.to_string())
            .remedied(Remedy::command(context.command("create")));
    }
    Check::wrong("connection", error.to_string())
        .remedied(Remedy::change(format!("name a file of SQLite's in the stead of {}", whence(context))))
}

async fn no_server(context: &Context, url: &DatabaseUrl, error: &Error) -> Check {
    let mut check = Check::wrong("connection", error.to_string());
    let mut is_open = false;
    for host in url.hosts() {
        let default = if url.scheme() == Scheme::Postgres { 5432 } else { 3306 };
        let (way, found) = knock(&host.address, host.port.unwrap_or(default)).await;
        is_open |= way;
        check.add(State::Wrong, found);
    }
    let own = whence(context);
    if !is_open {
        check.remedy(Remedy::change(format!("start the server, or correct host and port in {own}")));
        return check;
    }
    let user = url.user().unwrap_or_default();
    let database = url.database().unwrap_or_default();
    let code = error.code().unwrap_or_default();
    for remedy in match url.scheme() {
        Scheme::Postgres => of_postgres(context, url, code, error, (user, database)),
        _ => of_mysql(context, url, code, (user, database)),
    } {
        check.remedy(remedy);
    }
    // The library's own words end where ours begin.
    if check.remedy.is_empty() {
        let said = error.notes().filter(|(name, _)| *name == "next").map(|(_, text)| text.to_owned());
        let said: Vec<String> = said.collect();
        for text in said {
            check.remedy(Remedy::change(text));
        }
    }
    if check.remedy.is_empty() {
        check.remedy(Remedy::change(format!("do what the message says; the URL is {own}")));
    }
    check
}

fn create(context: &Context, url: &DatabaseUrl) -> Remedy {
    let local = Address::Server(url.clone()).is_local();
    Remedy::command(context.command(if local { "create" } else { "create --remote" }))
}

fn of_postgres(
    context: &Context,
    url: &DatabaseUrl,
    code: &str,
    error: &Error,
    (user, database): (&str, &str),
) -> Vec<Remedy> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let (role, place) = (quoted(user), quoted(database));
    let said = error.to_string();
    match code {
        "3D000" => vec![create(context, url)],
        "42501" => vec![Remedy::sql(format!("GRANT CONNECT ON DATABASE {place} TO {role}"))],
        "28000" if said.contains("pg_hba.conf") => vec![
            Remedy::change(format!(
                "write into pg_hba.conf: host {database} {user} ADDRESS/32 scram-sha-256"
            ))
            .when("if the connection is to be allowed"),
            Remedy::sql("SELECT pg_reload_conf()"),
        ],
        "28000" if said.contains("not permitted to log in") => {
            vec![Remedy::sql(format!("ALTER ROLE {role} LOGIN"))]
        }
        "28000" => vec![Remedy::sql(format!("CREATE ROLE {role} LOGIN PASSWORD '…'"))],
        "28P01" => vec![
            Remedy::change(format!("put the right password into {}", whence(context))).when("if it is known"),
            Remedy::sql(format!("ALTER ROLE {role} PASSWORD '…'")).when("if it is not known"),
        ],
        "53300" if said.contains("for role") => {
            vec![Remedy::sql(format!("ALTER ROLE {role} CONNECTION LIMIT -1"))]
        }
        "53300" if said.contains("for database") => {
            vec![Remedy::sql(format!("ALTER DATABASE {place} CONNECTION LIMIT -1"))]
        }
        "53300" => vec![Remedy::sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle' AND pid <> pg_backend_pid() \
             AND state_change < now() - interval '10 minutes'",
        )],
        _ => Vec::new(),
    }
}

fn of_mysql(context: &Context, url: &DatabaseUrl, code: &str, (user, database): (&str, &str)) -> Vec<Remedy> {
    let account = format!("'{}'@'%'", user.replace('\\', "\\\\").replace('\'', "''"));
    let place = format!("`{}`", database.replace('`', "``"));
    match code {
        "1049" => vec![create(context, url)],
        "1044" => vec![Remedy::sql(format!("GRANT ALL ON {place}.* TO {account}"))],
        "1045" | "1698" => vec![
            Remedy::change(format!("put the right password into {}", whence(context))).when("if it is known"),
            Remedy::sql(format!("ALTER USER {account} IDENTIFIED BY '…'")).when("if it is not known"),
            Remedy::sql(format!("CREATE USER {account} IDENTIFIED BY '…'")).when("if there is no such user"),
        ],
        "1040" | "1203" | "1226" => vec![Remedy::sql("SHOW PROCESSLIST").when("to find what to KILL")],
        "3118" | "4151" => vec![Remedy::sql(format!("ALTER USER {account} ACCOUNT UNLOCK"))],
        "1820" | "1862" => vec![Remedy::sql(format!("ALTER USER {account} IDENTIFIED BY '…'"))],
        _ => Vec::new(),
    }
}

/// How far one gets without speaking to the server. `true`: somebody listens.
async fn knock(address: &HostAddress, port: u16) -> (bool, String) {
    let host = match address {
        HostAddress::Socket(path) => {
            return match std::fs::metadata(path) {
                Ok(_) => (true, format!("{} is there", path.display())),
                Err(error) => (false, format!("{}: {error}", path.display())),
            };
        }
        HostAddress::Ip(address) => address.to_string(),
        HostAddress::Name(name) => name.clone(),
    };
    let shown = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let knocked = tokio::task::spawn_blocking(move || {
        let addresses =
            (host.as_str(), port).to_socket_addrs().map_err(|_| "the name does not resolve".to_owned())?;
        let mut why = "the name has no address".to_owned();
        for address in addresses {
            match TcpStream::connect_timeout(&address, KNOCKING) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    why = "nothing listens on the port".to_owned();
                }
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    why = format!("the port does not answer within {KNOCKING:?}");
                }
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    });
    match knocked.await {
        Ok(Ok(())) => (true, format!("{shown}: the port is open")),
        Ok(Err(why)) => (false, format!("{shown}: {why}")),
        Err(_) => (true, format!("{shown}: not looked at")),
    }
}
