//! Sends mails through a queue that a library keeps in this application's database: `mailer RECIPIENT`. Migrates the
//! library's tables, then its own.

use std::error::Error;
use std::process::ExitCode;

use whimbrel::{DatabaseUrl, Migrator, Scheme};
use whimbrel_embed::{Embedded, embed};
use whimbrel_postgres::Postgres;
use whimbrel_sqlite::Sqlite;

/// A folder for each kind of database.
static MIGRATIONS: Embedded = embed!("migrations");

/// The library's set first, since this application's tables refer to it. Each has versions of its own.
fn migrator() -> Migrator<'static> {
    Migrator::new(&jobs::MIGRATIONS)
        .and(&MIGRATIONS)
        .with_application(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In the library's long form, which says what to do next.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let recipient = std::env::args().nth(1).ok_or("usage: mailer RECIPIENT")?;
    let url = DatabaseUrl::from_env("DATABASE_URL")?;
    match url.scheme() {
        Scheme::Postgres => on_postgres(&url, &recipient).await,
        Scheme::Sqlite => on_sqlite(url.database().unwrap_or("mailer.db"), &recipient).await,
        other => Err(format!("there is no queue for {other}: use PostgreSQL or SQLite").into()),
    }
}

async fn on_postgres(url: &DatabaseUrl, recipient: &str) -> Result<(), Box<dyn Error>> {
    let mut db = Postgres::connect(url).await?;
    println!("{}", migrator().run(&mut db).await?);

    let mut client = db.into_client()?;
    let transaction = client.transaction().await?;
    let job = jobs::postgres::enqueue(&transaction, "mail", recipient).await?;
    let insert = "INSERT INTO mails (job_id, recipient) VALUES ($1, $2)";
    transaction.execute(insert, &[&job, &recipient]).await?;
    transaction.commit().await?;

    while let Some((job, recipient)) = jobs::postgres::take(&*client, "mail").await? {
        println!("job {job}: a mail to {recipient}");
    }
    Ok(())
}

async fn on_sqlite(path: &str, recipient: &str) -> Result<(), Box<dyn Error>> {
    let mut db = Sqlite::open(path).await?;
    println!("{}", migrator().run(&mut db).await?);

    let mut db = db.into_connection()?;
    let transaction = db.transaction()?;
    let job = jobs::sqlite::enqueue(&transaction, "mail", recipient)?;
    transaction.execute("INSERT INTO mails (job_id, recipient) VALUES (?1, ?2)", (job, recipient))?;
    transaction.commit()?;

    while let Some((job, recipient)) = jobs::sqlite::take(&db, "mail")? {
        println!("job {job}: a mail to {recipient}");
    }
    Ok(())
}
