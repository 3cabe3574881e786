//! Whatever character sets a script, or the application's session, has chosen: the history is written and read, and what was
//! caught is judged, as if it had chosen none.

use whimbrel_tests::either::{Database, is_long};

use super::*;

/// Character sets and a collation of each: of two and four bytes a character, without ASCII's brackets, with ASCII's bytes inside
/// characters, of bytes.
const SETS: &[(&str, &str)] = &[
    ("utf16", "utf16_general_ci"),
    ("swe7", "swe7_swedish_ci"),
    ("utf32", "utf32_unicode_ci"),
    ("sjis", "sjis_japanese_ci"),
    ("binary", "binary"),
    ("ucs2", "ucs2_bin"),
    ("utf16le", "utf16le_general_ci"),
    ("gbk", "gbk_chinese_ci"),
    ("latin1", "latin1_swedish_ci"),
    ("hp8", "hp8_english_ci"),
    ("geostd8", "geostd8_general_ci"),
    ("euckr", "euckr_korean_ci"),
];

/// Statements that choose one; the last ones the servers refuse for those of [`WIDE`].
const FORMS: &[&str] = &[
    "SET character_set_connection = {set}",
    "SET collation_connection = {collation}",
    "SET character_set_results = {set}",
    "SET NAMES {set}",
    "SET CHARACTER SET {set}",
    "SET character_set_client = {set}",
];
const CLIENTS: usize = 3;
const WIDE: &[&str] = &["utf16", "utf16le", "utf32", "ucs2"];

fn statement(form: usize, (set, collation): (&str, &str)) -> String {
    FORMS[form].replace("{set}", set).replace("{collation}", collation)
}

/// The sets that a form can name.
fn sets(form: usize) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let count = if is_long() { SETS.len() } else { 5 };
    SETS[..count].iter().filter(move |(set, _)| form < CLIENTS || !WIDE.contains(set))
}

#[test]
fn a_script_in_any_character_set_is_recorded_and_the_next_one_too() {
    for server in servers(MYSQL) {
        for form in 0..FORMS.len() {
            let remote = start(server);
            let mut memory = Memory::new();
            let mut versions = 0;
            for set in sets(form) {
                versions += 1;
                let choose = statement(form, *set);
                let script = format!(
                    "{choose};\nCREATE TABLE made{versions} (n INT);\nALTER TABLE t ADD COLUMN c{versions} INT;\n\
                     DROP TABLE made{versions};\n{COUNT};"
                );
                memory = memory.with_sql(versions, "chosen", script);
            }
            // One whose data are a single transaction.
            memory = memory.with_sql(
                versions + 1,
                "data",
                format!("{};\n{COUNT};\n{COUNT};", statement(form, SETS[if form < CLIENTS { 0 } else { 1 }])),
            );
            let migrator =
                Migrator::new(memory).with_unbaselined(whimbrel::Unbaselined::Allow).with_database_messages();
            for round in 0..2 {
                let result = remote.migrate(&migrator);
                result.unwrap_or_else(|error| panic!("{server:?} {} {round}: {error:#}", FORMS[form]));
                assert_eq!(
                    remote.number("SELECT n FROM counter"),
                    versions + 2,
                    "{server:?} {}",
                    FORMS[form]
                );
            }
            let marks =
                "SELECT count(*) FROM whimbrel_history WHERE mark IS NOT NULL AND mark NOT LIKE '2|%|%|%'";
            assert_eq!(remote.number(marks), 0, "{server:?} {}", FORMS[form]);
        }
    }
}

#[test]
fn what_is_caught_behind_any_character_set_is_judged_rightly() {
    let column = "ALTER TABLE t ADD COLUMN a INT";
    for server in servers(MYSQL) {
        let all = [
            (0, SETS[0]),
            (3, SETS[1]),
            (2, SETS[0]),
            (1, SETS[1]),
            (0, SETS[2]),
            (4, SETS[3]),
            (5, SETS[3]),
            (3, SETS[4]),
        ];
        for (form, set) in &all[..if is_long() { all.len() } else { 3 }] {
            let (form, set) = (*form, *set);
            for took_effect in [false, true] {
                let choose = statement(form, set);
                let what = format!("{server:?} {choose} took effect: {took_effect}");
                let migrator = migrator("chosen", &[COUNT, &choose, column, COUNT].join(";\n"));
                let remote = start(server);
                catch(&remote, &migrator, &["LOCK TABLES t WRITE"]);
                if took_effect {
                    remote.run(&[column]);
                }
                remote.migrate(&migrator).unwrap_or_else(|error| panic!("{what}: {error:#}"));
                assert_eq!(remote.number("SELECT n FROM counter"), 2, "{what}");
                assert_eq!(remote.number("SELECT count(a) FROM t"), 0, "{what}");
            }
        }
    }
}

#[test]
fn a_session_of_the_applications_may_have_any_character_set_or_is_refused_before_anything_runs() {
    for server in servers(MYSQL) {
        for form in 0..FORMS.len() {
            for set in sets(form) {
                let choose = statement(form, *set);
                let what = format!("{server:?} {choose}");
                let made = remote::block_on(async {
                    let database = Database::on(server).await;
                    let mut db = database.open().await;
                    db.apart(&choose).await;
                    let memory = Memory::new().with_sql(1, "made", "CREATE TABLE made (n INT);").with_sql(
                        2,
                        "altered",
                        "ALTER TABLE made ADD COLUMN e INT; INSERT INTO made VALUES (1, 2);",
                    );
                    let migrator = Migrator::new(memory).with_database_messages();
                    let result = migrator.run(&mut db).await;
                    let readable = form < 2 || form == 5;
                    match (&result, readable) {
                        (Ok(_), true) => {
                            migrator.check(&mut db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                        }
                        // The client does not understand the server's answers at all.
                        (Err(error), false) if WIDE.contains(&set.0) => {
                            assert!(
                                matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Retry),
                                "{what}: {error:#}"
                            );
                            let mut fresh = database.open().await;
                            let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = database()";
                            assert_eq!(fresh.number(tables).await, 0, "{what}");
                            migrator
                                .run(&mut fresh)
                                .await
                                .unwrap_or_else(|error| panic!("{what}: {error:#}"));
                        }
                        (Err(error), false) => {
                            assert_eq!(error.kind(), ErrorKind::Configuration, "{what}: {error:#}");
                            let said = format!("{error:#}");
                            assert!(said.contains("SET NAMES utf8mb4"), "{what}: {said}");
                            // What it says to type helps.
                            db.apart("SET NAMES utf8mb4").await;
                            migrator.run(&mut db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                        }
                        (Ok(_), false) => panic!("{what}: its answers cannot be read"),
                        (Err(error), true) => panic!("{what}: {error:#}"),
                    }
                    let mut fresh = database.open().await;
                    fresh.number("SELECT count(*) FROM made").await
                });
                assert_eq!(made, 1, "{what}");
            }
        }
    }
}
