//! What a preflight asks for is so, or nothing is applied; what cannot be found out is not so.

use whimbrel::{
    DatabaseUrl, Dialect, ErrorKind, FindingKind, HostAddress, Memory, Migrator, Outcome, Preflight,
    Transport,
};
use whimbrel_testkit::{Fake, ServerKind};
use whimbrel_tests::either::{Database, Either, kinds};

fn set() -> Memory {
    Memory::new()
        .with_sql(
            1,
            "t",
            "CREATE TABLE t (n INTEGER);\nCREATE INDEX t_n ON t (n);\nINSERT INTO t VALUES (1);",
        )
        .with_sql(2, "old", "ALTER TABLE old ADD COLUMN m INTEGER;\nUPDATE other SET n = 2;")
}

fn found(error: &whimbrel::Error) -> Vec<String> {
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error:#}");
    assert!(error.findings().iter().all(|finding| finding.kind() == FindingKind::Preflight), "{error:#}");
    error.findings().iter().map(|finding| finding.subject().to_owned()).collect()
}

async fn tables(admin: &mut Either, database: &Database) -> i64 {
    let schema = if database.is_postgres() { "public" } else { &database.name };
    admin
        .number(&format!("SELECT count(*) FROM information_schema.tables WHERE table_schema = '{schema}'"))
        .await
}

/// A database with two tables of somebody else's.
async fn prepared(kind: ServerKind) -> (Database, Either, String) {
    let database = Database::new(kind).await;
    let mut admin = database.open().await;
    admin.run("CREATE TABLE old (n INTEGER)").await;
    admin.run("CREATE TABLE other (n INTEGER)").await;
    let user = database.user().await;
    if database.is_postgres() {
        admin.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    } else {
        // Without any right in it a database cannot be connected to.
        admin.run(&format!("GRANT SHOW VIEW ON {}.* TO {user}", database.name)).await;
    }
    (database, admin, user)
}

fn migrator<'m>(preflight: Preflight) -> Migrator<'m> {
    Migrator::new(set()).with_preflight(preflight).with_unbaselined(whimbrel::Unbaselined::Allow)
}

#[tokio::test]
async fn all_rights_that_are_missing_are_told_before_anything_is_applied() {
    for kind in kinds() {
        let (database, mut admin, user) = prepared(kind).await;
        let mut db = Database::connect(&database.url_of(&user)).await;
        let grants: Vec<String> = if database.is_postgres() {
            vec![
                format!("GRANT CREATE ON SCHEMA public TO {user}"),
                format!("ALTER TABLE old OWNER TO {user}"),
                format!("GRANT SELECT, UPDATE ON other TO {user}"),
            ]
        } else {
            // It sees only tables that it has a right on.
            admin.run(&format!("GRANT SELECT ON {}.* TO {user}", database.name)).await;
            let name = &database.name;
            vec![
                format!("GRANT INSERT, CREATE, INDEX, ALTER ON {name}.* TO {user}"),
                format!("GRANT UPDATE ON {name}.other TO {user}"),
            ]
        };
        let mut db_again = Database::connect(&database.url_of(&user)).await;
        let before = tables(&mut admin, &database).await;
        let error = migrator(Preflight::new().with_rights())
            .run(&mut db_again)
            .await
            .expect_err("rights are missing");
        let missing = found(&error).join("; ");
        let wanted: &[&str] = if database.is_postgres() {
            &["CREATE on schema public", "ownership of old", "UPDATE on other"]
        } else {
            &["INSERT on", "CREATE on", "ALTER on", ".old", "UPDATE on", ".other"]
        };
        for word in wanted {
            assert!(missing.contains(word), "{kind}: {word} is not in {missing}");
        }
        let index = missing.contains("INDEX");
        assert_eq!(
            index,
            !database.is_postgres(),
            "{kind}: what the plan makes is its own on PostgreSQL: {missing}"
        );
        assert_eq!(tables(&mut admin, &database).await, before, "{kind}: something was applied");
        for grant in grants {
            admin.run(&grant).await;
        }
        if !database.is_postgres() {
            db = Database::connect(&database.url_of(&user)).await;
        }
        let report = migrator(Preflight::new().with_rights()).run(&mut db).await;
        let report = report.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.migrations.len(), 2);
        // Nothing pending, nothing asked.
        let boot = migrator(Preflight::strict()).run(&mut db).await.expect("a boot");
        assert_eq!((boot.outcome, boot.queries), (Outcome::UpToDate, 1), "{kind}");
    }
}

#[tokio::test]
async fn a_superuser_is_refused_where_none_is_wanted() {
    for kind in kinds() {
        let (database, mut admin, user) = prepared(kind).await;
        let before = tables(&mut admin, &database).await;
        let careful = || migrator(Preflight::new().without_superuser());
        let error = careful().run(&mut admin).await.expect_err("the superuser");
        assert_eq!(found(&error), ["user"], "{kind}");
        assert!(format!("{error:#}").contains("may do everything on this server"), "{error:#}");
        assert_eq!(tables(&mut admin, &database).await, before, "{kind}: something was applied");

        // Who may become one is one.
        if database.is_postgres() {
            let near = database.user().await;
            admin.run(&format!("GRANT postgres TO {near}")).await;
            let mut db = Database::connect(&database.url_of(&near)).await;
            let error = careful().run(&mut db).await.expect_err("who may become the superuser");
            assert_eq!(found(&error), ["user"]);
            admin.run(&format!("GRANT CREATE ON SCHEMA public TO {user}")).await;
            admin.run(&format!("ALTER TABLE old OWNER TO {user}")).await;
            admin.run(&format!("GRANT SELECT, UPDATE ON other TO {user}")).await;
        } else {
            admin.run(&format!("GRANT ALL ON {}.* TO {user}", database.name)).await;
        }
        let mut db = Database::connect(&database.url_of(&user)).await;
        let report = careful().run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.migrations.len(), 2, "{kind}");
    }
}

/// With a role the tables of privileges do not tell what the user may do.
#[tokio::test]
async fn what_an_active_role_gives_cannot_be_told_and_is_refused() {
    for kind in kinds().into_iter().filter(|kind| *kind != ServerKind::Postgres) {
        let (database, mut admin, user) = prepared(kind).await;
        let role = format!("r{}", &user[1..]);
        admin.run(&format!("CREATE ROLE {role}")).await;
        admin.run(&format!("GRANT ALL ON *.* TO {role}")).await;
        admin.run(&format!("GRANT {role} TO {user}")).await;
        admin.run(&format!("GRANT ALL ON {}.* TO {user}", database.name)).await;
        let mut db = Database::connect(&database.url_of(&user)).await;
        db.run(&format!("SET ROLE {role}")).await;
        let error = migrator(Preflight::strict()).run(&mut db).await.expect_err("a role");
        assert_eq!(found(&error), ["user", "rights"], "{kind}");
        assert!(format!("{error:#}").contains("cannot be found out"), "{error:#}");
    }
}

#[tokio::test]
async fn a_connection_that_is_not_known_to_be_protected_is_refused() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let careful = || {
            Migrator::new(Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER)"))
                .with_preflight(Preflight::new().protected())
        };
        for (transport, objection) in [
            (
                Transport::Unknown,
                "nobody can tell how the connection is protected, since the client was handed over: connect by URL, or \
                 vouch for it with the driver's `with_transport`",
            ),
            (Transport::Plain, "not protected"),
            (Transport::Encrypted, "was not verified"),
        ] {
            let mut db = match database.open().await {
                Either::Postgres(db) => Either::Postgres(db.with_transport(transport)),
                Either::MySql(db) => Either::MySql(db.with_transport(transport)),
            };
            let error = careful().run(&mut db).await.expect_err("not protected");
            assert_eq!(found(&error), ["connection"], "{kind}");
            assert!(format!("{error:#}").contains(objection), "{kind}: {error:#}");
        }
        let mut db = database.open().await;
        careful().run(&mut db).await.expect("it does not leave the machine");
    }
}

#[test]
fn a_urls_mode_is_what_is_known_of_its_connections() {
    for (url, wanted) in [
        ("postgres://u@db.example.org/app", Transport::Verified),
        ("postgres://u@db.example.org/app?sslmode=verify-full", Transport::Verified),
        ("postgres://u@db.example.org/app?sslmode=verify-ca", Transport::Encrypted),
        ("postgres://u@db.example.org/app?sslmode=require", Transport::Encrypted),
        ("postgres://u@db.example.org/app?sslmode=disable", Transport::Plain),
        ("postgres://u@127.0.0.1/app", Transport::Local),
        ("postgres://u@localhost/app?sslmode=verify-full", Transport::Verified),
        ("mysql://u@db.example.org/app?ssl-mode=REQUIRED", Transport::Encrypted),
    ] {
        let parsed: DatabaseUrl = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
        let host: &HostAddress = &parsed.hosts()[0].address;
        assert_eq!(Transport::of(&parsed, host), wanted, "{url}");
    }
}

/// A dialect whose driver answers no question of a preflight.
#[test]
fn what_a_driver_cannot_answer_is_refused() {
    let mut fake = Fake::new();
    let dialect: &Dialect = whimbrel::Driver::dialect(&fake);
    assert!(dialect.preflight.is_none() && dialect.transport == Transport::Unknown);
    let migrator = Migrator::new(Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER)"));
    let error =
        migrator.with_preflight(Preflight::strict()).run_blocking(&mut fake).expect_err("nothing is known");
    assert_eq!(found(&error), ["connection", "user", "rights"]);
}

#[test]
fn sqlite_passes_the_strictest() {
    use whimbrel_sqlite as _;
    let mut db = rusqlite::Connection::open_in_memory().expect("a database");
    let migrator = Migrator::new(Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER)"));
    let report =
        migrator.with_preflight(Preflight::strict()).run_blocking(&mut db).expect("nobody to be refused");
    assert_eq!(report.migrations.len(), 1);
}
