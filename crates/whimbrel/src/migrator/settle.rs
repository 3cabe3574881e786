//! What a person says to the history: how work in doubt has ended, and that rows which are wrong were looked at.

use super::Migrator;
use super::doubt::open_script;
use super::verbs::{Mode, Verb, unreadable_row};
use crate::detail::Detail;
use crate::digest::Digest;
use crate::driver::Driver;
use crate::engine::{Engine, Progress, Run};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{History, HistoryEvent, NewRow, OpenWork};
use crate::migration::{MigrationSet, Version, label};
use crate::plan::{Plan, broken_rows};
use crate::prepare::statement_digest;
use crate::report::{Outcome, Report};
use crate::script::Script;
use crate::verify::Verified;

/// How a statement in doubt, or a migration half done, has ended, as a person found out by looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The migration that is open; none for a repeatable, of which only one can be. Of several sets it is the first one, in the
    /// order in which they run, in which this migration is open.
    pub version: Option<Version>,
    /// How it ended.
    pub ending: Ending,
    /// Why this is known; recorded in the history.
    pub reason: String,
}

/// What a [`Settlement`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The statement of this number, from 1, took effect: the next run goes on behind it.
    TookEffect(usize),
    /// The statement of this number did not take effect: the next run runs it.
    DidNot(usize),
    /// The migration was ended by hand: the next run records it as done and runs nothing of it.
    Applied,
    /// The migration was undone by hand: it is as if it had never been begun.
    Undone,
}

impl Migrator<'_> {
    /// Writes rows that carry out no plan.
    async fn append(&self, verb: &mut Verb<'_>, history: History, rows: Vec<NewRow>) -> Result<()> {
        if verb.session.dialect().lock.is_some_and(|lock| lock.transaction.is_none()) {
            while !self.lock(verb, &Report::new(Outcome::Settled)).await? {}
        }
        let result = self.append_locked(verb, history, rows).await;
        verb.session.unlock(&self.table).await;
        result
    }

    async fn append_locked(&self, verb: &mut Verb<'_>, history: History, rows: Vec<NewRow>) -> Result<()> {
        let plan = Plan::bare(&verb.sets, &history, verb.session.dialect());
        let plan = Verified::plan(plan, &[]).await?;
        let settings = self.settings(&verb.sets);
        let mut report = Report::new(Outcome::Settled);
        let mut run = Run { backed_up: true, ..Run::default() };
        let engine =
            Engine::new(&mut verb.session, &settings, history, &plan, verb.deadline, &mut report, &mut run);
        match engine.append(rows).await? {
            Progress::Done => Ok(()),
            Progress::Again | Progress::OneByOne | Progress::Stopped => Err(Error::new(
                ErrorKind::Retry,
                "another process has written to the history at the same time",
            )
            .with_note("next", "look again: what you wanted to say may no longer be so")),
        }
    }

    pub(super) async fn write_settlement<D: Driver>(
        &self,
        db: &mut D,
        settlement: Settlement,
    ) -> Result<Report> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        let history = verb.session.history(&self.table, &verb.deadline).await?;
        // A run stops at the first set that is in doubt.
        let is_meant = |set: &&Verified<MigrationSet>| {
            history.set(set.name()).open.as_ref().is_some_and(|open| open.version == settlement.version)
        };
        let Some(set) = verb.sets.iter().find(is_meant).or(verb.sets.last()).cloned() else {
            return Err(Error::new(ErrorKind::Bug, "a migrator without a set"));
        };
        self.refuse_other_environment(&history)?;
        let state = history.set(set.name()).into_owned();
        // What is open is read from rows, and these are not to be relied on.
        let broken = broken_rows(&state, set.name());
        if !broken.is_empty() {
            return Err(Error::refused(broken));
        }
        let configuration = |what: String| Error::new(ErrorKind::Configuration, what);
        let Some(open) = &state.open else {
            return Err(configuration(format!(
                "nothing is open in the set {}, so there is nothing to settle",
                set.name()
            )));
        };
        if open.version != settlement.version {
            return Err(configuration(format!("what is open is {}, not what was named", open.label())));
        }
        if settlement.reason.trim().is_empty() {
            return Err(configuration(
                "a settlement needs a reason: it is recorded for those who come later".to_owned(),
            ));
        }
        let next = open.statements.len() + 1;
        let mut detail = Detail::new().with("because", &settlement.reason);
        detail = match settlement.ending {
            Ending::TookEffect(number) | Ending::DidNot(number) if number != next => {
                return Err(configuration(format!(
                    "the statement in doubt of {} is number {next}, not {number}",
                    open.label()
                )));
            }
            Ending::TookEffect(_) => {
                let text = self.statement_text(&verb, &set, open)?;
                detail.with("outcome", "took-effect").with("statement", next).with("text", text)
            }
            Ending::DidNot(_) => detail.with("outcome", "did-not").with("statement", next),
            Ending::Applied => detail.with("outcome", "applied"),
            Ending::Undone => detail.with("outcome", "undone"),
        };
        let undone = settlement.ending == Ending::Undone;
        let row = NewRow {
            set: set.name().to_string(),
            event: HistoryEvent::Settled,
            version: open.version,
            name: Some(open.name.clone()),
            digest: Some(open.digest),
            head: undone.then(|| state.head()),
            repeatables: state.repeatables_digest(),
            below: None,
            detail,
            mark: None,
        };
        let settled = label(open.version, &open.name);
        self.append(&mut verb, history, vec![row]).await?;
        let mut report = Report::new(Outcome::Settled);
        self.fill(&verb, &mut report);
        report.at = (!undone).then_some(settled);
        Ok(report)
    }

    /// The digest of the statement in doubt, as the script has it now.
    fn statement_text(&self, verb: &Verb<'_>, set: &MigrationSet, open: &OpenWork) -> Result<Digest> {
        let gone =
            || Error::new(ErrorKind::Files, format!("the script of {} is not in this program", open.label()));
        let (migration, file) = open_script(set, open).ok_or_else(gone)?;
        if open.digest != *migration.digest() {
            // It may have been another one than the one that stands there now.
            return Err(Error::new(
                ErrorKind::Files,
                format!("the script of {} was changed since the statement in doubt was begun", open.label()),
            )
            .with_note("next", "restore the file as it was, and say again that the statement took effect"));
        }
        let lexing = &verb.session.dialect().lexing;
        if !Script::is_sound(file.text(), lexing) {
            return Err(gone());
        }
        let statement = Script::stream(file.text(), lexing).nth(open.statements.len()).ok_or_else(gone)?;
        Ok(statement_digest(&statement))
    }

    pub(super) async fn write_repair<D: Driver>(&self, db: &mut D, reason: &str) -> Result<Report> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        let history = verb.session.history(&self.table, &verb.deadline).await?;
        self.refuse_other_environment(&history)?;
        if let Some(row) = history.broken().find(|row| row.column.is_some()) {
            return Err(unreadable_row(row));
        }
        let mut rows = Vec::new();
        for (set, state) in history.sets().filter(|(_, state)| !state.broken().is_empty()) {
            let broken = state.broken().iter();
            let detail = Detail::new().with("because", reason).with("content", state.content());
            rows.push(NewRow {
                set: set.to_owned(),
                event: HistoryEvent::Repaired,
                version: None,
                name: None,
                digest: None,
                head: state.open.is_none().then(|| state.head()),
                repeatables: state.repeatables_digest(),
                below: None,
                detail: broken.fold(detail, |detail, row| detail.with("row", row.seq)),
                mark: None,
            });
        }
        if rows.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "nothing is wrong with the history's rows"));
        }
        if reason.trim().is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "a repair needs a reason: it is recorded"));
        }
        self.append(&mut verb, history, rows).await?;
        let mut report = Report::new(Outcome::Settled);
        self.fill(&verb, &mut report);
        Ok(report)
    }
}
