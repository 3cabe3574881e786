//! The whole conformance suite, on MariaDB and on MySQL.

use tokio::runtime::Runtime;
use whimbrel::{DatabaseUrl, Driver, StepFuture, StepTransaction};
use whimbrel_mysql::MySql;
use whimbrel_mysql::mysql_async::{Conn, prelude::Queryable};
use whimbrel_testkit::{Exception, Scripts, Server, ServerKind, TestDatabase};

/// The schema of the application, column by column and index by index.
const SCHEMA: &str = "SELECT 'column', table_name, column_name, column_type, is_nullable, column_default, extra \
     FROM information_schema.columns WHERE table_schema = database() AND table_name <> 'whimbrel_history' \
     UNION ALL SELECT 'index', table_name, index_name, column_name, non_unique, seq_in_index, '' \
     FROM information_schema.statistics WHERE table_schema = database() AND table_name <> 'whimbrel_history'";

/// A database of its own.
struct Database {
    runtime: Runtime,
    server: &'static Server,
    name: String,
}

impl Database {
    fn new(kind: ServerKind) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let server = Server::shared(kind).expect("a server");
        let this = Self { runtime: runtime.expect("a runtime"), server, name: Server::unique_name() };
        this.administer(&format!("CREATE DATABASE {}", this.name));
        this
    }

    async fn open(&self, name: &str) -> MySql {
        let url = DatabaseUrl::parse(&self.server.url(name)).expect("a URL");
        MySql::connect(&url).await.expect("a connection")
    }

    fn administer(&self, sql: &str) {
        self.runtime.block_on(async {
            self.open("").await.query(sql, &[]).await.expect("it works");
        });
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.administer(&format!("DROP DATABASE {}", self.name));
        }
    }
}

impl TestDatabase for Database {
    type Driver = MySql;

    async fn connect(&self) -> MySql {
        self.open(&self.name).await
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn scripts(&self) -> Scripts {
        let mut scripts = Scripts::new("FLUSH STATUS", SCHEMA);
        scripts.create = "CREATE TABLE {table} (id INT PRIMARY KEY, n INT)";
        scripts
    }

    fn exceptions() -> &'static [Exception] {
        &[Exception {
            check: "wherever_one_transaction_for_all_is_cut_off_all_or_nothing_is_kept",
            reason: "statements that change the schema commit themselves, so the mode is refused",
        }]
    }

    fn end_transaction<'t>(transaction: &'t mut StepTransaction<'t>) -> StepFuture<'t> {
        Box::pin(async move {
            let conn = transaction.native::<Conn>().ok_or("another client than MySQL's")?;
            conn.query_drop("COMMIT").await?;
            Ok(())
        })
    }
}

mod mariadb {
    use super::*;

    whimbrel_testkit::conformance!(Database::new(ServerKind::MariaDb));
}

mod mysql {
    use super::*;

    whimbrel_testkit::conformance!(Database::new(ServerKind::MySql));
}
