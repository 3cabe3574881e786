//! Superusers, rights and roles.

use whimbrel_testkit::ServerKind;
use whimbrel_tests::either::{Database, kinds};

use crate::visit::{FILLED_IN, Visit};
use crate::{owner, url, url_as, workplace};

#[tokio::test]
async fn a_superuser_is_warned_of_and_the_role_made_as_said_can_migrate() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let work = workplace(&url(&database), "");
        let visit = Visit::pay(&work);
        visit.expect("role", "warning", "which may do everything on this server");
        assert_eq!(visit.code, 0, "{kind}: {}", visit.raw);
        visit.sql("role", &mut admin).await;
        let (_, _, made) = visit.remedies("role").remove(0);
        let quote = if kind == ServerKind::Postgres { '"' } else { '\'' };
        let user = made.split(quote).nth(1).expect("a name").to_owned();
        let work = work.at(&url_as(&database, &user, FILLED_IN));
        let visit = Visit::pay(&work);
        visit.expect_content();
        visit.expect("role", "ok", "which may not do everything");
        assert!(!visit.raw.contains(FILLED_IN), "the password is shown: {}", visit.raw);
        let up = work.run(&["up"]);
        assert_eq!(up.code, 0, "{kind}: {up:?}");
        Visit::pay(&work).expect_content();
    }
}

#[tokio::test]
async fn rights_that_are_missing_are_told_and_granted_as_said() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let user = database.user().await;
        admin.run("CREATE TABLE old (n INTEGER)").await;
        if kind == ServerKind::Postgres {
            admin.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
        } else {
            admin.run(&format!("GRANT SHOW VIEW ON {}.* TO {user}", database.name)).await;
        }
        let work = workplace(&url_as(&database, &user, ""), "unbaselined = \"allow\"");
        work.migration("0002_old.sql", "ALTER TABLE old ADD COLUMN m INTEGER;\n");
        let visit = Visit::pay(&work);
        visit.expect("privileges", "wrong", "is missing");
        assert_eq!(visit.code, 1, "{kind}: {}", visit.raw);
        visit.sql("privileges", &mut admin).await;
        // A right that makes a table visible may show what else is missing.
        let again = Visit::pay(&work);
        if again.state("privileges") == "wrong" {
            again.sql("privileges", &mut admin).await;
        }
        Visit::pay(&work).expect("privileges", "ok", "");
        let up = work.run(&["up"]);
        assert_eq!(up.code, 0, "{kind}: {up:?}");
    }
}

#[tokio::test]
async fn a_history_that_may_not_be_read_is_granted_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let (user, own) = owner(&database).await;
    let work = workplace(&own, "");
    assert_eq!(work.run(&["up"]).code, 0);
    admin.run("ALTER TABLE whimbrel_history OWNER TO postgres").await;
    admin.run(&format!("REVOKE ALL ON whimbrel_history FROM {user}")).await;
    let visit = Visit::pay(&work);
    visit.expect("history", "wrong", "permission denied");
    visit.expect("privileges", "wrong", "SELECT on whimbrel_history is missing");
    visit.sql("privileges", &mut admin).await;
    Visit::pay(&work).expect_content();
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_granted_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let (_, own) = owner(&database).await;
    let role = database.user().await;
    admin.run(&format!("GRANT ALL ON SCHEMA public TO {role}")).await;
    let work = workplace(&own, &format!("role = \"{role}\""));
    let visit = Visit::pay(&work);
    visit.expect("role", "wrong", "may not become");
    visit.sql("role", &mut admin).await;
    Visit::pay(&work).expect_content();
    assert_eq!(work.run(&["up"]).code, 0);

    let missing = format!("{role}_missing");
    let work = workplace(&own, &format!("role = \"{missing}\""));
    let visit = Visit::pay(&work);
    visit.expect("role", "wrong", "there is no role");
    visit.sql("role", &mut admin).await;
    Visit::pay(&work).expect("role", "ok", "scripts run as");
}

#[tokio::test]
async fn a_search_path_that_leads_nowhere_is_mended_as_said() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let (user, own) = owner(&database).await;
    admin.run(&format!("ALTER ROLE {user} IN DATABASE {} SET search_path = app", database.name)).await;
    let work = workplace(&own, "");
    let visit = Visit::pay(&work);
    visit.expect("privileges", "wrong", "no schema of the search path, app, is there");
    visit.sql("privileges", &mut admin).await;
    Visit::pay(&work).expect_content();
    assert_eq!(work.run(&["up"]).code, 0);
    admin.run(&format!("REVOKE ALL ON SCHEMA app FROM {user}")).await;
    let visit = Visit::pay(&work);
    visit.expect("privileges", "wrong", "no schema of the search path");
    visit.sql("privileges", &mut admin).await;
    Visit::pay(&work).expect_content();
}
