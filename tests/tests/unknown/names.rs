//! A name leads to one object: not to the one that is spelled nearly so, nor to what stands in its place by now, nor to the table
//! that a temporary one has hidden.

use whimbrel_testkit::ServerOptions;

use super::*;

/// A statement on an object with a near twin, which is as the object is to become.
struct Twins {
    twin: &'static [&'static str],
    made: &'static [&'static str],
    locked: &'static str,
    statement: &'static str,
}

/// Where names are told apart by their bytes.
const EXACT: &[Twins] = &[
    Twins {
        twin: &["CREATE TABLE Named (n INT, a INT)"],
        made: &["CREATE TABLE named (n INT)"],
        locked: "named",
        statement: "ALTER TABLE named ADD COLUMN a INT",
    },
    // The same letter, in one code point and in two.
    Twins {
        twin: &["CREATE TABLE `caf\u{65}\u{301}` (n INT, a INT, KEY by_n (n))"],
        made: &["CREATE TABLE `caf\u{e9}` (n INT)"],
        locked: "`caf\u{e9}`",
        statement: "CREATE INDEX by_n ON caf\u{e9} (n)",
    },
    Twins {
        twin: &["CREATE TABLE `caf\u{e9}` (n INT)"],
        made: &["CREATE TABLE `caf\u{65}\u{301}` (n INT)"],
        locked: "`caf\u{65}\u{301}`",
        statement: "DROP TABLE `caf\u{65}\u{301}`",
    },
    Twins {
        twin: &[],
        made: &["CREATE TABLE columns_of (n INT, resume INT, `a``b` INT)"],
        locked: "columns_of",
        statement: "ALTER TABLE `columns_of` ADD r\u{e9}sum\u{e9} INT",
    },
    Twins {
        twin: &[],
        made: &["CREATE TABLE columns_of (n INT, `R\u{c9}SUM\u{c9}` INT, resume INT)"],
        locked: "columns_of",
        statement: "ALTER TABLE columns_of DROP COLUMN r\u{e9}sum\u{e9}",
    },
];

/// Where they are folded to small letters.
const FOLDED: &[Twins] = &[
    Twins {
        twin: &["CREATE TABLE users (n INT, a INT)"],
        made: &["CREATE TABLE Us\u{e9}rs (n INT)"],
        locked: "us\u{e9}rs",
        statement: "ALTER TABLE US\u{c9}RS ADD COLUMN a INT",
    },
    Twins {
        twin: &["CREATE TABLE users (n INT)"],
        made: &["CREATE TABLE us\u{e9}rs (n INT)"],
        locked: "us\u{e9}rs",
        statement: "DROP TABLE Us\u{c9}rs",
    },
    Twins {
        twin: &["CREATE TABLE ix (n INT, KEY by_n (n))"],
        made: &["CREATE TABLE `\u{131}x` (n INT)"],
        locked: "`\u{131}x`",
        statement: "CREATE INDEX By_N ON `\u{131}X` (n)",
    },
    Twins {
        twin: &[],
        made: &["CREATE TABLE `stra\u{df}e` (n INT)"],
        locked: "`stra\u{df}e`",
        statement: "ALTER TABLE `Stra\u{df}e` ADD COLUMN a INT",
    },
];

fn each(server: &Server, all: &[Twins]) {
    for twins in all {
        let migrator = migrator("twins", &[COUNT, twins.statement, COUNT].join(";\n"));
        let made = || {
            let remote = start(server);
            remote.run(twins.twin);
            remote.run(twins.made);
            remote
        };
        let mut ends = Vec::new();
        for took_effect in [false, true] {
            let what = format!("{server:?} {} took effect: {took_effect}", twins.statement);
            let remote = made();
            catch(&remote, &migrator, &[&format!("LOCK TABLES {} WRITE", twins.locked)]);
            if took_effect {
                remote.run(&[twins.statement]);
            }
            remote.migrate(&migrator).unwrap_or_else(|error| panic!("{what}: {error:#}"));
            assert_eq!(remote.number("SELECT n FROM counter"), 2, "{what}");
            ends.push(lines(&remote));
        }
        // Run by hand or by the migrator, it came to the same.
        assert_eq!(ends[0], ends[1], "{server:?} {}", twins.statement);
    }
}

/// What a database holds, line by line in an order that no collation decides.
fn lines(remote: &Remote) -> Vec<String> {
    let mut lines: Vec<String> = remote.picture().lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn an_object_is_not_taken_for_one_that_is_spelled_nearly_so() {
    for server in servers(MYSQL) {
        each(server, EXACT);
    }
}

#[test]
fn names_that_a_server_folds_are_judged_as_it_folds_them() {
    for kind in MYSQL {
        let options = ServerOptions::new(*kind).with_setting("lower_case_table_names", "1");
        let server = Server::start(&options).expect("a server");
        each(&server, FOLDED);
    }
}

/// What stands in the place of the table by the time that somebody looks.
const STAND_INS: &[(&str, &str)] = &[
    ("ALTER TABLE t ADD COLUMN a INT", "CREATE VIEW t AS SELECT n, 1 AS a FROM aside"),
    ("ALTER TABLE p DROP COLUMN a", "CREATE VIEW p AS SELECT n FROM aside"),
    ("CREATE INDEX t_n ON t (n)", "CREATE VIEW t AS SELECT n FROM aside"),
    ("ALTER TABLE t ADD COLUMN a INT", "CREATE TABLE elsewhere (n INT)"),
];

#[test]
fn a_view_in_the_place_of_a_table_says_nothing_of_the_table() {
    for server in servers(MYSQL) {
        for (statement, stand_in) in STAND_INS {
            let what = format!("{server:?} {statement}, then {stand_in}");
            let table = if statement.contains(" p ") { "p" } else { "t" };
            let remote = start(server);
            remote.run(&["ALTER TABLE p ADD COLUMN a INT"]);
            let case = case("stand_in", "t", &[], 2, Unknown);
            let migrator = migrator("stand_in", &[COUNT, statement, COUNT].join(";\n"));
            catch(&remote, &migrator, &[&format!("LOCK TABLES {table} WRITE")]);
            remote.run(&[&format!("RENAME TABLE {table} TO aside"), stand_in]);
            let error = remote.migrate(&migrator).expect_err(&what);
            check_words(&error, &case, &what);
            assert_eq!(error.statement(), Some(2), "{what}: {error:#}");
            assert_eq!(remote.number("SELECT n FROM counter"), 1, "{what}");
        }
    }
}

/// How a script has its session make a temporary table `t`, unseen in its text; and whether the rest can be gone on with.
const HIDING: &[(&[&str], &str, bool)] = &[
    (&["CREATE PROCEDURE hide() CREATE TEMPORARY TABLE t (n INT)"], "CALL hide()", false),
    (
        &[
            "CREATE PROCEDURE hide() CREATE TEMPORARY TABLE t (n INT)",
            "CREATE PROCEDURE outer_one() CALL hide()",
        ],
        "CALL outer_one()",
        false,
    ),
    (
        &["CREATE PROCEDURE hide() EXECUTE IMMEDIATE concat('create temporary table ', 't', ' (n INT)')"],
        "CALL hide()",
        false,
    ),
    (
        &[
            "CREATE FUNCTION hide() RETURNS INT DETERMINISTIC BEGIN CREATE TEMPORARY TABLE t (n INT); RETURN 1; END",
        ],
        "SELECT hide() INTO @made",
        false,
    ),
    (
        &[
            "CREATE TRIGGER hide AFTER INSERT ON u FOR EACH ROW BEGIN DROP TEMPORARY TABLE IF EXISTS t; CREATE TEMPORARY TABLE t (n INT); END",
        ],
        "INSERT INTO u VALUES (7)",
        false,
    ),
    (&["CREATE PROCEDURE other() CREATE TEMPORARY TABLE other_one (n INT)"], "CALL other()", true),
    (
        &[],
        "SET @s = 'CREATE TEMPORARY TABLE t (n INT)';\nPREPARE st FROM @s;\nEXECUTE st;\nDEALLOCATE PREPARE st",
        false,
    ),
];

#[test]
fn what_a_hidden_temporary_table_has_taken_is_not_taken_of_the_table_itself() {
    for server in servers(MYSQL) {
        for (made, hide, goes_on) in HIDING {
            let what = format!("{server:?} {hide} {made:?}");
            let dynamic = made.iter().any(|sql| sql.contains("EXECUTE IMMEDIATE"));
            if dynamic && server.kind() == ServerKind::MySql {
                // MySQL has no such statement.
                continue;
            }
            let migrator = migrator(
                "hidden",
                &["CREATE TABLE first (n INT)", hide, "ALTER TABLE counter ADD COLUMN a INT", "DROP TABLE t"]
                    .join(";\n"),
            );
            let remote = start(server);
            remote.run(made);
            catch(&remote, &migrator, &["LOCK TABLES counter WRITE"]);
            let result = remote.migrate(&migrator);
            let there = remote.number(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = 't'",
            );
            if *goes_on {
                result.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                assert_eq!(there, 0, "{what}");
            } else {
                let error = result.expect_err(&what);
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{what}: {error:#}");
                assert!(error.to_string().contains("cannot be gone on with"), "{what}: {error:#}");
                assert_eq!(there, 1, "{what}");
            }
        }
    }
}

#[test]
fn a_search_path_that_a_role_was_given_meanwhile_leads_nowhere() {
    let remote = postgres();
    let role = format!("r_{}", remote.name());
    remote.run(&[
        &format!("CREATE ROLE {role} LOGIN SUPERUSER"),
        "CREATE SCHEMA other",
        "CREATE TABLE other.q (n int)",
        "CREATE INDEX q_n ON other.q (n)",
    ]);
    let url = remote.url().replacen(&format!("//{}", remote.server().user()), &format!("//{role}"), 1);
    let migrator = queue(BUILD);
    for moves in [
        format!("ALTER ROLE {role} SET search_path = other, public"),
        format!("ALTER DATABASE {} SET search_path = other, public", remote.name()),
        format!("ALTER ROLE {role} IN DATABASE {} SET search_path = other, public", remote.name()),
    ] {
        super::places::caught(&url, &remote, &migrator, WRITING);
        remote.run(&[&moves]);
        let error = remote::migrate(&url, &migrator).expect_err("another search path");
        let said = format!("{error:#}");
        assert!(
            error.kind() == ErrorKind::OutcomeUnknown && said.contains("cannot be gone on with")
                || error.kind() == ErrorKind::Configuration,
            "{moves}: {said}"
        );
        assert_eq!(remote.number("SELECT n::bigint FROM counter"), 0, "{moves}");
        remote.run(&[&moves.replace("SET search_path = other, public", "RESET search_path")]);
    }
    remote::migrate(&url, &migrator).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(remote.number(VALID), 1);
    assert_eq!(remote.number("SELECT n::bigint FROM counter"), 1);
    remote.run(&[&format!("DROP OWNED BY {role} CASCADE"), &format!("DROP ROLE {role}")]);
}

#[test]
fn what_is_caught_in_another_client_encoding_is_judged_rightly() {
    let remote = postgres();
    let script = "-- whimbrel: no-transaction\nSET client_encoding = LATIN1;\nCREATE INDEX CONCURRENTLY q_n ON q (n);\n\
                  UPDATE counter SET n = n + 1;";
    let migrator = queue(script);
    super::places::caught(&remote.url(), &remote, &migrator, WRITING);
    remote.migrate(&migrator).unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((remote.number(VALID), remote.number("SELECT n::bigint FROM counter")), (1, 1));
}
