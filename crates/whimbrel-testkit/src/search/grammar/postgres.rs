//! PostgreSQL: the schemas `public` and `far`, the roles of the administrator and `whimbrel_hand`.

use super::super::generated::{GeneratedStatement, MigrationKind};
use super::super::model::{Table, Writer};

pub(super) const SETUP: &[&str] = &[
    "CREATE SCHEMA far",
    "DO $$ BEGIN CREATE ROLE whimbrel_hand SUPERUSER; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
];

/// What controls transactions.
pub(super) const FORBIDDEN: &[&str] =
    &["COMMIT", "ROLLBACK", "BEGIN", "/* */ End", "START TRANSACTION", "ABORT", "PREPARE TRANSACTION 'a'"];

/// What a database in LATIN1 cannot read.
pub(super) const NOT_IN_LATIN1: &[&str] =
    &["INSERT INTO items (id, n, note) VALUES (9000, 0, '\u{2192}')", "SELECT 1 /* \u{2192} */"];

/// Adds a statement, a few that belong together, or none where nothing fits.
pub(super) fn say(w: &mut Writer, kind: MigrationKind) {
    let pick = w.chance.below(47);
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
        17 | 18 => create_index(w),
        19 => drop_index(w),
        20 => view(w),
        21 => trigger(w),
        22 => procedure(w),
        23 => dynamic(w),
        24 => prepared(w),
        25..30 => path(w),
        30..33 => role(w),
        33 => shadow(w),
        34 => partition(w),
        35 => if_exists(w),
        36 => savepoint(w),
        37 => drop_table(w),
        38 => literals(w),
        39 => moving_function(w),
        40 => history_shadow(w),
        41 => enumeration(w),
        42 if w.outside => maintenance(w),
        43 | 44 if w.outside => create_index(w),
        43..46 => role(w),
        _ => copy(w),
    }
}

fn quoted(name: &str, w: &mut Writer) -> String {
    if name.contains(' ') {
        return format!("\"{name}\"");
    }
    match w.chance.below(5) {
        0 => name.to_uppercase(),
        1 => format!("\"{name}\""),
        _ => name.to_owned(),
    }
}

fn place(far: bool) -> &'static str {
    if far { "far" } else { "public" }
}

/// A table's name as it may be written here.
fn named(w: &mut Writer, at: usize) -> String {
    let table = w.tables[at].clone();
    let bare = quoted(table.name, w);
    if w.is_met(&table) && w.chance.percent(75) {
        return bare;
    }
    let schema = quoted(place(table.far), w);
    let dot = *w.chance.one_of(&[".", ".", " . ", "./**/"]);
    format!("{schema}{dot}{bare}")
}

pub(super) fn create_table(w: &mut Writer, far: bool, name: &'static str, keyed: bool) {
    let auto = w.chance.percent(25);
    let bare = quoted(name, w);
    let bare = if far == w.here() && w.chance.percent(60) { bare } else { format!("{}.{bare}", place(far)) };
    let key = if keyed { " PRIMARY KEY" } else { "" };
    let auto_column = match (auto, w.chance.below(2)) {
        (false, _) => "",
        (_, 0) => ", auto int GENERATED ALWAYS AS IDENTITY",
        _ => ", auto serial",
    };
    w.say(format!("CREATE TABLE {bare} (id int{key}, n int NOT NULL DEFAULT 0, note text{auto_column})"));
    w.made(far, name, keyed);
}

fn new_table(w: &mut Writer) {
    let far = if w.chance.percent(70) { w.here() } else { w.chance.percent(50) };
    let keyed = w.chance.percent(70);
    if let Some(name) = w.free_name(far) {
        create_table(w, far, name, keyed);
    }
}

fn insert(w: &mut Writer) {
    if let Some(at) = w.table(|_| true) {
        let (name, rows) = (named(w, at), w.rows(at));
        w.say(format!("INSERT INTO {name} (id, n, note) VALUES {rows}"));
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
        match w.chance.percent(15) {
            true => w.say(format!("TRUNCATE {name}")),
            false => w.say(format!("DELETE FROM {name} WHERE id = 1")),
        }
    }
}

fn insert_select(w: &mut Writer) {
    let (Some(to), Some(from)) = (w.table(|table| !table.keyed), w.table(|_| true)) else { return };
    let (to, from) = (named(w, to), named(w, from));
    w.say(format!("INSERT INTO {to} (id, n, note) SELECT id, n, note FROM {from}"));
}

fn add_column(w: &mut Writer) {
    if let Some(at) = w.table(|table| table.columns.len() < 3) {
        let (name, column) = (named(w, at), w.free_column(at));
        let kind = *w.chance.one_of(&["int", "text DEFAULT 'x'", "numeric(9, 2)", "int NOT NULL DEFAULT 7"]);
        w.say(format!("ALTER TABLE {name} ADD COLUMN {column} {kind}"));
        w.tables[at].columns.push(column);
    }
}

fn drop_column(w: &mut Writer) {
    if let Some(at) = w.table(|table| !table.columns.is_empty() && !table.needed && table.indexes.is_empty())
    {
        let name = named(w, at);
        if let Some(column) = w.tables[at].columns.pop() {
            w.say(format!("ALTER TABLE {name} DROP COLUMN {column}"));
        }
    }
}

fn create_index(w: &mut Writer) {
    let Some(at) = w.table(|table| table.indexes.len() < 2) else { return };
    let table = w.tables[at].clone();
    let column = if table.indexes.is_empty() { "n" } else { "note" };
    // The same name in both schemas.
    let index = format!("{}_{column}", table.name.to_lowercase().replace(' ', "_"));
    if table.indexes.contains(&index) {
        return;
    }
    let name = named(w, at);
    let concurrently = match (w.outside, table.partitions > 0, w.chance.below(3)) {
        (true, false, 0) => " CONCURRENTLY IF NOT EXISTS",
        (true, false, _) => " CONCURRENTLY",
        (_, _, 0) => " IF NOT EXISTS",
        _ => "",
    };
    let shown = quoted(&index, w);
    w.say(format!("CREATE INDEX{concurrently} {shown} ON {name} ({column})"));
    w.tables[at].indexes.push(index);
}

fn drop_index(w: &mut Writer) {
    let Some(at) = w.table(|table| !table.indexes.is_empty()) else { return };
    let Some(index) = w.tables[at].indexes.pop() else { return };
    let table = w.tables[at].clone();
    let met = w.path.iter().find(|far| {
        w.tables.iter().any(|other| {
            other.far == **far
                && (other.indexes.contains(&index) || (other.far == table.far && other.name == table.name))
        })
    });
    let shown = match met == Some(&table.far) && w.chance.percent(70) {
        true => index,
        false => format!("{}.{index}", place(table.far)),
    };
    let how = match (w.outside && table.partitions == 0, w.chance.below(3)) {
        (true, 0) => " CONCURRENTLY IF EXISTS",
        (true, _) => " CONCURRENTLY",
        (_, 0) => " IF EXISTS",
        _ => "",
    };
    w.say(format!("DROP INDEX{how} {shown}"));
}

fn view(w: &mut Writer) {
    let Some(at) = w.table(|table| table.partitions == 0) else { return };
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
    let (Some(on), Some(to)) = (
        w.table(|table| !table.watched && table.partitions == 0),
        w.table(|table| !table.keyed && !table.watched),
    ) else {
        return;
    };
    if on == to {
        return;
    }
    let (name, number) = (named(w, on), w.number());
    let target = format!("{}.\"{}\"", place(w.tables[to].far), w.tables[to].name);
    w.say(format!(
        "CREATE FUNCTION public.watch_{number}() RETURNS trigger LANGUAGE plpgsql AS $body$\nBEGIN\n  \
         INSERT INTO {target} (id, n, note) VALUES (NEW.id, {number}, 'it; watches');\n  RETURN NULL;\nEND $body$"
    ));
    w.say(format!(
        "CREATE TRIGGER watch_{number} AFTER INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION public.watch_{number}()"
    ));
    w.tables[on].watched = true;
    w.tables[to].needed = true;
}

fn procedure(w: &mut Writer) {
    let Some(at) = w.table(|table| table.next > 1) else { return };
    let (name, number) = (named(w, at), w.number());
    w.say(format!("CREATE PROCEDURE bump_{number}() LANGUAGE sql AS $$ UPDATE {name} SET n = n + 1 $$"));
    w.say(format!("CALL bump_{number}()"));
}

fn dynamic(w: &mut Writer) {
    let Some(at) = w.table(|table| table.next > 1) else { return };
    let name = named(w, at);
    w.say(format!("DO $do$ BEGIN EXECUTE $q$UPDATE {name} SET n = n + 1;$q$; END $do$"));
}

fn prepared(w: &mut Writer) {
    let Some(at) = w.table(|table| table.next > 1) else { return };
    let (name, number) = (named(w, at), w.number());
    w.push(GeneratedStatement::new(format!("PREPARE p{number} AS UPDATE {name} SET n = n + 1")).leaving());
    w.say(format!("EXECUTE p{number}"));
    // What a rollback leaves of it has a test of its own.
    if !w.outside || w.chance.percent(50) {
        w.say(format!("DEALLOCATE p{number}"));
    }
}

/// Where names are looked for, by each of the ways to say it.
fn path(w: &mut Writer) {
    let (sql, path): (&str, &[bool]) = *w.chance.one_of(&[
        ("SET search_path = far", &[true][..]),
        ("SET search_path TO far, public", &[true, false]),
        ("SET search_path = public, far", &[false, true]),
        ("set \"search_path\" = 'far'", &[true]),
        ("SET SESSION search_path = \"far\", public", &[true, false]),
        ("RESET search_path", &[false]),
        ("SET search_path TO DEFAULT", &[false]),
        ("SET SCHEMA 'far'", &[true]),
        ("SELECT set_config('search_path', 'far, public', false)", &[true, false]),
        ("SET LOCAL search_path = far", &[true]),
    ]);
    // Outside transactions SET LOCAL does nothing.
    if w.outside && sql.starts_with("SET LOCAL") {
        return;
    }
    // A call is not repeated in a new session, as SET is.
    let statement = GeneratedStatement::new(sql);
    w.push(if sql.starts_with("SELECT") { statement.leaving() } else { statement });
    w.path = path.to_vec();
}

fn role(w: &mut Writer) {
    let sql = *w.chance.one_of(&[
        "SET ROLE whimbrel_hand",
        "set role 'whimbrel_hand'",
        "SET SESSION ROLE whimbrel_hand",
        "RESET ROLE",
        "SET ROLE NONE",
        "SET statement_timeout = '9min'",
        "SET datestyle = 'German'",
        "SET TIME ZONE 'Asia/Tokyo'",
        "SET default_transaction_isolation = 'serializable'",
        "SET SESSION AUTHORIZATION whimbrel_hand",
    ]);
    w.say(sql);
}

/// A temporary table hides one that stays.
fn shadow(w: &mut Writer) {
    if w.outside {
        return;
    }
    let Some(at) = w.table(|table| table.partitions == 0) else { return };
    let (name, far) = (w.tables[at].name, place(w.tables[at].far));
    w.push(GeneratedStatement::new(format!("CREATE TEMPORARY TABLE \"{name}\" (id int, n int)")).leaving());
    w.say(format!("INSERT INTO \"{name}\" VALUES (99, 99)"));
    if w.tables[at].next > 1 {
        w.say(format!("UPDATE {far}.\"{name}\" SET n = n + (SELECT count(*) FROM \"{name}\")"));
    }
    w.say(format!("DROP TABLE \"{name}\""));
}

/// What has the history's name, until the transaction's end.
fn history_shadow(w: &mut Writer) {
    if !w.outside {
        w.say("CREATE TEMP TABLE whimbrel_history (seq int) ON COMMIT DROP");
    }
}

fn partition(w: &mut Writer) {
    let number = w.number();
    let here = place(w.here());
    w.say(format!(
        "CREATE TABLE parts_{number} (id int NOT NULL, day int NOT NULL) PARTITION BY RANGE (day)"
    ));
    w.say(format!(
        "CREATE TABLE far.parts_{number}_1 PARTITION OF {here}.parts_{number} FOR VALUES FROM (0) TO (10)"
    ));
    w.say(format!("INSERT INTO {here}.parts_{number} SELECT n, n FROM generate_series(0, 4) n"));
}

fn if_exists(w: &mut Writer) {
    match w.chance.below(3) {
        0 => w.say("DROP TABLE IF EXISTS not_there"),
        1 => w.say("CREATE SCHEMA IF NOT EXISTS far"),
        _ => {
            if let Some(at) = w.table(|table| table.partitions == 0) {
                let name = named(w, at);
                w.say(format!("CREATE TABLE IF NOT EXISTS {name} (other int)"));
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
    match w.chance.percent(60) {
        true => w.say("ROLLBACK TO SAVEPOINT here"),
        false => w.say("RELEASE here"),
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

/// A setting by which quotes are read otherwise.
fn literals(w: &mut Writer) {
    let Some(at) = w.table(|table| table.next > 1) else { return };
    let name = named(w, at);
    w.say("SET standard_conforming_strings = off");
    w.say(format!("UPDATE {name} SET note = E'it\\'s; \\\\ here', n = n + 1"));
    w.say("SET standard_conforming_strings = on");
}

/// A function that changes where names are looked for, behind a plain SELECT.
fn moving_function(w: &mut Writer) {
    if w.outside {
        return;
    }
    let number = w.number();
    w.say(format!(
        "CREATE FUNCTION public.move_{number}() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN \
         PERFORM set_config('search_path', 'far', false); END $f$"
    ));
    w.say(format!("SELECT public.move_{number}()"));
    w.path = vec![true];
}

fn enumeration(w: &mut Writer) {
    let number = w.number();
    w.say(format!("CREATE TYPE mood_{number} AS ENUM ('low', 'high')"));
    w.say(format!("ALTER TYPE mood_{number} ADD VALUE 'middle' BEFORE 'high'"));
}

fn maintenance(w: &mut Writer) {
    let Some(at) = w.table(|table| table.partitions == 0) else { return };
    let name = named(w, at);
    match (w.chance.below(3), w.tables[at].indexes.last().cloned()) {
        (0, Some(index)) => {
            let far = place(w.tables[at].far);
            w.say(format!("REINDEX INDEX CONCURRENTLY {far}.{index}"));
        }
        (1, _) => w.say(format!("ANALYZE {name}")),
        _ => w.say(format!("VACUUM {name}")),
    }
}

fn copy(w: &mut Writer) {
    let (far, Some(from)) = (w.here(), w.table(|table| table.partitions == 0)) else { return };
    let Some(name) = w.free_name(far) else { return };
    let (from_name, bare) = (named(w, from), quoted(name, w));
    w.say(format!("CREATE TABLE {bare} AS SELECT id, n, note FROM {from_name}"));
    let at = w.made(far, name, false);
    w.tables[at].next = 1_000;
}
