//! A plan as a script that somebody runs with the database's own client: what it leaves is what a run would have left.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use whimbrel::{
    Backup, Driver, ErrorKind, Finding, FindingKind, Goal, Memory, Migrator, Outcome, Plan, Receipt, Secret,
    SecretProvider, StepError, Verifier, Version, Weight, async_trait,
};
use whimbrel_sqlite as _;
use whimbrel_testkit::{Schema, Server, ServerKind};
use whimbrel_tests::either::{is_long, kinds};
use whimbrel_tests::remote::{self, Remote};
use whimbrel_tests::{by_hand, memory_folder, picture};

/// A value that would be something else if it were not quoted.
const VALUE: &str = "it's; a\\ :value 'HOST";

fn version(number: i64) -> Version {
    Version::new(number).expect("a version")
}

/// A set with what clients might cut otherwise than we do, or read as their own: semicolons inside, colons, delimiters.
fn set(kind: ServerKind) -> Memory {
    let first = Memory::new()
        .with_sql(1, "log", "CREATE TABLE log (what VARCHAR(200));\nINSERT INTO log VALUES ('1; -- \\\\'), ('${no}:HOST');")
        .with_sql(
            2,
            "value",
            "-- whimbrel: placeholders\nCREATE TABLE ${table:ident} (a VARCHAR(99));\nINSERT INTO ${table:ident} VALUES (${value});",
        );
    match kind {
        ServerKind::Postgres => first
            .with_sql(
                3,
                "bodies",
                "CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM 1; RETURN ':HOST'::text IS NULL; END$$;\n\
                 CREATE FUNCTION two() RETURNS int BEGIN ATOMIC SELECT 1; SELECT ((ARRAY[1, 2])[1:2])[1]; END;\n\
                 CREATE RULE r AS ON DELETE TO log DO (INSERT INTO log VALUES ('r'); SELECT 1);\n\
                 INSERT INTO log SELECT (ARRAY['a', 'b'])[1:1]::text FROM (VALUES (1)) v (USER1);",
            )
            .with_sql(
                4,
                "settings",
                "-- whimbrel: lock_timeout=7s\nSET search_path = pg_catalog;\nCREATE TABLE public.settled (a int);\n\
                 INSERT INTO public.log SELECT current_setting('lock_timeout');",
            )
            .with_sql(5, "after", "CREATE TABLE after_settings (a int);")
            .with_sql(
                6,
                "apart",
                "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY log_what ON log (what);\n\
                 INSERT INTO log VALUES ('6');\nVACUUM log;\nCREATE INDEX CONCURRENTLY log_what_too ON log (what);",
            )
            .with_sql(7, "last", "ALTER TABLE log ADD COLUMN b int;\nINSERT INTO log VALUES ('7', 7);")
            .with_repeatable("v", "CREATE OR REPLACE VIEW v AS SELECT what FROM log;"),
        _ => first
            .with_sql(
                3,
                "bodies",
                "CREATE PROCEDURE p() BEGIN /* it's; $$ */ INSERT INTO log VALUES ('p'); SELECT 1; END;\n\
                 CREATE TABLE odd (`odd; it``s` INT);\n\
                 CREATE TRIGGER t AFTER INSERT ON odd FOR EACH ROW BEGIN SET @a = ';'; SET @b = 2; END;",
            )
            .with_sql(4, "data", "INSERT INTO log VALUES ('4a');\nINSERT INTO log VALUES ('4b');")
            .with_sql(
                5,
                "settings",
                "-- whimbrel: lock_timeout=7s\nSET time_zone = '+03:00';\nCREATE TABLE settled (a INT);\n\
                 INSERT INTO log SELECT concat(@@time_zone, @@lock_wait_timeout);",
            )
            .with_sql(6, "after", "CREATE TABLE after_settings (a INT);\nINSERT INTO log SELECT @@lock_wait_timeout < 7;")
            .with_sql(7, "last", "ALTER TABLE log ADD COLUMN b INT;\nINSERT INTO log VALUES ('7', 7);")
            .with_repeatable("v", "CREATE OR REPLACE VIEW v AS SELECT what FROM log;"),
    }
}

fn migrator(kind: ServerKind) -> Migrator<'static> {
    Migrator::new(set(kind))
        .with_value("table", "valued")
        .with_value("value", VALUE)
        .with_application("shop; \\! :HOST", "1.0")
        .with_reason("a\nreason; with 'quotes'")
        .with_lock_timeout(Duration::from_secs(5))
        .with_environment("a test")
}

fn script(remote: &Remote, migrator: &Migrator<'_>) -> whimbrel::Result<String> {
    script_from(&remote.url(), migrator)
}

fn script_from(url: &str, migrator: &Migrator<'_>) -> whimbrel::Result<String> {
    remote::block_on(async {
        let mut driver = remote::connect(url).await?;
        migrator.script(&mut &mut *driver).await
    })
}

/// Without the rights on the schema itself, which is another one where a database is used a second time.
fn schema(remote: &Remote) -> Vec<String> {
    let schema = remote::block_on(async {
        let mut driver = remote::connect(&remote.url()).await.expect("a connection");
        Schema::read(&mut &mut *driver).await.expect("a schema")
    });
    schema.lines().filter(|line| !line.starts_with("schema public")).map(str::to_owned).collect()
}

fn verified(remote: &Remote, migrator: &Migrator<'_>) {
    let result = remote::block_on(async {
        let mut driver = remote::connect(&remote.url()).await?;
        migrator.verify_history(&mut &mut *driver, &[]).await
    });
    result.unwrap_or_else(|error| panic!("{error:#}"));
}

/// The one query of a boot finds everything, and no row was touched.
fn in_force(remote: &Remote, migrator: &Migrator<'_>) {
    let report = remote.migrate(migrator).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
    verified(remote, migrator);
}

fn rows(remote: &Remote) -> i64 {
    remote.number("SELECT count(*) FROM whimbrel_history")
}

#[test]
fn a_script_run_by_hand_leaves_what_a_run_leaves() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        let by_run = Remote::fresh(server);
        by_run.migrate(&migrator(kind)).unwrap_or_else(|error| panic!("{error:#}"));
        for before in [None, Some(1), Some(2), Some(5)] {
            let remote = Remote::fresh(server);
            if let Some(number) = before {
                remote
                    .migrate(&migrator(kind).with_target(version(number)))
                    .unwrap_or_else(|error| panic!("{error:#}"));
            }
            let text = script(&remote, &migrator(kind)).unwrap_or_else(|error| panic!("{error:#}"));
            by_hand::on(&remote, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(remote.picture(), by_run.picture(), "{kind:?} {before:?}");
            assert_eq!(schema(&remote), schema(&by_run), "{kind:?} {before:?}");
            in_force(&remote, &migrator(kind));
            let told = remote.number(
                "SELECT count(*) FROM whimbrel_history WHERE event = 'applied' AND detail LIKE '% script=b3v1:%'",
            );
            assert_eq!(told, 8 - before.unwrap_or(0), "{kind:?} {before:?}");
            // A second time nothing happens, at once.
            let (picture, count) = (remote.picture(), rows(&remote));
            assert!(by_hand::on(&remote, &text).is_err(), "{kind:?} {before:?}");
            assert_eq!((remote.picture(), rows(&remote)), (picture, count), "{kind:?} {before:?}");
        }
    }
}

#[test]
fn a_script_fails_with_nothing_changed_once_the_history_has_moved() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        // Made on no history, and on one.
        for before in [None, Some(1)] {
            let remote = Remote::fresh(server);
            if let Some(number) = before {
                remote.migrate(&migrator(kind).with_target(version(number))).expect("a run");
            }
            let text = script(&remote, &migrator(kind)).expect("a script");
            remote.migrate(&migrator(kind).with_target(version(before.unwrap_or(0) + 1))).expect("a run");
            let (picture, count) = (remote.picture(), rows(&remote));
            assert!(by_hand::on(&remote, &text).is_err(), "{kind:?}");
            assert_eq!((remote.picture(), rows(&remote)), (picture, count), "{kind:?}");
        }
        // A database that has less than the one that the script was made on.
        let (remote, other) = (Remote::fresh(server), Remote::fresh(server));
        for (remote, number) in [(&remote, 4), (&other, 1)] {
            remote.migrate(&migrator(kind).with_target(version(number))).expect("a run");
        }
        let text = script(&remote, &migrator(kind)).expect("a script").replace(remote.name(), other.name());
        let (picture, count) = (other.picture(), rows(&other));
        assert!(by_hand::on(&other, &text).is_err(), "{kind:?}");
        assert_eq!((other.picture(), rows(&other)), (picture, count), "{kind:?}");
    }
}

#[test]
fn a_script_fails_with_nothing_changed_in_another_place_and_inside_a_transaction() {
    for kind in kinds() {
        let remote = Remote::fresh(Server::shared(kind).expect("a server"));
        remote.migrate(&migrator(kind).with_target(version(1))).expect("a run");
        let text = script(&remote, &migrator(kind)).expect("a script");
        let before: &[&str] = match kind {
            ServerKind::Postgres => &["BEGIN;", "SET search_path = pg_catalog;"],
            // There, what changes the schema ends the transaction of whoever has begun one.
            _ => &["USE information_schema;"],
        };
        let (picture, count) = (remote.picture(), rows(&remote));
        for first in before {
            assert!(by_hand::on(&remote, &format!("{first}\n{text}")).is_err(), "{kind:?} {first}");
            assert_eq!((remote.picture(), rows(&remote)), (picture.clone(), count), "{kind:?} {first}");
        }
    }
}

#[test]
fn who_may_only_read_the_history_makes_the_script_and_an_administrator_runs_it() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        let by_run = Remote::fresh(server);
        by_run.migrate(&migrator(kind)).unwrap_or_else(|error| panic!("{error:#}"));
        let (remote, reader) = (Remote::fresh(server), Server::unique_name());
        remote.migrate(&migrator(kind).with_target(version(1))).expect("a run");
        let (create, table) = match kind {
            ServerKind::Postgres => (format!("CREATE ROLE {reader} LOGIN"), "whimbrel_history".to_owned()),
            _ => (format!("CREATE USER {reader}"), format!("{}.whimbrel_history", remote.name())),
        };
        remote.run(&[&create, &format!("GRANT SELECT ON {table} TO {reader}")]);
        let url = remote.url().replacen(&format!("//{}", server.user()), &format!("//{reader}"), 1);
        let text = script_from(&url, &migrator(kind)).unwrap_or_else(|error| panic!("{error:#}"));
        by_hand::on(&remote, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(remote.picture(), by_run.picture(), "{kind:?}");
        in_force(&remote, &migrator(kind));
        let told = "SELECT count(*) FROM whimbrel_history WHERE event = 'applied' AND who LIKE ";
        assert_eq!(remote.number(&format!("{told}'%user={reader}%'")), 7, "{kind:?}");
    }
}

#[test]
fn scripts_run_as_the_role_and_rows_are_written_as_oneself() {
    let remote = Remote::fresh(Server::shared(ServerKind::Postgres).expect("a server"));
    let role = format!("{}_{}", remote.name(), Server::unique_name());
    remote
        .run(&[&format!("CREATE ROLE {role} NOLOGIN"), &format!("GRANT CREATE ON SCHEMA public TO {role}")]);
    let memory = Memory::new()
        .with_sql(1, "a", "CREATE TABLE a (n INTEGER);")
        .with_sql(2, "settings", "RESET ROLE;\nSET search_path = pg_catalog;")
        .with_sql(
            3,
            "outside",
            "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY a_n ON a (n);\nINSERT INTO a VALUES (2);\n\
             CREATE TABLE b (n INTEGER);",
        )
        .with_sql(4, "after", "CREATE TABLE c (n INTEGER);");
    let migrator = Migrator::new(&memory).with_role(&role).with_statement_timeout(Duration::from_secs(60));
    let text = script(&remote, &migrator).expect("a script");
    by_hand::on(&remote, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let owners = "SELECT relname::text, pg_get_userbyid(relowner)::text FROM pg_class \
                  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') ORDER BY 1";
    let (history, others): (Vec<String>, Vec<String>) =
        remote.rows(owners).into_iter().partition(|line| line.starts_with("whimbrel_history"));
    assert!(
        history.iter().all(|line| line.ends_with(&format!("|{}", remote.server().user()))),
        "{history:?}"
    );
    let role = role.replace(remote.name(), "DATABASE");
    let expected: Vec<String> = ["a", "a_n", "b", "c"].iter().map(|name| format!("{name}|{role}")).collect();
    assert_eq!(others, expected);
    in_force(&remote, &migrator);
}

#[test]
fn a_script_fails_with_nothing_changed_while_somebody_else_has_the_lock() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        let remote = Remote::fresh(server);
        remote.migrate(&migrator(kind).with_target(version(1))).expect("a run");
        let text = script(&remote, &migrator(kind)).expect("a script");
        let (picture, count) = (remote.picture(), rows(&remote));
        remote::block_on(async {
            let mut holder = remote::connect(&remote.url()).await.expect("a connection");
            let lock = holder.dialect().lock.expect("servers have one");
            let sql = format!("SELECT {}", (lock.take)(&whimbrel::TableName::default()));
            assert_eq!(holder.query(&sql, &[]).await.expect("a lock")[0].read::<i64>(0).ok(), Some(1));
            assert!(by_hand::on(&remote, &text).is_err(), "{kind:?}");
        });
        assert_eq!((remote.picture(), rows(&remote)), (picture, count), "{kind:?}");
    }
}

/// Whether what a script ends with is more than a question or a setting.
fn matters(beginning: &str) -> bool {
    let last = beginning.trim_end().lines().next_back().unwrap_or_default();
    let begins = ["SELECT", "SET ", "SAVEPOINT", "RELEASE", "BEGIN ", "START ", "RESET", ":whimbrel"];
    !begins.iter().any(|word| last.starts_with(word))
}

#[test]
fn wherever_a_script_is_cut_off_a_run_or_another_script_goes_on_and_does_nothing_twice() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        let by_run = Remote::fresh(server);
        by_run.migrate(&migrator(kind)).unwrap_or_else(|error| panic!("{error:#}"));
        let expected = by_run.picture();
        let start = || {
            let remote = Remote::fresh(server);
            remote.migrate(&migrator(kind).with_target(version(2))).expect("a run");
            remote
        };
        let first = start();
        let whole = script(&first, &migrator(kind)).expect("a script");
        let count = by_hand::beginnings(&whole).len();
        assert!(count > 30, "{count}\n{whole}");
        for cut in (0..count).filter(|cut| is_long() || matters(by_hand::beginnings(&whole)[*cut])) {
            let remote = start();
            let text = script(&remote, &migrator(kind)).expect("a script");
            let beginning = by_hand::beginnings(&text)[cut];
            by_hand::on(&remote, beginning)
                .unwrap_or_else(|error| panic!("{kind:?} {cut}: {error}\n{beginning}"));
            if cut % 2 == 0 {
                let rest = script(&remote, &migrator(kind))
                    .unwrap_or_else(|error| panic!("{kind:?} {cut}: {error:#}\n{beginning}"));
                by_hand::on(&remote, &rest)
                    .unwrap_or_else(|error| panic!("{kind:?} {cut}: {error}\n{beginning}\n\n{rest}"));
                in_force(&remote, &migrator(kind));
            } else {
                remote
                    .migrate(&migrator(kind))
                    .unwrap_or_else(|error| panic!("{kind:?} {cut}: {error:#}\n{beginning}"));
                verified(&remote, &migrator(kind));
            }
            assert_eq!(remote.picture(), expected, "{kind:?} {cut}\n{beginning}");
        }
    }
}

#[test]
fn where_a_statement_fails_the_script_stops_and_a_run_goes_on_once_it_can() {
    for kind in kinds() {
        let remote = Remote::fresh(Server::shared(kind).expect("a server"));
        let memory = Memory::new()
            .with_sql(1, "tables", "CREATE TABLE a (n INT PRIMARY KEY);\nCREATE TABLE log (n INT);")
            .with_sql(2, "rows", "INSERT INTO log VALUES (2);\nINSERT INTO a VALUES (1);")
            .with_sql(3, "after", "CREATE TABLE b (n INT);");
        let migrator = Migrator::new(&memory);
        remote.migrate(&Migrator::new(&memory).with_target(version(1))).expect("a run");
        let text = script(&remote, &migrator).expect("a script");
        remote.run(&["INSERT INTO a VALUES (1)"]);
        let error = by_hand::on(&remote, &text).expect_err("the row is there");
        assert!(error.to_lowercase().contains("duplicate"), "{error}");
        assert_eq!(remote.number("SELECT count(*) FROM log"), 0, "{kind:?}");
        remote.run(&["DELETE FROM a"]);
        remote.migrate(&migrator).unwrap_or_else(|error| panic!("{kind:?} {error:#}"));
        assert_eq!(remote.number("SELECT count(*) FROM log"), 1, "{kind:?}");
        in_force(&remote, &migrator);
    }
}

#[test]
fn what_cannot_be_known_of_a_script_that_was_cut_off_is_said_to_be_unknown() {
    for kind in kinds() {
        let (header, create, statement) = match kind {
            ServerKind::Postgres => (
                "-- whimbrel: no-transaction\n",
                "CREATE TABLE a (n INT) PARTITION BY LIST (n);\nCREATE TABLE a1 PARTITION OF a FOR VALUES IN (1);",
                "ALTER TABLE a DETACH PARTITION a1 CONCURRENTLY;\n",
            ),
            _ => ("", "CREATE TABLE a (n INT);", "RENAME TABLE a TO b;\n"),
        };
        let remote = Remote::fresh(Server::shared(kind).expect("a server"));
        let memory = Memory::new().with_sql(1, "a", create).with_sql(
            2,
            "change",
            format!("{header}{statement}CREATE TABLE c (n INT);"),
        );
        let migrator = Migrator::new(&memory);
        let text = script(&remote, &migrator).expect("a script");
        let after = text.find(statement).expect("it is there") + statement.len();
        by_hand::on(&remote, &text[..after]).expect("it runs");
        for error in [
            remote.migrate(&migrator).expect_err("nobody knows"),
            script(&remote, &migrator).expect_err("nobody knows"),
        ] {
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:#}");
        }
    }
}

/// A table with an index, and the ways back.
fn ways(kind: ServerKind) -> Memory {
    let (header, concurrently) = match kind {
        ServerKind::Postgres => ("-- whimbrel: no-transaction\n", "CONCURRENTLY "),
        _ => ("", ""),
    };
    let drop = match kind {
        ServerKind::Postgres => "DROP INDEX CONCURRENTLY a_n;",
        _ => "DROP INDEX a_n ON a;",
    };
    Memory::new()
        .with_sql(1, "a", "CREATE TABLE a (n INT);")
        .with_sql(2, "index", format!("{header}CREATE INDEX {concurrently}a_n ON a (n);"))
        .with_down(2, format!("{header}{drop}\nINSERT INTO a VALUES (2);"))
        .with_sql(3, "b", "CREATE TABLE b (n INT);\nINSERT INTO b VALUES (3);")
        .with_down(3, "INSERT INTO a VALUES (3);\nDROP TABLE b;")
}

#[test]
fn a_script_goes_down_declares_and_does_again_as_the_verbs_do() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        let memory = ways(kind);
        let migrator = || Migrator::new(&memory).with_unbaselined(whimbrel::Unbaselined::Allow);
        for goal in [Goal::RevertTo(Some(version(1))), Goal::Redo, Goal::Baseline(version(2))] {
            let [by_verb, by_script] = [(); 2].map(|()| {
                let remote = Remote::fresh(server);
                match goal {
                    Goal::Baseline(_) => remote.run(&["CREATE TABLE a (n INT)", "CREATE INDEX a_n ON a (n)"]),
                    _ => drop(remote.migrate(&migrator()).expect("a run")),
                }
                remote
            });
            remote::block_on(async {
                let mut driver = remote::connect(&by_verb.url()).await.expect("a connection");
                let db = &mut &mut *driver;
                let report = match goal {
                    Goal::RevertTo(version) => migrator().revert_to(db, version).await,
                    Goal::Redo => migrator().redo(db).await,
                    _ => migrator().baseline(db, version(2)).await,
                };
                report.unwrap_or_else(|error| panic!("{kind:?} {goal:?} {error:#}"));
            });
            let text = remote::block_on(async {
                let mut driver = remote::connect(&by_script.url()).await.expect("a connection");
                migrator().script_for(&mut &mut *driver, goal).await
            });
            let text = text.unwrap_or_else(|error| panic!("{kind:?} {goal:?} {error:#}"));
            by_hand::on(&by_script, &text)
                .unwrap_or_else(|error| panic!("{kind:?} {goal:?} {error}\n{text}"));
            assert_eq!(by_script.picture(), by_verb.picture(), "{kind:?} {goal:?}");
            verified(&by_script, &migrator());
            let again = migrator().with_reverted(whimbrel::Reverted::Apply);
            by_script.migrate(&again).unwrap_or_else(|error| panic!("{kind:?} {goal:?} {error:#}"));
            in_force(&by_script, &again);
        }
    }
}

/// A set for SQLite: a trigger, a rebuild with foreign keys off, settings, a script outside transactions.
fn sqlite_set() -> Memory {
    Memory::new()
        .with_sql(1, "log", "CREATE TABLE log (what TEXT);\nINSERT INTO log VALUES ('1; '' --');")
        .with_sql(
            2,
            "value",
            "-- whimbrel: placeholders\nCREATE TABLE ${table:ident} (a TEXT);\nINSERT INTO ${table:ident} VALUES (${value});",
        )
        .with_sql(
            3,
            "tables",
            "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p INTEGER REFERENCES p (id) ON DELETE CASCADE);\n\
             INSERT INTO p VALUES (1), (2);\nINSERT INTO c VALUES (1), (2);",
        )
        .with_sql(
            4,
            "rebuild",
            "-- whimbrel: foreign_keys=off\nCREATE TABLE q (id INTEGER PRIMARY KEY, n INTEGER);\n\
             INSERT INTO q (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE q RENAME TO p;",
        )
        .with_sql(
            5,
            "trigger",
            "CREATE TRIGGER t AFTER INSERT ON c BEGIN INSERT INTO log VALUES ('t;'); INSERT INTO log VALUES ('u'); END;\n\
             INSERT INTO c VALUES (1);",
        )
        .with_sql(
            6,
            "apart",
            "-- whimbrel: no-transaction\nPRAGMA recursive_triggers = ON;\nINSERT INTO log VALUES ('6a');\nVACUUM;\n\
             CREATE INDEX log_what ON log (what);\nINSERT INTO log SELECT recursive_triggers FROM pragma_recursive_triggers;",
        )
        .with_sql(7, "last", "DELETE FROM p WHERE id = 2;\nINSERT INTO log SELECT recursive_triggers FROM pragma_recursive_triggers;")
        .with_repeatable("v", "DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT what FROM log;")
}

fn sqlite() -> Migrator<'static> {
    Migrator::new(sqlite_set()).with_value("table", "valued").with_value("value", VALUE)
}

fn sqlite_run(path: &Path, migrator: &Migrator<'_>) -> whimbrel::Result<whimbrel::Report> {
    migrator.run_blocking(&mut Connection::open(path).expect("the database opens"))
}

fn sqlite_script(path: &Path) -> String {
    let script = sqlite().script_blocking(&mut Connection::open(path).expect("the database opens"));
    script.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Schema, data, and the history without what tells of the way.
fn sqlite_picture(path: &Path) -> String {
    let db = Connection::open(path).expect("the database opens");
    let history = "SELECT event, version, name, digest, head, repeatables, below FROM whimbrel_history \
                   WHERE event IN ('applied', 'reverted') ORDER BY set_name, seq";
    let there = db.table_exists(None, "whimbrel_history").expect("a look");
    format!(
        "{}{}",
        picture::application(&db),
        if there { picture::rows(&db, history) } else { String::new() }
    )
}

fn sqlite_in_force(path: &Path) {
    let report = sqlite_run(path, &sqlite()).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
    sqlite()
        .verify_history_blocking(&mut Connection::open(path).expect("it opens"), &[])
        .expect("it is whole");
}

#[test]
fn a_script_run_by_hand_leaves_what_a_run_leaves_on_sqlite() {
    let folder = memory_folder();
    let by_run = folder.path().join("by_run");
    sqlite_run(&by_run, &sqlite()).unwrap_or_else(|error| panic!("{error:#}"));
    type Way = fn(&Path, &str) -> Result<(), String>;
    let ways: [Way; 2] = [by_hand::on_file, by_hand::by_library];
    for (number, way) in ways.into_iter().enumerate() {
        for before in [None, Some(1), Some(3), Some(6)] {
            let path = folder.path().join(format!("{number}{before:?}"));
            if let Some(number) = before {
                sqlite_run(&path, &sqlite().with_target(version(number))).expect("a run");
            }
            let text = sqlite_script(&path);
            way(&path, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(sqlite_picture(&path), sqlite_picture(&by_run), "{before:?}\n{text}");
            sqlite_in_force(&path);
            // A second time nothing happens, at once; nor does it on a history that has moved.
            let picture = picture::picture(&path);
            assert!(way(&path, &text).is_err(), "{before:?}");
            assert_eq!(picture::picture(&path), picture, "{before:?}");
        }
        let path = folder.path().join(format!("{number}moved"));
        let text = sqlite_script(&path);
        sqlite_run(&path, &sqlite().with_target(version(1))).expect("a run");
        let picture = picture::picture(&path);
        assert!(way(&path, &text).is_err());
        assert_eq!(picture::picture(&path), picture);
    }
}

#[test]
fn wherever_a_script_is_cut_off_a_run_or_another_script_goes_on_and_does_nothing_twice_on_sqlite() {
    let folder = memory_folder();
    let by_run = folder.path().join("by_run");
    sqlite_run(&by_run, &sqlite()).expect("a run");
    let start = |path: &Path| sqlite_run(path, &sqlite().with_target(version(2))).expect("a run");
    let whole = folder.path().join("whole");
    start(&whole);
    let count = by_hand::beginnings(&sqlite_script(&whole)).len();
    assert!(count > 60, "{count}");
    for cut in 0..count {
        let path = folder.path().join(cut.to_string());
        start(&path);
        let text = sqlite_script(&path);
        let beginning = by_hand::beginnings(&text)[cut];
        by_hand::on_file(&path, beginning).unwrap_or_else(|error| panic!("{cut}: {error}\n{beginning}"));
        if cut % 2 == 0 {
            let rest = sqlite_script(&path);
            by_hand::on_file(&path, &rest)
                .unwrap_or_else(|error| panic!("{cut}: {error}\n{beginning}\n\n{rest}"));
            sqlite_in_force(&path);
        } else {
            sqlite_run(&path, &sqlite()).unwrap_or_else(|error| panic!("{cut}: {error:#}\n{beginning}"));
        }
        assert_eq!(sqlite_picture(&path), sqlite_picture(&by_run), "{cut}\n{beginning}");
    }
}

struct Nothing;

#[async_trait]
impl Backup for Nothing {
    async fn back_up(&self, _: &mut dyn Driver, _: &Plan) -> Result<Receipt, StepError> {
        Err("nobody should have asked".into())
    }
}

struct Vault;

#[async_trait]
impl SecretProvider for Vault {
    async fn secret(&self, _: &str) -> Result<Secret, StepError> {
        Err("nobody should have asked".into())
    }
}

/// Wants every plan to be approved.
struct Careful;

#[async_trait]
impl Verifier for Careful {
    async fn check_set(&self, _: &whimbrel::MigrationSet) -> whimbrel::Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn check_plan(&self, plan: &Plan) -> whimbrel::Result<Vec<Finding>> {
        let item = &plan.items()[0];
        let finding = Finding::new(FindingKind::Policy, item.set_name(), item.label(), "has to be looked at");
        Ok(vec![finding.weighing(Weight::Approval)])
    }
}

#[test]
fn what_no_script_can_hold_is_refused_with_what_to_do() {
    let memory = Memory::new()
        .with_sql(1, "a", "CREATE TABLE a (n INTEGER);")
        .with_rust(2, "step")
        .with_sql(3, "secret", "-- whimbrel: placeholders\nINSERT INTO a VALUES (${secret:key});")
        .with_sql(4, "line", "SELECT 4\n/\n2;");
    let bound = || Migrator::new(&memory).with_blocking_step(2, |_| Ok(()));
    let mut db = Connection::open_in_memory().expect("it opens");
    // Whether anybody hands out secrets or not.
    for migrator in [bound(), bound().with_secrets(Vault, Duration::from_secs(1))] {
        let error = migrator.script_blocking(&mut db).expect_err("no script can hold it");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:#}");
        let found: Vec<(FindingKind, &str)> =
            error.findings().iter().map(|finding| (finding.kind(), finding.subject())).collect();
        let by_hand = FindingKind::ByHand;
        assert_eq!(found, [(by_hand, "2_step"), (by_hand, "3_secret"), (by_hand, "4_line")], "{error:#}");
        let places: Vec<_> = error.findings().iter().map(Finding::location).collect();
        assert!(places[1].is_some_and(|place| place.ends_with(":2:23")), "{places:?}");
        assert!(error.findings()[..2].iter().all(|finding| finding.message().contains("`with_target`")));
    }
    let before = || bound().with_target(version(1));
    let error = before().with_backup(Nothing).script_blocking(&mut db).expect_err("it cannot");
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:#}");
    assert!(error.notes().any(|(name, text)| name == "next" && text.contains("`with_backup`")), "{error:#}");
    // What wants an approval is refused until there is one, for exactly this plan; it is in the rows then.
    let error = before().with_verifier(Careful).script_blocking(&mut db).expect_err("nobody has approved it");
    assert_eq!(error.findings()[0].weight(), Weight::Approval, "{error:#}");
    let plan = before().with_verifier(Careful).plan_blocking(&mut db).expect("a plan");
    let approved = before().with_verifier(Careful).with_approval(*plan.digest());
    let text = approved.script_blocking(&mut db).expect("a script");
    assert!(text.contains(&format!(" approved={}", plan.digest())), "{text}");
    // Nothing of all that has changed anything.
    let count: i64 =
        db.query_row("SELECT count(*) FROM sqlite_master", (), |row| row.get(0)).expect("a count");
    assert_eq!(count, 0);
    before().run_blocking(&mut db).expect("a run");
    let text = before().script_blocking(&mut db).expect("a script that does nothing");
    assert!(text.lines().all(|line| line.starts_with("--")), "{text}");
}

#[test]
fn what_the_client_would_read_otherwise_than_the_server_is_refused() {
    for (kind, text) in [
        (ServerKind::MariaDb, "CREATE TABLE a (n INT);\nINSERT INTO a VALUES (\\N);"),
        (ServerKind::Postgres, "CREATE TABLE begin (n INT);\nCREATE POLICY p ON begin;"),
    ] {
        let remote = Remote::fresh(Server::shared(kind).expect("a server"));
        let memory = Memory::new().with_sql(1, "odd", text);
        let error = script(&remote, &Migrator::new(&memory)).expect_err("the client reads it otherwise");
        assert!(error.findings().iter().all(|it| it.kind() == FindingKind::ByHand), "{error:#}");
        remote.migrate(&Migrator::new(&memory)).unwrap_or_else(|error| panic!("{error:#}"));
    }
}
