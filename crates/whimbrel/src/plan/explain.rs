//! Says what differs between an applied migration and the file of today.

use crate::digest::Digest;
use crate::history::InForce;
use crate::migration::{Migration, Version, migration_digest};

pub(super) fn label(version: Version, entry: &InForce) -> String {
    crate::migration::label(Some(version), &entry.name)
}

/// The day of a time.
pub(super) fn day(at: &str) -> &str {
    at.split(['T', ' ']).next().unwrap_or(at)
}

/// Why the digests differ, as far as digests tell: the candidates are put together and hashed.
pub(super) fn changed(migration: &Migration, entry: &InForce) -> String {
    let (key, kind) = (migration.key(), migration.kind());
    let up = *migration.up().digest();
    let down = migration.down().map(|file| *file.digest());
    let was = |name: &str, up: &Digest, down: Option<&Digest>| {
        migration_digest(key, name, kind, up, down) == entry.digest
    };
    let what = if was(&entry.name, &up, down.as_ref()) {
        format!("only its name: it was `{}`", entry.name)
    } else if was(&entry.name, &up, entry.down.as_ref()) {
        "only its way down differs".to_owned()
    } else if line_ends(migration.up().text()).iter().any(|up| was(&entry.name, up, entry.down.as_ref())) {
        "only line endings differ: set `*.sql text eol=lf` for the version control".to_owned()
    } else if blanks(migration.up().text()).iter().any(|up| was(&entry.name, up, entry.down.as_ref())) {
        "only white space at the end differs".to_owned()
    } else {
        String::new()
    };
    let declared =
        if entry.event == crate::history::HistoryEvent::Baselined { "baselined" } else { "applied" };
    let on = day(&entry.at);
    let what = if what.is_empty() { what } else { format!(" ({what})") };
    format!(
        "is not the one that was {declared} on {on}{what}: restore it, or accept the change by a `former` line in the \
         manifest, {}",
        entry.digest
    )
}

/// The digests that the text would have with other line ends. CRLF is no difference, since the canonical text has none.
fn line_ends(text: &str) -> Vec<Digest> {
    let variants = [text.replace('\r', "\n"), text.replace('\r', ""), text.replace('\n', "\r")];
    variants.iter().map(|text| Digest::of_script(text)).collect()
}

fn blanks(text: &str) -> Vec<Digest> {
    let trimmed = text.trim_end();
    [trimmed.to_owned(), format!("{trimmed}\n"), format!("{trimmed}\n\n")]
        .iter()
        .map(|text| Digest::of_script(text))
        .collect()
}
