//! Values are filled into scripts when they are executed, quoted, and secrets are seen nowhere but in the database.

use std::sync::Mutex;
use std::time::Duration;

use whimbrel::{
    ErrorKind, Event, FindingKind, Memory, Migrator, Outcome, Secret, SecretProvider, Tracing, async_trait,
};
use whimbrel_testkit::ServerKind;
use whimbrel_tests::either::{Database, Either, kinds};

/// What must not be seen.
const SECRET: &str = "Kept4kept'Kept6";

static HEARD: Mutex<String> = Mutex::new(String::new());

fn hear(text: &str) {
    HEARD.lock().expect("not poisoned").push_str(&format!("{text}\n"));
}

/// Hears what the clients write to `log`, at every level.
struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        hear(&format!("log {} {}: {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

struct Vault;

#[async_trait]
impl SecretProvider for Vault {
    async fn secret(&self, name: &str) -> Result<Secret, Box<dyn std::error::Error + Send + Sync>> {
        match name {
            "db/password" => Ok(Secret::new(SECRET)),
            "slow" => std::future::pending().await,
            _ => Err("there is no such secret".into()),
        }
    }
}

fn heard(memory: &Memory) -> Migrator<'_> {
    Migrator::new(memory)
        .with_secrets(Vault, Duration::from_secs(20))
        .with_observer(|event: &Event<'_>| hear(&format!("{event:?}")))
        .with_observer(Tracing::new())
        .with_failure_pause(Duration::ZERO)
        .with_database_messages()
}

async fn text(db: &mut Either, sql: &str) -> String {
    db.lines(sql).await.trim_end_matches(['\n', '|']).to_owned()
}

/// Texts that would be something else if they were not quoted.
const ODD: [&str; 6] = ["it's", "a\\'; DROP TABLE t; --", "$whimbrel_0$ ${b}", "\"`[]", "", "naïve"];

#[tokio::test]
async fn a_value_is_the_text_that_it_is_and_a_name_the_name_that_it_is() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        for (number, odd) in ODD.into_iter().enumerate() {
            let table = format!("odd {number} '\"`; --");
            let header = if number % 2 == 0 { "" } else { "-- whimbrel: no-transaction\n" };
            let script = format!(
                "{header}-- whimbrel: placeholders\n-- ${{not}} this\nCREATE TABLE ${{table:ident}} (a VARCHAR(100));\n\
                 INSERT INTO ${{table:ident}} VALUES (${{odd}}), ('$'),('{{odd}}');"
            );
            let memory = Memory::new()
                .with_set(whimbrel::SetName::new(format!("set{number}")).expect("a name"))
                .with_sql(1, "odd", script);
            let migrator = |value: &str| {
                Migrator::new(&memory)
                    .with_unbaselined(whimbrel::Unbaselined::Allow)
                    .with_value("odd", value)
                    .with_value("table", &table)
            };
            migrator(odd).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {odd}: {error:#}"));
            let quoted = match kind {
                ServerKind::Postgres => format!("\"{}\"", table.replace('"', "\"\"")),
                _ => format!("`{}`", table.replace('`', "``")),
            };
            let found =
                text(&mut db, &format!("SELECT a FROM {quoted} WHERE a NOT IN ('$', '{{odd}}')")).await;
            assert_eq!(found, odd, "{kind}");
            // The template is what counts.
            let report = migrator("another").run(&mut db).await.expect("nothing to do");
            assert_eq!(report.outcome, Outcome::UpToDate, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_seen_nowhere_but_in_the_database() {
    log::set_boxed_logger(Box::new(Log)).expect("the first one");
    log::set_max_level(log::LevelFilter::Trace);
    for kind in kinds() {
        for outside in [false, true] {
            let what = format!("{kind}, outside {outside}");
            let database = Database::new(kind).await;
            let mut db = database.open().await;
            let header = if outside { "-- whimbrel: no-transaction\n" } else { "" };
            let user = whimbrel_testkit::Server::unique_name();
            let create = match kind {
                ServerKind::Postgres => "CREATE ROLE ${user:ident} LOGIN PASSWORD ${secret:db/password}",
                _ => "CREATE USER ${user:ident} IDENTIFIED BY ${secret:db/password}",
            };
            let script = format!(
                "{header}-- whimbrel: placeholders\nCREATE TABLE kept (name VARCHAR(40), value VARCHAR(40));\n\
                 INSERT INTO kept VALUES (${{user}}, ${{secret:db/password}});\n{create};\n\
                 UPDATE kept SET name = concat(name, ${{user}}) WHERE value = ${{secret:db/password}} AND name = 'x';"
            );
            let memory = Memory::new().with_sql(1, "keys", script);
            let migrator = heard(&memory).with_value("user", &user);
            let plan = migrator.plan(&mut db).await.expect("a plan");
            hear(&format!("{plan} {plan:?}"));
            let report = migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
            hear(&format!("{report} {report:?} {migrator:?}"));
            assert_eq!(text(&mut db, "SELECT value FROM kept").await, SECRET, "{what}");
            // The password is the secret.
            let url = database.url_of(&user).with_password(Secret::new(SECRET));
            if kind != ServerKind::Postgres {
                db.run(&format!("GRANT SELECT ON {}.* TO {user}", database.name)).await;
                Either::connect(&url).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
            }

            // A statement that fails, and of which the database tells the value.
            let wrong = match kind {
                ServerKind::Postgres => "SELECT CAST(${secret:db/password} AS integer);",
                _ => {
                    "CREATE TABLE one (id INT PRIMARY KEY, v VARCHAR(40) UNIQUE);\n\
                      INSERT INTO one VALUES (1, ${secret:db/password}), (2, ${secret:db/password});"
                }
            };
            let failing =
                memory.clone().with_sql(2, "wrong", format!("{header}-- whimbrel: placeholders\n{wrong}"));
            let error = heard(&failing).with_value("user", &user).run(&mut db).await.expect_err("it fails");
            assert_eq!(
                (error.kind(), error.migration()),
                (ErrorKind::Files, Some("2_wrong")),
                "{what}: {error:#}"
            );
            assert!(format!("{error:#}").contains("not shown, since a secret is in"), "{what}: {error:#}");
            hear(&format!("{error} {error:?} {error:#}"));
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                hear(&format!("{cause} {cause:?}"));
                source = cause.source();
            }
            hear(&db.lines("SELECT * FROM whimbrel_history").await);
            if kind == ServerKind::Postgres {
                hear(&db.lines("SELECT query FROM pg_stat_activity").await);
                let setting =
                    db.lines("SELECT coalesce(current_setting('whimbrel.secret_0', true), '')").await;
                assert_eq!(setting, "|\n", "{what}: it stays in the session");
            }
        }
    }
    let heard = HEARD.lock().expect("not poisoned");
    assert!(heard.contains("log DEBUG tokio_postgres") && heard.contains("applied"), "nothing was heard");
    for needle in [SECRET, "Kept4kept", "Kept6", &SECRET.replace('\'', "''")] {
        let at = heard.find(needle).map(|at| &heard[at.saturating_sub(300)..(at + 100).min(heard.len())]);
        assert_eq!(at, None, "the secret was seen");
    }
}

#[tokio::test]
async fn without_the_directive_a_dollar_means_itself() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let memory = Memory::new().with_sql(
            1,
            "dollars",
            "CREATE TABLE dollars (a VARCHAR(40));\nINSERT INTO dollars VALUES ('${a} $b'); -- ${a}",
        );
        Migrator::new(&memory)
            .with_value("a", "no")
            .run(&mut db)
            .await
            .unwrap_or_else(|e| panic!("{kind}: {e:#}"));
        assert_eq!(text(&mut db, "SELECT a FROM dollars").await, "${a} $b", "{kind}");
    }
}

#[tokio::test]
async fn what_is_missing_or_misplaced_is_told_before_anything_is_applied() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let first = Memory::new().with_sql(1, "first", "CREATE TABLE first (a VARCHAR(40))");
        let with = |script: &str| {
            first.clone().with_sql(2, "second", format!("-- whimbrel: placeholders\n{script}"))
        };
        let cases: [(&str, FindingKind, &str); 4] = [
            ("INSERT INTO first VALUES (${a});", FindingKind::Value, "asks for the value `a`"),
            ("INSERT INTO first VALUES (${secret:a});", FindingKind::Value, "asks for the secret `a`"),
            ("INSERT INTO first VALUES ('x ${a}');", FindingKind::Script, "inside quotes"),
            ("INSERT INTO first VALUES (${a:raw});", FindingKind::Script, "not a placeholder"),
        ];
        for (script, wanted, words) in cases {
            let memory = with(script);
            let error = Migrator::new(&memory).run(&mut db).await.expect_err(script);
            assert_eq!(error.findings()[0].kind(), wanted, "{kind}: {error:#}");
            let told = format!("{error:#}");
            assert!(told.contains(words) && told.contains("0002_second.sql:2:"), "{kind}: {told}");
            assert!(db.try_run("SELECT 1 FROM first").await.is_err(), "{kind}: something was applied");
        }
        // A secret that is not to be had.
        for (name, longest, words) in [
            ("nobody", Duration::from_secs(20), "does not give"),
            ("slow", Duration::from_millis(50), "not answered"),
        ] {
            let memory = with(&format!("INSERT INTO first VALUES (${{secret:{name}}});"));
            let error =
                Migrator::new(&memory).with_secrets(Vault, longest).run(&mut db).await.expect_err(name);
            assert!(error.kind() == ErrorKind::Application && error.to_string().contains(words), "{error:#}");
            assert!(db.try_run("SELECT 1 FROM first").await.is_err(), "{kind}: something was applied");
        }
        let memory = with("INSERT INTO first VALUES (${a}, 1);");
        let error = Migrator::new(&memory)
            .with_value("a", "a long value")
            .run(&mut db)
            .await
            .expect_err("two columns");
        assert!(format!("{error:#}").contains("0002_second.sql:2:"), "{kind}: {error:#}");
        let error =
            Migrator::new(&memory).with_value("a b", "").run(&mut db).await.expect_err("no such name");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:#}");
    }
}

#[test]
fn sqlite_fills_values_and_secrets_too() {
    use whimbrel_sqlite as _;
    let mut db = rusqlite::Connection::open_in_memory().expect("a database");
    let script = "-- whimbrel: placeholders\nCREATE TABLE ${t:ident} (a, b);\nINSERT INTO ${t:ident} VALUES (${v}, ${secret:db/password});";
    for (number, odd) in ODD.into_iter().enumerate() {
        let set = whimbrel::SetName::new(format!("set{number}")).expect("a name");
        let memory = Memory::new().with_set(set).with_sql(1, "odd", script);
        let migrator = heard(&memory)
            .with_unbaselined(whimbrel::Unbaselined::Allow)
            .with_value("t", format!("t \" {number}"))
            .with_value("v", odd);
        migrator.run_blocking(&mut db).unwrap_or_else(|error| panic!("{odd}: {error:#}"));
        let sql = format!("SELECT a, b FROM \"t \"\" {number}\"");
        let row: (String, String) =
            db.query_row(&sql, (), |row| Ok((row.get(0)?, row.get(1)?))).expect("a row");
        assert_eq!(row, (odd.to_owned(), SECRET.to_owned()));
    }
    let memory = Memory::new().with_sql(
        1,
        "wrong",
        "-- whimbrel: placeholders\nSELECT ${secret:db/password} FROM nowhere",
    );
    let migrator = heard(&memory).with_unbaselined(whimbrel::Unbaselined::Allow);
    let error = migrator.run_blocking(&mut db).expect_err("no such table");
    assert!(!format!("{error} {error:?} {error:#}").contains("Kept"), "{error:#}");
}

/// Beside a script without the directive, whatever stands in its texts, and whatever the run's reason says.
#[tokio::test]
async fn a_script_is_filled_in_whatever_travels_with_it() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let memory = Memory::new()
            .with_sql(1, "t", "CREATE TABLE t (a VARCHAR(40), b VARCHAR(40));")
            .with_sql(
                2,
                "filled",
                "-- whimbrel: placeholders\nINSERT INTO t VALUES (${a}, ${secret:db/password});",
            )
            .with_sql(3, "plain", "INSERT INTO t VALUES ('Hello ${a}', '${b'); -- ${")
            .with_sql(4, "more", "-- whimbrel: placeholders\nINSERT INTO t VALUES (${a}, ${a});");
        let migrator = heard(&memory).with_value("a", "A").with_reason("build ${X} '${a}'");
        migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        let rows = db.lines("SELECT a, b FROM t ORDER BY a, b").await;
        assert_eq!(rows, format!("A|A|\nA|{SECRET}|\nHello ${{a}}|${{b|\n"), "{kind}");
    }
}

#[tokio::test]
async fn a_secret_that_is_gone_from_the_session_is_an_error_and_no_empty_text() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut db = database.open().await;
    let script = "-- whimbrel: placeholders\nCREATE TABLE t (a text);\nRESET ALL;\nINSERT INTO t VALUES (${secret:db/password});";
    let memory = Memory::new().with_sql(1, "t", script);
    let error = heard(&memory).run(&mut db).await.expect_err("its setting was reset");
    assert_eq!((error.kind(), error.statement()), (ErrorKind::Files, Some(3)), "{error:#}");
    assert!(db.try_run("SELECT 1 FROM t").await.is_err(), "nothing of it was kept");
    // As many as one likes.
    let many: String = (0..120).map(|_| "${secret:db/password} || ${a} || ").collect();
    let script = format!("-- whimbrel: placeholders\nCREATE TABLE t AS SELECT {many} 'end' AS a;");
    let memory = Memory::new().with_sql(1, "t", script);
    heard(&memory).with_value("a", "A").run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(text(&mut db, "SELECT a FROM t").await, format!("{}end", format!("{SECRET}A").repeat(120)));
}

#[tokio::test]
async fn what_cannot_be_filled_in_safely_is_refused() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let mut cases = vec![
            ("SET NAMES latin1;\nSELECT ${a};", "changes how texts are read"),
            ("SELECT 'x'${a};", "touches"),
            ("SELECT ${a}${a};", "touches"),
        ];
        if kind == ServerKind::Postgres {
            cases.push((
                "CREATE SUBSCRIPTION s CONNECTION ${secret:db/password} PUBLICATION p;",
                "cannot have a secret",
            ));
        } else {
            cases.push(("CREATE TABLE t (a INT) /*!999999 COMMENT=${a} */;", "executable comment"));
        }
        for (script, words) in cases {
            let memory = Memory::new().with_sql(
                1,
                "x",
                format!("-- whimbrel: no-transaction\n-- whimbrel: placeholders\n{script}"),
            );
            let error =
                heard(&memory).with_value("a", "*/; DROP TABLE t; --").run(&mut db).await.expect_err(script);
            assert!(format!("{error:#}").contains(words), "{kind}: {script}: {error:#}");
        }
    }
}

/// A value whose last byte is half a character in some character sets, the other half of which would be a backslash or a
/// quote behind it, stays the text that it is.
#[tokio::test]
async fn a_text_that_is_run_cannot_change_how_a_value_is_read() {
    for kind in kinds().into_iter().filter(|kind| *kind != ServerKind::Postgres) {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let mut evading = vec![
            "PREPARE s FROM 'SET character_set_client = gbk';\nEXECUTE s;",
            "SET @t = 'SET character_set_client = gbk';\nPREPARE s FROM @t;\nEXECUTE s;",
            "SET @t = 'SET sql_mode = ''NO_BACKSLASH_ESCAPES''';\nPREPARE s FROM @t;\nEXECUTE s;",
            "EXECUTE s;",
            "SET `character_set_client` = gbk;",
        ];
        if kind == ServerKind::MariaDb {
            evading.push("EXECUTE IMMEDIATE CONCAT('SET character_', 'set_client = gbk');");
            evading.push("BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'SET character_set_client = gbk'; END;");
        }
        for script in evading {
            let memory = Memory::new().with_sql(
                1,
                "x",
                format!("-- whimbrel: placeholders\nCREATE TABLE t (a TEXT);\n{script}\nINSERT INTO t VALUES (${{a}});"),
            );
            let migrator = heard(&memory).with_value("a", "中\\");
            let error = migrator.run(&mut db).await.expect_err(script);
            let told = format!("{error:#}");
            assert!(told.contains("nothing can be filled in beside it"), "{kind}: {script}: {told}");
            let error = migrator.script(&mut db).await.expect_err(script);
            assert!(format!("{error:#}").contains("nothing can be filled in beside it"), "{kind}: {script}");
        }
        // A routine cannot be read, and a text that is whole can.
        let values = ["中\\", "中', 'x') -- ", "\\'中\\\\", "中`"];
        let mut script =
            "-- whimbrel: placeholders\nCREATE TABLE t (n INT, a TEXT CHARACTER SET utf8mb4);\nCALL p();\n\
                          PREPARE s FROM 'DO 1';\nEXECUTE s;\n"
                .to_owned();
        for number in 0..values.len() {
            script += &format!("INSERT INTO t VALUES ({number}, ${{v{number}}});\n");
        }
        let routine =
            "CREATE PROCEDURE p() SET SESSION character_set_client = gbk, sql_mode = 'NO_BACKSLASH_ESCAPES';";
        let memory = Memory::new().with_sql(1, "p", routine).with_sql(2, "values", script);
        let with_values = |memory| {
            values.into_iter().enumerate().fold(heard(memory), |migrator, (number, value)| {
                migrator.with_value(format!("v{number}"), value)
            })
        };
        with_values(&memory).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        for (number, value) in values.into_iter().enumerate() {
            let found = text(&mut db, &format!("SELECT a FROM t WHERE n = {number}")).await;
            assert_eq!(found, value, "{kind}");
        }
        // What is written down for a person has the settings right before each value.
        let more =
            "-- whimbrel: placeholders\nINSERT INTO t VALUES (8, 'a');\nINSERT INTO t VALUES (9, ${v0});";
        let more = memory.clone().with_sql(3, "more", more);
        let sheet = with_values(&more).script(&mut db).await.expect("a text");
        let (from, to) = (sheet.find("VALUES (8").expect("one"), sheet.find("VALUES (9").expect("the other"));
        assert!(sheet[from..to].contains("SET SESSION character_set_client = utf8mb4"), "{kind}: {sheet}");
    }
}

/// As whom, and with what, is a part of what is approved.
#[tokio::test]
async fn another_value_or_another_role_makes_another_plan_of_it() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut db = database.open().await;
    let memory =
        Memory::new().with_sql(1, "t", "-- whimbrel: placeholders\nDROP TABLE IF EXISTS ${old:ident};");
    let mut plans = Vec::new();
    for (value, role) in [("tmp_users", None), ("users", None), ("users", Some("postgres"))] {
        let mut migrator = Migrator::new(&memory).with_value("old", value).with_value("unused", "x");
        if let Some(role) = role {
            migrator = migrator.with_role(role);
        }
        let plan = migrator.plan(&mut db).await.expect("a plan");
        assert!(plan.to_string().contains(&format!("with old = {value:?}")), "{plan}");
        assert!(!plan.to_string().contains("unused"), "{plan}");
        plans.push(*plan.digest());
    }
    assert!(plans[0] != plans[1] && plans[1] != plans[2] && plans[0] != plans[2]);
}
