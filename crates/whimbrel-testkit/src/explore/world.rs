//! One state of an exploration, and what can happen in it.
//!
//! A step is one statement on the server, with those behind it that no other session can see or be disturbed by: what stands
//! in a transaction that has the write lock, and what changes the session alone. What a client does between two calls is no
//! step: nobody sees it.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use whimbrel::{Error, ErrorClass, Report};

use super::job::{Answer, Job};
use super::progress::Names;
use super::wire::{Line, SharedWire, hold};
use super::{Deed, Exploration, Part};
use crate::fake::session::{Server, Session};
use crate::fake::statement::Statement;
use crate::fake::{lock, lost};

/// One thing that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) actor: usize,
    pub(super) act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// The next statement is carried out, or the pause ends.
    Step,
    /// The connection is cut before the next statement; what is open is rolled back.
    Cut,
    /// The last statement of a call is carried out, and the answer is lost.
    Lose,
    /// The client is gone, and the server goes on with what it has.
    Drop,
}

type Running<'w> = Pin<Box<dyn Future<Output = Result<Report, Error>> + Send + 'w>>;

/// One who is at work.
struct Actor<'w> {
    future: Option<Running<'w>>,
    wire: SharedWire,
    session: Session,
    /// What the server has of it.
    job: Option<Job>,
    /// What the client was told so far.
    told: u64,
    /// With what it begins each round: the first thing that it has sent.
    first: Option<String>,
    rounds: usize,
    /// The errors that it was told of.
    errors: usize,
    /// What had changed when the pause began.
    seen: u64,
    paused: bool,
    wakes: usize,
    faulted: bool,
    /// Whether the session is still there.
    connected: bool,
    outcome: Option<Result<Report, Error>>,
}

impl Actor<'_> {
    /// At the beginning of a round a client knows little of those before: that it was not the first, and what has failed.
    fn begin_round(&mut self) {
        let Some(next) = self.job.as_ref().and_then(Job::next) else { return };
        if self.first.get_or_insert_with(|| next.text.clone()) == &next.text {
            self.rounds = (self.rounds + 1).min(3);
            ("round", self.rounds, self.errors).hash_into(&mut self.told);
        }
    }
}

/// A state.
pub(super) struct World<'w> {
    pub(super) exploration: &'w Exploration,
    pub(super) server: Arc<Mutex<Server>>,
    actors: Vec<Actor<'w>>,
    faults: usize,
    names: Names,
    /// The statements in doubt that have reached the server.
    pub(super) sent: BTreeSet<String>,
    /// The states since something has changed in which everybody waits.
    quiet: Vec<u64>,
    pub(super) wrong: Option<String>,
    pub(super) trace: Option<Vec<String>>,
}

impl<'w> World<'w> {
    pub(super) fn new(exploration: &'w Exploration, traced: bool) -> Self {
        let server =
            Server::standing(exploration.kind, exploration.before.clone(), exploration.files.clone());
        let mut world = Self {
            exploration,
            server: Arc::new(Mutex::new(server)),
            actors: Vec::new(),
            faults: exploration.faults,
            names: Names::default(),
            sent: BTreeSet::new(),
            quiet: Vec::new(),
            wrong: None,
            trace: traced.then(Vec::new),
        };
        world.names.learn(&exploration.before);
        for part in &exploration.parts {
            world.join(part);
        }
        (0..world.actors.len()).for_each(|actor| world.settle(actor));
        world
    }

    fn join(&mut self, part: &'w Part) {
        let wire = SharedWire::default();
        let (future, job): (Option<Running<'w>>, _) = match part {
            Part::Person(sql) => (None, Some(Job::new([*sql], Vec::new()))),
            Part::Migrator(release, deed) => {
                let release = &self.exploration.releases[*release];
                let mut line = Line { wire: Arc::clone(&wire), kind: self.exploration.kind };
                let deed = *deed;
                let future = async move {
                    match deed {
                        Deed::Run => release.migrator.run(&mut line).await,
                        Deed::Check => release.migrator.check(&mut line).await,
                        Deed::RevertTo(target) => release.migrator.revert_to(&mut line, target).await,
                        Deed::Redo => release.migrator.redo(&mut line).await,
                    }
                };
                (Some(Box::pin(future)), None)
            }
        };
        let number = lock(&self.server).connect();
        self.actors.push(Actor {
            future,
            wire,
            session: Session::new(number, false),
            job,
            told: 0,
            first: None,
            rounds: 0,
            errors: 0,
            seen: 0,
            paused: false,
            wakes: self.exploration.wakes,
            faulted: false,
            connected: true,
            outcome: None,
        });
    }

    /// What can happen. Nothing, once nobody is at work.
    pub(super) fn choices(&self) -> Vec<Choice> {
        let server = lock(&self.server);
        let changes = server.changes();
        let mut choices = Vec::new();
        let mut sleeping = Vec::new();
        for (number, actor) in self.actors.iter().enumerate().filter(|(_, actor)| actor.connected) {
            let choice = |act| Choice { actor: number, act };
            let mut faults = Vec::new();
            if actor.paused {
                if actor.seen != changes || actor.wakes > 0 {
                    choices.push(choice(Act::Step));
                } else {
                    sleeping.push(choice(Act::Step));
                }
                faults.push(choice(Act::Drop));
            } else if let Some(job) = &actor.job {
                let blocked = match job.next() {
                    Some(sent) => sent.parsed.as_ref().is_ok_and(|it| actor.session.is_blocked(&server, it)),
                    None => false,
                };
                if !blocked {
                    choices.push(choice(Act::Step));
                }
                faults.push(choice(Act::Cut));
                if !blocked && job.left() == 1 {
                    faults.push(choice(Act::Lose));
                }
                faults.push(choice(Act::Drop));
            } else {
                // A client that is gone has left something that the server has yet to find.
                choices.push(choice(Act::Step));
            }
            if self.faults > 0 && actor.future.is_some() {
                choices.extend(faults);
            }
        }
        let can_go_on = choices.iter().any(|choice| choice.act == Act::Step);
        if !can_go_on {
            choices.extend(sleeping);
        }
        choices
    }

    /// Lets something happen.
    pub(super) fn apply(&mut self, choice: Choice) {
        self.note(choice);
        let before = lock(&self.server).changes();
        let Choice { actor: number, act } = choice;
        match act {
            Act::Step => self.step(number),
            Act::Cut => self.cut(number),
            Act::Lose => {
                self.carry_out(number);
                self.cut(number);
            }
            Act::Drop => self.drop_client(number),
        }
        self.settle(number);
        if lock(&self.server).changes() != before {
            self.quiet.clear();
        }
    }

    /// Takes note of a state. Whether everybody has waited since it was there before, so that they wait for ever.
    pub(super) fn waits_for_ever(&mut self, hash: u64) -> bool {
        let changes = lock(&self.server).changes();
        let waits = |actor: &&Actor<'_>| actor.paused && actor.seen == changes && actor.wakes == 0;
        let mut connected = self.actors.iter().filter(|actor| actor.connected).peekable();
        if connected.peek().is_none() || !connected.all(|actor| waits(&actor)) {
            return false;
        }
        let again = self.quiet.contains(&hash);
        self.quiet.push(hash);
        again
    }

    fn step(&mut self, number: usize) {
        let changes = lock(&self.server).changes();
        let actor = &mut self.actors[number];
        if actor.paused {
            if actor.seen == changes {
                actor.wakes = actor.wakes.saturating_sub(1);
            }
            actor.paused = false;
            (actor.told, changes != actor.seen).hash_into(&mut actor.told);
            hold(&actor.wire).woken = true;
        } else if actor.job.is_some() {
            self.carry_out(number);
        } else {
            self.end_session(number);
        }
    }

    /// Carries out the next statement.
    fn carry_out(&mut self, number: usize) {
        let mut server = lock(&self.server);
        let actor = &mut self.actors[number];
        let Some(job) = &mut actor.job else { return };
        let text = job.next().map(|sent| sent.text.contains("whimbrel_history"));
        job.step(&mut actor.session, &mut server);
        if text == Some(true) {
            self.names.learn(actor.session.view(&server));
        }
    }

    fn cut(&mut self, number: usize) {
        self.faults -= 1;
        self.end_session(number);
        let actor = &mut self.actors[number];
        actor.faulted = true;
        actor.job = None;
        let mut wire = hold(&actor.wire);
        wire.closed = true;
        wire.answer = Some(Answer::failed(lost()));
    }

    fn drop_client(&mut self, number: usize) {
        self.faults -= 1;
        let actor = &mut self.actors[number];
        actor.faulted = true;
        actor.paused = false;
        actor.future = None;
        let kept = !hold(&actor.wire).closed;
        if kept && !actor.session.is_idle(&lock(&self.server)) {
            self.fail(format!(
                "migrator {number} was dropped, and its connection is kept with what is open on it"
            ));
        }
    }

    fn end_session(&mut self, number: usize) {
        let actor = &mut self.actors[number];
        actor.session.end(&mut lock(&self.server));
        actor.connected = false;
    }

    /// Goes on with one who has just done something, up to the next thing that others can see.
    fn settle(&mut self, number: usize) {
        loop {
            self.hand_over(number);
            let server = lock(&self.server);
            let actor = &mut self.actors[number];
            let Some(job) = &mut actor.job else { break };
            let Some(sent) = job.next() else {
                if actor.future.is_none() {
                    actor.job = None;
                }
                continue;
            };
            let local = match &sent.parsed {
                Ok(statement) => is_local(&actor.session, &server, statement, &sent.text),
                Err(_) => true,
            };
            drop(server);
            if !local {
                break;
            }
            self.carry_out(number);
        }
        let actor = &self.actors[number];
        if actor.future.is_none() && actor.job.is_none() && actor.connected {
            let idle = actor.session.is_idle(&lock(&self.server));
            if idle {
                self.end_session(number);
            }
        }
    }

    /// Gives the client its answer, and lets it go on to its next call.
    fn hand_over(&mut self, number: usize) {
        let actor = &mut self.actors[number];
        let Some(future) = &mut actor.future else { return };
        if let Some(job) = actor.job.take_if(|job| job.next().is_none()) {
            let answer = job.into_answer();
            actor.told = self.names.told(actor.told, &answer);
            actor.errors += usize::from(answer.result.is_err());
            hold(&actor.wire).answer = Some(answer);
        } else if actor.job.is_some() || actor.paused {
            return;
        }
        let mut context = Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut context) {
            Poll::Pending => {
                let mut wire = hold(&actor.wire);
                actor.paused = wire.paused;
                actor.job = wire.job.take();
                actor.seen = lock(&self.server).changes();
                drop(wire);
                actor.begin_round();
                let texts = actor.job.iter().flat_map(Job::texts);
                let doubtful = texts.filter(|text| self.exploration.doubtful.contains(text));
                self.sent.extend(doubtful.map(str::to_owned));
            }
            Poll::Ready(outcome) => {
                actor.future = None;
                let kept = !hold(&actor.wire).closed;
                let idle = actor.session.is_idle(&lock(&self.server));
                self.judge(number, &outcome);
                self.actors[number].outcome = Some(outcome);
                if kept && !idle {
                    self.fail(format!(
                        "migrator {number} ended, and has left something open on its connection"
                    ));
                }
            }
        }
    }

    /// Whether a migrator may end so.
    fn judge(&mut self, number: usize, outcome: &Result<Report, Error>) {
        let Err(error) = outcome else { return };
        let actor = &self.actors[number];
        let lost = actor.faulted && error.class() == Some(ErrorClass::ConnectionLost);
        let doubt = error.kind() == whimbrel::ErrorKind::OutcomeUnknown && !self.sent.is_empty();
        let after_fault = self.faults < self.exploration.faults;
        let expected = lost || doubt && after_fault || self.exploration.allowed.contains(&error.kind());
        if !expected {
            self.fail(format!("migrator {number} ends in an error ({}): {error:#}", error.kind()));
        }
    }

    fn fail(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// What tells this state from others.
    pub(super) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let server = lock(&self.server);
        let changes = server.changes();
        self.names.database(&server, &mut hasher);
        self.faults.hash(&mut hasher);
        self.sent.hash(&mut hasher);
        for actor in &self.actors {
            actor.connected.hash(&mut hasher);
            if actor.connected {
                actor.told.hash(&mut hasher);
                actor.future.is_some().hash(&mut hasher);
                actor.job.as_ref().map(|job| job.position).hash(&mut hasher);
                (actor.paused, actor.paused && actor.seen != changes, actor.wakes).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    fn note(&mut self, choice: Choice) {
        let Some(trace) = &mut self.trace else { return };
        let actor = &self.actors[choice.actor];
        let what = match actor.job.as_ref().map(Job::next) {
            _ if actor.paused => "a pause".to_owned(),
            Some(Some(sent)) => sent.text.split_whitespace().collect::<Vec<_>>().join(" "),
            Some(None) | None => "the end of its session".to_owned(),
        };
        let what: String = what.chars().take(150).collect();
        trace.push(match choice.act {
            Act::Step => format!("{}: {what}", choice.actor),
            Act::Cut => format!("{}: IS CUT BEFORE {what}", choice.actor),
            Act::Lose => format!("{}: LOSES THE ANSWER TO {what}", choice.actor),
            Act::Drop => format!("{}: IS DROPPED AT {what}", choice.actor),
        });
    }

    /// Whether there was a fault.
    pub(super) fn was_disturbed(&self) -> bool {
        self.faults < self.exploration.faults
    }
}

/// Whether no other session can see a statement, or be seen by it.
fn is_local(session: &Session, server: &Server, statement: &Statement, text: &str) -> bool {
    let takes_lock = ["local_lock(", "take_lock(", "free_lock("].iter().any(|name| text.contains(name));
    if session.has_failed() {
        return !matches!(statement, Statement::Commit | Statement::Rollback);
    }
    match statement {
        Statement::Begin => !server.kind.begin_locks(),
        Statement::Commit | Statement::Rollback | Statement::Vacuum | Statement::MakeFile(_) => false,
        Statement::Savepoint(_)
        | Statement::Release(_)
        | Statement::RollbackTo(_)
        | Statement::Set(..)
        | Statement::Remember(_)
        | Statement::Nothing => true,
        Statement::Change(change) => session.writes(server) && !change.commits(server.kind),
        Statement::Assert(_) => session.writes(server) && !takes_lock,
        Statement::Select(_) => !takes_lock && (session.writes(server) || !text.contains("FROM")),
    }
}

/// Feeds a value to a hash that is carried on.
trait HashInto: Hash {
    fn hash_into(&self, into: &mut u64) {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        *into = hasher.finish();
    }
}

impl<T: Hash> HashInto for T {}
