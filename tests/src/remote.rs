//! A database of its own on a server, whichever kind it is of: made, asked, migrated, pictured. Knows no set.

use std::fmt::{self, Write as _};
use std::sync::{LazyLock, Mutex};

use tokio::runtime::Runtime;
use whimbrel::{
    Answers, DatabaseUrl, Driver, DriverError, ErrorClass, Message, Migrator, Report, Rows, Scheme, Value,
};
use whimbrel_mysql::MySql;
use whimbrel_postgres::Postgres;
use whimbrel_testkit::{Proxy, Server, ServerKind};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Databases of PostgreSQL that no test needs any more, by their servers: to empty one is far cheaper than to make one.
static USED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Runs a future to its end, on the tests' runtime.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// Connects to whatever the URL names.
///
/// # Errors
/// The driver's.
pub async fn connect(url: &str) -> whimbrel::Result<Box<dyn Driver>> {
    let url = DatabaseUrl::parse(url).expect("a URL of the harness").allowing_default_credentials();
    Ok(match url.scheme() {
        Scheme::Postgres => Box::new(Postgres::connect(&url).await?),
        _ => Box::new(MySql::connect(&url).await?),
    })
}

/// Connects, and migrates.
///
/// # Errors
/// Those of connecting and of migrating.
pub fn migrate(url: &str, migrator: &Migrator<'_>) -> whimbrel::Result<Report> {
    block_on(async {
        let mut driver = connect(url).await?;
        migrator.run(&mut &mut *driver).await
    })
}

/// A row as text. `Debug` shows no values.
fn shown(values: &[Value]) -> String {
    let cell = |value: &Value| match value {
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => "NULL".to_owned(),
    };
    values.iter().map(cell).collect::<Vec<_>>().join("|")
}

/// A database, given up with the value.
pub struct Remote {
    server: Server,
    name: String,
    /// Whether it is emptied for the next one rather than dropped.
    kept: bool,
    /// What questions are asked on, once one was.
    asking: Mutex<Option<Box<dyn Driver>>>,
}

impl Remote {
    /// An empty one.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn fresh(server: &Server) -> Self {
        let place = server.url("");
        let mut used = USED.lock().expect("nobody panics while looking");
        let again = used.iter().position(|(other, _)| *other == place).map(|at| used.swap_remove(at).1);
        drop(used);
        let new = again.is_none();
        let name = again.unwrap_or_else(Server::unique_name);
        let kept = server.kind() == ServerKind::Postgres;
        let remote = Self { server: server.clone(), name, kept, asking: Mutex::default() };
        if new {
            remote.administer(&format!("CREATE DATABASE {}", remote.name)).expect("a database");
        } else {
            remote.run(&[
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
                // A test may have made others.
                "DO $$DECLARE s name; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' \
                 AND nspname <> 'information_schema' LOOP EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP; END$$",
                "CREATE SCHEMA public",
                // As in a database that was just made.
                "GRANT USAGE ON SCHEMA public TO PUBLIC",
            ]);
        }
        remote
    }

    /// An empty one of PostgreSQL whose encoding is LATIN1.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn in_latin1(server: &Server) -> Self {
        let name = Server::unique_name();
        let remote = Self { server: server.clone(), name, kept: false, asking: Mutex::default() };
        let encoding = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
        remote.administer(&format!("CREATE DATABASE {} {encoding}", remote.name)).expect("a database");
        remote
    }

    fn administer(&self, sql: &str) -> Result<(), DriverError> {
        let place = if self.kind() == ServerKind::Postgres { "postgres" } else { "mysql" };
        block_on(async {
            let mut driver =
                connect(&self.server.url(place)).await.expect("a connection of an administrator");
            driver.execute(&[Message::new(sql, 1)], &mut Answers::new()).await
        })
    }

    /// The server that it is on.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The kind of server.
    pub fn kind(&self) -> ServerKind {
        self.server.kind()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Its URL through a proxy.
    pub fn url_through(&self, proxy: &Proxy) -> String {
        proxy.url(&self.server, &self.name)
    }

    /// Migrates it.
    ///
    /// # Errors
    /// The migrator's.
    pub fn migrate(&self, migrator: &Migrator<'_>) -> whimbrel::Result<Report> {
        migrate(&self.url(), migrator)
    }

    /// Runs statements, one after the other, on one connection.
    ///
    /// # Panics
    /// One fails.
    pub fn run(&self, statements: &[&str]) {
        block_on(async {
            let mut driver = connect(&self.url()).await.expect("a connection");
            for sql in statements {
                let answer = driver.execute(&[Message::new(*sql, 1)], &mut Answers::new()).await;
                answer.unwrap_or_else(|error| panic!("{sql}: {error}: {:?}", error.private()));
            }
        });
    }

    /// The rows of a query, a line each.
    ///
    /// # Panics
    /// It fails.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        self.ask(sql).iter().map(|row| shown(row.values()).replace(&self.name, "DATABASE")).collect()
    }

    fn ask(&self, sql: &str) -> Rows {
        let mut asking = self.asking.lock().expect("nobody panics while asking");
        let rows = block_on(async {
            if let Some(driver) = &mut *asking {
                match driver.query(sql, &[]).await {
                    // The server was killed since.
                    Err(error) if error.class() == ErrorClass::ConnectionLost => {}
                    rows => return rows,
                }
            }
            let driver = connect(&self.url()).await.expect("a connection");
            asking.insert(driver).query(sql, &[]).await
        });
        drop(asking);
        rows.unwrap_or_else(|error| panic!("{sql}: {error}: {:?}", error.private()))
    }

    /// The one number of a query.
    ///
    /// # Panics
    /// There is none.
    pub fn number(&self, sql: &str) -> i64 {
        let rows = self.ask(sql);
        rows.first().and_then(|row| row.read(0).ok()).unwrap_or_else(|| panic!("{sql}: no number"))
    }

    /// Schema, data, and what the history says is in force: all that an undisturbed run determines. What tells of the
    /// way (attempts, what was found afterwards, times) is left out.
    ///
    /// # Panics
    /// It cannot be read.
    pub fn picture(&self) -> String {
        let (schema, tables, history) = match self.kind() {
            ServerKind::Postgres => (POSTGRES_SCHEMA, POSTGRES_TABLES, POSTGRES_HISTORY),
            _ => (MYSQL_SCHEMA, MYSQL_TABLES, MYSQL_HISTORY),
        };
        let mut text = String::new();
        for sql in schema {
            let _ = writeln!(text, "{}", self.rows(sql).join("\n"));
        }
        // Each row of that query is a query itself.
        for sql in self.ask(tables).iter().map(|row| shown(row.values())) {
            let _ = writeln!(text, "{}\n{}", sql.replace(&self.name, "DATABASE"), self.rows(&sql).join("\n"));
        }
        let _ = writeln!(text, "{}", self.rows(history).join("\n"));
        text
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {:?}", self.name, self.server)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // What is left goes with the server, as it does where a test has panicked.
        if !std::thread::panicking() {
            self.asking = Mutex::default();
            match (self.kind(), USED.lock()) {
                (_, Ok(mut used)) if self.kept => used.push((self.server.url(""), self.name.clone())),
                (ServerKind::Postgres, _) => {
                    drop(self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)));
                }
                _ => {
                    drop(self.administer(&format!("DROP DATABASE {}", self.name)));
                    drop(self.administer(&format!("DROP DATABASE IF EXISTS {}_b", self.name)));
                }
            }
        }
    }
}

const POSTGRES_SCHEMA: &[&str] = &[
    "SELECT c.relnamespace::regnamespace::text, c.relname::text, c.relkind::text, a.attname::text, a.attnum::text, format_type(a.atttypid, a.atttypmod), \
     a.attnotnull::text, pg_get_expr(d.adbin, d.adrelid) FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid \
     AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
     WHERE c.relnamespace::regnamespace::text IN ('public', 'far') AND c.relname NOT LIKE 'whimbrel%' ORDER BY 1, 2, a.attnum",
    "SELECT pg_get_indexdef(indexrelid), indisvalid::text, indisready::text FROM pg_index i JOIN pg_class c \
     ON c.oid = i.indexrelid WHERE c.relnamespace::regnamespace::text IN ('public', 'far') AND c.relname NOT LIKE 'whimbrel%' ORDER BY 1",
    "SELECT conname::text, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint \
     WHERE connamespace::regnamespace::text IN ('public', 'far') AND conrelid::regclass::text NOT LIKE 'whimbrel%' ORDER BY 1, 2",
    "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace::regnamespace::text IN ('public', 'far') ORDER BY 1",
    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "SELECT viewname::text, definition FROM pg_views WHERE schemaname IN ('public', 'far') ORDER BY 1",
    "SELECT matviewname::text, definition FROM pg_matviews WHERE schemaname IN ('public', 'far') ORDER BY 1",
    "SELECT typname::text, enumlabel::text FROM pg_enum JOIN pg_type t ON t.oid = enumtypid ORDER BY 1, enumsortorder",
];

const POSTGRES_TABLES: &str = "SELECT format('SELECT t::text FROM %s t ORDER BY 1', oid::regclass) FROM pg_class \
     WHERE relnamespace::regnamespace::text IN ('public', 'far') AND relkind IN ('r', 'm', 'p') AND relname NOT LIKE 'whimbrel%' ORDER BY oid::regclass::text";

const POSTGRES_HISTORY: &str = "SELECT set_name, event, version::text, name, digest, head, repeatables, below::text \
     FROM whimbrel_history WHERE event IN ('applied', 'reverted', 'baselined', 'accepted', 'tombstone') ORDER BY set_name, seq";

/// MySQL keeps what stands between a body and the next statement of a packet with the body.
const MYSQL_SCHEMA: &[&str] = &[
    "SELECT table_schema, table_name, table_type, engine, row_format, table_collation, create_options FROM information_schema.tables \
     WHERE table_schema IN (database(), concat(database(), '_b')) AND table_name <> 'whimbrel_history' ORDER BY 1, 2, 3",
    "SELECT table_schema, table_name, ordinal_position, column_name, column_default, is_nullable, column_type, extra \
     FROM information_schema.columns WHERE table_schema IN (database(), concat(database(), '_b')) AND table_name <> 'whimbrel_history' ORDER BY 1, 2, 3",
    "SELECT table_schema, table_name, index_name, seq_in_index, column_name, non_unique FROM information_schema.statistics \
     WHERE table_schema IN (database(), concat(database(), '_b')) AND table_name <> 'whimbrel_history' ORDER BY 1, 2, 3, 4",
    "SELECT table_schema, table_name, constraint_name, constraint_type FROM information_schema.table_constraints \
     WHERE table_schema IN (database(), concat(database(), '_b')) AND table_name <> 'whimbrel_history' ORDER BY 1, 2, 3",
    "SELECT table_name, view_definition FROM information_schema.views WHERE table_schema IN (database(), concat(database(), '_b')) ORDER BY 1",
    "SELECT routine_type, routine_name, regexp_replace(routine_definition, '[[:space:];]+$', ''), sql_mode \
     FROM information_schema.routines \
     WHERE routine_schema IN (database(), concat(database(), '_b')) ORDER BY 1, 2",
    "SELECT trigger_name, event_object_table, regexp_replace(action_statement, '[[:space:];]+$', ''), sql_mode FROM information_schema.triggers \
     WHERE trigger_schema IN (database(), concat(database(), '_b')) ORDER BY 1",
    "SELECT event_name, regexp_replace(event_definition, '[[:space:];]+$', ''), status, interval_value, interval_field, sql_mode FROM information_schema.events \
     WHERE event_schema IN (database(), concat(database(), '_b')) ORDER BY 1",
];

const MYSQL_TABLES: &str = "SELECT concat('SELECT * FROM `', table_schema, '`.`', table_name, '` ORDER BY 1') FROM information_schema.tables \
     WHERE table_schema IN (database(), concat(database(), '_b')) AND table_type = 'BASE TABLE' AND table_name <> 'whimbrel_history' ORDER BY table_schema, table_name";

const MYSQL_HISTORY: &str = "SELECT set_name, event, version, name, digest, head, repeatables, below \
     FROM whimbrel_history WHERE event IN ('applied', 'reverted', 'baselined', 'accepted', 'tombstone') ORDER BY set_name, seq";
