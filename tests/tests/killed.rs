//! Kill anywhere: the program, the connection or the server dies at any moment, and after reruns the schema, the data and
//! what is in force are those of an undisturbed run, each statement having taken effect once.

use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use whimbrel::{Ending, ErrorKind, Migrator, Settlement, Version};
use whimbrel_testkit::{
    Durability, Installation, Proxy, Server, ServerKind, ServerOptions, Towards, Traffic,
};
use whimbrel_tests::chance::{Chance, runs};
use whimbrel_tests::remote::{self, Remote};
use whimbrel_tests::{crossing, straits, voyage};

/// All of the history, for those who look for a fault.
const WAY: &str = "SELECT seq, event, version, detail FROM whimbrel_history ORDER BY seq";

/// One of the sets, on one server, and how it looks undisturbed.
struct Course {
    server: Server,
    set: &'static str,
    picture: String,
    traffic: Traffic,
    /// How long it takes a program of its own.
    time: Duration,
}

impl Course {
    fn new(server: &Server, set: &'static str) -> Self {
        let mut course = Self {
            server: server.clone(),
            set,
            picture: String::new(),
            traffic: Traffic::default(),
            time: Duration::ZERO,
        };
        let (remote, proxy) = (Remote::fresh(server), Proxy::to(server).expect("a proxy"));
        let began = Instant::now();
        let output = course.embark(&remote.url_through(&proxy)).wait_with_output().expect("it ends");
        course.time = began.elapsed();
        assert!(output.status.success(), "{}", said(&output));
        course.traffic = proxy.traffic();
        course.picture = course.picture_of(&remote);
        course.check(&remote, "undisturbed");
        course
    }

    fn migrator(&self, remote: &Remote) -> Migrator<'static> {
        let set = match self.set {
            "voyage" => voyage::set(self.server.kind()),
            "crossing" => crossing::set(self.server.kind(), remote.name()),
            _ => straits::set(),
        };
        Migrator::new(set).with_lock_deadline(Duration::from_secs(60)).with_database_messages()
    }

    fn embark(&self, url: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_traveller"))
            .args([url, self.server.kind().name(), self.set])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }

    /// Runs until it has arrived. What is in doubt is settled by looking, where it may be in doubt. Answers how often.
    fn arrive(&self, remote: &Remote, what: &str) -> usize {
        let (migrator, mut settled, mut errors) = (self.migrator(remote), 0, Vec::new());
        for _ in 0..8 {
            let error = match remote.migrate(&migrator) {
                Ok(_) => {
                    self.check(remote, what);
                    return settled;
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Retry => errors.push(format!("{error:#}")),
                ErrorKind::OutcomeUnknown => {
                    self.settle(remote, &migrator, &error, what);
                    settled += 1;
                }
                _ => panic!(
                    "{what}: {error:#}: {:?} {:?} {:?}\n{}",
                    error.class(),
                    error.code(),
                    std::error::Error::source(&error).map(|e| format!("{e:?}")),
                    remote.rows(WAY).join("\n")
                ),
            }
        }
        panic!("{what}: it does not arrive:\n{}\n{}", errors.join("\n"), remote.rows(WAY).join("\n"));
    }

    /// Only what is on the list may be in doubt; the error says what to look at, and the answer lets it go on.
    fn settle(&self, remote: &Remote, migrator: &Migrator<'_>, error: &whimbrel::Error, what: &str) {
        let place = error.location().unwrap_or_else(|| panic!("{what}: no place in {error:#}"));
        let label = error.migration().expect("a migration");
        let list = match (self.set, self.server.kind()) {
            ("straits", _) => straits::DOUBTFUL,
            ("crossing", ServerKind::MariaDb | ServerKind::MySql) => crossing::DOUBTFUL,
            _ => &[],
        };
        let doubtful = list
            .iter()
            .find(|doubtful| {
                label.starts_with(&format!("{}_", doubtful.version))
                    && error.statement() == Some(doubtful.statement)
            })
            .unwrap_or_else(|| panic!("{what}: not on the list: {error:#}"));
        assert!(place.file.contains(label.split_once('_').expect("a label").1), "{what}: {error:#}");
        assert!(error.notes().any(|(_, text)| text.contains("settle")), "{what}: {error:#}");
        remote.run(doubtful.by_hand);
        let ending = match remote.number(doubtful.probe) {
            0 => Ending::DidNot(doubtful.statement),
            _ => Ending::TookEffect(doubtful.statement),
        };
        let settlement = Settlement {
            version: Some(Version::new(doubtful.version).expect("a version")),
            ending,
            reason: "looked at the tables".into(),
        };
        let result = remote::block_on(async {
            let mut driver = remote::connect(&remote.url()).await?;
            migrator.settle(&mut &mut *driver, settlement).await
        });
        result.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }

    /// The names of databases stand in the scripts of `crossing`, so its digests are other ones in each database.
    fn picture_of(&self, remote: &Remote) -> String {
        let picture = remote.picture();
        if self.set != "crossing" {
            return picture;
        }
        let mut parts = picture.split("b3v1:");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + "b3v1:…" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
        })
    }

    fn check(&self, remote: &Remote, what: &str) {
        let counted = match self.set {
            "voyage" => voyage::COUNTED,
            "crossing" => crossing::counted(self.server.kind()),
            _ => straits::COUNTED,
        };
        assert_eq!(remote.number("SELECT n FROM counter"), counted, "{what}");
        let picture = self.picture_of(remote);
        if picture != self.picture {
            for (is, was) in picture.lines().zip(self.picture.lines()).filter(|(is, was)| is != was) {
                println!("  is {is}\n was {was}");
            }
            panic!("{what}: another picture than undisturbed");
        }
        let tips = remote::block_on(async {
            let mut driver = remote::connect(&remote.url()).await?;
            self.migrator(remote).verify_history(&mut &mut *driver, &[]).await
        });
        tips.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn killed(child: &mut Child) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let _ = child.kill();
    child.wait().expect("it ends").signal() == Some(9)
}

/// MySQL comes from a place that moves; the closing table of `cargo xtask test` says whether it was there.
fn check_seen(kind: ServerKind, seen: bool) {
    assert!(seen || kind == ServerKind::MySql, "no {kind} is installed: `cargo xtask test` installs it");
    if !seen {
        println!("{kind} is not to be had here, and was not tried");
    }
}

/// So many runs, in all, of the sets in turn, on every server of this kind. `run` says how it ended.
fn each_course(
    kind: ServerKind,
    sets: &[&'static str],
    all: usize,
    run: impl Fn(&Course, &mut Chance, usize) -> String,
) {
    let mut seen = false;
    for installation in Installation::all().expect("servers").iter().filter(|it| it.kind() == kind) {
        seen = true;
        let server = Server::shared_from(installation).expect("a server");
        for set in sets {
            let course = Course::new(server, set);
            let count = runs(all).div_ceil(sets.len());
            let mut chance = Chance::of_this_run(&format!("{kind} {} {set}", installation.version()));
            let (began, mut ends) = (Instant::now(), Vec::new());
            for number in 0..count {
                ends.push(run(&course, &mut chance, number));
            }
            ends.sort();
            ends.dedup();
            println!(
                "{kind} {} {set}: {count} runs in {:.1} s ({:.0} ms undisturbed, {:?}); {}",
                installation.version(),
                began.elapsed().as_secs_f64(),
                course.time.as_secs_f64() * 1e3,
                course.traffic,
                ends.join(", ")
            );
        }
    }
    check_seen(kind, seen);
}

fn sets(kind: ServerKind) -> &'static [&'static str] {
    if kind == ServerKind::Postgres { &["voyage"] } else { &["voyage", "straits"] }
}

/// At a random time, or with the nth message of either side.
fn program_killed(kind: ServerKind) {
    killed_on(kind, sets(kind), 500);
}

fn killed_on(kind: ServerKind, sets: &[&'static str], all: usize) {
    each_course(kind, sets, all, |course, chance, number| {
        let remote = Remote::fresh(&course.server);
        let proxy = Proxy::to(&course.server).expect("a proxy");
        let what;
        let mut child = if number % 2 == 0 {
            let after = Duration::from_micros(chance.below(course.time.as_micros() as u64 * 11 / 10));
            what = format!("run {number}, killed after {after:?}");
            let child = course.embark(&remote.url());
            sleep(after);
            child
        } else {
            let (towards, messages) =
                either_way(chance, course.traffic.messages_to_server, course.traffic.messages_to_client);
            what = format!("run {number}, killed at message {messages} towards the {towards:?}");
            proxy.cut_after_messages(towards, messages);
            let child = course.embark(&remote.url_through(&proxy));
            proxy.wait_for_cut(course.time * 4 + Duration::from_secs(1));
            child
        };
        let died = killed(&mut child);
        let settled = course.arrive(&remote, &what);
        format!("{} and {settled} settled", if died { "killed" } else { "ended" })
    });
}

fn either_way(chance: &mut Chance, to_server: u64, to_client: u64) -> (Towards, u64) {
    match chance.below(2) {
        0 => (Towards::Server, chance.below(to_server)),
        _ => (Towards::Client, chance.below(to_client)),
    }
}

/// Scripts whose place, role or session is in question: 200 deaths a server at every run.
fn program_killed_between_schemas(kind: ServerKind) {
    killed_on(kind, &["crossing"], 1_000);
}

fn connection_cut_between_schemas(kind: ServerKind) {
    cut_on(kind, &["crossing"], 1_000);
}

fn connection_cut(kind: ServerKind) {
    cut_on(kind, sets(kind), 500);
}

fn cut_on(kind: ServerKind, sets: &[&'static str], all: usize) {
    each_course(kind, sets, all, |course, chance, number| {
        let remote = Remote::fresh(&course.server);
        let proxy = Proxy::to(&course.server).expect("a proxy");
        let (towards, bytes) =
            either_way(chance, course.traffic.bytes_to_server, course.traffic.bytes_to_client);
        let what = format!("run {number}, cut at byte {bytes} towards the {towards:?}");
        proxy.cut_after_bytes(towards, bytes);
        let result = remote::migrate(&remote.url_through(&proxy), &course.migrator(&remote));
        if let Err(error) = result {
            // Cut while it connects, the client does not know why: nothing was sent then.
            let connecting = error.to_string().starts_with("no connection to");
            assert!(
                connecting || matches!(error.kind(), ErrorKind::Retry | ErrorKind::OutcomeUnknown),
                "{what}: {error:#}: {:?} {:?} {:?}",
                error.class(),
                error.code(),
                std::error::Error::source(&error).map(|it| format!("{it:?}"))
            );
        }
        let settled = course.arrive(&remote, &what);
        format!("{settled} settled")
    });
}

fn server_killed(kind: ServerKind) {
    let mut seen = false;
    for installation in Installation::all().expect("servers").iter().filter(|it| it.kind() == kind) {
        seen = true;
        let options = ServerOptions::new(kind)
            .with_version(installation.version())
            .with_durability(Durability::Process);
        let server = Server::start(&options).expect("a server");
        let mut chance = Chance::of_this_run(&format!("{kind} {} killed", installation.version()));
        let (began, mut count) = (Instant::now(), 0);
        let courses: Vec<_> = sets(kind).iter().map(|set| Course::new(&server, set)).collect();
        for number in 0..runs(50) {
            let course = &courses[number % courses.len()];
            let remote = Remote::fresh(&server);
            let after = Duration::from_micros(chance.below(course.time.as_micros() as u64));
            let what = format!("{}, run {number}, the server killed after {after:?}", course.set);
            let child = course.embark(&remote.url());
            sleep(after);
            server.kill().expect("it dies");
            child.wait_with_output().expect("it ends");
            server.restart().expect("it starts again");
            course.arrive(&remote, &what);
            count += 1;
        }
        println!("{kind} {}: {count} deaths in {:?}", installation.version(), began.elapsed());
    }
    check_seen(kind, seen);
}

/// A holder that is stopped, overtaken and continued.
fn holder_stopped(kind: ServerKind) {
    each_course(kind, &["voyage"], 60, |course, chance, number| {
        let remote = Remote::fresh(&course.server);
        let after = Duration::from_micros(chance.below(course.time.as_micros() as u64));
        let what = format!("run {number}, stopped after {after:?}");
        let child = course.embark(&remote.url());
        sleep(after);
        signal("STOP", &child);
        let mut second = course.embark(&remote.url());
        // While the first one stands still within a transaction, or holds the lock, the second one waits.
        sleep(course.time * 2);
        let overtaken = second.try_wait().expect("a status").is_some();
        signal("CONT", &child);
        for child in [child, second] {
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{what}: {}", said(&output));
        }
        course.check(&remote, &what);
        if overtaken { "overtaken".into() } else { "waited for".into() }
    });
}

fn signal(name: &str, child: &Child) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

macro_rules! on_each_server {
    ($($name:ident),*) => { $(
        mod $name {
            use whimbrel_testkit::ServerKind;

            #[test]
            fn it_arrives_on_postgres() {
                super::$name(ServerKind::Postgres);
            }

            #[test]
            fn it_arrives_on_mariadb() {
                super::$name(ServerKind::MariaDb);
            }

            #[test]
            fn it_arrives_on_mysql() {
                super::$name(ServerKind::MySql);
            }
        }
    )* };
}

on_each_server!(
    program_killed,
    connection_cut,
    program_killed_between_schemas,
    connection_cut_between_schemas,
    server_killed,
    holder_stopped
);
