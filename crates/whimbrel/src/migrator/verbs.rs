//! The verbs.

use std::time::Instant;

use super::Migrator;
use super::boot::Booted;
use super::doubt::refusal;
use super::evidence::{self, Look};
use super::settle::Settlement;
use super::status::Status;
use crate::driver::Driver;
use crate::engine::{Deadline, Locked, Session, jittered, lock_deadline};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, FindingKind};
use crate::history::{BrokenRow, History};
use crate::migration::{MigrationSet, SetName, Version};
use crate::observe::{Event, Tip};
use crate::plan::{Conditions, Goal, Plan, Request, ServerVersion, Transaction, other_environment, plan};
use crate::report::{Outcome, Report};
use crate::stop::{Stop, stopped};
use crate::verify::{Verified, Verifier};

/// A verb under way.
pub(super) struct Verb<'v> {
    pub(super) session: Session<'v>,
    pub(super) sets: Vec<Verified<MigrationSet>>,
    pub(super) deadline: Deadline,
    pub(super) began: Instant,
}

impl<'a> Migrator<'a> {
    /// Applies what is pending.
    ///
    /// Costs one query when there is nothing to do.
    ///
    /// # Errors
    /// Refused, with every finding; a statement failed; the lock was not to be had in time; the outcome of a statement of
    /// an earlier run is unknown. See [`Error::kind`] for whose turn it is.
    ///
    /// # If interrupted
    /// What was committed stays, and the history says so. The next run goes on from there.
    pub async fn run<D: Driver>(&self, db: &mut D) -> Result<Report> {
        self.run_in(db, Mode::Async).await
    }

    pub(super) async fn run_in<D: Driver>(&self, db: &mut D, mode: Mode) -> Result<Report> {
        let result = self.carry_out(db, self.request.clone(), mode).await;
        self.close(result)
    }

    /// Says what [`run`](Self::run) would do, and changes nothing.
    ///
    /// # Errors
    /// Refused, with every finding; the database cannot be read.
    pub async fn plan<D: Driver>(&self, db: &mut D) -> Result<Plan> {
        self.plan_for(db, self.request.goal).await
    }

    /// Says what would be done to reach a goal, and changes nothing: what [`revert_to`](Self::revert_to),
    /// [`redo`](Self::redo) or [`baseline`](Self::baseline) would do.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn plan_for<D: Driver>(&self, db: &mut D, goal: Goal) -> Result<Plan> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        let history = self.read_all(&mut verb).await?;
        let mut plan = self.decide(&mut verb, &history, &self.request_for(goal)).await?;
        self.check_values(&plan)?;
        let conditions = self.conditions(&mut verb, &plan).await?;
        plan.set_conditions(conditions, &self.values);
        Verified::shown(plan, &self.verifier_refs()).await
    }

    /// Fails if anything is pending. Changes nothing, and needs no right to.
    ///
    /// # Errors
    /// Of kind [`Pending`](ErrorKind::Pending), with what is pending; as [`run`](Self::run) otherwise.
    pub async fn check<D: Driver>(&self, db: &mut D) -> Result<Report> {
        let result = self.look(db).await;
        self.close(result)
    }

    /// Waits until the database has everything of this program, for replicas whose role may not change the schema.
    /// Changes nothing.
    ///
    /// # Errors
    /// It did not happen in time ([`with_wait_deadline`](Self::with_wait_deadline)); as [`run`](Self::run) otherwise. What
    /// no other process mends is refused at once: a database of another environment, and a history that is broken.
    pub async fn wait<D: Driver>(&self, db: &mut D) -> Result<Report> {
        let result = self.wait_for_others(db).await;
        self.close(result)
    }

    /// Says what is in force and what is not. Changes nothing. Of what planning would refuse it refuses one thing only: a
    /// database of another environment. That rows of the history are wrong, [`Status::broken`] says.
    ///
    /// # Errors
    /// The sets do not pass the first gate; the database cannot be read, or belongs to another environment.
    pub async fn status<D: Driver>(&self, db: &mut D) -> Result<Status> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        let history = verb.session.history(&self.table, &verb.deadline).await?;
        self.refuse_other_environment(&history)?;
        Ok(Status::new(&verb.sets, &history))
    }

    /// Reverts everything of the last set that is newer than a version; everything, for `None`.
    ///
    /// # Errors
    /// As [`run`](Self::run); a migration has no way down.
    ///
    /// # If interrupted
    /// As [`run`](Self::run): call it again.
    pub async fn revert_to<D: Driver>(&self, db: &mut D, version: Option<Version>) -> Result<Report> {
        self.revert_in(db, Goal::RevertTo(version), Mode::Async).await
    }

    pub(super) async fn revert_in<D: Driver>(&self, db: &mut D, goal: Goal, mode: Mode) -> Result<Report> {
        let result = self.carry_out(db, self.request_for(goal), mode).await;
        self.close(result)
    }

    pub(super) fn request_for(&self, goal: Goal) -> Request {
        let transaction = match (goal, self.request.transaction) {
            // All of it is declared, or nothing.
            (Goal::Baseline(_), _) => Transaction::PerRun,
            // A way back in several steps keeps what it has reached, unless all or nothing was asked for.
            (Goal::RevertTo(_) | Goal::Redo, Transaction::Auto) => Transaction::PerMigration,
            (_, transaction) => transaction,
        };
        Request { goal, transaction, ..self.request.clone() }
    }

    /// Reverts the newest migration of the last set, and applies it again.
    ///
    /// # Errors
    /// As [`revert_to`](Self::revert_to).
    ///
    /// # If interrupted
    /// The migration is in force, or reverted; in the latter case a run with [`Reverted::Apply`](crate::Reverted::Apply)
    /// applies it.
    pub async fn redo<D: Driver>(&self, db: &mut D) -> Result<Report> {
        self.revert_in(db, Goal::Redo, Mode::Async).await
    }

    /// Declares the versions of the last set up to and including one to be in force in a database that has them already.
    ///
    /// # Errors
    /// As [`run`](Self::run); the set has a history.
    ///
    /// # If interrupted
    /// Nothing is declared, or everything.
    pub async fn baseline<D: Driver>(&self, db: &mut D, version: Version) -> Result<Report> {
        let request = self.request_for(Goal::Baseline(version));
        let result = self.carry_out(db, request, Mode::Blocking).await;
        self.close(result)
    }

    /// Records how a statement in doubt, or a migration half done, has ended; then [`run`](Self::run) goes on.
    ///
    /// # Errors
    /// Nothing is open, or something else is.
    ///
    /// # If interrupted
    /// It is recorded, or not.
    pub async fn settle<D: Driver>(&self, db: &mut D, settlement: Settlement) -> Result<Report> {
        let result = self.write_settlement(db, settlement).await;
        self.close(result)
    }

    /// Records that a person has looked at what is wrong with the rows of the history, and why it is. From then on the
    /// rows as they stand count; a further change is found.
    ///
    /// # Errors
    /// Nothing is wrong with it; the database cannot be written to.
    ///
    /// # If interrupted
    /// It is recorded, or not.
    pub async fn repair<D: Driver>(&self, db: &mut D, reason: &str) -> Result<Report> {
        let result = self.write_repair(db, reason).await;
        self.close(result)
    }

    /// Reads the history, with the rows of all sets. Changes nothing, and loads no set. Rows that are not as they were
    /// written are among [`History::broken`].
    ///
    /// # Errors
    /// The database cannot be read, or belongs to another environment; the table is not one of this library's.
    pub async fn history<D: Driver>(&self, db: &mut D) -> Result<History> {
        let mut session = Session::new(db).within(&self.limits);
        let history = session.history(&self.table, &Deadline::new(self.lock_deadline)).await?;
        self.refuse_other_environment(&history)?;
        Ok(history)
    }

    /// Refuses a database that belongs to another environment.
    pub(super) fn refuse_other_environment(&self, history: &History) -> Result<()> {
        let name = history.sets().find_map(|(name, _)| SetName::new(name).ok()).unwrap_or_default();
        match other_environment(history, &self.request, &name) {
            Some(finding) => Err(Error::refused(vec![finding])),
            None => Ok(()),
        }
    }

    /// Computes the chain of the history's rows anew, and returns its tips. Whoever can write to the table can compute a
    /// new chain, or cut its end off: that is found only against `tips` that were kept elsewhere
    /// ([`Event::Tip`]).
    ///
    /// # Errors
    /// Of kind [`Database`](ErrorKind::Database), naming the first row that is wrong; the database belongs to another
    /// environment.
    pub async fn verify_history<D: Driver>(&self, db: &mut D, tips: &[Tip]) -> Result<Vec<Tip>> {
        let mut session = Session::new(db).within(&self.limits);
        let deadline = Deadline::new(self.lock_deadline);
        let history = session.history(&self.table, &deadline).await?;
        self.refuse_other_environment(&history)?;
        let touched = |what: String| {
            Error::new(ErrorKind::Database, format!("the history was touched: {what}"))
                .with_note(
                    "next",
                    "find out who did it and what else they did; `repair` records that you have",
                )
                .about_broken_history()
        };
        if let Some(row) = history.broken().find(|row| row.column.is_some()) {
            return Err(unreadable_row(row));
        }
        if let Some(broken) = history.broken().next() {
            return Err(touched(broken.to_string()));
        }
        for tip in tips {
            let rows = history.rows_of(tip.set.as_str()).map(|set| set.rows()).unwrap_or_default();
            match rows.iter().find(|row| row.seq() == tip.seq) {
                None => {
                    return Err(touched(format!(
                        "row {} of set {}, which is known, is gone",
                        tip.seq, tip.set
                    )));
                }
                Some(row) if *row.hash() != tip.hash => {
                    return Err(touched(format!(
                        "row {} of set {} is not the one that is known",
                        tip.seq, tip.set
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(tips_of(&history))
    }

    /// Under which conditions a plan would be carried out. Asks the server, where anybody wants to know.
    pub(super) async fn conditions(&self, verb: &mut Verb<'_>, plan: &Plan) -> Result<Conditions> {
        let mut conditions = Conditions::default();
        if verb.session.dialect().timeouts.is_some() {
            conditions.lock_timeout = self.timeouts.lock;
            conditions.statement_timeout = self.timeouts.statement;
        }
        conditions.role.clone_from(&self.role);
        let wanted = !plan.is_empty() && self.verifiers.iter().any(|verifier| verifier.reads_server());
        if let Some(version) = verb.session.dialect().version.filter(|_| wanted) {
            let dialect = verb.session.dialect().name;
            let rows = verb
                .session
                .patient_query(&format!("SELECT {version}"), &verb.deadline)
                .await
                .map_err(|error| Error::driver("asking for the server's version", error))?;
            let text = rows.first().and_then(|row| row.read::<String>(0).ok());
            conditions.server = text.and_then(|text| ServerVersion::read(dialect, &text));
        }
        Ok(conditions)
    }

    pub(super) fn verifier_refs(&self) -> Vec<&(dyn Verifier + 'a)> {
        self.verifiers.iter().map(|verifier| &**verifier).collect()
    }

    /// Tells observers how a verb ended.
    fn close(&self, result: Result<Report>) -> Result<Report> {
        for observer in &self.observers {
            match &result {
                Ok(report) => observer.observe(&Event::Finished { report }),
                Err(error) => observer.observe(&Event::Failed { error }),
            }
        }
        result
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        for observer in &self.observers {
            observer.observe(event);
        }
    }

    pub(super) async fn begin<'v, D: Driver + 'v>(&self, db: &'v mut D, mode: Mode) -> Result<Verb<'v>> {
        let began = Instant::now();
        let sets = self.gate(db.dialect(), mode).await?;
        let named = self.values.values().cloned().collect();
        let session =
            Session::new(db).about(sets.iter().map(Verified::shared).collect(), named).within(&self.limits);
        Ok(Verb { session, sets, deadline: Deadline::new(self.lock_deadline), began })
    }

    pub(super) async fn decide(
        &self,
        verb: &mut Verb<'_>,
        history: &History,
        request: &Request,
    ) -> Result<Plan> {
        let dialect = verb.session.dialect();
        plan(&verb.sets, history, request, dialect)
            .map_err(|findings| refusal(&verb.sets, history, dialect, findings))
    }

    pub(super) fn report(&self, verb: &Verb<'_>, outcome: Outcome) -> Report {
        let mut report = Report::new(outcome);
        self.fill(verb, &mut report);
        report.at = verb.sets.last().and_then(|set| newest(set, self.request.goal));
        report
    }

    pub(super) fn fill(&self, verb: &Verb<'_>, report: &mut Report) {
        report.queries = verb.session.queries();
        report.elapsed = verb.began.elapsed();
    }

    /// Reads the history, and looks at what is open. Without the lock: somebody may be at work on it just now.
    async fn read_all(&self, verb: &mut Verb<'_>) -> Result<History> {
        let mut history = verb.session.history(&self.table, &verb.deadline).await?;
        if evidence::is_wanted(&verb.sets, &history, verb.session.dialect()) {
            let look = Look { table: &self.table, role: self.role.as_deref(), deadline: &verb.deadline };
            evidence::gather(&mut verb.session, &verb.sets, &mut history, &look).await?;
        }
        Ok(history)
    }

    async fn look<D: Driver>(&self, db: &mut D) -> Result<Report> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        match self.boot(&mut verb.session, &verb.sets, &verb.deadline).await? {
            Booted::UpToDate => Ok(self.report(&verb, Outcome::UpToDate)),
            Booted::Ahead => Ok(self.report(&verb, Outcome::Ahead)),
            Booted::Pending => {
                let history = self.read_all(&mut verb).await?;
                let mut plan = self.decide(&mut verb, &history, &self.request).await?;
                let conditions = self.conditions(&mut verb, &plan).await?;
                plan.set_conditions(conditions, &self.values);
                let plan = Verified::shown(plan, &self.verifier_refs()).await?;
                if plan.is_empty() {
                    let outcome = if plan.is_ahead() { Outcome::Ahead } else { Outcome::UpToDate };
                    return Ok(self.report(&verb, outcome));
                }
                let labels: Vec<&str> = plan.items().iter().map(|item| item.label()).collect();
                Err(Error::new(ErrorKind::Pending, format!("pending: {}", labels.join(", ")))
                    .with_note("next", "apply them with `run`, or wait for another process to, with `wait`"))
            }
        }
    }

    async fn wait_for_others<D: Driver>(&self, db: &mut D) -> Result<Report> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        let deadline = Deadline::new(self.wait_deadline);
        let mut longest = std::time::Duration::from_millis(50);
        loop {
            match self.boot(&mut verb.session, &verb.sets, &deadline).await? {
                Booted::UpToDate => return Ok(self.report(&verb, Outcome::UpToDate)),
                Booted::Ahead => return Ok(self.report(&verb, Outcome::Ahead)),
                // What the one query cannot tell, such as a newer revision of a repeatable, the history can.
                Booted::Pending => {
                    let history = verb.session.history(&self.table, &verb.deadline.anew()).await?;
                    match plan(&verb.sets, &history, &self.request, verb.session.dialect()) {
                        Ok(plan) if plan.is_empty() => {
                            let outcome = if plan.is_ahead() { Outcome::Ahead } else { Outcome::UpToDate };
                            return Ok(self.report(&verb, outcome));
                        }
                        Err(findings) if findings.iter().any(is_mended_by_no_process) => {
                            return Err(refusal(&verb.sets, &history, verb.session.dialect(), findings));
                        }
                        _ => {}
                    }
                }
            }
            self.tell(&Event::Waiting { holder: None, waited: deadline.waited() });
            if self.is_stopped() {
                return Err(stopped());
            }
            if deadline.passed() {
                // What is refused is a better answer than that it took too long.
                let history = verb.session.history(&self.table, &verb.deadline).await?;
                let plan = self.decide(&mut verb, &history, &self.request).await?;
                let labels: Vec<&str> = plan.items().iter().map(|item| item.label()).collect();
                return Err(Error::new(
                    ErrorKind::Retry,
                    format!(
                        "nobody has applied {} within {}",
                        labels.join(", "),
                        crate::report::Short(self.wait_deadline)
                    ),
                )
                .with_note("next", "look why the process that migrates has not; nothing was changed"));
            }
            verb.session.driver().pause(jittered(longest).min(deadline.left())).await;
            longest = (longest * 2).min(std::time::Duration::from_secs(2));
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::is_asked)
    }

    /// Tries to take the session's lock, and waits a little if it is not to be had. `false`: it is not, look again.
    pub(super) async fn lock(&self, verb: &mut Verb<'_>, report: &Report) -> Result<bool> {
        let holder = match verb.session.lock(&self.table).await {
            Ok(Locked::Mine) => return Ok(true),
            Ok(Locked::Others { holder }) => holder,
            Err(error) => return Err(error.with_report(report.clone())),
        };
        let waited = verb.deadline.waited();
        self.tell(&Event::Waiting { holder: holder.as_deref(), waited });
        if verb.deadline.passed() {
            let changed = !report.migrations.is_empty();
            return Err(
                lock_deadline(&verb.deadline, changed, holder.as_deref(), None).with_report(report.clone())
            );
        }
        let mut round = 5;
        verb.session.pause(&mut round, &verb.deadline).await;
        Ok(false)
    }
}

/// Whether a reason to refuse stays, whatever other processes apply.
fn is_mended_by_no_process(finding: &Finding) -> bool {
    matches!(finding.kind(), FindingKind::Environment | FindingKind::History | FindingKind::Duplicate)
}

/// The error about a row that cannot be read, with which nothing goes on.
pub(super) fn unreadable_row(row: &BrokenRow) -> Error {
    Error::new(ErrorKind::Database, format!("the history cannot be read: {row}"))
        .with_note(
            "next",
            "put back what stood in the column, from a backup of the table; or run a newer version, if one has written the \
             row. A value of the form that docs/formats.md gives can be read, and `repair` then vouches for it",
        )
        .about_broken_history()
}

/// On whose thread the verb runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// An executor's: plain functions as steps would block it.
    Async,
    /// The caller's, or no step is run.
    Blocking,
}

fn tips_of(history: &History) -> Vec<Tip> {
    history
        .sets()
        .filter_map(|(name, state)| {
            let set = crate::migration::SetName::new(name).ok()?;
            let last = state.rows().last()?;
            Some(Tip { set, seq: last.seq(), hash: *last.hash() })
        })
        .collect()
}

pub(super) fn newest(set: &MigrationSet, goal: Goal) -> Option<String> {
    match goal {
        Goal::UpTo(version) | Goal::Baseline(version) => {
            set.migration(version).map(|migration| migration.label())
        }
        _ => set.versioned().last().map(|migration| migration.label()),
    }
}
