//! A generated set of migrations: as a source for the migrator, as text for the client, and as SQL to read.

use std::fmt;

use whimbrel::{Memory, SetName};

/// One statement, with what is allowed to become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedStatement {
    /// Its text, without the semicolon. `{a}` and `{b}` stand for the names of the current and the other database.
    pub sql: String,
    /// Whether it may be unknown, after its answer was lost, how it ended.
    pub outcome: Outcome,
    /// Whether it leaves something in the session that the rest of its script needs: then a script that was cut off may be
    /// one that cannot be gone on with.
    pub leaves_session: bool,
    /// Whether a set with it has to be refused before anything runs.
    pub forbidden: bool,
    /// Whether it has to be written with another delimiter.
    pub compound: bool,
}

/// What can be said of a statement whose answer was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It is on the closed list, or happens together with its row.
    #[default]
    Told,
    /// It may be unknown.
    MayBeUnknown,
}

impl GeneratedStatement {
    /// A statement whose outcome can be told.
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            outcome: Outcome::Told,
            leaves_session: false,
            forbidden: false,
            compound: false,
        }
    }

    pub(crate) fn doubtful(mut self) -> Self {
        self.outcome = Outcome::MayBeUnknown;
        self
    }

    pub(crate) fn leaving(mut self) -> Self {
        self.leaves_session = true;
        self
    }

    pub(crate) fn forbidden(mut self) -> Self {
        self.forbidden = true;
        self
    }

    pub(crate) fn compound(mut self) -> Self {
        self.compound = true;
        self
    }
}

/// How a migration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationKind {
    /// A script with a version.
    Script,
    /// A step in Rust with a version, which runs these statements.
    Step,
    /// A script without a version.
    Repeatable,
}

/// One migration of a [`GeneratedSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedMigration {
    /// How it is written.
    pub kind: MigrationKind,
    /// Whether its script says `no-transaction`.
    pub no_transaction: bool,
    /// Whether everything it does is taken back when it fails.
    pub atomic: bool,
    /// Its statements.
    pub statements: Vec<GeneratedStatement>,
    /// Those of its way down, if it has one.
    pub down: Vec<GeneratedStatement>,
    /// Whether everything that its way down does is taken back when it fails.
    pub down_atomic: bool,
    /// The number that it keeps when others are left out.
    pub version: i64,
}

/// A set of migrations, and what is in the database before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedSet {
    /// The seed that it was generated from.
    pub seed: u64,
    /// What prepares the database: statements by an administrator.
    pub setup: Vec<String>,
    /// The migrations, repeatables last.
    pub migrations: Vec<GeneratedMigration>,
    /// How many of the first migrations belong to a set of their own, `lib`.
    pub library: usize,
    /// Whether the database's encoding is one that lacks most characters, LATIN1.
    pub narrow: bool,
}

impl GeneratedMigration {
    /// What it is called, without its version.
    pub fn name(&self) -> String {
        format!("m{}", self.version)
    }

    /// What errors call it.
    pub fn label(&self) -> String {
        match self.kind {
            MigrationKind::Repeatable => format!("R__{}", self.name()),
            _ => format!("{}_{}", self.version, self.name()),
        }
    }

    /// The text of its script.
    pub fn text(&self) -> String {
        let header = if self.no_transaction { "-- whimbrel: no-transaction\n" } else { "" };
        format!("{header}{}", script(&self.statements))
    }
}

/// Statements as a client takes them.
pub(crate) fn script(statements: &[GeneratedStatement]) -> String {
    let mut text = String::new();
    for statement in statements {
        match statement.compound {
            true => text += &format!("DELIMITER //\n{}//\nDELIMITER ;\n", statement.sql),
            false => text += &format!("{};\n", statement.sql),
        }
    }
    text
}

/// The text with the names of the databases.
pub(crate) fn placed(text: &str, database: &str) -> String {
    text.replace("{b}", &format!("{database}_b")).replace("{a}", database)
}

impl GeneratedSet {
    /// The sources of the first `count` migrations, for a database of this name: the library's, if there is one, and the
    /// application's. Functions of steps are bound by the caller, by [`steps`](Self::steps).
    pub fn sources(&self, count: usize, database: &str) -> Vec<Memory> {
        let mut sources = Vec::new();
        let library = self.library.min(count);
        if library > 0 {
            let name = SetName::new("lib").unwrap_or_default();
            sources.push(Self::source(&self.migrations[..library], Memory::new().with_set(name), database));
        }
        sources.push(Self::source(&self.migrations[library..count], Memory::new(), database));
        sources
    }

    fn source(migrations: &[GeneratedMigration], memory: Memory, database: &str) -> Memory {
        migrations.iter().fold(memory, |memory, migration| {
            let text = placed(&migration.text(), database);
            let memory = match migration.kind {
                MigrationKind::Script => memory.with_sql(migration.version, migration.name(), text),
                MigrationKind::Step => memory.with_rust(migration.version, migration.name()),
                MigrationKind::Repeatable => memory.with_repeatable(migration.name(), text),
            };
            match migration.down.is_empty() {
                true => memory,
                false => memory.with_down(migration.version, placed(&script(&migration.down), database)),
            }
        })
    }

    /// The steps in Rust among the first `count` migrations, with their statements; whether each is the library's.
    pub fn steps(&self, count: usize, database: &str) -> Vec<(bool, i64, Vec<String>)> {
        let steps = self.migrations[..count].iter().enumerate();
        let steps = steps.filter(|(_, migration)| migration.kind == MigrationKind::Step);
        steps
            .map(|(at, migration)| {
                let statements = migration.statements.iter().map(|one| placed(&one.sql, database));
                (at < self.library, migration.version, statements.collect())
            })
            .collect()
    }

    /// What prepares a database of this name.
    pub fn setup(&self, database: &str) -> Vec<String> {
        self.setup.iter().map(|sql| placed(sql, database)).collect()
    }

    /// What the client is given for a migration, or for its first `statements`: in one transaction where it is taken back
    /// whole.
    pub fn by_client(
        &self,
        migration: usize,
        statements: Option<usize>,
        begin: &str,
        database: &str,
    ) -> String {
        let migration = &self.migrations[migration];
        let count = statements.unwrap_or(migration.statements.len());
        let text = script(&migration.statements[..count.min(migration.statements.len())]);
        let text = match migration.atomic {
            true => format!("{begin};\n{text}COMMIT;\n"),
            false => text,
        };
        placed(&text, database)
    }

    /// What the client is given for a way down.
    pub fn down_by_client(&self, migration: usize, begin: &str, database: &str) -> String {
        let migration = &self.migrations[migration];
        let text = script(&migration.down);
        let text = match migration.down_atomic {
            true => format!("{begin};\n{text}COMMIT;\n"),
            false => text,
        };
        placed(&text, database)
    }

    /// Whether it has to be refused before anything runs.
    pub fn is_forbidden(&self) -> bool {
        self.migrations.iter().flat_map(|one| &one.statements).any(|statement| statement.forbidden)
    }

    /// Whether it is one set of scripts with versions and without ways down: what a program can be told by arguments.
    pub fn is_plain(&self) -> bool {
        let plain = |one: &GeneratedMigration| one.kind == MigrationKind::Script && one.down.is_empty();
        self.library == 0 && self.migrations.iter().all(plain)
    }

    /// How many statements it has.
    pub fn len(&self) -> usize {
        self.migrations.iter().map(|migration| migration.statements.len()).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for GeneratedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sql in &self.setup {
            writeln!(f, "-- before: {sql}")?;
        }
        for (at, migration) in self.migrations.iter().enumerate() {
            let library = if at < self.library { " (of the set lib)" } else { "" };
            writeln!(f, "-- {} {:?}{library}\n{}", migration.label(), migration.kind, migration.text())?;
            if !migration.down.is_empty() {
                writeln!(f, "-- its way down\n{}", script(&migration.down))?;
            }
        }
        Ok(())
    }
}
