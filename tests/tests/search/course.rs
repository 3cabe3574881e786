//! One set on one server: each way to run it, and the verdict.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use whimbrel::{
    Ending, Error, ErrorKind, FindingKind, Migrator, Outcome as Ran, Settlement, Transaction, Version,
};
use whimbrel_testkit::search::{
    Companion, Disturbance, Ended, Fault, GeneratedSet, MigrationKind, Outcome, Picture, Route, Start,
};
use whimbrel_testkit::{Proxy, Server, ServerKind, Towards, Traffic};
use whimbrel_tests::remote::{self, Remote};

use super::oracle::{Oracle, picture, prepared, reversible};
use super::pooler::Pooler;
use super::steps::with_steps;
use super::{Subject, Verdict, fault};

/// What is said of a doubt that a look at the database should have ended.
pub(crate) const NEEDLESS: &str = "in doubt, though it is decided by the closed list";

/// How long a run waits for others. Longer than anything here takes.
const LOCK_DEADLINE: Duration = Duration::from_secs(20);

/// A set on a server.
pub(super) struct Course<'s> {
    pub(super) server: &'static Server,
    pub(super) pooler: Option<&'static Pooler>,
    pub(super) set: &'s GeneratedSet,
    pub(super) oracle: Oracle<'s>,
    /// Of a run that nothing disturbed.
    traffic: Traffic,
    polls: usize,
}

/// How far a run came that may have been disturbed.
enum Arrival {
    Everything { settled: bool },
    FailedAlike,
    SessionGone,
    Refused(Error),
}

impl<'s> Course<'s> {
    pub(super) fn new(
        server: &'static Server,
        pooler: Option<&'static Pooler>,
        set: &'s GeneratedSet,
    ) -> Result<Self, String> {
        let oracle = Oracle::of(server, set)?;
        Ok(Self { server, pooler, set, oracle, traffic: Traffic::default(), polls: 0 })
    }

    /// The release with the first so many migrations.
    pub(super) fn migrator(
        &self,
        count: usize,
        database: &str,
        transaction: Transaction,
    ) -> Migrator<'static> {
        with_steps(self.set, count, database)
            .with_transaction(transaction)
            .with_lock_deadline(LOCK_DEADLINE)
            .with_failure_pause(Duration::ZERO)
            .with_database_messages()
    }

    fn newest(&self, remote: &Remote, disturbance: &Disturbance) -> Migrator<'static> {
        self.migrator(self.set.migrations.len(), remote.name(), disturbance.transaction)
    }

    /// Where the run connects to: the server, or the pooler.
    fn proxy(&self, route: Route) -> Proxy {
        let proxy = match (route, self.pooler) {
            (Route::Pooled, Some(pooler)) => {
                pooler.revive();
                pooler.proxy()
            }
            _ => Proxy::to(self.server),
        };
        proxy.expect("a proxy")
    }

    /// Runs the set undisturbed, which also measures what a run sends and takes.
    fn run_undisturbed(&mut self, disturbance: &Disturbance) -> Verdict {
        let remote = prepared(self.server, self.set);
        let start = self.start(&remote, disturbance)?;
        let proxy = self.proxy(disturbance.route);
        let (migrator, url) = (self.newest(&remote, disturbance), remote.url_through(&proxy));
        let polls = AtomicUsize::new(0);
        let result = remote::block_on(async {
            let mut driver = remote::connect(&url).await?;
            let mut driver = &mut *driver;
            let mut run = Box::pin(migrator.run(&mut driver));
            std::future::poll_fn(|context| {
                polls.fetch_add(1, Ordering::Relaxed);
                run.as_mut().poll(context)
            })
            .await
        });
        self.traffic = proxy.traffic();
        self.polls = polls.into_inner();
        drop(proxy);
        if let Err(error) = &result
            && matches!(error.kind(), ErrorKind::Retry | ErrorKind::OutcomeUnknown | ErrorKind::Bug)
        {
            return Err(format!("undisturbed: {error:#}"));
        }
        let ended = self.judge(&remote, disturbance, &start, true, None)?;
        self.no_leak(&remote, disturbance)?;
        Ok(ended)
    }

    /// Runs the set in this way.
    fn run_disturbed(&self, disturbance: &Disturbance) -> Verdict {
        let remote = prepared(self.server, self.set);
        let start = self.start(&remote, disturbance)?;
        match disturbance.start {
            Start::Elsewhere | Start::Emptied => return self.guarded(&remote, disturbance, &start),
            _ => {}
        }
        let proxy = self.proxy(disturbance.route);
        proxy.keep();
        let companion = self.companion(&remote, disturbance);
        let result = fault::inflict(self, &remote, &proxy, disturbance);
        let companion = companion.map(|thread| thread.join().expect("it does not panic"));
        for result in result.into_iter().chain(companion) {
            self.may_end_so(result)?;
        }
        let sent =
            (disturbance.companion == Companion::None && fault::is_cut(disturbance.fault)).then_some(&proxy);
        let ended = self.judge(&remote, disturbance, &start, false, sent)?;
        self.no_leak(&remote, disturbance)?;
        Ok(ended)
    }

    /// Brings the database to where the run begins, and answers how that looks.
    fn start(&self, remote: &Remote, disturbance: &Disturbance) -> Result<Picture, String> {
        let count = match disturbance.start {
            Start::Empty => 0,
            Start::Release(count) => count.min(self.oracle.can_apply()),
            Start::Elsewhere => {
                let place = if self.server.kind() == ServerKind::Postgres {
                    "far".into()
                } else {
                    format!("{}_b", remote.name())
                };
                remote.run(&[&format!("CREATE TABLE {place}.live (id INT)")]);
                0
            }
            Start::Emptied => self.oracle.can_apply(),
            _ => 0,
        };
        if count > 0 && !self.set.is_forbidden() {
            let older = self.migrator(count, remote.name(), Transaction::Auto);
            remote.migrate(&older).map_err(|error| format!("the first {count}, undisturbed: {error:#}"))?;
        }
        if disturbance.start == Start::Emptied && count > 0 {
            remote.run(&["DELETE FROM whimbrel_history"]);
        }
        picture(remote)
    }

    /// A run on a database that is somebody's is refused, and touches nothing.
    fn guarded(&self, remote: &Remote, disturbance: &Disturbance, start: &Picture) -> Verdict {
        let error = match remote.migrate(&self.newest(remote, disturbance)) {
            Ok(report) => return Err(format!("it has to be refused: {report}")),
            Err(error) => error,
        };
        if !error.findings().iter().any(|one| one.kind() == FindingKind::Unbaselined)
            && !self.set.is_forbidden()
        {
            return Err(format!("it has to be refused as unbaselined: {error:#}"));
        }
        self.same(remote, start, false, "refused")?;
        Ok(Ended::Refused)
    }

    fn companion(
        &self,
        remote: &Remote,
        disturbance: &Disturbance,
    ) -> Option<std::thread::JoinHandle<whimbrel::Result<()>>> {
        let count = match disturbance.companion {
            Companion::Same => self.set.migrations.len(),
            Companion::Older(count) => count,
            _ => return None,
        };
        let (migrator, url) = (self.migrator(count, remote.name(), disturbance.transaction), remote.url());
        Some(std::thread::spawn(move || remote::migrate(&url, &migrator).map(drop)))
    }

    /// How a run that is disturbed may end.
    fn may_end_so(&self, result: whimbrel::Result<()>) -> Result<(), String> {
        let Err(error) = result else { return Ok(()) };
        let connecting = error.to_string().starts_with("no connection to");
        let fine = connecting
            || matches!(error.kind(), ErrorKind::Retry | ErrorKind::OutcomeUnknown)
            || self.is_alike(&error)
            || self.set.is_forbidden()
            || is_refusal(&error);
        if fine { Ok(()) } else { Err(format!("the run that was disturbed: {:?}: {error:#}", error.kind())) }
    }

    /// Whether it is the failure that the client meets.
    fn is_alike(&self, error: &Error) -> bool {
        let Some((at, _)) = &self.oracle.failed else { return false };
        let label = self.set.migrations[*at].label();
        error.migration() == Some(&*label)
            && error.findings().is_empty()
            && !matches!(error.kind(), ErrorKind::Retry | ErrorKind::OutcomeUnknown | ErrorKind::Bug)
    }

    /// Runs until it has arrived, and compares.
    fn judge(
        &self,
        remote: &Remote,
        disturbance: &Disturbance,
        start: &Picture,
        exact: bool,
        sent: Option<&Proxy>,
    ) -> Verdict {
        match self.arrive(remote, disturbance, sent)? {
            Arrival::Everything { settled } => {
                if self.set.is_forbidden() {
                    return Err("it has to be refused".into());
                }
                if let Some((at, words)) = &self.oracle.failed {
                    return Err(format!(
                        "the client fails at {}, and the run does not: {words}",
                        self.set.migrations[*at].label()
                    ));
                }
                self.same(remote, self.oracle.end(), exact, "in the end")?;
                self.is_in_force(remote, disturbance)?;
                self.revert(remote, disturbance)?;
                Ok(if settled { Ended::Settled } else { Ended::AsTheClient })
            }
            Arrival::FailedAlike => {
                // One migration is allowed by itself where the database commits by itself.
                let alone = self.server.kind() != ServerKind::Postgres
                    && matches!(disturbance.start, Start::Release(count) if count >= self.oracle.can_apply());
                let left = match disturbance.transaction {
                    Transaction::PerRun if !alone => start,
                    _ => self.oracle.end(),
                };
                self.same(remote, left, false, "where both fail")?;
                Ok(Ended::FailedAlike)
            }
            Arrival::SessionGone => Ok(Ended::SessionGone),
            Arrival::Refused(error) => {
                if !self.set.is_forbidden() && disturbance.transaction != Transaction::PerRun {
                    return Err(format!("refused: {error:#}"));
                }
                self.same(remote, start, false, "refused")?;
                Ok(Ended::Refused)
            }
        }
    }

    fn url(&self, remote: &Remote, disturbance: &Disturbance) -> String {
        match (disturbance.route, self.pooler) {
            (Route::Pooled, Some(pooler)) => pooler.url(remote.name()),
            _ => remote.url(),
        }
    }

    fn arrive(
        &self,
        remote: &Remote,
        disturbance: &Disturbance,
        sent: Option<&Proxy>,
    ) -> Result<Arrival, String> {
        let (migrator, mut settled, mut errors) = (self.newest(remote, disturbance), false, Vec::new());
        for _ in 0..8 {
            let error = match remote::migrate(&self.url(remote, disturbance), &migrator) {
                Ok(_) => return Ok(Arrival::Everything { settled }),
                Err(error) => error,
            };
            if let (Route::Pooled, Some(pooler)) = (disturbance.route, self.pooler)
                && pooler.revive()
            {
                continue;
            }
            match error.kind() {
                ErrorKind::Retry if errors.len() < 2 => errors.push(format!("{error:#}")),
                ErrorKind::OutcomeUnknown => {
                    if self.settle(remote, &migrator, &error, if settled { None } else { sent })? {
                        settled = true;
                    } else {
                        return Ok(Arrival::SessionGone);
                    }
                }
                _ if self.is_alike(&error) => return Ok(Arrival::FailedAlike),
                _ if is_refusal(&error) => return Ok(Arrival::Refused(error)),
                _ => errors.push(format!("{:?}: {error:#}\n{}", error.kind(), way(remote))),
            }
            if errors.len() > 2 || errors.last().is_some_and(|error| error.contains('|')) {
                break;
            }
        }
        Err(format!("it does not arrive:\n{}", errors.join("\n")))
    }

    /// Looks at what is in doubt, as a person would, and says how it ended. `false`: what the rest needs is gone.
    fn settle(
        &self,
        remote: &Remote,
        migrator: &Migrator<'_>,
        error: &Error,
        sent: Option<&Proxy>,
    ) -> Result<bool, String> {
        let place = |what: &str| format!("{what}: {error:#}\n{}", way(remote));
        let (Some(label), Some(number)) = (error.migration(), error.statement()) else {
            return Err(place("in doubt without a place"));
        };
        let at = self.set.migrations.iter().position(|one| one.label() == label);
        let at = at.ok_or_else(|| place("in doubt, and no migration of the set"))?;
        let migration = &self.set.migrations[at];
        let seen = picture(remote)?;
        let (before, after) = (self.oracle.within(at, number - 1)?, self.oracle.within(at, number)?);
        let ending = match (seen.is_like(&before), seen.is_like(&after)) {
            // What changes nothing, or fails, can be run again.
            (true, _) => Ending::DidNot(number),
            (false, true) => Ending::TookEffect(number),
            (false, false) => {
                let differences = seen.differences(&after, false);
                return Err(place(&format!("neither before nor after\n{}", differences.join("\n"))));
            }
        };
        if error.to_string().contains("cannot be gone on with") {
            let leaves = migration.statements[..number].iter().any(|one| one.leaves_session);
            return if leaves {
                Ok(false)
            } else {
                Err(place("no statement has left anything in the session"))
            };
        }
        let statement =
            migration.statements.get(number - 1).ok_or_else(|| place("in doubt, and no statement"))?;
        // What fails changes nothing, and is not told from what was never run.
        let fails = self.oracle.failed.as_ref().is_some_and(|(failing, _)| *failing == at);
        let told = statement.outcome != Outcome::MayBeUnknown;
        if told && !(fails && before.is_like(&after)) {
            return Err(place(NEEDLESS));
        }
        let text =
            statement.sql.replace("{b}", &format!("{}_b", remote.name())).replace("{a}", remote.name());
        if sent.is_some_and(|proxy| !proxy.has_passed(&text)) {
            return Err(place("in doubt, though it was never sent"));
        }
        let version = match migration.kind {
            MigrationKind::Repeatable => None,
            _ => Version::new(migration.version),
        };
        let settlement =
            Settlement { version, ending, reason: "compared with what the client leaves".into() };
        remote::block_on(async {
            let mut driver = remote::connect(&remote.url()).await?;
            migrator.settle(&mut &mut *driver, settlement).await
        })
        .map_err(|error| place(&format!("it cannot be settled: {error:#}")))?;
        Ok(true)
    }

    fn same(&self, remote: &Remote, expected: &Picture, exact: bool, when: &str) -> Result<(), String> {
        let differences = picture(remote)?.differences(expected, exact);
        if differences.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = differences.into_iter().take(30).collect();
        Err(format!(
            "{when}: - is only here, + only where the client ran it\n{}\n{}",
            shown.join("\n"),
            way(remote)
        ))
    }

    /// A further run has nothing to do, and the history is in order.
    fn is_in_force(&self, remote: &Remote, disturbance: &Disturbance) -> Result<(), String> {
        let migrator = self.newest(remote, disturbance);
        let report =
            remote.migrate(&migrator).map_err(|error| format!("a run with nothing to do: {error:#}"))?;
        if (report.outcome, report.queries) != (Ran::UpToDate, 1) {
            return Err(format!("a run with nothing to do: {report}\n{}", way(remote)));
        }
        let verified = remote::block_on(async {
            let mut driver = remote::connect(&remote.url()).await?;
            migrator.verify_history(&mut &mut *driver, &[]).await
        });
        verified.map(drop).map_err(|error| format!("the history: {error:#}"))
    }

    /// Takes the newest migration back, cut off on the way.
    fn revert(&self, remote: &Remote, disturbance: &Disturbance) -> Result<(), String> {
        let (Some(down), Some(at)) = (&self.oracle.down, reversible(self.set)) else { return Ok(()) };
        let below = self.set.migrations[..at].last().and_then(|one| Version::new(one.version));
        let migrator = self.newest(remote, disturbance);
        let revert = |url: &str| {
            remote::block_on(async {
                let mut driver = remote::connect(url).await?;
                migrator.revert_to(&mut &mut *driver, below).await
            })
        };
        if let Fault::Byte { place, .. } | Fault::Message { place, .. } = disturbance.fault {
            let proxy = Proxy::to(self.server).expect("a proxy");
            proxy.cut_after_messages(Towards::Server, place % 40);
            let _ = revert(&remote.url_through(&proxy));
        }
        let mut result = revert(&remote.url());
        for _ in 0..3 {
            match &result {
                Err(error) if error.kind() == ErrorKind::OutcomeUnknown => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Retry => result = revert(&remote.url()),
                _ => break,
            }
        }
        match result {
            Err(error) if !error.findings().iter().any(|one| one.kind() == FindingKind::Nothing) => {
                Err(format!("the way down: {error:#}\n{}", way(remote)))
            }
            _ => self.same(remote, down, false, "after the way down"),
        }
    }

    /// Who comes next through the pooler finds a session as it was.
    fn no_leak(&self, remote: &Remote, disturbance: &Disturbance) -> Result<(), String> {
        let (Route::Pooled, Some(pooler)) = (disturbance.route, self.pooler) else { return Ok(()) };
        let asked = remote::block_on(async {
            let mut driver =
                remote::connect(&pooler.url(remote.name())).await.map_err(|error| format!("{error:#}"))?;
            let rows = driver.query(SESSION, &[]).await.map_err(|error| format!("{error}"))?;
            rows.first().and_then(|row| row.read::<String>(0).ok()).ok_or_else(|| "no row".to_owned())
        });
        let expected = format!("{0} {0} \"$user\", public 0 0 ISO, MDY", self.server.user());
        match asked {
            Err(_) if pooler.revive() => Ok(()),
            Ok(session) if session == expected => Ok(()),
            Ok(session) => Err(format!("the next client of the pooler finds {session}, not {expected}")),
            Err(error) => Err(format!("the next client of the pooler: {error}")),
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.traffic
    }

    pub(super) fn polls(&self) -> usize {
        self.polls
    }
}

impl Subject for Course<'_> {
    fn fails(&self) -> bool {
        self.oracle.failed.is_some()
    }

    fn undisturbed(&mut self, disturbance: &Disturbance) -> Verdict {
        self.run_undisturbed(disturbance)
    }

    fn run(&self, disturbance: &Disturbance) -> Verdict {
        self.run_disturbed(disturbance)
    }
}

const SESSION: &str = "SELECT concat_ws(' ', current_user, session_user, current_setting('search_path'), \
     current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('datestyle'))";

/// What planning has found, and nothing has run.
fn is_refusal(error: &Error) -> bool {
    !error.findings().is_empty() && error.kind() != ErrorKind::OutcomeUnknown
}

/// All of the history, for those who look for a fault.
fn way(remote: &Remote) -> String {
    let table = match remote.kind() {
        ServerKind::Postgres => {
            "SELECT count(*) FROM pg_class WHERE relname = 'whimbrel_history' AND relpersistence = 'p'"
        }
        _ => {
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = 'whimbrel_history'"
        }
    };
    if remote.number(table) == 0 {
        return "no history".to_owned();
    }
    let rows =
        remote.rows("SELECT set_name, seq, event, version, detail FROM whimbrel_history ORDER BY 1, 2");
    rows.join("\n")
}
