//! Evidence is looked for where, and as whom, the statement ran: each script has gone to a place where an object has the name
//! that another one has where a new session begins.

use whimbrel::TableName;

use super::*;

/// Runs the migrator until its session waits for a lock in a database, and ends that session.
pub(super) fn caught(url: &str, watched: &Remote, migrator: &Migrator<'static>, locks: &[&str]) {
    let blocker = holding(watched, locks);
    let result = thread::scope(|scope| {
        let run = scope.spawn(|| remote::migrate(url, migrator));
        let session = waiting(watched);
        end(watched, session);
        run.join().expect("it does not panic")
    });
    let_go(blocker);
    let error = result.expect_err("its session was ended");
    assert_eq!(error.kind(), ErrorKind::Retry, "{error:#}");
}

/// A script that goes elsewhere, what is to be locked there, and what a question there answers once it is done.
struct Gone {
    here: &'static [&'static str],
    there: &'static [&'static str],
    locked: &'static str,
    statement: &'static str,
    done: &'static str,
    answer: Answer,
}

const GONE: &[Gone] = &[
    Gone {
        here: &["CREATE TABLE users (id INT, email INT)"],
        there: &["CREATE TABLE users (id INT)"],
        locked: "users",
        statement: "ALTER TABLE users ADD COLUMN email INT",
        done: "SELECT count(*) FROM information_schema.columns WHERE table_schema = database() AND column_name = 'email'",
        answer: Known,
    },
    Gone {
        here: &[],
        there: &["CREATE TABLE users (id INT)"],
        locked: "users",
        statement: "DROP TABLE users",
        done: "SELECT count(*) = 0 FROM information_schema.tables WHERE table_schema = database() AND table_name = 'users'",
        answer: Known,
    },
    Gone {
        here: &["CREATE TABLE users (id INT, KEY by_id (id))"],
        there: &["CREATE TABLE users (id INT)"],
        locked: "users",
        statement: "CREATE INDEX by_id ON users (id)",
        done: "SELECT count(*) FROM information_schema.statistics WHERE table_schema = database() AND index_name = 'by_id'",
        answer: Known,
    },
    // What is a table of InnoDB here has no transactions there.
    Gone {
        here: &["CREATE TABLE users (id INT)"],
        there: &["CREATE TABLE users (id INT) ENGINE = MyISAM"],
        locked: "users",
        statement: "INSERT INTO users VALUES (1)",
        done: "SELECT count(*) FROM users",
        answer: Unknown,
    },
];

#[test]
fn what_a_script_did_in_another_database_is_looked_for_there() {
    for server in servers(MYSQL) {
        for (number, gone) in GONE.iter().enumerate() {
            for took_effect in [false, true] {
                let what = format!("{server:?} {number} took effect: {took_effect}");
                let (here, there) = (Remote::fresh(server), Remote::fresh(server));
                here.run(gone.here);
                there.run(gone.there);
                there.run(&["CREATE TABLE counter (n INT)", "INSERT INTO counter VALUES (0)"]);
                let lines =
                    ["CREATE TABLE made (n INT)", &format!("USE {}", there.name()), gone.statement, COUNT];
                let migrator = migrator("gone", &lines.join(";\n"));
                caught(&here.url(), &there, &migrator, &[&format!("LOCK TABLES {} WRITE", gone.locked)]);
                assert_eq!(there.number(gone.done), 0, "{what}");
                if took_effect {
                    there.run(&[gone.statement]);
                }
                if gone.answer == Unknown {
                    let error = here.migrate(&migrator).expect_err(&what);
                    assert_eq!(
                        (error.kind(), error.statement()),
                        (ErrorKind::OutcomeUnknown, Some(3)),
                        "{error:#}"
                    );
                    settle(
                        &here,
                        &migrator,
                        if took_effect { Ending::TookEffect(3) } else { Ending::DidNot(3) },
                    );
                }
                here.migrate(&migrator).unwrap_or_else(|error| panic!("{what}: {error:#}"));
                assert_eq!(there.number(gone.done), 1, "{what}");
                assert_eq!(there.number("SELECT n FROM counter"), 1, "{what}");
            }
        }
    }
}

#[test]
fn what_only_a_role_may_see_is_looked_for_as_that_role() {
    for server in servers(MYSQL) {
        let (here, there) = (Remote::fresh(server), Remote::fresh(server));
        let (user, role) = (format!("u{}", here.name()), format!("r{}", here.name()));
        let (user, role) = (&user[user.len().saturating_sub(30)..], &role[role.len().saturating_sub(30)..]);
        here.run(&[
            &format!("CREATE USER {user} IDENTIFIED BY 'Str0ng-enough'"),
            &format!("CREATE ROLE {role}"),
            &format!("GRANT ALL ON {}.* TO {user}", here.name()),
            &format!("GRANT ALL ON {}.* TO {role}", there.name()),
            &format!("GRANT {role} TO {user}"),
        ]);
        there.run(&["CREATE TABLE users (id INT)"]);
        here.run(&["CREATE TABLE counter (n INT)", "INSERT INTO counter VALUES (0)"]);
        let drop = format!("DROP TABLE {}.users", there.name());
        let migrator = migrator("role", &format!("SET ROLE {role};\n{drop};\n{COUNT}"));
        let url = here.url().replacen(&format!("//{}", server.user()), &format!("//{user}:Str0ng-enough"), 1);
        let locks = format!("LOCK TABLES {}.users WRITE", there.name());
        caught(&url, &here, &migrator, &[&locks]);
        let there_still = "SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = 'users'";
        assert_eq!(there.number(there_still), 1, "{server:?}");
        remote::migrate(&url, &migrator).unwrap_or_else(|error| panic!("{server:?}: {error:#}"));
        assert_eq!(there.number(there_still), 0, "{server:?}");
        assert_eq!(here.number("SELECT n FROM counter"), 1, "{server:?}");
        here.run(&[&format!("DROP USER {user}"), &format!("DROP ROLE {role}")]);
    }
}

fn tables(remote: &Remote) -> Vec<String> {
    remote.rows("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database() ORDER BY 1, 2")
}

#[test]
fn a_script_is_not_gone_on_with_in_another_database() {
    for server in servers(MYSQL) {
        let (here, there) = (start(server), start(server));
        let table = TableName::new(&format!("{}.whimbrel_history", here.name())).expect("a name");
        let with = |name| {
            migrator(name, &format!("ALTER TABLE t ADD COLUMN a INT;\n{COUNT}")).with_table(table.clone())
        };
        catch(&here, &with("moved"), &["LOCK TABLES t WRITE"]);
        let before = tables(&there);
        let error = there.migrate(&with("moved")).expect_err("it is another database");
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:#}");
        assert!(error.to_string().contains("cannot be gone on with"), "{error:#}");
        let why = error.notes().find(|(name, _)| *name == "why").expect("it says why").1.to_owned();
        assert!(why.contains(here.name()) && why.contains(there.name()), "{why}");
        assert_eq!(tables(&there), before);
        here.migrate(&with("moved")).unwrap_or_else(|error| panic!("{server:?}: {error:#}"));
        assert_eq!(here.number("SELECT n FROM counter"), 1);
    }
}

#[test]
fn what_an_older_program_has_announced_is_unknown() {
    for server in servers(MYSQL) {
        let case = case("older", "t", &[COUNT, "ALTER TABLE t ADD COLUMN a INT", COUNT], 2, Unknown);
        let remote = start(server);
        catch(&remote, &case.migrator(), &["LOCK TABLES t WRITE"]);
        // Its rows say nothing of the place.
        remote.run(&["UPDATE whimbrel_history SET mark = '2.77' WHERE mark IS NOT NULL"]);
        check_words(&remote.migrate(&case.migrator()).expect_err("in doubt"), &case, "older");
        settle(&remote, &case.migrator(), Ending::DidNot(2));
        remote.migrate(&case.migrator()).expect("settled");
        assert_eq!(remote.number("SELECT n FROM counter"), 2);
    }
}

/// Tables `q` in two schemas, and a script that goes to the second one.
fn two_schemas() -> Remote {
    let remote = postgres();
    remote.run(&["CREATE SCHEMA other", "CREATE TABLE other.q (n int)"]);
    remote
}

const ELSEWHERE: &[&str] = &["BEGIN", "INSERT INTO other.q VALUES (1)"];
const GO: &str = "-- whimbrel: no-transaction\nSET search_path = other, public;\n";

/// How many valid indexes of the name there are in a schema.
fn valid(remote: &Remote, schema: &str, index: &str) -> i64 {
    remote.number(&format!(
        "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisvalid AND c.relname = '{index}' \
         AND c.relnamespace = '{schema}'::regnamespace"
    ))
}

#[test]
fn an_index_is_looked_for_in_the_schema_that_the_script_went_to() {
    for create in
        ["CREATE INDEX CONCURRENTLY q_n ON q (n)", "CREATE INDEX CONCURRENTLY IF NOT EXISTS q_n ON q (n)"]
    {
        for took_effect in [false, true] {
            let remote = two_schemas();
            remote.run(&["CREATE INDEX q_n ON public.q (n)"]);
            let theirs = remote.number("SELECT 'public.q_n'::regclass::oid::bigint");
            let script = format!("{GO}{create};\nUPDATE counter SET n = n + 1;");
            let migrator: &'static str = Box::leak(script.into_boxed_str());
            let migrator = queue(migrator);
            caught(&remote.url(), &remote, &migrator, ELSEWHERE);
            assert_eq!(valid(&remote, "other", "q_n"), 0, "{create}");
            if took_effect {
                remote.run(&["DROP INDEX other.q_n", "CREATE INDEX q_n ON other.q (n)"]);
            }
            remote.migrate(&migrator).unwrap_or_else(|error| panic!("{create} {took_effect}: {error:#}"));
            assert_eq!(valid(&remote, "other", "q_n"), 1, "{create}");
            assert_eq!(remote.number("SELECT 'public.q_n'::regclass::oid::bigint"), theirs);
            assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
        }
    }
}

#[test]
fn an_index_is_dropped_where_the_script_went_and_nowhere_else() {
    for drop in ["DROP INDEX CONCURRENTLY q_n", "DROP INDEX CONCURRENTLY IF EXISTS q_n"] {
        for took_effect in [false, true] {
            let remote = two_schemas();
            remote.run(&["CREATE INDEX q_n ON public.q (n)", "CREATE INDEX q_n ON other.q (n)"]);
            let script = format!("{GO}{drop};\nUPDATE counter SET n = n + 1;");
            let migrator = queue(Box::leak(script.into_boxed_str()));
            caught(&remote.url(), &remote, &migrator, ELSEWHERE);
            assert_eq!(remote.number("SELECT count(*) FROM pg_class WHERE relname = 'q_n'"), 2);
            if took_effect {
                remote.run(&["DROP INDEX other.q_n"]);
            }
            remote.migrate(&migrator).unwrap_or_else(|error| panic!("{drop} {took_effect}: {error:#}"));
            assert_eq!((valid(&remote, "public", "q_n"), valid(&remote, "other", "q_n")), (1, 0), "{drop}");
            assert_eq!(remote.number("SELECT count(*) FROM pg_class WHERE relname = 'q_n'"), 1, "{drop}");
            assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
        }
    }
}

#[test]
fn an_index_is_looked_for_as_the_role_that_built_it() {
    let remote = postgres();
    let role = format!("r_{}", remote.name());
    remote.run(&[
        &format!("CREATE ROLE {role}"),
        &format!("CREATE SCHEMA {role} AUTHORIZATION {role}"),
        &format!("CREATE TABLE {role}.q (n int)"),
        &format!("ALTER TABLE {role}.q OWNER TO {role}"),
        &format!("GRANT ALL ON counter TO {role}"),
    ]);
    let migrator = queue(BUILD).with_role(role.clone());
    caught(&remote.url(), &remote, &migrator, &["BEGIN", &format!("INSERT INTO {role}.q VALUES (1)")]);
    assert_eq!(valid(&remote, &role, "q_n"), 0);
    remote.migrate(&migrator).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((valid(&remote, &role, "q_n"), valid(&remote, "public", "q_n")), (1, 0));
    assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
    remote.run(&[&format!("DROP OWNED BY {role} CASCADE"), &format!("DROP ROLE {role}")]);
}

#[test]
fn a_script_whose_search_path_cannot_be_brought_back_is_not_gone_on_with() {
    for go in [
        "SELECT set_config('search_path', 'other, public', false)",
        "DO $$BEGIN PERFORM set_config('search_path', 'other, public', false); END$$",
    ] {
        let remote = two_schemas();
        let script = format!(
            "-- whimbrel: no-transaction\n{go};\nCREATE INDEX CONCURRENTLY q_n ON q (n);\nUPDATE counter SET n = n + 1;"
        );
        let migrator = queue(Box::leak(script.into_boxed_str()));
        caught(&remote.url(), &remote, &migrator, ELSEWHERE);
        for _ in 0..2 {
            let error = remote.migrate(&migrator).expect_err("its place is lost");
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error:#}");
            assert!(error.to_string().contains("cannot be gone on with"), "{error:#}");
        }
        assert_eq!((valid(&remote, "public", "q_n"), valid(&remote, "other", "q_n")), (0, 0));
        assert_eq!(remote.number("SELECT n::bigint FROM counter"), 0);
        // What is done by hand is said so.
        remote.run(&[
            "DROP INDEX other.q_n",
            "CREATE INDEX q_n ON other.q (n)",
            "UPDATE counter SET n = n + 1",
        ]);
        let settlement = Settlement {
            version: Some(Version::new(2).expect("a version")),
            ending: Ending::Applied,
            reason: "by hand".into(),
        };
        let settled = remote::block_on(async {
            let mut driver = remote::connect(&remote.url()).await?;
            migrator.settle(&mut &mut *driver, settlement).await
        });
        settled.unwrap_or_else(|error| panic!("{error:#}"));
        remote.migrate(&migrator).unwrap_or_else(|error| panic!("{error:#}"));
    }
}

#[test]
fn what_a_rebuild_has_left_is_dropped_and_nothing_else() {
    for rebuild in ["REINDEX INDEX CONCURRENTLY q_n", "REINDEX (CONCURRENTLY) TABLE q"] {
        let remote = postgres();
        remote.run(&[
            "CREATE INDEX q_n ON q (n)",
            // Somebody else's, which was there before.
            "CREATE INDEX other_ccnew ON q (n)",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other_ccnew'::regclass",
        ]);
        let script = format!("-- whimbrel: no-transaction\n{rebuild};\nUPDATE counter SET n = n + 1;");
        let migrator = queue(Box::leak(script.into_boxed_str()));
        caught(&remote.url(), &remote, &migrator, WRITING);
        let left = "SELECT count(*) FROM pg_class WHERE relname ~ '^q_n_cc'";
        assert_eq!(remote.number(left), 1, "{rebuild}");
        remote.migrate(&migrator).unwrap_or_else(|error| panic!("{rebuild}: {error:#}"));
        assert_eq!(remote.number(left), 0, "{rebuild}");
        assert_eq!(
            remote.number("SELECT count(*) FROM pg_class WHERE relname = 'other_ccnew'"),
            1,
            "{rebuild}"
        );
        assert_eq!(remote.number(VALID), 1, "{rebuild}");
        assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
    }
}

#[test]
fn an_invalid_index_is_found_whatever_its_name() {
    let long = "L".repeat(80);
    for name in ["ÄÖÜ_By_N", long.as_str(), "\"Ä\"\"b\""] {
        let remote = postgres();
        let script = format!(
            "-- whimbrel: no-transaction\nCREATE INDEX CONCURRENTLY {name} ON q (n);\nUPDATE counter SET n = n + 1;"
        );
        let migrator = queue(Box::leak(script.into_boxed_str()));
        caught(&remote.url(), &remote, &migrator, WRITING);
        let there = "SELECT count(*) FROM pg_index WHERE indrelid = 'q'::regclass";
        assert_eq!(remote.number(there), 1, "{name}");
        remote.migrate(&migrator).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(remote.number(&format!("{there} AND indisvalid")), 1, "{name}");
        assert_eq!(remote.number(there), 1, "{name}");
    }
}

#[test]
fn nothing_was_kept_is_said_only_where_it_is_proven() {
    let remote = postgres();
    remote.run(&["INSERT INTO q VALUES (1), (1)"]);
    let build = BUILD.replace("CREATE INDEX", "CREATE UNIQUE INDEX");
    let migrator = queue(Box::leak(build.into_boxed_str()));
    let error = remote.migrate(&migrator).expect_err("its rows are not unique");
    let said = error.to_string();
    assert!(said.contains("left an invalid index") && !said.contains("nothing of it was kept"), "{said}");
    remote.run(&["DELETE FROM q"]);
    remote.migrate(&migrator).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((remote.number(VALID), remote.number("SELECT n::bigint FROM counter")), (1, 1));
    for server in servers(MYSQL) {
        let remote = start(server);
        let script = "INSERT INTO u VALUES (1);\nINSERT INTO m VALUES (1), (2);\nINSERT INTO t VALUES (1)";
        let error = remote.migrate(&super::migrator("kept", script)).expect_err("a key that is there");
        assert_eq!(remote.number("SELECT count(*) FROM m"), 2, "MyISAM keeps them");
        let said = error.to_string();
        assert!(said.contains("it is not known what of it was kept"), "{server:?}: {said}");
        let remote = start(server);
        let error = remote
            .migrate(&super::migrator("gone", "INSERT INTO u VALUES (1);\nINSERT INTO t VALUES (1)"))
            .expect_err("a key that is there");
        assert!(error.to_string().contains("nothing of it was kept"), "{server:?}: {error}");
        assert_eq!(remote.number("SELECT count(*) FROM u"), 0);
    }
}
