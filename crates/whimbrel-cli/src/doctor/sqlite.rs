//! What is asked of a file of SQLite, through a connection. What the file system says is in `file.rs`.

use whimbrel::{Answers, Driver, ErrorClass, Message};

use super::patient::Patient;
use super::{Check, Remedy, State, file};
use crate::database::Address;

pub(crate) async fn checks(patient: &mut Patient<'_>) -> Vec<Check> {
    vec![server(patient).await, lock(patient).await, settings(patient).await]
}

async fn server(patient: &mut Patient<'_>) -> Check {
    match patient.text("SELECT sqlite_version()").await {
        Ok(version) => {
            Check::ok("server", format!("SQLite {}, inside this program", version.unwrap_or_default()))
        }
        Err(silence) => patient.unanswered("server", &silence),
    }
}

/// Takes the write lock, as a migrator would, and gives it back: nothing else tells whether somebody has it.
async fn lock(patient: &mut Patient<'_>) -> Check {
    let transaction = patient.dialect().transaction;
    let begun = patient.db.execute(&[Message::new(transaction.begin, 1)], &mut Answers::new()).await;
    match begun {
        Ok(()) => {
            let _ = patient.db.execute(&[Message::new(transaction.rollback, 1)], &mut Answers::new()).await;
            Check::ok("lock", "nobody writes to it")
        }
        Err(error) if error.class() == ErrorClass::Busy => {
            let mut check = Check::new("lock").and(State::Warning, "somebody else is writing to it");
            let holders = match &patient.address {
                Address::Sqlite(path) => file::writers(path),
                Address::Server(_) => Vec::new(),
            };
            for holder in &holders {
                check.add(State::Warning, format!("process {holder} has the lock"));
                check.remedy(Remedy::command(format!("kill {holder}")).when("if it can be given up"));
            }
            if holders.is_empty() {
                check.remedy(Remedy::change("end the program that writes to it"));
            }
            check
        }
        Err(error) if error.class() == ErrorClass::ReadOnly => {
            Check::not_looked_at("lock", "the file cannot be written to")
                .remedied(Remedy::change("do what `file` says"))
        }
        Err(error) => Check::not_looked_at("lock", error.message())
            .remedied(Remedy::change("name a file of SQLite's that is whole, or restore a backup")),
    }
}

async fn settings(patient: &mut Patient<'_>) -> Check {
    match patient.text("PRAGMA journal_mode").await {
        Ok(mode) => Check::ok("settings", format!("journal mode {}", mode.unwrap_or_default())),
        Err(silence) => patient.unanswered("settings", &silence),
    }
}
