//! What has to be so where nobody is at work any more: each effect once, rows that tell what happened, and a last run that
//! arrives.

use std::collections::BTreeMap;
use std::sync::Arc;

use whimbrel::script::{Script, Statement};
use whimbrel::{
    Dialect, Ending, Error, ErrorKind, Memory, Migration, Migrator, Outcome, ScriptFile, Settlement,
};

use super::world::World;
use crate::fake::{Fake, FakeKind};
use crate::record::Record;

type Judged = Result<(), String>;

/// Judges an end.
pub(super) fn judge(world: &World<'_>) -> Judged {
    let mut fake = Fake::to(Arc::clone(&world.server), false);
    let exploration = world.exploration;
    let case = Case { world, dialect: exploration.kind.dialect() };
    if fake.run("BEGIN").is_err() || fake.run("ROLLBACK").is_err() {
        return Err("somebody who is gone holds the write lock".to_owned());
    }
    case.effects(&fake, false)?;
    case.chain(&fake)?;
    case.rerun(&mut fake)
}

struct Case<'c, 'w> {
    world: &'c World<'w>,
    dialect: &'static Dialect,
}

/// How far a migration has come, by its rows.
#[derive(Default)]
struct Told {
    applied: usize,
    reverted: usize,
    /// The statements of open work that are recorded, and whether it is a revert.
    open: Option<(usize, bool)>,
}

impl Case<'_, '_> {
    /// Whether the rows tell how often each statement has taken effect.
    fn effects(&self, fake: &Fake, ended: bool) -> Judged {
        let counts = fake.executions();
        let history = Record::undisturbed(&fake.history());
        let migrations = self.world.exploration.releases.iter().flat_map(|release| release.set.iter());
        let mut seen: BTreeMap<String, ()> = BTreeMap::new();
        for migration in migrations {
            if seen.insert(migration.digest().to_string(), ()).is_some() {
                continue;
            }
            let told = told(&history, migration);
            self.script(
                migration,
                migration.up(),
                &counts,
                told.applied,
                told.open.filter(|open| !open.1),
                ended,
            )?;
            if let Some(down) = migration.down() {
                let open = told.open.filter(|open| open.1);
                self.script(migration, down, &counts, told.reverted, open, ended)?;
            }
            if told.applied > told.reverted + 1
                && migration.version().is_some()
                && !self.world.exploration.tampered
            {
                return Err(format!("{} is recorded {} times", migration.label(), told.applied));
            }
        }
        Ok(())
    }

    fn script(
        &self,
        migration: &Migration,
        file: &ScriptFile,
        counts: &BTreeMap<String, usize>,
        whole: usize,
        open: Option<(usize, bool)>,
        ended: bool,
    ) -> Judged {
        let Ok(script) = Script::parse(file.text(), &self.dialect.lexing) else { return Ok(()) };
        for (number, statement) in script.statements().iter().enumerate() {
            if is_free(statement) {
                continue;
            }
            let count = counts.get(statement.text()).copied().unwrap_or_default();
            let recorded = open.map_or(0, |(done, _)| done);
            let least = whole + usize::from(number < recorded);
            let most = least + usize::from(open.is_some() && number == recorded && !ended);
            let fits =
                if self.world.exploration.tampered { count <= 1 } else { (least..=most).contains(&count) };
            if !fits {
                return Err(format!(
                    "statement {} of {} has taken effect {count} times, and the history says {least}: {}",
                    number + 1,
                    migration.label(),
                    statement.text()
                ));
            }
        }
        Ok(())
    }

    /// Whether the history's chain holds.
    fn chain(&self, fake: &Fake) -> Judged {
        if self.world.exploration.tampered {
            return Ok(());
        }
        let verified = Migrator::new(Memory::new()).verify_history_blocking(&mut fake.another(), &[]);
        verified.map(drop).map_err(|error| format!("the history is broken: {error:#}"))
    }

    /// Lets the newest release run once more, undisturbed.
    fn rerun(&self, fake: &mut Fake) -> Judged {
        let exploration = self.world.exploration;
        let Some(newest) = exploration.releases.last() else { return Ok(()) };
        let mut left = 3;
        let report = loop {
            match newest.migrator.run_blocking(fake) {
                // It has ended a revert that somebody had begun, and leaves it to them to say what comes then.
                Ok(report) if report.outcome == Outcome::Reverted && left > 0 => left -= 1,
                Ok(report) => break report,
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown && left > 0 => {
                    left -= 1;
                    self.settle(fake, &error)?;
                }
                Err(_) if !exploration.ends => return self.effects(fake, false),
                // What an older release has begun with another text, it may have to end itself.
                Err(error) if exploration.ended_by_older && error.kind() == ErrorKind::Files && left > 0 => {
                    left = 0;
                    let older = exploration.releases[0].migrator.run_blocking(fake);
                    older.map_err(|error| {
                        format!("the older release does not end what it has begun: {error:#}")
                    })?;
                }
                Err(error) => return Err(format!("{}, run once more, fails: {error:#}", newest.name)),
            }
        };
        if !exploration.ends {
            return self.effects(fake, false);
        }
        self.effects(fake, true)?;
        self.chain(fake)?;
        let plan =
            newest.migrator.plan_blocking(fake).map_err(|error| format!("no plan any more: {error:#}"))?;
        if !plan.is_empty() {
            let labels: Vec<&str> = plan.items().iter().map(|item| item.label()).collect();
            return Err(format!(
                "after a run that says {report} there is still to do: {}",
                labels.join(", ")
            ));
        }
        let history = Record::undisturbed(&fake.history());
        for migration in newest.set.iter() {
            let told = told(&history, migration);
            if told.applied != told.reverted + 1 && migration.version().is_some() {
                return Err(format!("{} is not in force after the last run", migration.label()));
            }
        }
        for release in &exploration.releases {
            let checked = release.migrator.check_blocking(&mut fake.another());
            let report =
                checked.map_err(|error| format!("{} does not start any more: {error:#}", release.name))?;
            let slow = report.queries != 1 && std::ptr::eq(release, newest);
            if slow || !matches!(report.outcome, Outcome::UpToDate | Outcome::Ahead) {
                return Err(format!("{} takes {} queries to start", release.name, report.queries));
            }
        }
        Ok(())
    }

    /// Does what a person does about a statement in doubt: looks, and says so.
    fn settle(&self, fake: &Fake, error: &Error) -> Judged {
        let exploration = self.world.exploration;
        let newest = exploration.releases.last().ok_or("no release")?;
        let history = Record::undisturbed(&fake.history());
        let open = newest.set.iter().find_map(|migration| Some((migration, told(&history, migration).open?)));
        let Some((migration, (done, reverting))) = open else {
            return Err(format!("nothing is open, and yet: {error:#}"));
        };
        let file = if reverting { migration.down() } else { Some(migration.up()) };
        let file = file.ok_or("a revert without a way down")?;
        let script =
            Script::parse(file.text(), &self.dialect.lexing).map_err(|_| "a script that cannot be cut")?;
        let statement = script.statements().get(done).map(|it| it.text()).unwrap_or_default();
        // In a packet the row that announces a statement and the statement travel together.
        let sent = self.world.sent.contains(statement) || exploration.kind != FakeKind::Committing;
        if !self.world.was_disturbed() || !exploration.doubtful.contains(&statement) || !sent {
            return Err(format!(
                "in doubt, though `{statement}` was never sent, or may not be in doubt: {error:#}"
            ));
        }
        let took_effect = fake.executions().contains_key(statement);
        let ending = if took_effect { Ending::TookEffect(done + 1) } else { Ending::DidNot(done + 1) };
        let settlement = Settlement { version: migration.version(), ending, reason: "looked".to_owned() };
        let settled = newest.migrator.settle_blocking(&mut fake.another(), settlement);
        settled.map(drop).map_err(|error| format!("what is in doubt cannot be settled: {error:#}"))
    }
}

/// Whether a statement may run any number of times.
fn is_free(statement: &Statement<'_>) -> bool {
    let word = statement.words().next();
    word.is_some_and(|word| {
        ["VACUUM", "SET", "REMEMBER", "CHECKPOINT", "LOCK"].iter().any(|it| word.is_keyword(it))
    })
}

/// What the rows say of a migration as it is.
fn told(history: &[Record], migration: &Migration) -> Told {
    let mut told = Told::default();
    let digest = migration.digest().to_string();
    let version = migration.version().map(whimbrel::Version::number);
    for record in history {
        let same = match version {
            Some(version) => record.version == Some(version),
            None => record.version.is_none() && record.name.as_deref() == Some(migration.name()),
        };
        if !same || record.digest.as_ref().is_some_and(|other| *other != digest) {
            continue;
        }
        match record.event.as_str() {
            "applied" => (told.applied, told.open) = (told.applied + 1, None),
            "reverted" => (told.reverted, told.open) = (told.reverted + 1, None),
            "begun" => told.open = Some((0, false)),
            "reverting" => told.open = Some((0, true)),
            "statement" => told.open.iter_mut().for_each(|open| open.0 += 1),
            _ => {}
        }
    }
    told
}
