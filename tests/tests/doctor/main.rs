//! What is wrong is told by the doctor, and what the doctor says to type mends it.

mod connections;
mod files;
#[path = "../../../crates/whimbrel-cli/tests/remedies/doctor.rs"]
mod listed;
mod rights;
mod sessions;
mod shown;
mod visit;

use whimbrel_testkit::ServerKind;
use whimbrel_tests::command::Workplace;
use whimbrel_tests::either::Database;

const TABLE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY);\n";

/// A set of one migration for this URL.
fn workplace(url: &str, more: &str) -> Workplace {
    let workplace = Workplace::new(url, more);
    workplace.migration("0001_create_users.sql", TABLE);
    workplace
}

/// The URL of a database of the server, with its password if it has one.
fn url(database: &Database) -> String {
    database.server.url(&database.name)
}

/// The same as somebody else, who has this password.
fn url_as(database: &Database, user: &str, password: &str) -> String {
    let url = url(database);
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let address = rest.split_once('@').expect("a user").1;
    if password.is_empty() {
        format!("{scheme}://{user}@{address}")
    } else {
        format!("{scheme}://{user}:{password}@{address}")
    }
}

/// A user with a password and every right in the database, and none beside.
async fn owner(database: &Database) -> (String, String) {
    let user = database.user().await;
    let mut admin = database.open().await;
    let name = &database.name;
    let password = "tangled-0wl";
    if database.kind() == ServerKind::Postgres {
        admin.run(&format!("ALTER ROLE {user} PASSWORD '{password}'")).await;
        admin.run(&format!("ALTER DATABASE {name} OWNER TO {user}")).await;
        admin.run(&format!("GRANT ALL ON SCHEMA public TO {user}")).await;
    } else {
        admin.run(&format!("ALTER USER {user} IDENTIFIED BY '{password}'")).await;
        admin.run(&format!("GRANT ALL ON {name}.* TO {user}")).await;
    }
    let url = url_as(database, &user, password);
    (user, url)
}
