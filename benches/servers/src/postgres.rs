//! PostgreSQL, beside a raw batch, sqlx and refinery.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};
use whimbrel::{DatabaseUrl, Driver, Migrator};
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{Durability, Proxy, Server, ServerKind, ServerOptions};

use crate::contest::{contest, verdict};
use crate::{Migrations, slowest};

fn migration(number: usize) -> String {
    format!(
        "CREATE TABLE table_{number} (id bigint PRIMARY KEY, name text NOT NULL, amount integer);\n\
         CREATE INDEX index_{number} ON table_{number} (name);\n"
    )
}

struct Bench<'r> {
    runtime: &'r Runtime,
    server: Server,
    proxy: Proxy,
}

impl Bench<'_> {
    async fn client(&self, url: &str) -> Client {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    }

    /// A new database, and its URL, through the proxy or not.
    fn fresh(&self, through: bool) -> String {
        let name = Server::unique_name();
        self.runtime.block_on(async {
            let admin = self.client(&self.server.url("postgres")).await;
            admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
        });
        if through { self.proxy.url(&self.server, &name) } else { self.server.url(&name) }
    }

    fn forget(&self, url: &str) {
        let name = url.rsplit('/').next().expect("a database");
        self.runtime.block_on(async {
            let admin = self.client(&self.server.url("postgres")).await;
            let sql = format!("DROP DATABASE {name} WITH (FORCE)");
            admin.batch_execute(&sql).await.expect("it goes");
        });
    }

    /// Connects to a fresh database, and measures what is done there.
    fn measure<C, F: Future<Output = C>, G: Future<Output = ()>>(
        &self,
        through: bool,
        connect: impl Fn(String) -> F,
        work: impl Fn(C) -> G,
    ) -> Duration {
        let url = self.fresh(through);
        let elapsed = self.runtime.block_on(async {
            let connection = connect(url.clone()).await;
            let began = std::time::Instant::now();
            work(connection).await;
            began.elapsed()
        });
        self.forget(&url);
        elapsed
    }

    fn apply(&self, title: &str, count: usize, through: bool, rounds: usize) -> Vec<f64> {
        let migrations = Migrations::new(count, migration);
        let (migrations, batch) = (&migrations, format!("BEGIN;{}COMMIT;", migrations.batch()));
        let batch = batch.as_str();
        let client = |url: String| async move { self.client(&url).await };
        let refinery = |grouped: bool| {
            self.measure(through, client, |mut client| async move {
                let runner = migrations.of_refinery().set_grouped(grouped);
                runner.run_async(&mut client).await.expect("a run");
            })
        };
        contest(
            title,
            rounds,
            &mut [
                ("raw batch by tokio-postgres", &mut || {
                    self.measure(through, client, |client| async move {
                        client.batch_execute(batch).await.expect("a batch");
                    })
                }),
                ("whimbrel", &mut || {
                    self.measure(through, connect, |mut db| async move {
                        Migrator::new(&migrations.set).run(&mut db).await.expect("a run");
                    })
                }),
                ("sqlx", &mut || {
                    self.measure(
                        through,
                        |url| async move {
                            <sqlx::PgConnection as sqlx::Connection>::connect(&url)
                                .await
                                .expect("a connection")
                        },
                        |mut db| async move { migrations.of_sqlx().run(&mut db).await.expect("a run") },
                    )
                }),
                ("refinery", &mut || refinery(false)),
                ("refinery, grouped", &mut || refinery(true)),
            ],
        )
    }

    fn boots(&self, rounds: usize) -> Vec<f64> {
        let migrations = Migrations::new(1_000, migration);
        let url = self.fresh(false);
        let set: &'static _ = Box::leak(Box::new(migrations.set));
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

async fn connect(url: String) -> Postgres {
    Postgres::connect(&DatabaseUrl::parse(&url).expect("a URL")).await.expect("a connection")
}

pub(crate) fn bench(runtime: &Runtime, rounds: usize) -> bool {
    let options = ServerOptions::new(ServerKind::Postgres)
        .with_durability(Durability::Nothing)
        .with_setting("max_connections", "250");
    let server = Server::start(&options).expect("a server");
    let proxy = Proxy::to(&server).expect("a proxy");
    println!("PostgreSQL {}", server.version().unwrap_or_default());
    let bench = Bench { runtime, server, proxy };
    let ratios = bench.apply("apply 1,000 small migrations to an empty database", 1_000, false, rounds);
    let mut met = verdict("within 1.2 of the raw batch", ratios[1] <= 1.2)
        & verdict("ahead of every peer", ratios[2..].iter().all(|peer| ratios[1] < *peer));
    bench.proxy.set_delay(Duration::from_millis(5));
    let title = "apply 100 small migrations to an empty database, 5 ms away each way";
    let ratios = bench.apply(title, 100, true, rounds.min(3));
    let fastest = ratios[2..].iter().copied().fold(f64::INFINITY, f64::min);
    met &= verdict("under a tenth of the fastest peer", ratios[1] < fastest / 10.0);
    let ratios = bench.boots(rounds * 3);
    met & verdict("within 1.5 of a read", ratios[1] <= 1.5)
}
