//! The one query of a boot: asks it, and reads what follows from its answer.

use super::Migrator;
use crate::detail::Detail;
use crate::dialect::{BootQuery, BootSet, last_number};
use crate::digest::Digest;
use crate::driver::{ColumnError, ErrorClass, Row, Rows};
use crate::engine::{Deadline, Found, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::migration::MigrationSet;
use crate::plan::{Ahead, Goal};
use crate::verify::Verified;

/// What a boot finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Booted {
    /// Everything is in force, and nothing more.
    UpToDate,
    /// Everything is in force, and newer migrations are.
    Ahead,
    /// There may be something to do: the history has to be read.
    Pending,
}

impl Migrator<'_> {
    /// Asks whether there is anything to do: one query, whatever the number of migrations.
    pub(super) async fn boot(
        &self,
        session: &mut Session<'_>,
        sets: &[Verified<MigrationSet>],
        deadline: &Deadline,
    ) -> Result<Booted> {
        let boot_sets: Vec<BootSet<'_>> = sets
            .iter()
            .enumerate()
            .map(|(index, set)| {
                let target = match self.request.goal {
                    Goal::UpTo(target) if index + 1 == sets.len() => Some(target),
                    _ => None,
                };
                BootSet {
                    name: set.name().as_str(),
                    head: target.map_or(*set.head(), |target| set.head_at(target)),
                    repeatables: (!set.repeatables().is_empty()).then(|| *set.repeatables_digest()),
                    last: target.map_or(last_number(set.last()), |target| target.number()),
                }
            })
            .collect();
        let mut table = session.pinned(&self.table);
        let rows = loop {
            let environment = self.request.environment.is_some();
            let query = BootQuery { table: &table, sets: &boot_sets, environment };
            let sql = (session.dialect().history.boot)(&query);
            let rows = match session.read(&sql, &self.table, deadline).await {
                Ok(Found::Rows(rows)) => rows,
                Ok(Found::Absent(_)) => return Ok(Booted::Pending),
                Err(error)
                    if error.class() == Some(ErrorClass::Sql)
                        && table.schema().is_none()
                        && session.pin_here().await =>
                {
                    table = session.pinned(&self.table);
                    continue;
                }
                Err(error) => return Err(error),
            };
            // A temporary table of the session's own hides what has the same name: the real one is asked by its full name.
            match shadowed(&rows).filter(|_| table.schema().is_none()) {
                Some(here) => table = table.within(Some(&here)),
                None => break rows,
            }
        };
        let odd = |error: ColumnError| {
            Error::new(
                ErrorKind::Database,
                format!("the table {} was not made by this library, or was changed: {error}", self.table),
            )
            .with_note("next", "give the history another name with `with_table`, or restore the table")
        };
        if let Some(row) = rows.first()
            && row.values().len() > 8
            && self.table.schema().is_none()
        {
            let text = |column| row.read::<Option<String>>(column).map_err(odd);
            let (there, here) = (text(7)?, text(8)?);
            if there.is_some() && there != here {
                return Err(elsewhere(&self.table.to_string(), &there.unwrap_or_default(), here.as_deref()));
            }
            session.pin(there.as_deref());
        }
        let mut found = Booted::UpToDate;
        for (set, loaded) in boot_sets.iter().zip(sets) {
            let row = rows.iter().find(|row| row.read::<String>(0).is_ok_and(|name| name == set.name));
            match self.read(set, loaded, row).map_err(odd)? {
                Booted::Pending => return Ok(Booted::Pending),
                // What is newer than all of mine may be what a tombstone of mine removes, which no row need tell of yet.
                Booted::Ahead if has_tombstone_behind(loaded, set.last) => return Ok(Booted::Pending),
                Booted::Ahead => found = Booted::Ahead,
                Booted::UpToDate => {}
            }
        }
        if found == Booted::Ahead && self.request.ahead == Ahead::Refuse {
            return Ok(Booted::Pending);
        }
        Ok(found)
    }

    fn read(
        &self,
        set: &BootSet<'_>,
        loaded: &MigrationSet,
        row: Option<&Row>,
    ) -> Result<Booted, ColumnError> {
        let Some(row) = row else { return Ok(Booted::Pending) };
        if let Some(wanted) = &self.request.environment {
            let text: Option<String> = row.read(6)?;
            let detail = text.and_then(|text| text.parse::<Detail>().ok());
            if detail.as_ref().and_then(|detail| detail.value("name")) != Some(wanted) {
                return Ok(Booted::Pending);
            }
        }
        let mine = |column, digest: &Digest| -> Result<bool, ColumnError> {
            Ok(row.read::<Option<String>>(column)?.is_some_and(|text| text == digest.to_string()))
        };
        let (had, touched): (Option<i64>, Option<i64>) = (row.read(2)?, row.read(5)?);
        let untouched = had.is_some_and(|had| touched.is_none_or(|touched| touched <= had));
        // Work is open. A row that begins a revert, or something late, has `below`; so where everything of mine was in
        // force, and nothing at or below my last version was touched since, the work is on a newer version, or on a
        // repeatable: a newer one, if all of mine were in force and somebody counts revisions.
        if row.read::<Option<String>>(1)?.is_none() {
            let repeats = set.repeatables.is_none()
                || (row.read::<Option<i64>>(4)?.is_some() && loaded.counts_revisions());
            let everything = loaded.last().is_none_or(|last| last.number() == set.last);
            let others = untouched && repeats && everything;
            return Ok(if others { Booted::Ahead } else { Booted::Pending });
        }
        if mine(1, &set.head)? {
            // A target leaves repeatables alone; and whoever has none has none that could be pending.
            let Some(repeatables) = set.repeatables.filter(|_| !matches!(self.request.goal, Goal::UpTo(_)))
            else {
                return Ok(Booted::UpToDate);
            };
            if mine(3, &repeatables)? {
                return Ok(Booted::UpToDate);
            }
            // Mine were in force under this head, and others are now: newer ones, if somebody counts revisions. Without
            // a manifest going back to a former text is a change like any other.
            let had = row.read::<Option<i64>>(4)?.is_some() && loaded.counts_revisions();
            return Ok(if had { Booted::Ahead } else { Booted::Pending });
        }
        Ok(if untouched { Booted::Ahead } else { Booted::Pending })
    }
}

/// The place where the table would be made, if the one that was found is a temporary one.
fn shadowed(rows: &Rows) -> Option<String> {
    let row = rows.first().filter(|row| row.values().len() > 8)?;
    let text = |column| row.read::<Option<String>>(column).ok().flatten();
    text(7)?.starts_with("pg_temp_").then(|| text(8)).flatten()
}

/// Whether a set's manifest removes a version that is newer than its last one.
fn has_tombstone_behind(set: &MigrationSet, last: i64) -> bool {
    let mut tombstones = set.manifest().into_iter().flat_map(|manifest| manifest.tombstones());
    tombstones.any(|tombstone| tombstone.version.number() > last)
}

/// The table that was found is not the one in the schema in which this connection would create it.
fn elsewhere(table: &str, there: &str, here: Option<&str>) -> Error {
    let here = here.map_or_else(|| "in no schema".to_owned(), |here| format!("in the schema {here}"));
    Error::new(
        ErrorKind::Configuration,
        format!("the history was found in the schema {there}, and this connection creates tables {here}"),
    )
    .with_note(
        "next",
        format!("mend the search path, or say which history is meant: `with_table(TableName::new(\"{there}.{table}\")?)`"),
    )
}
