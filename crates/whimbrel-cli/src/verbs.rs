//! The verbs, a file each. This one only knows which there are.

pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod create;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod drop;
pub(crate) mod history;
pub(crate) mod init;
#[cfg(feature = "policy")]
pub(crate) mod lint;
pub(crate) mod lock;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod redo;
pub(crate) mod repair;
pub(crate) mod report;
pub(crate) mod reset;
pub(crate) mod settle;
#[cfg(feature = "sign")]
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod wait;

use crate::advice;
use crate::answer::{Answer, Failure};
use crate::arguments::Verb;
use crate::context::Context;
use crate::exit::Code;

macro_rules! verbs {
    ($($(#[$cfg:meta])* $verb:ident => $module:ident),* $(,)?) => {
        /// The verb's name.
        pub(crate) fn name(verb: &Verb) -> &'static str {
            match verb { $($(#[$cfg])* Verb::$verb(_) => stringify!($module)),* }
        }

        async fn carry_out(context: &Context, verb: Verb) -> Result<Answer, Failure> {
            match verb { $($(#[$cfg])* Verb::$verb(arguments) => $module::run(context, arguments).await),* }
        }
    };
}

verbs! {
    Init => init,
    New => new,
    Lock => lock,
    Merge => merge,
    #[cfg(feature = "sign")]
    Sign => sign,
    Verify => verify,
    #[cfg(feature = "policy")]
    Lint => lint,
    Status => status,
    Plan => plan,
    Up => up,
    Down => down,
    Redo => redo,
    Check => check,
    Wait => wait,
    Baseline => baseline,
    History => history,
    Settle => settle,
    Repair => repair,
    Report => report,
    Create => create,
    Drop => drop,
    Reset => reset,
    Doctor => doctor,
    Config => config,
    Completions => completions,
    Man => man,
}

/// Carries out a verb. When it fails, says what to type next.
pub(crate) async fn run(context: &Context, verb: Verb) -> Result<Answer, Failure> {
    let name = name(&verb);
    match context.interrupts.interruptible(carry_out(context, verb)).await {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(failure)) => {
            let mut next = advice::of(context, name, &failure.error);
            if next.is_empty() && !failure.error.notes().any(|(note, _)| note == "next") {
                next.push(advice::last_resort(context, name, failure.code));
            }
            Err(failure.advised(next))
        }
        None if context.interrupts.is_patient() => Err(broken_off(context, name).await),
        None => Err(context.interrupts.broken_off()),
    }
}

/// Says how the database stands after work on it was broken off.
async fn broken_off(context: &Context, name: &str) -> Failure {
    let failure = Failure::of(Code::Aborted, format!("{name} was broken off"));
    let again = context.again(name, "");
    let looked = async {
        let mut db = context.connect().await.ok()?;
        let migrator = context.migrator().ok()?;
        Some(migrator.status(&mut db).await.map(|status| (status, migrator)))
    };
    // The server may still be at the statement that was broken off.
    match tokio::time::timeout(LOOKING, looked).await {
        Ok(Some(Ok((status, _)))) => {
            let (at, open, pending) = status::summary(&status);
            let failure =
                failure.with_note("state", status::sentence(at.as_deref(), open.as_deref(), pending));
            match open {
                Some(_) => failure.with_next(again).with_next(context.command("settle")),
                None => failure.with_next(again),
            }
        }
        _ => failure
            .with_note("state", "the database could not be looked at; the history there knows what was done")
            .with_next(context.command("status")),
    }
}

/// How long the look after a break may take: whoever breaks off does not want to wait.
const LOOKING: std::time::Duration = std::time::Duration::from_secs(2);
