//! The same bookshop on a database server: the one that `DATABASE_URL` names, or else a throw-away one that this
//! program starts, boots on twice, and ends with itself.

use std::error::Error;

use whimbrel::{DatabaseUrl, Driver, StepFuture, StepTransaction};
#[cfg(feature = "mysql")]
use whimbrel_mysql::MySql;
#[cfg(feature = "postgres")]
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{Server, ServerKind, ServerOptions};

use crate::{isbn, migrator};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn boot(database: &str) -> Result<(), Box<dyn Error>> {
    let kind = ServerKind::ALL.into_iter().find(|kind| kind.name() == database);
    let kind = kind.ok_or("usage: quickstart --database postgres|mariadb|mysql")?;
    if std::env::var_os("DATABASE_URL").is_some() {
        return open_shop(kind, &DatabaseUrl::from_env("DATABASE_URL")?).await;
    }
    let server = Server::start(&ServerOptions::new(kind))?;
    create_database(kind, &server).await?;
    let url = DatabaseUrl::parse(&server.url("bookshop"))?;
    println!("{kind} {}, a throw-away server", server.version().unwrap_or_default());
    open_shop(kind, &url).await?;
    println!("\nand once more:");
    open_shop(kind, &url).await
}

async fn open_shop(kind: ServerKind, url: &DatabaseUrl) -> Result<(), Box<dyn Error>> {
    println!("database {url}");
    match kind {
        #[cfg(feature = "postgres")]
        ServerKind::Postgres => open_shop_on(&mut Postgres::connect(url).await?).await,
        #[cfg(feature = "mysql")]
        ServerKind::MariaDb | ServerKind::MySql => open_shop_on(&mut MySql::connect(url).await?).await,
        _ => Err(missing(kind)),
    }
}

async fn open_shop_on(db: &mut impl Driver) -> Result<(), Box<dyn Error>> {
    let report = migrator().with_step(7, isbn_of_13_digits).run(db).await?;

    // The shop is open.
    let books: i64 = db.query("SELECT count(*) FROM books", &[]).await?[0].read(0)?;
    println!("{books} books on the shelves");
    println!("{report}");
    Ok(())
}

/// The step that `0007_isbn_of_13_digits.rust` declares. It runs inside the migration's transaction.
fn isbn_of_13_digits<'t>(tx: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
    Box::pin(async move {
        let update = match tx.dialect().name {
            "postgres" => "UPDATE books SET isbn = $1 WHERE id = $2",
            _ => "UPDATE books SET isbn = ? WHERE id = ?",
        };
        for row in tx.query("SELECT id, isbn FROM books WHERE isbn IS NOT NULL", &[]).await? {
            let (id, isbn): (i64, String) = (row.column("id")?, row.column("isbn")?);
            tx.execute(update, &[isbn::of_13_digits(&isbn).into(), id.into()]).await?;
        }
        Ok(())
    })
}

async fn create_database(kind: ServerKind, server: &Server) -> Result<(), Box<dyn Error>> {
    const SQL: &str = "CREATE DATABASE bookshop";
    match kind {
        #[cfg(feature = "postgres")]
        ServerKind::Postgres => {
            let url = DatabaseUrl::parse(&server.url("postgres"))?;
            Postgres::connect(&url).await?.query(SQL, &[]).await?;
        }
        #[cfg(feature = "mysql")]
        ServerKind::MariaDb | ServerKind::MySql => {
            let url = DatabaseUrl::parse(&server.url("mysql"))?;
            MySql::connect(&url).await?.query(SQL, &[]).await?;
        }
        _ => return Err(missing(kind)),
    }
    Ok(())
}

fn missing(kind: ServerKind) -> Box<dyn Error> {
    let feature = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
    format!("the client of {kind} is not compiled in: add `--features {feature}`").into()
}
