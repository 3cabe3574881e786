//! The library's set beside that of an application, on SQLite.

use rusqlite::Connection;
use whimbrel::{Memory, Migrator, Outcome};
use whimbrel_sqlite as _;

fn application() -> Memory {
    Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER PRIMARY KEY);")
}

#[test]
fn an_application_that_is_in_use_can_take_the_library_in_later() {
    let mut db = Connection::open_in_memory().expect("a database");
    Migrator::new(application()).run_blocking(&mut db).expect("the application alone");
    let both = Migrator::new(&jobs::MIGRATIONS).and(application());
    let report = both.run_blocking(&mut db).expect("with the library");
    let labels: Vec<_> = report.migrations.iter().map(|it| (it.set.as_str(), &*it.label)).collect();
    let library = ["1_create_jobs", "2_jobs_end", "3_index_jobs_that_wait"];
    assert_eq!(labels, library.map(|label| ("jobs", label)));
    let again = both.run_blocking(&mut db).expect("nothing to do");
    assert_eq!((again.outcome, again.queries), (Outcome::UpToDate, 1));
}

#[test]
fn an_application_can_go_down_without_touching_the_library() {
    let mut db = Connection::open_in_memory().expect("a database");
    let both = Migrator::new(&jobs::MIGRATIONS).and(application().with_down(1, "DROP TABLE users;"));
    both.run_blocking(&mut db).expect("everything");
    let report = both.revert_to_blocking(&mut db, None).expect("a way down");
    let labels: Vec<_> = report.migrations.iter().map(|it| (it.set.as_str(), &*it.label)).collect();
    assert_eq!(labels, [("app", "1_users")]);
    let jobs: i64 = db.query_row("SELECT count(*) FROM jobs", (), |row| row.get(0)).expect("a table");
    assert_eq!(jobs, 0);
}
