//! What `whimbrel doctor` looks at: the checks, what is found, and what can be typed about it. Changes nothing, and shows
//! nothing.

mod configuration;
mod connection;
mod file;
mod history;
mod lock;
mod migrations;
mod mysql;
mod patient;
mod plan;
mod pooler;
mod postgres;
mod privileges;
mod remedy;
mod role;
mod sqlite;
mod tls;

use std::future::Future;
use std::time::Duration;

use serde::Serialize;

pub(crate) use self::remedy::Remedy;

use self::connection::Connected;
use self::patient::Patient;
use crate::context::Context;
use crate::database::Address;
use crate::output::words::spoken;

/// What is looked at, in the order in which it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    /// What is looked at; `docs/doctor.md` has it.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation is compared with it"))]
    pub(crate) looks_at: &'static str,
    /// What is said to be typed.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation is compared with it"))]
    pub(crate) remedies: &'static str,
}

const fn about(name: &'static str, looks_at: &'static str, remedies: &'static str) -> About {
    About { name, looks_at, remedies }
}

/// All checks.
pub(crate) const CHECKS: [About; 15] = [
    about(
        "configuration",
        "which file and environment count, where the URL comes from, and whether that can be read",
        "set the variable; `chmod 600` of a file that others can read; `whimbrel config`",
    ),
    about(
        "migrations",
        "the directory is there, locked, and passes the first gate",
        "`whimbrel new`, `whimbrel lock`, `git restore`, `whimbrel lint`",
    ),
    about(
        "signatures",
        "signatures where they are asked for; a signature that nobody checks",
        "`whimbrel sign`; `[signatures]` in `whimbrel.toml`",
    ),
    about(
        "connection",
        "the host's name, the port, TLS, the login, the database; how long it took",
        "`whimbrel create`; `CREATE ROLE`, `ALTER ROLE … PASSWORD`, `GRANT CONNECT`; the URL",
    ),
    about("file", "SQLite: who may write to the file, its folder, its file system", "`chmod`, `mkdir -p`"),
    about(
        "server",
        "product and version, and whether it is one that is tested; standby, or read-only",
        "the primary's URL; `default_transaction_read_only = off`",
    ),
    about(
        "tls",
        "protected or not, protocol and cipher as the server says, whether the certificate was checked",
        "`sslmode=verify-full`",
    ),
    about(
        "role",
        "as whom, whether that is a superuser, and whether the setting `role` can be assumed",
        "`CREATE ROLE` and `GRANT` for one of its own; `GRANT` of the role",
    ),
    about(
        "privileges",
        "the schema, the history table, and what the pending scripts need",
        "`GRANT`, `CREATE SCHEMA`, `ALTER TABLE … OWNER TO`",
    ),
    about(
        "pooler",
        "whether the session that answers is the one that was connected to",
        "the server's own address, in the URL",
    ),
    about(
        "lock",
        "who has the migrators' lock, since when",
        "`SELECT pg_terminate_backend(…)`, `KILL …`, `kill …`",
    ),
    about(
        "transactions",
        "transactions that are open for longer than `lock-timeout`, and would make a migration wait",
        "`SELECT pg_terminate_backend(…)`, `KILL …`; a right to see those of others",
    ),
    about(
        "history",
        "rows as they were written, open work, migrations postponed after failures, the environment",
        "`whimbrel repair`, `whimbrel settle`, `whimbrel up`, `whimbrel lock --amend`",
    ),
    about("plan", "whether `whimbrel up` would be refused", "the command for what is refused"),
    about(
        "settings",
        "settings of the server or the role that end or change what a migration does",
        "`ALTER ROLE … SET`, `SET GLOBAL …`",
    ),
];

/// How it stands. The worse comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Ok,
    NotLookedAt,
    Warning,
    Wrong,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotLookedAt => "not looked at",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    pub(crate) found: Vec<String>,
    pub(crate) remedy: Vec<Remedy>,
}

impl Check {
    pub(crate) fn new(name: &'static str) -> Self {
        debug_assert!(CHECKS.iter().any(|about| about.name == name), "a check that is not on the list");
        Self { name, state: State::Ok, found: Vec::new(), remedy: Vec::new() }
    }

    pub(crate) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name).and(State::Ok, found)
    }

    pub(crate) fn wrong(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name).and(State::Wrong, found)
    }

    pub(crate) fn not_looked_at(name: &'static str, why: impl Into<String>) -> Self {
        Self::new(name).and(State::NotLookedAt, why)
    }

    /// Something more was found; the worst counts.
    #[must_use]
    pub(crate) fn and(mut self, state: State, found: impl Into<String>) -> Self {
        self.add(state, found);
        self
    }

    pub(crate) fn add(&mut self, state: State, found: impl Into<String>) {
        self.state = self.state.max(state);
        self.found.push(spoken(&found.into()));
    }

    #[must_use]
    pub(crate) fn remedied(mut self, remedy: Remedy) -> Self {
        self.remedy(remedy);
        self
    }

    pub(crate) fn remedy(&mut self, remedy: Remedy) {
        if !self.remedy.contains(&remedy) {
            self.remedy.push(remedy);
        }
    }
}

/// All that was found.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) checks: Vec<Check>,
    /// There was no connection, and there may be one later.
    pub(crate) is_unreachable: bool,
}

/// How long one question may take.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// What needs a connection, and stands for all of it where there is none.
const NEEDS_CONNECTION: [&str; 10] =
    ["server", "tls", "role", "privileges", "pooler", "lock", "transactions", "history", "plan", "settings"];

/// Looks at everything. What fails hinders no other look than those that need it.
pub(crate) async fn examine(context: &Context) -> Examination {
    let mut checks = vec![configuration::check(context)];
    checks.extend(migrations::check(context).await);
    // What the first gate refuses, no verb goes on with.
    let is_sound = checks.iter().all(|check| check.name == "configuration" || check.state != State::Wrong);
    let mut is_unreachable = false;
    match context.address() {
        Err(_) => {
            checks.push(no_url("connection"));
            checks.extend(NEEDS_CONNECTION.map(no_url));
        }
        Ok(address) => {
            if let Address::Sqlite(path) = &address {
                checks.push(file::check(context, path));
            }
            match connection::open(context, &address).await {
                Connected::Yes(check, mut patient) => {
                    checks.push(check);
                    checks.extend(of_patient(&mut patient, is_sound).await);
                }
                Connected::No { check, is_temporary } => {
                    is_unreachable = is_temporary;
                    let unseen = |name| {
                        Check::not_looked_at(name, "there is no connection")
                            .remedied(Remedy::change("mend the connection first"))
                    };
                    let applies = |name: &&'static str| {
                        !matches!(address, Address::Sqlite(_)) || !SERVERS_ONLY.contains(name)
                    };
                    checks.push(check);
                    checks.extend(NEEDS_CONNECTION.into_iter().filter(applies).map(unseen));
                }
            }
        }
    }
    let place = |check: &Check| CHECKS.iter().position(|about| about.name == check.name);
    checks.sort_by_key(place);
    Examination { checks, is_unreachable }
}

/// What a file has not.
const SERVERS_ONLY: [&str; 5] = ["tls", "role", "privileges", "pooler", "transactions"];

fn no_url(name: &'static str) -> Check {
    Check::not_looked_at(name, "it is not known where the database is")
        .remedied(Remedy::change("mend the configuration first"))
}

/// What is looked at through a connection. What could wait for somebody comes last.
async fn of_patient(patient: &mut Patient<'_>, is_sound: bool) -> Vec<Check> {
    let mut checks = match patient.dialect().name {
        "postgres" => postgres::checks(patient).await,
        "sqlite" => sqlite::checks(patient).await,
        _ => mysql::checks(patient).await,
    };
    checks.push(in_time("history", history::check(patient, is_sound)).await);
    let (plan, planned) = in_time_or(plan::check(patient, is_sound), || {
        (Check::not_looked_at("plan", LATE).remedied(late()), None)
    })
    .await;
    checks.push(plan);
    if patient.dialect().name != "sqlite" {
        let late = || Check::not_looked_at("privileges", LATE).remedied(late());
        checks.push(in_time_or(privileges::check(patient, planned.as_ref()), late).await);
    }
    checks
}

const LATE: &str = "the database did not answer in time: somebody holds a lock on what is asked for";

fn late() -> Remedy {
    Remedy::change("look at `lock` and `transactions`, end what holds it, and look again")
}

async fn in_time(name: &'static str, look: impl Future<Output = Check>) -> Check {
    in_time_or(look, || Check::not_looked_at(name, LATE).remedied(late())).await
}

async fn in_time_or<T>(look: impl Future<Output = T>, or: impl FnOnce() -> T) -> T {
    tokio::time::timeout(LONGEST, look).await.unwrap_or_else(|_| or())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_check_as_the_code_has_it() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md");
        let page = std::fs::read_to_string(path).expect("docs/doctor.md");
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let expected: Vec<String> = CHECKS
            .iter()
            .map(|about| format!("| `{}` | {} | {} |", about.name, about.looks_at, about.remedies))
            .collect();
        assert_eq!(rows, expected, "docs/doctor.md is to have a row for each check");
    }

    #[test]
    fn the_worst_that_was_found_counts() {
        let check = Check::ok("server", "a").and(State::Wrong, "b").and(State::Warning, "c");
        assert_eq!((check.state, check.found.len()), (State::Wrong, 3));
        assert!(State::NotLookedAt > State::Ok && State::NotLookedAt < State::Warning);
    }
}
