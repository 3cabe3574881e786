//! What the database shows of a statement that was begun, and of which no row says how it ended. Looks; decides nothing
//! beyond what was seen.

use crate::dialect::{Dialect, EffectSql, Fact, TableName};
use crate::driver::Row;
use crate::effect::{Change, Effect};
use crate::engine::{Deadline, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Evidence, History, OpenWork};
use crate::migration::{MigrationSet, SetName};
use crate::migrator::doubt::open_script;
use crate::placeholder::may_hold_some;
use crate::script::{Script, Statement};
use crate::verify::Verified;

/// Whether work is open that only a look at the database can tell about.
pub(super) fn is_wanted(sets: &[Verified<MigrationSet>], history: &History, dialect: &Dialect) -> bool {
    dialect.lock.is_some() && dialect.effects.is_some() && sets.iter().any(|set| open(set, history).is_some())
}

fn open(set: &MigrationSet, history: &History) -> Option<OpenWork> {
    history.set(set.name()).open.clone().filter(|open| !open.ended)
}

/// Looks at each statement that is open. Nobody may be at work on it any more.
pub(super) async fn gather(
    session: &mut Session<'_>,
    sets: &[Verified<MigrationSet>],
    history: &mut History,
    table: &TableName,
    deadline: &Deadline,
) -> Result<()> {
    let dialect = session.dialect().clone();
    let Some(effects) = dialect.effects else { return Ok(()) };
    let asked = format!("SELECT {}", dialect.history.server.unwrap_or("NULL"));
    for set in sets {
        let Some(open) = open(set, history) else { continue };
        let Some((_, file)) = open_script(set, &open) else { continue };
        let Ok(script) = Script::parse(file.text(), &dialect.lexing) else { continue };
        let Some(next) = script.statements().get(open.statements.len()) else { continue };
        let facts = dialect.facts(next);
        let now: Option<String> = ask(session, &asked, deadline).await?.read(0).ok().flatten();
        let elsewhere =
            !open.next_is_clean && server(open.server.as_deref(), now.as_deref()) == Server::Another;
        if elsewhere {
            history.witness_elsewhere(set.name());
        }
        if facts.has(Fact::RunAgain) || facts.has(Fact::Replay) {
            continue;
        }
        let evidence = if facts.has(Fact::NeedsNoTransaction) {
            if open.next_is_clean {
                continue;
            }
            let sql = effect_sql(&dialect, &effects, next, set.name(), &open, table);
            match sql.filter(|_| !elsewhere) {
                None => Some(Evidence::Unknown),
                Some((change, sql)) => {
                    Some(judge(change, &open, &effects, &ask(session, &sql, deadline).await?))
                }
            }
        } else {
            // It commits together with its row, unless it touches what no transaction protects.
            match effects.atomic {
                None => None,
                Some(_) => {
                    let rest = &script.statements()[open.statements.len()..];
                    let whole = is_whole(session, &dialect, rest, deadline).await?;
                    Some(if whole { Evidence::Whole } else { Evidence::Unknown })
                }
            }
        };
        if let Some(evidence) = evidence {
            history.witness(set.name(), evidence);
        }
    }
    Ok(())
}

/// Whether a statement that changes data happens together with its row, or not at all; together with those behind it,
/// where all of them only change data.
pub(crate) async fn is_whole(
    session: &mut Session<'_>,
    dialect: &Dialect,
    statements: &[Statement<'_>],
    deadline: &Deadline,
) -> Result<bool> {
    let Some(atomic) = dialect.effects.and_then(|effects| effects.atomic) else { return Ok(true) };
    let together = !statements.iter().any(|it| dialect.facts(it).has(Fact::NeedsNoTransaction));
    let these = if together { statements } else { &statements[..statements.len().min(1)] };
    // Of which table that would be is not known here.
    if these.iter().any(may_hold_some) {
        return Ok(false);
    }
    let words: Vec<&str> = these.iter().flat_map(Statement::words).map(|word| word.text).collect();
    let row = ask(session, &format!("SELECT {}", atomic(&words)), deadline).await?;
    Ok(row.read::<Option<bool>>(0).is_ok_and(|whole| whole == Some(true)))
}

/// Asks for the mark that was recorded, for the mark and the state as they are, and for the server.
fn effect_sql(
    dialect: &Dialect,
    effects: &EffectSql,
    statement: &Statement<'_>,
    set: &SetName,
    open: &OpenWork,
    table: &TableName,
) -> Option<(Change, String)> {
    let effect = Effect::of(statement)?;
    let (mark, state) = ((effects.mark)(&effect)?, (effects.state)(&effect)?);
    let server = dialect.history.server.unwrap_or("NULL");
    let sql = format!(
        "SELECT (SELECT mark FROM {} WHERE set_name = {} AND seq = {}), {mark}, {state}, {server}",
        dialect.qualified(table),
        (dialect.literal)(set.as_str()),
        open.intent
    );
    Some((effect.change, sql))
}

async fn ask(session: &mut Session<'_>, sql: &str, deadline: &Deadline) -> Result<Row> {
    let rows = session
        .patient_query(sql, deadline)
        .await
        .map_err(|error| Error::driver("looking what became of a statement", error))?;
    rows.first().cloned().ok_or_else(|| Error::new(ErrorKind::Bug, "a query without FROM returned no row"))
}

fn judge(change: Change, open: &OpenWork, effects: &EffectSql, row: &Row) -> Evidence {
    let text = |column: usize| row.read::<Option<String>>(column).ok().flatten();
    let (Some(before), Some(now), Some(state)) = (text(0), text(1), text(2)) else {
        return Evidence::Unknown;
    };
    match server(open.server.as_deref(), text(3).as_deref()) {
        Server::Same => {}
        // One that was restarted in between may have left a statement half done, where its statements are not atomic.
        Server::Restarted if effects.survives_restart => {}
        Server::Restarted => return Evidence::Unknown,
        Server::Another => return Evidence::Unknown,
    }
    match (change, state.as_str(), before == now) {
        (Change::Made, "present", false) | (Change::Removed, "absent", false) => Evidence::TookEffect,
        (Change::Made, "absent", true) | (Change::Removed, "present", true) => Evidence::DidNot,
        (Change::Made, "invalid", false) => Evidence::Invalid,
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
