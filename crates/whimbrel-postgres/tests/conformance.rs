//! The whole conformance suite, each check on a database of its own: over a connection that the driver opens, and over a
//! client of the application's.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Runtime;
use whimbrel::{StepFuture, StepTransaction};
use whimbrel_postgres::Postgres;
use whimbrel_postgres::tokio_postgres::{Client, Config, NoTls};
use whimbrel_testkit::{Scripts, TestDatabase};

/// The schema of the application.
const SCHEMA: &str = "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text \
                      FROM information_schema.columns \
                      WHERE table_schema = 'public' AND table_name <> 'whimbrel_history' \
                      UNION ALL SELECT tablename::text, indexname::text, indexdef::text, '' \
                      FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'whimbrel_history'";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn server() -> Config {
    let url = std::env::var("WHIMBREL_POSTGRES_URL").expect("WHIMBREL_POSTGRES_URL names a server for tests");
    url.parse().expect("a URL")
}

/// A database of its own, gone at the end.
struct Fresh {
    name: String,
}

impl Fresh {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("conformance_{}_{number}", std::process::id());
        administer(&format!("CREATE DATABASE {name}"));
        Self { name }
    }

    fn config(&self) -> Config {
        server().dbname(self.name.as_str()).to_owned()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn administer(sql: &str) {
    RUNTIME.block_on(async {
        let client = Postgres::connect_with(&server(), NoTls).await.and_then(Postgres::into_client);
        client.expect("a connection").batch_execute(sql).await.expect("SQL of an administrator");
    });
}

fn scripts() -> Scripts {
    let mut scripts = Scripts::new("VACUUM", SCHEMA);
    scripts.parameter = |number| format!("${number}");
    scripts
}

/// Commits through the client, behind the engine's back.
fn commit<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
    Box::pin(async move {
        let client = transaction.native::<Client>().ok_or("another client than PostgreSQL's")?;
        client.batch_execute("COMMIT").await?;
        Ok(())
    })
}

mod opened {
    use super::*;

    struct Opened(Fresh);

    impl TestDatabase for Opened {
        type Driver = Postgres;

        async fn connect(&self) -> Postgres {
            Postgres::connect_with(&self.0.config(), NoTls).await.expect("a connection")
        }

        fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
            RUNTIME.block_on(future)
        }

        fn scripts(&self) -> Scripts {
            scripts()
        }

        fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
            commit(transaction)
        }
    }

    whimbrel_testkit::conformance!(Opened(Fresh::new()));
}
