//! What is left of statements outside transactions: of indexes that are built, rebuilt or dropped concurrently, and of
//! databases. Builds expressions; runs nothing.
//!
//! An object is known by its `oid`, taken in the session that is about to change it: whatever a later session's search path
//! leads to, it is that object which is looked at.

use whimbrel::{Change, Effect, EffectSql, Ident, Name, ObjectKind};

use crate::dialect::literal;

/// On PostgreSQL everything else is in one transaction with its row.
pub(crate) const EFFECTS: EffectSql = EffectSql {
    place: PLACE,
    role: "translate(current_user::text, '|', '_')",
    object,
    mark,
    state,
    leftovers,
    atomic: None,
    hidden: None,
    refused: |_| false,
    survives_restart: true,
};

/// The schemas in which names are looked for, and whether temporary tables may stand before them.
const PLACE: &str = "concat('the schemas ', pg_catalog.current_schemas(false)::text, CASE WHEN pg_my_temp_schema() <> 0 \
    AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = pg_my_temp_schema()) THEN ' with temporary tables' \
    END)";

/// An identifier as it is in the catalog, as an expression. The server folds ASCII, and other letters where the database's
/// encoding has one byte for each; it cuts what is too long.
fn folded(ident: &Ident) -> String {
    if ident.quoted || ident.text.is_ascii() {
        return format!("{}::name", literal(&written(ident)));
    }
    format!("(parse_ident({}))[1]::name", literal(&ident.text))
}

/// An identifier without its quotes, in small letters as far as every server agrees.
fn written(ident: &Ident) -> String {
    if ident.quoted { ident.text.clone() } else { ident.text.to_ascii_lowercase() }
}

/// A name for `to_regclass`, which folds what is not in quotes.
fn quoted(name: &Name<'_>) -> String {
    let quote = |ident: &Ident| {
        if !ident.quoted && !ident.text.is_ascii() {
            return ident.text.clone();
        }
        format!("\"{}\"", written(ident).replace('"', "\"\""))
    };
    let schema = name.schema.as_ref().map(|schema| quote(schema) + ".").unwrap_or_default();
    schema + &quote(&name.name)
}

fn relation(name: &Name<'_>) -> String {
    format!("to_regclass({})", literal(&quoted(name)))
}

fn is_index(effect: &Effect<'_>) -> bool {
    effect.kind == ObjectKind::Index && effect.concurrently && effect.change != Change::Rebuilt
}

/// The table of an index that is made or rebuilt, the index that is dropped, the table or the schema of what is rebuilt: by its
/// number.
fn object(effect: &Effect<'_>) -> Option<String> {
    if !effect.concurrently {
        return None;
    }
    Some(match (effect.change, effect.kind, &effect.on) {
        (Change::Made, ObjectKind::Index, Some(table)) => format!("{}::oid::text", relation(table)),
        (Change::Removed, ObjectKind::Index, _) | (Change::Rebuilt, ObjectKind::Table, _) => {
            format!("{}::oid::text", relation(&effect.object))
        }
        (Change::Rebuilt, ObjectKind::Index, _) => format!(
            "(SELECT i.indrelid::oid::text FROM pg_catalog.pg_index i WHERE i.indexrelid = {})",
            relation(&effect.object)
        ),
        (Change::Rebuilt, ObjectKind::Schema, _) => format!(
            "(SELECT n.oid::text FROM pg_catalog.pg_namespace n WHERE n.nspname = {})",
            folded(&effect.object.name)
        ),
        (Change::Rebuilt, ObjectKind::Database, _) => "current_database()::text".to_owned(),
        _ => return None,
    })
}

/// The index in `pg_class c` and `pg_index i`, or no row. One that is made goes into its table's schema.
fn index(effect: &Effect<'_>, object: &str) -> Option<String> {
    if !is_index(effect) {
        return None;
    }
    let found = match effect.change {
        Change::Made => format!(
            "c.relname = {} AND c.relnamespace = (SELECT t.relnamespace FROM pg_catalog.pg_class t WHERE t.oid = ({object})::oid)",
            folded(&effect.object.name),
        ),
        _ => format!("c.oid = ({object})::oid"),
    };
    Some(format!(
        "FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE {found}"
    ))
}

/// What `REINDEX CONCURRENTLY` has left in its tables when it was cut off: an index that it was building, or one that it was
/// about to drop. `before` are the numbers of those that were there before.
fn remains(effect: &Effect<'_>, object: &str, before: &str) -> Option<String> {
    let (Change::Rebuilt, true) = (effect.change, effect.concurrently) else { return None };
    let tables = match effect.kind {
        ObjectKind::Index | ObjectKind::Table => format!(
            "(SELECT ({object})::oid UNION ALL SELECT p.relid FROM pg_partition_tree(({object})::oid::regclass) p)"
        ),
        ObjectKind::Schema => {
            format!("(SELECT t.oid FROM pg_catalog.pg_class t WHERE t.relnamespace = ({object})::oid)")
        }
        _ => "(SELECT t.oid FROM pg_catalog.pg_class t)".to_owned(),
    };
    Some(format!(
        "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND c.relkind = 'i' \
         AND c.relname ~ '_cc(new|old)[0-9]*$' AND (i.indrelid IN {tables} OR i.indrelid IN (SELECT t.reltoastrelid \
         FROM pg_catalog.pg_class t WHERE t.oid IN {tables})) \
         AND c.oid::text <> ALL (string_to_array(coalesce({before}, ''), '.'))"
    ))
}

fn database(effect: &Effect<'_>) -> Option<String> {
    (effect.kind == ObjectKind::Database && effect.change != Change::Rebuilt)
        .then(|| format!("FROM pg_catalog.pg_database d WHERE d.datname = {}", folded(&effect.object.name)))
}

/// That an index is no longer valid is no other mark: DROP INDEX CONCURRENTLY that was interrupted leaves one, and is run
/// again. A REINDEX in between makes it another one.
fn mark(effect: &Effect<'_>, object: &str) -> Option<String> {
    if let Some(index) = index(effect, object) {
        return Some(format!("coalesce((SELECT concat_ws(' ', c.oid, c.relfilenode) {index}), 'absent')"));
    }
    if let Some(remains) = remains(effect, object, "''") {
        return Some(format!("coalesce((SELECT string_agg(c.oid::text, '.') {remains}), 'none')"));
    }
    database(effect).map(|database| format!("coalesce((SELECT d.oid::text {database}), 'absent')"))
}

/// Of what is being built everybody may see who does it (pg_stat_progress_create_index), if not what. An invalid index is
/// only ours to drop if it is the one on that table, and on no partitioned one. A standby may lag behind.
fn state(effect: &Effect<'_>, object: &str) -> Option<String> {
    let state = if let Some(database) = database(effect) {
        format!("coalesce((SELECT 'present' {database}), 'absent')")
    } else if let (Change::Rebuilt, true) = (effect.change, effect.concurrently) {
        let here = match effect.kind {
            ObjectKind::Index | ObjectKind::Table => format!("AND l.relation = ({object})::oid"),
            _ => String::new(),
        };
        format!("CASE WHEN {object} IS NULL THEN NULL WHEN {} THEN 'busy' ELSE 'present' END", is_busy(&here))
    } else {
        let index = index(effect, object)?;
        if effect.change == Change::Removed {
            format!("coalesce((SELECT 'present' {index}), 'absent')")
        } else {
            // With IF NOT EXISTS any relation of the name is enough.
            let others = if effect.guarded { "'present'" } else { "NULL" };
            format!(
                "CASE WHEN NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class t WHERE t.oid = ({object})::oid) THEN NULL \
                 WHEN {} THEN 'busy' WHEN NOT EXISTS (SELECT 1 {index}) THEN 'absent' ELSE (SELECT CASE \
                 WHEN i.indrelid IS DISTINCT FROM ({object})::oid THEN {others} \
                 WHEN c.relkind = 'i' AND NOT c.relispartition AND NOT i.indisvalid THEN 'invalid' \
                 WHEN i.indisvalid AND c.relkind = 'i' AND NOT c.relispartition THEN 'present' ELSE {others} END {index}) END",
                is_busy(&format!("AND l.relation = ({object})::oid"))
            )
        }
    };
    Some(format!("CASE WHEN pg_is_in_recovery() THEN NULL ELSE {state} END"))
}

/// Whether somebody else builds an index, on a table of which `here` says more.
fn is_busy(here: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_progress_create_index p USING (pid) \
         WHERE l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid() {here})"
    )
}

/// By the names that they have now, in full.
fn leftovers(effect: &Effect<'_>, object: &str, before: &str) -> Option<String> {
    let drop = |schema: &str| {
        format!("'DROP INDEX CONCURRENTLY ' || quote_ident({schema}) || '.' || quote_ident(c.relname)")
    };
    if let Some(remains) = remains(effect, object, before) {
        // What belongs to TOAST is dropped otherwise.
        let drop = format!(
            "CASE WHEN n.nspname = 'pg_toast' THEN replace({0}, ' CONCURRENTLY', '') ELSE {0} END",
            drop("n.nspname")
        );
        let separator = EffectSql::SEPARATOR as u32;
        return Some(format!("(SELECT string_agg({drop}, chr({separator})) {remains})"));
    }
    let index = index(effect, object).filter(|_| effect.change == Change::Made)?;
    Some(format!(
        "(SELECT {} {index} AND i.indrelid = ({object})::oid AND NOT i.indisvalid AND c.relkind = 'i' \
         AND NOT c.relispartition)",
        drop("(SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = c.relnamespace)")
    ))
}
