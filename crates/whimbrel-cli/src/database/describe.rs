//! What a database has of an object, for a person who has to find out what became of a statement. Decides nothing.

use whimbrel::{Driver, Effect, ObjectKind, Row, Value};

use super::Connection;

/// The object that an effect is about, as the database has it: lines to be shown. Empty: nobody here knows how to look.
pub(crate) async fn describe(db: &mut Connection, effect: &Effect<'_>) -> Vec<String> {
    let name = match (effect.kind, &effect.on) {
        (ObjectKind::Table | ObjectKind::View, _) | (_, None) => &effect.object,
        // Of an index the table tells more.
        (_, Some(table)) => table,
    };
    let dialect = db.dialect();
    let bare = |ident: &whimbrel::Ident| {
        if ident.quoted || dialect.name != "postgres" {
            ident.text.clone()
        } else {
            ident.text.to_lowercase()
        }
    };
    let (schema, object) = (name.schema.as_ref().map(bare), bare(&name.name));
    let quoted = |text: &str| (dialect.identifier)(text);
    let qualified = match &schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&object)),
        None => quoted(&object),
    };
    let literal = (dialect.literal)(&qualified);
    let object = (dialect.literal)(&object);
    let queries: Vec<String> = match dialect.name {
        "postgres" => vec![
            format!(
                "SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END \
                 FROM pg_attribute WHERE attrelid = to_regclass({literal}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
            ),
            format!(
                "SELECT pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' -- INVALID' END \
                 FROM pg_index WHERE indrelid = to_regclass({literal}) ORDER BY 1"
            ),
            format!(
                "SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
                 WHERE conrelid = to_regclass({literal}) ORDER BY 1"
            ),
        ],
        "sqlite" => vec![format!(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND (lower(name) = lower({object}) OR lower(tbl_name) = lower({object})) \
             ORDER BY type DESC, name"
        )],
        _ => match effect.kind {
            ObjectKind::Procedure => vec![format!("SHOW CREATE PROCEDURE {qualified}")],
            ObjectKind::Function => vec![format!("SHOW CREATE FUNCTION {qualified}")],
            ObjectKind::Event => vec![format!("SHOW CREATE EVENT {qualified}")],
            ObjectKind::Trigger if effect.on.is_none() => vec![format!("SHOW CREATE TRIGGER {qualified}")],
            ObjectKind::Database => vec![format!("SHOW CREATE DATABASE {qualified}")],
            _ => vec![format!("SHOW CREATE TABLE {qualified}")],
        },
    };
    let mysql = matches!(dialect.name, "mysql" | "mariadb");
    let mut lines = Vec::new();
    for query in queries {
        match db.query(&query, &[]).await {
            Ok(rows) => lines.extend(rows.iter().flat_map(|row| shown(row, mysql))),
            // Mostly: it is not there. That is an answer too.
            Err(error) => return vec![format!("{qualified}: {}", error.message())],
        }
    }
    if lines.is_empty() {
        lines.push(format!("there is no {qualified}"));
    }
    lines
}

/// Of `SHOW CREATE …` the text that is a statement; of others the first column.
fn shown(row: &Row, mysql: bool) -> Vec<String> {
    let texts = row.values().iter().filter_map(|value| match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    });
    let mut texts: Vec<String> = texts.collect();
    let text = if mysql {
        let at = texts.iter().position(|text| text.contains("CREATE ")).unwrap_or(0);
        (at < texts.len()).then(|| texts.swap_remove(at))
    } else {
        texts.into_iter().next()
    };
    text.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}
