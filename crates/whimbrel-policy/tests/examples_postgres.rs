//! Runs the examples of all rules for PostgreSQL on a server, and looks whether it is so. Knows no rule.

use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use whimbrel::script::{Lexing, Script};
use whimbrel::{Conditions, Directives, Memory, Product, ServerVersion};
use whimbrel_policy::{Example, Observation, Policy, rules};
use whimbrel_testkit::{Server, ServerKind, ServerOptions};

#[test]
fn every_rule_for_postgresql_has_an_example_and_every_example_a_rule() {
    for rule in rules().filter(|rule| rule.products().contains(&Product::Postgres)) {
        let own = rule.examples().filter(|example| example.product == Product::Postgres).count();
        assert!(own > 0, "{} has no example for PostgreSQL", rule.name());
    }
}

#[test]
fn the_server_does_what_the_rules_say_and_the_policy_sees_it() {
    // Of its own: examples make roles, and change the server's configuration.
    let server = Server::start(&ServerOptions::new(ServerKind::Postgres)).expect("a server");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (wrong, told) = runtime.block_on(async {
        let url = server.url("postgres");
        let bench = Bench { owner: connect(&url).await, url };
        let version = bench.version().await;
        let (mut wrong, mut told) = (Vec::new(), 0);
        for example in rules().flat_map(|rule| rule.examples()).filter(|it| it.product == Product::Postgres) {
            let (first, last) = example.versions;
            if (version.major, version.minor) < first || (version.major, version.minor) > last {
                continue;
            }
            told += 1;
            wrong.extend(judged(example, version));
            for (script, expected) in [(example.bad, true), (example.good, false)] {
                match bench.observe(example, script).await {
                    Ok(seen) if seen == expected => {}
                    Ok(seen) => wrong.push(format!(
                        "{}: {:?} is {seen} with\n{script}",
                        example.rule, example.observation
                    )),
                    Err(error) => wrong.push(format!("{}: {error}\n{script}", example.rule)),
                }
                bench.clean(example.rule).await;
            }
        }
        (wrong, told)
    });
    assert!(wrong.is_empty(), "{} of {told} examples:\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(told > 60, "only {told} examples were run");
}

/// What the policy says of an example that it should not.
fn judged(example: &Example, server: ServerVersion) -> Vec<String> {
    let rule = rules().find(|rule| rule.name() == example.rule).expect("an example's rule");
    let mut wrong = Vec::new();
    for (script, expected) in [(example.bad, true), (example.good, false)] {
        let set = Memory::new()
            .with_sql(1, "before", example.setup)
            .with_sql(2, "it", script)
            .set()
            .expect("a set");
        let findings =
            Policy::new().lint(&set, Product::Postgres, &Conditions::on(server)).expect("a policy");
        let prefix = format!("{}: ", example.rule);
        let own: Vec<_> = findings
            .iter()
            .filter(|finding| finding.subject() == "2_it" && finding.message().starts_with(&prefix))
            .collect();
        if own.is_empty() == expected {
            let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
            wrong.push(format!("{}: found is {}, of {all:#?}\n{script}", example.rule, !expected));
        }
        if own.iter().any(|finding| Some(finding.weight()) != rule.level().weight()) {
            wrong.push(format!("{}: found with another weight", example.rule));
        }
    }
    wrong
}

struct Bench {
    url: String,
    /// Who sets up and cleans.
    owner: Client,
}

type Outcome<T> = Result<T, tokio_postgres::Error>;

impl Bench {
    async fn client(&self) -> Client {
        connect(&self.url).await
    }

    async fn version(&self) -> ServerVersion {
        let text = answer(&self.owner, "SHOW server_version").await.expect("a version");
        ServerVersion::read("postgres", &text.expect("a row")).expect("a version")
    }

    /// Whether what is to be observed is so with a script.
    async fn observe(&self, example: &Example, script: &str) -> Outcome<bool> {
        // Counters of a session are its own for a while: what has set up is not what is watched.
        self.owner.batch_execute(example.setup).await?;
        let session = self.client().await;
        let cut = Script::parse(script, &Lexing::POSTGRES).expect("a script that can be cut");
        let directives = Directives::read(&cut).expect("sound directives");
        let alone = directives.no_transaction;
        let mut statements: Vec<String> = cut.statements().iter().map(|it| it.text().to_owned()).collect();
        if let Some(limit) = directives.lock_timeout {
            statements.insert(0, format!("SET lock_timeout = {}", limit.as_millis()));
        }
        let before = match example.observation {
            Observation::Rewrites { table } => filenode(&session, table).await?,
            Observation::Breaks { probe } => {
                rolled_back(&session, probe).await?;
                None
            }
            _ => None,
        };
        if let Observation::Waits { behind } = example.observation {
            return self.waits(&session, &statements, behind).await;
        }
        if let (true, Observation::Locks { table, mode }) = (alone, example.observation) {
            return self.held_up(&session, &statements, table, mode).await;
        }
        if !alone {
            session.batch_execute("BEGIN").await?;
        }
        for statement in &statements {
            match (session.batch_execute(statement).await, example.observation) {
                (Ok(()), _) => {}
                (Err(error), Observation::Fails { code })
                    if error.code().is_some_and(|own| own.code() == code) =>
                {
                    return Ok(true);
                }
                (Err(error), _) => return Err(error),
            }
        }
        let early = match example.observation {
            Observation::Locks { table, mode } => Some(locks(&session, &session, table, mode).await?),
            Observation::Scans { table } => {
                let sum: Vec<_> = table
                    .split(", ")
                    .map(|table| format!("coalesce(pg_stat_get_xact_numscans(to_regclass('{table}')), 0)"))
                    .collect();
                Some(truth(&session, &format!("SELECT {} > 0", sum.join(" + "))).await?)
            }
            Observation::Blocks { probe } => Some(self.is_blocked(probe).await?),
            _ => None,
        };
        if !alone {
            session.batch_execute("COMMIT").await?;
        }
        Ok(match (early, example.observation) {
            (Some(seen), _) => seen,
            (None, Observation::Rewrites { table }) => filenode(&session, table).await? != before,
            (None, Observation::Breaks { probe }) => rolled_back(&session, probe).await.is_err(),
            (None, Observation::Answers { query }) => truth(&self.client().await, query).await?,
            // It should have failed.
            (None, _) => false,
        })
    }

    /// Whether another session waits for a lock.
    async fn is_blocked(&self, probe: &str) -> Outcome<bool> {
        let other = self.client().await;
        other.batch_execute("SET lock_timeout = '150ms'").await?;
        match other.batch_execute(probe).await {
            Ok(()) => Ok(false),
            Err(error) if error.code().is_some_and(|code| code.code() == "55P03") => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether a script outside a transaction takes a lock, or waits for it. What it does is over at once on a small table,
    /// so something holds it up.
    async fn held_up(
        &self,
        session: &Client,
        statements: &[String],
        table: &str,
        mode: &str,
    ) -> Outcome<bool> {
        let other = self.client().await;
        other.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ROW EXCLUSIVE MODE")).await?;
        let pid = answer(session, "SELECT pg_backend_pid()").await?.expect("a number");
        let (mut seen, watcher) = (false, self.client().await);
        let watch = async {
            for _ in 0..200 {
                let waits =
                    format!("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {pid}");
                let waits = truth(&watcher, &waits).await?;
                seen |= locks_of(&watcher, &pid, table, mode).await?;
                if waits || seen {
                    break;
                }
                sleep(Duration::from_millis(10)).await;
            }
            other.batch_execute("ROLLBACK").await
        };
        let (run, watched) = both(run(session, statements), watch).await;
        run?;
        watched?;
        Ok(seen)
    }

    /// Whether a script still waits behind another transaction when a short limit would be over.
    async fn waits(&self, session: &Client, statements: &[String], behind: &str) -> Outcome<bool> {
        let other = self.client().await;
        other.batch_execute(&format!("BEGIN; {behind}")).await?;
        let ended = timeout(Duration::from_millis(1_500), run(session, statements)).await;
        other.batch_execute("ROLLBACK").await?;
        match ended {
            Err(_) => Ok(true),
            Ok(Err(error)) if error.code().is_some_and(|code| code.code() == "55P03") => Ok(false),
            Ok(other) => other.map(|()| false),
        }
    }

    /// Leaves nothing of an example behind.
    async fn clean(&self, rule: &str) {
        let client = &self.owner;
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                      WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
        client.simple_query(others).await.expect("nobody is left");
        let triggers = "DO $$ DECLARE one text; BEGIN \
            FOR one IN SELECT evtname FROM pg_event_trigger LOOP EXECUTE format('DROP EVENT TRIGGER %I', one); END LOOP; \
            FOR one IN SELECT pubname FROM pg_publication LOOP EXECUTE format('DROP PUBLICATION %I', one); END LOOP; \
            FOR one IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP \
                EXECUTE format('DROP SCHEMA %I CASCADE', one); END LOOP; \
            FOR one IN SELECT rolname FROM pg_roles WHERE rolname ~ '^policy_' LOOP \
                EXECUTE format('DROP OWNED BY %I', one); EXECUTE format('DROP ROLE %I', one); END LOOP; \
            CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC; END $$";
        // Event triggers are not asked about themselves.
        client.batch_execute(triggers).await.expect("a clean database");
        if rule == "alter-system" {
            client.batch_execute("ALTER SYSTEM RESET ALL").await.expect("a plain configuration");
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

async fn run(session: &Client, statements: &[String]) -> Outcome<()> {
    for statement in statements {
        session.batch_execute(statement).await?;
    }
    Ok(())
}

async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if first.is_none()
            && let Poll::Ready(done) = a.as_mut().poll(context)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = b.as_mut().poll(context)
        {
            second = Some(done);
        }
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.expect("it is done"), second.expect("it is done"))
}

/// The first cell of the last row.
async fn answer(client: &Client, query: &str) -> Outcome<Option<String>> {
    let messages = client.simple_query(query).await?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).map(str::to_owned)),
        _ => None,
    });
    Ok(rows.last().flatten())
}

async fn truth(client: &Client, query: &str) -> Outcome<bool> {
    Ok(answer(client, query).await?.as_deref() == Some("t"))
}

async fn filenode(client: &Client, table: &str) -> Outcome<Option<String>> {
    answer(client, &format!("SELECT pg_relation_filenode('{table}')")).await
}

/// Runs what the running application would, and takes it back.
async fn rolled_back(client: &Client, probe: &str) -> Outcome<()> {
    client.batch_execute("BEGIN").await?;
    let outcome = client.batch_execute(probe).await;
    client.batch_execute("ROLLBACK").await?;
    outcome
}

async fn locks(session: &Client, asked: &Client, table: &str, mode: &str) -> Outcome<bool> {
    let pid = answer(session, "SELECT pg_backend_pid()").await?.expect("a number");
    locks_of(asked, &pid, table, mode).await
}

async fn locks_of(client: &Client, pid: &str, table: &str, mode: &str) -> Outcome<bool> {
    let query = format!(
        "SELECT count(*) > 0 FROM pg_locks WHERE pid = {pid} AND mode = '{mode}' AND relation = to_regclass('{table}')"
    );
    truth(client, &query).await
}
