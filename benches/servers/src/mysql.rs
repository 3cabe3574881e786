//! MariaDB and MySQL, beside a raw batch, sqlx and refinery.

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Pool};
use tokio::runtime::Runtime;
use whimbrel::{DatabaseUrl, Driver, Migrator};
use whimbrel_mysql::MySql;
use whimbrel_testkit::{Durability, Server, ServerKind, ServerOptions};

use crate::contest::{contest, verdict};
use crate::{Migrations, slowest};

fn migration(number: usize) -> String {
    format!(
        "CREATE TABLE table_{number} (id BIGINT PRIMARY KEY, name VARCHAR(100) NOT NULL, amount INT, \
         KEY index_{number} (name));\n"
    )
}

struct Bench<'r> {
    runtime: &'r Runtime,
    server: Server,
}

impl Bench<'_> {
    fn administer(&self, sql: String) {
        self.runtime.block_on(async {
            raw(self.server.url("")).await.query_drop(sql).await.expect("it works");
        });
    }

    /// Connects to a fresh database, and measures what is done there.
    fn measure<C, F: Future<Output = C>, G: Future<Output = ()>>(
        &self,
        connect: impl Fn(String) -> F,
        work: impl Fn(C) -> G,
    ) -> Duration {
        let name = Server::unique_name();
        self.administer(format!("CREATE DATABASE {name}"));
        let elapsed = self.runtime.block_on(async {
            let connection = connect(self.server.url(&name)).await;
            let began = Instant::now();
            work(connection).await;
            began.elapsed()
        });
        self.administer(format!("DROP DATABASE {name}"));
        elapsed
    }

    fn apply(&self, count: usize, rounds: usize) -> Vec<f64> {
        let migrations = Migrations::new(count, migration);
        let (migrations, batch) = (&migrations, migrations.batch());
        let batch = batch.as_str();
        contest(
            "apply 1,000 small migrations to an empty database",
            rounds,
            &mut [
                ("raw batch by mysql_async", &mut || {
                    self.measure(raw, |mut conn| async move {
                        conn.query_drop(batch).await.expect("a batch");
                    })
                }),
                ("whimbrel", &mut || {
                    self.measure(connect, |mut db| async move {
                        Migrator::new(&migrations.set).run(&mut db).await.expect("a run");
                    })
                }),
                ("sqlx", &mut || {
                    self.measure(
                        |url| async move {
                            <sqlx::MySqlConnection as sqlx::Connection>::connect(&url)
                                .await
                                .expect("a connection")
                        },
                        |mut db| async move { migrations.of_sqlx().run(&mut db).await.expect("a run") },
                    )
                }),
                ("refinery", &mut || {
                    self.measure(
                        |url| async move {
                            let pool = Pool::new(Opts::from_url(&url).expect("a URL"));
                            drop(pool.get_conn().await.expect("a connection"));
                            pool
                        },
                        |mut pool| async move {
                            migrations.of_refinery().run_async(&mut pool).await.expect("a run");
                            pool.disconnect().await.expect("it ends");
                        },
                    )
                }),
            ],
        )
    }

    fn boots(&self, rounds: usize) -> Vec<f64> {
        let set: &'static _ = Box::leak(Box::new(Migrations::new(1_000, migration).set));
        let name = Server::unique_name();
        self.administer(format!("CREATE DATABASE {name}"));
        let url = self.server.url(&name);
        self.runtime.block_on(async {
            Migrator::new(set).run(&mut connect(url.clone()).await).await.expect("a run");
        });
        let open = || {
            self.runtime.block_on(async {
                let mut all = Vec::new();
                for _ in 0..100 {
                    all.push(connect(url.clone()).await);
                }
                all
            })
        };
        contest(
            "the slowest of 100 released together, 1,000 migrations in force",
            rounds,
            &mut [
                ("a read of one row", &mut || {
                    slowest(self.runtime, open(), |mut db| async move {
                        let sql = "SELECT hash FROM whimbrel_history WHERE set_name = 'app' AND seq = 1";
                        assert_eq!(db.query(sql, &[]).await.expect("a row").len(), 1);
                    })
                }),
                ("a boot of whimbrel with nothing to do", &mut || {
                    slowest(self.runtime, open(), move |mut db| async move {
                        Migrator::new(set).run(&mut db).await.expect("a run");
                    })
                }),
            ],
        )
    }
}

async fn raw(url: String) -> Conn {
    Conn::new(Opts::from_url(&url).expect("a URL")).await.expect("a connection")
}

async fn connect(url: String) -> MySql {
    MySql::connect(&DatabaseUrl::parse(&url).expect("a URL")).await.expect("a connection")
}

pub(crate) fn bench(runtime: &Runtime, kind: ServerKind, rounds: usize) -> bool {
    let options =
        ServerOptions::new(kind).with_durability(Durability::Nothing).with_setting("max_connections", "250");
    let server = match Server::start(&options) {
        Ok(server) => server,
        Err(error) => {
            println!("{kind}: {error}");
            return false;
        }
    };
    println!("{kind} {}", server.version().unwrap_or_default());
    let bench = Bench { runtime, server };
    let ratios = bench.apply(1_000, rounds);
    let met = verdict("within 2 of the raw batch", ratios[1] <= 2.0)
        & verdict("ahead of every peer", ratios[2..].iter().all(|peer| ratios[1] < *peer));
    let ratios = bench.boots(rounds * 3);
    met & verdict("within 1.5 of a read", ratios[1] <= 1.5)
}
