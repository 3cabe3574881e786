//! Making and removing whole databases, for development.

use std::path::{Path, PathBuf};

use whimbrel::{Answers, DatabaseUrl, Driver, Error, ErrorKind, Message, Result, Scheme};

use super::{Address, Connection};

/// Makes the database. `false`: it is there already.
pub(crate) async fn create(address: &Address) -> Result<bool> {
    match address {
        Address::Sqlite(path) => {
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
            run(&mut db, &format!("CREATE DATABASE {quoted}{charset}"), "creating the database").await?;
            Ok(true)
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
            run(&mut db, &format!("DROP DATABASE {quoted}{how}"), "dropping the database").await?;
            Ok(true)
        }
    }
}

/// A connection to the server that is not one to the database itself.
async fn beside(url: &DatabaseUrl) -> Result<(Connection, &str)> {
    let name = url.database().filter(|name| !name.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::Configuration, "the URL names no database")
            .with_note("next", "put its name behind the host: …/NAME")
    })?;
    // Every server has one, and whoever may connect at all may connect to it.
    let other = if url.scheme() == Scheme::Postgres { "postgres" } else { "information_schema" };
    let address = Address::Server(url.clone().with_database(other));
    Ok((Connection::open(&address, false).await?, name))
}

async fn exists(db: &mut Connection, name: &str) -> Result<bool> {
    let name = (db.dialect().literal)(name);
    let sql = match db.dialect().name {
        "postgres" => format!("SELECT count(*) FROM pg_database WHERE datname = {name}"),
        _ => format!("SELECT count(*) FROM information_schema.schemata WHERE schema_name = {name}"),
    };
    let rows = db.query(&sql, &[]).await.map_err(|error| said("looking for the database", &error))?;
    Ok(rows.first().and_then(|row| row.read::<i64>(0).ok()).unwrap_or(0) > 0)
}

async fn run(db: &mut Connection, sql: &str, what: &str) -> Result<()> {
    let message = Message::new(sql, 1);
    db.execute(&[message], &mut Answers::new()).await.map_err(|error| said(what, &error))
}

fn said(what: &str, error: &whimbrel::DriverError) -> Error {
    let this = Error::new(ErrorKind::Database, format!("{what} failed: {}", error.message()));
    match error.hint() {
        Some(hint) => this.with_note("hint", hint),
        None => this,
    }
}

/// Removes a file of SQLite's, and those that SQLite keeps beside it.
fn remove_files(path: &Path) -> Result<bool> {
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
