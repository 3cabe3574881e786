//! Which configuration counts, and whether what it refers to can be read. Shows places, and no secret.

use whimbrel::{SecretReference, UrlError};

use super::{Check, Remedy, State};
use crate::context::Context;
use crate::settings::{Place, Setting};

pub(crate) fn check(context: &Context) -> Check {
    let settings = &context.settings;
    let file = match &settings.config.value {
        Some(path) => path.display().to_string(),
        None => "no whimbrel.toml".to_owned(),
    };
    let environment = match &settings.environment.value {
        Some(name) => format!("environment {name} ({})", settings.environment.origin),
        None => "no environment".to_owned(),
    };
    let place = match &settings.database.value {
        Some(place) => format!("database {place} ({})", settings.database.origin),
        None => "no database".to_owned(),
    };
    let mut check = Check::ok("configuration", format!("{file}; {environment}; {place}"));
    if let Err(failure) = context.address() {
        check.add(State::Wrong, failure.error.to_string());
        let remedies = of_reference(context);
        if remedies.is_empty() {
            let said = failure.error.notes().filter(|(name, _)| *name == "next").map(|(_, text)| text);
            let said: Vec<String> = said.map(str::to_owned).chain(failure.next.clone()).collect();
            said.iter().for_each(|text| check.remedy(Remedy::of_advice(text)));
            if settings.database.value.is_none() && settings.config.value.is_none() {
                check.remedy = vec![
                    Remedy::command("export DATABASE_URL='sqlite:app.db'").when("with what it really is"),
                ];
            }
            if settings.database.value.is_none() && settings.environment.value.is_none() {
                for name in &settings.environments {
                    check.remedy(
                        Remedy::command(context.elsewhere(name, "doctor"))
                            .when(format!("if {name} is meant")),
                    );
                }
            }
        }
        remedies.into_iter().for_each(|remedy| check.remedy(remedy));
    }
    for (name, secret) in &settings.secrets {
        if let Err(error) = secret.value.secret() {
            check.add(State::Warning, format!("secret {name}, {}: {error}", secret.value));
            check.remedy(
                remedy_of(&secret.value, &error, "…")
                    .unwrap_or_else(|| Remedy::change(format!("put it into {}", secret.value))),
            );
        }
    }
    check
}

/// What to do about references that cannot be read.
fn of_reference(context: &Context) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    if let Setting { value: Some(Place::Reference(reference)), .. } = &context.settings.database
        && let Err(error) = reference.secret()
    {
        remedies.extend(remedy_of(reference, &error, "postgres://USER@HOST/DATABASE"));
    }
    if let Setting { value: Some(reference), .. } = &context.settings.password
        && let Err(error) = reference.secret()
    {
        remedies.extend(remedy_of(reference, &error, "…"));
    }
    remedies
}

fn remedy_of(reference: &SecretReference, error: &UrlError, example: &str) -> Option<Remedy> {
    let SecretReference::File(path) = reference else {
        let SecretReference::Env(name) = reference else { return None };
        return Some(Remedy::command(format!("export {name}='{example}'")).when("with what it really is"));
    };
    let path = crate::context::quoted(&path.display().to_string());
    Some(if error.is_missing() {
        Remedy::command(format!("(umask 077; printf %s '{example}' > {path})")).when("with what it really is")
    } else if error.is_exposed() && error.to_string().contains("another user") {
        Remedy::command(format!("chown \"$(id -u)\" {path}")).when("as the one who owns it, or root")
    } else if error.is_exposed() {
        Remedy::command(format!("chmod 600 {path}")).when("since others can read or change it")
    } else {
        let error = error.to_string();
        Remedy::change(error.rsplit(": ").next().unwrap_or_default())
    })
}
