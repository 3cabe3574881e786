//! Locks, transactions, poolers, settings, and what a history tells.

use std::time::Duration;

use whimbrel::{Driver, TableName};
use whimbrel_testkit::{PgBouncer, Server, ServerKind, ServerOptions};
use whimbrel_tests::either::{Database, kinds};

use crate::visit::Visit;
use crate::{owner, url, workplace};

#[tokio::test]
async fn the_holder_of_the_lock_is_named_and_ended_as_said() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let (_, own) = owner(&database).await;
        let work = workplace(&own, "");
        let mut holder = database.open().await;
        let lock = holder.dialect().lock.expect("a lock");
        let taken = holder.number(&format!("SELECT {}", (lock.take)(&TableName::default()))).await;
        assert_eq!(taken, 1);
        let visit = Visit::pay(&work);
        visit.expect("lock", "warning", "has the migrators' lock");
        assert!(visit.found("lock").contains(&holder.session().to_string()), "{}", visit.raw);
        visit.sql("lock", &mut admin).await;
        assert!(holder.try_run("SELECT 1").await.is_err(), "{kind}: the session goes on");
        Visit::pay(&work).expect("lock", "ok", "nobody has the migrators' lock");
    }
}

#[tokio::test]
async fn a_transaction_that_is_open_for_long_is_named_and_ended_as_said() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        admin.run("CREATE TABLE busy (n INTEGER)").await;
        let work = workplace(&url(&database), "unbaselined = \"allow\"");
        let mut holder = database.open().await;
        holder.apart("BEGIN").await;
        holder.apart("INSERT INTO busy VALUES (1)").await;
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        let visit = Visit::pay(&work);
        let session = holder.session().to_string();
        visit.expect("transactions", "warning", &session);
        // Others of the shared server may be open, too; they are not ours to end.
        let ends = [format!("KILL {session}"), format!("SELECT pg_terminate_backend({session})")];
        let own = visit.remedies("transactions").into_iter().find(|(_, _, sql)| ends.contains(sql));
        let (_, _, sql) = own.expect("a remedy");
        if sql.starts_with("SELECT") {
            admin.lines(&sql).await;
        } else {
            admin.run(&sql).await;
        }
        // A server takes its time to roll back.
        let is_named = |visit: &Visit| visit.remedies("transactions").iter().any(|(_, _, text)| *text == sql);
        let mut visits = 0;
        while is_named(&Visit::pay(&work)) {
            visits += 1;
            assert!(visits < 100, "{kind}: it is still open");
        }
    }
}

#[tokio::test]
async fn sessions_that_cannot_be_seen_are_told_and_seen_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let (_, own) = owner(&database).await;
    let work = workplace(&own, "");
    let visit = Visit::pay(&work);
    visit.expect("transactions", "not-looked-at", "cannot be seen");
    visit.sql("transactions", &mut admin).await;
    Visit::pay(&work).expect("transactions", "ok", "none is open for long");
}

#[tokio::test]
async fn a_pooler_is_found_out_and_the_servers_own_address_is_told() {
    let server = Server::shared(ServerKind::Postgres).expect("a server");
    let pooler = PgBouncer::shared().expect("a pooler");
    let database = Database::on(server).await;
    let work = workplace(&pooler.url(&database.name), "");
    let visit = Visit::pay(&work);
    visit.expect("pooler", "warning", "another session answers");
    let (_, _, said) = visit.remedies("pooler").remove(0);
    let place = format!("{}:{}", server.host(), server.port());
    assert!(said.contains(&place), "{said} does not say {place}");
    Visit::pay(&work.at(&url(&database))).expect("pooler", "ok", "the session is kept");
}

#[tokio::test]
async fn a_standby_is_told_from_its_primary() {
    let primary = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("a server");
    let database = Database::on(&primary).await;
    let standby = Server::standby_of(&primary).expect("a standby");
    let work = workplace(&standby.url(&database.name), "");
    let visit = Visit::pay(&work);
    visit.expect("server", "wrong", "a standby");
    let (_, _, said) = visit.remedies("server").remove(0);
    assert!(said.contains(&format!(":{}", primary.port())), "{said}");
    let both = format!(
        "postgres://{}@127.0.0.1:{},127.0.0.1:{}/{}?target_session_attrs=read-write",
        primary.user(),
        standby.port(),
        primary.port(),
        database.name
    );
    Visit::pay(&work.at(&both)).expect("server", "ok", "a primary");
}

#[tokio::test]
async fn settings_of_a_role_that_end_what_it_does_are_put_right_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let (user, own) = owner(&database).await;
    for setting in ["statement_timeout = '5s'", "default_transaction_read_only = on"] {
        admin.run(&format!("ALTER ROLE {user} SET {setting}")).await;
    }
    let work = workplace(&own, "");
    let visit = Visit::pay(&work);
    visit.expect("settings", "warning", "statement_timeout is 5000 ms");
    visit.expect("server", "wrong", "read-only");
    visit.sql("settings", &mut admin).await;
    visit.sql("server", &mut admin).await;
    Visit::pay(&work).expect_content();
}

#[tokio::test]
async fn settings_of_a_server_that_bite_are_put_right_as_said() {
    let options = ServerOptions::new(ServerKind::MariaDb)
        .with_setting("sql_mode", "NO_ENGINE_SUBSTITUTION")
        .with_setting("max_allowed_packet", "1048576")
        .with_setting("read_only", "ON");
    let server = Server::start(&options).expect("a server");
    let database = Database::on(&server).await;
    let mut admin = database.open().await;
    let work = workplace(&url(&database), "");
    let long = format!("CREATE TABLE t (n INTEGER);\n-- {}\n", "x".repeat(1_100_000));
    work.migration("0002_long.sql", &long);
    let visit = Visit::pay(&work);
    visit.expect("settings", "wrong", "max_allowed_packet is 1048576");
    visit.expect("settings", "wrong", "sql_mode is not strict");
    visit.expect("server", "wrong", "read-only");
    visit.sql("settings", &mut admin).await;
    visit.sql("server", &mut admin).await;
    let visit = Visit::pay(&work);
    visit.expect("settings", "ok", "lower_case_table_names");
    visit.expect("server", "ok", "to be written to");
}

#[tokio::test]
async fn rows_that_were_touched_are_found_and_vouched_for_as_said() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let (_, own) = owner(&database).await;
        let work = workplace(&own, "");
        assert_eq!(work.run(&["up"]).code, 0);
        let touch = "UPDATE whimbrel_history SET name = 'other' WHERE event = 'applied'";
        database.open().await.run(touch).await;
        let visit = Visit::pay(&work);
        visit.expect("history", "wrong", "it was changed after it was written");
        visit.commands("history", "repair", &work);
        Visit::pay(&work).expect("history", "ok", "");
    }
}

#[tokio::test]
async fn work_in_doubt_is_found_and_settled_as_said() {
    for kind in kinds().into_iter().filter(|kind| *kind != ServerKind::Postgres) {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        // What a procedure has done nobody can tell, and this one ends the session that calls it.
        admin.run("CREATE PROCEDURE gone() KILL CONNECTION_ID()").await;
        let work = workplace(&url(&database), "");
        work.migration("0002_gone.sql", "CALL gone();\nCREATE TABLE t (n INTEGER);\n");
        let up = work.run(&["up"]);
        assert_ne!(up.code, 0, "{kind}: {up:?}");
        let visit = Visit::pay(&work);
        visit.expect("history", "wrong", "no one can tell whether it took effect");
        visit.expect("plan", "wrong", "");
        visit.commands("history", "--took-effect", &work);
        let visit = Visit::pay(&work);
        visit.expect("history", "warning", "is not known to be done");
        visit.commands("history", "up", &work);
        Visit::pay(&work).expect("history", "ok", "");
    }
}

#[tokio::test]
async fn a_migration_that_is_postponed_is_told_and_goes_on_as_said() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let (_, own) = owner(&database).await;
        let work = workplace(&own, "");
        work.migration("0002_wrong.sql", "INSERT INTO nothing_of_this_name VALUES (1);\n");
        assert_eq!(work.run(&["up"]).code, 1, "{kind}");
        let visit = Visit::pay(&work);
        visit.expect("history", "warning", "2_wrong has failed once");
        work.write("migrations/0002_wrong.sql", "CREATE TABLE t (n INTEGER);\n");
        visit.commands("history", "", &work);
        Visit::pay(&work).expect("history", "ok", "");
        assert_eq!(work.run(&["check"]).code, 0, "{kind}");
    }
}
