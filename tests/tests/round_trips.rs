//! How often the servers are waited for, counted on the wire: once for a boot with nothing to do, whoever boots where, and
//! a handful of times for a thousand migrations.

use std::time::{Duration, Instant};

use whimbrel::{DatabaseUrl, Memory, Migrator, Outcome, Version};
use whimbrel_testkit::{Counting, Proxy, Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, Either, is_long, kinds};

/// So many migrations, each with a table and an index of its own.
fn small(count: i64) -> Memory {
    (1..=count).fold(Memory::new(), |memory, n| {
        let sql = format!(
            "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, a VARCHAR(40));\nCREATE INDEX t{n}_a ON t{n} (a);"
        );
        memory.with_sql(n, "table", sql)
    })
}

/// The same URL with the proxy's port.
fn through(url: &DatabaseUrl, server: &Server, proxy: &Proxy) -> DatabaseUrl {
    let text = match (url.user(), url.database()) {
        (Some(user), Some(database)) if user != server.user() => {
            let scheme = if server.kind() == ServerKind::Postgres { "postgres" } else { "mysql" };
            format!("{scheme}://{user}@127.0.0.1:{}/{database}", proxy.port())
        }
        (_, database) => proxy.url(server, database.expect("a database")),
    };
    text.parse().expect("a URL")
}

/// Boots twice over one connection, and sees what went over the wire.
async fn boot(what: &str, server: &Server, url: &DatabaseUrl, before: &[&str], known: i64, outcome: Outcome) {
    let proxy = Proxy::to(server).expect("a proxy");
    let mut db = Database::connect(&through(url, server, &proxy)).await;
    for sql in before {
        db.run(sql).await;
    }
    let migrator = Migrator::new(small(known));
    for _ in 0..2 {
        proxy.reset();
        let report = migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
        assert_eq!((report.outcome, report.queries), (outcome, 1), "{what}: {report}");
        let traffic = proxy.traffic();
        assert_eq!((traffic.round_trips, traffic.connections), (1, 0), "{what}: {traffic:?}");
        let (up, down) = (traffic.bytes_to_server, traffic.bytes_to_client);
        println!("{} {what} {outcome:?}: {up} bytes up, {down} down", server.kind());
        assert!(up < 1024 && down < 1024, "{what}: {traffic:?}");
    }
}

/// Boots with programs that know all migrations, and fewer.
async fn boots(what: &str, server: &Server, url: &DatabaseUrl, before: &[&str], count: i64) {
    for (known, outcome) in [(count, Outcome::UpToDate), (count - 1, Outcome::Ahead), (3, Outcome::Ahead)] {
        boot(&format!("{what} {count}"), server, url, before, known, outcome).await;
    }
}

/// Declares so many migrations to be in force.
async fn declare(database: &Database, count: i64) {
    let began = Instant::now();
    let version = Version::new(count).expect("a version");
    Migrator::new(small(count)).baseline(&mut database.open().await, version).await.expect("no history yet");
    println!("{}: {count} declared in {:?}", database.kind(), began.elapsed());
}

#[tokio::test]
async fn a_boot_with_nothing_to_do_is_one_round_trip_with_10_and_with_10_000_migrations() {
    for kind in kinds() {
        for count in [10, 10_000] {
            let database = Database::new(kind).await;
            declare(&database, count).await;
            boots("superuser", &database.server, &database.url(), &[], count).await;
        }
    }
}

#[tokio::test]
async fn so_it_is_for_a_role_that_may_only_read_the_history_and_in_a_session_that_may_only_read() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        declare(&database, 10).await;
        let mut admin = database.open().await;
        let role = database.user().await;
        let name = &database.name;
        let read_only = if database.is_postgres() {
            admin.run(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC")).await;
            admin.run("REVOKE ALL ON SCHEMA public FROM PUBLIC").await;
            admin.run(&format!("GRANT CONNECT ON DATABASE {name} TO {role}")).await;
            admin.run(&format!("GRANT USAGE ON SCHEMA public TO {role}")).await;
            admin.run(&format!("GRANT SELECT ON whimbrel_history TO {role}")).await;
            "SET default_transaction_read_only = on"
        } else {
            admin.run(&format!("GRANT SELECT ON {name}.whimbrel_history TO {role}")).await;
            "SET SESSION TRANSACTION READ ONLY"
        };
        let url = database.url_of(&role);
        let mut db = Database::connect(&url).await;
        for sql in ["CREATE TABLE x (id INTEGER)", "DELETE FROM whimbrel_history"] {
            let error = db.try_run(sql).await.expect_err(sql);
            assert_eq!(error.class(), whimbrel::ErrorClass::Permission, "{error:?}");
        }
        boots("role", &database.server, &url, &[], 10).await;
        boots("read-only", &database.server, &url, &[read_only], 10).await;
        boots("read-only superuser", &database.server, &database.url(), &[read_only], 10).await;
    }
}

#[tokio::test]
async fn so_it_is_on_a_streaming_standby() {
    let primary = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("a server");
    let database = Database::on(&primary).await;
    declare(&database, 10).await;
    let standby = Server::standby_of(&primary).expect("a standby");
    let replica = Database { server: standby, name: database.name.clone() };
    let began = Instant::now();
    let mut admin = Database { name: "postgres".to_owned(), ..replica.clone() }.open().await;
    while admin.number(&format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", replica.name)).await
        == 0
    {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut db = replica.open().await;
    while db.number("SELECT count(*) FROM pg_class WHERE relname = 'whimbrel_history'").await == 0
        || db.number("SELECT count(*) FROM whimbrel_history WHERE version = 10").await == 0
    {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    boots("standby", &replica.server, &replica.url(), &[], 10).await;
    let error = Migrator::new(small(11)).run(&mut db).await.expect_err("it cannot be written to");
    assert_eq!(error.class(), Some(whimbrel::ErrorClass::ReadOnly), "{error:#}");
}

/// How often the driver is waited for while it applies what is pending.
async fn apply(db: Either, set: &Memory, count: i64) -> usize {
    let mut db = Counting::new(db);
    let report = Migrator::new(set).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(report.migrations.len() as i64, count, "{report}");
    println!("{report}");
    db.counts().calls()
}

#[tokio::test]
async fn a_thousand_migrations_wait_for_a_handful_of_answers() {
    for kind in kinds() {
        let postgres = kind == ServerKind::Postgres;
        let most = if postgres { 10 } else { 40 };
        // Where each statement is recorded, a thousand take their time; the packets are the same, and fewer.
        let count = if postgres || is_long() { 1_000 } else { 150 };
        let mut databases = Vec::new();
        for before in [0, 10] {
            let database = Database::new(kind).await;
            if before > 0 {
                apply(database.open().await, &small(before), before).await;
            }
            let waits = apply(database.open().await, &small(before + count), count).await;
            println!("{kind}: {waits} waits for {count} migrations upon {before}");
            assert!(waits <= most, "{kind}: {waits}, at most {most}");
            databases.push(database);
        }
        let database = databases.pop().expect("there are two");
        let tables =
            "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 't%' AND table_schema = ";
        let schema =
            if database.is_postgres() { "'public'".to_owned() } else { format!("'{}'", database.name) };
        assert_eq!(database.open().await.number(&format!("{tables}{schema}")).await, count + 10);
    }
}
