//! Which configuration counts, and whether what it refers to can be read. Shows places, and no secret.

use whimbrel::SecretReference;

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
                        Remedy::command(format!("whimbrel -e {name} doctor"))
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
                remedy_of(&secret.value, "…")
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
        && reference.secret().is_err()
    {
        remedies.extend(remedy_of(reference, "postgres://USER@HOST/DATABASE"));
    }
    if let Setting { value: Some(reference), .. } = &context.settings.password
        && reference.secret().is_err()
    {
        remedies.extend(remedy_of(reference, "…"));
    }
    remedies
}

fn remedy_of(reference: &SecretReference, example: &str) -> Option<Remedy> {
    match reference {
        SecretReference::Env(name) => {
            Some(Remedy::command(format!("export {name}='{example}'")).when("with what it really is"))
        }
        SecretReference::File(path) if path.exists() => {
            let path = crate::context::quoted(&path.display().to_string());
            Some(Remedy::command(format!("chmod 600 {path}")).when("if others can read it"))
        }
        SecretReference::File(path) => {
            let path = crate::context::quoted(&path.display().to_string());
            Some(
                Remedy::command(format!("(umask 077; printf %s '{example}' > {path})"))
                    .when("with what it really is"),
            )
        }
        _ => None,
    }
}
