//! Scripts on MySQL and MariaDB that end their transaction, leave something in their session, change how the session
//! works, or are larger than one message.

use std::any::Any;
use std::time::Duration;

use whimbrel::{
    Answers, Dialect, Driver, DriverError, Ending, Error, ErrorKind, FindingKind, Memory, Message, Migrator,
    Outcome, Rows, SetName, Settlement, StepKey, Unbaselined, Value, Version, async_trait,
};
use whimbrel_testkit::{Faulty, Moment, Server, ServerKind};
use whimbrel_tests::either::{Database, Either, kinds};

fn servers() -> impl Iterator<Item = ServerKind> {
    kinds().into_iter().filter(|kind| *kind != ServerKind::Postgres)
}

fn migrator<'m>(memory: &Memory) -> Migrator<'m> {
    Migrator::new(memory.clone()).with_lock_deadline(Duration::from_secs(20)).with_database_messages()
}

/// A table, and a script on it.
fn second(script: &str) -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INT NOT NULL)").with_sql(2, "script", script)
}

async fn start(kind: ServerKind) -> (Database, Either) {
    let database = Database::new(kind).await;
    let mut db = database.open().await;
    let first = Memory::new().with_sql(1, "t", "CREATE TABLE t (n INT NOT NULL)");
    migrator(&first).run(&mut db).await.unwrap_or_else(|error| panic!("{error:#}"));
    (database, db)
}

/// Rows of `t`, and whether the script is in force.
async fn state(database: &Database) -> (i64, i64) {
    let mut db = database.open().await;
    let rows = db.number("SELECT count(*) FROM t").await;
    (rows, db.number("SELECT count(*) FROM whimbrel_history WHERE event = 'applied' AND version = 2").await)
}

async fn settle(db: &mut Either, memory: &Memory, ending: Ending) {
    let version = Some(Version::new(2).expect("a version"));
    let settlement = Settlement { version, ending, reason: "looked".into() };
    migrator(memory).settle(db, settlement).await.unwrap_or_else(|error| panic!("{error:#}"));
}

/// Errors with a SQLSTATE that says nothing. What the statement would have made is looked at, where the number says nothing
/// either.
#[tokio::test]
async fn a_definition_that_cannot_be_leaves_nothing_and_is_corrected() {
    for kind in servers() {
        let own = match kind {
            ServerKind::MariaDb => {
                ["CREATE TABLE s (a INT, b STRNG)", "CREATE PROCEDURE p() BEGIN DECLARE x STRNG; END"]
            }
            _ => ["CREATE TABLE s (a INT) KEY_BLOCK_SIZE = 3", "CREATE TABLE s (a INT, CHECK (a > @b))"],
        };
        let comment = format!("CREATE TABLE s (a INT COMMENT '{}')", "x".repeat(2000));
        let all = [
            "CREATE VIEW s AS SELECT @a",
            "ALTER TABLE t MODIFY n BIGINT, ALGORITHM = NOPE",
            "CREATE TRIGGER s BEFORE INSERT ON t FOR EACH ROW FOLLOWS nope SET @a = 1",
            "SET time_zone = 'nope/nope'",
            &comment,
        ];
        for bad in own.into_iter().chain(all) {
            let (database, mut db) = start(kind).await;
            let error = migrator(&second(bad)).run(&mut db).await.expect_err(bad);
            let text = format!("{error:#}");
            assert_eq!(error.kind(), ErrorKind::Files, "{kind}, {bad}: {text}");
            assert!(
                text.contains("nothing of it was kept") && error.is_outcome_known(),
                "{kind}, {bad}: {text}"
            );
            let mut db = database.open().await;
            let corrected = second("CREATE TABLE s (n INT)");
            let report = migrator(&corrected).run(&mut db).await;
            report.unwrap_or_else(|error| panic!("{kind}, {bad}: {error:#}"));
            assert_eq!(state(&database).await, (0, 1), "{kind}, {bad}");
        }
    }
}

#[tokio::test]
async fn a_statement_in_doubt_is_settled_also_in_a_set_that_is_not_the_last() {
    for kind in servers() {
        let (database, mut db) = start(kind).await;
        // Of two tables the first is dropped on MariaDB, and it is not known of both.
        db.run("CREATE TABLE gone (n INT)").await;
        let lib = Memory::new().with_set(SetName::new("lib").expect("a name")).with_sql(
            2,
            "drops",
            "DROP TABLE gone, other",
        );
        let app = second("CREATE TABLE u (n INT)");
        let all = || Migrator::new(lib.clone()).and(app.clone()).with_unbaselined(Unbaselined::Allow);
        let error = all().run(&mut db).await.expect_err("a table is missing");
        assert!(!error.is_outcome_known(), "{kind}: {error:#}");
        assert!(format!("{error:#}").contains("next: run again"), "{kind}: {error:#}");
        let error = all().run(&mut db).await.expect_err("it is in doubt");
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{kind}: {error:#}");
        for sql in ["CREATE TABLE other (n INT)", "CREATE TABLE IF NOT EXISTS gone (n INT)"] {
            db.run(sql).await;
        }
        let settlement =
            Settlement { version: Version::new(2), ending: Ending::DidNot(1), reason: "looked".into() };
        all().settle(&mut db, settlement).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        let report = all().run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.outcome, Outcome::Applied, "{kind}: {report}");
        assert_eq!(state(&database).await, (0, 2), "{kind}");
    }
}

/// A driver that sends another statement in the place of `DO 7700`: one that no guard has seen.
struct Smuggling<D> {
    inner: D,
    statement: &'static str,
}

#[async_trait]
impl<D: Driver> Driver for Smuggling<D> {
    fn dialect(&self) -> &Dialect {
        self.inner.dialect()
    }

    async fn execute(
        &mut self,
        messages: &[Message<'_>],
        answers: &mut Answers<'_>,
    ) -> Result<(), DriverError> {
        let other = |message: &Message<'_>| {
            Message::new(message.sql.replace("DO 7700", self.statement), message.statements)
                .with_programs(message.programs.clone())
        };
        let others: Vec<Message<'_>> = messages.iter().map(other).collect();
        self.inner.execute(&others, answers).await
    }

    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Rows, DriverError> {
        self.inner.query(sql, values).await
    }

    async fn pause(&mut self, time: Duration) {
        self.inner.pause(time).await;
    }

    fn native(&mut self) -> &mut (dyn Any + Send) {
        self.inner.native()
    }

    fn close(&mut self) {
        self.inner.close();
    }
}

#[tokio::test]
async fn control_that_a_version_comment_hides_is_refused_before_anything_runs() {
    for kind in servers() {
        for hidden in [
            "/*!99999 DO */ COMMIT",
            "/*!999999 DO */ COMMIT",
            "/*!50700 DO */ COMMIT",
            "/*!99999 ROLLBACK TO x */ /*! */ COMMIT AND CHAIN",
            "SET /*!80000 @a = 1, @ */ autocommit = 1",
            "/*M!999999 DO */ COMMIT",
            "SET sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES'); INSERT INTO t VALUES ('\\'); COMMIT; -- ')",
        ] {
            let (database, mut db) = start(kind).await;
            let script = format!("INSERT INTO t VALUES (1);\n{hidden};\nINSERT INTO nowhere VALUES (2);");
            let error = migrator(&second(&script)).run(&mut db).await.expect_err(hidden);
            let found = error.findings().first().map(|finding| finding.kind());
            // To MySQL a comment of MariaDB's is one like any other, so `COMMIT` stands there for everybody to see.
            assert_eq!(found, Some(FindingKind::Script), "{kind} {hidden}: {error:#}");
            assert_eq!(state(&database).await, (0, 0), "{kind} {hidden}");
        }
    }
}

#[tokio::test]
async fn a_statement_that_some_servers_read_as_ddl_commits_with_no_row_in_doubt() {
    for kind in servers() {
        let (database, db) = start(kind).await;
        let memory =
            second("INSERT INTO t VALUES (1);\n/*!999999 DO */ TRUNCATE TABLE t;\nINSERT INTO t VALUES (3);");
        let mut faulty = Faulty::new(db, usize::MAX, Moment::Before);
        migrator(&memory).run(&mut faulty).await.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(state(&database).await, (1, 1), "{kind}");
        // It is a script of statements that commit themselves: each has its row.
        let mut db = database.open().await;
        let rows = "SELECT count(*) FROM whimbrel_history WHERE event = 'statement' AND version = 2";
        assert_eq!(db.number(rows).await, 2, "{kind}");
    }
}

#[tokio::test]
async fn a_transaction_that_was_ended_from_inside_is_told_and_never_run_again_by_itself() {
    let failing =
        "INSERT INTO t VALUES (1);\nDO 7700;\nINSERT INTO t VALUES (2);\nINSERT INTO nowhere VALUES (3);";
    let sound = "INSERT INTO t VALUES (1);\nDO 7700;\nINSERT INTO t VALUES (2);";
    for kind in servers() {
        for (statement, script, kept) in [
            ("COMMIT", failing, 2),
            ("COMMIT", sound, 2),
            ("ROLLBACK", sound, 1),
            ("COMMIT AND CHAIN", sound, 1),
            ("CREATE TABLE u (n INT)", failing, 2),
        ] {
            let what = format!("{kind} {statement}");
            let (database, db) = start(kind).await;
            let memory = second(script);
            let mut smuggling = Smuggling { inner: db, statement };
            let error = migrator(&memory).run(&mut smuggling).await.expect_err(&what);
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{what}: {error:#}");
            let said = format!("{error:#}");
            assert!(
                said.contains("has ended the transaction") && !said.contains("nothing of it"),
                "{what}: {said}"
            );
            assert!(said.contains("kept"), "{what}: {said}");
            for piece in [
                "look what the database has; end it or undo it by hand; then `settle` ",
                " with `Ending::Applied` or `Ending::Undone`, and a reason; take what ends transactions out of the file",
            ] {
                assert!(said.contains(piece), "{what}: {said}");
            }
            assert_eq!(state(&database).await, (kept, 0), "{what}");
            // Nobody knows what was kept, so it is not run again until somebody has looked.
            let mut db = database.open().await;
            for _ in 0..2 {
                let error = migrator(&memory).run(&mut db).await.expect_err(&what);
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{what}: {error:#}");
                assert!(format!("{error:#}").contains("`Ending::Undone`"), "{what}: {error:#}");
            }
            assert_eq!(state(&database).await, (kept, 0), "{what}");
            db.run("DELETE FROM t").await;
            settle(&mut db, &memory, Ending::Undone).await;
            let mended = second("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);");
            migrator(&mended).run(&mut db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
            assert_eq!(state(&database).await, (2, 1), "{what}");
        }
    }
}

/// Scripts with programs; the last two of a pair: what `t` holds afterwards, and the statements that may be in doubt.
fn programs(kind: ServerKind) -> Vec<(&'static str, &'static str, &'static [usize])> {
    let mut all: Vec<(&str, &str, &[usize])> = vec![
        (
            "CALL fill(1); CALL rows_and_fill(2); CREATE TABLE u (n INT); CALL leaves_open(3); INSERT INTO t VALUES (5); \
             CALL leaves_open(4)",
            "5|15|\n",
            &[],
        ),
        (
            "SET @s = (SELECT IF(count(*) = 0, 'ALTER TABLE t ADD c INT', 'SELECT 1') FROM information_schema.columns \
             WHERE table_schema = database() AND table_name = 't' AND column_name = 'c');\n\
             PREPARE st FROM @s; EXECUTE st; DEALLOCATE PREPARE st; INSERT INTO t (n) VALUES (4)",
            "1|4|\n",
            &[3],
        ),
    ];
    if kind == ServerKind::MariaDb {
        all.push((
            "BEGIN NOT ATOMIC SELECT 1; INSERT INTO t VALUES (1); SELECT 2, 3; END;\n\
             IF 1 THEN SELECT 1; INSERT INTO t VALUES (2); END IF;\n\
             FOR i IN 1..2 DO INSERT INTO t VALUES (i); SELECT i; END FOR;\n\
             WHILE (SELECT count(*) FROM t) < 6 DO INSERT INTO t VALUES (9); END WHILE",
            "6|24|\n",
            &[],
        ));
    }
    all
}

const PROGRAMS: &str = "CREATE TABLE t (n INT NOT NULL);\n\
    CREATE PROCEDURE fill(IN x INT) INSERT INTO t VALUES (x);\n\
    DELIMITER //\n\
    CREATE PROCEDURE rows_and_fill(IN x INT) BEGIN SELECT 1, 2; INSERT INTO t VALUES (x); SELECT n FROM t; END//\n\
    CREATE PROCEDURE leaves_open(IN x INT) BEGIN START TRANSACTION; INSERT INTO t VALUES (x); END//\n";

fn with_programs(script: &str) -> Memory {
    Memory::new().with_sql(1, "t", PROGRAMS).with_sql(2, "script", script)
}

/// Runs until it is done, and settles what is in doubt by looking. Answers the statements that were.
async fn arrive(database: &Database, memory: &Memory, what: &str) -> Vec<usize> {
    let mut doubted = Vec::new();
    for _ in 0..4 {
        let mut db = database.open().await;
        let error: Error = match migrator(memory).run(&mut db).await {
            Ok(_) => return doubted,
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{what}: {error:#}");
        let statement = error.statement().expect("a statement");
        doubted.push(statement);
        let columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = database() AND table_name = 't'";
        let took = db.number(columns).await > 1;
        let ending = if took { Ending::TookEffect(statement) } else { Ending::DidNot(statement) };
        settle(&mut db, memory, ending).await;
    }
    panic!("{what}: it does not arrive");
}

/// F4
#[tokio::test]
async fn wherever_the_client_dies_programs_that_were_not_sent_are_not_in_doubt() {
    for kind in servers() {
        for (script, expected, doubtful) in programs(kind) {
            let memory = with_programs(script);
            for moment in [Moment::Before, Moment::After] {
                for call in 1.. {
                    let what = format!("{kind} {moment:?} {call}: {script}");
                    let database = Database::new(kind).await;
                    let first = Memory::new().with_sql(1, "t", PROGRAMS);
                    let mut db = database.open().await;
                    migrator(&first).run(&mut db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                    let mut faulty = Faulty::new(db, call, moment);
                    let result = migrator(&memory).run(&mut faulty).await;
                    let failed = faulty.failed();
                    drop(faulty);
                    let doubted = arrive(&database, &memory, &what).await;
                    // What was never sent is never in doubt. Behind what is executed its row is in the next packet.
                    assert!(doubted.iter().all(|it| doubtful.contains(it)), "{what}: {doubted:?}");
                    let mut db = database.open().await;
                    assert_eq!(db.lines("SELECT count(*), sum(n) FROM t").await, expected, "{what}");
                    if !failed {
                        result.unwrap_or_else(|error| panic!("{what}: {error:#}"));
                        break;
                    }
                }
            }
        }
    }
}

/// B4
#[tokio::test]
async fn a_large_script_of_data_that_was_cut_off_is_run_by_the_next_run() {
    for kind in servers() {
        let mut script = String::new();
        for n in 0..1_800_usize {
            let padding: String =
                (0..1_400_usize).map(|at| char::from(b'a' + ((n + at * 7) % 26) as u8)).collect();
            script.push_str(&format!("INSERT INTO big VALUES ({n}, '{padding}');\n"));
        }
        let first = Memory::new().with_sql(1, "big", "CREATE TABLE big (n INT, s VARCHAR(2000))");
        let memory = first.clone().with_sql(2, "fill", script);
        let (database, mut db) = (Database::new(kind).await, None);
        for call in 1.. {
            let mut open = database.open().await;
            migrator(&first).run(&mut open).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
            let mut faulty = Faulty::new(open, call, Moment::Before);
            migrator(&memory).run(&mut faulty).await.expect_err("it was cut off");
            let mut open = database.open().await;
            let begun = "SELECT count(*) FROM whimbrel_history WHERE version = 2 AND event = 'begun'";
            if open.number(begun).await == 1 {
                db = Some(open);
                break;
            }
        }
        let mut db = db.expect("a call behind the row");
        assert_eq!(db.number("SELECT count(*) FROM big").await, 0, "{kind}");
        migrator(&memory).run(&mut db).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(db.number("SELECT count(*) FROM big").await, 1_800, "{kind}");
    }
}

/// A server of its own whose messages are at most 1 MiB.
/// B5. What is larger, of smaller statements, is in `bounded.rs`, on a server that takes messages of 1 MiB.
pub(super) async fn a_statement_larger_than_a_message_is_refused_before_its_script_begins(server: &Server) {
    let (database, kind) = (Database::on(server).await, server.kind());
    let script = format!("INSERT INTO t VALUES (1);\nDO length('{}');", "x".repeat(1 << 20));
    let error = migrator(&second(&script)).run(&mut database.open().await).await.expect_err("too large");
    assert_eq!(error.statement(), Some(2), "{kind}: {error:#}");
    assert!(format!("{error:#}").contains("max_allowed_packet"), "{kind}: {error:#}");
    assert_eq!(state(&database).await, (0, 0), "{kind}");
    let smaller = second("INSERT INTO t VALUES (1)");
    migrator(&smaller).run(&mut database.open().await).await.unwrap_or_else(|error| panic!("{error:#}"));
}

/// C
#[tokio::test]
async fn what_changes_how_the_session_works_does_not_stand_in_the_way_of_the_history() {
    for kind in servers() {
        for script in [
            "SET character_set_connection = utf16; CREATE TABLE u (n INT); ALTER TABLE u ADD m INT; INSERT INTO t VALUES (1)",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE; INSERT INTO t VALUES (1)",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE; CREATE TABLE u (n INT); INSERT INTO t VALUES (1)",
            "SET sql_log_bin = 0; INSERT INTO t VALUES (1)",
            "SET sql_log_bin = 0; CREATE TABLE u (n INT); SET sql_log_bin = 1; INSERT INTO t VALUES (1)",
        ] {
            let (database, mut db) = start(kind).await;
            let memory = second(script);
            migrator(&memory).run(&mut db).await.unwrap_or_else(|error| panic!("{kind} {script}: {error:#}"));
            assert_eq!(state(&database).await, (1, 1), "{kind} {script}");
        }
        for script in [
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; INSERT INTO t VALUES (1)",
            "SET @@transaction_isolation = 'SERIALIZABLE'; INSERT INTO t VALUES (1)",
            "CREATE TABLE u (n INT); SET max_join_size = 1; INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (1); SELECT RELEASE_ALL_LOCKS()",
        ] {
            let (database, mut db) = start(kind).await;
            let error = migrator(&second(script)).run(&mut db).await.expect_err(script);
            assert_eq!(error.findings()[0].kind(), FindingKind::Script, "{kind} {script}: {error:#}");
            assert_eq!(state(&database).await, (0, 0), "{kind} {script}");
        }
    }
}

/// C
#[tokio::test]
async fn several_statements_in_one_call_of_a_step_are_refused() {
    for kind in kinds() {
        let database = Database::new(kind).await;
        let mut db = database.open().await;
        let memory =
            Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER NOT NULL);").with_rust(2, "fill");
        let error = Migrator::new(memory)
            .with_step(StepKey::new(2), |tx| {
                Box::pin(async move {
                    tx.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", &[]).await?;
                    Ok(())
                })
            })
            .run(&mut db)
            .await
            .expect_err("several statements");
        assert!(format!("{error:#}").contains("2 statements in one call"), "{kind}: {error:#}");
        assert_eq!(db.number("SELECT count(*) FROM t").await, 0, "{kind}");
    }
}

/// What stands first may be run again; what stands behind it in the transaction, and is not taken back by it, may not.
#[tokio::test]
async fn data_that_no_rollback_takes_back_is_in_doubt_whatever_the_script_begins_with() {
    for kind in servers() {
        for first in ["SET @a = 1", "SET SESSION sort_buffer_size = 262144", "DO 0", "SELECT 1", "USE `{}`"] {
            let (database, mut db) = start(kind).await;
            db.run("CREATE TABLE kept (n INT) ENGINE = MyISAM").await;
            let first = first.replace("{}", &database.name);
            let script = format!("{first};\nINSERT INTO kept VALUES (1);\nINSERT INTO nowhere VALUES (2);");
            let memory = second(&script);
            let error = migrator(&memory).run(&mut db).await.expect_err("a table that is not there");
            assert!(error.to_string().contains("not known what of it was kept"), "{kind} {first}: {error:#}");
            let error = migrator(&memory).run(&mut db).await.expect_err("a row is there");
            assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{kind} {first}: {error:#}");
            assert_eq!(db.number("SELECT count(*) FROM kept").await, 1, "{kind} {first}");
        }
    }
}
