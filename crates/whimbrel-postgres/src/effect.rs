//! What is left of statements outside transactions: of indexes that are built or dropped concurrently, and of databases.
//! Builds expressions; runs nothing.

use whimbrel::{Change, Effect, EffectSql, Ident, Name, ObjectKind};

use crate::dialect::literal;

/// On PostgreSQL everything else is in one transaction with its row.
pub(crate) const EFFECTS: EffectSql = EffectSql { mark, state, drop, atomic: None, survives_restart: true };

/// An identifier as it is in the catalog.
fn folded(ident: &Ident) -> String {
    if ident.quoted { ident.text.clone() } else { ident.text.to_lowercase() }
}

fn quoted(name: &Name<'_>) -> String {
    let quote = |ident: &Ident| format!("\"{}\"", folded(ident).replace('"', "\"\""));
    let schema = name.schema.as_ref().map(|schema| quote(schema) + ".").unwrap_or_default();
    schema + &quote(&name.name)
}

/// The index in `pg_class c` and `pg_index i`, or no row. One that is made goes into its table's schema.
fn index(effect: &Effect<'_>) -> Option<String> {
    if effect.kind != ObjectKind::Index || !effect.concurrently {
        return None;
    }
    let found = match (effect.change, &effect.on) {
        (Change::Made, Some(table)) => format!(
            "c.relname = {} AND c.relnamespace = \
             (SELECT t.relnamespace FROM pg_class t WHERE t.oid = to_regclass({}))",
            literal(&folded(&effect.object.name)),
            literal(&quoted(table)),
        ),
        (Change::Removed, _) => format!("c.oid = to_regclass({})", literal(&quoted(&effect.object))),
        _ => return None,
    };
    Some(format!("FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE {found}"))
}

fn database(effect: &Effect<'_>) -> Option<String> {
    (effect.kind == ObjectKind::Database)
        .then(|| format!("FROM pg_database d WHERE d.datname = {}", literal(&folded(&effect.object.name))))
}

/// That an index is no longer valid is no other mark: DROP INDEX CONCURRENTLY that was interrupted leaves one, and is run
/// again. A REINDEX in between makes it another one.
fn mark(effect: &Effect<'_>) -> Option<String> {
    if let Some(index) = index(effect) {
        return Some(format!("coalesce((SELECT concat_ws(' ', c.oid, c.relfilenode) {index}), 'absent')"));
    }
    database(effect).map(|database| format!("coalesce((SELECT d.oid::text {database}), 'absent')"))
}

/// Of what is being built everybody may see who does it (pg_stat_progress_create_index), if not what. An invalid index is
/// only ours to drop if it is the one on that table, on no partitioned one, and if its name leads to no other one.
fn state(effect: &Effect<'_>) -> Option<String> {
    if let Some(database) = database(effect) {
        return Some(format!("coalesce((SELECT 'present' {database}), 'absent')"));
    }
    let index = index(effect)?;
    let (Change::Made, Some(table)) = (effect.change, &effect.on) else {
        return Some(format!("coalesce((SELECT 'present' {index}), 'absent')"));
    };
    let (table, name) = (literal(&quoted(table)), literal(&dropped(effect)));
    Some(format!(
        "CASE WHEN to_regclass({table}) IS NULL THEN NULL WHEN EXISTS (SELECT 1 FROM pg_locks l \
         JOIN pg_stat_progress_create_index p USING (pid) WHERE l.relation = to_regclass({table}) \
         AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()) THEN 'busy' \
         WHEN NOT EXISTS (SELECT 1 {index}) THEN 'absent' ELSE (SELECT CASE \
         WHEN i.indrelid IS DISTINCT FROM to_regclass({table}) OR c.relkind <> 'i' OR c.relispartition THEN NULL \
         WHEN i.indisvalid THEN 'present' WHEN c.oid = to_regclass({name}) THEN 'invalid' END {index}) END"
    ))
}

/// The name to drop by.
fn dropped(effect: &Effect<'_>) -> String {
    let schema = effect.on.as_ref().and_then(|table| table.schema.clone());
    let text = effect.object.text;
    quoted(&Name { schema: schema.or(effect.object.schema.clone()), name: effect.object.name.clone(), text })
}

fn drop(effect: &Effect<'_>) -> String {
    format!("DROP INDEX CONCURRENTLY {}", dropped(effect))
}
