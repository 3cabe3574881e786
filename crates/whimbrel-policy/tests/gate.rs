//! The policy as a verifier of runs on a server: what is refused, approved, noted. The rules are tested elsewhere.

use whimbrel::{DatabaseUrl, FindingKind, Memory, Migrator, Plan, Report, Result, Transaction, Weight};
use whimbrel_policy::Policy;
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{Server, ServerKind};

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text, fax text);\n\
                     CREATE INDEX users_name ON users (name);\n\
                     ALTER TABLE users ALTER COLUMN name SET NOT NULL;\n\
                     INSERT INTO users VALUES (1, 'Ada', NULL);";

/// A database that the first migration has built.
struct Built {
    runtime: tokio::runtime::Runtime,
    url: DatabaseUrl,
}

impl Built {
    fn new() -> Self {
        let server = Server::shared(ServerKind::Postgres).expect("a server");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let name = Server::unique_name();
        let url = runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls)
                    .await
                    .expect("a connection");
            tokio::spawn(connection);
            client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
            DatabaseUrl::parse(&server.url(&name)).expect("a URL")
        });
        let built = Self { runtime, url };
        built
            .run(Memory::new().with_sql(1, "users", USERS), |it| it)
            .expect("an empty database takes everything");
        built
    }

    fn run(&self, set: Memory, with: impl for<'a> Fn(Migrator<'a>) -> Migrator<'a>) -> Result<Report> {
        let policy = Policy::new();
        self.runtime.block_on(async {
            let mut db = Postgres::connect(&self.url).await?;
            with(Migrator::new(&set).with_verifier(&policy)).run(&mut db).await
        })
    }

    fn plan(&self, set: &Memory) -> Result<Plan> {
        let policy = Policy::new();
        self.runtime.block_on(async {
            let mut db = Postgres::connect(&self.url).await?;
            Migrator::new(set).with_verifier(&policy).plan(&mut db).await
        })
    }
}

#[test]
fn an_empty_database_is_built_and_a_full_one_is_protected() {
    let built = Built::new();
    let users = || Memory::new().with_sql(1, "users", USERS);
    // The same statement as in the first migration, on a table that others use by now.
    let index = users().with_sql(2, "index", "CREATE INDEX users_fax ON users (fax);");
    let refused = built.run(index, |it| it).expect_err("it blocks writers");
    let [finding] = refused.findings() else { panic!("{refused}") };
    assert_eq!((finding.kind(), finding.weight()), (FindingKind::Policy, Weight::Refusal));
    assert!(finding.message().starts_with("index-not-concurrently: "), "{finding}");
    // The first script is known, though it is applied already: the column is NOT NULL.
    let again = users().with_sql(2, "again", "ALTER TABLE users ALTER COLUMN name SET NOT NULL;");
    built.run(again, |it| it).expect("nothing is read for it");
}

#[test]
fn what_one_migration_locks_is_locked_until_the_transaction_that_it_shares_ends() {
    let built = Built::new();
    let set = || {
        Memory::new()
            .with_sql(1, "users", USERS)
            .with_sql(2, "mail", "ALTER TABLE users ADD COLUMN mail text;")
            .with_sql(3, "fill", "UPDATE users SET mail = '';")
    };
    let refused =
        built.run(set(), |migrator| migrator.with_transaction(Transaction::PerRun)).expect_err("it waits");
    assert!(refused.findings().iter().any(|it| it.message().starts_with("work-under-lock: ")), "{refused}");
    built.run(set(), |it| it).expect("each has a transaction of its own");
}

#[test]
fn what_loses_data_wants_the_approval_of_exactly_this_plan() {
    let built = Built::new();
    let set = || {
        Memory::new().with_sql(1, "users", USERS).with_sql(2, "no_fax", "ALTER TABLE users DROP COLUMN fax;")
    };
    let refused = built.run(set(), |it| it).expect_err("nobody has approved it");
    assert_eq!(refused.findings()[0].weight(), Weight::Approval);
    let plan = built.plan(&set()).expect("a plan can be shown");
    assert!(plan.to_string().contains("drop-column"), "{plan}");
    let digest = *plan.digest();
    built.run(set(), |migrator| migrator.with_approval(digest)).expect("it is approved");
}

#[test]
fn what_is_waived_is_in_the_notes_of_the_plan() {
    let built = Built::new();
    let script =
        "-- whimbrel: allow drop-column because nobody has one any more\nALTER TABLE users DROP COLUMN fax;";
    let set = || Memory::new().with_sql(1, "users", USERS).with_sql(2, "no_fax", script);
    let plan = built.plan(&set()).expect("a plan");
    let [note] = plan.notes() else { panic!("{:?}", plan.notes()) };
    assert_eq!(note.weight(), Weight::Note);
    assert!(note.message().ends_with("allowed because nobody has one any more"), "{note}");
    built.run(set(), |it| it).expect("it is waived");
}
