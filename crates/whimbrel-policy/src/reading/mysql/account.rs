//! Accounts and privileges of MySQL and MariaDB. Judges nothing.

use whimbrel::script::TokenKind;

use super::alter::word;
use crate::deed::{Deed, Grant};
use crate::reading::cursor::Cursor;

/// What follows `GRANT`.
pub(super) fn grant(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    let mut what = Vec::new();
    let mut words = String::new();
    while !cursor.sees_any(&["ON", "TO"]) {
        if cursor.take_symbol(",") {
            what.push(std::mem::take(&mut words));
        } else if cursor.parenthesized().is_none() {
            let mut next = account(cursor)?;
            if !words.is_empty() {
                next.insert(0, ' ');
            }
            words.push_str(&next.to_lowercase());
        }
    }
    what.push(words);
    let on = cursor.take("ON").then(|| {
        let mut on = String::new();
        while !cursor.done() && !cursor.sees("TO") {
            if let Some(token) = cursor.next() {
                on.push_str(token.text);
            }
        }
        on
    });
    cursor.take("TO").then_some(())?;
    let mut to = vec![account(cursor)?];
    let mut password = authentication(cursor)?;
    while cursor.take_symbol(",") {
        to.push(account(cursor)?);
        password |= authentication(cursor)?;
    }
    let (mut grantable, mut powers) = (false, Vec::new());
    while cursor.skip_to(&["GRANT", "ADMIN", "SUPER"]) {
        grantable |= cursor.take_all(&["GRANT", "OPTION"]) || cursor.take_all(&["ADMIN", "OPTION"]);
        if cursor.take("SUPER") {
            powers.push("SUPER");
        }
        cursor.take_any(&["GRANT", "ADMIN"]);
    }
    let mut deeds = Vec::new();
    if password {
        deeds.extend(to.iter().map(|name| Deed::Role {
            name: name.clone(),
            powers: powers.clone(),
            password,
        }));
    }
    deeds.push(Deed::Grant(Grant { what, on, to, grantable, default: false }));
    Some(deeds)
}

/// What follows `CREATE USER` and `ALTER USER`.
pub(super) fn user(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    let _ = cursor.take_if_not_exists() || cursor.take_if_exists();
    let mut deeds = Vec::new();
    loop {
        let name = account(cursor)?;
        let password = authentication(cursor)?;
        deeds.push(Deed::Role { name, powers: Vec::new(), password });
        if !cursor.take_symbol(",") {
            return Some(deeds);
        }
    }
}

/// What follows `SET PASSWORD`.
pub(super) fn set_password(cursor: &mut Cursor<'_, '_>) -> Option<Vec<Deed>> {
    let name = if cursor.take("FOR") { account(cursor)? } else { "current_user".to_owned() };
    let _ = cursor.take_symbol("=") || cursor.take("TO");
    let password = cursor.rest().iter().any(|token| token.kind == TokenKind::String);
    Some(vec![Deed::Role { name, powers: Vec::new(), password }])
}

/// An account: `'a'@'b'`, `a`, `CURRENT_USER()`.
pub(super) fn account(cursor: &mut Cursor<'_, '_>) -> Option<String> {
    let mut name = word(cursor)?;
    if cursor.take_symbol("@") {
        name = format!("{name}@{}", host(cursor)?);
    }
    cursor.parenthesized();
    Some(name)
}

/// A host's name: one token in quotes, or several with dots.
fn host(cursor: &mut Cursor<'_, '_>) -> Option<String> {
    let mut host = word(cursor)?;
    while cursor.take_symbol(".") {
        host = format!("{host}.{}", word(cursor)?);
    }
    Some(host)
}

/// What says how somebody logs in, and all that follows it up to the next account. Whether a password, or what is made of
/// one, stands there.
fn authentication(cursor: &mut Cursor<'_, '_>) -> Option<bool> {
    let mut password = false;
    // `WITH` is about all of them, and comes last.
    while !cursor.done() && !cursor.sees_symbol(",") && !cursor.sees("WITH") {
        if cursor.take("IDENTIFIED") {
            if cursor.take_any(&["WITH", "VIA"]).is_some() {
                word(cursor)?;
            }
        } else if cursor.take_any(&["BY", "AS", "USING"]).is_some() {
            cursor.take("PASSWORD");
            let inner = cursor.parenthesized();
            let token = match &inner {
                Some(inner) => inner.peek(),
                None => cursor.next(),
            };
            password |= token.is_some_and(|token| token.kind == TokenKind::String);
        } else {
            cursor.skip();
        }
    }
    Some(password)
}
