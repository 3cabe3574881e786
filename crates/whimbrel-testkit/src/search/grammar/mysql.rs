//! MariaDB and MySQL: the connection's database `{a}` and the other one, `{b}`.

use super::super::generated::{GeneratedStatement, MigrationKind};
use super::super::model::{Table, Writer};
use super::Grammar;

pub(super) const SETUP: &[&str] = &["CREATE DATABASE {b}"];

/// What controls transactions, or the migrators' lock, also where one server would execute it and the other one would not.
pub(super) const FORBIDDEN: &[&str] = &[
    "COMMIT",
    "ROLLBACK",
    "START TRANSACTION",
    "/*!99999 DO */ COMMIT",
    "/*!99999 DO */ ROLLBACK",
    "/*!99999 DO */ START TRANSACTION",
    "/*M!999999 DO */ COMMIT",
    "do /*!99999 1; */ Release_All_Locks ( )",
    "/*!40101 COMMIT */",
    "DO /*!99999 1; */ RELEASE_ALL_LOCKS()",
    "SELECT RELEASE_ALL_LOCKS()",
    "SET autocommit = 0",
    "LOCK TABLES items WRITE",
];

/// What fails, and leaves what a statement that took effect would leave.
pub(super) const FAILING: &[&str] = &[
    "ALTER TABLE items ADD COLUMN n INT",
    "CREATE TABLE items (id INT)",
    "DROP INDEX not_there ON items",
    "ALTER TABLE items DROP COLUMN not_there",
    "DROP TABLE not_there",
];

/// Whether a statement ends the transaction that it is in, so that its script cannot be in one.
pub(super) fn commits(statement: &GeneratedStatement) -> bool {
    let text = statement.sql.trim_start_matches(|c: char| "/*! ".contains(c) || c.is_ascii_digit());
    let words =
        ["ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE", "CALL", "EXECUTE", "BEGIN", "OPTIMIZE", "ANALYZE"];
    words.iter().any(|word| text.to_uppercase().starts_with(word))
}

/// Adds a statement, a few that belong together, or none where nothing fits.
pub(super) fn say(w: &mut Writer, kind: MigrationKind, grammar: Grammar) {
    let pick = w.chance.below(57);
    if kind == MigrationKind::Step {
        match pick % 3 {
            0 => insert(w),
            1 => update(w),
            _ => delete(w),
        }
        return;
    }
    // Data alone is in one transaction.
    if w.data_alone {
        match pick {
            0..12 => insert(w),
            12..26 => update(w),
            26..30 => delete(w),
            30 | 31 => insert_select(w),
            32..38 => place(w),
            38..41 => setting(w),
            41..45 => comments(w),
            _ => savepoint(w),
        }
        return;
    }
    match pick {
        0..3 => new_table(w),
        3..7 => insert(w),
        7..13 => update(w),
        13 => delete(w),
        14 => insert_select(w),
        15..19 => add_column(w),
        19 | 20 => drop_column(w),
        21..23 => create_index(w),
        23 => drop_index(w),
        24 => view(w),
        25 => trigger(w),
        26..29 => procedure(w),
        29 => prepared(w, grammar),
        30..36 => place(w),
        36 => setting(w),
        37 => shadow(w),
        38 => partition(w),
        39 => if_exists(w),
        40 => update(w),
        41 => drop_table(w),
        42 => comments(w),
        43 => several(w),
        44 => modify(w),
        45 => rename(w),
        46 => truncate(w),
        47..55 => in_both(w),
        _ => copy(w),
    }
}

fn database(far: bool) -> &'static str {
    if far { "{b}" } else { "{a}" }
}

/// A table's name as it may be written here.
fn named(w: &mut Writer, at: usize) -> String {
    let table = w.tables[at].clone();
    let bare = match w.chance.below(4) {
        0 => format!("`{}`", table.name),
        _ if table.name.contains(' ') => format!("`{}`", table.name),
        _ => table.name.to_owned(),
    };
    if table.far == w.here() && w.chance.percent(75) {
        return bare;
    }
    let quote = if w.chance.percent(40) { "`" } else { "" };
    let dot = *w.chance.one_of(&[".", ".", " . "]);
    format!("{quote}{}{quote}{dot}{bare}", database(table.far))
}

pub(super) fn create_table(w: &mut Writer, far: bool, name: &'static str, keyed: bool) {
    let auto = w.chance.percent(25);
    let bare = match far == w.here() && w.chance.percent(60) {
        true => format!("`{name}`"),
        false => format!("{}.`{name}`", database(far)),
    };
    let key = if keyed { " PRIMARY KEY" } else { "" };
    let auto_column = if auto { ", auto INT AUTO_INCREMENT UNIQUE" } else { "" };
    w.say(format!(
        "CREATE TABLE {bare} (id INT{key}, n INT NOT NULL DEFAULT 0, note VARCHAR(40){auto_column})"
    ));
    w.made(far, name, keyed);
}

fn new_table(w: &mut Writer) {
    let far = if w.chance.percent(70) { w.here() } else { w.chance.percent(50) };
    let keyed = w.chance.percent(70);
    if let Some(name) = w.free_name(far) {
        create_table(w, far, name, keyed);
    }
}

/// A change of rows: happens together with its row, unless a trigger comes in between.
fn change(w: &mut Writer, at: usize, sql: String) {
    let statement = GeneratedStatement::new(sql);
    let watched = w.tables[at].watched;
    w.push(if watched { statement.doubtful() } else { statement });
}

fn insert(w: &mut Writer) {
    if let Some(at) = w.table(|_| true) {
        let (name, rows) = (named(w, at), w.rows(at));
        let verb = *w.chance.one_of(&["INSERT INTO", "INSERT INTO", "REPLACE INTO", "insert ignore into"]);
        change(w, at, format!("{verb} {name} (id, n, note) VALUES {rows}"));
    }
}

fn update(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.next > 1) {
        let (name, condition) = (named(w, at), w.condition(at));
        change(w, at, format!("UPDATE {name} SET n = n + 1{condition}"));
    }
}

fn delete(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.next > 2) {
        let name = named(w, at);
        change(w, at, format!("DELETE FROM {name} WHERE id = 1"));
    }
}

fn insert_select(w: &mut Writer) {
    let (Some(to), Some(from)) = (w.table(|table| !table.keyed), w.table(|_| true)) else { return };
    let (name, from) = (named(w, to), named(w, from));
    change(w, to, format!("INSERT INTO {name} (id, n, note) SELECT id, n, note FROM {from}"));
}

fn add_column(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.columns.len() < 3) {
        let (name, column) = (named(w, at), w.free_column(at));
        let kind =
            *w.chance.one_of(&["INT", "VARCHAR(9) DEFAULT 'x;'", "DECIMAL(9, 2)", "INT NOT NULL DEFAULT 7"]);
        w.say(format!("ALTER TABLE {name} ADD COLUMN {column} {kind}"));
        w.tables[at].columns.push(column);
    }
}

fn drop_column(w: &mut Writer) {
    if let Some(at) = w.table(|table| !table.columns.is_empty()) {
        let name = named(w, at);
        if let Some(column) = w.tables[at].columns.pop() {
            w.say(format!("ALTER TABLE {name} DROP COLUMN {column}"));
        }
    }
}

fn create_index(w: &mut Writer) {
    let Some(at) = w.table(|table| table.indexes.len() < 2) else { return };
    let column = if w.tables[at].indexes.is_empty() { "n" } else { "note" };
    // The same name in both databases.
    let index = format!("by_{column}");
    if w.tables[at].indexes.contains(&index) {
        return;
    }
    let name = named(w, at);
    match w.chance.percent(50) {
        true => w.say(format!("CREATE INDEX {index} ON {name} ({column})")),
        false => w.say(format!("ALTER TABLE {name} ADD INDEX {index} ({column})")),
    }
    w.tables[at].indexes.push(index);
}

fn drop_index(w: &mut Writer) {
    let Some(at) = w.table(|table| !table.indexes.is_empty() && !table.needed) else { return };
    let name = named(w, at);
    if let Some(index) = w.tables[at].indexes.pop() {
        match w.chance.percent(50) {
            true => w.say(format!("DROP INDEX {index} ON {name}")),
            false => w.say(format!("ALTER TABLE {name} DROP INDEX {index}")),
        }
    }
}

fn view(w: &mut Writer) {
    let Some(at) = w.table(|_| true) else { return };
    let (name, here) = (named(w, at), w.here());
    let known = w.views.iter().find(|(far, _)| *far == here).cloned();
    let (view, replace) = match known {
        Some((_, view)) if w.chance.percent(40) => (view, "OR REPLACE "),
        _ => (format!("view_{}", w.number()), ""),
    };
    w.say(format!("CREATE {replace}VIEW {view} AS SELECT id, n FROM {name}"));
    w.tables[at].needed = true;
    w.views.push((here, view));
}

fn trigger(w: &mut Writer) {
    let (Some(on), Some(to)) =
        (w.table(|table| !table.watched), w.table(|table| !table.keyed && !table.watched && !table.needed))
    else {
        return;
    };
    if on == to {
        return;
    }
    let (number, place) = (w.number(), database(w.tables[on].far));
    let (name, to_place, to_name) = (w.tables[on].name, database(w.tables[to].far), w.tables[to].name);
    w.push(
        GeneratedStatement::new(format!(
            "CREATE TRIGGER {place}.watch_{number} AFTER INSERT ON {place}.`{name}` FOR EACH ROW\nBEGIN\n  \
             INSERT INTO {to_place}.`{to_name}` (id, n, note) VALUES (NEW.id, {number}, 'it; watches');\nEND"
        ))
        .compound(),
    );
    w.tables[on].watched = true;
    w.tables[to].needed = true;
}

fn procedure(w: &mut Writer) {
    let Some(at) = w.table(|table| table.next > 1) else { return };
    let (name, number) = (named(w, at), w.number());
    w.say(format!("CREATE PROCEDURE bump_{number}() UPDATE {name} SET n = n + 1"));
    if w.chance.percent(50) {
        update(w);
    }
    w.push(GeneratedStatement::new(format!("CALL bump_{number}()")).doubtful());
}

fn prepared(w: &mut Writer, grammar: Grammar) {
    let Some(at) = w.table(|table| table.next > 1) else { return };
    let (name, number) = (named(w, at), w.number());
    if grammar == Grammar::MariaDb && w.chance.percent(30) {
        let sql = format!("EXECUTE IMMEDIATE 'UPDATE {name} SET n = n + 1'");
        w.push(GeneratedStatement::new(sql).doubtful());
        return;
    }
    w.push(GeneratedStatement::new(format!("SET @sql_{number} = 'UPDATE {name} SET n = n + 1'")).leaving());
    w.push(GeneratedStatement::new(format!("PREPARE p{number} FROM @sql_{number}")).leaving());
    w.push(GeneratedStatement::new(format!("EXECUTE p{number}")).doubtful());
    if w.chance.percent(50) {
        w.say(format!("DEALLOCATE PREPARE p{number}"));
    }
}

fn place(w: &mut Writer) {
    let far = w.chance.percent(65);
    let place = database(far);
    let sql = match w.chance.below(4) {
        0 => format!("use `{place}`"),
        1 => format!("/*!40000 USE {place} */"),
        _ => format!("USE {place}"),
    };
    w.say(sql);
    w.path = vec![far];
}

/// The same change in both databases, the second one by its bare name behind a USE: evidence of it is not where a new session
/// would look, and what that session would find there is what the change would leave.
fn in_both(w: &mut Writer) {
    let Some(near) = w.table(|table| !table.far && !table.needed) else { return };
    let name = w.tables[near].name;
    let Some(far) = w.table(|table| table.far && !table.needed && table.name == name) else { return };
    let (here, there) = (w.tables[near].clone(), w.tables[far].clone());
    let unindexed = here.indexes.is_empty() && there.indexes.is_empty();
    let column = here.columns.iter().find(|column| there.columns.contains(column)).cloned();
    let change = match (column, w.chance.below(4)) {
        (_, 0) if unindexed => {
            for at in [near, far] {
                w.tables[at].indexes.push("by_n".to_owned());
            }
            "ADD INDEX by_n (n)".to_owned()
        }
        (Some(column), 1..) => {
            for at in [near, far] {
                w.tables[at].columns.retain(|one| *one != column);
            }
            format!("DROP COLUMN {column}")
        }
        _ => {
            let number = (1..).find(|number| {
                let column = format!("c{number}");
                !here.columns.contains(&column) && !there.columns.contains(&column)
            });
            let column = format!("c{}", number.unwrap_or(1));
            for at in [near, far] {
                w.tables[at].columns.push(column.clone());
            }
            format!("ADD COLUMN {column} INT")
        }
    };
    w.say(format!("ALTER TABLE {{a}}.`{name}` {change}"));
    w.say("USE {b}");
    w.path = vec![true];
    w.say(format!("ALTER TABLE `{name}` {change}"));
}

fn setting(w: &mut Writer) {
    let sql = *w.chance.one_of(&[
        "SET foreign_key_checks = 0",
        "/*!40101 SET unique_checks = 0 */",
        "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
        "SET @@session.sql_mode = 'STRICT_ALL_TABLES'",
        "SET NAMES utf8mb4",
        "SET time_zone = '+03:00'",
        "SET SESSION innodb_lock_wait_timeout = 9",
        "SET @before = 1",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ]);
    let statement = GeneratedStatement::new(sql);
    w.push(if sql.contains("@before") { statement.leaving() } else { statement });
}

/// A temporary table hides one that stays.
fn shadow(w: &mut Writer) {
    let Some(at) = w.table(|table| !table.watched && !table.needed) else { return };
    let (name, far) = (w.tables[at].name, w.tables[at].far);
    if far != w.here() {
        return;
    }
    w.push(
        GeneratedStatement::new(format!("CREATE TEMPORARY TABLE `{name}` (id INT, n INT)"))
            .leaving()
            .doubtful(),
    );
    w.push(GeneratedStatement::new(format!("INSERT INTO `{name}` VALUES (99, 99)")).leaving());
    w.push(GeneratedStatement::new(format!("DROP TEMPORARY TABLE `{name}`")).leaving().doubtful());
}

fn partition(w: &mut Writer) {
    let number = w.number();
    w.say(format!("CREATE TABLE parts_{number} (n INT) /*!50100 PARTITION BY HASH (n) PARTITIONS 2 */"));
    w.say(format!("INSERT INTO parts_{number} VALUES (1), (2), (3)"));
    let add = format!("ALTER TABLE parts_{number} ADD PARTITION PARTITIONS 1");
    w.push(GeneratedStatement::new(add).doubtful());
}

fn if_exists(w: &mut Writer) {
    match w.chance.below(3) {
        0 => w.say("DROP TABLE IF EXISTS not_there"),
        1 => w.say("CREATE DATABASE IF NOT EXISTS {b}"),
        _ => {
            if let Some(at) = w.table(|_| true) {
                let name = named(w, at);
                w.say(format!("CREATE TABLE IF NOT EXISTS {name} (other INT)"));
            }
        }
    }
}

fn savepoint(w: &mut Writer) {
    let Some(at) = w.table(|table| table.next > 1 && !table.watched) else { return };
    let (first, second) = (named(w, at), named(w, at));
    w.say("SAVEPOINT here");
    w.say(format!("UPDATE {first} SET n = n + 100"));
    match w.chance.percent(60) {
        true => w.say("ROLLBACK TO SAVEPOINT here"),
        false => w.say("RELEASE SAVEPOINT here"),
    }
    w.say(format!("UPDATE {second} SET n = n + 1"));
}

fn drop_table(w: &mut Writer) {
    let free = |table: &Table| !table.needed && !table.watched && table.name != "items";
    if let Some(at) = w.table(free) {
        let name = named(w, at);
        w.say(format!("DROP TABLE {name}"));
        w.tables.remove(at);
    }
}

/// Version comments: executed by both servers, or by none.
fn comments(w: &mut Writer) {
    let Some(at) = w.table(|table| table.next > 1 && !table.watched) else { return };
    let name = named(w, at);
    match w.chance.below(4) {
        2 if w.data_alone => {}
        0 => w.say(format!("/*!40101 UPDATE {name} SET n = n + 1 */")),
        1 => w.say(format!("UPDATE {name} SET n = n /*!40101 + 1 */ /*!99999 + 100 */")),
        2 => {
            let number = w.number();
            w.say(format!("/*!50001 CREATE VIEW noted_{number} AS SELECT id FROM {name} */"));
            w.tables[at].needed = true;
        }
        _ => w.say(format!("/*! UPDATE */ {name} SET n = n + 1 # */ ; + 100\n")),
    }
}

/// Several changes in one statement.
fn several(w: &mut Writer) {
    if let Some(at) = w.table(|_| true) {
        let (name, number) = (named(w, at), w.number());
        let sql = format!("ALTER TABLE {name} ADD COLUMN d{number} INT, ADD COLUMN e{number} INT");
        w.push(GeneratedStatement::new(sql).doubtful());
    }
}

fn modify(w: &mut Writer) {
    if let Some(at) = w.table(|table| !table.watched) {
        let name = named(w, at);
        let kind = *w.chance.one_of(&["VARCHAR(50)", "VARCHAR(60)", "TEXT"]);
        if w.tables[at].indexes.len() < 2 {
            w.push(
                GeneratedStatement::new(format!("ALTER TABLE {name} MODIFY COLUMN note {kind}")).doubtful(),
            );
        }
    }
}

fn rename(w: &mut Writer) {
    let free = |table: &Table| !table.needed && !table.watched && table.name != "items";
    let Some(at) = w.table(free) else { return };
    let far = w.tables[at].far;
    let Some(new) = w.free_name(far) else { return };
    let name = named(w, at);
    let sql = format!("RENAME TABLE {name} TO {}.`{new}`", database(far));
    w.push(GeneratedStatement::new(sql).doubtful());
    w.tables[at].name = new;
}

fn truncate(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.next > 1) {
        let name = named(w, at);
        w.push(GeneratedStatement::new(format!("TRUNCATE TABLE {name}")).doubtful());
    }
}

fn copy(w: &mut Writer) {
    let far = w.here();
    let (Some(from), Some(name)) = (w.table(|_| true), w.free_name(far)) else { return };
    let from_name = named(w, from);
    let like = w.chance.percent(50);
    let how =
        if like { format!("LIKE {from_name}") } else { format!("AS SELECT id, n, note FROM {from_name}") };
    w.push(GeneratedStatement::new(format!("CREATE TABLE `{name}` {how}")).doubtful());
    let columns = if like { w.tables[from].columns.clone() } else { Vec::new() };
    let at = w.made(far, name, false);
    w.tables[at].columns = columns;
    w.tables[at].next = 1_000;
    w.tables[at].indexes = vec!["by_n".to_owned(), "by_note".to_owned()];
    w.tables[at].needed = true;
}
