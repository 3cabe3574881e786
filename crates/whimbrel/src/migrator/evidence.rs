//! What the database shows of a statement that was begun, and of which no row says how it ended. Looks; decides nothing
//! beyond what was seen.

mod hidden;

use std::collections::HashSet;

use crate::dialect::{Ddl, Dialect, EffectSql, Fact, TableName};
use crate::directive::Directives;
use crate::driver::Row;
use crate::effect::{Change, Effect};
use crate::engine::{Deadline, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Evidence, History, OpenWork};
use crate::intent::Intent;
use crate::migration::{MigrationSet, SetName};
use crate::migrator::doubt::open_script;
use crate::placeholder::may_hold_some;
use crate::script::{Script, Statement, TokenKind};
use crate::verify::Verified;

/// Whether work of one of the sets is open that only a look at the database can tell about. Work on what none of them has is
/// for the program that has it.
pub(super) fn is_wanted(sets: &[Verified<MigrationSet>], history: &History, dialect: &Dialect) -> bool {
    dialect.lock.is_some() && dialect.effects.is_some() && sets.iter().any(|set| open(set, history).is_some())
}

fn open(set: &MigrationSet, history: &History) -> Option<OpenWork> {
    let open = history.set(set.name()).open.clone().filter(|open| !open.ended)?;
    let migration = match open.version {
        Some(version) => set.migration(version),
        None => set.repeatables().iter().find(|migration| migration.name() == open.name),
    };
    // Of a repeatable with an older revision than the one that is open it is not the turn either.
    migration.filter(|it| !set.counts_revisions() || it.revision() >= open.revision)?;
    Some(open)
}

/// How it is looked.
pub(crate) struct Look<'l> {
    /// The history's table.
    pub(crate) table: &'l TableName,
    /// The role as which scripts run.
    pub(crate) role: Option<&'l str>,
    pub(crate) deadline: &'l Deadline,
}

/// Looks at each statement that is open. Nobody may be at work on it any more.
pub(super) async fn gather(
    session: &mut Session<'_>,
    sets: &[Verified<MigrationSet>],
    history: &mut History,
    look: &Look<'_>,
) -> Result<()> {
    for set in sets {
        let Some(open) = open(set, history) else { continue };
        let Some((_, file)) = open_script(set, &open) else { continue };
        let Some(shown) = shown(session, set.name(), &open, file.text(), look).await? else { continue };
        if let Some(open) = history.witness(set.name()) {
            open.elsewhere = shown.elsewhere;
            open.missed = shown.missed;
            open.evidence = shown.seen.evidence.or(open.evidence);
            (open.moved, open.leftovers) = (shown.seen.moved, shown.seen.leftovers);
        }
    }
    Ok(())
}

/// What the database shows of work that is open.
struct Shown {
    seen: Seen,
    elsewhere: bool,
    missed: bool,
}

/// Whether the database shows that the statement which is open, by its number from 0, has not taken effect.
pub(crate) async fn has_not_taken_effect(
    session: &mut Session<'_>,
    set: &SetName,
    open: &OpenWork,
    (text, number): (&str, usize),
    look: &Look<'_>,
) -> bool {
    let is_next = open.statements.len() == number && !open.next_is_clean;
    is_next
        && matches!(
            shown(session, set, open, text, look).await,
            Ok(Some(Shown { seen: Seen { evidence: Some(Evidence::DidNot), .. }, .. }))
        )
}

async fn shown(
    session: &mut Session<'_>,
    set: &SetName,
    open: &OpenWork,
    text: &str,
    look: &Look<'_>,
) -> Result<Option<Shown>> {
    let dialect = session.dialect().clone();
    let Some(effects) = dialect.effects.filter(|_| Script::is_sound(text, &dialect.lexing)) else {
        return Ok(None);
    };
    let mut statements = Script::stream_in_every_way(text, &dialect.lexing);
    // Those with rows of their own; what comes behind may be more than fits into memory.
    let before: Vec<Statement<'_>> = statements.by_ref().take(open.statements.len()).collect();
    let Some(next) = statements.next() else { return Ok(None) };
    let (now, intent) = announced(session, set, open.intent, look).await?;
    let server = server(open.server.as_deref(), now.as_deref());
    let elsewhere = !open.next_is_clean && server == Server::Another;
    let together = is_together(text, &dialect);
    let case = Case { effects: &effects, open, text, before, next, together, elsewhere, intent };
    let mut seen = match visit(session, &case, look).await? {
        Some(visit) => {
            let seen = case.look(session, look).await;
            leave(session, &visit, look).await?;
            seen?
        }
        None => Seen::of(case.unplaced(&dialect)),
    };
    // One that was restarted in between may have left a statement half done, where its statements are not atomic.
    if server == Server::Restarted && !effects.survives_restart && seen.evidence != Some(Evidence::Whole) {
        seen.evidence = seen.evidence.map(|_| Evidence::Unknown);
    }
    let place = case.intent.as_ref().map(|intent| intent.place.as_str());
    let rest = || case.rest(&dialect);
    let missed = hidden::may_be_missed(session, &effects, &case.before, rest, place, look).await?;
    Ok(Some(Shown { seen, elsewhere, missed }))
}

/// The server that is asked, and what a row says of the statement that it announces.
pub(crate) async fn announced(
    session: &mut Session<'_>,
    set: &SetName,
    seq: i64,
    look: &Look<'_>,
) -> Result<(Option<String>, Option<Intent>)> {
    let dialect = session.dialect();
    let sql = format!(
        "SELECT {}, (SELECT mark FROM {} WHERE set_name = {} AND seq = {seq})",
        dialect.history.server.unwrap_or("NULL"),
        dialect.qualified(&session.pinned(look.table)),
        (dialect.literal)(set.as_str()),
    );
    let row = ask(session, &sql, look.deadline).await?;
    let text = |column: usize| row.read::<Option<String>>(column).ok().flatten();
    Ok((text(0), text(1).as_deref().and_then(Intent::read)))
}

/// A session that was changed to look around in it.
#[derive(Default)]
struct Visit {
    changed: bool,
    /// The statements that put it back.
    saved: Vec<Option<String>>,
}

/// Makes the session what the script had made of it before the statement that is looked at: assumes the role, and runs again
/// what changes the session only. `None`: it cannot be made so.
///
/// Nothing is changed that outlives the session.
async fn visit(session: &mut Session<'_>, case: &Case<'_>, look: &Look<'_>) -> Result<Option<Visit>> {
    let dialect = session.dialect().clone();
    let replayed: Vec<&Statement<'_>> =
        case.before.iter().filter(|it| dialect.facts(it).has(Fact::Replay)).collect();
    if !replayed.iter().all(|it| is_of_the_session(it) && !may_hold_some(it)) {
        return Ok(None);
    }
    let role = dialect.role.zip(look.role).map(|(sql, role)| (sql.assume)(role, false));
    if replayed.is_empty() && role.is_none() {
        return Ok(Some(Visit::default()));
    }
    let mut visit = Visit { changed: true, ..Visit::default() };
    if !dialect.settings.snapshot.is_empty() {
        let row =
            ask(session, &format!("SELECT {}", dialect.settings.snapshot.join(", ")), look.deadline).await?;
        let parts = 0..dialect.settings.snapshot.len();
        visit.saved = parts.map(|part| row.read::<Option<String>>(part).ok().flatten()).collect();
    }
    session.opened();
    let replayed = replayed.iter().map(|it| it.text()).chain(dialect.settings.fix_answers);
    for sql in role.as_deref().into_iter().chain(replayed) {
        if session.run(sql).await.is_err() {
            leave(session, &visit, look).await?;
            return Ok(None);
        }
    }
    Ok(Some(visit))
}

/// Puts the session back. A connection on which that fails is given up.
async fn leave(session: &mut Session<'_>, visit: &Visit, look: &Look<'_>) -> Result<()> {
    if !visit.changed {
        return Ok(());
    }
    let reset = session.dialect().settings.reset;
    for sql in reset.iter().copied().chain(visit.saved.iter().flatten().map(String::as_str)) {
        if let Err(error) = session.patient_run(sql, look.deadline).await {
            session.give_up();
            session.closed();
            return Err(Error::driver("putting back the session's settings", error));
        }
    }
    session.closed();
    Ok(())
}

/// Whether a statement that is run again changes nothing that others see.
fn is_of_the_session(statement: &Statement<'_>) -> bool {
    const WIDER: &[&str] = &["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD"];
    // `SET DEFAULT ROLE` is about later sessions, and `SET search_path TO DEFAULT` about this one.
    let default_role = statement.words().nth(1).is_some_and(|word| word.is_keyword("DEFAULT"));
    let wider = |word: &str| statement.words().any(|it| it.is_keyword(word) || it.is_symbol("@@"));
    !default_role && !WIDER.iter().copied().any(wider)
}

/// Whether a script that is outside the dialect's transactions is one transaction all the same, since it changes data only:
/// what was announced by its first statement is then all of it.
fn is_together(text: &str, dialect: &Dialect) -> bool {
    let mut statements = Script::stream_in_every_way(text, &dialect.lexing);
    let mut inside = true;
    // All are read: the directives are known behind the last one.
    for statement in statements.by_ref() {
        inside &= !dialect.facts(&statement).has(Fact::NeedsNoTransaction);
    }
    let directives = Directives::of(statements.directives(), statements.count_read());
    dialect.transaction.ddl == Ddl::Commits && inside && !directives.is_ok_and(|it| it.no_transaction)
}

/// What was seen.
#[derive(Default)]
struct Seen {
    evidence: Option<Evidence>,
    moved: Option<(String, String)>,
    leftovers: Vec<String>,
}

impl Seen {
    fn of(evidence: Option<Evidence>) -> Self {
        Self { evidence, ..Self::default() }
    }
}

/// A statement that is open.
struct Case<'c> {
    effects: &'c EffectSql,
    open: &'c OpenWork,
    /// The script, its statements before this one, and this one.
    text: &'c str,
    before: Vec<Statement<'c>>,
    next: Statement<'c>,
    /// Whether all from this one on run in one transaction.
    together: bool,
    elsewhere: bool,
    intent: Option<Intent>,
}

impl Case<'_> {
    /// What can be said where the session cannot be made what it was.
    fn unplaced(&self, dialect: &Dialect) -> Option<Evidence> {
        let facts = dialect.facts(&self.next);
        let outside = facts.has(Fact::NeedsNoTransaction);
        let known = if outside { self.open.next_is_clean } else { self.effects.atomic.is_none() };
        (!known && !self.is_harmless(dialect)).then_some(Evidence::Unknown)
    }

    /// Whether what may have been run is the same when it is run once more.
    fn is_harmless(&self, dialect: &Dialect) -> bool {
        let begun = self.rest(dialect).take(if self.together { usize::MAX } else { 1 });
        begun.map(|it| dialect.facts(&it)).all(|it| it.has(Fact::RunAgain) || it.has(Fact::Replay))
    }

    /// The statements from this one on.
    fn rest<'d>(&'d self, dialect: &'d Dialect) -> impl Iterator<Item = Statement<'d>> {
        Script::stream_in_every_way(self.text, &dialect.lexing).skip(self.before.len())
    }

    /// Looks, in a session that is as the script had made its own.
    async fn look(&self, session: &mut Session<'_>, look: &Look<'_>) -> Result<Seen> {
        let dialect = session.dialect().clone();
        let Some(intent) = &self.intent else { return Ok(Seen::of(self.unplaced(&dialect))) };
        let sql = format!("SELECT {}, {}", self.effects.role, self.effects.place);
        let row = ask(session, &sql, look.deadline).await?;
        let text = |column: usize| row.read::<Option<String>>(column).ok().flatten().unwrap_or_default();
        let (role, place) = (text(0), text(1));
        if place != intent.place {
            let moved = Some((intent.place.clone(), place));
            return Ok(Seen { moved, ..Seen::of(self.unplaced(&dialect)) });
        }
        let next = &self.next;
        let facts = dialect.facts(next);
        if self.is_harmless(&dialect) {
            return Ok(Seen::default());
        }
        if facts.has(Fact::NeedsNoTransaction) {
            if self.open.next_is_clean {
                return Ok(Seen::default());
            }
            if self.elsewhere || role != intent.role {
                return Ok(Seen::of(Some(Evidence::Unknown)));
            }
            return self.look_at_object(session, intent, look).await;
        }
        // It commits together with its row, unless it touches what no transaction protects.
        if self.effects.atomic.is_none() {
            return Ok(Seen::default());
        }
        let rest = || self.rest(&dialect);
        let whole =
            role == intent.role && is_whole(session, &dialect, rest, Some(intent), look.deadline).await?;
        Ok(Seen::of(Some(if whole { Evidence::Whole } else { Evidence::Unknown })))
    }

    async fn look_at_object(
        &self,
        session: &mut Session<'_>,
        intent: &Intent,
        look: &Look<'_>,
    ) -> Result<Seen> {
        let dialect = session.dialect().clone();
        let unknown = Seen::of(Some(Evidence::Unknown));
        let Some(effect) = Effect::of(&self.next) else { return Ok(unknown) };
        let Some(sql) = effect_sql(&dialect, self.effects, &effect, intent) else { return Ok(unknown) };
        let row = ask(session, &format!("SELECT {sql}"), look.deadline).await?;
        let text = |column: usize| row.read::<Option<String>>(column).ok().flatten();
        // Another statement may reach another server.
        let server = server(self.open.server.as_deref(), text(3).as_deref());
        if server == Server::Another {
            return Ok(unknown);
        }
        let leftovers = split(text(2).as_deref());
        let evidence = judge(&effect, intent, text(0).as_deref(), text(1).as_deref(), !leftovers.is_empty());
        let leftovers = if evidence == Evidence::Invalid { leftovers } else { Vec::new() };
        Ok(Seen { leftovers, ..Seen::of(Some(evidence)) })
    }
}

/// Asks for the mark and the state as they are, for what drops the leftovers, and for the server.
pub(crate) fn effect_sql(
    dialect: &Dialect,
    effects: &EffectSql,
    effect: &Effect<'_>,
    intent: &Intent,
) -> Option<String> {
    let literal = |text: &Option<String>| {
        text.as_deref().map_or_else(|| "NULL".to_owned(), |text| (dialect.literal)(text))
    };
    let (object, before) = (literal(&intent.object), literal(&intent.mark));
    let (mark, state) = ((effects.mark)(effect, &object)?, (effects.state)(effect, &object)?);
    let leftovers = (effects.leftovers)(effect, &object, &before).unwrap_or_else(|| "NULL".to_owned());
    let server = dialect.history.server.unwrap_or("NULL");
    Some(format!("{mark}, {state}, {leftovers}, {server}"))
}

/// The statements that drop leftovers.
pub(crate) fn split(leftovers: Option<&str>) -> Vec<String> {
    let parts = leftovers.into_iter().flat_map(|text| text.split(EffectSql::SEPARATOR));
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whether a statement that changes data happens together with its row, or not at all; together with those behind it,
/// where all of them only change data. `statements` are read anew for each look at them; `intent` says where they run.
pub(crate) async fn is_whole<'t, S: Iterator<Item = Statement<'t>>>(
    session: &mut Session<'_>,
    dialect: &Dialect,
    statements: impl Fn() -> S,
    intent: Option<&Intent>,
    deadline: &Deadline,
) -> Result<bool> {
    let Some(atomic) = dialect.effects.and_then(|effects| effects.atomic) else { return Ok(true) };
    let Some(intent) = intent else { return Ok(false) };
    let together = !statements().any(|it| dialect.facts(&it).has(Fact::NeedsNoTransaction));
    let these = || statements().take(if together { usize::MAX } else { 1 });
    // Of which table that would be is not known here.
    if these().any(|it| may_hold_some(&it)) {
        return Ok(false);
    }
    let Some(names) = names(these()) else { return Ok(false) };
    let sql = format!("SELECT {}", atomic(&names, &(dialect.literal)(&intent.place)));
    let row = ask(session, &sql, deadline).await?;
    Ok(row.read::<Option<bool>>(0).is_ok_and(|whole| whole == Some(true)))
}

/// How many names are asked about.
const MOST_NAMES: usize = 4096;

/// How long a name is that a text in double quotes may be.
const LONGEST_NAME: usize = 64 * 4 + 2;

/// What may be a name in the statements, in every reading of them, without repetitions. `None`: there are too many to ask
/// about.
///
/// A text in double quotes is a name in sessions with other settings; only short ones can be, and a script that may have
/// such a session is seldom one of many texts.
fn names<'t>(statements: impl Iterator<Item = Statement<'t>>) -> Option<Vec<&'t str>> {
    let mut names: HashSet<&str> = HashSet::new();
    for statement in statements {
        for word in statement.readings().flatten() {
            let is_name = match word.kind {
                TokenKind::Word | TokenKind::QuotedIdentifier => true,
                TokenKind::String => word.text.starts_with('"') && word.text.len() <= LONGEST_NAME,
                TokenKind::Number | TokenKind::Symbol => false,
            };
            if is_name && names.insert(word.text) && names.len() > MOST_NAMES {
                return None;
            }
        }
    }
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    Some(names)
}

async fn ask(session: &mut Session<'_>, sql: &str, deadline: &Deadline) -> Result<Row> {
    let rows = session
        .patient_query(sql, deadline)
        .await
        .map_err(|error| Error::driver("looking what became of a statement", error))?;
    rows.first().cloned().ok_or_else(|| Error::new(ErrorKind::Bug, "a query without FROM returned no row"))
}

/// What follows from an object as it was and as it is.
pub(crate) fn judge(
    effect: &Effect<'_>,
    intent: &Intent,
    now: Option<&str>,
    state: Option<&str>,
    leaves: bool,
) -> Evidence {
    let (Some(before), Some(now), Some(state)) = (intent.mark.as_deref(), now, state) else {
        return Evidence::Unknown;
    };
    match (effect.change, state, before == now) {
        (Change::Rebuilt, "busy", _) => Evidence::Unknown,
        // Built once more, it is as if it had been built once.
        (Change::Rebuilt, _, _) => {
            if leaves {
                Evidence::Invalid
            } else {
                Evidence::DidNot
            }
        }
        (Change::Made, "present", false) | (Change::Removed, "absent", false) => Evidence::TookEffect,
        (Change::Made, "absent", true) | (Change::Removed, "present", true) => Evidence::DidNot,
        // It was there before, or was not, and so there was nothing to do.
        (Change::Made, "present", true) | (Change::Removed, "absent", true) if effect.guarded => {
            Evidence::TookEffect
        }
        (Change::Made, "invalid", false) if leaves => Evidence::Invalid,
        // Somebody else's, which was there before.
        (Change::Made, "invalid", true) => Evidence::DidNot,
        // What is half removed is removed by removing it again.
        (Change::Removed, "invalid", _) => Evidence::DidNot,
        _ => Evidence::Unknown,
    }
}

/// Which server is asked, beside the one on which the work was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Same,
    Restarted,
    /// It may show another state, and its lock proves nothing.
    Another,
}

/// The last word of a server's text says when it was started.
fn server(then: Option<&str>, now: Option<&str>) -> Server {
    let name = |text: &str| text.rsplit_once(' ').map_or(String::new(), |(name, _)| name.to_owned());
    match (then, now) {
        _ if then == now => Server::Same,
        (Some(then), Some(now)) if name(then) == name(now) => Server::Restarted,
        _ => Server::Another,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_name_and_its_start() {
        let then = Some("node-a 3306 1 1700000000");
        assert_eq!(server(then, then), Server::Same);
        assert_eq!(server(then, Some("node-a 3306 1 1700000009")), Server::Restarted);
        assert_eq!(server(then, Some("node-b 3306 2 1700000000")), Server::Another);
        assert_eq!(server(then, None), Server::Another);
        // Where the name says nothing, as on PostgreSQL, only the start tells.
        assert_eq!(server(Some("20260101"), Some("20260102")), Server::Restarted);
    }
}
