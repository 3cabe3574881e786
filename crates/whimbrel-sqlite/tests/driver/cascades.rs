//! A `DROP TABLE` that takes rows of other tables along is refused, whatever its spelling, unless the script says so.

use super::*;

/// The schema and the data; what is run before the script on the same connection; the script; what it would take along.
struct Case {
    name: &'static str,
    setup: &'static str,
    script: &'static str,
    refused: Option<&'static str>,
}

const FAMILY: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n\
    CREATE TABLE child (p INTEGER REFERENCES parent (id) ON DELETE CASCADE);\n\
    INSERT INTO parent VALUES (1), (2);\nINSERT INTO child VALUES (1), (2);";

const fn case(
    name: &'static str,
    setup: &'static str,
    script: &'static str,
    refused: Option<&'static str>,
) -> Case {
    Case { name, setup, script, refused }
}

const CASES: &[Case] = &[
    case("plain", FAMILY, "DROP TABLE parent;", Some("child (ON DELETE CASCADE)")),
    case(
        "a rebuild",
        FAMILY,
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x);\nINSERT INTO n (id) SELECT id FROM parent;\nDROP TABLE parent;\n\
         ALTER TABLE n RENAME TO parent;",
        Some("child (ON DELETE CASCADE)"),
    ),
    case("other case, quoted", FAMILY, "drop /* x */ table if exists \"PaRent\";", Some("child")),
    case("brackets", FAMILY, "DROP TABLE [parent];", Some("child")),
    case("backticks", FAMILY, "DROP TABLE `parent`;", Some("child")),
    case("a string", FAMILY, "DROP TABLE 'parent';", Some("child")),
    case("with its schema", FAMILY, "DROP TABLE \"main\" . parent;", Some("child")),
    case("not the first statement", FAMILY, "SELECT 1;\nSELECT 2;\n DROP TABLE parent;", Some("child")),
    case(
        "set null",
        "CREATE TABLE \"a \"\"b\" (id INTEGER PRIMARY KEY);\nCREATE TABLE \"c 'd\" (p REFERENCES \"A \"\"B\" ON DELETE SET NULL);\n\
         INSERT INTO \"a \"\"b\" VALUES (1);\nINSERT INTO \"c 'd\" VALUES (1);",
        "DROP TABLE \"a \"\"B\";",
        Some("c 'd (ON DELETE SET NULL)"),
    ),
    case(
        "set default, two columns, the primary key not named",
        "CREATE TABLE parent (a, b, PRIMARY KEY (b, a));\n\
         CREATE TABLE child (x DEFAULT 7, y DEFAULT 7, FOREIGN KEY (x, y) REFERENCES parent ON DELETE SET DEFAULT);\n\
         INSERT INTO parent VALUES (1, 2), (7, 7);\nINSERT INTO child VALUES (2, 1);",
        "DROP TABLE parent;",
        Some("child (ON DELETE SET DEFAULT)"),
    ),
    case(
        "two columns of which one is null",
        "CREATE TABLE parent (a, b, PRIMARY KEY (b, a));\n\
         CREATE TABLE child (x, y, FOREIGN KEY (x, y) REFERENCES parent ON DELETE CASCADE);\n\
         INSERT INTO parent VALUES (1, 2);\nINSERT INTO child VALUES (2, NULL);",
        "DROP TABLE parent;",
        None,
    ),
    case(
        "a parent of the same script",
        "CREATE TABLE other (id INTEGER PRIMARY KEY);",
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);\n\
         CREATE TABLE child (p REFERENCES parent ON DELETE CASCADE);\nINSERT INTO parent VALUES (1);\n\
         INSERT INTO child VALUES (1);\nDROP TABLE parent;",
        Some("child"),
    ),
    case(
        "renamed by the script",
        FAMILY,
        "ALTER TABLE parent RENAME TO old;\nCREATE TABLE parent (id INTEGER PRIMARY KEY);\nDROP TABLE old;",
        Some("child"),
    ),
    case(
        "children renamed by the script",
        FAMILY,
        "ALTER TABLE child RENAME TO grown;\nDROP TABLE parent;",
        Some("grown"),
    ),
    case(
        "emptied before it is dropped",
        FAMILY,
        "CREATE TABLE n AS SELECT * FROM parent;\nDELETE FROM parent;\nDROP TABLE parent;\nALTER TABLE n RENAME TO parent;",
        Some("emptying the table parent would delete or change rows of child"),
    ),
    case(
        "emptied and filled again",
        FAMILY,
        "CREATE TEMP TABLE n AS SELECT * FROM parent;\nDELETE FROM \"main\".[Parent] WHERE 1;\n\
         INSERT INTO parent SELECT * FROM n;",
        Some("child (ON DELETE CASCADE)"),
    ),
    case(
        "emptied and filled again, outside a transaction",
        FAMILY,
        "-- whimbrel: no-transaction\nCREATE TABLE n AS SELECT * FROM parent;\nDELETE FROM parent;\n\
         INSERT INTO parent SELECT * FROM n;",
        Some("child (ON DELETE CASCADE)"),
    ),
    case("emptied, and that is all", FAMILY, "DELETE FROM parent;", None),
    case(
        "emptied and filled again, said so",
        FAMILY,
        "-- whimbrel: foreign_keys=cascade\nDELETE FROM parent;\nINSERT INTO parent VALUES (7);",
        None,
    ),
    case(
        "two levels",
        "CREATE TABLE a (id INTEGER PRIMARY KEY);\n\
         CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a ON DELETE CASCADE);\n\
         CREATE TABLE c (b REFERENCES b ON DELETE CASCADE);\nINSERT INTO a VALUES (1);\nINSERT INTO b VALUES (1, 1);\n\
         INSERT INTO c VALUES (1);",
        "PRAGMA defer_foreign_keys = ON;\nDROP TABLE a;",
        Some("b (ON DELETE CASCADE)"),
    ),
    case("the child goes first", FAMILY, "DROP TABLE child;\nDROP TABLE parent;", None),
    case("the child is emptied first", FAMILY, "DELETE FROM child;\nDROP TABLE parent;", None),
    case(
        "no rows in the child",
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);\nCREATE TABLE child (p REFERENCES parent ON DELETE CASCADE);\n\
         INSERT INTO parent VALUES (1);",
        "DROP TABLE parent;",
        None,
    ),
    case(
        "a table that refers to itself",
        "CREATE TABLE tree (id INTEGER PRIMARY KEY, up REFERENCES tree ON DELETE CASCADE);\n\
         INSERT INTO tree VALUES (1, NULL), (2, 1);",
        "DROP TABLE TREE;",
        None,
    ),
    case("it is not there", FAMILY, "DROP TABLE IF EXISTS nowhere;", None),
    case("a temporary table of the name", FAMILY, "CREATE TEMP TABLE parent (id);\nDROP TABLE parent;", None),
    case(
        "temporary tables",
        FAMILY,
        "CREATE TEMP TABLE tp (id INTEGER PRIMARY KEY);\nCREATE TEMP TABLE tc (p REFERENCES tp ON DELETE CASCADE);\n\
         INSERT INTO tp VALUES (1);\nINSERT INTO tc VALUES (1);\nDROP TABLE tp;",
        Some("tc"),
    ),
    case("said so", FAMILY, "-- whimbrel: foreign_keys=cascade\nDROP TABLE parent;", None),
    case("off", FAMILY, "-- whimbrel: foreign_keys=off\nDROP TABLE child;\nDROP TABLE parent;", None),
    case(
        "outside a transaction",
        FAMILY,
        "-- whimbrel: no-transaction\nSELECT 1;\nDROP TABLE parent;",
        Some("child"),
    ),
    case(
        "outside a transaction, switched off",
        FAMILY,
        "-- whimbrel: no-transaction\nPRAGMA foreign_keys = OFF;\nDROP TABLE parent;",
        None,
    ),
    case(
        "an attached database",
        FAMILY,
        "-- whimbrel: no-transaction\nATTACH ':memory:' AS other;\nCREATE TABLE other.ap (id INTEGER PRIMARY KEY);\n\
         CREATE TABLE other.ac (p REFERENCES ap ON DELETE CASCADE);\nINSERT INTO ap VALUES (1);\n\
         INSERT INTO ac VALUES (1);\nDROP TABLE ap;",
        Some("ac (ON DELETE CASCADE)"),
    ),
];

#[test]
fn a_dropped_table_takes_no_rows_of_others_along_unless_the_script_says_so() {
    for Case { name, setup, script, refused } in CASES {
        for transaction in [Transaction::Auto, Transaction::PerMigration] {
            let mut db = Connection::open_in_memory().expect("memory");
            db.pragma_update(None, "foreign_keys", true).expect("a setting");
            let memory = Memory::new().with_sql(1, "setup", *setup).with_sql(2, "drop", *script);
            let result = Migrator::new(&memory).with_transaction(transaction).run_blocking(&mut db);
            let Some(words) = refused else {
                result.unwrap_or_else(|error| panic!("{name}: {error:#}"));
                continue;
            };
            let Err(error) = result else { panic!("{name} was run") };
            let told = format!("{error:#}");
            assert_eq!(
                (error.kind(), error.migration()),
                (ErrorKind::Files, Some("2_drop")),
                "{name}: {told}"
            );
            assert!(told.contains(words), "{name}: {told}");
            assert!(told.contains("`-- whimbrel: foreign_keys=off`"), "{name}: {told}");
            // The first one stays, and the second may be corrected and run.
            let status = Migrator::new(Memory::new().with_sql(1, "setup", *setup)).check_blocking(&mut db);
            assert!(status.is_ok() || script.contains("no-transaction"), "{name}: {status:?}");
        }
    }
}

#[test]
fn a_name_that_is_filled_in_is_the_one_that_is_looked_at() {
    let bench = Bench::new();
    let script = "-- whimbrel: placeholders\nDROP TABLE ${table:ident};";
    let mut db = bench.lend();
    db.pragma_update(None, "foreign_keys", true).expect("a setting");
    let memory = Memory::new().with_sql(1, "setup", FAMILY).with_sql(2, "drop", script);
    let migrator = Migrator::new(&memory).with_value("table", "parent");
    let error = migrator.run_blocking(&mut db).expect_err("rows would go");
    assert!(format!("{error:#}").contains("child (ON DELETE CASCADE)"), "{error:#}");
    assert_eq!(number(&db, "SELECT count(*) FROM child"), 2);
}

#[test]
fn without_enforcement_a_table_is_dropped_as_ever() {
    let bench = Bench::new();
    let mut db = bench.lend();
    db.pragma_update(None, "foreign_keys", false).expect("a setting");
    let memory = Memory::new().with_sql(1, "setup", FAMILY).with_sql(2, "drop", "DROP TABLE parent;");
    Migrator::new(&memory).run_blocking(&mut db).expect("no row is touched");
    assert_eq!(number(&db, "SELECT count(*) FROM child"), 2);
}

#[test]
fn way_down_and_owned_connection_refuse_it_too() {
    let bench = Bench::new();
    let connection = bench.lend();
    connection.pragma_update(None, "foreign_keys", true).expect("a setting");
    let mut db = Sqlite::from_connection(connection).expect("a thread");
    let memory =
        Memory::new().with_sql(1, "setup", FAMILY).with_down(1, "DROP TABLE parent;\nDROP TABLE child;");
    let migrator = Migrator::new(&memory);
    block_on(migrator.run(&mut db)).expect("the way up");
    let error = block_on(migrator.revert_to(&mut db, None)).expect_err("the way down");
    assert!(format!("{error:#}").contains("child (ON DELETE CASCADE)"), "{error:#}");
    assert_eq!(bench.number("SELECT count(*) FROM child"), 2);
}

#[test]
fn step_in_rust_takes_no_rows_along_either() {
    for plain in [false, true] {
        let bench = Bench::new();
        let mut db = bench.lend();
        db.pragma_update(None, "foreign_keys", true).expect("a setting");
        let memory = Memory::new().with_sql(1, "setup", FAMILY).with_rust(2, "drop");
        let migrator = Migrator::new(&memory);
        let migrator = if plain {
            migrator.with_blocking_step(2, |tx| Ok(tx.execute("DROP TABLE parent", &[]).map(drop)?))
        } else {
            migrator.with_step(2, |tx| {
                Box::pin(async move {
                    tx.execute("DROP TABLE \"Parent\"", &[]).await?;
                    Ok(())
                })
            })
        };
        let error = migrator.run_blocking(&mut db).expect_err("rows would go");
        assert!(format!("{error:#}").contains("child (ON DELETE CASCADE)"), "{error:#}");
        assert_eq!(number(&db, "SELECT count(*) FROM child"), 2);
    }
}
