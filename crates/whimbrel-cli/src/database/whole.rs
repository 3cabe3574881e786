//! Making and removing whole databases, for development.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use whimbrel::{Answers, DatabaseUrl, Driver, Error, ErrorKind, Message, Result, Scheme};

use super::{Address, Connection};

/// Makes the database. `false`: it is there already.
pub(crate) async fn create(address: &Address) -> Result<bool> {
    match address {
        Address::Sqlite(path) => {
            check_file(path)?;
            if path.exists() {
                return Ok(false);
            }
            Connection::open(address, true).await.map(|_| true)
        }
        Address::Server(url) => {
            let (mut db, name) = beside(url).await?;
            if exists(&mut db, name).await? {
                return Ok(false);
            }
            let quoted = (db.dialect().identifier)(name);
            let charset = if url.scheme() == Scheme::Postgres { "" } else { " CHARACTER SET utf8mb4" };
            // Somebody may be quicker, and a user may not see what is there.
            run(
                &mut db,
                &format!("CREATE DATABASE {quoted}{charset}"),
                "creating the database",
                &["42P04", "1007"],
            )
            .await
        }
    }
}

/// Refuses what is no database of the application's: one that the server itself needs, a name that the server would take
/// for another one, and what is no file of SQLite's.
pub(crate) fn check(address: &Address) -> Result<()> {
    match address {
        Address::Sqlite(path) => check_file(path),
        Address::Server(url) => name(url).map(drop),
    }
}

/// Refuses to remove what could not be made anew.
pub(crate) async fn check_can_create(address: &Address) -> Result<()> {
    let Address::Server(url) = address else { return Ok(()) };
    if url.scheme() != Scheme::Postgres {
        // Rights on a database outlive it there.
        return Ok(());
    }
    let (mut db, _) = beside(url).await?;
    let sql = "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND (rolcreatedb OR rolsuper)";
    let rows = db.query(sql, &[]).await.map_err(|error| said("looking at the role", &error))?;
    if rows.first().and_then(|row| row.read::<i64>(0).ok()) == Some(0) {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the role could remove the database, and not make it anew: it has no CREATEDB",
        )
        .with_note("next", "as a superuser: ALTER ROLE … CREATEDB"));
    }
    Ok(())
}

/// Whether there is such a database. Asks beside it, so also where it lets nobody in.
pub(crate) async fn is_there(address: &Address) -> Result<bool> {
    match address {
        Address::Sqlite(path) => Ok(path.exists()),
        Address::Server(url) => {
            let (mut db, name) = beside(url).await?;
            exists(&mut db, name).await
        }
    }
}

/// Removes the database, with everything in it. `false`: there is none.
pub(crate) async fn remove(address: &Address, force: bool) -> Result<bool> {
    match address {
        Address::Sqlite(path) => remove_files(path),
        Address::Server(url) => {
            let (mut db, name) = beside(url).await?;
            if !exists(&mut db, name).await? {
                return Ok(false);
            }
            let quoted = (db.dialect().identifier)(name);
            let how = if force && url.scheme() == Scheme::Postgres { " WITH (FORCE)" } else { "" };
            run(&mut db, &format!("DROP DATABASE {quoted}{how}"), "dropping the database", &["3D000", "1008"])
                .await
        }
    }
}

/// A connection to the server that is not one to the database itself.
async fn beside(url: &DatabaseUrl) -> Result<(Connection, &str)> {
    let name = name(url)?;
    // Every server has one, and whoever may connect at all may connect to it.
    let other = if url.scheme() == Scheme::Postgres { "postgres" } else { "information_schema" };
    let address = |other| Address::Server(url.clone().with_database(other));
    match Connection::open(&address(other), false).await {
        // It can be dropped as any other.
        Err(error) if error.code() == Some("3D000") => {
            Ok((Connection::open(&address("template1"), false).await?, name))
        }
        connected => Ok((connected?, name)),
    }
}

/// The longest name; PostgreSQL cuts longer ones, and means another database.
const LONGEST: usize = 63;

/// The database's name, if it is one to be made and removed.
fn name(url: &DatabaseUrl) -> Result<&str> {
    let refused = |headline: String, next: &str| {
        Err(Error::new(ErrorKind::Configuration, headline).with_note("next", next))
    };
    let Some(name) = url.database().filter(|name| !name.is_empty()) else {
        return refused("the URL names no database".to_owned(), "put its name behind the host: …/NAME");
    };
    let of_server: &[&str] = match url.scheme() {
        Scheme::Postgres => &["postgres", "template0", "template1"],
        _ => &["mysql", "sys", "information_schema", "performance_schema"],
    };
    // Some servers take letters of either size for the same.
    if of_server.iter().any(|other| name.eq_ignore_ascii_case(other)) {
        return refused(
            format!("{name} is the server's own database"),
            "name one of the application's in the URL",
        );
    }
    if name.len() > LONGEST || name.chars().any(char::is_control) {
        return refused(
            "the database's name is longer than 63 bytes, or holds what no name should".to_owned(),
            "name it otherwise",
        );
    }
    Ok(name)
}

async fn exists(db: &mut Connection, name: &str) -> Result<bool> {
    let literal = (db.dialect().literal)(name);
    let sql = match db.dialect().name {
        "postgres" => format!("SELECT datname::text, 0 FROM pg_database WHERE datname = {literal}"),
        _ => format!(
            "SELECT schema_name, @@lower_case_table_names FROM information_schema.schemata WHERE schema_name = {literal}"
        ),
    };
    let rows = db.query(&sql, &[]).await.map_err(|error| said("looking for the database", &error))?;
    // What is compared without regard for large and small letters may be another one.
    let is_it = |row: &whimbrel::Row| {
        row.read::<String>(0).is_ok_and(|found| found == name) || row.read::<i64>(1).is_ok_and(|it| it != 0)
    };
    Ok(rows.iter().any(is_it))
}

/// Runs a statement. `false`: it failed with a code that says that there was nothing to do.
async fn run(db: &mut Connection, sql: &str, what: &str, nothing_to_do: &[&str]) -> Result<bool> {
    let message = Message::new(sql, 1);
    match db.execute(&[message], &mut Answers::new()).await {
        Ok(()) => Ok(true),
        Err(error) if error.code().is_some_and(|code| nothing_to_do.contains(&code)) => Ok(false),
        Err(error) => Err(said(what, &error)),
    }
}

fn said(what: &str, error: &whimbrel::DriverError) -> Error {
    let this = Error::new(ErrorKind::Database, format!("{what} failed: {}", error.message()));
    // PostgreSQL: others are connected to it.
    if error.code() == Some("55006") {
        return this.with_note("next", "end their connections, or have them ended: `--force`");
    }
    match error.hint() {
        Some(hint) => this.with_note("hint", hint),
        None => this,
    }
}

/// What a file of SQLite's begins with (sqlite.org/fileformat.html).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Refuses what is no file of SQLite's, and what is one elsewhere.
fn check_file(path: &Path) -> Result<()> {
    let refused = |what: &str, next: &str| {
        Err(Error::new(ErrorKind::Configuration, format!("{} {what}", path.display()))
            .with_note("next", next))
    };
    if path.as_os_str() == ":memory:" {
        return refused("ends with each command, so that nothing can be made or removed", "name a file");
    }
    // SQLite would read it as a URI, and open another file.
    if path.to_string_lossy().starts_with("file:") {
        return refused("is a URI", "name the file by its path");
    }
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if metadata.is_symlink() {
        return refused("is a link", "name the file itself");
    }
    if !metadata.is_file() {
        return refused("is no file", "name a file of SQLite's");
    }
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
    match read {
        // One that nothing was written to yet is empty.
        Ok(_) if head.is_empty() || head == MAGIC => Ok(()),
        Ok(_) => refused("is no file of SQLite's", "name one; if this is to go, remove it by hand"),
        Err(error) => refused(&format!("cannot be read: {error}"), "give the right to, or name another file"),
    }
}

/// Removes a file of SQLite's, and those that SQLite keeps beside it.
fn remove_files(path: &Path) -> Result<bool> {
    check_file(path)?;
    if !path.exists() {
        return Ok(false);
    }
    // The file itself goes first: without it the others mean nothing, and with it they may be needed.
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let file = PathBuf::from(name);
        match std::fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!("{} cannot be removed: {error}", file.display()),
                ));
            }
        }
    }
    Ok(true)
}
