//! A hundred replicas boot at once on a server: all succeed, and everything is applied once.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tokio::task::JoinHandle;
use whimbrel::{DatabaseUrl, ErrorKind, Memory, Migrator, Outcome, TableName, Transaction, Unbaselined};
use whimbrel_postgres::Postgres;
use whimbrel_postgres::tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use whimbrel_testkit::{
    Durability, PgBouncer, Pooling, Proxy, Server, ServerKind, ServerOptions, Towards, Wire,
};
use whimbrel_tests::either::{Database, Either, kinds};
use whimbrel_tests::sets;

/// How many migrations the newest program has.
const COUNT: i64 = 22;

const PROCESSES: usize = 100;

/// A server that takes so many connections.
fn server(kind: ServerKind) -> Server {
    let options =
        ServerOptions::new(kind).with_durability(Durability::Nothing).with_setting("max_connections", "300");
    Server::start(&options).expect("a server")
}

fn boot(url: &str, set: &str, count: i64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_booter"))
        .args([url, set, &count.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Boots many processes at once; all succeed. How many migrations they say they have applied, together.
fn boots(url: &str, set: &str) -> i64 {
    let children: Vec<Child> = (0..PROCESSES).map(|_| boot(url, set, COUNT)).collect();
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

/// What is there, but for what differs from run to run.
async fn picture(database: &Database) -> String {
    let mut db = database.open().await;
    let schema = if database.is_postgres() { "'public'".to_owned() } else { format!("'{}'", database.name) };
    let mut text = String::new();
    for sql in [
        "SELECT what, count(*) FROM counter GROUP BY what ORDER BY what".to_owned(),
        format!(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = {schema} \
             ORDER BY table_name, column_name"
        ),
        "SELECT version, event, count(*) FROM whimbrel_history WHERE event IN ('applied', 'begun', 'failed', 'statement') \
         GROUP BY version, event ORDER BY version, event"
            .to_owned(),
        "SELECT version, name, digest, head FROM whimbrel_history WHERE event = 'applied' ORDER BY version".to_owned(),
    ] {
        text.push_str(&db.lines(&sql).await);
        text.push('\n');
    }
    if database.is_postgres() {
        let sql = "SELECT c.relname, indisvalid::int FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
                   WHERE relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'whimbrel%' ORDER BY 1";
        text.push_str(&db.lines(sql).await);
    }
    text
}

/// Boots on a fresh database, on one with a history and something pending, and on a migrated one.
async fn three_boots(what: &str, server: &Server, set: &str, reach: impl Fn(&Database) -> String) {
    let alone = Database::on(server).await;
    migrate(&mut alone.open().await, set, COUNT).await;
    let expected = picture(&alone).await;
    // On a fresh database, and on one with a history and half of the set pending; on a migrated one each time.
    for begun in [0, COUNT / 2] {
        let database = Database::on(server).await;
        if begun > 0 {
            migrate(&mut database.open().await, set, begun).await;
        }
        let began = Instant::now();
        let applied = boots(&reach(&database), set);
        println!("{what}: {} processes on {begun} of {COUNT}: {:?}", PROCESSES, began.elapsed());
        assert_eq!(applied, COUNT - begun, "{what}");
        assert_eq!(picture(&database).await, expected, "{what}");
        if begun > 0 {
            let began = Instant::now();
            assert_eq!(boots(&reach(&database), set), 0, "{what}");
            println!("{what}: {} processes with nothing to do: {:?}", PROCESSES, began.elapsed());
            assert_eq!(picture(&database).await, expected, "{what}");
        }
        let mut db = database.open().await;
        let migrator = Migrator::new(sets::replicated(set, COUNT));
        migrator.verify_history(&mut db, &[]).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }
}

async fn migrate(db: &mut Either, set: &str, count: i64) {
    let migrator = Migrator::new(sets::replicated(set, count));
    migrator.run(db).await.unwrap_or_else(|error| panic!("{error:#}"));
}

fn direct(database: &Database) -> String {
    database.server.url(&database.name)
}

#[tokio::test]
async fn many_processes_on_postgresql_all_succeed_and_apply_once() {
    three_boots("PostgreSQL", &server(ServerKind::Postgres), "plain", direct).await;
}

#[tokio::test]
async fn many_processes_that_build_indexes_concurrently_all_succeed_and_apply_once() {
    three_boots("PostgreSQL, concurrently", &server(ServerKind::Postgres), "concurrent", direct).await;
}

#[tokio::test]
async fn many_processes_through_a_transaction_pooler_all_succeed_and_apply_once() {
    let server = server(ServerKind::Postgres);
    let pooler = PgBouncer::start(&server, Pooling::Transaction, 8, &[]).expect("a pooler");
    three_boots("PgBouncer", &server, "plain", |database| pooler.url(&database.name)).await;
}

#[tokio::test]
async fn many_processes_on_mysql_and_mariadb_all_succeed_and_apply_once() {
    for kind in kinds().into_iter().filter(|kind| *kind != ServerKind::Postgres) {
        three_boots(kind.name(), &server(kind), "plain", direct).await;
    }
}

/// A client of a pooler with one connection to the server.
async fn pooled(database: &Database) -> (PgBouncer, Either) {
    let pooler = PgBouncer::start(&database.server, Pooling::Transaction, 1, &[]).expect("a pooler");
    let url: DatabaseUrl = pooler.url(&database.name).parse().expect("a URL");
    let db = Database::connect(&url).await;
    (pooler, db)
}

#[tokio::test]
async fn work_outside_transactions_is_refused_through_a_transaction_pooler_with_the_remedy() {
    let database = Database::new(ServerKind::Postgres).await;
    let (_pooler, mut db) = pooled(&database).await;
    let memory = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);").with_sql(
        2,
        "index",
        "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);",
    );
    let error = Migrator::new(&memory).run(&mut db).await.expect_err("no lock could be held");
    let text = format!("{error:#}");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
    for word in ["2_index", "pooler", "direct"] {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    let mut own = database.open().await;
    assert_eq!(own.number("SELECT count(*) FROM pg_class WHERE relname = 't_n'").await, 0);
    // What the error says to do.
    Migrator::new(&memory).run(&mut own).await.expect("a direct connection");
    assert_eq!(
        own.number("SELECT indisvalid::int FROM pg_index WHERE indexrelid = 't_n'::regclass").await,
        1
    );
    // With nothing left to do outside transactions the pooler is fine.
    let memory = memory.with_sql(3, "row", "INSERT INTO t VALUES (1);");
    Migrator::new(&memory).run(&mut db).await.expect("a transaction is kept together");
    assert_eq!(own.number("SELECT count(*) FROM t").await, 1);
}

/// A client that is not ours, and its connection's task.
async fn raw(pooler: &PgBouncer, database: &Database) -> (Client, JoinHandle<()>) {
    let mut config = Config::new();
    config.host(pooler.host()).port(pooler.port()).user("postgres").dbname(&database.name);
    let (client, connection) = config.connect(NoTls).await.expect("the pooler takes a client");
    let task = tokio::spawn(async {
        let _ = connection.await;
    });
    (client, task)
}

/// A client that dies with several messages under way leaves their answers to the next client of some poolers.
#[tokio::test]
async fn behind_a_pooler_a_message_is_sent_when_the_one_before_it_is_answered() {
    let database = Database::new(ServerKind::Postgres).await;
    let pooler = PgBouncer::start(&database.server, Pooling::Transaction, 1, &[]).expect("a pooler");
    let set = &sets::replicated("plain", 5);
    let migrator = Migrator::new(set).with_transaction(Transaction::PerMigration);
    let (mut cuts, mut before) = (0, 0);
    for place in 1.. {
        let proxy =
            Proxy::to_address((pooler.host(), pooler.port()), Wire::Postgres).expect("a proxy to the pooler");
        proxy.cut_after_messages(Towards::Client, place);
        let url = format!("postgres://postgres@127.0.0.1:{}/{}", proxy.port(), database.name);
        let Ok(mut db) = Postgres::connect(&url.parse().expect("a URL")).await else { continue };
        let ended = migrator.run(&mut db).await;
        let sent = proxy.traffic().messages_to_server;
        assert!(cuts == 0 || sent <= before + 1, "{place}: {before}, then {sent}; {ended:?}");
        drop((db, proxy));
        let (next, task) = raw(&pooler, &database).await;
        let answer = next.simple_query("SELECT 'mine'").await.expect("an answer");
        let mine = |answer: &SimpleQueryMessage| match answer {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("mine"),
            _ => true,
        };
        assert!(answer.len() == 3 && answer.iter().all(mine), "{place}: {answer:?} after {ended:?}");
        task.abort();
        if ended.is_ok() {
            break;
        }
        database.open().await.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
        (cuts, before) = (cuts + 1, sent);
    }
    assert!(cuts > 20, "{cuts}");
}

/// Clients that send several messages at once and go away: some poolers give their answers to the next one.
#[tokio::test]
async fn answers_to_another_client_of_the_pooler_are_not_taken_for_ones_own() {
    let database = Database::new(ServerKind::Postgres).await;
    let pooler = PgBouncer::start(&database.server, Pooling::Transaction, 1, &[]).expect("a pooler");
    let url: DatabaseUrl = pooler.url(&database.name).parse().expect("a URL");
    let set = &sets::replicated("plain", 3);
    let strays = [
        "SELECT pg_sleep(0.05)",
        "SELECT pg_sleep(0.05); SELECT 1",
        "SELECT pg_sleep(0.05), 1; SELECT 0 WHERE false",
        "SELECT 'PostgreSQL' FROM pg_sleep(0.05); SELECT NULL; SELECT 1; SELECT 0 WHERE false",
        "DO 'BEGIN PERFORM pg_sleep(0.05); END'",
    ];
    let mut mixed = 0;
    for stray in strays.into_iter().cycle().take(20) {
        let (client, task) = raw(&pooler, &database).await;
        // Both are sent; the connection goes away with the second one's answer on its way.
        let (first, second) = (client.simple_query("SELECT 1"), client.simple_query(stray));
        tokio::pin!(first, second);
        tokio::select! { biased; _ = &mut first => {}, _ = &mut second => unreachable!("it takes longer") }
        task.abort();
        let _ = task.await;
        let mut db = Database::connect(&url).await;
        match Migrator::new(set).run(&mut db).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Retry, "{stray}: {error:#}");
                mixed += usize::from(format!("{error:#}").contains("to another question"));
            }
        }
    }
    println!("{mixed} of 20 met the answers to another client");
    let mut own = database.open().await;
    let report = Migrator::new(set).run(&mut own).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(mixed == 20 || report.outcome == Outcome::UpToDate, "{report}");
}

#[tokio::test]
async fn what_another_client_of_the_pooler_has_left_does_no_harm() {
    let set = |count| sets::replicated("plain", count);
    let stray = "SELECT relname FROM pg_class WHERE relnamespace = 'stray'::regnamespace";
    let here = "SELECT count(*) FROM whimbrel_history WHERE event = 'applied'";
    for named in [None, Some("ops.whimbrel_history")] {
        let database = Database::new(ServerKind::Postgres).await;
        let mut own = database.open().await;
        for sql in [
            "CREATE SCHEMA stray",
            "CREATE SCHEMA ops",
            "DROP ROLE IF EXISTS passer_by",
            "CREATE ROLE passer_by",
        ] {
            own.run(sql).await;
        }
        let (pooler, mut stranger) = pooled(&database).await;
        let url: DatabaseUrl = pooler.url(&database.name).parse().expect("a URL");
        let migrator = |count| {
            let migrator = Migrator::new(set(count)).with_unbaselined(Unbaselined::Allow);
            match named {
                Some(name) => migrator.with_table(TableName::new(name).expect("a name")),
                None => migrator,
            }
        };
        for (count, path) in [(5, "stray"), (7, "stray, public"), (9, "nowhere")] {
            stranger.run(&format!("SET search_path = {path}")).await;
            stranger.run("SET role = passer_by").await;
            let mut db = Database::connect(&url).await;
            let report = migrator(count).run(&mut db).await.expect("a run");
            assert_eq!(report.migrations.len(), if count == 5 { 5 } else { 2 });
            let report = migrator(count).run(&mut Database::connect(&url).await).await.expect("a boot");
            assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
        }
        assert_eq!(own.lines(stray).await, "", "{named:?}");
        let owners = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = 'passer_by'";
        assert_eq!(own.number(owners).await, 0);
        if named.is_none() {
            assert_eq!(own.number(here).await, 9);
        }
        // A history in the schema that a stranger has left is not taken for one's own.
        let mut lodger = database.open().await;
        lodger.run("SET search_path = stray").await;
        let theirs = TableName::new("stray.whimbrel_history").expect("a name");
        let tenant = Migrator::new(set(20)).with_table(theirs).with_unbaselined(Unbaselined::Allow);
        tenant.run(&mut lodger).await.expect("a tenant");
        stranger.run("SET search_path = stray").await;
        let report = migrator(11).run(&mut Database::connect(&url).await).await.expect("a run");
        assert_eq!(report.migrations.len(), 2);
    }
}
