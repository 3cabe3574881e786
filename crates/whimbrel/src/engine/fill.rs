//! Fills placeholders in, just before SQL is handed to the driver, and takes what was filled in out of what the driver
//! reports. The only place that holds the values of secrets together with SQL.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::dialect::{Dialect, SecretSql};
use crate::driver::{DriverError, Message};
use crate::placeholder::{Form, Placeholder, placeholders};
use crate::script::Script;
use crate::secret::Secret;

/// The values of a run.
#[derive(Clone, Default)]
pub(crate) struct Values {
    pub(crate) plain: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// A message with everything filled in.
pub(super) struct Filled {
    pub(super) text: Zeroizing<String>,
    /// What was filled in: where it begins and ends in the text, and where it stood before.
    places: Vec<(usize, usize, usize, usize)>,
    /// The settings that the text reads secrets from, by their names.
    pub(super) settings: Vec<(String, Secret)>,
    /// Whether a secret was filled in.
    pub(super) secret: bool,
}

/// What stands before a secret in its setting, so that an empty setting is none.
pub(super) const MARK: &str = "=";

impl Values {
    /// A message with its placeholders filled in; `None` if it has none.
    ///
    /// `settings` is how many settings other messages of the same call have.
    pub(super) fn fill(&self, message: &Message<'_>, dialect: &Dialect, settings: usize) -> Option<Filled> {
        let found = placeholders(&message.sql, &dialect.lexing);
        if found.is_empty() {
            return None;
        }
        match dialect.secrets {
            SecretSql::Setting { statement, .. } if found.iter().any(|it| it.form == Form::Secret) => {
                self.fill_from_settings(&message.sql, &found, dialect, statement, settings)
            }
            _ => Some(self.fill_in(&message.sql, &found, dialect)),
        }
    }

    fn fill_in(&self, sql: &str, found: &[Placeholder], dialect: &Dialect) -> Filled {
        let mut text = Zeroizing::new(String::with_capacity(self.room(sql, found)));
        let (mut places, mut at) = (Vec::new(), 0);
        for it in found {
            let Some(value) = self.value(it, dialect) else { continue };
            text.push_str(&sql[at..it.start]);
            let from = text.len();
            text.push_str(&value);
            places.push((from, text.len(), it.start, it.end));
            at = it.end;
        }
        text.push_str(&sql[at..]);
        let secret = found.iter().any(|it| it.form == Form::Secret);
        Filled { text, places, settings: Vec::new(), secret }
    }

    /// Room for everything, so that the text never moves and leaves a copy behind.
    fn room(&self, sql: &str, found: &[Placeholder]) -> usize {
        let longest = |it: &Placeholder| match it.form {
            Form::Secret => self.secrets.get(&it.name).map_or(0, |secret| secret.expose().len()),
            _ => self.plain.get(&it.name).map_or(0, String::len),
        };
        sql.len() + found.iter().map(|it| longest(it) * 4 + 16).sum::<usize>()
    }

    fn value(&self, it: &Placeholder, dialect: &Dialect) -> Option<Zeroizing<String>> {
        Some(Zeroizing::new(match it.form {
            Form::Literal => (dialect.quoted)(self.plain.get(&it.name)?),
            Form::Identifier => (dialect.identifier)(self.plain.get(&it.name)?),
            Form::Secret => (dialect.quoted)(self.secrets.get(&it.name)?.expose()),
        }))
    }

    /// Where the client writes what it sends to a log: each statement that has a secret becomes one that puts its own text
    /// together on the server, from settings of the session that were bound apart.
    fn fill_from_settings(
        &self,
        sql: &str,
        found: &[Placeholder],
        dialect: &Dialect,
        statement: fn(&str) -> String,
        others: usize,
    ) -> Option<Filled> {
        let script = Script::parse(sql, &dialect.lexing).ok()?;
        let mut settings: Vec<(String, Secret)> = Vec::new();
        let (mut text, mut places, mut at) = (Zeroizing::new(String::new()), Vec::new(), 0);
        for piece in script.statements() {
            let (start, end) = (piece.position().offset, piece.position().offset + piece.text().len());
            let inside: Vec<&Placeholder> =
                found.iter().filter(|it| (start..end).contains(&it.start)).collect();
            text.push_str(&sql[at..start]);
            at = end;
            let from = text.len();
            if inside.iter().all(|it| it.form != Form::Secret) {
                let own: Vec<Placeholder> = inside
                    .into_iter()
                    .map(|it| Placeholder { start: it.start - start, end: it.end - start, ..it.clone() })
                    .collect();
                let filled = self.fill_in(piece.text(), &own, dialect);
                text.push_str(&filled.text);
                let moved = |(a, b, c, d)| (a + from, b + from, c + start, d + start);
                places.extend(filled.places.into_iter().map(moved));
                continue;
            }
            let mut parts = String::new();
            let mut done = start;
            for it in inside {
                let _ = write!(parts, "{} || ", (dialect.literal)(&sql[done..it.start]));
                done = it.end;
                if it.form != Form::Secret {
                    let _ = write!(parts, "{} || ", (dialect.literal)(self.value(it, dialect)?.as_str()));
                    continue;
                }
                let known = settings.iter().position(|(name, _)| *name == it.name);
                let number = match known {
                    Some(number) => number,
                    None => {
                        settings.push((it.name.clone(), self.secrets.get(&it.name)?.clone()));
                        settings.len() - 1
                    }
                };
                // A setting that a script has emptied must not pass for an empty secret: NULL is no statement.
                let name = setting(others + number);
                let _ = write!(parts, "quote_literal(substr(nullif(current_setting('{name}'), ''), 2)) || ");
            }
            let _ = write!(parts, "{}", (dialect.literal)(&sql[done..end]));
            text.push_str(&statement(&parts));
            places.push((from, text.len(), start, start));
        }
        text.push_str(&sql[at..]);
        Some(Filled { text, places, settings, secret: true })
    }

    /// Takes secrets out of an error. What the database adds may quote a part of one only, so all of it goes.
    pub(super) fn scrub(&self, error: DriverError, dialect: &Dialect) -> DriverError {
        if self.secrets.is_empty() {
            return error;
        }
        let mut secrets: Vec<&str> = self.secrets.values().map(Secret::expose).collect();
        // One may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(error.without_private(), |error, secret| {
            let quoted = Zeroizing::new((dialect.quoted)(secret));
            let inside =
                quoted.split_once('\'').map_or("", |(_, rest)| rest.strip_suffix('\'').unwrap_or(rest));
            error.without(inside).without(secret)
        })
    }
}

/// The name of the setting for a secret.
pub(super) fn setting(number: usize) -> String {
    format!("whimbrel.secret_{number}")
}

impl Filled {
    /// Where in the message something stood that stands here in the text.
    pub(super) fn before(&self, offset: usize) -> usize {
        let mut shift = 0_isize;
        for &(from, to, start, end) in &self.places {
            if offset < from {
                break;
            }
            if offset < to {
                return start;
            }
            shift = end as isize - to as isize;
        }
        offset.saturating_add_signed(shift)
    }
}
