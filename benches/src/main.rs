//! Benchmarks beside others, as ratios: what is compared is measured in turn, many times, in one run.
//!
//! `cargo xtask bench`. Times on a shared machine are noisy; of each thing the median of its rounds counts, and ratios
//! are taken within a round before their median is.

mod contest;
mod large;
mod process;
mod shell;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use whimbrel::{Conditions, History, Manifest, Memory, MigrationSet, Migrator, Product, Request, Verified};
use whimbrel_policy::Policy;
use whimbrel_sign::SignatureVerifier;

use self::contest::{contest, verdict};
use self::large::Wanted;

/// Small migrations: each a table and an index.
fn migration(number: usize) -> String {
    format!(
        "CREATE TABLE table_{number} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount INTEGER);\n\
         CREATE INDEX index_{number} ON table_{number} (name);\n"
    )
}

fn memory(count: usize) -> Memory {
    (1..=count).fold(Memory::new(), |memory, number| {
        memory.with_sql(number as i64, format!("table_{number}"), migration(number))
    })
}

fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let value = work();
    (began.elapsed(), value)
}

fn apply_from_empty(folder: &Path, rounds: usize) -> bool {
    const COUNT: usize = 1_000;
    let batch = (1..=COUNT).fold(String::from("BEGIN;\n"), |mut sql, number| {
        let _ = write!(sql, "{}", migration(number));
        sql
    }) + "COMMIT;";
    let set = compiled(&memory(COUNT).set().expect("a set"), None);
    let texts: Vec<String> = (1..=COUNT).map(migration).collect();
    let fresh = |name: &str| {
        let path = folder.join(name);
        for suffix in ["", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
        Connection::open(path).expect("a database")
    };
    let mut raw = || {
        let db = fresh("raw.db");
        time(|| db.execute_batch(&batch).expect("a batch")).0
    };
    let mut whimbrel = || {
        let mut db = fresh("whimbrel.db");
        let migrator = Migrator::new(&set);
        time(|| migrator.run_blocking(&mut db).expect("a run")).0
    };
    let mut peer = || {
        let mut db = fresh("peer.db");
        let migrations = Migrations::new(texts.iter().map(|text| M::up(text)).collect());
        time(|| migrations.to_latest(&mut db).expect("a run")).0
    };
    let ratios = contest(
        "apply 1,000 small migrations to an empty file",
        rounds,
        &mut [
            ("raw batch by rusqlite", &mut raw),
            ("whimbrel", &mut whimbrel),
            ("rusqlite_migration", &mut peer),
        ],
    );
    verdict("within 1.15 of the raw batch", ratios[1] <= 1.15)
        // What differs by less changes sides from run to run.
        & verdict("not slower than rusqlite_migration, within 3 in 100", ratios[1] <= ratios[2] * 1.03)
}

/// The set as `embed!` makes it: everything computed before the program runs.
fn compiled(set: &MigrationSet, manifest: Option<&'static str>) -> MigrationSet {
    let versioned: &'static [whimbrel::Migration] = Vec::leak(set.versioned().to_vec());
    let (head, repeatables) = (*set.head().as_bytes(), *set.repeatables_digest().as_bytes());
    MigrationSet::baked(set.name().clone(), versioned, &[], head, repeatables, manifest, 0)
}

fn no_op(folder: &Path, rounds: usize) -> bool {
    let set = compiled(&memory(1_000).set().expect("a set"), None);
    let path = folder.join("no-op.db");
    Migrator::new(&set).run_blocking(&mut Connection::open(&path).expect("a database")).expect("a run");
    let mut passed = true;
    for (title, warm) in
        [("on an open connection that has read its schema", true), ("on a connection just opened", false)]
    {
        let open = || {
            let db = Connection::open(&path).expect("a database");
            if warm {
                db.query_row("SELECT count(*) FROM sqlite_master", (), |row| row.get::<_, i64>(0))
                    .expect("a row");
            }
            db
        };
        let times = 20;
        let mut select = || {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let db = open();
                total += time(|| {
                    db.query_row(
                        "SELECT head FROM whimbrel_history WHERE set_name = 'app' AND seq = 1",
                        (),
                        |row| row.get::<_, String>(0),
                    )
                    .expect("a row")
                })
                .0;
            }
            total / times
        };
        let migrator = Migrator::new(&set);
        let mut whimbrel = || {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let mut db = open();
                total += time(|| migrator.run_blocking(&mut db).expect("a run")).0;
            }
            total / times
        };
        let ratios = contest(
            &format!("boot with nothing to do, 1,000 migrations, {title}"),
            rounds,
            &mut [("one SELECT of one row", &mut select), ("whimbrel", &mut whimbrel)],
        );
        passed &= verdict("within 2 of one SELECT", ratios[1] <= 2.0);
    }
    passed
}

fn planning(rounds: usize) -> bool {
    let prepared: Vec<(usize, Verified<MigrationSet>)> = [1_000, 10_000, 20_000]
        .into_iter()
        .map(|count| {
            let set = memory(count).set().expect("a set");
            let set = ready(Verified::set(set, &whimbrel_sqlite::DIALECT, &[])).expect("a verified set");
            (count, set)
        })
        .collect();
    let history = History::absent(Vec::new());
    let request = Request::default();
    let run = |index: usize| {
        let sets = [prepared[index].1.clone()];
        time(|| whimbrel::plan(&sets, &history, &request, &whimbrel_sqlite::DIALECT).expect("a plan")).0
    };
    let ratios = contest(
        "plan migrations, all pending",
        rounds,
        &mut [("1,000", &mut || run(0)), ("10,000", &mut || run(1)), ("20,000", &mut || run(2))],
    );
    verdict("linear: 10 times as many take at most 15 times as long", ratios[1] <= 15.0)
        & verdict("linear: 20 times as many take at most 30 times as long", ratios[2] <= 30.0)
}

/// The same set, signed by one who is trusted.
fn signed(memory: Memory) -> (MigrationSet, SignatureVerifier) {
    let (manifest, _) = Manifest::lock(&memory.set().expect("a set"), None);
    let set = memory.with_manifest(manifest).set().expect("a set");
    let text: &'static str = String::leak(set.manifest_text().expect("it is locked").into_owned());
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let signature = key.sign("whimbrel", HashAlg::Sha512, text.as_bytes()).expect("a signature");
    let signature = signature.to_pem(LineEnding::LF).expect("a text");
    let line = format!("alice {}", key.public_key().to_openssh().expect("a text"));
    let verifier = SignatureVerifier::new().with_allowed_signers(&line).expect("a key");
    (compiled(&set, Some(text)).with_signature(signature.into_bytes()), verifier)
}

/// What it costs a boot with nothing to do to verify a signature.
fn signing(folder: &Path, rounds: usize) -> bool {
    let (set, verifier) = signed(memory(1_000));
    let path = folder.join("signed.db");
    Migrator::new(&set).run_blocking(&mut Connection::open(&path).expect("a database")).expect("a run");
    let times = 20;
    let boot = |migrator: &Migrator<'_>| {
        let mut total = Duration::ZERO;
        for _ in 0..times {
            let mut db = Connection::open(&path).expect("a database");
            total += time(|| migrator.run_blocking(&mut db).expect("a run")).0;
        }
        total / times
    };
    let (plain, verified) = (Migrator::new(&set), Migrator::new(&set).with_verifier(&verifier));
    let mut more: Vec<Duration> = Vec::new();
    contest(
        "boot with nothing to do, 1,000 migrations, signed",
        rounds,
        &mut [
            ("the signature is not looked at", &mut || boot(&plain)),
            ("it is verified", &mut || {
                let took = boot(&verified);
                more.push(took.saturating_sub(boot(&plain)));
                took
            }),
        ],
    );
    more.sort_unstable();
    let median = more[more.len() / 2];
    println!("  verifying adds {:.3} ms", median.as_secs_f64() * 1e3);
    verdict("less than a millisecond more", median < Duration::from_millis(1))
}

/// What the policy takes for 1,000 migrations, as the SQL of each database.
fn judging(rounds: usize) -> bool {
    let policy = Policy::new();
    let set = memory(1_000).set().expect("a set");
    let lint =
        |product| time(|| policy.lint(&set, product, &Conditions::default()).expect("rules for it").len()).0;
    let took = lint(Product::Postgres).max(lint(Product::Mysql)).max(lint(Product::Sqlite));
    contest(
        "judge 1,000 migrations",
        rounds,
        &mut [
            ("SQLite", &mut || lint(Product::Sqlite)),
            ("PostgreSQL", &mut || lint(Product::Postgres)),
            ("MySQL", &mut || lint(Product::Mysql)),
        ],
    );
    verdict("within half a second", took <= Duration::from_millis(500))
}

/// The value of a future that has nothing to wait for.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("verifying a set in memory waits for nothing"),
    }
}

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, folder, database] = arguments.as_slice()
        && child == large::CHILD
    {
        shell::child(folder, database);
        return std::process::ExitCode::SUCCESS;
    }
    let wanted = Wanted::of(&arguments, 15);
    let rounds = wanted.rounds;
    let folder = tempfile::TempDir::new().expect("a folder");
    let small = wanted.large_only
        || apply_from_empty(folder.path(), rounds)
            & no_op(folder.path(), rounds)
            & planning(rounds)
            & signing(folder.path(), rounds)
            & judging(rounds);
    println!("SQLite");
    let met = small & shell::large_script(folder.path(), &wanted);
    if met { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
