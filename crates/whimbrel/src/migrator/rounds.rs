//! Planning and carrying out, round after round while others write, until there is nothing to do. What a round carries out,
//! the engine knows.

use super::Migrator;
use super::boot::Booted;
use super::doubt::refusal;
use super::evidence::{self, Look};
use super::postpone::Postponed;
use super::verbs::{Mode, Verb, newest};
use crate::approval::Approvals;
use crate::driver::Driver;
use crate::engine::{Engine, Progress, Run, Settings};
use crate::error::{Error, Result};
use crate::finding::{Finding, FindingKind};
use crate::history::History;
use crate::observe::Event;
use crate::plan::{Conditions, Goal, Plan, PlanItem, Request, Reverted, Transaction, plan};
use crate::report::{Outcome, Report};
use crate::stop::stopped;
use crate::verify::Verified;

impl<'a> Migrator<'a> {
    /// Plans and carries out, and gives the session's lock back.
    pub(super) async fn carry_out<D: Driver>(
        &self,
        db: &mut D,
        request: Request,
        mode: Mode,
    ) -> Result<Report> {
        let mut verb = self.begin(db, mode).await?;
        let result = Rounds::new(self, &mut verb, request).run().await;
        verb.session.unlock(&self.table).await;
        result.map(|mut report| {
            self.fill(&verb, &mut report);
            report
        })
    }

    /// Refuses what would run a step in Rust, where they are left to the application.
    fn refuse_steps_elsewhere(&self, plan: &Plan) -> Result<()> {
        if !self.steps_elsewhere {
            return Ok(());
        }
        let steps = plan.items().iter().filter(|item| item.rust_step().is_some());
        let findings: Vec<Finding> = steps
            .map(|item| {
                let message = "is a step in Rust, which only the application can run: start the application, or stop \
                               before it";
                let finding = Finding::new(FindingKind::Step, item.set_name(), item.label(), message);
                item.migration().map_or(finding.clone(), |migration| finding.at(migration.up().location()))
            })
            .collect();
        if findings.is_empty() { Ok(()) } else { Err(Error::refused(findings)) }
    }
}

/// What is known from one round to the next.
struct Rounds<'r, 'a, 'v> {
    migrator: &'r Migrator<'a>,
    verb: &'r mut Verb<'v>,
    settings: Settings<'r>,
    /// What was asked for. What is left of it is `request`.
    goal: Goal,
    request: Request,
    report: Report,
    kept: Run,
    approvals: Approvals<'r>,
    /// Asked for once, as the preflight is.
    conditions: Option<Conditions>,
    postponed: Postponed,
    /// How often somebody else had the lock.
    came_second: u32,
    /// How many rows there were when work was open on another server.
    seen: Option<usize>,
}

/// How a round has ended.
enum Round {
    /// Another one has to look.
    Again,
    /// There is nothing to do.
    Nothing(Outcome),
    /// Everything was done.
    Done,
}

/// What became of the lock.
enum Turn {
    Mine,
    /// Another process has it: look again.
    Later,
    /// Another process has it, and there is nothing to take it for.
    NoNeed(Outcome),
}

impl<'r, 'a, 'v> Rounds<'r, 'a, 'v> {
    fn new(migrator: &'r Migrator<'a>, verb: &'r mut Verb<'v>, request: Request) -> Self {
        Self {
            settings: migrator.settings(&verb.sets),
            approvals: migrator.approvals(),
            migrator,
            verb,
            goal: request.goal,
            request,
            report: Report::new(Outcome::Applied),
            kept: Run::default(),
            conditions: None,
            postponed: None,
            came_second: 0,
            seen: None,
        }
    }

    async fn run(mut self) -> Result<Report> {
        loop {
            match self.round().await {
                Ok(Round::Again) => {}
                Ok(Round::Nothing(outcome)) if self.report.migrations.is_empty() => {
                    return Ok(self.migrator.report(self.verb, outcome));
                }
                Ok(Round::Nothing(_) | Round::Done) => break,
                Err(error) if error.report().is_some() => return Err(error),
                Err(error) => return Err(error.with_report(self.report)),
            }
        }
        self.migrator.fill(self.verb, &mut self.report);
        let last = self.verb.sets.last();
        self.report.at = match self.goal {
            Goal::RevertTo(version) => {
                version.and_then(|version| last.and_then(|set| set.migration(version)).map(|it| it.label()))
            }
            goal => last.and_then(|set| newest(set, goal)),
        };
        Ok(self.report)
    }

    async fn round(&mut self) -> Result<Round> {
        if self.migrator.is_stopped() {
            return Err(stopped());
        }
        if matches!(self.goal, Goal::Latest | Goal::UpTo(_)) {
            match self.migrator.boot(&mut self.verb.session, &self.verb.sets, &self.verb.deadline).await? {
                Booted::UpToDate => return Ok(Round::Nothing(Outcome::UpToDate)),
                Booted::Ahead => return Ok(Round::Nothing(Outcome::Ahead)),
                Booted::Pending => {}
            }
        }
        match self.lock_first().await? {
            Turn::Mine => {}
            Turn::Later => return Ok(Round::Again),
            Turn::NoNeed(outcome) => return Ok(Round::Nothing(outcome)),
        }
        let Some(history) = self.read().await? else { return Ok(Round::Again) };
        let Some(plan) = self.decide(&history).await? else { return Ok(Round::Again) };
        if plan.is_empty() {
            return Ok(Round::Nothing(nothing(&plan)));
        }
        if self.postpone(&plan, &history).await? {
            return Ok(Round::Again);
        }
        let plan = self.admit(plan, &history).await?;
        self.carry_out(&plan, history).await
    }

    /// Where nothing else keeps migrators apart, takes the lock before anything is decided. Where another process has it,
    /// looks whether there is any work to take it for: that process may be a newer program's, for an hour.
    async fn lock_first(&mut self) -> Result<Turn> {
        let always = self.verb.session.dialect().lock.is_some_and(|lock| lock.transaction.is_none());
        if !always || self.migrator.lock(self.verb, &self.report).await? {
            return Ok(Turn::Mine);
        }
        // What is postponed need not wait for the lock, least of all with a hundred others.
        self.came_second += 1;
        if self.came_second % 8 == 1 {
            let history = self.verb.session.history(&self.migrator.table, &self.verb.deadline).await?;
            match self.plan(&history) {
                Ok(plan) if plan.is_empty() => return Ok(Turn::NoNeed(nothing(&plan))),
                Ok(plan) => drop(self.postpone(&plan, &history).await?),
                // That does not change while others work. What else is found may.
                Err(findings) if findings.iter().all(|finding| finding.kind() == FindingKind::Ahead) => {
                    return Err(refusal(&self.verb.sets, &history, self.verb.session.dialect(), findings));
                }
                Err(_) => {}
            }
        }
        Ok(Turn::Later)
    }

    /// Reads the history, and looks at what is open. `None`: somebody may be at work on that, look again.
    async fn read(&mut self) -> Result<Option<History>> {
        let table = &self.migrator.table;
        let mut history = self.verb.session.history(table, &self.verb.deadline).await?;
        if evidence::is_wanted(&self.verb.sets, &history, self.verb.session.dialect()) {
            // Whoever has begun the work may still be at it. That nobody is, only the lock proves.
            if !self.verb.session.is_locked() {
                let has_waited = match self.plan(&history) {
                    Ok(plan) => self.postpone(&plan, &history).await?,
                    Err(_) => false,
                };
                if !has_waited {
                    self.migrator.lock(self.verb, &self.report).await?;
                }
                return Ok(None);
            }
            let Verb { session, sets, deadline, .. } = &mut *self.verb;
            let look = Look { table, role: self.migrator.role.as_deref(), deadline };
            evidence::gather(session, sets, &mut history, &look).await?;
        }
        if history.is_open_elsewhere() {
            // Whoever is at work there holds no lock that shows here, and as long as rows come, somebody is.
            if self.seen.replace(history.len()) != Some(history.len()) {
                self.verb.deadline = self.verb.deadline.anew();
            }
            if !self.verb.deadline.passed() {
                let waited = self.verb.deadline.waited();
                self.migrator.tell(&Event::Waiting { holder: None, waited });
                self.pause().await;
                return Ok(None);
            }
        }
        Ok(Some(history))
    }

    fn plan(&self, history: &History) -> std::result::Result<Plan, Vec<Finding>> {
        plan(&self.verb.sets, history, &self.request, self.verb.session.dialect())
    }

    /// Plans. `None`: somebody may be at work on what keeps it from being planned, look again.
    async fn decide(&mut self, history: &History) -> Result<Option<Plan>> {
        match self.plan(history) {
            Ok(plan) => Ok(Some(plan)),
            // Another process may be in the middle of what looks open.
            Err(findings)
                if !self.verb.deadline.passed()
                    && !self.verb.session.is_locked()
                    && findings.iter().all(|finding| finding.kind() == FindingKind::InDoubt) =>
            {
                self.pause().await;
                Ok(None)
            }
            Err(findings) => Err(refusal(&self.verb.sets, history, self.verb.session.dialect(), findings)),
        }
    }

    async fn pause(&mut self) {
        self.verb.session.pause(&mut self.kept.round, &self.verb.deadline).await;
    }

    async fn postpone(&mut self, plan: &Plan, history: &History) -> Result<bool> {
        self.migrator.postpone(self.verb, plan, history, &mut self.postponed).await
    }

    /// The second gate, and what goes before it.
    async fn admit(&mut self, mut plan: Plan, history: &History) -> Result<Verified<Plan>> {
        let migrator = self.migrator;
        let conditions = match &self.conditions {
            Some(known) => known.clone(),
            None => {
                migrator.preflight(self.verb, &plan, history).await?;
                let asked = migrator.conditions(self.verb, &plan).await?;
                self.conditions.insert(asked).clone()
            }
        };
        plan.set_conditions(conditions, &migrator.values);
        migrator.refuse_steps_elsewhere(&plan)?;
        let plan = Verified::approved(plan, &migrator.verifier_refs(), &mut self.approvals).await?;
        if let Some(values) = migrator.values(&plan).await? {
            self.verb.session.fill(values);
        }
        Ok(plan)
    }

    /// Ends what scripts have prepared whose transactions were rolled back, so that they can be run again. Where it fails, they
    /// say so themselves.
    async fn unprepare(&mut self, plan: &Plan) {
        let Some(unprepare) = self.verb.session.dialect().settings.unprepare else { return };
        let ran = |item: &PlanItem| {
            self.report.migrations.iter().any(|it| it.set == *item.set_name() && it.label == item.label())
        };
        let rolled_back = plan.items().iter().filter(|item| item.in_transaction() && !ran(item));
        let since = self.verb.began.elapsed();
        for (name, text) in rolled_back.filter_map(PlanItem::prepared).flat_map(|prepared| &prepared.prepares)
        {
            let _ = self.verb.session.run(&unprepare(name, text, since)).await;
        }
    }

    async fn carry_out(&mut self, plan: &Verified<Plan>, history: History) -> Result<Round> {
        self.report.outcome = outcome_of(plan, self.goal);
        let before = self.report.migrations.len();
        let deadline = self.verb.deadline;
        let engine = Engine::new(
            &mut self.verb.session,
            &self.settings,
            history,
            plan,
            deadline,
            &mut self.report,
            &mut self.kept,
        );
        let result = engine.run().await;
        if !matches!(result, Ok(Progress::Done | Progress::Stopped)) {
            self.unprepare(plan).await;
        }
        let progress = result?;
        if self.report.migrations.len() > before {
            // Work does not count as waiting.
            self.verb.deadline = self.verb.deadline.anew();
        }
        match progress {
            Progress::Done => return Ok(Round::Done),
            Progress::Stopped => {
                self.migrator.fill(self.verb, &mut self.report);
                self.report.at = self.report.migrations.last().map(|migration| migration.label.clone());
                return Err(stopped());
            }
            // What was reverted must not be taken for what is to be reverted now.
            Progress::Again if self.goal == Goal::Redo && !self.report.migrations.is_empty() => {
                self.request.goal = self.report.migrations[0].version.map_or(Goal::Latest, Goal::UpTo);
                self.request.reverted = Reverted::Apply;
            }
            Progress::Again => {}
            Progress::OneByOne => self.request.transaction = Transaction::PerMigration,
        }
        Ok(Round::Again)
    }
}

/// What it comes to that a plan is empty.
fn nothing(plan: &Plan) -> Outcome {
    if plan.is_ahead() { Outcome::Ahead } else { Outcome::UpToDate }
}

fn outcome_of(plan: &Plan, goal: Goal) -> Outcome {
    match goal {
        Goal::Redo => Outcome::Redone,
        Goal::Baseline(_) => Outcome::Baselined,
        _ if plan.items().iter().all(|item| item.is_down()) => Outcome::Reverted,
        _ => Outcome::Applied,
    }
}
