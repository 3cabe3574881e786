//! What the library says to programs about servers, done as it is said. `docs/remedies.md` names this file.

use whimbrel::{Error, Migrator};

use super::*;

/// What the error says to do, or hints at.
fn said(error: &Error) -> Vec<String> {
    let named = error.notes().filter(|(name, _)| ["next", "hint"].contains(name));
    named.map(|(_, text)| text.to_owned()).collect()
}

#[track_caller]
fn says(error: &Error, remedy: &str) {
    assert!(said(error).iter().any(|text| text == remedy), "{remedy}\n{error:#}");
}

#[tokio::test]
async fn a_right_that_is_missing_is_granted_as_hinted() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let user = database.user().await;
        if kind == ServerKind::Postgres {
            admin.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
        } else {
            admin.run(&format!("GRANT SELECT ON {}.* TO {user}", database.name)).await;
        }
        let mut granted = 0;
        loop {
            let mut db = Database::connect(&database.url_of(&user)).await;
            let memory = table().with_sql(2, "index", "CREATE INDEX t_n ON t (n);");
            let migrator = Migrator::new(&memory).with_failure_pause(Duration::ZERO);
            let Err(error) = migrator.run(&mut db).await else { break };
            says(&error, "give the role the right that the database names");
            let hints = said(&error);
            let hint = hints.iter().find(|hint| hint.starts_with("GRANT ")).expect("a statement");
            let ending = match kind {
                ServerKind::Postgres => "(the role that migrates)",
                _ => "' (the account's host, which `SELECT current_user()` shows)",
            };
            assert!(hint.ends_with(ending), "{hint}");
            let own = if kind == ServerKind::Postgres { user.clone() } else { "%".to_owned() };
            let sql = hint.replace('…', &own);
            let sql = sql.split(" (").next().unwrap_or(&sql);
            admin.run(sql).await;
            granted += 1;
            assert!(granted < 10, "{kind}: {error:#}");
        }
        assert!(granted > 0, "{kind}");
    }
}

#[tokio::test]
async fn a_connection_that_was_ended_is_replaced_as_said() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let number = db.session();
        let mut admin = database.open().await;
        let end = match kind {
            ServerKind::Postgres => format!("SELECT pg_terminate_backend({number})"),
            _ => format!("KILL {number}"),
        };
        if kind == ServerKind::Postgres {
            admin.lines(&end).await;
        } else {
            admin.run(&end).await;
        }
        let error = Migrator::new(table()).run(&mut db).await.expect_err("it was ended");
        says(&error, "run again on a new connection: it continues from a known place");
        run(&mut database.open().await, &table()).await;
    }
}

#[tokio::test]
async fn a_role_is_made_and_granted_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let user = database.user().await;
    admin.run(&format!("GRANT ALL ON SCHEMA public TO {user}")).await;
    let mut db = Database::connect(&database.url_of(&user)).await;
    let role = format!("{user}_owner");
    let memory = table();
    let migrator = || Migrator::new(&memory).with_role(role.as_str());
    let error = migrator().run(&mut db).await.expect_err("there is no such role");
    let remedy =
        "create it, and grant it to the user that connects (`GRANT … TO …`), or leave `with_role` out";
    says(&error, remedy);
    admin.run(&format!("CREATE ROLE {role}")).await;
    says(&migrator().run(&mut db).await.expect_err("it may not be assumed"), remedy);
    admin.run(&format!("GRANT {role} TO {user}")).await;
    admin.run(&format!("GRANT ALL ON SCHEMA public TO {role}")).await;
    migrator().run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    run(&mut db, &memory).await;
}

#[tokio::test]
async fn an_index_that_data_is_in_the_way_of_is_built_anew_as_said() {
    let two = table().with_sql(2, "rows", "INSERT INTO t VALUES (1); INSERT INTO t VALUES (1);");
    let (_database, mut db) = prepared(ServerKind::Postgres, &two).await;
    let unique = "-- whimbrel: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_n ON t (n);";
    let three = two.with_sql(3, "unique", unique);
    let migrator = Migrator::new(&three).with_failure_pause(Duration::ZERO);
    let error = migrator.run(&mut db).await.expect_err("two rows are alike");
    says(
        &error,
        "correct the data that it meets, then run again: what it left is dropped, and it is run anew",
    );
    db.run("DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)").await;
    migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
}

#[tokio::test]
async fn a_history_in_another_schema_is_named_as_said() {
    let (database, mut db) = prepared(ServerKind::Postgres, &table()).await;
    db.run("CREATE SCHEMA other").await;
    let two = table().with_sql(2, "u", "CREATE TABLE u (n INTEGER);");
    let named = || Migrator::new(&two).with_table(TableName::new("public.whimbrel_history").expect("a name"));
    for (path, text) in [
        (
            "other, public",
            "mend the search path, or say which history is meant: `with_table(TableName::new(\"public.whimbrel_history\")?)`",
        ),
        (
            "other",
            "has a history, and the one that this connection would begin is another: mend the search path, or name the schema \
             of the one that is meant in `with_table`",
        ),
    ] {
        db.run(&format!("ALTER DATABASE {} SET search_path = {path}", database.name)).await;
        let error = Migrator::new(&two).run(&mut database.open().await).await.expect_err("it is another one");
        let all = format!("{error:#}");
        assert!(all.contains(text), "{text}\n{all}");
        let plan = named().plan(&mut database.open().await).await.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(plan.items().len(), 1);
    }
    named().run(&mut database.open().await).await.unwrap_or_else(|error| panic!("{error:#}"));
    db.run(&format!("ALTER DATABASE {} RESET search_path", database.name)).await;
    run(&mut database.open().await, &two).await;
}

#[tokio::test]
async fn a_character_that_the_database_lacks_is_written_otherwise_as_said() {
    let (database, mut db) = prepared(ServerKind::Postgres, &table()).await;
    let name = format!("{}_latin1", database.name);
    db.run(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")).await;
    let latin = Database { name, ..database.clone() };
    let wide = table().with_sql(2, "wide", "-- \u{4e2d}\nINSERT INTO t VALUES (2);");
    let mut there = latin.open().await;
    let error = Migrator::new(&wide).run(&mut there).await.expect_err("it has no such character");
    says(
        &error,
        "the database's encoding does not have this character, and the whole script is translated into it, comments \
         included: write the character otherwise, or make the database with the encoding UTF8",
    );
    run(&mut db, &wide).await;
    let otherwise = table().with_sql(2, "wide", "-- zhong\nINSERT INTO t VALUES (2);");
    let migrator = Migrator::new(&otherwise).with_failure_pause(Duration::ZERO);
    migrator.run(&mut there).await.unwrap_or_else(|error| panic!("{error:#}"));
}

#[tokio::test]
async fn a_connection_is_made_when_what_is_said_is_done() {
    for kind in kinds() {
        let mut database = Database::new(kind).await;
        let mut admin = database.open().await;
        let refused =
            async |url: &DatabaseUrl| Either::connect(url).await.map(drop).expect_err("it is refused");
        let there = database.name.clone();
        database.name = format!("{there}_more");
        says(&refused(&database.url()).await, "create the database, or name another one");
        admin.run(&format!("CREATE DATABASE {}", database.name)).await;
        database.open().await;

        let user = database.user().await;
        let own = database.url_of(&user);
        if kind == ServerKind::Postgres {
            admin.run(&format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database.name)).await;
            says(&refused(&own).await, "give the role CONNECT on the database");
            admin.run(&format!("GRANT CONNECT ON DATABASE {} TO {user}", database.name)).await;
            Database::connect(&own).await;
            admin.run(&format!("ALTER ROLE {user} CONNECTION LIMIT 0")).await;
            says(
                &refused(&own).await,
                "wait until connections are free, or raise max_connections, or the role's or the database's limit",
            );
            admin.run(&format!("ALTER ROLE {user} CONNECTION LIMIT -1")).await;
            let other: DatabaseUrl = "mysql://h/d".parse().expect("a URL");
            let error =
                whimbrel_postgres::Postgres::connect(&other).await.map(drop).expect_err("another driver's");
            says(&error, "write `postgres://`, or use the other driver");
        } else {
            says(&refused(&own).await, "grant the user a right in the database, or name another one");
            admin.run(&format!("GRANT SELECT ON {}.* TO {user}", database.name)).await;
            Database::connect(&own).await;
            admin.run(&format!("ALTER USER {user} ACCOUNT LOCK")).await;
            says(&refused(&own).await, "unlock it: ALTER USER … ACCOUNT UNLOCK");
            admin.run(&format!("ALTER USER {user} ACCOUNT UNLOCK")).await;
            Database::connect(&own).await;
            admin.run(&format!("ALTER USER {user} IDENTIFIED BY 'tangled-0wl'")).await;
            let refusal = refused(&own).await;
            says(&refusal, "check user and password, and from which hosts the account may come");
            let with = own.clone().with_password(whimbrel::Secret::new("tangled-0wl"));
            Database::connect(&with).await;
            admin.run(&format!("ALTER USER {user} IDENTIFIED BY ''")).await;
            let other: DatabaseUrl = "postgres://h/d".parse().expect("a URL");
            let error = whimbrel_mysql::MySql::connect(&other).await.map(drop).expect_err("another driver's");
            says(&error, "write `mysql://` or `mariadb://`, or use the other driver");
            for (wrong, right, text) in [
                ("connect_timeout=0", "connect_timeout=10", "write a number from 1"),
                ("speed=7", "connect_timeout=10", "leave it out"),
            ] {
                let at = |more: &str| -> DatabaseUrl {
                    let url = format!("{}?{more}", database.server.url(&database.name));
                    url.parse::<DatabaseUrl>().expect("a URL").allowing_default_credentials()
                };
                says(&refused(&at(wrong)).await, text);
                Database::connect(&at(right)).await;
            }
        }
        Database::connect(&own).await;
        // Nothing listens on the first port.
        let nowhere = if kind == ServerKind::Postgres { "postgres" } else { "mysql" };
        let nowhere: DatabaseUrl = format!("{nowhere}://ann@127.0.0.1:1/d").parse().expect("a URL");
        let text = if kind == ServerKind::Postgres {
            "see that the server runs and listens there; `with_startup_deadline` waits until it does"
        } else {
            "check host and port, and that the server runs"
        };
        says(&refused(&nowhere).await, text);
        database.open().await;
    }
}
