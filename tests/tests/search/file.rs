//! The same on a file of SQLite: by its shell, and by the migrator with a connection that is lost at a call.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use whimbrel::{Blocking as _, ErrorKind, Migrator, Outcome as Ran, Transaction};
use whimbrel_sqlite as _;
use whimbrel_testkit::search::{Disturbance, Ended, Fault, GeneratedSet, Picture, Start};
use whimbrel_testkit::{block_on, drop_after};
use whimbrel_tests::by_hand;
use whimbrel_tests::dying::{Death, Dying};

use super::steps::with_steps;
use super::{Subject, Verdict};

/// What the shell makes of a set.
pub(super) struct File<'s> {
    set: &'s GeneratedSet,
    folder: tempfile::TempDir,
    after: Vec<Picture>,
    failed: Option<usize>,
    calls: u64,
    number: std::cell::Cell<u64>,
}

fn open(path: &Path) -> Connection {
    Connection::open(path).expect("a connection")
}

fn picture(path: &Path) -> Result<Picture, String> {
    let mut db = open(path);
    let picture = block_on(Picture::read(&mut db.driver(), ""));
    picture.map_err(|error| format!("the picture: {error}: {:?}", error.private()))
}

impl<'s> File<'s> {
    pub(super) fn new(set: &'s GeneratedSet) -> Result<Self, String> {
        let folder = whimbrel_tests::memory_folder();
        let path = folder.path().join("oracle.db");
        let mut after = vec![picture(&path)?];
        let mut failed = None;
        for at in 0..set.migrations.len() {
            let text = format!("PRAGMA foreign_keys = ON;\n{}", set.by_client(at, None, "BEGIN", ""));
            let result = by_hand::on_file(&path, &text);
            after.push(picture(&path)?);
            if result.is_err() {
                failed = Some(at);
                break;
            }
        }
        Ok(Self { set, folder, after, failed, calls: 0, number: std::cell::Cell::new(0) })
    }

    fn migrator(&self, count: usize, transaction: Transaction) -> Migrator<'static> {
        with_steps(self.set, count, "")
            .with_transaction(transaction)
            // What is in doubt is looked at again until then.
            .with_lock_deadline(Duration::from_millis(200))
            .with_failure_pause(Duration::ZERO)
            .with_database_messages()
    }

    /// Runs the set undisturbed, which also counts the calls.
    fn run_undisturbed(&mut self, disturbance: &Disturbance) -> Verdict {
        let (path, start) = self.start(disturbance)?;
        let mut db = open(&path);
        let mut driver = Dying::new(db.driver(), 0, Death::ConnectionBefore);
        let result = block_on(self.newest(disturbance).run(&mut driver));
        self.calls = driver.calls() as u64;
        drop(driver);
        if let Err(error) = result
            && matches!(error.kind(), ErrorKind::Retry | ErrorKind::OutcomeUnknown | ErrorKind::Bug)
        {
            return Err(format!("undisturbed: {error:#}"));
        }
        drop(db);
        self.judge(&path, disturbance, &start)
    }

    /// Runs the set in this way.
    fn run_disturbed(&self, disturbance: &Disturbance) -> Verdict {
        let (path, start) = self.start(disturbance)?;
        if disturbance.start == Start::Emptied {
            open(&path).execute_batch("DELETE FROM whimbrel_history").map_err(|error| error.to_string())?;
            let mut db = open(&path);
            let error = self.newest(disturbance).run_blocking(&mut db).err().ok_or("it has to be refused")?;
            if error.findings().is_empty() {
                return Err(format!("it has to be refused: {error:#}"));
            }
            return self.same(&path, &start, "refused").map(|()| Ended::Refused);
        }
        let mut db = open(&path);
        let migrator = self.newest(disturbance);
        let at = |place: u64| usize::try_from(self.calls * place / 10_000).unwrap_or(0) + 1;
        let result = match disturbance.fault {
            Fault::Dropped { place } => {
                let mut driver = Dying::new(db.driver(), 0, Death::ConnectionBefore);
                block_on(drop_after(at(place), migrator.run(&mut driver))).transpose().map(drop)
            }
            Fault::Call { place, after } => {
                let death = if after { Death::ConnectionAfter } else { Death::ConnectionBefore };
                block_on(migrator.run(&mut Dying::new(db.driver(), at(place), death))).map(drop)
            }
            _ => Ok(()),
        };
        drop(db);
        if let Err(error) = &result
            && !matches!(error.kind(), ErrorKind::Retry | ErrorKind::OutcomeUnknown)
            && !self.is_alike(error)
            && error.findings().is_empty()
        {
            return Err(format!("the run that was disturbed: {:?}: {error:#}", error.kind()));
        }
        self.judge(&path, disturbance, &start)
    }

    fn newest(&self, disturbance: &Disturbance) -> Migrator<'static> {
        self.migrator(self.set.migrations.len(), disturbance.transaction)
    }

    fn start(&self, disturbance: &Disturbance) -> Result<(PathBuf, Picture), String> {
        self.number.set(self.number.get() + 1);
        let path = self.folder.path().join(format!("{}.db", self.number.get()));
        let most = self.failed.unwrap_or(self.set.migrations.len());
        let count = match disturbance.start {
            Start::Release(count) => count.min(most),
            Start::Emptied => most,
            _ => 0,
        };
        if count > 0 && !self.set.is_forbidden() {
            let mut db = open(&path);
            let older = self.migrator(count, Transaction::Auto).run_blocking(&mut db);
            older.map_err(|error| format!("the first {count}, undisturbed: {error:#}"))?;
        }
        let start = picture(&path)?;
        Ok((path, start))
    }

    fn is_alike(&self, error: &whimbrel::Error) -> bool {
        let label = self.failed.map(|at| self.set.migrations[at].label());
        label.is_some() && error.migration() == label.as_deref() && error.findings().is_empty()
    }

    fn judge(&self, path: &Path, disturbance: &Disturbance, start: &Picture) -> Verdict {
        let migrator = self.newest(disturbance);
        let mut errors = Vec::new();
        for _ in 0..3 {
            let error = match migrator.run_blocking(&mut open(path)) {
                Ok(_) if self.failed.is_some() => return Err("the shell fails, and the run does not".into()),
                Ok(_) if self.set.is_forbidden() => return Err("it has to be refused".into()),
                Ok(_) => {
                    self.same(path, self.after.last().ok_or("no picture")?, "in the end")?;
                    let report =
                        migrator.run_blocking(&mut open(path)).map_err(|error| format!("{error:#}"))?;
                    if report.outcome != Ran::UpToDate {
                        return Err(format!("a run with nothing to do: {report}"));
                    }
                    let verified = migrator.verify_history_blocking(&mut open(path), &[]);
                    return verified
                        .map(|_| Ended::AsTheClient)
                        .map_err(|error| format!("the history: {error:#}"));
                }
                Err(error) => error,
            };
            if self.is_alike(&error) && error.kind() != ErrorKind::OutcomeUnknown {
                let left = if disturbance.transaction == Transaction::PerRun {
                    Some(start)
                } else {
                    self.after.last()
                };
                return self
                    .same(path, left.ok_or("no picture")?, "where both fail")
                    .map(|()| Ended::FailedAlike);
            }
            if error.kind() == ErrorKind::OutcomeUnknown {
                // Only what a temporary object was needed for.
                let number = error.statement().unwrap_or(0);
                let migration =
                    self.set.migrations.iter().find(|one| Some(&*one.label()) == error.migration());
                let leaves = migration.is_some_and(|one| {
                    one.no_transaction
                        && one.statements.iter().take(number).any(|statement| statement.leaves_session)
                });
                return if leaves { Ok(Ended::SessionGone) } else { Err(format!("in doubt: {error:#}")) };
            }
            if !error.findings().is_empty() {
                if !self.set.is_forbidden() && disturbance.transaction != Transaction::PerRun {
                    return Err(format!("refused: {error:#}"));
                }
                return self.same(path, start, "refused").map(|()| Ended::Refused);
            }
            errors.push(format!("{:?}: {error:#}", error.kind()));
        }
        Err(format!("it does not arrive:\n{}", errors.join("\n")))
    }

    fn same(&self, path: &Path, expected: &Picture, when: &str) -> Result<(), String> {
        let differences = picture(path)?.differences(expected, true);
        match differences.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "{when}: - is only here, + only where the shell ran it\n{}",
                differences.join("\n")
            )),
        }
    }
}

impl Subject for File<'_> {
    fn fails(&self) -> bool {
        self.failed.is_some()
    }

    fn undisturbed(&mut self, disturbance: &Disturbance) -> Verdict {
        self.run_undisturbed(disturbance)
    }

    fn run(&self, disturbance: &Disturbance) -> Verdict {
        self.run_disturbed(disturbance)
    }
}
