//! `whimbrel reset`: removes the database, makes it anew, and applies everything; for development.

use std::hash::{BuildHasher, Hasher, RandomState};

use clap::Args;

use whimbrel::{Goal, Kind, Plan, PlanItem};

use super::drop::{self as removal, Consent};
use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::database::{Address, Connection, whole};
use crate::exit::Code;
use crate::output::safe::shown;
use crate::relock::Relocked;
use crate::{output, sets};

/// Removes the database, makes it anew and applies everything (development)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples, while migrations are being written:\n  whimbrel reset --yes\n  whimbrel reset --relock       what was edited is locked first"
)]
pub(crate) struct Arguments {
    /// Lock whatever has changed first; only where whimbrel.toml says `development = true` and nobody signs
    #[arg(long)]
    relock: bool,
    #[command(flatten)]
    consent: Consent,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Answer, Failure> {
    context.say(if arguments.relock { " --relock".to_owned() } else { String::new() });
    carry_out(context, arguments.consent, arguments.relock).await
}

pub(crate) async fn carry_out(context: &Context, consent: Consent, relock: bool) -> Result<Answer, Failure> {
    let verb = if relock { "reset --relock" } else { "reset" };
    let address = context.address()?;
    // As they were, the manifests come back if anything is refused before the database is removed.
    let relocked = if relock { Some(Relocked::write(context)?) } else { None };
    // What the gate would refuse afterwards it refuses before anything is lost.
    sets::pass(context).await?;
    // Nor is anything lost that could not be made again.
    removal::allow(context, &address, consent, verb)?;
    whole::check_can_create(&address).await?;
    let plan = beforehand(context, &address).await?;
    let lines = relocked.as_ref().map(|relocked| relocked.lines.clone()).unwrap_or_default();
    if context.is_for_people() && !consent.yes {
        lines.iter().for_each(|line| output::err(&shown(line)));
    }
    removal::remove(context, &address, consent, verb).await?;
    if let Some(relocked) = relocked {
        relocked.keep();
    }
    let again = async {
        whole::create(&address).await?;
        let mut db = context.connect_to_write().await?;
        // Who has agreed to lose everything has agreed to what the scripts lose of nothing.
        Ok::<_, Failure>(context.migrator()?.with_approval(*plan.digest()).run(&mut db).await?)
    };
    let report = again.await.map_err(|failure| {
        failure
            .with_note("state", "the database was removed before; what was to be made anew is not all there")
    })?;
    let mut answer = super::up::answer(&report);
    if !lines.is_empty() && consent.yes {
        let lines: Vec<String> = lines.iter().map(|line| shown(line)).collect();
        answer.text = format!("{}\n{}", lines.join("\n"), answer.text);
    }
    Ok(answer)
}

/// What would be applied to an empty database, found out before anything is lost: on one that is made for it, and goes again.
async fn beforehand(context: &Context, address: &Address) -> Result<Plan, Failure> {
    let url = match address {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(_) => {
            return imagine(context, Connection::Sqlite(whimbrel_sqlite::Sqlite::in_memory()?)).await;
        }
        #[cfg(not(feature = "sqlite"))]
        Address::Sqlite(_) => {
            return Err(Failure::of(Code::Usage, "this `whimbrel` was built without sqlite"));
        }
        Address::Server(url) => url,
    };
    let name = format!("whimbrel_reset_{:016x}", RandomState::new().build_hasher().finish());
    let beside = Address::Server(url.clone().with_database(&*name));
    if !whole::create(&beside).await? {
        return Err(Failure::of(Code::Refused, format!("there is a database {name} already")));
    }
    // Whatever comes of it, what was made goes again.
    let planned = match Connection::open(&beside, false).await {
        Ok(db) => imagine(context, db).await,
        Err(error) => Err(error.into()),
    };
    match (planned, whole::remove(&beside, true).await) {
        (planned, Ok(_)) => planned,
        (planned, Err(error)) => {
            let failure = planned.err().unwrap_or_else(|| error.into());
            Err(failure.with_note("left", format!("the empty database {name}: drop it")))
        }
    }
}

/// What would be applied there. Nothing of it is a step that only the application can run.
async fn imagine(context: &Context, mut db: Connection) -> Result<Plan, Failure> {
    let plan = context.migrator()?.plan_for(&mut db, Goal::Latest).await?;
    let is_step = |item: &&PlanItem| item.migration().is_some_and(|migration| migration.kind() != Kind::Sql);
    match plan.items().iter().find(is_step) {
        None => Ok(plan),
        Some(step) => {
            let label = step.label();
            let headline =
                format!("{label} is a step in Rust, which only the application can run; nothing was changed");
            Err(Failure::of(Code::Refused, headline)
                .with_next(context.command("drop"))
                .with_next("then start the application, which builds everything"))
        }
    }
}
