//! The statements that contradict a guess: each is caught while the server is at it, its session ends there, and both ends
//! that it might have had are tried. The next run gives the right answer, or says that it cannot know.
//!
//! What blocks is another session with the table locked. In the one world the statement has not taken effect; in the other
//! one it has, and its row was lost: there it is run by hand.

#[path = "unknown/characters.rs"]
mod characters;
#[path = "unknown/names.rs"]
mod names;
#[path = "unknown/places.rs"]
mod places;

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use whimbrel::{
    Answers, DatabaseUrl, Driver, Ending, Error, ErrorKind, Finding, FindingKind, Memory, Message, Migrator,
    Settlement, Version,
};
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{Faulty, Installation, Moment, Server, ServerKind};
use whimbrel_tests::remote::{self, Remote};

/// What is to be said after the crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It goes on by itself.
    Known,
    /// It is in doubt, and a person says which it was.
    Unknown,
    /// It could be known, and the session that the rest needs is gone.
    Lost,
    /// So if it took effect. Otherwise nothing but the session has seen what ran before, and that is run again.
    LostBehind,
}

use Answer::{Known, Lost, LostBehind, Unknown};

/// A script, of which the statement of that number is caught.
struct Case {
    name: &'static str,
    locked: &'static str,
    script: &'static [&'static str],
    caught: usize,
    answer: Answer,
}

const fn case(
    name: &'static str,
    locked: &'static str,
    script: &'static [&'static str],
    caught: usize,
    answer: Answer,
) -> Case {
    Case { name, locked, script, caught, answer }
}

const COUNT: &str = "UPDATE counter SET n = n + 1";

/// Before each case: `t` and `u` of InnoDB, `m` of MyISAM, `p` with partitions, and what leads from one to another.
const START: &[&str] = &[
    "CREATE TABLE counter (n INT)",
    "INSERT INTO counter VALUES (0)",
    "CREATE TABLE t (n INT PRIMARY KEY)",
    "INSERT INTO t VALUES (1), (2)",
    "CREATE TABLE u (n INT PRIMARY KEY)",
    "CREATE TABLE m (n INT) ENGINE = MyISAM",
    "CREATE TABLE leads (n INT)",
    "CREATE TRIGGER leads_to_m AFTER INSERT ON leads FOR EACH ROW INSERT INTO m VALUES (NEW.n)",
    "CREATE TABLE p (n INT) PARTITION BY RANGE (n) (PARTITION p0 VALUES LESS THAN (10))",
    "CREATE PROCEDURE add_to_t() INSERT INTO t VALUES (7)",
];

const CASES: &[Case] = &[
    case("swap", "t", &[COUNT, "RENAME TABLE t TO aside, u TO t, aside TO u", COUNT], 2, Unknown),
    case("truncate", "t", &[COUNT, "TRUNCATE TABLE t", COUNT], 2, Unknown),
    case("several", "t", &[COUNT, "DROP TABLE t, u", COUNT], 2, Unknown),
    case("call", "t", &[COUNT, "CALL add_to_t()", COUNT], 2, Unknown),
    case("my_isam", "m", &["CREATE TABLE c (n INT)", "INSERT INTO m VALUES (1)", COUNT], 2, Unknown),
    case(
        "by_trigger",
        "leads",
        &["CREATE TABLE c (n INT)", "INSERT INTO leads VALUES (1)", COUNT],
        2,
        Unknown,
    ),
    case(
        "partition",
        "p",
        &["ALTER TABLE p ADD PARTITION (PARTITION p1 VALUES LESS THAN (20))", COUNT],
        1,
        Unknown,
    ),
    case("modify", "t", &[COUNT, "ALTER TABLE t MODIFY COLUMN n BIGINT", COUNT], 2, Unknown),
    case("clauses", "t", &[COUNT, "ALTER TABLE t ADD COLUMN a INT, ADD COLUMN b INT", COUNT], 2, Unknown),
    case("unnamed", "t", &["ALTER TABLE t ADD UNIQUE (n)", COUNT], 1, Unknown),
    case("filled", "t", &["CREATE TABLE filled (n INT PRIMARY KEY) SELECT n FROM t", COUNT], 1, Unknown),
    case("column", "t", &[COUNT, "ALTER TABLE t ADD COLUMN a INT", COUNT], 2, Known),
    case(
        "no_column",
        "t",
        &["ALTER TABLE t ADD COLUMN a INT DEFAULT 7", "ALTER TABLE u DROP COLUMN n, ADD d INT", COUNT],
        1,
        Known,
    ),
    case("index", "t", &[COUNT, "CREATE INDEX t_n ON t (n)", COUNT], 2, Known),
    case("gone", "t", &[COUNT, "DROP TABLE t", COUNT], 2, Known),
    case(
        "trigger",
        "t",
        &["CREATE TRIGGER t_n BEFORE INSERT ON t FOR EACH ROW SET NEW.n = NEW.n + 1", COUNT],
        1,
        Known,
    ),
    case(
        "temporary",
        "t",
        &[
            "CREATE TEMPORARY TABLE aside (n INT)",
            "INSERT INTO aside VALUES (5)",
            "ALTER TABLE t ADD COLUMN a INT",
            "INSERT INTO u SELECT n FROM aside",
        ],
        3,
        Lost,
    ),
    case(
        "variable",
        "t",
        &[
            "SET @most = (SELECT max(n) FROM u)",
            "ALTER TABLE t ADD COLUMN a INT",
            "UPDATE counter SET n = n + coalesce(@most, 1)",
        ],
        2,
        LostBehind,
    ),
];

impl Case {
    fn migrator(&self) -> Migrator<'static> {
        migrator(self.name, &self.script.join(";\n"))
    }
}

fn migrator(name: &str, script: &str) -> Migrator<'static> {
    Migrator::new(Memory::new().with_sql(1, name, format!("{script};")))
        .with_unbaselined(whimbrel::Unbaselined::Allow)
        .with_lock_deadline(Duration::from_secs(30))
        .with_database_messages()
}

fn servers(kinds: &[ServerKind]) -> Vec<&'static Server> {
    let installed = Installation::all().expect("servers").iter().filter(|it| kinds.contains(&it.kind()));
    let servers: Vec<_> = installed.map(|it| Server::shared_from(it).expect("a server")).collect();
    assert!(!servers.is_empty(), "none of {kinds:?} is installed: `cargo xtask test` installs them");
    servers
}

const MYSQL: &[ServerKind] = &[ServerKind::MariaDb, ServerKind::MySql];

fn start(server: &Server) -> Remote {
    let remote = Remote::fresh(server);
    remote.run(START);
    remote
}

/// A session of the test's own that has something locked until it ends.
fn holding(remote: &Remote, statements: &[&str]) -> Box<dyn Driver> {
    remote::block_on(async {
        let mut driver = remote::connect(&remote.url()).await.expect("a connection");
        for sql in statements {
            let answer = driver.execute(&[Message::new(*sql, 1)], &mut Answers::new()).await;
            answer.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        driver
    })
}

fn let_go(mut driver: Box<dyn Driver>) {
    driver.close();
}

/// The session that waits for a lock.
fn waiting(remote: &Remote) -> i64 {
    let sql = match remote.kind() {
        ServerKind::Postgres => {
            "SELECT coalesce(max(pid), 0)::bigint FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock'"
        }
        _ => {
            "SELECT coalesce(max(id), 0) FROM information_schema.processlist WHERE db = database() \
             AND state LIKE 'Waiting for table%'"
        }
    };
    let began = Instant::now();
    loop {
        match remote.number(sql) {
            0 => assert!(began.elapsed() < Duration::from_secs(20), "nobody waits"),
            session => return session,
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a session, and waits until it is gone: its client learns of it first, and until then it may still be given the
/// lock, and carry on.
fn end(remote: &Remote, session: i64) {
    if remote.kind() == ServerKind::Postgres {
        assert_eq!(remote.number(&format!("SELECT pg_terminate_backend({session}, 20000)::int::bigint")), 1);
        return;
    }
    remote.run(&[&format!("KILL {session}")]);
    let there = format!("SELECT count(*) FROM information_schema.processlist WHERE id = {session}");
    let began = Instant::now();
    while remote.number(&there) > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
    }
}

/// Runs the migrator until its session waits, and ends that session.
fn catch(remote: &Remote, migrator: &Migrator<'static>, locks: &[&str]) -> Error {
    let blocker = holding(remote, locks);
    let result = thread::scope(|scope| {
        let run = scope.spawn(|| remote.migrate(migrator));
        let session = waiting(remote);
        end(remote, session);
        run.join().expect("it does not panic")
    });
    let_go(blocker);
    let error = result.expect_err("its session was ended");
    assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
    error
}

fn settle(remote: &Remote, migrator: &Migrator<'_>, ending: Ending) {
    let version = Some(Version::new(1).expect("a version"));
    let settlement = Settlement { version, ending, reason: "looked".into() };
    let result = remote::block_on(async {
        let mut driver = remote::connect(&remote.url()).await?;
        migrator.settle(&mut &mut *driver, settlement).await
    });
    result.unwrap_or_else(|error| panic!("{error:#}"));
}

/// Its words name the file and the statement, and say what to do next.
fn check_words(error: &Error, case: &Case, what: &str) {
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{what}: {error:#}");
    assert!(error.location().is_some_and(|place| place.file.contains(case.name)), "{what}: {error:#}");
    assert!(error.notes().any(|(_, text)| text.contains("`settle`")), "{what}: {error:#}");
}

#[test]
fn what_was_caught_is_known_rightly_or_said_to_be_unknown() {
    for server in servers(MYSQL) {
        for case in CASES {
            let undisturbed = start(server);
            undisturbed.migrate(&case.migrator()).unwrap_or_else(|error| panic!("{}: {error:#}", case.name));
            let expected = undisturbed.picture();
            for took_effect in [false, true] {
                let what = format!("{server:?} {} took effect: {took_effect}", case.name);
                let remote = start(server);
                catch(&remote, &case.migrator(), &[&format!("LOCK TABLES {} WRITE", case.locked)]);
                let mark = remote.number("SELECT count(*) FROM whimbrel_history WHERE event = 'applied'");
                assert_eq!(mark, 0, "{what}");
                if took_effect {
                    remote.run(&[case.script[case.caught - 1]]);
                }
                let result = remote.migrate(&case.migrator());
                match case.answer {
                    LostBehind if !took_effect => {
                        result.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                    }
                    Known => {
                        result.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                    }
                    Unknown => {
                        let error = result.expect_err(&what);
                        check_words(&error, case, &what);
                        assert_eq!(error.statement(), Some(case.caught), "{what}: {error:#}");
                        let ending = if took_effect {
                            Ending::TookEffect(case.caught)
                        } else {
                            Ending::DidNot(case.caught)
                        };
                        settle(&remote, &case.migrator(), ending);
                        remote.migrate(&case.migrator()).unwrap_or_else(|error| panic!("{what}: {error:#}"));
                    }
                    Lost | LostBehind => {
                        check_words(&result.expect_err(&what), case, &what);
                        // By hand, with the session's state made anew.
                        let done = if took_effect { case.caught } else { case.caught - 1 };
                        let rest: Vec<&str> = case.script[..case.caught - 1]
                            .iter()
                            .chain(&case.script[done..])
                            .copied()
                            .collect();
                        remote.run(&rest);
                        settle(&remote, &case.migrator(), Ending::Applied);
                        remote.migrate(&case.migrator()).unwrap_or_else(|error| panic!("{what}: {error:#}"));
                    }
                }
                assert_eq!(remote.picture(), expected, "{what}");
            }
        }
    }
}

#[test]
fn a_script_that_was_changed_behind_an_open_statement_is_refused_until_it_is_restored() {
    for server in servers(MYSQL) {
        let begun = migrator("open", "ALTER TABLE t ADD COLUMN a INT;\nUPDATE counter SET n = n + 1");
        let changed = migrator("open", "ALTER TABLE t ADD COLUMN b INT;\nUPDATE counter SET n = n + 1");
        let remote = start(server);
        catch(&remote, &begun, &["LOCK TABLES t WRITE"]);
        remote.run(&["ALTER TABLE t ADD COLUMN a INT"]);
        let error = remote.migrate(&changed).expect_err("it was another one");
        assert_eq!(error.findings().iter().map(Finding::kind).collect::<Vec<_>>(), [FindingKind::Changed]);
        assert!(format!("{error:#}").contains("restore"), "{error:#}");
        assert_eq!(remote.number("SELECT n FROM counter"), 0);
        remote.migrate(&begun).expect("it took effect");
        assert_eq!(remote.number("SELECT n FROM counter"), 1);
    }
}

#[test]
fn what_someone_else_has_altered_in_between_is_unknown() {
    for server in servers(MYSQL) {
        let case = case("column", "t", &["ALTER TABLE t ADD COLUMN a INT", COUNT], 1, Unknown);
        let remote = start(server);
        catch(&remote, &case.migrator(), &["LOCK TABLES t WRITE"]);
        remote.run(&["ALTER TABLE t ADD COLUMN theirs INT"]);
        let error = remote.migrate(&case.migrator()).expect_err("in doubt");
        check_words(&error, &case, "altered");
        settle(&remote, &case.migrator(), Ending::DidNot(1));
        remote.migrate(&case.migrator()).expect("settled");
        assert_eq!(remote.number("SELECT n FROM counter"), 1);
    }
}

fn traveller(remote: &Remote, scripts: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_traveller"))
        .args([&remote.url(), remote.kind().name()])
        .args(scripts)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

fn kill(mut child: Child) {
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
}

/// As `traveller` names its migrations.
fn travellers(script: &str) -> Migrator<'static> {
    Migrator::new(Memory::new().with_sql(1, "m1", script))
        .with_lock_deadline(Duration::from_secs(30))
        .with_database_messages()
}

const QUEUE: &str = "CREATE TABLE counter (n INT);\nINSERT INTO counter VALUES (0);\nCREATE TABLE q (n INT);";

/// Two migrations, of which the second one is caught.
fn queue(script: &str) -> Migrator<'static> {
    Migrator::new(Memory::new().with_sql(1, "m1", QUEUE).with_sql(2, "m2", script))
        .with_lock_deadline(Duration::from_secs(30))
        .with_database_messages()
}

#[test]
fn an_alter_that_waits_while_its_client_is_killed_is_waited_for() {
    const SCRIPT: &str = "ALTER TABLE q ADD COLUMN a INT;\nUPDATE counter SET n = n + 1;";
    for server in servers(MYSQL) {
        let remote = Remote::fresh(server);
        remote.migrate(&travellers(QUEUE)).expect("the tables");
        let blocker = holding(&remote, &["LOCK TABLES q WRITE"]);
        let child = traveller(&remote, &[QUEUE, SCRIPT]);
        waiting(&remote);
        kill(child);
        thread::scope(|scope| {
            let run = scope.spawn(|| remote.migrate(&queue(SCRIPT)));
            thread::sleep(Duration::from_millis(400));
            assert!(!run.is_finished(), "nobody gets past the table that is locked");
            let_go(blocker);
            let report = run.join().expect("it does not panic");
            report.unwrap_or_else(|error| panic!("{server:?}: {error:#}"));
        });
        assert_eq!(remote.number("SELECT n FROM counter"), 1, "{server:?}");
    }
}

#[test]
fn an_alter_that_waits_while_its_client_is_stopped_is_done_once() {
    const SCRIPT: &str = "ALTER TABLE q ADD COLUMN a INT;\nUPDATE counter SET n = n + 1;";
    for server in servers(MYSQL) {
        let remote = Remote::fresh(server);
        remote.migrate(&travellers(QUEUE)).expect("the tables");
        let blocker = holding(&remote, &["LOCK TABLES q WRITE"]);
        let mut child = traveller(&remote, &[QUEUE, SCRIPT]);
        waiting(&remote);
        signal("STOP", &child);
        let_go(blocker);
        // The server carries on with what it has: whoever comes now finds the work done, or waits for the one who stands.
        thread::scope(|scope| {
            let run = scope.spawn(|| remote.migrate(&queue(SCRIPT)));
            thread::sleep(Duration::from_millis(400));
            signal("CONT", &child);
            let report = run.join().expect("it does not panic");
            report.unwrap_or_else(|error| panic!("{server:?}: {error:#}"));
        });
        assert!(child.wait().expect("it ends").success(), "{server:?}");
        assert_eq!(remote.number("SELECT n FROM counter"), 1, "{server:?}");
    }
}

fn signal(name: &str, child: &Child) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

#[test]
fn an_orphan_at_work_is_waited_for() {
    const SCRIPT: &str = "UPDATE counter SET n = n + 1;\nUPDATE counter SET n = n + 1 + sleep(1.5);\n\
                          ALTER TABLE q ADD COLUMN a INT;\nUPDATE counter SET n = n + 1;";
    for server in servers(MYSQL) {
        let remote = Remote::fresh(server);
        remote.migrate(&travellers(QUEUE)).expect("the tables");
        let child = traveller(&remote, &[QUEUE, SCRIPT]);
        let began = Instant::now();
        let asleep = "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND state = 'User sleep'";
        while remote.number(asleep) == 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "nobody sleeps");
        }
        kill(child);
        let report = remote.migrate(&queue(SCRIPT));
        report.unwrap_or_else(|error| panic!("{server:?}: {error:#}"));
        assert_eq!(remote.number("SELECT n FROM counter"), 3, "{server:?}");
    }
}

const BUILD: &str =
    "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY q_n ON q (n);\nUPDATE counter SET n = n + 1;";

/// Somebody's transaction has written to the table: whoever builds an index waits for its end.
const WRITING: &[&str] = &["BEGIN", "INSERT INTO q VALUES (1)"];

const VALID: &str = "SELECT count(*) FROM pg_index WHERE indexrelid = 'q_n'::regclass AND indisvalid";
const OID: &str = "SELECT 'q_n'::regclass::oid::bigint";

fn postgres() -> Remote {
    let server = Server::shared(ServerKind::Postgres).expect("a server");
    let remote = Remote::fresh(server);
    remote.migrate(&travellers(QUEUE)).expect("the tables");
    remote
}

#[test]
fn an_index_left_invalid_is_dropped_and_built_again() {
    let remote = postgres();
    let blocker = holding(&remote, WRITING);
    let child = traveller(&remote, &[QUEUE, BUILD]);
    let session = waiting(&remote);
    kill(child);
    remote.run(&[&format!("SELECT pg_terminate_backend({session}, 5000)")]);
    let_go(blocker);
    assert_eq!(remote.number(VALID), 0, "it was left invalid");
    let left = remote.number(OID);
    remote.migrate(&queue(BUILD)).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(remote.number(VALID), 1);
    assert_ne!(remote.number(OID), left);
    assert_eq!(remote.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'q\\_n%'"), 1);
    assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
}

#[test]
fn wherever_the_rebuild_of_an_index_is_cut_off_the_next_run_settles_it() {
    let cut = |remote: &Remote, call, moment| {
        remote::block_on(async {
            let url = DatabaseUrl::parse(&remote.url()).expect("a URL");
            let postgres = Postgres::connect(&url).await.expect("a connection");
            let mut faulty = Faulty::new(postgres, call, moment);
            let result = queue(BUILD).run(&mut faulty).await;
            (faulty.failed(), result)
        })
    };
    let announced = "SELECT count(*) FROM whimbrel_history WHERE event = 'begun' AND version = 2";
    // The call before which the statement has been announced, and nothing of it done.
    let announcing = (1..40)
        .find(|call| {
            let remote = postgres();
            cut(&remote, *call, Moment::Before).1.expect_err("it is cut off");
            remote.number(announced) == 1
        })
        .expect("it is announced");
    for moment in [Moment::Before, Moment::After] {
        for call in 1.. {
            let remote = postgres();
            cut(&remote, announcing, Moment::Before).1.expect_err("it is cut off");
            // What a server that dies in the middle of the statement leaves.
            remote.run(&[
                "CREATE INDEX CONCURRENTLY q_n ON q (n)",
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'q_n'::regclass",
            ]);
            let (failed, result) = cut(&remote, call, moment);
            if !failed {
                result.expect("nothing was in the way");
                assert!(call > 12, "so few calls");
                break;
            }
            let report = remote.migrate(&queue(BUILD));
            report.unwrap_or_else(|error| panic!("call {call} lost {moment:?} its effect: {error:#}"));
            assert_eq!(remote.number(VALID), 1);
            assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
        }
    }
}

#[test]
fn an_invalid_index_of_someone_elses_is_not_touched() {
    let remote = postgres();
    remote.run(&["INSERT INTO q VALUES (1), (1)"]);
    let failed = remote::block_on(async {
        let mut driver = remote::connect(&remote.url()).await.expect("a connection");
        let build = Message::new("CREATE UNIQUE INDEX CONCURRENTLY q_n ON q (n)", 1);
        driver.execute(&[build], &mut Answers::new()).await
    });
    assert!(failed.is_err(), "its rows are not unique");
    let theirs = remote.number(OID);
    for _ in 0..3 {
        let error = remote.migrate(&queue(BUILD)).expect_err("the name is taken");
        assert_eq!((error.code(), error.statement()), (Some("42P07"), Some(1)), "{error:#}");
        assert_eq!(remote.number(OID), theirs);
    }
    remote.run(&["DROP INDEX q_n"]);
    remote.migrate(&queue(BUILD)).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
}

#[test]
fn an_index_that_is_still_being_built_is_waited_for() {
    let remote = postgres();
    let blocker = holding(&remote, WRITING);
    let child = traveller(&remote, &[QUEUE, BUILD]);
    waiting(&remote);
    kill(child);
    thread::scope(|scope| {
        let run = scope.spawn(|| remote.migrate(&queue(BUILD)));
        thread::sleep(Duration::from_millis(600));
        assert!(!run.is_finished(), "it is still being built");
        assert_eq!(remote.number(VALID), 0);
        let_go(blocker);
        let report = run.join().expect("it does not panic");
        report.unwrap_or_else(|error| panic!("{error:#}"));
    });
    assert_eq!(remote.number(VALID), 1);
    assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
}
