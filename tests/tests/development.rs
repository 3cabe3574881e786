//! `create`, `drop` and `reset` do what they say to the database that is named, and to no other.

use std::fs;

use whimbrel_testkit::{Server, ServerKind};
use whimbrel_tests::command::{Said, Workplace};
use whimbrel_tests::either::{Database, Either, kinds};

const REFUSED: i32 = 4;

fn workplace(url: &str) -> Workplace {
    let workplace = Workplace::new(url, "development = true");
    workplace.migration("0001_create_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
    workplace
}

/// A text as it stands in a URL.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// How many databases have this very name.
async fn count(admin: &mut Either, kind: ServerKind, name: &str) -> i64 {
    let name = name.replace('\\', "\\\\").replace('\'', "''");
    let sql = match kind {
        ServerKind::Postgres => format!("SELECT count(*) FROM pg_database WHERE datname = E'{name}'"),
        _ => format!("SELECT count(*) FROM information_schema.schemata WHERE binary schema_name = '{name}'"),
    };
    admin.number(&sql).await
}

/// An administrator who is not connected to the database itself.
async fn elsewhere(database: &Database) -> Either {
    let name = if database.is_postgres() { "postgres" } else { "mysql" };
    Database { name: name.to_owned(), ..database.clone() }.open().await
}

#[track_caller]
fn expect(said: &Said, code: i32, word: &str) {
    assert!(
        said.code == code && format!("{}{}", said.out, said.err).contains(word),
        "{code} {word}: {said:?}"
    );
}

#[tokio::test]
async fn a_name_is_a_name_whatever_stands_in_it() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        for odd in
            ["\"; DROP DATABASE x; --", "`; DROP DATABASE x; --", "it's", "a b", "back\\slash", "Ünï", "%s%n"]
        {
            // What ends in a blank, and what has a slash, some servers refuse by themselves.
            let name = format!("{}{odd}", Server::unique_name());
            let work = workplace(&server.url(&name));
            expect(&work.run(&["create"]), 0, "made");
            assert_eq!(count(&mut admin, kind, &name).await, 1, "{kind}: {name}");
            expect(&work.run(&["create"]), 0, "is there already");
            expect(&work.run(&["up"]), 0, "applied 1 migration");
            expect(&work.run(&["drop", "--yes"]), 0, "dropped");
            assert_eq!(count(&mut admin, kind, &name).await, 0, "{kind}: {name}");
            expect(&work.run(&["drop", "--yes"]), 0, "there is no");
        }
        assert_eq!(count(&mut admin, kind, &database.name).await, 1, "{kind}: another one was dropped");
    }
}

#[tokio::test]
async fn names_that_differ_in_size_of_letters_are_two_where_the_server_has_two() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let upper = database.name.to_uppercase();
        let work = workplace(&database.server.url(&upper));
        expect(&work.run(&["drop", "--yes"]), 0, "there is no");
        expect(&work.run(&["create"]), 0, "made");
        assert_eq!(count(&mut admin, kind, &upper).await, 1, "{kind}");
        expect(&work.run(&["drop", "--yes"]), 0, "dropped");
        assert_eq!(count(&mut admin, kind, &database.name).await, 1, "{kind}: the other one was dropped");
    }
}

#[tokio::test]
async fn a_name_that_the_server_would_cut_is_refused() {
    let server = Server::shared(ServerKind::Postgres).expect("a server");
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let cut = format!("{:x<63}", Server::unique_name());
    admin.run(&format!("CREATE DATABASE {cut}")).await;
    let work = workplace(&server.url(&format!("{cut}_of_somebody_else")));
    for verb in [&["drop", "--yes"][..], &["create"], &["reset", "--yes"]] {
        expect(&work.run(verb), 1, "longer than 63 bytes");
    }
    assert_eq!(count(&mut admin, ServerKind::Postgres, &cut).await, 1);
    admin.run(&format!("DROP DATABASE {cut}")).await;
}

#[tokio::test]
async fn the_servers_own_databases_are_left_alone() {
    for kind in kinds() {
        let server = Server::shared(kind).expect("a server");
        let own: &[&str] = match kind {
            ServerKind::Postgres => &["postgres", "template1"],
            _ => &["mysql", "MySQL", "sys", "performance_schema"],
        };
        for name in own {
            for verb in [&["drop", "--yes", "--force"][..], &["reset", "--yes"]] {
                expect(&workplace(&server.url(name)).run(verb), 1, "is the server's own database");
            }
        }
        let nameless = workplace(&server.url(""));
        let said = nameless.run(&["drop", "--yes"]);
        assert_eq!((said.code, said.err.contains("names no database")), (1, true), "{said:?}");
    }
}

#[test]
fn another_machine_is_refused_unless_it_is_meant() {
    for url in [
        "postgres://app@db.example.invalid/app",
        "postgres://app@127.0.0.1,db.example.invalid/app",
        "mysql://app@[2001:db8::1]/app",
        "mariadb://app@127.0.0.1.example.invalid/app",
        "postgres://app@[::ffff:192.0.2.1]/app",
        "postgres://app@2130706433/app",
    ] {
        let work = workplace(url);
        for verb in ["create", "drop", "reset"] {
            let words: &[&str] = if verb == "create" { &["create"] } else { &[verb, "--yes"] };
            let said = work.run(words);
            expect(&said, REFUSED, "is on another machine");
            assert!(said.err.contains("--remote"), "{said:?}");
        }
    }
    for url in ["postgres://app@[::1]:9/app", "mysql://app@[::1]:9/app", "postgres://app@%2Fnowhere/app"] {
        let said = workplace(url).run(&["create"]);
        assert!(said.code != REFUSED && !said.err.contains("another machine"), "{url}: {said:?}");
    }
}

#[tokio::test]
async fn over_a_socket_it_is_the_same() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let Some(socket) = database.server.socket() else { continue };
        let name = Server::unique_name();
        let user = database.server.user();
        let port = database.server.port();
        let url = match kind {
            ServerKind::Postgres => {
                let folder = socket.parent().expect("a folder").display().to_string();
                format!("postgres://{user}@{}:{port}/{name}", encoded(&folder))
            }
            _ => format!("mysql://{user}@{}/{name}", encoded(&socket.display().to_string())),
        };
        let work = workplace(&url);
        expect(&work.run(&["create"]), 0, "made");
        expect(&work.run(&["reset", "--yes"]), 0, "applied 1 migration");
        expect(&work.run(&["drop", "--yes"]), 0, "dropped");
        assert_eq!(count(&mut admin, kind, &name).await, 0, "{kind}");
    }
}

#[tokio::test]
async fn nothing_is_lost_without_a_yes_nor_outside_development() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let url = database.server.url(&database.name);
        let work = workplace(&url);
        assert_eq!(work.run(&["up"]).code, 0);
        let said = work.run(&["drop"]);
        expect(&said, REFUSED, "this needs a yes");
        assert!(
            said.err.contains("everything in it would be lost") && said.err.contains("at 1_create_users"),
            "{said:?}"
        );
        let serious = Workplace::new(&url, "");
        serious.migration("0001_create_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
        let said = serious.run(&["drop", "--yes"]);
        expect(&said, REFUSED, "is not marked as one for development");
        assert!(said.err.contains("drop --yes --any-environment"), "{said:?}");
        assert_eq!(count(&mut admin, kind, &database.name).await, 1, "{kind}");
        drop(admin);
        let mut admin = elsewhere(&database).await;
        expect(&serious.run(&["drop", "--yes", "--any-environment"]), 0, "dropped");
        assert_eq!(count(&mut admin, kind, &database.name).await, 0, "{kind}");
    }
}

#[tokio::test]
async fn others_who_are_connected_are_ended_only_by_force() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut other = database.open().await;
    let work = workplace(&database.server.url(&database.name));
    let said = work.run(&["drop", "--yes"]);
    expect(&said, 1, "being accessed by other users");
    assert!(said.err.contains("--force"), "{said:?}");
    assert_eq!(other.number("SELECT 1").await, 1);
    expect(&work.run(&["drop", "--yes", "--force"]), 0, "dropped");
    assert!(other.try_run("SELECT 1").await.is_err());
}

#[tokio::test]
async fn what_could_not_be_made_again_is_not_reset() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = database.open().await;
    let user = database.user().await;
    admin.run(&format!("ALTER DATABASE {} OWNER TO {user}", database.name)).await;
    let url = database.server.url(&database.name);
    let address = url.split_once('@').expect("a user").1;
    let work = workplace(&format!("postgres://{user}@{address}"));
    expect(&work.run(&["reset", "--yes"]), 1, "it has no CREATEDB");
    assert_eq!(count(&mut admin, ServerKind::Postgres, &database.name).await, 1);
    drop(admin);
    let mut admin = elsewhere(&database).await;
    admin.run(&format!("ALTER ROLE {user} CREATEDB")).await;
    expect(&work.run(&["reset", "--yes", "--force"]), 0, "applied 1 migration");
}

#[test]
fn a_reset_that_the_gate_would_refuse_loses_nothing() {
    let work = workplace("sqlite:app.db");
    assert_eq!(work.run(&["up"]).code, 0);
    work.write("migrations/0002_more.sql", "CREATE TABLE more (n INTEGER);\n");
    let said = work.run(&["reset", "--yes"]);
    assert!(said.code == REFUSED && work.path().join("app.db").exists(), "{said:?}");
}

#[test]
fn a_file_of_sqlites_goes_and_no_other_does() {
    let work = workplace("sqlite:app.db");
    let file = work.path().join("app.db");
    expect(&work.run(&["create"]), 0, "made");
    expect(&work.run(&["up"]), 0, "applied 1 migration");
    expect(&work.run(&["drop", "--yes"]), 0, "dropped");
    assert!(!file.exists());
    expect(&work.run(&["drop", "--yes"]), 0, "there is no");
    expect(&work.run(&["reset", "--yes"]), 0, "applied 1 migration");

    work.write("notes.txt", "of somebody's, and longer than a header is");
    fs::create_dir(work.path().join("folder")).expect("a folder");
    std::os::unix::fs::symlink("app.db", work.path().join("link.db")).expect("a link");
    let refused = [
        ("notes.txt", "is no file of SQLite's"),
        ("folder", "is no file"),
        ("link.db", "is a link"),
        (":memory:", "ends with each command"),
    ];
    for (path, word) in refused {
        for verb in [&["drop", "--yes"][..], &["create"], &["reset", "--yes"]] {
            let url = format!("sqlite:{path}");
            let words: Vec<&str> = verb.iter().copied().chain(["--url", &url]).collect();
            expect(&work.run(&words), 1, word);
        }
    }
    let left = ["notes.txt", "folder", "link.db", "app.db"];
    assert!(left.iter().all(|name| work.path().join(name).exists()));
    assert_eq!(fs::read_dir(work.path()).expect("our folder").count(), left.len() + 2, "something was made");
}

/// Whom a database belongs to is in it: one that lets nobody in may be anybody's.
#[tokio::test]
async fn a_database_that_lets_nobody_in_goes_only_if_that_is_meant() {
    let database = Database::new(ServerKind::Postgres).await;
    let mut admin = elsewhere(&database).await;
    admin.run(&format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", database.name)).await;
    let work = workplace(&database.server.url(&database.name));
    let said = work.run(&["drop", "--yes"]);
    expect(&said, REFUSED, "cannot be read");
    assert!(said.err.contains("whimbrel drop --yes --any-environment"), "{said:?}");
    assert_eq!(count(&mut admin, ServerKind::Postgres, &database.name).await, 1);
    expect(&work.run(&["drop", "--any-environment", "--yes"]), 0, "dropped");
    assert_eq!(count(&mut admin, ServerKind::Postgres, &database.name).await, 0);
}
