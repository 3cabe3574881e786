//! A shop's service on PostgreSQL that migrates its database before it serves.
//!
//! Owns the order of things: what is asked for, migrate, then serve, then end. Knows no SQL.

mod database;
mod shop;

use std::error::Error;
use std::process::ExitCode;

use tokio::net::TcpListener;
use whimbrel::DatabaseUrl;

use crate::database::Mode;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In the library's long form: the place in the script, what the database said, and what to do next.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let url = DatabaseUrl::from_env("DATABASE_URL")?;
    let mode = Mode::from_env("MIGRATIONS")?;
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());

    // From here on, since the first process of a container is not ended by a signal that it does not handle.
    let mut told_to_end = Box::pin(end_signal()?);
    tokio::select! {
        report = database::migrate(&url, mode) => println!("{}", report?),
        // What was committed stays, the statement under way is cancelled, and the next start goes on from there.
        () = &mut told_to_end => return Ok(()),
    }

    // Not before the database is ready: until then, whoever connects is refused, and a probe sees it.
    let listener = TcpListener::bind(&address).await.map_err(|error| format!("{address}: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    let router = shop::router(database::pool(url)?);
    axum::serve(listener, router).with_graceful_shutdown(told_to_end).await?;
    println!("ended");
    Ok(())
}

/// Completes when the process is told to end: by Ctrl-C, or by SIGTERM, as orchestrators do it.
#[cfg(unix)]
fn end_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(windows)]
fn end_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
