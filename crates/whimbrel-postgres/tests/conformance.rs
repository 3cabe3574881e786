//! The whole conformance suite, each check on a database of its own: over a connection that the driver opens, and over a
//! client of the application's.

use std::sync::{LazyLock, Mutex};

use tokio::runtime::Runtime;
use whimbrel::{DatabaseUrl, StepFuture, StepTransaction};
use whimbrel_postgres::Postgres;
use whimbrel_postgres::tokio_postgres::{self, Client, NoTls};
use whimbrel_testkit::{Scripts, Server, ServerKind, TestDatabase};

/// The schema of the application.
const SCHEMA: &str = "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text \
                      FROM information_schema.columns \
                      WHERE table_schema = 'public' AND table_name <> 'whimbrel_history' \
                      UNION ALL SELECT tablename::text, indexname::text, indexdef::text, '' \
                      FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'whimbrel_history'";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Databases that no check needs any more: to empty one is far cheaper than to make one.
static USED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A database of its own.
struct Fresh {
    name: String,
}

impl Fresh {
    fn new() -> Self {
        let used = USED.lock().expect("no test panics while it has it").pop();
        let name = match used {
            Some(name) => {
                run(
                    &name,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid(); \
                     DROP SCHEMA public CASCADE; CREATE SCHEMA public",
                );
                name
            }
            None => {
                let name = Server::unique_name();
                run("postgres", &format!("CREATE DATABASE {name}"));
                name
            }
        };
        Self { name }
    }

    fn url(&self) -> String {
        url(&self.name)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        USED.lock().expect("no test panics while it has it").push(std::mem::take(&mut self.name));
    }
}

fn url(database: &str) -> String {
    Server::shared(ServerKind::Postgres).expect("a server").url(database)
}

/// A client whose connection is driven by a task of the application's.
async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

fn run(database: &str, sql: &str) {
    RUNTIME.block_on(async {
        client(&url(database)).await.batch_execute(sql).await.expect("SQL of an administrator");
    });
}

fn scripts() -> Scripts {
    let mut scripts = Scripts::new("VACUUM pg_tablespace", SCHEMA);
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
            let url: DatabaseUrl = self.0.url().parse().expect("a URL");
            Postgres::connect(&url).await.expect("a connection")
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

mod lent {
    use super::*;

    struct Lent(Fresh);

    impl TestDatabase for Lent {
        type Driver = Postgres;

        async fn connect(&self) -> Postgres {
            Postgres::from_client(Box::new(client(&self.0.url()).await))
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

    whimbrel_testkit::conformance!(Lent(Fresh::new()));
}
