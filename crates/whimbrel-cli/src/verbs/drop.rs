//! `whimbrel drop`: removes the database, for development.

use clap::Args;
use serde_json::json;
use whimbrel::{Error, Migrator};

use super::status;
use crate::answer::{Answer, Failure};
use crate::confirm;
use crate::context::Context;
use crate::database::{Address, Connection, whole};
use crate::exit::Code;

/// Removes the database with everything in it (development)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  whimbrel drop")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// That it is meant.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Consent {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Also on another machine
    #[arg(long)]
    pub(crate) remote: bool,
    /// Also where whimbrel.toml does not say `development = true`
    #[arg(long)]
    pub(crate) any_environment: bool,
    /// PostgreSQL: end the connections of others
    #[arg(long)]
    pub(crate) force: bool,
}

impl Consent {
    /// The verb with what was said already.
    fn words(self, verb: &str) -> String {
        let said = [
            (self.yes, " --yes"),
            (self.remote, " --remote"),
            (self.any_environment, " --any-environment"),
            (self.force, " --force"),
        ];
        said.iter().filter(|(is_said, _)| *is_said).fold(verb.to_owned(), |words, (_, word)| words + word)
    }
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    let address = context.address()?;
    let gone = remove(context, &address, arguments.consent, "drop").await?;
    let shown = address.shown();
    let text = if gone { format!("dropped {shown}") } else { format!("there is no {shown}") };
    Ok(Answer::new(text, json!({ "dropped": gone })))
}

/// Refuses what is not to be removed, whatever is answered.
pub(crate) fn allow(
    context: &Context,
    address: &Address,
    consent: Consent,
    verb: &str,
) -> Result<(), Failure> {
    refuse_remote(context, address, consent.remote, &consent.words(verb))?;
    whole::check(address)?;
    if context.settings.config.value.is_some()
        && !context.settings.development.value
        && !consent.any_environment
    {
        let name = context.settings.environment.value.as_deref().unwrap_or("this environment");
        let failure = if context.global.url.is_some() {
            Failure::of(Code::Refused, "--url names a database that no file marks as one for development")
        } else {
            Failure::of(Code::Refused, format!("{name} is not marked as one for development"))
                .with_next("write `development = true` into its table in whimbrel.toml")
        };
        return Err(failure.with_next(format!(
            "or, this once: {}",
            context.command(&format!("{} --any-environment", consent.words(verb)))
        )));
    }
    Ok(())
}

/// Shows what would be lost, asks, and removes it.
pub(crate) async fn remove(
    context: &Context,
    address: &Address,
    consent: Consent,
    verb: &str,
) -> Result<bool, Failure> {
    allow(context, address, consent, verb)?;
    let mut shown = format!("{} and everything in it would be lost", address.shown());
    match context.connect().await {
        Ok(mut db) => {
            refuse_environment(context, &mut db, consent, verb, &mut shown).await?;
            // That the files are refused is no matter here.
            if let Ok(found) = context.migrator_of_any_environment()?.status(&mut db).await {
                let (at, open, pending) = status::summary(&found);
                let state = status::sentence(at.as_deref(), open.as_deref(), pending);
                shown.push_str(&format!("\nit is {state}"));
            }
        }
        // What is not there belongs to nobody; what cannot be connected to may still have to be removed.
        Err(failure) if !consent.any_environment && whole::is_there(address).await? => {
            return Err(unread(context, consent, verb, &failure.error));
        }
        Err(_) => {}
    }
    let how = context.command(&format!("{} --yes", consent.words(verb)));
    confirm::confirm(context, &shown, "Remove it?", consent.yes, &how).await?;
    Ok(whole::remove(address, consent.force).await?)
}

/// Refuses a database that belongs to another environment. Who it belongs to is in the history, whatever the files are; what
/// cannot be read belongs to anybody.
async fn refuse_environment(
    context: &Context,
    db: &mut Connection,
    consent: Consent,
    verb: &str,
    shown: &mut String,
) -> Result<(), Failure> {
    let history =
        Migrator::new(context.directory()).with_table(context.settings.table.value.clone()).history(db).await;
    let environment = history.as_ref().ok().and_then(|history| history.environment());
    if let Some(environment) = environment {
        shown.push_str(&format!("\nit belongs to the environment {environment}"));
    }
    match (&history, environment, &context.settings.environment.value) {
        _ if consent.any_environment => Ok(()),
        (Err(error), ..) => Err(unread(context, consent, verb, error)),
        // The row that would say so may be the one that cannot be read.
        (Ok(history), ..) if history.broken().any(|row| row.set == "*" || row.column.is_some()) => {
            let wrong = history.broken().next().map(ToString::to_string).unwrap_or_default();
            let headline = format!("whom this database belongs to cannot be told: {wrong}");
            Err(of_others(context, consent, verb, headline))
        }
        (_, Some(is), Some(meant)) if is != meant => {
            let headline = format!("this database belongs to the environment {is}");
            Err(of_others(context, consent, verb, headline))
        }
        _ => Ok(()),
    }
}

fn unread(context: &Context, consent: Consent, verb: &str, error: &Error) -> Failure {
    let headline = format!("whom this database belongs to cannot be read: {error}");
    of_others(context, consent, verb, headline)
}

fn of_others(context: &Context, consent: Consent, verb: &str, headline: String) -> Failure {
    let all_the_same = context.command(&format!("{} --any-environment", consent.words(verb)));
    Failure::of(Code::Refused, headline)
        .with_next(context.command("config"))
        .with_next(format!("if it is to go all the same: {all_the_same}"))
}

/// Refuses a database on another machine, unless that is meant.
pub(crate) fn refuse_remote(
    context: &Context,
    address: &Address,
    remote: bool,
    verb: &str,
) -> Result<(), Failure> {
    if address.is_local() || remote {
        return Ok(());
    }
    Err(Failure::of(Code::Refused, format!("{} is on another machine", address.shown()))
        .with_next(format!("if that is meant: {}", context.command(&format!("{verb} --remote")))))
}
