//! Checks of scripts that reach for what is not theirs: the next script, the history, the transaction.

use whimbrel::{Answers, Driver, ErrorClass, ErrorKind, FindingKind, Memory, Message, Migrator};

use super::TestDatabase;
use super::bench::{Bench, insert};

pub fn a_trailing_comment_without_a_line_end_swallows_nothing<T: TestDatabase>(bench: &Bench<'_, T>) {
    for transaction in bench.modes() {
        let database = bench.database();
        let memory = Memory::new()
            .with_sql(1, "items", format!("{} -- no line end", database.create("items")))
            .with_sql(2, "one", format!("{} -- no semicolon, no line end", insert("items", 1, 1)))
            .with_sql(3, "two", format!("{};-- ; INSERT", insert("items", 2, 2)))
            .with_sql(4, "three", format!(";;/* ; */ {} ;; /* ; */", insert("items", 3, 3)));
        let migrator = Migrator::new(memory).with_transaction(transaction);
        database.apply(&migrator);
        assert_eq!(database.number("SELECT COUNT(*) FROM items"), 3);
        assert_eq!(database.found().count("applied"), 4);
        database.is_up_to_date(&migrator);
    }
}

pub fn a_script_that_ends_inside_a_comment_or_a_string_is_refused<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    for tail in ["/* never closed", "'never closed", "\"never closed", "SELECT 1; \0"] {
        let memory = Memory::new()
            .with_sql(1, "items", format!("{};\n{tail}", database.create("items")))
            .with_sql(2, "closes", format!("*/ ' \" ; {}", insert("items", 1, 1)));
        let error = database.run(&Migrator::new(memory)).expect_err("it is refused");
        assert!(error.findings().iter().any(|finding| finding.kind() == FindingKind::Script), "{error:#}");
        assert_eq!(error.kind(), ErrorKind::Files);
        assert!(format!("{error:#}").contains("0001_items.sql:2:"), "{error:#}");
    }
    assert_eq!(database.found(), bench.database().found());
}

pub fn transaction_control_in_a_script_is_refused<T: TestDatabase>(bench: &Bench<'_, T>) {
    let database = bench.database();
    for control in ["COMMIT", "commit ", "ROLLBACK", "BEGIN", "/* x */ COMMIT", "-- x\nCOMMIT"] {
        let script = format!("{};\n{control};\n{};", insert("items", 1, 1), insert("items", 2, 2));
        let memory =
            Memory::new().with_sql(1, "items", database.create("items")).with_sql(2, "control", script);
        database.is_refused(&Migrator::new(memory), &[FindingKind::Script]);
    }
    assert_eq!(database.found(), bench.database().found());
}

pub fn a_script_without_statements_is_recorded_and_changes_nothing<T: TestDatabase>(bench: &Bench<'_, T>) {
    for mode in bench.modes() {
        let database = bench.database();
        let mut memory = database.many(2);
        database.apply(&Migrator::new(&memory).with_transaction(mode));
        let before = database.found();
        let empty =
            ["", "-- nothing\n", " ; ;; /* nothing */ ;", "-- whimbrel: no-transaction\n-- nothing\n"];
        for (version, script) in (3..).zip(empty) {
            memory = memory.with_sql(version, "empty", script);
        }
        let migrator = Migrator::new(&memory).with_transaction(mode);
        assert_eq!(database.apply(&migrator).migrations.len(), empty.len(), "{mode:?}");
        database.is_up_to_date(&migrator);
        let found = database.found();
        assert_eq!(found.count("applied"), before.count("applied") + empty.len(), "{mode:?}");
        assert_eq!(found.without_history(), before.without_history(), "{mode:?}");
    }
}

pub fn a_connection_inside_a_transaction_is_refused_and_left_as_it_was<T: TestDatabase>(
    bench: &Bench<'_, T>,
) {
    let database = bench.database();
    database.apply(&Migrator::new(database.many(2)));
    let scripts = [insert("items", 3, 3), database.outside()];
    for script in scripts {
        let migrator = Migrator::new(database.many(2).with_sql(3, "next", script));
        let mut driver = database.connect();
        let transaction = driver.dialect().transaction.clone();
        database.block_on(async {
            let begin = [Message::new(transaction.begin, 1)];
            driver.execute(&begin, &mut Answers::new()).await.expect("a transaction");
            driver.query(&insert("items", 77, 77), &[]).await.expect("a row");
            let error = migrator.run(&mut driver).await.expect_err("a transaction is open");
            assert_eq!(error.class(), Some(ErrorClass::InTransaction), "{error:#}");
            assert_eq!(error.kind(), ErrorKind::Configuration, "{error:#}");
            let commit = [Message::new(transaction.commit, 1)];
            driver.execute(&commit, &mut Answers::new()).await.expect("the transaction is still open");
        });
        assert_eq!(database.number("SELECT COUNT(*) FROM items WHERE id = 77"), 1);
        assert_eq!(database.found().count("applied"), 2);
        database.sql("DELETE FROM items WHERE id = 77");
    }
}
