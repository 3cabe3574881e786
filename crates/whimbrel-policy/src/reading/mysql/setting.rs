//! `SET` of MySQL and MariaDB. Judges nothing.

use super::account;
use crate::deed::Deed;
use crate::reading::cursor::{Cursor, literal};

/// What follows `SET`.
pub(super) fn set(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    if cursor.take("PASSWORD") {
        return account::set_password(cursor);
    }
    if cursor.sees_any(&["NAMES", "CHARACTER", "CHARSET"]) {
        let (setting, value) = ("names".to_owned(), None);
        return Some(vec![Deed::Set { setting, value, local: false }]);
    }
    if cursor.sees_any(&["ROLE", "TRANSACTION", "RESOURCE"]) || cursor.sees_all(&["DEFAULT", "ROLE"]) {
        return Some(vec![Deed::Harmless]);
    }
    if cursor.take_all(&["GLOBAL", "TRANSACTION"]) {
        return Some(vec![Deed::AlterSystem { what: "transaction isolation".to_owned() }]);
    }
    if cursor.take_all(&["SESSION", "TRANSACTION"]) || cursor.take_all(&["LOCAL", "TRANSACTION"]) {
        return Some(vec![Deed::Harmless]);
    }
    let mut everybody = false;
    cursor
        .parts()
        .into_iter()
        .map(|mut part| {
            // The word counts for what follows it, too.
            if let Some(scope) = scope(&mut part) {
                everybody = scope;
            }
            assignment(&mut part, everybody)
        })
        .collect()
}

/// `GLOBAL`, `SESSION` and the like; whether it is everybody's.
fn scope(cursor: &mut Cursor<'_, '_>) -> Option<bool> {
    if cursor.take_any(&["GLOBAL", "PERSIST", "PERSIST_ONLY"]).is_some() {
        Some(true)
    } else {
        cursor.take_any(&["SESSION", "LOCAL"]).map(|_| false)
    }
}

fn assignment(cursor: &mut Cursor<'_, '_>, everybody: bool) -> Option<Deed> {
    let mut everybody = everybody;
    if cursor.take_symbol("@@") {
        if let Some(scope) = scope(cursor) {
            everybody = scope;
            cursor.take_symbol(".").then_some(())?;
        }
    } else if cursor.take_symbol("@") {
        return Some(Deed::Harmless);
    }
    let mut setting = cursor.value()?.trim_matches('`').to_lowercase();
    // A variable of a component, or `NEW.a` in a body.
    while cursor.take_symbol(".") {
        setting = format!("{setting}.{}", cursor.value()?.to_lowercase());
    }
    (cursor.take_symbol("=") || cursor.take_symbol(":=")).then_some(())?;
    if everybody {
        return Some(Deed::AlterSystem { what: setting });
    }
    // What is computed is not known.
    let value = match cursor.rest() {
        [one] => Some(literal(one.text).to_lowercase()),
        _ => None,
    };
    Some(Deed::Set { setting, value, local: false })
}
