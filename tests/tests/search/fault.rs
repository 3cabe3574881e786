//! Inflicts a fault on a run.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use whimbrel::{Answers, Message};
use whimbrel_testkit::search::{Disturbance, Fault};
use whimbrel_testkit::{Proxy, ServerKind, Towards, drop_after};
use whimbrel_tests::remote::{self, Remote};

use super::course::Course;

/// Whether what was sent is known afterwards.
pub(super) fn is_cut(fault: Fault) -> bool {
    matches!(fault, Fault::Byte { .. } | Fault::Message { .. })
}

/// Runs the set, disturbed. How the runs ended that were not killed.
pub(super) fn inflict(
    course: &Course<'_>,
    remote: &Remote,
    proxy: &Proxy,
    disturbance: &Disturbance,
) -> Vec<whimbrel::Result<()>> {
    let url = remote.url_through(proxy);
    let migrator = course.migrator(course.set.migrations.len(), remote.name(), disturbance.transaction);
    let run = || vec![remote::migrate(&url, &migrator).map(drop)];
    let of = |total: u64, place: u64| total * place / 10_000;
    let traffic = course.traffic();
    match disturbance.fault {
        Fault::Byte { towards: Towards::Server, place } => {
            proxy.cut_after_bytes(Towards::Server, of(traffic.bytes_to_server, place));
            run()
        }
        Fault::Byte { towards: Towards::Client, place } => {
            proxy.cut_after_bytes(Towards::Client, of(traffic.bytes_to_client, place));
            run()
        }
        Fault::Message { towards: Towards::Server, place } => {
            proxy.cut_after_messages(Towards::Server, of(traffic.messages_to_server, place));
            run()
        }
        Fault::Message { towards: Towards::Client, place } => {
            proxy.cut_after_messages(Towards::Client, of(traffic.messages_to_client, place));
            run()
        }
        Fault::Dropped { place } => {
            let polls = usize::try_from(of(course.polls() as u64, place)).unwrap_or(0);
            let result = remote::block_on(async {
                let mut driver = remote::connect(&url).await?;
                let mut driver = &mut *driver;
                drop_after(polls + 1, migrator.run(&mut driver)).await.transpose()
            });
            vec![result.map(drop)]
        }
        Fault::Killed { place } => killed(course, remote, place),
        Fault::Ended { place } => beside(run, |done| {
            let messages = of(traffic.messages_to_server, place);
            wait(done, || proxy.traffic().messages_to_server >= messages);
            end_sessions(remote, &[]);
        }),
        Fault::Stopped { place } => {
            let mut second = None;
            let mut results = beside(run, |done| {
                let messages = of(traffic.messages_to_server, place);
                wait(done, || proxy.traffic().messages_to_server >= messages);
                proxy.pause(Towards::Server);
                thread::scope(|scope| {
                    let other = scope.spawn(|| remote.migrate(&migrator).map(drop));
                    thread::sleep(Duration::from_millis(60));
                    proxy.resume();
                    second = other.join().ok();
                });
            });
            results.extend(second);
            results
        }
        Fault::Held { ended, table } => held(remote, proxy, ended, table, run),
        _ => run(),
    }
}

/// Runs one thing on a thread, and another one here while it runs.
fn beside<T: Send>(run: impl FnOnce() -> T + Send, meanwhile: impl FnOnce(&AtomicBool)) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let result = run();
            done.store(true, Ordering::Release);
            result
        });
        meanwhile(&done);
        thread.join().expect("it does not panic")
    })
}

/// Waits until something is so, or the run is done.
fn wait(done: &AtomicBool, mut is_so: impl FnMut() -> bool) {
    let longest = Instant::now() + Duration::from_secs(15);
    while !done.load(Ordering::Acquire) && Instant::now() < longest && !is_so() {
        thread::sleep(Duration::from_micros(300));
    }
}

/// The program is killed, which is told the set by its arguments.
fn killed(course: &Course<'_>, remote: &Remote, place: u64) -> Vec<whimbrel::Result<()>> {
    let set = course.set;
    let name = remote.name();
    let texts =
        set.migrations.iter().map(|one| one.text().replace("{b}", &format!("{name}_b")).replace("{a}", name));
    let mut child = Command::new(env!("CARGO_BIN_EXE_traveller"))
        .args([&remote.url(), remote.kind().name()])
        .args(texts)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    thread::sleep(Duration::from_micros(place * 15));
    let _ = child.kill();
    let _ = child.wait();
    Vec::new()
}

/// A session of the application holds a lock until the run waits for it; then the run loses its connection.
fn held(
    remote: &Remote,
    proxy: &Proxy,
    ended: bool,
    table: u64,
    run: impl FnOnce() -> Vec<whimbrel::Result<()>> + Send,
) -> Vec<whimbrel::Result<()>> {
    let tables = match remote.kind() {
        ServerKind::Postgres => remote.rows(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE relkind = 'r' AND nspname IN ('public', 'far') AND relname <> 'whimbrel_history' ORDER BY 1",
        ),
        _ => remote
            .rows(
                "SELECT concat('`', table_schema, '`.`', table_name, '`') FROM information_schema.tables \
                 WHERE table_schema IN (database(), concat(database(), '_b')) AND table_type = 'BASE TABLE' \
                 AND table_name <> 'whimbrel_history' ORDER BY 1",
            )
            .into_iter()
            .map(|name| name.replace("DATABASE", remote.name()))
            .collect(),
    };
    // Those outside the current place twice: a new session would look for them elsewhere.
    let outside = |name: &String| name.starts_with("far.") || name.contains("_b`.");
    let more: Vec<String> = tables.iter().filter(|name| outside(name)).cloned().collect();
    let tables = [tables, more].concat();
    let count = tables.len() as u64;
    let Some(name) = usize::try_from(table % count.max(1)).ok().and_then(|at| tables.get(at)) else {
        return run();
    };
    let writes = (table / count).is_multiple_of(2);
    let lock = match (remote.kind(), writes) {
        (ServerKind::Postgres, true) => format!("LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"),
        (ServerKind::Postgres, false) => format!("LOCK TABLE {name} IN ROW EXCLUSIVE MODE"),
        (_, true) => format!("DO (SELECT count(*) FROM (SELECT 1 FROM {name} FOR UPDATE) t)"),
        (_, false) => format!("DO (SELECT count(*) FROM {name})"),
    };
    let mut holder = remote::block_on(async {
        let mut driver = remote::connect(&remote.url()).await.expect("a connection");
        for sql in ["BEGIN", &lock] {
            let answer = driver.execute(&[Message::new(sql, 1)], &mut Answers::new()).await;
            answer.unwrap_or_else(|error| panic!("{sql}: {error}: {:?}", error.private()));
        }
        driver
    });
    let own = match remote.kind() {
        ServerKind::Postgres => "SELECT pg_backend_pid()::bigint",
        _ => "SELECT connection_id()",
    };
    let own: i64 = remote::block_on(holder.query(own, &[])).expect("a number")[0].read(0).expect("a number");
    let results = beside(run, |done| {
        let postgres = remote.kind() == ServerKind::Postgres;
        wait(done, || {
            // InnoDB renews that table only when nobody has read it for a tenth of a second.
            thread::sleep(Duration::from_millis(if postgres { 1 } else { 110 }));
            remote.number(WAITING[usize::from(!postgres)]) > 0
        });
        match ended {
            true => end_sessions(remote, &[own]),
            false => proxy.cut(),
        }
    });
    drop(holder);
    results
}

/// Whether somebody waits for a lock in this database.
const WAITING: [&str; 2] = [
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    "SELECT count(*) FROM information_schema.processlist p WHERE p.db IN (database(), concat(database(), '_b')) \
     AND (p.state LIKE 'Waiting for table%' OR p.id IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx \
     WHERE trx_state = 'LOCK WAIT'))",
];

/// The server ends all sessions in this database but those that ask, and those.
fn end_sessions(remote: &Remote, but: &[i64]) {
    let but = but.iter().map(|id| format!(", {id}")).collect::<String>();
    match remote.kind() {
        ServerKind::Postgres => {
            remote.rows(&format!(
                "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid NOT IN (pg_backend_pid(){but}) AND application_name NOT LIKE 'asking'"
            ));
        }
        _ => {
            let sessions = remote.rows(&format!(
                "SELECT id FROM information_schema.processlist WHERE db IN (database(), concat(database(), '_b')) \
                 AND id NOT IN (connection_id(){but})"
            ));
            for id in sessions {
                // It may have ended by itself.
                remote::block_on(async {
                    if let Ok(mut driver) = remote::connect(&remote.url()).await {
                        let _ = driver
                            .execute(&[Message::new(format!("KILL {id}"), 1)], &mut Answers::new())
                            .await;
                    }
                });
            }
        }
    }
}
