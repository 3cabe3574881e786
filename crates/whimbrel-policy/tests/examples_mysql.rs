//! Runs the examples of all rules for MySQL and MariaDB on servers, and looks whether it is so. Knows no rule.

mod judged;

use judged::{examples, judged, without_example};
use whimbrel::script::{Lexing, Script};
use whimbrel::{Product, ServerVersion};
use whimbrel_mysql::mysql_async::prelude::Queryable;
use whimbrel_mysql::mysql_async::{Conn, Error, Opts};
use whimbrel_policy::{Example, Observation};
use whimbrel_testkit::{Durability, Installation, Server, ServerKind, ServerOptions};

#[test]
fn every_rule_for_mysql_and_mariadb_has_an_example() {
    assert_eq!(without_example(Product::Mysql), [""; 0]);
    assert_eq!(without_example(Product::Mariadb), [""; 0]);
}

#[test]
fn mysql_does_what_the_rules_say_and_the_policy_sees_it() {
    check(ServerKind::MySql, "mysql", 35);
}

#[test]
fn mariadb_does_what_the_rules_say_and_the_policy_sees_it() {
    check(ServerKind::MariaDb, "mariadb", 30);
}

/// Each version that is installed, on a server of its own: examples make accounts and change global settings.
fn check(kind: ServerKind, dialect: &str, at_least: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let all = Installation::all().expect("installations");
    let installed: Vec<_> = all.iter().filter(|installation| installation.kind() == kind).collect();
    assert!(!installed.is_empty(), "there is no {kind} here");
    for installation in installed {
        let options = ServerOptions::new(kind)
            .with_version(installation.version())
            .with_durability(Durability::Nothing);
        let server = Server::start(&options).expect("a server");
        let version = ServerVersion::read(dialect, installation.version()).expect("a version");
        let (mut wrong, mut told) = (Vec::new(), 0);
        for example in examples(version) {
            told += 1;
            wrong.extend(judged(example, version));
            // The good one first: a few change more than their database.
            for (script, expected) in [(example.good, false), (example.bad, true)] {
                let bench = Bench { server: &server, database: Server::unique_name() };
                match runtime.block_on(bench.observe(example, script)) {
                    Ok(seen) if seen == expected => {}
                    Ok(seen) => wrong.push(format!(
                        "{}: {:?} is {seen} with\n{script}",
                        example.rule, example.observation
                    )),
                    Err(error) => wrong.push(format!("{}: {error}\n{script}", example.rule)),
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {told} examples on {version}:\n\n{}",
            wrong.len(),
            wrong.join("\n\n")
        );
        assert!(told > at_least, "only {told} examples were run on {version}");
    }
}

struct Bench<'a> {
    server: &'a Server,
    database: String,
}

impl Bench<'_> {
    async fn session(&self, database: &str) -> Result<Conn, Error> {
        let options = Opts::from_url(&self.server.url(database)).expect("a URL");
        let mut session = Conn::new(options).await?;
        session.query_drop("SET NAMES utf8mb4").await?;
        Ok(session)
    }

    /// Whether what is to be observed is so with a script.
    async fn observe(&self, example: &Example, script: &str) -> Result<bool, Error> {
        let mut first = self.session("mysql").await?;
        first.query_drop(format!("CREATE DATABASE {} CHARACTER SET utf8mb4", self.database)).await?;
        let mut other = self.session(&self.database).await?;
        for statement in statements(example.setup) {
            other.query_drop(statement).await?;
        }
        let before = match example.observation {
            Observation::Rewrites { table } => self.number(&mut other, table).await?,
            Observation::Breaks { probe } => {
                run(&mut other, &["START TRANSACTION", probe, "ROLLBACK"]).await?;
                None
            }
            _ => None,
        };
        let mut session = self.session(&self.database).await?;
        let mut all = statements(script);
        if let Observation::Refuses { suffix } = example.observation
            && let Some(last) = all.last_mut()
            && last.starts_with("ALTER TABLE")
        {
            // What is done to partitions comes behind what is demanded, and nothing behind it.
            match last.split_once(" COALESCE ") {
                Some((table, rest)) => {
                    *last = format!("{table}{}, COALESCE {rest}", suffix.trim_start_matches(','));
                }
                None => last.push_str(suffix),
            }
        }
        let ended = run(&mut session, &all).await;
        if let Observation::Refuses { .. } | Observation::Fails { .. } = example.observation {
            let codes: &[&str] = match &example.observation {
                // Not supported, and not supported for a reason that is told.
                Observation::Refuses { .. } => &["1845", "1846"],
                Observation::Fails { code } => &[code],
                _ => &[],
            };
            return match ended {
                Err(Error::Server(error)) if codes.contains(&error.code.to_string().as_str()) => Ok(true),
                ended => ended.map(|()| false),
            };
        }
        ended?;
        // What the script's session has set is gone.
        drop(session);
        match example.observation {
            Observation::Rewrites { table } => Ok(self.number(&mut other, table).await? != before),
            Observation::Breaks { probe } => Ok(other.query_drop(probe).await.is_err()),
            Observation::Answers { query } => {
                let mut queries = statements(query);
                let last = queries.pop().expect("a query");
                // What a good script has made may refuse what is written to it.
                let _ = run(&mut other, &queries).await;
                Ok(other.query_first::<i64, _>(last).await? == Some(1))
            }
            observation => panic!("{}: {observation:?} is not for these servers", example.rule),
        }
    }

    /// InnoDB's number of a table, which is another one when it was built anew.
    async fn number(&self, session: &mut Conn, table: &str) -> Result<Option<u64>, Error> {
        let query = |view: &str| {
            format!("SELECT table_id FROM information_schema.{view} WHERE name = '{}/{table}'", self.database)
        };
        match session.query_first(query("innodb_tables")).await {
            Ok(Some(number)) => Ok(Some(number)),
            // As it was called before MySQL 8.0, and is on MariaDB.
            _ => session.query_first(query("innodb_sys_tables")).await,
        }
    }
}

async fn run<S: AsRef<str>>(session: &mut Conn, statements: &[S]) -> Result<(), Error> {
    for statement in statements {
        session.query_drop(statement.as_ref()).await?;
    }
    Ok(())
}

fn statements(script: &str) -> Vec<String> {
    // Examples may control transactions in what they ask, which scripts may not.
    let mut lexing = Lexing::MYSQL;
    lexing.transaction_control = &[];
    let script = Script::parse(script, &lexing).expect("a script that can be cut");
    script.statements().iter().map(|statement| statement.text().to_owned()).collect()
}
