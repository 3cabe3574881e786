//! What a database has of an object, for a person who has to find out what became of a statement. Decides nothing.

use whimbrel::script::Statement;
use whimbrel::{Driver, Effect, Ident, ObjectKind, Row, Value};

use super::Connection;

/// What a statement names, as far as its first words tell.
pub(crate) struct Object {
    kind: ObjectKind,
    schema: Option<Ident>,
    name: Ident,
}

impl Object {
    /// What a person would look at after this statement: the table, where it names one.
    pub(crate) fn of(statement: &Statement<'_>) -> Option<Self> {
        let Some(effect) = Effect::of(statement) else { return Self::guessed(statement) };
        let (kind, name) = match (effect.kind, effect.on) {
            (ObjectKind::Table | ObjectKind::View, _) | (_, None) => (effect.kind, effect.object),
            // Of an index the table tells more.
            (_, Some(table)) => (ObjectKind::Table, table),
        };
        Some(Self { kind, schema: name.schema, name: name.name })
    }

    /// The name behind the first word that one stands behind.
    fn guessed(statement: &Statement<'_>) -> Option<Self> {
        let mut words = statement.words().map(|word| word.text);
        words.find(|word| {
            ["ON", "TABLE", "FROM", "INTO", "UPDATE"].iter().any(|it| word.eq_ignore_ascii_case(it))
        })?;
        let passed = ["IF", "NOT", "EXISTS", "ONLY"];
        let mut names = words.skip_while(|word| passed.iter().any(|it| word.eq_ignore_ascii_case(it)));
        let first = ident(names.next()?)?;
        match (names.next(), names.next().and_then(ident)) {
            (Some("."), Some(name)) => Some(Self { kind: ObjectKind::Table, schema: Some(first), name }),
            _ => Some(Self { kind: ObjectKind::Table, schema: None, name: first }),
        }
    }
}

/// An identifier, perhaps in quotes.
fn ident(word: &str) -> Option<Ident> {
    let bare = word.trim_matches(['"', '`']);
    let quoted = bare.len() != word.len();
    let plain = bare.chars().all(|letter| letter.is_alphanumeric() || "_$".contains(letter));
    (!bare.is_empty() && (quoted || plain)).then(|| Ident { text: bare.to_owned(), quoted })
}

/// What the database has of an object: lines to be shown.
pub(crate) async fn describe(db: &mut Connection, object: &Object) -> Vec<String> {
    let (kind, name) = (object.kind, object);
    let dialect = db.dialect();
    let bare = |ident: &Ident| {
        if ident.quoted || dialect.name != "postgres" {
            ident.text.clone()
        } else {
            // As the server folds it.
            ident.text.to_ascii_lowercase()
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
        _ => match kind {
            ObjectKind::Procedure => vec![format!("SHOW CREATE PROCEDURE {qualified}")],
            ObjectKind::Function => vec![format!("SHOW CREATE FUNCTION {qualified}")],
            ObjectKind::Event => vec![format!("SHOW CREATE EVENT {qualified}")],
            ObjectKind::Trigger => vec![format!("SHOW CREATE TRIGGER {qualified}")],
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
