//! A program that migrates a database on a server, to be killed or stopped on the way.
//!
//! `traveller URL KIND voyage|straits|crossing|SQL…`: a set by its name, or each further argument a migration.

use std::time::Duration;

use whimbrel::{Memory, Migrator};
use whimbrel_testkit::ServerKind;
use whimbrel_tests::{crossing, remote, straits, voyage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, kind, what, ..] = arguments.as_slice() else {
        return Err("traveller URL KIND voyage|straits|crossing|SQL…".into());
    };
    let kind = ServerKind::ALL.into_iter().find(|it| it.name() == kind).ok_or("a kind of server")?;
    let set = match what.as_str() {
        "voyage" => voyage::set(kind),
        "straits" => straits::set(),
        "crossing" => crossing::set(kind, url.rsplit('/').next().unwrap_or_default()),
        _ => (1..).zip(&arguments[2..]).fold(Memory::new(), |set, (number, sql)| {
            set.with_sql(number, format!("m{number}"), sql.clone())
        }),
    };
    let migrator = Migrator::new(set).with_lock_deadline(Duration::from_secs(60)).with_database_messages();
    match remote::migrate(url, &migrator) {
        Ok(report) => println!("{report}"),
        Err(error) => return Err(format!("{:?}: {error:#}", error.kind()).into()),
    }
    Ok(())
}
