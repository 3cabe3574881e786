//! How quickly the command answers on a set of 200 migrations, beside what a connection takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use whimbrel_testkit::{Server, ServerKind};

use crate::command::Command;
use crate::failure::{Failure, Result};
use crate::workspace;

/// How many migrations, and how many of them are pending.
const MIGRATIONS: usize = 200;
const PENDING: usize = 20;

/// How much longer than the connection it may take.
const MOST: Duration = Duration::from_millis(50);

/// Measures `status` and `plan` on SQLite and PostgreSQL. Fails where one takes too long.
pub(crate) fn measure(rounds: usize) -> Result<()> {
    Command::cargo("build --release --locked -p whimbrel-cli").run()?;
    let whimbrel = workspace::root().join("target/release/whimbrel");
    let folder = workspace::target().join("quickness");
    let mut slow = Vec::new();
    let server = Server::shared(ServerKind::Postgres).map_err(|error| Failure::new(error.to_string()))?;
    for (database, url) in
        [("sqlite", "sqlite:app.db".to_owned()), ("postgres", server.url(&Server::unique_name()))]
    {
        prepare(&whimbrel, &folder, &url)?;
        let run = |words: &[&str]| time(&whimbrel, &folder, &url, words);
        let mut times: Vec<[Duration; 3]> = Vec::new();
        for _ in 0..rounds.max(5) {
            // What a connection and one query take, in the same round.
            times.push([run(&["history", "--tip"])?, run(&["status"])?, run(&["plan"])?]);
        }
        let median = |which: usize| {
            let mut all: Vec<Duration> = times.iter().map(|round| round[which]).collect();
            all.sort_unstable();
            all[all.len() / 2]
        };
        for (verb, which) in [("status", 1), ("plan", 2)] {
            let more = median(which).saturating_sub(median(0));
            println!(
                "{database}: {verb} of {MIGRATIONS} migrations {:.1} ms, {:.1} ms more than connecting ({:.1} ms)",
                median(which).as_secs_f64() * 1e3,
                more.as_secs_f64() * 1e3,
                median(0).as_secs_f64() * 1e3
            );
            if more > MOST {
                slow.push(format!("{verb} on {database}"));
            }
        }
    }
    if slow.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("more than {MOST:?}: {}", slow.join(", "))))
    }
}

/// A set of which most is applied.
fn prepare(whimbrel: &Path, folder: &PathBuf, url: &str) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(Failure::at(folder))?;
    }
    let migrations = folder.join("migrations");
    fs::create_dir_all(&migrations).map_err(Failure::at(&migrations))?;
    for version in 1..=MIGRATIONS {
        let path = migrations.join(format!("{version:04}_create_table_{version}.sql"));
        let text = format!(
            "-- {version}\n\nCREATE TABLE t{version} (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL);\n\
             CREATE INDEX t{version}_name ON t{version} (name);\n"
        );
        fs::write(&path, text).map_err(Failure::at(&path))?;
    }
    time(whimbrel, folder, url, &["lock"])?;
    time(whimbrel, folder, url, &["create"])?;
    time(whimbrel, folder, url, &["up", "--to", &(MIGRATIONS - PENDING).to_string(), "--quiet"])?;
    Ok(())
}

fn time(whimbrel: &Path, folder: &Path, url: &str, words: &[&str]) -> Result<Duration> {
    let began = Instant::now();
    let output = std::process::Command::new(whimbrel)
        .args(words)
        .env("DATABASE_URL", url)
        .current_dir(folder)
        .output()
        .map_err(Failure::at(whimbrel))?;
    let took = began.elapsed();
    if output.status.success() {
        Ok(took)
    } else {
        Err(Failure::new(format!(
            "whimbrel {}: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}
