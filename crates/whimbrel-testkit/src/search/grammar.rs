//! The grammars: what scripts are made of, for each database.

mod mysql;
mod postgres;
mod sqlite;

use super::generated::{GeneratedMigration, GeneratedSet, GeneratedStatement, MigrationKind};
use super::model::{NAMES, Writer};

/// Of which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grammar {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
    /// MySQL.
    MySql,
    /// SQLite.
    Sqlite,
}

/// The set of this seed: three to six migrations of one to five statements.
///
/// Most statements succeed. Some sets fail on purpose at their last version, and some have to be refused.
pub fn generate(grammar: Grammar, seed: u64) -> GeneratedSet {
    let mut writer = Writer::new(seed);
    let setup = match grammar {
        Grammar::Postgres => postgres::SETUP,
        Grammar::MariaDb | Grammar::MySql => mysql::SETUP,
        Grammar::Sqlite => sqlite::SETUP,
    };
    // Only a set without scripts outside transactions goes through a pooler.
    let inside = grammar == Grammar::Postgres && writer.chance.percent(45);
    let narrow = grammar == Grammar::Postgres && writer.chance.percent(12);
    let last = 3 + i64::try_from(writer.chance.below(3)).unwrap_or(0);
    let mut migrations: Vec<GeneratedMigration> = (1..=last)
        .map(|version| {
            let outside = !inside && version > 1 && writer.chance.percent(45);
            let fails_by_a_character = narrow && version == last;
            let outside = outside && !fails_by_a_character;
            let mut one = migration(grammar, &mut writer, version, version == last, outside);
            if fails_by_a_character && one.kind == MigrationKind::Script {
                let statement = *writer.chance.one_of(postgres::NOT_IN_LATIN1);
                one.statements.push(GeneratedStatement::new(statement));
            }
            one
        })
        .collect();
    let library = usize::from(writer.chance.percent(20) && !is_made_twice(&migrations));
    if writer.chance.percent(40)
        && let Some(statement) = repeatable(grammar, &mut writer)
    {
        migrations.push(GeneratedMigration {
            kind: MigrationKind::Repeatable,
            no_transaction: false,
            atomic: grammar != Grammar::MariaDb && grammar != Grammar::MySql,
            statements: vec![statement],
            down: Vec::new(),
            down_atomic: true,
            version: last + 1,
        });
    }
    let setup = setup.iter().map(|sql| (*sql).to_owned()).collect();
    GeneratedSet { seed, setup, migrations, library, narrow }
}

fn migration(
    grammar: Grammar,
    writer: &mut Writer,
    version: i64,
    last: bool,
    outside: bool,
) -> GeneratedMigration {
    let first = version == 1;
    let outside = outside && matches!(grammar, Grammar::Postgres | Grammar::Sqlite);
    let step = !first && !outside && writer.chance.percent(12);
    let kind = if step { MigrationKind::Step } else { MigrationKind::Script };
    writer.begin(outside);
    writer.data_alone = !first && writer.chance.percent(30);
    if first {
        beginning(grammar, writer);
    }
    let (statements, mut tries) = (1 + writer.chance.below(5), 0);
    let least = writer.statements.len() + usize::try_from(statements).unwrap_or(1);
    while writer.statements.len() < least && tries < 200 {
        tries += 1;
        match grammar {
            Grammar::Postgres => postgres::say(writer, kind),
            Grammar::MariaDb | Grammar::MySql => mysql::say(writer, kind, grammar),
            Grammar::Sqlite => sqlite::say(writer, kind),
        }
    }
    if last && writer.chance.percent(20) {
        // A definition among data would take the script out of its transaction, and its savepoints with it. A step in Rust
        // does not send one, where the client's would end the transaction.
        let commits = matches!(grammar, Grammar::MariaDb | Grammar::MySql);
        let data = writer.data_alone || (commits && step);
        let failing = match commits && !data && writer.chance.percent(60) {
            true => *writer.chance.one_of(mysql::FAILING),
            false => *writer.chance.one_of(&FAILING[..if data { 2 } else { FAILING.len() }]),
        };
        let at = writer.chance.below(writer.statements.len() as u64 + 1);
        // Where nothing can be taken back, how a statement ended that fails is not known without its answer, either.
        let statement = GeneratedStatement::new(failing).doubtful();
        writer.statements.insert(usize::try_from(at).unwrap_or(0), statement);
    }
    if last && !step && writer.chance.percent(15) {
        let forbidden = match grammar {
            Grammar::Postgres => postgres::FORBIDDEN,
            Grammar::MariaDb | Grammar::MySql => mysql::FORBIDDEN,
            Grammar::Sqlite if outside => &sqlite::FORBIDDEN[..sqlite::ALWAYS],
            Grammar::Sqlite => sqlite::FORBIDDEN,
        };
        let forbidden = writer.chance.one_of(forbidden);
        let at = writer.chance.below(writer.statements.len() as u64 + 1);
        let statement = GeneratedStatement::new(*forbidden).forbidden();
        writer.statements.insert(usize::try_from(at).unwrap_or(0), statement);
    }
    let statements = std::mem::take(&mut writer.statements);
    let down = match last && kind == MigrationKind::Script && writer.chance.percent(50) {
        true => way_down(grammar, writer),
        false => Vec::new(),
    };
    let atomic = |statements: &[GeneratedStatement]| match grammar {
        Grammar::Postgres | Grammar::Sqlite => !outside,
        Grammar::MariaDb | Grammar::MySql => !statements.iter().any(mysql::commits),
    };
    let (atomic, down_atomic) = (atomic(&statements), atomic(&down));
    GeneratedMigration { kind, no_transaction: outside, atomic, statements, down, down_atomic, version }
}

/// Whether a later migration makes a table of the name, in whichever place, of one that the first migration makes: of a table
/// that two sets make, the second one's guard takes the first one's for somebody else's.
fn is_made_twice(migrations: &[GeneratedMigration]) -> bool {
    let makes = |one: &GeneratedStatement, name: &str| {
        let text = one.sql.to_lowercase();
        let makes = text.contains("table if not exists")
            || text.starts_with("create table")
            || text.starts_with("rename table")
            || text.contains("rename to");
        makes && text.contains(&name.to_lowercase())
    };
    let Some((first, others)) = migrations.split_first() else { return false };
    NAMES.iter().any(|name| {
        let later = others.iter().flat_map(|migration| &migration.statements).any(|one| makes(one, name));
        later && first.statements.iter().any(|one| makes(one, name))
    })
}

/// What fails on every database, each in its own way.
const FAILING: &[&str] = &[
    "INSERT INTO not_there (id) VALUES (1)",
    "UPDATE items SET not_there = 1",
    "DROP TABLE not_there",
    "SELEC 1",
];

/// Tables of equal names in both places, with rows.
fn beginning(grammar: Grammar, writer: &mut Writer) {
    let keyed = writer.chance.percent(70);
    for far in [false, true] {
        match grammar {
            Grammar::Postgres => postgres::create_table(writer, far, "items", keyed),
            Grammar::MariaDb | Grammar::MySql => mysql::create_table(writer, far, "items", keyed),
            Grammar::Sqlite if far => continue,
            Grammar::Sqlite => sqlite::create_table(writer, "items", keyed),
        }
        let at = writer.tables.len() - 1;
        let place = match (grammar, far) {
            (_, false) => "items",
            (Grammar::Postgres, true) => "far.items",
            (_, true) => "{b}.items",
        };
        let rows = writer.rows(at);
        writer.say(format!("INSERT INTO {place} (id, n, note) VALUES {rows}"));
    }
}

fn repeatable(grammar: Grammar, writer: &mut Writer) -> Option<GeneratedStatement> {
    writer.begin(false);
    let at = writer.table(|table| !table.far && table.partitions == 0)?;
    let name = writer.tables[at].name;
    let quoted = if grammar == Grammar::Postgres || grammar == Grammar::Sqlite { '"' } else { '`' };
    let create =
        if grammar == Grammar::Sqlite { "CREATE VIEW IF NOT EXISTS" } else { "CREATE OR REPLACE VIEW" };
    Some(GeneratedStatement::new(format!(
        "{create} shown AS SELECT id, n + 1 AS more FROM {quoted}{name}{quoted}"
    )))
}

/// Statements that can be undone by none, and say what they did.
fn way_down(grammar: Grammar, writer: &mut Writer) -> Vec<GeneratedStatement> {
    writer.begin(false);
    let mut statements = Vec::new();
    let Some(at) = writer.table(|table| !table.far && table.name == "items" && !table.watched) else {
        return statements;
    };
    let next = writer.tables[at].next;
    writer.tables[at].next += 1;
    statements.push(GeneratedStatement::new("UPDATE items SET n = n + 10"));
    if writer.chance.percent(50) {
        statements.push(GeneratedStatement::new("CREATE TABLE gone_down (id INT)"));
    }
    if grammar == Grammar::Postgres && writer.chance.percent(50) {
        statements.push(GeneratedStatement::new("SET search_path = far, public"));
    }
    statements.push(GeneratedStatement::new(format!(
        "INSERT INTO items (id, n, note) VALUES ({}, 0, 'down')",
        next + 1_000
    )));
    statements
}
