//! The verb `script`: a plan as one text that somebody runs by hand. Writes nothing to the database.

use super::Migrator;
use super::evidence::{self, Look};
use super::verbs::{Mode, Verb};
use crate::dialect::Dialect;
use crate::driver::Driver;
use crate::engine::{Engine, Run, misread};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::{Finding, FindingKind};
use crate::history::History;
use crate::placeholder::Form;
use crate::plan::{Goal, Plan};
use crate::report::{Outcome, Report};
use crate::script::{Position, Script};
use crate::verify::Verified;

impl<'a> Migrator<'a> {
    /// Writes down what [`run`](Self::run) would do, as one script for the database's own client (`psql`, `mariadb`,
    /// `mysql`, `sqlite3`), for databases that nobody but an administrator may change. Changes nothing.
    ///
    /// The script holds the history's rows too: run whole, it leaves the database and its history as `run` would. Run
    /// in part, it leaves them as a run that was cut off, and `run`, or another script, goes on from there. It fails, with
    /// nothing changed, where the history is no longer the one that it was made on, so also when it is run again. How it is
    /// run stands in its first lines. In its rows `who` and `at` tell by whom and when it was made, and `detail` has the
    /// plan's digest.
    ///
    /// A [preflight](Self::with_preflight) is not asked for: it is about the connection that applies. No pause is waited for
    /// after a failure. What fails in a script leaves no row `failed`.
    ///
    /// ```
    /// # use whimbrel::{Memory, Migrator};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let migrations = Memory::new().with_sql(1, "users", "CREATE TABLE users (id INTEGER);");
    /// # let mut db = whimbrel_testkit::Fake::new();
    /// # let path = std::env::temp_dir().join("whimbrel-doc-script.sql");
    /// match Migrator::new(&migrations).script_blocking(&mut db) {
    ///     Ok(script) => std::fs::write(path, script)?,
    ///     // Of this database there is no client.
    ///     Err(error) => assert_eq!(error.kind(), whimbrel::ErrorKind::Configuration),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and where an approval is wanted that was not given; of kind
    /// [`Configuration`](ErrorKind::Configuration) for what no script can hold: a step in Rust, a secret, a backup; of kind
    /// [`Retry`](ErrorKind::Retry) while somebody else migrates.
    pub async fn script<D: Driver>(&self, db: &mut D) -> Result<String> {
        self.script_for(db, self.request.goal).await
    }

    /// Writes down what would be done to reach a goal: what [`revert_to`](Self::revert_to), [`redo`](Self::redo) or
    /// [`baseline`](Self::baseline) would do. Changes nothing.
    ///
    /// # Errors
    /// As [`script`](Self::script).
    pub async fn script_for<D: Driver>(&self, db: &mut D, goal: Goal) -> Result<String> {
        let mut verb = self.begin(db, Mode::Blocking).await?;
        let result = self.script_in(&mut verb, goal).await;
        verb.session.unlock(&self.table).await;
        result
    }

    async fn script_in(&self, verb: &mut Verb<'_>, goal: Goal) -> Result<String> {
        if self.backup.is_some() {
            let headline = "a script cannot make the backup that was asked for";
            return Err(Error::new(ErrorKind::Configuration, headline).with_note(
                "next",
                "leave `with_backup` out for the script, and have whoever runs it make a backup before",
            ));
        }
        let history = self.read_alone(verb).await?;
        if history.is_open_elsewhere() {
            let headline = "work was begun on another server, and may go on there";
            return Err(Error::new(ErrorKind::Retry, headline)
                .with_note("next", "end it with `run`, or make the script on a connection to that server"));
        }
        let mut plan = self.decide(verb, &history, &self.request_for(goal)).await?;
        unwritable(&plan, verb.session.dialect())?;
        self.check_values(&plan)?;
        let conditions = self.conditions(verb, &plan).await?;
        plan.set_conditions(conditions, &self.values);
        let plan = Verified::approved(plan, &self.verifier_refs(), &mut self.approvals()).await?;
        let values = self.values(&plan).await?;
        let settings = self.settings(&verb.sets);
        let (mut report, mut run) = (Report::new(Outcome::UpToDate), Run::default());
        let deadline = verb.deadline;
        let engine =
            Engine::new(&mut verb.session, &settings, history, &plan, deadline, &mut report, &mut run);
        engine.script(values).await
    }

    /// Reads the history, and looks at what is open: under the lock, since somebody may be at work on it.
    async fn read_alone(&self, verb: &mut Verb<'_>) -> Result<History> {
        loop {
            let mut history = verb.session.history(&self.table, &verb.deadline).await?;
            if !evidence::is_wanted(&verb.sets, &history, verb.session.dialect()) {
                return Ok(history);
            }
            if verb.session.is_locked() {
                let look = Look { table: &self.table, role: self.role.as_deref(), deadline: &verb.deadline };
                evidence::gather(&mut verb.session, &verb.sets, &mut history, &look).await?;
                return Ok(history);
            }
            self.lock(verb, &Report::new(Outcome::UpToDate)).await?;
        }
    }
}

/// Refuses what no script can hold, with everything that there is to say.
fn unwritable(plan: &Plan, dialect: &Dialect) -> Result<()> {
    let mut findings = Vec::new();
    for item in plan.items() {
        let place = |position: &Position| {
            let file = item.script().map(|file| file.location()).unwrap_or_default();
            format!("{file}:{}:{}", position.line, position.column)
        };
        let mut find = |message: &str, position: Option<&Position>| {
            let finding = Finding::new(FindingKind::ByHand, item.set_name(), item.label(), message);
            findings.push(match position {
                Some(position) => finding.at(place(position)),
                None => finding,
            });
        };
        if item.rust_step().is_some() {
            find(
                "is a step in Rust, which no script can hold: make one for what is before it (`with_target`), and apply it \
                 with `run`",
                None,
            );
            continue;
        }
        let wanted = item.prepared().map(|prepared| prepared.placeholders.as_slice()).unwrap_or_default();
        for (placeholder, position) in wanted.iter().filter(|(it, _)| it.form == Form::Secret) {
            let message = format!(
                "asks for the secret `{}`, which no script may hold: make one for what is before it (`with_target`), and \
                 apply it with `run`",
                placeholder.name
            );
            find(&message, Some(position));
        }
        let Some((client, file)) = dialect.script.map(|script| script.client).zip(item.script()) else {
            continue;
        };
        for statement in Script::stream(file.text(), &dialect.lexing) {
            if let Some(message) = misread(client, &statement) {
                find(message, Some(&statement.position()));
            }
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(Error::refused(findings)) }
}
