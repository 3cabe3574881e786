//! Migrates a database on a server, with a dump of it before anything is applied.
//!
//! `cargo run --example backup --features postgres,mysql -- FOLDER`: the URL comes from the variable `DATABASE_URL`, the
//! dump goes into the folder. `pg_dump.rs` and `mariadb_dump.rs` are the parts to copy; `tests/tests/backups.rs` restores
//! what they have made, and compares.

mod mariadb_dump;
mod pg_dump;
mod private_file;
mod tool;

use whimbrel::{DatabaseUrl, Memory, Migrator, Scheme};
use whimbrel_mysql::MySql;
use whimbrel_postgres::Postgres;

use self::mariadb_dump::MariaDbDump;
use self::pg_dump::PgDump;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: backup FOLDER")?;
    let url = DatabaseUrl::from_env("DATABASE_URL")?;
    // An application has its own here, `embed!("migrations")`.
    let migrations = Memory::new().with_sql(1, "guests", "CREATE TABLE guests (name VARCHAR(80));");
    let migrator = Migrator::new(migrations);
    let report = match url.scheme() {
        Scheme::Postgres => {
            // The programs are looked for in the folders of PATH.
            let backup = PgDump::new("", url.clone(), folder);
            migrator.with_backup(backup).run(&mut Postgres::connect(&url).await?).await?
        }
        _ => {
            let backup = MariaDbDump::new("mariadb-dump", url.clone(), folder);
            migrator.with_backup(backup).run(&mut MySql::connect(&url).await?).await?
        }
    };
    println!("{report}");
    Ok(())
}
