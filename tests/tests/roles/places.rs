//! Where the history is found, and who writes it, whatever a script does to its session and to later ones: PostgreSQL.

use std::time::Duration;

use whimbrel::{ErrorKind, Memory, Migrator, Outcome, TableName, Transaction, Unbaselined};
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{PgBouncer, Pooling, ServerKind};
use whimbrel_tests::either::{Database, Either};

use crate::database;

const BOTH: [Transaction; 2] = [Transaction::Auto, Transaction::PerMigration];

/// Boots on a new connection: nothing to do, in one query.
async fn boots(database: &Database, user: &str, migrator: &Migrator<'_>) {
    let mut db = Database::connect(&database.url_of(user)).await;
    let report = migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1), "{report}");
}

/// The login's own address of the database.
async fn login(database: &Database, name: &str) -> Either {
    Database::connect(&database.url_of(&format!("{name}_login"))).await
}

fn patient(memory: &Memory) -> Migrator<'_> {
    Migrator::new(memory).with_lock_deadline(Duration::from_secs(2)).with_unbaselined(Unbaselined::Allow)
}

#[tokio::test]
async fn a_script_behind_which_the_history_would_not_be_found_is_rolled_back() {
    for outside in ["", "-- whimbrel: no-transaction\n"] {
        let moves = [
            "CREATE SCHEMA @_login;",
            "CREATE SCHEMA AUTHORIZATION @_login;",
            "CREATE SCHEMA other; ALTER SCHEMA other RENAME TO @_login;",
            "DO $$BEGIN EXECUTE 'CREATE SCHEMA @_login'; END$$;",
            "ALTER ROLE @_login SET search_path = elsewhere, public;",
            "ALTER DATABASE @ SET search_path = elsewhere;",
            "ALTER ROLE @_login IN DATABASE @ SET search_path = elsewhere;",
            "SET search_path = elsewhere; DO $$BEGIN BEGIN ALTER USER @_login SET search_path = elsewhere; \
             EXCEPTION WHEN division_by_zero THEN END; END$$; CREATE TABLE u (n INTEGER);",
        ];
        // Statement by statement it is proven by the same condition.
        let every = if outside.is_empty() { 1 } else { 3 };
        for (number, sql) in moves.into_iter().enumerate().step_by(every) {
            let (database, name, mut db) = database().await;
            let mut admin = database.open().await;
            for grant in [
                format!("GRANT CREATE ON DATABASE {name} TO {name}_login"),
                format!("ALTER ROLE {name}_login CREATEROLE"),
                format!("ALTER DATABASE {name} OWNER TO {name}_login"),
                format!("CREATE SCHEMA elsewhere AUTHORIZATION {name}_login"),
            ] {
                admin.run(&grant).await;
            }
            let sql = format!("{outside}{}", sql.replace("@", &name));
            let memory = Memory::new()
                .with_sql(1, "t", "CREATE TABLE t (n INTEGER);")
                .with_sql(2, "moves", sql.as_str())
                .with_sql(3, "after", "INSERT INTO public.t VALUES (1);");
            // Both ways where the kinds of statement differ most.
            let ways = if number % 4 == 0 { &BOTH[..] } else { &BOTH[number % 2..=number % 2] };
            for &transaction in ways {
                let error = patient(&memory).with_transaction(transaction).run(&mut db).await;
                let error = error.expect_err(&sql);
                assert_eq!(error.kind(), ErrorKind::Configuration, "{sql}: {error:#}");
                let text = format!("{error:#}");
                let said = "say where the history is: `with_table(TableName::new(\"public.whimbrel_history\")?)`; then run again";
                assert!(text.contains("2_moves") && text.contains(said), "{text}");
                // Nothing has moved: whoever boots finds the history.
                let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
                let mut fresh = login(&database, &name).await;
                if outside.is_empty() {
                    boots(&database, &format!("{name}_login"), &patient(&first)).await;
                }
                assert_eq!(fresh.lines("SELECT current_schema()::text").await, "public|\n", "{sql}");
            }
            // What the error says to do.
            let table = TableName::new("public.whimbrel_history").expect("a name");
            let named = patient(&memory).with_table(table);
            let mut db = login(&database, &name).await;
            named.run(&mut db).await.unwrap_or_else(|error| panic!("{sql}: {error:#}"));
            assert_eq!(admin.lines("SELECT n FROM public.t").await, "1|\n", "{sql}");
            boots(&database, &format!("{name}_login"), &named).await;
        }
    }
}

#[tokio::test]
async fn what_leaves_the_history_where_it_is_found_may_be_set() {
    for transaction in BOTH {
        let (database, name, mut db) = database().await;
        database.open().await.run(&format!("ALTER ROLE {name}_login CREATEROLE")).await;
        database.open().await.run(&format!("ALTER DATABASE {name} OWNER TO {name}_login")).await;
        let memory = Memory::new()
            .with_sql(1, "t", "CREATE TABLE t (n INTEGER); CREATE SCHEMA extensions;")
            .with_sql(
                2,
                "path",
                format!("ALTER DATABASE {name} SET search_path = \"$user\", public, extensions;"),
            )
            .with_sql(3, "role", format!("ALTER DATABASE {name} SET lock_timeout = '1s';"))
            .with_sql(4, "row", "INSERT INTO t VALUES (1);");
        let migrator = patient(&memory).with_transaction(transaction);
        migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
        boots(&database, &format!("{name}_login"), &migrator).await;
    }
}

/// A trigger's function that leaves this behind in the session.
fn by_trigger(sql: &str) -> String {
    format!(
        "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {sql} RETURN NEW; END$$;\n\
         CREATE TABLE leaves (n INTEGER);\nCREATE TRIGGER leave BEFORE INSERT ON leaves FOR EACH ROW EXECUTE FUNCTION leave();"
    )
}

const INSERT: &str = "INSERT INTO leaves VALUES (1);";

#[tokio::test]
async fn what_a_script_leaves_in_its_session_is_no_lost_race() {
    let by_function = by_trigger("PERFORM set_config('search_path', 'pg_catalog', false);");
    let cases = [
        ("CREATE TEMP TABLE whimbrel_history (n INTEGER);", "SELECT 1;"),
        (by_function.as_str(), INSERT),
        ("CREATE TABLE leaves (n INTEGER);", "SELECT set_config('search_path', 'pg_catalog', false);"),
        ("CREATE TABLE leaves (n INTEGER);", "SET SESSION AUTHORIZATION postgres; SELECT 1;"),
    ];
    for (first, second) in cases {
        for transaction in BOTH {
            let database = Database::new(ServerKind::Postgres).await;
            let memory = Memory::new().with_sql(1, "first", first).with_sql(2, "second", second).with_sql(
                3,
                "third",
                "CREATE TABLE last (n INTEGER);",
            );
            let migrator = patient(&memory).with_transaction(transaction);
            let mut db = database.open().await;
            let report =
                migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{first} {second}: {error:#}"));
            assert_eq!(report.migrations.len(), 3);
            assert!(report.queries < 10, "{report}");
            let mut fresh = database.open().await;
            assert_eq!(
                fresh.number("SELECT count(*) FROM pg_class WHERE oid = to_regclass('public.last')").await,
                1
            );
            boots(&database, "postgres", &migrator).await;
            // The table of the session's own hides nothing either.
            let report = migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
            assert_eq!(report.outcome, Outcome::UpToDate);
        }
    }
}

#[tokio::test]
async fn a_character_that_the_database_lacks_is_told_with_its_place() {
    let database = Database::new(ServerKind::Postgres).await;
    let name = format!("{}_latin", database.name);
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    database.open().await.run(&create).await;
    let latin = Database { name, ..database.clone() };
    for sql in ["CREATE TABLE u (n INTEGER);\n  -- costs 5 €\n", "CREATE TABLE u (n INTEGER);\n  SELECT '€';"]
    {
        // Statement by statement comments are not sent.
        for outside in
            ["", "-- whimbrel: no-transaction\n"].into_iter().filter(|it| it.is_empty() || sql.contains('\''))
        {
            let memory =
                Memory::new().with_sql(1, "t", "SELECT 'é';").with_sql(2, "euro", format!("{outside}{sql}"));
            let error = patient(&memory).run(&mut latin.open().await).await;
            let error = error.expect_err("there is no such character");
            assert_eq!(error.kind(), ErrorKind::Files, "{error:#}");
            assert_eq!(error.code(), Some("22P05"), "{error:#}");
            let line = if outside.is_empty() { 2 } else { 3 };
            let place = error.location().expect("a place");
            assert_eq!(place.position.line, line, "{error:#}");
            assert!(format!("{error:#}").contains("UTF8"), "{error:#}");
        }
    }
}

/// Whatever is wrong at an assertion besides its condition is told as what it is.
#[tokio::test]
async fn a_history_that_a_script_takes_away_is_told_as_that() {
    for (sql, code) in [
        ("DROP TABLE whimbrel_history;", "42P01"),
        ("ALTER TABLE whimbrel_history RENAME TO away;", "42P01"),
        ("ALTER TABLE whimbrel_history RENAME COLUMN seq TO number;", "42703"),
    ] {
        for transaction in BOTH {
            let database = Database::new(ServerKind::Postgres).await;
            let memory = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);").with_sql(2, "no", sql);
            let migrator = patient(&memory).with_transaction(transaction);
            let error = migrator.run(&mut database.open().await).await.expect_err(sql);
            assert_eq!(error.code(), Some(code), "{sql}: {error:#}");
            let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
            Migrator::new(&first).run(&mut database.open().await).await.expect("the history is there");
        }
    }
}

/// Committed without its row, a migration would be applied again by the next run.
#[tokio::test]
async fn a_migration_whose_row_a_rule_keeps_out_is_rolled_back() {
    let large = "INSERT INTO t VALUES (1);\n".repeat(60_000);
    for sql in ["INSERT INTO t VALUES (1);", large.as_str(), "-- whimbrel: no-transaction\nANALYZE t;"] {
        let database = Database::new(ServerKind::Postgres).await;
        let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
        let mut db = database.open().await;
        Migrator::new(&first).run(&mut db).await.expect("it is applied");
        db.run("CREATE RULE keeps_out AS ON INSERT TO whimbrel_history DO INSTEAD NOTHING").await;
        let memory = first.clone().with_sql(2, "rows", sql);
        let error = patient(&memory).run(&mut db).await.expect_err("nothing would tell of it");
        let said = format!("{error:#}");
        assert!(said.contains("is not in it") || said.contains("removes the row"), "{said}");
        assert_eq!(database.open().await.number("SELECT count(*) FROM t").await, 0);
    }
}

/// That is no lost race either: nobody else has written.
#[tokio::test]
async fn a_script_that_empties_the_history_is_told_as_that() {
    for sql in ["DELETE FROM whimbrel_history;", "INSERT INTO t VALUES (1);\nTRUNCATE whimbrel_history;"] {
        let database = Database::new(ServerKind::Postgres).await;
        let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);");
        let memory = first.clone().with_sql(2, "no", sql);
        let error = patient(&memory).run(&mut database.open().await).await.expect_err(sql);
        assert_eq!((error.kind(), error.migration()), (ErrorKind::Files, Some("2_no")), "{sql}: {error:#}");
        assert!(error.to_string().contains("removes the row"), "{sql}: {error:#}");
        let mut db = database.open().await;
        Migrator::new(&first).check(&mut db).await.expect("the first one is in force");
        assert_eq!(db.number("SELECT count(*) FROM t").await, 0, "{sql}");
    }
}

#[tokio::test]
async fn through_a_transaction_pooler_no_script_leaves_a_role_or_a_setting_to_other_clients() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut own = database.open().await;
    let name = &database.name;
    own.run(&format!("CREATE ROLE {name}_other")).await;
    let pooler = PgBouncer::start(&database.server, Pooling::Transaction, 1, &[]).expect("a pooler");
    let url: whimbrel::DatabaseUrl = pooler.url(name).parse().expect("a URL");
    let trigger = by_trigger(&format!(
        "PERFORM set_config('role', '{name}_other', false), set_config('app.tenant', 'theirs', false), \
         set_config('work_mem', '7MB', false);"
    ));
    let memory = Memory::new()
        .with_sql(1, "trigger", format!("{trigger}GRANT ALL ON leaves TO public;"))
        .with_sql(2, "role", format!("SET ROLE {name}_other; SELECT 1;"))
        .with_sql(3, "user", format!("SET SESSION AUTHORIZATION {name}_other; SELECT 1;"))
        .with_sql(4, "do", format!("DO $$BEGIN SET ROLE {name}_other; END$$;"))
        .with_sql(5, "insert", INSERT)
        .with_sql(
            6,
            "settings",
            "SET app.tenant = 'theirs'; SET search_path = pg_catalog; SET work_mem = '7MB';",
        );
    let seen = "SELECT session_user::text, current_user::text, current_setting('search_path'), \
        current_setting('work_mem'), coalesce(current_setting('app.tenant', true), '')";
    for transaction in BOTH {
        for last in 1..=6 {
            let version = whimbrel::Version::new(last).expect("a version");
            let migrator = patient(&memory).with_transaction(transaction).with_target(version);
            let mut db = Database::connect(&url).await;
            migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{last}: {error:#}"));
            let mut other = Database::connect(&url).await;
            assert_eq!(other.lines(seen).await, "postgres|postgres|\"$user\", public|4MB||\n", "{last}");
        }
    }
}

/// A client of the application's.
async fn client(database: &Database) -> Box<whimbrel_postgres::tokio_postgres::Client> {
    let config = database.server.url(&database.name).parse::<whimbrel_postgres::tokio_postgres::Config>();
    let connected = config.expect("a URL").connect(whimbrel_postgres::tokio_postgres::NoTls).await;
    let (client, connection) = connected.expect("it connects");
    tokio::spawn(connection);
    Box::new(client)
}

#[tokio::test]
async fn what_a_script_has_prepared_does_not_keep_it_from_being_run_again() {
    let prepares = "CREATE TABLE t (n INTEGER); PREPARE \"P\"\"1\" AS INSERT INTO t VALUES (1); EXECUTE \"P\"\"1\"; \
                    PREPARE Later AS INSERT INTO t VALUES (2);";
    for transaction in [Transaction::Auto, Transaction::PerRun, Transaction::PerMigration] {
        let database = Database::new(ServerKind::Postgres).await;
        let first = Memory::new().with_sql(1, "prepares", prepares);
        let fails =
            first.clone().with_sql(2, "fails", "EXECUTE later; SELECT 1 / count(*) FROM t WHERE n = 7;");
        let mut db = Postgres::from_client(client(&database).await);
        for _ in 0..2 {
            let migrator = patient(&fails).with_transaction(transaction);
            let error = migrator.run(&mut db).await.expect_err("it divides by 0");
            assert_eq!(error.migration(), Some("2_fails"), "{transaction:?}: {error:#}");
        }
        // What an earlier script of the same session has prepared is there as long as that script is in force.
        let corrected = first.with_sql(2, "fails", "EXECUTE later;");
        let report = patient(&corrected).with_transaction(transaction).run(&mut db).await;
        report.unwrap_or_else(|error| panic!("{transaction:?}: {error:#}"));
        assert_eq!(database.open().await.number("SELECT sum(n) FROM t").await, 3, "{transaction:?}");
    }
    // What the application has prepared stays, also beside a script that wants the same name.
    let database = Database::new(ServerKind::Postgres).await;
    let client = client(&database).await;
    client.batch_execute("PREPARE later AS SELECT 7").await.expect("it is prepared");
    let memory = Memory::new().with_sql(1, "prepares", prepares).with_sql(2, "more", "SELECT 1;");
    let mut db = Postgres::from_client(client);
    let error = patient(&memory).run(&mut db).await.expect_err("the name is taken");
    assert_eq!((error.migration(), error.code()), (Some("1_prepares"), Some("42P05")), "{error:#}");
    let client = db.into_client().expect("it is sound");
    client.batch_execute("EXECUTE later").await.expect("it is there");
}

#[tokio::test]
async fn a_client_that_was_handed_over_keeps_the_settings_that_it_has_named_itself() {
    let database = Database::new(ServerKind::Postgres).await;
    let connect = async || client(&database).await;
    let memory = Memory::new()
        .with_sql(1, "t", "CREATE TABLE t (n INTEGER, tenant TEXT, job TEXT);")
        .with_sql(2, "sets", "SET app.tenant = 'script'; SELECT set_config('app.job', 'script', false); SET work_mem = '7MB';")
        .with_sql(3, "row", "INSERT INTO t SELECT 1, current_setting('app.tenant', true), current_setting('app.job', true);")
        .with_sql(4, "out", "-- whimbrel: no-transaction\nSET app.tenant = 'script';\nSELECT 1;\nSET LOCAL work_mem = '8MB';")
        .with_sql(5, "row", "INSERT INTO t SELECT 2, current_setting('app.tenant', true), current_setting('app.other', true);");
    let client = connect().await;
    for sql in ["SET app.tenant = 'mine'", "SET app.other = 'other'", "SET work_mem = '5MB'"] {
        client.batch_execute(sql).await.expect("it is set");
    }
    let mut db = Postgres::from_client(client);
    Migrator::new(&memory).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    let client = db.into_client().expect("it is sound");
    let text = "SELECT current_setting('app.tenant'), current_setting('app.other'), current_setting('work_mem'), \
        current_setting('app.job', true)";
    let row = client.query_one(text, &[]).await.expect("a row");
    let values: Vec<Option<String>> = (0..4).map(|column| row.get(column)).collect();
    let values: Vec<&str> = values.iter().map(|value| value.as_deref().unwrap_or("")).collect();
    assert_eq!(values, ["mine", "other", "5MB", ""]);
    let mut own = database.open().await;
    assert_eq!(own.lines("SELECT n, tenant, job FROM t ORDER BY n").await, "1|mine||\n2|mine|other|\n");
}

#[tokio::test]
async fn a_run_is_finished_once_whatever_it_was_made_of() {
    let database = Database::new(ServerKind::Postgres).await;
    let memory = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);").with_sql(
        2,
        "index",
        "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);",
    );
    let mut db = database.open().await;
    Migrator::new(&memory).run(&mut db).await.expect("a run");
    let took = "SELECT string_agg(detail, ',') FROM whimbrel_history WHERE event = 'finished'";
    let told = db.lines(took).await;
    assert_eq!((told.matches("1_t:").count(), told.matches("2_index:").count()), (1, 1), "{told}");
    assert_eq!(
        db.number("SELECT count(*) FROM whimbrel_history WHERE event = 'finished'").await,
        1,
        "{told}"
    );
    let more = memory.with_sql(3, "row", "INSERT INTO t VALUES (1);");
    Migrator::new(&more).run(&mut db).await.expect("a run");
    assert_eq!(db.number("SELECT count(*) FROM whimbrel_history WHERE event = 'finished'").await, 2);
}

/// Notes who runs a statement, and where names are looked for.
const NOTE: &str =
    "INSERT INTO public.notes (who, path) SELECT current_user, current_setting('search_path');";

async fn noted(admin: &mut Either) -> String {
    admin.lines("SELECT who, path FROM notes ORDER BY n").await
}

#[tokio::test]
async fn outside_transactions_a_script_may_change_its_role_and_its_path_and_is_finished() {
    for with_role in [false, true] {
        let (database, name, mut db) = database().await;
        let mut admin = database.open().await;
        for sql in [
            "CREATE TABLE notes (n SERIAL, who TEXT, path TEXT)".to_owned(),
            "GRANT ALL ON notes, notes_n_seq TO public".to_owned(),
            format!("CREATE ROLE {name}_other"),
            format!("GRANT {name}_other TO {name}_owner, {name}_login"),
            format!("CREATE SCHEMA place AUTHORIZATION {name}_other"),
        ] {
            admin.run(&sql).await;
        }
        let script = [
            "-- whimbrel: no-transaction",
            NOTE,
            &format!("SET ROLE {name}_other;"),
            NOTE,
            "SET search_path = place;",
            "CREATE TABLE made (n INTEGER);",
            "CREATE INDEX CONCURRENTLY made_n ON made (n);",
            NOTE,
            "SET LOCAL search_path = public;",
            NOTE,
            "SELECT set_config('search_path', 'place, public', false);",
            "DROP INDEX CONCURRENTLY made_n;",
            NOTE,
            "RESET ROLE;",
            NOTE,
        ];
        let memory = Memory::new()
            .with_sql(1, "t", "CREATE TABLE t (n INTEGER);")
            .with_sql(2, "apart", script.join("\n"))
            .with_sql(3, "after", NOTE);
        let migrator = patient(&memory);
        let migrator = if with_role { migrator.with_role(format!("{name}_owner")) } else { migrator };
        migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
        let me = if with_role { format!("{name}_owner") } else { format!("{name}_login") };
        let usual = "\"$user\", public";
        let expected = [
            format!("{me}|{usual}|"),
            format!("{name}_other|{usual}|"),
            format!("{name}_other|place|"),
            format!("{name}_other|place|"),
            format!("{name}_other|place, public|"),
            format!("{name}_login|place, public|"),
            format!("{me}|{usual}|"),
        ];
        assert_eq!(noted(&mut admin).await.lines().collect::<Vec<_>>(), expected);
        assert_eq!(
            admin.number("SELECT count(*) FROM pg_class WHERE oid = to_regclass('place.made')").await,
            1
        );
        let written = "SELECT count(*) FROM whimbrel_history WHERE event = 'applied'";
        assert_eq!(admin.number(written).await, 3);
        let now = "SELECT session_user::text, current_user::text, current_setting('search_path')";
        assert_eq!(db.lines(now).await, format!("{name}_login|{name}_login|{usual}|\n"));
        boots(&database, &format!("{name}_login"), &migrator).await;
    }
}

#[tokio::test]
async fn such_a_script_that_fails_goes_on_as_who_it_was() {
    let (database, name, mut db) = database().await;
    let mut admin = database.open().await;
    for sql in [
        "CREATE TABLE notes (n SERIAL, who TEXT, path TEXT)".to_owned(),
        "GRANT ALL ON notes, notes_n_seq TO public".to_owned(),
        format!("CREATE SCHEMA place AUTHORIZATION {name}_owner"),
    ] {
        admin.run(&sql).await;
    }
    for last in ["SELECT 1 FROM nowhere;", "CREATE INDEX CONCURRENTLY nowhere_n ON nowhere (n);", NOTE] {
        let script = format!(
            "-- whimbrel: no-transaction\nSET ROLE {name}_owner;\nSET search_path = place;\n{NOTE}\n{last}\n"
        );
        let memory = Memory::new().with_sql(1, "apart", script);
        let result = patient(&memory).run(&mut db).await;
        if last == NOTE {
            result.unwrap_or_else(|error| panic!("{error:#}"));
        } else {
            let error = result.expect_err("there is no such table");
            assert_eq!((error.statement(), error.code()), (Some(4), Some("42P01")), "{error:#}");
        }
        let now = "SELECT current_user::text, current_setting('search_path')";
        assert_eq!(db.lines(now).await, format!("{name}_login|\"$user\", public|\n"));
    }
    let once = format!("{name}_owner|place|\n");
    assert_eq!(noted(&mut admin).await, once.repeat(2));
}

#[tokio::test]
async fn outside_transactions_another_user_and_a_session_without_its_lock_are_finished_too() {
    let (database, name, _) = database().await;
    let mut admin = database.open().await;
    let script = format!(
        "-- whimbrel: no-transaction\nSET SESSION AUTHORIZATION {name}_owner;\nCREATE TABLE made (n INTEGER);\n\
         CREATE INDEX CONCURRENTLY made_n ON made (n);\nDISCARD ALL;\nSELECT pg_advisory_unlock_all();\nCREATE TABLE last (n INTEGER);"
    );
    let memory = Memory::new().with_sql(1, "apart", script);
    patient(&memory).run(&mut admin).await.unwrap_or_else(|error| panic!("{error:#}"));
    let owner = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname IN ('made', 'last') ORDER BY relname";
    assert_eq!(admin.lines(owner).await, format!("postgres|\n{name}_owner|\n"));
    assert_eq!(admin.lines("SELECT session_user::text").await, "postgres|\n");
    boots(&database, "postgres", &patient(&memory)).await;
}

/// With `standard_conforming_strings = off` the server would end the first text at another quote.
#[tokio::test]
async fn outside_transactions_texts_are_read_as_they_were_reviewed() {
    let text = "VACUUM t; -- '\nCREATE INDEX CONCURRENTLY t_a ON t (a) WHERE a <> 'a\\' AND b <> ' OR true OR b = ';";
    for set in [
        "",
        "SET standard_conforming_strings = off;\n",
        "SELECT set_config('standard_conforming_strings', 'off', false);\n",
        "RESET ALL;\n",
    ] {
        let memory = Memory::new()
            .with_sql(1, "t", "DROP TABLE IF EXISTS t; CREATE TABLE t (a TEXT, b TEXT);")
            .with_sql(2, "out", format!("-- whimbrel: no-transaction\n{set}{text}"));
        let database = Database::new(ServerKind::Postgres).await;
        let mut admin = database.open().await;
        admin.run(&format!("ALTER DATABASE {} SET standard_conforming_strings = off", database.name)).await;
        let mut db = database.open().await;
        patient(&memory).run(&mut db).await.unwrap_or_else(|error| panic!("{set}{error:#}"));
        let found = db
            .lines("SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indexrelid = 't_a'::regclass")
            .await;
        assert!(found.contains("' OR true OR b = '"), "{set}{found}");
        assert_eq!(db.lines("SHOW standard_conforming_strings").await, "off|\n");
    }
}

#[tokio::test]
async fn an_index_that_waits_for_others_is_built_once_and_a_limit_of_the_scripts_own_holds() {
    let builds = async |header: &str, before: &str| {
        let database = Database::new(ServerKind::Postgres).await;
        let mut other = database.open().await;
        let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER); CREATE TABLE u (n INTEGER);");
        Migrator::new(&first).run(&mut other).await.expect("a run");
        other.run("BEGIN ISOLATION LEVEL REPEATABLE READ").await;
        other.run("INSERT INTO t VALUES (1)").await;
        let memory = first.with_sql(
            2,
            "index",
            format!("-- whimbrel: no-transaction\n{header}{before}CREATE INDEX CONCURRENTLY t_n ON t (n);\nDROP INDEX CONCURRENTLY t_n;\n\
                CREATE INDEX CONCURRENTLY t_n ON t (n);\nREINDEX INDEX CONCURRENTLY t_n;\nCREATE TABLE last AS SELECT current_setting('lock_timeout') AS longest;"),
        );
        let waited = std::sync::Mutex::new(0);
        let observer = |event: &whimbrel::Event<'_>| {
            if matches!(event, whimbrel::Event::Waiting { .. } | whimbrel::Event::Blocked { .. }) {
                *waited.lock().expect("unpoisoned") += 1;
            }
        };
        let (mut db, mut looks) = (database.open().await, database.open().await);
        let migrator =
            Migrator::new(&memory).with_lock_timeout(Duration::from_millis(100)).with_observer(observer);
        // The other transaction ends when the limit has struck, or when the build has waited for three times as long.
        let (result, ()) = tokio::join!(migrator.run(&mut db), async {
            let long = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%INDEX CONCURRENTLY t_n%' \
                AND wait_event_type = 'Lock' AND now() - query_start > '300 ms' AND datname = current_database()";
            while *waited.lock().expect("unpoisoned") == 0 && looks.number(long).await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other.run("COMMIT").await;
        });
        result.unwrap_or_else(|error| panic!("{header}{before}{error:#}"));
        drop(migrator);
        let longest = other.lines("SELECT longest FROM last").await;
        (waited.into_inner().expect("unpoisoned"), longest)
    };
    assert_eq!(builds("", "").await, (0, "100ms|\n".to_owned()));
    assert!(
        matches!(builds("-- whimbrel: lock_timeout=110ms\n", "").await, (1.., longest) if longest == "110ms|\n")
    );
    assert!(
        matches!(builds("", "SET lock_timeout = '120ms';\n").await, (1.., longest) if longest == "120ms|\n")
    );
}
