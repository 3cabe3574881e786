//! Scripts that run as another role than the one that connects and writes the history: PostgreSQL.

#[path = "roles/places.rs"]
mod places;

use std::time::Duration;

use whimbrel::{
    DatabaseUrl, ErrorClass, ErrorKind, Memory, Migrator, Outcome, StepKey, Transaction, Unbaselined,
};
use whimbrel_testkit::{Server, ServerKind};
use whimbrel_tests::either::{Database, Either};

/// A database with the role `NAME_owner`, which may not log in, and `NAME_login`, which is a member of it and may make
/// tables of its own.
async fn database() -> (Database, String, Either) {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let name = database.name.clone();
    for sql in [
        format!("CREATE ROLE {name}_owner NOLOGIN"),
        format!("CREATE ROLE {name}_login LOGIN"),
        format!("GRANT {name}_owner TO {name}_login"),
        format!("GRANT USAGE, CREATE ON SCHEMA public TO {name}_owner, {name}_login"),
    ] {
        admin.run(&sql).await;
    }
    let server = Server::shared(ServerKind::Postgres).expect("a server");
    let url = server.url(&name).replacen(&format!("//{}", server.user()), &format!("//{name}_login"), 1);
    let url: DatabaseUrl = url.parse().expect("a URL");
    let login = Either::connect(&url).await.expect("a connection");
    (database, name, login)
}

const OWNERS: &str = "SELECT relname::text, pg_get_userbyid(relowner)::text FROM pg_class \
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') ORDER BY 1";

#[tokio::test]
async fn scripts_run_as_the_role_and_the_history_is_written_as_oneself() {
    let (database, name, mut login) = database().await;
    let mut admin = database.open().await;
    let memory = Memory::new()
        .with_sql(1, "a", "CREATE TABLE a (n INTEGER, who TEXT DEFAULT current_user);")
        .with_sql(2, "settings", "SET search_path = public; CREATE TABLE b (n INTEGER);")
        .with_sql(3, "row", "INSERT INTO a VALUES (1);")
        .with_sql(
            4,
            "outside",
            "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY a_n ON a (n);\nINSERT INTO a VALUES (2);",
        )
        .with_sql(5, "after", "CREATE TABLE c (n INTEGER);");
    let migrator = Migrator::new(&memory).with_role(format!("{name}_owner"));
    migrator.run(&mut login).await.expect("a run");
    let expected: String =
        ["a", "a_n", "b", "c"].iter().map(|relation| format!("{relation}|{name}_owner|\n")).collect();
    let owners = admin.lines(OWNERS).await;
    let (history, scripts): (Vec<&str>, Vec<&str>) =
        owners.lines().partition(|line| line.starts_with("whimbrel_history"));
    assert_eq!(scripts, expected.lines().collect::<Vec<_>>());
    assert!(history.iter().all(|line| line.ends_with(&format!("|{name}_login|"))), "{history:?}");
    let writers = admin.lines("SELECT DISTINCT who, current_user::text FROM a").await;
    assert!(writers.starts_with(&format!("{name}_owner|")) && writers.lines().count() == 1, "{writers}");
    // The session is again who it was, and a boot assumes nothing.
    assert_eq!(login.lines("SELECT current_user::text").await, format!("{name}_login|\n"));
    let report = migrator.run(&mut login).await.expect("a boot");
    assert_eq!((report.outcome, report.queries), (Outcome::UpToDate, 1));
}

/// Notes who is asking, where names are looked for, and how long a lock is waited for.
const NOTE: &str = "INSERT INTO public.notes SELECT current_user, current_setting('search_path'), current_setting('lock_timeout');";

#[tokio::test]
async fn beside_a_step_in_rust_each_script_has_its_role_its_time_limit_and_its_settings() {
    for key in [StepKey::new(4), StepKey::new(4).database_only()] {
        for transaction in [Transaction::Auto, Transaction::PerRun] {
            let (database, name, mut login) = database().await;
            let mut admin = database.open().await;
            admin.run("CREATE TABLE notes (n SERIAL, who TEXT, path TEXT, longest TEXT)").await;
            admin.run("GRANT ALL ON notes, notes_n_seq TO public").await;
            let note = NOTE.replacen("notes", "notes (who, path, longest)", 1);
            let changed = format!("-- whimbrel: lock_timeout=7s\nSET search_path = pg_catalog;\n{note}");
            let memory = Memory::new()
                .with_sql(1, "first", note.as_str())
                .with_sql(2, "changed", changed)
                .with_sql(3, "third", note.as_str())
                .with_rust(4, "step")
                .with_sql(5, "last", note.as_str());
            let step = note.clone();
            let migrator = Migrator::new(&memory)
                .with_role(format!("{name}_owner"))
                .with_unbaselined(Unbaselined::Allow)
                .with_lock_timeout(Duration::from_millis(2500))
                .with_transaction(transaction)
                .with_step(key, move |transaction| {
                    let step = step.clone();
                    Box::pin(async move {
                        transaction.execute(step.trim_end_matches(';'), &[]).await?;
                        transaction.execute("SET search_path = pg_catalog", &[]).await?;
                        Ok(())
                    })
                });
            migrator.run(&mut login).await.expect("a run");
            let row = |path: &str, longest: &str| format!("{name}_owner|{path}|{longest}|\n");
            let usual = row("\"$user\", public", "2500ms");
            let expected = format!("{usual}{}{usual}{usual}{usual}", row("pg_catalog", "7s"));
            assert_eq!(admin.lines("SELECT who, path, longest FROM notes ORDER BY n").await, expected);
            let now =
                "SELECT current_user::text, current_setting('search_path'), current_setting('lock_timeout')";
            assert_eq!(login.lines(now).await, format!("{name}_login|\"$user\", public|0|\n"));
        }
    }
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_told_and_nothing_is_changed() {
    let (database, name, mut login) = database().await;
    let mut admin = database.open().await;
    admin.run(&format!("CREATE ROLE {name}_other NOLOGIN")).await;
    let before = admin.lines(OWNERS).await;
    let memory = Memory::new().with_sql(1, "a", "CREATE TABLE a (n INTEGER);");
    let nobody = format!("{name}_nobody");
    for (role, class) in [(format!("{name}_other"), ErrorClass::Permission), (nobody, ErrorClass::Sql)] {
        let migrator = Migrator::new(&memory).with_role(role.clone());
        let error = migrator.run(&mut login).await.expect_err("it may not be assumed");
        assert_eq!(error.class(), Some(class), "{error:#}");
        assert!(format!("{error:#}").contains(&role), "{error:#}");
        assert_eq!(admin.lines(OWNERS).await, before, "{error:#}");
    }
}

#[tokio::test]
async fn what_the_role_may_not_do_fails_with_its_script_and_is_kept_out() {
    let (database, name, mut login) = database().await;
    let mut admin = database.open().await;
    admin.run("CREATE TABLE theirs (n INTEGER)").await;
    let memory = Memory::new().with_sql(1, "a", "CREATE TABLE a (n INTEGER);").with_sql(
        2,
        "theirs",
        "CREATE TABLE b (n INTEGER);\nDROP TABLE theirs;",
    );
    let migrator =
        Migrator::new(&memory).with_role(format!("{name}_owner")).with_unbaselined(Unbaselined::Allow);
    let error = migrator.run(&mut login).await.expect_err("it is not the owner");
    assert_eq!(
        (error.kind(), error.class()),
        (ErrorKind::Configuration, Some(ErrorClass::Permission)),
        "{error:#}"
    );
    let place = error.location().expect("a place");
    assert_eq!((place.position.line, error.statement()), (2, Some(2)), "{error:#}");
    let there = "SELECT string_agg(relname::text, ' ' ORDER BY 1) FROM pg_class WHERE relname IN ('a', 'b', 'theirs')";
    assert_eq!(admin.lines(there).await, "a theirs|\n");
    assert_eq!(login.lines("SELECT current_user::text").await, format!("{name}_login|\n"));
}
