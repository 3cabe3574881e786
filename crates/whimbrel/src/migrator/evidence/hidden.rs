//! Whether routines that a script has run may have left something in a session that is gone, which the rest of the script would
//! meet. Reads words; asks the database once.

use std::collections::HashSet;

use super::{Look, MOST_NAMES, ask};
use crate::dialect::{Dialect, EffectSql, Fact};
use crate::engine::Session;
use crate::error::Result;
use crate::script::{Statement, TokenKind};

/// Asks, where a statement that has run may have run a routine. `place` is that of the script.
pub(super) async fn may_be_missed<'t, I: Iterator<Item = Statement<'t>>>(
    session: &mut Session<'_>,
    effects: &EffectSql,
    done: &[Statement<'_>],
    rest: impl FnOnce() -> I,
    place: Option<&str>,
    look: &Look<'_>,
) -> Result<bool> {
    let Some(hidden) = effects.hidden else { return Ok(false) };
    let dialect = session.dialect().clone();
    let (mut ran, mut names) = (HashSet::new(), HashSet::new());
    for statement in done.iter().filter(|it| may_run_routines(&dialect, it)) {
        // What is inserted is no name, and may be much.
        let texts = !["INSERT", "REPLACE"].iter().any(|word| begins(statement, word));
        collect(statement, texts, &mut ran);
        if ran.len() > MOST_NAMES {
            return Ok(true);
        }
    }
    if ran.is_empty() {
        return Ok(false);
    }
    for statement in rest() {
        collect(&statement, false, &mut names);
    }
    let sorted = |words: HashSet<String>| {
        let mut words: Vec<String> = words.into_iter().collect();
        words.sort_unstable();
        words
    };
    let place = place.map_or_else(|| "NULL".to_owned(), dialect.literal);
    let sql = format!("SELECT {}", hidden(&sorted(ran), &sorted(names), &place));
    let row = ask(session, &sql, look.deadline).await?;
    Ok(row.read::<Option<bool>>(0).is_ok_and(|hidden| hidden == Some(true)))
}

/// What defines things runs none, unless it computes them by a query.
fn may_run_routines(dialect: &Dialect, statement: &Statement<'_>) -> bool {
    let facts = dialect.facts(statement);
    !facts.has(Fact::NeedsNoTransaction) || facts.has(Fact::ManyResults) || {
        let table = begins(statement, "CREATE") && statement.words().any(|word| word.is_keyword("TABLE"));
        table && statement.words().any(|word| word.is_keyword("SELECT"))
    }
}

fn begins(statement: &Statement<'_>, keyword: &str) -> bool {
    statement.words().next().is_some_and(|word| word.is_keyword(keyword))
}

/// The names in a statement, in every reading of it and in small letters; `texts`: those in texts, too.
fn collect(statement: &Statement<'_>, texts: bool, names: &mut HashSet<String>) {
    for word in statement.readings().flatten() {
        match word.kind {
            TokenKind::Word => {
                names.insert(word.text.to_lowercase());
            }
            TokenKind::QuotedIdentifier => {
                let inner = word.text.trim_matches(['`', '"', '[', ']']);
                names.insert(inner.replace("``", "`").to_lowercase());
            }
            TokenKind::String if texts => {
                let parts = word
                    .text
                    .split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$');
                names.extend(parts.filter(|part| !part.is_empty()).map(str::to_lowercase));
            }
            TokenKind::String | TokenKind::Number | TokenKind::Symbol => {}
        }
    }
}
