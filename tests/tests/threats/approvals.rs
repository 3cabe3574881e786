//! Row 5: what nobody has looked at is not done.

use rusqlite::Connection;
use whimbrel::{
    Approval, Approver, Digest, Driver, Error, ErrorKind, Finding, FindingKind, Memory, MigrationSet,
    Migrator, Plan, Verifier, Weight, async_trait,
};
use whimbrel_sqlite::Sqlite;
use whimbrel_tests::either::{Database, kinds};
use whimbrel_tests::memory_folder;

/// Wants an approval for each plan that drops something.
struct Careful;

#[async_trait]
impl Verifier for Careful {
    async fn check_set(&self, _: &MigrationSet) -> whimbrel::Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn check_plan(&self, plan: &Plan) -> whimbrel::Result<Vec<Finding>> {
        let drops =
            plan.items().iter().filter(|item| item.script().is_some_and(|file| file.text().contains("DROP")));
        let find = |set: &whimbrel::SetName, label: String| {
            Finding::new(FindingKind::Policy, set, label, "it drops a table").weighing(Weight::Approval)
        };
        Ok(drops.map(|item| find(item.set_name(), item.label().to_string())).collect())
    }
}

/// A service that is asked, and never has an approval, or cannot say.
struct Service {
    fails: bool,
}

#[async_trait]
impl Approver for Service {
    async fn approval(&self, _: &Plan) -> whimbrel::Result<Option<Approval>> {
        match self.fails {
            true => Err(Error::new(ErrorKind::Retry, "the service does not answer")),
            false => Ok(None),
        }
    }
}

fn before() -> Memory {
    Memory::new().with_sql(1, "t", "CREATE TABLE t (n INTEGER);").with_sql(
        2,
        "u",
        "CREATE TABLE u (n INTEGER);",
    )
}

fn drops() -> Memory {
    before().with_sql(3, "drop", "DROP TABLE t;").with_sql(4, "row", "INSERT INTO u VALUES (1);")
}

fn careful<'m>(set: Memory) -> Migrator<'m> {
    Migrator::new(set).with_verifier(Careful)
}

/// Tries to have a table dropped, on a database that has it.
async fn attack<D: Driver>(what: &str, db: &mut D) {
    careful(before()).run(db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    let plan = careful(drops()).plan(db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    let right = *plan.digest();
    let other: Digest =
        *careful(before().with_sql(3, "drop", "DROP TABLE u;")).plan(db).await.expect("a plan").digest();
    let later = *careful(drops().with_sql(5, "more", "INSERT INTO u VALUES (2);"))
        .plan(db)
        .await
        .expect("a plan")
        .digest();
    assert!(right != other && right != later);
    let attempts = [
        ("no approval", careful(drops())),
        ("of another plan", careful(drops()).with_approval(other)),
        ("of a plan that does more", careful(drops()).with_approval(later)),
        ("of the manifest's head", careful(drops()).with_approval(*drops().set().expect("a set").head())),
        ("nobody", careful(drops()).with_approver(Service { fails: false })),
        ("nobody knows", careful(drops()).with_approver(Service { fails: true })),
        (
            "the files have changed since",
            careful(drops().with_sql(5, "x", "DELETE FROM u;")).with_approval(right),
        ),
        (
            "one migration has",
            careful(before().with_sql(3, "drop", "DROP TABLE t ;").with_sql(
                4,
                "row",
                "INSERT INTO u VALUES (1);",
            ))
            .with_approval(right),
        ),
    ];
    for (attempt, migrator) in attempts {
        let error = migrator.run(db).await.expect_err(attempt);
        let refused = !error.findings().is_empty() || error.kind() == ErrorKind::Retry;
        assert!(refused, "{what}, {attempt}: {error:#}");
        let rows = db.query("SELECT n FROM t", &[]).await;
        assert!(rows.is_ok_and(|rows| rows.is_empty()), "{what}, {attempt}: the table is gone");
        let rows = db.query("SELECT n FROM u", &[]).await.expect("the other table");
        assert!(rows.is_empty(), "{what}, {attempt}: a part was done");
    }
    careful(drops()).with_approval(right).run(db).await.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    assert!(db.query("SELECT n FROM t", &[]).await.is_err(), "{what}");
    // The history tells of it, and the approval is of no use a second time.
    let details = db.query("SELECT detail FROM whimbrel_history WHERE detail LIKE '%operator%'", &[]).await;
    assert!(!details.expect("rows").is_empty(), "{what}");
    let again = drops().with_sql(6, "again", "DROP TABLE u;");
    careful(again).with_approval(right).run(db).await.expect_err("another plan");
}

#[tokio::test]
async fn threat_05_a_plan_that_wants_an_approval_is_run_with_exactly_its_own_only() {
    let folder = memory_folder();
    let path = folder.path().join("app.db");
    attack("SQLite", &mut Sqlite::open(&path).await.expect("a file")).await;
    let db = Connection::open(&path).expect("a file");
    db.query_row("SELECT count(*) FROM u", (), |row| row.get::<_, i64>(0))
        .expect("what was not approved is there");
    for kind in kinds() {
        let database = Database::new(kind).await;
        attack(&kind.to_string(), &mut database.open().await).await;
    }
}
