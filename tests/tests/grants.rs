//! The rights that a migrator needs once its history is there, and that they let it add to the history and nothing else:
//! the grants of `docs/history.md`.

use whimbrel::{Ending, ErrorClass, ErrorKind, Memory, Migrator, Outcome, Settlement, TableName, Version};
use whimbrel_testkit::ServerKind;
use whimbrel_tests::either::{Database, Either, kinds};

/// A database with a history that somebody else owns, and a user with the grants of the page.
struct Kept {
    /// The superuser, who may do everything.
    admin: Either,
    migrator: Either,
    table: String,
}

impl Kept {
    async fn new(kind: ServerKind) -> Self {
        let database = Database::new(kind).await;
        let mut admin = database.open().await;
        let user = database.user().await;
        let name = &database.name;
        let keep = if kind == ServerKind::Postgres { "ops".to_owned() } else { format!("{name}_ops") };
        let table = format!("{keep}.whimbrel_history");
        admin.run(&format!("CREATE SCHEMA {keep}")).await;
        Migrator::new(set(1)).with_table(named(&table)).run(&mut admin).await.expect("the owner's first run");
        let grants = match kind {
            ServerKind::Postgres => vec![
                format!("GRANT USAGE ON SCHEMA {keep} TO {user}"),
                format!("GRANT SELECT, INSERT ON {table} TO {user}"),
                format!("GRANT USAGE, CREATE ON SCHEMA public TO {user}"),
                format!("GRANT SELECT, INSERT ON public.t TO {user}"),
            ],
            _ => vec![
                format!("GRANT SELECT, INSERT ON {table} TO {user}"),
                format!("GRANT ALL ON {name}.* TO {user}"),
            ],
        };
        for grant in grants {
            admin.run(&grant).await;
        }
        let migrator = Database::connect(&database.url_of(&user)).await;
        Self { admin, migrator, table }
    }

    fn with<'m>(&self, memory: Memory) -> Migrator<'m> {
        Migrator::new(memory).with_table(named(&self.table))
    }
}

fn named(table: &str) -> TableName {
    TableName::new(table).expect("a name")
}

fn set(count: i64) -> Memory {
    [
        (1, "t", "CREATE TABLE t (n INTEGER);"),
        (2, "u", "CREATE TABLE u (n INTEGER);\nINSERT INTO t VALUES (1);"),
        (3, "v", "CREATE TABLE v (n INTEGER);"),
    ]
    .into_iter()
    .filter(|(version, ..)| *version <= count)
    .fold(Memory::new(), |memory, (version, name, script)| memory.with_sql(version, name, script))
}

#[tokio::test]
async fn with_the_right_to_read_and_to_add_every_verb_works() {
    for kind in kinds() {
        let mut kept = Kept::new(kind).await;
        let boot = kept.with(set(1)).run(&mut kept.migrator).await.expect("a boot");
        assert_eq!((boot.outcome, boot.queries), (Outcome::UpToDate, 1), "{kind}");
        let down =
            || set(3).with_down(3, "DROP TABLE v;").with_repeatable("again", "INSERT INTO t VALUES (9);");
        let all = kept.with(down());
        assert_eq!(all.status(&mut kept.migrator).await.expect("a status").sets.len(), 1);
        assert_eq!(all.plan(&mut kept.migrator).await.expect("a plan").items().len(), 3);
        all.check(&mut kept.migrator).await.expect_err("something is pending");
        let report = all.run(&mut kept.migrator).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert_eq!(report.migrations.len(), 3, "{kind}");
        all.wait(&mut kept.migrator).await.expect("nothing is pending");
        all.redo(&mut kept.migrator).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        all.revert_to(&mut kept.migrator, Version::new(2)).await.expect("a way down");

        // What fails outside transactions leaves work open, which is settled.
        let script = "-- whimbrel: no-transaction\nCREATE TABLE w (n INTEGER);\nCREATE TABLE w (n INTEGER);";
        let failing =
            kept.with(set(2).with_repeatable("again", "INSERT INTO t VALUES (9);").with_sql(4, "w", script));
        let error = failing.run(&mut kept.migrator).await.expect_err("it is there already");
        assert_eq!(error.statement(), Some(2), "{kind}: {error:#}");
        let settlement =
            Settlement { version: Version::new(4), ending: Ending::Applied, reason: "it is there".into() };
        failing.settle(&mut kept.migrator, settlement).await.expect("it is open");
        failing.run(&mut kept.migrator).await.unwrap_or_else(|error| panic!("{kind}: {error:#}"));

        // What the owner has changed is found, and vouched for, without a right to change it.
        failing.verify_history(&mut kept.migrator, &[]).await.expect("nobody has touched it");
        kept.admin.run(&format!("UPDATE {} SET who = 'v1 user=nobody' WHERE seq = 1", kept.table)).await;
        let error = failing.verify_history(&mut kept.migrator, &[]).await.expect_err("it was touched");
        assert_eq!(error.kind(), ErrorKind::Database, "{error:#}");
        failing.repair(&mut kept.migrator, "looked at").await.expect("it is recorded");
        failing.verify_history(&mut kept.migrator, &[]).await.expect("somebody has vouched for it");
    }
}

#[tokio::test]
async fn nothing_of_the_history_can_be_changed_with_them_not_even_by_a_migration() {
    for kind in kinds() {
        let mut kept = Kept::new(kind).await;
        let table = kept.table.clone();
        let last = kept.admin.number(&format!("SELECT max(seq) FROM {table}")).await;
        let there = format!("SELECT * FROM {table} WHERE seq <= {last} ORDER BY set_name, seq");
        let before = kept.admin.lines(&there).await;
        let attacks = [
            format!("UPDATE {table} SET who = 'v1'"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE TABLE {table}"),
            format!("ALTER TABLE {table} ADD COLUMN more INTEGER"),
            format!("DROP TABLE {table}"),
            format!("CREATE TRIGGER mine BEFORE INSERT ON {table} FOR EACH ROW SET NEW.who = 'v1'"),
            format!("INSERT INTO {table} SELECT * FROM {table}"),
        ];
        for (attack, version) in attacks.iter().zip(2..) {
            if kind == ServerKind::Postgres && attack.starts_with("CREATE TRIGGER") {
                continue;
            }
            let denied = kept.migrator.try_run(attack).await.expect_err(attack);
            let wanted =
                if attack.starts_with("INSERT") { ErrorClass::Constraint } else { ErrorClass::Permission };
            assert_eq!(denied.class(), wanted, "{kind}: {attack}: {denied}");
            let memory = set(1).with_sql(version, "attack", format!("{attack};"));
            let error = kept.with(memory).run(&mut kept.migrator).await.expect_err(attack);
            assert_eq!(error.class(), Some(wanted), "{kind}: {attack}: {error:#}");
            assert_eq!(kept.admin.lines(&there).await, before, "{kind}: {attack}");
            if kind != ServerKind::Postgres {
                // The script was announced, and has failed.
                let undone = Settlement {
                    version: Version::new(version),
                    ending: Ending::Undone,
                    reason: "it was refused".into(),
                };
                let memory = set(1).with_sql(version, "attack", format!("{attack};"));
                kept.with(memory).settle(&mut kept.migrator, undone).await.expect("it is open");
            }
        }
        kept.with(set(1)).verify_history(&mut kept.migrator, &[]).await.expect("nobody has touched it");
    }
}
