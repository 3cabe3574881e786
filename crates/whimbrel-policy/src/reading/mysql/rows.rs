//! Statements of MySQL and MariaDB that change rows, or read them. Judges nothing.

use crate::deed::{Deed, Name};
use crate::reading::cursor::Cursor;

/// What follows `INSERT` or `REPLACE`.
pub(super) fn insert(cursor: &mut Cursor<'_, '_>, replaces: bool) -> Option<Vec<Deed>> {
    cursor.take_any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY"]);
    let ignores = cursor.take("IGNORE");
    cursor.take("INTO");
    let table = cursor.name()?;
    let queried = cursor.holds("SELECT") || cursor.holds("TABLE") || cursor.holds("WITH");
    let mut deeds = vec![Deed::Insert { table: table.clone(), queried }];
    if replaces {
        deeds.push(Deed::Replace { table });
    } else if ignores {
        deeds.push(Deed::Forgive { table, what: "INSERT IGNORE" });
    }
    Some(deeds)
}

/// What follows `UPDATE`.
pub(super) fn update(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    cursor.take("LOW_PRIORITY");
    let ignores = cursor.take("IGNORE");
    let tables = named(cursor, &["SET"])?;
    cursor.take("SET").then_some(())?;
    let filtered = cursor.holds("WHERE") || cursor.holds("LIMIT") || tables.len() > 1;
    let mut deeds: Vec<_> =
        tables.first().map(|table| Deed::Update { table: table.clone(), filtered }).into_iter().collect();
    if ignores {
        let table = tables.into_iter().next()?;
        deeds.push(Deed::Forgive { table, what: "UPDATE IGNORE" });
    }
    Some(deeds)
}

/// What follows `DELETE`.
pub(super) fn delete(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    while cursor.take_any(&["LOW_PRIORITY", "QUICK", "IGNORE"]).is_some() {}
    cursor.take("HISTORY");
    let several = !cursor.sees("FROM");
    let mut tables = if several { named(cursor, &["FROM"])? } else { Vec::new() };
    cursor.take("FROM").then_some(())?;
    let from = named(cursor, &["USING", "WHERE", "ORDER", "LIMIT", "RETURNING", "BEFORE"])?;
    let joined = several || cursor.sees("USING");
    if !several {
        tables = from;
    }
    let filtered = cursor.holds("WHERE") || cursor.holds("LIMIT") || cursor.holds("BEFORE") || joined;
    Some(tables.into_iter().map(|table| Deed::Delete { table, filtered }).collect())
}

/// The tables before one of these keywords: those between commas, and those behind `JOIN`.
fn named(cursor: &mut Cursor<'_, '_>, until: &[&str]) -> Option<Vec<Name>> {
    let mut tables = Vec::new();
    let mut expected = true;
    while !cursor.done() && !cursor.sees_any(until) {
        if expected && !cursor.sees_symbol("(") {
            let name = target(cursor)?;
            tables.push(name);
            expected = false;
        } else if cursor.take_symbol(",") || cursor.take_any(&["JOIN", "STRAIGHT_JOIN"]).is_some() {
            expected = true;
        } else {
            expected = false;
            cursor.skip();
        }
    }
    (!tables.is_empty()).then_some(tables)
}

/// A table's name; `DELETE t.* FROM t` means `t`.
fn target(cursor: &mut Cursor<'_, '_>) -> Option<Name> {
    cursor.take_symbol(".");
    let mut name = Name::bare(cursor.ident()?);
    while cursor.take_symbol(".") && !cursor.take_symbol("*") {
        name = Name::within(name.name, cursor.ident()?);
    }
    Some(name)
}

/// What follows `LOAD DATA` or `LOAD XML`.
pub(super) fn load(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    cursor.take_any(&["LOW_PRIORITY", "CONCURRENT"]);
    let local = cursor.take("LOCAL");
    cursor.take("INFILE").then_some(())?;
    cursor.value()?;
    let replaces = cursor.take("REPLACE");
    cursor.take("IGNORE");
    cursor.take_all(&["INTO", "TABLE"]).then_some(())?;
    let table = cursor.name()?;
    let mut deeds = vec![Deed::Insert { table: table.clone(), queried: true }];
    if replaces {
        deeds.push(Deed::Replace { table });
    }
    if !local {
        deeds.push(Deed::ServerFile { what: "LOAD DATA", program: false });
    }
    Some(deeds)
}

/// A query: what may be a query and write a file, or call what reads one.
pub(super) fn query(cursor: &Cursor<'_, '_>) -> Vec<Deed> {
    let rest = cursor.rest();
    let mut deeds = Vec::new();
    if rest.windows(2).any(|pair| {
        pair[0].is_keyword("INTO") && (pair[1].is_keyword("OUTFILE") || pair[1].is_keyword("DUMPFILE"))
    }) {
        deeds.push(Deed::ServerFile { what: "INTO OUTFILE", program: false });
    }
    deeds
}

/// Whether a function that reads the server's files is called somewhere.
pub(super) fn reads_files(cursor: &Cursor<'_, '_>) -> bool {
    cursor.rest().windows(2).any(|pair| pair[0].is_keyword("LOAD_FILE") && pair[1].is_symbol("("))
}
