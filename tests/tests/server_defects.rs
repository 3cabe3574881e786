//! The defects of other tools, each as a test on every server where it can occur. Those of SQLite are in `defects.rs`.
//!
//! The numbers are those of the list of defects. The ones that are not here:
//!
//! - 3, `GET_LOCK` that never waits: `server_boots.rs`, many processes on MySQL and MariaDB; 5, waiters that deadlock with an
//!   index built concurrently: there too; 17, locks behind a pooler: there too.
//! - 6, a boot that needs rights, and 9, an old program on a newer database: `round_trips.rs`.
//! - 10, 13, 14, 15, 20: about files and digests, which know no server: `defects.rs`, and `drift.rs` of `whimbrel-embed`.
//! - 16, passwords in errors: `leaks.rs`.
//! - 18 and 19: SQLite alone.

#[path = "server_defects/bounded.rs"]
mod bounded;
#[path = "server_defects/large.rs"]
mod large;
#[path = "server_defects/products.rs"]
mod products;

use std::sync::Mutex;
use std::time::Duration;

use whimbrel::{
    DatabaseUrl, Driver as _, ErrorClass, ErrorKind, Event, FindingKind, Memory, Migrator, Outcome,
    TableName, Transaction, Version,
};
use whimbrel_testkit::{Faulty, Moment, Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, Either, kinds};

#[path = "server_defects/beside_work.rs"]
mod beside_work;
#[path = "server_defects/remedies.rs"]
mod remedies;
#[path = "server_defects/scripts.rs"]
mod scripts;
#[path = "server_defects/unbaselined.rs"]
mod unbaselined;

fn table() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER NOT NULL);")
}

/// A database to which these were applied.
async fn prepared(kind: ServerKind, memory: &Memory) -> (Database, Either) {
    let database = Database::new(kind).await;
    let mut db = database.open().await;
    run(&mut db, memory).await;
    (database, db)
}

async fn run(db: &mut Either, memory: &Memory) {
    Migrator::new(memory).run(db).await.unwrap_or_else(|error| panic!("{error:#}"));
}

const APPLIED: &str = "SELECT count(*) FROM whimbrel_history WHERE event = 'applied' AND version = 2";

/// 1
#[tokio::test]
async fn a_statement_that_fails_among_others_is_an_error_and_not_applied() {
    let rows = |third: &str| {
        format!(
            "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nINSERT INTO {third} VALUES (3);\nINSERT INTO t VALUES (4);\n\
             INSERT INTO t VALUES (5);"
        )
    };
    for kind in kinds() {
        let (database, mut db) = prepared(kind, &table()).await;
        let error = Migrator::new(table().with_sql(2, "five", rows("nowhere")))
            .run(&mut db)
            .await
            .expect_err("it fails");
        assert_eq!((error.statement(), error.kind()), (Some(3), ErrorKind::Files), "{kind}: {error:#}");
        assert!(format!("{error:#}").contains("0002_five.sql:3:"), "{kind}: {error:#}");
        let mut db = database.open().await;
        assert_eq!(db.number(APPLIED).await, 0, "{kind}");
        assert!(db.number("SELECT count(*) FROM t").await <= 2, "{kind}");
        run(&mut db, &table().with_sql(2, "five", rows("t"))).await;
        assert_eq!(db.lines("SELECT count(*), sum(n) FROM t").await, "5|15|\n", "{kind}");
    }
}

/// 2
#[tokio::test]
async fn a_row_that_cannot_be_written_leaves_nothing_of_its_script() {
    for kind in kinds() {
        let (database, mut db) = prepared(kind, &table()).await;
        if database.is_postgres() {
            db.run("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no room for it''; END'").await;
            db.run("CREATE TRIGGER no BEFORE INSERT ON whimbrel_history FOR EACH ROW WHEN (NEW.version = 2) EXECUTE FUNCTION no()")
                .await;
        } else {
            db.apart(
                "CREATE TRIGGER no BEFORE INSERT ON whimbrel_history FOR EACH ROW BEGIN \
                 IF NEW.version = 2 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no room for it'; END IF; END",
            )
            .await;
        }
        let memory = table().with_sql(2, "u", "CREATE TABLE u (n INTEGER);");
        Migrator::new(&memory).run(&mut db).await.expect_err("its row cannot be written");
        let mut db = database.open().await;
        db.run(if database.is_postgres() {
            "DROP TRIGGER no ON whimbrel_history"
        } else {
            "DROP TRIGGER no"
        })
        .await;
        db.try_run("SELECT * FROM u").await.expect_err("it is not there");
        run(&mut db, &memory).await;
        assert_eq!(db.number(APPLIED).await, 1, "{kind}");
        assert_eq!(db.number("SELECT count(*) FROM u").await, 0, "{kind}");
    }
}

/// 4
#[tokio::test]
async fn an_error_leaves_no_lock_on_a_connection_that_lives_on() {
    for kind in kinds() {
        for header in ["", "-- whimbrel: no-transaction\n"] {
            let (database, mut db) = prepared(kind, &table()).await;
            let failing = table().with_sql(2, "no", format!("{header}INSERT INTO nowhere VALUES (1);"));
            Migrator::new(&failing).run(&mut db).await.expect_err("it fails");
            let mut other = database.open().await;
            let mended = table().with_sql(2, "no", format!("{header}INSERT INTO t VALUES (1);"));
            let migrator = Migrator::new(&mended).with_lock_deadline(Duration::from_secs(2));
            migrator.run(&mut other).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(other.number("SELECT count(*) FROM t").await, 1, "{kind}");
            drop(db);
        }
    }
}

/// 7
#[tokio::test]
async fn a_script_that_changes_where_names_are_looked_for_does_not_mislead_the_bookkeeping() {
    for kind in kinds() {
        let (database, mut db) = prepared(kind, &table()).await;
        let (away, back) = if database.is_postgres() {
            db.run("CREATE SCHEMA away").await;
            ("SET search_path = away".to_owned(), "SELECT current_schema()")
        } else {
            let other = Database::new(kind).await;
            (format!("USE {}", other.name), "SELECT database()")
        };
        let before = db.lines(back).await;
        let memory = table()
            .with_sql(2, "away", format!("{away};\nCREATE TABLE elsewhere (n INTEGER);"))
            .with_sql(3, "here", "INSERT INTO t VALUES (3);");
        run(&mut db, &memory).await;
        assert_eq!(db.lines(back).await, before, "{kind}: it was not put back");
        assert_eq!(db.number("SELECT count(*) FROM t").await, 1, "{kind}");
        assert_eq!(db.number(APPLIED).await, 1, "{kind}");
        let report = Migrator::new(&memory).run(&mut database.open().await).await.expect("nothing to do");
        assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
    }
}

/// 8
#[tokio::test]
async fn a_migration_merged_late_is_refused_by_name() {
    for kind in kinds() {
        let newer = "INSERT INTO t VALUES (3);";
        let (_database, mut db) = prepared(kind, &table().with_sql(3, "newer", newer)).await;
        let memory = table().with_sql(2, "late", "INSERT INTO t VALUES (2);").with_sql(3, "newer", newer);
        let error = Migrator::new(memory).run(&mut db).await.expect_err("it is late");
        assert_eq!(
            (error.findings()[0].kind(), error.findings()[0].subject()),
            (FindingKind::Late, "2_late")
        );
        assert_eq!(db.number("SELECT count(*) FROM t").await, 1);
    }
}

/// 11
#[tokio::test]
async fn an_error_of_the_first_query_is_never_taken_for_an_empty_database() {
    for kind in kinds() {
        let (database, mut admin) = prepared(kind, &table()).await;
        let before = admin.lines("SELECT seq, event, hash FROM whimbrel_history ORDER BY seq").await;
        // Somebody who may create tables, and not read the history.
        let user = database.user().await;
        let grant = match kind {
            ServerKind::Postgres => format!("GRANT ALL ON SCHEMA public TO {user}"),
            _ => format!("GRANT CREATE, INSERT ON {}.* TO {user}", database.name),
        };
        admin.run(&grant).await;
        let mut db = Database::connect(&database.url_of(&user)).await;
        let error = Migrator::new(table()).run(&mut db).await.expect_err("it cannot be read");
        assert_eq!(error.class(), Some(ErrorClass::Permission), "{kind}: {error:#}");
        // A table of another make.
        let mut db = database.open().await;
        db.run("ALTER TABLE whimbrel_history RENAME COLUMN head TO tail").await;
        let error = Migrator::new(table()).run(&mut db).await.expect_err("it is not ours");
        assert_eq!(error.kind(), ErrorKind::Database, "{kind}: {error:#}");
        db.run("ALTER TABLE whimbrel_history RENAME COLUMN tail TO head").await;
        assert_eq!(admin.lines("SELECT seq, event, hash FROM whimbrel_history ORDER BY seq").await, before);
        run(&mut db, &table()).await;
    }
}

/// 12
#[tokio::test]
async fn a_wait_that_has_timed_out_never_takes_the_lock_later() {
    for kind in kinds() {
        let (database, mut holder) = prepared(kind, &table()).await;
        let lock = holder.dialect().lock.expect("it has one");
        let name = TableName::default();
        let take = format!("SELECT {}", (lock.take)(&name));
        assert_eq!(holder.number(&take).await, 1, "{kind}");
        for header in ["", "-- whimbrel: no-transaction\n"] {
            let memory = table().with_sql(2, "row", format!("{header}INSERT INTO t VALUES (1);"));
            let mut db = database.open().await;
            let migrator = Migrator::new(&memory).with_lock_deadline(Duration::from_millis(300));
            let error = migrator.run(&mut db).await.expect_err("somebody holds it");
            assert_eq!(
                (error.kind(), error.class()),
                (ErrorKind::Retry, Some(ErrorClass::Busy)),
                "{kind}: {error:#}"
            );
            let session = holder.session().to_string();
            assert!(format!("{error:#}").contains(&session), "the holder {session} is not named: {error:#}");
            // The connection lives on, and does not take what is let go.
            holder.number(&format!("SELECT {}", (lock.release)(&name))).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
            assert_eq!(holder.number(&take).await, 1, "{kind}: it was taken later");
            assert_eq!(holder.number("SELECT count(*) FROM t").await, 0, "{kind}");
            drop(db);
        }
    }
}

/// 21
#[tokio::test]
async fn what_the_verbs_return_can_be_sent_to_another_thread() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let url: DatabaseUrl = database.url();
        let task = tokio::spawn(async move {
            let mut db = Either::connect(&url).await?;
            let migrator = Migrator::new(table());
            migrator.run(&mut db).await?;
            migrator.status(&mut db).await?;
            migrator.plan(&mut db).await?;
            migrator.wait(&mut db).await
        });
        assert_eq!(task.await.expect("no panic").expect("an empty database").outcome, Outcome::UpToDate);
    }
}

/// 22
#[tokio::test]
async fn a_script_outside_transactions_may_hold_any_number_of_statements() {
    for kind in kinds() {
        let script = if kind == ServerKind::Postgres {
            "VACUUM t;\nCREATE INDEX CONCURRENTLY a ON t (n);\nINSERT INTO t VALUES (1);\nCREATE INDEX CONCURRENTLY b ON t (n);\n\
             VACUUM ANALYZE t;\nINSERT INTO t VALUES (2);"
        } else {
            "ANALYZE TABLE t;\nCREATE INDEX a ON t (n);\nINSERT INTO t VALUES (1);\nCREATE INDEX b ON t (n);\n\
             OPTIMIZE TABLE t;\nINSERT INTO t VALUES (2);"
        };
        let memory = table().with_sql(2, "outside", format!("-- whimbrel: no-transaction\n{script}"));
        let (_database, mut db) = prepared(kind, &memory).await;
        assert_eq!(db.lines("SELECT n FROM t ORDER BY n").await, "1|\n2|\n", "{kind}");
        assert_eq!(db.number(APPLIED).await, 1, "{kind}");
    }
}

/// 23
#[tokio::test]
async fn an_index_left_invalid_is_not_kept_by_a_retry() {
    for exists in ["", "IF NOT EXISTS "] {
        let first = table().with_sql(2, "rows", "INSERT INTO t VALUES (1), (1);");
        let (database, mut db) = prepared(ServerKind::Postgres, &first).await;
        let script =
            format!("-- whimbrel: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY {exists}t_n ON t (n);");
        let memory = first.with_sql(3, "unique", script);
        let error = Migrator::new(&memory).run(&mut db).await.expect_err("there are two");
        assert_eq!(error.class(), Some(ErrorClass::Constraint), "{error:#}");
        let valid = "SELECT indisvalid::int FROM pg_index WHERE indexrelid = 't_n'::regclass";
        assert_eq!(database.open().await.number(valid).await, 0, "as PostgreSQL leaves it");
        let mut db = database.open().await;
        let again = Migrator::new(&memory).run(&mut db).await.expect_err("there are still two");
        assert_eq!(again.kind(), ErrorKind::Files, "{again:#}");
        db.run("DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)").await;
        let mut db = database.open().await;
        run(&mut db, &memory).await;
        assert_eq!(db.number(valid).await, 1);
    }
}

/// 23, where it is a lock that the build does not get in time.
#[tokio::test]
async fn an_index_whose_build_has_waited_too_long_is_built_again() {
    let (database, mut db) = prepared(ServerKind::Postgres, &table()).await;
    let mut app = database.open().await;
    app.apart("BEGIN").await;
    app.apart("INSERT INTO t VALUES (1)").await;
    // A limit that the script names holds for it, too.
    let script = "-- whimbrel: no-transaction\n-- whimbrel: lock_timeout=200ms\nCREATE INDEX CONCURRENTLY t_n ON t (n);";
    let memory = table().with_sql(2, "index", script);
    let migration = tokio::spawn(async move {
        let migrator = Migrator::new(memory).with_lock_timeout(Duration::from_millis(200));
        migrator.run(&mut db).await
    });
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!migration.is_finished(), "the table is busy");
    app.apart("COMMIT").await;
    migration.await.expect("no panic").unwrap_or_else(|error| panic!("{error:#}"));
    let valid = "SELECT indisvalid::int FROM pg_index WHERE indexrelid = 't_n'::regclass";
    assert_eq!(app.number(valid).await, 1);
}

/// 24; with clients that are killed, and connections that are cut, in the tests of crashes.
#[tokio::test]
async fn a_crash_between_intent_and_result_needs_no_human() {
    for kind in kinds() {
        let index = if kind == ServerKind::Postgres {
            "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);\nINSERT INTO t VALUES (2);"
        } else {
            "CREATE INDEX t_n ON t (n);\nINSERT INTO t VALUES (2);"
        };
        let memory = table().with_sql(2, "rows", "INSERT INTO t VALUES (1);").with_sql(3, "index", index);
        for call in 1.. {
            assert!(call < 60, "{kind}: it does not end");
            let database = Database::new(kind).await;
            let mut db = Faulty::new(database.open().await, call, Moment::After);
            let result = Migrator::new(&memory).run(&mut db).await;
            if !db.failed() {
                result.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
                println!("{kind}: {} calls", call - 1);
                break;
            }
            drop(db);
            let mut db = database.open().await;
            let rerun = Migrator::new(&memory).run(&mut db).await;
            rerun.unwrap_or_else(|error| panic!("{kind}, call {call}: {error:#}"));
            assert_eq!(db.lines("SELECT n FROM t ORDER BY n").await, "1|\n2|\n", "{kind}, call {call}");
        }
    }
}

/// Files without a statement, such as other tools accept.
#[tokio::test]
async fn scripts_without_a_statement_are_recorded_and_change_nothing() {
    const EMPTY: [&str; 6] = [
        "",
        "-- nothing to do",
        "-- a comment; DROP TABLE t;\n",
        "/* nothing */ ;\n;",
        "-- whimbrel: no-transaction\n-- nothing\n",
        "-- whimbrel: lock_timeout=2s\n",
    ];
    for kind in kinds() {
        let mut memory = table().with_down(1, "-- nothing\n");
        for (version, text) in (2..).zip(EMPTY) {
            memory = memory.with_sql(version, "empty", text).with_down(version, text);
        }
        let last = 2 + EMPTY.len() as i64;
        memory = memory.with_sql(last, "u", "CREATE TABLE u (n INTEGER);").with_down(last, "DROP TABLE u;");
        for mode in [Transaction::Auto, Transaction::PerMigration] {
            let database = Database::new(kind).await;
            let mut db = database.open().await;
            let migrator = || Migrator::new(&memory).with_transaction(mode);
            let plan = migrator().plan(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(plan.notes().len(), EMPTY.len(), "{kind}: {:?}", plan.notes());
            let script = migrator().script(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert!(script.contains("CREATE TABLE u"), "{kind}: {script}");
            let report = migrator().run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(report.migrations.len() as i64, last, "{kind}");
            let report = migrator().run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(report.outcome, Outcome::UpToDate, "{kind}");
            let report =
                migrator().revert_to(&mut db, None).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            assert_eq!(report.migrations.len() as i64, last, "{kind}");
            // An empty way down has undone nothing.
            assert_eq!(db.number("SELECT count(*) FROM t").await, 0, "{kind}");
        }
    }
}

/// Some tools give the number 0 to their own first migration.
#[tokio::test]
async fn a_version_0_goes_up_and_down_and_boots_in_one_query() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let memory = Memory::new()
            .with_sql(0, "initial", "CREATE TABLE a (n INTEGER);")
            .with_down(0, "DROP TABLE a;")
            .with_sql(1, "b", "CREATE TABLE b (n INTEGER);")
            .with_down(1, "DROP TABLE b;");
        run(&mut db, &memory).await;
        let report = Migrator::new(&memory).run(&mut db).await.expect("nothing is left");
        assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1), "{kind}");
        let zero = Version::new(0);
        Migrator::new(&memory)
            .revert_to(&mut db, zero)
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(db.number("SELECT count(*) FROM a").await, 0, "{kind}");
        Migrator::new(&memory)
            .revert_to(&mut db, None)
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        db.try_run("SELECT * FROM a").await.expect_err("it is gone");
        let error = Migrator::new(&memory).run(&mut db).await.expect_err("both were reverted");
        assert_eq!(error.findings().len(), 2, "{kind}: {error:#}");
    }
}

/// A session that does nothing and holds a lock on a table is named by who waits for it.
#[tokio::test]
async fn a_wait_for_an_idle_session_names_it_and_the_table() {
    let observed = ServerOptions::new(ServerKind::MariaDb)
        .with_setting("performance_schema", "ON")
        .with_setting("performance_schema_instrument", "wait/lock/metadata/sql/mdl=ON");
    let observed = Server::start(&observed).expect("a server");
    let mut databases = vec![(Database::on(&observed).await, "holds a lock on t")];
    for kind in kinds() {
        // MariaDB tells the table where its performance schema is on.
        let what = if kind == ServerKind::MariaDb {
            "has a transaction open (which tables it holds, the server does not tell)"
        } else {
            "holds a lock on t"
        };
        databases.push((Database::new(kind).await, what));
    }
    for (database, what) in databases {
        let kind = database.kind();
        let mut db = database.open().await;
        run(&mut db, &table()).await;
        let mut idle = database.open().await;
        for sql in ["BEGIN", "SELECT count(*) FROM t"] {
            idle.apart(sql).await;
        }
        let number = idle.session().to_string();
        for header in ["", "-- whimbrel: no-transaction\n"] {
            let heard = Mutex::new(Vec::new());
            let set = table().with_sql(2, "more", format!("{header}ALTER TABLE t ADD COLUMN more INTEGER;"));
            let migrator = Migrator::new(&set)
                .with_lock_timeout(Duration::from_millis(200))
                .with_lock_deadline(Duration::from_secs(2))
                .with_failure_pause(Duration::ZERO)
                .with_observer(|event: &Event<'_>| {
                    if let Event::Blocked { by, .. } = event {
                        heard.lock().expect("one thread").push(by.map(str::to_owned));
                    }
                });
            let error = migrator.run(&mut db).await.expect_err("the table is locked");
            drop(migrator);
            let noted = error.notes().find(|(name, _)| *name == "blocked by").map(|(_, by)| by.to_owned());
            let heard = heard.into_inner().expect("one thread");
            assert!(!heard.is_empty(), "{kind}: {header}: {error:#}");
            for by in heard.into_iter().chain([noted]) {
                let by = by.unwrap_or_else(|| panic!("{kind}: {header}: nobody is named: {error:#}"));
                assert!(by.contains(&number) && by.ends_with(what), "{kind}: {header}: {by}");
            }
        }
        idle.apart("ROLLBACK").await;
        // It is gone on with as it was begun.
        let more = "-- whimbrel: no-transaction\nALTER TABLE t ADD COLUMN more INTEGER;";
        run(&mut db, &table().with_sql(2, "more", more)).await;
    }
}
