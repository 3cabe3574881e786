//! The whole conformance suite, on MariaDB and on MySQL.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Runtime;
use whimbrel::{StepFuture, StepTransaction};
use whimbrel_mysql::MySql;
use whimbrel_mysql::mysql_async::{Conn, Opts, OptsBuilder, prelude::Queryable};
use whimbrel_testkit::{Scripts, TestDatabase};

/// The schema of the application, column by column and index by index.
const SCHEMA: &str = "SELECT 'column', table_name, column_name, column_type, is_nullable, column_default, extra \
     FROM information_schema.columns WHERE table_schema = database() AND table_name <> 'whimbrel_history' \
     UNION ALL SELECT 'index', table_name, index_name, column_name, non_unique, seq_in_index, '' \
     FROM information_schema.statistics WHERE table_schema = database() AND table_name <> 'whimbrel_history'";

/// A database of its own.
struct Database {
    runtime: Runtime,
    opts: OptsBuilder,
    name: String,
}

impl Database {
    fn new(variable: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let url = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"));
        let opts = OptsBuilder::from_opts(Opts::from_url(&url).expect("a URL")).prefer_socket(false);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("conformance_{}_{number}", std::process::id());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let this = Self { runtime: runtime.expect("a runtime"), opts, name };
        this.administer(&format!("CREATE DATABASE {}", this.name));
        this
    }

    fn administer(&self, sql: &str) {
        self.runtime.block_on(async {
            let mut conn = Conn::new(self.opts.clone()).await.expect("a server");
            conn.query_drop(sql).await.expect("it works");
            conn.disconnect().await.expect("it closes");
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
        let opts = self.opts.clone().db_name(Some(&self.name));
        MySql::connect_with(opts).await.expect("a connection")
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn scripts(&self) -> Scripts {
        let mut scripts = Scripts::new("FLUSH STATUS", SCHEMA);
        scripts.create = "CREATE TABLE {table} (id INT PRIMARY KEY, n INT)";
        scripts
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

    whimbrel_testkit::conformance!(Database::new("WHIMBREL_MARIADB_URL"));
}

mod mysql {
    use super::*;

    whimbrel_testkit::conformance!(Database::new("WHIMBREL_MYSQL_URL"));
}
