//! Connections that do not come about.

use whimbrel_testkit::{Server, ServerKind, ServerOptions};
use whimbrel_tests::certificate::{Authority, Lasts};
use whimbrel_tests::either::{Database, kinds};

use crate::visit::{FILLED_IN, Visit};
use crate::{owner, url, url_as, workplace};

#[tokio::test]
async fn a_wrong_password_is_told_without_it_and_a_new_one_is_set_as_said() {
    let options = ServerOptions::new(ServerKind::Postgres)
        .with_access("host all postgres 127.0.0.1/32 trust")
        .with_access("host all all 127.0.0.1/32 scram-sha-256");
    let own = Server::start(&options).expect("a server");
    for kind in kinds() {
        let database = match kind {
            ServerKind::Postgres => Database::on(&own).await,
            _ => Database::new(kind).await,
        };
        let mut admin = database.open().await;
        let (user, _) = owner(&database).await;
        let work = workplace(&url_as(&database, &user, "wr0ng-secret"), "");
        let visit = Visit::pay(&work);
        visit.expect("connection", "wrong", "the port is open");
        assert_eq!((visit.code, visit.state("server")), (1, "not-looked-at"), "{kind}: {}", visit.raw);
        assert!(!visit.raw.contains("wr0ng-secret"), "{kind}: {}", visit.raw);
        let set =
            |(kind, when, _): &&(String, String, String)| kind == "sql" && when.contains("is not known");
        let remedies = visit.remedies("connection");
        let (_, _, sql) = remedies.iter().find(set).expect("a new password");
        admin.run(&sql.replace('…', FILLED_IN)).await;
        Visit::pay(&work.at(&url_as(&database, &user, FILLED_IN))).expect_content();
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_made_as_said() {
    for kind in kinds() {
        let mut database = Database::new(kind).await;
        database.name = Server::unique_name();
        let work = workplace(&url(&database), "");
        let visit = Visit::pay(&work);
        visit.expect("connection", "wrong", "");
        assert_eq!(visit.code, 1, "{kind}: {}", visit.raw);
        visit.commands("connection", "create", &work);
        Visit::pay(&work).expect("connection", "ok", &database.name);
    }
}

#[tokio::test]
async fn a_role_that_is_not_there_is_made_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let user = format!("{}_nobody", database.name);
    let work = workplace(&url_as(&database, &user, ""), "");
    let visit = Visit::pay(&work);
    visit.expect("connection", "wrong", "does not exist");
    visit.sql("connection", &mut database.open().await).await;
    Visit::pay(&work).expect("connection", "ok", "");
}

#[tokio::test]
async fn a_role_without_the_right_to_connect_or_with_too_many_connections_is_helped_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let user = database.user().await;
    admin.run(&format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", database.name)).await;
    let work = workplace(&url_as(&database, &user, ""), "");
    let visit = Visit::pay(&work);
    visit.expect("connection", "wrong", "permission denied");
    visit.sql("connection", &mut admin).await;
    admin.run(&format!("ALTER ROLE {user} CONNECTION LIMIT 0")).await;
    let visit = Visit::pay(&work);
    visit.expect("connection", "wrong", "too many connections");
    assert_eq!(visit.code, 6, "{}", visit.raw);
    visit.sql("connection", &mut admin).await;
    Visit::pay(&work).expect("connection", "ok", "");
}

#[tokio::test]
async fn a_server_that_is_stopped_and_a_name_that_nobody_knows_are_told_apart() {
    let server = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("a server");
    let database = Database::on(&server).await;
    let work = workplace(&url(&database), "");
    server.kill().expect("a server of our own");
    let visit = Visit::pay(&work);
    visit.expect("connection", "wrong", "nothing listens on the port");
    assert_eq!(visit.code, 6, "{}", visit.raw);
    server.restart().expect("a server of our own");
    Visit::pay(&work).expect("connection", "ok", "");

    let scheme = "postgres://someone:s3cret-word@";
    let visit = Visit::pay(&work.at(&format!("{scheme}nowhere.invalid/app")));
    visit.expect("connection", "wrong", "the name does not resolve");
    assert!(!visit.raw.contains("s3cret-word"), "{}", visit.raw);
}

#[tokio::test]
async fn tls_that_is_demanded_and_not_there_is_told_and_left_out_as_said() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let database = Database::new(kind).await;
        let work = workplace(&format!("{}?sslmode=require", url(&database)), "");
        let visit = Visit::pay(&work);
        visit.expect("connection", "wrong", "TLS");
        assert_eq!(visit.code, 1, "{kind}: {}", visit.raw);
        let work = work.at(&format!("{}?sslmode=disable", url(&database)));
        Visit::pay(&work).expect("tls", "ok", "it does not leave this machine");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_has_checked_is_told_and_checked_as_said() {
    for kind in [ServerKind::Postgres, ServerKind::MariaDb] {
        let authority = Authority::new();
        let certificate = authority.certificate("127.0.0.1", Lasts::Long);
        let options = ServerOptions::new(kind).with_tls(&certificate, authority.key());
        let server = Server::start(&options).expect("a server");
        let database = Database::on(&server).await;
        let unchecked = format!("{}?sslmode=require", url(&database));
        let work = workplace(&unchecked, "");
        let visit = Visit::pay(&work);
        visit.expect("tls", "warning", "nobody has checked who is at the other end");
        visit.expect("tls", "warning", "the server says TLSv1.");
        let (_, _, said) = visit.remedies("tls").remove(0);
        let mode =
            if kind == ServerKind::Postgres { "sslmode=verify-full" } else { "ssl-mode=VERIFY_IDENTITY" };
        assert!(said.contains(mode), "{said}");
        let strict = workplace(&unchecked, "preflight = [\"protected\"]");
        Visit::pay(&strict).expect("tls", "wrong", "nobody has checked");
        // The authority is known to nobody but this test.
        let visit = Visit::pay(&work.at(&format!("{}?{mode}", url(&database))));
        visit.expect("connection", "wrong", "certificate");
        let root = format!("{}?{mode}&sslrootcert={}", url(&database), authority.root().display());
        let root = if kind == ServerKind::Postgres { root } else { root.replace("sslrootcert", "ssl-ca") };
        Visit::pay(&strict.at(&root)).expect("tls", "ok", "the certificate was verified for the host's name");
    }
}
