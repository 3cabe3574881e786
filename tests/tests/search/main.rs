//! Generated sets of migrations, run with every fault in every strategy: what they leave is what the database's own client
//! leaves, or is refused before anything ran, or is unknown where it may be. `cargo xtask search` runs more of it.

mod course;
mod fault;
mod file;
mod oracle;
mod pooler;
mod sources;
mod steps;

use std::time::{Duration, Instant};

use whimbrel_testkit::search::{
    Chance, Disturbance, Ended, Fault, GeneratedSet, Grammar, Start, Tally, generate, shrink,
};
use whimbrel_testkit::{Installation, Server, ServerKind};

use self::course::Course;
use self::file::File;
use self::pooler::Pooler;

/// How many cases a set has, beside the one that nothing disturbs.
const DISTURBED: usize = 7;

/// What a case came to, or what is wrong.
type Verdict = Result<Ended, String>;

/// A set on a database, with what the client makes of it.
trait Subject {
    /// Whether the client fails.
    fn fails(&self) -> bool;

    /// A run that nothing disturbs; the others are measured by it.
    fn undisturbed(&mut self, disturbance: &Disturbance) -> Verdict;

    /// A run that is disturbed.
    fn run(&self, disturbance: &Disturbance) -> Verdict;
}

/// Makes one of a set.
type Make<'m> = &'m dyn for<'s> Fn(&'s GeneratedSet) -> Result<Box<dyn Subject + 's>, String>;

/// A number that a variable may give.
fn given(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

fn search(kind: ServerKind) {
    let installations: Vec<_> =
        Installation::all().expect("servers").iter().filter(|it| it.kind() == kind).collect();
    assert!(
        !installations.is_empty() || kind == ServerKind::MySql,
        "no {kind} is installed: `cargo xtask test` installs it"
    );
    let seed = sources::seed();
    std::thread::scope(|scope| {
        let search = |installation| scope.spawn(move || search_on(installation, seed));
        let threads: Vec<_> = installations.into_iter().map(search).collect();
        let found: Vec<String> =
            threads.into_iter().flat_map(|thread| thread.join().expect("it does not panic")).collect();
        assert!(found.is_empty(), "{} wrong\n{}", found.len(), found.join("\n\n"));
    });
}

fn search_on(installation: &Installation, seed: u64) -> Vec<String> {
    let server: &'static Server = Server::shared_from(installation).expect("a server");
    let grammar = match installation.kind() {
        ServerKind::Postgres => Grammar::Postgres,
        ServerKind::MariaDb => Grammar::MariaDb,
        _ => Grammar::MySql,
    };
    let pooler = (grammar == Grammar::Postgres).then(|| Pooler::in_front_of(server));
    let what = format!("{} {}", installation.kind(), installation.version());
    search_with(&what, grammar, seed, &|set| Ok(Box::new(Course::new(server, pooler, set)?)))
}

/// What is wrong, each with its seed and its smallest scripts. Ends with the first one, or with `WHIMBREL_FOUND`.
fn search_with(what: &str, grammar: Grammar, seed: u64, make: Make<'_>) -> Vec<String> {
    println!("{what}: WHIMBREL_SEED={seed}");
    let (began, mut tally, mut found) = (Instant::now(), Tally::default(), Vec::new());
    let cases = usize::try_from(given("WHIMBREL_CASES", 300)).unwrap_or(usize::MAX);
    let mut needless = Vec::new();
    for number in 0.. {
        if tally.cases() >= cases || found.len() as u64 >= given("WHIMBREL_FOUND", 1) {
            break;
        }
        let seed = seed.wrapping_add(number);
        let set = generate(grammar, seed);
        tally.count_set();
        if let Err((disturbance, wrong)) = try_set(&set, grammar, make, &mut tally) {
            let smallest = smallest(&set, &disturbance, make);
            let text = format!(
                "{what}, WHIMBREL_SEED={seed}: {disturbance}\n{wrong}\nthe smallest set that was seen to fail so:\n{smallest}"
            );
            eprintln!("{text}");
            if wrong.starts_with(course::NEEDLESS) { needless.push(text) } else { found.push(text) }
        }
        if number % 50 == 49 {
            println!("{what}: {:.0} s, {tally}", began.elapsed().as_secs_f64());
        }
    }
    println!("{what}: {:.1} s, {tally}", began.elapsed().as_secs_f64());
    // Nothing is lost by a doubt that a look could have ended, and each set is a new one: one case in a hundred may have it,
    // and is printed. A defect shows in more of them.
    if !needless.is_empty() {
        println!("{what}: {} of {} cases in doubt without need", needless.len(), tally.cases());
    }
    let allowed = if std::env::var_os("WHIMBREL_LONG").is_some() { 0 } else { tally.cases() / 100 };
    if needless.len() > allowed {
        found.append(&mut needless);
    }
    found
}

/// Runs a set in all of its ways.
fn try_set(
    set: &GeneratedSet,
    grammar: Grammar,
    make: Make<'_>,
    tally: &mut Tally,
) -> Result<(), (Disturbance, String)> {
    let mut chance = Chance::from_seed(set.seed ^ 0x5eed);
    let plain = Disturbance::none(set, grammar, &mut chance);
    let mut subject = make(set).map_err(|wrong| (plain, wrong))?;
    let mut began = Instant::now();
    let mut note = |disturbance: &Disturbance, verdict: Verdict| {
        if began.elapsed() > Duration::from_secs(4) {
            println!(
                "slow: WHIMBREL_SEED={} {disturbance}: {:.1} s",
                set.seed,
                began.elapsed().as_secs_f64()
            );
        }
        began = Instant::now();
        let ended = verdict.map_err(|wrong| (*disturbance, wrong))?;
        tally.count(kind(disturbance), ended);
        Ok(())
    };
    let verdict = subject.undisturbed(&plain);
    note(&plain, verdict)?;
    if set.is_forbidden() {
        return Ok(());
    }
    for _ in 0..DISTURBED {
        let disturbance = plain.disturbed(set, grammar, &mut chance);
        note(&disturbance, subject.run(&disturbance))?;
    }
    for start in [Start::Elsewhere, Start::Emptied] {
        if chance.percent(20) && (grammar != Grammar::Sqlite || start == Start::Emptied) {
            let disturbance = plain.starting(start);
            note(&disturbance, subject.run(&disturbance))?;
        }
    }
    Ok(())
}

fn kind(disturbance: &Disturbance) -> &'static str {
    match disturbance.start {
        Start::Elsewhere => "tables elsewhere",
        Start::Emptied => "history emptied",
        _ => disturbance.fault.kind(),
    }
}

/// The smallest set that still fails when it is disturbed in the same way, or nearly, within `WHIMBREL_SHRINK` seconds.
fn smallest(set: &GeneratedSet, disturbance: &Disturbance, make: Make<'_>) -> GeneratedSet {
    let ends = Instant::now() + Duration::from_secs(given("WHIMBREL_SHRINK", 60));
    let fails = make(set).is_ok_and(|subject| subject.fails());
    shrink(set, 500, |candidate| {
        if Instant::now() > ends {
            return false;
        }
        let Ok(mut subject) = make(candidate) else { return false };
        if subject.fails() && !fails {
            return false;
        }
        let disturbance = disturbance.within(candidate);
        let ordinary = matches!(disturbance.start, Start::Empty | Start::Release(_));
        if disturbance.fault == Fault::None && ordinary {
            return subject.undisturbed(&disturbance).is_err();
        }
        if subject.undisturbed(&disturbance.undisturbed()).is_err() {
            return false;
        }
        disturbance.near().into_iter().any(|near| subject.run(&near).is_err())
    })
}

#[test]
fn nothing_is_found_on_postgres() {
    search(ServerKind::Postgres);
}

#[test]
fn nothing_is_found_on_mariadb() {
    search(ServerKind::MariaDb);
}

#[test]
fn nothing_is_found_on_mysql() {
    search(ServerKind::MySql);
}

#[test]
fn nothing_is_found_on_sqlite() {
    let found = search_with("SQLite", Grammar::Sqlite, sources::seed(), &|set| Ok(Box::new(File::new(set)?)));
    assert!(found.is_empty(), "{} wrong\n{}", found.len(), found.join("\n\n"));
}
