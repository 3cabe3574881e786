//! The engine: carries out a verified plan on one connection, so that after any crash the next run knows what took
//! effect. With `session.rs`, the only module that calls a driver to change something.

mod broken;
mod bundle;
mod cascade;
mod commit;
mod failure;
mod fill;
mod flight;
mod journal;
mod packet;
mod rows;
mod scribe;
mod session;
mod shared;
mod sheet;

use std::collections::HashMap;
use std::time::Duration;

pub(crate) use self::cascade::refusal_in_step;
pub(crate) use self::commit::lock_deadline;
pub(crate) use self::failure::{Failing, Left, place};
pub(crate) use self::fill::Values;
pub(crate) use self::session::{Deadline, Found, Locked, Session, jittered};
pub(crate) use self::sheet::misread;

use crate::backup::Backup;
use crate::dialect::{Ddl, Dialect, TableName, Timeouts};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::history::{EVERY_SET, History, HistoryEvent, HistoryRow, NewRow};
use crate::migration::SetName;
use crate::observe::{Event, Observer, Tip};
use crate::plan::{Plan, PlanItem};
use crate::prepare::Sharing;
use crate::report::{MigrationReport, Report};
use crate::step::{BoundStep, Steps};
use crate::stop::Stop;
use crate::verify::Verified;

/// How long it may take to get the lock for a row that nobody depends on.
const RECORDING: Duration = Duration::from_secs(1);

/// What a run is told, beside its plan.
pub(crate) struct Settings<'s> {
    pub(crate) table: &'s TableName,
    pub(crate) observers: &'s [Box<dyn Observer + 's>],
    pub(crate) backup: Option<&'s (dyn Backup + 's)>,
    pub(crate) steps: HashMap<SetName, &'s Steps<'s>>,
    pub(crate) application: Option<(&'s str, &'s str)>,
    pub(crate) reason: Option<&'s str>,
    pub(crate) verbatim: bool,
    /// A shared transaction that fails is done again one by one.
    pub(crate) one_by_one: bool,
    /// What holds where a script says nothing else.
    pub(crate) timeouts: Timeouts,
    /// As whom scripts and steps run.
    pub(crate) role: Option<&'s str>,
    /// Who may ask the run to end.
    pub(crate) stop: Option<&'s Stop>,
}

impl Settings<'_> {
    pub(crate) fn tell(&self, event: &Event<'_>) {
        for observer in self.observers {
            observer.observe(event);
        }
    }

    /// Whether the run was asked to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_some_and(Stop::is_asked)
    }
}

/// How carrying out a plan, or a part of it, ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is done.
    Done,
    /// Somebody else has written to the history: plan again on what it holds now.
    Again,
    /// The shared transaction failed and was rolled back: plan again, one by one.
    OneByOne,
    /// It was asked to end before it was done.
    Stopped,
}

/// Carries out one plan.
pub(crate) struct Engine<'e, 's> {
    session: &'e mut Session<'s>,
    settings: &'e Settings<'e>,
    dialect: Dialect,
    history: History,
    plan: &'e Plan,
    deadline: Deadline,
    /// Until when what was rolled back, since the database was busy, is tried again: from the last commit on.
    patience: Deadline,
    report: &'e mut Report,
    /// What is kept from plan to plan.
    run: &'e mut Run,
    /// The row that says that a migration has failed, of which nothing remains.
    failed: Option<NewRow>,
    times: Vec<(SetName, String, Duration)>,
    who: String,
    /// The server, and when it was started, where the dialect can tell.
    server: Option<String>,
    /// The statements that put back the settings that the session had before anything flew.
    saved: Option<Vec<Option<String>>>,
    /// What has to hold before a commit, so that the history is found where it is.
    stays: Stays,
    /// While the session is a script's, statement by statement.
    apart: Option<Apart<'e>>,
    /// Whether the rows that close the run are still to be written.
    unfinished: bool,
    /// Whether the history table was created in the transaction that is open.
    created: bool,
    /// What the next row says of the statement that it announces, where the script's session was asked for it.
    announced: Option<String>,
}

/// What is kept of a run from plan to plan.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Whether the backup was made.
    pub(crate) backed_up: bool,
    /// How often in a row something was rolled back to be tried again.
    pub(crate) round: u32,
}

/// Conditions that the history will be found where it is: behind scripts that make objects, and behind those that may change
/// what other sessions are.
#[derive(Clone, Debug, Default)]
struct Stays {
    plain: Option<String>,
    thorough: Option<String>,
}

/// A session that is a script's, between whose statements the history is written as oneself.
#[derive(Clone, Debug)]
struct Apart<'p> {
    item: &'p PlanItem,
    /// The statement that makes the session, until the end of the transaction, who it was before the script.
    own: String,
    /// The one that makes it who the script has made of it.
    script: String,
    /// Whether the script has given the session's lock away.
    lost: bool,
    /// What has to hold before a commit.
    stays: Option<String>,
}

/// Steps that are carried out together.
struct Group<'p> {
    items: &'p [PlanItem],
    /// The steps behind them.
    rest: &'p [PlanItem],
}

impl<'e, 's> Engine<'e, 's> {
    pub(crate) fn new(
        session: &'e mut Session<'s>,
        settings: &'e Settings<'e>,
        history: History,
        plan: &'e Verified<Plan>,
        deadline: Deadline,
        report: &'e mut Report,
        run: &'e mut Run,
    ) -> Self {
        let dialect = session.dialect().clone();
        Self {
            session,
            settings,
            dialect,
            history,
            plan,
            deadline,
            patience: deadline,
            report,
            run,
            failed: None,
            times: Vec::new(),
            who: String::new(),
            server: None,
            saved: None,
            stays: Stays::default(),
            apart: None,
            unfinished: false,
            created: false,
            announced: None,
        }
    }

    /// Carries out the plan.
    ///
    /// # If interrupted
    /// What was committed stays, and the history says so; the rest did not take effect, or, outside transactions, the
    /// next run finds out how far it came.
    ///
    /// # Errors
    /// What stopped it. That a migration has failed is in the history then, if it could be written.
    pub(crate) async fn run(mut self) -> Result<Progress> {
        let result = self.carry_out().await;
        if let Some(row) = self.failed.take() {
            self.record(row).await;
        }
        result
    }

    async fn carry_out(&mut self) -> Result<Progress> {
        self.settings.tell(&Event::Planned { plan: self.plan });
        self.warn().await?;
        let items = self.plan.items();
        // Refused before anything is done, where the connection cannot keep a session.
        if let Some(apart) =
            items.iter().find(|item| !item.in_transaction()).filter(|_| self.dialect.lock.is_some())
        {
            let label = apart.label();
            let held = self.hold_lock().await;
            let named = |error: Error| error.with_migration(label).with_note("migration", label);
            if !held.map_err(named)? {
                return Ok(Progress::Again);
            }
        }
        let mut from = 0;
        while from < items.len() && !self.settings.is_stopped() {
            let mut to = self.group_end(from);
            let group = Group { items: &items[from..to], rest: &items[to..] };
            let progress = if self.may_fly(group.items) {
                let (until, progress) = self.fly(from, to).await?;
                to = until;
                progress
            } else if group.items[0].in_transaction() {
                self.run_shared(&group).await?
            } else if self.dialect.transaction.ddl == Ddl::Commits {
                let (until, progress) = self.run_packets(from).await?;
                to = until;
                progress
            } else {
                self.run_journal(&group).await?
            };
            if progress != Progress::Done {
                return Ok(progress);
            }
            from = to;
        }
        self.close_flights(&items[..from]).await;
        for set in self.history.sets().filter_map(|(name, _)| SetName::new(name).ok()) {
            if let (seq, Some(hash)) = self.history.tail(set.as_str()) {
                let tip = Tip { set: set.clone(), seq, hash };
                self.settings.tell(&Event::Tip { set: &set, tip: &tip });
            }
        }
        Ok(if from < items.len() { Progress::Stopped } else { Progress::Done })
    }

    /// Tells what is dangerous about the connection's settings.
    async fn warn(&mut self) -> Result<()> {
        let Some(hazards) = self.dialect.hazards else { return Ok(()) };
        let found = self.session.patient_query(hazards, &self.deadline).await;
        let found = found.map_err(|e| self.fail(Error::driver("reading the connection's settings", e)))?;
        for row in found.iter() {
            if let Ok(message) = row.read::<String>(0) {
                self.settings.tell(&Event::Warned { message: &message });
            }
        }
        Ok(())
    }

    /// Writes rows that carry out no step.
    ///
    /// # If interrupted
    /// All of them are written, or none.
    pub(crate) async fn append(mut self, rows: Vec<NewRow>) -> Result<Progress> {
        let Some(mut fenced) = self.fence().await? else { return Ok(Progress::Again) };
        let done = self.finish(&mut fenced, rows, Failing::Ours("writing the history"), &[]).await?;
        Ok(done.unwrap_or(Progress::Done))
    }

    /// Where the group that begins at `from` ends.
    fn group_end(&self, from: usize) -> usize {
        let items = self.plan.items();
        let ended = items[..from].iter().any(|item| item.sharing() == Sharing::Ends);
        if !self.plan.shares() || ended || !self.may_share(&items[from]) {
            return from + 1;
        }
        // All or nothing was asked for, or what the database can hold.
        let budget = if self.settings.one_by_one { self.dialect.transaction.statements } else { usize::MAX };
        let mut statements = 0_usize;
        let more = items[from..].iter().take_while(|item| {
            statements = statements.saturating_add(item.statements());
            statements <= budget && self.may_share(item)
        });
        from + more.count().max(1)
    }

    fn may_share(&self, item: &PlanItem) -> bool {
        item.sharing() == Sharing::Shared
            && match item.rust_step() {
                None => true,
                // Where one transaction for all was asked for, a step that fails is not run again either.
                Some(_) if !self.settings.one_by_one => true,
                Some(_) => self.bound_step(item).is_some_and(|step| step.database_only),
            }
    }

    /// The history table, named in full where a script could have names looked for elsewhere.
    fn table(&self) -> TableName {
        self.session.pinned(self.settings.table)
    }

    /// Expressions for the session's settings: those of the dialect, and those that only scripts of this plan know of.
    fn snapshots(&self) -> Vec<String> {
        let settings = &self.dialect.settings;
        let mut all: Vec<String> = settings.snapshot.iter().map(|&it| it.to_owned()).collect();
        let Some(custom) = settings.custom else { return all };
        let prepared = self.plan.items().iter().filter_map(PlanItem::prepared);
        let mut names: Vec<&str> =
            prepared.flat_map(|it| it.custom_settings.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        all.extend(names.into_iter().map(custom));
        all
    }

    /// What has to hold before a group is committed.
    fn stays(&self, items: &[PlanItem]) -> Option<&str> {
        let may_move = |item: &PlanItem| item.prepared().is_none_or(|prepared| prepared.may_move);
        let thorough = self.stays.thorough.as_deref().filter(|_| items.iter().any(may_move));
        thorough.or(self.stays.plain.as_deref())
    }

    fn bound_step(&self, item: &PlanItem) -> Option<&'e BoundStep<'e>> {
        let steps = self.settings.steps.get(item.set_name())?;
        steps.step(item.rust_step()?, item.is_down())
    }

    /// Writes a row that nobody depends on. What goes wrong here is not told: there is an error that is more worth telling.
    async fn record(&mut self, row: NewRow) {
        if self.dialect.flight.is_some() && self.history.exists && !self.session.is_locked() {
            return self.record_at_once(row).await;
        }
        // A table that was created in what was rolled back is not there.
        if self.dialect.transaction.ddl == Ddl::Transactional {
            self.created = false;
        }
        // Nobody waits long for it.
        self.deadline = Deadline::new(RECORDING);
        if let Ok(Some(mut fenced)) = self.fence().await {
            match self.write(&mut fenced, vec![row]).await {
                Ok(rows) if self.commit().await.is_ok() => {
                    rows.into_iter().for_each(|row| self.history.push(row));
                }
                _ => {
                    self.session.roll_back().await;
                }
            }
        }
    }

    /// What was written is in force: takes it over into the history and the report.
    fn committed(&mut self, rows: Vec<HistoryRow>, done: &[(&PlanItem, Duration)]) {
        // Who only tries has come no further, and is to give up in the end.
        let tried = |row: &HistoryRow| {
            use HistoryEvent::{Attempt, Begun, Failed, Reverting};
            matches!(row.event(), Attempt | Begun | Failed | Reverting)
        };
        if !rows.iter().all(tried) {
            self.patience = self.patience.anew();
            self.run.round = 0;
        }
        // Not before: a receipt that was rolled back is in no history, and what it stood before may have changed.
        self.run.backed_up |= rows.iter().any(|row| row.event() == HistoryEvent::Backup);
        for row in rows {
            if row.event() == HistoryEvent::Finished {
                // Told once.
                self.times.retain(|(set, ..)| set.as_str() != row.set());
            }
            self.history.push(row);
        }
        for (item, elapsed) in done {
            self.report.migrations.push(MigrationReport {
                set: item.set_name().clone(),
                version: item.version(),
                label: item.label().to_owned(),
                elapsed: *elapsed,
            });
        }
        self.settings.tell(&Event::Committed { migrations: done.len() });
    }

    fn ran(&mut self, item: &PlanItem, elapsed: Duration) {
        self.times.push((item.set_name().clone(), item.label().to_owned(), elapsed));
        self.settings.tell(&Event::Ran {
            set: item.set_name(),
            version: item.version(),
            label: item.label(),
            down: item.is_down(),
            elapsed,
        });
    }

    fn started(&self, item: &PlanItem) {
        self.settings.tell(&Event::Started {
            set: item.set_name(),
            version: item.version(),
            label: item.label(),
            down: item.is_down(),
        });
    }

    /// The sets whose tails this plan depends on.
    fn fenced_sets(&self) -> Vec<String> {
        let mut sets: Vec<String> = self.plan.set_names().map(ToString::to_string).collect();
        sets.push(EVERY_SET.to_owned());
        sets
    }

    fn expected(&self, set: &str) -> Option<Digest> {
        self.history.tail(set).1
    }

    fn fail(&self, error: Error) -> Error {
        error.with_report(self.report.clone())
    }
}
