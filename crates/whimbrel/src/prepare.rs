//! What has to be known of a script before it is run: its directives, its statements, and what they need. Reads the
//! dialect's facts; runs nothing.

use std::collections::HashSet;

use crate::dialect::{Ddl, Dialect, DroppedTable, Fact, SecretSql};
use crate::digest::{Context, Digest, Fields};
use crate::directive::Directives;
use crate::finding::{Finding, FindingKind};
use crate::layout;
use crate::migration::{Migration, ScriptFile, SetName};
use crate::placeholder::{Form, Placeholder, find, may_hold_some};
use crate::quoting::Watch;
use crate::script::{Position, Script, Statement, Statements, TokenKind};

/// With whom a script may share a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// With any other.
    Shared,
    /// With none; those behind it may share again.
    Alone,
    /// With none, nor may those behind it.
    Ends,
}

/// What planning keeps of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) directives: Directives,
    pub(crate) statements: usize,
    pub(crate) sharing: Sharing,
    /// Whether the script runs in one transaction, with its row.
    pub(crate) in_transaction: bool,
    /// Whether the script runs in one transaction though the dialect's schema is not transactional: it changes data only.
    pub(crate) data_only: bool,
    /// Whether the script may change settings of the session. What a default of it changes, or on some databases a trigger, is
    /// put back at the end of the run only.
    pub(crate) may_set: bool,
    /// Whether it drops a table, which may take rows of other tables along, and has not said that it may.
    pub(crate) drops_table: bool,
    /// The tables, in lower case, that it empties and fills, drops or renames, which may take rows along as well.
    pub(crate) rebuilt: Vec<String>,
    /// Whether the script may change where sessions look for names that are opened later.
    pub(crate) may_move: bool,
    /// Settings of the session with a point in their names, which the script names: nobody has declared them, so that no
    /// list of settings has them.
    pub(crate) custom_settings: Vec<String>,
    /// The names under which `PREPARE` prepares statements, and its text, as they are written, where a rollback does not end
    /// them.
    pub(crate) prepares: Vec<(String, String)>,
    /// What is filled in, and where in the script.
    pub(crate) placeholders: Vec<(Placeholder, Position)>,
}

impl Prepared {
    pub(crate) fn wants_secrets(&self) -> bool {
        self.placeholders.iter().any(|(it, _)| it.form == Form::Secret)
    }
}

/// The first words of statements that change settings, or run functions that may.
const MAY_SET: &[&str] = &[
    "SET", "RESET", "DISCARD", "SELECT", "DO", "CALL", "WITH", "VALUES", "EXPLAIN", "EXECUTE", "LOAD",
    "PRAGMA",
];

/// Cuts a script and reads its directives.
///
/// Everything that the script may not hold is told, with its place.
pub(crate) fn prepare(
    set: &SetName,
    migration: &Migration,
    file: &ScriptFile,
    dialect: &Dialect,
) -> Result<Prepared, Vec<Finding>> {
    let finding = |kind, position: Position, message: String| {
        let place = format!("{}:{}:{}", file.location(), position.line, position.column);
        Finding::new(kind, set, migration.label(), message).at(place)
    };
    if let Some(found) = layout::both_ways(file.path(), file.text(), &[&dialect.lexing]) {
        // Whatever else may be wrong with it is wrong in another tool's file.
        return Err(vec![finding(FindingKind::Script, found.position, found.to_string())]);
    }
    let mut findings = Vec::new();
    // Read statement by statement: the text may be larger than a list of its statements should be.
    let mut script = Script::stream(file.text(), &dialect.lexing);
    let read = read_statements(&mut script, dialect);
    let directives = Directives::of(script.directives(), read.count).unwrap_or_else(|errors| {
        findings.extend(errors.iter().map(|e| finding(FindingKind::Directive, e.position, e.to_string())));
        Directives::default()
    });
    let problems = script.into_problems();
    if !problems.is_empty() {
        let told = problems.iter().map(|it| finding(FindingKind::Script, it.position, it.to_string()));
        return Err(told.collect());
    }
    let start = Position::of(file.text(), 0);
    let mut directive = |wrong: bool, message: String| {
        if wrong {
            findings.push(finding(FindingKind::Directive, start, message));
        }
    };
    directive(
        directives.foreign_keys_off && dialect.foreign_keys.is_none(),
        format!("`foreign_keys=off` means nothing on {}: remove it", dialect.name),
    );
    directive(
        directives.foreign_keys_cascade && dialect.foreign_keys.is_none(),
        format!("`foreign_keys=cascade` means nothing on {}: remove it", dialect.name),
    );
    directive(
        directives.foreign_keys_off && directives.foreign_keys_cascade,
        "`foreign_keys=off` and `foreign_keys=cascade` exclude each other: keep one".to_owned(),
    );
    directive(
        directives.foreign_keys_off && directives.no_transaction,
        "`foreign_keys=off` checks the keys before a commit, so it cannot go with `no-transaction`: keep one"
            .to_owned(),
    );
    directive(
        dialect.timeouts.is_none()
            && (directives.lock_timeout.is_some() || directives.statement_timeout.is_some()),
        format!("{} has no timeouts of its own for statements: remove the directive", dialect.name),
    );
    let mut placeholders = Vec::new();
    if directives.placeholders {
        let text = file.text();
        match find(text, &dialect.lexing) {
            Ok(found) => {
                let mut position = Position::START;
                placeholders.extend(found.into_iter().map(|it| {
                    position = position.advanced(text, it.start);
                    (it, position)
                }));
            }
            Err(problems) => {
                let mut position = Position::START;
                findings.extend(problems.iter().map(|problem| {
                    position = position.advanced(text, problem.offset);
                    finding(FindingKind::Script, position, problem.to_string())
                }));
            }
        }
    }
    if read.count == 0 && is_unwritten(file) {
        let message = "is as `whimbrel new` has made it: write its statements, or empty the file if there is nothing to do";
        findings.push(finding(FindingKind::Script, start, message.to_owned()));
    }
    let transactional = dialect.transaction.ddl == Ddl::Transactional;
    // Without a statement there is nothing that could stand in a transaction's way.
    let nothing = read.count == 0;
    let in_transaction = transactional && (nothing || !directives.no_transaction);
    let mut sharing = if nothing && transactional {
        Sharing::Shared
    } else if directives.foreign_keys_off || directives.no_transaction || !transactional {
        Sharing::Alone
    } else {
        Sharing::Shared
    };
    if in_transaction {
        // With the directive they are off already: the statement does nothing there, and does no harm.
        if !directives.foreign_keys_off {
            let told = |(position, message): (Position, &'static str)| {
                finding(FindingKind::Script, position, message.to_owned())
            };
            findings.extend(read.switches.into_iter().map(told));
        }
        findings.extend(read.outside.into_iter().map(|(position, what)| {
            let message = format!(
                "{what} does not work inside a transaction: put `-- whimbrel: no-transaction` at the top of the file"
            );
            finding(FindingKind::Script, position, message)
        }));
    } else {
        findings.extend(read.impossible.into_iter().map(|(position, what)| {
            let message = format!(
                "{what} … cannot stand here: after each statement of a script on {} a row of the history is written, \
                 which this would prevent, or which would change its outcome",
                dialect.name
            );
            finding(FindingKind::Script, position, message)
        }));
        findings.extend(read.next.into_iter().map(|position| {
            let message = "is about the next transaction only, and the next one may be that of a row of the history: say it \
                           of the session, as in `SET SESSION TRANSACTION …`; it is put back after the script";
            finding(FindingKind::Script, position, message.to_owned())
        }));
    }
    let data_only = !transactional && !directives.no_transaction && !read.needs_no_transaction;
    if read.ends_sharing {
        sharing = Sharing::Ends;
    } else if read.travels_alone && sharing == Sharing::Shared {
        sharing = Sharing::Alone;
    }
    // What is bound apart cannot be sent before answers are awaited.
    if sharing == Sharing::Shared && placeholders.iter().any(|(it, _)| it.form == Form::Secret) {
        sharing = Sharing::Alone;
    }
    if !placeholders.is_empty() {
        let secret = |range: std::ops::Range<usize>| {
            // They are in the order of the text.
            let first = placeholders.partition_point(|(it, _)| it.start < range.start);
            let own = placeholders.iter().skip(first).take_while(|(it, _)| it.start < range.end);
            own.into_iter().any(|(it, _)| it.form == Form::Secret)
        };
        let mut watch = Watch::default();
        for statement in Script::stream(file.text(), &dialect.lexing) {
            let start = statement.position().offset;
            let apart = matches!(dialect.secrets, SecretSql::Setting { .. })
                && dialect.facts(&statement).has(Fact::NeedsNoTransaction);
            if apart && secret(start..start + statement.text().len()) {
                let message = format!(
                    "cannot have a secret on {}: it is put together inside a block, where this statement cannot run",
                    dialect.name
                );
                findings.push(finding(FindingKind::Script, statement.position(), message));
            }
            if let Some(obstacle) = watch.obstacle(&statement, &dialect.lexing) {
                findings.push(finding(
                    FindingKind::Script,
                    statement.position(),
                    obstacle.message().to_owned(),
                ));
            }
        }
    }
    let says = directives.foreign_keys_off || directives.foreign_keys_cascade;
    let rebuilt = match dialect.foreign_keys.filter(|_| read.deletes && !says) {
        Some(_) => DroppedTable::rebuilt(Script::stream(file.text(), &dialect.lexing)),
        None => Vec::new(),
    };
    if findings.is_empty() {
        Ok(Prepared {
            statements: read.count,
            sharing,
            in_transaction,
            data_only,
            may_set: read.may_set,
            drops_table: (read.drops_table && !says) || !rebuilt.is_empty(),
            rebuilt,
            may_move: read.may_move,
            custom_settings: read.custom_settings,
            prepares: read.prepares,
            directives,
            placeholders,
        })
    } else {
        Err(findings)
    }
}

/// What the facts say of a script's statements together.
#[derive(Default)]
struct Read {
    count: usize,
    may_set: bool,
    drops_table: bool,
    /// Whether a statement deletes rows.
    deletes: bool,
    needs_no_transaction: bool,
    ends_sharing: bool,
    travels_alone: bool,
    may_move: bool,
    custom_settings: Vec<String>,
    prepares: Vec<(String, String)>,
    /// Where statements stand that do not work inside a transaction, and their first words, where most do.
    outside: Vec<(Position, String)>,
    /// The same of those that cannot be followed by a row of the history.
    impossible: Vec<(Position, String)>,
    /// Where statements stand that are about the next transaction.
    next: Vec<Position>,
    /// Where foreign keys are switched on or off, and what to do about it.
    switches: Vec<(Position, &'static str)>,
}

fn read_statements(script: &mut Statements<'_, '_>, dialect: &Dialect) -> Read {
    let mut read = Read::default();
    let mut custom = HashSet::new();
    let transactional = dialect.transaction.ddl == Ddl::Transactional;
    for statement in script.by_ref() {
        let facts = dialect.facts(&statement);
        let what = || {
            // A string is not to be shown.
            let words = statement.words().take(2).take_while(|word| word.kind == TokenKind::Word);
            let words: Vec<_> = words.map(|word| word.text.to_uppercase()).collect();
            (statement.position(), words.join(" "))
        };
        if facts.has(Fact::SwitchesForeignKeys) && dialect.foreign_keys.is_some() {
            read.switches.push((statement.position(), foreign_keys(&statement)));
        } else if transactional && facts.has(Fact::NeedsNoTransaction) {
            read.outside.push(what());
        }
        if facts.has(Fact::Impossible) {
            read.impossible.push(what());
        }
        read.may_move |= facts.has(Fact::MayMove);
        if dialect.settings.custom.is_some() {
            add_custom_settings(&statement, &mut custom, &mut read.custom_settings);
        }
        if dialect.settings.unprepare.is_some() {
            read.prepares.extend(prepares(&statement));
        }
        if facts.has(Fact::NextTransaction) {
            read.next.push(statement.position());
        }
        read.may_set |= facts.has(Fact::Replay)
            || facts.has(Fact::MayMove)
            || facts.has(Fact::SessionState)
            || facts.has(Fact::ManyResults)
            || statement
                .words()
                .next()
                .is_some_and(|first| MAY_SET.iter().any(|word| first.is_keyword(word)));
        read.drops_table |= facts.has(Fact::DropsTable);
        read.deletes |= statement.words().next().is_some_and(|first| first.is_keyword("DELETE"));
        read.needs_no_transaction |= facts.has(Fact::NeedsNoTransaction);
        read.ends_sharing |= facts.has(Fact::EndsSharing);
        read.travels_alone |= facts.has(Fact::TravelsAlone);
    }
    read.count = script.count_read();
    read
}

/// The name under which a statement prepares another, and its text. None of one that something is filled into: the server knows
/// another text of it, and a value belongs nowhere else.
fn prepares(statement: &Statement<'_>) -> Option<(String, String)> {
    if may_hold_some(statement) {
        return None;
    }
    let mut words = statement.words();
    let name = words.next().filter(|first| first.is_keyword("PREPARE")).and_then(|_| words.next())?;
    let is_name = matches!(name.kind, TokenKind::Word | TokenKind::QuotedIdentifier);
    is_name.then(|| (name.text.to_owned(), statement.text().to_owned()))
}

/// What to do about a statement that switches foreign keys on or off.
fn foreign_keys(statement: &Statement<'_>) -> &'static str {
    let on = statement.words().last().is_some_and(|value| {
        let value = value.text.trim_matches(['\'', '"', '`', '[', ']', ')']);
        value == "1" || ["on", "true", "yes"].iter().any(|word| value.eq_ignore_ascii_case(word))
    });
    if on {
        "switches foreign keys on, which does nothing inside a transaction, and would last as long as the connection only: \
         remove it, and set it where the application connects; or, where the script makes a table anew, put \
         `-- whimbrel: foreign_keys=off` at the top of the file, and the statement may stay"
    } else {
        "switches foreign keys, which does nothing inside a transaction: put `-- whimbrel: foreign_keys=off` at the top of \
         the file, which switches them off around it, checks all of them before the commit, and lets the statement stay"
    }
}

/// Whether nobody has written a script yet: to record it would be to apply what comes into it later nowhere.
fn is_unwritten(file: &ScriptFile) -> bool {
    let name = file.path().rsplit('/').next().unwrap_or_default();
    layout::parse_file_name(name).is_ok_and(|name| name.is_unwritten(file.text()))
}

/// Adds the settings with a point in their names that a statement sets: by `SET a.b`, or by `set_config('a.b', …)`.
fn add_custom_settings(statement: &Statement<'_>, known: &mut HashSet<String>, names: &mut Vec<String>) {
    let mut add = |name: String| {
        let good = |part: &str| {
            part.starts_with(|first: char| first.is_alphabetic() || first == '_')
                && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$')
        };
        if name.contains('.') && name.split('.').all(good) && known.insert(name.clone()) {
            names.push(name);
        }
    };
    let mut words = statement.words().peekable();
    if words.next_if(|word| word.is_keyword("SET")).is_some() {
        words.next_if(|word| word.is_keyword("SESSION") || word.is_keyword("LOCAL"));
        let name = words.by_ref().take_while(|word| !word.is_symbol("=") && !word.is_keyword("TO"));
        return add(name.map(|word| word.text.trim_matches('"')).collect());
    }
    while let Some(word) = words.next() {
        if word.is_keyword("SET_CONFIG") && words.next_if(|next| next.is_symbol("(")).is_some() {
            let name = words.next_if(|next| next.kind == TokenKind::String);
            add(name.map_or("", |name| name.text.trim_matches('\'')).to_owned());
        }
    }
}

/// The digest by which the history knows a statement that took effect.
pub(crate) fn statement_digest(statement: &Statement<'_>) -> Digest {
    Fields::of(Context::Statement).text(statement.text()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Lexing;

    #[test]
    fn what_is_prepared_is_known_by_its_name_and_text_unless_something_is_filled_in() {
        for (sql, name) in [
            ("PREPARE p AS SELECT 1", Some("p")),
            ("/* c */ prepare \"P\"\"1\" (int) AS SELECT $1", Some("\"P\"\"1\"")),
            ("EXECUTE p", None),
            ("PREPARE p AS SELECT ${key:secret}", None),
        ] {
            let script = Script::parse(sql, &Lexing::POSTGRES).expect("a script");
            let statement = &script.statements()[0];
            let known = prepares(statement);
            assert_eq!(known.as_ref().map(|(name, _)| name.as_str()), name, "{sql}");
            assert!(known.is_none_or(|(_, text)| text == statement.text()), "{sql}");
        }
    }
}
