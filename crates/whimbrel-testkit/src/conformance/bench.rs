//! What the checks are made with: fresh databases, sets of migrations, and what is found afterwards.

use whimbrel::script::Script;
use whimbrel::{
    Ddl, Driver, DriverError, Error, ErrorKind, FindingKind, Memory, Migrator, Outcome, Report, Rows,
    SetName, StepKey, Transaction, Value, Version,
};

use super::{Scripts, TestDatabase};
use crate::fake::shown;
use crate::record::Record;

/// Makes databases for one check.
#[derive(Clone, Copy)]
pub struct Bench<'b, T> {
    make: &'b dyn Fn() -> T,
}

impl<T> std::fmt::Debug for Bench<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bench")
    }
}

impl<'b, T: TestDatabase> Bench<'b, T> {
    pub(super) fn new(make: &'b dyn Fn() -> T) -> Self {
        Self { make }
    }

    /// The modes of transactions that the dialect has.
    pub(super) fn modes(&self) -> Vec<Transaction> {
        let database = self.database();
        match database.connect().dialect().transaction.ddl {
            Ddl::Transactional => vec![Transaction::Auto, Transaction::PerMigration, Transaction::PerRun],
            // What changes the schema cannot be in a transaction with others.
            Ddl::Commits => vec![Transaction::Auto, Transaction::PerMigration],
        }
    }

    /// A new, empty database.
    pub(super) fn database(&self) -> Database<T> {
        let database = (self.make)();
        let scripts = database.scripts();
        Database { database, scripts }
    }
}

/// One database of a check.
pub(super) struct Database<T> {
    database: T,
    pub(super) scripts: Scripts,
}

/// What a database holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Found {
    schema: Vec<String>,
    data: Vec<String>,
    pub(super) history: Vec<Record>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.schema.iter().chain(&self.data).map(String::as_str);
        lines.clone().try_for_each(|line| write!(f, "\n{line}"))?;
        self.history.iter().try_for_each(|record| write!(f, "\n{record}"))
    }
}

impl Found {
    /// The same without the traces of interruptions.
    pub(super) fn undisturbed(mut self) -> Self {
        self.history = Record::undisturbed(&self.history);
        self
    }

    /// The schema and the data alone.
    pub(super) fn without_history(mut self) -> Self {
        self.history.clear();
        self
    }

    pub(super) fn count(&self, event: &str) -> usize {
        self.history.iter().filter(|record| record.event == event).count()
    }
}

impl<T: TestDatabase> Database<T> {
    pub(super) fn connect(&self) -> T::Driver {
        self.block_on(self.database.connect())
    }

    pub(super) fn block_on<O>(&self, future: impl Future<Output = O>) -> O {
        self.database.block_on(future)
    }

    /// Runs on a connection of its own.
    pub(super) fn run(&self, migrator: &Migrator<'_>) -> Result<Report, Error> {
        self.block_on(migrator.run(&mut self.connect()))
    }

    /// Runs, and sees that something was applied.
    pub(super) fn apply(&self, migrator: &Migrator<'_>) -> Report {
        let report = self.run(migrator).expect("nothing stands in the way");
        assert_eq!(report.outcome, Outcome::Applied, "{report}");
        report
    }

    /// Runs, and sees that there was nothing to do.
    pub(super) fn is_up_to_date(&self, migrator: &Migrator<'_>) {
        let report = self.run(migrator).expect("nothing stands in the way");
        assert_eq!(report.outcome, Outcome::UpToDate, "{report}");
    }

    /// Runs, and sees that it is refused for exactly this, and that nothing has changed.
    pub(super) fn is_refused(&self, migrator: &Migrator<'_>, kinds: &[FindingKind]) -> Error {
        let before = self.found();
        let error = self.run(migrator).expect_err("it should have been refused");
        let found: Vec<FindingKind> = error.findings().iter().map(|finding| finding.kind()).collect();
        assert_eq!(found, kinds, "{error:#}");
        assert_eq!(self.found(), before, "a refusal has changed something");
        error
    }

    /// Runs until it works, as whoever restarts a program does.
    pub(super) fn run_again(&self, migrator: &Migrator<'_>) {
        for _ in 0..3 {
            match self.run(migrator) {
                Ok(_) => return,
                Err(error) if error.kind() == ErrorKind::Retry => {}
                Err(error) => panic!("a rerun does not go on: {error:#}"),
            }
        }
        panic!("three reruns did not do it");
    }

    /// Runs SQL by hand, on a connection of its own.
    pub(super) fn sql(&self, sql: &str) -> Rows {
        self.query(sql).expect("SQL by hand")
    }

    pub(super) fn query(&self, sql: &str) -> Result<Rows, DriverError> {
        self.block_on(self.connect().query(sql, &[]))
    }

    /// The whole number that a query answers.
    pub(super) fn number(&self, sql: &str) -> i64 {
        self.sql(sql).first().and_then(|row| row.read(0).ok()).expect("a number")
    }

    /// What the database holds. The history is seen to be sound.
    pub(super) fn found(&self) -> Found {
        let lines = |sql: &str, rows: &Rows| -> Vec<String> {
            let row = |values: &[Value]| values.iter().map(shown).collect::<Vec<_>>().join(", ");
            let mut lines: Vec<String> =
                rows.iter().map(|row_| format!("{sql}: {}", row(row_.values()))).collect();
            lines.sort();
            lines
        };
        let mut data = Vec::new();
        for table in ["items", "others", "words"] {
            if let Ok(rows) = self.query(&format!("SELECT * FROM {table}")) {
                data.extend(lines(table, &rows));
            }
        }
        let history = match self.query(Record::QUERY) {
            Ok(rows) => {
                let migrator = Migrator::new(Memory::new());
                self.block_on(migrator.verify_history(&mut self.connect(), &[]))
                    .expect("the history's chain holds");
                rows.iter().map(|row| Record::read(row).expect("the history's columns")).collect()
            }
            Err(_) => Vec::new(),
        };
        Found { schema: lines("schema", &self.sql(self.scripts.schema)), data, history }
    }

    /// A script that creates `items`.
    pub(super) fn create(&self, table: &str) -> String {
        self.scripts.create.replace("{table}", table)
    }

    pub(super) fn add_column(&self, table: &str, column: &str) -> String {
        self.scripts.add_column.replace("{table}", table).replace("{column}", column)
    }

    /// So many migrations: one creates `items`, each of the others inserts a row.
    pub(super) fn many(&self, count: i64) -> Memory {
        let first = Memory::new().with_sql(1, "items", self.create("items"));
        (2..=count).fold(first, |memory, version| {
            memory.with_sql(version, format!("row_{version}"), insert("items", version, version))
        })
    }

    /// A script outside transactions, each of whose statements can be seen to have run once.
    pub(super) fn outside(&self) -> String {
        format!(
            "-- whimbrel: no-transaction\n{};\nUPDATE items SET n = n + 1 WHERE id = 1;\n{};\n\
             UPDATE items SET n = n + 10 WHERE id = 1;\nUPDATE items SET n = n + 100 WHERE id = 1;\n{};",
            self.scripts.outside, self.scripts.outside, self.scripts.outside
        )
    }

    /// A library's set.
    pub(super) fn library(&self) -> Memory {
        Memory::new()
            .with_set(SetName::new("library").expect("a set's name"))
            .with_sql(1, "others", self.create("others"))
            .with_sql(2, "row", insert("others", 1, 1))
    }

    /// An application's set, with a bit of everything; version 5 is a step in Rust.
    pub(super) fn application(&self) -> Memory {
        Memory::new()
            .with_sql(1, "items", self.create("items"))
            .with_sql(2, "rows", format!("{};\n{}", insert("items", 1, 1), insert("items", 2, 2)))
            .with_sql(3, "column", self.add_column("items", "extra"))
            .with_sql(4, "outside", self.outside())
            .with_rust(5, "step")
            .with_sql(6, "more", "UPDATE items SET n = n + 1000 WHERE id = 1")
            .with_repeatable("again", "UPDATE items SET n = n + 10000 WHERE id = 2")
    }

    /// A migrator for a library and an application.
    pub(super) fn everything(&self) -> Migrator<'static> {
        let insert = self.insert_bound();
        Migrator::new(self.library()).and(self.application()).with_step(StepKey::new(5), move |transaction| {
            let insert = insert.clone();
            Box::pin(async move {
                transaction.execute(&insert, &[5.into(), 50.into()]).await?;
                Ok(())
            })
        })
    }

    /// An `INSERT` into `items` with bound values.
    pub(super) fn insert_bound(&self) -> String {
        let parameter = self.scripts.parameter;
        format!("INSERT INTO items (id, n) VALUES ({}, {})", parameter(1), parameter(2))
    }
}

pub(super) fn insert(table: &str, id: i64, n: i64) -> String {
    format!("INSERT INTO {table} (id, n) VALUES ({id}, {n})")
}

pub(super) fn version(number: i64) -> Version {
    Version::new(number).expect("a version")
}

/// How many statements a script has.
pub(super) fn statements(script: &str, driver: &impl Driver) -> usize {
    Script::parse(script, &driver.dialect().lexing).map_or(0, |script| script.statements().len())
}
