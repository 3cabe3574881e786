//! The history: as it was written, nothing open, nothing postponed, of this environment. Writes nothing.

use whimbrel::{Error, ErrorClass, ErrorKind, Standing};

use super::patient::Patient;
use super::{Check, Remedy, State};
use crate::advice;
use crate::output::{count, short};
use crate::verbs::status::moment;

/// Of migrations that are not sound only the rows are looked at.
pub(crate) async fn check(patient: &mut Patient<'_>, is_sound: bool) -> Check {
    let context = patient.context;
    // A database of another environment is looked at too: that it is one is what there is to say.
    let migrator = match context.migrator_of_any_environment() {
        Ok(migrator) => migrator,
        Err(failure) => {
            return Check::not_looked_at("history", failure.error.to_string())
                .remedied(Remedy::command(context.command("verify")));
        }
    };
    let history = match migrator.history(&mut patient.db).await {
        Ok(history) => history,
        Err(error) => return unreadable(patient, &error),
    };
    let mut check = Check::new("history");
    if history.exists() {
        let rows: usize = history.sets().map(|(_, set)| set.rows().len()).sum();
        check.add(State::Ok, format!("{} in {}", count(rows, "row"), context.settings.table.value));
    } else {
        check.add(State::Ok, format!("there is no {} yet", context.settings.table.value));
    }
    for broken in history.broken() {
        check.add(State::Wrong, broken.to_string());
    }
    if check.state == State::Wrong {
        check.remedy(Remedy::command(context.command("history --verify")).when("to see it"));
        check.remedy(
            Remedy::command(context.command("repair --reason '…'")).when("when you know who did it, and why"),
        );
    }
    environment(patient, history.environment(), &mut check);
    if !is_sound {
        return check;
    }
    let postponed = migrator.postponed(&mut patient.db).await.unwrap_or_default();
    match migrator.status(&mut patient.db).await {
        Ok(status) => {
            let entries = status.sets.iter().flat_map(|set| &set.entries);
            let open: Vec<_> = entries.filter(|entry| entry.standing == Standing::Open).collect();
            for entry in &open {
                let since = entry.at.as_deref().map(moment).unwrap_or_default();
                check.add(
                    State::Warning,
                    format!("{} was begun on {since} and is not known to be done", entry.label),
                );
            }
            if !open.is_empty() {
                match migrator.plan(&mut patient.db).await {
                    Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                        in_doubt(patient, &error, &mut check)
                    }
                    // What is postponed comes with remedies of its own.
                    _ if open.iter().all(|entry| postponed.iter().any(|it| it.label == entry.label)) => {}
                    _ => check.remedy(Remedy::command(context.command("up")).when("if nobody is at it")),
                }
            }
        }
        Err(error) => check.add(State::Ok, format!("what is open was not looked at: {error}")),
    }
    for postponed in postponed {
        check.add(
            State::Warning,
            format!(
                "{} has failed {}, last on {} (UTC), and is not tried again within {}",
                postponed.label,
                if postponed.failures == 1 {
                    "once".to_owned()
                } else {
                    format!("{} times", postponed.failures)
                },
                moment(&postponed.last),
                short(postponed.left),
            ),
        );
        check.remedy(Remedy::change("correct its file, as its error says; a changed file is tried at once"));
        let lock = match postponed.version {
            Some(version) => format!("lock --amend {version}"),
            None => "lock".to_owned(),
        };
        check.remedy(Remedy::command(context.command(&lock)));
        check.remedy(Remedy::command(context.command("up")));
    }
    check
}

fn in_doubt(patient: &Patient<'_>, error: &Error, check: &mut Check) {
    let statement = error.statement().map(|number| format!(", statement {number}")).unwrap_or_default();
    let label = error.migration().unwrap_or("a migration");
    check.add(State::Wrong, format!("{label}{statement}: no one can tell whether it took effect"));
    for command in advice::of(patient.context, "up", error) {
        let remedy = Remedy::command(command);
        let when = match &remedy.text {
            text if text.contains("--took-effect") => Some("if it did"),
            text if text.contains("--did-not") => Some("if it did not"),
            text if text.contains("--applied") => Some("if all of it is done"),
            text if text.contains("--undone") => Some("if nothing of it is left"),
            _ => Some("to see it"),
        };
        check.remedy(match when {
            Some(when) => remedy.when(when),
            None => remedy,
        });
    }
}

fn environment(patient: &Patient<'_>, recorded: Option<&str>, check: &mut Check) {
    let settings = &patient.context.settings;
    let configured = settings.environment.value.as_deref().filter(|_| settings.record_environment.value);
    match (recorded, configured) {
        (Some(recorded), Some(configured)) if recorded != configured => {
            check.add(
                State::Wrong,
                format!("the database belongs to environment {recorded}, and {configured} is configured"),
            );
            if settings.environments.iter().any(|name| name == recorded) {
                check.remedy(Remedy::command(patient.context.elsewhere(recorded, "doctor")));
            } else {
                check.remedy(Remedy::change(format!(
                    "name the database of {configured} in its table of whimbrel.toml"
                )));
            }
        }
        (Some(recorded), _) => check.add(State::Ok, format!("of environment {recorded}")),
        (None, _) => {}
    }
}

fn unreadable(patient: &Patient<'_>, error: &Error) -> Check {
    let check = Check::wrong("history", error.to_string());
    if error.class() == Some(ErrorClass::Permission) {
        return check.remedied(Remedy::change("do what `privileges` says"));
    }
    let said = error.notes().filter(|(name, _)| *name == "next").map(|(_, text)| text.to_owned());
    let all: Vec<String> = said.collect();
    let mut check = check;
    all.iter().for_each(|text| check.remedy(Remedy::of_advice(text)));
    if check.remedy.is_empty() {
        check.remedy(Remedy::command(patient.context.command("history")));
    }
    check
}
