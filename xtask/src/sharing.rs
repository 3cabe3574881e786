//! Whether the SQLite driver can stand beside other SQLite libraries: cargo admits one package that links
//! `sqlite3`, so all of them must agree on one version of `libsqlite3-sys`.

use std::fs;

use crate::ci::Done;
use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::{packages, scratch};

/// The libraries that programs have beside it.
const NEIGHBOURS: &str = r#"sqlx = { version = "0.9", default-features = false, features = ["sqlite", "runtime-tokio"] }
diesel = { version = "2.3", default-features = false, features = ["sqlite"] }
sea-orm = { version = "2", default-features = false, features = ["sqlx-sqlite"] }
"#;

/// Resolves a program with the driver and all of these; nothing is built.
pub(crate) fn check() -> Result<Done> {
    let dependencies = scratch::own("whimbrel-sqlite") + NEIGHBOURS;
    let program = scratch::program("sharing", &dependencies, None)?;
    Command::cargo("generate-lockfile").within(&program).run()?;
    let path = program.join("Cargo.lock");
    let lock = packages::in_lock(&fs::read_to_string(&path).map_err(Failure::at(&path))?);
    let (rusqlite, sqlite) =
        (packages::versions(&lock, "rusqlite"), packages::versions(&lock, "libsqlite3-sys"));
    match (&rusqlite[..], &sqlite[..]) {
        ([rusqlite], [sqlite]) => Ok(Done::noting(format!("rusqlite {rusqlite} on libsqlite3-sys {sqlite}"))),
        _ => Err(Failure::new(format!(
            "one rusqlite and one libsqlite3-sys were expected in a lock file with sqlx, diesel and sea-orm, \
             not {rusqlite:?} and {sqlite:?}"
        ))),
    }
}
