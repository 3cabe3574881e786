//! Servers that are recognised by what they say of themselves: supported products under other numbers, poolers, and products
//! that only speak a protocol. A proxy answers with their versions and their missing functions.

use whimbrel::{DatabaseUrl, Error, ErrorClass, ErrorKind, Memory, Migrator, Outcome};
use whimbrel_testkit::{Disguise, Durability, Installation, Proxy, Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, Either};

/// What a script of each kind needs: a table, an index, data, and a repeatable.
fn migrations() -> Memory {
    Memory::new()
        .with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40));")
        .with_sql(2, "index", "CREATE INDEX users_name ON users (name);")
        .with_sql(3, "rows", "INSERT INTO users VALUES (1, 'a'), (2, 'b');\nSET @x = 1;\n")
        .with_sql(4, "more", "ALTER TABLE users ADD COLUMN age INTEGER;")
}

/// The same without what only MySQL understands.
fn migrations_for(kind: ServerKind) -> Memory {
    match kind {
        ServerKind::Postgres => Memory::new()
            .with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40));")
            .with_sql(
                2,
                "index",
                "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY users_name ON users (name);",
            )
            .with_sql(3, "rows", "INSERT INTO users VALUES (1, 'a'), (2, 'b');"),
        _ => migrations(),
    }
}

struct Disguised {
    database: Database,
    proxy: Proxy,
}

impl Disguised {
    async fn new(kind: ServerKind, disguise: Disguise) -> Self {
        let database = Database::new(kind).await;
        let proxy = Proxy::to(&database.server).expect("a proxy");
        proxy.disguise(disguise);
        Self { database, proxy }
    }

    async fn connect(&self) -> Either {
        let url: DatabaseUrl =
            self.proxy.url(&self.database.server, &self.database.name).parse().expect("a URL");
        let db = Either::connect(&url).await.unwrap_or_else(|error| panic!("{error:#}"));
        self.proxy.reset();
        db
    }

    /// Runs, which is refused before anything is done.
    async fn refused(&self) -> Error {
        let kind = self.database.server.kind();
        let mut db = self.connect().await;
        let error = Migrator::new(migrations_for(kind)).run(&mut db).await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:#}");
        let schema = if kind == ServerKind::Postgres { "current_schema()" } else { "database()" };
        let tables = format!("SELECT count(*) FROM information_schema.tables WHERE table_schema = {schema}");
        assert_eq!(self.database.open().await.number(&tables).await, 0, "{error:#}");
        error
    }
}

/// Names a server that is available, of these.
fn of(kinds: &[ServerKind]) -> Vec<ServerKind> {
    let there = |kind: &ServerKind| {
        *kind != ServerKind::MySql
            || std::env::var_os(kind.variable()).is_some()
            || Installation::find(*kind, None).is_ok()
    };
    kinds.iter().copied().filter(there).collect()
}

const MISSING: &str = "no_such_function(";

#[tokio::test]
async fn products_that_only_speak_the_protocol_of_postgresql_are_refused_by_name_in_one_round_trip() {
    let version = |text: &str| Disguise::new().replacing("version()", &format!("'{text}'"));
    for (name, disguise) in [
        (
            "CockroachDB",
            version("CockroachDB CCL v25.1.2 (x86_64-pc-linux-gnu)")
                .replacing("statement_timestamp(", MISSING)
                .replacing("pg_current_xact_id(", MISSING),
        ),
        (
            "YugabyteDB",
            version("PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu")
                .replacing("pg_try_advisory_lock(", MISSING)
                .replacing("pg_try_advisory_xact_lock(", MISSING),
        ),
        (
            "Aurora DSQL",
            version("PostgreSQL 16")
                .replacing("to_regclass('sys.iam_pg_role_mappings')", "'sys.iam_pg_role_mappings'")
                .replacing("pg_try_advisory_xact_lock(", MISSING),
        ),
        (
            "Amazon Redshift",
            version("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.122")
                .replacing("statement_timestamp(", MISSING)
                .replacing("pg_backend_pid(", MISSING)
                .replacing("to_regclass(", MISSING),
        ),
        ("Materialize", version("PostgreSQL 9.5.0 on x86_64-unknown-linux-gnu (Materialize v0.150)")),
        ("QuestDB", version("PostgreSQL 12.3, compiled by Visual C++ build 1914, 64-bit, QuestDB")),
    ] {
        let disguised = Disguised::new(ServerKind::Postgres, disguise).await;
        let error = disguised.refused().await;
        assert_eq!(error.class(), Some(ErrorClass::Unsupported), "{name}: {error:#}");
        assert!(error.to_string().starts_with(&format!("the server is {name}, which ")), "{error:#}");
        assert_eq!(disguised.proxy.traffic().round_trips, 1, "{name}");
    }
}

#[tokio::test]
async fn products_that_only_speak_the_protocol_of_mysql_are_refused_by_name_in_one_round_trip() {
    let said = |version: &str, comment: &str| {
        Disguise::new()
            .greeting(version)
            .replacing("version()", &format!("'{version}'"))
            .replacing("@@version_comment", &format!("'{comment}'"))
    };
    for kind in of(&[ServerKind::MariaDb, ServerKind::MySql]) {
        for (name, disguise) in [
            (
                "TiDB",
                said("8.0.11-TiDB-v8.5.0", "TiDB Server (Apache License 2.0)")
                    .replacing("is_used_lock(", MISSING),
            ),
            ("Vitess", said("8.0.40-Vitess", "Version: 22").replacing("get_lock(", MISSING)),
            ("OceanBase", said("5.7.25-OceanBase-v4.3.5", "OceanBase 4.3.5")),
            (
                "SingleStore",
                said("5.7.32", "SingleStoreDB source distribution").replacing("get_lock(", MISSING),
            ),
            ("Percona XtraDB Cluster", said("8.0.39-30.1", "Percona XtraDB Cluster (GPL), Release rel30")),
        ] {
            let disguised = Disguised::new(kind, disguise).await;
            let error = disguised.refused().await;
            assert_eq!(error.class(), Some(ErrorClass::Unsupported), "{name}: {error:#}");
            assert!(error.to_string().starts_with(&format!("the server is {name}, which ")), "{error:#}");
            assert_eq!(disguised.proxy.traffic().round_trips, 1, "{name}");
        }
    }
}

/// A proxy greets with a version of its own, and MySQL's and MariaDB's numbers say nothing: what the server answers decides.
#[tokio::test]
async fn supported_products_migrate_and_then_boot_in_one_round_trip_whatever_their_number() {
    let versions = |greeting: &str, version: &str, comment: &str| {
        Disguise::new()
            .greeting(greeting)
            .replacing("version()", &format!("'{version}'"))
            .replacing("@@version_comment", &format!("'{comment}'"))
    };
    let postgres = |version: &str| Disguise::new().replacing("version()", &format!("'{version}'"));
    let mut all = vec![
        (
            ServerKind::Postgres,
            "postgres",
            postgres("PostgreSQL 17.5 (6bc9ef8) on aarch64-unknown-linux-gnu (Neon)"),
        ),
        (
            ServerKind::Postgres,
            "postgres",
            postgres("PostgreSQL 16.8 on x86_64-pc-linux-gnu, compiled by Debian clang (Cloud SQL)"),
        ),
        (
            ServerKind::Postgres,
            "postgres",
            postgres("PostgreSQL 17.4 on x86_64-pc-linux-gnu, compiled by emcc (PGlite)"),
        ),
        (
            ServerKind::MariaDb,
            "mariadb",
            versions("5.5.5-12.2.2-MariaDB", "12.2.2-MariaDB-ubu2404", "mariadb.org binary distribution"),
        ),
        (ServerKind::MariaDb, "mariadb", versions("8.0.30", "10.11.19-MariaDB", "Debian 12")),
        (
            ServerKind::MariaDb,
            "mariadb",
            versions("5.5.5-26.1.0-MariaDB", "26.1.0-MariaDB", "mariadb.org binary distribution"),
        ),
    ];
    for (greeting, version, comment) in [
        ("26.7.0", "26.7.0", "MySQL Community Server - GPL"),
        ("12.0.0", "12.0.0", "MySQL Community Server - GPL"),
        ("8.0.42-33", "8.0.42-33", "Percona Server (GPL), Release 33, Revision 9dc49998"),
        ("8.0.39", "8.0.mysql_aurora.3.08.0", "Source distribution"),
    ] {
        all.push((ServerKind::MySql, "mysql", versions(greeting, version, comment)));
    }
    for (kind, name, disguise) in all {
        if of(&[kind]).is_empty() {
            continue;
        }
        let told = format!("{disguise:?}");
        let disguised = Disguised::new(kind, disguise).await;
        let mut db = disguised.connect().await;
        let migrator = Migrator::new(migrations_for(kind));
        let report = migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{told}: {error:#}"));
        assert_eq!((report.outcome, whimbrel::Driver::dialect(&db).name), (Outcome::Applied, name), "{told}");
        assert_eq!(db.number("SELECT count(*) FROM users").await, 2, "{told}");
        let mut db = disguised.connect().await;
        let report = migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{told}: {error:#}"));
        assert_eq!(report.outcome, Outcome::UpToDate, "{told}");
        assert_eq!(disguised.proxy.traffic().round_trips, 1, "{told}");
    }
}

/// ProxySQL, MaxScale and RDS Proxy give a number of a session of their own, since statements may go to any server's session.
#[tokio::test]
async fn a_proxy_that_does_not_keep_sessions_is_refused_where_the_lock_is_the_sessions() {
    for kind in of(&[ServerKind::MariaDb, ServerKind::MySql]) {
        let disguised = Disguised::new(kind, Disguise::new().session(4_000_000)).await;
        let error = disguised.refused().await;
        assert!(error.to_string().contains("a pooler that does not keep its session"), "{error:#}");
        let told = format!("{error:#}");
        let said = "migrate over a direct connection to the server, or, where the pooler keeps sessions together, say so with \
                    `with_sessions_kept` of the driver";
        assert!(told.contains(said), "{told}");
        Migrator::new(migrations_for(kind))
            .run(&mut disguised.database.open().await)
            .await
            .expect("a direct one");
    }
}

/// A server, or an application, for which nothing is committed unless it is said.
#[tokio::test]
async fn a_session_without_autocommit_migrates_waits_and_stays_as_it_was() {
    for kind in of(&[ServerKind::MariaDb, ServerKind::MySql]) {
        let database = Database::new(kind).await;
        let (mut db, mut other) = (database.open().await, database.open().await);
        for db in [&mut db, &mut other] {
            db.apart("SET SESSION autocommit = 0").await;
        }
        let first = Migrator::new(Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);"));
        let report = first.run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.outcome, Outcome::Applied, "{kind}");
        // Somebody waits, and sees what comes.
        let all = || {
            Memory::new()
                .with_sql(1, "t", "CREATE TABLE t (n INTEGER);")
                .with_sql(2, "rows", "INSERT INTO t VALUES (1), (2);")
                .with_sql(
                    3,
                    "u",
                    "CREATE TABLE u (n INTEGER);\nINSERT INTO u VALUES (1);\nCREATE INDEX u_n ON u (n);",
                )
        };
        let waits = Migrator::new(all());
        let waiting = waits.wait(&mut other);
        let runs = Migrator::new(all());
        let (waited, ran) = tokio::join!(waiting, runs.run(&mut db));
        let waited = waited.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(waited.outcome, Outcome::UpToDate, "{kind}: {waited:?}");
        assert_eq!(
            ran.unwrap_or_else(|error| panic!("{kind}: {error:#}")).outcome,
            Outcome::Applied,
            "{kind}"
        );
        assert_eq!(
            database.open().await.lines("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u)").await,
            "2|1|\n"
        );
        assert_eq!(
            runs.run(&mut db).await.map(|report| report.outcome).ok(),
            Some(Outcome::UpToDate),
            "{kind}"
        );
        assert_eq!(db.number("SELECT @@autocommit").await, 0, "{kind}");
    }
}

/// After `SET GLOBAL`, MySQL 9 says of new sessions that they have it on.
#[tokio::test]
async fn a_server_without_autocommit_migrates_and_boots() {
    for kind in of(&[ServerKind::MariaDb, ServerKind::MySql]) {
        let options = ServerOptions::new(kind).with_durability(Durability::Nothing);
        let database = Database::on(&Server::start(&options).expect("a server")).await;
        database.open().await.apart("SET GLOBAL autocommit = 0").await;
        let memory = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);").with_sql(
            2,
            "rows",
            "INSERT INTO t VALUES (1), (2);\nALTER TABLE t ADD COLUMN m INTEGER;",
        );
        let more = memory.clone().with_sql(3, "row", "INSERT INTO t VALUES (3, 3);");
        let memory_of =
            [(&memory, Outcome::Applied), (&memory, Outcome::UpToDate), (&more, Outcome::Applied)];
        for (memory, outcome) in memory_of {
            let migrator = Migrator::new(memory);
            let (mut db, mut other) = (database.open().await, database.open().await);
            let (ran, waited) = tokio::join!(migrator.run(&mut db), migrator.wait(&mut other));
            let report = ran.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(report.outcome, outcome, "{kind}: {report}");
            waited.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            // The same connections go on.
            for db in [&mut db, &mut other] {
                let report = migrator.run(db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
                assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1), "{kind}: {report}");
                assert_eq!(db.number("SELECT @@autocommit").await, 0, "{kind}");
            }
        }
        assert_eq!(database.open().await.number("SELECT count(*) FROM t").await, 3, "{kind}");
    }
}

/// What a script creates has the collation that the server has for its character set, as with the server's own client.
#[tokio::test]
async fn what_is_created_has_the_servers_own_collation() {
    for kind in of(&[ServerKind::MySql]) {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let memory = Memory::new()
            .with_sql(1, "view", "CREATE VIEW v AS SELECT 'a' AS c;")
            .with_sql(2, "table", "CREATE TABLE t AS SELECT 'a' AS c;")
            .with_sql(3, "function", "CREATE FUNCTION f() RETURNS INTEGER DETERMINISTIC RETURN 1;");
        Migrator::new(memory).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
        let collations = "SELECT group_concat(DISTINCT c) FROM (\
            SELECT collation_connection c FROM information_schema.views WHERE table_schema = database() \
            UNION ALL SELECT collation_name FROM information_schema.columns WHERE table_schema = database() AND table_name IN ('t', 'v') \
            UNION ALL SELECT collation_connection FROM information_schema.routines WHERE routine_schema = database()) x";
        assert_eq!(db.lines(collations).await, "utf8mb4_0900_ai_ci|\n");
    }
}
