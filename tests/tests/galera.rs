//! Two MariaDB servers in a Galera cluster, both of which take writes: many processes that migrate on both at once, what one
//! shows of what was done on the other, a migrator that dies on one and is followed by one on the other, and a server
//! that has lost its cluster.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use whimbrel::{Driver, Ending, ErrorClass, ErrorKind, Memory, Migrator, Outcome, Settlement, Version};
use whimbrel_testkit::{Galera, Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, Either, is_long};
use whimbrel_tests::sets;

/// How many migrations the newest program has.
const COUNT: i64 = 14;

fn start() -> Galera {
    Galera::start(&ServerOptions::new(ServerKind::MariaDb)).unwrap_or_else(|error| panic!("{error}"))
}

/// The cluster that the tests of this process share.
fn cluster() -> &'static Galera {
    static CLUSTER: OnceLock<Galera> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

/// A new database, seen from both servers.
async fn databases(cluster: &Galera) -> [Database; 2] {
    let [one, other] = cluster.nodes();
    let one = Database::on(one).await;
    let other = Database { server: other.clone(), name: one.name.clone() };
    caught_up(&other.server).await;
    [one, other]
}

/// Waits until the server shows what was committed on the other one.
async fn caught_up(server: &Server) {
    let mut db = Database { server: server.clone(), name: "mysql".to_owned() }.open().await;
    db.run("SET SESSION wsrep_sync_wait = 7").await;
    db.number("SELECT count(*) FROM db").await;
}

/// All that there is, as this server shows it once it has caught up: the history to the byte, the schema, the counts.
async fn picture(database: &Database) -> String {
    caught_up(&database.server).await;
    let mut db = database.open().await;
    let mut text = String::new();
    for sql in [
        "SELECT * FROM whimbrel_history ORDER BY set_name, seq".to_owned(),
        format!(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = '{}' \
             ORDER BY table_name, ordinal_position",
            database.name
        ),
        "SELECT what, count(*) FROM counter GROUP BY what ORDER BY what".to_owned(),
    ] {
        text.push_str(&db.lines(&sql).await);
        text.push('\n');
    }
    text
}

/// Both servers show the same; nothing was counted twice, and no migration was applied twice.
async fn agree(databases: &[Database; 2], applied: i64) {
    let [one, other] = databases;
    assert_eq!(picture(one).await, picture(other).await);
    let mut db = one.open().await;
    let twice = "SELECT what FROM counter GROUP BY what HAVING count(*) > 1";
    assert_eq!(db.lines(twice).await, "", "counted twice");
    let sql = "SELECT count(*) * 1000 + count(DISTINCT concat_ws(' ', version, name)) FROM whimbrel_history \
         WHERE event = 'applied'";
    assert_eq!(db.number(sql).await, applied * 1001, "{}", picture(one).await);
}

/// Boots processes by turns on both servers, all at once. How many migrations they say they have applied, together.
fn boots(databases: &[Database; 2], processes: usize) -> i64 {
    let boot = |database: &Database| {
        Command::new(env!("CARGO_BIN_EXE_booter"))
            .args([&database.server.url(&database.name), "plain", &COUNT.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let children: Vec<Child> = (0..processes).map(|number| boot(&databases[number % 2])).collect();
    let mut applied = 0;
    for child in children {
        let output = child.wait_with_output().expect("the program ends");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        let count = said.strip_prefix("applied ").and_then(|rest| rest.split_once(" migration"));
        applied += count.map_or(0, |(count, _)| count.parse::<i64>().expect("a number"));
    }
    applied
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_on_both_servers_at_once_all_succeed_and_apply_once() {
    let (rounds, processes) = if is_long() { (20, 24) } else { (2, 10) };
    for round in 0..rounds {
        // On a fresh database, and on one with a history and half of the set pending.
        let begun = if round % 2 == 0 { 0 } else { COUNT / 2 };
        let databases = databases(cluster()).await;
        if begun > 0 {
            let migrator = Migrator::new(sets::replicated("plain", begun));
            migrator.run(&mut databases[0].open().await).await.unwrap_or_else(|error| panic!("{error:#}"));
        }
        let began = Instant::now();
        let applied = boots(&databases, processes);
        let elapsed = began.elapsed();
        let by = "SELECT count(DISTINCT who) FROM whimbrel_history WHERE event = 'applied'";
        let by = databases[0].open().await.number(by).await;
        println!("{processes} processes on {begun} of {COUNT}: {elapsed:?}, applied by {by}");
        assert_eq!(applied, COUNT - begun);
        agree(&databases, COUNT).await;
        let migrator = Migrator::new(sets::replicated("plain", COUNT));
        for database in &databases {
            let mut db = database.open().await;
            migrator.verify_history(&mut db, &[]).await.unwrap_or_else(|error| panic!("{error:#}"));
            let report = migrator.run(&mut db).await.expect("nothing is to be done");
            assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
        }
    }
}

/// Scripts with ways down that change the schema, and that change data; a repeatable; a step in Rust.
fn one_of_everything() -> Migrator<'static> {
    let set = set(&[COUNTER])
        .with_rust(2, "step")
        .with_sql(3, "t", "CREATE TABLE t (n INTEGER PRIMARY KEY);\nINSERT INTO counter VALUES ('3');")
        .with_down(3, "DROP TABLE t;\nINSERT INTO counter VALUES ('3 down');")
        .with_sql(4, "data", "INSERT INTO counter VALUES ('4');")
        .with_down(4, "INSERT INTO counter VALUES ('4 down');")
        .with_repeatable(
            "totals",
            "CREATE OR REPLACE VIEW totals AS SELECT count(*) AS n FROM counter;\nINSERT INTO counter VALUES ('R');",
        );
    Migrator::new(set).with_step(2, |transaction| {
        Box::pin(async move {
            transaction.execute("INSERT INTO counter VALUES ('2')", &[]).await?;
            Ok(())
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_and_reverts_of_every_kind_race_on_both_servers_and_are_done_once() {
    for _ in 0..if is_long() { 50 } else { 6 } {
        let databases = databases(cluster()).await;
        let (mut one, mut other) = (databases[0].open().await, databases[1].open().await);
        let migrator = one_of_everything();
        let (a, b) = tokio::join!(migrator.run(&mut one), migrator.run(&mut other));
        let count = |result: whimbrel::Result<whimbrel::Report>| {
            result.unwrap_or_else(|error| panic!("{error:#}")).migrations.len()
        };
        assert_eq!(count(a) + count(b), 5);
        agree(&databases, 5).await;
        let target = Some(Version::new(2).expect("a version"));
        let (a, b) =
            tokio::join!(migrator.revert_to(&mut one, target), migrator.revert_to(&mut other, target));
        assert_eq!(count(a) + count(b), 2);
        agree(&databases, 5).await;
        assert_eq!(one.number("SELECT count(*) FROM counter").await, 6);
        for db in [&mut one, &mut other] {
            migrator.verify_history(db, &[]).await.unwrap_or_else(|error| panic!("{error:#}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_loses_against_a_commit_on_the_other_server_is_done_again() {
    let databases = databases(cluster()).await;
    let [one, other] = &databases;
    let shared = "CREATE TABLE shared (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);\nINSERT INTO shared VALUES (1, 0);";
    let set = set(&[COUNTER, shared]).with_rust(3, "step");
    let calls = Arc::new(AtomicUsize::new(0));
    let (seen, server) = (Arc::clone(&calls), one.clone());
    let migrator = Migrator::new(set).with_step(3, move |transaction| {
        let (seen, server) = (Arc::clone(&seen), server.clone());
        Box::pin(async move {
            transaction.execute("UPDATE shared SET n = n + 1", &[]).await?;
            if seen.fetch_add(1, Ordering::Relaxed) == 0 {
                caught_up(&server.server).await;
                server.open().await.run("UPDATE shared SET n = n + 10").await;
                // The other one then takes back what has been done here.
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            Ok(())
        })
    });
    let mut db = other.open().await;
    migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(db.number("SELECT n FROM shared").await, 11);
    agree(&databases, 3).await;
    // One who only reads loses, too; there nothing is lost with it.
    let reader = tokio::spawn({
        let other = other.clone();
        async move { other.open().await.query("SELECT sleep(5) FROM shared", &[]).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    caught_up(&one.server).await;
    one.open().await.run("ALTER TABLE shared ADD COLUMN m INTEGER").await;
    let error = reader.await.expect("no panic").expect_err("it was in the way");
    assert_eq!((error.class(), error.code()), (ErrorClass::Busy, Some("1213")), "{error}");
    caught_up(&other.server).await;
    db.run("START TRANSACTION READ WRITE").await;
    db.run("UPDATE shared SET n = n + 1").await;
    one.open().await.run("UPDATE shared SET n = n + 10").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = db.query("SELECT 1", &[]).await.expect_err("it was taken back");
    assert_eq!((error.class(), error.code()), (ErrorClass::Conflict, Some("1213")), "{error}");
    assert_eq!(db.number("SELECT n FROM shared").await, 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_of_a_cluster_are_told_apart_by_more_than_their_names() {
    let mut texts = Vec::new();
    for server in cluster().nodes() {
        let mut db = Database { server: server.clone(), name: "mysql".to_owned() }.open().await;
        let sql = format!("SELECT {}", db.dialect().history.server.expect("there is one"));
        texts.push(db.lines(&sql).await);
    }
    let words: Vec<Vec<&str>> = texts.iter().map(|text| text.split(' ').collect()).collect();
    assert_eq!((words[0].len(), words[1].len()), (5, 5), "{texts:?}");
    assert_eq!(words[0][0], words[1][0], "they have one host's name: {texts:?}");
    assert_eq!(words[0][1].len(), 36, "{texts:?}");
    assert_ne!(words[0][1], words[1][1], "{texts:?}");
}

fn set(scripts: &[&str]) -> Memory {
    (1..).zip(scripts).fold(Memory::new(), |set, (number, sql)| {
        set.with_sql(number, format!("m{number}"), (*sql).to_owned())
    })
}

const COUNTER: &str = "CREATE TABLE counter (what VARCHAR(40) NOT NULL);";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_sees_what_was_committed_on_the_other_server_though_that_is_not_there_yet() {
    let cluster = start();
    let [one, other] = databases(&cluster).await;
    let scripts = [
        COUNTER,
        "CREATE TABLE big (n INTEGER PRIMARY KEY);",
        "INSERT INTO big VALUES (1); INSERT INTO counter VALUES ('3');",
        "INSERT INTO counter VALUES ('4');",
    ];
    Migrator::new(set(&scripts[..2])).run(&mut one.open().await).await.expect("it applies");
    caught_up(&other.server).await;
    // What comes after has to wait before it is applied there.
    let mut holder = other.open().await;
    holder.apart("LOCK TABLES big WRITE").await;
    Migrator::new(set(&scripts[..3])).run(&mut one.open().await).await.expect("it applies");
    let newest = "SELECT max(version) FROM whimbrel_history WHERE event = 'applied'";
    assert_eq!(other.open().await.number(newest).await, 2, "it is behind");
    assert_eq!(one.open().await.number(newest).await, 3);
    let status = tokio::spawn({
        let (set, database) = (set(&scripts[..3]), other.clone());
        async move { Migrator::new(set).status(&mut database.open().await).await }
    });
    let run = tokio::spawn({
        let (set, database) = (set(&scripts), other.clone());
        async move { Migrator::new(set).run(&mut database.open().await).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!status.is_finished() && !run.is_finished(), "it did not wait");
    holder.apart("UNLOCK TABLES").await;
    let status = status.await.expect("no panic").expect("it can be read");
    assert!(!format!("{status}").contains("pending"), "{status}");
    let report = run.await.expect("no panic").unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report.migrations.len(), 1, "{report}");
    agree(&[one, other], 4).await;
}

/// Starts a process that migrates on a server, kills it when this is what it waits for there, and answers its session.
async fn killed(database: &Database, scripts: &[&str], amid: &str) -> i64 {
    let url = database.server.url(&database.name);
    let mut child = Command::new(env!("CARGO_BIN_EXE_traveller"))
        .args([&url, "mariadb"])
        .args(scripts)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut db = database.open().await;
    let sql = format!(
        "SELECT coalesce(max(id), 0) FROM information_schema.processlist WHERE state = 'User sleep' AND db = '{}'",
        database.name
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut session = 0;
    while session == 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
        session = db.number(&sql).await;
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it was killed");
    assert!(session > 0, "it never came to {amid}");
    session
}

/// Ends a session, as the server does itself when it finds out that the client is gone.
async fn end_session(db: &mut Either, session: i64) {
    db.run(&format!("KILL CONNECTION {session}")).await;
    let sql = format!("SELECT count(*) FROM information_schema.processlist WHERE id = {session}");
    while db.number(&sql).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_died_with_its_migrator_on_one_server_is_unknown_on_the_other_until_it_is_settled() {
    let databases = databases(cluster()).await;
    let [one, other] = &databases;
    let scripts = [
        COUNTER,
        "CREATE TABLE a (n INTEGER PRIMARY KEY);\n\
         CREATE TABLE b AS SELECT sleep(30) AS n;\n\
         INSERT INTO counter VALUES ('2');",
    ];
    let session = killed(one, &scripts, "the second table").await;
    end_session(&mut one.open().await, session).await;
    let migrator = Migrator::new(set(&scripts)).with_lock_deadline(Duration::from_secs(1));
    let mut db = other.open().await;
    let began = Instant::now();
    let error = migrator.run(&mut db).await.expect_err("nobody can tell");
    let text = format!("{error:#}");
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{text}");
    assert!(text.contains("another server") && text.contains("2_m2"), "{text}");
    assert!(began.elapsed() >= Duration::from_secs(1), "somebody could still be at work");
    // A person sees that there is no such table. The one that is made now has nothing to wait for.
    assert_eq!(db.lines("SHOW TABLES LIKE 'b'").await, "");
    let settlement = Settlement {
        version: Some(Version::new(2).expect("a version")),
        ending: Ending::DidNot(2),
        reason: "there is no table b".to_owned(),
    };
    migrator.settle(&mut db, settlement).await.unwrap_or_else(|error| panic!("{error:#}"));
    let changed = [scripts[0], &scripts[1].replace("sleep(30)", "1")];
    let report = Migrator::new(set(&changed)).run(&mut db).await;
    report.unwrap_or_else(|error| panic!("{error:#}"));
    agree(&databases, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_died_with_its_migrator_on_one_server_is_gone_on_with_on_the_other() {
    let databases = databases(cluster()).await;
    let [one, other] = &databases;
    let scripts = [
        COUNTER,
        "CREATE TABLE a (n INTEGER PRIMARY KEY);\n\
         INSERT INTO counter VALUES ('2a');\n\
         INSERT INTO counter VALUES (concat('2b', left(sleep(2), 0)));\n\
         CREATE TABLE c (n INTEGER PRIMARY KEY);",
    ];
    let session = killed(one, &scripts, "the second row").await;
    end_session(&mut one.open().await, session).await;
    let migrator = Migrator::new(set(&scripts)).with_lock_deadline(Duration::from_secs(1));
    let report = migrator.run(&mut other.open().await).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report.migrations.len(), 1, "{report}");
    agree(&databases, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_goes_on_with_when_its_migrator_is_dead_is_waited_for_on_the_other() {
    let databases = databases(cluster()).await;
    let [one, other] = &databases;
    let scripts = [
        COUNTER,
        "CREATE TABLE a (n INTEGER PRIMARY KEY);\n\
         CREATE TABLE b AS SELECT sleep(2) AS n;\n\
         INSERT INTO counter VALUES ('2');",
        "INSERT INTO counter VALUES ('3');",
    ];
    killed(one, &scripts[..2], "the second table").await;
    let report = Migrator::new(set(&scripts)).run(&mut other.open().await).await;
    let report = report.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report.migrations.len(), 1, "{report}");
    agree(&databases, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_lost_its_cluster_says_to_try_again_and_nothing_is_done_twice() {
    let cluster = start();
    let databases = databases(&cluster).await;
    let [one, other] = &databases;
    Migrator::new(sets::replicated("plain", 3)).run(&mut one.open().await).await.expect("it applies");
    caught_up(&other.server).await;
    let mut db = other.open().await;
    one.server.kill().expect("it is ours");
    let migrator = Migrator::new(sets::replicated("plain", COUNT));
    // At first the server has not noticed, and then it knows that it may not.
    for _ in 0..2 {
        let error = migrator.run(&mut db).await.expect_err("there is no cluster");
        println!("{error:#}");
        assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
        db = other.open().await;
    }
    one.server.restart().expect("it joins the other one");
    let report = migrator.run(&mut other.open().await).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{report}");
    agree(&databases, COUNT).await;
}
