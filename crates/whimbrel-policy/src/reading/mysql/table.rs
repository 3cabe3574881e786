//! `CREATE TABLE` of MySQL and MariaDB: columns, keys, options. Knows nothing of tables that are there already.

use super::column::{self, charset, reference_options};
use crate::deed::{Constraint, ConstraintKind, Deed, Name, NewIndex, NewTable};
use crate::reading::cursor::{Cursor, literal};

/// What follows `CREATE … TABLE`.
pub(super) fn create(cursor: &mut Cursor<'_, '_>, temporary: bool) -> Option<Vec<Deed>> {
    let if_not_exists = cursor.take_if_not_exists();
    let mut table = NewTable { if_not_exists, temporary, ..NewTable::new(cursor.name()?) };
    if cursor.take("LIKE") {
        cursor.name()?;
        table.from_query = false;
        table.options.push(("like".to_owned(), String::new()));
        return Some(vec![Deed::CreateTable(table)]);
    }
    let mut indexes = Vec::new();
    if let Some(mut body) = definitions(cursor) {
        if body.take("LIKE") {
            body.name()?;
            table.options.push(("like".to_owned(), String::new()));
            return Some(vec![Deed::CreateTable(table)]);
        }
        for part in body.parts() {
            item(part, &mut table, &mut indexes)?;
        }
    }
    options(cursor, &mut table.options)?;
    if cursor.take_all(&["PARTITION", "BY"]) {
        table.options.push(("partitioned".to_owned(), String::new()));
        cursor.skip_to(&["SELECT", "AS", "IGNORE", "REPLACE", "WITH", "TABLE"]);
    }
    let _ = cursor.take("IGNORE") || cursor.take("REPLACE");
    table.from_query = cursor.take("AS")
        || cursor.sees_any(&["SELECT", "WITH", "TABLE", "VALUES"])
        || cursor.sees_symbol("(");
    (table.from_query || cursor.done()).then_some(())?;
    let mut deeds = vec![Deed::CreateTable(table)];
    deeds.extend(indexes.into_iter().map(Deed::CreateIndex));
    Some(deeds)
}

/// The parentheses with columns, and not those around a query.
fn definitions<'a, 't>(cursor: &mut Cursor<'a, 't>) -> Option<Cursor<'a, 't>> {
    let mut ahead = *cursor;
    let inner = ahead.parenthesized()?;
    if inner.sees_any(&["SELECT", "WITH", "VALUES"]) || inner.sees_symbol("(") {
        return None;
    }
    *cursor = ahead;
    Some(inner)
}

/// A column, a key or a constraint.
fn item(mut cursor: Cursor<'_, '_>, table: &mut NewTable, indexes: &mut Vec<NewIndex>) -> Option<()> {
    match key(&mut cursor, &table.name) {
        Some(Key::Constraint(constraint)) => table.constraints.push(constraint),
        Some(Key::Index(index)) => indexes.push(index),
        None if cursor.take_all(&["PERIOD", "FOR"]) => return Some(()),
        None => table.columns.push(column::column(&mut cursor)?),
    }
    Some(())
}

/// What is neither a column nor an option.
pub(super) enum Key {
    Constraint(Constraint),
    Index(NewIndex),
}

/// A key or a constraint, if one comes next; else nothing is passed.
pub(super) fn key(cursor: &mut Cursor<'_, '_>, table: &Name) -> Option<Key> {
    let mut ahead = *cursor;
    let found = read_key(&mut ahead, table)?;
    *cursor = ahead;
    Some(found)
}

fn read_key(cursor: &mut Cursor<'_, '_>, table: &Name) -> Option<Key> {
    let mut name = None;
    if cursor.take("CONSTRAINT") {
        cursor.take_if_not_exists();
        if !cursor.sees_any(&["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]) {
            name = Some(cursor.ident()?.to_lowercase());
        }
    }
    let constraint = |name, kind| Key::Constraint(Constraint { name, kind, validated: true });
    if cursor.take_all(&["PRIMARY", "KEY"]) {
        index_name(cursor);
        let columns = key_columns(cursor)?.into_iter().flatten().collect();
        let kind = ConstraintKind::PrimaryKey { columns, using_index: None };
        return Some(constraint(Some("PRIMARY".to_owned()), kind));
    }
    if cursor.take_all(&["FOREIGN", "KEY"]) {
        cursor.take_if_not_exists();
        name = name.or_else(|| index_name(cursor));
        let columns = key_columns(cursor)?.into_iter().flatten().collect();
        cursor.take("REFERENCES").then_some(())?;
        let references = cursor.name()?;
        let cascades = reference_options(cursor);
        return Some(constraint(name, ConstraintKind::ForeignKey { columns, references, cascades }));
    }
    if cursor.sees("CHECK") {
        cursor.take("CHECK");
        cursor.parenthesized()?;
        let validated = !cursor.take_all(&["NOT", "ENFORCED"]);
        let kind = ConstraintKind::Check { not_null: Vec::new() };
        return Some(Key::Constraint(Constraint { name, kind, validated }));
    }
    let unique = cursor.take("UNIQUE");
    let special = cursor.take_any(&["FULLTEXT", "SPATIAL", "VECTOR"]);
    let word = cursor.take("INDEX") || cursor.take("KEY");
    if !unique && special.is_none() && !word {
        return None;
    }
    let if_not_exists = cursor.take_if_not_exists();
    name = index_name(cursor).or(name);
    let columns = key_columns(cursor)?;
    Some(Key::Index(NewIndex {
        name,
        table: table.clone(),
        columns,
        unique,
        concurrently: false,
        if_not_exists,
        partial: false,
        special,
    }))
}

/// The name of an index and its kind, each of which may be missing.
pub(super) fn index_name(cursor: &mut Cursor<'_, '_>) -> Option<String> {
    let name = if cursor.sees_symbol("(") || cursor.sees_any(&["USING", "TYPE"]) {
        None
    } else {
        cursor.ident().map(|name| name.to_lowercase())
    };
    if cursor.take_any(&["USING", "TYPE"]).is_some() {
        cursor.next();
    }
    name
}

/// The columns of a key; an expression is none.
pub(super) fn key_columns(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Option<String>>> {
    let inner = cursor.parenthesized()?;
    let mut columns = Vec::new();
    for mut part in inner.parts() {
        (!part.done()).then_some(())?;
        columns.push(part.ident().map(|name| name.to_lowercase()));
    }
    Some(columns)
}

/// Options of a table, as far as they go. Their names are in lower case, and so are their values.
pub(super) fn options(cursor: &mut Cursor<'_, '_>, options: &mut Vec<(String, String)>) -> Option<()> {
    while !cursor.done() {
        if cursor.sees_all(&["PARTITION", "BY"])
            || cursor.sees_any(&["SELECT", "AS", "IGNORE", "REPLACE", "WITH", "TABLE", "VALUES", "REMOVE"])
            || cursor.sees_symbol("(")
        {
            // MariaDB: `WITH SYSTEM VERSIONING` is an option.
            if cursor.take_all(&["WITH", "SYSTEM", "VERSIONING"]) {
                continue;
            }
            return Some(());
        }
        option(cursor, options)?;
        cursor.take_symbol(",");
    }
    Some(())
}

/// One option of a table.
pub(super) fn option(cursor: &mut Cursor<'_, '_>, options: &mut Vec<(String, String)>) -> Option<()> {
    cursor.take("DEFAULT");
    if let Some(charset) = charset(cursor) {
        options.push(("charset".to_owned(), charset));
        return Some(());
    }
    if cursor.take_all(&["DATA", "DIRECTORY"]) || cursor.take_all(&["INDEX", "DIRECTORY"]) {
        cursor.take_symbol("=");
        cursor.value()?;
        return Some(());
    }
    let name = match cursor.take_any(&["TYPE", "ENGINE"]) {
        Some(_) => "engine".to_owned(),
        None => cursor.ident()?.to_lowercase(),
    };
    cursor.take_symbol("=");
    if name == "union" || cursor.sees_symbol("(") {
        cursor.parenthesized()?;
        return Some(());
    }
    let value = literal(cursor.value()?).trim_matches('`').to_lowercase();
    if name == "tablespace" && cursor.take("STORAGE") {
        cursor.next()?;
    }
    options.push((name, value));
    Some(())
}
