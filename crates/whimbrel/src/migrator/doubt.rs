//! How it is told that the outcome of a statement is not known. Reads the history and the script; decides nothing.

use crate::detail::Detail;
use crate::dialect::{Dialect, SessionLeft};
use crate::engine::place;
use crate::error::{Error, ErrorKind};
use crate::finding::{Finding, FindingKind};
use crate::history::{History, OpenWork};
use crate::migration::{Kind, Migration, MigrationSet, ScriptFile};
use crate::plan::session_left;
use crate::script::{Script, Statement, TokenKind};
use crate::verify::Verified;

/// The error for what planning has found. A statement in doubt, where it is all that was found, is told with its place.
pub(super) fn refusal(
    sets: &[Verified<MigrationSet>],
    history: &History,
    dialect: &Dialect,
    findings: Vec<Finding>,
) -> Error {
    match findings.as_slice() {
        [only] if only.kind() == FindingKind::InDoubt => {
            in_doubt(sets, history, dialect, only).unwrap_or_else(|| Error::refused(findings))
        }
        _ => Error::refused(findings),
    }
}

/// The migration that is open, and its script, as the set has them now.
pub(super) fn open_script<'s>(
    set: &'s MigrationSet,
    open: &OpenWork,
) -> Option<(&'s Migration, &'s ScriptFile)> {
    let migration = match open.version {
        Some(version) => set.migration(version),
        None => set.repeatables().iter().find(|migration| migration.name() == open.name),
    };
    let migration = migration.filter(|migration| migration.kind() == Kind::Sql)?;
    let file = if open.reverting { migration.down()? } else { migration.up() };
    Some((migration, file))
}

fn in_doubt(
    sets: &[Verified<MigrationSet>],
    history: &History,
    dialect: &Dialect,
    finding: &Finding,
) -> Option<Error> {
    let set = sets.iter().find(|set| set.name() == finding.set())?;
    let state = history.set(set.name());
    let open = state.open.as_ref()?;
    let (migration, file) = open_script(set, open)?;
    if !Script::is_sound(file.text(), &dialect.lexing) {
        return None;
    }
    let mut rest = Script::stream_in_every_way(file.text(), &dialect.lexing);
    let done: Vec<Statement<'_>> = rest.by_ref().take(open.statements.len()).collect();
    let statement = &rest.next()?;
    let number = done.len() + 1;
    let lost = match session_left(dialect, &done, &mut std::iter::once(statement.clone()).chain(rest)) {
        _ if open.broken => None,
        SessionLeft::Needed(lost) => Some(lost),
        _ => None,
    };
    let headline = match (lost, &open.moved) {
        _ if open.broken => format!("what was kept of migration {} is not known", migration.label()),
        (None, None) if !open.missed => "the outcome of one statement is unknown".to_owned(),
        _ => format!("migration {} cannot be gone on with", migration.label()),
    };
    let place = place(file, &dialect.lexing, statement.position(), None, String::new());
    let error = Error::new(ErrorKind::OutcomeUnknown, headline)
        .with_migration(migration.label())
        .with_statement(number)
        .with_location(place)
        .with_findings(vec![finding.clone()])
        .with_note("begun", {
            let recorded = match open.next_is_clean {
                true => format!("statement {number} had no effect"),
                false => format!("no answer to statement {number} was recorded"),
            };
            format!("{} by {}; {recorded}", open.began, who(&open.by))
        });
    let error = match open.server.as_deref().filter(|_| open.elsewhere) {
        Some(server) => error.with_note(
            "where",
            format!("on another server than this one ({server}): make sure that nobody is at work on it there any more"),
        ),
        None => error,
    };
    let what = match open.version {
        Some(version) => format!("version {version}"),
        None => format!("{} (no version)", migration.label()),
    };
    let by_hand = format!(
        "look how far it came; end it by hand, or undo it by hand; then `settle` {what} with `Ending::Applied` or \
         `Ending::Undone`, and a reason"
    );
    Some(match (lost, &open.moved) {
        _ if open.broken => error
            .with_note("why", "one of its statements has ended the transaction that it ran in")
            .with_note("next", by_hand),
        (None, Some((then, now))) => error
            .with_note(
                "why",
                format!(
                    "it was begun in {then}, and a new session, with the script's own `SET` and `USE`, is in {now}: nothing \
                     is looked for, and nothing is run, in another place"
                ),
            )
            .with_note("next", format!("connect as it was begun, and run again; or {by_hand}")),
        (None, None) if open.missed => error
            .with_note(
                "why",
                "a routine or a trigger that was run before it may have made a temporary table in a session that is gone, of a name \
                 that the rest uses: in another session the rest would change the table itself",
            )
            .with_note("next", by_hand),
        (None, None) => error
            .with_note(
                "look",
                format!(
                    "has `{}` taken effect? compare what it names with what the database has",
                    head(statement)
                ),
            )
            .with_note(
                "next",
                format!(
                    "`settle` {what} with `Ending::TookEffect({number})` or `Ending::DidNot({number})`, and a reason; \
                     then run again"
                ),
            ),
        (Some(lost), _) => error
            .with_note(
                "why",
                format!(
                    "statement {} has left something in a session that is gone, and what follows may need it",
                    lost + 1
                ),
            )
            .with_note("next", by_hand),
    })
}

/// A statement's first words. Literals belong in no message.
fn head(statement: &Statement<'_>) -> String {
    let shown = |kind: TokenKind| !matches!(kind, TokenKind::String | TokenKind::Number);
    let mut words = statement.words().take_while(|word| shown(word.kind));
    let first: Vec<&str> = words.by_ref().take(4).map(|word| word.text).collect();
    let more = if statement.words().count() > first.len() { " …" } else { "" };
    first.join(" ") + more
}

/// `user@host (application 1.2.3)`.
fn who(text: &str) -> String {
    let detail: Detail = text.parse().unwrap_or_default();
    let user = detail.value("user").unwrap_or("a user without a name");
    let host = detail.value("host").map_or_else(String::new, |host| format!("@{host}"));
    let process = detail.value("process").map_or_else(String::new, |process| format!(", process {process}"));
    let application = match (detail.value("application"), detail.value("application_version")) {
        (Some(name), Some(version)) => format!(" ({name} {version})"),
        (Some(name), None) => format!(" ({name})"),
        _ => String::new(),
    };
    format!("{user}{host}{process}{application}")
}
