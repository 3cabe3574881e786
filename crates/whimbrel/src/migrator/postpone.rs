//! Pauses before what has failed is tried again. Counts nothing itself: the history does.

use std::time::{Duration, Instant};

use super::Migrator;
use super::verbs::{Mode, Verb};
use crate::driver::Driver;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Failures, History};
use crate::migration::{SetName, Version};
use crate::moment;
use crate::observe::Event;
use crate::plan::{Plan, PlanItem};
use crate::report::Short;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(600);

/// How long a pause goes on without looking whether somebody has asked for an end.
const PIECE: Duration = Duration::from_millis(250);

/// A migration that has failed, and is not tried again yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PostponedMigration {
    /// Its set.
    pub set: SetName,
    /// Its version, unless it is repeatable.
    pub version: Option<Version>,
    /// Its label.
    pub label: String,
    /// How often it has failed in a row, as it is now.
    pub failures: u32,
    /// When it failed last, by the server's clock, in UTC.
    pub last: String,
    /// How long it is left alone from now on.
    pub left: Duration,
}

/// What was waited for in this run: a migration, and how often it had failed.
pub(super) type Postponed = Option<(String, u32)>;

impl Migrator<'_> {
    /// Says which migrations have failed as they are now, and are not tried again before a pause is over. Changes nothing.
    ///
    /// # Errors
    /// The sets do not pass the first gate; the database cannot be read, or belongs to another environment.
    pub async fn postponed<D: Driver>(&self, db: &mut D) -> Result<Vec<PostponedMigration>> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        let history = verb.session.history(&self.table, &verb.deadline).await?;
        self.refuse_other_environment(&history)?;
        let now = clock(&mut verb).await?;
        let migrations =
            verb.sets.iter().flat_map(|set| set.iter().map(move |migration| (set.name(), migration)));
        let failed = migrations.filter_map(|(set, migration)| {
            let failures = history
                .set(set)
                .failures(migration.version(), migration.name(), migration.digest())
                .cloned()?;
            let left = left(pause(self.failure_pause, failures.count), &failures.last, now.as_deref());
            (!left.is_zero()).then(|| PostponedMigration {
                set: set.clone(),
                version: migration.version(),
                label: migration.label(),
                failures: failures.count,
                last: failures.last,
                left,
            })
        });
        Ok(failed.collect())
    }

    /// Waits for the end of the pause after a failure. `true`: it has waited, look again.
    pub(super) async fn postpone(
        &self,
        verb: &mut Verb<'_>,
        plan: &Plan,
        history: &History,
        postponed: &mut Postponed,
    ) -> Result<bool> {
        if self.failure_pause.is_zero() {
            return Ok(false);
        }
        let failed: Vec<(&PlanItem, Failures)> =
            plan.items().iter().filter_map(|item| Some((item, failures(item, history)?))).collect();
        if failed.is_empty() {
            return Ok(false);
        }
        let now = clock(verb).await?;
        let left_of = |failures: &Failures| {
            left(pause(self.failure_pause, failures.count), &failures.last, now.as_deref())
        };
        let longest = failed.into_iter().map(|(item, failures)| (left_of(&failures), item, failures));
        let Some((left, item, failures)) = longest.max_by_key(|(left, ..)| *left) else { return Ok(false) };
        let key = (item.label().to_owned(), failures.count);
        // A clock that stands still, or goes backwards, must not keep anybody for ever.
        if left.is_zero() || postponed.as_ref() == Some(&key) {
            return Ok(false);
        }
        let pause = pause(self.failure_pause, failures.count);
        let times = if failures.count == 1 {
            "once".to_owned()
        } else {
            format!("{} times in a row", failures.count)
        };
        if left > verb.deadline.left() {
            let message = format!(
                "migration {} has failed {times}, last on {}, and is not tried again before {} are over",
                item.label(),
                failures.last,
                Short(pause),
            );
            return Err(Error::new(ErrorKind::Retry, message).with_migration(item.label()).with_note(
                "next",
                "mend what its error said: a changed file is tried at once; or give another pause with \
                     `with_failure_pause`",
            ));
        }
        self.tell(&Event::Postponed { label: item.label(), failures: failures.count, left });
        // Others go on meanwhile.
        verb.session.unlock(&self.table).await;
        let over = Instant::now() + left;
        while !self.is_stopped()
            && let Some(left) = over.checked_duration_since(Instant::now())
        {
            // In pieces, for whoever asks for an end meanwhile.
            let piece = if self.stop.is_some() { left.min(PIECE) } else { left };
            verb.session.driver().pause(piece).await;
            if self.stop.is_none() {
                break;
            }
        }
        *postponed = Some(key);
        Ok(true)
    }
}

/// The server's time.
async fn clock(verb: &mut Verb<'_>) -> Result<Option<String>> {
    let clock = verb.session.dialect().history.clock;
    let rows = verb.session.patient_query(&format!("SELECT {clock}"), &verb.deadline).await;
    let rows = rows.map_err(|error| Error::driver("asking for the time", error))?;
    Ok(rows.first().and_then(|row| row.read::<String>(0).ok()))
}

fn failures(item: &PlanItem, history: &History) -> Option<Failures> {
    let migration = item.migration()?;
    history.set(item.set_name()).failures(migration.version(), migration.name(), migration.digest()).cloned()
}

/// The pause after so many failures.
fn pause(first: Duration, count: u32) -> Duration {
    let doubled = 1_u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(doubled).min(LONGEST.max(first))
}

/// What is left of a pause. Of a time that cannot be read, and of a clock that was put back, all of it.
fn left(pause: Duration, last: &str, now: Option<&str>) -> Duration {
    let over =
        moment::millis(last).zip(now.and_then(moment::millis)).map(|(last, now)| now.saturating_sub(last));
    match over.and_then(|over| u64::try_from(over).ok()) {
        Some(over) => pause.saturating_sub(Duration::from_millis(over)),
        None => pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        let first = Duration::from_secs(1);
        let seconds: Vec<u64> = [1, 2, 3, 9, 10, 11, 32, 33, u32::MAX]
            .into_iter()
            .map(|count| pause(first, count).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 256, 512, 600, 600, 600, 600]);
        assert_eq!(pause(Duration::from_secs(900), 1), Duration::from_secs(900));
    }

    #[test]
    fn what_is_left_of_a_pause_is_counted_by_the_servers_clock() {
        let pause = Duration::from_secs(4);
        let left = |last, now| left(pause, last, now).as_millis();
        assert_eq!(left("2026-11-22T02:10:04.123Z", Some("2026-11-22T02:10:05.000Z")), 3_123);
        assert_eq!(left("2026-11-22T23:59:59.000Z", Some("2026-11-23T00:00:03.000Z")), 0);
        assert_eq!(left("2026-11-22T02:10:04.123Z", Some("2026-11-22T02:10:03.000Z")), 4_000);
        assert_eq!(left("yesterday", Some("2026-11-22T02:10:03.000Z")), 4_000);
        assert_eq!(left("2026-11-22T02:10:04.123Z", None), 4_000);
    }
}
