//! Benchmarks on servers beside others, as ratios: what is compared is measured in turn, in one run, on a throw-away
//! server of the tests that does not wait for its disk.
//!
//! `cargo xtask bench ROUNDS`.

mod clients;
#[path = "../../src/contest.rs"]
mod contest;
#[path = "../../src/large.rs"]
mod large;
mod mysql;
mod postgres;
#[path = "../../src/process.rs"]
mod process;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::migrate::MigrationType;
use tokio::runtime::Runtime;
use tokio::sync::Barrier;
use whimbrel::{Memory, MigrationSet};
use whimbrel_testkit::ServerKind;

use self::large::Wanted;

/// The same small migrations for every contestant.
struct Migrations {
    count: usize,
    sql: fn(usize) -> String,
    /// The set as `embed!` makes it: everything computed before the program runs.
    set: MigrationSet,
}

impl Migrations {
    fn new(count: usize, sql: fn(usize) -> String) -> Self {
        let memory = (1..=count).fold(Memory::new(), |memory, number| {
            memory.with_sql(number as i64, format!("table_{number}"), sql(number))
        });
        let set = memory.set().expect("a set");
        let versioned: &'static [whimbrel::Migration] = Vec::leak(set.versioned().to_vec());
        let (head, repeatables) = (*set.head().as_bytes(), *set.repeatables_digest().as_bytes());
        let set = MigrationSet::baked(set.name().clone(), versioned, &[], head, repeatables, None, 0);
        Self { count, sql, set }
    }

    fn batch(&self) -> String {
        (1..=self.count).fold(String::new(), |mut batch, number| {
            let _ = write!(batch, "{}", (self.sql)(number));
            batch
        })
    }

    fn of_sqlx(&self) -> sqlx::migrate::Migrator {
        let migration = |number: usize| {
            let sql = sqlx::SqlSafeStr::into_sql_str(sqlx::AssertSqlSafe((self.sql)(number)));
            let name = format!("table {number}").into();
            sqlx::migrate::Migration::new(number as i64, name, MigrationType::Simple, sql, false)
        };
        sqlx::migrate::Migrator::with_migrations((1..=self.count).map(migration).collect())
    }

    fn of_refinery(&self) -> refinery::Runner {
        let migration = |number: usize| {
            let name = format!("V{number}__table_{number}");
            refinery::Migration::unapplied(&name, &(self.sql)(number)).expect("a migration")
        };
        refinery::Runner::new(&(1..=self.count).map(migration).collect::<Vec<_>>())
    }
}

/// Releases all at once, and answers how long the slowest took.
fn slowest<C: Send + 'static, F: Future<Output = ()> + Send>(
    runtime: &Runtime,
    connections: Vec<C>,
    work: impl Fn(C) -> F + Clone + Send + 'static,
) -> Duration {
    runtime.block_on(async {
        let barrier = Arc::new(Barrier::new(connections.len()));
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|connection| {
                let (barrier, work) = (barrier.clone(), work.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    let began = Instant::now();
                    work(connection).await;
                    (began, Instant::now())
                })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.push(task.await.expect("it ends"));
        }
        let began = times.iter().map(|(began, _)| *began).min().expect("there are some");
        let ended = times.iter().map(|(_, ended)| *ended).max().expect("there are some");
        ended - began
    })
}

fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, folder, url] = arguments.as_slice()
        && child == large::CHILD
    {
        clients::child(&runtime, folder, url);
        return std::process::ExitCode::SUCCESS;
    }
    let wanted = Wanted::of(&arguments, 5);
    let rounds = wanted.rounds;
    let mut met = true;
    for kind in [ServerKind::Postgres, ServerKind::MariaDb, ServerKind::MySql] {
        if wanted.database.as_deref().is_some_and(|only| only != kind.name()) {
            continue;
        }
        met &= match kind {
            _ if wanted.large_only => true,
            ServerKind::Postgres => postgres::bench(&runtime, rounds),
            _ => mysql::bench(&runtime, kind, rounds),
        };
        met &= clients::large_script(&runtime, kind, &wanted);
    }
    if met { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
