//! SQLite: `main`, and temporary tables of equal names.

use super::super::generated::{GeneratedStatement, MigrationKind};
use super::super::model::{Table, Writer};

pub(super) const SETUP: &[&str] = &[];

pub(super) const FORBIDDEN: &[&str] = &[
    "COMMIT",
    "ROLLBACK",
    "BEGIN IMMEDIATE",
    "/* */ End",
    "PRAGMA foreign_keys = OFF",
    "ATTACH 'other' AS other",
];

/// How many of them outside transactions, too.
pub(super) const ALWAYS: usize = 4;

/// Adds a statement, a few that belong together, or none where nothing fits.
pub(super) fn say(w: &mut Writer, kind: MigrationKind) {
    let pick = w.chance.below(32);
    if kind == MigrationKind::Step {
        match pick % 4 {
            0 => insert(w),
            1 => update(w),
            2 => delete(w),
            _ => add_column(w),
        }
        return;
    }
    match pick {
        0..3 => new_table(w),
        3..7 => insert(w),
        7..12 => update(w),
        12 => delete(w),
        13 => insert_select(w),
        14..16 => add_column(w),
        16 => drop_column(w),
        17 => rename(w),
        18 | 19 => create_index(w),
        20 => drop_index(w),
        21 => view(w),
        22 => trigger(w),
        23..25 => shadow(w),
        25 => if_exists(w),
        26 => savepoint(w),
        27 => drop_table(w),
        28 => pragma(w),
        29 if w.outside => w.say("VACUUM"),
        30 => maintenance(w),
        _ => copy(w),
    }
}

fn named(w: &mut Writer, at: usize) -> String {
    let name = w.tables[at].name;
    let bare = match w.chance.below(5) {
        _ if name.contains(' ') => format!("[{name}]"),
        0 => name.to_uppercase(),
        1 => format!("\"{name}\""),
        2 => format!("`{name}`"),
        _ => name.to_owned(),
    };
    let schema = *w.chance.one_of(&["", "", "main.", "MAIN . ", "\"main\"./**/"]);
    format!("{schema}{bare}")
}

pub(super) fn create_table(w: &mut Writer, name: &'static str, keyed: bool) {
    let auto = w.chance.percent(25);
    let columns = match (keyed, auto) {
        (true, true) => "id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER NOT NULL DEFAULT 0, note TEXT",
        (true, false) => "id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0, note TEXT",
        _ => "id INTEGER, n INTEGER NOT NULL DEFAULT 0, note TEXT",
    };
    w.say(format!("CREATE TABLE \"{name}\" ({columns})"));
    w.made(false, name, keyed);
}

fn new_table(w: &mut Writer) {
    let keyed = w.chance.percent(70);
    if let Some(name) = w.free_name(false) {
        create_table(w, name, keyed);
    }
}

fn insert(w: &mut Writer) {
    if let Some(at) = w.table(|_| true) {
        let name = named(w, at);
        match w.tables[at].keyed && w.chance.percent(20) {
            // The database gives the number.
            true => {
                w.tables[at].next += 1;
                w.say(format!("INSERT INTO {name} (n, note) VALUES (5, 'given')"));
            }
            false => {
                let rows = w.rows(at);
                w.say(format!("INSERT INTO {name} (id, n, note) VALUES {rows}"));
            }
        }
    }
}

fn update(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.next > 1) {
        let (name, condition) = (named(w, at), w.condition(at));
        w.say(format!("UPDATE {name} SET n = n + 1{condition}"));
    }
}

fn delete(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.next > 2) {
        let name = named(w, at);
        w.say(format!("DELETE FROM {name} WHERE id = 1"));
    }
}

fn insert_select(w: &mut Writer) {
    let (Some(to), Some(from)) = (w.table(|table| !table.keyed), w.table(|_| true)) else { return };
    let (to, from) = (named(w, to), named(w, from));
    w.say(format!("INSERT INTO {to} (id, n, note) SELECT id, n, note FROM {from} ORDER BY id, n"));
}

fn add_column(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.columns.len() < 3) {
        let (name, column) = (named(w, at), format!("c{}", w.number()));
        let kind = *w.chance.one_of(&["INTEGER", "TEXT DEFAULT 'x; y'", "INTEGER NOT NULL DEFAULT 7"]);
        w.say(format!("ALTER TABLE {name} ADD COLUMN {column} {kind}"));
        w.tables[at].columns.push(column);
    }
}

fn drop_column(w: &mut Writer) {
    if let Some(at) = w.table(|table| !table.columns.is_empty() && !table.needed && !table.watched) {
        let name = named(w, at);
        if let Some(column) = w.tables[at].columns.pop() {
            w.say(format!("ALTER TABLE {name} DROP COLUMN {column}"));
        }
    }
}

fn rename(w: &mut Writer) {
    let free = |table: &Table| !table.needed && !table.watched && table.name != "items";
    let (Some(at), Some(new)) = (w.table(free), w.free_name(false)) else { return };
    let name = named(w, at);
    w.say(format!("ALTER TABLE {name} RENAME TO \"{new}\""));
    w.tables[at].name = new;
}

fn create_index(w: &mut Writer) {
    let Some(at) = w.table(|table| table.indexes.len() < 3) else { return };
    let (name, number) = (w.tables[at].name, w.number());
    let column = *w.chance.one_of(&["n", "note", "n DESC", "lower(note)"]);
    let exists = if w.chance.percent(30) { "IF NOT EXISTS " } else { "" };
    let index = format!("by_{number}");
    w.say(format!("CREATE INDEX {exists}{index} ON \"{name}\" ({column})"));
    w.tables[at].indexes.push(index);
}

fn drop_index(w: &mut Writer) {
    let Some(at) = w.table(|table| !table.indexes.is_empty()) else { return };
    let exists = if w.chance.percent(30) { "IF EXISTS " } else { "" };
    if let Some(index) = w.tables[at].indexes.pop() {
        w.say(format!("DROP INDEX {exists}{index}"));
    }
}

fn view(w: &mut Writer) {
    let Some(at) = w.table(|_| true) else { return };
    let (name, number) = (w.tables[at].name, w.number());
    w.say(format!("CREATE VIEW view_{number} AS SELECT id, n FROM \"{name}\""));
    w.tables[at].needed = true;
}

fn trigger(w: &mut Writer) {
    let (Some(on), Some(to)) =
        (w.table(|table| !table.watched), w.table(|table| !table.keyed && !table.watched))
    else {
        return;
    };
    if on == to {
        return;
    }
    let (name, target, number) = (w.tables[on].name, w.tables[to].name, w.number());
    w.say(format!(
        "CREATE TRIGGER watch_{number} AFTER INSERT ON \"{name}\" BEGIN\n  \
         INSERT INTO \"{target}\" (id, n, note) VALUES (NEW.id, {number}, 'it; watches');\nEND"
    ));
    w.tables[on].watched = true;
    w.tables[to].needed = true;
}

/// A temporary table hides one that stays.
fn shadow(w: &mut Writer) {
    let Some(at) = w.table(|table| !table.watched) else { return };
    let name = w.tables[at].name;
    w.push(
        GeneratedStatement::new(format!("CREATE TEMP TABLE \"{name}\" (id INTEGER, n INTEGER)")).leaving(),
    );
    w.say(format!("INSERT INTO \"{name}\" VALUES (99, 99)"));
    w.say(format!("UPDATE main.\"{name}\" SET n = n + (SELECT count(*) FROM \"{name}\")"));
    w.say(format!("DROP TABLE temp.\"{name}\""));
}

fn if_exists(w: &mut Writer) {
    match w.chance.percent(50) {
        true => w.say("DROP TABLE IF EXISTS not_there"),
        false => {
            if let Some(at) = w.table(|_| true) {
                let name = named(w, at);
                w.say(format!("CREATE TABLE IF NOT EXISTS {name} (other INTEGER)"));
            }
        }
    }
}

fn savepoint(w: &mut Writer) {
    if w.outside {
        return;
    }
    let Some(at) = w.table(|table| table.next > 1) else { return };
    let (first, second) = (named(w, at), named(w, at));
    w.say("SAVEPOINT here");
    w.say(format!("UPDATE {first} SET n = n + 100"));
    if w.chance.percent(60) {
        w.say("ROLLBACK TO SAVEPOINT here");
    }
    w.say("RELEASE here");
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

fn pragma(w: &mut Writer) {
    let number = w.number();
    let sql = match w.chance.below(6) {
        0 => format!("PRAGMA user_version = {number}"),
        1 => format!("PRAGMA application_id = {number}"),
        2 => "PRAGMA case_sensitive_like = ON".to_owned(),
        3 => "PRAGMA recursive_triggers = ON".to_owned(),
        4 => "PRAGMA defer_foreign_keys = ON".to_owned(),
        _ => "PRAGMA cache_size = 100".to_owned(),
    };
    w.say(sql);
}

fn maintenance(w: &mut Writer) {
    match w.chance.percent(50) {
        true => w.say("REINDEX"),
        false => w.say("PRAGMA optimize"),
    }
}

fn copy(w: &mut Writer) {
    let (Some(from), Some(name)) = (w.table(|_| true), w.free_name(false)) else { return };
    let from_name = named(w, from);
    w.say(format!("CREATE TABLE \"{name}\" AS SELECT id, n, note FROM {from_name} ORDER BY id, n"));
    let at = w.made(false, name, false);
    w.tables[at].next = 1_000;
}
