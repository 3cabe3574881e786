//! A database that somebody lives in is not migrated from the start, wherever its tables are, and whatever became of its
//! history.

use super::*;
use whimbrel::{Finding, SetName, Unbaselined, Version};

/// What a live database has, and a script that would run again without an error.
fn again() -> Memory {
    Memory::new().with_sql(
        1,
        "again",
        "CREATE TABLE IF NOT EXISTS seeds (n INTEGER);\nINSERT INTO seeds VALUES (1);",
    )
}

fn named(set: &str, memory: Memory) -> Memory {
    memory.with_set(SetName::new(set).expect("a name"))
}

fn version(number: i64) -> Version {
    Version::new(number).expect("a version")
}

/// The only finding, of a run that changes nothing.
async fn refused(db: &mut Either, migrator: &Migrator<'_>, kind: FindingKind, what: &str) -> Finding {
    let error = migrator.run(db).await.map(|report| panic!("{what}: {report}")).expect_err("it is refused");
    let check = migrator.check(db).await.expect_err("it is refused");
    assert_eq!(check.findings(), error.findings(), "{what}");
    let [finding] = error.findings() else { panic!("{what}: {error:#}") };
    assert_eq!(finding.kind(), kind, "{what}: {error:#}");
    finding.clone()
}

async fn is_refused(db: &mut Either, migrator: &Migrator<'_>, what: &str) -> Finding {
    refused(db, migrator, FindingKind::Unbaselined, what).await
}

#[tokio::test]
async fn tables_in_schemas_of_their_own_are_seen_whatever_they_are() {
    let kinds: &[&[&str]] = &[
        &["CREATE TABLE app.users (id INTEGER)"],
        &["CREATE TABLE \"App\".\"Users\" (id INTEGER)"],
        &["CREATE TABLE app.users (id INTEGER) PARTITION BY RANGE (id)"],
        &["CREATE VIEW app.users AS SELECT 1 AS id"],
        &["CREATE MATERIALIZED VIEW app.users AS SELECT 1 AS id"],
        &["CREATE SEQUENCE app.users"],
        &[
            "CREATE EXTENSION file_fdw",
            "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
            "CREATE FOREIGN TABLE app.users (id INTEGER) SERVER files OPTIONS (filename '/dev/null')",
        ],
    ];
    for statements in kinds {
        let database = Database::new(ServerKind::Postgres).await;
        let mut db = database.open().await;
        db.run("CREATE SCHEMA app").await;
        db.run("CREATE SCHEMA \"App\"").await;
        db.run("CREATE SCHEMA ops").await;
        for sql in *statements {
            if db.try_run(sql).await.is_err() {
                assert!(sql.contains("file_fdw") || sql.contains("files"), "{sql}");
            }
        }
        let there = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE lower(nspname) = 'app'";
        if db.number(there).await == 0 {
            continue;
        }
        for table in ["whimbrel_history", "ops.whimbrel_history"] {
            let migrator = Migrator::new(again()).with_table(TableName::new(table).expect("a name"));
            let finding = is_refused(&mut db, &migrator, statements[0]).await;
            assert!(finding.message().to_lowercase().contains("app.users"), "{finding}");
        }
        let allowed = Migrator::new(again()).with_unbaselined(Unbaselined::Allow);
        allowed.run(&mut db).await.expect("that is fine with it");
    }
}

#[tokio::test]
async fn what_an_extension_has_made_is_not_the_applications() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut db = database.open().await;
    db.run("CREATE SCHEMA ext").await;
    db.run("CREATE EXTENSION pg_stat_statements SCHEMA ext").await;
    db.run("CREATE EXTENSION pg_buffercache").await;
    db.run("CREATE TEMPORARY TABLE mine (n INTEGER)").await;
    run(&mut db, &again()).await;
    assert_eq!(db.number("SELECT count(*) FROM seeds").await, 1);
}

#[tokio::test]
async fn a_history_that_was_named_with_its_place_leaves_the_guard_on() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        db.run("CREATE TABLE users (id INTEGER)").await;
        let ops = if database.is_postgres() {
            db.run("CREATE SCHEMA ops").await;
            "ops".to_owned()
        } else {
            let ops = format!("{}_ops", database.name);
            db.run(&format!("CREATE DATABASE {ops}")).await;
            ops
        };
        let table = TableName::new(&format!("{ops}.whimbrel_history")).expect("a name");
        let migrator = Migrator::new(again()).with_table(table);
        let finding = is_refused(&mut db, &migrator, "elsewhere").await;
        assert!(finding.message().contains("users"), "{kind}: {finding}");
    }
}

#[tokio::test]
async fn databases_that_the_scripts_name_count_on_mysql_and_others_do_not() {
    for kind in kinds().into_iter().filter(|kind| *kind != ServerKind::Postgres) {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let (app, other) = (format!("{}_app", database.name), format!("{}_other", database.name));
        for name in [&app, &other] {
            db.run(&format!("CREATE DATABASE {name}")).await;
            db.run(&format!("CREATE TABLE {name}.users (id INTEGER)")).await;
        }
        for script in [
            format!("USE `{app}`;\nCREATE TABLE IF NOT EXISTS seeds (n INTEGER);"),
            format!("CREATE TABLE IF NOT EXISTS {app}.seeds (n INTEGER);"),
            format!("CREATE TABLE IF NOT EXISTS `{app}` . seeds (n INTEGER);"),
        ] {
            let migrator = Migrator::new(Memory::new().with_sql(1, "named", script.as_str()));
            let finding = is_refused(&mut db, &migrator, &script).await;
            assert!(finding.message().contains(&format!("{app}.users")), "{kind}: {finding}");
        }
        // So many names before points that not all could be looked for at once, which are none of databases.
        let aliases: Vec<String> = (0..60).map(|number| format!("a{number}.n")).collect();
        let crowded =
            format!("SELECT {} FROM seeds;\nCREATE TABLE `{app}`.seeds (n INTEGER);", aliases.join(", "));
        let versioned = |script: &str| Memory::new().with_sql(1, "named", script);
        let named = "CREATE TABLE IF NOT EXISTS ${place:ident}.seeds (n INTEGER);";
        for memory in [
            versioned(&crowded),
            versioned(&format!("PREPARE s FROM 'CREATE TABLE `{app}`.seeds (n INTEGER)'; EXECUTE s;")),
            versioned(&format!("-- whimbrel: placeholders\n{named}")),
            versioned("SELECT 1;").with_repeatable("seeds", format!("CREATE TABLE {app}.seeds (n INTEGER);")),
        ] {
            let migrator = Migrator::new(memory).with_value("place", app.as_str());
            let finding = is_refused(&mut db, &migrator, "named in another way").await;
            assert!(finding.message().contains(&format!("{app}.users")), "{kind}: {finding}");
        }
        run(&mut db, &again()).await;
    }
}

#[tokio::test]
async fn tables_that_were_renamed_since_tell_of_a_sets_rows_too() {
    for kind in kinds() {
        let table = Memory::new().with_sql(1, "t", "CREATE TABLE IF NOT EXISTS t (n INTEGER);");
        let renamed = table.with_sql(2, "u", "ALTER TABLE t RENAME TO u;");
        let both = || Migrator::new(named("library", renamed.clone())).and(again());
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        both().run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        db.run("DELETE FROM whimbrel_history WHERE set_name = 'library'").await;
        let finding = is_refused(&mut db, &both(), "library").await;
        assert!(finding.message().contains("(u)"), "{kind}: {finding}");
    }
}

#[tokio::test]
async fn an_emptied_history_beside_tables_is_told_as_such() {
    for kind in kinds() {
        for empty in ["DELETE FROM whimbrel_history", "TRUNCATE TABLE whimbrel_history"] {
            let (_database, mut db) = prepared(kind, &again()).await;
            db.run(empty).await;
            let migrator = Migrator::new(again());
            let finding = is_refused(&mut db, &migrator, empty).await;
            assert!(finding.message().contains("no row of an applied migration"), "{kind}: {finding}");
            assert_eq!(db.number("SELECT count(*) FROM seeds").await, 1, "{kind}");
            migrator.baseline(&mut db, version(1)).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            let report = migrator.run(&mut db).await.expect("that is the next step");
            assert_eq!(report.outcome, Outcome::UpToDate, "{kind}");
        }
    }
}

#[tokio::test]
async fn the_rows_of_one_set_among_several_can_be_missed_too() {
    for kind in kinds() {
        let library = || {
            named(
                "library",
                Memory::new().with_sql(
                    1,
                    "jobs",
                    "CREATE TABLE IF NOT EXISTS jobs (n INTEGER);\nINSERT INTO jobs VALUES (1);",
                ),
            )
        };
        let (_database, mut db) = prepared(kind, &again()).await;
        // A set that comes later is a new one.
        let both = Migrator::new(library()).and(again());
        both.run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        for set in ["app", "library"] {
            let (before, seq) = (
                format!("CREATE TABLE kept AS SELECT * FROM whimbrel_history WHERE set_name = '{set}'"),
                "1",
            );
            db.run(&before).await;
            db.run(&format!("DELETE FROM whimbrel_history WHERE set_name = '{set}'")).await;
            let finding = is_refused(&mut db, &both, set).await;
            assert_eq!(finding.subject(), format!("set {set}"), "{kind}: {finding}");
            let columns = "set_name, seq, event, version, name, digest, head, repeatables, below, who, at, detail, previous, hash";
            db.run(&format!(
                "INSERT INTO whimbrel_history ({columns}) SELECT {columns} FROM kept WHERE {seq} = 1"
            ))
            .await;
            db.run("DROP TABLE kept").await;
            let report = both.run(&mut db).await.expect("the rows are restored");
            assert_eq!(report.outcome, Outcome::UpToDate, "{kind}");
        }
        assert_eq!(db.number("SELECT count(*) FROM jobs").await, 1, "{kind}");
        assert_eq!(db.number("SELECT count(*) FROM seeds").await, 1, "{kind}");
    }
}

/// The rows of another tool, and what is proposed from them.
struct Tool {
    statements: &'static [&'static str],
    proposed: &'static [i64],
    said: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        statements: &[
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, success BOOLEAN NOT NULL, checksum VARCHAR(96) NOT NULL)",
            "INSERT INTO _sqlx_migrations VALUES (1, 'a', TRUE, ''), (3, 'c', TRUE, ''), (4, 'd', FALSE, '')",
        ],
        proposed: &[1, 3],
        said: "sqlx has recorded 2 of this set's 5 versions in _sqlx_migrations, up to 3, without 2; it was begun there, and is not known to have ended: 4",
    },
    Tool {
        statements: &[
            "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id BIGINT NOT NULL, is_applied BOOLEAN NOT NULL)",
            "INSERT INTO goose_db_version VALUES (1, 0, TRUE), (2, 1, TRUE), (3, 2, TRUE), (4, 2, FALSE)",
        ],
        proposed: &[1],
        said: "goose has recorded 1 of this set's 5 versions",
    },
    Tool {
        statements: &[
            "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, dirty BOOLEAN NOT NULL)",
            "INSERT INTO schema_migrations VALUES (3, FALSE)",
        ],
        proposed: &[1, 2, 3],
        said: "golang-migrate has recorded 3",
    },
    Tool {
        statements: &[
            "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)",
            "INSERT INTO schema_migrations VALUES ('0001'), ('2'), ('20240101120000')",
        ],
        proposed: &[1, 2],
        said: "dbmate or Rails has recorded 2",
    },
    Tool {
        statements: &[
            "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('00000000000000'), ('1')",
        ],
        proposed: &[1],
        said: "diesel has recorded 1",
    },
    Tool {
        statements: &[
            "CREATE TABLE refinery_schema_history (version INT PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))",
            "INSERT INTO refinery_schema_history VALUES (1, 'a', '', ''), (2, 'b', '', '')",
        ],
        proposed: &[1, 2],
        said: "refinery has recorded 2",
    },
    Tool {
        statements: &[
            "CREATE TABLE flyway_schema_history (installed_rank INT PRIMARY KEY, version VARCHAR(50), type VARCHAR(20) NOT NULL, success BOOLEAN NOT NULL)",
            "INSERT INTO flyway_schema_history VALUES (1, '2', 'BASELINE', TRUE), (2, '3', 'SQL', TRUE), (3, NULL, 'SQL', TRUE)",
        ],
        proposed: &[1, 2, 3],
        said: "Flyway has recorded 3",
    },
    Tool {
        statements: &[
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
            "INSERT INTO alembic_version VALUES ('ae1027a6acf')",
        ],
        proposed: &[],
        said: "alembic_version is the table of Alembic",
    },
    Tool {
        statements: &["CREATE TABLE schema_migrations (id INTEGER, note VARCHAR(9))"],
        proposed: &[],
        said: "say with `baseline` which version they are at",
    },
];

#[tokio::test]
async fn exactly_the_versions_that_another_tool_has_recorded_are_proposed() {
    let five = || {
        (1..=5).fold(Memory::new(), |memory, n| {
            memory.with_sql(n, "t", format!("CREATE TABLE IF NOT EXISTS t{n} (n INTEGER);"))
        })
    };
    for kind in kinds() {
        for tool in TOOLS {
            let database = Database::new(kind).await;
            let mut db = database.open().await;
            let own = database.is_postgres().then_some("tool");
            // On PostgreSQL it is found in whatever schema it is.
            if own.is_some() {
                db.run("CREATE SCHEMA tool").await;
                db.run("SET search_path = tool").await;
            }
            for sql in tool.statements {
                db.run(sql).await;
            }
            let mut db = database.open().await;
            let finding = is_refused(&mut db, &Migrator::new(five()), tool.said).await;
            let said = finding.message().replace("tool.", "");
            assert!(said.contains(tool.said), "{kind}: {said}");
            let proposed: Vec<i64> = finding.versions().iter().map(|version| version.number()).collect();
            assert_eq!(proposed, tool.proposed, "{kind}: {finding}");
            let Some(last) = finding.versions().last() else { continue };
            let migrator = Migrator::new(five()).with_baselined(finding.versions().iter().copied());
            migrator.baseline(&mut db, *last).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            let late = Migrator::new(five()).with_out_of_order(whimbrel::OutOfOrder::Apply);
            let report = late.run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(report.migrations.len(), 5 - proposed.len(), "{kind}: {report}");
        }
    }
}

#[tokio::test]
async fn a_renamed_set_runs_no_seed_twice() {
    for kind in kinds() {
        let (_database, mut db) = prepared(kind, &again()).await;
        let renamed = Migrator::new(named("shop", again()));
        let finding = refused(&mut db, &renamed, FindingKind::Renamed, "renamed").await;
        assert!(finding.message().contains("the set app"), "{kind}: {finding}");
        assert_eq!(db.number("SELECT count(*) FROM seeds").await, 1, "{kind}");
        renamed.baseline(&mut db, version(1)).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        let report = renamed.run(&mut db).await.expect("that is the next step");
        assert_eq!(report.outcome, Outcome::UpToDate, "{kind}");
    }
}
