//! Runs the examples of all rules for SQLite on database files, and looks whether it is so. Knows no rule.

mod judged;

use std::path::Path;

use judged::{examples, judged, without_example};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error};
use whimbrel::script::{Lexing, Script};
use whimbrel::{Directives, Product, ServerVersion};
use whimbrel_policy::{Example, Observation};

#[test]
fn every_rule_for_sqlite_has_an_example() {
    assert_eq!(without_example(Product::Sqlite), [""; 0]);
}

#[test]
fn sqlite_does_what_the_rules_say_and_the_policy_sees_it() {
    let version = ServerVersion::read("sqlite", rusqlite::version()).expect("a version");
    let (mut wrong, mut told) = (Vec::new(), 0);
    for example in examples(version) {
        told += 1;
        wrong.extend(judged(example, version));
        for (script, expected) in [(example.good, false), (example.bad, true)] {
            let folder = tempfile::tempdir().expect("a folder");
            match observe(&folder.path().join("app.db"), example, script) {
                Ok(seen) if seen == expected => {}
                Ok(seen) => wrong
                    .push(format!("{}: {:?} is {seen} with\n{script}", example.rule, example.observation)),
                Err(error) => wrong.push(format!("{}: {error}\n{script}", example.rule)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {told} examples:\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(told > 20, "only {told} examples were run");
}

/// With foreign keys on, as the driver's documentation advises, and text between single quotes only, as SQLite's does.
fn open(file: &Path) -> Result<Connection, Error> {
    let database = Connection::open(file)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    database.pragma_update(None, "foreign_keys", true)?;
    Ok(database)
}

/// Whether what is to be observed is so with a script.
fn observe(file: &Path, example: &Example, script: &str) -> Result<bool, Error> {
    let before = open(file)?;
    before.execute_batch(example.setup)?;
    if let Observation::Breaks { probe } = example.observation {
        before.execute_batch(&format!("BEGIN; {probe}; ROLLBACK"))?;
    }
    drop(before);
    let ended = run(&open(file)?, script);
    if let Observation::Fails { code } = example.observation {
        return match ended {
            // What cannot be prepared has another form than what fails while it runs.
            Err(Error::SqlInputError { error, .. } | Error::SqliteFailure(error, _))
                if error.extended_code.to_string() == code =>
            {
                Ok(true)
            }
            ended => ended.map(|()| false),
        };
    }
    ended?;
    // What the script's connection has set is gone.
    let after = open(file)?;
    match example.observation {
        Observation::Breaks { probe } => Ok(after.execute_batch(probe).is_err()),
        Observation::Answers { query } => {
            let mut queries = statements(query);
            let last = queries.pop().expect("a query");
            for query in queries {
                // What a good script has made may refuse what is written to it.
                let _ = after.execute_batch(&query);
            }
            after.query_row(&last, (), |row| row.get(0))
        }
        observation => panic!("{}: {observation:?} is not for SQLite", example.rule),
    }
}

/// As the engine does: in a transaction, before which foreign keys are switched off if the script says so.
fn run(database: &Connection, script: &str) -> Result<(), Error> {
    let cut = Script::parse(script, &Lexing::SQLITE).expect("a script that can be cut");
    let directives = Directives::read(&cut).expect("sound directives");
    if directives.foreign_keys_off {
        database.pragma_update(None, "foreign_keys", false)?;
    }
    if !directives.no_transaction {
        database.execute_batch("BEGIN IMMEDIATE")?;
    }
    for statement in cut.statements() {
        database.execute_batch(statement.text())?;
    }
    if directives.no_transaction { Ok(()) } else { database.execute_batch("COMMIT") }
}

fn statements(script: &str) -> Vec<String> {
    let script = Script::parse(script, &Lexing::SQLITE).expect("a script that can be cut");
    script.statements().iter().map(|statement| statement.text().to_owned()).collect()
}
